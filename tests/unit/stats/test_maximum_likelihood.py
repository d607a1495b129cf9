"""Maximum likelihood by Newton's method, and the delta method, on likelihoods that a pencil can do."""

import numpy as np
import pytest

from crmnb.core.errors import Unavailable
from crmnb.stats.models.maximum_likelihood import CannotFit, Fit, delta, maximum, summed

EDGES = {"rate": "rate"}


def exponential(events: np.ndarray, time: np.ndarray):
    """The log-likelihood of a rate: events in so much time, by customer."""
    n, total = events.sum(), time.sum()
    return lambda rate: (
        n * np.log(rate[0]) - rate[0] * total,
        np.array([n / rate[0] - total]),
        np.array([[-n / rate[0] ** 2]]),
    )


def rows(n: float, total: float) -> tuple[np.ndarray, np.ndarray]:
    return np.array([float(n)]), np.array([float(total)])


@pytest.mark.parametrize("start", [1e-4, 0.3, 1.0, 2e3])
def test_a_rate_is_events_by_time_and_its_logarithm_varies_by_one_in_n(start):
    fit = maximum(exponential, rows(25, 50), [np.array([start])], 25, EDGES)
    assert fit.parameters == pytest.approx([0.5], rel=1e-6)
    assert fit.covariance[0, 0] == pytest.approx(1 / 25, rel=1e-5)
    assert fit.standard_errors == pytest.approx([0.1], rel=1e-5)
    assert fit.log_likelihood == pytest.approx(25 * np.log(0.5) - 25, abs=1e-9)


@pytest.mark.parametrize(("n", "total", "meaning"), [(0, 50, "zero"), (25, 0, "infinity")])
def test_a_parameter_that_runs_away_is_refused_with_what_that_means(n, total, meaning):
    with pytest.raises(CannotFit, match=f"parameter='rate', limit='rate', towards='{meaning}'"):
        maximum(exponential, rows(n, total), [np.array([1.0]), np.array([2.0])], 25, EDGES)


def test_a_flat_likelihood_is_refused():
    def flat(events, time):
        return lambda at: (0.0, np.zeros(1), np.zeros((1, 1)))

    with pytest.raises(CannotFit, match="flat"):
        maximum(flat, rows(25, 50), [np.array([1.0])], 25, EDGES)


def test_a_further_start_is_tried_where_the_first_leads_nowhere():
    def bent(events, time):
        """Falls off to either side of rate 20, and below rate 1 to zero."""
        return lambda rate: exponential(*(rows(25, 1.25) if rate[0] > 1 else rows(0, 50)))(rate)

    starts = [np.array([0.5]), np.array([10.0])]
    assert maximum(bent, rows(25, 50), starts, 25, EDGES).parameters == pytest.approx([20.0], rel=1e-6)
    with pytest.raises(CannotFit, match="zero"):
        maximum(bent, rows(25, 50), starts[:1], 25, EDGES)


def test_where_rows_are_many_the_start_is_an_even_sample_and_the_maximum_that_of_all():
    seen = []

    def noted(events, time):
        seen.append(len(events))
        return exponential(events, time)

    events, time = np.ones(100_000), np.random.default_rng(1).exponential(2, 100_000)
    fit = maximum(noted, (events, time), [np.array([1.0])], 100_000, EDGES)
    assert seen == [20_000, 100_000]
    assert fit.parameters == pytest.approx([1 / time.mean()], rel=1e-9)


def test_a_sample_that_does_not_carry_the_model_leaves_it_to_all_rows():
    events = np.zeros(100_000)
    events[1] = 100.0  # not in the sample
    fit = maximum(exponential, (events, np.ones(100_000)), [np.array([1.0])], 100_000, EDGES)
    assert fit.parameters == pytest.approx([0.001], rel=1e-6)


def test_rows_are_summed_once_each():
    def part(parameters, values):
        return values.sum(), values.sum() * parameters, np.full((2, 2), float(len(values)))

    values = np.arange(20_001.0)
    value, gradient, hessian = summed(part, np.array([1.0, 3.0]), (values,))
    assert value == values.sum()
    assert gradient.tolist() == [values.sum(), 3 * values.sum()]
    assert (hessian == 20_001).all()
    assert summed(part, np.ones(2), (values[:0],))[0] == 0


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
