"""The bootstrap of PLS: replicates against fits of rows written out, signs, what cannot be estimated, and coverage of known truth."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from constructs import BLOCKS, PATHS, answers

from crmnb.stats.models.item_moments import cluster_numbers, cluster_sums, draws, item_moments
from crmnb.stats.models.pls import fit_path_model
from crmnb.stats.models.pls_bootstrap import ESTIMATES, bootstrap_path_model, interval_table
from crmnb.stats.models.pls_model import path_model

MODEL = path_model(BLOCKS, PATHS)


def test_replicates_are_fits_to_the_rows_that_were_drawn():
    frame = answers(0)
    clusters = cluster_numbers(np.random.default_rng(0).integers(0, 60, 200))
    sums = cluster_sums(frame, clusters)
    bootstrap = bootstrap_path_model(sums, MODEL, replicates=6, seed=4)
    for number, counts in enumerate(next(draws(len(sums.weight), 6, seed=4))):
        rows = frame.loc[frame.index.repeat(counts[clusters].astype(int))]
        fit = fit_path_model(item_moments(cluster_sums(rows)), MODEL)
        for name in ESTIMATES:
            expected = getattr(fit, name)
            mine = bootstrap.estimates[name][number]
            mine = mine[[1, 2, 3]] if name == "r2" else mine
            assert mine == pytest.approx(expected.to_numpy(), abs=1e-6), name


def test_intervals_are_percentiles_of_the_replicates_by_name():
    bootstrap = bootstrap_path_model(cluster_sums(answers(1)), MODEL, replicates=700, seed=1)
    assert (bootstrap.not_converged, bootstrap.undefined) == (0, 0)
    paths = bootstrap.intervals("paths", level=0.9)
    assert list(paths.index) == [(a, b) for a in BLOCKS for b in BLOCKS if (a, b) in PATHS]
    replicates = bootstrap.estimates["paths"][:, 0, 2]
    row = paths.loc[("price", "index")]
    assert row["value"] == bootstrap.fit.paths.loc["price", "index"]
    assert (row["low"], row["high"]) == pytest.approx(tuple(np.quantile(replicates, [0.05, 0.95])))
    assert row["standard_error"] == pytest.approx(replicates.std(ddof=1))
    assert set(bootstrap.intervals("total_effects").index) == set(PATHS) | {("service", "loyalty")}
    assert list(bootstrap.intervals("r2").index) == ["service", "index", "loyalty"]
    assert len(bootstrap.intervals("correlations")) == 6
    assert bootstrap.intervals("means")["standard_error"].between(0.05, 5).all()


def test_the_same_seed_gives_the_same_intervals_and_units_do_not_move_them():
    first, again = (bootstrap_path_model(cluster_sums(answers(2)), MODEL, replicates=50, seed=9) for _ in range(2))
    other = bootstrap_path_model(cluster_sums(answers(2) * 3 + 1), MODEL, replicates=50, seed=9)
    assert (first.estimates["paths"] == again.estimates["paths"]).all()
    assert other.estimates["paths"] == pytest.approx(first.estimates["paths"])


def test_scores_of_replicates_are_turned_as_the_fit_is():
    """A mode B block of two items that pull apart: its score's sign is a toss in each replicate, but not after alignment."""
    draw = np.random.default_rng(3)
    a, b = draw.normal(size=(2, 150))
    frame = pd.DataFrame({"a": a, "b": b, "y": a - 0.95 * b + draw.normal(size=150)})
    model = path_model({"x": ["a", "b"], "y": ["y"]}, [("x", "y")], {"x": "B"})
    bootstrap = bootstrap_path_model(cluster_sums(frame), model, replicates=500)
    signs = np.sign(bootstrap.estimates["weights"][:, :2])
    assert (signs == np.sign(bootstrap.fit.weights[["a", "b"]].to_numpy())).all()
    paths = bootstrap.estimates["paths"][:, 0, 1]
    assert (np.sign(paths) == np.sign(bootstrap.fit.paths.loc["x", "y"])).all()


def test_replicates_without_an_estimate_are_counted_and_left_out():
    frame = answers(4, n=12).assign(l1=[4.0] + [2.0] * 11)  # (11/12)^12 = 35 % of replicates miss the first row
    bootstrap = bootstrap_path_model(cluster_sums(frame), MODEL, replicates=2000)
    share = bootstrap.undefined / 2000
    assert share == pytest.approx((11 / 12) ** 12, abs=0.04)
    assert bootstrap.usable.sum() == 2000 - bootstrap.undefined - bootstrap.not_converged
    assert all(len(values) == bootstrap.usable.sum() for values in bootstrap.estimates.values())
    assert np.isfinite(bootstrap.intervals("paths").to_numpy()).all()


def test_replicates_that_do_not_converge_are_counted():
    sums = cluster_sums(answers(5))
    enough = fit_path_model(item_moments(sums), MODEL).iterations
    bootstrap = bootstrap_path_model(sums, path_model(BLOCKS, PATHS, max_iterations=enough), replicates=300)
    assert 0 < bootstrap.not_converged < 300
    assert bootstrap.usable.sum() == 300 - bootstrap.not_converged


def test_total_effects_reach_over_a_chain_of_any_length():
    names = [f"c{i}" for i in range(16)]
    draw = np.random.default_rng(6)
    frame = pd.DataFrame(np.cumsum(draw.normal(size=(120, 16)), axis=1), columns=names)
    model = path_model({name: [name] for name in names}, list(pairwise(names)))
    effects = bootstrap_path_model(cluster_sums(frame), model, replicates=20).intervals("total_effects")
    assert len(effects) == 16 * 15 / 2
    assert effects.loc[("c0", "c15"), "value"] > 0


def test_two_clusters_at_least():
    with pytest.raises(ValueError, match="two clusters"):
        bootstrap_path_model(cluster_sums(answers(6), np.zeros(200, int)), MODEL)


def test_intervals_of_fewer_than_two_replicates_are_unknown():
    table = interval_table(np.array([1.0]), np.ones((1, 1)), ["a"])
    assert table["value"].tolist() == [1.0]
    assert table[["low", "high", "standard_error"]].isna().all(axis=None)


def test_intervals_hold_the_truth_as_often_as_they_say():
    """A model of composites, whose true values a very large sample gives; 150 samples of 150 with answers in clusters of two."""
    truth = fit_path_model(item_moments(cluster_sums(answers(0, n=400_000, noise=0.3))), MODEL)
    held, means = [], []
    for seed in range(150):
        frame = answers(1000 + seed, n=150, noise=0.3)
        twice = pd.concat([frame, frame], ignore_index=True)  # the second answer tells nothing new
        bootstrap = bootstrap_path_model(
            cluster_sums(twice, cluster_numbers(np.tile(np.arange(150), 2))), MODEL, replicates=400, seed=seed
        )
        effects = bootstrap.intervals("unstandardised_total_effects")
        true = [truth.unstandardised_total_effects.loc[pair] for pair in effects.index]
        held.append((effects["low"] <= true) & (true <= effects["high"]))
        points = bootstrap.intervals("means")
        means.append((points["low"] <= truth.means) & (truth.means <= points["high"]))
    assert 0.92 <= np.mean(held) <= 0.975
    assert 0.92 <= np.mean(means) <= 0.975
