"""Exact arithmetic for oracles: percentiles as fractions, never as floats."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction


def percentile(values: Iterable[int], share: str) -> Fraction:
    """Linear interpolation between the two nearest ranks, as an exact fraction.

    The rank is ``(n - 1) * share``, counted from 0: of 1 2 3 4 the median is 5/2
    and the ninth decile 37/10. ``share`` is text, so that 0.9 means nine tenths.
    """
    ordered = sorted(values)
    rank = (len(ordered) - 1) * Fraction(share)
    below = rank.numerator // rank.denominator
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (rank - below) * (ordered[above] - ordered[below])
