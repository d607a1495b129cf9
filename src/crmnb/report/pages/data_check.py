"""The page of the data quality check."""

from dataclasses import dataclass
from datetime import date
from pathlib import PurePosixPath
from urllib.parse import unquote

from crmnb.report.html import printable
from crmnb.report.pages.frame import language, page
from crmnb.report.text import numbers
from crmnb.schema.client import Client


@dataclass(frozen=True)
class Entry:
    """A row: its cells and notes on it, all in words. `needs`, the columns needed, stands on the page only."""

    cells: tuple[str, ...]
    notes: tuple[str, ...] = ()
    needs: str = ""


@dataclass(frozen=True)
class Part:
    """A section of the check: title, sentences and rows. `numeric`: the columns that align right."""

    title: str
    sentences: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    numeric: tuple[int, ...] = ()
    entries: tuple[Entry, ...] = ()
    details: tuple[str, ...] = ()


def check_page(
    client: Client, parts: tuple[Part, ...], *, day: str, quarantine: str, near_duplicates: tuple[str, ...] = ()
) -> str:
    """The page. day: of the import (ISO); quarantine: the address of the page of rejected rows; near_duplicates: those of the files of pairs of records."""
    return page(
        "check.j2",
        lang=language(client),
        client_name=printable(client.name),
        day=numbers.day(date.fromisoformat(day), client),
        quarantine=quarantine,
        near_duplicates=[{"name": PurePosixPath(unquote(href)).name, "href": href} for href in near_duplicates],
        parts=parts,
    )
