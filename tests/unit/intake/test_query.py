"""Tables made by a query: typed sources, one SELECT, and nothing else within its reach."""

import re
from datetime import datetime
from decimal import Decimal

import pytest
from importing import counts, quarantined, read_csv, rows, short, take

from crmnb.core.errors import InputError

LINES = (
    "Invoice,Customer ID,When,Price,Qty\n1,13085.0,2025-01-02,1.10,3\n1,13085.0,2025-01-01,0.05,2\n2,,2025-01-03,7,1\n"
)
SOURCE = (
    "sources:\n  lines:\n    file: lines.csv\n"
    "    columns: {Invoice: key, Customer ID: key, When: time, Price: money, Qty: integer}\n"
)
QUERY = (
    'SELECT Invoice AS order_id, max("Customer ID") AS customer_id, min("When") AS ordered_at, '
    "sum(Price * Qty) AS amount, 'paid' AS status FROM lines GROUP BY Invoice"
)


def ask(folder, query: str, lines: str = LINES, more: str = "", source: str = SOURCE):
    indented = query.replace("\n", "\n      ")
    return take(folder, f"{source}tables:\n  orders:\n    query: |\n      {indented}\n{more}", lines_csv=lines)


def test_lines_become_orders_and_both_are_accounted_for(tmp_path):
    taken = ask(tmp_path, QUERY)
    assert rows(taken, "orders") == [
        {
            "order_id": "1",
            "customer_id": "13085",
            "ordered_at": datetime(2025, 1, 1),
            "amount": Decimal("3.4"),
            "status": "paid",
        },
        {
            "order_id": "2",
            "customer_id": None,
            "ordered_at": datetime(2025, 1, 3),
            "amount": Decimal(7),
            "status": "paid",
        },
    ]
    assert counts(taken) == [("", "lines", 3, 3, 0, {}), ("orders", "query", 2, 2, 0, {})]


def test_wrong_lines_are_set_aside_before_the_query_sees_them(tmp_path):
    taken = ask(tmp_path, QUERY, f"{LINES}2,,2025-01-04,free,1\n", "    bad_rows_allowed: 0.5\n")
    assert counts(taken)[0] == ("", "lines", 4, 3, 1, {"Price is not an amount": 1})
    (row,) = short(read_csv(taken.folder / "quarantine" / "sources" / "lines.csv"))
    assert (row["Price"], row["record"], row["reasons"]) == ("free", "5", "Price is not an amount")
    assert sum(row["amount"] for row in rows(taken, "orders")) == Decimal("10.4")


def test_what_a_query_gives_is_judged_by_the_contract_and_known_by_its_key(tmp_path):
    taken = ask(tmp_path, QUERY.replace("sum(Price * Qty)", "5 - sum(Price * Qty)"), more="    bad_rows_allowed: 0.5\n")
    (row,) = quarantined(taken, "orders")
    assert (row["record"], row["reasons"]) == ("2", "amount is below 0")


def test_trailing_semicolon_comment_and_with_are_fine(tmp_path):
    assert ask(tmp_path, f"WITH l AS (SELECT * FROM lines)\n{QUERY.replace('FROM lines', 'FROM l')}; -- done")


def test_sources_may_be_joined(tmp_path):
    source = SOURCE + "  names: {file: lines.csv}\n"
    query = QUERY.replace("FROM lines", "FROM lines JOIN (SELECT DISTINCT Invoice FROM names) USING (Invoice)")
    taken = ask(tmp_path, query, source=source)
    assert [account.source for account in taken.audits] == ["lines", "names", "query"]
    assert len(rows(taken, "orders")) == 2


def test_several_tables_may_read_one_source(tmp_path):
    customers = '  customers:\n    query: SELECT DISTINCT "Customer ID" AS customer_id FROM LINES WHERE "Customer ID" IS NOT NULL\n'
    taken = ask(tmp_path, QUERY, more=customers)
    assert [row["customer_id"] for row in rows(taken, "customers")] == ["13085"]
    assert [account.source for account in taken.audits] == ["lines", "query", "query"]


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("SELECT 1 FROM lines; DROP TABLE lines", "only one SELECT statement is allowed"),
        ("DROP TABLE lines", "only one SELECT statement is allowed"),
        ("COPY lines TO '{}/out.csv'", "only one SELECT statement is allowed"),
        ("ATTACH '{}/x.db'", "only one SELECT statement is allowed"),
        ("INSTALL httpfs", "only one SELECT statement is allowed"),
        ("SET threads = 1", "only one SELECT statement is allowed"),
        ("-- nothing", "only one SELECT statement is allowed"),
        ("SELEC 1", "is not valid SQL"),
        ("SELECT 1", "does not read any of the sources"),
        ("SELECT * FROM lnes", "does not read any of the sources. Did you mean lines"),
        ("SELECT * FROM lines JOIN other USING (Invoice)", "other does not exist"),
        ("SELECT * FROM (PIVOT lines ON Qty USING count(*))", "only one SELECT statement is allowed"),
        ("SELECT Pric FROM lines", '"Pric" not found'),
        ("SELECT * FROM lines, read_csv('{}/secret.csv')", "file system operations are disabled"),
        ("SELECT * FROM lines, '{}/secret.csv'", "does not exist|disabled"),
        ("SELECT * FROM lines, read_text('{}/secret.csv')", "disabled"),
        ("SELECT * FROM lines, glob('{}/*')", "disabled"),
        ("SELECT * FROM lines, read_csv('https://example.org/x.csv')", "disabled|requires"),
        ("WITH d AS (DELETE FROM lines RETURNING *) SELECT * FROM d", "."),
        ("SELECT Invoice FROM lines", "the result has a column 'Invoice'"),
        ("SELECT Invoice AS order_id FROM lines", "has no column 'ordered_at'"),
        ("SELECT Invoice AS order_id, Invoice AS order_id FROM lines", "."),
        ("SELECT CAST(Invoice || 'x' AS INTEGER) AS order_id FROM lines", "a value has the wrong type or range"),
    ],
)
def test_a_query_that_is_more_or_less_than_a_select_is_refused(tmp_path, query, words):
    (tmp_path / "secret.csv").write_text("a\n1\n")
    before = sorted(path.name for path in tmp_path.iterdir())
    with pytest.raises(InputError, match=words) as caught:
        ask(tmp_path, query.format(tmp_path))
    assert "test.yml, tables.orders.query" in str(caught.value)
    assert set(before) <= {path.name for path in tmp_path.iterdir()} <= {*before, "lines.csv", "test.yml", "private"}


def test_a_python_variable_is_no_table(tmp_path):
    private_frame = object()  # noqa: F841 -- what a query must not find
    with pytest.raises(InputError, match="private_frame does not exist"):
        ask(tmp_path, "SELECT * FROM lines, private_frame")


def test_a_type_for_a_column_that_is_not_there(tmp_path):
    with pytest.raises(InputError, match=r"sources.lines.columns: .* has no column 'Pric'.*Did you mean Price"):
        ask(tmp_path, QUERY, source=SOURCE.replace("Price:", "Pric:"))


def test_columns_that_differ_in_case_only(tmp_path):
    with pytest.raises(InputError, match="the column names Qty and QTY differ only in upper and lower case"):
        ask(tmp_path, QUERY, "Invoice,Customer ID,When,Price,Qty,QTY\n")


def test_headers_that_are_names_of_our_own_do_no_harm(tmp_path):
    lines = "Invoice,Customer ID,When,Price,Qty,_id,_mask0,value Qty,rowid\n1,,2025-01-01,2,3,a,b,c,d\n"
    query = QUERY.replace("'paid' AS status", '\'paid\' AS status, max("_id" || "_mask0" || "value Qty") AS note')
    (row,) = rows(ask(tmp_path, query, lines), "orders")
    assert (row["amount"], row["note"]) == (Decimal(6), "abc")


def test_an_unreadable_column_of_a_source_is_proposed_for_the_source(tmp_path):
    with pytest.raises(InputError, match=r'Add this line to sources.lines: `date_format: "%d.%m.%Y"`'):
        ask(tmp_path, QUERY, "Invoice,Customer ID,When,Price,Qty\n1,,31.12.2025,2,3\n")


def test_the_same_query_gives_the_same_bytes(tmp_path):
    lines = "Invoice,Customer ID,When,Price,Qty\n" + "".join(
        f"{n % 900},,2025-01-{1 + n % 28:02},{n / 7:.6f},1\n" for n in range(20_000)
    )
    source = SOURCE.replace("money", "number")
    query = QUERY.replace("'paid' AS status", "'paid' AS status, sum(Price) AS total")
    found = []
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        found.append(ask(tmp_path / name, query, lines, source=source).tables["orders"].read_bytes())
    assert found[0] == found[1]


# ---- What is a person's -----------------------------------------------------------------------------------

PEOPLE = """
sources: {c: {file: c.csv, personal: [Born, Mail]}, d: {file: d.csv}}
%s
tables:
  customers:
    query: |
      %s
    %s
"""
PEOPLE_CSV = "id,Born,Mail,City\n" + "".join(
    f"{n},13.02.1999,jane.doe@x.org,{'Cork' if n % 2 else 'Galway'}\n" for n in range(20)
)


def people(tmp_path, query: str, more: str = "", before: str = ""):
    return take(tmp_path, PEOPLE % (before, query, more), c_csv=PEOPLE_CSV, d_csv="id,Mail\n1,x\n")


@pytest.mark.parametrize(
    "query",
    [
        'SELECT id AS customer_id, "Mail" AS mail, City AS city FROM c',
        "SELECT id AS customer_id, lower(mail) AS mail, City AS city FROM c",
        "SELECT id AS customer_id, c.Mail AS mail, City AS city FROM c",
        "WITH p AS (SELECT id, Mail AS m, City FROM c) SELECT id AS customer_id, m || '' AS mail, City AS city FROM p",
        "SELECT id AS customer_id, (SELECT max(Mail) FROM c) AS mail, City AS city FROM c",
        "SELECT id AS customer_id, City AS city, '' AS mail FROM c WHERE false UNION ALL SELECT id, City, Mail FROM c",
        "SELECT id AS customer_id, to_json(c) AS mail, City AS city FROM c",
        "SELECT customer_id, mail, city FROM c AS t(customer_id, b, mail, city)",
        "WITH p(customer_id, mail, city) AS (SELECT id, Mail, City FROM c) SELECT * FROM p",
        "SELECT * RENAME (id AS customer_id, Mail AS mail, City AS city, Born AS born) FROM c",
    ],
)
def test_what_a_query_makes_of_a_personal_column_is_personal(tmp_path, query):
    taken = people(tmp_path, query)
    assert taken.profile.columns["customers"]["mail"].levels is None
    assert "jane.doe" not in (taken.folder / "intake.json").read_text()
    with pytest.raises(InputError, match=r"customers.mail is derived from a personal column"):
        people(tmp_path, query, before="segments: {mail: {column: customers.mail}}")


def test_what_is_made_of_other_columns_is_not(tmp_path):
    taken = people(
        tmp_path,
        'SELECT id AS customer_id, "Mail" AS mail, City AS city FROM c',
        before="segments: {c: {column: customers.city}}",
    )
    assert taken.profile.columns["customers"]["city"].levels == {"Cork": 10, "Galway": 10}


def test_a_table_may_say_itself_what_is_personal_in_it(tmp_path):
    query = "SELECT id AS customer_id, split_part(Mail, '@', 2) AS provider FROM c"
    taken = people(tmp_path, query, "personal: []", "segments: {p: {column: customers.provider}}")
    assert taken.profile.columns["customers"]["provider"].levels == {"x.org": 20}


def test_no_message_shows_what_a_query_made_of_a_personal_column(tmp_path):
    with pytest.raises(InputError) as refused:
        people(tmp_path, "SELECT id AS customer_id, Born AS born FROM c", "types: {born: time}")
    assert "born is not a date or time" in str(refused.value)
    assert "1999" not in str(refused.value)


@pytest.mark.parametrize(
    "made",
    [
        "CAST(Born AS DATE)",
        "strptime(Born, '%Y-%m-%d')",
        "CAST(Mail AS INTEGER)",
        "json_extract(Mail, '$.a')",
        "error(Mail)",
    ],
)
def test_what_goes_wrong_with_a_row_is_told_without_the_row(tmp_path, made):
    with pytest.raises(InputError, match=r"tables.customers.query: a value has the wrong type or range") as refused:
        people(tmp_path, f"SELECT id AS customer_id, {made} AS x1 FROM c")
    assert not re.search("1999|jane|x.org", str(refused.value))
