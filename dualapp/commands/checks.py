"""What `dualapp check` looks for: each check a function that reads a registered app and gives findings.

A check reports only what is certain: false findings cost the true ones their readers.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from importlib.util import find_spec
from typing import Any, NamedTuple

import flask
from flask.sessions import SecureCookieSessionInterface

from .. import helpers
from ..app import DualApp
from ..crossing.colour import is_async
from ..pipeline.class_views import method_of
from ..pipeline.plan import blueprints_of
from ..pipeline.read_ahead import read_ahead_of
from ..wrappers.event_stream import EventStream
from .code_reading import constants_of, function_in, is_installed, place_of, references_of
from .routes import AUTOMATIC, NOWHERE, colour_of, places_of

ENTRIES = ("WSGI", "ASGI")
#: The hooks around views, and their registries.
HOOKS = {
    "url_value_preprocessor": "url_value_preprocessors",
    "before_request": "before_request_funcs",
    "after_request": "after_request_funcs",
    "teardown_request": "teardown_request_funcs",
}
OTHER_COLOUR = {"def": "async def", "async def": "def"}
#: Where a request crosses to for a hook of this colour.
CROSSES_TO = {"def": "a thread", "async def": "the event loop"}
#: What only a function of this colour may do.
DOES = {"def": "blocks", "async def": "awaits something"}
#: What reads the body of a request.
BODY = {"data", "files", "form", "get_data", "get_json", "json", "stream", "values"}


class Finding(NamedTuple):
    """One line of `dualapp check`: where it is, what it is, and what to do."""

    where: str
    what: str
    remedy: str


Check = Callable[[DualApp], Iterator[Finding]]


def event_streams(app: DualApp) -> Iterator[Finding]:
    """Find views that make an EventStream, or name the media type of event streams."""
    for endpoint, func in views_of(app):
        names_type = any(
            isinstance(value, str) and value.startswith("text/event-stream") for value in constants_of(func)
        )
        if names_type or any(is_event_stream(value, name) for value, name in references_of(func)):
            yield Finding(
                at(func, endpoint),
                "under WSGI each client of an event stream holds a thread, and gunicorn's default worker has one",
                "serve it with an ASGI server, or with a thread for each client",
            )


def crossings(app: DualApp) -> Iterator[Finding]:
    """Find hooks whose colour is that of none of the views that they run around."""
    for kind, scope, hook in hooks_of(app):
        func, colour = function_in(hook), "async def" if is_async(hook) else "def"
        if func is None or is_installed(func):
            continue
        colours = [each for endpoint, each in colours_of(app) if scope is None or scope in blueprints_of(endpoint)]
        if colours and colour not in colours:
            yield Finding(
                at(func),
                f"{kind} hook {func.__name__!r} is {colour!r} and all views that it runs around are"
                f" {OTHER_COLOUR[colour]!r}: each request crosses to {CROSSES_TO[colour]} and back for it",
                f"make it {OTHER_COLOUR[colour]!r}, unless it {DOES[colour]}",
            )


def bodies(app: DualApp) -> Iterator[Finding]:
    """Find async views and hooks whose sync code reads a body that was not awaited."""
    for endpoint, func in [*views_of(app), *(("", func) for func in hook_functions_of(app))]:
        if not is_async(func) or read_ahead_of(app.view_functions.get(endpoint, func)) is not None:
            continue
        references = list(references_of(func, inner=False))
        if any(value is request and name in BODY for value, name in references for request in async_requests()):
            continue  # in async code these are awaited
        for what in dict.fromkeys(readers_among(references)):
            yield Finding(
                at(func, endpoint),
                f"{what} cannot read a body that is chunked or larger than BODY_READ_AHEAD in 'async def' code",
                "await it first with dualapp's request, as `await request.form`, or decorate the view with @read_ahead",
            )


def secret_key(app: DualApp) -> Iterator[Finding]:
    """Find the first use of a session that cannot be signed."""
    if app.secret_key or not isinstance(app.session_interface, SecureCookieSessionInterface):
        return
    for endpoint, func in [*views_of(app), *(("", func) for func in hook_functions_of(app))]:
        if used := {name for value, _ in references_of(func) for name, each in session_objects() if value is each}:
            yield Finding(
                at(func, endpoint),
                f"{' and '.join(sorted(used))} need a secret key, and the app has none",
                "set SECRET_KEY",
            )
            return


def websockets(app: DualApp) -> Iterator[Finding]:
    """Find websocket rules that an entry does not answer."""
    for rule in app.url_map.iter_rules():
        func = function_in(app.view_functions.get(rule.endpoint))
        if not rule.websocket or func is None:
            continue
        places = places_of(app, rule, colour_of(app, rule, "websocket"))
        missing = [entry for entry, place in zip(ENTRIES, places, strict=True) if place == NOWHERE]
        if missing:
            yield Finding(
                at(func, rule.endpoint),
                f"nobody answers websocket rule {rule.rule!r} under {' and '.join(missing)}",
                f"serve it under {other(missing[0])}, or register it with @app.websocket",
            )
        elif find_spec("websockets") is None:
            yield Finding(
                at(func, rule.endpoint),
                f"websocket rule {rule.rule!r} gets a 501 under WSGI",
                "pip install 'dualapp[websockets]', or serve it under ASGI",
            )


def views(app: DualApp) -> Iterator[Finding]:
    """Find rules that match requests and have no view."""
    for rule in app.url_map.iter_rules():
        if not rule.build_only and rule.endpoint not in app.view_functions:
            yield Finding(
                f"endpoint {rule.endpoint!r}",
                f"rule {rule.rule!r} has no view: requests that match it fail",
                f"register one with @app.endpoint({rule.endpoint!r}), or give the rule build_only=True",
            )


def middleware(app: DualApp) -> Iterator[Finding]:
    """Find middleware around one entry only; Sentry's for ASGI goes with its integration for Flask."""
    names = {entry: f"{entry.lower()}_app" for entry in ENTRIES}
    wrapped = [entry for entry, name in names.items() if name in vars(app)]
    if len(wrapped) != 1:
        return
    outermost = vars(app)[names[wrapped[0]]]
    if outermost.__module__.partition(".")[0] != "sentry_sdk":
        name = getattr(outermost, "__name__", type(outermost).__name__)
        missing = other(wrapped[0])
        yield Finding(
            f"app.{names[wrapped[0]]}",
            f"middleware {name!r} sees requests under {wrapped[0]} only",
            f"wrap app.{names[missing]} too, use a hook instead, or dualapp.ProxyFix for Werkzeug's",
        )


CHECKS: dict[str, Check] = {
    "event-streams": event_streams,
    "crossings": crossings,
    "bodies": bodies,
    "secret-key": secret_key,
    "websockets": websockets,
    "views": views,
    "middleware": middleware,
}


# What the checks read.


def views_of(app: DualApp) -> Iterator[tuple[str, Any]]:
    """Return the functions that answer requests, with their endpoints; those of class-based views are its methods."""
    for endpoint in dict.fromkeys(rule.endpoint for rule in app.url_map.iter_rules() if not rule.websocket):
        view = app.view_functions.get(endpoint)
        cls = getattr(view, "view_class", None)
        methods = [view] if cls is None else dict.fromkeys(method_of(cls, method) for method in cls.methods or ["GET"])
        for method in methods:
            func = function_in(method)
            if func is not None and not is_installed(func):
                yield endpoint, func


def colours_of(app: DualApp) -> Iterator[tuple[str, str]]:
    """Return the endpoints of HTTP rules with the colours of their views, but for those of packages (static files)."""
    for rule in app.url_map.iter_rules():
        func = function_in(app.view_functions.get(rule.endpoint))
        is_class = hasattr(app.view_functions.get(rule.endpoint), "view_class")
        if not rule.websocket and func is not None and (is_class or not is_installed(func)):
            for method in (rule.methods or set()) - AUTOMATIC:
                yield rule.endpoint, colour_of(app, rule, method)


def hooks_of(app: DualApp) -> Iterator[tuple[str, str | None, Any]]:
    """Return the hooks with their kind and scope: the name of a blueprint, or None for the app."""
    for kind, registry in HOOKS.items():
        for scope, hooks in getattr(app, registry).items():
            yield from ((kind, scope, hook) for hook in hooks)
    yield from (("teardown_appcontext", None, hook) for hook in app.teardown_appcontext_funcs)


def hook_functions_of(app: DualApp) -> Iterator[Any]:
    functions = (function_in(hook) for _, _, hook in hooks_of(app))
    return (func for func in functions if func is not None and not is_installed(func))


def async_requests() -> Iterable[Any]:
    """Return the requests whose bodies `async def` code awaits."""
    return [helpers.request, getattr(sys.modules.get("quart"), "request", None)]


def readers_among(references: Iterable[tuple[Any, str]]) -> Iterator[str]:
    """Return what reads a body at once: Flask's request, and the forms of Flask-WTF."""
    form_class = getattr(sys.modules.get("flask_wtf"), "FlaskForm", None)
    for value, name in references:
        if value is flask.request and name in BODY:
            yield f"flask.request.{name}"
        elif form_class is not None and isinstance(value, type) and issubclass(value, form_class):
            yield f"{value.__name__}, a FlaskForm,"


def is_event_stream(value: Any, name: str) -> bool:
    """Tell whether an object, or its attribute, is the class EventStream; dualapp imports it on first access."""
    return value is EventStream or (name == "EventStream" and value is sys.modules["dualapp"])


def session_objects() -> Iterator[tuple[str, Any]]:
    """Return the names in the three packages that write to the session, and what they stand for."""
    for module in (sys.modules[name] for name in ("flask", "dualapp", "quart") if name in sys.modules):
        yield from (("sessions", module.session), ("flashed messages", module.flash))


def other(entry: str) -> str:
    return ENTRIES[1 - ENTRIES.index(entry)]


def at(func: Any, endpoint: str = "") -> str:
    return f"{place_of(func)} ({endpoint})" if endpoint else place_of(func)
