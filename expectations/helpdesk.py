"""What the files of the service desk must meet before complaints are counted."""

from __future__ import annotations

from great_expectations.expectations.row_conditions import Column

from expectations import rules
from orchestration.suites import Suite

EVENT_TYPES = (
    *("received", "classified", "assigned", "reassigned", "handling_started"),
    *("handled", "feedback_sent", "accepted", "reopened", "withdrawn", "archived"),
    "qa_error",
)
REASONS = (
    *("wrong_department", "wrong_handler", "load_balance"),
    *("wrong_solution", "missed_step", "not_solved", "customer_withdrew"),
)


def complaint_events() -> Suite:
    """One row per event; a day has about fifty, of eight complaints."""
    received = Column("event_type") == "received"
    classified = Column("event_type") == "classified"
    assigned = Column("event_type") == "assigned"
    reassigned = Column("event_type") == "reassigned"
    return Suite(
        batch=[
            *rules.required(
                "event_id",
                "The key by which repeated events are told. | 用于识别重复事件的主键。",
            ),
            *rules.unique(
                ["event_id"],
                "One event with two contents: which one is true?"
                " | 同一事件有两种内容：哪个是真的？",
            ),
            *rules.required(
                "complaint_no",
                "An event without its complaint leaves the complaint open for ever."
                " | 没有投诉号的事件使投诉永远未结。",
                usually_missing=0.0,
            ),
            *rules.required(
                "event_type",
                "Without its kind an event is no milestone of anything."
                " | 没有类型的事件不是任何里程碑。",
            ),
            *rules.codes(
                "event_type",
                EVENT_TYPES,
                "A renamed event, say of acceptance, leaves every complaint open."
                " | 事件一旦改名（如验收），所有投诉都会显示为未结。",
                most_unknown=0.05,
            ),
            *rules.required(
                "event_time",
                "Resolution and dispatch are measured at this moment."
                " | 解决与分派以此时刻计量。",
            ),
            *rules.required(
                "customer_id",
                "Repeats are found by customer; a few are not noted, many mean that "
                "the column was not filled in."
                " | 重复投诉按客户识别；少量未记录属正常，大量缺失说明该列未填。",
                where=received,
                most_missing=0.5,
                usually_missing=0.25,
            ),
            *rules.required(
                "product_code",
                "Without product no second complaint is recognised: the repeat rate "
                "looks perfect."
                " | 没有产品就认不出第二次投诉：重复率显得完美。",
                where=received,
                most_missing=0.5,
                usually_missing=0.25,
            ),
            *rules.required(
                "category",
                "Without category complaints are in no segment and never repeat."
                " | 没有类别的投诉不在任何分段，也永远不算重复。",
                where=classified,
                most_missing=0.5,
                usually_missing=0.25,
            ),
            *rules.codes(
                "category",
                ("产品质量", "物流配送", "安装使用", "服务态度"),
                "An unknown category hides complaints from their owner; a file read in "
                "the wrong encoding has only unknown ones."
                " | 未知类别使投诉脱离其负责人；编码读错的文件只会出现未知类别。",
                most_unknown=0.3,
            ),
            *rules.required(
                "department",
                "Hand-overs between departments are seen here alone."
                " | 部门之间的交接只能在此看到。",
                where=assigned,
                most_missing=0.8,
                usually_missing=0.25,
            ),
            *rules.codes(
                "department",
                ("quality", "fulfilment", "service"),
                "An unknown department: who handles these complaints?"
                " | 未知部门：这些投诉由谁处理？",
            ),
            *rules.required(
                "reason",
                "A re-assignment without reason counts as no error: dispatch accuracy "
                "would look better than it is."
                " | 没有原因的改派不算差错：分派准确率会被高估。",
                where=reassigned,
                most_missing=0.8,
                usually_missing=0.25,
            ),
            *rules.codes(
                "reason",
                REASONS,
                "Only the wrong department or handler counts against the dispatcher; "
                "a new code would not."
                " | 只有部门或处理人错误才计入分派差错；新代码不会计入。",
            ),
            *rules.in_order(
                "event_time",
                "deadline",
                "A deadline before its own assignment: two clocks or two columns are "
                "mixed up."
                " | 期限早于其分派：两个时钟或两列混淆。",
                most_reversed=0.5,
                usually_reversed=0.1,
            ),
        ],
        delivery=[
            *rules.rejects(
                "Rows that could not be read are events nobody counts."
                " | 无法读取的行就是漏计的事件。"
            ),
            *rules.duplicates(
                "Events sent twice in one file are not two events."
                " | 同一文件中重复发送的事件不是两个事件。"
            ),
            # Few complaints a day, with all their events: days differ widely.
            *rules.volume(
                "A part of the events: what is missing looks like unsolved complaints."
                " | 事件不全：缺失部分看起来像投诉未解决。",
                held=(0.2, 5.0),
                usual=(0.4, 2.5),
            ),
            *rules.in_period(
                "The content of another day under today's name."
                " | 以当天命名的文件，内容却是另一天的。",
                least=0.5,
            ),
        ],
        # Filled by some kinds of event only; a short day may have none of them.
        sparse=(
            "customer_id",
            "product_code",
            "category",
            "department",
            "reason",
            "deadline",
        ),
        period_column="event_time",
    )
