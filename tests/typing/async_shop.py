"""The shop of `sync_shop.py` in `async def`, as it would be written for Quart, and with a websocket."""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import wraps
from typing import Any, ParamSpec

from flask.views import MethodView
from werkzeug.exceptions import HTTPException

from dualapp import (
    Blueprint,
    DualApp,
    Response,
    ResponseReturnValue,
    abort,
    after_this_request,
    copy_current_request_context,
    current_app,
    flash,
    g,
    jsonify,
    make_response,
    redirect,
    render_template_string,
    request,
    send_file,
    session,
    stream_template_string,
    stream_with_context,
    url_for,
    websocket,
)

from .catalogue import LINE, LIST, Catalogue, Item, OutOfStock

P = ParamSpec("P")

items = Blueprint("items", __name__, url_prefix="/items")
api = Blueprint("api", __name__, url_prefix="/api")
log: list[str] = []


def catalogue() -> Catalogue:
    """Return the catalogue of the running app."""
    found: Catalogue = current_app.extensions["catalogue"]
    return found


def login_required(
    view: Callable[P, Awaitable[ResponseReturnValue]],
) -> Callable[P, Awaitable[ResponseReturnValue]]:
    """Send who is not logged in to the login page."""

    @wraps(view)
    async def wrapped(*args: P.args, **kwargs: P.kwargs) -> ResponseReturnValue:
        if "user" not in session:
            await flash("Please log in.")
            return redirect(url_for("login", next=request.full_path))
        return await view(*args, **kwargs)

    return wrapped


async def item_from_form() -> Item:
    """Add the item that a form describes, with its picture if there is one."""
    form = await request.form
    item = catalogue().add(form["name"].strip(), form.get("price", 0, type=int))
    picture = (await request.files).get("picture")
    if picture is not None and picture.filename:
        item.picture = picture.read()
    return item


@items.get("/")
async def index() -> str:
    page = request.args.get("page", 1, type=int)
    shown = catalogue().search(request.args.get("q", ""))[10 * (page - 1) : 10 * page]
    return await render_template_string(LIST, items=shown)


@items.get("/<int:number>")
async def show(number: int) -> str:
    text = await render_template_string("{{ item.name }}", item=catalogue().get(number))
    text = text.upper()
    text += "!"
    return text


@items.post("/")
@login_required
async def add() -> ResponseReturnValue:
    item = await item_from_form()
    await flash(f"{item.name} has been added.")
    return redirect(url_for(".index"), 303)


@items.get("/<int:number>/picture")
async def picture(number: int) -> Response:
    item = catalogue().get(number)
    if not item.picture:
        abort(404)
    response = await send_file(io.BytesIO(item.picture), mimetype="image/png", download_name=f"{number}.png")
    response.cache_control.max_age = 60
    return response


@items.put("/<int:number>/picture")
async def replace_picture(number: int) -> tuple[str, int]:
    data = b""
    async for chunk in request.body:
        data += chunk
    catalogue().get(number).picture = data.strip() or b"nothing"
    return "", 204


@items.get("/export.csv")
async def export() -> Response:
    @stream_with_context
    async def lines() -> AsyncIterator[str]:
        yield f"# {request.host}\n"
        for item in catalogue():
            yield await render_template_string(LINE, item=item) + "\n"

    response = await make_response(lines())
    response.timeout = None
    response.mimetype = "text/csv"
    return response


@items.get("/list.txt")
async def list_as_text() -> AsyncIterator[str]:
    return await stream_template_string("{% for item in items %}{{ item.name }}\n{% endfor %}", items=catalogue())


class ItemView(MethodView):
    """The interface for programs to one item."""

    async def get(self, number: int) -> dict[str, Any]:
        return catalogue().get(number).as_json()

    async def patch(self, number: int) -> Response:
        item, changes = catalogue().get(number), await request.get_json()
        item.name = changes.get("name", item.name)
        item.price = int(changes.get("price", item.price))
        return jsonify(item.as_json())


api.add_url_rule("/items/<int:number>", view_func=ItemView.as_view("item"))


@api.post("/echo")
async def echo() -> Response:
    text = await request.get_data(as_text=True)
    response = await make_response(text.upper(), 202)
    response.mimetype = request.mimetype
    return response


@api.get("/about")
async def about() -> dict[str, Any]:
    return {
        "method": request.method,
        "endpoint": request.endpoint,
        "agent": request.user_agent.string,
        "language": request.accept_languages.best_match(["de", "en"], "en"),
        "user": session.get("user"),
        "length": len(catalogue()),
        "number": g.number,
    }


@api.before_request
async def count() -> None:
    g.number = session.get("number", 0) + 1
    session["number"] = g.number


@api.post("/mail")
async def mail() -> tuple[dict[str, bool], int]:
    @copy_current_request_context
    async def send(address: str) -> None:
        log.append(f"{request.path}: {address}")

    @after_this_request
    async def mark(response: Response) -> Response:
        response.headers["X-Mail"] = "queued"
        return response

    current_app.add_background_task(send, (await request.form)["address"])
    return {"queued": True}, 202


async def login() -> ResponseReturnValue:
    if request.method == "GET":
        return await render_template_string("<form method=post>{{ get_flashed_messages()[0] }}</form>")
    session.clear()
    session["user"] = (await request.form)["user"]
    response = redirect((await request.values).get("next") or url_for("items.index"))
    response.set_cookie("seen", "yes", httponly=True, samesite="Lax")
    return response


async def prices() -> None:
    while True:
        number = int(await websocket.receive())
        await websocket.send_json({"price": catalogue().get(number).price})


async def refuse(error: OutOfStock) -> ResponseReturnValue:
    return {"error": str(error), "path": request.path}, 404


async def explain(error: HTTPException) -> ResponseReturnValue:
    response = await make_response(error.get_response())
    response.set_data(f"{error.code} {error.name}")
    return response


async def add_length(response: Response) -> Response:
    if not response.is_streamed and not response.direct_passthrough:
        response.headers["X-Length"] = str(len(await response.get_data()))
    return response


def euros(price: int) -> str:
    return f"{price / 100:.2f} €"


async def close(error: BaseException | None) -> None:
    log.append(type(error).__name__)


def create_app() -> DualApp:
    """Make the shop, with two items."""
    app = DualApp(__name__)
    app.secret_key = "for tests"
    goods = app.extensions["catalogue"] = Catalogue()

    @app.while_serving
    async def stock() -> AsyncIterator[None]:
        async with asyncio.timeout(60):
            goods.add("Tea", 250)
            goods.add("Cup", 900)
        yield

    @app.context_processor
    async def title() -> dict[str, str]:
        return {"title": current_app.config.get("TITLE", "Shop")}

    @app.cli.command("count")
    async def print_count() -> None:
        print(len(goods))

    app.add_url_rule("/login", view_func=login, methods=["GET", "POST"])
    app.add_websocket("/prices", view_func=prices)
    app.register_error_handler(OutOfStock, refuse)
    app.register_error_handler(HTTPException, explain)
    app.after_request(add_length)
    app.teardown_request(close)
    app.add_template_filter(euros)
    app.register_blueprint(items)
    app.register_blueprint(api)
    return app
