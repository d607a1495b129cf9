"""What raises an alert."""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from crmnb.schema.client.models.values import NUMBER, Day, Days, Money, Name, Strict


class Threshold(Strict):
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


class Freshness(Strict):
    """How old the newest row of a table may be when the report is made, in hours."""

    warn_after_hours: Annotated[float, Field(gt=0, le=87_600), NUMBER] | None = None
    error_after_hours: Annotated[float, Field(gt=0, le=87_600), NUMBER] | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "Freshness":
        _must_be_in_order("after_hours", self.warn_after_hours, self.error_after_hours)
        return self


class RejectedRows(Strict):
    """Which percentage of a table's rows may be rejected."""

    warn_above: Annotated[float, Field(ge=0, le=100), NUMBER] | None = None
    error_above: Annotated[float, Field(ge=0, le=100), NUMBER] | None = None

    @model_validator(mode="after")
    def _in_order(self) -> "RejectedRows":
        _must_be_in_order("above", self.warn_above, self.error_above)
        return self


def _must_be_in_order(name: str, warn: float | None, error: float | None) -> None:
    if warn is None and error is None:
        raise ValueError(f"declare warn_{name}, error_{name}, or both")
    if warn is not None and error is not None and warn >= error:
        raise ValueError(f"warn_{name} must be less than error_{name}")


class DeclaredChange(Strict):
    """A change that the client knows of: from its month on the control charts of `metrics` (all, if none) have a new phase."""

    date: Day
    title: Annotated[str, Field(min_length=1, max_length=60)]
    metrics: tuple[Name, ...] = ()


class Alerts(Strict):
    """What raises an alert. By table: `freshness` and `rejected_rows`. `control_charts`: the severity of a signal on an objective's chart.

    `cool_down_days`: for so long an alert that lasts is not raised again.
    """

    thresholds: tuple[Threshold, ...] = ()
    freshness: dict[Name, Freshness] = {}
    rejected_rows: dict[Name, RejectedRows] = {}
    control_charts: Literal["warn", "error", "off"] = "warn"
    changes: tuple[DeclaredChange, ...] = ()
    cool_down_days: Days = 7
