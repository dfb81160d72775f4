"""What the survey workbooks must meet before satisfaction is counted from them."""

from __future__ import annotations

from expectations import rules
from orchestration.suites import Suite


def delivery() -> Suite:
    """One row per answer about a delivery."""
    return Suite(
        batch=[
            *rules.required(
                "order_no",
                "Answers without order are in the total but in no segment; a few are "
                "ordinary, many mean that the column was not filled in.",
                most_missing=0.2,
                usually_missing=0.08,
            ),
            *rules.required("answered_on", "An answer counts on the day it was given."),
            *rules.required("score", "An answer without score says nothing."),
            *rules.between(
                "score",
                1,
                5,
                "Another scale: the average of two scales means nothing.",
                most_outside=0.05,
                usually_outside=0.02,
            ),
        ],
        delivery=[
            *rules.rejects(
                "Rows that could not be read are answers nobody counts.", held=0.1
            ),
            *rules.volume("A part of the answers: who is missing is not random."),
            *rules.in_period(
                "The answers of another month under this month's name.",
            ),
        ],
        period_column="answered_on",
    )
