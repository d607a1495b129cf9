"""Kinds of figures that are made of rows: shares, net scores, ratios of sums and counts, and the usual wrong ways to each.

Each is a second, plain way to what the suite computes; a lesson uses it only where it gives the hand count.
"""

from crmnb.learn.declaration import YEAR, Row
from crmnb.learn.derived import added_rows
from crmnb.learn.derived.scope import Kind, ScopeWay, by_customer, common_ways, ratio, sum_of

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
            "rows without a value in the base",
            "You counted rows in the base that have no value here: not asked, not answered, or not finished.",
            lambda s: ratio(own(s), len(s.chosen) + s.too_many, factor),
        ),
    ]
    hint = f"Count {counted}, and divide by all rows of the base ({base})" + (", times 100." if factor == 100 else ".")
    columns = {"met": f"1 for {counted}, 0 for others of the base"}
    return Kind(figure, (*ways, *common_ways(figure)), hint, added_rows.of_condition(counted, base), columns)


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
            "rows without a value in the base",
            "You counted rows in the base that have no value here: not asked, not answered, or not finished.",
            lambda s: ratio(sum_of(s.chosen, "met"), len(s.chosen) + s.too_many, factor),
        ),
    ]
    return Kind(
        figure,
        (*ways, *common_ways(figure)),
        f"Take the unfavourable from the favourable, and divide by all ({base}).",
        added_rows.of_condition(counted, base),
        {"met": "1 for a favourable row, -1 for an unfavourable one, 0 for others"},
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
        f"Add up what is counted ({counted}) and its base ({base}), each by itself. Then divide the first by the second.",
        added_rows.of_sums(),
        {"amount": counted, "out_of": base},
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
    return Kind(figure, tuple(ways), f"Count the rows of {YEAR}, each once: {counted}.", added_rows.of_number())


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
    hint = f"Of the rows of {YEAR}, count {counted}."
    columns = {"met": f"1 for {counted}, 0 for others"}
    return Kind(figure, (*ways, *common_ways(figure)), hint, added_rows.of_condition(counted, base), columns)
