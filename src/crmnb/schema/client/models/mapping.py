"""Sources, and how their columns become those of the canonical tables."""

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Discriminator, Field, StringConstraints, Tag, model_validator

from crmnb.schema.client.models.values import NUMBER, Character, Name, Share, Strict, Texts


class Condition(Strict):
    """A condition on a column of a source: all that is declared must hold. A value or a list of values stands for `is`.

    `is`: the value is one of these. `not`: it is none of these (nor is an empty cell). `filled`: there is a value, or there is
    none. `starts_with`: the value begins with this text.
    """

    among: Texts = Field((), alias="is")
    without: Texts = Field((), alias="not")
    filled: bool | None = None
    starts_with: str = ""

    @model_validator(mode="before")
    @classmethod
    def _of_values(cls, data: Any) -> Any:
        return {"is": data} if isinstance(data, str | int | float | list | tuple) else data


class ColumnValue(Strict):
    """A column that no header gives: a constant, or the file and record number of the row as a key.

    A constant is written as everywhere in YAML, whatever the formats of the source: 12.5, 2025-12-31, true.
    """

    value: Annotated[
        str | None, BeforeValidator(lambda value: str(value).lower() if isinstance(value, bool) else value)
    ] = None
    row_number: bool = False

    @model_validator(mode="after")
    def _check_form(self) -> "ColumnValue":
        if (self.value is None) == (not self.row_number):
            raise ValueError("write either {value: ...} or {row_number: true}")
        return self


HEADER, VALUE = UNION_TAGS = ("(header)", "(value)")  # that pydantic puts into the place of an error


Header = Annotated[
    Annotated[str, Tag(HEADER)] | Annotated[ColumnValue, Tag(VALUE)],
    Discriminator(lambda value: VALUE if isinstance(value, dict | ColumnValue) else HEADER),
]


class Split(Strict):
    """A column whose cells hold several values, parted by `separator`.

    `flags` (column: value) makes a column of true and false for each value named; without it each value becomes a row of its own, and
    the key of the row gets its number: `551/1`, `551/2`.
    """

    separator: Annotated[str, StringConstraints(strip_whitespace=False, min_length=1, max_length=5)] = ";"
    flags: dict[Name, str] = {}


class ColumnTimes(Strict):
    """The time zone and the format of the times of one column, where they differ from those of its source."""

    time_zone: str | None = None
    date_format: Texts = ()


class Source(Strict):
    """A source of rows: a file, several files by a pattern (relative to the parameters file), or a database.

    `database` is an address (postgresql://..., sqlite:///file). It may contain `${NAME}`, an environment variable that is
    read when needed and never stored. A database needs `table`, or `select`, a query. `sheets` are read together, `["*"]`
    means all, and by default there must be only one. `header` is the number of the record with the column names.
    `date_format` is a format of strptime, "excel" for day numbers, "epoch_s", "epoch_ms" or "epoch_us" for times since 1970, or a list of
    such formats, and applies to all times of the source; the default is ISO (2025-12-31 23:59). `time_zone` is that of times without a
    mark of their own (Z, UTC, +02:00), by default the client's; a day without a time of day stays that day. `times` says both for a single column, by header. `signs` may precede or follow a number and are removed (EUR, %). `columns` (header: type)
    declares types of a source that a `query:` reads; other columns of a text format stay text. `personal` are the columns
    (headers) whose values no message may show.

    Rows that are no data: `rows_after_header`, so many after the header of each file or sheet; `where`, conditions by header, of which all
    must hold; and records that repeat the header. They are counted apart from rejected rows. `fill_down`: headers whose empty cells take the
    value above them, before `where` is applied.
    """

    file: str | None = None
    format: Literal["csv", "excel", "json", "parquet"] | None = None  # default: by the file's ending
    sheets: tuple[str, ...] = ()
    database: str | None = None
    table: str | None = None
    select: str | None = None
    header: Annotated[int, Field(ge=1, le=1_000_000), NUMBER] = 1
    delimiter: Character = ","
    encoding: str = "utf-8"
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ".", ",", " ", "'"] = ""
    signs: tuple[str, ...] = ()
    date_format: Texts = ()
    time_zone: str | None = None
    times: dict[str, ColumnTimes] = {}
    missing: tuple[str, ...] = ("",)
    columns: dict[str, str] = {}
    personal: tuple[str, ...] = ()
    rows_after_header: Annotated[int, Field(ge=0, le=1000), NUMBER] = 0
    fill_down: tuple[str, ...] = ()
    where: dict[str, Condition] = {}

    def of_column(self, header: str) -> "Source":
        """The source with the time zone and the format of the times of a column."""
        own = self.times.get(header)
        if own is None:
            return self
        changes = {"time_zone": own.time_zone or self.time_zone, "date_format": own.date_format or self.date_format}
        return self.model_copy(update=changes)


class Refunds(Strict):
    """What rows with negative amounts are: refunds of an order, or credit notes of a customer.

    `parent`: the column of the source with the key of the order that a row refunds. `stand_alone`: whether a row without such
    an order is a credit note, which reduces revenue in the period of its own date and is no order.
    """

    parent: str | None = None
    stand_alone: bool = False

    @model_validator(mode="after")
    def _says_something(self) -> "Refunds":
        if not (self.parent or self.stand_alone):
            raise ValueError("declare `parent` (a column), or `stand_alone: true`")
        return self


class Lines(Strict):
    """The source lines behind the rows of a table's query. `key` is the column of the source with the row's key.

    `totals`: a column of the table, and the SQL expression over a line whose sum it should equal.
    """

    source: str
    key: str
    totals: dict[Name, str] = {}


class Mapping(Strict):
    """How a canonical table is made: from the `columns` of a `source`, or by a `query` over the sources.

    A column is a header, a constant (`{value: relationship}`), or the place of the row as a key (`{row_number: true}`). `where`: conditions
    by header, as of a source, for this table alone. `split`: columns whose cells hold several values. `types` are those of the client's own attributes, which are text by default. `lines` links the lines of a source to
    the rows of a query, so that lines without a row are counted. `refunds`: what rows with negative
    amounts are.
    """

    source: str | None = None
    columns: dict[Name, Header] = {}
    where: dict[str, Condition] = {}
    split: dict[Name, Split] = {}
    ignore_case: tuple[
        Name, ...
    ] = ()  # keys that are the same whatever their case and blanks; stored in small letters, without blanks
    query: str | None = None
    lines: Lines | None = None
    refunds: Refunds | None = None
    types: dict[Name, str] = {}
    values: dict[Name, dict[str, str]] = {}
    personal: tuple[Name, ...] = ()
    bad_rows_allowed: Share = 0.05  # the share of a table's rows that may be rejected

    @property
    def headers(self) -> dict[str, str]:
        """The columns that are read from a column of the source, with its header."""
        return {name: header for name, header in self.columns.items() if isinstance(header, str)}

    @property
    def constants(self) -> frozenset[str]:
        """The columns that are the same in all rows."""
        return frozenset(
            name for name, column in self.columns.items() if not isinstance(column, str) and column.value is not None
        )

    @property
    def flags(self) -> dict[str, tuple[str, str]]:
        """The columns of true and false that cells with several values become: the column that is split, and the value."""
        return {flag: (name, value) for name, split in self.split.items() for flag, value in split.flags.items()}
