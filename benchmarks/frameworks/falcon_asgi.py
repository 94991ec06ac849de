"""Falcon under ASGI."""

import asyncio

import falcon
import falcon.asgi


class Hello:
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        resp.media = {"hello": "world"}


class Person:
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response, number: int) -> None:
        resp.media = {"person": number}


class Text:
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        resp.content_type = falcon.MEDIA_HTML
        resp.text = "Hello, World!"


class Created:
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        resp.status = falcon.HTTP_201
        resp.content_type = falcon.MEDIA_HTML
        resp.set_header("Location", "/person/42")
        resp.text = "created"


class Empty:
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        resp.status = falcon.HTTP_204


class Redirect:
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        raise falcon.HTTPFound("/elsewhere")


class Search:
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        resp.media = {"q": req.get_param("q", required=True), "token": req.get_header("X-Token", required=True)}


class Json:
    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        person = await req.get_media()
        resp.media = {"person": person, "age": 1851 - person["born"]}


class Waiting:
    async def on_get(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        await asyncio.sleep(0.001)
        resp.media = {"hello": "world"}

    async def on_post(self, req: falcon.asgi.Request, resp: falcon.asgi.Response) -> None:
        person = await req.get_media()
        await asyncio.sleep(0.001)
        resp.media = {"person": person, "age": 1851 - person["born"]}


def app_of(route: str, resource: object) -> falcon.asgi.App:
    app = falcon.asgi.App()
    app.add_route(route, resource)
    return app


def hello() -> falcon.asgi.App:
    return app_of("/", Hello())


def person() -> falcon.asgi.App:
    return app_of("/person/{number:int}", Person())


def text() -> falcon.asgi.App:
    return app_of("/", Text())


def created() -> falcon.asgi.App:
    return app_of("/", Created())


def empty() -> falcon.asgi.App:
    return app_of("/", Empty())


def moved() -> falcon.asgi.App:
    return app_of("/", Redirect())


def search() -> falcon.asgi.App:
    return app_of("/search", Search())


def json() -> falcon.asgi.App:
    return app_of("/", Json())


def wait() -> falcon.asgi.App:
    return app_of("/", Waiting())


wait_json = wait
