"""`takt refresh` on the demo against a bare `dbt build` of the same models.

The bare build is a process of its own, parses the project and reads the same lake; it
ingests, judges, audits and publishes nothing. Two nights are measured: the first, in
which all files of the demo are new and nothing was parsed before, and an ordinary one,
in which one day of files is new.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bench.clock import REPOSITORY, Ratio, Spent, fastest, run, say
from orchestration.build import batches_to_use, write_sources
from orchestration.contract import load_contracts
from orchestration.ledger import Ledger
from orchestration.readback import engine_options
from orchestration.settings import load_settings

BUDGET = 2.0
LAST_NIGHT = datetime.fromisoformat("2026-07-01T02:00+08:00")
LAST_DAY = "20260630"
PII_KEY = "a demo key, known to everybody"


class _Scene:
    """The demo's exports, a warehouse, and both commands."""

    def __init__(self, folder: Path, scale: float) -> None:
        self.exports = folder / "exports"
        self.home = folder / "home"
        self.aside = folder / "aside"
        self.eve = folder / "eve"
        self.bare = folder / "bare"
        self.environment = {
            "TAKT_HOME": str(self.home),
            "TAKT_EXPORTS": str(self.exports),
            "TAKT_PII_KEY": PII_KEY,
        }
        say("writing the demo's exports")
        self._takt("demo", "--scale", str(scale))

    def _takt(self, *arguments: str) -> Spent:
        command = [sys.executable, "-m", "orchestration", *arguments]
        return run(command, **self.environment)

    def refresh(self, as_of: datetime = LAST_NIGHT) -> Spent:
        return self._takt("refresh", "--as-of", as_of.isoformat())

    def first_refresh(self) -> Spent:
        shutil.rmtree(self.home, ignore_errors=True)
        return self.refresh()

    def nightly_refresh(self) -> Spent:
        shutil.rmtree(self.home)
        shutil.copytree(self.eve, self.home, symlinks=True)
        return self.refresh()

    def keep_the_eve(self) -> None:
        """The warehouse as it was before the last day's files came."""
        shutil.rmtree(self.home, ignore_errors=True)
        with self._without_last_day():
            self.refresh(LAST_NIGHT - timedelta(days=1))
        shutil.copytree(self.home, self.eve, symlinks=True)

    @contextmanager
    def _without_last_day(self) -> Iterator[None]:
        late = [p for p in self.exports.rglob(f"*{LAST_DAY}*") if p.is_file()]
        for path in late:
            target = self.aside / path.relative_to(self.exports)
            target.parent.mkdir(parents=True, exist_ok=True)
            path.rename(target)
        try:
            yield
        finally:
            for path in late:
                (self.aside / path.relative_to(self.exports)).rename(path)

    def write_sources(self) -> None:
        """What the last refresh built from, for the bare build to read."""
        settings = load_settings(home=self.home, exports=self.exports)
        manifest = settings.dbt_target / "manifest.json"
        exports = load_contracts(json.loads(manifest.read_text(encoding="utf-8")))
        self.bare.mkdir()
        with Ledger.open(settings.ledger_path) as ledger:
            write_sources(
                self.bare / "sources.duckdb",
                exports,
                batches_to_use(settings, ledger, exports),
                ledger,
                LAST_NIGHT,
                "bench",
                engine_options(settings.memory_limit, settings.threads),
            )

    def bare_build(self, *, parsed_before: bool) -> Spent:
        """A fresh file each time; the parsed project is kept or thrown away."""
        database = self.bare / "dev.duckdb"
        shutil.copy(self.bare / "sources.duckdb", database)
        target = self.bare / "target"
        if not parsed_before:
            shutil.rmtree(target, ignore_errors=True)
        moment = f"{LAST_NIGHT.astimezone(UTC):%Y-%m-%d %H:%M:%S}"
        variables = {"as_of": moment, "timezone": "Asia/Shanghai"}
        return run(
            [
                Path(sys.executable).with_name("dbt"),
                "--quiet",
                "build",
                *("--exclude", "resource_type:unit_test"),
                *("--vars", json.dumps(variables)),
                *("--profiles-dir", REPOSITORY),
                *("--target-path", target),
                *("--log-path", self.bare / "logs"),
            ],
            TAKT_BUILD_FILE=str(database),
        )


def measure(folder: Path, times: int, size: float = 1) -> list[Ratio]:
    """Both nights; `size` multiplies the demo's cases."""
    scene = _Scene(folder, size)
    say("the eve: everything but the last day")
    scene.keep_the_eve()
    scene.first_refresh()
    scene.write_sources()
    found = fastest(
        times,
        {
            "first refresh": scene.first_refresh,
            "dbt build, nothing parsed": lambda: scene.bare_build(parsed_before=False),
            "nightly refresh": scene.nightly_refresh,
            "dbt build, parsed before": lambda: scene.bare_build(parsed_before=True),
        },
    )
    return [
        Ratio(night, found[night], build, found[build], BUDGET)
        for night, build in (
            ("first refresh", "dbt build, nothing parsed"),
            ("nightly refresh", "dbt build, parsed before"),
        )
    ]
