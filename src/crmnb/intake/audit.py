"""The audit of an import (what became of every row) and the profile of its tables, for comparison with the next import."""

from dataclasses import dataclass, field


@dataclass(frozen=True)
class RejectionCause:
    """A cause of rejection.

    `rows` violate the rule, `sole_cause_rows` of them no other rule: correcting this cause alone restores them. `examples`
    are values, or places ("record 5 of orders.csv") if there is no value or it is personal. `request` is what to ask the
    client for. `kind` is that of the rule.
    """

    reason: str
    column: str
    rows: int
    sole_cause_rows: int
    examples: tuple[str, ...]
    request: str
    kind: str = ""


@dataclass(frozen=True)
class ControlTotal:
    """The control totals of an amount: the sums of the accepted and of the rejected rows, as exact decimals in text.

    `unreadable` rows have a value that is not an amount, so they are in neither sum.
    """

    accepted: str
    rejected: str
    unreadable: int


@dataclass(frozen=True)
class ReferenceCheck:
    """The check of a reference: of `rows` that refer to `parent`, `orphans` refer to a row that does not exist."""

    column: str
    parent: str
    rows: int
    orphans: int


@dataclass(frozen=True)
class CellAudit:
    """The cells of a column, those of malformed records left out: `rows`, of which so many are `missing` or `invalid`.

    Missing: empty, or a code that the client declares as such. Invalid: a value that violates a rule. `is_required`: the
    table needs the column; `is_checked`: there is a rule that a value can violate.
    """

    column: str
    is_required: bool
    is_checked: bool
    rows: int
    missing: int
    invalid: int


@dataclass(frozen=True)
class LineAudit:
    """The source lines of a table that a query makes: how many were read, and how many belong to no row of the table.

    `totals`: column -> (the sum over all lines, over the matched lines, and over the table's rows, accepted or not), as
    decimals in text.
    """

    source: str
    read: int
    unmatched: int
    totals: dict[str, tuple[str, str, str]]


@dataclass(frozen=True)
class TableAudit:
    """What became of the rows of a canonical table, or of a source that queries read (its `table` is empty).

    `source` is "query" for a table that a query makes. Always read = accepted + rejected + `left_out`: `replaced` are rejected rows for
    which corrected rows were sent, `erased` those of customers on the erasure list, and `excluded` (by cause) those that are no data, as
    the client's file says, and refunds that were subtracted from their orders.
    A row may have several `causes`, most frequent first. `notes` are further remarks.
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
    excluded: dict[str, int] = field(default_factory=dict)
    cells: tuple[CellAudit, ...] = ()

    @property
    def excluded_rows(self) -> int:
        """The number of excluded rows."""
        return sum(self.excluded.values())

    @property
    def left_out(self) -> int:
        """The number of rows that are neither accepted nor rejected."""
        return self.replaced + self.erased + self.excluded_rows

    @property
    def reasons(self) -> dict[str, int]:
        """The number of rows by reason for rejection."""
        return {cause.reason: cause.rows for cause in self.causes}


@dataclass(frozen=True)
class ColumnProfile:
    """The profile of a column: the share of missing values, the range, and the levels.

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
    """The profile of an import, for comparison with the next: day, rows by table, and columns by table and name.

    `headers`: the columns of each source.
    """

    day: str
    rows: dict[str, int]
    columns: dict[str, dict[str, ColumnProfile]]
    headers: dict[str, list[str]]


MAX_LEVELS = 50
