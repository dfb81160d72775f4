"""What the files of the warehouse system must meet before picks are counted."""

from __future__ import annotations

from great_expectations.expectations.row_conditions import Column

from expectations import rules
from expectations.erp import CATEGORIES_AS_TYPED
from orchestration.suites import Suite


def picks() -> Suite:
    """One row per picked order line, written when the line is packed."""
    return Suite(
        batch=[
            *rules.required(
                "order_no",
                "A line without order is missing from its order's accuracy: the order "
                "looks flawless, or is not seen at all."
                " | 没有订单号的拣货行不计入订单准确率：订单显得无差错，或根本看不到。",
                most_missing=0.05,
                usually_missing=0.0,
            ),
            *rules.required(
                "line_no", "Tells the lines of an order apart. | 用于区分订单的各行。"
            ),
            *rules.between(
                "line_no",
                1,
                200,
                "Other line numbers: columns have shifted. | 行号异常：列已错位。",
            ),
            *rules.required(
                "sku",
                "Without article a picking error cannot be traced."
                " | 没有货号的拣货差错无法追溯。",
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
            *rules.required(
                "picker_id",
                "Work per picker is a shared load; blanks distort it."
                " | 每位拣货员的工作量按人分摊；空值会使其失真。",
                most_missing=0.2,
            ),
            *rules.required(
                "pick_end",
                "Accuracy is measured on the day of the pick. | 准确率按拣货当日计量。",
            ),
            *rules.in_order(
                "pick_start",
                "pick_end",
                "Ended before it began: two clocks or two columns are mixed up."
                " | 结束早于开始：两个时钟或两列混淆。",
                most_reversed=0.1,
            ),
            *rules.required(
                "recheck_result",
                "Unchecked lines would count as faultless."
                " | 未复核的行会被计为无差错。",
                most_missing=0.3,
                usually_missing=0.1,
            ),
            *rules.codes(
                "recheck_result",
                ("OK", "ERR"),
                "Only ERR is an error; a new code would count as faultless."
                " | 只有 ERR 是差错；新代码会计为无差错。",
                most_unknown=0.02,
            ),
            *rules.required(
                "error_type",
                "Errors without a type cannot be improved upon."
                " | 没有类型的差错无从改进。",
                where=Column("recheck_result") == "ERR",
                most_missing=0.9,
                usually_missing=0.2,
            ),
        ],
        delivery=[
            *rules.rejects(
                "Rows that could not be read are lines nobody counts."
                " | 无法读取的行就是漏计的记录。"
            ),
            *rules.duplicates(
                "Half a percent comes twice as a rule; more is a list sent twice."
                " | 通常有千分之五重复；更多则是清单发了两次。"
            ),
            *rules.volume(
                "A part of the picks, or those of several days."
                " | 拣货不全，或包含多天的拣货。"
            ),
            *rules.in_period(
                "The content of another day under today's name."
                " | 以当天命名的文件，内容却是另一天的。"
            ),
        ],
        # A good day has no errors.
        sparse=("error_type",),
        period_column="pick_end",
    )
