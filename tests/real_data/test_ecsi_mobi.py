"""ECSI mobi: 250 answers on 1-10 without dates or customers, against plain pandas on the raw file."""

from datetime import datetime
from itertools import permutations
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
from evaluating import family_rows
from scipy.stats import ttest_ind
from second_route import Figures, compared
from statsmodels.stats.proportion import proportion_confint

from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.intake import Intake, import_data
from crmnb.report.text.numbers import day
from crmnb.schema.client import Client, load_client
from crmnb.workbook import Workbook, open_on

PARAMETERS = Path(__file__).parents[2] / "parameters"
FILE = PARAMETERS.parent / "../shared/data/ecsi_mobi/mobi.csv"

YEAR = "2005"  # which the parameters file declares for answers without a date

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not FILE.exists(), reason="ECSI mobi is not beside the checkout (../shared/data)"),
]


@pytest.fixture(scope="module")
def raw() -> pd.DataFrame:
    """The file's 24 columns; the row's number is the index."""
    return pd.read_csv(FILE, index_col=0)


@pytest.fixture(scope="module")
def client() -> Client:
    return load_client("ecsi_mobi", PARAMETERS)


@pytest.fixture(scope="module")
def taken(client: Client, tmp_path_factory) -> Intake:
    return import_data(client, tmp_path_factory.mktemp("private"))


@pytest.fixture(scope="module")
def book(client: Client, taken: Intake) -> Workbook:
    return open_on(client, Period.parse(YEAR), taken)


@pytest.fixture(scope="module")
def whole(book: Workbook) -> pd.DataFrame:
    """The satisfaction family's figures of the year as a whole."""
    found = book.results("satisfaction")
    return found[(found["part"] == "") & (found["segment"] == "")]


def expected(answers: pd.Series) -> Figures:
    """The two figures of a question on 1-10: the share of 9 and 10, and the mean on 0-100."""
    return {
        "csat": {"": (int(answers.isin([9, 10]).sum()), len(answers))},
        "csat_mean": {"": sum((int(x) - 1) / 9 * 100 for x in answers) / len(answers)},
    }


# ---- The intake -----------------------------------------------------------------------------------------------------


def test_the_file_is_the_one_that_was_described(raw):
    assert raw.shape == (250, 24)
    assert raw.index.to_list() == list(range(1, 251))
    assert raw.isin(range(1, 11)).all(axis=None)


def test_every_answer_of_the_file_is_taken_as_it_stands(taken: Intake, raw):
    [answers] = [account for account in taken.audits if account.table == "survey_responses"]
    assert (answers.read, answers.accepted, answers.rejected) == (250, 250, 0)
    ours = duckdb.read_parquet(str(taken.tables["survey_responses"])).df()
    ours = ours.set_index(ours.pop("response_id").astype(int)).sort_index()
    assert ours.index.to_list() == raw.index.to_list()
    assert set(ours.columns) - {name.lower() for name in raw} == {"survey", "responded_at"}
    for name in raw:
        assert ours[name.lower()].to_list() == raw[name].to_list(), name
    assert set(ours["survey"]) == {"relationship"}
    assert set(ours["responded_at"]) == {pd.Timestamp("2005-01-01")}


def test_each_question_of_the_file_is_declared_with_what_it_asks(client: Client, raw):
    assert set(client.items) == {name.lower() for name in raw}
    assert {item.scale for item in client.items.values()} == {(1, 10)}
    asked = [item.asks for item in client.items.values()]
    assert all(asked)
    assert len(set(asked)) == 24


# ---- The figures ----------------------------------------------------------------------------------------------------


def test_satisfaction_is_that_of_the_overall_question(whole, raw):
    assert compared(whole, expected(raw["CUSA1"])) == []
    assert set(whole.loc[whole["metric"].isin(["csat", "csat_mean"]), "flags"]) == {""}


def test_every_other_question_can_be_asked_for(client: Client, taken: Intake, raw):
    book = open_on(client, Period.parse("2005-01-01..2005-01-01"), taken)  # the day of all answers, without a trend
    for name in raw.columns.drop("CUSA1"):
        for metric, figures in expected(raw[name]).items():
            found = book(metric, item=name.lower()).whole
            assert compared(found, {metric: figures}) == [], name


def test_the_interval_is_wilson_s_by_another_route(whole, raw):
    [csat] = whole[whole["metric"] == "csat"].to_dict("records")
    low, high = proportion_confint(int((raw["CUSA1"] >= 9).sum()), 250, alpha=0.05, method="wilson")
    assert csat["method"] == "Wilson"
    assert (csat["low"], csat["high"]) == pytest.approx((100 * low, 100 * high), rel=1e-9)


# ---- The relationship: the index, its drivers and what follows, from SmartPLS's output by another route ---------------

CONSTRUCTS = {"Image": "IMAG", "Expectation": "CUEX", "Quality": "PERQ", "Value": "PERV", "Satisfaction": "CUSA"}
DRIVERS = [*CONSTRUCTS][:-1]
SIX_DIGITS = 2e-6


def smartpls(table: str) -> pd.DataFrame:
    """A table of SmartPLS, path weighting scheme: names and numbers between tabs, decimal commas."""
    lines = (FILE.parent / f"smartpls_pathWeighting_{table}.txt").read_text(encoding="latin-1").splitlines()
    cells = [[cell.strip() for cell in line.split("\t") if cell.strip()] for line in lines if line.strip()]
    numbers = {row[0]: [float(cell.replace(",", ".")) for cell in row[1:]] for row in cells[1:]}
    return pd.DataFrame.from_dict(numbers, orient="index", columns=cells[0])


def points(raw: pd.DataFrame) -> pd.DataFrame:
    """Each respondent's score on 0-100 of each construct: items weighted by SmartPLS's outer weight / standard deviation."""
    on_100, weights = (raw - 1) / 9 * 100, smartpls("outerWeights")
    scores = {}
    for name, prefix in CONSTRUCTS.items():
        items = [item for item in raw if item.startswith(prefix) and item != "CUSCO"]
        by_deviation = weights.loc[items, name] / on_100[items].std()
        scores[name] = (on_100[items] * (by_deviation / by_deviation.sum())).sum(axis=1)
    return pd.DataFrame(scores)


@pytest.fixture(scope="module")
def relationship(book: Workbook) -> pd.DataFrame:
    """The relationship family's figures of the year as a whole, by metric and breakdown."""
    found = book.results("relationship")
    return found[(found["part"] == "") & (found["segment"] == "")].set_index(["metric", "breakdown"])


@pytest.mark.published
def test_the_index_is_the_published_one(relationship, raw):
    index = relationship.loc[("relationship_index", "")]
    assert round(index["value"], 2) == 72.45
    assert index["value"] == pytest.approx(points(raw)["Satisfaction"].mean(), rel=SIX_DIGITS)
    assert index["low"] < index["value"] < index["high"]
    assert index["n"] == 250


@pytest.mark.published
def test_driver_scores_are_those_of_the_published_weights(relationship, raw):
    scores = relationship.loc["driver_score", "value"]
    assert sorted(scores.index) == sorted(DRIVERS)
    expected = points(raw)[DRIVERS].mean()
    assert scores[DRIVERS].to_numpy() == pytest.approx(expected.to_numpy(), rel=SIX_DIGITS)


@pytest.mark.published
def test_impacts_are_the_published_effects(relationship, raw):
    """Standardised effects times the standard deviations of the scores: points of the index for 5 points of the driver."""
    impacts, deviations = relationship.loc["driver_impact", "value"], points(raw).std()
    assert (round(impacts["Image"], 2), round(impacts["Image, direct"], 2)) == (2.07, 0.95)
    for table, suffix in (("totalEffects", ""), ("pathCoefficients", ", direct")):
        for driver in DRIVERS:
            if (driver, suffix) == (
                "Value",
                ", direct",
            ):  # the total effect, as no path leads from there to another driver
                continue
            effect = smartpls(table).loc[driver, "Satisfaction"]
            expected = 5 * effect * deviations["Satisfaction"] / deviations[driver]
            assert impacts[driver + suffix] == pytest.approx(expected, rel=2e-5), driver + suffix


def test_a_driver_that_leads_to_no_other_has_one_effect(relationship):
    assert set(relationship.loc["driver_impact"].index) == {*DRIVERS, *(f"{name}, direct" for name in DRIVERS[:-1])}


@pytest.mark.published
def test_driver_shares_are_those_of_the_published_correlations(relationship, raw):
    """Each driver's increment of R2, averaged over the 24 orders in which four drivers can enter a regression."""
    scores = points(raw)

    def r2(drivers: list[str]) -> float:
        if not drivers:
            return 0.0
        x = np.column_stack([np.ones(len(scores)), scores[drivers]])
        fitted = x @ np.linalg.lstsq(x, scores["Satisfaction"], rcond=None)[0]
        return float(fitted.var() / scores["Satisfaction"].var(ddof=0))

    orders = [list(order) for order in permutations(DRIVERS)]
    shares = relationship.loc["driver_share", "value"]
    for driver in DRIVERS:
        parts = [r2(order[: order.index(driver) + 1]) - r2(order[: order.index(driver)]) for order in orders]
        assert shares[driver] == pytest.approx(100 * np.mean(parts) / r2(DRIVERS), rel=1e-5)
    assert shares.sum() == pytest.approx(100)


@pytest.mark.published
def test_future_behaviour_is_the_mean_of_each_answer(relationship, raw, client: Client):
    """The published data themselves: plain means of the raw file."""
    means = relationship.loc["future_behaviour", "value"]
    expected = {client.items[name.lower()].name: (raw[name].mean() - 1) / 9 * 100 for name in OUTCOMES}
    assert means.to_dict() == pytest.approx(expected, rel=1e-9)


OUTCOMES = ("CUSCO", "CUSL1", "CUSL2", "CUSL3")


@pytest.mark.published
def test_slopes_are_those_of_a_plain_regression(relationship, raw, client: Client):
    """Least squares on the index at SmartPLS's weights, 5 points of it; the interval by resampling respondents."""
    index, random = points(raw)["Satisfaction"].to_numpy(), np.random.default_rng(2)
    draws = random.integers(0, 250, (2000, 250))
    for name in OUTCOMES:
        answer, row = (
            (raw[name].to_numpy() - 1) / 9 * 100,
            relationship.loc[("future_behaviour_slope", client.items[name.lower()].name)],
        )
        assert row["value"] == pytest.approx(5 * np.polyfit(index, answer, 1)[0], rel=SIX_DIGITS)
        slopes = [5 * np.polyfit(index[draw], answer[draw], 1)[0] for draw in draws]
        low, high = np.quantile(slopes, [0.025, 0.975])
        assert row["high"] - row["low"] == pytest.approx(high - low, rel=0.12), name
        assert row["low"] < row["value"] < row["high"]


@pytest.mark.published
def test_gaps_of_segments_are_those_of_welch(client: Client, taken: Intake, raw):
    """By scipy's Welch test and Holm by hand, at SmartPLS's weights; the segments are bands of two answers."""
    bands = {
        "complaint": {"column": "survey_responses.cusco", "bands": [6, 9]},
        "price": {"column": "survey_responses.cusl2", "bands": [4]},
    }
    book = open_on(Client(**client.model_dump() | {"segments": bands}), Period.parse(YEAR), taken)
    found, scores = book("dissatisfied_segments"), points(raw)
    inside = {
        "complaint: under 6": raw["CUSCO"] < 6,
        "complaint: 6 to under 9": raw["CUSCO"].between(6, 8),
        "complaint: 9 or more": raw["CUSCO"] >= 9,
        "price: under 4": raw["CUSL2"] < 4,
        "price: 4 or more": raw["CUSL2"] >= 4,
    }
    index = scores["Satisfaction"]
    tests = {name: ttest_ind(index[own], index[~own], equal_var=False) for name, own in inside.items()}
    rows = found.whole.set_index("breakdown")
    assert {*rows.index} == {*inside}
    for name, own in inside.items():
        row, interval = rows.loc[name], tests[name].confidence_interval(0.95)
        assert row["value"] == pytest.approx(index[own].mean() - index[~own].mean(), rel=1e-5)
        assert (row["low"], row["high"]) == pytest.approx((interval.low, interval.high), rel=1e-5)
        assert row["n"] == own.sum()
    pull = rows["value"] * rows["n"]
    assert pull.is_monotonic_increasing
    in_order = sorted(inside, key=lambda name: tests[name].pvalue)
    holm = np.maximum.accumulate([tests[name].pvalue * (5 - at) for at, name in enumerate(in_order)])
    below = {name for name, p in zip(in_order, holm, strict=True) if p < 0.05 and rows.loc[name, "value"] < 0}
    assert {*rows.index[rows["flags"].str.contains("below_rest")]} == below
    assert "complaint: under 6" in below
    image = found.rows[
        (found.rows["segment"] == "complaint")
        & (found.rows["level"] == "under 6")
        & (found.rows["breakdown"] == "Image")
    ]
    own = inside["complaint: under 6"]
    assert image["value"].item() == pytest.approx(scores["Image"][own].mean() - scores["Image"][~own].mean(), rel=1e-5)


@pytest.mark.published
def test_straight_lining_and_gaps_are_those_of_the_file(relationship, raw):
    """By counting in the raw file, which has no gaps."""
    asked = raw[[name for name in raw if not name.startswith(("CUSCO", "CUSL"))]]
    same = int((asked.nunique(axis=1) == 1).sum())
    row = relationship.loc[("straight_lining", "")]
    assert (row["numerator"], row["denominator"]) == (same, 250)
    gaps = relationship.loc[("item_nonresponse", "")]
    assert (gaps["numerator"], gaps["denominator"]) == (0, 24 * 250)


def test_intervals_are_those_of_a_plain_bootstrap_of_respondents(relationship, raw):
    """Of the mean of fixed scores; that weights are estimated anew widens intervals of such an index by little."""
    scores, random = points(raw)["Satisfaction"].to_numpy(), np.random.default_rng(1)
    means = scores[random.integers(0, 250, (4000, 250))].mean(axis=1)
    index = relationship.loc[("relationship_index", "")]
    width = np.diff(np.quantile(means, [0.025, 0.975]))[0]
    assert index["high"] - index["low"] == pytest.approx(width, rel=0.10)


def test_the_model_says_what_its_reader_should_know(book: Workbook):
    codes = [note.code for note in book("driver_impact").notes]
    assert "constructs_hard_to_separate" in codes
    pairs = [note.values for note in book("driver_impact").notes if note.code == "constructs_hard_to_separate"]
    assert {"Image", "Quality"} in [{pair["construct"], pair["other"]} for pair in pairs]


# ---- What cannot be had is said -------------------------------------------------------------------------------------


def test_a_scale_from_1_makes_no_promoter_score(whole):
    [nps] = whole[whole["metric"] == "nps"].to_dict("records")
    assert nps["flags"] == "unavailable"
    assert nps["value"] != nps["value"]
    assert nps["reason"] == "needs an item from 0 to 10; cusl3 goes from 1 to 10"


def test_what_the_survey_does_not_hold_is_named(book: Workbook, whole):
    reasons = whole.set_index("metric")["reason"]
    assert "survey_invitations" in reasons["response_rate"]
    assert "'effort'" in reasons["ces"]
    retention = book.results("retention")
    assert retention["value"].isna().all()
    assert (retention["flags"] == "unavailable").all()


def test_the_declared_year_holds_all_and_is_compared_with_none(book: Workbook, raw):
    csat = book("csat")
    why = Note("no_comparison_partial", period="2004", begins="2005-01-01", ends=None)
    assert csat.whole["previous"].isna().all()
    assert csat.whole["reason"].to_list() == [why.to_json()]
    had = csat.parts[csat.parts["value"].notna()]
    assert had[["part", "denominator"]].to_numpy().tolist() == [["2005-01", 250]]


@pytest.mark.parametrize("label", ["2004", "2006"])
def test_no_other_year_has_a_figure(client: Client, taken: Intake, label: str):
    found = family_rows("satisfaction", client, taken, label)
    assert found["value"].isna().all()
    [csat] = found[(found["metric"] == "csat") & (found["part"] == "")].to_dict("records")
    edge = (
        f"begin on {day(datetime(2005, 1, 1), client)}"
        if label == "2004"
        else f"end on {day(datetime(2005, 12, 31), client)}"
    )
    assert f"the data {edge}" in csat["reason"]
