"""A parser's child process that dies or hangs on files that say so."""

from __future__ import annotations

import os
import signal
import time
from multiprocessing.connection import Connection

from orchestration.readers.worker import answer


def serve(descriptor: int, memory_limit: int) -> None:
    """Answer tasks; a file that begins with CRASH or LOOP does that instead."""
    del memory_limit
    pipe = Connection(descriptor)
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        content = task.raw.read_bytes()
        if content.startswith(b"CRASH"):
            os.kill(os.getpid(), signal.SIGSEGV)
        if content.startswith(b"LOOP"):
            time.sleep(3600)
        pipe.send(answer(task))
