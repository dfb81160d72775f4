"""Killed or failing at any point of build and publication (faults E1, E2, F3).

After each fault the published version is the old one or the decided new one, whole;
the next ordinary night ends with the rows of a night that was never disturbed.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from orchestration.build import Candidate
from orchestration.faults import POINTS, InjectedFault, passages
from orchestration.ledger import LeaseLostError, Ledger
from orchestration.locks import run_lock
from orchestration.publish import linked_version, publish, verify
from tests.faults.tiny import (
    TinySettings,
    check_intact,
    differences,
    fault,
    in_child,
    night,
    version_path,
)
from tests.faults.tiny_fixtures import Waiting

NIGHT = [
    name
    for name, _ in POINTS
    if name.startswith(("run.", "build.", "publish.")) and name != "publish.after_mart"
]
KILLS = [f"{name}:kill" for name in NIGHT] + [
    "build.after_node:kill:5",
    "publish.after_mart:kill:2",
]
# From here on the ledger has decided: the new version stands.
DECIDED = NIGHT.index("publish.before_flip")
BUILDING = [n for n in NIGHT if n.startswith("build.") or n == "run.after_lock"]
PUBLISHING = [name for name in NIGHT if name.startswith("publish.")]


def killed_night(settings: TinySettings, text: str) -> None:
    with fault(text):
        night(settings, "killed")


def killed_publication(settings: TinySettings, text: str, built: Candidate) -> None:
    with (
        fault(text),
        Ledger.open(settings.ledger_path) as ledger,
        run_lock(settings, ledger, built.run_id) as held,
    ):
        ledger.start_run(built.run_id, built.as_of, os.getpid())
        publish(settings, ledger, built, token=held.token)


def check_whole(settings: TinySettings) -> None:
    """What `current` shows is a whole version, whether or not the ledger agrees."""
    number = linked_version(settings)
    assert number is not None
    with Ledger.open(settings.ledger_path) as ledger:
        assert verify(settings, ledger, number).problems in (
            (),
            verify(settings, ledger).problems,
        )
        row = ledger.version(number)
        assert row is not None
        assert row.state == "published"


def check_no_debris(settings: TinySettings) -> None:
    hidden = [p.name for p in settings.published.rglob(".*")]
    assert hidden == []
    assert not settings.build.exists() or not list(settings.build.iterdir())
    with Ledger.open(settings.ledger_path) as ledger:
        numbers = {str(row.version) for row in ledger.versions()}
        assert {run.outcome for run in ledger.runs()} <= {
            "published",
            "killed",
            "failed",
        }
    folders = {p.name for p in (settings.published / "versions").iterdir()}
    assert folders == numbers


@pytest.mark.parametrize("text", KILLS)
def test_killed_anywhere_readers_see_a_whole_version_and_the_next_night_converges(
    text: str, waiting: Waiting, tiny: TinySettings
) -> None:
    if text.startswith("publish."):
        built = waiting.candidate_in(tiny)
        assert in_child(killed_publication, tiny, text, built) == -9
    else:
        assert in_child(killed_night, tiny, text) == -9
    check_whole(tiny)
    name = text.split(":")[0]
    decided = name in NIGHT[DECIDED:] or name == "run.before_end"
    flipped = decided and name not in ("publish.before_flip", "publish.inside_flip")
    assert linked_version(tiny) == (2 if flipped else 1)

    done = night(tiny, "next")
    assert done.version is not None
    # A number lost to a folder that was never decided is used again.
    assert done.version.number == (3 if decided else 2)
    check_intact(tiny, done.version.number)
    check_no_debris(tiny)
    assert differences(done.version.path, waiting.reference) == {}


@pytest.mark.parametrize("action", ["raise", "enospc"])
def test_a_failing_build_leaves_the_published_version_alone(
    action: str, waiting: Waiting, tiny: TinySettings
) -> None:
    """An error, or a full disk, at every point up to the candidate, in one home."""
    before = version_bytes(tiny, 1)
    for name in BUILDING:
        error = InjectedFault if action == "raise" else OSError
        with fault(f"{name}:{action}"), pytest.raises(error, match="fault at"):
            night(tiny, f"{name}-{action}")
        check_intact(tiny, 1)
        assert version_bytes(tiny, 1) == before
    check_converges(tiny, waiting)


@pytest.mark.parametrize("action", ["raise", "enospc"])
def test_a_failing_publication_leaves_the_published_version_alone(
    action: str, waiting: Waiting, tiny: TinySettings
) -> None:
    """As above, for every point from the candidate to the decision, then after it."""
    before = version_bytes(tiny, 1)
    error = InjectedFault if action == "raise" else OSError
    built = waiting.candidate_in(tiny)
    for name in PUBLISHING:
        with (
            Ledger.open(tiny.ledger_path) as ledger,
            fault(f"{name}:{action}"),
            pytest.raises(error, match="fault at"),
        ):
            publish(tiny, ledger, built)
        assert version_bytes(tiny, 1) == before
        check_whole(tiny)
        if name not in NIGHT[DECIDED:]:
            # Whoever failed before the decision cleans up at once.
            check_intact(tiny, 1)
            assert len(list((tiny.published / "versions").iterdir())) == 1
        else:
            shutil.copytree(waiting.home / "build", tiny.build, dirs_exist_ok=True)
    check_converges(tiny, waiting)


def check_converges(tiny: TinySettings, waiting: Waiting) -> None:
    done = night(tiny, "next")
    assert done.version is not None
    check_intact(tiny, done.version.number)
    check_no_debris(tiny)
    assert differences(done.version.path, waiting.reference) == {}


def version_bytes(settings: TinySettings, number: int | None) -> list[bytes]:
    assert number is not None
    folder: Path = version_path(settings, number)
    return [path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()]


def test_every_point_of_a_night_is_passed_in_an_ordinary_night(
    tiny: TinySettings,
) -> None:
    with fault("recover.before_flip:raise"):
        night(tiny, "counted")
        seen = passages()
    assert [name for name in NIGHT if name not in seen] == []
    assert seen["publish.after_mart"] == 3
    assert seen["build.after_node"] >= 8


def test_a_run_that_wakes_up_after_another_took_over_publishes_nothing(
    waiting: Waiting, tiny: TinySettings
) -> None:
    with Ledger.open(tiny.ledger_path) as ledger, pytest.raises(LeaseLostError):
        publish(tiny, ledger, waiting.candidate_in(tiny), token="an older token")
    check_intact(tiny, 1)
    assert [p.name for p in (tiny.published / "versions").iterdir()] == ["1"]
