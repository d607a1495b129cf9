"""The sentences of notes (`crmnb.core.notes`): a template or a function for each code, filled in the client's locale.

A template's field may carry a format: `n` a number of things (of a small count: "fewer than 10"), `%` and `%1` a share in per cent
with no or one decimal, `day` and `period` a date and a period by their labels, `g` three significant digits, `2` two decimals,
`p` a p-value, `name` a name of the parameters file as words. Several values are listed ("a, b and c"). A note inside a note is
rendered in its place.
"""

from collections.abc import Callable
from datetime import date
from string import Formatter
from typing import Any

import pandas as pd

from crmnb.core.notes import Count, Note, from_json
from crmnb.report.text.numbers import day, number, period_name, quantity, whole_number
from crmnb.schema.client import Client

Renderer = Callable[["_Words", dict[str, Any]], str]


class _Words(Formatter):
    """Fills templates in a client's locale."""

    def __init__(self, client: Client):
        self.client = client

    def fill(self, template: str, **values: Any) -> str:
        """The template with its fields filled."""
        return self.vformat(template, (), values)

    def format_field(self, value: Any, format_spec: str) -> str:
        """One value in words."""
        if isinstance(value, tuple):
            return listed([self.format_field(part, format_spec) for part in value])
        if isinstance(value, Note):
            return sentence(value, self.client)
        if isinstance(value, Count):
            words = whole_number(value.number, self.client)
            return f"fewer than {words}" if value.is_bound else words
        return _FORMATS[format_spec](value, self.client)


def _percent(share: float, decimals: int, client: Client) -> str:
    return quantity(100 * share, "%", decimals, client)


def _three_digits(value: float, client: Client) -> str:
    """A number with three significant digits at most."""
    decimals = next((places for places in range(6) if float(f"{value:.3g}") == round(value, places)), 6)
    return number(float(f"{value:.3g}"), decimals, client)


_FORMATS: dict[str, Callable[[Any, Client], str]] = {
    "": lambda value, client: str(value),
    "n": whole_number,
    "%": lambda value, client: _percent(value, 0, client),
    "%1": lambda value, client: _percent(value, 1, client),
    "%g": lambda value, client: quantity(100 * value, "%", 0 if round(100 * value, 6).is_integer() else 1, client),
    "2": lambda value, client: number(value, 2, client),
    "g": _three_digits,
    "day": lambda value, client: day(date.fromisoformat(value), client),
    "period": period_name,
    "p": lambda value, client: "p < 0.001" if value < 0.001 else f"p = {value:.2g}",
    "name": lambda value, client: value.replace("_", " "),
}


def listed(words: list[str]) -> str:
    """The words in a row: `a, b and c`."""
    return " and ".join(filter(None, [", ".join(words[:-1]), words[-1]])) if words else ""


def sentence(note: Note, client: Client) -> str:
    """The note in words, in the client's locale; without a stop where it is a part of a sentence. KeyError for an unknown code."""
    template, words = SENTENCES[note.code], _Words(client)
    return words.fill(template, **note.values) if isinstance(template, str) else template(words, note.values)


def reason_text(reason: str, client: Client) -> str:
    """The reason of a row of results (a note as JSON) in words; "" where there is none."""
    return sentence(from_json(reason), client) if reason else ""


def with_reason_texts(frame: pd.DataFrame, client: Client) -> pd.DataFrame:
    """The results frame with reasons in words, as people read it."""
    return frame.assign(reason=[reason_text(reason, client) for reason in frame["reason"]])


# ---- Sentences that depend on their values ---------------------------------------------------------------------------


def _holdout(template: str, length: str) -> Renderer:
    """How a forecast did on a holdout, beside the naive one."""

    def render(words: _Words, values: dict[str, Any]) -> str:
        shown = {
            "data": words.fill(template, **values),
            "length": words.fill(length if values["length"] != 1 else length.removesuffix("s"), **values),
            "model": _off(words, values["error"]),
        }
        text = words.fill("Tested on a holdout of {length} ({data}): the forecast was {model}", **shown)
        naive = values["naive_error"]
        if naive is not None:
            text += f", the simplest one (all as before) {_off(words, naive)}"
        text += "."
        if naive is not None and abs(values["error"]) > abs(naive):
            text += " Here the model did worse."
        return text + (" The interval leaves such errors out." if values["beside_interval"] else "")

    return render


def _off(words: _Words, error: float) -> str:
    return words.fill("{size:%1} too {way}", size=abs(error), way="high" if error > 0 else "low")


def _curves_compared(words: _Words, values: dict[str, Any]) -> str:
    how = "differ more than chance explains" if values["differ"] else "do not differ beyond chance"
    test = "log-rank test, Holm" if values["adjusted"] else "log-rank test"
    return words.fill(f"By {{segmentations:name}} the curves {how} ({test}, {{p_value:p}}).", **values)


def _not_proportional(words: _Words, values: dict[str, Any]) -> str:
    if values["ratios"] == 1:
        return words.fill(
            "The ratio changes the longer customers stay (score test, {p_value:p}): take it as an average.", **values
        )
    which = "; ".join(values["changing"]) or "no single one"
    text = "The ratios do not stay the same the longer customers stay (score test, {p_value:p}; {which}): take each as an average."
    return words.fill(text, which=which, **values)


def _proportional(words: _Words, values: dict[str, Any]) -> str:
    what = "ratio changes" if values["ratios"] == 1 else "ratios change"
    return words.fill(f"Nothing shows that the {what} the longer customers stay (score test, {{p_value:p}}).", **values)


def _without_own_models(words: _Words, values: dict[str, Any]) -> str:
    what = _QUANTITIES[values["quantity"]]
    within = words.fill(" within levels of {within:name}", **values) if values["within"] else ""
    models = (
        "one model describes all customers, and each level is estimated on its own"
        if values["apart"]
        else "levels share one model"
    )
    text = f"By {{segmentations:name}} {what} do not differ by more than chance{within}: {models}."
    return words.fill(text, **values)


def _with_own_models(words: _Words, values: dict[str, Any]) -> str:
    what = _QUANTITIES[values["quantity"]]
    return words.fill(
        f"By {{segmentations:name}} {what} differ by more than chance: each level has a model of its own.", **values
    )


_QUANTITIES = {
    "churn": "losses",
    "purchases": "buying and leaving",
    "margins": "margins at a purchase",
}


def _renewal_model(words: _Words, values: dict[str, Any]) -> str:
    every = words.fill("{months:n} months", **values) if values["months"] > 1 else "month"
    return f"Renewals every {every} by the shifted beta-geometric, each customer counting for the margin of a month."


def _margin_of_lost(words: _Words, values: dict[str, Any]) -> str:
    difference = values["difference"]
    compared = "as much as"
    if abs(difference) >= 0.005:
        compared = words.fill("{size:%} {way} than", size=abs(difference), way="more" if difference > 0 else "less")
    return f"Customers lost so far brought {compared} those who are still there, by the month."


def _homogeneous(words: _Words, values: dict[str, Any]) -> str:
    alike = " and ".join(_HOMOGENEITY[code] for code in values["assumptions"])
    return f"Customers are taken {alike}, as these data show no difference between them."


_HOMOGENEITY = {
    "equal_churn": "to be as ready to leave as each other",
    "no_churn": "never to leave",
    "equal_rate": "to buy at the same rate while they are customers",
    "equal_rate_and_churn": "to buy at the same rate and to be as ready to leave as each other",
    "equal_rate_and_no_churn": "to buy at the same rate and never to leave",
    "equal_spend": "to spend the same at a purchase on average",
}


def _together(words: _Words, values: dict[str, Any]) -> str:
    return " ".join(sentence(note, words.client) for note in values["notes"])


def _edge(problem: str) -> Renderer:
    """A likelihood without a maximum inside: which parameter runs where, and what that would mean."""

    def render(words: _Words, values: dict[str, Any]) -> str:
        meaning = _LIMITS[values["limit"]][values["towards"]]
        return (
            f"the data do not show how customers differ, from which the model learns: the likelihood {problem} "
            f"({values['parameter']} runs to {values['towards']}, as if {meaning})"
        )

    return render


_LIMITS = {
    "purchase_rates": {
        "zero": "some customers bought without end and the others never",
        "infinity": "all customers bought at the same rate",
    },
    "churn_after_purchase": {
        "zero": "customers left with their first repeat purchase or never",
        "infinity": "all customers were as ready to leave as each other, or none was",
    },
    "spend_within_customers": {
        "zero": "a purchase said nothing of the customer's next",
        "infinity": "a customer always spent the same",
    },
    "spend_between_customers": {
        "zero": "a few customers spent without limit",
        "infinity": "all customers spent the same on average",
    },
    "spend_scale": {
        "zero": "a customer always spent the same",
        "infinity": "all customers spent the same on average",
    },
    "churn_at_renewal": {
        "zero": "customers left at their first renewal or never",
        "infinity": "all customers were as ready to leave as each other",
    },
}


def _rows_without_customer(after: str) -> Renderer:
    """How many rows of how many; where they are few, neither how many nor what they would be the rest of."""

    def render(words: _Words, values: dict[str, Any]) -> str:
        few = values["rows"].is_bound
        text = "Fewer than {bound:n} {rows_of} " if few else "{rows:n} of {total:n} {rows_of} "
        rows_of = "counted"
        if values.get("table"):
            rows_of = words.fill("{table:name} in {period:period}", **values)
        return words.fill(text + after, bound=values["rows"].number, rows_of=rows_of, **values)

    return render


def _misdated(words: _Words, values: dict[str, Any]) -> str:
    names = ", ".join(name.removesuffix("_at").replace("_", " ") for name in values["columns"])
    text = "{rows:n} of {total:n} {table} in {period:period} have a date ({names}) before their own: they count, that date does not."
    return words.fill(text, names=names, **values)


def _partial(words: _Words, values: dict[str, Any]) -> str:
    begin = words.fill("begin on {begins:day}", **values) if values["begins"] else ""
    end = words.fill("end on {ends:day}", **values) if values["ends"] else ""
    return words.fill(
        "no comparison: {period:period} is partial (the data {edges})",
        edges=" and ".join(filter(None, (begin, end))),
        **values,
    )


def _design_effect(words: _Words, values: dict[str, Any]) -> str:
    of = f"{values['breakdown']}: " if values["breakdown"] else ""
    cause = "clustered by customer" if values["clustered"] else "by weights"
    return of + words.fill("effective n {effective:n} (design effect {factor:2}, {cause})", cause=cause, **values)


def _needs_survey_item(words: _Words, values: dict[str, Any]) -> str:
    names = values["declared"]
    declared = ", ".join([*names[:8], *(["..."] if len(names) > 8 else [])]) or "none"
    text = "needs the survey item '{item}': declare it under items: (declared: {known}) or choose another"
    return words.fill(text, known=declared, **values)


def _needs_history(words: _Words, values: dict[str, Any]) -> str:
    before = words.fill(" ({days:n} days before {time:day})", **values) if values["days"] else ""
    return words.fill("needs data from {needed:day}{before}; they begin on {begins:day}", before=before, **values)


# ---- All sentences ---------------------------------------------------------------------------------------------------

SENTENCES: dict[str, str | Renderer] = {
    "caveats": _together,
    # Survival.
    "follow_up_too_short": "needs customers followed for {days:n} days or more",
    "conditional_on_tenure": "among those who had stayed for {days:n} days",
    "median_is_grace_period": "half or more never ordered again, so the figure would be the {days:n} days of inactivity that are declared",
    "median_not_reached": "after {days:n} days {share:%} are still customers",
    "median_not_reached_from_tenure": "after {days:n} days {share:%} of those who had stayed for {start:n} days are still customers",
    "too_few_followed": "too few customers are followed for long enough",
    "grace_period": "Nobody is lost sooner than {days:n} days after the first order: then it is those who never ordered again.",
    "curve_begins_late": "Too few were seen from the first day on: the curve begins with those who had stayed for {days:n} days, and every figure is among these.",
    "left_truncated": "{share:%} joined before the data start (left-truncated); the curve assumes that churn by tenure stays as observed.",
    "curves_compared": _curves_compared,
    "median_gap_not_reached": "after {days:n} days fewer than half of the customers have ordered again",
    # Churn drivers and expected churn.
    "drivers_need_levels": "needs an attribute of which two levels have lost customers",
    "drivers_not_separable": "too few customers were lost to tell the groups apart",
    "level_without_losses": "{attribute:name}: nobody of {level} was lost, so no ratio can be told.",
    "drivers_basis": "Based on {events:n} losses.",
    "drivers_unreliable": "Based on {events:n} losses: fewer than {fewest:n} for each ratio, so not reliable.",
    "hazards_proportional": _proportional,
    "hazards_not_proportional": _not_proportional,
    "no_events": "nobody had the event",
    "covariates_without_information": "{covariates}: among those at risk it does not vary, or follows from others",
    "covariates_with_outliers": "{covariates}: some values lie so far from the others that no fit is found",
    "covariates_separated": "{covariates}: the event hangs on it without exception, and no finite coefficient fits best",
    "hazard_model": "By the share of customers lost at each tenure so far (Nelson & Aalen's hazard).",
    "bg_nbd_model": "By BG/NBD, from how often and how recently each customer bought.",
    "history_shorter_than_horizon": "the data reach back {days:n} days, which tell too little of {horizon:n} days ahead",
    "too_few_at_risk": "needs {fewest:n} customers who were followed",
    "no_customers_at_end": "no customers at the end",
    # Levels with models of their own.
    "levels_with_models": _with_own_models,
    "levels_without_models": _without_own_models,
    "level_too_small": "this level of {segmentation:name} is too small for a model of its own",
    "levels_not_testable": "too little was seen to tell whether levels by {segmentation:name} differ",
    # Fits.
    "no_inner_maximum": _edge("has no maximum inside"),
    "flat_likelihood": _edge("is flat"),
    "not_converged": "the likelihood's maximum was not found in {steps:n} steps",
    "likelihood_not_increased": "the likelihood could not be increased",
    "few_repeat_buyers": "fewer than {fewest:n} customers bought again, which the model needs",
    "few_customers_with_purchases": "fewer than {fewest:n} customers have a purchase to go by, which the model needs",
    "few_losses_for_model": "fewer than {fewest:n} customers left, which the model needs",
    "few_losses": "fewer than {fewest:n} customers left",
    "renewals_of_one_age": "renewals of one age only do not tell how loyalty grows with age",
    "infinite_purchases": "without a discount the customers' expected purchases are infinite (a is {a:g}, 1 or less): set a discount rate or a horizon",
    "infinite_stay": "without a discount the customers' expected stay is infinite (alpha is {alpha:g}, 1 or less): set a discount rate or a horizon",
    "infinite_spend": "the mean spend of all customers is infinite (q is {q:g}, 1 or less): a few spend too much",
    "older_customers_unfit": "{reason}; customers who are older than the data do not tell it",
    "many_without_margin": "more than {share:%} of those who bought again brought no margin with it, or a loss, for which the model of spending has no room",
    "no_whole_renewal": "no renewal was seen from beginning to end",
    "no_renewal_rate": "all who came to a renewal left, or none did, which tells no rate",
    "no_paying_losses": "none of those who pay left",
    # Customer lifetime value.
    "value_horizon": "The margin of {months:n} months, discounted at {rate:%g} a year.",
    "value_without_horizon": "All the margin to come, discounted at {rate:%g} a year.",
    "all_taken_as_new": "Nearly all customers were first seen soon after the data begin. They are taken to be new then; where they are older, the value is too high and losses too low (joined_at in the table customers tells it).",
    "no_customers_seen_a_month": "no customers at the end who were seen for a month",
    "level_without_margin": "these customers brought no margin in the last twelve months",
    "no_margin": "customers brought no margin in the last twelve months",
    "margin_losses_unknown": "those who pay left too seldom to tell how much of the margin is lost",
    "renewal_model": _renewal_model,
    "tenure_levels_share_model": "Levels by tenure have no fits of their own: the time since joining is the model's own clock.",
    "constant_churn": "Where losses do not fall with age, customers are taken to leave at one constant rate, the model's limit.",
    "churn_does_not_fall": "Losses do not fall with age by more than chance.",
    "margin_of_lost": _margin_of_lost,
    "no_churn_observed": "no customer left within the data, so residual CLV would be infinite: needs a longer history",
    "purchase_models": "Purchases by BG/NBD in weeks (a day's orders are one), their margin by Gamma-Gamma.",
    "older_customers": "{customers:n} of {total:n} customers are older than the data: the model is fitted to those who came later, and allows for it that only those of the older are seen who stayed.",
    "one_purchase": "{customers:n} of {total:n} customers made one purchase; the model assumes the average margin for them ({margin:2} at a purchase).",
    "one_purchase_by_level": "{customers:n} of {total:n} customers made one purchase; the model assumes the average margin of their level for them.",
    "homogeneous": _homogeneous,
    "some_without_margin": "The value is a little too high: {customers:n} who bought again brought no margin with it, or a loss, for which Gamma-Gamma has no room.",
    "top_heavy_margin": "Very few customers brought more than {share:%} of the margin of all repeat purchases: the value hangs on them.",
    "independence_unknown": "Whether those who buy more often also spend more cannot be seen: all repeat buyers are alike.",
    "independent": "Those who buy more often spend about as much at a purchase as others, as the model takes it.",
    "frequent_buyers_spend_more": "The value may be too low: those who buy more often also spend more at a purchase, unlike in the model.",
    "frequent_buyers_spend_less": "The value may be too high: those who buy more often also spend less at a purchase, unlike in the model.",
    "rank_correlation": "Rank correlation of purchase frequency and first repeat purchase of {customers:n} repeat buyers: {value:2} (95% CI {low:2} to {high:2}); the model assumes 0.",
    "holdout_of_purchases": _holdout(
        "{observed:n} repeat purchases of {customers:n} customers known before", "{length:n} weeks"
    ),
    "holdout_of_contracts": _holdout(
        "{observed:n} of {customers:n} customers were still there at its end", "{length:n} months"
    ),
    "holdout_not_tested": "The forecast could not be tested on a holdout: {reason}.",
    "holdout_without_history": "there is too little history to be parted in two",
    "holdout_without_purchases": "nobody bought again in it",
    "holdout_without_customers": "nobody was still there at its end",
    "holdout_too_small": "it would show fewer than {fewest:n} customers",
    "no_orders": "no orders in the period",
    "lifespan_without_buyers": "nobody bought, so there is no such lifespan",
    "lifespan_without_customers": "nobody was a customer at the start, so there is no such lifespan",
    "lifespan_without_losses": "nobody was lost, so there is no such lifespan",
    "needs_gain": "needs a programme's gain, measured by a test (worth: gains in the parameters file)",
    "gains_not_declared": "Nothing is said of {programmes}: what they gained is not declared.",
    # Customer acquisition cost.
    "cac_without_interval": "There is no interval of what winning a customer cost: it takes twelve months, and here are fewer.",
    "cac_taken_as_known": "The interval takes what winning a customer cost as known: of fewer than twelve months.",
    "no_new_customers": "no customers won",
    "no_new_customers_last_year": "no customers won in the last twelve months",
    "no_new_customers_in_whole_months": "no customers won in a month that is seen whole",
    "no_new_customer_followed": "nobody won was followed for a whole month yet",
    "no_acquisition_costs": "no spend on acquisition is in the costs",
    "acquisition_costs_partial": "the costs cover new customers of {first:period} to {last:period} only, not all of {period:period}",
    "month_left_out": "Costs are known by the month: {month:period}, in which the data end, is left out on both sides.",
    "payback_not_reached": "after {months:n} months a customer has brought {share:%} of what winning one cost",
    # Revenue and sales.
    "no_revenue": "no revenue",
    "one_customer_only": "one customer only",
    "no_earlier_revenue": "no net revenue to compare with",
    "no_customer_revenue": "no net revenue of customers in the period",
    "no_earlier_customer_revenue": "no net revenue of customers in {period:period}",
    "bridge_begins": "Before is {period:period}.",
    "no_mature_leads": "no lead has had time to be won yet",
    "no_won_leads": "none of the leads that have had time was won",
    "no_lead_amounts": "no lead that was won has an amount",
    "leads_won_at_once": "half of the won leads were won on the day they came: no time to divide by",
    # History.
    "needs_history": _needs_history,
    "needs_earlier_period": "needs data from {needed:day} or earlier; they begin on {begins:day}",
    "needs_history_before_cohort": "needs data from {days:n} days before the first cohort; they begin on {begins:day}",
    "needs_whole_month": "needs at least one whole calendar month of data",
    "needs_year_by_inactivity": "needs a period of a year or more where customers are lost by inactivity: losses of a shorter one do not add up to a year's, as many only pause",
    "history_too_short_for_holdout": "{days:n} days of history are too few to be parted in two",
    "data_end_before_period": "the data end on {ends:day}, before {period:period} begins",
    "data_begin_after_period": "the data begin on {begins:day}, after {period:period} ends",
    "dates_exact_to_month": "the dates of these data are exact to the month only; choose a period of whole months",
    "new_customers_need_history": "needs customers.joined_at, or data from {needed:day} ({gaps:n} times the mean {gap:n} days between purchases before {start:day}), to tell new customers from old ones; they begin on {begins:day}",
    "new_customers_need_more_history": "needs customers.joined_at, or data that reach further back than {begins:day}, to tell new customers from old ones: with half of the history before {start:day} {share:%} more would look new",
    "new_customers_in_doubt": "New is who has no earlier order in these data and of whom no list says otherwise. With half of the history before {start:day}, {share:%} more would look new: some of these may still be old customers, and the figure falls as the data grow older. customers.joined_at would settle it.",
    # Tables, columns and declarations.
    "needs_table": "needs the table {table}: {grain}",
    "needs_column": "needs the column {column}",
    "needs_unmapped_column": "needs a column that is not mapped",
    "needs_stages": "needs the column leads.qualified_at or leads.proposed_at, or the setting stages",
    "needs_margin": "needs the column orders.margin, or worth: margin_rate in the parameters file",
    "needs_churn_declaration": "needs churn: in the parameters file (contractual, or by inactivity of so many days)",
    "needs_data_until": "needs the day on which the data end (data_until in the parameters file): contracts are paid until then",
    "needs_customer_segmentation": "needs a segmentation by an attribute of customers (segments: in the parameters file)",
    "needs_books": "needs the period's net revenue as in the books (worth: books in the parameters file)",
    "needs_survey_item": _needs_survey_item,
    "needs_item_direction": "needs an item with direction {direction}; {item} is declared {declared}",
    "needs_item_0_to_10": "needs an item from 0 to 10; {item} goes from {low} to {high}",
    "needs_four_boxes": "needs a scale of four boxes or more, or items.{item}.top_box: from which answer on somebody is satisfied",
    "needs_top_box": "needs items.{item}.top_box: from which answer on somebody is satisfied. From {low} to {high}, two values are no top box; {best_fifth} leaves the best fifth of the scale",
    "reserved_column": "cannot be broken down by {column}, a name that is needed here: give the column another",
    "costs_by_month": "costs are known by the month; choose a period of whole months",
    "no_whole_month_of_costs": "costs are known by the month, and no month of {period:period} is seen whole",
    # Rows.
    "nothing_counted": "no {units}",
    "no_denominator": "nothing there to count it out of",
    "tables_without_rows": "the table {tables} holds no row of {period:period}",
    "pooled_survey_missing": "pooled at fixed weights: no figure of {surveys}",
    "orders_only": "Of orders only: what customers pay by the month is not in it.",
    "rows_without_customer": _rows_without_customer("carry no customer and are left out."),
    "own_customers": _rows_without_customer("carry no customer; each counts as a customer of its own."),
    "misdated_rows": _misdated,
    "too_new_left_out": "Excludes everything after {last:day}, as its follow-up of {days:n} days is not complete.",
    "rows_independent": "No customer is seen to have several units here: the interval treats rows as independent.",
    "design_effect": _design_effect,
    "top_heavy_customers": "Very few customers brought more than {share:%} of it: the mean hangs on them.",
    "top_heavy_rows": "Very few of them brought more than {share:%} of it: the mean hangs on them.",
    # Disclosure control.
    "small_group": "fewer than {fewest:n}",
    "hidden_with_small_group": "hidden, so that a group of fewer than {fewest:n} cannot be computed by subtraction",
}

# Why a figure is not compared with that of the comparison period.
NO_COMPARISON: dict[str, str | Renderer] = {
    "no_comparison_full_history": "no comparison: uses the full history",
    "no_comparison_length": "no comparison: {period:period} has {days:n} days, {comparison:period} {comparison_days:n}, and the value depends on the length of the period",
    "no_comparison_refunds": "no comparison: {period:period} has {days:n} days, {comparison:period} {comparison_days:n}, and refunds of the newest orders are still to come",
    "no_comparison_too_early": "no comparison: {period:period} is too early: less than {days:n} days have passed since its end",
    "no_comparison_partial": _partial,
    "no_comparison_unavailable": "no comparison: {period:period} {reason}",
}
SENTENCES |= NO_COMPARISON
