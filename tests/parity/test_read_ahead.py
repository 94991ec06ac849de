"""`@read_ahead(bytes)`: how large a body may be that sync code of one async view finds."""

from __future__ import annotations

from functools import wraps
from typing import Any

import flask
import pytest
from flask.views import MethodView, View

from dualapp import Blueprint, DualApp, read_ahead, request

from ..conftest import Serve

LONG = 100_000


def reading(app: DualApp) -> None:
    app.config["PROPAGATE_EXCEPTIONS"] = True

    def size():
        return str(len(flask.request.get_data()))

    def wrapping(view):
        @wraps(view)
        async def async_wrapper(*args: Any, **kwargs: Any) -> Any:
            return await view(*args, **kwargs)

        return async_wrapper

    @app.post("/plain")
    async def async_plain():
        return size()

    @app.post("/more")
    @read_ahead(LONG)
    async def async_more():
        return size()

    @read_ahead(LONG)
    @app.post("/above")
    async def async_above():
        return size()

    @app.post("/wrapped")
    @wrapping
    @read_ahead(LONG)
    async def async_wrapped():
        return size()

    @app.post("/less")
    @read_ahead(10)
    async def async_less():
        return size()

    @app.post("/none")
    @read_ahead(0)
    async def async_none():
        return size()

    @app.post("/awaited")
    @read_ahead(10)
    async def awaited():
        return str(len(await request.get_data()))

    class Methods(MethodView):
        @read_ahead(LONG)
        async def async_post(self):
            return size()

        post = async_post

    app.add_url_rule("/methods", view_func=Methods.as_view("methods"))

    class One(View):
        methods = ["POST"]  # noqa: RUF012 - as in Flask
        decorators = [read_ahead(LONG)]  # noqa: RUF012 - as in Flask

        async def async_dispatch_request(self):
            return size()

        dispatch_request = async_dispatch_request

    app.add_url_rule("/one", view_func=One.as_view("one"))
    pages = Blueprint("pages", __name__)

    @pages.post("/page")
    @read_ahead(LONG)
    async def async_page():
        return size()

    app.register_blueprint(pages)


@pytest.mark.parametrize("path", ["/more", "/above", "/wrapped", "/methods", "/one", "/page", "/awaited"])
def test_a_view_has_more_read_ahead(serve: Serve, path: str) -> None:
    client = serve(reading, twin=False)
    assert client.post(path, body=b"x" * LONG).text == str(LONG)
    assert client.post(path, body=b"x").text == "1"
    assert client.post(path).text == "0"


@pytest.mark.parametrize(("path", "most"), [("/plain", 64 * 1024), ("/more", LONG), ("/less", 10), ("/none", 0)])
def test_one_byte_more_is_an_error_that_says_what_to_do(serve: Serve, path: str, most: int) -> None:
    client = serve(reading, twin=False)
    assert client.post(path, body=b"x" * most).text == str(most)
    error = str(client.post(path, body=b"x" * (most + 1), escapes=True).error)
    assert "@read_ahead(bytes)" in error
    assert "BODY_READ_AHEAD" in error
    assert "await request.form" in error


def test_a_form_and_its_files(serve: Serve) -> None:
    """What an extension reads that was written for Flask."""

    def build(app: DualApp) -> None:
        @app.post("/")
        @read_ahead(1024 * 1024)
        async def async_index():
            files = {name: len(file.read()) for name, file in flask.request.files.items()}
            return {"form": flask.request.form.to_dict(), "files": files}

    head = b'--b\r\nContent-Disposition: form-data; name="text"\r\n\r\nshort\r\n'
    file = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n' + b"x" * 600_000
    answer = serve(build, twin=False).post(
        "/", [("Content-Type", "multipart/form-data; boundary=b")], head + file + b"\r\n--b--\r\n"
    )
    assert answer.json() == {"form": {"text": "short"}, "files": {"file": 600_000}}


def test_the_number_of_bytes_must_be_given() -> None:
    with pytest.raises(TypeError, match=r"@read_ahead\(1024"):
        read_ahead(reading)  # type: ignore[arg-type]  # what is to be refused
