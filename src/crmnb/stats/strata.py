"""Strata: groups of customers who behave differently by more than chance, each with a model of its own.

A model of all customers does not hold for a level whose customers leave or buy at another rate. So segmentations are selected one
after the other, the one with the smallest p-value first, as long as a test finds that its levels differ by more than chance
(Bonferroni over the segmentations still open, so that in 95 of 100 clients without differences none is selected). The result are
cells: combinations of levels, each with a model of its own. The whole is the sum over the cells. A level of a selected segmentation is
estimated from the cells of its own customers. That a test finds no difference does not mean that there is none: where the caller can
scale the models of the cells to the level's own customers, levels of other segmentations have models of their own as well. With the
models of all, their intervals would be too narrow.

Forward selection by tests of this kind, on models: Zeileis, Hothorn & Hornik 2008, Journal of Computational and Graphical
Statistics 17:492. Likelihood ratio test: Wilks 1938, Annals of Mathematical Statistics 9:60.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache
from typing import Any

import numpy as np
import pandas as pd

from crmnb.core.notes import Note
from crmnb.stats.distributions import chi2_log_tail
from crmnb.stats.estimation import LEVEL_OF, EstimationContext, GroupedCounts
from crmnb.stats.models.maximum_likelihood import CannotFit

# A test of one partition: takes the counts, each row's cell and each row's finer cell; returns the logarithm of the p-value (which may be
# smaller than any float), NaN where there is no test.
Test = Callable[[pd.DataFrame, np.ndarray, np.ndarray], float]


@dataclass(frozen=True)
class Strata:
    """The cells of customers and their models.

    by: the selected segmentations, in order. p_values: of each segmentation's last test, NaN where there was none. cells: the number
    of the cell of each row of the counts. models: by cell. own: by cell, the number of selected segmentations, in order, whose
    levels have a model of their own: all of them where the cell has one, fewer where only the larger group has that it is part of.
    keys: by cell, its levels of the selected segmentations. scaled: by level (segmentation, level) of the segmentations that are not
    selected, the strata with models that are scaled to it; None where levels share the models of the cells.
    """

    by: tuple[str, ...]
    p_values: dict[str, float]
    cells: np.ndarray
    models: list[Any]
    own: list[int]
    keys: list[tuple[str, ...]] = field(default_factory=lambda: [()])
    scaled: dict[tuple[str, str], "Strata"] | None = None

    def of_group(self, group: GroupedCounts) -> "Strata":
        """The strata that a group is estimated from."""
        return (self.scaled or {}).get((group.segment, group.level), self)

    def places(self, counts: pd.DataFrame) -> np.ndarray:
        """The cell of each row of some of the counts."""
        if not self.by:
            return np.zeros(len(counts), int)
        columns = [LEVEL_OF + name for name in self.by]
        return pd.MultiIndex.from_tuples(self.keys).get_indexer(pd.MultiIndex.from_frame(counts[columns]))

    def by_model(self, counts: pd.DataFrame) -> list[tuple[Any, np.ndarray]]:
        """Each model that some of these rows follow, and which rows do (a boolean array): cells may share a model."""
        places = self.places(counts)
        inside: dict[int, tuple[Any, np.ndarray]] = {}
        for place in np.unique(places):
            model = self.models[place]
            rows = inside.get(id(model), (model, np.zeros(len(counts), bool)))[1]
            inside[id(model)] = (model, rows | (places == place))
        return list(inside.values())

    def unavailable(self, group: GroupedCounts) -> Note | None:
        """Why a level has no estimate of its own; None where it has."""
        if not group.segment or group.segment not in self.p_values:
            return None
        too_small = Note("level_too_small", segmentation=group.segment)
        if group.segment in self.by:
            place = self.by.index(group.segment)
            cells = [own for own, key in zip(self.own, self.keys, strict=True) if key[place] == group.level]
            return None if any(own > place for own in cells) else too_small
        if self.scaled is not None:
            return None if (group.segment, group.level) in self.scaled else too_small
        if np.isnan(self.p_values[group.segment]):
            return Note("levels_not_testable", segmentation=group.segment)
        return None

    def notes(self, quantity: str) -> list[Note]:
        """Which segmentations have models of their own and which have not; quantity: a code of what was tested."""
        others = [name for name, p_value in self.p_values.items() if name not in self.by and not np.isnan(p_value)]
        notes = [Note("levels_with_models", segmentations=self.by, quantity=quantity)] if self.by else []
        if others:
            notes.append(
                Note(
                    "levels_without_models",
                    segmentations=others,
                    quantity=quantity,
                    within=self.by,
                    apart=self.scaled is not None,
                )
            )
        return notes


def segmentations(counts: pd.DataFrame, context: EstimationContext) -> list[str]:
    """The segmentations of customers in the counts, without those by time, which the models contain already."""
    names = [name.removeprefix(LEVEL_OF) for name in counts if str(name).startswith(LEVEL_OF)]
    return [name for name in names if name not in context.time_segmentations and counts[LEVEL_OF + name].nunique() > 1]


def with_columns(counts: pd.DataFrame, *names: str) -> pd.DataFrame:
    """The counts with these columns, those of them that are there, and the customers' levels: all that a fit depends on."""
    return counts[[name for name in counts if name in names or str(name).startswith(LEVEL_OF)]]


def or_none(fit: Callable[[pd.DataFrame], Any]) -> Callable[..., Any]:
    """The fit of a model that borrows nothing from a larger group, None in place of CannotFit: as `stratified` and `likelihood_ratio` take it."""

    def fitted(counts: pd.DataFrame, parent: Any = None) -> Any:
        with suppress(CannotFit):
            return fit(counts)
        return None

    return fitted


def stratified(
    counts: pd.DataFrame,
    context: EstimationContext,
    fit: Callable[[pd.DataFrame, Any], Any],
    test: Test,
    rough: Callable[[pd.DataFrame, Any], Any] = lambda some, parent: None,
    scale: Callable[[Strata, pd.DataFrame], dict[int, Any] | None] | None = None,
) -> Strata:
    """The strata of these counts.

    fit: returns the model of some of the rows, None where they are too few; it also takes the model of the larger group that they are
    part of (None for the whole), and may borrow from it. rough: a simpler model that is not reported on its own, but is nearer to a
    small cell that differs than the model of all. test: see `Test`. scale: returns the models of the
    cells scaled to the rows of a level, by the id of the cell's own model; None where these are too few.
    """
    names = segmentations(counts, context)
    codes = {name: pd.factorize(counts[LEVEL_OF + name], sort=True)[0] for name in names}
    cells, p_values, by = np.zeros(len(counts), int), {}, []
    while names:
        finer = {name: pd.factorize(cells * (codes[name].max() + 1) + codes[name], sort=True)[0] for name in names}
        log_p = {name: test(counts, cells, finer[name]) for name in names}
        p_values |= {name: np.exp(p) for name, p in log_p.items() if name not in p_values or not np.isnan(p)}
        tested = {name: p for name, p in log_p.items() if not np.isnan(p)}
        best = min(tested, key=tested.get, default=None)
        if best is None or np.exp(tested[best]) * len(tested) >= 1 - context.level:
            break
        by.append(best)
        names.remove(best)
        cells = finer[best]
    strata = _with_models(counts, tuple(by), p_values, cells, fit, rough)
    return strata if scale is None else replace(strata, scaled=_scaled(counts, strata, scale))


def _scaled(counts: pd.DataFrame, strata: Strata, scale: Callable) -> dict[tuple[str, str], Strata]:
    """The strata scaled to each level of the segmentations that were tested and not selected, without levels that are too small."""
    scaled = {}
    for name in strata.p_values:
        if name not in strata.by:
            for level, rows in counts.groupby(LEVEL_OF + name):
                if (by_id := scale(strata, rows)) is not None:
                    models = [by_id.get(id(model), model) for model in strata.models]
                    scaled[name, level] = replace(strata, models=models)
    return scaled


def _with_models(
    counts: pd.DataFrame,
    by: tuple[str, ...],
    p_values: dict[str, float],
    cells: np.ndarray,
    fit: Callable,
    rough: Callable,
) -> Strata:
    """The models of the cells. A cell that is too small has that of the larger group that it is part of.

    Where other cells of that group have models of their own, those that are too small have one together: the model of the whole group
    describes all of them, and the losses of the small ones would count too little.
    """
    levels = counts[[LEVEL_OF + name for name in by]]
    keys = [tuple(levels.iloc[row]) for row in pd.Series(np.arange(len(cells))).groupby(cells).first()]

    def rows_of(key: tuple) -> pd.DataFrame:
        return counts[np.array([cell[: len(key)] == key for cell in keys])[cells]]

    @cache
    def own(key: tuple) -> Any:
        return fit(rows_of(key), parent(key))

    @cache
    def nearest(key: tuple) -> tuple[int, Any]:
        """The length of the longest part of a key whose customers have a model, and that model."""
        model = own(key)
        model = rough(rows_of(key), parent(key)) if model is None else model
        return nearest(key[:-1]) if model is None and key else (len(key), model)

    def parent(key: tuple) -> Any:
        return nearest(key[:-1])[1] if key else None

    lengths, models = [nearest(key)[0] for key in keys], [nearest(key)[1] for key in keys]
    groups = [key[:length] for key, length in zip(keys, lengths, strict=True)]
    for group in set(groups):
        members = [place for place, other in enumerate(groups) if other == group]
        complete = sum(key[: len(group)] == group for key in keys) == len(members)
        together = counts[np.isin(cells, members)]
        model = None if complete else _first_not_none(together, nearest(group)[1], fit, rough)
        models = [model if model is not None and place in members else usual for place, usual in enumerate(models)]
    own_lengths = [next((n for n in range(len(by), 0, -1) if own(key[:n]) is not None), 0) for key in keys]
    return Strata(by, p_values, cells, models, own_lengths, keys)


def _first_not_none(rows: pd.DataFrame, parent: Any, *fits: Callable) -> Any:
    return next((model for fit in fits if (model := fit(rows, parent)) is not None), None)


def likelihood_ratio(
    counts: pd.DataFrame,
    cells: np.ndarray,
    finer: np.ndarray,
    fit: Callable[[pd.DataFrame], Any],
    likelihood: Callable[[pd.DataFrame, Any], float],
    parameters: Callable[[Any], int],
    near: Callable[[pd.DataFrame, Any], Any] | None = None,
) -> float:
    """The logarithm of the p-value that finer cells follow the models of the cells they are parts of; NaN where no two can be fitted.

    near: a model of a part that borrows from the whole's and contains it as a special case. It replaces a part's own fit that has fewer
    parameters than the whole's (a small part cannot support more), which might be less likely than the whole's, or that is refused.
    Where something remains that is too small for a fit, the others are tested against the model of all: their parameters are then
    added and replace none. A likelihood's maximum may lie in a limit with fewer parameters; the degrees of freedom are at least
    the number of parts less one.
    """
    gain, degrees, compared = 0.0, 0, False
    for cell in np.unique(cells):
        inside = cells == cell
        whole = fit(counts[inside])
        if whole is None:
            continue
        part_fit = _with_fallback(fit, parameters, near, whole) if near else fit
        fitted, complete = _fitted_parts(counts, finer, inside, part_fit)
        if not fitted:
            continue
        compared |= len(fitted) > 1
        gain += sum(own.log_likelihood - likelihood(rows, whole) for rows, own in fitted)
        added = sum(parameters(own) for _, own in fitted)
        if near is not None and min(parameters(own) for _, own in fitted) < parameters(whole):
            added += parameters(whole) - 1  # what those that borrow have in common: they differ from it together
        degrees += max(added - parameters(whole) * complete, len(fitted) - complete)
    return chi2_log_tail(2 * gain, degrees) if compared else np.nan


def _with_fallback(fit: Callable, parameters: Callable, near: Callable, whole: Any) -> Callable[[pd.DataFrame], Any]:
    """A part's own fit, or, where that has fewer parameters than the whole's or is refused, the one that borrows from the whole's."""

    def part_fit(rows: pd.DataFrame) -> Any:
        own = fit(rows)
        if own is not None and parameters(own) >= parameters(whole):
            return own
        borrowed = near(rows, whole)
        return own if borrowed is None else borrowed

    return part_fit


def _fitted_parts(counts: pd.DataFrame, finer: np.ndarray, inside: np.ndarray, fit) -> tuple[list[tuple], bool]:
    """The parts of a cell with their fits, and whether these are all of its customers. Parts too small for a fit are taken together."""
    parts = [counts[finer == part] for part in np.unique(finer[inside])]
    if len(parts) < 2:
        return [], False
    fits = [(rows, fit(rows)) for rows in parts]
    fitted = [(rows, own) for rows, own in fits if own is not None]
    unfitted = [rows for rows, own in fits if own is None]
    rest = fit(together := pd.concat(unfitted)) if len(unfitted) > 1 else None
    return fitted + ([(together, rest)] if rest is not None else []), not unfitted or rest is not None
