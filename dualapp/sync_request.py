"""The request as sync code sees it."""

from __future__ import annotations

from typing import Any

import flask
from werkzeug.exceptions import BadRequest
from werkzeug.formparser import FormDataParser


class StrictFormDataParser(FormDataParser):
    """Werkzeug's parser, for which a multipart body that breaks off or makes no sense is an error and no empty form."""

    def _parse_multipart(self, *args: Any) -> Any:
        try:
            return super()._parse_multipart(*args)
        except ValueError as error:
            raise BadRequest(f"The multipart body cannot be read: {error}") from error


class Request(flask.Request):
    """Flask's request, except that a broken multipart body is a 400."""

    form_data_parser_class = StrictFormDataParser
