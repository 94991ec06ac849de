"""Tests with flask-unittest, whose test methods are given a client or an app."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import flask_unittest

from dualapp import DualApp

from .shop import create_app


class WithClient(flask_unittest.ClientTestCase):  # type: ignore[misc]  # it ships no types
    app = create_app("async")

    def test_answers(self, client: Any) -> None:
        answer = client.get("/")
        self.assertInResponse(b"hello", answer)
        self.assertStatus(answer, 200)

    def test_sessions(self, client: Any) -> None:
        assert [client.get("/visits").text for _ in range(2)] == ["1", "2"]


class WithAppAndClient(flask_unittest.AppClientTestCase):  # type: ignore[misc]  # it ships no types
    def create_app(self) -> Iterator[DualApp]:
        yield create_app("def")

    def test_answers(self, app: DualApp, client: Any) -> None:
        assert client.get("/").text == "hello"
        assert app.extensions["started"] == ["once"]
