"""Flask-Security-Too

Login and logout with forms and with JSON, registration with a confirmed address, a forgotten password, tokens, Basic
auth, roles and permissions in front of views of one's own, CSRF protection and signals, on Flask-SQLAlchemy's models.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from flask_mail import Mail, Message, email_dispatched
from flask_security import (
    Security,
    SQLAlchemyUserDatastore,
    auth_required,
    current_user,
    hash_password,
    http_auth_required,
    permissions_accepted,
    roles_required,
    user_authenticated,
)
from flask_security.models import fsqla_v3
from flask_sqlalchemy import SQLAlchemy

from dualapp import DualApp

from ..conftest import Serve
from ..support.entry_driver import Answer, Client
from .databases import closing_databases

JSON = ("Accept", "application/json")


def house(app: DualApp) -> None:
    app.config.update(
        SECRET_KEY="secret",
        SQLALCHEMY_DATABASE_URI="sqlite://",
        SECURITY_PASSWORD_SALT="salt",
        SECURITY_PASSWORD_HASH="plaintext",
        SECURITY_PASSWORD_SCHEMES=["plaintext"],
        SECURITY_DEPRECATED_PASSWORD_SCHEMES=[],
        SECURITY_HASHING_SCHEMES=["hex_md5"],  # Those that protect take a second each.
        SECURITY_DEPRECATED_HASHING_SCHEMES=[],
        SECURITY_REGISTERABLE=True,
        SECURITY_CONFIRMABLE=True,
        SECURITY_RECOVERABLE=True,
        SECURITY_CHANGEABLE=True,
        SECURITY_TRACKABLE=True,
        SECURITY_USE_REGISTER_V2=True,
        SECURITY_EMAIL_SENDER="house@example.org",
        SECURITY_EMAIL_VALIDATOR_ARGS={"check_deliverability": False, "test_environment": True},
        SECURITY_FRESHNESS=timedelta(minutes=60),
        MAIL_SUPPRESS_SEND=True,
        WTF_CSRF_ENABLED=False,
    )
    Mail(app)
    db = SQLAlchemy(app)
    fsqla_v3.FsModels.set_db_info(db)

    class Role(db.Model, fsqla_v3.FsRoleMixin):
        pass

    class User(db.Model, fsqla_v3.FsUserMixin):
        pass

    store = SQLAlchemyUserDatastore(db, User, Role)
    Security(app, store)
    with app.app_context():
        db.create_all()
        store.create_role(name="admin", permissions={"walls-paint", "walls-see"})
        store.create_role(name="guest", permissions={"walls-see"})
        for name, role in (("ann", "admin"), ("bob", "guest")):
            store.create_user(
                email=f"{name}@example.org",
                password=hash_password(f"{name}'s password"),
                roles=[role],
                confirmed_at=datetime.now(UTC),
                fs_uniquifier=name,  # Random unless given, and Flask's twin is to know the same sessions.
            )
        db.session.commit()

    @app.get("/me")
    @auth_required("token", "session")
    async def me():
        return {"email": current_user.email, "roles": [role.name for role in current_user.roles]}

    @app.get("/basic")
    @http_auth_required
    async def basic():
        return current_user.email

    @app.get("/admin")
    @auth_required()
    @roles_required("admin")
    async def admin():
        return f"admin {current_user.email}"

    @app.post("/walls/<colour>")
    @auth_required()
    @permissions_accepted("walls-paint")
    async def paint(colour):
        return {"colour": colour, "logins": current_user.login_count}


@pytest.fixture
def client(serve: Serve) -> Iterator[Client]:
    with closing_databases(serve(house)) as client:
        yield client


@pytest.fixture
def outbox() -> Iterator[list[Message]]:
    messages: list[Message] = []

    def note(sender: object, message: Message) -> None:
        messages.append(message)

    with email_dispatched.connected_to(note):
        yield messages


def post_json(client: Client, path: str, json: object, *headers: tuple[str, str]) -> Answer:
    """Ask plain Flask the same, too; random tokens are all that may differ."""
    answer = Client(client.app, client.entry).post(path, [JSON, *headers], json=json)
    if client.twin is not None:
        assert without_tokens(answer) == without_tokens(client.twin.post(path, [JSON, *headers], json=json))
    return answer


def without_tokens(answer: Answer) -> object:
    status, headers, body, _ = answer.comparable()
    told = re.sub(rb'token":"[^"]+"', b'token":"..."', body)
    return status, [header for header in headers if header[0] != "content-length"], told


def log_in(client: Client, name: str, password: str = "", query: str = "") -> Answer:
    return post_json(
        client, f"/login{query}", {"email": f"{name}@example.org", "password": password or f"{name}'s password"}
    )


def test_a_form_logs_in_and_out(client: Client) -> None:
    assert 'name="password"' in client.get("/login").text
    wrong = client.post("/login", form={"email": "ann@example.org", "password": "wrong"})
    assert "Invalid password" in wrong.text
    entered = client.post("/login?next=/me", form={"email": "ann@example.org", "password": "ann's password"})
    assert (entered.status, entered.header("location")) == (302, "/me")
    assert client.get("/me", [entered.cookie]).json() == {"email": "ann@example.org", "roles": ["admin"]}
    left = client.get("/logout", [entered.cookie])
    assert client.get("/me", [left.cookie, JSON]).status == 401


def test_json_logs_in_and_a_stranger_is_told(client: Client) -> None:
    answer = log_in(client, "bob")
    assert answer.status == 200
    assert client.get("/me", [answer.cookie]).json()["roles"] == ["guest"]
    assert client.get("/me", [JSON]).json()["meta"] == {"code": 401}
    assert client.get("/me").header("location") == "/login?next=/me"


def test_roles_and_permissions_are_needed(client: Client) -> None:
    ann, bob = (log_in(client, name).cookie for name in ("ann", "bob"))
    assert client.get("/admin", [ann]).text == "admin ann@example.org"
    assert client.get("/admin", [bob, JSON]).status == 403
    assert client.post("/walls/red", [ann]).json() == {"colour": "red", "logins": 1}
    assert client.post("/walls/red", [bob, JSON]).status == 403


def test_tokens_and_basic_credentials_let_in(client: Client) -> None:
    token = log_in(client, "bob", query="?include_auth_token").json()["response"]["user"]["authentication_token"]
    assert client.get("/me", [("Authentication-Token", token)]).json()["email"] == "bob@example.org"
    assert client.get("/me", [("Authentication-Token", token + "x"), JSON]).status == 401
    credentials = b64encode(b"ann@example.org:ann's password").decode()
    assert client.get("/basic", [("Authorization", f"Basic {credentials}")]).text == "ann@example.org"
    assert client.get("/basic").header("www-authenticate") == 'Basic realm="Login Required"'


def link_in(message: Message) -> str:
    found = re.search(r"http://localhost(/\S+)", message.body)
    assert found
    return found[1]


def test_a_new_user_confirms_the_address_first(client: Client, outbox: list[Message]) -> None:
    client.twin = None  # What tells new users apart is random.
    new = {"email": "eve@example.org", "password": "eve's password", "password_confirm": "eve's password"}
    assert client.post("/register", [JSON], json=new).status == 200
    early = log_in(client, "eve")
    assert (early.status, "confirmation" in early.text) == (400, True)
    confirmed = client.get(link_in(outbox[0]))
    assert (confirmed.status, confirmed.header("location")) == (302, "/login")
    assert log_in(client, "eve").status == 200


def test_a_forgotten_password_is_replaced_by_a_link(client: Client, outbox: list[Message]) -> None:
    assert client.post("/reset", form={"email": "bob@example.org"}).status == 200
    assert [message.recipients for message in outbox] == [["bob@example.org"]] * 2  # Flask's is the other one.
    link = link_in(outbox[0])
    assert client.get(link).status == 200
    # Flask's is asked the same, and its user has the same name for itself: the link is good there too.
    changed = client.post(link, form={"password": "bob's better one", "password_confirm": "bob's better one"})
    assert changed.status == 302
    assert log_in(client, "bob").status == 400
    assert log_in(client, "bob", "bob's better one").status == 200


def test_a_password_is_changed(client: Client) -> None:
    ann = log_in(client, "ann").cookie
    new = {"password": "ann's password", "new_password": "ann's second", "new_password_confirm": "ann's second"}
    assert post_json(client, "/change", {**new, "password": "wrong"}, ann).status == 400
    assert post_json(client, "/change", new, ann).status == 200
    assert log_in(client, "ann").status == 400


def test_forms_are_protected_against_forgery(client: Client) -> None:
    client.twin = None  # The tokens are random.
    client.app.config["WTF_CSRF_ENABLED"] = True
    page = client.get("/login")
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
    assert token
    form = {"email": "ann@example.org", "password": "ann's password"}
    assert client.post("/login", [page.cookie], form=form).status == 200  # The form again.
    assert client.post("/login", [page.cookie], form={**form, "csrf_token": token[1]}).status == 302


def test_a_signal_of_the_app_says_who_logged_in(client: Client) -> None:
    names = []

    async def note(sender: object, user: object, **_: object) -> None:
        names.append(user.email)  # type: ignore[attr-defined]  # the model's

    with user_authenticated.connected_to(note, client.app):
        log_in(client, "ann")
    assert names == ["ann@example.org"]
