"""Models with a defect planted in their SQL, over the rows that a test has given.

Here: compiling models once and building them as written, or with one text of one of
them replaced. Not here: the rows, and what must come out.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.helpers.warehouse import Warehouse

AS_OF = "2026-06-30 18:00:00"


@dataclass(frozen=True)
class Models:
    """Compiled SQL models of a warehouse, in the order in which they build."""

    warehouse: Warehouse
    queries: dict[str, str]

    def build(self, model: str = "", right: str = "", wrong: str = "") -> None:
        """All of them; `right` is replaced wherever `model` has it, and it must."""
        assert right in self.queries.get(model, ""), f"{model} has no {right!r}"
        with self.warehouse.connect() as connection:
            for name, query in self.queries.items():
                text = query.replace(right, wrong) if name == model else query
                connection.execute(f"create or replace table {name} as {text}")


def compiled(warehouse: Warehouse, *names: str) -> Models:
    """These models as of the morning of 2026-07-01 in Shanghai."""
    return Models(warehouse, warehouse.compiled(*names, as_of=AS_OF))
