"""What users write, for the type checker to read: mypy --strict must have nothing to say. It is not run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from dualapp import (
    Blueprint,
    DualApp,
    Response,
    ResponseReturnValue,
    copy_current_request_context,
    current_app,
    jsonify,
    make_response,
    redirect,
    render_template,
    request,
    send_file,
    session,
    stream_with_context,
    url_for,
    websocket,
)

app = DualApp(__name__)
pages = Blueprint("pages", __name__)


@app.get("/sync")
def sync() -> Response:
    response = make_response({"name": request.get_json()["name"]})
    response.set_cookie("seen", "yes")
    return response


@app.get("/async")
async def asynchronous() -> Response:
    response = await make_response(await render_template("page.html", title="x"), 201)
    body: bytes = await response.get_data()
    response.headers["X-Length"] = str(len(body))
    return response


@app.post("/both")
async def both() -> tuple[dict[str, str], int]:
    form = await request.form
    session["name"] = form["name"]
    return {"where": url_for("both")}, 202


@pages.get("/file")
async def file() -> Response:
    return await send_file("x.txt")


@pages.route("/away", methods=["GET", "POST"])
def away() -> Response:
    return redirect(url_for("sync"))


@app.get("/any")
async def anything() -> ResponseReturnValue:
    return {"any": "thing"}, 201


@app.websocket("/socket")
async def socket() -> None:
    await websocket.send(await websocket.receive())


@app.get("/words")
def words() -> Iterator[str]:
    return iter(["a", "b"])


@app.get("/later")
async def later() -> AsyncIterator[str]:
    @stream_with_context
    async def generate() -> AsyncIterator[str]:
        yield request.path

    stream: AsyncIterator[str] = generate()
    return stream


@app.before_request
async def before() -> None:
    current_app.logger.info("before")


@app.after_request
def after(response: Response) -> Response:
    return response


@app.teardown_request
async def teardown(error: BaseException | None) -> None:
    pass


@app.errorhandler(404)
async def missing(error: Exception) -> tuple[str, int]:
    return "missing", 404


@app.before_serving
async def connect() -> None:
    pass


@app.while_serving
async def beat() -> AsyncIterator[None]:
    yield


@app.context_processor
async def extra() -> dict[str, int]:
    return {"one": 1}


async def send_mail(address: str) -> None:
    pass


@app.post("/mail")
def mail() -> Response:
    app.add_background_task(copy_current_request_context(send_mail), "a@example.org")
    return jsonify(sent=True)


async def use() -> int:
    async with app.test_request_context("/sync"), app.app_context():
        path: str = request.path
    client = app.test_client()
    response = await client.get(path)
    return int(response.status_code)


def use_sync() -> str:
    with app.test_request_context("/sync"), app.app_context():
        text: str = app.test_client().get("/sync").text
    return text


app.register_blueprint(pages)
