"""The sentences of survival curves, churn drivers, expected churn and levels with models of their own."""

from crmnb.report.text.notes.words import Renderer, Values, Words


def _curves_compared(words: Words, values: Values) -> str:
    how = "differ more than chance explains" if values["differ"] else "do not differ beyond chance"
    test = "log-rank test, Holm" if values["adjusted"] else "log-rank test"
    return words.fill(f"By {{segmentations:name}} the curves {how} ({test}, {{p_value:p}}).", **values)


def _not_proportional(words: Words, values: Values) -> str:
    if values["ratios"] == 1:
        return words.fill("The ratio changes with tenure (score test, {p_value:p}): read it as an average.", **values)
    which = "; ".join(values["changing"]) or "no single ratio"
    text = "The ratios change with tenure (score test, {p_value:p}; {which}): read each as an average."
    return words.fill(text, which=which, **values)


def _proportional(words: Words, values: Values) -> str:
    what = "ratio changes" if values["ratios"] == 1 else "ratios change"
    return words.fill(f"No sign that the {what} with tenure (score test, {{p_value:p}}).", **values)


def _without_own_models(words: Words, values: Values) -> str:
    what = _QUANTITIES[values["quantity"]]
    within = words.fill(" within levels of {within:name}", **values) if values["within"] else ""
    models = (
        "one model describes all customers, and each level is estimated on its own"
        if values["apart"]
        else "levels share one model"
    )
    text = f"By {{segmentations:name}} {what} do not differ by more than chance{within}: {models}."
    return words.fill(text, **values)


def _with_own_models(words: Words, values: Values) -> str:
    what = _QUANTITIES[values["quantity"]]
    return words.fill(
        f"By {{segmentations:name}} {what} differ by more than chance: each level has a model of its own.", **values
    )


_QUANTITIES = {
    "churn": "losses",
    "purchases": "buying and leaving",
    "margins": "margins at a purchase",
}


SENTENCES: dict[str, str | Renderer] = {
    # Survival.
    "follow_up_too_short": "needs customers followed for {days:n} days or more",
    "conditional_on_tenure": "among those who had stayed for {days:n} days",
    "median_is_grace_period": "at least half never ordered again, so the figure would only be the declared {days:n} days of inactivity",
    "median_not_reached": "after {days:n} days {share:%} are still customers",
    "median_of_cases_not_reached": "after {days:n} days {share:%} are still open",
    "median_not_reached_from_tenure": "after {days:n} days {share:%} of those who had stayed for {start:n} days are still customers",
    "too_few_followed": "too few customers are followed for long enough",
    "too_few_cases_followed": "too few cases are followed for long enough",
    "grace_period": "No customer counts as lost before {days:n} days after the first order; at that point, customers who never ordered again are lost.",
    "curve_begins_late": "Too few customers were seen from the first day: the curve starts with customers who had stayed for {days:n} days, and all figures refer to them.",
    "left_truncated": "{share:%} joined before the data start (left-truncated); the curve assumes that churn by tenure stays as observed.",
    "curves_compared": _curves_compared,
    "median_gap_not_reached": "after {days:n} days fewer than half of the customers have ordered again",
    # Churn drivers and expected churn.
    "drivers_need_levels": "needs an attribute of which two levels have lost customers",
    "drivers_not_separable": "too few customers were lost to compare the groups",
    "level_without_losses": "{attribute:name}: no customer of {level} was lost, so there is no ratio.",
    "drivers_basis": "Based on {events:n} losses.",
    "drivers_unreliable": "Based on {events:n} losses: fewer than {fewest:n} for each ratio, so not reliable.",
    "hazards_proportional": _proportional,
    "hazards_not_proportional": _not_proportional,
    "no_events": "nobody had the event",
    "covariates_without_information": "{covariates}: among those at risk it does not vary, or follows from others",
    "covariates_with_outliers": "{covariates}: some values lie so far from the others that no fit is found",
    "covariates_separated": "{covariates}: the event hangs on it without exception, and no finite coefficient fits best",
    "hazard_model": "Based on the share of customers lost at each tenure so far (Nelson-Aalen).",
    "bg_nbd_model": "Based on BG/NBD, from how often and how recently each customer bought.",
    "history_shorter_than_horizon": "needs more history: the data cover {days:n} days, the horizon is {horizon:n} days",
    "too_few_at_risk": "needs {fewest:n} customers who were followed",
    "no_customers_at_end": "no customers at the end",
    # Levels with models of their own.
    "levels_with_models": _with_own_models,
    "levels_without_models": _without_own_models,
    "level_too_small": "this level of {segmentation:name} is too small for a model of its own",
    "levels_not_testable": "too little was seen to tell whether levels by {segmentation:name} differ",
}
