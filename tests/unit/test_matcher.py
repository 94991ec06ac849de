"""The fast matcher against Werkzeug's: it answers and refuses the same, or stands aside."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from werkzeug.exceptions import HTTPException, MethodNotAllowed, NotFound
from werkzeug.routing import BaseConverter, Map, Rule, ValidationError

from dualapp.shortcuts.matcher import Matcher

SEGMENTS = ["a", "b", "ab", "1", "12", "x.y", "", "é", "-1", "1.5", "me"]
VARIABLES = [
    "<v{n}>",
    "<int:v{n}>",
    "<float:v{n}>",
    "<any(a, b, me):v{n}>",
    "<string(length=2):v{n}>",
    "<int(min=5):v{n}>",
    "<int(signed=True):v{n}>",
    "<path:v{n}>",
    "<picky:v{n}>",
    "<slashed:v{n}>",
    "x-<v{n}>",
    "<v{n}>.<int:w{n}>",
]
METHODS = ["GET", "POST", "PUT", "get", "HEAD", "BREW"]


class Picky(BaseConverter):
    """Takes some segments by its pattern, and refuses some of them by their value."""

    regex = "[a-z]+"

    def to_python(self, value: str) -> str:
        if value == "me":
            raise ValidationError
        return value.upper()


class Slashed(BaseConverter):
    part_isolating = False
    regex = ".+/.+"


@st.composite
def rules(draw: st.DrawFn) -> list[dict[str, Any]]:
    """Rules of a map: up to eight paths, with methods, defaults, redirects and the two ways to treat slashes."""
    parts = st.one_of(st.sampled_from(SEGMENTS[:6]), st.sampled_from(VARIABLES))
    table = []
    for number in range(draw(st.integers(1, 8))):
        segments = [part.format(n=n) for n, part in enumerate(draw(st.lists(parts, max_size=4)))]
        path = "/" + "/".join(segments) + draw(st.sampled_from(["", "/"]) if segments else st.just(""))
        websocket = draw(st.sampled_from([False, False, False, True]))
        methods = [None, ["GET"]] if websocket else [None, ["GET"], ["POST"], ["GET", "PUT"]]
        table.append(
            {
                "string": path,
                "endpoint": draw(st.sampled_from(["one", "two", f"own{number}"])),
                "methods": draw(st.sampled_from(methods)),
                "strict_slashes": draw(st.sampled_from([None, True, False])),
                "merge_slashes": draw(st.sampled_from([None, True, False])),
                "defaults": draw(st.sampled_from([None, None, None, {"d": 1}])),
                "redirect_to": draw(st.sampled_from([None, None, None, None, "elsewhere"])),
                "build_only": draw(st.sampled_from([False, False, False, True])),
                "websocket": websocket,
                "alias": draw(st.sampled_from([False, False, False, True])),
                "subdomain": draw(st.sampled_from([None, None, None, None, None, "www", "<lazy:domain>"])),
            }
        )
    return table


paths = st.lists(st.sampled_from(SEGMENTS), max_size=5).map(lambda segments: "/" + "/".join(segments))


class Lazy(BaseConverter):
    """Takes nothing, too."""

    part_isolating = True
    regex = ".*"


def map_of(table: list[dict[str, Any]], **options: Any) -> Map:
    return Map(
        [Rule(**rule) for rule in table], converters={"picky": Picky, "slashed": Slashed, "lazy": Lazy}, **options
    )


@settings(max_examples=200)
@given(rules(), st.lists(paths, min_size=1, max_size=12), st.sampled_from(METHODS))
def test_it_answers_as_werkzeug_or_stands_aside(table: list[dict[str, Any]], asked: list[str], method: str) -> None:
    url_map = map_of(table)
    matcher = Matcher(url_map)
    adapter = url_map.bind("localhost")
    for path in asked:
        try:
            match = matcher.match(method, path)
        except HTTPException as refusal:  # a converter has refused a value
            with pytest.raises(type(refusal)):
                adapter.match(path, method)
            continue
        if match is not None:
            assert match == adapter.match(path, method, return_rule=True)


@settings(max_examples=400)
@given(rules(), st.booleans(), st.lists(paths, min_size=1, max_size=12), st.sampled_from(METHODS))
def test_it_refuses_as_werkzeug_or_stands_aside(
    table: list[dict[str, Any]], merge_slashes: bool, asked: list[str], method: str
) -> None:
    url_map = map_of(table, merge_slashes=merge_slashes)
    matcher = Matcher(url_map)
    adapter = url_map.bind("localhost")
    for path in asked:
        if refusal := matcher.refusal(method, path):
            assert matcher.match(method, path) is None
            with pytest.raises(type(refusal)) as raised:
                adapter.match(path, method)
            assert methods_of(refusal) == methods_of(raised.value)


def methods_of(error: HTTPException) -> list[str]:
    return sorted(error.valid_methods or ()) if isinstance(error, MethodNotAllowed) else []


REFUSING = [
    {"string": "/", "endpoint": "root", "methods": ["GET"]},
    {"string": "/person/<int:id>", "endpoint": "show", "methods": ["GET"]},
    {"string": "/person/<name>", "endpoint": "change", "methods": ["PUT"]},
    {"string": "/person/me", "endpoint": "me", "methods": ["DELETE"]},
    {"string": "/wide/", "endpoint": "wide", "methods": ["GET"]},
    {"string": "/lenient", "endpoint": "lenient", "methods": ["GET"], "strict_slashes": False},
    {"string": "/static/<path:name>", "endpoint": "static", "methods": ["GET"]},
    {"string": "/any", "endpoint": "any"},
    {"string": "/socket", "endpoint": "socket", "methods": ["GET"], "websocket": True},
]


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/nothing", []),
        ("GET", "/person", []),
        ("GET", "/person/7/pets", []),
        ("GET", "/lenient/x", []),
        ("POST", "/", ["GET", "HEAD"]),
        ("PATCH", "/lenient", ["GET", "HEAD"]),
        ("POST", "/wide/", ["GET", "HEAD"]),
        ("POST", "/wide", []),
        ("PUT", "/person/7", None),
        ("POST", "/person/7", ["GET", "HEAD", "PUT"]),
        ("GET", "/person/x", ["PUT"]),
        ("POST", "/person/me", ["DELETE", "PUT"]),
        ("GET", "/wide", None),
        ("GET", "/lenient/", None),
        ("POST", "/lenient/", None),
        ("POST", "/static/x", None),
        ("GET", "/static", []),
        ("GET", "/any", None),
        ("GET", "/socket", None),
        ("GET", "//nothing", None),
        ("GET", "/person//7", None),
        ("GET", "", None),
        ("GET", "nothing", None),
    ],
)
def test_it_is_sure_of_what_no_rule_takes(method: str, path: str, allowed: list[str] | None) -> None:
    refusal = Matcher(map_of(REFUSING)).refusal(method, path)
    if allowed is None:
        assert refusal is None
    else:
        assert type(refusal) is (MethodNotAllowed if allowed else NotFound)
        assert methods_of(refusal) == allowed


def test_a_domain_that_may_be_empty_is_werkzeugs() -> None:
    here = {"string": "/here", "endpoint": "here", "methods": ["GET"]}
    there = {"string": "/there", "endpoint": "there", "methods": ["GET"], "subdomain": "<lazy:domain>"}
    assert Matcher(map_of([here])).refusal("GET", "/there")
    assert Matcher(map_of([here, there])).refusal("GET", "/there") is None
    assert map_of([here, there]).bind("localhost").match("/there") == ("there", {"domain": ""})


def test_each_refusal_is_its_own() -> None:
    """It gets a traceback, and handlers may write on it."""
    matcher = Matcher(map_of(REFUSING))
    assert matcher.refusal("GET", "/nothing") is not matcher.refusal("GET", "/nothing")


@pytest.mark.parametrize(
    ("path", "arguments"),
    [
        ("/", {}),
        ("/person/me", {}),
        ("/person/7", {"id": 7}),
        ("/person/simon", {"name": "simon"}),
        ("/person/7/pets/rex", {"id": 7, "pet": "rex"}),
        ("/temperature/3.5", {"degrees": 3.5}),
        ("/files/x.7", {"name": "x", "number": 7}),
    ],
)
def test_it_is_sure_of_plain_rules(path: str, arguments: dict[str, Any]) -> None:
    names = ["/", "/person/me", "/person/<int:id>", "/person/<name>", "/person/<int:id>/pets/<pet>"]
    url_map = Map([Rule(name, endpoint=name) for name in [*names, "/temperature/<float:degrees>"]])
    url_map.add(Rule("/files/<name>.<int:number>", endpoint="files", methods=["GET"]))
    for rule in url_map.iter_rules():
        rule.methods = {"GET", "HEAD", "OPTIONS"}
    match = Matcher(url_map).match("GET", path)
    assert match is not None
    assert match == url_map.bind("localhost").match(path, "GET", return_rule=True)
    assert match[1] == arguments


@pytest.mark.parametrize("path", ["/nothing", "/person", "/person/", "//person//7", "/person/7/", "/by/path/7", "/old"])
def test_it_leaves_the_rest_to_werkzeug(path: str) -> None:
    url_map = map_of(
        [
            {"string": "/person/<int:id>", "endpoint": "person", "methods": ["GET"]},
            {"string": "/by/<path:rest>", "endpoint": "by", "methods": ["GET"]},
            {"string": "/old", "endpoint": "old", "methods": ["GET"], "redirect_to": "new"},
        ]
    )
    assert Matcher(url_map).match("GET", path) is None
    with pytest.raises(HTTPException) if path != "/by/path/7" else pytest.raises(AssertionError):
        url_map.bind("localhost").match(path, "GET")
        raise AssertionError


@pytest.mark.parametrize("options", [{"host_matching": True}, {"default_subdomain": "www"}])
def test_hosts_and_subdomains_are_werkzeugs(options: dict[str, Any]) -> None:
    matcher = Matcher(Map([Rule("/", endpoint="index", methods=["GET"])], **options))
    assert matcher.match("GET", "/") is None
    assert matcher.refusal("GET", "/nothing") is None
