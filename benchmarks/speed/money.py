"""python -m benchmarks.speed.money [--quick]: retention, sales and financial on 10 M orders of 1 M customers, beside pandas.

Every metric of the three families: the year, the year before, the twelve months and the regions, values and intervals. The peer
(benchmarks/money_pandas.py) sorts, sums and counts by hand-written pandas, and takes intervals, curves and fitted models from the
same functions on what it has reduced; it leaves out the interval of the change, which the suite computes as well. Each contender
runs in a process of its own, in the order A B B A; a process is measured from its start to its end, imports and reading of the
files included. Ends with one line of JSON. Exits with 1 where a figure differs.
"""

import json
import sys

import pandas as pd

from benchmarks.speed.contest import Runs, command_line, figures_of, run_contest, verdict
from benchmarks.speed.metrics import FIGURES, differences

CONTENDERS = ("ours", "pandas")
FAMILIES = ("retention", "sales", "financial")
WITHOUT_PEER = {"net_revenue", "active_customers"}  # sums that other figures contain; neither side computes them
AIMS = (
    ("0.8 of the time of pandas at most", "pandas", "seconds", 0.8),
    ("0.6 of the memory of pandas at most", "pandas", "peak_gb", 0.6),
)


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark, or (`--contender`) one of its processes."""
    given = command_line("money", __doc__, CONTENDERS, "orders, of a tenth as many customers", arguments)
    return run_contest(given, _compute, _benchmark)


def _compute(contender: str, rows: int) -> pd.DataFrame:
    """One contender's figures."""
    from benchmarks.speed import money_data

    files = money_data.make(rows)
    if contender == "pandas":
        from benchmarks.speed.money_pandas import run
        from crmnb.stats.shared_fits import shared_fits

        with shared_fits():  # as an evaluation does
            return run(files)
    from crmnb.engine.session import open_tables
    from crmnb.evaluate.measure import measure_all
    from crmnb.metrics.definition import family

    tables = open_tables(money_data.client(), files)
    asked = ([of for id_, of in family(name).items() if id_ not in WITHOUT_PEER] for name in FAMILIES)
    measured_ = [each for metrics in asked for each in measure_all(metrics, tables, money_data.PERIOD)]
    rows = pd.concat([each.rows for each in measured_])
    return rows[rows["period"] == money_data.PERIOD.label]  # not the months of the year before


def _benchmark(rows: int) -> int:
    from benchmarks.speed.money_data import make

    make(rows)
    runs, frames = figures_of("benchmarks.speed.money", CONTENDERS, rows, FIGURES)
    differing = differences(frames["ours"], frames["pandas"])
    if len(differing):
        print(f"pandas differs:\n{differing.head(20).to_string()}", file=sys.stderr)
    figures = int(frames["ours"]["value"].notna().sum())
    print(json.dumps(report(rows, figures, differing.empty, runs)))
    return 0 if differing.empty else 1


def report(rows: int, figures: int, equal: bool, runs: Runs) -> dict:
    """What the last line says."""
    asked = {"benchmark": "money", "orders": rows, "customers": rows // 10, "figures": figures, "answers_equal": equal}
    return asked | verdict(runs, AIMS)


if __name__ == "__main__":
    sys.exit(main())
