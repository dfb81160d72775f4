"""The suite of expectations, with thresholds from the file that was adopted."""

from __future__ import annotations

from orchestration.adopt.plan import EXPORT, Plan
from orchestration.adopt.render.contract import MEANING
from orchestration.adopt.render.staging import CASE_PARTS

# Where a threshold is twice what is likely, rare things still need room.
LEAST_SHARE = 0.01
LEAST_SHIFT = 0.05


def _bound(count: int, total: int) -> float:
    """Twice the upper 99 % Wilson bound of a share."""
    from scipy.stats import binomtest

    high = binomtest(count, total).proportion_ci(0.99, method="wilson").high
    return min(1.0, max(LEAST_SHARE, round(2 * float(high), 4)))


def _call(name: str, *arguments: str) -> str:
    lines = "".join(f"                {one},\n" for one in arguments)
    return f"            *rules.{name}(\n{lines}            ),\n"


def suite(plan: Plan) -> str:
    """The suite of the export, with thresholds from the file that was adopted."""
    log = plan.log
    total = plan.log.rows + plan.log.ragged
    parts = []
    for name in plan.export.key:
        parts.append(
            _call(
                "required",
                f'"{name}"',
                '"A row without it belongs to no case, step or moment."',
                "most_missing=0",
            )
        )
    for part in ("resource", "org_unit", *CASE_PARTS):
        column = plan.column(part)
        facts = log.named(plan.proposal.value(part) or "")
        if column is None or facts is None or column in plan.export.key:
            continue
        bound = _bound(facts.nulls, facts.rows)
        if bound < 1:
            observed = f"# Observed: {facts.nulls / facts.rows:.4f} missing.\n"
            parts.append(
                f"            {observed}"
                + _call(
                    "required",
                    f'"{column}"',
                    f'"{MEANING[part]} Without it, figures by it are cut."',
                    f"most_missing={bound}",
                )
            )
    constants = ""
    activities = plan.proposal.values("activity")
    if len(activities) == 1 and not plan.wishes.milestones:
        values = sorted(step.name for step in plan.steps)
        listed = "".join(f"    {_literal(value)},\n" for value in values)
        constants = f"ACTIVITIES = (\n{listed})\n\n\n"
        parts.append(
            _call(
                "codes",
                '"activity"',
                "ACTIVITIES",
                '"A step that is not on the map has no name, place or owner."',
            )
        )
    start, end = plan.column("start"), plan.column("timestamp")
    if start and end:
        parts.append(
            _call(
                "in_order",
                f'"{start}"',
                f'"{end}"',
                '"Steps that end before they start have no length."',
                "most_reversed=0.05",
            )
        )
    if plan.wishes.milestones:
        parts.append(
            _call("unique", '["case_id"]', '"A case twice counts twice everywhere."')
        )
    newest = f'"{plan.export.watermark}"'
    parts.append(
        f"""\
            # Observed: {plan.last_day}.
            gxe.ExpectColumnMaxToBeBetween(
                column={newest},
                min_value=datetime({plan.last_day.year}, {plan.last_day.month}, 1),
                severity="critical",
                notes="A log that ends earlier than the one adopted is an old export.",
            ),
"""
    )
    rejected = plan.rejected / total
    rejects = _call(
        "rejects",
        '"Unreadable rows are steps that no case shows."',
        f"held={max(0.05, _bound(plan.rejected, total))}",
        f"usual={_bound(plan.rejected, total)}",
    )
    repeated = plan.duplicates / total
    delivery = f"""\
            # Observed: {plan.loaded}.
            gxe.ExpectColumnValuesToBeBetween(
                column="loaded",
                min_value={int(plan.loaded * 0.9)},
                severity="critical",
                notes="A log with far fewer rows than the one adopted was cut.",
            ),
            # Observed: {rejected:.4f}.
{rejects}"""
    if plan.export.exact_duplicates == "drop":
        delivery += f"            # Observed: {repeated:.4f}.\n" + _call(
            "duplicates",
            '"Far more repeated rows than before point to a joined export."',
            f"usual={_bound(plan.duplicates, total)}",
        )
    weekdays = ""
    most = max(LEAST_SHIFT, round(2 * plan.weekday_shift, 4))
    if plan.weekdays and most < 1:
        shares = "".join(f"                {share:.4f},\n" for share in plan.weekdays)
        weekdays = f"""\
        # Monday to Sunday, as adopted.
        weekdays=(
            {newest},
            (
{shares}            ),
        ),
"""
        delivery += (
            f"            # Observed in parts of the log: {plan.weekday_shift:.4f}.\n"
            + _call(
                "weekdays",
                '"A weekday that lost its rows, or a shifted clock, bends every week."',
                f"usual={most}",
            )
        )
    return f'''"""What the files of {plan.process} must meet before their rows count."""

from __future__ import annotations

from datetime import datetime

import great_expectations.expectations as gxe

from expectations import rules
from orchestration.suites import Suite

{constants or chr(10)}def {EXPORT}() -> Suite:
    """The log as adopted; a later export of it holds at least as much."""
    return Suite(
        batch=[
{"".join(parts)}        ],
        delivery=[
{delivery}        ],
{weekdays}    )
'''


def _literal(text: str) -> str:
    """A Python string as the formatter writes it."""
    quote = "'" if '"' in text and "'" not in text else '"'
    body = text.replace("\\", "\\\\").replace(quote, f"\\{quote}")
    return f"{quote}{body}{quote}"
