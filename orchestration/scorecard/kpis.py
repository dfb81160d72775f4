"""The KPI view: one page per KPI that says where its number comes from.

Here: what was published when, how the cases spread, which parts make up the figure,
and the files and the command that give it again. Not here: what a card says (`cards`),
how a download is written (`downloads`), and any rule.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from fractions import Fraction
from typing import Any

from markupsafe import Markup

from orchestration.scorecard import cards as kpi_cards
from orchestration.scorecard import downloads
from orchestration.scorecard.cards import Card
from orchestration.scorecard.formats import NOTHING, Formats
from orchestration.scorecard.reading import series
from orchestration.scorecard.view import Page, View, place_of

Row = Mapping[str, Any]

# Fewer different values than this are listed one by one.
FEW_VALUES = 8
BINS = 24
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95)

# What people were told first, and what holds now, of the newest definition.
PUBLISHED = """
with ranked as (
    select
        *,
        max(definition_version) over (partition by kpi_code, period_start) as newest
    from fct_kpi_publications
    where segment_code = 'all'
)

select
    period_start,
    first(value order by revision_no) as first_value,
    min(known_from) as first_known_from,
    last(value order by revision_no) as last_value,
    max(revision_no) as revisions
from ranked
where kpi_code = ? and definition_version = newest
group by period_start
order by period_start
"""

REVISIONS = """
with changes as (
    select
        *,
        lag(value) over (
            partition by segment_code, period_start, definition_version
            order by revision_no
        ) as value_before
    from fct_kpi_publications
    where kpi_code = ?
)

select * from changes
where revision_no > 1 and segment_code = 'all'
order by known_from desc, period_start desc
"""

SEGMENTS = """
select * from fct_kpi_values
where kpi_code = ? and period_grain = ? and period_start = ? and segment_code <> 'all'
order by counted_count desc, segment_code
"""

SCOPE = """
select state, exclusion_reason, sum(subject_count) as n
from fct_kpi_daily
where kpi_code = ? and measured_on >= ? and measured_on < ?
group by state, exclusion_reason
order by
    case state when 'counted' then 0 when 'undecided' then 1 when 'open' then 2 else 3
    end, n desc, exclusion_reason
"""

# Of each subject its own figure, in the unit shown.
_CASES = """
with cases as (
    select numerator * cast(? as double) / denominator as value
    from fct_kpi_observations
    where kpi_code = ? and state = 'counted' and denominator <> 0
        and measured_on >= ? and measured_on < ?
)
"""

SPREAD = (
    _CASES
    + """
select
    count(*) as n,
    count(distinct value) as different,
    min(value) as least,
    max(value) as most,
    avg(value) as mean,
    quantile_cont(value, [0.1, 0.25, 0.5, 0.75, 0.9, 0.95]) as quantiles,
    quantile_cont(value, 0.99) as tail
from cases
"""
)

BY_VALUE = _CASES + "select value, count(*) as n from cases group by value order by 1"

# Equal steps up to the 99th percentile; the last one holds all above it.
BINNED = (
    _CASES
    + """
select
    least(cast(floor((value - ?) / ?) as integer), cast(? as integer) - 1) as bin,
    count(*) as n
from cases
group by bin
order by bin
"""
)


def pages(view: View) -> Iterator[Page]:
    """The list of KPIs, and one page for each."""
    known = kpi_cards.cards(view.marts, view.today)
    processes = view.marts.rows("select * from dim_processes order by process_code")
    # KPIs of the company as a whole have no process.
    groups = [
        (one, [c for c in known.values() if c.kpi["process_code"] == code])
        for one, code in [
            (None, None),
            *((row, row["process_code"]) for row in processes),
        ]
    ]
    yield Page(
        place="kpis.html",
        template="kpis.html",
        title=view.t("nav.kpis"),
        section="nav.kpis",
        nav="nav.kpis",
        content={
            **kpi_cards.tools(view),
            "groups": [one for one in groups if one[1]],
        },
    )
    for card in known.values():
        yield Page(
            place=place_of("kpi", card.code),
            template="kpi.html",
            title=view.named(card.kpi),
            section="nav.kpis",
            content=_content(view, card),
        )


def _content(view: View, card: Card) -> dict[str, Any]:
    marts, code = view.marts, card.code
    model = view.facts.get("models", {}).get(code, {})
    spread = _spread(view, card)
    return {
        "card": card,
        **kpi_cards.tools(view),
        "process": marts.row(
            "select * from dim_processes where process_code = ?",
            card.kpi["process_code"],
        ),
        "definition": _definition(view, card.kpi),
        "terms": _terms(view, card.kpi),
        "formula": _formula(view, card.kpi),
        "model": model,
        "field_rows": _field_rows(view, card.kpi, model),
        "series_rows": _series_rows(view, card),
        "revision_rows": _revision_rows(view, card),
        "segment_rows": _segment_rows(view, card),
        "scope_rows": _scope_rows(view, card),
        "spread": spread,
        **_spread_rows(view, card, spread),
        "test_rows": [
            [_test_name(view, test["name"], model), view.t(f"test.{test['status']}")]
            for test in model.get("tests", [])
        ],
        "gate_rows": _gate_rows(view, model),
        "downloads": downloads.offer(view, code),
        "command": reproducing(card),
    }


def _test_name(view: View, name: str, model: Row) -> str:
    """`not_null: state` of a test that dbt has named after model and column."""
    kind, found, rest = name.partition(f"_{model['name']}_")
    if kind == "columns_hold":
        return view.t("test.columns_hold")
    return f"{kind}: {rest.partition('__')[0]}" if found else name


def _definition(view: View, kpi: Row) -> str:
    """What the KPI is, in one sentence."""
    said = view.t(
        "kpi.sentence",
        numerator=view.named(kpi, "numerator"),
        denominator=view.named(kpi, "denominator"),
        unit=view.f.unit(kpi["unit"]) or view.t(f"measure.{kpi['measure_type']}"),
        grain=view.t(f"grain.{kpi['period']}"),
        direction=view.t(f"direction.{kpi['direction']}"),
    )
    return said[:1].upper() + said[1:]


def _terms(view: View, kpi: Row) -> list[tuple[str, str]]:
    """The rules of the register in words."""
    t, f = view.t, view.f
    steps = {
        row["activity_code"]: view.named(row)
        for row in view.marts.rows(
            "select * from dim_process_steps where process_code = ? order by step_no",
            kpi["process_code"],
        )
    }
    ends = [kpi["from_activity_code"], kpi["to_activity_code"]]
    rows = [
        ("code", kpi["kpi_code"]),
        ("numerator", view.named(kpi, "numerator")),
        ("denominator", view.named(kpi, "denominator")),
        (
            "exclusions",
            t("comma").join(
                view.word("reason", code)
                for code in (kpi["exclusions"] or "").split("|")
                if code
            )
            or t("none"),
        ),
        ("steps", " → ".join(steps.get(one, one) for one in ends if one) or t("none")),
        ("assign_by", t(f"assign.{kpi['assign_by']}")),
        ("clock", t(f"clock.{kpi['clock'] or 'none'}")),
        ("window", _days_text(view, kpi["window_days"])),
        ("restates", _days_text(view, kpi["restates_days"])),
        ("lag", _days_text(view, kpi["publish_lag_days"])),
        ("version", f"{kpi['version']} · {f.day(kpi['valid_from'])}"),
        # The register has it in one language only.
        ("decision", Markup('<span lang="en">{}</span>').format(kpi["decision"]))
        if kpi["decision"]
        else ("decision", t("none")),
    ]
    return [(t(f"kpi.term.{key}"), said) for key, said in rows]


def _days_text(view: View, days: int | None) -> str:
    return view.t("none") if days is None else view.f.with_unit("days", str(days))


def _formula(view: View, kpi: Row) -> str:
    """The sums and the scale, written as a factor or as a divisor."""
    times, by = _scale(kpi)
    parts = (view.named(kpi, "numerator"), view.named(kpi, "denominator"))
    said = " ÷ ".join(f"Σ {part}" for part in parts)
    return f"{f'{times} × ' if times > 1 else ''}{said}{f' ÷ {by}' if by > 1 else ''}"


def _scale(kpi: Row) -> tuple[int, int]:
    """The register's scale as the fraction that it stands for, such as 1 and 60."""
    scale = Fraction(kpi["scale"]).limit_denominator(1_000_000)
    return scale.numerator, scale.denominator


def _days(shown: Row) -> tuple[date, date]:
    """First local day of a period, and the day after it."""
    first = shown["period_start"]
    if shown["period_grain"] == "ytd":
        first = first.replace(month=1)
    return first, shown["period_end"]


def reproducing(card: Card) -> str:
    """The command that gives the shown figure again, from its parts."""
    shown = card.shown
    if not shown:
        return ""
    first, end = _days(shown)
    times, by = _scale(card.kpi)
    scaled = f"{times} * sum(numerator)" if times > 1 else "sum(numerator)"
    scaled += f" / {by}" if by > 1 else ""
    sql = (
        f"select {scaled} / sum(denominator) as value, "
        "sum(numerator) as numerator, sum(denominator) as denominator "
        f"from fct_kpi_observations where kpi_code = {_quoted(card.code)} "
        f"and state = 'counted' and measured_on >= date '{first}' "
        f"and measured_on < date '{end}'"
    )
    return f"takt query {_shell(sql)}"


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _shell(sql: str) -> str:
    """The statement as one argument of a shell, whatever is in it."""
    for sign in '\\`$"':
        sql = sql.replace(sign, "\\" + sign)
    return f'"{sql}"'


def _field_rows(view: View, kpi: Row, model: Row) -> list[list[str]]:
    """The exports behind a KPI: the fields the register names, and how they stand."""
    t, f = view.t, view.f
    named: dict[str, list[str]] = {code: [] for code in model.get("exports", [])}
    for field in (kpi["source_fields"] or "").split("|"):
        export, _, column = field.rpartition(".")
        if export:
            named.setdefault(export, []).append(column)
    states = {
        row["export_code"]: row
        for row in view.marts.rows("select * from dim_exports order by export_code")
    }
    rows = []
    for export, columns in sorted(named.items(), key=lambda one: (not one[1], one[0])):
        state = states.get(export, {})
        stale = state.get("is_stale")
        rows.append(
            [
                export,
                ", ".join(columns) or t("kpi.indirect"),
                f.moment(state.get("data_as_of")),
                state.get("reliability_grade") or NOTHING,
                t(f"stale.{state['stale_reason']}") if stale else t("stale.no"),
            ]
        )
    return rows


def _series_rows(view: View, card: Card) -> list[list[str]]:
    """Every judged period, the newest first: as first published, and as it is now."""
    t, f = view.t, view.f
    published = {
        row["period_start"]: row for row in view.marts.rows(PUBLISHED, card.code)
    }
    rows = []
    for row in reversed(series(view.marts).get(card.code, [])):
        first = published.get(row["period_start"], {})
        rows.append(
            [
                f.period(row["period_grain"], row["period_start"]),
                f.number(first["first_value"] if first else None, card.digits),
                f.moment(first.get("first_known_from")),
                f.number(row["value"], card.digits),
                f.number(row["n"]),
                f.bounds(row["target_min"], row["target_max"]),
                _limits(card, f, row),
                t(f"status.{row['status']}"),
                t(f"state.{row['state']}"),
                f.number(first["revisions"] - 1) if first else NOTHING,
            ]
        )
    return rows


def _limits(card: Card, f: Formats, row: Row) -> str:
    """The natural limits of a period; one of them may be the bound of the scale."""
    if row["limit_low"] is None and row["limit_high"] is None:
        return NOTHING
    sides = (f.number(row[one], card.digits) for one in ("limit_low", "limit_high"))
    return " … ".join(sides)


def _revision_rows(view: View, card: Card) -> list[list[str]]:
    t, f = view.t, view.f
    return [
        [
            f.moment(row["known_from"]),
            f.period(row["period_grain"], row["period_start"]),
            f.number(row["value_before"], card.digits),
            f.number(row["value"], card.digits),
            t(f"revision.{row['reason']}"),
            t(f"finality.{row['finality']}"),
        ]
        for row in view.marts.rows(REVISIONS, card.code)
    ]


def _segment_rows(view: View, card: Card) -> list[list[str]]:
    shown, f = card.shown, view.f
    if not shown:
        return []
    rows = view.marts.rows(
        SEGMENTS, card.code, shown["period_grain"], shown["period_start"]
    )
    return [
        [
            view.t("segment.unknown")
            if row["segment_code"] == "unknown"
            else row["segment_code"],
            f.number(row["value"], card.digits),
            f.number(row["counted_count"]),
            f.number(row["numerator"]),
            f.number(row["denominator"]),
        ]
        for row in rows
    ]


def _scope_rows(view: View, card: Card) -> list[list[str]]:
    t, f = view.t, view.f
    if not card.shown:
        return []
    return [
        [
            t(f"observation.{row['state']}"),
            view.word("reason", row["exclusion_reason"])
            if row["exclusion_reason"]
            else "",
            f.number(row["n"]),
        ]
        for row in view.marts.rows(SCOPE, card.code, *_days(card.shown))
    ]


def _gate_rows(view: View, model: Row) -> list[list[str]]:
    """What the gate said last of each export that the KPI is made of."""
    own = set(model.get("exports", []))
    rows = []
    for export in view.facts.get("exports", []):
        if export["code"] not in own:
            continue
        judged = [one for one in export["files"] if one["path"] == export["judged"]]
        verdict = judged[0]["verdict"] if judged else None
        checks = export["expectations"]
        rows.append(
            [
                export["code"],
                export["judged"] or NOTHING,
                view.t(f"data.verdict.{verdict or 'none'}"),
                view.t(
                    "kpi.checks_met",
                    met=sum(bool(one.get("success")) for one in checks),
                    all=len(checks),
                ),
            ]
        )
    return rows


def _spread_rows(
    view: View, card: Card, spread: Mapping[str, Any] | None
) -> dict[str, Any]:
    """The tables beside the distribution."""
    t, f = view.t, view.f
    if spread is None:
        return {"spread_rows": [], "spread_columns": [], "spread_figures": []}
    few = card.digits
    found: dict[str, Any] = {"few": few}
    if spread["values"]:
        found["spread_columns"] = [t("value"), t("n"), t("kpi.share")]
        found["spread_figures"] = [0, 1, 2]
        found["spread_rows"] = [
            [
                f.number(row["value"], few),
                f.number(row["n"]),
                f.share(row["n"] / spread["n"], 1),
            ]
            for row in spread["values"]
        ]
        return found
    found["spread_columns"] = [t("kpi.mark"), t("value")]
    found["spread_figures"] = [1]
    marks = [
        (t("kpi.least"), spread["least"]),
        *(
            (t("kpi.quantile", share=f"{share * 100:g}"), value)
            for share, value in spread["quantiles"]
        ),
        (t("kpi.most"), spread["most"]),
        (t("kpi.mean_of_cases"), spread["mean"]),
    ]
    found["spread_rows"] = [[name, f.number(value, few)] for name, value in marks]
    found["bin_rows"] = [
        [f.number(row["low"], few), f.number(row["high"], few), f.number(row["n"])]
        for row in spread["bins"]
    ]
    return found


def _spread(view: View, card: Card) -> dict[str, Any] | None:
    """How the cases of the shown period spread; None without any."""
    shown = card.shown
    if not shown or shown["value"] is None:
        return None
    cases = (card.kpi["scale"], card.code, *_days(shown))
    spread = view.marts.row(SPREAD, *cases)
    if not spread["n"]:
        return None
    found = {
        "n": spread["n"],
        "least": spread["least"],
        "most": spread["most"],
        "mean": spread["mean"],
        "quantiles": list(zip(QUANTILES, spread["quantiles"], strict=True)),
        "values": [],
        "bins": [],
    }
    if spread["different"] < FEW_VALUES:
        found["values"] = view.marts.rows(BY_VALUE, *cases)
        return found
    low, high = spread["least"], spread["tail"]
    step = (high - low) / BINS
    counted = {
        row["bin"]: row["n"] for row in view.marts.rows(BINNED, *cases, low, step, BINS)
    }
    found["bins"] = [
        {
            "low": low + place * step,
            "high": low + (place + 1) * step,
            "n": counted.get(place, 0),
        }
        for place in range(BINS)
    ]
    return found
