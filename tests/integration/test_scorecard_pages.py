"""The scorecard of the published demo: its figures are the marts', its bytes its own.

Here: overview, decisions and data, read from the files. Not here: how pages look and
behave in a browser, and the pages of processes and KPIs.
"""

from __future__ import annotations

import html
import json
import re
from pathlib import Path

import pytest

from orchestration.query import open_marts
from orchestration.scorecard.charts import Charts
from orchestration.scorecard.formats import Formats
from orchestration.scorecard.reading import Marts
from orchestration.scorecard.site import VIEWS, build_site
from orchestration.scorecard.texts import Texts, catalogue
from orchestration.scorecard.view import View
from tests.helpers.published_demo import Published, Warehouse

# A hundred KPIs may have 5 MB; the demo has fewer.
WHOLE_SITE_BYTES = 5_000_000
FIRST_VIEW_BYTES = 300_000


@pytest.fixture(scope="module")
def version(demo_warehouse: Warehouse) -> Published:
    return demo_warehouse.published


@pytest.fixture(scope="module")
def site(version: Published) -> Path:
    return version.folder / "scorecard"


def table(page: Path, name: str) -> list[list[str]]:
    """The texts of the body of a table, found by its class or the section around it."""
    text = page.read_text("utf-8")
    start = (
        text.index(f'<table class="{name}"')
        if f'<table class="{name}"' in text
        else (text.index("<table", text.index(f'id="{name}"')))
    )
    body = text[text.index("<tbody>", start) : text.index("</tbody>", start)]
    return [
        [
            " ".join(html.unescape(re.sub("<[^>]*>", " ", cell)).split())
            for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row, flags=re.S)
        ]
        for row in re.findall("<tr.*?</tr>", body, flags=re.S)
    ]


def figure(text: str) -> float:
    """The number in a cell such as `1,234.5 min` or `−3.2`."""
    found = re.search(r"[−-]?[\d,]+(\.\d+)?", text)
    assert found, text
    return float(found[0].replace(",", "").replace("−", "-"))


def test_the_goals_show_what_the_marts_say(version: Published, site: Path) -> None:
    expected = {
        name: (score, share, status)
        for name, score, share, status in version.rows(
            "select goals.name_en, driver_score, coverage, status "
            "from fct_objective_scores as scores join dim_objectives as goals "
            "using (objective_code) where month_start = "
            "(select max(month_start) from fct_objective_scores)"
        )
    }
    words = {"on_track": "On track", "at_risk": "At risk", "off": "Off track"}
    words["insufficient"] = "Too little covered"
    rows = table(site / "en" / "index.html", "tree")
    assert {row[0] for row in rows} == set(expected)
    for row in rows:
        score, share, status = expected[row[0]]
        assert row[-1] == words[status]
        assert row[-3] == ("∅" if score is None else f"{score:.2f}")
        assert figure(row[-2]) == pytest.approx(100 * share, abs=0.5)


def test_an_outcome_is_the_value_of_the_month_in_its_unit(
    version: Published, site: Path
) -> None:
    expected = dict(
        version.rows(
            "select kpis.name_en, status.value from fct_kpi_status as status "
            "join dim_kpis as kpis using (kpi_code) where kpis.is_in_force "
            "and segment_code = 'all' and status.value is not null and period_start <= "
            "(select max(month_start) from fct_objective_scores) and period_end > "
            "(select max(month_start) from fct_objective_scores)"
        )
    )
    rows = [row for row in table(site / "en" / "index.html", "tree") if len(row) == 7]
    shown = [row for row in rows if row[2] != "∅"]
    assert shown
    for row in shown:
        decimals = len(row[2].split()[0].partition(".")[2])
        assert figure(row[2]) == pytest.approx(
            round(expected[row[1]], decimals), abs=1e-9
        )


def test_at_most_five_changes_each_a_signal_of_its_last_settled_period(
    version: Published, site: Path
) -> None:
    signals = {
        name
        for (name,) in version.rows(
            "select name_en from (select kpi_code, "
            "arg_max(variation, period_start) as v from fct_kpi_status "
            "where is_final and value is not null and segment_code = 'all' "
            "group by kpi_code) join dim_kpis using (kpi_code) "
            "where v in ('improving', 'concerning') and is_in_force"
        )
    }
    text = (site / "en" / "index.html").read_text("utf-8")
    part = text[text.index('id="changes"') : text.index('id="alarms"')]
    shown = re.findall(r'href="kpi/[^"]*">([^<]*)</a>', part)
    assert len(shown) == min(5, len(signals)) > 0
    assert {html.unescape(name) for name in shown} <= signals


def test_every_open_finding_is_listed_in_both_languages(
    version: Published, site: Path
) -> None:
    for language in ("en", "zh"):
        expected = {
            (identity, " ".join(message.split()))
            for identity, message in version.rows(
                f"select finding_id, message_{language} from fct_findings "
                "where state = 'open'"
            )
        }
        text = (site / language / "decisions.html").read_text("utf-8")
        shown = {
            (
                identity,
                " ".join(html.unescape(re.sub("<[^>]*>", "", message)).split()),
            )
            for identity, message in re.findall(
                r'<tr id="([^"]*)">.*?<td><bdi>(.*?)</bdi>', text, flags=re.S
            )
        }
        assert shown == expected


def test_the_sources_show_what_the_marts_say(version: Published, site: Path) -> None:
    expected = {
        code: list(counts)
        for code, *counts in version.rows(
            "select export_code, rows_loaded, rows_rejected, rows_duplicate "
            "from dim_exports"
        )
    }
    shown = {
        row[0]: [figure(cell) for cell in row[5:8]]
        for row in table(site / "en" / "data.html", "sources")
    }
    assert shown == expected


def test_rejects_by_reason_add_up_to_the_rejected_rows(
    version: Published, site: Path
) -> None:
    (total,) = version.rows("select sum(rows_rejected) from dim_exports")[0]
    rows = table(site / "zh" / "data.html", "rejects")
    assert sum(figure(row[-1]) for row in rows) == total


def test_every_check_of_the_last_file_is_listed_with_what_was_observed(
    version: Published, site: Path
) -> None:
    facts = json.loads((version.folder / "facts.json").read_text("utf-8"))
    text = (site / "en" / "data.html").read_text("utf-8")
    for export in facts["exports"]:
        start = text.index(f'id="{export["code"].replace(".", "-")}"')
        part = text[start : text.index("</details>", start)]
        checks = part[: part.index("</table>")]
        assert checks.count("<tr>") - 1 == len(export["expectations"]) > 0
        assert html.escape(export["judged"]) in part


def test_no_mart_the_pages_read_is_missing(version: Published) -> None:
    """A renamed mart would otherwise be read as an empty one."""
    facts = json.loads((version.folder / "facts.json").read_text("utf-8"))
    with open_marts(version.folder / "marts.duckdb") as connection:
        marts = Marts(connection)
        texts = Texts("en", catalogue())
        view = View(
            "en",
            marts,
            facts,
            texts,
            Formats(texts, facts["timezone"]),
            Charts(),
            {},
        )
        for pages in VIEWS:
            list(pages(view))
        assert marts.missing == set()


def test_the_version_gives_the_same_bytes_again(
    version: Published, site: Path, tmp_path: Path
) -> None:
    facts = json.loads((version.folder / "facts.json").read_text("utf-8"))
    again = tmp_path / "again"
    build_site(version.folder / "marts.duckdb", facts, again)
    assert {
        path.relative_to(again): path.read_bytes()
        for path in again.rglob("*")
        if path.is_file()
    } == {
        path.relative_to(site): path.read_bytes()
        for path in site.rglob("*")
        if path.is_file()
    }


def test_the_site_keeps_its_weight(site: Path) -> None:
    sizes = {p: p.stat().st_size for p in site.rglob("*") if p.is_file()}
    assert sum(sizes.values()) <= WHOLE_SITE_BYTES
    for language in ("en", "zh"):
        first = [site / language / "index.html", *(site / "assets").iterdir()]
        assert sum(sizes[path] for path in first) <= FIRST_VIEW_BYTES
