"""Engagement: what is missing has its reason, and traps that the corner shop does not hold; the lift by a published example."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crmnb.core.notes import from_json
from crmnb.core.period import Period
from crmnb.engine.session import in_memory
from crmnb.evaluate.measure import Measured, measure
from crmnb.metrics.definition import catalogue
from crmnb.schema.client import Client

SEEN = (pd.Timestamp("2024-01-01").to_pydatetime(), pd.Timestamp("2026-01-01").to_pydatetime())
SENT = pd.Timestamp("2025-03-03 09:00")
PRIVACY = {"min_base": 1, "suppress_below": 1}


def measured(metric: str, frames: dict[str, pd.DataFrame], period: str = "2025", **declared) -> Measured:
    facts = {"id": "harbour", "folder": Path(), "name": "Harbour", "currency": "GBP", "sources": {}, "tables": {}}
    client = Client(**facts, privacy=PRIVACY, **declared)
    return measure(catalogue()[metric], in_memory(client, frames), Period.parse(period).observe(*SEEN))


def whole(found: Measured) -> pd.DataFrame:
    return found.rows[(found.rows["part"] == "") & (found.rows["segment"] == "")].set_index("breakdown")


def messages(*arms: tuple[int, int, bool], **columns) -> pd.DataFrame:
    """E-mails of a test by arm: how many are clicked, of how many, and whether they are personalised."""
    clicked = [at < met for met, size, _ in arms for at in range(size)]
    rows = pd.DataFrame({"send_id": [f"M{at}" for at in range(len(clicked))]})
    rows = rows.assign(customer_id=rows["send_id"], campaign="spring", channel="e-mail", sent_at=SENT)
    rows["clicked_at"] = (SENT + pd.to_timedelta(np.where(clicked, 60, 0), "s")).where(clicked)
    rows["personalised"] = [personal for _, size, personal in arms for _ in range(size)]
    return rows.assign(**{"experiment": "spring"} | columns)


# ---- Personalisation ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arms", "limits"),
    [
        (((56, 70), (48, 80)), (0.0524, 0.3339)),
        (((9, 10), (3, 10)), (0.1705, 0.8090)),
        (((10, 10), (0, 20)), (0.6791, 1.0)),
    ],
)
def test_newcombes_examples(arms, limits):
    """Newcombe 1998, Statistics in Medicine 17:873, table II, method 10: (a), (b) and (f)."""
    (first, other) = arms
    found = whole(measured("personalisation_lift", {"sends": messages((*first, True), (*other, False))}))
    row = found.loc["clicks"]
    assert row["value"] == pytest.approx(100 * (first[0] / first[1] - other[0] / other[1]))
    assert (row["low"], row["high"]) == (
        pytest.approx(100 * limits[0], abs=0.006),
        pytest.approx(100 * limits[1], abs=0.006),
    )


def test_tests_are_not_mixed_with_each_other():
    """In each test personalisation brings nothing, but the test with more clicks has more personalised e-mails."""
    busy = messages((40, 80, True), (10, 20, False), experiment="a")
    quiet = messages((2, 20, True), (8, 80, False), experiment="b").assign(send_id=lambda rows: rows["send_id"] + "b")
    sends = pd.concat([busy, quiet], ignore_index=True)
    assert sends.groupby("personalised")["clicked_at"].count().tolist() == [18, 42]
    assert whole(measured("personalisation_lift", {"sends": sends})).at["clicks", "value"] == pytest.approx(0)


def test_without_an_assignment_at_random_there_is_no_lift():
    sends = messages((5, 20, True), (5, 20, False))
    without = whole(measured("personalisation_lift", {"sends": sends.drop(columns="experiment")}))
    assert from_json(without["reason"].iloc[0]).values["column"] == "sends.experiment"
    unassigned = whole(measured("personalisation_lift", {"sends": sends.assign(experiment=None)}))
    assert unassigned["value"].isna().all()
    one_arm = whole(measured("personalisation_lift", {"sends": messages((5, 20, True))}))
    assert from_json(one_arm["reason"].iloc[0]).code == "lift_needs_both_arms"


# ---- E-mails ------------------------------------------------------------------------------------------------------------


def test_where_nothing_is_said_of_deliveries_the_base_is_all_e_mails_and_a_note_says_so():
    found = measured("click_rate", {"sends": messages((5, 20, True))})
    assert whole(found).loc["", ["value", "n"]].tolist() == [25, 20]
    assert "deliveries_not_recorded" in {note.code for note in found.notes}


def test_e_mails_of_one_customer_are_no_independent_e_mails():
    sends = messages((20, 40, True), delivered=True)
    together = sends.assign(customer_id=[f"C{at // 10}" for at in range(len(sends))])
    apart, clustered = (whole(measured("click_rate", {"sends": rows})).loc[""] for rows in (sends, together))
    assert clustered["value"] == apart["value"]
    assert clustered["high"] - clustered["low"] > 1.5 * (apart["high"] - apart["low"])


def test_more_machine_opens_do_not_move_the_open_rate():
    """Of 100 e-mails 30 are opened by a person; whatever share a machine opens besides, in both groups alike."""
    opened = [at % 10 < 3 for at in range(100)]
    for by_machine in (0, 20, 60):
        sends = messages((0, 100, True), delivered=True, machine_open=[at < by_machine for at in range(100)])
        sends["opened_at"] = pd.Series(SENT, sends.index).where(pd.Series(opened) | sends["machine_open"])
        assert whole(measured("open_rate", {"sends": sends})).at["", "value"] == pytest.approx(30)
        assert whole(measured("machine_open_rate", {"sends": sends})).at["", "value"] == pytest.approx(by_machine)


# ---- Web site -----------------------------------------------------------------------------------------------------------


def sessions(seconds, pages, **columns) -> pd.DataFrame:
    rows = pd.DataFrame({"visit_id": [f"W{at}" for at in range(len(seconds))], "seconds": seconds, "pages": pages})
    return rows.assign(**{"visitor_id": rows["visit_id"], "started_at": SENT} | columns)


def test_a_session_without_an_end_is_neither_zero_nor_cut_at_zero():
    """Of five sessions two have a single page, one of which is exported with 0 seconds."""
    visits = {"visits": sessions([None, 0, 60, 90, 120], [1, 1, 2, 3, 4])}
    found = measured("time_on_site", visits)
    assert whole(found).at["", "value"] == 90
    (note,) = (note for note in found.notes if note.code == "sessions_not_measured")
    assert (note.values["sessions"].number, note.values["of"].number) == (2, 5)
    assert whole(measured("unmeasured_sessions", visits)).at["", "value"] == 40


def test_zero_seconds_of_several_pages_are_measured():
    assert whole(measured("time_on_site", {"visits": sessions([0, 0, 10], [2, 3, 2])})).at["", "value"] == 0


def test_a_visitor_with_many_sessions_is_one_visitor():
    visits = sessions([None] * 40, [1] * 20 + [2] * 20, visitor_id=["busy"] * 20 + [f"b{at}" for at in range(20)])
    row = whole(measured("bounce_rate", {"visits": visits})).loc[""]
    assert (row["value"], row["clusters"]) == (50, 21)
    alone = visits.assign(visitor_id=visits["visit_id"])
    apart = whole(measured("bounce_rate", {"visits": alone})).loc[""]
    assert row["high"] - row["low"] > 1.5 * (apart["high"] - apart["low"])
    assert whole(measured("unique_visitors", {"visits": visits})).at["", "value"] == 21


# ---- Social media, loyalty, app ------------------------------------------------------------------------------------------


def posts() -> pd.DataFrame:
    days = pd.date_range("2025-01-06", periods=40, freq="7D")
    reach = 1000 + 100 * (np.arange(40) % 7)
    rows = pd.DataFrame(
        {"post_id": [f"P{at}" for at in range(40)], "platform": "Net", "posted_at": days, "reach": reach}
    )
    return rows.assign(followers=5000, likes=np.arange(40), comments=2, shares=1)


@pytest.mark.parametrize(
    ("base", "words"), [("reach", "people reached"), ("followers", "followers at the time of each post")]
)
def test_the_base_of_the_engagement_rate_is_declared_and_printed(base, words):
    frames = posts()
    found = measured(
        "social_engagement_rate", {"social_posts": frames}, settings={"social_engagement_rate": {"base": base}}
    )
    row = whole(found).loc["Net"]
    responses = (frames["likes"] + 3).sum()
    assert row["value"] == pytest.approx(100 * responses / frames[base].sum())
    assert (row["numerator"], row["denominator"]) == (responses, frames[base].sum())
    assert row["low"] < row["value"] < row["high"]
    assert found.metric.denominator == words


def test_an_unknown_base_says_which_there_are():
    found = measured(
        "social_engagement_rate", {"social_posts": posts()}, settings={"social_engagement_rate": {"base": "views"}}
    )
    reason = from_json(whole(found)["reason"].iloc[0])
    assert (reason.code, reason.values["base"]) == ("unknown_engagement_base", "views")


def test_scores_of_mentions_need_no_text():
    mentions = pd.DataFrame({"mention_id": list("abcd"), "platform": "Net", "posted_at": SENT})
    mentions["sentiment"] = [0.9, 0.5, 0.0, -0.7]
    found = measured("mention_sentiment", {"social_mentions": mentions}, feedback={"language": "en"})
    assert whole(found).at["", "value"] == pytest.approx((2 - 1) / 4 * 100)


def test_active_members_are_known_at_the_end_of_the_data_only():
    customers = pd.DataFrame({"customer_id": list("abcd"), "joined_at": pd.Timestamp("2024-01-05"), "left_at": pd.NaT})
    cards = pd.DataFrame({"customer_id": list("abc"), "enrolled_at": pd.Timestamp("2024-02-01")})
    cards["last_active_at"] = pd.to_datetime(["2025-12-30", "2024-03-01", None])
    frames = {"customers": customers, "loyalty": cards}
    churn = {"kind": "contractual", "table": "customers"}
    now = whole(measured("loyalty_participation", frames, churn=churn))
    assert now["value"].to_dict() == {"active members": 25, "members": 75}
    earlier = whole(measured("loyalty_participation", frames, "2024", churn=churn))
    assert earlier["value"].to_dict() == {"members": 75}  # who was active in 2024 and later is not known


def test_days_of_months_that_are_cut_do_not_count():
    days = [*pd.date_range("2025-02-01", periods=14), pd.Timestamp("2025-03-01")]
    usage = pd.DataFrame({"customer_id": "a", "day": days})
    row = whole(measured("active_share", {"usage": usage}, "2025-02-01..2025-03-15")).loc[""]
    assert row["value"] == pytest.approx(100 * 14 / 28)
