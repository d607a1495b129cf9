"""PLS on correlations: against the textbook's loop with scores, by its properties, and what it refuses."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from constructs import BLOCKS, PATHS, answers
from pls_with_scores import pls_with_scores

from crmnb.stats.models.item_moments import cluster_sums, item_moments, rescaled
from crmnb.stats.models.maximum_likelihood import CannotFit
from crmnb.stats.models.pls import fit_path_model, scores, unstandardised_scores
from crmnb.stats.models.pls_algorithm import outer_weights
from crmnb.stats.models.pls_bootstrap import bootstrap_path_model
from crmnb.stats.models.pls_model import path_model

MODES = ({}, dict.fromkeys(BLOCKS, "B"), {"service": "B", "loyalty": "B"})


def fitted(frame: pd.DataFrame, **choices):
    return fit_path_model(item_moments(cluster_sums(frame)), path_model(BLOCKS, PATHS, **choices))


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("modes", MODES, ids=["A", "B", "mixed"])
@pytest.mark.parametrize("scheme", ["path", "centroid", "factorial"])
def test_the_fit_is_that_of_the_algorithm_with_scores(scheme, modes, seed):
    frame = answers(seed)
    fit = fitted(frame, scheme=scheme, modes=modes, tolerance=1e-12, max_iterations=2000)
    expected = pls_with_scores(frame, BLOCKS, PATHS, modes, scheme)
    for name in ("weights", "loadings", "paths", "total_effects", "r2"):
        mine = getattr(fit, name)
        pd.testing.assert_series_equal(mine.stack() if mine.ndim == 2 else mine, _stacked(expected[name]), atol=1e-8)
    pd.testing.assert_frame_equal(scores(fit, frame), expected["scores"], atol=1e-8)
    correlations = expected["scores"].corr()
    pd.testing.assert_frame_equal(fit.correlations, correlations, atol=1e-8)


def _stacked(values: pd.DataFrame | pd.Series) -> pd.Series:
    return values.stack() if values.ndim == 2 else values


def test_scores_are_standardised_and_unstandardised_ones_are_weighted_means_of_the_items():
    frame = answers(1)
    fit = fitted(frame)
    assert scores(fit, frame).mean().to_numpy() == pytest.approx(0, abs=1e-9)
    assert scores(fit, frame).std(ddof=0).to_numpy() == pytest.approx(1)
    points = unstandardised_scores(fit, frame)
    assert points.mean().to_numpy() == pytest.approx(fit.means.to_numpy())
    assert fit.index_weights[BLOCKS["index"]].sum() == pytest.approx(1)
    assert points.corrwith(scores(fit, frame)).to_numpy() == pytest.approx(1)


def test_unstandardised_paths_are_regressions_of_unstandardised_scores():
    frame = answers(2)
    fit = fitted(frame, modes={"service": "B"})
    points = unstandardised_scores(fit, frame)
    x = np.column_stack([points[["price", "service"]], np.ones(len(points))])
    slopes = np.linalg.lstsq(x, points["index"], rcond=None)[0]
    direct = fit.unstandardised_paths["index"]
    assert direct[["price", "service"]].to_numpy() == pytest.approx(slopes[:2])
    over_service = fit.unstandardised_paths.loc["price", "service"] * direct["service"]
    assert fit.unstandardised_total_effects.loc["price", "index"] == pytest.approx(direct["price"] + over_service)
    standardised = fit.paths.loc["price", "service"] * fit.paths.loc["service", "index"]
    assert fit.indirect_effects.loc["price", "index"] == pytest.approx(standardised)


def test_units_change_nothing_that_is_standardised_and_on_0_100_scores_are_on_0_100():
    frame = answers(3)
    scales = {item: (frame[item].min(), frame[item].max()) for item in frame}
    fit = fitted(frame)
    other = fit_path_model(item_moments(rescaled(cluster_sums(frame), scales)), fit.model)
    assert other.weights.to_numpy() == pytest.approx(fit.weights.to_numpy())
    assert other.paths.to_numpy() == pytest.approx(fit.paths.to_numpy())
    points = unstandardised_scores(other, (frame - frame.min()) / (frame.max() - frame.min()) * 100)
    assert points.min().min() >= 0
    assert points.max().max() <= 100
    assert points.mean().to_numpy() == pytest.approx(other.means.to_numpy())


def test_with_equal_weights_scores_are_plain_means_and_effects_are_regressions_of_them():
    frame = answers(12)
    fit = fitted(frame, scheme="equal")
    means = pd.DataFrame({construct: frame[items].mean(axis=1) for construct, items in BLOCKS.items()})
    pd.testing.assert_frame_equal(unstandardised_scores(fit, frame), means)
    x = np.column_stack([means[["price", "service"]], np.ones(len(means))])
    slopes = np.linalg.lstsq(x, means["index"], rcond=None)[0]
    assert fit.unstandardised_paths.loc[["price", "service"], "index"].to_numpy() == pytest.approx(slopes[:2])
    assert fit.iterations == 0
    many = bootstrap_path_model(cluster_sums(frame), fit.model, replicates=20)
    assert many.estimates["index_weights"] == pytest.approx(np.tile(fit.index_weights, (20, 1)))


def test_an_item_that_is_asked_the_other_way_round_counts_as_its_mirror_image():
    frame = answers(4)
    scales = dict.fromkeys(frame, (-60.0, 70.0))
    mirrored = frame.assign(s2=10 - frame["s2"])
    turned = fit_path_model(
        item_moments(rescaled(cluster_sums(mirrored), scales | {"s2": (70.0, -60.0)})), path_model(BLOCKS, PATHS)
    )
    plain = fit_path_model(item_moments(rescaled(cluster_sums(frame), scales)), path_model(BLOCKS, PATHS))
    assert turned.index_weights.to_numpy() == pytest.approx(plain.index_weights.to_numpy())
    assert turned.means.to_numpy() == pytest.approx(plain.means.to_numpy())


def test_the_order_of_blocks_and_items_changes_nothing():
    frame, fit = answers(5), fitted(answers(5))
    blocks = {construct: BLOCKS[construct][::-1] for construct in reversed(BLOCKS)}
    other = fit_path_model(item_moments(cluster_sums(frame[frame.columns[::-1]])), path_model(blocks, PATHS[::-1]))
    assert other.weights[fit.weights.index].to_numpy() == pytest.approx(fit.weights.to_numpy(), abs=1e-6)
    assert other.paths.loc[list(BLOCKS), list(BLOCKS)].to_numpy() == pytest.approx(fit.paths.to_numpy(), abs=1e-6)


@pytest.mark.parametrize("mode", ["A", "B"])
def test_two_blocks_in_mode_b_are_canonical_correlation_and_in_mode_a_interbattery_factors(mode):
    """Known limits of PLS with two blocks (Tenenhaus et al. 2005, 2.6): the first canonical correlation, the first singular vectors."""
    frame = answers(6)
    x, y = BLOCKS["service"], BLOCKS["index"]
    model = path_model({"x": x, "y": y}, [("x", "y")], {"x": mode, "y": mode}, "centroid", tolerance=1e-12)
    fit = fit_path_model(item_moments(cluster_sums(frame)), model)
    r = frame.corr()
    if mode == "B":
        inverse_root = [np.linalg.inv(np.linalg.cholesky(r.loc[of, of])) for of in (x, y)]
        canonical = np.linalg.svd(inverse_root[0] @ r.loc[x, y].to_numpy() @ inverse_root[1].T)[1][0]
        assert fit.correlations.loc["x", "y"] == pytest.approx(canonical)
    else:
        left = np.linalg.svd(r.loc[x, y])[0][:, 0]
        weights = fit.weights[x].to_numpy()
        assert np.abs(weights / np.linalg.norm(weights)) == pytest.approx(np.abs(left))


def test_a_large_sample_gives_the_true_weights_of_composites():
    """Blocks that are composites without an error of their own: mode B finds their weights, the paths are those of the composites."""
    draw = np.random.default_rng(7)
    x = draw.normal(size=(200_000, 3)) @ np.array([[1, 0.3, 0.2], [0, 1, 0.4], [0, 0, 1]])
    composite = x @ [0.6, 0.3, 0.1]
    y = 0.8 * composite / composite.std() + 0.6 * draw.normal(size=len(x))
    frame = pd.DataFrame(x, columns=["a", "b", "c"]).assign(y=y)
    model = path_model({"x": ["a", "b", "c"], "y": ["y"]}, [("x", "y")], {"x": "B"})
    fit = fit_path_model(item_moments(cluster_sums(frame)), model)
    assert fit.paths.loc["x", "y"] == pytest.approx(0.8, abs=0.01)
    assert fit.index_weights[["a", "b", "c"]].to_numpy() == pytest.approx([0.6, 0.3, 0.1], abs=0.02)


def test_many_matrices_give_what_each_gives_alone():
    matrices = np.array([answers(seed)[[i for of in BLOCKS.values() for i in of]].corr() for seed in range(8)])
    model = path_model(BLOCKS, PATHS, {"service": "B"})
    together = outer_weights(matrices, model)
    for number, matrix in enumerate(matrices):
        alone = outer_weights(matrix[None], model)
        assert together.weights[number] == pytest.approx(alone.weights[0], abs=1e-13)
        assert together.iterations[number] == alone.iterations[0]


def refusal(frame: pd.DataFrame, **choices):
    with pytest.raises(CannotFit) as error:
        fitted(frame, **choices)
    return error.value.reason


def test_what_cannot_be_fitted_is_refused_with_its_reason():
    frame = answers(8)
    reason = refusal(frame.assign(s2=7.1, l1=3.0))
    assert (reason.code, reason.values) == ("items_without_variance", {"items": ("s2", "l1")})
    reason = refusal(frame.assign(s3=frame["s1"] + frame["s2"]), modes={"service": "B"})
    assert (reason.code, reason.values) == ("constructs_without_weights", {"constructs": ("service",)})
    reason = refusal(frame.assign(p2=-frame["p1"]))
    assert (reason.code, reason.values) == ("constructs_without_weights", {"constructs": ("price",)})
    same = {f"s{i}": frame["p1"] for i in (1, 2, 3)} | {"p2": frame["p1"]}
    assert refusal(frame.assign(**same)).code == "constructs_collinear"
    reason = refusal(frame, max_iterations=2)
    assert (reason.code, reason.values) == ("weights_not_converged", {"iterations": 2})


def test_convergence_takes_the_iterations_that_are_reported_and_no_fewer():
    fit = fitted(answers(9))
    assert fitted(answers(9), max_iterations=fit.iterations).iterations == fit.iterations
    assert refusal(answers(9), max_iterations=fit.iterations - 1).code == "weights_not_converged"
    looser = [fitted(answers(9), tolerance=tolerance).iterations for tolerance in (1e-10, 1e-7, 1e-3)]
    assert all(more > fewer for more, fewer in pairwise(looser))


def test_items_that_the_model_does_not_name_are_left_out_and_missing_ones_are_named():
    frame = answers(10)
    assert fitted(frame.assign(extra=1.0)).weights.to_numpy() == pytest.approx(fitted(frame).weights.to_numpy())
    with pytest.raises(KeyError, match="no moments of s2"):
        fitted(frame.drop(columns="s2"))


def test_a_respondent_with_a_gap_has_no_score_of_that_construct_alone():
    frame = answers(11)
    fit = fitted(frame)
    frame.loc[3, "s1"] = np.nan
    for of in (scores(fit, frame), unstandardised_scores(fit, frame)):
        assert of.loc[3].isna().tolist() == [False, True, False, False]
        assert of.drop(index=3).notna().all().all()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"blocks": BLOCKS | {"price": []}}, "without items: price"),
        ({"blocks": BLOCKS | {"price": ["p1", "s1"]}}, "items in two places: s1"),
        ({"blocks": BLOCKS | {"image": ["m1"]}}, "constructs without a path: image"),
        ({"paths": [*PATHS, ("index", "brand")]}, "between constructs without items: brand"),
        ({"paths": [*PATHS, ("loyalty", "price")]}, "lead in a circle"),
        ({"scheme": "pca"}, "scheme is one of path, centroid, factorial"),
        ({"scheme": "equal", "modes": {"price": "B"}}, "mode B estimates weights"),
        ({"modes": {"price": "C"}}, "modes are A or B"),
        ({"modes": {"brand": "B"}}, "modes are A or B"),
        ({"tolerance": 0.0}, "tolerance is to be positive"),
    ],
)
def test_a_model_that_cannot_be_meant_is_refused(change, message):
    with pytest.raises(ValueError, match=message):
        path_model(**({"blocks": BLOCKS, "paths": PATHS} | change))
