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


def attributes(app: DualApp) -> None:
    @app.route("/see/<path:rest>", methods=["GET", "POST"])
    async def see(rest):
        return {
            "method": request.method,
            "scheme": request.scheme,
            "host": request.host,
            "path": request.path,
            "full_path": request.full_path,
            "url": request.url,
            "base_url": request.base_url,
            "url_root": request.url_root,
            "host_url": request.host_url,
            "script_root": request.script_root,
            "root_path": request.root_path,
            "root_url": request.root_url,
            "query": request.query_string.decode("latin-1"),
            "args": request.args.to_dict(flat=False),
            "values": (await request.values).to_dict(flat=False),
            "rest": rest,
            "view_args": request.view_args,
            "endpoint": request.endpoint,
            "blueprint": request.blueprint,
            "blueprints": request.blueprints,
            "is_json": request.is_json,
            "is_secure": request.is_secure,
            "remote_addr": request.remote_addr,
            "access_route": list(request.access_route),
            "agent": request.user_agent.string,
            "accept": [request.accept_mimetypes.best, request.accept_languages.best, str(request.accept_encodings)],
            "referrer": request.referrer,
            "since": str(request.if_modified_since),
            "range": str(request.range),
            "date": str(request.date),
            "pragma": str(request.pragma),
            "cache": request.cache_control.max_age,
            "mimetype": request.mimetype,
            "params": request.mimetype_params,
            "type": request.content_type,
            "length": request.content_length,
            "encoding": request.content_encoding,
            "origin": request.origin,
            "max_content": request.max_content_length,
            "max_parts": request.max_form_parts,
            "max_memory": request.max_form_memory_size,
            "max_forwards": request.max_forwards,
            "data": (await request.get_data()).decode(),
            "exception": str(request.routing_exception),
            "rule": str(request.url_rule),
            "print": str(request).partition("Request ")[2],  # Each face has a class of its own.
            "proxies": [*sorted({name.lower() for name, _ in request.headers})],
        }


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
