"""Revenue: what an order brought, the same in every metric of money."""

import narwhals.stable.v2 as nw


def with_net_revenue(orders: nw.LazyFrame) -> nw.LazyFrame:
    """The orders with `net`, what each brought: its amount less what was refunded of it, in the client's currency."""
    amount = nw.col("amount")
    if "refunded_amount" in orders.collect_schema().names():
        amount = amount - nw.col("refunded_amount").fill_null(0)
    return orders.with_columns(net=amount)
