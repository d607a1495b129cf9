"""A/A study: experiments of which the arms are alike; how often is an effect found all the same? python -m benchmarks.accuracy.experiments.

Each simulated experiment has two arms, a day's units at a time, and four outcomes: a rate, skewed money, a ratio (money per order) and money with
CUPED. The last day is tested once (`once`), and every day with the always-valid interval (`peeking`). Sample ratios are those of three arms that
are assigned at the planned shares. `--quick` simulates fewer experiments. The last line is JSON.
"""

import argparse
import json
import sys
from collections import Counter

import numpy as np

from crmnb.stats.models.arm_effects import Moments, Sample, adjusted, of_means, of_rates, ratio_sample
from crmnb.stats.models.sample_ratio import ALARM, sample_ratio_p_value

EXPERIMENTS, QUICK = 10_000, 400
DAYS, UNITS = 28, 120  # units a day, both arms together
LEVEL = 0.95
PLANNED = (0.5, 0.3, 0.2)
OUTCOMES = ("rate", "money", "ratio", "money with CUPED")


def study(experiments: int, seed: int = 1, days: int = DAYS) -> dict[str, float]:
    """The share of experiments without an effect in which one was found, by outcome and test; and that of alarms of the sample ratio."""
    chance, found = np.random.default_rng(seed), Counter()
    for _ in range(experiments):
        found.update(_found(*_units(chance, days), days))
        units = np.bincount(chance.choice(3, days * UNITS, p=PLANNED), minlength=3)
        found["sample ratio"] += sample_ratio_p_value(units, PLANNED) < ALARM
    names = [*(f"{outcome}, {test}" for outcome in OUTCOMES for test in ("once", "peeking")), "sample ratio"]
    return {name: found[name] / experiments for name in names}


def _units(chance: np.random.Generator, days: int) -> tuple[np.ndarray, np.ndarray]:
    """The arm of each unit, in the order of their assignment, and its outcomes: whether it bought, money, orders, money before."""
    n = days * UNITS
    spends = chance.gamma(2.0, 1.0, n)  # what a customer is like, before as after
    orders = 1.0 + chance.poisson(spends / 2)
    money = orders * spends * chance.lognormal(2.0, 0.7, n)
    before = spends * chance.lognormal(3.0, 0.5, n)
    return chance.random(n) < 0.5, np.stack([(chance.random(n) < 0.08).astype(float), money, orders, before])


def _found(arm: np.ndarray, outcomes: np.ndarray, days: int) -> dict[str, int]:
    """By outcome and test, 1 where it finds an effect."""
    looks = [_arms(arm[: UNITS * day], outcomes[:, : UNITS * day]) for day in range(1, days + 1)]
    planned = days * UNITS
    found = {}
    for outcome in OUTCOMES:
        found[f"{outcome}, once"] = int(_p_value(outcome, *looks[-1], None) < 1 - LEVEL)
        found[f"{outcome}, peeking"] = int(any(_p_value(outcome, *arms, planned) < 1 - LEVEL for arms in looks))
    return found


def _arms(arm: np.ndarray, outcomes: np.ndarray) -> tuple[Moments, Moments]:
    sides = (outcomes[:, arm], outcomes[:, ~arm])
    treated, control = (Moments(own.shape[1], own.mean(axis=1), np.cov(own)) for own in sides)
    return treated, control


def _p_value(outcome: str, arm: Moments, control: Moments, planned: float | None) -> float:
    if outcome == "rate":
        return of_rates(_of(arm, 0), _of(control, 0), LEVEL, planned).p_value
    if outcome == "money":
        return of_means(_of(arm, 1), _of(control, 1), LEVEL, planned).p_value
    if outcome == "ratio":
        return of_means(ratio_sample(_pair(arm, 1, 2)), ratio_sample(_pair(control, 1, 2)), LEVEL, planned).p_value
    treated, other, _ = adjusted(_pair(arm, 1, 3), _pair(control, 1, 3))
    return of_means(treated, other, LEVEL, planned).p_value


def _of(arm: Moments, place: int) -> Sample:
    return Sample(arm.n, float(arm.means[place]), float(arm.covariances[place, place]))


def _pair(arm: Moments, *places: int) -> Moments:
    return Moments(arm.n, arm.means[list(places)], arm.covariances[np.ix_(places, places)])


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy.experiments", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--quick", action="store_true", help=f"{QUICK} experiments rather than {EXPERIMENTS}")
    chosen = parser.parse_args(arguments)
    experiments = QUICK if chosen.quick else EXPERIMENTS
    found = study(experiments)
    aims = []
    for name, share in found.items():
        low, high = (0, 0.002) if name == "sample ratio" else (0, 0.05) if "peeking" in name else (0.045, 0.055)
        aims.append({"aim": f"{name}: {low:.1%} to {high:.1%}", "share": share, "met": bool(low <= share <= high)})
        print(f"{name:<28}{share:>8.2%}  ({low:.1%} to {high:.1%})")
    figures = {"experiments": experiments} | found
    print(json.dumps({"benchmark": "experiments", "figures": figures, "aims": aims, "peer": {}, "ratios": {}}))


if __name__ == "__main__":
    main(sys.argv[1:])
