"""Bad input: a clear message or a reason in the quarantine, no traceback, no lost row. What no other test holds is here.

Where each kind of it is tested:

missing file                    test_intake.py::test_a_missing_file_says_where_it_was_looked_for
empty file                      test_intake.py::test_a_text_that_cannot_be_read_says_why
header only                     test_intake.py::test_a_header_alone_is_a_table_without_rows
wrong delimiter                 test_intake.py::test_a_text_that_cannot_be_read_says_why
cp1252                          test_intake.py::test_a_text_that_cannot_be_read_says_why
UTF-16, with and without BOM    test_intake_text.py::test_a_file_that_cannot_be_read_says_what_to_do
byte garbage                    test_intake_text.py::test_a_file_that_cannot_be_read_says_what_to_do,
                                test_a_byte_of_another_encoding_in_a_malformed_record_is_shown
a NUL byte                      test_a_nul_byte_costs_no_row
mixed newlines                  test_intake_text.py::test_mixed_newlines_blank_lines_and_malformed_records_keep_their_numbers
quotes never closed             test_intake.py::test_a_text_that_cannot_be_read_says_why
a line of 100 MB                test_a_line_of_100_mb_is_a_row_like_any_other
duplicated column names         test_intake.py::test_a_text_that_cannot_be_read_says_why
empty column names              test_intake_text.py::test_a_header_alone_gives_no_rows_and_odd_bytes_stay
a missing mapped column         test_intake.py::test_a_missing_column_names_the_nearest_headers
columns in another order        test_intake_text.py::test_several_files_bind_their_columns_by_name
2,000 columns                   test_intake_text.py::test_two_thousand_columns_and_a_long_line, test_intake_excel.py::test_two_thousand_columns
mixed date orders               test_intake_notation.py::test_dates_in_both_orders_are_refused_with_how_many_each_notation_would_read
two-digit years                 test_intake_notation.py::test_years_of_two_digits_are_said_to_be_so
31 February                     test_a_day_that_never_was_is_set_aside_in_every_notation
Excel's serial dates            test_intake_notation.py::test_day_numbers_of_a_spreadsheet_are_offered_and_read
skipped and repeated hours      test_intake_accounts.py::test_a_time_that_the_clock_skipped_is_wrong_and_its_neighbours_are_not,
                                ::test_times_that_the_clock_showed_twice_are_kept_and_counted
decimal commas, thousands,      test_intake_notation.py::test_marks_and_signs_are_offered_and_read_once_declared
currency and percent signs
numbers as text                 test_numbers_as_text_are_numbers
leading zeros, keys as floats   test_intake_notation.py::test_keys_that_a_spreadsheet_rounded_are_set_aside,
                                test_intake_text.py::test_parquet_keeps_its_types_and_float_keys_are_keys
duplicated keys                 test_intake_rules.py::test_of_rows_with_one_key_the_first_good_one_is_kept
orphans                         test_intake_accounts.py::test_orphans_are_kept_and_counted
resolved before opened          test_a_case_is_not_resolved_before_it_was_opened
future dates                    test_intake_rules.py::test_without_a_declared_end_no_order_lies_in_the_future
negative amounts                test_intake_rules.py::test_each_rule_of_the_contract_is_held
an 11 on a 0-10 scale           test_intake_rules.py::test_an_answer_beyond_its_scale_is_a_wrong_row_and_an_empty_one_is_not
blank, ?, -, N/A, -100          test_intake_notation.py::test_only_declared_words_mean_that_nothing_is_known
formulas in cells               test_formulas_in_text_stay_text_and_are_text_in_the_spreadsheet_to_mend,
                                test_intake_excel.py::test_formulas_give_their_values_and_are_refused_without
merged cells                    test_intake_excel.py::test_merged_cells_among_the_rows_are_refused
a title row above the header    test_intake_text.py::test_the_header_is_the_declared_record, test_intake_excel.py::test_a_title_above_the_header
a client named ../../x          test_run.py::test_what_is_wrong_is_said_in_a_line_without_a_traceback, test_client.py::test_a_name_that_is_none_is_refused_before_a_path_is_made
YAML that builds or expands     test_client.py::test_yaml_that_is_not_plain_data_is_refused, ::test_an_object_in_the_file_runs_nothing
unknown keys                    test_client.py::test_each_wrong_key_is_named_with_its_value_and_what_is_allowed
a query that reads another      test_intake_query.py::test_a_query_that_is_more_or_less_than_a_select_is_refused
file, attaches, is two
a link out of the folder        test_intake_text.py::test_a_link_leads_nowhere_else
a source that changes           test_a_source_that_changes_while_it_is_read_is_refused
"""

import zipfile
from decimal import Decimal

import pytest
from importing import ORDERS, counts, quarantined, rows, take, take_orders

import crmnb.intake.pipeline as pipeline
from crmnb.core.errors import InputError

HEADER = "No,Customer,Ordered,Total,Status\n"
GOOD = HEADER + "1,a,2025-01-01,1.50,paid\n2,b,2025-01-02,2,paid\n"
LOOSE = "bad_rows_allowed: 1"


def refusal(folder, text: bytes | str, source: str = "") -> str:
    """What is said as orders in a file are refused."""
    with pytest.raises(InputError) as refused:
        take_orders(folder, text, source)
    said = str(refused.value)
    assert "test.yml, sources.orders" in said
    assert "orders.csv" in said
    assert "Traceback" not in said
    assert ".staging" not in said
    return said


# ---- Bytes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("line", [b"3,\xe9", b"\xe9", b"3,\xe9,2025-01-01,1,paid,,"])
def test_a_byte_of_another_encoding_in_a_malformed_record_is_shown(tmp_path, line):
    said = refusal(tmp_path, GOOD.encode() + line + b"\n")
    assert "is not UTF-8 (line 4, byte" in said
    assert "xe9" in said


@pytest.mark.parametrize("text", ["a\0b", "\0", "a\0\nb"])
def test_a_nul_byte_costs_no_row(tmp_path, text):
    taken = take_orders(tmp_path, f'{GOOD}3,"{text}",2025-01-03,1,paid\n4,c,2025-01-03,x\0,paid\n', table=LOOSE)
    assert counts(taken)[0][2:5] == (4, 3, 1)
    assert [row["customer_id"] for row in rows(taken, "orders")] == ["a", "b", text]
    assert [row["Total"] for row in quarantined(taken, "orders")] == ["x\0"]


def test_a_line_of_100_mb_is_a_row_like_any_other(tmp_path):
    taken = take_orders(tmp_path, f"{GOOD}3,{'x' * 100_000_000},2025-01-03,1,paid\n4,c,2025-01-04,1,paid\n")
    assert counts(taken)[0][2:5] == (4, 4, 0)
    assert [len(row["customer_id"]) for row in rows(taken, "orders")] == [1, 1, 100_000_000, 1]


# ---- Values -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "good", "bad", "words"),
    [
        ("", "2025-01-31", "2025-02-31", "a date or time"),
        (", date_format: '%d/%m/%Y'", "31/01/2025", "31/02/2025", "a time in the format %d/%m/%Y"),
        (", date_format: '%m-%d-%y'", "01-31-25", "02-31-25", "a time in the format %m-%d-%y"),
        (", date_format: '%d %b %Y'", "31 Jan 2025", "31 Feb 2025", "a time in the format %d %b %Y"),
    ],
)
def test_a_day_that_never_was_is_set_aside_in_every_notation(tmp_path, form, good, bad, words):
    taken = take_orders(tmp_path, f"{HEADER}1,a,{good},1,paid\n2,a,{bad},1,paid\n", form, "bad_rows_allowed: 0.5")
    assert [(row["No"], row["reasons"]) for row in quarantined(taken, "orders")] == [
        ("2", f"ordered_at is not {words}")
    ]


def test_numbers_as_text_are_numbers(tmp_path):
    """In a text format each cell is a text; in JSON lines the same numbers, in quotes and not, are the same."""
    lines = '{"No": "1", "Ordered": "2025-01-01", "Total": "12.50", "Status": "paid"}\n{"No": 2, "Ordered": "2025-01-01", "Total": 12.50, "Status": "paid"}\n'
    (tmp_path / "orders.jsonl").write_text(lines)
    taken = take(
        tmp_path, f"sources: {{orders: {{file: orders.jsonl}}}}{ORDERS.replace('customer_id: Customer, ', '')}"
    )
    assert [(row["order_id"], row["amount"]) for row in rows(taken, "orders")] == [
        ("1", Decimal("12.5")),
        ("2", Decimal("12.5")),
    ]


TICKETS = """
sources: {t: {file: t.csv}}
tables: {tickets: {source: t, columns: {ticket_id: Id, opened_at: Opened, resolved_at: Resolved}, bad_rows_allowed: 0.5}}
"""


def test_a_case_is_not_resolved_before_it_was_opened(tmp_path):
    text = (
        "Id,Opened,Resolved\n1,2025-01-02 10:00,2025-01-02 10:00\n2,2025-01-02 10:00,2025-01-02 09:59\n3,2025-01-02,\n"
    )
    taken = take(tmp_path, TICKETS, t_csv=text)
    assert [row["ticket_id"] for row in rows(taken, "tickets")] == ["3", "1"]
    assert [row["reasons"] for row in quarantined(taken, "tickets")] == ["resolved_at is before opened_at"]
    assert taken.audits[0].causes[0].request == "Ask which of resolved_at and opened_at is correct."


@pytest.mark.parametrize(
    "formula", ["=cmd|' /C calc'!A0", "=1+1", "+44 20", "-2+3", "@SUM(A1)", '=HYPERLINK("http://x.example")']
)
def test_formulas_in_text_stay_text_and_are_text_in_the_spreadsheet_to_mend(tmp_path, formula):
    cell = '"' + formula.replace('"', '""') + '"'
    taken = take_orders(tmp_path, f"{HEADER}1,{cell},2025-01-01,1,paid\n2,{cell},soon,1,paid\n", table=LOOSE)
    assert [row["customer_id"] for row in rows(taken, "orders")] == [formula]
    assert [row["Customer"] for row in quarantined(taken, "orders")] == [formula]
    with zipfile.ZipFile(taken.folder / "quarantine" / "orders.xlsx") as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
        strings = book.read("xl/sharedStrings.xml").decode() if "xl/sharedStrings.xml" in book.namelist() else sheet
    assert "<f>" not in sheet
    assert "<hyperlink" not in sheet
    assert formula.replace('"', "&quot;") in strings or formula in strings
    assert all('t="inlineStr"' in part or 't="s"' in part for part in sheet.split("<c ")[1:])


# ---- Files ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("change", ["appended", "replaced", "removed"])
def test_a_source_that_changes_while_it_is_read_is_refused(tmp_path, monkeypatch, change):
    """The last tables stay; what was half read is nowhere."""
    before = take_orders(tmp_path, GOOD)
    file, judge = tmp_path / "orders.csv", pipeline.validate_rows

    def changed(*arguments):
        if change == "removed":
            file.unlink()
        elif change == "appended":
            with file.open("a") as more:
                more.write("9,z,2025-01-09,9,paid\n")
        else:
            (tmp_path / "new").write_text(GOOD.replace("paid", "oops"))
            (tmp_path / "new").replace(file)
        return judge(*arguments)

    monkeypatch.setattr(pipeline, "validate_rows", changed)
    with pytest.raises(
        InputError,
        match=r"test.yml, sources.orders: 'orders.csv' changed during the import. Run again when no other program writes to it",
    ):
        take_orders(tmp_path, GOOD.replace("1.50", "1.60"))
    assert [row["amount"] for row in rows(before, "orders")] == [Decimal("1.5"), Decimal(2)]
    assert not (tmp_path / "private" / "tables" / ".staging").exists()
