"""Templates: rendered in either colour, with all that Flask puts into them."""

from __future__ import annotations

import asyncio

from dualapp import (
    DualApp,
    g,
    render_template,
    render_template_string,
    request,
    session,
    stream_template,
    url_for,
)
from dualapp import stream_template_string as stream_string

from ..conftest import Paint, Serve


def test_render_template(serve: Serve) -> None:
    """Row 13: templates/ is found beside the module that names the app."""

    def build(app: DualApp) -> None:
        @app.get("/<name>")
        async def index(name):
            return await render_template("hello.html", name=name)

    client = serve(build)
    assert client.get("/ann").text == "<p>Hello, ann!</p>"
    assert client.get("/%3Cb%3E").text == "<p>Hello, &lt;b&gt;!</p>"


def test_render_template_string_and_first_of_many(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/string")
        async def string():
            return await render_template_string("{{ request.path }} {{ x }}", x="<")

        @app.get("/many")
        async def many():
            return await render_template(["not-there.html", "hello.html"], name="first")

        @app.get("/missing")
        async def missing():
            return await render_template("not-there.html")

    client = serve(build)
    assert client.get("/string").text == "/string &lt;"
    assert client.get("/many").text == "<p>Hello, first!</p>"
    assert client.get("/missing").status == 500


def test_any_name_but_flasks_own_is_a_variable(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            named = await render_template(template_name_or_list="hello.html", name="ann")
            return named + await render_template("hello.html", name="bob", template="x", context="y")

        @app.get("/stream")
        async def stream():
            return await stream_template("hello.html", name="ann", template="x", context="y")

    client = serve(build)
    assert client.get("/").text == "<p>Hello, ann!</p><p>Hello, bob!</p>"
    assert client.get("/stream").text == "<p>Hello, ann!</p>"


def test_context_processors_filters_tests_globals(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.secret_key = "secret"
        app.config["SITE"] = "the site"

        @app.context_processor
        def colours():
            return {"colour": f"red {request.args['q']}", "name": "from the processor"}

        @app.template_filter("double")
        def double(x):
            return x * 2

        app.add_template_filter(lambda x: x + 1, "next")

        @app.template_test()
        def even(x):
            return x % 2 == 0

        @app.template_global()
        def shout(x):
            return x.upper()

        @app.before_request
        async def load():
            g.user, session["name"] = "ann", "sess"

        @app.get("/")
        async def index():
            return await render_template("context.html")

        @app.get("/next")
        async def following():
            return await render_template_string("{{ 1|next }} {{ name }}", name="passed")

    client = serve(build)
    assert client.get("/?q=1").text == "red 1 6 True HEY ann sess the site"
    assert client.get("/next?q=1").text == "2 passed"


def test_template_functions_of_both_colours(serve: Serve, paint: Paint) -> None:
    """Also in the colour that the view does not have."""

    @paint
    def functions(app: DualApp) -> None:
        @app.context_processor
        async def of_either():
            await asyncio.sleep(0)
            return {"one": request.path}

        @app.context_processor
        def sync_only():
            return {"two": 2}

        @app.template_filter("double")
        async def double(x):
            await asyncio.sleep(0)
            return x * 2

        @app.template_test()
        async def even(x):
            return x % 2 == 0

        @app.template_global()
        async def shout(x):
            await asyncio.sleep(0)
            return x.upper() + request.args["q"]

    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            return await render_template_string(
                "{{ one }} {{ two }} {{ 3|double }} {{ 'even' if 4 is even else 'odd' }} {{ 'even' if 3 is even }} "
                "{{ shout('a') }} {% for x in [1, 2]|map('double') %}{{ x }}{% endfor %}"
            )

    assert serve(build, functions).get("/?q=1").text == "/ 2 6 even  A1 24"


def test_url_for_in_views_and_templates(serve: Serve) -> None:
    """Row 9."""

    def build(app: DualApp) -> None:
        @app.get("/person/<int:id>")
        async def person(id):
            return {
                "view": url_for("person", id=4, q="ü &", _anchor="a b"),
                "external": url_for("person", id=4, _external=True),
                "scheme": url_for("person", id=4, _external=True, _scheme="https"),
                "static": url_for("static", filename="hello.txt"),
                "method": app.url_for("person", id=5),
            }

        @app.get("/template")
        async def template():
            return await render_template("urls.html")

        @app.get("/broken")
        async def broken():
            return url_for("nowhere")

    client = serve(build)
    assert client.get("/person/1").json() == {
        "view": "/person/4?q=%C3%BC+%26#a%20b",
        "external": "http://localhost/person/4",
        "scheme": "https://localhost/person/4",
        "static": "/static/hello.txt",
        "method": "/person/5",
    }
    assert client.get("/template").text == '<a href="/person/3">/template</a>'
    assert client.get("/app/template", root="/app").text == '<a href="/app/person/3">/template</a>'
    assert client.get("/broken").status == 500


def test_url_build_errors_may_be_handled(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.url_build_error_handlers.append
        def elsewhere(error, endpoint, values):
            return f"/elsewhere/{endpoint}"

        @app.get("/")
        async def index():
            return url_for("nowhere")

    assert serve(build).get("/").text == "/elsewhere/nowhere"


def test_streamed_templates(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.jinja_options = {"trim_blocks": True}

        @app.get("/")
        async def index():
            return await stream_template("stream.html", words=["one", "two"])

    answer = serve(build, twin=not serve.is_async).get("/")
    assert answer.text.split() == ["one", "two", "/"]
    assert answer.header("content-length") is None


def test_own_jinja_environment_options(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.jinja_env.globals["answer"] = 42
        app.jinja_env.autoescape = False

        @app.get("/")
        async def index():
            return await render_template_string("{{ answer }} {{ '<' }}")

    assert serve(build).get("/").text == "42 <"


def test_rendering_outside_of_a_request(serve: Serve) -> None:
    """`with` in sync code, `async with` in async code."""

    def build(app: DualApp) -> None:
        @app.get("/person/<int:id>")
        async def person(id):
            return str(id)

    async def outside(app):
        async with app.test_request_context("/person/3?q=1", headers={"X-A": "1"}):
            rendered = await render_template_string("{{ request.path }}")
            inside = [request.args["q"], request.headers["X-A"], request.endpoint, url_for("person", id=7), rendered]
        async with app.app_context():
            app.config["SERVER_NAME"] = "example.org"
            rendered = await render_template_string("{{ config.SERVER_NAME }}")
        return inside, rendered

    client = serve(build)
    inside, rendered = serve.call(outside, client.app)
    assert inside == ["1", "1", "person", "/person/7", "/person/3"]
    assert rendered == "example.org"


def test_url_for_outside_of_a_request_needs_a_server_name(serve: Serve) -> None:
    async def outside(app):
        app.config.update(SERVER_NAME="example.org", APPLICATION_ROOT="/app", PREFERRED_URL_SCHEME="https")
        async with app.app_context():
            return url_for("static", filename="x.css")

    assert serve.call(outside, serve(twin=False).app) == "https://example.org/app/static/x.css"


def test_functions_registered_in_bulk_may_be_async(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        async def async_shout(text):
            await asyncio.sleep(0)
            return text.upper()

        app.jinja_env.filters.update(shout=async_shout)
        app.jinja_env.globals.setdefault("shouted", async_shout)

        @app.get("/")
        async def index():
            return await render_template_string("{{ 'a'|shout }}{{ shouted('b') }}")

    assert serve(build, twin=False).get("/").text == "AB"


def test_a_streamed_template_knows_its_request(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.extensions["seen"] = []

        @app.teardown_request
        async def teardown(error):
            app.extensions["seen"].append("teardown")

        @app.get("/here")
        async def here():
            return await stream_string("{{ url_for('here') }} {{ request.path }}{{ note() }}", note=note)

        def note():
            app.extensions["seen"].append("rendered")
            return ""

    client = serve(build, twin=False)
    assert client.get("/here").text == "/here /here"
    assert client.app.extensions["seen"] == ["rendered", "teardown"]
