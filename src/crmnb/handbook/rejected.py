"""Rejected rows of a client's table: their cells by the names of our columns, and why the import rejected them."""

import csv
import re
from dataclasses import dataclass

from crmnb.intake import Intake
from crmnb.intake.staging_table import REASONS
from crmnb.schema.client import Client


@dataclass(frozen=True)
class RejectedRow:
    """A row that the import rejected: its cells as they came, by our columns, and the reasons in words."""

    cells: dict[str, str]
    reason: str


def rejected_rows(imported: Intake, client: Client) -> dict[str, tuple[RejectedRow, ...]]:
    """The rejected rows of each table; of a table that a query makes, those columns only that bear our names."""
    rows = {}
    for name, mapping in client.tables.items():
        path = imported.folder / "quarantine" / f"{name}.csv"
        if path.is_file():
            theirs = mapping.headers
            with path.open(encoding="utf-8", newline="") as file:
                rows[name] = tuple(
                    RejectedRow(
                        {column: row.get(source, row.get(column, "")) for column, source in theirs.items()},
                        re.sub(r" in the format \S+( %\S+)*", "", row[REASONS].replace("_", " ")),
                    )
                    for row in csv.DictReader(file)
                )
    return rows
