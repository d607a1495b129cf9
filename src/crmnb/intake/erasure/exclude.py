"""Leaving out the rows of customers who are to be forgotten, before anything is counted, shown or written of them."""

import re
from collections.abc import Callable, Collection, Iterable

from crmnb.intake.erasure.erasure_list import customer_key_columns
from crmnb.intake.staging_table import quote_literal
from crmnb.intake.validation.casts import as_text, cleaned
from crmnb.intake.validation.contract import value
from crmnb.intake.validation.validated_rows import Judged
from crmnb.schema.tables import TABLES, Table


def sort_parents_first(names: Iterable[str]) -> list[str]:
    """The tables in an order in which none comes before one that it refers to; otherwise as they are given."""
    names, found, seen = list(names), [], set()

    def add(name: str) -> None:
        if name not in seen:
            seen.add(name)
            for column in TABLES[name].columns:
                if column.refers_to in names:
                    add(column.refers_to)
            found.append(name)

    for name in names:
        add(name)
    return found


def erased_rows_condition(
    table: Table,
    mapped: Collection[str],
    sql: Callable[[str], str],
    keys: Collection[str],
    gone: dict[str, set[str]],
    rows: str,
) -> str:
    """The SQL that is true of the rows of the customers with these keys: those that say so, and those that name nobody but
    refer to such a row of another table, or come from a device on which these customers alone are known.

    rows: the SQL that they are read from. mapped: the columns that there are; sql: the SQL of one; gone: by table, the keys of its rows that are theirs.
    """
    own = customer_key_columns(table, mapped)
    found = [_among(sql(name), keys) for name in own]
    nobody = " AND ".join(f"{sql(name)} IS NULL" for name in own) or "true"
    for column in table.columns:
        if column.name in mapped and gone.get(column.refers_to or ""):
            found.append(f"({nobody} AND {_among(sql(column.name), gone[column.refers_to])})")
    device = table.device if table.device in mapped and "customer_id" in mapped else ""
    if device and keys:
        who = sql("customer_id")
        theirs = f"count(DISTINCT {who}) = 1 AND bool_or({_among(who, keys)})"
        devices = f"SELECT {sql(device)} FROM {rows} GROUP BY {sql(device)} HAVING {theirs}"
        found.append(f"({nobody} AND {sql(device)} IN ({devices}))")
    return f"coalesce({' OR '.join(found) or 'false'}, false)"


def leave_out(judged: Judged) -> int:
    """Take the rows of forgotten customers out of the judgement, and say how many they are.

    Their key is taken out of the rows of others that refer to them. The keys of what was taken out go to `contract.gone`.
    """
    contract = judged.contract
    if not contract.forgotten.digests:
        return 0
    exact = _leave_out_known(judged) if contract.table else 0
    return exact + _leave_out_suspects(judged)


def _leave_out_known(judged: Judged) -> int:
    contract = judged.contract
    _blank_references(judged)
    own = customer_key_columns(contract.table, contract.cells)
    keys = {key for name in own for key in _known(judged, f"SELECT {value(name)} AS key FROM {judged.table}")}
    theirs = erased_rows_condition(contract.table, contract.cells, value, keys, contract.gone, judged.table)
    if contract.row_key:
        rows = judged.ask(f"SELECT DISTINCT {value(contract.row_key[0])} FROM {judged.table} WHERE {theirs}")
        contract.gone[contract.table.name] = {key for (key,) in rows if key is not None}
    ((left_out,),) = judged.ask(f"DELETE FROM {judged.table} WHERE {theirs}")
    return left_out


def _among(sql: str, keys: Collection[str]) -> str:
    return f"{sql} IN ({', '.join(map(quote_literal, sorted(keys)))})" if keys else "false"


def _known(judged: Judged, select: str) -> list[str]:
    """Those among the values of a column `key` that are on the list."""
    digests = ", ".join(map(quote_literal, judged.contract.forgotten.digests))
    salted = f"sha256({quote_literal(judged.contract.forgotten.salt)} || key)"
    return [
        key
        for (key,) in judged.ask(f"SELECT key FROM (SELECT DISTINCT key FROM ({select})) WHERE {salted} IN ({digests})")
    ]


def _blank_references(judged: Judged) -> None:
    """Empty the references to forgotten customers in the rows of others (referred_by), as read and as judged."""
    for column in judged.contract.table.columns:
        if column.refers_to != "customers" or column.name == "customer_id" or column.name not in judged.contract.cells:
            continue
        name = value(column.name)
        if keys := _known(judged, f"SELECT {name} AS key FROM {judged.table}"):
            rows = f"SELECT _id FROM {judged.table} WHERE {_among(name, keys)}"
            cell = judged.contract.cells[column.name].sql
            judged.ask(f"UPDATE {judged.raw.table} SET {cell} = NULL WHERE rowid IN ({rows})")
            judged.ask(f"UPDATE {judged.table} SET {name} = NULL WHERE {_among(name, keys)}")


def _leave_out_suspects(judged: Judged) -> int:
    """Take out wrong rows that seem to be theirs: by any column that holds customers' keys somewhere, and, in a malformed
    record, where no cell can be trusted, by any word of it.

    What is read in a query's source has no column of ours yet; and of a wrong row, rather one too many is taken out.
    """
    raw, mark = judged.raw, judged.raw.source.delimiter
    suspects = []
    for name, cell in raw.columns.items():
        if name.lower() in judged.contract.customer_columns:
            text = as_text(cleaned(cell, raw.source))
            suspects += [
                (f"SELECT _id, {form} AS key", "true") for form in (text, f"regexp_replace({text}, '[.,]0+$', '')")
            ]
    record = f"concat_ws({quote_literal(mark)}, _unread, {', '.join(f'CAST({cell.sql} AS VARCHAR)' for cell in raw.columns.values())})"
    for between in (rf'["\r\n\t;,|{re.escape(mark)}]+', r"[^\pL\pN_-]+"):
        suspects.append(
            (
                f"SELECT _id, trim(unnest(regexp_split_to_array({record}, {quote_literal(between)}))) AS key",
                "_problem IS NOT NULL",
            )
        )
    count = 0
    for select, only in suspects:
        rows = f"{select} FROM {judged.wrong(f'{judged.is_bad} AND {only}')}"
        if keys := _known(judged, rows):
            ((left_out,),) = judged.ask(
                f"DELETE FROM {judged.table} WHERE _id IN (SELECT _id FROM ({rows}) WHERE {_among('key', keys)})"
            )
            count += left_out
    return count
