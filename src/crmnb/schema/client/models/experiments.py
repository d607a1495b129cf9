"""Experiments and initiatives."""

from typing import Annotated, Literal

from pydantic import Field

from crmnb.schema.client.models.values import NUMBER, Day, Name, Phrase, Strict


class Outcome(Strict):
    """An outcome of an experiment's units: a column of experiment_units, or what is in another table within so many days of the assignment.

    `kind`: a `rate` (whether it was so), a `mean` or `money`. With a `table`, a rate is whether a unit's customer has a row there, a mean the
    number of rows, and with a `column` its sum. `per`: of a ratio, the column of experiment_units that the other is divided by, or `rows` of the table. CUPED takes what a unit was like before the
    assignment: `before`, a column of experiment_units, or the same of so many days before (`before_days`). `smallest_effect`: the
    smallest effect worth finding, in points of a rate, else in the outcome's unit.
    """

    kind: Literal["rate", "mean", "money"]
    column: Name | None = None
    table: Name | None = None
    within_days: Annotated[int, Field(ge=1, le=3650), NUMBER] | None = None
    per: Name | None = None
    before: Name | None = None
    before_days: Annotated[int, Field(ge=1, le=3650), NUMBER] | None = None
    smallest_effect: Annotated[float, Field(gt=0, le=1e15), NUMBER] | None = None

    @property
    def is_ratio(self) -> bool:
        """Whether it is a ratio of two sums."""
        return self.per is not None

    @property
    def has_before(self) -> bool:
        """Whether it is known of the time before the assignment."""
        return self.before is not None or self.before_days is not None


class Peeking(Strict):
    """That results are looked at before the experiment ends; `planned_units`: how many units were planned."""

    planned_units: Annotated[int, Field(ge=20, le=1_000_000_000), NUMBER]


class Experiment(Strict):
    """An experiment: units of the table experiment_units that chance put into arms.

    `arms`: the planned shares, in any unit ({letter: 1, no letter: 2}). `control`: the arm that the others are compared with. `covariates`: columns of experiment_units with
    numbers from before the assignment, in which the arms should be alike. `power`: the probability with which the smallest effect is to be found.
    """

    arms: Annotated[dict[Phrase, Annotated[float, Field(gt=0, le=1e9), NUMBER]], Field(min_length=2, max_length=10)]
    control: Phrase
    outcomes: Annotated[dict[Name, Outcome], Field(min_length=1, max_length=20)]
    covariates: Annotated[tuple[Name, ...], Field(max_length=20)] = ()
    peeking: Peeking | None = None
    power: Annotated[float, Field(ge=0.5, le=0.999), NUMBER] = 0.8

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


class Initiative(Strict):
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
