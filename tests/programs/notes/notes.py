"""Notes: an API over an async database. Its authors wrote it for Quart."""

import asyncio
import json

from quart import (
    Blueprint,
    abort,
    current_app,
    g,
    jsonify,
    make_response,
    redirect,
    render_template_string,
    request,
    stream_with_context,
    url_for,
)
from sqlalchemy import String, select
from sqlalchemy.ext.asyncio import async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from dualapp import DualApp as Quart

PAGE = """<!doctype html><title>{{ title }}</title>
{% for note in notes %}<p id="{{ note.id }}">{{ note.text }}</p>{% endfor %}"""


class Base(DeclarativeBase):
    pass


class Note(Base):
    __tablename__ = "note"
    id: Mapped[int] = mapped_column(primary_key=True)
    text: Mapped[str] = mapped_column(String(200))
    words: Mapped[int | None]


api = Blueprint("api", __name__, url_prefix="/api")


def as_json(note):
    return {"id": note.id, "text": note.text, "words": note.words}


async def find(id):
    note = await g.session.get(Note, id)
    if note is None:
        abort(404)
    return note


@api.before_request
async def open_session():
    g.session = current_app.extensions["sessions"]()


@api.after_request
async def keep_private(response):
    response.headers["Cache-Control"] = "no-store"
    return response


@api.teardown_request
async def close_session(error):
    if "session" in g:
        await g.session.close()


@api.errorhandler(404)
async def missing(error):
    return {"error": error.name}, 404


@api.get("/notes")
async def index():
    notes = (await g.session.scalars(select(Note).order_by(Note.id))).all()
    return jsonify([as_json(note) for note in notes])


@api.post("/notes")
async def add():
    data = await request.get_json()
    note = Note(text=data["text"])
    g.session.add(note)
    await g.session.commit()
    current_app.add_background_task(count_words, note.id)
    return as_json(note), 201, {"Location": url_for("api.read", id=note.id)}


async def count_words(id):
    async with current_app.extensions["sessions"]() as session:
        note = await session.get(Note, id)
        note.words = len(note.text.split())
        await session.commit()


@api.get("/notes/<int:id>")
async def read(id):
    return as_json(await find(id))


@api.put("/notes/<int:id>")
async def change(id):
    note = await find(id)
    note.text = (await request.form)["text"]
    await g.session.commit()
    response = await make_response(as_json(note))
    response.headers["X-Changed"] = "yes"
    return response


@api.delete("/notes/<int:id>")
async def remove(id):
    await g.session.delete(await find(id))
    await g.session.commit()
    return "", 204


@api.get("/export")
async def export():
    @stream_with_context
    async def lines():
        async with current_app.extensions["sessions"]() as session:
            async for note in await session.stream_scalars(select(Note).order_by(Note.id)):
                yield json.dumps({"id": note.id, "text": note.text, "to": request.args.get("to")}) + "\n"
                await asyncio.sleep(0)

    return lines(), {"Content-Type": "application/x-ndjson"}


@api.post("/import")
async def load():
    size = 0
    async for chunk in request.body:
        size += len(chunk)
    return {"bytes": size}


def create_app():
    app = Quart(__name__)
    app.config.from_mapping(DATABASE="sqlite+aiosqlite:///notes.sqlite")
    app.config.from_prefixed_env("NOTES")
    app.register_blueprint(api)

    @app.while_serving
    async def database():
        engine = create_async_engine(app.config["DATABASE"])
        async with engine.begin() as connection:
            await connection.run_sync(Base.metadata.create_all)
        app.extensions.update(engine=engine, sessions=async_sessionmaker(engine, expire_on_commit=False))
        yield
        await engine.dispose()
        print("database closed", flush=True)

    @app.get("/")
    async def index():
        async with app.extensions["sessions"]() as session:
            notes = (await session.scalars(select(Note).order_by(Note.id))).all()
        return await render_template_string(PAGE, title="Notes", notes=notes)

    @app.get("/old")
    async def old():
        return redirect(url_for("index"))

    return app


app = create_app()
