"""Published figures of gaps: paired shares of Agresti 2019, An Introduction to Categorical Data Analysis, 3rd ed., 8.1, and the sleepers of Student
1908, Biometrika 6:1, as R's help of t.test compares them by Welch."""

from datetime import datetime

import numpy as np
import pandas as pd
import pytest
import surveyed
from statsmodels.stats.proportion import proportion_confint

from crmnb.core.period import Period
from crmnb.engine.session import in_memory
from crmnb.evaluate.measure import Measured, measure
from crmnb.evaluate.result import Result
from crmnb.metrics.definition import catalogue
from crmnb.report.view import ResultView
from crmnb.stats.channel_preference import BOTH, PREFERRED

pytestmark = pytest.mark.published

# Approval of a prime minister by 1,600 voters, asked twice: 794 approved both times, 150 the first time only, 86 the second time only.
AGRESTI = {("yes", "yes"): 794, ("yes", "no"): 150, ("no", "yes"): 86, ("no", "no"): 570}


def measured(counts: dict[tuple[str, str], int], **privacy) -> Measured:
    """The preference of so many customers for each pair of a preferred and a used channel."""
    pairs = [pair for pair, n in counts.items() for _ in range(n)]
    customers = pd.DataFrame(pairs, columns=["preferred_channel", "used_channel"])
    customers["customer_id"] = [f"c{at}" for at in range(len(customers))]
    customers = customers.assign(joined_at=pd.Timestamp("2020-01-01"), left_at=pd.NaT)
    client = surveyed.client(
        churn={"kind": "contractual", "table": "customers"}, privacy=privacy or {"min_base": 1, "suppress_below": 1}
    )
    period = Period.parse("2025").observe(datetime(2024, 1, 1), datetime(2026, 1, 1))
    return measure(catalogue()["channel_preference"], in_memory(client, {"customers": customers}), period)


def test_the_gap_is_that_of_agresti():
    """0.59 less 0.55, standard error 0.0095, from 0.02 to 0.06; here for two channels at once, so at the level 97.5 %, with a customer added to both sides."""
    rows = measured(AGRESTI).rows.set_index("breakdown")
    assert rows["value"].to_dict() == pytest.approx({"yes": 4.0, "no": -4.0})
    half = (rows.loc["yes", "high"] - rows.loc["yes", "low"]) / 2
    assert half / 2.241403 / 100 == pytest.approx(0.0095, abs=1.5e-4)
    assert (rows.loc["yes", "low"], rows.loc["yes", "high"]) == pytest.approx((1.87, 6.13), abs=0.05)


def test_shares_have_the_score_interval_at_goodman_s_level():
    points = measured(AGRESTI | {("no", "maybe"): 100}).points
    yes = points[(points["breakdown"] == "yes") & (points["level"] == PREFERRED)].iloc[0]
    low, high = proportion_confint(944, 1700, alpha=0.05 / 3, method="wilson")
    assert (yes["value"], yes["low"], yes["high"]) == pytest.approx((100 * 944 / 1700, 100 * low, 100 * high))


def test_the_cross_table_adds_up_to_the_shares_and_is_left_out_where_a_cell_is_small():
    points = measured(AGRESTI).points
    cells = points[points["level"] == BOTH]
    assert cells["value"].sum() == pytest.approx(100)
    assert sorted(np.round(cells["value"] * 16)) == sorted(AGRESTI.values())
    small = measured(AGRESTI | {("yes", "no"): 7}, min_base=30, suppress_below=10).points
    assert BOTH not in set(small["level"])
    assert set(small["breakdown"]) == {"yes", "no"}


def test_channels_of_too_few_customers_are_put_together():
    found = measured(AGRESTI | {("fax", "yes"): 4, ("telex", "no"): 9}, min_base=30, suppress_below=10)
    assert {*found.rows["breakdown"]} == {"yes", "no", "(other)"}


# Hours of sleep gained, in tenths: data(sleep) of R. t.test(extra ~ group): from -3.3654832 to 0.2054832, means 0.75 and 2.33.
SLEEP = ([7, -16, -2, -12, -1, 34, 37, 8, 0, 20], [19, 8, 11, 1, -1, 44, 55, 16, 46, 34])


def test_users_against_others_are_welch_s_sleepers():
    """The first group as users of the contact centre; a scale from -20 to 60 tenths is 0 to 100 points."""
    answers = pd.DataFrame({"customer_id": [f"c{at}" for at in range(20)], "extra": [*SLEEP[0], *SLEEP[1]]})
    answers = answers.assign(
        survey="relationship", responded_at=pd.Timestamp("2025-06-01"), response_id=answers["customer_id"], other=1
    )
    tickets = pd.DataFrame(
        {"ticket_id": [f"t{at}" for at in range(12)], "customer_id": [f"c{at}" for at in (*range(10), 15, 16)]}
    )
    tickets["opened_at"] = [*[pd.Timestamp("2025-05-01")] * 10, pd.Timestamp("2025-06-02"), pd.Timestamp("2024-05-31")]
    client = surveyed.client(
        items={"extra": {"scale": (-20, 60)}, "other": {"scale": (1, 5)}, "satisfied": {"scale": (1, 5)}},
        relationship={"index": ["extra"], "drivers": {"Other": ["other"]}},
    )
    period = Period.parse("2025").observe(datetime(2024, 1, 1), datetime(2026, 1, 1))
    found = measure(
        catalogue()["touchpoint_pairing"], in_memory(client, {"survey_responses": answers, "tickets": tickets}), period
    )
    row = found.rows.set_index("breakdown").loc["users less others"]
    in_hours = np.array([row["value"], row["low"], row["high"]]) * 80 / 100 / 10
    assert in_hours == pytest.approx([0.75 - 2.33, -3.3654832, 0.2054832], abs=1e-7)
    assert row["n"] == 10
    satisfied = found.rows.set_index("breakdown").loc["satisfied less dissatisfied users"]
    assert "too_few_on_a_side" in satisfied["reason"]


def comments_client(mentions: tuple[int, int], others: tuple[int, int]) -> Measured:
    """A dissatisfied level of `mentions` (comments, of which about the theme) beside all others, every customer with a comment."""
    groups = (("low", 1, *mentions), ("high", 5, *others))
    sides = [(level, index, at < about) for level, index, n, about in groups for at in range(n)]
    answers = pd.DataFrame(sides, columns=["account", "index", "about"])
    answers["index"] = answers["index"] + np.arange(len(answers)) % 2 * np.where(answers["account"] == "low", 1, -1)
    answers["comment"] = np.where(answers["about"], "the price is too high", "all as usual here")
    answers = answers.assign(
        response_id=[f"r{at}" for at in range(len(answers))],
        customer_id=[f"c{at}" for at in range(len(answers))],
        survey="relationship",
        responded_at=pd.Timestamp("2025-06-01"),
        other=3,
        quote_consent=True,
    )
    client = surveyed.client(
        items={"index": {"scale": (1, 5)}, "other": {"scale": (1, 5)}},
        relationship={"index": ["index"], "drivers": {"Other": ["other"]}},
        feedback={"language": "en", "codebook": {"Price": ["price"]}},
        segments={"account": {"column": "survey_responses.account"}},
        privacy={"min_base": 30, "suppress_below": 10},
    )
    period = Period.parse("2025").observe(datetime(2024, 1, 1), datetime(2026, 1, 1))
    tables = in_memory(client, {"survey_responses": answers.drop(columns="about")})
    return measure(catalogue()["segment_themes"], tables, period)


def test_shares_of_themes_have_the_published_interval():
    """81 of 263 and 15 of 148, by Wilson .2553 to .3662 and .0624 to .1605: Newcombe 1998, Statistics in Medicine 17:857, table I."""
    rows = comments_client((263, 81), (400, 20)).rows
    low = rows[rows["level"] == "low"].iloc[0]
    assert [low[name] / 100 for name in ("value", "low", "high")] == pytest.approx([81 / 263, 0.2553, 0.3662], abs=5e-5)
    assert low["flags"] == "above_rest"
    rows = comments_client((148, 15), (400, 60)).rows
    low = rows[rows["level"] == "low"].iloc[0]
    assert [low[name] / 100 for name in ("low", "high")] == pytest.approx([0.0624, 0.1605], abs=5e-5)
    assert low["flags"] == "low_base"  # raised less often than by the others, and by fewer than 30


def test_nobody_is_quoted_where_few_raise_a_theme_or_few_others_do():
    found = comments_client((60, 30), (400, 20))
    assert [note.values["text"] for note in found.notes if note.code == "quote"] == ["the price is too high"]
    few = comments_client((20, 9), (400, 11))  # nine would be known
    assert "quote" not in {note.code for note in few.notes}
    assert few.rows.loc[few.rows["level"] == "low", "value"].isna().all()
    others = comments_client((60, 30), (400, 4))  # the four others would follow from the whole
    assert others.rows.loc[others.rows["level"] == "low", "value"].iloc[0] == pytest.approx(50)
    whole = others.rows[others.rows["segment"] == ""].iloc[0]
    assert np.isnan(whole["value"])
    assert "too_few_others_raise" in whole["reason"]


def test_steps_of_the_survey_have_the_published_interval():
    """81 of 263 start: .2553 to .3662 by Wilson, Newcombe 1998, table I. Those who start too late, or hear of another survey, do not count."""
    invited = pd.DataFrame({"invitation_id": [f"i{at}" for at in range(300)], "sent_at": pd.Timestamp("2025-03-01")})
    at = np.arange(300)
    day = invited["sent_at"] + pd.Timedelta(days=1)
    invited = invited.assign(
        survey=np.where(at < 290, "relationship", "purchase"),
        customer_id=[f"c{place}" for place in at],
        reached_at=day.where((at < 263) | (at >= 290)),
        started_at=day.where(at < 81, day + pd.Timedelta(days=60)).where(at < 100),
        completed_at=day.where(at < 60),
    )
    answers = pd.DataFrame(
        {"response_id": ["r"], "survey": "relationship", "responded_at": pd.Timestamp("2025-03-02"), "index": 3}
    )
    client = surveyed.client(
        items={"index": {"scale": (1, 5)}}, relationship={"index": ["index"], "drivers": {"D": ["index"]}}
    )
    period = Period.parse("2025").observe(datetime(2024, 1, 1), datetime(2026, 1, 1))
    tables = in_memory(client, {"survey_invitations": invited, "survey_responses": answers})
    found = measure(catalogue()["survey_funnel"], tables, period)
    rows = found.rows.set_index("breakdown")
    assert rows["numerator"].to_dict() == {
        "1 invited to reached": 263,
        "2 reached to started": 81,
        "3 started to completed": 60,
    }
    started = rows.loc["2 reached to started"]
    assert [started[end] / 100 for end in ("low", "high")] == pytest.approx([0.2553, 0.3662], abs=5e-5)
    figure = ResultView.of(Result(found.metric, client, period, period.previous, found.rows)).plot("funnel")
    assert "60 of 290 invitations reached \u201ccompleted\u201d" in figure.title
    assert "completed" in figure.alt
    assert "263" in figure.alt


# Anscombe 1973, The American Statistician 27:17, table 1, set 1: r = .816, R2 = .667. Here three times, as thirty customers are needed.
ANSCOMBE = (
    [10, 8, 13, 9, 11, 14, 6, 4, 12, 7, 5],
    [804, 695, 758, 881, 833, 996, 724, 426, 1084, 482, 568],  # hundredths
)


def explained_by(x: list[int], y: list[int], **more) -> Measured:
    """Satisfaction x at the shop, and the index y afterwards, of one customer each."""
    customers = [f"c{at}" for at in range(len(x))]
    index = pd.DataFrame(
        {
            "customer_id": customers,
            "index": y,
            "other": 1,
            "responded_at": pd.Timestamp("2025-06-01"),
            "survey": "relationship",
        }
    )
    shop = pd.DataFrame(
        {"customer_id": customers, "satisfied": x, "responded_at": pd.Timestamp("2025-05-01"), "survey": "shop"}
    )
    old = shop.assign(satisfied=4, responded_at=pd.Timestamp("2023-05-01"))  # longer ago than a year
    answers = pd.concat([index, shop.assign(**more), old], ignore_index=True)
    answers["response_id"] = [f"r{at}" for at in range(len(answers))]
    client = surveyed.client(
        items={"index": {"scale": (0, 1500)}, "satisfied": {"scale": (0, 20)}, "other": {"scale": (0, 5)}},
        relationship={"index": ["index"], "drivers": {"Other": ["other"]}},
    )
    period = Period.parse("2025").observe(datetime(2024, 1, 1), datetime(2026, 1, 1))
    return measure(catalogue()["touchpoint_satisfaction"], in_memory(client, {"survey_responses": answers}), period)


def test_the_share_explained_is_that_of_anscombe():
    found = explained_by(3 * ANSCOMBE[0], 3 * ANSCOMBE[1])
    row = found.rows.set_index("breakdown").loc["shop"]
    assert row["value"] == pytest.approx(66.7, abs=0.06)
    reach = 1.959964 / 30**0.5
    ends = 100 * np.tanh(np.arctanh(0.81642) + np.array([-reach, reach])) ** 2
    assert (row["low"], row["high"]) == pytest.approx(tuple(ends), abs=0.01)
    means = found.points[found.points["breakdown"] == "shop"].set_index("level")["value"]
    assert means.to_dict() == pytest.approx({"satisfaction": 9 / 20 * 100, "index": 750.09 / 1500 * 100}, abs=0.01)


def test_a_channel_counts_where_enough_customers_gave_both():
    channels = ["web"] * 30 + ["phone"] * 3
    found = explained_by(3 * ANSCOMBE[0], 3 * ANSCOMBE[1], channel=channels)
    assert {*found.rows["breakdown"]} == {"shop", "shop, web"}
    few = explained_by(*ANSCOMBE)
    assert "too_few_gave_both" in few.rows["reason"].iloc[0]
    assert few.points.empty
