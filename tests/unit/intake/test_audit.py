"""The account of an intake: causes, control totals, references, the lines behind a query's rows; and the quarantine sent again."""

import csv
import shutil
import zipfile
from datetime import datetime
from decimal import Decimal

import pytest
import xlsxwriter
from importing import ORDERS, counts, quarantined, rows, take, take_orders
from python_calamine import load_workbook

from crmnb.core.errors import InputError
from crmnb.intake import ImportRefused
from crmnb.intake.validation.daylight_saving import find_clock_changes
from crmnb.intake.validation.quarantine import _fits_spreadsheet
from crmnb.schema.client import Source

HEADER = "No,Customer,Ordered,Total,Status\n"
GOOD = "".join(f"{n},c{n},2025-01-{n:02},{n}.50,paid\n" for n in range(10, 28))


def account(taken, table="orders"):
    """The account of a table."""
    return next(one for one in taken.audits if one.table == table)


# ---- Causes -----------------------------------------------------------------------------------------------


def test_causes_come_most_frequent_first_and_say_what_mending_each_alone_gives_back(tmp_path):
    wrong = "1,a,2025-02-31,1,paid\n2,b,2025-02-30,x,paid\n3,c,2025-02-29,3,paid\n4,d,2025-01-02,y,paid\n"
    first, second = account(take_orders(tmp_path, HEADER + GOOD + wrong, table="bad_rows_allowed: 0.5")).causes
    assert (first.reason, first.column, first.rows, first.sole_cause_rows) == (
        "ordered_at is not a date or time",
        "ordered_at",
        3,
        2,
    )
    assert (second.reason, second.rows, second.sole_cause_rows) == ("amount is not an amount", 2, 1)
    assert first.examples == ("'2025-02-31'", "'2025-02-30'", "'2025-02-29'")
    assert "valid dates" in first.request


def test_examples_of_a_persons_column_are_places_not_values(tmp_path):
    text = "No,Customer,Ordered,Total,Status\n" + GOOD + "1,a,1 Elm Street,1,paid\n"
    for how in ("personal: [ordered_at]", ""):
        source = "" if how else ", personal: [Ordered]"
        (cause,) = account(take_orders(tmp_path, text, source, f"bad_rows_allowed: 0.5\n    {how}")).causes
        assert cause.examples == ("record 20 of orders.csv",)


# ---- Control totals ---------------------------------------------------------------------------------------


def test_amounts_add_up_to_what_python_adds_up_whatever_became_of_their_rows(tmp_path):
    text = HEADER + GOOD + "1,a,2025-02-31,0.10,paid\n2,a,2025-02-03,much,paid\n3,a,2025-02-03,0.20,gone\n"
    total = account(take_orders(tmp_path, text, table="bad_rows_allowed: 0.5")).totals["amount"]
    amounts = [row["Total"] for row in csv.DictReader(text.splitlines())]
    assert Decimal(total.accepted) + Decimal(total.rejected) == sum(Decimal(a) for a in amounts if a != "much")
    assert Decimal(total.rejected) == Decimal("0.30")
    assert total.unreadable == 1


def test_a_shifted_cell_of_a_malformed_record_is_in_no_total(tmp_path):
    text = (
        HEADER
        + "1,C,2025-01-01,5,paid\n2,Smith, John,2025-01-01,7,paid\n3,C,2025-01-01,1,234.50,paid\n4,C,2025-01-01\n"
    )
    total = account(take_orders(tmp_path, text, table="bad_rows_allowed: 1")).totals["amount"]
    assert (Decimal(total.accepted), Decimal(total.rejected), total.unreadable) == (5, 0, 3)


# ---- References -------------------------------------------------------------------------------------------


def test_orphans_are_kept_and_counted(tmp_path):
    parameters = (
        "sources: {orders: {file: orders.csv}, people: {file: people.csv}}"
        + ORDERS
        + "  customers: {source: people, columns: {customer_id: Id, referred_by: By}}\n"
    )
    orders = HEADER + "1,c1,2025-01-01,1,paid\n2,c9,2025-01-02,1,paid\n3,,2025-01-03,1,paid\n4,c9,2025-01-04,1,paid\n"
    taken = take(tmp_path, parameters, orders_csv=orders, people_csv="Id,By\nc1,\nc2,c1\nc3,c8\n")
    (link,) = account(taken).references
    assert (link.column, link.parent, link.rows, link.orphans) == ("customer_id", "customers", 3, 2)
    assert len(rows(taken, "orders")) == 4
    (own,) = account(taken, "customers").references
    assert (own.column, own.rows, own.orphans) == ("referred_by", 2, 1)


# ---- Lines ------------------------------------------------------------------------------------------------

LINES = """
sources: {lines: {file: lines.csv, columns: {Invoice: key, Units: integer, Price: money}}}
tables:
  orders:
    query: |
      select Invoice as order_id, min(Day) as ordered_at, sum(Units * Price) as amount, 'paid' as status
      from lines where Invoice not like 'C%' group by 1
    lines: {source: lines, key: Invoice, totals: {amount: Units * Price}}
"""
LINES_CSV = "Invoice,Day,Units,Price\n007,2025-01-01,2,1.10\n007,2025-01-01,1,3\n8,2025-01-02,1,5\nC9,2025-01-03,-1,5\n,2025-01-04,1,9\n"


def test_lines_that_reached_no_order_are_counted_with_their_totals(tmp_path):
    lines = account(take(tmp_path, LINES, lines_csv=LINES_CSV)).lines
    # 007 and 8 hold three lines and 10.20; the credit note and the line without an invoice reach nothing.
    assert (lines.source, lines.read, lines.unmatched) == ("lines", 5, 2)
    assert {name: tuple(map(Decimal, sums)) for name, sums in lines.totals.items()} == {
        "amount": (Decimal("14.20"), Decimal("10.20"), Decimal("10.20"))
    }


def test_a_query_that_counts_lines_twice_shows_in_the_totals(tmp_path):
    doubled = LINES.replace("from lines where", "from (from lines union all from lines) where")
    sums = account(take(tmp_path, doubled, lines_csv=LINES_CSV)).lines.totals["amount"]
    assert [Decimal(each) for each in sums[1:]] == [Decimal("10.20"), Decimal("20.40")]


def test_without_a_declaration_the_account_says_that_lines_are_not_counted(tmp_path):
    parameters = "\n".join(line for line in LINES.splitlines() if "lines: {source: lines, key" not in line)
    found = account(take(tmp_path, parameters, lines_csv=LINES_CSV))
    assert found.lines is None
    assert "declare `lines:`" in found.notes[0]


@pytest.mark.parametrize(
    ("was", "wrong", "said"),
    [
        ("key: Invoice", "key: Invoices", "tables.orders.lines"),
        ("Units * Price}", "nothing at all}", "tables.orders.lines"),
        ("Units * Price}", "'1) as a from lines; drop table lines; select (1'}", "one SELECT"),
        ("Units * Price}", '"(select max(Day) from read_csv(/etc/passwd))"}', "tables.orders.lines"),
        ("totals: {amount:", "totals: {total:", "is not an amount of orders"),
        ("{source: lines, key: I", "{source: line, key: I", "not among the sources"),
    ],
)
def test_a_wrong_declaration_of_lines_is_refused(tmp_path, was, wrong, said):
    with pytest.raises(InputError, match=said):
        take(tmp_path, LINES.replace(was, wrong), lines_csv=LINES_CSV)


# ---- The clock --------------------------------------------------------------------------------------------


def at(zone: str, *times: str) -> str:
    """Orders at these times, by the clock of a zone, after eighteen good ones."""
    return HEADER + GOOD + "".join(f"{n},a,{time},1,paid\n" for n, time in enumerate(times))


def clocked(tmp_path, zone: str, *times: str):
    """The account and the quarantine of such orders."""
    parameters = f"time_zone: {zone}\nsources: {{orders: {{file: orders.csv}}}}{ORDERS}    bad_rows_allowed: 0.5\n"
    taken = take(tmp_path, parameters, orders_csv=at(zone, *times))
    return account(taken), [row["Ordered"] for row in quarantined(taken, "orders")]


def test_a_time_that_the_clock_skipped_is_wrong_and_its_neighbours_are_not(tmp_path):
    times = ("2025-03-30 00:59:59", "2025-03-30 01:00:00", "2025-03-30 01:59:59", "2025-03-30 02:00:00")
    found, wrong = clocked(tmp_path, "Europe/London", *times)
    assert wrong == [*times[1:3]]
    assert list(found.reasons) == ["ordered_at does not exist in Europe/London (daylight saving time)"]
    assert clocked(tmp_path, "UTC", *times)[1] == []
    assert clocked(tmp_path, "America/New_York", *times)[1] == []


def test_a_day_without_a_time_is_right_where_the_clock_jumps_at_midnight(tmp_path):
    _, wrong = clocked(tmp_path, "America/Sao_Paulo", "2018-11-04", "2018-11-04 00:30:00", "2018-11-04 01:00:00")
    assert wrong == ["2018-11-04 00:30:00"]


def test_an_instant_that_says_its_offset_is_never_skipped(tmp_path):
    found, wrong = clocked(tmp_path, "Europe/London", "2025-03-30T01:30:00Z", "2025-10-26T00:30:00Z")
    assert wrong == []
    assert "1 time is in the hour that occurs twice when daylight saving time ends in Europe/London" in found.notes[0]


def test_times_that_the_clock_showed_twice_are_kept_and_counted(tmp_path):
    found, wrong = clocked(
        tmp_path, "Europe/London", "2025-10-26 01:00:00", "2025-10-26 01:59:59", "2025-10-26 02:00:00"
    )
    assert wrong == []
    assert found.notes == (
        "ordered_at: 2 times are in the hour that occurs twice when daylight saving time ends in Europe/London; durations may be wrong by an hour",
    )


@pytest.mark.parametrize(
    ("zone", "start", "end", "skipped"),
    [
        ("Europe/Amsterdam", datetime(2025, 3, 30, 2), datetime(2025, 3, 30, 3), True),
        ("Europe/Amsterdam", datetime(2025, 10, 26, 2), datetime(2025, 10, 26, 3), False),
        ("America/New_York", datetime(2025, 3, 9, 2), datetime(2025, 3, 9, 3), True),
        ("Australia/Lord_Howe", datetime(2025, 10, 5, 2), datetime(2025, 10, 5, 2, 30), True),
        ("Pacific/Apia", datetime(2011, 12, 30), datetime(2011, 12, 31), True),  # a whole day was left out
    ],
)
def test_the_changes_of_the_clock_are_those_of_the_almanac(zone, start, end, skipped):
    assert (start, end, skipped) in find_clock_changes(zone)


def test_a_zone_without_summer_time_changes_nothing():
    assert [change for change in find_clock_changes("Asia/Kolkata") if change[0].year > 1970] == []


# ---- The quarantine, sent again ---------------------------------------------------------------------------


def test_what_a_client_mends_and_sends_again_is_taken_in(tmp_path):
    source, allowed = ", date_format: '%d/%m/%Y'", "bad_rows_allowed: 0.5"
    good = "".join(f"00{n},c{n},{n}/01/2025,{n}.50,paid\n" for n in range(10, 15))
    text = HEADER + good + '0701,"=1+1",31/02/2025,1.10,paid\n0702,"quoted ""and""\nbroken",30/02/2025,2.20,paid\n'
    first = take_orders(tmp_path, text, source, allowed)
    wrong = quarantined(first, "orders")
    assert [row["record"] for row in wrong] == ["7", "8"]
    mended = tmp_path / "orders_mended.csv"
    with mended.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(wrong[0]))
        writer.writeheader()
        writer.writerows({**row, "Ordered": "28/02/2025"} for row in wrong)
    (tmp_path / "orders.csv").write_text(HEADER + good)
    again = take(tmp_path, f"sources: {{orders: {{file: orders*.csv{source}}}}}{ORDERS}    {allowed}\n")
    assert counts(again) == [("orders", "orders", 7, 7, 0, {})]
    assert [(row["order_id"], row["customer_id"], row["amount"]) for row in rows(again, "orders")[-2:]] == [
        ("0701", "=1+1", Decimal("1.10")),
        ("0702", 'quoted "and"\nbroken', Decimal("2.20")),
    ]


def resend(tmp_path, change=lambda row: row) -> tuple:
    """A client with five wrong rows in a hundred, whose quarantine was sent again: the intakes before and after."""
    text = HEADER + "".join(f"g{n},a,2025-01-05,1.00,paid\n" for n in range(95))
    (tmp_path / "orders_2.csv").unlink(missing_ok=True)
    (tmp_path / "orders_1.csv").write_text(text + "".join(f"b{n},a,2025-02-3{n},2.00,paid\n" for n in range(5)))
    parameters = f"sources: {{orders: {{file: orders_*.csv}}}}{ORDERS}    bad_rows_allowed: 0.1\n"
    first = take(tmp_path, parameters)
    found = [change(row) for row in csv.DictReader((first.folder / "quarantine" / "orders.csv").open())]
    with (tmp_path / "orders_2.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, list(found[0]))
        writer.writeheader()
        writer.writerows(found)
    return first, take(tmp_path, parameters)


def test_mended_rows_take_the_place_of_the_faulty_ones(tmp_path):
    first, again = resend(tmp_path, lambda row: row if row["No"] == "b4" else row | {"Ordered": "2025-02-28"})
    assert counts(first)[0][2:5] == (100, 95, 5)
    assert (again.audits[0].read, again.audits[0].accepted, again.audits[0].replaced) == (105, 99, 5)
    assert [(row["No"], row["file"]) for row in quarantined(again, "orders")] == [("b4", "orders_2.csv")]
    total = again.audits[0].totals["amount"]
    assert (Decimal(total.accepted), Decimal(total.rejected)) == (103, 2)  # what the client's books say, 105
    assert again.audits[0].notes == ("5 rejected rows are replaced by corrected rows",)
    assert again.profile.headers == first.profile.headers


@pytest.mark.parametrize("name", ["file", "record", "reasons"])
def test_a_row_that_no_longer_stands_there_or_is_wrong_otherwise_is_not_replaced(tmp_path, name):
    _, again = resend(tmp_path, lambda row: row | {f"{name} (crmnb)": "3"})
    assert again.audits[0].replaced == 0
    assert again.audits[0].rejected == 10
    # Nor is a right row, whatever is said of it.
    _, right = resend(tmp_path, lambda row: row | {"record (crmnb)": "3", "reasons (crmnb)": ""})
    assert right.audits[0].replaced == 0


def test_the_spreadsheet_of_the_quarantine_holds_texts_only_and_can_be_sent_beside_the_csv(tmp_path):
    source, allowed = ", date_format: '%d/%m/%Y', decimal: ','", "bad_rows_allowed: 0.5"
    good = "".join(f'00{n},c{n},{n}/01/2025,"{n},50",paid\n' for n in range(10, 15))
    text = HEADER + good + '0701,=1+1,31/02/2025,"1,10",paid\n0702,@SUM(A1),30/02/2025,"-2,20",paid\n'
    first = take_orders(tmp_path, text, source, allowed)
    made = first.folder / "quarantine" / "orders.xlsx"
    (sheet,) = load_workbook(str(made)).sheet_names
    cells = load_workbook(str(made)).get_sheet_by_name(sheet).to_python()
    assert all(isinstance(cell, str) for row in cells for cell in row)  # no number, no date, no formula
    assert cells[1][:5] == ["0701", "=1+1", "31/02/2025", "1,10", "paid"]
    with zipfile.ZipFile(made) as parts:
        assert all(b"<f>" not in parts.read(name) for name in parts.namelist())
    mended = [
        [cell.replace("31/02", "28/02").replace("30/02", "27/02").replace("-2", "2") for cell in row] for row in cells
    ]
    with xlsxwriter.Workbook(str(tmp_path / "orders_mended.xlsx")) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate(mended):
            for place, cell in enumerate(row):
                sheet.write_string(number, place, cell)
    (tmp_path / "orders.csv").write_text(HEADER + good)
    again = take(tmp_path, f"sources: {{orders: {{file: 'orders*.*'{source}}}}}{ORDERS}    {allowed}\n")
    assert counts(again) == [("orders", "orders", 7, 7, 0, {})]
    assert [(row["order_id"], row["customer_id"], row["amount"]) for row in rows(again, "orders")[-2:]] == [
        ("0702", "@SUM(A1)", Decimal("2.20")),
        ("0701", "=1+1", Decimal("1.10")),
    ]


def test_a_refused_intake_hands_over_its_accounts_and_keeps_its_quarantine(tmp_path):
    with pytest.raises(ImportRefused) as refused:
        take_orders(tmp_path, HEADER + "1,a,2025-02-31,1,paid\n2,a,2025-02-01,1,paid\n")
    (last,) = refused.value.audits
    assert (last.table, last.read, last.rejected) == ("orders", 2, 1)
    assert [row["No"] for row in csv.DictReader((refused.value.folder / "orders.csv").open())] == ["1"]


@pytest.mark.parametrize(
    ("sheet", "comment"),
    [("Orders: 2025", "x"), ("Orders of the whole year 2025 and more", "x"), ("May", "x" * 40_000)],
)
def test_what_no_spreadsheet_can_hold_is_in_the_csv_file_alone(tmp_path, sheet, comment):
    path = tmp_path / "quarantine" / "orders.csv"
    path.parent.mkdir()
    path.write_text(f"No,Comment\n1,{comment}\n")
    assert not _fits_spreadsheet(Source(file="o.ods", sheets=(sheet,)), ["No", "Comment"], path)
    path.write_text("No,Comment\n1,x\n")
    assert _fits_spreadsheet(Source(file="o.ods", sheets=("May",)), ["No", "Comment"], path)


# ---- The profile ------------------------------------------------------------------------------------------


def test_the_profile_has_ranges_levels_and_shares_of_missing_but_nothing_of_a_person(tmp_path):
    text = "No,Customer,Ordered,Total,Status,Where,Name\n" + "".join(
        f"{n},{'' if n % 4 else 'c'},2025-01-{n + 1:02},{n},paid,{'web' if n % 2 else 'shop'},Ann\n" for n in range(20)
    )
    more = "columns: {order_id: No, customer_id: Customer, ordered_at: Ordered, amount: Total, status: Status, channel: Where, name: Name}"
    orders = f"tables: {{orders: {{source: orders, personal: [name], {more}}}}}\n"
    taken = take(tmp_path, "sources: {orders: {file: orders.csv}}\n" + orders, orders_csv=text)
    found = taken.profile.columns["orders"]
    assert taken.profile.rows == {"orders": 20}
    assert taken.profile.headers == {"orders": ["No", "Customer", "Ordered", "Total", "Status", "Where", "Name"]}
    assert found["customer_id"].missing == 0.75
    assert found["customer_id"].levels is None
    assert found["channel"].levels == {"shop": 10, "web": 10}
    assert (found["amount"].minimum, found["amount"].maximum) == ("0.0000", "19.0000")
    assert (found["ordered_at"].minimum, found["ordered_at"].maximum) == ("2025-01-01 00:00:00", "2025-01-20 00:00:00")
    assert (found["name"].missing, found["name"].levels, found["name"].minimum) == (0, None, None)


def test_the_profile_of_the_intake_before_is_remembered_over_reuse(tmp_path):
    first = take_orders(tmp_path, HEADER + GOOD)
    second = take_orders(tmp_path, HEADER + GOOD + "1,a,2025-02-01,1,paid\n")
    reused = take_orders(tmp_path, HEADER + GOOD + "1,a,2025-02-01,1,paid\n")
    assert first.previous_profile is None
    assert second.previous_profile == first.profile
    assert reused.reused
    assert reused.previous_profile == first.profile
    assert reused.audits == second.audits


def test_the_same_data_by_other_parameters_are_held_against_what_was_before_them(tmp_path):
    first = take_orders(tmp_path, HEADER + GOOD)
    take_orders(tmp_path, HEADER + GOOD + "1,a,2025-02-01,1,paid\n")
    again = take_orders(tmp_path, HEADER + GOOD + "1,a,2025-02-01,1,paid\n", ", missing: ['', '?']")
    assert not again.reused
    assert again.previous_profile == first.profile


def test_a_workbook_with_a_title_and_sheets_has_a_quarantine_that_is_read_beside_it(tmp_path):
    def workbook(name, days, more=()):
        with xlsxwriter.Workbook(str(tmp_path / name)) as book:
            for sheet_name, numbers in (("May", range(10, 15)), ("June", range(15, 20))):
                sheet = book.add_worksheet(sheet_name)
                sheet.write(0, 0, "Sales")
                rows_ = [HEADER.strip().split(","), *([str(n), "a", days, "1.5", "paid"] for n in numbers)]
                for number, row in enumerate([*rows_, *(more if sheet_name == "May" else ())], 2):
                    sheet.write_row(number, 0, row)

    source = ", header: 3, sheets: [May, June]"
    parameters = f"sources: {{orders: {{file: 'orders*.xlsx'{source}}}}}{ORDERS}    bad_rows_allowed: 0.5\n"
    workbook("orders.xlsx", "2025-01-05", [["99", "a", "2025-02-31", "1.5", "paid"]])
    first = take(tmp_path, parameters)
    assert counts(first)[0][2:5] == (11, 10, 1)
    shutil.copy(first.folder / "quarantine" / "orders.xlsx", tmp_path / "orders_mended.xlsx")
    again = take(tmp_path, parameters)  # not mended, and so the same row once more
    assert counts(again)[0][2:5] == (12, 10, 1)  # and it has taken the other's place
    assert [row["file"] for row in quarantined(again, "orders")] == ["orders_mended.xlsx, sheet May"]
