"""Cells: whether values are there, follow the rules, and are true."""

import narwhals.stable.v2 as nw

from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import OF_ALL, Estimator
from crmnb.metrics.features.data_quality import all_imported, words_of
from crmnb.metrics.measures import of_counts

_SHARE_OF_CELLS = Estimator(
    "share of all",
    "counts",
    "data_quality.cells",
    OF_ALL,
    sums=("met", "size"),
    columns=("table", "column", "counted"),
    chart="completeness",
)
_AUDITED_SHARE = Estimator(
    "share of audited values",
    "counts",
    "data_quality.audited",
    "Wilson, by record, finite-population correction",
    columns=("audited", "correct", "records"),
    chart="breakdown",
)


@metric(
    title="Data completeness",
    unit="%",
    kind="input",
    direction="up",
    hand_count={
        "": "1561 / 1565",
        "activities": "88 / 88",
        "benchmarks": "39 / 39",
        "brand survey": "319 / 320",
        "costs": "39 / 39",
        "customers": "46 / 48",
        "employee responses": "92 / 93",
        "experiment units": "48 / 48",
        "leads": "30 / 30",
        "loyalty": "16 / 16",
        "market": "74 / 74",
        "orders": "216 / 216",
        "process runs": "40 / 40",
        "reviews": "50 / 50",
        "sends": "90 / 90",
        "social mentions": "18 / 18",
        "social posts": "36 / 36",
        "subscriptions": "68 / 68",
        "survey invitations": "84 / 84",
        "survey responses": "66 / 66",
        "teams": "6 / 6",
        "tickets": "36 / 36",
        "usage": "12 / 12",
        "visits": "48 / 48",
    },
)
def data_completeness(data_cells):
    """Share of the required cells that are filled: of the columns that a table needs, and of those that the client declares as required.

    Placeholders that the client declares as codes for a missing value count as missing. Rejected rows count, as they were sent; in
    malformed records no cell can be told. The picture also shows the columns that may be empty.

    Why: what is missing cannot be counted, and figures of the rest may be biased.
    Caution: a filled cell need not be right. A placeholder that nobody declared counts as filled.
    Source: Pipino, Lee & Wang 2002, Communications of the ACM 45(4):211 (completeness); DAMA 2017, Data Management Body of Knowledge, 2nd ed., 13.
    """
    cells = all_imported(data_cells).select(
        *words_of("table_name", "column_name"),
        counted=nw.col("is_required").cast(nw.Int64),
        met=nw.col("rows") - nw.col("missing"),
        size=nw.col("rows"),
    )
    words = {"numerator": "required cells that are filled", "denominator": "required cells"}
    return of_counts(cells, _SHARE_OF_CELLS, breakdown="table", **words)


@metric(
    title="Data validity",
    unit="%",
    kind="input",
    direction="up",
    hand_count={
        "": "2202 / 2207",
        "activities": "72 / 72",
        "benchmarks": "18 / 18",
        "brand survey": "323 / 323",
        "costs": "26 / 26",
        "customers": "41 / 41",
        "employee responses": "233 / 235",
        "experiment units": "72 / 72",
        "leads": "79 / 79",
        "loyalty": "25 / 25",
        "market": "110 / 110",
        "orders": "272 / 273",
        "process runs": "38 / 38",
        "reviews": "47 / 47",
        "sends": "120 / 120",
        "social mentions": "12 / 12",
        "social posts": "50 / 50",
        "subscriptions": "78 / 78",
        "survey invitations": "140 / 140",
        "survey responses": "177 / 179",
        "teams": "9 / 9",
        "tickets": "150 / 150",
        "usage": "12 / 12",
        "visits": "98 / 98",
    },
)
def data_validity(data_cells):
    """Share of the filled cells that pass every rule of their column: type, range, allowed codes, order of times, time span of the data.

    Cells of columns without a rule are not counted, such as free text.

    Why: an invalid value is rejected with its whole row, so that every figure that reads the row loses it.
    Caution: a valid value need not be true: a typing error inside the range passes. Accuracy needs an audit.
    Source: Pipino, Lee & Wang 2002, Communications of the ACM 45(4):211 (free of error by rule); DAMA 2017, Data Management Body of
        Knowledge, 2nd ed., 13 (validity).
    """
    cells = all_imported(data_cells).select(
        *words_of("table_name", "column_name"),
        counted=nw.col("is_checked").cast(nw.Int64),
        met=nw.col("rows") - nw.col("missing") - nw.col("invalid"),
        size=nw.col("rows") - nw.col("missing"),
    )
    words = {"numerator": "checked cells that pass every rule", "denominator": "filled cells of columns with rules"}
    facts = {"breakdown": "table", "aspect_of": "rejected_rows"} | words
    return of_counts(cells, _SHARE_OF_CELLS, **facts)


@metric(
    title="Data accuracy",
    unit="%",
    kind="input",
    direction="up",
    hand_count={
        "": "5 / 9",
        "customers: joined at": "2 / 3",
        "customers: region": "2 / 4",
        "tickets: agent": "0 / 1",
        "tickets: topic": "1 / 1",
    },
)
def data_accuracy(audited_values):
    """Share of the audited values that agree with the truth: a reference file, or a sample of records that somebody checked.

    Values of records that are not in the table are left out. The interval treats the records as a random sample of the table; with a
    value of every record, there is none.

    Why: rules cannot tell whether a value is true. Only a comparison with the world can.
    Caution: the interval holds only for a random sample. Records that were chosen because they looked wrong say nothing of the others.
    Source: Cochran 1977, Sampling Techniques, 3rd ed., 3.2 (finite population); Wilson 1927, JASA 22:209, at the effective n of records;
        Redman 1996, Data Quality for the Information Age, chapter 12 (audits).
    """
    known = all_imported(audited_values).filter(~nw.col("is_correct").is_null())
    values = known.select(
        "record_key",
        "records",
        *words_of("table_name", "column_name"),
        correct=nw.col("is_correct").cast(nw.Int64),
    )
    place = nw.concat_str([nw.col("table"), nw.col("column")], separator=": ")
    records = [
        values.with_columns(breakdown=breakdown)
        .group_by("breakdown", "table", "record_key", "records")
        .agg(audited=nw.len(), correct=nw.col("correct").sum())
        for breakdown in (nw.lit(""), place)
    ]
    totals = known.select("table_name", "records").group_by("table_name").agg(records=nw.col("records").max())
    every = totals.select(all_records=nw.col("records").sum())
    whole = records[0].join(every, how="cross").with_columns(records=nw.col("all_records"))
    columns = ["breakdown", "audited", "correct", "records"]
    words = {"numerator": "audited values that are true", "denominator": "audited values"}
    rows = nw.concat([whole.select(columns), records[1].select(columns)])
    return of_counts(rows, _AUDITED_SHARE, breakdown="column", **words)
