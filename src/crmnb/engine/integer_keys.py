"""Numbered: many rows as the engine works on them best: people are whole numbers, and the rows are held in memory, compressed.

Text keys are what most of the time goes to when millions of rows are grouped and joined. People are numbered in the order of their
keys' hash, so that their numbers deal them into groups at random, and alike on every machine.
"""

from collections.abc import Iterable, Sequence

import duckdb

from crmnb.schema.tables import TABLES

VISITOR = "'visitor ' || visitor_id"  # a visitor's id as it names nobody else: it may be the same text as a customer's

_AT_ONCE = 2_500_000  # rows
_HELD = "held"  # the database that holds the rows
# The columns that name people, and where their numbers are: those of visitors are below 0, so that they are no customer's.
CUSTOMER_NUMBERS = "customer_numbers"
_PEOPLE = {"customer_id": CUSTOMER_NUMBERS, "visitor_id": "visitor_numbers"}

# Tables that metrics join by their keys as other tables hold them, or whose keys are shown.
_JOINED = ("tickets", "teams")


def number_people(con: duckdb.DuckDBPyConnection, names: Iterable[str]) -> None:
    """Give everybody a number whom one of these tables names."""
    con.execute(f"attach if not exists ':memory:' as {_HELD} (compress)")
    for column, numbers in _PEOPLE.items():
        named = [f"select {column} as key from {name}" for name in sorted(names) if column in con.table(name).columns]
        everybody = " union all ".join(named) or "select null::varchar as key"
        place = "row_number() over (order by hash(key), key)"
        con.execute(f"""
            create or replace temp table {numbers} as
            select key, ({place if numbers == CUSTOMER_NUMBERS else f"-{place}"})::integer as number
            from (select key from ({everybody}) where key is not null group by key)""")


def numbered(con: duckdb.DuckDBPyConnection, name: str) -> duckdb.DuckDBPyRelation:
    """A table's rows with numbers for people."""
    return con.sql(_numbered(con, name, {}, ()))


def held(
    con: duckdb.DuckDBPyConnection, name: str, counts: str, *, prose: bool = False
) -> dict[bool, duckdb.DuckDBPyRelation]:
    """A table's rows in memory, with numbers for people: those that count (SQL), and all. prose: with free text, which takes most memory.

    The row's own key is its hash, unless other tables are joined by it: of ten million rows two have the same with a chance of 3 in a million.
    """
    table, columns = TABLES[name], con.table(name).columns
    as_they_are = {*_PEOPLE, *(table.key if name in _JOINED else ())}
    own = {key: f"hash(t.{key})" for key in table.key if table.key == (key,) and key not in as_they_are}
    rows = _numbered(con, name, own, [c.name for c in table.columns if c.prose and not prose and c.name in columns])
    parts = {f"{_HELD}.{name}": counts, f"{_HELD}.{name}_out": f"({counts}) is not true"}
    slices = _slices(con, name)
    for part, condition in parts.items():
        con.execute(f"create or replace table {part} as {rows} where false")  # as what was interrupted may be there
        for inside in slices:
            con.execute(f"insert into {part} {rows} where ({condition}) and {inside}")
            con.execute(f"checkpoint {_HELD}")
    counting, *_ = selections = [f"from {part}" for part in parts]
    return {True: con.sql(counting), False: con.sql(" union all ".join(selections))}


def _slices(con: duckdb.DuckDBPyConnection, name: str) -> list[str]:
    """The SQL of which rows of a table are taken in together: spans of its time, as rows take several times as much memory until compressed."""
    time = TABLES[name].time
    if time not in con.table(name).columns:
        return ["true"]
    rows, first, last = con.execute(f"select count(*), min({time}), max({time}) from {name}").fetchall()[0]
    many = rows // _AT_ONCE + 1
    if many == 1 or first is None:
        return ["true"]
    edges = [first + (last - first) * at / many for at in range(1, many)]
    spans = zip(["true", *(f"{time} >= timestamp '{edge}'" for edge in edges)], [*edges, None], strict=True)
    inside = [" and ".join([since, f"{time} < timestamp '{until}'"] if until else [since]) for since, until in spans]
    return [*inside, f"{time} is null"]


def _numbered(con: duckdb.DuckDBPyConnection, name: str, own: dict[str, str], without: Sequence[str]) -> str:
    """The SQL of a table's rows with numbers for people, with the SQL of columns of their own, without some columns."""
    people = [column for column in con.table(name).columns if column in _PEOPLE]
    joins = " ".join(f"left join {_PEOPLE[column]} as of_{column} on of_{column}.key = t.{column}" for column in people)
    replaced = own | {column: f"of_{column}.number" for column in people}
    replacements = ", ".join(f"{sql} as {column}" for column, sql in replaced.items())
    left_out = f"exclude ({', '.join(without)})" if without else ""
    return f"select t.* {left_out} {f'replace ({replacements})' if replacements else ''} from {name} t {joins}"
