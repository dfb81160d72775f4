"""What the files of the telephone system must meet before calls are counted."""

from __future__ import annotations

from great_expectations.expectations.row_conditions import Column

from expectations import rules
from orchestration.suites import Suite


def calls() -> Suite:
    """One row per call, abandoned ones included."""
    answered = Column("agent_id").is_not_null()
    return Suite(
        batch=[
            *rules.required(
                "call_id",
                "The key by which repeated calls are told. | 用于识别重复通话的主键。",
            ),
            *rules.unique(
                ["call_id"],
                "One call with two contents: which one is true?"
                " | 同一通话有两种内容：哪个是真的？",
            ),
            *rules.required(
                "started_at", "A call counts on the day it began. | 通话按开始日计入。"
            ),
            *rules.required(
                "customer_id",
                "Calls of unknown customers cannot be linked to issues: first-contact "
                "resolution would rest on the few that are left."
                " | 客户未知的通话无法归并为问题：首次解决率只能依据剩下的少数。",
                most_missing=0.3,
                usually_missing=0.1,
            ),
            *rules.required(
                "topic",
                "Issues are told by topic; without it all calls of a customer look "
                "like one issue."
                " | 问题按主题区分；没有主题，一个客户的所有通话都像同一问题。",
                most_missing=0.1,
                usually_missing=0.02,
            ),
            *rules.codes(
                "topic",
                ("delivery", "product", "returns", "invoice", "account"),
                "Renamed topics break issues in two: a repeated call would look new."
                " | 主题一旦改名，问题就会断成两个：重复来电会显得是新来电。",
                most_unknown=0.2,
            ),
            *rules.required(
                "answered",
                "Calls that are neither answered nor abandoned."
                " | 既未接通也未放弃的通话。",
            ),
            *rules.required(
                "agent_id",
                "Nobody answered: the log has lost its agents, and with them all that "
                "is measured of answered calls."
                " | 无人接听：日志丢失了坐席，所有接通通话的指标也随之丢失。",
                most_missing=0.5,
                usually_missing=0.2,
            ),
            *rules.between(
                "queue_s",
                0,
                7200,
                "Hours in the queue: another unit, or a clock that was reset."
                " | 排队数小时：单位不同，或时钟被重置。",
            ),
            *rules.required(
                "talk_s",
                "Answered calls without talk are in no handling time."
                " | 接通却没有通话时长的来电不计入处理时长。",
                where=answered,
            ),
            *rules.between(
                "talk_s",
                0,
                7200,
                "Hours of talk: another unit, or calls that were not closed."
                " | 通话数小时：单位不同，或通话未关闭。",
            ),
            *rules.between(
                "hold_s",
                0,
                7200,
                "Hours on hold: another unit, or calls not closed."
                " | 保持数小时：单位不同，或通话未关闭。",
            ),
            # The sums stay right but for this part, so it is not worth a stale KPI.
            *rules.between(
                "wrap_s",
                1,
                7200,
                "The log has lost the work after calls; handling time is too short "
                "until the file comes again."
                " | 日志丢失了话后处理；在文件重发前处理时长偏短。",
                most_outside=None,
                usually_outside=0.2,
            ),
            *rules.required(
                "resolution",
                "Calls without a resolution count as unresolved."
                " | 没有解决结果的通话计为未解决。",
                where=answered,
                most_missing=0.3,
                usually_missing=0.05,
            ),
            *rules.codes(
                "resolution",
                ("resolved", "follow_up", "unresolved"),
                "Only `resolved` is a resolution; a new code would count as none."
                " | 只有 resolved 算解决；新代码会计为未解决。",
                most_unknown=0.05,
            ),
            *rules.between(
                "csat",
                1,
                5,
                "Another scale: the average of two scales means nothing."
                " | 分制不同：两种分制的平均值没有意义。",
                most_outside=0.2,
                usually_outside=0.1,
            ),
        ],
        delivery=[
            *rules.rejects(
                "Rows that could not be read are calls nobody counts."
                " | 无法读取的行就是漏计的通话。"
            ),
            *rules.duplicates(
                "Half a percent comes twice as a rule; more is a list sent twice."
                " | 通常有千分之五重复；更多则是清单发了两次。"
            ),
            *rules.volume(
                "A part of the calls, or those of several days."
                " | 通话不全，或包含多天的通话。"
            ),
            *rules.in_period(
                "The calls of another day under today's name."
                " | 以当天命名的文件，内容却是另一天的通话。"
            ),
        ],
        # Of few calls none may be answered, let alone rated.
        sparse=("agent_id", "talk_s", "hold_s", "wrap_s", "resolution", "csat"),
        period_column="started_at",
    )
