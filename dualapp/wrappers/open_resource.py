"""Open resource files of an app for code of either colour."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from types import TracebackType
from typing import IO, Any


class Resource:
    """An open file for `with`; awaiting it returns an aiofiles context manager for `async with`, as in Quart."""

    def __init__(self, file: IO[Any]) -> None:
        self._file = file

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> IO[Any]:
        return self._file.__enter__()

    def __exit__(
        self, exc_type: type[BaseException] | None, exc: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._file.__exit__(exc_type, exc, traceback)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._file)

    def __await__(self) -> Generator[Any, None, Any]:
        yield from ()  # makes this a generator function, as __await__ must return an iterator
        import aiofiles  # a dependency of quart, imported as late as quart is

        self._file.close()
        return aiofiles.open(self._file.name, self._file.mode, encoding=getattr(self._file, "encoding", None))
