"""Responses that are made by hand: with whatever arguments, they are those that Flask's class makes."""

from http import HTTPStatus
from typing import Any

import flask
import pytest
from werkzeug.datastructures import Headers

import dualapp

ARGUMENTS: list[dict[str, Any]] = [
    {},
    {"response": "text"},
    {"response": "tøxt €"},
    {"response": ""},
    {"response": b"bytes"},
    {"response": bytearray(b"array")},
    {"response": ["a", "b"]},
    {"response": "text", "status": 201},
    {"response": "text", "status": 204},
    {"response": "text", "status": 304},
    {"response": "text", "status": 999},
    {"response": "text", "status": True},
    {"response": "text", "status": "418 Short and stout"},
    {"response": "text", "status": HTTPStatus.ACCEPTED},
    {"response": "text", "headers": {"X-Own": "a"}},
    {"response": "text", "headers": Headers()},
    {"response": "text", "headers": []},
    {"response": "text", "mimetype": "text/plain"},
    {"response": "text", "mimetype": "application/json"},
    {"response": "text", "mimetype": "image/png"},
    {"response": "text", "mimetype": ""},
    {"response": "text", "content_type": "text/x"},
    {"response": "text", "content_type": ""},
    {"response": "text", "direct_passthrough": True},
]


class Loud:
    """Changes what the constructor of a response comes to."""

    default_mimetype = "text/plain"
    default_status = 202
    automatically_set_content_length = False


class Shouting:
    def set_data(self, value: Any) -> None:
        super().set_data(value.upper())  # type: ignore[misc]  # it is put before a class that has it


def made(cls: Any, arguments: dict[str, Any]) -> tuple[Any, ...]:
    response = cls(**arguments)
    return response.status, response.status_code, list(response.headers), response.response, response.direct_passthrough


@pytest.mark.parametrize("mixin", [object, Loud, Shouting])
@pytest.mark.parametrize("arguments", ARGUMENTS, ids=str)
def test_is_made_as_flask_makes_it(arguments: dict[str, Any], mixin: type) -> None:
    if mixin is Shouting and not isinstance(arguments.get("response"), (str, bytes)):
        arguments = {**arguments, "response": "text"}
    bases = [
        type("Own", (mixin, cls) if mixin is not object else (cls,), {}) for cls in (dualapp.Response, flask.Response)
    ]
    ours, flasks = (made(cls, arguments) for cls in bases)
    assert ours == flasks


def test_its_headers_are_those_that_were_given() -> None:
    headers = Headers()
    assert dualapp.Response("text", headers=headers).headers is headers


@pytest.mark.parametrize("mimetype", ["text/plain\r\nX-Own: a"])
def test_a_mimetype_of_two_lines_is_refused(mimetype: str) -> None:
    for cls in (dualapp.Response, flask.Response):
        with pytest.raises(ValueError, match="newline"):
            cls("text", mimetype=mimetype)
