"""Notations: what stands in a file is read in the one that is declared, and a notation that was not declared is never guessed."""

from datetime import datetime
from decimal import Decimal

import duckdb
import pytest
from importing import ORDERS, counts, quarantined, rows, take, take_orders

from crmnb.core.errors import InputError

HEADER = "No,Customer,Ordered,Total,Status\n"


def orders(times=(), amounts=(), keys=()) -> str:
    """A file of orders that differ in their times, amounts or keys only."""
    count = max(map(len, (times, amounts, keys)))
    columns = zip(keys or range(count), times or ["2025-01-01"] * count, amounts or ["1.00"] * count, strict=True)
    return HEADER + "".join(f'"{key}",a,"{time}","{amount}",paid\n' for key, time, amount in columns)


def refusal(tmp_path, text: str, source: str = "") -> str:
    """What is said as the file is refused."""
    with pytest.raises(InputError) as refused:
        take_orders(tmp_path, text, source)
    return str(refused.value)


# ---- Times ------------------------------------------------------------------------------------------------


def test_dates_in_both_orders_are_refused_with_how_many_each_notation_would_read(tmp_path):
    said = refusal(tmp_path, orders(times=["13/01/2025", "14/01/2025", "01/15/2025", "02/03/2025"]))
    assert "'13/01/2025', '14/01/2025', '01/15/2025'" in said
    assert "of 4 of these values, " in said
    assert '`date_format: "%d/%m/%Y"` reads 3 and `date_format: "%m/%d/%Y"` reads 2' in said
    assert "mixes several" in said


def test_dates_that_fit_two_orders_are_not_guessed(tmp_path):
    said = refusal(tmp_path, orders(times=["03/04/2025", "05/06/2025", "07/08/2025", "09/10/2025"]))
    assert "'03/04/2025', '05/06/2025', '07/08/2025'" in said
    assert '`date_format: "%d/%m/%Y"` or `date_format: "%m/%d/%Y"`' in said


def test_a_declared_order_is_kept_to_for_every_row(tmp_path):
    taken = take_orders(
        tmp_path,
        orders(times=[*(f"{n:02}/01/2025" for n in range(1, 13)), "01/15/2025"]),
        ", date_format: '%d/%m/%Y'",
        "bad_rows_allowed: 0.5",
    )
    assert [row["ordered_at"] for row in rows(taken, "orders")] == [datetime(2025, 1, n) for n in range(1, 13)]
    assert [row["Ordered"] for row in quarantined(taken, "orders")] == ["01/15/2025"]


def test_years_of_two_digits_are_said_to_be_so(tmp_path):
    times = ["31/12/24", "01/02/25"]
    assert '`date_format: "%d/%m/%y"`' in refusal(tmp_path, orders(times=times))
    taken = take_orders(tmp_path, orders(times=times), ", date_format: '%d/%m/%y'")
    assert [row["ordered_at"] for row in rows(taken, "orders")] == [datetime(2024, 12, 31), datetime(2025, 2, 1)]


@pytest.mark.parametrize(
    ("form", "right", "wrong"),
    [
        ("%d.%m.%y", ["1.2.03", "31.12.25"], ["1.2.3", "1.2.2003", "1.2.03.4", "1,2,03"]),
        ("%Y%m%d", ["20251101"], ["2025111", "251101", "202511011"]),
        ("%d/%m/%Y %H:%M", ["1/2/2025 9:05", "01/02/2025 09:05"], ["1/2/2025", "1/2/25 9:05", "infinity", "epoch"]),
        ("%d %b %Y", ["3 Mar 2025"], ["3 3 2025", "3 Mrz 2025", "-infinity"]),
        ("%d/%m/%Y %I:%M %p", ["1/2/2025 9:05 PM"], ["1/2/2025 21:05 PM", "1/2/2025 9:05"]),
        ("%Y-%m-%dT%H:%M:%S%z", ["2025-01-02T03:04:05+0100", "2025-01-02T03:04:05Z"], ["2025-01-02T03:04:05"]),
        ("100%% %d.%m.%Y", ["100% 1.2.2025"], ["1.2.2025"]),
    ],
)
def test_a_declared_format_takes_what_can_be_meant_in_one_way_only(tmp_path, form, right, wrong):
    text = orders(times=[*right, *wrong])
    taken = take_orders(tmp_path, text, f', date_format: "{form}"', "bad_rows_allowed: 1")
    assert [row["Ordered"] for row in quarantined(taken, "orders")] == wrong


def test_day_numbers_of_a_spreadsheet_are_offered_and_read(tmp_path):
    # 45658 is 2025-01-01 in every spreadsheet; .75 is six in the evening.
    times = ["45658", "45658.75", "45716.000011574"]
    assert '`date_format: "excel"`' in refusal(tmp_path, orders(times=times))
    taken = take_orders(tmp_path, orders(times=times), ", date_format: excel")
    assert [row["ordered_at"] for row in rows(taken, "orders")] == [
        datetime(2025, 1, 1),
        datetime(2025, 1, 1, 18),
        datetime(2025, 2, 28, 0, 0, 1),
    ]


@pytest.mark.parametrize("number", ["60", "0", "-5", "1e5", "45658,5", "999999", "45658 ", "2025-01-01"])
def test_what_is_no_day_number_is_set_aside(tmp_path, number):
    taken = take_orders(
        tmp_path, orders(times=["45658", "45659", "45660", number]), ", date_format: excel", "bad_rows_allowed: 0.5"
    )
    assert counts(taken)[0][3] == (4 if number == "45658 " else 3)


def test_day_numbers_with_a_decimal_comma(tmp_path):
    source = ", date_format: excel, decimal: ','"
    taken = take_orders(tmp_path, orders(times=["45658,5"], amounts=["1,5"]), source)
    assert [(row["ordered_at"], row["amount"]) for row in rows(taken, "orders")] == [
        (datetime(2025, 1, 1, 12), Decimal("1.5"))
    ]


def test_months_are_read_as_months_or_from_dates(tmp_path):
    parameters = """
sources: {costs: {file: costs.csv}}
tables: {costs: {source: costs, columns: {month: Month, category: What, amount: Sum}, bad_rows_allowed: 0.5}}
"""
    text = "Month,What,Sum\n2025-03,service,1\n2025-03-31,service,2\n2025-13,service,3\n2025-03,service,1\n25-3,service,1\n"
    taken = take(tmp_path, parameters, costs_csv=text)
    assert [row["month"] for row in rows(taken, "costs")] == [
        datetime(2025, 3, 1)
    ] * 3  # equal rows are no repeats: no key
    assert [row["Month"] for row in quarantined(taken, "costs")] == ["2025-13", "25-3"]


# ---- Numbers ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("amounts", [["1.234", "12.500", "999.000"], ["1.234.567", "12.500", "7"], ["-1.500", "2.000"]])
def test_points_that_may_be_decimal_or_thousands_are_not_guessed(tmp_path, amounts):
    said = refusal(tmp_path, orders(amounts=amounts))
    assert 'decimal: "."' in said
    assert 'decimal: ",", thousands: "."' in said
    assert repr(amounts[0]) in said


def test_once_declared_the_point_is_what_it_was_said_to_be(tmp_path):
    text = orders(amounts=["1.234", "12.500"])
    assert [row["amount"] for row in rows(take_orders(tmp_path, text, ", decimal: '.'"), "orders")] == [
        Decimal("1.234"),
        Decimal("12.5"),
    ]
    other = take_orders(tmp_path, text, ", decimal: ',', thousands: '.'")
    assert [row["amount"] for row in rows(other, "orders")] == [Decimal("1234"), Decimal("12500")]


@pytest.mark.parametrize(
    ("amounts", "source"),
    [
        (["€ 1.231", "€ 1.232"], ", signs: ['€']"),
        (["1.231", "n.a."], ", missing: ['', n.a.]"),
        (["1.231", "see inv. 4"], ""),
        ([" 1.231", "1.2.3"], ""),
    ],
)
def test_what_is_no_number_says_nothing_about_the_points_of_others(tmp_path, amounts, source):
    assert "is followed by three digits" in refusal(tmp_path, orders(amounts=amounts), source)


def test_the_points_of_whole_numbers_are_not_guessed_either(tmp_path):
    parameters = """
sources: {v: {file: v.csv%s}}
tables: {visits: {source: v, columns: {visit_id: No, visitor_id: Who, started_at: At, pages: Pages}}}
"""
    text = "No,Who,At,Pages\n1,a,2025-01-01,1.000\n2,b,2025-01-01,999\n"
    with pytest.raises(
        InputError,
        match=r"the numbers in pages is ambiguous. Every point is followed by three digits, such as '1\.000'",
    ):
        take(tmp_path, parameters % "", v_csv=text)
    declared = take(tmp_path, parameters % ", decimal: ',', thousands: '.'", v_csv=text)
    assert [row["pages"] for row in rows(declared, "visits")] == [1000, 999]
    proved = take(tmp_path, parameters % "", v_csv=text + "3,c,2025-01-01,5.0\n")
    assert [row["pages"] for row in rows(proved, "visits")] == [1, 999, 5]


def test_amounts_that_are_rounded_are_told_of(tmp_path):
    taken = take_orders(tmp_path, orders(amounts=["1.00005", "0.00004", "1.50000", "2.1234"]))
    assert taken.audits[0].notes == ("amount: 2 amounts have more than four decimals and are rounded",)


@pytest.mark.parametrize("amounts", [["1.234", "12.50"], ["0.125", "0.250"], ["1234.500", "2000.000"], ["5", "7"]])
def test_points_that_can_only_be_decimal_need_no_word(tmp_path, amounts):
    taken = take_orders(tmp_path, orders(amounts=amounts))
    assert [row["amount"] for row in rows(taken, "orders")] == [Decimal(amount) for amount in amounts]


@pytest.mark.parametrize(
    ("amounts", "line", "source", "read"),
    [
        (["£1,234.50", "£2.00"], 'decimal: ".", thousands: ",", signs: ["£"]', "decimal: '.', thousands: ',', signs: ['£']", "1234.50"),
        (["1.234,50 €", "2,00 €"], 'decimal: ",", thousands: ".", signs: ["€"]', "decimal: ',', thousands: '.', signs: ['€']", "1234.50"),
        (["12.5%", "3%"], 'decimal: ".", signs: ["%"]', "signs: ['%']", "12.5"),
        (["EUR 5", "USD 6"], 'decimal: ".", signs: ["EUR", "USD"]', "signs: [EUR, USD]", "5"),
        (["+$5.10", "$6"], 'decimal: ".", signs: ["$"]', "signs: ['$']", "5.10"),
        (["1,5", "2,75"], 'decimal: ","', "decimal: ','", "1.5"),
        (["1 234,5", "2,75"], 'decimal: ",", thousands: " "', "decimal: ',', thousands: ' '", "1234.5"),
        (["1'234.5", "2.75"], "decimal: \".\", thousands: \"'\"", 'decimal: ".", thousands: "\'"', "1234.5"),
    ],
)  # fmt: skip
def test_marks_and_signs_are_offered_and_read_once_declared(tmp_path, amounts, line, source, read):
    text = orders(amounts=amounts)
    said = refusal(tmp_path, text)
    assert f"`{line}`" in said
    assert repr(amounts[0]) in said
    taken = take_orders(tmp_path, text, f", {source}")
    assert rows(taken, "orders")[0]["amount"] == Decimal(read)


@pytest.mark.parametrize(
    "amount",
    ["£", "£-", "1£2", "££5", "5 5", "£1.2.3", "1_000", "0x1F", "1e400", "(5.00)", "5-", "inf", "nan", "½"],
)
def test_what_is_no_amount_with_a_sign_is_set_aside(tmp_path, amount):
    taken = take_orders(tmp_path, orders(amounts=["£1.00", "£2.00", amount]), ", signs: ['£']", "bad_rows_allowed: 0.5")
    assert counts(taken)[0][3:5] == (2, 1)


# ---- Keys -------------------------------------------------------------------------------------------------


def test_keys_that_a_spreadsheet_rounded_are_set_aside(tmp_path):
    keys = ["1.23457E+11", "1,2E+12", "1.2345678901234568e+17", "12E5", "A1E+10", "007", "7", "13085.0"]
    taken = take_orders(tmp_path, orders(keys=keys), table="bad_rows_allowed: 0.5")
    assert [row["No"] for row in quarantined(taken, "orders")] == keys[:3]
    assert {row["reasons"] for row in quarantined(taken, "orders")} == {"order_id was rounded by a spreadsheet"}
    assert {row["order_id"] for row in rows(taken, "orders")} == {"12E5", "A1E+10", "007", "7", "13085"}


def test_numbers_that_are_keys_no_longer_are_set_aside(tmp_path):
    file = tmp_path / "orders.parquet"
    keys = "(VALUES (123456789012345678), (123456789012345679), (9007199254740992), (13085)) AS k(key)"
    with duckdb.connect() as con:
        rows_of = (
            "SELECT key::DOUBLE AS No, 'a' AS Customer, DATE '2025-01-01' AS Ordered, 1 AS Total, 'paid' AS Status"
        )
        con.execute(f"COPY ({rows_of} FROM {keys}) TO '{file}'")
    taken = take(tmp_path, f"sources: {{orders: {{file: orders.parquet}}}}{ORDERS}    bad_rows_allowed: 1\n")
    assert [row["order_id"] for row in rows(taken, "orders")] == ["13085", "9007199254740992"]
    assert counts(taken)[0][5] == {"order_id was rounded by a spreadsheet": 2}


# ---- Words for what is missing ----------------------------------------------------------------------------


def test_only_declared_words_mean_that_nothing_is_known(tmp_path):
    parameters = """
sources: {people: {file: people.csv%s}}
tables: {customers: {source: people, columns: {customer_id: Id, joined_at: Since, age: Age}, types: {age: integer}, bad_rows_allowed: 0.9}}
"""
    text = "Id,Since,Age\n" + "".join(
        f"{n},{word},{word}\n" for n, word in enumerate(["?", "-", "N/A", "-100", " ", ""])
    )
    undeclared = take(tmp_path, parameters % "", people_csv=text + "".join(f"x{n},2025-01-01,30\n" for n in range(9)))
    assert counts(undeclared)[0][3:] == (11, 4, {"joined_at is not a date or time": 4, "age is not a whole number": 3})
    declared = take(tmp_path, parameters % ", missing: ['', '?', '-', N/A, '-100']", people_csv=text)
    assert [(row["joined_at"], row["age"]) for row in rows(declared, "customers")] == [(None, None)] * 6


def test_an_attribute_is_text_unless_it_is_given_a_type(tmp_path):
    parameters = """
sources: {people: {file: people.csv}}
tables: {customers: {source: people, columns: {customer_id: Id, size: Size, age: Age}, types: {age: integer}, bad_rows_allowed: 0.9}}
"""
    taken = take(tmp_path, parameters, people_csv="Id,Size,Age\n1,007,30\n2,x,old\n")
    assert rows(taken, "customers") == [{"customer_id": "1", "size": "007", "age": 30}]
    assert taken.columns["customers"] == {"customer_id": "VARCHAR", "size": "VARCHAR", "age": "BIGINT"}
    assert quarantined(taken, "customers")[0]["reasons"] == "age is not a whole number"


@pytest.mark.parametrize(
    ("types", "said"),
    [
        ("{age: whole}", "types.age: 'whole' is not a type"),
        ("{joined_at: text}", "joined_at always has the type time"),
        ("{ages: integer}", "'ages' is not mapped under columns"),
    ],
)
def test_a_type_that_does_not_fit_is_refused(tmp_path, types, said):
    parameters = f"""
sources: {{people: {{file: people.csv}}}}
tables: {{customers: {{source: people, columns: {{customer_id: Id, joined_at: Since, age: Age}}, types: {types}}}}}
"""
    with pytest.raises(InputError, match=said):
        take(tmp_path, parameters, people_csv="Id,Since,Age\n1,2025-01-01,3\n")


def test_amounts_with_credit_and_debit_marks_get_advice(tmp_path):
    text = "No,Customer,Ordered,Total,Status\n1,a,2025-01-01,10.50 CR,paid\n2,b,2025-01-02,20.50DR,paid\n"
    with pytest.raises(InputError, match=r"They end with CR or DR \(credit, debit\).*Ask for amounts with a minus"):
        take_orders(tmp_path, text)
