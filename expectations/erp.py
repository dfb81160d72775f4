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
                "Without its number an order vanishes from every order KPI.",
                most_missing=0.01,
            ),
            *rules.unique(
                ["order_no", "updated_at"],
                "Two states of an order at one moment: which one counts is a guess.",
            ),
            *rules.required(
                "received_at",
                "Processing and dispatch time start here; without it both lose orders.",
            ),
            *rules.required(
                "updated_at", "Decides which state of an order is the newest."
            ),
            *rules.required(
                "channel",
                "Test orders are told by their channel; unknown ones would count.",
                most_missing=0.05,
            ),
            *rules.codes(
                "channel",
                CHANNELS,
                "Test orders are told by their channel; a file read in the wrong "
                "encoding shows here first.",
                most_unknown=0.1,
            ),
            *rules.codes(
                "warehouse",
                WAREHOUSES_AS_TYPED,
                "Orders of an unknown warehouse are in no warehouse's figures.",
                most_unknown=0.1,
            ),
            *rules.required(
                "category",
                "Return and order KPIs are compared by category.",
                most_missing=0.1,
            ),
            *rules.codes(
                "category",
                CATEGORIES_AS_TYPED,
                "An unknown category hides a product line from its owner; a file read "
                "in the wrong encoding has only unknown ones.",
                most_unknown=0.1,
            ),
            *rules.codes(
                "hold_reason",
                ("backorder", "credit_hold", "future_dated"),
                "Held orders are excluded by reason; an unknown one would count.",
            ),
            *rules.codes(
                "redispatch_reason",
                ("dispatch_error", "load_balance"),
                "Only dispatch errors count against dispatch accuracy.",
            ),
            *rules.codes(
                "correction_reason",
                ("entry_error", "customer_change"),
                "Only entry errors count against information accuracy.",
            ),
            *rules.codes(
                "return_reason",
                ("quality", "changed_mind", "damaged", "exchange", "wrong_item"),
                "Only wrong_item is a picking error, only quality the factory's.",
            ),
            *rules.required(
                "dispatched_at",
                "An export without dispatch times makes dispatch time look perfect: "
                "only the orders that have one are measured.",
                where=in_work,
                most_missing=0.4,
                usually_missing=0.15,
            ),
            *rules.in_order(
                "received_at",
                "dispatched_at",
                "Dispatched before received: two clocks or two columns are mixed up.",
                usually_reversed=0.05,
            ),
            *rules.required(
                "amount",
                "Order value is the weight of a complaint and of a return.",
                most_missing=0.05,
            ),
            *rules.between(
                "amount",
                0,
                2_000_000,
                "Amounts out of range: a shifted column or another currency unit.",
            ),
        ],
        delivery=[
            *rules.rejects("Rows that could not be read are orders nobody counts."),
            *rules.duplicates("An order list sent twice in one file is not one day."),
            *rules.volume("A part of the orders, or those of several days."),
            *rules.in_period(
                "The content of another day under today's name, or an old list again.",
                least=0.5,
            ),
        ],
        # Few orders are held, corrected, dispatched again or returned; on some days
        # none.
        sparse=(
            "hold_reason",
            "redispatch_reason",
            "correction_reason",
            "cancelled_at",
            "return_reason",
        ),
        period_column="updated_at",
    )
