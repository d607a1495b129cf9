"""Linkage: how many rows belong to a known customer, and how many customers occur in several tables."""

import narwhals.stable.v2 as nw

from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import OF_ALL, Estimator
from crmnb.metrics.features.data_quality import SHARE_OF_ROWS, all_imported, shares_by, words_of
from crmnb.metrics.measures import of_counts

_OF_CUSTOMERS = Estimator("share of all", "counts", "data_quality.of_customers", OF_ALL, sums=("met", "size"))


@metric(
    title="Linkage rate",
    unit="%",
    kind="input",
    direction="up",
    hand_count={
        "": "206 / 241",
        "activities": "17 / 22",
        "experiment units": "12 / 12",
        "leads": "4 / 15",
        "loyalty": "8 / 8",
        "orders": "49 / 52",
        "reviews": "7 / 10",
        "sends": "17 / 17",
        "subscriptions": "17 / 17",
        "survey invitations": "27 / 28",
        "survey responses": "19 / 20",
        "tickets": "17 / 18",
        "usage": "6 / 6",
        "visits": "6 / 16",
    },
)
def linkage_rate(data_records):
    """Share of the accepted rows that carry the key of a customer, of the tables that can.

    Why: an interaction without a customer cannot be joined with the others, so it is missing in the view of the customer.
    Caution: some rows have no customer by nature, such as visits without a login. That a key is there does not mean that it is on the
        list of customers; see data consistency.
    Source: Batini & Scannapieco 2016, Data and Information Quality, chapter 8 (object identification); Peppers & Rogers 2016, Managing
        Customer Experience and Relationships, 3rd ed., chapter 3 (identifying customers).
    """
    rows = all_imported(data_records).filter(~nw.col("linked").is_null())
    rows = rows.select(*words_of("table_name"), met=nw.col("linked"), size=nw.col("accepted"))
    words = {"numerator": "rows with a customer", "denominator": "rows of tables with customers"}
    return of_counts(shares_by(rows, "table"), SHARE_OF_ROWS, breakdown="table", **words)


@metric(title="Customers known from several tables", unit="%", kind="input", direction="up", hand_count="15 / 17")
def linked_customers(data_touchpoints, *, least_tables: int = 2):
    """Share of the customers who occur in so many tables or more, beside the list of customers: orders, tickets, answers and so on.

    Customers are all who are on the list or occur in a table.

    Why: only of these customers different touchpoints can be set beside each other.
    Caution: a customer may have used one touchpoint only. More tables, or a longer history, raise the share without better data.
    Source: Peppers & Rogers 2016, Managing Customer Experience and Relationships, 3rd ed., chapter 3; Batini & Scannapieco 2016, Data and
        Information Quality, chapter 8.
    """
    met = nw.when(nw.col("touchpoints") >= least_tables).then(nw.col("customers")).otherwise(nw.lit(0).cast(nw.Int64))
    rows = all_imported(data_touchpoints).select(met=met, size=nw.col("customers"))
    words = {"numerator": "customers in several tables", "denominator": "customers known"}
    return of_counts(rows, _OF_CUSTOMERS, aspect_of="linkage_rate", **words)
