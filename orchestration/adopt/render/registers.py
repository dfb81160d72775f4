"""Rows of the registers: the process, and its map in the order that was mined."""

from __future__ import annotations

from orchestration.adopt.plan import Plan


def rows(plan: Plan) -> dict[str, list[dict[str, str]]]:
    """Rows of the registers; owners are left blank, for people to fill in."""
    ends = plan.ending("is_end")
    title = plan.process.replace("_", " ").capitalize()
    last = ends[0] if ends else plan.steps[-1]
    process = {
        "process_code": plan.process,
        "name_en": title,
        "name_zh": title,
        "start_activity_code": plan.steps[0].code,
        "end_activity_code": last.code,
        "timezone": plan.timezone,
    }
    valid_from = plan.export.earliest
    steps = [
        {
            "process_code": plan.process,
            "activity_code": step.code,
            "valid_from": valid_from.isoformat() if valid_from else "1990-01-01",
            "step_no": str(number),
            "name_en": step.name,
            "name_zh": step.name,
            "value": "necessary",
            "kind": "work",
            "is_terminal": _flag(step.is_end or step.is_after_end),
            "is_after_end": _flag(step.is_after_end),
            "hard_to_quantify": "false",
        }
        for number, step in enumerate(plan.steps, start=1)
    ]
    return {"processes": [process], "process_steps": steps}


def _flag(value: bool) -> str:
    return str(value).lower()
