"""What is known of one KPI tonight, as cards and KPI pages need it.

Here: the choice of the period that is shown, of the target that judges it, of the marks
it carries and of the sentence that sums it up, read from the marts of one version. Not
here: drawings, and any figure that no mart holds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from functools import cached_property
from typing import Any

from orchestration.scorecard import charts
from orchestration.scorecard.formats import NOTHING, Formats, digits
from orchestration.scorecard.reading import Marts, kpis, newest, owners, series
from orchestration.scorecard.texts import Texts
from orchestration.scorecard.view import View, place_of

Row = Mapping[str, Any]

MOST_PERIODS = 24


@dataclass(frozen=True)
class Card:
    """One KPI of the register with the verdicts on all its cases.

    `periods`: rows of fct_kpi_status, oldest first, at most 24. `target`: the row of
    dim_kpi_targets in force; `planned`: the next one. `failures`: rows of
    fct_smart_checks that found something grave. `revisions`: changes of published
    figures that people could see, newest first.
    """

    kpi: Row
    periods: tuple[Row, ...]
    target: Row
    planned: Row
    readiness: Row
    failures: tuple[Row, ...]
    revisions: tuple[Row, ...]

    @property
    def code(self) -> str:
        return self.kpi["kpi_code"]

    @cached_property
    def shown(self) -> Row:
        """The period that people see first; empty without any.

        The newest that has ended and has a value: a cohort that nobody can judge yet
        would show nothing for months.
        """
        return newest(list(self.periods)) or {}

    @cached_property
    def digits(self) -> int:
        """Decimals of all figures of the KPI, so that they stand comparably."""
        known = (row["sigma"] for row in reversed(self.periods))
        sigma = next((one for one in known if one is not None), None)
        return digits(self.kpi, {**self.shown, "sigma": sigma})

    @property
    def waiting(self) -> tuple[Row, ...]:
        """Periods after the shown one, which have no value yet."""
        shown = self.shown
        return tuple(
            row for row in self.periods if row["period_start"] > shown["period_start"]
        )

    @cached_property
    def settled(self) -> Row:
        """The newest settled period: only there are variation and assurance known."""
        return next((row for row in reversed(self.periods) if row["is_final"]), {})

    @property
    def is_retired(self) -> bool:
        return self.kpi["status"] == "retired"

    @property
    def is_core(self) -> bool:
        return self.kpi["tier"] == "core" and not self.is_retired

    @property
    def marks(self) -> tuple[str, ...]:
        """What a reader must know before the figure, the gravest first."""
        shown, newest = self.shown, (self.periods or ({},))[-1]
        found = {
            "retired": self.is_retired,
            "no_data": shown.get("value") is None,
            "held": newest.get("status") == "held" or shown.get("state") == "held",
            "stale": bool(newest.get("is_stale")),
            "not_ready": self.readiness.get("is_ready") is False,
            "provisional": shown.get("state") == "provisional",
            "restated": any(
                row["period_start"] == shown.get("period_start")
                for row in self.revisions
            ),
            "on_trial": bool(self.readiness.get("is_on_trial")),
            "short_history": bool(self.periods)
            and self.settled.get("limit_low") is None
            and self.settled.get("limit_high") is None,
        }
        return tuple(mark for mark, holds in found.items() if holds)

    @property
    def failed_checks(self) -> tuple[str, ...]:
        """Checks that keep the KPI from being judged."""
        text = self.readiness.get("failed_check_ids") or ""
        return tuple(part.strip() for part in text.split(",") if part.strip())


def cards(marts: Marts, on: date) -> dict[str, Card]:
    """Every KPI of the register by code; `on`: the local date of the night."""
    periods = series(marts)
    targets = _grouped(
        marts,
        "select * from dim_kpi_targets where segment_code = 'all' "
        "order by kpi_code, valid_from",
    )
    revisions = _grouped(
        marts,
        "select * from fct_kpi_publications "
        "where segment_code = 'all' and revision_no > 1 and is_visible_change "
        "order by kpi_code, known_from desc, period_start desc",
    )
    readiness = _grouped(marts, "select * from fct_kpi_readiness order by kpi_code")
    failures = _grouped(
        marts,
        "select * from fct_smart_checks where is_finding and severity = 'F' "
        "order by kpi_code, check_id",
    )
    found = {}
    for code, kpi in kpis(marts).items():
        own = targets.get(code, ())
        in_force = [
            row
            for row in own
            if row["valid_from"] <= on
            and (row["valid_to"] is None or on < row["valid_to"])
        ]
        found[code] = Card(
            kpi=kpi,
            periods=tuple(periods.get(code, [])[-MOST_PERIODS:]),
            target=(in_force or [{}])[-1],
            planned=next((row for row in own if row["valid_from"] > on), {}),
            readiness=(readiness.get(code) or ({},))[0],
            failures=failures.get(code, ()),
            revisions=revisions.get(code, ()),
        )
    return found


def quantity(card: Card, f: Formats, value: float | None) -> str:
    """A figure of the KPI with its unit."""
    if value is None:
        return NOTHING
    return f.with_unit(card.kpi["unit"], f.number(value, card.digits))


def happened(card: Card, t: Texts, f: Formats) -> str:
    """One sentence on the period shown: the figure, and what it means."""
    shown = card.shown
    if not shown:
        return t("card.happened.nothing")
    status = shown["status"]
    if status == "alarm":
        status = f"alarm_{shown['alarm_evidence'] or 'confirmed'}"
    elif status in ("held", "no_data", "not_measurable"):
        status = status if shown["value"] is None else "held"
    elif status == "on_target" and _misses(shown):
        status = "on_target_so_far"
    said = t(
        f"card.happened.{status}",
        period=f.period(shown["period_grain"], shown["period_start"]),
        value=quantity(card, f, shown["value"]),
        judged=quantity(card, f, shown["judged_value"]),
        target=f.bounds(shown["target_min"], shown["target_max"]),
        alarm=f.plain(_alarm_limit(shown)),
        n=f.number(shown["n"]),
        n_min=f.number(shown["n_min"]),
    )
    if shown["state"] == "provisional":
        said = t("card.so_far", said=said)
    return said


def _misses(shown: Row) -> bool:
    """Whether the figure itself lies beyond its target, whatever its verdict."""
    low, high = shown["target_min"], shown["target_max"]
    value = shown["value"]
    return (low is not None and value < low) or (high is not None and value > high)


def _alarm_limit(shown: Row) -> float | None:
    """The alarm limit on the side on which the target is missed."""
    low, high = shown["alarm_min"], shown["alarm_max"]
    if low is None or high is None:
        return high if low is None else low
    value, least = shown["value"], shown["target_min"]
    return low if value is not None and least is not None and value < least else high


def to_do(card: Card, t: Texts, f: Formats) -> str:
    """One sentence on what to do about it; the register's own task in an alarm."""
    shown, settled = card.shown, card.settled
    if card.is_retired:
        return t("card.do.retired")
    if not shown or shown["value"] is None:
        return t("card.do.no_data")
    if "held" in card.marks or "stale" in card.marks:
        return t("card.do.held")
    if "not_ready" in card.marks:
        return t("card.do.not_ready", checks=_failures(card, t))
    task = card.target.get(f"on_alarm_{t.language}")
    if shown["status"] == "alarm" and task:
        return t("card.do.task", task=task)
    if settled.get("variation") is None:
        return t("card.do.short_history")
    return t(f"card.do.{settled['variation']}.{_assurance(shown, settled)}")


def _failures(card: Card, t: Texts) -> str:
    """The failed checks in words; by their names where the words are not known."""
    said = {row["check_id"]: row[f"message_{t.language}"] for row in card.failures}
    return (
        t("semicolon")
        .join(said.get(check) or check for check in card.failed_checks)
        .rstrip(".。")
    )


def _assurance(shown: Row, settled: Row) -> str:
    """How well the target is kept, as far as the period shown bears it out."""
    known = settled["assurance"] or "none"
    if shown["status"] == "alarm":
        return "fail" if settled["variation"] == "concerning" else "mixed"
    misses = shown["status"] == "warning"
    if (known == "pass" and misses) or (known == "fail" and not misses):
        return "mixed"
    return known


def tools(view: View) -> dict[str, Any]:
    """What the template of a card needs beside the card."""
    roles = owners(view.marts)
    return {
        "charts": charts,
        "digits": digits,
        "place_of": place_of,
        "quantity": lambda card: quantity(card, view.f, card.shown.get("value")),
        "happened": lambda card: happened(card, view.t, view.f),
        "to_do": lambda card: to_do(card, view.t, view.f),
        "owner": lambda code: view.named(roles.get(code)) or code or view.t("none"),
    }


def _grouped(marts: Marts, sql: str) -> dict[str, tuple[Row, ...]]:
    """Rows by KPI, in the order of the statement."""
    groups: dict[str, list[Row]] = {}
    for row in marts.rows(sql):
        groups.setdefault(row["kpi_code"], []).append(row)
    return {code: tuple(rows) for code, rows in groups.items()}
