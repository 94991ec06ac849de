"""One request of a fuzz, and how it ends."""

from __future__ import annotations

from dataclasses import dataclass

from ..support.entry_driver import Ask

#: What a header may say instead of a value: what the client was told by earlier answers.
TOLD = ("<cookies>", "<etag>", "<modified>")


@dataclass(frozen=True)
class Visit(Ask):
    """A request, and who ends it how.

    `end` is empty for a request that is answered in full. "leave": the client leaves after `leave` chunks. "broken":
    whatever the app sends after `leave` chunks fails. "gone" and "cancel": the client leaves, or the server cancels the
    task, while the request waits at the gate of its app.
    """

    end: str = ""
