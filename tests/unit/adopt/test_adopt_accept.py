"""A candidate becomes a KPI with all that a KPI of the house needs, once."""

from __future__ import annotations

import csv
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from orchestration.adopt import write
from orchestration.adopt.accept import accepted
from orchestration.adopt.measures import TEMPLATES
from orchestration.adopt.write import AdoptError
from tests.unit.adopt.logs import (
    REPOSITORY,
    SAID,
    STEPS,
    Desk,
    rows,
    tree,
    written,
)


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
        "scale": 1 / 3600,
        "direction": "lower",
        "kind": "outcome",
        "family": "speed",
        "assign_by": "completion",
        "path_clock": None,
        "handover_by": None,
        "activity_codes": None,
        "outcome_codes": None,
        "threshold_seconds": None,
        "window_days": None,
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
    candidate("T05", measure_type="rate", unit="pct", scale=100),
    candidate("T13", unit="minutes"),
    candidate("T15"),
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
        (
            "claims.T15",
            "slowest tenth of two periods is not the sum.*accept claims.T01",
        ),
        ("claims.T13", "no step of claims is an approval any more.*process_steps.csv"),
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


def test_a_process_that_is_not_there_is_named_with_the_nearest(adopted: Desk) -> None:
    with pytest.raises(AdoptError, match="no process 'claim'; nearest: claims"):
        accepted(adopted.root, "claim", FOUND, ["claim.T01"])


def test_the_register_says_how_to_show_the_parts(adopted: Desk) -> None:
    """Hours from seconds, shares as percent, with bounds, dated as the candidate is."""
    ids = ["claims.T01", "claims.T05"]
    write.apply(adopted.root, accepted(adopted.root, "claims", FOUND, ids))
    with (adopted.root / "seeds/kpis.csv").open() as stream:
        rows = {r["kpi_code"]: r for r in csv.DictReader(stream)}
    shown = [
        [rows[code][name] for name in ("scale", "bound_min", "bound_max", "clock")]
        for code in ("claims.lead_time_hours", "claims.on_time_pct")
    ]
    assert shown == [["1/3600", "0", "", "elapsed"], ["100", "0", "100", ""]]


def test_every_template_is_a_model_or_refused_with_the_reason() -> None:
    with (REPOSITORY / "seeds/kpi_templates.csv").open() as stream:
        templates = {row["template_code"]: row for row in csv.DictReader(stream)}
    left_out = set(templates) - set(TEMPLATES)
    assert {code for code in left_out if templates[code]["statistic"] != "p90"} == set()
    assert left_out == {"T15"}


def test_an_edited_kpi_stays_when_it_is_accepted_again(adopted: Desk) -> None:
    """A person narrows the scope; the next acceptance shows it and writes nothing."""
    ids = ["claims.T01"]
    write.apply(adopted.root, accepted(adopted.root, "claims", FOUND, ids))
    path = adopted.root / "models/metrics/claims/kpi_claims__lead_time_hours.sql"
    path.write_text(path.read_text().replace("events > 0", "events > 1"))
    before = tree(adopted.root)
    again = accepted(adopted.root, "claims", FOUND, ids)
    assert write.apply(adopted.root, again) == []
    assert [one.path.name for one in again if one.edited] == [path.name]
    assert tree(adopted.root) == before


def test_removing_a_process_takes_its_kpis_out_of_every_register(
    desk: Desk, tmp_path: Path
) -> None:
    """Also the target and the counter-metric that a person gave one of them."""
    before = tree(desk.root)
    desk.adopt(written(tmp_path, rows()))
    write.apply(desk.root, accepted(desk.root, "claims", FOUND, ["claims.T01"]))
    for name, cells in {
        "kpi_targets": {"kpi_code": "claims.lead_time_hours"},
        "kpi_counters": {"counter_kpi_code": "claims.lead_time_hours"},
    }.items():
        path = desk.root / f"seeds/{name}.csv"
        with path.open(newline="") as stream:
            header = next(csv.reader(stream))
        with path.open("a", newline="") as stream:
            csv.DictWriter(stream, header, lineterminator="\n").writerow(cells)
    files, edited, shared = write.removal(desk.root, "claims")
    assert edited == []
    write.remove(desk.root, files, shared)
    assert tree(desk.root) == before


def test_steps_without_a_latin_name_have_their_number_on_the_map(
    desk: Desk, tmp_path: Path
) -> None:
    """受理 is step 1, 审核 step 2: two waits never share a name."""
    names = dict(zip(STEPS, ("受理", "审核", "决定", "付款"), strict=True))
    log = [[case, names[step], at, who] for case, step, at, who in rows()]
    assert desk.adopt(written(tmp_path, log), replace(SAID, end=("付款",))) == 0
    waits = [
        {
            **WAIT,
            "candidate_id": f"claims.T02.{a}--{b}",
            "from_activity_code": a,
            "to_activity_code": b,
        }
        for a, b in pairwise(names.values())
    ]
    ids = [one["candidate_id"] for one in waits]
    found = accepted(desk.root, "claims", waits, ids)
    models = [one.path.name for one in found if one.path.suffix == ".sql"]
    assert models[:3] == [
        f"kpi_claims__step_{n}_to_step_{n + 1}_gap_hours.sql" for n in (1, 2, 3)
    ]
