"""Numbered: many rows as the engine works on them best: people are whole numbers, and the rows are held in memory, compressed.

Text keys are what most of the time goes to when millions of rows are grouped and joined. People are numbered in the order of their
keys' hash, so that their numbers deal them into groups at random, and alike on every machine.
"""

from collections.abc import Iterable

import duckdb

from crmnb.tables import TABLES

VISITOR = "'visitor ' || visitor_id"  # a visitor's id as it names nobody else: it may be the same text as a customer's

_HELD = "held"  # the database that holds the rows
# The columns that name people, and where their numbers are: those of visitors are below 0, so that they are no customer's.
_PEOPLE = {"customer_id": "customer_numbers", "visitor_id": "visitor_numbers"}


def number_people(con: duckdb.DuckDBPyConnection, names: Iterable[str]) -> None:
    """Give everybody a number whom one of these tables names."""
    con.execute(f"attach ':memory:' as {_HELD} (compress)")
    for column, numbers in _PEOPLE.items():
        named = [f"select {column} as key from {name}" for name in sorted(names) if column in con.table(name).columns]
        everybody = " union all ".join(named) or "select null::varchar as key"
        place = "row_number() over (order by hash(key), key)"
        con.execute(f"""
            create temp table {numbers} as
            select key, ({place if numbers == "customer_numbers" else f"-{place}"})::integer as number
            from (select key from ({everybody}) where key is not null group by key)""")


def numbered(con: duckdb.DuckDBPyConnection, name: str, *, hold: bool) -> duckdb.DuckDBPyRelation:
    """A table's rows with numbers for people; hold: in memory, without prose, the row's own key a number too."""
    columns = con.table(name).columns
    people = [column for column in columns if column in _PEOPLE]
    joins = " ".join(f"left join {_PEOPLE[column]} as of_{column} on of_{column}.key = t.{column}" for column in people)
    replaced = ", ".join(f"of_{column}.number as {column}" for column in people)
    of_row = [column for column in TABLES[name].key if hold and TABLES[name].key == (column,) and column not in people]
    left_out = [*of_row, *(c.name for c in TABLES[name].columns if hold and c.prose and c.name in columns)]
    without = f"exclude ({', '.join(left_out)})" if left_out else ""
    rows = f"select t.* {without} {f'replace ({replaced})' if people else ''} from {name} t {joins}"
    if not hold:
        return con.sql(rows)
    con.execute(f"create table {_HELD}.{name} as {rows}")
    con.execute(f"checkpoint {_HELD}")
    own = "".join(f"rowid as {column}, " for column in of_row)
    return con.sql(f"select {own} * from {_HELD}.{name}")
