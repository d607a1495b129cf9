"""What a parameters file holds, as models; what each key allows."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, model_validator
from pydantic_core import PydanticCustomError

NAME = r"^[a-z][a-z0-9_]*$"
CURRENCY = r"^[A-Z]{3}$"
REFERENCE = r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}"  # to a variable of the environment, in the address of a database
SEGMENT_COLUMN = r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$"

MOST_CUTS = 49  # of a segmentation: more make more levels than are told apart (crmnb.engine.segments)


def _no_flag(value: Any) -> Any:
    """The value, unless it is true or false, which Python takes for 1 and 0."""
    if isinstance(value, bool):
        raise PydanticCustomError("float_type", "true and false are no numbers")
    return value


# Every number in a parameters file has bounds: beyond them is a slip, and engines of dates and floats overflow.
_NUMBER = BeforeValidator(_no_flag)
Days = Annotated[int, Field(ge=0, le=3650), _NUMBER]
Answer = Annotated[int, Field(ge=-10_000, le=10_000), _NUMBER]
Units = Annotated[int, Field(ge=1, le=100_000), _NUMBER]
Money = Annotated[float, Field(ge=-1e15, le=1e15), _NUMBER]
Share = Annotated[float, Field(ge=0, le=1), _NUMBER]
Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2199, 12, 31))]  # within the years that a period may have
Cuts = Annotated[tuple[Annotated[float, Field(ge=-1e15, le=1e15), _NUMBER], ...], Field(max_length=MOST_CUTS)]
Years = Annotated[tuple[Annotated[float, Field(ge=0.05, le=100), _NUMBER], ...], Field(max_length=MOST_CUTS)]

Name = Annotated[str, Field(pattern=NAME)]
Character = Annotated[str, StringConstraints(strip_whitespace=False, min_length=1, max_length=1)]  # may be a tab


class _Strict(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, str_strip_whitespace=True, coerce_numbers_to_str=True, allow_inf_nan=False
    )


class Source(_Strict):
    """Where rows come from: a file, several by a glob (relative to the parameters file), or a database.

    `database` is an address (postgresql://..., sqlite:///file) and may hold `${NAME}`, read from the environment when
    it is used and never kept; then `table` names what is read, or `select` is a query to the database.
    `sheets` are read as one, all of them for `["*"]`; by default the only one. `header` is the record that holds the
    columns' names. `date_format` is strptime's, or "excel" for day numbers, and holds for all the source's times;
    without it they are ISO (2025-12-31 23:59). `signs` may stand before or after a number and are left out (EUR, %).
    `columns` (theirs: type) types a source that a `query:` reads; a text format's untyped columns stay text.
    `personal` are the columns (theirs) whose values no message may show.
    """

    file: str | None = None
    format: Literal["csv", "excel", "json", "parquet"] | None = None  # by default from the file's ending
    sheets: tuple[str, ...] = ()
    database: str | None = None
    table: str | None = None
    select: str | None = None
    header: Annotated[int, Field(ge=1, le=1_000_000), _NUMBER] = 1
    delimiter: Character = ","
    encoding: str = "utf-8"
    decimal: Literal[".", ","] = "."
    thousands: Literal["", ".", ",", " ", "'"] = ""
    signs: tuple[str, ...] = ()
    date_format: str | None = None
    missing: tuple[str, ...] = ("",)
    columns: dict[str, str] = {}
    personal: tuple[str, ...] = ()


class Lines(_Strict):
    """The lines that a table's query makes rows of: `key`, the column (theirs) that holds the row's key, and `totals`.

    `totals`: a column of the table (ours) and the SQL over a line whose sum it should be.
    """

    source: str
    key: str
    totals: dict[Name, str] = {}


class Mapping(_Strict):
    """How one canonical table is made: `columns` (ours: theirs) of a `source`, or a `query` over the sources.

    `types` are those of the client's own attributes, which are text otherwise. `lines` says how the lines of a source
    reach the rows of a query, so that lines that reach none are counted.
    """

    source: str | None = None
    columns: dict[Name, str] = {}
    query: str | None = None
    lines: Lines | None = None
    types: dict[Name, str] = {}
    values: dict[Name, dict[str, str]] = {}
    personal: tuple[Name, ...] = ()
    bad_rows_allowed: Share = 0.05  # share of a table's rows that may be quarantined


class Item(_Strict):
    """A survey item: the ends of its scale, and which way it points.

    `up`: a higher answer is better; `effort`: 1 = very low effort; `ease`: high = easy. `top_box`: the lowest answer that counts as
    satisfied; without it, the second highest on scales of 4 to 11 answers. `survey_weights`: the weight of each survey in one figure
    over several, which then does not move with their mix; without them, each survey stands by itself.
    """

    name: str = ""
    scale: tuple[Answer, Answer]
    top_box: Answer | None = None
    survey_weights: dict[str, Annotated[float, Field(gt=0, le=1e6), _NUMBER]] = {}
    direction: Literal["up", "effort", "ease"] = "up"
    asks: str = ""


class Churn(_Strict):
    """How a customer is lost: `contractual` (customers.left_at or subscriptions.ended_at) or by `inactivity`.

    By inactivity, a customer at t is one with an order in `[t - inactivity_days, t)`.
    """

    kind: Literal["contractual", "inactivity"]
    table: Literal["customers", "subscriptions", "orders"] = "orders"
    inactivity_days: Days = 0

    @property
    def history_days(self) -> int:
        """Days of history that knowing who is a customer needs."""
        return self.inactivity_days if self.kind == "inactivity" else 0


class Gain(_Strict):
    """What a programme brought that would not have come without it, as a test measured it: margin, and its interval's ends."""

    gain: Money
    low: Money
    high: Money

    @model_validator(mode="after")
    def _in_order(self) -> "Gain":
        if not self.low <= self.gain <= self.high:
            raise ValueError("low, gain and high are to be in this order")
        return self


class Worth(_Strict):
    """What is to be known of money that no table says.

    `margin_rate`: the share of net revenue that is margin, where `orders.margin` is not mapped. `discount_rate`: a year's.
    `horizon_months`: how far ahead a customer's value is predicted. `profitable_margin`: the margin in a period from which on a
    customer counts as profitable. `acquisition_lag_months`: how much earlier is spent what wins the customers of a month.
    `books`: net revenue by period, as the client's books say. `gains`: by programme of the costs, what it brought in all.
    """

    margin_rate: Annotated[float, Field(ge=0.0001, le=1), _NUMBER] | None = None
    discount_rate: Annotated[float, Field(ge=0, lt=1), _NUMBER] = 0.10
    horizon_months: Annotated[int, Field(ge=1, le=600), _NUMBER] = 36
    profitable_margin: Money = 0.0
    acquisition_lag_months: Annotated[int, Field(ge=0, le=24), _NUMBER] = 0
    books: dict[str, Annotated[float, Field(gt=0, le=1e15), _NUMBER]] = {}
    gains: dict[str, Gain] = {}


class Dates(str):
    """What a client's dates are exact to, `day` or `month`, as a metric takes it."""


class Segment(_Strict):
    """A segmentation: a column `table.column`, as it is or in bands.

    `bands` cut a number; `years` cut the time since a date (as at the period's start), both at the given values.
    """

    column: Annotated[str, Field(pattern=SEGMENT_COLUMN)]
    bands: Cuts = ()
    years: Years = ()


class Segments(dict[str, Segment]):
    """A client's segmentations by name, as a metric takes them."""


class Privacy(_Strict):
    """Fewer units than `min_base` are marked low base; fewer than `suppress_below` are suppressed everywhere.

    `expose_customers`: whether lists of single customers (by their keys) stand on the client's pages, not only the analysts'.
    """

    min_base: Units = 30
    suppress_below: Units = 10
    expose_customers: bool = False


class Client(_Strict):
    """One client's parameters. `id` is the file's name without its ending, `folder` the folder it lies in."""

    id: Name
    folder: Path
    name: str
    currency: Annotated[str, Field(pattern=CURRENCY)]
    locale: str = "en_GB"
    time_zone: str = "UTC"
    fiscal_year_starts: Annotated[int, Field(ge=1, le=12), _NUMBER] = 1
    data_from: Day | None = None  # the first day that the data cover
    data_until: Day | None = None  # the last day that the data cover
    dates_exact_to: Literal["day", "month"] = "day"  # "month": nothing shorter than a month is shown
    sources: dict[Name, Source]
    tables: dict[Name, Mapping]
    data_folders: tuple[Annotated[str, Field(min_length=1)], ...] = ()  # beside this file's, in which its files may lie
    obtain: str = ""  # where whoever lacks the files can get them
    items: dict[Name, Item] = {}
    churn: Churn | None = None
    worth: Worth = Worth()
    segments: dict[Name, Segment] = {}
    free_orders: bool = False  # whether an order of the amount 0 is a purchase; else it counts nowhere
    comparison: Literal["previous", "year_before"] | None = (
        None  # by default see `crmnb.evaluate.settings.compared_with`
    )
    level: Annotated[float, Field(gt=0.5, le=0.9999), _NUMBER] = 0.95
    settings: dict[Name, dict[str, Any]] = {}  # metric: {setting: value}
    targets: dict[Name, Money] = {}  # metric: value, in the metric's unit
    objectives: tuple[Name, ...] = ()  # metrics of the headline tiles, in order
    privacy: Privacy = Privacy()

    @property
    def cutoff(self) -> datetime | None:
        """The declared end of the data, half-open."""
        if self.data_until is None:
            return None
        return datetime.combine(self.data_until, datetime.min.time()) + timedelta(days=1)
