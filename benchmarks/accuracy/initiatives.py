"""python -m benchmarks.accuracy.initiatives [--quick]: how often the interval of an initiative's effect holds the effect that was drawn.

Units by 36 months, with levels of their own, shocks and a season that all share, and noise with autocorrelation .3 or .6 within a unit; in the case
of sums, units of sizes from 1 to 4 and an effect in proportion. Printed for each design: the method that the data choose, the share of intervals that
hold the truth, and the share of effects that are stated, with an effect of three standard deviations of the noise and without any.

The last line is JSON. Exits with 1 where fewer than 93 % of the intervals hold the truth, or more than 15 % of effects are stated where there is
none (three standard errors of the runs allowed). `--quick` draws fewer.
"""

import argparse
import json
import sys
from dataclasses import dataclass

import numpy as np

from crmnb.stats.initiatives import UnitPanel, assess

MONTHS = 36
AIM, MOST_STATED = 0.93, 0.15
EFFECT, RELATIVE_EFFECT = 3.0, 0.1


@dataclass(frozen=True)
class Design:
    """How many units there are, the months in which some of them start, and whether the values are sums."""

    units: int
    starts: tuple[int, ...]
    is_total: bool = False


DESIGNS = {
    "common start": Design(12, (24,) * 5),
    "common start, sums": Design(12, (24,) * 5, is_total=True),
    "a single unit of eight": Design(8, (24,)),
    "several starts": Design(14, (20, 20, 24, 24, 28, 28)),
    "several starts, none untouched": Design(9, (18, 18, 18, 24, 24, 24, 30, 30, 30)),
    "few units": Design(4, (24,)),
    "none untouched": Design(2, (24, 24)),
}


def drawn(design: Design, rho: float, has_effect: bool, rng: np.random.Generator) -> tuple[UnitPanel, float]:
    """A panel, and the mean effect on its units and months since their start."""
    noise = np.zeros((design.units, MONTHS))
    noise[:, 0] = rng.standard_normal(design.units)
    for month in range(1, MONTHS):
        noise[:, month] = rho * noise[:, month - 1] + np.sqrt(1 - rho**2) * rng.standard_normal(design.units)
    shared = 0.3 * rng.standard_normal(MONTHS).cumsum() * (len(design.starts) < design.units)
    time = np.arange(MONTHS)
    values = 70 + 0.1 * time + 2 * np.sin(2 * np.pi * time / 12) + shared + noise
    values = (
        values * rng.uniform(1, 4, (design.units, 1))
        if design.is_total
        else values + 5 * rng.standard_normal((design.units, 1))
    )
    starts = np.full(design.units, np.nan)
    starts[: len(design.starts)] = design.starts
    since = time >= np.where(np.isnan(starts), np.inf, starts)[:, None]
    effect = (RELATIVE_EFFECT * values if design.is_total else EFFECT) * since * has_effect
    return UnitPanel(values + effect, starts, design.is_total), float(np.sum(effect) / since.sum())


def studied(design: Design, rho: float, runs: int, seed: int = 1) -> dict[str, object]:
    """The method, the share of intervals that hold the truth, and the shares of effects that are stated, with an effect and without."""
    rng = np.random.default_rng(seed)
    holds, stated = [], {True: [], False: []}
    for run in range(runs):
        has_effect = run % 2 == 0
        panel, truth = drawn(design, rho, has_effect, rng)
        assessment = assess(panel, 0.95)
        holds.append(assessment.average.low <= truth <= assessment.average.high)
        stated[has_effect].append(not assessment.placebos.find_as_much)
    shares = {
        "stated": round(float(np.mean(stated[True])), 3),
        "stated_without": round(float(np.mean(stated[False])), 3),
    }
    return {"method": assessment.method, "holds": round(float(np.mean(holds)), 3), **shares}


def main(arguments: list[str] | None = None) -> int:
    """Run the study."""
    parser = argparse.ArgumentParser("initiatives", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    runs = 60 if parser.parse_args(arguments).quick else 600
    lines, missed = [], []
    for name, design in DESIGNS.items():
        for rho in (0.3, 0.6):
            line = {"design": name, "autocorrelation": rho, **studied(design, rho, runs)}
            lines.append(line)
            print("  ".join(f"{key} {value}" for key, value in line.items()), flush=True)
            few = AIM - 3 * np.sqrt(AIM * (1 - AIM) / runs)
            many = MOST_STATED + 3 * np.sqrt(MOST_STATED * (1 - MOST_STATED) / (runs / 2))
            if line["holds"] < few or line["stated_without"] > many:
                missed.append(line)
    print(json.dumps({"benchmark": "initiatives", "runs": runs, "cases": lines, "missed": missed}))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
