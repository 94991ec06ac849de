"""Sessions, flashed messages and cookies: written by one entry or colour, read by any other, and by Flask."""

from __future__ import annotations

import asyncio
import datetime
from typing import Any

import flask
import pytest
from flask.json.tag import JSONTag
from flask.sessions import SecureCookieSession, SecureCookieSessionInterface, SessionInterface

from dualapp import (
    DualApp,
    flash,
    get_flashed_messages,
    make_response,
    render_template,
    render_template_string,
    request,
    session,
)

from ..conftest import Serve
from ..support.entry_driver import Client


def keeping(app: DualApp) -> None:
    app.secret_key = "secret"

    @app.get("/put/<value>")
    async def put(value):
        session["value"] = value
        return "put"

    @app.get("/get")
    async def get():
        return {"value": session.get("value"), "new": session.new, "permanent": session.permanent}

    @app.get("/clear")
    async def clear():
        session.clear()
        return "cleared"

    @app.get("/untouched")
    async def untouched():
        return "untouched"

    @app.get("/nested")
    async def nested():
        session.setdefault("list", []).append(1)
        session.modified = True
        return {"list": session["list"]}

    @app.get("/types")
    async def types():
        session["t"] = (1, 2)
        session["d"] = datetime.datetime(2020, 2, 3, tzinfo=datetime.UTC)
        session["b"] = b"\xff"
        return "stored"

    @app.get("/show-types")
    async def show():
        return {"t": type(session["t"]).__name__, "d": session["d"].isoformat(), "b": list(session["b"])}


def test_a_session_is_kept_and_cleared(serve: Serve) -> None:
    client = serve(keeping)
    kept = client.get("/put/ü")
    assert kept.header("vary") == "Cookie"
    assert client.get("/get", [kept.cookie]).json() == {"value": "ü", "new": False, "permanent": False}
    cleared = client.get("/clear", [kept.cookie])
    assert "Expires=Thu, 01 Jan 1970" in (cleared.header("set-cookie") or "")
    assert client.get("/get").json()["value"] is None


def test_a_session_nobody_touches_sets_nothing(serve: Serve) -> None:
    client = serve(keeping)
    answer = client.get("/untouched", [client.get("/put/x").cookie])
    assert (answer.header("set-cookie"), answer.header("vary")) == (None, None)


def test_only_a_template_that_shows_the_session_looks_at_it(serve: Serve) -> None:
    """And not the first one either, for which Jinja's environment is made."""

    def build(app: DualApp) -> None:
        @app.get("/plain")
        async def plain():
            return await render_template_string("{{ 1 + 1 }}")

        @app.get("/shown")
        async def shown():
            return await render_template_string("{{ session.value }}")

    client = serve(keeping, build)
    assert client.get("/plain").header("vary") is None
    assert client.get("/shown").header("vary") == "Cookie"


def test_changes_within_are_told_and_types_are_kept(serve: Serve) -> None:
    client = serve(keeping)
    first = client.get("/nested")
    assert client.get("/nested", [first.cookie]).json() == {"list": [1, 1]}
    assert client.get("/show-types", [client.get("/types").cookie]).json() == {
        "t": "tuple",
        "d": "2020-02-03T00:00:00+00:00",
        "b": [255],
    }


def test_a_session_of_one_entry_is_read_by_the_other_and_by_flask(serve: Serve) -> None:
    client = serve(keeping)
    assert client.twin is not None
    other = Client(client.app, "asgi" if client.entry == "wsgi" else "wsgi")
    cookie = client.get("/put/shared").cookie
    for reader in (client, other, client.twin):
        assert reader.get("/get", [cookie]).json()["value"] == "shared"
    assert client.get("/get", [client.twin.get("/put/flask").cookie]).json()["value"] == "flask"
    assert client.get("/get", [other.get("/put/other").cookie]).json()["value"] == "other"


FORGED = [
    "session=",
    "session=garbage",
    "session=eyJ2YWx1ZSI6IngifQ.aaaaaa.bbbbbbbbbbbbbbbbbbbbbbbbbbb",
    "session=.eJwtyTEKgDAMAMC.x.y",
    "session=%00%ff",
    "session=\xff\xfe",
    "session=" + "A" * 5000,
]


@pytest.mark.parametrize("cookie", FORGED)
def test_forged_sessions_are_empty(serve: Serve, cookie: str) -> None:
    assert serve.shared(keeping).get("/get", [("Cookie", cookie)]).json()["value"] is None


def test_a_session_signed_with_another_key_is_empty(serve: Serve) -> None:
    signer = SecureCookieSessionInterface().get_signing_serializer(DualApp("x"))
    assert signer is None  # No key, no signature.
    other = DualApp("x")
    other.secret_key = "another"
    signed = SecureCookieSessionInterface().get_signing_serializer(other)
    assert signed is not None
    cookie = f"session={signed.dumps({'value': 'forged'})}"
    assert serve(keeping).get("/get", [("Cookie", cookie)]).json()["value"] is None


def test_old_keys_are_still_read(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.config["SECRET_KEY_FALLBACKS"] = ["secret"]

    client = serve(keeping)
    cookie = client.get("/put/old").cookie
    client = serve(keeping, build)
    client.app.secret_key = "new"
    assert client.twin is not None
    client.twin.app.secret_key = "new"
    assert client.get("/get", [cookie]).json()["value"] == "old"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SECRET_KEY", "another"),
        ("SECRET_KEY", b"of bytes"),
        ("SECRET_KEY", bytearray(b"without a hash")),
        ("SECRET_KEY", None),
        ("SECRET_KEY_FALLBACKS", ["older", b"oldest"]),
        ("SESSION_COOKIE_NAME", "another"),
        ("SESSION_COOKIE_DOMAIN", "example.org"),
        ("SESSION_COOKIE_PATH", "/pü;t"),
        ("SESSION_COOKIE_HTTPONLY", False),
        ("SESSION_COOKIE_HTTPONLY", 1),
        ("SESSION_COOKIE_SECURE", True),
        ("SESSION_COOKIE_SAMESITE", "strict"),
        ("SESSION_COOKIE_SAMESITE", "nonsense"),
        ("SESSION_COOKIE_PARTITIONED", True),
        ("MAX_COOKIE_SIZE", 0),
        ("MAX_COOKIE_SIZE", 50),
        ("PERMANENT_SESSION_LIFETIME", datetime.timedelta(seconds=-1)),
    ],
)
@pytest.mark.filterwarnings("ignore:The 'session' cookie is too large")
def test_settings_of_sessions_may_change_while_it_serves(serve: Serve, name: str, value: object) -> None:
    client = serve(keeping)
    assert client.twin is not None
    cookie = client.get("/put/before").cookie
    client.get("/get", [cookie])
    for app in (client.app, client.twin.app):
        app.config[name] = value
    for _ in range(2):
        client.get("/get", [cookie])
        after = client.get("/put/after", [cookie])
        if after.all("set-cookie"):
            client.get("/get", [after.cookie])


@pytest.mark.filterwarnings("error:The 'session' cookie is too large")
def test_a_large_session_is_warned_of(serve: Serve) -> None:
    client = serve(keeping, twin=False)
    value = "".join(map(str, range(2500)))
    if serve.entry == "wsgi":  # where the warning, an error here, can be caught
        assert client.get(f"/put/{value}").status == 500


def written(app: DualApp) -> None:
    app.secret_key = "secret"

    @app.get("/<when>")
    async def index(when):
        response = await make_response(when)
        if when == "vary":
            response.headers["Vary"] = "Accept"
        elif when == "star":
            response.headers["Vary"] = "*"
        elif when == "cookie":
            response.set_cookie("session", "own")
        elif when == "permanent":
            session.permanent = True
        elif when == "class":
            response = type("Own", (type(response),), {"max_cookie_size": 30})(response.response)
        session["value"] = when
        return response


@pytest.mark.filterwarnings("ignore:The 'session' cookie is too large")
def test_a_written_session_on_responses_of_all_kinds(serve: Serve) -> None:
    client = serve(written)
    for when in ("vary", "star", "cookie", "permanent", "class", "plain"):
        assert client.get(f"/{when}").all("set-cookie")


def test_cookies_are_flasks_to_the_byte(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock stands still, so that the signatures can be compared, which a client masks."""
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: 1_000_000_000)
    client = serve(keeping)
    assert client.twin is not None
    for path in ("/put/x", "/put/%C3%BC", f"/put/{'long' * 50}", "/types", "/nested"):
        ours, flasks = (each.get(path).all("set-cookie") for each in (client, client.twin))
        assert ours == flasks
        assert len(ours) == 1


class Point:
    def __init__(self, x: int) -> None:
        self.x = x


class PointTag(JSONTag):
    key = " point"

    def check(self, value):
        return isinstance(value, Point)

    def to_json(self, value):
        return value.x

    def to_python(self, value):
        return Point(value)


def pointed(app: DualApp) -> None:
    app.secret_key = "secret"

    @app.get("/put")
    async def put():
        session["p"], session["ü"], session["a"] = Point(2), 1j if app.config.get("COMPLEX") else 1, None
        return "put"

    @app.get("/show")
    async def show():
        return {"x": session["p"].x, "keys": list(session)}


def test_tags_and_providers_count(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("itsdangerous.timed.time.time", lambda: 1_000_000_000)
    tags = SecureCookieSessionInterface.serializer
    client = serve(pointed)
    assert client.twin is not None
    apps = [client.app, client.twin.app]

    def cookies() -> str | None:
        ours, flasks = (each.get("/put").header("set-cookie") for each in (client, client.twin))
        assert ours == flasks
        return ours

    assert client.get("/put").status == 500
    monkeypatch.setattr(tags, "tags", dict(tags.tags))
    monkeypatch.setattr(tags, "order", list(tags.order))
    tags.register(PointTag)
    seen = {cookies()}
    assert client.get("/show", [client.get("/put").cookie]).json() == {"x": 2, "keys": ["a", "p", "ü"]}
    for setting, value in (("sort_keys", False), ("ensure_ascii", False), ("default", lambda value: "complex")):
        for app in apps:
            app.config["COMPLEX"] = setting == "default"
            setattr(app.json, setting, value)
        seen.add(cookies())
    for app in apps:
        app.json = type("Own", (type(app.json),), {"dumps": lambda self, value, **settings: '{"own":1}'})(app)
    seen.add(cookies())
    assert len(seen) == 5


class OwnSalt(SecureCookieSessionInterface):
    salt = "own"


class OwnSerializer(SecureCookieSessionInterface):
    def get_signing_serializer(self, app):
        serializer = super().get_signing_serializer(app)
        if serializer is not None:
            serializer.salt = b"own"
        return serializer


@pytest.mark.parametrize("cls", [OwnSalt, OwnSerializer])
def test_an_interface_may_sign_in_its_own_way(serve: Serve, cls: type[SecureCookieSessionInterface]) -> None:
    def build(app: DualApp) -> None:
        app.session_interface = cls()

    client, stock = serve(keeping, build), serve(keeping)
    cookie = client.get("/put/x").cookie
    assert client.get("/get", [cookie]).json()["value"] == "x"
    assert stock.get("/get", [cookie]).json()["value"] is None


@pytest.mark.parametrize("name", ["get_signing_serializer", "save_session", "open_session"])
def test_what_replaces_a_method_of_flasks_interface_is_called(
    serve: Serve, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """As tools do that watch it, while it serves."""
    client, calls, flasks = serve(keeping), [], getattr(SecureCookieSessionInterface, name)
    client.get("/put/x")

    def watched(*args):
        calls.append(name)
        return flasks(*args)

    monkeypatch.setattr(SecureCookieSessionInterface, name, watched)
    client.get("/put/x")
    ours = len(calls)
    assert client.twin is not None
    client.twin.get("/put/x")
    assert ours == 2 * (len(calls) - ours) > 0


def test_cookie_settings(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.config.update(
            SESSION_COOKIE_NAME="mine",
            SESSION_COOKIE_DOMAIN="example.org",
            SESSION_COOKIE_PATH="/put",
            SESSION_COOKIE_SECURE=True,
            SESSION_COOKIE_SAMESITE="Lax",
            SESSION_COOKIE_PARTITIONED=True,
        )

    cookie = serve(keeping, build).get("/put/x").header("set-cookie") or ""
    assert cookie.startswith("mine=")
    assert cookie.endswith("; Domain=example.org; Secure; HttpOnly; Path=/put; SameSite=Lax; Partitioned")


def test_permanent_sessions_expire_later(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.secret_key = "secret"
        app.config["PERMANENT_SESSION_LIFETIME"] = datetime.timedelta(days=3)

        @app.get("/")
        async def index():
            session.permanent = True
            return "x"

    assert "Expires=" in (serve(build).get("/").header("set-cookie") or "")


@pytest.mark.parametrize("refresh", [True, False])
def test_a_permanent_session_is_renewed_though_nobody_touches_it(serve: Serve, refresh: bool) -> None:
    def build(app: DualApp) -> None:
        app.config["SESSION_REFRESH_EACH_REQUEST"] = refresh

        @app.get("/stay")
        async def stay():
            session.permanent, session["value"] = True, 1
            return "x"

    client = serve(keeping, build)
    cookie = client.get("/stay").cookie
    assert (client.get("/untouched", [cookie]).header("set-cookie") is not None) == refresh


def test_a_session_that_cannot_be_opened_or_saved_is_a_500(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        class Broken(SecureCookieSessionInterface):
            def open_session(self, app, request):
                if request.path == "/open":
                    raise LookupError
                return super().open_session(app, request)

            def save_session(self, app, session, response):
                if request.path == "/save":
                    raise LookupError

        app.session_interface = Broken()

        @app.get("/<any(open, save, fine):what>")
        async def index(what):
            return "fine"

    client = serve(keeping, build)
    assert [client.get(path).status for path in ("/open", "/save", "/fine")] == [500, 500, 200]


def test_without_a_key_there_is_no_session(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/read")
        async def read():
            return {"value": session.get("x")}

        @app.get("/write")
        async def write():
            session["x"] = 1
            return "written"

    client = serve(build)
    assert client.get("/read").json() == {"value": None}
    assert client.get("/write").status == 500


def test_own_session_interface(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        class Memory(SessionInterface):
            def __init__(self):
                self.store = {}

            def open_session(self, app, request):
                return self.store.setdefault(request.headers.get("X-User", "?"), SecureCookieSession())

            def save_session(self, app, session, response):
                response.headers["X-Saved"] = str(len(session))

        app.session_interface = Memory()

        @app.get("/")
        async def index():
            session["count"] = session.get("count", 0) + 1
            return {"count": session["count"]}

    client = serve(build)
    user = [("X-User", "ann")]
    assert [client.get("/", user).json()["count"] for _ in range(2)] == [1, 2]
    answer = client.get("/", [("X-User", "bob")])
    assert (answer.json()["count"], answer.header("x-saved")) == (1, "1")


def test_a_session_changed_by_an_after_hook_is_saved(serve: Serve, paint) -> None:
    @paint
    def hooks(app: DualApp) -> None:
        @app.after_request
        async def after(response):
            session["value"] = "late"
            return response

    client = serve(keeping, hooks)
    assert client.get("/get", [client.get("/untouched").cookie]).json()["value"] == "late"


def test_flash(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.secret_key = "secret"

        @app.get("/flash")
        async def flashes():
            await flash("saved")
            await flash("lost <it>", "error")
            return "flashed"

        @app.get("/show")
        async def show():
            return await render_template("flashes.html")

        @app.get("/errors")
        async def errors():
            return {"errors": get_flashed_messages(category_filter=["error"])}

    client = serve(build)
    cookie = client.get("/flash").cookie
    shown = client.get("/show", [cookie])
    assert shown.text == "message: saved\nerror: lost &lt;it&gt;\n"
    assert client.get("/errors", [cookie]).json() == {"errors": ["lost <it>"]}
    assert client.get("/show", [shown.cookie]).text == ""


def test_cookies_of_a_response(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/")
        async def index():
            response = await make_response(request.cookies.get("a", "none"))
            response.set_cookie("a", 'ü; "1"', max_age=60, path="/x", secure=True, samesite="Strict")
            response.set_cookie("b", "2")
            response.delete_cookie("c", domain="example.org")
            return response

    answer = serve(build).get("/", [("Cookie", "a=1"), ("Cookie", "b=2")])
    assert answer.text == "1"
    cookies = answer.all("set-cookie")
    assert [cookie.partition("=")[0] for cookie in cookies] == ["a", "b", "c"]
    assert "Max-Age=60; Secure; Path=/x; SameSite=Strict" in cookies[0]


class AsyncSessions(flask.sessions.SessionInterface):
    """A session interface as Quart has them, which keeps the sessions in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}

    async def open_session(self, app: Any, request: Any) -> Any:  # type: ignore[override]  # Quart's is async
        await asyncio.sleep(0)
        return SecureCookieSession(self.kept.get(request.args["who"], {}))

    async def save_session(self, app: Any, session: Any, response: Any) -> None:  # type: ignore[override]  # as above
        await asyncio.sleep(0)
        self.kept[flask.request.args["who"]] = dict(session)


def test_a_session_interface_may_be_async(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.session_interface = AsyncSessions()

        @app.get("/")
        async def index():
            flask.session["count"] = flask.session.get("count", 0) + 1
            return str(flask.session["count"])

    client = serve(build, twin=False)
    assert [client.get(f"/?who={who}").text for who in "aba"] == ["1", "1", "2"]
