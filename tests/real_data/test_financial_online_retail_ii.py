"""Worth on Online Retail II: the suite's figures against loops and plain pandas on the raw invoice lines."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from evaluating import family_book
from second_route import customers_at, invoices, read_online_retail_ii
from second_route_financial import brought, profitable, textbook, to_date

from crmnb.core.notes import Count

PARAMETERS = Path(__file__).parents[2] / "parameters"
FILE = PARAMETERS.parent / "../shared/data/online_retail_ii/online_retail_2009_2010.parquet"
SPAN = ("2010-07-01", "2010-10-01")

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not FILE.exists(), reason="Online Retail II is not beside the checkout (../shared/data)"),
]


@pytest.fixture(scope="module")
def orders() -> pd.DataFrame:
    """Invoices that count as orders, their keys as text; of a client whose worth is told in revenue.

    An invoice of nothing is no purchase: 3,268 without a customer (stock written off or found), and two of free goods, 497819 and
    497843, of the 24,221. Two customers had no other in the seven months before the quarter.
    """
    made = invoices(read_online_retail_ii(FILE))
    free = made["amount"] == 0
    assert (len(made), free.sum(), (free & made["customer_id"].notna()).sum()) == (24_221, 3_270, 2)
    made = made[~free].reset_index(drop=True)
    keys = made["customer_id"].map(lambda key: f"{key:.0f}", na_action="ignore")
    net = made["amount"].round(4)
    return pd.DataFrame({"customer_id": keys, "ordered_at": made["ordered_at"], "net": net, "margin": net})


@pytest.fixture(scope="module")
def book(online_retail_ii):
    return family_book("financial", *online_retail_ii, "2010Q3")


@pytest.fixture(scope="module")
def rows(book) -> pd.DataFrame:
    found = book.results("financial")
    return found[(found["part"] == "") & (found["segment"] == "")].set_index(["metric", "breakdown"])


def test_each_figure_by_the_second_route(rows, orders):
    figures = brought(orders, *SPAN, None) | profitable(orders, *SPAN, 0)
    told = {(metric, c): value for metric, each in figures.items() for c, value in each.items()}
    told["historical_clv", ""] = to_date(orders, SPAN[1], 0.10)
    told["simple_clv", ""] = textbook(orders, *SPAN)
    won, of = told.pop(("profitable_new_customers", ""))
    assert rows.at[("profitable_new_customers", ""), "value"] == pytest.approx(100 * won / of)
    del told["profitable_customer_retention", ""]  # needs a year of history that the file does not have
    assert "1 July 2009" in rows.at[("profitable_customer_retention", ""), "reason"]
    del told["simple_clv", ""]  # of half a year there is no yearly churn by inactivity
    assert "at least a year" in rows.at[("simple_clv", ""), "reason"]
    for key, value in told.items():
        assert rows.at[key, "value"] == pytest.approx(value, rel=1e-7), key


def test_the_forecast_is_of_the_customers_who_are_there(rows, orders):
    there = customers_at(orders.dropna(subset="customer_id"), SPAN[1])
    assert rows.at[("predicted_clv", ""), "n"] == len(there)
    assert 0 < rows.at[("predicted_clv", ""), "low"] < rows.at[("predicted_clv", ""), "value"] < np.inf


def test_nobody_is_seen_to_leave_so_there_is_no_whole_future(rows):
    assert np.isnan(rows.at[("residual_clv", ""), "value"])
    assert "no customer left" in rows.at[("residual_clv", ""), "reason"]


def test_the_holdout_counts_what_came_after_it_began(book, orders):
    """Seven months lie before the quarter, so it is the holdout itself."""
    known = orders.dropna(subset="customer_id").assign(day=lambda o: o["ordered_at"].dt.normalize())
    known = known[known["day"] < SPAN[1]].drop_duplicates(["customer_id", "day"])
    begins = pd.Timestamp(SPAN[0])
    before = set(known.loc[known["day"] < begins, "customer_id"])
    came = known[(known["day"] >= begins) & known["customer_id"].isin(before)]
    [note] = [note for note in book("clv_backtest").notes if note.code == "holdout_of_purchases"]
    assert (note.values["observed"], note.values["customers"]) == (Count(len(came)), Count(len(before)))
