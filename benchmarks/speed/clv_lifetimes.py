"""python -m benchmarks.speed.clv_lifetimes FILE TO: lifetimes' part in the benchmark `clv`, in the peers' environment.

From a file of arrays (x, t_x, T, m) to a JSON file of its parameters and the seconds of each fit.
"""

import json
import sys
import time
from pathlib import Path

from benchmarks.peers.environment import stand_among
from benchmarks.speed.peak import peak_gb


def main(file: str, to: str) -> None:
    """Work in the peers' environment."""
    stand_among("lifetimes", "benchmarks.speed.clv_lifetimes", file, to)
    import numpy as np
    from lifetimes import BetaGeoFitter, GammaGammaFitter

    arrays = np.load(file)
    x, t_x, T, m = (arrays[name] for name in ("x", "t_x", "T", "m"))
    some = (x > 0) & (m > 0)
    began = time.perf_counter()
    bought = BetaGeoFitter(penalizer_coef=0.0).fit(x, t_x, T)
    between = time.perf_counter()
    spent = GammaGammaFitter(penalizer_coef=0.0).fit(x[some], m[some])
    ended = time.perf_counter()
    told = {
        "parameters": {"buying": list(bought.params_), "spending": list(spent.params_)},
        "seconds": {"buying": between - began, "spending": ended - between},
        "peak_gb": peak_gb(),
    }
    Path(to).write_text(json.dumps(told))


if __name__ == "__main__":
    main(*sys.argv[1:])
