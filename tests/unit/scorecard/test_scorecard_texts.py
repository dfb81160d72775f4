"""The words of the scorecard: complete in every language, or no scorecard."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
import yaml

from orchestration.scorecard.texts import LANGUAGES, TextError, Texts, catalogue
from orchestration.settings import PROJECT_ROOT


def planted(folder: Path, rows: str) -> dict:
    (folder / "planted.csv").write_text(f"key,en,zh\n{rows}", encoding="utf-8")
    return catalogue(folder)


def test_every_text_is_there_in_every_language() -> None:
    assert len(catalogue()) > 100


def test_every_reason_to_leave_a_case_out_has_words() -> None:
    """Those of the register, and those that the models of KPIs promise to use."""
    with (PROJECT_ROOT / "seeds" / "kpis.csv").open(encoding="utf-8") as file:
        reasons = {
            code
            for row in csv.DictReader(file)
            for code in row["exclusions"].split("|")
            if code
        }
    assert reasons
    for path in (PROJECT_ROOT / "models" / "metrics").glob("**/*.yml"):
        for model in yaml.safe_load(path.read_text(encoding="utf-8"))["models"]:
            for test in model.get("data_tests", []):
                held = test.get("columns_hold", {}).get("arguments", {})
                accepted = held.get("accepted_values", {})
                reasons |= set(accepted.get("exclusion_reason", []))
    assert len(reasons) > 30
    assert {code for code in reasons if f"reason.{code}" not in catalogue()} == set()


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ("status.alarm,Alarm,\n", "'status.alarm' has no text in zh"),
        ("status.alarm,,告警\n", "'status.alarm' has no text in en"),
        ("a,A,甲\na,B,乙\n", "'a' is there twice"),
        ("n,{count} of {all},{count}\n", "'n' has other fields in each language"),
    ],
)
def test_a_bad_text_ends_the_build_and_is_named(
    tmp_path: Path, rows: str, message: str
) -> None:
    with pytest.raises(TextError, match=message):
        planted(tmp_path, rows)


def test_a_text_that_nobody_wrote_is_named_with_its_language(tmp_path: Path) -> None:
    texts = Texts("zh", planted(tmp_path, "a,A,甲\n"))
    with pytest.raises(TextError, match=r"'status\.odd' in zh"):
        texts("status.odd")


def test_a_field_that_is_not_given_is_named(tmp_path: Path) -> None:
    texts = Texts("en", planted(tmp_path, "a,{count} left,还剩 {count}\n"))
    assert texts("a", count=3) == "3 left"
    with pytest.raises(TextError, match=r"'a' in en needs the field 'count'"):
        texts("a")


def promised(model: str, column: str) -> set[str]:
    """The values that a column of a mart promises to have, from its YAML."""
    (path,) = (PROJECT_ROOT / "models").rglob(f"{model}.yml")
    described = yaml.safe_load(path.read_text("utf-8"))["models"][0]
    found: set[str] = set()
    for test in described.get("data_tests", []):
        if "columns_hold" in test:
            values = test["columns_hold"]["arguments"].get("accepted_values", {})
            found |= set(values.get(column, []))
    assert found, f"{model}.{column} promises nothing"
    return found


@pytest.mark.parametrize(
    ("prefix", "model", "column"),
    [
        ("status", "fct_kpi_status", "status"),
        ("status", "fct_objective_scores", "status"),
        ("variation", "fct_kpi_status", "variation"),
        ("assurance", "fct_kpi_status", "assurance"),
        ("state", "fct_kpi_values", "state"),
        ("severity", "fct_findings", "severity"),
        ("alarms.rule", "fct_alert_episodes", "rule_id"),
    ],
)
def test_every_code_that_a_mart_may_hold_has_words(
    prefix: str, model: str, column: str
) -> None:
    """A code without words would end the nightly run on the night it first comes."""
    known = catalogue()
    missing = [
        value for value in promised(model, column) if f"{prefix}.{value}" not in known
    ]
    assert missing == []


def test_both_languages_are_offered() -> None:
    assert LANGUAGES == ("en", "zh")
