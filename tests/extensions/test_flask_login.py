"""Flask-Login

Logging in and out, pages for users only and the way back to them, remember-me cookies, fresh logins, API keys,
signals.
"""

from __future__ import annotations

import pytest
from flask_login import (
    LoginManager,
    UserMixin,
    confirm_login,
    current_user,
    fresh_login_required,
    login_fresh,
    login_required,
    login_user,
    logout_user,
    user_logged_in,
)

from dualapp import DualApp, get_flashed_messages, redirect, render_template_string, request, url_for

from ..conftest import Serve
from ..support.entry_driver import Answer, Client

# Flask-Login 0.6.3 reckons when a cookie expires with a function that Python 3.12 deprecates.
pytestmark = pytest.mark.filterwarnings(r"ignore:datetime\.datetime\.utcnow:DeprecationWarning:flask_login")

PASSWORDS = {"ada": "engine", "grace": "moth"}
KEYS = {"key-of-grace": "grace"}


class User(UserMixin):
    def __init__(self, name: str) -> None:
        self.id = name


def site(app: DualApp) -> None:
    app.secret_key = "secret"
    manager = LoginManager(app)
    manager.login_view = manager.refresh_view = "login"
    manager.session_protection = "strong"
    app.extensions["logins"] = logins = []

    @manager.user_loader
    def load(name):
        return User(name) if name in PASSWORDS else None

    @manager.request_loader
    def load_by_key(request):
        name = KEYS.get(request.headers.get("X-Api-Key"))
        return None if name is None else User(name)

    # A receiver is held weakly, here by the app.
    def sync_note(sender, user):
        logins.append((user.id, request.path))

    app.extensions["receiver"] = sync_note
    user_logged_in.connect(sync_note, app)

    @app.get("/login")
    async def login():
        return {"next": request.args.get("next"), "messages": get_flashed_messages()}

    @app.post("/login")
    async def log_in():
        form = await request.form
        if PASSWORDS.get(form["name"]) != form["password"]:
            return "wrong", 401
        login_user(User(form["name"]), remember="remember" in form)
        return redirect(form.get("next") or url_for("index"))

    @app.post("/logout")
    @login_required
    async def logout():
        logout_user()
        return redirect(url_for("index"))

    @app.get("/")
    async def index():
        return await render_template_string(
            "{% if current_user.is_authenticated %}{{ current_user.id }}{% else %}nobody{% endif %}"
        )

    @app.get("/account/<int:number>")
    @login_required
    async def account(number):
        return {"user": current_user.get_id(), "number": number, "fresh": login_fresh()}

    @app.get("/password")
    @fresh_login_required
    async def password():
        return "change it"

    @app.post("/confirm")
    @login_required
    async def confirm():
        confirm_login()
        return "confirmed"


def log_in(client: Client, name: str, **form: str) -> Answer:
    return client.post("/login", form={"name": name, "password": PASSWORDS[name], **form})


def remembered(answer: Answer) -> tuple[str, str]:
    """The cookies with which a browser comes back another day: the session's is gone."""
    name, value = answer.cookie
    return name, next(cookie for cookie in value.split("; ") if cookie.startswith("remember_token="))


def test_users_log_in_and_out(serve: Serve) -> None:
    client = serve(site)
    assert client.get("/").text == "nobody"
    assert client.post("/login", form={"name": "ada", "password": "guess"}).status == 401
    entered = log_in(client, "ada")
    assert (entered.status, entered.header("location")) == (302, "/")
    assert client.get("/", [entered.cookie]).text == "ada"
    assert client.get("/account/7", [entered.cookie]).json() == {"user": "ada", "number": 7, "fresh": True}
    left = client.post("/logout", [entered.cookie])
    assert client.get("/", [left.cookie]).text == "nobody"
    assert client.get("/account/7", [left.cookie]).status == 302


def test_a_page_for_users_sends_others_to_the_login_and_back(serve: Serve) -> None:
    client = serve(site)
    refused = client.get("/account/7")
    assert (refused.status, refused.header("location")) == (302, "/login?next=%2Faccount%2F7")
    shown = client.get("/login?next=%2Faccount%2F7", [refused.cookie])
    assert shown.json() == {"next": "/account/7", "messages": ["Please log in to access this page."]}
    assert log_in(client, "grace", next="/account/7").header("location") == "/account/7"


def test_an_api_answers_those_without_a_login_by_itself(serve: Serve) -> None:
    def api(app: DualApp) -> None:
        @app.login_manager.unauthorized_handler
        def unauthorized():
            return {"error": "log in"}, 401

    client = serve(site, api)
    refused = client.get("/account/7")
    assert (refused.status, refused.json()) == (401, {"error": "log in"})
    assert client.get("/account/7", [("X-Api-Key", "key-of-grace")]).json()["user"] == "grace"
    assert client.get("/account/7", [("X-Api-Key", "guess")]).status == 401


def test_a_remembered_user_is_known_but_not_fresh(serve: Serve) -> None:
    client = serve(site)
    entered = log_in(client, "ada", remember="yes")
    later = [remembered(entered)]
    back = client.get("/account/7", later)
    assert back.json() == {"user": "ada", "number": 7, "fresh": False}
    assert client.get("/password", [entered.cookie]).text == "change it"
    stale = client.get("/password", later)
    assert (stale.status, stale.header("location")) == (302, "/login?next=%2Fpassword")
    confirmed = client.post("/confirm", later)
    assert client.get("/password", [confirmed.cookie]).text == "change it"
    left = client.post("/logout", [entered.cookie])
    assert any(cookie.startswith("remember_token=; Expires=Thu, 01 Jan 1970") for cookie in left.all("set-cookie"))


def test_forged_and_stolen_cookies_are_nobodys(serve: Serve) -> None:
    client = serve(site)
    entered = log_in(client, "ada", remember="yes")
    assert client.get("/", [("Cookie", "remember_token=ada|0123456789abcdef")]).text == "nobody"
    assert client.get("/", [(entered.cookie[0], "session=.eJw.x.y")]).text == "nobody"
    # Strong protection: the cookies were given to another browser.
    assert client.get("/", [entered.cookie, ("User-Agent", "thief")]).text == "nobody"


def test_a_login_is_signalled_within_its_request(serve: Serve) -> None:
    client = serve(site)
    log_in(client, "ada")
    assert client.app.extensions["logins"] == [("ada", "/login")]
