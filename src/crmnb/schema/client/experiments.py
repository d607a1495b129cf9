"""Checks of the key `experiments` of a parameters file: the control is an arm, and outcomes are read from what is mapped."""

from collections.abc import Iterable, Iterator

from crmnb.core.errors import nearest
from crmnb.schema.client.models.client import Client
from crmnb.schema.client.models.experiments import Experiment, Outcome
from crmnb.schema.tables import TABLES

UNITS = "experiment_units"
_NUMBERS = ("number", "integer", "money", "flag")
ROWS = "rows"  # what a ratio of another table is divided by


def find_experiment_problems(client: Client) -> Iterator[str]:
    """All faults of the key `experiments`. Each message begins with the key."""
    if client.experiments and UNITS not in client.tables:
        yield f"experiments: needs the table {UNITS} (experiment, unit_id, arm, assigned_at). Map it under tables."
        return
    for name, experiment in client.experiments.items():
        yield from _check_experiment(f"experiments.{name}", experiment, client)


def _check_experiment(key: str, experiment: Experiment, client: Client) -> Iterator[str]:
    if experiment.control not in experiment.arms:
        yield f"{key}.control: {experiment.control!r} is not among the arms.{nearest(experiment.control, experiment.arms)}"
    yield from _not_mapped(f"{key}.covariates", UNITS, experiment.covariates, client)
    yield from _no_numbers(f"{key}.covariates", experiment.covariates, client)
    for name, outcome in experiment.outcomes.items():
        place = f"{key}.outcomes.{name}"
        yield from _check_form(place, outcome)
        yield from (
            _check_of_table(place, outcome, client) if outcome.table else _check_of_column(place, outcome, client)
        )


def _check_form(key: str, outcome: Outcome) -> Iterator[str]:
    if outcome.is_ratio and outcome.kind == "rate":
        yield f"{key}.per: a rate is not divided by anything. Write kind: mean or kind: money."
    if outcome.is_ratio and outcome.has_before:
        yield f"{key}.{'before' if outcome.before else 'before_days'}: is not allowed with `per`; CUPED is for rates, means and money."
    if outcome.before and outcome.before_days:
        yield f"{key}.before_days: `before` says the same. Keep one of the two."
    if outcome.kind == "rate" and outcome.smallest_effect and outcome.smallest_effect >= 100:
        yield f"{key}.smallest_effect: {outcome.smallest_effect:g} points are no change of a rate. Write points, such as 2."


def _check_of_column(key: str, outcome: Outcome, client: Client) -> Iterator[str]:
    """An outcome that is a column of experiment_units."""
    if not outcome.column:
        yield f"{key}: declare a `column` of {UNITS}, or a `table` and `within_days`."
    for option in ("within_days", "before_days"):
        if getattr(outcome, option):
            yield f"{key}.{option}: needs a `table` with the rows of these days."
    columns = [name for name in (outcome.column, outcome.per, outcome.before) if name]
    yield from _not_mapped(key, UNITS, columns, client)
    yield from _no_numbers(key, columns, client)


def _check_of_table(key: str, outcome: Outcome, client: Client) -> Iterator[str]:
    """An outcome that is counted in another table."""
    table = outcome.table
    possible = [
        name
        for name in client.tables
        if name in TABLES and TABLES[name].time and "customer_id" in TABLES[name].by_name and name != UNITS
    ]
    if table not in possible:
        known = table in client.tables
        why = "has no customers and times" if known else "is not mapped under tables"
        yield f"{key}.table: {table!r} {why}.{nearest(table, possible)}"
        return
    if not outcome.within_days:
        yield f"{key}.within_days: is required with a table: the days after the assignment that count."
    if outcome.before:
        yield f"{key}.before: is for columns. Write before_days: the days before the assignment that count."
    yield from _not_mapped(f"tables.{UNITS}.columns", UNITS, ("customer_id",), client)
    yield from _not_mapped(f"tables.{table}.columns", table, ("customer_id",), client)
    if outcome.kind == "rate" and outcome.column:
        yield f"{key}.column: a rate is whether there is a row. Write kind: mean or kind: money for the sum of a column."
    elif outcome.column:
        yield from _not_mapped(f"{key}.column", table, (outcome.column,), client)
    elif outcome.kind == "money" or outcome.is_ratio:
        yield f"{key}.column: is required: the column that is summed."
    if outcome.per not in (None, ROWS):
        yield f"{key}.per: {outcome.per!r} is not allowed with a table. Write per: {ROWS}."


def _not_mapped(key: str, table: str, columns: Iterable[str], client: Client) -> Iterator[str]:
    """Columns that are not mapped; of a query the columns are known when it has run."""
    mapped = client.tables[table].columns
    for name in columns:
        if mapped and name not in mapped and name not in client.tables[table].flags:
            yield f"{key}: {name!r} is not mapped under tables.{table}.columns.{nearest(name, mapped)}"


def _no_numbers(key: str, columns: Iterable[str], client: Client) -> Iterator[str]:
    """Columns of experiment_units that are texts, as all are that have no type."""
    mapping = client.tables[UNITS]
    for name in columns:
        if name in mapping.headers and mapping.types.get(name, "text") not in _NUMBERS:
            yield f"{key}: {name!r} is text. Declare it under tables.{UNITS}.types, such as {name}: number."
