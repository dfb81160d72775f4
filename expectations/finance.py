"""What the snapshots of the books must meet before revenue is counted from them."""

from __future__ import annotations

from expectations import rules
from orchestration.suites import Suite


def revenue() -> Suite:
    """One row per month and channel, all months since January 2024."""
    return Suite(
        batch=[
            *rules.required("month", "Revenue of no month is in no comparison."),
            *rules.required("channel", "Revenue without channel is in no segment."),
            *rules.required(
                "revenue", "A month without its figure looks like a slump."
            ),
            *rules.required(
                "intercompany",
                "Sales to sister companies would count as revenue of the group.",
            ),
            *rules.unique(
                ["month", "channel", "intercompany"],
                "A channel twice in a month: its revenue would be added up twice.",
            ),
            *rules.between(
                "revenue",
                0,
                10_000_000_000,
                "Below zero, or in another unit: signs or columns are mixed up.",
                most_outside=0.05,
                usually_outside=0.0,
            ),
        ],
        delivery=[
            *rules.rejects("Rows that could not be read are revenue nobody counts."),
            *rules.duplicates("A row twice is revenue twice."),
            # A snapshot only grows.
            *rules.volume(
                "Months are missing: they would vanish from the year and its target.",
                held=(0.95, 3.0),
                usual=(1.0, 2.0),
            ),
            # One month of all those that the snapshot holds.
            *rules.in_period(
                "The month that the file is named after is not in it.", least=0.005
            ),
        ],
        period_column="month",
    )
