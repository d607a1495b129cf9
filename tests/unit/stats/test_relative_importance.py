"""LMG: against averages over all orders by regressions on the data, its properties, sampled orders, and intervals."""

from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from constructs import BLOCKS, PATHS, answers

from crmnb.stats.models.item_moments import cluster_numbers, cluster_sums
from crmnb.stats.models.maximum_likelihood import CannotFit
from crmnb.stats.models.pls_bootstrap import bootstrap_path_model
from crmnb.stats.models.pls_model import path_model
from crmnb.stats.models.relative_importance import (
    lmg,
    relative_importance,
    resampled_correlations,
    share_intervals,
    subset_r2,
)


def data(seed: int, drivers: int, n: int = 300) -> pd.DataFrame:
    """Correlated drivers and an outcome."""
    draw = np.random.default_rng(seed)
    x = draw.normal(size=(n, drivers)) @ draw.normal(size=(drivers, drivers)) + draw.normal(size=(n, 1))
    y = x @ draw.normal(size=drivers) + 3 * draw.normal(size=n)
    return pd.DataFrame(x, columns=[f"x{i}" for i in range(drivers)]).assign(y=y)


def r2_on_the_rows(frame: pd.DataFrame, drivers: list[str]) -> float:
    x = np.column_stack([np.ones(len(frame)), frame[drivers]])
    residual = frame["y"] - x @ np.linalg.lstsq(x, frame["y"], rcond=None)[0]
    return 1 - residual.var() / frame["y"].var()


def over_all_orders(frame: pd.DataFrame) -> pd.Series:
    drivers = [name for name in frame if name != "y"]
    parts, orders = pd.Series(0.0, drivers), list(permutations(drivers))
    for order in orders:
        for place, driver in enumerate(order):
            parts[driver] += r2_on_the_rows(frame, list(order[: place + 1])) - r2_on_the_rows(
                frame, list(order[:place])
            )
    return parts / len(orders)


@pytest.mark.parametrize("drivers", [1, 2, 3, 5])
def test_parts_are_the_average_over_all_orders_of_regressions(drivers):
    frame = data(drivers, drivers)
    parts = relative_importance(frame.corr(), "y", list(frame)[:-1])
    assert parts["part"].to_numpy() == pytest.approx(over_all_orders(frame).to_numpy(), abs=1e-12)
    assert parts["part"].sum() == pytest.approx(r2_on_the_rows(frame, list(frame)[:-1]))
    assert parts["share"].sum() == pytest.approx(1)
    assert (parts["sampling_error"] == 0).all()


def test_r2_of_a_subset_is_that_of_its_regression():
    frame = data(11, 4)
    r2 = subset_r2(frame.corr().to_numpy()[None])[0]
    for subset in range(16):
        drivers = [f"x{j}" for j in range(4) if subset >> j & 1]
        assert r2[subset] == pytest.approx(r2_on_the_rows(frame, drivers), abs=1e-12)


def test_uncorrelated_drivers_have_their_squared_correlations():
    matrix = np.eye(5)
    matrix[:4, 4] = matrix[4, :4] = [0.1, -0.5, 0.0, 0.6]
    assert lmg(matrix)[0] == pytest.approx([0.01, 0.25, 0.0, 0.36])


def test_a_driver_that_is_there_twice_shares_and_the_sum_stays_r2():
    frame = data(12, 3)
    twice = pd.concat([frame[["x0"]].rename(columns={"x0": "copy"}), frame], axis=1)
    parts = relative_importance(twice.corr(), "y", ["copy", "x0", "x1", "x2"])["part"]
    assert parts["copy"] == pytest.approx(parts["x0"])
    assert parts.sum() == pytest.approx(r2_on_the_rows(frame, ["x0", "x1", "x2"]))


def test_the_order_of_the_drivers_changes_nothing_at_twelve():
    frame = data(13, 12)
    names = list(frame)[:-1]
    first, again = (relative_importance(frame.corr(), "y", of)["part"] for of in (names, names[::-1]))
    assert first.to_numpy() == pytest.approx(again[names].to_numpy(), abs=1e-10)
    assert first.sum() == pytest.approx(r2_on_the_rows(frame, names))


def test_many_matrices_give_what_each_gives_alone():
    matrices = np.array([data(seed, 4).corr() for seed in range(6)])
    matrices[2] = np.nan
    parts, errors = lmg(matrices)
    assert np.isnan(parts[2]).all()
    assert np.isnan(errors[2]).all()
    for number in (0, 1, 3, 4, 5):
        assert parts[number] == pytest.approx(lmg(matrices[number])[0])


def test_beyond_twelve_orders_are_sampled_and_their_error_is_told():
    """Thirteen drivers, the last of which is noise apart from all others: the rest have what they have exactly without it."""
    frame = data(14, 12)
    exact = relative_importance(frame.corr(), "y", list(frame)[:-1])["part"].to_numpy()
    matrix = np.eye(14)
    inner = [*range(12), 13]
    matrix[np.ix_(inner, inner)] = frame.corr().to_numpy()
    parts, errors = lmg(matrix)
    assert parts[12] == pytest.approx(0, abs=1e-12)
    assert parts.sum() == pytest.approx(exact.sum())  # each order adds up to R2
    z = (parts[:12] - exact) / errors[:12]
    assert (np.abs(z) < 4).all()
    assert 0.4 < np.sqrt(np.mean(z**2)) < 1.8
    fewer = lmg(matrix, orders=200)[1]
    assert np.median(fewer[:12] / errors[:12]) == pytest.approx(np.sqrt(10), rel=0.2)


def test_sampled_errors_are_the_spread_over_seeds():
    frame = data(15, 13)
    many = [lmg(frame.corr().to_numpy(), orders=40, seed=seed) for seed in range(100)]
    spread, errors = np.std([parts for parts, _ in many], axis=0), np.mean([errors for _, errors in many], axis=0)
    assert np.median(spread / errors) == pytest.approx(1, abs=0.15)


def test_intervals_come_from_the_replicates():
    frame = answers(16)
    sums = cluster_sums(frame, cluster_numbers(np.arange(200) // 2))
    correlation, replicates = resampled_correlations(sums, 300, seed=1)
    assert correlation.to_numpy() == pytest.approx(frame.corr().to_numpy())
    table = share_intervals(correlation, replicates, "i1", ["p1", "s1", "s2"], level=0.9)
    frames = [pd.DataFrame(matrix, list(frame), list(frame)) for matrix in replicates]
    by_hand = pd.DataFrame([relative_importance(matrix, "i1", ["p1", "s1", "s2"])["share"] for matrix in frames])
    assert table["low"].to_numpy() == pytest.approx(by_hand.quantile(0.05).to_numpy())
    assert table["high"].to_numpy() == pytest.approx(by_hand.quantile(0.95).to_numpy())
    assert table["value"].sum() == pytest.approx(1)


def test_shares_of_a_path_models_drivers_come_from_its_bootstrap():
    bootstrap = bootstrap_path_model(cluster_sums(answers(17)), path_model(BLOCKS, PATHS), replicates=200)
    fit, replicates = bootstrap.fit, bootstrap.estimates["correlations"]
    table = share_intervals(fit.correlations, replicates, "index", ["price", "service"])
    assert table["value"].sum() == pytest.approx(1)
    parts = relative_importance(fit.correlations, "index", ["price", "service"])["part"]
    assert parts.sum() == pytest.approx(fit.r2["index"])
    low = [1 - limit for limit in table.loc[["service", "price"], "high"]]
    assert low == pytest.approx(
        table.loc[["price", "service"], "low"].to_list()
    )  # of two shares, the one is the rest of the other


def test_where_nothing_is_explained_there_is_nothing_to_share():
    matrix = pd.DataFrame(np.eye(3), ["a", "b", "y"], ["a", "b", "y"])
    for of in (matrix, matrix * np.nan):
        with pytest.raises(CannotFit, match="drivers_explain_nothing"):
            relative_importance(of, "y", ["a", "b"])
    with pytest.raises(ValueError, match="square"):
        lmg(np.ones((1, 1)))


def test_intervals_hold_the_true_shares():
    """Two drivers that correlate by .5, of which one works."""
    true = relative_importance(
        pd.DataFrame([[1, 0.5, 0.6], [0.5, 1, 0.3], [0.6, 0.3, 1]], list("aby"), list("aby")), "y", ["a", "b"]
    )["share"]
    held = []
    for seed in range(200):
        x = np.random.default_rng(seed).multivariate_normal([0, 0], [[1, 0.5], [0.5, 1]], 200)
        y = 0.6 * x[:, 0] + 0.8 * np.random.default_rng(seed + 1000).normal(size=200)
        frame = pd.DataFrame(x, columns=["a", "b"]).assign(y=y)
        table = share_intervals(*resampled_correlations(cluster_sums(frame), 300, seed), "y", ["a", "b"])
        held.append((table["low"] <= true) & (true <= table["high"]))
    assert 0.90 <= np.mean(held) <= 0.98
