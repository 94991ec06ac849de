"""A FastAPI service: its pages of documentation, an upload, a stream, a state, a task in the background."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from fastapi import BackgroundTasks, FastAPI, Request, UploadFile
from fastapi.responses import StreamingResponse


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
    yield {"greeting": "Hello"}


app = FastAPI(lifespan=lifespan)
done: list[str] = []


@app.get("/hello/{name}")
async def hello(name: str, request: Request, tasks: BackgroundTasks) -> dict[str, str]:
    tasks.add_task(done.append, name)
    return {"text": f"{request.state.greeting} {name}", "url": str(request.url_for("hello", name="x"))}


@app.get("/done")
def are_done() -> list[str]:
    return done


@app.post("/upload")
async def upload(file: UploadFile) -> dict[str, Any]:
    return {"name": file.filename, "size": len(await file.read())}


@app.post("/count")
async def count(request: Request) -> int:
    return sum([len(chunk) async for chunk in request.stream()])


@app.get("/stream")
async def stream() -> StreamingResponse:
    async def chunks() -> AsyncIterator[str]:
        for number in range(100):
            await asyncio.sleep(0)
            yield f"{number}\n"

    return StreamingResponse(chunks(), media_type="text/plain")
