"""Which files are taken, when, and under which name."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path

import pytest

from orchestration.ingest import IngestError, discover
from orchestration.readers.base import Refusal
from tests.helpers.ingesting import OLD, Site, column, export

GOOD = b"order_no,amount\nA1,10\n"
CSV = export()
NAME = "orders_20260601.csv"


def folder_of(site: Site) -> Path:
    folder = site.settings.exports / "shop"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def as_link(path: Path, site: Site) -> None:
    target = site.settings.home / "elsewhere.csv"
    target.write_bytes(GOOD)
    path.symlink_to(target)


def as_link_to_nowhere(path: Path, site: Site) -> None:
    path.symlink_to("/nowhere")


def as_pipe(path: Path, site: Site) -> None:
    os.mkfifo(path)


def as_socket(path: Path, site: Site) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # The address of a socket may not be long.
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)
    finally:
        os.chdir(here)


def as_second_name(path: Path, site: Site) -> None:
    other = path.with_name("other.tmp")
    other.write_bytes(GOOD)
    os.utime(other, (OLD, OLD))
    path.hardlink_to(other)


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (as_link, "not_a_file"),
        (as_link_to_nowhere, "not_a_file"),
        (as_pipe, "not_a_file"),
        (as_socket, "not_a_file"),
        (as_second_name, "hard_link"),
    ],
)
def test_what_is_no_plain_file_of_one_name_is_refused(
    site: Site, make, code: str
) -> None:
    make(folder_of(site) / NAME, site)
    site.put("orders_20260602.csv", GOOD)
    report = site.ingest(CSV).exports[CSV.code]
    assert site.outcome(NAME) == code
    # And the others go on.
    assert (report.loaded, report.refused) == (1, 1)


def test_a_folder_that_is_a_link_is_refused_and_not_followed(site: Site) -> None:
    elsewhere = site.settings.home / "elsewhere"
    elsewhere.mkdir(parents=True)
    (elsewhere / NAME).write_bytes(GOOD)
    site.settings.exports.mkdir(parents=True)
    (site.settings.exports / "shop").symlink_to(elsewhere)
    report = site.ingest(CSV).exports[CSV.code]
    assert (report.loaded, report.refused) == (0, 1)


def test_a_path_that_leaves_the_exports_folder_cannot_be_claimed(site: Site) -> None:
    from dataclasses import replace

    from orchestration.ingest import claim_file

    site.put(NAME, GOOD)
    (arrival,), _ = discover(site.settings, [CSV])
    outside = replace(arrival, parts=("shop", "..", "..", "ledger.sqlite"))
    with pytest.raises(Refusal, match="not_a_file"):
        claim_file(site.settings.exports, outside, site.settings.home / "claimed")


@pytest.mark.parametrize(
    "middle",
    [
        "[1]",
        "id=9",
        "*",
        "a?b",
        "'; drop table typed; --",
        "{period}",
        "%s %(x)s",
        "中文 文件",
        "new\nline",
        "tab\t\x1b[31m",
        "x" * 230,
        "ends_.csv",
    ],
)
def test_a_hostile_name_is_only_a_name(site: Site, middle: str) -> None:
    name = f"orders_20260601{middle}.csv"
    site.put(name, GOOD)
    # The files that a pattern, a partition or a prefix would read instead.
    site.put("orders_202606011.csv", b"order_no,amount\nWRONG,1\n")
    site.put("orders_202606012.csv", b"order_no,amount\nWRONG,2\n")
    site.ingest(CSV)
    ours = [batch for batch in site.batches if site.rows(batch) == [("A1", 10)]]
    assert len(ours) == 1
    path = site.ledger.path_of(ours[0])
    assert path.isprintable()
    assert path.startswith("shop/orders_20260601")


def test_a_folder_named_like_a_partition_adds_no_column(site: Site) -> None:
    contract = export(column("order_no"), column("id"), files="shop/**/o_{period}.csv")
    folder = folder_of(site) / "id=9" / "order_no=7"
    folder.mkdir(parents=True)
    path = folder / "o_20260601.csv"
    path.write_bytes(b"order_no,id\nA1,5\n")
    os.utime(path, (OLD, OLD))
    site.ingest(contract)
    assert site.rows() == [("A1", "5")]


def test_the_same_bytes_under_another_name_change_nothing(site: Site) -> None:
    site.deliver(GOOD, CSV)
    assert site.deliver(GOOD, CSV, "orders_20260601_again.csv") == "known"
    assert len(site.batches) == 1
    report = site.ingest().exports[CSV.code]
    assert (report.seen, report.known, report.loaded) == (2, 2, 0)


def test_other_bytes_under_the_same_name_are_a_new_batch_of_that_name(
    site: Site,
) -> None:
    site.deliver(GOOD, CSV)
    assert site.deliver(GOOD + b"A2,20\n", CSV) == "loaded"
    first, second = site.batches
    names = [row["logical_name"] for row in site.ledger.files(CSV)]
    assert len(set(names)) == 1
    assert (first.loaded, second.loaded) == (1, 2)


def test_a_file_put_back_as_it_was_is_its_old_batch_again(site: Site) -> None:
    site.deliver(GOOD, CSV)
    site.deliver(GOOD + b"A2,20\n", CSV)
    assert site.deliver(GOOD, CSV) == "known"
    assert len(site.batches) == 2


def test_a_changed_contract_reads_known_bytes_again(site: Site) -> None:
    site.deliver(GOOD, CSV)
    as_text = export(column("order_no"), column("amount"))
    site.ingest(as_text)
    assert site.rows() == [("A1", "10")]


def test_a_young_file_that_grows_between_two_looks_is_left_for_the_next_run(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = site.put(NAME, GOOD, age=int(time.time()))

    def write_on(seconds: float) -> None:
        with path.open("ab") as file:
            file.write(b"A2,20\n")

    monkeypatch.setattr("orchestration.ingest.time.sleep", write_on)
    report = site.ingest(CSV)
    assert report.waiting == [f"shop/{NAME}"]
    assert site.outcome(NAME) == "unseen"
    monkeypatch.setattr("orchestration.ingest.time.sleep", lambda seconds: None)
    site.ingest(CSV)
    assert site.rows() == [("A1", 10), ("A2", 20)]


@pytest.mark.parametrize("vanishes", [False, True])
def test_a_file_that_changes_or_vanishes_before_its_claim_waits(
    site: Site, monkeypatch: pytest.MonkeyPatch, vanishes: bool
) -> None:
    path = site.put(NAME, GOOD)
    from orchestration import ingest

    claim = ingest.claim_file

    def late(*arguments):
        path.unlink() if vanishes else path.write_bytes(GOOD + b"A2,20\n")
        return claim(*arguments)

    monkeypatch.setattr(ingest, "claim_file", late)
    report = site.ingest(CSV)
    assert report.waiting == [f"shop/{NAME}"]
    assert report.exports[CSV.code].refused == 0


def test_dropped_files_are_never_touched(site: Site) -> None:
    path = site.put(NAME, GOOD)
    bad = site.put("orders_20260602.csv", b"wrong\n")
    before = [(p.stat().st_mtime_ns, p.stat().st_ctime_ns) for p in (path, bad)]
    site.ingest(CSV)
    assert [(p.stat().st_mtime_ns, p.stat().st_ctime_ns) for p in (path, bad)] == before


def test_a_path_that_no_contract_declares_is_reported(site: Site) -> None:
    site.put("stock_20260601.csv", GOOD)
    site.put(".hidden", b"")
    site.put(NAME, GOOD)
    assert site.ingest(CSV).unexpected == ["shop/stock_20260601.csv"]


def test_a_period_that_is_no_date_is_refused(site: Site) -> None:
    assert site.deliver(GOOD, CSV, "orders_20261301.csv") == "period"


def test_a_refused_file_is_read_again_only_when_something_changed(site: Site) -> None:
    site.deliver(b"wrong\n1\n", CSV)
    assert site.ingest().exports[CSV.code].known == 1
    site.deliver(GOOD, CSV)
    assert site.outcome(NAME) == "loaded"


def test_a_lost_lake_file_is_made_again_from_its_export(site: Site) -> None:
    site.deliver(GOOD, CSV)
    lake = site.settings.home / site.batch.lake_path
    before = lake.read_bytes()
    lake.unlink()
    site.ingest()
    assert lake.read_bytes() == before
    assert len(site.batches) == 1


def test_no_exports_folder_is_a_fault_of_the_set_up(site: Site) -> None:
    with pytest.raises(IngestError, match="TAKT_EXPORTS"):
        discover(site.settings, [CSV])


def test_order_of_arrival_and_splitting_do_not_change_the_rows(site: Site) -> None:
    rows = [f"A{number},{number}\n" for number in range(6)]
    for name, part in (("3", rows[4:]), ("1", rows[:2]), ("2", rows[2:4])):
        site.deliver(
            ("order_no,amount\n" + "".join(part)).encode(),
            CSV,
            f"orders_2026060{name}.csv",
        )
    found = {row for batch in site.batches for row in site.rows(batch)}
    assert found == {(f"A{number}", number) for number in range(6)}


# ------------------------------------------------------------------ personal data

SECRET = export(
    column("order_no"),
    column("customer", pii="hash"),
    column("phone", pii="drop"),
    column("amount", "integer"),
)
PERSON = b"order_no,customer,phone,amount\nA1,Wang Fang,13800000000,10\n"


def test_pseudonyms_are_keyed_and_dropped_columns_are_gone(site: Site) -> None:
    import hashlib
    import hmac

    site.deliver(PERSON, SECRET)
    key = site.settings.pii_key.get_secret_value().encode()
    name = hmac.new(key, b"Wang Fang", hashlib.sha256).hexdigest()[:16]
    assert site.rows() == [("A1", name, 10)]


def test_without_a_key_nothing_is_hashed(site: Site) -> None:
    site.settings = site.settings.model_copy(update={"pii_key": None})
    assert site.deliver(PERSON, SECRET) == "pii_key"
    assert "TAKT_PII_KEY" in site.message(NAME)


def test_a_second_key_is_refused_as_one_person_would_become_two(site: Site) -> None:
    from pydantic import SecretStr

    site.deliver(PERSON, SECRET)
    other = SecretStr("another key for tests")
    site.settings = site.settings.model_copy(update={"pii_key": other})
    assert site.deliver(PERSON + b"A2,Li,1,2\n", SECRET, "orders_20260602.csv") == (
        "pii_key"
    )
