"""Control charts: which months of a series lie outside its normal range, and how often the chart would say so without any change.

An individuals chart, and Laney's p' and u' charts for rates and counts over large bases, on the seasonally adjusted series. Months
that follow each other are alike (autocorrelation), and a plain chart takes that for a signal. So the limits follow an
autoregression of first order: they bound the difference of each month from what the month before it leads one to expect (Alwan &
Roberts), and without autocorrelation they are the plain ones. Limits and lengths of runs are widened until months simulated
without a change are marked at most as often as Nelson's rules mark independent ones.

Sources. Nelson 1984, Journal of Quality Technology 16:237 (rules 1 to 3). Laney 2002, Quality Engineering 14:531 (p', u'). Wheeler
2000, Understanding Variation (individuals, moving range). Alwan & Roberts 1988, JBES 6:87. Montgomery 2009, Introduction to
Statistical Quality Control, 6th edition, sections 6.4 and 10.4.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from crmnb.stats.seasonal import deseasonalising_matrix

LEAST_MONTHS = 12
PER_MOVING_RANGE = 1.128  # d2: the mean moving range of two independent values, in standard deviations
RULES = (1, 2, 3)
# How many months each of Nelson's rules marks if they are independent and nothing changes: beyond three standard deviations; nine in
# a row on one side of the mean, 2 / 2^9; six in a row rising or falling, 2 / 6!.
NOMINAL_RATES = (0.0027, 2 / 2**9, 2 / 720)
SIMULATED = (0.0, 0.3, 0.6)  # autocorrelations at which the chart is tried out
_WIDTH, _RUN, _TREND = 3.0, 9, 6  # Nelson's
_GRID = np.arange(0.0, 0.95, 0.1)  # of the autocorrelation
_LEAST_OF_PHASE = 6  # months of the base that give a phase its mean
_SERIES = 2_000  # simulated for each autocorrelation


@dataclass(frozen=True)
class ControlChart:
    """A series of months against its normal range; all arrays have an entry for each month.

    values: seasonally adjusted, as the limits are, where `is_adjusted`; centre: the mean of each phase; low, high: the limits.
    marks: for each of RULES the months that it marks. base: the number of months, from the first on, that set the limits.
    width, run, trend: the limits in standard deviations and the lengths of runs that the rules use. autocorrelation: as
    estimated. sigma: the standard deviation of a month's difference from what was expected; for p' and u' in binomial or Poisson
    ones (Laney's sigma z). alarm_rates: by autocorrelation, the share of months without a change that any rule marks.
    chart_rates: the share of such charts with any mark. p_value: of the last month, over all rules.
    """

    values: np.ndarray
    centre: np.ndarray
    low: np.ndarray
    high: np.ndarray
    marks: np.ndarray
    base: int
    width: float
    run: int
    trend: int
    autocorrelation: float
    sigma: float
    alarm_rates: dict[float, float]
    chart_rates: dict[float, float]
    p_value: float
    is_adjusted: bool

    @property
    def rules_of_last(self) -> tuple[int, ...]:
        """The rules that mark the last month."""
        return tuple(rule for rule, marked in zip(RULES, self.marks, strict=True) if marked[-1])

    @property
    def months_marked(self) -> np.ndarray:
        """Whether any rule marks a month."""
        return self.marks.any(axis=0)

    def since(self) -> int:
        """The place of the month since when the last month's signal lasts: the first of its run, or of its months beyond the limits."""
        beyond, run, trend = (_length(marked) for marked in self.marks)
        starts = [beyond] if beyond else []
        starts += [run + self.run - 1] if run else []
        starts += [trend + self.trend - 1] if trend else []
        return len(self.values) - max(starts, default=1)


def control_chart(
    values: Sequence[float],
    sizes: Sequence[float] | None = None,
    *,
    kind: str = "individuals",
    phases: Sequence[int] = (),
    season: int = 12,
) -> ControlChart:
    """The chart of a series without gaps, oldest month first.

    kind: "individuals"; "p" for shares between 0 and 1, with `sizes` their denominators; "u" for rates (a count over its exposure
    `sizes`). phases: the places at which a new phase begins, whose mean is its own. The last season is judged by the
    months before it where these hold two seasons, else all months by all: a shift does not widen its own limits then. Raises ValueError for fewer than
    LEAST_MONTHS months, and for values without variation.
    """
    y = np.asarray(values, float)
    weights = np.ones(len(y)) if kind == "individuals" else np.asarray(sizes, float)
    if len(y) < LEAST_MONTHS or not np.isfinite(y).all() or not (weights > 0).all():
        raise ValueError(f"a control chart needs {LEAST_MONTHS} months with values")
    starts = tuple(sorted({0, *(at for at in phases if 0 < at < len(y))}))
    base = len(y) - season if len(y) >= 3 * season else len(y)
    adjusted = deseasonalising_matrix(len(y), season) @ y
    centre = _means(starts, tuple(weights), base) @ adjusted
    scale = _scale(centre, weights, kind)
    design = _design(tuple(np.round(scale / scale.mean(), 3)), tuple(weights / weights.mean()), starts, base, season)
    z = (adjusted - centre) / scale
    if not np.abs(z).max() > 1e-9 * max(np.abs(y / scale).max(), 1e-300):
        raise ValueError("the series does not vary")
    phi, residuals, sigma = (value[0] for value in _residuals(z[None, :], design))
    trial = _trial(design)
    marks = _marks(residuals[None, :] / sigma, trial.width, trial.run, trial.trend)[:, 0, :]
    expected = np.concatenate([[0.0], phi * z[:-1]])
    reach = trial.width * sigma * np.concatenate([[1 / np.sqrt(1 - phi**2)], np.ones(len(z) - 1)])
    low, high = (centre + scale * (expected + side * reach) for side in (-1, 1))
    return ControlChart(
        values=adjusted,
        centre=centre,
        low=np.maximum(low, 0) if kind != "individuals" else low,
        high=np.minimum(high, 1) if kind == "p" else high,
        marks=marks,
        base=base,
        width=trial.width,
        run=trial.run,
        trend=trial.trend,
        autocorrelation=float(phi),
        sigma=float(sigma),
        alarm_rates=trial.alarm_rates,
        chart_rates=trial.chart_rates,
        p_value=_p_value(residuals / sigma, trial),
        is_adjusted=len(y) >= 2 * season,
    )


def moving_range_sigma(values: np.ndarray) -> np.ndarray:
    """The standard deviation of series (along the last axis) by their mean moving range (Wheeler 2000, page 137)."""
    return np.abs(np.diff(values)).mean(axis=-1) / PER_MOVING_RANGE


# ---- The series, in standard units --------------------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Design:
    """How the deviations of a series become those that the chart shows.

    matrix: from deviations in standard units to those that remain after season and phases' means.
    basis: of what remains of the base. inverses, log_determinants: of the covariance in that basis, for each autocorrelation of the grid.
    """

    matrix: np.ndarray
    basis: np.ndarray
    inverses: np.ndarray
    log_determinants: np.ndarray
    base: int


@lru_cache(maxsize=64)
def _design(scale: tuple, weights: tuple, starts: tuple[int, ...], base: int, season: int) -> _Design:
    months = len(scale)
    mean = _means(starts, weights, base)
    adjust = deseasonalising_matrix(months, season)
    matrix = (np.eye(months) - mean) @ adjust * np.array(scale)[None, :] / np.array(scale)[:, None]
    u, singular, _ = np.linalg.svd(matrix[:base], full_matrices=False)
    basis = u[:, singular > 1e-8].T
    remaining = basis @ matrix[:base]
    covariances = [remaining @ _correlations(months, phi) @ remaining.T for phi in _GRID]
    inverses = np.array([np.linalg.inv(covariance) for covariance in covariances])
    return _Design(matrix, basis, inverses, np.array([np.linalg.slogdet(c)[1] for c in covariances]), base)


def _means(starts: tuple[int, ...], weights: tuple, base: int) -> np.ndarray:
    """The weighted mean of each phase, as a matrix: of its months in the base, or of all where these are too few."""
    months = np.arange(len(weights))
    phase = np.searchsorted(starts, months, side="right")
    in_base = np.bincount(phase[:base], minlength=phase[-1] + 1)[phase] >= _LEAST_OF_PHASE
    same = (phase[:, None] == phase[None, :]) & ((months < base)[None, :] | ~in_base[:, None])
    same = same * np.array(weights)[None, :]
    return same / same.sum(axis=1, keepdims=True)


def _scale(centre: np.ndarray, sizes: np.ndarray, kind: str) -> np.ndarray:
    """The standard deviation of each month by its distribution: binomial, Poisson, or one of all months."""
    if kind == "individuals":
        return np.ones(len(centre))
    variance = centre * (1 - centre) if kind == "p" else centre
    return np.sqrt(np.maximum(variance, 1e-12) / sizes)


def _correlations(months: int, phi: float) -> np.ndarray:
    place = np.arange(months)
    return phi ** np.abs(place[:, None] - place[None, :])


def _residuals(z: np.ndarray, design: _Design) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of each series (a row): its autocorrelation, the differences from what was expected, and their standard deviation.

    The autocorrelation by restricted maximum likelihood, as the plain estimate is far too low in short series.
    """
    u = z[:, : design.base] @ design.basis.T
    squares = np.einsum("si,gij,sj->gs", u, design.inverses, u, optimize=True)
    likelihood = -0.5 * (design.log_determinants[:, None] + u.shape[1] * np.log(np.maximum(squares, 1e-300)))
    phi = _GRID[likelihood.argmax(axis=0)]
    first = np.sqrt(1 - phi**2) * z[:, 0]
    residuals = np.concatenate([first[:, None], z[:, 1:] - phi[:, None] * z[:, :-1]], axis=1)
    return phi, residuals, moving_range_sigma(residuals[:, : design.base])


# ---- The rules ------------------------------------------------------------------------------------------------------------


def _runs(t: np.ndarray) -> np.ndarray:
    """For each month the months in a row up to it that lie on its side of zero."""
    side = np.sign(t)
    return _counts(side[:, 1:] == side[:, :-1]) + 1


def _trends(t: np.ndarray) -> np.ndarray:
    """For each month the months in a row up to it that steadily rise or fall."""
    step = np.sign(np.diff(t))
    same = np.concatenate([np.zeros((len(t), 1), bool), (step[:, 1:] == step[:, :-1]) & (step[:, 1:] != 0)], axis=1)
    return _counts(same) + 1 + np.concatenate([np.zeros((len(t), 1)), step != 0], axis=1).astype(int)


def _counts(same: np.ndarray) -> np.ndarray:
    """How often in a row, up to each place, a row is true; the first place has none."""
    counts = np.zeros((same.shape[0], same.shape[1] + 1), int)
    for at in range(same.shape[1]):
        counts[:, at + 1] = np.where(same[:, at], counts[:, at] + 1, 0)
    return counts


def _marks(t: np.ndarray, width: float, run: int, trend: int) -> np.ndarray:
    """Which months each rule marks: rule x series x month."""
    return np.stack([np.abs(t) > width, _runs(t) >= run, _trends(t) >= trend])


def _length(marked: np.ndarray) -> int:
    """How many months in a row up to the last one are marked."""
    return int(np.argmin(marked[::-1])) if not marked.all() else len(marked)


# ---- What the chart does where nothing changes ---------------------------------------------------------------------------


@dataclass(frozen=True, eq=False)
class _Trial:
    """What was found in simulated series without a change.

    statistics: for each autocorrelation and rule, in order, what was seen: the sizes of the months outside the base (or of all) in
    units of the last one's, and the lengths of runs and trends at the last month.
    """

    width: float
    run: int
    trend: int
    alarm_rates: dict[float, float]
    chart_rates: dict[float, float]
    statistics: tuple[tuple[np.ndarray, ...], ...]


@lru_cache(maxsize=64)
def _trial(design: _Design) -> _Trial:
    """Try a chart out on simulated series, estimating everything as from the client's."""
    months = len(design.matrix)
    draws = np.random.default_rng(20_240_101).standard_normal((_SERIES, months))
    series = {}
    for phi in SIMULATED:
        z = draws @ np.linalg.cholesky(_correlations(months, phi)).T @ design.matrix.T
        _, residuals, sigma = _residuals(z, design)
        series[phi] = residuals / sigma[:, None]
    # The later months lie further from the base's mean than its own.
    later = slice(design.base if design.base < months else 0, None)
    statistics = [tuple(values[:, later] for values in (np.abs(t), _runs(t), _trends(t))) for t in series.values()]
    width = max(_WIDTH, *(float(np.quantile(size, 1 - NOMINAL_RATES[0])) for size, _, _ in statistics))
    run = max(_least_length(runs, _RUN, NOMINAL_RATES[1]) for _, runs, _ in statistics)
    trend = max(_least_length(trends, _TREND, NOMINAL_RATES[2]) for _, _, trends in statistics)
    marked = {phi: _marks(t, width, run, trend).any(axis=0) for phi, t in series.items()}
    return _Trial(
        width,
        run,
        trend,
        {phi: float(marks.mean()) for phi, marks in marked.items()},
        {phi: float(marks.any(axis=1).mean()) for phi, marks in marked.items()},
        tuple(_of_last(*by_rule) for by_rule in statistics),
    )


def _of_last(sizes: np.ndarray, runs: np.ndarray, trends: np.ndarray) -> tuple[np.ndarray, ...]:
    """What the last month is judged by: all months' sizes, wider where a series' end varies more, and its own runs and trends."""
    last, every = (np.quantile(values, 0.95) for values in (sizes[:, -1], sizes))
    return np.sort(sizes, axis=None) * max(1.0, last / every), np.sort(runs[:, -1]), np.sort(trends[:, -1])


def _least_length(lengths: np.ndarray, least: int, rate: float) -> int:
    """The least length from Nelson's on that at most such a share of the months reaches."""
    return next(length for length in range(least, max(least, lengths.max()) + 2) if (lengths >= length).mean() <= rate)


def _p_value(t: np.ndarray, trial: _Trial) -> float:
    """Of the last month: how often a month without a change is as extreme by one of the rules, at the worst autocorrelation."""
    last = (abs(t[-1]), _runs(t[None, :])[0, -1], _trends(t[None, :])[0, -1])
    shares = [max(_share_from(value, by_rule[rule]) for by_rule in trial.statistics) for rule, value in enumerate(last)]
    return float(min(1.0, len(RULES) * min(shares)))


def _share_from(value: float, ordered: np.ndarray) -> float:
    """The share of ordered numbers that are not below a value, the value itself among them."""
    return (1 + len(ordered) - np.searchsorted(ordered, value - 1e-12)) / (1 + len(ordered))
