"""Source contracts: what an export promises, read from dbt's own source YAML.

A contract is the `config.meta.export` block of a dbt source table plus the `meta` of
its columns. Here: the typed form of that block, its errors in words, its hash, and
what a file name says about period and revision. Not here: reading files
(`orchestration/ingest.py`) and what a business expects of the rows (`expectations/`).
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

# Raise it when the same contract starts to type the same bytes differently: every
# file is then read again instead of being taken for known.
TYPING_VERSION = 1

# Facts that change no stored row, so that a new wording re-reads nothing.
NOT_IN_HASH = frozenset(
    {"description", "cadence", "late_after", "delivery", "calendar"}
)

IDENTIFIER = r"[a-z][a-z0-9_]*"
DATA_TYPES = "varchar, bigint, integer, double, decimal(p,s), date, timestamp, boolean"
TEXT_FORMATS = frozenset({"csv", "jsonl", "json"})
DIRECTIVES = "YymdHIMSfjbBaApz%"
# Times as a number since 1970 UTC -> microseconds of one.
EPOCHS = {"epoch_seconds": 1_000_000, "epoch_milliseconds": 1_000}
DEFAULT_TRUE = ("true", "1", "yes", "y")
DEFAULT_FALSE = ("false", "0", "no", "n")

_PERIOD = r"(?P<period>[0-9]{4}(?:H[0-9]|[0-9]{2}(?:[0-9]{2})?)?)(?![0-9])"
_REVISED = re.compile(
    r"(?P<stem>.+?)(?:_r(?P<revision>[1-9][0-9]{0,4}))?(?P<ext>(?:\.[A-Za-z0-9]+)+)"
)
_DECIMAL = re.compile(r"decimal\((\d{1,2}),(\d{1,2})\)")
_SPAN = re.compile(r"(\d{1,4})([mhd])")
_SPAN_UNITS = {"m": "minutes", "h": "hours", "d": "days"}


class ContractError(ValueError):
    """Source contracts that cannot be used; one line per finding, for people."""


class PeriodError(ValueError):
    """A file name carries a period that is no calendar period."""


def _text(value: Any) -> Any:
    """Numbers in YAML lists of texts are meant as their digits; others are errors."""
    if isinstance(value, bool):
        raise ValueError("is a YAML boolean: put it in quotes")
    if value is None:
        raise ValueError("is a YAML null: put it in quotes")
    return str(value) if isinstance(value, int | float) else value


def _span(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    match = _SPAN.fullmatch(value.strip())
    if match is None:
        raise ValueError("is no span; allowed: a count and m, h or d, such as 6h or 2d")
    return timedelta(**{_SPAN_UNITS[match[2]]: int(match[1])})


Text = Annotated[str, BeforeValidator(_text)]
Span = Annotated[timedelta, BeforeValidator(_span)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(_Strict):
    """One declared column of an export.

    `header` is the column's name in the file; for nested JSON a path `a.b`, for XES
    the attribute key (`case:` in front: of the trace). `required` columns must be in
    the file; their missing values are counted, not rejected. `optional` columns may
    be absent from the header, for files older than the column. `format` is one
    strptime format or several, `epoch_seconds` or `epoch_milliseconds`; without, dates
    and times are ISO 8601; a date without a
    day (`%Y-%m`) is the first of its month. `normalize` turns full-width letters,
    digits and spaces into ASCII and trims.
    """

    name: str = Field(pattern=f"^{IDENTIFIER}$")
    data_type: str
    description: str = ""
    header: Text = ""
    required: bool = False
    optional: bool = False
    pii: Literal["drop", "hash", "keep"] = "drop"
    formats: tuple[Text, ...] = Field(default=(), alias="format")
    thousands: Literal[",", ".", " ", "'"] | None = None
    decimal_mark: Literal[".", ","] = "."
    true_values: tuple[Text, ...] = DEFAULT_TRUE
    false_values: tuple[Text, ...] = DEFAULT_FALSE
    normalize: bool = False

    @field_validator("data_type", mode="before")
    @classmethod
    def _known_type(cls, value: Any) -> str:
        text = str(value).lower().replace(" ", "")
        simple = {t for t in DATA_TYPES.split(", ") if "(" not in t}
        match = _DECIMAL.fullmatch(text)
        if match and 1 <= int(match[1]) <= 38 and int(match[2]) <= int(match[1]):
            return text
        if text not in simple:
            raise ValueError(f"is not allowed; allowed: {DATA_TYPES}")
        return text

    @field_validator("formats", mode="before")
    @classmethod
    def _one_or_more(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("formats")
    @classmethod
    def _known_directives(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for form in value:
            if form in EPOCHS:
                continue
            used = re.findall(r"%(.?)", form)
            if set(used) - set(DIRECTIVES):
                raise ValueError(f"may hold {', '.join('%' + d for d in DIRECTIVES)}")
            if not {"Y", "y"} & set(used) or not {"m", "b", "B", "j"} & set(used):
                raise ValueError("must hold year and month")
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Column:
        if self.pii == "hash" and self.data_type != "varchar":
            raise ValueError("pii: hash needs data_type varchar, a pseudonym is text")
        if self.formats and self.data_type not in {"date", "timestamp"}:
            raise ValueError("format is for columns of type date or timestamp")
        epochs = EPOCHS.keys() & set(self.formats)
        if self.data_type == "date" and epochs:
            raise ValueError(f"{min(epochs)} is for columns of type timestamp")
        if self.data_type == "timestamp" and not all(
            re.search("%[dj]", form) for form in set(self.formats) - epochs
        ):
            raise ValueError("format of a timestamp must hold the day")
        if self.thousands == self.decimal_mark:
            raise ValueError("thousands and decimal_mark are the same character")
        if self.optional and self.required:
            raise ValueError("required and optional exclude each other")
        return self

    @property
    def in_file(self) -> str:
        """The name under which the file carries this column."""
        return self.header or self.name

    @property
    def scale(self) -> tuple[int, int] | None:
        """(precision, scale) of a decimal column, else None."""
        match = _DECIMAL.fullmatch(self.data_type)
        return (int(match[1]), int(match[2])) if match else None


@dataclass(frozen=True)
class FileName:
    """What the path of a delivered file says, before anything is read.

    `logical_name` is the path without `_rN`: files that share it replace each other.
    `starts_at` and `covers_until` bound the period as UTC instants; None without one.
    """

    path: str
    logical_name: str
    revision: int
    period: str | None
    starts_at: datetime | None
    covers_until: datetime | None


class Export(_Strict):
    """The contract of one export: where its files are and how they read.

    `calendar` names the business calendar on whose days off few rows or none are usual.
    """

    source: str = Field(pattern=f"^{IDENTIFIER}$")
    name: str = Field(pattern=f"^{IDENTIFIER}$")
    description: str = ""
    files: str
    format: Literal["csv", "jsonl", "json", "parquet", "xlsx", "xes"]
    encoding: Literal["utf-8", "utf-8-sig", "utf-16", "gb18030", "latin-1"] = "utf-8"
    delimiter: str = ","
    quote: Literal['"', "'", ""] = '"'
    line_end: Literal["lf", "crlf", "cr"] = "lf"
    compression: Literal["none", "gzip"] = "none"
    null_markers: tuple[Text, ...] = ("",)
    sheet: Text | None = None
    header_row: int = Field(default=1, ge=1, le=1000)
    records: str | None = None
    timezone: str = "UTC"
    delivery: Literal["append", "delta", "snapshot"]
    key: tuple[str, ...] = ()
    cadence: Literal["daily", "monthly", "half_yearly", "once"]
    late_after: Span = timedelta(days=1)
    calendar: str | None = None
    allow_empty: bool = False
    watermark: str | None = None
    exact_duplicates: Literal["drop", "keep"] = "drop"
    earliest: date | None = None
    latest: date | None = None
    columns: tuple[Column, ...]

    @field_validator("key", mode="before")
    @classmethod
    def _one_key(cls, value: Any) -> Any:
        return (value,) if isinstance(value, str) else value

    @field_validator("files")
    @classmethod
    def _safe_pattern(cls, value: str) -> str:
        parts = value.split("/")
        if value.startswith("/") or {"", ".", ".."} & set(parts) or "\\" in value:
            raise ValueError("must be a relative path without empty, . and .. parts")
        if set("[]\0") & set(value):
            raise ValueError("may hold * and ? but no brackets")
        bare = value.replace("{period}", "", 1)
        if "{" in bare or "}" in bare or "{period}" in "/".join(parts[:-1]):
            raise ValueError("may hold {period} once, in the file name")
        if "." not in parts[-1]:
            raise ValueError("needs a file extension")
        return value

    @field_validator("delimiter")
    @classmethod
    def _one_character(cls, value: str) -> str:
        if len(value) != 1 or not value.isascii() or value in "\r\n\"'\0":
            raise ValueError("must be one ASCII character, neither quote nor line end")
        return value

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, value: str) -> str:
        try:
            ZoneInfo(value)
        except (LookupError, ValueError, OSError) as error:
            raise ValueError(
                "is no time zone; allowed: an IANA name such as Asia/Shanghai"
            ) from error
        return value

    @model_validator(mode="after")
    def _consistent(self) -> Export:
        problems = list(self._inconsistencies())
        if problems:
            raise ValueError("\n".join(problems))
        return self

    def _inconsistencies(self) -> Any:
        by_name = {column.name: column for column in self.columns}
        headers = [column.in_file for column in self.columns]
        for header in sorted({h for h in headers if headers.count(h) > 1}):
            yield f"columns: two columns have the header {header!r}"
        if len(by_name) < len(self.columns):
            yield "columns: two columns have the same name"
        for name in self.key:
            if name not in by_name:
                yield f"key: {name!r} is not a column; allowed: {', '.join(by_name)}"
            elif by_name[name].pii == "drop":
                yield f"key: {name!r} is dropped (pii: drop is the default)"
        if self.delivery == "delta" and not self.key:
            yield "key: delivery delta needs a key"
        if "{period}" not in self.files and self.watermark is None:
            yield "watermark: needed, because files has no {period}"
        mark = by_name.get(self.watermark or "")
        if self.watermark is not None and (
            mark is None or mark.pii != "keep" or mark.data_type not in TEMPORAL
        ):
            yield f"watermark: {self.watermark!r} is no kept date or timestamp column"
        if not self.lake_columns:
            yield "columns: no column is kept (pii: drop is the default)"
        if self.earliest and self.latest and self.earliest > self.latest:
            yield "earliest: is after latest"
        yield from self._misplaced()

    def _misplaced(self) -> Any:
        """Settings of one format on an export of another would silently do nothing."""
        given = self.model_fields_set
        allowed = {
            "sheet": {"xlsx"},
            "header_row": {"xlsx"},
            "delimiter": {"csv"},
            "quote": {"csv"},
            "line_end": {"csv"},
            "encoding": TEXT_FORMATS,
            "compression": TEXT_FORMATS | {"xes"},
            "records": {"json"},
        }
        for field, formats in allowed.items():
            if field in given and self.format not in formats:
                yield f"{field}: is for format {', '.join(sorted(formats))}"
        if self.format == "xlsx" and self.sheet is None:
            yield "sheet: needed for format xlsx"

    @property
    def code(self) -> str:
        """The name people use: `erp.orders`."""
        return f"{self.source}.{self.name}"

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    @property
    def lake_columns(self) -> tuple[Column, ...]:
        """The columns that reach the lake, in declared order."""
        return tuple(column for column in self.columns if column.pii != "drop")

    @property
    def required_columns(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.required)

    @cached_property
    def contract_hash(self) -> str:
        """sha256 of everything that decides which rows a file yields."""
        facts = self.model_dump(mode="json", by_alias=True, exclude=set(NOT_IN_HASH))
        for column in facts["columns"]:
            column.pop("description")
        facts["typing_version"] = TYPING_VERSION
        text = json.dumps(facts, sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()

    @cached_property
    def pattern(self) -> re.Pattern[str]:
        """Full match for paths (with `/`) below the exports root.

        `_rN` before the extension is always accepted.
        """
        *folders, name = self.files.split("/")
        dot = name.find(".", name.rfind("}") + 1)
        stem, extension = name[:dot], name[dot:]
        head = "".join(
            r"(?:[^/]+/)*" if part == "**" else _glob(part) + "/" for part in folders
        )
        tail = _glob(stem) + r"(?:_r[1-9][0-9]{0,4})?" + _glob(extension)
        return re.compile(head + tail, re.DOTALL)

    def match(self, path: str) -> FileName | None:
        """What `path` says if it is a file of this export, else None.

        Raises PeriodError for a period such as 202513.
        """
        match = self.pattern.fullmatch(path)
        if match is None:
            return None
        period = match.groupdict().get("period")
        bounds = period_bounds(period, self.timezone) if period else (None, None)
        logical_name, revision = split_revision(path)
        return FileName(path, logical_name, revision, period, *bounds)


TEMPORAL = frozenset({"date", "timestamp"})


def _glob(text: str) -> str:
    """A regular expression for one path part with `*`, `?` and `{period}`."""
    out = ""
    for piece in re.split(r"(\{period\}|\*|\?)", text):
        out += {"{period}": _PERIOD, "*": "[^/]*", "?": "[^/]"}.get(
            piece, re.escape(piece)
        )
    return out


def split_revision(path: str) -> tuple[str, int]:
    """Return (path without `_rN`, N); a file without `_rN` is revision 1."""
    folder, slash, name = path.rpartition("/")
    match = _REVISED.fullmatch(name)
    if match is None or match["revision"] is None:
        return path, 1
    return folder + slash + match["stem"] + match["ext"], int(match["revision"])


def period_bounds(period: str, timezone: str) -> tuple[datetime, datetime]:
    """UTC instants of the local midnights that begin and end a period.

    `period` is YYYY, YYYYMM, YYYYMMDD, YYYYH1 or YYYYH2. Raises PeriodError.
    """
    try:
        year = int(period[:4])
        if len(period) == 4:
            start, end = date(year, 1, 1), date(year + 1, 1, 1)
        elif period[4] == "H":
            if period[5:] not in {"1", "2"}:
                raise ValueError
            start = date(year, 1 if period[5] == "1" else 7, 1)
            end = _months_later(start, 6)
        elif len(period) == 6:
            start = date(year, int(period[4:]), 1)
            end = _months_later(start, 1)
        else:
            start = date(year, int(period[4:6]), int(period[6:]))
            end = start + timedelta(days=1)
    except (ValueError, IndexError, OverflowError) as error:
        raise PeriodError(f"{period} is no calendar period") from error
    return local_midnight(start, timezone), local_midnight(end, timezone)


def local_midnight(day: date, timezone: str) -> datetime:
    """The UTC instant at which a local day begins."""
    naive = datetime(day.year, day.month, day.day)
    return naive.replace(tzinfo=ZoneInfo(timezone)).astimezone(UTC)


def _months_later(first: date, months: int) -> date:
    index = first.year * 12 + first.month - 1 + months
    return date(index // 12, index % 12 + 1, 1)


def declared_fields(exports: Iterable[Export]) -> set[str]:
    """Every `source.export.column` that registers may name."""
    return {f"{one.code}.{column.name}" for one in exports for column in one.columns}


def load_contracts(manifest: Mapping[str, Any]) -> list[Export]:
    """Every declared export of a dbt manifest (as `json.load` returns it), by code.

    Source tables without `meta.export` are not exports. Raises ContractError with one
    line per finding: `source.export.column.key`, the value and what is allowed.
    """
    exports: list[Export] = []
    problems: list[str] = []
    for node in manifest.get("sources", {}).values():
        meta = _meta(node)
        if "export" not in meta or not node.get("config", {}).get("enabled", True):
            continue
        code = f"{node['source_name']}.{node['name']}"
        try:
            exports.append(_export(node, meta["export"]))
        except ValidationError as error:
            problems += _in_words(code, list(node.get("columns", {})), error)
        except ContractError as error:
            problems += str(error).splitlines()
    if problems:
        raise ContractError("\n".join(problems))
    return sorted(exports, key=lambda export: export.code)


def _meta(node: Mapping[str, Any]) -> Mapping[str, Any]:
    return (node.get("config") or {}).get("meta") or node.get("meta") or {}


def _export(node: Mapping[str, Any], meta: Any) -> Export:
    code = f"{node['source_name']}.{node['name']}"
    reserved = {"source", "name", "description", "columns"}
    if not isinstance(meta, Mapping):
        raise ContractError(f"{code}: meta.export is no mapping")
    own = set(Export.model_fields) - reserved
    unknown = sorted(set(meta) - own)
    problems = [_unknown(f"{code}.{key}", own) for key in unknown]
    columns = []
    keys = {f.alias or n for n, f in Column.model_fields.items()}
    keys -= {"name", "data_type", "description"}
    for column in node.get("columns", {}).values():
        column_meta = _meta(column)
        where = f"{code}.{column['name']}"
        problems += [
            _unknown(f"{where}.{key}", keys) for key in column_meta if key not in keys
        ]
        columns.append(
            {
                "name": column["name"],
                "data_type": column.get("data_type"),
                "description": column.get("description") or "",
                **column_meta,
            }
        )
    if problems:
        raise ContractError("\n".join(problems))
    return Export.model_validate(
        {
            "source": node["source_name"],
            "name": node["name"],
            "description": node.get("description") or "",
            "columns": columns,
            **meta,
        }
    )


def _unknown(where: str, allowed: set[str]) -> str:
    return f"{where}: unknown key; allowed: {', '.join(sorted(allowed))}"


def _in_words(code: str, columns: list[str], error: ValidationError) -> list[str]:
    """One line per finding, with the place as `source.export.column.key`."""
    lines = []
    for detail in error.errors():
        steps = list(detail["loc"])
        # A column is known by its name, not by its position.
        if len(steps) > 1 and steps[0] == "columns" and isinstance(steps[1], int):
            steps[:2] = [columns[steps[1]]]
        place = ".".join([code, *(str(step) for step in steps)])
        value = detail["input"]
        message = detail["msg"].removeprefix("Value error, ")
        if detail["type"] == "missing":
            lines.append(f"{place}: missing, but needed")
        elif detail["type"] == "literal_error":
            allowed = detail["ctx"]["expected"]
            lines.append(f"{place}: {value!r} is not allowed; allowed: {allowed}")
        elif isinstance(value, dict):
            # A rule over several keys; an export's names the key in front itself.
            joint = ": " if len(steps) else "."
            lines += [f"{place}{joint}{part}" for part in message.splitlines()]
        else:
            lines.append(f"{place}: {value!r} {message}")
    return lines
