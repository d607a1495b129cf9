"""Generated clients for the campaign against the intake: any canonical table, in any dialect, with defects in combination.

A right value follows from its column and a row's number, so Hypothesis draws little, and shrinks to few tables, rows and
defects. `Case.parameters` and `Drawn.files` are all that the intake, and the oracle, are given.
"""

from dataclasses import dataclass, replace

from campaign_defects import DEFECTS
from campaign_tables import Dialect, Drawn
from hypothesis import strategies as st

from crmnb.schema.tables import ENGINE_TYPES, TABLES, Column, Table

ZONES = ("UTC",) * 9 + ("Europe/London", "America/Santiago", "Asia/Kolkata")
FORMS = (
    *(None, None, None, None, "%d/%m/%Y", "%d/%m/%Y %H:%M", "%m/%d/%Y", "%d.%m.%y", "%Y%m%d", "%d %b %Y", "excel"),
    *("epoch_s", "epoch_ms", "epoch_us", "%Y-%m-%d %H:%M:%S UTC", "%d.%m.%Y %H:%M %z", "%d.%m.%Y %H:%M"),
    *(("%d/%m/%Y", "%Y-%m-%d %H:%M"), ("%d/%m/%Y", "%m/%d/%Y"), ("%d.%m.%Y %H:%M:%S", "epoch_s")),
)
OWN_ZONES = (None,) * 4 + ("UTC", "Europe/Berlin", "America/New_York")  # of a source
MINUSES = ("-{}", "-{}", "({})", "{}-", "\u2212{}")
MARKS = ((".", None), (".", ""), (".", ","), (",", "."), (",", ""), (",", " "), (".", "'"))  # None: nothing is declared
ENCODINGS = ("utf-8", "utf-8", "utf-8", "utf-8-sig", "cp1252", "latin-1", "utf-16", "utf-16-le")
DELIMITERS = (",", ",", ";", "\t", "|", "§")
MISSING = ((), ("", "n/a"), ("?", "-"), ("N/A", "-100", "unknown"))
# Declarations that are wrong on purpose; of most of them a table can only be refused.
WRONG = (
    "delimiter",
    "encoding",
    "utf-16",
    "not utf-16",
    "header",
    "column",
    "repeated",
    "unclosed",
    "decimal",
    "form",
    "points",
)
# Tables that a client maps; audited values are compared with the other tables and not taken in as they are.
_MAPPED = [name for name, table in TABLES.items() if not table.by_import and name != "audited_values"]
REFUNDS = ((), ("parent",), ("stand_alone",), ("parent", "stand_alone"))
SHAPES = ("few", "many", "blank", "broken", "empty", "header")
ITEMS = {"recommend": {"scale": [0, 10]}}


@dataclass(frozen=True)
class Case:
    """Clients' tables drawn together; `compare`: also as other formats, whose cells are `typed` where they can be."""

    zone: str
    until: str | None
    drawn: tuple[Drawn, ...]
    compare: bool
    typed: bool

    def parameters(self, tables: list[Drawn]) -> dict:
        """The parameters file's content for some of the tables."""
        told = {"name": "Campaign", "currency": "EUR", "time_zone": self.zone}
        told |= {"data_until": self.until} if self.until else {}
        told |= {"exchange_rates": {"USD": 0.5, "JPY": "exclude"}}
        if any(column.name in ITEMS for one in tables for column in one.columns):
            told["items"] = ITEMS
        told["sources"] = {f"s_{one.table.name}": one.source for one in tables}
        return told | {"tables": {one.table.name: one.mapping for one in tables}}


# ---- Strategies -------------------------------------------------------------------------------------------

_DEFECTS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, len(DEFECTS) - 1)), min_size=1, max_size=3).map(tuple)
_ROWS = st.lists(
    st.tuples(
        st.integers(0, 40),
        st.one_of(st.just(()), st.just(()), _DEFECTS),
        st.sampled_from(("",) * 20 + SHAPES),
    ),
    max_size=14,
).map(tuple)


@st.composite
def _dialects(draw) -> Dialect:
    return Dialect(
        delimiter=draw(st.sampled_from(DELIMITERS)),
        encoding=draw(st.sampled_from(ENCODINGS)),
        marks=draw(st.sampled_from(MARKS)),
        sign=draw(st.sampled_from(("", "", "€", "$", "EUR"))),
        form=draw(st.sampled_from(FORMS)),
        zone=draw(st.sampled_from(OWN_ZONES)),
        minus=draw(st.sampled_from(MINUSES)),
        missing=draw(st.sampled_from(MISSING)),
        newline=draw(st.sampled_from(("\n", "\n", "\r\n", "\r", "mixed"))),
        titles=draw(st.sampled_from((0, 0, 0, 1, 2))),
        packed=draw(st.sampled_from((False, False, False, True))),
        all_quoted=draw(st.booleans()),
        files=draw(st.sampled_from((1, 1, 1, 2))),
        shift=draw(st.integers(0, 4)),
        extra=draw(st.sampled_from(((), (), ("note",), ("", "note", "note", "")))),
    )


@st.composite
def _tables(draw, name: str) -> Drawn:
    table, dialect = TABLES[name], draw(_dialects())
    optional = [column for column in table.columns if not column.required]
    chosen = set(draw(st.lists(st.sampled_from(optional), max_size=5, unique=True))) if optional else set()
    own = [
        Column(f"own_{place}", type_)
        for place, type_ in enumerate(draw(st.lists(st.sampled_from(list(ENGINE_TYPES)), max_size=2)))
    ]
    if table.has_items and draw(st.booleans()):
        own.append(Column("recommend", "integer", at_least=0, at_most=10))
    columns = (*(column for column in table.columns if column.required or column in chosen), *own)
    refunds = draw(st.sampled_from(REFUNDS)) if table.credits else ()
    if "parent" in refunds:  # each order's refunds are told once
        columns = tuple(column for column in columns if column.name not in ("refunded_amount", "refunded_at"))
    rows = draw(_ROWS)
    wrong = draw(st.sampled_from(("",) * 40 + WRONG))
    dialect = replace(dialect, **suited(wrong, dialect))
    allowed = draw(st.sampled_from((1,) * 18 + (None, 0.5)))
    return Drawn(table, columns, dialect, rows, allowed, wrong, refunds, **draw(_selections(table, columns)))


@st.composite
def _selections(draw, table: Table, columns: tuple[Column, ...]) -> dict:
    """Which records are data, and what stands in no column of the file: some columns always stand there."""
    free = [column.name for column in columns if column.type != "key"]
    constants = draw(st.sampled_from(((),) * 3 + tuple((name,) for name in free) + (tuple(free[:2]),)))
    has_key = table.key and table.by_name[table.key[0]].type == "key" and not table.by_name[table.key[0]].refers_to
    is_there = has_key and any(column.name == table.key[0] for column in columns)
    numbered = bool(is_there and draw(st.sampled_from((False,) * 7 + (True,))))
    if len(columns) <= len(constants) + numbered:
        constants, numbered = (), False
    return {
        "constants": constants,
        "numbered": numbered,
        "after": draw(st.sampled_from((0, 0, 0, 0, 1, 2))),
        "fill_down": draw(st.sampled_from(((), (), (), (0,), (1,), (2, 4)))),
        "where": (draw(st.sampled_from(("",) * 4 + ("source", "table"))), draw(st.integers(0, 4))),
    }


def suited(wrong: str, dialect: Dialect) -> dict:
    """What a dialect must have for a declaration to be wrong in that way."""
    match wrong:
        case "encoding":
            return {"encoding": "utf-8", "packed": False}
        case "utf-16":
            return {"encoding": "utf-16-le" if dialect.all_quoted else "utf-16"}
        case "not utf-16":
            return {"encoding": "utf-8", "packed": False}
        case "header":
            return {"titles": 2}
        case "repeated":
            return {"extra": ("note",)}
        case "points":
            return {"marks": (".", None), "sign": ""}
    return {}


@st.composite
def cases(draw) -> Case:
    """Cases of one to eight tables."""
    names = draw(st.lists(st.sampled_from(_MAPPED), min_size=1, max_size=8, unique=True))
    return Case(
        zone=draw(st.sampled_from(ZONES)),
        until=draw(st.sampled_from(("2025-12-31", "2025-12-31", None))),
        drawn=tuple(draw(_tables(name)) for name in names),
        compare=draw(st.sampled_from((False,) * 9 + (True,))),
        typed=draw(st.sampled_from((True, True, False))),
    )
