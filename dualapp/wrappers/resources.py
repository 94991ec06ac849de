"""The files of an app and of its instance, opened for code of either colour."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from types import TracebackType
from typing import IO, Any


class Resource:
    """An open file for `with`; awaited it gives what `async with` opens, as Quart's do."""

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
        yield from ()  # makes it a generator, which awaiting needs
        import aiofiles  # which comes with quart, and like it only for those who need it

        self._file.close()
        return aiofiles.open(self._file.name, self._file.mode, encoding=getattr(self._file, "encoding", None))
