"""The sentences of initiatives: how an effect was found, what it assumes, and why none is stated."""

from crmnb.report.text.notes.words import Renderer, Values, Words

_CHOICES = {
    "difference in differences": "there are untouched units and one common start",
    "staggered starts (Callaway & Sant'Anna)": "units started at several times",
    "structural counterfactual": "there are too few units to see chance between them",
    "interrupted time series": "no unit is untouched",
}


def _method(words: Words, values: Values) -> str:
    text = (
        "{initiative}: {metric} by {method}, as {choice}. {started:n} units started, from {first:period} on, {untouched:n} are untouched; "
        "{before:n} months before, {after:n} since."
    )
    wild = (
        " The units are few, so the interval is the wider of t between units and the wild cluster bootstrap."
        if values["wild"]
        else ""
    )
    return words.fill(text, choice=_CHOICES[values["method"]], **values) + wild


def _assumes(words: Words, values: Values) -> str:
    if values["method"] == "interrupted time series":
        text = "It assumes that without {initiative} the line and the season of the months before would have gone on, and that nothing else changed at the start."
    elif values["method"] == "structural counterfactual":
        text = "It assumes that without {initiative} the relation of these units to the untouched ones before the start would have gone on."
    else:
        way = "in the same proportion" if values["proportional"] else "by the same amount"
        others = "the untouched ones" if values["untouched"] > 1 else "those that started later"
        text = f"It assumes that without {{initiative}} the units would have moved {way} as {others}."
    return words.fill(text, initiative=values["initiative"])


def _counts(words: Words, values: Values) -> str:
    """How many dates and units there were, and how many find as much."""
    of_kind = []
    if values["dates"]:
        of_kind.append(words.fill("{at_dates:n} of {dates:n} dates before the start", **values))
    if values["units"]:
        of_kind.append(words.fill("{at_units:n} of {units:n} untouched units", **values))
    return " and ".join(of_kind)


def _placebos(words: Words, values: Values) -> str:
    if counts := _counts(words, values):
        return f"Placebos of {values['initiative']}: as large an effect, by its interval, is at {counts}."
    return f"Placebos of {values['initiative']}: none is possible, as the months before and the untouched units are too few."


SENTENCES: dict[str, str | Renderer] = {
    "needs_initiatives": "needs what began where and when, declared under initiatives: in the parameters file",
    "rows_of_other_metrics": "has no rows of its own: it is computed from another metric's figures by unit and month",
    "initiative_method": _method,
    "initiative_assumes": _assumes,
    "initiative_placebos": _placebos,
    "initiative_trend_before": "{initiative}: before the start, units that started and untouched ones did not move alike. The effect may be that trend.",
    "initiative_other_model": "{initiative}: a structural counterfactual finds {value:g} (from {low:g} to {high:g}) for the same months.",
    "initiative_units_left_out": "{initiative}: {units:n} of {total:n} units are left out, as a month of theirs has no value or too few customers to be shown.",
    "initiative_within_month": "{initiative}: a unit started within a month; that month counts as with the initiative.",
    "initiative_without_interval": "no effect is stated: without scatter between months or units there is no interval",
    "placebos_find_as_much": lambda words, values: (
        f"no effect is stated, as it is as large, by its interval, at {_counts(words, values)}"
    ),
    "initiative_too_early": "needs {needed:n} months before the first start; the data have {months:n}",
    "initiative_not_started": "no unit that is counted has started by the end of {period:period}",
    "initiative_without_months": "the data cover no whole month",
    "initiative_without_values": "no unit has a value in any month; of a metric with breakdowns, such as surveys, name one as breakdown: of the initiative",
    "initiative_metric_without_units": "{metric} has no value by unit and month",
    "initiative_column_not_counted": "{metric} cannot be broken down by {column}",
    "champions_need_comparison": "needs one common start and three untouched units",
    "too_few_champions": "needs {needed:n} champions whose units started",
    "champions_shrunken": "{initiative}: each champion's effect is moved towards the mean of all by {share:%} of its distance, on average.",
}
