"""The exclusion of erased customers' rows, before any row is counted, shown or written."""

import re
from collections.abc import Callable, Collection, Iterable

from crmnb.intake.erasure.erasure_list import customer_key_columns
from crmnb.intake.staging_table import quote_literal
from crmnb.intake.validation.casts import cast_to_text, clean_cell
from crmnb.intake.validation.contract import value_column
from crmnb.intake.validation.validated_rows import ValidatedRows
from crmnb.schema.tables import TABLES, Table


def sort_parents_first(names: Iterable[str]) -> list[str]:
    """The tables in an order in which each follows the tables that it refers to; otherwise the order is unchanged."""
    names, ordered, visited = list(names), [], set()

    def visit(name: str) -> None:
        if name not in visited:
            visited.add(name)
            for column in TABLES[name].columns:
                if column.refers_to in names:
                    visit(column.refers_to)
            ordered.append(name)

    for name in names:
        visit(name)
    return ordered


def erased_rows_condition(
    table: Table,
    mapped: Collection[str],
    sql: Callable[[str], str],
    keys: Collection[str],
    erased_keys: dict[str, set[str]],
    rows: str,
) -> str:
    """The SQL condition that a row belongs to the customers with these keys.

    These are rows that hold such a key, and rows without a customer that refer to an erased row of another table or come
    from a device on which no other customer is known. mapped: the columns that exist; sql: the SQL of a column;
    erased_keys: by table, the keys of the erased rows; rows: the SQL of all rows.
    """
    customer_columns = customer_key_columns(table, mapped)
    conditions = [_in_list(sql(name), keys) for name in customer_columns]
    is_anonymous = " AND ".join(f"{sql(name)} IS NULL" for name in customer_columns) or "true"
    for column in table.columns:
        if column.name in mapped and erased_keys.get(column.refers_to or ""):
            conditions.append(f"({is_anonymous} AND {_in_list(sql(column.name), erased_keys[column.refers_to])})")
    device = table.device if table.device in mapped and "customer_id" in mapped else ""
    if device and keys:
        customer = sql("customer_id")
        is_theirs = f"count(DISTINCT {customer}) = 1 AND bool_or({_in_list(customer, keys)})"
        devices = f"SELECT {sql(device)} FROM {rows} GROUP BY {sql(device)} HAVING {is_theirs}"
        conditions.append(f"({is_anonymous} AND {sql(device)} IN ({devices}))")
    return f"coalesce({' OR '.join(conditions) or 'false'}, false)"


def exclude_erased_customers(validated: ValidatedRows) -> int:
    """Remove the rows of erased customers from the rows under validation, and count them.

    References to them in other customers' rows are cleared. The keys of the removed rows are added to
    `contract.erased_keys`.
    """
    contract = validated.contract
    if not contract.erasure_list.digests:
        return 0
    by_key = _exclude_by_key(validated) if contract.table else 0
    return by_key + _exclude_rejected_rows(validated)


def _exclude_by_key(validated: ValidatedRows) -> int:
    contract, table = validated.contract, validated.table
    _clear_references(validated)
    keys = {
        key
        for name in customer_key_columns(contract.table, contract.cells)
        for key in _find_erased_keys(validated, f"SELECT {value_column(name)} AS key FROM {table}")
    }
    condition = erased_rows_condition(contract.table, contract.cells, value_column, keys, contract.erased_keys, table)
    if contract.row_key:
        rows = validated.query(f"SELECT DISTINCT {value_column(contract.row_key[0])} FROM {table} WHERE {condition}")
        contract.erased_keys[contract.table.name] = {key for (key,) in rows if key is not None}
    ((count,),) = validated.query(f"DELETE FROM {table} WHERE {condition}")
    return count


def _in_list(sql: str, keys: Collection[str]) -> str:
    return f"{sql} IN ({', '.join(map(quote_literal, sorted(keys)))})" if keys else "false"


def _find_erased_keys(validated: ValidatedRows, select: str) -> list[str]:
    """The values of a column `key` that are on the erasure list."""
    erasure_list = validated.contract.erasure_list
    digests = ", ".join(map(quote_literal, erasure_list.digests))
    keys = validated.query(
        f"SELECT key FROM (SELECT DISTINCT key FROM ({select})) "
        f"WHERE sha256({quote_literal(erasure_list.salt)} || key) IN ({digests})"
    )
    return [key for (key,) in keys]


def _clear_references(validated: ValidatedRows) -> None:
    """Clear references to erased customers (referred_by) in other customers' rows, both staged and typed."""
    contract, table = validated.contract, validated.table
    for column in contract.table.columns:
        if column.refers_to != "customers" or column.name == "customer_id" or column.name not in contract.cells:
            continue
        name = value_column(column.name)
        if keys := _find_erased_keys(validated, f"SELECT {name} AS key FROM {table}"):
            rows = f"SELECT _id FROM {table} WHERE {_in_list(name, keys)}"
            cell = contract.cells[column.name].sql
            validated.query(f"UPDATE {validated.staging.table} SET {cell} = NULL WHERE rowid IN ({rows})")
            validated.query(f"UPDATE {table} SET {name} = NULL WHERE {_in_list(name, keys)}")


def _exclude_rejected_rows(validated: ValidatedRows) -> int:
    """Remove rejected rows that may belong to an erased customer, and count them.

    Any column that holds customer keys in some source counts and, in a malformed record, where no cell can be trusted,
    any word of it. The columns of a query's source are not canonical, and of rejected rows too many are removed rather
    than too few.
    """
    staging, mark = validated.staging, validated.staging.source.delimiter
    searches = []
    for name, cell in staging.columns.items():
        if name.lower() in validated.contract.customer_columns:
            text = cast_to_text(clean_cell(cell, staging.source))
            searches += [
                (f"SELECT _id, {key} AS key", "true") for key in (text, f"regexp_replace({text}, '[.,]0+$', '')")
            ]
    cells = ", ".join(f"CAST({cell.sql} AS VARCHAR)" for cell in staging.columns.values())
    record = f"concat_ws({quote_literal(mark)}, _unparsed, {cells})"
    for separator in (rf'["\r\n\t;,|{re.escape(mark)}]+', r"[^\pL\pN_-]+"):
        words = f"regexp_split_to_array({record}, {quote_literal(separator)})"
        searches.append((f"SELECT _id, trim(unnest({words})) AS key", "_problem IS NOT NULL"))
    count = 0
    for select, condition in searches:
        rows = f"{select} FROM {validated.select_rows(f'{validated.is_rejected} AND {condition}')}"
        if keys := _find_erased_keys(validated, rows):
            ids = f"SELECT _id FROM ({rows}) WHERE {_in_list('key', keys)}"
            ((removed,),) = validated.query(f"DELETE FROM {validated.table} WHERE _id IN ({ids})")
            count += removed
    return count
