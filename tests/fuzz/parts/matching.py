"""Rules of all kinds: converters, slashes, methods, defaults, redirects, blueprints."""

from __future__ import annotations

from flask.views import MethodView, View
from werkzeug.routing import BaseConverter, ValidationError

from dualapp import Blueprint, DualApp, g, make_response, request, url_for

from .registry import part


class Picky(BaseConverter):
    """Takes some segments by its pattern, and refuses some of them by their value."""

    regex = "[a-z]+"

    def to_python(self, value: str) -> str:
        if value == "me":
            raise ValidationError
        return value.upper()

    def to_url(self, value: str) -> str:
        return value.lower()


class Slashed(BaseConverter):
    part_isolating = False
    regex = ".+/.+"


CONVERTED = [
    "/int/<int:a>",
    "/signed/<int(signed=True):a>",
    "/fixed/<int(fixed_digits=3):a>",
    "/between/<int(min=2, max=9):a>",
    "/float/<float:a>",
    "/text/<a>",
    "/sized/<string(length=2):a>",
    "/short/<string(maxlength=3):a>",
    "/any/<any(one, 'two words', drei):a>",
    "/uuid/<uuid:a>",
    "/path/<path:a>",
    "/path/<path:a>/end",
    "/picky/<picky:a>",
    "/slashed/<slashed:a>/<int:b>",
    "/mixed/x-<a>.<int:b>",
    "/two/<a>/<b>",
    "/two/<int:a>/<int:b>",
    "/two/<int:a>/edit",
]


@part(
    "/int/{int}",
    "/signed/{int}",
    "/fixed/{int}",
    "/between/{int}",
    "/float/{number}",
    "/text/{text}",
    "/sized/{text}",
    "/short/{text}",
    "/any/{word}",
    "/uuid/{uuid}",
    "/path/{text}/{text}",
    "/path/{text}/end",
    "/picky/{word}",
    "/slashed/{text}/{text}/{int}",
    "/mixed/x-{text}.{int}",
    "/two/{text}/{int}",
    "/two/{int}/edit",
)
def converters(app: DualApp) -> None:
    app.url_map.converters.update(picky=Picky, slashed=Slashed)

    async def show(**arguments):
        shown = {name: repr(value) for name, value in arguments.items()}
        return {**shown, "rule": str(request.url_rule), "url": url_for(request.endpoint, **arguments)}

    for number, rule in enumerate(CONVERTED):
        app.add_url_rule(rule, f"converted{number}", show)


@part("/folder", "/folder/", "/leaf", "/leaf/", "/lenient", "/lenient/", "/once//more", "/deep/{int}", "/deep/{int}/")
def slashes(app: DualApp) -> None:
    @app.route("/folder/", methods=["GET", "POST"])
    async def folder():
        return "folder"

    @app.get("/leaf")
    async def leaf():
        return "leaf"

    @app.route("/lenient", strict_slashes=False, methods=["GET", "PUT"])
    async def lenient():
        return "lenient"

    @app.get("/once//more", merge_slashes=False)
    async def once():
        return "once"

    @app.get("/deep/<int:a>/")
    async def deep(a):
        return f"deep {a}"


@part("/pages", "/pages/1", "/pages/{int}", "/old/{int}", "/older", "/also/{int}", "/start", "/begin")
def redirecting_rules(app: DualApp) -> None:
    @app.get("/pages", defaults={"page": 1})
    @app.get("/pages/<int:page>")
    async def pages(page):
        return f"page {page}"

    @app.get("/start")
    @app.get("/begin", alias=True)
    async def start():
        return "start"

    app.add_url_rule("/old/<int:page>", "old", redirect_to="/pages/<page>")
    app.add_url_rule("/older", "older", redirect_to="start")
    app.add_url_rule("/also/<int:page>", "pages", alias=True)


@part(
    "/shared",
    "POST /shared",
    "PUT /shared/{int}",
    "OPTIONS /shared/{int}",
    "/class",
    "POST /class/{int}",
    "DELETE /class",
    "OPTIONS /no-options",
    "OPTIONS /own-options",
    "BREW /any-method",
    "PATCH /view/{text}",
)
def methods(app: DualApp) -> None:
    @app.get("/shared")
    async def get_shared():
        return "got"

    @app.post("/shared")
    async def post_shared():
        return "posted", 201

    @app.put("/shared/<int:a>")
    async def put_shared(a):
        return f"put {a}"

    @app.get("/shared/<a>")
    async def get_one(a):
        return f"got {a}"

    class Resource(MethodView):
        init_every_request = False

        async def get(self, a=0):
            return f"get {a}"

        async def post(self, a=0):
            return f"post {a}"

        async def delete(self, a=0):
            return "", 204

    class Page(View):
        methods = ["GET", "PATCH"]  # noqa: RUF012 - as users write it

        def __init__(self, word):
            self.word = word

        async def dispatch_request(self, a):
            return f"{self.word} {a}"

    resource = Resource.as_view("resource")
    app.add_url_rule("/class", view_func=resource)
    app.add_url_rule("/class/<int:a>", view_func=resource)
    app.add_url_rule("/view/<a>", view_func=Page.as_view("page", "viewed"))

    @app.route("/no-options", provide_automatic_options=False)
    async def no_options():
        return "no options"

    @app.route("/own-options", methods=["GET", "OPTIONS"])
    async def own_options():
        return request.method

    @app.route("/any-method", methods=["GET", "POST", "PUT", "PATCH", "DELETE", "BREW", "TRACE"])
    async def any_method():
        return request.method


@part("/en/word", "/de/word", "/{word}/fail", "/api/v1/item/{int}", "/api/v1/none", "/api/v1/raise", "/api/", "/api")
def blueprints(app: DualApp) -> None:
    log = app.extensions["log"]
    languages = Blueprint("languages", __name__, url_prefix="/<any(en, de):language>")
    api, v1 = Blueprint("api", __name__, url_prefix="/api"), Blueprint("v1", __name__)

    @languages.url_value_preprocessor
    def sync_pull(endpoint, values):
        g.language = values.pop("language")

    @languages.url_defaults
    def sync_fill(endpoint, values):
        values.setdefault("language", g.get("language", "de"))

    @languages.get("/word")
    async def word():
        return {"language": g.language, "next": url_for("languages.fail"), "names": request.blueprints}

    @languages.get("/fail")
    async def fail():
        raise LookupError(g.language)

    @languages.errorhandler(LookupError)
    async def failed(error):
        return f"no {error.args[0]}", 404

    @v1.get("/item/<int:a>")
    async def item(a):
        return {"a": a, "names": request.blueprints, "url": url_for(".item", a=a + 1)}

    @v1.get("/raise")
    async def fail_within():
        raise KeyError("within")

    @v1.before_request
    async def before_v1():
        log.append("before v1")

    @api.after_request
    async def after_api(response):
        log.append("after api")
        response.headers["X-Api"] = "1"
        return response

    @api.teardown_request
    async def teardown_api(error):
        log.append(f"teardown api {type(error).__name__}")

    @v1.errorhandler(KeyError)
    async def missing(error):
        return await make_response("missing", 410)

    @api.app_errorhandler(404)
    async def nothing(error):
        return f"nothing: {type(error).__name__}", 404

    @api.get("/")
    async def root():
        return "api"

    api.register_blueprint(v1, url_prefix="/v1")
    for blueprint in (languages, api):
        app.register_blueprint(blueprint)
