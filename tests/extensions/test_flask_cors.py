"""flask-cors

Origins by resource, preflights, credentials and exposed headers, on errors too, for blueprints, and for one view by a
decorator.
"""

from __future__ import annotations

import asyncio

from flask_cors import CORS, cross_origin

from dualapp import Blueprint, DualApp

from ..conftest import Serve
from ..support.recolour import Build

SHOP, EVIL = ("Origin", "https://shop.example"), ("Origin", "https://evil.example")
ALLOWED = "access-control-allow-origin"


def views(app: DualApp) -> None:
    @app.route("/api/items", methods=["GET", "POST"])
    async def items():
        await asyncio.sleep(0)
        return {"items": []}

    @app.get("/api/stream")
    async def stream():
        async def words():
            yield "a"
            yield "b"

        return words()

    @app.get("/api/fail")
    async def fail():
        raise LookupError

    @app.get("/page")
    async def page():
        return "page"


def resources(app: DualApp) -> None:
    rules = {"origins": ["https://shop.example", r"https://.*\.shop\.example"], "supports_credentials": True}
    more = {"expose_headers": ["X-Total"], "allow_headers": ["X-Token", "Content-Type"], "max_age": 600}
    CORS(app, resources={r"/api/*": {**rules, **more}})


def test_the_origins_of_a_resource_are_allowed_and_no_others(serve: Serve) -> None:
    client = serve(views, resources)
    allowed = client.get("/api/items", [SHOP])
    assert allowed.header(ALLOWED) == "https://shop.example"
    assert allowed.header("access-control-allow-credentials") == "true"
    assert allowed.header("access-control-expose-headers") == "X-Total"
    assert allowed.header("vary") == "Origin"
    assert client.get("/api/items", [("Origin", "https://eu.shop.example")]).header(ALLOWED) is not None
    assert client.get("/api/items", [EVIL]).header(ALLOWED) is None
    assert client.get("/page", [SHOP]).header(ALLOWED) is None


def test_preflights_are_answered(serve: Serve) -> None:
    client = serve(views, resources)
    asked = [("Access-Control-Request-Method", "POST"), ("Access-Control-Request-Headers", "X-Token, X-Other")]
    answer = client.options("/api/items", [SHOP, *asked])
    assert (answer.status, answer.header(ALLOWED)) == (200, "https://shop.example")
    assert answer.header("access-control-allow-headers") == "X-Token"
    assert answer.header("access-control-allow-methods") == "DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"
    assert answer.header("access-control-max-age") == "600"
    assert client.options("/api/items", [EVIL, *asked]).header(ALLOWED) is None


def test_errors_and_streams_have_the_headers_too(serve: Serve) -> None:
    client = serve(views, resources)
    answers = [client.get(path, [SHOP]) for path in ("/api/fail", "/api/nowhere", "/api/stream")]
    assert [(answer.status, answer.header(ALLOWED)) for answer in answers] == [
        (500, "https://shop.example"),
        (404, "https://shop.example"),
        (200, "https://shop.example"),
    ]
    assert answers[2].text == "ab"


def test_every_origin_is_allowed_unless_told_otherwise(serve: Serve) -> None:
    def everywhere(app: DualApp) -> None:
        CORS(app)

    client = serve(views, everywhere)
    assert client.get("/page", [EVIL]).header(ALLOWED) == "https://evil.example"


def test_a_blueprint_has_rules_of_its_own(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        open_data = Blueprint("open", "tests.parity", url_prefix="/open")

        @open_data.get("/")
        async def index():
            return "open"

        CORS(open_data, origins="*", send_wildcard=True)
        app.register_blueprint(open_data)

    client = serve(views, build)
    assert client.get("/open/", [EVIL]).header(ALLOWED) == "*"
    assert client.get("/page", [EVIL]).header(ALLOWED) is None


def check_decorated(serve: Serve, build: Build) -> None:
    client = serve(build)
    answer = client.get("/decorated", [SHOP])
    assert (answer.text, answer.header(ALLOWED)) == ("decorated", "https://shop.example")
    assert client.get("/decorated", [EVIL]).header(ALLOWED) is None
    preflight = client.options("/decorated", [SHOP, ("Access-Control-Request-Method", "PUT")])
    assert preflight.header("access-control-allow-methods") == "GET, PUT"


def test_the_decorator_is_for_one_view_and_its_preflight(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/decorated")
        @cross_origin(origins="https://shop.example", methods=["GET", "PUT"])
        @app.ensure_sync  # the decorator calls the view as sync code
        async def decorated():
            await asyncio.sleep(0)
            return "decorated"

    check_decorated(serve, build)


def test_the_decorator_right_above_the_view(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/decorated")
        @cross_origin(origins="https://shop.example", methods=["GET", "PUT"])
        async def decorated():
            await asyncio.sleep(0)
            return "decorated"

    check_decorated(serve, build)
