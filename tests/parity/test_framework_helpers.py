"""Flask's and Quart's own helpers in one app: each used as its own documentation shows it."""

from __future__ import annotations

import asyncio
import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import flask
import flask.views
import pytest
import quart
import quart.signals
import quart.views

from dualapp import (
    DualApp,
)

from ..conftest import NAME, Serve
from ..support.waiting import LIMIT


def test_the_app_is_one_for_both(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return {
                "flask": flask.current_app._get_current_object() is app,
                "quart": quart.current_app._get_current_object() is app,
                "equal": quart.current_app == flask.current_app == app,
                "extensions": quart.current_app.extensions is app.extensions,
                "config": quart.current_app.config is app.config,
                "json": quart.current_app.json is app.json,
                "env": quart.current_app.jinja_env is app.jinja_env,
            }

    assert set(serve(build, twin=False).get("/").json().values()) == {True}


def flask_templates(app: DualApp) -> None:
    app.secret_key = "secret"
    app.jinja_env.globals["answer"] = 42

    @app.context_processor
    async def both():
        return {"who": flask.request.path}

    @app.get("/template/<name>")
    async def template(name):
        return flask.render_template("hello.html", name=name)

    @app.get("/string")
    async def string():
        return flask.render_template_string("{{ who }} {{ answer }} {{ g.x }} {{ config.TESTING }} {{ x }}", x="<")

    @app.get("/stream")
    async def stream():
        return flask.stream_template("stream.html", words=["one", "two"])

    @app.get("/stream-string")
    async def stream_string():
        return flask.stream_template_string("{% for x in words %}{{ x }} {{ request.path }} {% endfor %}", words="ab")


def test_flasks_templates(serve: Serve) -> None:
    def by_quart(app: DualApp) -> None:
        flask_templates(app)

    client = serve(flask_templates, twin=not serve.is_async)
    assert client.get("/template/ann").text == "<p>Hello, ann!</p>"
    assert client.get("/string").text == "/string 42  False &lt;"
    assert client.get("/stream").text.split() == ["one", "two", "/stream"]
    assert client.get("/stream-string").text == "a /stream-string b /stream-string "


def quart_templates(app: DualApp) -> None:
    app.jinja_env.globals["answer"] = 42

    @app.context_processor
    async def both():
        await asyncio.sleep(0)
        return {"who": quart.request.path}

    @app.template_filter("slowly")
    async def slowly(text):
        await asyncio.sleep(0)
        return text + text

    @app.get("/template/<name>")
    async def async_template(name):
        return await quart.render_template("hello.html", name=name)

    @app.get("/string")
    async def async_string():
        return await quart.render_template_string("{{ who }} {{ answer }} {{ x|slowly }} {{ config.TESTING }}", x="<")

    @app.get("/stream")
    async def async_stream():
        return await quart.stream_template("stream.html", words=["one", "two"])

    @app.get("/stream-string")
    async def async_stream_string():
        source = "{% for x in words %}{{ x }} {{ request.path }} {% endfor %}"
        return await quart.stream_template_string(source, words="ab")

    @app.get("/attribute")
    async def async_attribute():
        return quart.get_template_attribute("macro.html", "greet")("ann")

    @app.get("/app")
    async def async_app():
        context = {"x": 1}
        await quart.current_app.update_template_context(context)
        return {key: context[key] for key in ("x", "who")}


def test_quarts_templates(serve: Serve) -> None:
    client = serve(quart_templates, twin=False)
    assert client.get("/template/%3Cb%3E").text == "<p>Hello, &lt;b&gt;!</p>"
    assert client.get("/string").text == "/string 42 &lt;&lt; False"
    assert client.get("/stream").text.split() == ["one", "two", "/stream"]
    assert client.get("/stream-string").text == "a /stream-string b /stream-string "
    assert client.get("/attribute").text == "<p>Hello, ann!</p>"
    assert client.get("/app").json() == {"x": 1, "who": "/app"}


def test_one_template_for_both_colours(serve: Serve) -> None:
    """What one colour has rendered, or registered later, the other finds."""

    def build(app: DualApp) -> None:
        @app.get("/")
        async def async_view():
            first = quart.current_app.jinja_env.get_template("hello.html")
            quart.current_app.jinja_env.globals["late"] = "late"
            string = quart.current_app.jinja_env.from_string("{{ late }} {{ x }}")
            return [
                await first.render_async(name="async"),
                first.render(name="sync"),
                await string.render_async(x=1),
                string.render(x=2),
                "".join([chunk async for chunk in first.generate_async(name="chunks")]),
                "".join(first.generate(name="chunks")),
                flask.render_template_string("{{ late }}"),
            ]

    hello = "<p>Hello, {}!</p>".format
    assert serve(build, twin=False).get("/").json() == [
        *(hello("async"), hello("sync"), "late 1", "late 2", hello("chunks"), hello("chunks"), "late"),
    ]


# Responses and files.


def quart_responses(app: DualApp) -> None:
    @app.get("/made")
    async def async_made():
        response = await quart.make_response("made", 201, {"X-A": "1"})
        response.set_cookie("a", "b")
        assert isinstance(response, flask.Response)
        return response

    @app.get("/empty")
    async def async_empty():
        return await quart.make_response()

    @app.get("/json")
    async def async_json():
        response = quart.jsonify(a=1)
        return {"data": await response.get_json(), "text": await response.get_data(as_text=True)}

    @app.get("/theirs/<kind>")
    async def async_theirs(kind):
        async def chunks():
            for word in ("one", "two"):
                yield word

        bodies = {"text": "text", "bytes": b"bytes", "chunks": chunks(), "list": ["a", b"b"]}
        response = quart.Response(bodies[kind], 202, {"X-Theirs": kind}, mimetype="text/plain")
        response.set_cookie("a", "b")
        response.headers.add("Set-Cookie", "c=d")
        return (response, 203, {"X-More": "1"}) if kind == "bytes" else response

    @app.get("/aborted")
    async def async_aborted():
        quart.abort(quart.Response("aborted", 419))

    @app.get("/etag")
    async def async_etag():
        response = await quart.make_response("body")
        await response.add_etag()
        return await response.make_conditional(quart.request)

    @app.get("/sequence")
    async def async_sequence():
        async def chunks():
            yield "a"
            yield b"b"

        response = await quart.make_response(chunks())
        await response.make_sequence()
        return {"data": (await response.get_data()).decode()}

    @app.get("/redirect")
    async def async_redirect():
        return quart.redirect(quart.url_for("async_abort", code=404, _anchor="x"))

    @app.get("/abort/<int:code>")
    async def async_abort(code):
        quart.abort(code)

    @app.get("/raised")
    async def async_raised():
        quart.abort(await quart.make_response("raised", 418))

    @app.get("/after")
    async def async_after():
        @quart.after_this_request
        async def add(response):
            response.headers["X-After"] = await response.get_data(as_text=True)
            return response

        return "after"


def test_quarts_responses(serve: Serve) -> None:
    client = serve(quart_responses, twin=False)
    made = client.get("/made")
    assert (made.status, made.text, made.header("x-a"), made.header("set-cookie")) == (201, "made", "1", "a=b; Path=/")
    assert client.get("/empty").body == b""
    assert client.get("/json").json() == {"data": {"a": 1}, "text": '{"a":1}\n'}
    for kind, text in {"text": "text", "bytes": "bytes", "chunks": "onetwo", "list": "ab"}.items():
        theirs = client.get(f"/theirs/{kind}")
        assert (theirs.text, theirs.header("x-theirs")) == (text, kind)
        assert theirs.all("set-cookie") == ["a=b; Path=/", "c=d"]
        assert theirs.header("content-type") == "text/plain; charset=utf-8"
        assert theirs.header("content-length") == (str(len(text)) if kind in ("text", "bytes") else None)
        assert (theirs.status, theirs.header("x-more")) == ((203, "1") if kind == "bytes" else (202, None))
    etag = client.get("/etag").header("etag")
    assert etag is not None
    assert client.get("/etag", [("If-None-Match", etag)]).status == 304
    assert client.get("/sequence").json() == {"data": "ab"}
    assert client.get("/redirect").header("location") == "/abort/404#x"
    assert client.get("/abort/410").status == 410
    assert (client.get("/raised").status, client.get("/raised").text) == (418, "raised")
    assert (client.get("/aborted").status, client.get("/aborted").text) == (419, "aborted")
    assert client.get("/after").header("x-after") == "after"


def quart_files(app: DualApp) -> None:
    @app.get("/path")
    async def async_path():
        return await quart.send_file(app.static_folder + "/hello.txt", conditional=True)

    @app.get("/io")
    async def async_io():
        return await quart.send_file(io.BytesIO(b"0123456789"), mimetype="text/plain", conditional=True)

    @app.get("/attachment")
    async def async_attachment():
        return await quart.send_file(app.static_folder + "/hello.txt", as_attachment=True, attachment_filename="a.txt")

    @app.get("/directory/<path:name>")
    async def async_directory(name):
        return await quart.send_from_directory(app.static_folder, name)

    @app.get("/read")
    async def async_read():
        response = await quart.send_file(io.BytesIO(b"0123456789"), mimetype="text/plain")
        return {"data": (await response.get_data()).decode()}

    @app.get("/theirs/<kind>")
    async def async_theirs(kind):
        body = quart.Response.file_body_class(app.static_folder + "/hello.txt")
        if kind == "io":
            body = quart.Response.io_body_class(io.BytesIO(b"0123456789"))
        response = quart.Response(body, mimetype="text/plain")
        response.content_length = body.size
        return await response.make_conditional(quart.request, accept_ranges=True, complete_length=body.size)


@pytest.mark.parametrize("path", ["/path", "/io", "/directory/hello.txt", "/theirs/io", "/theirs/path"])
def test_quarts_files(serve: Serve, path: str) -> None:
    client = serve(quart_files, twin=False)
    whole = client.get(path)
    assert (whole.status, whole.text[:10]) == (200, "0123456789")
    assert whole.header("content-length") == str(len(whole.body))
    assert whole.header("content-type") == "text/plain; charset=utf-8"
    part = client.get(path, [("Range", "bytes=2-5")])
    assert (part.status, part.text, part.header("content-length")) == (206, "2345", "4")
    assert part.header("content-range") == f"bytes 2-5/{len(whole.body)}"
    assert client.get(path, [("Range", "bytes=1000-")]).status == 416
    assert client.head(path).header("content-length") == whole.header("content-length")
    if etag := whole.header("etag"):
        assert client.get(path, [("If-None-Match", etag)]).status == 304
        assert client.get(path, [("If-Match", '"other"')]).status == 412


def test_more_of_quarts_files(serve: Serve) -> None:
    client = serve(quart_files, twin=False)
    assert client.get("/attachment").header("content-disposition") == "attachment; filename=a.txt"
    assert client.get("/directory/../setup.cfg").status == 404
    assert client.get("/directory/missing.txt").status == 404
    assert client.get("/read").json() == {"data": "0123456789"}


def flask_files(app: DualApp) -> None:
    @app.get("/path")
    async def path():
        return flask.send_file(app.static_folder + "/hello.txt")

    @app.get("/directory/<path:name>")
    async def directory(name):
        return flask.send_from_directory(app.static_folder, name, as_attachment=True)

    @app.get("/resource")
    async def resource():
        with flask.current_app.open_resource("static/hello.txt") as file:
            return file.read(10)


@pytest.mark.parametrize("path", ["/path", "/directory/hello.txt", "/resource", "/static/hello.txt"])
@pytest.mark.parametrize("header", [None, ("Range", "bytes=2-5"), ("Range", "bytes=1000-")])
def test_flasks_files(serve: Serve, path: str, header: tuple[str, str] | None) -> None:
    answer = serve(flask_files).get(path, [header] if header else [])
    assert answer.status in (200, 206, 416)


def test_resources_are_awaited_as_quarts(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/<mode>")
        async def async_view(mode):
            async with await quart.current_app.open_resource("static/hello.txt", mode) as file:
                return await file.read(10)

    client = serve(build, twin=False)
    assert client.get("/r").text == client.get("/rb").text == "0123456789"


def test_hooks_may_read_files(serve: Serve) -> None:
    """Quart's responses allow it; Flask's refuse for those that the server may send by itself."""

    def build(app: DualApp) -> None:
        @app.after_request
        async def shout(response):
            response.set_data((await response.get_data()).upper() + b"!")
            return response

        @app.get("/")
        async def index():
            return flask.send_file(io.BytesIO(b"file"), mimetype="text/plain")

    answer = serve(build, twin=False).get("/")
    assert (answer.text, answer.header("content-length")) == ("FILE!", "5")


def test_quarts_methods_of_the_app(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        def sync_work(x):
            return [x, quart.request.path]

        @app.route("/", methods=["GET", "PUT"], provide_automatic_options=False)
        async def async_view():
            current = quart.current_app
            file = await current.send_static_file("hello.txt")
            data = await file.get_data()
            file.close()
            made = await current.make_response(("made", 201))
            options = await current.make_default_options_response()
            return {
                "file": data[:4].decode(),
                "made": [await made.get_data(as_text=True), made.status_code],
                "options": options.headers["Allow"],
                "in a thread": await current.ensure_async(sync_work)(1),
                "too": await current.sync_to_async(sync_work)(2),
                "json": current.json.loads(current.json.dumps({"a": 1})),
                "url": current.url_for("async_view", _external=True),
            }

    assert serve(build, twin=False).get("/").json() == {
        "file": "0123",
        "made": ["made", 201],
        "options": "GET, HEAD, PUT",
        "in a thread": [1, "/"],
        "too": [2, "/"],
        "json": {"a": 1},
        "url": "http://localhost/",
    }


# The rest of the helpers.


def test_flasks_helpers(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.secret_key = "secret"

        @app.post("/flash")
        async def flash():
            flask.flash("one", "warn")
            flask.flash("two")
            return flask.redirect(flask.url_for("flashes"))

        @app.get("/flashes")
        async def flashes():
            return flask.jsonify(flask.get_flashed_messages(with_categories=True))

        @app.get("/stream")
        async def stream():
            def words():
                yield flask.request.path
                yield str(flask.has_request_context())

            return flask.Response(flask.stream_with_context(words()))

        @app.get("/make")
        async def make():
            @flask.after_this_request
            def after(response):
                response.headers["X-After"] = "1"
                return response

            return flask.make_response(flask.jsonify(a=1), 201)

        @app.get("/copy")
        async def copy():
            @flask.copy_current_request_context
            def inside():
                return flask.request.path

            return inside()

        @app.get("/abort")
        async def abort():
            flask.abort(418)

    client = serve(build)
    redirected = client.post("/flash")
    flashes = client.get(redirected.header("location"), [redirected.cookie])
    assert flashes.json() == [["warn", "one"], ["message", "two"]]
    assert client.get("/stream").text == "/streamTrue"
    assert client.get("/make").header("x-after") == "1"
    assert client.get("/copy").text == "/copy"
    assert client.get("/abort").status == 418


def test_quarts_helpers(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.secret_key = "secret"

        @app.post("/flash")
        async def async_flash():
            await quart.flash("one", "warn")
            await quart.flash("two")
            return quart.redirect(quart.url_for("async_flashes"))

        @app.get("/flashes")
        async def async_flashes():
            assert quart.get_flashed_messages() == ["one", "two"]
            return quart.jsonify(quart.get_flashed_messages(with_categories=True))

        @app.get("/stream")
        async def async_stream():
            @quart.stream_with_context
            async def words(end):
                yield quart.request.path
                await asyncio.sleep(0)
                yield str(quart.has_request_context())
                yield end

            return words("end")

        @app.post("/copy")
        async def async_copy():
            quart.g.x = 1

            @quart.copy_current_request_context
            async def inside():
                await asyncio.sleep(0)
                return [quart.request.path, await quart.request.get_json()]

            @quart.copy_current_app_context
            async def of_app():
                await asyncio.sleep(0)
                return [quart.current_app.name]

            return list(await asyncio.gather(inside(), inside(), asyncio.create_task(of_app())))

        @app.get("/has")
        async def async_has():
            return [quart.has_request_context(), quart.has_app_context(), quart.has_websocket_context()]

        @app.get("/push")
        async def async_push():
            await quart.make_push_promise("/static/hello.txt")
            return "pushed, where the server can"

    client = serve(build, twin=False)
    redirected = client.post("/flash")
    flashes = client.get(redirected.header("location"), [redirected.cookie])
    assert flashes.json() == [["warn", "one"], ["message", "two"]]
    assert client.get("/stream").chunks == [b"/stream", b"True", b"end"]
    assert client.post("/copy", json={"a": 1}).json() == [["/copy", {"a": 1}]] * 2 + [[NAME]]
    assert client.get("/has").json() == [True, True, False]
    assert client.get("/push").status == 200


def test_contexts_of_quarts_without_a_request(serve: Serve) -> None:
    async def outside(app):
        async with app.app_context():
            quart.g.x = 1
            inside = quart.copy_current_app_context(names)
            before = [quart.has_app_context(), quart.has_request_context(), flask.g.x]
            return [*before, await asyncio.create_task(inside()), quart.has_app_context()]

    async def names():
        return [quart.current_app.name, flask.current_app.name]

    app = DualApp(NAME)
    assert asyncio.run(outside(app)) == [True, False, 1, [NAME, NAME], True]
    assert not quart.has_app_context()


ROOT = Path(__file__).parents[2]

FRESH = """
import json, sys
from dualapp import DualApp
from tests.support.entry_driver import Client

app = DualApp("fresh")

@app.get("/")
{colour}def view():
    from quart import current_app, g, request
    g.x = 1
    return {{"path": request.path, "name": current_app.name, "g": g.x}}

client = Client(app, {entry!r})
assert "quart" not in sys.modules
print(json.dumps([client.get("/").json(), client.get("/").json()]))
"""


@pytest.mark.parametrize("entry", ["wsgi", "asgi"])
@pytest.mark.parametrize("colour", ["", "async "], ids=["def", "async"])
def test_quart_may_be_imported_inside_of_a_view(entry: str, colour: str) -> None:
    """The first request of a process that imports quart is one like any other."""
    program = FRESH.format(colour=colour, entry=entry)
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, timeout=LIMIT)
    assert json.loads(done.stdout) == [{"path": "/", "name": "fresh", "g": 1}] * 2, done.stderr


def test_quarts_globals_know_the_app_where_there_is_no_request() -> None:
    app = DualApp("quarts")

    async def ask() -> tuple[Any, bool]:
        async with app.app_context():
            inside = quart.current_app._get_current_object()
        return inside, quart.has_app_context()

    assert asyncio.run(ask()) == (app, False)
    with app.app_context():
        assert quart.current_app.name == "quarts"


def test_contexts_are_pushed_and_popped_in_either_colour(serve: Serve) -> None:
    """Without `with`, as fixtures do; in `async def` code both are awaited, as in Quart."""
    app, torn = DualApp(NAME), []

    @app.teardown_appcontext
    async def tear_down(error: Any) -> None:
        await asyncio.sleep(0)
        torn.append(error)

    async def use():
        context = app.app_context()
        await context.push()
        seen = [flask.has_app_context(), flask.has_request_context()]
        await context.pop()
        context = app.test_request_context("/here")
        await context.push()
        seen += [flask.request.path, flask.has_app_context()]
        await context.pop()
        return [*seen, flask.has_app_context(), flask.has_request_context()]

    assert serve.call(use) == [True, False, "/here", True, False, False]
    assert torn == [None, None]
