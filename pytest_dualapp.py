"""The pytest plugin: each test that has the fixture `client` runs on both entries of the project's `app`.

pytest imports it at each start, for projects without a DualApp too. So it stands beside the package, whose import would
bring Flask and asgiref along: the first test that has a client imports those.
"""

from __future__ import annotations

import inspect
from collections.abc import AsyncIterator, Callable, Iterator
from types import ModuleType
from typing import TYPE_CHECKING, Any, Literal

import pytest

if TYPE_CHECKING:
    from dualapp.testing import DualClient

SCOPES: tuple[Literal["function", "class", "module", "package", "session"], ...]
SCOPES = ("function", "class", "module", "package", "session")
#: How many seconds a test waits for a response and its stream, before it fails; `client.timeout` says otherwise.
TIMEOUT = 60.0
SERVED_BY_ANYIO = "_dualapp_served_by_anyio"
SERVED_BY_ASYNCIO = "_dualapp_served_on_{}_loop"

#: What to do about an `app` that cannot be tested, by what it is.
AWAIT_IT = "it is async, and no plugin has awaited it: with pytest-asyncio, decorate it with `pytest_asyncio.fixture`"
UNPACK_IT = "return its `app`: dualapp's client runs startup and shutdown around each test"
USE_ANOTHER = "tests of another framework need a fixture `client` of their own; `-p no:dualapp` takes dualapp's away"


@pytest.fixture(params=["wsgi", "asgi"])
def dualapp_entry(request: pytest.FixtureRequest) -> Any:
    """The entry that the client of a test drives: one after the other."""
    return request.param


# pytest shows the lines from the decorator to `def` where a project has no `app`.
@pytest.fixture
# Write a fixture `app` that returns your DualApp. dualapp's client needs it.
def dualapp_client(request: pytest.FixtureRequest, app: Any, dualapp_entry: Any) -> Iterator[DualClient]:
    """A test client for the colour of the test; the app starts before the test, on its loop, and stops after it."""
    refuse_unless_dual(app)
    client = app.test_client(entry=dualapp_entry, timeout=TIMEOUT)
    if is_async_test(request):
        if (fixture := fixture_on_loop_of(request)) is not None:
            request.getfixturevalue(fixture)
        yield client
    else:
        with app.test_app():
            yield client


def refuse_unless_dual(app: Any) -> None:
    """Fail the test, and say what to do, if its `app` is none that has two entries."""
    from dualapp import DualApp

    if isinstance(app, DualApp):
        return
    if inspect.iscoroutine(app) or inspect.isasyncgen(app):
        remedy = AWAIT_IT
    else:
        remedy = UNPACK_IT if isinstance(getattr(app, "app", None), DualApp) else USE_ANOTHER
    if inspect.iscoroutine(app):
        app.close()
    kind = f"{type(app).__module__}.{type(app).__qualname__}"
    pytest.fail(f"The fixture 'app' gives a {kind}, and dualapp's client needs a DualApp: {remedy}.", pytrace=False)


def is_async_test(request: pytest.FixtureRequest) -> bool:
    function = request.function
    return inspect.iscoroutinefunction(function.hypothesis.inner_test if hasattr(function, "hypothesis") else function)


def fixture_on_loop_of(request: pytest.FixtureRequest) -> str | None:
    """Return the fixture that runs startup and shutdown on the loop of an async test; None if no known plugin runs it.

    Without it the first request starts the app.
    """
    if "anyio_backend" in request.fixturenames:
        refuse_unless_asyncio(request.getfixturevalue("anyio_backend"))
        return SERVED_BY_ANYIO
    marker = request.node.get_closest_marker("asyncio")
    if marker is None or not has_pytest_asyncio(request.config):
        return None
    scope = marker.kwargs.get("loop_scope") or request.config.getini("asyncio_default_test_loop_scope")
    return SERVED_BY_ASYNCIO.format(scope)


def refuse_unless_asyncio(backend: Any) -> None:
    name = backend if isinstance(backend, str) else backend[0]
    if name != "asyncio":
        remedy = "write a fixture `anyio_backend` that returns 'asyncio'"
        pytest.fail(f"A DualApp runs on asyncio, and this test on {name}: {remedy}.", pytrace=False)


def has_pytest_asyncio(config: pytest.Config) -> bool:
    return hasattr(config.option, "asyncio_mode")


def new_served() -> Callable[[Any], AsyncIterator[None]]:
    """Make a function of its own for each fixture, because decorators of fixtures mark functions."""

    async def served(app: Any) -> AsyncIterator[None]:
        async with app.test_app():
            yield

    return served


_dualapp_served_by_anyio = pytest.fixture(name=SERVED_BY_ANYIO)(new_served())


def pytest_configure(config: pytest.Config) -> None:
    """Add the fixtures that depend on other plugins."""
    if has_pytest_asyncio(config):
        import pytest_asyncio

        for scope in SCOPES:
            name = SERVED_BY_ASYNCIO.format(scope)
            add_fixture(config, name, pytest_asyncio.fixture(loop_scope=scope)(new_served()))
    if not any(has_client(plugin) for plugin in config.pluginmanager.get_plugins()):

        @pytest.fixture
        def client(dualapp_client: DualClient) -> DualClient:
            """A test client of the project's `app`, on each of its two entries."""
            return dualapp_client

        add_fixture(config, "client", client)


def has_client(plugin: object) -> bool:
    """Tell whether a plugin, such as pytest-flask, has a fixture `client`; a conftest's overrides ours by itself."""
    path = getattr(plugin, "__file__", None) or ""
    return isinstance(getattr(plugin, "client", None), type(dualapp_entry)) and not path.endswith("conftest.py")


def add_fixture(config: pytest.Config, name: str, fixture: Any) -> None:
    """Add a fixture by a plugin of its own: pytest looks for fixtures in what is registered."""
    plugin = ModuleType(name)
    setattr(plugin, name, fixture)
    config.pluginmanager.register(plugin, f"dualapp: {name}")
