"""What every forked process of the fault tests needs: imported and parsed once."""

import tempfile
import threading
from pathlib import Path

import dbt.adapters.duckdb.connections
import dbt.cli.main  # noqa: F401

from orchestration.build import dbt_parse
from tests.faults.tiny import tiny_settings

# Parsing once fills the caches of dbt's own macros; it opens no database.
with tempfile.TemporaryDirectory() as _folder:
    dbt_parse(tiny_settings(Path(_folder) / "home"))

# Only a process with one thread may be forked.
assert threading.active_count() == 1, threading.enumerate()
