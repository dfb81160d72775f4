"""A candidate becomes a KPI with all that a KPI of the house needs, once."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestration.adopt import write
from orchestration.adopt.accept import accepted
from orchestration.adopt.write import AdoptError
from tests.unit.adopt.logs import Desk, rows, tree, written


def candidate(template: str, **facts: Any) -> dict[str, Any]:
    """A row of fct_kpi_candidates."""
    path = ".".join(filter(None, (template, facts.pop("path", ""))))
    return {
        "candidate_id": f"claims.{path}",
        "template_code": template,
        "from_activity_code": None,
        "to_activity_code": None,
        "name_en": "Lead time",
        "name_zh": "端到端周期",
        "measure_type": "duration",
        "unit": "hours",
        "direction": "lower",
        "kind": "outcome",
        "family": "speed",
        "assign_by": "completion",
        "path_clock": None,
        "handover_by": None,
        "period_grain": "month",
        "status": "candidate",
        "refusal_reason": None,
        "is_core": True,
        "reason_en": "It takes long.",
        **facts,
    }


WAIT = candidate(
    "T02",
    path="check--decide",
    from_activity_code="check",
    to_activity_code="decide",
    path_clock="gap",
)
FOUND = [
    candidate("T01"),
    WAIT,
    candidate("T05", measure_type="rate", unit="pct"),
    candidate("T16", measure_type="rate", unit="pct"),
    candidate("T20", status="refused", refusal_reason="no score in the log"),
]


@pytest.fixture
def adopted(desk: Desk, tmp_path: Path) -> Desk:
    """A desk with the process claims."""
    assert desk.adopt(written(tmp_path, rows())) == 0, desk.text
    return desk


def test_model_tests_row_and_line_are_written_together(adopted: Desk) -> None:
    ids = ["claims.T01", "claims.T02.check--decide", "claims.T05"]
    write.apply(adopted.root, accepted(adopted.root, "claims", FOUND, ids))
    models = adopted.root / "models/metrics/claims"
    names = {path.name for path in models.glob("*.sql")}
    assert names == {
        "kpi_claims__lead_time_hours.sql",
        "kpi_claims__check_to_decide_gap_hours.sql",
        "kpi_claims__on_time_pct.sql",
    }
    union = (adopted.root / "models/marts/fct_kpi_observations.sql").read_text()
    with (adopted.root / "seeds/kpis.csv").open() as stream:
        registered = {row["kpi_code"]: row for row in csv.DictReader(stream)}
    for name in names:
        model = name.removesuffix(".sql")
        code = model.removeprefix("kpi_").replace("__", ".", 1)
        assert f"'{model}'," in union
        assert registered[code]["status"] == "proposed"
        assert registered[code]["owner_code"] == ""
        assert f"'{code}' as kpi_code" in (models / name).read_text()
        described = yaml.safe_load((models / f"{model}.yml").read_text())
        assert len(described["unit_tests"]) == 2


def test_accepting_twice_changes_nothing(adopted: Desk) -> None:
    for _ in range(2):
        write.apply(
            adopted.root, accepted(adopted.root, "claims", FOUND, ["claims.T01"])
        )
        after = tree(adopted.root)
    assert after == tree(adopted.root)
    again = accepted(adopted.root, "claims", FOUND, ["claims.T01"])
    assert write.apply(adopted.root, again) == []


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ("claims.T07", "no candidate 'claims.T07'; nearest: claims.T"),
        ("claims.T16", "claims.T16: no model can be made of template T16"),
        ("claims.T20", "claims.T20 cannot be measured: no score in the log"),
    ],
)
def test_what_cannot_be_a_kpi_is_refused_by_name(
    adopted: Desk, wanted: str, message: str
) -> None:
    before = tree(adopted.root)
    with pytest.raises(AdoptError, match=message):
        accepted(adopted.root, "claims", FOUND, ["claims.T01", wanted])
    assert tree(adopted.root) == before
