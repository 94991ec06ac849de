"""Keep the plans of an app: each is made when its endpoint is first needed, and again when it is outdated."""

from __future__ import annotations

from collections.abc import Callable

import flask

from ..crossing.colour import Function
from ..shortcuts.plain_response import PlainResponses
from .class_views import is_mixed
from .generation import Generation
from .home import Home
from .plan import Plan


class PlanCache:
    """The plans of one app for one way to run pipelines."""

    def __init__(
        self,
        app: flask.Flask,
        generation: Generation,
        home_at: Callable[[Home], Home],
        in_thread: Callable[[Function], Function],
    ) -> None:
        """Take two decisions: `home_at` picks a home, `in_thread` makes sync functions awaitable."""
        self.app = app
        self.generation = generation
        self.home_at = home_at
        self.in_thread = in_thread
        self.made_in = -1
        self._plans: dict[str | tuple[str | None, str] | None, Plan] = {}

    def plan_for(self, endpoint: str | None, method: str) -> Plan:
        """Return the plan of an endpoint; make it if there is none of the current generation."""
        if self.made_in != self.generation.number:
            self._renew()
        view = None if endpoint is None else self.app.view_functions.get(endpoint)
        key = (endpoint, method) if is_mixed(view) else endpoint
        if key not in self._plans:
            self._plans[key] = Plan(self, endpoint, method)
        return self._plans[key]

    def _renew(self) -> None:
        number = self.generation.number
        self._forget()
        self.made_in = number

    def _forget(self) -> None:
        """Forget what is outdated: all plans."""
        self._plans = {}  # a new object, because a request in another thread may be adding to the old one
        self.plain_from = PlainResponses(self.app).make
