"""The overview of one screen, and the list of everything that waits for a decision."""

from __future__ import annotations

from collections.abc import Iterator

from orchestration.scorecard.view import Page, View


def pages(view: View) -> Iterator[Page]:
    yield Page(
        "index.html",
        "executive.html",
        view.t("nav.executive"),
        "nav.executive",
        {},
        "nav.executive",
    )
