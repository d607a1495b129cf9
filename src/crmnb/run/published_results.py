"""The results of a published report for an analyst: a frame, a table for a terminal, or CSV."""

import re
from pathlib import Path

import duckdb
import pandas as pd

from crmnb.core.checksum import file_checksum
from crmnb.core.errors import InputError, nearest
from crmnb.core.paths import NAME
from crmnb.evaluate.results_frame import COLUMNS
from crmnb.run.store import read_record, report_record

FILE = "results.parquet"
_TABLE_COLUMNS = (
    "metric",
    "breakdown",
    "part",
    "segment",
    "level",
    "value",
    "low",
    "high",
    "n",
    "unit",
    "change",
    "signal",
    "flags",
)


def read_results(project: Path, client: str, period: str) -> pd.DataFrame:
    """The results frame of a published report (columns: `crmnb.evaluate.results_frame.COLUMNS`); missing figures are NaN.

    Raises InputError if there is no such report or its file is damaged.
    """
    if not re.fullmatch(NAME, client):  # it becomes part of a path
        raise InputError(f"client {client[:80]!r} is not a valid name (the name of the parameters file without .yml).")
    reports = {path.parent.name: path for path in (project / "outputs" / client).glob(f"[!.]*/{FILE}")}
    if period not in reports:
        raise InputError(f"there is no report {period!r} of {client!r} under outputs/.{nearest(period, reports)}")
    path = reports[period]
    checksum = read_record(report_record(project / "outputs" / client / ".private", period)).get("files", {}).get(FILE)
    if checksum not in (None, file_checksum(path)):
        raise InputError(
            f"{path.relative_to(project)} is damaged; rebuild it with `crmnb run {client} --period {period}`."
        )
    try:
        with duckdb.connect() as con:
            frame = con.read_parquet(str(path)).df()
    except duckdb.Error:
        raise InputError(f"{path.relative_to(project)} cannot be read; rebuild the report.") from None
    return frame.astype(COLUMNS)


def format_table(frame: pd.DataFrame) -> str:
    """The rows of a results frame, one line each, with the main columns; `format_csv` has all columns."""
    table = frame[list(_TABLE_COLUMNS)]
    used = [name for name in table if name in ("metric", "value") or (table[name].notna() & (table[name] != "")).any()]
    return table[used].to_string(index=False, na_rep="", float_format=lambda value: f"{value:.6g}")


def format_csv(frame: pd.DataFrame) -> str:
    """All rows and columns of a results frame as CSV, with all digits; missing figures are empty."""
    return frame.to_csv(index=False, lineterminator="\n")
