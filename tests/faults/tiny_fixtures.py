"""Homes the fault tests copy: one published version, and a candidate for the next."""

from __future__ import annotations

import shutil
from dataclasses import dataclass, replace
from pathlib import Path

from orchestration.build import Candidate, build_candidate
from orchestration.ledger import Ledger
from tests.faults.tiny import (
    AS_OF,
    TinySettings,
    deliver,
    exports_of,
    night,
    sale,
    tiny_settings,
    version_path,
)


@dataclass(frozen=True)
class Waiting:
    """A home after its first night, with one batch more and its candidate built.

    `reference` is the version a second, undisturbed night publishes.
    """

    home: Path
    candidate: Candidate
    reference: Path

    def copy(self, target: Path) -> TinySettings:
        """Settings of a fresh copy of the home."""
        shutil.copytree(self.home, target, symlinks=True)
        return tiny_settings(target)

    def candidate_in(self, settings: TinySettings) -> Candidate:
        """The candidate, as it lies in a copy of the home."""
        path = settings.home / self.candidate.path.relative_to(self.home)
        return replace(self.candidate, path=path)


def make_waiting(root: Path) -> Waiting:
    settings = tiny_settings(root / "home")
    exports = exports_of(settings)
    deliver(settings, exports["sales"], "20260301", [sale("a"), sale("b", None)])
    night(settings, "first")
    second = [sale("a"), sale("c", shop_code="south")]
    deliver(settings, exports["sales"], "20260302", second)
    shutil.copytree(settings.home, root / "reference", symlinks=True)
    reference = tiny_settings(root / "reference")
    night(reference, "never-killed")
    with Ledger.open(settings.ledger_path) as ledger:
        candidate = build_candidate(
            settings, ledger, list(exports.values()), "second", AS_OF
        )
    return Waiting(settings.home, candidate, version_path(reference, 2))
