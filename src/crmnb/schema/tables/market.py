"""Tables of the market: shares and benchmarks."""

from crmnb.schema.tables.columns import Column, Table, required

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
        ),
    ),
    Table(
        "benchmarks",
        grain="a peer's figure",
        key=("metric", "peer", "period"),
        columns=(
            required("metric", "text"),
            required("peer", "text"),
            required("period", "text"),
            required("value", "number"),
            Column("n", "integer", at_least=1),
        ),
    ),
)
