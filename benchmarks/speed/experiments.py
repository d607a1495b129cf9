"""python -m benchmarks.speed.experiments [--quick]: the effects of an experiment of 10 M units on 5 outcomes in 20 segments, beside pandas and tea-tasting.

All contenders read the same Parquet file and give 105 effects with intervals by Welch's t: two means, money, money with CUPED and a ratio by the
delta method. The peers are plain pandas and scipy (benchmarks/speed/experiments_pandas.py) and tea-tasting on Ibis and DuckDB, in an environment of
its own. Each runs in a process of its own, in the order A B C C B A; a process is measured from its start to its end, imports and
reading of the file included. Ends with one line of JSON. Exits with 1 where a figure differs by more than 1e-9 of it.
"""

import json
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.speed.contest import Frames, Runs, command_line, measured, run_contest, there_and_back, verdict

CONTENDERS = ("ours", "pandas", "tea_tasting")
FIGURES = ("value", "low", "high")
TOLERANCE = 1e-9
AIMS = (
    ("half the time of pandas at most", "pandas", "seconds", 0.5),
    ("half the memory of pandas at most", "pandas", "peak_gb", 0.5),
    ("not slower than tea-tasting", "tea_tasting", "seconds", 1.0),
)


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark, or (`--contender`) one of its processes."""
    given = command_line("speed.experiments", __doc__, CONTENDERS[:2], "units", arguments)
    return run_contest(given, _compute, _benchmark)


def _compute(contender: str, rows: int) -> pd.DataFrame:
    """One contender's figures."""
    from benchmarks.speed import experiments_data

    files = experiments_data.make(rows)
    if contender == "pandas":
        from benchmarks.speed.experiments_pandas import run

        return run(files["experiment_units"])
    from crmnb.engine.session import open_tables
    from crmnb.evaluate.measure import measure
    from crmnb.metrics.definition import catalogue

    tables = open_tables(experiments_data.client(), files, cutoff=experiments_data.PERIOD.end)
    found = measure(catalogue()["experiment_effect"], tables, experiments_data.PERIOD).rows
    outcome = found["breakdown"].str.removeprefix("test: ").str.replace(" ", "_")
    return found.assign(outcome=outcome)[["level", "outcome", *FIGURES]]


def _benchmark(rows: int) -> int:
    from benchmarks.speed.experiments_data import make

    file = make(rows)["experiment_units"]
    runs, frames = _runs(rows, file)
    wrong = {peer: differing(frames["ours"], frames[peer]) for peer in CONTENDERS[1:]}
    for peer, of in wrong.items():
        if len(of):
            print(f"{peer} differs:\n{of.head(20).to_string()}", file=sys.stderr)
    print(json.dumps(report(rows, len(frames["ours"]), not any(map(len, wrong.values())), runs)))
    return int(any(map(len, wrong.values())))


def _runs(rows: int, file: Path) -> tuple[Runs, Frames]:
    """What each contender took, and its figures."""
    runs: Runs = {name: [] for name in CONTENDERS}
    frames: Frames = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in there_and_back(CONTENDERS):
            to = Path(folder) / f"{name}.csv"
            if name == "tea_tasting":
                runs[name].append(measured("benchmarks.speed.experiments_tea_tasting", str(file), str(to)))
            else:
                arguments = ("--contender", name, "--rows", str(rows), "--to", str(to))
                runs[name].append(measured("benchmarks.speed.experiments", *arguments))
            frames[name] = pd.read_csv(to, keep_default_na=False)
    return runs, frames


def differing(ours: pd.DataFrame, peer: pd.DataFrame) -> pd.DataFrame:
    """The effects in which a figure differs by more than 1e-9 of it, or that one of the two does not have."""
    both = ours.merge(peer, on=["level", "outcome"], how="outer", suffixes=("", "_peer"), indicator=True)
    wrong = both["_merge"] != "both"
    for name in FIGURES:
        wrong |= ~np.isclose(both[name], both[f"{name}_peer"], rtol=TOLERANCE, atol=1e-11)
    return both[wrong]


def report(rows: int, figures: int, equal: bool, runs: Runs) -> dict:
    """What the last line says."""
    facts = {"benchmark": "experiments", "units": rows, "effects": figures, "answers_equal": equal}
    return facts | verdict(runs, AIMS)


if __name__ == "__main__":
    sys.exit(main())
