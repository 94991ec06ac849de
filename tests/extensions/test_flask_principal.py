"""Flask-Principal

Identities that signals change and load, kept in the session or given by an own loader, and permissions: required by a
decorator and by a block, denied, joined, about one object.
"""

from __future__ import annotations

from collections import namedtuple

from flask_principal import (
    AnonymousIdentity,
    Denial,
    Identity,
    Permission,
    PermissionDenied,
    Principal,
    RoleNeed,
    UserNeed,
    identity_changed,
    identity_loaded,
)

from dualapp import DualApp, current_app, g, request, session

from ..conftest import Serve

ROLES = {"ann": ["admin", "editor"], "bob": ["editor"], "eve": ["editor", "banned"]}
PostNeed = namedtuple("PostNeed", ["verb", "post"])
ADMIN, EDITOR, NOT_BANNED = Permission(RoleNeed("admin")), Permission(RoleNeed("editor")), Denial(RoleNeed("banned"))


def give_roles(sender, identity):
    if identity.id:
        identity.provides |= {UserNeed(identity.id), PostNeed("edit", f"{identity.id}'s")}
        identity.provides |= {RoleNeed(role) for role in ROLES[identity.id]}


def identities(app: DualApp) -> None:
    app.secret_key = "secret"
    Principal(app)
    # Sent without a wrapper for async receivers, so that this one is `def` in both colours; the app keeps it alive.
    app.extensions["roles"] = give_roles
    identity_loaded.connect(give_roles, app)

    @app.post("/login")
    async def login():
        name = (await request.form)["name"]
        identity_changed.send(current_app._get_current_object(), identity=Identity(name))
        return {"provides": sorted(map(str, g.identity.provides))}

    @app.post("/logout")
    async def logout():
        for key in ("identity.id", "identity.auth_type"):
            session.pop(key, None)
        identity_changed.send(current_app._get_current_object(), identity=AnonymousIdentity())
        return "out"

    @app.get("/me")
    async def me():
        return {"id": g.identity.id, "can": [ADMIN.can(), EDITOR.can(), NOT_BANNED.can(), (ADMIN & EDITOR).can()]}


def guarded(app: DualApp) -> None:
    @app.get("/block")
    async def block():
        with ADMIN.require(403):
            return "in the block"

    @app.get("/posts/<post>")
    async def edit(post):
        Permission(PostNeed("edit", post)).test()
        return f"editing {post}"

    @app.errorhandler(PermissionDenied)
    async def denied(error):
        return {"needs": [list(need) for need in error.args[0].needs]}, 403


def test_an_identity_is_kept_in_the_session_until_it_changes(serve: Serve) -> None:
    client = serve(identities)
    assert client.get("/me").json() == {"id": None, "can": [False, False, True, False]}
    ann = client.post("/login", form={"name": "ann"})
    assert len(ann.json()["provides"]) == 4
    assert client.get("/me", [ann.cookie]).json() == {"id": "ann", "can": [True, True, True, True]}
    out = client.post("/logout", [ann.cookie])
    assert client.get("/me", [out.cookie]).json()["id"] is None


def test_a_denial_excludes(serve: Serve) -> None:
    client = serve(identities)
    eve = client.post("/login", form={"name": "eve"})
    assert client.get("/me", [eve.cookie]).json() == {"id": "eve", "can": [False, True, False, True]}


def test_a_block_needs_its_permission(serve: Serve) -> None:
    client = serve(identities, guarded)
    ann, bob = (client.post("/login", form={"name": name}).cookie for name in ("ann", "bob"))
    assert client.get("/block", [ann]).text == "in the block"
    assert [client.get("/block", [bob]).status, client.get("/block").status] == [403, 403]


def test_a_permission_about_one_object_is_denied_to_the_error_handler(serve: Serve) -> None:
    client = serve(identities, guarded)
    bob = client.post("/login", form={"name": "bob"}).cookie
    assert client.get("/posts/bob's", [bob]).text == "editing bob's"
    denied = client.get("/posts/ann's", [bob])
    assert (denied.status, denied.json()) == (403, {"needs": [["edit", "ann's"]]})


def test_a_decorator_needs_its_permission_once_the_view_is_made_sync(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/admin")
        @ADMIN.require(403)
        @app.ensure_sync
        async def admin():
            return f"hello {g.identity.id}"

    client = serve(identities, build)
    ann, bob = (client.post("/login", form={"name": name}).cookie for name in ("ann", "bob"))
    assert client.get("/admin", [ann]).text == "hello ann"
    assert client.get("/admin", [bob]).status == 403


def test_a_decorator_right_on_a_view(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/editor")
        @EDITOR.require(403)
        async def editor():
            return "editor"

    client = serve(identities, build)
    assert client.get("/editor", [client.post("/login", form={"name": "bob"}).cookie]).text == "editor"


def test_an_own_loader_gives_an_identity_to_each_request_but_for_static_files(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        principal = Principal(app, use_sessions=False, skip_static=True)

        @principal.identity_loader
        def sync_from_header():
            assert request.endpoint != "static"
            name = request.headers.get("X-User")
            return Identity(name, "header") if name else None

        @app.get("/me")
        async def me():
            return {"id": g.identity.id, "by": g.identity.auth_type}

    client = serve(build)
    assert client.get("/me", [("X-User", "ann")]).json() == {"id": "ann", "by": "header"}
    assert client.get("/me").json() == {"id": None, "by": None}
    assert client.get("/static/hello.txt").status == 200
