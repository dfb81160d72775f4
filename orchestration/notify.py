"""Tell owners what changed: one digest per owner and run, in their language.

Here: gathering what is due for an owner, its text, and delivery through the addresses
in the environment. What is due is decided by `orchestration.alerts`. A delivery that
fails is filed and tried again by the next run; nothing here can hold back a version.
An address may hold a password: it is used, and never printed, stored or logged.
"""

from __future__ import annotations

import logging
import re
import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from orchestration import alerts
from orchestration.faults import faultpoint
from orchestration.ledger import Ledger, utc_now, utc_text
from orchestration.query import open_current
from orchestration.settings import Settings, channels_of

if TYPE_CHECKING:
    from pydantic import SecretStr

# In the order in which a digest tells them.
KINDS = (
    "fired",
    "cases",
    "reminder",
    "recovered",
    "redefined",
    "restated",
    "held",
    "no_data",
)

NO_ADDRESS = "no address: set TAKT_NOTIFY_DEFAULT or TAKT_NOTIFY_<OWNER>"

_SCHEME = re.compile(r"\s*([a-z0-9]+)://", re.IGNORECASE)


@dataclass(frozen=True)
class Digest:
    """What one owner is told by one run."""

    owner_code: str
    language: str
    title: str
    body: str
    message_ids: tuple[int, ...]


@dataclass(frozen=True)
class Told:
    """What a run told: messages newly due, digests delivered and not, notes."""

    due: int
    delivered: int
    failed: int
    notes: tuple[str, ...]


def tell(
    settings: Settings, ledger: Ledger, run_id: str, as_of: datetime | None
) -> Told:
    """Plan and deliver; `as_of` is None for a run that has published nothing.

    Such a run only repeats deliveries that failed before.
    """
    facts = None
    if as_of is not None:
        with open_current(settings) as (_, marts):
            facts = alerts.read_facts(marts, as_of)
    return tell_facts(ledger, facts, alerts.messages(settings.project), run_id)


def tell_facts(
    ledger: Ledger,
    facts: alerts.Facts | None,
    texts: Mapping[str, Mapping[str, str]],
    run_id: str,
) -> Told:
    """Plan what the facts make due, and deliver all that has not arrived yet."""
    faultpoint("notify.before_plan")
    due = 0 if facts is None else alerts.plan(ledger, facts, texts, run_id)
    faultpoint("notify.after_plan")
    delivered, failed, notes = 0, 0, []
    unreachable: list[str] = []
    for digest in digests(ledger, texts):
        problem = deliver(channels_of(digest.owner_code), digest)
        faultpoint("notify.after_send")
        file_delivery(ledger, run_id, digest, problem)
        if problem is None:
            delivered += 1
        elif problem == NO_ADDRESS:
            failed += 1
            unreachable.append(digest.owner_code)
        else:
            failed += 1
            notes.append(f"{digest.owner_code} was not told: {problem}")
    if unreachable:
        notes.append(f"{', '.join(unreachable)}: not told, {NO_ADDRESS}")
    return Told(due, delivered, failed, tuple(notes))


# ---------------------------------------------------------------- digests


def digests(ledger: Ledger, texts: Mapping[str, Mapping[str, str]]) -> list[Digest]:
    """One digest for each owner who has messages that never arrived."""
    rows = ledger.connection.execute(
        "select m.*, e.kpi_code, e.segment_code, e.rule_id, e.fingerprint "
        "from alert_messages as m join alert_episodes as e using (episode_id) "
        "where m.delivered_at is null order by m.message_id"
    ).fetchall()
    by_owner: dict[str, list[sqlite3.Row]] = {}
    for row in rows:
        by_owner.setdefault(row["owner_code"], []).append(row)
    return [_digest(owner, own, texts) for owner, own in sorted(by_owner.items())]


def _digest(
    owner: str, rows: Sequence[sqlite3.Row], texts: Mapping[str, Mapping[str, str]]
) -> Digest:
    language = rows[-1]["language"]

    def text(name: str, **values: object) -> str:
        return texts[f"digest_{name}"][language].format(**values)

    lines, count = [], 0
    for kind in KINDS:
        # A KPI's limit and signal say one thing: the limit, which sorts first.
        own = sorted(
            (row for row in rows if row["kind"] == kind),
            key=lambda row: (row["kpi_code"], row["segment_code"], row["rule_id"]),
        )
        merged: dict[tuple[str, str], sqlite3.Row] = {}
        for row in own:
            merged.setdefault((row["kpi_code"], row["segment_code"]), row)
        if not merged:
            continue
        count += len(merged)
        lines += ["", text(kind)]
        for row in merged.values():
            lines.append(f"- {row['content']}")
            if kind in ("fired", "reminder", "cases"):
                number = row["fingerprint"][: alerts.ID_LENGTH]
                lines.append(f"  {text('acknowledge', id=number, owner=owner)}")
    return Digest(
        owner_code=owner,
        language=language,
        title=text("subject", count=count, owner=owner),
        body="\n".join(lines).strip() + "\n",
        message_ids=tuple(row["message_id"] for row in rows),
    )


# ---------------------------------------------------------------- delivery


def deliver(channels: SecretStr | None, digest: Digest) -> str | None:
    """Send a digest to all addresses of its owner; None, or why it did not arrive."""
    if channels is None:
        return NO_ADDRESS
    import apprise

    # Its messages may repeat an address.
    logging.getLogger("apprise").disabled = True
    known = _SCHEME.findall(channels.get_secret_value())
    words = f"by {', '.join(name.lower() for name in known)}" if known else ""
    sender = apprise.Apprise()
    if not sender.add(channels.get_secret_value()):
        return f"the address {words or 'without a scheme'} is not understood"
    try:
        arrived = sender.notify(
            title=digest.title,
            body=digest.body,
            body_format=apprise.NotifyFormat.TEXT,
        )
    except Exception as error:
        return f"delivery {words} failed ({type(error).__name__})"
    return None if arrived else f"delivery {words} failed"


def file_delivery(
    ledger: Ledger, run_id: str, digest: Digest, problem: str | None
) -> None:
    """File an attempt; what arrived is never sent again."""
    now = utc_text(utc_now())
    outcome = "delivered"
    if problem is not None:
        outcome = "no_channel" if problem == NO_ADDRESS else "failed"
    with ledger.transaction() as write:
        write.execute(
            "insert into alert_deliveries (run_id, owner_code, messages, "
            "attempted_at, outcome, problem) values (?, ?, ?, ?, ?, ?)",
            (run_id, digest.owner_code, len(digest.message_ids), now, outcome, problem),
        )
        if problem is None:
            write.executemany(
                "update alert_messages set delivered_at = ? where message_id = ?",
                [(now, number) for number in digest.message_ids],
            )
