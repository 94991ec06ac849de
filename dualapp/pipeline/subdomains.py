"""Match rules that name a subdomain without `subdomain_matching`, as Quart does.

In Flask such a rule never matches, because each request is matched at the map's default subdomain. Here the subdomain
is read from the Host, if the Host is a subdomain of SERVER_NAME that some rule names. A rule without a subdomain still
matches any Host.
"""

from __future__ import annotations

from typing import Any

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import Map, MapAdapter, WebsocketMismatch

REFUSALS = (NotFound, MethodNotAllowed, WebsocketMismatch)


class SubdomainAdapter(MapAdapter):
    """The URL adapter of a request to a subdomain: its rules are tried first, then the rules without a subdomain."""

    def __init__(self, default: MapAdapter, subdomain: str) -> None:
        """Take the adapter of the default subdomain, which Flask uses for any Host, and the subdomain of the Host."""
        super().__init__(
            default.map,
            default.server_name,
            default.script_name,
            subdomain,
            default.url_scheme,
            default.path_info,
            default.default_method,
            default.query_args,
        )
        self.default = default

    def match(self, *args: Any, **kwargs: Any) -> Any:
        """Match a rule of the subdomain, else one without a subdomain; takes the arguments of `MapAdapter.match`.

        If both refuse the method, the 405 names the methods that either takes.
        """
        try:
            return super().match(*args, **kwargs)
        except REFUSALS as first:
            try:
                return self.default.match(*args, **kwargs)
            except REFUSALS as second:
                raise one_refusal(first, second) from None


def one_refusal(first: HTTPException, second: HTTPException) -> HTTPException:
    """Return one error for two: a 405 with the methods of both, else the one that is not a 404."""
    methods = {method for error in (first, second) for method in getattr(error, "valid_methods", None) or ()}
    if methods:
        return MethodNotAllowed(methods)
    return second if isinstance(first, NotFound) else first


def subdomains_of(url_map: Map) -> frozenset[str]:
    """Return the subdomains that the rules of a map name, without the map's default."""
    return frozenset(rule.subdomain for rule in url_map.iter_rules() if rule.subdomain) - {url_map.default_subdomain}


def at_subdomain(adapter: MapAdapter, host: str) -> MapAdapter:
    """Return the adapter for a Host: of its subdomain if a rule names that one, else `adapter` itself."""
    url_map: Any = adapter.map
    subdomain = host.lower().removesuffix(f".{adapter.server_name}")
    if len(subdomain) == len(host) or url_map.host_matching:
        return adapter
    names = url_map.subdomains if hasattr(url_map, "subdomains") else subdomains_of(url_map)
    is_named = subdomain in names or any("<" in name for name in names)  # one with a variable part may match any
    return SubdomainAdapter(adapter, subdomain) if is_named else adapter
