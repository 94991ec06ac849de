"""quart-auth

Logging in, renewing and out by a signed cookie, `current_user` in views and templates, routes and blueprints that ask
for a login, bearer tokens, Basic authentication, two kinds of users side by side, clients of tests that are logged in.
"""

from __future__ import annotations

import asyncio
import base64

from quart_auth import (
    Action,
    AuthUser,
    QuartAuth,
    Unauthorized,
    authenticated_client,
    basic_auth_required,
    current_user,
    generate_auth_token,
    login_required,
    login_user,
    logout_user,
    renew_login,
)

from dualapp import Blueprint, DualApp, redirect, render_template_string, request, url_for

from .quart_twin import ServeBesideQuart

NAMES = {"1": "ann", "2": "bob"}


class User(AuthUser):
    """A user with a property that has to be looked up, as in the documentation."""

    @property
    async def name(self) -> str | None:
        return NAMES.get(self.auth_id or "")


def prepare(app: DualApp) -> None:
    app.secret_key = "secret"
    app.config["QUART_AUTH_COOKIE_SECURE"] = False


def site(app: DualApp) -> None:
    prepare(app)
    QuartAuth(app, user_class=User)

    @app.post("/login")
    async def login():
        form = await request.form
        login_user(User(form["user"]), remember="remember" in form)
        return redirect(url_for("private"))

    @app.post("/logout")
    async def logout():
        logout_user()
        return "bye"

    @app.post("/renew")
    @login_required
    async def renew():
        renew_login()
        return "renewed"

    @app.get("/private")
    @login_required
    async def private():
        return {"user": current_user.auth_id}

    @app.get("/<int:number>")
    @login_required
    async def numbered(number):
        return await render_template_string("{{ current_user.auth_id }} {{ number }}", number=number)

    @app.get("/public")
    async def public():
        return await render_template_string(
            "{% if current_user.auth_id %}{{ current_user.auth_id }}{% else %}?{% endif %}"
        )

    # What a user's properties give must be awaited, in whichever colour the other views are.
    @app.get("/name")
    async def async_name():
        return {"name": await current_user.name, "known": await current_user.is_authenticated}


def test_a_user_logs_in_and_out(serve_beside_quart: ServeBesideQuart) -> None:
    client = serve_beside_quart(site)
    assert client.get("/private").status == 401
    assert client.get("/public").text == "?"
    answer = client.post("/login", form={"user": "1"})
    assert (answer.status, answer.header("location")) == (302, "/private")
    assert "Max-Age" not in str(answer.header("set-cookie"))
    known = [answer.cookie]
    assert client.get("/private", known).json() == {"user": "1"}
    assert client.get("/7", known).text == "1 7"
    assert client.get("/public", known).text == "1"
    assert client.get("/name", known).json() == {"name": "ann", "known": True}
    answer = client.post("/logout", known)
    assert (answer.text, answer.cookie) == ("bye", ("Cookie", "QUART_AUTH="))


def test_a_forged_cookie_is_no_login(serve_beside_quart: ServeBesideQuart) -> None:
    client = serve_beside_quart(site)
    name, value = client.post("/login", form={"user": "1"}).cookie
    assert client.get("/private", [(name, value)]).status == 200
    assert client.get("/private", [(name, value.replace("QUART_AUTH=", "QUART_AUTH=x"))]).status == 401
    assert client.get("/name", [(name, "QUART_AUTH=forged")]).json() == {"name": None, "known": False}


def test_a_remembered_login_is_renewed(serve_beside_quart: ServeBesideQuart) -> None:
    client = serve_beside_quart(site)
    answer = client.post("/login", form={"user": "2", "remember": "yes"})
    assert "Max-Age=31536000" in str(answer.header("set-cookie"))
    answer = client.post("/renew", [answer.cookie])
    assert answer.text == "renewed"
    assert client.get("/private", [answer.cookie]).json() == {"user": "2"}
    assert client.post("/renew").status == 401


def test_who_is_not_logged_in_is_sent_to_the_login(serve_beside_quart: ServeBesideQuart) -> None:
    def handler(app: DualApp) -> None:
        @app.errorhandler(Unauthorized)
        async def to_login(error):
            return redirect(url_for("login"))

    answer = serve_beside_quart(site, handler).get("/private")
    assert (answer.status, answer.header("location")) == (302, "/login")


def test_a_blueprint_asks_for_a_login(serve_beside_quart: ServeBesideQuart) -> None:
    def build(app: DualApp) -> None:
        account = Blueprint("account", __name__, url_prefix="/account")

        @account.before_request
        @login_required
        async def ask_for_login():
            return None

        @account.get("/")
        async def index():
            return {"account": current_user.auth_id}

        app.register_blueprint(account)

    client = serve_beside_quart(site, build)
    assert client.get("/account/").status == 401
    known = client.post("/login", form={"user": "1"}).cookie
    assert client.get("/account/", [known]).json() == {"account": "1"}


def test_a_bearer_token_is_a_login(serve_beside_quart: ServeBesideQuart) -> None:
    def build(app: DualApp) -> None:
        prepare(app)
        auth = QuartAuth(app, mode="bearer")

        @app.post("/token")
        async def token():
            return {"token": auth.dump_token("3")}

        @app.get("/")
        @login_required
        async def index():
            return {"user": current_user.auth_id}

    client = serve_beside_quart(build)
    token = generate_auth_token(client, "3")
    assert client.get("/", [("Authorization", f"Bearer {token}")]).json() == {"user": "3"}
    assert client.get("/", [("Authorization", f"Bearer {token}x")]).status == 401
    assert client.get("/", [("Authorization", f"Basic {token}")]).status == 401
    assert client.get("/").status == 401


def test_basic_authentication(serve_beside_quart: ServeBesideQuart) -> None:
    def build(app: DualApp) -> None:
        app.config.update(QUART_AUTH_BASIC_USERNAME="ann", QUART_AUTH_BASIC_PASSWORD="swordfish")

        @app.get("/")
        @basic_auth_required()
        async def index():
            return {"user": request.authorization.username}

    client = serve_beside_quart(build)
    assert client.get("/", [basic("ann", "swordfish")]).json() == {"user": "ann"}
    answer = client.get("/", [basic("ann", "haddock")])
    assert (answer.status, answer.header("www-authenticate")) == (401, "Basic")
    assert client.get("/").status == 401


def basic(name: str, password: str) -> tuple[str, str]:
    return "Authorization", "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def test_two_kinds_of_users_side_by_side(serve_beside_quart: ServeBesideQuart) -> None:
    def build(app: DualApp) -> None:
        prepare(app)
        kinds = {
            kind: QuartAuth(app, attribute_name=kind, cookie_name=kind, salt=kind, singleton=False)
            for kind in ("guest", "staff")
        }

        @app.post("/login/<kind>/<user>")
        async def login(kind, user):
            someone = AuthUser(user)
            someone.action = Action.WRITE
            kinds[kind].login_user(someone)
            return "hello"

        @app.get("/")
        async def index():
            return {kind: auth.load_user().auth_id for kind, auth in kinds.items()}

    client = serve_beside_quart(build)
    guest = client.post("/login/guest/1").cookie
    staff = client.post("/login/staff/2").cookie
    assert client.get("/").json() == {"guest": None, "staff": None}
    assert client.get("/", [guest]).json() == {"guest": "1", "staff": None}
    assert client.get("/", [guest, staff]).json() == {"guest": "1", "staff": "2"}


def test_the_client_of_a_test_is_logged_in(serve_beside_quart: ServeBesideQuart) -> None:
    app = serve_beside_quart(site).app

    async def test():
        client = app.test_client()
        before = await client.get("/private")
        async with authenticated_client(client, "2"):
            during = await client.get("/private")
        after = await client.get("/private")
        return [before.status_code, await during.get_json(), after.status_code]

    assert asyncio.run(test()) == [401, {"user": "2"}, 401]
