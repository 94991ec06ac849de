"""What type checkers see where a value is plain in `def` code and awaited in `async def` code.

A checker does not tell the colour of the caller, so each class here is the plain value, and may be awaited for what
async code gets. There are no such objects when a program runs. Functions return `DualStr | Any` rather than `DualStr`
so that a variable that holds one may be set to any other string.

Import the module, not its names, which import-linter does not find.
"""

from collections.abc import AsyncIterator, Awaitable, Generator, Iterator
from os import PathLike
from typing import IO, Any, Literal, overload

from quart.datastructures import FileStorage as QuartFileStorage
from werkzeug.datastructures import CombinedMultiDict, FileStorage, ImmutableMultiDict
from werkzeug.test import TestResponse

from ..exchange.body import AsyncBody
from ..exchange.translation import Scope
from .response import Response
from .sync_request import Request
from .websocket import Websocket

class DualStr(str):
    def __await__(self) -> Generator[Any, None, str]: ...

class DualBytes(bytes):
    def __await__(self) -> Generator[Any, None, bytes]: ...

class DualStream(Iterator[str]):
    def __next__(self) -> str: ...
    def __await__(self) -> Generator[Any, None, AsyncIterator[str]]: ...

class DualForm(ImmutableMultiDict[str, str]):
    def __await__(self) -> Generator[Any, None, ImmutableMultiDict[str, str]]: ...

class AsyncFileStorage(QuartFileStorage):
    """Quart's, which takes strings too, although it is not annotated so."""

    async def save(  # type: ignore[override]  # as Quart overrides Werkzeug's
        self, destination: str | PathLike[str], buffer_size: int = ...
    ) -> None: ...
    async def load(self, source: str | PathLike[str], buffer_size: int = ...) -> None: ...

class DualFiles(ImmutableMultiDict[str, FileStorage]):
    def __await__(self) -> Generator[Any, None, ImmutableMultiDict[str, AsyncFileStorage]]: ...

class DualValues(CombinedMultiDict[str, str]):
    def __await__(self) -> Generator[Any, None, CombinedMultiDict[str, str]]: ...

class DualRequest(Request):
    """The attributes of both faces of a request."""

    data: DualBytes | Any
    form: DualForm
    files: DualFiles
    values: DualValues
    json: Any
    stream: IO[bytes]
    # Those of the async face only.
    body: AsyncBody
    http_version: str
    scope: Scope

    @overload
    def get_data(
        self, cache: bool = ..., as_text: Literal[False] = ..., parse_form_data: bool = ...
    ) -> DualBytes | Any: ...
    @overload
    def get_data(
        self, cache: bool = ..., as_text: Literal[True] = ..., parse_form_data: bool = ...
    ) -> DualStr | Any: ...
    @overload
    def get_data(self, cache: bool = ..., as_text: bool = ..., parse_form_data: bool = ...) -> Any: ...
    def get_json(self, force: bool = ..., silent: bool = ..., cache: bool = ...) -> Any: ...
    def close(self) -> Any: ...
    def send_push_promise(self, path: str) -> Awaitable[None]: ...
    def _get_current_object(self) -> Any: ...

class DualWebsocket(Websocket):
    """The websocket, whose `send` and the like give nothing, or what is awaited for nothing."""

    def receive(self) -> DualStr | DualBytes | Any: ...  # type: ignore[override]  # Quart has it for `async def` only
    def _get_current_object(self) -> Any: ...

class ClientResponse(TestResponse, Response):
    """The response of a test client: Werkzeug derives the class from the app's `response_class`."""

    default_mimetype = None
