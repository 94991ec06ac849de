"""Two ways to send the same request: over a socket, and straight into the WSGI entry."""

import socket
from collections.abc import Iterable
from contextlib import suppress
from http.client import HTTPConnection
from typing import Any

from tests.support.entry_driver import WsgiExchange
from tests.support.http_client import SERVER_HEADERS, Answer
from tests.support.server_process import HOST
from tests.support.waiting import LIMIT

from .asks import Ask, Broken


class Connection(HTTPConnection):
    """Sends what the standard library's own client refuses to, and sends nothing that was not asked for."""

    def __init__(self, port: int) -> None:
        super().__init__(HOST, port, timeout=LIMIT)

    def _encode_request(self, request: str) -> bytes:
        return request.encode()

    def ask(self, ask: Ask) -> Answer:
        self.putrequest(ask.method, ask.target, skip_host=True, skip_accept_encoding=True)
        for name, value in ask.fields:
            self.putheader(name, value)
        # A server may answer and close before it has the whole body: the answer is there to be read all the same.
        with suppress(BrokenPipeError, ConnectionResetError):
            self.endheaders(ask.body or None, encode_chunked=not isinstance(ask.body, bytes))
        with self.getresponse() as response:
            return answer(response.status, response.getheaders(), response.read())


def answer(status: int, headers: Iterable[tuple[str, str]], body: bytes) -> Answer:
    kept = [(name.lower(), value) for name, value in headers if name.lower() not in SERVER_HEADERS]
    return Answer(status, tuple(sorted(kept, key=lambda line: line[0])), body)


def over_a_socket(port: int, ask: Ask) -> Answer:
    connection = Connection(port)
    try:
        return connection.ask(ask)
    finally:
        connection.close()


def raw(port: int, broken: Broken) -> bytes:
    """Send the bytes as they are; give all that comes back until the server closes."""
    with socket.create_connection((HOST, port), LIMIT) as connection:
        connection.sendall(broken.data)
        if broken.cut:
            connection.shutdown(socket.SHUT_WR)
        return b"".join(pieces(connection))


def pieces(connection: socket.socket) -> Iterable[bytes]:
    try:
        while piece := connection.recv(65536):
            yield piece
    except ConnectionError:
        return


def in_process(app: Any, ask: Ask) -> Answer:
    given = WsgiExchange(ask).run(app.wsgi)
    return answer(given.status, given.headers, given.body)
