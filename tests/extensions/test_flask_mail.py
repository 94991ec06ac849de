"""Flask-Mail

Messages with HTML, attachments and copies, one by one and over one connection, sent to an SMTP server; recorded and
suppressed in tests.
"""

from __future__ import annotations

import email.policy
import socketserver
import threading
from collections.abc import Iterator
from email.message import EmailMessage
from typing import ClassVar

import pytest
from flask_mail import Attachment, BadHeaderError, Mail, Message, email_dispatched

from dualapp import DualApp, current_app, request

from ..conftest import Serve

CARD = Attachment("card.txt", "text/plain", b"a card")


class Inbox(socketserver.StreamRequestHandler):
    """As much of an SMTP server (RFC 5321) as takes what smtplib sends."""

    received: ClassVar[list[EmailMessage]] = []
    connections: ClassVar[list[object]] = []

    def handle(self) -> None:
        self.connections.append(self.client_address)
        self.reply(220)
        while (verb := self.rfile.readline()[:4].upper()) not in (b"QUIT", b""):
            self.reply(354 if verb == b"DATA" else 250)
            if verb == b"DATA":
                self.received.append(self.read_message())
                self.reply(250)
        self.reply(221)

    def reply(self, code: int) -> None:
        self.wfile.write(b"%d ok\r\n" % code)

    def read_message(self) -> EmailMessage:
        raw = b"".join(iter(self.rfile.readline, b".\r\n"))
        return email.message_from_bytes(raw, policy=email.policy.default)  # type: ignore[return-value]  # the policy's


@pytest.fixture
def port() -> Iterator[int]:
    """The port of an SMTP server whose inbox is empty."""
    Inbox.received, Inbox.connections = [], []
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Inbox) as server:
        thread = threading.Thread(target=server.serve_forever, args=[0.01])
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def mailing(app: DualApp) -> None:
    app.config["MAIL_DEFAULT_SENDER"] = ("The house", "house@example.org")
    mail = Mail(app)

    @app.post("/invite")
    async def invite():
        form = await request.form
        message = Message(form["subject"], recipients=[form["to"]], cc=["cc@example.org"], bcc=["bcc@example.org"])
        message.body, message.html = "Come in, žena!", "<b>Come in</b>"
        message.attach("card.txt", "text/plain", b"a card")
        mail.send(message)
        return {"sent": sorted(map(str, message.send_to))}

    @app.post("/bulk")
    async def bulk():
        with mail.connect() as connection:
            for name in ("ann", "bob"):
                connection.send_message(f"Dear {name}", recipients=[f"{name}@example.org"], body="News")
        return "sent"

    @app.errorhandler(BadHeaderError)
    async def refused(error):
        return {"refused": True}, 422


def served_on(port: int) -> object:
    def build(app: DualApp) -> None:
        app.config.update(MAIL_SERVER="127.0.0.1", MAIL_PORT=port)

    return build


def of_ours_and_flasks() -> list[EmailMessage]:
    """What the app sent; plain Flask, which was asked the same, must have sent the same."""
    half = len(Inbox.received) // 2
    ours, flasks = ([essence(message) for message in part] for part in (Inbox.received[:half], Inbox.received[half:]))
    assert ours == flasks
    return Inbox.received[:half]


def essence(message: EmailMessage) -> object:
    """The message without what is new each time: its date, its name and the marks between its parts."""
    headers = {name: value for name, value in message.items() if name not in ("Date", "Message-ID", "Content-Type")}
    parts = [part.get_content() for part in message.walk() if not part.is_multipart()]
    return message.get_content_type(), headers, parts


def test_a_message_reaches_the_server(serve: Serve, port: int) -> None:
    client = serve(served_on(port), mailing)
    answer = client.post("/invite", form={"subject": "Párty", "to": "ann@example.org"})
    assert answer.json() == {"sent": ["ann@example.org", "bcc@example.org", "cc@example.org"]}
    [message] = of_ours_and_flasks()
    assert (message["Subject"], message["From"], message["To"], message["Cc"], message["Bcc"]) == (
        "Párty",
        "The house <house@example.org>",
        "ann@example.org",
        "cc@example.org",
        None,
    )
    bodies = [message.get_body((kind,)) for kind in ("plain", "html")]
    assert [body and body.get_content().strip() for body in bodies] == ["Come in, žena!", "<b>Come in</b>"]
    assert [part.get_filename() for part in message.iter_attachments()] == ["card.txt"]


def test_several_messages_take_one_connection(serve: Serve, port: int) -> None:
    assert serve(served_on(port), mailing).post("/bulk").text == "sent"
    assert [message["Subject"] for message in of_ours_and_flasks()] == ["Dear ann", "Dear bob"]
    assert len(Inbox.connections) == 2  # Flask's is the other one.


def test_a_subject_of_several_lines_is_refused(serve: Serve, port: int) -> None:
    client = serve(served_on(port), mailing)
    assert client.post("/invite", form={"subject": "a\r\nBcc: x", "to": "ann@example.org"}).json() == {"refused": True}
    assert Inbox.received == []


def test_messages_are_recorded_and_none_is_sent_in_tests(serve: Serve) -> None:
    def build(app: DualApp) -> None:
        app.testing = True
        mail = Mail(app)

        @app.get("/<to>")
        async def send(to):
            with mail.record_messages() as outbox:
                mail.send_message("Hello", sender="me@example.org", recipients=[to], attachments=[CARD])
            return [[*message.recipients, message.attachments[0].filename] for message in outbox]

    assert serve(build).get("/ann@example.org").json() == [["ann@example.org", "card.txt"]]


def test_what_was_sent_is_told_by_a_signal_of_the_app(serve: Serve, port: int) -> None:
    subjects = []

    def build(app: DualApp) -> None:
        def sync_note(sender, message):
            assert sender is current_app._get_current_object()
            subjects.append(message.subject)

        email_dispatched.connect(sync_note, app)
        app.extensions["note"] = sync_note  # A signal holds its receivers weakly.

    serve(served_on(port), mailing, build).post("/bulk")
    assert subjects == ["Dear ann", "Dear bob"] * 2
