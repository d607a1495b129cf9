"""Queries: SQL that grows step by step gives the rows that the engine's own relations give."""

import duckdb
import narwhals.stable.v2 as nw
import pytest

from crmnb.engine.derived_tables import DerivedTables, once
from crmnb.engine.query import Query


@pytest.fixture
def derived():
    con = duckdb.connect()
    con.execute(
        "create table sold as select * from (values ('a', 1, 5), ('a', 2, 7), ('b', 3, null)) as t(who, day, net)"
    )
    con.execute("create table people as select * from (values ('a', 'North'), ('c', 'South')) as t(who, region)")
    return DerivedTables(con)


def both(derived, name: str) -> tuple[nw.LazyFrame, nw.LazyFrame]:
    """A table as a query, and as a relation of the engine."""
    rows = derived.con.table(name)
    return nw.from_native(Query.of(derived, rows)), nw.from_native(rows)


STEPS = {
    "columns are added and replaced": lambda sold, people: sold.with_columns(
        net=nw.col("net") + 1, twice=nw.col("day") * 2
    ),
    "columns are picked": lambda sold, people: sold.select("day", seller="who"),
    "rows are filtered": lambda sold, people: sold.filter(nw.col("net") > 5),
    "groups": lambda sold, people: sold.group_by("who").agg(net=nw.col("net").sum(), rows=nw.len()),
    "a left join": lambda sold, people: sold.join(people, on="who", how="left"),
    "a join of those there": lambda sold, people: sold.join(people, on="who", how="semi"),
    "a join of those not there": lambda sold, people: sold.join(people, on="who", how="anti"),
    "all with all": lambda sold, people: sold.join(people.select("region"), how="cross"),
    "one after the other": lambda sold, people: nw.concat([sold.select("who"), people.select("who")]),
    "over a window": lambda sold, people: sold.with_columns(sum=nw.col("day").cum_sum().over("who", order_by="day")),
    "a step that is read twice": lambda sold, people: (more := sold.filter(nw.col("day") < 3)).join(
        more.group_by("who").agg(last=nw.col("day").max()), on="who", how="inner"
    ),
}


@pytest.mark.parametrize("step", STEPS.values(), ids=STEPS)
def test_a_step_gives_the_columns_and_rows_of_the_engine(derived, step):
    (sold, own_sold), (people, own_people) = both(derived, "sold"), both(derived, "people")
    query, relation = step(sold, people).to_native(), step(own_sold, own_people).to_native()
    assert query.columns == relation.columns
    assert sorted(map(str, query.fetchall())) == sorted(map(str, relation.fetchall()))


def test_a_step_that_is_read_twice_is_written_once(derived):
    sold, _ = both(derived, "sold")
    more = sold.filter(nw.col("day") < 3)
    assert nw.concat([more, more]).to_native().sql_query().count("where") == 1


def test_a_column_that_is_not_there_is_missed_when_the_engine_is_asked(derived):
    sold, _ = both(derived, "sold")
    query = sold.filter(nw.col("gross") > 5).to_native()
    with pytest.raises(duckdb.BinderException, match="gross"):
        _ = query.relation


def test_the_same_steps_are_computed_once(derived):
    computed = []

    @once
    def large(rows, least):
        computed.append(least)
        return rows.filter(nw.col("net") >= least)

    first, second = both(derived, "sold")[0], both(derived, "sold")[0]
    assert large(first, 6).to_native().fetchall() == large(second, 6).to_native().fetchall() == [("a", 2, 7)]
    assert computed == [6]
