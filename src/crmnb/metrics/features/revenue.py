"""Revenue: what an order brought, the same in every metric of money."""

from datetime import datetime

import narwhals.stable.v2 as nw


def is_order() -> nw.Expr:
    """Whether a payment is an order (or the month of a contract): a credit note, with a negative amount, takes revenue back and is none."""
    return nw.col("amount") >= 0


def orders_among() -> nw.Expr:
    """How many of the payments of a group are orders."""
    return is_order().cast(nw.Int64).sum()


def with_net_revenue(orders: nw.LazyFrame) -> nw.LazyFrame:
    """The orders with `net`, what each brought: its amount less what was refunded of it, in the client's currency."""
    amount = nw.col("amount")
    if "refunded_amount" in orders.collect_schema().names():
        amount = amount - nw.col("refunded_amount").fill_null(0)
    return orders.with_columns(net=amount)


def sold(all_orders: nw.LazyFrame, known_at: nw.Expr | datetime | None = None) -> nw.LazyFrame:
    """The orders that brought something, and credit notes, with that (`net`), by the refunds known before a time (None: all of them).

    all_orders: those that do not count among them. A credit note takes away what it is for, on its own day. A refund without a day counts from the beginning. Counts the same orders as
    the table's own rule (`crmnb.schema.tables`).
    """
    columns, amount = all_orders.collect_schema().names(), nw.col("amount")
    refunded = nw.col("refunded_amount") if "refunded_amount" in columns else nw.lit(None)
    refunded = nw.coalesce(refunded, nw.when(nw.col("status") == "refunded").then(amount), nw.lit(0))
    if known_at is not None and "refunded_at" in columns:
        known = nw.col("refunded_at").is_null() | (nw.col("refunded_at") < known_at)
        refunded = nw.when(known).then(refunded).otherwise(nw.lit(0))
    counting = all_orders.filter(nw.col("status") != "cancelled").with_columns(net=amount - refunded)
    free = (amount == 0) & (nw.col("status") == "paid")  # of these the engine gives none, unless the client counts them
    return counting.filter((nw.col("net") > 0) | free | ~is_order())
