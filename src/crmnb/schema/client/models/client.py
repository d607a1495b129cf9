"""All that a parameters file declares."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from crmnb.schema.client.models.alerts import Alerts
from crmnb.schema.client.models.customers import Churn, Privacy, Segment, Segments, Worth
from crmnb.schema.client.models.data_quality import DataQuality
from crmnb.schema.client.models.experiments import Experiment, Initiative
from crmnb.schema.client.models.mapping import Mapping, Source
from crmnb.schema.client.models.service import Service
from crmnb.schema.client.models.surveys import Employees, Feedback, Item, Market, Relationship
from crmnb.schema.client.models.values import CURRENCY, NUMBER, Day, Money, Name, Phrase, Strict


class TimeZone(str):
    """A client's time zone, as the argument of a metric."""


class Dates(str):
    """The precision of a client's dates, `day` or `month`, as the argument of a metric."""


class Client(Strict):
    """The parameters of a client. `id` is the file's name without its ending, `folder` its folder."""

    id: Name
    folder: Path
    name: str
    currency: Annotated[str, Field(pattern=CURRENCY)]
    locale: str = "en_GB"
    time_zone: str = "UTC"
    fiscal_year_starts: Annotated[int, Field(ge=1, le=12), NUMBER] = 1
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
        Annotated[str, Field(pattern=CURRENCY)], Annotated[float, Field(gt=0, le=1e9), NUMBER] | Literal["exclude"]
    ] = {}
    free_orders: bool = False  # whether an order with the amount 0 counts as a purchase
    comparison: Literal["previous", "year_before"] | None = (
        None  # by default see `crmnb.evaluate.settings.compared_with`
    )
    level: Annotated[float, Field(gt=0.5, le=0.9999), NUMBER] = 0.95
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
