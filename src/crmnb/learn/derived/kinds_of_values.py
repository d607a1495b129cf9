"""Kinds of figures that are made of values: means, medians, and medians of times of which some are still open; with the usual wrong ways."""

from statistics import median

from crmnb.learn.declaration import Row
from crmnb.learn.derived import added_rows
from crmnb.learn.derived.scope import NOTHING, Kind, ScopeWay, by_customer, common_ways, ratio, sum_of

Ways = list[tuple[str, str, ScopeWay]]


def mean(factor: float, counted: str, base: str) -> Kind:
    """The mean of `value` over the rows."""

    def figure(rows: list[Row]) -> float:
        return ratio(sum_of(rows, "value"), len(rows), factor)

    def values(scope) -> list[float]:
        return sorted(row["value"] for row in scope.chosen)

    ways: Ways = [
        (
            "the median",
            "You took the middle value. The mean is the sum divided by the number.",
            lambda s: factor * median(values(s)) if s.chosen else NOTHING,
        ),
        ("a sum", f"You gave the sum. Divide it by the number of rows ({base}).", lambda s: factor * sum(values(s))),
        (
            "middle of the ends",
            "You took the middle between the smallest and the largest value.",
            lambda s: factor * (values(s)[0] + values(s)[-1]) / 2 if s.chosen else NOTHING,
        ),
        (
            "a missing value as 0",
            "You counted a missing value as 0. What is missing is left out above and below.",
            lambda s: ratio(sum_of(s.chosen, "value"), len(s.chosen) + s.too_many, factor),
        ),
        (
            "the largest left out",
            "You left the largest value out. It may be unusual, but it counts.",
            lambda s: ratio(sum(values(s)[:-1]), len(s.chosen) - 1, factor),
        ),
        (
            "the base of all years",
            "You divided the sum of one year by the rows of all.",
            lambda s: ratio(sum_of(s.chosen, "value"), len(s.all_years), factor),
        ),
        (
            "average of customers' means",
            "You averaged the means of the customers. Then one with a single row weighs as much as one with many.",
            lambda s: ratio(sum(figure(group) for group in by_customer(s.chosen)), len(by_customer(s.chosen))),
        ),
        (
            "per customer",
            "You divided by customers. The base is every row.",
            lambda s: ratio(sum_of(s.chosen, "value"), len(by_customer(s.chosen)), factor),
        ),
    ]
    return Kind(
        figure,
        (*ways, *common_ways(figure)),
        f"Add up the values ({counted}), and divide by the number of rows ({base}).",
        added_rows.of_values(),
        {"value": counted},
    )


def middle(factor: float, counted: str, base: str) -> Kind:
    """The median of `value`."""

    def values(rows: list[Row]) -> list[float]:
        return sorted(row["value"] for row in rows)

    def figure(rows: list[Row]) -> float:
        return factor * median(values(rows)) if rows else NOTHING

    def lower(scope) -> float:
        return factor * values(scope.chosen)[(len(scope.chosen) - 1) // 2] if scope.chosen else NOTHING

    def unsorted(scope) -> float:
        return factor * scope.chosen[len(scope.chosen) // 2]["value"] if scope.chosen else NOTHING

    ways: Ways = [
        (
            "the mean",
            "You took the mean. A few large values pull it up; the median is the value in the middle.",
            lambda s: ratio(sum_of(s.chosen, "value"), len(s.chosen), factor),
        ),
        ("not put in order", "You took the middle row without putting the values in order.", unsorted),
        ("one of two in the middle", "There are two values in the middle: take the middle between them.", lower),
        (
            "middle of the ends",
            "You took the middle between the smallest and the largest value.",
            lambda s: factor * (values(s.chosen)[0] + values(s.chosen)[-1]) / 2 if s.chosen else NOTHING,
        ),
        ("the smallest", "You gave the smallest value.", lambda s: factor * min(values(s.chosen), default=NOTHING)),
        ("the largest", "You gave the largest value.", lambda s: factor * max(values(s.chosen), default=NOTHING)),
        (
            "a missing value as 0",
            "You counted a missing value as 0. What is missing is left out.",
            lambda s: factor * median([*values(s.chosen), *[0] * s.too_many]),
        ),
        (
            "the largest left out",
            "You left the largest value out. It counts like any other.",
            lambda s: factor * median(values(s.chosen)[:-1] or [0]),
        ),
    ]
    return Kind(
        figure,
        (*ways, *common_ways(figure)),
        "Put the values in order and take the middle one, of an even number the middle between two.",
        added_rows.of_values(),
        {"value": counted},
    )


def cases(factor: float, counted: str, base: str) -> Kind:
    """The median of `duration` of cases of which some (`event` = 0) are still open: Kaplan-Meier, by hand."""

    def figure(rows: list[Row]) -> float:
        remaining = 1.0
        for time in sorted({row["duration"] for row in rows if row["event"]}):
            at_risk = sum(row["duration"] >= time for row in rows)
            ended = sum(row["event"] and row["duration"] == time for row in rows)
            remaining *= 1 - ended / at_risk
            if remaining <= 0.5 + 1e-12:
                return time
        return NOTHING

    def durations(rows: list[Row], ended: bool = True) -> list[float]:
        return [row["duration"] for row in rows if row["event"] or not ended]

    def middle_of(values: list[float]) -> float:
        return median(values) if values else NOTHING

    ways: Ways = [
        (
            "open cases left out",
            "You took the median of those that ended. The long ones are still open: left out, they make it too short.",
            lambda s: middle_of(durations(s.chosen)),
        ),
        (
            "open cases taken for ended",
            "You took the time so far of open cases for their whole time. They will take longer.",
            lambda s: middle_of(durations(s.chosen, ended=False)),
        ),
        (
            "the mean of those that ended",
            "You took a mean, and left the open cases out.",
            lambda s: ratio(sum(durations(s.chosen)), len(durations(s.chosen))),
        ),
        (
            "the mean",
            "You took the mean of all times, open cases so far included.",
            lambda s: ratio(sum(durations(s.chosen, ended=False)), len(s.chosen)),
        ),
        (
            "the longest",
            "You gave the longest time of those that ended.",
            lambda s: max(durations(s.chosen), default=NOTHING),
        ),
        (
            "the shortest",
            "You gave the shortest time of those that ended.",
            lambda s: min(durations(s.chosen), default=NOTHING),
        ),
    ]
    hint = (
        "Go from the shortest time to the longest. At each end, multiply what remains by 1 - ended / still open just before. "
        "The median is the time at which no more than half remains."
    )
    columns = {
        "duration": "the time until the end, or seen so far",
        "event": "1 where it has ended, 0 where it is open",
    }
    return Kind(figure, (*ways, *common_ways(figure)), hint, added_rows.of_cases(), columns)
