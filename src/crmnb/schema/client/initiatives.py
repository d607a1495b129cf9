"""Checks of the key `initiatives` of a parameters file: its units are levels of a mapped column, and champions have units that start."""

from collections.abc import Iterator

from crmnb.core.errors import nearest
from crmnb.schema.client.models.client import Client
from crmnb.schema.client.models.experiments import Initiative


def find_initiative_problems(key: str, initiative: Initiative, client: Client) -> Iterator[str]:
    """All faults of one initiative. Each message begins with the key."""
    yield from _check_column(f"{key}.by", initiative.by, client)
    for unit in initiative.champions:
        if unit not in initiative.starts:
            yield f"{key}.champions.{unit}: this unit does not start.{nearest(unit, initiative.starts)}"
    for unit, day in initiative.starts.items():
        if client.data_from and day <= client.data_from:
            yield f"{key}.starts.{unit}: {day} is not after data_from ({client.data_from}); without months before it there is no effect to see."


def _check_column(key: str, by: str, client: Client) -> Iterator[str]:
    if "." not in by:
        if by not in client.segments:
            yield f"{key}: {by!r} is not declared under segments.{nearest(by, client.segments)} Or write a mapped column, such as customers.region."
        elif client.segments[by].years:
            yield f"{key}: the levels of {by} change with time. Choose a segmentation by a column's values or bands."
        return
    table, _, name = by.partition(".")
    if table not in client.tables:
        yield f"{key}: {table!r} is not mapped under tables.{nearest(table, client.tables)}"
        return
    mapping = client.tables[table]
    if mapping.columns and name not in {*mapping.columns, *mapping.flags}:
        yield f"{key}: {name!r} is not mapped under tables.{table}.columns.{nearest(name, mapping.columns)}"
    if name in mapping.personal:
        yield f"{key}: {by} is declared personal, so its values cannot be units on a page."
