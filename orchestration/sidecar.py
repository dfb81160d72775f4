"""What a sender says of a file: `<file>.manifest.json` beside it, where there is one.

A file that was cut at the end of a line looks whole. A sender who states how many
records it holds, or its sha256, makes the cut visible. Not here: finding and reading
the manifest (`ingest`).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass

from orchestration.readers.base import Refusal

SUFFIX = ".manifest.json"
MOST_BYTES = 2**16
KEYS = ("rows", "sha256")


@dataclass(frozen=True)
class Manifest:
    """What is stated of a file; None for what is not."""

    rows: int | None = None
    sha256: str | None = None

    @classmethod
    def of(cls, content: bytes) -> Manifest:
        """Read `{"rows": 120, "sha256": "…"}`; at least one of them is needed.

        Further keys are the sender's own. Raises Refusal `manifest`.
        """
        try:
            stated = json.loads(content)
        except (ValueError, RecursionError):
            stated = None
        if not isinstance(stated, dict) or not set(stated) & set(KEYS):
            raise _refusal("has a manifest that is no JSON object with rows or sha256")
        rows, sha256 = stated.get("rows"), stated.get("sha256")
        if rows is not None and (type(rows) is not int or rows < 0):
            raise _refusal("has a manifest whose rows is no whole number")
        text = str(sha256).lower()
        if sha256 is not None and not re.fullmatch("[0-9a-f]{64}", text):
            raise _refusal("has a manifest whose sha256 is not 64 hexadecimal digits")
        return cls(rows, None if sha256 is None else text)

    def check_bytes(self, sha256: str) -> None:
        """Raise Refusal unless these are the bytes it states."""
        if self.sha256 not in (None, sha256):
            raise _refusal("is not the file of its manifest: its sha256 differs")

    def check_rows(self, rows_in: int) -> None:
        """Raise Refusal unless the file holds as many records as it states."""
        if self.rows not in (None, rows_in):
            raise _refusal(f"holds {rows_in} records, its manifest says {self.rows}")


def _refusal(what: str) -> Refusal:
    return Refusal("manifest", f"{what}: deliver the file and its manifest again")
