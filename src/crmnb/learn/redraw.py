"""Redraw: the lesson's data again, a little different, so that a repeat cannot be answered from memory."""

from collections.abc import Iterable
from itertools import pairwise
from math import isfinite
from random import Random

from crmnb.learn.declaration import Exercise, Plan, Row, Tables, apply, tables_of

_ATTEMPTS = 300
Clash = tuple[str, str, str]


def drawn(plan: Plan, seed: str) -> Tables:
    """A variation of the lesson's tables by a seed, on which the right value and all misconceptions differ if at all possible."""
    return drawn_with_clashes(plan, seed)[0]


def drawn_with_clashes(plan: Plan, seed: str) -> tuple[Tables, list[Clash]]:
    """The variation, and what cannot be told apart on it.

    Of several variations the first is taken in which nothing clashes, else the one with the fewest clashes.
    """
    exercises = list(plan.exercises.values())
    if not plan.by_table:
        return _drawn(plan, exercises, plan.tables, seed)
    parts = [_drawn(plan, [e], {name: plan.tables[name] for name in tables_of(e.value)}, seed) for e in exercises]
    return {name: rows for part, _ in parts for name, rows in part.items()}, [
        pair for _, pairs in parts for pair in pairs
    ]


def _drawn(plan: Plan, exercises: list[Exercise], tables: Tables, seed: str) -> tuple[Tables, list[Clash]]:
    fewest: tuple[Tables, list[Clash]] | None = None
    for attempt in range(_ATTEMPTS):
        random = Random(f"{plan.metric} {seed} {attempt}")  # noqa: S311 -- exercises, not secrets
        variation = (plan.redraw or varied)(tables, random)
        pairs = clashes(plan, variation, exercises)
        if fewest is None or len(pairs) < len(fewest[1]):
            fewest = variation, pairs
        if not pairs:
            break
    return fewest


def clashes(plan: Plan, tables: Tables, exercises: Iterable[Exercise] | None = None) -> list[Clash]:
    """The pairs of ways that cannot be told apart on these tables: (exercise, way, other way); "" is the right one.

    A way without a number cannot be taken for another; an exercise without one is a clash of the right way with itself.
    """
    pairs: list[Clash] = []
    for exercise in plan.exercises.values() if exercises is None else exercises:
        values = values_of(plan, exercise, tables)
        if not isfinite(values[""]):
            pairs.append((exercise.name, "", ""))
        ranked = sorted((value, name) for name, value in values.items() if isfinite(value))
        pairs += [
            (exercise.name, *sorted((name, other)))
            for (value, name), (next_value, other) in pairwise(ranked)
            if next_value - value <= 2 * exercise.tolerance
        ]
    return pairs


def values_of(plan: Plan, exercise: Exercise, tables: Tables) -> dict[str, float]:
    """The right value of an exercise on these tables, as "", and that of each of its misconceptions by name."""
    values = {"": apply(exercise.value, tables)}
    return values | {way.name: apply(way.value, tables) for way in plan.misconceptions_of(exercise.name)}


def varied(tables: Tables, random: Random) -> Tables:
    """Every table with some rows less and some values exchanged between rows; keys and times stay with their rows."""
    return {name: _varied(rows, random) for name, rows in tables.items()}


def _varied(rows: list[Row], random: Random) -> list[Row]:
    remaining = [dict(row) for row in rows if random.random() > 0.1] or [dict(row) for row in rows]
    columns = [name for name in remaining[0] if not name.endswith(("_id", "_at", "month"))] if remaining else []
    for row in remaining:
        for column in columns:
            if random.random() < 0.3:
                row[column] = random.choice(rows)[column]
    return remaining
