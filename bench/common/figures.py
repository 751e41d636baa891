# SPDX-License-Identifier: Apache-2.0
"""Medians, ratios with their spread, geometric means."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """A figure and the least and greatest value it took over the rounds."""

    value: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{self.value:.2f} ({self.low:.2f}..{self.high:.2f})"


def spread(samples: Sequence[float]) -> Spread:
    return Spread(statistics.median(samples), min(samples), max(samples))


def ratio(numerators: Sequence[float], denominators: Sequence[float]) -> Spread:
    """Median, least and greatest of the ratios round by round.

    What ran within one round ran close together: a machine whose speed changes by the second
    changes both sides. A time too short for the clock (0) makes a ratio without bound; nothing to
    nothing is 1. REQUIRES: the samples of one round stand at one index.
    """
    return spread([_quotient(n, d) for n, d in zip(numerators, denominators, strict=True)])


def _quotient(numerator: float, denominator: float) -> float:
    if denominator:
        return numerator / denominator
    return math.inf if numerator else 1.0


def geometric_mean(values: Sequence[float]) -> float:
    return math.exp(sum(map(math.log, values)) / len(values))


def geometric_mean_ratio(pairs: Sequence[tuple[Sequence[float], Sequence[float]]]) -> Spread:
    """Geometric mean of the `ratio` of each (numerators, denominators); spread over the rounds."""
    value = geometric_mean([ratio(*pair).value for pair in pairs])
    round_count = min(len(numerators) for numerators, _ in pairs)
    rounds = [geometric_mean([n[i] / d[i] for n, d in pairs]) for i in range(round_count)]
    return Spread(value, min(value, *rounds), max(value, *rounds))
