"""Each server can be told that the app lives below /mount: each tells the app in its own way, with the same result."""

import json

import pytest

from tests.support.server_command import started_by

from .asks import get
from .ways import over_a_socket

MOUNTED = [
    "gunicorn -b {bind} --env SCRIPT_NAME=/mount tests.servers.app:app",
    "gunicorn -b {bind} -k asgi --root-path /mount tests.servers.app:app",
    "uvicorn --port {port} --root-path /mount tests.servers.app:app",
    "hypercorn -b {bind} --root-path /mount asgi:tests.servers.app:app",
    "hypercorn -b {bind} --root-path /mount wsgi:tests.servers.app:app",
    "granian --port {port} --interface asgi --url-path-prefix /mount tests.servers.app:app",
    "granian --port {port} --interface wsgi --url-path-prefix /mount tests.servers.app:app",
    "waitress-serve --listen={bind} --url-prefix=/mount tests.servers.app:app",
]


@pytest.mark.parametrize("line", MOUNTED)
def test_mounted(line: str) -> None:
    # uvicorn's --root-path is for a proxy that takes it off; the others are asked for the whole path.
    sent = "" if line.startswith("uvicorn") else "/mount"
    with started_by(line) as server:
        for colour in ("sync", "async"):
            echoed = json.loads(over_a_socket(server.port, get(f"{sent}/{colour}/echo?a=1")).body)
            assert echoed["root_path"] == "/mount"
            assert echoed["path"] == f"/{colour}/echo"
            assert echoed["url"] == f"http://localhost/mount/{colour}/echo?a=1"
            redirect = over_a_socket(server.port, get(f"{sent}/{colour}/folder"))
            assert redirect["location"] == f"http://localhost/mount/{colour}/folder/"
