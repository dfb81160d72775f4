"""records = loaded + rejected + exact duplicates, on files nobody would write.

The oracle is a reader of a few lines: the records are those the file was made of, the
rules are written out again, and nothing is shared with the code under test.
"""

from __future__ import annotations

import csv
import io
import re
from datetime import datetime
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings, strategies

from tests.helpers.ingesting import Site, column, export

CONTRACT = export(
    column("name"),
    column("whole", "integer"),
    column("money", "decimal(10,2)", thousands=","),
    column("day", "date", format="%Y/%m/%d"),
    column("remark", pii="drop"),
    null_markers=["-"],
    key=["name"],
    earliest="2020-01-01",
    latest="2030-12-31",
)
WIDTH = 5


class Misfit(Exception):
    pass


def as_whole(text: str) -> int:
    if not re.fullmatch(r"[+-]?[0-9]+", text) or abs(int(text)) >= 2**31:
        raise Misfit
    return int(text)


def as_money(text: str) -> Decimal:
    if not re.fullmatch(r"[+-]?([0-9]+|[0-9]{1,3}(,[0-9]{3})+)(\.[0-9]{1,2}0*)?", text):
        raise Misfit
    value = Decimal(text.replace(",", ""))
    if abs(value) >= 10**8:
        raise Misfit
    return value


def as_day(text: str) -> datetime:
    if not re.fullmatch(r"[0-9]{4}/[0-9]{1,2}/[0-9]{1,2}", text):
        raise Misfit
    try:
        day = datetime.strptime(text, "%Y/%m/%d")
    except ValueError:
        raise Misfit from None
    if not 2020 <= day.year <= 2030:
        raise Misfit
    return day


def as_text(text: str) -> str:
    return text


READ = (as_text, as_whole, as_money, as_day, as_text)


def typed(record: list[str]) -> tuple[Any, ...] | None:
    """The values of a record, or None for a reject."""
    if len(record) != WIDTH:
        return None
    values: list[Any] = []
    for place, (cell, read) in enumerate(zip(record, READ, strict=True)):
        bare = cell if read is as_text else cell.strip(" ")
        if cell.strip(" ") in ("", "-"):
            values.append(None)
            continue
        try:
            values.append(read(bare))
        except Misfit:
            return None
        if place == 0 and values[0] is None:
            return None
    return None if values[0] is None else tuple(values)


words = strategies.sampled_from(
    [
        *("A1", "A2", "", "-", " ", "'", "=1", "订单", "1", "01", "+1", "-5", "1.5"),
        *("1e5", "0x10", "1_000", "2147483648", "nan", "1,234.50", "12,34", "3.10"),
        *("3.100", "3.14159", "99999999999", "2026/06/01", "2026/6/1", "2026/02/30"),
        *("26/1/1", "2019/12/31", "2030/12/31", "2026-06-01", ' "q" ', "a\nb", "a,b"),
        *("\t", "\ufeff"),
    ]
)
text = strategies.text(
    strategies.characters(
        codec="utf-8", exclude_characters="\0\r\ufffd", exclude_categories=("Cs",)
    ),
    max_size=5,
)
cells = strategies.one_of(words, words, words, text)
good = strategies.tuples(
    strategies.sampled_from(["A1", "A2", "A3"]),
    strategies.sampled_from(["1", "01", "-", "2 "]),
    strategies.sampled_from(["1.50", "1.5", "1,000", ""]),
    strategies.sampled_from(["2026/06/01", "2026/6/1"]),
    strategies.sampled_from(["x", "y"]),
).map(list)
records = strategies.lists(
    strategies.one_of(
        good,
        good,
        strategies.lists(cells, min_size=WIDTH, max_size=WIDTH),
        strategies.lists(cells, min_size=1, max_size=WIDTH + 1),
    ),
    min_size=1,
    max_size=12,
)


@given(records=records, quoting=strategies.sampled_from([0, 1]))
@settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_every_record_is_loaded_rejected_or_a_duplicate(
    site: Site, records: list[list[str]], quoting: int
) -> None:
    records = [record for record in records if record != [""] or quoting]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n", quoting=quoting)
    writer.writerow(["name", "whole", "money", "day", "remark"])
    writer.writerows(records)
    values = [typed(record) for record in records]
    kept = [value for value in values if value is not None]
    distinct = list(dict.fromkeys(kept))

    name = f"orders_20260601_{site.runs}.csv"
    outcome = site.deliver(out.getvalue().encode(), CONTRACT, name)
    if not records:
        assert outcome == "empty"
        return
    if outcome == "known":
        return
    assert outcome == "loaded"
    batch = site.batch
    assert batch.rows_in == len(records)
    assert batch.rows_in == batch.loaded + batch.rejected + batch.duplicates
    assert batch.rejected == len(values) - len(kept)
    assert batch.duplicates == len(kept) - len(distinct)
    assert len({r.record_no for r in site.rejects}) == batch.rejected
    found = [
        (name, whole, money, None if day is None else (day.year, day.month, day.day))
        for name, whole, money, day in site.rows()
    ]
    assert found == [
        (name, whole, money, None if day is None else (day.year, day.month, day.day))
        for name, whole, money, day, _ in distinct
    ]
