"""The body class for files that Quart's `send_file` asks a response class for."""

from __future__ import annotations

import os
from functools import cached_property
from typing import IO

from werkzeug.wsgi import FileWrapper

#: Files up to this many bytes are read at once instead of being sent in chunks.
READ_WHOLE = 64 * 1024


class FileBody(FileWrapper):
    """The file at a path, opened only when it is sent: an error may be sent instead."""

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
