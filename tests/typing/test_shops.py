"""Run the shops, so that what the type checkers pass is right."""

from __future__ import annotations

import asyncio
import io
from types import ModuleType

import pytest

from dualapp import DualApp

from . import async_shop, sync_shop


@pytest.fixture(params=[sync_shop, async_shop], ids=["sync", "async"])
def shop(request: pytest.FixtureRequest) -> ModuleType:
    """Return the module of a shop."""
    module: ModuleType = request.param
    module.log.clear()
    return module


@pytest.fixture
def app(shop: ModuleType) -> DualApp:
    """Return a new shop."""
    app: DualApp = shop.create_app()
    return app


def test_items_are_listed_shown_and_found(app: DualApp) -> None:
    client = app.test_client()
    text = client.get("/items/?q=Te").text
    assert "<title>Shop</title>" in text
    assert '<a href="/items/1">Tea</a> 2.50 €' in text
    assert "Cup" not in text
    assert client.get("/items/2").get_data() == b"CUP!"
    assert client.get("/items/2").headers["X-Length"] == "4"
    assert client.get("/items/list.txt").get_data(as_text=True) == "Tea\nCup\n"
    assert client.get("/items/export.csv").data == b"# localhost\n1;Tea;250\n2;Cup;900\n"
    answer = client.get("/items/3")
    assert (answer.status_code, answer.json["error"]) == (404, "there is no item 3")
    assert client.get("/nothing").text == "404 Not Found"


def test_who_is_logged_in_adds_items(app: DualApp) -> None:
    with app.test_client() as client:
        answer = client.post("/items/", data={"name": "Pot", "price": "1900"}, follow_redirects=True)
        assert answer.text == "<form method=post>Please log in.</form>"
        assert answer.request.path == "/login"
        answer = client.post("/login?next=/items/", data={"user": "Ann"})
        assert answer.location == "/items/"
        form = {"name": "Pot", "price": "1900", "picture": (io.BytesIO(b"pixels"), "pot.png")}
        answer = client.post("/items/", data=form, follow_redirects=True)
        assert "Pot has been added." in answer.text
        assert "19.00 €" in answer.text
        answer = client.get("/items/3/picture")
        assert (answer.mimetype, answer.data, answer.cache_control.max_age) == ("image/png", b"pixels", 60)
        assert client.put("/items/3/picture", data=b" new ").status_code == 204
        assert client.get("/items/3/picture").data == b"new"
        with client.session_transaction() as session:
            assert session["user"] == "Ann"


def test_programs_use_the_interface(app: DualApp) -> None:
    client = app.test_client()
    assert client.patch("/api/items/1", json={"price": 300}).get_json() == {"number": 1, "name": "Tea", "price": 300}
    assert client.get("/api/items/1").get_json()["price"] == 300
    answer = client.post("/api/echo", data="loud", content_type="text/x-words")
    assert (answer.status_code, answer.text, answer.mimetype) == (202, "LOUD", "text/x-words")
    about = client.get("/api/about", headers={"Accept-Language": "de", "User-Agent": "x"}).get_json()
    assert about == {
        "method": "GET",
        "endpoint": "api.about",
        "agent": "x",
        "language": "de",
        "user": None,
        "length": 2,
        "number": 4,
    }
    assert app.test_cli_runner().invoke(args=["count"]).output == "2\n"


def test_async_tests_await_the_client(app: DualApp, shop: ModuleType) -> None:
    async def test() -> None:
        async with app.test_app(), app.test_client() as client:
            answer = await client.post("/api/mail", form={"address": "ann@example.org"})
            assert answer.headers["X-Mail"] == "queued"
            assert await answer.get_json() == {"queued": True}
            assert b"queued" in await answer.get_data()
            async with client.session_transaction() as session:
                session["user"] = "Bob"
            about = await (await client.get("/api/about")).get_json()
            assert (about["user"], about["number"]) == ("Bob", 2)

    asyncio.run(test())
    assert "/api/mail: ann@example.org" in shop.log
