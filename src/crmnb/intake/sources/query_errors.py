"""DuckDB's errors about types in a query, in plain words with the line to write.

Columns of a text file are text for a query until their types are declared under `columns` of their source. Only the names and types
that the error and the query hold are shown, never a value.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

import duckdb

_TIMES = {
    "date_trunc",
    "date_part",
    "date_diff",
    "datediff",
    "date_add",
    "date_sub",
    "datesub",
    "year",
    "month",
    "day",
    "age",
    "strftime",
    "last_day",
}
_CALL = re.compile(r"No function matches the given name and argument types '([^(]+)\((.*?)\)'\.")
_FIELD = re.compile(r"Cannot extract field '([^']*)' from expression \"([^\"]*)\"")
_COMPARED = re.compile(r"Cannot (?:compare values|mix values) of type (.+?) and (?:type )?(.+?) ")


def explain(message: str, query: str) -> str:
    """What to write so that a query which uses text as another type works; "" for any other error."""
    if field := _FIELD.search(message):
        name, column = field.groups()
        return (
            f"{column!r} is the text of a JSON object, so the query cannot reach {name!r} by a dot. Write "
            f"json_extract_string({column}, '$.{name}'); a table without `query:` names it {column}.{name} under `columns`."
        )
    if (call := _CALL.search(message)) and "VARCHAR" in call[2]:
        function = call[1].strip('"')
        is_time = function.lower() in _TIMES or "INTERVAL" in call[2] or "TIMESTAMP" in call[2] or "DATE" in call[2]
        return _declare(f"{function}({call[2]}) has no meaning for text", _columns_of(query, function), is_time)
    if (compared := _COMPARED.search(message)) and "VARCHAR" in compared.groups():
        is_time = bool(re.search("DATE|TIME|INTERVAL", message))
        return _declare("text is compared with another type", _columns_of(query, ""), is_time)
    return ""


def _declare(fault: str, columns: list[str], is_time: bool) -> str:
    type_ = "time" if is_time else "number"
    example = ", ".join(f"{json.dumps(name, ensure_ascii=False)}: {type_}" for name in columns) or f"COLUMN: {type_}"
    which = "" if len(columns) == 1 else " (those of them that are meant)"
    return (
        f"{fault}: columns of a text file are text until their type is declared. Add to the source `columns: {{{example}}}`{which}; "
        "types are time, month, number, money, integer, flag, key and text."
    )


def _columns_of(query: str, function: str) -> list[str]:
    """The columns that stand within the calls of a function in a query; those of all comparisons for ""."""
    with duckdb.connect() as con:
        ((tree,),) = con.execute("SELECT json_serialize_sql(?::VARCHAR)", [query]).fetchall()
    return list(dict.fromkeys(_columns_in(json.loads(tree), function, within=False)))


def _columns_in(node: Any, function: str, *, within: bool) -> Iterator[str]:
    if isinstance(node, dict):
        calls = (
            node.get("function_name", "").lower() == function.lower() if function else node.get("class") == "COMPARISON"
        )
        within = within or calls
        if within and node.get("class") == "COLUMN_REF":
            yield node["column_names"][-1]
        node = list(node.values())
    for part in node if isinstance(node, list) else ():
        yield from _columns_in(part, function, within=within)
