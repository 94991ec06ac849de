"""Apps that grow, for each kind of work and each framework: so many routes, hooks, blueprints within each other.

`def` views are written once for Flask and dualapp, `async def` views once for Quart and dualapp. Each view returns a
value that shows that it has seen what it was sent.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module
from itertools import pairwise
from typing import Any

from benchmarks.calls import Request

CLASSES = {"dualapp": "DualApp", "flask": "Flask", "quart": "Quart"}
View = Callable[..., Any]


@dataclass(frozen=True)
class Growth:
    title: str
    sizes: Sequence[int]
    requests: Callable[[int], list[Request]]
    #: What a view finds in a request of that size.
    value: Callable[[int], Any]
    frameworks: Sequence[str] = ("dualapp", "flask", "quart", "starlette")
    #: Whether the sizes are decades rather than steps.
    is_by_decades: bool = False
    entries: Sequence[str] = ("wsgi", "asgi")


def one(size: int) -> list[Request]:
    return [Request("/")]


def some_routes(size: int) -> list[Request]:
    """Ask for ten of them, from the first to the last."""
    return [Request(f"/section{size * number // 10}/7") for number in range(10)]


def blueprints(size: int) -> list[Request]:
    return [Request("".join(f"/part{number}" for number in range(size)) + "/")]


def headers(size: int) -> list[Request]:
    return [Request("/", headers=tuple((f"x-field-{number}", "some value") for number in range(size)))]


def cookies(size: int) -> list[Request]:
    return [Request("/", headers=(("cookie", "; ".join(f"cookie{number}=value" for number in range(size))),))]


def body(size: int) -> list[Request]:
    return [Request("/", "POST", (("content-type", "application/octet-stream"),), bytes(size))]


GROWTHS = {
    "routes": Growth("routes", (10, 100, 1000, 10_000), some_routes, lambda size: 7, is_by_decades=True),
    # Starlette has none.
    "hooks": Growth(
        "hooks before, and as many after", (0, 5, 10, 20), one, lambda size: 0, ("dualapp", "flask", "quart")
    ),
    "blueprints": Growth("blueprints within each other", (0, 1, 2, 3, 4, 5), blueprints, lambda size: 0),
    "headers": Growth("headers, one of them read", (5, 25, 50, 75, 100), headers, lambda size: "some value"),
    "cookies": Growth("cookies, one of them read", (1, 10, 20, 50), cookies, lambda size: "value"),
    "body": Growth("bytes of the body", tuple(10**power for power in range(3, 9)), body, int, is_by_decades=True),
    # To the views that wait in benchmarks.frameworks.
    "at_once": Growth(
        "requests at once, with a wait of 1 ms",
        (1, 10, 100, 1000, 8000),
        one,
        lambda size: None,
        is_by_decades=True,
        entries=("asgi",),
    ),
}


def app_of(framework: str, entry: str, kind: str, size: int) -> Any:
    if framework == "starlette":
        return starlette_app(kind, size)
    module = import_module(framework)
    app = getattr(module, CLASSES[framework])("growth")
    app.config["MAX_CONTENT_LENGTH"] = None
    if entry == "wsgi":
        grow(app, module, kind, size, sync_views(module.request), nothing, same)
    else:
        grow(app, module, kind, size, async_views(module.request), nothing_async, same_async)
    return getattr(app, entry) if framework == "dualapp" else app


def grow(app: Any, module: Any, kind: str, size: int, views: dict[str, View], before: View, after: View) -> None:
    view = views.get(kind, views["plain"])
    if kind == "routes":
        for number in range(size):
            app.add_url_rule(f"/section{number}/<int:item>", f"section{number}", view)
        return
    if kind == "hooks":
        for _ in range(size):
            app.before_request(before)
            app.after_request(after)
    depth = size if kind == "blueprints" else 0
    parts = [module.Blueprint(f"part{number}", "growth", url_prefix=f"/part{number}") for number in range(depth)]
    owners = [app, *parts]
    owners[-1].add_url_rule("/", "index", view, methods=["POST" if kind == "body" else "GET"])
    for outer, inner in reversed([*pairwise(owners)]):  # one that is registered is complete
        outer.register_blueprint(inner)


def nothing() -> None: ...


async def nothing_async() -> None: ...


def same(response: Any) -> Any:
    return response


async def same_async(response: Any) -> Any:
    return response


def sync_views(request: Any) -> dict[str, View]:
    return {
        "plain": lambda item=0: {"value": item},
        "headers": lambda: {"value": request.headers["X-Field-0"]},
        "cookies": lambda: {"value": request.cookies["cookie0"]},
        "body": lambda: {"value": len(request.get_data())},
    }


def async_views(request: Any) -> dict[str, View]:
    async def plain(item: int = 0) -> dict[str, int]:
        return {"value": item}

    async def header() -> dict[str, str]:
        return {"value": request.headers["X-Field-0"]}

    async def cookie() -> dict[str, str]:
        return {"value": request.cookies["cookie0"]}

    async def length() -> dict[str, int]:
        return {"value": len(await request.get_data())}

    return {"plain": plain, "headers": header, "cookies": cookie, "body": length}


def starlette_app(kind: str, size: int) -> Any:
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse
    from starlette.routing import Mount, Route

    async def view(request: Any) -> Any:
        if kind == "headers":
            value: Any = request.headers["x-field-0"]
        elif kind == "cookies":
            value = request.cookies["cookie0"]
        elif kind == "body":
            value = len(await request.body())
        else:
            value = request.path_params.get("item", 0)
        return JSONResponse({"value": value})

    if kind == "routes":
        return Starlette(routes=[Route(f"/section{number}/{{item:int}}", view) for number in range(size)])
    routes: list[Any] = [Route("/", view, methods=["POST" if kind == "body" else "GET"])]
    if kind == "blueprints":
        for number in reversed(range(size)):
            routes = [Mount(f"/part{number}", routes=routes)]
    return Starlette(routes=routes)
