"""What the carrier's files must meet before shipments are counted from them."""

from __future__ import annotations

from expectations import rules
from orchestration.suites import Suite


def shipments() -> Suite:
    """One row per parcel scan; a few come one to three days late."""
    return Suite(
        batch=[
            *rules.required("event_id", "The key by which repeated scans are told."),
            *rules.unique(
                ["event_id"], "One scan with two contents: which one is true?"
            ),
            *rules.required(
                "order_no",
                "A scan without order leaves the order open for ever.",
                most_missing=0.05,
                usually_missing=0.0,
            ),
            *rules.required(
                "waybill",
                "An order is shipped with its last parcel; parcels must be told apart.",
                most_missing=0.1,
            ),
            *rules.required(
                "event", "Without its kind a scan neither ships nor delivers."
            ),
            *rules.codes(
                "event",
                ("accepted", "delivered", "refused", "exception"),
                "A renamed scan would leave every order unshipped.",
                most_unknown=0.05,
            ),
            *rules.required(
                "event_time", "Shipping and delivery are measured at this moment."
            ),
            *rules.required(
                "hub",
                "A hub with a wrong clock can only be found by its name.",
                most_missing=0.5,
            ),
        ],
        delivery=[
            *rules.rejects("Rows that could not be read are scans nobody counts."),
            *rules.duplicates("Scans sent twice in one file are not two parcels."),
            *rules.volume(
                "A part of the scans: what is missing looks like late shipping.",
                # After a day off half of the scans are missing: nothing is delivered.
                held=(0.4, 3.0),
                usual=(0.5, 1.8),
            ),
            *rules.in_period(
                "The content of another day under today's name.",
                # On a day off little is scanned; the corrections of earlier days go on.
                least=0.25,
            ),
        ],
        period_column="event_time",
    )
