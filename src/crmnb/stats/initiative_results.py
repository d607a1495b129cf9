"""Initiative results: rows, points and notes of the effects of a client's initiatives (`crmnb.stats.initiatives`)."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from crmnb.core.notes import Note
from crmnb.stats.estimation import NAN, Estimates, EstimationContext
from crmnb.stats.initiatives import (
    DIFFERENCES,
    INTERRUPTED,
    LEAST_BEFORE,
    Assessment,
    Estimate,
    UnitPanel,
    assess,
    method_of,
)
from crmnb.stats.panel_effects import changes
from crmnb.stats.shrinkage import LEAST, shrunk

RELATIVE = "relative"
EFFECT, ACCUMULATED, PLACEBO_DATE, PLACEBO_UNIT = (
    "effect",
    "accumulated",
    "placebo date",
    "placebo unit",
)  # levels of points


@dataclass(frozen=True)
class Initiative:
    """An initiative with the panel of its metric; without one the reason.

    `months`: the labels of the panel's columns. `units`: the names of its rows. `champions`: by unit. `unit` is that of an effect. `n` and
    `customers`: the rows counted, and the customers, of each unit those of its largest month.
    """

    name: str
    metric: str
    unit: str
    panel: UnitPanel | None = None
    reason: Note | None = None
    months: tuple[str, ...] = ()
    units: tuple[str, ...] = ()
    champions: dict[str, str] = field(default_factory=dict)
    n: float = NAN
    customers: float = NAN
    notes: tuple[Note, ...] = ()

    def row(self, breakdown: str, estimate: Estimate | None = None, **fields: Any) -> dict[str, Any]:
        """A row of results."""
        value, low, high = (estimate.value, estimate.low, estimate.high) if estimate else (NAN, NAN, NAN)
        sizes = {"n": self.n, "clusters": self.customers, "numerator": NAN, "denominator": NAN}
        key = {"win": "current", "breakdown": breakdown, "segment": "", "level": "", "unit": self.unit}
        texts = {"method": "", "flags": "", "reason": ""}
        return key | {"value": value, "low": low, "high": high} | sizes | texts | fields

    def without(self, reason: Note, breakdown: str = "") -> dict[str, Any]:
        """A row without a value."""
        return self.row(breakdown or self.name, flags="unavailable", reason=reason.to_json())

    def points(self, level: str, estimates: Iterable[tuple[float, Estimate]]) -> list[dict[str, Any]]:
        """Points of a picture: x and the estimate there."""
        key = {"breakdown": self.name, "segment": "", "level": level, "n": self.customers}
        return [key | {"x": float(x), "value": e.value, "low": e.low, "high": e.high} for x, e in estimates]


def effects(initiatives: list[Initiative], context: EstimationContext) -> Estimates:
    """The average effect of each initiative on a unit and month, in the metric's unit and relative to what would have been."""

    def rows(initiative: Initiative, assessment: Assessment) -> list[dict[str, Any]]:
        method = {"method": assessment.method}
        relative = initiative.row(
            f"{initiative.name}, {RELATIVE}", assessment.relative.times(100), **method | {"unit": "%"}
        )
        has_share = initiative.unit != "points" and np.isfinite(assessment.relative.value)
        return [initiative.row(initiative.name, assessment.average, **method), *([relative] if has_share else [])]

    return _estimates(initiatives, context, rows)


def totals(initiatives: list[Initiative], context: EstimationContext) -> Estimates:
    """The effect of each initiative accumulated over its units and months."""
    return _estimates(
        initiatives, context, lambda of, assessment: [of.row(of.name, assessment.total, method=assessment.method)]
    )


def _estimates(initiatives: list[Initiative], context: EstimationContext, rows) -> Estimates:
    estimates = Estimates([])
    for initiative in initiatives:
        reason = initiative.reason or _too_early(initiative)
        if reason:
            estimates.rows.append(initiative.without(reason))
            continue
        assessment = assess(initiative.panel, context.level)
        stated = (
            not assessment.placebos.find_as_much
            and np.isfinite([assessment.average.low, assessment.average.high]).all()
        )
        estimates.rows.extend(rows(initiative, assessment) if stated else [initiative.without(_not_stated(assessment))])
        estimates.points.extend(_points(initiative, assessment))
        estimates.notes.extend([*initiative.notes, *_notes(initiative, assessment)])
    return estimates


def _too_early(initiative: Initiative) -> Note | None:
    needed = LEAST_BEFORE[method_of(initiative.panel.starts)]
    if initiative.panel.first >= needed:
        return None
    return Note("initiative_too_early", months=initiative.panel.first, needed=needed)


def _not_stated(assessment: Assessment) -> Note:
    placebos = assessment.placebos
    if not placebos.find_as_much:
        return Note("initiative_without_interval")
    counts = {"at_dates": placebos.as_much_at_dates, "dates": len(placebos.dates)}
    return Note("placebos_find_as_much", **counts, at_units=placebos.as_much_at_units, units=len(placebos.units))


def _points(initiative: Initiative, assessment: Assessment) -> list[dict[str, Any]]:
    return [
        *initiative.points(EFFECT, assessment.by_month.items()),
        *initiative.points(ACCUMULATED, assessment.until.items()),
        *initiative.points(PLACEBO_DATE, enumerate(assessment.placebos.dates)),
        *initiative.points(PLACEBO_UNIT, enumerate(assessment.placebos.units)),
    ]


def _notes(initiative: Initiative, assessment: Assessment) -> list[Note]:
    panel, placebos = initiative.panel, assessment.placebos
    size = {"started": int(panel.started.sum()), "untouched": int((~panel.started).sum())}
    months = {
        "before": panel.first,
        "after": panel.values.shape[1] - panel.first,
        "first": initiative.months[panel.first],
    }
    key = {"initiative": initiative.name}
    notes = [
        Note(
            "initiative_method",
            **key,
            method=assessment.method,
            wild=assessment.uses_wild_bootstrap,
            metric=initiative.metric,
            **size,
            **months,
        ),
        Note(
            "initiative_assumes",
            **key,
            method=assessment.method,
            proportional=panel.is_total,
            untouched=size["untouched"],
        ),
        Note(
            "initiative_placebos",
            **key,
            dates=len(placebos.dates),
            at_dates=placebos.as_much_at_dates,
            units=len(placebos.units),
            at_units=placebos.as_much_at_units,
        ),
    ]
    if assessment.trend and (assessment.trend.low > 0 or assessment.trend.high < 0):
        notes.append(Note("initiative_trend_before", **key))
    if assessment.method == INTERRUPTED:
        other = assessment.other_model
        notes.append(Note("initiative_other_model", **key, value=other.value, low=other.low, high=other.high))
    return notes


# ---- Champions ------------------------------------------------------------------------------------------------------


def champions(initiatives: list[Initiative], context: EstimationContext) -> Estimates:
    """The change of each champion's units less that of the untouched, shrunken towards the mean of the initiative's champions.

    The variance of a champion's change is that between untouched units, which have no champion, by the number of the champion's units.
    """
    estimates = Estimates([])
    for initiative in (initiative for initiative in initiatives if initiative.champions or initiative.reason):
        reason = initiative.reason or _too_early(initiative) or _no_champions(initiative)
        if reason:
            estimates.rows.append(initiative.without(reason))
            continue
        of_champion, variances = _by_champion(initiative)
        table = shrunk(np.array([*of_champion.values()]), variances, context.level)
        for name, row in zip(of_champion, table.itertuples(index=False), strict=True):
            estimate = Estimate(float(row.value), float(row.low), float(row.high))
            estimates.rows.append(initiative.row(f"{initiative.name}, {name}", estimate, method="empirical Bayes"))
        share = float(table["share"].mean())
        estimates.notes.append(Note("champions_shrunken", initiative=initiative.name, share=share))
    return estimates


def _no_champions(initiative: Initiative) -> Note | None:
    names = {
        initiative.champions.get(unit)
        for unit, starts in zip(initiative.units, initiative.panel.started, strict=True)
        if starts
    }
    if method_of(initiative.panel.starts) != DIFFERENCES or (~initiative.panel.started).sum() < 3:
        return Note("champions_need_comparison")
    return Note("too_few_champions", needed=LEAST) if len(names - {None}) < LEAST else None


def _by_champion(initiative: Initiative) -> tuple[dict[str, float], np.ndarray]:
    """The mean change of each champion's units beyond the untouched, and its variance."""
    panel = initiative.panel
    started, untouched = changes(panel.values / panel.scale[:, None], panel.starts)
    size = float(panel.scale[panel.started].mean())
    of_unit = dict(zip(np.array(initiative.units)[panel.started], (started - untouched.mean()) * size, strict=True))
    by_name: dict[str, list[float]] = {}
    for unit, change in of_unit.items():
        if unit in initiative.champions:
            by_name.setdefault(initiative.champions[unit], []).append(float(change))
    variance = untouched.var(ddof=1) * size**2
    variances = np.array([variance / len(of_units) for of_units in by_name.values()])
    return {name: float(np.mean(of_units)) for name, of_units in by_name.items()}, variances
