"""What views return."""

from __future__ import annotations

from dualapp import (
    DualApp,
    Response,
    jsonify,
    make_response,
    redirect,
    render_template_string,
    request,
    stream_template_string,
    url_for,
)

from ...parity.values import MADE, VALUES
from .registry import part

#: Too large, too slow, or of a kind that `wsgiref.validate` refuses although Flask sends it.
SPARED = ("too-deep", "headers hyphens", "headers tab")
KINDS = [name for name in (*VALUES, *MADE) if not any(spared in name for spared in SPARED)]


@part("/make/{kind}", "/make/{kind}")
def returning(app: DualApp) -> None:
    @app.route("/make/<path:kind>", methods=["GET", "POST"])
    async def make(kind):
        return MADE[kind]() if kind in MADE else VALUES[kind]


@part("/plain", "/plain/{text}", "/json/{int}", "/empty", "/header?value={text}", "/type?value={text}", "/echo?{query}")
def plain(app: DualApp) -> None:
    @app.route("/plain")
    async def text():
        return "plain"

    @app.route("/plain/<a>")
    async def text_of(a):
        return f"<p>{a}</p>"

    @app.get("/json/<int:a>")
    async def json(a):
        return {"a": a}

    @app.route("/empty", methods=["GET", "DELETE"])
    async def empty():
        return "", 204

    @app.get("/header")
    async def header():
        return "header", {"X-Value": request.args["value"]}

    @app.get("/type")
    async def content_type():
        return Response("typed", mimetype=request.args["value"])

    @app.get("/echo")
    async def echo():
        return await make_response(jsonify(request.args.to_dict(flat=False)), 203)


@part("/to?url={url}", "/to?url={url}&code={code}", "/there", "/external", "/there?anchor={text}")
def redirects(app: DualApp) -> None:
    @app.route("/to", methods=["GET", "POST"])
    async def to():
        return redirect(request.args["url"], int(request.args.get("code", 302)))

    @app.get("/there")
    async def there():
        return redirect(url_for("to", url="x y", _anchor=request.args.get("anchor")))

    @app.get("/external")
    async def external():
        return redirect(url_for("there", _external=True), 308)


@part("/template/{text}", "/streamed-template/{text}", "/broken-template", "/session-template")
def templates(app: DualApp) -> None:
    @app.get("/template/<a>")
    async def template(a):
        return await render_template_string("<p>{{ a }} {{ request.path }} {{ g.form }} {{ processed }}</p>", a=a)

    @app.get("/streamed-template/<a>")
    async def streamed_template(a):
        return await stream_template_string("{% for c in a %}{{ c }} {{ request.method }}\n{% endfor %}", a=a)

    @app.get("/broken-template")
    async def broken():
        return await render_template_string("{{ a.b.c }}")

    @app.get("/session-template")
    async def session_template():
        return await render_template_string("{{ session.get('a') }} {{ get_flashed_messages() }}")


@part("/set-cookie?{cookie}", "/delete-cookie", "/two-cookies")
def setting_cookies(app: DualApp) -> None:
    @app.get("/set-cookie")
    async def set_cookie():
        options = request.args.to_dict()
        response = await make_response("set")
        age = options.pop("age", None)
        response.set_cookie(
            options.pop("key", "a"), options.pop("value", ""), max_age=None if age is None else int(age), **options
        )
        return response

    @app.get("/delete-cookie")
    async def delete_cookie():
        response = Response("deleted")
        response.delete_cookie("a", path="/x")
        return response

    @app.get("/two-cookies")
    async def two_cookies():
        response = await make_response("two", 201)
        response.set_cookie("a", "1")
        response.set_cookie("b", "ü ;", httponly=True, samesite="Lax", secure=True)
        return response
