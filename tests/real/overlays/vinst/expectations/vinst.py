"""What the logs of incident and problem handling must meet."""

from __future__ import annotations

import great_expectations.expectations as gxe

from expectations import rules
from orchestration.suites import Suite

STATUSES = ("Accepted", "Completed", "Queued", "Unmatched")
IMPACTS = ("High", "Low", "Major", "Medium")


def incidents() -> Suite:
    """Changes of status of incidents."""
    return _log()


def problems() -> Suite:
    """Changes of status of closed problems."""
    return _log()


def _log() -> Suite:
    return Suite(
        batch=[
            *rules.unique(
                ["case_no", "occurred_at"],
                "Two changes in one moment have no order.",
            ),
            *rules.codes(
                "status",
                STATUSES,
                "A status nobody mapped ends no case and opens none.",
            ),
            *rules.codes("impact", IMPACTS, "An impact nobody compares with."),
            *rules.required("team", "Without teams nobody sees who had to help."),
            gxe.ExpectColumnValuesToBeInSet(
                column="status",
                value_set=["Completed"],
                mostly=0.05,
                severity="critical",
                notes="A log in which nothing is completed was cut or misread.",
            ),
        ],
        delivery=[
            *rules.rejects("Changes that cannot be read are hand-overs nobody sees."),
            *rules.duplicates("Changes delivered twice point to a joined export."),
        ],
    )
