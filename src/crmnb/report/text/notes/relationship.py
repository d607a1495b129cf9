"""The sentences of the relationship measure: what it needs, how its items are weighted, and what its model lacks."""

from crmnb.report.text.notes.words import Renderer

SENTENCES: dict[str, str | Renderer] = {
    "needs_relationship": "needs a relationship survey in {table}, declared under relationship: in the parameters file",
    "needs_relationship_outcomes": "needs questions about future behaviour, declared as outcomes under relationship: in the parameters file",
    "no_complete_answers_to": "{construct}: nobody answered all of its questions",
    "too_few_complete_answers": "{n} complete answers are fewer than the {fewest:n} that effects need",
    "answers_with_gaps": "{construct}: {n} of {of} answers left out: at least one of its questions is not answered.",
    "item_weight": "{item} {weight:%}",
    "construct_weights": "{construct}: {weights}.",
    "estimated_weights": "The weights of the questions are estimated from {n} complete answers.",
    "equal_weights_few_answers": "All questions have equal weights: {n} complete answers are fewer than the {fewest:n} that estimated weights need.",
    "equal_weights_no_model": "All questions have equal weights, as none can be estimated: {reason}.",
    "replicates_without_estimate": "{n:n} of {of:n} bootstrap replicates have no estimate and do not count.",
    "shares_of_drawn_orders": "With {drivers:n} drivers the shares are averages over orders drawn at random.",
}
