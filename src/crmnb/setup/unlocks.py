"""Which metrics a client's data can give now, and which further column would unlock which metrics."""

from collections.abc import Collection, Iterable, Iterator

from crmnb.evaluate.availability import Availability, required_columns
from crmnb.metrics.definition import catalogue
from crmnb.schema.client.models.client import Client
from crmnb.schema.client.models.customers import Churn
from crmnb.schema.client.models.surveys import Item

_MOST_ENTRIES = 8
_MOST_METRICS = 5


def unlocks_text(metrics: Iterable[Availability], tables: Collection[str]) -> str:
    """In words: the metrics that are available, and those of which one column of a mapped table, or one table, is missing."""
    known = list(metrics)
    now = [item.metric.title for item in known if item.status != "no"]
    columns: dict[str, list[str]] = {}
    others: dict[str, list[str]] = {}
    for item in known:
        missing = dict.fromkeys(column.partition(".")[0] for column in item.missing)
        if item.status != "no" or len(missing) != 1:
            continue
        (table,) = missing
        if table not in tables:
            others.setdefault(table, []).append(item.metric.title)
        elif len(item.missing) == 1:
            columns.setdefault(item.missing[0], []).append(item.metric.title)
    return "\n".join(
        [
            f"{len(now)} of {len(known)} metrics can be measured now{': ' if now else '.'}{_listed(now, _MOST_METRICS * 2)}",
            *_ranked("One more column would unlock:", columns),
            *_ranked("One more table would unlock:", others),
        ]
    )


def _ranked(title: str, unlocked: dict[str, list[str]]) -> Iterator[str]:
    """A list of what would unlock most, under its title."""
    if unlocked:
        yield f"\n{title}"
    ranked = sorted(unlocked.items(), key=lambda entry: (-len(entry[1]), entry[0]))
    yield from (f"  {name}: {_listed(titles, _MOST_METRICS)}" for name, titles in ranked[:_MOST_ENTRIES])


def _listed(titles: list[str], most: int) -> str:
    more = f" and {len(titles) - most} more" if len(titles) > most else ""
    return ", ".join(titles[:most]) + more


def metrics_by_column(table: str) -> dict[str, tuple[str, ...]]:
    """The metrics that need a column of a table, by column, of a client that declares everything."""
    from pathlib import Path

    import duckdb

    from crmnb.engine.session import Tables

    items = {name: Item(scale=(0, 10) if name == "recommend" else (1, 5)) for name in ("satisfied", "recommend")}
    client = Client(
        id="any",
        folder=Path(),
        name="any",
        currency="EUR",
        sources={},
        tables={},
        items={**items, "effort": Item(scale=(1, 5), direction="effort")},
        churn=Churn(kind="inactivity", inactivity_days=180),
    )
    by_column: dict[str, list[str]] = {}
    with duckdb.connect(config={"threads": 1}) as con:
        tables = Tables(client, con, frozenset())
        for metric in catalogue().values():
            if metric.has_rows and table in {tables.source_of(name) for name in metric.reads}:
                for column in required_columns(metric, client, con):
                    by_column.setdefault(column, []).append(metric.id)
    prefix = f"{table}."
    return {
        column.removeprefix(prefix): (*metrics,) for column, metrics in by_column.items() if column.startswith(prefix)
    }
