"""Changes to register files that leave every other row as it is, byte for byte.

Here: appending a row, changing cells from a day on, writing atomically. Not here: what
is changed and why (`review`), and whether the result makes sense (`registers`).
"""

from __future__ import annotations

import csv
import io
import os
import tempfile
from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

# The first day of the period after a day, by the official period of a KPI.
_MONTHS = {"month": 1, "ytd": 1, "quarter": 3, "half_year": 6}


class ChangeRefused(ValueError):
    """The register is not as the change expects; the message is for people."""


class RegisterFile:
    """One seed: its lines, and the cells of each."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.text = path.read_text(encoding="utf-8")
        lines = self.text.splitlines(keepends=True)
        if lines and not lines[-1].endswith("\n"):
            lines[-1] += "\n"
        reader = csv.reader(lines)
        self._records: list[tuple[str, list[str]]] = []
        taken = 0
        for cells in reader:
            raw = "".join(lines[taken : reader.line_num])
            taken = reader.line_num
            self._records.append((raw, cells))
        self.columns = self._records[0][1]

    def rows(self) -> list[dict[str, str]]:
        """Cells by column, as text."""
        return [
            dict(zip(self.columns, cells, strict=True))
            for _, cells in self._records[1:]
            if cells
        ]

    def append(self, row: Mapping[str, str]) -> None:
        """Add a row at the end; columns not given stay blank."""
        self._records.append(self._record({**dict.fromkeys(self.columns, ""), **row}))

    def change(
        self,
        key: Mapping[str, str],
        cells: Mapping[str, tuple[str, str]],
        on: date,
        reason: str = "",
    ) -> None:
        """Set cells (old, new) of the row with this key from a day on, and its reason.

        A row that is in force by then ends on that day and a new one follows; one that
        begins on it or later is changed itself, since nothing was judged by it. Raises
        ChangeRefused where the row is not there or says something else by now.
        """
        place, row = self._find(key)
        for column, (old, new) in cells.items():
            if row[column] != old and _number(row[column]) != _number(old):
                raise ChangeRefused(
                    f'{self.path.name} · {column} is "{row[column]}" by now, not '
                    f'"{old}"; refresh, and decide on what is found then'
                )
            if row[column] == new:
                raise ChangeRefused(f'{self.path.name} · {column} is "{new}" already')
        changed = row | {column: new for column, (_, new) in cells.items()}
        if reason:
            changed["reason"] = " ".join(reason.split())
        if date.fromisoformat(row["valid_from"]) >= on:
            self._records[place] = self._record(changed)
            return
        if row["valid_to"] and date.fromisoformat(row["valid_to"]) <= on:
            raise ChangeRefused(
                f"{self.path.name}: the row ends on {row['valid_to']}, not after {on}; "
                "change the one that follows"
            )
        follows = changed | {"valid_from": on.isoformat()}
        ended = row | {"valid_to": on.isoformat()}
        self._records[place : place + 1] = [self._record(ended), self._record(follows)]

    def rendered(self) -> str:
        """The text of the file with all changes."""
        return "".join(raw for raw, _ in self._records)

    def _find(self, key: Mapping[str, str]) -> tuple[int, dict[str, str]]:
        for place, (_, cells) in enumerate(self._records):
            row = dict(zip(self.columns, cells, strict=False))
            if place and all(row.get(name) == value for name, value in key.items()):
                return place, row
        names = ", ".join(f"{name} {value}" for name, value in key.items())
        raise ChangeRefused(f"{self.path.name} has no row {names}")

    def _record(self, row: Mapping[str, str]) -> tuple[str, list[str]]:
        buffer = io.StringIO(newline="")
        cells = [row[column] for column in self.columns]
        csv.writer(buffer, lineterminator="\n").writerow(cells)
        return buffer.getvalue(), cells


def next_period(day: date, period: str) -> date:
    """First day of the period after the one that holds a day."""
    if period == "day":
        return day + timedelta(days=1)
    if period == "week":
        return day + timedelta(days=7 - day.weekday())
    length = _MONTHS[period]
    months = 12 * day.year + (day.month - 1) // length * length + length
    return date(months // 12, months % 12 + 1, 1)


def write_atomically(path: Path, text: str) -> None:
    """Replace a file by a whole one, or leave it as it was."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    whole = Path(name)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        whole.chmod(path.stat().st_mode & 0o777)
        whole.replace(path)
    except BaseException:
        whole.unlink(missing_ok=True)
        raise


def _number(cell: str) -> float | str:
    """`9` and `9.0` are the same figure."""
    try:
        return float(cell)
    except ValueError:
        return cell
