"""The data view in each state an export can be in."""

from __future__ import annotations

import re
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import pytest

from orchestration.scorecard.data import _limits
from orchestration.scorecard.formats import Formats
from orchestration.scorecard.site import build_site
from orchestration.scorecard.texts import LANGUAGES, Texts, catalogue
from orchestration.settings import PROJECT_ROOT

COLUMNS = (
    "export_code varchar, cadence varchar, data_as_of timestamp, "
    "newest_verdict varchar, is_held boolean, is_late boolean, is_stale boolean, "
    "stale_reason varchar, rows_loaded bigint, rows_rejected bigint, "
    "rows_duplicate bigint, reliability_grade varchar, reliability_score double"
)
REACHED = datetime(2026, 6, 29, 16)
FINE = {"is_held": False, "is_late": False, "is_stale": False, "newest_verdict": "PASS"}
STALE = {**FINE, "is_stale": True}
HELD = {**STALE, "is_held": True, "newest_verdict": "FAIL"}
ROWS = [
    {
        "export_code": "a.fresh",
        **FINE,
        "cadence": "daily",
        "data_as_of": REACHED,
        "rows_loaded": 1200,
        "rows_rejected": 0,
        "rows_duplicate": 3,
        "reliability_grade": "A",
        "reliability_score": 99,
    },
    {
        "export_code": "b.held",
        **HELD,
        "cadence": "daily",
        "data_as_of": REACHED,
        "stale_reason": "gate_failed",
        "rows_loaded": 9,
        "rows_rejected": 1,
        "rows_duplicate": 0,
        "reliability_grade": "D",
        "reliability_score": 40,
    },
    {
        "export_code": "c.late",
        **STALE,
        "cadence": "monthly",
        "data_as_of": REACHED,
        "stale_reason": "late",
    },
    {
        "export_code": "d.new",
        **STALE,
        "cadence": "once",
        "newest_verdict": None,
        "stale_reason": "never_delivered",
    },
]


def file(path: str, verdict: str | None, **more: Any) -> dict[str, Any]:
    return {
        "path": path,
        "period": "20260629",
        "covers_until": "2026-06-29T16:00:00Z",
        "arrived_at": "2026-06-29T18:30:00Z",
        "is_held": False,
        "verdict": verdict,
        "refusal_code": None,
        "reasons": [],
        "failed": [],
        "rows_loaded": 9,
        "rows_rejected": 1,
        "rows_duplicate": 0,
        **more,
    }


def expectation(**more: Any) -> dict[str, Any]:
    return {
        "type": "expect_column_values_to_not_be_null",
        "columns": ["order_no"],
        "severity": "critical",
        "success": False,
        "observed": None,
        "unexpected_count": 30,
        "tested": 1000,
        "allowed": {"mostly": 0.98},
        "notes": "Orders without number.",
        "notes_zh": "没有编号的订单。",
        "error": None,
        **more,
    }


def export(code: str, **more: Any) -> dict[str, Any]:
    return {
        "code": code,
        "cadence": "daily",
        "late_after_seconds": 7200,
        "files": [],
        "judged": None,
        "expectations": [],
        "rejects": [],
        **more,
    }


@pytest.fixture
def site(tmp_path: Path) -> Path:
    marts = tmp_path / "marts.duckdb"
    with duckdb.connect(str(marts)) as connection:
        connection.execute(
            "create table takt_version as select cast(7 as bigint) as version, "
            "'r' as run_id, timestamp '2026-06-30 18:00:00' as as_of, "
            "'c' as code_version"
        )
        connection.execute(f"create table dim_exports ({COLUMNS})")
        for values in ROWS:
            connection.execute(
                f"insert into dim_exports ({', '.join(values)}) "
                f"values ({', '.join('?' for _ in values)})",
                [*values.values()],
            )
    held = file(
        "b/<b>bold</b>.csv",
        "FAIL",
        is_held=True,
        reasons=["what the log of the night says"],
        failed=[expectation()],
    )
    unjudged = file(
        "b/empty.csv", "FAIL", is_held=True, reasons=["2 of 9 were evaluated."]
    )
    refused = file(
        "b/latin.csv",
        "REFUSED",
        is_held=True,
        refusal_code="encoding",
        reasons=["is no UTF-8 at byte 10"],
    )
    between = {
        "type": "expect_column_values_to_be_between",
        "columns": ["volume_ratio"],
        "success": True,
        "observed": 0.98765,
        "notes": "A part of the orders.",
        "notes_zh": None,
        "allowed": {"min_value": 0.4, "max_value": 3.0},
    }
    facts = {
        "timezone": "Asia/Shanghai",
        "versions": [
            {
                "version": 6,
                "as_of": "2026-06-29T18:00:00Z",
                "published_at": "2026-06-29T18:20:00Z",
                "state": "withdrawn",
            }
        ],
        "models": {},
        "exports": [
            export("a.fresh", files=[file("a/1.csv", "PASS")]),
            export(
                "b.held",
                files=[unjudged, refused, file("b/0.csv", "PASS"), held],
                judged=held["path"],
                expectations=[expectation(**between), expectation()],
                rejects=[{"rule": "not_number", "column": "amount", "records": 4}],
            ),
            export("c.late", files=[file("c/1.csv", "WARN", arrived_at=None)]),
            export("d.new"),
        ],
    }
    build_site(marts, facts, tmp_path / "site")
    return tmp_path / "site"


@pytest.fixture
def page(site: Path) -> str:
    return (site / "en" / "data.html").read_text("utf-8")


def row(page: str, code: str) -> str:
    """The line of an export in the table of sources, as text."""
    (found,) = re.findall(
        rf'<tr>\s*<th scope="row"><a href="#[^"]*">{code}</a>.*?</tr>', page, flags=re.S
    )
    return " ".join(re.sub("<[^>]*>", " ", found).split())


def part(page: str, code: str) -> str:
    start = page.index(f'id="{code.replace(".", "-")}"')
    return page[start : page.index("</details>", start)]


def test_each_state_of_a_source_is_told_in_words(page: str) -> None:
    assert "Up to date 2026-06-30 00:00 daily late after 2.0 h Passed 1,200 0 3 A" in (
        row(page, "a.fresh")
    )
    assert "held by the gate" in row(page, "b.held")
    assert "Failed 9 1 0 D" in row(page, "b.held")
    assert "late" in row(page, "c.late").partition("2026")[0]
    assert "never delivered ∅" in row(page, "d.new")
    assert "Not judged" in row(page, "d.new")


def test_a_held_file_is_shown_at_once_with_the_reason(page: str) -> None:
    held = part(page, "b.held")
    assert re.search(r'<details class="source" id="b-held" open>', page)
    why = " ".join(re.sub("<[^>]*>", " ", held[: held.index("<table")]).split())
    assert "order_no is filled: 30 of 1,000 off ( at most 2.0 % off ) Orders" in why
    assert "Another encoding than declared: is no UTF-8 at byte 10" in why
    # Where no expectation failed, what the gate said.
    assert "2 of 9 were evaluated." in why
    assert "the log of the night" not in why
    assert "1 of 2 checks not passed" in held
    assert 'id="a-fresh" open' not in page


def test_what_failed_comes_first_with_observed_and_allowed(page: str) -> None:
    held = part(page, "b.held")
    checks = held[held.index('<table class="checks">') :]
    failed, passed = checks.index("30 of 1,000 off"), checks.index("0.9877")
    assert failed < passed
    assert "at most 2.0 % off" in checks
    assert "≥ 0.4; ≤ 3" in checks


def test_conditions_and_limits_have_words_in_both_languages() -> None:
    texts = {one: Texts(one, catalogue()) for one in LANGUAGES}
    column = {"name": "hold_reason"}
    both = {
        "type": "and",
        "conditions": [
            {"type": "nullity", "is_null": True, "column": column},
            {"operator": ">=", "parameter": 30, "column": {"name": "loaded"}},
        ],
    }
    allowed = {
        "max_value": 2_000_000.0,
        "or_equal": True,
        "ignore_row_if": "any_value_is_missing",
        "row_condition": both,
    }
    told = {
        one: "|".join(_limits(SimpleNamespace(t=t, f=Formats(t, "UTC")), allowed))
        for one, t in texts.items()
    }
    assert told["en"] == (
        "≤ 2,000,000|or equal|rows with an empty cell left out|"
        "where hold_reason is empty and loaded ≥ 30"
    )
    assert told["zh"] == (
        "≤ 2,000,000|可相等|忽略含空值的行|条件 hold_reason 为空 且 loaded ≥ 30"
    )


def test_what_a_check_guards_is_told_in_the_language_of_the_page(site: Path) -> None:
    """A verdict that was given before there was Chinese keeps its English."""
    chinese = part((site / "zh" / "data.html").read_text("utf-8"), "b.held")
    assert "没有编号的订单。" in chinese
    assert "Orders without number." not in chinese
    assert "A part of the orders." in chinese
    english = part((site / "en" / "data.html").read_text("utf-8"), "b.held")
    assert "Orders without number." in english


def test_why_a_file_is_held_is_told_in_the_language_of_the_page(site: Path) -> None:
    """What the reader found stays as it was written; what kind it is does not."""
    chinese = part((site / "zh" / "data.html").read_text("utf-8"), "b.held")
    assert "编码与声明不符：" in chinese
    assert '<bdi lang="en">is no UTF-8 at byte 10</bdi>' in chinese
    assert "非空: 1,000 中 30 不符" in chinese


def test_each_kind_of_refusal_has_its_words() -> None:
    codes = {"parser_crash", "parser_timeout"}
    for path in (PROJECT_ROOT / "orchestration").glob("**/*.py"):
        if "adopt" not in path.parts:
            codes |= set(
                re.findall(r'Refusal\(\s*"(\w+)"', path.read_text(encoding="utf-8"))
            )
    assert len(codes) > 30
    assert {f"refusal.{code}" for code in codes} <= set(catalogue())


def test_lateness_is_measured_from_the_end_of_the_period(page: str) -> None:
    """Came at 18:30, the period ended at 16:00, two hours are allowed."""
    assert "2.5 h · late" in part(page, "b.held")
    assert "∅" in part(page, "c.late")


def test_names_of_files_are_text(page: str) -> None:
    assert "<b>bold</b>" not in page
    assert "b/&lt;b&gt;bold&lt;/b&gt;.csv" in page


def test_rejects_and_versions_are_listed_in_words(page: str) -> None:
    text = " ".join(re.sub("<[^>]*>", " ", page).split())
    assert "b.held amount no number 4" in text
    assert "6 2026-06-30 02:00 2026-06-30 02:20 Withdrawn" in text
