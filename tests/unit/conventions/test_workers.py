"""Tests that share a fixture run where it is: it is made once, not once per worker."""

import os

import pytest


def test_tests_of_one_file_stay_on_one_worker(request: pytest.FixtureRequest) -> None:
    """xdist writes the group that it keeps together behind the name of the test."""
    if "PYTEST_XDIST_WORKER" not in os.environ:
        pytest.skip("there are no workers: the tests run in one process")
    assert request.node.nodeid.endswith("@tests/unit/conventions/test_workers.py")
