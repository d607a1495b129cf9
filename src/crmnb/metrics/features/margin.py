"""Margins: what is left of what customers pay, the same in every metric of worth."""

import narwhals.stable.v2 as nw

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.engine.views import View
from crmnb.metrics.features.revenue import with_net_revenue
from crmnb.schema.client import Worth


def with_margin(payments: nw.LazyFrame, worth: Worth) -> nw.LazyFrame:
    """The payments (in the shape of orders) with `net` and `margin`: the column of that name, or the declared share of `net`.

    Where both are there, the share stands in for margins that are missing; without a share, a missing one is 0.
    Raises Unavailable where neither is there.
    """
    paid = with_net_revenue(payments)
    by_rate = (nw.col("net") * (worth.margin_rate or 0.0)).cast(nw.Float64)
    if "margin" in payments.collect_schema().names():
        return paid.with_columns(margin=nw.coalesce(nw.col("margin").cast(nw.Float64), by_rate))
    if worth.margin_rate is None:
        raise Unavailable(Note("needs_margin"))
    return paid.with_columns(margin=by_rate)


def payments_with_margin(payments: View, worth: Worth) -> View:
    """The same of a client's payments in all periods."""
    return payments.derive(with_margin, worth)
