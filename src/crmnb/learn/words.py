"""Words: what the suite says of a lesson's result, for claims, slides and explanations. No lesson types a number."""

from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING

from crmnb.learn.corner_shop import STORED_AS, corner_shop_book
from crmnb.learn.declaration import YEAR, Tables
from crmnb.schema.tables import TABLES

if TYPE_CHECKING:
    import pandas as pd

    from crmnb.engine.session import Tables as EngineTables
    from crmnb.report.view import ResultView


# The periods that the words of a repeat are of, draw after draw; the first is that of the lesson.
PERIODS = (str(YEAR), str(YEAR - 1), f"{YEAR}-07-01..{YEAR}-12-31", f"{YEAR}-01-01..{YEAR}-06-30")


@cache
def words_of(metric: str, breakdown: str | None = None, draw: int = 0) -> dict[str, str]:
    """The words of a metric's result on the corner shop (`words_in`), for a repeat in another period if there is a figure."""
    return words_in(result_on(metric, breakdown, draw), breakdown)


def result_on(metric: str, breakdown: str | None, draw: int) -> "ResultView":
    """The result that a draw is about: that of the lesson's year, or for a repeat of another period if the figure is available there."""
    period = PERIODS[draw % len(PERIODS)]
    if period != PERIODS[0]:
        result = result_in(metric, period)
        if any(row.value == row.value for row in result.entries if breakdown is None or row.breakdown == breakdown):
            return result
    return result_of(metric)


def words_in(result: "ResultView", breakdown: str | None = None) -> dict[str, str]:
    """The words of a result: value, interval, limits, base, change, period and the whole sentence.

    breakdown: which figure; by default that with the most units. An unavailable figure has its reason as value.
    """
    from crmnb.report.text.changes import change_words
    from crmnb.report.text.row_state import available
    from crmnb.report.text.values import base_words, interval_words, named_interval, value_words

    entries = [row for row in result.entries if breakdown is None or row.breakdown == breakdown]
    row = max(entries, key=lambda row: row.n if row.n == row.n else -1)
    change = change_words(result, row).text
    return {
        "title": result.metric.title,
        "caution": result.metric.caution,
        "available": "yes" if available(row) else "",
        "period": f"{result.metric.title}{f', {row.breakdown}' if row.breakdown else ''}, {result.period.label}",
        "value": value_words(result, row),
        "interval": named_interval(result, row) or "no interval",
        "limits": interval_words(result, row),
        "counted": base_words(result, row),
        "base": base_words(result, row) or _base(result),
        "change": change or "There is no comparison with the year before",
        "sentence": repr(result).splitlines()[0],
    }


def _base(result: "ResultView") -> str:
    """What a figure without a number of units rests on: the sums that it is made of."""
    metric = result.metric
    return f"{metric.numerator} out of {metric.denominator}" if metric.denominator else "all that were counted"


def result_of(metric: str) -> "ResultView":
    """The suite's result of a metric on the corner shop in the year of the lessons, evaluated by itself."""
    return result_in(metric, PERIODS[0])


@cache
def result_in(metric: str, period: str) -> "ResultView":
    """The same in another period."""
    return _evaluated(metric, period, corner_shop_book().tables)


def result_of_rows(metric: str, rows: Tables) -> "ResultView":
    """The suite's result of a metric in the year of the lessons where the corner shop has these rows instead of its own of their tables."""
    import pandas as pd

    from crmnb.engine.session import in_memory

    own = corner_shop_book().tables.with_names()
    frames = {name: own.every(name).df() for name in own.names}
    for name, of_table in rows.items():
        stored = STORED_AS.get(name, name)
        frames[stored] = _completed(pd.DataFrame(of_table), frames[stored], [*TABLES[stored].key])
    return _evaluated(metric, PERIODS[0], replace(in_memory(own.client, frames), cutoff=own.cutoff))


def _completed(shown: "pd.DataFrame", own: "pd.DataFrame", key: list[str]) -> "pd.DataFrame":
    """Rows as a lesson shows them, with the other columns of the client's own rows of these keys."""
    others = [name for name in own if name not in shown]
    if not key or not set(key) <= set(shown):
        return shown
    known = own[[*key, *others]].drop_duplicates(key).astype(dict.fromkeys(key, object))
    return shown.astype(dict.fromkeys(key, object)).merge(known, on=key, how="left")


def _evaluated(metric: str, period: str, tables: "EngineTables") -> "ResultView":
    from crmnb.core.period import Period
    from crmnb.evaluate.evaluation import evaluate_variant
    from crmnb.metrics.definition import catalogue
    from crmnb.report.view import ResultView

    book = corner_shop_book()
    observed = Period.parse(period).observe(book.period.data_from, book.period.cutoff)
    return ResultView.of(evaluate_variant(catalogue()[metric], tables, observed))
