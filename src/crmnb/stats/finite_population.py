"""Answers from a finite population: shares, means and net scores of a staff whose headcount is known, and their intervals.

Counts have `value` (of a share 0 or 1, of a mean 0 to 100, of a net score -1, 0 or 1), `of_all`, the headcount of the whole staff, and, where
teams are known, `team` and `of_team`, its headcount. Settings: `team_segments`, the segmentations whose levels are teams.

With n of N answers the variance of a mean is (N - n) / N times s^2 / n, and a share of n answers tells as much as one of n (N - 1) / (N - n)
from an infinite population. Where all N answered, the figure is a census and has no interval. Of a level whose N is not known (all
but teams), and of the comparison period (headcounts are those of today), the interval is the wider one of an infinite population.

Sources. Cochran 1977, Sampling Techniques, 3rd ed., 2.6 (means) and 3.2 (shares). Wilson 1927, JASA 22:209 (score interval). Rocks 2016, The
American Statistician 70:365 (adjusted Wald for net scores). A share of N people is a multiple of 1 / N, so limits of shares are half of that
wider on both sides (the correction for continuity; without it the least coverage over all true shares is .80, with it .90).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy import special

from crmnb.core.notes import Note
from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts

CENSUS = "none: all of the staff answered"


@dataclass(frozen=True)
class Answers:
    """Answers of one group: how many (`n`), of how many people (`population`, infinite where not known), and their moments.

    mean and variance: of the values on [low, high]; the variance is divided by n - 1, NaN of a single answer.
    """

    n: float
    population: float
    mean: float
    variance: float

    @property
    def effective_n(self) -> float:
        """The answers from an infinite population that would tell as much of a share; infinite for a census."""
        if np.isinf(self.population):
            return self.n
        left = self.population - self.n
        return self.n * (self.population - 1) / left if left > 0 else np.inf

    @property
    def error(self) -> float:
        """The standard error of the mean; NaN of a single answer."""
        return float(np.sqrt(self.variance / self.n * (1 - self.n / self.population)))

    def possible(self, low: float, high: float) -> tuple[float, float]:
        """The least and the largest mean of the population, if all others answered at one end of the scale."""
        if np.isinf(self.population):
            return low, high
        known = self.n / self.population
        return self.mean * known + low * (1 - known), self.mean * known + high * (1 - known)


Limits = Callable[[Answers, float], tuple[float, float]]


def share_limits(answers: Answers, level: float) -> tuple[float, float]:
    """Wilson's limits of a share (0 to 1) at the effective n, with the correction for continuity."""
    low, high = _score(answers.mean, answers.effective_n, special.ndtri((1 + level) / 2))
    half = 0.5 / answers.population
    least, most = answers.possible(0.0, 1.0)
    return max(low - half, least), min(high + half, most)


def mean_limits(answers: Answers, level: float) -> tuple[float, float]:
    """Limits of a mean on 0 to 100: Wilson's at the n of yes-or-no answers that would tell as much; NaN of a single answer."""
    if answers.n < 2:
        return np.nan, np.nan
    value, error = answers.mean / 100, answers.error / 100
    n = answers.effective_n if error < 1e-9 else value * (1 - value) / error**2
    low, high = _score(value, n, special.stdtrit(answers.n - 1, (1 + level) / 2))
    least, most = answers.possible(0.0, 100.0)
    return max(100 * low, least), min(100 * high, most)


def net_limits(answers: Answers, level: float) -> tuple[float, float]:
    """Adjusted Wald limits of a net score (-1 to 1) at the effective n, with the correction for continuity."""
    n, value = answers.effective_n, answers.mean
    both = (
        answers.variance * (answers.n - 1) / answers.n + value**2 if answers.n > 1 else abs(value)
    )  # share of -1 and 1
    favourable = ((both + value) / 2 * n + 0.75) / (n + 3)
    unfavourable = ((both - value) / 2 * n + 0.75) / (n + 3)
    centre = favourable - unfavourable
    reach = special.ndtri((1 + level) / 2) * np.sqrt((favourable + unfavourable - centre**2) / (n + 3))
    reach += 0.5 / answers.population
    least, most = answers.possible(-1.0, 1.0)
    return min(max(centre - reach, least), value), max(min(centre + reach, most), value)


def _score(value: float, n: float, z: float) -> tuple[float, float]:
    centre = (value + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(value * (1 - value) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    return (0.0 if value == 0 else centre - half), (1.0 if value == 1 else centre + half)


# ---- Estimators -----------------------------------------------------------------------------------------------------


def share(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The share of the answers that meet a condition, 0 to 1."""
    return estimates_of(groups, context, share_limits, "Wilson")


def mean(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The mean answer on 0 to 100."""
    return estimates_of(groups, context, mean_limits, "score")


def net_score(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The share of favourable less that of unfavourable answers, in points from -100 to 100."""
    return estimates_of(groups, context, net_limits, "adjusted Wald", 100.0)


def estimates_of(
    groups: list[GroupedCounts], context: EstimationContext, limits: Limits, method: str, scale: float = 1.0
) -> Estimates:
    """The mean of each group times `scale`, with limits of a method; unavailable with more answers than people."""
    return Estimates([_row(group, context, limits, method, scale) for group in groups])


def _row(group: GroupedCounts, context: EstimationContext, limits: Limits, method: str, scale: float) -> dict:
    n = group.n
    sizes = {"n": n, "clusters": n}
    if has_more_answers_than_staff(group):
        return group.row(**sizes, reason=Note("more_answers_than_staff"))
    answers = answers_of(group, context)
    figures = sizes | {"value": scale * answers.mean, "numerator": answers.mean * n, "denominator": n}
    if n >= answers.population:
        return group.row(**figures, method=CENSUS)
    low, high = limits(answers, context.level)
    corrected = "" if np.isinf(answers.population) else ", finite population"
    return group.row(**figures, low=scale * low, high=scale * high, method=method + corrected)


def answers_of(group: GroupedCounts, context: EstimationContext) -> Answers:
    """The answers of a group with at least one."""
    weight, value = group.counts["n"].to_numpy(float), group.counts["value"].to_numpy(float)
    n = weight.sum()
    centre = float(weight @ value / n)
    squares = float(weight @ (value - centre) ** 2)
    return Answers(n, population_of(group, context), centre, squares / (n - 1) if n > 1 else np.nan)


def population_of(group: GroupedCounts, context: EstimationContext) -> float:
    """How many people a group has; infinite where that is not known."""
    if group.win == "comparison":
        return np.inf
    if group.is_whole:
        return float(group.counts["of_all"].max())
    is_team = group.segment in context.settings["team_segments"] and group.counts["team"].nunique() == 1
    headcount = float(group.counts["of_team"].max()) if is_team else np.nan
    return np.inf if np.isnan(headcount) else headcount


def has_more_answers_than_staff(group: GroupedCounts) -> bool:
    """Whether a group of today's staff, or a team in it, has more answers than people: then one of the two numbers is wrong."""
    if group.win == "comparison":
        return False
    by_team = group.counts.groupby("team")
    return bool((by_team["n"].sum() > by_team["of_team"].max()).any() or group.n > group.counts["of_all"].max())
