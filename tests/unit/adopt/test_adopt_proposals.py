"""What is proposed for a log, case by case: the part, its evidence, its rival.

Expected are decisions that a person would take on the same small file.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from orchestration.adopt.profile import Log, read, sniff
from orchestration.adopt.propose import Proposal, Wishes, personal, propose
from orchestration.readers.base import Limits
from tests.unit.adopt.logs import HEADER, SAID, STEPS, Desk, rows, written

XES = """<?xml version="1.0"?>
<log xmlns="http://www.xes-standard.org/">
<global scope="event"><date key="time:timestamp" value="1970-01-01T00:00:00Z"/></global>
<classifier name="Activity classifier" keys="concept:name lifecycle:transition"/>
{traces}</log>
"""
LATER = {"complete": "30", "start": "00"}


def profiled(path: Path) -> tuple[Log, Proposal]:
    """A profiled file and what is proposed for it."""
    connection = duckdb.connect()
    connection.execute("set TimeZone = 'UTC'")
    work = path.parent / "work"
    work.mkdir(exist_ok=True)
    layout = sniff(path, Limits(), work, None)
    log = read(connection, path, layout, Limits(), work)
    return log, propose(log, Wishes())


def values(proposal: Proposal) -> dict[str, tuple[str, ...]]:
    """Who plays which part."""
    return {part: one.value for part, one in proposal.choices.items()}


def test_the_plain_log_has_one_reading(tmp_path: Path) -> None:
    _, found = profiled(written(tmp_path, rows()))
    assert values(found) == {
        "case": ("Case ID",),
        "activity": ("Activity",),
        "timestamp": ("Timestamp",),
        "resource": ("Agent",),
    }
    assert found.choices["case"].evidence.startswith("no nulls, 40 values of 4.0 rows")
    assert found.open_parts() == []


def test_chinese_headers_in_gb18030_with_crlf(tmp_path: Path) -> None:
    header = ("工单编号", "环节", "完成时间", "处理人", "备注")
    names = dict(zip(STEPS, ("受理", "审核", "决定", "付款"), strict=True))
    lines = [",".join(header)]
    lines += [f"{c},{names[s]},{at},{who},请尽快处理" for c, s, at, who in rows()]
    path = tmp_path / "工单.csv"
    path.write_bytes("\r\n".join([*lines, ""]).encode("gb18030"))
    log, found = profiled(path)
    assert (log.layout.encoding, log.layout.line_end) == ("gb18030", "crlf")
    assert values(found) == {
        "case": ("工单编号",),
        "activity": ("环节",),
        "timestamp": ("完成时间",),
        "resource": ("处理人",),
    }
    assert personal(log.named("备注")) == "drop"


@pytest.mark.parametrize(
    ("form", "formats", "proof"),
    [
        ("%Y-%m-%d %H:%M:%S", (), ""),
        ("%d/%m/%Y %H:%M", ("%d/%m/%Y %H:%M",), "cells have a first number over 12"),
        ("%m/%d/%y %I:%M %p", ("%m/%d/%y %I:%M %p",), "a second number over 12"),
        ("%d.%m.%Y %H:%M:%S", ("%d.%m.%Y %H:%M:%S",), "first number"),
        ("%d-%b-%y", ("%d-%b-%y",), ""),
        ("%Y年%m月%d日 %H:%M", ("%Y年%m月%d日 %H:%M",), ""),
        ("%Y%m%d%H%M%S", ("%Y%m%d%H%M%S",), ""),
        ("%Y/%m/%d %H:%M:%S.%f", ("%Y/%m/%d %H:%M:%S.%f",), ""),
        ("%Y-%m-%dT%H:%M:%S+08:00", (), ""),
    ],
)
def test_one_format_reads_the_whole_column(
    tmp_path: Path, form: str, formats: tuple[str, ...], proof: str
) -> None:
    log, _ = profiled(written(tmp_path, rows(form=form)))
    times = log.named("Timestamp").times
    assert times.formats == formats
    assert times.reads == 1
    assert len(times.orders) == 1
    assert proof in times.proof
    assert times.has_offset == form.endswith("+08:00")


@pytest.mark.parametrize(
    ("form", "factor", "last"),
    [
        ("epoch_seconds", 1, ""),
        ("epoch_seconds", 1, ".5"),
        ("epoch_milliseconds", 1000, ""),
    ],
)
def test_numbers_since_1970_are_times_in_utc(
    desk: Desk, tmp_path: Path, form: str, factor: int, last: str
) -> None:
    """Under the name of a time; the same digits as a number of an account are none."""
    lines = []
    for case, step, at, who in rows():
        second = int(datetime.fromisoformat(f"{at}+00:00").timestamp())
        lines.append([case, step, f"{second * factor}{last}", who, second])
    log = written(tmp_path, lines, (*HEADER, "Account"))
    read_log, found = profiled(log)
    assert found.value("timestamp") == "Timestamp"
    times = read_log.named("Timestamp").times
    assert (times.formats, times.has_offset, times.reads) == ((form,), True, 1)
    assert read_log.named("Account").times is None
    assert desk.adopt(log, replace(SAID, timezone=None)) == 0, desk.text
    assert "40 cases from 2026-03-01 to" in desk.text
    (contract,) = desk.root.rglob("_claims__sources.yml")
    assert f"format: {form}" in contract.read_text()


def test_words_in_a_time_column_are_no_time_and_counted(tmp_path: Path) -> None:
    lines = [[*r, r[2] if n % 4 else "not yet"] for n, r in enumerate(rows())]
    log, _ = profiled(written(tmp_path, lines, (*HEADER, "Paid at")))
    times = log.named("Paid at").times
    assert (times.words, times.word_rows) == (("not yet",), 40)


def test_a_mark_for_no_value_is_told_from_a_value(tmp_path: Path) -> None:
    """`?` stands in a quarter of one column; the single `-` may be a value."""
    lines = [[*r, "?" if n % 4 else "x"] for n, r in enumerate(rows())]
    lines[0][3] = "-"
    log, _ = profiled(written(tmp_path, lines, (*HEADER, "Extra")))
    assert log.markers == ("?",)


def test_two_steps_of_one_row_are_start_and_end(tmp_path: Path) -> None:
    lines = [[*r, r[2].replace("-03-", "-02-")[:14] + "00:00"] for r in rows(20)]
    _, found = profiled(written(tmp_path, lines, (*HEADER, "Start Timestamp")))
    assert values(found)["timestamp"] == ("Timestamp",)
    assert values(found)["start"] == ("Start Timestamp",)


def test_what_is_known_of_a_whole_case(tmp_path: Path) -> None:
    """Deadline and caller are one per case; the team changes within."""
    lines = [
        [*r, "2026-06-01 00:00:00", f"p{int(r[0][2:]) % 7}", f"team {r[1][0]}"]
        for r in rows()
    ]
    header = (*HEADER, "Deadline", "Caller", "Group")
    _, found = profiled(written(tmp_path, lines, header))
    assert values(found) | {"due": ("Deadline",), "requester": ("Caller",)} == values(
        found
    )
    assert values(found)["org_unit"] == ("Group",)
    assert found.leaking == {}


def test_two_columns_that_could_be_the_activity_are_rivals(
    desk: Desk, tmp_path: Path
) -> None:
    """Task and step say different things; neither is taken without a word."""
    lines = [[c, s, at, who, "ab"[n % 2]] for n, (c, s, at, who) in enumerate(rows())]
    header = ("Case ID", "Task", "Timestamp", "Agent", "Step")
    log = written(tmp_path, lines, header)
    wishes = replace(SAID, activity=())
    assert desk.adopt(log, wishes, yes=True) == 2
    assert "To decide: activity." in desk.text
    assert "next: Step" in desk.text


def test_the_end_moves_the_lead_time_and_is_asked_for(
    desk: Desk, tmp_path: Path
) -> None:
    """Every case ends with archive, three hours after it was resolved."""
    names = dict(zip(STEPS, ("open", "work", "resolved", "archive"), strict=True))
    log = written(tmp_path, [[r[0], names[r[1]], *r[2:]] for r in rows()])
    assert desk.adopt(log, replace(SAID, end=()), yes=True) == 2
    assert "archive: last in 40 of 40 cases, median lead time 3.0 hours" in desk.text
    assert "resolved: last in 0 of 40 cases, median lead time 2.0 hours" in desk.text
    assert "To decide: end." in desk.text


def test_the_proposal_is_a_command_that_adopts(desk: Desk, tmp_path: Path) -> None:
    """Nothing is said: exit 2 and a command; an end without a rival needs --yes."""
    log = written(tmp_path, rows())
    assert desk.adopt(log, Wishes(timezone="Asia/Shanghai")) == 2
    assert "To decide: case, activity, timestamp, end." in desk.text
    assert "--case 'Case ID' --activity Activity --timestamp Timestamp" in desk.text
    assert desk.adopt(log, Wishes(timezone="Asia/Shanghai"), yes=True) == 0, desk.text


def test_on_a_terminal_every_part_is_asked_for_with_its_proposal(
    desk: Desk, tmp_path: Path
) -> None:
    """The person takes all but the resource; a slip of the pen is asked again."""
    asked = []
    answers = {"resource": ["Agnet", "none"], "timezone": ["UTC"], "end": ["pay"]}

    def ask(part: str, proposed: str) -> str:
        asked.append((part, proposed))
        return answers[part].pop(0) if answers.get(part) else proposed

    assert desk.adopt(written(tmp_path, rows()), Wishes(), ask=ask) == 0, desk.text
    assert asked == [
        ("case", "Case ID"),
        ("activity", "Activity"),
        ("timestamp", "Timestamp"),
        ("resource", "Agent"),
        ("resource", "Agent"),
        ("timezone", "Asia/Shanghai"),
        ("end", "pay"),
    ]
    assert "No such column. There are: Case ID, Activity" in desk.text
    (events,) = desk.root.rglob("int_claims__events.sql")
    assert "cast(null as varchar) as resource_id" in events.read_text()


def xes(path: Path) -> None:
    traces = ""
    for case in range(30):
        events = "".join(
            f'<event><string key="concept:name" value="{step}"/>'
            f'<string key="lifecycle:transition" value="{state}"/>'
            f'<date key="time:timestamp" '
            f'value="2026-03-{1 + case % 28:02}T1{n}:{LATER[state]}:00+01:00"/></event>'
            for n, step in enumerate(STEPS)
            for state in ("start", "complete")
        )
        traces += f'<trace><string key="concept:name" value="{case}"/>{events}</trace>'
    path.write_bytes(gzip.compress(XES.format(traces=traces).encode()))


def jsonl(path: Path) -> None:
    lines = [
        json.dumps({"case": {"id": c}, "activity": s, "time": at, "agent": who})
        for c, s, at, who in rows()
    ]
    path.write_text("\n".join(lines))


def parquet(path: Path) -> None:
    cells = list(zip(*rows(), strict=True))
    columns = {name: list(column) for name, column in zip(HEADER, cells, strict=True)}
    columns["Timestamp"] = [datetime.fromisoformat(x) for x in columns["Timestamp"]]
    pq.write_table(pa.table(columns), path)


def tsv(path: Path) -> None:
    path.write_text("\r".join("\t".join(r) for r in [HEADER, *rows()]), newline="")


def xlsx(path: Path) -> None:
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    book.active.append(["A report"])
    for row in [HEADER, *rows()]:
        book.active.append(list(row))
    book.save(path)


@pytest.mark.parametrize(
    ("name", "make", "parts"),
    [
        ("log.xes.gz", xes, ("case:concept:name", "concept:name", "time:timestamp")),
        ("log.jsonl", jsonl, ("case.id", "activity", "time")),
        ("log.parquet", parquet, HEADER[:3]),
        ("log.tsv", tsv, HEADER[:3]),
        ("log.xlsx", xlsx, HEADER[:3]),
    ],
)
def test_every_format_is_adopted(
    desk: Desk,
    tmp_path: Path,
    name: str,
    make: Callable[[Path], None],
    parts: tuple[str, ...],
) -> None:
    log = tmp_path / name
    make(log)
    _, found = profiled(log)
    chosen = [found.value(part) for part in ("case", "activity", "timestamp")]
    assert chosen == list(parts)
    wishes = Wishes(timezone="Asia/Shanghai", end=("pay",))
    assert desk.adopt(log, wishes, yes=True) == 0, desk.text
    if name.endswith("xes.gz"):
        assert values(found)["lifecycle"] == ("lifecycle:transition",)


@pytest.mark.parametrize(
    ("header", "cell", "expected"),
    [
        ("Contact", "someone@example.org", "drop"),
        ("Line", "13812345678", "drop"),
        ("Customer name", "Li Lei", "drop"),
        ("Notes", "short", "drop"),
        ("Answer", "a long story about what went wrong with order {n}", "drop"),
        ("Handled by", "u17", "hash"),
        ("customer_id", "4711{n}", "hash"),
        ("Product", "lamp", "keep"),
        ("Amount", "12.{n}", "keep"),
    ],
)
def test_what_says_something_about_a_person_is_never_kept(
    tmp_path: Path, header: str, cell: str, expected: str
) -> None:
    lines = [[*row, cell.format(n=n)] for n, row in enumerate(rows())]
    log, _ = profiled(written(tmp_path, lines, (*HEADER, header)))
    assert personal(log.named(header)) == expected
