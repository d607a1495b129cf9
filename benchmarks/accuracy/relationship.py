"""python -m benchmarks.accuracy.relationship [--quick]: intervals of the relationship measure against a known model.

Two waves of a survey with two drivers, an index and an outcome, on scales of 1 to 10; half of the customers answer both waves, with the same
opinion. True values are those of a very large sample. Printed: how many of the 95% intervals contain the true value, of the index, of a
driver's score, of its total and direct impact and its share, and of the change between the waves, which is none.
With fewer than 100 answers in both waves together, all questions have equal weights: there the truth is that of equal weights.

The last line is JSON. Exits with 1 where a coverage lies below the aim by more than chance. `--quick` draws fewer.
"""

import argparse
import json
import sys

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


def main(arguments: list[str] | None = None) -> int:
    """Run the study."""
    parser = argparse.ArgumentParser("relationship", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    runs = 200 if parser.parse_args(arguments).quick else 1_000
    truths = {scheme: true_values(scheme) for scheme in ("path", "equal")}
    lines, missed = [], []
    chance = 3 * np.sqrt(AIM * (1 - AIM) / runs)
    for size in SIZES:
        truth = truths["path" if 2 * size >= FEWEST_FOR_WEIGHTS else "equal"]
        coverage = pd.DataFrame([covered(size, seed, truth) for seed in range(runs)]).mean()
        line = {"answers": size, **coverage.round(3).to_dict()}
        lines.append(line)
        print("  ".join(f"{name} {value}" for name, value in line.items()))
        missed += [(size, name) for name, share in coverage.items() if share < AIM - chance]
    print(json.dumps({"benchmark": "relationship", "runs": runs, "cases": lines, "missed": missed}))
    return 1 if missed else 0


def opinions(rng: np.random.Generator, size: int) -> np.ndarray:
    """What customers think of service and price, beyond what these have in common."""
    return rng.normal(size=(size, 2))


def answers(rng: np.random.Generator, opinion: np.ndarray) -> pd.DataFrame:
    """Answers of customers on 0-100, in whole steps of a scale of 1 to 10."""
    price = opinion[:, 1]
    service = 0.5 * price + opinion[:, 0]
    index = 0.6 * service + 0.4 * price + 0.5 * rng.normal(size=len(opinion))
    latent = {"Service": service, "Price": price, RELATIONSHIP_INDEX: index, "Loyalty": index}
    of_items = [latent[name] for name, block in BLOCKS.items() for _ in block]
    columns = {
        item: 6.5 + 1.7 * (loading * of + 0.7 * rng.normal(size=len(opinion)))
        for item, loading, of in zip(ITEMS, LOADINGS, of_items, strict=True)
    }
    return (pd.DataFrame(columns).round().clip(1, 10) - 1) / 9 * 100


def true_values(scheme: str) -> dict[str, float]:
    """The values of a very large sample."""
    rng = np.random.default_rng(1)
    sample = answers(rng, opinions(rng, LARGE))
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


def covered(size: int, seed: int, truth: dict[str, float]) -> dict[str, bool]:
    """Whether the intervals of one pair of waves contain the true values."""
    rng, repeating = np.random.default_rng([seed, size]), size // 2
    first = opinions(rng, size)
    second = np.concatenate([first[:repeating], opinions(rng, size - repeating)])
    customers = np.arange(size), np.concatenate([np.arange(repeating), np.arange(size, 2 * size - repeating)])
    groups = [
        _group(win, answers(rng, opinion), customer)
        for win, opinion, customer in zip(("comparison", "current"), (first, second), customers, strict=True)
    ]
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


def _group(win: str, sample: pd.DataFrame, customers: np.ndarray) -> GroupedCounts:
    counts = sample.rename(columns=lambda item: f"{ANSWER_TO}{item}").assign(fold=customers, n=1.0)
    return GroupedCounts(win, "", "", "", counts, float(len(sample)))


def _by_window(rows: list[dict], breakdown: str) -> dict[str, dict]:
    return {row["win"]: row for row in rows if row["breakdown"] == breakdown}


if __name__ == "__main__":
    sys.exit(main())
