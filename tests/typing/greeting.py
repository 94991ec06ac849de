"""The program of docs/typing.md."""

from dualapp import DualApp, current_app, render_template_string, request

app = DualApp(__name__)


@app.get("/greet")
def greet() -> str:
    name = request.args.get("name", "you")
    return render_template_string("Hello, {{ name }}!", name=name)


@app.post("/greet")
async def greet_later() -> dict[str, str]:
    form = await request.form
    current_app.logger.info("A greeting to %s", form["name"])
    return {"greeting": await render_template_string("Hello, {{ name }}, at last!", name=form["name"])}


from flask import request as flask_request
from quart import request as quart_request


@app.post("/exact")
def exact() -> bytes:
    return flask_request.data


@app.post("/exact/later")
async def exact_later() -> bytes:
    return await quart_request.data
