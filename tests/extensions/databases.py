"""The databases of an app with Flask-SQLAlchemy and of its twin in plain Flask."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from ..support.entry_driver import Client


@contextmanager
def closing_databases(client: Client) -> Iterator[Client]:
    """Close the connections in the end: one that is only forgotten warns."""
    apps: list[Any] = [client.app, *([client.twin.app] if client.twin else [])]
    yield client
    for app in apps:
        with app.app_context():
            app.extensions["sqlalchemy"].engine.dispose()
