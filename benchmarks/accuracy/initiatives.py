"""python -m benchmarks.accuracy.initiatives [--quick]: how often the interval of an initiative's effect holds the effect that was drawn.

Units by 36 months, with levels of their own, shocks and a season that all share, and noise with autocorrelation .3 or .6 within a unit; in the case
of sums, units of sizes from 1 to 4 and an effect in proportion. Revenue is harder: sums of a few skewed amounts (Poisson counts, lognormal with sigma
1.5), also of units that shrink by 3 % a month. Printed for each design: the method that the data choose, the share of intervals that hold the truth,
the share of effects that are stated (the placebos do not find as much), and of those that are stated with an interval beyond zero: with an effect
(three standard deviations of the noise, 10 % of sums, 20 % of revenue) and without any.

The last line is JSON. Exits with 1 where fewer than 93 % of the intervals hold the truth, or more than 15 % of effects are stated or more than 5 %
are beyond zero where there is none (three standard errors of the runs allowed). `--quick` draws fewer.
"""

import argparse
import json
import sys
from dataclasses import dataclass

import numpy as np

from crmnb.stats.initiatives import UnitPanel, assess

MONTHS = 36
AIM, MOST_STATED, MOST_BEYOND_ZERO = 0.93, 0.15, 0.05
EFFECT, EFFECT_ON_SUMS, EFFECT_ON_REVENUE = 3.0, 0.1, 0.2
SIGMA_OF_AMOUNTS = 1.5


@dataclass(frozen=True)
class Design:
    """How many units there are, the months in which some of them start, and whether the values are sums.

    `orders` of a month make the values revenue; `growth` is the part by which they grow from month to month.
    """

    units: int
    starts: tuple[int, ...]
    is_total: bool = False
    orders: float = 0
    growth: float = 0


DESIGNS = {
    "common start": Design(12, (24,) * 5),
    "common start, sums": Design(12, (24,) * 5, is_total=True),
    "a single unit of eight": Design(8, (24,)),
    "several starts": Design(14, (20, 20, 24, 24, 28, 28)),
    "several starts, none untouched": Design(9, (18, 18, 18, 24, 24, 24, 30, 30, 30)),
    "few units": Design(4, (24,)),
    "none untouched": Design(2, (24, 24)),
    "common start, revenue of 30 orders": Design(12, (24,) * 5, True, 30),
    "common start, revenue of 5 orders": Design(12, (24,) * 5, True, 5),
    "common start, revenue that shrinks": Design(12, (24,) * 5, True, 30, -0.03),
    "several starts, revenue of 30 orders": Design(14, (20, 20, 24, 24, 28, 28), True, 30),
    "few units, revenue of 30 orders": Design(4, (24,), True, 30),
}


def with_noise(design: Design, rho: float, rng: np.random.Generator) -> np.ndarray:
    """Values by unit and month: levels, a trend, a season, shocks that all share, and each unit's autocorrelated noise."""
    noise = np.zeros((design.units, MONTHS))
    noise[:, 0] = rng.standard_normal(design.units)
    for month in range(1, MONTHS):
        noise[:, month] = rho * noise[:, month - 1] + np.sqrt(1 - rho**2) * rng.standard_normal(design.units)
    shared = 0.3 * rng.standard_normal(MONTHS).cumsum() * (len(design.starts) < design.units)
    time = np.arange(MONTHS)
    values = 70 + 0.1 * time + 2 * np.sin(2 * np.pi * time / 12) + shared + noise
    if design.is_total:
        return values * rng.uniform(1, 4, (design.units, 1))
    return values + 5 * rng.standard_normal((design.units, 1))


def revenue(design: Design, rng: np.random.Generator) -> np.ndarray:
    """Sums of lognormal amounts by unit and month; the counts of orders have a season and grow."""
    time = np.arange(MONTHS)
    pattern = (1 + 0.3 * np.sin(2 * np.pi * time / 12)) * (1 + design.growth) ** time
    orders = rng.poisson(design.orders * rng.uniform(0.5, 3, (design.units, 1)) * pattern)
    amounts = rng.lognormal(0, SIGMA_OF_AMOUNTS, orders.sum())
    cells = np.repeat(np.arange(orders.size), orders.ravel())
    return np.bincount(cells, amounts, orders.size).reshape(orders.shape)


def drawn(design: Design, rho: float, has_effect: bool, rng: np.random.Generator) -> tuple[UnitPanel, float]:
    """A panel, and the mean effect on its units and months since their start."""
    values = revenue(design, rng) if design.orders else with_noise(design, rho, rng)
    starts = np.full(design.units, np.nan)
    starts[: len(design.starts)] = design.starts
    since = np.arange(MONTHS) >= np.where(np.isnan(starts), np.inf, starts)[:, None]
    relative = EFFECT_ON_REVENUE if design.orders else EFFECT_ON_SUMS
    effect = (relative * values if design.is_total else EFFECT) * since * has_effect
    return UnitPanel(values + effect, starts, design.is_total), float(np.sum(effect) / since.sum())


def studied(design: Design, rho: float, runs: int, seed: int = 1) -> dict[str, object]:
    """The method, the share of intervals that hold the truth, and the shares of effects that are stated or beyond zero, with an effect and without."""
    rng = np.random.default_rng(seed)
    holds, stated, beyond = [], {True: [], False: []}, {True: [], False: []}
    for run in range(runs):
        has_effect = run % 2 == 0
        panel, truth = drawn(design, rho, has_effect, rng)
        assessment = assess(panel, 0.95)
        average, is_stated = assessment.average, not assessment.placebos.find_as_much
        holds.append(average.low <= truth <= average.high)
        stated[has_effect].append(is_stated)
        beyond[has_effect].append(is_stated and (average.low > 0 or average.high < 0))
    shares = {
        "holds": holds,
        "stated": stated[True],
        "stated_without": stated[False],
        "beyond_zero": beyond[True],
        "beyond_zero_without": beyond[False],
    }
    return {"method": assessment.method, **{name: round(float(np.mean(share)), 3) for name, share in shares.items()}}


def misses(line: dict[str, object], runs: int) -> bool:
    """Whether a design misses an aim by more than three standard errors."""

    def error(share: float, of: float) -> float:
        return 3 * np.sqrt(share * (1 - share) / of)

    return (
        line["holds"] < AIM - error(AIM, runs)
        or line["stated_without"] > MOST_STATED + error(MOST_STATED, runs / 2)
        or line["beyond_zero_without"] > MOST_BEYOND_ZERO + error(MOST_BEYOND_ZERO, runs / 2)
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the study."""
    parser = argparse.ArgumentParser("initiatives", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    runs = 60 if parser.parse_args(arguments).quick else 600
    lines = []
    for name, design in DESIGNS.items():
        for rho in (0.0,) if design.orders else (0.3, 0.6):
            lines.append({"design": name, "autocorrelation": rho, **studied(design, rho, runs)})
            print("  ".join(f"{key} {value}" for key, value in lines[-1].items()), flush=True)
    missed = [line for line in lines if misses(line, runs)]
    print(json.dumps({"benchmark": "initiatives", "runs": runs, "cases": lines, "missed": missed}))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
