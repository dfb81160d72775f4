"""The view of the data: sources, verdicts, lateness, rejects and versions."""

from __future__ import annotations

from collections.abc import Iterator

from orchestration.scorecard.view import Page, View


def pages(view: View) -> Iterator[Page]:
    yield Page("data.html", "data.html", view.t("nav.data"), "nav.data", {}, "nav.data")
