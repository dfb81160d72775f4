"""The scorecard is a part of the version: hashed, sealed, verified, never rewritten.

Crashes around it are among the points of `test_publish_faults`.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from orchestration.ledger import Ledger
from orchestration.publish import publish, read_manifest, verify
from orchestration.scorecard import facts
from orchestration.scorecard.site import build_site
from tests.faults.tiny import TinySettings, contents, night, version_path
from tests.faults.tiny_fixtures import Waiting


def problems(settings: TinySettings) -> tuple[str, ...]:
    with Ledger.open(settings.ledger_path) as ledger:
        return verify(settings, ledger).problems


def test_every_page_is_in_the_manifest_and_nobody_may_write_it(
    tiny: TinySettings,
) -> None:
    folder = version_path(tiny, 1)
    pages = {
        path.relative_to(folder).as_posix()
        for path in (folder / "scorecard").rglob("*")
        if path.is_file()
    }
    assert "scorecard/en/index.html" in pages
    assert pages <= set(read_manifest(folder)["files"])
    modes = {
        path.stat().st_mode & 0o777: path.is_dir()
        for path in [folder, *folder.rglob("*")]
    }
    assert modes == {0o555: True, 0o444: False}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda page: page.write_text("<p>better</p>"), "was changed"),
        (lambda page: page.unlink(), "is missing"),
        (lambda page: page.with_name("x.html").write_text("x"), "was added"),
        (lambda page: page.chmod(0o644), "is writable"),
    ],
)
def test_a_page_that_was_touched_is_noticed(
    change, message: str, tiny: TinySettings
) -> None:
    page = version_path(tiny, 1) / "scorecard" / "zh" / "index.html"
    page.parent.chmod(0o755)
    page.chmod(0o644)
    change(page)
    if page.exists() and message != "is writable":
        page.chmod(0o444)
    (problem,) = [one for one in problems(tiny) if message in one]
    assert "scorecard/zh/" in problem


def test_a_version_gives_its_pages_again_byte_for_byte(
    tiny: TinySettings, tmp_path: Path
) -> None:
    """From the version alone: its marts and the facts frozen beside them."""
    folder = version_path(tiny, 1)
    seen = json.loads((folder / facts.FACTS_FILE).read_text("utf-8"))
    build_site(folder / "marts.duckdb", seen, tmp_path / "again")
    assert contents(tmp_path / "again") == contents(folder / "scorecard")


def test_the_facts_tell_files_verdicts_and_earlier_versions(
    tiny: TinySettings,
) -> None:
    night(tiny, "second")
    seen = json.loads((version_path(tiny, 2) / facts.FACTS_FILE).read_text("utf-8"))
    assert [one["version"] for one in seen["versions"]] == [1]
    (sales,) = [one for one in seen["exports"] if one["code"] == "shop.sales"]
    assert [(one["verdict"], one["rows_loaded"]) for one in sales["files"]] == [
        ("PASS", 2),
        ("PASS", 2),
    ]


def test_pages_that_cannot_be_written_refuse_the_version(
    waiting: Waiting, tiny: TinySettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from orchestration.scorecard import site
    from orchestration.scorecard.texts import TextError

    def lacking(*_: object) -> None:
        raise TextError("No text 'status.odd' in zh")

    before = contents(version_path(tiny, 1))
    monkeypatch.setattr(site, "build_site", lacking)
    built = waiting.candidate_in(tiny)
    with Ledger.open(tiny.ledger_path) as ledger:
        ledger.start_run(built.run_id, built.as_of, os.getpid())
        with pytest.raises(TextError, match=r"status\.odd"):
            publish(tiny, ledger, built)
    assert contents(version_path(tiny, 1)) == before
    assert problems(tiny) == ()
    assert not version_path(tiny, 2).exists()
