"""What the review asks people to decide, and their decisions.

Here: the findings of the current version, the change of the registers that each
proposes as a diff, and `decide`, which appends to `seeds/decisions.csv` and, on accept,
makes that change. Nothing else in the project changes a target. Not here: the rules
(`models/review/`) and how a register file is edited (`register_files`).
"""

from __future__ import annotations

import difflib
import json
import shutil
import tempfile
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Literal

from orchestration import query
from orchestration.ledger import utc_now
from orchestration.register_files import (
    ChangeRefused,
    RegisterFile,
    next_period,
    write_atomically,
)
from orchestration.registers import History, check_registers
from orchestration.settings import Settings

Action = Literal["accept", "decline", "snooze"]
_COLUMNS = (
    "finding_id, rule_id, severity, verdict, kpi_code, process_code, segment_code, "
    "period_start, message_en, message_zh, evidence, proposed_change, owner_code, "
    "state, decision_code, decider_code, decided_on"
)


class DecisionRefused(ValueError):
    """The decision cannot be made; the message says why and what to do."""


@dataclass(frozen=True)
class Change:
    """One cell of a register: the row by its key, the column, its text now and then."""

    seed: str
    key: Mapping[str, str]
    column: str
    old: str
    new: str


@dataclass(frozen=True)
class Finding:
    """One row of `fct_findings`."""

    finding_id: str
    rule_id: str
    severity: str
    verdict: str
    kpi_code: str | None
    process_code: str | None
    segment_code: str | None
    period_start: date | None
    message_en: str
    message_zh: str
    evidence: Mapping[str, Any]
    changes: tuple[Change, ...]
    owner_code: str | None
    state: str
    decision_code: str | None
    decider_code: str | None
    decided_on: date | None

    @property
    def subject(self) -> str:
        """The KPI, with its segment unless it is all, or the process."""
        name = self.kpi_code or self.process_code or "-"
        segment = self.segment_code
        return name if segment in (None, "all") else f"{name} · {segment}"


@dataclass(frozen=True)
class Decision:
    """What was written: the row of the decision, and the files that changed."""

    decision_code: str
    files: tuple[Path, ...]


def today(settings: Settings) -> date:
    """The local day on which a decision is made."""
    return (settings.as_of or utc_now()).astimezone(settings.zone).date()


def findings(settings: Settings, states: Collection[str] = ("open",)) -> list[Finding]:
    """Findings of the current version in these states, what must be settled first."""
    found = query.query(
        settings,
        f"select {_COLUMNS} from fct_findings order by case severity when 'F' then 1 "
        "when 'W' then 2 else 3 end, kpi_code, process_code, rule_id, finding_id",
    )
    names = [*found.columns]
    rows = (dict(zip(names, row, strict=True)) for row in found.rows)
    return [_finding(row) for row in rows if row["state"] in states]


def find(settings: Settings, finding_id: str) -> Finding:
    """The finding whose name begins so; raises DecisionRefused if not exactly one."""
    everything = findings(settings, ("open", "accepted", "declined", "snoozed"))
    found = [one for one in everything if one.finding_id.startswith(finding_id)]
    if len(found) != 1:
        raise DecisionRefused(
            f"{len(found) or 'no'} findings begin with {finding_id!r}; "
            "`takt review` lists them"
        )
    return found[0]


def proposal(folder: Path, finding: Finding, on: date) -> str:
    """The diff of the registers that accepting on a day would make; may be empty.

    Raises ChangeRefused if the registers have moved on since.
    """
    files = _changed(folder, finding, on, "", "")
    return "".join(
        line
        for file in files
        for line in difflib.unified_diff(
            file.text.splitlines(keepends=True),
            file.rendered().splitlines(keepends=True),
            f"seeds/{file.path.name}",
            f"seeds/{file.path.name}",
            n=0,
        )
    )


def shown_proposal(folder: Path, finding: Finding, on: date) -> str:
    """As `proposal`, or why there is none any more."""
    try:
        return proposal(folder, finding, on)
    except ChangeRefused as refusal:
        return f"{refusal}\n"


def decide(
    settings: Settings,
    fields: Iterable[str],
    finding: Finding,
    action: Action,
    by: str,
    why: str,
    until: date | None = None,
) -> Decision:
    """Write a decision, and on accept the change of the registers that it approves.

    The change holds from the next period on: what is past stays as it was judged. All
    registers are checked with it, also against what was published, before any is
    replaced (RegistersRefused). The
    decision is written first; a run that was cut off after it is finished by deciding
    the same again. Raises DecisionRefused and ChangeRefused.
    """
    folder = settings.project / "seeds"
    on = today(settings)
    if (action == "snooze") != (until is not None):
        raise DecisionRefused("snooze needs --until, and only snooze has one")
    if until is not None and until <= on:
        raise DecisionRefused(f"until {until} is not after {on}")
    journal = RegisterFile(folder / "decisions.csv")
    earlier = _last_decision(journal, finding.finding_id)
    if earlier is None:
        code = _next_code(journal)
        journal.append(
            _row(code, "finding", finding.finding_id, action, by, why, on, until)
        )
    else:
        # Only an accepted change that never reached its register is left to do.
        code, on = earlier["decision_code"], date.fromisoformat(earlier["decided_on"])
        registers = {one.seed for one in finding.changes} - {"decisions"}
        if not (action == earlier["action"] == "accept" and registers):
            raise DecisionRefused(_decided(finding, earlier))
    changed = []
    if action == "accept":
        try:
            changed = _changed(folder, finding, on, by, why, journal)
        except ChangeRefused:
            if earlier is None:
                raise
            raise DecisionRefused(_decided(finding, earlier)) from None
    files = [journal, *(file for file in changed if file is not journal)]
    _replace(folder, files, fields, query.published_history(settings))
    return Decision(code, tuple(file.path for file in files))


def _finding(row: dict[str, Any]) -> Finding:
    changes = tuple(
        Change(
            seed=one["seed"],
            key=one["key"],
            column=one["column"],
            old=one["old"] or "",
            new=one["new"] or "",
        )
        for one in json.loads(row.pop("proposed_change") or "[]")
    )
    evidence = json.loads(row.pop("evidence") or "{}")
    return Finding(**row, changes=changes, evidence=evidence)


def _changed(
    folder: Path,
    finding: Finding,
    on: date,
    by: str,
    why: str,
    journal: RegisterFile | None = None,
) -> list[RegisterFile]:
    """Register files with the changes that a finding proposes."""
    grouped: dict[tuple, dict[str, tuple[str, str]]] = defaultdict(dict)
    for one in finding.changes:
        row = one.seed, tuple(sorted(one.key.items()))
        grouped[row][one.column] = one.old, one.new
    files: dict[str, RegisterFile] = {}
    if journal:
        files["decisions"] = journal
    for (seed, key), cells in grouped.items():
        file = files.setdefault(seed, RegisterFile(folder / f"{seed}.csv"))
        named = dict(key)
        if seed == "decisions":
            ((_, action),) = cells.values()
            file.append(
                _row(_next_code(file), **named, action=action, by=by, why=why, on=on)
            )
            continue
        start = next_period(on, _period(folder, named["kpi_code"]))
        file.change(named, cells, start, why if seed == "kpi_targets" else "")
    if journal and not any(seed == "decisions" for seed, _ in grouped):
        del files["decisions"]
    return list(files.values())


def _period(folder: Path, kpi_code: str) -> str:
    rows = RegisterFile(folder / "kpis.csv").rows()
    periods = [row["period"] for row in rows if row["kpi_code"] == kpi_code]
    return (periods[-1] if periods else "") or "month"


def _row(
    code: str,
    subject_kind: str,
    subject_id: str,
    action: str,
    by: str,
    why: str,
    on: date,
    until: date | None = None,
) -> dict[str, str]:
    return {
        "decision_code": code,
        "subject_kind": subject_kind,
        "subject_id": subject_id,
        "action": action,
        "decided_on": on.isoformat(),
        "until": until.isoformat() if until else "",
        "decider_code": by,
        "reason": " ".join(why.split()),
    }


def _next_code(journal: RegisterFile) -> str:
    """Decisions are numbered D1, D2, … in the order in which they were made."""
    codes = (row["decision_code"][1:] for row in journal.rows())
    return f"D{1 + max((int(code) for code in codes if code.isdecimal()), default=0)}"


def _last_decision(journal: RegisterFile, finding_id: str) -> dict[str, str] | None:
    """The last decision that still binds: a snooze may be followed by another."""
    about = [row for row in journal.rows() if row["subject_id"] == finding_id]
    return about[-1] if about and about[-1]["action"] != "snooze" else None


def _decided(finding: Finding, earlier: Mapping[str, str]) -> str:
    return (
        f"{finding.finding_id} was decided on {earlier['decided_on']} by "
        f"{earlier['decider_code']}: {earlier['action']}"
    )


def _replace(
    folder: Path, files: list[RegisterFile], fields: Iterable[str], history: History
) -> None:
    """Check all registers with the new files, then put them in place, in order."""
    with tempfile.TemporaryDirectory() as scratch:
        trial = Path(scratch) / "seeds"
        shutil.copytree(folder, trial)
        for file in files:
            (trial / file.path.name).write_text(file.rendered(), encoding="utf-8")
        check_registers(trial, fields, history)
    for file in files:
        if file.rendered() != file.text:
            write_atomically(file.path, file.rendered())


__all__ = [
    "Action",
    "Change",
    "ChangeRefused",
    "Decision",
    "DecisionRefused",
    "Finding",
    "decide",
    "find",
    "findings",
    "proposal",
    "today",
]
