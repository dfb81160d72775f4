"""From admitted batches to an audited candidate: one fresh DuckDB file per run.

Here: the raw views over the lake, the table of export states, dbt in this process,
and the audit that decides whether the file may be published. Not here: what a model
computes (`models/`), and anything a reader can see (`orchestration/publish.py`). A
candidate that is not whole and clean raises BuildRefused; the published version is
not touched by anything in this module.
"""

from __future__ import annotations

import contextlib
import fcntl
import gc
import hashlib
import json
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from orchestration.code_version import code_version
from orchestration.contract import Export
from orchestration.faults import faultpoint
from orchestration.freshness import ExportState, export_states
from orchestration.ledger import Batch, Ledger, Verdict
from orchestration.publications import create_publications, read_new_publications
from orchestration.readback import (
    engine_options,
    fingerprint,
    literal,
    literal_glob,
    quoted,
)
from orchestration.settings import Settings

if TYPE_CHECKING:
    from dbt.artifacts.schemas.run import RunExecutionResult
    from dbt.contracts.graph.manifest import Manifest

# (name of the node just done, nodes done, nodes to do)
Progress = Callable[[str, int, int], None]

# The stem is the name of the database inside; models are compiled against it, and a
# schema of the same name (such as `takt`) would be ambiguous.
DATABASE_FILE = "candidate_file.duckdb"
PROFILE_TARGET = "run"

# The generic test that holds most promises of a model (`tests/data/generic/`).
COLUMNS_TEST = "columns_hold"

# Room for the smallest build; above it, three times what the last one needed.
SPARE_BYTES = 64 * 2**20

# Each of these has lost or repeated rows, or publishes by itself.
BANNED_MATERIALIZATIONS = ("incremental", "snapshot", "external")

# A sum of integers is a HUGEINT, which Parquet turns into a float; a TIMESTAMPTZ
# shows another wall clock to every client.
BANNED_MART_TYPES = ("HUGEINT", "UHUGEINT", "TIMESTAMP WITH TIME ZONE")


class ProjectError(Exception):
    """The dbt project cannot be parsed; the message says where and why."""


class BuildRefused(Exception):
    """No candidate came of this run. `reasons` has one text for people each."""

    def __init__(self, reasons: Sequence[str]) -> None:
        self.reasons = list(reasons)
        super().__init__("\n".join(self.reasons))


@dataclass(frozen=True)
class Project:
    """The parsed dbt project: dbt's own object, and what `manifest.json` says."""

    manifest: Manifest = field(repr=False)
    contents: dict[str, Any] = field(repr=False)


@dataclass(frozen=True)
class UsedBatch:
    """One batch a candidate was built from, and the file state that was hashed."""

    batch: Batch
    verdict: Verdict
    path: Path
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True)
class NodeResult:
    """How one model, seed or data test ended."""

    unique_id: str
    name: str
    resource_type: str
    status: str
    failures: int | None
    message: str
    seconds: float


@dataclass(frozen=True)
class Candidate:
    """An audited, closed build file, ready to be published.

    `marts` maps every mart to its fingerprint (`readback.fingerprint`); `warnings`
    names the data tests that are allowed to warn and did; `publications` are the
    figures that it reports for the first time, or anew; `code` is what built it.
    """

    run_id: str
    path: Path
    as_of: datetime
    exports: tuple[Export, ...]
    batches: tuple[UsedBatch, ...]
    run_results: tuple[NodeResult, ...]
    models: tuple[str, ...]
    row_counts: dict[str, int]
    marts: dict[str, dict[str, Any]]
    warnings: tuple[str, ...] = ()
    manifest: Mapping[str, Any] = field(default_factory=dict, repr=False)
    publications: tuple[Mapping[str, Any], ...] = field(default=(), repr=False)
    code: Mapping[str, Any] = field(default_factory=dict)


def no_progress(name: str, done: int, total: int) -> None:
    """Tells nobody."""


# ------------------------------------------------------------------ dbt


def dbt_parse(settings: Settings) -> dict[str, Any]:
    """Parse the dbt project; return its manifest as `manifest.json` has it.

    Unchanged files are not parsed again. Raises ProjectError.
    """
    return parse_project(settings).contents


def parse_project(settings: Settings) -> Project:
    """The same, with what a build of these very files needs. Raises ProjectError."""
    with _parsing_alone(settings):
        manifest = _parse(settings)
        text = (settings.dbt_target / "manifest.json").read_text(encoding="utf-8")
    return Project(manifest, json.loads(text))


@contextlib.contextmanager
def _parsing_alone(settings: Settings) -> Iterator[None]:
    """dbt writes its files in place: `takt status` would read half of a refresh's."""
    settings.dbt_target.mkdir(parents=True, exist_ok=True)
    with (settings.dbt_target / ".parsing").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _parse(settings: Settings) -> Manifest:
    # A constant path: the cache of parsed files is bound to the profile.
    profile = settings.dbt_target / "profile"
    _write_profile(settings, profile, DATABASE_FILE, {})
    result = _dbt(settings, ["parse"], profile, settings.logs / "parse")
    if not result.success or result.result is None:
        raise ProjectError(
            f"dbt cannot parse {settings.project}: {_one_text(result.exception)}"
        )
    return result.result


@contextlib.contextmanager
def _rarely_collecting() -> Iterator[None]:
    """For every node dbt makes an object of each macro, and few of them are garbage.

    Looking through them as often as Python does takes a tenth of a build.
    """
    usual = gc.get_threshold()
    gc.set_threshold(100_000, 20, 100)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


@_rarely_collecting()
def _dbt(
    settings: Settings,
    arguments: list[str],
    profile: Path,
    logs: Path,
    *,
    manifest: Manifest | None = None,
    callback: Callable[[Any], None] | None = None,
) -> Any:
    # Importing dbt takes longer than most commands of `takt` run.
    from dbt.cli.main import dbtRunner

    logs.mkdir(parents=True, exist_ok=True)
    runner = dbtRunner(manifest=manifest, callbacks=[callback] if callback else [])
    return runner.invoke(
        [
            "--no-send-anonymous-usage-stats",
            "--quiet",
            *("--log-level", "none"),
            *("--log-level-file", "info"),
            *("--log-path", str(logs)),
            *arguments,
            *("--project-dir", str(settings.project)),
            *("--profiles-dir", str(profile)),
            *("--target", PROFILE_TARGET),
            *("--target-path", str(settings.dbt_target)),
        ]
    )


def _write_profile(
    settings: Settings, folder: Path, path: str, options: Mapping[str, Any]
) -> None:
    """A `profiles.yml` of this run; the project's own serves dbt by hand."""
    import yaml

    project = settings.project / "dbt_project.yml"
    name = yaml.safe_load(project.read_text(encoding="utf-8"))["profile"]
    output = {
        "type": "duckdb",
        "path": path,
        "schema": "main",
        # A model is half of its time in Python, which waits for its turn.
        "threads": 2 * settings.threads,
        "config_options": dict(options),
        "settings": {"TimeZone": "UTC"},
    }
    profile = {name: {"target": PROFILE_TARGET, "outputs": {PROFILE_TARGET: output}}}
    folder.mkdir(parents=True, exist_ok=True)
    text = yaml.safe_dump(profile, allow_unicode=True)
    (folder / "profiles.yml").write_text(text, encoding="utf-8")


def _release_database() -> None:
    """Let go of the build file: dbt keeps it open for a next command."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    DuckDBConnectionManager.close_all_connections()


def expected_nodes(manifest: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Every enabled model, seed and data test that a build must have run."""
    kinds = {"model", "seed", "test"}
    return {
        key: node
        for key, node in manifest["nodes"].items()
        if node["resource_type"] in kinds
        and node["config"].get("enabled", True)
        and node["config"].get("materialized") != "ephemeral"
    }


def mart_nodes(manifest: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """The models that are published, by name: `dim_…` and `fct_…`, nothing else."""
    return {
        node["name"]: node
        for node in expected_nodes(manifest).values()
        if node["resource_type"] == "model" and node["name"].startswith(MART_PREFIXES)
    }


MART_PREFIXES = ("dim_", "fct_")


def banned_configurations(manifest: Mapping[str, Any]) -> list[str]:
    """One line per node that is configured in a way the audit could not vouch for."""
    problems = []
    for node in manifest["nodes"].values():
        config, where = node["config"], node.get("original_file_path", node["name"])
        materialized = config.get("materialized")
        if materialized in BANNED_MATERIALIZATIONS:
            problems.append(f"{where}: {node['name']} is {materialized}; use table.")
        if config.get("incremental_strategy"):
            problems.append(
                f"{where}: {node['name']} has incremental_strategy "
                f"{config['incremental_strategy']}; every build starts empty."
            )
        if config.get("store_failures"):
            problems.append(
                f"{where}: {node['name']} has store_failures, which leaves tables."
            )
        for part in ("pre-hook", "post-hook", "grants"):
            if config.get(part):
                problems.append(
                    f"{where}: {node['name']} has {part}, which tables here do not run."
                )
        if str(config.get("on_error") or "").startswith("continue"):
            problems.append(
                f"{where}: {node['name']} has on_error: continue; one failed model "
                "refuses the version."
            )
    return problems


# ------------------------------------------------------------------ candidate


def build_candidate(
    settings: Settings,
    ledger: Ledger,
    exports: Sequence[Export],
    run_id: str,
    as_of: datetime,
    on_progress: Progress = no_progress,
    *,
    project: Project | None = None,
) -> Candidate:
    """Build every model from the batches in force and audit the result.

    Only the holder of the run lock may call it: it discards older build files.
    `project` is one that nothing was built from yet; without, it is parsed now.
    Raises BuildRefused, ProjectError, or OSError when the disk is full.
    """
    used = batches_to_use(settings, ledger, exports)
    _check_space(settings, used)
    project = project or parse_project(settings)
    contents = project.contents
    banned = banned_configurations(contents)
    if banned:
        raise BuildRefused(banned)

    discard(settings.build)
    faultpoint("build.before_file")
    folder = settings.build / run_id
    settings.build.mkdir(parents=True, exist_ok=True, mode=0o700)
    folder.mkdir(mode=0o700)
    path = folder / DATABASE_FILE
    options = {
        **engine_options(settings.memory_limit, settings.threads),
        "temp_directory": str(folder / "spill"),
    }
    code = code_version(settings.project)
    write_sources(path, exports, used, ledger, as_of, code["version"], options)
    faultpoint("build.after_export_states")

    results = _run_dbt(settings, project, folder, options, run_id, as_of, on_progress)
    faultpoint("build.after_dbt")
    reasons = _judge_results(settings, run_id, contents, results, path)
    if reasons:
        raise BuildRefused(reasons)

    with duckdb.connect(str(path), config=options) as connection:
        connection.execute("set TimeZone = 'UTC'")
        row_counts, marts = _audit_file(connection, contents)
        publications = read_new_publications(connection)
        faultpoint("build.after_audit")
        connection.execute("checkpoint")
    refuse_wal(path)
    faultpoint("build.after_checkpoint")
    nodes = tuple(_node_result(result) for result in results)
    return Candidate(
        run_id=run_id,
        path=path,
        as_of=as_of,
        exports=tuple(exports),
        batches=tuple(used),
        run_results=nodes,
        models=tuple(n.name for n in nodes if n.resource_type == "model"),
        row_counts=row_counts,
        marts=marts,
        warnings=tuple(node.name for node in nodes if node.status == "warn"),
        manifest=contents,
        publications=publications,
        code=code,
    )


def discard(folder: Path) -> None:
    """Delete everything inside `folder`; it need not exist."""
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def refuse_wal(path: Path) -> None:
    """Raise BuildRefused if a write-ahead log lies beside a database file.

    Rows that are only in the log would be lost in every copy of the file.
    """
    log = path.with_name(path.name + ".wal")
    if log.exists():
        raise BuildRefused(
            [
                f"{log} lies beside the candidate: rows may be missing from its file. "
                "The next run builds a new one."
            ]
        )


def check_used(
    ledger: Ledger, used: Sequence[UsedBatch], exports: Sequence[Export]
) -> None:
    """Raise BuildRefused if a batch is no longer admitted, in force, or unchanged."""
    in_force = {
        batch.seq for export in exports for batch in ledger.batches_in_force(export)
    }
    reasons = []
    for one in used:
        batch = one.batch
        if batch.seq not in in_force or not ledger.admitted(batch):
            reasons.append(
                f"{batch.code} {batch.batch_id[:12]} was admitted when the build "
                "began and is not any more. Start the run again."
            )
            continue
        stat = one.path.stat() if one.path.is_file() else None
        unchanged = stat is not None and (stat.st_size, stat.st_mtime_ns) == (
            one.size_bytes,
            one.mtime_ns,
        )
        if not unchanged:
            reasons += _lake_problem(batch, one.path)
    if reasons:
        raise BuildRefused(reasons)


def batches_to_use(
    settings: Settings, ledger: Ledger, exports: Sequence[Export]
) -> list[UsedBatch]:
    """Every batch in force, its lake file hashed just now."""
    used: list[UsedBatch] = []
    reasons: list[str] = []
    for export in exports:
        for batch in ledger.batches_in_force(export):
            path = settings.home / batch.lake_path
            verdict = ledger.newest_verdict(batch.seq)
            if verdict is None or not ledger.admitted(batch):
                # The ledger's own list said otherwise: trust neither.
                reasons.append(f"{batch.code} {batch.batch_id[:12]} has no verdict.")
                continue
            problem = _lake_problem(batch, path)
            if problem:
                reasons += problem
                continue
            stat = path.stat()
            used.append(UsedBatch(batch, verdict, path, stat.st_size, stat.st_mtime_ns))
    if reasons:
        raise BuildRefused(reasons)
    return used


def _lake_problem(batch: Batch, path: Path) -> list[str]:
    name = f"{batch.code} {batch.period or ''} ({path})".replace("  ", " ")
    advice = (
        "Restore that file from a backup. Nothing is built from bytes that were "
        "never judged."
    )
    if not path.is_file():
        return [f"The typed rows of {name} are missing. {advice}"]
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != batch.lake_sha256:
        return [
            f"The typed rows of {name} are not the bytes that were judged: sha256 "
            f"{found[:12]}…, judged {batch.lake_sha256[:12]}…. {advice}"
        ]
    return []


def _check_space(settings: Settings, used: Sequence[UsedBatch]) -> None:
    lake = sum(one.size_bytes for one in used)
    current = settings.published / "current"
    published = 0
    with contextlib.suppress(OSError):
        published = sum(path.stat().st_size for path in current.iterdir())
    needed = 3 * max(lake, published) + SPARE_BYTES
    settings.home.mkdir(parents=True, exist_ok=True)
    free = shutil.disk_usage(settings.home).free
    if free < needed:
        raise BuildRefused(
            [
                f"{settings.home} has {free // 2**20:,} MiB free; this build may need "
                f"{needed // 2**20:,} MiB. Free space there (`takt prune` deletes old "
                "versions) and start the run again."
            ]
        )


# ------------------------------------------------------------------ raw layer


def write_sources(
    path: Path,
    exports: Sequence[Export],
    used: Sequence[UsedBatch],
    ledger: Ledger,
    as_of: datetime,
    code: str,
    options: Mapping[str, Any],
) -> None:
    """Everything that models read with `source()`, in the database file `path`.

    `code` is the code version that is about to build.
    """
    with duckdb.connect(str(path), config=dict(options)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        # Alone, each of a thousand small statements waits for the disk.
        connection.begin()
        _create_raw_views(connection, exports, used)
        faultpoint("build.after_raw_views")
        _create_export_states(connection, export_states(ledger, exports, as_of))
        _create_batches(connection, ledger, used)
        create_publications(connection, ledger, code)
        connection.commit()


def _create_raw_views(
    connection: duckdb.DuckDBPyConnection,
    exports: Sequence[Export],
    used: Sequence[UsedBatch],
) -> None:
    connection.execute("create schema if not exists takt")
    connection.execute(
        "create table takt.batches_in_force ("
        "export_code varchar, batch_id varchar, period varchar, "
        "unique (export_code, batch_id, period))"
    )
    _insert(
        connection,
        "takt.batches_in_force",
        [(one.batch.code, one.batch.batch_id, one.batch.period) for one in used],
    )
    for schema in sorted({export.source for export in exports}):
        connection.execute(f"create schema if not exists {quoted(schema)}")
    for export in exports:
        files = [one.path for one in used if one.batch.code == export.code]
        view = f"{quoted(export.source)}.{quoted(export.name)}"
        connection.execute(f"create view {view} as {raw_view_sql(export, files)}")


def raw_view_sql(export: Export, files: Sequence[Path]) -> str:
    """The select over an export's batches in force; typed and empty without any.

    Columns of the contract, then `_batch_id`, `_period`, `_record_no`. An `append`
    export that drops exact duplicates keeps of rows alike in every column the one of
    the smallest batch: which file came first must not matter.
    """
    columns = [(quoted(c.name), c.data_type) for c in export.lake_columns]
    if not files:
        empty = [f"cast(null as {kind}) as {name}" for name, kind in columns]
        empty += [
            "cast(null as varchar) as _batch_id",
            "cast(null as varchar) as _period",
            "cast(null as bigint) as _record_no",
        ]
        return f"select {', '.join(empty)} where false"
    # Days without rows share one lake file.
    paths = ", ".join(literal_glob(path) for path in dict.fromkeys(files))
    casts = [f"cast(lake.{name} as {kind}) as {name}" for name, kind in columns]
    rows = (
        f"select {', '.join(casts)}, batches.batch_id as _batch_id, "
        "batches.period as _period, lake._record_no as _record_no "
        # The batch is read from the file's name: sha256 in 64 hexadecimal digits.
        f"from read_parquet([{paths}], hive_partitioning = false, filename = true) "
        "as lake join takt.batches_in_force as batches "
        f"on batches.export_code = {literal(export.code)} "
        "and batches.batch_id = left(parse_filename(lake.filename), 64)"
    )
    several = len(files) > 1
    if not (several and export.delivery == "append"):
        return rows
    if export.exact_duplicates != "drop":
        return rows
    names = ", ".join(name for name, _ in columns)
    origin = "{'batch': _batch_id, 'record': _record_no, 'period': _period}"
    return (
        f"select {names}, origin.batch as _batch_id, origin.period as _period, "
        "origin.record as _record_no "
        f"from (select {names}, min({origin}) as origin from ({rows}) "
        f"group by {names})"
    )


_STATE_COLUMNS = (
    ("source_name", "varchar"),
    ("export_name", "varchar"),
    ("export_code", "varchar"),
    ("cadence", "varchar"),
    ("data_as_of", "timestamp"),
    ("last_batch_id", "varchar"),
    ("last_period", "varchar"),
    ("newest_verdict", "varchar"),
    ("is_held", "boolean"),
    ("is_late", "boolean"),
    ("is_stale", "boolean"),
    ("stale_reason", "varchar"),
    ("batches_in_force", "integer"),
    ("rows_loaded", "bigint"),
    ("rows_rejected", "bigint"),
    ("rows_duplicate", "bigint"),
    ("reliability_grade", "varchar"),
    ("reliability_score", "double"),
)


def _create_export_states(
    connection: duckdb.DuckDBPyConnection, states: Sequence[ExportState]
) -> None:
    declared = ", ".join(f"{name} {kind}" for name, kind in _STATE_COLUMNS)
    connection.execute(f"create table takt.export_states ({declared})")
    rows = []
    for state in states:
        values = []
        for name, _ in _STATE_COLUMNS:
            value = getattr(state, name)
            if isinstance(value, datetime):
                value = value.astimezone(UTC).replace(tzinfo=None)
            values.append(value)
        rows.append(tuple(values))
    _insert(connection, "takt.export_states", rows)


def _create_batches(
    connection: duckdb.DuckDBPyConnection, ledger: Ledger, used: Sequence[UsedBatch]
) -> None:
    """What arrived when: the reason of a restatement follows from it."""
    connection.execute(
        "create table takt.batches "
        "(export_code varchar, batch_no bigint, is_superseding boolean)"
    )
    superseding = ledger.superseding_batches()
    batches = [one.batch for one in used]
    rows = [(one.code, one.seq, one.seq in superseding) for one in batches]
    _insert(connection, "takt.batches", rows)


def _insert(
    connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[tuple[Any, ...]]
) -> None:
    """All rows in one statement: one each takes a second for a year of files."""
    if rows:
        columns = list(zip(*rows, strict=True))
        places = ", ".join("unnest(?)" for _ in columns)
        connection.execute(
            f"insert into {table} select {places}", [list(one) for one in columns]
        )


# ------------------------------------------------------------------ dbt build


def _run_dbt(
    settings: Settings,
    project: Project,
    folder: Path,
    options: Mapping[str, Any],
    run_id: str,
    as_of: datetime,
    on_progress: Progress,
) -> list[Any]:
    total = len(expected_nodes(project.contents))
    done = 0
    stopped: list[BaseException] = []

    def on_event(event: Any) -> None:
        nonlocal done
        if event.info.name != "NodeFinished":
            return
        done += 1
        # An exception here would end dbt's worker thread and hang the rest.
        try:
            on_progress(event.data.node_info.node_name, done, total)
            faultpoint("build.after_node")
        except Exception as error:
            stopped.append(error)

    _write_profile(settings, folder, str(folder / DATABASE_FILE), options)
    variables = {
        "as_of": as_of.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"),
        "timezone": settings.timezone,
    }
    try:
        outcome = _dbt(
            settings,
            [
                "build",
                # Everything that is needed of it comes back as objects.
                "--no-write-json",
                *("--exclude", "resource_type:unit_test"),
                *("--vars", json.dumps(variables)),
            ],
            folder,
            settings.logs / run_id,
            manifest=project.manifest,
            callback=on_event,
        )
    finally:
        _release_database()
    if stopped:
        raise stopped[0]
    execution: RunExecutionResult | None = outcome.result
    if execution is None:
        raise BuildRefused([f"dbt did not build: {_one_text(outcome.exception)}"])
    return list(execution.results)


def _node_result(result: Any) -> NodeResult:
    node = result.node
    # dbt's own name of it spells out every column and value.
    is_long = _kind_of_test(node) == COLUMNS_TEST
    return NodeResult(
        unique_id=node.unique_id,
        name=f"{COLUMNS_TEST}_{_model_tested(node)}" if is_long else node.name,
        resource_type=str(node.resource_type.value),
        status=str(result.status.value),
        failures=result.failures,
        message=result.message or "",
        seconds=float(result.execution_time),
    )


def _judge_results(
    settings: Settings,
    run_id: str,
    manifest: Mapping[str, Any],
    results: Sequence[Any],
    database: Path,
) -> list[str]:
    """Why these results are no candidate; empty when every expected node is good."""
    expected = expected_nodes(manifest)
    reasons: list[str] = []
    skipped: list[str] = []
    seen: set[str] = set()
    for result in results:
        node = _node_result(result)
        seen.add(node.unique_id)
        if node.status in ("success", "pass"):
            continue
        if node.status == "warn" and _may_warn(expected.get(node.unique_id, {})):
            continue
        if node.status == "skipped":
            skipped.append(node.name)
            continue
        query = _keep_query(settings, run_id, node.name, result)
        reasons.append(_failure(node, result.node, query, database))
    missing = sorted(set(expected) - seen)
    if skipped:
        reasons.append(
            f"{len(skipped)} nodes were skipped after these failures: "
            f"{_some(sorted(skipped))}."
            if reasons
            else f"dbt skipped {_some(sorted(skipped))} without a failure before; "
            "every node of the project has to run."
        )
    if missing:
        reasons.append(
            f"{len(missing)} expected nodes are missing from the results: "
            f"{_some([expected[key]['name'] for key in missing])}. Every model, seed "
            "and data test of the project has to run."
        )
    return reasons


def _may_warn(node: Mapping[str, Any]) -> bool:
    severity = str((node.get("config") or {}).get("severity") or "error")
    return severity.lower() == "warn"


def _failure(node: NodeResult, source: Any, query: Path | None, database: Path) -> str:
    where = source.original_file_path
    shown = f" The query: {query}." if query else ""
    if node.resource_type == "test" and node.status in ("fail", "warn"):
        found = f"{node.failures} failing {'row' if node.failures == 1 else 'rows'}"
        if _kind_of_test(source) == COLUMNS_TEST:
            found = _broken_promises(source.compiled_code, database)
        return (
            f"Data test {node.name}{_tested(source)}: {found}.{shown} The "
            f"rows are in the refused candidate {database} until the next run. "
            f"Correct the model, or the register it reads; the test is in {where}."
        )
    kind = {"test": "Data test", "seed": "Seed"}.get(node.resource_type, "Model")
    return (
        f"{kind} {node.name} ({where}) ended with {node.status}: "
        f"{_one_text(node.message)}.{shown}"
    )


def _kind_of_test(source: Any) -> str | None:
    """The name of a generic test; None of anything else."""
    return getattr(getattr(source, "test_metadata", None), "name", None)


def _model_tested(source: Any) -> str:
    return (getattr(source, "attached_node", None) or "").split(".")[-1]


def _tested(source: Any) -> str:
    if not _model_tested(source):
        return ""
    column = getattr(source, "column_name", None)
    return f" on {_model_tested(source)}{'.' + column if column else ''}"


def _broken_promises(query: str, database: Path) -> str:
    """Which promises of a model are broken, each with its rows, as a text."""
    with duckdb.connect(str(database), read_only=True) as connection:
        found = connection.execute(query).fetchall()
    return ", ".join(
        f"{promise} fails in {rows} {'row' if rows == 1 else 'rows'}"
        for promise, rows in found
    )


def _keep_query(settings: Settings, run_id: str, name: str, result: Any) -> Path | None:
    """Save the failed query where the next run does not overwrite it."""
    query = getattr(result.node, "compiled_code", None)
    if not query:
        return None
    folder = settings.logs / run_id / "failed"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{name}.sql"
    path.write_text(query.strip() + "\n", encoding="utf-8")
    return path


def _some(names: Sequence[str], most: int = 8) -> str:
    rest = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + rest


def _one_text(error: object) -> str:
    """An error as one line, without the trailing stop."""
    return " ".join(str(error).split()).rstrip(".")


# ------------------------------------------------------------------ audit


def _audit_file(
    connection: duckdb.DuckDBPyConnection, manifest: Mapping[str, Any]
) -> tuple[dict[str, int], dict[str, dict[str, Any]]]:
    """Row counts of all models and fingerprints of the marts; raises BuildRefused."""
    relations = {
        (str(schema), str(name))
        for schema, name in connection.execute(
            "select table_schema, table_name from information_schema.tables "
            "where table_catalog = current_database()"
        ).fetchall()
    }
    reasons = [
        f"{schema}.{name} is left over from an unfinished step of dbt."
        for schema, name in sorted(relations)
        if "__dbt_" in name
    ]
    row_counts = {}
    for node in expected_nodes(manifest).values():
        if node["resource_type"] == "test":
            continue
        name = node["alias"]
        if ("main", name) not in relations:
            reasons.append(f"{node['resource_type']} {name} was built and is not there")
        elif node["config"].get("materialized") != "view":
            row_counts[name] = _count(connection, name)
    marts = {}
    for name in sorted(mart_nodes(manifest)):
        if ("main", name) not in relations:
            continue
        marts[name] = fingerprint(connection, f"main.{quoted(name)}")
        row_counts[name] = marts[name]["rows"]
        reasons += _mart_problems(connection, name, marts[name])
    if not marts and not reasons:
        reasons.append("The project has no mart: no model is named dim_… or fct_….")
    if reasons:
        raise BuildRefused(reasons)
    return row_counts, marts


def _count(connection: duckdb.DuckDBPyConnection, name: str) -> int:
    row = connection.execute(f"select count(*) from main.{quoted(name)}").fetchone()
    return int(row[0]) if row else 0


def _mart_problems(
    connection: duckdb.DuckDBPyConnection, mart: str, seen: Mapping[str, Any]
) -> list[str]:
    problems = []
    for column, facts in seen["columns"].items():
        kind = facts["type"]
        if any(kind == banned or kind == f"{banned}[]" for banned in BANNED_MART_TYPES):
            problems.append(
                f"{mart}.{column} is {kind}: cast it in the model, to bigint or to a "
                "UTC timestamp."
            )
        if kind in ("DOUBLE", "FLOAT"):
            row = connection.execute(
                f"select count(*) from main.{quoted(mart)} "
                f"where not isfinite({quoted(column)})"
            ).fetchone()
            if row and row[0]:
                problems.append(
                    f"{mart}.{column} is not a number or infinite in {row[0]} rows: "
                    "divide by nullif(…, 0) in the model."
                )
    return problems
