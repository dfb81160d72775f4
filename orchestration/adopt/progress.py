"""What an adoption is doing, said at once, and again while it still does it.

Profiling ten million rows takes minutes, most of them in a few queries. Here: the
telling. Not here: what is told.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import TracebackType

import duckdb

EVERY = 10.0


class Progress:
    """Tells each step, and every ten seconds how long it has taken and how far it is.

    The share is that of the running query, where the database can say it.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        tell: Callable[[str], None],
        every: float = EVERY,
    ) -> None:
        self._connection, self._tell, self._every = connection, tell, every
        self._step, self._since = "", time.monotonic()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._repeat, daemon=True)

    def __call__(self, step: str) -> None:
        """Say what is done now."""
        self._step, self._since = step, time.monotonic()
        self._tell(step)

    def __enter__(self) -> Progress:
        self._connection.execute("set enable_progress_bar = true")
        self._connection.execute("set enable_progress_bar_print = false")
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._done.set()
        self._thread.join()

    def _repeat(self) -> None:
        while not self._done.wait(self._every):
            seconds = time.monotonic() - self._since
            if self._step and seconds >= self._every:
                share = self._connection.query_progress()
                part = f", {share:.0f} % of this query" if share > 0 else ""
                self._tell(f"{self._step}: {seconds:.0f} s{part}")
