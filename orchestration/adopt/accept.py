"""Candidates of discovery as KPIs of the house: model, tests, register row, list line.

A model says what its candidate measures, in SQL of its own over the process core, so
that it stands when discovery changes; its counted rows are the candidate's. A KPI stays
`proposed` until a person gives it an owner. Here: which candidates can become a model.
Not here: how they are found and scored (`models/discovery/`).
"""

from __future__ import annotations

import csv
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestration import scaffold
from orchestration.adopt.plan import identifier
from orchestration.adopt.render import sealed, unit_test, yaml_text
from orchestration.adopt.write import AdoptError, Change, changes
from orchestration.readers.base import quoted
from orchestration.registers import nearest

# Unit shown -> text of the factor in the register.
SCALES = {unit: scale for unit, (scale, _) in scaffold.UNITS.items()}
COLUMNS = (
    "candidate_id, template_code, from_activity_code, to_activity_code, name_en, "
    "name_zh, measure_type, unit, direction, kind, family, assign_by, path_clock, "
    "handover_by, outcome_codes, period_grain, status, refusal_reason, is_core, "
    "reason_en"
)


@dataclass(frozen=True)
class Measure:
    """How one template is measured, as SQL over one row of its relation.

    `reasons` are (condition, reason, state) in order; a row that none holds for counts.
    `day` is the local day of what counts; what is open is dated on the last day known.
    """

    name: str
    grain: str
    relation: str
    subject: str
    day: str
    numerator: str
    reasons: tuple[tuple[str, str, str], ...]
    parts: tuple[str, str, str, str]
    where: tuple[str, ...] = ()
    activities: tuple[str, ...] = ()


_CANCELLED = ("is_cancelled", "cancelled", "excluded")
_OPEN = ("ended_at is null", "not_ended_yet", "open")
_REVERSED = ("ended_at < started_at", "reversed_clock", "excluded")
_CASES = "fct_process_instances"
_ENDED = "case, on the local day it ended; while open, on the last covered day"
_ID = "process_instance_id"
_ONE = ("ended cases", "已结束实例")


def _hit(condition: str) -> str:
    return f"case when {condition} then 1 else 0 end"


def measure(candidate: Mapping[str, Any], zone: str) -> Measure:
    """The measure of a candidate; AdoptError if its template makes no KPI model."""
    template = candidate["template_code"]
    before, after = candidate["from_activity_code"], candidate["to_activity_code"]
    if template == "T01":
        return Measure(
            "lead_time",
            _ENDED,
            _CASES,
            _ID,
            "ended_on",
            "lead_elapsed_seconds",
            (_CANCELLED, _OPEN, _REVERSED),
            ("seconds from start to end", "从开始到结束的秒数", *_ONE),
        )
    if template == "T02":
        clock = candidate["path_clock"]
        return Measure(
            f"{_word(before, 'from')}_to_{_word(after, 'to')}_{clock}",
            "move from one step to the next, on its local day",
            "fct_process_paths",
            f"{_ID} || '/' || cast(path_no as varchar)",
            "moved_on",
            f"{clock}_elapsed_seconds",
            ((f"{clock}_elapsed_seconds is null", "no_start", "excluded"),),
            ("seconds between the two steps", "两环节间的秒数", "moves", "流转次数"),
            (
                "subjects.path_kind = 'step'",
                "not subjects.is_after_end",
                f"subjects.from_activity_code = {quoted(before)}",
                f"subjects.to_activity_code = {quoted(after)}",
            ),
            (before, after),
        )
    if template == "T03":
        return Measure(
            f"{_word(before, 'step')}_work",
            "completed step, on its local day",
            "fct_process_steps",
            "event_id",
            "occurred_on",
            "service_elapsed_seconds",
            (("service_elapsed_seconds is null", "no_start", "excluded"),),
            ("seconds of work", "处理秒数", "completed steps", "完成的环节次数"),
            (
                "subjects.state = 'completed'",
                f"subjects.activity_code = {quoted(before)}",
            ),
            (before,),
        )
    if template == "T05":
        return Measure(
            "on_time",
            "case, on the local day it is due",
            _CASES,
            _ID,
            f"""{{{{ local_date('due_at', "'{zone}'") }}}}""",
            _hit("ended_at <= due_at"),
            (
                _CANCELLED,
                ("due_at > kpi_data_as_of", "not_due_yet", "undecided"),
            ),
            ("cases ended by then", "按期结束的实例", "cases due", "到期实例"),
            ("subjects.due_at is not null",),
        )
    if template == "T06":
        return Measure(
            "same_day",
            "case, on the local day it started",
            _CASES,
            _ID,
            "started_on",
            _hit("ended_on = started_on"),
            (_CANCELLED,),
            ("cases ended on that day", "当日结束的实例", "cases", "实例"),
        )
    if template == "T10":
        return Measure(
            "handovers",
            _ENDED,
            _CASES,
            _ID,
            "ended_on",
            f"{candidate['handover_by']}_handovers",
            (_CANCELLED, _OPEN),
            ("handovers", "转手次数", *_ONE),
        )
    if template == "T23":
        return Measure(
            "cancelled",
            _ENDED,
            _CASES,
            _ID,
            "ended_on",
            _hit("is_cancelled"),
            (_OPEN,),
            ("cancelled cases", "已取消实例", *_ONE),
        )
    raise AdoptError(
        f"{candidate['candidate_id']}: no model can be made of template {template}. "
        f"Templates: T01, T02, T03, T05, T06, T10, T23; others with takt new kpi"
    )


def _word(code: str, fallback: str) -> str:
    """A code as a part of a model's name."""
    return identifier(code, fallback)


def accepted(
    root: Path, process: str, found: Sequence[Mapping[str, Any]], ids: Sequence[str]
) -> list[Change]:
    """What accepting these candidates would do. Raises AdoptError before anything."""
    by_id = {str(row["candidate_id"]): row for row in found}
    processes = _seed(root, "processes")
    zone = next(r["timezone"] for r in processes if r["process_code"] == process)
    steps = [r for r in _seed(root, "process_steps") if r["process_code"] == process]
    files: dict[Path, str] = {}
    rows, items = [], []
    for one in ids:
        candidate = by_id.get(one)
        if candidate is None:
            raise AdoptError(f"There is no candidate {one!r}{nearest(one, by_id)}")
        if candidate["status"] == "refused":
            reason = candidate["refusal_reason"]
            raise AdoptError(f"{one} cannot be measured: {reason}")
        how = measure(candidate, zone)
        code = f"{process}.{how.name}_{candidate['unit']}"
        model = "kpi_" + code.replace(".", "__")
        path = Path("models/metrics") / process / f"{model}.sql"
        files[path] = sealed(
            path, _sql(code, process, how, zone), f"Grain: {_grain(how)}"
        )
        files[path.with_suffix(".yml")] = sealed(
            path.with_suffix(".yml"), _yml(code, model, process, how)
        )
        rows.append(_row(code, process, candidate, how, steps, _fields(root, process)))
        items.append(model)
    return changes(
        root,
        process,
        files,
        {"kpis": rows},
        {"kpis": ((scaffold.KPI_LIST,), items)},
    )


def _seed(root: Path, name: str) -> list[dict[str, str]]:
    with (root / "seeds" / f"{name}.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _fields(root: Path, process: str) -> str:
    """The export fields that a KPI of an adopted log rests on."""
    import yaml

    path = root / f"models/staging/{process}/_{process}__sources.yml"
    if not path.exists():
        raise AdoptError(f"{process} was not adopted: write its KPIs with takt new kpi")
    content = yaml.safe_load(path.read_text(encoding="utf-8"))
    (source,) = content["sources"]
    (table,) = source["tables"]
    export = table["config"]["meta"]["export"]
    names = dict.fromkeys([*export["key"], export["watermark"]])
    return "|".join(f"{process}.{table['name']}.{name}" for name in names)


def _grain(how: Measure) -> str:
    return f"one row per {how.grain.split(',')[0]}."


def _sql(code: str, process: str, how: Measure, zone: str) -> str:
    needs_case = how.relation != _CASES
    cases = ""
    selected = "subjects.*"
    scope = [f"subjects.process_code = '{process}'", *how.where]
    if needs_case:
        selected += ",\n        cases.segment_code"
        scope += ["cases.exclusion_reason is null", "not cases.is_cancelled"]
        cases = f"""
    inner join {{{{ ref('{_CASES}') }}}} as cases
        on subjects.process_code = cases.process_code
        and subjects.process_instance_id = cases.process_instance_id"""
    else:
        scope.append("subjects.exclusion_reason is null")
    where = "\n        and ".join(scope)
    whens = "\n".join(
        f"            when {condition} then '{reason}'"
        for condition, reason, _ in how.reasons
    )
    states = "\n".join(
        f"        when reason = '{reason}' then '{state}'"
        for _, reason, state in how.reasons
        if state != "excluded"
    )
    day = how.day
    if any(state == "open" for *_, state in how.reasons):
        day = (
            "case\n        when reason = 'not_ended_yet'\n            then "
            f"""{{{{ last_covered_date('kpi_data_as_of', "'{zone}'") }}}}\n"""
            f"        else coalesce({how.day}, started_on)\n    end"
        )
    return f"""\
with scoped as (
    select
        {selected},
        freshness.data_as_of as kpi_data_as_of
    from {{{{ ref('{how.relation}') }}}} as subjects{cases}
    inner join {{{{ ref('int_kpi_freshness') }}}} as freshness
        on freshness.kpi_code = '{code}'
    where
        {where}
),

reasoned as (
    select
        *,
        case
{whens}
        end as reason
    from scoped
)

select
    '{code}' as kpi_code,
    {how.subject} as subject_id,
    segment_code,
    {day} as measured_on,
    case
        when reason is null
            then cast({how.numerator} as bigint)
    end as numerator,
    case when reason is null then cast(1 as bigint) end as denominator,
    case
        when reason is null then 'counted'
{states + chr(10) if states else ""}        else 'excluded'
    end as state,
    reason as exclusion_reason,
    kpi_data_as_of as data_as_of
from reasoned
"""


_OBSERVED = (
    ("kpi_code", "string", "Always {code}."),
    ("subject_id", "string", "What is measured."),
    ("segment_code", "string", "Segment of the case."),
    ("measured_on", "date", "Local day it counts on; the last covered day while open."),
    ("numerator", "bigint", "{numerator}; NULL unless counted."),
    ("denominator", "bigint", "1; NULL unless counted."),
    ("state", "string", "Whether the row counts."),
    ("exclusion_reason", "string", "Why it does not count; NULL if it does."),
    ("data_as_of", "timestamp", "UTC moment up to which its sources reach."),
)


def _yml(code: str, model: str, process: str, how: Measure) -> str:
    words = {"code": code, "numerator": how.parts[0].capitalize()}
    columns = [
        {
            "name": name,
            "data_type": kind,
            "description": meaning.format(**words),
        }
        for name, kind, meaning in _OBSERVED
    ]
    held = {
        "not_null": [
            "subject_id",
            "segment_code",
            "measured_on",
            "state",
            "data_as_of",
        ],
        "unique": ["subject_id"],
        "accepted_values": {
            "state": [
                "counted",
                *dict.fromkeys([*(s for *_, s in how.reasons), "excluded"]),
            ],
            "exclusion_reason": [reason for _, reason, _ in how.reasons],
        },
    }
    entry = {
        "name": model,
        "description": f"{how.parts[0].capitalize()}, of {how.parts[2]}. Accepted from "
        "what discovery proposed; elapsed time, nights included.",
        "config": {"contract": {"enforced": True}},
        "columns": columns,
        "data_tests": [{"columns_hold": {"arguments": held}}],
    }
    return yaml_text(
        {"models": [entry], "unit_tests": _unit_tests(code, model, process, how)}
    )


def _unit_tests(
    code: str, model: str, process: str, how: Measure
) -> list[dict[str, Any]]:
    fresh = f"kpi_code,data_as_of\n{code},2026-03-31 16:00"
    if how.relation == _CASES:
        return _case_tests(code, model, process, how, fresh)
    return _move_tests(model, process, how, fresh)


def _case_tests(
    code: str, model: str, process: str, how: Measure, fresh: str
) -> list[dict[str, Any]]:
    """One case from Monday 01:00 to 03:00, due an hour later; and those that do not."""
    header = (
        "process_code,process_instance_id,segment_code,is_cancelled,started_at,ended_at,"
        "started_on,ended_on,due_at,lead_elapsed_seconds,org_unit_handovers,"
        "resource_handovers"
    )
    day = "2026-03-02"
    times = f"{day} 01:00,{day} 03:00,{day},{day},{day} 04:00"
    given = {
        "ref('int_kpi_freshness')": fresh,
        f"ref('{_CASES}')": f"{header}\n{process},done,a,false,{times},7200,2,2",
    }
    numerator = {"lead_time": 7200, "handovers": 2, "cancelled": 0}.get(how.name, 1)
    expect = "subject_id,measured_on,numerator,denominator,state,exclusion_reason"
    counted = unit_test(
        "test_a_case_counts_on_its_day",
        model,
        given,
        f"{expect}\ndone,{day},{numerator},1,counted,",
    )
    rows, expected = [header], [expect]
    cells = {
        "cancelled": (f"{process},called_off,a,true,{times},7200,2,2", day),
        "not_ended_yet": (
            f"{process},waiting,a,false,{day} 01:00,,{day},,{day} 04:00,,2,2",
            "2026-03-31",
        ),
        "reversed_clock": (
            f"{process},backwards,a,false,{day} 01:00,{day} 00:59,{day},{day},,,2,2",
            day,
        ),
        "not_due_yet": (
            f"{process},early,a,false,{day} 01:00,{day} 03:00,{day},{day},"
            "2026-04-01 04:00,7200,2,2",
            "2026-04-01",
        ),
    }
    for _, reason, state in how.reasons:
        row, on = cells[reason]
        rows.append(row)
        expected.append(f"{row.split(',')[1]},{on},,,{state},{reason}")
    given = {**given, f"ref('{_CASES}')": "\n".join(rows)}
    kept = unit_test(
        "test_what_does_not_count_stays_with_a_reason",
        model,
        given,
        "\n".join(expected),
    )
    return [counted, kept]


def _move_tests(
    model: str, process: str, how: Measure, fresh: str
) -> list[dict[str, Any]]:
    """A move or step of an hour counts; without its clock it stays with a reason."""
    is_path = how.relation == "fct_process_paths"
    key, number, text = ("path_no", "2", "a/2") if is_path else ("event_id", "e2", "e2")
    names = "from_activity_code,to_activity_code" if is_path else "activity_code"
    kind = "path_kind,is_after_end,moved_on" if is_path else "state,occurred_on"
    filled = "step,false,2026-03-02" if is_path else "completed,2026-03-02"
    header = f"process_code,process_instance_id,{key},{names},{kind},{how.numerator}"
    row = f"{process},a,{number},{','.join(how.activities)},{filled}"
    cases = (
        "process_code,process_instance_id,segment_code,is_cancelled\n"
        f"{process},a,a,false"
    )
    expect = "subject_id,measured_on,numerator,denominator,state,exclusion_reason"
    tests = []
    for name, seconds, parts in (
        ("test_it_counts_its_seconds_on_its_day", "3600", "3600,1,counted,"),
        ("test_without_its_clock_it_stays_with_a_reason", "", ",,excluded,no_start"),
    ):
        given = {
            "ref('int_kpi_freshness')": fresh,
            f"ref('{_CASES}')": cases,
            f"ref('{how.relation}')": f"{header}\n{row},{seconds}",
        }
        tests.append(
            unit_test(name, model, given, f"{expect}\n{text},2026-03-02,{parts}")
        )
    return tests


def _row(
    code: str,
    process: str,
    candidate: Mapping[str, Any],
    how: Measure,
    steps: Sequence[Mapping[str, str]],
    fields: str,
) -> dict[str, str]:
    is_rate = candidate["measure_type"] == "rate"
    numerator_en, numerator_zh, denominator_en, denominator_zh = how.parts
    return {
        "kpi_code": code,
        "valid_from": min(step["valid_from"] for step in steps),
        "version": "1.0",
        "name_en": str(candidate["name_en"]),
        "name_zh": str(candidate["name_zh"]),
        "numerator_en": numerator_en,
        "numerator_zh": numerator_zh,
        "denominator_en": denominator_en,
        "denominator_zh": denominator_zh,
        "exclusions": "|".join(r for _, r, state in how.reasons if state == "excluded"),
        "subject": how.grain.split(",")[0],
        "process_code": process,
        "from_activity_code": candidate["from_activity_code"] or "",
        "to_activity_code": candidate["to_activity_code"] or "",
        "measure_type": str(candidate["measure_type"]),
        "family": str(candidate["family"]),
        "kind": str(candidate["kind"]),
        "unit": str(candidate["unit"]),
        "scale": SCALES[str(candidate["unit"])],
        "direction": str(candidate["direction"]),
        "bound_min": "0",
        "bound_max": "100" if is_rate else "",
        "period": str(candidate["period_grain"]),
        "assign_by": str(candidate["assign_by"]),
        "clock": "elapsed" if candidate["measure_type"] == "duration" else "",
        "publish_lag_days": "0",
        "source_fields": fields,
        "is_manual": "false",
        "tier": "core" if candidate["is_core"] else "supporting",
        "status": "proposed",
        "reason": textwrap.shorten(str(candidate["reason_en"] or ""), 300),
    }
