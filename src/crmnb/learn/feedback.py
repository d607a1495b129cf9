"""Feedback: what an answer shows: right, near, in another unit, a misconception by its name, wrong, or not attempted."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

from crmnb.learn.declaration import Exercise, Misconception, Tables, apply
from crmnb.learn.readable import Readable

Outcome = Literal["right", "near", "wrong unit", "named", "wrong", "not attempted"]

# The factors by which an answer in another unit differs, and what it then is.
_FACTORS = {
    "%": ((0.01, "a fraction; multiply it by 100"),),
    "points": ((0.01, "a fraction; multiply it by 100"),),
    "share": ((100, "a percentage; divide it by 100"),),
    "money": ((100, "in pence; divide it by 100"), (0.001, "in thousands; multiply it by 1000")),
    "days": ((24, "in hours; divide it by 24"), (1 / 7, "in weeks; multiply it by 7")),
    "hours": ((60, "in minutes; divide it by 60"), (1 / 24, "in days; multiply it by 24")),
    "s": ((1 / 60, "in minutes; multiply it by 60"), (1000, "in milliseconds; divide it by 1000")),
    "months": ((12, "twelve times the right one; is it in months?"), (1 / 12, "in years; multiply it by 12")),
}
_WRONG = "No, and it is none of the usual mistakes. `.hint()` helps."


@dataclass(frozen=True)
class Feedback(Readable):
    """What an answer shows, as a text; `names` are the misconceptions that lead to it."""

    outcome: Outcome
    text: str
    names: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return self.text

    @property
    def passed(self) -> bool:
        """Whether the exercise is done."""
        return self.outcome == "right"


def number_of(answer: Any) -> float | None:
    """An answer as a number: 7.69, "7,69", "62.5 %"; None where it is none."""
    if isinstance(answer, str):
        answer = answer.strip().rstrip("%").strip().replace(",", ".")
    try:
        number = float(answer)
    except (TypeError, ValueError):
        return None
    return None if math.isnan(number) else number


def is_blank(answer: Any) -> bool:
    """Whether nothing was answered: a starter passes `...`."""
    return answer is ... or answer is None or (isinstance(answer, str) and not answer.strip())


def judged(answer: Any, exercise: Exercise, ways: Iterable[Misconception], tables: Tables) -> Feedback:
    """What an answer to an exercise shows, computed on these tables.

    A misconception is recognised by its own result, so it goes before a rounded answer; where several lead to the number, all are named.
    """
    if is_blank(answer):
        return Feedback("not attempted", "Not attempted yet: put your answer in the place of `...`.")
    if (number := number_of(answer)) is None:
        return Feedback(
            "not attempted", f"{str(answer)[:40]!r} is not a number; the answer is one, in {exercise.unit}."
        )
    right = apply(exercise.value, tables)
    if agrees(number, right, exercise.tolerance):
        return Feedback("right", f"Right: {shown(right, exercise)}.")
    values = [(way, apply(way.value, tables)) for way in ways]
    if matches := [way for way, value in values if agrees(number, value, exercise.tolerance)]:
        return _named(matches)
    for factor, remark in _FACTORS.get(exercise.unit, ()):
        if right and rounds_to(number, right * factor):
            return Feedback("wrong unit", f"Right in another unit. Your answer is {remark}.", ("another unit",))
    if is_near(number, right, exercise):
        return Feedback("near", f"Nearly: this is rounding. Give {exercise.digits} decimals.")
    if matches := [way for way, value in values if is_rounded(number, value, exercise)]:
        return _named(matches)
    return Feedback("wrong", _WRONG)


def _named(matches: list[Misconception]) -> Feedback:
    if len(matches) == 1:
        return Feedback("named", f"No: {matches[0].name}. {matches[0].message}", (matches[0].name,))
    lines = "\n".join(f"- {way.name}. {way.message}" for way in matches)
    text = f"No. On these data {len(matches)} mistakes give this number; which is yours?\n{lines}"
    return Feedback("named", text, tuple(way.name for way in matches))


def agrees(number: float, value: float, tolerance: float) -> bool:
    """Whether a number is a value to within the tolerance."""
    return abs(number - value) <= tolerance * (1 + 1e-9)


def rounds_to(number: float, value: float) -> bool:
    """Whether a number is a value, or that rounded to two significant digits or more."""
    return math.isclose(number, value, rel_tol=1e-6) or any(
        math.isclose(number, float(f"{value:.{digits}g}"), rel_tol=1e-9) for digits in range(2, 8)
    )


def is_near(number: float, right: float, exercise: Exercise) -> bool:
    """Whether a number is the right one rounded to fewer decimals, cut off, or four tolerances away at most."""
    # Half a unit either way, since 62.5 is rounded to 63 by people and to 62 by Python.
    rounded = any(
        math.isclose(number, round(number, digits), abs_tol=1e-9) and agrees(number, right, 0.5 * 10**-digits)
        for digits in range(exercise.digits)
    )
    return rounded or abs(number - right) <= 4 * exercise.tolerance


def is_rounded(number: float, value: float, exercise: Exercise) -> bool:
    """Whether a number is a value rounded to one decimal less than asked for."""
    return (
        exercise.digits > 0
        and math.isfinite(value)
        and math.isclose(number, round(value, exercise.digits - 1), abs_tol=1e-9)
    )


def shown(value: float, exercise: Exercise) -> str:
    """A value as the exercise asks for it, with its unit."""
    text = f"{value:.{exercise.digits}f}"
    unit = "" if exercise.unit in ("count", "money") else f" {exercise.unit}"
    return f"{text}%" if exercise.unit == "%" else f"{text}{unit}"
