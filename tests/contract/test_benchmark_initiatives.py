"""The study of initiatives draws the effects that it says, and its interval holds them in a small run."""

import numpy as np
import pytest

from benchmarks.accuracy import initiatives


def test_the_panels_have_the_effect_that_they_say():
    """Of many panels, the started units move by it beyond the untouched."""
    rng = np.random.default_rng(0)
    design = initiatives.DESIGNS["common start"]
    panels = [initiatives.drawn(design, 0.3, True, rng) for _ in range(200)]
    gaps = []
    for panel, truth in panels:
        assert truth == pytest.approx(initiatives.EFFECT)
        change = panel.values[:, 24:].mean(1) - panel.values[:, :24].mean(1)
        gaps.append(change[:5].mean() - change[5:].mean())
    assert np.mean(gaps) == pytest.approx(initiatives.EFFECT, abs=4 * np.std(gaps) / np.sqrt(200))


def test_revenue_is_as_skewed_as_it_says():
    """The mean of a unit's month is that of its orders and their lognormal amounts; an effect adds a fifth of each."""
    design = initiatives.Design(2000, (24,), True, 30, -0.03)
    values = initiatives.revenue(design, np.random.default_rng(0))
    mean = 30 * 1.75 * np.exp(initiatives.SIGMA_OF_AMOUNTS**2 / 2)
    assert values[:, :1].mean() == pytest.approx(mean, rel=0.05)
    assert values[:, 24].mean() == pytest.approx(mean * 0.97**24, rel=0.05)
    panel, truth = initiatives.drawn(design, 0, True, np.random.default_rng(1))
    assert truth == pytest.approx(panel.values[0, 24:].mean() * 0.2 / 1.2)


@pytest.mark.parametrize("name", ["several starts", "a single unit of eight", "common start, revenue of 5 orders"])
def test_intervals_hold_the_effect(name):
    """Of 40 panels, within four standard errors of the aim; without an effect few are stated."""
    line = initiatives.studied(initiatives.DESIGNS[name], 0.3, 40)
    assert line["holds"] >= 0.95 - 4 * np.sqrt(0.95 * 0.05 / 40)
    assert line["stated_without"] <= 0.5
