"""The servers that get the same requests, each as a user would start it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind of server: what it needs and how it starts, how many requests one process runs at once, and after
    which of the requests in KEPT it closes the connection, * for each."""

    command: str
    needs: str
    overlap: int = 4
    closes: str = ""


KINDS = {
    "gunicorn-sync": Kind("gunicorn -b {bind} tests.servers.app:app", "gunicorn", overlap=1, closes="*"),
    # Two processes: of four requests, one of them gets at least two.
    "gunicorn-gthread": Kind(
        "gunicorn -b {bind} -k gthread --workers 2 --threads 4 tests.servers.app:app", "gunicorn", overlap=2
    ),
    "gunicorn-gthread-preload": Kind(
        "gunicorn -b {bind} -k gthread --workers 2 --threads 4 --preload tests.servers.app:app", "gunicorn", overlap=2
    ),
    "gunicorn-asgi": Kind("gunicorn -b {bind} -k asgi tests.servers.app:app", "gunicorn"),
    "uvicorn-h11": Kind(
        "uvicorn --host {host} --port {port} --http h11 --loop asyncio tests.servers.app:app", "uvicorn h11"
    ),
    "uvicorn-httptools": Kind(
        "uvicorn --host {host} --port {port} --http httptools --loop uvloop tests.servers.app:app",
        "uvicorn httptools uvloop",
    ),
    "hypercorn-asgi": Kind("hypercorn -b {bind} asgi:tests.servers.app:app", "hypercorn"),
    "hypercorn-wsgi": Kind("hypercorn -b {bind} wsgi:tests.servers.app:app", "hypercorn"),
    "granian-asgi": Kind("granian --host {host} --port {port} --interface asgi tests.servers.app:app", "granian"),
    "granian-wsgi": Kind("granian --host {host} --port {port} --interface wsgi tests.servers.app:app", "granian"),
    "waitress": Kind(
        "waitress-serve --listen={bind} tests.servers.app:app",
        "waitress",
        # It closes after an answer without Content-Length.
        closes="no-content stream static-unchanged",
    ),
    "werkzeug": Kind("python -m tests.support.development_server {port} tests.servers.app:app", "werkzeug", closes="*"),
}
