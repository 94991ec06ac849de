"""quart-rate-limiter

Limits of routes, blueprints and the whole app, several at once, keys and exceptions of one's own, exempt routes, the
RateLimit headers, stores that are opened before serving and closed after it, one of them in Redis.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
import quart
import redis
from quart_rate_limiter import RateLimit, RateLimiter, RateLimitExceeded, limit_blueprint, rate_exempt, rate_limit
from quart_rate_limiter.redis_store import RedisStore
from quart_rate_limiter.store import MemoryStore, RateLimiterStoreABC

from dualapp import Blueprint, DualApp, request

from ..support.entry_driver import Answer, Ask
from ..support.redis_server import redis_server
from .quart_twin import ServeBesideQuart

# The extension ends its client of Redis by a method that has another name now.
pytestmark = pytest.mark.filterwarnings(r"ignore:Call to deprecated close\.:DeprecationWarning")

HOUR = timedelta(hours=1)
# How long to wait is told in whole seconds, of which one may just have passed.
CHANCE = {"ratelimit-reset", "retry-after"}


def limits_of(answer: Answer) -> tuple[int, str | None, str | None]:
    return answer.status, answer.header("ratelimit-limit"), answer.header("ratelimit-remaining")


async def named_key() -> str:
    return quart.request.args.get("name", "nobody")


async def is_friend() -> bool:
    return quart.request.headers.get("X-Friend") == "yes"


def test_a_route_is_limited(serve_beside_quart: ServeBesideQuart) -> None:
    def build(app: DualApp) -> None:
        RateLimiter(app)

        @app.get("/")
        @rate_limit(2, HOUR)
        async def index():
            return {"path": request.path}

        @app.get("/free")
        async def free():
            return "free"

    client = serve_beside_quart(build, chance=CHANCE)
    assert limits_of(client.get("/")) == (200, "2", "1")
    answer = client.get("/")
    assert limits_of(answer) == (200, "2", "0")
    assert 3595 <= int(str(answer.header("ratelimit-reset"))) <= 3600
    answer = client.get("/")
    assert limits_of(answer) == (429, "2", "0")
    # The extension and Werkzeug each add one.
    assert all(1795 <= int(wait) <= 1800 for wait in answer.all("retry-after"))
    assert answer.all("retry-after")
    assert limits_of(client.get("/free")) == (200, None, None)


def test_the_app_and_a_route_limit_together(serve_beside_quart: ServeBesideQuart) -> None:
    def build(app: DualApp) -> None:
        RateLimiter(app, default_limits=[RateLimit(3, HOUR)])

        @app.get("/")
        @rate_limit(limits=[RateLimit(1, HOUR / 2), RateLimit(5, 2 * HOUR)])
        async def index():
            return "index"

        @app.get("/other")
        async def other():
            return "other"

        @app.get("/exempt")
        @rate_exempt
        async def exempt():
            return "exempt"

    client = serve_beside_quart(build, chance=CHANCE)
    assert [limits_of(client.get("/")) for _ in range(2)] == [(200, "1", "0"), (429, "1", "0")]
    assert [client.get("/other").status for _ in range(4)] == [200, 200, 200, 429]
    assert [limits_of(client.get("/exempt")) for _ in range(4)] == [(200, None, None)] * 4


def test_a_blueprint_is_limited(serve_beside_quart: ServeBesideQuart) -> None:
    def build(app: DualApp) -> None:
        RateLimiter(app)
        api = Blueprint("api", __name__, url_prefix="/api")
        limit_blueprint(api, 1, HOUR)

        @api.get("/<int:number>")
        async def show(number):
            return {"number": number}

        app.register_blueprint(api)

    client = serve_beside_quart(build, chance=CHANCE)
    assert client.get("/api/1").json() == {"number": 1}
    assert client.get("/api/2").status == 429


def test_keys_and_exceptions_of_ones_own(serve_beside_quart: ServeBesideQuart) -> None:
    def build(app: DualApp) -> None:
        RateLimiter(app, key_function=named_key, skip_function=is_friend)

        @app.get("/")
        @rate_limit(1, HOUR)
        async def index():
            return {"name": request.args["name"]}

    client = serve_beside_quart(build, chance=CHANCE)
    assert client.get("/?name=ann").json() == {"name": "ann"}
    assert client.get("/?name=ann").status == 429
    assert client.get("/?name=bob").status == 200
    assert client.get("/?name=ann", [("X-Friend", "yes")]).status == 200


def test_addresses_have_limits_of_their_own(serve_beside_quart: ServeBesideQuart) -> None:
    def build(app: DualApp) -> None:
        RateLimiter(app)

        @app.get("/")
        @rate_limit(1, HOUR)
        async def index():
            return {"address": request.access_route[0]}

    client = serve_beside_quart(build, chance=CHANCE)
    assert client.get("/").json() == {"address": "127.0.0.1"}
    assert client.get("/").status == 429
    assert client.get("/", [("X-Forwarded-For", "192.0.2.1")]).json() == {"address": "192.0.2.1"}


def test_a_limit_that_is_exceeded_has_a_handler(serve_beside_quart: ServeBesideQuart) -> None:
    def build(app: DualApp) -> None:
        RateLimiter(app)

        @app.errorhandler(RateLimitExceeded)
        async def too_many(error):
            return {"soon": error.retry_after <= 3600}, 429

        @app.get("/")
        @rate_limit(1, HOUR)
        async def index():
            return "index"

    client = serve_beside_quart(build, chance=CHANCE)
    client.get("/")
    assert client.get("/").json() == {"soon": True}


class Store(RateLimiterStoreABC):
    """A store that waits for its turn on the loop that it was opened on, as one over the network does."""

    def __init__(self, events: list[str]) -> None:
        self.events, self.memory = events, MemoryStore()

    async def before_serving(self) -> None:
        self.events.append("opened")
        self.loop, self.turn = asyncio.get_running_loop(), asyncio.Lock()

    async def get(self, key: str, default: datetime) -> datetime:
        async with self.turn:
            await asyncio.sleep(0)
            assert asyncio.get_running_loop() is self.loop
            return await self.memory.get(key, default)

    async def set(self, key: str, tat: datetime) -> None:
        async with self.turn:
            await self.memory.set(key, tat)

    async def after_serving(self) -> None:
        self.events.append("closed")


def test_a_store_lives_as_long_as_the_app_serves(serve_beside_quart: ServeBesideQuart) -> None:
    stores = []

    def build(app: DualApp) -> None:
        stores.append([])
        RateLimiter(app, store=Store(stores[-1]), default_limits=[RateLimit(20, HOUR)])

        @app.get("/")
        async def index():
            return "index"

    client = serve_beside_quart(build, chance=CHANCE)
    assert limits_of(client.get("/")) == (200, "20", "19")
    assert {answer.status for answer in client.many([Ask()] * 10, 5)} == {200}
    serve_beside_quart.ends.close()
    assert stores == [["opened", "closed"]] * 2


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    with redis_server() as url:
        yield url


@pytest.fixture
def databases(redis_url: str) -> Iterator[str]:
    """Empty databases, one for each app: two apps of one name would count together."""
    with redis.Redis.from_url(redis_url) as connection:
        connection.flushall()
    return (f"{redis_url.removesuffix('/0')}/{number}" for number in range(16))


def test_limits_are_kept_in_redis(serve_beside_quart: ServeBesideQuart, databases: Iterator[str]) -> None:
    def build(app: DualApp) -> None:
        RateLimiter(app, store=RedisStore(next(databases)))

        @app.get("/")
        @rate_limit(12, HOUR)
        async def index():
            return "index"

    client = serve_beside_quart(build, chance=CHANCE)
    assert limits_of(client.get("/")) == (200, "12", "11")
    assert limits_of(client.get("/")) == (200, "12", "10")
    assert [client.get("/").status for _ in range(11)] == [200] * 10 + [429]
