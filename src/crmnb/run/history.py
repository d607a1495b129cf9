"""The figures of the whole client as its reports have published them, stored beside each report's record."""

from collections.abc import Iterable, Sequence
from dataclasses import astuple, fields
from datetime import datetime
from pathlib import Path

from crmnb.core.checksum import write_json
from crmnb.evaluate.history import PublishedFigure, history_digest
from crmnb.run.store import RUNS, history_path, read_record

_COLUMNS = [field.name for field in fields(PublishedFigure)]


def load_history(private: Path) -> list[PublishedFigure]:
    """The figures that all reports of a client have published; a damaged file counts as missing, which is logged."""
    history: list[PublishedFigure] = []
    for path in sorted((private / RUNS).glob("*/published.json")):
        record = read_record(path)
        if record.get("columns") == _COLUMNS:
            history += [PublishedFigure(*row) for row in record["figures"]]
    return history


def save_history(private: Path, period: str, figures: Sequence[PublishedFigure]) -> None:
    """Write what the reports of a period have published."""
    write_json(
        history_path(private, period), {"columns": _COLUMNS, "figures": [[*astuple(figure)] for figure in figures]}
    )


def history_key(history: Iterable[PublishedFigure], end: datetime) -> str:
    """The key of what the charts of a report that ends then can show of a client's history."""
    return history_digest(history, f"{end:%Y-%m}")
