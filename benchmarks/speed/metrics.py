"""python -m benchmarks.speed.metrics [--quick]: both families on 10 M orders and 10 M answers, beside pandas and SQL.

Every metric of both families: the year, the year before, the twelve months and the regions, values and intervals. The
peers (benchmarks/metrics_pandas.py, benchmarks/metrics_sql.py) sum up the same by hand-written code, and take the intervals
from the same estimators; they leave out the interval of the change, which the suite computes as well. Each contender runs in a process of its own, in the
order A B C C B A; a process is measured from its start to its end, imports and reading of the files included. Ends with
one line of JSON. Exits with 1 where a peer's figure differs.
"""

import json
import sys

import numpy as np
import pandas as pd

from benchmarks.speed.contest import Runs, command_line, figures_of, run_contest, verdict

CONTENDERS = ("ours", "pandas", "sql")
KEYS = ["metric", "breakdown", "part", "segment", "level"]
FIGURES = ["value", "low", "high", "n", "previous"]
TOLERANCE = 1e-9
# The metrics of retention that benchmarks/money.py has.
OF_MONEY = (
    "gross_revenue_retention",
    "net_revenue_retention",
    "cross_sell_rate",
    "refund_rate",
    "retained_after_gap",
    "time_between_orders",
    "survival_curve",
    "median_lifetime",
    "churn_drivers",
    "expected_churn",
)
# What is asked of the suite: (name, peer, measure, the ratio to it at most).
AIMS = (
    ("half the time of pandas at most", "pandas", "seconds", 0.5),
    ("half the memory of pandas at most", "pandas", "peak_gb", 0.5),
    ("1.5 times the time of SQL at most", "sql", "seconds", 1.5),
)


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark, or (`--contender`) one of its processes."""
    given = command_line("metrics", __doc__, CONTENDERS, "orders, and as many answers", arguments)
    return run_contest(given, _compute, _benchmark)


def _compute(contender: str, rows: int) -> pd.DataFrame:
    """One contender's figures."""
    from benchmarks.speed import metrics_data

    files = metrics_data.make(rows)
    if contender == "ours":
        from crmnb.engine.session import open_tables
        from crmnb.evaluate.measure import measure
        from crmnb.metrics.definition import family

        tables = open_tables(metrics_data.client(), files)
        metrics = [metric for name in ("satisfaction", "retention") for metric in family(name).values()]
        asked = [metric for metric in metrics if metric.id not in OF_MONEY]
        rows = pd.concat([measure(metric, tables, metrics_data.PERIOD).rows for metric in asked])
        return rows[rows["period"] == metrics_data.PERIOD.label]  # not the months of the year before
    if contender == "pandas":
        from benchmarks.speed.metrics_pandas import run
    else:
        from benchmarks.speed.metrics_sql import run
    return run(files)


def _benchmark(rows: int) -> int:
    from benchmarks.speed.metrics_data import make

    make(rows)
    runs, frames = figures_of("benchmarks.speed.metrics", CONTENDERS, rows, FIGURES)
    differing = {peer: differences(frames["ours"], frames[peer]) for peer in CONTENDERS[1:]}
    for peer, rows_differing in differing.items():
        if len(rows_differing):
            print(f"{peer} differs:\n{rows_differing.head(20).to_string()}", file=sys.stderr)
    figures = int(frames["ours"]["value"].notna().sum())
    equal = not any(map(len, differing.values()))
    print(json.dumps(report(rows, figures, equal, runs)))
    return 0 if equal else 1


def differences(ours: pd.DataFrame, peer: pd.DataFrame) -> pd.DataFrame:
    """The rows in which a figure differs by more than 1e-9 of it, or that one of the two does not have.

    A metric that the peer does not compute at all is named on standard error and not compared.
    """
    if missing := sorted({*ours["metric"]} - {*peer["metric"]}):
        print(f"The peer does not compute {', '.join(missing)}; not compared.", file=sys.stderr)
    ours = ours[ours["value"].notna() & ~ours["metric"].isin(missing)]
    both = ours.merge(peer, on=KEYS, how="outer", suffixes=("", "_peer"), indicator=True)
    wrong = both["_merge"] != "both"
    for name in FIGURES:
        wrong |= ~np.isclose(both[name], both[f"{name}_peer"], rtol=TOLERANCE, atol=1e-12, equal_nan=True)
    return both.loc[wrong, [*KEYS, "_merge", *(f"{name}{end}" for name in FIGURES for end in ("", "_peer"))]]


def report(rows: int, figures: int, equal: bool, runs: Runs) -> dict:
    """What the last line says."""
    asked = {"benchmark": "metrics", "orders": rows, "answers": rows, "figures": figures, "answers_equal": equal}
    return asked | verdict(runs, AIMS)


if __name__ == "__main__":
    sys.exit(main())
