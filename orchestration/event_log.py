"""Dagster's event log, with the databases in use held open.

Dagster makes a new engine for each of the thousand events of a night, and with it goes
all that SQLAlchemy had prepared: a seventh of the night. Here: one engine for the index
and one for the newest run. Not here: what is stored, which stays Dagster's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from dagster._core.storage.event_log import SqliteEventLogStorage
from dagster._core.storage.event_log.sqlite.sqlite_event_log import INDEX_SHARD_NAME
from sqlalchemy import Connection, Engine, create_engine

BUSY_TIMEOUT_SECONDS = 60


class HeldEventLog(SqliteEventLogStorage):
    """Named in `dagster.yaml`, so that whatever opens the instance uses it."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        # At most two: a daemon that runs for years opens one database a night.
        self._index: Engine | None = None
        self._newest: tuple[str, Engine] | None = None
        super().__init__(*args, **kwargs)

    @classmethod
    def from_config_value(cls, inst_data: Any, config_value: Any) -> HeldEventLog:
        return cls(inst_data=inst_data, **config_value)

    @contextmanager
    def _connect(self, shard: str) -> Iterator[Connection]:
        if shard not in self._initialized_dbs:
            # Creates the tables where they are not there yet.
            with super()._connect(shard):
                pass
        with self._db_lock, self._engine(shard).begin() as connection:
            yield connection

    def _engine(self, shard: str) -> Engine:
        if shard == INDEX_SHARD_NAME:
            self._index = self._index or self._made(shard)
            return self._index
        if self._newest is None or self._newest[0] != shard:
            self._let_go()
            self._newest = (shard, self._made(shard))
        return self._newest[1]

    def _made(self, shard: str) -> Engine:
        return create_engine(
            self.conn_string_for_shard(shard),
            connect_args={"timeout": BUSY_TIMEOUT_SECONDS},
        )

    def _let_go(self) -> None:
        if self._newest is not None:
            self._newest[1].dispose()
            self._newest = None

    def dispose(self) -> None:
        with self._db_lock:
            self._let_go()
            if self._index is not None:
                self._index.dispose()
                self._index = None
        super().dispose()
