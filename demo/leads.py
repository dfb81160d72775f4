"""Leads: from the enquiry to the won or lost sale, and the contacts on the way.

The simulated leads and follow-ups, what of them the CRM exports when, and the three
lead KPIs counted from either.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pandas as pd
import pyarrow as pa

from demo import writers
from demo.clock import (
    DAY,
    END,
    FAR,
    NONE,
    START,
    UTC_OFFSET,
    WARM_UP,
    Calendar,
    moment,
    month_index,
    month_spans,
)
from demo.delivery import Feed, File, delta_rows, into_files, newest, span_files
from demo.truth import (
    ALWAYS,
    HOURS,
    OPEN,
    PERCENT,
    UNDECIDED,
    Judge,
    Kpi,
    Tally,
    finding,
    targets,
)
from demo.world import (
    Process,
    World,
    arrivals,
    choose,
    levelled,
    lognormal,
    shares,
)

SOURCES = ["web", "referral", "exhibition", "dealer", "cold_call"]
SEGMENTS = [*SOURCES, "unknown"]
UNKNOWN = len(SOURCES)
STAGES = ["new", "assigned", "qualified", "quoted", "won", "lost"]
LOST = ["price", "competitor", "no_budget", "no_response", "duplicate"]
KINDS = ["call", "visit", "message", "auto_mail"]
AUTOMATIC = 3
YEAR = moment(2026, 1, 1)
WINDOW = 60 * DAY
SHIFT = 8 * 3_600

ASSIGNMENT = Kpi(
    "leads.assignment_hours", HOURS, targets=targets(-1, (ALWAYS, 2)), alarm=4
)
FOLLOW_UPS = Kpi(
    "leads.followups_per_week", Fraction(5), targets=targets(1, (ALWAYS, 3)), alarm=2
)
CONVERSION = Kpi(
    "leads.conversion_pct", PERCENT, relative=("2026-01", "2025", Fraction(115, 100))
)

TIMES = (
    *("created", "assigned", "qualified", "quoted"),
    *("dropped", "resumed", "won", "lost"),
)
FOLLOWS = {"duplicate_of": "lost", "owner": "assigned"}


def simulate(world: World) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Leads created from the warm-up on, all the way through, and their follow-ups."""
    rng = world.random("leads")
    office = world.calendars["office"]
    days = np.arange(WARM_UP, END)
    day = arrivals(rng, days[office.is_open_day(days)], 14 * world.scale)
    n = len(day)
    created = np.sort(day * DAY + rng.integers(8 * 60, 20 * 60, n) * 60)
    month = month_index(day)
    twin = shares(rng, month, 0.03) & (np.arange(n) > 0)
    test = np.zeros(n, dtype=bool)
    test[choose(rng, ~twin & (day >= START), world.count(10))] = True
    real = ~twin & ~test
    rate = np.where(np.unique(month) < month_index(np.array([YEAR // DAY])), 0.12, 0.13)
    if not world.has("PL14"):
        rate[:] = 0.15
    _, group = np.unique(month, return_inverse=True)
    wins = shares(rng, group, rate, where=real, noise=0.15)
    wins_late = shares(rng, group, 0.008, where=real & ~wins)

    def clock(worked: np.ndarray) -> np.ndarray:
        return office.at(worked // 60 * 60)

    assigned = clock(office.worked(created) + levelled(rng, group, 1.65 * 3_600, 0.7))
    length = np.maximum(lognormal(rng, n, 1.2, 6), 0.1)
    length = np.where(wins, np.minimum(length, 32), np.minimum(length, 120))
    length = np.where(wins_late, rng.uniform(46, 75, n), length) * SHIFT

    def at(part: float) -> np.ndarray:
        return clock(office.worked(assigned) + length * part)

    ends = at(1.0)
    won = wins | wins_late
    quoted = won | (rng.random(n) < 0.5)
    dropped = shares(rng, group, 0.015, where=real) & quoted
    leads = pd.DataFrame(
        {
            "created": created,
            "assigned": np.where(twin, NONE, assigned),
            "qualified": np.where(twin, NONE, at(0.3)),
            "quoted": np.where(quoted & ~twin, at(0.75), NONE),
            # Given up for a while, then active again.
            "dropped": np.where(dropped, at(0.4), NONE),
            "resumed": np.where(dropped, at(0.5), NONE),
            "won": np.where(won, ends, NONE),
            "lost": np.where(won, NONE, np.where(twin, created + 1_800, ends)),
            "source": rng.choice(5, n, p=[0.4, 0.15, 0.15, 0.2, 0.1]),
            "owner": rng.integers(1, 13, n),
            "reason": np.where(twin, 4, rng.integers(0, 4, n)),
            "test": test,
        }
    )
    back = np.minimum(np.arange(n), rng.integers(1, 60, n))
    leads["duplicate_of"] = np.where(twin, np.arange(n) - back, NONE)
    return leads, _follow_up(rng, office, leads)


def _follow_up(
    rng: np.random.Generator, office: Calendar, leads: pd.DataFrame
) -> pd.DataFrame:
    created, assigned = leads["created"].to_numpy(), leads["assigned"].to_numpy()
    ends = leads[["won", "lost"]].to_numpy().max(axis=1)
    _, days = _working_days(office, assigned, ends)
    lead = np.repeat(np.arange(len(leads)), rng.poisson(0.67 * days))
    begun, until = office.worked(assigned)[lead], office.worked(ends)[lead]
    n = len(lead)
    at = office.at((begun + rng.random(n) * (until - begun)).astype(np.int64))
    rest = ~office.is_open_day(at // DAY + 1) & (at + DAY < ends[lead])
    at += DAY * (rest & (rng.random(n) < 0.15))
    after = rng.random(n) < 0.004
    at = np.where(after, ends[lead] + rng.integers(0, 5 * DAY, n), at)
    kind = rng.choice(3, n, p=[0.55, 0.1, 0.35])
    mailed = np.repeat(np.arange(len(leads)), 1 + rng.poisson(0.15, len(leads)))
    sent = created[mailed] + rng.integers(60, 600, len(mailed))
    drip = np.append(False, mailed[1:] == mailed[:-1])
    sent += drip * rng.integers(DAY, 10 * DAY, len(mailed))
    every = pd.DataFrame(
        {
            "case": np.concatenate([lead, mailed]),
            "at": np.concatenate([at, sent]),
            "kind": np.concatenate([kind, np.full(len(mailed), AUTOMATIC)]),
        }
    )
    every = every.sort_values(["at", "case", "kind"], kind="stable", ignore_index=True)
    every["id"] = np.arange(len(every)) + 1
    owner = leads["owner"].to_numpy()[every["case"]]
    every["rep"] = np.where(every["kind"] == AUTOMATIC, NONE, owner)
    return every


def _working_days(
    office: Calendar, start: np.ndarray, end: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Position in `office.days` of the first working day of each span, and how many.

    Both ends count. Nothing without a start, or where the end lies before it.
    """
    first = np.searchsorted(office.days, start // DAY, side="left")
    count = np.searchsorted(office.days, end // DAY, side="right") - first
    return first, np.where(start < 0, 0, np.maximum(count, 0))


# --- what is exported -----------------------------------------------------------


def _as_written(rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with the end as the CRM knows it: a resumed lead is not lost."""
    given_up = (rows["dropped"] >= 0) & (rows["resumed"] < 0)
    return rows.assign(lost=np.where(given_up, rows["dropped"], rows["lost"]))


def _lead_feed(leads: pd.DataFrame) -> Feed:
    spans = month_spans()
    rows = _as_written(delta_rows(leads, TIMES, FOLLOWS, spans))
    rows = rows.sort_values(["file", "updated", "case"], kind="stable")
    files = span_files("crm/leads_{}.csv", spans)
    twice = next(file for file in files if file.period == "202509")
    files.append(
        File(
            "crm/leads_202509_copy.csv",
            twice.delivered_at + DAY,
            twice.covers_until,
            copy_of=twice.path,
        )
    )
    return Feed("crm.leads", files, rows, _lead_bytes)


def _time(rows: pd.DataFrame, name: str) -> pa.Array:
    at = rows[name].to_numpy()
    return writers.stamps(at, "{d:02d}.{m:02d}.{y} ", "{h:02d}:{m:02d}")


def _lead_bytes(rows: pd.DataFrame, file: File) -> bytes:
    won, lost = rows["won"].to_numpy() >= 0, rows["lost"].to_numpy() >= 0
    resumed = rows["resumed"].to_numpy() >= 0
    quoted = rows["quoted"].to_numpy() >= 0
    qualified = resumed | (rows["qualified"].to_numpy() >= 0)
    assigned = rows["assigned"].to_numpy() >= 0
    stage = np.select([lost, won, quoted, qualified, assigned], [5, 4, 3, 2, 1], 0)
    columns = {
        "lead_id": _lead_number(rows["case"]),
        "source": writers.pick(SOURCES, rows["source"]),
        "created_at": _time(rows, "created"),
        "assigned_at": _time(rows, "assigned"),
        "owner_id": writers.padded("E", _staff(rows["owner"]), 4),
        "stage": writers.pick(STAGES, stage),
        "quoted_at": _time(rows, "quoted"),
        "won_at": _time(rows, "won"),
        "lost_at": _time(rows, "lost"),
        "lost_reason": writers.pick(LOST, np.where(lost, rows["reason"], NONE)),
        "duplicate_of": _lead_number(rows["duplicate_of"]),
        "is_test": writers.pick(["0", "1"], rows["test"]),
        "updated_at": _time(rows, "updated"),
    }
    names = list(columns)
    if file.period == "202510":
        names = [*names[:1], *names[:0:-1]]
    return writers.csv_bytes(
        names,
        [columns[name] for name in names],
        delimiter=";",
        encoding="utf-8-sig",
    )


def _lead_number(case: pd.Series) -> pa.Array:
    case = case.to_numpy()
    return writers.padded("LD", np.where(case < 0, NONE, case + 1), 7)


def _staff(number: pd.Series) -> np.ndarray:
    number = number.to_numpy()
    return np.where(number < 0, NONE, number + 300)


def _followup_feed(followups: pd.DataFrame) -> Feed:
    spans = month_spans()
    rows = into_files(followups, followups["at"].to_numpy(), spans)
    files = span_files("crm/followups_{}.parquet", spans)
    return Feed("crm.followups", files, rows, _followup_bytes)


def _followup_bytes(rows: pd.DataFrame, _file: File) -> bytes:
    at = (rows["at"].to_numpy() - UTC_OFFSET) * 1_000_000
    return writers.parquet_bytes(
        {
            "followup_id": writers.padded("FU", rows["id"], 9),
            "lead_id": _lead_number(rows["case"]),
            "at": pa.array(at).cast(pa.timestamp("us", tz="UTC")),
            "kind": writers.pick(KINDS, rows["kind"]),
            "rep_id": writers.padded("E", _staff(rows["rep"]), 4),
        }
    )


# --- what is counted ------------------------------------------------------------


def count(
    office: Calendar, size: int, leads: pd.DataFrame, followups: pd.DataFrame, now: int
) -> Tally:
    """All lead KPIs from one row per lead; `now` is the covered-until moment.

    `size` is the number of leads that may occur; a lead may be known from its
    follow-ups alone.
    """
    tally = Tally(SEGMENTS)
    followups = followups[followups["at"] < now]
    whose, contacted = followups["case"].to_numpy(), followups["at"].to_numpy()
    personal = followups["kind"].to_numpy() != AUTOMATIC

    known = {}
    for name in (*TIMES, "duplicate_of", "source", "test"):
        known[name] = np.full(size, NONE)
        known[name][leads["case"]] = leads[name]
    created, assigned, won = known["created"], known["assigned"], known["won"]
    segment = np.where(known["source"] < 0, UNKNOWN, known["source"])
    test, twin = known["test"] == 1, known["duplicate_of"] >= 0
    ends = np.maximum(won, known["lost"])
    first = np.where(created >= 0, created, FAR)
    np.minimum.at(first, whose, contacted)
    scope, instead = first < now, np.where(created >= 0, created, first)
    later = (known["quoted"] >= 0) | (ends >= 0)
    later[whose[personal]] = True

    judge = Judge(tally, size, now)
    unassigned = assigned < 0
    judge.exclude("test_record", test)
    judge.exclude("duplicate_lead", twin)
    judge.exclude("missing_milestone", (created < 0) | (unassigned & later))
    judge.exclude("reversed_clock", ~unassigned & (assigned < created))
    judge.set(OPEN, unassigned)
    took = office.between(created, assigned)
    judge.add(ASSIGNMENT.code, segment, assigned, instead, took, scope=scope)

    judge = Judge(tally, size, now)
    judge.exclude("test_record", test)
    judge.exclude("duplicate_lead", twin)
    judge.exclude("missing_milestone", created < 0)
    judge.exclude("reversed_clock", (won >= 0) & (won < created))
    judge.set(UNDECIDED, now < created + WINDOW)
    in_time = (won >= 0) & (won - created <= WINDOW)
    judge.add(CONVERSION.code, segment, created, instead, in_time, scope=scope)

    # One subject per lead and day that is a working lead-day or has a contact, and
    # one per lead and day with automatic mail.
    until = np.where(ends >= 0, np.minimum(ends, now - 1), now - 1)
    start, days = _working_days(office, assigned, until)
    lead = np.repeat(np.arange(size), days)
    step = np.arange(len(lead)) - np.repeat(np.cumsum(days) - days, days)
    span = 1 << 20
    worked = lead * span + office.days[start[lead] + step]
    contact = whose[personal] * span + contacted[personal] // DAY
    subject = np.union1d(worked, contact)
    lead, day = np.divmod(subject, span)
    num = np.bincount(np.searchsorted(subject, contact), minlength=len(subject))
    judge = Judge(tally, len(subject), now)
    judge.exclude("test_record", test[lead])
    judge.exclude("missing_milestone", unassigned[lead])
    judge.exclude("reversed_clock", (ends[lead] >= 0) & (ends < assigned)[lead])
    day = day * DAY
    on_duty = np.isin(subject, worked)
    judge.add(FOLLOW_UPS.code, segment[lead], day, day, num, on_duty)

    mails = np.unique(whose[~personal] * span + contacted[~personal] // DAY)
    lead, day = np.divmod(mails, span)
    judge = Judge(tally, len(mails), now)
    judge.exclude("test_record", test[lead])
    judge.exclude("automatic", np.ones(len(mails), dtype=bool))
    judge.add(FOLLOW_UPS.code, segment[lead], day * DAY, day * DAY, day)
    return tally


# --- the process ----------------------------------------------------------------


def build(world: World) -> Process:
    """Simulate the sales funnel and prepare its exports and its truth."""
    leads, followups = simulate(world)
    crm, contacts = _lead_feed(leads), _followup_feed(followups)
    office, size = world.calendars["office"], len(leads)

    def seen(as_of: int) -> Tally:
        now = min(crm.covered_until(as_of), contacts.covered_until(as_of), as_of)
        rows = newest(crm.in_force(as_of))
        return count(office, size, rows, contacts.in_force(as_of), now)

    def actual() -> Tally:
        final = leads.assign(case=np.arange(size))
        return count(office, size, final, followups, int(FAR))

    periods = {file.period: n for n, file in enumerate(crm.files) if not file.copy_of}
    dirt = {
        "D4": len(crm.rows_of(periods["202509"])),
        "D11": len(crm.rows_of(periods["202510"])),
        "D13": int(leads["test"].sum()),
    }
    return Process(
        feeds=[crm, contacts],
        kpis=[ASSIGNMENT, FOLLOW_UPS, CONVERSION],
        actual=actual,
        seen=seen,
        findings=lambda kpis: _findings(world, kpis),
        dirt=[{"id": id_, "export": crm.export, "rows": n} for id_, n in dirt.items()],
        state=(leads, followups),
    )


def _findings(world: World, kpis: dict) -> list[dict]:
    if not world.has("PL14"):
        return []
    cells = kpis[CONVERSION.code]["month"].items()
    cohorts = {label: cell["all"] for label, cell in cells if label >= "2026"}
    judged = {label: cell for label, cell in cohorts.items() if cell["met"] is not None}
    return [
        finding(
            "PL14",
            "target",
            CONVERSION.code,
            window=[*judged],
            verdict={label: cell["met"] for label, cell in judged.items()},
            undecided=[label for label in cohorts if label not in judged],
        )
    ]
