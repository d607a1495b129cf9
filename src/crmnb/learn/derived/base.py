"""Base: of a figure that a model computes, the rows that go in, whose customers can be counted."""

from crmnb.core.errors import Unavailable
from crmnb.learn.corner_shop import corner_shop_book
from crmnb.learn.declaration import YEAR, Row
from crmnb.learn.derived.scope import Kind, by_customer
from crmnb.metrics.definition import Metric
from crmnb.schema.tables import TABLES

MOST_ROWS = 30
_STANDARD = "orders"  # the table of customers' events that lessons fall back to


def base_rows(metric: Metric) -> tuple[str, list[Row]]:
    """The first table of events that the metric reads and the corner shop has, and its rows of two years, the newest 30."""
    tables = corner_shop_book().tables.with_names()
    names = [tables.source_of(name) for name in metric.reads]
    for name in [*names, _STANDARD]:
        try:
            rows = _events(tables, name)
        except Unavailable:
            continue
        if sum(row["year"] == YEAR for row in rows) >= 5:
            return name, rows
    raise ValueError(f"the corner shop has no table of events for {metric.id}")


def _events(tables, name: str) -> list[Row]:
    declared = TABLES.get(name)
    time = declared.time if declared else ""
    if not time or not declared.of_events:
        return []
    relation = tables.frame(name).to_native().relation
    keys = [column for column in relation.columns if column.endswith("_id")][:2]
    if "customer_id" in relation.columns and "customer_id" not in keys:
        keys = [*keys[:1], "customer_id"]
    columns = [*keys, time]
    selected = ", ".join(f'"{column}"' for column in columns)
    rows = relation.project(selected).order(f'"{time}", {selected}').fetchall()
    records = [dict(zip(columns, row, strict=True)) for row in rows]
    within = [{"year": record[time].year} | record for record in records if record[time].year in (YEAR - 1, YEAR)]
    return within[-MOST_ROWS:]


def base_kind(rows: list[Row]) -> tuple[Kind, str]:
    """How the base is counted, and what it counts: customers where they are known, else rows."""
    of_customers = len(by_customer(rows)) < len(rows) and any(row.get("customer_id") for row in rows)

    def customers(chosen: list[Row]) -> int:
        return len({row["customer_id"] for row in chosen if row.get("customer_id")})

    def number(chosen: list[Row]) -> int:
        return customers(chosen) if of_customers else len(chosen)

    ways = (
        (
            "rows instead of customers",
            "You counted rows. A customer with several rows is still one.",
            lambda s: len(s.chosen),
        ),
        ("all years", "You counted all years. A base is of its period.", lambda s: number(s.all_years)),
        ("the year before", f"You counted the year before. The question is about {YEAR}.", lambda s: number(s.earlier)),
        ("rows of all years", "You counted the rows of all years.", lambda s: len(s.all_years)),
        (
            "empty customers counted",
            "You counted rows without a customer, each as a customer. Nobody knows who they are.",
            lambda s: number(s.chosen) + sum(not row.get("customer_id") for row in s.chosen),
        ),
        (
            "those who came again",
            "You counted only those with several rows. One row is enough.",
            lambda s: sum(len(group) > 1 for group in by_customer(s.chosen)),
        ),
        (
            "the last one left out",
            "You left one out: the last instant of a period belongs to it.",
            lambda s: number(s.chosen) - 1,
        ),
        ("one too many", "You counted one twice.", lambda s: number(s.chosen) + 1),
    )
    traps = (
        (
            "a known customer once more",
            f"A customer who has a row in {YEAR} gets another one. Which way does the number go?",
            "Of customers each counts once; of rows each counts.",
            lambda chosen: next((row for row in chosen if row.get("customer_id")), chosen[0] if chosen else None),
        ),
        (
            "a row of the year before",
            f"A row of {YEAR - 1} is found that was missing. Which way does the number of {YEAR} go?",
            "A row of another period is in no figure of this one.",
            lambda chosen: chosen[-1] | {"year": YEAR - 1} if chosen else None,
        ),
    )
    unit = "different customers" if of_customers else "rows"
    hint = "Count each customer once, and no row without a customer." if of_customers else "Count each row once."
    return Kind(number, ways, f"Take the rows of {YEAR}. {hint}", traps), unit
