"""What the rating workbooks must meet before teams are rated from them."""

from __future__ import annotations

from expectations import rules
from orchestration.suites import Suite


def ratings_360() -> Suite:
    """One row per answer of a rater about a person."""
    return Suite(
        batch=[
            *rules.required("cycle", "An answer of no cycle is in no half year."),
            *rules.required("ratee_id", "An answer about nobody."),
            *rules.required("rater_id", "Raters are counted to protect them."),
            *rules.required("rater_group", "The groups have different weights."),
            *rules.codes(
                "rater_group",
                ("manager", "peer", "report", "self"),
                "A group without a weight would be left out without a word.",
                most_unknown=0.02,
            ),
            *rules.required("item", "Which question was answered is not said."),
            *rules.unique(
                ["cycle", "ratee_id", "rater_id", "rater_group", "item"],
                "Two answers to one question: which one is true?",
            ),
            *rules.required(
                "score",
                "Most questions were left open: the ratings rest on a few.",
                most_missing=0.5,
                usually_missing=0.2,
            ),
            *rules.between(
                "score",
                1,
                5,
                "Another scale: the average of two scales means nothing.",
                most_outside=0.02,
                usually_outside=0.0,
            ),
        ],
        delivery=[
            *rules.rejects("Rows that could not be read are answers nobody counts."),
            *rules.duplicates("Answers copied below themselves."),
            *rules.volume(
                "Whole teams are missing.", held=(0.5, 2.0), usual=(0.7, 1.4)
            ),
        ],
    )
