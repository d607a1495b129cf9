"""Records: rejected, duplicate, orphaned, verified, and how old the newest are."""

from datetime import timedelta

import narwhals.stable.v2 as nw

from crmnb.metrics import estimators
from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import OF_ALL, Estimator
from crmnb.metrics.features.data_quality import SHARE_OF_ROWS, all_imported, in_words, shares_by, words_of
from crmnb.metrics.measures import Measure, of_counts
from crmnb.schema.client import DataQuality

_REJECTED = Estimator(
    "share of all",
    "counts",
    "data_quality.rejections",
    OF_ALL,
    sums=("met", "size", "sole"),
    columns=("table", "column", "kind"),
    chart="pareto",
)
_UNIQUE = Estimator(
    "share of all", "counts", "data_quality.unique_records", OF_ALL, sums=("met", "size", "left_out"), chart="breakdown"
)
_AGES = Estimator(
    "age of the newest row",
    "counts",
    "data_quality.ages",
    OF_ALL,
    columns=("table", "age", "promised"),
    chart="freshness",
)


@metric(
    title="Rejected rows",
    unit="%",
    kind="input",
    direction="down",
    hand_count={
        "": "13 / 421",
        "activities": "0 / 22",
        "benchmarks": "1 / 13",
        "brand survey": "2 / 40",
        "costs": "0 / 13",
        "customers": "0 / 16",
        "employee responses": "4 / 31",
        "experiment units": "0 / 12",
        "leads": "0 / 15",
        "loyalty": "0 / 8",
        "market": "1 / 37",
        "orders": "2 / 54",
        "process runs": "0 / 10",
        "reviews": "0 / 10",
        "sends": "1 / 18",
        "social mentions": "0 / 6",
        "social posts": "0 / 6",
        "subscriptions": "0 / 17",
        "survey invitations": "0 / 28",
        "survey responses": "2 / 22",
        "teams": "0 / 3",
        "tickets": "0 / 18",
        "usage": "0 / 6",
        "visits": "0 / 16",
    },
)
def rejected_rows(data_records, data_rejections):
    """Share of the rows read that the import rejected and put into quarantine, where they can be corrected and sent again.

    A row may have several causes. The picture shows the rows by cause, the most frequent first; what to correct first is what brings back
    most rows by itself.

    Why: a rejected row is missing in every figure of its table.
    Caution: that a row was accepted does not mean that it is right. A cause with few rows can hide the largest orders: see the control
        totals of the data quality check.
    Source: DAMA 2017, Data Management Body of Knowledge, 2nd ed., 13; Juran 1954, Industrial Quality Control 11(4):4 (the vital few).
    """
    table = words_of("table_name")
    read = all_imported(data_records).select(
        *table,
        column=nw.lit(""),
        kind=nw.lit(""),
        met=nw.col("rejected"),
        size=nw.col("rows"),
        sole=nw.lit(0).cast(nw.Int64),
    )
    causes = all_imported(data_rejections).select(
        *words_of("table_name", "column_name"),
        kind=nw.col("kind"),
        met=nw.col("rows"),
        size=nw.lit(0).cast(nw.Int64),
        sole=nw.col("sole_cause_rows"),
    )
    words = {"numerator": "rows rejected", "denominator": "rows read"}
    units = {"rows by cause": "count"}
    return of_counts(nw.concat([read, causes]), _REJECTED, breakdown="table", units=units, **words)


@metric(
    title="Data uniqueness",
    unit="%",
    kind="input",
    direction="up",
    hand_count={
        "": "402 / 408",
        "activities": "22 / 22",
        "benchmarks": "12 / 13",
        "brand survey": "39 / 40",
        "customers": "16 / 16",
        "customers, near duplicates": "15 / 16",
        "employee responses": "30 / 31",
        "experiment units": "12 / 12",
        "leads": "15 / 15",
        "loyalty": "8 / 8",
        "market": "36 / 37",
        "orders": "53 / 54",
        "process runs": "10 / 10",
        "reviews": "10 / 10",
        "sends": "17 / 18",
        "social mentions": "6 / 6",
        "social posts": "6 / 6",
        "subscriptions": "17 / 17",
        "survey invitations": "28 / 28",
        "survey responses": "22 / 22",
        "teams": "3 / 3",
        "tickets": "18 / 18",
        "usage": "6 / 6",
        "visits": "16 / 16",
    },
)
def data_uniqueness(data_records, data_duplicates):
    """Share of the records that are no duplicates: of a key that came twice, all rows but the first are.

    Near duplicates are records with different keys that are alike in the fields that the client declares, such as name and birthday;
    they stay in the data. Of each connected group of such records, all but one are duplicates.

    Why: a customer who is there twice is counted twice, gets everything twice, and no record shows the whole relationship.
    Caution: near duplicates are found by likeness: different people may be alike, and one person may look different. Records are
        compared only within blocks, so a pair whose blocks differ is missed.
    Source: Winkler 1990, Proceedings of the Section on Survey Research Methods (ASA), 354 (likeness); Christen 2012, IEEE TKDE 24:1537
        (blocking).
    """
    none = nw.lit(0).cast(nw.Int64)
    keyed = all_imported(data_records).filter(nw.col("has_key"))
    exact = keyed.select(
        *words_of("table_name"), met=nw.col("rows") - nw.col("duplicates"), size=nw.col("rows"), left_out=none
    )
    near = all_imported(data_duplicates).select(
        breakdown=nw.concat_str([in_words("table_name"), nw.lit("near duplicates")], separator=", "),
        met=nw.col("records") - nw.col("duplicates"),
        size=nw.col("records"),
        left_out=nw.col("left_out"),
    )
    rows = nw.concat([shares_by(exact, "table", "left_out"), near])
    words = {"numerator": "records that are no duplicates", "denominator": "records"}
    return of_counts(rows, _UNIQUE, breakdown="table", **words)


@metric(
    title="Data consistency",
    unit="%",
    kind="input",
    direction="up",
    hand_count={
        "": "257 / 265",
        "activities: customer id": "17 / 17",
        "customers: referred by": "3 / 3",
        "employee responses: team": "26 / 27",
        "experiment units: customer id": "11 / 12",
        "leads: customer id": "4 / 4",
        "loyalty: customer id": "8 / 8",
        "orders: customer id": "47 / 49",
        "reviews: customer id": "7 / 7",
        "sends: customer id": "16 / 17",
        "subscriptions: customer id": "16 / 17",
        "survey invitations: customer id": "26 / 27",
        "survey responses: customer id": "19 / 19",
        "survey responses: invitation id": "16 / 16",
        "survey responses: order id": "13 / 13",
        "tickets: customer id": "16 / 17",
        "usage: customer id": "6 / 6",
        "visits: customer id": "6 / 6",
    },
)
def data_consistency(data_references):
    """Share of the accepted rows with a key of another table whose key is found there, such as orders whose customer is on the list.

    Why: a row whose customer is unknown belongs to no segment, and is missing wherever tables are joined.
    Caution: a key that is found may still be the wrong one. Rows without a key are not counted here; see the linkage rate.
    Source: Batini & Scannapieco 2016, Data and Information Quality, 2.5 (referential consistency); DAMA 2017, Data Management Body of
        Knowledge, 2nd ed., 13.
    """
    place = nw.concat_str([in_words("table_name"), in_words("column_name")], separator=": ")
    rows = all_imported(data_references).select(
        place=place, met=nw.col("rows") - nw.col("orphans"), size=nw.col("rows")
    )
    words = {"numerator": "rows whose key is found", "denominator": "rows with a key of another table"}
    facts = {"breakdown": "reference"} | words
    return of_counts(shares_by(rows, "place"), SHARE_OF_ROWS, **facts)


@metric(
    title="Certified records",
    unit="%",
    kind="input",
    direction="up",
    hand_count="5 / 16",
    per_customer=True,
)
def data_certified(customers, *, certified_days: int = 365):
    """Share of the customers on the list at the period's end whose record was verified within so many days before it.

    Customers who joined later, or left before, are not counted.

    Why: addresses, names and consents grow old. A record that somebody confirmed can be relied on.
    Caution: it shows when a record was last verified, not whether it is right today. The list has only the last verification, so a
        comparison with an earlier period misses those that were verified again since.
    Source: DAMA 2017, Data Management Body of Knowledge, 2nd ed., 13 (currency); ISO/IEC 25012:2008 (currentness).
    """
    end = customers.periods.reporting.observed_end
    listed = customers.rows
    if "joined_at" in customers.columns:
        listed = listed.filter(nw.col("joined_at").is_null() | (nw.col("joined_at") < end))
    if "left_at" in customers.columns:
        listed = listed.filter(nw.col("left_at").is_null() | (nw.col("left_at") >= end))
    verified_at = nw.col("verified_at")
    is_verified = (verified_at < end) & (verified_at >= end - timedelta(days=certified_days))
    rows = listed.select("customer_id", num=is_verified.fill_null(False).cast(nw.Int64), den=nw.lit(1))
    words = {"numerator": "customers verified in time", "denominator": "customers on the list"}
    return Measure(rows, estimators.census, **words)


@metric(
    title="Data freshness",
    unit="hours",
    kind="input",
    direction="down",
    hand_count={
        "orders": "0",
        "reviews": "36 * 24",
        "tickets": "0",
    },
)
def data_freshness(data_days, *, quality: DataQuality):
    """Age of the newest row of each table at the end of the period, beside the age that the client's schedule promises.

    Where the client declares how old the newest row may be (freshness), these tables count; otherwise all tables with times.

    Why: a source that has stopped sending looks like customers who have stopped buying.
    Caution: a quiet source is old without being late. The age is that of what happened last, not of the last export.
    Formula: t_end - t_newest, where t_end = the end of the period; t_newest = the time of the newest row of the table.
    Source: Pipino, Lee & Wang 2002, Communications of the ACM 45(4):211 (timeliness); Ballou, Wang, Pazer & Tayi 1998, Management
        Science 44:462.
    """
    promised = quality.freshness_hours
    seen = data_days.where(nw.col("newest_at") < nw.col("observed_end"))
    newest = seen.group_by("period_id", "table_name", "observed_end").agg(newest_at=nw.col("newest_at").max())
    hours = nw.lit(None, nw.Float64)
    for table, most in promised.items():
        hours = nw.when(nw.col("table_name") == table).then(nw.lit(float(most))).otherwise(hours)
    if promised:
        newest = newest.filter(nw.col("table_name").is_in([*promised]))
    age = (nw.col("observed_end") - nw.col("newest_at")).dt.total_seconds() / 3600
    rows = newest.select("period_id", *words_of("table_name"), age=age.round(1), promised=hours)
    return of_counts(
        rows,
        _AGES,
        numerator="hours from the newest row to the end of the period",
        denominator="tables",
        breakdown="table",
        trend=False,
    )
