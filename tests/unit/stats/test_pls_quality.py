"""Criteria of a path model: against formulas on the answers themselves, their limits, and the notes that they lead to."""

import numpy as np
import pandas as pd
import pytest
from constructs import BLOCKS, PATHS, answers
from statsmodels.stats.outliers_influence import variance_inflation_factor

from crmnb.stats.models.item_moments import cluster_sums, item_moments
from crmnb.stats.models.pls import fit_path_model, scores
from crmnb.stats.models.pls_model import path_model
from crmnb.stats.models.pls_quality import path_notes, path_quality


def assessed(frame: pd.DataFrame, modes: dict | None = None):
    fit = fit_path_model(item_moments(cluster_sums(frame)), path_model(BLOCKS, PATHS, modes))
    return fit, path_quality(fit)


def codes(frame: pd.DataFrame, modes: dict | None = None) -> list[str]:
    fit, quality = assessed(frame, modes)
    return [note.code for note in path_notes(fit, quality)]


def test_alpha_is_that_of_the_sum_of_standardised_items():
    frame = answers(0)
    z = (frame - frame.mean()) / frame.std()
    _, quality = assessed(frame)
    for construct, items in list(BLOCKS.items())[:3]:
        k, of = len(items), z[items]
        expected = k / (k - 1) * (1 - of.var().sum() / of.sum(axis=1).var())
        assert quality.constructs.loc[construct, "alpha"] == pytest.approx(expected)


def test_items_that_measure_one_factor_equally_well_have_its_reliability():
    """Of parallel items, alpha and rho_A are the reliability of their sum; composite reliability is above, as loadings are those of scores."""
    frame = answers(1, n=100_000, noise=0.7)
    _, quality = assessed(frame)
    variance = 1 + 0.25  # of service
    expected = 9 * variance / (9 * variance + 3 * 0.49)
    row = quality.constructs.loc["service"]
    assert row["alpha"] == pytest.approx(expected, abs=0.003)
    assert row["rho_a"] == pytest.approx(expected, abs=0.003)
    assert row["composite_reliability"] > row["rho_a"]
    assert row["ave"] == pytest.approx((quality.items.loc[BLOCKS["service"], "loading"] ** 2).mean())


def test_htmt_is_the_correlation_without_measurement_error():
    frame = answers(2, n=100_000, noise=0.7)
    _, quality = assessed(frame)
    true = 0.5 / np.sqrt(1.25)  # of price and service
    assert quality.htmt.loc["price", "service"] == pytest.approx(true, abs=0.01)
    assert quality.htmt.to_numpy() == pytest.approx(quality.htmt.to_numpy().T, nan_ok=True)
    assert np.isnan(np.diag(quality.htmt)).all()


def test_variance_inflation_is_that_of_statsmodels():
    frame = answers(3)
    fit, quality = assessed(frame)
    z = frame[BLOCKS["index"]] - frame[BLOCKS["index"]].mean()
    assert quality.items.loc[BLOCKS["index"], "vif"].to_numpy() == pytest.approx(
        [variance_inflation_factor(z.to_numpy(), i) for i in range(3)]
    )
    drivers = scores(fit, frame)[["price", "service"]].to_numpy()
    assert quality.inner_vif[[("price", "index"), ("service", "index")]].to_numpy() == pytest.approx(
        [variance_inflation_factor(drivers, i) for i in range(2)]
    )
    assert quality.inner_vif[("price", "service")] == pytest.approx(1)
    assert quality.items.loc["l1", "vif"] == pytest.approx(1)


def test_an_item_that_follows_from_others_has_infinite_variance_inflation_and_the_rest_have_not():
    frame = answers(4)
    _, quality = assessed(frame.assign(s3=frame["s2"] * 2))
    assert quality.items.loc[BLOCKS["service"], "vif"].tolist() == [pytest.approx(1.9, abs=0.6), np.inf, np.inf]


def test_of_a_single_item_and_of_mode_b_reliability_is_unknown():
    _, quality = assessed(answers(5), {"service": "B"})
    measured = quality.constructs[["alpha", "rho_a", "composite_reliability", "ave"]]
    assert measured.isna().all(axis=1).tolist() == [False, True, False, True]
    assert measured.loc[["price", "index"]].notna().all(axis=None)
    assert quality.htmt["service"].isna().all()
    assert quality.constructs["r2"].isna().tolist() == [True, False, False, False]


def test_the_other_construct_of_an_item_is_the_one_it_correlates_with_most():
    frame = answers(6)
    fit, quality = assessed(frame)
    correlations = pd.concat([frame, scores(fit, frame)], axis=1).corr().loc[list(quality.items.index), list(BLOCKS)]
    for item, row in quality.items.iterrows():
        others = correlations.loc[item].drop(row["construct"]).abs()
        assert row["other"] == others.idxmax()
        assert row["cross_loading"] == pytest.approx(correlations.loc[item, row["other"]])
        assert row["loading"] == pytest.approx(correlations.loc[item, row["construct"]])


def test_a_model_without_faults_has_no_notes():
    assert codes(answers(7, n=500, noise=0.5)) == []


def test_constructs_that_ask_the_same_are_hard_to_separate():
    frame = answers(8, n=500, noise=0.5)
    draw = np.random.default_rng(88)
    frame = frame.assign(p1=frame["s1"] + draw.normal(size=500), p2=frame["s2"] + draw.normal(size=500))
    fit, quality = assessed(frame)
    notes = path_notes(fit, quality)
    assert [note.code for note in notes][:2] == ["constructs_hard_to_separate", "drivers_collinear"]
    assert notes[0].values == {
        "construct": "price",
        "other": "service",
        "htmt": pytest.approx(quality.htmt.loc["price", "service"]),
    }
    assert notes[1].values["outcome"] in ("index", "loyalty")


def test_items_that_do_not_belong_are_named():
    frame = answers(9, n=500, noise=0.5)
    draw = np.random.default_rng(99)
    assert "weak_item" in codes(frame.assign(s3=draw.normal(size=500)))
    fit, quality = assessed(frame.assign(s3=frame["i1"] + draw.normal(size=500)))
    notes = {note.code: note.values for note in path_notes(fit, quality)}
    assert notes["item_fits_other_construct"] == {"item": "s3", "construct": "service", "other": "index"}
    notes = {note.code: note.values for note in path_notes(*assessed(frame.assign(s3=-0.9 * frame["s3"])))}
    assert notes["negative_weights"] == {"construct": "service", "items": ("s3",)}


def test_answers_that_do_not_agree_are_unreliable_with_bounds():
    fit, quality = assessed(answers(10, n=500, noise=2.5))
    notes = [note.values for note in path_notes(fit, quality) if note.code == "unreliable_construct"]
    assert {values["construct"] for values in notes} >= {"price", "service"}
    assert all(values["low"] < values["high"] for values in notes)
    assert "low_ave" in codes(answers(10, n=500, noise=2.5))


def test_a_mode_b_block_is_judged_by_its_collinearity_alone():
    frame = answers(11, n=500, noise=0.2)
    assert "items_collinear" in codes(frame, {"service": "B"})
    assert "items_collinear" not in codes(frame)
