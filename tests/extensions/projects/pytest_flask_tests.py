"""Tests with the fixtures of pytest-flask, which pushes a request context of its own around each test."""

from __future__ import annotations

from typing import Any
from urllib.request import urlopen

import flask
import pytest

from dualapp import DualApp

from .shop import COLOURS, create_app


@pytest.fixture(params=COLOURS, scope="session")  # as long as its live server
def app(request: pytest.FixtureRequest) -> DualApp:
    return create_app(request.param)


def test_the_client(client: Any) -> None:
    assert client.get(flask.url_for("index")).text == "hello"
    assert [client.get("/visits").text for _ in range(2)] == ["1", "2"]


def test_headers_and_json(client: Any, accept_json: Any) -> None:
    answer = client.post("/json", json=[1], headers=accept_json)
    assert answer.json == {"got": [1], "accepts": "application/json"}


def test_the_request_around_a_test(client: Any) -> None:
    assert flask.request.path == "/"
    client.get("/visits")  # which the client's `with` block keeps
    assert (flask.request.path, flask.session["visits"]) == ("/visits", 1)


@pytest.mark.options(debug=True)
def test_options(app: DualApp, config: Any) -> None:
    assert app.debug
    assert config["TESTING"]


@pytest.mark.usefixtures("client_class")
class TestClientOfAClass:
    client: Any

    def test_it(self) -> None:
        assert self.client.get("/").text == "hello"


def test_the_live_server(live_server: Any) -> None:
    with urlopen(live_server.url("/")) as answer:
        assert answer.read() == b"hello"
