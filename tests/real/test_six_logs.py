"""Six more real exports, published as overlays, equal their raw files' oracles.

Integers throughout. Beside the oracles stand figures that others have worked out from
these logs, so that oracle and models cannot be wrong together unseen.
"""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

import pytest

from tests.real.nights import Night
from tests.real.oracles import (
    bpic2012_loan,
    bpic2013_volvo,
    online_retail,
    production_levy,
    receipt_permit,
    scms_procurement,
)
from tests.real.oracles.bpic2012_loan import Loans
from tests.real.oracles.bpic2013_volvo import Support
from tests.real.oracles.measured import Facts

ORACLES = {
    "scms_procurement": scms_procurement.compute,
    "online_retail": online_retail.compute,
    "production_levy": production_levy.compute,
    "receipt_permit": receipt_permit.compute,
    "bpic2012_loan": bpic2012_loan.compute,
    "bpic2013_volvo": bpic2013_volvo.compute,
}
KPIS = {
    "scms_procurement": (
        "supply.ordering_days",
        "supply.on_time_pct",
        "supply.pack_price_usd",
    ),
    "online_retail": (
        "retail.order_value_gbp",
        "retail.credited_value_pct",
        "retail.repeat_purchase_pct",
    ),
    "production_levy": ("jobs.lead_hours", "jobs.reject_rate_pct"),
    "receipt_permit": (
        "permits.handling_days",
        "permits.in_time_pct",
        "permits.confirmation_hours",
    ),
    "bpic2012_loan": (
        "loans.decision_hours",
        "loans.conversion_pct",
        "loans.work_minutes",
    ),
    "bpic2013_volvo": (
        "support.resolution_hours",
        "support.reopened_pct",
        "support.first_line_pct",
        "problems.resolution_hours",
        "problems.closed_in_30_days_pct",
    ),
}


@cache
def facts_of(folder: Path) -> Facts:
    """What a dataset says; each raw file is read once."""
    return ORACLES[folder.name](folder)


@pytest.fixture(params=ORACLES)
def facts(request: pytest.FixtureRequest, real_data: Path) -> Facts:
    """What each dataset says."""
    return facts_of(real_data / request.param)


@pytest.fixture
def loans(real_data: Path) -> Loans:
    """What the loan applications say."""
    return facts_of(real_data / "bpic2012_loan")


@pytest.fixture
def volvo(real_data: Path) -> Support:
    """What incidents and problems say."""
    return facts_of(real_data / "bpic2013_volvo")


def test_rows_are_loaded_rejected_or_repeated_as_the_raw_file_says(
    full_night: Night, facts: Facts
) -> None:
    batches = {
        f"{row['source']}.{row['export']}": row
        for row in full_night.project.ledger("select * from batches")
    }
    published = {
        export: tuple(batches[export][c] for c in ("loaded", "rejected", "duplicates"))
        for export in facts.rows
    }
    assert published == facts.rows


def test_every_change_in_the_log_is_an_event(full_night: Night, facts: Facts) -> None:
    processes = {process for process, _ in facts.events}
    published = Counter(
        {
            (process, activity): count
            for process, activity, count in full_night.rows(
                """
                select process_code, activity_code, count(*) from fct_events
                group by process_code, activity_code
                """
            )
            if process in processes
        }
    )
    assert published == facts.events


def test_every_case_is_an_instance_open_or_ended(
    full_night: Night, facts: Facts
) -> None:
    processes = {process for process, _ in facts.instances}
    published = {
        (process, case): ended_at is None
        for process, case, ended_at in full_night.rows(
            "select process_code, process_instance_id, ended_at"
            " from fct_process_instances"
        )
        if process in processes
    }
    assert published == facts.instances


@pytest.mark.parametrize(
    ("dataset", "kpi"), [(name, kpi) for name in KPIS for kpi in KPIS[name]]
)
def test_every_observation_equals_the_oracle(
    full_night: Night, real_data: Path, dataset: str, kpi: str
) -> None:
    assert full_night.observations(kpi) == facts_of(real_data / dataset).kpis[kpi]


def test_every_kpi_of_the_oracles_is_compared(facts: Facts) -> None:
    assert set(facts.kpis) <= {kpi for kpis in KPIS.values() for kpi in kpis}


def test_monthly_values_are_ratios_of_the_oracles_sums(
    full_night: Night, facts: Facts
) -> None:
    """Value × denominator = scale × numerator, month by month, all segments."""
    for kpi, observations in facts.kpis.items():
        sums: dict[str, list[int]] = {}
        for row in observations.values():
            if row.state == "counted":
                parts = sums.setdefault(f"{row.on:%Y-%m}-01", [0, 0])
                parts[0] += row.numerator
                parts[1] += row.denominator
        published = {
            str(month): [numerator, denominator]
            for month, numerator, denominator in full_night.rows(
                f"""
                select period_start, numerator, denominator from fct_kpi_values
                where kpi_code = '{kpi}' and period_grain = 'month'
                and segment_code = 'all' and numerator is not null
                """
            )
        }
        assert published == sums


# ---------------------------------------------------------------- figures of others


def test_loan_steps_are_paired_as_published(full_night: Night, loans: Loans) -> None:
    """71,373 pairs, 93,133 completions without a start, 3 starts left over.

    92,093 of those completions are changes of state, which take no time.
    """
    expected = {"paired": 71_373, "startless": 93_133, "open": 3}
    assert loans.steps == expected
    moments = full_night.value(
        """
        select count(*) from fct_process_steps
        where process_code = 'loans' and activity_code not like 'w%'
        and started_at = occurred_at
        """
    )
    assert moments == 92_093
    assert full_night.rows(
        """
        select
            count(*) filter (
                activity_code like 'w%' and started_at is not null
                and occurred_at is not null
            ),
            count(*) filter (started_at is null),
            count(*) filter (state = 'open')
        from fct_process_steps where process_code = 'loans'
        """
    ) == [(71_373, 93_133 - moments, 3)]


def test_399_loans_stay_open_and_are_not_failures(full_night: Night) -> None:
    assert full_night.rows(
        """
        select state, count(*) from fct_process_instances
        where process_code = 'loans' group by state order by state
        """
    ) == [("cancelled", 2_807), ("closed", 9_881), ("open", 399)]


def test_loan_paths_of_completions_only(full_night: Night) -> None:
    assert (
        full_night.value(
            "select count(*) from fct_process_paths"
            " where process_code = 'loans' and path_kind = 'step'"
        )
        == 151_419
    )


def test_incident_repetitions_reopenings_and_paths(
    full_night: Night, volvo: Support
) -> None:
    """34,038 repetitions in 7,201 incidents, 580 reopenings in 514, 57,979 paths."""
    published = {
        (process, case): (repeated, reopened)
        for process, case, repeated, reopened in full_night.rows(
            """
            select process_code, process_instance_id, repetitions, reopenings
            from fct_process_instances
            where process_code in ('support', 'problems')
            """
        )
    }
    assert published == {
        case: (volvo.repetitions[case], volvo.reopenings[case])
        for case in volvo.instances
    }
    incidents = [row for case, row in published.items() if case[0] == "support"]
    assert sum(repeated for repeated, _ in incidents) == 34_038
    assert sum(repeated > 0 for repeated, _ in incidents) == 7_201
    assert sum(reopened for _, reopened in incidents) == 580
    assert sum(reopened > 0 for _, reopened in incidents) == 514
    paths = Counter(
        {
            (process, a, b): count
            for process, a, b, count in full_night.rows(
                """
                select process_code, from_activity_code, to_activity_code, count(*)
                from fct_process_paths
                where process_code in ('support', 'problems') and path_kind = 'step'
                group by all
                """
            )
        }
    )
    assert paths == volvo.paths
    assert sum(n for (process, *_), n in paths.items() if process == "support") == (
        57_979
    )


def test_problems_start_years_before_and_the_log_reaches_back(
    full_night: Night,
) -> None:
    """The dummy of 1970 in the log's declarations is no event."""
    assert (
        full_night.value(
            "select min(occurred_at)::varchar from fct_events"
            " where process_code = 'problems'"
        )
        == "2006-01-11 14:49:42"
    )


def test_jobs_have_the_clocks_of_the_raw_file(
    full_night: Night, real_data: Path
) -> None:
    """Hours 111,394.8 from first to last, 12,390.9 busy, 13,709.2 of work; one job
    has more work than time, because two people were at it at once."""
    clocks = production_levy.clocks(real_data / "production_levy")
    assert full_night.rows(
        """
        select
            sum(sojourn_elapsed_seconds), sum(processing_elapsed_seconds),
            sum(touch_elapsed_seconds),
            count(*) filter (touch_elapsed_seconds > sojourn_elapsed_seconds),
            sum(idle_elapsed_seconds)
        from fct_process_instances where process_code = 'jobs'
        """
    ) == [
        (
            clocks.sojourn,
            clocks.processing,
            clocks.touch,
            clocks.crowded_jobs,
            clocks.sojourn - clocks.processing,
        )
    ]
    assert round(clocks.sojourn / 3600, 1) == 111_394.8
    assert clocks.processing == 12_390.85 * 3600
    assert round(clocks.touch / 3600, 1) == 13_709.2
    assert clocks.crowded_jobs == 1


# ---------------------------------------------------------------- what cannot be had


def test_no_share_in_time_is_shown_where_only_closed_cases_are_exported(
    full_night: Night,
) -> None:
    assert full_night.rows(
        """
        select distinct state, value from fct_kpi_values
        where kpi_code = 'problems.closed_in_30_days_pct'
        """
    ) == [("not_measurable", None)]


def test_a_row_cut_at_the_end_of_the_file_is_warned_of(full_night: Night) -> None:
    """The last row says `Unit` for `United Kingdom`: readable, but no country."""
    (verdict,) = full_night.project.ledger(
        """
        select verdicts.verdict, verdicts.results from verdicts
        join batches on batches.seq = verdicts.batch_seq
        where batches.source = 'till'
        """
    )
    assert verdict["verdict"] == "WARN"
    assert "Unit" in str(verdict["results"])


def test_rows_of_words_in_number_columns_are_rejected_by_name(
    full_night: Night,
) -> None:
    rejects = full_night.project.ledger(
        """
        select rejects.column_name, rejects.rule, count(*) as rows from rejects
        join batches on batches.seq = rejects.batch_seq
        where batches.source = 'shopfloor'
        group by rejects.column_name, rejects.rule
        order by rejects.column_name
        """
    )
    assert rejects == [
        {"column_name": name, "rule": "not_integer", "rows": 450}
        for name in ("completed_units", "rejected_units", "review_units")
    ]
