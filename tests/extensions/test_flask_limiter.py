"""Flask-Limiter

Limits by default, per view, per blueprint and shared, counted in memory and in Redis; headers, exemptions, requests
at the same time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

from dualapp import Blueprint, DualApp, request

from ..conftest import Serve
from ..support.entry_driver import Ask
from ..support.recolour import Build
from ..support.redis_server import redis_server


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with redis_server() as url:
        yield url


@pytest.fixture(params=["memory", "redis"])
def counted(request: pytest.FixtureRequest) -> Build:
    """What tells an app where to count; in Redis the app and its twin count under names of their own."""
    if request.param == "memory":

        def in_memory(app: DualApp) -> None:
            app.config["RATELIMIT_STORAGE_URI"] = "memory://"

        return in_memory

    url = request.getfixturevalue("redis_url")
    name = request.node.name

    def in_redis(app: DualApp) -> None:
        app.config.update(RATELIMIT_STORAGE_URI=url, RATELIMIT_KEY_PREFIX=f"{name} {type(app).__module__}")

    return in_redis


def user() -> str:
    return request.headers.get("X-User", "nobody")


def limited(app: DualApp) -> None:
    # A moving window: a fixed one could end within a test.
    app.config["RATELIMIT_STRATEGY"] = "moving-window"
    limiter = Limiter(get_remote_address, app=app, default_limits=["3/hour"])
    app.extensions["served"] = served = Counter()
    shared = limiter.shared_limit("3/hour", scope="search")

    @app.get("/default")
    async def default():
        return "default"

    @app.get("/single")
    @limiter.limit("1/hour", error_message="once an hour")
    async def single():
        served["single"] += 1
        return "single"

    @app.route("/user", methods=["GET", "POST"])
    @limiter.limit(lambda: "4/hour" if user() == "ada" else "2/hour", key_func=user, per_method=True)
    async def by_user():
        served[user()] += 1
        return user()

    @app.get("/exempt")
    @limiter.exempt
    async def exempt():
        return "exempt"

    @app.get("/people")
    @shared
    async def people():
        return "people"

    @app.get("/places")
    @shared
    async def places():
        return "places"

    @app.get("/sign-in/<int:status>")
    @limiter.limit("2/hour", deduct_when=lambda response: response.status_code == 401)
    async def sign_in(status):
        return "signed in", status

    @app.get("/part/<word>")
    async def part(word):
        if word == "dear":
            with limiter.limit("1/hour"):
                return "dear part"
        return "cheap part"

    @limiter.request_filter
    def from_within():
        return request.headers.get("X-Within") == "yes"

    api = Blueprint("api", "tests.parity", url_prefix="/api")

    @api.get("/")
    async def index():
        return "api"

    app.register_blueprint(api)
    limiter.limit("2/hour")(api)


def answering(app: DualApp) -> None:
    @app.errorhandler(429)
    async def too_many(error):
        return {"limit": error.description}, 429


def statuses(client, path: str, times: int, *headers: tuple[str, str]) -> list[int]:
    return [client.get(path, headers).status for _ in range(times)]


def test_default_limits_hold_for_each_view_without_its_own(serve: Serve, counted: Build) -> None:
    client = serve(counted, limited)
    assert statuses(client, "/default", 4) == [200, 200, 200, 429]
    assert statuses(client, "/single", 2) == [200, 429]
    assert client.app.extensions["served"]["single"] == 1


def test_limits_by_a_key_and_a_method_and_as_a_function_says(serve: Serve, counted: Build) -> None:
    client = serve(counted, limited)
    assert statuses(client, "/user", 5, ("X-User", "ada")) == [200] * 4 + [429]
    assert statuses(client, "/user", 3, ("X-User", "grace")) == [200, 200, 429]
    assert client.post("/user", [("X-User", "grace")]).status == 200
    assert client.app.extensions["served"] == {"ada": 4, "grace": 3}


def test_views_share_a_limit(serve: Serve, counted: Build) -> None:
    client = serve(counted, limited)
    paths = ["/people", "/places", "/people", "/places", "/people"]
    assert [client.get(path).status for path in paths] == [200, 200, 200, 429, 429]


def test_blueprints_have_limits(serve: Serve, counted: Build) -> None:
    assert statuses(serve(counted, limited), "/api/", 3) == [200, 200, 429]


def test_what_is_exempt_is_not_counted(serve: Serve, counted: Build) -> None:
    client = serve(counted, limited)
    assert statuses(client, "/exempt", 5) == [200] * 5
    assert statuses(client, "/single", 3, ("X-Within", "yes")) == [200] * 3


def test_only_the_answers_that_count_are_deducted(serve: Serve, counted: Build) -> None:
    client = serve(counted, limited)
    assert statuses(client, "/sign-in/200", 4) == [200] * 4
    assert statuses(client, "/sign-in/401", 3) == [401, 401, 429]


def test_a_part_of_a_view_is_limited(serve: Serve, counted: Build) -> None:
    client = serve(counted, limited)
    assert statuses(client, "/part/dear", 2) == [200, 429]
    assert statuses(client, "/part/cheap", 1) == [200]


def test_an_error_handler_answers_those_over_the_limit(serve: Serve, counted: Build) -> None:
    client = serve(counted, limited, answering)
    client.get("/single")
    refused = client.get("/single")
    assert (refused.status, refused.json()) == (429, {"limit": "once an hour"})


def test_headers_tell_what_is_left(serve: Serve, counted: Build) -> None:
    def telling(app: DualApp) -> None:
        app.config["RATELIMIT_HEADERS_ENABLED"] = True

    client = serve(counted, telling, limited, twin=False)  # some of the headers tell the time
    answers = [client.get("/default") for _ in range(4)]
    assert [answer.header("x-ratelimit-limit") for answer in answers] == ["3"] * 4
    assert [answer.header("x-ratelimit-remaining") for answer in answers] == ["2", "1", "0", "0"]
    assert 0 < int(answers[3].header("retry-after") or 0) <= 3601


def test_no_more_pass_at_the_same_time_than_one_after_the_other(serve: Serve, counted: Build) -> None:
    client = serve(counted, limited)
    answers = client.many([Ask("GET", "/user", [("X-User", "ada")])] * 10)
    assert sorted(answer.status for answer in answers) == [200] * 4 + [429] * 6
    assert client.app.extensions["served"] == {"ada": 4}
