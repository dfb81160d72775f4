"""Which code a version was made by.

Here: the commit, or the hash of everything that decides a number. Not here: what it is
for (`build` compares it with the code of earlier versions, `publish` files it).
"""

from __future__ import annotations

import hashlib
import os
import subprocess
from pathlib import Path
from typing import Any

_CODE_FOLDERS = ("models", "macros", "seeds", "tests/data", "expectations")


def sha256_of(path: Path) -> str:
    """Hexadecimal digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def code_version(project: Path) -> dict[str, Any]:
    """Which code a version comes from: {version, commit, is_modified, source_sha256}.

    `version` is the commit where the project is a clean git work tree of its own,
    else the start of the hash of everything that decides a number.
    """
    source = _source_sha256(project)
    commit = _git(project, "rev-parse", "HEAD")
    top = _git(project, "rev-parse", "--show-toplevel")
    if commit is None or top is None or Path(top).resolve() != project.resolve():
        return {
            "version": f"source-{source[:12]}",
            "commit": None,
            "is_modified": None,
            "source_sha256": source,
        }
    modified = bool(_git(project, "status", "--porcelain", "--untracked-files=normal"))
    version = commit[:12] + (f"-modified-{source[:12]}" if modified else "")
    return {
        "version": version,
        "commit": commit,
        "is_modified": modified,
        "source_sha256": source,
    }


def _git(project: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(project), *arguments],
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            env={**os.environ, "GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def _source_sha256(project: Path) -> str:
    paths = [project / "dbt_project.yml", project / "uv.lock"]
    for name in _CODE_FOLDERS:
        paths += (project / name).rglob("*")
    paths += Path(__file__).parent.rglob("*.py")
    total = hashlib.sha256()
    for path in sorted(paths):
        if path.is_file() and "__pycache__" not in path.parts:
            root = project if path.is_relative_to(project) else Path(__file__).parent
            total.update(str(path.relative_to(root)).encode() + b"\0")
            total.update(sha256_of(path).encode() + b"\n")
    return total.hexdigest()
