"""The sentences of the relationship measure: what it needs, how its items are weighted, and what its model lacks."""

from crmnb.report.text.notes.words import Renderer, Values, Words


def _segments_below_rest(words: Words, values: Values) -> str:
    verb = "is" if len(values["names"]) == 1 else "are"
    more = values["number"] - len(values["names"])
    others = f", and {more} more" if more else ""
    return words.fill(
        "{names}{others} {verb} below the rest beyond chance ({levels:n} levels compared, Holm).",
        **values,
        verb=verb,
        others=others,
    )


def _segment_raises_themes(words: Words, values: Values) -> str:
    who = "{level} ({segment})" + (
        " raise these themes more often than all others beyond chance: {themes}"
        if values["themes"]
        else " raise no theme more often than all others beyond chance"
    )
    return words.fill(
        who + " (comparisons: {of:n}, Holm).", **values | {"segment": values["segment"].replace("_", " ")}
    )


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
    "no_segments_to_compare": "no level of a declared segmentation has {fewest:n} customers who answered, and as many outside of it",
    "no_segment_below_rest": "No segment is below the rest beyond chance ({levels:n} levels compared, Holm).",
    "segments_below_rest": _segments_below_rest,
    "nothing_to_rake_to": "no segmentation of customers has two levels with enough answers, so there is nothing to weight to",
    "too_few_with_channels": "fewer than {fewest:n} customers have a preferred and a used channel",
    "too_few_on_a_side": "one of the two groups has fewer than {fewest:n} customers who answered",
    "no_comments_on_relationship": "nobody who answered the relationship survey in the period wrote a comment",
    "too_few_gave_both": "fewer than {fewest:n} customers answered both surveys",
    "too_few_others_raise": "fewer than {fewest:n} customers outside of a segment shown here raise it",
    "segment_raises_themes": _segment_raises_themes,
    "drivers_explain": "The drivers explain {r2:%} of the differences of the index between customers (R²).",
    "model_sound": "The questions of each construct agree, and the constructs can be told apart.",
    "no_index_variance": "the answers to the items of the index are all the same",
    "shares_of_drawn_orders": "With {drivers:n} drivers the shares are averages over orders drawn at random.",
}
