"""The request as sync code sees it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Self

import flask
from werkzeug.datastructures import EnvironHeaders, Headers, ImmutableMultiDict, MultiDict
from werkzeug.exceptions import BadRequest
from werkzeug.formparser import FormDataParser

from ..compat.upstream import CACHED_DATA, OWN_LIMIT, PARAMETER_STORAGE, app_variable, parse_cookies
from ..exchange.body import BodyStream

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from ..exchange.exchange import Exchange


app_context = app_variable.get  # looked up once
values_of: Any = dict.setdefault  # a MultiDict is a dict of lists, and no more


class StrictFormDataParser(FormDataParser):
    """Werkzeug's parser, for which a multipart body that breaks off or makes no sense is an error and no empty form."""

    def parse(self, stream: Any, mimetype: str, *args: Any, **kwargs: Any) -> Any:
        """Parse a form; raises BadRequest for a multipart body that cannot be read."""
        self.silent = mimetype != "multipart/form-data"
        try:
            return super().parse(stream, mimetype, *args, **kwargs)
        except ValueError as error:
            raise BadRequest(f"The multipart body cannot be read: {error}") from error


def said_by_werkzeug(name: str) -> Any:
    """Make an attribute that only the constructor knows how to make, and that few ask for."""

    def say(request: Request) -> Any:
        request.environ  # noqa: B018 - with it comes all that the constructor says
        return vars(request)[name]

    return cached_property(say)


class Request(flask.Request):
    """Flask's request, except that a broken multipart body is a 400.

    One that is made of an exchange looks up what it says when it is asked: most are asked for little.
    """

    form_data_parser_class = StrictFormDataParser
    shallow = False
    _exchange: Exchange
    #: Whether all of the body was read without a stream.
    _is_taken = False

    @classmethod
    def of(cls, attributes: dict[str, Any]) -> Self:
        """Make a request that has these attributes, `_exchange` among them."""
        request = cls.__new__(cls)
        request.__dict__ = attributes
        return request

    # What Werkzeug's constructor sets, as it would.

    @cached_property
    def method(self) -> str:  # type: ignore[override]  # Werkzeug's is an attribute, here it is looked up when asked for
        return self._exchange.method.upper()

    @cached_property
    def path(self) -> str:  # type: ignore[override]  # as method
        return "/" + self._exchange.path.lstrip("/")

    @cached_property
    def query_string(self) -> bytes:  # type: ignore[override]  # as method
        return self._exchange.query_string

    @cached_property
    def headers(self) -> EnvironHeaders:  # type: ignore[override]  # as method
        return self._exchange.headers

    @cached_property
    def args(self) -> MultiDict[str, str]:
        """The arguments in the query string."""
        query = self.query_string.decode()
        if "%" in query or "+" in query or self.parameter_storage_class is not PARAMETER_STORAGE:
            return super().args
        # There is nothing to decode, and so less to do than Werkzeug does.
        arguments: ImmutableMultiDict[str, str] = ImmutableMultiDict.__new__(ImmutableMultiDict)
        for argument in query.split("&"):
            if argument:
                name, _, value = argument.partition("=")
                values_of(arguments, name, []).append(value)
        return arguments

    @cached_property
    def cookies(self) -> ImmutableMultiDict[str, str]:
        """The cookies that the client sent."""
        headers: Headers = self.headers
        if not isinstance(headers, EnvironHeaders):
            return super().cookies
        # Werkzeug's reads all headers to find those of this name.
        return parse_cookies(headers.get("Cookie"), self.dict_storage_class)  # type: ignore[no-any-return]  # whatever class the user has

    @cached_property
    def environ(self) -> WSGIEnvironment:  # type: ignore[override]  # as method
        environ = self._exchange.environ
        # Whoever changes it changes what the headers say, and nothing else: the constructor would have looked before.
        self.headers.environ = environ
        for name, value in vars(flask.Request(environ, populate_request=False)).items():
            vars(self).setdefault(name, value)
        environ["werkzeug.request"] = self
        return environ

    @cached_property
    def stream(self) -> Any:
        """The body as it arrives, to be read once."""
        if self._is_taken:
            return BodyStream(self._exchange.body)  # at its end
        stream = self.environ["wsgi.input"] if "environ" in vars(self) else self._exchange.stream
        # Ours ends where the body does, and has to be watched only if there is a limit.
        return stream if isinstance(stream, BodyStream) and self.max_content_length is None else super().stream

    @property
    def mimetype(self) -> str:
        """The media type that the body is said to have, in lower case and without parameters."""
        if type(self) is Request and "headers" not in vars(self):
            content_type = self._exchange.content_type
            if ";" not in content_type:  # there is nothing to parse
                return content_type.strip(" \t").lower()
        return super().mimetype

    def get_data(self, cache: bool = True, as_text: bool = False, parse_form_data: bool = False) -> Any:
        """Return the whole body, as bytes or decoded as UTF-8."""
        if parse_form_data or not self._is_there_for_the_taking:
            return super().get_data(cache, as_text, parse_form_data)  # type: ignore[call-overload]  # as_text is not literal
        data = self._exchange.body.take_all()
        self._is_taken = True
        if cache:
            vars(self)[CACHED_DATA] = data
        return data.decode(errors="replace") if as_text else data

    @property
    def _is_there_for_the_taking(self) -> bool:
        """Whether reading the stream would give the body as it is."""
        known = vars(self)
        if type(self) is not Request or CACHED_DATA in known or "stream" in known or "environ" in known:
            return False
        length, limit = self._exchange.body.length or 0, self.max_content_length
        return length > 0 and (limit is None or length <= limit)

    scheme = said_by_werkzeug("scheme")
    server = said_by_werkzeug("server")
    root_path = said_by_werkzeug("root_path")
    remote_addr = said_by_werkzeug("remote_addr")

    @property
    def max_content_length(self) -> int | None:
        """The largest body, in bytes, that will be read: `MAX_CONTENT_LENGTH` unless set for this request."""
        context = app_context(None)
        if vars(self).get(OWN_LIMIT) is None and context is not None:
            limit: int | None = context.app.config["MAX_CONTENT_LENGTH"]
            return limit
        return super().max_content_length

    @max_content_length.setter
    def max_content_length(self, value: int | None) -> None:
        vars(self)[OWN_LIMIT] = value
