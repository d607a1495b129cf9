"""A/A study of experiments, small: without an effect one is found as often as promised (`python -m benchmarks.accuracy.experiments` asks 10,000)."""

import pytest

from benchmarks.accuracy.experiments import OUTCOMES, study

EXPERIMENTS = 1500


@pytest.fixture(scope="module")
def found() -> dict[str, float]:
    return study(EXPERIMENTS, seed=5, days=6)


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_an_effect_is_found_in_five_of_a_hundred(found, outcome):
    error = (0.05 * 0.95 / EXPERIMENTS) ** 0.5
    assert found[f"{outcome}, once"] == pytest.approx(0.05, abs=3.5 * error)


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_who_looks_every_day_finds_one_in_at_most_five_of_a_hundred(found, outcome):
    assert 0 < found[f"{outcome}, peeking"] <= 0.05


def test_sample_ratios_that_are_as_planned_hardly_alarm(found):
    assert found["sample ratio"] <= 0.005
