"""The test client, for tests of either colour."""

from __future__ import annotations

from typing import Any, Self

from flask.testing import FlaskClient

from .colour import caller_is_async
from .crossing import from_loop


class DualClient(FlaskClient):
    """Flask's test client; in `async def` code its requests are awaited, and run beside the loop of the test."""

    async def __aenter__(self) -> Self:
        return self.__enter__()  # type: ignore[return-value]  # flask names its own class

    async def __aexit__(self, *exc_info: Any) -> None:
        self.__exit__(*exc_info)

    def open(self, *args: Any, **kwargs: Any) -> Any:
        """Send a request that may have any method."""
        return self._send(super().open, args, kwargs)

    def get(self, *args: Any, **kwargs: Any) -> Any:
        """Send a GET request."""
        return self._send(super().get, args, kwargs)

    def post(self, *args: Any, **kwargs: Any) -> Any:
        """Send a POST request."""
        return self._send(super().post, args, kwargs)

    def put(self, *args: Any, **kwargs: Any) -> Any:
        """Send a PUT request."""
        return self._send(super().put, args, kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> Any:
        """Send a DELETE request."""
        return self._send(super().delete, args, kwargs)

    def patch(self, *args: Any, **kwargs: Any) -> Any:
        """Send a PATCH request."""
        return self._send(super().patch, args, kwargs)

    def options(self, *args: Any, **kwargs: Any) -> Any:
        """Send an OPTIONS request."""
        return self._send(super().options, args, kwargs)

    def head(self, *args: Any, **kwargs: Any) -> Any:
        """Send a HEAD request."""
        return self._send(super().head, args, kwargs)

    def trace(self, *args: Any, **kwargs: Any) -> Any:
        """Send a TRACE request."""
        return self._send(super().trace, args, kwargs)

    def _send(self, send: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if caller_is_async(depth=2):
            return from_loop(send, *args, **kwargs)
        return send(*args, **kwargs)
