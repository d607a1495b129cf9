"""Derived lessons: every metric has one, made from its definition and its rows on the corner shop; no metric needs a second file.

Three forms, of which the first that fits is taken. Rows: the figure is counted from its evidence, by a plain kind that gives the hand
count. Numbers: the hand count's numbers are put together. Base: no pencil computes the figure (a model does), so its base is counted.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from random import Random

from crmnb.evaluate.settings import resolve
from crmnb.learn.corner_shop import corner_shop_book
from crmnb.learn.declaration import YEAR, Exercise, Misconception, Plan, Row, Tables, Trap, apply
from crmnb.learn.derived import arithmetic
from crmnb.learn.derived.base import base_kind, base_rows
from crmnb.learn.derived.claims import claims_of, misuses_of
from crmnb.learn.derived.evidence import evidence_rows, fitting, hidden_columns, keys_of, kinds_of, rows_left_out
from crmnb.learn.derived.scope import Kind, Scope, on_scope
from crmnb.learn.derived.simulated import with_transfer
from crmnb.learn.redraw import values_of
from crmnb.metrics.definition import Metric
from crmnb.report.text.cells import cell_words, column_words
from crmnb.report.text.sentences import as_sentence
from crmnb.report.text.settings import settings_phrases

FEWEST_WAYS = 4
_VARIATIONS = 12  # on which ways are compared
BRANCH = 40  # rows of the second branch, which are too many for a pencil


def derived_plan(metric: Metric) -> Plan:
    """The lesson that follows from a metric's definition. Raises ValueError where none of the forms fits, which no metric should."""
    for form in (_of_rows, _of_numbers, _of_base):
        if plan := form(metric):
            return plan
    raise ValueError(f"no lesson can be derived for {metric.id}")


def hand_counts(metric: Metric) -> dict[str, str]:
    """The hand count of each breakdown ("" where there is none)."""
    return (
        metric.hand_count
        if isinstance(metric.hand_count, dict)
        else {"": metric.hand_count}
        if metric.hand_count
        else {}
    )


# ---- Rows ------------------------------------------------------------------------------------------------------


def _of_rows(metric: Metric) -> Plan | None:
    evidence = evidence_rows(metric)
    for make, rows in kinds_of(evidence, rows_left_out(metric, evidence)):
        kind = make(metric.scaled, metric.numerator, metric.denominator or metric.numerator)
        for breakdown, expression in hand_counts(metric).items():
            shown = fitting(rows, breakdown)
            expected = _pencilled(expression) * metric.scaled
            counted = kind.figure(Scope.of(shown, breakdown).chosen)
            is_right = bool(shown) and math.isclose(counted, expected, rel_tol=1e-9, abs_tol=1e-9)
            if is_right and (plan := _plan_of_rows(metric, kind, shown, breakdown)):
                return with_transfer(plan, metric, make, breakdown)
    return None


def _pencilled(expression: str) -> float:
    try:
        tree = arithmetic.parsed(expression)
    except (ValueError, SyntaxError):
        return math.nan
    return arithmetic.value_of(tree, arithmetic.numbers_of(tree))


def _plan_of_rows(metric: Metric, kind: Kind, rows: list[Row], breakdown: str, what: str = "") -> Plan | None:
    """The lesson on rows; None where fewer than four wrong ways show on them."""
    name = f"{metric.title}, {breakdown}" if breakdown else metric.title
    hidden = hidden_columns(metric, rows)
    question = what or " ".join([f"{name}: what is it in {YEAR}?", *_known_words(metric, kind, rows, hidden)])
    tables = {"rows": rows, "branch": _second_branch(metric.id, rows)}
    of_base = metric.denominator if "met" in rows[0] and not what else ""
    base = f"and of these only {of_base}" if of_base else "and none without a value"
    hints = (
        _definition_hint(metric),
        f"Only rows of {YEAR}"
        + (f" with the breakdown {breakdown!r}" if breakdown else "")
        + f" belong to the figure, {base}. How many are there?",
        kind.hint,
    )
    unit, digits = (metric.unit, _digits(metric)) if not what else ("count", 0)
    q1 = Exercise(
        "q1",
        f"{question} Count with a pencil.",
        unit,
        hints,
        digits,
        on_scope("rows", kind.figure, breakdown),
        kind.hint,
    )
    q2 = Exercise(
        "q2",
        f'And in the second branch, whose rows are tables["branch"]? {question} Use pandas.',
        unit,
        (
            *hints[:2],
            f"{hints[2]} In pandas: `rows[(rows.year == {YEAR}) ...]`, then `len`, `sum()`, `mean()` or `median()`.",
        ),
        digits,
        on_scope("branch", kind.figure, breakdown),
        kind.hint,
    )
    ways = [
        Misconception(way, message, on_scope(table, function, breakdown, whole=True), (exercise,))
        for exercise, table in (("q1", "rows"), ("q2", "branch"))
        for way, message, function in kind.ways
    ]
    plan = _with_words(
        metric,
        tables,
        (q1, q2),
        ways,
        _row_traps(kind, rows, breakdown, hidden),
        breakdown if not what else None,
        _redraw_rows,
    )
    return replace(plan, hidden=hidden) if plan and plan.exercises else None


def _known_words(metric: Metric, kind: Kind, rows: list[Row], hidden: frozenset[str]) -> list[str]:
    """What a learner has to know to read the rows: the client's settings, and what columns hold that no client's file has."""
    book = corner_shop_book()
    settings = settings_phrases(resolve(metric, book.client)[1], book.client)
    if settings and book.period.cutoff:
        settings.append(f"the last day of the data: {book.period.cutoff - timedelta(microseconds=1):%Y-%m-%d}")
    columns = [f"`{name}`: {words}" for name, words in kind.columns.items() if name in rows[0] and name not in hidden]
    return [f"({'; '.join(words)}.)" for words in (settings, columns) if words]


def _definition_hint(metric: Metric) -> str:
    return metric.definition


def _digits(metric: Metric) -> int:
    if metric.unit == "count":
        return 0
    return 4 if metric.unit in ("share", "ratio", "hazard ratio") else 2


def _row_traps(kind: Kind, rows: list[Row], breakdown: str, hidden: frozenset[str]) -> tuple[Trap, ...]:
    """The traps for which the rows have a row to add; that one is added whatever the rows are when they are drawn again."""
    chosen = Scope.of(rows, breakdown).chosen
    traps = []
    for name, ask, because, row_of in kind.traps:
        if row := row_of(chosen):
            traps.append(Trap(name, ask.format(row=_row_words(row, hidden)), because, _adding(row), "q1"))
    return tuple(traps)


def _adding(row: Row) -> Callable[..., Tables]:
    return lambda rows: {"rows": [*rows, row]}


def _row_words(row: Row, hidden: frozenset[str]) -> str:
    """A row in words, without its key: `customer 003, sent at 2025-01-01, opened at empty`."""
    left_out = {*keys_of([row]), *hidden, "year"}
    if any(value == row.get("breakdown") for name, value in row.items() if name != "breakdown"):
        left_out.add("breakdown")
    return ", ".join(
        f"{column_words(name)} {cell_words(value) or 'empty'}" for name, value in row.items() if name not in left_out
    )


def _second_branch(metric: str, rows: list[Row]) -> list[Row]:
    return _resampled(rows, BRANCH, Random(metric))  # noqa: S311 -- a simulated shop


def _resampled(rows: list[Row], number: int, random: Random) -> list[Row]:
    """So many rows, drawn again and again from these, each under a key of its own; the customer stays."""
    keys = keys_of(rows)
    return [
        row | {key: f"{row[key]}-{place}" for key in keys if row[key] is not None}
        for place, row in enumerate(random.choices(rows, k=number), 1)
    ]


def _redraw_rows(tables: Tables, random: Random) -> Tables:
    """Both tables drawn again from their rows, in about the same number, so that every row stays one that there could be."""
    return {name: _resampled(rows, max(6, len(rows) + random.randint(-3, 3)), random) for name, rows in tables.items()}


# ---- Numbers ---------------------------------------------------------------------------------------------------


def _of_numbers(metric: Metric) -> Plan | None:
    """The numbers of a hand count, which are to be put together."""
    for breakdown, expression in hand_counts(metric).items():
        try:
            tree = arithmetic.parsed(expression)
        except (ValueError, SyntaxError):
            continue
        numbers = arithmetic.numbers_of(tree)
        if len(numbers) < 2:
            continue
        if plan := _plan_of_numbers(metric, tree, numbers, breakdown, expression):
            return plan
    return None


def _plan_of_numbers(metric: Metric, tree, numbers: list[float], breakdown: str, expression: str) -> Plan | None:
    name = f"{metric.title}, {breakdown}" if breakdown else metric.title
    what = [metric.numerator, metric.denominator] if metric.denominator and arithmetic.is_fraction(tree) else []
    other = arithmetic.varied(numbers, Random(metric.id))  # noqa: S311 -- a simulated shop
    tables = {"rows": _numbered(numbers, what), "branch": _numbered(other, what)}
    formula = f"The formula: {metric.formula.text}." if metric.formula else metric.definition
    steps = f"The pencil's steps on the corner shop: {expression}" + (", times 100." if metric.scaled == 100 else ".")
    hints = (metric.definition, formula, steps)
    ask = f"{name} in {YEAR}: a pencil found the numbers in the rows, in the order in which they are needed. Put them together."

    def figure(table: str, function) -> Callable[..., float]:
        def value(rows: list[Row]) -> float:
            return metric.scaled * function([row["number"] for row in rows])

        return (lambda rows: value(rows)) if table == "rows" else (lambda branch: value(branch))

    def right(values: list[float]) -> float:
        return arithmetic.value_of(tree, values)

    exercises = tuple(
        Exercise(q, text, metric.unit, hints, _digits(metric), figure(table, right), f"{formula} {steps}")
        for q, table, text in (
            ("q1", "rows", ask),
            ("q2", "branch", f'And of the second branch, whose numbers are tables["branch"]? {ask}'),
        )
    )
    ways = [
        Misconception(way, message, figure(table, function), (q,))
        for q, table in (("q1", "rows"), ("q2", "branch"))
        for way, message, function in arithmetic.other_steps(tree)
    ]
    traps = tuple(
        _number_trap(place, number) for place, number in enumerate(numbers) if number not in arithmetic.FIXED
    )[:3]
    return _with_words(
        metric, tables, exercises, ways, traps or (_number_trap(0, numbers[0]),), breakdown, _redraw_numbers
    )


def _numbered(numbers: list[float], what: list[str]) -> list[Row]:
    """Numbers as rows; what: what each is, where that is known."""
    rows = [{"place": place, "number": number} for place, number in enumerate(numbers, 1)]
    return [row | {"what": words} for row, words in zip(rows, what, strict=True)] if what else rows


def _number_trap(place: int, number: float) -> Trap:
    def larger(rows: list[Row]) -> Tables:
        return {"rows": [row | {"number": row["number"] * 1.5} if at == place else row for at, row in enumerate(rows)]}

    return Trap(
        f"number {place + 1} larger",
        f"Number {place + 1} is half as large again. Which way does the figure go?",
        "Follow the number through the steps: above the line it pulls the figure up, below the line down.",
        larger,
        "q1",
    )


def _redraw_numbers(tables: Tables, random: Random) -> Tables:
    return {
        name: [
            row | {"number": number}
            for row, number in zip(rows, arithmetic.varied([row["number"] for row in rows], random), strict=True)
        ]
        for name, rows in tables.items()
    }


# ---- Base ------------------------------------------------------------------------------------------------------


def _of_base(metric: Metric) -> Plan | None:
    """The base of a figure that no pencil can compute."""
    table, rows = base_rows(metric)
    kind, unit = base_kind(rows)
    reason = "its rows are too few for an exercise" if metric.hand_count else "no pencil computes it"
    ask = f"{metric.title}: {reason}, so check what goes in. How many {unit} does the table {table} have in {YEAR}?"
    return _plan_of_rows(metric, kind, rows, "", ask)


# ---- All forms ---------------------------------------------------------------------------------------------------


def _with_words(metric, tables, exercises, ways, traps, breakdown, redraw) -> Plan | None:
    """The plan with claims and slides; None where fewer than four wrong ways show on an exercise's rows."""
    plan = Plan(
        metric=metric.id,
        definition=metric.definition,
        question=f'The owner of the corner shop asks: "{metric.title}: what does it tell me?" {as_sentence(metric.why)}',
        tables=tables,
        exercises={exercise.name: exercise for exercise in exercises},
        misconceptions=tuple(ways),
        traps=traps,
        claims=claims_of,
        misuses=misuses_of(metric),
        breakdown=breakdown,
        redraw=redraw,
        by_table=True,
    )
    plan = replace(plan, misconceptions=_possible_ways(plan))
    return plan if all(_visible_ways(plan, exercise) >= FEWEST_WAYS for exercise in exercises) else None


def _possible_ways(plan: Plan) -> tuple[Misconception, ...]:
    """The ways that can be told apart: not those that lead to the right value, or to that of an earlier way, on these tables and on variations.

    Where no customer has two rows, for example, nobody can take customers for rows.
    """
    random = Random(plan.metric)  # noqa: S311 -- variations, not secrets
    variations = [plan.tables, *(plan.redraw(plan.tables, random) for _ in range(_VARIATIONS))]
    possible: list[Misconception] = []
    for exercise in plan.exercises.values():
        right = [apply(exercise.value, tables) for tables in variations]
        series = [right]
        for way in plan.misconceptions_of(exercise.name):
            values = [apply(way.value, tables) for tables in variations]
            if not any(_mostly_alike(values, other, exercise.tolerance) for other in series):
                series.append(values)
                possible.append(way)
    return tuple(possible)


def _mostly_alike(values: list[float], others: list[float], tolerance: float) -> bool:
    """Whether two ways cannot be told apart, or have no number, on a third of the variations or more."""
    alike = sum(
        not (math.isfinite(a) and math.isfinite(b) and abs(a - b) > 2 * tolerance)
        for a, b in zip(values, others, strict=True)
    )
    return alike * 3 >= len(values)


def _visible_ways(plan: Plan, exercise: Exercise) -> int:
    """How many wrong ways give another number than the right one, and than each other."""
    values = values_of(plan, exercise, plan.tables)
    right = values.pop("")
    if not math.isfinite(right):
        return 0
    apart: list[float] = [right]
    for value in values.values():
        if math.isfinite(value) and all(abs(value - other) > 2 * exercise.tolerance for other in apart):
            apart.append(value)
    return len(apart) - 1
