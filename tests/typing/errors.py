"""What type checkers must refuse: a comment that ignores no error is an error of its own. It is not run."""

from __future__ import annotations

from collections.abc import Iterator

from flask import request as flask_request
from quart import request as quart_request

from dualapp import (
    DualApp,
    Response,
    current_app,
    flash,
    jsonify,
    make_response,
    redirect,
    render_template,
    render_template_string,
    request,
    send_file,
    stream_with_context,
    websocket,
)

app = DualApp(__name__)


def misspelled() -> None:
    print(request.methd)  # type: ignore[attr-defined]
    print(websocket.recieve())  # type: ignore[attr-defined]
    print(request.from_)  # type: ignore[attr-defined]
    print(request.get_jsn())  # type: ignore[attr-defined]
    print(request.args.gt("page"))  # type: ignore[attr-defined]
    print(request.form.gt("page"))  # type: ignore[attr-defined]
    print(request.files.gt("picture"))  # type: ignore[attr-defined]
    print(request.get_data().decod())  # type: ignore[union-attr]
    print(current_app.loger)  # type: ignore[attr-defined]
    print(current_app.befor_serving)  # type: ignore[attr-defined]
    print(jsonify(a=1).status_cod)  # type: ignore[attr-defined]
    print(render_template("page.html").uper())  # type: ignore[union-attr]
    print(app.test_client().gt("/"))  # type: ignore[attr-defined]
    print(app.test_client().get("/").txt)  # type: ignore[attr-defined]
    print(app.test_client().get("/").get_data().decod())  # type: ignore[union-attr]


async def misspelled_where_it_is_awaited() -> None:
    print(request.methd)  # type: ignore[attr-defined]
    print((await request.form).gt("page"))  # type: ignore[attr-defined]
    print((await request.files).gt("picture"))  # type: ignore[attr-defined]
    print((await request.get_data()).decod())  # type: ignore[union-attr]
    print((await render_template("page.html")).uper())  # type: ignore[union-attr]
    print((await make_response("")).status_cod)  # type: ignore[attr-defined]
    print((await app.test_client().get("/")).txt)  # type: ignore[attr-defined]


async def awaited_in_vain() -> None:
    await request.args  # type: ignore[misc]
    await request.method  # type: ignore[misc]
    await request.headers  # type: ignore[misc]
    await current_app.logger  # type: ignore[misc]


async def awaited_too_little_or_too_much() -> None:
    print(quart_request.form["name"])  # type: ignore[index]
    print(await flask_request.form)  # type: ignore[misc]


def wrong_arguments(response: Response) -> None:
    request.get_data(as_txt=True)  # type: ignore[call-overload]
    request.get_json(strict=True)  # type: ignore[call-arg]
    response.get_data(text=True)  # type: ignore[call-overload]
    response.set_cookie("name", valu="x")  # type: ignore[call-arg]
    render_template(404)  # type: ignore[arg-type]
    render_template_string(b"{{ x }}")  # type: ignore[arg-type]
    redirect("/", cod=301)  # type: ignore[call-arg]
    send_file("x", attachment=True)  # type: ignore[call-arg]
    flash(1)  # type: ignore[arg-type]
    current_app.add_background_task(awaited_in_vain())  # type: ignore[arg-type]
    stream_with_context(1)  # type: ignore[call-overload]


def wrong_types() -> None:
    websocket.send(1)  # type: ignore[arg-type]
    number: int = request.method  # type: ignore[assignment]
    page: str = request.args.get("page", 1, type=int)  # type: ignore[assignment]
    field: int = request.form["name"]  # type: ignore[assignment]
    data: str = jsonify(a=1).status_code  # type: ignore[assignment]
    request.method = 1  # type: ignore[assignment]
    print(number, page, field, data)


def text() -> int:
    return render_template("page.html")  # type: ignore[return-value]


async def awaited_text() -> int:
    return await render_template("page.html")  # type: ignore[return-value]


@app.get("/")  # type: ignore[type-var]
def view() -> set[int]:  # a view cannot return this
    return {1}


@stream_with_context
def stream() -> Iterator[str]:
    yield 1  # type: ignore[misc]
