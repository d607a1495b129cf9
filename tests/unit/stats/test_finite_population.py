"""Intervals of a finite population, against sampling without replacement and the formulas of Cochran 1977."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import hypergeom
from statsmodels.stats.proportion import proportion_confint

from crmnb.stats.estimation import EstimationContext, GroupedCounts
from crmnb.stats.finite_population import CENSUS, Answers, mean_limits, net_limits, share, share_limits

LEVEL = 0.95


def of_sample(values: np.ndarray, population: float) -> Answers:
    return Answers(len(values), population, values.mean(), values.var(ddof=1))


def of_share(k: int, n: int, population: float) -> Answers:
    return of_sample(np.repeat([1.0, 0.0], [k, n - k]), population)


@pytest.mark.parametrize(("n", "population"), [(7, 12), (12, 20), (30, 40), (60, 100), (80, 100), (160, 400)])
def test_intervals_of_shares_hold_the_truth_in_every_population(n: int, population: int):
    """Exact, over all samples of n from every population of so many: at least .90 in each, .95 on average."""
    limits = np.array([share_limits(of_share(k, n, population), LEVEL) for k in range(n + 1)])
    held = []
    for members in range(population + 1):
        true = members / population
        holds = (limits[:, 0] - 1e-9 <= true) & (true <= limits[:, 1] + 1e-9)
        held.append(hypergeom.pmf(np.arange(n + 1), population, members, n) @ holds)
    assert min(held) > 0.90
    assert 0.95 < np.mean(held) < 0.99


@pytest.mark.parametrize("limits", [mean_limits, net_limits])
@pytest.mark.parametrize(("n", "population"), [(8, 20), (16, 20), (36, 40), (160, 400)])
def test_intervals_hold_the_mean_of_a_drawn_staff(limits, n: int, population: int):
    draw = np.random.default_rng(3)
    held = []
    for shares in ([0.1, 0.1, 0.2, 0.3, 0.3], [0.02, 0.03, 0.05, 0.3, 0.6]):
        for _ in range(400):
            boxes = draw.choice(5, population, p=shares)
            values = boxes * 25.0 if limits is mean_limits else (boxes == 4) * 1.0 - (boxes < 2)
            low, high = limits(of_sample(draw.choice(values, n, replace=False), population), LEVEL)
            held.append(low - 1e-9 <= values.mean() <= high + 1e-9)
    assert 0.93 < np.mean(held) < 0.99


@pytest.mark.parametrize(("k", "n", "population"), [(18, 30, 40), (3, 25, 500), (240, 300, 420)])
def test_a_share_has_the_interval_of_wilson_at_the_effective_n(k, n, population):
    effective = n * (population - 1) / (population - n)
    low, high = proportion_confint(k / n * effective, effective, 1 - LEVEL, "wilson")
    half = 0.5 / population
    assert share_limits(of_share(k, n, population), LEVEL) == pytest.approx((low - half, high + half))


def test_of_an_infinite_population_it_is_the_usual_one():
    assert share_limits(of_share(18, 30, np.inf), LEVEL) == pytest.approx(proportion_confint(18, 30, 0.05, "wilson"))


def test_the_error_of_a_mean_is_that_of_cochran():
    """Theorem 2.4: s / sqrt(n) sqrt(1 - f)."""
    values = np.array([0.0, 25, 50, 50, 75, 75, 75, 100, 100, 100])
    wanted = values.std(ddof=1) / np.sqrt(10) * np.sqrt(1 - 10 / 25)
    assert of_sample(values, 25).error == pytest.approx(wanted)
    assert np.isinf(of_sample(values, 10).effective_n)


def test_no_limit_lies_beyond_what_those_who_did_not_answer_could_say():
    """Nine of ten answered, eight of them satisfied: the tenth makes it eight or nine of ten."""
    low, high = share_limits(of_share(8, 9, 10), LEVEL)
    assert 0.8 - 1e-9 <= low < high <= 0.9 + 1e-9
    assert mean_limits(of_sample(np.repeat([100.0, 0.0], [8, 1]), 10), LEVEL)[1] <= 90 + 1e-9
    assert net_limits(of_sample(np.repeat([1.0, -1.0], [8, 1]), 10), LEVEL)[0] >= 0.6 - 1e-9


def group(n: int, of_team: float, *, of_all: float = 100, **place: str) -> GroupedCounts:
    columns = {"value": [1.0, 0.0], "n": [n - 2.0, 2.0], "team": "a", "of_team": of_team, "of_all": of_all}
    where = {"win": "current", "breakdown": "", "segment": "team", "level": "a"} | place
    return GroupedCounts(**where, counts=pd.DataFrame(columns), customers=float(n))


def row_of(held: GroupedCounts) -> dict:
    return share([held], EstimationContext(LEVEL, {"team_segments": ("team",)})).rows[0]


def test_answers_of_all_are_a_census_without_interval():
    row = row_of(group(12, 12))
    assert (row["value"], row["method"]) == (pytest.approx(10 / 12), CENSUS)
    assert np.isnan([row["low"], row["high"]]).all()


@pytest.mark.parametrize("place", [{}, {"segment": "", "level": ""}, {"segment": "site", "level": "north"}])
def test_more_answers_than_people_have_no_figure(place):
    row = row_of(group(13, 12, **place))
    assert np.isnan(row["value"])
    assert "more_answers_than_staff" in row["reason"]


def test_what_is_no_team_and_what_is_past_has_the_wider_interval():
    """The headcount of a site is not known, and that of a year ago neither."""
    plain = proportion_confint(10, 12, 0.05, "wilson")
    for place in ({"segment": "site", "level": "north"}, {"win": "comparison"}):
        row = row_of(group(12, 13, **place))
        assert (row["low"], row["high"]) == pytest.approx(plain)
    row = row_of(group(12, 13))
    assert row["high"] - row["low"] < 0.6 * (plain[1] - plain[0])
