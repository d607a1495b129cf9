"""python -m benchmarks.speed.clv [--quick]: BG/NBD and Gamma-Gamma of 1 M customers beside lifetimes, and of the 23,570 of CDNOW.

Both contenders get the same arrays, a row per customer (ours counts nothing up before), and fit both models with standard errors; lifetimes
(benchmarks/clv_lifetimes.py) as it comes, without a penalty. Each runs in a process of its own, in the order A B B A. Seconds are
those of the fit; the peak of memory is the whole process's, imports and arrays included. The log-likelihood of both's
parameters is worked out here, as the papers print it. Ours alone is then told at several numbers of customers, with the time that it
takes to forecast three years of all of them (discounted purchases times spend). Without CDNOW beside the checkout the simulated customers
alone are asked. Ends with one line of JSON. Exits with 1 where our log-likelihood is lower than that of lifetimes.
"""

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from scipy import special

from benchmarks.speed.contest import in_turn, measured, there_and_back
from benchmarks.speed.peak import peak_gb

CONTENDERS = ("ours", "lifetimes")
MODELS = ("buying", "spending")
CDNOW = Path(__file__).parents[2] / "../shared/data/cdnow"
TRUTH = {"buying": [0.243, 4.414, 0.793, 2.426], "spending": [6.25, 3.74, 15.45]}  # CDNOW's
TOLERANCE = 1e-6  # of the log-likelihood
FASTER = 20  # what is asked of the suite, at the largest number of customers
YEARS, RATE = 156.0, np.log(1.1) / 52  # three years of weeks, and 10 % a year

Arrays = dict[str, np.ndarray]


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark, or (`--contender`) our process of it."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.clv", description=__doc__.split("\n\n")[0])
    parser.add_argument("--quick", action="store_true", help="100,000 simulated customers instead of 1 M")
    parser.add_argument("--customers", type=int, help="simulated ones")
    parser.add_argument("--contender", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--to", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    if given.contender:
        given.to.write_text(json.dumps(_ours(dict(np.load(given.contender)))))
        return 0
    return _benchmark(given.customers or (100_000 if given.quick else 1_000_000))


# ---- the customers ----


def cases(customers: int) -> dict[str, Arrays]:
    """The customers of each case: x, t_x and T in weeks, and m, the mean of the repeat purchases (0 without one)."""
    found = {}
    if CDNOW.exists():
        found["CDNOW, one in ten"] = cdnow("CDNOW_sample.txt", day=2, money=4)
        found["CDNOW"] = cdnow("CDNOW_master.txt", day=1, money=3)
    return found | {"simulated": simulated(customers)}


def cdnow(file: str, day: int, money: int) -> Arrays:
    """The first 39 weeks of 1997 from the log of purchases; `day` and `money` are the numbers of its columns.

    As Fader, Hardie & Lee took them: purchases of a day are one, the clock starts with the first, weeks have seven days.
    """
    import pandas as pd

    log = pd.read_csv(CDNOW / file, sep=r"\s+", header=None, dtype=str)
    log = log[log[day].str.isdigit()]  # without the heading that one of the files has
    log = pd.DataFrame(
        {"customer": log[0], "day": pd.to_datetime(log[day], format="%Y%m%d"), "money": log[money].astype(float)}
    )
    days = log[log["day"] < "1997-10-01"].groupby(["customer", "day"], as_index=False)["money"].sum()
    first = days.groupby("customer")["day"].transform("min")
    repeat = days[days["day"] > first]
    told = days.groupby("customer")["day"].agg(["min", "max"])
    week = pd.Timedelta(days=7)
    return {
        "x": repeat.groupby("customer").size().reindex(told.index, fill_value=0).to_numpy(float),
        "t_x": ((told["max"] - told["min"]) / week).to_numpy(),
        "T": ((pd.Timestamp("1997-09-30") - told["min"]) / week).to_numpy(),
        "m": repeat.groupby("customer")["money"].mean().reindex(told.index, fill_value=0.0).to_numpy(),
    }


def simulated(customers: int) -> Arrays:
    """Customers drawn from the models at CDNOW's parameters, observed for 27 to 39 weeks; no two are alike."""
    from crmnb.stats.models.bg_nbd import simulate_buying
    from crmnb.stats.models.gamma_gamma import simulate_spending

    rng = np.random.default_rng(customers)
    T = rng.uniform(27, 39, customers)
    x, t_x = simulate_buying(TRUTH["buying"], T, rng)
    return {"x": x, "t_x": t_x, "T": T, "m": simulate_spending(TRUTH["spending"], x, rng)}


def spenders(arrays: Arrays) -> np.ndarray:
    """Whose spend tells something: they bought again, and paid. (CDNOW gave some away.)"""
    return (arrays["x"] > 0) & (arrays["m"] > 0)


# ---- one contender ----


def _ours(arrays: Arrays) -> dict:
    """Our parameters, the seconds of each fit and those of the forecast."""
    from crmnb.stats.models.bg_nbd import discounted_further, fit_buying
    from crmnb.stats.models.gamma_gamma import expected_spend, fit_spending

    x, t_x, T, m = (arrays[name] for name in ("x", "t_x", "T", "m"))
    some = spenders(arrays)
    bought, of_buying = timed(lambda: fit_buying(x, t_x, T, np.ones_like(x)))
    spent, of_spending = timed(lambda: fit_spending(x[some], m[some], np.ones(some.sum())))
    _, of_forecast = timed(
        lambda: (
            discounted_further(bought.parameters, x, t_x, T, YEARS, RATE) * expected_spend(spent.parameters, x, m)
        ).sum()
    )
    return {
        "parameters": {"buying": bought.parameters.tolist(), "spending": spent.parameters.tolist()},
        "seconds": {"buying": of_buying, "spending": of_spending, "forecast": of_forecast},
        "peak_gb": peak_gb(),
    }


def timed(work) -> tuple[object, float]:
    """What a function gives, and the seconds that it took."""
    began = time.perf_counter()
    return work(), time.perf_counter() - began


# ---- the contest ----


def _benchmark(customers: int) -> int:
    found = cases(customers)
    sizes = [n for n in (10_000, 100_000) if n < customers]
    with tempfile.TemporaryDirectory() as folder:
        results = {case: _contest(arrays, Path(folder)) for case, arrays in found.items()}
        growth = {n: _run("ours", simulated(n), Path(folder)) for n in in_turn(sizes)}
    growth[customers] = results["simulated"]["ours"]
    told = {case: compared(found[case], runs) for case, runs in results.items()}
    for line in (*table(told), "", *growth_table(growth)):
        print(line)
    fine = all(told[case][model]["gain"] >= -TOLERANCE for case in told for model in MODELS)
    print(json.dumps(report(told, growth, fine)))
    return 0 if fine else 1


def _contest(arrays: Arrays, folder: Path) -> dict[str, dict]:
    """What each contender found and took, the medians of its two runs."""
    runs: dict[str, list[dict]] = {name: [] for name in CONTENDERS}
    for name in there_and_back(CONTENDERS):
        runs[name].append(_run(name, arrays, folder))
    return {name: middle(of) for name, of in runs.items()}


def _run(name: str, arrays: Arrays, folder: Path) -> dict:
    """One contender's process: its parameters, seconds and peak of memory."""
    file, to = folder / "customers.npz", folder / "found.json"
    np.savez(file, **arrays)
    if name == "ours":
        measured("benchmarks.speed.clv", "--contender", str(file), "--to", str(to))
    else:
        measured("benchmarks.speed.clv_lifetimes", str(file), str(to))
    return json.loads(to.read_text())


def middle(runs: list[dict]) -> dict:
    """The runs of one contender as one: parameters of the first, medians of the rest."""
    seconds = {what: statistics.median(run["seconds"][what] for run in runs) for what in runs[0]["seconds"]}
    return {
        "parameters": runs[0]["parameters"],
        "seconds": seconds,
        "peak_gb": statistics.median(run["peak_gb"] for run in runs),
    }


# ---- the likelihoods, as printed ----


def log_likelihood(model: str, parameters: list[float], arrays: Arrays) -> float:
    """Of either model at anybody's parameters: Fader, Hardie & Lee 2005, (6); Fader & Hardie 2013, (1a)."""
    return float((_buying if model == "buying" else _spending)(*parameters, arrays).sum())


def _buying(r: float, alpha: float, a: float, b: float, arrays: Arrays) -> np.ndarray:
    x, t_x, T = (arrays[name] for name in ("x", "t_x", "T"))
    ln = special.gammaln
    shared = ln(r + x) - ln(r) + r * np.log(alpha)
    stays = special.betaln(a, b + x) - special.betaln(a, b) - (r + x) * np.log(alpha + T)
    left = special.betaln(a + 1, b + np.maximum(x, 1) - 1) - special.betaln(a, b) - (r + x) * np.log(alpha + t_x)
    return shared + np.logaddexp(stays, np.where(x > 0, left, -np.inf))


def _spending(p: float, q: float, v: float, arrays: Arrays) -> np.ndarray:
    x, m = (arrays[name][spenders(arrays)] for name in ("x", "m"))
    logs = q * np.log(v) + (p * x - 1) * np.log(m) + p * x * np.log(x) - (p * x + q) * np.log(v + x * m)
    return logs - special.betaln(p * x, q)


# ---- what is said ----


def compared(arrays: Arrays, runs: dict[str, dict]) -> dict:
    """Of each model: how much higher our log-likelihood is, the seconds of both, and how many times faster ours is; and the memory."""
    told: dict = {"customers": len(arrays["x"])}
    for model in MODELS:
        levels = {name: log_likelihood(model, runs[name]["parameters"][model], arrays) for name in CONTENDERS}
        seconds = {name: runs[name]["seconds"][model] for name in CONTENDERS}
        told[model] = {
            "log_likelihood": round(levels["ours"], 6),
            "gain": round(levels["ours"] - levels["lifetimes"], 9) + 0.0,  # no -0
            "seconds": {name: round(value, 4) for name, value in seconds.items()},
            "faster": round(seconds["lifetimes"] / max(seconds["ours"], 1e-6), 1),
        }
    return told | {"peak_gb": {name: round(runs[name]["peak_gb"], 2) for name in CONTENDERS}}


def table(told: dict[str, dict]) -> list[str]:
    """Both contenders, a line per case and model."""
    lines = [
        f"{'customers':>30} {'model':>9} {'log-likelihood':>16} {'gain':>9} {'ours s':>8} {'lifetimes s':>11} {'faster':>7}"
    ]
    for case, of in told.items():
        for model in MODELS:
            m = of[model]
            lines.append(
                f"{case + ' ' + format(of['customers'], ','):>30} {model:>9} {m['log_likelihood']:>16,.3f} {m['gain']:>9.1e} "
                f"{m['seconds']['ours']:>8.3f} {m['seconds']['lifetimes']:>11.3f} {m['faster']:>7.1f}"
            )
        peaks = ", ".join(f"{name} {gigabytes} GB" for name, gigabytes in of["peak_gb"].items())
        lines.append(f"{'peak of memory':>30} {peaks}")
    return lines


def growth_table(growth: dict[int, dict]) -> list[str]:
    """Ours alone, a line per number of simulated customers."""
    lines = [f"{'simulated customers':>30} {'buying s':>9} {'spending s':>10} {'forecast s':>10} {'peak GB':>8}"]
    for n, run in growth.items():
        s = run["seconds"]
        lines.append(
            f"{n:>30,} {s['buying']:>9.3f} {s['spending']:>10.3f} {s['forecast']:>10.3f} {run['peak_gb']:>8.2f}"
        )
    return lines


def report(told: dict[str, dict], growth: dict[int, dict], fine: bool) -> dict:
    """What the last line says."""
    aims = [
        {
            "aim": f"{model}: {FASTER} times faster than lifetimes, from {told['simulated']['customers']:,} customers",
            "faster": told["simulated"][model]["faster"],
            "at_least": FASTER,
            "met": told["simulated"][model]["faster"] >= FASTER,
        }
        for model in MODELS
    ]
    ours = {
        n: {what: round(value, 4) for what, value in (run["seconds"] | {"peak_gb": run["peak_gb"]}).items()}
        for n, run in growth.items()
    }
    return {
        "benchmark": "clv",
        "cores": os.cpu_count(),
        "log_likelihood_same_or_better": fine,
        "cases": told,
        "ours": ours,
        "aims": aims,
    }


if __name__ == "__main__":
    sys.exit(main())
