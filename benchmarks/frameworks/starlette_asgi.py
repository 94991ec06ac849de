"""Starlette."""

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


async def index(request: Request) -> JSONResponse:
    return JSONResponse({"hello": "world"})


async def age(request: Request) -> JSONResponse:
    person = await request.json()
    return JSONResponse({"person": person, "age": 1851 - person["born"]})


def hello() -> Starlette:
    return Starlette(routes=[Route("/", index)])


def json() -> Starlette:
    return Starlette(routes=[Route("/", age, methods=["POST"])])
