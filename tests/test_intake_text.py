"""Reading files: every record is found, under its number, as it stands; the quick way and the careful way agree."""

import csv
import gzip
import io
from datetime import datetime
from decimal import Decimal

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import crmnb.intake.reading as reading
from crmnb.client import Source
from crmnb.errors import InputError
from crmnb.intake.files import File
from taking_in import ORDERS, quarantined, rows, take, take_orders

HEADER = "No,Customer,Ordered,Total,Status"
GOOD = "{n},,2025-01-01,1,paid"
LOOSE = "bad_rows_allowed: 1"


def numbered(*lines: str, end: str = "\n") -> str:
    return end.join([HEADER, *lines, ""])


@pytest.fixture(params=["quick", "careful"])
def way(request, monkeypatch):
    """Both ways of reading; the careful one also where the quick one would do."""
    if request.param == "careful":
        monkeypatch.setattr(reading, "_is_simple", lambda *_: False)
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
    account = taken.accounts[0]
    assert (account.read, account.accepted, account.quarantined) == (7, 3, 4)
    assert [row["order_id"] for row in rows(taken, "orders")] == ["1", "5", "7"]
    assert rows(taken, "orders")[1]["customer_id"] == "a\nb"
    found = {row["record"]: row for row in quarantined(taken, "orders")}
    assert found["5"]["reasons"] == "malformed record: too few fields (4 instead of 5)"
    assert found["6"]["reasons"] == "malformed record: too many fields (7 instead of 5)"
    assert (found["6"]["No"], found["6"]["unread"]) == ("3", "more,and more")
    assert found["7"]["reasons"].startswith("malformed record: ")
    assert found["7"]["unread"] == '4,,2025-01-01,"1"x,paid\r\n'
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


# ---- Two ways, one answer ---------------------------------------------------------------------------------


def _read(text: str, folder, careful: bool) -> list[tuple] | str:
    """The records as (number, problem, fields ...), or why the text is refused."""
    path = folder / "some.csv"
    path.write_bytes(text.encode())
    simple = reading._is_simple
    with duckdb.connect() as con, pytest.MonkeyPatch.context() as patched:
        patched.setattr(reading, "_is_simple", (lambda *_: False) if careful else simple)
        file = File(path, "some.csv", "csv")
        try:
            raw = reading.read_source(con, "some", Source(file="some.csv"), [file], folder, "here")
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
