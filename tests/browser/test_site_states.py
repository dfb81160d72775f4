"""Every designed state has its words and signs, and no value can act on a page."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.helpers.site_planting import (
    FORMULAS,
    HOSTILE_CODE,
    HOSTILE_KPI,
    LONG,
    RIGHT_TO_LEFT,
    SCRIPT,
    STATES,
)
from tests.helpers.site_reading import page_text

# What a reader of each state is told, in the mark and in the sentence.
TOLD = {
    "held": (("Held", "暂缓"), ("not judged", "不作评判")),
    "stale": (("2026-06-11", "2026-06-11"), ("corrected file", "更正后的文件")),
    "provisional": (("Provisional", "暂定"), ("Not settled yet", "尚未定稿")),
    "restated": (("Restated", "已修订"), ("late data", "数据迟到")),
    "not_ready": (("T3, A", "T3, A"), ("Settle the failed checks", "未通过的检查")),
    "retired": (("Retired", "已停用"), ("its history stays", "历史数据予以保留")),
    "no_data": (("No data", "无数据"), ("No value yet", "尚无数值")),
}


@pytest.mark.parametrize("state", TOLD)
@pytest.mark.parametrize(("place", "language"), [(0, "en"), (1, "zh")])
def test_a_kpi_page_tells_its_state(
    planted: Path, state: str, place: int, language: str
) -> None:
    page = page_text(planted / language / "kpi" / f"{STATES[state]}.html")
    marks = page.all("span", "mark")
    mark, sentence = (words[place] for words in TOLD[state])
    assert any(state in one.classes and mark in one.text for one in marks)
    assert sentence in page.text


@pytest.mark.parametrize("state", ["stale", "not_ready", "restated"])
def test_the_process_page_tells_it_too(planted: Path, state: str) -> None:
    """Folded or not: a card carries the marks of its KPI."""
    page = page_text(planted / "en" / "process" / "orders.html")
    assert any(state in one.classes for one in page.all("span", "mark"))


def test_a_restatement_keeps_what_was_said_first(planted: Path) -> None:
    page = page_text(planted / "en" / "kpi" / f"{STATES['restated']}.html")
    (row,) = page.table("What was restated").rows
    assert row[2] != row[3]
    assert row[4:] == ["late data", "restated"]


def test_a_retired_kpi_is_no_core_kpi(planted: Path) -> None:
    page = page_text(planted / "en" / "process" / "orders.html")
    cards = [one.attributes["id"] for one in page.all("article", "core")]
    assert cards
    assert f"card-{STATES['retired']}" not in cards


def test_a_limit_of_zero_is_a_limit(planted: Path) -> None:
    page = page_text(planted / "en" / "process" / "orders.html")
    rows = page.table("What is open right now").rows
    assert rows
    for row in rows:
        still_open, limit, beyond = row[2], row[-2], row[-1]
        assert (limit, beyond) == ("0 s", still_open)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_first_run_has_every_view_and_says_that_nothing_is_there(
    first_run: Path, language: str
) -> None:
    for view in ("index", "processes", "kpis", "decisions", "data"):
        page = page_text(first_run / language / f"{view}.html")
        assert page.all("h1")
        assert page.all("p", "empty"), view


def test_no_value_becomes_markup(planted: Path) -> None:
    """Tags, handlers and addresses on the pages are only those of the templates."""
    for path in planted.glob("*/**/*.html"):
        page = page_text(path)
        tags = {one.tag for one in page.elements}
        assert not tags & {"script", "img", "iframe", "object", "style", "form"}, path
        for one in page.elements:
            assert not [name for name in one.attributes if name.startswith("on")], path
            address = one.attributes.get("href", "")
            assert ":" not in address.split("#")[0], (path, address)


def test_hostile_texts_are_shown_as_they_are(planted: Path) -> None:
    page = page_text(planted / "en" / "kpi" / f"{HOSTILE_KPI}.html")
    assert SCRIPT in page.text
    assert SCRIPT in page.all("h1")[0].text
    assert LONG in page.text
    chinese = page_text(planted / "zh" / "kpi" / f"{HOSTILE_KPI}.html")
    assert " ".join(RIGHT_TO_LEFT.split()) in chinese.text


def test_a_code_that_is_no_file_name_has_a_page_of_its_own(planted: Path) -> None:
    bearing = [
        path
        for path in (planted / "en" / "kpi").glob("*.html")
        if any(one.text == HOSTILE_CODE for one in page_text(path).all("dd"))
    ]
    assert len(bearing) == 1
    assert all(path.parent.name == "kpi" for path in planted.glob("en/kpi/**/*.html"))


def test_formulas_are_inert_in_csv_and_whole_in_parquet(planted: Path) -> None:
    folder = planted / "downloads"
    text = (folder / f"{HOSTILE_KPI}.csv").read_bytes().decode("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    segments = {row["segment_code"] for row in rows}
    table = pq.read_table(folder / f"{HOSTILE_KPI}.parquet")
    lossless = set(table["segment_code"].to_pylist())
    planted_codes = lossless & set(FORMULAS)
    assert len(planted_codes) == len(FORMULAS)
    assert {f"'{code}" for code in planted_codes} <= segments
    for row in rows:
        assert not any(cell[:1] in ("=", "+", "@", "\t") for cell in row.values())
        assert row["value"] == "" or float(row["value"]) >= 0


def test_a_negative_number_stays_a_number() -> None:
    from orchestration.scorecard.downloads import as_csv

    assert as_csv([{"text": "-5", "value": -5.0}]).decode("utf-8-sig") == (
        "text,value\r\n'-5,-5.0\r\n"
    )
