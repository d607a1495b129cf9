"""Web sessions, and who the visitors are."""

import narwhals.stable.v2 as nw

from crmnb.engine.derived_tables import once


@once
def by_visitor(visits: nw.LazyFrame) -> nw.LazyFrame:
    """The sessions; `customer_id` is who it was, as far as can be told.

    That is a customer under all their visitor ids, or else the visitor id: one that no session, or those of several customers, name.
    """
    if "customer_id" not in visits.collect_schema().names():
        return visits.with_columns(customer_id=nw.col("visitor_id"))
    named = visits.filter(~nw.col("customer_id").is_null())
    customers = named.group_by("visitor_id").agg(one=nw.col("customer_id").min(), other=nw.col("customer_id").max())
    alone = customers.filter(nw.col("one") == nw.col("other")).select("visitor_id", known_as="one")
    sessions = visits.join(alone, on="visitor_id", how="left")
    return sessions.with_columns(customer_id=nw.coalesce("customer_id", "known_as", "visitor_id")).drop("known_as")


def is_measured(columns: list[str]) -> nw.Expr:
    """Whether the duration of a session was measured: 0 seconds of a single page are no measurement."""
    known = ~nw.col("seconds").is_null()
    if "pages" not in columns:
        return known
    return known & ~((nw.col("seconds") == 0) & (nw.col("pages") <= 1).fill_null(False))
