"""The market of the made-up client: sales give the true shares to the cent, and intervals of the brand survey hold what is true as often as promised."""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crmnb.core.period import Period
from crmnb.demo.market import BENCHMARKS, BRANDS, ITEMS, OWN, PILLARS, REST, market_of, true_figures
from crmnb.demo.parameters import YEARS
from crmnb.engine.session import in_memory
from crmnb.evaluate.measure import measure_all
from crmnb.metrics.definition import catalogue, family
from crmnb.schema.client import Client

YEAR = YEARS[-1]
PERIOD = Period.parse(str(YEAR)).observe(pd.Timestamp(f"{YEARS[0]}-01-01"), pd.Timestamp(f"{YEAR + 1}-01-01"))
OF_BRANDS = ("brand_funnel", "brand_step_rate", "brand_gap", "brand_equity_index", "brand_pillars", "price_premium")
OF_SALES = ("market_share", "relative_market_share", "market_concentration", "share_shift")
SEEDS = range(8)


def client() -> Client:
    items = {item: {"scale": [1, 5]} for item in ITEMS}
    pillars = {name: items_ for name, (items_, _) in PILLARS.items()}
    market = {"own_brand": OWN, "rest": [REST], "pillars": pillars}
    named = {"id": "fairmile", "folder": Path(), "name": "Fairmile", "currency": "EUR", "sources": {}, "tables": {}}
    return Client(**named, items=items, market=market)


@pytest.fixture(scope="module")
def drawn() -> pd.DataFrame:
    """The rows of the whole client, of all seeds."""
    parts = []
    for seed in SEEDS:
        tables = in_memory(client(), {name: rows for name, rows in market_of(seed).items() if name != "benchmarks"})
        measured = measure_all([catalogue()[id_] for id_ in (*OF_SALES, *OF_BRANDS)], tables, PERIOD)
        parts.append(pd.concat([metric.rows for metric in measured]).assign(seed=seed))
    rows = pd.concat(parts, ignore_index=True)
    return rows[(rows["part"] == "") & (rows["segment"] == "")]


def test_sales_give_the_true_shares(drawn):
    truth = {key: value for key, value in true_figures(YEAR, {}).items() if key[0] in OF_SALES}
    of_sales = drawn[drawn["seed"] == 0].set_index(["metric", "breakdown"])["value"]
    assert of_sales[list(truth)].to_list() == pytest.approx(list(truth.values()), rel=1e-9)
    bridge = of_sales["share_shift"]
    steps = bridge.drop(["comparison", "current"]).sum()
    assert steps == pytest.approx(bridge["current"] - bridge["comparison"], abs=1e-9)


@pytest.mark.parametrize("metric", OF_BRANDS)
def test_the_true_figures_are_in_the_intervals_as_often_as_promised(drawn, metric):
    truth = {breakdown: value for (id_, breakdown), value in true_figures(YEAR, {}).items() if id_ == metric}
    rows = drawn[drawn["metric"] == metric]
    assert set(rows["breakdown"]) == set(truth)
    true = rows["breakdown"].map(truth)
    held = ((rows["low"] <= true) & (true <= rows["high"])).mean()
    assert len(rows) == len(SEEDS) * len(truth)
    assert held >= (
        0.85 if metric == "price_premium" else 0.9
    )  # of a premium, three of four figures share the own prices


def test_gaps_beyond_chance_are_true_ones(drawn):
    """No gap of less than two points is called one more than rarely, and those of ten points are always."""
    truth = {breakdown: value for (id_, breakdown), value in true_figures(YEAR, {}).items() if id_ == "brand_gap"}
    gaps = drawn[drawn["metric"] == "brand_gap"]
    beyond = gaps["flags"].str.contains("rival")
    size = gaps["breakdown"].map(truth).abs()
    assert beyond[size > 10].all()
    assert beyond[size < 1].mean() <= 0.15


def test_the_position_follows_from_the_true_figure_and_the_peers():
    figures = {key: middle + 0.4 * spread for key, (_, middle, spread) in BENCHMARKS.items()}
    positions = {key: value for key, value in true_figures(YEAR, figures).items() if key[0] == "benchmark_position"}
    assert positions["benchmark_position", "Retention rate"] == 62.5
    assert positions["benchmark_position", "Median resolution time"] == 37.5


def test_titles_are_those_of_the_metrics():
    assert {key[0]: title for key, (title, *_) in BENCHMARKS.items()} == {
        key[0]: catalogue()[key[0]].title for key in BENCHMARKS
    }


def test_every_metric_of_brands_and_sales_has_its_truth():
    with_truth = {metric for metric, _ in true_figures(YEAR, {("nps", "purchase"): 25.0})}
    assert {*family("market")} - with_truth == {
        "benchmark_gap",
        "benchmark_difference",
    }  # which follow from the position's figures
    assert {breakdown for metric, breakdown in true_figures(YEAR, {}) if metric == "brand_equity_index"} == {*BRANDS}


def test_the_same_seed_gives_the_same_rows_and_answers_of_a_respondent_go_together():
    first, second = market_of(3), market_of(3)
    for name, table in first.items():
        pd.testing.assert_frame_equal(table, second[name])
    wide = first["brand_survey"].pivot_table(index=["respondent_id", "wave"], columns="brand", values="considers")
    pairs = [
        np.corrcoef(wide[one_brand], wide[other])[0, 1]
        for one_brand, other in product(BRANDS, BRANDS)
        if one_brand < other
    ]
    assert min(pairs) > 0.05
