"""Flask: `def` views under WSGI, and an `async def` view."""

from collections import Counter
from typing import Any

from flask import Flask, Response, abort, render_template, request, session

from benchmarks.tables import ROWS


def hello() -> Flask:
    app = Flask(__name__)

    @app.get("/")
    def index() -> dict[str, str]:
        return {"hello": "world"}

    return app


def crossed() -> Flask:
    app = Flask(__name__)

    @app.get("/")
    async def index() -> dict[str, str]:
        return {"hello": "world"}

    return app


def form() -> Flask:
    app = Flask(__name__)

    @app.post("/")
    def register() -> dict[str, str]:
        return {name: request.form[name] for name in ("name", "city", "email")}

    return app


def visits() -> Flask:
    app = Flask(__name__)
    app.secret_key = "only for the benchmark"

    @app.get("/")
    def index() -> dict[str, int]:
        session["visits"] = session.get("visits", 0) + 1
        return {"visits": session["visits"]}

    return app


def hooks() -> Flask:
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


def template() -> Flask:
    app = Flask(__name__)

    @app.get("/")
    def people() -> str:
        return render_template("people.html", title="People", rows=ROWS)

    return app


def long_template() -> Flask:
    app = Flask(__name__)

    @app.get("/")
    def people() -> str:
        return render_template("people.html", title="People", rows=ROWS * 500)

    return app


def echo() -> Flask:
    app = Flask(__name__)

    @app.post("/")
    def index() -> Any:
        return request.get_json()

    return app


def upload() -> Flask:
    app = Flask(__name__)
    app.config["MAX_CONTENT_LENGTH"] = None

    @app.post("/")
    def index() -> dict[str, int]:
        files = request.files
        return {"size": len(files["file"].read())}

    return app


def raised() -> Flask:
    app = Flask(__name__)

    @app.get("/")
    def index() -> Any:
        abort(403)

    return app


static_file = not_modified = not_found = not_allowed = hello
