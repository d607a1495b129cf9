"""Panel effects: what an initiative changed in units that took part, beside units that did not, in equal parts of time.

A panel is a matrix of outcomes, a row for each unit and a column for each part of time, without gaps; `starts` holds the column in which each
unit starts, NaN for one that never does. Every estimate here is a sum of means over groups of units of one start, each of a fixed contrast of a
unit's own outcomes, so its standard error follows from the scatter of that contrast between the units of a group: whatever the noise of a unit
from month to month is like.

Sources: Callaway & Sant'Anna 2021, Journal of Econometrics 225:200 (staggered starts); Bertrand, Duflo & Mullainathan 2004, QJE 119:249 (outcomes
collapsed to before and after); Cameron, Gelbach & Miller 2008, REStat 90:414 (wild cluster bootstrap); Conley & Taber 2011, REStat 93:113 (a group
of one unit takes its scatter from the untouched units); Satterthwaite 1946, Biometrics Bulletin 2:110 (degrees of freedom).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import numpy as np
from scipy.special import stdtr, stdtrit

Contrasts = Mapping[
    float, np.ndarray
]  # by start (NEVER: untouched units), the weight of each part of time in the group's mean
NEVER = np.inf
_MOST_ENUMERATED = 11  # units up to which all signs of the wild bootstrap are tried
_DRAWS = 1999
_STEPS = 40  # halvings until a limit of the wild bootstrap is exact enough


@dataclass(frozen=True)
class Effect:
    """An effect with its interval, standard error and degrees of freedom; NaN where there is none."""

    value: float
    low: float
    high: float
    standard_error: float
    degrees: float

    @property
    def p_value(self) -> float:
        """Two-sided, by t, of no effect."""
        if not self.standard_error > 0:
            return np.nan
        return float(2 * stdtr(self.degrees, -abs(self.value / self.standard_error)))


def effect_of(panel: np.ndarray, starts: np.ndarray, contrasts: Contrasts, level: float) -> Effect:
    """The sum of the groups' mean contrasts, with a t interval.

    A group of one unit is taken to scatter as the untouched units do. Without two units of any kind to see scatter in, there is no interval.
    """
    groups = np.where(np.isnan(starts), NEVER, starts)
    untouched = panel[groups == NEVER]
    value, variances, degrees = 0.0, {}, {}
    for start, weights in contrasts.items():
        of_units = panel[groups == start] @ weights
        value += of_units.mean()
        source = start if len(of_units) > 1 else NEVER
        scatter = of_units if len(of_units) > 1 else untouched @ weights
        variance = scatter.var(ddof=1) / len(of_units) if len(scatter) > 1 else np.nan
        variances[source] = variances.get(source, 0.0) + variance
        degrees[source] = len(scatter) - 1
    total = sum(variances.values())
    if not total > 0:
        return Effect(value, np.nan, np.nan, np.nan, np.nan)
    freedom = total**2 / sum(variances[source] ** 2 / degrees[source] for source in variances if variances[source] > 0)
    error = np.sqrt(total)
    arm = float(stdtrit(freedom, (1 + level) / 2)) * error
    return Effect(float(value), value - arm, value + arm, float(error), float(freedom))


# ---- One common start: difference in differences --------------------------------------------------------------------


def difference_in_differences(panel: np.ndarray, starts: np.ndarray, level: float) -> Effect:
    """The change of the units that started less that of the untouched, means of all parts after the start less means of all before.

    Of a panel without gaps this is the coefficient of two-way fixed effects. Raises ValueError unless all starts are equal.
    """
    return effect_of(panel, starts, _before_and_after(panel, starts), level)


def trend_before(panel: np.ndarray, starts: np.ndarray, level: float) -> Effect:
    """How much more the outcome of the units that started rose in a part of time than that of the untouched, before the start."""
    start = int(np.nanmin(starts))
    time = np.arange(start) - (start - 1) / 2
    slope = np.zeros(panel.shape[1])
    slope[:start] = time / (time @ time) if start > 1 else np.nan
    groups = np.unique(starts[~np.isnan(starts)])
    shares = {group: np.mean(starts[~np.isnan(starts)] == group) for group in groups}
    return effect_of(panel, starts, {group: shares[group] * slope for group in groups} | {NEVER: -slope}, level)


def changes(panel: np.ndarray, starts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The change of each unit that started, and of each untouched one: its mean after the common start less that before."""
    contrasts = _before_and_after(panel, starts)
    of_units = panel @ -contrasts[NEVER]
    return of_units[~np.isnan(starts)], of_units[np.isnan(starts)]


def _before_and_after(panel: np.ndarray, starts: np.ndarray) -> Contrasts:
    start = np.unique(starts[~np.isnan(starts)])
    if len(start) != 1:
        raise ValueError("difference in differences needs one common start; for several use `staggered_effect`")
    after = np.arange(panel.shape[1]) >= start[0]
    contrast = after / after.sum() - ~after / (~after).sum()
    return {float(start[0]): contrast, NEVER: -contrast}


def wild_interval(started: np.ndarray, untouched: np.ndarray, level: float, seed: int = 1) -> Effect:
    """The difference of two groups' mean changes with the interval of the wild cluster bootstrap: all values that it does not reject.

    The null is imposed, the statistic is studentised, and the weights are -1 and 1 (Rademacher), all combinations of up to 11 units and 1,999
    random ones of more. Each unit is a cluster: its change holds all of its parts of time.
    """
    value, error = _welch(started[None, :], untouched[None, :])
    value, error = float(value[0]), float(error[0])
    degrees = float(len(started) + len(untouched) - 2)
    if not error > 0:
        return Effect(value, np.nan, np.nan, np.nan, np.nan)
    signs = _signs(len(started) + len(untouched), seed)
    limits = []
    for side in (-1, 1):
        inside, outside = 0.0, 4.0
        while _wild_p(started - value - side * outside * error, untouched, signs) > 1 - level and outside < 1e4:
            inside, outside = outside, 2 * outside
        for _ in range(_STEPS):
            middle = (inside + outside) / 2
            is_inside = _wild_p(started - value - side * middle * error, untouched, signs) > 1 - level
            inside, outside = (middle, outside) if is_inside else (inside, middle)
        limits.append(value + side * outside * error if outside < 1e4 else side * np.inf)
    return Effect(value, limits[0], limits[1], error, degrees)


def _wild_p(started: np.ndarray, untouched: np.ndarray, signs: np.ndarray) -> float:
    """The p-value of no difference."""
    both = np.concatenate([started, untouched])
    residuals = both - both.mean()
    drawn = signs * residuals
    value, error = _welch(drawn[:, : len(started)], drawn[:, len(started) :])
    seen, seen_error = _welch(started[None, :], untouched[None, :])
    with np.errstate(divide="ignore", invalid="ignore"):
        statistics = np.abs(value / error)
    statistics[np.isnan(statistics)] = np.inf
    return float(np.mean(statistics >= abs(seen[0] / seen_error[0]) - 1e-9))


def _welch(started: np.ndarray, untouched: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    value = started.mean(1) - untouched.mean(1)
    squares = started.var(1, ddof=1) / started.shape[1] + untouched.var(1, ddof=1) / untouched.shape[1]
    return value, np.sqrt(squares)


def _signs(units: int, seed: int) -> np.ndarray:
    if units <= _MOST_ENUMERATED:
        return np.array(list(product((-1.0, 1.0), repeat=units)))
    return np.random.default_rng(seed).choice((-1.0, 1.0), size=(_DRAWS, units))


# ---- Staggered starts: Callaway and Sant'Anna -----------------------------------------------------------------------


def staggered_effect(panel: np.ndarray, starts: np.ndarray, level: float, untouched_only: bool = True) -> Effect:
    """The mean effect over all units and parts of time from their start on (the "simple" aggregate of Callaway & Sant'Anna).

    Each group of one start is compared, from the last part before its start on, with the untouched units; without `untouched_only` with all
    that have not started by that time. Parts for which there is no such unit are left out. Raises ValueError where none is left.
    """
    cells = [(start, time) for start in _groups(starts) for time in range(int(start), panel.shape[1])]
    contrasts = _aggregated(panel, starts, cells, untouched_only)
    if not contrasts:
        raise ValueError("no unit is left to compare with")
    return effect_of(panel, starts, contrasts, level)


def event_study(panel: np.ndarray, starts: np.ndarray, level: float, untouched_only: bool = True) -> dict[int, Effect]:
    """The effect by the number of parts of time since the start; those before -1 should be near 0, as nothing had started.

    Each is relative to the last part before the start (-1). Parts that are missing for a group are means over the other groups.
    """
    contrasts = _by_event(panel, starts, untouched_only)
    effects = {event: effect_of(panel, starts, of_event, level) for event, of_event in contrasts.items()}
    return effects | {-1: Effect(0.0, 0.0, 0.0, 0.0, np.nan)}


def accumulated_effects(
    panel: np.ndarray, starts: np.ndarray, level: float, untouched_only: bool = True
) -> dict[int, Effect]:
    """The sum of the effects on a unit from its start up to each number of parts of time since then."""
    contrasts = _by_event(panel, starts, untouched_only)
    effects, until = {}, {}
    for event in sorted(event for event in contrasts if event >= 0):
        until = {group: until.get(group, 0.0) + contrast for group, contrast in contrasts[event].items()} | {
            group: contrast for group, contrast in until.items() if group not in contrasts[event]
        }
        effects[event] = effect_of(panel, starts, until, level)
    return effects


def _by_event(panel: np.ndarray, starts: np.ndarray, untouched_only: bool) -> dict[int, Contrasts]:
    """The contrasts of each number of parts of time since the start that has a comparison."""
    groups, periods = _groups(starts), panel.shape[1]
    since = sorted({time - int(start) for start in groups for time in range(periods)})
    by_event = {}
    for event in since:
        cells = [(start, int(start) + event) for start in groups if 0 <= start + event < periods]
        if contrasts := _aggregated(panel, starts, cells, untouched_only):
            by_event[event] = contrasts
    return by_event


def _groups(starts: np.ndarray) -> list[float]:
    return [float(start) for start in np.unique(starts[~np.isnan(starts)]) if start >= 1]


def _aggregated(
    panel: np.ndarray, starts: np.ndarray, cells: list[tuple[float, int]], untouched_only: bool
) -> Contrasts:
    """The contrasts of the mean over cells (start, part of time), weighted by the units of the start; without cells that have no comparison."""
    groups = np.where(np.isnan(starts), NEVER, starts)
    others_of = {cell: groups[groups == NEVER] if untouched_only else _not_started(groups, *cell) for cell in cells}
    compared = {cell: others for cell, others in others_of.items() if len(others)}
    units = {start: int(np.sum(starts == start)) for start, _ in compared}
    total = sum(units[start] for start, _ in compared)
    contrasts: dict[float, np.ndarray] = {}
    for (start, time), others in compared.items():
        change = np.zeros(panel.shape[1])
        change[time] += units[start] / total
        change[int(start) - 1] -= units[start] / total
        contrasts[start] = contrasts.get(start, 0.0) + change
        for group, count in zip(*np.unique(others, return_counts=True), strict=True):
            contrasts[float(group)] = contrasts.get(float(group), 0.0) - change * count / len(others)
    return contrasts


def _not_started(groups: np.ndarray, start: float, time: int) -> np.ndarray:
    """The starts of the units that have not started by a part of time (and by the start): the comparison of a group."""
    return groups[(groups > max(time, start)) & (groups != start)]
