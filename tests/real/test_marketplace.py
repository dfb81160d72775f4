"""Seven marketplace tables, published as an overlay, equal the raw files' oracle.

Every figure is an integer or an exact fraction. What cannot be measured is counted
with a reason: 775 orders of nothing, 77 hand-overs before the approval, 90 answers
about an order that had one already.
"""

from __future__ import annotations

import hashlib
import hmac
from collections import Counter
from fractions import Fraction
from pathlib import Path

import duckdb
import pytest

from tests.real.nights import PII_KEY, Night
from tests.real.oracles.exact import percentile
from tests.real.oracles.olist_sample import Oracle, compute, instant


@pytest.fixture(scope="session")
def oracle(real_data: Path) -> Oracle:
    """What the seven tables say."""
    return compute(real_data / "olist_sample")


def pseudonym(text: str) -> str:
    """What the documentation says of `pii: hash`, worked out again."""
    digest = hmac.new(PII_KEY.encode(), text.encode(), hashlib.sha256).hexdigest()
    return digest[:16]


def test_the_raw_files_are_those_this_test_was_written_for(
    oracle: Oracle,
) -> None:
    """90 more answers than orders: 84 orders have two answers and 3 have three."""
    assert oracle.rows == {
        "customers": 8_135,
        "order_items": 8_365,
        "order_payments": 8_924,
        "order_reviews": 8_225,
        "orders": 8_135,
        "products": 5_460,
        "sellers": 1_610,
    }
    assert oracle.repeated_review_ids == 34
    assert oracle.extra_reviews == 90
    assert sum(order.items == 0 for order in oracle.orders.values()) == 775


def test_every_record_is_loaded_line_breaks_and_quotes_included(
    full_night: Night,
    oracle: Oracle,
) -> None:
    batches = full_night.project.ledger(
        "select export, rows_in, loaded, rejected, duplicates from batches"
        " where source = 'olist'"
    )
    assert {row.pop("export"): row for row in batches} == {
        export: {"rows_in": rows, "loaded": rows, "rejected": 0, "duplicates": 0}
        for export, rows in oracle.rows.items()
    }


def test_texts_with_line_breaks_and_quotes_are_read_to_the_byte(
    full_night: Night,
    oracle: Oracle,
) -> None:
    """Pseudonyms of 4,113 texts agree only if no character was lost."""
    messages = oracle.messages
    assert sum("\n" in text for text in messages) > 400
    assert sum('"' in text for text in messages) > 20
    (batch,) = full_night.project.ledger(
        "select lake_path from batches where export = 'order_reviews'"
    )
    lake = full_night.project.home / "lake"
    (file,) = lake.rglob(str(batch["lake_path"]).rsplit("/", 1)[-1])
    rows = duckdb.execute(
        "select message, count(*) from read_parquet(?) where message is not null"
        " group by message",
        [str(file)],
    ).fetchall()
    expected = Counter()
    for text, count in messages.items():
        expected[pseudonym(text)] += count
    assert dict(rows) == expected


def test_hours_that_the_clock_showed_twice_are_flagged(
    full_night: Night,
    oracle: Oracle,
) -> None:
    flagged = full_night.project.ledger(
        "select export, dst_flagged from batches where source = 'olist'"
        " and dst_flagged > 0"
    )
    assert {row["export"]: row["dst_flagged"] for row in flagged} == {
        export: rows for export, rows in oracle.odd_clock_rows.items() if rows
    }


def test_every_milestone_reached_is_an_event(full_night: Night, oracle: Oracle) -> None:
    published = dict(
        full_night.rows(
            """
            select activity_code, count(*) from fct_events
            where process_code = 'marketplace' group by activity_code
            """
        )
    )
    assert published == oracle.events


def test_every_order_is_an_instance_with_what_its_tables_say(
    full_night: Night,
    oracle: Oracle,
) -> None:
    published = {
        order: (started, ended, *rest)
        for order, started, ended, *rest in full_night.rows(
            """
            select
                process_instance_id, started_at, ended_at, segment_code,
                outcome_code, requester_id, cast(score as integer), cost_cents
            from fct_process_instances
            where process_code = 'marketplace'
            """
        )
    }

    def utc(local):
        return None if local is None else instant(local).replace(tzinfo=None)

    assert published == {
        order.order_id: (
            utc(order.purchased),
            utc(order.delivered),
            order.state_code,
            order.status,
            pseudonym(order.person),
            order.first_score,
            order.freight_cents,
        )
        for order in oracle.orders.values()
    }


@pytest.mark.parametrize(
    ("kpi", "figure"),
    [
        ("marketplace.approval_minutes", "approval"),
        ("marketplace.same_day_handover_pct", "handover"),
        ("marketplace.review_satisfaction_score", "satisfaction"),
    ],
)
def test_every_observation_equals_the_oracle(
    full_night: Night, oracle: Oracle, kpi: str, figure: str
) -> None:
    assert full_night.observations(kpi) == getattr(oracle, figure)


def test_what_cannot_be_measured_is_counted_with_its_reason(
    full_night: Night,
) -> None:
    counted = Counter(
        full_night.rows(
            "select kpi_code, state, exclusion_reason from fct_kpi_observations"
            " where kpi_code like 'marketplace.%' and state <> 'counted'"
        )
    )
    assert counted == {
        ("marketplace.approval_minutes", "excluded", "cancelled"): 141,
        ("marketplace.approval_minutes", "open", "not_approved_yet"): 5,
        ("marketplace.same_day_handover_pct", "excluded", "no_items"): 775,
        ("marketplace.same_day_handover_pct", "excluded", "cancelled"): 392,
        ("marketplace.same_day_handover_pct", "excluded", "reversed_clock"): 77,
        ("marketplace.review_satisfaction_score", "excluded", "duplicate_answer"): 90,
    }


@pytest.mark.parametrize("share", ["0.5", "0.9"])
def test_percentiles_of_approval_are_exact(
    full_night: Night, oracle: Oracle, share: str
) -> None:
    published = full_night.value(
        f"""
        select quantile_cont(numerator, {share}) from fct_kpi_observations
        where kpi_code = 'marketplace.approval_minutes' and state = 'counted'
        """
    )
    expected = percentile(
        (row.numerator for row in oracle.approval.values() if row.state == "counted"),
        share,
    )
    # Ranks fall on tenths between whole seconds.
    assert expected == Fraction(round(published * 10), 10)


def test_negative_steps_stand_in_the_path_as_the_clocks_say(
    full_night: Night,
) -> None:
    """77 orders reach the carrier before the approval; three before the order."""
    early = full_night.value(
        """
        select count(*)
        from fct_events as approved
        inner join fct_events as handed_over
            on
                approved.process_instance_id = handed_over.process_instance_id
                and approved.process_code = handed_over.process_code
        where
            approved.process_code = 'marketplace'
            and approved.activity_code = 'approved'
            and handed_over.activity_code = 'handed_over'
            and handed_over.occurred_at < approved.occurred_at
        """
    )
    assert early == 77
