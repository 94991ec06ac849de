"""Every private name of Flask, Werkzeug, Quart, asgiref and the standard library that dualapp uses, in one table.

No other module uses one (`tests/unit/test_upstream.py` reads them all). Without a name marked "general road", dualapp
gives the same answers, only slower; without one marked "ImportError", importing dualapp says which version is needed.
"""

from __future__ import annotations

import asyncio
import json.encoder
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextvars import Context as Variables
from contextvars import ContextVar
from http import HTTPStatus
from importlib import import_module
from inspect import Parameter, Signature, signature
from operator import attrgetter
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar
from weakref import WeakSet

import asgiref.local
import asgiref.sync
import flask
import flask.app
import flask.ctx
import flask.globals
import flask.helpers
import flask.templating
from werkzeug.datastructures import EnvironHeaders, Headers
from werkzeug.routing import Map, Rule
from werkzeug.sansio.http import parse_cookie
from werkzeug.wrappers import Response

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

if "quart_flask_patch" in sys.modules:
    raise ImportError(
        "quart_flask_patch has replaced Flask by Quart, and dualapp needs Flask. Remove `import quart_flask_patch`:"
        " Flask's extensions work with a DualApp without it."
    )


F = TypeVar("F", bound=Callable[..., Any])


class Private(NamedTuple):
    """One private name: its owner (`module` or `module:Class`), its use, what happens without it, and its versions."""

    owner: str
    name: str
    purpose: str
    without: str
    versions: str = ""


GENERAL, REFUSED = "general road", "ImportError"

TABLE = (
    Private("flask.globals", "_cv_app", "the context variable that current_app and g look into", REFUSED),
    Private("flask.globals", "_cv_request", "what request and session look into", "_cv_app holds both", "before 3.2"),
    Private("flask.sansio.app:App", "_find_error_handler", "the handler that is registered for an error", REFUSED),
    Private("flask.sansio.app:App", "_got_first_request", "refuse registration after a request", "accepted then"),
    Private("flask.templating", "_default_template_ctx_processor", "call it without a crossing", GENERAL),
    Private("flask.ctx:RequestContext", "_after_request_functions", "what after_this_request appends to", "unused"),
    Private("flask.ctx:RequestContext", "_session", "the session that tests and extensions look at", "unused"),
    Private("flask.ctx:AppContext", "_cv_tokens", "leave it from async code", "_cv_token", "before 3.2"),
    Private("flask.ctx:AppContext", "_cv_token", "the same", "_cv_tokens", "from 3.2 on"),
    Private("flask.ctx:AppContext", "_push_count", "the same", "_cv_tokens", "from 3.2 on"),
    Private("flask.ctx:AppContext", "_request", "the request that Flask shows", "unused", "from 3.2 on"),
    Private("flask.ctx:AppContext", "_get_session", "the session that Flask saves", "unused", "from 3.2 on"),
    Private("flask.helpers:flash", "_flashes", "the session's key for messages that are flashed", "not shown"),
    Private("flask.ctx:AppContext", "_flashes", "messages that were shown in this request", "unused", "from 3.2 on"),
    Private("flask.helpers", "_CollectErrors", "do all teardowns run though one fails", "no", "from 3.2 on"),
    Private("flask:Request", "_max_content_length", "the limit that was set for one request", GENERAL),
    Private("werkzeug.wrappers:Request", "_cached_data", "what get_data has read before", GENERAL),
    Private("werkzeug.wrappers:Request", "_cached_json", "what get_json has parsed before", GENERAL),
    Private("werkzeug.wrappers:Response", "_on_close", "whether something is to be called at the end", GENERAL),
    Private("werkzeug.sansio.response:Response", "_status", "make a response in one step", GENERAL),
    Private("werkzeug.sansio.response:Response", "_status_code", "make a response in one step", GENERAL),
    Private("werkzeug.datastructures:Headers", "_list", "make a response in one step", GENERAL),
    Private("werkzeug.datastructures:EnvironHeaders", "_get_key", "look one header of a scope up", GENERAL),
    Private("werkzeug.routing:Map", "_matcher", "compile the rules", GENERAL),
    Private("werkzeug.routing.matcher:StateMachineMatcher", "_root", "compile the rules", GENERAL),
    Private("werkzeug.routing:Rule", "_converters", "compile the rules", GENERAL),
    Private("werkzeug.test:Client", "_cookies", "the cookies of a test client", "AttributeError in tests"),
    Private("werkzeug.test:Client", "_add_cookies_to_wsgi", "its session_transaction", "AttributeError in tests"),
    Private("werkzeug.test:Client", "_update_cookies_from_response", "the same", "AttributeError in tests"),
    Private("werkzeug._reloader", "run_with_reloader", "restart an ASGI server that has changed", "ImportError then"),
    Private("quart.globals", "_cv_app", "the context variable that quart.current_app looks into", REFUSED),
    Private("quart.globals", "_cv_request", "quart.request's own", "_cv_app holds both", "before 0.23"),
    Private("quart.globals", "_cv_websocket", "quart.websocket's own", "_cv_app holds both", "before 0.23"),
    Private("quart.ctx:AppContext", "_flashes", "messages that were shown in this request", "unused", "from 0.23 on"),
    Private("asgiref.sync:AsyncToSync", "executors", "which thread waits for the running task", REFUSED),
    Private("asgiref.sync:SyncToAsync", "threadlocal", "which loop a thread works for", REFUSED),
    Private("asgiref.sync:SyncToAsync", "thread_sensitive_context", "leave the choice of a thread to it", "not left"),
    Private("asgiref.sync", "_restore_context", "move what asgiref binds to a thread", "not moved"),
    Private("asgiref.local", "_Storage", "tell such values from others", "not moved", "from 3.12 on"),
    Private("asyncio", "_get_running_loop", "the running loop or None, without an exception", GENERAL),
    Private("asyncio.base_events:BaseEventLoop", "_thread_id", "which greenlet runs a loop", "any of its thread"),
    Private("asyncio", "_set_running_loop", "run the host loop in a thread that borrows it", "no loop is lent"),
    Private("asyncio.base_events:BaseEventLoop", "_default_executor", "keep one that was set", "replaced"),
    Private("concurrent.futures:ThreadPoolExecutor", "_thread_name_prefix", "replace one of asyncio's own", "kept"),
    Private("asyncio:Handle", "_run", "take a step of the host loop", "no loop is lent"),
    Private("asyncio:Future", "_asyncio_future_blocking", "wake a task in the same turn of its loop", GENERAL),
    Private("socket:SocketIO", "_sock", "take a websocket over from pywsgi and cheroot", "501 for websockets there"),
    Private("json.encoder", "c_make_encoder", "an encoder that is kept", GENERAL),
)


def required(module: str, path: str, package: str) -> Any:
    """Return a name that dualapp cannot do without; raise ImportError if the installed version lacks it."""
    try:
        return attrgetter(path)(import_module(module))
    except AttributeError:
        raise ImportError(
            f"{module} has no {path}: this dualapp does not know the installed {package}."
            f" Install a version that its metadata asks for, as `pip install --upgrade dualapp` does."
        ) from None


def run_with_reloader(serve: Callable[[], None], **options: Any) -> None:
    """Run `serve` in a thread of a process that Werkzeug starts anew whenever a file of the program changes."""
    required("werkzeug._reloader", "run_with_reloader", "werkzeug")(serve, **options)


# Flask. From 3.2 on there is one context, in one variable.

app_variable: ContextVar[Any] = required("flask.globals", "_cv_app", "flask")
request_variable: ContextVar[Any] = getattr(flask.globals, "_cv_request", app_variable)
find_error_handler: Callable[..., Any] = required("flask", "Flask._find_error_handler", "flask")
default_template_processor: Any = getattr(flask.templating, "_default_template_ctx_processor", None)


def refuse_registration(app: flask.Flask) -> None:
    """Make an app refuse further registration, as Flask does from the first request on."""
    app._got_first_request = True


def accepts_registration(app: flask.Flask) -> bool:
    """Tell whether Flask still lets functions be registered: the app has handled no request yet."""
    return not getattr(app, "_got_first_request", True)


def _current_request_context(default: Any = None) -> Any:
    context = app_variable.get(None)
    return default if context is None or not context.has_request else context


#: Returns the context of the current request; its argument is the default outside of a request.
request_context: Callable[..., Any] = (
    _current_request_context if app_variable is request_variable else request_variable.get
)

#: Whether Flask's methods for the steps of a request (`dispatch_request`, ...) take its context first, as from 3.2 on.
steps_take_context = "ctx" in signature(flask.Flask.dispatch_request).parameters


def step_arguments(context: Any, *args: Any) -> tuple[Any, ...]:
    """Return the arguments for one of Flask's steps, with the context (by default the current one) if it takes that."""
    return (context or app_variable.get(), *args) if steps_take_context else args


def takes_context(step: F) -> F:
    """Set `__signature__` to `(self, ctx, *args)`, for Flask 3.2 to pass the context."""
    parameters = [Parameter(name, Parameter.POSITIONAL_OR_KEYWORD) for name in ("self", "ctx")]
    step.__signature__ = Signature([*parameters, Parameter("args", Parameter.VAR_POSITIONAL)])  # type: ignore[attr-defined]  # functions have it if it is set
    return step


def as_written(method: Any) -> Any:
    """Return a method without the wrapper that Flask 3.2 puts around overrides that do not take the context."""
    is_wrapped = getattr(method, "__globals__", None) is vars(flask.app) and hasattr(method, "__wrapped__")
    return method.__wrapped__ if is_wrapped else method


#: The key of the messages that Flask and Quart keep in the session until they are shown.
FLASHES = "_flashes"

#: Whether all teardown functions run even if one fails, as from 3.2 on.
runs_all_teardowns = hasattr(flask.helpers, "_CollectErrors")


def ignores_error(app: flask.Flask, error: BaseException) -> bool:
    """Tell whether the app hides an error from teardown functions; from 3.2 on it may have no method for that."""
    return app.should_ignore_error is not None and app.should_ignore_error(error)


#: The default status of redirects: 302 before 3.2, 303 since.
REDIRECT_CODE: int = signature(flask.redirect).parameters["code"].default

if TYPE_CHECKING:
    from flask.ctx import RequestContext as FlasksRequestContext
else:  # from 3.2 on `flask.ctx.RequestContext` is an alias whose access warns
    FlasksRequestContext = vars(flask.ctx).get("RequestContext", flask.ctx.AppContext)


class ShownMessages:
    """The messages that were shown in a request, by the names under which Flask's and Quart's own code reads them."""

    flashes: Any

    @property
    def _flashes(self) -> Any:
        return self.flashes

    @_flashes.setter
    def _flashes(self, flashes: Any) -> None:
        self.flashes = flashes


class RequestContext(ShownMessages, FlasksRequestContext):
    """Flask's context of a request, with the private names under which Flask's own code reads its attributes."""

    #: The session, None until it is open.
    opened_session: Any
    after_this_request_functions: list[Any]

    def open_session(self) -> None:
        """Open the session unless it is open."""

    def _get_session(self) -> Any:
        self.open_session()
        return self.opened_session

    @property
    def _request(self) -> flask.Request:
        return self.request

    @property
    def _session(self) -> Any:
        return self.opened_session

    @_session.setter
    def _session(self, session: Any) -> None:
        self.opened_session = session

    @property
    def _after_request_functions(self) -> list[Any]:  # type: ignore[override]  # as _session
        return self.after_this_request_functions


class AppContext(flask.ctx.AppContext):
    """Flask's context of an app, with a way to leave it that runs no teardown functions."""

    _push_count: int
    _cv_token: Any

    @property
    def is_outermost(self) -> bool:
        """Whether leaving this context ends it."""
        return (len(self._cv_tokens) if hasattr(self, "_cv_tokens") else self._push_count) == 1

    def leave_variable(self) -> bool:
        """Reset the context variable; tell whether Flask would send `appcontext_popped`."""
        if hasattr(self, "_cv_tokens"):
            app_variable.reset(self._cv_tokens.pop())
            return True
        self._push_count -= 1
        if self._push_count > 0:
            return False
        app_variable.reset(self._cv_token)
        self._cv_token = None
        return True


# Werkzeug.

OWN_LIMIT, CACHED_DATA, CACHED_JSON = "_max_content_length", "_cached_data", "_cached_json"
#: The default class of `request.args`; from 3.2 on None stands for Werkzeug's own.
PARAMETER_STORAGE: Any = flask.Request.parameter_storage_class


def _parse_cookies(header: str | None, storage_class: Any) -> Any:
    return parse_cookie(header) if storage_class is None else parse_cookie(header, cls=storage_class)


#: Parses a Cookie header into a class, None for Werkzeug's own; since 3.2 passing a class warns.
parse_cookies: Callable[[str | None, Any], Any] = (
    parse_cookie if "cls" in signature(parse_cookie).parameters else _parse_cookies
)
close_functions: Callable[[Response], list[Any]] = attrgetter("_on_close")
fields_of: Callable[[Headers], list[tuple[str, str]]] = attrgetter("_list") if hasattr(Headers(), "_list") else list
converters_of: Callable[[Rule], dict[str, Any]] = attrgetter("_converters")


def _status_lines() -> Iterator[tuple[int, str]]:
    response = Response()
    for status in HTTPStatus:
        response.status_code = status.value
        yield status.value, response.status


#: Status lines as this Werkzeug spells them: `404 NOT FOUND` before 3.2, `404 Not Found` since.
STATUS_LINES = dict(_status_lines())
can_make_responses_in_one_step = (
    hasattr(Response(), "_status") and hasattr(Response(), "_status_code") and hasattr(Headers(), "_list")
)


def fill_response(response: Any, body: bytes, status: str, status_code: int, fields: list[tuple[str, str]]) -> None:
    """Set the attributes that Werkzeug's constructor would set, from parts that need no check or conversion."""
    response.headers = Headers()
    response.headers._list = fields
    response._status, response._status_code = status, status_code
    response.direct_passthrough = False
    response._on_close = []
    # What the property `response` of a `dualapp.Response` sets; last, as CPython sets attributes faster without a dict.
    response.__dict__["response"] = [body]


class KeyedHeaders(EnvironHeaders):
    """Headers of an environ, whose subclasses may find some without making the environ."""

    def find(self, key: str) -> str | None:
        """Return the value of a header, None to look it up in the environ."""

    def _get_key(self, key: str) -> str:
        value = self.find(key)
        return super()._get_key(key) if value is None else value


def matcher_root(url_map: Map) -> Any:
    """Return the first state of the state machine of Werkzeug's matcher, None if this version has none."""
    return getattr(getattr(url_map, "_matcher", None), "_root", None) if hasattr(Rule("/"), "_converters") else None


def cookies_of(client: Any) -> Mapping[Any, Any] | None:
    """Return the cookies that Werkzeug's test client keeps, None if it keeps none."""
    cookies: Mapping[Any, Any] | None = client._cookies
    return cookies


def send_cookies(client: Any, environ: WSGIEnvironment) -> None:
    client._add_cookies_to_wsgi(environ)


def keep_cookies(client: Any, host: str, path: str, values: Iterable[str]) -> None:
    client._update_cookies_from_response(host, path, values)


# Quart, once it is imported. Up to 0.22 it has one variable for the app, one for the request, one for the websocket.


def quarts_variables(own: str = "") -> list[ContextVar[Any]]:
    """Return the variables that hold Quart's context: the app's, and this one if the version has it."""
    variables: list[ContextVar[Any]] = [required("quart.globals", "_cv_app", "quart")]
    variable = getattr(import_module("quart.globals"), own, None)
    return variables if variable is None else [*variables, variable]


def quarts_request_variables() -> list[ContextVar[Any]]:
    return quarts_variables("_cv_request")


def quarts_websocket_variables() -> list[ContextVar[Any]]:
    return quarts_variables("_cv_websocket")


# asgiref looks into these two records, which dualapp replaces by its own, so that asgiref's functions and dualapp's can
# be nested in each other.

required("asgiref.sync", "AsyncToSync.executors", "asgiref")
required("asgiref.sync", "SyncToAsync.threadlocal", "asgiref")


class CurrentPid:
    """The process of a thread's loop, for asgiref: always this one, as a child process forgets its parent's loops."""

    def __get__(self, instance: object, owner: type) -> int:
        return os.getpid()


class ThreadState(threading.local):
    """For which loop a thread works, and which tasks it is blocked on; asgiref sets both before it calls a function."""

    #: Whether it is a thread of one of our pools.
    is_in_pool = False
    main_event_loop: Any = None
    main_event_loop_pid = CurrentPid()
    task_context: list[Any] | None = None


thread_state = ThreadState()
asgiref.sync.SyncToAsync.threadlocal = thread_state


def use_waiting_threads(waiting_threads: Any) -> None:
    """Have asgiref keep the thread that waits for the running code in an attribute `current` of this object."""
    asgiref.sync.AsyncToSync.executors = waiting_threads


def has_thread_sensitive_context() -> bool:
    """Tell whether the running code is in a `ThreadSensitiveContext`, which has a thread for it."""
    variable: ContextVar[Any] | None = getattr(asgiref.sync.SyncToAsync, "thread_sensitive_context", None)
    return variable is not None and variable.get(None) is not None


#: Sets a context's values in the current context, and moves asgiref's thread-bound values to this thread.
move_to_this_thread: Callable[[Variables], Any] = getattr(asgiref.sync, "_restore_context", id)
#: The class of asgiref's thread-bound values, which it has from 3.12 on.
ThreadBound: type | None = getattr(asgiref.local, "_Storage", None)


# asyncio.


def _running_loop() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None


#: Returns the loop that asyncio takes for the running one: it knows one for each thread of the operating system.
running_loop_of_thread: Callable[[], asyncio.AbstractEventLoop | None] = getattr(
    asyncio, "_get_running_loop", _running_loop
)


#: The host loops under gevent: they run for all greenlets of their thread, which their code has started.
loops_of_greenlets: WeakSet[asyncio.AbstractEventLoop] = WeakSet()


def running_loop() -> asyncio.AbstractEventLoop | None:
    """Return the loop that runs this code; under gevent that of this greenlet, not of another in its thread."""
    loop = running_loop_of_thread()
    if loop is None or threading.get_ident.__module__ == "_thread" or loop in loops_of_greenlets:
        return loop
    return loop if getattr(loop, "_thread_id", None) in (None, threading.get_ident()) else None


set_running_loop: Callable[[Any], Any] = getattr(asyncio, "_set_running_loop", id)
run_handle: Callable[[asyncio.Handle], Any] = getattr(asyncio.Handle, "_run", id)


def has_executor(loop: asyncio.AbstractEventLoop) -> bool:
    """Tell whether a loop is known to have a default executor."""
    return getattr(loop, "_default_executor", None) is not None


def asyncios_executor(loop: asyncio.AbstractEventLoop) -> ThreadPoolExecutor | None:
    """Return the default executor that a loop has made for itself; None if it has none, or one that was set."""
    executor: Any = getattr(loop, "_default_executor", None)
    is_asyncios = type(executor) is ThreadPoolExecutor and getattr(executor, "_thread_name_prefix", None) == "asyncio"
    return executor if is_asyncios else None


can_lend_loops = hasattr(asyncio, "_set_running_loop") and hasattr(asyncio.Handle, "_run")
can_hand_off = hasattr(asyncio.Future, "_asyncio_future_blocking")


# The servers of gevent and cheroot, which read a connection through Python's own file of a socket.


def socket_of(stream: Any) -> Any:
    """Return the socket that a buffered stream reads from; None if it reads from anything else."""
    return getattr(getattr(stream, "raw", None), "_sock", None)


# json.

make_encoder: Any = getattr(json.encoder, "c_make_encoder", None)
