"""What the files of the telephone system must meet before calls are counted."""

from __future__ import annotations

from great_expectations.expectations.row_conditions import Column

from expectations import rules
from orchestration.suites import Suite


def calls() -> Suite:
    """One row per call, abandoned ones included."""
    answered = Column("agent_id").is_not_null()
    return Suite(
        batch=[
            *rules.required("call_id", "The key by which repeated calls are told."),
            *rules.unique(
                ["call_id"], "One call with two contents: which one is true?"
            ),
            *rules.required("started_at", "A call counts on the day it began."),
            *rules.required(
                "customer_id",
                "Calls of unknown customers cannot be linked to issues: first-contact "
                "resolution would rest on the few that are left.",
                most_missing=0.3,
                usually_missing=0.1,
            ),
            *rules.required(
                "topic",
                "Issues are told by topic; without it all calls of a customer look "
                "like one issue.",
                most_missing=0.1,
                usually_missing=0.02,
            ),
            *rules.codes(
                "topic",
                ("delivery", "product", "returns", "invoice", "account"),
                "Renamed topics break issues in two: a repeated call would look new.",
                most_unknown=0.2,
            ),
            *rules.required(
                "answered", "Calls that are neither answered nor abandoned."
            ),
            *rules.required(
                "agent_id",
                "Nobody answered: the log has lost its agents, and with them all that "
                "is measured of answered calls.",
                most_missing=0.5,
                usually_missing=0.2,
            ),
            *rules.between(
                "queue_s",
                0,
                7200,
                "Hours in the queue: another unit, or a clock that was reset.",
            ),
            *rules.required(
                "talk_s",
                "Answered calls without talk are in no handling time.",
                where=answered,
            ),
            *rules.between(
                "talk_s",
                0,
                7200,
                "Hours of talk: another unit, or calls that were not closed.",
            ),
            *rules.between(
                "hold_s", 0, 7200, "Hours on hold: another unit, or calls not closed."
            ),
            # The sums stay right but for this part, so it is not worth a stale KPI.
            *rules.between(
                "wrap_s",
                1,
                7200,
                "The log has lost the work after calls; handling time is too short "
                "until the file comes again.",
                most_outside=None,
                usually_outside=0.2,
            ),
            *rules.required(
                "resolution",
                "Calls without a resolution count as unresolved.",
                where=answered,
                most_missing=0.3,
                usually_missing=0.05,
            ),
            *rules.codes(
                "resolution",
                ("resolved", "follow_up", "unresolved"),
                "Only `resolved` is a resolution; a new code would count as none.",
                most_unknown=0.05,
            ),
            *rules.between(
                "csat",
                1,
                5,
                "Another scale: the average of two scales means nothing.",
                most_outside=0.2,
                usually_outside=0.1,
            ),
        ],
        delivery=[
            *rules.rejects("Rows that could not be read are calls nobody counts."),
            *rules.duplicates(
                "Half a percent comes twice as a rule; more is a list sent twice."
            ),
            *rules.volume("A part of the calls, or those of several days."),
            *rules.in_period("The calls of another day under today's name."),
        ],
        # Of few calls none may be answered, let alone rated.
        sparse=("agent_id", "talk_s", "hold_s", "wrap_s", "resolution", "csat"),
        period_column="started_at",
    )
