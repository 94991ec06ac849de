"""One client of a websocket at either entry: ASGI messages, and frames on a socket that the WSGI entry takes over."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import dataclass, field
from typing import Any

from ..support.entry_driver import LOOP, Ask, Client, environ_of, scope_of
from ..support.waiting import wait_for
from ..support.websocket_wire import BINARY, CLOSE, CONT, HANDSHAKE, TEXT, Wire, close_frame, frame
from .talks import GONE, Talk

#: Headers of the protocol, which the servers make each in its own way.
OF_SERVERS = {"connection", "content-length", "date", "upgrade", "sec-websocket-accept", "sec-websocket-protocol"}


@dataclass
class Outcome:
    """What came of a talk, as its client knows it."""

    status: int = 0
    headers: list[tuple[str, str]] = field(default_factory=list)
    subprotocol: str | None = None
    #: The page of a refusal.
    body: bytes = b""
    heard: list[str | bytes] = field(default_factory=list)
    #: What the app closed it with.
    close: tuple[int, str] | None = None
    #: The class of what the app raised to its server.
    error: str = ""


def ask_of(talk: Talk) -> Ask:
    names = {name for name, _ in talk.headers}
    handshake = [(name, value) for name, value in HANDSHAKE if name not in names]
    hosts = [] if "Host" in names else [("Host", "localhost")]
    return Ask("GET", talk.target, [*hosts, *(pair for pair in handshake if pair[0] != "Host"), *talk.headers])


def own(headers: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return sorted((name.lower(), value) for name, value in headers if name.lower() not in OF_SERVERS)


# ---------------------------------------------------------------------------------------------------------------- ASGI


def talk_asgi(client: Client, talk: Talk) -> Outcome:
    return LOOP.run(AsgiTalk(talk).run(client.app.asgi))


class AsgiTalk:
    """A server that speaks ASGI."""

    def __init__(self, talk: Talk) -> None:
        self.talk, self.outcome = talk, Outcome()
        self.to_app, self.from_app = asyncio.Queue[Any](), asyncio.Queue[Any]()
        self.is_over = False

    async def run(self, app: Any) -> Outcome:
        ask = ask_of(self.talk)
        told = ",".join(value for name, value in self.talk.headers if name == "Sec-WebSocket-Protocol")
        scope = {**scope_of(ask), "type": "websocket", "scheme": "ws", "extensions": {"websocket.http.response": {}}}
        del scope["method"]
        scope["subprotocols"] = [name.strip() for name in told.split(",") if name.strip()]
        self.to_app.put_nowait({"type": "websocket.connect"})
        task = asyncio.ensure_future(app(scope, self.to_app.get, self.from_app.put))
        task.add_done_callback(lambda _: self.from_app.put_nowait({"type": "returned"}))
        await self.hear()
        for said in self.talk.says:
            if not self.is_over:
                kind = "text" if isinstance(said, str) else "bytes"
                self.to_app.put_nowait({"type": "websocket.receive", kind: said})
                await self.hear()
        code, reason = self.outcome.close or self.talk.end if self.outcome.status == 101 else GONE
        self.to_app.put_nowait({"type": "websocket.disconnect", "code": code, "reason": reason})
        await asyncio.wait([task])
        self.outcome.error = type(error).__name__ if (error := task.exception()) else ""
        return self.outcome

    async def hear(self) -> None:
        """Hear the app out: until it is done, or the websocket is over."""
        outcome = self.outcome
        while not self.is_over:
            message = await self.from_app.get()
            match message["type"]:
                case "websocket.accept":
                    outcome.status, outcome.subprotocol = 101, message["subprotocol"]
                    outcome.headers = decoded(message["headers"])
                case "websocket.send":
                    data = message.get("text", message.get("bytes"))
                    if data == ".":
                        return
                    outcome.heard.append(data)
                case "websocket.close":
                    self.is_over = True
                    if outcome.status:
                        outcome.close = message["code"], message["reason"]
                    else:
                        outcome.status = 403
                case "websocket.http.response.start":
                    outcome.status, outcome.headers = message["status"], decoded(message["headers"])
                case "websocket.http.response.body":
                    outcome.body, self.is_over = message["body"], True
                case _:
                    self.is_over = True


def decoded(headers: Any) -> list[tuple[str, str]]:
    return own([(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers])


# ---------------------------------------------------------------------------------------------------------------- WSGI


def talk_wsgi(client: Client, talk: Talk) -> Outcome:
    """Be gunicorn, whose socket is in the environ, and the client at its other end."""
    ours, theirs = socket.socketpair()
    outcome = Outcome()

    def start_response(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
        outcome.status, outcome.headers = int(status[:3]), own(headers)

    with Wire(ours) as wire:
        with theirs:
            answer = client.app.wsgi({**environ_of(ask_of(talk)), "gunicorn.socket": theirs}, start_response)
            outcome.body = b"".join(answer)
            getattr(answer, "close", bool)()
        if outcome.status == 101:
            WsgiTalk(wire, talk, outcome).run()
    open_ones = client.app._lifespan.connections
    wait_for(lambda: not open_ones, because=lambda: f"left behind: {open_ones}")
    return outcome


class WsgiTalk:
    """The client of a connection that was taken over."""

    def __init__(self, wire: Wire, talk: Talk, outcome: Outcome) -> None:
        self.wire, self.talk, self.outcome = wire, talk, outcome
        self.is_over = False

    def run(self) -> None:
        head = self.wire.until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        headers = [(name, value) for name, _, value in (line.partition(": ") for line in head[1:])]
        self.outcome.status, self.outcome.headers = int(head[0].split()[1]), own(headers)
        self.outcome.subprotocol = {name.lower(): value for name, value in headers}.get("sec-websocket-protocol")
        if self.outcome.status != 101:
            self.outcome.body = self.wire.read_to_end()
            return
        self.hear()
        for said in self.talk.says:
            if not self.is_over:
                self.wire.socket.sendall(frames(said, self.talk.fragments))
                self.hear()
        if not self.is_over and self.talk.end == GONE:
            self.wire.socket.sendall(frame(TEXT, b"cut off")[: self.talk.fragments])
        elif not self.is_over:
            self.wire.socket.sendall(close_frame(*self.talk.end))
            assert self.wire.recv_close() == self.talk.end
            assert self.wire.read_to_end() == b""

    def hear(self) -> None:
        """Hear the app out: until it is done, or the websocket is over."""
        while not self.is_over:
            opcode, data = self.wire.recv()
            if opcode == CLOSE:
                self.is_over = True
                self.outcome.close = int.from_bytes(data[:2], "big"), data[2:].decode()
                self.wire.socket.sendall(frame(CLOSE, data))
                assert self.wire.read_to_end() == b""
            elif (said := data.decode() if opcode == TEXT else data) == ".":
                return
            else:
                self.outcome.heard.append(said)


def frames(said: str | bytes, count: int) -> bytes:
    """Write a message in so many frames."""
    data, opcode = (said.encode(), TEXT) if isinstance(said, str) else (said, BINARY)
    size = len(data) // count + 1
    pieces = [data[start : start + size] for start in range(0, len(data), size)] or [b""]
    first = frame(opcode, pieces[0], fin=len(pieces) == 1)
    return first + b"".join(
        frame(CONT, piece, fin=number == len(pieces) - 1) for number, piece in enumerate(pieces) if number
    )
