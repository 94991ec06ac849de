"""Starlette."""

import asyncio

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


async def index(request: Request) -> JSONResponse:
    return JSONResponse({"hello": "world"})


def sync_index(request: Request) -> JSONResponse:
    return JSONResponse({"hello": "world"})


async def age(request: Request) -> JSONResponse:
    person = await request.json()
    return JSONResponse({"person": person, "age": 1851 - person["born"]})


async def waiting(request: Request) -> JSONResponse:
    await asyncio.sleep(0.001)
    return JSONResponse({"hello": "world"})


async def waiting_long(request: Request) -> JSONResponse:
    await asyncio.sleep(1)
    return JSONResponse({"hello": "world"})


async def age_waiting(request: Request) -> JSONResponse:
    person = await request.json()
    await asyncio.sleep(0.001)
    return JSONResponse({"person": person, "age": 1851 - person["born"]})


def hello() -> Starlette:
    return Starlette(routes=[Route("/", index)])


def crossed() -> Starlette:
    return Starlette(routes=[Route("/", sync_index)])


def json() -> Starlette:
    return Starlette(routes=[Route("/", age, methods=["POST"])])


def wait() -> Starlette:
    return Starlette(routes=[Route("/", waiting)])


def wait_long() -> Starlette:
    return Starlette(routes=[Route("/", waiting_long)])


def wait_json() -> Starlette:
    return Starlette(routes=[Route("/", age_waiting, methods=["POST"])])
