"""Flask-JWT-Extended

Access and refresh tokens in headers, cookies, JSON and queries; fresh, optional, expired and revoked ones, users,
claims, CSRF.
"""

from __future__ import annotations

from datetime import timedelta

from flask_jwt_extended import (
    JWTManager,
    create_access_token,
    create_refresh_token,
    current_user,
    get_jwt,
    get_jwt_identity,
    jwt_required,
    set_access_cookies,
    unset_jwt_cookies,
    verify_jwt_in_request,
)

from dualapp import DualApp, jsonify, request

from ..conftest import Serve
from ..support.entry_driver import Answer, Client

USERS = {"ada": "Ada Lovelace", "grace": "Grace Hopper"}


def guarded(app: DualApp) -> None:
    app.config["JWT_SECRET_KEY"] = "a secret that is long enough for HS256"
    app.config["JWT_TOKEN_LOCATION"] = ["headers", "cookies", "json", "query_string"]
    jwt = JWTManager(app)
    app.extensions["revoked"] = revoked = set()

    @jwt.user_lookup_loader
    def look_up(header, token):
        return USERS.get(token["sub"])

    @jwt.additional_claims_loader
    def claims(identity):
        return {"admin": identity == "ada"}

    @jwt.token_in_blocklist_loader
    def is_revoked(header, token):
        return token["jti"] in revoked

    @jwt.expired_token_loader
    def expired(header, token):
        return {"expired": token["sub"]}, 401

    @app.post("/login")
    async def login():
        name = (await request.get_json())["name"]
        return {"access": create_access_token(name, fresh=True), "refresh": create_refresh_token(name)}

    @app.post("/refresh")
    @jwt_required(refresh=True)
    async def refresh():
        return {"access": create_access_token(get_jwt_identity(), fresh=False)}

    @app.post("/brief")
    async def brief():
        return {"access": create_access_token("ada", expires_delta=timedelta(seconds=-1))}

    @app.route("/me", methods=["GET", "POST"])
    @jwt_required()
    async def me():
        return {"id": get_jwt_identity(), "user": str(current_user), "admin": get_jwt()["admin"]}

    @app.get("/maybe")
    @jwt_required(optional=True)
    async def maybe():
        return {"id": get_jwt_identity()}

    @app.get("/password")
    @jwt_required(fresh=True)
    async def password():
        return "change it"

    @app.get("/admin")
    async def admin():
        verify_jwt_in_request()
        return ("welcome", 200) if get_jwt()["admin"] else ("for admins only", 403)

    @app.post("/logout")
    @jwt_required(verify_type=False)
    async def logout():
        revoked.add(get_jwt()["jti"])
        return "logged out"

    @app.post("/cookies/<name>")
    async def cookies(name):
        response = jsonify(name=name)
        set_access_cookies(response, create_access_token(name))
        return response

    @app.delete("/cookies")
    async def drop_cookies():
        response = jsonify(name=None)
        unset_jwt_cookies(response)
        return response


def untwinned(client: Client) -> Client:
    """For answers with a new token, which is random and tells the time; Flask's twin, with the same key, takes it."""
    return Client(client.app, client.entry)


def tokens(client: Client, name: str = "ada") -> dict[str, str]:
    return untwinned(client).post("/login", json={"name": name}).json()


def bearer(token: str) -> tuple[str, str]:
    return "Authorization", f"Bearer {token}"


def test_a_token_opens_what_is_guarded(serve: Serve) -> None:
    client = serve(guarded)
    token = tokens(client)["access"]
    ada = {"id": "ada", "user": "Ada Lovelace", "admin": True}
    assert client.get("/me", [bearer(token)]).json() == ada
    assert client.get(f"/me?jwt={token}").json() == ada
    assert client.post("/me", json={"access_token": token}).json() == ada
    assert client.get("/maybe", [bearer(token)]).json() == {"id": "ada"}
    assert client.get("/maybe").json() == {"id": None}


def test_who_has_no_good_token_is_told_why(serve: Serve) -> None:
    client = serve(guarded)
    token = tokens(client)["access"]
    assert client.get("/me").status == 401
    forged = client.get("/me", [bearer(token[:-4] + "AAAA")])
    assert (forged.status, forged.json()) == (422, {"msg": "Signature verification failed"})
    assert client.get("/me", [bearer("no token")]).status == 422
    nobody = client.get("/me", [bearer(tokens(client, "nobody")["access"])])
    assert (nobody.status, nobody.json()) == (401, {"msg": "Error loading the user nobody"})


def test_expired_tokens_go_to_their_handler(serve: Serve) -> None:
    client = serve(guarded)
    token = untwinned(client).post("/brief").json()["access"]
    answer = client.get("/me", [bearer(token)])
    assert (answer.status, answer.json()) == (401, {"expired": "ada"})


def test_refresh_tokens_give_access_that_is_not_fresh(serve: Serve) -> None:
    client = serve(guarded)
    first = tokens(client)
    assert client.get("/password", [bearer(first["access"])]).text == "change it"
    assert client.get("/me", [bearer(first["refresh"])]).status == 422
    assert client.post("/refresh", [bearer(first["access"])]).status == 422
    second = untwinned(client).post("/refresh", [bearer(first["refresh"])]).json()["access"]
    assert client.get("/me", [bearer(second)]).json()["id"] == "ada"
    stale = client.get("/password", [bearer(second)])
    assert (stale.status, stale.json()) == (401, {"msg": "Fresh token required"})


def test_a_token_is_verified_within_a_view(serve: Serve) -> None:
    client = serve(guarded)
    answers = [client.get("/admin", [bearer(tokens(client, name)["access"])]) for name in USERS]
    assert [(answer.status, answer.text) for answer in answers] == [(200, "welcome"), (403, "for admins only")]
    assert client.get("/admin").status == 401


def test_revoked_tokens_open_nothing(serve: Serve) -> None:
    client = serve(guarded)
    mine, others = tokens(client)["access"], tokens(client)["access"]
    assert client.post("/logout", [bearer(mine)]).text == "logged out"
    revoked = client.get("/me", [bearer(mine)])
    assert (revoked.status, revoked.json()) == (401, {"msg": "Token has been revoked"})
    assert client.get("/me", [bearer(others)]).status == 200


def test_tokens_in_cookies_are_guarded_against_forged_requests(serve: Serve) -> None:
    client = serve(guarded)
    entered = untwinned(client).post("/cookies/grace")
    token, csrf = csrf_of(entered)
    assert client.get("/me", [token]).json()["id"] == "grace"
    forged = client.post("/me", [token])
    assert (forged.status, "Missing CSRF token" in str(forged.json())) == (401, True)
    assert client.post("/me", [token, ("X-CSRF-TOKEN", csrf)]).json()["id"] == "grace"
    left = client.delete("/cookies")
    assert sorted(cookie.split("=")[0] for cookie in left.all("set-cookie")) == [
        "access_token_cookie",
        "csrf_access_token",
        "csrf_refresh_token",
        "refresh_token_cookie",
    ]


def csrf_of(answer: Answer) -> tuple[tuple[str, str], str]:
    """The cookies, and what a script of the same site reads in one of them."""
    cookies = dict(cookie.split("=", 1) for cookie in answer.cookie[1].split("; "))
    return answer.cookie, cookies["csrf_access_token"]


def test_tokens_are_renewed_in_a_hook(serve: Serve) -> None:
    """As its documentation has it: the cookie of who is active does not expire."""

    def renewing(app: DualApp) -> None:
        @app.after_request
        async def renew(response):
            if verify_jwt_in_request(optional=True):
                set_access_cookies(response, create_access_token(get_jwt_identity()))
            return response

    client = serve(guarded, renewing, twin=False)  # each answer has a new token
    first = csrf_of(client.post("/cookies/ada"))[0]
    second = csrf_of(client.get("/me", [first]))[0]
    assert first != second
    assert client.get("/me", [second]).json()["id"] == "ada"
