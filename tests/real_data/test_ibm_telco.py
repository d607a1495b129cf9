"""IBM Telco: contractual churn from a snapshot without dates, against plain pandas on the raw file."""

from datetime import datetime
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from evaluating import family_rows
from second_route import Figures, compared
from statsmodels.duration.hazard_regression import PHReg
from statsmodels.stats.proportion import proportion_confint

from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.intake import Intake, import_data
from crmnb.metrics.definition import catalogue
from crmnb.report.text.notes import sentence
from crmnb.report.text.numbers import day
from crmnb.schema.client import Client, load_client
from crmnb.workbook import Workbook, open_on

PARAMETERS = Path(__file__).parents[2] / "parameters"
FILE = PARAMETERS.parent / "../shared/data/ibm_telco_churn/Telco-Customer-Churn.csv"

MONTH = "2018-09"  # which the parameters file declares to be the last
START = pd.Timestamp("2018-09-01")
YEARS = ["under 1 year", "1 to under 2 years", "2 to under 4 years", "4 years or more"]

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not FILE.exists(), reason="IBM Telco is not beside the checkout (../shared/data)"),
]


@pytest.fixture(scope="module")
def raw() -> pd.DataFrame:
    """The file as text."""
    return pd.read_csv(FILE, dtype=str, keep_default_na=False)


@pytest.fixture(scope="module")
def groups(raw: pd.DataFrame) -> dict[str, pd.Series]:
    """The level of every subscriber in each segmentation, by the file's own columns."""
    months = raw["tenure"].astype(int)
    return {
        "contract": raw["Contract"],
        "internet_service": raw["InternetService"].replace("No", "No internet"),
        "payment_method": raw["PaymentMethod"],
        "tenure": pd.cut(months, [0, 12, 24, 48, 1000], right=False, labels=YEARS).astype(str),
    }


@pytest.fixture(scope="module")
def client() -> Client:
    return load_client("ibm_telco", PARAMETERS)


@pytest.fixture(scope="module")
def taken(client: Client, tmp_path_factory) -> Intake:
    return import_data(client, tmp_path_factory.mktemp("private"))


@pytest.fixture(scope="module")
def book(client: Client, taken: Intake) -> Workbook:
    return open_on(client, Period.parse(MONTH), taken)


@pytest.fixture(scope="module")
def rows(book: Workbook) -> pd.DataFrame:
    """The retention family's figures of the month as a whole."""
    found = book.results("retention")
    return found[found["part"] == ""]


def table(taken: Intake, name: str) -> pd.DataFrame:
    """A canonical table, in the order of its keys."""
    frame = duckdb.read_parquet(str(taken.tables[name])).df()
    return frame.sort_values(frame.columns[0], ignore_index=True)


def expected(raw: pd.DataFrame) -> Figures:
    """Who stayed and who left, counted on the file: who came in the month is not in it."""
    all_, left = len(raw), int((raw["Churn"] == "Yes").sum())
    return {
        "retention_rate": {"": (all_ - left, all_)},
        "churn_rate": {"": (left, all_)},
        "churn_rate_annualised": {"": 100 * (1 - (1 - left / all_) ** (365.25 / 30))},
        "customer_base_growth": {"": (all_ - left, all_)},
    }


# ---- The intake -----------------------------------------------------------------------------------------------------


def test_the_file_is_the_one_that_was_described(raw):
    assert raw.shape == (7_043, 21)
    assert raw["customerID"].is_unique
    assert raw["Churn"].value_counts().to_dict() == {"No": 5_174, "Yes": 1_869}


def test_nobody_is_lost(taken: Intake, raw):
    accepted = {account.table: account.accepted for account in taken.audits if account.table in taken.tables}
    assert accepted == {"customers": 7_043, "subscriptions": 7_043}
    assert sum(account.rejected for account in taken.audits) == 0
    for name in accepted:
        assert table(taken, name)["customer_id"].to_list() == sorted(raw["customerID"])


def test_the_dates_say_what_tenure_and_churn_say(taken: Intake, raw):
    customers = table(taken, "customers")
    theirs = raw.sort_values("customerID", ignore_index=True)
    joined = customers["joined_at"]
    assert (joined < START).all()  # so that all are customers at the start of the month
    assert set(joined.dt.day) == {15}  # within a month, where no rule about its ends matters
    whole_months = (START.year - joined.dt.year) * 12 + START.month - joined.dt.month - 1
    assert whole_months.to_list() == theirs["tenure"].astype(int).to_list()
    left = customers["left_at"]
    assert left.notna().to_list() == (theirs["Churn"] == "Yes").to_list()
    assert left.dropna().between(START, pd.Timestamp("2018-10-01"), inclusive="neither").all()


def test_the_eleven_blank_totals_are_missing_and_not_nought(taken: Intake, raw):
    theirs = raw.sort_values("customerID", ignore_index=True)
    blank = theirs["TotalCharges"].str.strip() == ""
    assert (int(blank.sum()), (theirs["tenure"] == "0").to_list()) == (11, blank.to_list())
    totals = table(taken, "customers")["total_charges"]
    assert totals.isna().to_list() == blank.to_list()
    assert totals[~blank].astype(float).to_list() == theirs.loc[~blank, "TotalCharges"].astype(float).to_list()
    assert totals.min() > 0
    assert taken.profile.columns["customers"]["total_charges"].missing == pytest.approx(11 / 7_043, rel=1e-9)


def test_each_has_a_plan_at_the_monthly_charge(taken: Intake, raw):
    plans = table(taken, "subscriptions")
    theirs = raw.sort_values("customerID", ignore_index=True)
    assert plans["monthly_amount"].astype(float).to_list() == theirs["MonthlyCharges"].astype(float).to_list()
    customers = table(taken, "customers")
    assert plans["started_at"].equals(customers["joined_at"].rename("started_at"))
    assert plans["ended_at"].equals(customers["left_at"].rename("ended_at"))


# ---- The figures ----------------------------------------------------------------------------------------------------


@pytest.mark.published
def test_churn_is_the_published_share(rows):
    # Printed with the file in many places, such as the README of surajmhulke/Churn-Analysis-of-a-Telecom-Company on GitHub:
    # No 5174, Yes 1869; 73.463013 %, 26.536987 %. Those who drop the eleven blanks print 26.58 % of 7,032.
    [churn] = rows[(rows["metric"] == "churn_rate") & (rows["segment"] == "")].to_dict("records")
    assert (churn["numerator"], churn["denominator"]) == (1_869, 7_043)
    assert churn["value"] == pytest.approx(26.536987, abs=5e-7)
    assert churn["flags"] == ""  # the month is covered whole


def test_every_figure_of_the_whole_client_agrees(rows, raw):
    assert compared(rows[rows["segment"] == ""], expected(raw)) == []


@pytest.mark.parametrize("segment", ["contract", "internet_service", "payment_method", "tenure"])
def test_every_figure_of_a_segment_agrees(rows, raw, groups, segment: str):
    of = rows[rows["segment"] == segment]
    levels = dict(list(raw.groupby(groups[segment])))
    assert set(of["level"]) == set(levels)
    assert sum(map(len, levels.values())) == len(raw)
    for level, theirs in levels.items():
        assert compared(of[of["level"] == level], expected(theirs)) == [], level


def test_intervals_are_wilson_s_by_another_route(rows):
    rates = rows[rows["metric"].isin(["churn_rate", "retention_rate"])]
    assert len(rates) == 2 * (1 + 3 + 3 + 4 + 4)
    assert set(rates["method"]) == {"Wilson"}
    low, high = proportion_confint(rates["numerator"], rates["denominator"], alpha=0.05, method="wilson")
    assert rates["low"].to_list() == pytest.approx((100 * low).to_list(), rel=1e-9)
    assert rates["high"].to_list() == pytest.approx((100 * high).to_list(), rel=1e-9)


def test_churn_told_by_the_plans_is_the_same(client: Client, taken: Intake, raw):
    by_plans = client.model_copy(update={"churn": client.churn.model_copy(update={"table": "subscriptions"})})
    found = family_rows("retention", by_plans, taken, MONTH)
    assert compared(found[(found["part"] == "") & (found["segment"] == "")], expected(raw)) == []


def by_month(raw: pd.DataFrame) -> pd.Series:
    """The share that stays longer than the month in which tenure is t, by t: the product of what each month keeps.

    From the first month of tenure on that ten subscribers are in.
    """
    lost = (raw["Churn"] == "Yes").groupby(raw["tenure"].astype(int))
    enough = (lost.size() >= 10).idxmax()
    return (1 - lost.mean()).loc[enough:].cumprod()


# After 365 days, whoever has come to be lost had a tenure of 10 months or fewer when the month began: who joined 11 months
# before it, on 15 September, is lost after 378 days.
LAST_TENURE = {"after 90 days": 1, "after 180 days": 4, "after 1 year": 10, "after 2 years": 22, "after 3 years": 34}


@pytest.mark.parametrize("contract", [None, "Month-to-month", "One year"])
def test_survival_is_the_product_of_what_each_month_of_tenure_keeps(rows, raw, contract: str | None):
    of = rows[(rows["metric"] == "survival_curve") & (rows["breakdown"] != "after 30 days")]
    of = of[(of["segment"] == "contract") & (of["level"] == contract)] if contract else of[of["segment"] == ""]
    theirs = by_month(raw[raw["Contract"] == contract] if contract else raw)
    told = {name: last for name, last in LAST_TENURE.items() if last >= theirs.index[0]}
    wanted = {name: 100 * theirs[theirs.index <= last].iloc[-1] for name, last in told.items()}
    assert dict(zip(of["breakdown"], of["value"], strict=True)) == pytest.approx(wanted, rel=1e-9)


def test_the_median_lifetime_lies_where_half_are_kept(rows, raw):
    [row] = rows[(rows["metric"] == "median_lifetime") & (rows["segment"] == "")].to_dict("records")
    tenure = int((by_month(raw) <= 0.5).idxmax())
    joined = pd.Timestamp("2018-08-15") - pd.DateOffset(months=tenure)
    assert row["value"] == (pd.Timestamp("2018-09-28") - joined).days


def test_the_curves_differ_by_everything_and_late_entry_is_said(book: Workbook):
    result = book("survival_curve")
    notes = " ".join(sentence(note, result.client) for note in result.notes)
    names = "contract, internet service and payment method"
    assert f"By {names} the curves differ more than chance explains (log-rank test, Holm, p < 0.001)." in notes
    assert "100% joined before the data start (left-truncated)" in notes


def test_what_goes_with_leaving_is_cox_s_model_of_rows_written_out(rows, raw):
    months = raw["tenure"].astype(int)
    dummies = pd.DataFrame(
        {f"contract: {level} vs Month-to-month": raw["Contract"] == level for level in ("One year", "Two year")}
        | {
            f"internet service: {level} vs Fiber optic": raw["InternetService"].replace("No", "No internet") == level
            for level in ("DSL", "No internet")
        }
        | {
            f"payment method: {level} vs Electronic check": raw["PaymentMethod"] == level
            for level in ("Bank transfer (automatic)", "Credit card (automatic)", "Mailed check")
        }
    )
    # Who is of one tenure is at risk beside nobody else, so tenures can stand a year apart.
    entry = months * 10.0
    fit = PHReg(
        entry + 5, dummies.to_numpy(float), status=raw["Churn"] == "Yes", entry=entry, strata=None, ties="efron"
    ).fit()
    of = rows[rows["metric"] == "churn_drivers"].set_index("breakdown")
    assert set(of.index) == set(dummies.columns)
    assert of.loc[dummies.columns, "value"].to_list() == pytest.approx(np.exp(fit.params), rel=1e-6)
    assert of.loc[dummies.columns, "low"].to_list() == pytest.approx(np.exp(fit.conf_int()[:, 0]), rel=1e-6)


def test_revenue_kept_is_what_those_pay_who_stayed(rows, raw):
    charges, stayed = raw["MonthlyCharges"].astype(float), raw["Churn"] == "No"
    kept = rows[rows["metric"].isin(["gross_revenue_retention", "net_revenue_retention"]) & (rows["segment"] == "")]
    assert kept["value"].to_list() == pytest.approx([100 * charges[stayed].sum() / charges.sum()] * 2, rel=1e-9)


def test_losses_to_be_expected_are_the_hazards_of_the_year_ahead(client: Client, taken: Intake, raw):
    # A horizon of 28 days takes who is of tenure t now through the month that those of tenure t + 1 have just been through.
    alone = open_on(client.model_copy(update={"segments": {}}), Period.parse(MONTH), taken)
    [row] = alone("expected_churn", horizon_days=28).whole.to_dict("records")
    assert row["value"] == pytest.approx(month_ahead(raw), rel=0.02)
    people = alone.customers("expected_churn", limit=5)
    assert people["expected_loss"].is_monotonic_decreasing
    assert set(people["customer_id"]) <= set(raw.loc[raw["Churn"] == "No", "customerID"])


def month_ahead(of: pd.DataFrame) -> float:
    """How many of those who stayed are lost in the next month, if as many are as of those who were a month ahead of them."""
    lost = (of["Churn"] == "Yes").groupby(of["tenure"].astype(int)).mean()
    ahead = (of.loc[of["Churn"] == "No", "tenure"].astype(int) + 1).map(lost).fillna(lost.iloc[-1])
    return float((1 - np.exp(-ahead)).sum())


def test_losses_of_a_contract_are_those_of_its_own_hazards(client: Client, taken: Intake, raw):
    by_contract = client.model_copy(update={"segments": {"contract": client.segments["contract"]}})
    found = open_on(by_contract, Period.parse(MONTH), taken)("expected_churn", horizon_days=28).rows
    told = found[found["segment"] == "contract"].set_index("level")["value"]
    for contract in ("Month-to-month", "One year", "Two year"):
        own = month_ahead(raw[raw["Contract"] == contract])
        assert told[contract] == pytest.approx(own, rel=0.06)  # ages with few at risk are told by those before
    assert told["Month-to-month"] > 15 * told["Two year"]


# ---- What customers will be worth -----------------------------------------------------------------------------------

BANDS = [3, 12, 24, 36, 48]  # last months of tenure of those that have one rate of leaving together


def worth_by_hand(raw: pd.DataFrame, *columns: str, months: int = 36) -> pd.Series:
    """What each who stayed will pay in three years at 10 % a year: no model, but the share of each band of tenure that left in the month.

    Shares are those of the levels of these columns together; where fewer than 20 customers are of a band, those of one column fewer.
    Who leaves in a month pays half of it. Beyond the longest tenure seen (72 months) the share is that from 49 months on.
    """
    facts = raw[["Contract", "InternetService", "PaymentMethod"]].assign(
        lost=raw["Churn"] == "Yes", tenure=raw["tenure"].astype(int), fee=raw["MonthlyCharges"].astype(float)
    )
    facts["band"] = np.searchsorted(BANDS, facts["tenure"])
    left = np.full((len(facts), len(BANDS) + 1), np.nan)  # of each customer's like, by band
    for depth in range(1, len(columns) + 1):
        for _, like in facts.groupby([*columns[:depth]]):
            shares = like.groupby("band")["lost"].agg(["mean", "size"])
            enough = shares[shares["size"] >= 20]
            if depth == 1:
                left[like.index] = like["lost"].mean()
            left[np.ix_(like.index, enough.index)] = enough["mean"]
    stays, paid = np.ones(len(facts)), np.zeros(len(facts))
    for k in range(1, months + 1):
        rate = left[np.arange(len(facts)), np.searchsorted(BANDS, facts["tenure"] + k)]
        paid += stays * (1 - rate / 2) / 1.1 ** ((k - 0.5) / 12)
        stays *= 1 - rate
    return (paid * facts["fee"])[~facts["lost"]]


@pytest.fixture(scope="module")
def worth(book: Workbook) -> pd.DataFrame:
    found = book("predicted_clv")
    rows = found.rows.set_index(["segment", "level"])
    rows.attrs["notes"] = [sentence(note, found.client) for note in found.notes]
    return rows


def test_the_rate_of_leaving_is_of_a_month_and_falls_with_tenure(raw):
    """Why month-to-month customers are worth 2.7 times what one constant rate gives: those who are left have stayed long."""
    monthly = raw[raw["Contract"] == "Month-to-month"]
    left, tenure = monthly["Churn"] == "Yes", monthly["tenure"].astype(int)
    assert left.mean() == pytest.approx(0.427, abs=5e-4)
    assert left[tenure <= 3].mean() > 0.5
    assert left[tenure > 48].mean() < 0.28
    fee = monthly.loc[~left, "MonthlyCharges"].astype(float).mean()
    stays = 1 - left.mean()
    constant = fee * sum(stays**k / 1.1 ** (k / 12) for k in range(1, 37))  # of whole months paid at their end
    assert constant == pytest.approx(81, abs=1)


def test_levels_by_contract_are_worth_what_shares_lost_by_tenure_give(raw, worth):
    """By hand the standard deviation is 5.5 % (thirty resamples); the suite tells its own: on the logarithm, as its interval is even there.

    Month-to-month the suite is the higher: of those with DSL who stayed three years, more left (29) than its falling rates say (17).
    """
    hand_count = worth_by_hand(raw, "Contract", "InternetService", "PaymentMethod")
    groups = hand_count.groupby(raw["Contract"]).mean()
    for level in ("Month-to-month", "One year"):
        row = worth.loc[("contract", level)]
        own = np.log(row["high"] / row["low"]) / (2 * 1.96)
        assert abs(np.log(row["value"] / groups[level])) < 1.96 * np.hypot(own, 0.055)
    assert np.isnan(worth.loc[("contract", "Two year"), "value"])  # 48 losses: too few to be told
    whole = worth.loc[("", "")]
    assert whole["low"] <= hand_count.mean() <= whole["high"]
    for segment, column in (("internet_service", "InternetService"), ("payment_method", "PaymentMethod")):
        for level, mean in hand_count.groupby(raw[column].replace({"No": "No internet"})).mean().items():
            row = worth.loc[(segment, level)]
            assert row["low"] <= mean <= row["high"], level


def test_levels_by_payment_method_differ_in_worth_as_they_do_in_losses(raw, worth):
    """Within each contract, too, more leave who pay by electronic check: a test whose small parts are told too roughly finds none that differ."""
    assert "By internet service, contract and payment method losses differ" in " ".join(worth.attrs["notes"])


# ---- What a snapshot cannot tell is said ----------------------------------------------------------------------------


def whole(client: Client, taken: Intake, label: str) -> pd.DataFrame:
    """The family's figures of a whole period."""
    found = family_rows("retention", client, taken, label)
    return found[(found["part"] == "") & (found["segment"] == "")].set_index("metric")


@pytest.mark.parametrize("label", ["2018", "2018Q3"])
def test_a_longer_period_than_the_data_know_is_unavailable(client, taken, label: str):
    found = whole(client, taken, label)
    of_the_period = found[[not catalogue()[metric].cumulative for metric in found.index]]
    assert (of_the_period["flags"] == "unavailable").all()
    assert of_the_period["value"].isna().all()
    for metric in ("churn_rate", "retention_rate", "new_customers"):
        assert day(Period.parse(label).start, client) in found.loc[metric, "reason"]  # what is needed
        assert day(datetime(2018, 9, 1), client) in found.loc[metric, "reason"]  # what there is


@pytest.mark.parametrize("label", ["2018-08-31..2018-09-30", "2018-09-01..2018-09-29", "2018-09-24..2018-09-30"])
def test_nothing_shorter_than_a_month_is_shown_of_made_up_days(client, taken, label: str):
    found = whole(client, taken, label)
    assert found["reason"].str.contains("exact to the month").sum() >= 4
    assert found["value"].isna().all()
    month = family_rows("retention", client, taken, "2018-09")
    assert set(month["part"]) == {""}


@pytest.mark.parametrize(
    ("label", "why"),
    [
        ("2018-08", Note("data_begin_after_period", begins="2018-09-01", period="2018-08")),
        ("2017-09", Note("data_begin_after_period", begins="2018-09-01", period="2017-09")),
        ("2018-10", Note("data_end_before_period", ends="2018-09-30", period="2018-10")),
    ],
)
def test_other_months_are_unavailable_and_never_without_churn(client, taken, label: str, why: Note):
    # Who left before the last month is not in the file: counted all the same, 2018-08 would have no churn at all.
    found = whole(client, taken, label)
    assert found["value"].isna().all()
    assert found.loc["churn_rate", "reason"] == sentence(why, client)


def test_of_a_year_s_months_only_the_last_is_known_and_it_is_compared_with_none(client, taken):
    found = family_rows("retention", client, taken, "2018")
    months = found[(found["metric"] == "churn_rate") & (found["part"] != "")].set_index("part")["value"]
    assert months.dropna().to_dict() == pytest.approx({MONTH: 100 * 1_869 / 7_043}, rel=1e-9)


def test_the_month_is_not_compared_with_that_of_the_year_before(rows, client):
    churn = rows[rows["metric"] == "churn_rate"]
    assert churn["previous"].isna().all()
    assert churn["change"].isna().all()
    # A month is compared with that of a year before, where the client says nothing else: like seasons with like.
    why = Note("no_comparison_partial", period="2017-09", begins="2018-09-01", ends=None)
    assert set(churn["reason"]) == {sentence(why, client)}
