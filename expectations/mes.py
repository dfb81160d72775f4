"""What the files of the factory must meet before inspections are counted."""

from __future__ import annotations

from expectations import rules
from expectations.erp import CATEGORIES_AS_TYPED
from orchestration.suites import Suite


def inspections() -> Suite:
    """One row per inspection of a lot."""
    return Suite(
        batch=[
            *rules.required("lot_no", "An inspection without lot is nobody's yield."),
            *rules.unique(
                ["lot_no", "inspection_no"],
                "One inspection with two results: which one is true?",
            ),
            *rules.between(
                "inspection_no",
                1,
                20,
                "Only number 1 is a first inspection; other counts hide it.",
            ),
            *rules.required(
                "inspected_at", "A lot counts on the day it was inspected."
            ),
            *rules.required(
                "line_no", "A line with a fault can only be found by its number."
            ),
            *rules.between(
                "line_no", 1, 3, "The factory has three lines: columns have shifted."
            ),
            *rules.codes(
                "category",
                CATEGORIES_AS_TYPED,
                "An unknown category hides a product line from its owner.",
                most_unknown=0.1,
            ),
            *rules.required(
                "units_submitted", "Yield is a share of the units submitted."
            ),
            *rules.between(
                "units_submitted",
                1,
                100_000,
                "Lots of none or of a hundred thousand units: another unit.",
            ),
            *rules.required(
                "units_passed", "Without the units that passed there is no yield."
            ),
            *rules.in_order(
                "units_passed",
                "units_submitted",
                "More units passed than were submitted: columns are mixed up.",
                most_reversed=0.01,
            ),
            *rules.codes(
                "lot_type",
                ("normal", "trial"),
                "Trial lots are left out by this word; a new one would count.",
                most_unknown=0.05,
            ),
            *rules.required(
                "released_at",
                "No lot was released in a whole month: the column was not filled in.",
                most_missing=0.7,
                usually_missing=0.4,
            ),
            *rules.in_order(
                "inspected_at",
                "released_at",
                "Released before inspected: two clocks or two columns are mixed up.",
                most_reversed=0.1,
                usually_reversed=0.02,
            ),
        ],
        delivery=[
            *rules.rejects("Rows that could not be read are lots nobody counts."),
            *rules.duplicates("Inspections sent twice in one file are not two."),
            *rules.volume("A part of the inspections: whole lines may be missing."),
            *rules.in_period("The inspections of another month under this name."),
        ],
        # Of few lots none may be released yet.
        sparse=("released_at",),
        period_column="inspected_at",
    )
