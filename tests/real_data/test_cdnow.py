"""CDNOW: the metrics' path on real purchases gives the published parameters, and the forecast of the second half is held to it."""

from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from evaluating import family_book
from scipy import special
from second_route_financial import brought, expected_worth, to_date, triples

from crmnb.core.notes import Count
from crmnb.core.period import Period
from crmnb.engine.evidence import Evidence
from crmnb.engine.periods import Periods, relation_in
from crmnb.engine.reduce_counts import reduce_counts
from crmnb.engine.session import in_memory
from crmnb.evaluate.measure import measure
from crmnb.evaluate.settings import resolve
from crmnb.intake import Intake, import_data
from crmnb.metrics.definition import catalogue
from crmnb.metrics.features.purchase_history import HOLDOUT
from crmnb.schema.client import Client, Worth, load_client
from crmnb.stats import clv_models
from crmnb.workbook import Workbook

PARAMETERS = Path(__file__).parents[2] / "parameters"
FOLDER = PARAMETERS.parent / "../shared/data/cdnow"
HALF, LABEL = pd.Timestamp("1997-10-01"), "1997-10-01..1998-06-30"
MARGIN = 0.30

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not FOLDER.exists(), reason="CDNOW is not beside the checkout (../shared/data)"),
]


def log(name: str, columns: list[str]) -> pd.DataFrame:
    """The purchases of a file as orders that count."""
    rows = pd.read_csv(
        FOLDER / name, sep=r"\s+", names=columns, dtype={"customer_id": str, "day": str}, skiprows=int("master" in name)
    )
    rows = rows.assign(ordered_at=pd.to_datetime(rows["day"], format="%Y%m%d"), net=rows["dollars"].astype(float))
    return rows.assign(margin=MARGIN * rows["net"])


@pytest.fixture(scope="module")
def master() -> pd.DataFrame:
    return log("CDNOW_master.txt", ["customer_id", "day", "cds", "dollars"])


@pytest.fixture(scope="module")
def sample() -> pd.DataFrame:
    return log("CDNOW_sample.txt", ["customer_id", "number", "day", "cds", "dollars"])


@pytest.fixture(scope="module")
def client() -> Client:
    return load_client("cdnow", PARAMETERS)


@pytest.fixture(scope="module")
def taken(client: Client, tmp_path_factory) -> Intake:
    return import_data(client, tmp_path_factory.mktemp("private"))


@pytest.fixture(scope="module")
def book(client: Client, taken: Intake) -> Workbook:
    return family_book("financial", client, taken, LABEL)


def counted(client: Client, purchases: pd.DataFrame, label: str) -> dict[str, pd.DataFrame]:
    """The counts that the predicted value's model is fitted to, as the engine makes them, by breakdown."""
    orders = purchases[["customer_id", "ordered_at"]].assign(
        order_id=np.arange(len(purchases)).astype(str), amount=purchases["net"], status="paid"
    )
    tables = in_memory(client, {"orders": orders})
    metric = catalogue()["predicted_clv"]
    given, _ = resolve(metric, client)
    periods = Periods({0: period(label)}, relation_in(tables.derived))
    measure = metric(periods, tables.views(metric.reads, periods, per_customer=True), given)
    groups = reduce_counts(tables.con, Evidence.of(measure.rows), [], metric.estimate.sums, metric.estimate.folds)
    return {group.breakdown: group.counts for group in groups}


def period(label: str) -> Period:
    """A period of which CDNOW's days are seen."""
    return Period.parse(label).observe(datetime(1997, 1, 1), datetime(1998, 7, 1))


# ---- The published parameters, by the metrics' own path -------------------------------------------------------------


def test_the_tenth_through_the_engine_gives_the_published_parameters(client, sample):
    in_revenue = client.model_copy(update={"worth": Worth(margin_rate=1.0)})
    counts = counted(in_revenue, sample, "1997-01-01..1997-09-30")[""]
    assert counts["n"].sum() == 2357
    bought, spent = clv_models.fit_purchases(counts), clv_models.fit_margins(counts)
    assert bought.parameters.round(3) == pytest.approx(
        [0.243, 4.414, 0.793, 2.426]
    )  # Fader, Hardie & Lee 2005, table 2
    assert bought.log_likelihood == pytest.approx(-9582.4, abs=0.05)
    assert spent.n == 946
    assert spent.parameters == pytest.approx([6.25, 3.74, 15.44], abs=0.02)  # Fader & Hardie 2013


def test_the_holdout_is_what_a_forecast_of_the_first_half_knows(client, sample):
    then, held = (counted(client, sample, label) for label in ("1997-01-01..1997-09-30", LABEL))
    assert clv_models.fit_purchases(held[HOLDOUT]).parameters == pytest.approx(
        clv_models.fit_purchases(then[""]).parameters, rel=1e-9
    )
    known = sample.drop_duplicates(["customer_id", "day"])
    assert held[HOLDOUT]["later"] @ held[HOLDOUT]["n"] == (known["ordered_at"] >= HALF).sum()


# ---- The forecast of the second half, on the full log ---------------------------------------------------------------


def conditional(parameters: np.ndarray, x, t_x, T, t: float) -> np.ndarray:
    """Fader, Hardie & Lee 2005, equation (10), as it stands there."""
    r, alpha, a, b = parameters
    hyper = special.hyp2f1(r + x, b + x, a + b + x - 1, t / (alpha + T + t))
    several = (a + b + x - 1) / (a - 1) * (1 - ((alpha + T) / (alpha + T + t)) ** (r + x) * hyper)
    return several / (1 + np.where(x > 0, a / (b + np.maximum(x, 1) - 1) * ((alpha + T) / (alpha + t_x)) ** (r + x), 0))


def test_the_forecast_of_the_second_half_is_nearer_than_the_naive_one(book, client, master):
    tested = book("clv_backtest")
    rows = tested.whole.set_index("breakdown")
    fit = clv_models.fit_purchases(counted(client, master, LABEL)[HOLDOUT])
    days = master.drop_duplicates(["customer_id", "day"])
    first = days.groupby("customer_id")["ordered_at"].transform("min")
    came = int((days["ordered_at"] >= HALF).sum())
    before = int(((days["ordered_at"] < HALF) & (days["ordered_at"] > first)).sum())
    known = triples(master[master["ordered_at"] < HALF], "1997-09-30")
    forecast = conditional(fit.parameters, known["x"], known["t_x"], known["T"], 39).sum()
    assert rows.at["total error, model", "value"] == pytest.approx(100 * (forecast / came - 1), rel=1e-6)
    assert rows.at["total error, naive baseline", "value"] == pytest.approx(100 * (before / came - 1), rel=1e-9)
    assert abs(forecast / came - 1) < 0.16  # 14.3 % too low: the months before Christmas are in the holdout alone
    assert abs(forecast / came - 1) < abs(before / came - 1)
    assert (
        rows.at["mean absolute error per customer, model", "value"]
        < rows.at["mean absolute error per customer, naive baseline", "value"]
    )
    assert any(note.values.get("observed") == Count(19_684) for note in tested.notes)


def test_the_picture_of_the_forecast_adds_up_to_its_error(book):
    tested = book("clv_backtest")
    last = tested.points.groupby("breakdown")["value"].last()
    at = tested.points[tested.points["x"] == 39.0].set_index("breakdown")["value"]
    came, expected = last["actual"] - at["actual"], last["expected"] - at["expected"]
    naive = last["naive baseline"] - at["naive baseline"]
    assert at["actual"] == at["naive baseline"]
    assert 100 * (naive / came - 1) == pytest.approx(
        tested.whole.set_index("breakdown").at["total error, naive baseline", "value"]
    )
    # What is expected of new customers, and of those customers, is nearly but not wholly the same.
    assert expected / came == pytest.approx(1 - 0.143, abs=0.03)


# ---- Each figure by a dumber route ----------------------------------------------------------------------------------


def test_what_customers_bring_by_loops(book, master):
    rows = book.results("financial")
    rows = rows[(rows["segment"] == "") & (rows["part"] == "")].set_index(["metric", "breakdown"])["value"]
    figures = brought(master, str(HALF), "1998-07-01", None)
    assert rows["revenue_per_customer", ""] == pytest.approx(figures["revenue_per_customer"][""], rel=1e-9)
    for breakdown, value in figures["revenue_concentration"].items():
        assert rows["revenue_concentration", breakdown] == pytest.approx(value, rel=1e-9)
    assert rows["historical_clv", ""] == pytest.approx(to_date(master, "1998-07-01", 0.15), rel=1e-6)


@pytest.mark.parametrize("months", [36, np.inf])
def test_the_predicted_value_by_integrating_customer_by_customer(client, sample, months: float):
    """Of a client with every eighth customer of the tenth."""
    few = sample[sample["customer_id"].isin(sorted(set(sample["customer_id"]))[::8])]
    counts = counted(client, few, LABEL)[""]
    buying, spending = clv_models.fit_purchases(counts).parameters, clv_models.fit_margins(counts).parameters
    recent = few["ordered_at"] >= pd.Timestamp("1998-07-01") - pd.Timedelta(days=183)
    there = triples(few, "1998-06-30").loc[sorted(set(few.loc[recent, "customer_id"]))]
    weeks = months * 365.25 / 84
    dumb = [expected_worth(buying, spending, *row, weeks, client.worth.discount_rate) for row in there.to_numpy()]
    orders = few[["customer_id", "ordered_at"]].assign(
        order_id=np.arange(len(few)).astype(str), amount=few["net"], status="paid"
    )
    metric = catalogue()["predicted_clv" if months == 36 else "residual_clv"]
    [row] = measure(metric, in_memory(client, {"orders": orders}), period(LABEL)).rows.to_dict("records")
    assert row["n"] == len(there)
    assert row["value"] == pytest.approx(np.mean(dumb), rel=1e-4)
    assert 0 < row["low"] < row["value"] < row["high"]
