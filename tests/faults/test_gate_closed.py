"""Whatever happens to the gate, unjudged bytes are not admitted."""

from __future__ import annotations

import hashlib
import importlib
import itertools
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from orchestration.gate import GateReport, judge_new, reason_of, to_judge
from orchestration.judging import Judgement, Task, read_lake
from orchestration.ledger import Batch, Ledger
from orchestration.settings import Settings
from tests.unit.gate.frames import GOOD, REPOSITORY, contracts, deliver

EXPORTS = contracts()
PICKS = EXPORTS["wms.picks"]
FOUR = ("carrier.shipments", "erp.orders", "survey.delivery", "wms.picks")
CANARY = "Canary-8391-Wang"


@pytest.fixture
def ledger(settings: Settings) -> Any:
    with Ledger.open(settings.ledger_path) as opened:
        yield opened


def run(settings: Settings, ledger: Ledger, *codes: str, **options: Any) -> GateReport:
    """Judge in this process, where great-expectations is imported already."""
    wanted = [EXPORTS[code] for code in codes] if codes else list(EXPORTS.values())
    return judge_new(settings, ledger, wanted, "run", **{"workers": 0, **options})


def verdict_of(ledger: Ledger, batch: Batch) -> str | None:
    newest = ledger.newest_verdict(batch.seq)
    return None if newest is None else newest.verdict


def bad(code: str) -> pd.DataFrame:
    frame = GOOD[code]()
    frame.loc[frame.index < 0.7 * len(frame), "order_no"] = None
    return frame


# D1: one bad source holds back its own file and nothing else.


def _by_order_numbers(task: Task) -> Judgement | None:
    """Half of the suites' answer in a fraction of their time."""
    share = read_lake(task, ["order_no"])["order_no"].isna().mean()
    return Judgement("FAIL" if share > 0.5 else "PASS", "suite", 1, 1)


def test_every_subset_of_bad_sources_holds_exactly_these(
    settings: Settings, ledger: Ledger
) -> None:
    """All 16 subsets of four sources, each as one month of deliveries."""
    codes = FOUR
    months = [f"20{24 + n // 12}{n % 12 + 1:02}" for n in range(2 ** len(codes))]
    subsets = itertools.chain.from_iterable(
        itertools.combinations(codes, size) for size in range(len(codes) + 1)
    )
    planted: dict[int, bool] = {}
    for month, broken in zip(months, subsets, strict=True):
        start = pd.Timestamp(f"{month[:4]}-{month[4:]}-01")
        for code in codes:
            frame = bad(code) if code in broken else GOOD[code]()
            for column in frame.select_dtypes("datetime"):
                frame[column] += start - pd.Timestamp("2026-03-01")
            batch = deliver(settings, ledger, EXPORTS[code], frame, month)
            planted[batch.seq] = code in broken
    seen: list[tuple[str, int, int]] = []
    report = run(
        settings,
        ledger,
        judge=_by_order_numbers,
        workers=2,
        on_progress=lambda *step: seen.append(step),
    )

    held = {seq for seq in planted if not ledger.admitted(ledger.batch(seq))}
    assert held == {seq for seq, is_bad in planted.items() if is_bad}
    assert report.counts() == {"FAIL": 32, "PASS": 32}
    assert len(report.held) == 32
    for code in codes:
        in_force = {batch.seq for batch in ledger.batches_in_force(EXPORTS[code])}
        good = {b.seq for b in ledger.batches(EXPORTS[code])} - held
        assert in_force == good
        assert [step for step in seen if step[0] == code][-1] == (code, 16, 16)


def test_a_correction_is_admitted_and_replaces_the_held_file(
    settings: Settings, ledger: Ledger
) -> None:
    first = deliver(settings, ledger, PICKS, bad("wms.picks"))
    assert [one.verdict for one in run(settings, ledger).judged] == ["FAIL"]
    assert ledger.batches_in_force(PICKS) == []
    second = deliver(settings, ledger, PICKS, GOOD["wms.picks"](), revision=2)
    report = run(settings, ledger)
    assert [(one.path, one.verdict) for one in report.judged] == [
        ("wms/picks_202603_r2.csv.gz", "PASS")
    ]
    assert ledger.batches_in_force(PICKS) == [second]
    assert verdict_of(ledger, first) == "FAIL"


def test_the_usual_volume_counts_admitted_files_of_the_same_grain(
    settings: Settings, ledger: Ledger
) -> None:
    """Three months of 200 rows are usual; 62 rows of a month are 31 % of that.

    A month that is itself held does not become usual, and a day is compared with days.
    """
    for month in ("202512", "202601", "202602"):
        deliver(settings, ledger, PICKS, moved(GOOD["wms.picks"](), month), month)
    thin = moved(GOOD["wms.picks"](62), "202603")
    third = deliver(settings, ledger, PICKS, thin, "202603")
    again = moved(GOOD["wms.picks"](63), "202604")
    fourth = deliver(settings, ledger, PICKS, again, "202604")
    one_day = GOOD["wms.picks"](9)
    for column in one_day.select_dtypes("datetime"):
        one_day[column] = pd.Timestamp("2026-05-01 04:00")
    day = deliver(settings, ledger, PICKS, one_day, "20260501")
    run(settings, ledger)
    for batch, ratio in ((third, 0.31), (fourth, 0.315)):
        verdict = ledger.newest_verdict(batch.seq)
        assert verdict is not None
        assert verdict.verdict == "FAIL"
        assert verdict.results["delivery"]["volume_ratio"] == pytest.approx(ratio)
    assert verdict_of(ledger, day) == "PASS"


def moved(frame: pd.DataFrame, month: str) -> pd.DataFrame:
    start = pd.Timestamp(f"{month[:4]}-{month[4:]}-01")
    for column in frame.select_dtypes("datetime"):
        frame[column] += start - pd.Timestamp("2026-03-01")
        # The good frame spans 30 days; February is shorter.
        frame[column] = frame[column].clip(upper=start + pd.Timedelta("26D"))
    return frame


# D3: a judge that raises, hangs or dies.


GIVEN = Judgement("PASS", "suite", 1, 1)


def _wrong(task: Task) -> Judgement | None:
    if task.export_code == "wms.picks":
        raise ValueError(f"cannot read {CANARY}")
    return GIVEN


def _hanging(task: Task) -> Judgement | None:
    if task.export_code == "wms.picks":
        time.sleep(3600)
    return GIVEN


def _dying(task: Task) -> Judgement | None:
    if task.export_code == "wms.picks":
        os.kill(os.getpid(), signal.SIGKILL)
    return GIVEN


@pytest.mark.parametrize(
    ("judge", "words"),
    [
        (_wrong, "The judge raised ValueError."),
        (_hanging, "longer than 8 s"),
        (_dying, "died (exit -9)"),
    ],
    ids=["raises", "hangs", "dies"],
)
def test_a_judge_that_fails_is_an_error_of_its_file_alone(
    settings: Settings, ledger: Ledger, judge: Any, words: str
) -> None:
    batches = {
        code: deliver(settings, ledger, EXPORTS[code], GOOD[code]()) for code in GOOD
    }
    run(settings, ledger, judge=judge, timeout_seconds=8, workers=2)
    verdicts = {code: verdict_of(ledger, batch) for code, batch in batches.items()}
    assert verdicts.pop("wms.picks") == "ERROR"
    assert set(verdicts.values()) == {"PASS"}
    stored = ledger.newest_verdict(batches["wms.picks"].seq)
    assert stored is not None
    assert words in reason_of(stored)
    assert CANARY not in json.dumps(stored.results)
    assert not ledger.admitted(batches["wms.picks"])
    # What was not judged is judged by the next run, without anybody's help.
    assert [one.verdict for one in run(settings, ledger).judged] == ["PASS"]
    assert ledger.admitted(batches["wms.picks"])
    assert run(settings, ledger).judged == []


def test_a_worker_finds_suites_and_judges_like_this_process(
    settings: Settings, ledger: Ledger
) -> None:
    batch = deliver(settings, ledger, PICKS, GOOD["wms.picks"]())
    run(settings, ledger, workers=None)
    there = ledger.newest_verdict(batch.seq)
    with ledger.transaction() as write:
        write.execute("delete from verdicts")
    run(settings, ledger)
    here = ledger.newest_verdict(batch.seq)
    assert there is not None
    assert here is not None
    assert there.verdict == "PASS"
    assert (there.suite_hash, there.results) == (here.suite_hash, here.results)


# A suite that is missing or does not fit.


@pytest.fixture
def suites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """An `expectations` package of the test's own, found before the project's."""
    folder = tmp_path / "elsewhere" / "expectations"
    folder.mkdir(parents=True)
    for path in (REPOSITORY / "expectations").glob("*.py"):
        (folder / path.name).write_bytes(path.read_bytes())
    monkeypatch.syspath_prepend(folder.parent)
    forget_suites()
    yield folder
    forget_suites()


def forget_suites() -> None:
    """The next suite is read from its file, as in the next night's process."""
    importlib.invalidate_caches()
    for name in [name for name in sys.modules if name.split(".")[0] == "expectations"]:
        del sys.modules[name]


SUITE = """
import great_expectations.expectations as gxe
from orchestration.suites import Suite

def picks():
    return Suite(batch=[{batch}])
"""
CANARY_RULE = "gxe.ExpectColumnMinToBeBetween(column='sku', min_value=0, notes='n')"
LOOSE_RULE = "gxe.ExpectColumnValuesToNotBeNull(column='line_no', notes='n')"


@pytest.mark.parametrize(
    ("text", "verdict", "words"),
    [
        (None, "ERROR", "Write `def picks() -> Suite:` in expectations/wms.py"),
        ("def shipments(): ...", "ERROR", "Write `def picks() -> Suite:`"),
        ("import sqlite3 as\n", "ERROR", "cannot be imported: SyntaxError"),
        (SUITE.format(batch=""), "FAIL", "The suite tests nothing about the rows."),
        (SUITE.format(batch=CANARY_RULE), "ERROR", "sku: column min to be between"),
        (
            SUITE.format(batch=LOOSE_RULE.replace("line_no", "price")),
            "ERROR",
            "tests price: not in the lake",
        ),
    ],
    ids=["no_file", "no_function", "syntax", "empty", "raises", "unknown_column"],
)
def test_a_suite_that_cannot_judge_admits_nothing(
    settings: Settings,
    ledger: Ledger,
    suites: Path,
    text: str | None,
    verdict: str,
    words: str,
) -> None:
    frame = GOOD["wms.picks"]()
    frame["sku"] = CANARY
    batch = deliver(settings, ledger, PICKS, frame)
    shutil.rmtree(suites / "__pycache__", ignore_errors=True)
    (suites / "wms.py").unlink()
    if text is not None:
        (suites / "wms.py").write_text(text, encoding="utf-8")
    run(settings, ledger)
    stored = ledger.newest_verdict(batch.seq)
    assert stored is not None
    assert stored.verdict == verdict
    assert words in reason_of(stored)
    assert CANARY not in json.dumps(stored.results)
    assert not ledger.admitted(batch)


def test_a_changed_suite_judges_new_and_held_batches_and_leaves_admitted_ones(
    settings: Settings, ledger: Ledger, suites: Path
) -> None:
    admitted = deliver(settings, ledger, PICKS, GOOD["wms.picks"]())
    held = deliver(settings, ledger, PICKS, moved(bad("wms.picks"), "202604"), "202604")
    run(settings, ledger)
    assert verdict_of(ledger, held) == "FAIL"
    # The suite stands: the same answer is not given twice.
    assert run(settings, ledger).judged == []
    assert len(ledger.verdicts(held.seq)) == 1

    (suites / "wms.py").write_text(SUITE.format(batch=LOOSE_RULE), encoding="utf-8")
    forget_suites()
    assert [one.verdict for one in run(settings, ledger).judged] == ["PASS"]
    old, new = ledger.verdicts(held.seq)
    assert [old.verdict, new.verdict] == ["FAIL", "PASS"]
    (first,) = ledger.verdicts(admitted.seq)
    assert first.suite_hash == old.suite_hash != new.suite_hash


# D5: bytes that changed after they were loaded or judged.


@pytest.mark.parametrize("how", ["flip", "swap", "gone", "cut"])
def test_lake_bytes_that_changed_are_an_error(
    settings: Settings, ledger: Ledger, how: str
) -> None:
    batch = deliver(settings, ledger, PICKS, GOOD["wms.picks"]())
    path = settings.home / batch.lake_path
    content = path.read_bytes()
    if how == "flip":
        middle = len(content) // 2
        flipped = bytes([content[middle] ^ 1])
        path.write_bytes(content[:middle] + flipped + content[middle + 1 :])
    elif how == "swap":
        other = deliver(settings, ledger, PICKS, GOOD["wms.picks"](150), "202604")
        path.write_bytes((settings.home / other.lake_path).read_bytes())
    elif how == "cut":
        path.write_bytes(content[:-100])
    else:
        path.unlink()
    run(settings, ledger)
    stored = ledger.newest_verdict(batch.seq)
    assert stored is not None
    assert stored.verdict == "ERROR"
    assert not ledger.admitted(batch)
    # Restored bytes are judged without anybody asking for it.
    path.write_bytes(content)
    run(settings, ledger)
    assert ledger.admitted(batch)


def test_a_row_count_that_differs_from_the_ledger_is_an_error(
    settings: Settings, ledger: Ledger
) -> None:
    batch = deliver(settings, ledger, PICKS, GOOD["wms.picks"]())
    path = settings.home / batch.lake_path
    pd.read_parquet(path).iloc[:-1].to_parquet(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    with ledger.transaction() as write:
        write.execute("update batches set lake_sha256 = ?", (digest,))
    run(settings, ledger)
    stored = ledger.newest_verdict(batch.seq)
    assert stored is not None
    assert "199 rows, ledger says 200" in reason_of(stored)


@pytest.mark.parametrize("column", ["raw_sha256", "lake_sha256", "contract_hash"])
def test_a_verdict_about_other_bytes_admits_nothing_and_is_given_anew(
    settings: Settings, ledger: Ledger, column: str
) -> None:
    batch = deliver(settings, ledger, PICKS, GOOD["wms.picks"]())
    run(settings, ledger)
    assert ledger.batches_in_force(PICKS) == [batch]
    with ledger.transaction() as write:
        write.execute(f"update verdicts set {column} = 'other'")
    assert not ledger.admitted(batch)
    assert ledger.batches_in_force(PICKS) == []
    assert [found.seq for found, _ in to_judge(ledger, PICKS)] == [batch.seq]
    run(settings, ledger)
    assert ledger.batches_in_force(PICKS) == [batch]


# D6, D8: no verdict, no admission.


def test_a_batch_without_verdict_is_not_in_force(
    settings: Settings, ledger: Ledger
) -> None:
    batch = deliver(settings, ledger, PICKS, GOOD["wms.picks"]())
    assert not ledger.admitted(batch)
    assert ledger.batches_in_force(PICKS) == []


def test_a_lost_verdict_is_given_again_and_admits_the_same_bytes(
    settings: Settings, ledger: Ledger
) -> None:
    batch = deliver(settings, ledger, PICKS, GOOD["wms.picks"]())
    run(settings, ledger)
    before = ledger.newest_verdict(batch.seq)
    with ledger.transaction() as write:
        write.execute("delete from verdicts")
    assert ledger.batches_in_force(PICKS) == []
    run(settings, ledger)
    after = ledger.newest_verdict(batch.seq)
    assert before is not None
    assert after is not None
    assert (after.verdict, after.suite_hash, after.results) == (
        before.verdict,
        before.suite_hash,
        before.results,
    )


@pytest.mark.parametrize("point", ["gate.before_verdict", "gate.after_verdict"])
def test_a_gate_killed_between_verdicts_goes_on_where_it_was(
    settings: Settings, ledger: Ledger, point: str
) -> None:
    codes = ("carrier.shipments", "survey.delivery")
    for code in codes:
        deliver(settings, ledger, EXPORTS[code], GOOD[code]())
    script = (
        "from orchestration.gate import judge_new\n"
        "from orchestration.ledger import Ledger\n"
        "from orchestration.settings import load_settings\n"
        "from tests.unit.gate.frames import contracts\n"
        "if __name__ == '__main__':\n"
        "    settings = load_settings()\n"
        "    with Ledger.open(settings.ledger_path) as ledger:\n"
        "        judge_new(settings, ledger, contracts().values(), 'killed')\n"
    )
    environment = {**os.environ, **settings.environment()}
    killed = subprocess.run(
        [sys.executable, "-c", script],
        cwd=REPOSITORY,
        env={**environment, "TAKT_FAULT": f"{point}:kill:2"},
        check=False,
        capture_output=True,
    )
    assert killed.returncode == -signal.SIGKILL
    count = "select count(*) from verdicts"
    stored = ledger.connection.execute(count).fetchone()[0]
    assert stored == (1 if point == "gate.before_verdict" else 2)
    report = run(settings, ledger)
    assert len(report.judged) == len(codes) - stored
    assert ledger.connection.execute(count).fetchone()[0] == len(codes)
    for code in codes:
        assert len(ledger.batches_in_force(EXPORTS[code])) == 1


def test_a_ledger_that_cannot_be_written_stops_the_gate(
    settings: Settings, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    batch = deliver(settings, ledger, PICKS, GOOD["wms.picks"]())
    ledger.connection.execute("pragma query_only = on")
    with pytest.raises(sqlite3.OperationalError):
        run(settings, ledger)
    ledger.connection.execute("pragma query_only = off")
    assert not ledger.admitted(batch)


# H3: nothing of a person in the ledger.


def test_values_of_a_file_reach_neither_results_nor_report(
    settings: Settings, ledger: Ledger
) -> None:
    """A canary in every text column, in files that pass and in files that fail."""
    for share, month in ((0.01, "202603"), (0.9, "202604")):
        for code, make in GOOD.items():
            frame = moved(make(), month)
            for column in frame.select_dtypes("str"):
                frame.loc[frame.index < share * len(frame), column] = CANARY
            deliver(settings, ledger, EXPORTS[code], frame, month)
    report = run(settings, ledger)
    assert {one.verdict for one in report.judged} >= {"FAIL"}
    assert CANARY not in repr(report)
    ledger.connection.execute("pragma wal_checkpoint(truncate)")
    assert CANARY.encode() not in settings.ledger_path.read_bytes()
