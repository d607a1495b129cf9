"""Many rows: with people as whole numbers a client's every figure is what it is by their names."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import duckdb
import pandas as pd
import pytest

from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.engine import integer_keys, session
from crmnb.engine.integer_keys import number_people
from crmnb.engine.session import in_memory, open_tables
from crmnb.evaluate.measure import measure_all
from crmnb.evaluate.metric_call import evidence_of
from crmnb.metrics.definition import catalogue
from crmnb.schema.client import Client
from crmnb.workbook import open_on

SHOP = {
    "id": "shop",
    "folder": Path(),
    "name": "Shop",
    "currency": "EUR",
    "sources": {},
    "tables": {},
    "churn": {"kind": "inactivity", "inactivity_days": 90},
}


@pytest.fixture
def numbered_shop(corner_shop_intake, monkeypatch):
    """The corner shop's workbook of 2025 as if it had very many rows."""
    monkeypatch.setattr(session, "_SMALL", 0)
    client, taken = corner_shop_intake
    return open_on(client, Period.parse("2025"), taken)


def rounded(note: Note) -> tuple:
    """What a note says, with figures to twelve digits: the last ones depend on the order of the sums."""
    return note.code, {
        name: float(f"{value:.12g}") if isinstance(value, float) else value for name, value in note.values.items()
    }


def test_every_figure_of_every_metric_is_the_same(numbered_shop, corner_shop):
    assert numbered_shop.tables.numbers
    assert not corner_shop.tables.numbers
    for number in measure_all(catalogue().values(), numbered_shop.tables, numbered_shop.period):
        name = corner_shop(number.metric.id)
        pd.testing.assert_frame_equal(name.rows, number.rows, rtol=1e-12)
        pd.testing.assert_frame_equal(name.points, number.points, rtol=1e-12, check_dtype=False)
        assert [*map(rounded, name.notes)] == [*map(rounded, number.notes)]


def test_rows_that_are_taken_in_span_by_span_are_all_there_once(corner_shop_intake, numbered_shop, monkeypatch):
    monkeypatch.setattr(integer_keys, "_AT_ONCE", 7)
    client, taken = corner_shop_intake
    by_spans = open_on(client, Period.parse("2025"), taken).tables
    for name in ("orders", "tickets", "customers", "teams"):
        at_once, in_spans = (tables.every(name).order("all").df() for tables in (numbered_shop.tables, by_spans))
        pd.testing.assert_frame_equal(at_once, in_spans)


@pytest.mark.parametrize(
    "id_", ["repeat_purchase_rate", "average_order_value", "visitor_conversion_rate", "sales_velocity"]
)
def test_rows_are_looked_at_with_the_names_of_people_and_the_rows_own_keys(id_, numbered_shop, corner_shop):
    by_name, by_number = (
        evidence_of(catalogue()[id_], book.tables, book.period, 1000) for book in (corner_shop, numbered_shop)
    )
    pd.testing.assert_frame_equal(by_name, by_number)


def test_what_people_wrote_is_held_only_where_metrics_read_it(numbered_shop):
    """Those of the comments do, where `feedback` is declared; the text of reviews none reads."""
    assert "comment" in numbered_shop.tables.frame("survey_responses").columns
    assert "text" not in numbered_shop.tables.frame("reviews").columns
    assert "text" in numbered_shop.tables.with_names().frame("reviews").columns
    tables = numbered_shop.tables
    without = replace(tables, client=tables.client.model_copy(update={"feedback": None}), _canonical_of={}, _frames={})
    assert "comment" not in without.frame("survey_responses").columns


def test_who_has_no_name_has_no_number_and_all_rows_are_there(numbered_shop, corner_shop):
    for name in sorted(corner_shop.tables.names):
        plain, numbers = (book.tables.every(name) for book in (corner_shop, numbered_shop))
        assert numbers.count("*").fetchall() == plain.count("*").fetchall(), name
        if "customer_id" in plain.columns:
            assert numbers.count("customer_id").fetchall() == plain.count("customer_id").fetchall(), name
        counted = (book.tables.counting(name).count("*").fetchall() for book in (corner_shop, numbered_shop))
        assert len({*map(str, counted)}) == 1, name


def test_numbers_follow_the_order_of_the_hash_and_visitors_are_below_zero():
    con = duckdb.connect()
    con.execute("create table orders as select 'C' || i as customer_id from range(50) r(i)")
    con.execute("create table visits as select null as customer_id, 'C' || i as visitor_id from range(50) r(i)")
    number_people(con, ["orders", "visits"])
    told = con.execute("select number, row_number() over (order by hash(key), key) from customer_numbers").fetchall()
    assert len(told) == 50
    assert all(number == place for number, place in told)
    assert con.execute("select max(number), count(distinct number) from visitor_numbers").fetchall() == [(-1, 50)]


def test_one_large_table_is_enough_for_all_to_speak_of_people_alike(corner_shop_intake, monkeypatch):
    client, taken = corner_shop_intake
    sizes = {name: path.stat().st_size for name, path in taken.tables.items()}
    monkeypatch.setattr(session, "_SMALL", max(sizes.values()))
    tables = open_tables(client, taken.tables, cutoff=taken.cutoff)
    assert tables.numbers
    assert len(tables.small_tables) == len(sizes) - 1
    types = {str(tables.every(name).select("customer_id").types[0]) for name in ("customers", "orders", "visits")}
    assert types == {"INTEGER"}


def test_reading_that_was_interrupted_is_begun_anew(corner_shop_intake, monkeypatch):
    monkeypatch.setattr(session, "_SMALL", 0)
    client, taken = corner_shop_intake
    tables = open_tables(client, taken.tables, cutoff=taken.cutoff)
    number_people(tables.con, tables.names)
    tables.con.execute("create table held.orders as select 1 as unfinished")
    assert "unfinished" not in tables.frame("orders").columns


def test_looking_at_rows_again_takes_no_more_room(numbered_shop):
    def tables() -> int:
        return numbered_shop.tables.con.execute("select count(*) from duckdb_tables()").fetchall()[0][0]

    evidence_of(catalogue()["predicted_clv"], numbered_shop.tables, numbered_shop.period, 5)
    before = tables()
    evidence_of(catalogue()["predicted_clv"], numbered_shop.tables, numbered_shop.period, 5)
    assert tables() == before


def test_orders_that_name_nobody_take_nothing_down():
    orders = {"order_id": ["1", "2"], "ordered_at": pd.to_datetime(["2025-02-01", "2025-03-01"]), "amount": [10, 20]}
    plans = {
        "subscription_id": ["1"],
        "customer_id": ["a"],
        "started_at": pd.to_datetime(["2024-01-01"]),
        "monthly_amount": [5],
    }
    for customer in ({}, {"customer_id": pd.Series([None, None], dtype="str")}):
        frames = {"orders": pd.DataFrame(orders | customer).assign(status="paid"), "subscriptions": pd.DataFrame(plans)}
        tables = in_memory(Client(**SHOP), frames)
        period = Period.parse("2025").observe(datetime(2024, 1, 1), datetime(2026, 1, 1))
        found = measure_all(catalogue().values(), tables, period)
        assert {each.rows["flags"].iloc[0] for each in found if each.rows["metric"].iloc[0] == "retention_rate"} == {
            "unavailable"
        }
