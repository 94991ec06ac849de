"""A driver that forgives proves nothing: each of these broken apps must be told so."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from .entry_driver import Ask, Client, Violation, environ_of, scope_of

PLAIN = [("Content-Type", "text/plain")]


def wsgi(app: Any) -> Client:
    return Client(SimpleNamespace(wsgi=app), "wsgi")


def asgi(*messages: dict[str, Any]) -> Client:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        for message in messages:
            await send(message)

    return Client(SimpleNamespace(asgi=app), "asgi")


def start(*headers: tuple[bytes, bytes], status: int = 200) -> dict[str, Any]:
    return {"type": "http.response.start", "status": status, "headers": headers}


def body(data: bytes = b"", more: bool = False) -> dict[str, Any]:
    return {"type": "http.response.body", "body": data, "more_body": more}


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [start()],
        [body()],
        [start(), start()],
        [start(), body(more=True)],
        [start(), body(), body()],
        [start((b"X-Upper", b"1")), body()],
        [start((b"x-newline", b"a\nb")), body()],
        [start((b"content-length", b"3")), body(b"12")],
        [start((b"content-length", b"0"), status=204), body()],
        [start(status=304), body(b"x")],
        [{**start(), "reason": "OK"}, body()],
        [start(), {**body(), "more_body": 0}],
    ],
)
def test_asgi_messages_out_of_order(messages: list[dict[str, Any]]) -> None:
    with pytest.raises(Violation):
        asgi(*messages).get("/")


@pytest.mark.parametrize(
    ("status", "headers", "chunks"),
    [
        ("200", [], [b""]),
        ("200 OK", tuple(PLAIN), [b""]),
        ("200 OK", [("x-newline", "a\nb")], [b""]),
        ("200 OK", [("x-bytes", b"a")], [b""]),
        ("200 OK", [("Content-Length", "3")], [b"12"]),
        ("204 No Content", [("Content-Length", "0")], []),
        ("304 Not Modified", [], [b"x"]),
        ("200 OK", PLAIN, ["text"]),
    ],
)
def test_wsgi_answers_out_of_order(status: str, headers: Any, chunks: Any) -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response(status, headers)
        return chunks

    with pytest.raises(Violation):
        wsgi(app).get("/")


def test_wsgi_start_response_never_or_twice() -> None:
    def twice(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        try:
            start_response("200 OK", [])
        except Violation:
            return []

    for app in (twice, lambda environ, start_response: []):
        with pytest.raises(Violation):
            wsgi(app).get("/")


def test_a_client_may_leave_at_once() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.append(await receive())
        await send(start())
        await send(body(b"nobody gets it"))

    def wsgi_app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", PLAIN)
        try:
            yield b"nobody gets it"
        finally:
            seen.append("closed")

    seen: list[Any] = []
    assert Client(SimpleNamespace(asgi=app), "asgi").get("/", leave=0).chunks == []
    assert wsgi(wsgi_app).get("/", leave=0).chunks == []
    assert seen == [{"type": "http.disconnect"}]  # a generator that has not begun has nothing to close


def test_a_body_for_head_is_refused() -> None:
    with pytest.raises(Violation):
        asgi(start(), body(b"x")).head("/")


def test_what_escapes_is_kept_with_what_was_sent() -> None:
    def app(environ: Any, start_response: Any) -> Any:
        start_response("200 OK", [])
        yield b"x"
        raise LookupError

    answer = wsgi(app).get("/", escapes=True)
    assert (answer.body, type(answer.error), answer.complete) == (b"x", LookupError, False)
    with pytest.raises(LookupError):
        wsgi(app).get("/")


def test_both_servers_read_the_same_request_from_the_wire() -> None:
    ask = Ask("POST", "/app/caf%C3%A9?q=%20", [("X-A", "1"), ("x-a", "2"), ("X_A", "3")], b"body", root="/app")
    environ, scope = environ_of(ask), scope_of(ask)
    assert (environ["SCRIPT_NAME"], environ["PATH_INFO"]) == ("/app", "/caf\xc3\xa9")
    assert (scope["root_path"], scope["path"], scope["raw_path"]) == ("/app", "/app/café", b"/app/caf%C3%A9")
    assert environ["QUERY_STRING"].encode() == scope["query_string"] == b"q=%20"
    assert environ["HTTP_X_A"] == "1,2"
    assert [value for name, value in scope["headers"] if name == b"x-a"] == [b"1", b"2"]
    assert environ["CONTENT_LENGTH"] == "4"
    assert environ["wsgi.input"].read() == b"body"


def test_a_chunked_body_arrives_in_chunks_and_a_truncated_one_does_not_end() -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        seen.extend([await receive(), await receive()])
        raise LookupError

    seen: list[dict[str, Any]] = []
    client = Client(SimpleNamespace(asgi=app), "asgi")
    client.post("/", body=[b"a", b"b"], escapes=True)
    client.post("/", body=[b"a"], truncated=True, escapes=True)
    assert seen == [
        {"type": "http.request", "body": b"a", "more_body": True},
        {"type": "http.request", "body": b"b", "more_body": False},
        {"type": "http.request", "body": b"a", "more_body": True},
        {"type": "http.disconnect"},
    ]
    with pytest.raises(OSError, match="within a chunk"):
        environ_of(Ask("POST", body=[b"a"], truncated=True))["wsgi.input"].read()
