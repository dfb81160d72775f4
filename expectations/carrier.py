"""What the carrier's files must meet before shipments are counted from them."""

from __future__ import annotations

from expectations import rules
from orchestration.suites import Suite


def shipments() -> Suite:
    """One row per parcel scan; a few come one to three days late."""
    return Suite(
        batch=[
            *rules.required(
                "event_id",
                "The key by which repeated scans are told. | 用于识别重复扫描的主键。",
            ),
            *rules.unique(
                ["event_id"],
                "One scan with two contents: which one is true?"
                " | 同一扫描有两种内容：哪个是真的？",
            ),
            *rules.required(
                "order_no",
                "A scan without order leaves the order open for ever."
                " | 扫描没有订单号，订单就永远未完成。",
                most_missing=0.05,
                usually_missing=0.0,
            ),
            *rules.required(
                "waybill",
                "An order is shipped with its last parcel; parcels must be told apart."
                " | 最后一个包裹发出才算发货，必须能区分各包裹。",
                most_missing=0.1,
            ),
            *rules.required(
                "event",
                "Without its kind a scan neither ships nor delivers."
                " | 没有类型的扫描既不算发货也不算签收。",
            ),
            *rules.codes(
                "event",
                ("accepted", "delivered", "refused", "exception"),
                "A renamed scan would leave every order unshipped."
                " | 扫描类型一旦改名，所有订单都会显示为未发货。",
                most_unknown=0.05,
            ),
            *rules.required(
                "event_time",
                "Shipping and delivery are measured at this moment."
                " | 发货与签收以此时刻计量。",
            ),
            *rules.required(
                "hub",
                "A hub with a wrong clock can only be found by its name."
                " | 时钟有误的网点只能凭名称查出。",
                most_missing=0.5,
            ),
        ],
        delivery=[
            *rules.rejects(
                "Rows that could not be read are scans nobody counts."
                " | 无法读取的行就是漏计的扫描。"
            ),
            *rules.duplicates(
                "Scans sent twice in one file are not two parcels."
                " | 同一文件中重复发送的扫描不是两个包裹。"
            ),
            *rules.volume(
                "A part of the scans: what is missing looks like late shipping."
                " | 扫描不全：缺失部分看起来像发货延迟。",
                # After a day off half of the scans are missing: nothing is delivered.
                held=(0.4, 3.0),
                usual=(0.5, 1.8),
            ),
            *rules.in_period(
                "The content of another day under today's name."
                " | 以当天命名的文件，内容却是另一天的。",
                # On a day off little is scanned; the corrections of earlier days go on.
                least=0.25,
            ),
        ],
        period_column="event_time",
    )
