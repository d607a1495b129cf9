"""Rows under judgement: what a raw table is to become, and the table that says of each row which rules it breaks."""

from dataclasses import dataclass, field
from datetime import datetime

import duckdb

from crmnb.intake.erasure.erasure_list import EMPTY_ERASURE_LIST, ErasureList
from crmnb.intake.staging_table import Cell, Raw
from crmnb.intake.validation.casts import as_text, cleaned
from crmnb.intake.validation.contract import Rule, breaks, mask_names
from crmnb.schema.tables import Column, Table

_SHOWN = 60  # characters of an offending value


@dataclass(frozen=True)
class Contract:
    """What a raw table is to become: columns (ours) with their cells and types, and how its rows are judged."""

    name: str
    source: str
    columns: list[Column]
    cells: dict[str, Cell]
    zone: str
    table: Table | None = None  # the canonical table; None for a source that queries read
    values: dict[str, dict[str, str]] = field(default_factory=dict)
    as_is: frozenset[str] = frozenset()  # columns that keep the type they came with
    personal: frozenset[str] = frozenset()
    bad_rows_allowed: float = 0.05
    last: datetime | None = None  # the declared end, half-open, or the day of the intake
    end_words: str = ""
    key: str = ""  # the file and the key that a message names
    forgotten: ErasureList = EMPTY_ERASURE_LIST
    customer_columns: frozenset[str] = frozenset()  # theirs, in small letters, that hold customers' keys somewhere
    gone: dict[str, set[str]] = field(default_factory=dict)  # by table, the keys of rows left out as forgotten ones'

    @property
    def row_key(self) -> tuple[str, ...]:
        """The columns of the table's key that are mapped (one of them may be optional); none where rows may repeat."""
        return tuple(name for name in self.table.key if name in self.cells) if self.table else ()


@dataclass(frozen=True)
class Judged:
    """Rows under judgement: `table` holds, for every raw row, its typed values and the masks of the rules it breaks.

    It is there until the next rows are judged.
    """

    con: duckdb.DuckDBPyConnection
    raw: Raw
    contract: Contract
    rules: list[Rule]
    table: str = "judged"

    @property
    def is_bad(self) -> str:
        """The SQL that is true of a row that breaks any rule."""
        return f"({' | '.join(mask_names(self.rules))}) <> 0"

    def wrong(self, condition: str) -> str:
        """The SQL of the raw rows, with their masks, that a condition is true of."""
        return f"{self.raw.rows} JOIN {self.table} USING (_id) WHERE {condition}"

    def ask(self, select: str) -> list[tuple]:
        """What a query gives."""
        return self.con.execute(select).fetchall()

    def given(self, column: str) -> str:
        """The SQL of what stands in a column of ours, over the raw rows, as a text without blanks around it."""
        return as_text(cleaned(self.contract.cells[column], self.raw.source))

    def examples(self, number: int) -> tuple[str, ...]:
        """Three values that break a rule, or where the rows are if there is no value to show or it is a person's."""
        rule = self.rules[number]
        wrong = self.wrong(breaks(number))
        if rule.column and not rule.is_empty and rule.column not in self.contract.personal:
            given = f"CAST({self.contract.cells[rule.column].sql} AS VARCHAR)"
            found = self.ask(
                f"SELECT {given} AS given, min(_id) AS first FROM {wrong} GROUP BY 1 ORDER BY first LIMIT 3"
            )
            return tuple(repr(given[:_SHOWN]) for given, _ in found if given is not None)
        if not self.raw.is_file:
            return ()
        found = self.ask(f"SELECT _file, _record FROM {wrong} ORDER BY _id LIMIT 3")
        return tuple(f"record {record} of {file}" for file, record in found)


def such_as(examples: tuple[str, ...]) -> str:
    """The examples as the end of a clause; nothing where there are none."""
    return f", such as {', '.join(examples)}" if examples else ""
