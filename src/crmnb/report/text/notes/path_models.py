"""The sentences of path models and relative importance: why a model cannot be fitted, and what its constructs lack; of survey weights too."""

from crmnb.report.text.notes.words import Renderer

SENTENCES: dict[str, str | Renderer] = {
    # No model.
    "no_complete_answers": "no respondent answered all questions of the model",
    "respondents_with_gaps_left_out": "{n:n} of {of:n} respondents left out: at least one answer is missing.",
    "items_without_variance": "{items:name}: all answers are the same",
    "constructs_without_weights": "{constructs:name}: the answers to one question follow from those to others, so that no weights can be estimated",
    "constructs_collinear": "{constructs:name}: one of these follows from the others, so that their effects cannot be separated",
    "weights_not_converged": "the weights did not converge in {iterations:n} iterations",
    # The model's health.
    "constructs_hard_to_separate": "{construct:name} and {other:name} are hard to tell apart here: HTMT {htmt:2}. Read their effects together, or ask questions that differ more.",
    "drivers_collinear": "The effect of {driver:name} on {outcome:name} overlaps with those of the other drivers: VIF {vif:g}. Only what they do together is certain; see the driver importance.",
    "negative_weights": "{construct:name}: {items:name} counts with a negative weight, so scores may leave the scale.",
    "unreliable_construct": "The answers on {construct:name} do not agree well: reliability {rho_a:2} (rho_A; alpha {low:2}, composite {high:2}). Its effects are estimated too small: reword its questions, or ask more of them.",
    "low_ave": "{construct:name} explains less than half of the variance of its questions: AVE {ave:2}. Its questions may ask different things.",
    "item_fits_other_construct": "{item:name} is closer to {other:name} than to {construct:name}: move it there, or reword it.",
    "weak_item": "{item:name} hardly belongs to {construct:name}: loading {loading:2}. Leave it out, or reword it.",
    "drivers_explain_nothing": "the drivers explain nothing of the outcome, so there is nothing to share out",
    "items_collinear": "{construct:name}: {items:name} overlap so much that their weights are unstable: VIF up to {vif:g}.",
    # Survey weights.
    "levels_without_margin": "{variable:name}: the customer base has no customers in {levels}, who did answer",
    "levels_without_respondents": "{variable:name}: nobody in {levels} answered, so no weight can represent them; combine levels",
    "strata_with_one_cluster": "{strata:name}: with a single respondent or cluster there is no variance to measure",
    "margins_not_met": "After {iterations:n} iterations the weighted shares still differ from the customer base by up to {deviation:%1} of the respondents.",
    "weights_cost_precision": "effective n {effective_n:n} of {n:n} (design effect {design_effect:2}, from weights)",
}
