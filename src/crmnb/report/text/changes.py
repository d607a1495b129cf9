"""Changes: how a figure differs from the comparison period, with the interval of that difference."""

from typing import NamedTuple

from markupsafe import Markup

from crmnb.core.notes import from_json
from crmnb.evaluate.result import Result
from crmnb.report.html import tag
from crmnb.report.text.notes import NO_COMPARISON, reason_text
from crmnb.report.text.numbers import change_decimals, known, limits_text, period_name, signed, signed_limits
from crmnb.report.text.precision import displayed
from crmnb.report.text.row_state import available
from crmnb.report.text.values import interval_name

_TONES = {"better": "good", "worse": "bad", "changed": "moved"}
_VERDICTS = {"good": ", better", "bad": ", worse"}


class Change(NamedTuple):
    """A change in words. `tone`: good, bad or moved where it is detectable; unclear; none where there is no comparison."""

    text: str
    tone: str
    arrow: str


def lacks_comparison(row) -> bool:
    """Whether a row has a value, and a reason why that is not compared."""
    return available(row) and not known(row.change) and bool(row.reason) and from_json(row.reason).code in NO_COMPARISON


def change_words(result: Result, row, *, with_period: bool = True) -> Change:
    """The change: `+3.1 pts vs 2024 (95% CI 1.2 to 5.0)`, or that none is detectable.

    Without `with_period`, the comparison's name is left out, for a column headed by it.
    """
    if not available(row):
        return Change("", "none", "")
    if not known(row.change):
        return Change(reason_text(row.reason, result.client), "none", "")
    named = with_period and not result.metric.compares  # whose breakdowns say what it is compared with
    versus = f" vs {period_name(result.comparison.label, result.client)}" if named else ""
    limits, name = change_interval(result, row), interval_name(result)
    if not row.signal and limits:
        if not row.change_low <= 0 <= row.change_high:  # alone it would be a signal, not among all the comparisons
            limits += " before correction for multiple comparisons"
        return Change(f"no detectable change{versus} ({name} {limits})", "unclear", "")
    text = f"{short_change(result, row) if row.change else 'unchanged'}{versus}"
    text += f" ({name} {limits})" if limits else " (no interval)"
    arrow = "" if not row.signal else "▲" if row.change > 0 else "▼"
    return Change(text, _TONES.get(row.signal, "unclear"), arrow)


def short_change(result: Result, row) -> str:
    """A known change with its sign and unit, without interval: `+3.1 pts`."""
    unit, (change, low, high) = displayed(result, row.unit, row.change, row.change_low, row.change_high)
    return signed(change, _change_unit(result, unit), change_decimals(change, low, high, unit), result.client)


def change_interval(result: Result, row) -> str:
    """The limits of a known change: `1.2 to 5.0` beside a signal, whose unit they share, and signed otherwise; "" without an interval."""
    unit, (change, low, high) = displayed(result, row.unit, row.change, row.change_low, row.change_high)
    if not (known(low) and known(high)):
        return ""
    written = limits_text if row.signal else signed_limits
    decimals = change_decimals(change, low, high, unit)
    return written(low, high, _change_unit(result, unit), decimals, result.client)


def _change_unit(result: Result, unit: str) -> str:
    """A change of a share is in points; that of a metric which is a change itself is in per cent."""
    return ("%" if result.metric.compares else "pts") if unit in ("%", "points") else unit


def change_html(change: Change) -> Markup | None:
    """A change with its arrow, coloured only where it is detectable; None where there is nothing to say."""
    if not change.text:
        return None
    arrow = tag("span", change.arrow, aria_hidden="true", class_="arrow") if change.arrow else None
    words = f" {change.text}{_VERDICTS.get(change.tone, '')}" if arrow else change.text
    return tag("span", *filter(None, (arrow, words)), class_=f"change {change.tone}")
