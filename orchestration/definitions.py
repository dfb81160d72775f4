"""Dagster's view of a night: assets, checks, one job, one schedule.

Only assembles: what happens is in `refresh`, which knows nothing of Dagster. A check
shows a verdict for people to see and stops nothing; admission is decided from the
ledger. Assets pass files, never values, so nothing is pickled. The web server has no
login: it is bound to 127.0.0.1 by whoever starts it (`takt dev`).
"""

import json
import sqlite3
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, dbt_assets
from sqlalchemy import event
from sqlalchemy.engine import Engine

from orchestration.build import dbt_parse, mart_nodes
from orchestration.contract import Export, load_contracts
from orchestration.refresh import Run
from orchestration.settings import PROJECT_ROOT, Settings, load_settings

JOB_NAME = "nightly_kpi_refresh"
SCHEDULE_NAME = "nightly"
NIGHTLY = "0 2 * * *"
GATE_CHECK = "gate"

PUBLISHED = dg.AssetKey(["published_marts"])
TOLD = dg.AssetKey(["told_owners"])

# Longer than any night should take; then the run is a dead one, whatever it says.
MAX_RUNTIME_SECONDS = 6 * 3600

# Where Dagster's processes find what `defs` returns.
_CODE = (
    *("--working-directory", str(PROJECT_ROOT)),
    *("--module-name", "orchestration.definitions"),
)

# Written by code on every start, so that no instance runs with other settings.
INSTANCE_CONFIG = """\
# Written by Takt on every start. This folder can be deleted: the ledger remembers.
telemetry:
  enabled: false
nux:
  enabled: false
run_monitoring:
  enabled: true
  start_timeout_seconds: 300
  max_runtime_seconds: {max_runtime}
run_retries:
  enabled: false
  retry_on_asset_or_op_failure: false
concurrency:
  runs:
    max_concurrent_runs: 1
# A run writes its own log below logs/; copying its output would only slow it down.
compute_logs:
  module: dagster._core.storage.noop_compute_log_manager
  class: NoOpComputeLogManager
event_log_storage:
  module: orchestration.event_log
  class: HeldEventLog
  config:
    base_dir: {event_logs}
"""


def raw_key(source: str, export: str) -> dg.AssetKey:
    """The asset of an export: `raw/<source>/<export>`."""
    return dg.AssetKey(["raw", source, export])


def folder_group(node: Mapping[str, Any]) -> str:
    """The group of a dbt node: its folder below `models/`, with `_` for `/`."""
    parts = Path(node["original_file_path"]).parent.parts
    return "_".join(parts[1:] or parts)


def node_key(node: Mapping[str, Any]) -> dg.AssetKey:
    """The asset of a dbt node: group and name; of a source table: its export."""
    if node["resource_type"] == "source":
        if "export" not in (node.get("config") or {}).get("meta", {}):
            return dg.AssetKey(["ledger", node["name"]])
        return raw_key(node["source_name"], node["name"])
    return dg.AssetKey([folder_group(node), node["name"]])


class Translator(DagsterDbtTranslator):
    """Names dbt's nodes by their folder, so that Dagster's groups are ours."""

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        return node_key(dbt_resource_props)

    def get_asset_check_spec(
        self, asset_spec: dg.AssetSpec, manifest: Any, unique_id: str, project: Any
    ) -> dg.AssetCheckSpec | None:
        # A data test that fails refuses the whole version: its check could only ever
        # be seen to pass, and hundreds of them take longer to record than to run.
        return None

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        if dbt_resource_props["resource_type"] == "source":
            return None
        return folder_group(dbt_resource_props)


def instance(settings: Settings) -> dg.DagsterInstance:
    """The Dagster instance in the home folder, its settings written anew."""
    write_instance_config(settings)
    if not event.contains(Engine, "connect", _without_sync):
        event.listen(Engine, "connect", _without_sync)
    return dg.DagsterInstance.from_config(str(settings.dagster_home))


def _without_sync(connection: Any, _record: Any) -> None:
    """Let Dagster's databases skip waiting for the disk.

    They hold a thousand small events a night and can be deleted; waiting for each
    takes longer than the build. The ledger does not come through here.
    """
    if isinstance(connection, sqlite3.Connection):
        connection.execute("pragma synchronous = off")


def write_instance_config(settings: Settings) -> Path:
    """Write `dagster.yaml`; return the folder, which is Dagster's home."""
    folder = settings.dagster_home
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    config = INSTANCE_CONFIG.format(
        max_runtime=MAX_RUNTIME_SECONDS,
        event_logs=json.dumps(str(folder / "history" / "runs")),
    )
    (folder / "dagster.yaml").write_text(config, encoding="utf-8")
    return folder


def build_definitions(
    *,
    settings: Settings | None = None,
    manifest: Mapping[str, Any] | None = None,
    run: Run | None = None,
    cron: str = NIGHTLY,
) -> dg.Definitions:
    """Everything Dagster knows.

    `manifest` defaults to the project as it is now; with an open `run` the assets
    work in it, without one each Dagster run opens its own.
    """
    settings = settings or load_settings()
    if manifest is None:
        manifest = dbt_parse(settings)
    exports = load_contracts(manifest)
    assets = [
        *_external(manifest, exports),
        _dbt(manifest),
        _published(manifest),
        _told(),
    ]
    if exports:
        assets.insert(0, _raw(exports))
    job = dg.define_asset_job(
        JOB_NAME,
        selection=dg.AssetSelection.all(),
        executor_def=dg.in_process_executor,
        description="From new export files to a published version.",
    )
    schedule = dg.ScheduleDefinition(
        name=SCHEDULE_NAME,
        job=job,
        cron_schedule=cron,
        execution_timezone=settings.timezone,
        default_status=dg.DefaultScheduleStatus.RUNNING,
    )
    return dg.Definitions(
        assets=assets,
        jobs=[job],
        schedules=[schedule],
        resources={"run": _resource(settings, run)},
        executor=dg.in_process_executor,
    )


def _resource(settings: Settings, run: Run | None) -> dg.ResourceDefinition:
    """The run whose stages the assets drive; holds the lock as long as it lives."""

    @dg.resource(description="The refresh in progress, with the run lock.")
    def open_run(context: dg.InitResourceContext) -> Iterator[Run]:
        if run is not None:
            yield run
            return
        with Run(settings) as own:
            own.prepare()
            yield own

    return open_run


def _raw(exports: Sequence[Export]) -> dg.AssetsDefinition:
    by_key = {raw_key(export.source, export.name): export for export in exports}

    @dg.multi_asset(
        name="exports",
        specs=[_raw_spec(export) for export in exports],
        check_specs=[
            dg.AssetCheckSpec(
                GATE_CHECK,
                asset=key,
                description="Whether the newest file is admitted. Shows the verdict "
                "and stops nothing: a file that is not admitted is left out.",
            )
            for key in by_key
        ],
        can_subset=True,
        required_resource_keys={"run"},
    )
    def read_exports(
        context: dg.AssetExecutionContext,
    ) -> Iterator[dg.MaterializeResult]:
        selected = set(context.selected_asset_keys)
        chosen = [export for key, export in by_key.items() if key in selected]
        run: Run = context.resources.run
        codes = {export.code for export in chosen}
        run.ingest(codes)
        run.gate(codes)
        states = {state.export_code: state for state in run.report.states}
        held = {one.export_code: one for one in run.report.held}
        for export in chosen:
            state, blocked = states[export.code], held.get(export.code)
            yield dg.MaterializeResult(
                asset_key=raw_key(export.source, export.name),
                metadata={
                    "batches_in_force": state.batches_in_force,
                    "rows_loaded": state.rows_loaded,
                    "rows_rejected": state.rows_rejected,
                    "rows_duplicate": state.rows_duplicate,
                    "data_as_of": str(state.data_as_of or "never"),
                    "reliability": state.reliability_grade,
                },
                check_results=[
                    dg.AssetCheckResult(
                        asset_key=raw_key(export.source, export.name),
                        check_name=GATE_CHECK,
                        passed=blocked is None,
                        severity=dg.AssetCheckSeverity.WARN,
                        description=f"{blocked.path}: {blocked.message}"
                        if blocked
                        else None,
                        metadata={"verdict": state.newest_verdict or "nothing yet"},
                    )
                ],
            )

    return read_exports


def _raw_spec(export: Export) -> dg.AssetSpec:
    return dg.AssetSpec(
        raw_key(export.source, export.name),
        description=export.description or None,
        group_name=f"raw_{export.source}",
        kinds={export.format},
        skippable=True,
        metadata={
            "files": export.files,
            "delivery": export.delivery,
            "cadence": export.cadence,
            "contract": export.contract_hash,
            "dagster/column_schema": dg.TableSchema(
                columns=[
                    dg.TableColumn(c.name, type=c.data_type, description=c.description)
                    for c in export.lake_columns
                ]
            ),
        },
    )


def _external(
    manifest: Mapping[str, Any], exports: Sequence[Export]
) -> list[dg.AssetSpec]:
    """Tables that the build writes from the ledger: they rest on every export."""
    return [
        dg.AssetSpec(
            node_key(node),
            deps=[raw_key(export.source, export.name) for export in exports],
            description=node.get("description") or None,
            group_name="ledger",
        )
        for node in manifest["sources"].values()
        if node_key(node).path[0] == "ledger"
    ]


def _dbt(manifest: Mapping[str, Any]) -> dg.AssetsDefinition:
    @dbt_assets(
        manifest=manifest,
        dagster_dbt_translator=Translator(),
        name="models",
        required_resource_keys={"run"},
    )
    def build_models(context: dg.AssetExecutionContext) -> Iterator[Any]:
        run: Run = context.resources.run
        if context.is_subset:
            refused = dg.Failure(
                "A version is built whole. Materialise all assets, or start the job.",
                allow_retries=False,
            )
            run.fail(refused)
            raise refused
        candidate = run.build()
        nodes = manifest["nodes"]
        for result in candidate.run_results:
            if result.resource_type == "test":
                continue
            key = node_key(nodes[result.unique_id])
            rows = candidate.row_counts.get(result.name)
            yield dg.MaterializeResult(
                asset_key=key,
                metadata={
                    "seconds": round(result.seconds, 3),
                    **({} if rows is None else {"dagster/row_count": rows}),
                },
            )

    return build_models


def _published(manifest: Mapping[str, Any]) -> dg.AssetsDefinition:
    @dg.asset(
        key=PUBLISHED,
        deps=[node_key(node) for node in mart_nodes(manifest).values()],
        group_name="published",
        required_resource_keys={"run"},
        description="One immutable folder per version; `current` shows the newest.",
    )
    def publish_marts(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        run: Run = context.resources.run
        run.publish()
        return dg.MaterializeResult(
            metadata={
                "version": run.report.version or "none: a version is pinned",
                "folder": str(run.report.folder or ""),
            }
        )

    return publish_marts


def _told() -> dg.AssetsDefinition:
    @dg.asset(
        key=TOLD,
        deps=[PUBLISHED],
        group_name="published",
        required_resource_keys={"run"},
        description="Owners know what changed. A delivery that fails is tried again by "
        "the next run and stops nothing.",
    )
    def tell_owners(context: dg.AssetExecutionContext) -> dg.MaterializeResult:
        run: Run = context.resources.run
        run.notify()
        return dg.MaterializeResult(metadata=dict(run.report.stages[-1].counts))

    return tell_owners


def execute(run: Run) -> None:
    """Execute the nightly job in this process, inside an open and prepared run.

    Failures are noted in `run.report`, also when Dagster calls the job a success
    although an asset was never materialised.
    """
    definitions = build_definitions(
        settings=run.settings, manifest=run.manifest, run=run
    )
    job = definitions.resolve_job_def(JOB_NAME)
    # Dagster's own console log would repeat what the run says.
    quiet = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}
    with instance(run.settings) as own:
        result = job.execute_in_process(
            run_config=quiet,
            instance=own,
            raise_on_error=False,
            tags={"takt/run_id": run.run_id},
        )
    seen = {event.asset_key for event in result.get_asset_materialization_events()}
    expected = set(job.asset_layer.executable_asset_keys)
    missing = sorted(key.to_user_string() for key in expected - seen)
    if not result.success:
        run.fail(RuntimeError(_first_failure(result)))
    elif missing:
        run.fail(RuntimeError(f"never materialised: {', '.join(missing)}"))


def _first_failure(result: dg.ExecuteInProcessResult) -> str:
    """What Dagster says went wrong; the run itself usually knows better."""
    for step in result.all_events:
        error = getattr(step.event_specific_data, "error", None)
        if step.is_failure and error is not None:
            cause = error.cause or error
            return str(cause.message).strip()
    return "the job failed without a reason"


def serve_command(port: int) -> list[str]:
    """The command that serves Dagster's pages on this machine, with its daemon."""
    return [
        # Its successor is a package of its own and serves the same page.
        *(sys.executable, "-W", "ignore:Function `dev_command` is superseded"),
        *("-m", "dagster", "dev"),
        *("--host", "127.0.0.1"),
        *("--port", str(port)),
        *_CODE,
    ]


def daemon_command() -> list[str]:
    """The command that only fires the schedule; it listens to nobody."""
    return [sys.executable, "-m", "dagster._daemon", "run", *_CODE]


@dg.definitions
def defs() -> dg.Definitions:
    """What Dagster loads; built on demand, so that importing does no work."""
    return build_definitions()
