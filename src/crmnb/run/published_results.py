"""Published: the results of a report, as an analyst reads them: a frame, a table for a terminal, or CSV."""

import re
from pathlib import Path

import duckdb
import pandas as pd

from crmnb.core.checksum import file_checksum
from crmnb.core.errors import InputError, nearest
from crmnb.evaluate.results_frame import COLUMNS
from crmnb.run.store import read_json, report_record
from crmnb.schema.client.models import NAME

FILE = "results.parquet"
_SHOWN = (
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


def results_of(project: Path, client: str, period: str) -> pd.DataFrame:
    """The results frame of a published report (columns: `crmnb.evaluate.results_frame.COLUMNS`); figures that are not known are NaN.

    Raises InputError where there is no such report, and where its file is damaged.
    """
    if not re.fullmatch(NAME, client):  # a path is made of it
        raise InputError(f"client {client[:80]!r} is not a name (the file's name without .yml).")
    reports = {path.parent.name: path for path in (project / "outputs" / client).glob(f"[!.]*/{FILE}")}
    if period not in reports:
        raise InputError(f"there is no report {period!r} of {client!r} under outputs/.{nearest(period, reports)}")
    path = reports[period]
    written = read_json(report_record(project / "outputs" / client / ".private", period)).get("files", {}).get(FILE)
    if written not in (None, file_checksum(path)):
        raise InputError(
            f"{path.relative_to(project)} is damaged; `crmnb run {client} --period {period}` makes it anew."
        )
    try:
        with duckdb.connect() as con:
            frame = con.read_parquet(str(path)).df()
    except duckdb.Error:
        raise InputError(f"{path.relative_to(project)} cannot be read; make the report anew.") from None
    return frame.astype(COLUMNS)


def as_table(frame: pd.DataFrame) -> str:
    """The rows of a results frame, a line each: what a report shows first; `as_csv` has every column."""
    shown = frame[list(_SHOWN)]
    used = [name for name in shown if name in ("metric", "value") or (shown[name].notna() & (shown[name] != "")).any()]
    return shown[used].to_string(index=False, na_rep="", float_format=lambda value: f"{value:.6g}")


def as_csv(frame: pd.DataFrame) -> str:
    """All rows and columns of a results frame as CSV, figures to their last digit; one that is not known is empty."""
    return frame.to_csv(index=False, lineterminator="\n")
