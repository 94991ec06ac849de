"""Blueprints, nested and not, in both colours."""

from __future__ import annotations

from dualapp import Blueprint, DualApp, abort, g, render_template_string, request, url_for

from ..conftest import NAME, Paint, Serve


def nested(app: DualApp) -> None:
    parent = Blueprint("parent", "tests.parity", url_prefix="/parent")
    child = Blueprint("child", "tests.parity", url_prefix="/child/<int:n>")
    other = Blueprint("other", "tests.parity")

    @parent.get("/")
    async def index():
        return {"endpoint": request.endpoint, "url": url_for(".child.show", n=3), "all": request.blueprints}

    @child.get("/")
    async def show(n):
        return {"n": n, "endpoint": request.endpoint, "up": url_for("parent.index"), "all": request.blueprints}

    @child.route("/post", methods=["POST"])
    async def post(n):
        return await request.get_json()

    @other.get("/other")
    async def show_other():
        return {"blueprint": request.blueprint, "url": url_for("parent.other.show_other")}

    parent.register_blueprint(child)
    parent.register_blueprint(other, url_prefix="/under")
    app.register_blueprint(parent)
    app.register_blueprint(other, name="again", url_prefix="/top")


def test_nested_blueprints(serve: Serve) -> None:
    client = serve(nested)
    assert client.get("/parent/").json()["url"] == "/parent/child/3/"
    assert client.get("/parent/child/7/").json() == {
        "n": 7,
        "endpoint": "parent.child.show",
        "up": "/parent/",
        "all": ["parent.child", "parent"],
    }
    assert client.post("/parent/child/7/post", json={"x": 1}).json() == {"x": 1}
    assert client.get("/parent/child/x/").status == 404


def test_one_blueprint_registered_twice(serve: Serve) -> None:
    client = serve(nested)
    assert client.get("/parent/under/other").json()["blueprint"] == "parent.other"
    assert client.get("/top/other").json()["blueprint"] == "again"


def test_hooks_of_nested_blueprints(serve: Serve, paint: Paint) -> None:
    @paint
    def build(app: DualApp) -> None:
        parent = Blueprint("parent", "tests.parity", url_prefix="/parent")
        child = Blueprint("child", "tests.parity", url_prefix="/child")

        @app.before_request
        async def begin():
            g.order = ["app"]

        @parent.before_request
        async def in_parent():
            g.order.append("parent")

        @child.before_request
        async def in_child():
            g.order.append("child")

        @child.after_request
        async def after_child(response):
            response.headers.add("X-After", "child")
            return response

        @parent.after_request
        async def after_parent(response):
            response.headers.add("X-After", "parent")
            return response

        app.extensions.update(parent=parent, child=child)

    def views(app: DualApp) -> None:
        parent, child = app.extensions["parent"], app.extensions["child"]

        @parent.get("/")
        async def in_parent():
            return {"order": g.order}

        @child.get("/")
        async def in_child():
            return {"order": g.order}

        parent.register_blueprint(child)
        app.register_blueprint(parent)

    client = serve(build, views)
    assert client.get("/parent/").json() == {"order": ["app", "parent"]}
    answer = client.get("/parent/child/")
    assert answer.json() == {"order": ["app", "parent", "child"]}
    assert answer.all("x-after") == ["child", "parent"]


def test_error_handlers_of_blueprints(serve: Serve, paint: Paint) -> None:
    @paint
    def handlers(app: DualApp) -> None:
        blueprint = app.extensions["bp"]

        @blueprint.errorhandler(404)
        async def missing(error):
            return {"bp": error.code}, 404

        @blueprint.errorhandler(LookupError)
        async def lookup(error):
            return {"bp": type(error).__name__}, 410

        @blueprint.app_errorhandler(409)
        async def conflict(error):
            return {"app": error.code}, 409

        app.register_blueprint(blueprint)

        @app.errorhandler(LookupError)
        async def app_lookup(error):
            return {"app": type(error).__name__}, 411

        @app.errorhandler(404)
        async def app_missing(error):
            return {"app": 404, "path": request.path}, 404

    def build(app: DualApp) -> None:
        app.extensions["bp"] = blueprint = Blueprint("bp", "tests.parity", url_prefix="/bp")

        @blueprint.get("/<int:code>")
        async def aborts(code):
            abort(code)

        @blueprint.get("/key")
        async def key():
            return {}["x"]

        @app.get("/key")
        async def app_key():
            return {}["x"]

        @app.get("/<int:code>")
        async def app_aborts(code):
            abort(code)

    client = serve(build, handlers)
    assert client.get("/bp/404").json() == {"bp": 404}
    assert client.get("/bp/key").json() == {"bp": "KeyError"}
    assert client.get("/bp/409").json() == {"app": 409}
    assert client.get("/409").json() == {"app": 409}
    assert client.get("/key").json() == {"app": "KeyError"}
    assert client.get("/bp/not-there").json() == {"app": 404, "path": "/bp/not-there"}


def test_templates_static_and_context_of_a_blueprint(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        blueprint = Blueprint(
            "bp", "tests.parity", url_prefix="/bp", static_folder="static", template_folder="templates"
        )

        @blueprint.context_processor
        def of_blueprint():
            return {"who": "blueprint"}

        @blueprint.app_context_processor
        def of_app():
            return {"whose": "app"}

        @blueprint.app_template_filter("twice")
        def twice(value):
            return value * 2

        @blueprint.app_template_global("add")
        def add(a, b):
            return a + b

        @blueprint.get("/")
        async def index():
            return await render_template_string("{{ who }} {{ whose|twice }} {{ add(1, 2) }}")

        @app.get("/")
        async def outside():
            return await render_template_string("{{ who }} {{ whose|twice }} {{ add(1, 2) }}")

        app.register_blueprint(blueprint)

    client = serve(build)
    assert client.get("/bp/").text == "blueprint appapp 3"
    assert client.get("/").text == " appapp 3"
    assert client.get("/bp/static/hello.txt").text.startswith("0123456789")
    assert client.app.import_name == NAME


def test_subdomains_and_record_once(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.config["SERVER_NAME"] = "example.org"
        blueprint = Blueprint("bp", "tests.parity", subdomain="api")

        @blueprint.record_once
        def remember(state):
            state.app.extensions["registered"] = state.subdomain

        @blueprint.get("/")
        async def index():
            return url_for(".index", _external=True)

        app.register_blueprint(blueprint)

    client = serve(build, subdomain_matching=True)
    assert client.get("/", [("Host", "api.example.org")]).text == "http://api.example.org/"
    assert client.get("/", [("Host", "example.org")]).status == 404
    assert client.app.extensions["registered"] == "api"
