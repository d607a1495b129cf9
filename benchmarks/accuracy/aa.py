"""A/A test: clients of whom nothing changes; how many reports show a signal all the same? python -m benchmarks.accuracy.aa.

Each client is made up at rates that stay what they are, with as many customers coming as leave, and is reported like any other: all
families, the period beside the one it is compared with, region and plan, one correction for everything that is listed. The
worlds are of several kinds, the corners among them: few customers, a few large ones, frequent buyers, late refunds and
answers, many who leave, the newest month, a short month, churn by inactivity. Any signal is a false one; at
most SHARE of the reports may show any. `--quick` makes fewer clients; `--keep FILE` notes each, and goes on from there.
The last line is JSON.
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from unittest.mock import patch

import pandas as pd

import crmnb.demo.service
from benchmarks.accuracy.truth import ALONE, SEGMENTS, client_of, period, replicate, together_of
from crmnb.demo.customers import find_steady_state
from crmnb.demo.draw import simulate_tables
from crmnb.demo.parameters import YEARS, Rates
from crmnb.engine.session import in_memory
from crmnb.evaluate.measure import measure_all
from crmnb.evaluate.results_frame import with_signals
from crmnb.metrics.definition import Metric, catalogue

CLIENTS, CLIENTS_QUICK = 200, 24
SHARE = 0.06  # of the reports: 5 % are promised, and 200 clients do not tell 5 from 6
_BACK = 0.05  # of the lost, the share that comes back


@dataclass(frozen=True)
class World:
    """A kind of client: the period that is reported, how many customers, what is declared, and the rates that are not the usual ones."""

    period: str = "2025"
    customers: int = 600
    declared: dict = field(default_factory=dict)
    rates: dict = field(default_factory=dict)


_BY_INACTIVITY = {"churn": {"kind": "inactivity", "inactivity_days": 180}}
WORLDS = {
    "year": World(),
    "year, few customers": World(customers=120),
    "year, many customers": World(customers=3000),
    "year, a few large customers": World(rates={"customer_shape": 2.3, "order_shape": 0.8}),
    "year, frequent buyers": World(customers=300, rates={"orders": 20, "spread": 0.6}),
    "year, many leave": World(rates={"retention": (0.45,) * 3, "gap": 0.15, "plan_effect": 1.5}),
    "year, late refunds and answers": World(rates={"refunds": 0.2, "refund_days": 60, "answer_days": 20}),
    "year, by inactivity": World(declared=_BY_INACTIVITY, rates={"orders": 6}),
    "quarter": World("2025Q4", 1500),
    "newest month": World("2025-12", 3000),
    "newest month, late refunds and answers": World(
        "2025-12", 1500, rates={"refunds": 0.2, "refund_days": 40, "answer_days": 10}
    ),
    "short month": World("2025-02", 3000),
    "month, by inactivity": World("2025-11", 1500, _BY_INACTIVITY, {"orders": 6}),
}


def steady(**rates) -> Rates:
    """Rates of which each year has the first one's, and so many customers won as leave."""
    usual = Rates(**{"reactivation": _BACK} | rates)
    same = {
        each.name: (getattr(usual, each.name)[0],) * len(YEARS)
        for each in fields(Rates)
        if each.default.__class__ is tuple
    }
    usual = replace(usual, **same)
    joiner_shares, hazard = find_steady_state(usual)
    stay = float(
        (joiner_shares / hazard).sum()
    )  # years that a customer stays on average; those who come back, once more
    return replace(usual, won=(1 / (stay * (1 + usual.reactivation)),) * len(YEARS))


def compared() -> list[Metric]:
    """The metrics that are compared with the time before: any signal is one of theirs. Without trends, which are not compared."""
    return [replace(metric, trend=False) for metric in catalogue().values() if not metric.cumulative]


def report(world: World, seed: int, rates: Rates | None = None, metrics: Iterable[Metric] = ()) -> pd.DataFrame:
    """The rows that are compared in a client's report, with their signals; `rates` are others than those that stay as they are."""
    hours = (crmnb.demo.service.MEDIAN_HOURS[0],) * len(YEARS)  # the demo's desk becomes faster, which is a change
    with patch.object(crmnb.demo.service, "MEDIAN_HOURS", hours):
        tables = simulate_tables(rates or steady(**world.rates), world.customers, seed).tables
    client = client_of({name: f"customers.{name}" for name in SEGMENTS}, **world.declared)
    if "churn" in world.declared:
        tables = {name: table for name, table in tables.items() if name != "subscriptions"}
    metrics = list(metrics) or compared()
    measured = measure_all(metrics, in_memory(client, tables), period(world.period))
    rows = pd.concat([each.rows for each in measured], ignore_index=True)
    rows = with_signals(rows, {metric.id: each.direction for metric, each in zip(metrics, measured, strict=True)})
    return rows[rows["p_value"].notna()]


def reports_together(world: World, seeds: Iterable[int]) -> dict[int, pd.DataFrame]:
    """The same of several clients, measured as one and told apart: quicker, but without what is not broken down, such as costs."""
    rates = steady(**world.rates)
    clients = [replicate(seed, world.customers, rates) for seed in seeds]
    metrics = [metric for metric in compared() if metric.id not in {*ALONE, "cohort_retention"}]
    rows = together_of(metrics, clients, world.period, **world.declared)
    direction = {metric.id: metric.direction if isinstance(metric.direction, str) else "down" for metric in metrics}
    replicate.cache_clear()
    tested = rows[rows["p_value"].notna()]
    return {seed: with_signals(those.reset_index(drop=True), direction) for seed, those in tested.groupby("seed")}


def _outcome(seed: int, name: str, rows: pd.DataFrame) -> dict:
    """What came of a client: its world, how many comparisons were made, and which showed a signal."""
    columns = ["metric", "breakdown", "segment", "level", "signal"]
    signals = rows.loc[rows["signal"] != "", columns].itertuples(index=False)
    return {"seed": seed, "world": name, "compared": len(rows), "signals": [" ".join(filter(None, s)) for s in signals]}


def outcomes(seeds: Iterable[int], kept: Path | None = None) -> Iterable[dict]:
    """What came of each client, in turn of each of the WORLDS; those that were noted are not measured again."""
    known = {}
    if kept and kept.exists():
        known = {each["seed"]: each for each in map(json.loads, kept.read_text().splitlines())}
    for seed in seeds:
        if seed not in known:
            name = list(WORLDS)[seed % len(WORLDS)]
            known[seed] = _outcome(seed, name, report(WORLDS[name], seed))
            if kept:
                with kept.open("a") as file:
                    file.write(json.dumps(known[seed]) + "\n")
        yield known[seed]


def outcomes_together(seeds: range) -> Iterable[dict]:
    """The same, a world after the other."""
    for at, (name, world) in enumerate(WORLDS.items()):
        for seed, rows in reports_together(world, seeds[at :: len(WORLDS)]).items():
            yield _outcome(seed, name, rows)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy.aa", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help=f"{CLIENTS_QUICK} clients rather than {CLIENTS}")
    parser.add_argument("--keep", type=Path, help="a file that notes each client, to go on from")
    parser.add_argument(
        "--together", action="store_true", help="clients measured as one: quicker, without what is not broken down"
    )
    parser.add_argument("--clients", type=int, help="so many")
    chosen = parser.parse_args(arguments)
    seeds = range(chosen.clients or (CLIENTS_QUICK if chosen.quick else CLIENTS))
    reports, false = Counter(), Counter()
    metrics = Counter()
    for outcome in outcomes_together(seeds) if chosen.together else outcomes(seeds, chosen.keep):
        reports[outcome["world"]] += 1
        if outcome["signals"]:
            false[outcome["world"]] += 1
            metrics.update({label.split(" ")[0] for label in outcome["signals"]})
            print(f"client {outcome['seed']} ({outcome['world']}): {'; '.join(outcome['signals'])}", flush=True)
    for world, count in reports.items():
        print(f"{world:<42}{false[world]:>4} of {count} reports with a false signal")
    share = false.total() / reports.total()
    print(f"in all {false.total()} of {reports.total()} reports, {share:.1%} (at most {SHARE:.0%})")
    figures = {
        "reports": reports.total(),
        "with a false signal": round(share, 4),
        "by metric": dict(metrics.most_common()),
    }
    aims = [
        {"aim": "reports of clients of whom nothing changed that show a signal", "share": share, "met": share <= SHARE}
    ]
    print(json.dumps({"benchmark": "aa", "figures": figures, "aims": aims, "peer": {}, "ratios": {}}))


if __name__ == "__main__":
    main(sys.argv[1:])
