"""Teach gunicorn dotted names, for ``gunicorn package.module:app.wsgi``.

gunicorn's own loader takes a plain name or a call after the colon, nothing with a dot. It reads `gunicorn.conf.py` from
the working directory before it loads the app, with ``--preload`` too, so these two lines there are enough:

    from dualapp.gunicorn import allow_dotted_names

    allow_dotted_names()
"""

import ast
from typing import Any

from gunicorn import util
from gunicorn.errors import AppImportError

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
