"""Define `DualApp`: the registration surface and the two entries. Decisions are made in the packages below."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, TypeVar, cast

import flask
from flask.sansio.scaffold import setupmethod
from werkzeug.datastructures import ImmutableDict

from . import templating
from .background_tasks import require_function
from .blueprints import QuartScaffold
from .cli import DualGroup, accept_in_quart_cli
from .compat.import_hook import LazyAttribute
from .compat.upstream import REDIRECT_CODE, step_arguments
from .crossing.bridge import to_loop
from .crossing.colour import caller_is_async, is_async, markcoroutinefunction
from .crossing.thread_pool import Threads, awaitable
from .development import asgi_function, server_options
from .entries.wrong_entry import refuse_asgi_server, refuse_rsgi_server, refuse_wsgi_server
from .entries.wsgi import WSGIGateway
from .exchange.target import take_path, with_path_first
from .exchange.translation import Scope
from .exchange.wsgi_exchange import WSGIExchange
from .failure_reports import got_background_exception, log_reported, report, reported
from .lifespan import Lifespan
from .pipeline.app_context import AppContext
from .pipeline.both_colours import async_step, for_both_colours, sync_step
from .pipeline.class_views import is_awaited_by_caller
from .pipeline.context import Context, with_body
from .pipeline.generation import HOOKS, Config, Generation, HookList, HookRegistry, RuleMap, ViewFunctions
from .pipeline.home import Home
from .pipeline.methods import Steps, step_plans
from .pipeline.overrides import is_replaced
from .pipeline.plan import blueprints_of
from .pipeline.plan_cache import PlanCache
from .pipeline.steps import OVERRIDABLE
from .pipeline.subdomains import at_subdomain
from .shortcuts import switches
from .shortcuts.redirects import Redirect, is_simple_redirect
from .wrappers.faces import async_face_class, is_async_face_class
from .wrappers.open_resource import Resource
from .wrappers.response import Response, with_ours
from .wrappers.return_values import response_from
from .wrappers.sync_request import Request

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from flask.testing import FlaskClient
    from werkzeug.routing import MapAdapter

    from .entries.asgi import ASGIGateway
    from .entries.asgi_messages import Send
    from .entries.mounting import Mounting
    from .entries.mounts import Mounts
    from .entries.websockets import Websockets
    from .entries.websockets_under_wsgi import WebsocketsUnderWSGI
    from .exchange.asgi_exchange import Receive
    from .exchange.exchange import Exchange
    from .lifespan import ShutdownEvent
    from .testing import DualClient

F = TypeVar("F", bound=Callable[..., Any])


def dual_client() -> type[DualClient]:
    from .testing import DualClient  # imported late: click.testing imports the debugger, which no server needs

    return DualClient


# Attributes that are converted when they are set, because their responses and templates must be awaitable.
CONVERTERS: dict[str, Callable[[Any], Any]] = {
    "jinja_environment": templating.with_twin,
    "response_class": with_ours,
}


#: Instance attributes that plans are made of; setting one makes the plans anew.
PLAN_INPUTS = {*HOOKS, "_mounts", "config", "json", "teardown_appcontext_funcs", "url_map", "view_functions"}


class DualApp(QuartScaffold, Steps):
    """A Flask app that gives the same answers to WSGI and ASGI servers.

    Serve `app.wsgi` or `app.asgi`; `app` itself is both, for servers that load a plain name. Views, hooks and handlers
    may be `def` or `async def`, in any mixture.

    Configuration beyond Flask's:

    `BACKGROUND_TASK_SHUTDOWN_TIMEOUT`
        Seconds that background tasks get to end when the process exits, and again once they are cancelled. Default: 5.
    `BACKGROUND_THREAD_POOL_SIZE`
        Number of threads for sync functions given to `add_background_task`. Default: 40.
    `BODY_READ_AHEAD`
        Bytes: a body with a Content-Length of at most this is read before an `async def` function is called, so that
        sync code called by an `async def` view (an extension) can read `flask.request.form`. Sync code on the loop
        gets a RuntimeError for any other body that was not awaited first. `@read_ahead(bytes)` says it for one view.
        Default: 65536.
    `BODY_TIMEOUT`
        Seconds that reading a body may wait before it raises RequestTimeout (408); None for no limit. Default: 60.
    `BROADCAST_URL`
        Address of the Redis by which processes share the channels of a `Broadcast`. Default: None, one process.
    `PREFER_SECURE_URLS`
        Whether URLs that are built outside of a request begin with https (wss for websockets). Default: False.
    `RESPONSE_TIMEOUT`
        Seconds that a streamed response may take, unless `response.timeout` is set; None for no limit. Default: 60.
    `THREAD_POOL_SIZE`
        Number of threads for sync code under ASGI, and for each that waits for async code one more, in which no request
        begins. Default: 40.
    `WEBSOCKET_CLOSE_TIMEOUT`, `WEBSOCKET_PING_INTERVAL`, `WEBSOCKET_PING_TIMEOUT`
        Seconds, under WSGI: to close, between pings, and for the answer to one. Default: 10, 20, 20.
    `WEBSOCKET_COMPRESSION`
        Whether messages are compressed under WSGI, if the client can. Default: True.
    `WEBSOCKET_HANDSHAKE_TIMEOUT`
        Seconds until the view, or a hook, has accepted or refused a websocket; then it is refused with a 503; None for
        no limit. Default: 60.
    `WEBSOCKET_IDLE_TIMEOUT`
        Seconds without a message in either direction; then the websocket is closed with 1001. Default: None, no limit.
    `WEBSOCKET_MAX`
        Number of websockets of a process under WSGI; more get a 503. Default: 10000.
    `WEBSOCKET_MAX_MESSAGE_SIZE`
        Bytes of a message under WSGI, after inflation; more closes the websocket with 1009. Default: 1048576.
    `WEBSOCKET_MAX_QUEUE`
        Bytes of received messages that wait for the view; then the client has to wait. And bytes of messages of a
        `Broadcast` that wait for a client; then that is closed with 1008. Each message counts as its size plus 128
        bytes. Default: 1048576.
    `WEBSOCKET_ORIGINS`
        Origins whose pages may open websockets, such as `["https://example.org"]`, or `"*"` for all. Default: None, the
        app's own host.
    `WEBSOCKET_THREADS`
        Number of `def` websocket views that run at once; more get a 503. Default: 100.
    """

    _shortcuts = switches.ALL
    _generation: Generation
    config: Config
    config_class = Config
    url_map_class = RuleMap
    request_class = Request
    #: The class of `quart.request`; None for dualapp's own.
    async_request_class: type | None = None
    response_class = Response
    test_client_class: type[FlaskClient] | None = LazyAttribute(dual_client)  # type: ignore[assignment]  # a descriptor
    default_config = ImmutableDict(
        {
            **flask.Flask.default_config,
            "BACKGROUND_TASK_SHUTDOWN_TIMEOUT": 5,
            "BACKGROUND_THREAD_POOL_SIZE": 40,
            "BODY_READ_AHEAD": 64 * 1024,
            "BODY_TIMEOUT": 60,
            "BROADCAST_URL": None,
            "PREFER_SECURE_URLS": False,
            "RESPONSE_TIMEOUT": 60,
            "THREAD_POOL_SIZE": 40,
            "WEBSOCKET_CLOSE_TIMEOUT": 10,
            "WEBSOCKET_COMPRESSION": True,
            "WEBSOCKET_HANDSHAKE_TIMEOUT": 60,
            "WEBSOCKET_IDLE_TIMEOUT": None,
            "WEBSOCKET_MAX": 10_000,
            "WEBSOCKET_MAX_MESSAGE_SIZE": 1024 * 1024,
            "WEBSOCKET_MAX_QUEUE": 1024 * 1024,
            "WEBSOCKET_ORIGINS": None,
            "WEBSOCKET_PING_INTERVAL": 20,
            "WEBSOCKET_PING_TIMEOUT": 20,
            "WEBSOCKET_THREADS": 100,
        }
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        vars(self)["_generation"] = Generation()
        super().__init__(*args, **kwargs)
        #: What runs before, while and after serving; extensions of Quart append to these lists.
        self.before_serving_funcs: list[Callable[..., Any]] = []
        self.while_serving_gens: list[Any] = []
        self.after_serving_funcs: list[Callable[..., Any]] = []
        #: The apps that are mounted in this one; None until there are any.
        self._mounts: Mounts | None = None
        self.cli = DualGroup(name=self.name, commands=self.cli.commands)
        self.jinja_environment = type(self).jinja_environment
        self.request_class = type(self).request_class
        self.response_class = type(self).response_class
        if static := self.view_functions.get("static"):
            # In Quart the view is the method itself, so attributes set on the method must appear on the view.
            static.__dict__ = type(self).send_static_file.__dict__
            self._own_static_view = static

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "request_class" and is_async_face_class(value):
            self.async_request_class = async_face_class(value)
            value = vars(self).get(name, Request)
        super().__setattr__(name, CONVERTERS[name](value) if name in CONVERTERS else self._adapted(name, value))
        if name in PLAN_INPUTS or hasattr(type(self), name):  # a method, or a default of the class
            self._generation.advance()

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        self._generation.advance()

    def _adapted(self, name: str, value: Any) -> Any:
        """Return a registry as one that advances the generation when it changes, an async step as one for both colours.

        Any other value is returned unchanged.
        """
        if name in OVERRIDABLE and is_async(value):
            return for_both_colours(value, name)
        if name in HOOKS:
            return HookRegistry(self._generation, value)
        if name == "view_functions":
            return ViewFunctions(self._generation, value)
        if name == "teardown_appcontext_funcs":
            return HookList(self._generation, value)
        if isinstance(value, RuleMap | Config):
            value.generation = self._generation
        return value

    # The entries. Middleware replaces `wsgi_app` and `asgi_app`, as in Flask and Quart.

    def wsgi(self, environ: WSGIEnvironment, start_response: Any = None, send: Any = None) -> Iterable[bytes]:
        """Answer a request of a WSGI server (PEP 3333), which passes `environ` and `start_response`."""
        if environ.get("RAW_URI", "?")[0] != "/":
            if start_response is None or send is not None:
                return refuse_asgi_server(environ, start_response, send)  # type: ignore[no-any-return]  # what the server takes
            take_path(environ)
        __traceback_hide__ = True  # Werkzeug's debugger reads it
        return (self._generation.wsgi_entry or self._choose_wsgi_entry())(environ, start_response)

    @property
    def asgi(self) -> Callable[[Scope, Receive, Send], Coroutine[Any, Any, None]]:
        """The ASGI 3 application: a function of `scope, receive, send`."""

        @markcoroutinefunction
        def asgi(scope: Scope, receive: Receive, send: Send | None = None) -> Any:
            if send is None:
                return refuse_wsgi_server()
            return (self._generation.asgi_entry or self._choose_asgi_entry())(scope, receive, send)

        asgi.__rsgi_init__ = refuse_rsgi_server  # type: ignore[attr-defined]  # as below
        return asgi  # a function: uvicorn takes a method for an ASGI 2 app

    wsgi.__rsgi_init__ = __rsgi_init__ = refuse_rsgi_server  # type: ignore[attr-defined]  # granian looks for it

    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a WSGI request; `app.wsgi_app = Middleware(app.wsgi_app)` wraps it."""
        return self._answer_wsgi(environ, start_response)

    @property
    def asgi_app(self) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
        """The ASGI app below the middleware; `app.asgi_app = Middleware(app.asgi_app)` wraps it."""
        # Not a method, which some middleware takes for an ASGI 2 app.
        asgi_app: Callable[..., Awaitable[None]] | None = vars(self).get("asgi_app")
        return asgi_app or self._asgi_gateway

    @asgi_app.setter
    def asgi_app(self, asgi_app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        vars(self)["asgi_app"] = asgi_app

    def _choose_wsgi_entry(self) -> Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]:
        """Choose the WSGI entry: the debugger, Flask's `__call__` if it or `wsgi_app` was replaced, or the gateway."""
        is_wrapped = is_replaced(self, "__call__") or is_replaced(self, "wsgi_app")
        entry = super().__call__ if is_wrapped else self._answer_wsgi
        self._generation.wsgi_entry = entry = self._debug_wsgi if self.config["DEBUG"] else entry
        return entry

    def _choose_asgi_entry(self) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
        self._generation.asgi_entry = entry = self._debug_asgi if self.config["DEBUG"] else self._asgi_entry
        return entry

    @property
    def _asgi_entry(self) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
        """The ASGI entry without debugger."""
        asgi_app: Any = self.asgi_app
        if asgi_app is not self._asgi_gateway:
            return with_path_first(asgi_app)
        return asgi_app.hand_on if self._mounts else asgi_app.__call__  # as `_answer_wsgi`

    @cached_property
    def _answer_wsgi(self) -> Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]:
        gateway = WSGIGateway(self, self._generation, self._lifespan, lambda: self._websockets)
        return gateway.answer  # a bound method is faster than __call__

    @cached_property
    def _asgi_gateway(self) -> ASGIGateway:
        from .entries.asgi import ASGIGateway  # imported late: a process has one kind of server

        return ASGIGateway(self, self._generation, self._threads, self._lifespan, lambda: self._websockets)

    # The entries in debug mode. Both are imported late, with the debugger.

    @cached_property
    def _debug_wsgi(self) -> Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]:
        from .entries.wsgi_debugger import WSGIDebugger

        return WSGIDebugger(self, super().__call__).answer

    @cached_property
    def _debug_asgi(self) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
        from .entries.asgi_debugger import ASGIDebugger

        return ASGIDebugger(self, self._threads).__call__

    # Marked as a coroutine function for servers that inspect the app. uvicorn also calls it without arguments, to find
    # out whether it is a factory: the TypeError says no. No `*args`: uWSGI reuses one argument tuple for all requests,
    # and cannot while somebody holds it.
    @markcoroutinefunction
    def __call__(self, environ: Any, start_response: Any, send: Send | None = None, /) -> Any:
        """Answer a WSGI server (`environ, start_response`) or an ASGI server (`scope, receive, send`)."""
        if send is None:
            return self.wsgi(environ, start_response)
        return (self._generation.asgi_entry or self._choose_asgi_entry())(environ, start_response, send)

    @cached_property
    def _websockets(self) -> Websockets:
        """The websockets of both entries."""
        from .entries.websockets import Websockets  # imported late: few apps have any

        return Websockets(self, self._generation, self._threads, self._lifespan, self._websockets_under_wsgi)

    @cached_property
    def _websockets_under_wsgi(self) -> WebsocketsUnderWSGI:
        """The websockets that are taken over from a WSGI server."""
        from .entries.websockets_under_wsgi import WebsocketsUnderWSGI  # as above

        return WebsocketsUnderWSGI(self, self._lifespan)

    # Other apps.

    @cached_property
    def _mounting(self) -> Mounting:
        """What mounts apps, and wraps both entries in middleware."""
        from .entries.mounting import Mounting  # imported late, as websockets
        from .entries.mounts import Mounts

        return Mounting(self, Mounts(self, self._generation), self._threads, self._websockets_under_wsgi)

    @setupmethod
    def mount(
        self,
        path: str,
        app: Any,
        *,
        host: str | None = None,
        kind: Literal["wsgi", "asgi"] | None = None,
        name: str | None = None,
        hooks: bool = False,
    ) -> None:
        """Have another app, WSGI or ASGI, answer below a path, and only at `host` if that is given, on both entries.

        Its kind is recognized, or said with `kind`. With a `name`, `url_for(name, path="a/b")` builds its URLs. This
        app's hooks, sessions and error handlers run around it only if `hooks` is set; its lifespan runs once, within
        this app's. Raises TypeError if `app` is not an app, or may be either.
        """
        self._mounting.mount(path, app, host, kind, name, hooks)

    @setupmethod
    def add_middleware(
        self, middleware: Callable[..., Any], *, kind: Literal["wsgi", "asgi"] | None = None, **options: Any
    ) -> None:
        """Wrap both entries in WSGI or ASGI middleware: `middleware(app, **options)`; the last one is called first.

        Its kind is recognized by its class, or said with `kind`. On the entry of the other kind each request crosses.
        Raises RuntimeError if `wsgi_app` or `asgi_app` was replaced, which wraps one entry only.
        """
        self._mounting.add_middleware(middleware, kind, options)

    # The life of the process.

    @cached_property
    def _threads(self) -> Threads:
        """The threads in which sync code runs under ASGI."""
        return Threads(self.name, lambda: self.config["THREAD_POOL_SIZE"])

    @cached_property
    def _step_plans(self) -> dict[Home, PlanCache]:
        """The plans for steps that are called as methods."""
        return step_plans(self, self._generation, self._threads)

    @cached_property
    def _lifespan(self) -> Lifespan:
        """The functions that run before, while and after the process serves."""
        # Slow background functions must not keep views waiting for a thread.
        threads = Threads(f"{self.name}-background", lambda: self.config["BACKGROUND_THREAD_POOL_SIZE"], grows=False)
        return Lifespan(self, threads)

    @setupmethod
    def before_serving(self, func: F) -> F:
        """Register a function, of either colour, to run once in each process before it serves.

        If it raises, the process does not serve: each request, or the ASGI startup, fails.
        """
        require_function(func, "before_serving")
        self.before_serving_funcs.append(func)
        return func

    @setupmethod
    def while_serving(self, func: F) -> F:
        """Register a generator function, of either colour, that yields once.

        The part before `yield` runs before serving, the part after it when serving has ended.
        """
        require_function(func, "while_serving")
        self.while_serving_gens.append(func)
        return func

    @setupmethod
    def after_serving(self, func: F) -> F:
        """Register a function, of either colour, to run once in each process when it has ended serving."""
        require_function(func, "after_serving")
        self.after_serving_funcs.append(func)
        return func

    async def startup(self) -> None:
        """Run the functions registered to run before serving, unless they have run; the entries call this.

        Raises a RuntimeError that names the function that failed.
        """
        await self._lifespan.startup_of_app()

    async def shutdown(self) -> None:
        """End background tasks and run the functions registered to run after serving; the entries call this.

        Raises a RuntimeError that names the functions that failed, when all have run.
        """
        await self._lifespan.shutdown()

    @asynccontextmanager
    async def lifespan_context(self, app: object = None) -> AsyncIterator[None]:
        """Run startup and shutdown around the block, for an outer app: `FastAPI(lifespan=app.lifespan_context)`.

        It takes the outer app, as Starlette passes it, and has no use for it.
        """
        await self.startup()
        try:
            yield
        finally:
            await self.shutdown()

    @property
    def shutdown_event(self) -> ShutdownEvent:
        """An event that is set when the process ends serving, before its background tasks are waited for.

        Wait for it in async code. Each startup after a shutdown makes a new one.
        """
        return self._lifespan.shutdown_event

    def run(
        self,
        host: str | None = None,
        port: int | None = None,
        debug: bool | None = None,
        load_dotenv: bool = True,
        *,
        loop: Any = None,
        ca_certs: str | None = None,
        certfile: str | None = None,
        keyfile: str | None = None,
        **options: Any,
    ) -> None:
        """Serve this app for development; takes the arguments of Flask's `run` and, by name, those of Quart's.

        The server is Werkzeug's; with a `loop` it is Hypercorn on that loop, as in Quart.
        """
        if loop is None:
            options |= server_options(certfile, keyfile, ca_certs)
            super().run(host, port, debug, load_dotenv, **options)
            return
        from quart import Quart

        options |= {"loop": loop, "ca_certs": ca_certs, "certfile": certfile, "keyfile": keyfile}
        options.setdefault("use_reloader", False)
        Quart.run(self, host, port, debug, **options)  # type: ignore[arg-type]  # as in run_task

    def run_task(
        self, host: str = "127.0.0.1", port: int = 5000, debug: bool | None = None, *args: Any, **kwargs: Any
    ) -> Coroutine[Any, Any, None]:
        """Serve this app with Hypercorn as one task of a running loop; takes the arguments of Quart's `run_task`."""
        from quart import Quart

        if debug is not None:
            self.debug = debug
        app: Any = asgi_function(self.asgi, self.logger)
        return Quart.run_task(app, host, port, None, *args, **kwargs)

    def add_background_task(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Run a function, sync or async, in the background within an app context.

        Its exceptions are logged and sent with the signal `got_background_exception`. At exit the process waits
        `BACKGROUND_TASK_SHUTDOWN_TIMEOUT` seconds for it, then cancels it. Raises TypeError for a coroutine.
        """
        self._lifespan.tasks.add(func, *args, **kwargs)

    # Contexts.

    def _context_of(self, exchange: Exchange) -> Context:
        """Make the context of an exchange."""
        return Context(self, exchange)

    def request_context(self, environ: WSGIEnvironment) -> Context:
        """Make a request context of a WSGI environ, for `with` and for `async with`."""
        return self._context_of(WSGIExchange(environ))

    def test_request_context(self, *args: Any, **kwargs: Any) -> Context:
        """Make a request context for `with` and `async with`; takes the arguments of Werkzeug's EnvironBuilder.

        The arguments of Quart's method of this name are understood too.
        """
        from .testing.arguments import werkzeug_arguments  # imported late, as in dual_client

        if args and isinstance(args[0], str):
            path, kwargs = werkzeug_arguments(args[0], kwargs)
            args = (path, *args[1:])
        return super().test_request_context(*args, **kwargs)  # type: ignore[return-value]  # request_context makes ours

    def test_client(
        self, use_cookies: bool = True, *, entry: Literal["wsgi", "asgi"] | None = None, **kwargs: Any
    ) -> DualClient:
        """Make a client that sends requests without a server; in `async def` code its methods are awaited.

        Requests of `async def` code go to the ASGI entry, in the loop of that code, those of `def` code to the WSGI
        entry; `entry` says otherwise.
        """
        if entry is not None:
            kwargs["entry"] = entry
        return super().test_client(use_cookies, **kwargs)  # type: ignore[return-value]  # test_client_class is ours

    def test_app(self) -> Any:
        """Make a context manager that runs startup and shutdown around a test: for `with` and for `async with`."""
        return self.test_app_class(self)

    @cached_property
    def test_app_class(self) -> type:
        """The class of `test_app()`: Quart's, for `with` too."""
        from .testing.served_app import ServedApp  # imported late, as in dual_client

        return ServedApp

    @cached_property
    def websocket_class(self) -> type:
        """The class of websockets: Quart's."""
        from quart import Websocket

        return Websocket

    def app_context(self) -> AppContext:
        """Make an app context, for `with` and for `async with`."""
        return AppContext(self)

    # Routing.

    def create_url_adapter(self, request: flask.Request | None) -> MapAdapter | None:
        """Make the adapter that matches a request and builds URLs; without a request one that builds URLs only."""
        adapter = super().create_url_adapter(request)
        if adapter is not None and request is None and self.config["PREFER_SECURE_URLS"]:
            adapter.url_scheme = "https"
        if adapter is None or request is None or self.config["SERVER_NAME"] is None or self.subdomain_matching:
            return adapter
        return at_subdomain(adapter, request.host)

    # Colours.

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return `func` as sync code can call it: an async one runs on the host loop while the thread waits."""
        return func if not is_async(func) or is_awaited_by_caller() else self.async_to_sync(func)

    def async_to_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Make an async function callable from sync code: it runs on the host loop while the thread waits."""
        return with_body(to_loop(func))

    def ensure_async(self, func: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
        """Return `func` as async code can await it: a sync one runs in a thread."""
        return func if is_async(func) else awaitable(func)

    def sync_to_async(self, func: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
        """Make a sync function awaitable: it runs in a thread."""
        return self.ensure_async(func)

    # Responses, templates and files.

    def send_static_file(self, filename: str) -> Response:
        """Make a response with a file of the static folder; it may be awaited. Raises NotFound (404)."""
        return super().send_static_file(filename)  # type: ignore[return-value]  # of response_class

    def open_resource(self, resource: str, mode: str = "rb", encoding: str | None = None) -> Any:
        """Open a file relative to the app's `root_path`; in `async def` code await it for an async file."""
        file = super().open_resource(resource, mode, encoding)
        return Resource(file) if caller_is_async() else file

    def open_instance_resource(self, resource: str, mode: str = "rb", encoding: str | None = "utf-8") -> Any:
        """Open a file in the instance folder; in `async def` code await it for an async file."""
        file = super().open_instance_resource(resource, mode, encoding)
        return Resource(file) if caller_is_async() else file

    def make_response(self, rv: Any) -> Response:
        """Make a response of a view's return value; it may be awaited.

        Takes what Flask takes, and async iterables as bodies. Raises TypeError for anything else.
        """
        return response_from(self, rv)  # type: ignore[return-value]  # of response_class

    def redirect(self, location: str, code: int = REDIRECT_CODE) -> Response:
        """Make a redirect response; it may be awaited."""
        if self.response_class is Response and "redirects" in self._shortcuts and is_simple_redirect(location, code):
            return Redirect.to(location, code)
        return super().redirect(location, code)  # type: ignore[return-value]  # of response_class

    @sync_step
    def log_exception(self, ctx: Any, exc_info: Any) -> None:
        """Log an error that nothing handles; it is not awaited."""
        if reported.get() is None and isinstance(ctx, Context):
            super().log_exception(*step_arguments(ctx, exc_info))
        else:
            log_reported(self, exc_info[1])

    @async_step
    async def handle_background_exception(self, ctx: Any, error: Exception) -> None:
        """Log the error of a background task, and send `got_background_exception`."""
        await report(self, got_background_exception, error)

    def update_template_context(self, *args: Any) -> Any:
        """Add the values of the context processors to a template's context; await it in `async def` code."""
        context = args[-1]  # Quart 0.23 passes the request context first
        if caller_is_async():
            return templating.add_context(self, context)
        return super().update_template_context(*step_arguments(None, context))

    def inject_url_defaults(self, endpoint: str, values: dict[str, Any]) -> None:
        """Let the functions registered with `url_defaults` add to the values that a URL is built from."""
        for name in (None, *reversed(blueprints_of(endpoint))):
            for func in self.url_default_functions.get(name, ()):
                self.ensure_sync(func)(endpoint, values)


if TYPE_CHECKING:

    class CurrentApp(DualApp):
        def _get_current_object(self) -> DualApp: ...


#: `flask.current_app`, of which type checkers know that it is a DualApp.
current_app: CurrentApp = cast("CurrentApp", flask.current_app)

accept_in_quart_cli(DualApp)
