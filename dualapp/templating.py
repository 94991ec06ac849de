"""Render templates from code of both colours; filters, tests, globals and context processors may have either."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import AsyncIterator, Iterator, Mapping
from functools import cache, cached_property
from typing import Any, Self

import flask
import jinja2
from flask.signals import before_render_template, template_rendered
from werkzeug.local import LocalProxy

from .compat.upstream import app_variable, default_template_processor, request_context, step_arguments
from .crossing.bridge import to_loop
from .crossing.colour import caller_is_async, is_async
from .crossing.thread_pool import from_loop
from .pipeline.stream_with_context import stream_with_context


class SyncFunctions(dict[str, Any]):
    """Filters, tests or globals for templates that sync code renders: async ones cross to the loop.

    `awaited` holds the async ones unchanged, for templates that async code renders.
    """

    def __init__(self, functions: Mapping[str, Any]) -> None:
        super().__init__(functions)
        self.awaited: dict[str, Any] = {}

    def __setitem__(self, name: str, value: Any) -> None:
        self.awaited.pop(name, None)
        if type(value) is not LocalProxy and is_async(value):  # a proxy is unbound here
            self.awaited[name] = value
            value = to_loop(value)
        super().__setitem__(name, value)

    def __delitem__(self, name: str) -> None:
        super().__delitem__(name)
        self.awaited.pop(name, None)

    def update(self, *others: Any, **functions: Any) -> None:
        """Set several functions, each with `__setitem__`."""
        for name, value in dict(*others, **functions).items():
            self[name] = value

    def setdefault(self, name: str, default: Any = None) -> Any:
        """Set a function unless there is one of that name; return the one that is set."""
        if name not in self:
            self[name] = default
        return self[name]


class AwaitedFunctions(ChainMap[str, Any]):
    """A view of SyncFunctions for templates that async code renders: the async ones are unchanged."""

    def __init__(self, functions: SyncFunctions) -> None:
        super().__init__(functions.awaited, functions)

    def __setitem__(self, name: str, value: Any) -> None:
        self.maps[1][name] = value

    def __delitem__(self, name: str) -> None:
        del self.maps[1][name]


KINDS = ("filters", "tests", "globals")


class Template(jinja2.Template):
    """A template with a twin, compiled for the other colour, that renders it in code of that colour."""

    source: Any = None

    @property
    def twin(self) -> jinja2.Template:
        """The same template, compiled for the other colour."""
        environment: Environment = self.environment.twin  # type: ignore[attr-defined]  # it is made by ours
        own = self.globals.maps[0] if isinstance(self.globals, ChainMap) else None
        if self.source is None:
            return environment.get_template(self.name, globals=own)  # type: ignore[arg-type]  # None only with a source
        return environment.compiled(self.source, own)

    def render(self, *args: Any, **kwargs: Any) -> str:
        """Render in sync code."""
        return self.twin.render(*args, **kwargs) if self.environment.is_async else super().render(*args, **kwargs)

    def generate(self, *args: Any, **kwargs: Any) -> Iterator[str]:
        """Render in sync code, as an iterator."""
        return self.twin.generate(*args, **kwargs) if self.environment.is_async else super().generate(*args, **kwargs)

    async def render_async(self, *args: Any, **kwargs: Any) -> str:
        """Render in async code."""
        if self.environment.is_async:
            return await super().render_async(*args, **kwargs)
        return await self.twin.render_async(*args, **kwargs)

    def generate_async(self, *args: Any, **kwargs: Any) -> AsyncIterator[str]:  # type: ignore[override]  # jinja's is a generator
        """Render in async code, as an async iterator."""
        if self.environment.is_async:
            return super().generate_async(*args, **kwargs)
        return self.twin.generate_async(*args, **kwargs)


class Environment(jinja2.Environment):
    """A Jinja environment for sync code; its twin, for async code, shares its templates and functions."""

    template_class = Template

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.is_async = False  # Quart's own class sets it
        for kind in KINDS:
            setattr(self, kind, SyncFunctions(getattr(self, kind)))

    @cached_property
    def twin(self) -> Environment:
        """The environment of the other colour."""
        twin: Environment = self.overlay(enable_async=True)
        vars(twin)["twin"] = self
        for kind in KINDS:
            setattr(twin, kind, AwaitedFunctions(getattr(self, kind)))
        return twin

    def overlay(self, *args: Any, **kwargs: Any) -> Self:
        """Make an overlay environment, with a twin of its own."""
        overlay = super().overlay(*args, **kwargs)
        vars(overlay).pop("twin", None)
        return overlay

    def from_string(self, source: Any, globals: Any = None, template_class: Any = None) -> jinja2.Template:
        """Compile a template for the colour of the calling code."""
        environment = self if caller_is_async() == self.is_async else self.twin
        return environment.compiled(source, globals, template_class)

    def compiled(self, source: Any, globals: Any = None, template_class: Any = None) -> jinja2.Template:
        """Compile a template for the colour of this environment."""
        template = super().from_string(source, globals, template_class)
        template.source = source  # type: ignore[attr-defined]  # for its twin
        return template


@cache
def with_twin(cls: type[jinja2.Environment]) -> type[jinja2.Environment]:
    """Return a subclass of `cls` and of our Environment."""
    return cls if issubclass(cls, Environment) else type(cls.__name__, (Environment, cls), {})


async def update_context(app: Any, context: dict[str, Any]) -> None:
    """Add the values of the context processors, by the app's method."""
    updating = app.update_template_context(context)
    if updating is not None:  # a sync function may have been set on the app
        await updating


async def add_context(app: flask.Flask, context: dict[str, Any]) -> None:
    """Add the values of the context processors; the caller's own values take precedence."""
    own = context.copy()
    current = request_context(None)
    blueprints = [] if current is None else current.request.blueprints
    for name in (None, *reversed(blueprints)):
        for processor in app.template_context_processors.get(name, ()):
            if processor is default_template_processor:  # Flask's own does not block
                context.update(processor())
            else:
                context.update(await from_loop(processor))
    context.update(own)


async def render_async(template: jinja2.Template, context: dict[str, Any]) -> str:
    app = current_app()
    await update_context(app, context)
    await before_render_template.send_async(app, _sync_wrapper=app.ensure_async, template=template, context=context)
    text = await template.render_async(context)
    await template_rendered.send_async(app, _sync_wrapper=app.ensure_async, template=template, context=context)
    return text


def stream(template: jinja2.Template, context: dict[str, Any]) -> Iterator[str]:
    app = current_app()
    app.update_template_context(*step_arguments(None, context))
    before_render_template.send(app, _async_wrapper=app.ensure_sync, template=template, context=context)

    def generate() -> Iterator[str]:
        yield from template.generate(context)
        template_rendered.send(app, _async_wrapper=app.ensure_sync, template=template, context=context)

    return stream_with_context(generate()) if request_context(None) is not None else generate()


async def stream_async(template: jinja2.Template, context: dict[str, Any]) -> AsyncIterator[str]:
    app = current_app()
    await update_context(app, context)
    await before_render_template.send_async(app, _sync_wrapper=app.ensure_async, template=template, context=context)

    async def generate() -> AsyncIterator[str]:
        async for text in template.generate_async(context):
            yield text
        await template_rendered.send_async(app, _sync_wrapper=app.ensure_async, template=template, context=context)

    return stream_with_context(generate()) if request_context(None) is not None else generate()


def current_app() -> Any:
    """Return the current app, a DualApp: only those have an async environment."""
    return app_variable.get().app
