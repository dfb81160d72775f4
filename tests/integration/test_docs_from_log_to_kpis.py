"""The tutorial from a log to KPIs, followed to the letter, and what it promises.

Its script writes 400 claims: every fifth is asked for papers and checked again, and a
check is followed by a wait of about 40 hours, where all else takes about four.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestration.adopt.measures import TEMPLATES
from tests.helpers.adopted_logs import Adopted, unit_tests
from tests.unit.conventions.project import CHECKS
from tests.unit.conventions.project import Project as Files


def test_every_line_of_the_tutorial_ends_as_the_page_says(adopted: Adopted) -> None:
    """The first adoption decides nothing: exit code 2. All others succeed."""
    codes = [
        (line.split()[:2], answer.returncode)
        for line, answer in adopted.tutorial.items()
    ]
    assert len(codes) == 12
    first = next(code for words, code in codes if words == ["takt", "adopt"])
    assert first == 2
    for line, answer in list(adopted.tutorial.items())[2:]:
        allowed = (0, 3) if "refresh" in line else (0,)
        assert answer.returncode in allowed, f"{line}\n{answer.stdout}{answer.stderr}"


def test_the_first_look_says_what_to_decide(adopted: Adopted) -> None:
    said = next(
        a.stdout for line, a in adopted.tutorial.items() if "takt adopt" in line
    )
    for part in ("case", "activity", "timestamp", "resource", "org_unit", "due"):
        assert f"\n  {part} " in said
    assert "cells have a first number over 12" in said
    assert "Close: last in 400 of 400 cases" in said
    assert "To decide: case, activity, timestamp, end." in said


def test_the_packs_keep_the_conventions_of_the_project(adopted: Adopted) -> None:
    files = Files(adopted.project.root)
    assert [finding for check in CHECKS for finding in check(files)] == []


def test_the_claims_are_published_as_the_script_invented_them(
    adopted: Adopted,
) -> None:
    """400 claims; 80 checked twice; the longest wait is the one after the check."""
    with adopted.project.marts() as connection:
        states = connection.execute(
            "select state, count(*), count(due_at) from fct_process_instances "
            "where process_code = 'claims' group by state"
        ).fetchall()
        assert states == [("closed", 400, 400)]
        steps = connection.execute(
            "select activity_code, visits from fct_discovered_steps "
            "where process_code = 'claims' order by position_no"
        ).fetchall()
        assert steps == [
            ("register", 400),
            ("check", 480),
            ("ask_for_papers", 80),
            ("decide", 400),
            ("pay", 400),
            ("close", 400),
        ]
        worst = connection.execute(
            "select from_activity_code from fct_discovered_paths "
            "where process_code = 'claims' and is_bottleneck"
        ).fetchall()
        assert worst == [("check",)]


ACCEPTED = {
    "claims.T01": "claims.lead_time_{unit}",
    "claims.T05": "claims.on_time_{unit}",
    "claims.T02.check--decide": "claims.check_to_decide_{clock}_{unit}",
}


@pytest.mark.parametrize("candidate", ACCEPTED)
def test_an_accepted_kpi_has_the_periods_of_its_candidate(
    adopted: Adopted, candidate: str
) -> None:
    """Numerator and denominator are equal, integer for integer, in every period."""
    with adopted.project.marts() as connection:
        unit, clock, grain = connection.execute(
            "select unit, path_clock, period_grain from fct_kpi_candidates "
            "where candidate_id = ?",
            [candidate],
        ).fetchone()
        expected = connection.execute(
            "select period_start, numerator, denominator from fct_kpi_candidate_values "
            "where candidate_id = ? and denominator > 0 order by period_start",
            [candidate],
        ).fetchall()
        code = ACCEPTED[candidate].format(unit=unit, clock=clock)
        published = connection.execute(
            "select period_start, numerator, denominator from fct_kpi_values "
            "where kpi_code = ? and period_grain = ? and segment_code = 'all'",
            [code, grain],
        ).fetchall()
    assert len(expected) >= 6
    assert set(expected) <= set(published)


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_template_has_the_periods_of_its_candidates(
    adopted: Adopted, template: str
) -> None:
    """The drawn log calls for all of them; its candidates are held to plain Python."""
    with adopted.project.marts() as connection:
        differing = connection.execute(
            """
            select
                candidates.candidate_id, count(*), count(*) filter (where
                    values.numerator is distinct from measured.numerator
                    or values.denominator is distinct from measured.denominator)
            from fct_kpi_candidates as candidates
            inner join fct_kpi_candidate_values as values using (candidate_id)
            inner join dim_kpis as kpis
                on kpis.process_code = 'tickets'
                and kpis.name_en = candidates.name_en
            left join fct_kpi_values as measured
                on measured.kpi_code = kpis.kpi_code
                and measured.period_grain = values.period_grain
                and measured.period_start = values.period_start
                and measured.segment_code = 'all'
            where candidates.process_code = 'tickets'
                and candidates.template_code = ? and values.denominator > 0
            group by candidates.candidate_id
            """,
            [template],
        ).fetchall()
    assert differing, "the drawn log calls for it"
    for candidate, periods, wrong in differing:
        assert (periods >= 12, wrong) == (True, 0), candidate


def test_a_second_acceptance_of_all_changes_nothing(adopted: Adopted) -> None:
    _, first, again = adopted.tickets
    assert first.returncode == again.returncode == 0, first.stderr
    assert first.stdout.count("Wrote models/metrics/tickets/kpi_tickets__") >= 48
    assert again.stdout.startswith("Nothing changed.")


def test_the_unit_tests_of_all_packs_pass(adopted: Adopted, tmp_path: Path) -> None:
    """One of the cases of each pack, two of each accepted KPI, and those of events."""
    contracts = (adopted.project.root / "models/staging").glob("*/_*__sources.yml")
    packs = sorted(path.parent.name for path in contracts if is_adopted(path))
    assert "claims" in packs
    folders = [f"models/processes/{pack}" for pack in packs]
    metrics = ["models/metrics/claims", "models/metrics/tickets"]
    found = unit_tests(adopted, tmp_path / "unit", [*folders, *metrics])
    accepted = [
        p for one in metrics for p in (adopted.project.root / one).glob("*.sql")
    ]
    assert len(accepted) >= 3 + len(TEMPLATES)
    assert len(found) >= len(packs) + 2 * len(accepted)
    assert set(found.values()) == {"pass"}


def is_adopted(path: Path) -> bool:
    return "takt adopt" in path.read_text(encoding="utf-8").partition("\n")[0]
