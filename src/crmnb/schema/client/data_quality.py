"""Checks of the key `data_quality` of a parameters file: its tables and columns must be mapped."""

from collections.abc import Iterable, Iterator

from crmnb.core.errors import nearest
from crmnb.schema.client.models.client import Client
from crmnb.schema.client.models.data_quality import DataQuality
from crmnb.schema.tables import TABLES


def find_data_quality_problems(quality: DataQuality, client: Client) -> Iterator[str]:
    """All faults of the key `data_quality`. Each message begins with the key."""
    for table, columns in quality.required.items():
        yield from _check_columns("data_quality.required", table, columns, client)
    for table, duplicates in quality.duplicates.items():
        key = f"data_quality.duplicates.{table}"
        yield from _check_columns("data_quality.duplicates", table, (), client)
        if table in client.tables:
            yield from _check_columns(f"{key}.fields", table, duplicates.fields, client, of_table=False)
            columns = [name.partition(":")[0] for block in duplicates.blocks for name in block]
            yield from _check_columns(f"{key}.blocks", table, columns, client, of_table=False)
    for table in quality.freshness_hours:
        yield from _check_columns("data_quality.freshness_hours", table, (), client)
        if table in client.tables and table in TABLES and not TABLES[table].time:
            timed = [name for name in client.tables if name in TABLES and TABLES[name].time]
            yield f"data_quality.freshness_hours.{table}: the rows of {table} have no time.{nearest(table, timed)}"


def _check_columns(
    key: str, table: str, columns: Iterable[str], client: Client, *, of_table: bool = True
) -> Iterator[str]:
    """A table that is not mapped, and columns that are not; of a query the columns are known when it has run."""
    place = f"{key}.{table}" if of_table else key
    if table not in client.tables:
        yield f"{place}: {table!r} is not mapped under tables.{nearest(table, client.tables)}"
        return
    mapped = client.tables[table].columns
    for name in dict.fromkeys(columns):
        if mapped and name not in mapped:
            yield f"{place}: {name!r} is not mapped under tables.{table}.columns.{nearest(name, mapped)}"
