"""Hazards by tenure: against their definition, in proportion, and of small groups beside large ones."""

import numpy as np
import pandas as pd
import pytest

from crmnb.core.period import Period
from crmnb.stats import expected_churn
from crmnb.stats.estimation import EstimationContext, GroupedCounts
from crmnb.stats.models.maximum_likelihood import CannotFit
from crmnb.stats.models.nelson_aalen import between, fit_hazards, fit_proportional_hazards

# Forty customers who are observed from the beginning: one leaves on day 10, two on day 20, the others stay for 100 days.
ENTRY, DURATION = np.zeros(4), np.array([10.0, 20.0, 100.0, 100.0])
EVENT, N = np.array([1.0, 1.0, 0.0, 0.0]), np.array([1.0, 2.0, 30.0, 7.0])


def test_a_step_is_the_losses_over_those_at_risk():
    hazards = fit_hazards(ENTRY, DURATION, EVENT, N, horizon_days=30)
    assert hazards.time.tolist() == [10.0, 20.0]
    assert hazards.step == pytest.approx([1 / 40, 2 / 39])
    assert hazards.churn(np.array([0.0, 15.0])) == pytest.approx([1 - np.exp(-1 / 40 - 2 / 39), 1 - np.exp(-2 / 39)])


def test_too_few_at_risk_are_refused():
    with pytest.raises(CannotFit):
        fit_hazards(ENTRY, DURATION, EVENT, N / 2, horizon_days=30)


def test_proportional_hazards_expect_as_many_losses_as_were_observed():
    hazards = fit_hazards(ENTRY, DURATION, EVENT, N, horizon_days=30)
    few = (
        np.array([0.0, 5.0, 0.0]),
        np.array([10.0, 20.0, 60.0]),
        np.array([1.0, 1.0, 0.0]),
        np.array([1.0, 2.0, 3.0]),
    )
    own = fit_proportional_hazards(*few, hazards, fewest=3)
    expected = (
        1 * 1 / 40 + 5 * 2 / 39 + 5 * 1 / 40
    )  # who entered on day 5 is at risk on day 10; the first has left by day 20
    assert own.step / hazards.step == pytest.approx(3 / expected)
    assert few[3] @ own.cumulative(*between(own.time, few[0], few[1])) == pytest.approx(3)
    assert own.level_variance == pytest.approx(1 / 3)
    with pytest.raises(CannotFit):
        fit_proportional_hazards(*few, hazards, fewest=4)


def portfolio(seed: int, hazard: dict[str, float], size: dict[str, int], segment: str = "plan") -> pd.DataFrame:
    """Customers of levels with constant hazards a year: two years are observed, and who is there then is followed for another.

    `later`: whether the customer is lost in that year.
    """
    rng = np.random.default_rng(seed)
    level = np.repeat(list(size), list(size.values()))
    joined = rng.uniform(-730, 0, len(level))
    stays = rng.exponential(365 / np.vectorize(hazard.get)(level))
    event = (joined + stays < 0).astype(float)
    duration = np.where(event == 1, stays, -joined)
    columns = {
        "entry": 0.0,
        "duration": duration.round(3),
        "event": event,
        "age": np.where(event == 1, np.nan, -joined),
    }
    later = (event == 0) & (joined + stays < 365)
    return pd.DataFrame(columns | {"n": 1.0, f"of {segment}": level, "later": later})


def expected(counts: pd.DataFrame, segment: str = "plan") -> dict[str, dict]:
    """The expected losses of the whole ("") and by level."""
    period = Period.parse("2025")
    forecast = {"contractual": True, "horizon_days": 365}
    context = EstimationContext(0.95, forecast, {"current": period})
    groups = [GroupedCounts("current", "", "", "", counts, float(len(counts)))]
    for level, own in counts.groupby(f"of {segment}"):
        groups.append(GroupedCounts("current", "", segment, level, own.reset_index(drop=True), float(len(own))))
    return {row["level"]: row for row in expected_churn.expected(groups, context).rows}


def test_small_levels_that_leave_faster_count_fully_in_the_whole():
    """They had the hazards of all customers, beside large levels with their own: the whole was 19 % too low."""
    small = ["Trade", "Club", "Fleet", "Staff"]
    hazard = {"Basic": 0.1, "Plus": 0.3, **dict.fromkeys(small, 1.2)}
    size = {"Basic": 300, "Plus": 300, **dict.fromkeys(small, 28)}
    values, true = [], []
    for seed in range(40):
        counts = portfolio(seed, hazard, size)
        values.append(expected(counts)[""]["value"])
        present = counts[counts["event"] == 0]
        true.append(-np.expm1(-present["of plan"].map(hazard)).sum())
    ratio = np.sum(values) / np.sum(true)
    # A standard error of 0.018. The shape that they borrow falls with age, as the mixture of all customers does: about 4 % too low.
    assert abs(ratio - 1) < 0.1


def test_a_level_of_a_segmentation_without_proven_differences_is_estimated_from_its_own_customers():
    """It had the rate of all customers with the interval of all: .66 of such intervals held what came."""
    hazard, size = {"East": 0.36, "North": 0.22, "West": 0.22}, {"East": 120, "North": 240, "West": 240}
    within, ratios = [], []
    for seed in range(60):
        counts = portfolio(seed, hazard, size, "region")
        row, later = expected(counts, "region")["East"], counts.loc[counts["of region"] == "East", "later"].sum()
        within.append(row["low"] <= later <= row["high"])
        ratios.append(row["value"] / later)
    assert np.mean(within) >= 0.85  # of 60 at 95 %, fewer than 51 in one of a thousand
    assert abs(np.mean(ratios) - 1) < 0.15
