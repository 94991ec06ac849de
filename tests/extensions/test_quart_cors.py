"""quart-cors

CORS headers for a whole app, a blueprint or one route, preflight requests, exempt routes, origins as strings, wildcards
and patterns.
"""

from __future__ import annotations

import re
from datetime import timedelta
from importlib.metadata import version

from quart_cors import cors, cors_exempt, route_cors

from dualapp import Blueprint, DualApp, abort, request

from ..support.entry_driver import Answer, Client
from .quart_twin import ServeBesideQuart

OURS, THEIRS = "https://ours.example", "https://theirs.example"


def ask(client: Client, path: str, origin: str | None, method: str = "GET", **headers: str) -> Answer:
    fields = {"Origin": origin, **{name.replace("_", "-"): value for name, value in headers.items()}}
    return client.request(method, path, [(name, value) for name, value in fields.items() if value is not None])


def preflight(client: Client, path: str, origin: str, method: str = "POST", headers: str = "X-Token") -> Answer:
    return ask(
        client,
        path,
        origin,
        "OPTIONS",
        Access_Control_Request_Method=method,
        Access_Control_Request_Headers=headers,
    )


def test_an_app_allows_the_origins_it_names(serve_beside_quart: ServeBesideQuart) -> None:
    def build(app: DualApp) -> None:
        cors(app, allow_origin=[OURS, re.compile(r"https://.*\.ours\.example")], expose_headers=["X-Count"])

        @app.get("/")
        async def index():
            return "hello", {"X-Count": "1"}

        @app.get("/refused")
        async def refused():
            abort(403)

        @app.get("/exempt")
        @cors_exempt
        async def exempt():
            return "as ever"

    client = serve_beside_quart(build)
    answer = ask(client, "/", OURS)
    assert (answer.text, answer.header("access-control-allow-origin")) == ("hello", OURS)
    assert answer.header("access-control-expose-headers") == "X-Count"
    assert answer.header("vary") == "Origin"
    assert ask(client, "/", "https://www.ours.example").header("access-control-allow-origin")
    assert ask(client, "/", THEIRS).header("access-control-allow-origin") is None
    assert ask(client, "/", None).header("access-control-allow-origin") is None
    assert ask(client, "/refused", OURS).header("access-control-allow-origin") == OURS
    assert ask(client, "/missing", OURS).header("access-control-allow-origin") == OURS
    assert ask(client, "/exempt", OURS).header("access-control-allow-origin") is None


def test_an_app_answers_preflight_requests(serve_beside_quart: ServeBesideQuart) -> None:
    def build(app: DualApp) -> None:
        cors(app, allow_origin=OURS, allow_methods=["POST"], allow_headers=["X-Token", "X-Other"], max_age=60)

        @app.post("/")
        async def index():
            return {"body": (await request.get_data()).decode()}

    client = serve_beside_quart(build)
    answer = preflight(client, "/", OURS)
    assert answer.status == 200
    assert answer.header("access-control-allow-origin") == OURS
    assert answer.header("access-control-allow-methods") == "POST"
    assert answer.header("access-control-allow-headers") == "x-token"
    assert answer.header("access-control-max-age") == "60"
    assert preflight(client, "/", OURS, "DELETE").header("access-control-allow-methods") is None
    assert preflight(client, "/", THEIRS).header("access-control-allow-origin") is None
    assert client.post("/", [("Origin", OURS)], b"sent").json() == {"body": "sent"}


def test_one_route_has_rules_of_its_own(serve_beside_quart: ServeBesideQuart) -> None:
    def build(app: DualApp) -> None:
        @app.post("/open")
        @route_cors(
            allow_origin=[OURS],
            allow_credentials=True,
        )
        async def opened():
            return {"sent": await request.get_json()}, 201

        @app.get("/any")
        @route_cors()
        async def any_origin():
            return "anyone"

        @app.get("/closed")
        async def closed():
            return "nobody"

    client = serve_beside_quart(build)
    answer = client.post("/open", [("Origin", OURS)], json={"a": 1})
    assert (answer.status, answer.json()) == (201, {"sent": {"a": 1}})
    assert answer.header("access-control-allow-origin") == OURS
    assert answer.header("access-control-allow-credentials") == "true"
    assert ask(client, "/any", THEIRS).header("access-control-allow-origin") == "*"
    assert ask(client, "/closed", OURS).header("access-control-allow-origin") is None


def test_one_route_answers_preflight_requests(serve_beside_quart: ServeBesideQuart) -> None:
    def build(app: DualApp) -> None:
        @app.post("/")
        @route_cors(allow_origin=[OURS], allow_methods=["POST"], allow_headers=["X-Token"], max_age=timedelta(hours=1))
        async def index():
            return "posted"

    # Plain Quart 0.23 answers with a 500: quart-cors asks it for the answer to OPTIONS without the context it wants.
    client = serve_beside_quart(build, twin=version("quart") < "0.23")
    answer = preflight(client, "/", OURS)
    assert answer.status == 200
    assert set(str(answer.header("allow")).split(", ")) == {"OPTIONS", "POST"}
    assert answer.header("access-control-allow-methods") == "POST"
    assert answer.header("access-control-allow-headers") == "x-token"
    assert answer.header("access-control-max-age") == "3600"


def test_a_blueprint_has_rules_of_its_own(serve_beside_quart: ServeBesideQuart) -> None:
    def build(app: DualApp) -> None:
        app.config.update(QUART_CORS_ALLOW_ORIGIN=[OURS], QUART_CORS_MAX_AGE=5)
        api = cors(Blueprint("api", __name__, url_prefix="/api"))

        @api.route("/", methods=["GET", "PUT"])
        async def index():
            return {"method": request.method}

        @app.get("/")
        async def outside():
            return "outside"

        app.register_blueprint(api)

    client = serve_beside_quart(build)
    assert ask(client, "/api/", OURS).header("access-control-allow-origin") == OURS
    assert ask(client, "/api/", THEIRS).header("access-control-allow-origin") is None
    assert preflight(client, "/api/", OURS, "PUT").header("access-control-max-age") == "5"
    assert ask(client, "/", OURS).header("access-control-allow-origin") is None


def test_credentials_for_everyone_are_refused(serve_beside_quart: ServeBesideQuart) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        @route_cors(allow_credentials=True, allow_origin="*")
        async def index():
            return "never"

    assert ask(serve_beside_quart(build), "/", OURS).status == 500
