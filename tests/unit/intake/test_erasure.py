"""Customers who are to be forgotten: their rows are left out at every intake, wherever they stand, and nobody else's are."""

import json
import stat

import pytest
import xlsxwriter
from importing import ORDERS, client_of, counts, quarantined, rows, take

from conftest import PROJECT
from crmnb.core.errors import InputError
from crmnb.intake import import_data
from crmnb.intake.erasure.erasure_list import EMPTY_ERASURE_LIST, add_to_erasure_list, read_erasure_list
from crmnb.intake.erasure.exclude import sort_parents_first
from crmnb.report.pages import quarantine_page
from crmnb.schema.client import load_client
from crmnb.schema.tables import TABLES

HEADER = "No,Customer,Ordered,Total,Status\n"
ONE = f"sources: {{orders: {{file: orders.csv}}}}{ORDERS}    bad_rows_allowed: 1\n"


@pytest.fixture
def private(tmp_path):
    """The private folder that `take` uses, with customer 007 to be forgotten."""
    folder = tmp_path / "private"
    folder.mkdir()
    add_to_erasure_list(folder, "007")
    return folder


def even(taken) -> bool:
    """Whether every account comes out."""
    return all(a.read == a.accepted + a.rejected + a.replaced + a.erased for a in taken.audits)


def left_out(taken) -> dict[str, int]:
    """The rows left out of each table or source."""
    return {a.table or f"source {a.source}": a.erased for a in taken.audits}


# ---- The list ---------------------------------------------------------------------------------------------


def test_the_list_holds_no_key_and_is_for_its_owner_only(private):
    add_to_erasure_list(private, "Ada Archer")
    add_to_erasure_list(private, "007")
    text = (private / "forgotten.json").read_text()
    assert "Ada" not in text
    assert "007" not in json.loads(text)["digests"]
    found = read_erasure_list(private)
    assert len(found.digests) == 2
    assert found.digest("007") in found.digests
    assert found.digest("7") not in found.digests
    assert stat.S_IMODE((private / "forgotten.json").stat().st_mode) == 0o600


def test_the_same_customer_has_another_digest_at_another_client(tmp_path, private):
    other = tmp_path / "other"
    other.mkdir()
    add_to_erasure_list(other, "007")
    assert read_erasure_list(other).digests != read_erasure_list(private).digests


@pytest.mark.parametrize("text", ["", "{", "[]", '{"salt": 1, "digests": []}', '{"salt": "x"}', "[" * 100_000])
def test_a_damaged_list_is_an_error_since_nobody_may_come_back(private, tmp_path, text):
    (private / "forgotten.json").write_text(text)
    with pytest.raises(InputError, match="is damaged"):
        take(tmp_path, ONE, orders_csv=HEADER + "1,007,2025-01-01,1,paid\n")
    with pytest.raises(InputError, match="is damaged"):
        add_to_erasure_list(private, "008")


def test_without_a_list_nobody_is_forgotten(tmp_path):
    assert read_erasure_list(tmp_path) == EMPTY_ERASURE_LIST


# ---- Mapped tables ----------------------------------------------------------------------------------------


def test_rows_are_left_out_good_or_wrong_and_the_account_comes_out(tmp_path, private):
    good = "1,007,2025-01-01,1,paid\n2, 007 ,2025-01-01,2,paid\n3,7,2025-01-01,3,paid\n4,,2025-01-01,4,paid\n"
    wrong = "5,007,2025-02-31,16,paid\n6,008,2025-02-31,32,paid\n1,008,2025-02-01,64,paid\n"
    taken = take(tmp_path, ONE, orders_csv=HEADER + good + wrong)
    assert even(taken)
    (account,) = taken.audits
    assert (account.read, account.accepted, account.rejected, account.erased) == (7, 3, 1, 3)
    assert [row["order_id"] for row in rows(taken, "orders")] == ["3", "4", "1"]  # 1 is no repetition any more
    assert [row["No"] for row in quarantined(taken, "orders")] == ["6"]
    assert (account.totals["amount"].accepted, account.totals["amount"].rejected) == ("71.0000", "32.0000")
    assert account.notes == ("3 rows are excluded (customers on the erasure list)",)


def test_whom_the_list_names_since_is_gone_though_the_files_are_the_same(tmp_path, private):
    client = client_of(tmp_path, ONE, orders_csv=HEADER + "1,007,2025-01-01,1,paid\n2,008,2025-01-01,2,paid\n")
    first = import_data(client, private)
    assert import_data(client, private).reused
    add_to_erasure_list(private, "008")
    again = import_data(client, private)
    assert not again.reused
    assert (left_out(first), left_out(again)) == ({"orders": 1}, {"orders": 2})


def test_a_key_is_known_however_its_file_writes_it(tmp_path, private):
    add_to_erasure_list(private, "42")
    with xlsxwriter.Workbook(tmp_path / "orders.xlsx") as book:
        sheet = book.add_worksheet()
        for number, row in enumerate([["No", "Who"], [1, 42], [2, "42.0"], [3, "forty-two"], [4, 43]]):
            sheet.write_row(number, 0, row)
    parameters = (
        "sources: {loyal: {file: orders.xlsx}}\ntables: {teams: {source: loyal, columns: {team: No, headcount: No}}, "
        "customers: {source: loyal, columns: {customer_id: Who}, values: {customer_id: {forty-two: '42'}}}}\n"
    )
    taken = take(tmp_path, parameters)
    assert left_out(taken) == {"teams": 0, "customers": 3}
    assert [row["customer_id"] for row in rows(taken, "customers")] == ["43"]


def test_a_malformed_record_goes_if_any_word_of_it_is_the_key(tmp_path, private):
    text = HEADER + "1,007,2025-01-01\n2,Smith, 007,2025-01-01,1,paid\n3,8,2025-01-01\n4,0071,2025-01-01\n"
    taken = take(tmp_path, ONE, orders_csv=text + "".join(f"g{n},g,2025-01-01,1,paid\n" for n in range(9)))
    assert even(taken)
    assert left_out(taken) == {"orders": 2}
    assert "007," not in (taken.folder / "quarantine" / "orders.csv").read_text().replace("0071", "")


REFERRED = "sources: {people: {file: people.csv}}\ntables: {customers: {source: people, bad_rows_allowed: 1, columns: {customer_id: Id, referred_by: By, joined_at: Since}}}\n"


def test_others_lose_the_key_and_keep_their_rows(tmp_path, private):
    people = "Id,By,Since\n007,,2025-01-01\n8,007,2025-01-01\n9,8,2025-01-01\n10,007,2025-02-31\n"
    taken = take(tmp_path, REFERRED, people_csv=people)
    assert left_out(taken) == {"customers": 1}
    assert [(row["customer_id"], row["referred_by"]) for row in rows(taken, "customers")] == [("8", None), ("9", "8")]
    assert [(row["Id"], row["By"]) for row in quarantined(taken, "customers")] == [("10", "")]


ANSWERS = """
sources: {answers: {file: answers.csv}, orders: {file: orders.csv}}
tables:
  survey_responses: {source: answers, columns: {response_id: Sheet, survey: Survey, customer_id: Who, responded_at: At, order_id: Order}, bad_rows_allowed: 1}
  orders: {source: orders, columns: {order_id: No, customer_id: Customer, ordered_at: Ordered, amount: Total, status: Status}, bad_rows_allowed: 1}
"""


def test_rows_that_name_nobody_go_with_the_row_they_refer_to(tmp_path, private):
    orders = HEADER + "o1,007,2025-01-01,1,paid\no2,8,2025-01-01,1,paid\no3,007,2025-02-31,1,paid\n"
    answers = "Sheet,Survey,Who,At,Order\na,x,,2025-01-02,o1\nb,x,8,2025-01-02,o1\nc,x,,2025-01-02,o2\nd,x,,2025-01-02,o3\ne,x,,2025-02-31,o1\n"
    taken = take(tmp_path, ANSWERS, orders_csv=orders, answers_csv=answers)
    assert even(taken)
    assert left_out(taken) == {"orders": 2, "survey_responses": 3}
    assert {row["response_id"] for row in rows(taken, "survey_responses")} == {"b", "c"}


VISITS = """
sources: {visits: {file: visits.csv}}
tables:
  visits: {source: visits, columns: {visit_id: No, visitor_id: Device, customer_id: Who, started_at: At}}
"""


def test_sessions_on_the_devices_of_a_forgotten_customer_alone_are_left_out_too(tmp_path, private):
    # Of the phone only 007 is known; the tablet is shared with 008; of the till nobody is known.
    lines = ["1,phone,007", "2,phone,", "3,tablet,007", "4,tablet,008", "5,tablet,", "6,till,"]
    taken = take(tmp_path, VISITS, visits_csv="No,Device,Who,At\n" + "".join(f"{line},2025-01-01\n" for line in lines))
    assert [row["visit_id"] for row in rows(taken, "visits")] == ["4", "5", "6"]
    assert left_out(taken) == {"visits": 3}
    assert even(taken)


def test_tables_come_after_those_that_they_refer_to():
    order = sort_parents_first(reversed(TABLES))
    for place, name in enumerate(order):
        assert {c.refers_to for c in TABLES[name].columns} & {*order[place + 1 :]} == set(), name
    assert sort_parents_first(["reviews", "orders", "customers"]) == ["customers", "reviews", "orders"]
    assert sort_parents_first(["orders", "costs"]) == ["orders", "costs"]


def test_units_of_a_test_are_customers_too(tmp_path, private):
    parameters = (
        "sources: {units: {file: units.csv}}\ntables: {experiment_units: {source: units, "
        "columns: {experiment: E, unit_id: U, arm: A, assigned_at: T}}}\n"
    )
    taken = take(tmp_path, parameters, units_csv="E,U,A,T\n007,8,a,2025-01-01\nx,007,b,2025-01-01\n")
    assert [row["unit_id"] for row in rows(taken, "experiment_units")] == ["8"]


def test_a_column_of_the_clients_own_that_is_called_unit_is_nobody(tmp_path, private):
    parameters = ONE.replace("status: Status}", "status: Status, unit: Unit}")
    taken = take(tmp_path, parameters, orders_csv="No,Customer,Ordered,Total,Status,Unit\n1,8,2025-01-01,1,paid,007\n")
    assert left_out(taken) == {"orders": 0}


# ---- Queries ----------------------------------------------------------------------------------------------

QUERY = """
sources:
  lines: {file: lines.csv, columns: {Units: integer, Day: time}}
  goods: {file: goods.csv}
tables:
  orders:
    query: |
      with bought as (select l.Invoice as order_id, upper(l.Who) as person, l.Day, l.Units from lines l join goods g on g.No = l.Good)
      select order_id, max(person) as customer_id, min(Day) as ordered_at, sum(Units) as amount, 'paid' as status from bought group by 1
    lines: {source: lines, key: Invoice}
    bad_rows_allowed: 1
"""


def test_of_a_query_its_rows_are_left_out_and_wrong_rows_of_its_sources(tmp_path, private):
    add_to_erasure_list(private, "C9")
    lines = (
        "Invoice,Who,Day,Units,Good\n1,c9,2025-01-01,1,007\n2,007,2025-01-01,1,007\n3,c8,2025-01-01,4,007\n"
        "4,007,2025-02-31,1,007\n5,c8,2025-02-31,1,007\n6,C9,2025-02-31,1,007\n"
    )
    taken = take(tmp_path, QUERY, lines_csv=lines, goods_csv="No,Name\n007,bread\n")
    assert even(taken)
    assert left_out(taken) == {"source lines": 2, "source goods": 0, "orders": 2}  # the article 007 stays
    assert [row["customer_id"] for row in rows(taken, "orders")] == ["C8"]
    assert [row["Invoice"] for row in quarantined(taken, "sources/lines")] == ["5"]


# ---- What is told -----------------------------------------------------------------------------------------


def test_the_page_on_the_quarantine_counts_them_only_where_there_are_some(tmp_path):
    client = load_client("corner_shop", PROJECT / "parameters")
    for forget in (False, True):
        if forget:
            add_to_erasure_list(tmp_path, "001")
        taken = import_data(client, tmp_path)
        page = quarantine_page(client, taken.audits, taken.folder / "quarantine", tmp_path, {})
        # By hand 24 at least: 1 customer, 6 orders, 2 contracts, 4 invitations, 4 answers, 3 reviews, 1 lead; and 3 sessions: W02, W03,
        # and on the browser of W02 also W08, which names nobody.
        erased = sum(audit.erased for audit in taken.audits)
        assert (erased >= 24) == forget
        assert (f"{erased} rows of erased customers were excluded" in page) == forget
        assert ("read = accepted + rejected + excluded" in page) == forget
        assert ("read = accepted + rejected." in page) != forget
    assert counts(taken)[0][2:4] == (16, 15)


def test_progress_says_how_many(tmp_path, private):
    client, said = client_of(tmp_path, ONE, orders_csv=HEADER + "1,007,2025-01-01,1,paid\n"), []
    import_data(client, private, on_step=said.append)
    assert said == ["orders: 1 rows read, 0 accepted, 0 rejected, 1 excluded (erasure list)"]
