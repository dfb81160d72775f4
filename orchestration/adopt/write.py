"""Files of a pack onto the disk: all of it, none of it, or refused by name.

Files come in an order in which each needs only those before it, and the lists that
make a refresh read the pack come last: a run that is killed midway leaves files that
nobody reads, and the next run completes them. Each file replaces its old self in one
step. A file that a person edited is never overwritten, and rows of registers are only
added.
"""

from __future__ import annotations

import csv
import difflib
import io
import os
import re
import shutil
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestration import scaffold
from orchestration.adopt.render.text import is_sealed
from orchestration.faults import faultpoint

FOLDERS = ("models/staging", "models/processes", "models/metrics", "tests/data")
KEYS = {
    "processes": ("process_code",),
    "process_steps": ("process_code", "activity_code"),
    "kpis": ("kpi_code",),
}
TEMPORARY = ".adopting"


class AdoptError(ValueError):
    """The adoption cannot be written; the message says why and what to do."""


@dataclass(frozen=True)
class Change:
    """One file before and after; `edited` files stay as they are."""

    path: Path
    old: str | None
    new: str
    edited: bool = False

    @property
    def is_needed(self) -> bool:
        return self.old != self.new and not self.edited

    @property
    def is_register(self) -> bool:
        """A file that others share: it is shown as a difference."""
        return self.old is not None and is_sealed(self.old) is None

    def diff(self) -> str:
        """What would change, as a unified difference."""
        return "".join(
            difflib.unified_diff(
                (self.old or "").splitlines(keepends=True),
                self.new.splitlines(keepends=True),
                f"{self.path.as_posix()} (now)",
                f"{self.path.as_posix()} (adopted)",
                n=1,
            )
        )


def changes(
    root: Path,
    process: str,
    files: Mapping[Path, str],
    rows: Mapping[str, Sequence[Mapping[str, str]]],
    lists: Mapping[str, tuple[Sequence[str], Sequence[str]]],
) -> list[Change]:
    """Everything that an adoption would do, in order.

    `lists` maps the name of a list to the files that state it and the items to add.
    Raises AdoptError for files of that name that no adoption wrote.
    """
    found = []
    for path, text in files.items():
        there = root / path
        old = there.read_text(encoding="utf-8") if there.exists() else None
        sealed = is_sealed(old) if old is not None else True
        if sealed is None:
            raise AdoptError(
                f"{path.as_posix()} is there already and was not written by an "
                f"adoption. Choose another --process than {process}"
            )
        found.append(Change(path, old, text, edited=not sealed))
    draft = scaffold.Draft(root)
    for seed, added in rows.items():
        for row in added:
            if not _has_row(root, draft, seed, row):
                draft.append_row(seed, row)
    for name, (paths, items) in lists.items():
        for item in items:
            for path in map(Path, paths):
                if not _lists(root, draft, path, item):
                    draft.append_item(path, name, item)
    for path, text in draft.files.items():
        found.append(Change(path, (root / path).read_text(encoding="utf-8"), text))
    return found


def _text(root: Path, draft: scaffold.Draft, path: Path) -> str:
    return draft.files.get(path) or (root / path).read_text(encoding="utf-8")


def _has_row(
    root: Path, draft: scaffold.Draft, seed: str, row: Mapping[str, str]
) -> bool:
    text = _text(root, draft, Path("seeds") / f"{seed}.csv")
    key = KEYS[seed]
    return any(
        all(old[name] == row[name] for name in key)
        for old in csv.DictReader(io.StringIO(text))
    )


def _lists(root: Path, draft: scaffold.Draft, path: Path, item: str) -> bool:
    return f"'{item}'" in _text(root, draft, path)


def apply(root: Path, found: Iterable[Change]) -> list[Path]:
    """Write what is needed, each file in one step; returns what was written."""
    written = []
    for change in found:
        if change.is_needed:
            faultpoint("adopt.before_file")
            _replace(root / change.path, change.new)
            written.append(change.path)
    return written


def _replace(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(path.name + TEMPORARY)
    with temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)


def deliver(log: Path, target: Path) -> bool:
    """Put the log where a refresh finds it; True if it had to be copied."""
    if target.exists():
        if log.samefile(target) or _same_bytes(log, target):
            return False
        raise AdoptError(
            f"{target} is there already with other bytes. A later export of the log "
            f"is delivered as {target.stem}_r2{target.suffix} and needs no adoption"
        )
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}{TEMPORARY}")
    shutil.copyfile(log, temporary)
    faultpoint("adopt.before_delivery")
    temporary.replace(target)
    return True


def _same_bytes(one: Path, other: Path) -> bool:
    import filecmp

    return filecmp.cmp(one, other, shallow=False)


# ---------------------------------------------------------------- removing


def owned(root: Path, process: str) -> list[Path]:
    """All files of a pack, wherever they are."""
    found = [Path(f"expectations/{process}.py")]
    for folder in FOLDERS:
        found += [
            path.relative_to(root)
            for path in sorted((root / folder / process).glob("*"))
        ]
    return [path for path in found if (root / path).is_file()]


def removal(root: Path, process: str) -> tuple[list[Path], list[Path], list[Change]]:
    """(files to delete, files a person wrote or edited, changes of shared files).

    Raises AdoptError where no adoption wrote the pack.
    """
    files = owned(root, process)
    seals = {
        path: is_sealed((root / path).read_text(encoding="utf-8")) for path in files
    }
    if not any(seal is not None for seal in seals.values()):
        raise AdoptError(f"{process} is no adopted pack: nothing to remove")
    edited = [path for path, seal in seals.items() if not seal]
    return files, edited, list(_shared_without(root, process))


def _shared_without(root: Path, process: str) -> Iterator[Change]:
    lists = [(Path(path), process) for path in scaffold.PACK_LISTS]
    models = sorted((root / "models/metrics" / process).glob("kpi_*.sql"))
    lists += [(Path(scaffold.KPI_LIST), model.stem) for model in models]
    texts: dict[Path, str] = {}
    for path, item in lists:
        text = texts.get(path) or (root / path).read_text(encoding="utf-8")
        texts[path] = re.sub(rf"\n\s*'{item}',", "", text, count=1)
    for path in sorted((root / "seeds").glob("*.csv")):
        text = path.read_text(encoding="utf-8")
        texts[path.relative_to(root)] = _without_rows(text, process)
    for path, text in texts.items():
        old = (root / path).read_text(encoding="utf-8")
        if text != old:
            yield Change(path, old, text)


def _without_rows(text: str, process: str) -> str:
    """A register without the rows of a process; the others keep their bytes."""
    lines = io.StringIO(text, newline="")
    kept: list[str] = []
    header: list[str] = []
    record = ""
    for line in lines:
        record += line
        if record.count('"') % 2:
            continue
        cells = next(csv.reader([record]), [])
        if not header:
            header = cells
        row = dict(zip(header, cells, strict=False))
        is_its = row.get("process_code") == process or any(
            row.get(name, "").startswith(f"{process}.")
            for name in ("kpi_code", "counter_kpi_code")
        )
        if not is_its:
            kept.append(record)
        record = ""
    return "".join(kept) + record


def remove(root: Path, files: Iterable[Path], shared: Iterable[Change]) -> None:
    """Lists and registers first, so that nothing refers to a file that is gone."""
    apply(root, sorted(shared, key=lambda change: change.path.suffix != ".sql"))
    for path in files:
        faultpoint("adopt.before_file")
        (root / path).unlink()
    for folder in {(root / path).parent for path in files}:
        leftovers = [p for p in folder.iterdir() if p.name != "__pycache__"]
        if not leftovers and folder.name != "expectations":
            shutil.rmtree(folder)
