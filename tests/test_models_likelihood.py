"""Maximum likelihood by Newton's method, and the delta method, on likelihoods that a pencil can do."""

import numpy as np
import pytest

from crmnb.errors import Unavailable
from crmnb.models.likelihood import CannotFit, Fit, delta, maximum

EDGES = {"rate": ("nothing ever happened", "it happened without end")}


def exponential(n: float, total: float):
    """The log-likelihood of a rate: n events in a total of time."""
    return lambda rate: (
        n * np.log(rate[0]) - rate[0] * total,
        np.array([n / rate[0] - total]),
        np.array([[-n / rate[0] ** 2]]),
    )


@pytest.mark.parametrize("start", [1e-4, 0.3, 1.0, 2e3])
def test_a_rate_is_events_by_time_and_its_logarithm_varies_by_one_in_n(start):
    fit = maximum(exponential(25, 50), [np.array([start])], 25, EDGES)
    assert fit.parameters == pytest.approx([0.5], rel=1e-6)
    assert fit.covariance[0, 0] == pytest.approx(1 / 25, rel=1e-5)
    assert fit.standard_errors == pytest.approx([0.1], rel=1e-5)
    assert fit.log_likelihood == pytest.approx(25 * np.log(0.5) - 25, abs=1e-9)


@pytest.mark.parametrize(("n", "total", "meaning"), [(0, 50, "nothing ever happened"), (25, 0, "without end")])
def test_a_parameter_that_runs_away_is_refused_with_what_that_means(n, total, meaning):
    with pytest.raises(CannotFit, match=f"rate runs to .*{meaning}"):
        maximum(exponential(n, total), [np.array([1.0]), np.array([2.0])], 25, EDGES)


def test_a_flat_likelihood_is_refused():
    with pytest.raises(CannotFit, match="flat"):
        maximum(lambda at: (0.0, np.zeros(1), np.zeros((1, 1))), [np.array([1.0])], 25, EDGES)


def test_a_further_start_is_tried_where_the_first_leads_nowhere():
    def bent(rate):
        """Falls off to either side of rate 20, and below rate 1 to zero."""
        return exponential(25, 1.25)(rate) if rate[0] > 1 else exponential(0, 50)(rate)

    starts = [np.array([0.5]), np.array([10.0])]
    assert maximum(bent, starts, 25, EDGES).parameters == pytest.approx([20.0], rel=1e-6)
    with pytest.raises(CannotFit, match="zero"):
        maximum(bent, starts[:1], 25, EDGES)


def test_a_refusal_is_a_reason_for_the_report():
    assert issubclass(CannotFit, Unavailable)


FIT = Fit(np.array([2.0, 5.0]), np.array([[0.04, 0.01], [0.01, 0.09]]), 0.0, 100)


def test_delta_of_a_product_adds_the_logarithms_variances():
    value, error = delta(lambda p: p[0] * p[1], FIT)
    assert (value, error) == (pytest.approx(10), pytest.approx(10 * np.sqrt(0.04 + 0.09 + 2 * 0.01), rel=1e-7))


def test_delta_keeps_the_shape_of_what_is_asked():
    value, error = delta(lambda p: np.array([[p[0], p[1]], [1.0, p[0] / p[1]]]), FIT)
    assert value == pytest.approx(np.array([[2, 5], [1, 0.4]]))
    assert error == pytest.approx(np.array([[0.4, 1.5], [0, 0.4 * np.sqrt(0.04 + 0.09 - 0.02)]]), rel=1e-7)


def test_delta_takes_fits_as_independent_of_each_other():
    other = Fit(np.array([3.0]), np.array([[0.01]]), 0.0, 100)
    value, error = delta(lambda p, q: p[0] * q[0], FIT, other)
    assert (value, error) == (pytest.approx(6), pytest.approx(6 * np.sqrt(0.04 + 0.01), rel=1e-7))
