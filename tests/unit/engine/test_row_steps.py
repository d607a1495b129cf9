"""Metrics of the same rows: in one pass over them come the same statistics as one after the other."""

from dataclasses import replace

import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import pytest
from reducing import tables

from crmnb.engine.evidence import PERIOD, Evidence, Segmentation
from crmnb.engine.query import Query
from crmnb.engine.reduce import Sample, reduce_moments
from crmnb.engine.row_steps import branches_of, breakdowns_of

PERIODS = {0: "current", 1: "comparison", 2: "2025-01", 3: "2025-02"}
LEVELS = [Segmentation("region", levels="levels")]


def messages(opened) -> nw.LazyFrame:
    """Messages of several customers, a few of nobody, in two periods and two parts; of some it is not known whether they were opened."""
    rng, rows = np.random.default_rng(5), 400
    frame = pd.DataFrame(
        {
            "customer_id": pd.array(np.where(rng.random(rows) < 0.1, None, rng.integers(1, 40, rows)), "Int32"),
            PERIOD: rng.integers(0, 4, rows).astype("uint8"),
            "delivered": rng.random(rows) < 0.8,
            "opened": rng.choice(np.array([True, False, None], object), rows),
            "clicked": rng.random(rows) < 0.2,
        }
    ).astype({"opened": "boolean"})
    opened.con.register("given", frame)
    opened.con.execute("create table messages as select * from given")
    opened.con.execute(
        "create table levels as select i as cluster, ['North', 'South'][1 + i % 2] as level from range(1, 30) r(i)"
    )
    return nw.from_native(Query.of(opened.derived, opened.con.table("messages")))


def evidence(rows: nw.LazyFrame, condition: nw.Expr, **columns: nw.Expr) -> Evidence:
    counted = rows.with_columns(num=condition.cast(nw.Int64), den=nw.lit(1), **columns)
    return Evidence.of(counted, PERIODS)


def metrics(rows: nw.LazyFrame) -> list[Evidence]:
    """Shares of the same rows: of all, of some, and of two steps one after the other."""
    delivered = rows.filter(nw.col("delivered"))
    steps = [("sent", rows, nw.col("delivered")), ("delivered", delivered, nw.col("opened"))]
    parts = [part.with_columns(step=nw.lit(name), met=met.cast(nw.Int64)) for name, part, met in steps]
    funnel = nw.concat(parts).with_columns(num=nw.col("met"), den=nw.lit(1), breakdown=nw.col("step").cast(nw.String))
    return [
        evidence(rows, nw.col("delivered")),
        evidence(delivered.filter(nw.col("opened")), nw.col("clicked")),
        Evidence.of(funnel, PERIODS),
    ]


@pytest.mark.parametrize("segmentations", [[], LEVELS])
def test_statistics_in_one_pass_are_those_of_each_alone(segmentations):
    opened = tables()
    of = metrics(messages(opened))
    needs = frozenset()
    together = reduce_moments(opened.con, [Sample(evidence, needs=needs) for evidence in of], segmentations)
    for evidence_, found in zip(of, together, strict=True):
        sample = Sample(replace(evidence_, query=None), needs=needs)
        assert not sample.branches
        [expected] = reduce_moments(opened.con, [sample], segmentations)
        keys = ["segment", "win", "breakdown", "level"]
        found, expected = (frame.sort_values(keys).reset_index(drop=True) for frame in (found, expected))
        pd.testing.assert_frame_equal(found, expected, rtol=1e-12)
    assert {"comparison", "2025-02"} <= {*together[0]["win"]}


def test_rows_of_one_relation_are_recognised_by_it():
    opened = tables()
    branches = [branches_of(evidence) for evidence in metrics(messages(opened))]
    assert [len(of_metric) for of_metric in branches] == [1, 1, 2]
    assert len({branch.base.sql_query() for of_metric in branches for branch in of_metric}) == 1
    assert [branch.breakdown for branch in branches[2]] == ["'sent'", "'delivered'"]


def test_what_looks_at_other_rows_is_a_relation_of_its_own():
    rows = messages(tables())
    ranked = rows.with_columns(place=nw.col("clicked").cum_sum().over("customer_id", order_by="delivered"))
    [branch] = branches_of(evidence(ranked.filter(nw.col("place") == 1), nw.col("opened")))
    assert branch.base.columns[-1] == "place"
    grouped = rows.group_by(PERIOD, "customer_id").agg(opened=nw.col("opened").max())
    [branch] = branches_of(evidence(grouped, nw.col("opened")))
    assert branch.base.columns == [PERIOD, "customer_id", "opened"]


def test_breakdowns_that_rows_decide_are_not_known():
    rows = messages(tables())
    by_opened = evidence(rows, nw.col("clicked"), breakdown=nw.col("opened").cast(nw.String))
    assert branches_of(by_opened) == breakdowns_of(by_opened) == []
    weighted = evidence(rows, nw.col("clicked"), weight=nw.lit(2.0))
    renamed = evidence(rows.with_columns(customer_id=nw.lit(1)), nw.col("clicked"))
    assert branches_of(weighted) == branches_of(renamed) == []


def test_a_pass_leaves_out_periods_without_evidence():
    opened = tables()
    rows = evidence(messages(opened), nw.col("delivered"))
    some = Evidence.of(nw.from_native(rows.query), {0: "current", 3: "2025-02"})
    [found] = reduce_moments(opened.con, [Sample(some, needs=frozenset())], [])
    assert {*found["win"]} == {"current", "2025-02"}
