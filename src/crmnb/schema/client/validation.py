"""Checks of a parameters file that concern several keys: its parts must fit together and fit the canonical tables."""

import re
from collections.abc import Iterable, Iterator
from datetime import date
from zoneinfo import available_timezones

from babel import Locale, UnknownLocaleError

from crmnb.core.errors import InputError, did_you_mean, nearest
from crmnb.core.period import Period
from crmnb.schema.client.alerts import find_alerts_problems
from crmnb.schema.client.data_quality import find_data_quality_problems
from crmnb.schema.client.employees import find_employees_problems
from crmnb.schema.client.experiments import find_experiment_problems
from crmnb.schema.client.feedback import find_feedback_problems
from crmnb.schema.client.initiatives import find_initiative_problems
from crmnb.schema.client.market import find_market_problems
from crmnb.schema.client.models.client import Client
from crmnb.schema.client.models.customers import Churn, Segment
from crmnb.schema.client.models.mapping import ColumnValue, Mapping, Split
from crmnb.schema.client.models.values import TEAM_COLUMN
from crmnb.schema.client.relationship import find_relationship_problems
from crmnb.schema.client.service import find_service_problems
from crmnb.schema.client.sources import find_source_problems, is_time_zone
from crmnb.schema.tables import ENGINE_TYPES, RESERVED, TABLES, Column, Table

_NEAR_MISS = (
    0.85  # similarity (0 to 1) to a declared column's name from which an attribute's name counts as a typing error
)


_NUMBER = r"[+-]?\d+(\.\d+)?"
_CONSTANT_FORMS = {  # how a constant of a type is written, and an example
    "money": (_NUMBER, "12.5"),
    "number": (_NUMBER, "12.5"),
    "integer": (r"[+-]?\d+", "12"),
    "flag": ("true|false", "true or false"),
    "time": (r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d.*)?", "2025-12-31"),
    "month": (r"\d{4}-\d\d(-\d\d)?", "2025-12"),
}


def find_problems(client: Client) -> list[str]:
    """All faults of a client's file. Each message begins with the key."""
    messages = [*_check_locale(client)]
    for name, source in client.sources.items():
        messages += find_source_problems(f"sources.{name}", source)
    for name, mapping in client.tables.items():
        if name not in TABLES:
            messages.append(f"tables.{name}: {name!r} is not a table.{nearest(name, TABLES)}")
        elif TABLES[name].by_import:
            messages.append(f"tables.{name}: the import writes this table itself. Remove it.")
        else:
            messages += _check_mapping(f"tables.{name}", TABLES[name], mapping, client)
    for name, item in client.items.items():
        if item.scale[0] >= item.scale[1]:
            messages.append(f"items.{name}.scale: {list(item.scale)} must go from low to high, such as [1, 5].")
        elif item.top_box is not None and not item.scale[0] < item.top_box <= item.scale[1]:
            messages.append(
                f"items.{name}.top_box: {item.top_box} must lie on the scale, above {item.scale[0]} and at most {item.scale[1]}."
            )
        messages += _check_item(name, client)
    if client.relationship:
        messages += find_relationship_problems(client.relationship, client)
    if client.feedback:
        messages += find_feedback_problems(client.feedback, client)
    if client.employees:
        messages += find_employees_problems(client.employees, client)
    messages += find_service_problems(client.service)
    if client.market:
        messages += find_market_problems(client.market, client)
    messages += find_experiment_problems(client)
    messages += find_data_quality_problems(client.data_quality, client)
    messages += find_alerts_problems(client.alerts, client)
    if client.churn:
        messages += _check_churn(client.churn, client)
    for name, segment in client.segments.items():
        messages += _check_segment(f"segments.{name}", segment, client)
    for name, initiative in client.initiatives.items():
        messages += find_initiative_problems(f"initiatives.{name}", initiative, client)
    if client.currency in client.exchange_rates:
        messages.append(f"exchange_rates.{client.currency}: is the client's own currency. Remove it.")
    for label in client.worth.books:
        messages += _check_revenue_labels(label, client)
    return messages


def _check_locale(client: Client) -> Iterator[str]:
    try:
        Locale.parse(client.locale.replace("-", "_"))
    except (UnknownLocaleError, ValueError, TypeError):
        yield f"locale: {client.locale!r} is unknown. Use a language and a country, such as en_GB or nl_NL."
    if not is_time_zone(client.time_zone):
        yield _zone_problem(client.time_zone)
    if client.data_until and client.data_until > date.today():  # noqa: DTZ011 -- a day's difference between zones is no harm
        yield f"data_until: {client.data_until} is in the future. Declare the last day that the data cover."
    if client.data_from and client.data_until and client.data_from > client.data_until:
        yield f"data_until: {client.data_until} is before data_from ({client.data_from})."


def _zone_problem(zone: str) -> str:
    hint = did_you_mean(zone, available_timezones())
    return f"time_zone: {zone!r} is not a time zone.{hint} Use a name such as Europe/London, or UTC."


def _check_mapping(key: str, table: Table, mapping: Mapping, client: Client) -> Iterator[str]:
    if mapping.query is not None:
        if mapping.source or mapping.columns:
            yield f"{key}: with a `query`, `source` and `columns` are not allowed; remove them."
        for option in ("where", "split", "ignore_case"):
            if getattr(mapping, option):
                yield f"{key}.{option}: is not allowed with a `query`; write it in the query."
    elif not mapping.source or not mapping.columns:
        yield f"{key}: declare either `source` and `columns`, or a `query`."
    elif mapping.source not in client.sources:
        yield f"{key}.source: {mapping.source!r} is not among the sources.{nearest(mapping.source, client.sources)}"
    if mapping.query is None and mapping.columns:
        yield from _check_columns(key, table, mapping, client)
    yield from _check_types(f"{key}.types", table, mapping)
    if mapping.refunds and not table.credits:
        yield f"{key}.refunds: is allowed only for {' and '.join(name for name in TABLES if TABLES[name].credits)}."
    if mapping.refunds and mapping.refunds.parent:
        for name in sorted({"refunded_amount", "refunded_at"} & set(mapping.columns)):
            yield f"{key}.columns.{name}: `refunds: parent` tells the same of each order. Keep one of the two."
    if mapping.lines:
        yield from _check_lines(f"{key}.lines", table, mapping, client)
    for name, recoded in mapping.values.items():
        column = table.by_name.get(name)
        for theirs, ours in recoded.items():
            if column and column.one_of and ours and ours not in column.one_of:
                yield f"{key}.values.{name}.{theirs}: {ours!r} is not allowed.{nearest(ours, column.one_of)}"


def _check_columns(key: str, table: Table, mapping: Mapping, client: Client) -> Iterator[str]:
    mapped, items = {*mapping.columns, *mapping.flags}, set(client.items) if table.has_items else set()
    for column in table.columns:
        if column.required and column.name not in mapped and not (column.derived and column.derived.applies(mapped)):
            yield f"{key}.columns.{column.name}: is required for {table.name}.{_column_value_hint(column, table)}"
    for name, split in mapping.split.items():
        yield from _check_split(f"{key}.split.{name}", name, split, table, mapping)
    for name, column in mapping.columns.items():
        if not isinstance(column, str):
            yield from _check_column_value(
                f"{key}.columns.{name}", name, column, table, mapping.types.get(name, "text")
            )
    for name in sorted((mapped & RESERVED) - set(table.by_name)):
        yield f"{key}.columns.{name}: this name is reserved. Rename the column."
    free = (set(table.by_name) | items) - mapped
    for name in sorted(mapped - set(table.by_name) - items):
        if hint := did_you_mean(name, free, most=1, cutoff=_NEAR_MISS):
            yield f"{key}.columns.{name}: unknown column.{hint} Your own attributes need a clearly different name."
    for option, names in (
        ("types", mapping.types),
        ("values", mapping.values),
        ("personal", mapping.personal),
        ("ignore_case", mapping.ignore_case),
    ):
        for name in names:
            if name not in mapped:
                yield f"{key}.{option}.{name}: {name!r} is not mapped under columns.{nearest(name, mapped)}"
    for name in mapping.ignore_case:
        if name in table.by_name and table.by_name[name].type != "key":
            yield f"{key}.ignore_case.{name}: {name!r} is no key. List keys, such as {table.key[0] if table.key else 'customer_id'}."


def _column_value_hint(column: Column, table: Table) -> str:
    """What to write for a required column that no header of the source holds."""
    if column.name in table.key and not column.refers_to:
        return f" If the rows have no key, write {column.name}: {{row_number: true}}."
    if column.type == "text":
        value = column.one_of[0] if column.one_of else "..."
        return f" If it is the same in all rows, write {column.name}: {{value: {value}}}."
    return _instead_of(column)


def _check_column_value(key: str, name: str, value: ColumnValue, table: Table, own_type: str) -> Iterator[str]:
    """Faults of a column that no header gives: only a key of the table's own is numbered, and no key is a constant."""
    column = table.by_name.get(name)
    is_own_key = name in table.key and column.type == "key" and not column.refers_to
    if value.row_number and not is_own_key:
        keys = [n for n in table.key if not table.by_name[n].refers_to and table.by_name[n].type == "key"]
        yield f"{key}: row_number is only for the key of {table.name}{f' ({keys[0]})' if keys else ', which has none of its own'}."
    if value.value is not None and column and column.type == "key":
        yield f"{key}: a key cannot be the same in all rows. Name its column{', or write {row_number: true}' if is_own_key else ''}."
    if value.value is not None and column and column.one_of and value.value not in column.one_of:
        yield f"{key}.value: {value.value!r} is not allowed.{nearest(value.value, column.one_of)}"
    type_ = column.type if column else own_type
    form = _CONSTANT_FORMS.get(type_)
    if value.value is not None and form and not re.fullmatch(form[0], value.value):
        yield f"{key}.value: {value.value!r} is no {type_}. Write it as {form[1]}, whatever the formats of the source."


def _check_split(key: str, name: str, split: Split, table: Table, mapping: Mapping) -> Iterator[str]:
    """Faults of a column that is split: it needs a header, and rows of their own a key that can be numbered."""
    if name not in mapping.headers:
        yield f"{key}: {name!r} is not mapped to a header under columns.{nearest(name, mapping.headers)}"
    for flag in split.flags:
        if flag in mapping.columns or flag in table.by_name:
            yield f"{key}.flags.{flag}: {flag!r} is already a column of {table.name}. Choose another name."
    if not split.flags and (len(table.key) != 1 or table.key[0] not in mapping.headers):
        yield f"{key}: rows of their own need a key with a header, which gets their number. Declare `flags` instead, or map the key."
    if not split.flags and sum(not other.flags for other in mapping.split.values()) > 1:
        yield f"{key}: only one column of a table can be split into rows."


def _instead_of(column: Column) -> str:
    """What may be mapped instead of a column that follows from others."""
    if not column.derived:
        return ""
    others = " and ".join(" or ".join(name for name in group if name != column.name) for group in column.derived.needs)
    return f" It follows from {others}, if these are mapped."


def _check_types(key: str, table: Table, mapping: Mapping) -> Iterator[str]:
    for name, type_ in mapping.types.items():
        if declared := table.by_name.get(name):
            yield f"{key}.{name}: {name} always has the type {declared.type}; only your own columns may have a type."
        elif type_ not in ENGINE_TYPES:
            yield f"{key}.{name}: {type_!r} is not a type.{nearest(type_, ENGINE_TYPES)}"


def _check_lines(key: str, table: Table, mapping: Mapping, client: Client) -> Iterator[str]:
    lines = mapping.lines
    if mapping.query is None:
        yield f"{key}: is allowed only with a `query`; with mapped columns each row of the source is a row of the table."
    if len(table.key) != 1:
        yield f"{key}: {table.name} has no key of a single column, so `lines` is not allowed."
    if lines.source not in client.sources:
        yield f"{key}.source: {lines.source!r} is not among the sources.{nearest(lines.source, client.sources)}"
    for name in lines.totals:
        if name not in table.by_name or table.by_name[name].type != "money":
            money = [column.name for column in table.columns if column.type == "money"]
            yield f"{key}.totals.{name}: {name!r} is not an amount of {table.name}.{nearest(name, money)}"


def _check_item(name: str, client: Client) -> Iterator[str]:
    mappings = {
        table: mapping for table, mapping in client.tables.items() if table in TABLES and TABLES[table].has_items
    }
    for table in mappings:
        if name in TABLES[table].by_name:
            yield f"items.{name}: {name!r} is already a column of {table}. Rename the item."
    if mappings and all(mapping.columns and name not in mapping.columns for mapping in mappings.values()):
        hint = nearest(name, {column for mapping in mappings.values() for column in mapping.columns})
        places = " or ".join(f"tables.{table}.columns" for table in mappings)
        yield f"items.{name}: no column is mapped to this item ({places}).{hint}"


def _check_churn(churn: Churn, client: Client) -> Iterator[str]:
    if churn.table not in client.tables:
        yield f"churn.table: {churn.table!r} is not mapped under tables.{nearest(churn.table, client.tables)}"
    if churn.kind == "inactivity":
        if churn.table != "orders":
            yield f"churn.table: {churn.table!r} is not allowed with inactivity, which is measured by orders."
        if churn.inactivity_days < 1:
            yield "churn.inactivity_days: is required: the number of days without an order after which a customer is lost."
        return
    if client.data_until is None:
        yield "data_until: is required for contractual churn; the end of the data does not show that nobody left afterwards."
    if churn.table == "orders":
        yield "churn.table: contractual churn needs customers (left_at) or subscriptions (ended_at)."
    needed = {"customers": "left_at", "subscriptions": "ended_at"}.get(churn.table)
    mapping = client.tables.get(churn.table)
    if needed and mapping and mapping.columns and needed not in mapping.columns:
        yield f"churn.table: {churn.table} shows churn by {needed}, which is not mapped in tables.{churn.table}.columns."


def _check_revenue_labels(label: str, client: Client) -> Iterator[str]:
    try:
        Period.parse(label, client.fiscal_year_starts)
    except InputError as error:
        yield f"worth.books: {error}"


def _check_segment(key: str, segment: Segment, client: Client) -> Iterator[str]:
    table, name = segment.column.split(".")
    mapping = client.tables.get(table)
    if mapping is None:
        yield f"{key}.column: {table!r} is not mapped under tables.{nearest(table, client.tables)}"
        return
    if mapping.columns and name not in {*mapping.columns, *mapping.flags}:
        column = TABLES[table].by_name.get(name) if table in TABLES else None
        if column and column.derived and column.derived.applies({*mapping.columns}):
            sources = " and ".join(part for group in column.derived.needs for part in group if part in mapping.columns)
            yield f"{key}.column: {segment.column} follows from {sources} and is no column of the source. Name a column that is mapped."
            return
        yield f"{key}.column: {name!r} is not mapped under tables.{table}.columns.{nearest(name, mapping.columns)}"
    if name in mapping.personal or _is_personal_in_source(name, mapping, client):
        yield f"{key}.column: {segment.column} is declared personal, so it cannot be a segment."
    if segment.bands and segment.years:
        yield f"{key}: declare `bands` (for a number) or `years` (since a date), not both."
    for option, cuts in (("bands", segment.bands), ("years", segment.years)):
        if list(cuts) != sorted(set(cuts)):
            yield f"{key}.{option}: {list(cuts)} must be in ascending order."
    declared = TABLES[table].by_name.get(name) if table in TABLES else None
    if declared is None and name in mapping.types:
        declared = Column(name, mapping.types[name])
    if segment.column == TEAM_COLUMN:
        return
    if declared and (declared.type == "key" or declared.prose):
        kind = "free text" if declared.prose else "a key"
        yield f"{key}.column: {segment.column} is {kind}. A segment needs a column with values that many rows share."
    elif declared:
        yield from _check_cuts(key, segment, declared)


def _is_personal_in_source(name: str, mapping: Mapping, client: Client) -> bool:
    """Whether the source of the column declares it as personal."""
    source = client.sources.get(mapping.source)
    return source is not None and mapping.headers.get(name) in source.personal


def _check_cuts(key: str, segment: Segment, column: Column) -> Iterable[str]:
    if segment.years and column.type not in ("time", "month"):
        yield f"{key}.years: {segment.column} is not a date."
    if segment.bands and column.type not in ("number", "integer", "money"):
        yield f"{key}.bands: {segment.column} is not a number."
    if column.type in ("time", "month") and not segment.years:
        yield f"{key}: {segment.column} is a date. Use `years`, for example years: [1, 3]."
