"""A pytest plugin: puts DualApp in the place of a framework's class before a suite imports it, and notes outcomes."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from greenlet._greenlet import enable_optional_cleanup

from dualapp import DualApp
from dualapp.testing import DualClient


def asking(entry: str) -> type[DualApp]:
    """Return a class of apps whose test clients drive one entry, whichever code uses them."""

    class Client(DualClient):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            super().__init__(*args, **{"entry": entry, **kwargs})

    return type("App", (DualApp,), {"test_client_class": Client})


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("dualapp")
    group.addoption("--app", choices=["plain", "wsgi", "asgi"], required=True, help="the class to use, and its entry")
    group.addoption("--instead-of", default="flask.Flask", help="the class that it is used instead of")
    group.addoption("--outcomes", type=Path, required=True, help="where to write the outcome of each test")


@pytest.hookimpl(tryfirst=True)
def pytest_load_initial_conftests(early_config: pytest.Config) -> None:
    """Swap the class before the first module of the suite, a conftest.py, can import it."""
    options = early_config.known_args_namespace
    if options.app != "plain":
        module, _, name = options.instead_of.rpartition(".")
        setattr(import_module(module), name, asking(options.app))


def pytest_configure(config: pytest.Config) -> None:
    # Flask's tests make greenlets in views, here in threads of the app's pool, which end when the garbage collector has
    # found the app. greenlet 3.5.6 looks with `gc.get_referrers`, which does not see garbage, for what refers to the
    # main greenlet of an ended thread, and frees it though a greenlet in there does: the collector crashes. It does so
    # with `ThreadPoolExecutor`, too.
    enable_optional_cleanup(False)
    config.pluginmanager.register(Outcomes(config.getoption("outcomes")))


class Outcomes:
    """What became of each test: "failed" or "skipped" if one of its phases did, otherwise "passed"."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.outcomes: dict[str, str] = {}

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.when == "setup" or report.outcome != "passed":
            self.outcomes[report.nodeid] = report.outcome

    def pytest_sessionfinish(self) -> None:
        self.path.write_text(json.dumps(self.outcomes))
