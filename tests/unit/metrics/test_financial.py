"""Worth on the corner shop: every figure counted with a pencil, by a second route, and by the suite; every trap bites."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from bs4 import BeautifulSoup
from evaluating import family_rows
from hand_counts import pencilled
from second_route import Figures, compared
from second_route_financial import (
    brought,
    profitable,
    raw_worth,
    textbook,
    tidy_costs,
    tidy_orders,
    to_date,
    winning,
)

from crmnb.core.notes import from_json
from crmnb.core.period import Period
from crmnb.evaluate.measure import measure
from crmnb.intake import Intake
from crmnb.metrics.definition import catalogue, family
from crmnb.schema.client import load_client
from crmnb.workbook import Workbook, open_on

PARAMETERS = Path(__file__).parents[3] / "parameters"
CUTOFF = "2026-01-01"
Raw = dict[str, pd.DataFrame]

# {metric: {breakdown: (numerator, denominator)}}, or a value in the metric's unit where there is no plain ratio; how
# it was counted stands in parameters/corner_shop.yml.
HAND: Figures = {
    "revenue_reconciliation": {"": -1.0},
    "revenue_per_customer": {"": (2013.5, 14)},
    "revenue_concentration": {
        "Gini coefficient": (2 * 24968.5 / (14 * 2013.5) - 15 / 14) * 14 / 13,
        "revenue share of the top 10%": 100 * 1370 / 2013.5,
    },
    "historical_clv": {"": 1047.68 / 15},
    "simple_clv": {"": (805.4 / 14 * 365.25 / 365) / (1 - (5 / 8) ** (365.25 / 365))},
    "customer_acquisition_cost": {"": (80, 4)},
    "cac_payback_period": {"": 3},
    "return_on_investment": {"loyalty card": 25},
    "profitable_customer_retention": {"": (3, 5)},
    "profitable_new_customers": {"": (3, 4)},
}
NEED_A_MODEL = {"predicted_clv", "residual_clv", "clv_backtest", "clv_to_cac"}


def second(raw: Raw, start: str, end: str) -> Figures:
    """All figures of a year, from the raw files."""
    orders, costs = tidy_orders(raw["orders"], 0.4), tidy_costs(raw["costs"])
    card = costs.loc[(costs["programme"] == "loyalty card") & (costs["month"] < end), "amount"].sum()
    return {
        **brought(orders, start, end, 2050 if start == "2025-01-01" else None),
        "historical_clv": {"": to_date(orders, end, 0.0)},
        "simple_clv": {"": textbook(orders, start, end)},
        **winning(orders, costs, start, end, lag=1, cutoff=CUTOFF),
        "return_on_investment": {"loyalty card": 100 * (150 - card) / card},
        **profitable(orders, start, end, least=14),
    }


@pytest.fixture
def raw() -> Raw:
    return raw_worth(PARAMETERS / "corner_shop")


def close(found: dict, hand: dict) -> bool:
    """Whether the breakdowns are the same, and their values."""
    return found.keys() == hand.keys() and all(
        _value(found[c]) == pytest.approx(_value(hand[c]), rel=1e-9) for c in hand
    )


def _value(figure: tuple[float, float] | float) -> float:
    return figure[0] / figure[1] if isinstance(figure, tuple) else figure


# ---- The pencil and the second route --------------------------------------------------------------------------------


@pytest.mark.parametrize("metric", HAND)
def test_the_second_route_counts_what_the_pencil_counted(raw: Raw, metric: str):
    assert close(second(raw, "2025-01-01", CUTOFF)[metric], HAND[metric])


def test_the_parameters_file_tells_the_same_counts():
    told = pencilled((PARAMETERS / "corner_shop.yml").read_text(encoding="utf-8").split("Counted with a pencil")[1])
    for metric, breakdowns in HAND.items():
        percent = 100 if family("financial")[metric].unit == "%" else 1
        wanted = {c: _value(f) / (1 if isinstance(f, tuple) else percent) for c, f in breakdowns.items()}
        assert told[metric] == pytest.approx(wanted, rel=1e-9), metric


def test_every_metric_of_the_family_was_counted_or_needs_a_model():
    assert set(HAND) | NEED_A_MODEL == set(family("financial"))
    assert {id_ for id_, metric in family("financial").items() if metric.published} == NEED_A_MODEL


# ---- Every trap is one of the rows ----------------------------------------------------------------------------------


def _order(number: str, column: str, value: str) -> Callable[[Raw], None]:
    def change(raw: Raw) -> None:
        raw["orders"].loc[raw["orders"]["Order no"] == number, column] = value

    return change


def _cost(month: str, column: str, value: str, *, programme: str = "") -> Callable[[Raw], None]:
    def change(raw: Raw) -> None:
        costs = raw["costs"]
        costs.loc[(costs["Month"] == month) & (costs["Programme"] == programme), column] = value

    return change


def _all(table: str, column: str, old: str, new: str) -> Callable[[Raw], None]:
    def change(raw: Raw) -> None:
        raw[table][column] = raw[table][column].replace(old, new)

    return change


# What a careless reading does to the rows, and a metric that it must get wrong.
CARELESS: dict[str, tuple[Callable[[Raw], None], str]] = {
    "a refund in part does not count": (_order("1043", "Refunded", "0"), "revenue_per_customer"),
    "a cancelled order brings money": (_all("orders", "Status", "void", "done"), "revenue_reconciliation"),
    "orders without a customer bring none": (_order("1034", "Status", "void"), "revenue_reconciliation"),
    "orders without a customer are of one": (_all("orders", "Customer no", "", "?"), "revenue_concentration"),
    "1,250 is 1": (_order("1050", "Total", "1.25"), "revenue_concentration"),
    "an order of long ago is forgotten": (_order("1001", "Status", "void"), "historical_clv"),
    "a credit note is spending": (_cost("2025-09", "Spent", "5.00"), "customer_acquisition_cost"),
    "service wins customers": (
        _all("costs", "What for", "looking after them", "winning customers"),
        "customer_acquisition_cost",
    ),
    "what is spent in a month wins its customers": (_cost("2025-12", "Month", "2025-06"), "customer_acquisition_cost"),
    "December before does not count": (_cost("2024-12", "Spent", "0"), "customer_acquisition_cost"),
    "November before counts": (_cost("2024-11", "Month", "2024-12"), "customer_acquisition_cost"),
    "vouchers are a programme, so they win nobody": (
        _cost("2025-11", "What for", "programmes", programme="bring a friend"),
        "customer_acquisition_cost",
    ),
    "a programme begins with the year": (
        _cost("2024-10", "Spent", "0", programme="loyalty card"),
        "return_on_investment",
    ),
    "who was won in December was followed": (_order("1050", "Ordered", "05/11/2025 15:00:00"), "cac_payback_period"),
    "the third month is over after 90 days": (_order("1042", "Ordered", "10/10/2025 23:00:00"), "cac_payback_period"),
    "exactly the declared margin is too little": (_order("1019", "Total", "34.99"), "profitable_customer_retention"),
    "margin of the period makes profitable at its start": (
        _order("1001", "Ordered", "02/10/2024 23:59:59"),
        "profitable_customer_retention",
    ),
}


@pytest.mark.parametrize("reading", CARELESS)
def test_every_trap_bites_a_careless_reading(raw: Raw, reading: str):
    change, metric = CARELESS[reading]
    before = second(raw, "2025-01-01", CUTOFF)[metric]
    change(raw)
    assert not close(second(raw, "2025-01-01", CUTOFF)[metric], before)


# ---- The suite ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def taken(corner_shop_intake) -> Intake:
    return corner_shop_intake[1]


@pytest.fixture(scope="module")
def books(corner_shop_in) -> dict[int, Workbook]:
    return {year: corner_shop_in(str(year)) for year in (2024, 2025)}


def whole(book: Workbook) -> pd.DataFrame:
    return of_whole(book.results("financial"))


def of_whole(rows: pd.DataFrame) -> pd.DataFrame:
    return rows[(rows["part"] == "") & (rows["segment"] == "")]


def test_the_suite_counts_what_the_pencil_counted(books):
    assert compared(whole(books[2025]), HAND) == []


def test_the_suite_counts_the_year_before_as_the_second_route_does(books, raw: Raw):
    rows, figures = whole(books[2024]), second(raw, "2024-01-01", "2025-01-01")
    assert (
        "needs the period's net revenue as in the books"
        in rows.set_index("metric").at["revenue_reconciliation", "reason"]
    )
    assert "needs data from 1 January 2023" in rows.set_index("metric").at["profitable_customer_retention", "reason"]
    of_costs = {"customer_acquisition_cost", "cac_payback_period"}
    for metric in of_costs:  # the first costs are of March, and win the customers of April
        assert "new customers of April 2024 to January 2026 only" in rows.set_index("metric").at[metric, "reason"]
    told = {
        metric: found for metric, found in figures.items() if metric not in {"profitable_customer_retention"} | of_costs
    }
    assert set(told) == set(HAND) - {"revenue_reconciliation", "profitable_customer_retention"} - of_costs
    told = {
        m: {c: _value(f) * (100 if m == "profitable_new_customers" else 1) for c, f in each.items()}
        for m, each in told.items()
    }
    assert compared(rows, told) == []


def test_what_needs_a_model_says_how_many_customers_it_needs(books):
    rows = whole(books[2025]).set_index("metric")
    for metric in NEED_A_MODEL:
        assert rows.at[metric, "flags"] == "unavailable"
        assert "customers bought again, which the model needs" in rows.at[metric, "reason"]


def test_programmes_without_a_measured_gain_are_said(books):
    [note] = books[2025]("return_on_investment").notes
    assert note.values["programmes"] == ("bread van", "bring a friend")


def test_costs_of_weeks_are_not_to_be_had(taken: Intake):
    client, metric = load_client("corner_shop", PARAMETERS), catalogue()["customer_acquisition_cost"]
    book = open_on(client, Period.parse("2025-03-05..2025-04-20"), taken)
    [row] = of_whole(measure(metric, book.tables, book.period).rows).to_dict("records")
    assert from_json(row["reason"]).code == "costs_by_month"


def test_without_a_margin_there_is_no_worth(taken: Intake):
    client = load_client("corner_shop", PARAMETERS)
    client = client.model_copy(update={"worth": type(client.worth)()})
    rows = of_whole(family_rows("financial", client, taken, "2025")).set_index("metric")
    for metric in ("historical_clv", "predicted_clv", "simple_clv", "cac_payback_period", "profitable_new_customers"):
        assert "worth: margin_rate" in rows.at[metric, "reason"], metric
    assert "needs a programme's gain" in rows.at["return_on_investment", "reason"]
    assert rows.at["revenue_per_customer", "value"] == pytest.approx(2013.5 / 14)


def test_the_page_sets_the_four_figures_of_worth_side_by_side_and_draws_payback(made):
    page = BeautifulSoup((made / "outputs/corner_shop/2025/financial.html").read_text(encoding="utf-8"), "html.parser")
    table = page.find(attrs={"aria-label": "Metrics side by side"})
    lines = [[cell.get_text() for cell in line.find_all(["th", "td"])] for line in table.tbody.find_all("tr")]
    metrics = [catalogue()[id_] for id_ in ("historical_clv", "predicted_clv", "residual_clv", "simple_clv")]
    assert [line[0] for line in lines] == [metric.title for metric in metrics]
    assert [line[1].partition(" ")[0] for line in lines] == [
        "£70",
        "Not",
        "Not",
        "£153",
    ]  # 0.4 * 2619.2 / 15; the textbook's
    assert [line[-2] for line in lines] == [
        f"{metric.numerator[0].upper()}{metric.numerator[1:]}." for metric in metrics
    ]
    [picture] = [image for image in page.find_all("img") if "months since acquisition" in image["alt"]]
    assert "£21 after 11 months" in picture["alt"]
    assert "renewal months" not in page.get_text()  # this client's customers are lost by inactivity
