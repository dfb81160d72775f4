"""A whole project in a folder: two tills, three marts, the real command line.

For tests that need processes of their own and cannot wait for the models of the demo
company. The code is a copy of `orchestration/`; a night takes a few seconds.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
HEADER = "sale_no,shop_code,cents,sold_at,buyer\n"
SUITES = '''\
"""What the files of the tills must meet."""

from expectations import rules
from orchestration.suites import Suite


def sales() -> Suite:
    return Suite(batch=[*rules.required("sale_no", "Tells sales apart.")])


def returns() -> Suite:
    return Suite(batch=[*rules.required("sale_no", "Says what came back.")])
'''


@dataclass(frozen=True)
class Shop:
    """The project folder, with its own exports and its own home."""

    root: Path

    @property
    def home(self) -> Path:
        return self.root / "data"

    @property
    def environment(self) -> dict[str, str]:
        """The environment of the test without its settings."""
        outside = {k: v for k, v in os.environ.items() if not k.startswith("TAKT_")}
        return {**outside, "TAKT_SETTLE_SECONDS": "0", "TAKT_MEMORY_LIMIT": "512MB"}

    def deliver(self, day: str, sales: Iterable[str]) -> Path:
        """Write the sales of a day (YYYYMMDD): number, shop, cents, time, buyer."""
        path = self.root / "exports" / "shop" / "sales" / f"sales_{day}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(HEADER + "".join(f"{line}\n" for line in sales))
        return path

    def takt(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """`takt …` in the project folder."""
        return subprocess.run(
            [sys.executable, "-m", "orchestration", *arguments],
            cwd=self.root,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=1800,
            check=False,
        )


def open_shop(root: Path) -> Shop:
    """Lay the project into a new folder; no file has come yet."""
    skipped = shutil.ignore_patterns("__pycache__")
    tiny = REPOSITORY / "tests" / "faults" / "tiny_project"
    shutil.copytree(tiny, root, ignore=skipped)
    shutil.copytree(
        REPOSITORY / "orchestration", root / "orchestration", ignore=skipped
    )
    (root / "expectations").mkdir()
    for name in ("__init__.py", "rules.py"):
        shutil.copy(REPOSITORY / "expectations" / name, root / "expectations" / name)
    (root / "expectations" / "shop.py").write_text(SUITES)
    return Shop(root)
