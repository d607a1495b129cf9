"""Readers: which metrics and breakdowns use a table or a source."""

from crmnb.engine.session import source_of
from crmnb.intake.sources.query import find_query_sources
from crmnb.metrics.definition import catalogue
from crmnb.report.text.data_check import breakdown_title
from crmnb.schema.client import Client
from crmnb.schema.tables import TABLES


def readers(client: Client) -> dict[str, tuple[str, ...]]:
    """The titles of the metrics and breakdowns that read a table, by its name; by "source x" those of the tables made of it."""
    titles: dict[str, list[str]] = {name: [] for name in TABLES}
    for metric in catalogue().values():
        for name in dict.fromkeys(source_of(client, read) for read in metric.reads):
            if name in titles:
                titles[name].append(metric.title)
    for name, segment in client.segments.items():
        titles[segment.column.partition(".")[0]].append(breakdown_title(name))
    for table, mapping in client.tables.items():
        key = f"{client.id}.yml, tables.{table}.query"
        names = find_query_sources(mapping.query, list(client.sources), key) if mapping.query else [mapping.source]
        for name in names:
            of_source = titles.setdefault(f"source {name}", [])
            of_source += [title for title in titles[table] if title not in of_source]
    return {name: tuple(of_table) for name, of_table in titles.items()}
