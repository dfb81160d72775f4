"""What becomes of each declared export when its file is sent twice, renamed inside,
damaged in one row, or emptied. The files are those of the demo company.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo import generate
from orchestration.contract import Export
from orchestration.gate import judge_new
from orchestration.ledger import Batch, Ledger
from orchestration.settings import Settings
from tests.helpers.ingesting import Site
from tests.unit.gate.frames import contracts

EXPORTS = contracts()
TEXT = [code for code, export in EXPORTS.items() if export.format in ("csv", "jsonl")]
DAMAGE = "见附件"

Rows = list[dict[str, str]]


@pytest.fixture(scope="module")
def delivered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first half of 2025, when every export has delivered at least once."""
    folder = tmp_path_factory.mktemp("exports")
    generate(folder, None, scale=0.25, as_of="2025-07-01T02:00+08:00")
    return folder


@pytest.fixture
def site(settings: Settings) -> Iterator[Site]:
    with Ledger.open(settings.ledger_path) as ledger:
        yield Site(settings, ledger)


def newest(delivered: Path, export: Export) -> Path:
    """The last file of an export, relative to the exports."""
    paths = [path.relative_to(delivered) for path in delivered.rglob("*.*")]
    return max(path for path in paths if export.match(path.as_posix()))


def revision(path: Path) -> Path:
    stem, dot, rest = path.name.partition(".")
    return path.with_name(f"{stem}_r2{dot}{rest}")


def deliver(site: Site, export: Export, path: Path, content: bytes) -> tuple[str, str]:
    """Ingest one file; its outcome and the message of a refusal."""
    target = site.settings.exports / path
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(content)
    site.ingest(export)
    row = site.ledger.last_sighting(export, path.as_posix())
    assert row is not None
    return row["outcome"], row["refusal_message"] or ""


def verdict(site: Site, export: Export) -> str:
    report = judge_new(site.settings, site.ledger, [export], "gate", workers=0)
    (judged,) = report.judged
    return judged.verdict


def edited(
    export: Export, content: bytes, edit: Callable[[list[str], Rows], None]
) -> bytes:
    """A text file whose header and rows an edit has changed in place."""
    is_packed = export.compression == "gzip"
    encoding = export.encoding or "utf-8"
    text = (gzip.decompress(content) if is_packed else content).decode(encoding)
    if export.format == "jsonl":
        rows = [json.loads(line) for line in text.splitlines()]
        # An absent key is a null.
        names = list(dict.fromkeys(key for row in rows for key in row))
        header = list(names)
        edit(header, rows)
        renamed = dict(zip(names, header, strict=True))
        lines = [{renamed[key]: row[key] for key in row} for row in rows]
        text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    else:
        shape = {"delimiter": export.delimiter, "quotechar": export.quote}
        table = list(csv.reader(io.StringIO(text, newline=""), **shape))
        names = table[0]
        header = list(names)
        rows = [dict(zip(names, row, strict=True)) for row in table[1:]]
        edit(header, rows)
        out = io.StringIO(newline="")
        end = {"lf": "\n", "crlf": "\r\n"}[export.line_end]
        writer = csv.writer(out, lineterminator=end, **shape)
        writer.writerow(header)
        writer.writerows([row[name] for name in names] for row in rows)
        text = out.getvalue()
    content = text.encode(encoding)
    return gzip.compress(content, mtime=0) if is_packed else content


@pytest.mark.parametrize("code", EXPORTS)
def test_a_file_is_admitted_and_its_bytes_count_once(
    site: Site, delivered: Path, code: str
) -> None:
    export = EXPORTS[code]
    path = newest(delivered, export)
    content = (delivered / path).read_bytes()
    assert deliver(site, export, path, content) == ("loaded", "")
    assert verdict(site, export) in ("PASS", "WARN")
    assert deliver(site, export, revision(path), content) == ("known", "")
    assert len(site.batches) == 1


@pytest.mark.parametrize("code", TEXT)
def test_a_renamed_column_refuses_the_file_and_is_named(
    site: Site, delivered: Path, code: str
) -> None:
    export = EXPORTS[code]
    column = next(column for column in export.columns if column.required)

    def rename(header: list[str], rows: Rows) -> None:
        header[header.index(column.in_file)] = "renamed"

    path = newest(delivered, export)
    content = edited(export, (delivered / path).read_bytes(), rename)
    outcome, message = deliver(site, export, path, content)
    assert outcome == "refused"
    assert column.in_file in message
    assert site.batches == []


@pytest.mark.parametrize("code", TEXT)
def test_a_row_that_cannot_be_read_is_rejected_and_counted(
    site: Site, delivered: Path, code: str
) -> None:
    export = EXPORTS[code]
    typed = [column for column in export.columns if column.data_type != "varchar"]

    def damage(header: list[str], rows: Rows) -> None:
        row, name = next(
            (row, column.in_file)
            for row in rows
            for column in typed
            if row.get(column.in_file)
        )
        row[name] = DAMAGE

    path = newest(delivered, export)
    content = (delivered / path).read_bytes()
    deliver(site, export, path, edited(export, content, lambda header, rows: None))
    deliver(site, export, revision(path), edited(export, content, damage))
    sound, damaged = site.batches
    assert balance(damaged) == damaged.rows_in == sound.rows_in
    assert damaged.rejected == sound.rejected + 1


def balance(batch: Batch) -> int:
    return batch.loaded + batch.rejected + batch.duplicates


@pytest.mark.parametrize("code", TEXT)
def test_an_emptied_file_is_refused_unless_a_day_may_be_empty(
    site: Site, delivered: Path, code: str
) -> None:
    export = EXPORTS[code]
    path = newest(delivered, export)
    content = edited(
        export, (delivered / path).read_bytes(), lambda header, rows: rows.clear()
    )
    outcome, _ = deliver(site, export, path, content)
    if export.allow_empty:
        assert (outcome, site.batch.rows_in) == ("loaded", 0)
        assert verdict(site, export) == "PASS"
    else:
        assert (outcome, site.batches) == ("refused", [])
