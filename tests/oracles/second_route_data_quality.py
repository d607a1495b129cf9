"""Data quality by plain pandas: from the rows as they were written, and from those that the import accepted.

Not here: near duplicates (see the oracle of that name). Of validity only the denominator: the invalid cells are held to the errors that were made.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime

import numpy as np
import pandas as pd

Figures = dict[tuple[str, str], float]
Rows = Callable[[str], pd.DataFrame]  # the accepted rows of a table, by its name
# A key of another table, beside the customer's own: table, column, and where it is to be found.
_REFERENCES = (
    ("customers", "referred_by", "customers", "customer_id"),
    ("survey_responses", "invitation_id", "survey_invitations", "invitation_id"),
    ("survey_responses", "order_id", "orders", "order_id"),
    ("survey_responses", "ticket_id", "tickets", "ticket_id"),
    ("employee_responses", "team", "teams", "team"),
    ("tickets", "team", "teams", "team"),
)


def _percent(met: float, size: float) -> float:
    return 100 * met / size


def _of_parts(metric: str, parts: Mapping[str, tuple[float, float]]) -> Figures:
    """The share of each part, and of all together."""
    figures = {(metric, name.replace("_", " ")): _percent(*sums) for name, sums in parts.items()}
    return figures | {(metric, ""): _percent(*np.sum([*parts.values()], axis=0))}


def imported(read: Mapping[str, int], bad: Mapping[str, Mapping[str, int]]) -> Figures:
    """Rejected rows, and of tables with a key (all but the costs) the rows whose key was there before. read: rows; bad: errors made, with how many rows."""
    rejected = {name: (sum(bad[name].values()), rows) for name, rows in read.items()}
    twice = {name: sum(n for why, n in bad[name].items() if why.startswith("duplicate")) for name in read}
    unique = {name: (rows - twice[name], rows) for name, rows in read.items() if name != "costs"}
    return _of_parts("rejected_rows", rejected) | _of_parts("data_uniqueness", unique)


def complete(cells: Iterable[tuple[str, pd.Series, frozenset[str]]]) -> Figures:
    """cells: of each required column the table, the values as written, and what stands for a missing one."""
    parts: dict[str, tuple[float, float]] = {}
    for table, values, missing in cells:
        there = values.notna() & ~values.astype(str).str.strip().isin(missing)
        filled, size = parts.get(table, (0, 0))
        parts[table] = filled + there.sum(), size + len(values)
    return _of_parts("data_completeness", parts)


def filled(cells: Iterable[tuple[str, pd.Series, frozenset[str]]]) -> dict[str, int]:
    """The cells with a value, by table and ("") in all, of the columns that have rules; cells: as in `complete`."""
    counts: dict[str, int] = {}
    for table, values, missing in cells:
        there = values.notna() & ~values.astype(str).str.strip().isin(missing | {""})
        counts[table.replace("_", " ")] = counts.get(table.replace("_", " "), 0) + int(there.sum())
    return counts | {"": sum(counts.values())}


def explained(outcome: pd.Series, level: pd.Series, draw: np.random.Generator, folds: int = 5) -> float:
    """Eta squared out of sample with folds drawn at random: both are by customer, without missing levels."""
    fold = pd.Series(draw.permutation(np.arange(len(outcome)) % folds), outcome.index)
    errors = naive = 0.0
    for number in range(folds):
        known, new = outcome[fold != number], outcome[fold == number]
        means = known.groupby(level[known.index]).mean()
        errors += ((new - level[new.index].map(means).fillna(known.mean())) ** 2).sum()
        naive += ((new - known.mean()) ** 2).sum()
    return 1 - errors / naive


def linked(names: Iterable[str], rows: Rows) -> Figures:
    """Rows with a customer; those whose key is found; customers in two tables or more beside the list."""
    listed = rows("customers")["customer_id"]
    tables = {name: table for name in names if name != "customers" and "customer_id" in (table := rows(name))}
    with_key = {name: (table["customer_id"].notna().sum(), len(table)) for name, table in tables.items()}
    found = {f"{name}: customer_id": _found(table["customer_id"], listed) for name, table in tables.items()}
    for name, column, parent, key in _REFERENCES:
        found[f"{name}: {column}"] = _found(rows(name)[column], rows(parent)[key])
    touched = pd.Series(np.concatenate([table["customer_id"].dropna().unique() for table in tables.values()]))
    times = touched.value_counts()
    customers = len({*times.index} | {*listed})
    both = {("linked_customers", ""): _percent((times >= 2).sum(), customers)}
    return _of_parts("linkage_rate", with_key) | _of_parts("data_consistency", found) | both


def _found(keys: pd.Series, parents: pd.Series) -> tuple[int, int]:
    keys = keys.dropna()
    return int(keys.isin(set(parents)).sum()), len(keys)


def verified(customers: pd.DataFrame, end: datetime, days: int = 365) -> Figures:
    """Customers who joined before the end, whose record was verified in so many days before it."""
    listed = customers[customers["joined_at"].isna() | (customers["joined_at"] < end)]
    age = end - listed["verified_at"]
    in_time = (age > pd.Timedelta(0)) & (age <= pd.Timedelta(days=days))
    return {("data_certified", ""): 100 * in_time.mean()}


def ages(times: Mapping[str, str], rows: Rows, end: datetime) -> Figures:
    """Hours from the newest row of each table to the end, in tenths. times: the column of each table."""
    newest = {name: rows(name)[column] for name, column in times.items()}
    newest = {name: column[column < end].max() for name, column in newest.items()}
    return {("data_freshness", name): round((end - at).total_seconds() / 3600, 1) for name, at in newest.items()}


def audited(values: pd.DataFrame, rows: Rows, keys: Mapping[str, str]) -> Figures:
    """Audited values that are those of the accepted records. values: table, record, column and the truth; keys: the key of each table."""
    parts = {}
    for (table, column), own in values.groupby(["table_name", "column_name"]):
        stored = own["record_key"].map(rows(table).set_index(keys[table])[column])
        true = own["true_value"].str.strip().str.casefold() == stored.astype(str).str.strip().str.casefold()
        known = own["record_key"].isin(rows(table)[keys[table]])
        parts[f"{table}: {column}"] = true[known].sum(), known.sum()
    return _of_parts("data_accuracy", parts)


def segmented(
    customers: pd.DataFrame, kept: pd.Series, levels: Mapping[str, Callable[[pd.DataFrame], pd.Series]]
) -> Figures:
    """Bergsma's V of each segmentation with who was kept. kept: True or False, by customer at the start."""
    known = customers.set_index("customer_id")
    figures = {}
    for name, level in levels.items():
        of = level(known).reindex(kept.index).dropna()
        table = pd.crosstab(of, kept[of.index]).to_numpy(float)
        figures["segmentation_effectiveness", name] = _v(table)
    return figures


def _v(table: np.ndarray) -> float:
    n, (r, k) = table.sum(), table.shape
    expected = np.outer(table.sum(1), table.sum(0)) / n
    phi = max((((table - expected) ** 2 / expected).sum()) / n - (r - 1) * (k - 1) / (n - 1), 0)
    return float(np.sqrt(phi / (min(r - (r - 1) ** 2 / (n - 1), k - (k - 1) ** 2 / (n - 1)) - 1)))


def stable(joined: pd.Series, now: datetime, years: tuple[int, ...]) -> float:
    """The adjusted Rand index of bands of tenure at a day and a year before, by counting all pairs of customers in tables."""
    before = now - pd.DateOffset(years=1)
    joined = joined[joined < before]
    bands = [sum((joined <= day - pd.DateOffset(years=y)).astype(int) for y in years) for day in (before, now)]
    pairs = lambda counts: (counts * (counts - 1) / 2).sum()  # noqa: E731
    together = pairs(pd.crosstab(*bands).to_numpy(float))
    first, second = (pairs(band.value_counts().to_numpy(float)) for band in bands)
    chance = first * second / pairs(np.array([float(len(joined))]))
    return float((together - chance) / ((first + second) / 2 - chance))
