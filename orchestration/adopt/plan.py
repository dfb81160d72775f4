"""What a pack will be: its contract, and what its events show under that contract.

The proposed contract types the very cells of the file with the typing of ingest, so
that counts of rejects and duplicates are those of the first refresh. Here: the
contract, the steps in their order, the ends. Not here: texts of files (`render`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from orchestration.adopt.profile import Facts, Log, instant
from orchestration.adopt.propose import Proposal, Wishes, personal
from orchestration.contract import Column, Export
from orchestration.readers import typed
from orchestration.readers.base import Records, quoted

EARLIEST = date(1990, 1, 1)
# How far a contract looks ahead of the log it was made from.
YEARS_AHEAD = 10
# A log is compared with so many parts of itself.
PARTS = 4
# An activity that stands after the end in so many ended cases follows it.
AFTER_END = 0.95
OFTEN = 0.05
# Fewer cases than these with a step behind the end prove nothing.
FEW = 5
LAST_ENOUGH = 0.05
CODE_PATTERN = r"[^\p{L}\p{N}]+"
EXPORT = "log"
# Between several columns that make one activity.
JOINED = " || ' / ' || "

# Part -> the column's name in contract and staging.
NAMES = {
    "case": "case_id",
    "timestamp": "occurred_at",
    "start": "started_at",
    "lifecycle": "lifecycle",
    "resource": "resource",
    "org_unit": "org_unit",
    "due": "due_at",
    "outcome": "outcome",
    "requester": "requester",
    "segment": "segment",
    "score": "score",
    "cost": "cost",
    "end": "ended_at",
}
PEOPLE = ("resource", "requester")
NUMBERS = {"score": "double", "cost": "decimal(18,2)"}
TIMED = ("timestamp", "start", "due", "end", "milestone")


@dataclass(frozen=True)
class Step:
    """One activity: its code on the map, its name in the log, its place."""

    code: str
    name: str
    visits: int
    has_starts: bool = True
    is_end: bool = False
    is_after_end: bool = False
    is_tail: bool = False
    is_cancelling: bool = False


@dataclass(frozen=True)
class End:
    """An activity with which cases end, how many, and the lead time it gives."""

    name: str
    cases: int
    share: float
    median: timedelta | None


@dataclass
class Plan:
    """Everything that the files of a pack are made from."""

    process: str
    log: Log
    proposal: Proposal
    wishes: Wishes
    timezone: str
    export: Export
    file_name: str
    names: dict[str, str]
    loaded: int = 0
    rejected: int = 0
    duplicates: int = 0
    impossible: dict[str, int] = field(default_factory=dict)
    cases: int = 0
    steps: list[Step] = field(default_factory=list)
    ends: list[End] = field(default_factory=list)
    by_code: bool = True
    first_day: date = EARLIEST
    last_day: date = EARLIEST
    # Shares of rows on Monday to Sunday (UTC), and how far parts of the log stray.
    weekdays: tuple[float, ...] = ()
    weekday_shift: float = 0.0

    def column(self, part: str) -> str | None:
        """The contract's name of the column that plays a part."""
        header = self.proposal.value(part)
        return self.names.get(header) if header else None

    @property
    def milestones(self) -> list[tuple[str, str]]:
        """(activity code, contract column) where a row is a whole case."""
        return [
            (slug(activity), self.names[column])
            for activity, column in self.wishes.milestones
        ]

    @property
    def activity(self) -> str:
        """SQL for the activity as the log names it."""
        names = [self.names[header] for header in self.proposal.values("activity")]
        return JOINED.join(
            f"coalesce({one}, '')" if len(names) > 1 else one for one in names
        )

    @property
    def has_end_column(self) -> bool:
        return self.column("end") is not None

    def ending(self, kind: str) -> list[Step]:
        """Steps that are `is_end`, `is_cancelling`, `is_after_end` or `is_tail`."""
        return [step for step in self.steps if getattr(step, kind)]


def slug(text: str) -> str:
    """A code as the staging model makes it from a name."""
    return re.sub(r"[\W_]+", "_", text.lower()).strip("_")


def identifier(text: str, fallback: str) -> str:
    """A column name for a header."""
    name = re.sub(r"[^a-z0-9]+", "_", text.lower()).strip("_")
    if not name or not name[0].isalpha():
        name = fallback
    return name


def make(
    process: str, log: Log, proposal: Proposal, wishes: Wishes, timezone: str, now: date
) -> Plan:
    """The plan of a pack; the parts case, activity and time must be known."""
    names = _names(log, proposal, wishes)
    file_name = re.sub(r"[^\w.-]", "_", log.path.name)
    bounds = _bounds(log, proposal, now)
    export = _contract(
        process, log, proposal, wishes, timezone, names, file_name, bounds
    )
    plan = Plan(process, log, proposal, wishes, timezone, export, file_name, names)
    plan.impossible = bounds.impossible
    _type(plan)
    _look(plan)
    return plan


# ---------------------------------------------------------------- contract


@dataclass(frozen=True)
class _Bounds:
    earliest: date
    latest: date
    impossible: dict[str, int]


def _names(log: Log, proposal: Proposal, wishes: Wishes) -> dict[str, str]:
    names: dict[str, str] = {}
    for part, name in NAMES.items():
        header = proposal.value(part)
        if header and log.named(header) and header not in names:
            names[header] = name
    activity = proposal.values("activity")
    for number, header in enumerate(activity, start=1):
        name = "activity" if len(activity) == 1 else f"activity_{number}"
        names.setdefault(header, name)
    for step, header in wishes.milestones:
        names.setdefault(header, identifier(f"{step}_at", f"step_{len(names)}_at"))
    taken = set(names.values())
    for column in log.columns:
        if column.header in names or column.header in proposal.leaking:
            continue
        name = identifier(column.header, f"column_{column.at + 1}")
        while name in taken or name in _reserved():
            name += "_"
        name = name.rstrip("_") + ("_text" if name.endswith("_") else "")
        while name in taken:
            name += f"_{column.at + 1}"
        taken.add(name)
        names[column.header] = name
    return names


def _reserved() -> frozenset[str]:
    """Names that the models or the lake give to something else."""
    return frozenset({*NAMES.values(), "activity", "activity_code", "event_id"})


def _bounds(log: Log, proposal: Proposal, now: date) -> _Bounds:
    """The window that holds every plausible time and none of the impossible ones."""
    first, last, future = None, None, None
    impossible: dict[str, int] = {}
    events = {*proposal.values("timestamp"), *proposal.values("start")}
    events |= set(proposal.values("milestone")) - set(proposal.values("due"))
    today = f"timestamp '{now + timedelta(days=1)}'"
    early = f"timestamp '{EARLIEST}'"
    for header in [*events, *proposal.values("due"), *proposal.values("end")]:
        column = log.named(header)
        if column is None or column.times is None:
            continue
        limit = today if header in events else f"{today} + interval 10 years"
        low, high, wrong, next_one = log.one(
            f"""
            select
                min(moment) filter (where moment >= {early} and moment < {limit}),
                max(moment) filter (where moment >= {early} and moment < {limit}),
                count(*) filter (where moment < {early} or moment >= {limit}),
                min(moment) filter (where moment >= {limit})
            from (select {instant(column)} as moment from cells)
            """
        )
        if wrong:
            impossible[header] = wrong
        first = min(filter(None, (first, low)), default=None)
        last = max(filter(None, (last, high)), default=None)
        future = min(filter(None, (future, next_one)), default=None)
    earliest = date(first.year, 1, 1) if first else EARLIEST
    latest = date((last.year if last else now.year) + YEARS_AHEAD, 12, 31)
    if future:
        # Offsets move a time by a day at most.
        latest = min(latest, max(future.date() - timedelta(days=2), last.date()))
    return _Bounds(earliest, latest, impossible)


def _contract(
    process: str,
    log: Log,
    proposal: Proposal,
    wishes: Wishes,
    timezone: str,
    names: dict[str, str],
    file_name: str,
    bounds: _Bounds,
) -> Export:
    timed = {header for part in TIMED for header in proposal.values(part)}
    people = {header for part in PEOPLE for header in proposal.values(part)}
    parts = {header for one in proposal.choices.values() for header in one.value}
    numbers = {proposal.value(part): kind for part, kind in NUMBERS.items()}
    words = [
        word
        for column in log.columns
        if column.header in timed and column.times
        for word in column.times.words
    ]
    if wishes.milestones:
        key = [names[proposal.values("case")[0]]]
    else:
        parted = ("case", "activity", "timestamp")
        key = [names[header] for part in parted for header in proposal.values(part)]
        if len(proposal.values("activity")) > 1:
            key = [name for name in key if not name.startswith("activity_")]
    columns = []
    for column in log.columns:
        if column.header not in names:
            continue
        columns.append(
            _column(
                column,
                names[column.header],
                is_time=column.header in timed,
                is_part=column.header in parts,
                kind=numbers.get(column.header),
                pii="hash" if column.header in people else None,
                is_key=names[column.header] in key,
            )
        )
    return Export(
        source=process,
        name=EXPORT,
        files=f"{process}/{file_name}",
        delivery="append",
        key=tuple(key),
        cadence="once",
        timezone=timezone,
        null_markers=tuple(dict.fromkeys(["", *log.markers, *words])),
        exact_duplicates=wishes.duplicates or "keep",
        watermark=_watermark(log, proposal, names),
        earliest=bounds.earliest,
        latest=bounds.latest,
        columns=tuple(columns),
        **log.layout.facts(),
    )


def _column(
    column: Facts,
    name: str,
    *,
    is_time: bool,
    is_part: bool,
    kind: str | None,
    pii: str | None,
    is_key: bool,
) -> Column:
    formats = column.times.formats if is_time and column.times else ()
    return Column(
        name=name,
        data_type="timestamp" if is_time else kind or "varchar",
        header=column.header,
        required=is_key,
        # Without them a file still says everything that the models read.
        optional=not is_part,
        pii=pii or ("keep" if is_part else personal(column)),
        format=formats,
        normalize=not is_time and not kind and pii is None and is_part,
    )


def _watermark(log: Log, proposal: Proposal, names: dict[str, str]) -> str:
    """The time that reaches furthest: up to it the log is known."""
    found = []
    for header in [*proposal.values("timestamp"), *proposal.values("milestone")]:
        column = log.named(header)
        assert column is not None
        if header not in proposal.values("due"):
            (latest,) = log.one(f"select max({instant(column)}) from cells")
            found.append((latest or datetime.min, names[header]))
    return max(found)[1]


# ---------------------------------------------------------------- what it shows


def _type(plan: Plan) -> None:
    """Type the cells under the contract; `events` is what staging would give."""
    connection = plan.log.connection
    headers = [one.header for one in plan.log.columns]
    columns = ", ".join(
        f"c{headers.index(column.in_file)} as c{i}"
        for i, column in enumerate(plan.export.columns)
    )
    records = Records(
        relation=f"(select {columns} from raw_cells)",
        kinds=["text"] * len(plan.export.columns),
        extra_columns=[],
        in_order=True,
        iso_dates_too=plan.log.layout.format == "xlsx",
    )
    result = typed.load(connection, plan.export, records, b"counts only, kept nowhere")
    plan.loaded = result.loaded
    plan.rejected = result.rejected + plan.log.ragged
    plan.duplicates = result.duplicates
    good = "faults is null"
    if plan.export.exact_duplicates == "drop" and result.duplicates:
        good += " and rowid not in (select row from duplicate)"
    plan.weekdays, plan.weekday_shift = _weekdays(plan, good)
    connection.execute("drop table if exists events")
    connection.execute(f"create temp table events as {_events(plan, good)}")


def _weekdays(plan: Plan, good: str) -> tuple[tuple[float, ...], float]:
    """Shares of rows per weekday, and the largest shift of a quarter of the log."""
    days = plan.log.connection.execute(
        f"""
        select {plan.export.watermark}::date as day, count(*) from typed
        where {good} and {plan.export.watermark} is not null group by 1 order by 1
        """
    ).fetchall()
    total = sum(count for _, count in days)
    parts = [[0] * 7 for _ in range(PARTS)]
    seen = 0
    for day, count in days:
        parts[seen * PARTS // total][day.weekday()] += count
        seen += count
    whole = tuple(sum(day) / total for day in zip(*parts, strict=True)) if total else ()
    shifts = [
        sum(abs(n / sum(part) - usual) for n, usual in zip(part, whole, strict=True))
        / 2
        for part in parts
        if sum(part)
    ]
    return whole, max(shifts, default=1.0)


def _events(plan: Plan, good: str) -> str:
    case = plan.column("case")
    start = plan.column("start") or "cast(null as timestamp)"
    lifecycle = plan.column("lifecycle")
    if plan.wishes.milestones:
        return " union all ".join(
            f"select {case} as instance, {quoted(activity)} as name, "
            f"{column} as done_at, cast(null as timestamp) as begun_at, "
            f"'complete' as lifecycle from typed where {good} and {column} is not null"
            for activity, column in (
                (activity, plan.names[header])
                for activity, header in plan.wishes.milestones
            )
        )
    state = f"lower({lifecycle})" if lifecycle else "'complete'"
    return (
        f"select {case} as instance, {plan.activity} as name, occurred_at as done_at, "
        f"{start} as begun_at, {state} as lifecycle from typed where {good}"
    )


def code_sql(name: str) -> str:
    """SQL for the code of an activity's name."""
    return f"trim(regexp_replace(lower({name}), '{CODE_PATTERN}', '_', 'g'), '_')"


def _look(plan: Plan) -> None:
    log = plan.log
    plan.cases, first, last = log.one(
        "select count(distinct instance), min(done_at), max(done_at) from events"
    )
    if first is None:
        return
    plan.first_day, plan.last_day = first.date(), last.date()
    names, codes, shortest = log.one(
        f"select count(*), count(distinct code), min(length(code)) from "
        f"(select {code_sql('name')} as code from events group by name)"
    )
    plan.by_code = names == codes and shortest > 0
    code = code_sql("events.name") if plan.by_code else "events.name"
    rows = log.connection.execute(
        f"""
        select events.name, {code}, count(*) filter (where lifecycle = 'complete'),
            count(*) filter (where lifecycle = 'start') > 0
        from events group by 1, 2 order by 2
        """
    ).fetchall()
    plan.steps = [
        Step(code, name, visits, has_starts)
        for name, code, visits, has_starts in rows
        if visits
    ]
    _order(plan, "true")
    plan.ends = _ends(plan)


def _order(plan: Plan, whole: str) -> None:
    """Put the steps in mined order: the median relative rank of their first visit.

    `whole` says which instances count. Of equal times that step comes last which comes
    last so far.
    """
    _place(plan)
    ranks = dict(
        plan.log.connection.execute(
            f"""
            with numbered as (
                select instance, events.name,
                    row_number() over (
                        partition by instance
                        order by done_at, coalesce(begun_at, done_at), place
                    ) as event_no,
                    count(*) over (partition by instance) as events
                from events inner join places on events.name = places.name
                where lifecycle = 'complete' and {whole}
            ),
            firsts as (
                select name, min(event_no) as event_no, any_value(events) as events
                from numbered group by instance, name
            )
            select name, round(median((event_no - 1) / greatest(events - 1, 1)), 9)
            from firsts group by 1
            """
        ).fetchall()
    )
    plan.steps.sort(key=lambda step: (ranks.get(step.name, 2.0), step.code))
    if plan.wishes.milestones:
        order = [activity for activity, _ in plan.wishes.milestones]
        plan.steps.sort(key=lambda step: order.index(step.name))
    _place(plan)


def _place(plan: Plan) -> None:
    """The table of places: what is last on the map is last of equal times."""
    connection = plan.log.connection
    connection.execute("create or replace temp table places (name varchar, place int)")
    connection.executemany(
        "insert into places values (?, ?)",
        [(step.name, number) for number, step in enumerate(plan.steps)],
    )


def _ends(plan: Plan) -> list[End]:
    rows = plan.log.connection.execute(
        """
        with firsts as (
            select instance, min(coalesce(begun_at, done_at)) as began
            from events group by 1
        ),
        lasts as (
            select events.instance, arg_max(events.name, (done_at, place)) as name
            from events inner join places on events.name = places.name
            where lifecycle = 'complete' group by 1
        ),
        leads as (
            select events.name, events.instance, min(done_at) - any_value(began) as lead
            from events inner join firsts on events.instance = firsts.instance
            where lifecycle = 'complete' group by 1, 2
        )
        select leads.name, count(lasts.name), median(epoch(leads.lead))
        from leads left join lasts
            on leads.instance = lasts.instance and leads.name = lasts.name
        group by 1 order by 2 desc, 1
        """
    ).fetchall()
    return [
        End(name, count, count / plan.cases, timedelta(seconds=int(seconds or 0)))
        for name, count, seconds in rows
    ]


def set_ends(plan: Plan, names: Sequence[str]) -> None:
    """Mark the ends, what only follows them, and what may follow them.

    A step behind the end opens the case again if cases that had it there mostly ended
    once more; a step that no end has followed is what is left to do.
    """
    if plan.has_end_column:
        _order(
            plan, "instance in (select case_id from typed where ended_at is not null)"
        )
    if not names:
        return
    found = {row[0]: row[1:] for row in _behind(plan, names)}
    only_after, tail = set(), set()
    for name, (often, behind, later, again) in found.items():
        if later and 2 * again < later:
            # What hardly any case has is no part of how cases end.
            proved = often >= OFTEN and behind >= AFTER_END
            (only_after if proved else tail).add(name)
    if only_after:
        # A few cases may have ended again without the end itself.
        wider = {row[0]: row[4] for row in _behind(plan, [*names, *only_after])}
        tail -= {n for n in tail if found[n][2] < FEW and wider[n] >= found[n][2]}
    listed = ", ".join(map(quoted, names))
    plan.steps = [
        replace(
            step,
            is_end=step.name in names,
            is_cancelling=bool({step.name, step.code} & set(plan.wishes.cancelled)),
            is_after_end=step.name in only_after,
            is_tail=step.name in tail,
        )
        for step in plan.steps
    ]
    _order(plan, f"instance in (select instance from events where name in ({listed}))")


def _behind(plan: Plan, names: Sequence[str]) -> list[tuple[Any, ...]]:
    """Per other step: share of ended cases with it, share of those in which it comes
    behind the first end only, cases with it there, and of these ended once more."""
    listed = ", ".join(map(quoted, names))
    return plan.log.connection.execute(
        f"""
        with ended as (
            select instance, min((done_at, place)) as first_end,
                max((done_at, place)) as last_end
            from events inner join places on events.name = places.name
            where events.name in ({listed}) and lifecycle = 'complete' group by 1
        ),
        visits as (
            select events.instance, events.name, max((done_at, place)) as last_seen,
                min((done_at, place)) as first_seen
            from events inner join places on events.name = places.name
            where lifecycle = 'complete' group by 1, 2
        )
        select
            visits.name,
            count(*) / (select count(*) from ended),
            avg((first_seen > first_end)::int),
            count(*) filter (where last_seen > first_end),
            count(*) filter (where last_seen > first_end and last_end > last_seen)
        from visits inner join ended on visits.instance = ended.instance
        where visits.name not in ({listed}) group by 1
        """
    ).fetchall()


def last_names(ends: Iterable[End]) -> list[str]:
    """The activities with which a fair share of cases ends."""
    return [end.name for end in ends if end.share >= LAST_ENOUGH and end.cases > 1]
