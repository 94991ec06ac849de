"""The app of the talks: a view that does what its client says, and hooks that do what the query says."""

from __future__ import annotations

import flask
from quart import Blueprint

from dualapp import DualApp, WebsocketClosed, abort, redirect, session, url_for, websocket


def views(app: DualApp) -> None:
    log = app.extensions["log"]
    part = Blueprint("part", __name__, url_prefix="/part")

    @app.get("/")
    async def index():
        return "index"

    @app.websocket("/files/<path:name>")
    async def file(name):
        await websocket.send(f"{name} {websocket.path} {websocket.query_string!r}")

    @app.websocket("/talk/<int:number>")
    @part.websocket("/talk/<int:number>")
    async def talk(number):
        log.append(f"{number} {websocket.url} {websocket.remote_addr} {websocket.headers.get('X-Told')}")
        log.append(f"{websocket.requested_subprotocols} {dict(websocket.cookies)} {websocket.host}")
        try:
            answer = await begin(websocket.args.get("first", ""))
            if answer is not None:
                return answer
            await websocket.send(".")
            while await obey(await websocket.receive()):
                await websocket.send(".")
        except WebsocketClosed as end:
            log.append(f"closed {end.code} {end.reason} {websocket.close_code}")
            raise
        return "returned"

    async def begin(how):
        if how == "accept":
            await websocket.accept()
        elif how == "headers":
            await websocket.accept([("X-Accepted", "yes"), ("Set-Cookie", "a=1"), ("Set-Cookie", "b=2")])
        elif how == "subprotocol":
            await websocket.accept(subprotocol=(websocket.requested_subprotocols or [None])[-1])
        elif how == "refuse":
            return flask.Response("not you", 401, {"X-Refused": "yes"})
        elif how == "dict":
            return {"refused": True}, 402
        elif how == "redirect":
            return redirect("/elsewhere")
        elif how == "abort":
            abort(403)
        elif how == "raise":
            raise ZeroDivisionError("at first")
        elif how == "lookup":
            raise LookupError("at first")
        elif how == "close":
            await websocket.close(4000, "at first")
        return None

    async def obey(said):
        if said == "twice":
            await websocket.send("one")
            await websocket.send(b"two")
        elif said == "json":
            await websocket.send_json(a=1)
        elif said == "session":
            await websocket.send(str(dict(session)))
        elif said == "url":
            await websocket.send(url_for("index") + " " + url_for("talk", number=1, _external=True))
        elif said == "close":
            await websocket.close()
        elif isinstance(said, str) and said.startswith("close "):
            _, code, *reason = said.split()
            await websocket.close(int(code), " ".join(reason))
        elif said == "raise":
            raise ZeroDivisionError("later")
        elif said == "lookup":
            raise LookupError("later")
        elif said == "abort":
            abort(403)
        elif said == "accept again":
            await websocket.accept({"X-Late": "yes"})
        elif isinstance(said, str) and said.startswith("return"):
            return False
        elif said != "nothing":
            await websocket.send(said)
        return True

    app.register_blueprint(part)


def hooks(app: DualApp) -> None:
    log = app.extensions["log"]

    @app.before_websocket
    async def before():
        log.append("before")
        how = websocket.args.get("before", "")
        if how == "refuse":
            return "refused before", 401
        if how == "abort":
            abort(403)
        if how == "raise":
            raise ZeroDivisionError("before")
        if how == "accept":
            await websocket.accept({"X-Before": "yes"})
        if how == "send":
            await websocket.send("before")
        return None

    @app.after_websocket
    async def after(response):
        log.append(f"after {response if response is None else response.status_code}")
        how = websocket.args.get("after", "")
        if how == "raise":
            raise ZeroDivisionError("after")
        if how == "header" and response is not None:
            response.headers["X-After"] = "yes"
        return response

    @app.teardown_websocket
    async def tear_down(error):
        log.append(f"torn down {error!r}")
        if websocket.args.get("teardown") == "raise":
            raise ZeroDivisionError("teardown")

    @app.errorhandler(403)
    async def forbidden(error):
        log.append("403")
        return "forbidden", 403

    @app.errorhandler(LookupError)
    async def lookup(error):
        log.append("lookup")
        return "lookup", 418
