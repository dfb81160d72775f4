"""Suites for the ServiceNow exports."""

from __future__ import annotations

import great_expectations.expectations as gxe

from expectations import rules
from orchestration.suites import Suite

STATES = (
    "New",
    "Active",
    "Awaiting User Info",
    "Awaiting Vendor",
    "Awaiting Problem",
    "Awaiting Evidence",
    "Resolved",
    "Closed",
)


def incident_updates() -> Suite:
    """The incident update log: one file with everything so far."""
    return Suite(
        batch=[
            *rules.required(
                "incident_no", "An update without its incident is lost.", most_missing=0
            ),
            *rules.required(
                "updated_at", "An update without a moment has no place in a case."
            ),
            *rules.required(
                "caller_id",
                "Without callers nobody sees who has to call again.",
                most_missing=0.02,
            ),
            *rules.codes(
                "state", STATES, "A state nobody mapped ends no case and opens none."
            ),
            gxe.ExpectColumnValuesToBeInSet(
                column="state",
                value_set=["Resolved", "Closed"],
                mostly=0.1,
                severity="critical",
                notes="A log in which nothing is ever solved was cut or misread.",
            ),
            *rules.unique(
                ["incident_no", "updated_at", "update_no"],
                "The same update twice would count hand-overs twice.",
            ),
            gxe.ExpectCompoundColumnsToBeUnique(
                column_list=["incident_no", "state", "updated_at"],
                ignore_row_if="any_value_is_missing",
                mostly=0.9,
                severity="warning",
                notes="Several updates of a state in one minute are normal, but when "
                "most are, the log was joined to something it should not be.",
            ),
            *rules.in_order(
                "opened_at", "updated_at", "Updates before opening: clocks differ."
            ),
        ],
        delivery=[
            *rules.rejects("Unreadable rows are updates that no case shows."),
            *rules.duplicates("Rows delivered twice point to a joined export."),
        ],
    )
