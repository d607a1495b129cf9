"""How much CPU time does it take to evaluate a client, beside an earlier commit of this repository? python -m benchmarks.speed.evaluate.

Both commits evaluate the four families that the earlier one has, of the same client and period from the same files, each in a process of its own, in turn; data
and modules are imported beforehand, as by the fork server of a run. Figures must be equal to 1e-9, row by row, but for metrics that were corrected since. The earlier commit is checked out into a temporary folder
(`git worktree`), and uses the same environment. `--quick` evaluates the corner shop only, once. The last line is JSON.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

CHECKOUT = Path(__file__).parents[2]
EARLIER = "46fd6a0"  # the last commit before metrics were evaluated for all periods at once
AIMS = {("corner_shop", "2025"): 1 / 4, ("demo", "2025"): 1 / 2}  # of the earlier commit's CPU time
REPEATS = 3
# The ids and the column that were renamed since.
RENAMED = {
    "clv_historic": "historical_clv",
    "clv_predicted": "predicted_clv",
    "clv_residual": "residual_clv",
    "clv_simple": "simple_clv",
    "cac_payback_months": "cac_payback_period",
    "profitable_relationships": "profitable_customer_retention",
    "profitable_acquisition": "profitable_new_customers",
    "end_to_start_ratio": "customer_base_growth",
    "customers_won": "new_customers",
    "at_risk_customers": "expected_churn",
    "conversion_curve": "cumulative_win_rate",
    "proposal_win_rate": "win_rate",
    "pipeline_velocity": "sales_velocity",
    "growth_decomposition": "revenue_bridge",
    "goal_conversion": "visitor_conversion_rate",
    "visit_conversion_rate": "session_conversion_rate",
    "model_effectiveness": "clv_backtest",
}
# The metrics whose figures were corrected since (CHANGELOG): their rows are not compared.
CORRECTED = {
    "review_volume",
    "new_customers",
    "expected_churn",
    "predicted_clv",
    "residual_clv",
    "clv_backtest",
    "clv_to_cac",
}
NEW_SURVEY = ("relationship", "yearly")  # of the demo: as its parameters name it, and as the earlier ones leave it
FIGURES = ["value", "low", "high", "n", "clusters", "numerator", "denominator", "change", "change_low", "change_high"]

_PROGRAM = """
import sys, time
from importlib import import_module
from pkgutil import walk_packages
import crmnb.workbook
for module in walk_packages(crmnb.__path__, "crmnb."):
    if not module.name.endswith("__main__"):
        import_module(module.name)
from crmnb.workbook import open_workbook
try:
    from crmnb.metrics.definition import families
except ImportError:
    from crmnb.metric import families
import pandas as pd
import statsmodels.stats.multitest
client, period, target = sys.argv[1:]
book = open_workbook(client, period)
names = [name for name in families() if name in ("financial", "retention", "sales", "satisfaction")]  # of both commits
crmnb.workbook.families = lambda: names
start = time.process_time()
frames = [book.results(name) for name in names]
print(time.process_time() - start)
pd.concat(frames).to_pickle(target)
"""


@contextmanager
def earlier_checkout() -> Iterator[Path]:
    """The earlier commit, checked out beside this one. Raises SystemExit where the repository does not hold it."""
    folder = Path(tempfile.mkdtemp(prefix="crmnb-evaluate-"))
    try:
        added = subprocess.run(  # noqa: S603
            ["git", "worktree", "add", "--detach", str(folder / "earlier"), EARLIER],  # noqa: S607
            cwd=CHECKOUT,
            capture_output=True,
            text=True,
        )
        if added.returncode:
            sys.exit(f"The commit {EARLIER} cannot be checked out: {added.stderr.strip()}")
        if (CHECKOUT / "parameters" / "demo").is_dir():  # simulated, so no commit holds it
            shutil.copytree(
                CHECKOUT / "parameters" / "demo", folder / "earlier" / "parameters" / "demo", dirs_exist_ok=True
            )
        yield folder / "earlier"
    finally:
        subprocess.run(  # noqa: S603
            ["git", "worktree", "remove", "--force", str(folder / "earlier")],  # noqa: S607
            cwd=CHECKOUT,
            capture_output=True,
        )
        shutil.rmtree(folder, ignore_errors=True)


def evaluate(checkout: Path, client: str, period: str) -> tuple[float, pd.DataFrame]:
    """CPU seconds to evaluate all families in a checkout, and the results frame."""
    with tempfile.TemporaryDirectory() as folder:
        target = Path(folder) / "results.pkl"
        process = subprocess.run(  # noqa: S603
            [sys.executable, "-c", _PROGRAM, client, period, str(target)],
            cwd=checkout,
            env=os.environ | {"PYTHONPATH": str(checkout / "src"), "OPENBLAS_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=True,
        )
        return float(process.stdout.split()[-1]), pd.read_pickle(target)  # noqa: S301 -- written above


def largest_difference(results: pd.DataFrame, earlier: pd.DataFrame) -> float:
    """The largest difference between figures of the same row, relative to the figure; infinite where a row or a figure is missing."""
    earlier = earlier.rename(columns={"component": "breakdown"})
    earlier["metric"] = earlier["metric"].replace(RENAMED)
    results = results[results["metric"].isin(earlier["metric"])]  # there are new metrics since
    keys = ["metric", "part", "segment", "level"]
    position = [*keys, "position"]
    sides = []
    for frame in (results, earlier):
        frame = frame[~frame["metric"].isin(CORRECTED) & ~frame["breakdown"].str.startswith(NEW_SURVEY)].reset_index(
            drop=True
        )
        frame["position"] = frame.groupby(keys).cumcount()
        sides.append(frame.set_index(position)[FIGURES].astype(float))
    new, old = sides[0].align(sides[1], join="outer")
    if len(new) != len(sides[0]) or (new.isna() != old.isna()).any(axis=None):
        return float("inf")
    return float(((new - old).abs() / old.abs().clip(lower=1)).max(axis=None))


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.evaluate", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="the corner shop only, once")
    quick = parser.parse_args(arguments).quick
    cases = [case for case in AIMS if case[0] == "corner_shop" or not quick]
    figures, ratios, aims = {}, {}, []
    with earlier_checkout() as earlier:
        for client, period in cases:
            evaluate(CHECKOUT, client, period), evaluate(earlier, client, period)  # imports the data
            seconds: dict[str, list[float]] = {"now": [], "earlier": []}
            for _ in range(1 if quick else REPEATS):
                for side, checkout in (("earlier", earlier), ("now", CHECKOUT)):
                    taken, frame = evaluate(checkout, client, period)
                    seconds[side].append(taken)
                    if side == "earlier":
                        expected = frame
            difference = largest_difference(frame, expected)
            now, before = (statistics.median(seconds[side]) for side in ("now", "earlier"))
            name = f"{client} {period}"
            figures[name] = {"now": now, "earlier": before, "largest relative difference": difference}
            ratios[name] = now / before
            aims += [
                {
                    "aim": f"{name}: at most {AIMS[client, period]:.2f} of the CPU time",
                    "met": now / before <= AIMS[client, period],
                },
                {"aim": f"{name}: equal figures", "met": difference <= 1e-9},
            ]
            print(
                f"{name}: {now:.2f} CPU s, {before:.2f} at {EARLIER}: {now / before:.2f} of it; figures differ by {difference:.1e}"
            )
    for aim in aims:
        print(f"{'met' if aim['met'] else 'NOT MET':<8}{aim['aim']}")
    print(json.dumps({"benchmark": "evaluate", "figures": figures, "ratios": ratios, "aims": aims}))


if __name__ == "__main__":
    main(sys.argv[1:])
