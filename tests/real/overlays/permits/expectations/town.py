"""What the task log of the municipality must meet before requests are timed."""

from __future__ import annotations

from expectations import rules
from orchestration.suites import Suite

CHANNELS = ("Desk", "Intern", "Internet", "Post", "e-mail")


def tasks() -> Suite:
    """Tasks done for permit requests."""
    return Suite(
        batch=[
            *rules.unique(["task_no"], "A task twice would count work twice."),
            *rules.required("request_no", "A task without its request is lost."),
            *rules.codes("channel", CHANNELS, "A channel nobody compares with."),
            *rules.required(
                "request_ended_at",
                "Without ends every request looks open.",
                most_missing=0.6,
                usually_missing=0.3,
            ),
            *rules.in_order(
                "request_started_at",
                "deadline_at",
                "Due before it began: dates are swapped.",
            ),
        ],
        delivery=[
            *rules.rejects("Tasks that cannot be read are work nobody sees."),
            *rules.duplicates("Tasks delivered twice would count work twice."),
        ],
    )
