"""Reading files: every record is found, under its number, as it stands; the quick way and the careful way agree."""

import csv
import gzip
import io
import os
import re
from datetime import datetime
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from importing import ORDERS, quarantined, rows, take, take_orders

import crmnb.intake.readers.delimited as delimited
from crmnb.core.errors import InputError
from crmnb.intake.readers.read import read_source
from crmnb.intake.readers.records import make_unique_names
from crmnb.intake.sources.files import SourceFile, check_unchanged, read_state
from crmnb.schema.client import Source

HEADER = "No,Customer,Ordered,Total,Status"
GOOD = "{n},,2025-01-01,1,paid"
LOOSE = "bad_rows_allowed: 1"


def numbered(*lines: str, end: str = "\n") -> str:
    return end.join([HEADER, *lines, ""])


@pytest.fixture(params=["quick", "careful"])
def way(request, monkeypatch):
    """Both ways of reading; the careful one also where the quick one would do."""
    if request.param == "careful":
        monkeypatch.setattr(delimited, "_is_simple", lambda *_: False)
    return request.param


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["lf", "crlf", "cr"])
@pytest.mark.parametrize("last", ["", "end"], ids=["no last newline", "last newline"])
def test_every_kind_of_newline_is_read(tmp_path, way, end, last):
    text = numbered("1,,2025-01-01,1,paid", "2,,2025-01-01,x,paid", "3,,2025-01-01,1,paid", end=end)
    taken = take_orders(tmp_path, text if last else text.removesuffix(end), table=LOOSE)
    assert [row["order_id"] for row in rows(taken, "orders")] == ["1", "3"]
    assert [row["record"] for row in quarantined(taken, "orders")] == ["3"]


def test_mixed_newlines_blank_lines_and_malformed_records_keep_their_numbers(tmp_path):
    """Numbers as a spreadsheet shows them: the header is 1 and a blank line counts, but is no row."""
    text = (
        f"\n{HEADER}\r\n"  # 1, 2
        "1,,2025-01-01,1,paid\n"  # 3
        "\n"  # 4
        "2,,2025-01-01,1\r\n"  # 5: too few
        "3,,2025-01-01,1,paid,more,and more\n"  # 6: too many
        '4,,2025-01-01,"1"x,paid\r\n'  # 7: a quote closed too early
        '5,"a\nb",2025-01-01,1,paid\n'  # 8: a newline in quotes
        "6,,2025-01-01,x,paid\n"  # 9
        "7,,2025-01-01,1,paid"  # 10
    )
    taken = take_orders(tmp_path, text, table=LOOSE)
    account = taken.audits[0]
    assert (account.read, account.accepted, account.rejected) == (7, 3, 4)
    assert [row["order_id"] for row in rows(taken, "orders")] == ["1", "5", "7"]
    assert rows(taken, "orders")[1]["customer_id"] == "a\nb"
    found = {row["record"]: row for row in quarantined(taken, "orders")}
    assert found["5"]["reasons"] == "malformed record: too few fields (4 instead of 5)"
    assert found["6"]["reasons"] == "malformed record: too many fields (7 instead of 5)"
    assert (found["6"]["No"], found["6"]["unread"]) == ("3", "more,and more")
    assert found["7"]["reasons"].startswith("malformed record: ")
    assert found["7"]["unread"] == '4,,2025-01-01,"1"x,paid'
    assert found["9"]["reasons"] == "amount is not an amount"


def test_texts_stay_as_they_are(tmp_path, way):
    """Formulas, markup, quotes, other alphabets and very long texts; only the blanks around them go."""
    texts = [
        "=1+1", "@SUM(A1)", "+44 20", "<script>alert(1)</script>", "{{ 7*7 }}", 'he said "hi", twice', "a\nb", "NULL", "nan",
        "'; DROP TABLE orders; --", "日本語 \U0001f600", "\u202eevil", "\\N", "%s", "x" * 200_000, "v tab fin",
    ]  # fmt: skip
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    writer.writerow([*HEADER.split(","), "Note"])
    for number, text in enumerate(texts):
        writer.writerow([f"{number:02}", "", "2025-01-01", "1", "paid", text])
    table = "bad_rows_allowed: 0\n    personal: [note]"
    parameters = f"sources: {{orders: {{file: orders.csv}}}}{ORDERS}    {table}\n".replace(
        "Status}", "Status, note: Note}"
    )
    taken = take(tmp_path, parameters, orders_csv=written.getvalue())
    assert [row["note"] for row in rows(taken, "orders")] == texts


def test_the_quarantine_holds_what_came(tmp_path, way):
    texts = ["=1+1", 'a "b" c', "a\nb", " blanks ", "", "NULL", "x,y"]
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow([*HEADER.split(","), "record"])
    writer.writerows([text, "", "2025-01-01", "wrong" if n else "1", "paid", "theirs"] for n, text in enumerate(texts))
    taken = take_orders(tmp_path, written.getvalue(), table=LOOSE)
    found = quarantined(taken, "orders")
    assert [row["No"] for row in found] == texts[1:]
    assert {row["record"] for row in found} == {"theirs"}
    assert [row["record (crmnb)"] for row in found] == ["3", "4", "5", "6", "7", "8"]


@pytest.mark.parametrize("encoding", ["cp1252", "latin-1", "utf-16", "utf-8", "utf-8-sig", "cp1250"])
def test_declared_encodings_are_read(tmp_path, encoding):
    text = numbered("é1,,2025-01-01,1,paid")
    taken = take_orders(tmp_path, text.encode(encoding), f", encoding: {encoding}")
    assert rows(taken, "orders")[0]["order_id"] == "é1"


def test_a_byte_order_mark_is_no_part_of_the_first_header(tmp_path, way):
    assert rows(take_orders(tmp_path, numbered("1,,2025-01-01,1,paid").encode("utf-8-sig")), "orders")


@pytest.mark.parametrize(
    ("text", "encoding", "words"),
    [
        (numbered("1,,2025-01-01,1,paid").encode(), "utf-16", "no column|is not utf-16|only one column"),
        (numbered("\x811,,2025-01-01,1,paid").encode("latin-1"), "cp1252", "is not cp1252"),
        (numbered("é,,2025-01-01,1,paid").encode("cp1252"), "utf-8", "line 2, byte 1: .*xe9"),
    ],
)
def test_a_wrong_encoding_is_an_error(tmp_path, text, encoding, words):
    with pytest.raises(InputError, match=words):
        take_orders(tmp_path, text, f", encoding: {encoding}")


def test_gzipped_files_are_read_and_broken_ones_refused(tmp_path):
    packed = gzip.compress(numbered("1,,2025-01-01,1,paid").encode())
    parameters = f"sources: {{orders: {{file: orders.csv.gz}}}}{ORDERS}"
    (tmp_path / "orders.csv.gz").write_bytes(packed)
    assert len(rows(take(tmp_path, parameters), "orders")) == 1
    (tmp_path / "orders.csv.gz").write_bytes(packed[:-12])
    with pytest.raises(InputError, match="cannot be unpacked"):
        take(tmp_path, parameters)


def test_a_file_that_unpacks_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(delimited, "_UNPACKED", 1 << 21)
    (tmp_path / "orders.csv.gz").write_bytes(gzip.compress(numbered().encode() + b" " * (1 << 22)))
    with pytest.raises(InputError, match="unpacks to more than 2 MB and 200 times its size"):
        take(tmp_path, f"sources: {{orders: {{file: orders.csv.gz}}}}{ORDERS}")
    text = numbered("1,,2025-01-01,1,paid", *(f"{os.urandom(20).hex()},,2025-01-01,x,paid" for _ in range(50_000)))
    (tmp_path / "orders.csv.gz").write_bytes(gzip.compress(text.encode()))
    assert (
        len(rows(take(tmp_path, f"sources: {{orders: {{file: orders.csv.gz}}}}{ORDERS}    {LOOSE}\n"), "orders")) == 1
    )


def test_an_encoding_by_any_of_its_names(tmp_path):
    text = numbered("é1,,2025-01-01,1,paid")
    assert rows(take_orders(tmp_path, numbered("1,,2025-01-01,1,paid"), ", encoding: cp1252"), "orders")  # it is both
    for name, encoding in (("U8", "utf-8"), ("utf8", "utf-8"), ("u16", "utf-16"), ("windows-1252", "cp1252")):
        taken = take_orders(tmp_path, text.encode(encoding), f", encoding: {name}")
        assert rows(taken, "orders")[0]["order_id"] == "é1"


def test_several_files_bind_their_columns_by_name(tmp_path, way):
    (tmp_path / "o_1.csv").write_text(
        "No,Customer,Ordered,Total,Status\n1,a,2025-01-01,1,paid\n2,a,2025-01-02,x,paid\n"
    )
    (tmp_path / "o_2.csv").write_text(
        'Status,Total,Note,Ordered,No,Customer\npaid,2,"x",2025-01-03,3,b\npaid,y,,2025-01-04,4,b\n'
    )
    (tmp_path / "o_3.csv").write_text("No,Customer,Ordered,Total,Status\n\n5,c,2025-01-05,z,paid\n")
    taken = take(tmp_path, f"sources: {{orders: {{file: o_*.csv}}}}{ORDERS}    {LOOSE}\n")
    assert [(row["order_id"], row["customer_id"], row["amount"]) for row in rows(taken, "orders")] == [
        ("1", "a", Decimal(1)),
        ("3", "b", Decimal(2)),
    ]
    found = [(row["file"], row["record"], row["No"], row["Total"]) for row in quarantined(taken, "orders")]
    assert found == [("o_1.csv", "3", "2", "x"), ("o_2.csv", "3", "4", "y"), ("o_3.csv", "3", "5", "z")]


def test_a_column_missing_from_one_file_of_several_is_missing(tmp_path):
    (tmp_path / "o_1.csv").write_text(numbered("1,,2025-01-01,1,paid"))
    (tmp_path / "o_2.csv").write_text("No,Ordered,Total,Status\n2,2025-01-01,1,paid\n")
    with pytest.raises(InputError, match=r"o_2.csv.*has no column 'Customer'"):
        take(tmp_path, f"sources: {{orders: {{file: o_*.csv}}}}{ORDERS}")


def test_a_tab_a_semicolon_and_a_rare_character_separate(tmp_path):
    for mark in ("\\t", ";", "|", "§"):
        text = numbered("1,,2025-01-01,1,paid").replace(",", "\t" if mark == "\\t" else mark)
        assert len(rows(take_orders(tmp_path, text, f', delimiter: "{mark}"'), "orders")) == 1


# ---- Parquet ----------------------------------------------------------------------------------------------


def parquet(path, select: str) -> None:
    with duckdb.connect() as con:
        con.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet)")


def test_parquet_keeps_its_types_and_float_keys_are_keys(tmp_path):
    parquet(
        tmp_path / "o.parquet",
        "SELECT * FROM (VALUES (13085.0::DOUBLE, 7::BIGINT, TIMESTAMPTZ '2025-07-01 12:00+00', 10.25::DOUBLE, 'paid'),"
        "('nan'::DOUBLE, NULL, NULL, 1.0, 'paid'), (14.5, 8, TIMESTAMPTZ '2025-01-01 12:00+00', 0.1, 'paid'))"
        " t(No, Customer, Ordered, Total, Status)",
    )
    taken = take(tmp_path, f"time_zone: Europe/London\nsources: {{orders: {{file: o.parquet}}}}{ORDERS}    {LOOSE}\n")
    assert rows(taken, "orders") == [
        {
            "order_id": "14.5",
            "customer_id": "8",
            "ordered_at": datetime(2025, 1, 1, 12),
            "amount": Decimal("0.1"),
            "status": "paid",
        },
        {
            "order_id": "13085",
            "customer_id": "7",
            "ordered_at": datetime(2025, 7, 1, 13),
            "amount": Decimal("10.25"),
            "status": "paid",
        },
    ]
    assert [(row["record"], row["reasons"]) for row in quarantined(taken, "orders")] == [
        ("2", "order_id is empty; ordered_at is empty")
    ]


def test_parquet_files_of_several_types_meet_as_text(tmp_path):
    columns = "'2025-01-01' AS Ordered, 1 AS Total, 'paid' AS Status"
    parquet(tmp_path / "o_1.parquet", f"SELECT 1::BIGINT AS No, 5::BIGINT AS Customer, {columns}")
    parquet(tmp_path / "o_2.parquet", f"SELECT 'A2' AS No, 6.0::DOUBLE AS Customer, {columns}")
    taken = take(tmp_path, f"sources: {{orders: {{file: o_*.parquet}}}}{ORDERS}")
    assert [(row["order_id"], row["customer_id"]) for row in rows(taken, "orders")] == [("1", "5"), ("A2", "6")]


def test_what_is_no_parquet_says_so(tmp_path):
    (tmp_path / "o.parquet").write_text("not parquet")
    with pytest.raises(InputError, match="cannot be read as Parquet"):
        take(tmp_path, f"sources: {{orders: {{file: o.parquet}}}}{ORDERS}")


def test_parquet_with_damaged_pages_says_so_without_a_value(tmp_path):
    path = tmp_path / "o.parquet"
    parquet(
        path,
        "SELECT 'canary ' || i AS No, '' AS Customer, '2025-01-01' AS Ordered, 1 AS Total, 'paid' AS Status FROM range(999) t(i)",
    )
    content = bytearray(path.read_bytes())
    content[4:2000] = bytes(255 - byte for byte in content[4:2000])
    path.write_bytes(content)
    with pytest.raises(
        InputError, match=r"sources.orders \(o.parquet\) cannot be read as Parquet.* damaged"
    ) as refused:
        take(tmp_path, f"sources: {{orders: {{file: o.parquet}}}}{ORDERS}")
    assert "canary" not in str(refused.value)


# ---- Two ways, one answer ---------------------------------------------------------------------------------


def _read(text: str, folder, careful: bool) -> list[tuple] | str:
    """The records as (number, problem, fields ...), or why the text is refused."""
    path = folder / "some.csv"
    path.write_bytes(text.encode())
    simple = delimited._is_simple
    with duckdb.connect() as con, pytest.MonkeyPatch.context() as patched:
        patched.setattr(delimited, "_is_simple", (lambda *_: False) if careful else simple)
        file = SourceFile(path, "some.csv", "csv")
        try:
            raw = read_source(con, "some", Source(file="some.csv"), [file], folder, "here")
        except InputError as refused:
            return str(refused)
        cells = ", ".join(f"coalesce({cell.sql}, '')" for cell in raw.columns.values())
        return con.execute(f"SELECT _record, coalesce(_problem, ''), {cells} FROM {raw.rows} ORDER BY _id").fetchall()


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(alphabet='ab1,"\n\r \t', max_size=40))
@example(' "1",2\n')
@example('1,"2" \n')
@example('1,"2"x\n3,4\n')
@example("1,2\n\n3,4\n")
@example("1,2\r\n3,4\n5,6\r")
@example('"a\r\nb",2\n')
@example(",,")
@example("1,2,,\n3,4\n")
@example(' ,\n,\n"",""\n')
def test_both_ways_of_reading_agree(tmp_path_factory, body):
    """Also with Python's own reader, which is asked for the records and their number."""
    folder, text = tmp_path_factory.mktemp("ways"), f"x,y\n{body}"
    careful = _read(text, folder, careful=True)
    assert _read(text, folder, careful=False) == careful
    if isinstance(careful, str):
        return
    records = [fields for fields in csv.reader(io.StringIO(text, newline="")) if fields][1:]
    if all(not problem.startswith("malformed record: ',' expected") for _, problem, *_ in careful):
        assert len(careful) == len(records)
        good = [list(fields) for _, problem, *fields in careful if not problem]
        assert good == [fields for fields in records if len(fields) == 2]


# ---- Headers that stand further down ----------------------------------------------------------------------


def _rows(folder, text: str | bytes, name: str = "o.csv", wanted=frozenset(), **options) -> list[tuple]:
    """The columns' names, and the records as (number, problem, fields ...)."""
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    source = Source(file=name, **options)
    with duckdb.connect() as con:
        raw = read_source(con, "o", source, [SourceFile(path, name, "csv")], folder, "o.yml, sources.o", wanted)
        cells = ", ".join(cell.sql for cell in raw.columns.values())
        found = con.execute(f"SELECT _record, _problem, {cells} FROM {raw.rows} ORDER BY _id").fetchall()
    return [tuple(raw.columns), *found]


def _refusal(folder, text: str | bytes, **options) -> str:
    with pytest.raises(InputError) as caught:
        _rows(folder, text, **options)
    return str(caught.value)


@pytest.mark.parametrize("above", ["Report\nof May, June\n", '"Report\nof May"\nx\n', "Report\n\n\n", "Report\r\nof\n"])
def test_the_header_is_the_declared_record(tmp_path, way, above):
    text = f"{above}a,b\n1,2\n\n3,4,5\n"
    first = 3 if above.count("\n") == 2 or '"' in above else 4
    expected = [
        ("a", "b"),
        (first + 1, None, "1", "2"),
        (first + 3, "malformed record: too many fields (3 instead of 2)", "3", "4"),
    ]
    assert _rows(tmp_path, text, header=first) == expected
    assert f"add `header: {first}`" in _refusal(tmp_path, text, wanted={"b", "a"})


def test_a_header_is_only_suggested_where_it_holds_every_column(tmp_path):
    assert "header:" not in _refusal(tmp_path, "Report\nof May\n", wanted={"of May", "a"}, header=3)
    assert _rows(tmp_path, "x,y\na,c\n", wanted={"a", "b"})[0] == (
        "x",
        "y",
    )  # what is missing is said by who asks for it


# ---- Files that are not what they seem --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        (b"", {}, "is empty: it has no header"),
        (b"\n\n", {}, "is empty"),
        (b",,\n1,2,3\n", {}, "is empty: it has no header"),
        ("a,b\n1,2\n".encode("utf-16"), {}, "looks like UTF-16. Add `encoding: utf-16`"),
        ("a,b\n1,2\n".encode("utf-16-le"), {}, "looks like UTF-16. Add `encoding: utf-16-le`"),
        ("a,b\n1,2\n".encode("utf-16-be"), {}, "looks like UTF-16. Add `encoding: utf-16-be`"),
        (b"a,b\n1,2\n", {"encoding": "utf-16"}, "is not utf-16, which `encoding` declares: it begins with 'a,b"),
        ("a,b\n1,2\n".encode("utf-16"), {"encoding": "cp1252"}, "looks like UTF-16"),
        (b"a,b\n\xe9,2\n\xe8,2\nx,2\n\xea,3\n\xeb,3\n", {}, "line 2, byte 1: .xe9; line 3, byte 1: .xe8; line 5, byte 1: .xea"),
        (b"a,b\n\xe9,2\n", {}, "`encoding: cp1252`"),
        (bytes(range(128, 256)) * 9, {}, "is not UTF-8"),
        (b"PK\x03\x04\x14\x00\x06\x00", {}, "If it is a workbook, add `format: excel`"),
        (b"a;b\n1;2\n", {}, 'Is the delimiter .;.. Then add `delimiter: ";"`'),
        (b'a,b\n1,"2\n3,4\n', {}, "record 2: a quote is opened and never closed"),
        (b'a,"b\n1,2\n', {}, "Check it for a missing closing quote"),
        (b'a,b\n1,"' + b"x\n" * 1_000_001, {}, "a quote is opened and never closed"),
        (b"\x1f\x8b\x08junk", {}, "cannot be unpacked"),
        ("a,b\nCafé,2\n".encode(), {"encoding": "cp1252"}, "is UTF-8, not cp1252. Remove `encoding`"),
        ("a,b\nCafé,2\n".encode(), {"encoding": "latin-1"}, "is UTF-8, not latin-1"),
        (b",".join([b"a"] * 10_001), {}, "has 10,001 columns; at most 10,000 are allowed"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_read_says_what_to_do(tmp_path, text, options, words):
    assert re.search(words, _refusal(tmp_path, text, **options))


def test_utf_16_with_and_without_its_mark(tmp_path):
    expected = [("é", "b"), (2, None, "1", "2")]
    for encoding in ("utf-16", "utf-16-le", "utf-16-be"):
        assert _rows(tmp_path, "é,b\n1,2\n".encode(encoding), encoding=encoding) == expected


def test_a_header_alone_gives_no_rows_and_odd_bytes_stay(tmp_path, way):
    assert _rows(tmp_path, "a,b") == [("a", "b")]
    assert _rows(tmp_path, "a,b\nx\0y,\ue000\n")[1] == (2, None, "x\0y", "\ue000")
    assert _rows(tmp_path, "a,,a, \n1,2,3,4\n") == [
        ("a", "column 2", "a (2)", "column 4"),
        (2, None, "1", "2", "3", "4"),
    ]


def test_two_thousand_columns_and_a_long_line(tmp_path, way):
    names, long = ",".join(f"c{number}" for number in range(2000)), "x" * 5_000_000
    found = _rows(tmp_path, f"{names}\n{','.join(map(str, range(2000)))}\n{long}{',' * 1999}\n")
    assert found[1][2:] == tuple(map(str, range(2000)))
    assert found[2][2] == long


# ---- Files and where they lie -----------------------------------------------------------------------------


def orders(folder, **options) -> str:
    """Why the orders of a source are refused."""
    told = "".join(f", {key}: {value}" for key, value in options.items() if key != "file")
    with pytest.raises(InputError) as caught:
        take(folder, f"obtain: Ask Ann.\nsources: {{orders: {{file: {options['file']}{told}}}}}{ORDERS}")
    return str(caught.value)


def test_a_file_that_is_not_there_says_where_to_get_it(tmp_path):
    assert "the file 'no.csv' does not exist" in orders(tmp_path, file="no.csv")
    assert "To get the data: Ask Ann." in orders(tmp_path, file="no_*.csv")


def test_only_regular_files_are_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe.csv")
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "bare.csv").write_text(numbered())
    (tmp_path / "broken.csv").symlink_to(tmp_path / "nowhere")
    assert "does not exist" in orders(tmp_path, file="broken.csv")
    assert "'pipe.csv' is a pipe or a device" in orders(tmp_path, file="pipe.csv")
    assert "'folder.csv' is a folder" in orders(tmp_path, file="folder.csv")
    assert "'broken.csv' is a broken link" in orders(tmp_path, file="b*.csv")


def test_a_link_leads_nowhere_else(tmp_path):
    home, other = tmp_path / "home", tmp_path / "other"
    (home / "in").mkdir(parents=True)
    other.mkdir()
    text = numbered("1,,2025-01-01,1,paid")
    (other / "o.csv").write_text(text)
    (home / "in" / "real.csv").write_text(text)
    (home / "out.csv").symlink_to(other / "o.csv")
    (home / "far").symlink_to(other)
    (home / "near.csv").symlink_to(home / "in" / "real.csv")
    (other / "back.csv").symlink_to(home / "in" / "real.csv")
    declared = "data_folders: [../other]\n"
    for file in ("out.csv", "far/o.csv", "far/*.csv", "../other/back.csv"):
        with pytest.raises(InputError, match="is a link to another folder, or is behind such a link"):
            take(home, f"{declared}sources: {{orders: {{file: {file}}}}}{ORDERS}")
    for file in ("near.csv", "../other/o.csv", str(other / "o.csv"), "in/*.csv"):
        assert len(rows(take(home, f"{declared}sources: {{orders: {{file: {file}}}}}{ORDERS}"), "orders")) == 1


def test_a_file_that_changes_while_it_is_read_is_noticed(tmp_path):
    path = tmp_path / "o.csv"
    path.write_text("a,b\n1,2\n")
    file = SourceFile(path, "o.csv", "csv", read_state(path))
    check_unchanged([file], "o.yml, sources.o")
    path.write_text("a,b\n1,3\n")
    with pytest.raises(InputError, match=r"'o\.csv' changed during the import. Run again"):
        check_unchanged([file], "o.yml, sources.o")
    path.unlink()
    with pytest.raises(InputError, match="changed during the import"):
        check_unchanged([file], "o.yml, sources.o")
    with duckdb.connect() as con, pytest.raises(InputError, match=r"\(o\.csv\) cannot be read: No such file"):
        read_source(con, "o", Source(file="o.csv"), [file], tmp_path, "o.yml, sources.o")


def test_formats_go_by_their_endings(tmp_path):
    for name in ("o.jsn", "o.doc", "o", "o.gz"):
        (tmp_path / name).write_text("x")
        assert f"the format of {name!r} is unknown" in orders(tmp_path, file=name)
    for name in ("o.xlsx.gz", "o.parquet.gz"):
        (tmp_path / name).write_text("x")
        assert "is gzipped, which is allowed only for CSV and JSON lines" in orders(tmp_path, file=name)
    (tmp_path / "o.tsv").write_text(numbered("1,,2025-01-01,1,paid").replace(",", "\t"))
    assert 'Add `delimiter: "\\t"`' in orders(tmp_path, file="o.tsv")
    (tmp_path / "p.parquet").write_text("x")
    (tmp_path / "p.csv").write_text("x")
    assert "Declare two sources" in orders(tmp_path, file="p.*")


def test_the_lock_file_of_an_open_workbook_is_no_data(tmp_path):
    (tmp_path / "o_1.csv").write_text(numbered("1,,2025-01-01,1,paid"))
    (tmp_path / "~$o_1.csv").write_bytes(b"\x05Ann")
    assert len(rows(take(tmp_path, f'sources: {{orders: {{file: "*.csv"}}}}{ORDERS}'), "orders")) == 1


def test_a_header_that_another_delimiter_would_take_apart_is_told(tmp_path):
    text = "No;Customer;Ordered;Total, all;Status\n1;a;2025-01-01;1;paid\n"
    with pytest.raises(InputError, match=r"has no column 'No'. Is the delimiter ';'\? Then add `delimiter: \";\"`"):
        take_orders(tmp_path, text)


def test_a_link_to_another_clients_folder_is_refused(tmp_path):
    for name in ("a", "b"):
        (tmp_path / name / "in").mkdir(parents=True)
        (tmp_path / name / "in" / "real.csv").write_text(numbered("1,,2025-01-01,1,paid"))
    (tmp_path / "a" / "orders.csv").symlink_to("../b/in/real.csv")
    (tmp_path / "a" / "far").symlink_to("../b/in")
    (tmp_path / "a" / "near.csv").symlink_to("in/real.csv")
    for file in ("a/orders.csv", "a/o*.csv", "a/far/real.csv", "a/f*/real.csv", f"{tmp_path}/a/f*/real.csv"):
        assert "is a link to another folder, or is behind such a link" in orders(tmp_path, file=file)
    for file in ("a/near.csv", "a/n*.csv", "a/i*/real.csv", f"{tmp_path}/a/far/real.csv"):
        assert len(rows(take(tmp_path, f"sources: {{orders: {{file: {file}}}}}{ORDERS}"), "orders")) == 1


def test_a_name_that_is_not_utf_8_is_refused_and_shown(tmp_path):
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/orders_\xff.csv")).write_text(numbered())
    said = orders(tmp_path, file="'o*.csv'")
    assert r"sources.orders.file: the name orders_\xff.csv (or that of its folder) is not UTF-8. Rename it" in said
    said.encode()


def test_control_characters_of_a_name_reach_no_terminal(tmp_path):
    (tmp_path / "orders_\x1b[2J\u202e\x9b.csv").write_text(numbered("1,,2025-01-01,1"))
    said = orders(tmp_path, file="'o*.csv'")
    assert r"orders_\x1b[2J\u202e\x9b.csv" in said
    assert "".join(said.splitlines()).isprintable()
    (tmp_path / "orders_\x1b[2J\u202e\x9b.csv").write_text("")
    assert r"orders_\x1b[2J\u202e\x9b.csv) is empty" in orders(tmp_path, file="'o*.csv'")


def test_equal_headers_are_told_apart():
    """Twenty thousand of them took a minute once: each was held against all before it."""
    given = ["a", "", "a", "a (2)", "a", " ", "column 2", *["a"] * 3]
    names, repeated = make_unique_names(given, "here")
    assert names == [
        "a",
        "column 2",
        "a (2)",
        "a (2) (2)",
        "a (3)",
        "column 6",
        "column 2 (2)",
        "a (4)",
        "a (5)",
        "a (6)",
    ]
    assert repeated == {"a"}
    assert make_unique_names(["column 2", ""], "here") == (["column 2", "column 2 (2)"], set())
    names, repeated = make_unique_names(["a"] * 10_000, "here")
    assert (len(set(names)), names[-1], repeated) == (10_000, "a (10000)", {"a"})
    with pytest.raises(InputError, match="here has 10,001 columns"):
        make_unique_names(["a"] * 10_001, "here")
