"""gunicorn's configuration for a DualApp: dotted app names load, and the app starts and stops with each worker.

    gunicorn -c python:dualapp.gunicorn shop:app.wsgi

needs no file. A project that has a `gunicorn.conf.py` imports the hooks there:

    from dualapp.gunicorn import post_worker_init, worker_exit

gunicorn reads its configuration before it loads the app, with ``--preload`` too. Its own loader accepts a name or a
call after the colon, but no dot; importing this module teaches it. The two hooks run the app's `before_serving`
functions when a worker starts instead of at its first request; a worker in which one fails does not serve.
"""

import ast
from typing import Any

from .app import DualApp

try:
    from gunicorn import util
    from gunicorn.errors import AppImportError
except ModuleNotFoundError as missing:
    raise ImportError("dualapp.gunicorn needs gunicorn: pip install 'dualapp[gunicorn]'") from missing

_import_app = util.import_app


def allow_dotted_names() -> None:
    """Let gunicorn load ``module:app.wsgi`` in this process and in the workers it forks.

    gunicorn's own function still loads names without a dot. The import of this module calls it; another call changes
    nothing.
    """
    util.import_app = import_app


def import_app(uri: str) -> Any:
    """Load the app that `uri` names (``module:expression.attribute``) and return it.

    gunicorn loads the expression before the first dot: the name of a callable, or a call that returns one. Raises
    gunicorn's AppImportError if an attribute is missing or the result is not callable.
    """
    module, _, expression = uri.partition(":")
    head, attributes = _split(expression)
    app = _import_app(f"{module}:{head}" if attributes else uri)
    for attribute in attributes:
        app = _attribute(app, attribute, uri)
    if not callable(app):
        raise AppImportError("Application object must be callable.")
    return app


def _split(expression: str) -> tuple[str, list[str]]:
    """Split ``create().wsgi`` into ``create()`` and its attributes; a syntax error is left to gunicorn."""
    try:
        node = ast.parse(expression, mode="eval").body
    except SyntaxError:
        return expression, []
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.insert(0, node.attr)
        node = node.value
    return ast.unparse(node), attributes


def _attribute(owner: object, name: str, uri: str) -> Any:
    try:
        return getattr(owner, name)
    except AttributeError:
        raise AppImportError(f"Failed to find attribute {name!r} in {uri!r}.") from None


def post_worker_init(worker: Any) -> None:
    """Run the app's startup in a new worker, before its first request; if it raises, gunicorn ends the worker."""
    if (app := _dual_app(worker)) is not None:
        app._lifespan.start()


def worker_exit(server: Any, worker: Any) -> None:
    """Run the app's shutdown in a worker that has served its last request."""
    if (app := _dual_app(worker)) is not None:
        app._lifespan.stop()


def _dual_app(worker: Any) -> DualApp | None:
    """Return the DualApp of a WSGI worker; an ASGI worker sends lifespan messages instead."""
    if hasattr(worker, "asgi") or any(cls.__module__.startswith("uvicorn") for cls in type(worker).__mro__):
        return None
    served = getattr(worker, "wsgi", None)
    owner = getattr(served, "__self__", served)  # `app.wsgi` is a method of the app
    return owner if isinstance(owner, DualApp) else None


allow_dotted_names()
