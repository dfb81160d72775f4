"""What the shop's invoices say, read row by row from the raw Parquet file.

Rows equal in every column are one row. Money is worked out in thousandths of a pound
and rounded half up to pennies, line by line.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path
from zoneinfo import ZoneInfo

import pyarrow.parquet as pq

from tests.real.oracles.measured import Facts, Measured, local_day

LONDON = "Europe/London"
SERVICES = {"POST", "DOT", "M", "C2", "S", "D", "AMAZONFEE", "BANK CHARGES"}
WINDOW = timedelta(days=30)


def rows(path: Path) -> list[dict[str, object]]:
    """The records of the file."""
    return pq.read_table(path).to_pylist()


def moment(text: str) -> datetime:
    """``12/1/10 8:26`` on the wall clock of London."""
    wall = datetime.strptime(text, "%m/%d/%y %H:%M")
    # In UTC, where thirty days are always as long.
    return wall.replace(tzinfo=ZoneInfo(LONDON), fold=1).astimezone(UTC)


def pence(row: dict[str, object]) -> int:
    """Value of a line."""
    price = Decimal(str(row["UnitPrice"]))
    value = price * int(row["Quantity"]) * 100
    return int(value.quantize(Decimal(1), ROUND_HALF_UP))


def compute(folder: Path) -> Facts:
    """Work out every figure."""
    records = rows(folder / "online_retail_first_240007_lines.parquet")
    unique = list({tuple(row.items()): row for row in records}.values())
    facts = Facts(
        rows={"till.lines": (len(unique), 0, len(records) - len(unique))},
    )
    value = facts.kpis["retail.order_value_gbp"] = {}
    credited = facts.kpis["retail.credited_value_pct"] = {}
    repeats = facts.kpis["retail.repeat_purchase_pct"] = {}
    documents: dict[str, list[dict[str, object]]] = defaultdict(list)
    for row in unique:
        documents[str(row["InvoiceNo"])].append(row)
    as_of = max(moment(str(row["InvoiceDate"])) for row in unique)

    sales: dict[int, list[datetime]] = defaultdict(list)
    judged = []
    for number, lines in documents.items():
        at = min(moment(str(line["InvoiceDate"])) for line in lines)
        kind = "sale"
        if number.startswith("C"):
            kind = "credit"
        elif all(line["UnitPrice"] == 0 for line in lines):
            kind = "stock_note"
        customer = next((line["CustomerID"] for line in lines), None)
        home = any(line["Country"] == "United Kingdom" for line in lines)
        by = "domestic" if home else "abroad"
        goods = [
            line for line in lines if str(line["StockCode"]).upper() not in SERVICES
        ]
        on, worth = local_day(at, LONDON), sum(pence(line) for line in goods)
        facts.instances["retail", number] = False
        facts.events["retail", kind] += 1
        judged.append((number, kind, at, on, by, customer))
        if kind == "sale" and customer is not None:
            sales[customer].append(at)

        reason = None
        if kind == "stock_note":
            reason = "stock_note"
        elif not goods:
            reason = "no_goods"
        if reason:
            credited[number] = Measured("excluded", reason, on, by)
        elif kind == "credit":
            credited[number] = Measured("counted", None, on, by, -worth, 0)
        else:
            credited[number] = Measured("counted", None, on, by, 0, worth)
        if kind != "credit":
            value[number] = (
                Measured("excluded", reason, on, by)
                if reason
                else Measured("counted", None, on, by, worth, 1)
            )

    for number, kind, at, on, by, customer in judged:
        if kind != "sale":
            continue
        if customer is None:
            repeats[number] = Measured("excluded", "unknown_customer", on, by)
        elif at + WINDOW > as_of:
            repeats[number] = Measured("undecided", "window_running", on, by)
        else:
            again = any(at < other <= at + WINDOW for other in sales[customer])
            repeats[number] = Measured("counted", None, on, by, int(again), 1)
    return facts
