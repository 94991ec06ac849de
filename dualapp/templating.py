"""Templates in both colours: filters, tests, globals and context processors may be async in either."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import flask
from flask.globals import _cv_app, _cv_request
from flask.signals import before_render_template, template_rendered
from flask.templating import _default_template_ctx_processor
from jinja2 import Environment, Template

from .colour import is_async
from .crossing import from_loop, to_loop
from .streams import stream_with_context


class Functions(dict[str, Any]):
    """Filters, tests or globals for templates that sync code renders: the async ones cross to the loop.

    `awaited` has the async ones as they are, for templates that async code renders.
    """

    def __init__(self, functions: Mapping[str, Any]) -> None:
        super().__init__(functions)
        self.awaited: dict[str, Any] = {}

    def __setitem__(self, name: str, value: Any) -> None:
        self.awaited.pop(name, None)
        if is_async(value):
            self.awaited[name] = value
            value = to_loop(value)
        super().__setitem__(name, value)

    def update(self, *others: Any, **functions: Any) -> None:
        """Register several, each as if it were set by itself."""
        for name, value in dict(*others, **functions).items():
            self[name] = value

    def setdefault(self, name: str, default: Any = None) -> Any:
        """Register one unless there is one of that name."""
        if name not in self:
            self[name] = default
        return self[name]


KINDS = ("filters", "tests", "globals")


def take_both_colours(environment: Environment) -> None:
    """Let async functions be registered in an environment that renders for sync code."""
    for kind in KINDS:
        setattr(environment, kind, Functions(getattr(environment, kind)))


def async_environment(app: flask.Flask) -> Environment:
    """Make the twin of the app's Jinja environment that awaits; it shares loader, filters, tests and globals."""
    environment = app.jinja_env.overlay(enable_async=True)
    for kind in KINDS:
        functions = getattr(app.jinja_env, kind)
        setattr(environment, kind, ChainMap(functions.awaited, functions))
    return environment


async def update_context(app: flask.Flask, context: dict[str, Any]) -> None:
    """Add what the context processors give; what the caller gave comes first."""
    given = context.copy()
    request_context = _cv_request.get(None)
    blueprints = [] if request_context is None else request_context.request.blueprints
    for name in (None, *reversed(blueprints)):
        for processor in app.template_context_processors.get(name, ()):
            if processor is _default_template_ctx_processor:  # Flask's own, in which nothing blocks
                context.update(_default_template_ctx_processor())
            else:
                context.update(await from_loop(processor))
    context.update(given)


async def render_async(template: Template, context: dict[str, Any]) -> str:
    app = current_app()
    await update_context(app, context)
    await before_render_template.send_async(app, _sync_wrapper=app.ensure_async, template=template, context=context)
    text = await template.render_async(context)
    await template_rendered.send_async(app, _sync_wrapper=app.ensure_async, template=template, context=context)
    return text


def stream(template: Template, context: dict[str, Any]) -> Iterator[str]:
    app = current_app()
    app.update_template_context(context)
    before_render_template.send(app, _async_wrapper=app.ensure_sync, template=template, context=context)

    def generate() -> Iterator[str]:
        yield from template.generate(context)
        template_rendered.send(app, _async_wrapper=app.ensure_sync, template=template, context=context)

    return stream_with_context(generate()) if _cv_request.get(None) is not None else generate()


async def stream_async(template: Template, context: dict[str, Any]) -> AsyncIterator[str]:
    app = current_app()
    await update_context(app, context)
    await before_render_template.send_async(app, _sync_wrapper=app.ensure_async, template=template, context=context)

    async def generate() -> AsyncIterator[str]:
        async for text in template.generate_async(context):
            yield text
        await template_rendered.send_async(app, _sync_wrapper=app.ensure_async, template=template, context=context)

    return stream_with_context(generate()) if _cv_request.get(None) is not None else generate()


def current_app() -> Any:
    """Return the app that renders: a DualApp, since only those have an async environment."""
    return _cv_app.get().app
