"""What the rating workbooks must meet before teams are rated from them."""

from __future__ import annotations

from expectations import rules
from orchestration.suites import Suite


def ratings_360() -> Suite:
    """One row per answer of a rater about a person."""
    return Suite(
        batch=[
            *rules.required(
                "cycle",
                "An answer of no cycle is in no half year."
                " | 没有周期的答卷不属于任何半年。",
            ),
            *rules.required("ratee_id", "An answer about nobody. | 没有被评人的答卷。"),
            *rules.required(
                "rater_id",
                "Raters are counted to protect them. | 评价人需计数，以保护其匿名。",
            ),
            *rules.required(
                "rater_group",
                "The groups have different weights. | 各评价群体的权重不同。",
            ),
            *rules.codes(
                "rater_group",
                ("manager", "peer", "report", "self"),
                "A group without a weight would be left out without a word."
                " | 没有权重的群体会被无声忽略。",
                most_unknown=0.02,
            ),
            *rules.required(
                "item",
                "Which question was answered is not said. | 不知回答的是哪道题。",
            ),
            *rules.unique(
                ["cycle", "ratee_id", "rater_id", "rater_group", "item"],
                "Two answers to one question: which one is true?"
                " | 一题有两个答案：哪个是真的？",
            ),
            *rules.required(
                "score",
                "Most questions were left open: the ratings rest on a few."
                " | 多数题目未作答：评分只依据少数答案。",
                most_missing=0.5,
                usually_missing=0.2,
            ),
            *rules.between(
                "score",
                1,
                5,
                "Another scale: the average of two scales means nothing."
                " | 分制不同：两种分制的平均值没有意义。",
                most_outside=0.02,
                usually_outside=0.0,
            ),
        ],
        delivery=[
            *rules.rejects(
                "Rows that could not be read are answers nobody counts."
                " | 无法读取的行就是漏计的答卷。"
            ),
            *rules.duplicates(
                "Answers copied below themselves. | 答卷在表内被复制了一遍。"
            ),
            *rules.volume(
                "Whole teams are missing. | 整个团队缺失。",
                held=(0.5, 2.0),
                usual=(0.7, 1.4),
            ),
        ],
    )
