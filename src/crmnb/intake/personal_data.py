"""Which columns of a canonical table are personal, so that no message, profile or page shows their values."""

from collections.abc import Iterator
from typing import Any

from crmnb.core.errors import InputError
from crmnb.intake.erasure.erasure_list import customer_key_columns
from crmnb.intake.sources.query import find_query_sources, parse_query
from crmnb.schema.client import Client
from crmnb.schema.tables import TABLES

# These rename columns in a way that a select list does not show; then all columns count as personal.
_RENAMING = ("rename_list", "column_name_alias", "aliases")


def check_segments(client: Client) -> None:
    """Raise InputError for a segment that a query derives from a personal column.

    Segments on mapped columns are checked with the parameters file.
    """
    for name, segment in client.segments.items():
        table, column = segment.column.split(".")
        if personal_columns(client, table, [column]):
            raise InputError(
                f"{client.id}.yml, segments.{name}.column: {segment.column} is derived from a personal column, so it cannot be "
                f"a segment. If its values identify no person, declare the personal columns of tables.{table} in `personal: [...]`."
            )


def personal_columns(client: Client, table: str, columns: list[str]) -> frozenset[str]:
    """The columns of a table that are declared personal, with the table or with their source.

    Columns that a query derives from personal columns are personal too, unless the table declares `personal:` itself.
    """
    mapping = client.tables[table]
    if mapping.query is None:
        source = client.sources.get(mapping.source)
        hidden = source.personal if source else ()
        personal = {*mapping.personal, *(name for name, header in mapping.headers.items() if header in hidden)}
    elif "personal" in mapping.model_fields_set:
        personal = set(mapping.personal)
    else:
        names = find_query_sources(mapping.query, list(client.sources), f"{client.id}.yml, tables.{table}.query")
        hidden = {header.lower() for name in names for header in client.sources[name].personal}
        row_names = {name.lower() for name in names if client.sources[name].personal}  # a whole row as a value
        personal = _derived_columns(parse_query(mapping.query), hidden, row_names, set(columns)) if hidden else set()
    lowered = {name.lower() for name in personal}
    return frozenset(name for name in columns if name.lower() in lowered)


def customer_columns(client: Client) -> frozenset[str]:
    """The headers (lower case) that hold customer keys in some source, as far as the parameters show."""
    headers = set()
    for name, mapping in client.tables.items():
        if mapping.query is None:
            headers |= {
                mapping.headers[column].lower() for column in customer_key_columns(TABLES[name], mapping.headers)
            }
        else:
            names = {"customer_id", *TABLES[name].by_name}
            headers |= _input_columns(parse_query(mapping.query), set(customer_key_columns(TABLES[name], names)))
    return frozenset(headers)


def _input_columns(query: Any, names: set[str]) -> set[str]:
    """The names (lower case) of all columns from which the named ones are derived; compared by name, as below."""
    items = [item for node in _walk(query) for item in node.get("select_list", ())]
    inputs, size = set(names), -1
    while len(inputs) > size:
        size = len(inputs)
        references = [
            node for item in items if _name(item) in inputs for node in _walk(item) if node.get("type") == "COLUMN_REF"
        ]
        inputs |= {node["column_names"][-1].lower() for node in references}
    return inputs


def _derived_columns(query: Any, hidden: set[str], row_names: set[str], columns: set[str]) -> set[str]:
    """The names (lower case) of columns derived from hidden ones. Compared by name, so rather too many than too few."""
    lists = [node["select_list"] for node in _walk(query) if "select_list" in node]
    if any(node.get(key) for node in _walk(query) for key in _RENAMING) or any(
        node.get("class") == "STAR" and node.get("columns") for node in _walk(query)
    ):
        return {name.lower() for name in columns}
    unions = [node["children"] for node in _walk(query) if node.get("type") == "SET_OPERATION_NODE"]
    derived, size = set(hidden), -1
    while len(derived) > size:
        size = len(derived)
        for item in (item for items in lists for item in items):
            if _reads(item, derived, row_names):
                derived.add(_name(item))
        for children in unions:
            branches = [child["select_list"] for child in children if "select_list" in child]
            for items in zip(*branches, strict=False):
                if any(_name(item) in derived for item in items):
                    derived |= {_name(item) for item in items}
    return derived


def _name(item: dict) -> str:
    """The name of an expression of a select list."""
    return (item.get("alias") or (item.get("column_names") or [""])[-1]).lower()


def _reads(item: Any, names: set[str], row_names: set[str]) -> bool:
    """Whether an expression reads a column with one of the names, or a whole row."""
    paths = [node["column_names"] for node in _walk(item) if node.get("type") == "COLUMN_REF"]
    return any(path[-1].lower() in names or (len(path) == 1 and path[0].lower() in row_names) for path in paths)


def _walk(tree: Any) -> Iterator[dict]:
    """All nodes of a syntax tree."""
    if isinstance(tree, dict):
        yield tree
        tree = list(tree.values())
    if isinstance(tree, list):
        for part in tree:
            yield from _walk(part)
