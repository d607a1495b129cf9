"""The simulated client's sellers and processes: what they do, and what is true of it.

Six of 24 sellers are excellent: of the leads that are won they have twice their share, and they visit more often. They call as often as the others, and their
activities lead as often to a next step. So the practice of top sellers to be found is the visits.
"""

import numpy as np
import pandas as pd

from crmnb.demo.columns import make_keys, to_times
from crmnb.demo.parameters import DAYS

SELLERS = tuple(f"seller {number:02}" for number in range(1, 25))
EXCELLENT = SELLERS[:6]
_OF_WINS, _VISITS = 2.0, 1.8  # times what other sellers have
# By kind: activities of a seller in a year, and the share that ever leads to a next step.
ACTIVITIES = {
    "call": (60.0, 0.25),
    "visit": (18.0, 0.5),
    "letter": (14.0, 0.08),
    "brochure": (10.0, 0.1),
    "profile": (8.0, 0.05),
    "seminar": (6.0, 0.3),
    "sample": (6.0, 0.4),
}
NEXT_STEP_DAYS, NEXT_STEP_WINDOW = 10.0, 30  # mean days to the next step (exponential); days in which a step counts
_WITH_CUSTOMER = 0.6  # of the activities: those that name a customer
# By process: runs in a week, the share that needs no person, and of these the share with an exception.
PROCESSES = {
    "invoice": (20.0, 0.98, 0.03),
    "reminder": (9.0, 0.97, 0.02),
    "delivery note": (18.0, 0.95, 0.04),
    "stock count": (3.0, 0.6, 0.1),
    "price change": (2.0, 0.3, 0.1),
    "contract renewal": (5.0, 0.8, 0.05),
    "return": (6.0, 0.55, 0.08),
    "complaint letter": (4.0, 0.1, 0.1),
    "supplier order": (4.0, 0.7, 0.06),
    "newsletter": (1.0, 0.99, 0.01),
    "pay slips": (1.0, 0.9, 0.05),
    "monthly report": (0.5, 0.85, 0.05),
}


def operations_of(leads: pd.DataFrame, customers: pd.DataFrame, seed: int) -> dict[str, pd.DataFrame]:
    """The leads with their sellers, the activities, and the runs of processes.

    The random numbers are their own, so that those of all other tables are the same without them.
    """
    of_leads, of_activities, of_runs = np.random.default_rng([seed, 7]).spawn(3)
    return {
        "leads": leads.assign(seller=_sellers_of(leads, of_leads)),
        "activities": _activities(customers["customer_id"].to_numpy(object), of_activities),
        "process_runs": _runs(of_runs),
    }


def _sellers_of(leads: pd.DataFrame, rng: np.random.Generator) -> np.ndarray:
    """The seller of each lead: any of them, but excellent sellers have more of those that are won."""
    names = np.array(SELLERS, dtype=object)
    weight = np.where(np.isin(names, EXCELLENT), _OF_WINS, 1.0)
    anyone, winner = rng.choice(names, len(leads)), rng.choice(names, len(leads), p=weight / weight.sum())
    return np.where(leads["won_at"].notna(), winner, anyone)


def _activities(customers: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    parts = []
    for kind, (per_year, leads_on) in ACTIVITIES.items():
        for seller in SELLERS:
            times = _VISITS if kind == "visit" and seller in EXCELLENT else 1.0
            day = rng.uniform(0, DAYS, rng.poisson(per_year * times * DAYS / 365.25))
            step = np.where(rng.random(len(day)) < leads_on, day + rng.exponential(NEXT_STEP_DAYS, len(day)), np.nan)
            parts.append(pd.DataFrame({"seller": seller, "kind": kind, "day": day, "step": step}))
    rows = pd.concat(parts).sort_values("day", kind="stable", ignore_index=True)
    who = rng.choice(customers, len(rows))
    who[rng.random(len(rows)) >= _WITH_CUSTOMER] = None
    return pd.DataFrame(
        {
            "activity_id": make_keys("A-", len(rows), 6),
            "seller": rows["seller"].to_numpy(object),
            "customer_id": who,
            "kind": rows["kind"].to_numpy(object),
            "happened_at": to_times(rows["day"].to_numpy()),
            "next_step_at": to_times(rows["step"].where(rows["step"] < DAYS).to_numpy()),
        }
    )


def _runs(rng: np.random.Generator) -> pd.DataFrame:
    parts = []
    for process, (per_week, alone, fails) in PROCESSES.items():
        day = rng.uniform(0, DAYS, rng.poisson(per_week * DAYS / 7))
        automated = rng.random(len(day)) < alone
        exception = np.where(automated & (rng.random(len(day)) < fails), "stopped", None)
        parts.append(pd.DataFrame({"process": process, "day": day, "automated": automated, "exception": exception}))
    rows = pd.concat(parts).sort_values("day", kind="stable", ignore_index=True)
    ended = rows["day"] + rng.uniform(0.001, 0.1, len(rows))
    return pd.DataFrame(
        {
            "run_id": make_keys("R-", len(rows), 6),
            "process": rows["process"].to_numpy(object),
            "started_at": to_times(rows["day"].to_numpy()),
            "ended_at": to_times(ended.where(ended < DAYS).to_numpy()),
            "automated": rows["automated"].to_numpy(bool),
            "exception": rows["exception"].to_numpy(object),
        }
    )


def true_figures() -> dict[tuple[str, str], float]:
    """(metric, breakdown) -> the true value, the same in each period; percent for shares."""
    in_time = -np.expm1(-NEXT_STEP_WINDOW / NEXT_STEP_DAYS)
    figures = {("next_step_rate", kind): 100 * leads_on * in_time for kind, (_, leads_on) in ACTIVITIES.items()}
    runs, alone, fails = np.array(list(PROCESSES.values())).T
    without = alone * (1 - fails)
    figures["process_automation_rate", ""] = 100 * float(runs @ without / runs.sum())
    figures["automated_processes", ""] = 100 * float((without >= 0.9).mean())
    return figures
