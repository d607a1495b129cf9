"""Tables of orders."""

from crmnb.schema.tables.columns import CURRENCY, CUSTOMER, Column, Derivation, Table, key_column, required

_REFUNDED = "case when amount < 0 then null else refunded_amount end"

TABLES = (
    Table(
        "orders",
        grain="an order (not a line of it)",
        key=("order_id",),
        time="ordered_at",
        of_events=True,
        # Money decides: something must be left of it, whatever the status says. Nothing is left of a gift or a write-off (which
        # count if the client says so), nor of what came back whole. A cancelled order never counts.
        counts="(status = 'paid' and (amount > coalesce(refunded_amount, 0) or (free_orders and amount = 0)))"
        " or (status = 'refunded' and refunded_amount < amount)",
        # Rows that are no orders, but take revenue back in the period of their own date (`refunds: {stand_alone: true}`).
        credits="amount < 0 and status <> 'cancelled'",
        columns=(
            key_column("order_id"),
            CUSTOMER,
            required("ordered_at", "time"),
            required("amount", "money", at_least=0),
            Column("margin", "money"),
            Column("channel", "text"),
            Column("category", "text"),
            Column("seller", "text"),
            required("status", "text", one_of=("paid", "cancelled", "refunded")),
            # Of a credit note, an export may say how much of it was refunded: nothing.
            Column(
                "refunded_amount",
                "money",
                at_least=0,
                at_most="amount",
                derived=Derivation(_REFUNDED, (("refunded_amount",),)),
            ),
            Column("refunded_at", "time", not_before="ordered_at"),
            CURRENCY,
        ),
    ),
)
