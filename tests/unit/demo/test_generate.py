"""The demo company is deterministic, and an earlier moment is a part of a later one."""

from __future__ import annotations

import ast
import csv
import hashlib
import json
from collections import Counter
from pathlib import Path

import pytest

from demo import generate

SCALE = 0.05


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict]:
    """Exports and truth of a small company."""
    root = tmp_path_factory.mktemp("company")
    generate(root / "exports", root / "truth.json", scale=SCALE)
    return root / "exports", json.loads((root / "truth.json").read_text())


def digests(folder: Path) -> dict[str, str]:
    """Digest by relative path."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_same_arguments_give_the_same_bytes(company, tmp_path):
    exports, truth = company
    generate(tmp_path / "exports", tmp_path / "truth.json", scale=SCALE)
    assert digests(tmp_path / "exports") == digests(exports)
    assert json.loads((tmp_path / "truth.json").read_text()) == truth


def test_an_earlier_moment_is_a_subset_with_the_same_bytes(company, tmp_path):
    later = digests(company[0])
    generate(
        tmp_path / "exports",
        tmp_path / "truth.json",
        scale=SCALE,
        as_of="2026-06-25T02:00+08:00",
    )
    earlier = digests(tmp_path / "exports")
    assert earlier.items() < later.items()
    assert "wms/picks_20260624.csv.gz" in earlier
    assert "wms/picks_20260624_r2.csv.gz" not in earlier


def test_files_bear_the_time_and_digest_of_their_delivery(company):
    exports, truth = company
    found = digests(exports)
    assert {one["path"]: one["sha256"] for one in truth["files"]} == found
    night = next(
        one for one in truth["files"] if one["path"] == "erp/orders/orders_20260620.csv"
    )
    assert night["delivered_at"] == "2026-06-21T01:00:00+08:00"
    # 2026-06-20T17:00Z
    assert (exports / night["path"]).stat().st_mtime == 1_781_974_800


def test_an_unknown_planted_effect_is_refused(tmp_path):
    with pytest.raises(ValueError, match="PL99"):
        generate(tmp_path, None, without=frozenset({"PL99"}))


def test_the_simulator_imports_nothing_of_the_pipeline():
    """What is judged must not write its own judgement."""
    for path in (Path(__file__).parents[3] / "demo").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in getattr(node, "names", [])]
            names.append(getattr(node, "module", None) or "")
            assert not {"orchestration", "expectations"} & {
                name.split(".")[0] for name in names
            }


def test_every_kpi_of_the_register_is_counted(company):
    with (Path(__file__).parents[3] / "seeds" / "kpis.csv").open(
        encoding="utf-8", newline=""
    ) as file:
        registered = {row["kpi_code"] for row in csv.DictReader(file)}
    assert registered <= set(company[1]["kpis"])


def observable(cells: dict) -> Counter:
    """Parts and states of a cell as one bag of numbers."""
    seen = cells["observable"]
    return Counter({k: v for k, v in seen.items() if k != "excluded"}) + Counter(
        seen["excluded"]
    )


def test_segments_add_up_to_all_and_months_to_longer_periods(company):
    for grains in company[1]["kpis"].values():
        months = grains["month"]
        for cells in months.values():
            total = sum(
                (observable(cell) for name, cell in cells.items() if name != "all"),
                Counter(),
            )
            assert total == observable(cells["all"])
        for label, cells in grains["half_year"].items():
            year, half = label[:4], label[-1]
            inside = [
                observable(one["all"])
                for month, one in months.items()
                if month[:4] == year and (month[5:] <= "06") == (half == "1")
            ]
            assert sum(inside, Counter()) == observable(cells["all"])
        for label, cells in grains["ytd"].items():
            inside = [
                observable(one["all"])
                for month, one in months.items()
                if month[:4] == label[:4] and month <= label
            ]
            assert sum(inside, Counter()) == observable(cells["all"])


def test_the_broken_rows_are_those_the_files_reject(company):
    """D9: attachments for quantities, formula errors for amounts."""
    rejects = Counter()
    for one in company[1]["files"]:
        if one["verdict"] == "admitted":
            rejects[one["export"]] += one["rejects"]
    broken = {
        one["export"]: one["rows"] for one in company[1]["dirt"] if one["id"] == "D9"
    }
    assert +rejects == Counter(broken)
