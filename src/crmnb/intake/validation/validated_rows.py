"""Rows under validation: the contract of a staging table, and the table that marks which rules each row violates."""

from dataclasses import dataclass, field
from datetime import datetime

import duckdb

from crmnb.intake.erasure.erasure_list import EMPTY_ERASURE_LIST, ErasureList
from crmnb.intake.staging_table import Cell, StagingTable
from crmnb.intake.validation.casts import cast_to_text, clean_cell
from crmnb.intake.validation.contract import Rule, mask_names, violates
from crmnb.schema.client import Refunds, Source
from crmnb.schema.tables import Column, Table

_SHOWN = 60  # characters of a value in a message


@dataclass(frozen=True)
class Contract:
    """The target of a staging table: its columns with their cells and types, and all that validation needs to know."""

    name: str
    source: str
    columns: list[Column]
    cells: dict[str, Cell]
    zone: str
    headers: dict[str, str] = field(
        default_factory=dict
    )  # of the columns in the source; a column that is not there has its own name
    constants: frozenset[str] = frozenset()  # columns that are the same in all rows: they have no format of the source
    table: Table | None = None  # the canonical table; None for a source that queries read
    values: dict[str, dict[str, str]] = field(default_factory=dict)
    as_is: frozenset[str] = frozenset()  # columns that keep the type of the source
    personal: frozenset[str] = frozenset()
    bad_rows_allowed: float = 0.05
    end: datetime | None = None  # half-open: the declared end of the data, or the day of the import
    end_text: str = ""
    key: str = ""  # the file and the key, as messages show them
    erasure_list: ErasureList = EMPTY_ERASURE_LIST
    customer_columns: frozenset[str] = frozenset()  # headers (lower case) that hold customer keys in some source
    refunds: Refunds | None = None
    currency: str = ""
    exchange_rates: dict[str, float | str] = field(default_factory=dict)
    erased_keys: dict[str, set[str]] = field(default_factory=dict)  # by table, the keys of the excluded rows

    @property
    def without_text(self) -> frozenset[str]:
        """The columns that are not mapped: their values follow from others."""
        return frozenset(column.name for column in self.columns) - frozenset(self.cells)

    @property
    def row_key(self) -> tuple[str, ...]:
        """The mapped columns of the table's key (one of them may be optional); none if rows may repeat."""
        return tuple(name for name in self.table.key if name in self.cells) if self.table else ()


@dataclass(frozen=True)
class ValidatedRows:
    """Rows under validation: `table` holds, for every staged row, its typed values and the masks of the rules it violates.

    The table exists until the next rows are validated.
    """

    con: duckdb.DuckDBPyConnection
    staging: StagingTable
    contract: Contract
    rules: list[Rule]
    table: str = "validated"

    @property
    def is_rejected(self) -> str:
        """The SQL condition that a row violates a rule."""
        return f"({' | '.join(mask_names(self.rules))}) <> 0"

    def select_rows(self, condition: str) -> str:
        """The SQL of the staged rows, with their masks, for which a condition holds."""
        return f"{self.staging.rows} JOIN {self.table} USING (_id) WHERE {condition}"

    def query(self, select: str) -> list[tuple]:
        """Run a query and fetch its rows."""
        return self.con.execute(select).fetchall()

    def cleaned_text(self, column: str) -> str:
        """The SQL of a column's value in the staged rows, as text without surrounding blanks."""
        return cast_to_text(Cell(self.cleaned_cell(column), self.contract.cells[column].kind))

    def cleaned_cell(self, column: str) -> str:
        """The SQL of a column's value in the staged rows; a text without surrounding blanks."""
        return clean_cell(self.contract.cells[column], source_of(self.staging, self.contract, column)).sql

    def examples(self, number: int) -> tuple[str, ...]:
        """Three values that violate a rule; for personal or empty columns, the places of three rows."""
        rule = self.rules[number]
        rows = self.select_rows(violates(number))
        is_shown = rule.column in self.contract.cells and rule.column not in self.contract.personal
        if is_shown and not rule.is_empty:
            text = f"CAST({self.contract.cells[rule.column].sql} AS VARCHAR)"
            values = self.query(
                f"SELECT {text} AS text, min(_id) AS first FROM {rows} GROUP BY 1 ORDER BY first LIMIT 3"
            )
            return tuple(repr(text[:_SHOWN]) for text, _ in values if text is not None)
        if not self.staging.is_file:
            return ()
        places = self.query(f"SELECT _file, _record FROM {rows} ORDER BY _id LIMIT 3")
        return tuple(f"record {record} of {file}" for file, record in places)


def source_of(staging: StagingTable, contract: Contract, column: str) -> Source:
    """The source with the format and the zone of the times of a column; of a constant the formats of the parameters file."""
    return Source() if column in contract.constants else staging.source.of_column(contract.headers.get(column, column))


def format_examples(examples: tuple[str, ...]) -> str:
    """The examples as the end of a clause; "" if there are none."""
    return f", such as {', '.join(examples)}" if examples else ""
