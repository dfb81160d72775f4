"""The figures of a KPI as files to take away: CSV to look at, Parquet to go on with.

In a CSV, a text that a spreadsheet would run as a formula begins with an apostrophe;
numbers stay numbers, and a byte order mark tells that it is UTF-8. Parquet has the rows
as they are. The same rows give the same bytes.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from orchestration.scorecard.view import View, place_of

SERIES = """
select
    vals.kpi_code,
    vals.segment_code,
    vals.period_grain,
    vals.period_start,
    vals.period_end,
    vals.value,
    kpis.unit,
    vals.numerator,
    vals.denominator,
    vals.counted_count,
    vals.open_count,
    vals.undecided_count,
    vals.excluded_count,
    vals.state,
    vals.target_min,
    vals.target_max
from fct_kpi_values as vals
inner join dim_kpis as kpis
    on vals.kpi_code = kpis.kpi_code and vals.period_grain = kpis.period
where vals.kpi_code = ?
order by vals.segment_code <> 'all', vals.segment_code, vals.period_start
"""

# What a spreadsheet takes for the beginning of a formula.
_FORMULA = re.compile(r"[=+\-@\t\r]")


def offer(view: View, kpi_code: str) -> list[dict[str, Any]]:
    """Adds both files of a KPI to the site: kind, place and size of each."""
    stem = place_of("kpi", kpi_code).removeprefix("kpi/").removesuffix(".html")
    made = (
        ("CSV", f"{stem}.csv", lambda: as_csv(view.marts.rows(SERIES, kpi_code))),
        ("Parquet", f"{stem}.parquet", lambda: as_parquet(view, kpi_code)),
    )
    offered = []
    for kind, name, make in made:
        place, size = view.download(name, make)
        if size:
            offered.append({"kind": kind, "place": place, "size": size})
    return offered


def as_csv(rows: Sequence[Mapping[str, Any]]) -> bytes:
    """Rows as CSV with a header; empty without rows."""
    if not rows:
        return b""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\r\n")
    writer.writerow(_safe(rows[0].keys()))
    writer.writerows(_safe(row.values()) for row in rows)
    return text.getvalue().encode("utf-8-sig")


def _safe(cells: Iterable[Any]) -> list[Any]:
    return [
        f"'{cell}" if isinstance(cell, str) and _FORMULA.match(cell) else cell
        for cell in cells
    ]


def as_parquet(view: View, kpi_code: str) -> bytes:
    """The same rows, with their types."""
    import pyarrow.parquet

    table = view.marts.table(SERIES, kpi_code)
    if table is None or not table.num_rows:
        return b""
    sink = io.BytesIO()
    # A file of a hundred rows is mostly what describes it.
    pyarrow.parquet.write_table(
        table, sink, compression="zstd", write_statistics=False, store_schema=False
    )
    return sink.getvalue()
