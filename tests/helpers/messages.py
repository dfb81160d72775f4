"""What makes a sentence unfit to be read, in either language."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable

from orchestration.settings import PROJECT_ROOT

# Name of a fault, and how it looks.
FAULTS = {
    "placeholder": re.compile(r"[{}]"),
    "nothing": re.compile(r"\b(None|null|nan|NaN|inf|NULL)\b"),
    "blank value": re.compile(r"(?<![\w.)])-(?![\w-])"),
    "two spaces": re.compile(r"  "),
    "space before a mark": re.compile(r" [,.;:，。；：]"),
    "a code without label": re.compile(r"(?<![\w./-])[a-z]+(_[a-z0-9]+)+"),
    "too many digits": re.compile(r"\d[.]\d{4,}"),
    "a sign of its own": re.compile(r"by -\d|(改善|恶化) -"),
    "no end": re.compile(r"[^.?。？…]$"),
}
NUMBER = re.compile(r"\d+(?:[.]\d+)?")
CHINESE = re.compile(r"[\u4e00-\u9fff]")


def faults(english: str | None, chinese: str | None) -> list[str]:
    """What is wrong with a sentence and its translation; nothing if both read well."""
    found = []
    for language, text in (("en", english), ("zh", chinese)):
        if not text:
            found.append(f"{language}: missing")
            continue
        found += [
            f"{language}: {n}: {text}" for n, p in FAULTS.items() if p.search(text)
        ]
    if chinese and not CHINESE.search(chinese):
        found.append(f"zh: not Chinese: {chinese}")
    told, translated = (set(NUMBER.findall(text or "")) for text in (english, chinese))
    if chinese and not told <= translated:
        found.append(f"numbers differ: {english} | {chinese}")
    return found


def templates(prefixes: Iterable[str]) -> dict[str, re.Pattern[str]]:
    """Message id to what its English text looks like when filled, of these kinds."""
    path = PROJECT_ROOT / "seeds" / "messages.csv"
    with path.open(encoding="utf-8") as file:
        rows = {row["message_id"]: row["en"] for row in csv.DictReader(file)}
    return {
        name: re.compile(re.sub(r"\\{\w+\\}", "(.+)", re.escape(text)))
        for name, text in rows.items()
        if name.startswith(tuple(prefixes))
    }


def unspoken(prefixes: Iterable[str], texts: Iterable[str]) -> set[str]:
    """Messages of these kinds that none of the texts is."""
    said = list(texts)
    return {
        name
        for name, pattern in templates(prefixes).items()
        if not any(pattern.fullmatch(text) for text in said)
    }
