"""Suites for the marketplace tables."""

from __future__ import annotations

from expectations import rules
from orchestration.suites import Suite

STATUSES = (
    "approved",
    "canceled",
    "created",
    "delivered",
    "invoiced",
    "processing",
    "shipped",
    "unavailable",
)
PAYMENTS = ("boleto", "credit_card", "debit_card", "not_defined", "voucher")
JOINED = "A key that comes twice would count the rows joined to it twice."
LOST = "A row that no order can be found for is lost to every figure."


def orders() -> Suite:
    """Orders with their milestones."""
    return Suite(
        batch=[
            *rules.unique(["order_id"], JOINED),
            *rules.required("customer_id", LOST),
            *rules.codes("status", STATUSES, "A status nobody mapped is no end."),
            *rules.in_order(
                "purchased_at", "approved_at", "Paid before ordered: clocks differ."
            ),
            *rules.in_order(
                "approved_at",
                "handed_over_at",
                "Handed over before approved: one of two clocks is wrong.",
                usually_reversed=0.02,
            ),
        ],
        delivery=[*rules.rejects("Orders that cannot be read are sold but not seen.")],
    )


def order_items() -> Suite:
    """Items of the orders."""
    return Suite(
        batch=[
            *rules.unique(["order_id", "item_no"], JOINED),
            *rules.required("product_id", LOST),
            *rules.required("seller_id", LOST),
            *rules.between("price", 0, 100_000, "A price slipped by a decimal mark."),
        ],
        delivery=[*rules.rejects("Items that cannot be read make orders of nothing.")],
    )


def order_payments() -> Suite:
    """Payments of the orders."""
    return Suite(
        batch=[
            *rules.unique(["order_id", "payment_no"], JOINED),
            *rules.codes("payment_type", PAYMENTS, "A means of payment nobody knows."),
            *rules.between(
                "amount", 0, 100_000, "An amount slipped by a decimal mark."
            ),
        ],
        delivery=[*rules.rejects("Payments that cannot be read are money not seen.")],
    )


def order_reviews() -> Suite:
    """Answers about the orders; free text with line breaks and quotes."""
    return Suite(
        batch=[
            *rules.unique(["review_id", "order_id"], JOINED),
            *rules.between("score", 1, 5, "A score off the scale moves the mean."),
        ],
        delivery=[
            *rules.rejects("A comment that breaks its row takes the score with it.")
        ],
    )


def customers() -> Suite:
    """Customer records, one per order."""
    return Suite(
        batch=[
            *rules.unique(["customer_id"], JOINED),
            *rules.required("person_id", "People who come back could not be seen."),
        ],
        delivery=[*rules.rejects(LOST)],
    )


def products() -> Suite:
    """Products; some nobody filed under a category."""
    return Suite(
        batch=[
            *rules.unique(["product_id"], JOINED),
            *rules.required(
                "category",
                "Figures by category would miss much of the trade.",
                most_missing=0.1,
                usually_missing=0.03,
            ),
        ],
        delivery=[*rules.rejects(LOST)],
    )


def sellers() -> Suite:
    """Sellers."""
    return Suite(
        batch=[
            *rules.unique(["seller_id"], JOINED),
            *rules.required("state", "Figures by region would miss the seller."),
        ],
        delivery=[*rules.rejects(LOST)],
    )
