"""python -m benchmarks.accuracy.late_entry [--quick]: survival of customers who mostly joined before the data begin.

Lives of three years on average, with a constant, a falling or a rising hazard, of customers who came evenly over forty years; seen
are the last two of them. Printed: of the medians that a report shows without a mark, how many intervals hold the true median; and
how many it marks, refuses or tells among those who reached an age. Beside it lifelines, which marks nothing, on the same rows.
Then the suite's curves are held to lifelines' with late entry, on the ages that a report tells them of, to 1e-9.

The last line is JSON. Exits with 1 where the aim is missed or a curve differs. `--quick` draws fewer.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.special import gamma

from benchmarks.peers.environment import python
from crmnb.core.period import Period
from crmnb.stats import survival
from crmnb.stats.estimation import EstimationContext, GroupedCounts
from crmnb.stats.models.kaplan_meier import kaplan_meier, observed_ages

MEAN, WINDOW, YEARS = 3 * 365.25, 730, 40
HAZARDS = {"constant": 1.0, "falling": 0.7, "rising": 1.5}  # shapes of Weibull's distribution
SIZES = (30, 60, 120, 500, 2_000)
AIM, FROM = 0.93, 60  # the share of intervals that is to hold the truth, for so many customers and more
TOLERANCE = 1e-9
# Of each case: the curve of those still there at `start`, who are at risk from then on or from their entry, and the median's limits.
_LIFELINES = """
import sys
import pandas as pd
from lifelines import KaplanMeierFitter
from lifelines.exceptions import StatError
from lifelines.utils import median_survival_times
curves, medians = [], []
for case, rows in pd.read_csv(sys.argv[1]).groupby("case"):
    try:
        fitted = KaplanMeierFitter().fit(rows["duration"], rows["event"], entry=rows["entry"])
    except StatError:  # it refuses a curve that falls to 0 among few early entries
        continue
    survival = fitted.survival_function_.iloc[:, 0]
    curves.append(pd.DataFrame({"case": case, "time": survival.index, "value": survival.to_numpy()}))
    low, high = median_survival_times(fitted.confidence_interval_).iloc[0]
    medians.append({"case": case, "low": low, "high": high})
pd.concat(curves).to_csv(sys.argv[2], index=False)
pd.DataFrame(medians).to_csv(sys.argv[3], index=False)
"""


def main(arguments: list[str] | None = None) -> int:
    """Run the study."""
    parser = argparse.ArgumentParser("late_entry", description=__doc__)
    parser.add_argument("--quick", action="store_true")
    runs = 100 if parser.parse_args(arguments).quick else 1_000
    lines, missed = [], []
    for hazard in HAZARDS:
        for size in SIZES:
            for suppress_below in (1, 10):
                line = {"hazard": hazard, "customers": size, "suppress_below": suppress_below}
                line |= _coverage(hazard, size, suppress_below, runs)
                lines.append(line)
                print("  ".join(f"{name} {value}" for name, value in line.items()))
                # Three standard errors of so many runs below the aim are chance.
                chance = 3 * np.sqrt(AIM * (1 - AIM) / max(line["shown"], 1))
                if size >= FROM and line["shown"] and line["holds"] < AIM - chance:
                    missed.append(line)
    held = _beside_lifelines(runs // 10)
    print(json.dumps({"benchmark": "late_entry", "cases": lines, "missed": missed, **held}))
    return 1 if missed or not held["curves_equal"] else 0


def seen(rng: np.random.Generator, size: int, hazard: str) -> tuple[pd.DataFrame, float]:
    """The first customers of whom something is seen (entry, duration, event in whole days), and the true median of all lives."""
    shape = HAZARDS[hazard]
    scale = MEAN / gamma(1 + 1 / shape)
    came = np.ceil(rng.uniform(0, YEARS * 365, 80 * size))
    life = np.ceil(scale * rng.weibull(shape, 80 * size))
    rows = pd.DataFrame({"entry": np.maximum(came - WINDOW, 0), "duration": np.minimum(life, came)})
    rows = rows.assign(event=(life <= came).astype(int))
    return rows[rows["duration"] > rows["entry"]].iloc[:size].reset_index(drop=True), scale * np.log(2) ** (1 / shape)


def _coverage(hazard: str, size: int, suppress_below: int, runs: int) -> dict[str, float]:
    rng, told = np.random.default_rng(size), _asked(suppress_below)
    counts = dict.fromkeys(("unreliable", "refused", "conditional", "not_reached"), 0)
    holds = []
    for _ in range(runs):
        rows, truth = seen(rng, size, hazard)
        group = GroupedCounts("current", "", "", "", rows.assign(n=1.0), float(size))
        [row] = survival.median_lifetime([group], told).rows
        low, high = np.nan_to_num(row["low"], nan=0.0), np.nan_to_num(row["high"], nan=np.inf, posinf=np.inf)
        if "unreliable" in row["flags"]:
            counts["unreliable"] += 1
        elif np.isnan(row["value"]) and "not_reached" not in row["flags"]:
            counts["refused"] += 1
        elif "conditional_on_tenure" in row["reason"]:
            counts["conditional"] += 1
        else:
            counts["not_reached"] += "not_reached" in row["flags"]
            holds.append(low <= truth <= high)
    return {"shown": len(holds), "holds": round(float(np.mean(holds)), 3) if holds else 0.0, **counts}


def _asked(suppress_below: int) -> EstimationContext:
    return EstimationContext(0.95, periods={"current": Period.parse("2025")}, suppress_below=suppress_below)


def _beside_lifelines(cases: int) -> dict[str, object]:
    """How far the suite's curves lie from lifelines' on the ages that are told, and how often lifelines' medians hold the truth."""
    rng = np.random.default_rng(0)
    drawn = [(size, *seen(rng, size, hazard)) for hazard in HAZARDS for size in SIZES[:-1] for _ in range(cases)]
    # lifelines has no start of its own: who is still there at the start enters there, or when their observation begins.
    ages = [observed_ages(*_arrays(rows), 10, 10) for _, rows, _ in drawn]
    frames = [
        rows[rows["duration"] > start].assign(case=case, entry=lambda of, start=start: of["entry"].clip(lower=start))
        for case, ((_, rows, _), (start, _)) in enumerate(zip(drawn, ages, strict=True))
    ]
    with tempfile.TemporaryDirectory() as folder:
        files = [str(Path(folder) / name) for name in ("rows.csv", "curves.csv", "medians.csv")]
        pd.concat(frames).to_csv(files[0], index=False)
        subprocess.run([python(), "-c", _LIFELINES, *files], check=True)  # noqa: S603 (our own environment)
        curves, medians = (pd.read_csv(file).set_index("case") for file in files[1:])
    furthest = 0.0
    fitted = sorted({*medians.index})
    for case in fitted:
        (_, rows, _), (start, last) = drawn[case], ages[case]
        ours = kaplan_meier(*_arrays(rows), start=start).table
        ours = ours[ours["time"] <= last].set_index("time")["value"]
        theirs = curves.loc[case].set_index("time")["value"].reindex(ours.index)
        furthest = max(furthest, float((ours - theirs).abs().max())) if len(ours) else furthest
    truth = [drawn[case][2] for case in fitted]
    held = (medians["low"] <= truth) & (medians["high"] >= truth)
    small = np.array([drawn[case][0] == SIZES[0] for case in fitted])
    return {
        "curves": len(fitted),
        "refused_by_lifelines": len(drawn) - len(fitted),
        "furthest": furthest,
        "curves_equal": furthest <= TOLERANCE,
        "lifelines_holds": {str(SIZES[0]): float(held[small].mean()), "more": float(held[~small].mean())},
    }


def _arrays(rows: pd.DataFrame) -> tuple[np.ndarray, ...]:
    return (*(rows[name].to_numpy(float) for name in ("entry", "duration", "event")), np.ones(len(rows)))


if __name__ == "__main__":
    sys.exit(main())
