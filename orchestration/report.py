"""How Takt looks on a terminal: stages, tables, and what to do next.

Here: the texts of a run and of the ledger's facts, for people. On a terminal with
colour and bars; elsewhere plain lines, one per stage, so that a log stays readable.
Not here: finding the facts (`refresh`, `ledger`, `query`).
"""

from __future__ import annotations

import re
import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rich import box
from rich.cells import cell_len
from rich.console import Console, RenderableType
from rich.markup import escape
from rich.padding import Padding
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from orchestration.alerts import OpenAlert, Why
from orchestration.contract import Export
from orchestration.discover import Part
from orchestration.freshness import ExportState
from orchestration.ledger import Ledger, Verdict
from orchestration.query import QueryError, QueryResult, query
from orchestration.refresh import Held, Observer, RefreshReport, StageReport
from orchestration.review import Finding
from orchestration.settings import Settings

# Wide enough that no line of a log or a pipe is broken.
PLAIN_WIDTH = 100_000
MOST_NOTES = 10
# Between the reasons of a verdict in one line (`gate.reason_of`).
REASONS = " · "
FIGURES = frozenset({"rows", "rejected", "duplicates", "files", "record", "at byte"})

# One row per KPI: its newest ended period with a value, at the grain it is judged by;
# without any, its newest period and the reason.
KPI_SQL = """
    with ranked as (
        select
            *,
            row_number() over (
                partition by kpi_code
                order by
                    value is not null
                    and state in ('final', 'provisional')
                    and coalesce(state_reason, '') <> 'period_running' desc,
                    period_start desc
            ) as place
        from (
            select v.*, k.name_en, k.name_zh, k.unit
            from fct_kpi_values as v
            join dim_kpis as k using (kpi_code)
            where v.segment_code = 'all' and v.period_grain = k.period
                and k.is_in_force and k.status <> 'retired'
        )
    )
    select
        kpi_code, name_en, name_zh, unit, period_grain, period_start, ranked.value,
        ranked.target_min, ranked.target_max, judged.status, ranked.state,
        ranked.state_reason, ranked.is_stale, ranked.data_as_of
    from ranked
    left join fct_kpi_status as judged
        using (kpi_code, segment_code, period_grain, period_start)
    where place = 1 order by kpi_code
"""

STYLES = {
    "on target": "green",
    "warning": "yellow",
    "alarm": "red",
    "final": "green",
    "provisional": "yellow",
    "held": "red",
    "PASS": "green",
    "WARN": "yellow",
    "FAIL": "red",
    "ERROR": "red",
    "REFUSED": "red",
    "published": "green",
    "withdrawn": "yellow",
    "failed": "red",
    "killed": "red",
}


def console(*, error: bool = False) -> Console:
    """Standard output or error; without a terminal: no colour, no wrapping at 80."""
    stream = sys.stderr if error else sys.stdout
    if stream.isatty():
        return Console(file=stream, highlight=False)
    return Console(
        file=stream, highlight=False, width=PLAIN_WIDTH, no_color=True, soft_wrap=True
    )


def moment(value: datetime | None, timezone: str) -> str:
    """A moment in local time, to the minute; `never` for None."""
    if value is None:
        return "never"
    return value.astimezone(ZoneInfo(timezone)).strftime("%Y-%m-%d %H:%M")


def table(
    headers: Sequence[str],
    rows: Iterable[Sequence[object]],
    figures: Collection[str] = FIGURES,
) -> Table:
    """A table without lines around it; cells are shown as they are, never as markup."""
    result = Table(box=box.SIMPLE_HEAD if sys.stdout.isatty() else None, pad_edge=False)
    for header in headers:
        # A header may come from a query: text, not markup.
        result.add_column(
            Text(header),
            justify="right" if header in figures else "left",
            overflow="fold",
        )
    for row in rows:
        cells = ["" if cell is None else str(cell) for cell in row]
        result.add_row(*(Text(cell, style=STYLES.get(cell, "")) for cell in cells))
    return result


def outcome_words(outcome: str) -> str:
    """How a run ended, as a person would say it."""
    return {
        "published_held": "published, with at least one source held back",
        "audited": "built and audited, not published",
        "busy": "gave way to another run",
        "killed": "ended without saying so",
        "running": "at work, or killed",
    }.get(outcome, words(outcome))


# ---------------------------------------------------------------- a run in progress


class PlainProgress(Observer):
    """One line per stage when it ends."""

    def __init__(self, out: Console) -> None:
        self.out = out

    def __enter__(self) -> PlainProgress:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing to put back."""

    def stage_ended(self, report: StageReport) -> None:
        figures = ", ".join(_counted(name, n) for name, n in _shown(report).items())
        line = f"{report.stage:<8} {report.seconds:6.1f} s  {figures}"
        self.out.print(Text(line))
        for note in report.notes[:MOST_NOTES]:
            self.out.print(Text(f"         ! {note}"))
        if len(report.notes) > MOST_NOTES:
            rest = len(report.notes) - MOST_NOTES
            self.out.print(Text(f"         ! and {rest} more, see the log"))


class LiveProgress(PlainProgress):
    """A bar for the stage at work; its line when it ends."""

    def __init__(self, out: Console) -> None:
        super().__init__(out)
        self.bars = Progress(
            SpinnerColumn(),
            TextColumn("{task.description:<8}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("[dim]{task.fields[item]}"),
            console=out,
            transient=True,
        )
        self.task = None

    def __enter__(self) -> LiveProgress:
        self.bars.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.bars.stop()

    def stage_started(self, stage: str) -> None:
        self.task = self.bars.add_task(stage, total=None, item="")

    def progress(self, stage: str, item: str, done: int, total: int) -> None:
        if self.task is not None:
            self.bars.update(
                self.task, completed=done, total=total, item=escape(item[:60])
            )

    def stage_ended(self, report: StageReport) -> None:
        if self.task is not None:
            self.bars.remove_task(self.task)
            self.task = None
        super().stage_ended(report)


def progress(out: Console) -> PlainProgress:
    """Bars on a terminal, lines elsewhere."""
    return LiveProgress(out) if out.is_terminal else PlainProgress(out)


def _shown(report: StageReport) -> dict[str, int]:
    """Figures worth a place on the line: not the zeros, except where 0 is the news."""
    return {
        name: count
        for name, count in report.counts.items()
        if count or name in {"files loaded", "judged", "exports held back"}
    }


def _counted(name: str, count: int) -> str:
    if name == "version":
        return f"version {count}"
    if count == 1:
        name = re.sub(r"^(batch(?=es)|[a-z]+(?=s\b))(es|s)\b", r"\1", name)
    return f"{count:,} {name}"


# ---------------------------------------------------------------- the end of a run


def show_refresh(out: Console, settings: Settings, report: RefreshReport) -> None:
    """KPIs, where the version and the log are, and what is held and why."""
    if report.version is not None:
        _show_kpis(out, settings)
        as_of = moment(report.as_of, settings.timezone)
        out.print(Text(f"Published version {report.version} as of {as_of}."))
        out.print(Text(f"Version  {report.folder}"))
        out.print(
            Text(f"Pages    {report.folder}/scorecard/index.html (takt scorecard)")
        )
    elif report.message:
        out.print(Text(report.message))
    out.print(Text(f"Log      {report.log_path}"))
    for text in held_lines(report.held, settings.timezone):
        out.print(text)
    late = [s for s in report.states if s.is_stale and not s.is_held]
    if late:
        names = ", ".join(f"{s.export_code} ({words(s.stale_reason)})" for s in late)
        out.print(Text(f"Missing: {names}. Next: takt status"))


def held_lines(held: Sequence[Held], timezone: str) -> Iterator[Text]:
    """Per export which files are not admitted, why the newest, and what to do."""
    for code in dict.fromkeys(one.export_code for one in held):
        files = [one for one in held if one.export_code == code]
        newest = files[-1]
        paths = newest.path
        if len(files) > 1:
            paths += f" and {len(files) - 1} more"
        yield Text.assemble(
            (f"Held back: {code}", "red"),
            f" ({paths}): {first_reason(newest.message)}\n"
            f"  Its KPIs stay at {moment(newest.data_as_of, timezone)} and are marked "
            f"stale. Next: takt gate {code}",
        )


def first_reason(message: str) -> str:
    """The weightiest of the reasons in a line; the others are counted."""
    first, *others = message.split(REASONS)
    if not others:
        return first
    count = "one more reason" if len(others) == 1 else f"{len(others)} more reasons"
    return f"{first} (and {count})"


def _show_kpis(out: Console, settings: Settings) -> None:
    try:
        result = query(settings, KPI_SQL)
    except QueryError:
        # A project of its own may publish other marts than the KPI ones.
        return
    if result.rows:
        out.print(kpi_table(result, settings.timezone))


def kpi_table(result: QueryResult, timezone: str) -> Table:
    """The rows of KPI_SQL for people."""
    rows = []
    for values in result.rows:
        row = dict(zip(result.columns, values, strict=True))
        source = "fresh"
        if row["is_stale"]:
            source = "stale"
        if row["data_as_of"] is not None:
            utc = row["data_as_of"].replace(tzinfo=ZoneInfo("UTC"))
            source += f", data to {moment(utc, timezone)}"
        state = words(row["state"])
        if row["state_reason"]:
            state += f" ({words(row['state_reason'])})"
        rows.append(
            (
                f"{row['name_en']} {row['name_zh']}",
                period(row["period_grain"], row["period_start"]),
                figure(row["value"], row["unit"]),
                bounds(row["target_min"], row["target_max"]),
                _verdict(row),
                state,
                source,
            )
        )
    headers = ("KPI", "period", "value", "target", "status", "state", "source")
    return table(headers, rows)


def _verdict(row: Mapping[str, Any]) -> str:
    """The status; of a value that is off and not yet refuted, that it is."""
    value, low, high = row["value"], row["target_min"], row["target_max"]
    is_off = value is not None and (
        (low is not None and value < low) or (high is not None and value > high)
    )
    if is_off and row["status"] == "on_target":
        return "can still be met"
    return words(row["status"])


def words(code: str | None) -> str:
    """A code of the marts as words."""
    return (code or "").replace("_", " ")


def figure(value: float | None, unit: str) -> str:
    """A KPI value with its unit; a dash when there is none."""
    if value is None:
        return "–"
    sign = {"pct": "%"}.get(unit)
    text = _number(value)
    return f"{text}{sign}" if sign else f"{text} {words(unit)}"


def bounds(least: float | None, most: float | None) -> str:
    """A target with one bound or two; a dash without."""
    if least is not None and most is not None:
        return f"{_number(least)} … {_number(most)}"
    if least is not None:
        return f"≥ {_number(least)}"
    return "–" if most is None else f"≤ {_number(most)}"


def _number(value: float) -> str:
    return f"{float(value):,.2f}".rstrip("0").rstrip(".")


def period(grain: str, start: object) -> str:
    """`2026-06` for a month, `2026-Q2` for a quarter, the day for a day."""
    text = str(start)[:10]
    year, month = text[:4], int(text[5:7])
    if grain == "quarter":
        return f"{year}-Q{(month + 2) // 3}"
    if grain == "half_year":
        return f"{year}-H{(month + 5) // 6}"
    if grain == "ytd":
        return f"{year} to {text[:7]}"
    return {"month": text[:7], "week": f"week of {text}"}.get(grain, text)


# ---------------------------------------------------------------- facts of the ledger


def state_table(states: Sequence[ExportState], timezone: str) -> Table:
    """One line per export: how fresh, judged how, late or held, how reliable."""
    rows = []
    for state in states:
        condition = words(state.stale_reason) if state.is_stale else "fresh"
        rows.append(
            (
                state.export_code,
                state.last_period or "",
                moment(state.data_as_of, timezone),
                state.newest_verdict or "–",
                condition,
                f"{state.reliability_grade} {state.reliability_score:.0f}",
                state.batches_in_force,
                state.rows_loaded,
                state.rows_rejected,
                state.rows_duplicate,
            )
        )
    headers = (
        "export",
        "last period",
        "data to",
        "newest",
        "state",
        "reliability",
        "files",
        "rows",
        "rejected",
        "duplicates",
    )
    return table(headers, rows)


def version_line(ledger: Ledger, timezone: str) -> Text:
    """Which version is current, and whether it is pinned."""
    pointer = ledger.pointer()
    row = None if pointer.version is None else ledger.version(pointer.version)
    if row is None:
        return Text("Nothing is published yet. Next: takt refresh")
    line = (
        f"Current version {row.version} as of {moment(row.as_of, timezone)}, published "
        f"{moment(row.published_at, timezone)}, code {row.code_version}."
    )
    if pointer.pinned:
        line += f" Pinned: {pointer.pinned_reason}. Next: takt unpin"
    return Text(line)


def last_run_line(ledger: Ledger, timezone: str) -> Text:
    """How the last run ended."""
    runs = ledger.runs(limit=1)
    if not runs:
        return Text("No run yet.")
    run = runs[0]
    line = f"Last run {run.run_id} ({moment(run.started_at, timezone)}): "
    line += outcome_words(run.outcome)
    if run.outcome in {"failed", "killed"}:
        line += f" in stage {run.stage}"
    if run.outcome == "failed":
        line += f": {run.message}"
    return Text(line)


def version_table(ledger: Ledger, timezone: str) -> Table | Text:
    """All versions ever published, newest first."""
    pointer = ledger.pointer()
    rows = []
    for row in ledger.versions():
        mark = ""
        if row.version == pointer.version:
            mark = "current, pinned" if pointer.pinned else "current"
        rows.append(
            (
                row.version,
                row.state,
                mark,
                moment(row.as_of, timezone),
                moment(row.published_at, timezone),
                row.code_version,
                row.run_id,
            )
        )
    if not rows:
        return Text("Nothing is published yet. Next: takt refresh")
    return table(("version", "state", "", "as of", "published", "code", "run"), rows)


def alert_table(found: Sequence[OpenAlert]) -> Table | Text:
    """Open alerts, newest first."""
    if not found:
        return Text("No alert is open.")
    rows = [
        (
            one.alert_id,
            "new" if one.is_new else "",
            one.kpi_code
            if one.segment_code == "all"
            else f"{one.kpi_code} {one.segment_code}",
            words(one.rule_id),
            one.onset_on,
            ", ".join(one.owners),
            f"taken on by {one.acknowledged_by}"
            if one.acknowledged_by
            else "told"
            if one.is_delivered
            else "not delivered yet",
            one.content,
        )
        for one in found
    ]
    return table(("id", "", "kpi", "rule", "since", "owner", "state", "message"), rows)


def why_tables(found: Why) -> Iterator[Table | Text]:
    """Tonight's decisions on a KPI, then what its owners were told."""
    rows = ((s, words(r), words(d), text) for s, r, d, text in found.sentences)
    yield table(("segment", "rule", "decision", "why"), rows)
    if not found.told:
        yield Text("Nobody was told anything of it yet.")
        return
    told = ((when[:16], words(kind), *rest) for when, kind, *rest in found.told)
    yield table(("filed (UTC)", "message", "period", "owner", "state"), told)


def verdicts(
    ledger: Ledger,
    exports: Sequence[Export],
    timezone: str,
    in_detail: bool,
    everything: bool,
) -> Iterator[Table | Text]:
    """The verdicts on the newest file of each export and on those that hold it back.

    With `everything` on every file.
    """
    rows, details = [], []
    for export in exports:
        for file in _files(ledger, export, everything):
            verdict = None
            name, reason = "not judged", ""
            if file["outcome"] == "refused":
                name, reason = "REFUSED", _refusal(file)
            else:
                batch = ledger.find_batch(export, file["sha256"], file["period"])
                verdict = batch and ledger.newest_verdict(batch.seq)
            if verdict:
                name = verdict.verdict
                reason = REASONS.join(verdict.results.get("reasons", []))
                details.append((export.code, file["path"], verdict))
            if not in_detail:
                reason = first_reason(reason)
            rows.append((export.code, file["path"], name, reason))
    if not rows:
        yield Text("No file of these exports has come yet.")
        return
    yield table(
        ("export", "file", "verdict", "reason"),
        rows,
    )
    if in_detail:
        for code, path, verdict in details:
            yield Text("")
            yield Text(
                f"{code} · {path}: {verdict.verdict}, {verdict.evaluated} of "
                f"{verdict.expected} expectations evaluated, "
                f"{moment(verdict.judged_at, timezone)}"
            )
            yield _expectations(verdict)


def _files(ledger: Ledger, export: Export, everything: bool) -> list[Mapping]:
    if not everything:
        newest = ledger.newest_file(export)
        held = [one.file for one in ledger.held_files(export)]
        seen = {file["path"] for file in held}
        return held if newest is None or newest["path"] in seen else [*held, newest]
    return ledger.files(export)


def _refusal(file: Mapping) -> str:
    return f"{words(file['refusal_code'])}: {file['refusal_message']}"


def _expectations(verdict: Verdict) -> Table:
    """One line per expectation, those that failed first."""
    rows = []
    for one in sorted(verdict.results.get("expectations", []), key=_passed):
        mark = "PASS" if _passed(one) else _severity(one["severity"])
        rows.append(
            (
                mark,
                one["severity"],
                ", ".join(one["columns"]),
                _rule(one["type"]),
                _observed(one),
                "; ".join(_limits(one["allowed"])),
                one.get("error") or one["notes"],
            )
        )
    headers = ("", "level", "columns", "expected", "observed", "allowed", "guards")
    return table(headers, rows)


def _passed(one: Mapping) -> bool:
    return bool(one["success"])


def _severity(severity: str) -> str:
    return "WARN" if severity == "warning" else "FAIL"


def _rule(kind: str) -> str:
    """`expect_column_values_to_not_be_null` as `not be null`."""
    return words(re.sub("^expect_((table|.*?columns?)_)?(values_)?(to_)?", "", kind))


def _observed(one: Mapping) -> str:
    """The figure that was compared; for rows, how many are off."""
    if isinstance(one["observed"], int | float):
        return f"{one['observed']:.4g}"
    if one["observed"] is not None or one["unexpected_count"] is None:
        return str(one["observed"] or "")
    return f"{one['unexpected_count']:,} of {one['tested']:,} off"


def _limits(allowed: Mapping[str, Any]) -> Iterator[str]:
    """The limits of an expectation in words; what has none is shown as it is."""
    for key in sorted(allowed, key=lambda name: name != "min_value"):
        value = allowed[key]
        if key == "mostly":
            yield f"at most {100 * (1 - value):.3g} % off"
        elif key == "value_set":
            yield "one of " + ", ".join(map(str, value))
        elif key == "row_condition":
            yield f"where {condition(value)}"
        elif key == "min_value" and value is not None:
            yield f"≥ {value:g}" if isinstance(value, int | float) else f"≥ {value}"
        elif key == "max_value" and value is not None:
            yield f"≤ {value:g}" if isinstance(value, int | float) else f"≤ {value}"
        elif value not in (None, False):
            yield words(key) if value is True else f"{words(key)}: {words(str(value))}"


def condition(tree: Any) -> str:
    """A row condition of great-expectations in words."""
    if not isinstance(tree, Mapping):
        return str(tree)
    parts = tree.get("conditions")
    if parts:
        return f" {tree['type']} ".join(condition(part) for part in parts)
    column = tree["column"]["name"]
    if tree.get("type") == "nullity":
        return f"{column} is {'empty' if tree['is_null'] else 'known'}"
    return f"{column} {tree.get('operator')} {tree.get('parameter')}"


def rejects(
    ledger: Ledger, exports: Sequence[Export], limit: int
) -> Iterator[Table | Text]:
    """Refused files, then per file the rejected records; rules, never values."""
    refused = [file for one in exports for file in ledger.refusals(one)]
    if refused:
        yield table(
            ("export", "refused file", "reason"),
            [(f"{f['source']}.{f['export']}", f["path"], _refusal(f)) for f in refused],
        )
    found = False
    for export in exports:
        for batch in ledger.batches(export):
            if not batch.rejected:
                continue
            found = True
            counts = ledger.reject_counts(batch.seq)
            told = ", ".join(
                f"{n:,} {words(rule)}" + (f" in {column}" if column else "")
                for rule, column, n in counts
            )
            yield Text(
                f"{export.code} · {ledger.path_of(batch)}: {batch.rejected} of "
                f"{batch.rows_in} records rejected: {told}"
            )
            yield table(
                ("record", "at byte", "column", "rule"),
                [
                    (one.record_no, one.byte_position, one.column_name, words(one.rule))
                    for one in ledger.rejects(batch.seq, limit)
                ],
            )
            if batch.rejected > limit:
                rest = batch.rejected - limit
                yield Text(f"and {rest:,} more; --limit {batch.rejected} shows all")
    if not refused and not found:
        yield Text("No file was refused and no record rejected.")


def finding_lines(finding: Finding, language: str) -> Iterator[Text]:
    """A finding for people: what, since when, who is asked, why, by which figures."""
    since = f" · since {finding.period_start}" if finding.period_start else ""
    state = "" if finding.state == "open" else f" · {finding.state}"
    if finding.decision_code:
        state += f" by {finding.decider_code} on {finding.decided_on}"
    yield Text(
        f"{finding.finding_id} · {finding.rule_id} {words(finding.verdict)} · "
        f"{finding.severity} · {finding.subject}{since} · {finding.owner_code}{state}",
        style="bold",
    )
    yield Text(f"  {finding.message_zh if language == 'zh' else finding.message_en}")
    figures = [
        f"{name} {value}"
        for name, value in finding.evidence.items()
        if value is not None
    ]
    yield Text(f"  {' · '.join(figures)}", style="dim")


def story_lines(told: Iterable[Part]) -> Iterator[RenderableType]:
    """Headings, tables and sentences; columns of figures are flushed right."""
    for place, part in enumerate(told):
        yield Text(f"\n{part.heading}" if place else part.heading, style="bold")
        if part.table:
            header, *cells = part.table
            columns = list(zip(*part.table, strict=True))[1:]
            figures = [
                name for name, *column in columns if all(map(_is_figure, column))
            ]
            yield table(header, cells, figures)
        for sentence in part.sentences:
            yield Padding(Text(sentence), (0, 0, 0, 2), expand=False)
    yield Text("")


def _is_figure(cell: str) -> bool:
    return cell in ("", "–") or cell[0].isdigit()


def diff_lines(diff: str) -> Iterator[Text]:
    """A diff, coloured as people know it, and a blank line."""
    for line in diff.splitlines():
        added = line.startswith("+") and not line.startswith("+++")
        removed = line.startswith("-") and not line.startswith("---")
        yield Text(f"  {line}", style="green" if added else "red" if removed else "")
    yield Text("")


def result(out: Console, found: QueryResult) -> Table | Text:
    """Any result of `takt query`: a table, or record by record where it is too wide."""
    rows = [[_cell(value) for value in row] for row in found.rows]
    widest = [
        max(map(cell_len, column)) for column in zip(found.columns, *rows, strict=True)
    ]
    if out.is_terminal and sum(widest) + 3 * len(widest) > out.width:
        name = max(map(cell_len, found.columns))
        return Text(
            "\n".join(
                f"— row {number}\n"
                + "\n".join(
                    f"{column}{' ' * (name - cell_len(column))}  {cell}"
                    for column, cell in zip(found.columns, row, strict=True)
                )
                for number, row in enumerate(rows, start=1)
            )
        )
    return table(found.columns, rows, figures=_figures(found))


def _cell(value: object) -> str:
    return "NULL" if value is None else str(value)


def _figures(found: QueryResult) -> set[str]:
    """The columns that hold numbers."""
    return {
        column
        for place, column in enumerate(found.columns)
        if all(_is_number(row[place]) for row in found.rows)
    }


def _is_number(value: object) -> bool:
    is_number = isinstance(value, int | float | Decimal) and not isinstance(value, bool)
    return value is None or is_number


def size(count: int) -> str:
    """Bytes for people."""
    value = float(count)
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "B" else f"{value:.1f} {unit}"


def shown_path(path: Path) -> str:
    """A path below the working directory as people type it."""
    cwd = Path.cwd()
    return str(path.relative_to(cwd)) if path.is_relative_to(cwd) else str(path)
