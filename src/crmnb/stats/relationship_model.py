"""The path model behind the relationship measure: fitted once to the compared periods together, with its bootstrap.

Source: `crmnb.stats.models.pls_bootstrap`. Where a model cannot be fitted, or fewer than `FEWEST_FOR_WEIGHTS` answers are complete,
the items of a construct have equal weights.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from crmnb.core.notes import Count, Note
from crmnb.stats.estimation import ANSWER_TO, EstimationContext, GroupedCounts
from crmnb.stats.models.item_moments import ClusterSums, cluster_sums, draws
from crmnb.stats.models.maximum_likelihood import CannotFit
from crmnb.stats.models.pls_bootstrap import PathBootstrap, bootstrap_path_model
from crmnb.stats.models.pls_model import PathModel, path_model
from crmnb.stats.shared_fits import shared

FEWEST_FOR_WEIGHTS = 100  # complete answers, below which estimated weights are worse than equal ones
FEWEST_FOR_EFFECTS = 30  # complete answers, below which a regression of the index says nothing
REPLICATES, SEED = 1000, 1989
MOST_FOLDS = 1000  # into which customers are divided at random: from so many on, a fold may hold several
_COMPARED = ("current", "comparison")


@dataclass(frozen=True)
class FittedRelationship:
    """The weights of the relationship's items, and what the bootstrap makes of them.

    columns: of the answers in counts, in the order of weights. model: the path model, whose items are named as people read them. weights: (items,),
    of unstandardised scores; they sum to 1 in each construct. replicates: (replicates, items), the same in each that has an estimate.
    folds: those of the compared periods, which are the clusters. counts: (replicates, folds), how often each was drawn.
    complete: answers without a gap; answers: all; clusters: the customers of complete answers, or
    these themselves where customers share folds. bootstrap: None where no model could be fitted,
    for the reason `refusal`.
    """

    columns: tuple[str, ...]
    model: PathModel
    weights: np.ndarray
    replicates: np.ndarray
    folds: np.ndarray
    counts: np.ndarray
    complete: float
    answers: float
    clusters: float
    bootstrap: PathBootstrap | None
    refusal: Note | None

    def places(self, construct: str) -> np.ndarray:
        """The places of a construct's items among all."""
        return np.flatnonzero(self.model.block == self.model.constructs.index(construct))

    def drawn(self, folds: np.ndarray) -> np.ndarray:
        """(replicates, folds): how often each of some folds was drawn."""
        return self.counts[:, np.searchsorted(self.folds, folds)]

    @property
    def without_effects(self) -> Note | None:
        """Why no effects can be estimated, None where they can."""
        if self.bootstrap is None:
            return self.refusal
        if self.complete < FEWEST_FOR_EFFECTS:
            return Note("too_few_complete_answers", n=Count(self.complete), fewest=FEWEST_FOR_EFFECTS)
        return None

    def weight_notes(self, constructs: list[str]) -> list[Note]:
        """What some constructs are made of, and where the weights of their items come from."""
        notes = []
        for construct in constructs:
            places = self.places(construct)
            if negative := [self.model.items[at] for at in places if self.weights[at] < 0]:
                notes.append(Note("negative_weights", construct=construct, items=negative))
            parts = [Note("item_weight", item=self.model.items[at], weight=self.weights[at]) for at in places]
            notes.append(Note("construct_weights", construct=construct, weights=parts))
        return [*notes, *self.origin_notes()]

    def origin_notes(self) -> list[Note]:
        """Where the weights come from."""
        if self.refusal:
            return [Note("equal_weights_no_model", reason=self.refusal)]
        if self.model.scheme == "equal":
            return [Note("equal_weights_few_answers", n=Count(self.complete), fewest=FEWEST_FOR_WEIGHTS)]
        return [Note("estimated_weights", n=Count(self.complete))]

    def model_notes(self) -> list[Note]:
        """What the estimates of the whole model rest on: answers left out, equal weights, replicates without an estimate."""
        notes = []
        if self.complete < self.answers:
            gaps = Count(self.answers - self.complete)
            notes.append(Note("respondents_with_gaps_left_out", n=gaps, of=Count(self.answers)))
        if self.model.scheme == "equal":
            notes += self.origin_notes()
        failed = self.bootstrap.not_converged + self.bootstrap.undefined if self.bootstrap else 0
        if failed:
            notes.append(Note("replicates_without_estimate", n=failed, of=self.bootstrap.replicates))
        return notes


def answers_of(counts: pd.DataFrame, columns: tuple[str, ...]) -> np.ndarray:
    """(rows, items): the answers on 0-100, NaN where one is missing."""
    return counts[list(columns)].to_numpy(float)


def weight_of(counts: pd.DataFrame) -> np.ndarray:
    """(rows,): how much the rows weigh: their number, times the weight of each where answers are weighted."""
    n = counts["n"].to_numpy(float)
    return n * counts["weight"].fillna(0).to_numpy(float) if "weight" in counts else n


def wholes_without(groups: list[GroupedCounts], names: list[str]) -> list[GroupedCounts]:
    """The whole client's groups of the compared periods without some columns, alike rows together: so that the model is that of the other metrics."""
    wholes = [group for group in groups if group.is_whole and group.win in _COMPARED]
    return [replace(group, counts=_alike(group.counts, names)) for group in wholes]


def _alike(counts: pd.DataFrame, names: list[str]) -> pd.DataFrame:
    columns = [name for name in counts if name not in ("n", *names)]
    return counts.groupby(columns, dropna=False, sort=True, as_index=False)["n"].sum()


def fitted(groups: list[GroupedCounts], context: EstimationContext) -> FittedRelationship:
    """The relationship model of a client; several metrics ask for that of the same answers."""
    wholes = [group.counts for win in _COMPARED for group in groups if group.is_whole and group.win == win]
    counts = pd.concat(wholes, ignore_index=True)
    columns = [name for name in counts if name in ("n", "fold", "weight") or name.startswith(ANSWER_TO)]
    return _fitted(counts[columns], context.settings["relationship"])


@shared
def _fitted(counts: pd.DataFrame, declared: Mapping[str, Any]) -> FittedRelationship:
    items = [item for block in declared["blocks"].values() for item in block]
    columns, labels = tuple(f"{ANSWER_TO}{item}" for item in items), [declared["labels"][item] for item in items]
    folds, fold = np.unique(counts["fold"].to_numpy(), return_inverse=True)
    rows = np.repeat(np.arange(len(counts)), counts["n"].to_numpy(int))
    answers = pd.DataFrame(answers_of(counts, columns)[rows], columns=labels)
    weight = (weight_of(counts) / counts["n"].to_numpy(float))[rows]
    there = (weight > 0) & answers.notna().all(axis=1).to_numpy()
    cluster, complete = fold[rows], float(there.sum())
    scheme = declared["scheme"] if complete >= FEWEST_FOR_WEIGHTS else "equal"
    bootstrap, refusal, usable = None, None, slice(None)
    try:
        sums = cluster_sums(answers, cluster, weight, size=len(folds))
        bootstrap = _bootstrap(sums, declared, scheme)
        if not bootstrap.usable.any():
            raise CannotFit(Note("weights_not_converged", iterations=bootstrap.fit.model.max_iterations))
        weights, replicates = bootstrap.fit.index_weights.to_numpy(), bootstrap.estimates["index_weights"]
        model, usable = bootstrap.fit.model, bootstrap.usable
    except CannotFit as error:
        bootstrap, refusal = None, error.reason
        model = _model(declared, "equal")
        weights = 1 / np.bincount(model.block)[model.block]
        replicates = np.tile(weights, (REPLICATES, 1))
    return FittedRelationship(
        columns=columns,
        model=model,
        weights=weights,
        replicates=replicates,
        folds=folds,
        counts=np.concatenate([*draws(len(folds), REPLICATES, SEED)])[usable],
        complete=complete,
        answers=float((weight > 0).sum()),
        clusters=complete if len(folds) >= MOST_FOLDS else float(len(np.unique(cluster[there]))),
        bootstrap=bootstrap,
        refusal=refusal,
    )


def _bootstrap(sums: ClusterSums, declared: Mapping[str, Any], scheme: str) -> PathBootstrap:
    """The fit and its replicates. Raises CannotFit."""
    if len(sums.weight) < 2:
        raise CannotFit(Note("no_complete_answers"))
    return bootstrap_path_model(sums, _model(declared, scheme), REPLICATES, SEED)


def _model(declared: Mapping[str, Any], scheme: str) -> PathModel:
    """The declared path model; its items are named as people read them."""
    named = {name: [declared["labels"][item] for item in items] for name, items in declared["blocks"].items()}
    return path_model(named, declared["paths"], scheme=scheme)
