"""The figures of a published report, read without anything more to install."""

import io
import re
import shutil

import duckdb
import pandas as pd
import pytest

from conftest import crmnb
from crmnb.cli import build_parser
from crmnb.core.errors import InputError
from crmnb.evaluate.results_frame import COLUMNS
from crmnb.run.published_results import read_results


def test_csv_holds_every_row_and_column_to_the_last_digit(made, capsys):
    assert crmnb(made, "results", "corner_shop", "2025", "--csv") == 0
    printed = pd.read_csv(io.StringIO(capsys.readouterr().out), keep_default_na=False, na_values={}, dtype=str)
    expected = read_results(made, "corner_shop", "2025")
    assert list(printed) == list(expected) == list(COLUMNS)
    assert len(printed) == len(expected) > 100
    for name, kind in COLUMNS.items():
        if kind == "float64":
            pd.testing.assert_series_equal(pd.to_numeric(printed[name]), expected[name], check_exact=True)
        else:
            assert printed[name].tolist() == expected[name].tolist()


def test_the_frame_is_the_one_of_the_workbook(made, corner_shop):
    published = read_results(made, "corner_shop", "2025")
    computed = corner_shop.results("satisfaction")
    mine = published[published["family"] == "satisfaction"].reset_index(drop=True)
    pd.testing.assert_frame_equal(mine, computed, check_dtype=False, check_exact=True)


def test_the_table_shows_what_was_asked_for(made, capsys):
    assert crmnb(made, "results", "corner_shop", "2025", "--metric", "nps") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[0] == "metric"
    assert {line.split()[0] for line in lines[1:]} == {"nps"}


def test_the_line_of_the_help_works_as_it_stands(made, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        build_parser().parse_args(["results", "--help"])
    (line,) = re.findall(r"import duckdb; .*", capsys.readouterr().out)
    monkeypatch.chdir(made)
    names: dict = {}
    exec(line, names)  # noqa: S102 -- our own words
    assert list(names["results"]) == list(COLUMNS)


@pytest.mark.parametrize(
    ("client", "period", "words"),
    [
        ("corner_shop", "2024", "no report '2024'.*Allowed: 2025"),
        ("corner_shop", "../2025", "no report"),
        ("corner_shop", ".private", "no report"),
        ("nobody", "2025", "no report '2025' of 'nobody'"),
        ("../corner_shop", "2025", "is not a valid name"),
    ],
)
def test_what_is_not_there_is_said(made, capsys, client, period, words):
    assert crmnb(made, "results", client, period) == 2
    assert re.search(words, capsys.readouterr().err)


def test_a_metric_that_is_not_in_it_is_said(made, capsys):
    assert crmnb(made, "results", "corner_shop", "2025", "--metric", "npss") == 2
    assert "Did you mean nps" in capsys.readouterr().err


@pytest.mark.parametrize("record", [True, False])
def test_a_damaged_file_is_said_and_not_shown(made, tmp_path, record):
    folder = tmp_path / "copy"
    record_path = "outputs/corner_shop/.private/runs/2025/report.json"
    for name in ("outputs/corner_shop/2025/results.parquet", *([record_path] if record else [])):
        (folder / name).parent.mkdir(parents=True)
        shutil.copy(made / name, folder / name)
    path = folder / "outputs/corner_shop/2025/results.parquet"
    assert len(read_results(folder, "corner_shop", "2025")) > 100
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(
        InputError, match="is damaged; rebuild it with `crmnb run corner_shop" if record else "cannot be read"
    ):
        read_results(folder, "corner_shop", "2025")


def test_a_figure_that_is_not_known_is_null_in_the_file_and_nan_in_the_frame(made):
    path = made / "outputs/corner_shop/2025/results.parquet"
    nulls = duckdb.read_parquet(str(path)).aggregate("count(*) filter (low is null)").fetchall()[0][0]
    assert read_results(made, "corner_shop", "2025")["low"].isna().sum() == nulls > 0
