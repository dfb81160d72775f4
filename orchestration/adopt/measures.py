"""What a candidate measures, as SQL of a KPI model over the process core.

One entry per template of `seeds/kpi_templates.csv`: which rows are its subjects, what
keeps a subject from counting, what counts on which day, and what its unit tests show.
Here: the measures. Not here: files and registers (`accept`), and how candidates are
found and scored (`models/discovery/`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from orchestration.adopt.plan import identifier
from orchestration.adopt.render.text import code_list
from orchestration.adopt.write import AdoptError
from orchestration.readers.base import quoted

CASES, STEPS, PATHS = "fct_process_instances", "fct_process_steps", "fct_process_paths"
ID = "process_instance_id"
# The example of all unit tests: a case of two hours, and the end of the data.
DAY, BEGUN, ENDED = "2026-03-02", "2026-03-02 12:00", "2026-03-02 14:00"
AS_OF = "2026-03-31 16:00"
Cells = Mapping[str, str]


@dataclass(frozen=True)
class Reason:
    """Why a subject does not count: SQL, and the case of a unit test it holds for.

    `case` are cells that differ from the example; `beside` those of the rows beside it,
    None where it has none. `day` is the one it is dated by, if not that of its start.
    """

    code: str
    condition: str
    state: str = "excluded"
    case: Cells = field(default_factory=dict)
    beside: Cells | None = field(default_factory=dict)
    day: str = ""


@dataclass(frozen=True)
class Shown:
    """A case of a unit test that counts, and its rows: subject, day, both parts."""

    name: str
    rows: Sequence[tuple[str, str, int, int]]
    case: Cells = field(default_factory=dict)
    beside: Cells | None = field(default_factory=dict)


@dataclass(frozen=True)
class Measure:
    """How one candidate is measured, as SQL over one row of its relation.

    `ctes` stand between the rows in scope and their reasons, which read the last one.
    A row that no reason holds for counts; what is open is dated on the last day known.
    `parts` name numerator and denominator in en and zh. `beside` is the table, apart
    from cases, that unit tests give rows of, with the cells of such a row.
    """

    name: str
    grain: str
    parts: tuple[str, str, str, str]
    numerator: str
    reasons: tuple[Reason, ...]
    shown: tuple[Shown, ...]
    day: str = "ended_on"
    denominator: str = "1"
    subject: str = ID
    segment: str = "segment_code"
    relation: str = CASES
    where: tuple[str, ...] = ()
    ctes: tuple[tuple[str, str], ...] = ()
    beside: tuple[str, Cells] | None = None
    # Rows of no case, which stand in every unit test.
    also: tuple[tuple[str, str, int, int], ...] = ()
    note: str = ""
    as_of: str = AS_OF


CANCELLED = Reason("cancelled", "is_cancelled", case={"is_cancelled": "true"})
OPEN = Reason(
    "not_ended_yet",
    "ended_at is null",
    "open",
    {"ended_at": "", "ended_on": "", "lead_elapsed_seconds": ""},
)
REVERSED = Reason(
    "reversed_clock",
    "ended_at < started_at",
    case={"ended_at": "2026-03-02 11:00", "lead_elapsed_seconds": ""},
)
NO_OUTCOME = Reason("no_outcome", "outcome_code is null", case={"outcome_code": ""})
ENDED_CASES = ("ended cases", "已结束实例")
_ENDED = "case, on the local day it ended; while open, on the last covered day"


@dataclass(frozen=True)
class Subject:
    """A candidate to be measured, the zone of its days and the process map.

    `places` are the numbers of the steps on the map, `approvals` those that approve.
    """

    candidate: Mapping[str, Any]
    process: str
    zone: str
    places: Mapping[str, str]
    approvals: Sequence[str]

    def __getitem__(self, name: str) -> Any:
        return self.candidate[name]

    def word(self, activity: str) -> str:
        """A step as a part of a model's name; what has no such word has its number."""
        number = f"step_{self.places.get(activity, '0')}"
        return identifier(activity, number) if activity.isascii() else number

    def codes(self, name: str) -> list[str]:
        """A list of codes of the candidate."""
        return json.loads(self.candidate[name] or "[]")

    def local(self, moment: str) -> date:
        """The local day of a UTC moment."""
        at = datetime.fromisoformat(moment).replace(tzinfo=UTC)
        return at.astimezone(ZoneInfo(self.zone)).date()

    def date_sql(self, moment: str) -> str:
        """SQL for the local day of a moment."""
        return f"""{{{{ local_date('{moment}', "'{self.zone}'") }}}}"""

    def covered_sql(self) -> str:
        """SQL for the last day that the data cover."""
        return f"""{{{{ last_covered_date('kpi_data_as_of', "'{self.zone}'") }}}}"""

    def covered(self, as_of: str = AS_OF) -> date:
        """That day in the unit tests."""
        before = datetime.fromisoformat(as_of) - timedelta(seconds=1)
        return self.local(before.isoformat())


def measure(subject: Subject) -> Measure:
    """The measure of a candidate; AdoptError if it makes no KPI model."""
    template, name = subject["template_code"], subject["candidate_id"]
    if template == "T15":
        raise AdoptError(
            f"{name}: no model can be made of template T15. The slowest tenth of two "
            f"periods is not the sum of theirs; accept {subject.process}.T01, whose "
            "observations have every lead time"
        )
    if template not in TEMPLATES:
        raise AdoptError(
            f"{name}: no model can be made of template {template}. Templates: "
            f"{', '.join(TEMPLATES)}; others with takt new kpi"
        )
    if template in {"T13", "T14"} and not subject.approvals:
        raise AdoptError(
            f"{name}: no step of {subject.process} is an approval any more. Set its "
            "kind to approval in seeds/process_steps.csv"
        )
    return TEMPLATES[template](subject)


def hit(condition: str) -> str:
    """One where a condition holds."""
    return f"case when {condition} then 1 else 0 end"


def listed(codes: Iterable[str], indent: int) -> str:
    """A list in SQL, one code per line."""
    return f"({code_list(list(codes), indent + 4)})"


def _case(
    name: str,
    numerator: str,
    reasons: Sequence[Reason],
    parts: tuple[str, str, str, str],
    found: tuple[int, int] = (1, 1),
    **more: Any,
) -> Measure:
    """A measure of whole cases; `found` are the parts of the example, `plain` the
    numerator of a case without rows beside it."""
    case, plain = more.pop("case", {}), more.pop("plain", None)
    shown = [Shown("done", [("done", DAY, *found)], case)]
    if plain is not None:
        shown.append(Shown("plain", [("plain", DAY, plain, 1)], case, None))
    made = Measure(name, _ENDED, parts, numerator, tuple(reasons), tuple(shown), **more)
    return replace(made, reasons=tuple(_with(one, case) for one in made.reasons))


def _with(reason: Reason, case: Cells) -> Reason:
    return replace(reason, case={**case, **reason.case})


def _covered(subject: Subject) -> tuple[str, str]:
    """The rows in scope with the last day that the data cover."""
    sql = f"    select\n        *,\n        {subject.covered_sql()} as covered_on\n"
    return "covered", f"{sql}    from scoped"


# ---------------------------------------------------------------- steps of a case


def _seen(
    subject: Subject,
    found: Mapping[str, str],
    *,
    relation: str = STEPS,
    where: Sequence[str] = (),
    join: str = "left",
) -> tuple[tuple[str, str], ...]:
    """What the steps (or paths) of each case show; `found` are names and SQL.

    With `join` inner, only cases that have such a step are subjects.
    """
    columns = ",\n".join(f"        {sql} as {name}" for name, sql in found.items())
    of_all = "state = 'completed'" if relation == STEPS else "path_kind = 'step'"
    conditions = "\n        and ".join(
        [f"process_code = '{subject.process}'", of_all, *where]
    )
    joined = ",\n".join(f"        seen.{name}" for name in found)
    return (
        (
            "seen",
            f"""\
    select
        process_instance_id,
{columns}
    from {{{{ ref('{relation}') }}}}
    where
        {conditions}
    group by process_instance_id""",
        ),
        (
            "known",
            f"""\
    select
        scoped.*,
{joined}
    from scoped
    {join} join seen
        on scoped.process_instance_id = seen.process_instance_id""",
        ),
    )


def _step(subject: Subject, activity: str, **cells: str) -> tuple[str, Cells]:
    row = {
        "process_code": subject.process,
        "event_id": "e1",
        "activity_code": activity,
        "state": "completed",
        "occurred_at": ENDED,
        "occurred_on": DAY,
        **cells,
    }
    return STEPS, row


def _hinted(subject: Subject) -> tuple[str, str, str]:
    """SQL for "is one of the candidate's steps", as a filter and within a case."""
    codes = subject.codes("activity_codes")
    return (
        f"activity_code in {listed(codes, 8)}",
        f"activity_code in {listed(codes, 20)}",
        codes[0],
    )


def _assigned(subject: Subject) -> Measure:
    _, within, first = _hinted(subject)
    sql = f"""\
min(
            case
                when
                    {within}
                    then occurred_at
            end
        )"""
    seconds = "{{ elapsed_seconds('started_at', 'assigned_at') }}"
    at, early = "2026-03-02 13:00", "2026-03-02 11:00"
    day = str(subject.local(at))
    made = _case(
        "time_to_assign",
        seconds,
        (
            replace(CANCELLED, day=day),
            Reason(
                "never_assigned",
                "assigned_at is null and ended_at is not null",
                beside=None,
            ),
            Reason("not_assigned_yet", "assigned_at is null", "open", OPEN.case, None),
            Reason(
                "reversed_clock",
                f"{seconds} < 0",
                beside={"occurred_at": early},
                day=str(subject.local(early)),
            ),
        ),
        ("seconds until it is assigned", "到首次分派的秒数", "cases", "实例"),
        day=subject.date_sql("assigned_at"),
        ctes=_seen(subject, {"assigned_at": sql}),
        beside=_step(subject, first, occurred_at=at),
    )
    return replace(
        made,
        grain="case, on the local day it is first assigned; while open, on the last "
        "covered day",
        shown=(Shown("done", [("done", day, 3600, 1)]),),
    )


def _first_time_right(subject: Subject) -> Measure:
    wrong = ["steps_redone > 0", "reopenings > 0"]
    if bad := subject.codes("outcome_codes"):
        wrong.append(f"outcome_code in {listed(bad, 8)}")
    any_of = "\n        or ".join(wrong)
    return _case(
        "first_time_right",
        f"case\n    when\n        {any_of}\n        then 0\n    else 1\nend",
        (CANCELLED, OPEN),
        ("cases without anything done again", "一次做对的实例", *ENDED_CASES),
        (0, 1),
        plain=1,
        case={"reopenings": "0", "outcome_code": ""},
        ctes=_seen(
            subject,
            {
                "steps_redone": "count(case when is_rework or kind = 'rework' "
                "then 1 end)"
            },
        ),
        beside=_step(subject, "check", is_rework="true", kind="work"),
    )


def _reworked(subject: Subject) -> Measure:
    activity = subject["from_activity_code"]
    return _case(
        f"{subject.word(activity)}_rework",
        hit("steps_redone > 0"),
        (CANCELLED, OPEN),
        ("cases in which it is done again", "返工的实例", *ENDED_CASES),
        ctes=_seen(
            subject,
            {"steps_redone": "count(case when is_rework then 1 end)"},
            where=[f"activity_code = {quoted(activity)}"],
            join="inner",
        ),
        beside=_step(subject, activity, is_rework="true"),
    )


def _assigned_right(subject: Subject) -> Measure:
    condition, _, first = _hinted(subject)
    return _case(
        "assigned_right",
        hit("assignments = 1"),
        (CANCELLED, OPEN),
        ("cases assigned once", "只分派一次的实例", "assigned cases", "已分派实例"),
        ctes=_seen(
            subject, {"assignments": "count(*)"}, where=[condition], join="inner"
        ),
        beside=_step(subject, first),
    )


def _returned(subject: Subject) -> Measure:
    change = f"{subject['handover_by']}_change"
    sql = f"""\
count(
            case
                when repetition_where = 'later' and {change} = 'handover' then 1
            end
        )"""
    return _case(
        "returned",
        hit("steps_returned > 0"),
        (CANCELLED, OPEN),
        ("cases in which a step came back", "往返的实例", *ENDED_CASES),
        plain=0,
        ctes=_seen(subject, {"steps_returned": sql}),
        beside=_step(
            subject, "check", repetition_where="later", **{change: "handover"}
        ),
    )


def _complete_at_entry(subject: Subject) -> Measure:
    condition, _, first = _hinted(subject)
    return _case(
        "complete_at_entry",
        "case when requests > 0 then 0 else 1 end",
        (CANCELLED, OPEN),
        ("cases of which nothing was asked", "无需补充信息的实例", *ENDED_CASES),
        (0, 1),
        plain=1,
        ctes=_seen(subject, {"requests": "count(*)"}, where=[condition]),
        beside=_step(subject, first),
    )


def _approval_time(subject: Subject) -> Measure:
    row = {
        "process_code": subject.process,
        "path_no": "2",
        "path_kind": "step",
        "is_after_end": "false",
        "to_activity_code": subject.approvals[0],
        "gap_elapsed_seconds": "600",
    }
    return _case(
        "approval_time",
        "approval_seconds",
        (CANCELLED, OPEN),
        ("seconds before approvals", "审批前后的秒数", "approved cases", "经审批实例"),
        (600, 1),
        ctes=_seen(
            subject,
            {"approval_seconds": "sum(gap_elapsed_seconds)"},
            relation=PATHS,
            where=[
                "not is_after_end",
                f"to_activity_code in {listed(subject.approvals, 8)}",
            ],
            join="inner",
        ),
        beside=(PATHS, row),
    )


def _rejected(subject: Subject) -> Measure:
    codes = subject.codes("outcome_codes")
    return _case(
        "rejected",
        _outcome_in(codes),
        (OPEN, NO_OUTCOME),
        ("rejected cases", "被驳回实例", "decided cases", "已审批实例"),
        case={"outcome_code": codes[0]},
        ctes=_seen(
            subject,
            {"approvals": "count(*)"},
            where=[f"activity_code in {listed(subject.approvals, 8)}"],
            join="inner",
        ),
        beside=_step(subject, subject.approvals[0]),
    )


def _outcome_in(codes: Sequence[str]) -> str:
    return (
        f"case\n    when\n        outcome_code in {listed(codes, 8)}\n"
        "        then 1\n    else 0\nend"
    )


def _automated(subject: Subject) -> Measure:
    sql = """\
count(
            case
                when resource_id = 'system' or starts_with(resource_id, 'system:')
                    then 1
            end
        )"""
    return _case(
        "automated",
        "system_steps",
        (
            CANCELLED,
            OPEN,
            Reason("no_resource", "coalesce(known_steps, 0) = 0", beside=None),
        ),
        (
            "steps of systems",
            "系统完成的环节",
            "steps of known resources",
            "已知资源环节",
        ),
        ctes=_seen(subject, {"system_steps": sql, "known_steps": "count(resource_id)"}),
        denominator="known_steps",
        beside=_step(subject, "check", resource_id="system"),
    )


# ---------------------------------------------------------------- cases alone


def _lead_time(subject: Subject) -> Measure:
    return _case(
        "lead_time",
        "lead_elapsed_seconds",
        (CANCELLED, OPEN, REVERSED),
        ("seconds from start to end", "从开始到结束的秒数", *ENDED_CASES),
        (7200, 1),
        case={"lead_elapsed_seconds": "7200"},
    )


def _on_time(subject: Subject) -> Measure:
    day, later = "2026-03-02 20:00", "2026-04-02 20:00"
    on = str(subject.local(day))
    made = _case(
        "on_time",
        hit("ended_at <= due_at"),
        (
            replace(CANCELLED, day=on),
            Reason(
                "not_due_yet",
                "due_at > kpi_data_as_of",
                "undecided",
                {"due_at": later},
                day=str(subject.local(later)),
            ),
        ),
        ("cases ended by then", "按期结束的实例", "cases due", "到期实例"),
        day=subject.date_sql("due_at"),
        where=("subjects.due_at is not null",),
        case={"due_at": day},
    )
    due = {"due_at": day}
    late = {**due, "ended_at": "", "ended_on": ""}
    return replace(
        made,
        grain="case, on the local day it is due",
        shown=(
            Shown("done", [("done", on, 1, 1)], due),
            Shown("late", [("late", on, 0, 1)], late),
        ),
    )


def _same_day(subject: Subject) -> Measure:
    running = str(subject.covered() + timedelta(days=1))
    made = _case(
        "same_day",
        hit("ended_on = started_on"),
        (
            CANCELLED,
            Reason(
                "day_not_over",
                "started_on > covered_on",
                "undecided",
                {"started_on": running, "ended_on": ""},
            ),
        ),
        ("cases ended on that day", "当日结束的实例", "cases", "实例"),
        day="started_on",
        ctes=(_covered(subject),),
    )
    return replace(
        made,
        grain="case, on the local day it started",
        shown=(*made.shown, Shown("later", [("later", DAY, 0, 1)], OPEN.case)),
    )


def _handovers(subject: Subject) -> Measure:
    column = f"{subject['handover_by']}_handovers"
    return _case(
        "handovers",
        column,
        (CANCELLED, OPEN),
        ("handovers", "转手次数", *ENDED_CASES),
        (2, 1),
        case={column: "2"},
    )


def _flow_efficiency(subject: Subject) -> Measure:
    clocks = {"processing_elapsed_seconds": "1800", "sojourn_elapsed_seconds": "7200"}
    unknown = {"processing_elapsed_seconds": ""}
    return _case(
        "flow_efficiency",
        "processing_elapsed_seconds",
        (
            CANCELLED,
            OPEN,
            Reason("no_start", "processing_elapsed_seconds is null", case=unknown),
        ),
        (
            "seconds of work",
            "处理秒数",
            "seconds from first to last step",
            "总历时秒数",
        ),
        (1800, 7200),
        denominator="sojourn_elapsed_seconds",
        case=clocks,
    )


def _score(subject: Subject) -> Measure:
    return _case(
        "satisfaction",
        "round(100 * score)",
        (CANCELLED, OPEN, Reason("no_score", "score is null", case={"score": ""})),
        ("hundredths of points", "评分×100", "answers", "评价数"),
        (450, 1),
        case={"score": "4.5"},
    )


def _failed(subject: Subject) -> Measure:
    codes = subject.codes("outcome_codes")
    return _case(
        "failure",
        _outcome_in(codes),
        (CANCELLED, OPEN, NO_OUTCOME),
        ("cases that ended badly", "结果不良的实例", *ENDED_CASES),
        case={"outcome_code": codes[0]},
    )


def _cancelled(subject: Subject) -> Measure:
    made = _case(
        "cancelled",
        hit("is_cancelled"),
        (OPEN,),
        ("cancelled cases", "已取消实例", *ENDED_CASES),
        (0, 1),
    )
    called_off = Shown("off", [("off", DAY, 1, 1)], {"is_cancelled": "true"})
    return replace(made, shown=(*made.shown, called_off))


def _cost(subject: Subject) -> Measure:
    return _case(
        "cost",
        "cost_cents",
        (
            CANCELLED,
            OPEN,
            Reason("no_cost", "cost_cents is null", case={"cost_cents": ""}),
        ),
        ("cents", "分", *ENDED_CASES),
        (1250, 1),
        case={"cost_cents": "1250"},
    )


def _repeated(subject: Subject) -> Measure:
    seconds = 86400 * int(subject["window_days"])
    moments = """\
    select
        process_instance_id,
        requester_id,
        started_at as moment,
        true as is_start
    from scoped
    where requester_id is not null
    union all
    select
        process_instance_id,
        requester_id,
        ended_at as moment,
        false as is_start
    from scoped
    where requester_id is not null and ended_at is not null and not is_cancelled"""
    followed = """\
    select
        process_instance_id,
        is_start,
        min(case when is_start then moment end) over (
            partition by requester_id
            -- What starts in the second of an end has not come back after it.
            order by moment, case when is_start then 0 else 1 end, process_instance_id
            rows between 1 following and unbounded following
        ) as next_started_at
    from moments"""
    known = f"""\
    select
        scoped.*,
        followed.next_started_at,
        {{{{ add_seconds('scoped.ended_at', '{seconds}') }}}} as window_ends_at
    from scoped
    left join followed
        on scoped.process_instance_id = followed.process_instance_id
        and not followed.is_start"""
    late = {"ended_at": "2026-03-31 12:00", "ended_on": "2026-03-31"}
    made = _case(
        "repeat",
        hit("next_started_at <= window_ends_at"),
        (
            CANCELLED,
            OPEN,
            Reason(
                "unknown_requester", "requester_id is null", case={"requester_id": ""}
            ),
            # Also where a repeat is known already: early ones would bias the share.
            Reason(
                "window_running",
                "window_ends_at > kpi_data_as_of",
                "undecided",
                {**late, "requester_id": "other"},
                day="2026-03-31",
            ),
        ),
        ("cases followed by another", "窗口期内再次发生的实例", *ENDED_CASES),
        case={"requester_id": "them"},
        ctes=(("moments", moments), ("followed", followed), ("known", known)),
        as_of="2026-04-08 16:00",
    )
    # Nobody but the example's requester comes back, and only after its end.
    alone = [
        replace(r, case={"requester_id": r.code, **r.case}) for r in (OPEN, CANCELLED)
    ]
    by_code = {r.code: r for r in alone}
    again = {
        "requester_id": "them",
        "started_at": "2026-03-04 12:00",
        "ended_at": "2026-03-05 12:00",
        "ended_on": "2026-03-05",
    }
    return replace(
        made,
        reasons=tuple(by_code.get(r.code, r) for r in made.reasons),
        shown=(*made.shown, Shown("again", [("again", "2026-03-05", 0, 1)], again)),
    )


# ---------------------------------------------------------------- moves and steps


def _waiting(subject: Subject) -> Measure:
    before, after = subject["from_activity_code"], subject["to_activity_code"]
    clock = f"{subject['path_clock']}_elapsed_seconds"
    row = {
        "process_code": subject.process,
        "path_no": "2",
        "path_kind": "step",
        "is_after_end": "false",
        "from_activity_code": before,
        "to_activity_code": after,
        "moved_on": DAY,
        clock: "3600",
    }
    return Measure(
        f"{subject.word(before)}_to_{subject.word(after)}_{subject['path_clock']}",
        "move from one step to the next, on its local day",
        ("seconds between the two steps", "两环节间的秒数", "moves", "流转次数"),
        clock,
        (Reason("no_start", f"{clock} is null", beside={clock: ""}),),
        (Shown("done", [("done/2", DAY, 3600, 1)]),),
        day="moved_on",
        subject=f"{ID} || '/' || cast(path_no as varchar)",
        relation=PATHS,
        where=(
            "subjects.path_kind = 'step'",
            "not subjects.is_after_end",
            f"subjects.from_activity_code = {quoted(before)}",
            f"subjects.to_activity_code = {quoted(after)}",
        ),
        beside=(PATHS, row),
    )


def _work_time(subject: Subject) -> Measure:
    activity = subject["from_activity_code"]
    clock = "service_elapsed_seconds"
    return Measure(
        f"{subject.word(activity)}_work",
        "completed step, on its local day",
        ("seconds of work", "处理秒数", "completed steps", "完成的环节次数"),
        clock,
        (Reason("no_start", f"{clock} is null", beside={clock: ""}),),
        (Shown("done", [("e1", DAY, 3600, 1)]),),
        day="occurred_on",
        subject="event_id",
        relation=STEPS,
        where=(
            "subjects.state = 'completed'",
            f"subjects.activity_code = {quoted(activity)}",
        ),
        beside=_step(subject, activity, **{clock: "3600"}),
    )


# ---------------------------------------------------------------- days and periods


def _throughput(subject: Subject) -> Measure:
    grain = subject["period_grain"]
    day, _, last = _period(grain)
    as_of = f"{last + timedelta(days=1)} 16:00"
    log = """\
    select
        kpi_data_as_of,
        covered_on,
        min(started_on) as first_on
    from covered
    group by kpi_data_as_of, covered_on"""
    days = """\
    select
        *,
        {{ each_date('first_on', 'covered_on') }} as local_date
    from whole_log"""
    periods = f"""\
    -- A period that began before the log, or is not over, is not like the others.
    select distinct
        kpi_data_as_of,
        {{{{ period_end('{grain}', 'local_date') }}}} as next_on
    from days
    where
        {{{{ period_start('{grain}', 'local_date') }}}} >= first_on
        and {{{{ period_end('{grain}', 'local_date') }}}}
        <= {{{{ add_days('covered_on', 1) }}}}"""
    counted = f"""\
    select
        process_instance_id as subject_id,
        is_cancelled,
        started_on,
        ended_at,
        ended_on,
        1 as ended_cases,
        0 as periods,
        kpi_data_as_of
    from scoped
    union all
    select
        '{grain} ' || cast({{{{ add_days('next_on', -1) }}}} as varchar) as subject_id,
        false as is_cancelled,
        {{{{ add_days('next_on', -1) }}}} as started_on,
        kpi_data_as_of as ended_at,
        {{{{ add_days('next_on', -1) }}}} as ended_on,
        0 as ended_cases,
        1 as periods,
        kpi_data_as_of
    from periods"""
    rows = []
    end = last
    while end <= subject.covered(as_of):
        rows.append((f"{grain} {end}", str(end), 0, 1))
        end = _last_of(grain, end + timedelta(days=1))
    moved = {"started_on": str(day), "ended_on": str(day)}
    return Measure(
        "throughput",
        f"case, on the local day it ended, and one per whole {grain}, on its last day",
        ("ended cases", "已结束实例", f"whole {grain}s", "完整周期数"),
        "ended_cases",
        (
            replace(CANCELLED, case={**moved, "is_cancelled": "true"}),
            replace(OPEN, case={**OPEN.case, "started_on": str(day)}),
        ),
        (Shown("done", [("done", str(day), 1, 0)], moved),),
        denominator="periods",
        also=tuple(rows),
        subject="subject_id",
        # A period is one of all cases; it belongs to none of their segments.
        segment=f"'{subject.process}'",
        ctes=(
            _covered(subject),
            ("whole_log", log),
            ("days", days),
            ("periods", periods),
            ("counted", counted),
        ),
        note=f"Cases per {grain}; a longer period shows the mean of its {grain}s.",
        as_of=as_of,
    )


def _overdue(subject: Subject) -> Measure:
    grain, seconds = subject["period_grain"], int(subject["threshold_seconds"])
    _, _, last = _period(grain)
    each = """\
    select
        *,
        {{ each_date(
            'started_on',
            'coalesce(' ~ add_days('ended_on', -1) ~ ', covered_on)'
        ) }} as present_on
    from covered"""
    present = f"""\
    -- What is there at the end of the last day of a {grain}.
    select
        *,
        {{{{ local_date(
            add_seconds('started_at', '{seconds}'), "'{subject.zone}'"
        ) }}}} as slow_on
    from each_day
    where
        {{{{ period_end('{grain}', 'present_on') }}}}
        = {{{{ add_days('present_on', 1) }}}}"""
    there = {"started_on": str(last), "ended_on": str(last + timedelta(days=1))}
    old = {**there, "started_at": "2020-03-02 12:00"}
    young = {**there, "started_at": "2026-03-31 12:00", "ended_at": "2026-03-31 13:00"}
    return Measure(
        "overdue_open",
        f"case open at the end of a {grain}, on its last day",
        ("cases older than that", "超期在办实例", "open cases", "在办实例"),
        hit("slow_on <= present_on"),
        (replace(CANCELLED, case={**old, "is_cancelled": "true"}),),
        (
            Shown("old", [(f"old/{last}", str(last), 1, 1)], old),
            Shown("young", [(f"young/{last}", str(last), 0, 1)], young),
        ),
        day="present_on",
        subject=f"{ID} || '/' || cast(present_on as varchar)",
        ctes=(_covered(subject), ("each_day", each), ("present", present)),
        note=f"Overdue from {seconds:,} seconds on, the 85th percentile of lead times "
        f"when it was accepted. A longer period weighs the ends of all its {grain}s.",
    )


def _follow_ups(subject: Subject) -> Measure:
    codes = subject.codes("activity_codes")
    turns = f"""\
    select
        process_instance_id,
        {{{{ each_date('started_on', 'coalesce(ended_on, covered_on)') }}}}
            as turned_on,
        0 as follow_ups,
        1 as open_days
    from covered
    union all
    select
        process_instance_id,
        occurred_on as turned_on,
        1 as follow_ups,
        0 as open_days
    from {{{{ ref('{STEPS}') }}}}
    where
        process_code = '{subject.process}'
        and state = 'completed'
        and activity_code in {listed(codes, 8)}"""
    daily = """\
    select
        scoped.process_instance_id,
        scoped.segment_code,
        scoped.is_cancelled,
        scoped.started_on,
        scoped.kpi_data_as_of,
        turns.turned_on,
        sum(turns.follow_ups) as follow_ups,
        sum(turns.open_days) as open_days
    from scoped
    inner join turns
        on scoped.process_instance_id = turns.process_instance_id
    group by
        scoped.process_instance_id,
        scoped.segment_code,
        scoped.is_cancelled,
        scoped.started_on,
        scoped.kpi_data_as_of,
        turns.turned_on"""
    last = str(subject.covered())
    waiting = {**OPEN.case, "started_on": last}
    return Measure(
        "follow_ups",
        "case and day open or followed up",
        ("follow-ups", "跟进次数", "days on which a case is open", "在办天数"),
        "follow_ups",
        (CANCELLED,),
        (
            Shown("done", [(f"done/{DAY}", DAY, 1, 1)]),
            Shown("open", [(f"open/{last}", last, 0, 1)], waiting, None),
        ),
        day="turned_on",
        denominator="open_days",
        subject=f"{ID} || '/' || cast(turned_on as varchar)",
        ctes=(_covered(subject), ("turns", turns), ("daily", daily)),
        beside=_step(subject, codes[0]),
    )


def _period(grain: str) -> tuple[date, str, date]:
    """First day, grain and last day of the period of 2 March 2026."""
    day = date.fromisoformat(DAY)
    first = {
        "day": day,
        "week": day - timedelta(days=day.weekday()),
        "month": day.replace(day=1),
        "quarter": date(2026, 1, 1),
    }[grain]
    return first, grain, _last_of(grain, day)


def _last_of(grain: str, day: date) -> date:
    """The last day of the period that a day is in."""
    if grain == "day":
        return day
    if grain == "week":
        return day + timedelta(days=6 - day.weekday())
    month = day.month if grain == "month" else 3 * ((day.month + 2) // 3)
    after = date(day.year + month // 12, month % 12 + 1, 1)
    return after - timedelta(days=1)


# T15, the slowest tenth, is a percentile: it adds up over nothing.
TEMPLATES: dict[str, Callable[[Subject], Measure]] = {
    "T01": _lead_time,
    "T02": _waiting,
    "T03": _work_time,
    "T04": _assigned,
    "T05": _on_time,
    "T06": _same_day,
    "T07": _first_time_right,
    "T08": _reworked,
    "T09": _assigned_right,
    "T10": _handovers,
    "T11": _returned,
    "T12": _complete_at_entry,
    "T13": _approval_time,
    "T14": _rejected,
    "T16": _overdue,
    "T17": _flow_efficiency,
    "T18": _automated,
    "T19": _repeated,
    "T20": _score,
    "T21": _failed,
    "T22": _throughput,
    "T23": _cancelled,
    "T24": _cost,
    "T25": _follow_ups,
}
