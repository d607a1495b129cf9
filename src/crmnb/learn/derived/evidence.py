"""Evidence: the rows behind a metric's figure on the corner shop, of two years, as a lesson shows them."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from crmnb.core.errors import Unavailable
from crmnb.learn.corner_shop import corner_shop_book
from crmnb.learn.declaration import YEAR, Row
from crmnb.learn.derived import kinds, kinds_of_values
from crmnb.learn.derived.scope import MEASURED, Kind, is_blank
from crmnb.metrics.columns import columns_of, columns_read
from crmnb.metrics.definition import Metric, catalogue
from crmnb.schema.tables import TABLES

MOST_ROWS = 30
MOST_LEFT_OUT = 5
MOST_READ = 1000  # of the corner shop's evidence
_MECHANICS = {
    "num",
    "den",
    "at",
    "squares",
    "units",
    "sheet",
    "weight",
    "unit",
    "period_id",
    "period_end",
    "observed_end",
}
_MOST_COLUMNS = 9

if TYPE_CHECKING:
    from crmnb.engine.session import Tables

GIVEN_AWAY = ("met", "value", "amount", "out_of")  # of a figure's columns, those that hold the answer row by row
KindOf = Callable[[float, str, str], Kind]
# The columns of evidence that figures are made of.
_FIGURES = {
    *("num", "den", "value", "quantity", "duration", "event", "met", "size", "responses", "base", "correct", "audited"),
    *("breakdown", "weight", "amount"),
}


@dataclass(frozen=True)
class OwnTable:
    """A client's table whose rows evidence is made of: its name, the column of its key, and the columns that a learner needs."""

    name: str
    key: str
    columns: tuple[str, ...]


def evidence_rows(metric: Metric) -> list[Row]:
    """The rows of the year and of the year before, the older ones first; none where the corner shop has no such rows."""
    book = corner_shop_book()
    return [
        row
        for year in (YEAR - 1, YEAR)
        for row in rows_of_year(metric, book.tables, year, book.period.data_from, MOST_READ)
    ]


def rows_of_year(metric: Metric, tables: "Tables", year: int, data_from: datetime, most: int) -> list[Row]:
    """A metric's evidence of a client's tables in a year, at most so many rows; none where they have no such rows."""
    from crmnb.core.period import Period
    from crmnb.evaluate.metric_call import evidence_of

    period = Period.parse(str(year)).observe(data_from, tables.cutoff)
    try:
        records = evidence_of(metric, tables, period, most).to_dict("records")
    except Unavailable:
        return []
    plain = [{"year": year} | {name: _plain(value) for name, value in record.items()} for record in records]
    return _with_own_columns(metric, tables, plain)


def own_table(metric: Metric, columns: Iterable[str]) -> OwnTable | None:
    """The client's table whose rows the evidence is made of, row by row; None where it has no key of one."""
    present = set(columns)
    listed = catalogue().get(metric.id) is metric
    for name, read in (columns_read(metric.id) if listed else columns_of(metric)).items():
        declared = TABLES.get(name)
        if declared and len(declared.key) == 1 and declared.key[0] in present:
            items = [metric.settings[name] for name, kind in metric.declarations.items() if kind.__name__ == "Item"]
            first = (*declared.key, *(("customer_id",) if "customer_id" in present else ()))
            shown = dict.fromkeys((*first, *filter(None, (declared.time,)), *read, *filter(None, items)))
            return OwnTable(name, declared.key[0], tuple(shown))
    return None


def _with_own_columns(metric: Metric, tables: "Tables", rows: list[Row]) -> list[Row]:
    """The rows with the columns of the client's own table that the metric looks at, and those that the figure is made of."""
    own = own_table(metric, rows[0]) if rows else None
    if own is None:
        return rows
    relation = tables.with_names().frame(own.name).to_native().relation
    columns = [name for name in own.columns if name in relation.columns]
    selected = ", ".join(f'"{name}"' for name in columns)
    place = columns.index(own.key)
    cells = {
        record[place]: dict(zip(columns, map(_plain, record), strict=True))
        for record in relation.project(selected).fetchall()
    }
    figures = [name for name in rows[0] if name in _FIGURES]
    return [
        {"year": row["year"]} | cells.get(row[own.key], {}) | {name: row[name] for name in figures}
        for row in rows
        if row[own.key] in cells
    ]


def rows_left_out(metric: Metric, rows: list[Row]) -> list[Row]:
    """Rows of the metric's table in the year that its evidence does not have, such as sheets without an answer, under its columns.

    None where the table's key is not in the evidence, or where it is not known to which breakdown such a row would belong.
    """
    tables = corner_shop_book().tables.with_names()
    declared = TABLES.get(tables.source_of(metric.tables[0])) if metric.tables and rows else None
    if not (declared and declared.time and len(declared.key) == 1 and declared.key[0] in rows[0]):
        return []
    (key,), time = declared.key, declared.time
    relation = tables.frame(metric.tables[0]).to_native().relation
    column = _column_of_breakdown(rows, relation.columns)
    if column is None:
        return []
    records = [dict(zip(relation.columns, row, strict=True)) for row in relation.order(f'"{time}", "{key}"').fetchall()]
    evident = {row[key] for row in rows}
    others = [r for r in records if r[time] and r[time].year == YEAR and r[key] not in evident]
    return [
        {"year": YEAR}
        | {name: r.get(name) for name in rows[0] if name != "year"}
        | ({"breakdown": r[column]} if column else {})
        for r in others[:MOST_LEFT_OUT]
    ]


def _column_of_breakdown(rows: list[Row], columns: list[str]) -> str | None:
    """Which of a table's columns the breakdowns are of; "" where there are none, None where it is none of them."""
    if not any(row.get("breakdown") for row in rows):
        return ""
    same = (name for name in columns if name in rows[0] and all(row[name] == row["breakdown"] for row in rows))
    return next(same, None)


def _plain(value: Any) -> Any:
    """A value as Python has it: None for a missing one, a time as a datetime."""
    if value is None or value != value:
        return None
    return value.to_pydatetime() if hasattr(value, "to_pydatetime") else getattr(value, "item", lambda: value)()


def kinds_of(rows: list[Row], left_out: list[Row]) -> list[tuple[KindOf, list[Row]]]:
    """The kinds of figure that the rows' columns can make, each with the rows as it takes them; none where no plain kind fits.

    left_out: rows that are in no base; they stand among the others without a value.
    """
    if not rows or any(row.get("weight") is not None for row in rows):
        return []
    columns = set(rows[0])
    recognised = []
    if "value" in columns:
        recognised.append(_measured(kinds_of_values.mean, rows, value="value"))
    if {"num", "den"} <= columns:
        recognised += _of_numerators(rows)
    for amount, base in (("met", "size"), ("responses", "base"), ("correct", "audited")):
        if {amount, base} <= columns:
            recognised.append(_measured(kinds.sums, rows, amount=amount, out_of=base))
    if "quantity" in columns:
        recognised.append(_measured(kinds_of_values.middle, rows, value="quantity"))
    if {"duration", "event"} <= columns:
        recognised.append(_measured(kinds_of_values.cases, rows, duration="duration", event="event"))
    if "met" in columns:
        recognised.append(_measured(kinds.share, rows, met="met"))
    return [(make, _with(shown, left_out)) for make, shown in filter(None, recognised)]


def _with(rows: list[Row], left_out: list[Row]) -> list[Row]:
    """The rows with those that are left out, whose own columns have no value; where rows are only counted, there are none."""
    if not set(rows[0]) & set(MEASURED):
        return rows
    blank = [{name: None if name in (*MEASURED, "event") else row.get(name) for name in rows[0]} for row in left_out]
    return [*rows, *blank]


def _of_numerators(rows: list[Row]) -> list[tuple[KindOf, list[Row]] | None]:
    events = [
        row for row in rows if row["den"] is None
    ]  # what is counted; other rows are the units that it is divided by
    if events:
        return [(kinds.count, [_shown(row) for row in events])]
    numbers = {row["num"] for row in rows}
    if any(row["den"] != 1 for row in rows):
        return [_measured(kinds.sums, rows, amount="num", out_of="den")]
    if numbers <= {0, 1}:
        return [_measured(kinds.share, rows, met="num"), _measured(kinds.number, rows, met="num")]
    return [
        _measured(
            kinds.net if numbers <= {-1, 0, 1} else kinds_of_values.mean,
            rows,
            **{"met" if numbers <= {-1, 0, 1} else "value": "num"},
        )
    ]


def _measured(kind: KindOf, rows: list[Row], **names: str) -> tuple[KindOf, list[Row]] | None:
    """The rows with the kind's own columns at the end; None where one of them has no value."""
    if any(row[name] is None for row in rows for name in names.values()):
        return None
    own = set(names.values())
    return kind, [_shown(row, own) | {column: _number(row[name]) for column, name in names.items()} for row in rows]


def _number(value: Any) -> float:
    return int(value) if float(value).is_integer() else float(value)


def _shown(row: Row, measured: set[str] = frozenset()) -> Row:
    """A row with the columns that say something to a reader: its key, its customer, and what the metric may be about."""
    names = [name for name in row if name not in _MECHANICS | measured | {"year", "customer_id", "breakdown"}]
    keys = [name for name in names if name.endswith("_id")][:1]
    others = [name for name in names if not name.endswith("_id")]
    customer = [name for name in ("customer_id",) if name in row]
    return {
        name: row[name] for name in ["year", *keys, *customer, *others, *(["breakdown"] if "breakdown" in row else [])]
    }


def fitting(rows: list[Row], breakdown: str) -> list[Row]:
    """At most so many rows as a screen shows: those of the figure, then of the year before, then of other groups; empty if its own are more.

    Columns that are empty in all rows are left out.
    """

    def rank(row: Row) -> int:
        if row.get("breakdown", "") != breakdown:
            return 3
        return 2 if row["year"] != YEAR else int(is_blank(row))

    ranked = sorted(rows, key=rank)
    if sum(rank(row) == 0 for row in ranked) > MOST_ROWS:
        return []
    chosen = {id(row) for row in ranked[:MOST_ROWS]}
    shown = [row for row in rows if id(row) in chosen]
    filled = [name for name in shown[0] if any(row[name] not in (None, "") for row in shown)] if shown else []
    own = [name for name in filled if name in (*MEASURED, "event", "breakdown")]
    columns = [*[name for name in filled if name not in own][:_MOST_COLUMNS], *own]
    return [{name: row[name] for name in columns} for row in shown]


def hidden_columns(metric: Metric, rows: list[Row]) -> frozenset[str]:
    """The columns that would give the answer away, since the learner can see the same in others.

    Where the rows are those of a client's table, this is whatever the figure is made of; else what only repeats another column.
    """
    if not rows:
        return frozenset()
    helpers = [name for name in rows[0] if name in GIVEN_AWAY]
    if own_table(metric, rows[0]):
        return frozenset(helpers)
    others = [name for name in rows[0] if name not in GIVEN_AWAY and name != "year"]
    return frozenset(
        helper for helper in helpers if any(all(row[name] == row[helper] for row in rows) for name in others)
    )


def keys_of(rows: list[Row]) -> list[str]:
    """The columns that number the rows themselves: `order_id`, and not the customer."""
    return [name for name in rows[0] if name.endswith("_id") and name != "customer_id"] if rows else []
