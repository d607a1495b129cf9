"""The types of values that keys allow, with their bounds."""

from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints, WithJsonSchema
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
NUMBER = BeforeValidator(_reject_bool)
Days = Annotated[int, Field(ge=0, le=3650), NUMBER]
Answer = Annotated[int, Field(ge=-10_000, le=10_000), NUMBER]
Units = Annotated[int, Field(ge=1, le=100_000), NUMBER]
Money = Annotated[float, Field(ge=-1e15, le=1e15), NUMBER]
Share = Annotated[float, Field(ge=0, le=1), NUMBER]
Day = Annotated[date, Field(ge=date(1900, 1, 1), le=date(2199, 12, 31))]  # the years that periods support
Cuts = Annotated[tuple[Annotated[float, Field(ge=-1e15, le=1e15), NUMBER], ...], Field(max_length=MAX_CUTS)]
Years = Annotated[tuple[Annotated[float, Field(ge=0.05, le=100), NUMBER], ...], Field(max_length=MAX_CUTS)]
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


class Strict(BaseModel):
    """A model that allows no other keys, and does not change."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, str_strip_whitespace=True, coerce_numbers_to_str=True, allow_inf_nan=False
    )
