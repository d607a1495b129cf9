"""Workbooks: every cell as text in the declared notation, under the number that a spreadsheet shows; nothing in silence."""

import base64
import re
import zipfile
import zlib
from datetime import datetime
from decimal import Decimal

import duckdb
import pytest
import xlsxwriter
from importing import ORDERS, quarantined, rows, take

import crmnb.intake.readers.excel_marks as workbook_marks
from crmnb.core.errors import InputError
from crmnb.intake.readers.read import read_source
from crmnb.intake.sources.files import SourceFile
from crmnb.schema.client import Source

HEADER = ("No", "Customer", "Ordered", "Total", "Status")


def workbook(path, **sheets) -> None:
    """A workbook with sheets of rows; datetimes get the format of a date, a pair is a formula and its value."""
    with xlsxwriter.Workbook(path) as book:
        form = book.add_format({"num_format": "dd/mm/yyyy hh:mm"})
        for name, content in sheets.items():
            sheet = book.add_worksheet(name)
            for number, row in enumerate(content):
                for place, value in enumerate(row):
                    if isinstance(value, datetime):
                        sheet.write_datetime(number, place, value, form)
                    elif isinstance(value, tuple):
                        sheet.write_formula(number, place, value[0], None, value[1])
                    elif isinstance(value, str):
                        sheet.write_string(number, place, value)
                    elif value is not None:
                        sheet.write(number, place, value)


def read(folder, name="o.xlsx", wanted=frozenset(), **options) -> tuple[list[str], list[tuple]]:
    """The columns, and the rows as (file, record, problem, cells ...)."""
    source, path = Source(file=name, **options), folder / name
    with duckdb.connect() as con:
        raw = read_source(con, "o", source, [SourceFile(path, name, "excel")], folder, "o.yml, sources.o", wanted)
        cells = ", ".join(f"coalesce({cell.sql}, 'NULL')" for cell in raw.columns.values())
        found = con.execute(f"SELECT _file, _record, _problem, {cells} FROM {raw.rows} ORDER BY _id").fetchall()
    return list(raw.columns), found


def refused(folder, **options) -> str:
    with pytest.raises(InputError) as caught:
        read(folder, **options)
    return str(caught.value)


def test_an_intake_from_a_workbook(tmp_path):
    workbook(
        tmp_path / "o.xlsx",
        May=[
            HEADER,
            ("007", 13085.0, datetime(2025, 1, 31, 12, 30), 10.1, "paid"),
            (8, None, "31/01/2025 13:00", "1,5", "paid"),
            (),
            (9, "é", datetime(2025, 2, 1), ("=NA()", "#N/A"), "paid"),
        ],
    )
    source = "sources: {orders: {file: o.xlsx, decimal: ',', date_format: '%d/%m/%Y %H:%M'}}"
    taken = take(tmp_path, f"{source}{ORDERS}    bad_rows_allowed: 1\n")
    assert [tuple(row.values()) for row in rows(taken, "orders")] == [
        ("007", "13085", datetime(2025, 1, 31, 12, 30), Decimal("10.1"), "paid"),
        ("8", None, datetime(2025, 1, 31, 13), Decimal("1.5"), "paid"),
    ]
    assert [(row["file"], row["record"], row["Total"], row["reasons"]) for row in quarantined(taken, "orders")] == [
        ("o.xlsx", "5", "#N/A", "amount is not an amount")
    ]


def test_cells_are_written_in_the_declared_notation(tmp_path):
    values = (7, 0.1, 2 / 3, 1e-7, 1e22, -2.50, 123456789012345, True, " 007 ", "=", datetime(2025, 1, 31, 12, 30))
    workbook(tmp_path / "o.xlsx", S=[[f"c{n}" for n, _ in enumerate(values)], values])
    plain = (
        *("7", "0.1", "0.6666666666666666", "0.0000001", "10000000000000000000000", "-2.5", "123456789012345", "true"),
        *(" 007 ", "=", "2025-01-31 12:30:00"),
    )
    assert read(tmp_path)[1] == [("o.xlsx", 2, None, *plain)]
    comma = [text.replace(".", ",") for text in plain[:-1]]
    assert read(tmp_path, decimal=",", date_format="%d.%m.%y %H:%M")[1][0][3:] == (*comma, "31.01.25 12:30")
    assert read(tmp_path, decimal=",", date_format="excel")[1][0][-1] == "45688,520833333333"


def test_a_date_that_the_declared_format_would_cut_stays_whole(tmp_path):
    """So that it fails its type instead of being another time."""
    workbook(
        tmp_path / "o.xlsx",
        S=[["at"], [datetime(2025, 1, 31)], [datetime(2025, 1, 31, 12, 30)], [datetime(1950, 1, 1)]],
    )
    assert [at for *_, at in read(tmp_path, date_format="%d/%m/%y")[1]] == [
        "31/01/25",
        "2025-01-31 12:30:00",
        "1950-01-01",
    ]


def test_times_of_day_and_durations_are_no_days(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "o.xlsx") as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "a")
        for row, (value, form) in enumerate([(0.5, "hh:mm"), (1.5, "[h]:mm:ss"), (1.5, '0.0 "days"')], 1):
            sheet.write(row, 0, value, book.add_format({"num_format": form}))
    assert [cell for *_, cell in read(tmp_path)[1]] == ["12:00:00", "36:00:00", "1.5"]


def test_days_counted_from_1904_are_the_same_days(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "o.xlsx", {"date_1904": True}) as book:
        sheet = book.add_worksheet()
        sheet.write(0, 0, "at")
        sheet.write_datetime(1, 0, datetime(2025, 1, 31), book.add_format({"num_format": "yyyy-mm-dd"}))
    assert read(tmp_path)[1] == [("o.xlsx", 2, None, "2025-01-31")]
    assert "uses the 1904 date system" in refused(tmp_path, date_format="excel")


# ---- Sheets and headers -----------------------------------------------------------------------------------


def test_the_declared_sheets_are_read_one_under_another(tmp_path):
    workbook(
        tmp_path / "o.xlsx",
        May=[("a", "b"), (1, 2)],
        June=[("b", "a"), (3, 4), (), (5, 6)],
        Empty=[],
        Notes=[("c",), ("x",)],
    )
    expected = [("o.xlsx, sheet June", 2, None, "4", "3"), ("o.xlsx, sheet June", 4, None, "6", "5")]
    columns, found = read(tmp_path, sheets=("May", "June"))
    assert columns == ["a", "b"]
    assert found == [("o.xlsx, sheet May", 2, None, "1", "2"), *expected]
    assert read(tmp_path, sheets=("June",))[1] == [("o.xlsx", 2, None, "3", "4"), ("o.xlsx", 4, None, "5", "6")]
    assert [row[0] for row in read(tmp_path, sheets=("*",))[1]] == [
        "o.xlsx, sheet May", "o.xlsx, sheet June", "o.xlsx, sheet June", "o.xlsx, sheet Notes",
    ]  # fmt: skip
    assert "has 4 sheets ('May', 'June', 'Empty', 'Notes')" in refused(tmp_path)
    assert "has no sheet 'june'. Did you mean June?" in refused(tmp_path, sheets=("june",))
    assert "sheet Empty is empty: it has no header" in refused(tmp_path, sheets=("Empty",))


def test_a_hidden_sheet_is_a_sheet(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "o.xlsx") as book:
        book.add_worksheet("Shown").write(0, 0, "a")
        book.add_worksheet("Hidden").hide()
    assert "has 2 sheets ('Shown', 'Hidden')" in refused(tmp_path)


def test_a_title_above_the_header(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "o.xlsx") as book:
        sheet = book.add_worksheet()
        sheet.merge_range("A1:C1", "Orders of May")
        sheet.write_row(2, 0, ("a", "b"))
        sheet.write_row(3, 0, (1, 2))
    assert read(tmp_path, header=3) == (["a", "b"], [("o.xlsx", 4, None, "1", "2")])
    assert read(tmp_path, header=2) == read(tmp_path, header=3)  # the first from there on that is not empty
    assert "add `header: 3`" in refused(tmp_path, wanted={"a", "b"})
    assert "cells are merged (A1:C1)" in refused(tmp_path)
    assert "it has no header from record 9 on" in refused(tmp_path, header=9)


def test_a_sheet_that_begins_further_down_and_right_and_odd_headers(tmp_path):
    workbook(
        tmp_path / "o.xlsx", S=[(), (), (None, "a", None, "a"), (None, 1, 2, 3, None, "note"), (None, None, None, 4)]
    )
    columns, found = read(tmp_path)
    assert columns == ["column 1", "a", "column 3", "a (2)"]
    problem = "malformed record: a cell beyond the last column with a header is not empty"
    assert found == [("o.xlsx", 4, problem, "", "1", "2", "3"), ("o.xlsx", 5, None, "", "", "", "4")]


def test_two_thousand_columns(tmp_path):
    workbook(tmp_path / "o.xlsx", S=[[f"c{n}" for n in range(2000)], range(2000)])
    assert read(tmp_path)[1][0][3:] == tuple(map(str, range(2000)))


# ---- What is wrong with a workbook ------------------------------------------------------------------------


def test_merged_cells_among_the_rows_are_refused(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "o.xlsx") as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ("a", "b"))
        sheet.merge_range("A2:A3", "x")
        sheet.merge_range("AB5:AC5", "y")
    assert "cells are merged (A2:A3, AB5:AC5)" in refused(tmp_path)


def test_errors_in_cells_are_what_a_spreadsheet_shows(tmp_path):
    errors = ("#N/A", "#DIV/0!", "#REF!", "#VALUE!", "#NAME?", "#NUM!", "#NULL!")
    workbook(tmp_path / "o.xlsx", S=[["a", "b"], *([n, ("=1/0", error)] for n, error in enumerate(errors))])
    assert [row[3:] for row in read(tmp_path)[1]] == [(str(n), error) for n, error in enumerate(errors)]


def test_formulas_give_their_values_and_are_refused_without(tmp_path):
    workbook(tmp_path / "o.xlsx", S=[["a", "b"], [("=1+1", 2), ('="x"', "x")]])
    assert read(tmp_path)[1] == [("o.xlsx", 2, None, "2", "x")]
    workbook(
        tmp_path / "o.xlsx", S=[["a", "b"], ["x", ("=1+1", 0)], ["y", ("=1+2", 0)]]
    )  # what this writer puts for unknown
    assert "the formulas of some cells (B2, B3) were never calculated" in refused(tmp_path)
    replaced = {"<v>0</v>": "<v/>", ' fullCalcOnLoad="1"': ""}
    rewrite(tmp_path / "o.xlsx", replaced)
    assert "the formulas of some cells (B2, B3) were never calculated" in refused(tmp_path)
    rewrite(tmp_path / "o.xlsx", {"<v/>": "<v>0</v>"})
    assert [row[-1] for row in read(tmp_path)[1]] == ["0", "0"]


def rewrite(path, replaced: dict[str, str]) -> None:
    """Replace texts in all files of a zip file."""
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name).decode() for name in book.namelist()}
    with zipfile.ZipFile(path, "w") as book:
        for name, text in parts.items():
            for old, new in replaced.items():
                text = text.replace(old, new)
            book.writestr(name, text)


@pytest.mark.parametrize(
    "content", [b"", b"a,b\n1,2\n", b"<html><table></table></html>", b"PK\x03\x04junk", b"\xd0\xcf\x11\xe0junk"]
)
def test_what_is_no_workbook_says_so(tmp_path, content):
    (tmp_path / "o.xlsx").write_bytes(content)
    assert "cannot be read as a workbook" in refused(tmp_path)


def test_a_truncated_workbook_and_one_without_a_cell(tmp_path):
    workbook(tmp_path / "o.xlsx", S=[["a"], [1]])
    (tmp_path / "o.xlsx").write_bytes((tmp_path / "o.xlsx").read_bytes()[:-300])
    assert "cannot be read as a workbook" in refused(tmp_path)
    workbook(tmp_path / "o.xlsx", S=[])
    assert "is empty" in refused(tmp_path)
    assert "is empty" in refused(tmp_path, sheets=("*",))
    workbook(tmp_path / "o.xlsx", S=[["a"]])
    assert read(tmp_path) == (["a"], [])


def test_a_single_cell_far_away_does_not_take_all_memory(tmp_path):
    with xlsxwriter.Workbook(tmp_path / "o.xlsx") as book:
        sheet = book.add_worksheet("S")
        sheet.write(0, 0, "a")
        sheet.write(1_048_575, 16_383, "far")
    assert "sheet S, of 1,048,576 rows and 16,384 columns, is too large" in refused(tmp_path)


def padded(path, blanks: int, where: str = "<sheetData>") -> None:
    """A workbook of one row whose sheet has blanks after some of its XML."""
    workbook(path, S=[["a"], [1]])
    with zipfile.ZipFile(path) as book:
        parts = {name: book.read(name) for name in book.namelist()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as book:
        for name, content in parts.items():
            book.writestr(name, content.replace(where.encode(), where.encode() + b" " * blanks))


def test_a_sheet_padded_with_blanks_is_refused_before_it_is_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr(workbook_marks, "_UNPACKED", 1)  # what packs as data do may be of any size
    workbook(tmp_path / "o.xlsx", S=[["a"], *([number] for number in range(1000))])
    assert len(read(tmp_path)[1]) == 1000
    monkeypatch.setattr(workbook_marks, "_UNPACKED", 1 << 21)
    padded(tmp_path / "o.xlsx", 1 << 20)
    assert read(tmp_path)[1] == [("o.xlsx", 2, None, "1")]
    padded(tmp_path / "o.xlsx", 1 << 22)
    monkeypatch.setattr(workbook_marks, "_read_xlsx", lambda _: pytest.fail("it was unpacked"))
    assert re.search(r"what it unpacks to \(4 MB, \d+ times its size\) is too large", refused(tmp_path))


def test_a_row_without_end_is_refused_before_it_fills_the_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(workbook_marks, "_BLOCK", 1 << 16)
    monkeypatch.setattr(workbook_marks, "_LONGEST_ROW", 1 << 20)
    padded(tmp_path / "o.xlsx", 1 << 19)
    assert read(tmp_path)[1] == [("o.xlsx", 2, None, "1")]
    padded(tmp_path / "o.xlsx", 1 << 21)
    assert "sheet S, with a row of more than 1 MB, is too large" in refused(tmp_path)


def test_control_characters_of_a_sheets_name_are_made_visible(tmp_path):
    workbook(tmp_path / "o.xlsx", S=[["a"], [1]], T=[["a"], [2]])
    rewrite(tmp_path / "o.xlsx", {'name="T"': 'name="T\u202e\x9b"'})
    assert [row[0] for row in read(tmp_path, sheets=("*",))[1]] == ["o.xlsx, sheet S", r"o.xlsx, sheet T\u202e\x9b"]
    workbook(tmp_path / "o.xlsx", T=[])
    rewrite(tmp_path / "o.xlsx", {'name="T"': 'name="T\u202e\x9b"'})
    assert r"sheet T\u202e\x9b is empty" in refused(tmp_path)


# ---- Other kinds of workbook ------------------------------------------------------------------------------

XLS = """c-rk)O=uHQ5dPlV-8QZLNop&!LJ6f-
O$$Z5h|s1A+EZ)wqKIG<H(04jC3r9%v|4i%1W$^WLOoca>ct<FqBjphMGt}?w2EFl2?`$CtTVHln#L*(XrZ#-
GPCpM&6_uQGw<zYU(SSP$L}@Gp$OeDkaH?fR-jWv75PRG)bBVf=I;R_$H$sNMSv1nX5n%5i*n8(=X(wscg<(Sf%im5a0>k+sYG}cv0Gw@DUP8_
nN)ikH;8J`C~?&ZKPG&=@H=ArM0k&AE(`A>+gWuOGtvIY4zG?6=@#j$A+GR1#=I5HHZ<Tl*YWu)%C)tyD}5q%a*cH~n^l+qrL;GZN~F2nfSbH&
ZM!p>?933tLqj{0$ywA>(kJlE2?JmAyZdR_*RQT#f%M;(>dSwl4^S$L^;fkCjKUdIT+&&rL#xR>2Kr)|ELD2A%-
!F8iS+S=J&#td4k4<X6p>97CrS{VA&L<tEBVZqGa|U;jHs5KQ$^fHt;iwSKS2s^{??aQeer?lQPGUbbHROjY~mo{-
~x}J!8OujF7k+sXcvA_ylxb^Nq9XKH{II?8a!d|nAlvB-Zq+NyWn+nbAh~t<m~7D51X?eqFYIx>YY1VKlLU$juv{F*)*Q7F?6U7b^RLSQ8a&7-
Z}G5c;hc;PCy5}*d6Z?S&Ic!iWm~^ws>{aVoQ5#<+coJ8J;gy<m;TS6kQ0-Y)R|IvDV@C<m6;<-=`i+2jpaA@2<?=B8q((%lI<HSGza2A=bR^-
MS9<IV3tce_}OqZwS|GIQMGV+*<`1)kPL=MtLQt5s(Nte{8Lbtf$FZi#1z(l(9-
Q%FP*;%b5=!K79D_;lszDpuD#)!+Qg_ym!2E@4L<dQO^HN^55bBM(8?Ce<t@JMfWr^CDqRcSSs&Jt#C~Kdm-
Z>&7Q_E;u6Pj$@NR`=&JDdtaxDX?`@${=g*ZA=RcnR2U`RQ{r"""


def test_an_xls_is_read_and_its_errors_too(tmp_path):
    """Written by xlwt: three rows, of which the second has a number, a date, a flag and #N/A."""
    (tmp_path / "o.xls").write_bytes(zlib.decompress(base64.b85decode(XLS.replace("\n", ""))))
    columns, found = read(tmp_path, "o.xls", sheets=("May",))
    assert columns == ["n", "d", "b", "e"]
    assert found == [
        ("o.xls", 2, None, "7", "2025-01-31 12:30:00", "true", "#N/A"),
        ("o.xls", 4, None, "0.1", "", "", "x"),
    ]
    assert "sheet Merged: cells are merged (A2:B3)" in refused(tmp_path, name="o.xls", sheets=("Merged",))
    (tmp_path / "o.xls").rename(tmp_path / "o.xlsx")  # by its content, whatever it is called
    assert read(tmp_path, sheets=("May",))[1][0][3:] == found[0][3:]


ODS = """<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"
 xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"
 xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0"><office:body><office:spreadsheet>
<table:table table:name="May">
<table:table-row><table:table-cell office:value-type="string"><text:p>n</text:p></table:table-cell>
 <table:table-cell office:value-type="string"><text:p>d</text:p></table:table-cell>
 <table:table-cell office:value-type="string"><text:p>e</text:p></table:table-cell></table:table-row>
<table:table-row table:number-rows-repeated="2"><table:table-cell table:number-columns-repeated="3"/></table:table-row>
<table:table-row><table:table-cell office:value-type="float" office:value="7.5"><text:p>7,50</text:p></table:table-cell>
 <table:table-cell office:value-type="date" office:date-value="2025-01-31"><text:p>31.01.25</text:p></table:table-cell>
 <table:table-cell table:formula="of:=1/0" office:value-type="string" office:string-value="" calcext:value-type="error"
 ><text:p>#DIV/0!</text:p></table:table-cell></table:table-row>
<table:table-row table:number-rows-repeated="1048570"><table:table-cell table:number-columns-repeated="16384"/></table:table-row>
</table:table>
<table:table table:name="Merged"><table:table-row><table:table-cell office:value-type="string"><text:p>a</text:p></table:table-cell>
 </table:table-row><table:table-row><table:table-cell table:number-columns-spanned="2" table:number-rows-spanned="1"
 office:value-type="string"><text:p>m</text:p></table:table-cell><table:covered-table-cell/></table:table-row></table:table>
<table:table table:name="Far"><table:table-row table:number-rows-repeated="1048576">
 <table:table-cell office:value-type="string" table:number-columns-repeated="@TIMES@"><text:p>a</text:p></table:table-cell>
 </table:table-row></table:table></office:spreadsheet></office:body></office:document-content>"""


def ods(path, times: int) -> None:
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    with zipfile.ZipFile(path, "w") as book:
        book.writestr("mimetype", kind)
        book.writestr("content.xml", re.sub(r">\s+<", "><", ODS.replace("@TIMES@", str(times))))
        entry = f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/>'
        space = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
        book.writestr(
            "META-INF/manifest.xml", f'<manifest:manifest xmlns:manifest="{space}">{entry}</manifest:manifest>'
        )


def test_an_ods_is_read_and_its_errors_and_merged_cells_too(tmp_path):
    ods(tmp_path / "o.ods", times=1)
    assert read(tmp_path, "o.ods", sheets=("May",)) == (
        ["n", "d", "e"],
        [("o.ods", 4, None, "7.5", "2025-01-31", "#DIV/0!")],
    )
    assert "sheet Merged: cells are merged (A2:B2)" in refused(tmp_path, name="o.ods", sheets=("Merged",))
    ods(tmp_path / "o.ods", times=16_384)
    assert "is too large" in refused(tmp_path, name="o.ods", sheets=("May",))


def test_a_workbook_that_needs_a_password_says_so(tmp_path):
    """An encrypted xlsx is a container like an xls, in which there is no workbook to be found."""
    content = zlib.decompress(base64.b85decode(XLS.replace("\n", "")))
    (tmp_path / "o.xlsx").write_bytes(content.replace("Workbook".encode("utf-16-le"), "Encrypts".encode("utf-16-le")))
    assert "is protected by a password" in refused(tmp_path)
