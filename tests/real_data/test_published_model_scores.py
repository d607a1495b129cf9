"""Scores of forecasts, held to what scikit-learn documents and computes."""

import numpy as np
import pytest
from scipy.special import expit, logit
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, roc_auc_score

from crmnb.stats.model_quality import Scores, auc, scores_of


def test_scores_of_four_forecasts_as_scikit_learn_documents_them():
    """AUC .75 (roc_auc_score) and Brier score .0375 (brier_score_loss) of four forecasts, weighted and repeated alike."""
    ranked = Scores(np.ones(4), np.array([0.1, 0.4, 0.35, 0.8]), np.array([0.0, 0, 1, 1]))
    assert auc(ranked, np.ones((1, 4)))[0] == pytest.approx(0.75)
    judged = Scores(np.ones(4), np.array([0.1, 0.9, 0.8, 0.3]), np.array([0.0, 1, 1, 0]))
    weights = np.array([[1.0, 1, 1, 1], [7, 7, 7, 7]])
    assert scores_of(judged, weights)[:, 1] == pytest.approx([0.0375, 0.0375])


def test_scores_by_scikit_learn():
    random = np.random.default_rng(5)
    probability = np.round(random.beta(2, 5, 3000), 2).clip(0.01, 0.99)  # with ties
    lost = (random.random(3000) < expit(0.2 + 0.7 * logit(probability))).astype(float)
    weights = random.integers(1, 4, 3000).astype(float)
    found = scores_of(Scores(np.ones(3000), probability, lost), weights[None])[0]
    fitted = LogisticRegression(C=np.inf).fit(logit(probability)[:, None], lost, sample_weight=weights)
    share = np.average(lost, weights=weights)
    expected = [
        roc_auc_score(lost, probability, sample_weight=weights),
        brier_score_loss(lost, probability, sample_weight=weights),
        share * (1 - share),
        fitted.coef_[0, 0],
    ]
    assert found == pytest.approx(expected, rel=1e-3)
    assert found[3] == pytest.approx(0.7, abs=0.15)
