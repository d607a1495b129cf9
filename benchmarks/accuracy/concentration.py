"""Do the intervals of Gini and of the top tenth's share hold the truth? python -m benchmarks.accuracy.concentration

Revenue is lognormal, gamma, or lognormal with a Pareto tail; `--table` makes the table of quantiles that stands in
`crmnb.stats.concentration`. Beside ours stand the usual limits (normal, on the logit, without n / (n - 1)). The last
line is JSON. `--quick` draws fewer.
"""

import argparse
import json
import sys
from collections.abc import Callable, Iterator

import numpy as np
from scipy import stats

from crmnb.stats import concentration
from crmnb.stats.concentration import GINI, SIGMAS, SIZES, TOP

LEVEL, LEAST = 0.95, 0.925
Draw = Callable[[np.random.Generator, tuple[int, int]], np.ndarray]


def lognormal(sigma: float) -> Draw:
    return lambda rng, shape: np.exp(sigma * rng.normal(size=shape))


def gamma(shape_of: float) -> Draw:
    return lambda rng, shape: rng.gamma(shape_of, size=shape)


def with_tail(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Lognormal, of which one in twenty is larger by a Pareto factor that has a variance."""
    large = rng.uniform(size=shape) < 0.05
    return np.exp(0.8 * rng.normal(size=shape)) * np.where(large, 1 + rng.pareto(2.5, shape), 1.0)


CASES: dict[str, Draw] = {f"lognormal, sigma {s:g}": lognormal(s) for s in (0.5, 0.8, 1.2, 1.4, 1.6)}
CASES |= {"gamma, shape 0.5": gamma(0.5), "gamma, shape 2": gamma(2.0), "lognormal with a Pareto tail": with_tail}
AIMED = tuple(name for name in CASES if name.startswith(("lognormal, ", "gamma")))


def figures(drawn: np.ndarray) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Of samples (rows), the value and standard error of each figure."""
    ordered = np.sort(drawn, axis=1)
    found = [concentration.figures_of(row, np.ones(len(row))) for row in ordered]
    return {name: tuple(np.array([each[name] for each in found]).T) for name in (GINI, TOP)}


def truths(draw: Draw, rng: np.random.Generator) -> dict[str, float]:
    (gini,), (top,) = (figures(draw(rng, (1, 3_000_000)))[name][0] for name in (GINI, TOP))
    return {GINI: gini, TOP: top}


def of_lognormal(sigma: float) -> dict[str, float]:
    return {GINI: 2 * stats.norm.cdf(sigma / np.sqrt(2)) - 1, TOP: stats.norm.cdf(sigma - stats.norm.ppf(0.9))}


def table(samples: int) -> dict[str, list[list[tuple[float, float]]]]:
    """By figure, sigma and size: the quantiles of the error of the logit in standard errors, from lognormal revenue."""
    found: dict[str, list] = {GINI: [], TOP: []}
    for place, sigma in enumerate(SIGMAS):
        rows: dict[str, list] = {GINI: [], TOP: []}
        for size in SIZES:
            rng = np.random.default_rng([20, place, size])
            told = figures(lognormal(sigma)(rng, (max(samples * 300 // max(size, 300), samples // 8), size)))
            for name, (value, error) in told.items():
                true = of_lognormal(sigma)[name]
                pivot = (_logit(value) - _logit(true)) * value * (1 - value) / error
                rows[name].append(tuple(np.quantile(pivot, [(1 - LEVEL) / 2, (1 + LEVEL) / 2]).round(2).tolist()))
        for name in found:
            found[name].append(rows[name])
    return found


def _logit(share):
    return np.log(share / (1 - share))


def lines(
    samples: int, sizes: tuple[int, ...] = (100, 300, 1000, 3000)
) -> Iterator[tuple[str, str, int, float, float]]:
    """(case, figure, customers, share of our intervals that hold the truth, of the usual ones)."""
    for place, (case, draw) in enumerate(CASES.items()):
        true = truths(draw, np.random.default_rng([21, place]))
        for size in sizes:
            rng = np.random.default_rng([22, place, size])
            told = figures(draw(rng, (max(samples * 300 // max(size, 300), samples // 4), size)))
            for name, (value, error) in told.items():
                ours = np.array(
                    [concentration.limits(name, *each, size, LEVEL) for each in zip(value, error, strict=True)]
                )
                less = value * (size - 1) / size if name == GINI else value
                reach = stats.norm.ppf((1 + LEVEL) / 2) * error / (less * (1 - less))
                usual = np.abs(_logit(less) - _logit(true[name])) <= reach
                yield (
                    case,
                    name,
                    size,
                    float(((ours[:, 0] <= true[name]) & (true[name] <= ours[:, 1])).mean()),
                    float(usual.mean()),
                )


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.accuracy.concentration", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--quick", action="store_true", help="fewer samples")
    parser.add_argument("--table", action="store_true", help="make the table of quantiles instead")
    asked = parser.parse_args(arguments)
    if asked.table:
        for name, rows in table(1_000 if asked.quick else 20_000).items():
            print(f"{name!r}: (")
            for row in rows:
                print(f"    {tuple(row)},")
            print("),")
        return
    samples, found, peers = (400 if asked.quick else 4_000), {}, {}
    print(f"{'revenue':<32}{'figure':<14}{'n':>6}{'covers':>8}{'usual':>8}")
    for case, name, size, covers, usual in lines(samples):
        print(f"{case:<32}{name:<14}{size:>6}{covers:>8.3f}{usual:>8.3f}", flush=True)
        found[f"{case}, {name}, n {size}"], peers[f"{case}, {name}, n {size}"] = covers, {"usual": usual}
    least = min(share for key, share in found.items() if key.startswith(AIMED))
    aims = [{"aim": f"lognormal and gamma from 100 customers: at least {LEAST}", "met": least >= LEAST, "from": least}]
    print(
        json.dumps(
            {
                "benchmark": "concentration",
                "samples": samples,
                "figures": found,
                "peer": peers,
                "ratios": {},
                "aims": aims,
            }
        )
    )


if __name__ == "__main__":
    main(sys.argv[1:])
