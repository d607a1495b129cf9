"""The page of a check: what a client's data are, and what can be had of them."""

from dataclasses import dataclass
from datetime import date

from crmnb.report.html import printable
from crmnb.report.pages.frame import language, page
from crmnb.report.text.numbers import day as written
from crmnb.schema.client import Client


@dataclass(frozen=True)
class Entry:
    """A row: its cells, and under them sentences on it, all in words. `aside` stands on the page only."""

    cells: tuple[str, ...]
    notes: tuple[str, ...] = ()
    aside: str = ""


@dataclass(frozen=True)
class Part:
    """A part of what a check tells: a title, sentences, and rows. `numeric`: the columns that align right."""

    title: str
    said: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    numeric: tuple[int, ...] = ()
    entries: tuple[Entry, ...] = ()
    details: tuple[str, ...] = ()


def check_page(client: Client, parts: tuple[Part, ...], *, day: str, quarantine: str) -> str:
    """The page. day: that on which the data were read (ISO); quarantine: the address of the page on it."""
    return page(
        "check.j2",
        lang=language(client),
        client_name=printable(client.name),
        day=written(date.fromisoformat(day), client),
        quarantine=quarantine,
        parts=parts,
    )
