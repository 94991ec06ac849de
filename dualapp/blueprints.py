"""Registration that only Quart has: websocket rules and hooks on apps and blueprints, serving hooks on blueprints."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, Literal, TypeVar

import flask
from flask.sansio.app import App
from flask.sansio.blueprints import BlueprintSetupState
from flask.sansio.scaffold import Scaffold, setupmethod

from .cli import DualGroup
from .pipeline.generation import WEBSOCKET_HOOKS
from .pipeline.websocket_views import mark_websocket_view

F = TypeVar("F", bound=Callable[..., Any])
HooksByName = dict[str | None, list[Callable[..., Any]]]


class QuartScaffold(Scaffold):
    """An app or a blueprint on which websockets can be registered."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self.before_websocket_funcs: HooksByName = defaultdict(list)
        self.after_websocket_funcs: HooksByName = defaultdict(list)
        self.teardown_websocket_funcs: HooksByName = defaultdict(list)
        super().__init__(*args, **kwargs)

    def websocket(self, rule: str, **options: Any) -> Callable[[F], F]:
        """Register the decorated function as the websocket view for a rule."""

        def decorator(func: F) -> F:
            self.add_websocket(rule, options.pop("endpoint", None), func, **options)
            return func

        return decorator

    def add_websocket(
        self,
        rule: str,
        endpoint: str | None = None,
        view_func: Callable[..., Any] | None = None,
        **options: Any,
    ) -> None:
        """Register a websocket rule and its view; takes the options of `add_url_rule`."""
        if view_func is not None:
            mark_websocket_view(view_func)
        self.add_url_rule(rule, endpoint, view_func, methods={"GET"}, websocket=True, **options)

    @setupmethod
    def before_websocket(self, func: F) -> F:
        """Register a function to run before a websocket view."""
        self.before_websocket_funcs[None].append(func)
        return func

    @setupmethod
    def after_websocket(self, func: F) -> F:
        """Register a function to run after a websocket view; it takes the response or None."""
        self.after_websocket_funcs[None].append(func)
        return func

    @setupmethod
    def teardown_websocket(self, func: F) -> F:
        """Register a function to run when a websocket ends; it takes the error that ended it or None."""
        self.teardown_websocket_funcs[None].append(func)
        return func


class Blueprint(QuartScaffold, flask.Blueprint):
    """A Flask blueprint with the registration methods of Quart's: websockets, and hooks around serving."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.cli = DualGroup(name=self.cli.name)

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
        """Have another app answer below a path, after the blueprint's prefix; as `DualApp.mount`.

        `url_for` knows it by the blueprint's name, a dot and `name`. With `hooks` the blueprint's hooks run, too.
        """

        def mount(state: BlueprintSetupState) -> None:
            dotted = f"{state.name_prefix}.{state.name}.{name or f'mounted at {path}'}".lstrip(".")
            below = (state.url_prefix or "").rstrip("/") + path
            named = dotted if name is not None or hooks else None
            state.app.mount(below, app, host=host, kind=kind, name=named, hooks=hooks)  # type: ignore[attr-defined]  # a DualApp's

        self.record(mount)

    def before_app_serving(self, func: F) -> F:
        """Register a function to run once in each process before the app serves."""
        return self._on_app("before_serving", func)

    def while_app_serving(self, func: F) -> F:
        """Register a generator function that yields once: it runs up to `yield` before serving, to its end after."""
        return self._on_app("while_serving", func)

    def after_app_serving(self, func: F) -> F:
        """Register a function to run once in each process when the app has ended serving."""
        return self._on_app("after_serving", func)

    def before_app_websocket(self, func: F) -> F:
        """Register a function to run before each websocket view of the app."""
        return self._on_app("before_websocket", func)

    def after_app_websocket(self, func: F) -> F:
        """Register a function to run after each websocket view of the app; it takes the response or None."""
        return self._on_app("after_websocket", func)

    def teardown_app_websocket(self, func: F) -> F:
        """Register a function to run when any websocket of the app ends; it takes the error or None."""
        return self._on_app("teardown_websocket", func)

    @setupmethod
    def _on_app(self, register: str, func: F) -> F:
        self.record_once(lambda state: getattr(state.app, register)(func))
        return func

    def register(self, app: App, options: dict[str, Any]) -> None:
        """Register this blueprint and its websocket hooks on an app; Flask calls this."""
        earlier = set(app.blueprints)
        super().register(app, options)
        # If nested, it is now registered under a dotted name.
        for name in [name for name, blueprint in app.blueprints.items() if blueprint is self and name not in earlier]:
            for registry in WEBSOCKET_HOOKS:
                for key, funcs in getattr(self, registry).items():
                    getattr(app, registry)[name if key is None else f"{name}.{key}"] += funcs
