"""Shapes, to which a check binds metrics, beside the engine's own tables: the slow way to the same columns and needs."""

from datetime import datetime

import duckdb
import narwhals.stable.v2 as nw
import pytest

from crmnb.core.errors import Unavailable
from crmnb.core.period import Period
from crmnb.engine.periods import Periods, relation_in
from crmnb.engine.query import Query
from crmnb.engine.session import NoColumn, Tables
from crmnb.engine.views import views
from crmnb.evaluate.settings import resolve
from crmnb.metrics.definition import catalogue
from crmnb.report.data_check.availability import availability
from crmnb.report.data_check.table_shape import Shape
from crmnb.schema.client import Churn
from crmnb.schema.tables import ENGINE_TYPES, TABLES

YEAR = Period.parse("2025")
NOT_BOUND = (Unavailable, *NoColumn)


def empty(client, columns: dict[str, dict[str, str]]) -> Tables:
    """The engine's tables of these columns, without a row."""
    con = duckdb.connect()
    for name, types in columns.items():
        listed = ", ".join(f'"{column}" {type_}' for column, type_ in types.items())
        con.execute(f"create table {name} ({listed})")
    return Tables(client, con, frozenset(columns), cutoff=datetime(2026, 1, 1))


def bound(metric, tables: Tables, given, of=lambda rows: rows) -> nw.LazyFrame:
    """A metric's evidence of the tables; of: makes something else of each frame's rows."""
    frames = [tables.frame(name, per_customer=metric.per_customer).to_native() for name in metric.reads]
    periods = Periods({0: YEAR}, lambda *table: nw.from_native(of(relation_in(tables.derived)(*table).to_native())))
    evidence = metric(periods, views(periods, [nw.from_native(of(rows)) for rows in frames]), given).rows
    if isinstance(evidence.to_native(), Query):
        _ = evidence.to_native().relation  # here the engine misses a column
    return evidence


@pytest.mark.parametrize("metric", catalogue().values(), ids=lambda metric: metric.id)
def test_a_shape_has_the_columns_that_the_engine_has(metric, corner_shop_intake):
    client, taken = corner_shop_intake
    tables = empty(client, taken.columns)
    given, _ = resolve(metric, client)
    try:
        slow = bound(metric, tables, given).columns
    except Unavailable as no:
        with pytest.raises(Unavailable, match=str(no)[:40]):
            bound(metric, tables, given, lambda rows: Shape(rows.columns, set()))
        return
    assert bound(metric, tables, given, lambda rows: Shape(rows.columns, set())).columns == slow


def whole_of(client) -> dict[str, dict[str, str]]:
    """Every column of every table, and the client's items."""
    items = dict.fromkeys(client.items, ENGINE_TYPES["integer"])
    return {
        name: {c.name: ENGINE_TYPES[c.type] for c in table.columns} | (items if table.has_items else {})
        for name, table in TABLES.items()
    }


def needs_by_the_engine(metric, client, given) -> set[str]:
    """The columns without which the engine does not bind the metric: each is taken away once, from tables that have everything."""
    columns, found = whole_of(client), set()
    for table in {Tables.source_of(empty(client, {}), name) for name in metric.reads}:
        for column in columns[table]:
            less = {name: type_ for name, type_ in columns[table].items() if name != column}
            try:
                bound(metric, empty(client, columns | {table: less}), given)
            except NOT_BOUND:
                found.add(f"{table}.{column}")
    return found


CONTRACTS = {"churn": Churn(kind="contractual", table="customers"), "segments": {}}


@pytest.mark.parametrize(
    ("id_", "by_contract"),
    [
        ("retention_rate", False),  # of a frame that is derived
        ("revenue_per_customer", False),  # refunded_amount is optional
        ("stage_conversion", False),  # one of two columns will do
        ("session_conversion_rate", False),  # a join
        ("review_rating", False),
        ("revenue_per_customer", True),  # of the months of contracts, which need no end
    ],
)
def test_needs_are_those_of_the_engine(id_, by_contract, corner_shop_intake):
    client, taken = corner_shop_intake
    if by_contract:
        tables = {name: table for name, table in client.tables.items() if name != "orders"}
        client = client.model_copy(update={**CONTRACTS, "tables": tables})
    metric = catalogue()[id_]
    given, _ = resolve(metric, client)
    (found,) = availability(client, taken, YEAR.observe(taken.data_from, taken.cutoff), [metric])
    assert set(found.needs) == needs_by_the_engine(metric, client, given)


# ---- Shapes themselves ------------------------------------------------------------------------------------


def of(*columns: str) -> nw.LazyFrame:
    return nw.from_native(Shape(columns, set()))


def asked(frame: nw.LazyFrame) -> set[str]:
    return frame.to_native().asked


def test_what_is_handed_on_is_not_asked_for():
    frame = of("a", "b", "c", "d").filter(nw.col("a") > 0).with_columns(e=nw.col("b") + 1)
    assert frame.columns == ["a", "b", "c", "d", "e"]
    assert asked(frame) == {"a", "b"}


def test_texts_and_functions_are_no_columns():
    frame = of("at", 'it\'s "so"').with_columns(year=nw.col("at").dt.year(), told=nw.lit('"x" isn\'t'))
    assert frame.filter(nw.col('it\'s "so"') == 'a "y"').columns == ["at", 'it\'s "so"', "year", "told"]
    assert asked(frame) == {"at", 'it\'s "so"'}


def of_the_engine(*columns: str) -> nw.LazyFrame:
    return nw.from_native(duckdb.sql(f"select {', '.join(f'1 as {column}' for column in columns)}"))


@pytest.mark.parametrize("make", [of, of_the_engine])
@pytest.mark.parametrize(
    "step",
    [
        lambda a, _: a.filter(nw.col("x") > 0),
        lambda a, _: a.select("x"),
        lambda a, _: a.with_columns(b=nw.col("x")),
        lambda a, _: a.group_by("x").agg(n=nw.len()),
        lambda a, _: a.group_by("a").agg(n=nw.col("x").sum()),
        lambda a, _: a.with_columns(n=nw.col("a").cum_sum().over("x", order_by="a")),
        lambda a, x: a.join(x, on="x"),
        lambda a, x: x.join(a, on="x", how="anti"),
    ],
)
def test_a_column_that_is_not_there_is_the_same_error_as_in_the_engine(step, make):
    with pytest.raises(NoColumn):
        step(make("a"), make("x", "b"))


@pytest.mark.parametrize("make", [of, of_the_engine])
@pytest.mark.parametrize(
    ("step", "columns"),
    [
        (lambda a, b: a.join(b, on="x", how="left"), ["x", "a", "b"]),
        (lambda a, b: a.join(b, on="x", how="semi"), ["x", "a"]),
        (lambda a, b: a.join(b.rename({"b": "a"}), on="x"), ["x", "a", "a_right"]),
        (lambda a, b: a.join(b, how="cross"), ["x", "a", "x_right", "b"]),
        (lambda a, b: nw.concat([a, b.rename({"b": "a"})]), ["x", "a"]),
        (lambda a, _: a.group_by("x").agg(n=nw.len(), most=nw.col("a").max()), ["x", "n", "most"]),
        (lambda a, _: a.drop("x").with_columns(x=nw.col("a")), ["a", "x"]),
    ],
)
def test_each_step_gives_the_columns_that_the_engine_gives(step, columns, make):
    assert step(make("x", "a"), make("x", "b")).columns == columns


def test_what_it_does_not_stand_in_for_fails():
    with pytest.raises(AttributeError):
        of("a").head(1).columns  # noqa: B018
