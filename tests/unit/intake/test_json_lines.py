"""JSON lines: an object a line, all of it as text; a line that is none is a malformed record, never lost."""

import gzip
import json

import duckdb
import pytest
from importing import ORDERS, quarantined, rows, take

from crmnb.core.errors import InputError
from crmnb.intake.readers.read import read_source
from crmnb.intake.sources.files import SourceFile
from crmnb.schema.client import Source


def read(folder, content: str | bytes, **options) -> tuple[list[str], list[tuple]]:
    """The columns, and the rows as (record, problem, unread, cells ...)."""
    path = folder / "o.jsonl"
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    with duckdb.connect() as con:
        file = SourceFile(path, path.name, "json")
        raw = read_source(con, "o", Source(file=path.name, **options), [file], folder, "o.yml, sources.o")
        cells = ", ".join(cell.sql for cell in raw.columns.values())
        found = con.execute(f"SELECT _record, _problem, _unparsed, {cells} FROM {raw.rows} ORDER BY _id").fetchall()
    return list(raw.columns), found


def test_an_intake_from_json_lines_beside_csv_and_a_workbook(tmp_path):
    """A client's mended rows may come in another format; columns are bound by their names."""
    import xlsxwriter

    lines = [
        {"No": "007", "Ordered": "2025-01-31", "Total": 10.1, "Status": "paid", "Customer": None},
        {"Status": "paid", "No": 8, "Ordered": "2025-02-01", "Total": "x", "More": [1]},
    ]
    (tmp_path / "o_1.ndjson").write_text("".join(json.dumps(line) + "\n" for line in lines))
    (tmp_path / "o_2.csv").write_text("Status,No,Customer,Ordered,Total\npaid,9,a,2025-02-02,2\n")
    with xlsxwriter.Workbook(tmp_path / "o_3.xlsx") as book:
        for number, row in enumerate(
            (("No", "Customer", "Ordered", "Total", "Status"), (10, "b", "2025-02-03", 3.5, "paid"))
        ):
            book.add_worksheet("S").write_row(0, 0, row) if number == 0 else book.worksheets()[0].write_row(1, 0, row)
    taken = take(tmp_path, f'sources: {{orders: {{file: "o_*"}}}}{ORDERS}    bad_rows_allowed: 1\n')
    assert [(row["order_id"], row["customer_id"], str(row["amount"])) for row in rows(taken, "orders")] == [
        ("007", None, "10.1000"), ("9", "a", "2.0000"), ("10", "b", "3.5000"),
    ]  # fmt: skip
    assert [(row["file"], row["record"], row["No"], row["More"]) for row in quarantined(taken, "orders")] == [
        ("o_1.ndjson", "2", "8", "[1]")
    ]


def test_values_are_their_text(tmp_path):
    """Numbers digit by digit as written, in the declared notation; what is nested as JSON."""
    line = (
        '{"a": 1.10, "b": 12345678901234567890, "c": 1e3, "d": true, "e": null, "f": "", "g": {"x": [1.50, "é", null]}, '
        '"h": " 007 ", "i": "1.5", "j": -0, "k": "a\\nb"}'
    )
    columns, found = read(tmp_path, line + "\n")
    assert columns == list("abcdefghijk")
    assert found == [
        (1, None, None, "1.10", "12345678901234567890", "1e3", "true", None, "", '{"x": [1.50, "é", null]}', " 007 ", "1.5", "-0", "a\nb")
    ]  # fmt: skip
    assert read(tmp_path, line, decimal=",")[1][0][3] == "1,10"
    assert read(tmp_path, line, decimal=",")[1][0][11] == "1.5"  # a text stays


def test_columns_are_the_keys_of_all_lines_and_blank_lines_are_none(tmp_path):
    columns, found = read(tmp_path, '\n{"a": 1}\r\n\n  \n{"b": 2, "a": 3}\n{}\n{" a ": 4, "": 5}')
    assert columns == ["a", "b", "a (2)", "column 4"]
    assert found == [
        (2, None, None, "1", None, None, None),
        (5, None, None, "3", "2", None, None),
        (6, None, None, None, None, None, None),
        (7, None, None, None, None, "4", "5"),
    ]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"a": 1', "not JSON"),
        ("a,b", "not JSON"),
        ("[1, 2]", "the line is not an object in braces"),
        ('"a"', "the line is not an object in braces"),
        ('{"a": 1, "a": 2}', "a key occurs twice"),
        ('{"a": {"b": 1, "b": 2}}', "a key occurs twice"),
        ('{"a": NaN}', "NaN is not a JSON number"),
        ('{"a": -Infinity}', "-Infinity is not a JSON number"),
        ('{"a": 01}', "not JSON"),
        ('{"a": "\\ud800"}', "half of a character"),
        ('{"a": ' + "[" * 100_000 + "}", "nested too deeply"),
        ('{"a": 1} {"a": 2}', "not JSON: Extra data"),
    ],
)
def test_a_line_that_is_no_object_is_a_malformed_record(tmp_path, line, words):
    _, found = read(tmp_path, f'{{"a": 1}}\n{line}\n{{"a": 2}}\n')
    assert [record for record, *_ in found] == [1, 2, 3]
    assert found[1][1].startswith("malformed record: ")
    assert words in found[1][1]
    assert found[1][2:] == (line, None)
    assert (found[0][1], found[2][1]) == (None, None)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('[{"a": 1}, {"a": 2}', "is a JSON list that cannot be read: not JSON"),
        ('[{"a": 1, "a": 2}]', "is a JSON list that cannot be read: a key occurs twice"),
        ("", "is empty"),
        ("\n\n", "is empty"),
        ('{\n"a": 1\n}\n', "is a single object over several lines"),
        ('{"é": 1}\n'.encode("cp1252"), "is not UTF-8.*encoding: cp1252"),
        ('{"a": 1}\n'.encode("utf-16"), "looks like UTF-16. Add `encoding: utf-16`"),
        ("".join(f'{{"{n}": 1}}\n' for n in range(10_001)), "more than 10,000 different keys"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_json_lines_says_so(tmp_path, content, words):
    with pytest.raises(InputError, match=words):
        read(tmp_path, content)


def test_other_encodings_and_gzip(tmp_path):
    assert read(tmp_path, '{"é": "ü"}'.encode("cp1252"), encoding="cp1252") == (["é"], [(1, None, None, "ü")])
    assert read(tmp_path, '{"é": "ü"}'.encode("utf-8-sig")) == (["é"], [(1, None, None, "ü")])
    assert read(tmp_path, gzip.compress(b'{"a": "\\u0000x"}\n')) == (["a"], [(1, None, None, "\0x")])
    with pytest.raises(InputError, match="cannot be unpacked"):
        read(tmp_path, gzip.compress(b'{"a": 1}\n')[:-6])
