"""From text to types, set by set, in SQL: shape first, cast second.

A cast alone is generous (`12.7` becomes 13, `1_000` becomes 1000), so every cell must
first have the declared shape. What does not fit rejects its record, with column and
rule. Stored times are UTC TIMESTAMP. Here also: pseudonyms, exact duplicates, counts.

Rules of rejection: `not_integer`, `not_number`, `not_boolean`, `not_date`,
`not_timestamp`, `out_of_range` (right shape, impossible value), `out_of_window`
(outside earliest..latest), `null_key`; from readers `ragged`, `not_text`, `no_result`,
`inexact_number`, `duplicate_key`.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import duckdb

from orchestration.contract import EPOCHS, Column, Export, local_midnight
from orchestration.ledger import Reject
from orchestration.readers.base import MAX_REJECTS_KEPT, Records, Refusal, quoted

# Without a declared window: as far as clocks of business systems reach.
WINDOW = (date(1990, 1, 1), date(2050, 1, 1))
HASH_BLOCK = 64
PSEUDONYM_LENGTH = 16

# Full-width ! to ~ and the ideographic space, to their ASCII twins.
_WIDE = "".join(map(chr, range(0xFF01, 0xFF5F))) + "\u3000"
_ANY_WIDE = "[\uff01-\uff5e\u3000]"
_NARROW = "".join(map(chr, range(0x21, 0x7F))) + " "

_DIRECTIVES = {
    "Y": "[0-9]{4}",
    "y": "[0-9]{2}",
    "m": "N",
    "d": "N",
    "H": "N",
    "I": "N",
    "M": "[0-9]{2}",
    "S": "[0-9]{2}",
    "f": "[0-9]{1,6}",
    "j": "[0-9]{1,3}",
    "b": "[A-Za-z]{3}",
    "B": "[A-Za-z]{3,9}",
    "a": "[A-Za-z]{3}",
    "A": "[A-Za-z]{6,9}",
    "p": "[AaPp][Mm]",
    "z": "(?:[+-][0-9]{2}:?[0-9]{2}|Z)",
    "%": "%",
}
_EPOCH_SHAPES = {
    "epoch_seconds": "[0-9]{9,10}(?:[.][0-9]{1,6})?",
    "epoch_milliseconds": "[0-9]{12,13}",
}
_ISO_DATE = "[0-9]{4}-[0-9]{2}-[0-9]{2}"
_ISO_TIME = _ISO_DATE + "[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.][0-9]{1,9})?)?"
_ISO_OFFSET = "(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)"


@dataclass(frozen=True)
class Typed:
    """What typing made of a file; counts include what the reader rejected.

    `selection` is SQL that yields the lake's columns in record order.
    """

    rows_in: int
    loaded: int
    rejected: int
    duplicates: int
    dst_flagged: int
    required_nulls: int
    watermark_max: datetime | None
    rejects: list[Reject]
    selection: str


@dataclass(frozen=True)
class _Typing:
    """SQL over a cell: its value, whether it has the shape, what a misfit is called.

    `local` is the wall-clock time that was read without an offset, for the flags.
    """

    value: str
    shape: str
    rule: str
    local: str | None = None


def load(
    connection: duckdb.DuckDBPyConnection,
    export: Export,
    records: Records,
    pii_key: bytes | None,
) -> Typed:
    """Type `records`, reject what does not fit, drop exact duplicates, count all.

    Raises Refusal `reader` if the database cannot confirm the reader's counts.
    """
    if pii_key is not None:
        _set_pads(connection, pii_key)
    if not _create(connection, export, records):
        if records.otherwise is None:
            raise _disagreement(records)
        records = records.otherwise()
        if not _create(connection, export, records):
            raise _disagreement(records)
    number = "rowid + 1" if records.in_order else "n"
    good = "faults is null"
    if _find_duplicates(connection, export):
        good += " and rowid not in (select row from duplicate)"
    mark = f"max({export.watermark})" if export.watermark else "max(null::date)"
    row = connection.execute(
        f"""
        select
            count(*),
            count(*) filter (where {good}),
            count(*) filter (where faults is not null),
            count(*) filter (where {good} and dst),
            coalesce(sum(nulls), 0)::bigint,
            {mark} filter (where {good})
        from typed
        """
    ).fetchone()
    assert row is not None
    rows, loaded, faulty, flagged, nulls, watermark = row
    names = ", ".join(_name(column) for column in export.lake_columns)
    return Typed(
        rows_in=rows + records.dropped,
        loaded=loaded,
        rejected=faulty + records.dropped,
        duplicates=rows - loaded - faulty,
        dst_flagged=flagged,
        required_nulls=nulls + records.dropped * len(export.required_columns),
        watermark_max=_instant(export, watermark),
        rejects=_rejects(connection, export, records, number),
        # Rows without a number of their own are in order already, which was checked.
        selection=f"select {names}, {number} as _record_no from typed where {good}"
        + ("" if records.in_order else " order by n"),
    )


def _disagreement(records: Records) -> Refusal:
    expected = records.check[0] if records.check else 0
    return Refusal(
        "reader",
        f"reads as {expected} records for one parser and differently for another: "
        "its quoting is ambiguous. Export it again with all cells quoted",
    )


def _instant(export: Export, value: date | datetime | None) -> datetime | None:
    """A watermark as an instant; a day counts to its end."""
    if value is None:
        return None
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC)
    return local_midnight(value + timedelta(days=1), export.timezone)


def _name(column: Column) -> str:
    return f'"{column.name}"'


# ---------------------------------------------------------------- the typed table


def _create(
    connection: duckdb.DuckDBPyConnection, export: Export, records: Records
) -> bool:
    """Create the table `typed`; False if the database does not confirm the reader."""
    cells, values, selected, flags = [], [], [], []
    conditions, faults, nulls, others = [], [], [], []
    for i, column in enumerate(export.columns):
        kind = records.kinds[i]
        cells.append(f"{_cell(export, column, kind, f'c{i}')} as x{i}")
        if column.required:
            nulls.append(f"(x{i} is null)::integer")
        if column.pii == "drop":
            others.append(f"x{i}")
            continue
        typing = _typing(export, column, kind, f"x{i}", records.iso_dates_too)
        values.append(f"{typing.value} as v{i}")
        selected.append(f"v{i} as {_name(column)}")
        misfits = _misfits(export, column, i, typing)
        if i in records.doubts:
            misfits.append((f"e{i}", f"'{i}:{records.doubts[i]}'"))
        for condition, rule in misfits:
            conditions.append(condition)
            faults.append(f"case when {condition} then {rule} end")
        if typing.local is not None:
            values.append(f"{typing.local} as l{i}")
            flags += _dst_conditions(export, f"l{i}")
    passed = ["bytes"] if records.check else []
    passed += [] if records.in_order else ["n"]
    doubts = [f"e{i}" for i in records.doubts]
    statement = f"""
        create or replace temp table typed as
        select
            {", ".join(selected)},
            {f"hash({', '.join(others)})" if others else "0::ubigint"} as others,
            {", ".join([*passed, ""])}
            case when {" or ".join(conditions) or "false"} then list_filter(
                [{", ".join(faults)}]::varchar[], lambda f: f is not null
            ) end as faults,
            {" or ".join(flags) or "false"} as dst,
            {" + ".join(nulls) or "0"} as nulls
        from (
            select *, {", ".join(values)}
            from (
                select {", ".join([*passed, *doubts, *cells])}
                from {records.relation} as records
            ) as cells
        ) as typing
    """
    try:
        connection.execute(statement)
    except duckdb.OutOfMemoryException:
        raise
    except duckdb.Error:
        if records.check is None:
            raise
        return False
    if records.check is None:
        return True
    number = "rowid + 1" if records.in_order else "n"
    found = connection.execute(
        "select count(*), coalesce(sum(bytes), 0)::hugeint, "
        f"coalesce(sum(({number})::hugeint * bytes), 0)::hugeint from typed"
    ).fetchone()
    return found == records.check


def _misfits(
    export: Export, column: Column, i: int, typing: _Typing
) -> list[tuple[str, str]]:
    """(condition, SQL text `i:rule`) of what rejects a record for this column."""
    found = []
    if typing.shape != "true":
        found.append(
            (
                f"(x{i} is not null and v{i} is null)",
                f"case when {typing.shape} then '{i}:out_of_range' "
                f"else '{i}:{typing.rule}' end",
            )
        )
    limits = []
    if column.data_type in {"date", "timestamp"}:
        if export.earliest is not None:
            limits.append(f"v{i} < {_bound(export, column, export.earliest)}")
        if export.latest is not None:
            after = export.latest + timedelta(days=1)
            limits.append(f"v{i} >= {_bound(export, column, after)}")
    if limits:
        found.append(
            (f"coalesce({' or '.join(limits)}, false)", f"'{i}:out_of_window'")
        )
    if column.name in export.key:
        found.append((f"(x{i} is null)", f"'{i}:null_key'"))
    return found


def _bound(export: Export, column: Column, day: date) -> str:
    if column.data_type == "date":
        return f"date '{day.isoformat()}'"
    moment = local_midnight(day, export.timezone)
    return f"timestamp '{moment:%Y-%m-%d %H:%M:%S}'"


def _find_duplicates(connection: duckdb.DuckDBPyConnection, export: Export) -> bool:
    """Fill the table `duplicate` with rows equal to an earlier one in every column.

    Columns that are dropped count too: answers that differ in a dropped comment are
    two answers.
    """
    if export.exact_duplicates == "keep":
        return False
    columns = ", ".join([*map(_name, export.lake_columns), "others"])
    # Hashes first: one number per row instead of all its cells.
    connection.execute(
        f"""
        create or replace temp table twice as
        select hash({columns}) as hashed from typed where faults is null
        group by hashed having count(*) > 1
        """
    )
    if not connection.execute("select count(*) from twice").fetchone()[0]:
        return False
    connection.execute(
        f"""
        create or replace temp table duplicate as
        select row from (
            select
                rowid as row,
                row_number() over (partition by {columns} order by rowid) as nth
            from typed
            where faults is null
                and hash({columns}) in (select hashed from twice)
        ) as numbered
        where nth > 1
        """
    )
    return True


def _rejects(
    connection: duckdb.DuckDBPyConnection,
    export: Export,
    records: Records,
    number: str,
) -> list[Reject]:
    """The first rejects in record order, with byte positions where known."""
    rows = connection.execute(
        f"select {number} as record_no, faults from typed where faults is not null "
        f"order by record_no limit {MAX_REJECTS_KEPT}"
    ).fetchall()
    found = list(records.rejects)
    for record_no, faults in rows:
        for fault in faults:
            position, _, rule = fault.partition(":")
            name = export.columns[int(position)].name
            found.append(Reject(record_no, None, name, rule))
    found.sort(key=lambda reject: (reject.record_no, reject.column_name or ""))
    del found[MAX_REJECTS_KEPT:]
    if records.positions is None or not found:
        return found
    starts = records.positions({reject.record_no for reject in found})
    return [
        replace(reject, byte_position=starts.get(reject.record_no)) for reject in found
    ]


# ---------------------------------------------------------------- one cell


def _cell(export: Export, column: Column, kind: str, cell: str) -> str:
    """The cell with null markers as NULL; not text: only empty is null."""
    if kind != "text":
        return cell
    text, bare = cell, f"trim({cell})"
    if column.normalize:
        # Looking for wide characters first: translating costs ten times as much.
        wide = f"regexp_matches({cell}, {quoted(_ANY_WIDE)})"
        narrow = f"translate({cell}, {quoted(_WIDE)}, {quoted(_NARROW)})"
        text = bare = f"trim(case when {wide} then {narrow} else {cell} end)"
    elif column.data_type != "varchar":
        text = bare
    markers = sorted({"", *export.null_markers})
    return f"case when {_among(bare, markers)} then null else {text} end"


def _among(text: str, words: list[str]) -> str:
    """Whether a text is one of some words; `in` would become a join and lose order."""
    return "(" + " or ".join(f"{text} = {quoted(word)}" for word in words) + ")"


def _typing(
    export: Export, column: Column, kind: str, cell: str, iso_too: bool
) -> _Typing:
    base = column.data_type.partition("(")[0]
    if column.pii == "hash":
        return _Typing(_pseudonym(cell), "true", "")
    if base == "varchar":
        return _Typing(cell, "true", "")
    if base == "timestamp":
        return _timestamp(export, column, kind, cell, iso_too)
    if base == "date":
        return _date(export, column, kind, cell, iso_too)
    if base == "boolean":
        return _boolean(column, cell)
    return _number(column, base, cell)


def _set_pads(connection: duckdb.DuckDBPyConnection, key: bytes) -> None:
    """HMAC's two pads as variables: a key in a statement would show in its errors."""
    block = hashlib.sha256(key).digest() if len(key) > HASH_BLOCK else key
    block = block.ljust(HASH_BLOCK, b"\0")
    for name, byte in (("inner_pad", 0x36), ("outer_pad", 0x5C)):
        connection.execute(
            f"set variable {name} = $pad::blob", {"pad": bytes(b ^ byte for b in block)}
        )


def _pseudonym(cell: str) -> str:
    """The first 16 hex digits of HMAC-SHA256(key, cell)."""
    inner = f"sha256(getvariable('inner_pad') || encode({cell}))"
    outer = f"sha256(getvariable('outer_pad') || unhex({inner}))"
    return f"case when {cell} is not null then left({outer}, {PSEUDONYM_LENGTH}) end"


def _matches(cell: str, pattern: str) -> str:
    return f"regexp_full_match({cell}, {quoted(pattern)})"


def _when(shape: str, value: str) -> str:
    return f"case when {shape} then {value} end"


def _number(column: Column, base: str, cell: str) -> _Typing:
    plain = f"ltrim({cell}, '+')"
    whole = "[0-9]+"
    if column.thousands:
        mark = re.escape(column.thousands)
        whole = f"(?:[0-9]{{1,3}}(?:{mark}[0-9]{{3}})+|[0-9]+)"
        plain = f"replace({plain}, {quoted(column.thousands)}, '')"
    point = re.escape(column.decimal_mark)
    if column.decimal_mark != ".":
        plain = f"replace({plain}, {quoted(column.decimal_mark)}, '.')"
    if base in {"bigint", "integer"}:
        shape = _matches(cell, f"[+-]?{whole}")
        return _Typing(_when(shape, f"try_cast({plain} as {base})"), shape, _INTEGER)
    if base == "double":
        exponent = "(?:[eE][+-]?[0-9]{1,3})?"
        shape = _matches(
            cell, f"[+-]?(?:{whole}(?:{point}[0-9]*)?|{point}[0-9]+){exponent}"
        )
        value = f"try_cast({plain} as double)"
        finite = f"case when isfinite({value}) then {value} end"
        return _Typing(_when(shape, finite), shape, _NUMBER)
    _, scale = column.scale or (0, 0)
    # More decimals than declared would be rounded away; zeros lose nothing.
    decimals = f"(?:[0-9]{{1,{scale}}}0*|0+)" if scale else "0+"
    shape = _matches(cell, f"[+-]?(?:{whole}(?:{point}{decimals})?|{point}{decimals})")
    value = f"try_cast({plain} as {column.data_type})"
    return _Typing(_when(shape, value), shape, _NUMBER)


_INTEGER = "not_integer"
_NUMBER = "not_number"


def _boolean(column: Column, cell: str) -> _Typing:
    text = f"lower({cell})"
    yes = _among(text, [word.lower() for word in column.true_values])
    no = _among(text, [word.lower() for word in column.false_values])
    value = f"case when {yes} then true when {no} then false end"
    return _Typing(value, f"({yes} or {no})", "not_boolean")


# ---------------------------------------------------------------- dates and times


def format_shape(form: str) -> str:
    """A regular expression for what a strptime format means, unpadded or not.

    Where two numbers touch, both must be padded: `%Y%m%d` means eight digits.
    """
    if form in EPOCHS:
        return _EPOCH_SHAPES[form]
    tokens = re.findall(r"%.|[^%]", form)
    shape = ""
    for at, token in enumerate(tokens):
        if len(token) == 1:
            shape += re.escape(token)
            continue
        pattern = _DIRECTIVES[token[1]]
        touches = any(
            0 <= near < len(tokens) and tokens[near][0] == "%"
            for near in (at - 1, at + 1)
        )
        shape += (
            ("[0-9]{2}" if touches else "[0-9]{1,2}") if pattern == "N" else pattern
        )
    return shape


def from_epoch(cell: str, form: str) -> str:
    """SQL for the UTC time of a number since 1970."""
    return (
        f"make_timestamp((try_cast({cell} as decimal(20, 6)) * {EPOCHS[form]})::bigint)"
    )


def _timestamp(
    export: Export, column: Column, kind: str, cell: str, iso_too: bool
) -> _Typing:
    if kind == "timestamptz":
        return _Typing(f"timezone('UTC', {cell})", "true", "")
    if kind != "text":
        local = f"{cell}::timestamp"
        return _Typing(_to_utc(export, local), "true", "", local)
    locals_, instants, shapes = [], [], []
    for form in column.formats:
        shape = _matches(cell, format_shape(form))
        shapes.append(shape)
        if form in EPOCHS:
            instants.append(f"when {shape} then {from_epoch(cell, form)}")
        elif "%z" in form:
            # DuckDB knows only digits as an offset.
            text = f"regexp_replace({cell}, 'Z$', '+0000')"
            value = f"timezone('UTC', try_strptime({text}, {quoted(form)}))"
            instants.append(f"when {shape} then {value}")
        else:
            value = f"try_strptime({cell}, {quoted(form)})"
            locals_.append(f"when {shape} then {value}")
    if iso_too or not column.formats:
        naive, offset = (
            _matches(cell, _ISO_TIME),
            _matches(cell, _ISO_TIME + _ISO_OFFSET),
        )
        shapes += [naive, offset]
        locals_.append(f"when {naive} then try_cast({cell} as timestamp)")
        instants.append(
            f"when {offset} then timezone('UTC', try_cast({cell} as timestamptz))"
        )
    shape = "(" + " or ".join(shapes) + ")"
    local = f"case {' '.join(locals_)} end" if locals_ else None
    instant = f"case {' '.join(instants)} end" if instants else None
    parts = [instant] if instant else []
    parts += [_to_utc(export, local)] if local else []
    value = f"coalesce({', '.join(parts)})" if len(parts) > 1 else parts[0]
    return _Typing(value, shape, "not_timestamp", local)


def _date(
    export: Export, column: Column, kind: str, cell: str, iso_too: bool
) -> _Typing:
    rule = "not_date"
    if kind == "date":
        return _Typing(cell, "true", "")
    if kind != "text":
        zone = quoted(export.timezone)
        local = f"timezone({zone}, {cell})" if kind == "timestamptz" else cell
        value = f"case when {local} = date_trunc('day', {local}) then {local}::date end"
        return _Typing(value, "false", rule)
    branches, shapes = [], []
    for form in column.formats:
        shape = _matches(cell, format_shape(form))
        shapes.append(shape)
        value = f"try_strptime({cell}, {quoted(form)})"
        if "%z" in form:
            text = f"regexp_replace({cell}, 'Z$', '+0000')"
            value = (
                f"timezone({quoted(export.timezone)}, "
                f"try_strptime({text}, {quoted(form)}))"
            )
        branches.append(f"when {shape} then {value}::date")
    if iso_too or not column.formats:
        shape = _matches(cell, _ISO_DATE)
        shapes.append(shape)
        branches.append(f"when {shape} then try_cast({cell} as date)")
    shape = "(" + " or ".join(shapes) + ")"
    return _Typing(f"case {' '.join(branches)} end", shape, rule)


def _to_utc(export: Export, local: str) -> str:
    """Wall-clock time of the source as UTC.

    A repeated hour means its second passing, a skipped one the clock before the jump.
    """
    if export.timezone == "UTC":
        return local
    offset = _constant_offset(export.timezone, export.earliest, export.latest)
    if offset is not None:
        return f"({local} - interval '{int(offset.total_seconds())} seconds')"
    return f"timezone('UTC', timezone({quoted(export.timezone)}, {local}))"


def _constant_offset(
    timezone: str, earliest: date | None, latest: date | None
) -> timedelta | None:
    """The offset all over the window, if the window is bounded and has only one."""
    if earliest is None or latest is None:
        return None
    if transitions(timezone, earliest, latest + timedelta(days=1)):
        return None
    noon = datetime(earliest.year, earliest.month, earliest.day, 12)
    return noon.replace(tzinfo=ZoneInfo(timezone)).utcoffset()


def _dst_conditions(export: Export, local: str) -> list[str]:
    """Conditions under which a wall-clock time is skipped or happens twice."""
    first = export.earliest or WINDOW[0]
    last = (export.latest or WINDOW[1]) + timedelta(days=1)
    return [
        f"coalesce({local} >= timestamp '{start}' "
        f"and {local} < timestamp '{end}', false)"
        for start, end in transitions(export.timezone, first, last)
    ]


@lru_cache(maxsize=64)
def transitions(
    timezone: str, first: date, last: date
) -> tuple[tuple[datetime, datetime], ...]:
    """Wall-clock spans [start, end) that a zone skips or repeats between two days."""
    zone = ZoneInfo(timezone)
    found = []
    moment = datetime(first.year, first.month, first.day, tzinfo=UTC)
    end = datetime(last.year, last.month, last.day, tzinfo=UTC)
    before = moment.astimezone(zone).utcoffset()
    while moment < end:
        following = moment + timedelta(days=1)
        after = following.astimezone(zone).utcoffset()
        if before != after:
            low, high = moment, following
            while high - low > timedelta(seconds=1):
                middle = low + (high - low) / 2
                if middle.astimezone(zone).utcoffset() == before:
                    low = middle
                else:
                    high = middle
            change = high.replace(microsecond=0, tzinfo=None)
            walls = sorted(
                change + (offset or timedelta()) for offset in (before, after)
            )
            found.append((walls[0], walls[1]))
        moment, before = following, after
    return tuple(found)
