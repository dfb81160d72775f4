"""Every setting of Takt, typed, in one place.

Settings come from `TAKT_*` environment variables or from keyword overrides; nothing
else in the project reads the environment, except the fault points of the tests.
A name that is not a setting, or a value that is not allowed, is refused with the
name, the value and what is allowed: a misspelt limit must not silently be the default.
"""

from __future__ import annotations

import difflib
import os
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from pydantic import (
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import BaseSettings, SettingsConfigDict

PROJECT_ROOT = Path(__file__).resolve().parents[1]
PREFIX = "TAKT_"
# The fault points of the tests, and the build file that `profiles.yml` reads.
NOT_SETTINGS = frozenset({"TAKT_FAULT", "TAKT_BUILD_FILE"})
# Where owners are told: TAKT_NOTIFY_<OWNER_CODE>, else TAKT_NOTIFY_DEFAULT. How many
# there are depends on the register of owners, so they are no fields.
NOTIFY_PREFIX = "TAKT_NOTIFY_"
_NOTIFY = re.compile(NOTIFY_PREFIX + "[A-Z0-9_]+")

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(i?)B", re.IGNORECASE)


class SettingsError(ValueError):
    """A setting is unknown or malformed. The message is meant for people."""


def parse_size(text: str) -> int:
    """Return the bytes of a size such as `4GB` (10^9) or `50GiB` (2^30).

    Raises ValueError when the text is not a size above zero.
    """
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError("not a size")
    step = 1024 if match[3] else 1000
    power = ("", "K", "M", "G", "T").index(match[2].upper())
    size = int(float(match[1]) * step**power)
    if size <= 0:
        raise ValueError("not a size above zero")
    return size


def parse_as_of(text: str, timezone: str) -> datetime:
    """Return the UTC instant of an ISO date or time; without offset, in `timezone`.

    Raises ValueError when the text is neither.
    """
    moment = datetime.fromisoformat(text.strip())
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=ZoneInfo(timezone))
    return moment.astimezone(UTC).replace(microsecond=0)


def _allowed(words: str, default: Any, **options: Any) -> Any:
    """A field whose refusals end with `words`."""
    extra = {"allowed": words}
    return Field(default, json_schema_extra=extra, validate_default=True, **options)


class Settings(BaseSettings):
    """The settings of one process; immutable. Relative paths start at the project."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True
    )

    home: Path = _allowed(
        "a folder outside the exports", Path("data"), description="What Takt keeps."
    )
    exports: Path = _allowed(
        "a folder", Path("exports"), description="Where source systems drop files."
    )
    timezone: str = _allowed(
        "an IANA name such as Asia/Shanghai",
        "Asia/Shanghai",
        description="Local days, the nightly schedule, and moments without offset.",
    )
    as_of: datetime | None = _allowed(
        "an ISO date or time such as 2026-07-01T02:00+08:00",
        None,
        description="The moment the night is computed for; by default now.",
    )
    memory_limit: str = _allowed(
        "a size from 256MB on, such as 4GB",
        "4GB",
        description="Memory of the database while it builds.",
    )
    threads: int = _allowed(
        "a whole number from 1 to 256",
        2,
        ge=1,
        le=256,
        description="Threads of the database; dbt has twice as many.",
    )
    settle_seconds: float = _allowed(
        "seconds from 0 to 600",
        2.0,
        ge=0,
        le=600,
        description="How long size and time of a file must stand still before it "
        "is claimed.",
    )
    pii_key: SecretStr | None = _allowed(
        "a secret of at least 16 characters",
        None,
        description="Key of the pseudonyms in columns declared `pii: hash`.",
    )
    limit_ratio: int = _allowed(
        "a whole number from 1 on",
        200,
        ge=1,
        description="Largest unpacked size of a packed file, as a multiple.",
    )
    limit_unpacked: str = _allowed(
        "a size such as 50GiB",
        "50GiB",
        description="Largest unpacked size of one file.",
    )
    limit_record: str = _allowed(
        "a size such as 1MiB", "1MiB", description="Largest single record of a file."
    )
    limit_columns: int = _allowed(
        "a whole number from 1 on",
        2000,
        ge=1,
        description="Most columns of a file.",
    )
    limit_xlsx_entries: int = _allowed(
        "a whole number from 1 on",
        2000,
        ge=1,
        description="Most entries inside a workbook.",
    )
    limit_xlsx_unpacked: str = _allowed(
        "a size such as 1GiB",
        "1GiB",
        description="Largest unpacked size of a workbook.",
    )
    limit_xlsx_columns: int = _allowed(
        "a whole number from 1 on",
        500,
        ge=1,
        description="Most columns of a sheet.",
    )

    @field_validator("home", "exports")
    @classmethod
    def _absolute(cls, value: Path) -> Path:
        # Not resolved: a linked folder keeps its name; the root does not depend on
        # where the command was typed, so the scheduler and a shell agree.
        return PROJECT_ROOT / value.expanduser()

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (LookupError, ValueError, OSError) as error:
            raise ValueError("not a time zone") from error
        return value

    @field_validator("as_of", mode="before")
    @classmethod
    def _instant(cls, value: Any, info: ValidationInfo) -> Any:
        # Without a valid zone there is one error already: the zone itself.
        zone = info.data.get("timezone", "UTC")
        if isinstance(value, datetime):
            value = value.isoformat()
        if isinstance(value, str):
            return parse_as_of(value, zone)
        return value

    @field_validator(
        "memory_limit", "limit_unpacked", "limit_record", "limit_xlsx_unpacked"
    )
    @classmethod
    def _size(cls, value: str, info: ValidationInfo) -> str:
        size = parse_size(value)
        if info.field_name == "memory_limit" and size < parse_size("256MB"):
            raise ValueError("too small")
        return value.replace(" ", "")

    @field_validator("pii_key")
    @classmethod
    def _long_enough(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 16:
            raise ValueError("too short")
        return value

    @model_validator(mode="after")
    def _home_is_not_input(self) -> Settings:
        if self.home == self.exports or self.exports in self.home.parents:
            raise ValueError(str(self.home))
        return self

    @property
    def project(self) -> Path:
        """Where models, seeds and `dbt_project.yml` are."""
        return PROJECT_ROOT

    @property
    def lake(self) -> Path:
        return self.home / "lake"

    @property
    def build(self) -> Path:
        return self.home / "build"

    @property
    def published(self) -> Path:
        return self.home / "published"

    @property
    def ledger_path(self) -> Path:
        return self.home / "ledger.sqlite"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    @property
    def dagster_home(self) -> Path:
        return self.home / "dagster"

    @property
    def dbt_target(self) -> Path:
        return self.home / "target"

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def unpacked_bytes(self) -> int:
        return parse_size(self.limit_unpacked)

    @property
    def record_bytes(self) -> int:
        return parse_size(self.limit_record)

    @property
    def xlsx_unpacked_bytes(self) -> int:
        return parse_size(self.limit_xlsx_unpacked)

    def environment(self) -> dict[str, str]:
        """The `TAKT_*` variables with which a child process loads these settings."""
        values = {}
        for name in type(self).model_fields:
            value = getattr(self, name)
            if value is None:
                continue
            if isinstance(value, SecretStr):
                value = value.get_secret_value()
            if isinstance(value, datetime):
                value = value.isoformat()
            values[variable(name)] = str(value)
        return values


def variable(field: str) -> str:
    """The environment variable of a settings field."""
    return PREFIX + field.upper()


def channels_of(owner_code: str) -> SecretStr | None:
    """Where an owner is told, as Apprise addresses; None without any."""
    own = os.environ.get(NOTIFY_PREFIX + owner_code.upper())
    found = own or os.environ.get(NOTIFY_PREFIX + "DEFAULT")
    return SecretStr(found) if found else None


def allowed(field: str) -> str:
    """What a settings field may hold, in words."""
    extra = Settings.model_fields[field].json_schema_extra
    return str(extra["allowed"]) if isinstance(extra, dict) else ""


def load_settings(**overrides: Any) -> Settings:
    """Settings from the environment; an override that is not None wins.

    Raises SettingsError naming every unknown or malformed setting at once.
    """
    problems = _unknown_variables()
    settings = None
    try:
        settings = Settings(**{k: v for k, v in overrides.items() if v is not None})
    except ValidationError as error:
        problems += [_in_words(detail) for detail in error.errors()]
    if settings is None or problems:
        raise SettingsError("\n".join(problems))
    return settings


def _unknown_variables() -> list[str]:
    known = [variable(field) for field in Settings.model_fields]
    problems = []
    for name in sorted(os.environ):
        if not name.startswith(PREFIX) or name in NOT_SETTINGS or name in known:
            continue
        if _NOTIFY.fullmatch(name):
            continue
        nearest = difflib.get_close_matches(name, known, n=1, cutoff=0)
        # The value of an unknown variable might be a misspelt secret.
        is_secret = "KEY" in name or "NOTIFY" in name or "://" in os.environ[name]
        value = "…" if is_secret else os.environ[name]
        problems.append(
            f'{name} = "{value}": not a setting; the nearest is '
            f"{nearest[0] if nearest else known[0]}, all: {', '.join(known)}"
        )
    return problems


def _in_words(detail: Any) -> str:
    if not detail["loc"]:
        # The one rule over two fields; its error carries the resolved path.
        return (
            f'{variable("home")} = "{detail["ctx"]["error"]}": lies in the exports '
            f"folder; allowed: {allowed('home')}"
        )
    field = str(detail["loc"][0])
    if field not in Settings.model_fields:
        return f'{field} = "{detail["input"]}": not a setting'
    value = "…" if field == "pii_key" else detail["input"]
    return f'{variable(field)} = "{value}": not allowed; allowed: {allowed(field)}'
