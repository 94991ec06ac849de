"""The app object: where things are registered, and where servers come in. It decides nothing itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterable
from functools import cached_property, wraps
from typing import TYPE_CHECKING, Any, TypeVar

import flask
from flask.sansio.scaffold import setupmethod
from werkzeug.datastructures import ImmutableDict

from . import templating
from .blueprints import QuartScaffold
from .cli import DualGroup
from .compat.import_hook import LazyAttribute
from .compat.upstream import REDIRECT_CODE, step_arguments, takes_context
from .crossing.bridge import is_loop_thread, to_loop
from .crossing.colour import caller_is_async, is_async, markcoroutinefunction
from .crossing.thread_pool import Threads, from_loop
from .entries.wsgi import WSGIGateway
from .exchange.translation import Scope
from .exchange.wsgi_exchange import WSGIExchange
from .lifespan import Lifespan
from .pipeline.app_context import AppContext
from .pipeline.class_views import is_awaited_by_caller
from .pipeline.context import Context, with_body
from .pipeline.generation import HOOKS, Config, Functions, Generation, Registry, RuleMap, Views
from .pipeline.plan import blueprints_of
from .shortcuts import switches
from .shortcuts.redirects import Redirect, is_simple_redirect
from .wrappers.faces import async_face_class, is_async_face_class
from .wrappers.resources import Resource
from .wrappers.response import Response, with_ours
from .wrappers.return_values import response_from
from .wrappers.sync_request import Request

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment
    from flask.testing import FlaskClient

    from .entries.asgi import ASGIGateway, Send
    from .exchange.asgi_exchange import Receive
    from .exchange.exchange import Exchange
    from .testing import DualClient

F = TypeVar("F", bound=Callable[..., Any])


def for_both_colours(func: Any) -> Any:
    """Return an async function as code of both colours can call it, any other as it is."""
    if not is_async(func):
        return func
    waiting = to_loop(func)

    @markcoroutinefunction
    @wraps(func, updated=())
    def call(*args: Any, **kwargs: Any) -> Any:
        return func(*args, **kwargs) if caller_is_async() else waiting(*args, **kwargs)

    return call


def dual_client() -> type[DualClient]:
    from .testing import DualClient  # click.testing brings the debugger along, for which no server has a use

    return DualClient


# What an app makes of a class or a method that somebody sets on it: responses and templates must be awaitable.
OURS: dict[str, Callable[[Any], Any]] = {
    "jinja_environment": templating.with_twin,
    "make_response": for_both_colours,
    "response_class": with_ours,
}


#: Attributes that plans are made of and that only instances have.
PLANNED = {*HOOKS, "config", "json", "teardown_appcontext_funcs", "url_map", "view_functions"}


class DualApp(QuartScaffold, flask.Flask):
    """A Flask app that answers WSGI and ASGI servers alike.

    Serve `app.wsgi` or `app.asgi`; `app` itself is both, for servers that load a plain name. Views, hooks and handlers
    may be `def` or `async def`, mixed at will.

    Configuration beyond Flask's:

    `BACKGROUND_TASK_SHUTDOWN_TIMEOUT`
        How many seconds tasks in the background are given to end when the process does, 5 unless set.
    `BODY_READ_AHEAD`
        A body whose Content-Length is up to this, 65536 unless set, is read before an `async def` function is called.
        So sync code, an extension's say, that an `async def` view calls can read `flask.request.form`. Longer bodies,
        and those without a length, have to be awaited first: a RuntimeError says so.
    `BODY_TIMEOUT`
        How many seconds async code waits for a body, 60 unless set, None for ever; a 408 then.
    `RESPONSE_TIMEOUT`
        How many seconds a streamed response may take, 60 unless set, None for ever; `response.timeout` is its own.
    `THREAD_POOL_SIZE`
        How many sync views run at the same time under ASGI, 40 unless set.
    """

    _shortcuts = switches.ALL
    _generation: Generation
    config_class = Config
    url_map_class = RuleMap
    request_class = Request
    #: What `quart.request` is made of, if the user has a class of requests for Quart; None for ours.
    async_request_class: type | None = None
    response_class = Response
    test_client_class: type[FlaskClient] | None = LazyAttribute(dual_client)  # type: ignore[assignment]  # it gives one
    default_config = ImmutableDict(
        {
            **flask.Flask.default_config,
            "BACKGROUND_TASK_SHUTDOWN_TIMEOUT": 5,
            "BODY_READ_AHEAD": 64 * 1024,
            "BODY_TIMEOUT": 60,
            "RESPONSE_TIMEOUT": 60,
            "THREAD_POOL_SIZE": 40,
        }
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        vars(self)["_generation"] = Generation()
        super().__init__(*args, **kwargs)
        self.cli = DualGroup(name=self.name, commands=self.cli.commands)
        self.jinja_environment = type(self).jinja_environment
        self.request_class = type(self).request_class
        self.response_class = type(self).response_class
        if static := self.view_functions.get("static"):
            # The method's, which Quart has here: a mark that somebody puts on it is to be seen on the view.
            static.__dict__ = type(self).send_static_file.__dict__
            self._own_static_view = static

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "request_class" and is_async_face_class(value):
            self.async_request_class = async_face_class(value)
            value = vars(self).get(name, Request)
        super().__setattr__(name, OURS[name](value) if name in OURS else self._observed(name, value))
        if name in PLANNED or hasattr(type(self), name):  # a method, or a default of the class
            self._generation.advance()

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        self._generation.advance()

    def _observed(self, name: str, value: Any) -> Any:
        """Return a registry that tells the plans of its changes, any other value as it is."""
        if name in HOOKS:
            return Registry(self._generation, value)
        if name == "view_functions":
            return Views(self._generation, value)
        if name == "teardown_appcontext_funcs":
            return Functions(self._generation, value)
        if isinstance(value, RuleMap | Config):
            value.generation = self._generation
        return value

    # The entries. What middleware replaces is `wsgi_app` and `asgi_app`, as in Flask and Quart.

    def wsgi(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a WSGI server."""
        return super().__call__(environ, start_response)  # which tools that watch Flask apps replace

    @property
    def asgi(self) -> Callable[[Scope, Receive, Send], Coroutine[Any, Any, None]]:
        """The function that answers an ASGI server."""

        async def asgi(scope: Scope, receive: Receive, send: Send) -> None:
            await self._asgi_entry(scope, receive, send)

        return asgi  # a function, since uvicorn takes a method for an app of ASGI 2

    def wsgi_app(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        """Answer a WSGI request; `app.wsgi_app = Middleware(app.wsgi_app)` wraps it."""
        return self._answer_wsgi(environ, start_response)

    @property
    def asgi_app(self) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
        """What answers an ASGI connection; `app.asgi_app = Middleware(app.asgi_app)` wraps it."""
        # No method either: middleware that looks before it calls takes one for an app of ASGI 2.
        asgi_app: Callable[..., Awaitable[None]] | None = vars(self).get("asgi_app")
        return asgi_app or self._asgi_gateway

    @asgi_app.setter
    def asgi_app(self, asgi_app: Callable[[Scope, Receive, Send], Awaitable[None]]) -> None:
        vars(self)["asgi_app"] = asgi_app
        vars(self).pop("_asgi_entry", None)

    @cached_property
    def _asgi_entry(self) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
        asgi_app = self.asgi_app
        return asgi_app.__call__ if asgi_app is self._asgi_gateway else asgi_app  # as `_answer_wsgi`

    @cached_property
    def _answer_wsgi(self) -> Callable[[WSGIEnvironment, StartResponse], Iterable[bytes]]:
        return WSGIGateway(self, self._generation, self._lifespan).answer  # a method is called faster than an object

    @cached_property
    def _asgi_gateway(self) -> ASGIGateway:
        from .entries.asgi import ASGIGateway  # a process has one kind of server

        return ASGIGateway(self, self._generation, self._threads, self._lifespan)

    # Marked as a coroutine function for servers that look before they call. uvicorn also tries a call without
    # arguments, to see whether this is a factory: the TypeError tells it no. The arguments are named, because uWSGI
    # fills the same tuple for one request after the other, and cannot while somebody still holds it.
    @markcoroutinefunction
    def __call__(self, environ: Any, start_response: Any, send: Send | None = None, /) -> Any:
        """Answer either server: WSGI calls with `environ, start_response`, ASGI with `scope, receive, send`."""
        if send is None:
            return self.wsgi(environ, start_response)
        return self._asgi_entry(environ, start_response, send)

    # The life of the process.

    @cached_property
    def _threads(self) -> Threads:
        """The threads in which sync code runs under ASGI."""
        return Threads(self.name, lambda: self.config["THREAD_POOL_SIZE"])

    @cached_property
    def _lifespan(self) -> Lifespan:
        """What runs before, while and after the process serves."""
        return Lifespan(self, self._threads)

    @setupmethod
    def before_serving(self, func: F) -> F:
        """Register a function to run once in each process, before it serves."""
        self._lifespan.before.append(func)
        return func

    @setupmethod
    def while_serving(self, func: F) -> F:
        """Register a generator function that yields once: what is before it runs before serving, the rest after."""
        self._lifespan.during.append(func)
        return func

    @setupmethod
    def after_serving(self, func: F) -> F:
        """Register a function to run once in each process, when it has ended serving."""
        self._lifespan.after.append(func)
        return func

    async def startup(self) -> None:
        """Run what comes before serving, if it has not run yet; servers do so by themselves."""
        await self._lifespan.start_async()

    async def shutdown(self) -> None:
        """Run what comes after serving; servers do so by themselves."""
        await self._lifespan.shutdown()

    def run_task(self, *args: Any, **kwargs: Any) -> Coroutine[Any, Any, None]:
        """Serve this app with Hypercorn, beside other tasks of a loop: what Quart's method of this name does."""
        from quart import Quart

        return Quart.run_task(self, *args, **kwargs)  # type: ignore[arg-type]  # it needs an ASGI app with a logger

    def add_background_task(self, func: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
        """Run a function, sync or async, after this request or beside it, with the context of the app.

        What it raises is logged and sent with the signal `got_background_exception`. At exit the process waits
        `BACKGROUND_TASK_SHUTDOWN_TIMEOUT` seconds for it, and cancels it then.
        """
        self._lifespan.add_task(func, *args, **kwargs)

    # Contexts.

    def _context_of(self, exchange: Exchange) -> Context:
        """Make the context of a request that a gateway took in."""
        return Context(self, exchange)

    def request_context(self, environ: WSGIEnvironment) -> Context:
        """Make a context of a WSGI environ, for `with` and for `async with`."""
        return self._context_of(WSGIExchange(environ))

    def test_request_context(self, *args: Any, **kwargs: Any) -> Context:
        """Make a context of a request described as to Werkzeug's EnvironBuilder, for `with` and `async with`."""
        from .testing import in_werkzeugs_words  # as dual_client

        if args and isinstance(args[0], str):
            path, kwargs = in_werkzeugs_words(args[0], kwargs)
            args = (path, *args[1:])
        return super().test_request_context(*args, **kwargs)  # type: ignore[return-value]  # request_context makes ours

    def test_client(self, use_cookies: bool = True, **kwargs: Any) -> DualClient:
        """Make a client that sends requests without a server; in `async def` code its methods are awaited."""
        return super().test_client(use_cookies, **kwargs)  # type: ignore[return-value]  # test_client_class is ours

    def test_app(self) -> Any:
        """Make what runs startup and shutdown around the requests of a test: `async with app.test_app() as ...`."""
        return self.test_app_class(self)

    @cached_property
    def test_app_class(self) -> type:
        """The class of what `test_app` makes: Quart's."""
        from quart.testing import TestApp

        return TestApp

    @cached_property
    def websocket_class(self) -> type:
        """The class of websockets: Quart's."""
        from quart import Websocket

        return Websocket

    def app_context(self) -> AppContext:
        """Make a context of the app, for `with` and for `async with`."""
        return AppContext(self)

    # Steps of a request, for tests that take them one by one. Quart's are awaited; 0.23's take the context first.

    @takes_context
    def preprocess_request(self, *args: Any) -> Any:
        """Run the functions that come before a view; await it in `async def` code."""
        return self._step(super().preprocess_request)

    @takes_context
    def dispatch_request(self, *args: Any) -> Any:
        """Call the view; await it in `async def` code."""
        return self._step(super().dispatch_request)

    @takes_context
    def full_dispatch_request(self, *args: Any) -> Any:
        """Answer the current request; await it in `async def` code."""
        return self._step(super().full_dispatch_request)

    @takes_context
    def process_response(self, *args: Any) -> Any:
        """Hand a response through the functions that come after a view; await it in `async def` code."""
        return self._step(super().process_response, args[-1])

    def _step(self, step: Callable[..., Any], *args: Any) -> Any:
        args = step_arguments(None, *args)
        return from_loop(step, *args) if caller_is_async(depth=2) else step(*args)

    # Colours.

    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Return `func` as sync code can call it."""
        return func if not is_async(func) or is_awaited_by_caller() else self.async_to_sync(func)

    def async_to_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Make a sync function of an async one, which runs on the loop where all async code of the app runs."""
        return with_body(to_loop(func))

    def ensure_async(self, func: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
        """Return `func` as async code can await it; a sync one runs in a thread."""
        if is_async(func):
            return func

        async def crossing(*args: Any, **kwargs: Any) -> Any:
            # Where no loop runs, a coroutine is stepped in a thread, and what it calls is there already.
            return await from_loop(func, *args, **kwargs) if is_loop_thread() else func(*args, **kwargs)

        return crossing

    def sync_to_async(self, func: Callable[..., Any]) -> Callable[..., Coroutine[Any, Any, Any]]:
        """Make an async function of a sync one, which runs in a thread."""
        return self.ensure_async(func)

    # Responses, templates and files.

    def send_static_file(self, filename: str) -> Any:
        """Send a file of the static folder; await it or not."""
        return super().send_static_file(filename)

    def open_resource(self, resource: str, mode: str = "rb", encoding: str | None = None) -> Any:
        """Open a file beside the module of the app; in `async def` code it may be awaited, for `async with`."""
        file = super().open_resource(resource, mode, encoding)
        return Resource(file) if caller_is_async() else file

    def open_instance_resource(self, resource: str, mode: str = "rb", encoding: str | None = "utf-8") -> Any:
        """Open a file in the folder of the instance; in `async def` code it may be awaited, for `async with`."""
        file = super().open_instance_resource(resource, mode, encoding)
        return Resource(file) if caller_is_async() else file

    def make_response(self, rv: Any) -> Any:
        """Make a response of a view's return value; await it or not."""
        return response_from(self, rv)

    def redirect(self, location: str, code: int = REDIRECT_CODE) -> Any:
        """Make a redirect; await it or not."""
        if self.response_class is Response and "redirects" in self._shortcuts and is_simple_redirect(location, code):
            return Redirect.to(location, code)
        return super().redirect(location, code)

    @takes_context
    def make_default_options_response(self, *args: Any) -> Any:
        """Answer OPTIONS with the methods that are allowed, in the same order each time."""
        response = super().make_default_options_response(*step_arguments(None))
        if response.allow:
            response.headers["Allow"] = ", ".join(sorted(response.allow))
        return response

    def update_template_context(self, *args: Any) -> Any:
        """Add what the context processors give to the context of a template; await it in `async def` code."""
        context = args[-1]  # Quart 0.23 names the context of the request before it
        if caller_is_async():
            return templating.update_context(self, context)
        return super().update_template_context(*step_arguments(None, context))

    def inject_url_defaults(self, endpoint: str, values: dict[str, Any]) -> None:
        """Let the functions given to `url_defaults` add to the values that a URL is built of."""
        for name in (None, *reversed(blueprints_of(endpoint))):
            for func in self.url_default_functions.get(name, ()):
                self.ensure_sync(func)(endpoint, values)
