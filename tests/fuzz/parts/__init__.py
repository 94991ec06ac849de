"""What the apps are made of: each part is written in `async def`, and says which requests lead to it."""

from . import bodies, errors, files, hooks, hosts, matching, responses, seen, sessions, streams, waits  # noqa: F401 - they register
from .registry import PARTS as PARTS
