"""What a route may ask of the parts of a path: each converter refuses what it cannot convert, which is a 404."""

from uuid import UUID

from dualapp import DualApp

app = DualApp(__name__)


@app.get("/person/<int:id>")
def person(id: int) -> dict[str, int]:
    return {"id": id}


@app.get("/name/<name>")
async def by_name(name: str) -> dict[str, str]:
    return {"name": name}


@app.get("/either/<int:id>")
def either_number(id: int) -> dict[str, int]:
    return {"number": id}


@app.get("/either/<id>")
async def either_text(id: str) -> dict[str, str]:
    return {"text": id}


@app.get("/price/<float:amount>")
def price(amount: float) -> dict[str, float]:
    return {"twice": amount * 2}


@app.get("/file/<path:path>")
async def file(path: str) -> dict[str, list[str]]:
    return {"parts": path.split("/")}


@app.get("/<any(about, help, contact):page>")
def page(page: str) -> str:
    return f"<h1>{page}</h1>"


@app.get("/order/<uuid:id>")
async def order(id: UUID) -> dict[str, int | None]:
    return {"version": id.version}


if __name__ == "__main__":
    app.run()
