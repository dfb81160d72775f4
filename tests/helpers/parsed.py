"""The project as dbt parsed it, kept where `make check` keeps it.

Parsing takes longer than most tests: whoever needs a new home, or the manifest alone,
takes what is known already, and dbt looks at the files that differ.
"""

from __future__ import annotations

import shutil
from functools import cache
from pathlib import Path

from orchestration.build import Project, parse_project
from orchestration.settings import PROJECT_ROOT, load_settings

HOME = PROJECT_ROOT / ".venv" / "check"
KNOWN = "target/partial_parse.msgpack"


@cache
def parsed() -> Project:
    """The project's own manifest, parsed once by each worker."""
    return parse_project(load_settings(home=HOME))


def remember(home: Path) -> None:
    """Let the first refresh of a home, also of a copy's, parse only what is new."""
    parsed()
    into = home / KNOWN
    into.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(HOME / KNOWN, into)
