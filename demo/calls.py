"""Service calls: from the caller's wait to the solved issue.

The simulated calls, what of them the telephone system exports when, and the four call
KPIs counted from either.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from demo import writers
from demo.clock import (
    DAY,
    END,
    FAR,
    NONE,
    WARM_UP,
    daily_spans,
    moment,
)
from demo.delivery import Feed, File, into_files, repeat_rows, span_files
from demo.truth import (
    ALWAYS,
    PERCENT,
    UNDECIDED,
    Judge,
    Kpi,
    Tally,
    alerts,
    finding,
    targets,
)
from demo.world import Process, World, arrivals, levelled, lognormal, shares, spread

TOPICS = ["delivery", "product", "returns", "invoice", "account"]
RESOLUTIONS = ["resolved", "follow_up", "unresolved"]
RESOLVED, FOLLOW_UP, UNRESOLVED = range(3)
DRIVE = moment(2026, 4, 6), moment(2026, 6, 29)
"""Calls are made shorter and shorter, and stay so."""

REMARK = "202601"
WINDOW = 7 * DAY
SECONDS = ("queue", "talk", "hold", "wrap")

HANDLE = Kpi("calls.handle_seconds", targets=targets(-1, (ALWAYS, 300)), alarm=360)
SATISFACTION = Kpi(
    "calls.satisfaction_score", targets=targets(1, (ALWAYS, "4.4")), alarm=4.2
)
FCR = Kpi("calls.fcr_pct", PERCENT, targets=targets(1, (ALWAYS, 75)), alarm=70)
RESOLUTION = Kpi(
    "calls.issue_resolution_pct", PERCENT, targets=targets(1, (ALWAYS, 92)), alarm=88
)

CONTENT, DISCONTENT = (
    np.array([0.70, 0.20, 0.07, 0.02, 0.01]),
    np.array([0.05, 0.20, 0.25, 0.30, 0.20]),
)
"""Shares of the scores 5 to 1 of callers who are pleased (4.56) and are not (2.60)."""


def simulate(world: World) -> pd.DataFrame:
    """All calls from the warm-up to the days in which June's issues are settled."""
    rng = world.random("calls")
    calls = _raise(world, rng)
    n = len(calls)
    started, week = calls["started"].to_numpy(), _week(calls["started"])
    answered = calls["resolution"].to_numpy() >= 0
    calls["answered"] = answered
    mean = np.where(answered, 35, 95)
    calls["queue"] = np.rint(lognormal(rng, n, 0.8) * mean).astype(np.int64)
    group = np.where(answered, week, NONE)
    total = levelled(rng, group, 320 - 60 * _drive(world, started), 0.45)
    hold = total * rng.uniform(0, 0.24, n)
    wrap = total * rng.uniform(0.2, 0.36, n)
    for name, part in (("talk", total - hold - wrap), ("hold", hold), ("wrap", wrap)):
        calls[name] = np.where(answered, np.rint(part).astype(np.int64), NONE)
    calls["transfers"] = answered * rng.choice(3, n, p=[0.88, 0.1, 0.02])
    calls["agent"] = np.where(answered, rng.integers(1, 21, n), NONE)
    rated = shares(rng, week, 0.4, where=answered, noise=0.3)
    names, place = np.unique(week, return_inverse=True)
    level = 4.54 - 0.39 * _drive(world, started)
    level += 0.02 * rng.normal(size=len(names))[place]
    unhappy = np.clip((4.56 - level) / (4.56 - 2.60), 0, 1)
    chance = spread(rng, np.where(rated, week, NONE))
    score = np.full(n, 5)
    for pleased, not_pleased in zip(
        np.cumsum(CONTENT)[:4], np.cumsum(DISCONTENT)[:4], strict=True
    ):
        score -= chance > pleased * (1 - unhappy) + not_pleased * unhappy
    score = np.where(rng.random(n) < 0.003, rng.choice([0, 9], n), score)
    calls["csat"] = np.where(rated, score, NONE)
    return calls


def _week(at: pd.Series | np.ndarray) -> np.ndarray:
    return (np.asarray(at) // DAY + 3) // 7


def _drive(world: World, at: np.ndarray) -> np.ndarray:
    """How far the drive for short calls has come, 0 to 1."""
    begin, end = DRIVE
    progress = np.clip((at - begin) / (end - begin), 0, 1)
    return progress * world.has("PL5")


def _raise(world: World, rng: np.random.Generator) -> pd.DataFrame:
    """The calls of every issue: who calls when, and what comes of it."""
    day = arrivals(rng, np.arange(WARM_UP, END + 10), 37.5 * world.scale)
    n = len(day)

    def hour(size: int) -> np.ndarray:
        return rng.integers(9 * 3_600, 20 * 3_600 + 2_700, size)

    first = np.sort(day * DAY + hour(n))
    customer = rng.integers(1, 1 + round(12_000 * max(1, world.scale)), n)
    topic = rng.choice(5, n, p=[0.34, 0.24, 0.16, 0.14, 0.12])
    week = _week(first)
    drive = _drive(world, np.unique(week) * 7 * DAY)
    _, group = np.unique(week, return_inverse=True)
    solved = 0.785 - 0.08 * drive
    at_once = shares(rng, group, solved, noise=0.3)
    never = shares(rng, group, 0.05 / (1 - solved), where=~at_once)
    again = ~at_once & ~never
    third = again & (rng.random(n) < 0.12)
    abandoned = (never & (rng.random(n) < 0.6)) | (again & (rng.random(n) < 0.12))
    vague = rng.choice([RESOLVED, FOLLOW_UP, UNRESOLVED], n, p=[0.15, 0.5, 0.35])
    # Who does not call again may be told to wait, but is not helped.
    vague = np.where(never, np.maximum(vague, FOLLOW_UP), vague)
    outcome = np.where(abandoned, NONE, np.where(at_once, RESOLVED, vague))
    last = np.where(rng.random(n) < 0.985, RESOLVED, UNRESOLVED)

    second = (first // DAY + rng.integers(1, 6, n)) * DAY + hour(n)
    final = (second // DAY + rng.integers(1, 6, n)) * DAY + hour(n)
    parts = [
        (np.ones(n, dtype=bool), first, outcome),
        (again, second, np.where(third, FOLLOW_UP, last)),
        (third, final, last),
    ]
    calls = pd.concat(
        [
            pd.DataFrame(
                {
                    "started": at[where],
                    "customer": customer[where],
                    "topic": topic[where],
                    "resolution": resolution[where],
                }
            )
            for where, at, resolution in parts
        ]
    )
    calls = calls.sort_values("started", kind="stable", ignore_index=True)
    calls["id"] = np.arange(len(calls)) + 1
    return calls


# --- what is exported -----------------------------------------------------------


def _feed(world: World, rng: np.random.Generator, calls: pd.DataFrame) -> Feed:
    spans = daily_spans()
    files = span_files("telephony/calls_{}.csv", spans)
    rows = into_files(calls, calls["started"].to_numpy(), spans)
    rows["nameless"] = rng.random(len(rows)) < 0.02
    rows.loc[rows["nameless"], "customer"] = NONE
    rows = repeat_rows(rows, np.flatnonzero(rng.random(len(rows)) < 0.005))
    # November comes without wrap-up times, and two days later once more with them.
    number, spoilt = next(
        (number, file) for number, file in enumerate(files) if file.period == "202511"
    )
    whole = rows["file"] == number
    bare = rows[whole].assign(wrap=np.minimum(rows.loc[whole, "wrap"], 0))
    rows.loc[whole, "file"] = len(files)
    again = spoilt.path.replace(".csv", "_r2.csv")
    files.append(File(again, spoilt.delivered_at + 2 * DAY, spoilt.covers_until))
    rows = pd.concat([rows, bare], ignore_index=True)
    return Feed("telephony.calls", files, rows, _bytes)


def _bytes(rows: pd.DataFrame, file: File) -> bytes:
    def whole(name: str):
        return writers.numbers(rows[name], rows[name] >= 0)

    at = rows["started"].to_numpy()
    agent = rows["agent"].to_numpy()
    columns = {
        "call_id": writers.padded("CL", rows["id"], 9),
        "customer_id": writers.padded("K", rows["customer"], 5),
        "topic": writers.pick(TOPICS, rows["topic"]),
        "started": writers.stamps(at, "{y}{m:02d}{d:02d}", "{h:02d}{m:02d}", ""),
        **{f"{name}_s": whole(name) for name in SECONDS},
        "answered": writers.pick(["0", "1"], rows["answered"]),
        "transfers": whole("transfers"),
        "agent_id": writers.padded("E", np.where(agent < 0, NONE, agent + 220), 4),
        "resolution": writers.pick(RESOLUTIONS, rows["resolution"]),
        "csat": whole("csat"),
    }
    if file.period >= REMARK:
        told = rows["transfers"].to_numpy() > 1
        columns["remark"] = writers.pick(["多次转接"], np.where(told, 0, NONE))
    return writers.csv_bytes(list(columns), list(columns.values()))


# --- what is counted ------------------------------------------------------------


def count(calls: pd.DataFrame, now: int) -> Tally:
    """All call KPIs from one row per call; `now` is the covered-until moment."""
    order = ["customer", "topic", "started", "id"]
    calls = calls[calls["started"] < now].sort_values(order)
    known = {name: calls[name].to_numpy() for name in calls}
    started, topic, n = known["started"], known["topic"], len(calls)
    tally = Tally(TOPICS)

    judge = Judge(tally, n, now)
    parts = [known[name] for name in SECONDS[1:]]
    judge.exclude("abandoned", ~known["answered"])
    judge.exclude("missing_milestone", np.minimum.reduce(parts) < 0)
    judge.add(HANDLE.code, topic, started, started, sum(parts))

    judge = Judge(tally, n, now)
    score = known["csat"]
    judge.exclude("out_of_scale", (score < 1) | (score > 5))
    judge.add(SATISFACTION.code, topic, started, started, score, scope=score >= 0)

    # Calls of one customer on one topic stand together, in order.
    ended = started + sum(np.maximum(known[name], 0) for name in SECONDS)
    customer = known["customer"]
    follows = (customer[1:] == customer[:-1]) & (topic[1:] == topic[:-1])
    follows &= (customer[1:] >= 0) & (started[1:] - ended[:-1] <= WINDOW)
    first = np.flatnonzero(np.append(True, ~follows)[:n])
    last = np.append(first[1:], n)[: len(first)] - 1
    resolved = known["resolution"] == RESOLVED
    single = first == last
    for kpi, decisive, hit in (
        (FCR, first, single & resolved[first]),
        (RESOLUTION, last, resolved[last]),
    ):
        judge = Judge(tally, len(first), now)
        judge.exclude("unknown_customer", customer[first] < 0)
        judge.set(UNDECIDED, now < ended[decisive] + WINDOW)
        judge.add(kpi.code, topic[first], started[first], started[first], hit)
    return tally


# --- the process ----------------------------------------------------------------


def build(world: World) -> Process:
    """Simulate the service line and prepare its export and its truth."""
    calls = simulate(world)
    feed = _feed(world, world.random("calls.exports"), calls)

    def seen(as_of: int) -> Tally:
        now = min(feed.covered_until(as_of), as_of)
        return count(feed.in_force(as_of), now)

    final = feed.rows[feed.rows["file"] != _position(feed, "calls_202511.csv")]
    dirt = {
        "D1": int(final["repeated"].sum()),
        "D5": len(feed.rows_of(_position(feed, "calls_202511.csv"))),
        "D6": int((final["nameless"] & ~final["repeated"]).sum()),
        "D11": int((final["started"] >= moment(2026, 1, 1)).sum()),
    }
    return Process(
        feeds=[feed],
        kpis=[HANDLE, SATISFACTION, FCR, RESOLUTION],
        actual=lambda: count(calls, int(FAR)),
        seen=seen,
        findings=lambda _: _findings(world),
        dirt=[{"id": id_, "export": feed.export, "rows": n} for id_, n in dirt.items()],
        state=calls,
    )


def _position(feed: Feed, name: str) -> int:
    paths = [file.path for file in feed.files]
    return paths.index(f"telephony/{name}")


def _findings(world: World) -> list[dict]:
    if not world.has("PL5"):
        return []
    return [
        finding(
            "PL5",
            "conflict",
            HANDLE.code,
            counter=counter,
            window=["2026-04-06", "2026-06-28"],
            verdict="conflict",
            proposal=proposal,
        )
        for counter, proposal in (
            (SATISFACTION.code, "more weight"),
            (FCR.code, "to core"),
        )
    ] + [
        alerts("PL5", kpi.code, "2026-04", "2026-06")
        for kpi in (SATISFACTION, FCR, RESOLUTION)
    ]
