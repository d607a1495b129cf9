"""The sentences of history and of comparisons with other periods."""

from crmnb.report.text.notes.words import Renderer, Values, Words


def _needs_history(words: Words, values: Values) -> str:
    before = words.fill(" ({days:n} days before {time:day})", **values) if values["days"] else ""
    return words.fill("needs data from {needed:day}{before}; they begin on {begins:day}", before=before, **values)


def _partial(words: Words, values: Values) -> str:
    begin = words.fill("begin on {begins:day}", **values) if values["begins"] else ""
    end = words.fill("end on {ends:day}", **values) if values["ends"] else ""
    return words.fill(
        "no comparison: {period:period} is partial (the data {edges})",
        edges=" and ".join(filter(None, (begin, end))),
        **values,
    )


SENTENCES: dict[str, str | Renderer] = {
    "needs_history": _needs_history,
    "needs_earlier_period": "needs data from {needed:day} or earlier; they begin on {begins:day}",
    "needs_history_before_cohort": "needs data from {days:n} days before the first cohort; they begin on {begins:day}",
    "needs_whole_month": "needs at least one whole calendar month of data",
    "needs_year_by_inactivity": "needs a period of at least a year where customers are lost by inactivity: in a shorter period many only pause",
    "history_too_short_for_holdout": "{days:n} days of history are too few to be parted in two",
    "data_end_before_period": "the data end on {ends:day}, before {period:period} begins",
    "data_begin_after_period": "the data begin on {begins:day}, after {period:period} ends",
    "dates_exact_to_month": "the dates of these data are exact to the month only; choose a period of whole months",
    "new_customers_need_history": "needs customers.joined_at, or data from {needed:day} ({gaps:n} times the mean {gap:n} days between purchases before {start:day}), to distinguish new customers from old ones; they begin on {begins:day}",
    "new_customers_need_more_history": "needs customers.joined_at, or data that reach further back than {begins:day}, to distinguish new customers from old ones: with half of the history before {start:day} {share:%} more would look new",
    "new_customers_in_doubt": "A customer is new without an earlier order in these data or an earlier date in a customer list. With half of the history before {start:day}, {share:%} more would look new, so some of these can be old customers. The column customers.joined_at would settle this.",
}


# Why a figure is not compared with that of the comparison period.
NO_COMPARISON: dict[str, str | Renderer] = {
    "no_comparison_full_history": "no comparison: uses the full history",
    "no_comparison_shares": "no comparison: the shares add up to 100%; see the change of the score",
    "no_comparison_joint_model": "no comparison: one model of both periods together",
    "no_comparison_length": "no comparison: {period:period} has {days:n} days, {comparison:period} {comparison_days:n}, and the value depends on the length of the period",
    "no_comparison_refunds": "no comparison: {period:period} has {days:n} days, {comparison:period} {comparison_days:n}, and refunds of the newest orders are still to come",
    "no_comparison_too_early": "no comparison: {period:period} is too early: less than {days:n} days have passed since its end",
    "no_comparison_partial": _partial,
    "no_comparison_without_value": "no comparison: {period:period} has no figure to compare with",
    "no_comparison_not_reached": "no comparison: not reached in {period:period}",
    "no_comparison_unavailable": "no comparison: {period:period} {reason}",
}
