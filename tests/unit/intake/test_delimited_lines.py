"""Reading line by line in the engine gives what Python's csv gives, or leaves the file to it."""

import csv

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from crmnb.intake.readers import delimited
from crmnb.intake.readers.delimited_lines import _taken_apart, load_lines
from crmnb.intake.readers.read import read_source
from crmnb.intake.readers.records import create
from crmnb.intake.sources.files import File
from crmnb.schema.client import Source

FIELDS = [
    "",
    "a",
    "007",
    '"a,b"',
    '"q""q"',
    '""',
    'x"y',
    '"z"x',
    '"open',
    '"',
    "é ü",
    " ",
    "'",
    "\x1f",
    "a;b",
    '";"',
    "^",
    "\\",
]


def read(text: str, folder, how: str, delimiter: str = ",") -> list[tuple] | str:
    """The records as (number, problem, unread, fields ...), read in one of the ways ("careful", "lines"), or the refusal."""
    path = folder / "some.csv"
    path.write_bytes(text.encode())
    with duckdb.connect() as con, pytest.MonkeyPatch.context() as patched:
        if how == "careful":
            patched.setattr(delimited, "_is_simple", lambda *_: False)
        else:
            patched.setattr(delimited, "_quick", lambda *_: False)
        source = Source(file="some.csv", delimiter=delimiter)
        try:
            raw = read_source(con, "some", source, [File(path, "some.csv", "csv")], folder, "here")
        except Exception as refused:
            return str(refused)
        cells = ", ".join(f"coalesce({cell.sql}, '')" for cell in raw.columns.values())
        asked = f"SELECT _record, coalesce(_problem, ''), coalesce(_unread, ''), {cells} FROM {raw.rows} ORDER BY _id"
        return con.execute(asked).fetchall()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.sampled_from(FIELDS), min_size=1, max_size=4), max_size=6), st.sampled_from(",;\t|^"))
@example([["", '""', ""]], ",")
@example([["", "", ""], ["a", "b"], ["a", "b", "c", "d"]], ",")
@example([["a", '"open', "c"], ["d", 'e"', "f"]], ",")
def test_both_ways_agree(tmp_path_factory, rows, delimiter):
    text = "".join(delimiter.join(row) + "\n" for row in [["x", "y", "z"], *rows])
    folder = tmp_path_factory.mktemp("ways")
    assert read(text, folder, "lines", delimiter) == read(text, folder, "careful", delimiter)


def test_a_few_malformed_records_do_not_send_a_file_the_long_way(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "_judged_records", lambda *_: pytest.fail("read record by record"))
    good = [f'{n},"b, {n}",c' for n in range(2000)]
    text = "\n".join(["x,y,z", *good[:1000], "1,2", "1,2,3,4", '1,"2"2,3', *good[1000:]]) + "\n"
    raw = read(text, tmp_path, "lines")
    assert [row for row in raw if row[1]] == [
        (1002, "malformed record: too few fields (2 instead of 3)", "", "1", "2", ""),
        (1003, "malformed record: too many fields (4 instead of 3)", "4", "1", "2", "3"),
        (1004, "malformed record: ',' expected after '\"'", '1,"2"2,3', "", "", ""),
    ]
    assert [row[3:] for row in raw if not row[1]] == [tuple(next(csv.reader([line]))) for line in good]


@pytest.mark.parametrize("rows", [['1,"a', 'b",3'], ['1,x"y,"a', 'b"'], ['"']])
def test_a_record_of_several_lines_is_left_to_the_long_way(tmp_path, rows):
    path = tmp_path / "some.csv"
    path.write_text("\n".join(["x,y,z", *rows, "4,5,6\n"]))
    with duckdb.connect() as con:
        create(con, "raw_some", dict.fromkeys(("c0", "c1", "c2"), "VARCHAR"))
        text = delimited._Text(path, Source(file="some.csv"), 1, 3, tmp_path / "spool", "here")
        assert text._load_lines(con, "raw_some", 0, ["c0", "c1", "c2"]) is False
        assert con.execute("SELECT count(*) FROM raw_some").fetchall() == [(0,)]


def test_a_file_with_many_difficult_lines_is_left_to_the_long_way(tmp_path):
    path = tmp_path / "some.csv"
    path.write_text("x,y\n" + "1,2\n" * 9000 + "1\n" * 1001)
    with duckdb.connect() as con:
        create(con, "raw_some", dict.fromkeys(("c0", "c1"), "VARCHAR"))
        never = lambda line: pytest.fail("read one by one")  # noqa: E731
        assert load_lines(con, "raw_some", 0, path, 1, ",", ["c0", "c1"], never, tmp_path / "spool") is False


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|", "^", ".", "-", "]", "\\", "a", " "])
def test_a_line_is_taken_apart_by_any_delimiter(delimiter):
    line = delimiter.join(["", f'"x{delimiter}""y"""', "z", ""])
    assert apart(line, delimiter, 4) == (True, "", f'x{delimiter}"y"', "z", "")
    assert apart(line + delimiter, delimiter, 4)[0] is False


def apart(line: str, delimiter: str, width: int) -> tuple:
    """Whether a line is one of so many fields, and the fields."""
    with duckdb.connect() as con:
        asked = f"SELECT * EXCLUDE line FROM {_taken_apart('(SELECT ?::VARCHAR AS line)', delimiter, width)}"
        return con.execute(asked, [line]).fetchone()


@pytest.mark.parametrize("width", [1, 2, 59, 60, 61, 300])
def test_a_line_with_quotes_of_any_width_is_taken_apart_or_left_to_python(width):
    plain = [f"f{n}" for n in range(width - 1)]
    quoted = (True, *plain, 'a "b", c') if width <= 60 else (False, *[None] * width)
    assert apart(",".join([*plain, '"a ""b"", c"']), ",", width) == quoted
    assert apart(",".join([*plain, "last"]), ",", width) == (True, *plain, "last")
