"""Do worth and losses hold by level? Clients whose levels are not alike, each measured: python -m benchmarks.accuracy.levels [--quick].

Contracts: plans that lose 8 % and 1 % a month at fees of 60 and 15, fees of each customer's own that go with leaving, one constant
rate, and contracts that are up to four years older than the data. Shops: levels that buy alike and leave unlike, and customers who
are older than the data, listed with the day on which they joined or not. Per case, metric and level: the mean of the values over what is
true, and the share of the 95 % intervals that hold it, whole client and by level. What is true of a single client's customers is drawn
anew where it is purchases to come: its own scatter is allowed for. The last line is JSON.
"""

import argparse
import json
import sys
from collections.abc import Iterator

import numpy as np
import pandas as pd

from crmnb.core.period import Period
from crmnb.engine.session import in_memory
from crmnb.evaluate.measure import measure
from crmnb.metrics.definition import catalogue
from crmnb.schema.client import Client

START, END = pd.Timestamp("2023-01-01"), pd.Timestamp("2026-01-01")
MONTH = 30.4375
PLANS = {"dear": (60.0, 0.08, 0.35), "cheap": (15.0, 0.01, 0.65)}  # fee, leaving in a month, share of customers
SHOPS = {"loyal": (0.6, 40.0, 0.5, 6.0), "quick": (0.6, 40.0, 2.0, 2.0)}  # r, alpha (days), a, b
ONE_SHOP = {"all": (0.6, 40.0, 0.8, 2.5)}
SEEDS, SEEDS_QUICK = 60, 8

Tables = dict[str, pd.DataFrame]


def main(arguments: list[str] | None = None) -> None:
    """Run the cases."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy.levels", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help=f"{SEEDS_QUICK} clients of each kind instead of {SEEDS}")
    parser.add_argument("--case", nargs="*", default=[], help="only these")
    chosen = parser.parse_args(arguments)
    seeds = range(SEEDS_QUICK if chosen.quick else SEEDS)
    print(f"{'case':<34}{'metric':<20}{'level':<10}{'mean / true':>12}{'holds':>8}{'clients':>9}")
    figures = {}
    for case, clients in CASES.items():
        if chosen.case and case not in chosen.case:
            continue
        rows = pd.DataFrame([row for seed in seeds for row in clients(seed)])
        for (metric, level), each in rows.groupby(["metric", "level"], sort=False):
            ratio, holds = each["value"].mean() / each["true"].mean(), each["holds"].mean()
            print(f"{case:<34}{metric:<20}{level:<10}{ratio:>12.3f}{holds:>8.3f}{len(each):>9}", flush=True)
            figures[f"{case}, {metric} {level}"] = [round(float(ratio), 4), round(float(holds), 3)]
    print(json.dumps({"benchmark": "levels", "clients": len(seeds), "figures": figures, "peer": {}, "ratios": {}}))


def _held(found: pd.DataFrame, metric: str, level: str, true: float, scatter: float = 0.0) -> Iterator[dict]:
    """A row of one figure; scatter: the standard error of what is true of so few customers. None where no value is told."""
    segment = "plan" if level != "whole" else ""
    of = found[(found["part"] == "") & (found["segment"] == segment) & (found["level"] == (level if segment else ""))]
    value, low, high = of[["value", "low", "high"]].iloc[0]
    if np.isfinite(value):
        error = np.hypot((high - low) / 3.92, scatter)
        inside = low <= true <= high if not scatter else abs(value - true) <= 1.96 * error
        yield {"metric": metric, "level": level, "value": value, "true": true, "holds": inside}


def _measured(metric: str, tables: Tables, churn: dict) -> pd.DataFrame:
    client = Client(
        **{"id": "levels", "folder": ".", "name": "Levels", "currency": "EUR", "sources": {}, "churn": churn},
        **{"tables": {name: {"columns": {}} for name in tables}, "worth": {"margin_rate": 1.0}},
        **{"data_from": START.date(), "data_until": (END - pd.Timedelta(days=1)).date()},
        **{"segments": {"plan": {"column": "customers.plan"}}},
    )
    return measure(catalogue()[metric], in_memory(client, tables), Period.parse("2025").observe(START, END)).rows


# ---- Contracts ---------------------------------------------------------------------------------------------------------


def _contracts(seed: int, size: int, older: float, plan, fee, leaving) -> tuple[Tables, pd.DataFrame]:
    """Tables of contracts that began evenly up to so many months before the data and since; who is there, with what is true of them."""
    rng = np.random.default_rng(seed)
    began = START + pd.to_timedelta((rng.uniform(-older * MONTH, 36 * MONTH, size) * 1440).round(), "min")
    hazard = -np.log1p(-leaving)
    ended = began + pd.to_timedelta((rng.exponential(MONTH / hazard) * 1440).round(), "min")
    keys = [f"c{place}" for place in range(size)]
    fees = pd.DataFrame({"subscription_id": keys, "customer_id": keys, "monthly_amount": fee.round(2)})
    fees = fees.assign(started_at=began, ended_at=ended.where(ended < END))
    who = pd.DataFrame({"customer_id": keys, "joined_at": began, "plan": plan})
    seen = ended >= START
    falls = 12 * hazard + np.log(1.1)
    truth = {"plan": plan, "predicted_clv": 12 * fee * -np.expm1(-3 * falls) / falls, "residual_clv": 12 * fee / falls}
    there = pd.DataFrame(truth | {"expected_churn": -np.expm1(-hazard * 365 / MONTH)})
    return {"subscriptions": fees[seen], "customers": who[seen]}, there[(began < END) & (ended >= END)]


def _of_contracts(tables: Tables, there: pd.DataFrame) -> Iterator[dict]:
    churn = {"kind": "contractual", "table": "subscriptions"}
    for metric in ("predicted_clv", "residual_clv", "expected_churn"):
        found = _measured(metric, tables, churn)
        for level, own in [("whole", there), *there.groupby("plan")]:
            total = own[metric].sum()
            yield from _held(found, metric, level, total if metric == "expected_churn" else total / len(own))


def _plans(seed: int, older: float = 0.0) -> Iterator[dict]:
    rng = np.random.default_rng(1000 + seed)
    plan = rng.choice(list(PLANS), 3000, p=[share for *_, share in PLANS.values()])
    fee, leaving = (np.array([PLANS[each][place] for each in plan]) for place in (0, 1))
    return _of_contracts(*_contracts(seed, 3000, older, plan, fee, leaving))


def _own_fees(seed: int) -> Iterator[dict]:
    rng = np.random.default_rng(2000 + seed)
    spread = rng.normal(size=3000)
    fee, leaving = 20 * np.exp(0.5 * spread), np.minimum(0.03 * np.exp(0.5 * spread), 0.9)
    return _of_contracts(*_contracts(seed, 3000, 24.0, rng.choice(["a", "b"], 3000), fee, leaving))


def _one_rate(seed: int) -> Iterator[dict]:
    plan = np.random.default_rng(3000 + seed).choice(["a", "b"], 2000)
    return _of_contracts(*_contracts(seed, 2000, 24.0, plan, np.full(2000, 20.0), np.full(2000, 0.05)))


# ---- Shops -------------------------------------------------------------------------------------------------------------


def _shop(seed: int, size: int, older: float, of: dict[str, tuple]) -> tuple[Tables, pd.DataFrame]:
    """Orders of customers who first bought evenly up to so many days before the data and since; what came of who was there."""
    rng, lasts, horizon = np.random.default_rng(seed), (END - START).days, 36 * MONTH
    plan = rng.choice(list(of), size)
    r, alpha, a, b = (np.array([of[each][place] for each in plan]) for place in range(4))
    rate, leaving, spend = rng.gamma(r, 1 / alpha), rng.beta(a, b), rng.gamma(4.0, 10.0, size)
    now, active, began = rng.uniform(-older, lasts, size), np.arange(size), True
    joined, events = now.copy(), []
    while len(active):
        events.append(pd.DataFrame({"who": active, "day": now[active]}))
        active = active if began else active[rng.random(len(active)) >= leaving[active]]
        now[active] += rng.exponential(1 / rate[active])
        active, began = active[now[active] < lasts + horizon], False
    orders = pd.concat(events, ignore_index=True)
    orders["amount"] = rng.gamma(5.0, spend[orders["who"]] / 5).round(2) + 0.01
    seen = orders[(orders["day"] >= 0) & (orders["day"] < lasts)]
    there = seen.groupby("who")["day"].max()
    there = there[there >= lasts - 90].index
    after = orders[(orders["day"] >= lasts) & orders["who"].isin(there)]
    worth = (after["amount"] * 1.1 ** (-(after["day"] - lasts) / 365.25)).groupby(after["who"]).sum()
    back = after[(after["day"] >= lasts + 275) & (after["day"] < lasts + 365)]["who"].unique()
    truth = pd.DataFrame({"plan": plan[there], "predicted_clv": worth.reindex(there, fill_value=0.0).to_numpy()})
    sold = pd.DataFrame({"customer_id": "c" + seen["who"].astype(str), "amount": seen["amount"], "status": "paid"})
    at = START + pd.to_timedelta((seen["day"] * 1440).round(), "min")
    sold = sold.assign(ordered_at=at, order_id=np.arange(len(seen)).astype(str))
    who = pd.DataFrame({"customer_id": [f"c{place}" for place in range(size)], "plan": plan})
    who["joined_at"] = START + pd.to_timedelta(np.floor(joined), "D")
    who = who[who["customer_id"].isin(sold["customer_id"])]
    return {"orders": sold, "customers": who}, truth.assign(expected_churn=~np.isin(there, back))


def _of_shop(tables: Tables, there: pd.DataFrame) -> Iterator[dict]:
    churn = {"kind": "inactivity", "inactivity_days": 90}
    for metric in ("predicted_clv", "expected_churn"):
        found = _measured(metric, tables, churn)
        for level, own in [("whole", there), *there.groupby("plan")]:
            if metric == "expected_churn":
                yield from _held(found, metric, level, float(own[metric].sum()))
            else:
                scatter = own[metric].std() / np.sqrt(len(own))
                yield from _held(found, metric, level, own[metric].mean(), scatter)


def _older(seed: int, listed: bool) -> Iterator[dict]:
    tables, there = _shop(seed, 5000, 1500.0, ONE_SHOP)
    if not listed:
        tables["customers"] = tables["customers"].drop(columns="joined_at")
    return _of_shop(tables, there)


CASES = {
    "plans with hazards of their own": _plans,
    "the same, older than the data": lambda seed: _plans(seed, 48.0),
    "fees that go with leaving": _own_fees,
    "one constant rate": _one_rate,
    "levels that leave unlike": lambda seed: _of_shop(*_shop(seed, 4000, 0.0, SHOPS)),
    "older than the data, listed": lambda seed: _older(seed, listed=True),
    "older than the data, not listed": lambda seed: _older(seed, listed=False),
}


if __name__ == "__main__":
    main(sys.argv[1:])
