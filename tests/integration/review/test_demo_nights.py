"""Eighteen monthly nights of the demo company, each cut short once at every step.

Alerts and publications are those of one look at all eighteen months, and of the planted
effects. A night sees the periods that were over, and values whose outcomes are known.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.helpers.nights import MODELS, Replay
from tests.helpers.published_demo import Warehouse as Demo
from tests.helpers.review_rows import month
from tests.helpers.warehouse import Warehouse

NIGHTS = 18
WITH_SIGNALS = (*MODELS[:2], "int_kpi_signals", *MODELS[2:])
# What was known on a day of what is known now.
KNOWN = """
    create or replace table fct_kpi_values as
    select known.* exclude (is_decided, is_settled) replace (
        case when is_decided then numerator end as numerator,
        case when is_decided then denominator end as denominator,
        case when is_decided then value end as value,
        case when is_decided then counted_count else 0 end as counted_count,
        case when is_decided then undecided_count else counted_count end
            as undecided_count,
        case
            when state <> 'final' or is_settled then state
            when is_decided then 'provisional'
            else 'not_measurable'
        end as state,
        case
            when state <> 'final' or is_settled then state_reason
            when is_decided then 'settling'
            else 'not_decided_yet'
        end as state_reason,
        cast(? as timestamp) as data_as_of
    )
    from (
        select
            everything.*,
            period_end + coalesce(window_days, 0) <= cast(? as date) as is_decided,
            period_end + coalesce(window_days, 0) + publish_lag_days
            <= cast(? as date) as is_settled
        from demo.fct_kpi_values as everything
        inner join demo.dim_kpis using (kpi_code)
        where
            period_grain = period
            and segment_code = 'all'
            and period_end <= cast(? as date)
    ) as known
"""


class DemoNights(Replay):
    """The nights on the fifth of each month."""

    def play(self, demo: Demo) -> None:
        published = demo.published.folder / "marts.duckdb"
        for night in range(NIGHTS):
            day = month(night + 1) + timedelta(days=4)
            moment = datetime(day.year, day.month, day.day, tzinfo=UTC)
            moment -= timedelta(hours=6)
            self.know(published, moment - timedelta(hours=2), str(day))
            self.warehouse.load(
                "stg_takt__batches",
                [
                    {"export_code": code, "batch_no": number + 1}
                    for (code,) in self.exports
                    for number in range(night + 1)
                ],
            )
            self.build(moment, "one")
            self.publish(moment, night + 1, "one")

    def know(self, published: Path, data_as_of: datetime, day: str) -> None:
        """Give the warehouse the values that were known on a day."""
        with self.warehouse.connect() as connection:
            connection.execute(f"attach '{published}' as demo (read_only)")
            moment = data_as_of.replace(tzinfo=None)
            connection.execute(KNOWN, [moment, day, day, day])
            connection.execute(
                "create or replace table dim_kpi_targets as from demo.dim_kpi_targets"
            )

    @property
    def exports(self) -> list[tuple]:
        return self.warehouse.rows(
            "select distinct export_code from stg_registers__kpi_exports order by 1"
        )


@pytest.fixture
def replay(warehouse: Warehouse, demo_warehouse: Demo, tmp_path: Path) -> DemoNights:
    nights = DemoNights(warehouse, tmp_path, True, WITH_SIGNALS)
    # Bounds of a rate follow from its parts, so all nights share them.
    last = datetime(2026, 6, 30, 16)
    nights.know(demo_warehouse.published.folder / "marts.duckdb", last, "2027-01-01")
    warehouse.run("int_kpi_data_states", "int_review_series", "int_kpi_intervals")
    nights.play(demo_warehouse)
    return nights


def test_eighteen_nights_of_the_demo_end_as_one_look_at_all_of_them(
    replay: DemoNights, demo_warehouse: Demo
) -> None:
    opened = replay.rows(
        "select kpi_code, rule_id, onset_on, closed_reason, opened_run_id "
        "from alert_episodes"
    )
    limits = demo_warehouse.published.rows(
        "select kpi_code, onset_on, closed_reason from fct_alert_episodes "
        "where rule_id = 'limit' and segment_code = 'all'"
    )
    found = [(kpi, on, why) for kpi, rule, on, why, _ in opened if rule == "limit"]
    assert sorted(map(str, found)) == sorted(
        str((kpi, str(on), why)) for kpi, on, why in limits
    )
    # Told in the first night that could know of it.
    windows = dict(
        demo_warehouse.published.rows("select kpi_code, window_days from dim_kpis")
    )
    for kpi, rule, on, _, run in opened:
        if rule == "limit":
            first = next(n for n in range(NIGHTS) if str(month(n)) == on)
            first += {None: 0, 7: 1, 30: 1, 60: 2}[windows[kpi]]
            first += 2 if kpi.startswith("collaboration.adopted") else 0
            assert run == f"run-{first + 1}", (kpi, on, run)
    explained = [
        (one["kpi"], *one["window"])
        for one in demo_warehouse.truth["findings"]
        if one["rule"] == "alerts"
    ]
    chance = [
        (kpi, on)
        for kpi, rule, on, why, _ in opened
        if rule == "signal"
        and why != "restated"
        and not any(kpi == one and a <= on[:7] <= b for one, a, b in explained)
    ]
    assert len(chance) <= 2, chance

    # Each period is reported once, and once more as its outcomes become known and as
    # it is settled; what is reported last is what is known now.
    reported: dict[tuple, list[str]] = {}
    for kpi, start, reason in replay.rows(
        "select kpi_code, period_start, reason from publications "
        "order by publication_no"
    ):
        reported.setdefault((kpi, start), []).append(reason)
    for (kpi, start), (first_reason, *others) in reported.items():
        assert first_reason == "initial", (kpi, start)
        assert others in (
            [["settled"], ["settled"] * 2, []] if windows[kpi] else [["settled"], []]
        ), (kpi, start)
    last = {
        (kpi, start): parts
        for kpi, start, *parts in replay.rows(
            "select kpi_code, period_start, numerator, denominator from publications "
            "order by publication_no"
        )
    }
    settled = {
        (kpi, str(start)): parts
        for kpi, start, *parts in demo_warehouse.published.rows(
            "select kpi_code, period_start, numerator, denominator from fct_kpi_values "
            "inner join dim_kpis using (kpi_code) where period_grain = period "
            "and segment_code = 'all' and state = 'final'"
        )
    }
    assert len(settled) > 400
    assert {period: last[period] for period in settled} == settled
