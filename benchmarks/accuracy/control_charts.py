"""python -m benchmarks.accuracy.control_charts [--quick]: how often control charts mark months in which nothing has changed.

Months are simulated without a change, with a season and autocorrelation, by a route of their own (month by month; the chart's own
trial uses a matrix), as values, as shares and as rates of counts that vary more than by chance. Printed for each case: the share of charts with a mark and
of months marked, as simulated and as the chart says; the same of a plain chart (moving range, three standard deviations,
Nelson's rules 1 to 3); how often the last month's p-value is below 5%; and how often a shift of three standard deviations in the last six months is marked.

The last line is JSON. Exits with 1 where a chart marks more months, or more charts, than it says (three standard errors are
chance), or the p-value is below 5% in more than 5% of the series. `--quick` draws fewer.
"""

import argparse
import json

import numpy as np

from crmnb.stats.control_chart import PER_MOVING_RANGE, control_chart

MONTHS = (12, 24, 36, 60)
AUTOCORRELATIONS = (0.0, 0.3, 0.6)
KINDS = ("individuals", "p", "u")
_BASE = 4_000  # customers in an average month


def main(arguments: list[str] | None = None) -> int:
    """Run the study."""
    parser = argparse.ArgumentParser("control_charts", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    runs = 200 if parser.parse_args(arguments).quick else 2_000
    lines = [
        _case(kind, months, phi, runs if kind == "individuals" else runs // 10)
        for kind in KINDS
        for months in MONTHS
        for phi in AUTOCORRELATIONS
    ]
    missed = [line for line in lines if line["missed"]]
    print(json.dumps({"benchmark": "control_charts", "cases": lines, "missed": missed}))
    return 1 if missed else 0


def autocorrelated(rng: np.random.Generator, series: int, months: int, phi: float) -> np.ndarray:
    """Series (rows) of an autoregression with variance 1, month by month from a month long before the first."""
    values = np.zeros((series, months + 60))
    for at in range(1, months + 60):
        values[:, at] = phi * values[:, at - 1] + rng.normal(size=series) * np.sqrt(1 - phi**2)
    return values[:, 60:]


def plain_rates(series: np.ndarray) -> dict[str, float]:
    """Of series (rows) on a plain chart, the share of charts with a mark, and of months that are marked."""
    marked = np.array([_plain_marks(values) for values in series])
    return {"charts": float(marked.any(axis=1).mean()), "months": float(marked.mean())}


def _plain_marks(values: np.ndarray) -> list[bool]:
    """The months that Nelson's rules 1 to 3 mark, month by month."""
    mean = values.mean()
    sigma = np.abs(np.diff(values)).mean() / PER_MOVING_RANGE
    marks = []
    for at in range(len(values)):
        nine, six = values[max(at - 8, 0) : at + 1], np.diff(values[max(at - 5, 0) : at + 1])
        run = len(nine) == 9 and ((nine > mean).all() or (nine < mean).all())
        trend = len(six) == 5 and ((six > 0).all() or (six < 0).all())
        marks.append(bool(abs(values[at] - mean) > 3 * sigma or run or trend))
    return marks


def _case(kind: str, months: int, phi: float, runs: int) -> dict:
    """What is seen of so many series of a kind without a change."""
    rng = np.random.default_rng([months, round(10 * phi), KINDS.index(kind)])
    deviations = autocorrelated(rng, runs, months, phi)
    sizes = np.round(_BASE * np.exp(rng.normal(0, 0.2, months)))
    charts = [control_chart(_series(kind, z, sizes, rng), sizes, kind=kind) for z in deviations]
    shift = np.where(np.arange(months) >= months - 6, 3.0, 0.0)
    moved = [control_chart(_series(kind, z + shift, sizes, rng), sizes, kind=kind) for z in deviations[: runs // 10]]
    line = {
        "kind": kind,
        "months": months,
        "autocorrelation": phi,
        "series": runs,
        "charts": float(np.mean([chart.months_marked.any() for chart in charts])),
        "charts_said": float(np.mean([chart.chart_rates[phi] for chart in charts])),
        "months_marked": float(np.mean([chart.months_marked.mean() for chart in charts])),
        "months_said": float(np.mean([chart.alarm_rates[phi] for chart in charts])),
        "plain_charts": plain_rates(deviations)["charts"],
        "p_below_5": float(np.mean([chart.p_value < 0.05 for chart in charts])),
        "shift_marked": float(np.mean([chart.months_marked[-6:].any() for chart in moved])),
    }
    line["missed"] = [
        name
        for name, share, most in (
            ("charts", line["charts"], line["charts_said"]),
            ("p_value", line["p_below_5"], 0.05),
        )
        if share > most + 3 * np.sqrt(most * (1 - most) / runs)
    ]
    print(
        "  ".join(
            f"{name} {value:.4g}" if isinstance(value, float) else f"{name} {value}" for name, value in line.items()
        )
    )
    return line


def _series(kind: str, deviations: np.ndarray, sizes: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Values, shares or rates with these deviations, in standard deviations, and a season."""
    season = np.sin(np.arange(len(sizes)) / 12 * 2 * np.pi) if len(sizes) >= 24 else 0.0
    if kind == "individuals":
        return 100 + 4 * season + 2 * deviations
    mean = np.clip(0.3 + 0.03 * season + 0.01 * deviations, 0.01, 0.99)
    return (rng.binomial(sizes.astype(int), mean) if kind == "p" else rng.poisson(sizes * mean)) / sizes


if __name__ == "__main__":
    raise SystemExit(main())
