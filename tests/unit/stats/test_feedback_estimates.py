"""Net sentiment and differences by theme: against other routes, and how often their intervals hold the truth."""

import numpy as np
import pandas as pd
import pytest
import statsmodels.formula.api as smf
from scipy import stats

from crmnb.stats.estimation import EstimationContext, GroupedCounts
from crmnb.stats.feedback import net_sentiment, theme_effects


def group(counts: pd.DataFrame, breakdown: str = "", win: str = "current") -> GroupedCounts:
    counts = counts.assign(n=1.0) if "n" not in counts else counts
    return GroupedCounts(win, breakdown, "", "", counts, float(counts["fold"].nunique()))


def sentiment_of(counts: pd.DataFrame, misclassified: tuple[float, ...] = ()) -> dict:
    settings = {"sentiment_source": "scores", "misclassified": misclassified}
    return net_sentiment([group(counts)], EstimationContext(0.95, settings)).rows[0]


def comments(classes: np.ndarray, customers: np.ndarray | None = None) -> pd.DataFrame:
    folds = np.arange(len(classes)) if customers is None else customers
    return pd.DataFrame({"sentiment_class": classes, "fold": folds})


# ---- Sentiment -------------------------------------------------------------------------------------------------------


def test_net_sentiment_is_positive_less_negative():
    row = sentiment_of(comments(np.array([1] * 20 + [0] * 8 + [-1] * 8)))
    assert row["value"] == pytest.approx(100 / 3)
    # The adjusted Wald interval of published.md for the same 36 answers: 5.24 to 56.30.
    assert (row["low"], row["high"]) == pytest.approx((5.24, 56.30), abs=2.5)


def test_a_few_comments_that_are_alike_have_an_interval():
    row = sentiment_of(comments(np.zeros(10, int)))
    assert row["value"] == 0
    assert row["low"] < -5
    assert row["high"] > 5


def test_the_interval_holds_the_truth_with_clusters_as_often_as_it_says():
    rng, held, samples = np.random.default_rng(1), 0, 200
    for _ in range(samples):
        customer = rng.integers(0, 120, 300)
        own = rng.normal(size=120)[customer] * 0.6 + rng.normal(size=300) * 0.8
        row = sentiment_of(comments(np.where(own > 0, 1, np.where(own < -0.8, -1, 0)), customer))
        true = 100 * (0.5 - stats.norm.cdf(-0.8))
        held += row["low"] <= true <= row["high"]
    assert 0.915 <= held / samples <= 0.985


def test_the_corrected_interval_holds_the_labels_truth_as_often_as_it_says():
    """300 labels, of which 75% are classified right; without the correction the interval would hold next to nothing."""
    rates = np.array([[0.7, 0.2, 0.1], [0.1, 0.7, 0.2], [0.02, 0.13, 0.85]])
    rng, held, plain, samples = np.random.default_rng(2), 0, 0, 150
    for _ in range(samples):
        labels = rng.choice([-1, 0, 1], 1300, p=[0.4, 0.3, 0.3])
        classes = (rng.random(1300)[:, None] > np.cumsum(rates[labels + 1], axis=1)).sum(axis=1) - 1
        sample = [((labels[:300] == y) & (classes[:300] == c)).sum() for y in (-1, 0, 1) for c in (-1, 0, 1)]
        corrected, uncorrected = (
            sentiment_of(comments(classes[300:]), errors) for errors in (tuple(map(float, sample)), ())
        )
        held += corrected["low"] <= -10 <= corrected["high"]
        plain += uncorrected["low"] <= -10 <= uncorrected["high"]
    assert 0.925 <= held / samples <= 0.99
    assert plain / samples < 0.5


def test_the_same_customers_in_both_periods_are_correlated():
    rng = np.random.default_rng(3)
    own = np.where(rng.random(200) < 0.5, 1, -1)
    groups = [group(comments(own), win=win) for win in ("current", "comparison")]
    settings = {"sentiment_source": "scores", "misclassified": ()}
    rows = net_sentiment(groups, EstimationContext(0.95, settings)).rows
    assert next(row for row in rows if row["win"] == "current")["correlation"] > 0.95


# ---- Themes ----------------------------------------------------------------------------------------------------------


def effect_rows(counts: dict[str, pd.DataFrame], level: float = 0.95):
    estimates = theme_effects([group(own, theme) for theme, own in counts.items()], EstimationContext(level))
    return {row["breakdown"]: row for row in estimates.rows}, estimates.notes


def answers(rng: np.random.Generator, n: int, difference: float, customers: int = 0) -> pd.DataFrame:
    """Answers on 0 to 100 in two surveys; support answers are 20 lower, and raise the theme more often."""
    survey = rng.choice(["purchase", "support"], n)
    mentioned = (rng.random(n) < np.where(survey == "support", 0.4, 0.15)).astype(int)
    customer = rng.integers(0, customers, n) if customers else np.arange(n)
    own = rng.normal(size=max(customers, n))[customer] * (10 if customers else 0)
    points = 70 - 20 * (survey == "support") + difference * mentioned + own + rng.normal(size=n) * 15
    return pd.DataFrame({"survey": survey, "mentioned": mentioned, "points": points, "fold": customer})


def test_the_difference_is_that_of_a_regression_with_surveys():
    counts = answers(np.random.default_rng(1), 400, -8, customers=150)
    rows, _ = effect_rows({"Till": counts})
    fit = smf.ols("points ~ mentioned + C(survey)", counts).fit(cov_type="cluster", cov_kwds={"groups": counts["fold"]})
    assert rows["Till"]["value"] == pytest.approx(fit.params["mentioned"], rel=1e-9)
    half = (rows["Till"]["high"] - rows["Till"]["low"]) / 2
    assert half == pytest.approx(1.97 * fit.bse["mentioned"], rel=0.05)
    assert (rows["Till"]["n"], rows["Till"]["clusters"]) == (
        counts["mentioned"].sum(),
        counts.loc[counts["mentioned"] == 1, "fold"].nunique(),
    )


def test_of_one_survey_it_is_welchs_interval():
    counts = answers(np.random.default_rng(2), 200, -8).assign(survey="s")
    rows, _ = effect_rows({"Till": counts})
    about, others = (counts.loc[counts["mentioned"] == side, "points"] for side in (1, 0))
    limits = stats.ttest_ind(about, others, equal_var=False).confidence_interval(0.95)
    assert (rows["Till"]["low"], rows["Till"]["high"]) == pytest.approx((limits.low, limits.high), rel=5e-3)


def test_alike_rows_may_be_counted_together():
    counts = answers(np.random.default_rng(3), 300, 5, customers=90).round(0)
    together = counts.value_counts().rename("n").reset_index().assign(n=lambda rows: rows["n"].astype(float))
    (rows, _), (summed, _) = effect_rows({"Till": counts}), effect_rows({"Till": together})
    for name in ("value", "low", "high", "n", "clusters"):
        assert rows["Till"][name] == pytest.approx(summed["Till"][name], rel=1e-12)


def test_the_interval_of_the_difference_holds_the_truth_as_often_as_it_says():
    rng, held, samples = np.random.default_rng(4), 0, 250
    for _ in range(samples):
        rows, _ = effect_rows({"Till": answers(rng, 200, -8, customers=70)})
        held += rows["Till"]["low"] <= -8 <= rows["Till"]["high"]
    assert 0.92 <= held / samples <= 0.98


def test_holm_detects_none_of_many_themes_without_a_difference():
    """12 themes, nothing to find: at most about 5% of the reports detect anything, though single intervals miss 0 in most."""
    rng, false, single, reports = np.random.default_rng(5), 0, 0, 80
    for _ in range(reports):
        rows, (note,) = effect_rows({f"theme {at}": answers(rng, 120, 0) for at in range(12)})
        false += note.code == "theme_effects_detected"
        single += any(not row["low"] <= 0 <= row["high"] for row in rows.values())
    assert false / reports <= 0.13
    assert single / reports > 0.25


def test_a_theme_of_everybody_or_nobody_has_a_reason():
    counts = answers(np.random.default_rng(6), 60, 0).assign(mentioned=1)
    rows, notes = effect_rows({"Till": counts})
    assert "no_comments_on_both_sides" in rows["Till"]["reason"]
    assert np.isnan(rows["Till"]["value"])
    assert notes == []
