"""What became of every row, and what the tables hold: the account of an intake, and the profile that the next is held against."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class RejectionCause:
    """A way in which rows of a table are wrong.

    `rows` break it, `sole_cause_rows` of them nothing else: mending this cause alone gives them back. `examples` are offending
    values, or places ("record 5 of orders.csv") where there is no value, or it is a person's. `request` says in plain words
    what to ask the client for.
    """

    reason: str
    column: str
    rows: int
    sole_cause_rows: int
    examples: tuple[str, ...]
    request: str


@dataclass(frozen=True)
class ControlTotal:
    """The control total of an amount: the sums, as exact decimals in text, of what was accepted and of what was quarantined.

    `unreadable` rows have something there that is no amount, so they are in neither sum.
    """

    accepted: str
    rejected: str
    unreadable: int


@dataclass(frozen=True)
class ReferenceCheck:
    """How a reference of a table's rows is met: of `rows` that refer to `parent`, `orphans` refer to nothing known there."""

    column: str
    parent: str
    rows: int
    orphans: int


@dataclass(frozen=True)
class LineAudit:
    """The other grain of a table that a query makes: the lines of a source, and those that reached no row of the table.

    `totals`: column -> (the sum over all lines, over those that reached a row, and over the table's rows, accepted or not),
    as decimals in text.
    """

    source: str
    read: int
    unmatched: int
    totals: dict[str, tuple[str, str, str]]


@dataclass(frozen=True)
class TableAudit:
    """What became of the rows of a canonical table, or of a source that queries read (its `table` is empty).

    `source` is "query" for a table that a query makes. Always read = accepted + rejected + replaced + erased, where
    `replaced` are wrong rows in whose place others were sent, and `erased` those of customers who are to be forgotten.
    A row may have several of the `causes`, most frequent first. `notes` are sentences on what is worth knowing.
    """

    table: str
    source: str
    read: int
    accepted: int
    rejected: int
    causes: tuple[RejectionCause, ...] = ()
    totals: dict[str, ControlTotal] = field(default_factory=dict)
    references: tuple[ReferenceCheck, ...] = ()
    lines: LineAudit | None = None
    notes: tuple[str, ...] = ()
    replaced: int = 0
    erased: int = 0

    @property
    def reasons(self) -> dict[str, int]:
        """The causes in words, and the rows of each."""
        return {cause.reason: cause.rows for cause in self.causes}


@dataclass(frozen=True)
class ColumnProfile:
    """What a column of a canonical table holds: the share of rows without a value, its range, its levels.

    `minimum` and `maximum` (as text) are those of numbers and times; `levels` (value -> rows, most frequent first) those of a
    text with at most LEVELS of them. A personal column and a key have the share alone.
    """

    type: str
    missing: float
    minimum: str | None = None
    maximum: str | None = None
    levels: dict[str, int] | None = None


@dataclass(frozen=True)
class Profile:
    """What an intake found in each canonical table, to hold the next against: on which day, rows, and columns by name.

    `headers`: the columns (theirs) that stood in each source.
    """

    day: str
    rows: dict[str, int]
    columns: dict[str, dict[str, ColumnProfile]]
    headers: dict[str, list[str]]


MAX_LEVELS = 50
