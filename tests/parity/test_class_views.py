"""Class-based views of both frameworks: their methods run in their own colour, and cross no more than functions do."""

from __future__ import annotations

import asyncio
import threading
from functools import wraps
from itertools import pairwise

import flask.views
import pytest
import quart.views

import dualapp
from dualapp import DualApp, current_app, g, request

from ..conftest import Serve
from ..support.entry_driver import LOOP

FRAMEWORKS = pytest.mark.parametrize("views", [flask.views, quart.views], ids=["flask", "quart"])


def here() -> tuple[int, bool]:
    try:
        return threading.get_ident(), bool(asyncio.get_running_loop())
    except RuntimeError:
        return threading.get_ident(), False


def tracing(views):
    """Classes that note where they are made and where their methods run."""

    def build(app: DualApp) -> None:
        places = app.extensions["places"] = []

        class Single(views.View):
            methods = ("GET", "POST")

            def __init__(self, greeting):
                self.greeting = greeting
                places.append(here())

            async def dispatch_request(self, name):
                places.append(here())
                return {"greeting": self.greeting, "name": name, "method": request.method}

        class Several(views.MethodView):
            def __init__(self):
                places.append(here())

            async def get(self):
                places.append(here())
                return "got"

            async def post(self):
                places.append(here())
                return await request.get_json()

        class Mixed(views.MethodView):
            def __init__(self):
                places.append(here())

            async def async_answer(self):
                places.append(here())
                await asyncio.sleep(0)
                return request.method

            def sync_answer(self):
                places.append(here())
                return request.method

            get, put, post, delete = async_answer, async_answer, sync_answer, sync_answer

        app.add_url_rule("/single/<name>", view_func=Single.as_view("single", "hello"))
        app.add_url_rule("/several", view_func=Several.as_view("several"))
        app.add_url_rule("/mixed", view_func=Mixed.as_view("mixed"))

    return build


def crossings(client, ask, expected):
    """How often the way from the server to the method crossed."""
    places = client.app.extensions["places"]
    places.clear()
    assert ask() == expected
    server = (LOOP.run(thread_of_loop()), True) if client.entry == "asgi" else (threading.get_ident(), False)
    way = [server, *places]
    return sum(before != after for before, after in pairwise(way)), len(places)


async def thread_of_loop() -> int:
    return threading.get_ident()


@FRAMEWORKS
def test_methods_cross_no_more_than_functions(serve: Serve, views: object) -> None:
    client = serve(tracing(views), twin=False)
    expected = int((client.entry == "asgi") != serve.is_async)
    for _ in range(2):
        for ask, answer in (
            (lambda: client.get("/single/ann").json(), {"greeting": "hello", "name": "ann", "method": "GET"}),
            (lambda: client.post("/several", json={"x": 1}).json(), {"x": 1}),
            (lambda: client.get("/several").text, "got"),
            (lambda: client.head("/several").body, b""),
        ):
            assert crossings(client, ask, answer) == (expected, 2)


@FRAMEWORKS
def test_a_class_may_have_methods_of_both_colours(serve: Serve, views: object) -> None:
    client = serve(tracing(views), twin=False)
    assert client.options("/mixed").header("allow") == "DELETE, GET, HEAD, OPTIONS, POST, PUT"
    for method in ("GET", "POST", "PUT", "DELETE") * 2:
        is_async = method in ("GET", "PUT")
        ask = crossings(client, lambda method=method: client.request(method, "/mixed").text, method)
        assert ask == (int((client.entry == "asgi") != is_async), 2)
    assert client.patch("/mixed").status == 405


def test_options_first_decide_nothing(serve: Serve) -> None:
    client = serve(tracing(flask.views), twin=False)
    client.options("/several")
    expected = int((client.entry == "asgi") != serve.is_async)
    assert crossings(client, lambda: client.get("/several").text, "got") == (expected, 2)


@FRAMEWORKS
def test_one_instance_for_all_requests(serve: Serve, views: object) -> None:
    def build(app: DualApp) -> None:
        class Counter(views.MethodView):
            init_every_request = False

            def __init__(self):
                self.number = 0

            async def get(self):
                self.number += 1
                return str(self.number)

        class Fresh(Counter):
            init_every_request = True

        app.add_url_rule("/counter", view_func=Counter.as_view("counter"))
        app.add_url_rule("/fresh", view_func=Fresh.as_view("fresh"))

    client = serve(build, twin=False)
    assert [client.get("/counter").text for _ in range(3)] == ["1", "2", "3"]
    assert [client.get("/fresh").text for _ in range(2)] == ["1", "1"]


def test_decorators_of_flasks_classes(serve: Serve) -> None:
    """They are `def`, and ask the app for `ensure_sync` as Flask's documentation tells them to."""

    def build(app: DualApp) -> None:
        def admit(view):
            @wraps(view)
            def sync_wrapper(*args, **kwargs):
                if request.args.get("user") != "ann":
                    return "no", 403
                g.user = "ann"
                return current_app.ensure_sync(view)(*args, **kwargs)

            return sync_wrapper

        class Admitted(flask.views.MethodView):
            decorators = (admit,)

            async def get(self):
                await asyncio.sleep(0)
                return f"hello {g.user}"

        app.add_url_rule("/", view_func=Admitted.as_view("admitted"))

    client = serve(build)
    assert client.get("/").status == 403
    assert client.get("/?user=ann").text == "hello ann"


def test_decorators_of_quarts_classes(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        def admit(view):
            @wraps(view)
            async def async_wrapper(*args, **kwargs):
                if quart.request.args.get("user") != "ann":
                    return "no", 403
                g.user = "ann"
                return await quart.current_app.ensure_async(view)(*args, **kwargs)

            return async_wrapper

        class Admitted(quart.views.MethodView):
            decorators = (admit,)

            async def get(self):
                return f"hello {g.user}"

        app.add_url_rule("/", view_func=Admitted.as_view("admitted"))

    client = serve(build, twin=False)
    assert client.get("/").status == 403
    assert client.get("/?user=ann").text == "hello ann"


def test_a_class_may_dispatch_by_itself(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        class Own(flask.views.MethodView):
            def dispatch_request(self, **kwargs):
                if request.args:
                    return "own"
                return super().dispatch_request(**kwargs)

            async def get(self):
                await asyncio.sleep(0)
                return "get"

        app.add_url_rule("/", view_func=Own.as_view("own"))

    client = serve(build)
    assert client.get("/").text == "get"
    assert client.get("/?x=1").text == "own"


def test_errors_name_the_view(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.config["PROPAGATE_EXCEPTIONS"] = True

        class Nothing(flask.views.MethodView):
            async def get(self):
                return None

        app.add_url_rule("/", view_func=Nothing.as_view("nothing"))

    error = serve(build, twin=False).get("/", escapes=True).error
    assert isinstance(error, TypeError)
    assert any("nothing" in note or "View" in note for note in error.__notes__)
    assert dualapp.has_request_context() is False
