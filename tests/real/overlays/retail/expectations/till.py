"""What the lines of invoices must meet before sales are counted."""

from __future__ import annotations

from expectations import rules
from orchestration.suites import Suite

COUNTRIES = (
    "Australia",
    "Austria",
    "Bahrain",
    "Belgium",
    "Brazil",
    "Canada",
    "Channel Islands",
    "Cyprus",
    "Czech Republic",
    "Denmark",
    "EIRE",
    "European Community",
    "Finland",
    "France",
    "Germany",
    "Greece",
    "Hong Kong",
    "Iceland",
    "Israel",
    "Italy",
    "Japan",
    "Lebanon",
    "Lithuania",
    "Malta",
    "Netherlands",
    "Norway",
    "Poland",
    "Portugal",
    "Saudi Arabia",
    "Singapore",
    "Spain",
    "Sweden",
    "Switzerland",
    "USA",
    "United Arab Emirates",
    "United Kingdom",
    "Unspecified",
)


def lines() -> Suite:
    """Lines of invoices and credit notes."""
    return Suite(
        batch=[
            *rules.codes(
                "country",
                COUNTRIES,
                "A country nobody knows: a typing slip, or a row that was cut.",
                most_unknown=0.01,
            ),
            *rules.required(
                "customer_id",
                "Without customers nobody sees who buys again.",
                most_missing=0.5,
                usually_missing=0.35,
            ),
            *rules.between("unit_price", 0, 50_000, "A price slipped by a mark."),
            *rules.between("quantity", -100_000, 100_000, "A count slipped."),
        ],
        delivery=[
            *rules.rejects("Lines that cannot be read are sales nobody sees."),
            *rules.duplicates("Lines delivered twice would be sold twice."),
        ],
    )
