"""What a visitor does in each of the programs, and what the answers must be."""

from __future__ import annotations

import json
import re
import time

from tests.support.waiting import LIMIT

from .browser import Browser

SECRET = "correct horse"


def blog(browser: Browser) -> None:
    assert "Nothing yet" in browser.get("/").text
    assert browser.post_form("/auth/register", name="ada", password=SECRET).status == 400  # without a token
    for name in ("ada", "bob"):
        assert browser.fill_in("/auth/register", name=name, password=SECRET).header("location") == "/auth/login"
    assert "Welcome, bob." in browser.get("/auth/login").text
    taken = browser.fill_in("/auth/register", name="ada", password="short")
    assert taken.status == 422
    assert "This name is taken." in taken.text
    assert browser.get("/write").header("location") == "/auth/login?next=%2Fwrite"
    assert "Wrong name or password." in browser.fill_in("/auth/login", name="ada", password="wrong").text
    assert browser.fill_in("/auth/login?next=/write", name="ada", password=SECRET).header("location") == "/write"
    for number in (1, 2, 3):
        written = browser.fill_in("/write", title=f"Number {number} <b>, at some length", body="žena & 日本")
        assert written.header("location") == f"/{number}"
    assert browser.fill_in("/1", "/1/comment", text="First!").status == 302
    assert "<blockquote>First!</blockquote>" in browser.get("/1").text
    first, second = browser.get("/").text, browser.get("/?page=2").text
    assert "Number 3 &lt;b&gt;, at so…" in first
    assert "1 comments" in second
    visits = [int(re.search(r"Visit (\d+)", page)[1]) for page in (first, second)]  # type: ignore[index]
    assert visits[1] == visits[0] + 1
    assert browser.fill_in("/", "/auth/logout").status == 302
    assert browser.fill_in("/auth/login", name="bob", password=SECRET).header("location") == "/"
    assert browser.fill_in("/1", "/1/delete").status == 403
    browser.fill_in("/1", "/auth/logout")
    browser.fill_in("/auth/login", name="ada", password=SECRET)
    assert browser.fill_in("/1", "/1/delete").header("location") == "/"
    assert "is gone." in browser.get("/").text
    missing = browser.get("/1")
    assert (missing.status, "Not here" in missing.text) == (404, True)


def notes(browser: Browser) -> None:
    assert browser.get("/api/notes").json() == []
    for number, text in enumerate(("buy milk", "ask Ada about žena", "rest"), 1):
        added = browser.post_json("/api/notes", {"text": text})
        assert (added.status, added.header("location")) == (201, f"/api/notes/{number}")
    until_words_are_counted(browser)
    assert browser.get("/api/notes/2").json()["words"] == 4
    assert browser.post_form("/api/notes/3", "PUT", text="rest a while").header("x-changed") == "yes"
    assert browser.delete("/api/notes/1").status == 204
    assert browser.get("/api/notes/1").json() == {"error": "Not Found"}
    assert '<p id="3">rest a while</p>' in browser.get("/").text
    assert browser.get("/old").header("location") == "/"
    lines = [json.loads(line) for line in browser.get("/api/export?to=file").text.splitlines()]
    assert lines == [
        {"id": 2, "text": "ask Ada about žena", "to": "file"},
        {"id": 3, "text": "rest a while", "to": "file"},
    ]
    size = browser.ask("POST", "/api/import", {"Content-Type": "text/plain"}, b"x" * 300_000)
    assert size.json() == {"bytes": 300_000}


def until_words_are_counted(browser: Browser) -> None:
    """They are counted in the background, so nobody knows after how many questions."""
    another = Browser(browser.send)
    deadline = time.monotonic() + LIMIT
    while any(note["words"] is None for note in another.get("/api/notes").json()):
        assert time.monotonic() < deadline, "words are not counted"
        time.sleep(0.02)


def inventory(browser: Browser) -> None:
    tea = {"name": "tea", "price": 2.5, "tags": ["hot"]}
    added = browser.post_json("/items/", tea)
    assert (added.status, added.json()) == (201, {"id": 1, **tea})
    assert browser.post_json("/items/", {"name": "ice", "price": 1}).json()["tags"] == []
    for wrong in ({"name": "x", "price": 1}, {"name": "tea"}, {"name": "tea", "price": -1}):
        refused = browser.post_json("/items/", wrong)
        assert (refused.status, refused.json()) == (400, {"refused": "ValidationError"})
    assert [item["name"] for item in browser.get("/items/").json()["items"]] == ["tea", "ice"]
    assert [item["name"] for item in browser.get("/items/?tag=hot&limit=5").json()["items"]] == ["tea"]
    assert browser.get("/items/?limit=many").status == 400
    assert browser.post_form("/items/1/rename", name="green tea").json()["name"] == "green tea"
    assert browser.get("/items/1").json()["name"] == "green tea"
    assert browser.get("/items/9").status == 404
    assert browser.get("/items/broken").status == 500
    document = browser.get("/openapi.json").json()
    assert document["info"] == {"title": "Inventory", "version": "1.0"}
    assert set(document["paths"]["/items/"]) == {"get", "post"}
    assert "/items/broken" not in document["paths"]
    assert "swagger" in browser.get("/docs").text


def admin(browser: Browser) -> None:
    assert browser.get("/admin/planet/").status == 403
    assert browser.post_form("/enter", password="apricot").json() == {"staff": True}
    page = browser.get("/admin/planet/").text
    assert page.count("<em>") == 3
    assert browser.post_form("/admin/planet/new/", name="Saturn", moons=146).header("location") == "/admin/planet/"
    assert "Saturn" not in browser.get("/admin/planet/").text  # it is on the second page
    assert "<em>Saturn</em>" in browser.get("/admin/planet/?search=sat").text
    assert browser.get("/admin/planet/?flt0_2=100").status == 200
    assert browser.post_form("/admin/planet/edit/?id=4", name="Saturn!", moons=146).status == 302
    assert "Record was successfully" in browser.get("/admin/planet/").text
    changed = browser.post_form("/admin/planet/ajax/update/", list_form_pk=1, moons=3)
    assert (changed.status, changed.text) == (200, "Record was successfully saved.")
    assert browser.get("/admin/planet/export/csv/").text.splitlines()[1].endswith(",3")
    assert browser.post_form("/admin/planet/delete/", id=2).status == 302
    assert browser.get("/admin/report/?unit=au").text == "3 planets, au"
    assert browser.get("/admin/").status == 200
    assert browser.get("/admin/static/admin/css/bootstrap4/admin.css").header("content-type") is not None


def dashboard(browser: Browser) -> None:
    assert "/dashboard/" in browser.get("/").text
    assert "<title>Sales</title>" in browser.get("/dashboard/").text
    layout = browser.get("/dashboard/_dash-layout").json()
    assert [child["type"] for child in layout["props"]["children"]] == ["H1", "Dropdown", "Input", "P", "P"]
    outputs = [callback["output"] for callback in browser.get("/dashboard/_dash-dependencies").json()]
    assert outputs == ["total.children", "agent.children"]
    update = {
        "output": "total.children",
        "outputs": {"id": "total", "property": "children"},
        "inputs": [{"id": "region", "property": "value", "value": "south"}],
        "changedPropIds": ["region.value"],
        "state": [{"id": "factor", "property": "value", "value": 2}],
    }
    path = "/dashboard/_dash-update-component"
    assert browser.post_json(path, update).json()["response"] == {"total": {"children": "30 sold"}}
    update["inputs"][0]["value"] = None  # type: ignore[index]
    assert browser.post_json(path, update).status == 204
    agent = {"output": "agent.children", "outputs": {"id": "agent", "property": "children"}, "state": []}
    answer = browser.post_json(path, {**update, **agent})
    assert answer.json()["response"] == {"agent": {"children": "None for browser/1"}}
    assert browser.get("/sales/north.csv").text == "3,1,4"
    script = re.search(r'src="(/dashboard/_dash-component-suites/[^"]*dcc[^"]*)"', browser.get("/dashboard/").text)
    assert script
    assert browser.get(script[1]).status == 200
