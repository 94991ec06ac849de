"""A file as the body of a response, as Quart's `send_file` makes it."""

from __future__ import annotations

import os
from functools import cached_property
from typing import IO

from werkzeug.wsgi import FileWrapper

#: How many bytes of a file are read at once instead of being sent in chunks.
READ_WHOLE = 64 * 1024


class FileBody(FileWrapper):
    """The file at a path, opened when it is sent: it may be that only an error is."""

    def __init__(self, path: str | os.PathLike[str], buffer_size: int = 64 * 1024) -> None:
        self._path = path
        self.buffer_size = buffer_size

    @cached_property
    def file(self) -> IO[bytes]:  # type: ignore[override]  # werkzeug sets it
        """The open file."""
        return open(self._path, "rb")

    def seekable(self) -> bool:
        return True

    def close(self) -> None:
        if "file" in vars(self):
            self.file.close()
