"""python -m benchmarks.speed.engagement [--quick]: 10 M e-mails to 1 M customers and 10 M web sessions, beside pandas.

Every metric of e-mails and of the web site: the year, the year before, the twelve months and the regions, values and intervals. The peer
(benchmarks/speed/engagement_pandas.py) sorts, sums and counts by hand-written pandas and takes intervals from the same functions on what it
has reduced; it leaves out the interval of the change, which the suite computes as well. Each contender runs in a process of its own, in the
order A B B A; a process is measured from its start to its end, imports and reading of the files included. Ends with one line of JSON. Exits
with 1 where a figure differs.
"""

import json
import sys

import pandas as pd

from benchmarks.speed.contest import Runs, command_line, figures_of, run_contest, verdict
from benchmarks.speed.metrics import FIGURES, differences

CONTENDERS = ("ours", "pandas")
TABLES = ("sends", "visits")
AIMS = (
    ("half the time of pandas at most", "pandas", "seconds", 0.5),
    ("half the CPU time of pandas at most", "pandas", "cpu_seconds", 0.5),
    ("half the memory of pandas at most", "pandas", "peak_gb", 0.5),
)


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark, or (`--contender`) one of its processes."""
    given = command_line(
        "speed.engagement", __doc__, CONTENDERS, "e-mails, as many sessions, a tenth as many customers", arguments
    )
    return run_contest(given, _compute, _benchmark)


def _compute(contender: str, rows: int) -> pd.DataFrame:
    """One contender's figures."""
    from benchmarks.speed import engagement_data

    files = engagement_data.make(rows)
    if contender == "pandas":
        from benchmarks.speed.engagement_pandas import run

        return run(files)
    from crmnb.engine.session import open_tables
    from crmnb.evaluate.measure import measure_all
    from crmnb.metrics.definition import family

    tables = open_tables(engagement_data.client(), files)
    metrics = [metric for metric in family("engagement").values() if {*metric.reads} <= {*TABLES}]
    rows = pd.concat([of_metric.rows for of_metric in measure_all(metrics, tables, engagement_data.PERIOD)])
    return rows[rows["period"] == engagement_data.PERIOD.label]  # not the months of the year before


def _benchmark(rows: int) -> int:
    from benchmarks.speed.engagement_data import make

    make(rows)
    runs, frames = figures_of("benchmarks.speed.engagement", CONTENDERS, rows, FIGURES)
    differing = differences(frames["ours"], frames["pandas"])
    if len(differing):
        print(f"pandas differs:\n{differing.head(20).to_string()}", file=sys.stderr)
    figures = int(frames["ours"]["value"].notna().sum())
    print(json.dumps(report(rows, figures, differing.empty, runs)))
    return 0 if differing.empty else 1


def report(rows: int, figures: int, equal: bool, runs: Runs) -> dict:
    """What the last line says."""
    facts = {"benchmark": "engagement", "emails": rows, "sessions": rows, "customers": rows // 10}
    return facts | {"figures": figures, "answers_equal": equal} | verdict(runs, AIMS)


if __name__ == "__main__":
    sys.exit(main())
