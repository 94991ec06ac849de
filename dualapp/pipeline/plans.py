"""Match requests, and find their plans: each entry has its own."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import flask
from werkzeug.exceptions import HTTPException

from ..compat.upstream import accepts_registration, refuse_registration
from ..crossing.colour import Function
from ..shortcuts.matcher import Matcher
from ..shortcuts.switches import is_on
from ..wrappers.faces import close_request, sync_face
from ..wrappers.sync_request import Request
from .calls import ERRORS, as_exception
from .generation import Generation, RuleMap
from .home import Home
from .overrides import is_replaced
from .plan import Plan
from .plan_cache import PlanCache

if TYPE_CHECKING:
    from werkzeug.routing import Rule

    from .context import Context

#: A limit to what is kept: clients may send any Host header.
MOST_HOSTS = 256


class Plans(PlanCache):
    """The plans of one app for one entry."""

    def __init__(
        self,
        app: flask.Flask,
        generation: Generation,
        home_at: Callable[[Home], Home],
        in_thread: Callable[[Function], Function],
    ) -> None:
        """Take the entry's two decisions, as `PlanCache` does."""
        super().__init__(app, generation, home_at, in_thread)
        # Cached matches, by method and path, of rules without arguments.
        self._static: dict[tuple[str, str], tuple[Rule, Plan]] = {}
        self._known_hosts: set[str | bytes | None] = set()

    def find(self, context: Context) -> Plan:
        """Match a request, or keep the error that says why no rule matches; return its plan."""
        if self.made_in != self.generation.number:
            self._renew()
        exchange = context.exchange
        # Only if Werkzeug has accepted the host before and no request object exists, which would need the rule.
        if exchange.host in self._known_hosts and not (exchange.upgrades or context.request_observed):
            cached = self._static.get((exchange.method, exchange.path))
            if cached is not None:
                context.rule, plan = cached
                context.view_args = {}
                return plan
            self._match(context)
        if context.rule is None and context.routing_exception is None and context.routing_failure is None:
            self._ask_werkzeug(context)
        endpoint = None if context.rule is None else context.rule.endpoint
        return self._plans.get(endpoint) or self.plan_for(endpoint, exchange.method)

    def _renew(self) -> None:
        """Forget what is outdated; from now on the app refuses registration."""
        if accepts_registration(self.app):
            refuse_registration(self.app)
        self.app.url_map.update()  # sorts added rules, which itself advances the generation
        super()._renew()

    def _forget(self) -> None:
        super()._forget()
        self._static, self._known_hosts = {}, set()
        self._short_matcher = Matcher(self.app.url_map)
        self._is_fast = is_on(self.app, "matcher") and can_match_fast(self.app)

    def _match(self, context: Context) -> None:
        """Match with the shortcut; if it is not sure of the rule or of the error, leave the context unchanged."""
        method, path, static = context.exchange.method, context.exchange.path, self._static
        try:
            match = self._short_matcher.match(method, path)
        except HTTPException as error:
            context.refuse(error)
            return
        except ERRORS as error:  # a converter's own
            context.routing_failure = as_exception(error)
            return
        if match is None:
            if (refusal := self._short_matcher.refusal(method, path)) is not None:
                context.refuse(refusal)
            return
        context.rule, context.view_args = match
        if not context.view_args and (method, path) in self._short_matcher.static:
            static[method, path] = context.rule, self.plan_for(context.rule.endpoint, method)

    def _ask_werkzeug(self, context: Context) -> None:
        if self._is_fast and self.app.request_class is Request and not context.request_observed:
            # Nobody else sees this request object, so it is not kept: `get_json` and others may need none.
            request = sync_face(context)
            context.url_adapter = context.adapter_for(request)
            close_request(request)
        context.route()
        if self._is_fast and context.url_adapter is not None:
            if len(self._known_hosts) >= MOST_HOSTS:
                self._known_hosts.clear()
            self._known_hosts.add(context.exchange.host)


def can_match_fast(app: flask.Flask) -> bool:
    """Tell whether the method and the path alone decide which rule matches."""
    request_class: Any = app.request_class
    return not (
        type(app.url_map) is not RuleMap
        or app.subdomain_matching
        or (app.config["SERVER_NAME"] is not None and app.url_map.subdomains)
        or app.config["TRUSTED_HOSTS"] is not None
        or request_class.trusted_hosts
        or request_class.__init__ is not Request.__init__  # another may rewrite the environ
        or is_replaced(app, "create_url_adapter")
    )
