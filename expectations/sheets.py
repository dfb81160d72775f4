"""What the office's workbook must meet before collaboration is counted from it."""

from __future__ import annotations

from great_expectations.expectations.row_conditions import Column

from expectations import rules
from orchestration.suites import Suite

DEPARTMENTS = ("销售部", "客服部", "仓储部", "质量部", "采购部", "研发部", "财务部")
STATUSES = ("待评审", "已采纳", "已驳回", "已落地", "已验证", "已停用")
METRICS = ("处理时长", "单位成本", "差错率", "准时率", "一次通过率")


def meetings() -> Suite:
    """One row per meeting and person on its list."""
    return Suite(
        batch=[
            *rules.required("meeting_id", "An invitation to no meeting."),
            *rules.unique(
                ["meeting_id", "person_id"],
                "A person twice on one list: came and did not come.",
            ),
            *rules.required("held_on", "Participation counts on the meeting's day."),
            *rules.required(
                "departments", "Only meetings across departments are counted."
            ),
            *rules.required("person_id", "Nobody's invitation is in no unit."),
            *rules.required(
                "invited",
                "Guests and invited people cannot be told apart.",
                most_missing=0.1,
                usually_missing=0.0,
            ),
            *rules.required(
                "attended",
                "The attendance column was not filled in: nobody would have come.",
                most_missing=0.1,
                usually_missing=0.0,
            ),
        ],
        delivery=[
            *rules.rejects(
                "Rows that could not be read are invitations nobody counts.", held=0.1
            ),
            *rules.duplicates("A list copied below itself."),
            *rules.volume(
                "Whole meetings are missing, or those of several months.",
                held=(0.3, 4.0),
                usual=(0.5, 2.0),
            ),
            *rules.in_period("The meetings of another month under this month's name."),
        ],
        period_column="held_on",
    )


def ideas() -> Suite:
    """One row per idea that changed in the month, in its last state."""
    return Suite(
        batch=[
            *rules.required("idea_no", "An idea without number has no history."),
            *rules.unique(
                ["idea_no"], "Two states of an idea in one file: which one counts?"
            ),
            *rules.required("submitted_on", "An idea counts in its month."),
            *rules.required("person_id", "Nobody's idea is in no unit."),
            *rules.required(
                "departments", "A solution is one of two departments or more."
            ),
            *rules.codes(
                "status",
                STATUSES,
                "A status that nobody knows: ideas rejected would stay open.",
                most_unknown=0.2,
            ),
            *rules.required(
                "adopted_on",
                "Measured, but never put to use: the dates are in the wrong columns.",
                where=Column("measured_on").is_not_null(),
                most_missing=0.3,
                usually_missing=0.0,
            ),
            *rules.in_order(
                "submitted_on",
                "adopted_on",
                "In use before it was thought of: day and month are mixed up.",
                usually_reversed=0.0,
            ),
            *rules.in_order(
                "adopted_on",
                "measured_on",
                "Measured before it was in use: before and after are the same.",
                usually_reversed=0.0,
            ),
            *rules.codes(
                "metric",
                METRICS,
                "Of a figure that nobody knows nobody knows which way is better.",
            ),
            *rules.required(
                "baseline_value",
                "Without the figure before there is no gain.",
                where=Column("adopted_on").is_not_null(),
                most_missing=0.9,
                usually_missing=0.2,
            ),
            *rules.between(
                "baseline_value",
                0.01,
                1_000_000,
                "A gain relative to nothing has no size.",
                most_outside=0.5,
                usually_outside=0.0,
            ),
        ],
        delivery=[
            *rules.rejects(
                "Rows that could not be read are ideas nobody counts.", held=0.1
            ),
            *rules.duplicates("A list copied below itself."),
            *rules.volume(
                "A part of the ideas, or the whole list at once.",
                held=(0.3, 4.0),
                usual=(0.5, 2.0),
            ),
        ],
        # In some months no solution comes into use, or none is measured.
        sparse=("adopted_on", "measured_on", "metric", "baseline_value"),
    )


def roster() -> Suite:
    """Everybody in post on any day of the month."""
    return Suite(
        batch=[
            *rules.required("person_id", "Nobody's post is nobody's person-month."),
            *rules.required(
                "department", "Without a department people belong to no unit."
            ),
            *rules.codes(
                "department",
                DEPARTMENTS,
                "A department that nobody knows: a new one, or a slip of the pen that "
                "takes people out of their unit.",
                most_unknown=0.2,
            ),
            *rules.required("in_post_from", "Who is in post since when is not said."),
            *rules.in_order(
                "in_post_from",
                "in_post_to",
                "Left before they came: the columns are mixed up.",
            ),
            *rules.between(
                "leave_days",
                0,
                31,
                "More leave than the month has days: hours, or days of the year.",
            ),
        ],
        delivery=[
            *rules.rejects("Rows that could not be read are people nobody counts."),
            *rules.duplicates("A person twice on the roster."),
            *rules.volume(
                "Departments are missing, or two rosters were joined.",
                held=(0.7, 1.5),
                usual=(0.85, 1.2),
            ),
        ],
        # In most months nobody leaves.
        sparse=("in_post_to",),
    )
