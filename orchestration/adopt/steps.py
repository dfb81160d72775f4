"""The command: profile, propose, decide, refuse, write.

Here: the order of the steps, the questions, what is said. Every decision can be made
by a flag, so that the same command gives the same pack without a terminal.
"""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from orchestration import scaffold
from orchestration.adopt import accept as accepting
from orchestration.adopt import refuse, render, write
from orchestration.adopt.plan import Plan, last_names, make, set_ends
from orchestration.adopt.profile import Log, read, sniff
from orchestration.adopt.progress import Progress
from orchestration.adopt.propose import (
    NONE,
    SAID_ALONE,
    Choice,
    Proposal,
    Wishes,
    decided,
    propose,
)
from orchestration.ingest import limits_of
from orchestration.query import query
from orchestration.readback import engine_options
from orchestration.readers.base import Refusal
from orchestration.registers import nearest
from orchestration.settings import Settings

DONE, DECISIONS, REFUSED = 0, 2, 3
# Parts of a log, in the order in which a person thinks of them.
PARTS = ("case", "activity", "timestamp", "start", "lifecycle", "resource", "org_unit")
PARTS += SAID_ALONE[2:]
NEEDED = ("case", "activity", "timestamp")
# Words for an activity with which something is over.
_FINAL = (
    "resolved solved closed done completed complete finished delivered ended end "
    "approved declined rejected cancelled canceled paid accepted archived"
)
FINAL = frozenset(_FINAL.split())

Say = Callable[[str], None]
Ask = Callable[[str, str], str]


@dataclass(frozen=True)
class Request:
    """One call of the command; `ask` is None where there is no terminal."""

    process: str
    log: Path
    wishes: Wishes
    encoding: str | None = None
    yes: bool = False
    dry_run: bool = False
    ask: Ask | None = None


def adopt(settings: Settings, request: Request, say: Say, tell: Say) -> int:
    """Adopt a log; returns the exit code. `say` answers, `tell` shows progress."""
    work = settings.home / "adopting" / request.process
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    connection = duckdb.connect(
        str(work / "log.duckdb"),
        config={
            **engine_options(settings.memory_limit, settings.threads),
            "temp_directory": str(work / "spill"),
        },
    )
    try:
        connection.execute("set TimeZone = 'UTC'")
        with Progress(connection, tell) as progress:
            return _adopt(settings, request, connection, work, say, progress)
    except Refusal as refusal:
        say(f"{request.log.name} {refusal.message}.")
        say(f"Refused: {refusal.code}. Nothing was written.")
        return REFUSED
    finally:
        connection.close()
        shutil.rmtree(work, ignore_errors=True)


def _adopt(
    settings: Settings,
    request: Request,
    connection: duckdb.DuckDBPyConnection,
    work: Path,
    say: Say,
    tell: Say,
) -> int:
    limits = limits_of(settings)
    layout = sniff(request.log, limits, work, request.encoding)
    wishes = request.wishes
    log = read(
        connection, request.log, layout, limits, work, wishes.timestamp_format, tell
    )
    _know(log, wishes)
    tell("looking for the parts")
    proposal = propose(log, wishes)
    _end_column(log, proposal, wishes)
    say(_read_as(log))
    if request.ask:
        _ask_parts(log, proposal, request.ask, say)
    for line in _choices(proposal):
        say(line)
    wishes = _ask_zone(log, proposal, wishes, request, settings)
    found = list(refuse.before(log, proposal, wishes))
    if _refused(found, say):
        return REFUSED
    missing = [] if request.yes or request.ask else _undecided(proposal, wishes)
    missing += [one.part for one in proposal.open_parts()]

    tell("reading under the proposed contract")
    plan = _plan(settings, request, log, proposal, wishes)
    if (wrong := refuse.reversed_start(plan)) is not None:
        found.append(wrong)
        decided(proposal, "start", ())
        plan = _plan(settings, request, log, proposal, wishes)
    if not plan.steps:
        raise Refusal("empty", f"has no row that loads: {plan.rejected:,} are rejected")
    ends = _choose_ends(plan, proposal, wishes, request)
    if ends is None:
        for line in _end_lines(plan):
            say(line)
        missing.append("end")
    else:
        set_ends(plan, ends)
        _know_cancelled(plan)
        found += refuse.after(plan)
    for finding in found:
        say(str(finding))
    for line in _counted(plan):
        say(line)
    if missing:
        say(f"To decide: {', '.join(dict.fromkeys(missing))}. Nothing was written. Run")
        say(f"  {_command(request, proposal, wishes, ends)}")
        return DECISIONS
    return _write(settings, request, plan, say)


def _know(log: Log, wishes: Wishes) -> None:
    """Raise AdoptError for a flag that names no column."""
    named = [
        *wishes.activity,
        *(column for _, column in wishes.milestones),
        *(getattr(wishes, part) for part in PARTS if part != "activity"),
    ]
    headers = [column.header for column in log.columns]
    for header in named:
        if header and header != NONE and header not in headers:
            raise write.AdoptError(
                f"{log.path.name} has no column {header!r}{nearest(header, headers)}. "
                f"It has: {', '.join(headers)}"
            )


def _know_cancelled(plan: Plan) -> None:
    """Raise AdoptError for what calls a case off and is none of its ends."""
    ends = plan.ending("is_end")
    known = {word for step in ends for word in (step.name, step.code)}
    for name in plan.wishes.cancelled:
        if name not in known:
            raise write.AdoptError(
                f"--cancelled {name!r} is none of the ends: "
                f"{', '.join(step.name for step in ends) or 'there are none'}. "
                f"Say --end {shlex.quote(name)} as well"
            )


def _end_column(log: Log, proposal: Proposal, wishes: Wishes) -> None:
    """An end may be a column with its time instead of activities."""
    column = log.named(wishes.end[0]) if len(wishes.end) == 1 else None
    if column is not None and column.times is not None:
        decided(proposal, "end", wishes.end)


def _read_as(log: Log) -> str:
    layout = log.layout
    facts = {**layout.facts()}
    words = [str(facts.pop("format"))]
    words += [f"{key} {value!r}" for key, value in facts.items() if value]
    markers = f"; no value: {', '.join(log.markers)}" if log.markers else ""
    return (
        f"{log.path.name}: {log.rows:,} rows, {len(log.columns)} columns "
        f"({', '.join(words)}{markers})"
    )


def _choices(proposal: Proposal) -> Iterator[str]:
    for part in PARTS:
        choice = proposal.choices.get(part)
        if choice is not None:
            yield _choice_line(choice)
    for header, count in proposal.leaking.items():
        if header in proposal.values("end"):
            continue
        yield (
            f"  left out    {header}: one value per case, later than its row in "
            f"{count:,} rows; it knows the future and can only be an --end"
        )


def _choice_line(choice: Choice) -> str:
    value = " + ".join(choice.value) or NONE
    runner = f"; next: {choice.runner_up}" if choice.runner_up else ""
    rival = " (a rival: decide)" if choice.rival and not choice.said else ""
    return f"  {choice.part:<11} {value}: {choice.evidence}{runner}{rival}"


def _undecided(proposal: Proposal, wishes: Wishes) -> list[str]:
    """Needed parts that only a proposal fills."""
    needed = ("case",) if wishes.milestones else NEEDED
    return [part for part in needed if not proposal.choices[part].said]


def _ask_parts(log: Log, proposal: Proposal, ask: Ask, say: Say) -> None:
    headers = [column.header for column in log.columns]
    for part in PARTS:
        choice = proposal.choices.get(part)
        if choice is None or choice.said:
            continue
        say(_choice_line(choice))
        while True:
            answer = ask(part, " + ".join(choice.value))
            chosen = tuple(one.strip() for one in answer.split(" + "))
            if answer == NONE or all(one in headers for one in chosen):
                break
            say(f"No such column. There are: {', '.join(headers)}")
        decided(proposal, part, () if answer == NONE else chosen)


def _ask_zone(
    log: Log, proposal: Proposal, wishes: Wishes, request: Request, settings: Settings
) -> Wishes:
    if wishes.timezone:
        from zoneinfo import available_timezones

        if wishes.timezone not in available_timezones():
            near = nearest(wishes.timezone, available_timezones())
            raise write.AdoptError(f"--timezone {wishes.timezone}: no such zone{near}")
        return wishes
    naive = any(
        column.times and not column.times.has_offset
        for part in ("timestamp", "milestone")
        for header in proposal.values(part)
        if (column := log.named(header)) is not None
    )
    if naive and request.ask:
        return replace(wishes, timezone=request.ask("timezone", settings.timezone))
    return wishes


def _refused(found: Sequence[refuse.Finding], say: Say) -> bool:
    stops = [one for one in found if one.loses == "all"]
    for finding in stops:
        say(str(finding))
    if stops:
        say(f"Refused: {', '.join(one.code for one in stops)}. Nothing was written.")
    return bool(stops)


def _plan(
    settings: Settings,
    request: Request,
    log: Log,
    proposal: Proposal,
    wishes: Wishes,
) -> Plan:
    now = (settings.as_of or datetime.now(UTC)).astimezone(settings.zone).date()
    zone = wishes.timezone or settings.timezone
    return make(request.process, log, proposal, wishes, zone, now)


# ---------------------------------------------------------------- ends


def _choose_ends(
    plan: Plan, proposal: Proposal, wishes: Wishes, request: Request
) -> list[str] | None:
    """Names of the activities that end a case; None if a person has to say."""
    names = [step.name for step in plan.steps]
    said = list(wishes.end)
    if not said and wishes.milestones:
        return [wishes.milestones[-1][0]]
    if not said and request.ask:
        proposed = ", ".join(last_names(plan.ends)) or NONE
        said = [one.strip() for one in request.ask("end", proposed).split(",")]
    if said:
        by_code = {step.code: step.name for step in plan.steps}
        ends = [by_code.get(one, one) for one in said]
        return [one for one in ends if one in names]
    proposed = last_names(plan.ends)
    sure = len(proposed) == 1 and plan.ends[0].share >= 0.95
    rivals = [name for name in names if name not in proposed and _is_final(name)]
    if request.yes and sure and not rivals:
        return proposed
    return None


def _is_final(name: str) -> bool:
    return bool(set(name.lower().replace("_", " ").split()) & FINAL)


def _end_lines(plan: Plan) -> Iterator[str]:
    shown = [one for one in plan.ends if one.cases or _is_final(one.name)][:8]
    for end in shown:
        yield (
            f"  end?        {end.name}: last in {end.cases:,} of {plan.cases:,} cases, "
            f"median lead time {_span(end.median)}"
        )


def _span(span: object) -> str:
    seconds = int(span.total_seconds()) if span else 0  # type: ignore[attr-defined]
    if seconds >= 2 * 86400:
        return f"{seconds / 86400:.1f} days"
    return f"{seconds / 3600:.1f} hours" if seconds >= 3600 else f"{seconds} seconds"


def _counted(plan: Plan) -> Iterator[str]:
    yield (
        f"  {plan.cases:,} cases from {plan.first_day} to {plan.last_day}; "
        f"{plan.loaded:,} rows load, {plan.rejected:,} are rejected, "
        f"{plan.duplicates:,} dropped as duplicates"
    )
    if plan.export.exact_duplicates == "keep" and plan.log.repeated:
        yield f"  {plan.log.repeated:,} rows repeat another: kept as real repeats"
    for header in _timed(plan):
        times = (column := plan.log.named(header)) and column.times
        if times and times.words:
            words = ", ".join(times.words)
            yield f"  {header}: {times.word_rows:,} cells say {words} and are no time"


def _timed(plan: Plan) -> list[str]:
    columns = plan.export.columns
    return [one.in_file for one in columns if one.data_type == "timestamp"]


# ---------------------------------------------------------------- the command again


def _command(
    request: Request, proposal: Proposal, wishes: Wishes, ends: Sequence[str] | None
) -> str:
    """The command with every decision as a flag."""
    words = ["takt", "adopt", str(request.log), "--process", request.process]
    for part in PARTS:
        choice = proposal.choices.get(part)
        if choice is None:
            continue
        flag = f"--{part.replace('_', '-')}"
        for value in choice.value or (NONE,):
            words += [flag, value]
    for activity, column in wishes.milestones:
        words += ["--milestone", f"{activity}={column}"]
    for form in wishes.timestamp_format:
        words += ["--timestamp-format", form]
    if request.encoding:
        words += ["--encoding", request.encoding]
    if wishes.duplicates:
        words += ["--duplicates", wishes.duplicates]
    if wishes.timezone:
        words += ["--timezone", wishes.timezone]
    for end in wishes.end or ends or ["<activity or column>"]:
        words += ["--end", end]
    for name in wishes.cancelled:
        words += ["--cancelled", name]
    return shlex.join(words)


# ---------------------------------------------------------------- writing


def _write(settings: Settings, request: Request, plan: Plan, say: Say) -> int:
    root, process = settings.project, request.process
    found = write.changes(
        root,
        process,
        render.files(plan),
        render.rows(plan),
        {"packs": (scaffold.PACK_LISTS, (process,))},
    )
    target = settings.exports / process / plan.file_name
    if request.dry_run:
        for line in _dry(found):
            say(line)
        if not target.exists():
            say(f"Would copy {request.log} to {target}.")
        return DONE
    if write.deliver(request.log, target):
        say(f"Copied {request.log.name} to {target}.")
    _report(write.apply(root, found), found, say)
    hashed = [one.name for one in plan.export.columns if one.pii == "hash"]
    if hashed and settings.pii_key is None:
        say(f"{', '.join(hashed)} become pseudonyms: set TAKT_PII_KEY for the refresh.")
    say("Next: takt refresh")
    return DONE


def accept(
    settings: Settings, process: str, ids: Sequence[str], *, dry_run: bool, say: Say
) -> int:
    """Make KPIs of candidates of the published version; returns the exit code."""
    result = query(
        settings,
        f"select {accepting.COLUMNS} from fct_kpi_candidates "
        f"where process_code = '{process}'",
    )
    candidates = [dict(zip(result.columns, row, strict=True)) for row in result.rows]
    found = accepting.accepted(settings.project, process, candidates, ids)
    if dry_run:
        for line in _dry(found):
            say(line)
        return DONE
    _report(write.apply(settings.project, found), found, say)
    say("They are proposed until an owner is named. Next: takt refresh")
    return DONE


def _report(written: Sequence[Path], found: Sequence[write.Change], say: Say) -> None:
    for path in written:
        say(f"Wrote {path.as_posix()}")
    for change in found:
        if change.edited and change.old != change.new:
            say(f"{change.path.as_posix()} was edited and stays; the difference:")
            say(change.diff())
    if not written:
        say("Nothing changed.")


def _dry(found: Sequence[write.Change]) -> Iterator[str]:
    for change in found:
        if not change.is_needed:
            continue
        if change.is_register:
            yield change.diff().rstrip("\n")
        else:
            verb = "new" if change.old is None else "changed"
            lines = change.new.count("\n")
            yield f"{change.path.as_posix()}: {verb}, {lines} lines"


def remove(
    settings: Settings, process: str, *, yes: bool, dry_run: bool, say: Say
) -> int:
    """Take a pack out; returns the exit code."""
    root = settings.project
    files, edited, shared = write.removal(root, process)
    if edited and not yes:
        for path in edited:
            say(f"{path.as_posix()} was written or edited by a person.")
        say("Nothing was removed. --yes removes these too.")
        return DECISIONS
    for change in shared:
        say(change.diff().rstrip("\n") if dry_run else f"Changed {change.path}")
    for path in files:
        say(f"{'Would remove' if dry_run else 'Removed'} {path.as_posix()}")
    if not dry_run:
        write.remove(root, files, shared)
    folder = settings.exports / process
    if folder.is_dir():
        say(f"The log stays in {folder}.")
    return DONE
