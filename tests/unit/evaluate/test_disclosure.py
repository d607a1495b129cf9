"""What a report hides does not follow from what it shows: crafted clients, each giving a small group away in its own way, attacked."""

import numpy as np
import pandas as pd
import pytest
from groups import levels, months, rows

from benchmarks.robustness.disclosure import quotes, reports
from benchmarks.robustness.disclosure import rows as small_rows
from benchmarks.robustness.disclosure_clients import crafted
from benchmarks.robustness.disclosure_comments import given_away
from crmnb.evaluate.disclosure_control import protect
from crmnb.evaluate.disclosure_control.overlaps import seams_of
from crmnb.evaluate.disclosure_control.points import protected_points
from crmnb.metrics.definition import catalogue
from crmnb.schema.client import Privacy
from crmnb.stats.curve_steps import safe_places

EMPLOYEES = (
    *("employee_satisfaction", "employee_satisfaction_mean", "employee_nps", "employee_engagement_index"),
    *("customer_centric_culture", "employee_customer_link"),
)
METRICS = {
    "c1_funnel": ("acceptance_rate", "completion_rate", "response_rate", "stage_conversion", "lead_conversion_rate"),
    "c2_left_out": ("lead_conversion_rate", "cumulative_win_rate", "stage_conversion"),
    "c3_nested": ("repeat_purchase_rate", "average_order_value"),
    "c4_components": ("acceptance_rate", "completion_rate", "response_rate"),
    "c8_drivers": ("survival_curve", "median_lifetime", "churn_drivers"),
    "c9_relationship": (
        *(
            "relationship_index",
            "driver_score",
            "driver_impact",
            "driver_share",
            "future_behaviour",
            "item_nonresponse",
        ),
        *("dissatisfied_segments", "channel_preference", "touchpoint_pairing", "nonresponse_shift", "straight_lining"),
    ),
    "c10_employees": EMPLOYEES,
    "c11_employees_alone": EMPLOYEES,
    "c12_service": (
        *("first_contact_resolution", "median_resolution_time", "resolution_curve", "backlog", "backlog_by_age"),
        *("ticket_volume", "ticket_flow", "reopen_rate", "transfer_rate", "resolved_by_agent", "closed_loop_rate"),
    ),
    "c13_comments": ("sentiment", "theme_share", "theme_effect", "testimonial_count", "segment_themes"),
    "c14_mailing": (
        *("delivery_rate", "open_rate", "click_rate", "email_funnel", "personalisation_lift", "loyalty_participation"),
        *("website_visits", "visits_by_source", "unique_visitors", "bounce_rate", "active_share"),
    ),
    "c15_brands": ("brand_funnel", "brand_step_rate", "brand_gap", "brand_pillars", "price_premium"),
}
CRAFTED = {small.name: small for small in crafted()}


@pytest.mark.parametrize("name", METRICS)
def test_nothing_hidden_follows_from_what_is_shown(name: str):
    report, naive = reports(CRAFTED[name], [catalogue()[id_] for id_ in METRICS[name]])
    assert naive.recovered()  # or the attacker would be no measure
    assert report.recovered() == []


def test_no_quote_stands_for_a_small_group_or_against_its_authors_will():
    small, metrics = CRAFTED["c13_comments"], [catalogue()[id_] for id_ in METRICS["c13_comments"]]
    shown = quotes(small, metrics)
    assert {"", "Dealer"} == {quote.values.get("level", "") for quote in shown}
    assert given_away(small.tables, shown, small.below) == []
    assert given_away(small.tables, quotes(small, metrics, 1), small.below)  # or the check would be none


def test_the_only_hidden_share_of_all_comments_is_not_alone():
    # Of 100 comments 7 are about smell: as many as are about nothing else.
    shares = {"Price": 60.0, "Forms": 21.0, "Parking": 12.0, "Smell": 7.0}
    parts = [
        {"breakdown": theme, "n": 100, "clusters": about, "numerator": about, "denominator": 100.0}
        for theme, about in shares.items()
    ]
    assert hidden(rows(*parts)) == [False, False, True, True]


def hidden(frame: pd.DataFrame, **more) -> list[bool]:
    return protect(frame, Privacy(), **more)["flags"].str.contains("suppressed").tolist()


def test_the_same_people_hidden_twice_are_not_twice_as_many():
    # Orders add up to 42 in both cases. Of 42 buyers those of January and February are twelve; of 30, maybe the same six twice: then
    # their twelve orders must not follow either.
    parts = [group | {"numerator": float(group["n"])} for group in months([6, 6, 30])]
    assert hidden(rows({"n": 42, "numerator": 42.0}, *parts)) == [False, True, True, False]
    assert sum(hidden(rows({"n": 30, "numerator": 42.0}, *parts))) == 3


def test_the_one_order_without_a_customer_does_not_follow():
    small = CRAFTED["c7_anonymous"]
    shown = small_rows(small, [catalogue()[id_] for id_ in ("average_order_value", "revenue_per_customer")])
    whole = shown[(shown["part"] == "") & (shown["segment"] == "")]
    assert whole["numerator"].nunique() == 1
    assert whole["numerator"].notna().all()


def test_what_lies_between_two_segmentations_counts_as_a_group():
    # 43 of 20 and over less 40 of 25 and over are three.
    adult = [{"segment": "adult", "level": level, "n": n} for level, n in (("under 20", 40), ("20 or more", 43))]
    grown = [{"segment": "grown", "level": level, "n": n} for level, n in (("under 25", 43), ("25 or more", 40))]
    pairs = [("under 20", "under 25"), ("20 or more", "under 25"), ("20 or more", "25 or more")]
    frame = rows({"n": 83}, *adult, *grown)
    assert not any(hidden(frame))
    assert any(hidden(frame, seams=seams_of("adult", "grown", pairs)))


def test_a_group_that_no_row_stands_for_is_seen():
    assert hidden(rows({"n": 69}, *levels(web=40, fair=25))) == [False, False, True]  # four are left out


@pytest.mark.parametrize(("clusters", "numerator"), [(40, 30), (44, 30), (40, 36)])
def test_rows_that_are_left_out_are_a_group_though_their_customers_are_at_other_levels_too(clusters, numerator):
    # 40 or 44 customers at the two levels, of whom some are at both, of 40 in all; the numerator may be money and fall.
    whole = {"n": 69, "clusters": 40, "numerator": 32}
    web, fair = ({"segment": "channel", "level": level, "n": n} for level, n in (("web", 40), ("fair", 25)))
    web, fair = web | {"clusters": clusters - 15, "numerator": numerator - 10}, fair | {"clusters": 15, "numerator": 10}
    assert any(hidden(rows(whole, web, fair)))


def test_who_has_no_rows_is_no_group():
    of_all, of_levels = {"n": 65, "clusters": 60}, levels(web=40, fair=25)
    assert not any(hidden(rows(of_all, of_levels[0] | {"clusters": 30}, of_levels[1] | {"clusters": 25})))


# By channel, as (those asked, their customers, completions) and (those who started, completions).
FEW_PARTNERS = {
    "asked": {"friends": (16, 12, 4), "partner": (12, 9, 4), "shop": (16, 10, 2), "web": (27, 23, 9), "?": (1, 1, 0)},
    "started": {"friends": (4, 4, 4), "partner": (5, 4, 4), "shop": (2, 2, 2), "web": (11, 11, 9)},
}
FEW_STARTED = {
    "asked": {"friends": (22, 16, 4), "partner": (14, 10, 2), "shop": (13, 11, 3), "web": (51, 39, 1), "?": (7, 3, 0)},
    "started": {"friends": (4, 4, 4), "partner": (3, 3, 2), "shop": (4, 4, 3), "web": (5, 5, 1)},
}


@pytest.mark.parametrize("told", [FEW_PARTNERS, FEW_STARTED])
def test_that_a_metric_lists_no_such_level_says_that_nothing_is_in_it(told):
    # Completions by channel are told twice: of those asked, among whom are some of no known channel, and of those who started, where
    # that is not listed. So the four that are listed add up to all, and what the partners did must not be the only one hidden, neither
    # where they are few nor where their row is hidden for the sake of those of no known channel.
    groups = []
    for metric, sizes in told.items():
        total = [float(sum(column)) for column in zip(*sizes.values(), strict=True)]
        for place, (n, customers, completed) in [("", total), *sizes.items()]:
            level = {"segment": "channel", "level": place} if place else {}
            groups.append({"metric": metric, "n": n, "clusters": customers, "numerator": float(completed)} | level)
    shown = protect(rows(*groups), Privacy())
    shown = shown[~shown["flags"].str.contains("suppressed")]
    assert "web" in set(shown["level"])  # something is left to see
    assert len({*told["started"]} - set(shown["level"])) != 1


def test_what_a_row_is_of_is_known_by_any_of_its_sizes():
    # Of those who were there for under a year nobody came back, so that those at the start (14) are all of the row: where they are
    # shown elsewhere, hiding the row hides nothing, and the seven who joined would follow.
    held = {"1 to 3 years": (25, 22), "3 years or more": (47, 47), "under 1 year": (14, 14), "joined": (7, 0)}
    growth = {"metric": "growth", "denominator": 83.0}
    groups = [
        growth | {"n": 93, "clusters": 93.0, "numerator": 80.0},
        {"metric": "retention", "n": 83, "numerator": 70.0},
    ]
    for level, (n, start) in held.items():
        place = {"segment": "tenure", "level": level}
        groups.append(
            growth | place | {"n": n, "clusters": float(n), "numerator": n - 5.0, "denominator": float(start)}
        )
        groups += [{"metric": "retention", "n": start, "numerator": start - 4.0} | place] if start else []
    shown = protect(rows(*groups), Privacy())
    shown = shown[~shown["flags"].str.contains("suppressed") & (shown["segment"] != "")]
    known = set(shown.loc[shown["metric"] == "growth", "level"])
    known |= {level for level in shown["level"] if held[level][0] == held[level][1]}
    assert len({*held} - known) != 1


def test_steps_are_of_enough_people():
    moved = np.array([0, 3, 4, 2, 5, 0, 1, 12, 3, 2])
    told = safe_places(np.arange(10), [moved], 10)
    assert told.tolist() == [0, 4, 9]
    assert np.diff(moved.cumsum()[told]).min() >= 10
    assert safe_places(np.arange(3), [np.array([0, 2, 1])], 10).tolist() == [0, 2]


def test_how_many_are_at_risk_in_a_level_does_not_follow_from_the_others():
    points = pd.DataFrame(
        [
            {"breakdown": "", "segment": segment, "level": level, "x": 30.0, "value": 80.0, "n": n}
            for segment, level, n in (
                ("", "", 60),
                ("region", "North", 40),
                ("region", "South", 8),
                ("region", "West", 12),
            )
        ]
    )
    nothing = pd.DataFrame({"breakdown": [""], "flags": [""], "part": [""], "segment": [""], "level": [""]})
    told = protected_points(points, nothing, 10).set_index("level")["n"]
    assert told.index.tolist() == ["", "North", "West"]
    assert told[["", "North"]].tolist() == [60, 40]
    assert np.isnan(told["West"])


def test_the_points_of_a_hidden_agent_or_practice_are_hidden_with_its_row():
    points = pd.DataFrame(
        [
            {"breakdown": side, "segment": "", "level": practice, "x": 1.0, "value": 8.0, "n": 18.0}
            for side in ("average sellers", "top sellers")
            for practice in ("call", "visit")
        ]
    )
    hidden = {"breakdown": ["call", "visit"], "flags": ["", "suppressed"], "part": "", "segment": "", "level": ""}
    shown = protected_points(points, pd.DataFrame(hidden), 10)
    assert shown["level"].tolist() == ["call", "call"]


def test_the_trend_of_the_whole_client_is_hidden_last():
    # Of 312 in the first month, one has no known region. The month's whole is hidden for another metric, which makes no difference.
    whole = {"n": 700, "metric": "leads"}
    trend = [group | {"metric": "leads"} for group in months([312, 388])]
    regions = [
        group | {"metric": "leads", "segment": "region", "level": level, "n": n}
        for group, sizes in zip(months([312, 388]), ((311, 1), (380, 8)), strict=True)
        for level, n in zip(("North", "(not known)"), sizes, strict=True)
    ]
    others = [group | {"metric": "calls"} for group in months([5, 6, 25])]
    frame = rows(whole, *trend, *regions, {"n": 36, "metric": "calls"}, *others)
    shown = protect(frame, Privacy())
    leads = shown[(shown["metric"] == "leads") & (shown["segment"] == "")]
    assert leads["n"].notna().all()
    assert shown[(shown["metric"] == "leads") & (shown["segment"] == "region")]["n"].isna().all()


def test_the_number_at_risk_falls_by_enough_people_too():
    # Lost at times 1 to 4: 12, 3, 9 and 12. At risk before each: 36, 24, 21, 12: from time 1 on the curve may step at 3, but the
    # number at risk at 2 and 4 would tell of the 3, so its points are those where nobody or ten and more have gone.
    lost = np.array([0, 12, 3, 9, 12])
    before = np.array([0, 0, 12, 3, 9])  # who is lost at a time is at risk at it, and missing at the next
    places = safe_places(np.arange(5), [lost], 10, [before])
    assert (np.diff(lost.cumsum()[places]) >= 10).all()
    gone = np.diff(before.cumsum()[places])
    assert ((gone == 0) | (gone >= 10)).all()


def test_months_of_the_year_before_do_not_follow_from_its_other_months():
    now = [{"win": "current", "n": 100}, *months([20, 80])]
    before = [
        {"win": "comparison", "n": 104},
        *({"win": f"comparison 2024-{m:02}", "part": f"2024-{m:02}", "n": n} for m, n in enumerate((9, 15, 80), 1)),
    ]
    assert hidden(rows(*now, *before)) == [False] * 4 + [True, True, False]
