"""Strata: customers who behave unlike each other by more than chance, each kind of them with a model of its own.

A model of all customers speaks of no level of a segmentation whose customers leave or buy at another rate. So segmentations are
taken up one after the other, the one that tells most first, as long as a test finds that those it parts differ more than chance
explains (Bonferroni over the segmentations still open, so that in 95 of 100 clients whose levels are all alike none is taken up).
What is left are cells: combinations of levels, each with a model of its own. A level of any segmentation is then told by the
cells of its own customers, and levels add up to the whole.

Forward selection by tests of this kind, on models: Zeileis, Hothorn & Hornik 2008, Journal of Computational and Graphical
Statistics 17:492. Likelihood ratio test: Wilks 1938, Annals of Mathematical Statistics 9:60.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from crmnb.stats.estimation import LEVEL_OF, EstimationContext, GroupedCounts

# A test of one partition: takes the counts and each row's cell, gives the logarithm of the p-value (which may be smaller than any float),
# NaN where it cannot be had.
Test = Callable[[pd.DataFrame, np.ndarray, np.ndarray], float]


@dataclass(frozen=True)
class Strata:
    """How customers are parted, and what was found of each segmentation.

    by: the segmentations that are taken up, in order. p_values: of each segmentation the last test that it was put to, NaN where none
    could be made. cells: of each row of the counts the number of its cell. models: by cell; `own` says of how many of the
    segmentations, in order, those are levels whose customers have a model that can be told of: all where the cell has, fewer where
    only those it was parted from have.
    """

    by: tuple[str, ...]
    p_values: dict[str, float]
    cells: np.ndarray
    models: list[Any]
    own: list[int]
    keys: list[tuple[str, ...]] = field(default_factory=lambda: [()])

    def places(self, counts: pd.DataFrame) -> np.ndarray:
        """The cell of each row of some of the counts."""
        if not self.by:
            return np.zeros(len(counts), int)
        columns = [LEVEL_OF + name for name in self.by]
        return pd.MultiIndex.from_tuples(self.keys).get_indexer(pd.MultiIndex.from_frame(counts[columns]))

    def by_model(self, counts: pd.DataFrame) -> list[tuple[Any, np.ndarray]]:
        """Each model that some of these rows follow, and which of them do: cells may share one."""
        places = self.places(counts)
        inside: dict[int, tuple[Any, np.ndarray]] = {}
        for place in np.unique(places):
            model = self.models[place]
            rows = inside.get(id(model), (model, np.zeros(len(counts), bool)))[1]
            inside[id(model)] = (model, rows | (places == place))
        return list(inside.values())

    def lacks(self, group: GroupedCounts) -> str:
        """Why nothing can be told of a level on its own; "" where it can."""
        if not group.segment or group.segment not in self.p_values:
            return ""
        name = group.segment.replace("_", " ")
        if group.segment in self.by:
            place = self.by.index(group.segment)
            cells = [own for own, key in zip(self.own, self.keys, strict=True) if key[place] == group.level]
            return (
                ""
                if any(own > place for own in cells)
                else f"levels by {name} differ, and this one is too small for a model of its own"
            )
        if np.isnan(self.p_values[group.segment]):
            return f"too little was seen to tell whether levels by {name} differ"
        return ""

    def in_words(self, what: str) -> list[str]:
        """Which segmentations are told by models of their own, and which not; what: that differs or not."""
        alike = [name for name, p in self.p_values.items() if name not in self.by and not np.isnan(p)]
        notes = []
        if self.by:
            notes.append(f"By {_listed(self.by)} {what} differ by more than chance: each level has a model of its own.")
        if alike:
            beside = f" within levels of {_listed(self.by)}" if self.by else ""
            notes.append(
                f"By {_listed(alike)} {what} do not differ by more than chance{beside}: no models of their own."
            )
        return notes


def _listed(names) -> str:
    words = [name.replace("_", " ") for name in names]
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]]))


def segmentations(counts: pd.DataFrame, context: EstimationContext) -> list[str]:
    """The segmentations of customers that counts carry, but for those by time, which is what the models go by."""
    by_time = context.time_segmentations
    names = [name.removeprefix(LEVEL_OF) for name in counts if str(name).startswith(LEVEL_OF)]
    return [name for name in names if name not in by_time and counts[LEVEL_OF + name].nunique() > 1]


def parted(
    counts: pd.DataFrame,
    context: EstimationContext,
    fit: Callable[[pd.DataFrame, Any], Any],
    test: Test,
    rough: Callable[[pd.DataFrame, Any], Any] = lambda some, parent: None,
) -> Strata:
    """The strata of these counts.

    fit: gives the model of some of the rows, None where they are too few; it also takes the model of the customers that these were parted
    from (None where these are all), and may borrow from it. rough: a simpler model, of which nothing is told on its own, but
    which is nearer to a few customers of a kind that differs than the model of all. test: see `Test`; of two arrays of cells, those so far and
    those that these would be parted into.
    """
    names = segmentations(counts, context)
    codes = {name: pd.factorize(counts[LEVEL_OF + name], sort=True)[0] for name in names}
    cells, p_values, by = np.zeros(len(counts), int), {}, []
    while names:
        finer = {name: pd.factorize(cells * (codes[name].max() + 1) + codes[name], sort=True)[0] for name in names}
        found = {name: test(counts, cells, finer[name]) for name in names}
        p_values |= {name: np.exp(p) for name, p in found.items() if name not in p_values or not np.isnan(p)}
        known = {name: p for name, p in found.items() if not np.isnan(p)}
        best = min(known, key=known.get, default=None)
        if best is None or np.exp(known[best]) * len(known) >= 1 - context.level:
            break
        by.append(best)
        names.remove(best)
        cells = finer[best]
    return _with_models(counts, tuple(by), p_values, cells, (fit, rough))


def _with_models(
    counts: pd.DataFrame,
    by: tuple[str, ...],
    p_values: dict[str, float],
    cells: np.ndarray,
    ways: tuple[Callable, Callable],
) -> Strata:
    """The models of the cells; a cell that is too small has that of the customers it was parted from."""
    models, own, keys = [], [], []
    known: dict[tuple, Any] = {}

    def of(key: tuple, way: int) -> Any:
        if (key, way) not in known:
            inside = np.ones(len(counts), bool)
            for name, level in zip(by, key, strict=False):
                inside &= (counts[LEVEL_OF + name] == level).to_numpy()
            known[key, way] = ways[way](counts[inside], parent(key))
        return known[key, way]

    def parent(key: tuple) -> Any:
        shorter = (of(key[:length], way) for length in range(len(key) - 1, -1, -1) for way in (0, 1))
        return next((model for model in shorter if model is not None), None)

    first = pd.Series(np.arange(len(cells))).groupby(cells).first() if len(cells) else []
    for row in first:
        key = tuple(counts[LEVEL_OF + name].iloc[row] for name in by)
        tried = [(key[:length], way) for length in range(len(key), -1, -1) for way in (0, 1)]
        nearest = next((each for each in tried if of(*each) is not None), ((), 0))
        models.append(of(*nearest))
        own.append(next((length for length in range(len(key), 0, -1) if of(key[:length], 0) is not None), 0))
        keys.append(key)
    return Strata(by, p_values, cells, models, own, keys)


def likelihood_ratio(
    counts: pd.DataFrame,
    cells: np.ndarray,
    finer: np.ndarray,
    fit: Callable[[pd.DataFrame], Any],
    likelihood: Callable[[pd.DataFrame, Any], float],
    parameters: Callable[[Any], int],
    near: Callable[[pd.DataFrame, Any], Any] | None = None,
) -> float:
    """The logarithm of the p-value that those in finer cells follow the models of the cells that they are parted from; NaN where no two can be fitted.

    near: a model of a part that borrows from the whole's, which is a case of it. It is taken where the part's own fit has fewer parameters than
    the whole's (a small part cannot carry more) and so might be less likely than that, or is refused.
    Where something is left that is too small for a fit, the others are held against the model of all: their own parameters are
    then added, and replace none.
    A likelihood's maximum may lie in a limit with fewer parameters; the test has the parts less one as degrees of freedom at least.
    """
    gain, degrees, compared = 0.0, 0, False
    for cell in np.unique(cells):
        inside = cells == cell
        whole = fit(counts[inside])
        if whole is None:
            continue
        fitted, complete = _fitted(counts, finer, inside, _as_rich(fit, parameters, near, whole) if near else fit)
        if not fitted:
            continue
        compared |= len(fitted) > 1
        gain += sum(own.log_likelihood - likelihood(some, whole) for some, own in fitted)
        added = sum(parameters(own) for _, own in fitted)
        if near is not None and min(parameters(own) for _, own in fitted) < parameters(whole):
            added += parameters(whole) - 1  # what those that borrow have in common: they differ from it together
        degrees += max(added - parameters(whole) * complete, len(fitted) - complete)
    return float(stats.chi2.logsf(2 * gain, degrees)) if compared else np.nan


def _as_rich(fit: Callable, parameters: Callable, near: Callable, whole: Any) -> Callable[[pd.DataFrame], Any]:
    """A part's own fit, or, where that has fewer parameters than the whole's or is refused, the one that borrows from the whole's."""

    def of(some: pd.DataFrame) -> Any:
        own = fit(some)
        if own is not None and parameters(own) >= parameters(whole):
            return own
        borrowed = near(some, whole)
        return own if borrowed is None else borrowed

    return of


def _fitted(counts: pd.DataFrame, finer: np.ndarray, inside: np.ndarray, fit) -> tuple[list[tuple], bool]:
    """The parts of a cell with their fits, and whether these are all of its customers. Parts too small for a fit are taken together."""
    rows = [counts[finer == part] for part in np.unique(finer[inside])]
    if len(rows) < 2:
        return [], False
    fits = [(some, fit(some)) for some in rows]
    fitted = [(some, own) for some, own in fits if own is not None]
    small = [some for some, own in fits if own is None]
    rest = fit(together := pd.concat(small)) if len(small) > 1 else None
    return fitted + ([(together, rest)] if rest is not None else []), not small or rest is not None
