"""Static files that are known: answered without Flask's view, with what that would say, or else left to it."""

from __future__ import annotations

import mimetypes
import os
from collections.abc import Iterable
from datetime import timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import flask
import pytest
from flask import signals

from dualapp import DualApp, session
from dualapp.shortcuts import static_files as of_static

from ..conftest import Serve
from ..support.entry_driver import Answer, Ask, Client
from ..support.waiting import LIMIT
from .test_roads import plans_of

MONDAY = "Mon, 03 Feb 2020 00:00:00 GMT"


def nothing(app: DualApp) -> None: ...


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "a.txt").write_bytes(b"0123456789")
    (folder / "empty").touch()
    (folder / "ünï.css.gz").write_bytes(b"packed")
    (folder / "long.bin").write_bytes(bytes(100_000))
    (folder / "within").mkdir()
    return folder


@pytest.fixture
def client(serve: Serve, folder: Path) -> Client:
    return serve(nothing, static_folder=folder, static_url_path="/s")


def apps_of(client: Client) -> list[Any]:
    assert client.twin is not None
    return [client.app, client.twin.app]


def known(client: Client, endpoint: str = "static") -> Any:
    """What is known of the files of an endpoint; None where Flask's view is asked for each."""
    static = plans_of(client)._plans[endpoint].static
    return None if static is None else static._known


def get(client: Client, headers: Iterable[tuple[str, str]] = (), path: str = "/s/a.txt") -> Answer:
    """Ask until the file is known, and once more."""
    for _ in range(2):
        client.get(path, headers)
    return client.get(path, headers)


def with_known(serve: Serve) -> bool:
    return serve.road == "short"


def test_flask_is_asked_once(serve: Serve, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    first = client.get("/s/a.txt")
    assert known(client) is None or list(known(client)) == ["a.txt"]
    if with_known(serve):
        monkeypatch.setattr(plans_of(client)._plans["static"].static, "_view", None)
    etag, modified = str(first.header("etag")), str(first.header("last-modified"))
    assert client.get("/s/a.txt").body == b"0123456789"
    assert client.head("/s/a.txt").header("content-length") == "10"
    for condition in (("If-None-Match", etag), ("If-None-Match", f"W/{etag}"), ("If-Modified-Since", modified)):
        assert client.get("/s/a.txt", [condition]).status == 304
        assert client.head("/s/a.txt", [condition]).status == 304
    assert client.get("/s/a.txt", [("If-None-Match", etag), ("If-Modified-Since", MONDAY)]).status == 304
    assert client.get("/s/a.txt", [("If-Range", etag)]).status == 200


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", ["a.txt", "empty", "%C3%BCn%C3%AF.css.gz", "long.bin", "within/../a.txt", "a.txt/"])
def test_files_of_all_kinds(client: Client, method: str, path: str) -> None:
    for headers in ([], [], [("Range", "bytes=1-2")], [("If-Modified-Since", MONDAY)], []):
        client.request(method, f"/s/{path}", headers)


@pytest.mark.parametrize("path", ["none", "within", "within/", "../a.txt", "a%00", "%FF", "a.txt%2F..%2F..%2Fx"])
def test_what_is_no_file(client: Client, path: str) -> None:
    for _ in range(3):
        assert client.get(f"/s/{path}").status in (404, 308)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ([("If-None-Match", "*")], 304),
        ([("If-None-Match", "")], 200),
        ([("If-None-Match", '"other"')], 200),
        ([("If-None-Match", "E")], 304),
        ([("If-None-Match", '"other", E')], 304),
        ([("If-None-Match", '"other"'), ("If-None-Match", "E")], 304),
        ([("If-None-Match", "E"), ("If-None-Match", '"other"')], 304),
        ([("If-None-Match", "w/E")], 304),
        ([("If-None-Match", '"other"'), ("If-Modified-Since", "M")], 200),
        ([("If-None-Match", "E"), ("If-Match", "E")], 200),
        ([("If-None-Match", "E"), ("Range", "bytes=0-1")], 206),
        ([("If-Modified-Since", "")], 200),
        ([("If-Modified-Since", "nonsense")], 200),
        ([("If-Modified-Since", "Fri, 31 Dec 9999 00:00:00 GMT")], 304),
        ([("If-Modified-Since", "M"), ("Range", "bytes=0-1")], 206),
        ([("If-Match", "E")], 200),
        ([("If-Match", '"other"')], 412),
        ([("If-Unmodified-Since", MONDAY)], 200),
        ([("If-Range", "E"), ("Range", "bytes=0-1")], 206),
        ([("If-Range", '"other"'), ("Range", "bytes=0-1")], 200),
        ([("Range", "bytes=100-")], 416),
        ([("Range", "")], 416),
        ([("Cookie", "session=nonsense")], 200),
    ],
)
def test_conditions(client: Client, headers: list[tuple[str, str]], status: int) -> None:
    first = get(client)
    stands_for = {"E": str(first.header("etag")), "M": str(first.header("last-modified"))}
    asked = [(name, "".join(stands_for.get(letter, letter) for letter in value)) for name, value in headers]
    for _ in range(2):
        assert client.get("/s/a.txt", asked).status == status
        client.head("/s/a.txt", asked)


def changed(path: Path) -> None:
    path.write_bytes(b"changed")


def changed_in_size_only(path: Path) -> None:
    before = path.stat()
    path.write_bytes(b"longer than before")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def touched(path: Path) -> None:
    os.utime(path, (1_000_000, 1_000_000))


def replaced(path: Path) -> None:
    new = path.with_suffix(".new")
    new.write_bytes(b"9876543210")
    touched(new)
    new.replace(path)


def removed(path: Path) -> None:
    path.unlink()


def made_a_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def made_a_pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def linked(path: Path) -> None:
    path.unlink()
    path.symlink_to("long.bin")


@pytest.mark.parametrize(
    "change",
    [changed, changed_in_size_only, touched, replaced, removed, made_a_folder, made_a_pipe, linked],
)
def test_a_file_changes(client: Client, folder: Path, change: Any) -> None:
    before = get(client)
    change(folder / "a.txt")
    for _ in range(2):
        after = client.get("/s/a.txt")
        client.get("/s/a.txt", [("If-None-Match", str(before.header("etag")))])
        client.get("/s/a.txt", [("If-Modified-Since", str(before.header("last-modified")))])
        client.head("/s/a.txt")
    assert after.comparable() != before.comparable()


def test_a_file_comes_back(client: Client, folder: Path) -> None:
    get(client)
    (folder / "a.txt").rename(folder / "b.txt")
    assert get(client).status == 404
    (folder / "b.txt").rename(folder / "a.txt")
    assert get(client).body == b"0123456789"


# ----------------------------------------------------------------------------------------------------------- settings


@pytest.mark.parametrize("age", [0, 60, 3.5, True, timedelta(minutes=1), None])
def test_ages(client: Client, age: Any) -> None:
    get(client)
    for app in apps_of(client):
        app.config["SEND_FILE_MAX_AGE_DEFAULT"] = age
    answer = get(client)
    fresh = get(client, [("If-None-Match", str(answer.header("etag")))])
    for each in (answer, fresh):
        if age is not None:
            until = parsedate_to_datetime(str(each.header("expires")))
            since = parsedate_to_datetime(str(each.header("date")))
            assert -1 <= (until - since).total_seconds() - age_of(age) < LIMIT


def age_of(age: Any) -> float:
    return float(age.total_seconds() if isinstance(age, timedelta) else age)


def test_x_sendfile(client: Client) -> None:
    get(client)
    for app in apps_of(client):
        app.config["USE_X_SENDFILE"] = True
    for _ in range(2):
        assert client.head("/s/a.txt").header("x-sendfile")


def test_another_folder(client: Client, tmp_path: Path) -> None:
    get(client)
    other = tmp_path / "other"
    other.mkdir()
    (other / "a.txt").write_bytes(b"other")
    for app in apps_of(client):
        app.static_folder = str(other)
    assert get(client).body == b"other"
    for app in apps_of(client):
        app.static_folder = None
    assert client.get("/s/a.txt").status == 500


def test_another_type(client: Client, folder: Path) -> None:
    (folder / "a.own").write_bytes(b"own")
    get(client, path="/s/a.own")
    mimetypes.add_type("text/x-own", ".own")
    try:
        assert get(client, path="/s/a.own").header("content-type") == "text/x-own; charset=utf-8"
    finally:
        mimetypes.init()


# -------------------------------------------------------------------------------------------------- who else has a say


class OwnAge:
    asked: list[str | None]

    def get_send_file_max_age(self, filename: str | None) -> int | None:
        vars(self).setdefault("asked", []).append(filename)
        return 77


class OwnView:
    def send_static_file(self, filename: str) -> Any:
        response = super().send_static_file(filename)  # type: ignore[misc]  # of the app
        response.headers["X-Own"] = filename
        return response


class OwnFolder:
    @property
    def static_folder(self) -> str | None:
        return super().static_folder  # type: ignore[misc, no-any-return]  # of the app

    @static_folder.setter
    def static_folder(self, value: Any) -> None:
        flask.Flask.static_folder.fset(self, value)  # type: ignore[attr-defined]  # it is a property


@pytest.mark.parametrize("mixin", [OwnAge, OwnView, OwnFolder])
def test_a_subclass(serve: Serve, folder: Path, mixin: type) -> None:
    client = serve(nothing, mixin=mixin, static_folder=folder, static_url_path="/s")
    answer = get(client)
    assert known(client) is None
    assert (answer.header("cache-control") == "public, max-age=77") == (mixin is OwnAge)
    assert answer.header("x-own") == ("a.txt" if mixin is OwnView else None)
    ours, theirs = apps_of(client)
    assert vars(ours).get("asked") == vars(theirs).get("asked")


def with_own_age(app: DualApp) -> None:
    app.get_send_file_max_age = lambda filename: 77  # type: ignore[method-assign]


def with_own_view(app: DualApp) -> None:
    app.send_static_file = lambda filename: f"own {filename}"  # type: ignore[method-assign]


def with_another_view(app: DualApp) -> None:
    @app.endpoint("static")
    async def static(filename):
        return f"own {filename}"


def with_wrapped_view(app: DualApp) -> None:
    view = app.view_functions["static"]
    app.view_functions["static"] = lambda **arguments: (view(**arguments), {"X-Own": "1"})


def with_another_response(app: DualApp) -> None:
    class Own(app.response_class):
        default_mimetype = "text/own"

    app.response_class = Own


def with_hook(app: DualApp) -> None:
    @app.after_request
    async def after(response):
        response.headers["X-Own"] = "1"
        return response


@pytest.mark.parametrize(
    "build", [with_own_age, with_own_view, with_another_view, with_wrapped_view, with_another_response, with_hook]
)
def test_what_is_not_flasks_own(serve: Serve, folder: Path, build: Any) -> None:
    client = serve(build, static_folder=folder, static_url_path="/s")
    first = get(client)
    get(client, [("If-None-Match", str(first.header("etag")))])
    get(client, path="/s/empty")
    assert known(client) is None


def test_a_blueprint(serve: Serve, folder: Path) -> None:
    def build(app: DualApp) -> None:
        app.register_blueprint(flask.Blueprint("plain", __name__, static_folder=folder), url_prefix="/p")
        own = type("Own", (OwnAge, flask.Blueprint), {})
        app.register_blueprint(own("own", __name__, static_folder=folder), url_prefix="/o")

    client = serve(build)
    for prefix in "po":
        first = get(client, path=f"/{prefix}/files/a.txt")
        get(client, [("If-None-Match", str(first.header("etag")))], path=f"/{prefix}/files/a.txt")
    assert known(client, "own.static") is None
    if with_known(serve):
        assert list(known(client, "plain.static")) == ["a.txt"]


def test_a_permanent_session_is_renewed(serve: Serve, folder: Path) -> None:
    def build(app: DualApp) -> None:
        app.secret_key = "secret"

        @app.get("/")
        async def index():
            session.permanent = True
            return "in"

    client = serve(build, static_folder=folder, static_url_path="/s")
    cookie = client.get("/").cookie
    get(client)
    assert get(client, [cookie]).header("set-cookie")
    assert get(client).header("set-cookie") is None


@pytest.mark.parametrize("name", ["request_started", "request_finished", "request_tearing_down", "appcontext_popped"])
def test_signals_are_sent(client: Client, name: str) -> None:
    get(client)
    for app in apps_of(client):
        heard: list[Any] = []

        def hear(sender: Any, heard: list[Any] = heard, **extra: Any) -> None:
            heard.append(extra.get("response"))

        with getattr(signals, name).connected_to(hear, app):
            client.get("/s/a.txt")
        assert len(heard) == 1
        assert name != "request_finished" or isinstance(heard[0], flask.Response)


@pytest.mark.parametrize("method", ["POST", "OPTIONS", "PUT", "head", "get"])
def test_methods(client: Client, method: str) -> None:
    get(client)
    client.request(method, "/s/a.txt")


def test_many_names_of_one_file(serve: Serve, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(of_static, "MOST_FILES", 4)
    for number in range(10):
        client.get(f"/s/{'./' * number}a.txt")
    if with_known(serve):
        assert 0 < len(known(client)) <= 4


def test_many_at_once(client: Client, folder: Path) -> None:
    answers = client.many([Ask(target="/s/a.txt")] * 50, threads=8)
    assert {answer.body for answer in answers} == {b"0123456789"}
    changed(folder / "a.txt")
    answers = client.many([Ask(target="/s/a.txt")] * 50, threads=8)
    assert {(answer.body, answer.header("content-length")) for answer in answers} == {(b"changed", "7")}


# ----------------------------------------------------------------------------------- files that are read with the view


def test_a_file_that_cannot_be_read(serve: Serve, folder: Path) -> None:
    def build(app: DualApp) -> None:
        app.config["PROPAGATE_EXCEPTIONS"] = False

        @app.get("/")
        async def index():
            response = flask.send_file(folder / "a.txt")
            response.response.file.close()  # type: ignore[union-attr]  # it is a FileWrapper
            return response

    if serve.entry == "asgi":  # under WSGI it is the server that reads
        assert serve(build, twin=False).get("/").status == 500


def test_a_short_file_crosses_once(serve: Serve, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def build(app: DualApp) -> None:
        @app.get("/<name>")
        async def index(name):
            return flask.send_file(folder / name)

    if serve.entry == "wsgi" or serve.road == "general":  # a class of one's own sends itself
        return
    client, crossed = serve(build), []
    start = client.app._threads.start

    def counting(*args: Any) -> None:
        crossed.append(args)
        start(*args)

    monkeypatch.setattr(client.app._threads, "start", counting)
    first = client.get("/a.txt")
    for headers in ([], [("Range", "bytes=1-2")], [("If-None-Match", str(first.header("etag")))]):
        for method in ("GET", "HEAD"):
            crossed.clear()
            client.request(method, "/a.txt", headers)
            assert len(crossed) == 1


def test_a_look_at_a_file_crosses_if_the_last_one_was_slow(
    serve: Serve, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = get(client)
    if serve.entry == "wsgi" or serve.road == "general":
        return
    crossed: list[Any] = []
    start = client.app._threads.start

    def counting(*args: Any) -> None:
        crossed.append(args)
        start(*args)

    def crossings() -> int:
        crossed.clear()
        assert client.get("/s/a.txt", [("If-None-Match", str(first.header("etag")))]).status == 304
        return len(crossed)

    monkeypatch.setattr(client.app._threads, "start", counting)
    assert crossings() == 0
    monkeypatch.setattr(of_static, "NEAR", 0)
    assert [crossings(), crossings()] == [0, 1]
    monkeypatch.setattr(of_static, "NEAR", 10)
    assert [crossings(), crossings()] == [1, 0]
    client.get("/s/a.txt")
    assert len(crossed) == 1


def test_a_rule_of_the_users_own(serve: Serve, folder: Path) -> None:
    def build(app: DualApp) -> None:
        app.add_url_rule("/icon", "static", defaults={"filename": "a.txt"})
        app.add_url_rule("/<lang>/icon", "static", defaults={"filename": "a.txt"})

    client = serve(build, static_folder=folder, static_url_path="/s")
    assert get(client, path="/icon").body == b"0123456789"
    assert get(client, path="/en/icon").status == 500
