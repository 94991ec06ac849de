"""The table of what adapters must do: the cases, our adapters, and those of others."""

from . import to_asgi, to_wsgi  # noqa: F401 - they register their cases
from .table import DIRECTIONS, NO, YES, Adapter, outcome

__all__ = ["DIRECTIONS", "NO", "YES", "Adapter", "outcome"]
