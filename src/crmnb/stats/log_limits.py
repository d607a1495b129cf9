"""Confidence limits of a positive value, on its logarithm.

The delta method takes the value for a straight line in what is uncertain. Where it is a curve, or where a parameter cannot pass an edge,
its limits are wrong on one side. Then the limits are the values at both ends of the least favourable line: the path
through the parameters along which the value changes most per standard error (Stein 1956, Proc. 3rd Berkeley Symposium 1:187; DiCiccio &
Efron 1996, Statistical Science 11:189, section 4). For a value that is a straight line both are the same.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtri


@dataclass(frozen=True)
class Source:
    """A source of error, independent of the others.

    slope: the change of the value's logarithm per standard error of the source, at the estimate. change: its change at so many standard
    errors. edge: the lowest number of standard errors that is possible.
    """

    slope: float
    change: Callable[[float], float]
    edge: float = -np.inf


def linear(error: float) -> Source:
    """A source that the logarithm is a straight line in; error: the standard error of the logarithm that it causes."""
    return Source(error, lambda step: step * error)


def symmetric(value: float, error: float, level: float) -> tuple[float, float]:
    """The limits of a value with this standard error; no width where the value is not positive."""
    return least_favourable(value, [linear(error / value)], level) if value > 0 else (value, value)


def least_favourable(value: float, sources: list[Source], level: float) -> tuple[float, float]:
    """The limits of a value with these sources of error."""
    z = ndtri((1 + level) / 2)
    slopes, edges = (np.array([getattr(source, name) for source in sources]) for name in ("slope", "edge"))
    ends = []
    for sign in (-1, 1):
        steps = _steps(sign * slopes, edges, z)
        change = sum(source.change(step) for source, step in zip(sources, steps, strict=True))
        ends.append(float(value * np.exp(change)))
    return ends[0], ends[1]


def _steps(slopes: np.ndarray, edges: np.ndarray, length: float) -> np.ndarray:
    """The steps of this length in all, in proportion to the slopes; what a source cannot go because of its edge, the others go."""
    steps, free = np.zeros(len(slopes)), slopes != 0
    while free.any():
        rest = np.sqrt(max(length**2 - (steps[~free] ** 2).sum(), 0.0))
        steps[free] = rest * slopes[free] / np.linalg.norm(slopes[free])
        beyond = free & (steps < edges)
        if not beyond.any():
            break
        steps[beyond] = edges[beyond]
        free &= ~beyond
    return steps
