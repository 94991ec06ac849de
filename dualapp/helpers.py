"""The public names that follow the colour of the calling code.

In `def` code they are called as in Flask, in `async def` code they are awaited as in Quart. The colour is that of the
function that contains the call, whatever thread it runs in and whatever called it.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, cast

import flask
import werkzeug
from flask.signals import message_flashed
from werkzeug.local import LocalProxy

from . import templating
from .compat.upstream import FLASHES, REDIRECT_CODE, app_variable, request_context
from .crossing.colour import caller_is_async, is_async
from .pipeline.app_context import AppContext
from .pipeline.context import Context
from .pipeline.stream_with_context import stream_with_context as stream_with_context
from .shortcuts.request_parts import READERS, part_of
from .wrappers.faces import SAME_ON_BOTH_FACES, has_own_faces
from .wrappers.response import Response

if TYPE_CHECKING:
    from jinja2 import Template

    from .wrappers import dual_types

P = ParamSpec("P")
F = TypeVar("F", bound=Callable[..., Any])

app_context = app_variable.get  # looked up once


def current_request(is_async: bool = False) -> Any:
    """Return the async or the sync face of the current request."""
    context: Any = request_context(None)
    if context is None:
        raise RuntimeError(
            "Working outside of request context: `request` can be used while a request is handled,"
            " or within `with app.test_request_context()`."
        )
    return context.async_request if is_async and isinstance(context, Context) else context.request


class RequestProxy(LocalProxy[Any]):
    """A proxy of the current request: its sync face in `def` code, its async face in `async def` code."""

    __slots__ = ()

    @property
    def get_json(self) -> Any:
        """The method that parses the body as JSON."""
        is_async, context = caller_is_async(), request_context(None)
        if type(context) is Context and not context.request_observed:  # it may take no request object
            return context.get_json_async if is_async else context.get_json
        return current_request(is_async).get_json

    @property
    def json(self) -> Any:
        """The body, parsed as JSON."""
        is_async, context = caller_is_async(), request_context(None)
        if type(context) is Context and not context.request_observed:
            return context.get_json_async() if is_async else context.get_json()
        return current_request(is_async).json

    def __getattr__(self, name: str) -> Any:
        if name in SAME_ON_BOTH_FACES:
            # Both faces have the same value, unless the user's own request classes make them differ.
            context: Any = request_context(None)
            if type(context) is Context:
                if name in READERS and not context.request_observed and (part := part_of(context, name)) is not None:
                    return part
                if has_own_faces(context.app):
                    return getattr(context.request, name)
        return getattr(current_request(caller_is_async()), name)


request: dual_types.DualRequest = cast(
    "dual_types.DualRequest", RequestProxy(lambda: current_request(caller_is_async()))
)


def render_template(
    template_name_or_list: str | Template | list[str | Template], **context: Any
) -> dual_types.DualStr | Any:
    """Render a template, given by name, or the first that exists of a list; await it in `async def` code.

    Raises jinja2.TemplateNotFound if there is none.
    """
    if caller_is_async():
        return templating.render_async(environment().get_or_select_template(template_name_or_list), context)
    return flask.render_template(template_name_or_list, **context)


def render_template_string(source: str, **context: Any) -> dual_types.DualStr | Any:
    """Render a template from source; await it in `async def` code."""
    if caller_is_async():
        return templating.render_async(environment().twin.compiled(source), context)
    return flask.render_template_string(source, **context)


def stream_template(
    template_name_or_list: str | Template | list[str | Template], **context: Any
) -> dual_types.DualStream | Any:
    """Render a template, given as to `render_template`, as an iterator of strings.

    In `async def` code await it for an async iterator.
    """
    if caller_is_async():
        return templating.stream_async(environment().get_or_select_template(template_name_or_list), context)
    return templating.stream(environment().get_or_select_template(template_name_or_list), context)


def stream_template_string(source: str, **context: Any) -> dual_types.DualStream | Any:
    """Render a template from source as an iterator of strings; in `async def` code await it for an async iterator."""
    if caller_is_async():
        return templating.stream_async(environment().twin.compiled(source), context)
    return templating.stream(environment().from_string(source), context)


def environment() -> Any:
    return flask.current_app.jinja_env


def returning_response(func: Callable[P, Any]) -> Callable[P, Response]:
    """Type a function of Flask's as returning `dualapp.Response`, which may be awaited, as it does in a DualApp."""
    return func


jsonify = returning_response(flask.jsonify)
make_response = returning_response(flask.make_response)
send_file = returning_response(flask.send_file)
send_from_directory = returning_response(flask.send_from_directory)


@returning_response
def redirect(location: str, code: int = REDIRECT_CODE, Response: type[werkzeug.Response] | None = None) -> Any:
    """Make a redirect response with the app's `redirect`; it may be awaited."""
    context = app_context(None)
    return flask.redirect(location, code, Response) if context is None else context.app.redirect(location, code=code)


def flash(message: str, category: str = "message") -> Any:
    """Store a message in the session for `get_flashed_messages`; await it in `async def` code."""
    if caller_is_async():
        return flash_async(message, category)
    return flask.flash(message, category)


async def flash_async(message: str, category: str) -> None:
    flask.session[FLASHES] = [*flask.session.get(FLASHES, []), (category, message)]
    app = flask.current_app._get_current_object()  # type: ignore[attr-defined]  # it is a proxy
    await message_flashed.send_async(app, _sync_wrapper=app.ensure_async, message=message, category=category)


def copy_current_request_context(func: F) -> F:
    """Bind a function, sync or async, to the current request context, for use in another thread or task.

    Raises RuntimeError outside of a request.
    """
    context = request_context(None)
    if context is None:
        raise RuntimeError(
            "'copy_current_request_context' can only be used when a request context is active,"
            " such as in a view function."
        )
    return entering_copies(context.copy, func)


def copy_current_app_context(func: F) -> F:
    """Bind a function, sync or async, to the current app context and its `g`, for use in another thread or task.

    Raises RuntimeError outside of an app context.
    """
    context = app_context(None)
    if context is None:
        raise RuntimeError(
            "'copy_current_app_context' can only be used when an app context is active, such as in a view function."
        )
    shared = AppContext(context.app)
    shared.g = context.g
    return entering_copies(shared.copy, func)


def entering_copies(copy: Callable[[], Any], func: F) -> F:
    """Wrap `func` so that each call enters a copy of a context."""

    @wraps(func)
    def bound(*args: Any, **kwargs: Any) -> Any:
        with copy():
            return func(*args, **kwargs)

    @wraps(func)
    async def bound_async(*args: Any, **kwargs: Any) -> Any:
        async with copy():
            return await func(*args, **kwargs)

    return bound_async if is_async(func) else bound  # type: ignore[return-value]  # it takes and gives what func does
