"""dualapp: `async def` views under ASGI, and a `def` view, which crosses."""

import asyncio
from collections import Counter
from typing import Any

from benchmarks.tables import MILLISECOND, RESOURCES, ROWS
from dualapp import DualApp, Response, abort, redirect, render_template, request, session


def hello() -> DualApp:
    app = DualApp(__name__)

    @app.get("/")
    async def index() -> dict[str, str]:
        return {"hello": "world"}

    return app


def crossed() -> DualApp:
    app = DualApp(__name__)

    @app.get("/")
    def index() -> dict[str, str]:
        return {"hello": "world"}

    return app


def person() -> DualApp:
    app = DualApp(__name__)

    @app.get("/person/<int:number>")
    async def show(number: int) -> dict[str, int]:
        return {"person": number}

    return app


def text() -> DualApp:
    app = DualApp(__name__)

    @app.get("/")
    async def index() -> str:
        return "Hello, World!"

    return app


def created() -> DualApp:
    app = DualApp(__name__)

    @app.get("/")
    async def create() -> tuple[str, int, dict[str, str]]:
        return "created", 201, {"Location": "/person/42"}

    return app


def empty() -> DualApp:
    app = DualApp(__name__)

    @app.get("/")
    async def index() -> tuple[str, int]:
        return "", 204

    return app


def moved() -> DualApp:
    app = DualApp(__name__)

    @app.get("/")
    async def index() -> Any:
        return redirect("/elsewhere")

    return app


def search() -> DualApp:
    app = DualApp(__name__)

    @app.get("/search")
    async def find() -> dict[str, str]:
        return {"q": request.args["q"], "token": request.headers["X-Token"]}

    return app


def json() -> DualApp:
    app = DualApp(__name__)

    @app.post("/")
    async def age() -> dict[str, Any]:
        person = await request.get_json()
        return {"person": person, "age": 1851 - person["born"]}

    return app


def wait() -> DualApp:
    app = DualApp(__name__)

    @app.get("/")
    async def index() -> dict[str, str]:
        await asyncio.sleep(0.001)
        return {"hello": "world"}

    return app


def compute() -> DualApp:
    app = DualApp(__name__)

    @app.get("/")
    async def index() -> dict[str, str]:
        sum(range(MILLISECOND))
        return {"hello": "world"}

    return app


def wait_longer() -> DualApp:
    app = DualApp(__name__)

    @app.get("/")
    async def index() -> dict[str, str]:
        await asyncio.sleep(0.005)
        return {"hello": "world"}

    return app


def wait_long() -> DualApp:
    app = DualApp(__name__)

    @app.get("/")
    async def index() -> dict[str, str]:
        await asyncio.sleep(1)
        return {"hello": "world"}

    return app


def wait_json() -> DualApp:
    app = DualApp(__name__)

    @app.post("/")
    async def age() -> dict[str, Any]:
        person = await request.get_json()
        await asyncio.sleep(0.001)
        return {"person": person, "age": 1851 - person["born"]}

    return app


def form() -> DualApp:
    app = DualApp(__name__)

    @app.post("/")
    async def register() -> dict[str, str]:
        fields = await request.form
        return {name: fields[name] for name in ("name", "city", "email")}

    return app


def visits() -> DualApp:
    app = DualApp(__name__)
    app.secret_key = "only for the benchmark"

    @app.get("/")
    async def index() -> dict[str, int]:
        session["visits"] = session.get("visits", 0) + 1
        return {"visits": session["visits"]}

    return app


def hooks() -> DualApp:
    return with_hooks(hello())


def busy() -> DualApp:
    app = DualApp(__name__)
    app.secret_key = "only for the benchmark"

    @app.get("/")
    async def index() -> dict[str, int]:
        session["visits"] = session.get("visits", 0) + 1
        await asyncio.sleep(0.005)
        return {"visits": session["visits"]}

    return with_hooks(app)


def with_hooks(app: DualApp) -> DualApp:
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


def template() -> DualApp:
    app = DualApp(__name__)

    @app.get("/")
    async def people() -> str:
        return await render_template("people.html", title="People", rows=ROWS)

    return app


def long_template() -> DualApp:
    app = DualApp(__name__)

    @app.get("/")
    async def people() -> str:
        return await render_template("people.html", title="People", rows=ROWS * 500)

    return app


def echo() -> DualApp:
    app = DualApp(__name__)

    @app.post("/")
    async def index() -> Any:
        return await request.get_json()

    return app


def upload() -> DualApp:
    app = DualApp(__name__)
    app.config["MAX_CONTENT_LENGTH"] = None

    @app.post("/")
    async def index() -> dict[str, int]:
        files = await request.files
        return {"size": len(files["file"].read())}

    return app


def raised() -> DualApp:
    app = DualApp(__name__)

    @app.get("/")
    async def index() -> Any:
        abort(403)

    return app


static_file = not_modified = not_found = not_allowed = hello


def routes_10() -> DualApp:
    return rest(RESOURCES[:2])


def routes_1000() -> DualApp:
    return rest(RESOURCES)


def rest(resources: list[str]) -> DualApp:
    app = DualApp(__name__)
    for resource in resources:
        add_resource(app, resource)
    return app


def add_resource(app: DualApp, resource: str) -> None:
    async def whole() -> dict[str, Any]:
        return {"resource": resource, "item": None}

    async def part(item: int) -> dict[str, Any]:
        return {"resource": resource, "item": item}

    item = f"{resource}/<int:item>"
    for method, rule, view in [
        ("GET", resource, whole),
        ("POST", resource, whole),
        ("GET", item, part),
        ("PUT", item, part),
        ("DELETE", item, part),
    ]:
        app.add_url_rule(rule, f"{method} {rule}", view, methods=[method])
