"""How the files of a pack read: the mark in line 1, YAML, and small pieces of SQL."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from orchestration.readers.base import quoted

MARK = re.compile(r"takt adopt ([0-9a-f]{16})")
WIDTH = 88


class _Dumper(yaml.SafeDumper):
    """YAML as the project writes it: indented lists, texts as blocks."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)


def _block(dumper: _Dumper, text: str) -> yaml.Node:
    style = "|" if "\n" in text else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Dumper.add_representer(str, _block)


def yaml_text(content: Mapping[str, Any]) -> str:
    return yaml.dump(
        dict(content), Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=WIDTH
    )


def sealed(path: Path, body: str, head: str = "") -> str:
    """A file's text: line 1 with the hash of its body, then the body."""
    digest = hashlib.sha256(body.encode()).hexdigest()[:16]
    comment = "--" if path.suffix == ".sql" else "#"
    head = f"{head} " if head else ""
    return f"{comment} {head}takt adopt {digest}\n{body}"


def is_sealed(text: str) -> bool | None:
    """Whether a text is as it was written; None if it was never written here."""
    first, _, body = text.partition("\n")
    found = MARK.search(first)
    if found is None:
        return None
    return found[1] == hashlib.sha256(body.encode()).hexdigest()[:16]


def named(sql: str, name: str) -> str:
    """A column of a select; an alias only where it says something new."""
    return sql if sql.rpartition(".")[2] == name else f"{sql} as {name}"


def ref(model: str) -> str:
    return f"{{{{ ref('{model}') }}}}"


def code_list(codes: Sequence[str], indent: int) -> str:
    """Codes as a list in SQL, one per line."""
    pad = " " * indent
    lines = ",\n".join(f"{pad}{quoted(code)}" for code in codes)
    return f"\n{lines}\n{pad[:-4]}"


def cell(text: str) -> str:
    return '"' + text.replace('"', '""') + '"' if set('",\n') & set(text) else text


def model_entry(
    name: str,
    description: str,
    columns: Iterable[tuple[str, str]],
    not_null: Sequence[str],
    unique: str,
) -> dict[str, Any]:
    """The entry of a model, with what its columns promise."""
    promises = {"not_null": list(not_null), "unique": [unique]}
    return {
        "name": name,
        "description": description,
        "columns": [
            {"name": column, "description": meaning} for column, meaning in columns
        ],
        "data_tests": [{"columns_hold": {"arguments": promises}}],
    }


def unit_test(
    name: str, model: str, given: Mapping[str, str], expected: str
) -> dict[str, Any]:
    return {
        "name": name,
        "model": model,
        "given": [
            {"input": source, "format": "csv", "rows": f"{rows}\n"}
            for source, rows in given.items()
        ],
        "expect": {"format": "csv", "rows": f"{expected}\n"},
    }
