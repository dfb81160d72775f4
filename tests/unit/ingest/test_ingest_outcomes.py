"""Every damaged or misdeclared file gets its outcome, and never a wrong row."""

from __future__ import annotations

import gzip
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest

from tests.helpers.ingesting import Site, column, export

GOOD = "order_no,amount\nA1,10\nA2,20\n"
CHINESE = "order_no,amount\n订单一,10\n订单二,20\n"
CSV = export()
GZ = export(files="shop/orders_{period}*.csv.gz", compression="gzip")
JSONL = export(files="shop/orders_{period}*.jsonl", format="jsonl")


def packed(text: str = GOOD) -> bytes:
    return gzip.compress(text.encode(), mtime=0)


def flipped(content: bytes, at: int) -> bytes:
    return content[:at] + bytes([content[at] ^ 0xFF]) + content[at + 1 :]


@pytest.mark.parametrize(
    ("content", "declared", "outcome"),
    [
        (CHINESE.encode("gb18030"), "gb18030", "loaded"),
        (CHINESE.encode("utf-8"), "utf-8", "loaded"),
        (CHINESE.encode("utf-8-sig"), "utf-8-sig", "loaded"),
        (CHINESE.encode("utf-8"), "utf-8-sig", "loaded"),
        (CHINESE.encode("utf-16"), "utf-16", "loaded"),
        (b"\xfe\xff" + CHINESE.encode("utf-16-be"), "utf-16", "loaded"),
        (CHINESE.encode("gb18030"), "utf-8", "encoding"),
        (CHINESE.encode("utf-8-sig"), "utf-8", "encoding"),
        (CHINESE.encode("utf-16-le"), "utf-16", "encoding"),
        (CHINESE.encode("utf-16")[:-1], "utf-16", "encoding"),
        (CHINESE.encode("gb18030") + b"\xff\xff,1\n", "gb18030", "encoding"),
        (CHINESE.encode() + "三,3\n".encode("gb18030"), "utf-8", "encoding"),
        ("order_no,amount\nA\ufffd,1\n".encode(), "utf-8", "encoding"),
        (b"order_no,amount\nA\0,1\n", "utf-8", "nul"),
        ("order_no,amount\nA\0,1\n".encode("utf-16"), "utf-16", "nul"),
    ],
)
def test_bytes_are_read_as_declared_or_not_at_all(
    site: Site, content: bytes, declared: str, outcome: str
) -> None:
    assert site.deliver(content, export(encoding=declared)) == outcome
    if outcome == "loaded":
        assert site.rows() == [("订单一", 10), ("订单二", 20)]


@pytest.mark.parametrize("cut", [1, 5, 9, 10, 11, len(packed()) // 2, -9, -8, -4, -1])
def test_a_gzip_file_cut_anywhere_is_truncated(site: Site, cut: int) -> None:
    outcome = site.deliver(packed()[:cut], GZ, "orders_20260601.csv.gz")
    # One byte is not even the mark of gzip.
    assert outcome == ("compression" if cut == 1 else "truncated")


@pytest.mark.parametrize("at", [-8, -5, -4, -1])
def test_a_gzip_file_with_a_wrong_checksum_or_length_is_refused(
    site: Site, at: int
) -> None:
    content = flipped(packed(), len(packed()) + at)
    assert site.deliver(content, GZ, "orders_20260601.csv.gz") == "crc"


@pytest.mark.parametrize(
    ("content", "contract", "name", "outcome"),
    [
        (packed(), GZ, "orders_20260601.csv.gz", "loaded"),
        (GOOD.encode(), GZ, "orders_20260601.csv.gz", "compression"),
        (packed(), CSV, "orders_20260601.csv", "compression"),
        (packed() + packed("A3,30\n"), GZ, "orders_20260601.csv.gz", "loaded"),
        (packed() + packed(), GZ, "orders_20260601.csv.gz", "repeated_header"),
    ],
)
def test_packing_is_as_declared_and_joined_members_have_one_header(
    site: Site, content: bytes, contract: Any, name: str, outcome: str
) -> None:
    assert site.deliver(content, contract, name) == outcome


def test_a_gzip_bomb_stops_at_the_ratio(site: Site) -> None:
    bomb = packed("order_no,amount\n" + "A1,10\n" * 1_500_000)
    assert len(bomb) < 30_000
    assert site.deliver(bomb, GZ, "orders_20260601.csv.gz") == "ratio"


EMPTY = {
    "zero bytes": b"",
    "byte order mark only": b"\xef\xbb\xbf",
    "header only": b"\xef\xbb\xbforder_no,amount\n",
    "header without line end": b"order_no,amount",
}


@pytest.mark.parametrize("allowed", [False, True])
@pytest.mark.parametrize("content", EMPTY.values(), ids=EMPTY)
def test_an_empty_file_needs_permission(
    site: Site, content: bytes, allowed: bool
) -> None:
    contract = export(encoding="utf-8-sig", allow_empty=allowed)
    assert site.deliver(content, contract) == ("loaded" if allowed else "empty")
    if allowed:
        batch = site.batch
        assert (batch.rows_in, batch.loaded, site.rows()) == (0, 0, [])


@pytest.mark.parametrize(
    ("header", "outcome"),
    [
        ("order_no,amount", "loaded"),
        ("amount,order_no", "loaded"),
        ("order_no,extra,amount", "loaded"),
        ("order_no", "header"),
        ("order_no,Amount", "header"),
        ("order_no, amount", "header"),
        ("order_no,amount,amount", "header"),
        ("A1,10", "header"),
        ("", "header"),
    ],
)
def test_the_header_decides_by_name(site: Site, header: str, outcome: str) -> None:
    cells = {"order_no": "A1", "amount": "10"}
    row = ",".join(cells.get(name, "x") for name in header.split(","))
    assert site.deliver(f"{header}\n{row}\n".encode(), CSV) == outcome
    if outcome == "loaded":
        assert site.rows() == [("A1", 10)]


def test_a_refused_header_names_both_lists_and_no_cell(site: Site) -> None:
    content = b"order_no,betrag\nWang Fang,10\n"
    assert site.deliver(content, CSV) == "header"
    message = site.message("orders_20260601.csv")
    assert "missing amount" in message
    assert "Declared: order_no, amount" in message
    assert "In the file: order_no, betrag" in message
    # Where no declared name is in sight, the first line may be somebody's data.
    site.deliver(b"Wang Fang,13800000000\n", CSV, "orders_20260602.csv")
    assert "Wang" not in site.message("orders_20260602.csv")


def test_extra_columns_are_recorded_and_ignored(site: Site) -> None:
    site.deliver(b"order_no,colour,amount\nA1,red,10\n", CSV)
    assert site.batch.extra_columns == ("colour",)
    assert site.rows() == [("A1", 10)]


@pytest.mark.parametrize(
    ("line", "rule"),
    [("A3", "ragged"), ("A3,30,30", "ragged"), ("A3,x", "not_integer")],
)
def test_a_bad_record_is_rejected_by_number_place_and_rule(
    site: Site, line: str, rule: str
) -> None:
    assert site.deliver((GOOD + line + "\nA4,40\n").encode(), CSV) == "loaded"
    assert site.rows() == [("A1", 10), ("A2", 20), ("A4", 40)]
    (reject,) = site.rejects
    assert (reject.record_no, reject.rule) == (3, rule)
    assert reject.byte_position == len(GOOD)
    assert reject.column_name == (None if rule == "ragged" else "amount")


def test_quotes_newlines_and_delimiters_inside_cells_are_content(site: Site) -> None:
    cells = ['say "hi"', "two\nlines", "a,b", " padded ", "=1+1", "'", "\u2028"]
    rows = "".join('"' + cell.replace('"', '""') + '",1\n' for cell in cells)
    assert site.deliver(f"order_no,amount\n{rows}".encode(), CSV) == "loaded"
    assert [row[0] for row in site.rows()] == cells


@pytest.mark.parametrize(
    ("content", "line_end", "outcome"),
    [
        (GOOD, "lf", "loaded"),
        (GOOD.replace("\n", "\r\n"), "crlf", "loaded"),
        (GOOD.replace("\n", "\r"), "cr", "loaded"),
        (GOOD.replace("\n", "\r\n"), "lf", "line_end"),
        (GOOD, "crlf", "line_end"),
        (GOOD + "A3,30\r\n", "lf", "line_end"),
        ('order_no,amount\r\n"A\n1",10\r\nA2,20\r\n', "crlf", "loaded"),
        (GOOD.rstrip("\n"), "lf", "loaded"),
    ],
)
def test_lines_end_as_declared(
    site: Site, content: str, line_end: str, outcome: str
) -> None:
    assert site.deliver(content.encode(), export(line_end=line_end)) == outcome
    if outcome == "loaded":
        assert [row[1] for row in site.rows()] == [10, 20]


@pytest.mark.parametrize("line", ['"A3,30\n', 'A"3,30"x"\n', '"A3"x,30\n'])
def test_broken_quotes_never_guess_where_a_record_ends(site: Site, line: str) -> None:
    content = (GOOD + line + "A4,40\n").encode()
    outcome = site.deliver(content, CSV)
    # A quote in the middle of a cell is only text, as the strict parser reads it.
    assert outcome == ("loaded" if line.startswith("A") else "quoting")
    if outcome == "loaded":
        assert site.rows()[2:] == [("A4", 40)]


def test_another_delimiter_from_the_middle_on_rejects_instead_of_losing(
    site: Site,
) -> None:
    rows = [f"A{n},{n}" if n < 500 else f"A{n};{n}" for n in range(1000)]
    assert site.deliver(("\n".join(["order_no,amount", *rows])).encode(), CSV)
    batch = site.batch
    assert (batch.rows_in, batch.loaded, batch.rejected) == (1000, 500, 500)


@pytest.mark.parametrize(
    ("content", "limits", "code"),
    [
        ("order_no,amount\n" + "A" * 200_000 + ",1\n", {"record": "64KiB"}, "record"),
        ('order_no,amount\n"' + "A\n" * 200_000, {"record": "64KiB"}, "record"),
        (GOOD + "A" * 3_000_000, {"record": "64KiB"}, "record"),
        (",".join(f"c{n}" for n in range(3000)) + "\n", {}, "too_many_columns"),
        (GOOD + "A3,3\n" * 40_000, {"unpacked": "100KB"}, "too_large"),
    ],
    ids=["long cell", "open quote", "long line", "many columns", "large file"],
)
def test_oversize_is_refused_by_the_limit_it_breaks(
    site: Site, content: str, limits: dict[str, str], code: str
) -> None:
    changes = {f"limit_{name}": value for name, value in limits.items()}
    site.settings = site.settings.model_copy(update=changes)
    outcome = site.deliver(content.encode(), CSV)
    assert outcome == ("record_too_long" if code == "record" else code)


def test_null_markers_are_those_declared_and_no_others(site: Site) -> None:
    contract = export(null_markers=["-", "NULL"])
    cells = ["-", "NULL", "null", "N/A", "无", '""']
    rows = (f"{cell},{number}\n" for number, cell in enumerate(cells))
    site.deliver(("order_no,amount\n" + "".join(rows)).encode(), contract)
    assert [row[0] for row in site.rows()] == [None, None, "null", "N/A", "无", None]


def test_a_null_in_the_key_rejects_its_record(site: Site) -> None:
    contract = export(delivery="delta", key=["order_no"])
    site.deliver(b"order_no,amount\n,1\nA2,2\n", contract)
    assert site.rows() == [("A2", 2)]
    assert [(r.column_name, r.rule) for r in site.rejects] == [("order_no", "null_key")]


def test_equal_records_are_one_row_and_counted(site: Site) -> None:
    site.deliver((GOOD + "A1,10\nA1,11\nA1,10\n").encode(), CSV)
    assert site.rows() == [("A1", 10), ("A2", 20), ("A1", 11)]
    assert (site.batch.rows_in, site.batch.duplicates) == (5, 2)
    site.ingest(export(exact_duplicates="keep"))
    assert (site.batch.loaded, site.batch.duplicates) == (5, 0)


# ------------------------------------------------------------------ other formats


def lines(*records: Any) -> bytes:
    return "".join(json.dumps(one) + "\n" for one in records).encode()


A1, A2 = {"order_no": "A1", "amount": 10}, {"order_no": "A2", "amount": 20}


@pytest.mark.parametrize(
    ("content", "outcome"),
    [
        (lines(A1, A2), "loaded"),
        (lines(A1, A2).rstrip(b"\n"), "loaded"),
        (lines(A1, A2)[:-4], "json"),
        (lines(A1) + b"{}x\n", "json"),
        (lines(A1) + b"[1]\n", "json"),
        (lines(A1) + b'{"order_no": NaN}\n', "json"),
        (b'{"order_no": "A1", "amount": 1, "amount": 2}\n', "duplicate_key"),
        (lines(A1) + '{"order_no": "单"}'.encode("gb18030"), "encoding"),
        (b"", "empty"),
    ],
)
def test_json_lines_are_whole_or_refused(
    site: Site, content: bytes, outcome: str
) -> None:
    assert site.deliver(content, JSONL, "orders_20260601.jsonl") == outcome


def test_json_numbers_keep_every_digit(site: Site) -> None:
    big = "12345678901234567890123"
    contract = export(
        column("order_no"),
        column("amount", "decimal(18,2)"),
        files=JSONL.files,
        format="jsonl",
    )
    content = f'{{"order_no": {big}, "amount": 1.10}}\n'.encode()
    site.deliver(content, contract, "orders_20260601.jsonl")
    assert [(row[0], str(row[1])) for row in site.rows()] == [(big, "1.10")]


def test_a_json_array_that_is_cut_is_refused_and_a_whole_one_streams(
    site: Site,
) -> None:
    contract = export(files="shop/orders_{period}*.json", format="json")
    whole = json.dumps([A1, A2]).encode()
    assert site.deliver(whole, contract, "orders_20260601.json") == "loaded"
    assert site.rows() == [("A1", 10), ("A2", 20)]
    assert site.deliver(whole[:-1], contract, "orders_20260602.json") == "truncated"
    assert site.deliver(whole + b"]", contract, "orders_20260603.json") == "json"


PARQUET = export(files="shop/orders_{period}*.parquet", format="parquet")


def parquet_file(folder: Path, select: str) -> bytes:
    path = folder / "made.parquet"
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        connection.execute(f"copy ({select}) to '{path}' (format parquet)")
    return path.read_bytes()


@pytest.mark.parametrize("cut", [0, 3, 100, -1])
def test_a_parquet_file_that_is_cut_is_refused(
    site: Site, tmp_path: Path, cut: int
) -> None:
    whole = parquet_file(tmp_path, "select 'A1' as order_no, 10 as amount")
    name = "orders_20260601.parquet"
    assert site.deliver(whole[:cut], PARQUET, name) == "parquet"
    assert site.deliver(whole, PARQUET, name) == "loaded"


def test_parquet_numbers_come_exactly_or_not_at_all(site: Site, tmp_path: Path) -> None:
    content = parquet_file(
        tmp_path,
        "select * from (values (1e0::double, 1), (2e15, 2), (1e17, 3))"
        " as t(order_no, amount)",
    )
    site.deliver(content, PARQUET, "orders_20260601.parquet")
    assert site.rows() == [("1", 1), ("2000000000000000", 2)]
    assert [reject.rule for reject in site.rejects] == ["inexact_number"]


XES = export(
    column("order_no", header="case:concept:name"),
    column("step", header="concept:name"),
    column("done_at", "timestamp", header="time:timestamp"),
    files="shop/orders_{period}*.xes",
    format="xes",
)


def xes(*events: str, head: str = "") -> bytes:
    return (
        f'<?xml version="1.0"?>{head}<log><global scope="event">'
        '<string key="concept:name" value="dummy"/></global>'
        '<trace><string key="concept:name" value="C1"/>'
        + "".join(f"<event>{event}</event>" for event in events)
        + "</trace></log>"
    ).encode()


STEP = (
    '<string key="concept:name" value="{}"/>'
    '<date key="time:timestamp" value="2026-06-01T08:00:00+08:00"/>'
)


def test_xes_events_come_with_their_traces_and_without_the_dummy(site: Site) -> None:
    site.deliver(xes(STEP.format("a"), STEP.format("b")), XES, "orders_20260601.xes")
    moment = datetime(2026, 6, 1)
    assert site.rows() == [("C1", "a", moment), ("C1", "b", moment)]


@pytest.mark.parametrize(
    ("content", "outcome"),
    [
        (xes(STEP.format("a"), head='<!DOCTYPE log [<!ENTITY a "b">]>'), "xml_dtd"),
        (
            xes(
                STEP.format("&a;"),
                head='<!DOCTYPE log [<!ENTITY a SYSTEM "file:///etc/passwd">]>',
            ),
            "xml_dtd",
        ),
        (xes(STEP.format("a"))[:-20], "xml"),
        (xes('<string key="concept:name" value="a"/>'), "loaded"),
    ],
    ids=["entity", "external entity", "cut", "without time"],
)
def test_xml_is_read_without_entities_and_to_its_end(
    site: Site, content: bytes, outcome: str
) -> None:
    assert site.deliver(content, XES, "orders_20260601.xes") == outcome


@pytest.mark.parametrize(
    ("content", "outcome"),
    [
        (b" \n[ ] \n", "empty"),
        (b"  \n", "empty"),
        (b"{}", "json"),
        (b'[{"order_no":"A1","amount":1}{"order_no":"A2","amount":2}]', "json"),
        (b'[{"order_no":"A1","amount":1},]', "json"),
        (b'[{"order_no":"A1","amount":1},', "truncated"),
        (b"[", "truncated"),
        (b'[{"order_no":"A1","amount":1},7]', "json"),
    ],
)
def test_a_json_array_has_commas_an_end_and_nothing_but_objects(
    site: Site, content: bytes, outcome: str
) -> None:
    contract = export(files="shop/orders_{period}*.json", format="json")
    assert site.deliver(content, contract, "orders_20260601.json") == outcome


@pytest.mark.parametrize("size", [1, 2, 3, 7, 16])
def test_a_json_array_reads_alike_wherever_its_chunks_end(
    site: Site, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr("orchestration.readers.json.CHUNK", size)
    contract = export(files="shop/orders_{period}*.json", format="json")
    content = b' [ {"order_no": "A1", "amount": 10} , {"order_no":"A2","amount":20}\n]'
    site.deliver(content, contract, "orders_20260601.json")
    assert site.rows() == [("A1", 10), ("A2", 20)]
