"""What the production log must meet before jobs are timed."""

from __future__ import annotations

from expectations import rules
from orchestration.suites import Suite


def steps() -> Suite:
    """Steps of jobs."""
    return Suite(
        batch=[
            *rules.required("job_no", "A step without its job is lost."),
            *rules.codes("report_type", ("B", "D", "S"), "A report nobody knows."),
            *rules.in_order(
                "started_at", "completed_at", "Ended before begun: clocks differ."
            ),
            *rules.between("rejected_units", 0, 10_000, "A count slipped."),
            *rules.between("completed_units", 0, 10_000, "A count slipped."),
        ],
        delivery=[
            # The exporting tool adds two rows of words per job: a tenth of the file.
            *rules.rejects(
                "More than the added Start and End rows: work was lost.",
                held=0.2,
                usual=0.12,
            ),
            *rules.duplicates("Steps delivered twice would count work twice."),
        ],
    )
