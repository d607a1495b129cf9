"""python -m benchmarks.speed.survival [--quick]: survival of 10 M customers from counts, beside lifelines on the rows.

Of three segments: Kaplan-Meier at every day with its log-log band, the median with its limits, and the log-rank test between them. Both
contenders start from one Parquet file of rows (segment, days, lost): ours counts equal rows in DuckDB and goes on with the counts,
lifelines (benchmarks/survival_lifelines.py) reads it with pandas and takes the rows. Each runs in a process of its own, in the order
A B B A. A process is measured from its start to its end, imports included (lifelines also finds its environment in it, a tenth of
a second); `work_seconds` are those from opening the file to the last figure. Ends with one line of JSON. Exits with 1 where a figure differs.
"""

import json
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.peers.environment import python
from benchmarks.speed.contest import Runs, command_line, measured, there_and_back, verdict

CONTENDERS = ("ours", "lifelines")
KEYS = ["what", "segment", "time"]
TOLERANCE = 1e-9
# What is asked of the suite: (name, peer, measure, the ratio to it at most).
AIMS = (
    ("ten times faster than lifelines, from the file to the figures", "lifelines", "work_seconds", 0.1),
    ("ten times faster than lifelines, the whole process", "lifelines", "seconds", 0.1),
    ("half the memory of lifelines at most", "lifelines", "peak_gb", 0.5),
)


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark, or (`--contender`) our process of it."""
    given = command_line("survival", __doc__, ["ours"], "customers", arguments)
    if given.contender:
        _ours(make(given.rows)).to_csv(given.to, index=False)
        return 0
    return _benchmark(given.rows)


def make(rows: int) -> Path:
    """The file of so many customers; kept in the system's temporary folder between runs.

    Nothing is drawn at random: values come from hashes of the row's number. Weibull lives in whole days, of three segments that differ
    by a few per cent; two in five are still there when observation ends, up to three years after they came.
    """
    import duckdb

    file = Path(tempfile.gettempdir()) / f"crmnb-benchmark-survival-{rows}.parquet"
    if file.exists():
        return file
    unfinished = file.with_suffix(".part")
    with duckdb.connect() as con:
        con.execute("create macro unit(i, salt) as (hash(i * 1000 + salt) >> 11)::double / 9007199254740992")
        con.execute(f"""
            copy (
                select segment, least(life, seen)::int as days, life <= seen as lost
                from (
                    select ['basic', 'plus', 'premium'][1 + (i % 3)::int] as segment,
                        ceil((300 + 10 * (i % 3)) * (-ln(1 - unit(i, 1))) ** (1 / 0.8)) as life,
                        ceil(1095 * unit(i, 2) ** 1.6) as seen
                    from range({rows}) r(i)
                )
            ) to '{unfinished}' (format parquet)""")
    unfinished.rename(file)
    return file


def _ours(file: Path) -> pd.DataFrame:
    """Our figures, a row each: what, segment, time, value."""
    import duckdb

    from crmnb.stats.models.kaplan_meier import kaplan_meier, logrank, quantile

    began = time.perf_counter()
    with duckdb.connect() as con:
        counts = con.execute(f"select segment, days, lost, count(*) as n from '{file}' group by all").df()
    groups = {
        segment: (np.zeros(len(of)), of["days"], of["lost"], of["n"]) for segment, of in counts.groupby("segment")
    }
    curves = {segment: kaplan_meier(*group) for segment, group in groups.items()}
    medians = {segment: quantile(curve) for segment, curve in curves.items()}
    chi2, _, p = logrank(list(groups.values()))
    seconds = time.perf_counter() - began
    tables = [
        curve.table.drop(columns="standard_error")
        .rename(columns={"value": "survival"})
        .melt("time", var_name="what")
        .assign(segment=segment)
        for segment, curve in curves.items()
    ]
    ends = [
        (f"median {end}", segment, 0, value)
        for segment, told in medians.items()
        for end, value in zip(("value", "low", "high"), told, strict=True)
    ]
    rest = [*ends, ("chi2", "", 0, chi2), ("p_value", "", 0, p), ("work_seconds", "", 0, seconds)]
    return pd.concat([*tables, pd.DataFrame(rest, columns=[*KEYS, "value"])])[[*KEYS, "value"]]


def _benchmark(rows: int) -> int:
    make(rows)
    python()  # so that nobody waits for the environment
    runs: Runs = {name: [] for name in CONTENDERS}
    figures = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in there_and_back(CONTENDERS):
            to = Path(folder) / f"{name}.csv"
            run = measured(*_command(name, rows, to))
            found = pd.read_csv(to, keep_default_na=False, na_values={"value": ""})
            work = found["what"] == "work_seconds"
            runs[name].append(run | {"work_seconds": float(found.loc[work, "value"].iloc[0])})
            figures[name] = found[~work]
    differing = differences(figures["ours"], figures["lifelines"])
    if len(differing):
        print(f"lifelines differs:\n{differing.head(20).to_string()}", file=sys.stderr)
    print(json.dumps(report(rows, len(figures["ours"]), not len(differing), runs)))
    return 1 if len(differing) else 0


def _command(name: str, rows: int, to: Path) -> list[str]:
    if name == "ours":
        return ["benchmarks.speed.survival", "--contender", name, "--rows", str(rows), "--to", str(to)]
    return ["benchmarks.speed.survival_lifelines", str(make(rows)), str(to)]


def differences(ours: pd.DataFrame, peer: pd.DataFrame) -> pd.DataFrame:
    """The figures that differ by more than 1e-9 of themselves, or that one of the two does not have."""
    both = ours.merge(peer, on=KEYS, how="outer", suffixes=("", "_peer"), indicator=True)
    equal = np.isclose(both["value"], both["value_peer"], rtol=TOLERANCE, atol=1e-300, equal_nan=True)
    return both[(both["_merge"] != "both") | ~equal]


def report(rows: int, figures: int, equal: bool, runs: Runs) -> dict:
    """What the last line says."""
    asked = {"benchmark": "survival", "customers": rows, "figures": figures, "answers_equal": equal}
    return asked | verdict(runs, AIMS)


if __name__ == "__main__":
    sys.exit(main())
