"""Collaboration: meetings across departments, ideas, solutions in use, 360° ratings.

All of it is kept by hand: one workbook a month with three sheets, and one of ratings
per half year. Nothing here grows with the scale, because people do not. The simulated
state, what of it is exported when, and the five collaboration KPIs counted from either.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache, partial
from types import SimpleNamespace

import numpy as np
import pandas as pd

from demo import writers
from demo.clock import (
    DAY,
    END,
    NONE,
    START,
    WARM_UP,
    Calendar,
    iso_day,
    month_index,
    month_of,
    month_spans,
    month_start,
)
from demo.delivery import Feed, File, delta_rows, into_files, newest, span_files
from demo.truth import (
    ALWAYS,
    COUNTED,
    PERCENT,
    Judge,
    Kpi,
    Tally,
    alerts,
    finding,
    targets,
)
from demo.world import Process, World, choose, shares

DEPARTMENTS = ["销售部", "客服部", "仓储部", "质量部", "采购部", "研发部", "财务部"]
SIZES = (12, 10, 9, 8, 8, 7, 6)
SEGMENTS = [*DEPARTMENTS, "unknown", "company"]
UNKNOWN, COMPANY = len(DEPARTMENTS), len(DEPARTMENTS) + 1
HEADS = [sum(SIZES[:place]) for place in range(len(SIZES))]
"""The first seat of each department is its head's."""

CHIEF = 90
"""The general manager, who is on no department's roster."""

SMALL = 5
STATUS = ["待评审", "已采纳", "已驳回", "已落地", "已验证"]
METRICS = ["处理时长", "单位成本", "差错率", "准时率", "一次通过率"]
LEVELS = (9_000, 4_000, 400, 7_800, 8_000)
"""Usual values of the metrics, in hundredths."""

HIGHER = (3, 4)
"""Metrics of which more is better."""

GROUPS = ["manager", "peer", "report", "self"]
MANAGER, PEER, REPORT, SELF = range(4)
ITEMS = ["communication", "cooperation", "initiative", "reliability"]
WEIGHTS = {MANAGER: 4, PEER: 3, REPORT: 3}
RATERS = {MANAGER: 1, PEER: 3, REPORT: 3}
"""How many raters a group needs to be shown."""

CYCLES = ["2025H1", "2025H2", "2026H1"]
QUARTERS = range(month_of(2025, 1) // 3, month_of(2026, 7) // 3)
DRY = month_of(2026, 1) // 3
"""The quarter without a solution."""

PARTICIPATION = Kpi(
    "collaboration.meeting_participation_pct",
    PERCENT,
    targets=targets(1, (ALWAYS, 80)),
    alarm=70,
)
SUGGESTIONS = Kpi(
    "collaboration.suggestions_per_head", targets=targets(1, (ALWAYS, 2)), alarm=1
)
ADOPTED = Kpi(
    "collaboration.adopted_solutions_count", targets=targets(1, (ALWAYS, 1)), alarm=1
)
GAIN = Kpi(
    "collaboration.efficiency_gain_pct",
    Fraction(1, 100),
    targets=targets(1, (ALWAYS, 10)),
    alarm=0,
)
RATING = Kpi(
    "collaboration.rating_360_score",
    Fraction(1, 100),
    targets=targets(1, (ALWAYS, 70)),
    alarm=60,
)

TIMES = ("submitted", "reviewed", "adopted", "measured")
FOLLOWS = {
    "accepted": "reviewed",
    **dict.fromkeys(("metric", "baseline"), "adopted"),
    "result": "measured",
}


# --- what happens ---------------------------------------------------------------


def simulate(world: World) -> SimpleNamespace:
    """Rosters, meetings, ideas and ratings."""
    rng, office = world.random("collaboration"), world.calendars["office"]
    roster = _staff(rng, office)
    return SimpleNamespace(
        roster=roster,
        meetings=_meet(rng, office, roster),
        ideas=_suggest(world, rng, office, roster),
        ratings=_rate(world, rng, roster),
    )


def _staff(rng: np.random.Generator, office: Calendar) -> pd.DataFrame:
    """Who is in post on any day of each month, where, and how long on leave."""
    home = np.repeat(np.arange(len(SIZES)), SIZES)
    seats = len(home)
    first = month_start(month_of(2018, 1)) + 30 * rng.integers(0, 80, seats)
    people = pd.DataFrame(
        {"person": np.arange(seats), "home": home, "since": first, "until": NONE}
    )
    people["moves"] = month_of(2100, 1)
    # Heads of departments stay, and no department loses two of its people.
    leaver = np.cumsum(SIZES) - 1
    gone = rng.choice(np.arange(START + 60, END - 60), len(leaver), replace=False)
    people.loc[leaver, "until"] = gone
    heirs = people.loc[leaver].assign(
        person=seats + np.arange(len(leaver)),
        since=gone + rng.integers(5, 40, len(leaver)),
        until=NONE,
    )
    people = pd.concat([people, heirs], ignore_index=True)
    people.loc[[3, 4], "moves"] = month_of(2025, 9)
    months = np.arange(*month_index(np.array([WARM_UP, END])))
    rows = people.merge(pd.DataFrame({"month": months}), how="cross")
    begin = rows["month"].map(month_start)
    end = (rows["month"] + 1).map(month_start)
    there = (rows["since"] < end) & ((rows["until"] < 0) | (rows["until"] >= begin))
    rows = rows[there].sort_values(["month", "person"], ignore_index=True)
    rows["department"] = rows["home"] + (rows["month"] >= rows["moves"])
    later = rows["until"] >= (rows["month"] + 1).map(month_start)
    rows["until"] = np.where(later, NONE, rows["until"])
    rows["leave"] = np.minimum(rng.poisson(0.7, len(rows)), 6)
    away = rng.random(len(rows)) < 0.01
    rows["leave"] = np.where(away, working_days(office, rows["month"]), rows["leave"])
    return rows[["month", "person", "department", "since", "until", "leave"]]


def working_days(office: Calendar, month: pd.Series) -> np.ndarray:
    """How many days of each month are worked."""
    month = np.asarray(month)
    edges = [month_start(one) for one in range(month.min(), month.max() + 2)]
    before = np.searchsorted(office.days, edges)
    return np.diff(before)[month - month.min()]


def _meet(
    rng: np.random.Generator, office: Calendar, roster: pd.DataFrame
) -> pd.DataFrame:
    parts = []
    for month, staff in roster[roster["month"] >= month_of(2025, 1)].groupby("month"):
        days = _days_of(office, month)
        for turn in range(8):
            size = 1 if turn == 7 else rng.integers(2, 5)
            asked = rng.choice(len(DEPARTMENTS), size, replace=False)
            everybody = rng.permutation(staff.index)
            department = staff.loc[everybody, "department"]
            place = department.groupby(department).cumcount()
            inside = department.isin(asked) & (place < rng.integers(4, 6))
            guests = everybody[~department.isin(asked)][: rng.integers(0, 2)]
            who = staff.loc[[*everybody[inside], *guests]]
            parts.append(
                pd.DataFrame(
                    {
                        "day": rng.choice(days),
                        "person": who["person"].to_numpy(),
                        "departments": (1 << asked).sum(),
                        "invited": np.arange(len(who)) < inside.sum(),
                        "cancelled": rng.random() < 0.06,
                        "away": who["leave"].to_numpy() > 15,
                        "meeting": len(parts),
                    }
                )
            )
    rows = pd.concat(parts, ignore_index=True)
    n = len(rows)
    rows["on_leave"] = rows["invited"] & (rows.pop("away") | (rng.random(n) < 0.05))
    held = ~rows["cancelled"] & ~rows["on_leave"]
    comes = shares(rng, month_index(rows["day"].to_numpy()), 0.86, where=held)
    rows["attended"] = held & (comes | ~rows["invited"])
    return rows


def _days_of(office: Calendar, month: int) -> np.ndarray:
    first, end = month_start(month), month_start(month + 1)
    return office.days[slice(*np.searchsorted(office.days, [first, end]))]


def _suggest(
    world: World, rng: np.random.Generator, office: Calendar, roster: pd.DataFrame
) -> pd.DataFrame:
    here = roster["leave"].to_numpy() < working_days(office, roster["month"])
    count = rng.poisson(2.15 * here)
    source = roster.loc[np.repeat(roster.index, count)]
    n = len(source)
    first = np.maximum(source["month"].map(month_start), source["since"])
    last = (source["month"] + 1).map(month_start) - 1
    last = np.where(source["until"] >= 0, source["until"], last)
    day = first + (rng.random(n) * (last - first + 1)).astype(np.int64)
    own, other = source["department"].to_numpy(), rng.integers(1, 7, (2, n))
    mask = 1 << own
    wide = rng.random(n) < 0.4
    mask = mask | np.where(wide, 1 << (own + other[0]) % 7, 0)
    mask = mask | np.where(wide & (rng.random(n) < 0.3), 1 << (own + other[1]) % 7, 0)
    ideas = pd.DataFrame(
        {
            "person": source["person"].to_numpy(),
            "departments": mask,
            "submitted": day.to_numpy() * DAY + 10 * 3_600,
        }
    )
    ideas = ideas.sort_values(["submitted", "person"], kind="stable", ignore_index=True)
    submitted = ideas["submitted"].to_numpy() // DAY
    reviewed = office.next_day(submitted + rng.integers(6, 24, n))
    ideas["reviewed"] = reviewed * DAY + 15 * 3_600
    ideas["accepted"] = (rng.random(n) < 0.3).astype(int)
    adopted = np.full(n, NONE)
    shared = several(ideas["departments"].to_numpy())
    for quarter in QUARTERS:
        begin, end = month_start(quarter * 3), month_start(quarter * 3 + 3)
        days = office.days[slice(*np.searchsorted(office.days, [begin, end]))]
        dry = quarter == DRY and world.has("PL15")
        for kind, size in ((shared, rng.integers(1, 4) * (not dry)), (~shared, 1)):
            at = rng.choice(days)
            ready = (reviewed <= at - 7) & (reviewed > at - 90)
            fresh = kind & ready & (ideas["accepted"] == 1) & (adopted < 0)
            chosen = choose(rng, fresh.to_numpy(), int(size))
            adopted[chosen] = np.minimum(at + rng.integers(0, 9, len(chosen)), end - 1)
    used = adopted >= 0
    ideas["adopted"] = np.where(used, adopted * DAY + 11 * 3_600, NONE)
    measured = office.next_day(adopted + rng.integers(20, 60, n))
    known = used & (rng.random(n) < 0.85)
    ideas["measured"] = np.where(known, measured * DAY + 16 * 3_600, NONE)
    metric = rng.integers(0, len(METRICS), n)
    usual = np.array(LEVELS)[metric] * rng.uniform(0.9, 1.1, n)
    gain = rng.normal(0.13, 0.04, n) * np.where(np.isin(metric, HIGHER), 1, -1)
    for name, values in (
        ("metric", metric),
        ("baseline", np.rint(usual).astype(np.int64)),
        ("result", np.rint(usual * (1 + gain)).astype(np.int64)),
    ):
        ideas[name] = np.where(known if name == "result" else used, values, NONE)
    return ideas


def several(departments: np.ndarray) -> np.ndarray:
    """Whether a set of departments, one bit each, has at least two."""
    return departments & (departments - 1) != 0


def _rate(world: World, rng: np.random.Generator, roster: pd.DataFrame) -> pd.DataFrame:
    """Who rates whom in each cycle; a person is unsure about an item now and then."""
    pairs = []
    for cycle in range(len(CYCLES)):
        staff = roster[roster["month"] == _last_month(cycle)]
        lone = cycle == len(CYCLES) - 1 and world.has("PL15")
        for department, team in staff.groupby("department"):
            leads = team["person"].isin(HEADS)
            [head], others = team["person"][leads], [*team["person"][~leads]]
            for place, ratee in enumerate((head, *others)):
                pairs.append((cycle, ratee, ratee, SELF))
                if ratee == head:
                    pairs.append((cycle, ratee, CHIEF, MANAGER))
                    for rater in rng.choice(others, 4, replace=False):
                        pairs.append((cycle, ratee, rater, REPORT))
                    continue
                pairs.append((cycle, ratee, head, MANAGER))
                peers = [one for one in others if one != ratee]
                few = lone and department == 5 and place == 1
                for rater in rng.choice(peers, 2 if few else 3, replace=False):
                    pairs.append((cycle, ratee, rater, PEER))
    raters = pd.DataFrame(pairs, columns=["cycle", "ratee", "rater", "group"])
    n = len(raters)
    bias = rng.normal(0, 0.25, CHIEF)[raters["ratee"]]
    scores = 4.0 + bias[:, None] + rng.normal(0, 0.75, (n, len(ITEMS)))
    scores = np.clip(np.rint(scores), 1, 5).astype(np.int64)
    unsure = np.flatnonzero(rng.random(n) < 0.04)
    scores[unsure, rng.integers(0, 4, len(unsure))] = NONE
    # Some reports answer too little to be counted; a manager of four keeps three.
    lazy = raters[raters["group"] == REPORT].drop_duplicates(["cycle", "ratee"])
    scores[lazy.index[::6], :2] = NONE
    long = raters.loc[np.repeat(raters.index, len(ITEMS))].reset_index(drop=True)
    long["item"] = np.tile(np.arange(len(ITEMS)), n)
    long["score"] = scores.reshape(-1)
    return long


def _last_month(cycle: int) -> int:
    return month_of(2025, 6) + 6 * cycle


# --- what is exported -----------------------------------------------------------

_YES, _NO = ["是", "√", 1, "Y"], ["否", "×", 0, "N"]
_SHEETS = {
    "sheets.meetings": (
        "会议",
        "会议编号 召开日期 参与部门 工号 应邀 出席 请假 已取消",
    ),
    "sheets.ideas": (
        "建议",
        "建议编号 提交日期 工号 涉及部门 状态 落地日期 指标 基线值 结果值 测量日期",
    ),
    "sheets.roster": ("人员", "工号 部门 在岗开始 在岗结束 请假天数"),
}


def _feeds(rng: np.random.Generator, state: SimpleNamespace) -> dict[str, Feed]:
    """The three sheets of the monthly workbook, and the ratings."""
    spans = month_spans(workbook=True)
    meetings, roster = state.meetings, state.roster
    ideas = delta_rows(state.ideas, TIMES, FOLLOWS, spans)
    days = roster["month"].map(month_start)
    frames = {
        "sheets.meetings": into_files(meetings, meetings["day"] * DAY, spans),
        "sheets.ideas": ideas.sort_values(["file", "case"], ignore_index=True),
        "sheets.roster": into_files(roster, days * DAY, spans),
    }
    feeds: dict[str, Feed] = {}

    @cache
    def book(path: str) -> bytes:
        number = [file.path for file in feeds["sheets.roster"].files].index(path)
        return writers.xlsx_bytes(
            {
                sheet: _sheet(export, feeds[export].rows_of(number))
                for export, (sheet, _) in _SHEETS.items()
            }
        )

    for export, rows in frames.items():
        files = span_files("sheets/collab_{}.xlsx", spans)
        rows = _by_hand(rng, rows)
        feeds[export] = Feed(export, files, rows, lambda _, file: book(file.path))
    ends = [month_start(_last_month(cycle) + 1) for cycle in range(len(CYCLES))]
    files = [
        File(f"hr/ratings_{cycle}.xlsx", end * DAY - 6 * 3_600, end * DAY)
        for cycle, end in zip(CYCLES, ends, strict=True)
    ]
    ratings = state.ratings.assign(
        file=state.ratings["cycle"], rejected=False, repeated=False
    )
    feeds["hr.ratings_360"] = Feed("hr.ratings_360", files, ratings, _rating_bytes)
    return feeds


def _by_hand(rng: np.random.Generator, rows: pd.DataFrame) -> pd.DataFrame:
    """Rows with what people do to a sheet: marks, dates as text, blank rows."""
    n = len(rows)
    return rows.assign(
        mark=rng.integers(0, 256, n),
        as_text=rng.random(n) < 0.06,
        blank=rng.random(n) < 0.01,
    )


def _sheet(export: str, rows: pd.DataFrame) -> list[list[object]]:
    sheet, header = _SHEETS[export]
    grid: list[list[object]] = [[f"砚禾家居 {sheet}"], header.split()]
    columns = _COLUMNS[export](rows)
    for blank, *cells in zip(rows["blank"], *columns, strict=True):
        grid.append(cells)
        if blank:
            grid.append([None] * len(cells))
    return grid


def _dates(rows: pd.DataFrame, day: pd.Series) -> list[object]:
    pairs = zip(day, rows["as_text"], strict=True)
    days = {one: iso_day(one) for one in set(day) if one >= 0}
    return [
        None if one < 0 else days[one] if text else np.datetime64(one, "D").item()
        for one, text in pairs
    ]


def _staff_id(person: pd.Series) -> list[str]:
    return [f"E{one + 401:04d}" for one in person]


def _names(departments: pd.Series) -> list[str]:
    return [
        "、".join(name for bit, name in enumerate(DEPARTMENTS) if mask >> bit & 1)
        for mask in departments
    ]


def _flags(rows: pd.DataFrame, *columns: str) -> list[list[object]]:
    return [
        [
            (_YES if flag else _NO)[mark >> 2 * place & 3]
            for flag, mark in zip(rows[name], rows["mark"], strict=True)
        ]
        for place, name in enumerate(columns)
    ]


def _meeting_columns(rows: pd.DataFrame) -> list[list[object]]:
    return [
        [f"MT{one + 1:05d}" for one in rows["meeting"]],
        _dates(rows, rows["day"]),
        _names(rows["departments"]),
        _staff_id(rows["person"]),
        *_flags(rows, "invited", "attended", "on_leave", "cancelled"),
    ]


def _idea_columns(rows: pd.DataFrame) -> list[list[object]]:
    status = np.select(
        [rows["measured"] >= 0, rows["adopted"] >= 0, rows["reviewed"] >= 0],
        [4, 3, 2 - rows["accepted"]],
        0,
    )
    amounts = [
        [None if one < 0 else one / 100 for one in rows[name]]
        for name in ("baseline", "result")
    ]
    return [
        [f"ID{one + 1:05d}" for one in rows["case"]],
        _dates(rows, rows["submitted"] // DAY),
        _staff_id(rows["person"]),
        _names(rows["departments"]),
        writers.pick(STATUS, status).to_pylist(),
        _dates(rows, rows["adopted"] // DAY),
        writers.pick(METRICS, rows["metric"]).to_pylist(),
        *amounts,
        _dates(rows, rows["measured"] // DAY),
    ]


def _roster_columns(rows: pd.DataFrame) -> list[list[object]]:
    return [
        _staff_id(rows["person"]),
        writers.pick(DEPARTMENTS, rows["department"]).to_pylist(),
        _dates(rows, rows["since"]),
        _dates(rows, rows["until"]),
        rows["leave"].tolist(),
    ]


_COLUMNS = {
    "sheets.meetings": _meeting_columns,
    "sheets.ideas": _idea_columns,
    "sheets.roster": _roster_columns,
}


def _rating_bytes(rows: pd.DataFrame, _file: File) -> bytes:
    columns = [
        writers.pick(CYCLES, rows["cycle"]).to_pylist(),
        _staff_id(rows["ratee"]),
        _staff_id(rows["rater"]),
        writers.pick(GROUPS, rows["group"]).to_pylist(),
        writers.pick(ITEMS, rows["item"]).to_pylist(),
        [None if one < 0 else one for one in rows["score"]],
    ]
    header = ["cycle", "ratee_id", "rater_id", "rater_group", "item", "score"]
    return writers.xlsx_bytes(
        {"评分": [header, *map(list, zip(*columns, strict=True))]}
    )


# --- what is counted ------------------------------------------------------------


class _Units:
    """Who belongs where in each month, from the rosters."""

    def __init__(self, roster: pd.DataFrame) -> None:
        key = roster["month"].to_numpy() * 1_000 + roster["person"].to_numpy()
        order = np.argsort(key)
        self._key = np.append(key[order], np.iinfo(np.int64).max)
        self._unit = np.append(roster["department"].to_numpy()[order], UNKNOWN)
        group = roster["month"] * 100 + roster["department"]
        self._groups, self._sizes = np.unique(group, return_counts=True)

    def of(self, month: np.ndarray, person: np.ndarray) -> np.ndarray:
        """The department of people in months, `UNKNOWN` where not in post."""
        key = np.asarray(month) * 1_000 + np.asarray(person)
        place = np.searchsorted(self._key, key)
        return np.where(self._key[place] == key, self._unit[place], UNKNOWN)

    def small(self, month: np.ndarray, unit: np.ndarray) -> np.ndarray:
        """Whether a unit has too few people in a month to be shown."""
        group = np.asarray(month) * 100 + unit
        enough = self._groups[self._sizes >= SMALL]
        return ~np.isin(group, enough)


def _add_units(
    judge: Judge,
    kpi: str,
    subject: np.ndarray,
    unit: np.ndarray,
    day: np.ndarray,
    num: np.ndarray,
) -> None:
    """Hand over people as one row per subject, unit, state and reason."""
    keys = {"subject": subject, "unit": unit, "day": day}
    people = pd.DataFrame({**keys, "state": judge.state, "reason": judge.reason})
    people["num"], people["den"] = np.asarray(num).astype(np.int64), 1
    rows = people.groupby([*keys, "state", "reason"], as_index=False).sum()
    judge.tally.add(
        kpi,
        *(rows["unit"].to_numpy(), rows["day"].to_numpy()),
        *(rows["num"].to_numpy(), rows["den"].to_numpy()),
        *(rows["state"].to_numpy(), rows["reason"].to_numpy()),
    )


def count(
    office: Calendar,
    roster: pd.DataFrame,
    meetings: pd.DataFrame,
    ideas: pd.DataFrame,
    ratings: pd.DataFrame,
    now: int,
) -> Tally:
    """All collaboration KPIs; `now` is the covered-until moment of the workbooks.

    `ideas` holds one row per idea.
    """
    tally, units = Tally(SEGMENTS), _Units(roster)
    if roster.empty:
        return tally

    asked = meetings[meetings["invited"].to_numpy()]
    day, mask = asked["day"].to_numpy(), asked["departments"].to_numpy()
    month = month_index(day)
    unit = units.of(month, asked["person"])
    judge = Judge(tally, len(asked), now)
    judge.exclude("meeting_cancelled", asked["cancelled"].to_numpy())
    judge.exclude("single_department", ~several(mask))
    judge.exclude("on_leave", asked["on_leave"].to_numpy())
    judge.exclude("small_group", units.small(month, unit))
    attended = asked["attended"].to_numpy()
    meeting = asked["meeting"].to_numpy()
    _add_units(judge, PARTICIPATION.code, meeting, unit, day, attended)

    month, unit = roster["month"].to_numpy(), roster["department"].to_numpy()
    judge = Judge(tally, len(roster), now)
    away = roster["leave"].to_numpy() >= working_days(office, month)
    judge.exclude("on_leave", away)
    judge.exclude("small_group", units.small(month, unit))
    submitted = month_index(ideas["submitted"].to_numpy() // DAY)
    whose = month * 1_000 + roster["person"].to_numpy()
    names, given = np.unique(submitted * 1_000 + ideas["person"], return_counts=True)
    num = np.zeros(len(roster), dtype=np.int64)
    known = np.isin(whose, names)
    num[known] = given[np.searchsorted(names, whose[known])]
    last = np.array([month_start(one + 1) - 1 for one in month])
    _add_units(judge, SUGGESTIONS.code, month, unit, last, num)

    solutions = ideas[several(ideas["departments"].to_numpy())]
    solutions = solutions[(solutions["adopted"] >= 0) & (solutions["adopted"] < now)]
    adopted = solutions["adopted"].to_numpy()
    ends = np.array([month_start(quarter * 3 + 3) for quarter in QUARTERS])
    ends = ends[ends * DAY <= now] - 1
    n, m = len(adopted), len(ends)
    tally.add(
        ADOPTED.code,
        segment=np.full(n + m, COMPANY),
        day=np.concatenate([adopted // DAY, ends]),
        numerator=np.repeat([1, 0], [n, m]),
        denominator=np.repeat([0, 1], [n, m]),
        state=np.full(n + m, COUNTED),
    )

    judge = Judge(tally, n, now)
    before, after = (solutions[name].to_numpy() for name in ("baseline", "result"))
    measured = solutions["measured"].to_numpy()
    judge.exclude("not_measured", (measured < 0) | (after < 0) | (before <= 0))
    sign = np.where(np.isin(solutions["metric"], HIGHER), 1, -1)
    points = basis_points(sign * (after - before), np.maximum(before, 1))
    judge.add(GAIN.code, np.full(n, COMPANY), measured, adopted, points)

    _count_ratings(tally, units, ratings, now)
    return tally


def basis_points(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """Ten thousand times part ÷ whole, rounded half up."""
    return (20_000 * part + whole) // (2 * whole)


def _count_ratings(
    tally: Tally, units: _Units, ratings: pd.DataFrame, now: int
) -> None:
    rows = []
    for cycle, answers in ratings.groupby("cycle"):
        items = answers["item"].nunique()
        for ratee, own in answers.groupby("ratee"):
            rows.append((cycle, ratee, overall(own, items)))
    if not rows:
        return
    cycle, ratee = np.array([row[:2] for row in rows], dtype=np.int64).T
    unit = np.full(len(rows), UNKNOWN)
    for back in range(5, -1, -1):
        there = units.of(month_of(2025, 6) + 6 * cycle - back, ratee)
        unit = np.where(there == UNKNOWN, unit, there)
    score = np.array([NONE if row[2] is None else row[2] for row in rows])
    judge = Judge(tally, len(rows), now)
    judge.exclude("too_few_raters", score < 0)
    group = cycle * 100 + unit
    names, sizes = np.unique(group[score >= 0], return_counts=True)
    judge.exclude("small_group", ~np.isin(group, names[sizes >= SMALL]))
    last = [month_start(_last_month(one) + 1) - 1 for one in cycle]
    _add_units(judge, RATING.code, cycle, unit, last, score)


def overall(answers: pd.DataFrame, items: int) -> int | None:
    """A ratee's rating in hundredths of 0–100; None if no group may be shown."""
    known = answers[answers["score"] >= 0]
    means: dict[int, list[Fraction]] = {}
    for (group, _), one in known.groupby(["group", "rater"]):
        if 10 * len(one) >= 7 * items:
            mean = Fraction(25 * int((one["score"] - 1).sum()), len(one))
            means.setdefault(group, []).append(mean)
    shown = [g for g, least in RATERS.items() if len(means.get(g, ())) >= least]
    if not shown:
        return None
    total = sum(WEIGHTS[g] * sum(means[g]) / len(means[g]) for g in shown)
    return int(100 * total / sum(WEIGHTS[g] for g in shown) + Fraction(1, 2))


# --- the process ----------------------------------------------------------------


def build(world: World) -> Process:
    """Simulate the office and prepare its workbooks and its truth."""
    state = simulate(world)
    feeds = _feeds(world.random("collaboration.exports"), state)
    counted = partial(count, world.calendars["office"])

    def seen(as_of: int) -> Tally:
        # In the order in which they are counted.
        sheets = ("sheets.roster", "sheets.meetings", "sheets.ideas", "hr.ratings_360")
        rows = [feeds[name].in_force(as_of) for name in sheets]
        rows[2] = newest(rows[2])
        return counted(*rows, min(feeds["sheets.ideas"].covered_until(as_of), as_of))

    def actual() -> Tally:
        roster = state.roster[state.roster["month"] >= month_of(2025, 1)]
        return counted(roster, state.meetings, state.ideas, state.ratings, END * DAY)

    exports = [feed for name, feed in feeds.items() if name.startswith("sheets")]
    return Process(
        feeds=list(feeds.values()),
        kpis=[PARTICIPATION, SUGGESTIONS, ADOPTED, GAIN, RATING],
        actual=actual,
        seen=seen,
        findings=lambda _: _findings(world, state),
        dirt=[
            {"id": "D12", "export": feed.export, "rows": int(feed.rows["blank"].sum())}
            for feed in exports
        ],
        state=state,
    )


def _findings(world: World, state: SimpleNamespace) -> list[dict]:
    if not world.has("PL15"):
        return []
    adopted = state.ideas.loc[several(state.ideas["departments"]), "adopted"]
    solved = month_index(adopted[adopted >= 0] // DAY) // 3
    pairs = state.ratings.drop_duplicates(["cycle", "ratee", "rater"])
    peers = pairs[pairs["group"] == PEER].groupby(["cycle", "ratee"]).size()
    return [
        finding(
            "PL15",
            "alarm",
            ADOPTED.code,
            window=["2026-Q1"],
            verdict="alarm",
            range=[int((solved == DRY).sum()), 1],
        ),
        alerts("PL15", ADOPTED.code, "2026-01", "2026-03"),
        finding(
            "PL15",
            "too_few_raters",
            RATING.code,
            window=["2026-H1"],
            verdict="suppressed",
            group="peer",
            ratees=int((peers < RATERS[PEER]).sum()),
        ),
    ]
