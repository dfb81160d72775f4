"""The table at the end of a refresh reads the marts as they are."""

from __future__ import annotations

import duckdb

from orchestration.build import Candidate
from orchestration.report import KPI_SQL


def test_the_marts_have_every_column_of_the_table(empty: Candidate) -> None:
    with duckdb.connect(str(empty.path), read_only=True) as connection:
        connection.execute(KPI_SQL).fetchall()
