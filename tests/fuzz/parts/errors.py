"""Errors: those that views raise, and who handles them."""

from __future__ import annotations

import asyncio

from werkzeug.exceptions import Conflict, HTTPException, NotFound, Unauthorized
from werkzeug.routing import RequestRedirect
from werkzeug.wrappers import Response as WerkzeugResponse

from dualapp import DualApp, abort, request

from .registry import part


class Own(Exception):
    pass


class OwnChild(Own):
    pass


RAISED = {
    "own": lambda: Own("mine"),
    "child": lambda: OwnChild("child"),
    "key": lambda: KeyError("key"),
    "zero": lambda: ZeroDivisionError("zero"),
    "oserror": lambda: OSError("no client has left"),
    "connection": lambda: ConnectionResetError("of another connection"),
    "timeout": lambda: TimeoutError("of the view"),
    "conflict": lambda: Conflict("taken <b>"),
    "with-response": lambda: Conflict(response=WerkzeugResponse("taken", 409, {"X-Own": "1"})),
    "no-code": lambda: HTTPException("no code"),
    "redirect": lambda: RequestRedirect("/elsewhere"),
    "unauthorized": lambda: Unauthorized(),
    "group": lambda: ExceptionGroup("several", [ValueError(), KeyError()]),
    "unicode": lambda: UnicodeDecodeError("utf-8", b"\xff", 0, 1, "own"),
    "recursion": lambda: RecursionError("deep"),
}


@part("/raise/{raised}", "/abort/{code}", "POST /key", "/argument", "/late/{raised}")
def raising(app: DualApp) -> None:
    @app.route("/raise/<name>", methods=["GET", "POST"])
    async def raise_it(name):
        raise RAISED[name]()

    @app.route("/late/<name>")
    async def raise_late(name):
        await asyncio.sleep(0)
        raise RAISED[name]()

    @app.get("/abort/<int:code>")
    async def abort_with(code):
        abort(code)

    @app.route("/key", methods=["GET", "POST"])
    async def key():
        return (await request.form)["missing"]

    @app.get("/argument")
    async def argument():
        return request.args["missing"]


@part(is_hook=True)
def handlers(app: DualApp) -> None:
    log = app.extensions["log"]

    @app.errorhandler(404)
    async def missing(error):
        return {"missing": request.path}, 404

    @app.errorhandler(500)
    async def crash(error):
        original = getattr(error, "original_exception", None)
        log.append(f"crash of {type(original).__name__}")
        return "crashed", 500, {"X-Crash": "1"}

    @app.errorhandler(Own)
    async def own(error):
        return f"{type(error).__name__}: {error}", 409

    @app.errorhandler(LookupError)
    async def lookup(error):
        raise Own("in a handler")


@part(is_hook=True)
def http_handlers(app: DualApp) -> None:
    @app.errorhandler(HTTPException)
    async def any_http(error):
        return {"code": error.code, "name": error.name, "description": str(error.description)}, error.code or 500

    @app.errorhandler(NotFound)
    async def not_found(error):
        return error

    @app.errorhandler(405)
    async def wrong_method(error):
        return f"only {sorted(error.valid_methods or ())}", 405
