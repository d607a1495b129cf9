"""Themes by agent: plain and shrunken shares by a second route, what is not shown, and whether agents differ."""

import numpy as np
import pandas as pd
import pytest
from statsmodels.stats.proportion import proportion_confint, proportions_chisquare

from crmnb.stats.agent_themes import ABOUT, themes
from crmnb.stats.estimation import EstimationContext, GroupedCounts
from crmnb.stats.models.empirical_bayes import shrunken

NAMES = ("Ana", "Bram", "Cho", "Dov", "Eli", "Fay")
COMMENTS = np.array([40, 60, 50, 30, 80, 20])
WAITING = np.array([4, 30, 10, 6, 16, 2])


def context(suppress_below: int = 1, **settings) -> EstimationContext:
    told = {"name_agents": True, "agents": NAMES, "themes": ("waiting", "price", "tone"), "most_frequent": 2}
    return EstimationContext(0.95, told | settings, suppress_below=suppress_below)


def groups(names=NAMES, waiting=WAITING, comments=COMMENTS, price: int = 1) -> list[GroupedCounts]:
    """Each agent's comments; `price` of them are about the price, and none about the tone."""
    made = []
    for name, about, n in zip(names, waiting, comments, strict=True):
        columns = {f"{ABOUT}0": [1, 0], f"{ABOUT}1": [0, 0], f"{ABOUT}2": [0, 0], "n": [float(about), float(n - about)]}
        counts = pd.DataFrame(columns)
        priced = pd.DataFrame({f"{ABOUT}0": [0], f"{ABOUT}1": [1], f"{ABOUT}2": [0], "n": [float(price)]})
        counts.loc[1, "n"] -= price
        made.append(GroupedCounts("current", name, "", "", pd.concat([counts, priced]), float(n)))
    return made


def by_name(estimates) -> dict[str, dict]:
    return {row["breakdown"]: row for row in estimates.rows}


def test_shares_have_wilsons_interval_and_are_moved_towards_that_of_all():
    rows = by_name(themes(groups(), context()))
    pooled = WAITING.sum() / COMMENTS.sum()
    moved = shrunken(WAITING / COMMENTS, pooled * (1 - pooled) / COMMENTS)
    for at, name in enumerate(NAMES):
        plain, own = rows[f"waiting, {name}"], rows[f"waiting, {name}, shrunken"]
        assert plain["value"] == WAITING[at] / COMMENTS[at]
        ends = proportion_confint(WAITING[at], COMMENTS[at], 0.05, method="wilson")
        assert (plain["low"], plain["high"]) == pytest.approx(ends)
        assert own["value"] == pytest.approx(moved.estimates[at])
        assert abs(own["value"] - moved.mean) < abs(plain["value"] - moved.mean)
        assert own["low"] <= own["value"] <= own["high"]


def test_a_customer_with_several_comments_counts_once_in_the_interval():
    (first, *others) = groups()
    fewer = GroupedCounts("current", "Ana", "", "", first.counts, 20.0)
    plain = by_name(themes([fewer, *others], context()))["waiting, Ana"]
    assert (plain["low"], plain["high"]) == pytest.approx(proportion_confint(2, 20, 0.05, method="wilson"))


def test_the_most_frequent_themes_are_shown_and_none_of_too_few_comments():
    assert {row["breakdown"].partition(",")[0] for row in themes(groups(), context()).rows} == {"waiting", "price"}
    named = [row["breakdown"] for row in themes(groups(), context(most_frequent=1)).rows]
    assert all(name.startswith("waiting") for name in named)
    few = themes(groups(), context(suppress_below=10)).rows  # six comments are about the price
    assert {row["breakdown"].partition(",")[0] for row in few} == {"waiting"}
    none = themes(groups(waiting=[0] * 6, price=0), context()).rows
    assert all("no_frequent_theme" in row["reason"] and np.isnan(row["value"]) for row in none)
    assert [row["breakdown"] for row in none] == list(NAMES)


def test_whose_comments_follow_from_those_of_all_others_is_not_alone_among_the_hidden():
    """Four comments on Fay are hidden, and would be all comments less those on the others: so Dov, the next smallest, is hidden with her."""
    rows = by_name(
        themes(groups(comments=[40, 60, 50, 30, 80, 4], waiting=[4, 30, 10, 6, 16, 2]), context(suppress_below=10))
    )
    assert {name.split(", ")[1] for name, row in rows.items() if row["clusters"] < 10} == {"Dov", "Fay"}
    enough = by_name(
        themes(groups(comments=[40, 60, 50, 30, 8, 4], waiting=[4, 30, 10, 6, 3, 2]), context(suppress_below=10))
    )
    assert {name.split(", ")[1] for name, row in enough.items() if row["clusters"] < 10} == {"Eli", "Fay"}


def test_four_agents_have_plain_shares_and_a_reason_why_no_shrunken_ones():
    estimates = themes(groups(NAMES[:4], WAITING[:4], COMMENTS[:4]), context())
    rows = by_name(estimates)
    assert rows["waiting, Bram"]["value"] == 0.5
    assert not any(name.endswith(", shrunken") for name in rows)
    assert [note.code for note in estimates.notes] == ["too_few_agents_to_shrink"]
    assert {point["level"] for point in estimates.points if point["breakdown"] == "waiting"} == {
        f"waiting, {name}" for name in NAMES[:4]
    }


def test_a_theme_of_all_comments_has_no_shrunken_shares():
    rows = by_name(themes(groups(waiting=COMMENTS, price=0), context()))
    assert rows["waiting, Ana"]["value"] == 1
    assert "waiting, Ana, shrunken" not in rows


def test_agents_are_coded_unless_they_may_be_named():
    rows = by_name(themes(groups(), context(name_agents=False)))
    assert rows["waiting, A2"]["value"] == 0.5
    assert not any(name in breakdown for breakdown in rows for name in NAMES)


def test_whether_agents_differ_is_the_chi_squared_test_after_holm():
    assert proportions_chisquare(WAITING, COMMENTS)[1] < 0.025
    (note,) = themes(groups(), context()).notes
    assert (note.code, note.values["themes"]) == ("agents_differ_by_theme", ("waiting",))
    (alike,) = themes(groups(waiting=COMMENTS // 5), context()).notes
    assert alike.code == "agents_alike_by_theme"


def test_agents_who_are_alike_are_told_apart_in_at_most_five_of_a_hundred_samples():
    random, told = np.random.default_rng(3), 0
    for _ in range(400):
        told += themes(groups(waiting=random.binomial(COMMENTS - 1, 0.2)), context(most_frequent=1)).notes[0].code == (
            "agents_differ_by_theme"
        )
    assert told <= 32  # 20 expected, 2.8 standard deviations
