"""Which columns of a canonical table are a person's, so that no message, profile or page may show what stands in them."""

from collections.abc import Iterator
from typing import Any

from crmnb.intake.erasure.erasure_list import customer_key_columns
from crmnb.intake.sources.query import find_query_sources, parse_query
from crmnb.schema.client import Client
from crmnb.schema.tables import TABLES

# What gives columns other names than a list of expressions does; then no column of the client's own is trusted.
_RENAMING = ("rename_list", "column_name_alias", "aliases")


def personal_columns(client: Client, table: str, columns: list[str]) -> frozenset[str]:
    """Those of a table's columns (ours) that are declared personal, with the table or with the source that they come from.

    What a query makes of a source's personal columns is personal too, unless the table says itself which are (`personal:`).
    """
    mapping = client.tables[table]
    if mapping.query is None:
        source = client.sources.get(mapping.source)
        hidden = source.personal if source else ()
        found = {*mapping.personal, *(ours for ours, theirs in mapping.columns.items() if theirs in hidden)}
    elif "personal" in mapping.model_fields_set:
        found = set(mapping.personal)
    else:
        names = find_query_sources(mapping.query, list(client.sources), f"{client.id}.yml, tables.{table}.query")
        hidden = {theirs.lower() for name in names for theirs in client.sources[name].personal}
        rows = {name.lower() for name in names if client.sources[name].personal}  # a whole row as a value
        found = _made_of(parse_query(mapping.query), hidden, rows, set(columns)) if hidden else set()
    return frozenset(name for name in columns if name.lower() in {each.lower() for each in found})


def customer_columns(client: Client) -> frozenset[str]:
    """The columns (theirs, in small letters) that hold a customer's key in some source, as far as the parameters tell."""
    found = set()
    for name, mapping in client.tables.items():
        if mapping.query is None:
            found |= {mapping.columns[ours].lower() for ours in customer_key_columns(TABLES[name], mapping.columns)}
        else:
            names = {"customer_id", *TABLES[name].by_name}
            found |= _read_for(parse_query(mapping.query), set(customer_key_columns(TABLES[name], names)))
    return frozenset(found)


def _read_for(query: Any, names: set[str]) -> set[str]:
    """The names, in small letters, of the columns that those of the given names are made of; told by names, as below."""
    items = [item for node in _nodes(query) for item in node.get("select_list", ())]
    found, before = set(names), -1
    while len(found) > before:
        before = len(found)
        read = [
            node for item in items if _name(item) in found for node in _nodes(item) if node.get("type") == "COLUMN_REF"
        ]
        found |= {node["column_names"][-1].lower() for node in read}
    return found


def _made_of(query: Any, hidden: set[str], rows: set[str], columns: set[str]) -> set[str]:
    """The names, in small letters, of columns made of hidden ones; told by names, so rather one too many than one too few."""
    lists = [node["select_list"] for node in _nodes(query) if "select_list" in node]
    if any(node.get(key) for node in _nodes(query) for key in _RENAMING) or any(
        node.get("class") == "STAR" and node.get("columns") for node in _nodes(query)
    ):
        return {name.lower() for name in columns}
    unions = [node["children"] for node in _nodes(query) if node.get("type") == "SET_OPERATION_NODE"]
    found, before = set(hidden), -1
    while len(found) > before:
        before = len(found)
        for item in (item for items in lists for item in items):
            if _reads(item, found, rows):
                found.add(_name(item))
        for children in unions:
            branches = [child["select_list"] for child in children if "select_list" in child]
            for items in zip(*branches, strict=False):
                if any(_name(item) in found for item in items):
                    found |= {_name(item) for item in items}
    return found


def _name(item: dict) -> str:
    """The name that an expression of a select list goes by."""
    return (item.get("alias") or (item.get("column_names") or [""])[-1]).lower()


def _reads(item: Any, names: set[str], rows: set[str]) -> bool:
    """Whether an expression reads a column of one of the names, or a whole row."""
    read = [node["column_names"] for node in _nodes(item) if node.get("type") == "COLUMN_REF"]
    return any(each[-1].lower() in names or (len(each) == 1 and each[0].lower() in rows) for each in read)


def _nodes(part: Any) -> Iterator[dict]:
    """Every node of a parsed query."""
    if isinstance(part, dict):
        yield part
        part = list(part.values())
    if isinstance(part, list):
        for each in part:
            yield from _nodes(each)
