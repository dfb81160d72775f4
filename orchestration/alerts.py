"""Alerts between nights: which are open, what their owners were told, who took them.

The marts say what the figures mean tonight and remember nothing; the ledger remembers
what people were told. `plan` compares the two and writes the messages that are due;
`notify` delivers them. Here also: what `takt alerts` shows and files. Not here: when a
figure is an alarm (`models/review/`), and how a message travels (`notify`).
"""

from __future__ import annotations

import csv
import difflib
import hashlib
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestration.ledger import Ledger, utc_now, utc_text
from orchestration.query import open_current
from orchestration.settings import Settings

if TYPE_CHECKING:
    import duckdb

# Nothing is told of a night that lies before the last one that was told of.
TOLD_AS_OF = "alerts_told_as_of"

# Who gets what no register names an owner for: the address of all who have none.
NOBODY = "default"

OLDEST_CASES = 10
ID_LENGTH = 12

_NEEDED = frozenset(
    {"fct_alert_evaluations", "fct_alert_episodes", "fct_case_alerts"}
    | {"dim_alert_routes", "dim_kpi_targets", "dim_kpis"}
)


class AlertError(Exception):
    """The alert, KPI or role that was named is not known; for people."""


@dataclass(frozen=True)
class Facts:
    """What the published version says; each row is a mapping of column to value."""

    as_of: datetime
    evaluations: tuple[Mapping[str, Any], ...]
    episodes: tuple[Mapping[str, Any], ...]
    cases: tuple[Mapping[str, Any], ...]
    routes: tuple[Mapping[str, Any], ...]
    kpis: tuple[Mapping[str, Any], ...]
    tasks: tuple[Mapping[str, Any], ...]


def read_facts(marts: duckdb.DuckDBPyConnection, as_of: datetime) -> Facts | None:
    """The alerts of a published version; None for a project that has no such marts."""

    def rows(sql: str) -> tuple[Mapping[str, Any], ...]:
        result = marts.execute(sql)
        names = [column[0] for column in result.description]
        return tuple(dict(zip(names, row, strict=True)) for row in result.fetchall())

    tables = rows("select table_name from information_schema.tables")
    if not {row["table_name"] for row in tables} >= _NEEDED:
        return None
    return Facts(
        as_of=as_of,
        evaluations=rows("select * from fct_alert_evaluations order by all"),
        episodes=rows("select * from fct_alert_episodes order by all"),
        cases=rows(
            "select * from fct_case_alerts where case_state = 'breached' "
            "order by kpi_code, age_seconds desc, subject_id"
        ),
        routes=rows(
            "select * from dim_alert_routes "
            "order by kpi_code, segment_code, purpose, route_no"
        ),
        kpis=rows("select kpi_code, name_en, name_zh, status from dim_kpis"),
        tasks=rows(
            "select kpi_code, segment_code, on_alarm_en, on_alarm_zh "
            "from dim_kpi_targets where phase = 'in_force'"
        ),
    )


def messages(project: Path) -> dict[str, dict[str, str]]:
    """The texts of the register of messages: id to language to template."""
    path = project / "seeds" / "messages.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return {
            row["message_id"]: {"en": row["en"], "zh": row["zh"]}
            for row in csv.DictReader(file)
        }


# ---------------------------------------------------------------- plan


def plan(
    ledger: Ledger, facts: Facts, texts: Mapping[str, Mapping[str, str]], run_id: str
) -> int:
    """Write the messages that the facts make due; how many. All or nothing.

    The same facts twice make nothing due the second time. Facts as of an earlier moment
    than the last ones are history and make nothing due.
    """
    told = ledger.fact(TOLD_AS_OF)
    if told is not None and utc_text(facts.as_of) < told:
        return 0
    with ledger.transaction() as write:
        planner = _Planner(write, facts, texts, run_id)
        planner.follow_open()
        planner.open_new()
        planner.tell_data()
        planner.tell_cases()
        ledger.set_fact(TOLD_AS_OF, utc_text(facts.as_of))
    return planner.written


class _Planner:
    """One night's comparison of facts and ledger, inside an open transaction."""

    def __init__(
        self,
        write: sqlite3.Connection,
        facts: Facts,
        texts: Mapping[str, Mapping[str, str]],
        run_id: str,
    ) -> None:
        self.write, self.facts, self.texts, self.run_id = write, facts, texts, run_id
        self.now = utc_text(utc_now())
        self.written = 0
        self.names = {row["kpi_code"]: row for row in facts.kpis}
        self.active = {r["kpi_code"] for r in facts.kpis if r["status"] == "active"}
        self.tasks = {(r["kpi_code"], r["segment_code"]): r for r in facts.tasks}
        self.evaluations = {row["fingerprint"]: row for row in facts.evaluations}
        self.held = {
            row["kpi_code"]
            for row in facts.evaluations
            if row["rule_id"] == "data" and row["decision"] == "held"
        }
        self.routes: dict[tuple[str, str, str], list[Mapping[str, Any]]] = {}
        for row in facts.routes:
            key = (row["kpi_code"], row["segment_code"], row["purpose"])
            self.routes.setdefault(key, []).append(row)

    # ------------------------------------------------------------ limits, signals

    def follow_open(self) -> None:
        """Close, or remind of, each alert that owners know of."""
        for episode in self._open_episodes("limit", "signal"):
            kpi = episode["kpi_code"]
            # Without data to rely on, what was told stands.
            if kpi not in self.names or kpi in self.held:
                continue
            match = self._match(episode)
            if match is None:
                self._close(episode, "restated", episode["onset_on"])
            elif match["closed_reason"] is not None:
                self._close(episode, match["closed_reason"], str(match["closed_on"]))
            elif match["open_state"] == "firing":
                self._remind(episode, str(match["last_judged_on"]))

    def _match(self, episode: sqlite3.Row) -> Mapping[str, Any] | None:
        """The alert of the marts that runs through the period in which it was told."""
        for row in self.facts.episodes:
            spans = str(row["onset_on"]) <= episode["onset_on"] <= str(row["last_on"])
            if row["fingerprint"] == episode["fingerprint"] and spans:
                return row
        return None

    def _remind(self, episode: sqlite3.Row, period: str) -> None:
        evaluation = self.evaluations.get(episode["fingerprint"])
        if evaluation is None or evaluation["decision"] != "already_open":
            return
        told = self.write.execute(
            "select max(period) as period, sum(kind = 'reminder') as reminders "
            "from alert_messages "
            "where episode_id = ? and kind in ('fired', 'reminder')",
            (episode["episode_id"],),
        ).fetchone()
        route = self._route(episode["kpi_code"], episode["segment_code"], "alert")
        most = route[0]["reminder_max"] if route else 0
        if episode["acknowledged_at"] or told["reminders"] >= most:
            return
        if period <= told["period"]:
            return
        waited = told["reminders"] + 1
        place = min(waited // route[0]["escalate_after"], len(route) - 1)
        self._say(episode["episode_id"], "reminder", period, evaluation, route[place])

    def open_new(self) -> None:
        """Tell of each alert that is on and that no open episode stands for."""
        known = {e["fingerprint"] for e in self._open_episodes("limit", "signal")}
        for row in self.facts.episodes:
            evaluation = self.evaluations.get(row["fingerprint"])
            if row["open_state"] is None or row["fingerprint"] in known:
                continue
            if evaluation is None:
                continue
            if evaluation["decision"] in ("held", "silenced", "snoozed"):
                continue
            number = self._open(row, row["rule_id"], str(row["onset_on"]))
            route = self._route(row["kpi_code"], row["segment_code"], "alert")
            self._say(
                number,
                "fired",
                str(row["last_judged_on"]),
                evaluation,
                route[0] if route else None,
            )

    # ------------------------------------------------------------ data

    def tell_data(self) -> None:
        """Tell the data owner once of a source that fails a KPI, and of each gap."""
        for rule in ("held", "no_data"):
            wanted = {
                row["fingerprint"] + rule: row
                for row in self.facts.evaluations
                if row["rule_id"] == "data"
                and row["decision"] == rule
                and row["kpi_code"] in self.active
            }
            for episode in self._open_episodes(rule):
                if episode["fingerprint"] not in wanted:
                    self._end(episode, "over")
            opened = {
                episode["fingerprint"]: episode["episode_id"]
                for episode in self._open_episodes(rule)
            }
            for fingerprint, row in wanted.items():
                # One message while it lasts; a gap is one for each period.
                period = "once" if rule == "held" else str(row["period_start"])
                number = opened.get(fingerprint) or self._open(
                    {**row, "fingerprint": fingerprint},
                    rule,
                    self.facts.as_of.date().isoformat(),
                )
                route = self._route(row["kpi_code"], "all", "data")
                self._say(number, rule, period, row, route[0] if route else None)

    # ------------------------------------------------------------ cases

    def tell_cases(self) -> None:
        """Tell of open cases beyond their limit when there are new ones among them."""
        cases: dict[str, list[Mapping[str, Any]]] = {}
        for row in self.facts.cases:
            if row["kpi_code"] in self.active:
                cases.setdefault(row["kpi_code"], []).append(row)
        opened = {e["kpi_code"]: e for e in self._open_episodes("case")}
        for kpi, episode in opened.items():
            if kpi not in cases and kpi not in self.held:
                self._end(episode, "over")
        for kpi, breached in cases.items():
            if kpi not in self.held:
                self._tell_breached(kpi, breached, opened.get(kpi))

    def _tell_breached(
        self,
        kpi: str,
        breached: list[Mapping[str, Any]],
        episode: sqlite3.Row | None,
    ) -> None:
        if episode is None:
            case = {
                "kpi_code": kpi,
                "segment_code": "all",
                "side": "high",
                "fingerprint": hashlib.sha256(f"{kpi}|case".encode()).hexdigest(),
            }
            number = self._open(case, "case", self.facts.as_of.date().isoformat())
        else:
            number = episode["episode_id"]
        now = {row["subject_id"] for row in breached}
        known = {
            row["subject_id"]
            for row in self.write.execute(
                "select subject_id from alert_cases where episode_id = ?", (number,)
            )
        }
        self.write.executemany(
            "delete from alert_cases where episode_id = ? and subject_id = ?",
            [(number, subject) for subject in sorted(known - now)],
        )
        fresh = now - known
        if not fresh:
            return
        self.write.executemany(
            "insert into alert_cases values (?, ?)",
            [(number, subject) for subject in sorted(fresh)],
        )
        limit = breached[0]["case_limit_seconds"] / 3600
        values = {
            "count": len(breached),
            "new": len(fresh),
            "limit": f"{limit:g} h",
            "oldest": ", ".join(row["subject_id"] for row in breached[:OLDEST_CASES]),
        }
        line = {
            f"sentence_{language}": self.texts["digest_case_line"][language].format(
                kpi=self._name(kpi, language), **values
            )
            for language in ("en", "zh")
        }
        route = self._route(kpi, "all", "alert")
        row = {"kpi_code": kpi, "segment_code": "all", **line}
        period = utc_text(self.facts.as_of)
        self._say(number, "cases", period, row, route[0] if route else None)

    # ------------------------------------------------------------ ledger rows

    def _open_episodes(self, *rules: str) -> list[sqlite3.Row]:
        places = ", ".join("?" for _ in rules)
        return self.write.execute(
            f"select * from alert_episodes where closed_at is null "
            f"and rule_id in ({places}) order by episode_id",
            rules,
        ).fetchall()

    def _open(self, row: Mapping[str, Any], rule: str, onset_on: str) -> int:
        cursor = self.write.execute(
            "insert into alert_episodes (fingerprint, kpi_code, segment_code, rule_id, "
            "side, onset_on, opened_at, opened_run_id) values (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                row["fingerprint"],
                row["kpi_code"],
                row["segment_code"],
                rule,
                row["side"],
                onset_on,
                self.now,
                self.run_id,
            ),
        )
        return int(cursor.lastrowid or 0)

    def _end(self, episode: sqlite3.Row, reason: str) -> None:
        self.write.execute(
            "update alert_episodes set closed_at = ?, closed_run_id = ?, "
            "closed_reason = ? where episode_id = ?",
            (self.now, self.run_id, reason, episode["episode_id"]),
        )
        # Whose case it was is nobody's business any longer.
        self.write.execute(
            "delete from alert_cases where episode_id = ?", (episode["episode_id"],)
        )

    def _close(self, episode: sqlite3.Row, reason: str, period: str) -> None:
        """End an episode and tell whoever was told last."""
        self._end(episode, reason)
        last = self.write.execute(
            "select owner_code, language from alert_messages where episode_id = ? "
            "order by message_id desc limit 1",
            (episode["episode_id"],),
        ).fetchone()
        evaluation = self.evaluations.get(episode["fingerprint"]) or {
            "kpi_code": episode["kpi_code"],
            "segment_code": episode["segment_code"],
            "sentence_en": self._name(episode["kpi_code"], "en"),
            "sentence_zh": self._name(episode["kpi_code"], "zh"),
        }
        self._say(episode["episode_id"], reason, period, evaluation, last)

    def _say(
        self,
        episode_id: int,
        kind: str,
        period: str,
        row: Mapping[str, Any],
        owner: Any,
    ) -> None:
        """File a message, unless one of this kind and period is there."""
        language = owner["language"] if owner is not None else "en"
        cursor = self.write.execute(
            "insert or ignore into alert_messages (episode_id, kind, period, "
            "owner_code, language, content, run_id, written_at) "
            "values (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                episode_id,
                kind,
                period,
                owner["owner_code"] if owner is not None else NOBODY,
                language,
                self._content(kind, row, language),
                self.run_id,
                self.now,
            ),
        )
        self.written += cursor.rowcount

    def _content(self, kind: str, row: Mapping[str, Any], language: str) -> str:
        parts = [str(row[f"sentence_{language}"])]
        if kind in ("fired", "reminder"):
            if row.get("contributor_code"):
                parts.append(
                    self.texts["digest_segment"][language].format(
                        segment=row["contributor_code"]
                    )
                )
            task = self.tasks.get((row["kpi_code"], row["segment_code"]), {})
            if task.get(f"on_alarm_{language}"):
                parts.append(
                    self.texts["digest_task"][language].format(
                        task=task[f"on_alarm_{language}"]
                    )
                )
        return " ".join(parts)

    def _route(self, kpi: str, segment: str, purpose: str) -> list[Mapping[str, Any]]:
        return self.routes.get((kpi, segment, purpose), [])

    def _name(self, kpi: str, language: str) -> str:
        row = self.names.get(kpi, {})
        return str(row.get(f"name_{language}") or kpi)


# ---------------------------------------------------------------- for people


@dataclass(frozen=True)
class OpenAlert:
    """One open episode, as the command line shows it."""

    alert_id: str
    kpi_code: str
    segment_code: str
    rule_id: str
    onset_on: str
    owners: tuple[str, ...]
    is_new: bool
    is_delivered: bool
    acknowledged_by: str | None
    content: str


def open_alerts(ledger: Ledger) -> list[OpenAlert]:
    """What is open, newest first; new is what the last run that told of any opened."""
    rows = ledger.connection.execute(
        "select * from alert_episodes where closed_at is null order by episode_id desc"
    ).fetchall()
    newest = ledger.connection.execute(
        "select opened_run_id from alert_episodes order by episode_id desc limit 1"
    ).fetchone()
    last = ledger.runs(limit=1)
    found = []
    for row in rows:
        said = ledger.connection.execute(
            "select owner_code, delivered_at, content from alert_messages "
            "where episode_id = ? order by message_id",
            (row["episode_id"],),
        ).fetchall()
        found.append(
            OpenAlert(
                alert_id=row["fingerprint"][:ID_LENGTH],
                kpi_code=row["kpi_code"],
                segment_code=row["segment_code"],
                rule_id=row["rule_id"],
                onset_on=row["onset_on"],
                owners=tuple(dict.fromkeys(one["owner_code"] for one in said)),
                is_new=bool(last)
                and newest["opened_run_id"] == row["opened_run_id"]
                and row["opened_run_id"] == last[0].run_id,
                is_delivered=all(one["delivered_at"] for one in said),
                acknowledged_by=row["acknowledged_by"],
                content=said[-1]["content"] if said else "",
            )
        )
    return found


def acknowledge(ledger: Ledger, alert_id: str, by: str, note: str) -> OpenAlert:
    """File that a role has taken an alert on; it is then no longer reminded of."""
    rows = ledger.connection.execute(
        "select episode_id, fingerprint from alert_episodes where closed_at is null"
    ).fetchall()
    ids = {row["fingerprint"][:ID_LENGTH]: row["episode_id"] for row in rows}
    if alert_id not in ids:
        raise AlertError(_unknown("open alert", alert_id, ids))
    with ledger.transaction() as write:
        write.execute(
            "update alert_episodes set acknowledged_at = ?, acknowledged_by = ?, "
            "acknowledged_note = ? where episode_id = ?",
            (utc_text(utc_now()), by, note, ids[alert_id]),
        )
    return next(one for one in open_alerts(ledger) if one.alert_id == alert_id)


def check_role(settings: Settings, role: str) -> None:
    """Raise AlertError unless the role is in the line of owners of some KPI."""
    with open_current(settings) as (_, marts):
        rows = marts.execute("select distinct owner_code from dim_alert_routes")
        known = {row[0] for row in rows.fetchall()}
    if role not in known:
        raise AlertError(_unknown("owner in force", role, known))


@dataclass(frozen=True)
class Why:
    """Why a KPI did, or did not, alert: tonight's sentences, and what was told."""

    sentences: tuple[tuple[str, str, str, str], ...]
    told: tuple[tuple[str, str, str, str, str], ...]


def why(settings: Settings, ledger: Ledger, kpi_code: str, language: str = "en") -> Why:
    """(segment, rule, decision, sentence) each, and (when, kind, period, owner, state).

    Raises AlertError for an unknown KPI.
    """
    with open_current(settings) as (_, marts):
        rows = marts.execute("select kpi_code from dim_kpis").fetchall()
        known = {row[0] for row in rows}
        if kpi_code not in known:
            raise AlertError(_unknown("KPI", kpi_code, known))
        sentences = marts.execute(
            f"select segment_code, rule_id, decision, sentence_{language} "
            "from fct_alert_evaluations where kpi_code = ? "
            "order by segment_code, rule_id, side",
            [kpi_code],
        ).fetchall()
    told = ledger.connection.execute(
        "select m.written_at, m.kind, m.period, m.owner_code, m.delivered_at "
        "from alert_messages as m join alert_episodes as e using (episode_id) "
        "where e.kpi_code = ? order by m.message_id",
        (kpi_code,),
    ).fetchall()
    return Why(
        tuple(sentences),
        tuple(
            (*tuple(row)[:4], "delivered" if row["delivered_at"] else "not delivered")
            for row in told
        ),
    )


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, sorted(known), n=1, cutoff=0)
    return f"{name}: no such {what}" + (f"; the nearest is {near[0]}" if near else "")
