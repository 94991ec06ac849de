"""The body classes for files that Quart's `send_file` asks a response class for."""

from __future__ import annotations

import io
import os
from functools import cached_property
from typing import IO, TYPE_CHECKING, Any

from werkzeug.wsgi import FileWrapper

if TYPE_CHECKING:
    import flask

#: Files up to this many bytes are read at once instead of being sent in chunks.
READ_WHOLE = 64 * 1024


class FileBody(FileWrapper):
    """The file at a path, opened only when it is sent: an error may be sent instead."""

    def __init__(self, path: str | os.PathLike[str], buffer_size: int = 64 * 1024) -> None:
        self._path = path
        self.buffer_size = buffer_size
        self.size = os.stat(path).st_size

    @cached_property
    def file(self) -> IO[bytes]:  # type: ignore[override]  # werkzeug sets it
        """The open file."""
        return open(self._path, "rb")

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        if "file" in vars(self):
            self.file.close()


class IOBody(FileWrapper):
    """The content of a BytesIO, from its beginning wherever it stands; the BytesIO itself is neither moved nor closed.

    Quart's users may send one in many responses.
    """

    def __init__(self, io_stream: io.BytesIO, buffer_size: int = 64 * 1024) -> None:
        data = io_stream.getvalue()
        super().__init__(io.BytesIO(data), buffer_size)
        self.size = len(data)


def holds_file(response: flask.Response, body: Any) -> bool:
    """Tell whether a body of a response is a file, or the part of one that Werkzeug's range wrapper sends."""
    return response.direct_passthrough or isinstance(getattr(body, "iterable", body), FileWrapper)


def close_file(file: Any) -> None:
    if hasattr(file, "close"):
        file.close()
