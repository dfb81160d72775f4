"""Sources and packs that others add keep the conventions of the project."""

from __future__ import annotations

from tests.real.nights import Night
from tests.unit.conventions.project import CHECKS, Project


def test_the_project_with_all_overlays_keeps_its_conventions(
    full_night: Night,
) -> None:
    project = Project(full_night.project.root)
    assert [finding for check in CHECKS for finding in check(project)] == []
