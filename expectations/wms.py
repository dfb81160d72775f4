"""What the files of the warehouse system must meet before picks are counted."""

from __future__ import annotations

from great_expectations.expectations.row_conditions import Column

from expectations import rules
from expectations.erp import CATEGORIES_AS_TYPED
from orchestration.suites import Suite


def picks() -> Suite:
    """One row per picked order line, written when the line is packed."""
    return Suite(
        batch=[
            *rules.required(
                "order_no",
                "A line without order is missing from its order's accuracy: the order "
                "looks flawless, or is not seen at all.",
                most_missing=0.05,
                usually_missing=0.0,
            ),
            *rules.required("line_no", "Tells the lines of an order apart."),
            *rules.between(
                "line_no", 1, 200, "Other line numbers: columns have shifted."
            ),
            *rules.required(
                "sku",
                "Without article a picking error cannot be traced.",
                most_missing=0.1,
            ),
            *rules.codes(
                "category",
                CATEGORIES_AS_TYPED,
                "An unknown category hides a product line from its owner; a file read "
                "in the wrong encoding has only unknown ones.",
                most_unknown=0.1,
            ),
            *rules.required(
                "picker_id",
                "Work per picker is a shared load; blanks distort it.",
                most_missing=0.2,
            ),
            *rules.required("pick_end", "Accuracy is measured on the day of the pick."),
            *rules.in_order(
                "pick_start",
                "pick_end",
                "Ended before it began: two clocks or two columns are mixed up.",
                most_reversed=0.1,
            ),
            *rules.required(
                "recheck_result",
                "Unchecked lines would count as faultless.",
                most_missing=0.3,
                usually_missing=0.1,
            ),
            *rules.codes(
                "recheck_result",
                ("OK", "ERR"),
                "Only ERR is an error; a new code would count as faultless.",
                most_unknown=0.02,
            ),
            *rules.required(
                "error_type",
                "Errors without a type cannot be improved upon.",
                where=Column("recheck_result") == "ERR",
                most_missing=0.9,
                usually_missing=0.2,
            ),
        ],
        delivery=[
            *rules.rejects("Rows that could not be read are lines nobody counts."),
            *rules.duplicates(
                "Half a percent comes twice as a rule; more is a list sent twice."
            ),
            *rules.volume("A part of the picks, or those of several days."),
            *rules.in_period("The content of another day under today's name."),
        ],
        # A good day has no errors.
        sparse=("error_type",),
        period_column="pick_end",
    )
