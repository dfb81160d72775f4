"""What the survey workbooks must meet before satisfaction is counted from them."""

from __future__ import annotations

from expectations import rules
from orchestration.suites import Suite


def delivery() -> Suite:
    """One row per answer about a delivery."""
    return Suite(
        batch=[
            *rules.required(
                "order_no",
                "Answers without order are in the total but in no segment; a few are "
                "ordinary, many mean that the column was not filled in."
                " | 没有订单号的答卷只计入总数；少量属正常，大量说明该列未填。",
                most_missing=0.2,
                usually_missing=0.08,
            ),
            *rules.required(
                "answered_on",
                "An answer counts on the day it was given. | 答卷按作答日计入。",
            ),
            *rules.required(
                "score",
                "An answer without score says nothing. | 没有评分的答卷毫无信息。",
            ),
            *rules.between(
                "score",
                1,
                5,
                "Another scale: the average of two scales means nothing."
                " | 分制不同：两种分制的平均值没有意义。",
                most_outside=0.05,
                usually_outside=0.02,
            ),
        ],
        delivery=[
            *rules.rejects(
                "Rows that could not be read are answers nobody counts."
                " | 无法读取的行就是漏计的答卷。",
                held=0.1,
            ),
            *rules.volume(
                "A part of the answers: who is missing is not random."
                " | 答卷不全：缺失者并非随机。"
            ),
            *rules.in_period(
                "The answers of another month under this month's name."
                " | 以当月命名的文件，内容却是另一月的答卷。",
            ),
        ],
        period_column="answered_on",
    )
