"""From a metric and tables to rows of the results frame: comparison, weights, what is missing, what is not allowed."""

from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import confint_proportions_2indep
from surveyed import SEEN, answers, client
from worded import reason_words

from crmnb.core.errors import InputError
from crmnb.core.period import Period
from crmnb.engine.session import in_memory
from crmnb.evaluate.assemble import _order_of_components
from crmnb.evaluate.measure import measure
from crmnb.evaluate.settings import check_settings, compared_with, resolve
from crmnb.metrics.definition import catalogue
from crmnb.schema.client import Client


def whole(metric: str, rows: pd.DataFrame, of: Client, label: str = "2025", seen=SEEN) -> pd.Series:
    found = measure(
        catalogue()[metric], in_memory(of, {"survey_responses": rows}), Period.parse(label).observe(*seen)
    ).rows
    return found[(found["part"] == "") & (found["segment"] == "")].iloc[0]


def test_change_between_different_customers_is_newcombes():
    before = answers(2024, [5] * 12 + [2] * 18, [f"a{i}" for i in range(30)])
    now = answers(2025, [4] * 21 + [1] * 9, [f"b{i}" for i in range(30)])
    row = whole("csat", pd.concat([before, now]), client())
    low, high = confint_proportions_2indep(21, 30, 12, 30, method="newcomb", compare="diff")
    assert (row["previous"], row["change"]) == pytest.approx((40, 30))
    assert (row["change_low"], row["change_high"]) == pytest.approx((100 * low, 100 * high))


def test_change_of_the_same_customers_is_told_more_precisely():
    customers = [f"a{i}" for i in range(30)]
    before, now = [5] * 12 + [2] * 18, [5] * 12 + [5] * 9 + [2] * 9  # nobody fell, nine rose
    same = whole("csat", pd.concat([answers(2024, before, customers), answers(2025, now, customers)]), client())
    others = [f"b{i}" for i in range(30)]
    apart = whole("csat", pd.concat([answers(2024, before, customers), answers(2025, now, others)]), client())
    assert same["change"] == apart["change"]
    assert same["change_high"] - same["change_low"] < 0.75 * (apart["change_high"] - apart["change_low"])


def test_weights_move_the_figure_and_a_row_without_one_is_left_out():
    rows = answers(2025, [5, 5, 1, 1, 5], ["a", "b", "c", "d", "e"], weight=[2.0, 1.0, 1.0, 0.0, np.nan])
    row = whole("csat", rows, client())
    assert (row["value"], row["n"]) == pytest.approx((75, 3))
    found = measure(
        catalogue()["csat"], in_memory(client(), {"survey_responses": rows}), Period.parse("2025").observe(*SEEN)
    )
    kish = 4**2 / (2**2 + 1 + 1)
    [effect] = [note.values["factor"] for note in found.notes if note.code == "design_effect"]
    assert effect == pytest.approx(3 / kish)


def test_the_direction_of_effort_decides_what_is_better_and_easy():
    rows = answers(2025, [1, 1, 1], ["a", "b", "c"], effort=[6, 7, 2])
    ease, effort = client(), client(items={"effort": {"scale": (1, 7), "direction": "effort"}})
    period = Period.parse("2025").observe(*SEEN)
    told = {
        direction: measure(catalogue()["ces"], in_memory(of, {"survey_responses": rows}), period).direction
        for direction, of in (("ease", ease), ("effort", effort))
    }
    assert told == {"ease": "up", "effort": "down"}
    assert whole("ces_low_effort", rows, ease)["value"] == pytest.approx(200 / 3)
    assert whole("ces_low_effort", rows, effort)["value"] == pytest.approx(100 / 3)


@pytest.mark.parametrize(
    ("label", "seen", "told"),
    [
        ("2025", (SEEN[0], datetime(2025, 12, 10)), "2025 is partial (the data end on 9 December 2025)"),
        ("2025", (datetime(2024, 2, 1), SEEN[1]), "2024 is partial (the data begin on 1 February 2024)"),
    ],
)
def test_a_partial_period_is_not_compared_with_a_whole_one(label, seen, told):
    rows = pd.concat([answers(2024, [5] * 20, list("abcdefghijklmnopqrst")), answers(2025, [5, 1], ["a", "b"])])
    row = whole("csat", rows, client(), label, seen)
    assert told in reason_words(row["reason"])
    assert np.isnan(row["change"])
    assert np.isnan(row["previous"])
    assert ("partial" in row["flags"]) == (label in told)


# Whole months under a year have seasons: they are compared with a year before, unless the client says otherwise.
@pytest.mark.parametrize(
    ("label", "comparison", "compared"),
    [
        ("2025Q1", None, "2024Q1"),
        ("2025Q1", "previous", "2024Q4"),
        ("2025Q1", "year_before", "2024Q1"),
        ("2025-03", None, "2024-03"),
        ("2025-03", "previous", "2025-02"),
        ("2025", None, "2024"),
        ("2025", "previous", "2024"),
    ],
)
def test_what_is_compared_with_is_what_is_declared_or_a_year_before(label, comparison, compared):
    period = Period.parse(label).observe(*SEEN)
    assert compared_with(client(comparison=comparison), period)[0].label == compared


def test_a_column_that_is_not_mapped_is_named():
    invitations = pd.DataFrame({"invitation_id": ["1"], "survey": "s", "sent_at": pd.to_datetime(["2025-03-01"])})
    tables = in_memory(client(), {"survey_invitations": invitations})
    row = measure(catalogue()["acceptance_rate"], tables, Period.parse("2025").observe(*SEEN)).rows.iloc[0]
    assert row["flags"] == "unavailable"
    assert "survey_invitations" in row["reason"]
    assert "reached_at" in row["reason"]
    assert "\n" not in row["reason"]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"settings": {"cast": {}}}, "Did you mean csat"),
        ({"targets": {"npss": 1}}, "Did you mean nps"),
        ({"objectives": ("retention",)}, "retention_rate"),
        ({"settings": {"repeat_purchase_rate": {"atleast": 2}}}, "Did you mean at_least"),
        ({"settings": {"repeat_purchase_rate": {"at_least": "2"}}}, "not a whole number"),
    ],
)
def test_settings_that_do_not_exist_are_refused(changes, told):
    with pytest.raises(InputError, match=told):
        check_settings(client(**changes))


def test_an_item_that_is_not_declared_is_said():
    rows = answers(2025, [5], ["a"])
    row = whole("csat", rows, client(settings={"csat": {"item": "helpful"}}))
    assert row["flags"] == "unavailable"
    assert "'helpful'" in reason_words(row["reason"])


def test_contractual_churn_by_customers_and_by_subscriptions():
    day = pd.Timestamp
    customers = pd.DataFrame(
        {
            "customer_id": ["a", "b", "c", "d", "e"],
            # b leaves in the period; c left on its first instant, so was one at its start; d joins on its first instant
            "joined_at": [
                day("2024-05-01"),
                day("2024-05-01"),
                day("2024-05-01"),
                day("2025-01-01"),
                day("2025-06-01"),
            ],
            "left_at": [pd.NaT, day("2025-03-01"), day("2025-01-01"), pd.NaT, day("2025-07-01")],
        }
    )
    period = Period.parse("2025").observe(*SEEN)
    by_customers = in_memory(client(churn={"kind": "contractual", "table": "customers"}), {"customers": customers})
    plans = customers.rename(columns={"joined_at": "started_at", "left_at": "ended_at"})
    plans = plans.assign(subscription_id=range(5), monthly_amount=1)
    of_plans = client(churn={"kind": "contractual", "table": "subscriptions"})
    by_plans = in_memory(of_plans, {"subscriptions": plans.astype({"subscription_id": str})})
    for tables in (by_customers, by_plans):
        kept = measure(catalogue()["retention_rate"], tables, period).rows.iloc[0]
        assert (kept["numerator"], kept["denominator"]) == (1, 3)
        won = measure(catalogue()["new_customers"], tables, period).rows
        assert won[(won["part"] == "") & (won["breakdown"] == "")]["value"].item() == 2
        cells = measure(catalogue()["cohort_retention"], tables, period).rows.set_index("breakdown")["value"]
        assert (cells["2025-06 +0"], cells["2025-06 +1"], cells["2025-06 +2"]) == (100, 100, 0)


def test_what_points_elsewhere_than_a_metric_needs_is_not_guessed():
    rows = answers(2025, [7, 6], ["a", "b"], effort=[6, 7])
    undeclared = client(items={"satisfied": {"scale": (1, 7), "direction": "effort"}, "effort": {"scale": (1, 7)}})
    for metric, told in (
        ("csat", "direction up"),
        ("ces", "direction effort or ease"),
        ("ces_low_effort", "effort or ease"),
    ):
        assert told in reason_words(whole(metric, rows, undeclared)["reason"])
    two_boxes = client(items={"satisfied": {"scale": (0, 1)}})
    assert whole("csat", answers(2025, [1, 0], ["a", "b"]), two_boxes)["value"] == 50


def test_a_target_stands_where_it_was_set():
    rows = answers(2025, [5, 4, 1] * 12, [f"c{i}" for i in range(36)])
    tables = in_memory(client(targets={"csat": 70, "new_customers": 100}), {"survey_responses": rows})
    told = measure(catalogue()["csat"], tables, Period.parse("2025").observe(*SEEN)).rows
    assert set(told.loc[told["period"] == "2025", "target"]) == {
        70
    }  # a share of answers has the same target in a month
    assert told.loc[told["period"] == "2024", "target"].isna().all()  # of which it is none


def test_months_without_answers_take_no_target_from_surveys():
    """Two surveys by turns, from January to early September: the months after have a nameless row without a value."""
    rows = answers(2025, [5, 4, 1] * 12, [f"c{i}" for i in range(36)])
    tables = in_memory(client(targets={"csat": 70}), {"survey_responses": rows.assign(survey=["post", "till"] * 18)})
    measured = measure(catalogue()["csat"], tables, Period.parse("2025").observe(*SEEN)).rows
    whole = measured[(measured["period"] == "2025") & (measured["part"] == "") & (measured["segment"] == "")]
    assert whole.set_index("breakdown")["target"].to_dict() == {"post": 70, "till": 70}


def test_a_table_that_begins_later_than_others_is_believed_for_what_looks_back():
    orders = pd.DataFrame({"order_id": list("abc"), "customer_id": list("abc"), "amount": 1, "status": "paid"})
    orders["ordered_at"] = pd.to_datetime(["2025-01-02", "2025-02-01", "2025-11-01"])
    of = client(churn={"kind": "inactivity", "inactivity_days": 90})
    won = measure(
        catalogue()["new_customers"], in_memory(of, {"orders": orders}), Period.parse("2025Q1").observe(*SEEN)
    )
    assert "they begin on 2 January 2025" in reason_words(won.rows.iloc[0]["reason"])


def test_a_comparison_that_cannot_be_had_says_why():
    orders = pd.DataFrame({"order_id": list("ab"), "customer_id": list("aa"), "amount": 1, "status": "paid"})
    orders["ordered_at"] = pd.to_datetime(["2024-12-01", "2025-02-01"])
    churn = {"kind": "inactivity", "inactivity_days": 90}
    # By default a quarter is compared with that of a year before, which the data do not hold at all; this is of history before it.
    of = client(churn=churn, data_from="2024-09-15", comparison="previous")
    seen = (datetime(2024, 9, 15), SEEN[1])
    row = measure(
        catalogue()["retention_rate"], in_memory(of, {"orders": orders}), Period.parse("2025Q1").observe(*seen)
    )
    assert "no comparison: Q4 2024" in reason_words(row.rows.iloc[0]["reason"])
    assert "2024-07-03" in row.rows.iloc[0]["reason"]


def test_who_is_between_two_contracts_is_not_active():
    plans = pd.DataFrame(
        {
            "subscription_id": ["1", "2"],
            "customer_id": ["a", "a"],
            "started_at": pd.to_datetime(["2025-01-10", "2025-06-10"]),
            "ended_at": pd.to_datetime(["2025-03-15", None]),
            "monthly_amount": 1,
        }
    )
    of = client(churn={"kind": "contractual", "table": "subscriptions"})
    told = measure(
        catalogue()["cohort_retention"], in_memory(of, {"subscriptions": plans}), Period.parse("2025").observe(*SEEN)
    )
    active = told.rows.set_index("breakdown")["value"]
    assert [active[f"2025-01 +{k}"] for k in range(7)] == [100, 100, 100, 0, 0, 0, 100]


def test_a_segment_by_a_column_belongs_to_its_table_only():
    rows = answers(2025, [5, 1], ["a", "b"], channel=["shop", "web"])
    of = client(segments={"group": {"column": "survey_responses.channel"}, "by_order": {"column": "orders.channel"}})
    told = measure(
        catalogue()["csat"], in_memory(of, {"survey_responses": rows}), Period.parse("2025").observe(*SEEN)
    ).rows
    assert set(told["segment"]) == {"", "group"}
    assert set(told[told["segment"] == "group"]["level"]) == {"shop", "web"}
    reviews = pd.DataFrame({"review_id": ["1"], "platform": "p", "posted_at": pd.to_datetime(["2025-03-01"])})
    reviews = reviews.assign(rating=4.0, scale=5.0, channel="app")
    of = client(segments={"group": {"column": "reviews.channel"}})
    volume = measure(
        catalogue()["review_volume"], in_memory(of, {"reviews": reviews}), Period.parse("2025").observe(*SEEN)
    )
    assert "app" in set(volume.rows["level"])


def test_levels_by_tenure_are_those_of_now_and_compared_with_nothing():
    # All bought in both years; who joined in 2025 was no customer of 2024, so "joined in the period" has no before.
    people = pd.DataFrame({"customer_id": [f"a{i}" for i in range(40)], "region": ["North", "South"] * 20})
    people["joined_at"] = [datetime(2025, 2, 1) if i < 20 else datetime(2022, 1, 1) for i in range(40)]
    orders = pd.DataFrame(
        [
            {"order_id": f"{year}{who}{n}", "customer_id": who, "ordered_at": datetime(year, 3 + n, 1), "amount": 1, "status": "paid"}
            for year, most in ((2024, 1), (2025, 2))
            for who in people["customer_id"]
            for n in range(most)
        ]
    ).assign(refunded_amount=None)  # fmt: skip
    of = client(
        segments={"region": {"column": "customers.region"}, "tenure": {"column": "customers.joined_at", "years": [1]}}
    )
    tables = in_memory(of, {"customers": people, "orders": orders})
    found = measure(catalogue()["repeat_purchase_rate"], tables, Period.parse("2025").observe(*SEEN)).rows
    segments = found[(found["part"] == "") & (found["segment"] != "")].set_index("segment")
    assert segments.loc["region", "change"].eq(100).all()
    assert segments.loc["tenure", "value"].eq(100).all()
    assert segments.loc["tenure", "change"].isna().all()


def test_breakdowns_without_a_name_stand_last():
    rows = pd.DataFrame({"breakdown": ["(no theme)", "Waiting", "Bread"]})
    assert rows["breakdown"][_order_of_components(rows).sort_values().index].tolist() == [
        "Bread",
        "Waiting",
        "(no theme)",
    ]


def test_models_know_only_the_segmentations_that_are_declared_for_their_family():
    declared = {
        "region": {"column": "customers.region"},
        "account": {"column": "customers.account", "families": ["relationship"]},
    }
    shop = client(segments=declared, churn={"kind": "contractual"})
    arguments, _ = resolve(catalogue()["churn_drivers"], shop)
    assert list(arguments["segments"]) == ["region"]
    assert list(shop.segments_of("relationship")) == ["region", "account"]
