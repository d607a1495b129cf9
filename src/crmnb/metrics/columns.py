"""Columns: which tables and columns a metric reads, from the steps that its function makes of empty tables."""

import re
from collections.abc import Iterator
from functools import cache

from crmnb.core.errors import Unavailable
from crmnb.engine.query import Query, inputs_first
from crmnb.metrics.definition import Metric, catalogue
from crmnb.metrics.empty_tables import empty_views, stand_ins
from crmnb.schema.tables import TABLES

_COLUMN = re.compile(r'"(\w+)"')

# The table whose columns a derived one has; of the others, columns have names of their own.
_SHAPED_AS = {"all_orders": "orders", "payments": "orders"}


@cache
def columns_read(id_: str) -> dict[str, tuple[str, ...]]:
    """The columns that a metric of the catalogue looks at, by the table that it reads; of a derived metric those of its inputs."""
    return columns_of(catalogue()[id_])


def columns_of(metric: Metric) -> dict[str, tuple[str, ...]]:
    """The same of any metric."""
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


def columns_named(nodes: list[Query]) -> frozenset[str]:
    """The columns that conditions and expressions of some steps name: not those that are only passed on."""
    return frozenset(_columns(nodes))


def _columns(nodes: list[Query]) -> Iterator[str]:
    for node in nodes:
        for part in (part for part in node.parts[1:] if isinstance(part, str)):
            yield from _COLUMN.findall(part)
        if isinstance(node.parts[0], str) and len(node.parts) > 1:
            for item in _expressions(node.parts[0]):
                yield from _COLUMN.findall(item)


def _expressions(selected: str) -> Iterator[str]:
    """The parts of a list of columns that stand in parentheses, and so are computed."""
    depth, start = 0, 0
    for match in re.finditer(r"'(?:[^']|'')*'|\(|\)", selected):
        if match[0] == "(":
            start = match.start() if depth == 0 else start
            depth += 1
        elif match[0] == ")":
            depth -= 1
            if depth == 0:
                yield selected[start : match.end()]
