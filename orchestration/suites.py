"""What a suite is: the expectations that one export's files must meet.

A suite is a plain function `expectations/<source>.py:<export>() -> Suite`. It says
what the business would lose if a file broke a rule, and never reads the clock: the
verdict belongs to the bytes. Here: the `Suite` container, its checks, its hash and
its loader. Not here: evaluating a suite (`judging`), deciding which files to judge
(`gate`), thresholds of single exports (`expectations/`).

Nothing here imports great-expectations: only the suite modules do, when loaded.
"""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from great_expectations.expectations import Expectation

SEVERITIES = ("critical", "warning")

# The one-row frame that `delivery` expectations see.
DELIVERY_COLUMNS = (
    "rows_in",
    "loaded",
    "rejected",
    "duplicates",
    "reject_share",
    "duplicate_share",
    "dst_flagged",
    "previous_rows",
    "volume_ratio",
    "period_share",
    "weekday_shift",
)

# They raise with current numpy, read other data than the file, or repeat what the
# source contract already guarantees about the header.
REFUSED_TYPES = {
    "expect_column_quantile_values_to_be_between": "judge a share instead",
    "expect_column_kl_divergence_to_be_less_than": "judge a share instead",
    "unexpected_rows_expectation": "it needs a SQL source",
    "expect_query_results_to_match_comparison": "it needs a SQL source",
    "expect_table_columns_to_match_set": "the source contract checks the header",
    "expect_table_columns_to_match_ordered_list": "the source contract checks "
    "the header",
    "expect_table_column_count_to_equal": "the source contract checks the header",
    "expect_table_column_count_to_be_between": "the source contract checks the header",
    "expect_column_to_exist": "the source contract checks the header",
}

_COLUMN_KEYS = ("column", "column_A", "column_B")


class SuiteError(ValueError):
    """A suite is missing or malformed. The message says what to write and where."""


@dataclass(frozen=True, eq=False)
class _Same:
    """An expectation as a key: equal only to itself, and kept alive by the cache."""

    expectation: Expectation

    def __hash__(self) -> int:
        return id(self.expectation)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and self.expectation is other.expectation


@lru_cache(maxsize=4096)
def _content(same: _Same) -> dict[str, Any]:
    return same.expectation.configuration.to_json_dict()


def content_of(expectation: Expectation) -> dict[str, Any]:
    """Type, arguments and severity as JSON has them; written out anew only once."""
    return _content(_Same(expectation))


def expectation_type(expectation: Expectation) -> str:
    """Its snake-case name, such as `expect_column_values_to_not_be_null`."""
    return str(content_of(expectation)["type"])


def claimed_columns(expectation: Expectation) -> tuple[str, ...]:
    """The columns an expectation makes a claim about, without its condition."""
    kwargs = content_of(expectation)["kwargs"]
    names = [kwargs[key] for key in _COLUMN_KEYS if kwargs.get(key)]
    return (*names, *(kwargs.get("column_list") or ()))


def needed_columns(expectation: Expectation) -> tuple[str, ...]:
    """The columns an expectation reads, its row condition included."""
    condition = content_of(expectation)["kwargs"].get("row_condition")
    names = (*claimed_columns(expectation), *_condition_columns(condition))
    return tuple(dict.fromkeys(names))


def _condition_columns(condition: Any) -> Iterator[str]:
    if isinstance(condition, dict):
        for key, value in condition.items():
            if key == "column" and isinstance(value, dict):
                yield value["name"]
            else:
                yield from _condition_columns(value)
    elif isinstance(condition, list):
        for part in condition:
            yield from _condition_columns(part)


@dataclass(frozen=True)
class Suite:
    """The expectations of one export.

    `batch` sees the typed rows of one file; `delivery` sees one row of figures about
    the file (`DELIVERY_COLUMNS`; shares from 0 to 1, NULL where not measurable).
    `sparse` names the columns that are rightly empty in a whole file now and then;
    any other tested column without a value is a vacuous test and fails the file.
    `period_column` is the time that must lie in the file's period; its share is the
    delivery figure `period_share`. `weekdays` are a time and the shares of rows that
    usually fall on Monday to Sunday (UTC); how many rows would have to change their
    weekday for that is the delivery figure `weekday_shift`.

    Raises SuiteError when an expectation lacks notes or has no known severity, when
    two are the same test, or when one could not be evaluated soundly.
    """

    batch: list[Expectation] = field(default_factory=list)
    delivery: list[Expectation] = field(default_factory=list)
    sparse: tuple[str, ...] = ()
    period_column: str | None = None
    weekdays: tuple[str, tuple[float, ...]] | None = None

    def __post_init__(self) -> None:
        seen: set[str] = set()
        for part, expectation in self.parts():
            _check(part, expectation)
            identity = part + _canonical(expectation, judged_only=False)
            if identity in seen:
                raise SuiteError(f"{name_of(expectation)} is in the suite twice.")
            seen.add(identity)

    def parts(self) -> Iterator[tuple[str, Expectation]]:
        """Every expectation with the part it belongs to: `batch` or `delivery`."""
        yield from (("batch", expectation) for expectation in self.batch)
        yield from (("delivery", expectation) for expectation in self.delivery)

    @property
    def size(self) -> int:
        return len(self.batch) + len(self.delivery)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """The columns of the file that the suite reads, in first-use order."""
        names = [name for each in self.batch for name in needed_columns(each)]
        return tuple(dict.fromkeys([*names, *self._timed()]))

    @cached_property
    def tested_columns(self) -> tuple[str, ...]:
        """The columns of the file about which the suite makes a claim."""
        names = [name for each in self.batch for name in claimed_columns(each)]
        return tuple(dict.fromkeys([*names, *self._timed()]))

    def _timed(self) -> Iterator[str]:
        """The columns that delivery figures are made from."""
        if self.period_column:
            yield self.period_column
        if self.weekdays:
            yield self.weekdays[0]

    @cached_property
    def suite_hash(self) -> str:
        """sha256 over what is judged: not over notes, order or source text."""
        content = {
            "batch": sorted(_canonical(each) for each in self.batch),
            "delivery": sorted(_canonical(each) for each in self.delivery),
            "sparse": sorted(self.sparse),
            "period_column": self.period_column,
        }
        if self.weekdays:
            content["weekdays"] = self.weekdays
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def name_of(expectation: Expectation) -> str:
    """`<type> (<columns>)`, as messages name an expectation."""
    columns = ", ".join(claimed_columns(expectation))
    return expectation_type(expectation) + (f" ({columns})" if columns else "")


def notes_of(expectation: Expectation, language: str = "en") -> str:
    """What it guards: `English | 中文`; English where there is no Chinese."""
    notes = expectation.notes or ""
    text = notes if isinstance(notes, str) else " ".join(notes)
    english, _, chinese = (part.strip() for part in text.partition(" | "))
    return chinese or english if language == "zh" else english


def severity_of(expectation: Expectation) -> str:
    severity = expectation.severity
    return str(getattr(severity, "value", severity))


def few_of(expectation: Expectation) -> int:
    """Up to how many bad rows are chance whatever their share (meta `few`)."""
    return int((expectation.meta or {}).get("few", 0))


def _check(part: str, expectation: Expectation) -> None:
    name = name_of(expectation)
    if not notes_of(expectation):
        raise SuiteError(f"{name} has no notes: say which business failure it guards.")
    if severity_of(expectation) not in SEVERITIES:
        raise SuiteError(
            f"{name} has severity {severity_of(expectation)}; "
            f"allowed: {', '.join(SEVERITIES)}."
        )
    kind = expectation_type(expectation)
    if kind in REFUSED_TYPES:
        raise SuiteError(f"{name} is not allowed: {REFUSED_TYPES[kind]}.")
    if '"pass_through_filter"' in _canonical(expectation):
        raise SuiteError(
            f"{name} has a row condition as text; write it as "
            '`Column("channel").is_not_null()`, so that its columns are known.'
        )
    if part == "delivery":
        unknown = set(needed_columns(expectation)) - set(DELIVERY_COLUMNS)
        if unknown:
            raise SuiteError(
                f"{name} tests {', '.join(sorted(unknown))}, which a delivery does "
                f"not have; it has: {', '.join(DELIVERY_COLUMNS)}."
            )


def _canonical(expectation: Expectation, judged_only: bool = True) -> str:
    content = content_of(expectation)
    wanted = ("type", "kwargs", "severity") if judged_only else ("type", "kwargs")
    kept = {key: content.get(key) for key in wanted}
    if judged_only:
        kept["few"] = few_of(expectation)
    return json.dumps(kept, sort_keys=True)


def load_suite(export_code: str) -> Suite:
    """The suite of an export such as `erp.orders`: `expectations.erp.orders()`.

    A function is called once: it reads no data and no clock, so that it always gives
    the same. Raises SuiteError when the module or the function is missing, when it
    raises, or when it returns something else.
    """
    source, export = export_code.split(".", 1)
    place = f"expectations/{source}.py"
    module_name = f"expectations.{source}"
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        if error.name not in (module_name, "expectations"):
            raise SuiteError(f"{place} imports {error.name}, not installed.") from error
        raise SuiteError(_to_write(export_code, place, export)) from error
    except Exception as error:
        raise SuiteError(f"{place} cannot be imported: {_words(error)}") from error
    function = getattr(module, export, None)
    if not callable(function):
        raise SuiteError(_to_write(export_code, place, export))
    if function in _suites:
        return _suites[function]
    try:
        suite = function()
    except Exception as error:
        raise SuiteError(f"{export}() in {place} fails: {_words(error)}") from error
    if not isinstance(suite, Suite):
        raise SuiteError(
            f"{export}() in {place} returns {type(suite).__name__}, not a Suite."
        )
    _suites[function] = suite
    return suite


_suites: WeakKeyDictionary[Callable[[], Suite], Suite] = WeakKeyDictionary()


def _to_write(export_code: str, place: str, export: str) -> str:
    return (
        f"{export_code} has no suite, so no file of it is admitted. Write "
        f"`def {export}() -> Suite:` in {place}; docs/gate.md shows how."
    )


def _words(error: Exception) -> str:
    # A suite sees no data when it is built, so its errors hold none.
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
