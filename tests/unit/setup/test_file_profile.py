"""Where the header is, which rows are no data, and how a file is written."""

import gzip
import json
from contextlib import suppress

import pytest
import xlsxwriter
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from crmnb.core.errors import InputError
from crmnb.setup.file_profile import profile_file


def profiled(folder, content, name="file.csv"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return profile_file(path)


@pytest.mark.parametrize(
    ("mark", "options"), [(",", {}), (";", {"delimiter": ";"}), ("\t", {"delimiter": "\t"}), ("|", {"delimiter": "|"})]
)
def test_the_delimiter(tmp_path, mark, options):
    profile = profiled(tmp_path, f"id{mark}total\n1{mark}2\n3{mark}4\n")
    assert profile.options == options
    assert list(profile.by_header) == ["id", "total"]


def test_commas_within_texts_are_no_delimiter(tmp_path):
    profile = profiled(tmp_path, "id;street;total\n1;1 Road, Town;2\n2;3 Lane, Town;4\n")
    assert profile.options == {"delimiter": ";"}


def test_a_few_values_of_another_form_do_not_hide_the_form(tmp_path):
    rows = "\n".join(f"{n},2025-01-{n:02},{n}.50" for n in range(1, 31))
    profile = profiled(tmp_path, f"id,day,total\n{rows}\n31,soon,n/a\n")
    assert profile.by_header["day"].times.formats == ("%Y-%m-%d",)
    assert profile.by_header["total"].numbers.high == 30.5
    half = "\n".join(f"{n},{'soon' if n % 2 else f'2025-01-{n:02}'}" for n in range(1, 31))
    assert profiled(tmp_path, f"id,day\n{half}\n").by_header["day"].times is None


def test_the_encoding(tmp_path):
    assert profiled(tmp_path, "id,Straße\n1,ä\n".encode("cp1252")).options == {"encoding": "cp1252"}
    assert profiled(tmp_path, "id,Straße\n1,ä\n".encode("utf-16")).options == {"encoding": "utf-16"}
    assert profiled(tmp_path, "\ufeffid,Straße\n1,ä\n").by_header["id"].values == ("1",)


def test_a_packed_file(tmp_path):
    profile = profiled(tmp_path, gzip.compress(b"id,total\n1,2\n"), "orders.csv.gz")
    assert (profile.rows, profile.options) == (1, {})


def test_titles_above_and_totals_below_are_no_data(tmp_path):
    text = "Sales by account,,\n,,\nAccount,Invoice,Net\n7,A1,10.50\n8,A2,4.00\n9,A3,1.00\nTotal,,15.50\nPrinted on 2 January,,\n"
    profile = profiled(tmp_path, text)
    assert profile.options == {"header": 3}
    assert profile.rows == 3
    assert profile.totals == {"Account": ("Total", "Printed on 2 January")}
    assert profile.filled_in_totals == {"Account", "Net"}


def test_further_header_rows_are_labels(tmp_path):
    rows = "\n".join(f"2025-03-0{day},{day},R{day}" for day in range(1, 6))
    profile = profiled(tmp_path, f"RecordedDate,Q1,Id\nRecorded Date,How satisfied are you?,Response\n{rows}\n")
    assert profile.options == {"rows_after_header": 1}
    assert profile.by_header["Q1"].label == "How satisfied are you?"
    assert profile.rows == 5


def test_a_header_that_repeats_is_no_data(tmp_path):
    assert profiled(tmp_path, "id,total\n1,2\nid,total\n3,4\n").rows == 2


def test_equal_headers_have_the_names_of_the_import(tmp_path):
    assert list(profiled(tmp_path, "a,a,b\n1,2,3\n").by_header) == ["a", "a (2)", "b"]


def test_json_is_reached_by_dots_and_by_keys(tmp_path):
    line = {"id": 1, "via": {"channel": "web"}, "event_params": [{"key": "session", "value": {"int_value": "7"}}]}
    assert profiled(tmp_path, json.dumps([line, line]), "list.json").by_header.keys() == {
        "id",
        "via.channel",
        "event_params.session",
    }
    profile = profiled(tmp_path, json.dumps(line) + "\n", "export.json")
    assert (profile.format, profile.options) == ("json", {})
    assert {header: column.values for header, column in profile.by_header.items()} == {
        "id": ("1",),
        "via.channel": ("web",),
        "event_params.session": ("7",),
    }


def test_sheets_with_the_same_header_are_read_together(tmp_path):
    def workbook(name, *sheets):
        with xlsxwriter.Workbook(tmp_path / name) as book:
            for rows in sheets:
                sheet = book.add_worksheet()
                for number, row in enumerate(rows):
                    sheet.write_row(number, 0, row)
        return profile_file(tmp_path / name)

    january, february = [["No", "Total"], ["A1", 5], ["A2", 6]], [["No", "Total"], ["A3", 7]]
    both = workbook("both.xlsx", january, february)
    assert (both.options, both.rows) == ({"sheets": ["*"]}, 3)
    notes = workbook("notes.xlsx", january, [["Notes for the reader"]])
    assert (notes.options, notes.rows) == ({"sheets": ["Sheet1"]}, 2)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "is empty"),
        ("1,2\n3,4\n", "no row with column names"),
        ('[{"id": ', "no JSON objects"),
        ("{\n", "no JSON objects"),
    ],
)
def test_what_cannot_be_read_is_said(tmp_path, content, words):
    name = "file.json" if content.startswith(("[", "{")) else "file.csv"
    with pytest.raises(InputError, match=words):
        profiled(tmp_path, content, name)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(min_size=1, max_size=400))
def test_any_bytes_give_a_profile_or_an_error(tmp_path, content):
    with suppress(InputError):
        assert profiled(tmp_path, content).columns
