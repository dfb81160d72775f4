"""Runs that Dagster starts: whole ones publish, parts never do, checks only show."""

from __future__ import annotations

import json
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pytest

from orchestration import definitions
from orchestration.definitions import JOB_NAME, execute
from orchestration.settings import Settings
from tests.helpers.shop import Shop, open_shop

# Run inside the shop; tells of each run what a person would see in Dagster.
SCRIPT = """
import json
import sys
from pathlib import Path

import dagster as dg

from orchestration.definitions import JOB_NAME, PUBLISHED, TOLD, build_definitions
from orchestration.ledger import Ledger
from orchestration.settings import load_settings

def run(keys=None):
    with dg.DagsterInstance.ephemeral() as instance:
        result = job.execute_in_process(
            instance=instance, raise_on_error=False, asset_selection=keys
        )
    errors = [
        event.event_specific_data.error
        for event in result.all_events if event.is_step_failure
    ]
    with Ledger.open(settings.ledger_path) as ledger:
        last = ledger.runs(limit=1)[0]
        version = ledger.pointer().version
    return {
        "success": result.success,
        "errors": [(error.cause or error).message for error in errors],
        "attempts": len(errors),
        "assets": len(result.get_asset_materialization_events()),
        "checks": {
            f"{one.asset_key.path[-1]}.{one.check_name}": [
                one.passed, str(one.severity)
            ]
            for one in result.get_asset_check_evaluations()
        },
        "outcome": last.outcome,
        "message": last.message,
        "version": version,
    }


def deliver(day, *sales):
    path = Path("exports/shop/sales") / f"sales_{day}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    header = "sale_no,shop_code,cents,sold_at,buyer"
    path.write_text("\\n".join([header, *sales, ""]))


# The gate starts children, which import this file again.
if __name__ == "__main__":
    settings = load_settings()
    job = build_definitions(settings=settings).resolve_job_def(JOB_NAME)
    raw = [dg.AssetKey(["raw", "shop", name]) for name in ("sales", "returns")]
    models = sorted(
        set(job.asset_layer.executable_asset_keys) - {*raw, PUBLISHED, TOLD}
    )
    told = {}
    deliver("20260301", "a,north,100,2026-03-01 10:00:00,Wang")
    told["publish alone"] = run([PUBLISHED])
    told["models alone"] = run(models)
    told["one model"] = run(models[:1])
    told["exports alone"] = run(raw)
    told["whole"] = run()
    deliver("20260302", ",north,1,2026-03-02 10:00:00,Wu")
    told["bad file"] = run()
    deliver("20260303", "n,north,-100,2026-03-03 10:00:00,Wang")
    told["bad model"] = run()
    Path(sys.argv[1]).write_text(json.dumps(told))
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, Any]]:
    """What Dagster said of one run after the other in one shop."""
    shop: Shop = open_shop(tmp_path_factory.mktemp("runs") / "shop")
    script, answers = shop.root / "runs.py", shop.root / "told.json"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, str(script), str(answers)],
        cwd=shop.root,
        env={**shop.environment, "TAKT_AS_OF": "2026-03-04T02:00+08:00"},
        capture_output=True,
        text=True,
        timeout=1800,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return json.loads(answers.read_text())


@pytest.mark.parametrize(
    ("part", "message"),
    [
        ("publish alone", "not ingested and judged in this run: shop.returns, shop"),
        ("models alone", "not ingested and judged in this run: shop.returns, shop"),
        ("one model", "A version is built whole. Materialise all assets"),
    ],
)
def test_a_part_of_the_assets_publishes_nothing_and_says_why(
    told: dict[str, dict[str, Any]], part: str, message: str
) -> None:
    run = told[part]
    assert not run["success"]
    assert (run["outcome"], run["version"]) == ("failed", None)
    assert len(run["errors"]) == run["attempts"] == 1
    assert message in run["errors"][0]


def test_exports_alone_are_judged_and_not_published(told) -> None:
    run = told["exports alone"]
    assert run["success"]
    assert (run["outcome"], run["version"]) == ("audited", None)
    assert "a part of a run: prepare, ingest, gate" in run["message"]
    assert run["checks"]["sales.gate"][0] is True


def test_a_whole_run_materialises_every_asset_and_publishes(told) -> None:
    run = told["whole"]
    assert run["success"]
    assert (run["outcome"], run["version"]) == ("published", 1)
    # Two exports, a seed, a staging model, three marts, what is published, who is told.
    assert run["assets"] == 9
    assert run["checks"].keys() == {"sales.gate", "returns.gate"}
    assert run["checks"]["sales.gate"][0] is True


def test_a_failed_gate_shows_and_stops_nothing(told) -> None:
    run = told["bad file"]
    assert run["success"]
    assert (run["outcome"], run["version"]) == ("published_held", 2)
    assert run["checks"]["sales.gate"] == [False, "AssetCheckSeverity.WARN"]
    assert run["checks"]["returns.gate"][0] is True


def test_a_failed_data_test_fails_the_run_once_and_keeps_the_version(told) -> None:
    run = told["bad model"]
    assert not run["success"]
    assert run["attempts"] == 1
    assert (run["outcome"], run["version"]) == ("failed", 2)
    assert "assert_no_sale_is_negative" in run["message"]


def test_a_success_with_an_asset_missing_is_a_failure(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    @dg.asset(output_required=False)
    def forgotten():
        """Ends well and materialises nothing."""
        if settings is None:
            yield dg.MaterializeResult()

    job = dg.define_asset_job(JOB_NAME, executor_def=dg.in_process_executor)
    planted = dg.Definitions(assets=[forgotten], jobs=[job])
    monkeypatch.setattr(definitions, "build_definitions", lambda **_: planted)
    failures = []
    execute(
        SimpleNamespace(
            settings=settings, manifest={}, run_id="r", fail=failures.append
        )
    )
    assert [str(error) for error in failures] == ["never materialised: forgotten"]
