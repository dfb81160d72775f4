"""What every process of the demo company shares: calendars, seed, scale, plants.

Also the small random devices. No process, no file.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from demo.clock import Calendar
from demo.delivery import Feed
from demo.truth import Kpi, Tally

PLANTS = tuple(f"PL{number}" for number in range(1, 17))


@dataclass(frozen=True)
class World:
    """The arguments of a run and the calendars."""

    calendars: dict[str, Calendar]
    seed: int
    scale: float
    without: frozenset[str] = frozenset()

    def random(self, process: str) -> np.random.Generator:
        """The generator of one process, independent of all others."""
        return np.random.default_rng([self.seed, zlib.crc32(process.encode())])

    def has(self, plant: str) -> bool:
        """Whether a planted effect is switched on."""
        return plant not in self.without

    def count(self, at_scale_one: int) -> int:
        """A number of dirty rows at this scale, at least one."""
        return max(1, round(at_scale_one * self.scale))


@dataclass
class Process:
    """What a simulated process hands to the company."""

    feeds: list[Feed]
    kpis: list[Kpi]
    actual: Callable[[], Tally]
    """What happened."""
    seen: Callable[[int], Tally]
    """What a faultless reader can know at a moment."""
    findings: Callable[[dict], list[dict]] = lambda kpis: []
    absent: Callable[[dict], list[dict]] = lambda kpis: []
    nights: list[dict] = field(default_factory=list)
    dirt: list[dict] = field(default_factory=list)
    state: object = None


def choose(rng: np.random.Generator, where: np.ndarray, count: int) -> np.ndarray:
    """Positions of so many of the true entries, sorted; all if there are fewer."""
    candidates = np.flatnonzero(where)
    count = min(count, len(candidates))
    return np.sort(rng.choice(candidates, size=count, replace=False))


def shares(
    rng: np.random.Generator,
    groups: np.ndarray,
    share: np.ndarray | float,
    where: np.ndarray | None = None,
    noise: float = 0.5,
) -> np.ndarray:
    """True for a share of each group, with less than binomial noise around it.

    `share` is one number or one per group; `noise` is in binomial deviations.
    """
    result = np.zeros(len(groups), dtype=bool)
    where = np.ones(len(groups), dtype=bool) if where is None else where
    candidates = np.flatnonzero(where)
    order = candidates[rng.permutation(len(candidates))]
    order = order[np.argsort(groups[order], kind="stable")]
    names, starts, sizes = np.unique(
        groups[order], return_index=True, return_counts=True
    )
    for name, start, size in zip(names, starts, sizes, strict=True):
        p = share if np.isscalar(share) else share[name]
        wobble = rng.normal() * noise * np.sqrt(size * p * (1 - p))
        count = int(np.clip(round(size * p + wobble), 0, size))
        result[order[start : start + count]] = True
    return result


def lognormal(
    rng: np.random.Generator, size: int, variation: float, mean: float = 1.0
) -> np.ndarray:
    """Positive numbers of a mean and a coefficient of variation."""
    sigma = np.sqrt(np.log1p(variation**2))
    return mean * np.exp(rng.normal(-sigma * sigma / 2, sigma, size))


def levelled(
    rng: np.random.Generator,
    groups: np.ndarray,
    level: np.ndarray | float,
    variation: float,
    noise: float = 0.01,
) -> np.ndarray:
    """Positive numbers whose mean in each group is the mean level, with little noise.

    `level` is one number or one per entry, `variation` the coefficient of single ones.
    """
    names, group = np.unique(groups, return_inverse=True)
    raw, size = lognormal(rng, len(groups), variation), np.bincount(group)
    wobble = 1 + noise * rng.normal(size=len(names))
    return raw * level * (wobble * size / np.bincount(group, raw))[group]


def spread(rng: np.random.Generator, groups: np.ndarray) -> np.ndarray:
    """Numbers between 0 and 1, in each group evenly spread and in random order."""
    order = rng.permutation(len(groups))
    order = order[np.argsort(groups[order], kind="stable")]
    _, starts, sizes = np.unique(groups[order], return_index=True, return_counts=True)
    place = np.arange(len(groups)) - np.repeat(starts, sizes)
    numbers = np.empty(len(groups))
    numbers[order] = (place + rng.random(len(groups))) / np.repeat(sizes, sizes)
    return numbers


def arrivals(
    rng: np.random.Generator, days: np.ndarray, rate: np.ndarray | float
) -> np.ndarray:
    """Day numbers, one per arrival, in order."""
    return np.repeat(days, rng.poisson(np.broadcast_to(rate, days.shape)))
