"""Means and covariances of items by cluster: against numpy on the rows, and bootstrap replicates against rows written out."""

import duckdb
import numpy as np
import pandas as pd
import pytest
from constructs import answers

from crmnb.stats.models.item_moments import (
    ClusterSums,
    cluster_numbers,
    cluster_sums,
    draws,
    item_moments,
    resampled,
    rescaled,
)
from crmnb.stats.models.maximum_likelihood import CannotFit


def with_gaps(seed: int) -> pd.DataFrame:
    frame = answers(seed)
    return frame.mask(np.random.default_rng(seed).random(frame.shape) < 0.05)


def test_moments_are_those_of_numpy_whatever_the_clusters():
    frame = answers(0)
    labels = np.random.default_rng(0).integers(0, 40, len(frame)).astype(str)
    for clusters in (None, cluster_numbers(labels)):
        moments = item_moments(cluster_sums(frame, clusters))
        assert moments.mean == pytest.approx(frame.mean().to_numpy(), rel=1e-12)
        assert moments.covariance == pytest.approx(np.cov(frame.T, ddof=0), rel=1e-10)
        assert moments.correlation == pytest.approx(frame.corr().to_numpy(), rel=1e-10)
        assert moments.n == len(frame)


def test_survey_weights_that_are_whole_numbers_are_rows_written_out():
    frame, times = answers(1), np.random.default_rng(1).integers(0, 4, 200)
    weighted, repeated = item_moments(cluster_sums(frame, weights=times)), frame.loc[frame.index.repeat(times)]
    assert weighted.mean == pytest.approx(repeated.mean().to_numpy())
    assert weighted.covariance == pytest.approx(np.cov(repeated.T, ddof=0))
    assert weighted.n == (times > 0).sum()


def test_sums_that_a_database_makes_give_the_same_moments():
    """About a centre that is known beforehand, the middle of the scale, by group of clusters."""
    frame = answers(12)
    labels = np.arange(200) % 20
    expected, items = cluster_sums(frame, labels), list(frame)
    pairs = [(items[a], items[b]) for a, b in zip(*np.triu_indices(len(items)), strict=True)]
    columns = [f"sum({item} - 5.5)" for item in items] + [f"sum(({a} - 5.5) * ({b} - 5.5))" for a, b in pairs]
    sql = f"select count(*), {', '.join(columns)} from answers group by label order by label"
    rows = duckdb.from_df(frame.assign(label=labels)).query("answers", sql).df().to_numpy()
    sums = ClusterSums(tuple(items), np.full(9, 5.5), rows[:, 0], rows[:, 1:10], rows[:, 10:], n=200)
    assert item_moments(sums).covariance == pytest.approx(item_moments(expected).covariance)
    counts = next(draws(20, 4, seed=1))
    assert resampled(sums, counts).mean == pytest.approx(resampled(expected, counts).mean)
    assert resampled(sums, counts).correlation == pytest.approx(resampled(expected, counts).correlation)


def test_digits_survive_a_mean_that_is_large_beside_the_deviations():
    frame = answers(2)
    far = item_moments(cluster_sums(frame + 1e9))
    assert far.correlation == pytest.approx(frame.corr().to_numpy(), abs=1e-7)


def test_respondents_with_gaps_are_left_out_and_counted():
    frame = with_gaps(3)
    complete = frame.dropna()
    sums = cluster_sums(frame)
    assert (sums.n, sums.incomplete) == (len(complete), len(frame) - len(complete))
    assert cluster_sums(complete).incomplete == 0
    assert item_moments(sums).covariance == pytest.approx(np.cov(complete.T, ddof=0))


def test_or_they_get_the_mean_of_the_item_where_that_is_declared():
    frame = with_gaps(4)
    frame.loc[7] = np.nan  # nobody answers nothing
    sums = cluster_sums(frame, missing="mean")
    replaced = frame.drop(index=7).fillna(frame.mean())
    assert (sums.n, sums.incomplete) == (len(frame) - 1, frame.isna().any(axis=1).sum())
    assert item_moments(sums).mean == pytest.approx(frame.mean().to_numpy())
    assert item_moments(sums).covariance == pytest.approx(np.cov(replaced.T, ddof=0))


def test_no_complete_answer_is_refused():
    frame = answers(5)
    with pytest.raises(CannotFit, match="no_complete_answers"):
        cluster_sums(frame.assign(s1=np.nan))
    with pytest.raises(CannotFit, match="no_complete_answers"):
        cluster_sums(frame.assign(s1=np.nan), missing="mean")


@pytest.mark.parametrize(
    "arguments",
    [
        {"missing": "pairwise"},
        {"weights": np.full(200, -1.0)},
        {"weights": np.ones(3)},
        {"weights": np.full(200, np.nan)},
    ],
)
def test_arguments_that_cannot_be_meant_are_refused(arguments):
    with pytest.raises(ValueError, match="are to be"):
        cluster_sums(answers(6), **arguments)
    with pytest.raises(ValueError, match="label is missing"):
        cluster_numbers(["a", None])


def test_scales_lead_to_0_100_of_reversed_items_too():
    frame = answers(7)
    scales = dict.fromkeys(frame, (-40.0, 90.0)) | {"s2": (90.0, -40.0)}
    moments = item_moments(rescaled(cluster_sums(frame), scales))
    points = pd.DataFrame({item: (frame[item] - low) / (high - low) * 100 for item, (low, high) in scales.items()})
    points = points[list(frame)]
    assert moments.mean == pytest.approx(points.mean().to_numpy())
    assert moments.covariance == pytest.approx(np.cov(points.T, ddof=0))
    with pytest.raises(ValueError, match="ends of an item's scale are equal"):
        rescaled(cluster_sums(frame), scales | {"s1": (1.0, 1.0)})


def test_a_replicate_is_the_sample_with_each_cluster_as_often_as_it_was_drawn():
    frame, labels = answers(8), np.random.default_rng(8).integers(0, 30, 200)
    clusters = cluster_numbers(labels)
    sums = cluster_sums(frame, clusters)
    counts = next(draws(30, 5, seed=3))
    many = resampled(sums, counts)
    for number, count in enumerate(counts):
        repeated = frame.loc[frame.index.repeat(count[clusters].astype(int))]
        assert many.mean[number] == pytest.approx(repeated.mean().to_numpy())
        assert many.covariance[number] == pytest.approx(np.cov(repeated.T, ddof=0))


def test_an_item_that_does_not_vary_in_a_replicate_has_no_correlation_there():
    frame = answers(9, n=12).assign(s1=[7.3] + [2.1] * 11)
    counts = np.ones((2, 12))
    counts[0, 0] = 0
    correlation = resampled(cluster_sums(frame), counts).correlation
    place = list(frame).index("s1")
    assert np.isnan(correlation[0, place]).all()
    assert np.isfinite(correlation[1]).all()


def test_draws_are_repeatable_and_take_as_many_clusters_as_there_are():
    chunks = list(draws(40, 1200, seed=5))
    assert [len(chunk) for chunk in chunks] == [500, 500, 200]
    assert all((chunk.sum(axis=1) == 40).all() for chunk in chunks)
    assert all((a == b).all() for a, b in zip(chunks, draws(40, 1200, seed=5), strict=True))
    assert not (chunks[0] == chunks[1]).all()
    counts = np.concatenate(chunks)
    assert counts.mean() == 1
    assert counts.var() == pytest.approx(1 - 1 / 40, abs=0.02)  # of a multinomial


def test_more_clusters_than_groups_are_dealt_into_groups_of_equal_size():
    numbers = cluster_numbers(np.arange(10_000) // 2, groups=50)
    assert np.bincount(numbers).tolist() == [200] * 50
    assert (numbers[::2] == numbers[1::2]).all()  # a cluster stays together
    assert cluster_numbers(list("bab"), groups=50).tolist() == [0, 1, 0]
