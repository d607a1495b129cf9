"""Online Retail II, 2009-2010: sales against plain pandas on the raw invoice lines; a year's data hold no growth on a year."""

from pathlib import Path

import pandas as pd
import pytest
from evaluating import family_book
from second_route import compared, countries, invoices, of_customers, read_online_retail_ii
from second_route_sales import revenue_figures

from crmnb.metrics.definition import family
from crmnb.workbook import Workbook

PARAMETERS = Path(__file__).parents[2] / "parameters"
FILE = PARAMETERS.parent / "../shared/data/online_retail_ii/online_retail_2009_2010.parquet"
FROM, CUTOFF = "2009-12-01", "2010-12-10"  # what the file covers
WINDOWS = {
    "2010": ("2010-01-01", "2011-01-01"),
    "2010Q2": ("2010-04-01", "2010-07-01"),
    "2010Q3": ("2010-07-01", "2010-10-01"),
    "2010-11": ("2010-11-01", "2010-12-01"),
}
OF_LEADS_AND_VISITS = ("lead", "conversion", "proposal", "goal", "visit", "pipeline")

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not FILE.exists(), reason="Online Retail II is not beside the checkout (../shared/data)"),
]


@pytest.fixture(scope="module")
def orders() -> pd.DataFrame:
    """The invoices, with what they brought (refunds are not in these data) and a customer's key or None."""
    found = invoices(read_online_retail_ii(FILE))
    found = found[found["amount"] > 0]  # what was written off or given away is no purchase
    keys = found["customer_id"].map("{:.0f}".format, na_action="ignore")
    return found.assign(customer_id=keys.astype(object), net=found["amount"].round(4))


@pytest.fixture(scope="module")
def books(online_retail_ii) -> dict[str, Workbook]:
    client, taken = online_retail_ii
    return {label: family_book("sales", client, taken, label) for label in WINDOWS}


@pytest.fixture(scope="module")
def results(books: dict[str, Workbook]) -> dict[str, pd.DataFrame]:
    """The family's results frame, by period."""
    return {label: book.results("sales") for label, book in books.items()}


@pytest.mark.parametrize("label", WINDOWS)
def test_every_figure_of_the_whole_client_agrees(results, orders, label: str):
    rows = results[label]
    whole = rows[(rows["part"] == "") & (rows["segment"] == "")]
    wanted = {
        metric: found for metric, found in revenue_figures(orders, *WINDOWS[label], FROM, CUTOFF).items() if found
    }
    assert "average_order_value" in wanted
    assert compared(whole[~whole["flags"].str.contains("unavailable")], wanted) == []


def test_every_figure_of_a_segment_agrees(results, orders):
    where = orders["customer_id"].map(
        countries(of_customers(orders.assign(customer_id=orders["customer_id"].astype(float))))
    )
    rows = results["2010Q3"]
    for country in ("United Kingdom", "Other countries"):
        wanted = revenue_figures(orders[where == country], *WINDOWS["2010Q3"], FROM, CUTOFF)
        level = rows[(rows["level"] == country) & ~rows["flags"].str.contains("unavailable")]
        assert compared(level, wanted) == [], country


def test_a_year_of_data_holds_no_growth_on_a_year(results):
    for label in ("2010", "2010Q3"):
        rows = results[label]
        whole = rows[(rows["part"] == "") & (rows["segment"] == "") & (rows["metric"] == "sales_growth")]
        row = whole.set_index("breakdown").loc[""]
        assert "unavailable" in row["flags"]
        assert "needs data from" in row["reason"]
        assert "begin on 1 December 2009" in row["reason"]


def test_two_quarters_are_compared_per_day(results):
    rows = results["2010Q3"]
    whole = rows[(rows["part"] == "") & (rows["segment"] == "") & (rows["metric"] == "sales_growth")]
    row = whole.set_index("breakdown").loc["vs previous period"]
    assert row["low"] < row["value"] < row["high"]
    assert "CAGR" not in set(whole["breakdown"])


def test_growth_is_taken_apart_against_the_quarter_before(books):
    found = books["2010Q3"]("revenue_bridge")
    money = found.whole.set_index("breakdown")["value"]
    between = money[["customers", "frequency", "order value", "without a customer"]].sum()
    assert money["comparison"] + between == pytest.approx(money["current"], rel=1e-12)
    assert any(note.values.get("period") == "2010Q2" for note in found.notes)


def test_what_needs_leads_or_visits_says_so(results):
    rows = results["2010Q3"]
    for metric in (m for m in family("sales") if m.startswith(OF_LEADS_AND_VISITS)):
        [row] = rows[(rows["metric"] == metric) & (rows["part"] == "")].to_dict("records")
        assert row["reason"].startswith(("needs the table leads", "needs the table visits"))
