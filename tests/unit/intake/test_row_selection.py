"""Rows that are no data are excluded by cause and counted; columns may be constants or the place of the row. Counts by pencil."""

import duckdb
import pytest
from importing import HEAD, ORDERS, client_of, counts, quarantined, rows, take, take_orders

from crmnb.core.errors import InputError
from crmnb.schema.client import load_client

HEADER = "No,Customer,Ordered,Total,Status\n"


def excluded(taken) -> dict[str, int]:
    [audit] = taken.audits
    assert audit.read == audit.accepted + audit.rejected + sum(audit.excluded.values())
    return audit.excluded


def test_the_rows_after_the_header_of_every_file_are_excluded(tmp_path):
    """As a survey tool exports them: the questions, and a line of JSON; here in two files."""
    extra = 'Question no,"Which\ncustomer?",When,How much,What\n"{""id"":""a""}",,,,\n'
    files = {
        "orders_1_csv": f"{HEADER}{extra}1,a,2025-01-01,10,paid\n",
        "orders_2_csv": f"{HEADER}{extra}2,b,2025-01-02,20,paid\n3,c,2025-01-03,30,paid\n",
    }
    taken = take(tmp_path, f"sources: {{orders: {{file: orders_*.csv, rows_after_header: 2}}}}{ORDERS}", **files)
    assert excluded(taken) == {"after the header": 4}
    assert [row["order_id"] for row in rows(taken, "orders")] == ["1", "2", "3"]


def test_a_header_that_stands_again_is_excluded_and_a_value_like_a_header_is_not(tmp_path):
    text = f"{HEADER}1,a,2025-01-01,10,paid\n{HEADER}2,Customer,2025-01-02,20,paid\n"
    taken = take_orders(tmp_path, text)
    assert excluded(taken) == {"the header again": 1}
    assert [row["customer_id"] for row in rows(taken, "orders")] == ["a", "Customer"]


@pytest.mark.parametrize(
    ("where", "numbers"),
    [
        ("{Status: paid}", ["1", "4"]),
        ("{Status: [paid, refunded]}", ["1", "2", "4"]),
        ("{Status: {not: refunded}}", ["1", "4"]),
        ("{Customer: {filled: true}}", ["1", "2"]),
        ("{Customer: {filled: false}}", ["4"]),
        ("{Customer: {not: a}}", ["2", "4"]),
        ("{No: {starts_with: '4'}}", ["4"]),
        ("{Status: paid, Customer: a}", ["1"]),
    ],
)
@pytest.mark.parametrize("place", ["source", "table"])
def test_where_keeps_the_rows_for_which_every_condition_holds(tmp_path, where, numbers, place):
    """A malformed record stays, to be rejected: nobody knows what its cells are."""
    text = f"{HEADER}1, a ,2025-01-01,10,paid\n2,b,2025-01-02,20,refunded\n4,,2025-01-04,40,paid\n5,e,2025\n"
    facts = {
        "source": (f", where: {where}", "bad_rows_allowed: 1"),
        "table": ("", f"bad_rows_allowed: 1\n    where: {where}"),
    }
    taken = take_orders(tmp_path, text, *facts[place])
    assert [row["order_id"] for row in rows(taken, "orders")] == numbers
    assert sum(excluded(taken).values()) == 3 - len(numbers)
    assert counts(taken)[0][4] == len(quarantined(taken, "orders")) == 1


def test_where_applies_to_the_typed_rows_that_a_query_reads(tmp_path):
    parameters = """
sources: {lines: {file: lines.csv, where: {Kind: {not: Total}}, columns: {Net: money}}}
tables:
  orders:
    query: select "No" as order_id, sum("Net") as amount, timestamp '2025-01-01' as ordered_at, 'paid' as status from lines group by 1
"""
    taken = take(tmp_path, parameters, lines_csv="No,Kind,Net\n1,a,10\n1,b,5\n,Total,15\n")
    assert [(row["order_id"], float(row["amount"])) for row in rows(taken, "orders")] == [("1", 15.0)]
    assert [audit.excluded for audit in taken.audits] == [{"where: Kind": 1}, {}]


def test_an_empty_cell_takes_the_value_above_it_before_where_is_applied(tmp_path):
    """A ledger: the account stands on the first line of its group, then a subtotal. Each file begins anew."""
    ledger = "No,Customer,Ordered,Total,Status\n1,a,2025-01-01,10,paid\n2,,2025-01-02,20,paid\n,Total a,,30,\n3,b,2025-01-03,30,paid\n4, ,2025-01-04,40,paid\n"
    other = "No,Customer,Ordered,Total,Status\n5,,2025-01-05,50,paid\n"
    source = "sources: {orders: {file: o_*.csv, fill_down: [Customer], where: {No: {filled: true}}}}"
    taken = take(tmp_path, source + ORDERS, o_1_csv=ledger, o_2_csv=other)
    assert [(row["order_id"], row["customer_id"]) for row in rows(taken, "orders")] == [
        ("1", "a"),
        ("2", "a"),
        ("3", "b"),
        ("4", "b"),
        ("5", None),
    ]
    assert excluded(taken) == {"where: No": 1}


REVIEWS = """
sources: {reviews: {file: reviews.csv}}
tables:
  reviews:
    source: reviews
    columns: {review_id: {row_number: true}, platform: {value: O'Trust}, posted_at: On, rating: Stars, scale: {value: 5}}
"""


def test_a_column_may_be_a_constant_and_a_key_the_place_of_the_row(tmp_path):
    taken = take(tmp_path, REVIEWS, reviews_csv="On,Stars\n2025-01-01,4\n2025-01-01,4\n2025-01-02,3\n2025-01-03,5\n")
    found = rows(taken, "reviews")
    assert [row["review_id"] for row in found] == ["reviews.csv 2", "reviews.csv 3", "reviews.csv 4", "reviews.csv 5"]
    assert {row["platform"] for row in found} == {"O'Trust"}
    assert {float(row["scale"]) for row in found} == {5.0}


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ("{Statu: paid}", r"sources.orders.where.Statu: .* has no column 'Statu'.* Did you mean Status\?"),
        (
            "{Status: {nott: paid}}",
            r"sources.orders.where.Status.nott: 'nott' is not a known key. Did you mean not\? Allowed: filled, is, not, starts_with",
        ),
    ],
)
def test_a_fault_of_a_condition_is_named_with_what_is_allowed(tmp_path, parameters, words):
    with pytest.raises(InputError, match=words):
        take_orders(tmp_path, f"{HEADER}1,a,2025-01-01,10,paid\n", f", where: {parameters}")


@pytest.mark.parametrize(
    ("columns", "words"),
    [
        (
            "order_id: {value: '1'}",
            "tables.orders.columns.order_id: a key cannot be the same in all rows. Name its column, or write {row_number: true}.",
        ),
        (
            "customer_id: {value: '1'}",
            "tables.orders.columns.customer_id: a key cannot be the same in all rows. Name its column.",
        ),
        (
            "customer_id: {row_number: true}",
            r"tables.orders.columns.customer_id: row_number is only for the key of orders \(order_id\).",
        ),
        ("status: {value: payed}", "tables.orders.columns.status.value: 'payed' is not allowed. Did you mean paid?"),
        ("status: {valu: paid}", "tables.orders.columns.status.valu: 'valu' is not a known key. Did you mean value?"),
        ("status: {}", "tables.orders.columns.status: .* write either {value: ...} or {row_number: true}"),
    ],
)
def test_a_fault_of_a_given_column_is_named_with_what_is_allowed(tmp_path, columns, words):
    base = {"order_id": "order_id: No", "customer_id": "customer_id: C", "status": "status: S"}
    named = ", ".join((base | {columns.split(":")[0]: columns}).values())
    text = f"{HEAD}sources: {{o: {{file: o.csv}}}}\ntables: {{orders: {{source: o, columns: {{ordered_at: A, amount: T, {named}}}}}}}\n"
    (tmp_path / "test.yml").write_text(text)
    with pytest.raises(InputError, match=words):
        load_client("test", tmp_path)


def test_a_missing_column_says_that_a_constant_or_the_row_s_number_may_be_given(tmp_path):
    text = f"{HEAD}sources: {{o: {{file: o.csv}}}}\ntables: {{survey_responses: {{source: o, columns: {{responded_at: A}}}}}}\n"
    (tmp_path / "test.yml").write_text(text)
    with pytest.raises(InputError) as caught:
        load_client("test", tmp_path)
    assert "survey: {value: ...}" in str(caught.value)
    assert "response_id: {row_number: true}" in str(caught.value)


def test_nothing_declared_excludes_nothing(tmp_path):
    assert excluded(take_orders(tmp_path, f"{HEADER}1,a,2025-01-01,10,paid\n")) == {}
    assert client_of(tmp_path, f"sources: {{orders: {{file: orders.csv}}}}{ORDERS}").sources["orders"].where == {}


# ---- Several values in a cell ------------------------------------------------------------------------------------------

LEADS = """
sources: {{leads: {{file: leads.csv{source}}}}}
tables:
  leads:
    source: leads
    columns: {{lead_id: No, created_at: On, topic: For}}
    bad_rows_allowed: 1
    split: {{topic: {split}}}
"""
LEADS_CSV = (
    "No,On,For\n1,2025-01-01,Repair;Advice\n2,2025-01-02, advice ;Repair; \n3,2025-01-03,\n4,2025-01-04,Advice\n"
)


def test_each_value_of_a_cell_becomes_a_row_with_a_numbered_key(tmp_path):
    parameters = LEADS.format(source=", where: {No: {not: '4'}}", split="{separator: ';'}")
    taken = take(tmp_path, parameters, leads_csv=f"{LEADS_CSV}x,2025-13-01,Repair;Advice\n")
    assert [(row["lead_id"], row["topic"]) for row in rows(taken, "leads")] == [
        ("1/1", "Repair"),
        ("1/2", "Advice"),
        ("2/1", "advice"),
        ("2/2", "Repair"),
        ("3", None),
    ]
    assert excluded(taken) == {"where: No": 1}
    assert {(row["No"], row["record"]) for row in quarantined(taken, "leads")} == {("x/1", "6"), ("x/2", "6")}


def test_each_value_of_a_cell_becomes_a_flag(tmp_path):
    parameters = LEADS.format(source="", split="{flags: {repair: Repair, advice: Advice}}")
    taken = take(tmp_path, parameters, leads_csv=LEADS_CSV)
    found = [(row["lead_id"], row["repair"], row["advice"]) for row in rows(taken, "leads")]
    assert found == [("1", True, True), ("2", True, False), ("3", None, None), ("4", False, True)]


@pytest.mark.parametrize(
    ("split", "words"),
    [
        ("{flags: {topic: Repair}}", "split.topic.flags.topic: 'topic' is already a column of leads"),
        ("{separater: ';'}", "split.topic.separater: 'separater' is not a known key. Did you mean separator"),
    ],
)
def test_a_fault_of_a_split_is_named(tmp_path, split, words):
    with pytest.raises(InputError, match=words):
        take(tmp_path, LEADS.format(source="", split=split), leads_csv=LEADS_CSV)


# ---- Typed sources, groups and constants that other formats would misread ------------------------------------------------


def test_where_and_fill_down_hold_for_parquet_too(tmp_path):
    """Rows of Parquet and of databases are no exception: a total among them would be revenue."""
    with duckdb.connect() as con:
        con.execute(
            "COPY (SELECT * FROM (VALUES (1, 'a', 10.0, TIMESTAMP '2025-01-01'), (2, NULL, 20.0, TIMESTAMP '2025-01-02'), "
            '(NULL, \'Total\', 30.0, NULL)) AS t("No", "Customer", "Total", "Ordered")) '
            f"TO '{tmp_path / 'orders.parquet'}' (FORMAT parquet)"
        )
    parameters = """
sources: {orders: {file: orders.parquet, fill_down: [Customer], where: {Customer: {not: Total}}}}
tables:
  orders:
    source: orders
    columns: {order_id: No, customer_id: Customer, ordered_at: Ordered, amount: Total, status: {value: paid}}
"""
    taken = take(tmp_path, parameters)
    assert [(row["order_id"], row["customer_id"]) for row in rows(taken, "orders")] == [("1", "a"), ("2", "a")]
    assert excluded(taken) == {"where: Customer": 1}


def test_rows_that_are_no_data_give_no_value_and_a_malformed_record_ends_a_group(tmp_path):
    text = f"{HEADER}the question,Who?,,,\n1,a,2025-01-01,10,paid\n{HEADER}2,,2025-01-02,20,paid\n3,b,2025\n4,,2025-01-04,40,paid\n"
    taken = take_orders(tmp_path, text, ", rows_after_header: 1, fill_down: [Customer]", "bad_rows_allowed: 1")
    found = [(row["order_id"], row["customer_id"]) for row in rows(taken, "orders")]
    assert found == [("1", "a"), ("2", "a"), ("4", None)]


def test_a_constant_has_the_notation_of_the_parameters_file_whatever_the_source_has(tmp_path):
    """By the source's marks 1.250 would be 1250, and 5 stands for nothing."""
    parameters = """
sources: {reviews: {file: reviews.csv, decimal: ",", thousands: ".", date_format: "%d/%m/%Y", missing: ["", "5"]}}
tables:
  reviews:
    source: reviews
    columns: {review_id: Id, platform: {value: web}, posted_at: On, rating: Stars, scale: {value: 5}, own: {value: 1.250}, since: {value: 2024-12-31}, seen: {value: true}}
    types: {own: money, since: time, seen: flag}
"""
    taken = take(tmp_path, parameters, reviews_csv='Id,On,Stars\n1,31/12/2025,"4,5"\n')
    [row] = rows(taken, "reviews")
    shown = (row["scale"], float(row["own"]), str(row["since"]), row["seen"], row["rating"])
    assert shown == (5, 1.25, "2024-12-31 00:00:00", True, 4.5)


def test_a_constant_of_another_notation_is_refused(tmp_path):
    text = f"{HEAD}sources: {{o: {{file: o.csv}}}}\ntables: {{reviews: {{source: o, columns: {{platform: P, posted_at: A, rating: R, scale: {{value: '5,0'}}}}}}}}\n"
    (tmp_path / "test.yml").write_text(text)
    with pytest.raises(InputError, match=r"columns.scale.value: '5,0' is no number. Write it as 12.5"):
        load_client("test", tmp_path)


def test_rows_after_the_header_of_a_format_without_one_are_refused(tmp_path):
    with pytest.raises(InputError, match=r"sources.orders.rows_after_header: does not apply to JSON lines"):
        client_of(tmp_path, f"sources: {{orders: {{file: o.jsonl, rows_after_header: 1}}}}{ORDERS}")
