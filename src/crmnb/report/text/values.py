"""Values: a row's figure, its interval, its base and its target in words, or the reason why there is no figure."""

import re

from crmnb.core.cohort_cell import CohortCell
from crmnb.evaluate.result import Result
from crmnb.report.html import printable
from crmnb.report.text.notes import reason_text
from crmnb.report.text.numbers import (
    counted,
    decimals_of,
    is_money,
    known,
    limits_text,
    percent,
    period_name,
    quantity,
    scale_end,
    short_money,
    short_quantity,
    singular,
    whole_number,
)
from crmnb.report.text.precision import displayed, interval_decimals, page_decimals
from crmnb.report.text.row_state import available, bounded_below, not_reached
from crmnb.schema.client import Client, Item

_ORDINAL = re.compile(r"^\d+ (?=\D)")
_AFTER_NOUN = re.compile(
    r",.*|\s+(?:\w+ed\s+)?(?:in|that|with|who|whose|which|of|at|on|per|sent|by|from|for|over|during|and|seen|won|without)\b.*"
)


def value_words(result: Result, row, decimals: int | None = None) -> str:
    """The value with its unit, or why there is none."""
    if not available(row):
        return absence_words(result, row)
    places = page_decimals(result, row) if decimals is None else decimals
    unit, (value,) = displayed(result, row.unit, row.value)
    return quantity(value, unit, places, result.client) + _unit_tail(result, row)


def short_value(result: Result, row, decimals: int | None = None) -> str:
    """The value as fits next to a point: with a percent sign or the currency, without longer units."""
    places = page_decimals(result, row) if decimals is None else decimals
    unit, (value,) = displayed(result, row.unit, row.value)
    if is_money(unit) and not places:
        return short_money(value, result.client)
    return short_quantity(value, unit, places, result.client)


def absence_words(result: Result, row) -> str:
    """Why a row has no value: `not shown: fewer than 10`, `not reached: ...` or `not available: needs orders`."""
    reason = reason_text(row.reason, result.client)
    if "suppressed" in row.flags.split():
        return f"not shown: {reason or f'fewer than {result.client.privacy.suppress_below}'}"
    if not_reached(row):
        return f"not reached: {reason}" if reason else "not reached"
    return f"not available: {reason or 'no data'}"


def absence_reason(result: Result, default: str = "no data") -> str:
    """The reason why there is nothing to draw."""
    reasons = [absence_words(result, row) for row in result.entries if not available(row)]
    return reasons[0] if reasons else default


def reasons_of_absence(results: list[Result]) -> list[str]:
    """Why no metric of some has a figure, each reason once; none where one has a figure, or may not be shown."""
    rows = [(result, row) for result in results for row in result.entries]
    if any("unavailable" not in row.flags.split() for _, row in rows):
        return []
    return list(dict.fromkeys(reason_text(row.reason, result.client) or "no data" for result, row in rows))


def interval_words(result: Result, row, decimals: int | None = None) -> str:
    """`23% to 88%`, `412 days or more`, or "" where the value has no interval."""
    if not bounded_below(row):
        return ""
    places = page_decimals(result, row) if decimals is None else decimals
    unit, (low, high) = displayed(result, row.unit, row.low, row.high)
    return limits_text(low, high, unit, interval_decimals(result, row, places), result.client)


def interval_name(result: Result) -> str:
    """What an interval is called: `95% CI`."""
    return f"{percent(result.client.level, result.client)} CI"


def named_interval(result: Result, row, decimals: int | None = None) -> str:
    """`95% CI 23% to 88%`, or "" where the value has no interval."""
    limits = interval_words(result, row, decimals)
    return f"{interval_name(result)} {limits}" if limits else ""


def base_words(result: Result, row) -> str:
    """What the value rests on: `3 of 5 buyers`, `25 valid answers from 14 customers`; "" for a count."""
    if not known(row.n) or row.unit == "count":
        return ""
    own = _base_noun(result, row)
    client, nouns = result.client, own or noun(result.metric.denominator)
    if row.unit != result.metric.unit and not own:
        return f"n {whole_number(row.n, client)}"
    if result.metric.estimate.reduces == "bins":  # n counts what happened, and not the units that it is out of
        return ""
    if row.unit == "%" and known(row.numerator) and row.denominator == row.n and float(row.numerator).is_integer():
        against = "of" if 0 <= row.numerator <= row.denominator else "against"
        return f"{whole_number(row.numerator, client)} {against} {counted(row.denominator, nouns, client)}"
    of_customers = known(row.clusters) and row.clusters < row.n and not result.metric.measure.independent_rows
    tail = f" from {counted(row.clusters, 'customers', client)}" if of_customers else ""
    return counted(row.n, nouns, client) + tail


def counted_units(result: Result, row) -> str:
    """What a row's base counts: customers where they are known, else the metric's own units: `tickets`."""
    metric = result.metric
    if nouns := _base_noun(result, row):
        return nouns
    if metric.per_customer or (known(row.clusters) and row.clusters != row.n):
        return "customers"
    return noun(metric.denominator or metric.numerator)


def _base_noun(result: Result, row) -> str:
    """What the base of a breakdown counts, where its metric says so: `sellers`."""
    return result.metric.measure.base_nouns.get(row.breakdown, "")


def declared_item(result: Result) -> Item | None:
    """The survey item that the metric is of, as the client declared it; None where there is no item."""
    return result.client.items.get(result.settings.get("item", "").split(" ")[0])


def declared_scale(result: Result) -> tuple[float, float] | None:
    """The ends of the scale that the client declared for the survey item; None where there is no item."""
    item = declared_item(result)
    return tuple(map(float, item.scale)) if item else None


def target_words(result: Result, row) -> str:
    """`target 80%: met`, `missed`, or `too close to call` while the interval contains it; "" without a target."""
    if not known(row.target):
        return ""
    unit, (target,) = displayed(result, row.unit, row.target)
    goal = quantity(target, unit, decimals_of(target, unit=unit), result.client)
    state = target_state(result, row)
    return f"target {goal}: {state}" if state else f"target {goal}"


def target_state(result: Result, row) -> str:
    """Whether a target is `met`, `missed` or `too close to call`; "" where there is no value, or no better direction."""
    if not known(row.target) or not available(row) or result.direction == "-":
        return ""
    low, high = (row.low, row.high) if known(row.low) and known(row.high) else (row.value, row.value)
    above, below = low >= row.target, high <= row.target
    met, missed = (above, below) if result.direction == "up" else (below, above)
    return "met" if met else "missed" if missed else "too close to call"


def breakdown_name(breakdown: str, client: Client) -> str:
    """A breakdown in words: a cohort cell is a month and an age in months, an ordered step has no number."""
    cell = CohortCell.of(breakdown)
    return f"{period_name(cell.month, client)}, +{cell.age}" if cell else printable(_ORDINAL.sub("", breakdown))


def noun(text: str) -> str:
    """The thing counted, out of a description of it: `buyers` of "buyers in the period"."""
    return _AFTER_NOUN.sub("", text).strip(" ,;:.") or text


def _unit_tail(result: Result, row) -> str:
    if row.unit == "count" and row.unit == result.metric.unit and not row.breakdown:
        nouns = noun(result.metric.numerator)
        return f" {singular(nouns) if row.value == 1 else nouns}"
    if row.unit == "scale":
        ends = declared_scale(result)
        written = [scale_end(end, row.unit, result.client) for end in ends or ()]
        return f" on a scale of {' to '.join(written)}" if ends else " on the declared scale"
    return ""
