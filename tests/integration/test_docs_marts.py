"""Every example query of docs/marts.md runs on the demo, and every mart has one."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.helpers.published_demo import Warehouse

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = (REPOSITORY / "docs/marts.md").read_text(encoding="utf-8")
QUERIES = [
    query.strip()
    for block in re.findall(r"```sql\n(.*?)```", PAGE, re.DOTALL)
    for query in block.split(";")
    if query.strip()
]


def title(query: str) -> str:
    """The question that a query answers: its comment."""
    return query.splitlines()[0].removeprefix("-- ")


@pytest.mark.parametrize("query", QUERIES, ids=title)
def test_an_example_query_runs_and_answers(
    demo_warehouse: Warehouse, query: str
) -> None:
    assert query.startswith("-- "), "say in a comment which question it answers"
    with demo_warehouse.published.marts() as marts:
        assert marts.execute(query).fetchall(), "an example that shows nothing"


def test_every_published_table_has_an_example() -> None:
    published = {
        path.stem
        for path in (REPOSITORY / "models").rglob("*.sql")
        if path.stem.startswith(("fct_", "dim_"))
    }
    used = set(re.findall(r"\b(?:fct|dim)_\w+", "\n".join(QUERIES)))
    assert sorted(published - used) == []
    assert sorted(used - published) == []
