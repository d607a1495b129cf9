"""The link between teams and customers: its slope and its ranks in simulations of known truth, and when there is none; alpha."""

import numpy as np
import pandas as pd
import pytest

from crmnb.stats.employees import (
    CUSTOMERS,
    EMPLOYEES,
    FEWEST_TEAMS,
    LEAST_RELIABLE,
    RANKS,
    link,
    rank_limits,
    slope_limits,
)
from crmnb.stats.estimation import EstimationContext, GroupedCounts
from crmnb.stats.reliability import cronbach_alpha, reliability

LEVEL, SLOPE = 0.95, 0.4
CONTEXT = EstimationContext(LEVEL, {"team_segments": ("team",)}, suppress_below=7)


def drawn_teams(draw: np.random.Generator, teams: int, reliable: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Scores of teams and of their customers, and the error variances of the former: a known slope, and chance around it."""
    error = 100 * (1 - reliable) / reliable * draw.gamma(4, 0.25, teams)
    true = 70 + 10 * draw.standard_normal(teams)
    x = true + np.sqrt(error) * draw.standard_normal(teams)
    return x, 20 + SLOPE * true + 3.5 * draw.standard_normal(teams), error


@pytest.mark.parametrize("teams", [FEWEST_TEAMS, 12, 30])
@pytest.mark.parametrize("reliable", [0.9, 0.75])
def test_the_interval_of_the_slope_holds_the_truth_as_promised(teams: int, reliable: float):
    draw = np.random.default_rng(5)
    drawn = [drawn_teams(draw, teams, reliable) for _ in range(500)]
    shown = [(x, y, error) for x, y, error in drawn if reliability(x, error) >= LEAST_RELIABLE]
    slopes = np.array([slope_limits(*scores, LEVEL) for scores in shown])
    slopes = slopes[~np.isnan(slopes).any(axis=1)]
    held = (slopes[:, 1] <= SLOPE) & (slopes[:, 2] >= SLOPE)
    assert 0.92 < held.mean() < 0.985  # two standard errors of .95 are .02
    assert np.median(slopes[:, 0]) == pytest.approx(
        SLOPE, abs=0.05
    )  # without the correction it would be SLOPE times `reliable`


def test_the_interval_of_ranks_holds_the_truth_as_promised():
    """Of normal scores with correlation r, Spearman's is 6 / pi asin(r / 2)."""
    draw, r = np.random.default_rng(6), 0.6
    held = []
    for _ in range(500):
        x, y = draw.multivariate_normal([0, 0], [[1, r], [r, 1]], 20).T
        _, low, high = rank_limits(x, y, 1.0, LEVEL)
        held.append(low <= 6 / np.pi * np.arcsin(r / 2) <= high)
    assert 0.92 < np.mean(held) < 0.985


def sides(teams: int, *, answers: int = 12, few: int = 0, spread: float = 6.0) -> list[GroupedCounts]:
    """Teams whose employees and customers are the more satisfied the later they stand; of the first `few` teams, three employees answer."""
    names = [f"team {at:02}" for at in range(teams)]
    sizes = [3 if at < few else answers + at for at in range(teams)]

    def counted(side: str, n: list[int], slope: float, people: float) -> GroupedCounts:
        rows = [
            {
                "team": name,
                "value": 40 + slope * spread * at + shift,
                "n": size / 2,
                "of_team": people,
                "of_all": 1000.0,
            }
            for at, (name, size) in enumerate(zip(names, n, strict=True))
            for shift in (-8.0, 8.0)
        ]
        return GroupedCounts("current", side, "", "", pd.DataFrame(rows), 1.0)

    return [counted(EMPLOYEES, sizes, 1.0, 40.0), counted(CUSTOMERS, [60] * teams, 0.5, np.nan)]


def test_the_slope_of_teams_on_a_line():
    estimates = link(sides(9), CONTEXT)
    slope, ranks = estimates.rows
    assert slope["value"] == pytest.approx(0.5, rel=0.03)
    assert slope["low"] < slope["value"] < slope["high"]
    assert (ranks["breakdown"], ranks["value"]) == (RANKS, 1.0)
    assert ranks["low"] < 1
    assert len([point for point in estimates.points if point["segment"]]) == 9


@pytest.mark.parametrize(
    ("groups", "code"),
    [(sides(7), "too_few_teams"), (sides(9, few=1), "too_few_teams"), (sides(9, spread=0.1), "teams_too_alike")],
)
def test_without_enough_teams_that_differ_there_is_no_slope(groups, code):
    [row] = link(groups, CONTEXT).rows
    assert np.isnan(row["value"])
    assert code in row["reason"]


def test_beside_a_team_that_is_too_small_the_next_one_is_left_out_too():
    """Or whoever knows all others and the slope could compute what is hidden to protect the small one."""
    points = link(sides(11, few=1), CONTEXT).points
    assert [point["level"] for point in points if point["segment"]] == [f"team {at:02}" for at in range(2, 11)]


def test_a_client_without_a_segment_by_team_has_no_link():
    [row] = link(sides(9), EstimationContext(LEVEL, {"team_segments": ()}, suppress_below=7)).rows
    assert "needs_team_segment" in row["reason"]


def test_alpha_is_that_of_a_model_of_known_reliability():
    """Of parallel items with correlation r, alpha is k r / (1 + (k - 1) r) (Spearman-Brown)."""
    draw, k, r = np.random.default_rng(7), 4, 0.5
    common = draw.standard_normal((200_000, 1))
    answers = np.sqrt(r) * common + np.sqrt(1 - r) * draw.standard_normal((200_000, k))
    assert cronbach_alpha(answers) == pytest.approx(k * r / (1 + (k - 1) * r), abs=0.003)
    assert np.isnan(cronbach_alpha(np.ones((10, 3))))
    assert np.isnan(cronbach_alpha(np.ones((10, 1))))
