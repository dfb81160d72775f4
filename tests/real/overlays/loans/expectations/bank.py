"""What the log of loan applications must meet before it is paired and timed."""

from __future__ import annotations

import great_expectations.expectations as gxe

from expectations import rules
from orchestration.suites import Suite


def log() -> Suite:
    """Changes of applications, offers and work."""
    return Suite(
        batch=[
            *rules.unique(
                ["application_no", "activity", "lifecycle", "occurred_at"],
                "The same change twice would be paired with another's.",
            ),
            *rules.codes(
                "lifecycle",
                ("COMPLETE", "SCHEDULE", "START"),
                "A transition nobody pairs.",
            ),
            *rules.required(
                "resource",
                "Without people nobody sees hand-overs.",
                most_missing=0.3,
                usually_missing=0.1,
            ),
            *rules.between("amount", 0, 1_000_000, "An amount slipped by a mark."),
            gxe.ExpectColumnValuesToBeInSet(
                column="activity",
                value_set=["A_SUBMITTED"],
                mostly=0.01,
                severity="critical",
                notes="A log in which nothing is submitted was cut or misread.",
            ),
        ],
        delivery=[
            *rules.rejects("Changes that cannot be read leave work unpaired."),
            *rules.duplicates("Changes delivered twice would be paired twice."),
        ],
    )
