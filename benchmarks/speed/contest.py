"""What the benchmarks share: the command line, contenders in processes of their own, in the order A B C C B A, and what the last line says."""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd

Frames = dict[str, pd.DataFrame]
Runs = dict[str, list[dict[str, float]]]


def command_line(
    name: str, about: str, contenders: Iterable[str], rows: str, arguments: list[str] | None
) -> argparse.Namespace:
    """What was given to a contest over many rows; `rows` says what they are, and is then how many.

    A contest starts processes of its own by `--contender NAME --to FILE`.
    """
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=about.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="1 M rows instead of 10 M")
    parser.add_argument("--rows", type=int, help=rows)
    parser.add_argument("--contender", choices=list(contenders), help=argparse.SUPPRESS)
    parser.add_argument("--to", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    given.rows = given.rows or (1_000_000 if given.quick else 10_000_000)
    return given


def run_contest(
    given: argparse.Namespace, compute: Callable[[str, int], pd.DataFrame], benchmark: Callable[[int], int]
) -> int:
    """The benchmark of so many rows, or one of its processes, whose figures are written to a file; gives the exit code."""
    if given.contender:
        compute(given.contender, given.rows).to_csv(given.to, index=False)
        return 0
    return benchmark(given.rows)


def figures_of(module: str, contenders: Iterable[str], rows: int, columns: Iterable[str]) -> tuple[Runs, Frames]:
    """What each contender took, twice, in the order A B C C B A, and the figures of its last run; columns: those of numbers."""
    runs: Runs = {name: [] for name in contenders}
    frames: Frames = {}
    with tempfile.TemporaryDirectory() as folder:
        for name in there_and_back(contenders):
            to = Path(folder) / f"{name}.csv"
            runs[name].append(measured(module, "--contender", name, "--rows", str(rows), "--to", str(to)))
            frames[name] = pd.read_csv(to, keep_default_na=False, na_values=dict.fromkeys(columns, "")).fillna(np.nan)
    return runs, frames


def there_and_back(names: Iterable[str]) -> Iterator[str]:
    """Each name twice, in the order A B C C B A, said on a terminal."""
    names = list(names)
    return in_turn([*names, *reversed(names)])


def in_turn(names: list[str]) -> Iterator[str]:
    """Each name, said on a terminal."""
    for number, name in enumerate(names, 1):
        if sys.stderr.isatty():
            print(f"{number} of {len(names)}: {name}", file=sys.stderr)
        yield name


def measured(module: str, *arguments: str) -> dict[str, float]:
    """Run a module in a process of its own, from its start to its end: seconds, seconds of CPU, and its peak of memory."""
    began = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", module, *arguments])  # noqa: S603 (a benchmark's own module)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{module} {' '.join(arguments)} failed")
    kilobyte = 1 if sys.platform == "darwin" else 1024
    return {
        "seconds": time.perf_counter() - began,
        "cpu_seconds": used.ru_utime + used.ru_stime,
        "peak_gb": used.ru_maxrss * kilobyte / 1e9,
    }


def verdict(runs: Runs, aims: Iterable[tuple[str, str, str, float]]) -> dict:
    """Medians, the ratios of "ours" to each peer, and whether each aim (name, peer, measure, ratio at most) is met."""
    medians = {
        name: {what: round(statistics.median(run[what] for run in of), 2) for what in of[0]}
        for name, of in runs.items()
    }
    ratios = {
        peer: {what: round(medians["ours"][what] / max(mine, 0.01), 2) for what, mine in medians[peer].items()}
        for peer in runs
        if peer != "ours"
    }
    told = [
        {"aim": aim, "ratio": ratios[peer][what], "at_most": limit, "met": ratios[peer][what] <= limit}
        for aim, peer, what, limit in aims
    ]
    return {"cores": os.cpu_count(), **medians, "ours_to_peer": ratios, "aims": told}
