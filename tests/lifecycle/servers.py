"""The servers of these tests, each as a user would start it, with what is to be served at the end of the line."""

from collections.abc import Mapping
from dataclasses import dataclass
from signal import Signals

from tests.support.server_command import started_by
from tests.support.server_process import Server
from tests.support.waiting import LIMIT, wait_for


@dataclass(frozen=True)
class Kind:
    """One kind of server, and what must be installed for it."""

    command: str
    needs: str

    def serve(self, target: str, environment: Mapping[str, str] | None = None) -> Server:
        """The server of this app, given as `module:name`; not started yet."""
        return started_by(self.command + target, self.needs, environment)


def gunicorn(options: str, needs: str = "gunicorn") -> Kind:
    return Kind(f"gunicorn -b {{bind}} {options} ", needs)


# Two processes where there can be two, four threads where there can be threads. One gevent worker: of two, gunicorn 27
# often ends one by force only, after 30 seconds, whatever app they serve.
GUNICORN = {
    "sync": gunicorn("-w 2 -k sync"),
    "gthread": gunicorn("-w 2 -k gthread --threads 4"),
    "gevent": gunicorn("-k gevent", "gunicorn gevent"),
}
PRELOADED = {
    "sync-preload": gunicorn("-w 2 -k sync --preload"),
    "gthread-preload": gunicorn("-w 2 -k gthread --threads 4 --preload"),
    "gevent-preload": gunicorn("-k gevent --preload", "gunicorn gevent"),
}
# gunicorn as it is in a project that does not have our gunicorn.conf.py.
BARE_CONFIG = "-c tests/lifecycle/bare.conf.py "
BARE = {f"{name}-bare": Kind(kind.command + BARE_CONFIG, kind.needs) for name, kind in GUNICORN.items()}
UWSGI = (
    "pyuwsgi --http-socket {bind} --master --processes 2 --enable-threads --threads 4 --die-on-term --need-app"
    # It closes each connection, but does not say so by itself.
    " --add-header 'Connection: close' --module "
)
OTHERS = {
    "waitress": Kind("waitress-serve --listen={bind} --threads 4 ", "waitress"),
    "werkzeug": Kind("python -m tests.support.development_server {port} ", "werkzeug"),
    # It forks in C, after it has loaded the app.
    "uwsgi": Kind(UWSGI, "pyuwsgi"),
    "cheroot": Kind("python -m cheroot --bind {bind} --threads 4 ", "cheroot"),
}
ASGI = {
    "uvicorn": Kind("uvicorn --port {port} ", "uvicorn"),
    "hypercorn": Kind("hypercorn -b {bind} asgi:", "hypercorn"),
    "granian": Kind("granian --port {port} --interface asgi ", "granian"),
    "gunicorn-asgi": gunicorn("-k asgi"),
    "uvicorn-worker": gunicorn("-k uvicorn.workers.UvicornWorker", "gunicorn uvicorn"),
}
WSGI = {**GUNICORN, **PRELOADED, **OTHERS}


def end(server: Server, number: Signals, requests: int = 1) -> int:
    """Send a signal to a server that has answered so many requests, and return its exit status."""
    # uWSGI ends a process that is busy without Python's exit functions, and it is busy until it has logged the request.
    wait_for(lambda: "pyuwsgi" not in server.command[0] or server.output.count("=> generated") >= requests)
    server.process.send_signal(number)
    return server.process.wait(LIMIT)
