"""What the tests of the real exports read: two nights, and the files delivered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from tests.helpers.project_copy import Project
from tests.real.oracles import olist_sample
from tests.real.oracles.measured import Measured

FULL_AS_OF = datetime(2018, 11, 2, 2, tzinfo=UTC)
# The last update known on the early night, and when that night looks back.
EARLY = datetime(2016, 4, 1)
EARLY_AS_OF = datetime(2016, 4, 1, 2, tzinfo=UTC)
INCIDENTS = "servicenow/incident_event_log.csv.gz"
PII_KEY = "a key for tests only"
# Export of an overlay: the file as published, and what its sender would call it. A
# table without times of its own says in its name how far it reaches.
DELIVERIES = {
    "incident_uci/incident_event_log.csv.gz": INCIDENTS,
    "scms_procurement/SCMS_Delivery_History_Dataset.csv": (
        "scms/SCMS_Delivery_History_Dataset.csv"
    ),
    "online_retail/online_retail_first_240007_lines.parquet": (
        "till/online_retail_first_240007_lines.parquet"
    ),
    "production_levy/Production_a.csv": "shopfloor/Production_a.csv",
    "receipt_permit/receipt.csv": "town/receipt.csv",
    "bpic2012_loan/bpic2012.xes.gz": "bank/bpic2012.xes.gz",
    "bpic2013_volvo/bpic2013_incidents.xes.gz": "vinst/bpic2013_incidents.xes.gz",
    "bpic2013_volvo/bpic2013_closed_problems.xes.gz": (
        "vinst/bpic2013_closed_problems.xes.gz"
    ),
    "olist_sample/olist_orders_dataset.csv": "olist/olist_orders_dataset.csv",
    **{
        f"olist_sample/{name}.csv": f"olist/{name}_201810.csv"
        for table in olist_sample.TABLES
        if (name := f"olist_{table}_dataset") != "olist_orders_dataset"
    },
}


@dataclass(frozen=True)
class Night:
    """What a night made, where it lies, and what the run said."""

    project: Project
    marts: Path
    exit_code: int = 0
    output: str = ""

    def rows(self, sql: str) -> list[tuple]:
        """Rows of a query."""
        with duckdb.connect(str(self.marts), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def value(self, sql: str) -> object:
        """The one value of a query."""
        ((value,),) = self.rows(sql)
        return value

    def observations(self, kpi: str) -> dict[str, Measured]:
        """All rows of a KPI, by subject."""
        rows = self.rows(
            f"""
            select
                subject_id, state, exclusion_reason, measured_on, segment_code,
                numerator, denominator
            from fct_kpi_observations
            where kpi_code = '{kpi}'
            """
        )
        found = {subject: Measured(*rest) for subject, *rest in rows}
        assert len(found) == len(rows), f"{kpi}: a subject has two rows"
        return found
