"""Eighteen monthly nights of the demo company, each cut short once at every step.

Alerts and publications are those of one look at all eighteen months, findings begin in
the month in which the planted effects can first be known. A night sees the periods that
were over, and values whose outcomes are known.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from fractions import Fraction
from itertools import combinations, pairwise
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest
from scipy.stats import spearmanr

from orchestration.build import Candidate
from orchestration.settings import PROJECT_ROOT
from tests.helpers.nights import FINDING_MODELS, MODELS, Replay
from tests.helpers.published_demo import Warehouse as Demo
from tests.helpers.review_rows import month
from tests.helpers.warehouse import copy_warehouse

NIGHTS = 18
REGISTERS = ("dim_kpis", "dim_kpi_targets")
ALL_MODELS = (
    *REGISTERS,
    *MODELS[:2],
    "int_kpi_signals",
    *MODELS[2:],
    *FINDING_MODELS,
)
# Findings about values; those about registers are the same in all nights.
RULES = ("A-1", "TR-", "C-1", "V-1", "P-")
FOUND = """
    select finding_id, rule_id, verdict, kpi_code, counter_kpi_code, period_start
    from fct_findings
"""
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
            period_grain in (period, 'week')
            and segment_code = 'all'
            and period_end <= cast(? as date)
    ) as known
"""


def day_of(night: int) -> date:
    """The fifth of the month after month `night`."""
    return month(night + 1) + timedelta(days=4)


class DemoNights(Replay):
    """The nights on the fifth of each month."""

    def play(self, demo: Demo) -> None:
        published = demo.published.folder / "marts.duckdb"
        self.findings: dict[int, dict[str, tuple]] = {}
        for night in range(NIGHTS):
            day = day_of(night)
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
            self.findings[night] = {
                name: (rule, *about)
                for name, rule, *about in self.warehouse.rows(FOUND)
                if rule.startswith(RULES)
            }
            self.publish(moment, night + 1, "one")

    def know(self, published: Path, data_as_of: datetime, day: str) -> None:
        """Give the warehouse the values that were known on a day."""
        with self.warehouse.connect() as connection:
            connection.execute(f"attach '{published}' as demo (read_only)")
            moment = data_as_of.replace(tzinfo=None)
            connection.execute(KNOWN, [moment, day, day, day])

    def record(self, published: Path) -> None:
        """Give it what the nights look back at: cases, and levels before a change."""
        with self.warehouse.connect() as connection:
            connection.execute(f"attach '{published}' as demo (read_only)")
            for table in ("fct_kpi_observations", "fct_process_instances"):
                connection.execute(
                    f"create or replace table {table} as from demo.{table}"
                )
            connection.execute(
                "create or replace table int_kpi_target_baselines as "
                "select kpi_code, segment_code, valid_from, baseline "
                "from demo.dim_kpi_targets where baseline is not null"
            )

    @property
    def exports(self) -> list[tuple]:
        return self.warehouse.rows(
            "select distinct export_code from stg_registers__kpi_exports order by 1"
        )


@pytest.fixture(scope="module")
def replay(
    empty: Candidate, demo_warehouse: Demo, tmp_path_factory: pytest.TempPathFactory
) -> DemoNights:
    folder = tmp_path_factory.mktemp("nights")
    warehouse = copy_warehouse(empty.path, folder)
    nights = DemoNights(warehouse, folder, True, ALL_MODELS)
    # Bounds of a rate follow from its parts, so all nights share them.
    published = demo_warehouse.published.folder / "marts.duckdb"
    nights.record(published)
    nights.know(published, datetime(2026, 6, 30, 16), "2027-01-01")
    warehouse.run(
        *("dim_kpi_targets", "int_kpi_data_states", "int_review_series"),
        *("int_kpi_intervals", "int_review_benchmarks"),
    )
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


def register(name: str) -> list[dict[str, str]]:
    with (PROJECT_ROOT / "seeds" / f"{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def in_force(rows: list[dict[str, str]], night: int) -> Iterator[dict[str, str]]:
    for row in rows:
        until = row["valid_to"] or "9999"
        if row["valid_from"] <= str(day_of(night)) < until:
            yield row


def goodness(target: dict[str, str]) -> int:
    return 1 if target["target_min"] else -1


def is_beyond(target: dict[str, str], value: float) -> bool:
    """Whether a target is better than a value."""
    wanted = float(target["target_min"] or target["target_max"])
    return goodness(target) * wanted > goodness(target) * value


class Account:
    """What the simulator's account says of monthly KPIs on a night."""

    def __init__(self, truth: dict[str, Any]) -> None:
        self.truth = truth
        self.targets = [
            row
            for row in register("kpi_targets")
            if row["segment_code"] == "all" and row["change_type"] == "level"
        ]
        self.kpis = [k for k in register("kpis") if k["period"] == "month"]

    def active(self, night: int) -> dict[str, dict[str, str]]:
        rows = in_force(self.kpis, night)
        return {k["kpi_code"]: k for k in rows if k["status"] == "active"}

    def series(self, kpi: dict[str, str], night: int) -> dict[date, float]:
        """First day to value of each month that is settled."""
        scale = Fraction(kpi["scale"])
        wait = int(kpi["window_days"] or 0) + int(kpi["publish_lag_days"])
        settled = {}
        for number in range(night + 1):
            if month(number + 1) + timedelta(days=wait) > day_of(night):
                break
            cells = self.truth["kpis"][kpi["kpi_code"]]["month"]
            cell = cells[f"{month(number):%Y-%m}"]["all"]["observable"]
            if cell["den"]:
                settled[month(number)] = float(
                    scale * Fraction(cell["num"], cell["den"])
                )
        return settled

    def judged(self, night: int) -> Iterator[tuple[str, dict, list[float], dict]]:
        """KPI, target in force, values of its months, and all values."""
        kpis = self.active(night)
        for target in in_force(self.targets, night):
            kpi = kpis.get(target["kpi_code"])
            if kpi and kpi["direction"] in ("higher", "lower"):
                everything = self.series(kpi, night)
                since = date.fromisoformat(target["valid_from"])
                own = {day: v for day, v in everything.items() if day >= since}
                if own:
                    yield kpi["kpi_code"], target, own, everything

    def never_met(self, night: int) -> dict[str, date]:
        """KPI to the month that made six misses in a row, or since when none is met.

        Or all of a year is missed and the target lies beyond the favourable limit of
        the first twelve months. An intervention that runs is given its time.
        """
        trying = {
            one["kpi_code"]
            for one in register("interventions")
            if one["starts_on"] <= str(day_of(night)) < one["verify_on"]
        }
        found = {}
        for code, target, own, everything in self.judged(night):
            misses = [day for day in own if is_beyond(target, own[day])]
            running = trailing(list(own), misses)
            low, high = limits(list(everything.values())[:12])
            best = high if goodness(target) == 1 else low
            fails = len(everything) >= 12 and is_beyond(target, best)
            is_old = len(own) >= 12 and fails and bool(running)
            if code not in trying and (len(running) >= 6 or is_old):
                found[code] = running[5] if len(running) >= 6 else None
        return found

    def never_missed(self, night: int) -> dict[str, date]:
        """KPI to the month that made twelve hits in a row, without a sign of trouble.

        The target lies beyond the unfavourable limit of the first twelve months; none
        of the last twelve is worse than that, or the eighth in a row below the mean.
        """
        found = {}
        for code, target, own, everything in self.judged(night):
            hits = [day for day in own if not is_beyond(target, own[day])]
            running = trailing(list(own), hits)
            if len(running) < 12:
                continue
            values = list(everything.values())
            middle = fmean(values[:12])
            low, high = limits(values[:12])
            worst = low if goodness(target) == 1 else high
            sides = [goodness(target) * (value - middle) for value in values]
            reach = abs(worst - middle)
            is_quiet = all(
                sides[n] >= -reach and (n < 7 or max(sides[n - 7 : n + 1]) >= 0)
                for n in range(len(sides) - 12, len(sides))
            )
            if is_quiet and not is_beyond(target, worst):
                found[code] = running[11]
        return found

    def redundant(self, night: int) -> dict[tuple[str, str], date]:
        """(lighter, heavier) of two KPIs of a process whose changes rank alike."""
        kpis = self.active(night)
        declared = {
            frozenset((one["kpi_code"], one["counter_kpi_code"]))
            for one in register("kpi_counters")
        }
        found = {}
        for one, other in combinations(kpis.values(), 2):
            codes = (one["kpi_code"], other["kpi_code"])
            if one["process_code"] != other["process_code"]:
                continue
            both = [self.series(kpi, night) for kpi in (one, other)]
            common = sorted(both[0].keys() & both[1].keys())
            if len(common) < 12 or frozenset(codes) in declared:
                continue
            changes = [[s[b] - s[a] for a, b in pairwise(common)] for s in both]
            if abs(spearmanr(*changes).statistic) >= 0.85:
                light, heavy = sorted((one, other), key=heaviness)
                since = max(one["valid_from"], other["valid_from"])
                key = (light["kpi_code"], heavy["kpi_code"])
                found[key] = date.fromisoformat(since)
        return found


def heaviness(kpi: dict[str, str]) -> tuple[int, float]:
    return ("monitor", "supporting", "core").index(kpi["tier"]), float(kpi["weight"])


def trailing(days: list[date], wanted: list[date]) -> list[date]:
    """The last days, as far back as all of them are wanted."""
    run: list[date] = []
    for day in reversed(days):
        if day not in wanted:
            break
        run.insert(0, day)
    return run


def limits(values: list[float]) -> tuple[float, float]:
    """Mean ± 2.66 times the mean moving range."""
    if len(values) < 2:
        return float("-inf"), float("inf")
    reach = 2.66 * fmean(abs(b - a) for a, b in pairwise(values))
    return fmean(values) - reach, fmean(values) + reach


def of_rule(found: dict[str, tuple], rule: str) -> dict[Any, Any]:
    """KPI, or KPI and counter metric, to the day by which a finding is named."""
    return {
        (kpi, other) if other else kpi: since
        for one, _, kpi, other, since in found.values()
        if one == rule
    }


def findings_begin_when_they_can_be_known(
    findings: dict[int, dict[str, tuple]], truth: dict[str, Any]
) -> None:
    """Month by month what the account says, by rules worked again from its figures."""
    account = Account(truth)
    planted = {one["rule"]: one for one in truth["findings"]}
    verified = {
        one["kpi"]: date.fromisoformat(one["as_of"])
        for one in truth["findings"]
        if one["rule"] == "verify"
    }
    conflicts = {
        (one["kpi"], one["counter"]): one["window"]
        for one in truth["findings"]
        if one["rule"] == "conflict"
    }
    for night, found in findings.items():
        day = day_of(night)
        rules = {rule: of_rule(found, rule) for rule, *_ in found.values()}
        # An intervention is judged once, when data reaches its day, and stays so.
        due = {kpi: on for kpi, on in verified.items() if on < day - timedelta(days=1)}
        judged = rules.pop("V-1", {})
        assert {k if isinstance(k, str) else k[0]: v for k, v in judged.items()} == due
        # Thirty minutes from 2027 on: as soon as there are six months to compare with.
        out_of_reach = {"orders.processing_minutes": date(2027, 1, 1)}
        assert rules.pop("A-1", {}) == (out_of_reach if night >= 5 else {}), night
        # On target since July: September is the third month.
        raised = {planted["TR-1"]["kpi"]: date(2025, 9, 1)}
        assert rules.pop("TR-1", {}) == (raised if night >= 8 else {}), night
        too_hard = rules.pop("TR-2", {})
        expected = account.never_met(night)
        assert too_hard.keys() == expected.keys(), night
        for kpi, since in expected.items():
            assert since in (None, too_hard[kpi]), (night, kpi)
        assert rules.pop("TR-3", {}) == account.never_missed(night), night
        assert rules.pop("P-2", {}) == account.redundant(night), night
        # Calls while they are cut short; complaints while their dispatch is automatic.
        for (kpi, counter), since in rules.pop("C-1", {}).items():
            first = "2025-10" if kpi.startswith("complaints.") else "2026-04"
            last = "2026-03" if kpi.startswith("complaints.") else "2026-07"
            assert first <= f"{since:%Y-%m}" <= last, (night, kpi, counter)
            assert kpi.startswith("complaints.") or (kpi, counter) in conflicts
        assert rules == {}, night
    assert conflicts.keys() <= of_rule(findings[NIGHTS - 1], "C-1").keys()


def findings_keep_their_names(findings: dict[int, dict[str, tuple]]) -> None:
    """One name for what is found, from the first to the last night in a row."""
    nights: dict[tuple, list[int]] = {}
    names: dict[tuple, set[str]] = {}
    for night, found in findings.items():
        for name, (rule, _, *about) in found.items():
            nights.setdefault((name, rule, *about), []).append(night)
            names.setdefault((rule, *about), set()).add(name)
    assert all(len(one) == 1 for one in names.values()), names
    for finding, seen in nights.items():
        assert seen == list(range(seen[0], seen[-1] + 1)), finding
    for found in findings.values():
        about = [(rule, kpi, other) for rule, _, kpi, other, _ in found.values()]
        assert len(about) == len(set(about))


@pytest.mark.proves("P-2")
def test_findings_of_eighteen_nights_are_those_that_the_account_works_out(
    replay: DemoNights, demo_warehouse: Demo
) -> None:
    assert len(replay.findings) == NIGHTS
    findings_begin_when_they_can_be_known(replay.findings, demo_warehouse.truth)
    findings_keep_their_names(replay.findings)
    # The last night has what one look at all eighteen months has.
    assert replay.findings[NIGHTS - 1].keys() == {
        name
        for name, rule in demo_warehouse.published.rows(
            "select finding_id, rule_id from fct_findings"
        )
        if rule.startswith(RULES)
    }
