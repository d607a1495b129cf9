"""A client made of texts, for tests of the intake: files and parameters in a temporary folder."""

import csv
from pathlib import Path

import duckdb

from crmnb.intake import Intake, import_data
from crmnb.schema.client import Client, load_client

HEAD = "name: Test\ncurrency: GBP\n"
ORDERS = """
tables:
  orders:
    source: orders
    columns: {order_id: No, customer_id: Customer, ordered_at: Ordered, amount: Total, status: Status}
"""


def client_of(folder: Path, parameters: str, **files: bytes | str) -> Client:
    """A client with these parameters and files (`orders_csv` is the file orders.csv)."""
    for name, content in files.items():
        path = folder / name.replace("_csv", ".csv").replace("_gz", ".gz")
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    (folder / "test.yml").write_text(HEAD + parameters, encoding="utf-8")
    return load_client("test", folder)


def take(folder: Path, parameters: str, **files: bytes | str) -> Intake:
    """Take in such a client."""
    return import_data(client_of(folder, parameters, **files), folder / "private")


def take_orders(folder: Path, text: bytes | str, source: str = "", table: str = "") -> Intake:
    """Take in orders from one file, with further options of the source and the table."""
    return take(folder, f"sources: {{orders: {{file: orders.csv{source}}}}}{ORDERS}    {table}\n", orders_csv=text)


def counts(taken: Intake) -> list[tuple]:
    """Of each account: table, source, rows read, accepted and quarantined, and the rows of each reason."""
    return [(a.table, a.source, a.read, a.accepted, a.rejected, a.reasons) for a in taken.audits]


def rows(taken: Intake, table: str) -> list[dict]:
    """A canonical table's rows, in the order in which they lie there."""
    with duckdb.connect() as con:
        found = con.execute("SELECT * FROM read_parquet(?)", [str(taken.tables[table])])
        names = [column[0] for column in found.description]
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def quarantined(taken: Intake, table: str) -> list[dict[str, str]]:
    """What lies in a table's quarantine; our own columns by their short names."""
    return short(read_csv(taken.folder / "quarantine" / f"{table}.csv"))


def short(wrong: list[dict[str, str]]) -> list[dict[str, str]]:
    """Rows of a quarantine with our own columns by their short names, where theirs have not taken these."""
    ends = [(name, name.removesuffix(" (crmnb)")) for name in (wrong[0] if wrong else ())]
    names = {name: name if name != end and end in wrong[0] else end for name, end in ends}
    return [{names[name]: cell for name, cell in row.items()} for row in wrong]


def read_csv(path: Path) -> list[dict[str, str]]:
    """A CSV file by Python's own reader; none where there is no file."""
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))
