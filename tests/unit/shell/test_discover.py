"""What `takt discover` tells a process owner, read from a version of a few rows.

The marts have the columns of their contracts, so that a column that is gone fails here.
"""

from __future__ import annotations

import io
import json
import string
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest
import yaml
from rich.cells import cell_len
from rich.console import Console
from typer.testing import CliRunner, Result

from orchestration import cli, discover, report
from orchestration.settings import PROJECT_ROOT, Settings

MARTS = (
    "discovery/fct_discovered_processes",
    "discovery/fct_discovered_steps",
    "discovery/fct_discovered_paths",
    "discovery/fct_kpi_candidates",
    "review/fct_kpi_candidate_targets",
)
NAMES = {
    "dim_processes": "process_code, name_en, name_zh",
    "dim_process_steps": "process_code, activity_code, name_en, name_zh",
}
HOUR = 3600
ROWS: dict[str, list[dict[str, Any]]] = {
    "dim_processes": [
        {"process_code": "claims", "name_en": "Claims", "name_zh": "理赔"},
        {"process_code": "tiny", "name_en": "Tiny", "name_zh": "小流程"},
    ],
    "dim_process_steps": [
        {
            "process_code": "claims",
            "activity_code": code,
            "name_en": en,
            "name_zh": zh,
        }
        for code, en, zh in (
            ("ask", "Ask", "申请"),
            ("check", "Check [all] papers", "核对"),
            ("sign_1", "Sign", "签字"),
            ("sign_2", "Sign again", "复签"),
            ("pay", "Pay", "付款"),
        )
    ],
    "fct_discovered_processes": [
        {
            "process_code": "claims",
            "gate": "limited",
            "gate_reasons": "no_start|few_periods",
            "instances": 1234,
            "closed_instances": 1200,
            "variants": 17,
            "main_variant_share": 0.625,
            "lead_p50_seconds": 6 * HOUR,
            "lead_p95_seconds": 240 * HOUR,
            "is_long_tail": True,
            "flow_efficiency": 0.125,
        },
        {
            "process_code": "tiny",
            "gate": "refused",
            "gate_reasons": "few_closed",
            "instances": 31,
            "closed_instances": 12,
            "variants": 2,
            "main_variant_share": 0.75,
        },
    ],
    "fct_discovered_steps": [
        {
            "process_code": "claims",
            "position_no": place,
            "activity_code": code,
            "coverage": coverage,
            "kind": "work",
            "last_seen_on": date(2026, 5, 31),
            **more,
        }
        for place, (code, coverage, more) in enumerate(
            (
                ("ask", 1.0, {"is_decision": True, "is_collaboration": True}),
                (
                    "check",
                    0.984,
                    {
                        "is_bottleneck": True,
                        "is_rework": True,
                        "rework_instances": 148,
                        "rework_share": 0.12,
                        "is_risk": True,
                        "risk_difference": 0.0875,
                        "is_ping_pong": True,
                        "return_share": 0.0625,
                    },
                ),
                ("sign_1", 0.9, {"rejected_visits": 4, "decided_visits": 1100}),
                (
                    "sign_2",
                    0.32,
                    {
                        "is_repeated_approval": True,
                        "repeated_approvals": 395,
                        "serial_approvals": 120,
                        "rejected_visits": 0,
                        "decided_visits": 120,
                    },
                ),
                ("pay", 0.97, {"is_rework": True, "kind": "rework"}),
            ),
            start=1,
        )
    ]
    + [
        {
            "process_code": "tiny",
            "position_no": 1,
            "activity_code": "begin",
            "coverage": 1.0,
        }
    ],
    "fct_discovered_paths": [
        {
            "process_code": "claims",
            "path_kind": "step",
            "from_activity_code": "ask",
            "to_activity_code": "check",
            "transitions": 1200,
            "share": 0.615,
            "p50_seconds": 3 * HOUR,
            "p95_seconds": 60 * HOUR,
            "is_bottleneck": True,
            "bottleneck_kind": "capacity",
            "is_long_tail": True,
            "last_seen_on": date(2025, 7, 3),
        }
    ],
    "fct_kpi_candidates": [
        {
            "candidate_id": f"claims.{code}",
            "process_code": "claims",
            "template_code": code,
            "name_en": en,
            "name_zh": zh,
            "reason_en": f"{en} because.",
            "reason_zh": f"因为{zh}。",
            "unit": unit,
            "status": status,
            **more,
        }
        for code, en, zh, unit, status, more in (
            (
                "T01",
                "Lead time",
                "周期",
                "hours",
                "candidate",
                {
                    "score": 0.914,
                    "baseline": 12.34,
                    "is_core": True,
                    "counter_id": "claims.T07",
                },
            ),
            (
                "T07",
                "First time right",
                "一次通过率",
                "pct",
                "candidate",
                {"score": 0.9, "baseline": 88.88, "is_core": True},
            ),
            (
                "T22",
                "Throughput",
                "完成量",
                "count",
                "candidate",
                {"score": 0.8, "baseline": 61.5, "period_grain": "week"},
            ),
            (
                "T15",
                "Slowest tenth",
                "长尾",
                "hours",
                "redundant",
                {"score": 0.7, "redundant_with_id": "claims.T01"},
            ),
            ("T03", "Work time", "处理时长", None, "refused", {}),
            ("T17", "Flow efficiency", "流程效率", None, "refused", {}),
        )
    ]
    + [
        {
            "candidate_id": "tiny.T01",
            "process_code": "tiny",
            "template_code": "T01",
            "name_en": "Lead time",
            "name_zh": "周期",
            "status": "refused",
            "refusal_reason": "few_closed",
            "reason_en": "It takes 30 of them; the log has 12.",
            "reason_zh": "至少需要 30 个，日志只有 12 个。",
        }
    ],
    "fct_kpi_candidate_targets": [
        {"candidate_id": "claims.T01", "process_code": "claims", "target": 9.5}
    ],
}
for row in ROWS["fct_kpi_candidates"]:
    if row["template_code"] in ("T03", "T17"):
        row.update(refusal_reason="no_start", reason_en="No starts.", reason_zh="无。")


@pytest.fixture
def settings(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings without a version; the command works on them."""
    monkeypatch.setattr(cli, "settings_of", lambda as_of=None: settings)
    return settings


def publish(settings: Settings, rows: dict[str, list[dict[str, Any]]]) -> None:
    """Put the rows into a version and make it the current one."""
    folder = settings.published / "versions" / "4"
    folder.mkdir(parents=True)
    (settings.published / "current").symlink_to(Path("versions") / "4")
    with duckdb.connect(str(folder / "marts.duckdb")) as connection:
        for table, names in NAMES.items():
            connection.execute(f"create table {table} (" + columns(names) + ")")
        for mart in MARTS:
            text = (PROJECT_ROOT / "models" / f"{mart}.yml").read_text(encoding="utf-8")
            (model,) = yaml.safe_load(text)["models"]
            declared = ", ".join(
                f"{column['name']} {column['data_type']}" for column in model["columns"]
            )
            connection.execute(f"create table {model['name']} ({declared})")
        for table, given in rows.items():
            for row in given:
                connection.execute(
                    f"insert into {table} ({', '.join(row)}) values "
                    f"({', '.join('?' for _ in row)})",
                    list(row.values()),
                )


def columns(names: str) -> str:
    return ", ".join(f"{name} text" for name in names.split(", "))


def changed(table: str, key: str, value: str, **values: Any) -> dict[str, list]:
    """The rows, with other values where `key` has the value."""
    return {
        **ROWS,
        table: [
            {**row, **(values if row.get(key) == value else {})} for row in ROWS[table]
        ],
    }


def takt(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, ["discover", *arguments], prog_name="takt")


def lines(settings: Settings, language: str = "en", process: str = "claims") -> str:
    """The story on a terminal of 80 columns, colours and all."""
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, color_system="truecolor")
    for story in discover.stories(settings, process):
        for line in report.story_lines(discover.told(story, language)):
            console.print(line)
    return out.getvalue()


def said(result: Result) -> str:
    """What a pipe gets, each run of blanks as one."""
    return " ".join(result.stdout.split())


def test_the_story_has_the_numbers_of_the_marts(settings: Settings) -> None:
    publish(settings, ROWS)
    result = takt("claims")
    assert result.exit_code == 0
    text = said(result)
    for words in (
        "Claims (claims) 1,234 cases, 1,200 closed; 17 variants, 62.5 % take the main",
        "Lead time: half within 6 h, 19 of 20 within 10 d.",
        "Of the time from first to last step 12.5 % is work.",
        "no starts of steps, so times run from one completion to the next; too few",
        "1. Ask 100 % – decision, collaboration",
        "2. Check [all] papers 98.4 % 12 % bottleneck, ping-pong, rework, risk",
        "Ask → Check [all] papers 61.5 % 60 h 2025-07-03 capacity",
        "Check [all] papers: came back after another unit had it, in 6.25 % of cases.",
        "Check [all] papers: done again in 12 % of cases.",
        "Check [all] papers: with it 8.75 % more of the cases end badly than without.",
        "Sign again: approved 395 times what was approved, with no change between; "
        "last on 2026-05-31.",
        "Pay: is rework, and 97 % of cases come to it.",
        "Lead time: a few take far longer, half within 6 h, 19 of 20 within 10 d.",
        "papers: a few take far longer, half within 180 min, 19 of 20 within 60 h.",
        "Lead time 0.91 12.3 h 9.5 h First time right core",
        "First time right 0.90 88.9 % – – core",
        "Throughput 0.80 61.5 a week – –",
        "Says the same as Lead time: Slowest tenth.",
        "Recommended core, and why Lead time: Lead time because.",
        "Work time, Flow efficiency: No starts.",
    ):
        assert words in text, words


def test_without_a_process_all_are_told(settings: Settings) -> None:
    publish(settings, ROWS)
    text = said(takt())
    assert text.index("Claims (claims)") < text.index("Tiny (tiny)")
    assert "Tiny" not in said(takt("claims"))


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("process", ["claims", "tiny"])
def test_80_columns_are_enough_and_colour_says_nothing(
    settings: Settings, language: str, process: str
) -> None:
    publish(settings, ROWS)
    plain = Console(file=io.StringIO(), width=80, no_color=True, highlight=False)
    with plain.capture() as captured:
        for story in discover.stories(settings, process):
            for line in report.story_lines(discover.told(story, language)):
                plain.print(line)
    assert all(cell_len(line) <= 80 for line in captured.get().splitlines())
    shown = discover_text(lines(settings, language, process))
    assert shown == captured.get().split()


def discover_text(coloured: str) -> list[str]:
    """The words of what a terminal was sent."""
    from rich.text import Text

    return Text.from_ansi(coloured).plain.split()


def test_the_story_is_told_in_chinese(settings: Settings) -> None:
    publish(settings, ROWS)
    text = said(takt("claims", "--language", "zh"))
    for words in (
        "理赔 (claims) 1,234 个案例，已结 1,200 个；17 种路径，主路径占 62.5 %。",
        "1. 申请 100 % – 决策、协作",
        "申请 → 核对 61.5 % 60 小时 2025-07-03 产能",
        "复签：重复审批 395 次，其间无变更；最近 2026-05-31。",
        "完成量 0.80 61.5 件/周",
        "周期：因为周期。",
        "处理时长、流程效率：无。",
    ):
        assert words in text, words


def test_both_languages_say_the_same_of_the_same() -> None:
    def names(text: str) -> set[str]:
        return {name for _, name, _, _ in string.Formatter().parse(text) if name}

    for key, (en, zh) in discover.TEXTS.items():
        assert names(en) == names(zh), key


def test_json_has_every_column_of_every_row(settings: Settings) -> None:
    publish(settings, ROWS)
    result = takt("claims", "--format", "json")
    (story,) = json.loads(result.stdout)
    assert story["version"] == 4
    assert story["process"]["main_variant_share"] == 0.625
    assert [row["activity_code"] for row in story["steps"]] == [
        *("ask", "check", "sign_1", "sign_2", "pay")
    ]
    assert story["paths"][0]["last_seen_on"] == "2025-07-03"
    found = {row["candidate_id"]: row for row in story["candidates"]}
    assert found["claims.T01"]["target"] == 9.5
    assert len(found) == 6
    assert [
        one["process"]["process_code"] for one in json.loads(takt("-f", "json").stdout)
    ] == [*("claims", "tiny")]


def test_an_unknown_process_names_those_that_are_known(settings: Settings) -> None:
    publish(settings, ROWS)
    result = takt("claim")
    assert result.exit_code == 2
    known = "nearest: claims; there are claims, tiny"
    assert f"no process 'claim' in the published version; {known}" in result.stderr
    assert result.stdout == ""


def test_without_a_version_it_says_what_to_do(settings: Settings) -> None:
    result = takt()
    assert result.exit_code == 1
    assert "takt refresh" in result.stderr


def test_of_a_process_that_is_refused_nothing_is_claimed(settings: Settings) -> None:
    publish(settings, ROWS)
    text = said(takt("tiny"))
    assert "31 cases, 12 closed" in text
    assert "Limits of the log: few closed cases." in text
    assert "No KPI can be measured yet." in text
    assert "Lead time: It takes 30 of them; the log has 12." in text
    for words in ("bottleneck", "stands out", "KPIs worth having"):
        assert words not in text


@pytest.mark.parametrize(
    ("is_bottleneck", "words"),
    [(False, "No bottleneck is proved."), (None, "No bottleneck can be tested.")],
)
def test_no_bottleneck_and_no_test_are_two_things(
    settings: Settings, is_bottleneck: bool | None, words: str
) -> None:
    where = ("from_activity_code", "ask")
    publish(
        settings,
        changed("fct_discovered_paths", *where, is_bottleneck=is_bottleneck),
    )
    assert words in said(takt("claims"))


@pytest.mark.parametrize(
    ("is_serial", "first_rejects", "words"),
    [
        (True, 4, "Sign again: comes after another approval and rejected 0 of 120. It"),
        (None, 4, "rejected 0 of 120, too few to tell whether it adds anything. Is it"),
        (None, 0, "another approval (120 times), and the log shows no rejection by"),
        (False, 4, None),
    ],
)
def test_a_serial_approval_is_a_finding_or_a_question(
    settings: Settings, is_serial: bool | None, first_rejects: int, words: str | None
) -> None:
    """120 visits without a rejection prove nothing: it takes 381."""
    table = "fct_discovered_steps"
    rows = changed(table, "activity_code", "sign_2", is_serial_approval=is_serial)
    for row in rows[table]:
        if row["activity_code"] == "sign_1":
            row["rejected_visits"] = first_rejects
    publish(settings, rows)
    text = said(takt("claims"))
    if words is None:
        assert "after another approval" not in text
    else:
        assert words in text


def test_without_a_core_the_missing_data_is_named(settings: Settings) -> None:
    table = "fct_kpi_candidates"
    rows = changed(table, "process_code", "claims", is_core=False)
    rows[table][0]["counter_gap"] = "outcome"
    publish(settings, rows)
    text = said(takt("claims"))
    assert "No core set can be recommended" in text
    assert "and the log has none: Lead time: Lead time because. What the log" in text
