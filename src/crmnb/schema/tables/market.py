"""Tables of the market: sales of competitors, and what peers say of themselves.

A peer's figure is in the unit of the metric, 0 to 100 of a share. Its `breakdown` is that of the metric, such as a survey. Without a `period`, it is one of any time.
"""

from crmnb.schema.tables.columns import CURRENCY, Column, Table, required

TABLES = (
    Table(
        "market",
        grain="a competitor in a month",
        key=("month", "competitor", "segment"),
        time="month",
        columns=(
            required("month", "month"),
            required("competitor", "text"),
            Column("segment", "text"),
            Column("value", "money", at_least=0),
            Column("units", "number", at_least=0),
            CURRENCY,
        ),
    ),
    Table(
        "benchmarks",
        grain="a peer's figure",
        key=("metric", "breakdown", "peer", "period"),
        columns=(
            required("metric", "text"),
            Column("breakdown", "text"),
            required("peer", "text"),
            Column("period", "text"),
            required("value", "number"),
            Column("n", "integer", at_least=1),
        ),
    ),
)
