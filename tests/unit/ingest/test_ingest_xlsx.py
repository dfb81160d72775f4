"""Workbooks: one sheet by name, stored results, and archives that lie."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import datetime
from typing import Any

import openpyxl
import pytest

from tests.helpers.ingesting import Site, column, export

BOOK = export(
    column("order_no"),
    column("amount", "integer"),
    column("sold_at", "timestamp"),
    files="shop/orders_{period}*.xlsx",
    format="xlsx",
    sheet="Orders",
    header_row=2,
)
NAME = "orders_20260601.xlsx"
HEAD = ["order_no", "amount", "sold_at"]
MOMENT = datetime(2026, 6, 1, 8, 30)


def book(*rows: list[Any], sheet: str = "Orders") -> bytes:
    made = openpyxl.Workbook()
    made.active.title = sheet
    made.active.append(["Report of the day"])
    for row in rows:
        made.active.append(row)
    out = io.BytesIO()
    made.save(out)
    return out.getvalue()


def rewritten(content: bytes, part: str, change) -> bytes:
    """The archive with one part changed."""
    out = io.BytesIO()
    with (
        zipfile.ZipFile(io.BytesIO(content)) as old,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as new,
    ):
        for entry in old.infolist():
            data = old.read(entry)
            new.writestr(
                entry.filename, change(data) if entry.filename == part else data
            )
    return out.getvalue()


SHEET = "xl/worksheets/sheet1.xml"


def test_cells_become_what_the_contract_says(site: Site) -> None:
    content = book(HEAD, [1234567890123, 10, MOMENT], ["007", 2.0, None], [], ["A3", 3])
    assert site.deliver(content, BOOK, NAME) == "loaded"
    assert site.rows() == [
        ("1234567890123", 10, MOMENT),
        ("007", 2, None),
        ("A3", 3, None),
    ]


@pytest.mark.parametrize(
    ("content", "outcome"),
    [
        (book(HEAD, ["A1", 1, MOMENT], sheet="Other"), "sheet"),
        (book(["A1", 1, MOMENT]), "header"),
        (book(), "header"),
        (book(HEAD), "empty"),
        (book(HEAD, ["A1", 1, None])[:-30], "truncated"),
        (bytes.fromhex("d0cf11e0a1b11ae1") + b"\0" * 600, "encrypted"),
        (b"", "truncated"),
        (b"order_no,amount,sold_at\n", "truncated"),
    ],
    # The bytes of a workbook differ with the second in which it is made.
    ids=(
        *("other-sheet", "no-header", "no-rows", "header-alone", "cut-off"),
        *("encrypted", "nothing", "text"),
    ),
)
def test_what_is_no_such_workbook_is_refused(
    site: Site, content: bytes, outcome: str
) -> None:
    assert site.deliver(content, BOOK, NAME) == outcome


def test_macros_are_refused(site: Site) -> None:
    content = io.BytesIO(book(HEAD, ["A1", 1, MOMENT]))
    with zipfile.ZipFile(content, "a") as archive:
        archive.writestr("xl/vbaProject.bin", b"x")
    assert site.deliver(content.getvalue(), BOOK, NAME) == "macros"


def test_a_bomb_is_refused_by_the_directory(site: Site) -> None:
    content = io.BytesIO(book(HEAD, ["A1", 1, MOMENT]))
    with zipfile.ZipFile(content, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/media/zeros.bin", bytes(50_000_000))
    assert site.deliver(content.getvalue(), BOOK, NAME) == "ratio"
    with zipfile.ZipFile(content, "a") as archive:
        for number in range(2001):
            archive.writestr(f"xl/media/{number}", b"")
    assert site.deliver(content.getvalue(), BOOK, NAME) == "zip"


def test_a_flipped_bit_is_seen_by_the_archive(site: Site) -> None:
    content = bytearray(book(HEAD, *[["A1", n, MOMENT] for n in range(200)]))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        at = archive.getinfo(SHEET).header_offset + 200
    content[at] ^= 0x10
    assert site.deliver(bytes(content), BOOK, NAME) in ("crc", "truncated")


def test_a_wrong_stated_range_hides_no_row(site: Site) -> None:
    content = book(HEAD, ["A1", 1, MOMENT], ["A2", 2, MOMENT])
    lying = rewritten(
        content,
        SHEET,
        lambda xml: re.sub(rb'<dimension ref="[^"]*"', b'<dimension ref="A1:A1"', xml),
    )
    assert lying != content
    site.deliver(lying, BOOK, NAME)
    assert [row[0] for row in site.rows()] == ["A1", "A2"]


def test_a_formula_counts_by_its_result_and_without_one_is_a_reject(site: Site) -> None:
    content = book(HEAD, ["A1", "=1+1", MOMENT], ["A2", 2, MOMENT])
    site.deliver(content, BOOK, NAME)
    assert [row[0] for row in site.rows()] == ["A2"]
    assert [(r.record_no, r.column_name, r.rule) for r in site.rejects] == [
        (1, "amount", "no_result")
    ]
    with_result = rewritten(
        content, SHEET, lambda xml: re.sub(rb"</f><v ?/?>(</v>)?", b"</f><v>2</v>", xml)
    )
    site.deliver(with_result, BOOK, NAME)
    assert [row[:2] for row in site.rows()] == [("A1", 2), ("A2", 2)]


def test_entities_are_not_read(site: Site) -> None:
    content = rewritten(
        book(HEAD, ["A1", "=1", MOMENT]),
        SHEET,
        lambda xml: b'<!DOCTYPE a [<!ENTITY b "c">]>' + xml,
    )
    assert site.deliver(content, BOOK, NAME) == "xlsx"


def test_a_number_no_double_can_hold_and_a_bare_serial_are_rejects(site: Site) -> None:
    content = book(HEAD, [2.0**60, 1, MOMENT], ["A2", 1, 46174], ["A3", 1, MOMENT])
    site.deliver(content, BOOK, NAME)
    assert [row[0] for row in site.rows()] == ["A3"]
    assert [(r.record_no, r.rule) for r in site.rejects] == [
        (1, "inexact_number"),
        (2, "not_timestamp"),
    ]
