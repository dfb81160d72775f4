"""Who is told what, when and how often; real servers take the messages."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from orchestration import alerts, faults, notify
from orchestration.alerts import AlertError, Facts
from orchestration.ledger import Ledger
from orchestration.settings import PROJECT_ROOT

TEXTS = alerts.messages(PROJECT_ROOT)
NIGHT = datetime(2026, 2, 4, 18, tzinfo=UTC)
KPI = "quality.return_rate_pct"


def fingerprint(rule: str, kpi: str = KPI) -> str:
    return hashlib.sha256(f"{kpi}|{rule}".encode()).hexdigest()


def evaluation(rule: str = "limit", **more: Any) -> dict[str, Any]:
    kpi = more.get("kpi_code", KPI)
    row = {
        "kpi_code": KPI,
        "segment_code": "all",
        "rule_id": rule,
        "side": "high",
        "fingerprint": fingerprint(rule, kpi),
        "period_start": date(2026, 1, 1),
        "decision": "fired",
        "contributor_code": "灯具",
        "sentence_en": f"{rule} of {kpi}: 7.5 is beyond 5.",
        "sentence_zh": f"{rule} {kpi}：7.5 超出 5。",
    }
    return {**row, **more}


def data_row(decision: str, kpi: str = KPI) -> dict[str, Any]:
    return evaluation(
        "data",
        kpi_code=kpi,
        side="none",
        decision=decision,
        sentence_en=f"{kpi}: data {decision}.",
        sentence_zh=f"{kpi}：数据 {decision}。",
    )


def episode(rule: str = "limit", **more: Any) -> dict[str, Any]:
    row = {
        "fingerprint": fingerprint(rule, more.get("kpi_code", KPI)),
        "kpi_code": KPI,
        "segment_code": "all",
        "rule_id": rule,
        "side": "high",
        "onset_on": date(2026, 1, 1),
        "last_on": date(2026, 1, 1),
        "closed_on": None,
        "closed_reason": None,
        "open_state": "firing",
        "last_judged_on": date(2026, 1, 1),
    }
    return {**row, **more}


def line(kpi: str = KPI, purpose: str = "alert", *owners: str) -> list[dict[str, Any]]:
    """A line of owners: the first reads Chinese, the others English."""
    return [
        {
            "kpi_code": kpi,
            "segment_code": "all",
            "purpose": purpose,
            "owner_code": owner,
            "language": "zh" if place == 0 else "en",
            "reminder_max": 3,
            "escalate_after": 2,
        }
        for place, owner in enumerate(owners)
    ]


def facts(**more: Any) -> Facts:
    given: dict[str, Any] = {
        "as_of": NIGHT,
        "evaluations": (evaluation(), data_row("no_breach")),
        "episodes": (episode(),),
        "cases": (),
        "routes": (
            *line(KPI, "alert", "quality_head", "ceo"),
            *line(KPI, "data", "erp_steward"),
        ),
        "kpis": (
            {"kpi_code": KPI, "name_en": "Returns", "name_zh": "退货率"}
            | {"status": "active"},
        ),
        "tasks": (
            {
                "kpi_code": KPI,
                "segment_code": "all",
                "on_alarm_en": "The quality department finds the cause.",
                "on_alarm_zh": "质量部排查退货原因。",
            },
        ),
    }
    return Facts(**{**given, **more})


def later(months: int, **more: Any) -> Facts:
    """The same alert `months` months on, still firing."""
    month = date(2026 + (months // 12), 1 + months % 12, 1)
    given = {
        "as_of": NIGHT + timedelta(days=31 * months),
        "evaluations": (
            evaluation(decision="already_open", period_start=month),
            data_row("no_breach"),
        ),
        "episodes": (episode(last_on=month, last_judged_on=month),),
    }
    return facts(**{**given, **more})


@pytest.fixture
def run(ledger: Ledger) -> Any:
    """One run: what it told, as (owner, kind) of the messages newly due."""

    def tell(night: Facts | None, name: str = "run") -> list[tuple[str, str]]:
        before = due(ledger)
        notify.tell_facts(ledger, night, TEXTS, name)
        return due(ledger)[len(before) :]

    return tell


def due(ledger: Ledger) -> list[tuple[str, str]]:
    rows = ledger.connection.execute(
        "select owner_code, kind from alert_messages order by message_id"
    )
    return [(row["owner_code"], row["kind"]) for row in rows]


def attempts(ledger: Ledger) -> list[tuple[str, str]]:
    rows = ledger.connection.execute(
        "select owner_code, outcome from alert_deliveries order by delivery_id"
    )
    return [(row["owner_code"], row["outcome"]) for row in rows]


# ---------------------------------------------------------------- delivery


def test_each_owner_gets_one_digest_by_mail_webhook_or_chat(
    ledger: Ledger, mail: Any, web: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mail in Chinese to the quality head, a webhook for the steward, a chat for all
    who have no address of their own."""
    orders = "orders.processing_minutes"
    monkeypatch.setenv("TAKT_NOTIFY_QUALITY_HEAD", mail.address)
    monkeypatch.setenv("TAKT_NOTIFY_ERP_STEWARD", f"json://127.0.0.1:{web.port}/hook")
    chat = f"mmost://127.0.0.1:{web.port}/s3cretToken0123456789ab"
    monkeypatch.setenv("TAKT_NOTIFY_DEFAULT", chat)
    night = facts(
        evaluations=(
            evaluation(),
            evaluation("signal"),
            data_row("no_breach"),
            evaluation(kpi_code=orders, contributor_code=None),
            data_row("no_breach", orders),
            data_row("held", "orders.pick_accuracy_pct"),
        ),
        episodes=(episode(), episode("signal"), episode(kpi_code=orders)),
        routes=(
            *line(KPI, "alert", "quality_head"),
            *line(orders, "alert", "warehouse_lead"),
            *line("orders.pick_accuracy_pct", "data", "erp_steward"),
        ),
        kpis=tuple(
            {"kpi_code": code, "name_en": code, "name_zh": code, "status": "active"}
            for code in (KPI, orders, "orders.pick_accuracy_pct")
        ),
    )
    told = notify.tell_facts(ledger, night, TEXTS, "run")
    assert (told.due, told.delivered, told.failed) == (4, 3, 0)

    ((subject, body),) = mail.texts
    assert subject == "Takt：quality_head 有 1 项待阅"
    assert "limit quality.return_rate_pct：7.5 超出 5。" in body
    assert "signal" not in body, "limit and signal of a KPI are one line"
    assert "变动最大：灯具" in body
    assert "待办：质量部排查退货原因。" in body
    assert fingerprint("limit")[:12] in body

    posts = dict(web.posts)
    assert posts["/hook"]["message"].endswith("：数据 held。")
    assert orders in posts["/hooks/s3cretToken0123456789ab"]["text"]
    kept = "\n".join(ledger.connection.iterdump())
    assert "s3cretToken" not in kept
    assert "127.0.0.1" not in kept


def test_what_did_not_arrive_is_filed_and_sent_by_the_next_run_once(
    ledger: Ledger,
    web: Any,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    address = f"json://user:s3cretWord@127.0.0.1:{web.port}/hook"
    monkeypatch.setenv("TAKT_NOTIFY_DEFAULT", address)
    web.status = 500
    told = notify.tell_facts(ledger, facts(), TEXTS, "first")
    assert (told.due, told.delivered, told.failed) == (1, 0, 1)
    (note,) = told.notes
    assert note == "quality_head was not told: delivery by json failed"
    web.status = 200
    # The next run publishes nothing, and tells what is left.
    told = notify.tell_facts(ledger, None, TEXTS, "second")
    assert (told.due, told.delivered, told.failed) == (0, 1, 0)
    told = notify.tell_facts(ledger, facts(), TEXTS, "third")
    assert (told.due, told.delivered, told.failed) == (0, 0, 0)
    assert len(web.posts) == 2
    assert attempts(ledger) == [
        ("quality_head", "failed"),
        ("quality_head", "delivered"),
    ]
    printed = capfd.readouterr()
    kept = "\n".join(ledger.connection.iterdump()) + printed.out + printed.err
    assert "s3cretWord" not in kept


@pytest.mark.parametrize(
    ("address", "outcome", "note"),
    [
        (None, "no_channel", "no address"),
        ("nonsense", "failed", "not understood"),
        ("json://127.0.0.1:9/nobody-listens", "failed", "delivery by json failed"),
    ],
)
def test_without_a_working_address_the_message_waits(
    ledger: Ledger,
    monkeypatch: pytest.MonkeyPatch,
    address: str | None,
    outcome: str,
    note: str,
) -> None:
    if address:
        monkeypatch.setenv("TAKT_NOTIFY_QUALITY_HEAD", address)
    told = notify.tell_facts(ledger, facts(), TEXTS, "run")
    assert attempts(ledger) == [("quality_head", outcome)]
    assert note in told.notes[0]
    assert notify.digests(ledger, TEXTS), "still due"


# ---------------------------------------------------------------- what is due


def test_the_same_night_twice_and_an_earlier_one_tell_nothing_new(run: Any) -> None:
    assert run(facts()) == [("quality_head", "fired")]
    assert run(facts()) == []
    earlier = facts(as_of=NIGHT - timedelta(days=40), episodes=())
    assert run(earlier) == [], "an earlier night takes nothing back"


@pytest.mark.parametrize(
    ("ending", "kind"),
    [
        ({"closed_reason": "recovered", "open_state": None}, "recovered"),
        ({"closed_reason": "redefined", "open_state": None}, "redefined"),
    ],
)
def test_the_end_of_an_alert_is_told_once_to_whom_it_was_told(
    run: Any, ending: dict, kind: str
) -> None:
    run(facts())
    over = later(1, episodes=(episode(closed_on=date(2026, 2, 1), **ending),))
    assert run(over) == [("quality_head", kind)]
    assert run(over) == []


def test_an_alert_whose_onset_a_correction_removed_is_taken_back(run: Any) -> None:
    run(facts())
    assert run(later(1, episodes=())) == [("quality_head", "restated")]
    moved = (episode(onset_on=date(2025, 12, 1)),)
    assert run(later(2, episodes=moved)) == [("quality_head", "fired")]


def test_an_onset_found_to_lie_earlier_is_the_same_alert(run: Any) -> None:
    run(facts())
    earlier = episode(onset_on=date(2025, 12, 1), last_on=date(2026, 1, 1))
    assert run(facts(episodes=(earlier,))) == []


def test_reminders_come_once_a_period_three_times_and_go_up_the_line(
    run: Any,
) -> None:
    """Unacknowledged for two periods: the next in line, here the chief executive."""
    told = [run(facts()), run(later(1)), run(later(1)), run(later(2)), run(later(3))]
    assert told == [
        [("quality_head", "fired")],
        [("quality_head", "reminder")],
        [],
        [("ceo", "reminder")],
        [("ceo", "reminder")],
    ]
    assert run(later(4)) == []


def test_whoever_takes_an_alert_is_not_reminded_but_told_of_its_end(
    run: Any, ledger: Ledger
) -> None:
    run(facts())
    number = fingerprint("limit")[:12]
    taken = alerts.acknowledge(ledger, number, "quality_head", "supplier informed")
    assert taken.acknowledged_by == "quality_head"
    assert run(later(1)) == []
    over = {"closed_reason": "recovered", "closed_on": date(2026, 3, 1)}
    ended = later(2, episodes=(episode(open_state=None, **over),))
    assert run(ended) == [("quality_head", "recovered")]
    with pytest.raises(AlertError, match="no such open alert"):
        alerts.acknowledge(ledger, number, "quality_head", "again")


def test_while_a_source_is_held_only_its_steward_is_told_and_only_once(
    run: Any,
) -> None:
    """The alert that was on stays on, although the figures say otherwise now."""
    run(facts())
    held = later(
        1,
        evaluations=(evaluation(decision="held"), data_row("held")),
        episodes=(),
    )
    assert run(held) == [("erp_steward", "held")]
    assert run(replace(held, as_of=held.as_of + timedelta(days=1))) == []
    assert run(later(2)) == [("quality_head", "reminder")]
    again = replace(held, as_of=NIGHT + timedelta(days=90))
    assert run(again) == [("erp_steward", "held")], "another time is told again"


def test_missing_data_is_told_once_for_each_period(run: Any) -> None:
    def missing(month: int) -> Facts:
        row = data_row("no_data") | {"period_start": date(2026, month, 1)}
        as_of = NIGHT + timedelta(days=31 * month)
        return facts(as_of=as_of, episodes=(), evaluations=(row,))

    nights = [run(missing(1)), run(missing(1)), run(missing(2))]
    assert nights == [[("erp_steward", "no_data")], [], [("erp_steward", "no_data")]]


@pytest.mark.parametrize("decision", ["silenced", "snoozed"])
def test_what_is_silenced_or_put_off_is_not_told(run: Any, decision: str) -> None:
    quiet = facts(evaluations=(evaluation(decision=decision), data_row("no_breach")))
    assert run(quiet) == []
    assert run(later(1)) == [("quality_head", "fired")], "told when that is over"


def test_cases_are_told_when_there_are_new_ones_with_the_ten_oldest(
    run: Any, ledger: Ledger
) -> None:
    def breached(first: int, count: int, day: int) -> Facts:
        cases = tuple(
            {
                "kpi_code": KPI,
                "subject_id": f"case-{number:02}",
                "age_seconds": 9000 - number,
                "case_limit_seconds": 7200,
            }
            for number in range(first, first + count)
        )
        as_of = NIGHT + timedelta(days=day)
        return facts(as_of=as_of, cases=cases, episodes=(), evaluations=())

    assert run(breached(1, 12, 0)) == [("quality_head", "cases")]
    (digest,) = notify.digests(ledger, TEXTS)
    assert "12 个案件超过 2 h，其中新增 12 个" in digest.body
    assert "case-10" in digest.body
    assert "case-11" not in digest.body
    assert run(breached(1, 12, 1)) == []
    assert run(breached(3, 10, 2)) == [], "fewer, and none of them new"
    assert run(breached(3, 11, 3)) == [("quality_head", "cases")]
    assert run(breached(1, 0, 4)) == []
    assert run(breached(1, 1, 5)) == [("quality_head", "cases")]


def test_without_any_owner_the_message_goes_to_the_common_address(run: Any) -> None:
    assert run(facts(routes=())) == [("default", "fired")]


def test_a_run_that_dies_between_its_steps_tells_the_same_as_one_that_does_not(
    ledger: Ledger, run: Any, web: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed before the plan nothing is filed; after it nothing is filed twice."""
    monkeypatch.setenv("TAKT_NOTIFY_DEFAULT", f"json://127.0.0.1:{web.port}/hook")
    for point in ("notify.before_plan", "notify.after_plan"):
        faults.forget_passages()
        monkeypatch.setenv("TAKT_FAULT", f"{point}:raise")
        with pytest.raises(faults.InjectedFault):
            notify.tell_facts(ledger, facts(), TEXTS, "dies")
        assert not web.posts
    # Sent, and dead before the ledger knows: rather twice than never.
    faults.forget_passages()
    monkeypatch.setenv("TAKT_FAULT", "notify.after_send:raise")
    with pytest.raises(faults.InjectedFault):
        notify.tell_facts(ledger, facts(), TEXTS, "dies")
    monkeypatch.delenv("TAKT_FAULT")
    assert run(facts()) == []
    assert due(ledger) == [("quality_head", "fired")]
    assert len(web.posts) == 2
