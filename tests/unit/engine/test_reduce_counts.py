"""Counts of alike rows: by hand on six rows, and that resampling folds is resampling customers."""

import duckdb
import numpy as np
import pandas as pd
import pytest

from crmnb.engine.evidence import PERIOD, Evidence, Segmentation
from crmnb.engine.reduce_counts import reduce_counts

ROWS = pd.DataFrame(
    {
        "customer_id": ["a", "a", "b", "c", "d", None],
        "gap": [10, 10, 10, 20, 20, 20],
        "spend": [1.5, 2.5, 1.0, 1.0, 4.0, 2.0],
    }
)
TYPES = {"customer_id": "VARCHAR", "gap": "BIGINT", "spend": "DOUBLE"}


def groups(rows: pd.DataFrame = ROWS, *, by=(), sums=("spend",), folds=0, types=TYPES):
    con = duckdb.connect()
    con.register("given", rows)
    con.execute("create table levels as select * from (values ('a', 'N'), ('b', 'N'), ('c', 'S')) t(cluster, level)")
    sql = f"select *, 0::utinyint as {PERIOD} from given"
    return reduce_counts(con, Evidence(sql, types, {0: "current"}), list(by), sums, folds)


def test_alike_rows_are_counted_and_summed():
    [whole] = groups()
    assert whole.counts.to_dict("list") == {"gap": [10, 20], "spend": [5.0, 7.0], "n": [3.0, 3.0]}
    assert (whole.n, whole.customers) == (6, 5)  # of a: two rows, one customer; the row of nobody is one by itself


def test_levels_are_those_of_the_customers():
    _, *levels = groups(by=[Segmentation("region", levels="levels")])
    assert {g.level: (g.n, g.customers) for g in levels} == {"N": (3, 2), "S": (1, 1), "(not known)": (2, 2)}


def test_levels_of_the_evidences_own():
    rows = ROWS.assign(channel=["web", "shop", "web", "web", None, "shop"])
    found = groups(rows, by=[Segmentation("channel", own='"channel"')], types=TYPES | {"channel": "VARCHAR"})
    assert {g.level: g.n for g in found if g.segment} == {"web": 3, "shop": 2, "(not known)": 1}


def test_components_stand_apart():
    rows = ROWS.assign(breakdown=["x", "x", "y", "y", "y", "x"])
    found = groups(rows, types=TYPES | {"breakdown": "VARCHAR"})
    assert {g.breakdown: (g.n, g.customers) for g in found} == {"x": (3, 2), "y": (3, 3)}


def test_a_cluster_stands_for_the_customer():
    [whole] = groups(ROWS.assign(cluster=list("pqrstu")), types=TYPES | {"cluster": "VARCHAR"})
    assert whole.customers == 6


def test_all_rows_of_a_customer_are_in_one_fold_and_folds_are_even():
    rng = np.random.default_rng(1)
    rows = pd.DataFrame({"customer_id": rng.integers(0, 1000, 5000).astype(str), "gap": rng.integers(0, 3, 5000)})
    rows["spend"] = rows["customer_id"].astype(float)
    types = {**TYPES, "who": "VARCHAR"}
    [whole] = groups(rows.assign(who=rows["customer_id"]), folds=50, types=types)
    assert whole.counts.groupby("who")["fold"].nunique().max() == 1
    sizes = whole.counts.groupby("fold")["who"].nunique()
    assert len(sizes) == 50
    assert sizes.max() - sizes.min() <= 1


def test_together_a_customer_is_in_the_same_fold_in_every_period():
    rows = pd.DataFrame({"customer_id": [f"c{i}" for i in range(60)] + [f"c{i}" for i in range(40, 90)]})
    rows = rows.assign(**{PERIOD: [0] * 60 + [1] * 50, "who": rows["customer_id"]})
    con = duckdb.connect()
    con.register("given", rows)
    types = {"customer_id": "VARCHAR", "who": "VARCHAR"}
    evidence = Evidence("select * from given", types, {0: "current", 1: "comparison"})
    apart, joint = (
        pd.concat([group.counts for group in reduce_counts(con, evidence, [], folds=20, together=together)])
        for together in (False, True)
    )
    assert joint.groupby("who")["fold"].nunique().max() == 1
    assert joint["fold"].nunique() == 20
    assert apart.groupby("who")["fold"].nunique().max() == 2


def test_few_customers_have_a_fold_each():
    [whole] = groups(folds=200)
    assert whole.counts["fold"].nunique() == 5


def test_the_spread_over_resampled_folds_is_that_over_resampled_customers():
    rng = np.random.default_rng(2)
    rows = pd.DataFrame({"customer_id": np.arange(4000).astype(str), "gap": 0, "spend": rng.lognormal(0, 1, 4000)})
    [whole] = groups(rows, folds=200)
    sums, n = whole.counts["spend"].to_numpy(), whole.counts["n"].to_numpy()
    drawn = rng.multinomial(200, [1 / 200] * 200, 2000)
    spread = (drawn @ sums / (drawn @ n)).std()
    assert spread == pytest.approx(rows["spend"].std() / np.sqrt(4000), rel=0.15)


def test_of_no_rows_there_is_no_group():
    assert groups(ROWS[:0]) == []
    assert groups(ROWS[:0][["gap", "spend"]], folds=2, types={"gap": "BIGINT", "spend": "DOUBLE"}) == []
