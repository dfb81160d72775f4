"""Figures on the pages are those of the marts, by queries of the tests' own."""

from __future__ import annotations

import csv
import io
import shlex
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from tests.helpers.published_demo import Published, run_takt
from tests.helpers.site_reading import number, page_text, says

NOTHING = "∅"


@pytest.fixture(scope="module")
def official(published: Published) -> dict[str, tuple]:
    """Of each KPI its name, its newest ended period with a value, value and count."""
    rows = published.rows(
        """
        select k.kpi_code, k.name_en, v.period_start, v.value, s.n
        from dim_kpis as k
        join fct_kpi_values as v
            on k.kpi_code = v.kpi_code and k.period = v.period_grain
        join fct_kpi_status as s on v.kpi_code = s.kpi_code
            and v.segment_code = s.segment_code and v.period_start = s.period_start
        where v.segment_code = 'all' and v.value is not null
            and v.state_reason is distinct from 'period_running'
        qualify row_number() over (
            partition by k.kpi_code order by v.period_start desc
        ) = 1
        """
    )
    return {code: tuple(rest) for code, *rest in rows}


def test_the_list_of_kpis_shows_their_newest_values(
    site: Path, official: dict[str, tuple]
) -> None:
    page = page_text(site / "en" / "kpis.html")
    shown = {row[0]: row for table in page.tables for row in table.rows}
    assert len(shown) == len(official)
    for name, _, value, n in official.values():
        row = shown[name]
        assert says(row[2], value), row
        assert says(row[3], n), row


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_kpi_page_shows_value_periods_and_segments(
    site: Path, published: Published, official: dict[str, tuple], language: str
) -> None:
    titles = {
        "en": ("Every period", "Segments", "unknown"),
        "zh": ("各周期数值", "分段", "未知"),
    }[language]
    for code, (_, start, value, n) in official.items():
        page = page_text(site / language / "kpi" / f"{code}.html")
        headline = page.all("data", "value")[0]
        assert float(headline.attributes["value"]) == value
        assert says(headline.text, value), code
        assert f"n = {n:,}" in page.text
        periods = published.rows(
            "select value, n from fct_kpi_status where segment_code = 'all' "
            f"and kpi_code = '{code}' order by period_start desc"
        )
        series = page.table(titles[0])
        assert len(series.rows) == len(periods), code
        for row, (latest, count) in zip(series.rows, periods, strict=True):
            assert row[3] == NOTHING if latest is None else says(row[3], latest), row
            assert says(row[4], count), row
        segments = published.rows(
            "select segment_code, value, counted_count, numerator, denominator "
            "from fct_kpi_values join dim_kpis using (kpi_code) "
            f"where kpi_code = '{code}' and period_grain = period "
            f"and segment_code <> 'all' and period_start = date '{start}'"
        )
        if segments:
            table = {row[0]: row[1:] for row in page.table(titles[1]).rows}
            named = {"unknown": titles[2]}
            assert table.keys() == {named.get(row[0], row[0]) for row in segments}
            for segment, *figures in segments:
                segment = named.get(segment, segment)
                for text, figure in zip(table[segment], figures, strict=True):
                    assert text == NOTHING if figure is None else says(text, figure)


def test_parts_in_scope_add_up_to_the_observations(
    site: Path, published: Published
) -> None:
    code = "orders.processing_minutes"
    page = page_text(site / "en" / "kpi" / f"{code}.html")
    shown = sum(number(row[2])[0] for row in page.table("Subjects in scope").rows)
    ((counted,),) = published.rows(
        f"select count(*) from fct_kpi_observations where kpi_code = '{code}' "
        "and measured_on >= date '2026-06-01' and measured_on < date '2026-07-01'"
    )
    assert shown == counted


def test_the_map_counts_like_the_period_marts(site: Path, published: Published) -> None:
    """Steps and paths of three months are the sums of their monthly rows."""
    months = (
        "period_grain = 'month' and period_start >= date '2026-04-01' "
        "and period_start < date '2026-07-01'"
    )
    for (process,) in published.rows("select process_code from dim_processes"):
        page = page_text(site / "en" / "process" / f"{process}.html")
        steps = dict(
            published.rows(
                "select name_en, sum(step_count) from fct_process_step_periods "
                f"where process_code = '{process}' and {months} group by name_en"
            )
        )
        shown = {row[1]: number(row[3])[0] for row in page.table("Steps").rows}
        assert {name: n for name, n in shown.items() if n} == steps, process
        paths = {
            (source, target): count
            for source, target, count in published.rows(
                "select from_name_en, to_name_en, sum(path_count) "
                "from fct_process_path_periods where path_kind = 'step' "
                f"and process_code = '{process}' and {months} group by all"
            )
        }
        rows = page.table("Paths").rows
        assert {(row[0], row[1]): number(row[2])[0] for row in rows} == paths


def test_first_published_and_latest_come_from_the_publications(
    site: Path, published: Published
) -> None:
    code = "quality.return_rate_pct"
    page = page_text(site / "en" / "kpi" / f"{code}.html")
    shown = {row[0]: row for row in page.table("Every period").rows}
    rows = published.rows(
        "select strftime(period_start, '%Y-%m'), value from fct_kpi_publications "
        f"where kpi_code = '{code}' and segment_code = 'all' and revision_no = 1"
    )
    assert rows
    for period, value in rows:
        text = shown[period][1]
        assert text == NOTHING if value is None else says(text, value)


def test_the_command_on_the_page_gives_the_number_again(
    site: Path, published: Published, official: dict[str, tuple]
) -> None:
    """The SQL of every KPI on the marts, and one of them typed as it stands."""
    for code, (_, _, value, _) in official.items():
        page = page_text(site / "zh" / "kpi" / f"{code}.html")
        command = page.all("pre")[-1].text.strip()
        program, verb, sql = shlex.split(command)
        assert (program, verb) == ("takt", "query")
        ((again, *_),) = published.rows(sql)
        assert again == pytest.approx(value, abs=1e-8), code
    done = run_takt(published.settings, verb, sql)
    assert done.returncode == 0, done.stderr
    assert f"{value:.4f}"[:-2] in done.stdout


def test_downloads_hold_the_marts_rows(site: Path, published: Published) -> None:
    code = "leads.conversion_pct"
    expected = published.rows(
        "select segment_code, period_start, value, numerator from fct_kpi_values "
        f"where kpi_code = '{code}' and period_grain = 'month' "
        "order by segment_code, period_start"
    )
    table = pq.read_table(site / "downloads" / f"{code}.parquet")
    names = ("segment_code", "period_start", "value", "numerator")
    lossless = sorted(zip(*(table[name].to_pylist() for name in names), strict=True))
    assert lossless == expected
    text = (site / "downloads" / f"{code}.csv").read_bytes().decode("utf-8-sig")
    cells = sorted(
        (row["segment_code"], row["period_start"], row["value"], row["numerator"])
        for row in csv.DictReader(io.StringIO(text))
    )
    assert cells == [
        tuple("" if cell is None else str(cell) for cell in row) for row in expected
    ]


def test_a_wrong_figure_is_noticed() -> None:
    assert says("1,234.5 min", 1234.46)
    assert not says("1,234.5 min", 1234.4)
    assert says("−0.3", -0.26)
    assert not says("98", 97.4)


def test_the_command_under_an_advice_is_one_that_takt_takes(
    site: Path, published: Published
) -> None:
    """All that the command line asks for is there, and the id is a finding's."""
    page = page_text(site / "en" / "process" / "orders.html")
    commands = [
        shlex.split(one.text)
        for one in page.all("code")
        if one.text.startswith("takt review decide")
    ]
    assert commands
    known = published.rows("select finding_id from fct_findings")
    roles = published.rows("select owner_code from dim_owners")
    for program, *words, short, action, by, role, why, _ in commands:
        assert (program, words) == ("takt", ["review", "decide"])
        assert (action, by, why) == ("accept", "--by", "--why")
        assert sum(one.startswith(short) for (one,) in known) == 1
        assert (role,) in roles
