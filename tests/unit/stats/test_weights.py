"""Raking and weighted means: against loops over groups and regressions with robust errors, their limits, and what is refused."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import linprog
from statsmodels.api import WLS

from crmnb.stats.models.maximum_likelihood import CannotFit
from crmnb.stats.weights import effective_n, rake, raking_factors, weighted_mean

MARGINS = {
    "region": {"north": 0.5, "south": 0.3, "west": 0.2},
    "tenure": {"new": 4000, "old": 6000},
    "size": {"small": 1, "large": 1},
}


def sample(seed: int, n: int = 400) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    region = draw.choice(["north", "south", "west"], n, p=[0.3, 0.3, 0.4])
    tenure = np.where(draw.random(n) < np.where(region == "west", 0.6, 0.2), "new", "old")
    return pd.DataFrame({"region": region, "tenure": tenure, "size": draw.choice(["small", "large"], n, p=[0.7, 0.3])})


def by_hand(frame: pd.DataFrame, weights: pd.Series, rounds: int = 80) -> pd.Series:
    for _ in range(rounds):
        for variable, levels in MARGINS.items():
            shares = weights.groupby(frame[variable]).sum() / weights.sum()
            weights = weights * frame[variable].map(pd.Series(levels) / sum(levels.values()) / shares)
    return weights * len(frame) / weights.sum()


@pytest.mark.parametrize("seed", range(3))
def test_raked_weights_are_those_of_deming_and_stephan_written_out(seed):
    frame = sample(seed)
    base = pd.Series(np.random.default_rng(seed).uniform(0.5, 2, len(frame)))
    for start in (None, base):
        raked = rake(frame, MARGINS, start, tolerance=1e-12)
        assert raked.converged
        assert raked.deviation < 1e-12
        expected = by_hand(frame, pd.Series(np.ones(len(frame))) if start is None else start)
        assert raked.weights == pytest.approx(expected.to_numpy(), rel=1e-9)


def test_margins_are_met_and_told_before_and_after():
    frame = sample(4)
    raked = rake(frame, MARGINS)
    assert raked.weights.mean() == pytest.approx(1)
    assert raked.margins["weighted"].to_numpy() == pytest.approx(raked.margins["target"].to_numpy(), abs=1e-7)
    assert raked.margins.loc["tenure", "target"].to_dict() == {"new": 0.4, "old": 0.6}
    assert raked.margins.loc["region", "n"].to_dict() == frame["region"].value_counts().to_dict()
    assert raked.margins.loc["region", "sample"].to_dict() == pytest.approx(
        frame["region"].value_counts(normalize=True).to_dict()
    )


def test_a_sample_with_the_margins_of_its_population_has_equal_weights():
    frame = pd.DataFrame({"region": ["north"] * 5 + ["south"] * 3 + ["west"] * 2})
    raked = rake(frame, {"region": MARGINS["region"]})
    assert raked.weights == pytest.approx(1)
    assert (raked.effective_n, raked.design_effect) == (pytest.approx(10), pytest.approx(1))
    assert (raked.converged, raked.trimmed) == (True, 0)


def test_kish_effective_n():
    assert effective_n([1, 1, 1, 1]) == 4
    assert effective_n([3, 1, 0, 0]) == pytest.approx(1.6)
    raked = rake(sample(5), MARGINS)
    assert raked.design_effect == pytest.approx(
        1 + raked.weights.var()
    )  # Kish 1992: 1 + squared coefficient of variation
    assert raked.effective_n * raked.design_effect == pytest.approx(400)


def feasible(frame: pd.DataFrame, limits: tuple[float, float]) -> bool:
    """Whether any weights within limits meet the margins: a linear programme."""
    pairs = [(variable, level) for variable, levels in MARGINS.items() for level in levels]
    totals = [len(frame) * MARGINS[variable][level] / sum(MARGINS[variable].values()) for variable, level in pairs]
    rows = [(frame[variable] == level).to_numpy(float) for variable, level in pairs]
    return linprog(np.zeros(len(frame)), A_eq=rows, b_eq=totals, bounds=limits).status == 0


@pytest.mark.parametrize("limits", [(0.2, 2.4), (0.2, 2.2), (0.3, 2.2), (0.4, 2.0)])
def test_limits_hold_and_the_margins_are_met_wherever_any_weights_can(limits):
    frame = sample(6)
    raked = rake(frame, MARGINS, limits=limits)
    assert raked.converged is feasible(frame, limits)
    if raked.converged:
        assert raked.weights.max() == pytest.approx(limits[1], abs=1e-5)
        assert raked.weights.min() >= limits[0] - 1e-5
        assert raked.trimmed == sum((np.abs(raked.weights - limit) < 1e-5).sum() for limit in limits)
        assert raked.margins["weighted"].to_numpy() == pytest.approx(raked.margins["target"].to_numpy(), abs=1e-6)


def test_without_limits_none_is_trimmed():
    raked = rake(sample(6), MARGINS)
    assert raked.weights.max() > 4
    assert raked.trimmed == 0


def test_limits_that_are_too_narrow_are_told():
    raked = rake(sample(7), MARGINS, limits=(0.9, 1.1), max_iterations=50)
    assert not raked.converged
    assert raked.iterations == 50
    assert raked.deviation > 0.05


def test_margins_that_contradict_each_other_are_told():
    """All new customers live in the west: more of them than live there cannot be had."""
    frame = pd.DataFrame({"region": ["west"] * 4 + ["north"] * 6, "tenure": ["new"] * 4 + ["old"] * 6})
    raked = rake(frame, {"region": {"west": 0.2, "north": 0.8}, "tenure": {"new": 0.5, "old": 0.5}})
    assert not raked.converged
    assert raked.deviation == pytest.approx(0.3)


def test_levels_that_cannot_be_represented_are_named():
    frame = sample(8)
    with pytest.raises(CannotFit) as error:
        rake(frame, MARGINS | {"region": MARGINS["region"] | {"east": 0.1}})
    assert error.value.reason.code == "levels_without_respondents"
    assert error.value.reason.values == {"variable": "region", "levels": ("east",)}
    with pytest.raises(CannotFit) as error:
        rake(frame.replace({"region": {"west": None}}), MARGINS)
    assert error.value.reason.code == "levels_without_margin"
    assert rake(frame, MARGINS | {"region": MARGINS["region"] | {"east": 0}}).converged  # nobody there to represent


@pytest.mark.parametrize(
    "arguments",
    [
        {"base_weights": np.zeros(400)},
        {"base_weights": np.ones(3)},
        {"limits": (1.0, 2.0)},
        {"limits": (0.2, 0.9)},
        {"tolerance": 0},
        {"margins": {}},
        {"margins": {"tenure": {"new": -1, "old": 2}}},
        {"margins": {"tenure": {"new": 0, "old": 0}}},
    ],
)
def test_arguments_that_cannot_be_meant_are_refused(arguments):
    with pytest.raises(ValueError, match=r"are to be|are needed"):
        rake(sample(9), **({"margins": MARGINS} | arguments))


def test_many_samples_are_raked_as_each_is_alone():
    frame = sample(10)
    cells = frame.drop_duplicates(ignore_index=True)
    place = pd.MultiIndex.from_frame(frame).map({tuple(row): i for i, row in enumerate(cells.itertuples(index=False))})
    draw = np.random.default_rng(10)
    counts = np.array([np.bincount(place[draw.integers(0, 400, 400)], minlength=len(cells)) for _ in range(5)])
    counts[3, (cells["region"] == "west").to_numpy()] = 0  # nobody of a level
    factors, deviation = raking_factors(cells, counts, MARGINS)
    assert np.isnan(deviation).tolist() == [False, False, False, True, False]
    for number in (0, 1, 2, 4):
        rows = cells.loc[cells.index.repeat(counts[number])]
        raked = rake(rows, MARGINS)
        assert np.repeat(factors[number], counts[number]) == pytest.approx(raked.weights, rel=1e-4)
        assert deviation[number] < 1e-7


def test_the_mean_and_its_error_are_those_of_a_regression_on_a_constant():
    draw = np.random.default_rng(11)
    y, w, cluster = draw.normal(5, 2, 120), draw.uniform(0.2, 3, 120), draw.integers(0, 30, 120)
    y = y + draw.normal(size=30)[cluster]
    plain = weighted_mean(y, w)
    model = WLS(y, np.ones(120), w)
    assert plain.value == pytest.approx(model.fit().params[0])
    assert plain.standard_error == pytest.approx(model.fit(cov_type="HC1").bse[0])
    clustered = weighted_mean(y, w, clusters=cluster)
    assert clustered.standard_error == pytest.approx(model.fit(cov_type="cluster", cov_kwds={"groups": cluster}).bse[0])
    assert clustered.clusters == len(np.unique(cluster))
    equal = weighted_mean(y)
    assert equal.standard_error == pytest.approx(y.std(ddof=1) / np.sqrt(120))


def test_strata_add_their_variances_and_clusters_are_those_of_their_stratum():
    draw = np.random.default_rng(12)
    frame = pd.DataFrame({"h": np.repeat([0, 1, 2], 40), "c": np.tile(np.repeat(np.arange(8), 5), 3)})
    frame["y"], frame["w"] = draw.normal(frame["h"], 1), draw.uniform(1, 2, 120)
    frame["N"] = frame["h"].map({0: 10, 1: 20, 2: 8})
    result = weighted_mean(frame["y"], frame["w"], frame["h"], frame["c"], frame["N"])
    mean, total = np.average(frame["y"], weights=frame["w"]), 0.0
    for stratum, rows in frame.groupby("h"):
        z = [(of["w"] * (of["y"] - mean)).sum() / frame["w"].sum() for _, of in rows.groupby("c")]
        total += (1 - 8 / {0: 10, 1: 20, 2: 8}[stratum]) * 8 * np.var(z, ddof=1)
    assert result.value == pytest.approx(mean)
    assert result.standard_error == pytest.approx(np.sqrt(total))
    assert (result.n, result.clusters, result.strata, result.degrees_of_freedom) == (120, 24, 3, 21)


def test_a_population_that_was_asked_whole_has_no_error():
    assert weighted_mean([1, 2, 3, 9], population=[4] * 4).standard_error == 0


def test_a_stratum_with_one_cluster_has_no_variance_unless_it_is_all_there_is():
    with pytest.raises(CannotFit, match=r"strata_with_one_cluster\(strata=\('b',\)"):
        weighted_mean([1, 2, 3], strata=list("aab"))
    whole = weighted_mean([1, 2, 3], strata=list("aab"), population=[10, 10, 1])
    assert whole.standard_error == pytest.approx(np.sqrt(0.8 * 2 * np.var([-1 / 3, 0], ddof=1)))


def test_means_that_cannot_be_meant_are_refused():
    for arguments in (([],), ([1, np.nan],), ([1, 2], [1, -1]), ([1, 2], [0, 0]), ([1, 2], [1, 1, 1])):
        with pytest.raises(ValueError, match="finite numbers"):
            weighted_mean(*arguments)
    with pytest.raises(ValueError, match="fewer clusters in the population"):
        weighted_mean([1, 2], population=[1, 1])


def test_intervals_of_stratified_samples_hold_the_truth():
    draw = np.random.default_rng(13)
    sizes, drawn = [2000, 500, 100], [40, 30, 30]
    strata = [
        draw.normal(mean, scale, size) for mean, scale, size in zip([50, 70, 90], [10, 20, 5], sizes, strict=True)
    ]
    truth, held = np.concatenate(strata).mean(), []
    for _ in range(500):
        samples = [draw.choice(of, n, replace=False) for of, n in zip(strata, drawn, strict=True)]
        result = weighted_mean(
            np.concatenate(samples),
            np.repeat(np.divide(sizes, drawn), drawn),
            np.repeat([0, 1, 2], drawn),
            population=np.repeat(sizes, drawn),
        )
        held.append(abs(result.value - truth) < 1.98 * result.standard_error)
    assert 0.925 <= np.mean(held) <= 0.97
