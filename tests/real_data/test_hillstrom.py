"""Hillstrom's e-mail test: visits, conversion and spend by arm, and the rates of the e-mails, against plain pandas on the raw file."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

from crmnb.core.period import Period
from crmnb.engine.session import in_memory
from crmnb.evaluate.measure import measure, measure_all
from crmnb.intake import Intake, import_data
from crmnb.metrics.definition import catalogue
from crmnb.schema.client import Client, load_client
from crmnb.workbook import open_on

PARAMETERS = Path(__file__).parents[2] / "parameters"
FILE = PARAMETERS.parent / "../shared/data/hillstrom_email_ab/hillstrom_data.csv"
METRICS = ("click_rate", "personalisation_lift", "unique_visitors", "session_conversion_rate", "average_order_value")
EMAILS = ["Mens E-Mail", "Womens E-Mail"]

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not FILE.exists(), reason="Hillstrom's file is not beside the checkout (../shared/data)"),
]


@pytest.fixture(scope="module")
def raw() -> pd.DataFrame:
    rows = pd.read_csv(FILE)
    assert len(rows) == 64_000
    return rows


@pytest.fixture(scope="module")
def client() -> Client:
    return load_client("hillstrom", PARAMETERS)


@pytest.fixture(scope="module")
def taken(client, tmp_path_factory) -> Intake:
    return import_data(client, tmp_path_factory.mktemp("private"))


@pytest.fixture(scope="module")
def rows(client, taken) -> pd.DataFrame:
    book = open_on(client, Period.parse("2008-03"), taken)
    measured = measure_all([catalogue()[name] for name in METRICS], book.tables, book.period)
    return pd.concat([metric.rows for metric in measured])


def by_arm(rows: pd.DataFrame, metric: str) -> pd.DataFrame:
    own = rows[(rows["metric"] == metric) & (rows["segment"] == "arm")]
    return own.set_index("level")


def test_the_file_becomes_tables(taken, raw):
    accepted = {account.table: account.accepted for account in taken.audits}
    assert accepted["sends"] == raw["segment"].isin(EMAILS).sum() == 42_694
    assert (accepted["visits"], accepted["orders"]) == (raw["visit"].sum(), raw["conversion"].sum())


def test_visits_conversion_and_spend_by_arm(rows, raw):
    arms = raw.groupby("segment")[["visit", "conversion", "spend"]].sum()
    visitors = by_arm(rows, "unique_visitors")["value"].reindex(arms.index)
    assert visitors.tolist() == arms["visit"].tolist()
    converted = by_arm(rows, "session_conversion_rate")["value"].reindex(arms.index)
    np.testing.assert_allclose(converted, 100 * arms["conversion"] / arms["visit"], rtol=1e-9)
    spent = by_arm(rows, "average_order_value")["value"].reindex(arms.index)
    np.testing.assert_allclose(spent, arms["spend"] / arms["conversion"], rtol=1e-9)


def test_visit_rates_of_the_e_mails_with_wilsons_limits(rows, raw):
    own = by_arm(rows, "click_rate")
    assert {*own.index} == {*EMAILS}
    for arm in EMAILS:
        visit = raw.loc[raw["segment"] == arm, "visit"]
        limits = proportion_confint(visit.sum(), len(visit), method="wilson")
        assert own.loc[arm, ["value", "low", "high"]].tolist() == pytest.approx(
            [100 * visit.mean(), *(100 * x for x in limits)], rel=1e-9
        )


def arms_of(raw: pd.DataFrame, bought: str, other: str, fitting: str) -> tuple[pd.Series, pd.Series]:
    """Visits of those who bought one kind of clothes: with the e-mail that fits, and with the other e-mail."""
    those = raw[(raw[bought] == 1) & (raw[other] == 0) & raw["segment"].isin(EMAILS)]
    fits = those["segment"] == fitting
    return those.loc[fits, "visit"], those.loc[~fits, "visit"]


def test_the_lift_is_cochrans_mean_of_both_tests(rows, raw):
    tests = [arms_of(raw, "mens", "womens", "Mens E-Mail"), arms_of(raw, "womens", "mens", "Womens E-Mail")]
    weights = [len(a) * len(b) / (len(a) + len(b)) for a, b in tests]
    lift = np.average([a.mean() - b.mean() for a, b in tests], weights=weights)
    own = rows[(rows["metric"] == "personalisation_lift") & (rows["segment"] == "")].iloc[0]
    assert own["value"] == pytest.approx(100 * lift, rel=1e-9)
    assert own["n"] == sum(len(arm) for both in tests for arm in both)
    assert own["low"] > 0  # a message that fits brings more visits


def test_of_a_single_test_the_limits_are_newcombes(client, raw):
    fitting, others = arms_of(raw, "womens", "mens", "Womens E-Mail")
    visit = pd.concat([fitting, others], ignore_index=True)
    sends = pd.DataFrame({"send_id": visit.index.astype(str), "customer_id": visit.index.astype(str)})
    sent = pd.Timestamp("2008-03-03")
    sends = sends.assign(campaign="w", channel="e-mail", sent_at=sent, experiment="bought women's clothes")
    sends["clicked_at"] = (sent + pd.to_timedelta(7 * visit, "D")).where(visit == 1)
    sends["personalised"] = [True] * len(fitting) + [False] * len(others)
    period = Period.parse("2008-03").observe(pd.Timestamp("2008-03-01"), pd.Timestamp("2008-04-01"))
    found = measure(catalogue()["personalisation_lift"], in_memory(client, {"sends": sends}), period).rows
    own = found[found["part"] == ""].iloc[0]
    counts = (fitting.sum(), len(fitting), others.sum(), len(others))
    low, high = confint_proportions_2indep(*counts, method="newcomb", compare="diff")
    assert (own["low"], own["high"]) == (pytest.approx(100 * low, rel=1e-6), pytest.approx(100 * high, rel=1e-6))
