"""The commands of the servers that websockets are tested on."""

from __future__ import annotations

APP = "tests.servers.websocket_app:app"
GUNICORN = "gunicorn -b {bind}"

#: Those of which the connection is taken over: the command, and what it needs.
WSGI = {
    "gunicorn-sync": (f"{GUNICORN} {APP}", "gunicorn"),
    "gunicorn-gthread": (f"{GUNICORN} -k gthread --threads 4 -c python:dualapp.gunicorn {APP}.wsgi", "gunicorn"),
    "gunicorn-preload": (f"{GUNICORN} -k gthread --threads 4 --preload {APP}", "gunicorn"),
    "gunicorn-gevent": (f"{GUNICORN} -k gevent {APP}", "gunicorn gevent"),
    "gevent-preload": (f"{GUNICORN} -k gevent --preload {APP}", "gunicorn gevent"),
    "gunicorn-pywsgi": (f"{GUNICORN} -k gevent_pywsgi {APP}", "gunicorn gevent"),
    "pywsgi": (f"python -m tests.support.pywsgi_server {{port}} {APP}", "gevent"),
    "waitress": (f"waitress-serve --listen={{bind}} {APP}.wsgi", "waitress"),
    "cheroot": (f"python -m cheroot --bind {{bind}} --threads 4 {APP}", "cheroot"),
    "werkzeug": (f"python -m tests.support.development_server {{port}} {APP}", "werkzeug"),
    "uwsgi": (
        "pyuwsgi --http-socket {bind} --enable-threads --threads 4 --die-on-term --need-app --module " + APP,
        "pyuwsgi",
    ),
}
WSGI["uwsgi-router"] = (WSGI["uwsgi"][0].replace("--http-socket {bind}", "--http {bind} --http-websockets"), "pyuwsgi")
#: Those that speak the protocol themselves.
ASGI = {
    "uvicorn": (f"uvicorn --host {{host}} --port {{port}} {APP}", "uvicorn"),
    "hypercorn": (f"hypercorn -b {{bind}} asgi:{APP}", "hypercorn"),
    "gunicorn-asgi": (f"{GUNICORN} -k asgi {APP}", "gunicorn"),
    "granian": (f"granian --host {{host}} --port {{port}} --interface asgi {APP}", "granian"),
}
SERVERS = WSGI | ASGI
