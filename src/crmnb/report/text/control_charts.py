"""Control charts in words: title, alternative text, notes, and why there is none."""

from crmnb.evaluate.monitoring import Monitored
from crmnb.report.html import printable
from crmnb.report.text.numbers import decimals_of, percentage, period_name, quantity, whole_number
from crmnb.report.text.precision import displayed
from crmnb.report.text.values import breakdown_name
from crmnb.stats.control_chart import LEAST_MONTHS

RULES = {
    1: "outside the limits",
    2: "too long on one side of the mean",
    3: "too long in one direction",
}
HOW_TO_READ = (
    "The band is where a month lies as long as nothing changes, given the months before it. A diamond marks a month that is 1 outside the limits, 2 part "
    "of a run on one side of what was expected, or 3 part of a steady rise or fall. Below each chart stands how often it marks months in which nothing has "
    "changed, as simulated. A ring marks a month whose figure an earlier report published as another one."
)
_KINDS = {
    "individuals": "individuals chart",
    "logarithms": "individuals chart of the logarithms, as amounts are skewed",
    "p": "Laney p' chart: the limits allow for the size of each month's base",
    "u": "Laney u' chart of events a day, shown for a month of average length",
}
_TRIED = (0.3, 0.6)  # autocorrelations


def name_of(monitored: Monitored) -> str:
    """The metric's title, with its breakdown."""
    result, breakdown = monitored.result, monitored.months.breakdown
    return f"{result.metric.title}, {breakdown_name(breakdown, result.client)}" if breakdown else result.metric.title


def marked_rules(monitored: Monitored, at: int) -> tuple[int, ...]:
    """The rules that mark a month."""
    return tuple(rule for rule, marks in zip(RULES, monitored.chart.marks, strict=True) if marks[at])


def decimals_on_chart(monitored: Monitored) -> int:
    """The decimals that the width of the limits deserves."""
    unit, (value, low, high) = displayed(
        monitored.result, monitored.result.metric.unit, monitored.centre[-1], monitored.low[-1], monitored.high[-1]
    )
    return decimals_of(value, low, high, "" if unit == "count" else unit)


def amount(monitored: Monitored, value: float, places: int) -> str:
    """A value of the chart in the metric's unit."""
    unit, (value,) = displayed(monitored.result, monitored.result.metric.unit, value)
    return quantity(value, unit, places, monitored.result.client)


def chart_title(monitored: Monitored) -> str:
    """What the last month says."""
    name, month = name_of(monitored), _month(monitored, len(monitored.values) - 1)
    if not monitored.is_signal:
        return f"{name}: {month} is within its normal range"
    return f"{name}: {month} is {' and '.join(RULES[rule] for rule in monitored.chart.rules_of_last)}"


def chart_alt(monitored: Monitored) -> str:
    """Form, axes, highest, lowest and last value, limits, phases and marks."""
    values, places = monitored.values, decimals_on_chart(monitored)
    last = len(values) - 1

    def point(at: int) -> str:
        return f"{amount(monitored, values[at], places)} ({_month(monitored, at)})"

    highest, lowest = values.index(max(values)), values.index(min(values))
    limits = [amount(monitored, line[last], places) for line in (monitored.low, monitored.high)]
    marked = [at for at in range(len(values)) if marked_rules(monitored, at)]
    words = [
        f"Control chart. Across: {len(values)} months. Up: {name_of(monitored)}.",
        f"Highest {point(highest)}, lowest {point(lowest)}, last {point(last)}.",
        f"Limits of the last month: {limits[0]} to {limits[1]}; mean {amount(monitored, monitored.centre[last], places)}.",
    ]
    words += [f"New phase in {_name(monitored, label)}: {printable(title)}." for label, title in monitored.phases]
    if marked:
        named = [f"{_month(monitored, at)} ({_rules(monitored, at)})" for at in marked]
        words.append(f"Marked: {'; '.join(named)}.")
    else:
        words.append("No month is marked.")
    if restated := _restated(monitored):
        words.append(f"Restated since first published: {restated}.")
    return " ".join(words)


def chart_notes(monitored: Monitored) -> tuple[str, ...]:
    """How the chart is made, how often it marks months without any change, and what it leaves out."""
    chart, client = monitored.chart, monitored.result.client
    season = (
        "without their season (STL)"
        if chart.is_adjusted
        else "with their season: two years of months are needed to remove it"
    )
    base = f"the first {chart.base} months set the limits" if chart.base < len(chart.values) else ""
    method = f"Months {season}; {_KINDS[monitored.kind]}{'; ' if base else ''}{base}."
    months = [percentage(100 * chart.alarm_rates[phi], 1, client) for phi in _TRIED]
    charts = [percentage(100 * chart.chart_rates[phi], 0, client) for phi in _TRIED]
    false = (
        f"Without any change it marks {months[0]} of the months and {charts[0]} of such charts at an autocorrelation of 0.3, {months[1]} and {charts[1]} "
        f"at 0.6 (simulated); estimated here: {chart.autocorrelation:.1f}. Rule 2 needs {chart.run} months, rule 3 needs {chart.trend}."
    )
    notes = [method, false]
    if restated := _restated(monitored):
        notes.append(f"Rings: restated since first published ({restated}); the data table has both figures.")
    if monitored.months.left_out:
        count = whole_number(monitored.months.left_out, client)
        notes.append(
            f"{count} earlier months are left out: published under other settings, by too few customers, or before a gap."
        )
    return tuple(notes)


def absence(monitored: Monitored) -> str:
    """Why there is no chart."""
    if monitored.reason == "no_months":
        return "no control chart: it is computed for the whole period only."
    if monitored.reason == "no_variation":
        return "no control chart: the months do not differ."
    months = len(monitored.months.labels)
    count = f"{months} {'month' if months == 1 else 'months'} in a row"
    return (
        f"no control chart yet: {count} with a value; {LEAST_MONTHS} are needed. Reports of earlier periods add theirs."
    )


def _restated(monitored: Monitored) -> str:
    return ", ".join(_name(monitored, label) for label in monitored.months.labels if label in monitored.months.restated)


def _rules(monitored: Monitored, at: int) -> str:
    return " and ".join(RULES[rule] for rule in marked_rules(monitored, at))


def _month(monitored: Monitored, at: int) -> str:
    return _name(monitored, monitored.months.labels[at])


def _name(monitored: Monitored, label: str) -> str:
    return period_name(label, monitored.result.client)
