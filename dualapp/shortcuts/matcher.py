"""Match a request to its rule faster than Werkzeug does, only where the result is certain to be the same.

Werkzeug's matcher is a state machine over the segments of a path: in each state it tries the static transition first,
then the dynamic ones in the order of their weight. `Matcher` is that machine with its patterns compiled. It answers in
two cases: a rule is reached without backtracking, takes the method, and cannot redirect; or no rule matches the path
with this method, which is a 404 or a 405. All else (slashes to add or merge, defaults, hosts, converters that match
more than one segment) is left to Werkzeug.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import Map, Rule, ValidationError
from werkzeug.routing.converters import BaseConverter, IntegerConverter

from ..compat.upstream import converters_of, matcher_root

Match = tuple[Rule, dict[str, Any]]


class State:
    """One state of the machine: the transitions out of it, and the rules for paths that end here."""

    __slots__ = ("dynamic", "endings", "is_lenient", "is_partial", "methods", "static")

    def __init__(self) -> None:
        self.static: dict[str, State] = {}
        self.dynamic: list[tuple[Callable[[str], re.Match[str] | None], list[int] | None, State]] = []
        self.endings: dict[str, Ending] = {}
        #: The methods of the rules that end here; None if a rule takes any method or websockets.
        self.methods: set[str] | None = set()
        #: Whether a rule that ends here also matches with a trailing slash (`strict_slashes=False`).
        self.is_lenient = False
        #: Whether Werkzeug's state has transitions that are not compiled.
        self.is_partial = False

    def refuses(self, method: str) -> bool:
        """Tell whether no rule that ends here takes the method."""
        return self.methods is not None and method not in self.methods


class Matcher:
    """The compiled rules of a map; a new matcher is made when the map changes."""

    def __init__(self, url_map: Map) -> None:
        """Compile `url_map`, unless it matches hosts or subdomains: such a map is left to Werkzeug."""
        url_map.update()
        self._defaulted = {rule.endpoint for rule in url_map.iter_rules() if rule.defaults}
        self.static: dict[tuple[str, str], Rule] = {}
        # The states that static segments alone lead to, by path.
        self._reached: dict[str, State] = {}
        self._root = State()
        #: Whether all rules of the map are compiled, so that a path that matches none is a 404.
        self._has_all_rules = False
        # The first segment of Werkzeug's machine is the domain, empty without host or subdomain matching.
        domains = matcher_root(url_map)
        domain = None if domains is None else domains.static.get("")
        if domain is not None and not url_map.host_matching and not url_map.default_subdomain:
            self._root = self._compile(domain, "")
            self._has_all_rules = not domains.dynamic

    def _compile(self, state: Any, start: str | None) -> State:
        """Compile one of Werkzeug's states; `start` is the static path to it, None if the path has dynamic segments."""
        compiled = State()
        compiled.endings = self._endings(state.rules)
        compiled.methods = methods_of(state.rules)
        compiled.is_lenient = not all(rule.strict_slashes for rule in state.rules)
        for segment, target in state.static.items():
            below = None if start is None else f"{start}{segment}/"
            compiled.static[segment] = self._compile(target, below)
            if below is not None:
                self._note(below[:-1], compiled.static[segment])
        for part, target in state.dynamic:
            if part.final or part.suffixed:
                compiled.is_partial = True
                break  # it matches more than one segment, and would have to be tried before all later ones
            pattern = re.compile(part.content)
            numbers = [number for name, number in pattern.groupindex.items() if name.startswith("__werkzeug_")]
            groups = None if len(numbers) == pattern.groups else numbers  # a converter's regex may have other groups
            compiled.dynamic.append((pattern.match, groups, self._compile(target, None)))
        return compiled

    def _note(self, path: str, state: State) -> None:
        """Index a state, and its plain rules, by the static path that leads to it."""
        self._reached[path] = state
        for method, ending in state.endings.items():
            self.static[method, path] = ending.rule

    def _endings(self, rules: list[Rule]) -> dict[str, Ending]:
        """Return the ending for each method whose first rule is plain."""
        first: dict[str, Ending] = {}
        passed: set[str] = set()
        if any(rule.websocket for rule in rules):
            return first
        for rule in rules:
            if rule.methods is None:
                break  # it takes all methods that the rules before it do not
            for method in rule.methods - first.keys():
                first[method] = Ending(rule, passed - {method})
            passed |= rule.methods
        return {method: ending for method, ending in first.items() if self._is_plain(ending.rule)}

    def _is_plain(self, rule: Rule) -> bool:
        """Tell whether a match of the rule is final: it cannot redirect."""
        return not (rule.build_only or rule.redirect_to or rule.alias or rule.endpoint in self._defaulted)

    def match(self, method: str, path: str) -> Match | None:
        """Return the rule and the view's arguments, None if Werkzeug has to be asked.

        Raises NotFound (404) or MethodNotAllowed (405) if a converter refuses a value, and any error that it raises.
        """
        start, slash, last = path.rpartition("/")
        state = self._reached.get(start) if slash else None
        segments = [last]  # most rules have no dynamic segment but the last
        if state is None:
            state, segments = self._root, path.split("/")
        values: list[str] = []
        for segment in segments:
            target = state.static.get(segment)
            if target is None:
                for match, groups, follower in state.dynamic:
                    if (found := match(segment)) is not None:
                        values += found.groups() if groups is None else [found[number] for number in groups]
                        target = follower
                        break
                else:
                    return None
            state = target
        ending = state.endings.get(method)
        return None if ending is None else ending.match(values)

    def refusal(self, method: str, path: str) -> HTTPException | None:
        """Return the error for a path that no rule takes with this method, None if Werkzeug has to be asked."""
        allowed: set[str] = set()
        # Werkzeug matches a path with repeated slashes again after merging them.
        if not self._has_all_rules or path[:1] != "/" or "//" in path:
            return None
        if not no_rule_takes(self._root, path.split("/"), method.upper(), allowed):
            return None
        return MethodNotAllowed(valid_methods=sorted(allowed)) if allowed else NotFound()


def no_rule_takes(state: State, segments: list[str], method: str, allowed: set[str]) -> bool:
    """Tell whether no rule matches these segments and the method; add the methods of matching rules to `allowed`."""
    if not segments:
        if not state.refuses(method):
            return False
        allowed.update(state.methods or ())
        slashed = state.static.get("")
        return slashed is None or slashed.refuses(method)
    if state.is_partial or (state.is_lenient and segments == [""]):
        return False
    segment, *rest = segments
    target = state.static.get(segment)
    if target is not None and not no_rule_takes(target, rest, method, allowed):
        return False
    return all(
        match(segment) is None or no_rule_takes(follower, rest, method, allowed) for match, _, follower in state.dynamic
    )


def methods_of(rules: list[Rule]) -> set[str] | None:
    """Return the methods of some rules, None if one takes any method or websockets."""
    methods: set[str] = set()
    for rule in rules:
        if rule.methods is None or rule.websocket:
            return None
        methods |= rule.methods
    return methods


class Ending:
    """A rule at the end of a path, with the converters that make view arguments of dynamic segments."""

    __slots__ = ("converters", "passed", "rule")

    def __init__(self, rule: Rule, passed: set[str]) -> None:
        """`passed` are the methods of the rules that Werkzeug tries before this one for the same paths."""
        self.rule = rule
        self.passed = passed
        self.converters = [(name, conversion(converter)) for name, converter in converters_of(rule).items()]

    def match(self, values: list[str]) -> Match:
        """Convert the values; if a converter raises ValidationError, matching ends, as in Werkzeug."""
        arguments: dict[str, Any] = {}
        try:
            for (name, convert), value in zip(self.converters, values):  # noqa: B905 - as many, by construction
                arguments[name] = convert(value)
        except ValidationError:
            raise self.refusal() from None
        return self.rule, arguments

    def refusal(self) -> HTTPException:
        return MethodNotAllowed(valid_methods=sorted(self.passed)) if self.passed else NotFound()


def conversion(converter: BaseConverter) -> Callable[[str], Any]:
    """Return the function that converts a segment: `str` or `int` where Werkzeug's own converter does the same."""
    if type(converter).to_python is BaseConverter.to_python:
        return str
    if type(converter) is IntegerConverter and not converter.fixed_digits and converter.min is converter.max is None:
        return int  # its regex matches digits only
    return converter.to_python
