"""Models: how well the suite's own models of customers forecast what they have not seen."""

from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import Estimator
from crmnb.metrics.features.purchase_history import MARGINS, value_histories
from crmnb.metrics.measures import of_counts
from crmnb.schema.client import Churn, Dates, Worth

_SCORES = Estimator(  # the folds are unused: with them, it shares the counts of the forecasts
    "scores on a holdout",
    "counts",
    "model_quality.effectiveness",
    "percentile bootstrap of customers",
    sums=MARGINS,
    folds=200,
    joint=True,
    chart="breakdown",
)
_UNITS = {"CLV: total error": "%", "CLV: total error of a naive forecast": "%"}


@metric(
    title="Model effectiveness",
    unit="ratio",
    kind="process",
    direction="-",
    published="test_published_model_scores.py::test_scores_of_four_forecasts_as_scikit_learn_documents_them",
    per_customer=True,
)
def model_effectiveness(
    payments, tenures, joined, *, churn: Churn, worth: Worth, dates: Dates, renewal_months: int = 1
):
    """How the models of churn and CLV did on a holdout, which they had not seen: AUC, Brier score and calibration slope of churn; total error of CLV.

    AUC: the chance that a lost customer had a higher risk than a kept one (0.5 is a coin, 1 is perfect). Brier score: mean squared
    error of the risk, beside that of giving everybody the same risk; lower is better. Calibration slope: 1 is right, below 1
    high and low risks are exaggerated. Lost are contracts that end in the holdout; without contracts, customers without a purchase in it.

    Why: a list of customers at risk is as good as the model behind it.
    Caution: one holdout is one draw of the future. A model that knows only tenure and purchases cannot tell customers apart who are alike in these.
    Formula: AUC: (W + T / 2) / (n_1 * n_0) | Brier score: sum_i((p_i - y_i) ** 2) / n | total error: (F - A) / A, where n_1 = customers who
    were lost; n_0 = customers who were kept; W = pairs of a lost and a kept customer of whom the lost one had the higher risk; T = pairs
    with equal risks; p_i = the forecast risk of customer i; y_i = 1 if customer i was lost, otherwise 0; F = forecast margin or purchases
    of all; A = the actual ones.
    Source: Hanley & McNeil 1982, Radiology 143:29 (AUC); Brier 1950, Monthly Weather Review 78:1; Steyerberg et al. 2010, Epidemiology
        21:128 (calibration slope); Fader, Hardie & Lee 2005, Marketing Science 24:275, section 4 (holdout).
    """
    histories = value_histories(payments, tenures, joined, churn, worth, dates)
    return of_counts(
        histories,
        _SCORES,
        numerator="scores of the forecasts",
        denominator="customers known before the holdout",
        breakdown="score",
        units=_UNITS,
    )
