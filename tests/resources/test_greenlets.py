"""SQLAlchemy's asyncio in async views: each of its calls is a greenlet, which must go on in the thread it began in."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sqlalchemy", reason="SQLAlchemy not installed here")

from sqlalchemy import func, select, text
from sqlalchemy.ext.asyncio import AsyncAttrs, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.schema import ForeignKey

from dualapp import DualApp, g, request, stream_with_context
from tests.conftest import Serve
from tests.support.entry_driver import Ask, Client
from tests.support.waiting import LIMIT


class Base(AsyncAttrs, DeclarativeBase):
    pass


class Author(Base):
    __tablename__ = "author"
    id: Mapped[int] = mapped_column(primary_key=True)
    books: Mapped[list[Book]] = relationship()


class Book(Base):
    __tablename__ = "book"
    id: Mapped[int] = mapped_column(primary_key=True)
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))


def library(app: DualApp) -> None:
    engine = create_async_engine(app.config["URL"], pool_size=5, max_overflow=0, connect_args={"timeout": LIMIT})
    make_session = async_sessionmaker(engine)

    def session() -> AsyncSession:
        if "session" not in g:
            g.session = make_session()
        return g.session  # type: ignore[no-any-return]  # g has no types

    @app.before_serving
    async def create() -> None:
        async with engine.begin() as connection:
            await connection.execute(text("pragma journal_mode = wal"))
            await connection.run_sync(Base.metadata.create_all)

    @app.get("/thread")
    async def thread() -> dict[str, Any]:
        """Wait, as the first thing that the view does, in the middle, and not at all any more."""
        threads = {threading.get_ident()}
        await asyncio.sleep(0)
        threads.add(threading.get_ident())
        async with engine.connect() as connection:
            one = await connection.scalar(select(1))
            await asyncio.sleep(0.001)
            two = await connection.run_sync(lambda sync: sync.scalar(select(2)))
        return {"sum": one + two, "threads": list(threads | {threading.get_ident()})}

    @app.get("/write/<int:number>")
    async def write(number: int) -> dict[str, int]:
        async with make_session() as own, own.begin():
            own.add(Author(id=number, books=[Book(), Book()]))
            await own.flush()
            await asyncio.sleep(0)
        return {"id": number}

    @app.get("/read/<int:number>")
    async def read(number: int) -> dict[str, int]:
        author = await session().get_one(Author, number)
        return {"books": len(await author.awaitable_attrs.books)}

    @app.get("/sync/<int:number>")
    def sync_read(number: int) -> dict[str, int]:
        """The other colour crosses to the loop, and back."""
        return app.ensure_sync(read)(number)  # type: ignore[no-any-return]  # as above

    @app.get("/stream")
    async def stream() -> Any:
        @stream_with_context
        async def numbers() -> AsyncIterator[str]:
            async for number in await session().stream_scalars(select(Author.id).order_by(Author.id)):
                yield f"{number} "

        return numbers()

    @app.get("/count")
    async def count() -> dict[str, int | None]:
        return {"authors": await session().scalar(select(func.count(Author.id)))}

    @app.get("/end")
    async def end() -> str:
        await engine.dispose()
        return "ended"

    @app.teardown_request
    async def close(error: BaseException | None) -> None:
        if request.path != "/end" and "session" in g:
            await g.session.close()


@pytest.fixture(params=["wsgi", "asgi"])
def client(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Client]:
    def configured(app: DualApp) -> None:
        app.config.update(URL=f"sqlite+aiosqlite:///{tmp_path}/library.db", PROPAGATE_EXCEPTIONS=True)
        library(app)

    client = Serve(request.param, "async")(configured, twin=False)
    yield client
    assert client.get("/end").text == "ended"


def test_each_request_has_one_thread_and_first_its_own(client: Client) -> None:
    answers = [client.get("/thread").json() for _ in range(3)]
    assert [answer["sum"] for answer in answers] == [3] * 3
    assert [len(answer["threads"]) for answer in answers] == [1] * 3
    if client.entry == "wsgi":  # what was seen to wait is left to the loop's thread
        borrowed = [answer["threads"] == [threading.get_ident()] for answer in answers]
        assert borrowed == [True, False, False]


def test_many_threads_write_read_and_stream(client: Client) -> None:
    numbers = range(1, 101)
    ask_all(client, [f"/write/{number}" for number in numbers])
    replies = ask_all(client, [f"/{way}/{number}" for number in numbers for way in ("read", "sync")])
    assert [reply.json() for reply in replies] == [{"books": 2}] * 200
    assert client.get("/count").json() == {"authors": 100}
    everything = "".join(f"{number} " for number in numbers)
    assert [reply.text for reply in ask_all(client, ["/stream"] * 20)] == [everything] * 20


def test_many_threads_at_once_from_the_first_request_on(client: Client) -> None:
    assert [reply.json()["sum"] for reply in ask_all(client, ["/thread"] * 200)] == [3] * 200


def ask_all(client: Client, paths: list[str]) -> list[Any]:
    answers = client.many([Ask(target=path) for path in paths], threads=16)
    assert [answer.error for answer in answers] == [None] * len(paths)
    return answers
