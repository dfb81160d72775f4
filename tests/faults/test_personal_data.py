"""Personal data: after a whole night, canaries are found nowhere below the home.

Canaries go into every place a file has for them: columns that are dropped or hashed,
columns nobody declared, records that are rejected, files that are refused and headers
that are none. Bytes are searched as they lie, and Parquet, DuckDB and JSON by value.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from pydantic import SecretStr

from orchestration import definitions
from orchestration.refresh import Run
from tests.faults.tiny import AS_OF, TinySettings, copy_project, tiny_settings

SUITE = """
import great_expectations.expectations as gxe
from orchestration.suites import Suite

def sales():
    return Suite(
        batch=[
            gxe.ExpectColumnValuesToNotBeNull(column="sale_no", notes="n"),
            gxe.ExpectColumnValuesToBeInSet(
                column="shop_code", value_set=["north"], notes="n"
            ),
            gxe.ExpectColumnValuesToBeUnique(column="card", notes="n"),
        ],
    )

def returns():
    return sales()
"""
KEPT = "KEPT-4711"
HEAD = "sale_no,shop_code,cents,sold_at,buyer,card,colour\n"
TIME = "2026-03-01 09:00:00"

# By place: what nobody may find afterwards.
CANARIES = {
    "dropped column": "CANARY-drop-1",
    "hashed column": "CANARY-hash-2",
    "undeclared column": "CANARY-extra-3",
    "ragged record": "CANARY-ragged-4",
    "misfit cell": "CANARY-misfit-5",
    "cells beside a misfit": "CANARY-beside-6",
    "file without header": "CANARY-headless-7",
    "file with broken quotes": "CANARY-quotes-8",
    "file of another encoding": "CANARY-encoding-9",
    "file that the gate holds back": "CANARY-held-10",
    "duplicate record": "CANARY-twice-11",
}
FILES = {
    "20260301": HEAD
    + f"{KEPT},north,100,{TIME},CANARY-drop-1,CANARY-hash-2,CANARY-extra-3\n"
    + f"b,north,1,{TIME},x,CANARY-ragged-4\n"
    + f"CANARY-beside-6,north,CANARY-misfit-5,{TIME},CANARY-beside-6,y,z\n"
    + "c,north,100,CANARY-misfit-5,CANARY-beside-6,w,z\n"
    + f"d,north,100,{TIME},CANARY-twice-11,CANARY-twice-11,CANARY-twice-11\n" * 2,
    "20260302": f"CANARY-headless-7,north,1,{TIME},CANARY-headless-7,x,y\n",
    "20260303": HEAD + f'a,north,1,{TIME},"CANARY-quotes-8"x,y,z\n',
    "20260304": HEAD + f"a,north,1,{TIME},CANARY-encoding-9,\udcff,z\n",
    "20260305": HEAD + f"a,CANARY,1,{TIME},CANARY-held-10,CANARY-held-10,z\n",
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TinySettings]:
    """The home after one night through Dagster's job, with every canary delivered."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        yield one_night(tmp_path_factory.mktemp("canaries"), monkeypatch)


def one_night(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TinySettings:
    project = copy_project(tmp_path / "project")
    sources = project / "models/staging/shop/_shop__sources.yml"
    text = sources.read_text(encoding="utf-8")
    card = "          - {name: card, data_type: varchar, config: {meta: {pii: hash}}}\n"
    buyer = text.index("          - {name: buyer")
    sources.write_text(text[:buyer] + card + text[buyer:], encoding="utf-8")
    suites = tmp_path / "suites" / "expectations"
    suites.mkdir(parents=True)
    (suites / "__init__.py").touch()
    (suites / "shop.py").write_text(SUITE)
    monkeypatch.syspath_prepend(suites.parent)
    settings = tiny_settings(tmp_path / "home", project).model_copy(
        update={"pii_key": SecretStr("a key for tests only"), "settle_seconds": 0}
    )
    for period, content in FILES.items():
        path = settings.exports / "shop" / "sales" / f"sales_{period}.csv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode("utf-8", "surrogateescape"))
        os.utime(path, (1_600_000_000, 1_600_000_000))
    # The tiny project has no registers.
    monkeypatch.setattr("orchestration.refresh.check_registers", lambda *_: None)
    with Run(settings, as_of=AS_OF) as run:
        run.prepare()
        definitions.execute(run)
    assert run.report.outcome == "published_held", run.report.message
    return settings


def values_of(path: Path) -> Iterator[Any]:
    """Everything a reader of the file could see, one text at a time."""
    yield path.read_bytes().decode("utf-8", "replace")
    if path.suffix == ".parquet":
        with duckdb.connect() as connection:
            relation = connection.read_parquet(str(path))
            yield repr((relation.columns, relation.fetchall()))
    if path.suffix == ".duckdb":
        with duckdb.connect(str(path), read_only=True) as connection:
            tables = connection.execute("show all tables").fetchall()
            for _, schema, table, *_ in tables:
                relation = connection.table(f'"{schema}"."{table}"')
                yield repr((relation.columns, relation.fetchall()))


def test_no_canary_is_anywhere(home: TinySettings) -> None:
    files = [path for path in home.home.rglob("*") if path.is_file()]
    kinds = {path.suffix for path in files}
    assert {".parquet", ".duckdb", ".sqlite", ".log", ".json"} <= kinds
    found, kept = [], set()
    for path in files:
        for text in values_of(path):
            if KEPT in text:
                kept.add(path.name)
            found += [
                (where, str(path.relative_to(home.home)))
                for where, canary in CANARIES.items()
                if canary in text or canary in path.name
            ]
    assert found == []
    # The search finds what is meant to be there.
    assert {"marts.duckdb", "fct_sales.parquet"} < kept


def test_every_canary_was_delivered_and_met_its_fate(home: TinySettings) -> None:
    from orchestration.ledger import Ledger
    from tests.faults.tiny import exports_of

    delivered = "".join(FILES.values())
    assert all(canary in delivered for canary in CANARIES.values())
    export = exports_of(home)["sales"]
    with Ledger.open(home.ledger_path) as ledger:
        codes = [row["refusal_code"] for row in ledger.refusals(export)]
        first, held = ledger.batches(export)
        verdicts = [ledger.newest_verdict(batch.seq) for batch in (first, held)]
    assert sorted(codes) == ["encoding", "header", "quoting"]
    assert (first.loaded, first.rejected, first.duplicates) == (2, 3, 1)
    assert [verdict.verdict for verdict in verdicts] == ["PASS", "FAIL"]
