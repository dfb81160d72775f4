"""What an adoption writes: all of it, once, and never over what a person changed."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from orchestration.adopt import steps
from orchestration.adopt.render.text import is_sealed
from orchestration.adopt.write import AdoptError
from tests.unit.adopt.logs import (
    REPOSITORY,
    SAID,
    Desk,
    project,
    rows,
    tree,
    written,
)

SUITE = "expectations/claims.py"
INSTANCES = "models/processes/claims/int_claims__instances.sql"


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return written(tmp_path, rows())


def remove(desk: Desk, process: str = "claims", yes: bool = False) -> int:
    """The exit code of `takt adopt --remove`."""
    desk.said = []
    return steps.remove(
        desk.settings, process, yes=yes, dry_run=False, say=desk.said.append
    )


def test_a_dry_run_shows_files_and_differences_and_writes_nothing(
    desk: Desk, log: Path
) -> None:
    before = tree(desk.root)
    assert desk.adopt(log, dry_run=True) == 0
    assert f"{SUITE}: new, " in desk.text
    assert "+claims,receive," in desk.text
    assert "+    'claims'," in desk.text
    assert tree(desk.root) == before
    assert not desk.settings.exports.exists()


def test_a_second_adoption_changes_nothing(desk: Desk, log: Path) -> None:
    desk.adopt(log)
    before = tree(desk.root)
    assert desk.adopt(log) == 0
    assert "Nothing changed." in desk.text
    assert tree(desk.root) == before


def test_the_log_is_put_where_a_refresh_finds_it(desk: Desk, log: Path) -> None:
    desk.adopt(log)
    delivered = desk.settings.exports / "claims" / "log.csv"
    assert delivered.read_bytes() == log.read_bytes()


def test_other_bytes_under_the_same_name_are_not_overwritten(
    desk: Desk, log: Path, tmp_path: Path
) -> None:
    desk.adopt(log)
    written(tmp_path, rows(41))
    with pytest.raises(AdoptError, match=r"log_r2[.]csv"):
        desk.adopt(log)


def test_an_edited_file_stays_and_the_difference_is_shown(
    desk: Desk, log: Path
) -> None:
    """A person renames a threshold; then the end is said to be another one."""
    desk.adopt(log)
    path = desk.root / INSTANCES
    edited = path.read_text().replace("false as is_cancelled", "true as is_cancelled")
    path.write_text(edited)
    assert desk.adopt(log, replace(SAID, end=("decide",))) == 0
    assert path.read_text() == edited
    assert f"{INSTANCES} was edited and stays" in desk.text
    assert "-        true as is_cancelled," in desk.text
    # What nobody edited follows the new decision.
    assert "Wrote models/processes/claims/int_claims__instances.yml" in desk.text


def test_rows_of_registers_are_added_once_and_never_changed(
    desk: Desk, log: Path
) -> None:
    desk.adopt(log)
    register = desk.root / "seeds/processes.csv"
    register.write_text(register.read_text().replace("claims,Claims", "claims,Damage"))
    desk.adopt(log)
    assert register.read_text().count("\nclaims,") == 1
    assert "claims,Damage" in register.read_text()


def test_a_pack_made_by_hand_is_never_touched(desk: Desk, log: Path) -> None:
    (desk.root / "expectations").mkdir()
    (desk.root / SUITE).write_text('"""By hand."""\n')
    before = tree(desk.root)
    with pytest.raises(AdoptError, match="not written by an adoption"):
        desk.adopt(log)
    with pytest.raises(AdoptError, match="no adopted pack"):
        remove(desk)
    assert tree(desk.root) == before


def test_removing_leaves_the_project_as_it_was(desk: Desk, log: Path) -> None:
    before = tree(desk.root)
    desk.adopt(log)
    assert remove(desk) == 0
    assert tree(desk.root) == before


def test_removing_asks_before_it_takes_what_a_person_edited(
    desk: Desk, log: Path
) -> None:
    before = tree(desk.root)
    desk.adopt(log)
    path = desk.root / INSTANCES
    path.write_text(path.read_text() + "-- mine\n")
    whole = tree(desk.root)
    assert remove(desk) == 2
    assert INSTANCES in desk.text
    assert tree(desk.root) == whole
    assert remove(desk, yes=True) == 0
    assert tree(desk.root) == before


def test_a_column_that_is_not_there_is_named_with_the_nearest(
    desk: Desk, log: Path
) -> None:
    with pytest.raises(AdoptError, match="no column 'Case Id'; nearest: Case ID"):
        desk.adopt(log, replace(SAID, case="Case Id"))


def test_every_file_says_whether_it_is_as_it_was_written(desk: Desk, log: Path) -> None:
    desk.adopt(log)
    for name in (SUITE, INSTANCES):
        text = (desk.root / name).read_text()
        assert is_sealed(text) is True
        assert is_sealed(text + "\n") is False
    assert is_sealed("-- Grain: one row per claim.\nselect 1\n") is None


CHILD = """
import sys
from datetime import UTC, datetime
from pathlib import Path

from orchestration.settings import Settings, load_settings
from tests.unit.adopt.logs import Desk

root, home, log = map(Path, sys.argv[1:])
Settings.project = property(lambda self: root)
settings = load_settings(home=home / "home", exports=home / "exports")
settings = settings.model_copy(update={"as_of": datetime(2026, 7, 1, tzinfo=UTC)})
sys.exit(Desk(settings, root).adopt(log))
"""


def adopt_in_child(
    root: Path, home: Path, log: Path, fault: str = "", child: str = CHILD
) -> int:
    """The exit code of an adoption (or removal) in a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "TAKT_FAULT": fault}
    if not fault:
        del environment["TAKT_FAULT"]
    return subprocess.run(
        [sys.executable, "-c", child, str(root), str(home), str(log)],
        env=environment,
        cwd=REPOSITORY,
        check=False,
        timeout=60,
    ).returncode


@pytest.mark.parametrize(
    "fault",
    [
        "adopt.before_delivery:kill",
        *(f"adopt.before_file:kill:{n}" for n in (6, 13)),
    ],
)
def test_killed_midway_and_run_again_the_tree_is_the_same(
    desk: Desk, log: Path, tmp_path: Path, fault: str
) -> None:
    """Files come before the lists: what a kill leaves is read by no refresh."""
    desk.adopt(log)
    other, home = project(tmp_path / "other"), tmp_path / "killed"
    assert adopt_in_child(other, home, log, fault) == -9
    listed = (other / "models/processes/core/int_process_events.sql").read_text()
    assert ("'claims'" in listed) == fault.endswith(":13")
    assert adopt_in_child(other, home, log) == 0
    assert tree(other) == tree(desk.root)
    assert tree(home / "exports") == tree(desk.settings.exports)


REMOVE = CHILD.replace(
    "Desk(settings, root).adopt(log)",
    'steps.remove(settings, "claims", yes=False, dry_run=False, say=print)',
).replace(
    "from orchestration.settings",
    "from orchestration.adopt import steps\nfrom orchestration.settings",
)


@pytest.mark.parametrize("passed", [3, 9])
def test_a_removal_that_was_killed_is_completed_by_the_next(
    desk: Desk, log: Path, tmp_path: Path, passed: int
) -> None:
    """Lists and registers go first: what a kill leaves is read by no refresh."""
    before = tree(desk.root)
    desk.adopt(log)
    home = tmp_path / "killed"
    fault = f"adopt.before_file:kill:{passed}"
    assert adopt_in_child(desk.root, home, log, fault, REMOVE) == -9
    assert before != tree(desk.root)
    listed = (desk.root / "models/processes/core/int_process_events.sql").read_text()
    assert "'claims'" not in listed
    assert adopt_in_child(desk.root, home, log, "", REMOVE) == 0
    assert tree(desk.root) == before
