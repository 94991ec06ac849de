"""The sync face of a request: Flask's request class, made lazily from an exchange."""

from __future__ import annotations

import io
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self, overload
from weakref import ref

import flask
from werkzeug.datastructures import EnvironHeaders, Headers, ImmutableMultiDict, MultiDict
from werkzeug.exceptions import BadRequest, RequestEntityTooLarge
from werkzeug.formparser import FormDataParser

from ..compat.upstream import CACHED_DATA, OWN_LIMIT, PARAMETER_STORAGE, app_variable, parse_cookies
from ..exchange.body import NO_BODY, BodyStream

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

    from ..exchange.exchange import Exchange


app_context = app_variable.get  # looked up once
values_of: Any = dict.setdefault  # a MultiDict is a dict of lists; its own setdefault does more


def split_query(query: str) -> ImmutableMultiDict[str, str] | None:
    """Parse a query string in which nothing is percent-encoded, so that splitting is enough; None for any other."""
    if "%" in query or "+" in query:
        return None
    arguments: ImmutableMultiDict[str, str] = ImmutableMultiDict.__new__(ImmutableMultiDict)
    for argument in query.split("&"):
        if argument:
            name, _, value = argument.partition("=")
            values_of(arguments, name, []).append(value)
    return arguments


#: What Werkzeug's parser takes for a form.
FORM_TYPES = {"multipart/form-data", "application/x-www-form-urlencoded"}


def has_form(request: flask.Request) -> bool:
    """Tell whether the body is a form by its Content-Type; parsers of the user's may know more of them."""
    return request.form_data_parser_class is not StrictFormDataParser or request.mimetype in FORM_TYPES


class StrictFormDataParser(FormDataParser):
    """Werkzeug's form parser, except that a truncated or malformed multipart body is an error, not an empty form."""

    def parse(self, stream: Any, mimetype: str, *args: Any, **kwargs: Any) -> Any:
        """Parse a form; raise BadRequest (400) for a malformed multipart body."""
        self.silent = mimetype != "multipart/form-data"
        try:
            return super().parse(stream, mimetype, *args, **kwargs)
        except ValueError as error:
            raise BadRequest(f"The multipart body cannot be read: {error}") from error


def set_by_constructor(name: str) -> Any:
    """Make a property for a rarely used attribute that Werkzeug's constructor sets; making `environ` runs that."""

    def get(request: Request) -> Any:
        request.environ  # noqa: B018 - sets all attributes that the constructor sets
        return vars(request)[name]

    return cached_property(get)


class Request(flask.Request):
    """Flask's request, except that a malformed multipart body is a 400.

    It reads its attributes from the exchange on first access, because most views use few of them.
    """

    form_data_parser_class = StrictFormDataParser
    shallow = False
    _exchange: Exchange
    #: Whether `get_data` took the whole body without making a stream.
    _is_body_taken = False

    @classmethod
    def of(cls, attributes: dict[str, Any]) -> Self:
        """Make a request with these attributes, one of which is `_exchange`, without its constructor."""
        request = cls.__new__(cls)
        request.__dict__ = attributes
        return request

    # The attributes that Werkzeug's constructor sets, with the same values.

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
        if self.parameter_storage_class is not PARAMETER_STORAGE:
            return super().args
        arguments = split_query(self.query_string.decode())
        return super().args if arguments is None else arguments

    @cached_property
    def cookies(self) -> ImmutableMultiDict[str, str]:
        """The cookies that the client sent."""
        headers: Headers = self.headers
        if not isinstance(headers, EnvironHeaders):
            return super().cookies
        # Werkzeug's property reads all headers to find those of this name.
        return parse_cookies(headers.get("Cookie"), self.dict_storage_class)  # type: ignore[no-any-return]  # whatever class the user has

    @cached_property
    def environ(self) -> WSGIEnvironment:  # type: ignore[override]  # as method
        environ = self._exchange.environ
        # Code that changes the environ changes the headers and nothing else, as after Werkzeug's constructor.
        self.headers.environ = environ
        for name, value in vars(flask.Request(environ, populate_request=False)).items():
            vars(self).setdefault(name, value)
        environ["werkzeug.request"] = self
        return environ

    @cached_property
    def stream(self) -> Any:
        """The body as it arrives, to be read once."""
        if self._is_body_taken:
            return BodyStream(self._exchange.body)  # at its end
        stream = self.environ["wsgi.input"] if "environ" in vars(self) else self._exchange.stream
        if not isinstance(stream, BodyStream):
            # Werkzeug's wrapper takes even no body for more than a limit of 0.
            return io.BytesIO() if self.max_content_length == 0 and self._is_empty() else super().stream
        if stream.body.request() is None and stream.body is not NO_BODY:  # nothing announced it
            stream.body.request = ref(self)
        # It ends with the body, and keeps to the limit; Werkzeug's wrapper takes a body of exactly the limit for more.
        length, limit = stream.body.length, self.max_content_length
        if length is not None and limit is not None and length > limit and not stream.body.is_exhausted:
            raise RequestEntityTooLarge()
        return stream

    @property
    def want_form_data_parsed(self) -> bool:
        """Whether the body may be a form; a multipart body without content is an empty one."""
        return super().want_form_data_parsed and not (self.mimetype == "multipart/form-data" and self._is_empty())

    def _is_empty(self) -> bool:
        stream = self.environ["wsgi.input"]
        if isinstance(stream, BodyStream):
            body = stream.body
            return body.is_empty() or (body.is_exhausted and not vars(self).get(CACHED_DATA))
        return not self.content_length and "HTTP_TRANSFER_ENCODING" not in self.environ

    @property
    def mimetype(self) -> str:
        """The media type of the Content-Type header, in lower case and without parameters."""
        if type(self) is Request and "headers" not in vars(self):
            content_type = self._exchange.content_type
            if ";" not in content_type:  # no parameters to parse
                return content_type.strip(" \t").lower()
        return super().mimetype

    @overload
    def get_data(self, cache: bool = True, as_text: Literal[False] = False, parse_form_data: bool = False) -> bytes: ...
    @overload
    def get_data(self, cache: bool = True, as_text: Literal[True] = ..., parse_form_data: bool = False) -> str: ...
    def get_data(self, cache: bool = True, as_text: bool = False, parse_form_data: bool = False) -> Any:
        """Return the whole body: as bytes, or decoded as UTF-8 if `as_text` is set.

        Raises RequestEntityTooLarge (413) for a body above `max_content_length`, and ClientDisconnected (400) if the
        client leaves before its end.
        """
        if parse_form_data or not self._can_take_body:
            return super().get_data(cache, as_text, parse_form_data)  # type: ignore[call-overload]  # as_text is not literal
        data = self._exchange.body.take_all()
        self._is_body_taken = True
        if cache:
            vars(self)[CACHED_DATA] = data
        return data.decode(errors="replace") if as_text else data

    @property
    def _can_take_body(self) -> bool:
        """Whether the body can be taken from the exchange without making a stream."""
        attributes = vars(self)
        if type(self) is not Request or CACHED_DATA in attributes or "stream" in attributes or "environ" in attributes:
            return False
        length, limit = self._exchange.body.length or 0, self.max_content_length
        return length > 0 and (limit is None or length <= limit)

    scheme: str = set_by_constructor("scheme")
    server: tuple[str, int | None] | None = set_by_constructor("server")
    root_path: str = set_by_constructor("root_path")
    remote_addr: str | None = set_by_constructor("remote_addr")

    @property
    def max_content_length(self) -> int | None:
        """The largest body that will be read, in bytes: `MAX_CONTENT_LENGTH` unless set for this request."""
        context = app_context(None)
        if vars(self).get(OWN_LIMIT) is None and context is not None:
            limit: int | None = context.app.config["MAX_CONTENT_LENGTH"]
            return limit
        return super().max_content_length

    @max_content_length.setter
    def max_content_length(self, value: int | None) -> None:
        vars(self)[OWN_LIMIT] = value
