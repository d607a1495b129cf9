"""Initiatives: the effect of an initiative on a metric by unit and month. The data decide the method, and what it assumes is stated.

- At least six units, two of them untouched, and one start: difference in differences (`panel_effects`); where there are
  at most 40 units and three of each kind, the interval is the wider of t between units and the wild cluster bootstrap.
- Several starts: Callaway & Sant'Anna's estimator, compared with the untouched units, or, without two of these, with those that start later.
- Fewer units, at least one of them untouched: a structural counterfactual of the units that started, with the untouched as control.
- No untouched unit: an interrupted time series, and a structural counterfactual beside it.

Sums and counts grow with a unit's size, so they are analysed relative to each unit's mean before the first start: without the initiative, units
would have moved in proportion. Shares and means are analysed as they are: without it, units would have moved by the same.

Each estimate is repeated with dates before the start, of the time before it alone, and with untouched units as if they had started. Where more than
one in ten of either finds as much (its estimate over half of its interval's width is as large), no effect is stated.
"""

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

from crmnb.stats.panel_effects import (
    accumulated_effects,
    changes,
    difference_in_differences,
    event_study,
    staggered_effect,
    trend_before,
    wild_interval,
)
from crmnb.stats.series_effects import WEAK_PRIOR, Counterfactual, Mixture, counterfactual, harmonics, level_change

DIFFERENCES, STAGGERED, STRUCTURAL, INTERRUPTED = (
    "difference in differences",
    "staggered starts (Callaway & Sant'Anna)",
    "structural counterfactual",
    "interrupted time series",
)
LEAST_BEFORE = {DIFFERENCES: 3, STAGGERED: 3, STRUCTURAL: 8, INTERRUPTED: 8}  # months before the first start
_LEAST_UNITS, _MOST_WILD, _LEAST_WILD = 6, 40, 3
_YEARS_FOR_SEASON = 24  # months before the start from which on a season is part of a model of a single series
_MOST_DATES = 12
LARGEST_SHARE = 0.1  # of placebos that find as much, beyond which no effect is stated


@dataclass(frozen=True)
class UnitPanel:
    """A metric by unit and month: `values` has a row for each unit; `starts` the place of each unit's first month, NaN of an untouched one.

    `is_total`: the values are sums or counts, which grow with the size of a unit.
    """

    values: np.ndarray
    starts: np.ndarray
    is_total: bool

    @property
    def first(self) -> int:
        """The place of the first month in which a unit has started."""
        return int(np.nanmin(self.starts))

    @property
    def started(self) -> np.ndarray:
        """Which units have started by the last month."""
        return ~np.isnan(self.starts)

    @property
    def cells(self) -> int:
        """The months of units with the initiative."""
        return int(sum(self.values.shape[1] - start for start in self.starts[self.started]))

    @property
    def scale(self) -> np.ndarray:
        """What each unit's values are divided by: its mean before the first start, or 1."""
        return self.values[:, : self.first].mean(1) if self.is_total else np.ones(len(self.values))


@dataclass(frozen=True)
class Estimate:
    """A value with its interval; NaN where there is none."""

    value: float
    low: float
    high: float

    @property
    def ratio(self) -> float:
        """How many half widths of its interval it is away from 0; NaN without an interval."""
        return abs(self.value) / ((self.high - self.low) / 2) if self.high > self.low else np.nan

    def times(self, factor: float) -> "Estimate":
        """The estimate in another unit."""
        return Estimate(self.value * factor, self.low * factor, self.high * factor)


@dataclass(frozen=True)
class Placebos:
    """The estimates with dates and with units at which nothing started, and how many of them find as much as the real one."""

    dates: tuple[Estimate, ...] = ()
    units: tuple[Estimate, ...] = ()
    as_much_at_dates: int = 0
    as_much_at_units: int = 0

    @property
    def find_as_much(self) -> bool:
        """Whether more than one in ten of either kind do."""
        return any(
            count > LARGEST_SHARE * len(of_kind)
            for count, of_kind in ((self.as_much_at_dates, self.dates), (self.as_much_at_units, self.units))
        )


@dataclass(frozen=True)
class Assessment:
    """What an initiative changed, a month and unit, and altogether.

    `relative`: as a share of what would have been. `by_month`: the effect on a unit by months since the start (of a single series, since the
    first start). `until`: accumulated since then. `trend`: how much more the units that started rose a month before the start, None without
    units to compare. `other_model`: the same average by the structural counterfactual, beside an interrupted time series.
    """

    method: str
    uses_wild_bootstrap: bool
    average: Estimate
    relative: Estimate
    total: Estimate
    by_month: dict[int, Estimate]
    until: dict[int, Estimate]
    placebos: Placebos = field(default_factory=Placebos)
    trend: Estimate | None = None
    other_model: Estimate | None = None


def method_of(starts: np.ndarray) -> str:
    """The method that the units' starts allow."""
    untouched, started = int(np.isnan(starts).sum()), starts[~np.isnan(starts)]
    is_staggered = len(np.unique(started)) > 1
    if len(starts) >= _LEAST_UNITS and (untouched > 1 or is_staggered):
        return STAGGERED if is_staggered else DIFFERENCES
    return STRUCTURAL if untouched else INTERRUPTED


def assess(panel: UnitPanel, level: float) -> Assessment:
    """The effect of an initiative by the method that the data allow.

    Raises ValueError where the months before the first start are too few for it (`LEAST_BEFORE`).
    """
    method = method_of(panel.starts)
    if panel.first < LEAST_BEFORE[method]:
        raise ValueError(f"{method} needs {LEAST_BEFORE[method]} months before the first start")
    of_units = method in (DIFFERENCES, STAGGERED)
    assessment = _by_units(panel, level, method) if of_units else _by_series(panel, level, method)
    return replace(assessment, placebos=_placebos(panel, assessment.average.ratio, level, method))


# ---- With units to compare ------------------------------------------------------------------------------------------


def _by_units(panel: UnitPanel, level: float, method: str) -> Assessment:
    scaled = panel.values / panel.scale[:, None]
    size = float(panel.scale[panel.started].mean())
    is_alone = _untouched_only(panel)
    plain = _unit_effect(scaled, panel.starts, level, method)
    wild = _wild(scaled, panel.starts, level) if method == DIFFERENCES else None
    average = (_wider(plain, wild) if wild else plain).times(size)
    events = event_study(scaled, panel.starts, level, is_alone)
    until = accumulated_effects(scaled, panel.starts, level, is_alone)
    return Assessment(
        method,
        wild is not None,
        average,
        _relative(average, panel),
        average.times(panel.cells),
        {event: Estimate(e.value, e.low, e.high).times(size) for event, e in events.items()},
        {event: Estimate(e.value, e.low, e.high).times(size) for event, e in until.items()},
        trend=_estimate(trend_before(scaled, panel.starts, level)).times(size)
        if np.isnan(panel.starts).sum()
        else None,
    )


def _untouched_only(panel: UnitPanel) -> bool:
    return int(np.isnan(panel.starts).sum()) > 1


def _unit_effect(scaled: np.ndarray, starts: np.ndarray, level: float, method: str) -> Estimate:
    if method == DIFFERENCES:
        return _estimate(difference_in_differences(scaled, starts, level))
    return _estimate(staggered_effect(scaled, starts, level, int(np.isnan(starts).sum()) > 1))


def _wild(scaled: np.ndarray, starts: np.ndarray, level: float) -> Estimate | None:
    """The estimate with the interval of the wild cluster bootstrap, where the units are few but three of each kind."""
    started, untouched = changes(scaled, starts)
    if len(scaled) > _MOST_WILD or min(len(started), len(untouched)) < _LEAST_WILD:
        return None
    effect = wild_interval(started, untouched, level)
    return _estimate(effect) if np.isfinite([effect.low, effect.high]).all() else None


def _wider(first: Estimate, second: Estimate) -> Estimate:
    """The first estimate with the further of both limits on either side: of 8 to 12 units the bootstrap alone holds 93 to 94 % of effects."""
    return Estimate(first.value, min(first.low, second.low), max(first.high, second.high))


def _estimate(effect) -> Estimate:
    return Estimate(float(effect.value), float(effect.low), float(effect.high))


def _relative(average: Estimate, panel: UnitPanel) -> Estimate:
    """The effect as a share of what would have been: what was, less the effect."""
    cells = [row[int(start) :] for row, start in zip(panel.values, panel.starts, strict=True) if not np.isnan(start)]
    actual = float(np.concatenate(cells).mean())
    shares = [
        effect / (actual - effect) if actual - effect > 0 else np.nan
        for effect in (average.value, average.low, average.high)
    ]
    return Estimate(*shares)


# ---- A single series ------------------------------------------------------------------------------------------------


def _by_series(panel: UnitPanel, level: float, method: str) -> Assessment:
    series, control = _series(panel)
    size = float(panel.scale[panel.started].mean())
    after, units = panel.values.shape[1] - panel.first, int(panel.started.sum())
    structure = _structure(series, control, panel.first)
    spread = after * units / panel.cells  # where units start later, the months before their start are without effect
    of_structure = _of(structure.average, level).times(size)
    main = of_structure if method == STRUCTURAL else _interrupted(series, panel.first, level).times(size)
    average = main.times(spread)
    return Assessment(
        method,
        False,
        average,
        _relative(average, panel),
        average.times(panel.cells),
        {at: _of(effect, level).times(size) for at, effect in enumerate(structure.effects)},
        {at: _of(effect, level).times(size) for at, effect in enumerate(structure.accumulated)},
        other_model=of_structure.times(spread) if method == INTERRUPTED else None,
    )


def _series(panel: UnitPanel) -> tuple[np.ndarray, np.ndarray]:
    """The mean of the units that started, and that of the untouched as a control: a column, or none."""
    scaled = panel.values / panel.scale[:, None]
    untouched = scaled[~panel.started]
    control = untouched.mean(0)[:, None] if len(untouched) else np.empty((scaled.shape[1], 0))
    return scaled[panel.started].mean(0), control


def _season(times: int, before: int) -> np.ndarray:
    return harmonics(np.arange(times), 12, 1) if before >= _YEARS_FOR_SEASON else np.empty((times, 0))


def _structure(series: np.ndarray, control: np.ndarray, before: int) -> Counterfactual:
    return counterfactual(series, np.hstack([_season(len(series), before), control]), before, WEAK_PRIOR)


def _interrupted(series: np.ndarray, before: int, level: float) -> Estimate:
    time = np.arange(len(series))
    design = np.column_stack([np.ones(len(series)), time, _season(len(series), before), time >= before])
    return _of(level_change(series, design), level)


def _of(mixture: Mixture, level: float) -> Estimate:
    return Estimate(mixture.mean, *mixture.interval(level))


# ---- Placebos -------------------------------------------------------------------------------------------------------


def _placebos(panel: UnitPanel, ratio: float, level: float, method: str) -> Placebos:
    size = float(panel.scale[panel.started].mean())
    dates, units = _at_dates(panel, level, method), _at_units(panel, level, method)

    def as_much(placebos: list[Estimate]) -> int:
        return sum(bool(placebo.ratio >= ratio) for placebo in placebos)

    return Placebos(
        tuple(placebo.times(size) for placebo in dates),
        tuple(placebo.times(size) for placebo in units),
        as_much(dates),
        as_much(units),
    )


def _at_dates(panel: UnitPanel, level: float, method: str) -> list[Estimate]:
    """The estimates at dates before the first start, of the months before it alone and with as many months after as really, or as there are."""
    scaled = panel.values / panel.scale[:, None]
    after = min(panel.values.shape[1] - panel.first, max(panel.first // 3, 1))
    places = range(LEAST_BEFORE[method], panel.first - after + 1)
    step = max(1, -(-len(places) // _MOST_DATES))
    # Without untouched units, those that start later are compared with: before the first start nothing has begun there either.
    started = (
        panel.started if method in (STRUCTURAL, INTERRUPTED) or not panel.started.all() else panel.starts == panel.first
    )
    placebo_of = _placebo_of(method, level)
    return [placebo_of(scaled[:, : place + after], started, place) for place in places[::step]]


def _at_units(panel: UnitPanel, level: float, method: str) -> list[Estimate]:
    """The estimates of each untouched unit as if it had started when the first did, beside the other untouched ones; none of fewer than three."""
    untouched = panel.values[~panel.started] / panel.scale[~panel.started][:, None]
    if len(untouched) < 3:
        return []
    placebo_of = _placebo_of(method, level)
    return [placebo_of(untouched, np.arange(len(untouched)) == unit, panel.first) for unit in range(len(untouched))]


def _placebo_of(method: str, level: float) -> Callable[[np.ndarray, np.ndarray, int], Estimate]:
    """From values, the units that start, and the place of the start to the estimate."""

    def of_units(values: np.ndarray, started: np.ndarray, start: int) -> Estimate:
        starts = np.where(started, float(start), np.nan)
        return _estimate(difference_in_differences(values, starts, level))

    def of_series(values: np.ndarray, started: np.ndarray, start: int) -> Estimate:
        series = values[started].mean(0)
        if method == INTERRUPTED:
            return _interrupted(series, start, level)
        return _of(_structure(series, values[~started].mean(0)[:, None], start).average, level)

    return of_units if method in (DIFFERENCES, STAGGERED) else of_series
