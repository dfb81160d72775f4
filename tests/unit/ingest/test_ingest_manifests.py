"""A sender's manifest: a file cut at the end of a line is refused, not believed."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from tests.helpers.ingesting import Site, export

CSV = export()
NAME = "orders_20260601.csv"
BESIDE = NAME + ".manifest.json"
WHOLE = b"order_no,amount\nA1,10\nA2,20\nA3,x\nA1,10\n"
CUT = WHOLE[: WHOLE.index(b"A3")]


def stated(**facts: Any) -> bytes:
    return json.dumps(facts).encode()


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize(
    ("content", "manifest", "outcome"),
    [
        # Records as they came: the reject and the duplicate are among them.
        (WHOLE, stated(rows=4), "loaded"),
        (WHOLE, stated(sha256=sha256(WHOLE).upper(), sender="erp"), "loaded"),
        (WHOLE, stated(rows=4, sha256=sha256(WHOLE)), "loaded"),
        (CUT, stated(rows=4), "manifest"),
        (CUT, stated(sha256=sha256(WHOLE)), "manifest"),
        (WHOLE, stated(rows=4, sha256=sha256(CUT)), "manifest"),
        (WHOLE, stated(rows="4"), "manifest"),
        (WHOLE, stated(rows=True), "manifest"),
        (WHOLE, stated(rows=-1), "manifest"),
        (WHOLE, stated(sha256="abc"), "manifest"),
        (WHOLE, stated(lines=4), "manifest"),
        (WHOLE, b"[]", "manifest"),
        (WHOLE, b"", "manifest"),
        (WHOLE, b"[" * 200_000, "manifest"),
        (WHOLE, stated(rows=4, padding="x" * 70_000), "manifest"),
    ],
)
def test_a_file_is_what_its_manifest_says_or_refused(
    site: Site, content: bytes, manifest: bytes, outcome: str
) -> None:
    site.put(BESIDE, manifest)
    assert site.deliver(content, CSV, NAME) == outcome


def test_a_manifest_is_no_file_of_its_own(site: Site) -> None:
    site.put(BESIDE, stated(rows=4))
    site.put(NAME, WHOLE)
    site.put("stray.csv.manifest.json", stated(rows=4))
    report = site.ingest(CSV)
    assert report.unexpected == ["shop/stray.csv.manifest.json"]
    assert report.exports[CSV.code].seen == 1


def test_a_corrected_manifest_lets_the_file_in(site: Site) -> None:
    site.put(BESIDE, stated(rows=5))
    assert site.deliver(WHOLE, CSV, NAME) == "manifest"
    assert site.ingest().exports[CSV.code].known == 1
    site.put(BESIDE, stated(rows=4))
    site.ingest()
    assert site.outcome(NAME) == "loaded"


def test_a_manifest_that_is_a_link_is_not_followed(site: Site) -> None:
    target = site.put("elsewhere.tmp", stated(rows=4))
    (target.parent / BESIDE).symlink_to(target)
    assert site.deliver(WHOLE, CSV, NAME) == "not_a_file"
