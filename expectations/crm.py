"""What the files of the CRM must meet before leads are counted from them."""

from __future__ import annotations

from great_expectations.expectations.row_conditions import Column

from expectations import rules
from orchestration.suites import Suite


def leads() -> Suite:
    """One row per lead that changed in the month, in its last state."""
    return Suite(
        batch=[
            *rules.required(
                "lead_id", "Without its number a lead vanishes from conversion."
            ),
            *rules.unique(
                ["lead_id", "updated_at"],
                "Two states of a lead at one moment: which one counts is a guess.",
            ),
            *rules.required(
                "created_at", "The cohort of a lead and its clock start here."
            ),
            *rules.required(
                "updated_at", "Decides which state of a lead is the newest."
            ),
            *rules.required(
                "source",
                "Conversion is compared by source; leads without one hide in unknown.",
                most_missing=0.1,
            ),
            *rules.codes(
                "source",
                ("web", "referral", "exhibition", "dealer", "cold_call"),
                "A new source has no owner yet; a file read with the wrong delimiter "
                "has only unknown ones.",
                most_unknown=0.3,
            ),
            *rules.codes(
                "stage",
                ("new", "assigned", "qualified", "quoted", "won", "lost"),
                "Sales has changed its stages: wins and losses may now mean other "
                "things.",
                most_unknown=0.1,
            ),
            *rules.required(
                "is_test", "Test leads are told by this flag; blanks would count."
            ),
            *rules.required(
                "assigned_at",
                "An export without assignment times makes assignment look perfect: "
                "only the leads that have one are measured.",
                where=Column("quoted_at").is_not_null(),
                most_missing=0.2,
                usually_missing=0.02,
            ),
            *rules.in_order(
                "created_at",
                "assigned_at",
                "Assigned before created: day and month are mixed up, or columns.",
                most_reversed=0.1,
                usually_reversed=0.02,
            ),
            *rules.required(
                "won_at",
                "A win without its date is no win in any cohort.",
                where=Column("stage") == "won",
                most_missing=0.1,
                usually_missing=0.0,
            ),
            *rules.required(
                "lost_reason",
                "Losses without a reason cannot be learned from.",
                where=Column("lost_at").is_not_null(),
                most_missing=0.9,
                usually_missing=0.3,
            ),
        ],
        delivery=[
            *rules.rejects("Rows that could not be read are leads nobody counts."),
            *rules.duplicates("A lead list sent twice in one file is not one month."),
            *rules.volume("A part of the leads, or the whole list at once."),
            *rules.in_period(
                "The content of another month under this month's name, or an old list.",
            ),
        ],
        # A small company wins, loses or quotes nothing in some months.
        sparse=("assigned_at", "quoted_at", "won_at", "lost_at", "lost_reason"),
        period_column="updated_at",
    )


def followups() -> Suite:
    """One row per contact with a lead, automatic mail included."""
    return Suite(
        batch=[
            *rules.required("followup_id", "The key by which repeats are told."),
            *rules.unique(
                ["followup_id"], "One contact with two contents: which one is true?"
            ),
            *rules.required("lead_id", "A contact without lead is nobody's work."),
            *rules.required("contacted_at", "A contact counts on its day."),
            *rules.required(
                "kind", "Without its kind a contact is taken for automatic mail."
            ),
            *rules.codes(
                "kind",
                ("call", "visit", "message", "auto_mail"),
                "A renamed kind of contact would no longer count as a person's work.",
                most_unknown=0.05,
            ),
            *rules.required(
                "rep_id",
                "Contacts by nobody: automatic mail under a person's kind.",
                where=Column("kind") != "auto_mail",
                most_missing=0.5,
                usually_missing=0.05,
            ),
        ],
        delivery=[
            *rules.rejects("Rows that could not be read are contacts nobody counts."),
            *rules.duplicates("Contacts sent twice in one file are not two contacts."),
            *rules.volume("A part of the contacts: silence that was none."),
            *rules.in_period("The contacts of another month under this month's name."),
        ],
        # Of few contacts all may be automatic.
        sparse=("rep_id",),
        period_column="contacted_at",
    )
