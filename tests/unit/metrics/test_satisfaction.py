"""Satisfaction: each survey by itself, invitations followed for as long as all others, top boxes of any scale."""

from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint
from worded import note_words, reason_words

from crmnb.core.errors import Unavailable
from crmnb.core.period import Period
from crmnb.engine.session import in_memory
from crmnb.evaluate.measure import Measured, measure
from crmnb.evaluate.pooling import pooled
from crmnb.evaluate.results_frame import with_signals
from crmnb.metrics.definition import catalogue
from crmnb.report.text.settings import settings_phrases
from crmnb.schema.client import Client, Privacy
from crmnb.stats.moments import difference

ITEMS = {
    "satisfied": {"scale": (1, 5)},
    "recommend": {"scale": (0, 10)},
    "effort": {"scale": (1, 7), "direction": "effort"},
}


def client(**changes) -> Client:
    plain = {"id": "harbour", "folder": Path(), "name": "Harbour", "currency": "GBP", "sources": {}, "tables": {}}
    return Client(**(plain | {"items": ITEMS, "privacy": {"min_base": 1, "suppress_below": 1}} | changes))


def measured(metric: str, table: str, rows: pd.DataFrame, label: str, ends: str, of: Client | None = None) -> Measured:
    period = Period.parse(label).observe(datetime(2020, 1, 1), datetime.fromisoformat(ends))
    return measure(catalogue()[metric], in_memory(of or client(), {table: rows}), period)


def whole(found: Measured) -> pd.DataFrame:
    rows = found.rows[(found.rows["part"] == "") & (found.rows["segment"] == "")]
    return with_signals(rows, dict.fromkeys(rows["metric"], found.direction)).set_index("breakdown")


# ---- Surveys ----------------------------------------------------------------------------------------------

# What people answer after a purchase and after a case for support; each with half of the sheets good.
GOOD, BAD = {"satisfied": 5, "recommend": 10, "effort": 1}, {"satisfied": 2, "recommend": 3, "effort": 6}


def sheets(year: int, survey: str, good: int, bad: int) -> pd.DataFrame:
    rows = pd.DataFrame([GOOD] * good + [BAD] * bad)
    days = pd.date_range(f"{year}-01-01", f"{year}-12-31", periods=len(rows)).floor("s")
    rows = rows.sample(frac=1, random_state=year).assign(responded_at=days, survey=survey)
    return rows.assign(response_id=[f"{survey}-{year}-{i}" for i in range(len(rows))])


# 90 % are satisfied after a purchase and 40 % after a case for support, in both years; of 1,000 sheets 800 came from purchases, then 200.
MIXED = pd.concat(
    [
        sheets(2024, "purchase", 720, 80),
        sheets(2024, "support", 80, 120),
        sheets(2025, "purchase", 180, 20),
        sheets(2025, "support", 320, 480),
    ],
    ignore_index=True,
)
BY_SURVEY = {
    "csat": {"purchase": 90, "support": 40},
    "csat_mean": {"purchase": 0.9 * 100 + 0.1 * 25, "support": 0.4 * 100 + 0.6 * 25},
    "nps": {"purchase": 100 * (0.9 - 0.1), "support": 100 * (0.4 - 0.6)},
    "ces": {"purchase": 0.9 * 1 + 0.1 * 6, "support": 0.4 * 1 + 0.6 * 6},
    "ces_low_effort": {"purchase": 90, "support": 40},
}


@pytest.mark.parametrize("metric", BY_SURVEY)
def test_a_change_of_the_surveys_mix_is_no_change(metric):
    rows = whole(measured(metric, "survey_responses", MIXED, "2025", "2026-01-01"))
    assert rows["value"].to_dict() == pytest.approx(BY_SURVEY[metric])
    assert rows["change"].to_dict() == pytest.approx({"purchase": 0, "support": 0}, abs=1e-9)
    assert set(rows["signal"]) == {""}


@pytest.mark.parametrize("metric", BY_SURVEY)
def test_a_single_survey_has_no_name_and_a_survey_without_sheets_takes_none_away(metric):
    alone = MIXED[MIXED["survey"] == "purchase"]
    rows = whole(measured(metric, "survey_responses", alone, "2025", "2026-01-01"))
    assert rows["value"].to_dict() == pytest.approx({"": BY_SURVEY[metric]["purchase"]})
    ended = pd.concat([alone, sheets(2024, "support", 80, 120)])  # the survey after support is not run any more
    rows = whole(measured(metric, "survey_responses", ended, "2025", "2026-01-01"))
    assert rows["value"].to_dict() == pytest.approx({"purchase": BY_SURVEY[metric]["purchase"]})


def test_only_surveys_with_the_item_are_told_apart():
    rows = MIXED.assign(effort=MIXED["effort"].where(MIXED["survey"] == "support"))
    assert list(whole(measured("ces", "survey_responses", rows, "2025", "2026-01-01")).index) == [""]
    assert list(whole(measured("csat", "survey_responses", rows, "2025", "2026-01-01")).index) == [
        "purchase",
        "support",
    ]


def test_parts_and_levels_of_each_survey_add_up_to_it():
    of = client(segments={"channel": {"column": "survey_responses.channel"}})
    rows = MIXED.assign(channel=np.where(np.arange(len(MIXED)) % 3, "mail", "text"))
    found = measured("csat", "survey_responses", rows, "2025", "2026-01-01", of).rows
    found = found[found["period"] == "2025"]  # not the months of the year before
    for survey, together in found.groupby("breakdown"):
        sums = together.groupby([together["part"] != "", "segment"])["n"].sum()
        assert set(sums) == {{"purchase": 200, "support": 800}[survey]}
        assert len(sums) == 3  # the whole, its months, its channels


# ---- Pooled -----------------------------------------------------------------------------------------------


def weighed(**weights: float) -> Client:
    items = {name: item | {"survey_weights": weights} for name, item in ITEMS.items()}
    return client(items=items, segments={"channel": {"column": "survey_responses.channel"}})


@pytest.mark.parametrize("metric", BY_SURVEY)
def test_at_fixed_weights_the_mix_does_not_move_the_sum(metric):
    rows = MIXED.assign(channel="mail")
    found = measured(metric, "survey_responses", rows, "2025", "2026-01-01", weighed(purchase=3, support=1))
    told = whole(found)
    wanted = 0.75 * BY_SURVEY[metric]["purchase"] + 0.25 * BY_SURVEY[metric]["support"]
    assert told.loc["", "value"] == pytest.approx(wanted)
    assert told.loc["", "change"] == pytest.approx(0, abs=1e-9)
    assert list(told.index) == ["", "purchase", "support"]
    arms = [(w * (told.loc[s, "value"] - told.loc[s, "low"])) ** 2 for s, w in (("purchase", 0.75), ("support", 0.25))]
    assert told.loc["", "value"] - told.loc["", "low"] == pytest.approx(sum(arms) ** 0.5)
    level = found.rows[(found.rows["segment"] == "channel") & (found.rows["breakdown"] == "")]
    assert level["value"].item() == pytest.approx(wanted)


def test_a_sum_of_which_a_survey_is_hidden_or_missing_cannot_be_had():
    rows = MIXED[(MIXED["survey"] == "purchase") | (MIXED["responded_at"] < "2025")].assign(channel="mail")
    told = whole(measured("csat", "survey_responses", rows, "2025", "2026-01-01", weighed(purchase=3, support=1)))
    assert reason_words(told.loc["", "reason"]) == "pooled at fixed weights: no figure of support"
    assert told.loc["purchase", "value"] == 90
    few = pd.concat([MIXED[MIXED["survey"] == "purchase"], sheets(2025, "support", 3, 2)]).assign(channel="mail")
    shy = weighed(purchase=3, support=1).model_copy(update={"privacy": Privacy(min_base=10, suppress_below=10)})
    told = whole(measured("csat", "survey_responses", few, "2025", "2026-01-01", shy))
    assert "suppressed" in told.loc["support", "flags"]
    assert told["value"].isna().to_dict() == {"": True, "purchase": False, "support": True}


def test_of_a_single_survey_weights_change_nothing():
    rows = MIXED[MIXED["survey"] == "purchase"].assign(channel="mail")
    told = whole(measured("csat", "survey_responses", rows, "2025", "2026-01-01", weighed(purchase=3, support=1)))
    assert told["value"].to_dict() == {"": 90}


def test_the_interval_of_a_sum_and_of_its_change_hold_what_they_promise():
    """200 clients whose surveys have 60 and 40 sheets of other customers than the year before: nothing changes."""
    draw, rows = np.random.default_rng(5), []
    for at in range(200):
        for survey, sheets_of, share in (("a", 60, 0.8), ("b", 40, 0.4)):
            for win in ("current", "comparison"):
                good = draw.binomial(sheets_of, share)
                low, high = proportion_confint(good, sheets_of, method="wilson")
                rows.append(("csat", survey, win, f"{at:03}", good / sheets_of, low, high, sheets_of))
    frame = pd.DataFrame(rows, columns=["metric", "breakdown", "win", "level", "value", "low", "high", "n"])
    frame = frame.assign(clusters=frame["n"], part="", segment="client", flags="", reason="", correlation=0.0)
    sums = pooled(frame, {"csat": {"a": 1, "b": 1}})
    sums = sums[sums["breakdown"] == ""].set_index("level")
    assert 0.92 <= ((sums["low"] <= 0.6) & (sums["high"] >= 0.6)).mean() <= 0.98  # of 400
    now, before = (sums[sums["win"] == win] for win in ("current", "comparison"))
    told = difference(now, before, now["correlation"], 0.95, symmetric=False)
    assert (told["p_value"] < 0.05).mean() <= 0.09  # of 200 at 5 %, more in one of a hundred


# ---- Scales -----------------------------------------------------------------------------------------------


def on_scale(low: int, high: int, answers: list[int], **more) -> pd.Series:
    rows = pd.DataFrame({"satisfied": answers, "survey": "s", "responded_at": pd.Timestamp("2025-03-01")})
    rows = rows.assign(response_id=[str(i) for i in range(len(rows))])
    of = client(items={"satisfied": {"scale": (low, high), **more}})
    return whole(measured("csat", "survey_responses", rows, "2025", "2026-01-01", of)).iloc[0]


@pytest.mark.parametrize(
    ("low", "high", "answers", "share"),
    [(1, 5, [4, 5, 3, 1], 50), (0, 10, [9, 10, 8, 0], 50), (1, 10, [9, 8], 50), (-2, 2, [1, 2, 0, -2], 50)],
)
def test_two_boxes_of_a_scale_of_up_to_eleven_answers_are_the_top(low, high, answers, share):
    assert on_scale(low, high, answers)["value"] == share


def test_a_slider_has_a_top_box_only_where_it_is_declared():
    answers = [100, 98, 90, 80, 79, 60, 20, 0]  # 4 of 8 from 80 on; two *values*, 99 and 100, would make 1 of 8
    row = on_scale(0, 100, answers)
    assert np.isnan(row["value"])
    reason = reason_words(row["reason"])
    assert reason.startswith("needs items.satisfied.top_box: from which answer on somebody is satisfied.")
    assert "80 leaves the best fifth" in reason
    assert on_scale(0, 100, answers, top_box=80)["value"] == 50
    assert on_scale(0, 100, answers, top_box=99)["value"] == 12.5


@pytest.mark.parametrize(("low", "high", "answers", "share"), [(1, 3, [3, 2, 1, 3], 50), (0, 1, [1, 0, 1, 1], 75)])
def test_of_two_or_three_answers_only_the_highest_is_the_top(low, high, answers, share):
    """A thumb, or smileys of which the second is the middle."""
    assert on_scale(low, high, answers)["value"] == share


@pytest.mark.parametrize(
    ("item", "rule", "printed"),
    [
        ({"scale": (0, 100), "top_box": 80}, "satisfied from 80 on", "satisfied from 80"),
        ({"scale": (1, 3)}, "only 3 counts as satisfied", "only 3 counts as satisfied"),
        ({"scale": (0, 1)}, "only 1 counts as satisfied", "only 1 counts as satisfied"),
        ({"scale": (1, 3), "top_box": 2}, "satisfied from 2 on", "satisfied from 2"),
    ],
)
def test_the_rule_of_the_top_box_stands_beside_the_figure(item, rule, printed):
    rows = pd.DataFrame(
        {"satisfied": [1], "survey": "s", "responded_at": [pd.Timestamp("2025-03-01")], "response_id": ["1"]}
    )
    of = client(items={"satisfied": item})
    words = measured("csat", "survey_responses", rows, "2025", "2026-01-01", of).settings["item"]
    low, high = item["scale"]
    assert words == f"satisfied ({low} to {high}, up, {rule})"
    [phrase] = settings_phrases({"item": words}, of)
    assert phrase.endswith(f"(scale {low} to {high}, a high answer is good, {printed})")


# ---- Time to answer ---------------------------------------------------------------------------------------

ASKED = ("acceptance_rate", "completion_rate", "response_rate")


def invitations(first: str, last: str, each_day: int, seed: int, survey: str = "purchase") -> pd.DataFrame:
    """Invitations on every day; three in ten are answered, after 4 days in the mean, and are not yet where that is after `last`."""
    draw = np.random.default_rng(seed)
    sent = np.repeat(pd.date_range(first, last), each_day) + pd.Timedelta("9h")
    done = sent + pd.to_timedelta(draw.exponential(4.0, len(sent)), unit="D").floor("s")
    start = np.where(draw.random(len(sent)) < 0.4, sent + (done - sent) / 2, np.datetime64("NaT"))
    end = pd.Timestamp(last) + pd.Timedelta("1D")
    rows = pd.DataFrame(
        {"survey": survey, "sent_at": sent, "reached_at": sent, "started_at": start, "completed_at": done}
    )
    rows["completed_at"] = rows["completed_at"].where(rows["started_at"].notna() & (draw.random(len(rows)) < 0.75))
    rows[["started_at", "completed_at"]] = rows[["started_at", "completed_at"]].where(lambda at: at < end)
    return rows.assign(invitation_id=[f"{survey}{i}" for i in range(len(rows))])


@pytest.mark.parametrize("metric", ASKED)
def test_the_newest_month_is_not_worse_for_want_of_time(metric):
    """Forty surveys in which nothing changes, invited up to the last day: without a follow-up, all forty are "worse".

    December is compared with November, of which everybody has had the time to answer: a year before would show no such fault.
    """
    rows = pd.concat([invitations("2025-10-01", "2025-12-31", 30, seed, f"s{seed:02}") for seed in range(40)])
    of = client(comparison="previous")
    found = whole(measured(metric, "survey_invitations", rows, "2025-12", "2026-01-01", of))
    found = found[~found.index.str.endswith("(COOP1)")]
    assert len(found) == 40
    assert (found["p_value"] < 0.05).sum() <= 6  # of 40 at 5 %, more than 6 in one of a hundred
    assert (found["signal"] == "worse").sum() <= 1
    assert found["change"].mean() == pytest.approx(0, abs=1.5)


@pytest.mark.parametrize("metric", ASKED)
def test_a_figure_once_told_does_not_change_as_answers_come_in(metric):
    rows = invitations("2025-09-01", "2025-12-31", 10, 1)
    late = rows["completed_at"].isna() & (rows["sent_at"] < "2025-11-01")
    rows.loc[late, "started_at"] = rows["sent_at"] + pd.Timedelta("15D")
    rows.loc[late, "completed_at"] = rows["started_at"]
    known = rows.copy()
    for step in ("started_at", "completed_at"):
        known[step] = known[step].where(known[step] < "2025-11-15")
    early = whole(
        measured(metric, "survey_invitations", known[known["sent_at"] < "2025-11-15"], "2025-10", "2025-11-15")
    )
    later = whole(measured(metric, "survey_invitations", rows, "2025-10", "2026-01-01"))
    assert early["numerator"].to_dict() == later["numerator"].to_dict()
    assert early["denominator"].to_dict() == later["denominator"].to_dict()


def test_what_is_left_out_as_too_new_is_told():
    rows = invitations("2025-10-01", "2025-12-31", 5, 2)
    found = measured("response_rate", "survey_invitations", rows, "2025-12", "2026-01-01")
    assert whole(found).loc["purchase", "denominator"] == 17 * 5  # the 1st to the 17th
    assert any(
        "everything after 17 December 2025, as its follow-up of 14 days is not complete" in note
        for note in note_words(found.notes)
    )
    earlier = measured("response_rate", "survey_invitations", rows, "2025-11", "2026-01-01")
    assert not any("is not complete" in note for note in note_words(earlier.notes))
    assert whole(earlier).loc["purchase", "denominator"] == 30 * 5
    of = client(settings={"response_rate": {"answer_days": 60}})
    nothing = whole(measured("response_rate", "survey_invitations", rows, "2025-12", "2026-01-01", of)).iloc[0]
    assert "unavailable" in nothing["flags"]


def test_an_item_that_points_the_other_way_is_not_guessed():
    csat = catalogue()["csat"]
    item = client().items["effort"].model_copy(update={"name": "effort"})
    with pytest.raises(Unavailable, match=r"direction=.up."):
        csat.function(None, item=item)


# ---- Distributions ------------------------------------------------------------------------------------------

SHARES = {"nps_shares": "nps", "satisfaction_distribution": "csat", "effort_distribution": "ces"}


@pytest.mark.parametrize("metric", SHARES)
def test_the_shares_of_a_survey_add_up_and_are_of_the_answers_of_its_score(metric):
    shares = whole(measured(metric, "survey_responses", MIXED, "2025", "2026-01-01"))
    score = whole(measured(SHARES[metric], "survey_responses", MIXED, "2025", "2026-01-01"))
    of = shares.index.str.rpartition(", ").get_level_values(0)
    assert shares.groupby(of)["value"].sum().to_numpy() == pytest.approx(100.0)
    assert shares.groupby(of)["n"].unique().map(list).to_dict() == {key: [n] for key, n in score["n"].items()}


def test_promoters_less_detractors_are_the_score_and_each_share_has_the_interval_of_a_share():
    shares = whole(measured("nps_shares", "survey_responses", MIXED, "2025", "2026-01-01"))
    score = whole(measured("nps", "survey_responses", MIXED, "2025", "2026-01-01"))
    for survey, row in score.iterrows():
        promoters, detractors = (shares.loc[f"{survey}, {part}"] for part in ("promoters", "detractors"))
        assert promoters["value"] - detractors["value"] == pytest.approx(row["value"])
        low, high = proportion_confint(promoters["numerator"], promoters["n"], method="wilson")
        assert (promoters["low"], promoters["high"]) == pytest.approx((100 * low, 100 * high))


def test_a_single_survey_has_no_name_in_the_shares():
    rows = MIXED[MIXED["survey"] == "support"]
    assert list(whole(measured("nps_shares", "survey_responses", rows, "2025", "2026-01-01")).index) == [
        "detractors",
        "passives",
        "promoters",
    ]


def test_a_long_scale_is_shown_in_ten_bands():
    """0 to 100: by hand eleven answers in each of the first nine bands, two in the last."""
    items = ITEMS | {"satisfied": {"scale": (0, 100), "top_box": 80}}
    rows = pd.DataFrame({"satisfied": range(101), "survey": "visit", "responded_at": pd.Timestamp("2025-05-05")})
    rows = rows.assign(response_id=[f"r{at}" for at in range(101)])
    found = measured("satisfaction_distribution", "survey_responses", rows, "2025", "2026-01-01", client(items=items))
    counts = whole(found)["numerator"]
    assert counts.to_dict() == {f"{low} to {min(low + 10, 100)}": min(11, 101 - low) for low in range(0, 101, 11)}


def test_weights_of_surveys_do_not_pool_shares():
    items = ITEMS | {"recommend": {"scale": (0, 10), "survey_weights": {"purchase": 0.5, "support": 0.5}}}
    found = measured("nps_shares", "survey_responses", MIXED, "2025", "2026-01-01", client(items=items))
    assert "" not in whole(found).index
