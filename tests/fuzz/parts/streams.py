"""Streams: of both colours, with and without the context, that fail before and after their first chunk."""

from __future__ import annotations

import asyncio

from dualapp import DualApp, Response, g, request, stream_with_context

from .errors import Own
from .registry import part


@part(
    "/words/{words+}",
    "/words/{words+}?how=context",
    "/words/{words+}?how=response",
    "/words/{words+}?how=length",
    "/words/{words+}?how=status",
    "/sync-words/{words+}",
    "/list/{words+}",
)
def streams(app: DualApp) -> None:
    log = app.extensions["log"]

    async def chunk(word):
        if word == "fail":
            raise Own("in a stream")
        if word == "sleep":
            await asyncio.sleep(0)
        return {"bytes": b"\x00\xff", "empty": "", "large": "x" * 70_000, "umlaut": "ü"}.get(word, word)

    @app.route("/words/<words>", methods=["GET", "POST"])
    async def stream(words):
        g.word = words
        how = request.args.get("how")

        async def chunks():
            log.append("stream opened")
            try:
                for word in words.split(","):
                    yield await chunk(word)
                if how == "context":
                    yield f"{g.word} {request.path}"
            finally:
                log.append("stream closed")

        if how == "context":
            return stream_with_context(chunks())
        if how == "response":
            response = Response(chunks(), 201, {"X-Stream": "1"}, mimetype="text/plain")
            response.call_on_close(lambda: log.append("response closed"))
            return response
        if how == "length":
            lengths = {"bytes": 2, "empty": 0, "umlaut": 2, "large": 70_000, "fail": 9}
            whole = sum(lengths.get(word, len(word.encode())) for word in words.split(","))
            return Response(chunks(), headers={"Content-Length": str(whole)})
        if how == "status":
            return chunks(), 202
        return chunks()

    @app.get("/sync-words/<words>")
    async def sync_stream(words):
        def sync_chunks():
            log.append("stream opened")
            try:
                for word in words.split(","):
                    if word == "fail":
                        raise Own("in a stream")
                    yield word
            finally:
                log.append("stream closed")

        return sync_chunks()

    @app.get("/list/<words>")
    async def listed(words):
        return Response(words.split(","))
