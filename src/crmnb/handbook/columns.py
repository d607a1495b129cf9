"""Columns: which tables and columns a metric reads, from the steps that its function makes of empty tables."""

from functools import cache

from crmnb.core.errors import Unavailable
from crmnb.engine.query import inputs_first
from crmnb.handbook.trace import columns_named
from crmnb.metrics.definition import Metric, catalogue
from crmnb.metrics.empty_tables import empty_views, stand_ins
from crmnb.schema.tables import TABLES

# What a derived table is made of, in words.
DERIVED = {
    "tenures": "the spans of time in which somebody is a customer, made of orders, or of contracts",
    "all_orders": "all orders, also those that were cancelled or refunded",
    "payments": "orders, or the months of contracts",
    "joined": "since when the client's list says that somebody is a customer",
    "personal_names": "the words of names, which are removed from quotes",
}


# The table whose columns a derived one has; of the others, columns have names of their own.
_SHAPED_AS = {"all_orders": "orders", "payments": "orders"}


@cache
def columns_read(id_: str) -> dict[str, tuple[str, ...]]:
    """The columns that a metric looks at, by the table that it reads; of a derived metric those of its inputs."""
    metric = catalogue()[id_]
    if not metric.has_rows:
        inputs = [columns_read(name) for name in metric.measure.inputs]
        return {table: columns for of_input in inputs for table, columns in of_input.items()}
    named = _named(metric)
    shapes = {name: TABLES.get(_SHAPED_AS.get(name, name)) for name in metric.reads}
    return {
        name: tuple(column.name for column in table.columns if column.name in named) if table else ()
        for name, table in shapes.items()
    }


def _named(metric: Metric) -> frozenset[str]:
    for arguments in stand_ins(metric):
        try:
            rows = metric(*empty_views(metric), arguments).rows
        except Unavailable:  # a declaration of another kind is needed
            continue
        return columns_named(inputs_first(rows.to_native(), {})) if rows is not None else frozenset()
    return frozenset()
