"""Do the intervals hold what is true? Made-up clients whose truth is known, each measured: python -m benchmarks.truth.

A client is small, and there are many, each with a seed of its own. What can be broken down is measured once for all of them,
each being a level of a segmentation; the rest, client by client. Per figure: the share of the 95 % intervals that hold the truth, how
wide they are beside 1.96 standard deviations of the values (1 is right), and by how many standard errors the mean of the values
is off the truth. `--quick` measures fewer clients. The last line is JSON.
"""

import argparse
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from crmnb.client import Client
from crmnb.engine import in_memory
from crmnb.measure import measure
from crmnb.metric import Metric, catalogue
from crmnb.period import Period
from crmnb.simulate.draw import draw
from crmnb.simulate.rates import DISCOUNT, HORIZON, PROFITABLE, USUAL_MARGIN, YEARS, Rates
from crmnb.simulate.truth import truth

CUSTOMERS, SEEDS, SEEDS_QUICK = 600, 200, 40
# Many come in 2025, so that a month's cohort has some 30 members; as many leave each year, as models of what is ahead take it.
RATES = Rates(retention=(0.79,) * 3, won=(0.3, 0.3, 0.6), orders=2.0)
SEEN = (datetime(YEARS[0], 1, 1), datetime(YEARS[-1] + 1, 1, 1))

WITHOUT_INTERVAL = {"end_to_start_ratio", "growth_decomposition", "clv_simple"}
WITHOUT_TRUTH = {"revenue_reconciliation", "return_on_investment", "model_effectiveness"}
# Not broken down by what tells the clients apart, or too slow at that.
ALONE = (
    *("goal_conversion", "churn_drivers", "clv_predicted", "clv_residual", "clv_to_cac"),
    *("customer_acquisition_cost", "cac_payback_months", "sales_growth", "pipeline_velocity", "time_between_orders"),
)
LOSSES = "at_risk_customers"  # whose interval is for the number that will be seen, so that is held against it

_CARRIED = ("customers", "survey_responses", "survey_invitations", "reviews", "leads", "visits", "orders")
_DECLARED = {
    "name": "Replicates",
    "currency": "EUR",
    "data_from": f"{SEEN[0]:%Y-%m-%d}",
    "data_until": f"{YEARS[-1]}-12-31",
    "items": {
        "satisfied": {"scale": [1, 5]},
        "recommend": {"scale": [0, 10]},
        "effort": {"scale": [1, 7], "direction": "effort"},
    },
    "churn": {"kind": "contractual", "table": "subscriptions"},
    "worth": {
        "margin_rate": USUAL_MARGIN,
        "discount_rate": DISCOUNT,
        "horizon_months": HORIZON,
        "profitable_margin": PROFITABLE,
    },
    "privacy": {"min_base": 1, "suppress_below": 1},
}


@dataclass(frozen=True)
class Replicate:
    """A made-up client: its tables, and by year how many customers there were at its start."""

    seed: int
    tables: dict[str, pd.DataFrame]
    at_start: dict[int, int]


@cache
def replicate(seed: int) -> Replicate:
    """The made-up client of a seed, the keys of its customers and visitors unlike those of any other."""
    drawn = draw(RATES, CUSTOMERS, seed)
    return Replicate(seed, {name: _own(table, seed) for name, table in drawn.tables.items()}, drawn.at_start)


def _own(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    keys = {name: f"{seed}-" + table[name] for name in ("customer_id", "visitor_id") if name in table}
    return table.assign(replicate=str(seed), **keys)


def _client(segments: dict[str, str]) -> Client:
    told = {name: {"column": column} for name, column in segments.items()}
    return Client(id="replicates", folder=Path(), sources={}, tables={}, segments=told, **_DECLARED)


def period(year: int = YEARS[-1]) -> Period:
    """A year of the made-up data."""
    return Period.parse(str(year)).observe(*SEEN)


# ---- Measured ----------------------------------------------------------------------------------------------------------


def together(metrics: Iterable[Metric], seeds: Iterable[int]) -> pd.DataFrame:
    """The rows of metrics in 2025 by metric, component and replicate (`seed`), all replicates measured as one client."""
    clients = [replicate(seed) for seed in seeds]
    tables = {name: pd.concat([each.tables[name] for each in clients]) for name in clients[0].tables}
    tables.pop("costs")  # which no level of a segmentation has
    opened = in_memory(_client({name: f"{name}.replicate" for name in _CARRIED}), tables)
    return pd.concat([_by_replicate(metric, opened) for metric in metrics])


def _by_replicate(metric: Metric, tables) -> pd.DataFrame:
    """The metric's rows by the replicate that its own rows carry, or else its customers'."""
    rows = measure(metric, tables, period()).rows
    segment = next(name for name in [*metric.reads, "customers"] if name in set(rows["segment"]))
    rows = rows[(rows["segment"] == segment) & (rows["part"] == "") & rows["level"].str.isdigit()]
    return rows.assign(seed=rows["level"].astype(int))


def alone(metrics: Iterable[Metric], seeds: Iterable[int]) -> pd.DataFrame:
    """The same of each replicate on its own: its rows as a whole."""
    metrics, found = list(metrics), []
    for seed in seeds:
        tables = in_memory(_client({"region": "customers.region"}), replicate(seed).tables)
        for metric in metrics:
            rows = measure(metric, tables, period(YEARS[-2] if metric.id == LOSSES else YEARS[-1])).rows
            found.append(rows[(rows["part"] == "") & (rows["segment"] == "")].assign(seed=seed))
    return pd.concat(found)


def with_truth(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of which something is known to be true, with that (`true`, and of its change `true_change`).

    Of a group of leads that are all decided, the share won by an age that none could reach is shown, and has no truth; nor
    have hazard ratios beside a region that is the largest by chance.
    """
    true, earlier = (_true(rows, year) for year in (YEARS[-1], YEARS[-2]))
    rows = rows.assign(true=true, true_change=true - earlier)
    return rows[rows["true"].notna()]


def _true(rows: pd.DataFrame, year: int) -> np.ndarray:
    """What is true of each row in a year; what is counted, out of the replicate's own customers at its start."""
    of_one, of_two = (truth(RATES, year, customers) for customers in (1, 2))  # in which differs what is counted

    def of(metric: str, component: str, seed: int) -> float:
        if metric == LOSSES:
            return _lost(seed)
        value = of_one.get((metric, component), np.nan)
        counted = of_two.get((metric, component)) != value
        return value * (replicate(seed).at_start[year] if counted else 1)

    return np.array([of(*key) for key in zip(rows["metric"], rows["component"], rows["seed"], strict=True)])


def _lost(seed: int) -> float:
    """How many of a replicate's customers at the start of 2025 are gone at its end."""
    plans, (start, end) = replicate(seed).tables["subscriptions"], (period().start, period().end)
    before, after = (
        set(plans.loc[(plans["started_at"] < day) & ~(plans["ended_at"] < day), "customer_id"]) for day in (start, end)
    )
    return float(len(before - after))


# ---- Judged ------------------------------------------------------------------------------------------------------------


def judged(rows: pd.DataFrame) -> pd.DataFrame:
    """By metric and component: the share of intervals that hold the truth, and their half-width over 1.96 standard deviations.

    There is no such width of a share whose rarer outcome is hardly ever seen (under 0.5 are to be expected): it is nearly
    always the same, while the interval must allow for the next one.
    """

    def of(those: pd.DataFrame) -> pd.Series:
        error = those["value"] - those["true"]
        share = those["true"].iloc[0] / 100
        rare = those["method"].iloc[0].startswith("Wilson") and min(share, 1 - share) * those["n"].mean() < 0.5
        half = ((those["high"] - those["low"]) / 2).mean()
        return pd.Series(
            {
                "seen": len(those),
                "holds": ((those["low"] <= those["true"]) & (those["true"] <= those["high"])).mean(),
                "holds_change": (
                    (those["change_low"] <= those["true_change"]) & (those["true_change"] <= those["change_high"])
                ).mean(),
                "width": np.nan if rare else half / (1.96 * error.std()),
                "off": abs(error.mean()) / max(error.std() / np.sqrt(len(those)), 1e-9),
                "true": those["true"].mean(),
                "value": those["value"].mean(),
            }
        )

    return rows.groupby(["metric", "component"], sort=False)[list(rows)].apply(of)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.truth", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="some two minutes: 40 clients rather than 200")
    parser.add_argument("--metric", nargs="*", default=[], help="only these")
    chosen = parser.parse_args(arguments)
    seeds = range(SEEDS_QUICK if chosen.quick else SEEDS)
    asked = [m for m in catalogue().values() if m.id not in WITHOUT_TRUTH | WITHOUT_INTERVAL]
    asked = [m for m in asked if not chosen.metric or m.id in chosen.metric]
    of_one = [metric for metric in asked if metric.id in (*ALONE, LOSSES)]
    of_all = [metric for metric in asked if metric not in of_one]
    parts = [way(metrics, seeds) for way, metrics in ((together, of_all), (alone, of_one)) if metrics]
    rows = with_truth(pd.concat(parts))
    rows = rows[~rows["component"].str.endswith(" +0")]  # who has just come is there for certain
    table = judged(rows)
    shown = table[~table.index.get_level_values("metric").isin(["cohort_retention"])]
    print(f"{'':<26}{'':<34}{'true':>11}{'mean':>11}{'holds':>7}{'width':>7}{'off':>6}")
    for (metric, component), each in shown.iterrows():
        figures = (
            f"{each['true']:>11.3f}{each['value']:>11.3f}{each['holds']:>7.3f}{each['width']:>7.2f}{each['off']:>6.1f}"
        )
        print(f"{metric:<26}{component:<34}{figures}")
    holds = {" ".join(key).strip(): round(each["holds"], 3) for key, each in shown.iterrows()}
    together_hold = round(float(table["holds"].mean()), 4)
    print(f"in all {len(table)} figures: {together_hold:.3f}")
    told = {"benchmark": "truth", "clients": len(seeds), "figures": {"all": together_hold, **holds}}
    print(json.dumps(told | {"peer": {}, "ratios": {}}))


if __name__ == "__main__":
    main(sys.argv[1:])
