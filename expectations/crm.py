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
                "lead_id",
                "Without its number a lead vanishes from conversion."
                " | 没有编号的线索会从转化率中消失。",
            ),
            *rules.unique(
                ["lead_id", "updated_at"],
                "Two states of a lead at one moment: which one counts is a guess."
                " | 同一时刻线索有两种状态：以哪个为准只能靠猜。",
            ),
            *rules.required(
                "created_at",
                "The cohort of a lead and its clock start here."
                " | 线索的同期群与计时由此开始。",
            ),
            *rules.required(
                "updated_at",
                "Decides which state of a lead is the newest."
                " | 决定线索的哪个状态最新。",
            ),
            *rules.required(
                "source",
                "Conversion is compared by source; leads without one hide in unknown."
                " | 转化率按来源比较；没有来源的线索会混入“未知”。",
                most_missing=0.1,
            ),
            *rules.codes(
                "source",
                ("web", "referral", "exhibition", "dealer", "cold_call"),
                "A new source has no owner yet; a file read with the wrong delimiter "
                "has only unknown ones."
                " | 新来源尚无负责人；分隔符读错的文件只会出现未知来源。",
                most_unknown=0.3,
            ),
            *rules.codes(
                "stage",
                ("new", "assigned", "qualified", "quoted", "won", "lost"),
                "Sales has changed its stages: wins and losses may now mean other "
                "things."
                " | 销售改了阶段：成交与失单的含义可能已变。",
                most_unknown=0.1,
            ),
            *rules.required(
                "is_test",
                "Test leads are told by this flag; blanks would count."
                " | 测试线索靠此标志识别；留空则会被计入。",
            ),
            *rules.required(
                "assigned_at",
                "An export without assignment times makes assignment look perfect: "
                "only the leads that have one are measured."
                " | 导出缺少分配时间会让分配显得完美：只统计了有时间的线索。",
                where=Column("quoted_at").is_not_null(),
                most_missing=0.2,
                usually_missing=0.02,
            ),
            *rules.in_order(
                "created_at",
                "assigned_at",
                "Assigned before created: day and month are mixed up, or columns."
                " | 分配早于创建：日月颠倒，或列错位。",
                most_reversed=0.1,
                usually_reversed=0.02,
            ),
            *rules.required(
                "won_at",
                "A win without its date is no win in any cohort."
                " | 没有日期的成交不属于任何同期群。",
                where=Column("stage") == "won",
                most_missing=0.1,
                usually_missing=0.0,
            ),
            *rules.required(
                "lost_reason",
                "Losses without a reason cannot be learned from."
                " | 没有原因的失单无从总结。",
                where=Column("lost_at").is_not_null(),
                most_missing=0.9,
                usually_missing=0.3,
            ),
        ],
        delivery=[
            *rules.rejects(
                "Rows that could not be read are leads nobody counts."
                " | 无法读取的行就是漏计的线索。"
            ),
            *rules.duplicates(
                "A lead list sent twice in one file is not one month."
                " | 同一文件中重复发送的线索表不是一个月的数据。"
            ),
            *rules.volume(
                "A part of the leads, or the whole list at once."
                " | 线索不全，或一次导出了全部清单。"
            ),
            *rules.in_period(
                "The content of another month under this month's name, or an old list."
                " | 以当月命名的文件，内容却是另一月或旧清单。",
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
            *rules.required(
                "followup_id",
                "The key by which repeats are told. | 用于识别重复记录的主键。",
            ),
            *rules.unique(
                ["followup_id"],
                "One contact with two contents: which one is true?"
                " | 同一次跟进有两种内容：哪个是真的？",
            ),
            *rules.required(
                "lead_id",
                "A contact without lead is nobody's work."
                " | 没有线索的跟进不属于任何人的工作。",
            ),
            *rules.required(
                "contacted_at", "A contact counts on its day. | 跟进按其发生日计入。"
            ),
            *rules.required(
                "kind",
                "Without its kind a contact is taken for automatic mail."
                " | 没有类型的跟进会被当作自动邮件。",
            ),
            *rules.codes(
                "kind",
                ("call", "visit", "message", "auto_mail"),
                "A renamed kind of contact would no longer count as a person's work."
                " | 跟进类型一旦改名，就不再计为人工跟进。",
                most_unknown=0.05,
            ),
            *rules.required(
                "rep_id",
                "Contacts by nobody: automatic mail under a person's kind."
                " | 无人名下的跟进：自动邮件被记成人工类型。",
                where=Column("kind") != "auto_mail",
                most_missing=0.5,
                usually_missing=0.05,
            ),
        ],
        delivery=[
            *rules.rejects(
                "Rows that could not be read are contacts nobody counts."
                " | 无法读取的行就是漏计的跟进。"
            ),
            *rules.duplicates(
                "Contacts sent twice in one file are not two contacts."
                " | 同一文件中重复发送的跟进不是两次跟进。"
            ),
            *rules.volume(
                "A part of the contacts: silence that was none."
                " | 跟进不全：看似沉默，其实不然。"
            ),
            *rules.in_period(
                "The contacts of another month under this month's name."
                " | 以当月命名的文件，内容却是另一月的跟进。"
            ),
        ],
        # Of few contacts all may be automatic.
        sparse=("rep_id",),
        period_column="contacted_at",
    )
