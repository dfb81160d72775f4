"""What the files of the ERP system must meet before orders are counted from them."""

from __future__ import annotations

from great_expectations.expectations.row_conditions import Column

from expectations import rules
from orchestration.suites import Suite

CATEGORIES = ("灯具", "厨具", "收纳", "家纺")
# A misspelling that the order desk makes now and then; staging maps it.
CATEGORIES_AS_TYPED = (*CATEGORIES, "灯俱")
# Typed in full width by some; staging maps them.
WAREHOUSES_AS_TYPED = ("WH1", "WH2", "ＷＨ１", "ＷＨ２")
CHANNELS = ("dealer", "key_account", "web", "test")


def orders() -> Suite:
    """One row per order that changed in the period, in its last state."""
    in_work = Column("cancelled_at").is_null() & Column("hold_reason").is_null()
    return Suite(
        batch=[
            *rules.required(
                "order_no",
                "Without its number an order vanishes from every order KPI."
                " | 没有编号的订单会从所有订单指标中消失。",
                most_missing=0.01,
            ),
            *rules.unique(
                ["order_no", "updated_at"],
                "Two states of an order at one moment: which one counts is a guess."
                " | 同一时刻订单有两种状态：以哪个为准只能靠猜。",
            ),
            *rules.required(
                "received_at",
                "Processing and dispatch time start here; without it both lose orders."
                " | 处理与派单时间由此起算；缺失则两者都会漏单。",
            ),
            *rules.required(
                "updated_at",
                "Decides which state of an order is the newest."
                " | 决定订单的哪个状态最新。",
            ),
            *rules.required(
                "channel",
                "Test orders are told by their channel; unknown ones would count."
                " | 测试订单靠渠道识别；未知渠道会被计入。",
                most_missing=0.05,
            ),
            *rules.codes(
                "channel",
                CHANNELS,
                "Test orders are told by their channel; a file read in the wrong "
                "encoding shows here first."
                " | 测试订单靠渠道识别；编码读错的文件最先在此暴露。",
                most_unknown=0.1,
            ),
            *rules.codes(
                "warehouse",
                WAREHOUSES_AS_TYPED,
                "Orders of an unknown warehouse are in no warehouse's figures."
                " | 仓库未知的订单不在任何仓库的数字中。",
                most_unknown=0.1,
            ),
            *rules.required(
                "category",
                "Return and order KPIs are compared by category."
                " | 退货与订单指标按品类比较。",
                most_missing=0.1,
            ),
            *rules.codes(
                "category",
                CATEGORIES_AS_TYPED,
                "An unknown category hides a product line from its owner; a file read "
                "in the wrong encoding has only unknown ones."
                " | 未知品类使产品线脱离其负责人；编码读错的文件只会出现未知品类。",
                most_unknown=0.1,
            ),
            *rules.codes(
                "hold_reason",
                ("backorder", "credit_hold", "future_dated"),
                "Held orders are excluded by reason; an unknown one would count."
                " | 挂起订单按原因排除；未知原因会被计入。",
            ),
            *rules.codes(
                "redispatch_reason",
                ("dispatch_error", "load_balance"),
                "Only dispatch errors count against dispatch accuracy."
                " | 只有派单错误才影响派单准确率。",
            ),
            *rules.codes(
                "correction_reason",
                ("entry_error", "customer_change"),
                "Only entry errors count against information accuracy."
                " | 只有录入错误才影响信息准确率。",
            ),
            *rules.codes(
                "return_reason",
                ("quality", "changed_mind", "damaged", "exchange", "wrong_item"),
                "Only wrong_item is a picking error, only quality the factory's."
                " | 只有 wrong_item 是拣货差错，只有 quality 归工厂。",
            ),
            *rules.required(
                "dispatched_at",
                "An export without dispatch times makes dispatch time look perfect: "
                "only the orders that have one are measured."
                " | 导出缺少派单时间会让派单显得完美：只统计了有时间的订单。",
                where=in_work,
                most_missing=0.4,
                usually_missing=0.15,
            ),
            *rules.in_order(
                "received_at",
                "dispatched_at",
                "Dispatched before received: two clocks or two columns are mixed up."
                " | 派单早于接单：两个时钟或两列混淆。",
                usually_reversed=0.05,
            ),
            *rules.required(
                "amount",
                "Order value is the weight of a complaint and of a return."
                " | 订单金额是投诉与退货的权重。",
                most_missing=0.05,
            ),
            *rules.between(
                "amount",
                0,
                2_000_000,
                "Amounts out of range: a shifted column or another currency unit."
                " | 金额超出范围：列错位或货币单位不同。",
            ),
        ],
        delivery=[
            *rules.rejects(
                "Rows that could not be read are orders nobody counts."
                " | 无法读取的行就是漏计的订单。"
            ),
            *rules.duplicates(
                "An order list sent twice in one file is not one day."
                " | 同一文件中重复发送的订单表不是一天的数据。"
            ),
            *rules.volume(
                "A part of the orders, or those of several days."
                " | 订单不全，或包含多天的订单。"
            ),
            *rules.in_period(
                "The content of another day under today's name, or an old list again."
                " | 以当天命名的文件，内容却是另一天的或旧清单。",
                least=0.5,
            ),
        ],
        # Few orders are held, corrected, dispatched again or returned; on some days
        # none.
        sparse=(
            "hold_reason",
            "redispatch_reason",
            "correction_reason",
            "return_reason",
        ),
        period_column="updated_at",
    )


def purchase_orders() -> Suite:
    """One row per requisition line that changed in the month, in its last state."""
    received = Column("received_date").is_not_null()
    quoted = Column("quoted_at").is_not_null()
    cancelled = Column("cancelled_at").is_not_null()
    return Suite(
        batch=[
            *rules.required(
                "req_line",
                "Without its number a line vanishes from every procurement KPI."
                " | 没有编号的采购行会从所有采购指标中消失。",
                most_missing=0.01,
            ),
            *rules.unique(
                ["req_line", "updated_at"],
                "Two states of a line at one moment: which one counts is a guess."
                " | 同一时刻采购行有两种状态：以哪个为准只能靠猜。",
            ),
            *rules.required(
                "updated_at",
                "Decides which state of a line is the newest."
                " | 决定采购行的哪个状态最新。",
            ),
            *rules.required(
                "requested_at",
                "The cycle starts here; without it the line has no cycle time."
                " | 周期由此起算；缺失则该行没有周期时间。",
                most_missing=0.05,
            ),
            *rules.required(
                "change_order",
                "Change orders are quick: unmarked they make the cycle look short."
                " | 变更单处理很快：不标明会让周期显得很短。",
            ),
            *rules.in_order(
                "requested_at",
                "po_issued_at",
                "Ordered before requested: two clocks or two columns are mixed up."
                " | 下单早于申请：两个时钟或两列混淆。",
                usually_reversed=0.05,
            ),
            *rules.codes(
                "cancelled_by",
                ("us", "supplier"),
                "What the supplier cancels counts against it, what we cancel does not."
                " | 供应商取消的计入供应商，我方取消的不计。",
            ),
            *rules.required(
                "cancelled_by",
                "Who cancelled decides whether the supplier was late."
                " | 由谁取消决定供应商是否算延迟。",
                where=cancelled,
                most_missing=0.5,
            ),
            *rules.required(
                "supplier_id",
                "Our own factory is told by its number; nobody else's delays are ours."
                " | 自有工厂靠编号识别；他人的延迟不算我方的。",
                where=quoted,
                most_missing=0.1,
            ),
            *rules.required(
                "item_code",
                "Price and mix are told apart by item. | 价格与结构影响按物料区分。",
                most_missing=0.1,
            ),
            *rules.required(
                "category",
                "Lines without category are in no segment."
                " | 没有品类的采购行不在任何分段。",
                most_missing=0.1,
            ),
            *rules.codes(
                "category",
                ("电子元件", "金属件", "包装材料", "面料"),
                "An unknown category hides purchases from their buyer; a file read in "
                "the wrong encoding has only unknown ones."
                " | 未知品类使采购脱离其采购员；编码读错的文件只会出现未知品类。",
                most_unknown=0.1,
            ),
            *rules.required(
                "qty_ordered",
                "Without it no delivery is ever complete."
                " | 缺失则没有任何交付能算完成。",
                most_missing=0.05,
            ),
            *rules.between(
                "qty_ordered",
                1,
                1_000_000,
                "Other quantities: columns have shifted. | 数量异常：列已错位。",
            ),
            *rules.required(
                "requested_date",
                "A line without requested day is never due, hence never late."
                " | 没有要求日期的行永远不会到期，也就永远不会延迟。",
                most_missing=0.05,
            ),
            *rules.required(
                "qty_received",
                "A receipt without quantity is worth nothing in every price KPI."
                " | 没有数量的收货在所有价格指标中都不值一文。",
                where=received,
                most_missing=0.05,
            ),
            *rules.required(
                "unit_price",
                "A receipt without price drops out of the price KPIs unseen."
                " | 没有价格的收货会悄悄退出价格指标。",
                where=received,
            ),
            *rules.between(
                "unit_price",
                0.01,
                1_000_000,
                "Prices out of range: a shifted column or another currency unit."
                " | 价格超出范围：列错位或货币单位不同。",
            ),
            *rules.required(
                "std_price",
                "Without standard price nothing is compared; a few new items have "
                "none, a month without means that the list was not joined."
                " | 没有标准价就无从比较；少数新物料没有属正常，整月没有说明未关联。",
                where=received,
                most_missing=0.2,
                usually_missing=0.05,
            ),
            *rules.required(
                "currency",
                "A price without currency is left out as foreign."
                " | 没有币种的价格会被当作外币排除。",
                where=received,
                most_missing=0.05,
            ),
            *rules.codes(
                "currency",
                ("CNY", "USD"),
                "An unknown currency: another spelling of CNY would leave it out."
                " | 未知币种：CNY 的另一种写法会使其被排除。",
                most_unknown=0.1,
            ),
        ],
        delivery=[
            *rules.rejects(
                "Rows that could not be read are lines nobody counts."
                " | 无法读取的行就是漏计的记录。"
            ),
            *rules.duplicates(
                "A list sent twice in one file is not one month."
                " | 同一文件中重复发送的清单不是一个月的数据。"
            ),
            *rules.volume(
                "A part of the lines, or those of several months."
                " | 采购行不全，或包含多个月的行。"
            ),
            *rules.in_period(
                "The content of another month under this month's name."
                " | 以当月命名的文件，内容却是另一月的。",
                least=0.5,
            ),
        ],
        # In some months nothing is cancelled; a small company receives nothing.
        sparse=(
            "cancelled_at",
            "cancelled_by",
            "po_issued_at",
            "qty_received",
            "std_price",
        ),
        period_column="updated_at",
    )
