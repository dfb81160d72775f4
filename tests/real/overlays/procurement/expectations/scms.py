"""What the delivery history must meet before purchasing is judged by it."""

from __future__ import annotations

from expectations import rules
from orchestration.suites import Suite

GROUPS = ("ACT", "ANTM", "ARV", "HRDT", "MRDT")


def deliveries() -> Suite:
    """Delivered lines."""
    return Suite(
        batch=[
            *rules.unique(["line_no"], "A line twice would be paid for twice."),
            *rules.codes("fulfil_via", ("From RDC", "Direct Drop"), "A third way."),
            *rules.codes("product_group", GROUPS, "A group nobody compares with."),
            *rules.required(
                "ordered_on",
                "Without order dates nobody sees how long ordering takes; the own "
                "warehouse, half of the lines, has none.",
                most_missing=0.7,
                usually_missing=0.6,
            ),
            *rules.in_order(
                "ordered_on", "delivered_on", "Delivered before ordered: a date is off."
            ),
            *rules.between("packs", 1, 10_000_000, "A count slipped by a column."),
            *rules.between("line_value", 0, 50_000_000, "A value slipped by a mark."),
        ],
        delivery=[
            *rules.rejects("Lines that cannot be read are goods nobody answers for."),
            *rules.duplicates("Lines delivered twice point to a joined export."),
        ],
    )
