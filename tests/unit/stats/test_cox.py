"""Cox's model from counts: against statsmodels on rows written out, a slower route for the check, and simulations with known truth."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.duration.hazard_regression import PHReg

from crmnb.stats.models.cox import cox, proportionality
from crmnb.stats.models.kaplan_meier import kaplan_meier
from crmnb.stats.models.maximum_likelihood import CannotFit

CLOSE = pytest.approx


def sample(seed: int, late: bool, size: int = 150) -> tuple:
    """Entry, duration, event, covariates (a yes or no, a number with few values, a wide one) and count; many ties."""
    draw = np.random.default_rng(seed)
    X = pd.DataFrame(
        {"yes": draw.integers(0, 2, size), "few": draw.integers(-2, 3, size), "wide": draw.normal(900, 200, size)}
    )
    life = draw.exponential(10 * np.exp(0.5 * X["yes"] - 0.3 * X["few"] - 0.001 * X["wide"] + 0.9))
    duration = np.ceil(np.minimum(life, draw.exponential(20, size))).astype(int).clip(max=25)
    entry = duration - np.minimum(draw.integers(1, 12, size), duration) if late else np.zeros(size, int)
    return entry, duration, draw.integers(0, 4, size) > 0, X, draw.integers(0, 4, size)


def written_out(entry, duration, event, X, n) -> list[np.ndarray]:
    return [np.repeat(np.asarray(column), n, axis=0) for column in (entry, duration, event.astype(int), X)]


def theirs(entry, duration, event, X) -> PHReg:
    # statsmodels has somebody at risk at the very time of entry; an instant later is our entry.
    return PHReg(duration, X, status=event, entry=np.where(entry > 0, entry + 0.5, 0), ties="efron")


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_cox_from_counts_is_that_of_statsmodels_on_the_rows(seed, late):
    data = sample(seed, late)
    ours = cox(*data)
    model = theirs(*written_out(*data))
    fitted = model.fit(disp=0)
    assert ours.coefficients.to_numpy() == CLOSE(fitted.params, rel=1e-5, abs=1e-8)
    assert ours.covariance.to_numpy() == CLOSE(fitted.cov_params(), rel=1e-5, abs=1e-10)
    assert ours.log_likelihood == CLOSE(fitted.llf, rel=1e-10)
    assert ours.null_log_likelihood == CLOSE(model.loglike(np.zeros(3)), rel=1e-10)
    assert np.abs(model.score(ours.coefficients.to_numpy()) * [1, 1, 1e-3]).max() < 1e-6
    assert (ours.n, ours.events) == (data[4].sum(), data[4][data[2]].sum())


def test_covariates_keep_their_names_and_rows_that_stand_for_nobody_change_nothing():
    entry, duration, event, X, n = sample(1, late=True)
    fit = cox(entry, duration, event, X, n)
    some = n > 0
    again = cox(entry[some], duration[some], event[some], X[some].to_numpy(), n[some])
    assert list(fit.coefficients.index) == list(fit.covariance.columns) == ["yes", "few", "wide"]
    assert again.coefficients.to_numpy() == CLOSE(fit.coefficients.to_numpy())


def test_the_unit_of_a_covariate_changes_its_coefficient_alone():
    entry, duration, event, X, n = sample(2, late=False)
    fit, other = cox(entry, duration, event, X, n), cox(entry, duration, event, X.assign(wide=X["wide"] * 1e6 + 3e9), n)
    assert other.coefficients["wide"] == CLOSE(fit.coefficients["wide"] / 1e6, rel=1e-6)
    assert other.coefficients["few"] == CLOSE(fit.coefficients["few"], rel=1e-6)
    assert other.log_likelihood == CLOSE(fit.log_likelihood)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("far", [1e3, 1e5, 1e7, -1e7])
def test_a_covariate_with_a_value_far_out_is_fitted(far):
    entry, duration, event, X, n = sample(2, late=False)
    X["few"] = X["few"].where(X.index > 0, far)
    fit = cox(entry, duration, event, X, np.maximum(n, 1))
    score = theirs(*written_out(entry, duration, event, X, np.maximum(n, 1))).score(fit.coefficients.to_numpy())
    assert np.abs(score / X.std()).max() < 1e-6


def by_splitting(fit, entry, duration, event, X, n) -> tuple[np.ndarray, float]:
    """The score tests on each life cut into the spans between event times, with every covariate times g as a further one."""
    curve = kaplan_meier(entry, duration, event, n).table
    g = 1 - curve["value"].shift(fill_value=1.0)
    entry, duration, event, X = written_out(entry, duration, event, X, n)
    spans, before = [], 0
    for time, weight in zip(curve["time"], g, strict=True):
        there = (np.where(entry > 0, entry, -1) < time) & (duration >= time)
        died = (event == 1) & (duration == time)
        spans.append(np.column_stack([there * before, there * time, died, X, X * weight])[there])
        before = time
    rows = np.concatenate(spans)
    model = theirs(rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3:])
    there = np.concatenate([fit.coefficients, np.zeros(X.shape[1])])
    score, information = model.score(there), -model.hessian(there)
    p = X.shape[1]
    alone = []
    for k in range(p):
        seen = [*range(p), p + k]
        alone.append(score[seen] @ np.linalg.solve(information[np.ix_(seen, seen)], score[seen]))
    return np.array(alone), float(score @ np.linalg.solve(information, score))


@pytest.mark.parametrize("late", [False, True])
def test_the_check_of_proportionality_is_the_score_test_on_lives_cut_at_each_event(late):
    data = sample(5, late)
    fit = cox(*data)
    told = proportionality(fit, *data)
    alone, everything = by_splitting(fit, *data)
    assert list(told.index) == ["yes", "few", "wide", "all"]
    assert told["chi2"].to_numpy() == CLOSE([*alone, everything], rel=1e-4)
    assert told["p_value"].to_numpy() == CLOSE(stats.chi2.sf(told["chi2"], [1, 1, 1, 3]))


def lives(draw: np.random.Generator, size: int, shape_of_some: float) -> tuple:
    """Lives with a true log hazard ratio of .7; of some the hazard has another shape unless that is 1."""
    some, other = draw.integers(0, 2, size), draw.normal(size=size)
    uniform = draw.exponential(size=size) * np.exp(-0.7 * some - 0.4 * other)
    life = np.ceil(100 * uniform ** np.where(some == 1, 1 / shape_of_some, 1.0))
    end = draw.integers(30, 300, size)
    X = pd.DataFrame({"some": some, "other": other})
    return np.zeros(size), np.minimum(life, end), life <= end, X, np.ones(size)


def test_of_300_simulated_samples_the_intervals_hold_the_truth_and_the_check_errs_as_often_as_it_says():
    draw = np.random.default_rng(11)
    held, warned = 0, 0
    for _ in range(300):
        data = lives(draw, 200, 1.0)
        fit = cox(*data)
        error = np.sqrt(np.diag(fit.covariance))
        held += np.abs(fit.coefficients - [0.7, 0.4]) <= 1.96 * error
        warned += proportionality(fit, *data)["p_value"] < 0.05
    # Three standard errors of a share of 300 about the promised one.
    assert (held / 300).to_numpy() == CLOSE([0.95, 0.95], abs=0.038)
    assert (warned / 300).to_numpy() == CLOSE([0.05] * 3, abs=0.038)


def test_hazards_that_are_not_proportional_are_seen():
    data = lives(np.random.default_rng(12), 2_000, 2.0)
    told = proportionality(cox(*data), *data)["p_value"]
    assert told["some"] < 1e-6
    assert told["other"] > 1e-6


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda X, event, duration: X.assign(same=1), r"covariates_without_information\(covariates=\('same',\)\)"),
        (
            lambda X, event, duration: X.assign(sum=X["yes"] + X["few"]),
            r"covariates_without_information\(covariates=\('yes', 'few', 'sum'\)\)",
        ),
        (lambda X, event, duration: X.assign(told=event * 1), r"covariates_separated\(covariates=\('told',\)\)"),
        (
            lambda X, event, duration: X.assign(early=(event & (duration <= 3)) * 1),
            r"covariates_separated\(covariates=\('early',\)\)",
        ),
        (lambda X, event, duration: X.assign(never=~event * 1), r"covariates_separated\(covariates=\('never',\)\)"),
    ],
)
@pytest.mark.parametrize("late", [False, True])
def test_covariates_that_cannot_be_fitted_are_named(change, reason, late):
    entry, duration, event, X, n = sample(3, late)
    with pytest.raises(CannotFit, match=reason):
        cox(entry, duration, event, change(X, event, duration), n)


def test_without_an_event_there_is_no_fit():
    with pytest.raises(CannotFit, match="no_events"):
        cox([0, 0], [1, 2], [0, 0], [[0], [1]], [1, 1])


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"event": [1, 2]}, "0 or 1"),
        ({"n": [1, 1.5]}, "whole number"),
        ({"X": [[1], [np.nan]]}, "a number for each covariate"),
        ({"X": [[1]]}, "a number for each covariate"),
        ({"n": [1, -1]}, "negative"),
    ],
)
def test_arrays_that_cannot_be_meant_are_refused(change, reason):
    given = {"entry": [0, 0], "duration": [5, 9], "event": [1, 0], "X": [[1], [2]], "n": [1, 1]} | change
    with pytest.raises(ValueError, match=reason):
        cox(**given)
