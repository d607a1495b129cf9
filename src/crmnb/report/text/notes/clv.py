"""The sentences of customer lifetime value and of the models behind it."""

from crmnb.report.text.notes.words import Renderer, Values, Words


def _holdout(template: str, length: str) -> Renderer:
    """How a forecast did on a holdout, beside the naive one."""

    def render(words: Words, values: Values) -> str:
        shown = {
            "data": words.fill(template, **values),
            "length": words.fill(length if values["length"] != 1 else length.removesuffix("s"), **values),
            "model": _off(words, values["error"]),
        }
        text = words.fill("Tested on a holdout of {length} ({data}): the forecast was {model}", **shown)
        naive = values["naive_error"]
        if naive is not None:
            text += f", the naive baseline (all as before) {_off(words, naive)}"
        text += "."
        if naive is not None and abs(values["error"]) > abs(naive):
            text += " Here the model did worse than the baseline."
        return text + (" The interval does not include such errors." if values["beside_interval"] else "")

    return render


def _off(words: Words, error: float) -> str:
    return words.fill("{size:%1} too {way}", size=abs(error), way="high" if error > 0 else "low")


def _renewal_model(words: Words, values: Values) -> str:
    every = words.fill("{months:n} months", **values) if values["months"] > 1 else "month"
    return f"Shifted beta-geometric model with renewals every {every}, each customer weighted by monthly margin."


def _margin_of_lost(words: Words, values: Values) -> str:
    difference = values["difference"]
    compared = "as much as"
    if abs(difference) >= 0.005:
        compared = words.fill("{size:%} {way} than", size=abs(difference), way="more" if difference > 0 else "less")
    return f"Per month, lost customers brought {compared} the remaining ones."


def _homogeneous(words: Words, values: Values) -> str:
    alike = " and ".join(_HOMOGENEITY[code] for code in values["assumptions"])
    return f"The model assumes that customers {alike}: the data show no differences between them."


_HOMOGENEITY = {
    "equal_churn": "have the same churn rate",
    "no_churn": "never leave",
    "equal_rate": "buy at the same rate while they are customers",
    "equal_rate_and_churn": "buy at the same rate and have the same churn rate",
    "equal_rate_and_no_churn": "buy at the same rate and never leave",
    "equal_spend": "spend the same per purchase on average",
}


def _edge(problem: str) -> Renderer:
    """A likelihood without a maximum inside: which parameter runs where, and what that would mean."""

    def render(words: Words, values: Values) -> str:
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


SENTENCES: dict[str, str | Renderer] = {
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
    "older_customers_unfit": "{reason}; customers who joined before the data start do not show it either",
    "many_without_margin": "more than {share:%} of the repeat buyers brought no margin or a loss, which the spending model does not allow",
    "no_whole_renewal": "no renewal was seen from beginning to end",
    "no_renewal_rate": "all who came to a renewal left, or none did, which tells no rate",
    "no_paying_losses": "no paying customer left",
    # Customer lifetime value.
    "value_horizon": "The margin of {months:n} months, discounted at {rate:%g} a year.",
    "value_beyond_data": "{share:%} of this value is expected at tenures beyond {months:n} months, which few customers in the data have reached, if any. There the model extrapolates.",
    "value_without_horizon": "All future margin, discounted at {rate:%g} a year.",
    "all_taken_as_new": "Nearly all customers were first seen soon after the data start and are treated as new then. If they are older, the value is too high and churn too low (joined_at in the table customers would correct this).",
    "no_customers_seen_a_month": "no customer at the end was observed for a month",
    "level_without_margin": "these customers brought no margin in the last twelve months",
    "no_margin": "customers brought no margin in the last twelve months",
    "margin_losses_unknown": "too few paying customers left to estimate how much of the margin is lost",
    "renewal_model": _renewal_model,
    "tenure_levels_share_model": "Levels by tenure share one model, because tenure is the time scale of the model.",
    "constant_churn": "Where churn does not fall with tenure, one constant churn rate is assumed, the limit of the model.",
    "churn_does_not_fall": "No detectable fall of churn with tenure.",
    "margin_of_lost": _margin_of_lost,
    "no_churn_observed": "no customer left within the data, so residual CLV would be infinite: needs a longer history",
    "purchase_models": "Purchases by BG/NBD in weeks (a day's orders are one), their margin by Gamma-Gamma.",
    "older_customers": "{customers:n} of {total:n} customers joined before the data start: the model is fitted to later customers, and accounts for the fact that of the earlier ones only those who stayed are seen.",
    "one_purchase": "{customers:n} of {total:n} customers made one purchase; the model assumes the average margin for them ({margin:2} at a purchase).",
    "one_purchase_by_level": "{customers:n} of {total:n} customers made one purchase; the model assumes the average margin of their level for them.",
    "homogeneous": _homogeneous,
    "some_without_margin": "The value is slightly too high: {customers:n} repeat buyers brought no margin or a loss, which Gamma-Gamma does not allow.",
    "top_heavy_margin": "Very few customers brought more than {share:%} of the margin of all repeat purchases: the value depends on them.",
    "independence_unknown": "Whether frequent buyers also spend more per purchase cannot be tested: all repeat buyers are alike.",
    "independent": "Frequent buyers spend about as much per purchase as others, as the model assumes.",
    "frequent_buyers_spend_more": "The value can be too low: frequent buyers also spend more per purchase, unlike in the model.",
    "frequent_buyers_spend_less": "The value can be too high: frequent buyers spend less per purchase, unlike in the model.",
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
    "gains_not_declared": "No gain is declared for {programmes}.",
}
