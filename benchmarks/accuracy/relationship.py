"""python -m benchmarks.accuracy.relationship [--quick]: intervals of the relationship measure against a known model.

Two waves of a survey with two drivers, an index and an outcome, on scales of 1 to 10; half of the customers answer both waves, with the same
opinion. True values are those of a very large sample. Printed: how many of the 95% intervals contain the true value, of the index, of a
driver's score, of its total and direct impact and its share, and of the change between the waves, which is none.
With fewer than 100 answers in both waves together, all questions have equal weights: there the truth is that of equal weights.
Three further designs of 250 answers in each wave: customers who answer up to several times within a wave; customers drawn with unequal
probabilities that depend on their opinion, with survey weights; and drivers that are nearly the same.

The last line is JSON. Exits with 1 where a coverage lies below the aim by more than chance. `--quick` draws fewer.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from functools import cache

import numpy as np
import pandas as pd

from crmnb.stats import relationship
from crmnb.stats.estimation import ANSWER_TO, RELATIONSHIP_INDEX, EstimationContext, GroupedCounts
from crmnb.stats.models.item_moments import cluster_sums, item_moments
from crmnb.stats.models.pls import fit_path_model
from crmnb.stats.models.pls_model import path_model
from crmnb.stats.models.relative_importance import relative_importance
from crmnb.stats.moments import difference
from crmnb.stats.relationship_model import FEWEST_FOR_WEIGHTS

BLOCKS = {
    "Service": ["s1", "s2", "s3"],
    "Price": ["p1", "p2"],
    RELATIONSHIP_INDEX: ["i1", "i2", "i3"],
    "Loyalty": ["l1"],
}
PATHS = (
    ("Price", "Service"),
    ("Price", RELATIONSHIP_INDEX),
    ("Service", RELATIONSHIP_INDEX),
    (RELATIONSHIP_INDEX, "Loyalty"),
)
LOADINGS = (1.0, 0.8, 0.6, 1.0, 0.7, 1.0, 0.9, 0.7, 1.0)  # of the items, in order
ITEMS = [item for block in BLOCKS.values() for item in block]
SIZES = (40, 80, 250, 1_000)  # answers in each wave
AIM = 0.92  # the share of intervals that is to contain the truth
LARGE = 400_000
LEVEL = 0.95


@dataclass(frozen=True)
class Design:
    """How a wave is drawn: answers per customer, whether inclusion depends on opinions, and what service has in common with price and of its own."""

    name: str = "plain"
    per_customer: int = 1
    weighted: bool = False
    common: float = 0.5
    own: float = 1.0


PLAIN = Design()
DESIGNS = (
    Design("repeated answers", per_customer=3),
    Design("unequal weights", weighted=True),
    Design("collinear drivers", common=1.0, own=0.3),
)
DESIGN_SIZE = 250


def main(arguments: list[str] | None = None) -> int:
    """Run the study."""
    parser = argparse.ArgumentParser("relationship", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    runs = 200 if parser.parse_args(arguments).quick else 1_000
    lines, missed = [], []
    chance = 3 * np.sqrt(AIM * (1 - AIM) / runs)
    for size, design in [*((size, PLAIN) for size in SIZES), *((DESIGN_SIZE, design) for design in DESIGNS)]:
        truth = true_values("path" if 2 * size >= FEWEST_FOR_WEIGHTS else "equal", design)
        coverage = pd.DataFrame([covered(size, seed, truth, design) for seed in range(runs)]).mean()
        line = {"design": design.name, "answers": size, **coverage.round(3).to_dict()}
        lines.append(line)
        print("  ".join(f"{name} {value}" for name, value in line.items()))
        missed += [(design.name, size, name) for name, share in coverage.items() if share < AIM - chance]
    print(json.dumps({"benchmark": "relationship", "runs": runs, "cases": lines, "missed": missed}))
    return 1 if missed else 0


def opinions(rng: np.random.Generator, size: int) -> np.ndarray:
    """What customers think of service and price, beyond what these have in common."""
    return rng.normal(size=(size, 2))


def inclusion(opinion: np.ndarray) -> np.ndarray:
    """The probability that a customer of a weighted design is drawn: the more content with the price, the likelier."""
    return 0.2 + 0.7 / (1 + np.exp(-opinion[:, 1]))


def drawn_opinions(rng: np.random.Generator, size: int, design: Design) -> np.ndarray:
    """The opinions of so many customers who are drawn."""
    if not design.weighted:
        return opinions(rng, size)
    all_of_them = opinions(rng, 6 * size)
    return all_of_them[rng.random(len(all_of_them)) < inclusion(all_of_them)][:size]


def answers(rng: np.random.Generator, opinion: np.ndarray, design: Design = PLAIN) -> pd.DataFrame:
    """Answers of customers on 0-100, in whole steps of a scale of 1 to 10."""
    price = opinion[:, 1]
    service = design.common * price + design.own * opinion[:, 0]
    index = 0.6 * service + 0.4 * price + 0.5 * rng.normal(size=len(opinion))
    latent = {"Service": service, "Price": price, RELATIONSHIP_INDEX: index, "Loyalty": index}
    of_items = [latent[name] for name, block in BLOCKS.items() for _ in block]
    columns = {
        item: 6.5 + 1.7 * (loading * of + 0.7 * rng.normal(size=len(opinion)))
        for item, loading, of in zip(ITEMS, LOADINGS, of_items, strict=True)
    }
    return (pd.DataFrame(columns).round().clip(1, 10) - 1) / 9 * 100


@cache
def true_values(scheme: str, design: Design = PLAIN) -> dict[str, float]:
    """The values of a very large sample of all customers."""
    rng = np.random.default_rng(1)
    sample = answers(rng, opinions(rng, LARGE), design)
    fit = fit_path_model(item_moments(cluster_sums(sample)), path_model(BLOCKS, PATHS, scheme=scheme))
    pair = ("Price", RELATIONSHIP_INDEX)
    shares = relative_importance(fit.correlations, RELATIONSHIP_INDEX, ["Service", "Price"])
    return {
        "index": fit.means[RELATIONSHIP_INDEX],
        "score": fit.means["Price"],
        "impact": relationship.STEP * fit.unstandardised_total_effects.loc[pair],
        "direct": relationship.STEP * fit.unstandardised_paths.loc[pair],
        "share": shares.loc["Price", "share"],
    }


def covered(size: int, seed: int, truth: dict[str, float], design: Design = PLAIN) -> dict[str, bool]:
    """Whether the intervals of one pair of waves contain the true values."""
    rng = np.random.default_rng([seed, size])
    people = size // design.per_customer if design.per_customer > 1 else size
    repeating = people // 2
    first = drawn_opinions(rng, people, design)
    second = np.concatenate([first[:repeating], drawn_opinions(rng, people - repeating, design)])
    customers = np.arange(people), np.concatenate([np.arange(repeating), np.arange(people, 2 * people - repeating)])
    groups = []
    for win, opinion, customer in zip(("comparison", "current"), (first, second), customers, strict=True):
        who = np.arange(size) if people == size else rng.integers(0, people, size)
        weight = 1 / inclusion(opinion[who]) if design.weighted else None
        groups.append(_group(win, answers(rng, opinion[who], design), customer[who], weight))
    settings = {"blocks": BLOCKS, "paths": PATHS, "scheme": "path", "drivers": ("Service", "Price")}
    asked = EstimationContext(LEVEL, {"relationship": settings | {"labels": {item: item for item in ITEMS}}})
    index = _by_window(relationship.index(groups, asked).rows, "")
    impacts = relationship.driver_impacts(groups, asked).rows
    rows = {
        "index": index["current"],
        "score": _by_window(relationship.driver_scores(groups, asked).rows, "Price")["current"],
        "impact": _by_window(impacts, "Price")["current"],
        "direct": _by_window(impacts, "Price, direct")["current"],
        "share": _by_window(relationship.driver_shares(groups, asked).rows, "Price")["current"],
    }
    inside = {name: bool(row["low"] <= truth[name] <= row["high"]) for name, row in rows.items()}
    now, before = (pd.DataFrame([index[win]]) for win in ("current", "comparison"))
    change = difference(now, before, now["correlation"], LEVEL, symmetric=False).iloc[0]
    return inside | {"change": bool(change["low"] <= 0 <= change["high"])}


def _group(win: str, sample: pd.DataFrame, customers: np.ndarray, weight: np.ndarray | None) -> GroupedCounts:
    counts = sample.rename(columns=lambda item: f"{ANSWER_TO}{item}").assign(fold=customers, n=1.0)
    if weight is not None:
        counts = counts.assign(weight=weight)
    return GroupedCounts(win, "", "", "", counts, float(len(np.unique(customers))))


def _by_window(rows: list[dict], breakdown: str) -> dict[str, dict]:
    return {row["win"]: row for row in rows if row["breakdown"] == breakdown}


if __name__ == "__main__":
    sys.exit(main())
