"""What a `gunicorn.conf.py` takes from here: dotted names, and the start and the stop of each worker.

    from dualapp.gunicorn import allow_dotted_names, post_worker_init, worker_exit

    allow_dotted_names()

gunicorn reads that file from the working directory before it loads the app, with ``--preload`` too. Its own loader
takes a plain name or a call after the colon, nothing with a dot. With the two hooks, what the app does before serving
is done when a worker starts instead of at its first request, and a worker that cannot start does not serve.
"""

import ast
from typing import Any

from gunicorn import util
from gunicorn.errors import AppImportError

from .app import DualApp

_import_app = util.import_app


def allow_dotted_names() -> None:
    """Let gunicorn load ``module:app.wsgi`` in this process and in the workers it forks.

    Names without a dot are still loaded by gunicorn itself. Calling it again, as a reload does, changes nothing.
    """
    util.import_app = import_app


def import_app(uri: str) -> Any:
    """Load the app that `uri` names, as gunicorn does, then follow the attributes after its first dot.

    What stands before that dot must be what gunicorn loads alone: the name of a callable, or a call that returns one.
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
    """Take ``create().wsgi`` apart into ``create()`` and its attributes; leave what is no Python to gunicorn."""
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
    """Start the app in a worker, before it takes a request; gunicorn ends a worker in which this fails."""
    if (app := _dual_app(worker)) is not None:
        app._lifespan.start()


def worker_exit(server: Any, worker: Any) -> None:
    """Stop the app in a worker that has served its last request."""
    if (app := _dual_app(worker)) is not None:
        app._lifespan.stop()


def _dual_app(worker: Any) -> DualApp | None:
    """Return the app of a WSGI worker; ASGI workers tell theirs with lifespan messages."""
    served = None if hasattr(worker, "asgi") else getattr(worker, "wsgi", None)
    owner = getattr(served, "__self__", served)  # `app.wsgi` is a method of the app
    return owner if isinstance(owner, DualApp) else None
