"""Servers on the loopback that owners' addresses may point at, and a ledger."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from email import message_from_bytes
from email.message import Message
from email.policy import default
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.handlers import Message as MessageHandler

from orchestration.ledger import Ledger


class Mailbox(MessageHandler):
    """Keeps what a real SMTP server took."""

    def __init__(self) -> None:
        super().__init__()
        self.letters: list[Message] = []

    def prepare_message(self, session: object, envelope: object) -> Message:
        return message_from_bytes(envelope.content, policy=default)  # type: ignore[attr-defined]

    def handle_message(self, message: Message) -> None:
        self.letters.append(message)


class MailServer:
    def __init__(self) -> None:
        self.box = Mailbox()
        # The server asks for a port by number before it listens.
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.controller = Controller(self.box, hostname="127.0.0.1", port=self.port)

    @property
    def address(self) -> str:
        return (
            f"mailto://127.0.0.1:{self.port}?smtp=127.0.0.1&mode=insecure"
            "&from=takt@yanhe.example&to=owner@yanhe.example"
        )

    @property
    def texts(self) -> list[tuple[str, str]]:
        """(subject, body) of every letter."""
        found = []
        for letter in self.box.letters:
            body = letter.get_body(("plain",))
            found.append((str(letter["subject"]), body.get_content()))
        return found


@pytest.fixture
def mail() -> Iterator[MailServer]:
    server = MailServer()
    server.controller.start()
    yield server
    server.controller.stop()


class WebServer:
    """Takes posts and answers with `status`."""

    def __init__(self) -> None:
        self.posts: list[tuple[str, dict]] = []
        self.status = 200
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                outer.posts.append((self.path, json.loads(self.rfile.read(length))))
                self.send_response(outer.status)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]


@pytest.fixture
def web() -> Iterator[WebServer]:
    server = WebServer()
    thread = threading.Thread(target=server.server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.server.shutdown()
    thread.join()
    server.server.server_close()


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(tmp_path / "ledger.sqlite") as opened:
        yield opened
