"""python -m benchmarks.speed.pls [--quick]: the bootstrap of a PLS path model on 250 x 24 answers, beside plspm; and 100,000 respondents.

Simulated answers to 24 questions on 1-10, a model of seven constructs in the shape of ECSI (path scheme, mode A). Ours draws 5,000 replicates;
plspm (benchmarks/speed/pls_plspm.py; its Scale.NUM, a process per core) draws fewer, as it takes seconds for ten, and both are compared per
replicate. Each runs in a process of its own, in the order A B B A, with BLAS on one thread. What is compared is the work from the data in memory
to the replicates, imports left out: seconds, and seconds of CPU over all processes. Equal are the estimates of the data and those of the first ten
replicates of ours, to 1e-5; plspm's own draws are others. Ends with one line of JSON. Exits with 1 where an estimate differs.
"""

import argparse
import json
import os
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from benchmarks.peers.environment import python
from benchmarks.speed.contest import measured, there_and_back

RESPONDENTS, MANY_RESPONDENTS, COMPARED = 250, 100_000, 10
BLOCKS = {
    "image": [f"image{i}" for i in range(5)],
    "expectation": [f"expectation{i}" for i in range(3)],
    "quality": [f"quality{i}" for i in range(7)],
    "value": [f"value{i}" for i in range(2)],
    "satisfaction": [f"satisfaction{i}" for i in range(3)],
    "complaints": ["complaints0"],
    "loyalty": [f"loyalty{i}" for i in range(3)],
}
PATHS = [
    *(("image", end) for end in ("expectation", "satisfaction", "loyalty")),
    *(("expectation", end) for end in ("quality", "value", "satisfaction")),
    *(("quality", end) for end in ("value", "satisfaction")),
    ("value", "satisfaction"),
    *(("satisfaction", end) for end in ("complaints", "loyalty")),
    ("complaints", "loyalty"),
]
KEYS = ["replicate", "what", "from", "to"]
TOLERANCE, ITERATIONS, CLOSE = 1e-9, 300, 1e-5
FASTER, SECONDS_OF_MANY = 50, 10.0


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark, or (`--contender`) our process of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.pls", description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="40 replicates of plspm instead of 500")
    parser.add_argument("--replicates", type=int, default=5000, help="ours")
    parser.add_argument("--peer-replicates", type=int, help="plspm's")
    parser.add_argument("--contender", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.contender:
        _ours(options.contender, options.replicates)
        return 0
    return _benchmark(options.replicates, options.peer_replicates or (40 if options.quick else 500))


def answers(respondents: int, seed: int = 0) -> pd.DataFrame:
    """Simulated answers on 1-10, items that follow the paths."""
    draw = np.random.default_rng(seed)
    latent: dict[str, np.ndarray] = {}
    for construct in BLOCKS:
        before = [latent[begin] for begin, end in PATHS if end == construct]
        latent[construct] = 0.8 * sum(before) / np.sqrt(max(len(before), 1)) + 0.7 * draw.normal(size=respondents)
    items = {item: latent[c] + 0.8 * draw.normal(size=respondents) for c, block in BLOCKS.items() for item in block}
    return pd.DataFrame(items).mul(1.4).add(7).round().clip(1, 10)


def draws(clusters: int = RESPONDENTS) -> np.ndarray:
    """How often each respondent is drawn in the replicates that are compared."""
    from crmnb.stats.models import item_moments

    return next(item_moments.draws(clusters, COMPARED, seed=0)).astype(int)


def _ours(folder: Path, replicates: int) -> None:
    """Our figures and times, as files in a folder."""
    from crmnb.stats.models.item_moments import cluster_sums, item_moments
    from crmnb.stats.models.pls import fit_path_model
    from crmnb.stats.models.pls_bootstrap import bootstrap_path_model
    from crmnb.stats.models.pls_model import path_model

    model = path_model(BLOCKS, PATHS, tolerance=TOLERANCE, max_iterations=ITERATIONS)
    frame, many = answers(RESPONDENTS), answers(MANY_RESPONDENTS, seed=1)
    began, cpu_began = time.perf_counter(), cpu_seconds()
    bootstrap = bootstrap_path_model(cluster_sums(frame), model, replicates)
    times = {"work_seconds": time.perf_counter() - began, "work_cpu_seconds": cpu_seconds() - cpu_began}
    began, cpu_began = time.perf_counter(), cpu_seconds()
    bootstrap_path_model(cluster_sums(many), model, 1000)
    times |= {"many_seconds": time.perf_counter() - began, "many_cpu_seconds": cpu_seconds() - cpu_began}
    times["without_estimate"] = bootstrap.not_converged + bootstrap.undefined
    (folder / "times.json").write_text(json.dumps(times))
    compared = [frame, *(frame.loc[frame.index.repeat(counts)] for counts in draws())]
    fits = [bootstrap.fit, *(fit_path_model(item_moments(cluster_sums(rows)), model) for rows in compared[1:])]
    tables = [_figures(number, fit) for number, fit in enumerate(fits)]
    for number in range(COMPARED):  # the replicates themselves are those fits
        replicate = bootstrap.estimates["weights"][number]
        if not np.allclose(replicate, fits[number + 1].weights, atol=CLOSE):
            raise SystemExit(f"replicate {number} is not the fit of its rows")
    pd.concat(tables).to_csv(folder / "figures.csv", index=False)


def cpu_seconds() -> float:
    """Of this process and those that it has waited for."""
    used = [resource.getrusage(of) for of in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(of.ru_utime + of.ru_stime for of in used)


def _figures(replicate: int, fit) -> pd.DataFrame:
    """A row per estimate: replicate, what, from, to, value."""
    rows = [("weight", item, "", value) for item, value in fit.weights.items()]
    rows += [("loading", item, "", value) for item, value in fit.loadings.items()]
    rows += [("path", *pair, fit.paths.loc[pair]) for pair in PATHS]
    rows += [("total", *pair, fit.total_effects.loc[pair]) for pair in PATHS]
    rows += [("r2", construct, "", value) for construct, value in fit.r2.items()]
    return pd.DataFrame([(replicate, *row) for row in rows], columns=[*KEYS, "value"])


def _benchmark(replicates: int, peer_replicates: int) -> int:
    python()  # so that nobody waits for the environment
    os.environ["OMP_NUM_THREADS"] = os.environ["OPENBLAS_NUM_THREADS"] = "1"
    runs: dict[str, list[dict]] = {"ours": [], "plspm": []}
    figures = {}
    for name in there_and_back(runs):
        with tempfile.TemporaryDirectory() as folder:
            run = measured(*_command(name, Path(folder), replicates, peer_replicates))
            runs[name].append(run | json.loads((Path(folder) / "times.json").read_text()))
            figures[name] = pd.read_csv(Path(folder) / "figures.csv", keep_default_na=False)
    differing = differences(figures["ours"], figures["plspm"])
    if len(differing):
        print(f"plspm differs:\n{differing.head(20).to_string()}", file=sys.stderr)
    print(json.dumps(report(replicates, peer_replicates, len(figures["ours"]), not len(differing), runs)))
    return 1 if len(differing) else 0


def _command(name: str, folder: Path, replicates: int, peer_replicates: int) -> list[str]:
    if name == "ours":
        return ["benchmarks.speed.pls", "--contender", str(folder), "--replicates", str(replicates)]
    answers(RESPONDENTS).to_csv(folder / "answers.csv", index=False)
    np.savetxt(folder / "draws.csv", draws(), fmt="%d", delimiter=",")
    return ["benchmarks.speed.pls_plspm", str(folder), str(peer_replicates)]


def differences(ours: pd.DataFrame, peer: pd.DataFrame) -> pd.DataFrame:
    """The estimates that differ by more than 1e-5, or that one of the two does not have."""
    both = ours.merge(peer, on=KEYS, how="outer", suffixes=("", "_peer"), indicator=True)
    equal = np.isclose(both["value"], both["value_peer"], rtol=0, atol=CLOSE)
    return both[(both["_merge"] != "both") | ~equal]


def report(replicates: int, peer_replicates: int, figures: int, equal: bool, runs: dict[str, list[dict]]) -> dict:
    """What the last line says; times of work are for 1,000 replicates."""
    number = {"ours": replicates, "plspm": peer_replicates}
    medians = {name: {what: statistics.median(run[what] for run in of) for what in of[0]} for name, of in runs.items()}
    for name, of in medians.items():
        for what in ("work_seconds", "work_cpu_seconds"):
            of[f"{what}_per_1000"] = of.pop(what) * 1000 / number[name]
    aims = [
        _aim(f"{FASTER} times faster than plspm, {words}", medians["ours"][what] / medians["plspm"][what], 1 / FASTER)
        for words, what in (("seconds", "work_seconds_per_1000"), ("seconds of CPU", "work_cpu_seconds_per_1000"))
    ]
    many = medians["ours"]["many_cpu_seconds"]
    aims.append(
        _aim("100,000 respondents, 1,000 replicates: seconds of CPU of at most 10", many / SECONDS_OF_MANY, 1.0)
    )
    rounded = {name: {what: round(value, 4) for what, value in of.items()} for name, of in medians.items()}
    facts = {"benchmark": "pls", "respondents": RESPONDENTS, "items": 24, "figures": figures, "answers_equal": equal}
    return facts | {"replicates": number, "cores": os.cpu_count(), **rounded, "aims": aims}


def _aim(aim: str, ratio: float, limit: float) -> dict:
    return {"aim": aim, "ratio": round(ratio, 5), "at_most": limit, "met": ratio <= limit}


if __name__ == "__main__":
    sys.exit(main())
