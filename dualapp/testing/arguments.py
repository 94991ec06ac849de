"""Translate arguments of Quart's test client into Werkzeug's, and make requests of them."""

from __future__ import annotations

from contextlib import closing
from copy import copy
from typing import Any

import werkzeug.test
from flask.testing import EnvironBuilder, FlaskClient
from werkzeug.wrappers import Request

from ..exchange.translation import SCOPE_BASE

# The parameters of `_make_request` in Quart's client, in its order, after the path and the method.
QUART_PARAMETERS = (
    *("headers", "data", "form", "files", "query_string", "json"),
    *("scheme", "root_path", "http_version", "scope_base", "auth", "subdomain"),
)
CLIENT_ADDRESS = ("REMOTE_ADDR", "REMOTE_PORT")


def werkzeug_arguments(path: str, arguments: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Translate a path and arguments of Quart's test client into those of Werkzeug's EnvironBuilder."""
    arguments = dict(arguments)
    overrides = dict(arguments.pop("environ_overrides", None) or {})
    if form := {**(arguments.pop("form", None) or {}), **(arguments.pop("files", None) or {})}:
        arguments["data"] = form
    if scheme := arguments.pop("scheme", None):
        arguments["url_scheme"] = scheme
    if root_path := arguments.pop("root_path", None):
        overrides["SCRIPT_NAME"], path = root_path, path.removeprefix(root_path)
    if version := arguments.pop("http_version", None):
        overrides["SERVER_PROTOCOL"] = f"HTTP/{version}"
    if base := dict(arguments.pop("scope_base", None) or {}):
        client = base.pop("client", None) or ()  # the port may be a string, or missing
        overrides.update({SCOPE_BASE: base, **dict(zip(CLIENT_ADDRESS, map(str, client), strict=False))})
    return path, {**arguments, **({"environ_overrides": overrides} if overrides else {})}


def translated(args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Translate the arguments of `client.open` if they begin with a path."""
    if not (args and isinstance(args[0], str)):
        return args, kwargs
    path, kwargs = werkzeug_arguments(args[0], kwargs)
    return (path, *args[1:]), kwargs


def request_of(client: FlaskClient, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Request:
    """Make the request that Flask's client would make of the same arguments."""
    app, base = client.application, client.environ_base
    first = args[0] if args else None
    if isinstance(first, Request):
        request = copy(first)
        request.environ = {**base, **request.environ}
        return request
    if isinstance(first, werkzeug.test.EnvironBuilder):
        builder = copy(first)
        builder.environ_base = {**base, **(builder.environ_base or {})}
        return builder.get_request()
    if isinstance(first, dict):
        return EnvironBuilder.from_environ(first, app=app, environ_base=base).get_request()
    kwargs = {**kwargs, "environ_base": {**base, **(kwargs.get("environ_base") or {})}}
    with closing(EnvironBuilder(app, *args, **kwargs)) as builder:
        return builder.get_request()
