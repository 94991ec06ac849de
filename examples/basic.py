"""One app, sync and async views side by side, for both kinds of server:

gunicorn examples.basic:app.wsgi
uvicorn  examples.basic:app
"""

import asyncio
from collections.abc import AsyncIterator

from dualapp import DualApp, request

app = DualApp(__name__)


@app.get("/")
def index() -> dict[str, str]:
    return {"hello": "world"}


@app.get("/later")
async def later() -> dict[str, str]:
    await asyncio.sleep(0.01)
    return {"hello": "from a coroutine"}


@app.get("/square/<int:number>")
def square(number: int) -> dict[str, int]:
    return {"number": number, "square": number**2}


@app.post("/greet")
def greet() -> dict[str, str]:
    person = request.get_json()
    return {"greeting": f"Hello, {person['name']}!"}


@app.post("/greet/later")
async def greet_later() -> dict[str, str]:
    person = await request.get_json()
    return {"greeting": f"Hello, {person['name']}, at last!"}


@app.get("/countdown/<int:start>")
async def countdown(start: int) -> tuple[AsyncIterator[str], dict[str, str]]:
    async def lines() -> AsyncIterator[str]:
        for number in range(start, 0, -1):
            yield f"{number}\n"
            await asyncio.sleep(0.01)
        yield "liftoff\n"

    return lines(), {"Content-Type": "text/plain; charset=utf-8"}


if __name__ == "__main__":
    app.run()
