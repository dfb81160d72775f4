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
                "Without its number a line vanishes from every procurement KPI.",
                most_missing=0.01,
            ),
            *rules.unique(
                ["req_line", "updated_at"],
                "Two states of a line at one moment: which one counts is a guess.",
            ),
            *rules.required(
                "updated_at", "Decides which state of a line is the newest."
            ),
            *rules.required(
                "requested_at",
                "The cycle starts here; without it the line has no cycle time.",
                most_missing=0.05,
            ),
            *rules.required(
                "change_order",
                "Change orders are quick: unmarked they make the cycle look short.",
            ),
            *rules.in_order(
                "requested_at",
                "po_issued_at",
                "Ordered before requested: two clocks or two columns are mixed up.",
                usually_reversed=0.05,
            ),
            *rules.codes(
                "cancelled_by",
                ("us", "supplier"),
                "What the supplier cancels counts against it, what we cancel does not.",
            ),
            *rules.required(
                "cancelled_by",
                "Who cancelled decides whether the supplier was late.",
                where=cancelled,
                most_missing=0.5,
            ),
            *rules.required(
                "supplier_id",
                "Our own factory is told by its number; nobody else's delays are ours.",
                where=quoted,
                most_missing=0.1,
            ),
            *rules.required(
                "item_code",
                "Price and mix are told apart by item.",
                most_missing=0.1,
            ),
            *rules.required(
                "category",
                "Lines without category are in no segment.",
                most_missing=0.1,
            ),
            *rules.codes(
                "category",
                ("电子元件", "金属件", "包装材料", "面料"),
                "An unknown category hides purchases from their buyer; a file read in "
                "the wrong encoding has only unknown ones.",
                most_unknown=0.1,
            ),
            *rules.required(
                "qty_ordered",
                "Without it no delivery is ever complete.",
                most_missing=0.05,
            ),
            *rules.between(
                "qty_ordered", 1, 1_000_000, "Other quantities: columns have shifted."
            ),
            *rules.required(
                "requested_date",
                "A line without requested day is never due, hence never late.",
                most_missing=0.05,
            ),
            *rules.required(
                "qty_received",
                "A receipt without quantity is worth nothing in every price KPI.",
                where=received,
                most_missing=0.05,
            ),
            *rules.required(
                "unit_price",
                "A receipt without price drops out of the price KPIs unseen.",
                where=received,
            ),
            *rules.between(
                "unit_price",
                0.01,
                1_000_000,
                "Prices out of range: a shifted column or another currency unit.",
            ),
            *rules.required(
                "std_price",
                "Without standard price nothing is compared; a few new items have "
                "none, a month without means that the list was not joined.",
                where=received,
                most_missing=0.2,
                usually_missing=0.05,
            ),
            *rules.required(
                "currency",
                "A price without currency is left out as foreign.",
                where=received,
                most_missing=0.05,
            ),
            *rules.codes(
                "currency",
                ("CNY", "USD"),
                "An unknown currency: another spelling of CNY would leave it out.",
                most_unknown=0.1,
            ),
        ],
        delivery=[
            *rules.rejects("Rows that could not be read are lines nobody counts."),
            *rules.duplicates("A list sent twice in one file is not one month."),
            *rules.volume("A part of the lines, or those of several months."),
            *rules.in_period(
                "The content of another month under this month's name.", least=0.5
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
