"""The command `dualapp routes`: each rule with the colour of its view, and where the view runs on each entry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from operator import attrgetter
from typing import NamedTuple

import click
import flask.cli
from werkzeug.routing import Rule

from ..app import DualApp
from ..crossing.colour import is_async
from ..entries.kinds import Kind
from ..entries.mounts import Mount
from ..pipeline.class_views import in_own_colour
from ..pipeline.websocket_views import is_websocket_view
from .app_argument import app_argument, require_dual_app

NOWHERE = "-"
#: Where views run, by their colour: under WSGI, and under ASGI.
PLACES = {
    "def": ("server's thread", "pool thread"),
    "async def": ("host loop", "server's loop"),
    NOWHERE: (NOWHERE, NOWHERE),
}
OF_WEBSOCKETS = {
    "def": ("thread of its own", "thread of its own"),
    "async def": PLACES["async def"],
}
#: What a mounted app is, and where it runs.
PLACES_OF_APPS = {
    Kind.WSGI: ("WSGI app", *PLACES["def"]),
    Kind.ASGI: ("ASGI app", *PLACES["async def"]),
    Kind.BOTH: ("DualApp", "as its views", "as its views"),
}
AUTOMATIC = frozenset({"HEAD", "OPTIONS"})


class Row(NamedTuple):
    """One line of the table."""

    rule: str
    domain: str
    methods: str
    endpoint: str
    view: str
    wsgi: str
    asgi: str


def show_routes(sort: str, all_methods: bool) -> None:
    """Show the rules of the app, the colour of their views, and where they run under WSGI and under ASGI."""
    app = require_dual_app(flask.current_app._get_current_object(), "use `flask routes`")  # type: ignore[attr-defined]  # a proxy's
    mounts = [row_of_mount(mount) for mount in (app._mounts.all if app._mounts else ())]
    names = {row.endpoint for row in mounts}  # the rules with these names only build URLs
    rules = [rule for rule in app.url_map.iter_rules() if rule.endpoint not in names]
    rows = [*(row for rule in rules for row in rows_of(app, rule, all_methods)), *mounts]
    if sort != "match":
        rows.sort(key=attrgetter(sort))
    click.echo("\n".join(table(app, rows)) if rows else "No routes were registered.")


def rows_of(app: DualApp, rule: Rule, all_methods: bool) -> Iterator[Row]:
    """Return a row for each colour: a class-based view may have methods of both."""
    domain = rule.host if app.url_map.host_matching else rule.subdomain
    shown = sorted((rule.methods or set()) - (set() if all_methods else AUTOMATIC))
    methods: dict[str, list[str]] = {}
    for method in ["websocket"] if rule.websocket else shown or [""]:
        methods.setdefault(colour_of(app, rule, method), []).append(method)
    for colour, names in methods.items():
        yield Row(rule.rule, domain or "", ", ".join(names), rule.endpoint, colour, *places_of(app, rule, colour))


def row_of_mount(mount: Mount) -> Row:
    """Return the row of an app that is mounted: all below its path is its own."""
    rule = f"{mount.path}/<path:path>"
    return Row(rule, mount.host or "", "", mount.name or NOWHERE, *PLACES_OF_APPS[mount.kind])


def colour_of(app: DualApp, rule: Rule, method: str) -> str:
    view = app.view_functions.get(rule.endpoint)
    if view is None:
        return NOWHERE  # a rule that only builds URLs, or whose view is missing
    return "async def" if is_async(in_own_colour(view, method)) else "def"


def places_of(app: DualApp, rule: Rule, colour: str) -> tuple[str, str]:
    view = app.view_functions.get(rule.endpoint)
    if not rule.websocket or view is None:
        return PLACES[colour]
    # A view of an extension, such as Flask-Sock, takes the socket of a WSGI server itself.
    return OF_WEBSOCKETS[colour] if is_websocket_view(app, rule.endpoint) else (PLACES[colour][0], NOWHERE)


def table(app: DualApp, rows: Iterable[Row]) -> Iterator[str]:
    domain = "Host" if app.url_map.host_matching else "Subdomain"
    titles = Row("Rule", domain, "Methods", "Endpoint", "View", "WSGI", "ASGI")
    columns = [column for column in zip(titles, *rows, strict=True) if column[0] != domain or any(column[1:])]
    widths = [max(map(len, column)) for column in columns]
    head, *body = zip(*columns, strict=True)
    for line in (head, ["-" * width for width in widths], *body):
        yield "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()


#: Flask's own command has the options.
routes_command = click.Command(
    "routes",
    params=[app_argument, *flask.cli.routes_command.params],
    short_help="Show the routes, and where they run.",
    help=show_routes.__doc__,
    callback=flask.cli.with_appcontext(show_routes),
)
