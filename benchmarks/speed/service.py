"""python -m benchmarks.speed.service [--quick]: service and operations on 10 M tickets of 1 M customers, beside pandas.

Every metric of both families: the year, the year before, the twelve months and the regions, values and intervals; times of tickets are in
hours of a working week with public holidays. The peer (benchmarks/speed/service_pandas.py) sorts, sums and counts by hand-written pandas,
counts working hours by numpy's business days, and takes intervals and curves from the same functions on what it has reduced; it leaves out
the interval of the change, which the suite computes as well. Each contender runs in a process of its own, in the order A B B A; a
process is measured from its start to its end, imports and reading of the files included. Ends with one line of JSON. Exits with 1 where a
figure differs.

Half of pandas' time is out of reach of this design. Of the 17 CPU seconds that ours takes with 1 M tickets, 1.0 are imports and 4 are Python that
hardly depends on the rows: the queries of 39 metrics, estimators, results. To number people, and to read and compress the tables, takes 2.2,
which makes up for itself in memory and later scans. The other 10 are scans of what metrics count: counts of alike rows 4.1 (durations are
nearly all different, so they stay as many as the tickets), counts by day and their squares by customer 2.6, shares 1.8, repeated contacts and
other derived tables 1.5. Pandas takes 12 to 14 in all, so half of it is what Python and reading alone take.
"""

import json
import sys

import pandas as pd

from benchmarks.speed.contest import Runs, command_line, figures_of, run_contest, verdict
from benchmarks.speed.metrics import FIGURES, differences

CONTENDERS = ("ours", "pandas")
FAMILIES = ("service", "operations")
OF_COMMENTS = {"representative_themes"}  # the answers here have none
AIMS = (
    ("half the time of pandas at most", "pandas", "seconds", 0.5),
    ("half the CPU time of pandas at most", "pandas", "cpu_seconds", 0.5),
    ("half the memory of pandas at most", "pandas", "peak_gb", 0.5),
)


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark, or (`--contender`) one of its processes."""
    given = command_line("speed.service", __doc__, CONTENDERS, "tickets, of a tenth as many customers", arguments)
    return run_contest(given, _compute, _benchmark)


def _compute(contender: str, rows: int) -> pd.DataFrame:
    """One contender's figures."""
    from benchmarks.speed import service_data
    from crmnb.stats.shared_fits import shared_fits

    files = service_data.make(rows)
    if contender == "pandas":
        from benchmarks.speed.service_pandas import run

        with shared_fits():  # as an evaluation does
            return run(files)
    from crmnb.engine.session import open_tables
    from crmnb.evaluate.measure import measure_all
    from crmnb.metrics.definition import family

    tables = open_tables(service_data.client(), files)
    metrics = [metric for name in FAMILIES for id_, metric in family(name).items() if id_ not in OF_COMMENTS]
    rows = pd.concat([of_metric.rows for of_metric in measure_all(metrics, tables, service_data.PERIOD)])
    return rows[rows["period"] == service_data.PERIOD.label]  # not the months of the year before


def _benchmark(rows: int) -> int:
    from benchmarks.speed.service_data import make

    make(rows)
    runs, frames = figures_of("benchmarks.speed.service", CONTENDERS, rows, FIGURES)
    differing = differences(frames["ours"], frames["pandas"])
    if len(differing):
        print(f"pandas differs:\n{differing.head(20).to_string()}", file=sys.stderr)
    figures = int(frames["ours"]["value"].notna().sum())
    print(json.dumps(report(rows, figures, differing.empty, runs)))
    return 0 if differing.empty else 1


def report(rows: int, figures: int, equal: bool, runs: Runs) -> dict:
    """What the last line says."""
    facts = {
        "benchmark": "service",
        "tickets": rows,
        "customers": rows // 10,
        "figures": figures,
        "answers_equal": equal,
    }
    return facts | verdict(runs, AIMS)


if __name__ == "__main__":
    sys.exit(main())
