"""Published figures of survival: what books and R's survival package print.

tests/data/rossi.csv: 432 convicts released in Maryland, a year each (Rossi, Berk & Lenihan 1980, Money, Work, and Crime; in R's
carData). tests/data/lung.csv: 228 patients (Loprinzi et al. 1994, Journal of Clinical Oncology 12:601; in R's survival, sex 1 and 2),
the 214 whose loss of weight is known. Both as they come with the lifelines package (MIT licence).
"""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crmnb.stats.case_times import ninetieth_percentile
from crmnb.stats.estimation import EstimationContext, GroupedCounts
from crmnb.stats.models.clustered_kaplan_meier import restricted_mean, restricted_mean_error
from crmnb.stats.models.cox import cox, proportionality
from crmnb.stats.models.kaplan_meier import kaplan_meier, logrank, quantile

pytestmark = pytest.mark.published

DATA = Path(__file__).parents[1] / "data"


def rows(duration, event) -> tuple:
    """All observed from the start, a row each."""
    return np.zeros(len(duration)), duration, event, np.ones(len(duration))


# Freireich et al. 1963, Blood 21:699: weeks of remission; Klein & Moeschberger 2003, Survival Analysis, 2nd ed., section 1.2.
SIX_MP = rows([6, 6, 6, 7, 10, 13, 16, 22, 23, 6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35], [1] * 9 + [0] * 12)
PLACEBO = rows([1, 1, 2, 2, 3, 4, 4, 5, 5, 8, 8, 8, 8, 11, 11, 12, 12, 15, 17, 22, 23], [1] * 21)


def test_freireich_6_mp_kaplan_meier():
    # Klein & Moeschberger, Table 4.1.
    table = kaplan_meier(*SIX_MP).table
    assert table["time"].tolist() == [6, 7, 10, 13, 16, 22, 23]
    assert table["at_risk"].tolist() == [21, 17, 15, 12, 11, 7, 6]
    assert table["value"].round(3).tolist() == [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    assert table["standard_error"].round(3).tolist() == [0.076, 0.087, 0.096, 0.107, 0.114, 0.128, 0.135]


def test_freireich_medians_with_brookmeyer_crowley_limits():
    # SAS, PROC LIFETEST (log-log is its default), and R, survfit(conf.type = "log-log").
    assert quantile(kaplan_meier(*SIX_MP)) == (23, 13, np.inf)
    assert quantile(kaplan_meier(*PLACEBO)) == (8, 4, 11)


def test_nine_of_ten_placebo_patients_relapse_within_17_weeks():
    # Kaplan-Meier of the placebo arm: 3/21 = .143 at 15 weeks, 2/21 = .095 at 17 (Kleinbaum & Klein 2012, Survival Analysis, 3rd ed., Table 2.1).
    counts = pd.DataFrame({"duration": PLACEBO[1], "event": PLACEBO[2], "n": 1.0, "fold": range(21)})
    (row,) = ninetieth_percentile([GroupedCounts("current", "", "", "", counts, 21.0)], EstimationContext(0.95)).rows
    assert row["value"] == 17


def test_freireich_logrank():
    # R, survdiff: 16.8 on 1 degree of freedom; Kleinbaum & Klein 2012, Survival Analysis, 3rd ed., chapter 2: 16.793.
    chi2, df, p = logrank([SIX_MP, PLACEBO])
    assert chi2 == pytest.approx(16.793, abs=5e-4)
    assert df == 1
    assert p < 0.0001


def test_freireich_cox_efron():
    # R, coxph on MASS::gehan: 1.57 (.412).
    both = [np.concatenate(pair) for pair in zip(SIX_MP, PLACEBO, strict=True)]
    fit = cox(*both[:3], pd.DataFrame({"control": [0] * 21 + [1] * 21}), both[3])
    assert fit.coefficients["control"] == pytest.approx(1.572, abs=5e-4)
    assert np.sqrt(fit.covariance.loc["control", "control"]) == pytest.approx(0.412, abs=5e-4)


# Acute myelogenous leukaemia, Miller 1997, in R as survival::aml; the figures are printed by survival 3.8.
MAINTAINED = rows([9, 13, 13, 18, 23, 28, 31, 34, 45, 48, 161], [1, 1, 0, 1, 1, 0, 1, 1, 0, 1, 0])
NOT_MAINTAINED = rows([5, 5, 8, 8, 12, 16, 23, 27, 30, 33, 43, 45], [1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1])


def test_aml_kaplan_meier_of_r():
    table = kaplan_meier(*MAINTAINED).table
    assert table["time"].tolist() == [9, 13, 18, 23, 31, 34, 48]
    assert table["at_risk"].tolist() == [11, 10, 8, 7, 5, 4, 2]
    survival = [0.90909090909, 0.81818181818, 0.71590909091, 0.61363636364, 0.49090909091, 0.36818181818, 0.18409090909]
    error = [0.086678417204, 0.11629129983, 0.13966497056, 0.15263233103, 0.16419326722, 0.16266888583, 0.15349274579]
    assert table["value"].to_numpy() == pytest.approx(survival, abs=1e-11)
    assert table["standard_error"].to_numpy() == pytest.approx(error, abs=1e-11)


def test_aml_medians_of_r():
    assert quantile(kaplan_meier(*MAINTAINED))[0] == 31
    assert quantile(kaplan_meier(*NOT_MAINTAINED))[0] == 23


def test_aml_restricted_means_of_r():
    # print(survfit(Surv(time, status) ~ x, aml), print.rmean = TRUE, rmean = "individual"): rmean and se(rmean), up to the last time of each arm.
    printed = {161: (52.6, 19.83), 45: (22.7, 4.18)}
    for (horizon, (mean, error)), arm in zip(printed.items(), (MAINTAINED, NOT_MAINTAINED), strict=True):
        curve = kaplan_meier(*arm)
        assert restricted_mean(curve, horizon) == pytest.approx(mean, abs=0.05)
        assert restricted_mean_error(curve, horizon) == pytest.approx(error, abs=0.005)


def test_aml_logrank_of_r():
    assert logrank([MAINTAINED, NOT_MAINTAINED]) == pytest.approx((3.396388699, 1, 0.065339322041), abs=1e-9)


def test_aml_cox_efron_of_r():
    both = [np.concatenate(pair) for pair in zip(MAINTAINED, NOT_MAINTAINED, strict=True)]
    fit = cox(*both[:3], pd.DataFrame({"nonmaintained": [0] * 11 + [1] * 12}), both[3])
    assert fit.coefficients.iloc[0] == pytest.approx(0.91553257501, abs=1e-9)
    assert np.sqrt(fit.covariance.iloc[0, 0]) == pytest.approx(0.51193427517, abs=1e-9)
    assert (fit.null_log_likelihood, fit.log_likelihood) == pytest.approx((-42.7248392628, -41.0326155965), abs=1e-9)


def test_rossi_cox_efron():
    # Fox & Weisberg, An R Companion to Applied Regression, appendix on Cox regression: coefficients, standard errors, log likelihood.
    rossi = pd.read_csv(DATA / "rossi.csv")
    printed = {
        "fin": (-0.379, 0.191),
        "age": (-0.057, 0.022),
        "race": (0.314, 0.308),
        "wexp": (-0.150, 0.212),
        "mar": (-0.434, 0.382),
        "paro": (-0.085, 0.196),
        "prio": (0.091, 0.029),
    }
    start, week, arrest, n = rows(rossi["week"], rossi["arrest"])
    fit = cox(start, week, arrest, rossi[list(printed)], n)
    assert (fit.n, fit.events) == (432, 114)
    for name, (coefficient, error) in printed.items():
        assert fit.coefficients[name] == pytest.approx(coefficient, abs=5.1e-4)
        assert np.sqrt(fit.covariance.loc[name, name]) == pytest.approx(error, abs=5.1e-4)
    assert fit.log_likelihood == pytest.approx(-658.75, abs=0.005)


def test_lung_cox_and_its_proportionality_of_r():
    # R, survival 3 and later: coxph(Surv(time, status) ~ age + sex + wt.loss, lung), and cox.zph of it.
    lung = pd.read_csv(DATA / "lung.csv")
    start, time, status, n = rows(lung["time"], lung["status"])
    X = lung[["age", "sex", "wt_loss"]]
    fit = cox(start, time, status, X, n)
    assert fit.coefficients.to_numpy() == pytest.approx([0.0200882, -0.5210319, 0.0007596], abs=5.1e-8)
    told = proportionality(fit, start, time, status, X, n)
    assert told["chi2"].to_numpy() == pytest.approx([0.5077, 2.5489, 0.0144, 3.0051], abs=5.1e-5)
    assert told["p_value"].to_numpy() == pytest.approx([0.48, 0.11, 0.90, 0.39], abs=5.1e-3)
