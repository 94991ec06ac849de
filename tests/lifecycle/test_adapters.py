"""An ASGI app that an adapter serves under gunicorn starts and stops with each worker."""

from __future__ import annotations

import pytest

from ..support.server_command import started_by
from ..support.waiting import wait_for

APP = "tests.lifecycle.adapted_app:app"


@pytest.mark.parametrize("options", ["", "-k gthread --preload", "-k gevent"])
def test_an_adapted_app_starts_and_stops_with_its_worker(options: str) -> None:
    line = f"gunicorn -b {{bind}} -w 2 {options} -c python:dualapp.gunicorn {APP}"
    with started_by(line, "gunicorn gevent") as server:
        wait_for(lambda: server.output.count("startup of the ASGI app") == 2)  # nobody has asked it for anything
        server.stop()
        assert server.output.count("shutdown of the ASGI app") == 2
