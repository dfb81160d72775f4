"""Every message can be filled: both languages ask for the same, and a rule gives it."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]
# Written by the digest itself, which raises where a value is missing.
DIGEST = "digest_"


def places(text: str) -> set[str]:
    """Names of what is filled in."""
    return set(re.findall(r"{(\w+)}", text))


def keys() -> set[str]:
    """Names that models put into their evidence."""
    folders = (REPOSITORY / "models" / name for name in ("review", "discovery"))
    return {
        name
        for folder in folders
        for path in folder.glob("*.sql")
        for name in re.findall(r"'(\w+)',", path.read_text("utf-8"))
    }


def faults(rows: Iterable[dict[str, str]], known: set[str]) -> list[str]:
    """Messages that would keep a placeholder, or say less in one language."""
    return [
        row["message_id"]
        for row in rows
        if not (row["en"] and row["zh"])
        or places(row["en"]) != places(row["zh"])
        or not (row["message_id"].startswith(DIGEST) or places(row["en"]) <= known)
    ]


def test_every_message_is_given_what_it_asks_for_in_both_languages() -> None:
    path = REPOSITORY / "seeds" / "messages.csv"
    with path.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) > 100
    assert faults(rows, keys()) == []


def test_a_message_that_nobody_fills_is_named() -> None:
    planted = [
        {"message_id": "fine", "en": "{kpi} is late.", "zh": "{kpi} 迟到。"},
        {"message_id": "lost", "en": "{kpi} of {team}", "zh": "{kpi}"},
        {"message_id": "unknown", "en": "{nobody}", "zh": "{nobody}"},
        {"message_id": "empty", "en": "Late.", "zh": ""},
    ]
    assert faults(planted, keys()) == ["lost", "unknown", "empty"]
