"""dash

A dashboard on `server=app`, below a prefix and beside views of one's own: its page, layout, scripts and assets, its
callbacks in the colour of the views, what they answer, refuse and raise, and a hook that guards it; unless
Dash is told `use_async=False`, BODY_READ_AHEAD has to be as much as they take.
"""

from __future__ import annotations

import json
import re
from inspect import iscoroutinefunction
from pathlib import Path
from typing import Any

import dash
from dash import ALL, Dash, Input, Output, State, dcc, html
from dash.exceptions import PreventUpdate

from dualapp import DualApp, request, session

from ..conftest import Serve
from ..support.entry_driver import Answer, Client

ASSETS = Path(__file__).parents[1] / "parity" / "static"


def dashboard(app: DualApp) -> None:
    app.secret_key = "secret"

    async def greet(name, clicks):
        if not name:
            raise PreventUpdate
        dash.ctx.response.set_cookie("clicks", str(clicks))
        return f"Hello {name}, {clicks}", {"by": request.headers.get("User-Agent"), "for": dash.ctx.triggered_id}

    async def fail(clicks):
        raise LookupError(clicks)

    async def each(values, ids):
        return [f"{id['row']}: {value}" for id, value in zip(ids, values, strict=True)]

    board = Dash(
        __name__,
        server=app,
        url_base_pathname="/board/",
        assets_folder=str(ASSETS),
        use_async=iscoroutinefunction(greet),
        title="The board",
    )
    board.layout = html.Div(
        [
            dcc.Input(id="name"),
            html.Button(id="button"),
            html.Div(id="greeting"),
            dcc.Store(id="kept"),
            html.Div(id="failure"),
            *(html.Div(id={"kind": "cell", "row": row}) for row in (1, 2)),
            html.Div(id="cells"),
        ]
    )
    board.callback(
        Output("greeting", "children"), Output("kept", "data"), Input("name", "value"), State("button", "n_clicks")
    )(greet)
    board.callback(Output("failure", "children"), Input("button", "n_clicks"))(fail)
    board.callback(
        Output("cells", "children"),
        Input({"kind": "cell", "row": ALL}, "children"),
        State({"kind": "cell", "row": ALL}, "id"),
    )(each)
    board.clientside_callback("(a) => a", Output("button", "title"), Input("button", "n_clicks"))

    @app.get("/")
    async def index():
        return {"board": board.get_relative_path("/")}


def call(client: Client, output: Any, inputs: list[Any], state: list[Any], *headers: tuple[str, str]) -> Answer:
    """Ask for a callback as Dash's renderer in the browser does."""
    outputs = output if isinstance(output, list) else [output]
    names = [f"{name(one['id'])}.{one['property']}" for one in outputs]
    asked = {
        "output": f"..{'...'.join(names)}.." if isinstance(output, list) else names[0],
        "outputs": output,
        "inputs": inputs,
        "changedPropIds": [f"{inputs[0]['id']}.{inputs[0]['property']}"] if isinstance(inputs[0], dict) else [],
        "state": state,
    }
    return client.post("/board/_dash-update-component", headers, json=asked)


def name(id: Any) -> str:
    return id if isinstance(id, str) else json.dumps(id, sort_keys=True, separators=(",", ":"))


def prop(id: Any, property: str, *value: Any) -> dict[str, Any]:
    return {"id": id, "property": property, **({"value": value[0]} if value else {})}


def greet(client: Client, who: str, *headers: tuple[str, str]) -> Answer:
    outputs = [prop("greeting", "children"), prop("kept", "data")]
    return call(client, outputs, [prop("name", "value", who)], [prop("button", "n_clicks", 2)], *headers)


def page(client: Client, path: str) -> str:
    """Ask plain Flask for the page, too; the mark at its end is a new one each time."""
    assert client.twin is not None
    pages = [who.get(path).text for who in (Client(client.app, client.entry), client.twin)]
    ours, flasks = (re.sub(r'"end_id":"[^"]+"', "", page) for page in pages)
    assert ours == flasks
    return ours


def test_the_page_and_the_views_beside_it(serve: Serve) -> None:
    client = serve(dashboard)
    assert "<title>The board</title>" in page(client, "/board/")
    assert page(client, "/board/any/path") == page(client, "/board/")
    assert client.get("/").json() == {"board": "/board/"}
    assert client.get("/elsewhere").status == 404


def test_the_layout_and_the_dependencies(serve: Serve) -> None:
    client = serve(dashboard)
    layout = client.get("/board/_dash-layout").json()
    assert [child["type"] for child in layout["props"]["children"]] == ["Input", "Button", "Div", "Store"] + ["Div"] * 4
    assert len(client.get("/board/_dash-dependencies").json()) == 4


def test_scripts_and_assets(serve: Serve) -> None:
    client = serve(dashboard)
    assert client.get("/board/assets/hello.txt").body == (ASSETS / "hello.txt").read_bytes()
    scripts = re.findall(r'<script src="(/board/_dash-component-suites/[^"]+)"', page(client, "/board/"))
    script = client.get(scripts[0])
    assert (script.status, script.header("cache-control")) == (200, "max-age=31536000")
    without_version = re.sub(r"\.v\d+_\d+_\d+m\d+", "", scripts[0])
    etag = client.get(without_version).header("etag") or ""
    assert client.get(without_version, [("If-None-Match", etag)]).status == 304


def test_a_callback_answers_with_the_request_at_hand(serve: Serve) -> None:
    answer = greet(serve(dashboard), "Žofie", ("User-Agent", "a browser"))
    assert answer.json()["response"] == {
        "greeting": {"children": "Hello Žofie, 2"},
        "kept": {"data": {"by": "a browser", "for": "name"}},
    }
    assert answer.cookie == ("Cookie", "clicks=2")


def test_a_callback_for_all_components_of_a_kind(serve: Serve) -> None:
    ids = [{"kind": "cell", "row": row} for row in (1, 2)]
    children, shown = [prop(id, "children", f"c{id['row']}") for id in ids], [prop(id, "id", id) for id in ids]
    answer = call(serve(dashboard), prop("cells", "children"), [children], [shown])
    assert answer.json()["response"] == {"cells": {"children": ["1: c1", "2: c2"]}}


def test_a_callback_that_changes_nothing_is_no_content(serve: Serve) -> None:
    assert greet(serve(dashboard), "").status == 204


def test_a_callback_that_fails_is_an_error_of_the_app(serve: Serve) -> None:
    client = serve(dashboard)
    assert call(client, prop("failure", "children"), [prop("button", "n_clicks", 1)], []).status == 500
    assert greet(client, "Ann").status == 200


def test_a_hook_guards_the_board(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.before_request
        async def only_who_logged_in():
            if request.path.startswith("/board") and "user" not in session:
                return "Log in first", 401
            return None

        @app.post("/login")
        async def login():
            session["user"] = (await request.form)["user"]
            return "in"

    client = serve(build, dashboard)
    assert [client.get("/board/").status, greet(client, "Ann").status] == [401, 401]
    assert greet(client, "Ann", client.post("/login", form={"user": "ann"}).cookie).status == 200


def test_a_callback_takes_much_where_it_may(serve: Serve) -> None:
    """Its async view reads `flask.request` on the loop, where a longer body would have to be awaited."""

    def build(app: DualApp) -> None:
        app.config["BODY_READ_AHEAD"] = 1024 * 1024

    answer = greet(serve(build, dashboard), "long " * 20_000)
    assert len(answer.json()["response"]["greeting"]["children"]) > 100_000
