"""What the pages show and the marts do not hold, frozen beside them.

Files, verdicts, rejects and earlier versions are the ledger's, the SQL of a KPI is the
project's: both go on living after the version is sealed, and its pages must not. The
facts are plain JSON, without a clock and without anything personal: rules, counts and
names of files, never a cell. They lie beside the marts as `facts.json`, so that a
version's pages can be written again from the version alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from orchestration.build import Candidate
from orchestration.contract import Export
from orchestration.ledger import Ledger, Verdict, utc_text

FACTS_FILE = "facts.json"

# Of an export that comes nightly: six weeks.
FILES_SHOWN = 42

# What is told of an expectation.
_TOLD = (
    "type",
    "columns",
    "severity",
    "success",
    "observed",
    "unexpected_count",
    "tested",
    "allowed",
    "notes",
    "notes_zh",
    "error",
)


def collect(ledger: Ledger, candidate: Candidate, timezone: str) -> dict[str, Any]:
    """The facts about an audited candidate.

    `exports`: per declared export `code`, `cadence`, `late_after_seconds`, its newest
    `files`, the file `judged` last with its `expectations`, and `rejects` counted by
    rule and column. `versions`: those published before. `models`: see `models`.
    """
    return {
        "timezone": timezone,
        "exports": [_export(ledger, export) for export in candidate.exports],
        "versions": [
            {
                "version": row.version,
                "as_of": utc_text(row.as_of),
                "published_at": utc_text(row.published_at),
                "state": row.state,
            }
            for row in ledger.versions()
        ],
        "models": models(
            candidate.manifest,
            {one.unique_id: one.status for one in candidate.run_results},
        ),
    }


def _export(ledger: Ledger, export: Export) -> dict[str, Any]:
    held = {one.file["path"] for one in ledger.held_files(export)}
    files, judged = [], None
    for row in ledger.files(export)[-FILES_SHOWN:]:
        refused = row["outcome"] == "refused"
        batch = (
            None if refused else ledger.find_batch(export, row["sha256"], row["period"])
        )
        verdict = batch and ledger.newest_verdict(batch.seq)
        if verdict:
            judged = (row["path"], verdict)
        arrived = row["mtime_ns"]
        files.append(
            {
                "path": row["path"],
                "period": row["period"],
                "covers_until": row["covers_until"],
                # A file from an archive may bear the epoch itself, 0.
                "arrived_at": None
                if arrived is None
                else utc_text(datetime.fromtimestamp(arrived // 10**9, UTC)),
                "is_held": row["path"] in held,
                "verdict": "REFUSED" if refused else verdict and verdict.verdict,
                "refusal_code": row["refusal_code"],
                "reasons": [row["refusal_message"]]
                if refused
                else list(verdict.results.get("reasons", []))
                if verdict
                else [],
                "failed": [one for one in _told(verdict) if not one["success"]]
                if row["path"] in held
                else [],
                "rows_loaded": batch and batch.loaded,
                "rows_rejected": batch and batch.rejected,
                "rows_duplicate": batch and batch.duplicates,
            }
        )
    rejects: dict[tuple[str, str], int] = {}
    for batch in ledger.batches(export):
        if batch.rejected:
            for rule, column, count in ledger.reject_counts(batch.seq):
                key = (rule, column or "")
                rejects[key] = rejects.get(key, 0) + count
    return {
        "code": export.code,
        "cadence": export.cadence,
        "late_after_seconds": int(export.late_after.total_seconds()),
        "files": files,
        "judged": judged and judged[0],
        "expectations": _told(judged and judged[1]),
        "rejects": [
            {"rule": rule, "column": column, "records": count}
            for (rule, column), count in sorted(rejects.items())
        ],
    }


def _told(verdict: Verdict | None) -> list[dict[str, Any]]:
    """What the page tells of each expectation of a verdict."""
    results = verdict.results.get("expectations", []) if verdict else []
    return [{name: one.get(name) for name in _TOLD} for one in results]


def models(
    manifest: Mapping[str, Any], statuses: Mapping[str, str]
) -> dict[str, dict[str, Any]]:
    """What dbt knows about the model of each KPI, by the code of the KPI.

    `path`, `sql` as written, `description`, the names of the models it reads
    (`depends_on`) and of the exports at the far end (`exports`), and its `tests` with
    how they ended.
    """
    nodes = manifest.get("nodes", {})
    tests: dict[str, list[dict[str, str]]] = {}
    for one, node in nodes.items():
        if node["resource_type"] == "test" and one in statuses:
            for tested in node["depends_on"]["nodes"]:
                tests.setdefault(tested, []).append(
                    {"name": node["name"], "status": statuses[one]}
                )
    found = {}
    for one, node in nodes.items():
        name = node["name"]
        if node["resource_type"] == "model" and name.startswith("kpi_"):
            found[name.removeprefix("kpi_").replace("__", ".", 1)] = {
                "name": name,
                "path": node["original_file_path"],
                "sql": node["raw_code"],
                "description": node["description"].strip(),
                "depends_on": [
                    other.rpartition(".")[2] for other in node["depends_on"]["nodes"]
                ],
                "exports": _sources(manifest, one),
                "tests": sorted(tests.get(one, []), key=lambda test: test["name"]),
            }
    return dict(sorted(found.items()))


def _sources(manifest: Mapping[str, Any], start: str) -> list[str]:
    """The exports that a node is made of, however far away."""
    parents, sources = manifest["parent_map"], set()
    seen, waiting = {start}, [start]
    while waiting:
        for parent in parents.get(waiting.pop(), []):
            if parent.startswith("source."):
                sources.add(".".join(parent.split(".")[-2:]))
            elif parent not in seen:
                seen.add(parent)
                waiting.append(parent)
    return sorted(source for source in sources if not source.startswith("takt."))
