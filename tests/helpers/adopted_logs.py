"""Logs adopted one after the other into one copy of the project, without a terminal.

Which logs, with which decisions: those of the tutorial, one that calls for every
template and, where they are there, the real ones. One refresh publishes them all, a
second one the KPIs that were accepted.
"""

from __future__ import annotations

import csv
import json
import re
import shlex
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from tests.helpers.parsed import remember
from tests.helpers.project_copy import REPOSITORY, Project, copy_project
from tests.helpers.synthetic_logs import moment
from tests.integration.test_candidates import drawn

TUTORIAL = "docs/from-log-to-kpis.md"
BLOCK = re.compile(
    r"(?:`([\w./]+)`\n\n)?^```(\w+)\n(.*?)^```$", re.DOTALL | re.MULTILINE
)


@dataclass(frozen=True)
class Decided:
    """A published log, the process it becomes, and what its adopter says."""

    log: str
    process: str
    flags: str
    refused: str = ""


LOGS = (
    Decided("production_levy/Production_a.csv", "jobs", "--timezone UTC --end End"),
    Decided(
        "receipt_permit/receipt.csv",
        "permits",
        "--timezone Europe/Amsterdam --end case:enddate",
    ),
    Decided(
        "bpic2012_loan/bpic2012.xes.gz",
        "loans",
        "--timezone Europe/Amsterdam --end A_APPROVED --end A_DECLINED "
        "--end A_CANCELLED",
    ),
    Decided(
        "incident_uci/incident_event_log.csv.gz",
        "incidents",
        "--timezone UTC --end Resolved",
    ),
    Decided(
        "bpic2013_volvo/bpic2013_closed_problems.xes.gz",
        "problems",
        "--timezone Europe/Stockholm --end 'Completed / Closed'",
    ),
    Decided(
        "olist_sample/olist_orders_dataset.csv",
        "market",
        "--timezone America/Sao_Paulo --due order_estimated_delivery_date "
        "--milestone purchase=order_purchase_timestamp "
        "--milestone approve=order_approved_at "
        "--milestone hand_over=order_delivered_carrier_date "
        "--milestone deliver=order_delivered_customer_date",
    ),
    Decided(
        "scms_procurement/SCMS_Delivery_History_Dataset.csv",
        "supply",
        "--timezone UTC --due 'Scheduled Delivery Date' "
        "--milestone 'quote=PQ First Sent to Client Date' "
        "--milestone 'order=PO Sent to Vendor Date' "
        "--milestone 'deliver=Delivered to Client Date' "
        "--milestone 'record=Delivery Recorded Date'",
    ),
    Decided(
        "online_retail/online_retail_first_240007_lines.parquet",
        "retail",
        "--timezone UTC",
        refused="no_case_id",
    ),
    Decided("formats/call_centre_demo.xlsx", "phone", "--timezone UTC", "no_case_id"),
    Decided("formats/recruiting-red.jsonocel", "jobads", "", "object_centric"),
)
# A log of tickets that calls for every template.
TICKETS = (
    "--timezone Asia/Shanghai --case Request --activity Step --timestamp Done "
    "--start Begun --resource Who --org-unit Team --due Deadline --outcome Outcome "
    "--requester Customer --score Score --cost Cost --end Finish --end Withdraw "
    "--cancelled Withdraw"
)
Answer = subprocess.CompletedProcess


@dataclass
class Adopted:
    """The copy, and what each adoption and each line of the tutorial answered."""

    project: Project
    real: dict[str, Answer[str]] = field(default_factory=dict)
    tickets: list[Answer[str]] = field(default_factory=list)
    tutorial: dict[str, Answer[str]] = field(default_factory=dict)


def blocks(page: str) -> Iterator[tuple[str, str, str]]:
    """(file named above, language, text) of each block of a page."""
    text = (REPOSITORY / page).read_text(encoding="utf-8")
    for match in BLOCK.finditer(text):
        yield match[1] or "", match[2], match[3]


def adopt_all(root: Path, real: Path | None) -> Adopted:
    """Adopt the real logs in `real`, then follow the tutorial, refresh included."""
    done = Adopted(copy_project(root, TAKT_PII_KEY="a key for tests only"))
    for one in LOGS if real else ():
        done.real[one.process] = done.project.run(
            *("adopt", str(real / one.log), "--process", one.process, "--yes"),
            *shlex.split(one.flags),
        )
    _adopt_tickets(done)
    for file, language, text in blocks(TUTORIAL):
        if file:
            (root / file).write_text(text, encoding="utf-8")
        elif language == "sh":
            for line in text.splitlines():
                command, *arguments = shlex.split(line)
                run = done.project.run if command == "takt" else done.project.python
                assert command in {"takt", "python"}, line
                if "--accept" in arguments:
                    _accept_tickets(done)
                done.tutorial[line] = run(*arguments)
    return done


def _adopt_tickets(done: Adopted) -> None:
    """Adopt the drawn log; then do by hand what no flag says.

    Which step is an approval is for people to say, and so is that its resources are no
    people: a pseudonym of a system is no system.
    """
    root = done.project.root
    with (root / "tickets.csv").open("w", newline="") as stream:
        writer = csv.writer(stream)
        names = "Request Step Begun Done Who Team Deadline Outcome Customer Score Cost"
        writer.writerow(names.split())
        for number, one in enumerate(drawn()[1]):
            known = [moment(one["due"]), one["outcome"], one["requester"]]
            known += [one["score"], f"{one['cost'] / 100:.2f}"]
            for event in one["events"]:
                step = [event.activity, moment(event.start), moment(event.end)]
                who = [event.resource, event.unit]
                writer.writerow([f"R{number:04}", *step, *who, *known])
    answer = done.project.run(
        *("adopt", "tickets.csv", "--process", "tickets", "--yes"),
        *shlex.split(TICKETS),
    )
    assert answer.returncode == 0, answer.stdout + answer.stderr
    done.tickets.append(answer)
    edit(
        root / "seeds/process_steps.csv",
        r"(\ntickets,approve,.*),work,,",
        r"\1,approval,1,",
    )
    edit(
        root / "models/staging/tickets/_tickets__sources.yml",
        r"(header: Who\n +)pii: hash",
        r"\1pii: keep",
    )


def edit(path: Path, pattern: str, text: str) -> None:
    """Change a file as a person would; fails if there is nothing to change."""
    changed, count = re.subn(pattern, text, path.read_text(encoding="utf-8"))
    assert count == 1, f"{path}: {pattern}"
    path.write_text(changed, encoding="utf-8")


def _accept_tickets(done: Adopted) -> None:
    """Accept all that is measured of the drawn log, but for what no model can be."""
    with done.project.marts() as connection:
        found = connection.execute(
            "select candidate_id from fct_kpi_candidates where process_code = "
            "'tickets' and status <> 'refused' and template_code <> 'T15'"
        ).fetchall()
    ids = ",".join(sorted(one for (one,) in found))
    for _ in range(2):
        arguments = ("adopt", "--process", "tickets", "--accept", ids)
        done.tickets.append(done.project.run(*arguments))


# Run inside the copy: empty tables are all that dbt needs to learn columns.
UNIT_TESTS = """
import json
import sys
from datetime import UTC, datetime
from pathlib import Path

import yaml
from dbt.cli.main import dbtRunner

from orchestration.build import parse_project, write_sources
from orchestration.contract import load_contracts
from orchestration.ledger import Ledger
from orchestration.settings import load_settings

folder = Path(sys.argv[1])
path = folder / "candidate_file.duckdb"
settings = load_settings(home=folder / "home")
project = parse_project(settings)
exports = load_contracts(project.contents)
as_of = datetime(2026, 6, 30, 18, tzinfo=UTC)
with Ledger.open(settings.ledger_path) as ledger:
    write_sources(path, exports, [], ledger, as_of, "test", {})
output = {"type": "duckdb", "path": str(path), "schema": "main", "threads": 2}
name = yaml.safe_load(Path("dbt_project.yml").read_text())["profile"]
profile = {name: {"target": "run", "outputs": {"run": output}}}
(folder / "profiles.yml").write_text(yaml.safe_dump(profile))
common = ["--quiet", "--profiles-dir", str(folder), "--target-path", str(folder / "t")]
common += ["--vars", json.dumps({"as_of": "2026-06-30 18:00:00", "timezone": "UTC"})]
select = [f"path:{one}" for one in sys.argv[2:]]
kinds = ["--resource-type", "seed", "--resource-type", "model"]
above = [f"+{one}" for one in select]
runner = dbtRunner(manifest=project.manifest)
built = runner.invoke(["build", "--empty", *common, *kinds, "--select", *above])
assert built.success, built.exception
kinds = ["--resource-type", "unit_test"]
tested = runner.invoke(["test", *common, *kinds, "--select", *select])
print(json.dumps([[one.node.unique_id, one.status] for one in tested.result]))
"""


def unit_tests(done: Adopted, folder: Path, models: list[str]) -> dict[str, str]:
    """Every dbt unit test below these folders of the copy, and how it ended."""
    script = done.project.root / "unit_tests.py"
    script.write_text(UNIT_TESTS, encoding="utf-8")
    remember(folder / "home")
    answer = done.project.python(script.name, str(folder), *models)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    return dict(json.loads(answer.stdout.splitlines()[-1]))
