"""Bodies that are not what they say: the same answer everywhere, and the next request is fine."""

from __future__ import annotations

import io
from typing import Any

import pytest
from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from dualapp import DualApp, g, request

from ..conftest import Paint, Serve
from .apps import FORM, JSON, MULTIPART, ask, reading


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[1,]", b"{'a': 1}", b"\xff\xfe", b"nul", b'"\xc3"'], ids=lambda b: b[:8].hex()
)
def test_broken_json_is_a_400(serve: Serve, body: bytes) -> None:
    client = serve.shared(reading)
    assert ask(client, "POST", "/json", [JSON], body).status == 400
    assert ask(client, "POST", "/silent", [JSON], body).json() == {"got": None}


def test_json_deeper_than_the_parser_goes(serve: Serve) -> None:
    """A RecursionError is no ValueError, so Flask takes it for an error of the view."""
    assert ask(serve(reading), "POST", "/json", [JSON], b"[" * 100_000).status == 500


@pytest.mark.parametrize("kind", ["text/plain", "application/x-json", "application/jsonx", "", "json"])
def test_another_media_type_is_a_415(serve: Serve, kind: str) -> None:
    client = serve.shared(reading)
    assert ask(client, "POST", "/json", [("Content-Type", kind)], b"[1]").status == 415
    assert ask(client, "POST", "/json", [], b"[1]").status == 415
    assert ask(client, "POST", "/silent", [("Content-Type", kind)], b"[1]").json() == {"got": None}


BROKEN = [
    b"",
    b"no parts",
    b"--cut",
    b"--cut\r\n",
    b"--cut\r\nContent-Disposition: form-data; name=a\r\n",
    b"--cut\r\nContent-Disposition: form-data; name=a\r\n\r\nvalue",
    b"--cut\r\nContent-Disposition: form-data; name=a\r\n\r\nvalue\r\n--cut",
    b"--cut\r\nContent-Disposition: form-data\r\n\r\nnameless\r\n--cut--\r\n",
    b"--cut\r\n\r\nwithout headers\r\n--cut--\r\n",
    b"--cut\r\nContent-Disposition: form-data; name=a\r\nno colon\r\n\r\nv\r\n--cut--\r\n",
    b"--cut\r\nContent-Disposition: form-data; name=a; filename=\xff\r\n\r\nv\r\n--cut--\r\n",
    b"--other\r\nContent-Disposition: form-data; name=a\r\n\r\nv\r\n--other--\r\n",
    b"preamble\r\n--cut\r\nContent-Disposition: form-data; name=a\r\n\r\nv\r\n--cut--\r\nepilogue",
]


def is_readable(kind: str, body: bytes) -> bool:
    """Whether Werkzeug's parser can make sense of a body; Flask has it keep quiet when it cannot."""
    mimetype, options = parse_options_header(kind)
    try:
        FormDataParser(silent=False).parse(io.BytesIO(body), mimetype, len(body), options)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("chunked", [False, True], ids=["length", "chunked"])
@pytest.mark.parametrize("body", BROKEN)
def test_broken_multipart_is_a_400(serve: Serve, body: bytes, chunked: bool) -> None:
    client = serve(reading, twin=False)
    pieces = [body[n : n + 9] for n in range(0, len(body), 9)] if chunked else body
    answer = ask(client, "POST", "/form", [MULTIPART], pieces)
    assert answer.status == (200 if not body or is_readable(MULTIPART[1], body) else 400)


@pytest.mark.parametrize("kind", [MULTIPART[1], "multipart/form-data; boundary=cut; charset=latin-1"])
def test_what_stands_around_the_parts_does_not_break_them(serve: Serve, kind: str) -> None:
    assert ask(serve(reading), "POST", "/form", [("Content-Type", kind)], BROKEN[-1]).json()["form"] == {"a": "v"}


@pytest.mark.parametrize(
    "kind", ["multipart/form-data", 'multipart/form-data; boundary="', "multipart/form-data; boundary="]
)
def test_multipart_without_a_boundary_is_a_400(serve: Serve, kind: str) -> None:
    answer = ask(serve(reading, twin=False), "POST", "/form", [("Content-Type", kind)], BROKEN[5])
    assert answer.status == 400


@pytest.mark.parametrize("kind", [MULTIPART[1], "multipart/form-data"])
@pytest.mark.parametrize("empty", [{}, {"length": 0}, {"body": [b""]}], ids=["none", "length-0", "chunked"])
def test_multipart_without_content_is_an_empty_form(serve: Serve, empty: dict[str, Any], kind: str) -> None:
    def build(app: DualApp) -> None:
        reading(app)

        @app.before_request
        async def look():
            g.files = [*await request.files]

    client = serve(build, twin=False)
    answer = client.post("/form", [("Content-Type", kind)], **empty)
    assert (answer.status, answer.json()["form"]) == (200, {})
    assert client.post("/nowhere", [("Content-Type", kind)], **empty).status == 404


@pytest.mark.parametrize("cut", [False, True], ids=["length", "chunked"])
def test_a_form_that_was_read_as_something_else_is_an_empty_form(serve: Serve, cut: bool) -> None:
    def build(app: DualApp) -> None:
        @app.post("/pieces")
        async def pieces():
            body = getattr(request, "body", None) or request.stream  # in async and in sync code
            read = b"".join([piece async for piece in body])
            return [len(read), await request.form]

        @app.post("/data")
        async def data():
            return [len(await request.get_data(cache=False)), await request.form]

        @app.post("/twice")
        async def twice():
            return [len(await request.get_data(cache=False) + await request.get_data()), await request.form]

        @app.post("/cached")
        async def cached():
            return [len(await request.get_data()), await request.form]

    body = b'--cut\r\nContent-Disposition: form-data; name="a"\r\n\r\n1\r\n--cut--\r\n'
    client = serve(build)
    for path, form in (("/pieces", {}), ("/data", {}), ("/twice", {}), ("/cached", {"a": "1"})):
        assert client.post(path, [MULTIPART], [body] if cut else body).json() == [len(body), form]


@pytest.mark.parametrize("ask_for", ["form", "files"])
def test_a_body_that_breaks_off_and_is_no_form_is_no_form(serve: Serve, ask_for: str) -> None:
    def build(app: DualApp) -> None:
        @app.post("/form")
        async def form():
            return [*await request.form]

        @app.post("/files")
        async def files():
            return [*await request.files]

    kind = [("Content-Type", "text/plain")]
    answer = serve(build, twin=False).post(f"/{ask_for}", kind, b"abc", length=10, truncated=True)
    assert (answer.status, answer.json()) == (200, [])


@pytest.mark.parametrize(
    ("body", "form"),
    [
        (b"a=%FF", {"a": "%FF"}),
        (b"a=\xff", {}),
        (b"a=%zz", {"a": "%zz"}),
        (b"%=1&a", {"%": "1", "a": ""}),
        (b"&&&", {}),
        (b"\x00=\n", {"\0": "\n"}),
    ],
)
def test_fields_that_are_not_utf_8(serve: Serve, body: bytes, form: dict[str, str]) -> None:
    answer = ask(serve.shared(reading), "POST", "/form", [FORM], body)
    assert (answer.status, answer.json()["form"]) == (200, form)


def test_a_hook_may_meet_the_broken_body_first(serve: Serve, paint: Paint) -> None:
    @paint
    def hooks(app: DualApp) -> None:
        @app.before_request
        async def read():
            g.body = await request.get_json(silent=True) if request.method == "POST" else None

    client = serve(reading, hooks)
    assert ask(client, "POST", "/json", [JSON], b"{").status == 400
    assert ask(client, "POST", "/data", [JSON], b"{").text == "{"
