"""WebTest's client, which checks each request and response against PEP 3333 (`lint`) and fills in the forms of pages.

What it is shown of an app is what it is shown of the same app in plain Flask.
"""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
import webtest
from flask.logging import default_handler

from dualapp import DualApp, flash, redirect, render_template_string, request, send_file, session, url_for

from ..conftest import Serve

FORM = """
<p>{{ get_flashed_messages() | join }}</p>
<form id="add" method="post" action="{{ url_for('add') }}" enctype="multipart/form-data">
  <input type="hidden" name="token" value="{{ session.token }}">
  <input name="title"><input type="file" name="file"><select name="kind"><option>a<option selected>b</select>
  <button name="go" value="now">Go</button>
</form>
<a href="{{ url_for('add') }}">again</a>
"""


def pages(app: DualApp) -> None:
    app.secret_key = "of these tests"

    @app.get("/")
    async def index():
        session["token"] = "t0k"
        return await render_template_string(FORM)

    @app.post("/add")
    async def added():
        form, files = await request.form, await request.files
        if form["token"] != session["token"]:
            return "forged", 403
        file = files["file"]
        sent = [form["title"], form["kind"], form["go"], file.filename, file.read().decode()]
        await flash(", ".join(sent))
        return redirect(url_for("index"))

    @app.get("/add")
    async def add():
        return "to be posted"

    @app.put("/json")
    async def sent_json():
        return {"got": await request.get_json()}, 201

    @app.get("/stream")
    async def stream():
        async def words():
            for word in ("one ", "two"):
                yield word

        return words(), {"Content-Type": "text/plain"}

    @app.get("/whose")
    async def whose():
        headers = request.headers
        return {"user": request.remote_user, "agent": headers["User-Agent"], "xhr": "X-Requested-With" in headers}

    @app.get("/log")
    async def log():
        app.logger.warning("careful")
        return "logged"

    @app.get("/fail")
    async def fail():
        raise LookupError("on purpose")

    @app.delete("/gone")
    async def gone():
        return "", 204

    @app.get("/file")
    async def file():
        return await send_file(io.BytesIO(b"from memory"), "text/plain")


@pytest.fixture(params=["def", "async", "flask"])
def client(request: pytest.FixtureRequest) -> Iterator[webtest.TestApp]:
    served = Serve("wsgi", request.param)(pages)
    app = served.twin.app if request.param == "flask" else served.app
    app.logger.addHandler(default_handler)  # which Flask leaves out where pytest listens
    yield webtest.TestApp(app, lint=True)
    app.logger.removeHandler(default_handler)


def test_a_form_is_filled_in_and_sent(client: webtest.TestApp) -> None:
    form = client.get("/").forms["add"]
    form["title"], form["file"] = "ü", webtest.Upload("a.txt", b"text")
    answer = form.submit("go", value="now")
    assert (answer.status_int, answer.location) == (302, "/")
    answer.follow().mustcontain("<p>ü, b, now, a.txt, text</p>")


def test_a_forged_form(client: webtest.TestApp) -> None:
    form = client.get("/").forms["add"]
    form["token"] = "forged"
    assert form.submit("go", status=403).text == "forged"


def test_links_are_followed(client: webtest.TestApp) -> None:
    assert client.get("/").click("again").text == "to be posted"
    client.get("/missing", status=404)
    client.post("/stream", status=405)


def test_json(client: webtest.TestApp) -> None:
    answer = client.put_json("/json", ["ü", None], status=201)
    assert answer.json == {"got": ["ü", None]}
    client.put("/json", "text", status=415)


def test_bodies_of_each_kind(client: webtest.TestApp) -> None:
    assert client.get("/stream").text == "one two"
    assert client.get("/file").body == b"from memory"
    assert client.head("/file").content_length == 11
    with pytest.warns(webtest.lint.WSGIWarning, match="Content-Type header found in a 204 response"):
        assert client.delete("/gone").status_int == 204


def test_the_environ_of_a_test(client: webtest.TestApp) -> None:
    answer = client.get("/whose", xhr=True, headers={"User-Agent": "w"}, extra_environ={"REMOTE_USER": "ann"})
    assert answer.json == {"user": "ann", "agent": "w", "xhr": True}


def test_what_is_logged_is_an_error_of_the_test(client: webtest.TestApp) -> None:
    with pytest.raises(webtest.AppError, match="careful"):
        client.get("/log")
    answer = client.get("/fail", expect_errors=True)
    assert (answer.status_int, "LookupError: on purpose" in answer.errors) == (500, True)
