"""Which column of a log plays which part, with the evidence and the runner-up.

A name is a hint, the data decide: a case groups several rows and one kind of time, an
activity changes within cases and is shared between them, a time that is the same on
all rows of a case and later than they are was written afterwards. What a person has
said is taken as said. Here: proposals. Not here: what is refused (`refuse`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from orchestration.adopt.profile import Facts, Log, instant

NONE = "none"
# Parts beside case, activity and time; most are taken only where a person says so.
SAID_ALONE = ("resource", "org_unit", "due", "outcome", "requester", "segment")
SAID_ALONE += ("score", "cost")
ACTIVITIES = (2, 250)
# Two proposals whose scores are nearer than this are rivals: a person decides.
RIVAL = 0.25
SAMPLED_ROWS = 500_000
CASES_TRIED = 8
_LIFECYCLE = (
    "assign ate_abort autoskip complete manualskip pi_abort reassign resume schedule "
    "start suspend unknown withdraw"
)
STANDARD_LIFECYCLE = frozenset(_LIFECYCLE.split())

_WORDS: dict[str, str] = {
    "case": "case caseid trace instance ticket incident number no id key order request "
    "complaint application claim 单号 编号 工单 案件 流水号",
    "activity": "activity event task step action concept 活动 环节 步骤 事件 操作 节点",
    "state": "state status stage milestone phase 状态 阶段",
    "time": "timestamp time complete completed completion end ended finished updated "
    "occurred 时间 完成 结束",
    "start": "start started begin began 开始",
    "lifecycle": "lifecycle transition",
    "resource": "resource user agent operator employee assigned assignee worker "
    "clerk handler performer performed staff 处理人 操作人 经办人 负责人 人员 员工",
    "org_unit": "group department dept team unit org 部门 小组 班组 科室 机构",
    "due": "due deadline sla promised target required planned estimated scheduled "
    "期限 截止 承诺 应完成",
    "outcome": "outcome result resolution verdict 结果 结论",
    "requester": "caller requester requestor customer client applicant reporter "
    "申请人 客户 来电人 提出人",
    "person": "by user clerk agent caller assigned assignee employee operator handler "
    "customer client creator responsible owner requester requestor applicant reporter "
    "resource worker staff performer 处理人 操作人 经办人 负责人 申请人 客户 员工 "
    "提出人",
    "private": "name mail email phone tel mobile fax address street comment comments "
    "remark remarks note notes description text message 姓名 邮箱 电话 手机 地址 "
    "备注 说明 内容 描述",
}
FREE_TEXT = 40


@dataclass(frozen=True)
class Wishes:
    """What a person has said; None is left to the proposal, `none` leaves it out."""

    case: str | None = None
    activity: tuple[str, ...] = ()
    timestamp: str | None = None
    timezone: str | None = None
    end: tuple[str, ...] = ()
    start: str | None = None
    lifecycle: str | None = None
    resource: str | None = None
    org_unit: str | None = None
    due: str | None = None
    outcome: str | None = None
    requester: str | None = None
    segment: str | None = None
    score: str | None = None
    cost: str | None = None
    cancelled: tuple[str, ...] = ()
    timestamp_format: tuple[str, ...] = ()
    milestones: tuple[tuple[str, str], ...] = ()
    duplicates: str | None = None


@dataclass(frozen=True)
class Choice:
    """One part: who plays it, why, and who comes next; `rival` leaves it open."""

    part: str
    value: tuple[str, ...]
    evidence: str
    runner_up: str = ""
    rival: bool = False
    said: bool = False


@dataclass(frozen=True)
class Within:
    """What a case column makes of the other columns.

    `constant` is, by column, the share of cases of several rows in which it has one
    value at most.
    """

    header: str
    rows: int
    cases: int
    several: int
    constant: dict[str, float]


@dataclass
class Proposal:
    """All choices, and what was seen on the way."""

    choices: dict[str, Choice] = field(default_factory=dict)
    within: Within | None = None
    leaking: dict[str, int] = field(default_factory=dict)
    single_moment: str = ""

    def value(self, part: str) -> str | None:
        """The one column of a part; None if nobody plays it."""
        choice = self.choices.get(part)
        return choice.value[0] if choice and choice.value else None

    def values(self, part: str) -> tuple[str, ...]:
        """All columns of a part."""
        choice = self.choices.get(part)
        return choice.value if choice else ()

    def open_parts(self) -> list[Choice]:
        """Choices that a person has to make."""
        return [one for one in self.choices.values() if one.rival and not one.said]


def hints(header: str, part: str) -> bool:
    """Whether a header has a word of the part."""
    return bool(_tokens(header) & _wanted(part)) or any(
        word in header for word in _wanted(part) if not word.isascii()
    )


def _tokens(header: str) -> set[str]:
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", header)
    return set(re.split(r"[^a-z0-9]+", spaced.lower()))


def _wanted(part: str) -> set[str]:
    return set(_WORDS[part].split())


def personal(column: Facts) -> str:
    """keep, hash or drop: whom a column that plays no part says something about."""
    if column.times is not None or (column.numbers > 0.95 and not column.phones):
        return "hash" if hints(column.header, "person") and not column.times else "keep"
    if column.mails > 0.3 or column.phones > 0.3 or hints(column.header, "private"):
        return "drop"
    if hints(column.header, "person"):
        return "hash"
    if column.length > FREE_TEXT and column.distinct > 0.3 * max(1, column.filled):
        return "drop"
    return "keep"


# ---------------------------------------------------------------- cases


def within(log: Log, case: Facts) -> Within:
    """Group by a column; large logs by a sample of its values."""
    others = [one for one in log.columns if one.at != case.at]
    parts = "".join(
        f", count(*) filter (where n > 1 and a{one.at} is not distinct from z{one.at})"
        for one in others
    )
    ends = "".join(
        f", min({one.sql}) as a{one.at}, max({one.sql}) as z{one.at}" for one in others
    )
    sample = max(1, log.rows // SAMPLED_ROWS)
    rows, cases, several, *constant = log.one(
        f"""
        select coalesce(sum(n), 0), count(*), count(*) filter (where n > 1){parts}
        from (
            select {case.sql}, count(*) as n{ends} from cells
            where {case.sql} is not null and hash({case.sql}) % {sample} = 0
            group by 1
        )
        """
    )
    shares = {
        one.header: count / several if several else 1.0
        for one, count in zip(others, constant, strict=True)
    }
    return Within(case.header, int(rows), cases, several, shares)


def propose(log: Log, wishes: Wishes) -> Proposal:
    """Every part that the data or a person fill."""
    found = Proposal()
    _propose_case(log, wishes, found)
    if wishes.milestones:
        _said(found, "milestone", [column for _, column in wishes.milestones])
    elif found.within is not None:
        _propose_times(log, wishes, found)
        _propose_activity(log, wishes, found)
    if found.within is not None:
        _propose_rest(log, wishes, found)
    return found


def _said(found: Proposal, part: str, headers: Sequence[str]) -> None:
    value = tuple(one for one in headers if one != NONE)
    found.choices[part] = Choice(part, value, "as said", said=True)


def _propose_case(log: Log, wishes: Wishes, found: Proposal) -> None:
    if wishes.case:
        _said(found, "case", [wishes.case])
        column = log.named(wishes.case)
        found.within = within(log, column) if column else None
        return
    if wishes.milestones:
        keys = [one for one in log.columns if not one.nulls and _is_key(log, one)]
        keys.sort(key=lambda one: (not hints(one.header, "case"), one.at))
        if keys:
            runner = f"{keys[1].header} is unique as well" if keys[1:] else ""
            evidence = f"no nulls, one row each ({log.rows:,})"
            found.choices["case"] = Choice("case", (keys[0].header,), evidence, runner)
            found.within = within(log, keys[0])
        return
    candidates = [
        one
        for one in log.columns
        if not one.nulls and one.times is None and 2 <= one.distinct <= 0.9 * one.rows
    ]
    candidates.sort(key=lambda one: (not _is_case_word(one.header), -one.distinct))
    scored = []
    for column in candidates[:CASES_TRIED]:
        groups = within(log, column)
        if groups.several < 0.3 * groups.cases:
            continue
        moving = [one for one in _timed(log) if groups.constant[one.header] <= 0.5]
        if not moving:
            if _is_case_word(column.header) and _timed(log):
                found.single_moment = found.single_moment or column.header
            continue
        steps = [one for one in _changing(log, groups) if one.header != column.header]
        if not steps:
            continue
        constant = _constant_share(log, groups, steps)
        named = _is_case_word(column.header)
        if named or constant >= 0.5:
            scored.append((constant + named, constant, column, groups))
    if not scored:
        return
    scored.sort(key=lambda one: -one[0])
    score, constant, column, groups = scored[0]
    runner, rival = "", False
    if scored[1:]:
        runner = f"{scored[1][2].header}: {_groups(scored[1][3], scored[1][1])}"
        rival = scored[1][0] > score - RIVAL and not _same(log, column, scored[1][2])
    found.within = groups
    found.choices["case"] = Choice(
        "case", (column.header,), _groups(groups, constant), runner, rival
    )


def _is_case_word(header: str) -> bool:
    others = ("person", "resource", "requester", "org_unit", "activity", "lifecycle")
    if header in {"case:concept:name", "Case ID", "case_id"}:
        return True
    # Attributes of a case carry the word in front of their own name.
    header = re.sub(r"^\(?case\)?:? ?(?=.)", "", header)
    return hints(header, "case") and not any(hints(header, one) for one in others)


def _is_key(log: Log, column: Facts) -> bool:
    if column.distinct < 0.9 * log.rows:
        return False
    (distinct,) = log.one(f"select count(distinct {column.sql}) from cells")
    return bool(distinct == log.rows)


def _timed(log: Log) -> list[Facts]:
    return [one for one in log.columns if one.times is not None]


def _changing(log: Log, groups: Within) -> list[Facts]:
    """Columns that could be the activity: some values, changing within cases."""
    least, most = ACTIVITIES
    return [
        one
        for one in log.columns
        if one.times is None
        and least <= one.distinct <= most
        and one.numbers < 0.5
        and one.nulls <= 0.01 * one.rows
        and groups.constant.get(one.header, 1.0) <= 0.5
        and not hints(one.header, "lifecycle")
    ]


def _constant_share(log: Log, groups: Within, steps: list[Facts]) -> float:
    left_out = {steps[0].header, *(one.header for one in _timed(log))}
    shares = [
        share
        for header, share in groups.constant.items()
        if header not in left_out and log.named(header).distinct > 1  # type: ignore[union-attr]
    ]
    return sum(shares) / len(shares) if shares else 0.5


def _groups(groups: Within, constant: float) -> str:
    return (
        f"no nulls, {groups.cases:,} values of {groups.rows / groups.cases:.1f} rows, "
        f"other columns constant in {constant:.0%}"
    )


def _same(log: Log, one: Facts, other: Facts) -> bool:
    (differ,) = log.one(
        f"select count(*) from (select {one.sql} from cells group by {one.sql} "
        f"having count(distinct {other.sql}) > 1)"
    )
    return not differ and abs(one.distinct - other.distinct) <= 0.05 * one.distinct


# ---------------------------------------------------------------- times


def _propose_times(log: Log, wishes: Wishes, found: Proposal) -> None:
    groups = found.within
    assert groups is not None
    moving = [one for one in _timed(log) if groups.constant.get(one.header, 1) <= 0.5]
    scored = sorted(
        ((_time_score(one, groups), one) for one in moving),
        key=lambda pair: (-pair[0], pair[1].at),
    )
    start = None
    if wishes.timestamp:
        _said(found, "timestamp", [wishes.timestamp])
    elif scored:
        score, best = scored[0]
        share = 1 - groups.constant[best.header]
        evidence = f"{_format_words(best)}; changes in {share:.0%} of cases"
        rest = (
            [pair for pair in scored[1:] if not _before(log, pair[1], best)]
            if len(scored) > 1
            else []
        )
        runner = f"{scored[1][1].header}" if scored[1:] else ""
        rival = bool(rest) and rest[0][0] > score - RIVAL
        found.choices["timestamp"] = Choice(
            "timestamp", (best.header,), evidence, runner, rival
        )
    end = log.named(found.value("timestamp") or "")
    if wishes.start:
        _said(found, "start", [wishes.start])
    elif end is not None:
        starts = [
            one
            for one in moving
            if one.at != end.at
            and (hints(one.header, "start") or _before(log, one, end))
        ]
        start = starts[0] if starts else None
        if start is not None:
            found.choices["start"] = Choice(
                "start", (start.header,), f"not after {end.header} in 95 % of rows"
            )
    if end is not None:
        _find_leaks(log, found, end)


def _time_score(column: Facts, groups: Within) -> float:
    score = 1 - groups.constant[column.header]
    score += 1.0 * (hints(column.header, "time") and not hints(column.header, "start"))
    score -= 0.5 * hints(column.header, "start")
    score -= 1.0 * hints(column.header, "due")
    return score


def _format_words(column: Facts) -> str:
    assert column.times is not None
    formats = ", ".join(column.times.formats) or "ISO 8601"
    proof = f" ({column.times.proof})" if column.times.proof else ""
    return f"{formats} reads {column.times.reads:.1%}{proof}"


def _before(log: Log, one: Facts, other: Facts) -> bool:
    """Whether one time is hardly ever after another of its row, and often before."""
    early, late = instant(one), instant(other)
    (share, earlier) = log.one(
        f"select avg(({early} <= {late})::int), avg(({early} < {late})::int) from cells"
    )
    return bool(share and share >= 0.95 and earlier >= 0.05)


def _find_leaks(log: Log, found: Proposal, end: Facts) -> None:
    """Times that are one per case and later than the row they stand on."""
    groups = found.within
    assert groups is not None
    if end.times is None:
        return
    case = log.named(groups.header)
    assert case is not None
    for column in _timed(log):
        if column.at == end.at or groups.constant.get(column.header, 0) < 0.9:
            continue
        (later,) = log.one(
            f"""
            select count(*) from cells
            where {instant(column)} > {instant(end)} + interval 1 second
            """
        )
        if later > 0.2 * column.filled and not hints(column.header, "due"):
            found.leaking[column.header] = later


# ---------------------------------------------------------------- activity


def _propose_activity(log: Log, wishes: Wishes, found: Proposal) -> None:
    groups = found.within
    assert groups is not None
    lifecycle = _lifecycle(log, wishes, found)
    if wishes.activity:
        _said(found, "activity", wishes.activity)
        return
    classifier = log.layout.classifier
    named = [log.named(key) for key in classifier]
    if classifier and all(named):
        keys = classifier
        if lifecycle and lifecycle in keys:
            keys = tuple(key for key in keys if key != lifecycle)
        values = [f"{one.distinct} values of {one.header}" for one in named if one]
        found.choices["activity"] = Choice(
            "activity", keys, f"classifier of the log; {', '.join(values)}"
        )
        return
    scored = sorted(
        (
            (_activity_score(one, groups), one)
            for one in _changing(log, groups)
            if one.header not in {groups.header, lifecycle}
        ),
        key=lambda pair: (-pair[0], pair[1].at),
    )
    if not scored:
        return
    score, best = scored[0]
    others = [pair for pair in scored[1:] if not _same(log, best, pair[1])]
    runner = ""
    if others:
        runner = f"{others[0][1].header}: {_changes(others[0][1], groups)}"
    rival = bool(others) and others[0][0] > score - RIVAL
    found.choices["activity"] = Choice(
        "activity", (best.header,), _changes(best, groups), runner, rival
    )


def _changes(column: Facts, groups: Within) -> str:
    share = 1 - groups.constant[column.header]
    return f"{column.distinct} values, changing in {share:.0%} of cases"


def _activity_score(column: Facts, groups: Within) -> float:
    score = 1 - groups.constant[column.header]
    if column.header == "concept:name":
        score += 2.5
    elif hints(column.header, "activity"):
        score += 2.8 if column.header.lower() == "activity" else 2.0
    elif hints(column.header, "state"):
        score += 1.5
    if hints(column.header, "person") or hints(column.header, "org_unit"):
        score -= 1.0
    return score


def _lifecycle(log: Log, wishes: Wishes, found: Proposal) -> str | None:
    if wishes.lifecycle:
        _said(found, "lifecycle", [wishes.lifecycle])
        return found.value("lifecycle")
    for column in log.columns:
        if not hints(column.header, "lifecycle") or not 2 <= column.distinct <= 20:
            continue
        values = {value.lower() for value in values_of(log, [column])}
        if values <= STANDARD_LIFECYCLE and {"start", "complete"} <= values:
            found.choices["lifecycle"] = Choice(
                "lifecycle", (column.header,), f"has {', '.join(sorted(values))}"
            )
            return column.header
    return None


def values_of(log: Log, columns: Iterable[Facts]) -> list[str]:
    """The values of one column, or of several joined, most frequent first."""
    joined = " || ' / ' || ".join(f"coalesce({one.sql}, '')" for one in columns)
    rows = log.connection.execute(
        f"select {joined} as value from cells group by 1 order by count(*) desc, 1"
    ).fetchall()
    return [value for (value,) in rows if value]


# ---------------------------------------------------------------- the rest


def _propose_rest(log: Log, wishes: Wishes, found: Proposal) -> None:
    groups = found.within
    assert groups is not None
    taken = {header for one in found.choices.values() for header in one.value}
    for part in SAID_ALONE:
        said = getattr(wishes, part)
        if said:
            _said(found, part, [said])
            taken.add(said)
    for part in ("due", "requester", "org_unit", "resource"):
        if part in found.choices:
            continue
        fits = [
            one
            for one in log.columns
            if one.header not in taken
            and one.header not in found.leaking
            and hints(one.header, part)
            and _fits(one, part, groups)
        ]
        fits.sort(key=lambda one: (_rank(one, part), one.nulls, one.at))
        if fits:
            best = fits[0]
            runner = fits[1].header if fits[1:] else ""
            found.choices[part] = Choice(
                part, (best.header,), _why(best, part, groups), runner
            )
            taken.add(best.header)


def _fits(column: Facts, part: str, groups: Within) -> bool:
    constant = groups.constant.get(column.header, 1.0)
    if part == "due":
        return column.times is not None and constant >= 0.9
    if column.times is not None or column.distinct < 2:
        return False
    if part == "requester":
        return constant >= 0.9 and column.distinct > 2
    if part == "org_unit":
        is_person = hints(column.header, "resource")
        return not is_person and column.distinct <= 500 and constant < 0.95
    return constant < 0.95


def _rank(column: Facts, part: str) -> int:
    standard = {"resource": "org:resource", "org_unit": "org:group"}
    if column.header == standard.get(part):
        return 0
    exact = part.replace("_", " ") in column.header.lower()
    return 1 if exact else 2


def _why(column: Facts, part: str, groups: Within) -> str:
    constant = groups.constant.get(column.header, 1.0)
    filled = column.filled / column.rows
    if part in {"due", "requester"}:
        return f"its name; one value in {constant:.0%} of cases, filled in {filled:.0%}"
    return (
        f"its name; {column.distinct} values, changing in {1 - constant:.0%} of cases, "
        f"filled in {filled:.0%}"
    )


def decided(found: Proposal, part: str, value: Sequence[str]) -> None:
    """Take what a person chose on the terminal."""
    old = found.choices.get(part, Choice(part, (), ""))
    found.choices[part] = replace(old, value=tuple(value), said=True, rival=False)
