"""The spreadsheet of a report: a summary, a sheet per family, and the data; figures are numbers, words cannot act."""

import re
import zipfile
from datetime import datetime
from pathlib import Path

import pandas as pd
import pytest
from python_calamine import CalamineWorkbook
from synthetic import HOSTILE, metric, rate, result, row

from crmnb.report.exports.report_xlsx import write_report_xlsx


@pytest.fixture
def path(tmp_path) -> Path:
    moved = {"target": 60.0, "change": 3.14, "change_low": 1.2, "change_high": 5.0, "signal": "better"}
    repeat = result(
        [
            rate(1161, 2022, 2.1, **moved),
            rate(700, 1000, 2.0, segment="region", level=HOSTILE),
            rate(50, 100, 9, part="2025-01"),
        ]
    )
    lacking = result([row(flags="unavailable", reason="needs tickets")], of=metric(id="csat", title="Satisfaction"))
    families = [("Retention", [repeat, lacking]), ("Sales: leads/visits", [lacking])]
    path = tmp_path / "x.xlsx"
    write_report_xlsx(repeat.rows.drop(columns="reason"), families, [repeat], path, datetime(2026, 1, 2))
    return path


def files(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist()}


def sheets(path: Path) -> dict[str, list[dict[str, object]]]:
    """The cells of each sheet by column, line by line, without those that are empty."""
    book = CalamineWorkbook.from_path(path)
    return {
        name: [
            {column: cell for column, cell in enumerate(line) if cell != ""}
            for line in book.get_sheet_by_name(name).to_python(skip_empty_area=False)
        ]
        for name in book.sheet_names
    }


def test_has_a_summary_a_sheet_per_family_and_the_data(path):
    read = sheets(path)
    assert list(read) == ["Summary", "Retention", "Sales  leads visits", "Data"]
    assert read["Summary"][0][0] == "Key metrics: Harbour Books"
    assert read["Summary"][1][0] == "2025 vs 2024"
    assert len(read["Data"]) == 4


def test_a_line_has_its_figures_as_numbers_and_its_verdict_in_words(path):
    head, whole, level, lacking = sheets(path)["Retention"][4:]
    named = {head[column]: value for column, value in whole.items()}
    assert named == {
        "Metric": "Repeat purchase rate",
        "Value": pytest.approx(1161 / 2022),
        "Unit": "%",
        "CI low": pytest.approx(1161 / 2022 - 0.021),
        "CI high": pytest.approx(1161 / 2022 + 0.021),
        "n": 2022,
        "Change": pytest.approx(0.0314),
        "Change low": pytest.approx(0.012),
        "Change high": pytest.approx(0.05),
        "Verdict": "better",
        "Target": pytest.approx(0.6),
        "Target met": "missed",
    }
    assert level[2] == "region"
    assert lacking == {0: "Satisfaction", 5: "%", 15: "not available: needs tickets"}
    assert b'formatCode="0%"' in files(path)["xl/styles.xml"]


def test_no_cell_acts_as_a_formula_or_a_link(path):
    written = files(path)
    for name, content in written.items():
        assert b"<f>" not in content, name
        assert b"hyperlink" not in content, name
    assert "\u202e" not in written["xl/sharedStrings.xml"].decode()


def test_a_text_that_would_act_is_marked_as_text(tmp_path):
    shown = result([rate(700, 1000, 2.0), rate(70, 100, 2.0, segment="region", level="=1+1")])
    write_report_xlsx(shown.rows, [("Retention", [shown])], [], tmp_path / "x.xlsx", datetime(2026, 1, 2))
    with zipfile.ZipFile(tmp_path / "x.xlsx") as file:
        sheet, styles = (file.read(f"xl/{name}.xml").decode() for name in ("worksheets/sheet1", "styles"))
    formats = re.findall(r"<xf [^>]*>", re.search(r"<cellXfs.*?</cellXfs>", styles, re.DOTALL)[0])
    style = int(re.search(r'<c r="D7" s="(\d+)" t="s">', sheet)[1])
    assert 'quotePrefix="1"' in formats[style]


def test_a_report_without_results_has_its_data_only(tmp_path):
    write_report_xlsx(pd.DataFrame({"client": []}), [], [], tmp_path / "x.xlsx", datetime(2026, 1, 2))
    with zipfile.ZipFile(tmp_path / "x.xlsx") as file:
        assert 'name="Data"' in file.read("xl/workbook.xml").decode()
