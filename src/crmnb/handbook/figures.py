"""Figures: what a metric came to on the corner shop, breakdown by breakdown, beside the count by hand."""

from dataclasses import dataclass

from markupsafe import Markup

from crmnb.evaluate.result import Result
from crmnb.report.text.cells import cell_words
from crmnb.report.text.mathml import formula_mathml
from crmnb.report.text.numbers import known
from crmnb.report.text.row_state import available
from crmnb.report.text.values import base_words, breakdown_name, interval_words, value_words

_MOST = 30


@dataclass(frozen=True)
class FigureLine:
    """A figure: its breakdown, numerator and denominator, value and interval in words, and the count by hand as a formula."""

    name: str
    numerator: str
    denominator: str
    value: str
    interval: str
    base: str
    by_hand: Markup


def figure_lines(result: Result) -> list[FigureLine]:
    """The figures of the whole client over the period, the first ones where there are very many."""
    return [_line(result, row) for row in result.entries[:_MOST]]


def _line(result: Result, row) -> FigureLine:
    has_value = available(row)
    counted = has_value and known(row.numerator) and known(row.denominator)
    return FigureLine(
        name=breakdown_name(row.breakdown, result.client) if row.breakdown else "",
        numerator=cell_words(row.numerator) if counted else "",
        denominator=cell_words(row.denominator) if counted else "",
        value=value_words(result, row),
        interval=interval_words(result, row),
        base=base_words(result, row) if has_value else "",
        by_hand=_by_hand(result, row.breakdown),
    )


def _by_hand(result: Result, breakdown: str) -> Markup:
    """The count by hand as arithmetic; "" where there is none of this breakdown."""
    hand = result.metric.hand_count
    expression = (
        hand if isinstance(hand, str) and not breakdown else hand.get(breakdown, "") if isinstance(hand, dict) else ""
    )
    return formula_mathml(expression, block=False) if expression else Markup("")
