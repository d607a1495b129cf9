"""Customers: when one is lost, what one is worth, how they are segmented, and what may be shown of few."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from crmnb.schema.client.models.values import NUMBER, SEGMENT_COLUMN, Cuts, Days, Money, Name, Strict, Units, Years


class Churn(Strict):
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


class Gain(Strict):
    """The incremental margin of a programme, as a test measured it, with its interval."""

    gain: Money
    low: Money
    high: Money

    @model_validator(mode="after")
    def _in_order(self) -> "Gain":
        if not self.low <= self.gain <= self.high:
            raise ValueError("low, gain and high must be in ascending order")
        return self


class Worth(Strict):
    """Financial settings that no table holds.

    `margin_rate`: the share of net revenue that is margin, where `orders.margin` is not mapped. `discount_rate`: per year.
    `horizon_months`: the horizon of predicted customer value. `profitable_margin`: the margin in a period from which a
    customer counts as profitable. `acquisition_lag_months`: the months between acquisition costs and the new customers.
    `books`: net revenue by period in the client's accounts. `gains`: the incremental margin by programme of the costs.
    """

    margin_rate: Annotated[float, Field(ge=0.0001, le=1), NUMBER] | None = None
    discount_rate: Annotated[float, Field(ge=0, lt=1), NUMBER] = 0.10
    horizon_months: Annotated[int, Field(ge=1, le=600), NUMBER] = 36
    profitable_margin: Money = 0.0
    acquisition_lag_months: Annotated[int, Field(ge=0, le=24), NUMBER] = 0
    books: dict[str, Annotated[float, Field(gt=0, le=1e15), NUMBER]] = {}
    gains: dict[str, Gain] = {}


class Segment(Strict):
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


class Privacy(Strict):
    """Fewer units than `min_base` are marked as low base; fewer than `suppress_below` are suppressed everywhere.

    `expose_customers`: whether the client's pages may list single customers by key; analysts always see the lists.
    """

    min_base: Units = 30
    suppress_below: Units = 10
    expose_customers: bool = False

    def raised(self, suppress_below: int) -> "Privacy":
        """The same where fewer than so many units are suppressed, whatever the client declares."""
        return self.model_copy(update={"suppress_below": max(self.suppress_below, suppress_below)})
