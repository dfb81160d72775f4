"""What the files of the factory must meet before inspections are counted."""

from __future__ import annotations

from expectations import rules
from expectations.erp import CATEGORIES_AS_TYPED
from orchestration.suites import Suite


def inspections() -> Suite:
    """One row per inspection of a lot."""
    return Suite(
        batch=[
            *rules.required(
                "lot_no",
                "An inspection without lot is nobody's yield."
                " | 没有批号的检验不属于任何合格率。",
            ),
            *rules.unique(
                ["lot_no", "inspection_no"],
                "One inspection with two results: which one is true?"
                " | 同一检验有两个结果：哪个是真的？",
            ),
            *rules.between(
                "inspection_no",
                1,
                20,
                "Only number 1 is a first inspection; other counts hide it."
                " | 只有第 1 次才是首检；其他计数会掩盖它。",
            ),
            *rules.required(
                "inspected_at",
                "A lot counts on the day it was inspected. | 批次按检验日计入。",
            ),
            *rules.required(
                "line_no",
                "A line with a fault can only be found by its number."
                " | 有故障的产线只能凭编号查出。",
            ),
            *rules.between(
                "line_no",
                1,
                3,
                "The factory has three lines: columns have shifted."
                " | 工厂只有三条产线：列已错位。",
            ),
            *rules.codes(
                "category",
                CATEGORIES_AS_TYPED,
                "An unknown category hides a product line from its owner."
                " | 未知品类使产品线脱离其负责人。",
                most_unknown=0.1,
            ),
            *rules.required(
                "units_submitted",
                "Yield is a share of the units submitted. | 合格率是送检数量中的占比。",
            ),
            *rules.between(
                "units_submitted",
                1,
                100_000,
                "Lots of none or of a hundred thousand units: another unit."
                " | 批量为零或十万：单位不同。",
            ),
            *rules.required(
                "units_passed",
                "Without the units that passed there is no yield."
                " | 没有合格数就没有合格率。",
            ),
            *rules.in_order(
                "units_passed",
                "units_submitted",
                "More units passed than were submitted: columns are mixed up."
                " | 合格数多于送检数：列混淆。",
                most_reversed=0.01,
            ),
            *rules.codes(
                "lot_type",
                ("normal", "trial"),
                "Trial lots are left out by this word; a new one would count."
                " | 试制批次靠此词排除；新的写法会被计入。",
                most_unknown=0.05,
            ),
            *rules.required(
                "released_at",
                "No lot was released in a whole month: the column was not filled in."
                " | 整月没有放行批次：该列未填。",
                most_missing=0.7,
                usually_missing=0.4,
            ),
            *rules.in_order(
                "inspected_at",
                "released_at",
                "Released before inspected: two clocks or two columns are mixed up."
                " | 放行早于检验：两个时钟或两列混淆。",
                most_reversed=0.1,
                usually_reversed=0.02,
            ),
        ],
        delivery=[
            *rules.rejects(
                "Rows that could not be read are lots nobody counts."
                " | 无法读取的行就是漏计的批次。"
            ),
            *rules.duplicates(
                "Inspections sent twice in one file are not two."
                " | 同一文件中重复发送的检验不是两次。"
            ),
            *rules.volume(
                "A part of the inspections: whole lines may be missing."
                " | 检验不全：可能缺少整条产线。"
            ),
            *rules.in_period(
                "The inspections of another month under this name."
                " | 以此命名的文件，内容却是另一月的检验。"
            ),
        ],
        # Of few lots none may be released yet.
        sparse=("released_at",),
        period_column="inspected_at",
    )
