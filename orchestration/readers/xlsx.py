"""XLSX: one sheet, by name, read by calamine after the ZIP directory was checked.

Blank rows are no records: people leave them between blocks. The record number is the
row's distance from the header row, so that a reject can be found in the workbook.
Formulas count by their stored result; a formula without one, or an error value,
rejects the record. Macros and encryption refuse the file.
"""

from __future__ import annotations

import re
import zipfile
import zlib
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb

from orchestration.contract import TEMPORAL, Column, Export
from orchestration.readers.base import (
    Limits,
    Records,
    Refusal,
    Sink,
    check_header,
    shown,
)

OLE_MAGIC = bytes.fromhex("d0cf11e0a1b11ae1")
EXACT = 2**53
CHUNK = 2**20

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"


def read(
    connection: duckdb.DuckDBPyConnection,
    raw: Path,
    export: Export,
    limits: Limits,
    work: Path,
) -> Records:
    """The records of one sheet; raises Refusal."""
    del work
    check_archive(raw, limits)
    sheet = _sheet(raw, export)
    if sheet.total_width > limits.xlsx_columns:
        raise Refusal(
            "too_many_columns",
            f"has {sheet.total_width} columns in its sheet, more than "
            f"{limits.xlsx_columns} (TAKT_LIMIT_XLSX_COLUMNS)",
        )
    rows = sheet.to_python(skip_empty_area=False)
    sink = Sink(connection, export)
    head = rows[export.header_row - 1] if len(rows) >= export.header_row else []
    header = [_header_text(cell) for cell in head]
    if not any(header):
        if any(not _is_blank(row) for row in rows):
            raise Refusal("header", f"has no header in row {export.header_row}")
        return sink.records([])
    positions, extra = check_header(export, header)
    unreadable = _cells_without_result(raw, export)
    for row_no, row in enumerate(rows[export.header_row :], start=1):
        faults = unreadable.get(export.header_row + row_no, set())
        if _is_blank(row) and not faults:
            continue
        if [_header_text(cell) for cell in row] == header:
            raise Refusal(
                "repeated_header",
                f"repeats its header as record {row_no}: sheets were joined",
            )
        _add(sink, export, row_no, row, positions, faults)
    records = sink.records(name for name in extra if name)
    records.iso_dates_too = True
    return records


def _header_text(cell: Any) -> str:
    text = _plain_number(cell) if isinstance(cell, float) else str(cell)
    return text.strip()


def _is_blank(row: list[Any]) -> bool:
    return all(
        cell == "" or (isinstance(cell, str) and not cell.strip()) for cell in row
    )


def _add(
    sink: Sink,
    export: Export,
    row_no: int,
    row: list[Any],
    positions: list[int | None],
    faults: set[int],
) -> None:
    cells: list[str | None] = []
    for column, at in zip(export.columns, positions, strict=True):
        cell = row[at] if at is not None and at < len(row) else ""
        if column.pii != "drop":
            if at in faults:
                sink.reject(row_no, column.name, "no_result")
                return
            inexact = isinstance(cell, int | float) and abs(cell) > EXACT
            if inexact and column.data_type != "double":
                sink.reject(row_no, column.name, "inexact_number")
                return
        cells.append(_text(cell, column))
    sink.add(row_no, cells)


def _text(cell: Any, column: Column) -> str | None:
    """A cell as the text that typing expects, in the column's own dialect."""
    if isinstance(cell, str):
        return cell or None
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, int | float):
        number = repr(cell) if column.data_type == "double" else _plain_number(cell)
        if column.data_type in TEMPORAL:
            # A bare number in a date column is a serial of unknown epoch.
            return f"serial {number}"
        return number.replace(".", column.decimal_mark)
    if isinstance(cell, datetime):
        midnight = cell.time() == time()
        if midnight and column.data_type != "timestamp":
            return cell.date().isoformat()
        return cell.isoformat(sep=" ")
    if isinstance(cell, date):
        suffix = " 00:00:00" if column.data_type == "timestamp" else ""
        return cell.isoformat() + suffix
    if isinstance(cell, time | timedelta):
        return str(cell)
    return None


def _plain_number(cell: float) -> str:
    """Whole numbers exactly; others with the fifteen digits a double can promise."""
    if cell == int(cell):
        return str(int(cell))
    return format(Decimal(format(cell, ".15g")), "f")


def _sheet(raw: Path, export: Export) -> Any:
    import python_calamine

    try:
        workbook = python_calamine.CalamineWorkbook.from_path(str(raw))
        if export.sheet not in workbook.sheet_names:
            names = ", ".join(shown(name) for name in workbook.sheet_names)
            raise Refusal(
                "sheet",
                f"has no sheet {export.sheet!r}. In the file: {names}. Correct the "
                f"workbook, or the contract of {export.code}",
            )
        return workbook.get_sheet_by_name(export.sheet)
    except (python_calamine.CalamineError, zipfile.BadZipFile, OSError, ValueError):
        raise Refusal(
            "xlsx", "is no readable workbook: save it again as .xlsx"
        ) from None


def check_archive(raw: Path, limits: Limits) -> None:
    """Refuse what is no harmless ZIP of bounded size, from its directory alone first.

    Raises Refusal `encrypted`, `zip`, `ratio`, `macros` or `crc`.
    """
    with raw.open("rb") as file:
        if file.read(len(OLE_MAGIC)) == OLE_MAGIC:
            raise Refusal(
                "encrypted",
                "is encrypted or an old .xls workbook: save it as .xlsx without "
                "password",
            )
    try:
        with zipfile.ZipFile(raw) as archive:
            entries = archive.infolist()
            _check_directory(entries, raw.stat().st_size, limits)
            for entry in entries:
                _check_entry(archive, entry)
    except (
        zipfile.BadZipFile,
        zlib.error,
        NotImplementedError,
        EOFError,
        RuntimeError,
    ) as error:
        code = "truncated" if "not a zip" in str(error).lower() else "crc"
        raise Refusal(
            code,
            "is no complete workbook, its ZIP archive is damaged: deliver it again",
        ) from None


def _check_directory(entries: list[zipfile.ZipInfo], size: int, limits: Limits) -> None:
    if len(entries) > limits.xlsx_entries:
        raise Refusal(
            "zip",
            f"holds {len(entries)} entries, more than {limits.xlsx_entries} "
            "(TAKT_LIMIT_XLSX_ENTRIES)",
        )
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > limits.xlsx_unpacked:
        raise Refusal(
            "too_large",
            f"unfolds to {unpacked} bytes, more than {limits.xlsx_unpacked} "
            "(TAKT_LIMIT_XLSX_UNPACKED)",
        )
    if unpacked > CHUNK and unpacked > size * limits.ratio:
        raise Refusal(
            "ratio",
            f"unfolds to more than {limits.ratio} times its size (TAKT_LIMIT_RATIO)",
        )
    names = [entry.filename for entry in entries]
    if len(set(names)) < len(names):
        raise Refusal("zip", "holds two entries of one name")
    if any(name.lower().endswith("vbaproject.bin") for name in names):
        raise Refusal("macros", "holds macros: save it as .xlsx without macros")
    if any(entry.flag_bits & 1 for entry in entries):
        raise Refusal("encrypted", "is encrypted: save it without password")


def _check_entry(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> None:
    """Unpack an entry once into nothing: the directory may lie, the checksum tells."""
    with archive.open(entry) as file:
        while file.read(CHUNK):
            pass


def _cells_without_result(raw: Path, export: Export) -> dict[int, set[int]]:
    """Row number → column positions of formulas without result and error values.

    calamine shows both as empty cells, which would be nulls.
    """
    from defusedxml.common import DefusedXmlException
    from defusedxml.ElementTree import ParseError, iterparse

    try:
        with zipfile.ZipFile(raw) as archive:
            part = _sheet_part(archive, export)
            if part is None or not _has_formulas(archive, part):
                return {}
            found: dict[int, set[int]] = {}
            with archive.open(part) as file:
                for _, element in iterparse(file, events=("end",), forbid_dtd=True):
                    if element.tag == _MAIN + "c":
                        _note(element, found)
                    elif element.tag == _MAIN + "row":
                        element.clear()
            return found
    except (DefusedXmlException, ParseError, KeyError):
        raise Refusal("xlsx", "holds XML that is not allowed in a workbook") from None


def _note(cell: Any, found: dict[int, set[int]]) -> None:
    value = cell.find(_MAIN + "v")
    is_empty = value is None or value.text is None
    formula = cell.find(_MAIN + "f") is not None
    if not (cell.get("t") == "e" or (formula and is_empty)):
        return
    match = re.fullmatch(r"([A-Z]{1,3})([0-9]{1,7})", cell.get("r", ""))
    if match is None:
        raise Refusal("xlsx", "has a formula or error in a cell without address")
    column = 0
    for letter in match[1]:
        column = column * 26 + ord(letter) - 64
    found.setdefault(int(match[2]), set()).add(column - 1)


def _has_formulas(archive: zipfile.ZipFile, part: str) -> bool:
    tail = b""
    with archive.open(part) as file:
        while chunk := file.read(CHUNK):
            text = tail + chunk
            if b"<f" in text or b't="e"' in text or b"t='e'" in text:
                return True
            tail = chunk[-8:]
    return False


def _sheet_part(archive: zipfile.ZipFile, export: Export) -> str | None:
    """The archive's entry that holds the sheet; None where it cannot be told."""
    from defusedxml.ElementTree import fromstring

    book = fromstring(archive.read("xl/workbook.xml"), forbid_dtd=True)
    relations = fromstring(archive.read("xl/_rels/workbook.xml.rels"), forbid_dtd=True)
    targets = {relation.get("Id"): relation.get("Target") for relation in relations}
    for sheet in book.iter(_MAIN + "sheet"):
        if sheet.get("name") == export.sheet:
            target = str(targets.get(sheet.get(_RELATION)))
            return target.lstrip("/") if target.startswith("/") else f"xl/{target}"
    return None
