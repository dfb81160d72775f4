"""What each command of `takt` says and how it ends, to the person who typed it."""

from __future__ import annotations

import csv
import io
import json
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from orchestration import cli, report
from orchestration.contract import Export
from orchestration.ledger import Ledger, Reject, utc_text
from orchestration.locks import run_lock
from orchestration.refresh import Held, Run
from orchestration.settings import Settings
from tests.faults.tiny import (
    AS_OF,
    TinySettings,
    deliver,
    exports_of,
    night,
    sale,
    tiny_settings,
    version_path,
)

FAILED_EXPECTATION = {
    "part": "batch",
    "type": "expect_column_values_to_not_be_null",
    "columns": ["cents"],
    "notes": "A sale without price is missing from the turnover.",
    "severity": "critical",
    "success": False,
    "observed": None,
    "allowed": {"mostly": 0.95},
    "unexpected_count": 2,
    "unexpected_percent": 50.0,
    "tested": 4,
}
PASSED_EXPECTATION = {
    **FAILED_EXPECTATION,
    "part": "delivery",
    "type": "expect_column_values_to_be_between",
    "columns": ["volume_ratio"],
    "notes": "A part of the sales.",
    "success": True,
    "observed": 0.98765,
    "allowed": {
        "max_value": 1.8,
        "min_value": 0.6,
        "row_condition": {
            "column": {"name": "previous_rows"},
            "operator": ">=",
            "parameter": 30,
            "type": "comparison",
        },
    },
}


@pytest.fixture(scope="module")
def two_nights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with two versions; the newest file of shop.sales was quarantined."""
    settings = tiny_settings(tmp_path_factory.mktemp("nights") / "home")
    sales = exports_of(settings)["sales"]
    deliver(settings, sales, "20260301", [sale("a"), sale("b")])
    night(settings, "first")
    deliver(settings, sales, "20260302", [sale("c")])
    night(settings, "second")
    deliver(settings, sales, "20260303", [sale("d")], verdict=None)
    with Ledger.open(settings.ledger_path) as ledger:
        batch = ledger.batches(sales)[-1]
        ledger.record_verdict(
            batch,
            suite_hash="5" * 64,
            verdict="FAIL",
            expected=2,
            evaluated=2,
            results={
                "reasons": ["cents: 2 of 4 (50.0 %), at most 5 %."],
                "expectations": [PASSED_EXPECTATION, FAILED_EXPECTATION],
            },
            run_id="third",
        )
    return settings.home


@pytest.fixture
def tiny(
    two_nights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> TinySettings:
    """Settings of a copy of `two_nights`; the commands work on it."""
    shutil.copytree(two_nights, tmp_path / "home", symlinks=True)
    settings = tiny_settings(tmp_path / "home")
    known: list[Export] = list(exports_of(settings).values())
    monkeypatch.setattr(cli, "settings_of", lambda as_of=None: settings)
    monkeypatch.setattr(cli, "contracts", lambda settings: known)
    return settings


def takt(*arguments: str) -> Result:
    return CliRunner().invoke(cli.app, list(arguments), prog_name="takt")


def said(result: Result) -> str:
    """Both streams, with every run of blanks as one, for tables."""
    return " ".join((result.stdout + result.stderr).split())


# ---------------------------------------------------------------- usage


def test_without_a_command_it_lists_all_and_the_exit_codes():
    text = said(takt("--help"))
    for name in ("demo", "refresh", "status", "gate", "rejects", "query", "versions"):
        assert f" {name} " in text
    for name in ("verify", "rollback", "pin", "unpin", "prune", "dev"):
        assert f" {name} " in text
    for code in ("0 done", "1 failed", "2 wrong usage", "3 published, but", "75 an"):
        assert code in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["refrsh"], "Did you mean 'refresh'?"),
        (["refresh", "now"], "unexpected extra argument"),
        (["rejects"], "Missing argument 'SOURCE'"),
        (
            ["rejects", "shop", "--limit", "0"],
            "'-n': Input should be greater",
        ),
        (["query"], "Missing argument 'SQL'"),
        (["query", "select 1", "--format", "xml"], "'table', 'csv', 'json'"),
        (["verify", "last"], "for 'VERSION': Input should be a valid integer"),
        (
            ["gate", "nope"],
            "'nope'; there are shop.returns, shop.sales",
        ),
        (["rejects", "shop.nope"], "no source or export 'shop.nope'"),
        (["dev", "--port", "99999"], "'--port': Input should be less"),
    ],
)
def test_wrong_usage_ends_with_2_and_names_the_word(tiny, arguments, message):
    result = takt(*arguments)
    assert result.exit_code == 2
    assert message in said(result)


def test_a_wrong_moment_is_blamed_by_the_name_that_was_typed():
    result = takt("refresh", "--as-of", "tomorrow")
    assert result.exit_code == 2
    assert '--as-of "tomorrow": not allowed' in result.stderr
    assert "TAKT_AS_OF" not in result.stderr


@pytest.mark.parametrize(
    ("variable", "value", "message"),
    [
        ("TAKT_THREADS", "0", 'TAKT_THREADS = "0": not allowed; allowed: a whole'),
        ("TAKT_MEMORY_LIMT", "4GB", "the nearest is TAKT_MEMORY_LIMIT"),
    ],
)
def test_a_wrong_setting_ends_every_command_with_2(
    monkeypatch, variable, value, message
):
    monkeypatch.setenv(variable, value)
    for arguments in (["refresh"], ["status"], ["query", "select 1"], ["prune"]):
        result = takt(*arguments)
        assert result.exit_code == 2, arguments
        assert message in result.stderr


@pytest.mark.parametrize("command", ["status", "versions", "verify", "rollback", "pin"])
def test_before_the_first_refresh_a_command_says_what_to_do_and_creates_nothing(
    monkeypatch, tmp_path, command
):
    monkeypatch.setenv("TAKT_HOME", str(tmp_path / "home"))
    result = takt(command)
    assert result.exit_code == 1
    assert "Run `takt refresh`" in result.stderr
    assert not (tmp_path / "home").exists()


# ---------------------------------------------------------------- status, gate, rejects


def test_status_tells_freshness_version_and_last_run(tiny):
    with Ledger.open(tiny.ledger_path) as ledger:
        ledger.start_run("third", AS_OF, 1)
        ledger.set_stage("third", "build")
        ledger.end_run("third", "failed", "the disk is full")
    result = takt("status")
    text = said(result)
    assert result.exit_code == 0
    assert "shop.sales 20260302 2026-03-03 00:00 FAIL gate failed" in text
    assert "shop.returns never – never delivered" in text
    assert "Current version 2 as of 2026-03-10 00:00" in text
    assert "Last run third" in text
    assert "failed in stage build: the disk is full" in text


def test_gate_without_source_is_one_line_per_export(tiny):
    result = takt("gate")
    assert result.exit_code == 0
    assert "shop.sales shop/sales/sales_20260303_r1.csv FAIL cents: 2 of 4" in said(
        result
    )
    assert "turnover" not in result.stdout


def test_gate_with_source_shows_expected_observed_and_allowed_failures_first(tiny):
    lines = takt("gate", "shop.sales").stdout.splitlines()
    failed = next(line for line in lines if line.startswith("FAIL"))
    passed = next(line for line in lines if line.startswith("PASS"))
    assert lines.index(failed) < lines.index(passed)
    assert "critical cents not be null 2 of 4 off at most 5 % off A sale without" in (
        " ".join(failed.split())
    )
    assert "be between 0.9877 ≥ 0.6; ≤ 1.8; where previous_rows >= 30 A part" in (
        " ".join(passed.split())
    )


def test_gate_all_shows_the_older_files_too(tiny):
    text = said(takt("gate", "shop.sales", "--all"))
    for day in ("01", "02", "03"):
        assert f"sales_202603{day}_r1.csv" in text


def test_rejects_name_record_column_and_rule_up_to_the_limit(tiny):
    sales = exports_of(tiny)["sales"]
    with Ledger.open(tiny.ledger_path) as ledger:
        batch = ledger.batches(sales)[0]
        found = [
            Reject(record_no=n, byte_position=None, column_name="cents", rule="bad_sum")
            for n in (4, 9, 11)
        ]
        plant_rejects(ledger, batch.seq, found)
        ledger.record_file(
            source="shop",
            export="sales",
            path="shop/sales/sales_20260304.csv",
            logical_name="shop/sales/sales_20260304.csv",
            revision=1,
            period="20260304",
            sha256="f" * 64,
            contract_hash=sales.contract_hash,
            reading_hash="r",
            outcome="refused",
            refusal_code="header_differs",
            refusal_message="price is missing",
            first_seen_at=utc_text(datetime(2026, 3, 5, tzinfo=UTC)),
            run_id="planted",
        )
    result = takt("rejects", "shop", "--limit", "2")
    text = said(result)
    assert result.exit_code == 0
    assert "sales_20260304.csv header differs: price is missing" in text
    assert "3 of 5 records rejected: 3 bad sum in cents" in text
    assert "4 cents bad sum 9 cents bad sum and 1 more; --limit 3 shows all" in text
    assert "11 cents" not in text


def plant_rejects(ledger: Ledger, seq: int, rejects: list[Reject]) -> None:
    with ledger.transaction() as connection:
        connection.execute(
            "update batches set rejected = ?, rows_in = rows_in + ? where seq = ?",
            (len(rejects), len(rejects), seq),
        )
        connection.executemany(
            "insert into rejects values (?, ?, ?, ?, ?)",
            [
                (seq, one.record_no, one.byte_position, one.column_name, one.rule)
                for one in rejects
            ],
        )


def test_rejects_of_a_clean_source_say_so(tiny):
    assert takt("rejects", "shop.sales").stdout == (
        "No file was refused and no record rejected.\n"
    )


# ---------------------------------------------------------------- query

SQL = "select shop_code, null as note, 1.5 as share from dim_shops order by shop_code"


def test_query_as_table_counts_its_rows_and_names_the_version(tiny):
    result = takt("query", SQL)
    assert result.exit_code == 0
    assert "north NULL 1.5" in said(result)
    assert result.stdout.splitlines()[-1].endswith("1 row · version 2")


def test_query_as_csv_and_json_is_for_programs(tiny):
    rows = list(csv.DictReader(io.StringIO(takt("query", SQL, "-f", "csv").stdout)))
    found = json.loads(takt("query", SQL, "--format", "json").stdout)
    assert [row["shop_code"] for row in rows] == [row["shop_code"] for row in found]
    assert {row["note"] for row in rows} == {""}
    assert {row["note"] for row in found} == {None}


def test_text_that_a_spreadsheet_would_run_is_disarmed_in_csv(tiny):
    result = takt("query", "select '=1+1' as a, -2 as b", "-f", "csv")
    assert result.stdout == "a,b\n'=1+1,-2\n"


@pytest.mark.parametrize(
    ("sql", "message"),
    [
        ("selec 1", 'syntax error at or near "selec"'),
        ("select * from fct_sale", "Did you mean"),
        ("", "One statement is expected, not 0."),
        ("select 1; select 2", "One statement is expected, not 2."),
        ("drop table dim_shops", "read-only mode"),
        ("create table t as select 1", "read-only mode"),
        ("update dim_shops set shop_code = 'x'", "read-only mode"),
        ("select * from read_csv('/etc/passwd')", "file system operations are disab"),
        ("copy dim_shops to '/tmp/out.csv'", "file system operations are disabled"),
        ("attach '/tmp/other.duckdb'", "file system operations are disabled"),
        ("set enable_external_access = true", "configuration has been locked"),
        ("install httpfs", "disabled"),
    ],
)
def test_a_bad_or_forbidden_statement_ends_with_1_and_the_reason(tiny, sql, message):
    before = contents(tiny)
    result = takt("query", sql)
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith("takt: ")
    assert message in result.stderr
    assert "Traceback" not in result.stderr
    assert contents(tiny) == before


def contents(settings: Settings) -> dict[str, bytes]:
    files = (settings.published / "versions").rglob("*")
    return {str(path): path.read_bytes() for path in files if path.is_file()}


def test_query_without_a_version_says_what_to_do(tiny):
    shutil.rmtree(tiny.published / "versions", onerror=make_writable)
    result = takt("query", "select 1")
    assert result.exit_code == 1
    assert "Run `takt refresh` first." in result.stderr


def make_writable(function, path, _error):
    Path(path).parent.chmod(0o755)
    function(path)


# ---------------------------------------------------------------- scorecard


def test_scorecard_path_is_the_overview_of_the_current_version(tiny):
    result = takt("scorecard", "--path", "--language", "zh")
    assert result.exit_code == 0
    page = Path(result.stdout.strip())
    assert page.resolve() == version_path(tiny, 2) / "scorecard" / "zh" / "index.html"


def test_scorecard_without_a_version_says_what_to_do(tiny):
    (tiny.published / "current").unlink()
    result = takt("scorecard")
    assert result.exit_code == 1
    assert "Run `takt refresh` first." in result.stderr


def test_scorecard_is_served_to_this_machine_only(tiny):
    """Pages of the current version; no listing, nothing above, no other host's name."""
    from http.client import HTTPConnection
    from threading import Thread

    from orchestration.scorecard.serve import server

    def ask(path: str, host: str = "127.0.0.1") -> tuple[int, bytes]:
        connection = HTTPConnection("127.0.0.1", pages.server_port, timeout=10)
        connection.request("GET", path, headers={"Host": f"{host}:8300"})
        answer = connection.getresponse()
        return answer.status, answer.read()

    with server(tiny, 0) as pages:
        Thread(target=pages.serve_forever, daemon=True).start()
        shown = version_path(tiny, 2) / "scorecard" / "en" / "index.html"
        assert ask("/en/index.html") == (200, shown.read_bytes())
        assert ask("/en/index.html", "evil.example")[0] == 421
        assert ask("/assets/")[0] == 404
        assert ask("/../manifest.json")[0] == 404
        assert pages.server_address[0] == "127.0.0.1"
        taken = takt("scorecard", "--port", str(pages.server_port))
        assert taken.exit_code == 1
        assert "--port" in taken.stderr
        pages.shutdown()


# ---------------------------------------------------------------- versions


def test_versions_are_listed_newest_first_with_the_current_one_marked(tiny):
    lines = [" ".join(line.split()) for line in takt("versions").stdout.splitlines()]
    assert lines[1].startswith("2 published current 2026-03-10 00:00")
    assert lines[2].startswith("1 published 2026-03-10 00:00")


def test_verify_tells_intact_from_changed(tiny):
    assert takt("verify").stdout.startswith("Version 2 is intact: ")
    assert takt("verify", "1").exit_code == 0
    folder = version_path(tiny, 1)
    folder.chmod(0o755)
    (folder / "manifest.json").chmod(0o644)
    (folder / "manifest.json").write_text("{}")
    result = takt("verify", "1")
    assert result.exit_code == 1
    assert "manifest.json" in result.stderr
    assert takt("verify").exit_code == 0


@pytest.mark.parametrize("command", ["verify", "rollback"])
def test_a_missing_version_is_named_with_those_that_exist(tiny, command):
    result = takt(command, "9")
    assert result.exit_code == 1
    assert "There is no version 9; kept are: 2, 1." in result.stderr


def test_rollback_pins_and_unpin_lets_go(tiny):
    result = takt("rollback", "--reason", "June has the wrong calendar")
    assert result.exit_code == 0
    assert "Version 1 is current and pinned" in result.stdout
    assert "takt unpin" in result.stdout
    assert "version 1" in takt("query", "select 1").stdout
    status = takt("status").stdout
    assert "Pinned: June has the wrong calendar. Next: takt unpin" in status
    assert "current, pinned" in takt("versions").stdout

    again = takt("rollback")
    assert again.exit_code == 1
    assert "no older version" in again.stderr

    assert "the next refresh publishes" in takt("unpin").stdout
    twice = takt("unpin")
    assert (twice.exit_code, twice.stderr) == (1, "takt: No version is pinned.\n")


def test_pin_keeps_the_current_version_and_says_why(tiny):
    assert takt("pin", "-r", "closing of the year").stdout == "Version 2 is pinned.\n"
    assert "Pinned: closing of the year." in takt("status").stdout


def test_prune_says_what_it_would_delete_and_then_deletes_it(tiny):
    assert takt("prune").stdout == "Nothing is old enough to be deleted.\n"
    with Ledger.open(tiny.ledger_path) as ledger:
        for number in range(3, 18):
            ledger.record_version(
                run_id=f"night-{number}",
                as_of=AS_OF,
                code_version="c",
                manifest_sha256="0",
            )
        # Version 3 is the last of that month, version 2 the current one.
        old = utc_text(datetime.now(UTC) - timedelta(days=60))
        with ledger.transaction() as connection:
            connection.execute(
                "update versions set published_at = ? where version <= 3", (old,)
            )
    dry = takt("prune", "--dry-run").stdout
    assert dry.startswith("Would delete versions: 1; lake files: 0; ")
    assert version_path(tiny, 1).exists()
    assert takt("prune").stdout == dry.replace("Would delete", "Deleted")
    assert not version_path(tiny, 1).exists()
    gone = takt("rollback", "1")
    assert gone.exit_code == 1
    assert "There is no version 1" in gone.stderr or "pruned" in gone.stderr


# ---------------------------------------------------------------- refresh


def finish(monkeypatch: pytest.MonkeyPatch, act: object) -> None:
    """Let `takt refresh` do `act(run)` instead of its stages."""
    from orchestration import definitions

    monkeypatch.setattr(Run, "prepare", lambda self: {})
    monkeypatch.setattr(definitions, "execute", act)


def test_a_published_refresh_ends_with_0_and_says_where_everything_is(
    tiny, monkeypatch
):
    def act(run: Run) -> None:
        run.report.version, run.report.folder = 2, version_path(tiny, 2)

    finish(monkeypatch, act)
    result = takt("refresh")
    assert result.exit_code == 0
    assert "Published version 2 as of" in result.stdout
    assert str(version_path(tiny, 2)) in result.stdout
    assert "Log" in result.stdout


def test_a_held_source_ends_with_3_and_names_file_reason_and_next_step(
    tiny, monkeypatch
):
    def act(run: Run) -> None:
        run.report.version, run.report.folder = 2, version_path(tiny, 2)
        run.report.held = [
            Held("shop.sales", "gate_failed", "shop/s.csv", "cents: 2 of 4", AS_OF)
        ]

    finish(monkeypatch, act)
    result = takt("refresh")
    assert result.exit_code == 3
    assert "Held back: shop.sales (shop/s.csv): cents: 2 of 4" in result.stdout
    assert "Next: takt gate shop.sales" in result.stdout


def test_several_held_files_of_an_export_are_told_once(tiny, monkeypatch):
    why = "one · two · three"

    def act(run: Run) -> None:
        run.report.version, run.report.folder = 2, version_path(tiny, 2)
        run.report.held = [
            Held("shop.sales", "gate_failed", f"shop/{day}.csv", why, AS_OF)
            for day in (1, 2, 3)
        ]

    finish(monkeypatch, act)
    lines = takt("refresh").stdout.splitlines()
    assert [line for line in lines if "Held back" in line] == [
        "Held back: shop.sales (shop/3.csv and 2 more): one (and 2 more reasons)"
    ]


def test_the_words_of_a_stage_fit_their_numbers():
    from orchestration.refresh import StageReport

    stage = StageReport(
        "ingest", 1.0, {"files seen": 1, "batches": 1, "rows": 1200, "rejected": 0}
    )
    figures = [report._counted(*item) for item in report._shown(stage).items()]
    assert figures == ["1 file seen", "1 batch", "1,200 rows"]


@pytest.mark.parametrize(
    ("grain", "start", "text"),
    [
        ("day", "2026-06-01", "2026-06-01"),
        ("week", "2026-06-01", "week of 2026-06-01"),
        ("month", "2026-06-01", "2026-06"),
        ("quarter", "2026-04-01", "2026-Q2"),
        ("half_year", "2026-07-01", "2026-H2"),
        ("ytd", "2026-06-01", "2026 to 2026-06"),
    ],
)
def test_a_period_reads_as_people_call_it(grain, start, text):
    assert report.period(grain, start) == text


def test_a_failed_refresh_ends_with_1_and_the_log_on_standard_error(tiny, monkeypatch):
    def act(run: Run) -> None:
        run.fail(RuntimeError("Data test unique_x: 3 failing rows"))

    finish(monkeypatch, act)
    result = takt("refresh")
    assert result.exit_code == 1
    assert "3 failing rows" in result.stderr
    assert "Nothing was published; the published version is as it was." in result.stderr
    log = Path(result.stderr.split("Log: ")[1].strip())
    assert "3 failing rows" in log.read_text()


def test_a_second_refresh_gives_way_with_75_and_names_the_first(tiny):
    with (
        Ledger.open(tiny.ledger_path) as ledger,
        run_lock(tiny, ledger, "the-first-run"),
    ):
        for command in (["refresh"], ["rollback"], ["unpin"], ["prune"]):
            result = takt(*command)
            assert result.exit_code == 75, command
            assert "the-first-run" in result.stderr
        assert "At work: run the-first-run" in takt("status").stdout


def test_an_unexpected_error_is_one_line_and_its_traceback_a_file(tiny, monkeypatch):
    def act(run: Run) -> None:
        raise KeyError("nobody thought of this")

    finish(monkeypatch, act)
    monkeypatch.setenv("TAKT_HOME", str(tiny.home))
    result = takt("refresh")
    assert result.exit_code == 1
    assert "Traceback" not in result.stderr
    assert "unexpected KeyError" in result.stderr
    details = Path(result.stderr.split("Details: ")[1].strip())
    assert "nobody thought of this" in details.read_text()


# ---------------------------------------------------------------- demo


@pytest.fixture
def empty(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An exports folder of its own, not there yet."""
    monkeypatch.setenv("TAKT_EXPORTS", str(tmp_path / "exports"))
    monkeypatch.setenv("TAKT_HOME", str(tmp_path / "home"))
    return tmp_path / "exports"


def test_the_demo_says_how_much_it_wrote_and_how_to_go_on(empty):
    result = takt("demo", "--scale", "0.01")
    assert result.exit_code == 0
    assert result.stdout.startswith("Wrote ")
    assert "takt refresh --as-of 2026-07-01T02:00:00+08:00" in result.stdout


def test_the_demo_never_mixes_with_other_files(empty):
    (empty / "erp").mkdir(parents=True)
    (empty / "erp" / "real.csv").write_text("a,b\n")
    result = takt("demo", "--scale", "0.01")
    assert result.exit_code == 2
    assert "holds files that are not the demo's" in result.stderr
    assert [path.name for path in empty.rglob("*.csv")] == ["real.csv"]
    assert takt("demo", "--if-empty").output == ""


def test_a_demo_that_was_interrupted_is_written_again(empty):
    empty.mkdir()
    (empty / cli.DEMO_STAMP).write_text(cli.UNFINISHED)
    (empty / "half.csv").write_text("a,")
    assert takt("demo", "--scale", "0.01", "--if-empty").stdout.startswith("Wrote ")
    assert takt("demo", "--scale", "0.01", "--if-empty").stdout == ""


def test_a_wrong_moment_of_the_demo_is_wrong_usage(empty):
    result = takt("demo", "--as-of", "tomorrow")
    assert result.exit_code == 2
    assert "'tomorrow' is no ISO date or time" in said(result)
    assert not empty.exists()
