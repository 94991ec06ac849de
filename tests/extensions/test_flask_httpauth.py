"""Flask-HTTPAuth

Basic, Digest, Bearer and several schemes at once, with roles, optional credentials and error handlers, its callbacks
in the colour of the views.
"""

from __future__ import annotations

from base64 import b64encode
from hashlib import md5

import pytest
from flask_httpauth import HTTPBasicAuth, HTTPDigestAuth, HTTPTokenAuth, MultiAuth
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.security import check_password_hash, generate_password_hash

from dualapp import DualApp, g, request

from ..conftest import Serve

PASSWORDS = {name: generate_password_hash(f"{name}'s", "pbkdf2:sha256:1") for name in ("ann", "bob")}
ROLES = {"ann": ["admin", "reader"], "bob": "reader"}
TOKENS = {"t-ann": "ann"}


def basic_header(name: str, password: str) -> tuple[str, str]:
    return "Authorization", "Basic " + b64encode(f"{name}:{password}".encode()).decode()


ANN, BOB = basic_header("ann", "ann's"), basic_header("bob", "bob's")


def basic(app: DualApp) -> None:
    auth = HTTPBasicAuth(realm="the house")

    @auth.verify_password
    async def verify(name, password):
        if name in PASSWORDS and check_password_hash(PASSWORDS[name], password):
            return name
        return None

    @auth.get_user_roles
    async def roles(name):
        return ROLES[name]

    @auth.error_handler
    async def refused(status):
        return {"refused": request.path}, status

    @app.get("/me")
    @auth.login_required
    async def me():
        return {"me": auth.current_user(), "g": g.flask_httpauth_user}

    @app.get("/admin")
    @auth.login_required(role="admin")
    async def admin():
        return "admin"

    @app.post("/both/<int:number>")
    @auth.login_required(role=[["admin", "reader"]])
    async def both(number):
        return {"number": number, "name": (await request.form)["name"]}

    @app.get("/maybe")
    @auth.login_required(optional=True)
    async def maybe():
        return {"me": auth.current_user()}


def test_basic_credentials_let_in(serve: Serve) -> None:
    client = serve(basic)
    assert client.get("/me", [ANN]).json() == {"me": "ann", "g": "ann"}
    assert client.get("/me", [basic_header("ann", "wrong")]).status == 401
    assert client.get("/me", [("Authorization", "Basic ???")]).status == 401
    refused = client.get("/me")
    assert (refused.status, refused.header("www-authenticate")) == (401, 'Basic realm="the house"')
    assert refused.json() == {"refused": "/me"}


def test_roles_are_needed(serve: Serve) -> None:
    client = serve(basic)
    assert client.get("/admin", [ANN]).text == "admin"
    assert client.get("/admin", [BOB]).status == 403
    assert client.post("/both/7", [ANN], form={"name": "ü"}).json() == {"number": 7, "name": "ü"}
    assert client.post("/both/7", [BOB], form={"name": "ü"}).status == 403


def test_optional_credentials(serve: Serve) -> None:
    client = serve(basic)
    assert client.get("/maybe").json() == {"me": None}
    assert client.get("/maybe", [BOB]).json() == {"me": "bob"}


def several(app: DualApp) -> None:
    basic, token, key = HTTPBasicAuth(), HTTPTokenAuth(), HTTPTokenAuth(header="X-API-Key")
    auth = MultiAuth(basic, token, key)

    @basic.verify_password
    async def verify(name, password):
        return (name, password) == ("ann", "ann's")

    @token.verify_token
    async def verify_token(given):
        return TOKENS.get(given)

    @key.verify_token
    async def verify_key(given):
        return {"k-bob": "bob"}.get(given)

    @app.get("/any")
    @auth.login_required
    async def whichever():
        return {"me": auth.current_user()}

    @app.get("/token")
    @token.login_required
    async def only_token():
        return {"me": token.current_user()}


@pytest.mark.parametrize(
    ("header", "name"),
    [(ANN, "ann"), (("Authorization", "Bearer t-ann"), "ann"), (("X-API-Key", "k-bob"), "bob")],
    ids=["basic", "bearer", "key"],
)
def test_each_of_several_schemes_lets_in(serve: Serve, header: tuple[str, str], name: str) -> None:
    assert serve.shared(several).get("/any", [header]).json() == {"me": name}


@pytest.mark.parametrize("header", [("Authorization", "Bearer x"), ("X-API-Key", "x"), BOB, ("X-Other", "x")])
def test_what_no_scheme_knows_is_refused(serve: Serve, header: tuple[str, str]) -> None:
    answer = serve.shared(several).get("/any", [header])
    assert (answer.status, answer.text) == (401, "Unauthorized Access")


def test_one_scheme_is_not_another(serve: Serve) -> None:
    client = serve(several)
    assert client.get("/token", [("Authorization", "Bearer t-ann")]).json() == {"me": "ann"}
    assert client.get("/token", [ANN]).header("www-authenticate") == 'Bearer realm="Authentication Required"'


def digest(app: DualApp) -> None:
    app.secret_key = "secret"
    auth = HTTPDigestAuth(realm="the house")

    @auth.get_password
    async def password_of(name):
        return {"ann": "ann's"}.get(name)

    @app.get("/me")
    @auth.login_required
    async def me():
        return {"me": auth.username()}


def digest_answer(challenge: str, password: str) -> tuple[str, str]:
    """Answer a challenge as RFC 2617 section 3.2.2 says, with qop=auth."""
    asked = WWWAuthenticate.from_header(challenge)
    assert asked is not None
    nonce, opaque = asked["nonce"], asked["opaque"]
    secret, uri = (md5(text.encode()).hexdigest() for text in (f"ann:the house:{password}", "GET:/me"))
    response = md5(f"{secret}:{nonce}:00000001:c:auth:{uri}".encode()).hexdigest()
    return "Authorization", (
        f'Digest username="ann", realm="the house", nonce="{nonce}", uri="/me", response="{response}", '
        f'opaque="{opaque}", qop=auth, nc=00000001, cnonce="c"'
    )


def test_digest_answers_a_challenge_kept_in_the_session(serve: Serve) -> None:
    client = serve(digest, twin=False)  # The challenge is random.
    asked = client.get("/me")
    challenge = asked.header("www-authenticate") or ""
    assert (asked.status, challenge.partition(",")[0]) == (401, 'Digest realm="the house"')
    assert client.get("/me", [asked.cookie, digest_answer(challenge, "ann's")]).json() == {"me": "ann"}
    assert client.get("/me", [asked.cookie, digest_answer(challenge, "wrong")]).status == 401
    assert client.get("/me", [digest_answer(challenge, "ann's")]).status == 401  # The session of somebody else.
