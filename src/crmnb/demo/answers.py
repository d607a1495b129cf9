"""Answers: how often each box of a scale is chosen, such that a figure is exactly what it shall be."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from crmnb.demo.parameters import Rates

_LOWER = 0.35  # by so much of a standard deviation lie answers in the worse region lower


@dataclass(frozen=True)
class Scale:
    """A question's boxes: the lowest answer, how often each is chosen before it is shifted to a true figure, whether high is good."""

    low: int
    shape: tuple[float, ...]
    high_is_good: bool = True

    @property
    def boxes(self) -> np.ndarray:
        """The answers that can be given."""
        return self.low + np.arange(len(self.shape))


# The questions of the survey, by item; and the platforms: their share of the reviews, and their scale (people review
# when they are delighted or angry).
ITEMS = {
    "satisfied": Scale(1, (0.05, 0.07, 0.16, 0.42, 0.30)),
    "recommend": Scale(0, (0.03, 0.01, 0.02, 0.03, 0.03, 0.07, 0.07, 0.13, 0.21, 0.17, 0.23)),
    "effort": Scale(1, (0.16, 0.26, 0.20, 0.15, 0.11, 0.07, 0.05), high_is_good=False),
}
PLATFORMS = {
    "Trustpilot": (0.6, Scale(1, (0.22, 0.06, 0.08, 0.17, 0.47))),
    "Local Guide": (0.4, Scale(1, (0.13, 0.05, 0.05, 0.06, 0.07, 0.08, 0.10, 0.16, 0.16, 0.14))),
}


def top_two(scale: Scale, chosen: np.ndarray) -> float:
    """The share of the two best boxes."""
    return float(chosen[-2:].sum())


def promoters_less_detractors(scale: Scale, chosen: np.ndarray) -> float:
    """The net promoter score in points, of a scale from 0 to 10."""
    return float(100 * (chosen[9:].sum() - chosen[:7].sum()))


def mean(scale: Scale, chosen: np.ndarray) -> float:
    """The mean answer."""
    return float(scale.boxes @ chosen)


def points(scale: Scale, chosen: np.ndarray) -> float:
    """The mean answer, from 0 at the lowest box to 100 at the highest."""
    return 100 * (mean(scale, chosen) - scale.low) / (len(scale.shape) - 1)


def below_middle(scale: Scale, chosen: np.ndarray) -> float:
    """The share of answers below the middle of the scale."""
    return float(chosen[scale.boxes < scale.boxes.mean()].sum())


def shifted(scale: Scale, figure, value: float) -> np.ndarray:
    """How often each box is chosen where the scale's shape is shifted until `figure` of it is `value`.

    The shape is a normal variable cut at thresholds; its mean is moved, by up to 8 standard deviations.
    """
    cuts = ndtri(np.cumsum(scale.shape)[:-1])

    def chosen(by: float) -> np.ndarray:
        return np.diff(ndtr(cuts - by), prepend=0.0, append=1.0)

    return chosen(brentq(lambda by: figure(scale, chosen(by)) - value, -8, 8, xtol=1e-12))


def by_region(scale: Scale, chosen: np.ndarray, worse_share: float) -> tuple[np.ndarray, np.ndarray]:
    """The same where the region is not the worse one, and where it is; together they are exactly `chosen`.

    worse_share: of the answers, the share that the worse region gives.
    """
    cuts = ndtri(np.cumsum(chosen)[:-1])
    by = -_LOWER if scale.high_is_good else _LOWER
    moved = np.diff(ndtr(cuts - by), prepend=0.0, append=1.0) - chosen
    more = moved * worse_share > 0
    moved *= min(1, *(chosen[more] / (worse_share * moved[more])), 1)  # no box is chosen less than never
    return chosen - worse_share * moved, chosen + (1 - worse_share) * moved


def answered(scale: Scale, chosen: np.ndarray, feeling: np.ndarray) -> np.ndarray:
    """The answers to how respondents feel (standard normal, high is good), given how often each is to choose each box.

    chosen: a row for each respondent.
    """
    place = ndtr(feeling if scale.high_is_good else -feeling)
    return scale.low + (place[:, None] > np.cumsum(chosen, axis=1)[:, :-1]).sum(axis=1)


def item(rates: Rates, name: str, year: int) -> np.ndarray:
    """How often each box of an item is chosen in a year (a place in YEARS), by all who answer."""
    figure, value = {
        "satisfied": (top_two, rates.csat[year]),
        "recommend": (promoters_less_detractors, rates.nps[year]),
        "effort": (mean, rates.ces[year]),
    }[name]
    return shifted(ITEMS[name], figure, value)


def stars(rates: Rates, platform: str, year: int) -> np.ndarray:
    """How often each rating is given on a platform in a year (a place in YEARS)."""
    rating = {"Trustpilot": rates.trustpilot, "Local Guide": rates.local_guide}[platform][year]
    return shifted(PLATFORMS[platform][1], points, rating)
