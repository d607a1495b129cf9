"""The models of a parameters file, and what each key allows."""

from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Discriminator,
    Field,
    StringConstraints,
    Tag,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from crmnb.core.paths import NAME

CURRENCY = r"^[A-Z]{3}$"
LANGUAGE = r"^[a-z]{2}$"
REFERENCE = r"\$\{([A-Za-z_][A-Za-z0-9_]*)\}"  # an environment variable in the address of a database
HOLIDAYS = r"^[A-Z]{2}(-[A-Z0-9]{1,3})?$"  # a country, or a part of one
CLOCK_TIME = r"^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$"
BLOCK = r"^[a-z][a-z0-9_]*(:[1-9][0-9]?)?$"  # a column, or its first characters
SEGMENT_COLUMN = r"^[a-z][a-z0-9_]*\.[a-z][a-z0-9_]*$"

TEAM_COLUMN = "employee_responses.team"  # the only key that a segmentation may be by: many answers share a team

INDEX = "index"  # what the relationship index is called among the constructs of `relationship`

MAX_CUTS = 49  # of a segmentation: more would make more levels than are shown (crmnb.engine.segments)


def _reject_bool(value: Any) -> Any:
    """The value, unless it is true or false, which Python treats as 1 and 0."""
    if isinstance(value, bool):
        raise PydanticCustomError("float_type", "true and false are not numbers")
    return value


# Every number has bounds: values beyond them are typing errors, and dates and floats would overflow.
_NUMBER = BeforeValidator(_reject_bool)
Days = Annotated[int, Field(ge=0, le=3650), _NUMBER]
Answer = Annotated[int, Field(ge=-10_000, le=10_000), _NUMBER]
Units = Annotated[int, Field(ge=1, le=100_000), _NUMBER]
Money = Annotated[float, Field(ge=-1e15, le=1e15), _NUMBER]
Share = Annotated[float, Field(ge=0, le=1), _NUMBER]
Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2199, 12, 31))]  # the years that periods support
Cuts = Annotated[tuple[Annotated[float, Field(ge=-1e15, le=1e15), _NUMBER], ...], Field(max_length=MAX_CUTS)]
Years = Annotated[tuple[Annotated[float, Field(ge=0.05, le=100), _NUMBER], ...], Field(max_length=MAX_CUTS)]

Name = Annotated[str, Field(pattern=NAME)]


def _as_list(value: Any) -> Any:
    return (value,) if isinstance(value, str | int | float) else value


_TEXT = {"type": "string"}
# A text, or a list of texts.
Texts = Annotated[
    tuple[str, ...],
    BeforeValidator(_as_list),
    WithJsonSchema({"anyOf": [_TEXT, {"type": "array", "items": _TEXT}]}, mode="validation"),
]
Weekday = Literal["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"]
ClockTime = Annotated[str, Field(pattern=CLOCK_TIME)]  # 24:00 is the end of the day
Construct = Annotated[str, Field(min_length=1, max_length=40)]  # what several survey items measure together
Phrase = Annotated[str, Field(min_length=1, max_length=60)]  # a word, or several
Character = Annotated[str, StringConstraints(strip_whitespace=False, min_length=1, max_length=1)]  # may be a tab


class _Strict(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, str_strip_whitespace=True, coerce_numbers_to_str=True, allow_inf_nan=False
    )


class Condition(_Strict):
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


class ColumnValue(_Strict):
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


class Split(_Strict):
    """A column whose cells hold several values, parted by `separator`.

    `flags` (column: value) makes a column of true and false for each value named; without it each value becomes a row of its own, and
    the key of the row gets its number: `551/1`, `551/2`.
    """

    separator: Annotated[str, StringConstraints(strip_whitespace=False, min_length=1, max_length=5)] = ";"
    flags: dict[Name, str] = {}


class ColumnTimes(_Strict):
    """The time zone and the format of the times of one column, where they differ from those of its source."""

    time_zone: str | None = None
    date_format: Texts = ()


class Source(_Strict):
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
    header: Annotated[int, Field(ge=1, le=1_000_000), _NUMBER] = 1
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
    rows_after_header: Annotated[int, Field(ge=0, le=1000), _NUMBER] = 0
    fill_down: tuple[str, ...] = ()
    where: dict[str, Condition] = {}

    def of_column(self, header: str) -> "Source":
        """The source with the time zone and the format of the times of a column."""
        own = self.times.get(header)
        if own is None:
            return self
        changes = {"time_zone": own.time_zone or self.time_zone, "date_format": own.date_format or self.date_format}
        return self.model_copy(update=changes)


class Refunds(_Strict):
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


class Lines(_Strict):
    """The source lines behind the rows of a table's query. `key` is the column of the source with the row's key.

    `totals`: a column of the table, and the SQL expression over a line whose sum it should equal.
    """

    source: str
    key: str
    totals: dict[Name, str] = {}


class Mapping(_Strict):
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


class Item(_Strict):
    """A survey item: its scale and its direction.

    `up`: a higher answer is better; `effort`: 1 = very low effort; `ease`: high = easy. `top_box`: the lowest answer that
    counts as satisfied, by default the second highest on scales of 4 to 11 answers and the highest of two or three. `survey_weights`: the weights of the
    surveys in a combined figure, which then does not depend on their mix; without weights, each survey is shown alone.
    """

    name: str = ""
    scale: tuple[Answer, Answer]
    top_box: Answer | None = None
    survey_weights: dict[str, Annotated[float, Field(gt=0, le=1e6), _NUMBER]] = {}
    direction: Literal["up", "effort", "ease"] = "up"
    asks: str = ""


class Items(dict[str, Item]):
    """A client's survey items by name, as the argument of a metric."""

    @property
    def labels(self) -> dict[str, str]:
        """What each item is called: its declared name, followed by its key where another item has the same."""
        names = {key: item.name or key.replace("_", " ") for key, item in self.items()}
        return {
            key: name if list(names.values()).count(name) == 1 else f"{name} ({key})" for key, name in names.items()
        }


class Relationship(_Strict):
    """The relationship survey: an index of satisfaction with the whole relationship, what drives it, and what follows from it.

    `survey`: its name in survey_responses. `index`: the items of the index. `drivers` and `outcomes`: the items of each construct.
    `paths`: [from, to] pairs of constructs, in which the index is called `index`; by default every driver leads to the index, and the
    index to every outcome. `scheme`: of the inner weights of the PLS path model.
    """

    survey: Annotated[str, Field(min_length=1)] = "relationship"
    index: Annotated[tuple[Name, ...], Field(min_length=1)]
    drivers: Annotated[dict[Construct, Annotated[tuple[Name, ...], Field(min_length=1)]], Field(min_length=1)]
    outcomes: dict[Construct, Annotated[tuple[Name, ...], Field(min_length=1)]] = {}
    paths: tuple[tuple[Construct, Construct], ...] = ()
    scheme: Literal["path", "centroid", "factorial"] = "path"

    @property
    def constructs(self) -> dict[str, tuple[str, ...]]:
        """The items of every construct, the index among them."""
        return {**self.drivers, INDEX: self.index, **self.outcomes}

    @property
    def all_paths(self) -> tuple[tuple[str, str], ...]:
        """The declared paths, or the default ones."""
        default = (*((driver, INDEX) for driver in self.drivers), *((INDEX, outcome) for outcome in self.outcomes))
        return self.paths or default


class Feedback(_Strict):
    """What customers write in the comments of survey_responses, and how it is read.

    `language`: of the comments, two letters (ISO 639-1). `codebook`: the words and phrases of each theme; without one, so many
    `themes` are found in the comments, from words that are not among `stop_words`. `lexicon`: words and phrases with values, above 0
    where they are favourable. `library`: a lexicon of a library (English only). Sentiment comes from survey_responses.sentiment (scores
    from -1 to 1) where it is mapped, else from the lexicon, else from the labelled sample in survey_responses.sentiment_label.
    """

    language: Annotated[str, Field(pattern=LANGUAGE)] | None = None
    themes: Annotated[int, Field(ge=2, le=20), _NUMBER] = 6
    codebook: dict[Construct, Annotated[tuple[Phrase, ...], Field(min_length=1, max_length=200)]] = {}
    stop_words: tuple[Phrase, ...] = ()
    lexicon: dict[Phrase, Annotated[float, Field(ge=-1, le=1), _NUMBER]] = {}
    library: Literal["vader"] | None = None

    def __hash__(self) -> int:
        return hash(self.model_dump_json())


class Employees(_Strict):
    """The employee survey: the items of its two indices, engagement and customer-centric culture."""

    engagement: tuple[Name, ...] = ()
    culture: tuple[Name, ...] = ()


class Service(_Strict):
    """The service desk: its working hours, by which times of tickets are measured, and whether pages name its agents.

    `working_week`: by weekday, from when to when it works; without one, hours are those of the calendar, day and night. `holidays`: the
    public holidays on which it does not work, of a country (GB) or a part of one (GB-ENG), as the package `holidays` lists them.
    `closed`: other days on which it does not work. `name_agents`: whether pages show the names of agents; otherwise they are coded
    A1, A2 and so on.
    """

    working_week: dict[Weekday, tuple[ClockTime, ClockTime]] = {}
    holidays: Annotated[str, Field(pattern=HOLIDAYS)] | None = None
    closed: tuple[Day, ...] = ()
    name_agents: bool = False


class Market(_Strict):
    """The client's place in its market: its own brand, and what a brand survey asks about it.

    `own_brand`: what the client is called among the competitors of `market` and the brands of `brand_survey`. `rest`: the names in `market`
    that stand for several small competitors together. `pillars`: the survey items of each pillar of brand equity.
    """

    own_brand: Phrase
    rest: tuple[Phrase, ...] = ()
    pillars: dict[Construct, Annotated[tuple[Name, ...], Field(min_length=1)]] = {}

    def __hash__(self) -> int:
        return hash(self.model_dump_json())


class Outcome(_Strict):
    """An outcome of an experiment's units: a column of experiment_units, or what is in another table within so many days of the assignment.

    `kind`: a `rate` (whether it was so), a `mean` or `money`. With a `table`, a rate is whether a unit's customer has a row there, a mean the
    number of rows, and with a `column` its sum. `per`: of a ratio, the column of experiment_units that the other is divided by, or `rows` of the table. CUPED takes what a unit was like before the
    assignment: `before`, a column of experiment_units, or the same of so many days before (`before_days`). `smallest_effect`: the
    smallest effect worth finding, in points of a rate, else in the outcome's unit.
    """

    kind: Literal["rate", "mean", "money"]
    column: Name | None = None
    table: Name | None = None
    within_days: Annotated[int, Field(ge=1, le=3650), _NUMBER] | None = None
    per: Name | None = None
    before: Name | None = None
    before_days: Annotated[int, Field(ge=1, le=3650), _NUMBER] | None = None
    smallest_effect: Annotated[float, Field(gt=0, le=1e15), _NUMBER] | None = None

    @property
    def is_ratio(self) -> bool:
        """Whether it is a ratio of two sums."""
        return self.per is not None

    @property
    def has_before(self) -> bool:
        """Whether it is known of the time before the assignment."""
        return self.before is not None or self.before_days is not None


class Peeking(_Strict):
    """That results are looked at before the experiment ends; `planned_units`: how many units were planned."""

    planned_units: Annotated[int, Field(ge=20, le=1_000_000_000), _NUMBER]


class Experiment(_Strict):
    """An experiment: units of the table experiment_units that chance put into arms.

    `arms`: the planned shares, in any unit ({letter: 1, no letter: 2}). `control`: the arm that the others are compared with. `covariates`: columns of experiment_units with
    numbers from before the assignment, in which the arms should be alike. `power`: the probability with which the smallest effect is to be found.
    """

    arms: Annotated[dict[Phrase, Annotated[float, Field(gt=0, le=1e9), _NUMBER]], Field(min_length=2, max_length=10)]
    control: Phrase
    outcomes: Annotated[dict[Name, Outcome], Field(min_length=1, max_length=20)]
    covariates: Annotated[tuple[Name, ...], Field(max_length=20)] = ()
    peeking: Peeking | None = None
    power: Annotated[float, Field(ge=0.5, le=0.999), _NUMBER] = 0.8

    @property
    def treated(self) -> tuple[str, ...]:
        """The arms that are compared with the control."""
        return tuple(arm for arm in self.arms if arm != self.control)

    @property
    def follow_up_days(self) -> int:
        """The days after the assignment until all outcomes of a unit are known."""
        return max((outcome.within_days or 0 for outcome in self.outcomes.values()), default=0)


class Experiments(dict[str, Experiment]):
    """A client's experiments by what the table calls them, as the argument of a metric."""


class Duplicates(_Strict):
    """How near duplicates among the records of a table are found: by `fields` that are compared as texts.

    `blocks`: two records are compared only if they agree in all columns of one of these lists, where `name:4` stands for the
    first four characters of a name; by default they must agree in one of the fields. `similarity`: from which mean Jaro-Winkler
    similarity of the fields (0 to 1) on they are duplicates.
    """

    fields: Annotated[tuple[Name, ...], Field(min_length=1, max_length=10)]
    blocks: Annotated[
        tuple[Annotated[tuple[Annotated[str, Field(pattern=BLOCK)], ...], Field(min_length=1)], ...],
        Field(max_length=10),
    ] = ()
    similarity: Annotated[float, Field(ge=0.5, le=1), _NUMBER] = 0.92


class DataQuality(_Strict):
    """What the client expects of the data.

    `required`: columns by table that are to be filled, beside those that every client needs. `duplicates`: by table, how near
    duplicates are found. `freshness_hours`: by table, how old its newest record may be.
    """

    required: dict[Name, Annotated[tuple[Name, ...], Field(min_length=1)]] = {}
    duplicates: dict[Name, Duplicates] = {}
    freshness_hours: dict[Name, Annotated[float, Field(gt=0, le=87_600), _NUMBER]] = {}


class TimeZone(str):
    """A client's time zone, as the argument of a metric."""


class Churn(_Strict):
    """How a customer is lost: `contractual` (customers.left_at or subscriptions.ended_at) or by `inactivity`.

    By inactivity, a customer at t is one with an order in `[t - inactivity_days, t)`.
    """

    kind: Literal["contractual", "inactivity"]
    table: Literal["customers", "subscriptions", "orders"] = "orders"
    inactivity_days: Days = 0

    @property
    def history_days(self) -> int:
        """Days of history needed to know who is a customer."""
        return self.inactivity_days if self.kind == "inactivity" else 0


class Gain(_Strict):
    """The incremental margin of a programme, as a test measured it, with its interval."""

    gain: Money
    low: Money
    high: Money

    @model_validator(mode="after")
    def _in_order(self) -> "Gain":
        if not self.low <= self.gain <= self.high:
            raise ValueError("low, gain and high must be in ascending order")
        return self


class Worth(_Strict):
    """Financial settings that no table holds.

    `margin_rate`: the share of net revenue that is margin, where `orders.margin` is not mapped. `discount_rate`: per year.
    `horizon_months`: the horizon of predicted customer value. `profitable_margin`: the margin in a period from which a
    customer counts as profitable. `acquisition_lag_months`: the months between acquisition costs and the new customers.
    `books`: net revenue by period in the client's accounts. `gains`: the incremental margin by programme of the costs.
    """

    margin_rate: Annotated[float, Field(ge=0.0001, le=1), _NUMBER] | None = None
    discount_rate: Annotated[float, Field(ge=0, lt=1), _NUMBER] = 0.10
    horizon_months: Annotated[int, Field(ge=1, le=600), _NUMBER] = 36
    profitable_margin: Money = 0.0
    acquisition_lag_months: Annotated[int, Field(ge=0, le=24), _NUMBER] = 0
    books: dict[str, Annotated[float, Field(gt=0, le=1e15), _NUMBER]] = {}
    gains: dict[str, Gain] = {}


class Dates(str):
    """The precision of a client's dates, `day` or `month`, as the argument of a metric."""


class Segment(_Strict):
    """A segmentation: a column `table.column`, by its values or in bands.

    `bands` are limits of a number; `years` are limits of the time since a date (at the period's start). `families`: those whose
    metrics are broken down by it; all by default.
    """

    column: Annotated[str, Field(pattern=SEGMENT_COLUMN)]
    bands: Cuts = ()
    years: Years = ()
    families: tuple[Name, ...] = ()


class Segments(dict[str, Segment]):
    """A client's segmentations by name, as the argument of a metric."""


class Initiative(_Strict):
    """Something that began in some units at known days, to see what it changed.

    `metric`: the id of the metric whose change is its effect; `breakdown` names one of it where it has several. `by`: the segmentation, or the
    column `table.column`, whose levels are the units. `starts`: the first day by unit; all other units are untouched. `champions`: who leads it
    there, by unit.
    """

    metric: Name
    breakdown: str = ""
    by: Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)?$")]
    starts: Annotated[dict[str, Day], Field(min_length=1)]
    champions: dict[str, Annotated[str, Field(min_length=1)]] = {}


class Initiatives(dict[str, Initiative]):
    """A client's initiatives by name, as the argument of a metric."""


class Privacy(_Strict):
    """Fewer units than `min_base` are marked as low base; fewer than `suppress_below` are suppressed everywhere.

    `expose_customers`: whether the client's pages may list single customers by key; analysts always see the lists.
    """

    min_base: Units = 30
    suppress_below: Units = 10
    expose_customers: bool = False

    def raised(self, suppress_below: int) -> "Privacy":
        """The same where fewer than so many units are suppressed, whatever the client declares."""
        return self.model_copy(update={"suppress_below": max(self.suppress_below, suppress_below)})


class Threshold(_Strict):
    """A metric must not lie `below` or `above` a value, in its unit; `segments`: nor must the levels of these segmentations."""

    metric: Name
    below: Money | None = None
    above: Money | None = None
    segments: tuple[Name, ...] = ()
    severity: Literal["warn", "error"] = "error"

    @model_validator(mode="after")
    def _has_limits(self) -> "Threshold":
        if self.below is None and self.above is None:
            raise ValueError("declare below, above, or both")
        return self


class Freshness(_Strict):
    """How old the newest row of a table may be when the report is made, in hours."""

    warn_after_hours: Annotated[float, Field(gt=0, le=87_600), _NUMBER] | None = None
    error_after_hours: Annotated[float, Field(gt=0, le=87_600), _NUMBER] | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "Freshness":
        _must_be_in_order("after_hours", self.warn_after_hours, self.error_after_hours)
        return self


class RejectedRows(_Strict):
    """Which percentage of a table's rows may be rejected."""

    warn_above: Annotated[float, Field(ge=0, le=100), _NUMBER] | None = None
    error_above: Annotated[float, Field(ge=0, le=100), _NUMBER] | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "RejectedRows":
        _must_be_in_order("above", self.warn_above, self.error_above)
        return self


def _must_be_in_order(name: str, warn: float | None, error: float | None) -> None:
    if warn is None and error is None:
        raise ValueError(f"declare warn_{name}, error_{name}, or both")
    if warn is not None and error is not None and warn >= error:
        raise ValueError(f"warn_{name} must be less than error_{name}")


class DeclaredChange(_Strict):
    """A change that the client knows of: from its month on the control charts of `metrics` (all, if none) have a new phase."""

    date: Day
    title: Annotated[str, Field(min_length=1, max_length=60)]
    metrics: tuple[Name, ...] = ()


class Alerts(_Strict):
    """What raises an alert. By table: `freshness` and `rejected_rows`. `control_charts`: the severity of a signal on an objective's chart.

    `cool_down_days`: for so long an alert that lasts is not raised again.
    """

    thresholds: tuple[Threshold, ...] = ()
    freshness: dict[Name, Freshness] = {}
    rejected_rows: dict[Name, RejectedRows] = {}
    control_charts: Literal["warn", "error", "off"] = "warn"
    changes: tuple[DeclaredChange, ...] = ()
    cool_down_days: Days = 7


class Client(_Strict):
    """The parameters of a client. `id` is the file's name without its ending, `folder` its folder."""

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
    data_folders: tuple[Annotated[str, Field(min_length=1)], ...] = ()  # other folders that may hold the client's files
    obtain: str = ""  # how to get the files
    items: dict[Name, Item] = {}
    relationship: Relationship | None = None
    feedback: Feedback | None = None
    employees: Employees | None = None
    service: Service = Service()
    market: Market | None = None
    experiments: dict[Phrase, Experiment] = {}
    data_quality: DataQuality = DataQuality()
    churn: Churn | None = None
    worth: Worth = Worth()
    segments: dict[Name, Segment] = {}
    initiatives: dict[Name, Initiative] = {}
    # What an amount in another currency is worth in the client's: a factor, or `exclude` to leave out such rows.
    exchange_rates: dict[
        Annotated[str, Field(pattern=CURRENCY)], Annotated[float, Field(gt=0, le=1e9), _NUMBER] | Literal["exclude"]
    ] = {}
    free_orders: bool = False  # whether an order with the amount 0 counts as a purchase
    comparison: Literal["previous", "year_before"] | None = (
        None  # by default see `crmnb.evaluate.settings.compared_with`
    )
    level: Annotated[float, Field(gt=0.5, le=0.9999), _NUMBER] = 0.95
    settings: dict[Name, dict[str, Any]] = {}  # metric: {setting: value}
    targets: dict[Name, Money] = {}  # metric: value, in the metric's unit
    objectives: tuple[Name, ...] = ()  # the key metrics, in order
    # An objective in words: the metrics that serve it.
    scorecard: dict[
        Annotated[str, Field(min_length=1, max_length=60)], Annotated[tuple[Name, ...], Field(min_length=1)]
    ] = {}
    alerts: Alerts = Alerts()
    privacy: Privacy = Privacy()

    def segments_of(self, family: str) -> Segments:
        """The segmentations that are declared for a family: by these its metrics are broken down, and of these its models know."""
        own = {name: segment for name, segment in self.segments.items() if family in (segment.families or (family,))}
        return Segments(own)

    @property
    def cutoff(self) -> datetime | None:
        """The declared end of the data, half-open."""
        if self.data_until is None:
            return None
        return datetime.combine(self.data_until, datetime.min.time()) + timedelta(days=1)
