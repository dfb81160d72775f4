"""The child process that reads files: crashes, hangs and memory stay in here.

Started as a fresh interpreter, never forked: a fork would keep the parent's locks.
Talks over one private pipe; what native libraries print goes to the error stream.
"""

from __future__ import annotations

import os
import resource
from multiprocessing.connection import Connection

from orchestration.readers.base import Refusal
from orchestration.readers.parse import Parsed, ParseTask, parse

# Address space beyond the database's own limit: code, buffers, Python's objects.
SPARE_BYTES = 3 * 2**30


def serve(descriptor: int, memory_limit: int) -> None:
    """Answer tasks until the parent closes the pipe."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    most = memory_limit + SPARE_BYTES
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    # Whatever a parser writes, only its owner may read.
    os.umask(0o077)
    pipe = Connection(descriptor)
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        pipe.send(answer(task))


def answer(task: ParseTask) -> Parsed | Refusal | OSError:
    """What became of one task; anything else than these kills the child."""
    try:
        return parse(task)
    except Refusal as refusal:
        return refusal
    except OSError as error:
        return OSError(error.errno, error.strerror or str(error))
    except MemoryError:
        return Refusal(
            "out_of_memory",
            "needs more memory than a parser may have: deliver smaller files",
        )
