"""What the files of the service desk must meet before complaints are counted."""

from __future__ import annotations

from great_expectations.expectations.row_conditions import Column

from expectations import rules
from orchestration.suites import Suite

EVENT_TYPES = (
    *("received", "classified", "assigned", "reassigned", "handling_started"),
    *("handled", "feedback_sent", "accepted", "reopened", "withdrawn", "archived"),
    "qa_error",
)
REASONS = (
    *("wrong_department", "wrong_handler", "load_balance"),
    *("wrong_solution", "missed_step", "not_solved", "customer_withdrew"),
)


def complaint_events() -> Suite:
    """One row per event; a day has about fifty, of eight complaints."""
    received = Column("event_type") == "received"
    classified = Column("event_type") == "classified"
    assigned = Column("event_type") == "assigned"
    reassigned = Column("event_type") == "reassigned"
    return Suite(
        batch=[
            *rules.required("event_id", "The key by which repeated events are told."),
            *rules.unique(
                ["event_id"], "One event with two contents: which one is true?"
            ),
            *rules.required(
                "complaint_no",
                "An event without its complaint leaves the complaint open for ever.",
                usually_missing=0.0,
            ),
            *rules.required(
                "event_type", "Without its kind an event is no milestone of anything."
            ),
            *rules.codes(
                "event_type",
                EVENT_TYPES,
                "A renamed event, say of acceptance, leaves every complaint open.",
                most_unknown=0.05,
            ),
            *rules.required(
                "event_time", "Resolution and dispatch are measured at this moment."
            ),
            *rules.required(
                "customer_id",
                "Repeats are found by customer; a few are not noted, many mean that "
                "the column was not filled in.",
                where=received,
                most_missing=0.5,
                usually_missing=0.25,
            ),
            *rules.required(
                "product_code",
                "Without product no second complaint is recognised: the repeat rate "
                "looks perfect.",
                where=received,
                most_missing=0.5,
                usually_missing=0.25,
            ),
            *rules.required(
                "category",
                "Without category complaints are in no segment and never repeat.",
                where=classified,
                most_missing=0.5,
                usually_missing=0.25,
            ),
            *rules.codes(
                "category",
                ("产品质量", "物流配送", "安装使用", "服务态度"),
                "An unknown category hides complaints from their owner; a file read in "
                "the wrong encoding has only unknown ones.",
                most_unknown=0.3,
            ),
            *rules.required(
                "department",
                "Hand-overs between departments are seen here alone.",
                where=assigned,
                most_missing=0.8,
                usually_missing=0.25,
            ),
            *rules.codes(
                "department",
                ("quality", "fulfilment", "service"),
                "An unknown department: who handles these complaints?",
            ),
            *rules.required(
                "reason",
                "A re-assignment without reason counts as no error: dispatch accuracy "
                "would look better than it is.",
                where=reassigned,
                most_missing=0.8,
                usually_missing=0.25,
            ),
            *rules.codes(
                "reason",
                REASONS,
                "Only the wrong department or handler counts against the dispatcher; "
                "a new code would not.",
            ),
            *rules.in_order(
                "event_time",
                "deadline",
                "A deadline before its own assignment: two clocks or two columns are "
                "mixed up.",
                most_reversed=0.5,
                usually_reversed=0.1,
            ),
        ],
        delivery=[
            *rules.rejects("Rows that could not be read are events nobody counts."),
            *rules.duplicates("Events sent twice in one file are not two events."),
            # Few complaints a day, with all their events: days differ widely.
            *rules.volume(
                "A part of the events: what is missing looks like unsolved complaints.",
                held=(0.2, 5.0),
                usual=(0.4, 2.5),
            ),
            *rules.in_period(
                "The content of another day under today's name.", least=0.5
            ),
        ],
        # Filled by some kinds of event only; a short day may have none of them.
        sparse=(
            "customer_id",
            "product_code",
            "category",
            "department",
            "reason",
            "deadline",
        ),
        period_column="event_time",
    )
