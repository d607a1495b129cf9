"""Survey answers: the shares of the answers of a scale that give a figure exactly."""

from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtr, ndtri

from crmnb.demo.parameters import Rates

_LOWER = 0.35  # standard deviations by which answers in the low region are lower


@dataclass(frozen=True)
class Scale:
    """A scale: its lowest answer, the shares of its answers before they are shifted to a true figure, and its direction."""

    low: int
    shape: tuple[float, ...]
    high_is_good: bool = True

    @property
    def boxes(self) -> np.ndarray:
        """The possible answers."""
        return self.low + np.arange(len(self.shape))


# The items of the survey, and the review platforms: the share of the reviews and the scale (most reviewers are delighted or
# angry).
ITEMS = {
    "satisfied": Scale(1, (0.05, 0.07, 0.16, 0.42, 0.30)),
    "recommend": Scale(0, (0.03, 0.01, 0.02, 0.03, 0.03, 0.07, 0.07, 0.13, 0.21, 0.17, 0.23)),
    "effort": Scale(1, (0.16, 0.26, 0.20, 0.15, 0.11, 0.07, 0.05), high_is_good=False),
}
PLATFORMS = {
    "Trustpilot": (0.6, Scale(1, (0.22, 0.06, 0.08, 0.17, 0.47))),
    "Local Guide": (0.4, Scale(1, (0.13, 0.05, 0.05, 0.06, 0.07, 0.08, 0.10, 0.16, 0.16, 0.14))),
}


def top_two(scale: Scale, shares: np.ndarray) -> float:
    """The share of the two best answers."""
    return float(shares[-2:].sum())


def promoters_less_detractors(scale: Scale, shares: np.ndarray) -> float:
    """The net promoter score in points, of a scale from 0 to 10."""
    return float(100 * (shares[9:].sum() - shares[:7].sum()))


def mean(scale: Scale, shares: np.ndarray) -> float:
    """The mean answer."""
    return float(scale.boxes @ shares)


def points(scale: Scale, shares: np.ndarray) -> float:
    """The mean answer, from 0 at the lowest box to 100 at the highest."""
    return 100 * (mean(scale, shares) - scale.low) / (len(scale.shape) - 1)


def below_middle(scale: Scale, shares: np.ndarray) -> float:
    """The share of answers below the middle of the scale."""
    return float(shares[scale.boxes < scale.boxes.mean()].sum())


def shift_shares(scale: Scale, figure, value: float) -> np.ndarray:
    """The shares of the answers if the scale's shape is shifted until `figure` of it is `value`.

    The shape is a normal variable cut at thresholds; its mean is moved by up to 8 standard deviations.
    """
    cuts = ndtri(np.cumsum(scale.shape)[:-1])

    def shares_at(by: float) -> np.ndarray:
        return np.diff(ndtr(cuts - by), prepend=0.0, append=1.0)

    return shares_at(brentq(lambda by: figure(scale, shares_at(by)) - value, -8, 8, xtol=1e-12))


def split_by_region(scale: Scale, shares: np.ndarray, worse_share: float) -> tuple[np.ndarray, np.ndarray]:
    """The shares outside and inside the low region; together they are exactly `shares`.

    worse_share: the share of the answers from the low region.
    """
    cuts = ndtri(np.cumsum(shares)[:-1])
    by = -_LOWER if scale.high_is_good else _LOWER
    moved = np.diff(ndtr(cuts - by), prepend=0.0, append=1.0) - shares
    more = moved * worse_share > 0
    moved *= min(1, *(shares[more] / (worse_share * moved[more])), 1)  # no share may be negative
    return shares - worse_share * moved, shares + (1 - worse_share) * moved


def choose_answers(scale: Scale, shares: np.ndarray, feeling: np.ndarray) -> np.ndarray:
    """The answers of respondents with these feelings (standard normal, high is good), at these shares of the answers.

    shares: a row for each respondent.
    """
    place = ndtr(feeling if scale.high_is_good else -feeling)
    return scale.low + (place[:, None] > np.cumsum(shares, axis=1)[:, :-1]).sum(axis=1)


def item(rates: Rates, name: str, year: int) -> np.ndarray:
    """The shares of an item's answers in a year (an index of YEARS), over all respondents."""
    figure, value = {
        "satisfied": (top_two, rates.csat[year]),
        "recommend": (promoters_less_detractors, rates.nps[year]),
        "effort": (mean, rates.ces[year]),
    }[name]
    return shift_shares(ITEMS[name], figure, value)


def rating_shares(rates: Rates, platform: str, year: int) -> np.ndarray:
    """The shares of the ratings on a platform in a year (an index of YEARS)."""
    rating = {"Trustpilot": rates.trustpilot, "Local Guide": rates.local_guide}[platform][year]
    return shift_shares(PLATFORMS[platform][1], points, rating)
