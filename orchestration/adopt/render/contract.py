"""The source contract of an adopted log."""

from __future__ import annotations

from typing import Any

from orchestration.adopt.plan import EXPORT, Plan
from orchestration.adopt.render.text import yaml_text
from orchestration.contract import Column


def contract(plan: Plan) -> str:
    """The source contract."""
    export = plan.export
    facts: dict[str, Any] = {"files": export.files, **plan.log.layout.facts()}
    facts |= {
        "null_markers": list(export.null_markers),
        "timezone": export.timezone,
        "delivery": export.delivery,
        "key": list(export.key),
        "cadence": export.cadence,
        "watermark": export.watermark,
        "exact_duplicates": export.exact_duplicates,
        "earliest": export.earliest,
        "latest": export.latest,
    }
    leaking = plan.proposal.leaking
    described = f"One row per {'case' if plan.wishes.milestones else 'event'}."
    if left_out := [name for name in leaking if name not in plan.names]:
        described += (
            f" Not declared, because every row of a case holds the value known at its "
            f"end: {', '.join(left_out)}."
        )
    table = {
        "name": EXPORT,
        "description": described,
        "config": {"meta": {"export": facts}},
        "columns": [_column(plan, column) for column in export.columns],
    }
    source = {
        "name": plan.process,
        "description": f"The log {plan.file_name}, as adopted; a later export of the "
        "whole log gets _r2, _r3 before its extension.",
        "tables": [table],
    }
    return yaml_text({"sources": [source]})


def _column(plan: Plan, column: Column) -> dict[str, Any]:
    meta: dict[str, Any] = {"header": column.in_file}
    if column.formats:
        formats = list(column.formats)
        meta["format"] = formats[0] if len(formats) == 1 else formats
    if column.required:
        meta["required"] = True
    if column.optional:
        meta["optional"] = True
    if column.normalize:
        meta["normalize"] = True
    meta["pii"] = column.pii
    return {
        "name": column.name,
        "data_type": column.data_type,
        "description": _described(plan, column),
        "config": {"meta": meta},
    }


MEANING = {
    "case": "The case.",
    "activity": "What happened, as the log names it.",
    "timestamp": "Moment of the row.",
    "start": "Moment the step began.",
    "lifecycle": "Whether the row is a start or a completion.",
    "resource": "Who did it, as a pseudonym.",
    "org_unit": "Unit that did it.",
    "due": "Moment the case is promised for.",
    "outcome": "How the case ended.",
    "requester": "Who asked for it, as a pseudonym.",
    "segment": "What people cut by.",
    "score": "How content people were.",
    "cost": "What the case cost.",
    "end": "Moment the case ended.",
}


def _described(plan: Plan, column: Column) -> str:
    for part, meaning in MEANING.items():
        if column.in_file in plan.proposal.values(part):
            return meaning
    for activity, header in plan.wishes.milestones:
        if header == column.in_file:
            return f"Moment of {activity}."
    words = {"drop": "Personal or free text; never kept.", "hash": "A pseudonym."}
    return words.get(column.pii, "As in the log; no model reads it.")
