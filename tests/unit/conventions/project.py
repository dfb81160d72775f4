"""The dbt project as files, and what must hold between them.

Each check returns one sentence per finding and names the file to change. Nothing here
runs dbt or opens a database: a forgotten file is found before anything is built.
"""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import yaml

from orchestration.scaffold import undecided

# The C loader, where there is one, is ten times faster.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

# What a layer may read, by the folder under models/ that it is in.
READS = {
    "staging": {"seeds"},
    "processes": {"staging", "registers", "processes"},
    "metrics": {"registers", "processes", "metrics"},
    "marts": {"registers", "processes", "metrics", "marts"},
    "discovery": {"registers", "processes", "discovery"},
    "review": {"registers", "processes", "marts", "discovery", "review"},
}
NAMES = {
    "staging": r"stg_[a-z0-9]+__[a-z0-9_]+",
    "registers": r"stg_(registers|takt)__[a-z0-9_]+",
    "processes": r"(int|fct|dim)_[a-z0-9_]+",
    "metrics": r"(kpi_[a-z0-9]+__[a-z0-9_]+|int_kpi_[a-z0-9_]+)",
    "marts": r"(fct|dim|int)_[a-z0-9_]+",
}
OBSERVATION = [
    "kpi_code",
    "subject_id",
    "segment_code",
    "measured_on",
    "numerator",
    "denominator",
    "state",
    "exclusion_reason",
    "data_as_of",
]
CLOCKS = re.compile(
    r"\b(current_(timestamp|date|time)|now\s*\(|today\s*\(|getdate\s*\(|sysdate)",
    re.IGNORECASE,
)
REF = re.compile(r"""\bref\(\s*['"]([^'"]+)['"]\s*\)""")
SOURCE = re.compile(r"""\bsource\(\s*['"]([^'"]+)['"]""")


@dataclass(frozen=True)
class Model:
    """A model file and the layer that its folder puts it in."""

    path: Path
    layer: str

    @property
    def name(self) -> str:
        """The name by which others refer to it."""
        return self.path.stem

    @cached_property
    def sql(self) -> str:
        """Its text, comments included."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def code(self) -> str:
        """Its text without comments."""
        return re.sub(r"--[^\n]*|\{#.*?#\}", "", self.sql, flags=re.DOTALL)


class Project:
    """Files of a dbt project under one root."""

    def __init__(self, root: Path) -> None:
        self.root = root

    @cached_property
    def models(self) -> dict[str, Model]:
        """All models by name, in SQL or Python."""
        found = {}
        folder = self.root / "models"
        for path in sorted([*folder.rglob("*.sql"), *folder.rglob("*.py")]):
            parts = path.relative_to(self.root / "models").parts
            # Registers and the pipeline's own tables are read like registers are.
            inner = parts[0] == "staging" and parts[1] in {"registers", "takt"}
            found[path.stem] = Model(path, "registers" if inner else parts[0])
        return found

    @cached_property
    def yaml(self) -> dict[Path, dict]:
        """All YAML files under models/ by path."""
        return {
            path: yaml.load(path.read_bytes(), Loader=LOADER) or {}
            for path in sorted((self.root / "models").rglob("*.yml"))
        }

    @cached_property
    def described(self) -> dict[str, tuple[Path, dict]]:
        """Model name to its YAML file and entry."""
        return {
            entry["name"]: (path, entry)
            for path, content in self.yaml.items()
            for entry in content.get("models", [])
        }

    @cached_property
    def fields(self) -> set[str]:
        """Every `source.export.column` that a contract declares."""
        return {
            f"{source['name']}.{table['name']}.{column['name']}"
            for content in self.yaml.values()
            for source in content.get("sources", [])
            for table in source["tables"]
            for column in table["columns"]
        }

    def seed(self, name: str) -> list[dict[str, str]]:
        """Rows of a seed as text."""
        path = self.root / "seeds" / f"{name}.csv"
        with path.open(encoding="utf-8", newline="") as file:
            return list(csv.DictReader(file))

    @cached_property
    def kpi_models(self) -> dict[str, Model]:
        """KPI code to its model, as the file names say."""
        return {
            code_of(model.name): model
            for model in self.models.values()
            if model.layer == "metrics" and model.name.startswith("kpi_")
        }

    def short(self, path: Path) -> str:
        """A path as people write it."""
        return path.relative_to(self.root).as_posix()


def code_of(model_name: str) -> str:
    """`kpi_orders__dispatch_minutes` measures `orders.dispatch_minutes`."""
    return model_name.removeprefix("kpi_").replace("__", ".", 1)


def model_of(kpi_code: str) -> str:
    """The name of the model that measures a KPI."""
    return "kpi_" + kpi_code.replace(".", "__", 1)


def check_layers(project: Project) -> list[str]:
    """Dependencies point one way; sources and seeds are read in one place."""
    seeds = {path.stem for path in (project.root / "seeds").glob("*.csv")}
    found = []
    for model in project.models.values():
        where = project.short(model.path)
        if SOURCE.search(model.code) and model.layer not in {"staging", "registers"}:
            found.append(f"{where}: source() is for staging; ref() its model instead")
        allowed = {"seeds"} if model.layer == "registers" else READS.get(model.layer)
        if allowed is None:
            found.append(f"{where}: no layer is called {model.layer}")
            continue
        for name in REF.findall(model.code):
            if name in seeds:
                layer = "seeds"
            elif name in project.models:
                layer = project.models[name].layer
            else:
                found.append(f"{where}: ref('{name}') is neither model nor seed")
                continue
            if layer not in allowed:
                found.append(f"{where}: {model.layer} must not read {layer} ({name})")
    return found


def check_files(project: Project) -> list[str]:
    """Every model says its grain, has a YAML of the same stem and a fitting name."""
    found = []
    for model in project.models.values():
        where = project.short(model.path)
        if not model.sql.startswith(("-- Grain: ", "# Grain: ")):
            found.append(f"{where}: the first line must be `-- Grain: one row per …`")
        pattern = NAMES.get(model.layer)
        if pattern and not re.fullmatch(pattern, model.name):
            found.append(f"{where}: a name in {model.layer} is like {pattern}")
        path, _ = project.described.get(model.name, (None, None))
        if path != model.path.with_suffix(".yml"):
            found.append(f"{where}: {model.name}.yml beside it does not describe it")
        if clock := CLOCKS.search(model.code):
            found.append(f"{where}: {clock[0]} is a clock; use as_of()")
    for name, (path, entry) in project.described.items():
        where = project.short(path)
        if name not in project.models:
            found.append(f"{where}: describes {name}, which has no .sql")
        for part in [entry, *entry.get("columns", [])]:
            if not str(part.get("description") or "").strip():
                found.append(f"{where}: {part['name']} has no description")
    return found


def check_marts(project: Project) -> list[str]:
    """What is published has an enforced contract and a place in the docs."""
    docs = "".join(
        path.read_text(encoding="utf-8")
        for path in sorted((project.root / "docs").glob("*.md"))
    )
    found = []
    for name, model in project.models.items():
        if not name.startswith(("fct_", "dim_")):
            continue
        where = project.short(model.path)
        _, entry = project.described.get(name, (None, {}))
        if not _is_enforced(entry):
            found.append(f"{where}: a published table needs an enforced contract")
        if not re.search(rf"\b{name}\b", docs):
            found.append(f"docs/marts.md: does not mention {name}")
    return found


def check_kpis(project: Project) -> list[str]:
    """Model, YAML, register row and line of the union: all four, or the missing one."""
    union = project.models["fct_kpi_observations"]
    listed = re.findall(r"'(kpi_[a-z0-9_]+)'", union.code)
    registered = {row["kpi_code"]: row for row in project.seed("kpis")}
    found = []
    for code, model in project.kpi_models.items():
        where = project.short(model.path)
        if code not in registered:
            found.append(f"seeds/kpis.csv: no row for {code} ({where})")
        elif not code.endswith("_" + registered[code]["unit"]):
            found.append(
                f"seeds/kpis.csv: {code} does not end in its unit, "
                f"{registered[code]['unit']}"
            )
        if model.name not in listed:
            found.append(f"{project.short(union.path)}: {model.name} is not in kpis")
        if model.path.parent.name != code.split(".")[0]:
            found.append(f"{where}: belongs in models/metrics/{code.split('.')[0]}")
        if f"'{code}' as kpi_code" not in model.code:
            found.append(f"{where}: must name its rows '{code}'")
        found += _check_kpi_yaml(project, model)
    for name in sorted(set(listed)):
        if listed.count(name) > 1:
            found.append(f"{project.short(union.path)}: {name} is listed twice")
        if name not in project.models:
            found.append(f"models/metrics: {name}.sql is listed but not there")
    for code in registered:
        if code not in project.kpi_models:
            pack = code.split(".")[0]
            found.append(f"models/metrics/{pack}: no {model_of(code)}.sql for {code}")
    return found


def _check_kpi_yaml(project: Project, model: Model) -> list[str]:
    path, entry = project.described.get(model.name, (None, {}))
    if path is None:
        return []  # check_files has said so
    where = project.short(path)
    found = []
    if [column["name"] for column in entry.get("columns", [])] != OBSERVATION:
        found.append(f"{where}: columns are not the observation contract, in order")
    if not _is_enforced(entry):
        found.append(f"{where}: its contract must be enforced")
    tests = project.yaml[path].get("unit_tests", [])
    if len([test for test in tests if test["model"] == model.name]) < 2:
        found.append(f"{where}: needs two unit tests, counted and not counted")
    return found


def _is_enforced(entry: dict) -> bool:
    config = entry.get("config") or {}
    return bool((config.get("contract") or {}).get("enforced"))


def check_registers(project: Project) -> list[str]:
    """Register rows point at KPIs, steps and export fields that exist."""
    steps = {
        (row["process_code"], row["activity_code"])
        for row in project.seed("process_steps")
    }
    kpis = project.seed("kpis")
    found = []
    for row in kpis:
        where = f"seeds/kpis.csv: {row['kpi_code']}"
        for field in row["source_fields"].split("|"):
            if field not in project.fields:
                found.append(f"{where}: no contract declares {field}")
        for column in ("from_activity_code", "to_activity_code"):
            step = (row["process_code"], row[column])
            if row["process_code"] and row[column] and step not in steps:
                found.append(f"{where}: no step {row[column]} on the process map")
        if row["status"] == "active" and not row["decision"]:
            found.append(f"{where}: active, but its definition is not decided")
    codes = {row["kpi_code"] for row in kpis}
    for row in project.seed("kpi_targets"):
        if row["kpi_code"] not in codes:
            found.append(f"seeds/kpi_targets.csv: no KPI {row['kpi_code']}")
    return found


def check_singular_tests(project: Project) -> list[str]:
    """A singular test is named after its folder and says what a row means."""
    found = []
    for path in sorted((project.root / "tests" / "data").rglob("*.sql")):
        if path.parent.name == "generic":
            continue
        where = project.short(path)
        if not path.stem.startswith(f"assert_{path.parent.name}__"):
            found.append(f"{where}: name it assert_{path.parent.name}__<invariant>")
        if not path.read_text(encoding="utf-8").startswith("--"):
            found.append(f"{where}: the first line must say what a row here means")
    return found


# What `columns_hold` asks of all columns of a model in one query.
HELD_TOGETHER = {"not_null", "unique", "accepted_values"}


def check_promises(project: Project) -> list[str]:
    """Plain column tests are arguments of columns_hold, which names real columns."""
    found = []
    for path, entry in project.described.values():
        where = project.short(path)
        columns = [column["name"] for column in entry.get("columns", [])]
        for column in entry.get("columns", []):
            # One that only warns, or holds only `where …`, is a test of its own.
            plain = HELD_TOGETHER & set(map(str, column.get("data_tests", [])))
            plain |= {
                kind
                for test in column.get("data_tests", [])
                if isinstance(test, dict)
                for kind, facts in test.items()
                if kind in HELD_TOGETHER and "config" not in facts
            }
            for kind in sorted(plain):
                found.append(
                    f"{where}: {kind} of {column['name']} is an argument of "
                    "columns_hold, below data_tests of the model"
                )
        for test in entry.get("data_tests", []):
            for column in _held_columns(test):
                if column not in columns:
                    found.append(f"{where}: columns_hold names {column}, no column")
    return found


def _held_columns(test: dict) -> list[str]:
    held = test.get("columns_hold", {}).get("arguments", {})
    named = [*held.get("not_null", []), *held.get("accepted_values", {})]
    for key in held.get("unique", []):
        named += [key] if isinstance(key, str) else key
    return named


def check_sources(project: Project) -> list[str]:
    """Every export has a staging model that reads it and a suite that judges it."""
    found = []
    for path, content in project.yaml.items():
        for source in content.get("sources", []):
            for table in source["tables"]:
                if "export" not in ((table.get("config") or {}).get("meta") or {}):
                    continue
                read = re.compile(
                    rf"source\(\s*'{source['name']}',\s*'{table['name']}'\s*\)"
                )
                if not any(read.search(one.code) for one in project.models.values()):
                    where = project.short(path.parent)
                    found.append(f"{where}: no model reads {table['name']}")
                suites = project.root / "expectations" / f"{source['name']}.py"
                text = suites.read_text(encoding="utf-8") if suites.exists() else ""
                if f"\ndef {table['name']}(" not in text:
                    where = project.short(suites)
                    found.append(f"{where}: no suite {table['name']}()")
    return found


def check_packs(project: Project) -> list[str]:
    """Events, instances, map, both unions and a test: all, or the missing one."""
    unions = [
        project.models[name] for name in ("int_process_events", "int_process_instances")
    ]
    processes = {row["process_code"]: row for row in project.seed("processes")}
    steps = {
        (row["process_code"], row["activity_code"])
        for row in project.seed("process_steps")
    }
    # A folder without both holds facts that no case stands behind.
    named = {
        found[1]
        for name in project.models
        if (found := re.fullmatch(r"int_([a-z0-9]+)__(events|instances)", name))
    }
    found = []
    for pack in sorted(named | set(processes)):
        for kind in ("events", "instances"):
            if f"int_{pack}__{kind}" not in project.models:
                path = f"models/processes/{pack}/int_{pack}__{kind}.sql"
                found.append(f"{path}: is not there")
        for union in unions:
            if f"'{pack}'" not in union.code:
                found.append(f"{project.short(union.path)}: {pack} is not in packs")
        if not list((project.root / "tests" / "data" / pack).glob("*.sql")):
            found.append(f"tests/data/{pack}: no test that nothing is lost")
        row = processes.get(pack)
        if row is None:
            found.append(f"seeds/processes.csv: no row for {pack}")
            continue
        for column in ("start_activity_code", "end_activity_code"):
            if (pack, row[column]) not in steps:
                found.append(
                    f"seeds/process_steps.csv: no step {row[column]} of {pack}"
                )
    return found


def check_decided(project: Project) -> list[str]:
    """Nothing that `takt new` has left open is left."""
    return [
        f"{decision.path.as_posix()}: {decision.field} is not decided"
        for decision in undecided(project.root)
    ]


CHECKS = [
    check_layers,
    check_files,
    check_marts,
    check_kpis,
    check_registers,
    check_singular_tests,
    check_promises,
    check_sources,
    check_packs,
    check_decided,
]
