"""Commands that give a server the entry of another protocol: one line of its output says which command is right."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.http_client import ask
from tests.support.server_command import skip_unless_installed, started_by
from tests.support.server_process import HOST, ROOT, free_port
from tests.support.waiting import LIMIT, wait_for

#: By what is typed, what should have been; each of these servers ends.
ENDING = {
    "uvicorn --port {port} examples.basic:app.wsgi": "uvicorn --port {port} examples.basic:app.asgi",
    "gunicorn -b {bind} -k asgi examples.basic:app.wsgi": "gunicorn -b {bind} -k asgi examples.basic:app.asgi",
    "gunicorn -b {bind} -k uvicorn.workers.UvicornWorker examples.basic:app.wsgi": (
        "gunicorn -b {bind} -k uvicorn.workers.UvicornWorker examples.basic:app.asgi"
    ),
    "hypercorn -b {bind} asgi:examples.basic:app.wsgi": "hypercorn -b {bind} asgi:examples.basic:app.asgi",
    "granian --interface asgi --port {port} examples.basic:app.wsgi": (
        "granian --interface asgi --port {port} examples.basic:app.asgi"
    ),
    "granian --port {port} examples.basic:app": "granian --interface asgi --port {port} examples.basic:app",
    "granian --port {port} examples.basic:app.asgi": "granian --interface asgi --port {port} examples.basic:app.asgi",
    "granian --port {port} examples.basic:app.wsgi": "granian --interface wsgi --port {port} examples.basic:app.wsgi",
}

#: The same of servers that call nothing before the first request, which they answer with a 500.
FAILING = {
    "gunicorn -b {bind} examples.basic:app.asgi": "gunicorn -b {bind} examples.basic:app.wsgi",
    "gunicorn -b {bind} -k gthread examples.basic:app.asgi": "gunicorn -b {bind} -k gthread examples.basic:app.wsgi",
    "gunicorn -b {bind} -k gevent examples.basic:app.asgi": "gunicorn -b {bind} -k gevent examples.basic:app.wsgi",
    "hypercorn -b {bind} wsgi:examples.basic:app.asgi": "hypercorn -b {bind} wsgi:examples.basic:app.wsgi",
    "granian --interface wsgi --port {port} examples.basic:app.asgi": (
        "granian --interface wsgi --port {port} examples.basic:app.wsgi"
    ),
    "waitress-serve --listen={bind} examples.basic:app.asgi": "waitress-serve --listen={bind} examples.basic:app.wsgi",
    "uvicorn --lifespan off --port {port} examples.basic:app.wsgi": (
        "uvicorn --lifespan off --port {port} examples.basic:app.asgi"
    ),
}


def says(output: str, command: str) -> bool:
    return any(line.rstrip(".'").endswith(f"un `{command}`") for line in output.splitlines())


@pytest.mark.parametrize("line", ENDING)
def test_a_server_that_starts_with_the_wrong_entry_ends(line: str) -> None:
    skip_unless_installed("gunicorn uvicorn" if "uvicorn.workers" in line else line.split()[0])
    port = free_port()
    where = {"port": port, "bind": f"{HOST}:{port}"}
    program, *arguments = shlex.split(line.format(**where))
    ended = subprocess.run(
        [Path(sys.executable).with_name(program), *arguments],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=LIMIT,
        check=False,
    )
    assert says(ended.stdout, ENDING[line].format(**where)), ended.stdout


@pytest.mark.parametrize("line", FAILING)
def test_a_server_that_calls_the_wrong_entry_logs_the_right_command(line: str) -> None:
    with started_by(line, "gunicorn gevent" if "gevent" in line else "") as server:
        assert ask(server.url, "/").status == 500
        command = FAILING[line].format(port=server.port, bind=f"{HOST}:{server.port}")
        wait_for(lambda: says(server.output, command), because=lambda: server.output)
