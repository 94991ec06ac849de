"""The commands of the README, word for word, from the project's root, with nothing added but where to listen."""

import pytest

from tests.support.http_client import ask
from tests.support.server_command import started_by

WHERE = {
    "gunicorn": "--bind {bind}",
    "uvicorn": "--port {port}",
    "hypercorn": "--bind {bind}",
    "granian": "--port {port}",
    "waitress-serve": "--listen={bind}",
    "flask": "--port {port}",
}

COMMANDS = [
    "gunicorn examples.basic:app.wsgi",
    "gunicorn examples.basic:app",
    "gunicorn --preload examples.basic:app.wsgi",
    "gunicorn -k asgi examples.basic:app",
    "gunicorn -k asgi examples.basic:app.asgi",
    "uvicorn examples.basic:app",
    "uvicorn examples.basic:app.asgi",
    "hypercorn examples.basic:app",
    "hypercorn asgi:examples.basic:app.asgi",
    "hypercorn wsgi:examples.basic:app.wsgi",
    "granian --interface asgi examples.basic:app",
    "granian --interface wsgi examples.basic:app",
    "granian --interface asgi examples.basic:app.asgi",
    "granian --interface wsgi examples.basic:app.wsgi",
    "waitress-serve examples.basic:app",
    "waitress-serve examples.basic:app.wsgi",
    pytest.param("flask --app examples.basic run", id="werkzeug: flask --app examples.basic run"),
]


@pytest.mark.parametrize("line", COMMANDS)
def test_command(line: str) -> None:
    program, _, arguments = line.partition(" ")
    # waitress-serve takes no option after the app, flask none before its command.
    given = [arguments, WHERE[program]] if program == "flask" else [WHERE[program], arguments]
    with started_by(" ".join([program, *given])) as server:
        assert ask(server.url, "/").status == 200
    assert "Traceback" not in server.output
