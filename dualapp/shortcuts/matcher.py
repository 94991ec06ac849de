"""Find the rule for a request faster than Werkzeug does, and only where Werkzeug would find the same.

Werkzeug's matcher is a state machine over the segments of a path: in each state it tries the static transition first,
then the dynamic ones in the order of their weight. `Matcher` is that machine with its patterns compiled. It says only
what it is sure of: a rule that is reached without ever having to go back, takes the method, and has nothing about it
that might make a redirect; or that there is no such rule anywhere, and which other methods the path takes. Whatever
else there is (slashes to add or merge, defaults, hosts, converters that take more than one segment) it leaves to
Werkzeug.
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
    """One state of the machine: the transitions out of it, and what answers a path that ends here."""

    __slots__ = ("dynamic", "endings", "is_lenient", "is_partial", "methods", "static")

    def __init__(self) -> None:
        self.static: dict[str, State] = {}
        self.dynamic: list[tuple[Callable[[str], re.Match[str] | None], list[int] | None, State]] = []
        self.endings: dict[str, Ending] = {}
        #: What the rules that end here take; None if it is not only the method that decides.
        self.methods: set[str] | None = set()
        #: Whether a rule that ends here takes a path with one slash more, too.
        self.is_lenient = False
        #: Whether there are more transitions than these.
        self.is_partial = False

    def refuses(self, method: str) -> bool:
        """Tell whether no rule that ends here takes a method."""
        return self.methods is not None and method not in self.methods


class Matcher:
    """The rules of a map, as they are when the first request comes."""

    def __init__(self, url_map: Map) -> None:
        """Compile `url_map`; one that matches hosts or subdomains is left to Werkzeug altogether."""
        url_map.update()
        self._defaulted = {rule.endpoint for rule in url_map.iter_rules() if rule.defaults}
        self.static: dict[tuple[str, str], Rule] = {}
        # The states that are reached by static segments alone, by the path that leads there.
        self._reached: dict[str, State] = {}
        self._root = State()
        #: Whether all rules of the map are compiled, so that a path which none of them takes is a 404.
        self._has_all_rules = False
        # The first segment of Werkzeug's machine is the domain, empty where neither hosts nor subdomains matter.
        domains = matcher_root(url_map)
        domain = None if domains is None else domains.static.get("")
        if domain is not None and not url_map.host_matching and not url_map.default_subdomain:
            self._root = self._compile(domain, "")
            self._has_all_rules = not domains.dynamic

    def _compile(self, state: Any, start: str | None) -> State:
        """Copy a state of Werkzeug's that paths with this `start` lead to, None if not only static segments do."""
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
                break  # it takes more than a segment, and what comes after it can only be second to it
            pattern = re.compile(part.content)
            numbers = [number for name, number in pattern.groupindex.items() if name.startswith("__werkzeug_")]
            groups = None if len(numbers) == pattern.groups else numbers  # a converter may have groups of its own
            compiled.dynamic.append((pattern.match, groups, self._compile(target, None)))
        return compiled

    def _note(self, path: str, state: State) -> None:
        """Take note of a state that a static path leads to, and of what answers there."""
        self._reached[path] = state
        for method, ending in state.endings.items():
            self.static[method, path] = ending.rule

    def _endings(self, rules: list[Rule]) -> dict[str, Ending]:
        """Return what answers which method, where the first rule that takes it is a plain one."""
        first: dict[str, Ending] = {}
        passed: set[str] = set()
        if any(rule.websocket for rule in rules):
            return first
        for rule in rules:
            if rule.methods is None:
                break  # it takes whatever the ones before it do not
            for method in rule.methods - first.keys():
                first[method] = Ending(rule, passed - {method})
            passed |= rule.methods
        return {method: ending for method, ending in first.items() if self._is_plain(ending.rule)}

    def _is_plain(self, rule: Rule) -> bool:
        """Tell whether a match of the rule is an answer, and can make no redirect."""
        return not (rule.build_only or rule.redirect_to or rule.alias or rule.endpoint in self._defaulted)

    def match(self, method: str, path: str) -> Match | None:
        """Return the rule and the view's arguments, None if Werkzeug has to be asked.

        Raises NotFound or MethodNotAllowed if a converter refuses, and what else a converter raises.
        """
        start, slash, last = path.rpartition("/")
        state = self._reached.get(start) if slash else None
        segments = [last]  # most rules are dynamic in their last segment, if at all
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
        # Werkzeug looks at the path again with its slashes merged.
        if not self._has_all_rules or path[:1] != "/" or "//" in path:
            return None
        if not refuses(self._root, path.split("/"), method.upper(), allowed):
            return None
        return MethodNotAllowed(valid_methods=sorted(allowed)) if allowed else NotFound()


def refuses(state: State, segments: list[str], method: str, allowed: set[str]) -> bool:
    """Tell whether no rule takes these segments from this state on; gather the methods of those that end with them."""
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
    if target is not None and not refuses(target, rest, method, allowed):
        return False
    return all(
        match(segment) is None or refuses(follower, rest, method, allowed) for match, _, follower in state.dynamic
    )


def methods_of(rules: list[Rule]) -> set[str] | None:
    """Return what rules take, None if one takes any method or has to do with websockets."""
    methods: set[str] = set()
    for rule in rules:
        if rule.methods is None or rule.websocket:
            return None
        methods |= rule.methods
    return methods


class Ending:
    """A rule that answers a path, and how the texts in the path become its view's arguments."""

    __slots__ = ("converters", "passed", "rule")

    def __init__(self, rule: Rule, passed: set[str]) -> None:
        """Take the rule, and the methods of the rules before it, which take the same paths."""
        self.rule = rule
        self.passed = passed
        self.converters = [(name, conversion(converter)) for name, converter in converters_of(rule).items()]

    def match(self, values: list[str]) -> Match:
        """Make arguments of the texts; a converter that refuses ends the search, as it ends Werkzeug's."""
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
    """Return what makes a value of a text: a built-in function, where Werkzeug's own converter does no more."""
    if type(converter).to_python is BaseConverter.to_python:
        return str
    if type(converter) is IntegerConverter and not converter.fixed_digits and converter.min is converter.max is None:
        return int  # a text of digits alone
    return converter.to_python
