"""Which rule answers a request, found faster than Werkzeug finds it, and only where it would find the same.

Werkzeug's matcher is a state machine over the segments of a path: in each state it tries the static transition first,
then the dynamic ones in the order of their weight. `Matcher` is that machine with its patterns compiled. It says only
what it is sure of: a rule that is reached without ever having to go back, takes the method, and has nothing about it
that might make a redirect. Whatever else there is (no match, another method, slashes to add or merge, defaults, hosts,
converters that take more than one segment) it leaves to Werkzeug.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from werkzeug.routing import Map, Rule
from werkzeug.routing.converters import ValidationError

Match = tuple[Rule, dict[str, Any]]


class State:
    """One state of the machine: the transitions out of it, and what answers a path that ends here."""

    __slots__ = ("dynamic", "endings", "static")

    def __init__(self) -> None:
        self.static: dict[str, State] = {}
        self.dynamic: list[tuple[Callable[[str], re.Match[str] | None], list[int], State]] = []
        self.endings: dict[str, Rule] = {}


class Matcher:
    """The rules of a map, as they are when the first request comes."""

    def __init__(self, url_map: Map) -> None:
        """Compile `url_map`; one that matches hosts or subdomains is left to Werkzeug altogether."""
        url_map.update()
        self._defaulted = {
            endpoint for endpoint, rules in url_map._rules_by_endpoint.items() if any(rule.defaults for rule in rules)
        }
        self._static: dict[tuple[str, str], Rule] = {}
        self._root = State()
        # The first segment of Werkzeug's machine is the domain, empty where neither hosts nor subdomains matter.
        domain = url_map._matcher._root.static.get("")
        if domain is not None and not url_map.host_matching and not url_map.default_subdomain:
            self._root = self._compile(domain, None)

    def _compile(self, state: Any, path: str | None) -> State:
        """Copy a state of Werkzeug's, and collect those paths that are all static."""
        compiled = State()
        compiled.endings = self._endings(state.rules)
        for segment, target in state.static.items():
            below = segment if path is None else f"{path}/{segment}"
            compiled.static[segment] = self._compile(target, below)
            for method, rule in compiled.static[segment].endings.items():
                if not rule._converters:
                    self._static[method, below] = rule
        for part, target in state.dynamic:
            if part.final or part.suffixed:
                break  # it takes more than a segment, and what comes after it can only be second to it
            pattern = re.compile(part.content)
            groups = [number for name, number in pattern.groupindex.items() if name.startswith("__werkzeug_")]
            compiled.dynamic.append((pattern.match, groups, self._compile(target, "<>")))
        return compiled

    def _endings(self, rules: list[Rule]) -> dict[str, Rule]:
        """Return which rule answers which method, where the first that takes it is a plain one."""
        first: dict[str, Rule] = {}
        for rule in rules:
            if rule.methods is None:
                break  # it takes whatever the ones before it do not
            for method in rule.methods:
                first.setdefault(method, rule)
        return {method: rule for method, rule in first.items() if self._is_plain(rule)}

    def _is_plain(self, rule: Rule) -> bool:
        """Tell whether a match of the rule is an answer, and can make no redirect."""
        return not (
            rule.build_only or rule.websocket or rule.redirect_to or rule.alias or rule.endpoint in self._defaulted
        )

    def match(self, method: str, path: str) -> Match | None:
        """Return the rule and the view's arguments, None if Werkzeug has to be asked."""
        rule = self._static.get((method, path))
        if rule is not None:
            return rule, {}
        return self._match_segments(method, path.split("/"))

    def _match_segments(self, method: str, segments: list[str]) -> Match | None:
        state, values = self._root, []
        for segment in segments:
            target = state.static.get(segment)
            if target is None:
                for match, groups, follower in state.dynamic:
                    if (found := match(segment)) is not None:
                        values += [found[number] for number in groups]
                        target = follower
                        break
                else:
                    return None
            state = target
        rule = state.endings.get(method)
        return None if rule is None else convert(rule, values)


def convert(rule: Rule, values: list[str]) -> Match | None:
    """Make arguments of the texts in a path; None if a converter refuses, since another rule may match then."""
    arguments: dict[str, Any] = {}
    try:
        for (name, converter), value in zip(rule._converters.items(), values, strict=True):
            arguments[name] = converter.to_python(value)
    except ValidationError:
        return None
    return rule, arguments
