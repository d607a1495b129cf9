"""python -m benchmarks.speed.pls_plspm FOLDER REPLICATES: plspm's part in the benchmark `pls`, in the peers' environment.

Reads answers.csv and draws.csv from the folder; writes figures.csv (the estimates of the answers and of each draw) and times.json (of the
bootstrap). plspm is used by its documented interface alone: it is under the GPL, and no part of the suite.
"""

import json
import sys
import time
from pathlib import Path

from benchmarks.peers.environment import stand_among


def main(folder: str, replicates: str) -> None:
    """Work in the peers' environment; in another, go there."""
    stand_among("plspm", "benchmarks.speed.pls_plspm", folder, replicates)
    _write(Path(folder), int(replicates))


def _write(folder: Path, replicates: int) -> None:
    import os

    import numpy as np
    import pandas as pd

    from benchmarks.speed.pls import cpu_seconds

    answers = pd.read_csv(folder / "answers.csv")
    processes = os.cpu_count() or 1
    began, cpu_began = time.perf_counter(), cpu_seconds()
    _fit(answers, bootstrap=True, bootstrap_iterations=replicates // processes * processes, processes=processes)
    times = {"work_seconds": time.perf_counter() - began, "work_cpu_seconds": cpu_seconds() - cpu_began}
    (folder / "times.json").write_text(json.dumps(times))
    draws = np.loadtxt(folder / "draws.csv", delimiter=",", dtype=int)
    samples = [answers, *(answers.loc[answers.index.repeat(counts)].reset_index(drop=True) for counts in draws)]
    pd.concat(_figures(number, rows) for number, rows in enumerate(samples)).to_csv(folder / "figures.csv", index=False)


def _fit(answers, **bootstrap):
    from plspm.config import Config, Structure
    from plspm.mode import Mode
    from plspm.plspm import Plspm
    from plspm.scale import Scale
    from plspm.scheme import Scheme

    from benchmarks.speed.pls import BLOCKS, ITERATIONS, PATHS, TOLERANCE

    structure = Structure()
    for begin, end in PATHS:
        structure.add_path([begin], [end])
    config = Config(structure.path(), default_scale=Scale.NUM)
    for construct in BLOCKS:
        config.add_lv_with_columns_named(construct, Mode.A, answers, construct)
    return Plspm(answers, config, Scheme.PATH, ITERATIONS, TOLERANCE, **bootstrap)


def _figures(replicate: int, answers):
    """A row per estimate, as the suite's."""
    import pandas as pd

    from benchmarks.speed.pls import KEYS, PATHS

    fit = _fit(answers)
    outer, effects = fit.outer_model(), fit.effects().set_index(["from", "to"])
    rows = [(what, item, "", value) for what in ("weight", "loading") for item, value in outer[what].items()]
    rows += [("path", *pair, effects.loc[pair, "direct"]) for pair in PATHS]
    rows += [("total", *pair, effects.loc[pair, "total"]) for pair in PATHS]
    summary = fit.inner_summary()
    explained = summary[summary["type"] == "Endogenous"]["r_squared"]
    rows += [("r2", construct, "", value) for construct, value in explained.items()]
    return pd.DataFrame([(replicate, *row) for row in rows], columns=[*KEYS, "value"])


if __name__ == "__main__":
    main(*sys.argv[1:])
