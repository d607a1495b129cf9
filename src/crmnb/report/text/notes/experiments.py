"""The sentences of experiments: whether they may be believed, what they found, and what they could not have seen."""

from crmnb.report.text.notes.words import Renderer

SENTENCES: dict[str, str | Renderer] = {
    "needs_experiments": "needs the experiments, declared under experiments: in the parameters file",
    "outcome_is_text": "the column experiment_units.{column} holds texts; declare its type (number, integer, money or flag) under tables: experiment_units: types",
    "arm_not_declared": "{experiment}: units are in {arms}, which is not among the declared arms ({declared})",
    "outcome_without_values": "{experiment}: no unit has a value",
    "sample_ratio_off": "{experiment}: the arms do not have the planned shares of the units ({p:p}), so no effect is stated",
    "sample_ratio_as_planned": "{experiment}: the arms have the planned shares of the units, as far as chance allows ({p:p}).",
    "arm_without_units": "an arm has no unit with a value",
    "arm_too_small": "an arm has fewer than {fewest:n} units with a value",
    "no_covariates": "{experiment}: no covariate from before the assignment is declared",
    "covariates_balanced": "{experiment}: before the assignment the arms differ in no covariate beyond chance (Holm; comparisons: {covariates:n}).",
    "covariates_differ": "{experiment}: before the assignment the arms differ beyond chance (Holm) in {covariates}. The assignment is in doubt.",
    "not_a_rate": "the outcome {outcome:name} has values other than 0 and 1, so it is no rate",
    "ratio_of_nothing": "what the ratio is divided by sums to 0 in an arm",
    "control_is_zero": "the control is 0, so there is no ratio",
    "always_valid": "{experiment}: the interval holds however often results are looked at (always valid; narrowest at {units:n} units).",
    "effect_p_value": "{effect}: {p:p}.",
    "effect_p_value_holm": "{effect}: {p:p} (Holm, {comparisons:n} comparisons).",
    "cuped": "{effect}: what is known from before the assignment explains {share:%} of the variance (CUPED).",
    "effect_differs": "{effect}: the effect differs between the levels of {segment:name} beyond chance ({p:p}; Cochran's Q, Holm).",
    "no_effect_detectable": "no effect would have been found with so few units",
    "no_smallest_effect": "the smallest effect worth finding is not declared for {outcome:name}",
    "no_required_sample": "no number of units finds the smallest effect that is declared for {outcome:name}: the rate in the control cannot change by so much, or the units are all alike",
}
