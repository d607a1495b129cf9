"""Experiments: may a test be believed, what did it do, for whom, and what could it not have seen."""

from dataclasses import replace
from typing import Any

from crmnb.engine.views import View
from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import OF_ALL, Estimator
from crmnb.metrics.features.experiments import units, with_sums
from crmnb.metrics.measures import Measure, of_counts
from crmnb.schema.client import Experiments

_BY_OUTCOME = "Newcombe's (difference) or Koopman's (ratio) score interval of rates, Welch's t of means; always-valid where peeking is declared"
_RATIOS = Estimator(
    "share of the units in an arm",
    "counts",
    "experiment_validity.sample_ratios",
    "Wilson (score)",
    columns=("arm",),
    chart="planned_shares",
)
_BALANCE = Estimator(
    "standardised difference",
    "counts",
    "experiment_validity.balance",
    "Welch's t",
    columns=("arm",),
    whole_only=True,
    chart="balance",
)
_OUTCOMES = Estimator(
    "rate or mean of an arm",
    "counts",
    "experiments.outcomes",
    "Wilson (score) of rates, t of means",
    columns=("arm",),
    chart="arms",
)
_EFFECTS = Estimator(
    "effect of an arm", "counts", "experiments.effects", _BY_OUTCOME, columns=("arm",), chart="effects"
)
_RELATIVE = replace(_EFFECTS, name="relative effect of an arm", inference="experiments.relative_effects")
_REQUIRED = Estimator(
    "sample size",
    "counts",
    "experiment_sizes.required_samples",
    OF_ALL,
    columns=("arm",),
    whole_only=True,
    chart="arms",
)
_DETECTABLE = replace(_REQUIRED, name="detectable effect", inference="experiment_sizes.detectable_effects")

_UNITS = {"denominator": "units of the experiment", "breakdown": "effect", "independent_rows": True}


def _of_outcomes(experiment_outcomes: View, experiments: Experiments, estimate: Estimator, **facts: Any) -> Measure:
    """A measure of the outcomes of the units whose outcomes are known."""
    names = experiment_outcomes.columns
    places = [name.partition("_")[2] for name in names if name.startswith("y_")]
    pairs = [at for at in places if f"z_{at}" in names]
    paired = {at: [name for name, of in experiments.items() if _is_pair(of, int(at))] for at in pairs}
    rows, sums = with_sums(
        units(experiment_outcomes, experiments, followed=True),
        pairs,
        [f"y_{at}" for at in places if at not in pairs],
        paired,
    )
    return of_counts(rows, replace(estimate, sums=sums), base_nouns=_base_nouns(experiments), **_UNITS | facts)


def _base_nouns(experiments: Experiments) -> dict[str, str]:
    """What the figures of outcomes are of, whatever their unit is."""
    return {
        f"{name}: {outcome.replace('_', ' ')}{arm}": "units of the experiment"
        for name, experiment in experiments.items()
        for outcome in experiment.outcomes
        for arm in ("", *(f", {arm}" for arm in experiment.arms))
    }


def _is_pair(experiment: Any, place: int) -> bool:
    outcomes = list(experiment.outcomes.values())
    return place < len(outcomes) and (outcomes[place].is_ratio or outcomes[place].has_before)


@metric(
    title="Sample ratio",
    unit="%",
    kind="process",
    direction="-",
    hand_count={"Coupon test: no coupon": "6 / 12", "Coupon test: coupon": "6 / 12"},
)
def sample_ratio(experiment_outcomes, *, experiments: Experiments):
    """Share of the experiment's units in each arm, to be compared with the planned share.

    All units that were assigned until the end of the period count. The test is Pearson's chi-squared of all arms; below p = 0.001 no effect of the experiment is stated.

    Why: arms that do not have the planned shares lost or gained units by something other than chance, and then their outcomes cannot be compared.
    Caution: a ratio as planned does not prove that the assignment was random; see the balance of the covariates.
    Formula: k / n, where k = units in the arm; n = units of the experiment.
    Source: Fabijan et al. 2019, KDD, 2156; Kohavi, Tang & Xu 2020, Trustworthy Online Controlled Experiments, 21.
    """
    rows = units(experiment_outcomes, experiments, followed=False)
    return of_counts(rows, _RATIOS, numerator="units in the arm", **_UNITS | {"breakdown": "arm"})


@metric(
    title="Balance of covariates",
    unit="standard deviations",
    kind="process",
    direction="-",
    hand_count={"Coupon test: spent before": "(3 - 2.5) / ((2 + 1.1) / 2) ** 0.5"},
)
def covariate_balance(experiment_outcomes, *, experiments: Experiments):
    """Mean of each covariate in an arm less that in the control, in standard deviations of the units.

    Covariates are measured before the assignment: those that are declared, and those of CUPED.

    Why: chance makes the arms alike before the experiment; where they are not, the assignment is in doubt.
    Caution: of many covariates some differ by chance; p-values are corrected for their number (Holm).
    Formula: (m_1 - m_0) / sqrt((v_1 + v_0) / 2), where m_1 = the mean in the arm; m_0 = the mean in the control; v_1 = the variance in the arm;
    v_0 = the variance in the control.
    Source: Austin 2009, Statistics in Medicine 28:3083.
    """
    names = [name for name in experiment_outcomes.columns if name.startswith("x_")]
    rows, sums = with_sums(units(experiment_outcomes, experiments, followed=False), (), names, {})
    facts = {"numerator": "difference of the covariate's means", **_UNITS, "breakdown": "covariate"}
    return of_counts(rows, replace(_BALANCE, sums=sums), **facts)


@metric(
    title="Required sample",
    unit="count",
    kind="input",
    direction="-",
    published="test_sample_size.py::test_rates_as_in_the_help_of_rs_power_prop_test",
)
def required_sample(experiment_outcomes, *, experiments: Experiments):
    """Units of all arms that find the smallest effect which is declared, with the declared power.

    The rate of the control, or the variance within the arms, is that of the experiment itself. Of several arms the one counts that needs most units.

    Why: an experiment with too few units finds nothing, whatever there is to be found.
    Caution: plan the next experiment by it; that this one had fewer units does not change what it found.
    Formula: (z_a + z_b) ** 2 * v * (1 / w_1 + 1 / w_0) / d ** 2, where z_a = the normal quantile of the confidence level; z_b = that of the power; v = the variance
    of the outcome; w_1 = the share of the arm; w_0 = the share of the control; d = the smallest effect.
    Source: Chow et al. 2017, Sample Size Calculations in Clinical Research, 3rd ed., 3.2 (means); Fleiss, Levin & Paik 2003, Statistical Methods for
        Rates and Proportions, 3rd ed., 4.5 (rates).
    """
    words = {"numerator": "units that are needed", "breakdown": "outcome"}
    return _of_outcomes(experiment_outcomes, experiments, _REQUIRED, **words)


@metric(
    title="Outcome by arm",
    unit="per unit",
    kind="outcome",
    direction="up",
    hand_count={
        "Coupon test: came back, no coupon": "2 / 6 * 100",
        "Coupon test: came back, coupon": "4 / 6 * 100",
        "Coupon test: spent, no coupon": "30 / 6",
        "Coupon test: spent, coupon": "66 / 6",
        "Coupon test: order value, no coupon": "44 / 2",
        "Coupon test: order value, coupon": "198 / 5",
    },
)
def arm_outcome(experiment_outcomes, *, experiments: Experiments):
    """Rate, mean or ratio of each declared outcome in each arm, as observed.

    Units count whose outcomes are known by the end of the period.

    Why: an effect can only be judged beside the level from which it starts.
    Caution: the intervals of two arms may overlap although their difference is beyond chance; see the effect.
    Formula: mean(y), where y = the outcome of a unit of the arm.
    Source: Wilson 1927, JASA 22:209 (rates); Deng, Knoblich & Lu 2018, KDD (ratios, by the delta method).
    """
    return _of_outcomes(experiment_outcomes, experiments, _OUTCOMES, numerator="sum of the outcome")


@metric(
    title="Effect of the experiment",
    unit="points",
    kind="outcome",
    direction="up",
    hand_count={
        "Coupon test: came back": "(4 / 6 - 2 / 6) * 100",
        "Coupon test: spent": "(11 - 5) - 3.2 * (3 - 2.5)",
        "Coupon test: order value": "198 / 5 - 44 / 2",
    },
)
def experiment_effect(experiment_outcomes, *, experiments: Experiments):
    """Difference between each arm and its control in every declared outcome: of rates in points, else in the unit of the outcome.

    Where it is known what units were like before the assignment, what this explains is taken out (CUPED).
    No effect is stated where the arms do not have the planned shares of the units (p below 0.001). Beyond chance means: after Holm's correction for all outcomes and arms of the
    experiment, and in a segmentation for its levels as well.

    Why: chance made the arms alike, so the difference is what the arm brought.
    Caution: who looks before the experiment ends and stops at a good result finds effects that are none, unless peeking is declared.
    Formula: m_1 - m_0, where m_1 = the rate or mean in the arm; m_0 = the rate or mean in the control.
    Source: Newcombe 1998, Statistics in Medicine 17:873; Welch 1947, Biometrika 34:28; Deng et al. 2013, WSDM (CUPED); Deng, Knoblich & Lu 2018, KDD (ratios);
        Howard et al. 2021, Annals of Statistics 49:1055 (always-valid intervals); Holm 1979, Scandinavian Journal of Statistics 6:65.
    """
    return _of_outcomes(
        experiment_outcomes, experiments, _EFFECTS, numerator="outcome of the arm less that of its control"
    )


@metric(
    title="Relative effect of the experiment",
    unit="%",
    kind="outcome",
    direction="up",
    hand_count={
        "Coupon test: came back": "4 / 2 - 1",
        "Coupon test: spent": "(11 - 3.2 * 0.25) / (5 + 3.2 * 0.25) - 1",
        "Coupon test: order value": "198 / 5 / 22 - 1",
    },
)
def relative_effect(experiment_outcomes, *, experiments: Experiments):
    """Difference between each arm and its control as a share of the control's rate or mean.

    Everything else is as for the effect of the experiment.

    Why: it can be compared between outcomes, and carried over to other levels.
    Caution: of a small rate a large share may be little; see the difference.
    Formula: 100 * (m_1 / m_0 - 1), where m_1 = the rate or mean in the arm; m_0 = the rate or mean in the control.
    Source: Koopman 1984, Biometrics 40:513 (rates); Deng, Knoblich & Lu 2018, KDD (means, on the logarithm).
    """
    words = {"numerator": "outcome of the arm over that of its control, less 1", "aspect_of": "experiment_effect"}
    return _of_outcomes(experiment_outcomes, experiments, _RELATIVE, **words)


@metric(
    title="Smallest detectable effect",
    unit="points",
    kind="process",
    direction="down",
    published="test_sample_size.py::test_the_effect_that_is_found_needs_as_many_units",
)
def detectable_effect(experiment_outcomes, *, experiments: Experiments):
    """Smallest effect that the experiment would have found with the declared power, with the units that it had.

    Why: where no effect was found, there may still be one that is smaller than this.
    Caution: it says what the experiment could have seen before it was done, and nothing of what it saw; for that see the interval of the effect.
    Formula: (z_a + z_b) * SE, where z_a = the normal quantile of the confidence level; z_b = that of the power; SE = the standard error of the effect.
    Source: Bloom 1995, Evaluation Review 19:547 (minimum detectable effect); Fleiss, Levin & Paik 2003, 4.5 (rates).
    """
    return _of_outcomes(experiment_outcomes, experiments, _DETECTABLE, numerator="effect that is found")
