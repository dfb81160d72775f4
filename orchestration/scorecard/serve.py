"""Shows the published scorecard in a browser of this machine.

Serves the folder of the current version on 127.0.0.1, looked up at each request, so
that a new version appears by itself. Only for eyes here: a request that names another
host, as a page elsewhere could make a browser send, is refused.
"""

from __future__ import annotations

from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from orchestration.publish import CURRENT, SCORECARD
from orchestration.settings import Settings

HOST = "127.0.0.1"
_OURS = frozenset({HOST, "localhost"})


class NoScorecard(Exception):
    """There is no page to show; the message says what to do."""


def start_page(settings: Settings, language: str) -> Path:
    """The overview of the current version; raises NoScorecard."""
    folder = settings.published / CURRENT
    page = folder / SCORECARD / language / "index.html"
    if page.is_file():
        return page
    if not folder.exists():
        raise NoScorecard(
            f"Nothing is published in {settings.published}. Run `takt refresh` first."
        )
    raise NoScorecard(
        f"The version in {folder.resolve()} has no scorecard; an older Takt wrote it. "
        "Run `takt refresh`."
    )


def server(settings: Settings, port: int) -> ThreadingHTTPServer:
    """A server that is not started yet; port 0 takes any that is free.

    Raises NoScorecard where the port is taken.
    """
    folder = settings.published / CURRENT / SCORECARD
    try:
        return ThreadingHTTPServer((HOST, port), partial(_Pages, directory=str(folder)))
    except OSError as error:
        raise NoScorecard(
            f"Port {port} is taken ({error.strerror}). Choose another with --port."
        ) from None


class _Pages(SimpleHTTPRequestHandler):
    """Files of the scorecard, no listings, for this machine only."""

    def send_head(self) -> Any:
        if self.headers.get("Host", "").rpartition(":")[0] not in _OURS:
            self.send_error(HTTPStatus.MISDIRECTED_REQUEST)
            return None
        return super().send_head()

    def list_directory(self, path: Any) -> None:
        self.send_error(HTTPStatus.NOT_FOUND)

    def end_headers(self) -> None:
        # After a refresh the same address shows the new version.
        self.send_header("Cache-Control", "no-cache")
        self.send_header("X-Content-Type-Options", "nosniff")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are nobody's business."""
