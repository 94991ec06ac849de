"""dualapp: `def` views under WSGI, and an `async def` view, which crosses."""

import time
from collections import Counter
from typing import Any

from benchmarks.tables import MILLISECOND, RESOURCES, ROWS
from dualapp import DualApp, Response, abort, redirect, render_template, request, session


def hello() -> DualApp:
    app = DualApp(__name__)

    @app.get("/")
    def index() -> dict[str, str]:
        return {"hello": "world"}

    return app


def crossed() -> DualApp:
    app = DualApp(__name__)

    @app.get("/")
    async def index() -> dict[str, str]:
        return {"hello": "world"}

    return app


def compute() -> DualApp:
    app = DualApp(__name__)

    @app.get("/")
    def index() -> dict[str, str]:
        sum(range(MILLISECOND))
        return {"hello": "world"}

    return app


def wait_longer() -> DualApp:
    app = DualApp(__name__)

    @app.get("/")
    def index() -> dict[str, str]:
        time.sleep(0.005)
        return {"hello": "world"}

    return app


def person() -> DualApp:
    app = DualApp(__name__)

    @app.get("/person/<int:number>")
    def show(number: int) -> dict[str, int]:
        return {"person": number}

    return app


def text() -> DualApp:
    app = DualApp(__name__)

    @app.get("/")
    def index() -> str:
        return "Hello, World!"

    return app


def created() -> DualApp:
    app = DualApp(__name__)

    @app.get("/")
    def create() -> tuple[str, int, dict[str, str]]:
        return "created", 201, {"Location": "/person/42"}

    return app


def empty() -> DualApp:
    app = DualApp(__name__)

    @app.get("/")
    def index() -> tuple[str, int]:
        return "", 204

    return app


def moved() -> DualApp:
    app = DualApp(__name__)

    @app.get("/")
    def index() -> Any:
        return redirect("/elsewhere")

    return app


def search() -> DualApp:
    app = DualApp(__name__)

    @app.get("/search")
    def find() -> dict[str, str]:
        return {"q": request.args["q"], "token": request.headers["X-Token"]}

    return app


def json() -> DualApp:
    app = DualApp(__name__)

    @app.post("/")
    def age() -> dict[str, Any]:
        person = request.get_json()
        return {"person": person, "age": 1851 - person["born"]}

    return app


def form() -> DualApp:
    app = DualApp(__name__)

    @app.post("/")
    def register() -> dict[str, str]:
        return {name: request.form[name] for name in ("name", "city", "email")}

    return app


def visits() -> DualApp:
    app = DualApp(__name__)
    app.secret_key = "only for the benchmark"

    @app.get("/")
    def index() -> dict[str, int]:
        session["visits"] = session.get("visits", 0) + 1
        return {"visits": session["visits"]}

    return app


def hooks() -> DualApp:
    app = hello()
    counts: Counter[str] = Counter()

    @app.before_request
    def before() -> None:
        counts["before"] += 1

    @app.after_request
    def after(response: Response) -> Response:
        response.headers["X-Hooks"] = str(counts["before"] - counts["teardown"])
        return response

    @app.teardown_request
    def teardown(error: BaseException | None) -> None:
        counts["teardown"] += 1

    return app


def template() -> DualApp:
    app = DualApp(__name__)

    @app.get("/")
    def people() -> str:
        return render_template("people.html", title="People", rows=ROWS)

    return app


def long_template() -> DualApp:
    app = DualApp(__name__)

    @app.get("/")
    def people() -> str:
        return render_template("people.html", title="People", rows=ROWS * 500)

    return app


def echo() -> DualApp:
    app = DualApp(__name__)

    @app.post("/")
    def index() -> Any:
        return request.get_json()

    return app


def upload() -> DualApp:
    app = DualApp(__name__)
    app.config["MAX_CONTENT_LENGTH"] = None

    @app.post("/")
    def index() -> dict[str, int]:
        files = request.files
        return {"size": len(files["file"].read())}

    return app


def raised() -> DualApp:
    app = DualApp(__name__)

    @app.get("/")
    def index() -> Any:
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
    def whole() -> dict[str, Any]:
        return {"resource": resource, "item": None}

    def part(item: int) -> dict[str, Any]:
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
