"""URLs made from the names of views: in sync and async views, in templates, and outside of any request."""

from dualapp import DualApp, Response, redirect, render_template_string, url_for

app = DualApp(__name__)

LINK = '<a href="{{ url_for("person", id=id) }}">{{ id }}</a>'


@app.get("/person/<int:id>")
def person(id: int) -> dict[str, int]:
    return {"id": id}


@app.get("/links/<int:id>")
def links(id: int) -> dict[str, str]:
    return {
        "path": url_for("person", id=id),
        "with query": url_for("person", id=id, tab="work"),
        "whole": url_for("person", id=id, _external=True, _scheme="https"),
    }


@app.get("/link/<int:id>")
def link(id: int) -> str:
    return render_template_string(LINK, id=id)


@app.get("/later/link/<int:id>")
async def link_later(id: int) -> str:
    return await render_template_string(LINK, id=id)


@app.get("/go/<int:id>")
async def go(id: int) -> Response:
    return redirect(url_for("person", id=id))


def print_urls() -> None:
    """Show that a URL needs no server, only a request context."""
    with app.test_request_context():
        print(url_for("person", id=3))


if __name__ == "__main__":
    print_urls()
    app.run()
