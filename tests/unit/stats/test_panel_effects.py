"""Effects from panels against regressions of statsmodels, exact enumeration, and simulations with a known effect."""

from itertools import product

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats

from crmnb.stats.panel_effects import (
    changes,
    difference_in_differences,
    event_study,
    staggered_effect,
    trend_before,
    wild_interval,
)


def drawn(seed: int, units: int, started: int, effect: float = 0.0, start: int = 6, periods: int = 12):
    """A panel with levels, shocks that all units share, and noise with autocorrelation .5."""
    random = np.random.default_rng(seed)
    noise = np.zeros((units, periods))
    noise[:, 0] = random.normal(size=units) / np.sqrt(0.75)
    for time in range(1, periods):
        noise[:, time] = 0.5 * noise[:, time - 1] + random.normal(size=units)
    panel = 10 + 3 * random.normal(size=(units, 1)) + random.normal(size=(1, periods)) + noise
    starts = np.where(np.arange(units) < started, float(start), np.nan)
    panel[:started, start:] += effect
    return panel, starts


def long(panel: np.ndarray, starts: np.ndarray) -> pd.DataFrame:
    units, periods = panel.shape
    unit, time = np.repeat(np.arange(units), periods), np.tile(np.arange(periods), units)
    rows = pd.DataFrame({"y": panel.ravel(), "unit": unit, "time": time, "start": starts[unit]})
    return rows.assign(treated=(rows["time"] >= rows["start"]).astype(int))


def test_one_start_gives_the_coefficient_of_two_way_fixed_effects():
    panel, starts = drawn(1, 14, 5, effect=2)
    fit = smf.ols("y ~ treated + C(unit) + C(time)", long(panel, starts)).fit()
    assert difference_in_differences(panel, starts, 0.95).value == pytest.approx(fit.params["treated"], abs=1e-10)


def test_the_event_study_gives_the_coefficients_of_two_way_fixed_effects():
    panel, starts = drawn(2, 9, 4)
    rows = long(panel, starts)
    for time in (0, 3, 4, 6, 11):
        rows[f"event_{time}"] = ((rows["time"] == time) & rows["start"].notna()).astype(int)
    others = [f"other_{time}" for time in range(12) if time not in (0, 3, 4, 5, 6, 11)]
    for name in others:
        rows[name] = ((rows["time"] == int(name[6:])) & rows["start"].notna()).astype(int)
    terms = [name for name in rows if name.startswith(("event_", "other_"))]
    fit = smf.ols(f"y ~ {' + '.join(terms)} + C(unit) + C(time)", rows).fit()
    effects = event_study(panel, starts, 0.95)
    for time in (0, 3, 4, 6, 11):
        assert effects[time - 6].value == pytest.approx(fit.params[f"event_{time}"], abs=1e-9)
    assert effects[-1].value == 0


def test_the_interval_is_that_of_welch_on_the_changes():
    panel, starts = drawn(3, 12, 5)
    effect = difference_in_differences(panel, starts, 0.95)
    test = stats.ttest_ind(*changes(panel, starts), equal_var=False)
    assert (effect.low, effect.high) == pytest.approx(tuple(test.confidence_interval(0.95)), abs=1e-9)
    assert effect.p_value == pytest.approx(test.pvalue, abs=1e-12)


def test_a_single_unit_takes_its_scatter_from_the_untouched():
    """Against the prediction interval of one value beside n others."""
    panel, starts = drawn(4, 9, 1)
    (one,), others = changes(panel, starts)
    arm = stats.t.ppf(0.975, 7) * others.std(ddof=1) * np.sqrt(1 + 1 / 8)
    effect = difference_in_differences(panel, starts, 0.95)
    assert (effect.low, effect.high) == pytest.approx((one - others.mean() - arm, one - others.mean() + arm))


def test_staggered_effects_are_the_mean_of_two_by_two_differences():
    """By plain loops over groups and times, against the untouched, and against all that have not started."""
    panel, _ = drawn(5, 10, 0)
    starts = np.array([4.0, 4, 7, 9, 9, 9, np.nan, np.nan, np.nan, np.nan])
    for untouched_only in (True, False):
        effects = []
        for unit, start in enumerate(starts[:6].astype(int)):
            for time in range(start, 12):
                waits = np.isnan(starts) if untouched_only else np.isnan(starts) | (starts > time)
                change = panel[:, time] - panel[:, start - 1]
                effects.append(change[unit] - change[waits].mean())
        effect = staggered_effect(panel, starts, 0.95, untouched_only)
        assert effect.value == pytest.approx(np.mean(effects), abs=1e-10)


def test_without_untouched_units_the_last_group_is_compared_with_until_it_starts():
    panel, _ = drawn(6, 4, 0)
    starts = np.array([5.0, 5, 9, 9])
    effects = [
        (panel[:2, time] - panel[:2, 4]).mean() - (panel[2:, time] - panel[2:, 4]).mean() for time in range(5, 9)
    ]
    assert staggered_effect(panel, starts, 0.95, False).value == pytest.approx(np.mean(effects))
    with pytest.raises(ValueError, match="no unit"):
        staggered_effect(panel, starts, 0.95)


def test_the_trend_before_is_the_difference_of_slopes():
    panel, starts = drawn(7, 8, 3)
    slopes = [np.polyfit(np.arange(6), row[:6], 1)[0] for row in panel]
    assert trend_before(panel, starts, 0.95).value == pytest.approx(np.mean(slopes[:3]) - np.mean(slopes[3:]))


def test_the_wild_interval_ends_where_its_test_rejects():
    """Against the enumeration of all signs in plain Python, just inside and just outside of each limit."""
    panel, starts = drawn(8, 8, 4)
    started, untouched = changes(panel, starts)
    effect = wild_interval(started, untouched, 0.9)

    def p_value(null: float) -> float:
        def statistic(a, b):
            return (np.mean(a) - np.mean(b)) / np.sqrt(np.var(a, ddof=1) / len(a) + np.var(b, ddof=1) / len(b))

        shifted = np.concatenate([started - null, untouched])
        residuals = shifted - shifted.mean()
        seen = abs(statistic(shifted[:4], shifted[4:]))
        with np.errstate(divide="ignore"):
            drawn = [abs(statistic(r[:4], r[4:])) for s in product((-1, 1), repeat=8) for r in [residuals * s]]
        return np.mean(np.array(drawn) >= seen - 1e-9)

    for limit, side in ((effect.low, -1), (effect.high, 1)):
        assert p_value(limit - side * 1e-4) > 0.1 >= p_value(limit + side * 1e-4)


@pytest.mark.parametrize(("units", "started"), [(8, 4), (12, 3), (9, 1)])
def test_intervals_hold_a_known_effect_at_their_rate(units, started):
    """Of 400 panels with autocorrelation, within four standard errors of so many draws."""
    effects = [difference_in_differences(*drawn(seed, units, started, effect=1.5), 0.95) for seed in range(400)]
    assert np.mean([effect.low <= 1.5 <= effect.high for effect in effects]) == pytest.approx(0.95, abs=0.045)


def test_wild_intervals_hold_a_known_effect_at_their_rate():
    """Of 60 panels of eight units."""
    panels = [drawn(seed, 8, 4, effect=1.5) for seed in range(60)]
    effects = [wild_interval(*changes(*panel), 0.95) for panel in panels]
    assert np.mean([effect.low <= 1.5 <= effect.high for effect in effects]) >= 0.95 - 4 * np.sqrt(0.05 * 0.95 / 60)
