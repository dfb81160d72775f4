"""The words of the scorecard, in every language, or no scorecard at all.

`texts/*.csv` hold them: key, en, zh, one file per view; messages about the company's
own figures come from the marts. A key without a text in one language, twice, or with
other placeholders in one language raises TextError, which ends the build.
"""

from __future__ import annotations

import csv
import string
from collections.abc import Mapping
from functools import cache
from pathlib import Path

LANGUAGES = ("en", "zh")
FOLDER = Path(__file__).parent / "texts"


class TextError(Exception):
    """A text is missing or unlike its translation; the message names key, language."""


class Texts:
    """The words of one language: `t("status.alarm")`, `t("as_of", moment=…)`."""

    def __init__(
        self, language: str, catalogue: Mapping[str, Mapping[str, str]]
    ) -> None:
        self.language = language
        self._catalogue = catalogue

    def __call__(self, key: str, **fields: object) -> str:
        """The text with its fields filled in; raises TextError."""
        texts = self._catalogue.get(key)
        if texts is None:
            raise TextError(f"No text {key!r} in {self.language}: add it to {FOLDER}.")
        try:
            return texts[self.language].format(**fields)
        except KeyError as error:
            raise TextError(
                f"Text {key!r} in {self.language} needs the field {error}."
            ) from None

    def __contains__(self, key: str) -> bool:
        return key in self._catalogue


@cache
def catalogue(folder: Path = FOLDER) -> dict[str, dict[str, str]]:
    """All texts by key; raises TextError listing everything that is wrong."""
    found: dict[str, dict[str, str]] = {}
    problems = []
    for path in sorted(folder.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as file:
            for row in csv.DictReader(file):
                key = row["key"]
                if key in found:
                    problems.append(f"{path.name}: {key!r} is there twice.")
                found[key] = {one: row.get(one) or "" for one in LANGUAGES}
                problems += [
                    f"{path.name}: {key!r} has no text in {one}."
                    for one in LANGUAGES
                    if not found[key][one].strip()
                ]
                fields = {one: _fields(found[key][one]) for one in LANGUAGES}
                if len(set(map(frozenset, fields.values()))) > 1:
                    problems.append(
                        f"{path.name}: {key!r} has other fields in each language: "
                        + ", ".join(f"{k} {sorted(v)}" for k, v in fields.items())
                    )
    if problems:
        raise TextError("\n".join(problems))
    return found


def _fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}
