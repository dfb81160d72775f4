"""Every record of every real export is loaded, rejected or a duplicate, and counted.

The counts beside them come from other libraries, or from the publishers' own figures.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import openpyxl
import pyarrow.parquet as pq
import pytest
import yaml

from orchestration.contract import Export, load_contracts
from orchestration.ledger import Batch, Ledger
from orchestration.settings import Settings
from tests.helpers.ingesting import Site, column, export
from tests.real.nights import DELIVERIES
from tests.real.project import OVERLAYS

OTHERS = {
    "formats/call_centre_demo.xlsx": export(
        column("call_id", header="Call Id"),
        column("agent", header="Agent", pii="hash"),
        column("called_on", "date", header="Date"),
        column("satisfaction", "integer", header="Satisfaction rating"),
        files="formats/call_centre_demo.xlsx",
        format="xlsx",
        sheet="Sheet1",
        source="formats",
        name="calls",
        watermark="called_on",
        cadence="once",
    ),
    "formats/recruiting-red.jsonocel": export(
        column("event_id", header="@key"),
        column("activity", header="ocel:activity"),
        column("happened_at", "timestamp", header="ocel:timestamp"),
        files="formats/recruiting-red.jsonocel",
        format="json",
        records="ocel:events",
        source="formats",
        name="events",
        watermark="happened_at",
        cadence="once",
    ),
}


def contracts() -> list[Export]:
    """What the overlays declare, without running dbt."""
    nodes = {}
    for path in sorted(OVERLAYS.glob("*/models/staging/*/_*__sources.yml")):
        for source in yaml.safe_load(path.read_text(encoding="utf-8"))["sources"]:
            for table in source["tables"]:
                columns = {one["name"]: one for one in table["columns"]}
                node = {**table, "source_name": source["name"], "columns": columns}
                nodes[f"{source['name']}.{table['name']}"] = node
    return load_contracts({"sources": nodes})


def delimited(path: Path, delimiter: str = ",") -> int:
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    text = io.StringIO(content.decode("utf-8-sig", "replace"), newline="")
    # Without its header.
    return sum(1 for record in csv.reader(text, delimiter=delimiter) if record) - 1


def events(path: Path) -> int:
    content = gzip.decompress(path.read_bytes())
    return content.count(b"<event>") + content.count(b"<event ")


COUNTED: dict[str, Callable[[Path], int]] = {
    ".csv": delimited,
    ".csv.gz": delimited,
    ".xes.gz": events,
    ".parquet": lambda path: pq.read_metadata(path).num_rows,
    ".xlsx": lambda path: openpyxl.load_workbook(path).active.max_row - 1,
    ".jsonocel": lambda path: len(json.loads(path.read_bytes())["ocel:events"]),
}
PUBLISHED = {
    "incident_uci/incident_event_log.csv.gz": 119_998,
    "bpic2013_volvo/bpic2013_incidents.xes.gz": 65_533,
    "bpic2013_volvo/bpic2013_closed_problems.xes.gz": 6_660,
    "bpic2012_loan/bpic2012.xes.gz": 262_200,
    "scms_procurement/SCMS_Delivery_History_Dataset.csv": 10_324,
    "online_retail/online_retail_first_240007_lines.parquet": 240_007,
    "production_levy/Production_a.csv": 4_953,
    "receipt_permit/receipt.csv": 8_577,
    "formats/call_centre_demo.xlsx": 5_000,
    "formats/recruiting-red.jsonocel": 6_607,
}


@pytest.fixture(scope="module")
def batches(
    real_data: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[str, Batch]]:
    """What ingest made of each published file."""
    root = tmp_path_factory.mktemp("records")
    settings = Settings(
        home=root / "home", exports=root / "exports", pii_key="a key for tests only"
    )
    delivered = DELIVERIES | {name: one.files for name, one in OTHERS.items()}
    for published, path in delivered.items():
        target = settings.exports / path
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(real_data / published, target)
        os.utime(target, (1_600_000_000, 1_600_000_000))
    declared = [*contracts(), *OTHERS.values()]
    with Ledger.open(settings.ledger_path) as ledger:
        report = Site(settings, ledger).ingest(*declared)
        assert report.unexpected == []
        refused = {code: one.refusals for code, one in report.exports.items()}
        assert not any(refused.values()), refused
        by_path = {
            ledger.path_of(batch): batch
            for one in declared
            for batch in ledger.batches(one)
        }
    return {published: by_path[path] for published, path in delivered.items()}


@pytest.mark.parametrize("published", [*DELIVERIES, *OTHERS])
def test_records_are_counted_as_others_count_them(
    batches: dict[str, Batch], real_data: Path, published: str
) -> None:
    batch, path = batches[published], real_data / published
    kind = "".join(path.suffixes[-2:]) if path.suffix == ".gz" else path.suffix
    counted = delimited(path, "\t") if "scms" in published else COUNTED[kind](path)
    assert batch.rows_in == counted
    assert batch.rows_in == PUBLISHED.get(published, batch.rows_in)
    assert batch.rows_in == batch.loaded + batch.rejected + batch.duplicates
