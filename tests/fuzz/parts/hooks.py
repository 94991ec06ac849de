"""Hooks: what the arguments of the query say that they do."""

from __future__ import annotations

import asyncio

import flask
from flask import signals

from dualapp import DualApp, abort, after_this_request, g, make_response, request, session

from .errors import Own
from .registry import part


@part(arguments=("before={before}",), is_hook=True)
def before(app: DualApp) -> None:
    log = app.extensions["log"]

    @app.before_request
    async def first():
        log.append(f"before {request.endpoint}")
        what = request.args.get("before")
        if what == "abort":
            abort(418)
        if what == "return":
            return "from before", 203
        if what == "response":
            return await make_response({"from": "before"}, {"X-Before": "1"})
        if what == "raise":
            raise Own("before")
        if what == "form":
            g.form = (await request.form).to_dict(flat=False)
        if what == "data":
            g.data = await request.get_data()
        if what == "json":
            g.json = await request.get_json()
        if what == "session":
            session["before"] = session.get("before", 0) + 1
        if what == "later":

            @after_this_request
            async def later(response):
                log.append("later")
                response.headers["X-Later"] = "1"
                return response

        if what == "sleep":
            await asyncio.sleep(0.0001)
        return None

    @app.before_request
    async def second():
        log.append("before, too")


@part(arguments=("after={after}",), is_hook=True)
def after(app: DualApp) -> None:
    log = app.extensions["log"]

    @app.after_request
    async def last(response):
        log.append(f"after, last {response.status}")
        return response

    @app.after_request
    async def change(response):
        what = request.args.get("after")
        if what in ("raise", "replace") and response.direct_passthrough:
            response.close()  # else the file stays open, in Flask too
        if what == "header":
            response.headers["X-After"] = ascii(request.path)
        if what == "replace":
            return await make_response("replaced", 202)
        if what == "raise" and response.status_code < 500:
            raise Own("after")
        if what == "data" and not response.direct_passthrough:
            response.set_data(b"[" + (await response.get_data()) + b"]")
        if what == "session" and (app.secret_key or not response.direct_passthrough):  # the same
            session["after"] = True
        if what == "cookie":
            response.set_cookie("after", "1")
        if what == "status":
            response.status_code = 299
        if what == "empty":
            response.status_code = 204
        if what == "etag" and not response.direct_passthrough:
            await response.add_etag()
            return await response.make_conditional(request)
        if what == "call":
            response.call_on_close(lambda: log.append("called on close"))
        return response


@part(arguments=("teardown={teardown}",), is_hook=True)
def teardown(app: DualApp) -> None:
    log = app.extensions["log"]

    @app.teardown_request
    async def tear_down(error):
        log.append(f"teardown {request.endpoint} {type(error).__name__}")
        if b"teardown=session" in request.query_string:  # `request.args` may raise, and no teardown after it would run
            log.append(f"teardown with {sorted(session)}")

    @app.teardown_appcontext
    async def tear_down_app(error):
        log.append(f"teardown app {type(error).__name__}")


@part()
def listening(app: DualApp) -> None:
    log = app.extensions["log"]
    receivers = app.extensions["receivers"]

    def sync_listen(name):
        def receive(sender, **extra):
            extra.pop("_async_wrapper", None)
            log.append(f"signal {name} {sorted(extra)}")

        receivers.append((getattr(signals, name), receive))
        getattr(signals, name).connect(receive, app)

    for name in (
        "request_started",
        "request_finished",
        "request_tearing_down",
        "got_request_exception",
        "appcontext_pushed",
        "appcontext_popped",
        "appcontext_tearing_down",
        "template_rendered",
        "message_flashed",
    ):
        sync_listen(name)


@part()
def values(app: DualApp) -> None:
    log = app.extensions["log"]

    @app.url_value_preprocessor
    def sync_pull(endpoint, values):
        log.append(f"values of {endpoint}: {sorted(values or ())}")

    @app.context_processor
    def sync_context():
        return {"processed": flask.request.path}


#: Steps of Flask's that classes and extensions replace.
STEPS = [
    *("full_dispatch_request", "preprocess_request", "dispatch_request", "finalize_request", "process_response"),
    *("make_response", "handle_user_exception", "handle_http_exception", "handle_exception", "log_exception"),
    *("do_teardown_request", "do_teardown_appcontext", "make_default_options_response", "inject_url_defaults"),
]


@part()
def overrides(app: DualApp) -> None:
    log = app.extensions["log"]

    def sync_override(name):
        step = getattr(app, name)

        def overriding(*args, **kwargs):
            log.append(f"step {name}")
            return step(*args, **kwargs)

        setattr(app, name, overriding)

    for name in STEPS:
        sync_override(name)
