"""Non-response: what raking the answers to the customer base changes in the relationship index, and which levels answer too seldom.

Counts are those of `crmnb.stats.relationship` with the customers of the base among them (`base` = 1, without answers), and the levels of both
in columns `of <segmentation>`. Settings as there.

Sources. `crmnb.stats.weights` (raking; Kish's effective n). Bootstrap of respondents, raked in each replicate: Lumley 2010, Complex Surveys,
2.3. Shares of answers: Wilson 1927, Journal of the American Statistical Association 22:209.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy.special import ndtri

from crmnb.core.notes import Count, Note
from crmnb.stats.estimation import LEVEL_OF, RELATIONSHIP_INDEX, Estimates, EstimationContext, GroupedCounts
from crmnb.stats.models.maximum_likelihood import CannotFit
from crmnb.stats.relationship import METHOD, SHARED_FOLDS, current_whole
from crmnb.stats.relationship_model import FittedRelationship, answers_of, fitted, weight_of, wholes_without
from crmnb.stats.weights import effective_n, rake, raking_factors

SHIFT, UNWEIGHTED, WEIGHTED = "weighted less as answered", "as answered", "weighted to all customers"
SHARE_GAP = "share of answers less share of customers"
FEWEST = 5  # respondents of a level, below which it is put together with other small ones
_SMALL = "small levels"
_REPLICATES = 500  # of those of the path model
_LIMITS = (0.2, 5.0)  # of weights, as multiples of the mean weight
_FAR = 1e-4  # a share that raking may miss in a replicate


@dataclass(frozen=True)
class Respondents:
    """The complete answers of the reporting period: counts with a row for each fold, levels and answers; their items of the index; what each row weighs.

    margins: by segmentation, the customers of the base by level; levels: the respondents' level in each of these, small ones put together.
    """

    counts: pd.DataFrame
    answers: np.ndarray
    weight: np.ndarray
    levels: pd.DataFrame
    margins: dict[str, dict[str, float]]


def shift(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The index as answered, raked to the customer base, and the difference; by level, the share of answers less that of customers."""
    whole = current_whole(groups)
    if whole is None:
        return Estimates([])
    answered = [replace(group, counts=group.counts[group.counts["base"] == 0]) for group in groups if group.is_whole]
    answered = [group for group in answered if len(group.counts)]
    if current_whole(answered) is None:
        return Estimates([whole.row(reason=Note("no_complete_answers"))])
    levels = [name for name in whole.counts if name.startswith(LEVEL_OF)]
    relationship = fitted(wholes_without(answered, ["base", *levels]), context)
    try:
        respondents = _respondents(whole, relationship, context)
        rows, notes = _index_rows(whole, respondents, relationship, context)
    except CannotFit as error:
        return Estimates([whole.row(reason=error.reason)])
    return Estimates([*rows, *_share_rows(groups, context)], notes=notes)


def _respondents(whole: GroupedCounts, relationship: FittedRelationship, context: EstimationContext) -> Respondents:
    """Raises CannotFit where no segmentation has two levels that can be raked to."""
    places = relationship.places(RELATIONSHIP_INDEX)
    is_base = (whole.counts["base"] == 1).to_numpy()
    answers, weight = answers_of(whole.counts, relationship.columns)[:, places], weight_of(whole.counts)
    unknown = context.settings["relationship"]["unknown"]
    names = _raked(whole, context)
    there = ~is_base & ~np.isnan(answers).any(axis=1) & (weight > 0)
    levels, margins = {}, {}
    base, n = whole.counts[is_base], whole.counts["n"]
    for name in names:
        customers = base.groupby(name)["n"].sum()
        customers = customers[customers.index != unknown]
        there &= whole.counts[name].isin(customers.index).to_numpy() | is_base
        levels[name], margins[name] = whole.counts[name], customers
    for name in names:
        respondents = n[there].groupby(levels[name][there]).sum().reindex(margins[name].index, fill_value=0.0)
        pooled = respondents.index[respondents < FEWEST]
        if respondents[pooled].sum() < FEWEST and len(pooled) and len(pooled) < len(respondents):
            pooled = respondents.sort_values(kind="stable").index[: len(pooled) + 1]
        renamed = dict.fromkeys(pooled, _SMALL)
        margins[name] = (
            margins[name].groupby(margins[name].index.map(lambda level, to=renamed: to.get(level, level))).sum()
        )
        levels[name] = levels[name].replace(renamed)
    margins = {name: of.to_dict() for name, of in margins.items() if len(of) > 1}
    if not margins or not there.any():
        raise CannotFit(Note("nothing_to_rake_to"))
    chosen = pd.DataFrame({name: levels[name][there] for name in margins}).reset_index(drop=True)
    return Respondents(whole.counts[there].reset_index(drop=True), answers[there], weight[there], chosen, margins)


def _raked(whole: GroupedCounts, context: EstimationContext) -> list[str]:
    """The columns of the segmentations to rake to: not of those that change with time, as the base is that of the period's end."""
    levels = [name for name in whole.counts if name.startswith(LEVEL_OF)]
    return [name for name in levels if name.removeprefix(LEVEL_OF) not in context.time_segmentations]


def _index_rows(
    whole: GroupedCounts, respondents: Respondents, relationship: FittedRelationship, context: EstimationContext
) -> tuple[list[dict], list[Note]]:
    """Raises CannotFit."""
    item_weights = relationship.weights[relationship.places(RELATIONSHIP_INDEX)]
    scores, weight = respondents.answers @ item_weights, respondents.weight
    raked = rake(respondents.levels, respondents.margins, weight, _LIMITS)
    n = respondents.counts["n"].to_numpy(float)
    factors = raked.weights / (weight / weight.mean())
    per_answer = np.repeat(weight * factors / n, n.astype(int))
    values = {UNWEIGHTED: scores @ weight / weight.sum(), WEIGHTED: scores @ raked.weights / raked.weights.sum()}
    values[SHIFT] = values[WEIGHTED] - values[UNWEIGHTED]
    drawn = _replicates(respondents, relationship)
    ends = (1 - context.level) / 2, (1 + context.level) / 2
    folds = respondents.counts["fold"].nunique()
    sizes = {
        "n": float(n.sum()),
        "clusters": float(folds) if folds < SHARED_FOLDS else float(n.sum()),
        "method": METHOD,
    }
    rows = []
    for name in (SHIFT, UNWEIGHTED, WEIGHTED):
        low, high = np.nanquantile(drawn[name], ends)
        limits = {"low": min(float(low), values[name]), "high": max(float(high), values[name])}
        rows.append(whole.row(breakdown=name, value=float(values[name]), **limits, **sizes))
    cost = {
        "effective_n": effective_n(per_answer),
        "n": Count(n.sum()),
        "design_effect": n.sum() / effective_n(per_answer),
    }
    notes = [] if raked.converged else [Note("margins_not_met", deviation=raked.deviation, iterations=raked.iterations)]
    return rows, [*notes, Note("weights_cost_precision", **cost)]


def _replicates(respondents: Respondents, relationship: FittedRelationship) -> dict[str, np.ndarray]:
    """The index as answered, raked, and the difference in replicates; NaN where a level has nobody, or raking does not come to an end."""
    places = relationship.places(RELATIONSHIP_INDEX)
    levels = respondents.levels.astype(str)
    grouped = levels.groupby(list(levels), sort=True)
    cell, cells = grouped.ngroup().to_numpy(), grouped.size().index.to_frame(index=False)
    folds, fold = np.unique(respondents.counts["fold"].to_numpy(), return_inverse=True)
    at, shape = fold * len(cells) + cell, (len(folds), len(cells))
    drawn = relationship.drawn(folds)[:_REPLICATES]

    def by_cell(value: np.ndarray) -> np.ndarray:
        return drawn @ np.bincount(at, value, shape[0] * shape[1]).reshape(shape)

    counts = by_cell(respondents.weight)
    margins = {name: {str(level): of for level, of in levels.items()} for name, levels in respondents.margins.items()}
    factors, deviation = raking_factors(cells, counts, margins, tolerance=_FAR)
    weights = relationship.replicates[: len(drawn), places]
    sums = [by_cell(respondents.weight * answer) for answer in respondents.answers.T]
    scores = sum(weights[:, at, None] * of for at, of in enumerate(sums))
    with np.errstate(invalid="ignore", divide="ignore"):
        plain = scores.sum(axis=1) / counts.sum(axis=1)
        raked = (factors * scores).sum(axis=1) / (factors * counts).sum(axis=1)
    raked[~(deviation < _FAR)] = np.nan
    return {UNWEIGHTED: plain, WEIGHTED: raked, SHIFT: raked - plain}


def _share_rows(groups: list[GroupedCounts], context: EstimationContext) -> list[dict]:
    """Of each level the share of the answers less that of the customers, with Wilson's interval of the first."""
    z, rows = ndtri((1 + context.level) / 2), []
    levels = [group for group in groups if not group.is_whole and group.win == "current"]
    whole = current_whole(groups)
    of_customers = {name.removeprefix(LEVEL_OF) for name in _raked(whole, context)}
    for segment in dict.fromkeys(group.segment for group in levels if group.segment in of_customers):
        own = [group for group in levels if group.segment == segment]
        counts = [(group, _size(group, 0), _size(group, 1)) for group in own]
        answers, customers = sum(a for _, a, _ in counts), sum(c for _, _, c in counts)
        has_small = any(0 < size < context.suppress_below for _, *sizes in counts for size in sizes)
        if (
            not answers or not customers or has_small
        ):  # shares make 1 together, so that one that is left out would follow
            continue
        for group, n, base in counts:
            if group.level == context.settings["relationship"]["unknown"]:
                continue
            share, expected = n / answers, base / customers
            centre = (share + z**2 / (2 * answers)) / (1 + z**2 / answers)
            half = z / (1 + z**2 / answers) * np.sqrt(share * (1 - share) / answers + z**2 / (4 * answers**2))
            figures = {"value": share - expected, "low": centre - half - expected, "high": centre + half - expected}
            figures |= {"n": n, "clusters": min(n, base) if base else n, "method": "Wilson"}
            figures = {name: 100 * of if name in ("value", "low", "high") else of for name, of in figures.items()}
            rows.append(group.row(breakdown=SHARE_GAP, **figures))
    return rows


def _size(group: GroupedCounts, base: int) -> float:
    return float(group.counts.loc[group.counts["base"] == base, "n"].sum())
