"""Flask-SQLAlchemy

Models and relationships, the session of a request and its end, 404s, pages, rollbacks, another bind, requests at the
same time.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from flask_sqlalchemy import SQLAlchemy
from flask_sqlalchemy.record_queries import get_recorded_queries
from sqlalchemy import ForeignKey, event
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship

from dualapp import DualApp, request

from ..conftest import Serve
from ..support.entry_driver import Ask, Client


class Base(DeclarativeBase):
    pass


db = SQLAlchemy(model_class=Base)


class Author(db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    books: Mapped[list[Book]] = relationship(back_populates="author", order_by="Book.id")


class Book(db.Model):
    id: Mapped[int] = mapped_column(primary_key=True)
    title: Mapped[str]
    author_id: Mapped[int] = mapped_column(ForeignKey("author.id"))
    author: Mapped[Author] = relationship(back_populates="books")


class Visit(db.Model):
    __bind_key__ = "visits"
    id: Mapped[int] = mapped_column(primary_key=True)
    path: Mapped[str]


def library(app: DualApp) -> None:
    # Files below the instance folder: one for this app, one for its twin.
    name = type(app).__module__
    app.config["SQLALCHEMY_DATABASE_URI"] = f"sqlite:///{name}.db"
    app.config["SQLALCHEMY_BINDS"] = {"visits": f"sqlite:///{name}.visits.db"}
    app.config["SQLALCHEMY_RECORD_QUERIES"] = True
    db.init_app(app)
    with app.app_context():
        db.create_all()

    @app.errorhandler(IntegrityError)
    async def taken(error):
        return {"error": "taken"}, 409

    @app.post("/authors")
    async def create():
        name = (await request.get_json())["name"]
        author = Author(name=name)
        db.session.add(author)
        db.session.commit()
        return {"id": author.id}, 201

    @app.post("/authors/<int:number>/books")
    async def write(number):
        author = db.get_or_404(Author, number)
        author.books += [Book(title=title) for title in await request.get_json()]
        db.session.commit()
        return {"books": [book.title for book in author.books]}

    @app.get("/authors/<name>")
    async def author(name):
        author = db.first_or_404(db.select(Author).filter_by(name=name), description=f"no {name}")
        return {"id": author.id, "books": [book.title for book in author.books]}

    @app.get("/books")
    async def books():
        page = db.paginate(db.select(Book).order_by(Book.title), max_per_page=2)
        authors = [book.author.name for book in page]
        return {
            "titles": [book.title for book in page],
            "authors": authors,
            "total": page.total,
            "pages": list(page.iter_pages()),
            "next": page.next_num,
        }

    @app.post("/forget")
    async def forget():
        db.session.add(Author(name=(await request.get_json())["name"]))
        db.session.flush()
        raise LookupError  # before the commit

    @app.get("/visits")
    async def visits():
        db.session.add(Visit(path=request.path))
        db.session.commit()
        await asyncio.sleep(0)
        return {"visits": db.session.scalar(db.select(db.func.count(Visit.id)))}

    @app.get("/queries")
    async def queries():
        db.session.scalars(db.select(Author)).all()
        return {"queries": [query.statement.split()[0] for query in get_recorded_queries()]}

    @app.post("/slowly/<name>")
    async def slowly(name):
        author = Author(name=name)
        db.session.add(author)
        await asyncio.sleep(0.02)
        mine = [each.name for each in db.session.new]
        db.session.commit()
        await asyncio.sleep(0.02)
        return {"mine": mine, "author": author.name}


@pytest.fixture
def client(serve: Serve, tmp_path: Path) -> Iterator[Client]:
    client = serve(library, instance_path=str(tmp_path))
    assert client.twin is not None
    yield client
    for app in (client.app, client.twin.app):
        with app.app_context():
            for engine in db.engines.values():
                engine.dispose()


def test_rows_are_written_by_one_request_and_read_by_another(client: Client) -> None:
    assert client.post("/authors", json={"name": "Ada"}).json() == {"id": 1}
    assert client.post("/authors/1/books", json=["Notes", "Letters"]).json() == {"books": ["Notes", "Letters"]}
    assert client.get("/authors/Ada").json() == {"id": 1, "books": ["Notes", "Letters"]}


def test_what_is_not_there_is_a_404(client: Client) -> None:
    assert client.post("/authors/9/books", json=["Notes"]).status == 404
    missing = client.get("/authors/Nobody")
    assert (missing.status, "no Nobody" in missing.text) == (404, True)


def test_pages_of_a_query(client: Client) -> None:
    client.post("/authors", json={"name": "Ada"})
    client.post("/authors/1/books", json=["a", "c", "b"])
    second = {"titles": ["c"], "authors": ["Ada"], "total": 3, "pages": [1, 2], "next": None}
    assert client.get("/books?page=2&per_page=9").json() == second
    assert client.get("/books?per_page=1").json()["titles"] == ["a"]
    assert client.get("/books?page=7").status == 404


def test_a_broken_rule_of_the_database_is_an_answer_and_leaves_no_transaction(client: Client) -> None:
    client.post("/authors", json={"name": "Ada"})
    assert client.post("/authors", json={"name": "Ada"}).status == 409
    assert client.post("/authors", json={"name": "Grace"}).json() == {"id": 2}


def test_what_was_not_committed_is_forgotten_with_its_request(client: Client) -> None:
    assert client.post("/forget", json={"name": "Ada"}).status == 500
    assert client.get("/authors/Ada").status == 404
    assert client.post("/authors", json={"name": "Ada"}).status == 201


def test_models_of_another_bind(client: Client) -> None:
    assert [client.get("/visits").json()["visits"] for _ in range(3)] == [1, 2, 3]


def test_the_queries_of_a_request_are_its_own(client: Client) -> None:
    assert client.get("/queries").json() == client.get("/queries").json() == {"queries": ["SELECT"]}


def test_requests_at_the_same_time_have_sessions_of_their_own(client: Client) -> None:
    names = [f"author-{number}" for number in range(12)]
    answers = client.many([Ask("POST", f"/slowly/{name}") for name in names])
    assert [answer.json() for answer in answers] == [{"mine": [name], "author": name} for name in names]


def test_connections_go_back_to_the_pool_when_a_request_ends(client: Client) -> None:
    out: list[str] = []
    with client.app.app_context():
        event.listen(db.engine, "checkout", lambda *_: out.append("out"))
        event.listen(db.engine, "checkin", lambda *_: out.append("in"))
    for path in ("/authors/Nobody", "/books", "/queries"):
        client.get(path)
        assert (out.count("out"), out[-1]) == (out.count("in"), "in")
    assert "out" in out
