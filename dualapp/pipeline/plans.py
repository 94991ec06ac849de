"""The plans of one app for one entry: made at the first request of each endpoint, found at each later one."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import flask
from werkzeug.exceptions import HTTPException

from ..compat.upstream import accepts_registration, refuse_registration
from ..shortcuts.matcher import Matcher
from ..shortcuts.plain_response import PlainResponses
from ..shortcuts.switches import is_on
from ..wrappers.sync_request import Request
from .class_views import is_mixed
from .generation import Generation, RuleMap
from .home import Home
from .overrides import is_replaced
from .plan import Plan

if TYPE_CHECKING:
    from werkzeug.routing import Rule

    from .context import Context
    from .hooks import Hook

#: Clients say which host they mean, and may say anything.
MOST_HOSTS = 256


class Plans:
    """The plans of one app for one entry."""

    def __init__(
        self,
        app: flask.Flask,
        generation: Generation,
        home_at: Callable[[Home], Home],
        to_thread: Callable[[Hook], Hook],
    ) -> None:
        """Take what the entry decides: where a pipeline runs, and how a pipeline on the loop calls sync functions."""
        self.app = app
        self.app_generation = generation
        self.home_at = home_at
        self.to_thread = to_thread
        self.generation = -1
        self._plans: dict[str | tuple[str | None, str] | None, Plan] = {}
        # What was found before for a method and a path that is all static.
        self._static: dict[tuple[str, str], tuple[Rule, Plan]] = {}
        self._known_hosts: set[str | bytes | None] = set()

    def find(self, context: Context) -> Plan:
        """Find the rule for a request, or why there is none, and return the plan for it."""
        if self.generation != self.app_generation.number:
            self._renew()
        exchange = context.exchange
        # Only where Werkzeug has nothing against the host, and there is no request object yet that is to know the rule.
        if exchange.host in self._known_hosts and not (exchange.upgrades or context.request_observed):
            known = self._static.get((exchange.method, exchange.path))
            if known is not None:
                context.rule, plan = known
                context.view_args = {}
                return plan
            self._match(context)
        if context.rule is None and context.routing_exception is None and context.routing_failure is None:
            self._ask_werkzeug(context)
        endpoint = None if context.rule is None else context.rule.endpoint
        return self._plans.get(endpoint) or self.plan_for(endpoint, exchange.method)

    def plan_for(self, endpoint: str | None, method: str) -> Plan:
        """Return the plan of an endpoint; make it if there is none of this generation."""
        if self.generation != self.app_generation.number:
            self._renew()
        view = None if endpoint is None else self.app.view_functions.get(endpoint)
        key = (endpoint, method) if is_mixed(view) else endpoint
        if key not in self._plans:
            self._plans[key] = Plan(self, endpoint, method)
        return self._plans[key]

    def _renew(self) -> None:
        """Forget all plans, since something that they were made of has changed; refuse registration from now on."""
        if accepts_registration(self.app):
            refuse_registration(self.app)
        self.app.url_map.update()  # sorts rules that were added, which is a change as well
        generation = self.app_generation.number
        # New ones, since a request in another thread may be adding to the old ones.
        self._plans, self._static, self._known_hosts = {}, {}, set()
        self.plain_from = PlainResponses(self.app).make
        self._short_matcher = Matcher(self.app.url_map)
        self._is_fast = is_on(self.app, "matcher") and can_match_fast(self.app)
        self.generation = generation

    def _match(self, context: Context) -> None:
        """Find the rule by the short way, or be sure that there is none; neither if it is not sure."""
        method, path, static = context.exchange.method, context.exchange.path, self._static
        try:
            match = self._short_matcher.match(method, path)
        except HTTPException as error:
            context.refuse(error)
            return
        except Exception as error:  # a converter's own
            context.routing_failure = error
            return
        if match is None:
            if (refusal := self._short_matcher.refusal(method, path)) is not None:
                context.refuse(refusal)
            return
        context.rule, context.view_args = match
        if not context.view_args and (method, path) in self._short_matcher.static:
            static[method, path] = context.rule, self.plan_for(context.rule.endpoint, method)

    def _ask_werkzeug(self, context: Context) -> None:
        context.route()
        if self._is_fast and context.url_adapter is not None:
            if len(self._known_hosts) >= MOST_HOSTS:
                self._known_hosts.clear()
            self._known_hosts.add(context.exchange.host)


def can_match_fast(app: flask.Flask) -> bool:
    """Tell whether only the method and the path decide which rule answers."""
    request_class: Any = app.request_class
    return not (
        type(app.url_map) is not RuleMap
        or app.subdomain_matching
        or app.config["TRUSTED_HOSTS"] is not None
        or request_class.trusted_hosts
        or request_class.__init__ is not Request.__init__  # another may rewrite what it is made of
        or is_replaced(app, "create_url_adapter")
    )
