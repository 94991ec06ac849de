"""The async face of a request: Quart's request class over Flask's."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any

import flask
import quart
from quart.datastructures import FileStorage as AsyncFileStorage
from werkzeug.datastructures import CombinedMultiDict, FileStorage, ImmutableMultiDict
from werkzeug.exceptions import RequestTimeout

from ..crossing.coroutines import with_timeout
from ..crossing.thread_pool import from_loop
from ..exchange.body import AsyncBody
from ..exchange.translation import Scope
from .sync_request import has_form

if TYPE_CHECKING:
    from ..exchange.exchange import Exchange


class Request(quart.Request):
    """The request in `async def` code: whatever needs the body is awaited.

    It wraps the `flask.Request` of the same request and has its values, errors and limits. Where the frameworks differ
    (JSON of another media type is a 415 in Flask, None in Quart), it follows Flask.
    """

    __slots__ = ("_exchange", "_sync")

    def __init__(self, request: flask.Request, exchange: Exchange) -> None:
        # Both faces share one __dict__: what is set or cached on one is there on the other.
        self.__dict__ = request.__dict__
        self._sync = request
        self._exchange = exchange

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sync, name)

    @property
    def http_version(self) -> str:  # type: ignore[override]  # quart sets an attribute; here it is looked up when asked for
        version: str = self.scope["http_version"]
        return version

    @property
    def scope(self) -> Scope:  # type: ignore[override]  # as http_version
        return self._exchange.scope

    @property
    def body(self) -> AsyncBody:  # type: ignore[override]  # as http_version
        """The body: await it for all of its bytes, or iterate over the chunks as they arrive."""
        return AsyncBody(self, self._exchange.content)

    @property
    def max_content_length(self) -> int | None:
        """The largest body that will be read, in bytes: `MAX_CONTENT_LENGTH` unless set for this request."""
        return self._sync.max_content_length

    @max_content_length.setter
    def max_content_length(self, value: int | None) -> None:
        self._sync.max_content_length = value

    @property
    def max_form_memory_size(self) -> int | None:
        """The largest form field other than files, in bytes: `MAX_FORM_MEMORY_SIZE` unless set for this request."""
        return self._sync.max_form_memory_size

    @max_form_memory_size.setter
    def max_form_memory_size(self, value: int | None) -> None:
        self._sync.max_form_memory_size = value

    @property
    def max_form_parts(self) -> int | None:
        """The largest number of form fields: `MAX_FORM_PARTS` unless set for this request."""
        return self._sync.max_form_parts

    @max_form_parts.setter
    def max_form_parts(self, value: int | None) -> None:
        self._sync.max_form_parts = value

    async def _prepare_form(self) -> None:
        """Receive a form so that the sync face can parse it at once; a long one is parsed in a thread."""
        body = self._exchange.content
        if not has_form(self._sync):
            return
        if body.complete or body.is_short:
            await self._gather()
        else:
            await self._in_time(from_loop(getattr, self._sync, "form"))

    async def _gather(self) -> None:
        if not self._exchange.content.complete:
            await self._in_time(self._exchange.content.gather(self.max_content_length))

    async def _in_time(self, work: Awaitable[None]) -> None:
        body = self._exchange.content
        body.reads += 1
        try:
            await with_timeout(flask.current_app.config["BODY_TIMEOUT"], work)
        except TimeoutError as error:
            raise RequestTimeout() from error
        finally:
            body.reads -= 1

    @property
    async def form(self) -> ImmutableMultiDict[str, str]:
        """The fields of the form in the body."""
        await self._prepare_form()
        return self._sync.form

    @property
    async def files(self) -> ImmutableMultiDict[str, FileStorage]:  # type: ignore[override]  # as form
        """The uploaded files of the form; awaiting their `save` writes them."""
        await self._prepare_form()
        if "async_files" not in self.__dict__:
            self.__dict__["async_files"] = ImmutableMultiDict(
                (name, async_file(file)) for name, file in self._sync.files.items(multi=True)
            )
        files: ImmutableMultiDict[str, FileStorage] = self.__dict__["async_files"]
        return files

    @property
    async def values(self) -> CombinedMultiDict[str, str]:
        """The fields of the query string and, unless the method is GET, those of the form."""
        if self.method != "GET":
            await self._prepare_form()
        return self._sync.values

    @property
    async def data(self) -> bytes:
        """The body as bytes; empty if it was parsed as a form."""
        data: bytes = await self.get_data(parse_form_data=True)
        return data

    async def get_data(self, cache: bool = True, as_text: bool = False, parse_form_data: bool = False) -> Any:
        """Return the whole body: as bytes, or decoded as UTF-8 if `as_text` is set.

        Raises RequestEntityTooLarge (413) for a body above the limit, RequestTimeout (408) after BODY_TIMEOUT seconds,
        and ClientDisconnected (400) if the client leaves before its end; so do all properties that need the body.
        """
        if parse_form_data:
            await self._prepare_form()
        await self._gather()
        return self._sync.get_data(cache=cache, as_text=as_text, parse_form_data=parse_form_data)  # type: ignore[call-overload]  # as_text is not literal

    @property
    async def json(self) -> Any:
        """The body parsed as JSON: `await request.get_json()`."""
        return await self.get_json()

    async def get_json(self, force: bool = False, silent: bool = False, cache: bool = True) -> Any:
        """Parse the body as JSON.

        Raises UnsupportedMediaType (415) if the Content-Type is not JSON, unless `force` is set, and BadRequest (400)
        if the body cannot be parsed. With `silent`, returns None in both cases.
        """
        if not self._exchange.content.complete and (force or self.is_json):
            await self._gather()
        if type(self).on_json_loading_failed is not Request.on_json_loading_failed:
            self._sync.__dict__["on_json_loading_failed"] = self.on_json_loading_failed  # of a subclass
        return self._sync.get_json(force=force, silent=silent, cache=cache)

    def on_json_loading_failed(self, error: Exception | None) -> Any:
        return type(self._sync).on_json_loading_failed(self._sync, error)  # type: ignore[arg-type]  # quart says Exception, flask ValueError

    async def send_push_promise(self, path: str) -> None:
        """Do nothing: server push is optional (RFC 9113 section 8.4), and browsers ignore it."""

    async def close(self) -> None:
        """Close the uploaded files."""
        self._sync.close()


def async_file(file: FileStorage) -> FileStorage:
    """Return an uploaded file as Quart's class, whose `save` is awaited."""
    return AsyncFileStorage(file.stream, file.filename, file.name, headers=file.headers)
