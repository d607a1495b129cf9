"""Trace: what becomes of each row on its way into a metric, on the corner shop, whose rows were counted with a pencil."""

from datetime import datetime

import numpy as np
import pytest

from crmnb.core.errors import Unavailable
from crmnb.core.period import Period
from crmnb.handbook.reasons import omission_words
from crmnb.handbook.rejected import rejected_rows
from crmnb.handbook.trace import Omission, conjuncts, traceable, traced
from crmnb.handbook.worked import worked
from crmnb.metrics.definition import catalogue
from crmnb.report.text.cells import cell_words, column_words


@pytest.fixture(scope="module")
def tables(corner_shop):
    return traceable(corner_shop.tables)


@pytest.fixture(scope="module")
def example(corner_shop, corner_shop_intake, tables):
    """The worked example of a metric, by its id."""
    client, imported = corner_shop_intake
    rejected = rejected_rows(imported, client)
    return lambda id_: worked(
        traced(catalogue()[id_], tables, corner_shop.period), tables, corner_shop.period, rejected
    )


def reasons(example) -> dict[str, str]:
    """By the key of a row that does not count, the reason."""
    return {row[0]: row[-1] for row in example.omitted.rows}


def test_each_e_mail_is_either_counted_or_left_out_for_its_own_reason(example):
    opened = example("open_rate")
    assert [row[0] for row in opened.counted.rows] == [
        *("M02", "M03", "M04", "M08", "M09", "M10", "M13", "M15", "M11", "M16"),
    ]
    assert reasons(opened) == {
        "M01": "sent at is before 2025",
        "M05": "delivered: no",
        "M06": "machine open: yes",
        "M07": "machine open: yes",
        "M12": "delivered is empty",
        "M14": "channel: text message",
        "M17": "sent at is too late to be followed for 7 days",
        "M10": "rejected: duplicate send id",  # the second line of that key
    }
    assert dict(zip(opened.counted.heads, opened.counted.rows[0], strict=True))["machine open"] == "no"
    added = [row[-2:] for row in opened.counted.rows]
    assert (sum(row[0] == "1" for row in added), len(added)) == (7, 10)  # the pencil's 7 / 10


def test_an_order_that_does_not_count_says_what_became_of_it(example):
    words = reasons(example("average_order_value"))
    assert words["1044"].startswith("status: cancelled")
    assert words["1046"] == "status: refunded, refunded amount: 30"
    assert words["1028"] == "rejected: ordered at is not a time"


def test_customers_are_listed_with_the_days_of_their_orders(example):
    retention = example("retention_rate")
    assert retention.of == "a customer"
    assert [(row[0], row[-2]) for row in retention.counted.rows] == [
        *(
            ("001", "1"),
            ("002", "0"),
            ("004", "1"),
            ("005", "0"),
            ("007", "1"),
            ("008", "1"),
            ("011", "0"),
            ("099", "1"),
        ),
    ]
    assert retention.counted.rows[-1][1] == "2024-12-12, 2025-12-01"
    assert reasons(retention)["003"] == "not among the customers at the start"
    assert reasons(retention)[""] == "no customer is known"


def test_rows_that_are_only_noted_beside_a_figure_do_not_count(corner_shop, tables):
    trace = traced(catalogue()["median_resolution_time"], tables, corner_shop.period)
    shown = worked(
        trace, tables, corner_shop.period, {}, frozenset(corner_shop("median_resolution_time").whole["breakdown"])
    )
    assert {"T16", "T18"} & {row[0] for row in shown.counted.rows} == set()
    assert reasons(shown)["T16"] == "without a time"


def test_of_several_parts_the_first_decides_which_rows_count(example):
    """A metric that counts letters, and all activities of each seller beside them."""
    letters = example("letters_sent")
    assert {row[3] for row in letters.counted.rows} == {"letter"}
    assert reasons(letters)["V05"] == "kind: brochure"


def test_the_rows_of_a_metric_with_a_threshold_of_its_own_are_never_shown(corner_shop, tables):
    with pytest.raises(Unavailable):
        traced(catalogue()["employee_nps"], tables, corner_shop.period)


def test_a_derived_metric_is_traced_by_its_input(corner_shop, tables):
    trace = traced(catalogue()["churn_rate_annualised"], tables, corner_shop.period)
    assert trace.metric.id == "retention_rate"
    assert len(trace.evidence) == 8


def test_a_trace_leaves_the_evidence_as_an_evaluation_sees_it(corner_shop, tables):
    for id_ in ("nps", "win_rate", "repeat_purchase_rate", "first_contact_resolution"):
        trace = traced(catalogue()[id_], tables, corner_shop.period)
        whole = corner_shop(id_).whole
        assert trace.evidence["num"].sum() == pytest.approx(whole["numerator"].sum()), id_
        assert trace.evidence["den"].sum() == pytest.approx(whole["denominator"].sum()), id_


@pytest.mark.parametrize(
    ("condition", "parts"),
    [
        ('("a" > 1)', ['"a" > 1']),
        ('(("a" > 1) AND ("b" = \'x AND (y\'))', ['"a" > 1', "\"b\" = 'x AND (y'"]),
        ('((("a") AND ("b")) AND (("c") OR ("d" AND "e")))', ['"a"', '"b"', '("c") OR ("d" AND "e")']),
        ('("a") OR ("b")', ['("a") OR ("b")']),
    ],
)
def test_a_condition_is_taken_apart_at_its_outermost_ands(condition, parts):
    assert list(conjuncts(condition)) == parts


PERIOD = Period.parse("2025").observe(datetime(2023, 1, 1), datetime(2026, 1, 1))


@pytest.mark.parametrize(
    ("condition", "values", "words"),
    [
        ('"sent_at" >= "period_start"', {"sent_at": datetime(2024, 5, 1)}, "sent at is before 2025"),
        ('"sent_at" < "period_end"', {"sent_at": datetime(2026, 5, 1)}, "sent at is after 2025"),
        ('"sent_at" >= "period_start"', {"sent_at": None}, "sent at is empty"),
        ("\"t\" >= '2024-01-01 00:00:00'::TIMESTAMP", {"t": datetime(2023, 5, 1)}, "t is before 2024-01-01"),
        (
            "\"t\" <= '2025-12-02 00:00:00'::TIMESTAMP",
            {"t": datetime(2025, 12, 3)},
            "t is too late to be followed for 30 days",
        ),
        ("\"t\" < '2024-01-01 00:00:00'::TIMESTAMP", {"t": datetime(2024, 2, 29)}, "t is not before 2024-01-01"),
        ('NOT ("proposed_at" IS NULL)', {"proposed_at": None}, "proposed at is empty"),
        ("\"channel\" = 'e-mail'", {"channel": "letter"}, "channel: letter"),
        ('"a" OR "b"', {"a": False, "b": None}, "a: no, b: empty"),
        ("", {}, "not among the valid answers"),
    ],
)
def test_a_reason_says_what_the_condition_looked_at(condition, values, words):
    assert omission_words(Omission(condition, values), catalogue()["nps"], PERIOD) == words


@pytest.mark.parametrize(
    ("value", "words"),
    [
        *((None, ""), (float("nan"), ""), (True, "yes"), (3.0, "3"), (2 / 3, "0.666667"), ("  a \n b ", "a b")),
        *((np.bool_(True), "yes"), (np.bool_(False), "no")),
        (datetime(2025, 1, 2), "2025-01-02"),
        (datetime(2025, 1, 2, 9, 30), "2025-01-02 09:30"),
        (datetime(2025, 12, 31, 23, 59, 59), "2025-12-31 23:59:59"),
        ("x" * 60, "x" * 39 + "\N{HORIZONTAL ELLIPSIS}"),
    ],
)
def test_a_cell_is_written_as_readers_write_it(value, words):
    assert cell_words(value) == words


def test_a_column_is_called_by_its_words():
    assert [column_words(name) for name in ("customer_id", "sent_at", "_id")] == ["customer", "sent at", "_id"]
