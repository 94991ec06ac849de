"""Apps that more than one file of these tests asks."""

from __future__ import annotations

from dualapp import DualApp, abort, request

from ..support.entry_driver import Answer, Client


def rules(app: DualApp) -> None:
    @app.get("/")
    async def index():
        return "index"

    @app.put("/person/<int:id>")
    async def change(id):
        return str(id)

    @app.get("/person/<name>")
    async def show(name):
        return name

    @app.get("/folder/")
    async def folder():
        return "folder"

    @app.get("/lenient", strict_slashes=False)
    async def lenient():
        return "lenient"

    @app.get("/files/<path:name>")
    async def files(name):
        return name


class Own(Exception):
    pass


class OwnChild(Own):
    pass


def failing(app: DualApp) -> None:
    @app.get("/code/<int:code>")
    async def code(code):
        abort(code)

    @app.get("/described")
    async def described():
        abort(403, "only <ann> may")

    @app.get("/response")
    async def response():
        abort(app.response_class("as I say", 499))

    @app.get("/own")
    async def own():
        raise Own("mine")

    @app.get("/child")
    async def child():
        raise OwnChild("child")

    @app.get("/key")
    async def key():
        return (await request.form)["missing"]

    @app.get("/zero")
    async def zero():
        return str(1 // 0)


JSON = ("Content-Type", "application/json")
FORM = ("Content-Type", "application/x-www-form-urlencoded")
MULTIPART = ("Content-Type", "multipart/form-data; boundary=cut")


def reading(app: DualApp) -> None:
    @app.post("/data")
    async def data():
        return (await request.get_data()).decode("latin-1")

    @app.post("/json")
    async def as_json():
        return {"got": await request.get_json()}

    @app.post("/silent")
    async def silent():
        return {"got": await request.get_json(silent=True)}

    @app.post("/form")
    async def form():
        return {"form": await request.form, "files": [*await request.files]}

    @app.get("/")
    async def index():
        return "fine"


def ask(client: Client, *what: object, **how: object) -> Answer:
    """The answer, once it is sure that the next request is answered as if nothing had been."""
    answer = client.request(*what, **how)  # type: ignore[arg-type]
    assert client.get("/").text == "fine"
    return answer
