"""The corner shop as lessons use it: its tables as plain rows, and its workbook."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from crmnb.core.errors import InputError
from crmnb.core.paths import find_project
from crmnb.learn.declaration import YEAR, Tables
from crmnb.learn.progress import data_folder

if TYPE_CHECKING:
    from crmnb.engine.session import Tables as EngineTables
    from crmnb.workbook import Workbook

CLIENT = "corner_shop"
STORED_AS = {"all_orders": "orders"}  # a table that lessons read, and the one in which its rows are stored
_CHECKOUT = Path(__file__).parents[3]


_book: "ContextVar[Workbook | None]" = ContextVar("book", default=None)


@contextmanager
def lessons_on(book: "Workbook") -> Iterator[None]:
    """Lessons are made of this workbook of the corner shop, which is open already."""
    token = _book.set(book)
    try:
        yield
    finally:
        _book.reset(token)


def corner_shop_book() -> "Workbook":
    """The workbook of the corner shop in the year of the lessons; its tables lie in the learners' data folder.

    Raises InputError where there is no project.
    """
    return _book.get() or _opened()


@cache
def _opened() -> "Workbook":
    from crmnb.core.period import Period
    from crmnb.intake import import_data
    from crmnb.schema.client import load_client
    from crmnb.workbook import open_on

    client = load_client(CLIENT, project() / "parameters")
    folder = data_folder() / ".corner_shop"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return open_on(client, Period.parse(str(YEAR), client.fiscal_year_starts), import_data(client, folder))


def project() -> Path:
    """The project of the working folder; of a learner's own folder, the one that the package was installed from."""
    try:
        return find_project(Path.cwd())
    except InputError:
        return find_project(_CHECKOUT)


def tables_with(columns: dict[str, tuple[str, ...]]) -> Tables:
    """The corner shop's rows that count, of these columns of these tables, in the order of the columns."""
    return rows_with(corner_shop_book().tables, columns)


def rows_with(tables: "EngineTables", columns: dict[str, tuple[str, ...]]) -> Tables:
    """The same of other tables as the engine has them."""
    named = tables.with_names()
    return {name: _rows(named, name, chosen) for name, chosen in columns.items()}


def _rows(tables: "EngineTables", name: str, chosen: tuple[str, ...]) -> list[dict]:
    columns = ", ".join(f'"{column}"' for column in chosen)
    relation = tables.frame(name).to_native().relation.project(columns).order(columns)
    return [dict(zip(chosen, row, strict=True)) for row in relation.fetchall()]
