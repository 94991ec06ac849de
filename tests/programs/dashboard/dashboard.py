"""A dashboard beside ordinary pages. Its authors wrote it for Flask, with Dash."""

from dash import Dash, Input, Output, State, dcc, html
from dash.exceptions import PreventUpdate
from flask import request

from dualapp import DualApp as Flask

server = app = Flask(__name__)
dash = Dash(__name__, server=server, url_base_pathname="/dashboard/", title="Sales", update_title=None)

SALES = {"north": [3, 1, 4], "south": [1, 5, 9]}

dash.layout = html.Div(
    [
        html.H1("Sales"),
        dcc.Dropdown([*SALES], "north", id="region"),
        dcc.Input(id="factor", type="number", value=1),
        html.P(id="total"),
        html.P(id="agent"),
    ]
)


@dash.callback(Output("total", "children"), Input("region", "value"), State("factor", "value"))
def total(region, factor):
    if region is None:
        raise PreventUpdate
    return f"{sum(SALES[region]) * factor} sold"


@dash.callback(Output("agent", "children"), Input("region", "value"))
def agent(region):
    return f"{region} for {request.headers['User-Agent']}"


@server.get("/")
def index():
    return '<a href="/dashboard/">Sales</a>'


@server.get("/sales/<region>.csv")
def download(region):
    return ",".join(map(str, SALES[region])), {"Content-Type": "text/csv"}
