"""The spreadsheet: no cell can act as a formula, nothing unknown is a number."""

import re
import zipfile
from datetime import UTC, datetime

import pandas as pd
import pytest

from crmnb.report.exports.xlsx import write_xlsx

HOSTILE = ["=1+1", "+1", "-1", "@SUM(A1)", '=HYPERLINK("http://x")', "\t=1", "http://x.example", "<b>&"]


@pytest.fixture
def parts(tmp_path) -> dict[str, str]:
    frame = pd.DataFrame({"level": HOSTILE, "value": [1.5, float("nan"), -2.0, 0, 1, 2, 3, 4]})
    write_xlsx(frame, tmp_path / "x.xlsx", datetime(2025, 1, 2, tzinfo=UTC))
    with zipfile.ZipFile(tmp_path / "x.xlsx") as file:
        return {name: file.read(name).decode() for name in file.namelist()}


def test_no_formula_no_link(parts):
    sheet = parts["xl/worksheets/sheet1.xml"]
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet
    assert not any("rels" in name and "sheet" in name for name in parts)


def test_texts_that_act_are_marked_as_text(parts):
    sheet, styles = parts["xl/worksheets/sheet1.xml"], parts["xl/styles.xml"]
    formats = re.search(r"<cellXfs.*?</cellXfs>", styles, re.DOTALL)[0]
    marked = [i for i, xf in enumerate(re.findall(r"<xf [^>]*>", formats)) if 'quotePrefix="1"' in xf]
    for row in range(2, 8):
        assert re.search(rf'<c r="A{row}" s="{marked[0]}" t="s">', sheet), row


def test_unknown_is_an_empty_cell(parts):
    assert 'r="B2"' in parts["xl/worksheets/sheet1.xml"]
    assert 'r="B3"' not in parts["xl/worksheets/sheet1.xml"]


def test_an_interval_without_an_upper_end_says_so(tmp_path):
    frame = pd.DataFrame({"low": [412.0], "high": [float("inf")]})
    write_xlsx(frame, tmp_path / "x.xlsx", datetime(2025, 1, 2, tzinfo=UTC))
    with zipfile.ZipFile(tmp_path / "x.xlsx") as file:
        assert "no upper end" in file.read("xl/sharedStrings.xml").decode()


def test_is_the_same_file_when_made_again(tmp_path, parts):
    frame = pd.DataFrame({"level": HOSTILE, "value": [1.5, float("nan"), -2.0, 0, 1, 2, 3, 4]})
    write_xlsx(frame, tmp_path / "a.xlsx", datetime(2025, 1, 2, tzinfo=UTC))
    assert (tmp_path / "a.xlsx").read_bytes() == (tmp_path / "x.xlsx").read_bytes()
