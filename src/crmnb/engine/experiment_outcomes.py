"""Experiment outcomes: the units of the client's experiments with their outcomes, of the units' own columns or of other tables.

A column per place of an outcome in its experiment: `y_0`, `y_1`, ... the outcomes, `z_0`, ... what belongs to one (the covariate of CUPED, or what a ratio is
divided by), `x_0`, ... the covariates. All are floats, empty where nothing is known.
"""

from collections.abc import Callable, Iterable

import duckdb

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.engine.query import quoted
from crmnb.schema.client import Client, Experiment, Outcome
from crmnb.schema.tables import TABLES

Counting = Callable[[str], duckdb.DuckDBPyRelation]  # from a table's name to its rows that count


def experiment_outcomes(
    client: Client, units: duckdb.DuckDBPyRelation, counting: Counting, con: duckdb.DuckDBPyConnection
) -> duckdb.DuckDBPyRelation:
    """The units of the declared experiments with their outcomes; `followed_until`: when all of a unit's outcomes are known.

    Raises Unavailable where an outcome is of a table that the client does not have.
    """
    joins, columns = [], {}
    for name, experiment in client.experiments.items():
        own = f"u.experiment = {_text(name)}"
        for at, outcome in enumerate(experiment.outcomes.values()):
            values = _values(outcome, own, units, counting, joins)
            for kind, value in zip("yz", values, strict=True):
                if value:
                    columns.setdefault(f"{kind}_{at}", []).append((own, value))
                if kind == "z" and value and outcome.has_before:
                    columns.setdefault(f"x_{len(experiment.covariates) + _before(experiment, outcome)}", []).append(
                        (own, value)
                    )
        for at, covariate in enumerate(experiment.covariates):
            columns.setdefault(f"x_{at}", []).append((own, _number(covariate, units)))
    picked = "".join(f", {_case(cases)} as {name}" for name, cases in columns.items())
    until = _case(
        (f"u.experiment = {_text(name)}", f"u.assigned_at + interval {experiment.follow_up_days} day")
        for name, experiment in client.experiments.items()
    )
    return con.sql(f"""
        select u.*, {until or "u.assigned_at"} as followed_until {picked}
        from ({units.sql_query()}) u {" ".join(joins)}""")


def _before(experiment: Experiment, outcome: Outcome) -> int:
    """The place of an outcome among those of which the time before is known."""
    return [own for own in experiment.outcomes.values() if own.has_before].index(outcome)


def _values(
    outcome: Outcome, own: str, units: duckdb.DuckDBPyRelation, counting: Counting, joins: list[str]
) -> tuple[str, str]:
    """The SQL of an outcome and of what belongs to it ("" where nothing does); joins: those that it needs are added."""
    if not outcome.table:
        other = outcome.per or outcome.before
        return _number(outcome.column, units), _number(other, units) if other else ""
    table, name = counting(outcome.table), f"j_{len(joins)}"
    columns = TABLES[outcome.table].time, _amount(outcome, table)
    days = "u.assigned_at", f"u.assigned_at + interval {outcome.within_days} day"
    joins.append(_join(name, units, table, columns, own, days))
    counted, summed = f"coalesce({name}.rows, 0)", f"coalesce({name}.amount, 0)"
    value = f"least({counted}, 1)" if outcome.kind == "rate" else summed if outcome.column else counted
    value, counted = f"{value}::double", f"{counted}::double"
    if outcome.is_ratio:
        return value, counted
    if not outcome.before_days:
        return value, ""
    before = f"j_{len(joins)}"
    days = f"u.assigned_at - interval {outcome.before_days} day", "u.assigned_at"
    joins.append(_join(before, units, table, columns, own, days))
    return value, value.replace(f"{name}.", f"{before}.")


def _amount(outcome: Outcome, table: duckdb.DuckDBPyRelation) -> str:
    """The SQL of what a row adds; of an order's amount, what was not refunded."""
    if not outcome.column:
        return "0"
    if (outcome.table, outcome.column) == ("orders", "amount") and "refunded_amount" in table.columns:
        return "r.amount - coalesce(r.refunded_amount, 0)"
    return f"r.{quoted(outcome.column)}"


def _join(
    name: str,
    units: duckdb.DuckDBPyRelation,
    table: duckdb.DuckDBPyRelation,
    columns: tuple[str, str],
    own: str,
    days: tuple[str, str],
) -> str:
    """The SQL that joins the rows of a unit's customer from a start on, before an end: their number and their sum.

    columns: the rows' time, and the SQL of what a row adds. days: the SQL of start and end.
    """
    (time, amount), (start, end) = columns, days
    return f"""
        left join (
            select u.unit_id, count(*) as rows, sum({amount}) as amount
            from ({units.sql_query()}) u join ({table.sql_query()}) r
            on r.customer_id = u.customer_id and r.{time} >= {start} and r.{time} < {end}
            where {own} group by u.unit_id) {name}
        on {own} and {name}.unit_id = u.unit_id"""


def _number(column: str, units: duckdb.DuckDBPyRelation) -> str:
    """The SQL of a column of the units as a float. Raises Unavailable for one that is not there, or holds texts."""
    types = dict(zip(units.columns, map(str, units.types), strict=True))
    if column not in types:
        raise Unavailable(Note("needs_column", column=f"experiment_units.{column}"))
    if types[column] == "VARCHAR":
        raise Unavailable(Note("outcome_is_text", column=column))
    return f"u.{quoted(column)}::double"


def _case(cases: Iterable[tuple[str, str]]) -> str:
    steps = " ".join(f"when {condition} then {value}" for condition, value in cases)
    return f"case {steps} end" if steps else ""


def _text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"
