"""`python -m bench [refresh] [core] [stream] [site] [adopt]`: say what is over.

Exit code 1 when a budget is not kept.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from bench import adopt, core, refresh, site, stream
from bench.clock import say


class Result(Protocol):
    """Something measured, and whether its budget was kept; prints itself."""

    @property
    def is_kept(self) -> bool: ...


BENCHES: dict[str, Callable[[Path, int, float], Sequence[Result]]] = {
    "refresh": refresh.measure,
    "core": core.measure,
    "stream": stream.measure,
    "site": site.measure,
    "adopt": adopt.measure,
}


def main() -> int:
    """Run the named benches, all by default; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="BENCH")
    parser.add_argument("--times", type=int, default=3, help="tries of each; default 3")
    parser.add_argument("--folder", type=Path, help="where to work; needs 40 GB")
    parser.add_argument(
        "--size", type=float, default=1, help="of the data; .01 to try a bench"
    )
    chosen = parser.parse_args()
    unknown = set(chosen.names) - set(BENCHES)
    if unknown:
        parser.error(f"no bench {', '.join(unknown)}; there are {', '.join(BENCHES)}")
    found: list[Result] = []
    for name in chosen.names or BENCHES:
        say(f"{name}:")
        with tempfile.TemporaryDirectory(dir=chosen.folder) as folder:
            found += BENCHES[name](Path(folder), chosen.times, chosen.size)
    for ratio in found:
        print(ratio)
    return 0 if all(ratio.is_kept for ratio in found) else 1


if __name__ == "__main__":
    raise SystemExit(main())
