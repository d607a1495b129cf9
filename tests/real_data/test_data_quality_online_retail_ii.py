"""Online Retail II, 2009-2010: its missing customers, repeated lines and negative prices, against plain pandas on the raw invoice lines."""

from pathlib import Path

import duckdb
import pandas as pd
import pytest
from second_route import invoices, read_online_retail_ii

from crmnb.core.period import Period
from crmnb.engine.session import open_tables
from crmnb.evaluate.measure import measure_all
from crmnb.intake.data_quality.near_duplicates import find_near_duplicates
from crmnb.metrics.definition import catalogue
from crmnb.schema.client import Duplicates

FILE = Path(__file__).parents[2] / "../shared/data/online_retail_ii/online_retail_2009_2010.parquet"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not FILE.exists(), reason="Online Retail II is not beside the checkout (../shared/data)"),
]
METRICS = ("linkage_rate", "rejected_rows", "data_uniqueness", "data_consistency", "data_completeness", "data_validity")


@pytest.fixture(scope="module")
def lines() -> pd.DataFrame:
    return read_online_retail_ii(FILE)


@pytest.fixture(scope="module")
def figures(online_retail_ii) -> pd.DataFrame:
    client, taken = online_retail_ii
    tables = open_tables(client, taken.tables, cutoff=taken.cutoff)
    period = Period.parse("2010").observe(taken.data_from, taken.cutoff)
    rows = pd.concat(result.rows for result in measure_all([catalogue()[name] for name in METRICS], tables, period))
    return rows.set_index(["metric", "breakdown"]).sort_index()


def test_orders_without_a_customer_are_those_of_plain_pandas(lines, figures):
    orders = invoices(lines)
    row = figures.loc[("linkage_rate", "orders")]
    assert (
        (row["numerator"], row["denominator"]) == (orders["customer_id"].notna().sum(), len(orders)) == (19_215, 24_221)
    )


def test_no_line_is_rejected_and_every_order_is_there_once(lines, figures):
    row = figures.loc[("rejected_rows", "source lines")]
    assert (row["numerator"], row["denominator"]) == (0, len(lines))
    assert figures.loc[("data_uniqueness", "orders"), "value"] == 100
    assert figures.loc[("data_consistency", "orders: customer id"), "value"] == 100
    assert figures.loc[("data_completeness", "orders"), "value"] == 100


def test_negative_prices_are_those_of_bad_debts_and_reach_no_order(lines, figures):
    negative = lines[lines["Price"] < 0]
    assert len(negative) > 0
    assert negative["Invoice"].str.startswith("A").all()
    assert figures.loc[("data_validity", "orders"), "value"] == 100


def test_repeated_lines_are_found_in_blocks_as_by_plain_pandas(lines):
    """Lines that are equal in everything: within their invoice, by a likeness of 1."""
    columns = {"Invoice": "invoice", "StockCode": "code", "Quantity": "quantity", "Price": "price"}
    few = lines[[*columns]].rename(columns=columns).head(60_000).astype(str)
    declared = Duplicates(fields=("code", "quantity", "price"), blocks=(("invoice", "code"),), similarity=1)
    with duckdb.connect() as con:
        con.register("few", few)
        outcome = find_near_duplicates(con, "from few", declared)
    assert outcome.duplicates == few.duplicated().sum() > 100
