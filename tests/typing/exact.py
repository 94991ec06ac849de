"""The types of what an app uses, colour by colour. It is not run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from typing import IO, TYPE_CHECKING, Any, TypedDict, assert_type

from werkzeug.datastructures import (
    Authorization,
    CombinedMultiDict,
    FileStorage,
    ImmutableMultiDict,
    MultiDict,
)
from werkzeug.routing import Rule

from dualapp import (
    DualApp,
    Request,
    Response,
    as_asgi,
    as_wsgi,
    current_app,
    jsonify,
    make_response,
    redirect,
    render_template,
    render_template_string,
    request,
    send_file,
    send_from_directory,
    session,
    stream_template,
    stream_template_string,
    stream_with_context,
    url_for,
    websocket,
)
from dualapp.testing import DualClient

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

app = DualApp(__name__)


def what_no_colour_changes() -> None:
    assert_type(request.method, str)
    assert_type(request.path, str)
    assert_type(request.full_path, str)
    assert_type(request.url, str)
    assert_type(request.host, str)
    assert_type(request.remote_addr, str | None)
    assert_type(request.query_string, bytes)
    assert_type(request.args, MultiDict[str, str])
    assert_type(request.args.get("page", 1, type=int), int)
    assert_type(request.cookies, ImmutableMultiDict[str, str])
    assert_type(request.headers.get("Accept"), str | None)
    assert_type(request.headers["Accept"], str)
    assert_type(request.authorization, Authorization | None)
    assert_type(request.content_length, int | None)
    assert_type(request.max_content_length, int | None)
    assert_type(request.mimetype, str)
    assert_type(request.is_json, bool)
    assert_type(request.endpoint, str | None)
    assert_type(request.blueprint, str | None)
    assert_type(request.view_args, dict[str, Any] | None)
    assert_type(request.url_rule, Rule | None)
    assert_type(request.http_version, str)
    assert_type(request.stream, IO[bytes])
    assert_type(session.get("user"), Any | None)
    assert_type(url_for("index"), str)
    assert_type(jsonify(a=1), Response)
    assert_type(redirect("/"), Response)
    assert_type(make_response("", 204), Response)
    assert_type(send_file("x"), Response)
    assert_type(send_from_directory("x", "y"), Response)
    assert_type(current_app.name, str)
    assert_type(current_app.config["KEY"], Any)
    assert_type(current_app.test_client(), DualClient)
    assert_type(current_app._get_current_object(), DualApp)  # pyright: ignore[reportPrivateUsage]
    takes_request(request)
    takes_app(current_app)


def takes_request(_: Request) -> None: ...


def takes_app(_: DualApp) -> None: ...


def in_def_code(response: Response, client: DualClient) -> str:
    takes_form(request.form)
    assert_type(request.form["name"], str)
    assert_type(request.form.get("price", type=int), int | None)
    assert_type(request.files["picture"], FileStorage)
    assert_type(request.values["name"], str)
    assert_type(request.get_json(), Any)
    assert_type(request.json, Any)
    text: str = request.get_data(as_text=True)
    data: bytes = request.get_data() + request.data + response.get_data() + response.data
    text += response.get_data(as_text=True) + data.decode()
    answer = client.get("/")
    assert_type(answer.text, str)
    assert_type(answer.status_code, int)
    assert_type(answer.get_json(), Any)
    data = answer.data
    takes_strings(stream_template("page.html"))
    takes_strings(stream_with_context(stream_template_string("")))
    with client as same:
        assert_type(same, DualClient)
    return text if text else render_template("page.html") + render_template(["a.html", "b.html"])


def takes_form(_: ImmutableMultiDict[str, str]) -> None: ...


def takes_strings(_: Iterator[str]) -> None: ...


def takes_list(_: list[str]) -> None: ...


async def in_async_code(response: Response, client: DualClient) -> str:
    assert_type(await request.form, ImmutableMultiDict[str, str])
    picture = (await request.files)["picture"]
    await picture.save("picture.png")
    assert_type(await request.values, CombinedMultiDict[str, str])
    assert_type(await request.get_json(), Any)
    assert_type(await request.body, bytes)
    async for chunk in request.body:
        assert_type(chunk, bytes)
    text: str = await request.get_data(as_text=True)
    data: bytes = await request.get_data() + await request.data + await response.get_data() + await response.data
    text += await response.get_data(as_text=True) + data.decode()
    assert_type(await make_response("", 204), Response)
    assert_type(await send_file("x"), Response)
    answer = await client.get("/")
    assert_type(answer.text, str)
    assert_type(await answer.get_json(), Any)
    data = await answer.data
    takes_async_strings(await stream_template("page.html"))
    async with client as same:
        assert_type(same, DualClient)
    return text if text else await render_template("page.html") + await render_template(["a.html", "b.html"])


def takes_async_strings(_: AsyncIterator[str]) -> None: ...


def a_variable_may_hold_other_strings() -> list[str]:
    text = render_template("page.html")
    text = text.upper()
    text += "!"
    data = request.get_data()
    data = data.strip() or b"nothing"
    texts = [render_template("a.html"), render_template_string("b")]
    texts.append(text)
    takes_list([*texts])
    return [*texts]


def streams_keep_their_types() -> None:
    @stream_with_context
    def words(count: int) -> Iterator[bytes]:
        yield b"word" * count

    @stream_with_context
    async def later(count: int) -> AsyncIterator[bytes]:
        yield b"word" * count

    assert_type(words(1), Iterator[bytes])
    assert_type(later(1), AsyncIterator[bytes])
    assert_type(stream_with_context(words(1)), Iterator[bytes])
    assert_type(stream_with_context(later(1)), AsyncIterator[bytes])


@app.websocket("/echo")
def echo() -> None:
    for message in websocket:
        assert_type(message, str | bytes)
        websocket.send(message)
    words: str | bytes = websocket.receive()
    websocket.send_json(words=words.upper(), of=websocket.receive_json()["count"])
    websocket.accept(subprotocol=websocket.requested_subprotocols[0])
    websocket.close(1000, "That is all")
    assert_type(websocket.close_code, int | None)
    assert_type(websocket.close_reason, str)


@app.websocket("/echo/later")
async def echo_later() -> None:
    async for message in websocket:
        assert_type(message, str | bytes)
        await websocket.send(message)
    words: str | bytes = await websocket.receive()
    await websocket.send_json(words=words.upper(), of=(await websocket.receive_json())["count"])
    await websocket.accept(subprotocol=websocket.requested_subprotocols[0])
    await websocket.close(1000, "That is all")


class Price(TypedDict):
    item: str
    cents: int


@app.get("/price")
async def price() -> Price:
    return {"item": "Tea", "cents": 250}


def wsgi_app(environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
    return []


async def asgi_app(scope: dict[str, Any], receive: Any, send: Any) -> None: ...


def adapters() -> WSGIApplication:
    assert_type(as_asgi(wsgi_app), Callable[[Any, Any, Any], Awaitable[None]])
    app.mount("/wsgi", wsgi_app)
    app.mount("/asgi", asgi_app, kind="asgi", name="inner")
    return as_wsgi(asgi_app)
