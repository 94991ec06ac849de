"""Falcon under WSGI."""

import falcon


class Hello:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = {"hello": "world"}


class Person:
    def on_get(self, req: falcon.Request, resp: falcon.Response, number: int) -> None:
        resp.media = {"person": number}


class Text:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.content_type = falcon.MEDIA_HTML
        resp.text = "Hello, World!"


class Created:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.status = falcon.HTTP_201
        resp.content_type = falcon.MEDIA_HTML
        resp.set_header("Location", "/person/42")
        resp.text = "created"


class Empty:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.status = falcon.HTTP_204


class Redirect:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        raise falcon.HTTPFound("/elsewhere")


class Search:
    def on_get(self, req: falcon.Request, resp: falcon.Response) -> None:
        resp.media = {"q": req.get_param("q", required=True), "token": req.get_header("X-Token", required=True)}


class Json:
    def on_post(self, req: falcon.Request, resp: falcon.Response) -> None:
        person = req.get_media()
        resp.media = {"person": person, "age": 1851 - person["born"]}


def app_of(route: str, resource: object) -> falcon.App:
    app = falcon.App()
    app.add_route(route, resource)
    return app


def hello() -> falcon.App:
    return app_of("/", Hello())


def person() -> falcon.App:
    return app_of("/person/{number:int}", Person())


def text() -> falcon.App:
    return app_of("/", Text())


def created() -> falcon.App:
    return app_of("/", Created())


def empty() -> falcon.App:
    return app_of("/", Empty())


def moved() -> falcon.App:
    return app_of("/", Redirect())


def search() -> falcon.App:
    return app_of("/search", Search())


def json() -> falcon.App:
    return app_of("/", Json())
