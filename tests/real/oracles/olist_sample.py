"""What the marketplace order tables say, joined row by row from the raw files.

Clock times have no zone; they are the wall clock of Brasília (America/Sao_Paulo),
where the marketplace sits. Durations are differences of instants, so that the two
nights a year on which the clocks are moved come out right; days are wall-clock days.
"""

from __future__ import annotations

import csv
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from tests.real.oracles.measured import Measured

ZONE = ZoneInfo("America/Sao_Paulo")
UNKNOWN = "unknown"
TABLES = (
    "customers",
    "order_items",
    "order_payments",
    "order_reviews",
    "orders",
    "products",
    "sellers",
)


def wall(text: str) -> datetime | None:
    """A wall-clock time as written; empty is unknown."""
    return datetime.fromisoformat(text) if text else None


def instant(local: datetime) -> datetime:
    """The instant of a wall-clock time; the later one where the hour came twice."""
    return local.replace(tzinfo=ZONE, fold=1).astimezone(UTC)


def is_odd_clock(local: datetime) -> bool:
    """True where the wall clock showed this time twice, or never."""
    first = local.replace(tzinfo=ZONE, fold=0)
    return first.utcoffset() != first.replace(fold=1).utcoffset()


def seconds(earlier: datetime, later: datetime) -> int:
    """Whole seconds between two wall-clock times."""
    return int((instant(later) - instant(earlier)).total_seconds())


def cents(text: str) -> int:
    """Money as written, in cents; more than two decimals would be an error."""
    whole, _, fraction = text.partition(".")
    if len(fraction) > 2:
        raise ValueError(text)
    return int(whole) * 100 + int(fraction.ljust(2, "0"))


@dataclass(frozen=True)
class Order:
    """One order with what its other six tables say about it."""

    order_id: str
    status: str
    purchased: datetime
    approved: datetime | None
    handed_over: datetime | None
    delivered: datetime | None
    state_code: str
    person: str
    items: int
    freight_cents: int | None
    first_payment: str
    first_category: str | None
    first_seller_state: str | None
    first_score: int


@dataclass
class Oracle:
    """Everything the marts must say about the seven tables."""

    rows: dict[str, int]
    exact_duplicates: dict[str, int]
    odd_clock_rows: dict[str, int]
    messages: Counter[str]
    orders: dict[str, Order] = field(default_factory=dict)
    events: Counter[str] = field(default_factory=Counter)
    approval: dict[str, Measured] = field(default_factory=dict)
    handover: dict[str, Measured] = field(default_factory=dict)
    satisfaction: dict[str, Measured] = field(default_factory=dict)
    repeated_review_ids: int = 0
    extra_reviews: int = 0


def compute(folder: Path) -> Oracle:
    """Read the seven tables in ``folder`` and work out every figure."""
    tables = {name: _read(folder, name) for name in TABLES}
    clocks = {
        "orders": (
            "order_purchase_timestamp",
            "order_approved_at",
            "order_delivered_carrier_date",
            "order_delivered_customer_date",
        ),
        "order_reviews": ("review_answer_timestamp",),
        "order_items": ("shipping_limit_date",),
    }
    oracle = Oracle(
        rows={name: len(rows) for name, rows in tables.items()},
        exact_duplicates={
            name: len(rows) - len({tuple(row.values()) for row in rows})
            for name, rows in tables.items()
        },
        odd_clock_rows={
            name: sum(
                any(row[c] and is_odd_clock(wall(row[c])) for c in columns)
                for row in tables[name]
            )
            for name, columns in clocks.items()
        },
        messages=Counter(
            row["review_comment_message"]
            for row in tables["order_reviews"]
            # One customer sent a single space: that says nothing.
            if row["review_comment_message"].strip(" ")
        ),
    )
    _orders(oracle, tables)
    _reviews(oracle, tables["order_reviews"])
    return oracle


def _read(folder: Path, name: str) -> list[dict[str, str]]:
    path = folder / f"olist_{name}_dataset.csv"
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, strict=True))


def _orders(oracle: Oracle, tables: dict[str, list[dict[str, str]]]) -> None:
    customers = {row["customer_id"]: row for row in tables["customers"]}
    products = {row["product_id"]: row for row in tables["products"]}
    sellers = {row["seller_id"]: row for row in tables["sellers"]}
    items = defaultdict(list)
    for row in tables["order_items"]:
        items[row["order_id"]].append(row)
    payments = defaultdict(list)
    for row in tables["order_payments"]:
        payments[row["order_id"]].append(row)
    reviews = defaultdict(list)
    for row in tables["order_reviews"]:
        reviews[row["order_id"]].append(row)

    for row in tables["orders"]:
        lines = items[row["order_id"]]
        first = min(lines, key=lambda line: int(line["order_item_id"]), default=None)
        order = Order(
            order_id=row["order_id"],
            status=row["order_status"],
            purchased=wall(row["order_purchase_timestamp"]),
            approved=wall(row["order_approved_at"]),
            handed_over=wall(row["order_delivered_carrier_date"]),
            delivered=wall(row["order_delivered_customer_date"]),
            state_code=customers[row["customer_id"]]["customer_state"],
            person=customers[row["customer_id"]]["customer_unique_id"],
            items=len(lines),
            freight_cents=sum(cents(line["freight_value"]) for line in lines)
            if lines
            else None,
            first_payment=min(
                payments[row["order_id"]], key=lambda p: int(p["payment_sequential"])
            )["payment_type"],
            first_category=first
            and (products[first["product_id"]]["product_category_name"] or None),
            first_seller_state=first and sellers[first["seller_id"]]["seller_state"],
            first_score=int(
                min(reviews[row["order_id"]], key=_answer_order)["review_score"]
            ),
        )
        oracle.orders[order.order_id] = order
        oracle.events["purchased"] += 1
        oracle.events["approved"] += order.approved is not None
        oracle.events["handed_over"] += order.handed_over is not None
        oracle.events["delivered"] += order.delivered is not None

    # Only this table has a time of its own; the others lie in a folder for a month.
    last_purchase = max(order.purchased for order in oracle.orders.values())
    last_day = (last_purchase - timedelta(seconds=1)).date()
    for order in oracle.orders.values():
        oracle.approval[order.order_id] = _approval(order, last_day)
        oracle.handover[order.order_id] = _handover(order, last_day)


def _approval(order: Order, last_day: date) -> Measured:
    by = order.first_payment
    if order.approved is None:
        if order.handed_over or order.delivered:
            on = (order.handed_over or order.delivered).date()
            return Measured("excluded", "missing_milestone", on, by)
        if order.status in ("canceled", "unavailable"):
            return Measured("excluded", "cancelled", order.purchased.date(), by)
        return Measured("open", "not_approved_yet", last_day, by)
    if order.approved < order.purchased:
        return Measured("excluded", "reversed_clock", order.approved.date(), by)
    took = seconds(order.purchased, order.approved)
    return Measured("counted", None, order.approved.date(), by, took, 1)


def _handover(order: Order, last_day: date) -> Measured:
    """Approved orders, on the day of approval: with the carrier that same day?

    The first reason that applies is the one shown: an order of nothing cannot be
    handed over, a clock that ran backwards cannot be judged.
    """
    by = order.first_seller_state or UNKNOWN
    on = (order.approved or order.purchased).date()
    if order.items == 0:
        return Measured("excluded", "no_items", on, by)
    if order.approved is None:
        if order.handed_over or order.delivered:
            return Measured("excluded", "missing_milestone", on, by)
        if order.status in ("canceled", "unavailable"):
            return Measured("excluded", "cancelled", on, by)
        return Measured("open", "not_approved_yet", last_day, by)
    if order.handed_over is None:
        if order.delivered is not None:
            return Measured("excluded", "missing_milestone", on, by)
        if order.status in ("canceled", "unavailable"):
            return Measured("excluded", "cancelled", on, by)
    elif order.handed_over < order.approved:
        return Measured("excluded", "reversed_clock", on, by)
    if on > last_day:
        return Measured("undecided", "day_not_over", on, by)
    same_day = order.handed_over is not None and order.handed_over.date() == on
    return Measured("counted", None, on, by, int(same_day), 1)


def _reviews(oracle: Oracle, reviews: list[dict[str, str]]) -> None:
    ids = Counter(row["review_id"] for row in reviews)
    oracle.repeated_review_ids = sum(ids.values()) - len(ids)
    orders = Counter(row["order_id"] for row in reviews)
    oracle.extra_reviews = sum(orders.values()) - len(orders)
    oracle.events["reviewed"] = len(reviews)

    seen: set[str] = set()
    for row in sorted(reviews, key=_answer_order):
        by = oracle.orders[row["order_id"]].first_category or UNKNOWN
        on = wall(row["review_answer_timestamp"]).date()
        # A review identifier comes back on other orders: both parts name an answer.
        subject = f"{row['review_id']}/{row['order_id']}"
        if row["order_id"] in seen:
            measured = Measured("excluded", "duplicate_answer", on, by)
        else:
            measured = Measured("counted", None, on, by, int(row["review_score"]), 1)
        seen.add(row["order_id"])
        oracle.satisfaction[subject] = measured


def _answer_order(review: dict[str, str]) -> tuple[datetime, str]:
    return instant(wall(review["review_answer_timestamp"])), review["review_id"]
