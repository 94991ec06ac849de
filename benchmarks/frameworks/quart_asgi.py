"""Quart: `async def` views under ASGI."""

import asyncio
from collections import Counter
from typing import Any

from quart import Quart, Response, abort, render_template, request, session

from benchmarks.tables import ROWS


def hello() -> Quart:
    app = Quart(__name__)

    @app.get("/")
    async def index() -> dict[str, str]:
        return {"hello": "world"}

    return app


def wait() -> Quart:
    app = Quart(__name__)

    @app.get("/")
    async def index() -> dict[str, str]:
        await asyncio.sleep(0.001)
        return {"hello": "world"}

    return app


def wait_long() -> Quart:
    app = Quart(__name__)

    @app.get("/")
    async def index() -> dict[str, str]:
        await asyncio.sleep(1)
        return {"hello": "world"}

    return app


def wait_json() -> Quart:
    app = Quart(__name__)

    @app.post("/")
    async def age() -> dict[str, Any]:
        person = await request.get_json()
        await asyncio.sleep(0.001)
        return {"person": person, "age": 1851 - person["born"]}

    return app


def form() -> Quart:
    app = Quart(__name__)

    @app.post("/")
    async def register() -> dict[str, str]:
        fields = await request.form
        return {name: fields[name] for name in ("name", "city", "email")}

    return app


def visits() -> Quart:
    app = Quart(__name__)
    app.secret_key = "only for the benchmark"

    @app.get("/")
    async def index() -> dict[str, int]:
        session["visits"] = session.get("visits", 0) + 1
        return {"visits": session["visits"]}

    return app


def hooks() -> Quart:
    return with_hooks(hello())


def busy() -> Quart:
    app = Quart(__name__)
    app.secret_key = "only for the benchmark"

    @app.get("/")
    async def index() -> dict[str, int]:
        session["visits"] = session.get("visits", 0) + 1
        await asyncio.sleep(0.005)
        return {"visits": session["visits"]}

    return with_hooks(app)


def with_hooks(app: Quart) -> Quart:
    counts: Counter[str] = Counter()

    @app.before_request
    async def before() -> None:
        counts["before"] += 1

    @app.after_request
    async def after(response: Response) -> Response:
        response.headers["X-Hooks"] = str(counts["before"] - counts["teardown"])
        return response

    @app.teardown_request
    async def teardown(error: BaseException | None) -> None:
        counts["teardown"] += 1

    return app


def template() -> Quart:
    app = Quart(__name__)

    @app.get("/")
    async def people() -> str:
        return await render_template("people.html", title="People", rows=ROWS)

    return app


def long_template() -> Quart:
    app = Quart(__name__)

    @app.get("/")
    async def people() -> str:
        return await render_template("people.html", title="People", rows=ROWS * 500)

    return app


def echo() -> Quart:
    app = Quart(__name__)

    @app.post("/")
    async def index() -> Any:
        return await request.get_json()

    return app


def upload() -> Quart:
    app = Quart(__name__)
    app.config["MAX_CONTENT_LENGTH"] = None

    @app.post("/")
    async def index() -> dict[str, int]:
        files = await request.files
        return {"size": len(files["file"].read())}

    return app


def raised() -> Quart:
    app = Quart(__name__)

    @app.get("/")
    async def index() -> Any:
        abort(403)

    return app


static_file = not_modified = not_found = not_allowed = hello
