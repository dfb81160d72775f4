"""What a real export cannot support is refused when a contract claims it.

Each test takes the contract of an overlay, adds a claim that looks plausible from the
file's name or manual, and takes the raw file in: the refusal names what is missing.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from orchestration.contract import Export, load_contracts
from orchestration.ingest import ExportReport, ingest_arrivals
from orchestration.ledger import Ledger
from orchestration.settings import Settings
from tests.real.nights import DELIVERIES, Night
from tests.real.oracles import incident_uci, online_retail, scms_procurement

Claim = Callable[..., tuple[ExportReport, dict[tuple[str, str], int]]]


def column(name: str, data_type: str, header: str, **facts: Any) -> dict[str, Any]:
    """A further column of a contract."""
    return {
        "name": name,
        "data_type": data_type,
        "header": header,
        "pii": "keep",
        **facts,
    }


@pytest.fixture
def claim(full_night: Night, real_data: Path, settings: Settings) -> Claim:
    """Take a raw file in under its contract with other facts and more columns.

    Returns what happened to the file, and rejected rows by (column, rule).
    """
    manifest = json.loads(
        (full_night.project.home / "target/manifest.json").read_text()
    )
    contracts = {export.code: export for export in load_contracts(manifest)}

    def take(
        code: str,
        *columns: dict[str, Any],
        change: dict[str, dict[str, Any]] | None = None,
        **facts: Any,
    ) -> tuple[ExportReport, dict[tuple[str, str], int]]:
        known = contracts[code]
        declared = known.model_dump(mode="json", by_alias=True, exclude_unset=True)
        own = [
            column | (change or {}).get(column["name"], {})
            for column in declared["columns"]
        ]
        export = Export.model_validate(
            {**declared, **facts, "columns": [*own, *columns]}
        )
        target = settings.exports / export.files
        (raw,) = (real_data / a for a, b in DELIVERIES.items() if b == export.files)
        target.parent.mkdir(parents=True)
        shutil.copyfile(raw, target)
        with Ledger.open(settings.ledger_path) as ledger:
            report = ingest_arrivals(settings, ledger, [export], "claims")
            counts = {
                (name, rule): rows
                for batch in ledger.batches(export)
                for rule, name, rows in ledger.reject_counts(batch.seq)
            }
        return report.exports[code], counts

    return take


def test_a_file_named_csv_is_not_parted_by_commas(claim: Claim) -> None:
    report, _ = claim("scms.deliveries", delimiter=",", line_end="lf")
    ((_, message),) = report.refusals
    assert "header" in message
    assert "Fulfill Via" in message


def test_freight_is_not_a_number_in_two_of_five_rows(
    claim: Claim, real_data: Path
) -> None:
    """Cost per kilogram cannot be had: where freight is words, the row is rejected."""
    records = scms_procurement.rows(
        real_data / "scms_procurement/SCMS_Delivery_History_Dataset.csv"
    )
    words = sum(
        not row["Freight Cost (USD)"].replace(".", "", 1).isdigit() for row in records
    )
    report, rejects = claim(
        "scms.deliveries", column("freight", "decimal(14,2)", "Freight Cost (USD)")
    )
    assert report.rejected == words == 4_126
    assert rejects == {("freight", "not_number"): words}


def test_a_day_of_shipping_is_not_in_the_invoices(claim: Claim) -> None:
    report, _ = claim(
        "till.lines",
        column("shipped_at", "timestamp", "ShippedDate", required=True),
    )
    ((_, message),) = report.refusals
    assert "missing ShippedDate" in message


def test_a_price_of_a_tenth_of_a_penny_does_not_fit_two_decimals(
    claim: Claim, real_data: Path
) -> None:
    raw = real_data / "online_retail/online_retail_first_240007_lines.parquet"
    odd = sum(
        Decimal(str(row["UnitPrice"])).as_tuple().exponent < -2
        for row in online_retail.rows(raw)
    )
    report, rejects = claim(
        "till.lines", change={"unit_price": {"data_type": "decimal(12,2)"}}
    )
    assert report.rejected == odd == 1
    assert rejects == {("unit_price", "not_number"): 1}


def test_a_due_date_is_not_in_the_production_log(claim: Claim) -> None:
    report, _ = claim(
        "shopfloor.steps", column("due_at", "timestamp", "Due Date", required=True)
    )
    ((_, message),) = report.refusals
    assert "missing Due Date" in message


def test_days_read_as_months_are_rejected_as_soon_as_there_is_no_such_month(
    claim: Claim, real_data: Path
) -> None:
    """4/5/2016 cannot tell; 29/2/2016 can, and holds back a file read wrongly."""
    raw = real_data / "incident_uci" / "incident_event_log.csv.gz"
    header, *records = incident_uci.read(raw)
    at = header.index("sys_updated_at")
    beyond = sum(int(row[at].split("/")[0]) > 12 for row in records)
    report, rejects = claim(
        "servicenow.incident_updates",
        change={"updated_at": {"format": "%m/%d/%Y %H:%M"}},
    )
    assert report.rejected == beyond
    # Of so many the ledger keeps the first.
    assert set(rejects) == {("updated_at", "out_of_range")}
    assert beyond > 0.5 * len(records)
