"""The pages on adding a source, a process and a KPI, followed to the letter on a copy.

Every block under a line that names a file becomes that file; appended rows and list
lines go where the page says; the shell lines are run. What the pages promise must then
be there. Figures are worked out by hand from the five tickets of the page.
"""

from __future__ import annotations

import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.helpers.project_copy import (
    REPOSITORY,
    Project,
    add_to_list,
    append_rows,
    copy_project,
)
from tests.unit.conventions.project import CHECKS
from tests.unit.conventions.project import Project as Files

PAGES = ("docs/add-a-source.md", "docs/add-a-process.md", "docs/add-a-kpi.md")
BLOCK = re.compile(r"((?:^[^\n]+\n)+)\n```(\w*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)
FILE = re.compile(r"`([\w./-]+)`")
APPEND = re.compile(r"Append to `([\w./-]+)`")
LISTED = re.compile(r"to the list `(\w+)` in `([\w./-]+)`")


@dataclass(frozen=True)
class Followed:
    """The copy after the last step, and what each shell line answered."""

    project: Project
    answers: dict[str, subprocess.CompletedProcess[str]]


def blocks(page: str) -> Iterator[tuple[str, str, str]]:
    """(paragraph above, language, text) of each block of a page."""
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    for match in BLOCK.finditer(text):
        yield match[1].strip(), match[2], match[3]


def follow(project: Project, above: str, text: str) -> None:
    """Do what the line above a block says with the block."""
    if lists := LISTED.findall(above):
        (line,) = text.splitlines()
        for name, model in lists:
            add_to_list(project.root / model, name, [line.strip("',")])
    elif append := APPEND.fullmatch(above):
        rows = project.root / "rows.csv"
        rows.write_text(text, encoding="utf-8")
        append_rows(rows, project.root / append[1])
        rows.unlink()
    elif file := FILE.fullmatch(above):
        target = project.root / file[1]
        assert not target.exists(), f"{file[1]} is there already"
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    else:
        pytest.fail(f"nobody can tell what to do with the block under: {above}")


@pytest.fixture(scope="module")
def followed(tmp_path_factory: pytest.TempPathFactory) -> Followed:
    """All pages followed; each shell line is run once, when all files are there."""
    project = copy_project(
        tmp_path_factory.mktemp("docs"), TAKT_PII_KEY="a key for tests only"
    )
    lines: dict[str, None] = {}
    for page in PAGES:
        for above, language, text in blocks(page):
            if language == "sh":
                lines |= dict.fromkeys(text.splitlines())
            else:
                follow(project, above, text)
    answers = {}
    for line in lines:
        command, *arguments = shlex.split(line, comments=True)
        assert command == "takt", line
        answers[line.split("  ")[0]] = project.run(*arguments)
    return Followed(project, answers)


def test_every_shell_line_of_the_pages_succeeds(followed: Followed) -> None:
    assert len(followed.answers) >= 6
    for line, answer in followed.answers.items():
        assert answer.returncode == 0, f"{line}\n{answer.stdout}\n{answer.stderr}"


def test_the_result_keeps_the_conventions_of_the_project(followed: Followed) -> None:
    files = Files(followed.project.root)
    assert [finding for check in CHECKS for finding in check(files)] == []


def test_the_new_kpi_has_the_value_that_the_tickets_have(followed: Followed) -> None:
    """5:48, 49:44, 0:55 and 1:28 hours: 208,500 seconds over four tickets, one open."""
    with followed.project.marts() as connection:
        assert connection.execute(
            """
            select numerator, denominator, counted_count, open_count, round(value, 4)
            from fct_kpi_values
            where kpi_code = 'tickets.resolution_hours' and period_grain = 'month'
            and segment_code = 'all' and period_start = '2026-05-01'
            """
        ).fetchall() == [(208_500, 4, 4, 1, 14.4792)]


def test_a_second_kpi_of_the_process_has_the_value_that_the_tickets_have(
    followed: Followed,
) -> None:
    """28, 10 and 43 minutes by phone, 29 by mail, where one more is not taken yet."""
    with followed.project.marts() as connection:
        assert connection.execute(
            """
            select segment_code, numerator, counted_count, open_count, round(value, 4)
            from fct_kpi_values
            where kpi_code = 'tickets.assignment_minutes' and period_grain = 'month'
            and period_start = '2026-05-01'
            order by segment_code
            """
        ).fetchall() == [
            ("all", 6_600, 4, 1, 27.5),
            ("mail", 1_740, 1, 1, 29.0),
            ("phone", 4_860, 3, 0, 27.0),
        ]


def test_the_core_shows_the_new_process_without_another_line(
    followed: Followed,
) -> None:
    with followed.project.marts() as connection:
        assert connection.execute(
            """
            select from_activity_code, to_activity_code, count(*)
            from fct_process_paths where process_code = 'tickets' group by all
            order by all
            """
        ).fetchall() == [
            ("START", "open", 5),
            ("assign", "close", 4),
            ("close", "END", 4),
            ("open", "OPEN", 1),
            ("open", "assign", 4),
        ]


def test_columns_left_out_of_the_contract_are_recorded_and_go_no_further(
    followed: Followed,
) -> None:
    (batch,) = followed.project.ledger(
        "select rows_in, loaded, extra_columns, lake_path from batches"
    )
    assert (batch["rows_in"], batch["loaded"]) == (5, 5)
    assert json.loads(str(batch["extra_columns"])) == ["Requester"]


BROKEN = {
    # A renamed column; a bad date; nothing; the same file again.
    "tickets_202601.csv": lambda text: text.replace("Opened", "Created"),
    "tickets_202602.csv": lambda text: text.replace("04/05/2026 10:01", "soon"),
    "tickets_202603.csv": lambda text: "",
    "tickets_202605_r2.csv": lambda text: text,
}
# Run inside the copy, where the suite of the page is.
TAKE_IN = """
import json
from orchestration.contract import load_contracts
from orchestration.gate import judge_new
from orchestration.ingest import ingest_arrivals
from orchestration.ledger import Ledger
from orchestration.settings import load_settings

if __name__ == "__main__":
    settings = load_settings()
    manifest = json.loads((settings.dbt_target / "manifest.json").read_text())
    exports = [e for e in load_contracts(manifest) if e.source == "desk"]
    with Ledger.open(settings.ledger_path) as ledger:
        ingest_arrivals(settings, ledger, exports, "broken")
        judge_new(settings, ledger, exports, "broken")
"""


def test_what_is_broken_on_purpose_ends_as_the_page_says(followed: Followed) -> None:
    """Refused, a reject, refused, no change."""
    project = followed.project
    good = (project.exports / "desk/tickets_202605.csv").read_text(encoding="utf-8")
    for name, spoil in BROKEN.items():
        (project.exports / "desk" / name).write_text(spoil(good), encoding="utf-8")
    (project.root / "take_in.py").write_text(TAKE_IN, encoding="utf-8")
    done = project.python("take_in.py")
    assert done.returncode == 0, done.stderr
    outcomes = {
        Path(str(row["path"])).name: (row["outcome"], row["refusal_message"])
        for row in project.ledger("select * from files where run_id = 'broken'")
    }
    outcome, message = outcomes["tickets_202601.csv"]
    assert outcome == "refused"
    assert "Opened" in message
    assert "Created" in message
    rejects = project.ledger(
        "select rejects.record_no, rejects.column_name from rejects"
    )
    assert rejects == [{"record_no": 2, "column_name": "opened_at"}]
    assert outcomes["tickets_202603.csv"][0] == "refused"
    assert outcomes["tickets_202605_r2.csv"][0] == "known"
