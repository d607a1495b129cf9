"""What a parameters file must hold beyond each key's own form: its parts must fit together, and the tables."""

from collections.abc import Iterable, Iterator
from datetime import date
from zoneinfo import ZoneInfo, available_timezones

from babel import Locale, UnknownLocaleError

from crmnb.core.errors import InputError, close_names, did_you_mean, nearest
from crmnb.core.period import Period
from crmnb.schema.client.models import Churn, Client, Mapping, Segment
from crmnb.schema.client.sources import source_problems
from crmnb.schema.tables import ENGINE_TYPES, RESERVED, TABLES, Column, Table

_NEAR_MISS = 0.85  # how like a declared column's name (0 to 1) an attribute's may be before it is taken for a slip


def problems(client: Client) -> list[str]:
    """All that does not fit together in a client's file, in words that begin with the key; empty where all fits."""
    found = [*_place(client)]
    for name, source in client.sources.items():
        found += source_problems(f"sources.{name}", source)
    for name, mapping in client.tables.items():
        if name not in TABLES:
            found.append(f"tables.{name}: {name!r} is not a table.{nearest(name, TABLES)}")
        else:
            found += _mapping(f"tables.{name}", TABLES[name], mapping, client)
    for name, item in client.items.items():
        if item.scale[0] >= item.scale[1]:
            found.append(f"items.{name}.scale: {list(item.scale)} must go from low to high, such as [1, 5].")
        elif item.top_box is not None and not item.scale[0] < item.top_box <= item.scale[1]:
            found.append(
                f"items.{name}.top_box: {item.top_box} must lie on the scale, above {item.scale[0]} and at most {item.scale[1]}."
            )
        found += _item(name, client)
    if client.churn:
        found += _churn(client.churn, client)
    for name, segment in client.segments.items():
        found += _segment(f"segments.{name}", segment, client)
    for label in client.worth.books:
        found += _books(label, client)
    return found


def _place(client: Client) -> Iterator[str]:
    try:
        Locale.parse(client.locale.replace("-", "_"))
    except (UnknownLocaleError, ValueError, TypeError):
        yield f"locale: {client.locale!r} is not known; use a language and a country, such as en_GB or nl_NL."
    try:
        ZoneInfo(client.time_zone)
    except (OSError, ValueError):  # a ZoneInfoNotFoundError is a KeyError
        yield _zone_problem(client.time_zone)
    except KeyError:
        yield _zone_problem(client.time_zone)
    if client.data_until and client.data_until > date.today():  # noqa: DTZ011 -- a day's difference between zones is no harm
        yield f"data_until: {client.data_until} has not come yet; give the last day that the data cover."
    if client.data_from and client.data_until and client.data_from > client.data_until:
        yield f"data_until: {client.data_until} lies before data_from, {client.data_from}."


def _zone_problem(zone: str) -> str:
    hint = did_you_mean(zone, available_timezones())
    return f"time_zone: {zone!r} is not a time zone.{hint} Use a name such as Europe/London, or UTC."


def _mapping(where: str, table: Table, mapping: Mapping, client: Client) -> Iterator[str]:
    if mapping.query is not None:
        if mapping.source or mapping.columns:
            yield f"{where}: a query names its sources and columns itself; leave out `source` and `columns`."
    elif not mapping.source or not mapping.columns:
        yield f"{where}: give either `source` and `columns` (ours: theirs), or a `query`."
    elif mapping.source not in client.sources:
        yield f"{where}.source: {mapping.source!r} is not among the sources.{nearest(mapping.source, client.sources)}"
    if mapping.query is None and mapping.columns:
        yield from _columns(where, table, mapping, client)
    yield from _types(f"{where}.types", table, mapping)
    if mapping.lines:
        yield from _lines(f"{where}.lines", table, mapping, client)
    for name, recoded in mapping.values.items():
        column = table.by_name.get(name)
        for theirs, ours in recoded.items():
            if column and column.one_of and ours and ours not in column.one_of:
                yield f"{where}.values.{name}.{theirs}: {ours!r} is not allowed.{nearest(ours, column.one_of)}"


def _columns(where: str, table: Table, mapping: Mapping, client: Client) -> Iterator[str]:
    mapped, items = set(mapping.columns), set(client.items) if table.has_items else set()
    for column in table.columns:
        if column.required and column.name not in mapped:
            yield f"{where}.columns.{column.name}: is missing; {table.name} cannot do without it."
    for name in sorted((mapped & RESERVED) - set(table.by_name)):
        yield f"{where}.columns.{name}: this name has a meaning of its own in the suite; call the column otherwise."
    free = (set(table.by_name) | items) - mapped
    for name in sorted(mapped - set(table.by_name) - items):
        if close := close_names(name, free, most=1, cutoff=_NEAR_MISS):
            yield f"{where}.columns.{name}: did you mean {close[0]}? (An attribute of your own needs another name.)"
    for key, names in (("types", mapping.types), ("values", mapping.values), ("personal", mapping.personal)):
        for name in names:
            if name not in mapped:
                yield f"{where}.{key}.{name}: {name!r} is not mapped under columns.{nearest(name, mapped)}"


def _types(where: str, table: Table, mapping: Mapping) -> Iterator[str]:
    for name, type_ in mapping.types.items():
        if declared := table.by_name.get(name):
            yield f"{where}.{name}: {name} is {declared.type} by its declaration; only your own columns take a type."
        elif type_ not in ENGINE_TYPES:
            yield f"{where}.{name}: {type_!r} is not a type.{nearest(type_, ENGINE_TYPES)}"


def _lines(where: str, table: Table, mapping: Mapping, client: Client) -> Iterator[str]:
    lines = mapping.lines
    if mapping.query is None:
        yield f"{where}: goes with a `query` only; of mapped columns, each row of the source is one of the table."
    if len(table.key) != 1:
        yield f"{where}: {table.name} has no single key that a line could name."
    if lines.source not in client.sources:
        yield f"{where}.source: {lines.source!r} is not among the sources.{nearest(lines.source, client.sources)}"
    for name in lines.totals:
        if name not in table.by_name or table.by_name[name].type != "money":
            money = [column.name for column in table.columns if column.type == "money"]
            yield f"{where}.totals.{name}: {name!r} is not an amount of {table.name}.{nearest(name, money)}"


def _item(name: str, client: Client) -> Iterator[str]:
    asked = {table: mapping for table, mapping in client.tables.items() if table in TABLES and TABLES[table].has_items}
    for table in asked:
        if name in TABLES[table].by_name:
            yield f"items.{name}: {name!r} is a column of {table} already; name the item otherwise."
    if asked and all(mapping.columns and name not in mapping.columns for mapping in asked.values()):
        hint = nearest(name, {column for mapping in asked.values() for column in mapping.columns})
        places = " or ".join(f"tables.{table}.columns" for table in asked)
        yield f"items.{name}: no column is mapped to it ({places}).{hint}"


def _churn(churn: Churn, client: Client) -> Iterator[str]:
    if churn.table not in client.tables:
        yield f"churn.table: {churn.table!r} is not mapped under tables.{nearest(churn.table, client.tables)}"
    if churn.kind == "inactivity":
        if churn.table != "orders":
            yield f"churn.table: {churn.table!r} does not go with inactivity, which is counted from orders."
        if churn.inactivity_days < 1:
            yield "churn.inactivity_days: is missing; say after how many days without an order a customer is lost."
        return
    if client.data_until is None:
        yield "data_until: is missing; that nobody has left since cannot be told from the end of the data."
    if churn.table == "orders":
        yield "churn.table: a contractual churn needs customers (by left_at) or subscriptions (by ended_at)."
    needed = {"customers": "left_at", "subscriptions": "ended_at"}.get(churn.table)
    mapping = client.tables.get(churn.table)
    if needed and mapping and mapping.columns and needed not in mapping.columns:
        yield f"churn.table: {churn.table} says who left by {needed}, which tables.{churn.table}.columns does not map."


def _books(label: str, client: Client) -> Iterator[str]:
    try:
        Period.parse(label, client.fiscal_year_starts)
    except InputError as wrong:
        yield f"worth.books: {wrong}"


def _segment(where: str, segment: Segment, client: Client) -> Iterator[str]:
    table, name = segment.column.split(".")
    mapping = client.tables.get(table)
    if mapping is None:
        yield f"{where}.column: {table!r} is not mapped under tables.{nearest(table, client.tables)}"
        return
    if mapping.columns and name not in mapping.columns:
        yield f"{where}.column: {name!r} is not mapped under tables.{table}.columns.{nearest(name, mapping.columns)}"
    if name in mapping.personal or _is_hidden(name, mapping, client):
        yield f"{where}.column: {segment.column} is declared personal, so it cannot be a segment."
    if segment.bands and segment.years:
        yield f"{where}: give `bands` (of a number) or `years` (since a date), not both."
    for key, cuts in (("bands", segment.bands), ("years", segment.years)):
        if list(cuts) != sorted(set(cuts)):
            yield f"{where}.{key}: {list(cuts)} must rise from cut to cut."
    declared = TABLES[table].by_name.get(name) if table in TABLES else None
    if declared is None and name in mapping.types:
        declared = Column(name, mapping.types[name])
    if declared and (declared.type == "key" or declared.prose):
        what = "what people wrote" if declared.prose else "a key"
        yield f"{where}.column: {segment.column} is {what}; a segment is a column whose values many rows share."
    elif declared:
        yield from _cuts(where, segment, declared)


def _is_hidden(name: str, mapping: Mapping, client: Client) -> bool:
    """Whether the column is declared personal with its source."""
    source = client.sources.get(mapping.source)
    return source is not None and mapping.columns.get(name) in source.personal


def _cuts(where: str, segment: Segment, column: Column) -> Iterable[str]:
    if segment.years and column.type not in ("time", "month"):
        yield f"{where}.years: {segment.column} is not a date."
    if segment.bands and column.type not in ("number", "integer", "money"):
        yield f"{where}.bands: {segment.column} is not a number."
    if column.type in ("time", "month") and not segment.years:
        yield f"{where}: {segment.column} is a date; cut it with `years`, such as years: [1, 3]."
