"""What the data of a log cannot support: the reason, the count and the remedy.

A finding that loses `all` stops the adoption before anything is written; any other
takes one part away and the rest still works. A case is never invented and a date
never guessed. Messages name columns and counts, never a cell.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

from orchestration.adopt.plan import NUMBERS, Plan
from orchestration.adopt.profile import READS, Facts, Log, instant
from orchestration.adopt.propose import ACTIVITIES, NONE, Proposal, Wishes
from orchestration.readers.base import quoted

MOST_DUPLICATES = 0.05
MOST_CONTRADICTING = 0.01
MOST_REVERSED = 0.05
MASS = 0.2
DATE_ONLY = 0.99
# One moment for nearly every case means one event per case.
ONE_MOMENT = 0.95


@dataclass(frozen=True)
class Finding:
    """A refusal: what it is called, what was seen, what helps, what is lost."""

    code: str
    seen: str
    remedy: str
    loses: str = "all"

    def __str__(self) -> str:
        lost = "" if self.loses == "all" else f" Lost: {self.loses}."
        return f"{self.code}: {self.seen}.{lost} {self.remedy}."


def before(log: Log, proposal: Proposal, wishes: Wishes) -> Iterator[Finding]:
    """What is seen before a contract is made."""
    yield from _duplicates(log, wishes)
    yield from _case(log, proposal, wishes)
    yield from _contradictions(log, proposal, wishes)
    if proposal.within is None:
        return
    if not wishes.milestones:
        yield from _timestamp(log, proposal)
        yield from _activity(log, proposal)
    yield from _dates(log, proposal, wishes)
    yield from _numbers(log, proposal)


def _duplicates(log: Log, wishes: Wishes) -> Iterator[Finding]:
    repeated = log.repeated
    if repeated > MOST_DUPLICATES * log.rows and wishes.duplicates is None:
        yield Finding(
            "duplicates",
            f"{repeated:,} of {log.rows:,} rows repeat another in every column: "
            "real repeats, or exported twice",
            "Say --duplicates keep for real repeats, --duplicates drop for a re-export",
        )


def _case(log: Log, proposal: Proposal, wishes: Wishes) -> Iterator[Finding]:
    remedy = (
        "A case is never invented: export the column that identifies it and name it "
        "with --case, or, where a row is a whole case, its times with --milestone "
        "<activity>=<column>"
    )
    groups = proposal.within
    if groups is None:
        if proposal.single_moment:
            seen = (
                f"{proposal.single_moment} groups the {log.rows:,} rows, but every "
                "value of it has one moment: one event per case"
            )
        else:
            seen = (
                f"none of the {len(log.columns)} columns identifies a case: no nulls "
                f"and several of the {log.rows:,} rows at different times"
            )
        yield Finding("no_case_id", seen, remedy)
        return
    column = log.named(groups.header)
    assert column is not None
    if column.nulls > 0.01 * log.rows:
        seen = f"{column.header} is empty in {column.nulls:,} of {log.rows:,} rows"
        yield Finding("no_case_id", seen, remedy)
    elif wishes.milestones:
        if groups.several:
            yield Finding(
                "no_case_id",
                f"{column.header} has several rows in {groups.several:,} of "
                f"{groups.cases:,} cases, though --milestone means one row each",
                "Name the column that is unique with --case, or use --activity and "
                "--timestamp",
            )
    elif groups.several < 0.05 * groups.cases:
        seen = (
            f"{column.header} has one row in {groups.cases - groups.several:,} of "
            f"{groups.cases:,} cases: one event per case"
        )
        yield Finding("no_case_id", seen, remedy)
    else:
        time = proposal.value("timestamp")
        still = groups.constant.get(time, 0.0) if time else 0.0
        if still >= ONE_MOMENT and time not in proposal.leaking:
            seen = (
                f"{column.header} has one {time} in {still:.1%} of "
                f"{groups.several:,} cases of several rows: one event per case"
            )
            yield Finding("no_case_id", seen, remedy)


def _timestamp(log: Log, proposal: Proposal) -> Iterator[Finding]:
    header = proposal.value("timestamp")
    if header is None:
        yield Finding(
            "no_timestamp",
            f"none of the {len(log.columns)} columns holds a time that changes within "
            f"cases and that one format reads in 99 % of {log.rows:,} rows",
            "Name one with --timestamp, and its format with --timestamp-format",
        )
        return
    column = log.named(header)
    assert column is not None
    assert proposal.within is not None
    if column.times is None:
        yield Finding(
            "no_timestamp",
            f"{header}: no format reads 99 % of its {column.filled:,} cells",
            "Say --timestamp-format, such as '%d/%m/%Y %H:%M', or another --timestamp",
        )
    elif header in proposal.leaking or _written_afterwards(log, proposal, column):
        later = proposal.leaking.get(header, column.filled)
        yield Finding(
            "leaks_future",
            f"{header} holds one value on all rows of a case, written when the case "
            f"was over ({later:,} of {log.rows:,} rows): it is no time of an event",
            "Name the time of the row itself with --timestamp",
        )


def _written_afterwards(log: Log, proposal: Proposal, column: Facts) -> bool:
    """One value per case, while another time of the log changes within cases."""
    groups = proposal.within
    assert groups is not None
    if groups.constant.get(column.header, 0) < ONE_MOMENT:
        return False
    return any(
        one.times and groups.constant.get(one.header, 1) <= 0.5 for one in log.columns
    )


def _activity(log: Log, proposal: Proposal) -> Iterator[Finding]:
    headers = proposal.values("activity")
    least, most = ACTIVITIES
    remedy = (
        f"Name the column that says what happened with --activity: {least} to {most} "
        "values, changing within cases; several columns are joined"
    )
    if not headers:
        seen = f"none of the {len(log.columns)} columns changes like an activity"
        yield Finding("no_activity", seen, remedy)
        return
    joined = " || ".join(f"coalesce({log.named(one).sql}, '')" for one in headers)  # type: ignore[union-attr]
    (values,) = log.one(f"select count(distinct {joined}) from cells")
    if not least <= values <= most:
        words = "is constant" if values < least else f"has {values:,} values"
        seen = f"{' + '.join(headers)} {words} in {log.rows:,} rows"
        yield Finding("no_activity", seen, remedy)


def _dates(log: Log, proposal: Proposal, wishes: Wishes) -> Iterator[Finding]:
    used = [
        column
        for part in ("timestamp", "start", "due", "milestone", "end")
        for header in proposal.values(part)
        if (column := log.named(header)) is not None
    ]
    for column in dict.fromkeys(used):
        if column.times is None:
            if column.header in proposal.values("milestone"):
                yield Finding(
                    "no_timestamp",
                    f"{column.header}: no format reads 99 % of its "
                    f"{column.filled:,} cells",
                    "Say --timestamp-format, or name another column",
                )
        elif len(set(column.times.orders)) > 1 and not wishes.timestamp_format:
            yield Finding(
                "ambiguous_date",
                f"{column.header}: every one of {column.filled:,} cells reads day "
                "first and month first (3/4 is 3 April or 4 March)",
                "Say --timestamp-format '%d/%m/%Y …' or '%m/%d/%Y …'",
            )
    naive = [one.header for one in used if one.times and not one.times.has_offset]
    if naive and not wishes.timezone:
        yield Finding(
            "no_timezone",
            f"{', '.join(dict.fromkeys(naive))}: local times without a zone in "
            f"{log.rows:,} rows",
            "Say --timezone, such as Asia/Shanghai",
        )


def _numbers(log: Log, proposal: Proposal) -> Iterator[Finding]:
    for part in NUMBERS:
        column = log.named(proposal.value(part) or "")
        if column is None:
            continue
        (wrong,) = log.one(
            f"select count(*) from cells where not regexp_full_match({column.sql}, "
            "'[+-]?[0-9]+([.][0-9]+)?')"
        )
        if wrong > (1 - READS) * column.filled:
            yield Finding(
                "no_number",
                f"{column.header} is no plain number in {wrong:,} of "
                f"{column.filled:,} cells",
                f"Export it as digits with a decimal point, or leave --{part} out",
            )


def _contradictions(log: Log, proposal: Proposal, wishes: Wishes) -> Iterator[Finding]:
    """Two columns for one date, where many rows differ by day and month swapped."""
    named = {wishes.timestamp, wishes.start, wishes.due, *wishes.end}
    named |= {column for _, column in wishes.milestones}
    timed = [one for one in log.columns if one.times is not None]
    for one, other in combinations(timed, 2):
        if {one.header, other.header} & named:
            continue
        a, b = f"({instant(one)})::date", f"({instant(other)})::date"
        both, differ, swapped = log.one(
            f"""
            select count(*), count(*) filter (where a <> b), count(*) filter (where
                a <> b and year(a) = year(b) and month(a) = day(b)
                and day(a) = month(b))
            from (select {a} as a, {b} as b from cells)
            where a is not null and b is not null
            """
        )
        is_one_date = both and (both - differ + swapped) >= 0.5 * both
        if is_one_date and swapped > MOST_CONTRADICTING * both:
            used = {one.header, other.header} & set(proposal.values("timestamp"))
            yield Finding(
                "contradicting_dates",
                f"{one.header} and {other.header} differ in {differ:,} of {both:,} "
                f"rows, in {swapped:,} of them by day and month swapped",
                f"Name the right one, such as --timestamp {one.header!r}",
                "all" if used else f"{one.header} and {other.header}",
            )


# ---------------------------------------------------------------- with a contract


def after(plan: Plan) -> Iterator[Finding]:
    """What the typed rows show; each takes one part away."""
    log = plan.log
    for header, count in plan.impossible.items():
        yield Finding(
            "impossible_date",
            f"{header} lies before 1990 or in the future in {count:,} of "
            f"{log.rows:,} rows",
            "The contract rejects and counts them: correct them in the source",
            "those rows",
        )
    events = (*plan.proposal.values("timestamp"), *plan.proposal.values("milestone"))
    for header in dict.fromkeys(events):
        time = log.named(header)
        if time is None or not time.times or time.times.midnight < DATE_ONLY:
            continue
        yield Finding(
            "date_only",
            f"{time.header} has no time of day in {time.times.midnight:.0%} of "
            f"{time.filled:,} cells",
            "Export the time of day for limits in hours",
            "limits and units below a day, the order within a day",
        )
    if not plan.ending("is_end") and not plan.has_end_column:
        yield _no_end(plan)
    else:
        yield from _mass_close(plan)


def _no_end(plan: Plan) -> Finding:
    last = ", ".join(f"{one.name} {one.share:.0%}" for one in plan.ends[:3])
    said = [one for one in plan.wishes.end if one != NONE]
    seen = f"no timed completion in {plan.cases:,} cases; they stop at {last}"
    if said:
        seen = f"{', '.join(said)} is no time and no activity, and a status is no end"
    return Finding(
        "no_end",
        seen,
        "Name the activity that ends a case, or the column with its time, with --end",
        "lead, resolution and on-time KPIs; every case stays open",
    )


def _mass_close(plan: Plan) -> Iterator[Finding]:
    listed = ", ".join(quoted(step.name) for step in plan.ending("is_end"))
    if not listed:
        return
    row = plan.log.connection.execute(
        f"""
        select count(*) as n, sum(count(*)) over () as ends from (
            select max(done_at) as ended_at from events
            where name in ({listed}) and lifecycle = 'complete' group by instance
        )
        group by date_trunc('second', ended_at) order by n desc limit 1
        """
    ).fetchone()
    if row and row[1] >= 10 and row[0] > MASS * row[1]:
        names = ", ".join(step.name for step in plan.ending("is_end"))
        yield Finding(
            "mass_close",
            f"{row[0]:,} of {row[1]:,} ends ({names}) share one second: closed in bulk",
            "Take an earlier activity as --end",
            "times to that end",
        )


def reversed_start(plan: Plan) -> Finding | None:
    """More starts after their ends than chance explains: the interval is of no use."""
    header = plan.proposal.value("start")
    if header is None or plan.wishes.milestones:
        return None
    both, wrong = plan.log.one(
        "select count(begun_at), count(*) filter (where begun_at > done_at) from events"
    )
    if not both or wrong <= MOST_REVERSED * both:
        return None
    return Finding(
        "reversed",
        f"{header} is later than {plan.proposal.value('timestamp')} in {wrong:,} of "
        f"{both:,} rows",
        "Correct the clocks of the source, or name another column with --start",
        "that interval: steps have no start",
    )
