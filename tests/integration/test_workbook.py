"""The workbook in an analyst's hands."""

import json
import shutil
from collections import defaultdict
from dataclasses import replace

import pytest

from crmnb.core.errors import InputError
from crmnb.workbook import find_project, open_workbook


def test_the_same_call_gives_the_same_result_and_remembers(corner_shop):
    assert corner_shop("csat") is corner_shop("csat")


def test_settings_of_ones_own_change_the_figure_and_not_the_report(corner_shop):
    usual = corner_shop("repeat_purchase_rate").whole["value"].item()
    stricter = corner_shop("repeat_purchase_rate", at_least=3)
    # three or more orders in 2025, by hand: 001 and 009, of 14 buyers
    assert stricter.whole["value"].item() == pytest.approx(200 / 14)
    assert stricter.settings["at_least"] == "3"
    assert corner_shop("repeat_purchase_rate").whole["value"].item() == usual


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda book: book("npss"), "Did you mean nps"),
        (lambda book: book("repeat_purchase_rate", at_leats=3), "Did you mean at_least"),
        (lambda book: book("repeat_purchase_rate", at_least="three"), "not a whole number"),
        (lambda book: book.scorecard("retentoin"), "Did you mean retention"),
        (lambda book: book("csat").plot("segments", "regoin"), "region"),
    ],
)
def test_an_error_names_the_allowed_values(corner_shop, call, message):
    with pytest.raises(InputError, match=message):
        call(corner_shop)


def test_rows_behind_a_number_without_personal_columns(corner_shop):
    rows = corner_shop.rows("retention_rate")
    assert (len(rows), int(rows["num"].sum())) == (8, 5)
    assert set(rows["customer_id"]) == {"001", "002", "004", "005", "007", "008", "011", "099"}
    assert "name" not in corner_shop.rows("csat").columns


def test_an_errors_traceback_is_its_message(corner_shop):
    with pytest.raises(InputError) as error:
        corner_shop("npss")
    assert error.value._render_traceback_() == [str(error.value)]


def test_outside_a_project_it_is_said_where_was_looked(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=r"parameters/ and notebooks/"):
        open_workbook("corner_shop", "2025")


def test_a_project_is_found_from_below(tmp_path):
    for name in ("parameters", "notebooks/training"):
        (tmp_path / name).mkdir(parents=True)
    assert find_project(tmp_path / "notebooks" / "training") == tmp_path


def test_in_a_run_another_clients_tables_are_never_taken_for_ones_own(made, tmp_path, monkeypatch):
    folder = shutil.copytree(made, tmp_path / "made")  # what was made is other tests' too
    own = next(path.parent for path in (folder / "outputs/corner_shop/.private/tables").glob("*/intake.json"))
    monkeypatch.chdir(folder)
    monkeypatch.setenv("CRMNB_TABLES_FOLDER", str(own))
    assert open_workbook("corner_shop", "2025").client.id == "corner_shop"
    with pytest.raises(InputError, match="another one"):
        open_workbook("ecsi_mobi", "2005")


def test_a_notebook_with_two_workbooks_tells_what_both_have_read(corner_shop, monkeypatch, tmp_path):
    monkeypatch.setenv("CRMNB_RECORD_FOLDER", str(tmp_path))
    first, second = (replace(corner_shop, _families={}, _read=defaultdict(set)) for _ in range(2))
    first("retention_rate")
    second("csat")
    second("repeat_purchase_rate", at_least=3)
    second.rows("nps")
    notes = json.loads((tmp_path / "read.json").read_text())
    assert set(notes["families"]) == {"retention", "satisfaction"}
    assert set(notes["metrics"]) == {"repeat_purchase_rate", "nps"}  # measured by the notebook itself
    assert {"orders", "survey_responses"} <= set(notes["tables"])
