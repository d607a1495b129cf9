"""The canonical tables in words: what each column may hold, and which metrics need it."""

import textwrap
from collections.abc import Iterator

from crmnb.schema.tables import TABLES, Column
from crmnb.setup.unlocks import metrics_by_column
from crmnb.setup.vocabulary import tables_to_map

_WIDTH = 110


def tables_lines() -> Iterator[str]:
    """Each table in one line: its name, its grain, and its required columns."""
    names = tables_to_map()
    wide = max(map(len, names))
    for name in names:
        required = ", ".join(column.name for column in TABLES[name].columns if column.required)
        yield f"{name.ljust(wide)}  {TABLES[name].grain}; requires {required or 'no column'}"


def table_lines(name: str) -> Iterator[str]:
    """A table and its columns: type, whether required, rules, and the metrics that cannot do without it."""
    table = TABLES[name]
    key = ", ".join(table.key)
    yield f"{name}: {table.grain}" + (f" (key: {key})" if key else " (rows may repeat)")
    if table.has_items:
        yield "  Survey items that the client declares under `items:` are further columns."
    yield "  Any other column that is mapped is an attribute for segments."
    needed_by = metrics_by_column(name)
    for column in table.columns:
        yield f"\n  {column.name}: {', '.join(_rules(column))}"
        if metrics := needed_by.get(column.name):
            listed = f"metrics that need it: {', '.join(metrics)}"
            yield from textwrap.wrap(listed, _WIDTH, initial_indent="    ", subsequent_indent="      ")


def _rules(column: Column) -> Iterator[str]:
    yield column.type
    yield "required" if column.required else "optional"
    if column.one_of:
        yield f"one of {' '.join(column.one_of)}"
    if column.at_least is not None:
        yield f"at least {column.at_least}"
    if column.at_most is not None:
        yield f"at most {column.at_most}"
    if column.refers_to:
        yield f"a key of {column.refers_to}"
    if column.prose:
        yield "free text"
