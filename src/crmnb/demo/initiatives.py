"""Initiatives of the simulated client: sellers trained on one day, sellers trained in three steps, and advertising that changes nothing.

Twelve sellers, every second of whom is as excellent as elsewhere, demonstrate products and hand out trials. Training raises the share of these
activities that leads to a next step. The random numbers are their own, so that the rows of all other activities stay the same.
"""

from datetime import date

import numpy as np
import pandas as pd

from crmnb.demo.columns import make_keys, to_times
from crmnb.demo.operations import NEXT_STEP_DAYS, NEXT_STEP_WINDOW, SELLERS
from crmnb.demo.parameters import DAYS, ORIGIN

DEMONSTRATORS = SELLERS[3:15]  # three of the six excellent sellers and nine of the eighteen others
PER_YEAR = 400  # activities of each kind by each of them: enough in a month for a figure that is not suppressed
DEMONSTRATION, TRIAL = "demonstration", "trial"
# By kind: the share that ever leads to a next step without training, what training adds, and when who was trained.
SHARES = {DEMONSTRATION: (0.30, 0.15), TRIAL: (0.20, 0.25)}
STARTS = {
    DEMONSTRATION: dict.fromkeys(DEMONSTRATORS[:5], date(2025, 4, 1)),
    TRIAL: {
        **dict.fromkeys(DEMONSTRATORS[2:5], date(2025, 2, 1)),
        **dict.fromkeys(DEMONSTRATORS[5:8], date(2025, 5, 1)),
        **dict.fromkeys(DEMONSTRATORS[8:10], date(2025, 8, 1)),
    },
}
TITLES = {DEMONSTRATION: "demonstration training", TRIAL: "trial coaching"}
NO_EFFECT = "local radio"  # advertising in one region, after which customers order as before


def simulate_trained_activities(seed: int) -> pd.DataFrame:
    """The demonstrations and trials, with the columns of the other activities."""
    random = np.random.default_rng([seed, 23])
    parts = []
    for kind, (share, more) in SHARES.items():
        for seller in DEMONSTRATORS:
            day = random.uniform(0, DAYS, random.poisson(PER_YEAR * DAYS / 365.25))
            leads_on = random.random(len(day)) < share + more * (day >= _first_day(kind, seller))
            step = np.where(leads_on, day + random.exponential(NEXT_STEP_DAYS, len(day)), np.nan)
            parts.append(pd.DataFrame({"seller": seller, "kind": kind, "day": day, "step": step}))
    rows = pd.concat(parts).sort_values("day", kind="stable", ignore_index=True)
    return pd.DataFrame(
        {
            "activity_id": make_keys("D-", len(rows), 6),
            "seller": rows["seller"].to_numpy(object),
            "customer_id": pd.Series(None, range(len(rows)), dtype="str"),
            "kind": rows["kind"].to_numpy(object),
            "happened_at": to_times(rows["day"].to_numpy()),
            "next_step_at": to_times(rows["step"].where(rows["step"] < DAYS).to_numpy()),
        }
    )


def _first_day(kind: str, seller: str) -> float:
    start = STARTS[kind].get(seller)
    return np.inf if start is None else (start - ORIGIN).days


def true_next_steps(year: int) -> dict[tuple[str, str], float]:
    """(metric, breakdown) -> the true share of a year, percent: of sellers before and after their training."""
    begins, ends = ((date(of, 1, 1) - ORIGIN).days for of in (year, year + 1))
    figures = {}
    for kind, (share, more) in SHARES.items():
        trained = [np.clip(ends - _first_day(kind, seller), 0, ends - begins) for seller in DEMONSTRATORS]
        part = float(np.mean(trained)) / (ends - begins)
        figures["next_step_rate", kind] = 100 * (share + more * part) * _in_time()
    return figures


def true_effects() -> dict[str, float]:
    """Initiative -> the true effect on its metric, in points; of the advertising 0."""
    return {TITLES[kind]: 100 * more * _in_time() for kind, (_, more) in SHARES.items()} | {NO_EFFECT: 0.0}


def _in_time() -> float:
    """The share of next steps that come within the window."""
    return float(-np.expm1(-NEXT_STEP_WINDOW / NEXT_STEP_DAYS))
