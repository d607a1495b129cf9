"""Redraw: the lesson's data again, a little different, so that a repeat cannot be answered from memory."""

from random import Random

from crmnb.learn.declaration import Plan, Row, Tables, apply

_ATTEMPTS = 300


def drawn(plan: Plan, seed: str) -> Tables:
    """A variation of the lesson's tables by a seed, on which the right value and all misconceptions differ if at all possible.

    Of several variations the first is taken in which nothing clashes, else the one with the fewest clashes.
    """
    fewest, chosen = None, plan.tables
    for attempt in range(_ATTEMPTS):
        random = Random(f"{plan.metric} {seed} {attempt}")  # noqa: S311 -- exercises, not secrets
        tables = (plan.redraw or varied)(plan.tables, random)
        number = len(clashes(plan, tables))
        if fewest is None or number < fewest:
            fewest, chosen = number, tables
        if not number:
            break
    return chosen


def clashes(plan: Plan, tables: Tables) -> list[tuple[str, str, str]]:
    """The pairs of ways that cannot be told apart on these tables: (exercise, way, other way); "" is the right one."""
    pairs = []
    for exercise in plan.exercises.values():
        values = {"": apply(exercise.value, tables)}
        values |= {way.name: apply(way.value, tables) for way in plan.misconceptions_of(exercise.name)}
        names = list(values)
        pairs += [
            (exercise.name, name, other)
            for at, name in enumerate(names)
            for other in names[at + 1 :]
            if not abs(values[name] - values[other]) > 2 * exercise.tolerance
        ]
    return pairs


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
