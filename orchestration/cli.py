"""The command line `takt`: a thin face on the functions of the other modules.

Here: arguments, exit codes, and which words go to the terminal. Not here: any rule of
the pipeline. Everything heavy is imported inside the command that needs it, so that
`takt --help` answers at once. Output for people goes through `report`; errors that
can be expected are one message without a traceback, others name the log that has it.
"""

from __future__ import annotations

import functools
import os
import re
import sys
import traceback
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from orchestration import exits

if TYPE_CHECKING:
    from orchestration.contract import Export
    from orchestration.ledger import Ledger
    from orchestration.settings import Settings

EPILOG = (
    "Exit codes: 0 done (refresh: published) · 1 failed, the published version is as "
    "it was · 2 wrong usage or setting · 3 published, but at least one source is held "
    "back · 75 another run is at work. Settings are TAKT_* variables: docs/settings.md."
)

app = typer.Typer(
    name="takt",
    help="Turns the files that business systems export into governed KPI marts.",
    epilog=EPILOG,
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


# Lies in the exports folder while they are the demo's; the Makefile looks for it.
DEMO_STAMP = ".takt-demo"
UNFINISHED = "unfinished\n"


class Format(StrEnum):
    """How `takt query` writes its rows."""

    table = "table"
    csv = "csv"
    json = "json"


class DiscoverFormat(StrEnum):
    """How `takt discover` tells its story."""

    text = "text"
    json = "json"


class Language(StrEnum):
    """Languages of messages."""

    en = "en"
    zh = "zh"


class Duplicates(StrEnum):
    """What rows alike in every column are."""

    keep = "keep"
    drop = "drop"


class Action(StrEnum):
    """What may be decided on a finding."""

    accept = "accept"
    decline = "decline"
    snooze = "snooze"


# ---------------------------------------------------------------- errors in words


def fail(message: str, code: int = exits.FAILED) -> typer.Exit:
    """Say what is wrong on standard error; raise what is returned."""
    sys.stderr.write(f"takt: {message.rstrip()}\n")
    return typer.Exit(code)


def guarded(command: Callable[..., Any]) -> Callable[..., Any]:
    """Let a command end with a message and an exit code, never with a traceback."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except BrokenPipeError:
            # The reader of a pipe has seen enough; nothing is left to tell it.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            raise typer.Exit(exits.FAILED) from None
        except KeyboardInterrupt:
            raise fail("interrupted; the published version is as it was.", 130) from (
                None
            )
        except Exception as error:
            code = exits.code_of(error)
            if code is None:
                raise fail(_unexpected(error)) from None
            raise fail(str(error), code) from None

    return run


def _unexpected(error: Exception) -> str:
    """A short message, and the traceback in a file."""
    text = "".join(traceback.format_exception(error))
    try:
        from orchestration.settings import load_settings

        folder = load_settings().logs
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        path = folder / "unexpected.log"
        path.write_text(text, encoding="utf-8")
    except Exception:
        return text
    return (
        f"unexpected {type(error).__name__}: {error}\n"
        f"The published version is as it was. Details: {path}"
    )


def settings_of(as_of: str | None = None) -> Settings:
    """The settings of this command; SettingsError ends it with exit code 2."""
    from orchestration.settings import SettingsError, load_settings, variable

    try:
        return load_settings(as_of=as_of)
    except SettingsError as error:
        if as_of is None:
            raise
        # The name that was typed.
        message = str(error).replace(f"{variable('as_of')} = ", "--as-of ")
        raise SettingsError(message) from None


def open_ledger(settings: Settings) -> Ledger:
    """The ledger, for a command that only makes sense after a refresh."""
    from orchestration.ledger import Ledger

    return Ledger.open(settings.ledger_path, create=False)


def contracts(settings: Settings) -> list[Export]:
    """The declared exports, from the project as it is now."""
    from orchestration.build import dbt_parse
    from orchestration.contract import load_contracts

    return load_contracts(dbt_parse(settings))


def chosen(exports: list[Export], name: str | None) -> list[Export]:
    """The exports of a source (`erp`) or one export (`erp.orders`); all for None."""
    if name is None:
        return exports
    found = [one for one in exports if name in (one.code, one.source)]
    if not found:
        known = ", ".join(export.code for export in exports)
        raise typer.BadParameter(f"no source or export {name!r}; there are {known}")
    return found


# ---------------------------------------------------------------- commands

AsOf = Annotated[
    str | None,
    typer.Option(
        "--as-of",
        metavar="MOMENT",
        help="The moment to compute for, such as 2026-07-01T02:00+08:00. Default: "
        "TAKT_AS_OF, else now.",
    ),
]
Source = Annotated[
    str | None,
    typer.Argument(
        metavar="SOURCE",
        help="A source (erp) or one export (erp.orders); all by default.",
    ),
]
Reason = Annotated[
    str, typer.Option("--reason", "-r", help="Why; kept in the ledger.", metavar="TEXT")
]
Part = Annotated[
    str | None, typer.Option(metavar="COLUMN", help="Column of the log, or none.")
]
DemoAsOf = Annotated[
    str, typer.Option("--as-of", metavar="MOMENT", help="Deliveries up to this moment.")
]


@app.command()
@guarded
def demo(
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Where to write. Default: the exports folder."),
    ] = None,
    truth: Annotated[
        Path | None,
        typer.Option("--truth", help="Also write the true figures to this file."),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Another company.")] = 7,
    scale: Annotated[
        float, typer.Option("--scale", min=0.01, max=1000, help="Times the cases.")
    ] = 1.0,
    as_of: DemoAsOf = "2026-07-01T02:00+08:00",
    if_empty: Annotated[
        bool,
        typer.Option("--if-empty", help="Do nothing where there are files already."),
    ] = False,
) -> None:
    """Write the demo company's exports: same arguments, same bytes.

    Refuses a folder that holds anything else, so that real exports and invented ones
    never mix.
    """
    import demo as company
    from orchestration.report import shown_path
    from orchestration.settings import parse_as_of

    settings = settings_of()
    folder = (out or settings.exports).absolute()
    stamp = folder / DEMO_STAMP
    holds_files = folder.is_dir() and any(folder.iterdir())
    is_whole = not stamp.exists() or stamp.read_text() != UNFINISHED
    if holds_files and is_whole and if_empty:
        return
    if holds_files and not stamp.exists():
        raise fail(
            f"{folder} holds files that are not the demo's. Choose another folder "
            "with --out, or empty this one.",
            exits.USAGE,
        )
    try:
        moment = parse_as_of(as_of, settings.timezone)
    except ValueError:
        raise typer.BadParameter(f"--as-of {as_of!r} is no ISO date or time") from None
    folder.mkdir(parents=True, exist_ok=True)
    stamp.write_text(UNFINISHED)
    done = company.generate(folder, truth, seed, scale, moment)
    stamp.write_text(f"seed {seed}, scale {scale:g}, as of {moment.isoformat()}\n")
    typer.echo(
        f"Wrote {done.files} files with {done.rows:,} rows to {shown_path(folder)}."
    )
    if not if_empty:
        local = moment.astimezone(settings.zone).isoformat()
        typer.echo(f"Next, with any TAKT_PII_KEY: takt refresh --as-of {local}")


@app.command()
@guarded
def refresh(as_of: AsOf = None) -> None:
    """Run the nightly refresh: from new files to a version.

    The same job that the nightly schedule runs. A file that is refused or fails its
    checks holds back only the KPIs it feeds (exit code 3); a failed model or data
    test leaves the published version as it was (exit code 1).
    """
    settings = settings_of(as_of)
    from orchestration import report
    from orchestration.refresh import Run

    out = report.console()
    with report.progress(out) as observer, Run(settings, observer=observer) as run:
        run.prepare()
        from orchestration.definitions import execute

        execute(run)
    if run.report.outcome == "failed":
        sys.stdout.flush()
        raise fail(
            f"{run.report.message}\nNothing was published; the published version is "
            f"as it was. Log: {run.report.log_path}",
            run.report.exit_code,
        )
    report.show_refresh(out, settings, run.report)
    raise typer.Exit(run.report.exit_code)


@app.command()
@guarded
def status(as_of: AsOf = None) -> None:
    """Show how fresh and reliable each export is, and which files hold one back."""
    settings = settings_of(as_of)
    from orchestration import report
    from orchestration.freshness import export_states
    from orchestration.ledger import utc_now
    from orchestration.locks import holder
    from orchestration.refresh import why_held

    out = report.console()
    with open_ledger(settings) as ledger:
        moment = settings.as_of or utc_now()
        exports = contracts(settings)
        states = export_states(ledger, exports, moment)
        out.print(report.state_table(states, settings.timezone))
        for export, state in zip(exports, states, strict=True):
            held = why_held(ledger, export, state)
            for text in report.held_lines(held, settings.timezone):
                out.print(text)
        out.print(report.version_line(ledger, settings.timezone))
        out.print(report.last_run_line(ledger, settings.timezone))
    busy = holder(settings)
    if busy:
        out.print(f"At work: run {busy['run_id']} since {busy['since']}.")


@app.command()
@guarded
def gate(
    source: Source = None,
    everything: Annotated[
        bool,
        typer.Option(
            "--all", help="Every file, not only the newest and the held ones."
        ),
    ] = False,
) -> None:
    """Show verdicts and the expectations behind them.

    What was observed, what is allowed, how many rows are off. Without SOURCE one line
    per file; with it every expectation of the newest file and of those held back.
    """
    settings = settings_of()
    from orchestration import report

    out = report.console()
    exports = chosen(contracts(settings), source)
    with open_ledger(settings) as ledger:
        for text in report.verdicts(
            ledger, exports, settings.timezone, source is not None, everything
        ):
            out.print(text)


@app.command()
@guarded
def rejects(
    source: Annotated[str, typer.Argument(metavar="SOURCE", help="erp or erp.orders")],
    limit: Annotated[
        int, typer.Option("--limit", "-n", min=1, help="Most records per file.")
    ] = 20,
) -> None:
    """Show refused files and rejected records.

    Where they are and by which rule; never what they say.
    """
    settings = settings_of()
    from orchestration import report

    out = report.console()
    exports = chosen(contracts(settings), source)
    with open_ledger(settings) as ledger:
        for text in report.rejects(ledger, exports, limit):
            out.print(text)


@app.command()
@guarded
def query(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One statement.")],
    form: Annotated[
        Format, typer.Option("--format", "-f", help="How to write the rows.")
    ] = Format.table,
) -> None:
    """Run one SQL statement on the current version.

    Read-only, and without access to any other file.

    Example: takt query "select kpi_code, name_en from dim_kpis"
    """
    settings = settings_of()
    from orchestration import query as reading

    result = reading.query(settings, sql)
    if form is Format.csv:
        sys.stdout.write(reading.as_csv(result))
    elif form is Format.json:
        sys.stdout.write(reading.as_json(result))
    else:
        from orchestration import report

        out = report.console()
        out.print(report.result(out, result))
        rows = "row" if len(result.rows) == 1 else "rows"
        out.print(f"{len(result.rows):,} {rows} · version {result.version}")
    sys.stdout.flush()


alerts_app = typer.Typer(
    help="Open alerts; why a KPI did or did not alert; who has taken one on.",
    invoke_without_command=True,
)
app.add_typer(alerts_app, name="alerts")


@alerts_app.callback()
@guarded
def alerts(context: typer.Context) -> None:
    """List the open alerts, newest first; the ones of the last run are marked new."""
    if context.invoked_subcommand is not None:
        return
    settings = settings_of()
    from orchestration import report
    from orchestration.alerts import open_alerts

    with open_ledger(settings) as ledger:
        report.console().print(report.alert_table(open_alerts(ledger)))


@alerts_app.command("why")
@guarded
def alerts_why(kpi: Annotated[str, typer.Argument(help="Code of the KPI.")]) -> None:
    """Say why a KPI alerts tonight or does not, and what its owners were told."""
    settings = settings_of()
    from orchestration import report
    from orchestration.alerts import why

    with open_ledger(settings) as ledger:
        for part in report.why_tables(why(settings, ledger, kpi)):
            report.console().print(part)


@alerts_app.command("ack")
@guarded
def alerts_ack(
    alert: Annotated[str, typer.Argument(metavar="ID", help="From `takt alerts`.")],
    by: Annotated[str, typer.Option(help="The role that takes it on.")],
    note: Annotated[str, typer.Option(help="What is being done about it.")],
) -> None:
    """Take an alert on: no more reminders; its end is still told."""
    settings = settings_of()
    from orchestration.alerts import acknowledge, check_role
    from orchestration.refresh import exclusive

    check_role(settings, by)
    with exclusive(settings) as ledger:
        taken = acknowledge(ledger, alert, by, note)
    typer.echo(f"{taken.alert_id} {taken.kpi_code}: taken on by {by}.")


@app.command()
@guarded
def versions() -> None:
    """List the published versions, newest first."""
    settings = settings_of()
    from orchestration import report

    out = report.console()
    with open_ledger(settings) as ledger:
        out.print(report.version_table(ledger, settings.timezone))


@app.command()
@guarded
def verify(
    version: Annotated[
        int | None,
        typer.Argument(
            metavar="VERSION", help="A version; the current one by default."
        ),
    ] = None,
) -> None:
    """Check that a published version is intact.

    Every file is hashed again and compared with the version's manifest.
    """
    settings = settings_of()
    from orchestration import publish

    with open_ledger(settings) as ledger:
        found = publish.verify(settings, ledger, version)
    if not found.ok:
        raise fail("\n".join(found.problems))
    typer.echo(f"Version {found.version} is intact: {found.files} files.")


@app.command()
@guarded
def rollback(
    version: Annotated[
        int | None,
        typer.Argument(
            metavar="VERSION",
            help="A version; by default the newest below the current one.",
        ),
    ] = None,
    reason: Reason = "",
) -> None:
    """Make an older version current and pin it.

    `takt unpin` lets refreshes publish again.
    """
    settings = settings_of()
    from orchestration import publish

    with _writing(settings) as ledger:
        number = version if version is not None else _version_before(ledger)
        done = publish.rollback(settings, ledger, number, reason)
    typer.echo(
        f"Version {done.number} is current and pinned: refreshes are audited and not "
        "published until `takt unpin`."
    )


@app.command()
@guarded
def pin(reason: Reason = "") -> None:
    """Keep the current version until `takt unpin`."""
    settings = settings_of()
    from orchestration import publish

    with _writing(settings) as ledger:
        done = publish.pin(settings, ledger, reason)
    typer.echo(f"Version {done.number} is pinned.")


@app.command()
@guarded
def unpin() -> None:
    """Let the next refresh publish again."""
    settings = settings_of()
    from orchestration import publish

    with _writing(settings) as ledger:
        done = publish.unpin(settings, ledger)
    typer.echo(f"Version {done.number} is not pinned; the next refresh publishes.")


@app.command()
@guarded
def prune(
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only say what would be deleted.")
    ] = False,
) -> None:
    """Delete old versions and unneeded lake files.

    Kept are the current version, the 14 newest, 30 days and 13 month-ends.
    """
    settings = settings_of()
    from orchestration import publish, report

    with _writing(settings) as ledger:
        done = publish.prune(settings, ledger, contracts(settings), dry_run=dry_run)
    if not done.versions and not done.lake_files:
        typer.echo("Nothing is old enough to be deleted.")
        return
    verb = "Would delete" if dry_run else "Deleted"
    numbers = ", ".join(map(str, done.versions)) or "none"
    typer.echo(
        f"{verb} versions: {numbers}; lake files: {len(done.lake_files)}; "
        f"{report.size(done.freed_bytes)} in all."
    )


new = typer.Typer(
    help="Write the files of a new source, process pack or KPI, to be filled in.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
app.add_typer(new, name="new")
Name = Annotated[str, typer.Argument(metavar="NAME")]


class Delivery(StrEnum):
    """What a later file of an export does to the earlier ones."""

    append = "append"
    delta = "delta"
    snapshot = "snapshot"


@new.command("source")
@guarded
def new_source(
    name: Name,
    delivery: Annotated[
        Delivery,
        typer.Option(
            help="append: every row is new; delta: a row replaces the one of the same "
            "key; snapshot: every file is the whole table."
        ),
    ],
) -> None:
    """Contract, staging model and suite of an export: NAME is desk.tickets.

    docs/add-a-source.md shows the finished files.
    """
    from orchestration import scaffold

    _written(scaffold.new_source(settings_of().project, name, delivery.value))


@new.command("pack")
@guarded
def new_pack(name: Name) -> None:
    """Events, instances and process map of a pack: NAME is tickets.

    docs/add-a-process.md shows the finished files.
    """
    from orchestration import scaffold

    _written(scaffold.new_pack(settings_of().project, name))


@new.command("kpi")
@guarded
def new_kpi(name: Name) -> None:
    """Model, YAML and register row of a KPI: NAME is tickets.resolution_hours.

    docs/add-a-kpi.md has the rules.
    """
    from orchestration import scaffold

    _written(scaffold.new_kpi(settings_of().project, name))


def _written(paths: list[Path]) -> None:
    """Say which files there are now, and what has to be decided in each."""
    from orchestration import scaffold

    root = settings_of().project
    for path in paths:
        open_ones = scaffold.decisions(root, path)
        typer.echo(scaffold.in_words(open_ones) or path.as_posix())
    typer.echo("Replace every <decide …>: no refresh starts before. Next: takt check")


@app.command()
@guarded
def check() -> None:
    """Check contracts and registers; builds nothing."""
    settings = settings_of()
    from orchestration.contract import declared_fields
    from orchestration.query import published_history
    from orchestration.registers import check_registers
    from orchestration.scaffold import need_decisions

    need_decisions(settings.project)
    exports = contracts(settings)
    history = published_history(settings)
    fields = declared_fields(exports)
    registers = check_registers(settings.project / "seeds", fields, history)
    rows = sum(map(len, registers.rows.values()))
    typer.echo(
        f"{len(exports)} contracts and {len(registers.rows)} registers with {rows} "
        "rows are as they should be."
    )


review_app = typer.Typer(
    invoke_without_command=True, rich_markup_mode=None, no_args_is_help=False
)
app.add_typer(review_app, name="review")


@review_app.callback()
@guarded
def review(
    context: typer.Context,
    everything: Annotated[
        bool, typer.Option("--all", help="Also what is decided or snoozed.")
    ] = False,
    language: Annotated[
        Language, typer.Option("--language", "-l", help="Of the messages.")
    ] = Language.en,
) -> None:
    """List what the review asks to decide: evidence, and the change as a diff.

    What must be settled (F) comes first, then what should be looked at (W).
    """
    if context.invoked_subcommand:
        return
    settings = settings_of()
    from orchestration import report
    from orchestration import review as reviewing

    states = ("open", "accepted", "declined", "snoozed") if everything else ("open",)
    found = reviewing.findings(settings, states)
    seeds, on = settings.project / "seeds", reviewing.today(settings)
    out = report.console()
    for finding in found:
        for text in report.finding_lines(finding, language.value):
            out.print(text)
        for text in report.diff_lines(reviewing.shown_proposal(seeds, finding, on)):
            out.print(text)
    if not found:
        out.print("Nothing is open.")


@review_app.command()
@guarded
def decide(
    finding_id: Annotated[str, typer.Argument(metavar="ID", help="Its first letters.")],
    action: Annotated[Action, typer.Argument(help="What is decided.")],
    by: Annotated[str, typer.Option("--by", metavar="ROLE", help="Who decides.")],
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason.")],
    until: Annotated[
        str | None,
        typer.Option("--until", metavar="DATE", help="Last day of a snooze."),
    ] = None,
) -> None:
    """Decide on a finding; accept also changes the registers, from the next period on.

    The decision is a new row of seeds/decisions.csv. Nothing else changes a target.
    """
    settings = settings_of()
    from datetime import date

    from orchestration import report
    from orchestration import review as reviewing
    from orchestration.contract import declared_fields

    try:
        last = date.fromisoformat(until) if until else None
    except ValueError:
        raise typer.BadParameter(f"--until {until!r} is no date: YYYY-MM-DD") from None
    if not why.strip():
        raise typer.BadParameter("--why must say something")
    finding = reviewing.find(settings, finding_id)
    fields = declared_fields(contracts(settings))
    with _writing(settings):
        done = reviewing.decide(settings, fields, finding, action.value, by, why, last)
    for path in done.files:
        typer.echo(f"Wrote {report.shown_path(path)}.")
    typer.echo(f"Decision {done.decision_code}; the next refresh shows it.")


@app.command()
@guarded
def discover(
    process: Annotated[
        str | None,
        typer.Argument(metavar="PROCESS", help="Code of a process; all by default."),
    ] = None,
    form: Annotated[
        DiscoverFormat, typer.Option("--format", "-f", help="For people or machines.")
    ] = DiscoverFormat.text,
    language: Annotated[
        Language, typer.Option("--language", "-l", help="Of names and reasons.")
    ] = Language.en,
) -> None:
    """Tell what the log of a process says: steps, waiting, and KPIs worth having.

    From the published version: the order that was mined, key nodes, bottlenecks,
    candidate KPIs with scores, targets, the recommended core and its reasons, and what
    the log cannot support.
    """
    settings = settings_of()
    from orchestration import discover as discovering

    found = discovering.stories(settings, process)
    if form is DiscoverFormat.json:
        typer.echo(discovering.as_json(found))
        return
    from orchestration import report

    out = report.console()
    for story in found:
        for line in report.story_lines(discovering.told(story, language.value)):
            out.print(line)


@app.command()
@guarded
def adopt(
    log: Annotated[
        Path | None, typer.Argument(metavar="LOG", help="The log file.")
    ] = None,
    process: Annotated[
        str, typer.Option("--process", "-p", help="Code of the process: complaints.")
    ] = "",
    case: Part = None,
    activity: Annotated[
        list[str] | None,
        typer.Option(help="What happened; several columns are joined."),
    ] = None,
    timestamp: Part = None,
    timestamp_format: Annotated[
        list[str] | None,
        typer.Option(help="How times are written, such as '%d/%m/%Y %H:%M'."),
    ] = None,
    timezone: Annotated[
        str | None, typer.Option(help="Zone of times without offset.")
    ] = None,
    end: Annotated[
        list[str] | None,
        typer.Option(help="Activity that ends a case, or the column with its time."),
    ] = None,
    start: Part = None,
    lifecycle: Part = None,
    resource: Part = None,
    org_unit: Part = None,
    due: Part = None,
    outcome: Part = None,
    requester: Part = None,
    segment: Part = None,
    score: Part = None,
    cost: Part = None,
    cancelled: Annotated[
        list[str] | None,
        typer.Option(help="One of the ends: it calls a case off, without a result."),
    ] = None,
    milestone: Annotated[
        list[str] | None,
        typer.Option(
            metavar="ACTIVITY=COLUMN", help="Where a row is a case: one of its times."
        ),
    ] = None,
    duplicates: Annotated[
        Duplicates | None, typer.Option(help="Rows alike in every column.")
    ] = None,
    encoding: Annotated[str | None, typer.Option(help="Such as latin-1.")] = None,
    yes: Annotated[
        bool, typer.Option("--yes", help="Take every proposal without a rival.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be written.")
    ] = False,
    accept: Annotated[
        list[str] | None,
        typer.Option(metavar="IDS", help="Candidates to become KPIs, by comma."),
    ] = None,
    remove: Annotated[
        bool, typer.Option("--remove", help="Take an adopted process out again.")
    ] = False,
) -> None:
    """Make a process of a log file: profile, propose, and write the pack.

    Without flags for case, activity, timestamp and end it shows what it would take,
    with the evidence, and the command to run (exit code 2); on a terminal it asks.
    What the log cannot support is refused with the reason (exit code 3). A part named
    `none` is left out.
    """
    settings = settings_of()
    from orchestration.adopt import steps
    from orchestration.adopt.propose import Wishes

    if not re.fullmatch("[a-z][a-z0-9]*", process):
        raise typer.BadParameter(
            f"--process {process!r}: small letters and digits, such as complaints"
        )
    if remove:
        code = steps.remove(settings, process, yes=yes, dry_run=dry_run, say=typer.echo)
        raise typer.Exit(code)
    if accept:
        ids = [one.strip() for part in accept for one in part.split(",")]
        code = steps.accept(settings, process, ids, dry_run=dry_run, say=typer.echo)
        raise typer.Exit(code)
    if log is None or not log.is_file():
        raise typer.BadParameter(f"LOG {log}: no such file")
    wishes = Wishes(
        case=case,
        activity=tuple(activity or ()),
        timestamp=timestamp,
        timezone=timezone,
        end=tuple(end or ()),
        start=start,
        lifecycle=lifecycle,
        resource=resource,
        org_unit=org_unit,
        due=due,
        outcome=outcome,
        requester=requester,
        segment=segment,
        score=score,
        cost=cost,
        cancelled=tuple(cancelled or ()),
        timestamp_format=tuple(timestamp_format or ()),
        milestones=tuple(_milestone(one) for one in milestone or ()),
        duplicates=duplicates.value if duplicates else None,
    )
    asks = sys.stdin.isatty() and sys.stdout.isatty() and not yes
    request = steps.Request(
        process=process,
        log=log,
        wishes=wishes,
        encoding=encoding,
        yes=yes,
        dry_run=dry_run,
        ask=(lambda part, value: typer.prompt(f"{part}", value)) if asks else None,
    )
    raise typer.Exit(
        steps.adopt(
            settings,
            request,
            typer.echo,
            lambda text: typer.echo(f"… {text}", err=True),
        )
    )


def _milestone(text: str) -> tuple[str, str]:
    activity, equals, column = text.partition("=")
    if not (activity and equals and column):
        raise typer.BadParameter(f"--milestone {text!r} is not ACTIVITY=COLUMN")
    return activity, column


@app.command()
@guarded
def scorecard(
    language: Annotated[
        Language, typer.Option("--language", "-l", help="Language to begin with.")
    ] = Language.en,
    path: Annotated[
        bool, typer.Option("--path", help="Only print where the page lies.")
    ] = False,
    browser: Annotated[
        bool, typer.Option("--open", help="Open it in the browser, too.")
    ] = False,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="0 takes any free one.")
    ] = 8300,
) -> None:
    """Show the scorecard of the current version in a browser.

    It is served on 127.0.0.1 only, until Ctrl-C. It also works as plain files: --path.
    """
    settings = settings_of()
    from orchestration.scorecard.serve import HOST, server, start_page

    page = start_page(settings, language)
    if path:
        typer.echo(page)
        return
    with server(settings, port) as pages:
        address = f"http://{HOST}:{pages.server_port}/{language}/index.html"
        typer.echo(f"Scorecard: {address}\nCtrl-C ends it.")
        if browser:
            import webbrowser

            webbrowser.open(address)
        try:
            pages.serve_forever()
        except KeyboardInterrupt:
            typer.echo("")


@app.command()
@guarded
def dev(
    port: Annotated[int, typer.Option("--port", min=1, max=65535)] = 3000,
    daemon_only: Annotated[
        bool,
        typer.Option("--daemon-only", help="Without the page: for a server at night."),
    ] = False,
) -> None:
    """Open Dagster in the browser, with the nightly schedule on.

    The page has no login, so it listens on 127.0.0.1 only. Ctrl-C ends it.
    """
    settings = settings_of()
    from orchestration import definitions

    home = definitions.write_instance_config(settings)
    environment = {
        **os.environ,
        **settings.environment(),
        "DAGSTER_HOME": str(home),
        "DAGSTER_DISABLE_TELEMETRY": "yes",
    }
    if daemon_only:
        command = definitions.daemon_command()
        typer.echo(f"The schedule is on: 02:00 in {settings.timezone}. Ctrl-C ends it.")
    else:
        command = definitions.serve_command(port)
        typer.echo(f"Dagster: http://127.0.0.1:{port}")
    sys.stdout.flush()
    os.chdir(settings.project)
    os.execve(sys.executable, command, environment)


def _writing(settings: Settings) -> Any:
    """The ledger under the run lock: for commands that move or delete versions."""
    from orchestration.refresh import exclusive

    open_ledger(settings).close()
    return exclusive(settings)


def _version_before(ledger: Ledger) -> int:
    current = ledger.pointer().version
    older = [
        row.version
        for row in ledger.versions()
        if current is not None and row.version < current and row.state != "pruned"
    ]
    if not older:
        raise fail("there is no older version to go back to.")
    return older[0]


def main() -> None:
    """Run the command line."""
    app(prog_name="takt")
