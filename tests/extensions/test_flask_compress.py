"""Flask-Compress

zstd, brotli, gzip and deflate as the client prefers, streams, files, ETags, a cache of compressed answers, single
views.
"""

from __future__ import annotations

import asyncio
import gzip
import zlib
from collections.abc import Callable
from typing import Any

import brotli
import pytest
from flask_compress import Compress
from flask_compress.compat import compression

from dualapp import DualApp, make_response, request, send_from_directory

from ..conftest import Serve
from ..support.recolour import Build

TEXT = "All that is said is said again. " * 200


def compressed(app: DualApp) -> None:
    Compress(app)


def views(app: DualApp) -> None:
    app.extensions["made"] = made = []

    @app.get("/text")
    async def text():
        await asyncio.sleep(0)
        made.append("text")
        return TEXT

    @app.get("/json")
    async def json():
        return {"text": TEXT}

    @app.get("/short")
    async def short():
        return "short"

    @app.get("/image")
    async def image():
        return TEXT.encode(), {"Content-Type": "image/png"}

    @app.get("/tagged")
    async def tagged():
        response = await make_response(TEXT)
        response.set_etag("tag")
        return response

    @app.get("/stream")
    async def stream():
        word = request.args["word"]

        async def words():
            for number in range(100):
                if number % 50 == 0:
                    await asyncio.sleep(0)
                yield f"{number} {word} "

        return words()

    @app.get("/file")
    async def file():
        return await send_from_directory("static", "hello.txt")


def accept(coding: str) -> tuple[str, str]:
    return "Accept-Encoding", coding


DECODERS: dict[str, Callable[[bytes], Any]] = {
    "zstd": compression.zstd.decompress,
    "br": brotli.decompress,
    "gzip": gzip.decompress,
    "deflate": zlib.decompress,
}


@pytest.mark.parametrize("coding", DECODERS)
def test_answers_are_compressed_as_the_client_can_read_them(serve: Serve, coding: str) -> None:
    client = serve(views, compressed, twin=coding != "gzip")  # gzip tells the time
    for path in ("/text", "/json"):
        plain = client.get(path)
        answer = client.get(path, [accept(coding)])
        assert (answer.status, answer.header("content-encoding")) == (200, coding)
        assert answer.header("vary") == plain.header("vary") == "Accept-Encoding"
        assert int(answer.header("content-length") or 0) == len(answer.body) < len(plain.body) / 4
        assert DECODERS[coding](answer.body) == plain.body
        assert client.head(path, [accept(coding)]).header("content-encoding") == coding


def test_the_client_says_what_it_likes_best(serve: Serve) -> None:
    client = serve(views, compressed)
    liked = {"br;q=0.5, zstd": "zstd", "deflate, br": "br", "identity, br;q=0.1": None, "x-own": None, "*": "zstd"}
    assert {coding: client.get("/text", [accept(coding)]).header("content-encoding") for coding in liked} == liked


def test_what_is_short_or_compressed_already_is_left_alone(serve: Serve) -> None:
    client = serve(views, compressed)
    assert client.get("/short", [accept("br")]).text == "short"
    assert client.get("/image", [accept("br")]).header("content-encoding") is None
    assert client.get("/nowhere", [accept("br")]).header("content-encoding") is None


@pytest.mark.parametrize("coding", ["zstd", "br", "deflate"])
def test_streams_are_compressed_as_they_are_made(serve: Serve, coding: str) -> None:
    client = serve(views, compressed)
    answer = client.get("/stream?word=said", [accept(coding)])
    assert (answer.header("content-encoding"), answer.header("content-length")) == (coding, None)
    text = DECODERS[coding](answer.body).decode()
    assert text == "".join(f"{number} said " for number in range(100))


def test_streams_and_files_are_left_alone_when_told_so(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.config["COMPRESS_STREAMS"] = False

    client = serve(views, build, compressed)
    for path in ("/stream?word=x", "/file"):
        answer = client.get(path, [accept("br")])
        assert (answer.status, answer.header("content-encoding")) == (200, None)


# Flask-Compress replaces the body that is the file, and leaves the file for the garbage collector to close.
@pytest.mark.filterwarnings("ignore:unclosed file .*hello.txt:ResourceWarning:flask_compress")
def test_files_are_compressed(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.config["COMPRESS_MIN_SIZE"] = 10

    client = serve(views, build, compressed)
    for path in ("/file", "/static/hello.txt"):
        answer = client.get(path, [accept("br")])
        assert answer.header("content-encoding") == "br"
        assert brotli.decompress(answer.body) == client.get(path).body


def test_a_tag_is_of_the_coding_that_was_sent(serve: Serve) -> None:
    client = serve(views, compressed)
    tag = client.get("/tagged", [accept("br")]).header("etag")
    assert tag == '"tag:br"'
    assert client.get("/tagged", [accept("br"), ("If-None-Match", tag)]).status == 304
    assert client.get("/tagged", [accept("zstd"), ("If-None-Match", tag)]).status == 200


def test_compressed_answers_are_cached(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        class Store(dict[str, bytes]):
            def set(self, key, value):
                self[key] = value

        store = app.extensions["store"] = Store()
        app.config.update(COMPRESS_CACHE_BACKEND=lambda: store, COMPRESS_CACHE_KEY=lambda request: request.path)

    client = serve(views, build, compressed)
    answers = [client.get("/text", [accept("br")]) for _ in range(2)]
    assert answers[0].body == answers[1].body == client.app.extensions["store"]["br;/text"]


def check_decorated(serve: Serve, build: Build) -> None:
    def only_decorated(app: DualApp) -> None:
        app.config["COMPRESS_REGISTER"] = False

    client = serve(only_decorated, views, build)
    assert client.get("/text", [accept("br")]).text == TEXT
    answer = client.get("/decorated", [accept("br")])
    assert brotli.decompress(answer.body).decode() == TEXT


def test_the_decorator_compresses_one_view(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/decorated")
        @Compress(app).compressed()
        @app.ensure_sync  # the decorator calls the view as sync code
        async def decorated():
            await asyncio.sleep(0)
            return TEXT

    check_decorated(serve, build)


def test_the_decorator_right_above_the_view(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        @app.get("/decorated")
        @Compress(app).compressed()
        async def decorated():
            await asyncio.sleep(0)
            return TEXT

    check_decorated(serve, build)
