"""Files as a source system delivers them: which rows, when, and what becomes of them.

A `Feed` is everything one export ever delivers, whatever the as-of moment; what of it
was there at a moment, and what of that a faultless reader holds, are `written` and
`in_force`. File formats live with the processes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from demo.clock import DAY, NONE, Span, span_of

ADMITTED = "admitted"
QUARANTINED = "quarantined"
KNOWN = "known"

_REVISION = re.compile(r"_r\d+(?=\.)")


@dataclass
class File:
    """One delivered file."""

    path: str
    delivered_at: int
    covers_until: int
    """The local midnight that ends its period."""
    verdict: str = ADMITTED
    copy_of: str | None = None
    """Path of the file whose bytes it repeats."""

    @property
    def logical_name(self) -> str:
        """The path that a revision shares with what it supersedes."""
        return _REVISION.sub("", self.path)

    @property
    def period(self) -> str:
        """The period in the file's name."""
        return re.findall(r"\d{4}H\d|\d{8}|\d{6}", self.path)[-1]


@dataclass
class Feed:
    """All files of one export and their rows.

    `rows` holds typed values as exported and the columns `file` (position in `files`),
    `rejected` (the reader must refuse the row) and `repeated` (an exact duplicate).
    """

    export: str
    files: list[File]
    rows: pd.DataFrame
    render: Callable[[pd.DataFrame, File], bytes]
    drops_duplicates: bool = True
    _edges: np.ndarray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.rows = self.rows.sort_values("file", kind="stable", ignore_index=True)
        self._edges = np.searchsorted(
            self.rows["file"].to_numpy(), np.arange(len(self.files) + 1)
        )

    def written(self, as_of: int) -> list[int]:
        """Positions of the files delivered by then, in order of delivery."""
        there = [
            number
            for number, file in enumerate(self.files)
            if file.delivered_at <= as_of
        ]
        return sorted(there, key=lambda number: self.files[number].delivered_at)

    def rows_of(self, number: int) -> pd.DataFrame:
        """The rows of one file."""
        return self.rows.iloc[self._edges[number] : self._edges[number + 1]]

    def in_force(self, as_of: int) -> pd.DataFrame:
        """The rows that a faultless reader holds: admitted, not superseded, typed."""
        newest: dict[str, int] = {}
        for number in self.written(as_of):
            if self.files[number].verdict == ADMITTED:
                newest[self.files[number].logical_name] = number
        keep = np.isin(self.rows["file"].to_numpy(), list(newest.values()))
        keep &= ~self.rows["rejected"].to_numpy()
        if self.drops_duplicates:
            keep &= ~self.rows["repeated"].to_numpy()
        return self.rows[keep]

    def covered_until(self, as_of: int) -> int:
        """The moment up to which the admitted files cover the export."""
        ends = [
            self.files[number].covers_until
            for number in self.written(as_of)
            if self.files[number].verdict == ADMITTED
        ]
        return max(ends, default=NONE)


def span_files(pattern: str, spans: list[Span]) -> list[File]:
    """One file per span; `{}` in the pattern is its label."""
    return [
        File(pattern.format(span.label), span.delivered_at, span.end * DAY)
        for span in spans
    ]


def into_files(rows: pd.DataFrame, recorded: np.ndarray, spans: list[Span]):
    """Rows with the file that holds the moment each was recorded; others are left out.

    Sets `rejected` and `repeated` to false.
    """
    rows = rows.copy()
    rows["file"] = span_of(spans, np.asarray(recorded) // DAY)
    rows["recorded"] = recorded
    rows["rejected"] = False
    rows["repeated"] = False
    inside = (rows["file"] >= 0) & (rows["file"] < len(spans))
    rows = rows[inside].sort_values(["file", "recorded"], kind="stable")
    return rows.drop(columns="recorded").reset_index(drop=True)


def repeat_rows(rows: pd.DataFrame, which: np.ndarray) -> pd.DataFrame:
    """The rows with some of them once more right behind the first, as duplicates."""
    copies = rows.iloc[which].copy()
    copies["repeated"] = True
    both = pd.concat([rows, copies])
    return both.sort_index(kind="stable").reset_index(drop=True)


def as_known(
    cases: pd.DataFrame,
    which: np.ndarray,
    until: np.ndarray,
    times: Sequence[str],
    follows: dict[str, str],
) -> pd.DataFrame:
    """Cases, by position, as a system knew them at moments (exclusive).

    A time that lies later is `NONE`, and so is a column that `follows` one. `case` is
    the position, `updated` the newest known time.
    """
    rows = cases.iloc[which].reset_index(drop=True)
    rows["case"] = which
    updated = np.full(len(rows), NONE)
    for name in times:
        at = rows[name].to_numpy()
        rows[name] = at = np.where(at < until, at, NONE)
        updated = np.maximum(updated, at)
    for name, since in follows.items():
        rows[name] = np.where(rows[since] >= 0, rows[name], NONE)
    rows["updated"] = updated
    return rows


def delta_rows(
    cases: pd.DataFrame,
    times: Sequence[str],
    follows: dict[str, str],
    spans: list[Span],
) -> pd.DataFrame:
    """Rows of a delta export: each case once in every span in which it changed.

    They stand as at the end of the span; `rejected` and `repeated` are false.
    """
    pairs = []
    for name in times:
        at = cases[name].to_numpy()
        span = span_of(spans, at // DAY)
        changed = (at >= 0) & (span >= 0) & (span < len(spans))
        pairs.append(np.flatnonzero(changed) * len(spans) + span[changed])
    which, span = np.divmod(np.unique(np.concatenate(pairs)), len(spans))
    ends = np.array([one.end for one in spans]) * DAY
    rows = as_known(cases, which, ends[span], times, follows)
    return rows.assign(file=span, rejected=False, repeated=False)


def newest(rows: pd.DataFrame) -> pd.DataFrame:
    """The newest version of each case of a delta export, last delivered among equals.

    `rows` come in order of delivery.
    """
    rows = rows.iloc[np.lexsort((rows["updated"].to_numpy(), rows["case"].to_numpy()))]
    case = rows["case"].to_numpy()
    return rows[np.append(case[1:] != case[:-1], True)[: len(case)]]
