"""Do the intervals hold what is true? Made-up clients whose truth is known, each measured: python -m benchmarks.accuracy.truth.

A client is small, and there are many, each with a seed of its own. What can be broken down is measured once for all of them,
each being a level of a segmentation (and each of its regions and plans one of another); the rest, client by client. For a
year, a quarter and the newest month, and for the whole client and its levels: the share of the 95 % intervals that hold the
truth, of those that are not marked unreliable, and the share that is marked; how wide they are beside 1.96 standard
deviations of the values (1 is right), and by how many standard errors the mean of the values is off the truth.
`--quick` measures fewer clients. The last line is JSON.
"""

import argparse
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from unittest.mock import patch

import numpy as np
import pandas as pd

import crmnb.engine.segments
from crmnb.core.period import Period
from crmnb.demo.draw import simulate_tables
from crmnb.demo.parameters import DEFAULT_MARGIN, DISCOUNT, HORIZON, PROFITABLE_MARGIN, YEARS, Rates
from crmnb.demo.truth.figures import LEVELS, compute_truth, is_counted
from crmnb.engine.session import in_memory
from crmnb.evaluate.measure import measure_all
from crmnb.metrics.definition import Metric, catalogue
from crmnb.schema.client import Client

CUSTOMERS, SEEDS, SEEDS_QUICK = 600, 200, 40
FEWER = 5  # in `--quick`, one of so many clients is measured on its own
PERIODS = ("2025", "2025Q4", "2025-12")
# Many come in 2025, so that a month's cohort has some 30 members; as many leave each year, as models of what is ahead take it.
RATES = Rates(retention=(0.79,) * 3, won=(0.3, 0.3, 0.6), orders=2.0)
SEEN = (datetime(YEARS[0], 1, 1), datetime(YEARS[-1] + 1, 1, 1))

WITHOUT_INTERVAL = {"customer_base_growth", "revenue_bridge", "simple_clv"}
# Not broken down by what tells the clients apart, or too slow at that, or told of levels by what all of them do.
ALONE = (
    *("visitor_conversion_rate", "churn_drivers", "predicted_clv", "residual_clv", "clv_to_cac"),
    *("customer_acquisition_cost", "cac_payback_period", "sales_growth", "sales_velocity", "time_between_orders"),
)
OF_COMMENTS = {
    "sentiment"
}  # whose accuracy depends on the texts: `benchmarks.accuracy.sentiment` judges it on real ones
LOSSES = "expected_churn"  # whose interval is for the number that will be seen, so that is held against it
# Told of the whole client alone: of leads and reviews, which are nobody's, or by estimators that are not broken down.
WITHOUT_LEVELS = {
    *("customer_acquisition_cost", "clv_to_cac", "cac_payback_period", "churn_drivers", "lead_conversion_rate"),
    *(
        "cumulative_win_rate",
        "stage_conversion",
        "win_rate",
        "sales_velocity",
        "review_rating",
        "review_volume",
    ),
}
SEGMENTS = ("region", "plan")  # of which the truth is known by level

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
    "comparison": "year_before",
    "worth": {
        "margin_rate": DEFAULT_MARGIN,
        "discount_rate": DISCOUNT,
        "horizon_months": HORIZON,
        "profitable_margin": PROFITABLE_MARGIN,
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
def replicate(seed: int, customers: int = CUSTOMERS, rates: Rates = RATES) -> Replicate:
    """The made-up client of a seed, the keys of its customers and visitors unlike those of any other."""
    drawn = simulate_tables(rates, customers, seed)
    return Replicate(seed, {name: _own(table, seed) for name, table in drawn.tables.items()}, drawn.at_start)


def _own(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    keys = {name: f"{seed}-" + table[name] for name in ("customer_id", "visitor_id") if name in table}
    levels = {f"own_{name}": f"{seed}-" + table[name] for name in SEGMENTS if {name, "joined_at"} <= {*table}}
    return table.assign(replicate=str(seed), **keys, **levels)


def client_of(segments: dict[str, str], **declared) -> Client:
    """The client that all made-up clients are, broken down by these columns; `declared` replaces what is said of them."""
    columns = {name: {"column": column} for name, column in segments.items()}
    return Client(id="replicates", folder=Path(), sources={}, tables={}, segments=columns, **{**_DECLARED, **declared})


def period(label: int | str = YEARS[-1]) -> Period:
    """A period of the made-up data."""
    return Period.parse(str(label)).observe(*SEEN)


# ---- Measured ----------------------------------------------------------------------------------------------------------


def together(metrics: Iterable[Metric], seeds: Iterable[int], label: int | str = YEARS[-1], levels: bool = True):
    """The rows of metrics in a period by metric, breakdown, replicate (`seed`) and level, all replicates measured as one client."""
    return together_of(metrics, [replicate(seed) for seed in seeds], label, levels)


def together_of(
    metrics: Iterable[Metric], clients: list[Replicate], label: int | str, levels: bool = True, **declared
) -> pd.DataFrame:
    """The same of these replicates, of whom this is declared that is not usual."""
    names = [name for name in clients[0].tables if name != "costs"]  # which no level of a segmentation has
    if declared.get("churn", {}).get("kind") == "inactivity":
        names.remove("subscriptions")
    tables = {name: pd.concat([each.tables[name] for each in clients]) for name in names}
    segments = {name: f"{name}.replicate" for name in _CARRIED}
    segments |= {name: f"customers.own_{name}" for name in SEGMENTS if levels}
    metrics = list(metrics)
    with patch.object(crmnb.engine.segments, "MOST_LEVELS", len(clients) * len(LEVELS)):  # each of them is to be told
        measured = measure_all(metrics, in_memory(client_of(segments, **declared), tables), period(label))
    rows = [_by_replicate(metric, each.rows) for metric, each in zip(metrics, measured, strict=True)]
    return pd.concat(rows, ignore_index=True).assign(label=str(label))


def _by_replicate(metric: Metric, rows: pd.DataFrame) -> pd.DataFrame:
    """The metric's rows by the replicate that its own rows carry, or else its customers'; and by its regions and plans."""
    rows = rows[rows["part"] == ""]
    whole = next((name for name in [*metric.reads, "customers"] if name in set(rows["segment"])), "customers")
    rows = rows[rows["segment"].isin([whole, *SEGMENTS]) & rows["level"].str.match(r"\d+(-|$)")]
    if rows.empty:  # it is told of the whole alone
        return rows.assign(seed=0)
    names = rows["level"].str.partition("-")
    segment = rows["segment"].where(rows["segment"].isin(SEGMENTS), "")
    return rows.assign(seed=names[0].astype(int), segment=segment, level=names[2])


def alone(metrics: Iterable[Metric], seeds: Iterable[int], label: int | str = YEARS[-1]) -> pd.DataFrame:
    """The same of each replicate on its own: its rows as a whole and by level."""
    metrics, found = list(metrics), []
    for seed in seeds:
        tables = in_memory(client_of({name: f"customers.{name}" for name in SEGMENTS}), replicate(seed).tables)
        losses = [metric for metric in metrics if metric.id == LOSSES and label == YEARS[-1]]
        others = [metric for metric in metrics if metric.id != LOSSES]
        measured = measure_all(others, tables, period(label)) if others else []
        measured += measure_all(losses, tables, period(YEARS[-2])) if losses else []
        rows = pd.concat([each.rows for each in measured])
        known = np.array([pair in LEVELS for pair in zip(rows["segment"], rows["level"], strict=True)])
        found.append(rows[(rows["part"] == "") & known].assign(seed=seed))
    return pd.concat(found).assign(label=str(label))


@cache
def metrics_with_truth() -> dict[str, Metric]:
    """The metrics of the catalogue of which the simulated client's truth is known, by id; `crmnb catalogue --coverage` lists the others."""
    known = {metric for metric, _ in compute_truth(RATES, 2025, 1)}
    return {id_: metric for id_, metric in catalogue().items() if id_ in known - OF_COMMENTS}


def with_truth(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of which something is known to be true, with that (`true`, and of its change `true_change`).

    Of a group of leads that are all decided, the share won by an age that none could reach is shown, and has no truth; nor
    have hazard ratios beside a region that is the largest by chance.
    """
    found = []
    for (label, segment, level), those in rows.groupby(["label", "segment", "level"], sort=False):
        now, before = (_true(those, each, segment, level) for each in (label, f"{int(label[:4]) - 1}{label[4:]}"))
        found.append(those.assign(true=now, true_change=now - before))
    rows = pd.concat(found)
    return rows[rows["true"].notna()]


def _true(rows: pd.DataFrame, label: str, segment: str, level: str) -> np.ndarray:
    """What is true of each row of a level in a period; what is counted, out of the replicate's own customers at the year's start."""
    figures = compute_truth(RATES, label, 1, segment, level)

    def of(metric: str, breakdown: str, seed: int) -> float:
        if metric == LOSSES:
            return _lost(seed, segment, level)
        if (metric, breakdown) == ("new_customers", "per 100 at start"):  # of those there, however many these are
            won = figures["new_customers", ""] * replicate(seed).at_start[int(label[:4])]
            return 100 * won / len(_there(seed, period(label).start, segment, level))
        value = figures.get((metric, breakdown), np.nan)
        return value * (replicate(seed).at_start[int(label[:4])] if is_counted(metric, breakdown) else 1)

    return np.array([of(*key) for key in zip(rows["metric"], rows["breakdown"], rows["seed"], strict=True)])


def _lost(seed: int, segment: str, level: str) -> float:
    """How many of a replicate's customers (of a level) at the start of 2025 are gone at its end."""
    before, after = (_there(seed, day, segment, level) for day in (period().start, period().end))
    return float(len(before - after))


@cache
def _there(seed: int, day: datetime, segment: str, level: str) -> set[str]:
    """A replicate's customers (of a level) on a day."""
    plans, customers = replicate(seed).tables["subscriptions"], replicate(seed).tables["customers"]
    there = set(plans.loc[(plans["started_at"] < day) & ~(plans["ended_at"] < day), "customer_id"])
    return there & set(customers.loc[customers[segment] == level, "customer_id"]) if segment else there


# ---- Judged ------------------------------------------------------------------------------------------------------------


def judged(rows: pd.DataFrame, by: Iterable[str] = ("metric", "breakdown")) -> pd.DataFrame:
    """By metric and breakdown: the share of intervals that hold the truth, and their half-width over 1.96 standard deviations.

    `holds` is of the intervals that are not marked unreliable, `marked` the share of those that are, `holds_all` of both.
    There is no width of a share whose rarer outcome is hardly ever seen (under 0.5 are to be expected): it is nearly
    always the same, while the interval must allow for the next one.
    """
    marked = rows["flags"].str.contains("unreliable|unavailable|suppressed|not_reached") | rows["low"].isna()
    rows = rows.assign(marked=marked, hit=(rows["low"] <= rows["true"]) & (rows["true"] <= rows["high"]))
    change = (rows["change_low"] <= rows["true_change"]) & (rows["true_change"] <= rows["change_high"])
    rows = rows.assign(hit_change=change.where(rows["change_low"].notna()))

    def of(those: pd.DataFrame) -> pd.Series:
        error, sure = those["value"] - those["true"], those[~those["marked"]]
        share = those["true"].iloc[0] / 100
        rare = those["method"].iloc[0].startswith("Wilson") and min(share, 1 - share) * those["n"].mean() < 0.5
        half = ((those["high"] - those["low"]) / 2).mean()
        return pd.Series(
            {
                "seen": len(those),
                "sure": len(sure),
                "holds": sure["hit"].mean() if len(sure) else np.nan,
                "marked": those["marked"].mean(),
                "holds_all": those["hit"].mean(),
                "holds_change": sure["hit_change"].mean() if len(sure) else np.nan,
                "width": np.nan if rare or not half else half / (1.96 * error.std()),
                "off": abs(error.mean()) / max(error.std() / np.sqrt(len(those)), 1e-9),
                "true": those["true"].mean(),
                "value": those["value"].mean(),
            }
        )

    return rows.groupby(list(by), sort=False)[list(rows)].apply(of).infer_objects()


def measured(metrics: Iterable[Metric], seeds: range, few: range, label: str) -> pd.DataFrame:
    """The rows with truth of metrics in a period, of so many replicates together and of a few on their own."""
    metrics = [metric for metric in metrics if metric.id != LOSSES or label == str(YEARS[-1])]
    of_few = [metric for metric in metrics if metric.id in (*ALONE, LOSSES)]
    of_all = [metric for metric in metrics if metric not in of_few]
    label = int(label) if label.isdigit() else label
    parts = [way(those, who, label) for way, those, who in ((together, of_all, seeds), (alone, of_few, few)) if those]
    rows = with_truth(pd.concat(parts))
    return rows[~rows["breakdown"].str.endswith(" +0")]  # who has just come is there for certain


def table_of(rows: pd.DataFrame) -> pd.DataFrame:
    """What is judged of a period's rows: a line per metric and breakdown, of the whole and of the levels beside it."""
    whole, levels = rows[rows["segment"] == ""], rows[rows["segment"] != ""]
    return judged(whole).join(judged(levels), rsuffix="_levels", how="left")


def lines(table: pd.DataFrame) -> Iterable[str]:
    """The table in words and figures, cohorts left out."""
    yield f"{'':<26}{'':<32}{'true':>11}{'mean':>11}{'off':>6}{'width':>7}{'holds':>7}{'marked':>8}{'n':>5}{'levels: holds':>15}{'marked':>8}{'n':>6}"
    for (metric, breakdown), each in table.iterrows():
        if metric == "cohort_retention":
            continue
        figures = f"{each['true']:>11.3f}{each['value']:>11.3f}{each['off']:>6.1f}{each['width']:>7.2f}"
        figures += f"{each['holds']:>7.3f}{each['marked']:>8.2f}{each['sure']:>5.0f}"
        figures += f"{each['holds_levels']:>15.3f}{each['marked_levels']:>8.2f}{each['sure_levels']:>6.0f}"
        yield f"{metric:<26}{breakdown:<32}{figures}"


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy.truth", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="a minute or two: 40 clients, few of them on their own")
    parser.add_argument("--metric", nargs="*", default=[], help="only these")
    parser.add_argument("--period", nargs="*", default=PERIODS, choices=PERIODS, help="only these")
    chosen = parser.parse_args(arguments)
    seeds = range(SEEDS_QUICK if chosen.quick else SEEDS)
    few = range(len(seeds) // FEWER) if chosen.quick else seeds
    asked = [m for m in metrics_with_truth().values() if m.id not in WITHOUT_INTERVAL]
    asked = [m for m in asked if not chosen.metric or m.id in chosen.metric]
    figures = {}
    for label in chosen.period:
        table = table_of(measured(asked, seeds, few, label))
        print(f"\n{label}", *lines(table), sep="\n", flush=True)
        names = [" ".join(key).strip() for key in table.index]
        for of, column in (("whole", "holds"), ("levels", "holds_levels")):
            holds = {name: round(x, 3) for name, x in zip(names, table[column], strict=True) if not np.isnan(x)}
            weights = table["sure" if of == "whole" else "sure_levels"].fillna(0)
            in_all = float((table[column].fillna(0) * weights).sum() / max(weights.sum(), 1))
            print(f"{label}, {of}: in all {int(weights.sum())} intervals not marked: {in_all:.3f}")
            figures[f"{label} {of}"] = {"all": round(in_all, 4), **holds}
    report = {"benchmark": "truth", "clients": len(seeds), "figures": figures}
    print(json.dumps(report | {"peer": {}, "ratios": {}}))


if __name__ == "__main__":
    main(sys.argv[1:])
