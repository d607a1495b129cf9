"""What the made-up shops of the benchmarks `metrics` and `money` share: their days, their client, and files that are made once."""

import tempfile
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from crmnb.core.period import Period
from crmnb.schema.client import Client

FIRST, CUTOFF = datetime(2023, 1, 1), datetime(2026, 1, 1)
PERIOD = Period.parse("2025").observe(FIRST, CUTOFF)
SECONDS = int((CUTOFF - FIRST).total_seconds())

# A number in [0, 1) from the row's number and a salt.
UNIT = "create macro unit(i, salt) as (hash(i * 1000 + salt) >> 11)::double / 9007199254740992"


def shop(**declarations: Any) -> Client:
    """A shop with these declarations: churn by 90 days of inactivity, one segmentation, compared with the year before."""
    return Client(
        id="benchmark",
        folder=Path(),
        name="Benchmark",
        currency="EUR",
        sources={},
        tables={},
        churn={"kind": "inactivity", "inactivity_days": 90},
        segments={"region": {"column": "customers.region"}},
        privacy={"min_base": 1, "suppress_below": 1},
        **declarations,
    )


def make_files(
    benchmark: str, rows: int, tables: Iterable[str], macros: Iterable[str], query_of: Callable[[str, int], str]
) -> dict[str, Path]:
    """The tables' files, for so many rows; kept in the system's temporary folder between runs.

    macros: SQL that the queries need. query_of: the SQL of a table's rows, by its name and the number of rows.
    """
    folder = Path(tempfile.gettempdir()) / f"crmnb-benchmark-{benchmark}-{rows}"
    folder.mkdir(exist_ok=True)
    files = {name: folder / f"{name}.parquet" for name in tables}
    for name, file in files.items():
        if not file.exists():
            unfinished = file.with_suffix(".part")  # written beside its place and moved there when whole
            with duckdb.connect() as con:
                for macro in macros:
                    con.execute(macro)
                con.execute(f"copy ({query_of(name, rows)}) to '{unfinished}' (format parquet)")
            unfinished.rename(file)
    return files
