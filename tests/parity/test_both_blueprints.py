"""A Flask blueprint and a Quart blueprint on one app; the code of each asks its own framework."""

from __future__ import annotations

import asyncio

import click
import flask
import pytest
import quart

import dualapp
from dualapp import DualApp

from ..conftest import NAME, Serve

KINDS = {"flask": (flask.Blueprint, flask), "quart": (quart.Blueprint, quart), "dualapp": (dualapp.Blueprint, dualapp)}
EACH = pytest.mark.parametrize("kind", KINDS)


def alike(app: DualApp) -> None:
    """The same blueprint of each kind, below its kind's name."""
    app.secret_key = "secret"
    app.extensions["torn"] = []
    for kind, (cls, framework) in KINDS.items():
        app.register_blueprint(blueprint(app, kind, cls, framework))


def blueprint(app, kind, cls, framework):
    bp = cls(kind, NAME, url_prefix=f"/{kind}", static_folder="static", template_folder="templates")
    asked, g, session = framework.request, framework.g, framework.session

    @bp.url_value_preprocessor
    def pull(endpoint, values):
        g.language = (values or {}).pop("language", None)

    @bp.url_defaults
    def push(endpoint, values):
        if getattr(g, "language", None) and framework.current_app.url_map.is_endpoint_expecting(endpoint, "language"):
            values.setdefault("language", g.language)

    @bp.before_request
    async def before():
        await asyncio.sleep(0)
        g.order = [asked.endpoint]
        session["kind"] = kind

    @bp.after_request
    async def after(response):
        response.headers["X-Order"] = ",".join(g.order)
        return response

    @bp.teardown_request
    async def teardown(error):
        app.extensions["torn"].append((asked.path, type(error).__name__))

    @bp.before_app_request
    async def before_app():
        g.seen = [*getattr(g, "seen", []), kind]

    @bp.get("/<language>/page")
    async def page():
        return {
            "url": framework.url_for(".page"),
            "language": g.language,
            "args": asked.args.to_dict(),
            "blueprint": asked.blueprint,
            "seen": g.seen,
            "session": dict(session),
        }

    @bp.post("/form")
    async def async_form():
        form = asked.form if framework is flask else await asked.form
        return form.to_dict()

    @bp.get("/template")
    async def async_template():
        rendered = framework.render_template_string("{{ of_bp }} {{ of_app }} {% include 'hello.html' %}", name=kind)
        return rendered if isinstance(rendered, str) else await rendered

    @bp.context_processor
    async def of_bp():
        return {"of_bp": asked.blueprint}

    @bp.app_context_processor
    async def of_app():
        return {"of_app": framework.current_app.name}

    @bp.errorhandler(LookupError)
    async def lookup(error):
        return {"handled": kind, "path": asked.path}, 410

    @bp.errorhandler(418)
    async def teapot(error):
        return framework.jsonify(teapot=kind), 418

    @bp.get("/lookup")
    async def fail():
        raise LookupError

    @bp.get("/teapot")
    async def abort():
        framework.abort(418)

    @bp.cli.command("greet")
    @click.argument("name")
    def greet(name):
        click.echo(f"{kind} greets {name}")

    return bp


@EACH
def test_routes_and_hooks(serve: Serve, kind: str) -> None:
    client = serve(alike, twin=False)
    answer = client.get(f"/{kind}/en/page?q=1")
    assert answer.json() == {
        "url": f"/{kind}/en/page",
        "language": "en",
        "args": {"q": "1"},
        "blueprint": kind,
        "seen": list(KINDS),
        "session": {"kind": kind},
    }
    assert answer.header("x-order") == f"{kind}.page"
    assert client.post(f"/{kind}/form", form={"x": "1"}).json() == {"x": "1"}
    assert client.app.extensions["torn"] == [(f"/{kind}/en/page", "NoneType"), (f"/{kind}/form", "NoneType")]


@EACH
def test_templates_and_static_files(serve: Serve, kind: str) -> None:
    client = serve(alike, twin=False)
    assert client.get(f"/{kind}/template").text == f"{kind} {NAME} <p>Hello, {kind}!</p>"
    whole = client.get(f"/{kind}/static/hello.txt")
    assert (whole.status, whole.text[:10], whole.header("content-length")) == (200, "0123456789", str(len(whole.body)))
    part = client.get(f"/{kind}/static/hello.txt", [("Range", "bytes=0-3")])
    assert (part.status, part.text) == (206, "0123")
    etag = whole.header("etag")
    assert etag is not None
    assert client.get(f"/{kind}/static/hello.txt", [("If-None-Match", etag)]).status == 304
    assert client.get(f"/{kind}/static/missing.txt").status == 404


@EACH
def test_error_handlers(serve: Serve, kind: str) -> None:
    client = serve(alike, twin=False)
    assert client.get(f"/{kind}/lookup").json() == {"handled": kind, "path": f"/{kind}/lookup"}
    assert client.get(f"/{kind}/teapot").json() == {"teapot": kind}
    assert client.get(f"/{kind}/nowhere").status == 404


@EACH
def test_commands(serve: Serve, kind: str) -> None:
    app = serve(alike, twin=False).app
    assert app.test_cli_runner().invoke(args=[kind, "greet", "ann"]).output == f"{kind} greets ann\n"


@pytest.mark.parametrize("outer", KINDS)
@pytest.mark.parametrize("inner", KINDS)
def test_one_in_another(serve: Serve, outer: str, inner: str) -> None:
    def build(app: DualApp) -> None:
        (Outer, of_outer), (Inner, of_inner) = KINDS[outer], KINDS[inner]
        parent, child = Outer("parent", NAME, url_prefix="/parent"), Inner("child", NAME, url_prefix="/child")

        @parent.before_request
        async def before_parent():
            of_outer.g.order = ["parent"]

        @child.before_request
        async def before_child():
            of_inner.g.order.append("child")

        @parent.errorhandler(LookupError)
        async def lookup(error):
            return {"handled": of_outer.request.blueprints}, 410

        @child.get("/")
        async def index():
            return {
                "order": of_inner.g.order,
                "blueprints": of_inner.request.blueprints,
                "url": of_inner.url_for(".index"),
                "up": of_inner.url_for("parent.index"),
            }

        @child.get("/lookup")
        async def fail():
            raise LookupError

        @parent.get("/")
        async def parent_index():
            return {"order": of_outer.g.order}

        parent.add_url_rule("/index", "index", parent_index)
        parent.register_blueprint(child)
        app.register_blueprint(parent)

    client = serve(build, twin=False)
    assert client.get("/parent/child/").json() == {
        "order": ["parent", "child"],
        "blueprints": ["parent.child", "parent"],
        "url": "/parent/child/",
        "up": "/parent/index",
    }
    assert client.get("/parent/").json() == {"order": ["parent"]}
    assert client.get("/parent/child/lookup").json() == {"handled": ["parent.child", "parent"]}


@pytest.mark.parametrize("cls", [quart.Blueprint, dualapp.Blueprint])
def test_what_runs_before_while_and_after_serving(serve: Serve, cls: type) -> None:
    order: list[str] = []

    def build(app: DualApp) -> None:
        bp = cls("bp", NAME)

        @bp.before_app_serving
        async def before():
            order.append("before")

        @bp.while_app_serving
        async def async_during():
            order.append("during")
            yield
            order.append("ended")

        @bp.after_app_serving
        async def after():
            order.append("after")

        @bp.get("/")
        async def index():
            order.append("request")
            return "x"

        app.register_blueprint(bp)

    app = serve(build, twin=False).app

    async def ask():
        async with app.test_app() as test_app:
            await test_app.test_client().get("/")

    asyncio.run(ask())
    assert order == ["before", "during", "request", "ended", "after"]


@pytest.mark.parametrize("cls", [quart.Blueprint, dualapp.Blueprint])
def test_websocket_rules_do_not_answer_http(serve: Serve, cls: type) -> None:
    called: list[str] = []

    def build(app: DualApp) -> None:
        bp = cls("bp", NAME, url_prefix="/bp")
        for scaffold in (app, bp):

            @scaffold.websocket("/ws/<int:id>")
            async def async_ws(id):
                called.append("ws")

            @scaffold.websocket("/both", endpoint="both_ws")
            async def async_both():
                called.append("ws")

            @scaffold.get("/both")
            async def both():
                return "http"

            @scaffold.before_websocket
            async def async_before():
                called.append("before")

            scaffold.after_websocket(async_before)
            scaffold.teardown_websocket(async_before)

        bp.before_app_websocket(bool)
        app.register_blueprint(bp)

    client = serve(build, twin=False)
    upgrade = [("Connection", "Upgrade"), ("Upgrade", "websocket")]
    for headers in ([], upgrade):
        for prefix in ("", "/bp"):
            if headers and client.entry == "wsgi":  # a handshake, of a server that gives no socket
                assert client.get(f"{prefix}/ws/1", headers).status == 501
                assert client.get(f"{prefix}/both", headers).status == 501
            else:
                assert client.get(f"{prefix}/ws/1", headers).status == 400
                assert client.get(f"{prefix}/both", headers).text == "http"
    assert not called
    app = client.app
    assert {key: len(funcs) for key, funcs in app.before_websocket_funcs.items()} == {None: 2, "bp": 1}
    assert len(app.after_websocket_funcs["bp"]) == 1
    # Quart's own blueprint loses them before 0.23.
    assert len(app.teardown_websocket_funcs["bp"]) == 1 or cls is quart.Blueprint
    assert {rule.rule for rule in app.url_map.iter_rules() if rule.websocket} == {
        *("/ws/<int:id>", "/both", "/bp/ws/<int:id>", "/bp/both")
    }


def test_views_that_upgrade_by_themselves_are_asked(serve: Serve) -> None:
    """As Flask-Sock's: under WSGI they take the socket from the environ."""

    def build(app: DualApp) -> None:
        @app.route("/ws", websocket=True)
        def sync_ws():
            return "upgraded"

    client = serve(build)
    assert client.get("/ws", [("Connection", "Upgrade"), ("Upgrade", "websocket")]).text == "upgraded"
    assert client.get("/ws").status == 400
