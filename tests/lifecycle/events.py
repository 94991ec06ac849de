"""A file in which the processes of a server write what happens to them, and the test reads it."""

import os
from pathlib import Path

from tests.support.waiting import wait_for


def note(event: str) -> None:
    """Write down that something happened in this process."""
    # One small write with O_APPEND: lines of different processes do not mix.
    with open(os.environ["EVENTS"], "a") as file:
        file.write(f"{os.getpid()} {event}\n")


class Events:
    """What was noted so far."""

    def __init__(self, path: Path) -> None:
        path.touch()
        self.path = path
        self.environment = {"EVENTS": str(path)}

    def by_process(self) -> dict[int, list[str]]:
        """Return the events of each process, in their order."""
        events: dict[int, list[str]] = {}
        for line in self.path.read_text().splitlines():
            pid, _, event = line.partition(" ")
            events.setdefault(int(pid), []).append(event)
        return events

    def all(self) -> list[str]:
        return [event for events in self.by_process().values() for event in events]

    def wait_for(self, event: str, times: int = 1) -> None:
        """Wait until something has happened so many times."""
        wait_for(
            lambda: self.all().count(event) >= times,
            because=lambda: f"{event} did not happen {times} times: {self.all()}",
        )
