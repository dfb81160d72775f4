"""The project with more sources and processes, added as their user would.

`lay` copies the project and puts each overlay's files into it, appends its register
rows, and adds one line to each of the lists that name packs and KPIs. What this module
has to do beyond that is what the project fails to make easy.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from pathlib import Path

from tests.helpers.project_copy import (
    Project,
    add_to_list,
    append_rows,
    copy_project,
)

OVERLAYS = Path(__file__).parent / "overlays"
PACK_LISTS = (
    "models/processes/core/int_process_events.sql",
    "models/processes/core/int_process_instances.sql",
)
KPI_LIST = "models/marts/fct_kpi_observations.sql"


def lay(root: Path, overlays: Iterable[str], **settings: str) -> Project:
    """Copy the project to `root` and add the overlays of those names."""
    project = copy_project(root, **settings)
    for overlay in overlays:
        _add(OVERLAYS / overlay, root)
    return project


def _add(source: Path, root: Path) -> None:
    """What its user does to add an overlay to the project at `root`."""
    for path in sorted(p for p in source.rglob("*") if p.is_file()):
        below = path.relative_to(source)
        if below.parts[0] == "seeds":
            append_rows(path, root / below)
        elif "__pycache__" not in below.parts:
            target = root / below
            assert not target.exists(), f"{below} is there already"
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
    for pack in sorted((source / "models" / "processes").iterdir()):
        for name in PACK_LISTS:
            add_to_list(root / name, "packs", [pack.name])
    models = sorted((source / "models" / "metrics").rglob("kpi_*.sql"))
    add_to_list(root / KPI_LIST, "kpis", [model.stem for model in models])
