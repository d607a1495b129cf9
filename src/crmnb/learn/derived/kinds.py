"""Kinds of figures: shares, means, ratios, net scores, counts, medians and times of open cases, of plain rows, and the usual wrong ways to each.

Each is a second, plain way to what the suite computes; a lesson uses it only where it gives the hand count.
"""

from statistics import median

from crmnb.learn.declaration import YEAR, Row
from crmnb.learn.derived.scope import NOTHING, Kind, ScopeWay, by_customer, common_ways, ratio, sum_of

Ways = list[tuple[str, str, ScopeWay]]


def share(factor: float, counted: str, base: str) -> Kind:
    """The share of the rows with `met` = 1. counted, base: in words."""

    def figure(rows: list[Row]) -> float:
        return ratio(sum_of(rows, "met"), len(rows), factor)

    def own(scope) -> float:
        return sum_of(scope.chosen, "met")

    ways: Ways = [
        ("the others", f"You gave the share of the others. Asked are {counted}.", lambda s: factor - figure(s.chosen)),
        ("a count", f"You gave a number of {counted}. A share also needs its base: {base}.", own),
        (
            "the base of all years",
            f"You divided {counted} of {YEAR} by the base of all years. Both must be of the same period.",
            lambda s: ratio(own(s), len(s.all_years), factor),
        ),
        (
            "the base of the year before",
            "You divided by the base of the year before. Both must be of the same period.",
            lambda s: ratio(own(s), len(s.earlier), factor),
        ),
        (
            "against the others",
            "You divided by the others, not by all. That is a ratio of two groups (odds), and no share.",
            lambda s: ratio(own(s), len(s.chosen) - own(s), factor),
        ),
        (
            "the base of all groups",
            "You divided by the rows of all groups. The base is the group's own.",
            lambda s: ratio(own(s), len(s.all_breakdowns), factor),
        ),
        (
            "customers instead of rows",
            "You counted customers. Here every row counts, however many a customer has.",
            lambda s: _of_customers(s.chosen, factor),
        ),
        (
            "average of customers' rates",
            "You averaged the rates of the customers. Then one with a single row weighs as much as one with many.",
            lambda s: ratio(sum(figure(group) for group in by_customer(s.chosen)), len(by_customer(s.chosen))),
        ),
        (
            "one base unit too many",
            "You counted a row in the base that has no answer, or is beyond the end of the period.",
            lambda s: ratio(own(s), len(s.chosen) + 1, factor),
        ),
    ]
    hint = f"Count the rows with `met` = 1, divide by all rows of the base ({base})" + (
        ", times 100." if factor == 100 else "."
    )
    return Kind(figure, (*ways, *common_ways(figure)), hint, _traps({"met": 1}, {"met": 0}))


def _of_customers(rows: list[Row], factor: float) -> float:
    groups = by_customer(rows)
    return ratio(sum(any(row["met"] for row in group) for group in groups), len(groups), factor)


def net(factor: float, counted: str, base: str) -> Kind:
    """The share of rows with `met` = 1 less that with `met` = -1."""

    def figure(rows: list[Row]) -> float:
        return ratio(sum_of(rows, "met"), len(rows), factor)

    def number(rows: list[Row], sign: int) -> int:
        return sum(row["met"] == sign for row in rows)

    ways: Ways = [
        (
            "the favourable only",
            "You left the unfavourable out. The score is what remains after them.",
            lambda s: ratio(number(s.chosen, 1), len(s.chosen), factor),
        ),
        (
            "the unfavourable only",
            "You gave the share of the unfavourable.",
            lambda s: ratio(number(s.chosen, -1), len(s.chosen), factor),
        ),
        (
            "the middle left out",
            "You divided by those at both ends. Those in the middle are part of the base.",
            lambda s: ratio(sum_of(s.chosen, "met"), len(s.chosen) - number(s.chosen, 0), factor),
        ),
        (
            "a count",
            "You gave a difference of two numbers. It is to be divided by all.",
            lambda s: sum_of(s.chosen, "met"),
        ),
        (
            "added",
            "You added both ends. The score is their difference.",
            lambda s: ratio(number(s.chosen, 1) + number(s.chosen, -1), len(s.chosen), factor),
        ),
        (
            "one base unit too many",
            "You counted a row in the base that has no answer.",
            lambda s: ratio(sum_of(s.chosen, "met"), len(s.chosen) + 1, factor),
        ),
    ]
    return Kind(
        figure,
        (*ways, *common_ways(figure)),
        f"Take those with -1 from those with 1, and divide by all ({base}).",
        _traps({"met": 1}, {"met": 0}),
    )


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
            lambda s: ratio(sum_of(s.chosen, "value"), len(s.chosen) + 1, factor),
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
        f"Add up `value`, and divide by the number of rows ({base}).",
        _traps("largest", "smallest"),
    )


def sums(factor: float, counted: str, base: str) -> Kind:
    """The sum of `amount` over the sum of `out_of`."""

    def figure(rows: list[Row]) -> float:
        return ratio(sum_of(rows, "amount"), sum_of(rows, "out_of"), factor)

    def average(scope) -> float:
        rates = [row["amount"] / row["out_of"] for row in scope.chosen if row["out_of"]]
        return ratio(sum(rates), len(rates), factor)

    ways: Ways = [
        (
            "average of the rows' ratios",
            "You averaged the ratios of the rows. Then a small row weighs as much as a large one.",
            average,
        ),
        (
            "upside down",
            f"You divided the base by what is counted. The base ({base}) goes below.",
            lambda s: ratio(sum_of(s.chosen, "out_of"), sum_of(s.chosen, "amount"), factor),
        ),
        ("not divided", f"You gave the sum. Divide it by the base: {base}.", lambda s: sum_of(s.chosen, "amount")),
        ("the base alone", "You gave the base.", lambda s: sum_of(s.chosen, "out_of")),
        (
            "divided by the rows",
            "You divided by the number of rows, not by the sum of the base.",
            lambda s: ratio(sum_of(s.chosen, "amount"), len(s.chosen), factor),
        ),
        ("the others", "You gave what is missing to the whole.", lambda s: factor - figure(s.chosen)),
        (
            "the base of all years",
            "You divided the sum of one year by the base of all.",
            lambda s: ratio(sum_of(s.chosen, "amount"), sum_of(s.all_years, "out_of"), factor),
        ),
        (
            "the base of all groups",
            "You divided by the base of all groups. The base is the group's own.",
            lambda s: ratio(sum_of(s.chosen, "amount"), sum_of(s.all_breakdowns, "out_of"), factor),
        ),
        ("the first row left out", "You left the first row out.", lambda s: figure(s.chosen[1:])),
    ]
    return Kind(
        figure,
        (*ways, *common_ways(figure)),
        f"Add up `amount` and `out_of` by themselves, then divide the first by the second ({base}).",
    )


def count(factor: float, counted: str, base: str) -> Kind:
    """The number of the rows."""

    def figure(rows: list[Row]) -> float:
        return factor * len(rows)

    ways: Ways = [
        (
            "customers instead of rows",
            f"You counted customers. Asked is how many {counted} there were.",
            lambda s: len(by_customer(s.chosen)),
        ),
        (
            "all years together",
            "You counted the rows of all years. A figure is of its period.",
            lambda s: figure(s.all_years),
        ),
        ("the year before", f"You counted the year before. The question is about {YEAR}.", lambda s: figure(s.earlier)),
        ("all groups pooled", "You counted all groups. Asked is one of them.", lambda s: figure(s.all_breakdowns)),
        ("a monthly average", "You divided by twelve. Asked is the number of the year.", lambda s: len(s.chosen) / 12),
        ("counted twice", "You counted the line of totals as well.", lambda s: 2 * len(s.chosen)),
        (
            "the last one left out",
            "You left a row out: the last instant of a period belongs to it.",
            lambda s: len(s.chosen) - 1,
        ),
        ("one too many", "You counted a row twice, or one beyond the end of the period.", lambda s: len(s.chosen) + 1),
        (
            "the change",
            "You gave the difference from the year before. Asked is the number itself.",
            lambda s: len(s.chosen) - len(s.earlier),
        ),
    ]
    return Kind(figure, tuple(ways), f"Count the rows of {YEAR}, each once: {counted}.", _traps({}, {}))


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
            lambda s: factor * median([0, *values(s.chosen)]),
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
        _traps("largest", "smallest"),
    )


def number(factor: float, counted: str, base: str) -> Kind:
    """The number of the rows with `met` = 1."""

    def figure(rows: list[Row]) -> float:
        return sum_of(rows, "met")

    ways: Ways = [
        ("all rows", f"You counted all rows. Asked are {counted}.", lambda s: len(s.chosen)),
        ("the others", "You counted the others.", lambda s: len(s.chosen) - figure(s.chosen)),
        ("a share", "You gave a share. Asked is a number.", lambda s: ratio(figure(s.chosen), len(s.chosen), 100)),
        (
            "the last one left out",
            "You left one out: the last instant of a period belongs to it.",
            lambda s: figure(s.chosen) - 1,
        ),
        ("one too many", "You counted one twice, or one beyond the end of the period.", lambda s: figure(s.chosen) + 1),
    ]
    hint = f"Count the rows of {YEAR} with `met` = 1."
    return Kind(figure, (*ways, *common_ways(figure)), hint, _traps({"met": 1}, {"met": 0}))


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
    return Kind(figure, (*ways, *common_ways(figure)), hint, _case_traps())


def _case_traps() -> tuple:
    ask = f"{{}} of {YEAR} is added. Which way does the median go?"
    return (
        (
            "a long open case",
            ask.format("A case that is open, for longer than all others,"),
            "It is one more that lasts longer than the median, though nobody knows how long.",
            lambda chosen: max(chosen, key=lambda row: row["duration"]) | {"event": 0} if chosen else None,
        ),
        (
            "a short case",
            ask.format("A case that ended sooner than all others"),
            "It pulls the median down, or leaves it where two of its neighbours are alike.",
            lambda chosen: (
                chosen[-1] | {"event": 1, "duration": min(row["duration"] for row in chosen)} if chosen else None
            ),
        ),
    )


def _traps(first: object, second: object) -> tuple:
    """Rows that are added: one of the year, another of the year, and one of the year before."""

    def like(what: object):
        def row(chosen: list[Row]) -> Row | None:
            if not chosen:
                return None
            if what in ("largest", "smallest"):
                return (max if what == "largest" else min)(chosen, key=lambda r: r["value"])
            return chosen[-1] | what

        return row

    names = {"largest": "the largest value once more", "smallest": "the smallest value once more"}
    name = names.get(first) if isinstance(first, str) else ("a row that is counted" if first else "one more row")
    ask = f"Another row of {YEAR} is added: {name}. Which way does the figure go?"
    traps = [(name, ask, "The row counts, in what is counted and in the base.", like(first))]
    if second != first:
        other = names.get(second) if isinstance(second, str) else "a row that is not counted"
        traps.append(
            (
                other,
                f"Another row of {YEAR} is added: {other}. Which way does the figure go?",
                "It moves the figure towards itself.",
                like(second),
            )
        )
    traps.append(
        (
            "a row of the year before",
            f"A row of {YEAR - 1} is found that was missing. Which way does the figure of {YEAR} go?",
            "A row of another period is in no figure of this one.",
            lambda chosen: (chosen[-1] | {"year": YEAR - 1}) if chosen else None,
        )
    )
    return tuple(traps)
