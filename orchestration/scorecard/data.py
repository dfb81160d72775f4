"""The view of the data: sources, verdicts, lateness, rejects and versions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from orchestration.report import words
from orchestration.scorecard.view import Page, View

FILES_SHOWN = 12


def pages(view: View) -> Iterator[Page]:
    """One page about everything that came in, and the versions it became."""
    known = {
        row["export_code"]: row
        for row in view.marts.rows("select * from dim_exports order by export_code")
    }
    exports = [
        _export(view, known.get(one["code"], {}), one) for one in view.facts["exports"]
    ]
    yield Page(
        "data.html",
        "data.html",
        view.t("nav.data"),
        "nav.data",
        {
            "exports": exports,
            "rejects": [
                {"export": one["code"], **reject, "rule": _reject(view, reject["rule"])}
                for one in exports
                for reject in one["rejects"]
            ],
            "versions": view.facts["versions"],
            "used_by": _used_by(view),
        },
        "nav.data",
    )


def _used_by(view: View) -> dict[str, list[str]]:
    """The KPIs that rest on each export, by its code."""
    found: dict[str, list[str]] = {}
    for code, model in view.facts["models"].items():
        for export in model["exports"]:
            found.setdefault(export, []).append(code)
    return found


def _export(
    view: View, state: Mapping[str, Any], facts: Mapping[str, Any]
) -> dict[str, Any]:
    """An export with its state, its newest files and the checks of the last one."""
    checks = [_check(view, one) for one in facts["expectations"]]
    files = facts["files"][::-1]
    return {
        "code": facts["code"],
        "anchor": facts["code"].replace(".", "-"),
        "state": state,
        "late_after": view.f.age(facts["late_after_seconds"]),
        "files": [{**file, **_lateness(view, facts, file)} for file in files],
        "shown": FILES_SHOWN,
        "held": [
            {**file, "why": [_check(view, one) for one in file["failed"]]}
            for file in files
            if file["is_held"]
        ],
        "judged": facts["judged"],
        "checks": sorted(checks, key=lambda one: one["mark"] == "PASS"),
        "off": sum(one["mark"] != "PASS" for one in checks),
        "rejects": facts["rejects"],
    }


def _lateness(
    view: View, facts: Mapping[str, Any], file: Mapping[str, Any]
) -> dict[str, Any]:
    """How long after the end of its period a file came, and whether that is late."""
    if not file["covers_until"] or not file["arrived_at"]:
        return {"lag": None, "is_late": False}
    waited = (
        datetime.fromisoformat(file["arrived_at"])
        - datetime.fromisoformat(file["covers_until"])
    ).total_seconds()
    return {
        "lag": view.f.age(waited),
        "is_late": waited > facts["late_after_seconds"],
    }


# ------------------------------------------------------------------ expectations


def _check(view: View, one: Mapping[str, Any]) -> dict[str, Any]:
    """One expectation: what was observed, what is allowed, what it guards."""
    failed = "WARN" if one["severity"] == "warning" else "FAIL"
    return {
        "mark": "PASS" if one["success"] else failed,
        "columns": ", ".join(one["columns"]),
        "rule": _rule(view, one["type"]),
        "observed": _observed(view, one),
        "allowed": view.t("semicolon").join(_limits(view, one["allowed"])),
        "guards": one.get("error") or _notes(view, one),
    }


def _notes(view: View, one: Mapping[str, Any]) -> str:
    """What the expectation guards; a verdict of old may lack a language."""
    translated = one.get("notes_zh") if view.language == "zh" else None
    return translated or one["notes"]


def _rule(view: View, kind: str) -> str:
    key = f"rule.{kind}"
    return view.t(key) if key in view.t else words(kind.removeprefix("expect_"))


def _reject(view: View, rule: str) -> str:
    key = f"reject.{rule}"
    return view.t(key) if key in view.t else words(rule)


def _observed(view: View, one: Mapping[str, Any]) -> str:
    if isinstance(one["observed"], int | float):
        return f"{one['observed']:.4g}"
    if one["observed"] is not None or one["unexpected_count"] is None:
        return str(one["observed"] or "")
    return view.t(
        "data.off",
        off=view.f.number(one["unexpected_count"]),
        tested=view.f.number(one["tested"]),
    )


def _limits(view: View, allowed: Mapping[str, Any]) -> Iterator[str]:
    """The limits of an expectation in words; what has none is shown as it is."""
    for key in sorted(allowed, key=lambda name: name != "min_value"):
        value = allowed[key]
        if key == "mostly":
            yield view.t("data.mostly", share=view.f.share(1 - value, 1))
        elif key == "value_set":
            values = view.t("comma").join(map(str, value))
            yield view.t("data.one_of", values=values)
        elif key == "row_condition":
            yield view.t("data.where", condition=_condition(view, value))
        elif key in ("min_value", "max_value") and value is not None:
            sign = "≥" if key == "min_value" else "≤"
            is_figure = isinstance(value, int | float)
            yield f"{sign} {view.f.plain(value) if is_figure else value}"
        elif f"data.{key}" in view.t and value:
            yield view.t(f"data.{key}")
        elif value not in (None, False):
            yield words(key) if value is True else f"{words(key)}: {words(str(value))}"


_SIGNS = {">=": "≥", "<=": "≤", "==": "=", "!=": "≠"}


def _condition(view: View, tree: Any) -> str:
    """Which rows an expectation looks at, in words."""
    if not isinstance(tree, Mapping):
        return str(tree)
    parts = [_condition(view, part) for part in tree.get("conditions") or ()]
    if parts:
        return view.t(f"data.{tree['type']}").join(parts)
    column = tree["column"]["name"]
    if tree.get("type") == "nullity":
        key = "data.is_empty" if tree["is_null"] else "data.is_filled"
        return view.t(key, column=column)
    sign = str(tree.get("operator"))
    return f"{column} {_SIGNS.get(sign, sign)} {tree.get('parameter')}"
