"""What the delivery history says, read line by line from the raw file.

Fields are parted by tabs and lines end with a carriage return. The export knows days
only, so a duration is a number of days.
"""

from __future__ import annotations

import csv
import io
import re
from datetime import date, datetime, timedelta
from pathlib import Path

from tests.real.oracles.measured import Facts, Measured

DAY = 86_400
OWN_WAREHOUSE = "SCMS from RDC"


def rows(path: Path) -> list[dict[str, str]]:
    """The records of the file."""
    text = path.read_bytes().decode("utf-8")
    assert "\n" not in text
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter="\t"))


def american(text: str) -> date | None:
    """``11/13/06``; words mean that there is no date."""
    found = re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d\d)", text)
    return found and date(2000 + int(found[3]), int(found[1]), int(found[2]))


def written(text: str) -> date:
    """``2-Jun-06``."""
    return datetime.strptime(text, "%d-%b-%y").date()


def cents(text: str) -> int:
    """Dollars as written, in cents."""
    whole, _, fraction = text.partition(".")
    assert len(fraction) <= 2
    return int(whole) * 100 + int(fraction.ljust(2, "0"))


def compute(folder: Path) -> Facts:
    """Work out every figure."""
    records = rows(folder / "SCMS_Delivery_History_Dataset.csv")
    facts = Facts(rows={"scms.deliveries": (len(records), 0, 0)})
    ordering = facts.kpis["supply.ordering_days"] = {}
    on_time = facts.kpis["supply.on_time_pct"] = {}
    price = facts.kpis["supply.pack_price_usd"] = {}
    # The last day entered is covered to its end.
    covered = max(written(row["Delivery Recorded Date"]) for row in records)
    for row in records:
        line, by = row["ID"], row["Product Group"]
        own = row["Vendor"] == OWN_WAREHOUSE
        quoted = american(row["PQ First Sent to Client Date"])
        ordered = american(row["PO Sent to Vendor Date"])
        scheduled = written(row["Scheduled Delivery Date"])
        delivered = written(row["Delivered to Client Date"])
        facts.instances["supply", line] = False
        facts.events["supply", "quote"] += quoted is not None
        facts.events["supply", "order"] += ordered is not None
        facts.events["supply", "deliver"] += 1
        facts.events["supply", "record"] += 1

        on = ordered or delivered
        if own:
            ordering[line] = Measured("excluded", "internal_supplier", on, by)
        elif quoted is None or ordered is None:
            ordering[line] = Measured("excluded", "missing_milestone", on, by)
        elif ordered < quoted:
            ordering[line] = Measured("excluded", "reversed_clock", on, by)
        else:
            took = (ordered - quoted) // timedelta(days=1) * DAY
            ordering[line] = Measured("counted", None, on, by, took, 1)

        if own:
            on_time[line] = Measured("excluded", "internal_supplier", scheduled, by)
        elif scheduled > covered:
            on_time[line] = Measured("undecided", "not_due_yet", scheduled, by)
        else:
            hit = int(delivered <= scheduled)
            on_time[line] = Measured("counted", None, scheduled, by, hit, 1)

        value, packs = cents(row["Line Item Value"]), int(row["Line Item Quantity"])
        if value == 0:
            price[line] = Measured("excluded", "free_of_charge", delivered, by)
        else:
            price[line] = Measured("counted", None, delivered, by, value, packs)
    return facts
