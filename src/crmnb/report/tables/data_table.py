"""Tables of numbers in words: those behind a chart, and a result's rows for people."""

import pandas as pd
from markupsafe import Markup

from crmnb.evaluate.result import Result
from crmnb.report.display import WITH_CUSTOMERS, Display
from crmnb.report.drawing.series import Series, point_interval, point_words
from crmnb.report.html import table
from crmnb.report.text.changes import change_words
from crmnb.report.text.flags import flag_words
from crmnb.report.text.numbers import known, part_name, period_name, whole_number
from crmnb.report.text.row_state import available
from crmnb.report.text.values import breakdown_name, interval_name, interval_words, target_words, value_words


def numbers_table(
    result: Result,
    first: str,
    named_rows: list[tuple[str, object]],
    caption: str,
    decimals: int | None = None,
    *,
    before: tuple[str, list[str]] = ("", []),
) -> Markup:
    """The numbers behind a chart: `first` heads the column of names, each row is (name, row of the results frame).

    decimals: as in the picture; else as the page writes each. before: the name of the comparison and its value beside each row, if any has one.
    """
    level = interval_name(result)
    columns = [first, "Value", level, "n", "Remarks"]
    body = [
        [
            name,
            value_words(result, row, decimals),
            interval_words(result, row, decimals) or ("none" if available(row) else ""),
            n_words(result, row),
            "; ".join(flag_words(result, row)),
        ]
        for name, row in named_rows
    ]
    if not any(row[-1] for row in body):
        columns, body = columns[:-1], [row[:-1] for row in body]
    name, values = before
    if any(values):
        columns, body = (
            [*columns[:2], name, *columns[2:]],
            [[*r[:2], v, *r[2:]] for r, v in zip(body, values, strict=True)],
        )
    return table(columns, body, caption=caption, numeric=(1, 2, 3, 4) if any(values) else (1, 2, 3))


def points_table(
    result: Result, first: str, named: list[tuple[str, Series, int]], caption: str, units: str, unit: str = ""
) -> Markup:
    """The numbers behind a curve: each row is (name, curve, place of its point); `units` heads those behind a point.

    unit: of the values, where it is another than the metric's.
    """
    body = [
        [
            name,
            point_words(result, curve, place, unit),
            point_interval(result, curve, place, unit),
            whole_number(curve.n[place], result.client) if known(curve.n[place]) else "",
        ]
        for name, curve, place in named
    ]
    columns = [first, "Value", interval_name(result), units]
    return table(columns, body, caption=caption, numeric=(1, 2, 3))


def n_words(result: Result, row) -> str:
    """The number of units, or "" where it is not known or must not be."""
    return whole_number(row.n, result.client) if known(row.n) and "suppressed" not in row.flags else ""


def _when(result: Result, row) -> str:
    """A row's part or period; a part of the comparison with its year."""
    if row.part and row.period != result.comparison.label:
        return part_name(row.part, result.period, result.client)
    return period_name(row.part or row.period, result.client)


class Table(Display, pd.DataFrame):
    """A table of the suite that a page may show; what is derived from it (a part, a sum) is a plain DataFrame, which a page may not show."""


class CustomerTable(Table):
    """A table of single customers: only for clients who allow it, from cells tagged `customers`."""

    shown_to = WITH_CUSTOMERS


def people_frame(result: Result) -> Table:
    """Every row of the result in words and the client's numbers; columns that are empty throughout are left out."""
    client, metric = result.client, result.metric
    rows = [
        {
            metric.breakdown.capitalize() or "Breakdown": breakdown_name(row.breakdown, client),
            "When": _when(result, row),
            "Segment": row.segment,
            "Level": row.level,
            "Value": value_words(result, row),
            interval_name(result): interval_words(result, row),
            "n": n_words(result, row),
            "Change": change_words(result, row).text,
            "Target": target_words(result, row),
            "Remarks": "; ".join(flag_words(result, row)),
        }
        for row in result.rows.itertuples()
    ]
    frame = pd.DataFrame(rows)
    return Table(frame.loc[:, [bool(frame[name].astype(bool).any()) for name in frame]])
