"""The names that follow the colour of the code that uses them.

In `def` code they are called as in Flask, in `async def` code they are awaited as in Quart. Which of the two it is, is
read off the code that calls: not off the thread, nor off who called that code.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, ParamSpec, TypeVar

import flask
import werkzeug
from flask.signals import message_flashed
from werkzeug.local import LocalProxy

from . import templating
from .compat.upstream import REDIRECT_CODE, app_variable, request_context
from .crossing.colour import caller_is_async, is_async
from .pipeline.app_context import AppContext
from .pipeline.context import Context
from .pipeline.stream_with_context import stream_with_context as stream_with_context
from .wrappers.faces import SAME_ON_BOTH_FACES
from .wrappers.response import Response
from .wrappers.sync_request import Request

P = ParamSpec("P")
F = TypeVar("F", bound=Callable[..., Any])

app_context = app_variable.get  # looked up once


def current_request(is_async: bool = False) -> Any:
    """Return a face of the current request."""
    context: Any = request_context(None)
    if context is None:
        raise RuntimeError(
            "Working outside of request context: `request` can be used while a request is handled,"
            " or within `with app.test_request_context()`."
        )
    return getattr(context, "async_request", context.request) if is_async else context.request


class RequestProxy(LocalProxy[Any]):
    """Stands for the face of the current request that suits the code which asks."""

    __slots__ = ()

    def __getattr__(self, name: str) -> Any:
        if name in SAME_ON_BOTH_FACES:
            # The colour does not matter, unless the user's own classes make the faces differ.
            context: Any = request_context(None)
            if type(context) is Context and type(face := context.request) is Request:
                app: Any = context.app
                if app.async_request_class is None:
                    return getattr(face, name)
        return getattr(current_request(caller_is_async()), name)


request: Any = RequestProxy(lambda: current_request(caller_is_async()))


def render_template(template: Any, **context: Any) -> Any:
    """Render a template by name, or the first of a list of names that exists; await it in `async def` code."""
    if caller_is_async():
        return templating.render_async(environment().get_or_select_template(template), context)
    return flask.render_template(template, **context)


def render_template_string(source: str, **context: Any) -> Any:
    """Render a template from its source; await it in `async def` code."""
    if caller_is_async():
        return templating.render_async(environment().twin.compiled(source), context)
    return flask.render_template_string(source, **context)


def stream_template(template: Any, **context: Any) -> Any:
    """Render a template by name as a stream of strings; in `async def` code await it for an async stream."""
    if caller_is_async():
        return templating.stream_async(environment().get_or_select_template(template), context)
    return templating.stream(environment().get_or_select_template(template), context)


def stream_template_string(source: str, **context: Any) -> Any:
    """Render a template from its source as a stream of strings; in `async def` code await it for an async stream."""
    if caller_is_async():
        return templating.stream_async(environment().twin.compiled(source), context)
    return templating.stream(environment().from_string(source), context)


def environment() -> Any:
    return flask.current_app.jinja_env


def giving_ours(func: Callable[P, Any]) -> Callable[P, Response]:
    """Return one of Flask's functions as it is, typed as what it gives in a DualApp: a response that may be awaited."""
    return func


jsonify = giving_ours(flask.jsonify)
make_response = giving_ours(flask.make_response)
send_file = giving_ours(flask.send_file)
send_from_directory = giving_ours(flask.send_from_directory)


@giving_ours
def redirect(location: str, code: int = REDIRECT_CODE, Response: type[werkzeug.Response] | None = None) -> Any:
    """Make a redirect with the app's own method, as Flask's function does, which takes longer to find the app."""
    context = app_context(None)
    return flask.redirect(location, code, Response) if context is None else context.app.redirect(location, code=code)


def flash(message: str, category: str = "message") -> Any:
    """Keep a message for the next request to show; await it in `async def` code."""
    if caller_is_async():
        return flash_async(message, category)
    return flask.flash(message, category)


async def flash_async(message: str, category: str) -> None:
    flask.session["_flashes"] = [*flask.session.get("_flashes", []), (category, message)]
    app = flask.current_app._get_current_object()  # type: ignore[attr-defined]  # it is a proxy
    await message_flashed.send_async(app, _sync_wrapper=app.ensure_async, message=message, category=category)


def copy_current_request_context(func: F) -> F:
    """Bind a function, sync or async, to the current request, for use in another thread or task."""
    context = request_context(None)
    if context is None:
        raise RuntimeError(
            "'copy_current_request_context' can only be used when a request context is active,"
            " such as in a view function."
        )
    return bound_to(context.copy, func)


def copy_current_app_context(func: F) -> F:
    """Bind a function, sync or async, to the current app context and its `g`, for use in another thread or task."""
    context = app_context(None)
    if context is None:
        raise RuntimeError(
            "'copy_current_app_context' can only be used when an app context is active, such as in a view function."
        )
    shared = AppContext(context.app)
    shared.g = context.g
    return bound_to(shared.copy, func)


def bound_to(copy: Callable[[], Any], func: F) -> F:
    """Return `func` so that each of its calls has a copy of a context of its own."""

    @wraps(func)
    def bound(*args: Any, **kwargs: Any) -> Any:
        with copy():
            return func(*args, **kwargs)

    @wraps(func)
    async def bound_async(*args: Any, **kwargs: Any) -> Any:
        async with copy():
            return await func(*args, **kwargs)

    return bound_async if is_async(func) else bound  # type: ignore[return-value]  # it takes and gives what func does
