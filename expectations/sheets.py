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
            *rules.required(
                "meeting_id", "An invitation to no meeting. | 没有会议的邀请。"
            ),
            *rules.unique(
                ["meeting_id", "person_id"],
                "A person twice on one list: came and did not come."
                " | 同一名单上一人两次：既到又未到。",
            ),
            *rules.required(
                "held_on",
                "Participation counts on the meeting's day. | 参会按会议当日计入。",
            ),
            *rules.required(
                "departments",
                "Only meetings across departments are counted. | 只统计跨部门会议。",
            ),
            *rules.required(
                "person_id",
                "Nobody's invitation is in no unit. | 没有人员的邀请不属于任何部门。",
            ),
            *rules.required(
                "invited",
                "Guests and invited people cannot be told apart."
                " | 无法区分来宾与受邀者。",
                most_missing=0.1,
                usually_missing=0.0,
            ),
            *rules.required(
                "attended",
                "The attendance column was not filled in: nobody would have come."
                " | 出席列未填：看起来无人到会。",
                most_missing=0.1,
                usually_missing=0.0,
            ),
        ],
        delivery=[
            *rules.rejects(
                "Rows that could not be read are invitations nobody counts."
                " | 无法读取的行就是漏计的邀请。",
                held=0.1,
            ),
            *rules.duplicates("A list copied below itself. | 名单在表内被复制了一遍。"),
            *rules.volume(
                "Whole meetings are missing, or those of several months."
                " | 整场会议缺失，或包含多个月的会议。",
                held=(0.3, 4.0),
                usual=(0.5, 2.0),
            ),
            *rules.in_period(
                "The meetings of another month under this month's name."
                " | 以当月命名的文件，内容却是另一月的会议。"
            ),
        ],
        period_column="held_on",
    )


def ideas() -> Suite:
    """One row per idea that changed in the month, in its last state."""
    return Suite(
        batch=[
            *rules.required(
                "idea_no",
                "An idea without number has no history. | 没有编号的提案没有历史。",
            ),
            *rules.unique(
                ["idea_no"],
                "Two states of an idea in one file: which one counts?"
                " | 同一文件中提案有两种状态：以哪个为准？",
            ),
            *rules.required(
                "submitted_on", "An idea counts in its month. | 提案按其月份计入。"
            ),
            *rules.required(
                "person_id",
                "Nobody's idea is in no unit. | 没有提案人的提案不属于任何部门。",
            ),
            *rules.required(
                "departments",
                "A solution is one of two departments or more."
                " | 两个及以上部门参与才算联合方案。",
            ),
            *rules.codes(
                "status",
                STATUSES,
                "A status that nobody knows: ideas rejected would stay open."
                " | 无人认识的状态：被否决的提案会一直显示为未结。",
                most_unknown=0.2,
            ),
            *rules.required(
                "adopted_on",
                "Measured, but never put to use: the dates are in the wrong columns."
                " | 已量化却从未采用：日期填错了列。",
                where=Column("measured_on").is_not_null(),
                most_missing=0.3,
                usually_missing=0.0,
            ),
            *rules.in_order(
                "submitted_on",
                "adopted_on",
                "In use before it was thought of: day and month are mixed up."
                " | 采用早于提出：日月颠倒。",
                usually_reversed=0.0,
            ),
            *rules.in_order(
                "adopted_on",
                "measured_on",
                "Measured before it was in use: before and after are the same."
                " | 量化早于采用：前后数据相同。",
                usually_reversed=0.0,
            ),
            *rules.codes(
                "metric",
                METRICS,
                "Of a figure that nobody knows nobody knows which way is better."
                " | 无人认识的指标，无从判断高低优劣。",
            ),
            *rules.required(
                "baseline_value",
                "Without the figure before there is no gain."
                " | 没有改进前的数值就没有收益。",
                where=Column("adopted_on").is_not_null(),
                most_missing=0.9,
                usually_missing=0.2,
            ),
            *rules.between(
                "baseline_value",
                0.01,
                1_000_000,
                "A gain relative to nothing has no size. | 相对于零的收益没有大小。",
                most_outside=0.5,
                usually_outside=0.0,
            ),
        ],
        delivery=[
            *rules.rejects(
                "Rows that could not be read are ideas nobody counts."
                " | 无法读取的行就是漏计的提案。",
                held=0.1,
            ),
            *rules.duplicates("A list copied below itself. | 名单在表内被复制了一遍。"),
            *rules.volume(
                "A part of the ideas, or the whole list at once."
                " | 提案不全，或一次导出了全部清单。",
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
            *rules.required(
                "person_id",
                "Nobody's post is nobody's person-month."
                " | 没有人员的岗位不计入任何人月。",
            ),
            *rules.required(
                "department",
                "Without a department people belong to no unit."
                " | 没有部门的人员不属于任何单位。",
            ),
            *rules.codes(
                "department",
                DEPARTMENTS,
                "A department that nobody knows: a new one, or a slip of the pen that "
                "takes people out of their unit."
                " | 无人认识的部门：新部门，或笔误使人员脱离其单位。",
                most_unknown=0.2,
            ),
            *rules.required(
                "in_post_from",
                "Who is in post since when is not said. | 不知何人自何时在岗。",
            ),
            *rules.in_order(
                "in_post_from",
                "in_post_to",
                "Left before they came: the columns are mixed up."
                " | 离岗早于到岗：列混淆。",
            ),
            *rules.between(
                "leave_days",
                0,
                31,
                "More leave than the month has days: hours, or days of the year."
                " | 请假多于当月天数：填成了小时，或全年天数。",
            ),
        ],
        delivery=[
            *rules.rejects(
                "Rows that could not be read are people nobody counts."
                " | 无法读取的行就是漏计的人员。"
            ),
            *rules.duplicates("A person twice on the roster. | 花名册上一人两次。"),
            *rules.volume(
                "Departments are missing, or two rosters were joined."
                " | 缺少部门，或合并了两份花名册。",
                held=(0.7, 1.5),
                usual=(0.85, 1.2),
            ),
        ],
        # In most months nobody leaves.
        sparse=("in_post_to",),
    )
