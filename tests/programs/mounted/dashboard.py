"""A Dash app with a Flask server of its own, which knows the path at which it is mounted."""

from __future__ import annotations

from dash import Dash, Input, Output, dcc, html

dash = Dash(__name__, requests_pathname_prefix="/dash/", routes_pathname_prefix="/")
dash.layout = html.Div([dcc.Input(id="name"), html.Div(id="greeting")])


@dash.callback(Output("greeting", "children"), Input("name", "value"))
def greet(name: str) -> str:
    return f"Hello {name}"


app = dash.server
