"""An inventory: a validated API with its OpenAPI document. Its authors wrote it for Quart, with quart-schema."""

from dataclasses import dataclass, field

from pydantic import BaseModel, Field
from quart import Blueprint, abort
from quart_schema import (
    DataSource,
    QuartSchema,
    RequestSchemaValidationError,
    document_response,
    hide,
    tag,
    validate_querystring,
    validate_request,
    validate_response,
)

from dualapp import DualApp as Quart

items = Blueprint("items", __name__, url_prefix="/items")


class NewItem(BaseModel):
    name: str = Field(min_length=2)
    price: float = Field(gt=0)
    tags: list[str] = []


class Item(NewItem):
    id: int


@dataclass
class Filter:
    tag: str | None = None
    limit: int = 10


@dataclass
class Items:
    items: list[Item] = field(default_factory=list)


@dataclass
class Rename:
    name: str


stock: dict[int, Item] = {}


def find(id: int) -> Item:
    if id not in stock:
        abort(404)
    return stock[id]


@items.get("/")
@tag(["stock"])
@validate_querystring(Filter)
@validate_response(Items)
async def index(query_args: Filter) -> Items:
    """What there is."""
    found = [item for item in stock.values() if query_args.tag is None or query_args.tag in item.tags]
    return Items(found[: query_args.limit])


@items.post("/")
@validate_request(NewItem)
@validate_response(Item, 201)
async def add(data: NewItem) -> tuple[Item, int]:
    """Add to the stock."""
    item = stock[len(stock) + 1] = Item(id=len(stock) + 1, **data.model_dump())
    return item, 201


@items.get("/<int:id>")
@document_response(Item)
async def read(id: int) -> Item:
    return find(id)


@items.post("/<int:id>/rename")
@validate_request(Rename, source=DataSource.FORM)
async def rename(id: int, data: Rename) -> Item:
    find(id).name = data.name
    return find(id)


@items.get("/broken")
@hide
@validate_response(Item)
async def broken():
    return {"id": "not a number"}


app = Quart(__name__)
app.register_blueprint(items)
QuartSchema(app, info={"title": "Inventory", "version": "1.0"})


@app.errorhandler(RequestSchemaValidationError)
async def refused(error):
    return {"refused": type(error.validation_error).__name__}, 400
