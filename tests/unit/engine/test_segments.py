"""Segments: at most fifty levels are told apart, the same of every metric; the others are one level."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crmnb.core.errors import InputError
from crmnb.core.period import Period
from crmnb.engine.segments import MOST_LEVELS, many_levels
from crmnb.engine.session import Tables, in_memory
from crmnb.evaluate.measure import measure, measure_all
from crmnb.evaluate.settings import check_settings
from crmnb.metrics.definition import catalogue, family
from crmnb.metrics.features.tenure import attributes
from crmnb.schema.client import Client, Segments
from crmnb.schema.tables import OTHER, TABLES, UNKNOWN

SEEN = datetime(2024, 1, 1), datetime(2026, 1, 1)


def shop(levels: list[str | None], customers: int = 600, column: str = "customers.area") -> Tables:
    """Customers who order every other month for two years; the levels are dealt to them, the first most often."""
    draw = np.random.default_rng(7)
    ids = [f"c{i:04}" for i in range(customers)]
    weights = 1 / (1 + np.arange(len(levels)))
    own = draw.choice(np.array(levels, dtype=object), customers, p=weights / weights.sum())
    ordered = [pd.Timestamp("2024-01-15") + pd.Timedelta(days=61 * k) for k in range(12)]
    orders = pd.DataFrame([(who, at) for who in ids for at in ordered], columns=["customer_id", "ordered_at"])
    orders = orders[draw.random(len(orders)) < 0.6].reset_index(drop=True)
    orders = orders.assign(order_id=[str(i) for i in range(len(orders))], amount=10.0, status="paid", category="tea")
    orders = orders.assign(seller=orders["customer_id"].map(dict(zip(ids, own, strict=True))))
    people = pd.DataFrame({"customer_id": ids, "area": own, "joined_at": pd.Timestamp("2024-01-15")})
    client = Client(
        id="shop", folder=Path(), name="Shop", currency="EUR", sources={}, tables={"customers": {}, "orders": {}},
        churn={"kind": "inactivity", "inactivity_days": 90}, worth={"margin_rate": 0.5},
        segments={"area": {"column": column}}, privacy={"min_base": 1, "suppress_below": 1},
    )  # fmt: skip
    return in_memory(client, {"customers": people, "orders": orders})


def levels_in(tables: Tables, metric: str) -> set[str]:
    rows = measure(catalogue()[metric], tables, Period.parse("2025").observe(*SEEN)).rows
    return set(rows.loc[rows["segment"] == "area", "level"])


MANY = [f"area {i:03}" for i in range(200)]


@pytest.mark.parametrize("column", ["customers.area", "orders.seller"])
def test_all_metrics_tell_the_same_fifty_levels_apart_and_the_others_together(column):
    tables = shop(MANY, column=column)
    rows = tables.con.sql(
        f"select {column.partition('.')[2]} as own, count(*) as n from {column.partition('.')[0]} group by own"
    ).df()
    largest = rows.sort_values(["n", "own"], ascending=[False, True])["own"][:MOST_LEVELS]
    of_customers = ["retention_rate", "median_order_value"]
    metrics = ["average_order_value", *(of_customers if column == "customers.area" else ["sales_growth"])]
    told = {metric: levels_in(tables, metric) for metric in metrics}
    assert told["average_order_value"] == {*largest, OTHER}
    for metric, levels in told.items():
        assert levels <= {*largest, OTHER}, metric
        assert OTHER in levels
    assert many_levels(tables) == {"area": len(rows)}


def test_levels_and_the_others_add_up_to_the_whole():
    rows = measure(catalogue()["retention_rate"], shop(MANY), Period.parse("2025").observe(*SEEN)).rows
    rows = rows[(rows["part"] == "")]
    whole, levels = rows[rows["segment"] == ""], rows[rows["segment"] == "area"]
    assert levels["denominator"].sum() == whole["denominator"].item()
    assert levels["numerator"].sum() == whole["numerator"].item()


def test_groups_in_models_are_those_of_the_breakdowns():
    tables = shop([MANY[0], None, *MANY[1:]])
    frame = tables.frame("customers")
    told = attributes(frame, Segments(tables.client.segments)).collect("pandas").to_native()
    assert set(told["of area"]) >= levels_in(tables, "retention_rate") >= {UNKNOWN, OTHER}
    assert told["of area"].nunique() == MOST_LEVELS + 2


def test_up_to_fifty_levels_are_all_told():
    tables = shop(MANY[:50], customers=2000)
    assert levels_in(tables, "retention_rate") == {*MANY[:50]}
    assert many_levels(tables) == {}


@pytest.mark.parametrize("more", [[], MANY])
def test_a_level_that_is_called_like_ours_is_not_taken_for_it(more):
    own = [OTHER, f'"{OTHER}"', UNKNOWN, "it's", None, *more]
    quoted = {f'"{OTHER}"', f'""{OTHER}""', f'"{UNKNOWN}"', "it's", UNKNOWN}
    tables = shop(own)
    assert quoted <= levels_in(tables, "retention_rate")
    assert (OTHER in levels_in(tables, "retention_rate")) == bool(more)
    told = attributes(tables.frame("customers"), Segments(tables.client.segments)).collect("pandas").to_native()
    assert quoted <= set(told["of area"])


def test_thousands_of_levels_do_not_hold_a_family_up():
    """Before, each of 6,000 levels was a group of its own in every metric: minutes."""
    tables = shop([f"area {i}" for i in range(6000)], customers=2000)
    chosen = [
        family("retention")[id_] for id_ in ("retention_rate", "new_customers", "survival_curve", "churn_drivers")
    ]
    for each in measure_all(chosen, tables, Period.parse("2025").observe(*SEEN)):
        assert each.rows["level"].nunique() <= MOST_LEVELS + 2
        assert each.rows["breakdown"].nunique() <= MOST_LEVELS + 2


@pytest.mark.parametrize(
    ("metric", "table", "column", "time"),
    [
        ("csat", "survey_responses", "survey", "responded_at"),
        ("response_rate", "survey_invitations", "survey", "sent_at"),
        ("review_rating", "reviews", "platform", "posted_at"),
        ("visitor_conversion_rate", "visits", "goal", "started_at"),
    ],
)
def test_components_that_the_data_name_are_fifty_and_the_others(metric, table, column, time):
    names = [f"name {i:03}" for i in range(120) for _ in range(1 + (i < 50))]
    numbers = [str(at) for at in range(len(names))]
    keys = dict.fromkeys(("visitor_id", "review_id", "response_id", "invitation_id", "visit_id"), numbers)
    same = {
        "survey": "s",
        "satisfied": 5,
        "rating": 5,
        "scale": 5,
        "converted": True,
        "reached_at": pd.NaT,
        "completed_at": pd.NaT,
    }
    rows = pd.DataFrame(keys).assign(**same, started_at=pd.Timestamp("2025-03-01"))
    rows = rows.assign(**{column: names, time: pd.Timestamp("2025-03-01")})
    given = {"items": {"satisfied": {"scale": (1, 5)}}, "privacy": {"min_base": 1, "suppress_below": 1}}
    client = Client(id="x", folder=Path(), name="X", currency="EUR", sources={}, tables={}, **given)
    columns = [name for name in rows if name in {*TABLES[table].by_name, "satisfied"}]
    found = measure(
        catalogue()[metric], in_memory(client, {table: rows[columns]}), Period.parse("2025").observe(*SEEN)
    ).rows
    assert set(found[found["part"] == ""]["breakdown"]) == {*(f"name {i:03}" for i in range(50)), OTHER}


def test_a_segment_breaks_down_the_families_that_it_names_alone():
    tables = shop(["North", "South"], 60)
    named = {"area": {"column": "customers.area", "families": ["sales"]}}
    client = Client(**tables.client.model_dump() | {"segments": named})
    own = replace(tables, client=client)
    assert levels_in(own, "average_order_value") == {"North", "South"}
    assert levels_in(own, "repeat_purchase_rate") == set()


def test_a_family_that_a_segment_names_must_exist():
    tables = shop(["North", "South"], 60)
    named = {"area": {"column": "customers.area", "families": ["sale"]}}
    with pytest.raises(InputError, match=r"segments\.area\.families: unknown family 'sale'.*sales"):
        check_settings(Client(**tables.client.model_dump() | {"segments": named}))
