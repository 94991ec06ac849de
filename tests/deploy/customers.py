"""Customers who order without a pause, and one who listens, while servers are replaced."""

from __future__ import annotations

import http.client
import itertools
import threading
from types import TracebackType
from typing import Self

from tests.support.event_source import EventSource
from tests.support.waiting import wait_for

from .site import Site

CUSTOMERS = 6


class Customers:
    """For as long as the block lasts, order one number after the other, and note the answers."""

    def __init__(self, site: Site, path: str) -> None:
        self.placed: list[int] = []
        self.lost: list[tuple[int, object]] = []
        self._site, self._path = site, path
        self._numbers = itertools.count(1)
        self._is_over = threading.Event()
        self._threads = [threading.Thread(target=self._order) for _ in range(CUSTOMERS)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        self.go_on()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def go_on(self, orders: int = 100) -> None:
        """Wait until so many more orders have been placed."""
        enough = len(self.placed) + orders
        wait_for(lambda: len(self.placed) >= enough or self.lost)

    def _order(self) -> None:
        while not self._is_over.is_set():
            number = next(self._numbers)
            try:
                with self._site.ask(f"{self._path}/{number}", "POST") as response:
                    response.read()
            except (OSError, http.client.HTTPException) as error:
                self.lost.append((number, error))
            else:
                if response.status == 201:
                    self.placed.append(number)
                else:
                    self.lost.append((number, response.status))


class Listener:
    """For as long as the block lasts, listen to `/events` as a browser does, which connects again."""

    def __init__(self, site: Site) -> None:
        self.heard: list[int] = []
        self.connections = 0
        self._site = site
        self._is_over = threading.Event()
        self._thread = threading.Thread(target=self._listen)

    def __enter__(self) -> Self:
        self._thread.start()
        self.go_on()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._is_over.set()
        self._thread.join()

    def go_on(self, events: int = 3) -> None:
        enough = len(self.heard) + events
        wait_for(lambda: len(self.heard) >= enough or not self._thread.is_alive())

    def _listen(self) -> None:
        while not self._is_over.is_set():
            last = {"Last-Event-ID": str(self.heard[-1])} if self.heard else {}
            with self._site.ask("/events", headers=last) as response:
                assert response.status == 200
                self.connections += 1
                self._take(response)

    def _take(self, response: http.client.HTTPResponse) -> None:
        source = EventSource()
        while not self._is_over.is_set():
            try:
                piece = response.read1()
            except (OSError, http.client.HTTPException):
                return
            if not piece:
                return
            source.feed(piece)
            self.heard += [int(event.data) for event in source.events]
            source.events.clear()
