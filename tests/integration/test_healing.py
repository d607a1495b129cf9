"""Damaged stored files are rebuilt once and reported; changes during a run apply to the next run."""

import json
import shutil
import sys
from pathlib import Path

import faulty
import pytest
import yaml

from conftest import crmnb, shortened
from crmnb.core.checksum import read_json
from crmnb.core.environment import PARAMETERS_FOLDER, TABLES_FOLDER
from crmnb.intake import SourceMissing, import_data
from crmnb.intake.pipeline import find_unchanged_intake
from crmnb.report.data_check.sections import as_data, as_text
from crmnb.run.data_check import check
from crmnb.run.jobs import run_job
from crmnb.run.plan import plan_report
from crmnb.run.report_job import make_report
from crmnb.schema.client import load_client
from crmnb.schema.tables import TABLES
from crmnb.workbook import open_workbook

pytestmark = pytest.mark.usefixtures("warm_fork_server", "columns_known")
PROJECT = Path(__file__).parents[2]
SHOP = {
    "name": "Shop",
    "currency": "GBP",
    "sources": {"orders": {"file": "orders.csv"}},
    "tables": {
        "orders": {
            "source": "orders",
            "columns": {"order_id": "id", "customer_id": "who", "ordered_at": "on", "amount": "sum", "status": "state"},
        }
    },
}
ORDERS = "id,who,on,sum,state\n" + "".join(f"{n},c{n % 7},2025-{n % 12 + 1:02}-03,{n}.50,paid\n" for n in range(1, 41))


def flipped(path: Path) -> None:
    """One bit in the middle of the file, which keeps its size."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


DAMAGE = {
    "one bit": flipped,
    "truncated": lambda path: path.write_bytes(path.read_bytes()[: path.stat().st_size // 2]),
    "empty": lambda path: path.write_bytes(b""),
    "gone": lambda path: path.unlink(),
}
every_damage = pytest.mark.parametrize("damage", DAMAGE.values(), ids=DAMAGE)


# ---- Canonical tables -------------------------------------------------------------------------------------


@pytest.fixture
def shop(tmp_path):
    """A client of 40 orders, and its private folder with the data taken in."""
    folder = tmp_path / "parameters"
    folder.mkdir()
    (folder / "shop.yml").write_text(yaml.safe_dump(SHOP))
    (folder / "orders.csv").write_text(ORDERS)
    client, private = load_client("shop", folder), tmp_path / "private"
    import_data(client, private)
    return client, private


def kept_file(private: Path, name: str) -> Path:
    (path,) = (private / "tables").glob(f"*/{name}")
    return path


@every_damage
@pytest.mark.parametrize("name", ["orders.parquet", "intake.json", "checksums.json"])
def test_a_damaged_stored_file_is_rebuilt_once_and_logged(shop, name, damage, caplog):
    client, private = shop
    path = kept_file(private, name)
    whole = path.read_bytes()
    damage(path)
    assert find_unchanged_intake(client, private) is None
    intake = import_data(client, private)
    assert not intake.reused
    assert intake.rebuilt_files == (name,)
    assert path.read_bytes() == whole
    assert [record.getMessage() for record in caplog.records] == [
        f"shop: stored files are damaged and the data are imported again: {name}"
    ]
    again = import_data(client, private)
    assert again.reused
    assert again.rebuilt_files == ()
    assert find_unchanged_intake(client, private) == again
    assert len(caplog.records) == 1


def test_a_check_reports_damage(tmp_path, made):
    folder = copied(made, tmp_path)
    orders = kept_file(folder / "outputs" / "corner_shop" / ".private", "orders.parquet")
    DAMAGE["truncated"](orders)
    checked = check(folder, "corner_shop", "2025")
    assert as_data(checked)["healed"] == ["orders.parquet"]
    assert "Damaged files were restored: orders.parquet." in " ".join(as_text(checked, 100).split())
    assert "Damaged files were restored" in checked.page.read_text()
    again = check(folder, "corner_shop", "2025")
    assert as_data(again)["healed"] == []
    assert "Damaged" not in as_text(again, 100)


def test_where_the_files_are_gone_the_damage_stays_and_what_is_missing_is_said(shop):
    client, private = shop
    flipped(kept_file(private, "orders.parquet"))
    (client.folder / "orders.csv").unlink()
    with pytest.raises(SourceMissing, match=r"the file 'orders\.csv' does not exist"):
        import_data(client, private)


def test_the_quarantine_may_be_mended_where_it_lies(shop):
    client, private = shop
    (client.folder / "orders.csv").write_text(ORDERS + "".join(f"x{n},c1,2025-02-30,1,paid\n" for n in range(1)))
    import_data(client, private)
    kept_file(private, "quarantine/orders.csv").write_text("mended")
    assert import_data(client, private).reused


def test_the_tables_are_on_the_disk_before_they_are_in_place(shop, monkeypatch):
    client, private = shop
    done = []
    monkeypatch.setattr(
        "crmnb.core.folder_swap.flush_folder", lambda folder: done.append(sorted(p.name for p in folder.iterdir()))
    )
    (client.folder / "orders.csv").write_text(ORDERS.replace("1.50", "2.50"))
    import_data(client, private)
    counts = [f"{name}.parquet" for name, table in TABLES.items() if table.by_import]
    assert done == [sorted(["checksums.json", "intake.json", "orders.parquet", *counts])]


# ---- Stored output of notebooks, and the report ----------------------------------------------------


def copied(made: Path, folder: Path) -> Path:
    """A copy of a project with a published report."""
    return Path(shutil.copytree(made, folder / "copy"))


@pytest.fixture
def ran(made, tmp_path):
    """A copy of the corner shop's project after its run, and the folder of the stored output for 2025."""
    folder = copied(made, tmp_path)
    return folder, folder / "outputs" / "corner_shop" / ".private" / "runs" / "2025"


def planned(folder: Path, dry_run: bool = True) -> dict:
    return plan_report(str(folder), "corner_shop", "2025", [], False, dry_run, print, 60)


def test_complete_files_are_not_rebuilt(ran):
    plan = planned(ran[0])
    assert plan["unchanged"]
    assert plan["rebuilt"] == []


@every_damage
@pytest.mark.parametrize("name", ["cells.json", "dependencies.json", "checksums.json"])
def test_a_family_with_a_damaged_stored_file_runs_again_and_no_other(ran, name, damage, caplog):
    folder, stored = ran
    damage(stored / "sales" / name)
    plan = planned(folder)
    assert [family for family, planned_ in plan["families"].items() if not planned_["reuse"]] == ["sales"]
    assert not plan["unchanged"]
    if (name, damage) != ("dependencies.json", DAMAGE["gone"]):  # else it is as if it had not been run
        assert plan["families"]["sales"]["reason"] == "its stored output is damaged"
        assert plan["rebuilt"] == [f"sales/{name}"]
        assert f"sales/{name}" in caplog.text


@every_damage
@pytest.mark.parametrize("name", ["sales.rows.parquet", "sales.points.parquet", "sales.facts.json", "evaluation.json"])
def test_damaged_results_are_evaluated_again(ran, name, damage, caplog):
    folder, stored = ran
    damage(stored / ".evaluation" / name)
    plan = planned(folder)
    assert not plan["evaluated"]
    assert not plan["unchanged"]
    assert plan["rebuilt"] == [f"evaluation/{name}"]
    assert f"evaluation/{name}" in caplog.text


def test_an_analyst_may_edit_a_stored_notebook(ran):
    folder, stored = ran
    (stored / "sales" / "notebook.ipynb").write_text("{}")
    assert planned(folder)["unchanged"]
    (stored / "sales" / "notebook.ipynb").unlink()
    assert planned(folder)["unchanged"]


@every_damage
def test_a_damaged_page_of_a_published_report_is_rebuilt_and_no_notebook_runs(ran, damage):
    folder, _ = ran
    damage(folder / "outputs" / "corner_shop" / "2025" / "sales.html")
    plan = planned(folder)
    assert not plan["unchanged"]
    assert all(family["reuse"] for family in plan["families"].values())
    assert plan["rebuilt"] == ["2025/sales.html"]


@every_damage
def test_a_damaged_record_of_a_report_is_rebuilt(ran, damage):
    folder, stored = ran
    damage(stored / "report.json")
    plan = planned(folder)
    assert not plan["unchanged"]
    assert all(family["reuse"] for family in plan["families"].values())


def test_a_run_rebuilds_everything_damaged_and_reports_it(ran, capsys):
    folder, stored = ran
    place = folder / "outputs" / "corner_shop" / "2025"
    page = (place / "sales.html").read_bytes()
    flipped(kept_file(stored.parents[1], "orders.parquet"))
    DAMAGE["empty"](stored / "satisfaction" / "cells.json")
    flipped(stored / ".evaluation" / "retention.rows.parquet")
    flipped(place / "sales.html")
    assert crmnb(folder, "run", "corner_shop", "--period", "2025", "--json") == 0
    (client,) = json.loads(capsys.readouterr().out)["clients"]
    assert client["rebuilt"] == [
        "orders.parquet",
        "evaluation/retention.rows.parquet",
        "satisfaction/cells.json",
        "2025/sales.html",
    ]
    assert {n["family"] for n in client["notebooks"] if not n["reused"]} == {"satisfaction"}
    assert "orders.parquet" in (stored.parents[1] / "run.log").read_text()
    assert read_json(stored.parents[1] / "run.json")["rebuilt"] == client["rebuilt"]
    assert (place / "sales.html").read_bytes() == page
    assert planned(folder)["unchanged"]
    assert crmnb(folder, "run", "corner_shop", "--period", "2025") == 0
    assert "damaged" not in capsys.readouterr().err


@pytest.mark.parametrize("name", ["sales/cells.json", ".evaluation/sales.rows.parquet", ".evaluation/sales.facts.json"])
def test_damage_during_a_run_interrupts_it_and_the_report_stays(ran, name):
    folder, stored = ran
    published = {path: path.read_bytes() for path in (folder / "outputs" / "corner_shop" / "2025").iterdir()}
    plan = planned(folder, dry_run=False)
    flipped(stored / name)
    families = {family: {"title": facts["title"], "failure": ""} for family, facts in plan["families"].items()}
    arguments = {
        "project": str(folder),
        "client": "corner_shop",
        "period": "2025",
        "tables": plan["tables"],
        "families": families,
    }
    message = run_job("report", arguments, print)
    assert message["error"]["status"] == "interrupted"
    assert "was damaged during this run; run again." in message["error"]["message"]
    assert {path: path.read_bytes() for path in (folder / "outputs" / "corner_shop" / "2025").iterdir()} == published
    assert planned(folder)["rebuilt"] == [name.removeprefix(".")]


# ---- Parameters are read once -----------------------------------------------------------------------------


def edit(folder: Path, **new) -> None:
    path = folder / "parameters" / "corner_shop.yml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | new, sort_keys=False))


def test_a_kernel_and_the_report_have_the_parameters_that_the_run_has_read(ran, monkeypatch):
    folder, stored = ran
    plan = planned(folder, dry_run=False)
    edit(folder, level=0.8, privacy={"min_base": 5, "suppress_below": 4})
    monkeypatch.chdir(folder)
    assert open_workbook("corner_shop", "2025").client.level == 0.8
    monkeypatch.setenv(PARAMETERS_FOLDER, str(stored.parents[1] / ".run" / "parameters"))
    monkeypatch.setenv(TABLES_FOLDER, plan["tables"])
    client = open_workbook("corner_shop", "2025").client
    assert (client.level, client.privacy.suppress_below) == (0.95, 1)
    families = {family: {"title": facts["title"], "failure": ""} for family, facts in plan["families"].items()}
    make_report(str(folder), "corner_shop", "2025", plan["tables"], families, print)
    manifest = json.loads((folder / "outputs" / "corner_shop" / "2025" / "manifest.json").read_text())
    assert manifest["declared"]["level"] == 0.95
    assert manifest["declared"]["privacy"]["suppress_below"] == 1


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are looked for in /proc")
def test_parameters_that_change_under_way_are_for_the_next_run():
    place = faulty.place(faulty.short_folder())
    try:
        folder = shortened(place / "project")
        run = faulty.start(place, "--family", "satisfaction", cells={"satisfaction": faulty.PAUSE})
        faulty.until_stopped(run)
        edit(folder, level=0.8)
        run.stopped.unlink()
        code, _, errors = faulty.ended(run)
        assert (code, errors) == (0, "")
        report = folder / "outputs" / "corner_shop" / "2025"
        assert json.loads((report / "manifest.json").read_text())["declared"]["level"] == 0.95
        plan = plan_report(str(folder), "corner_shop", "2025", ["satisfaction"], False, True, print, 60)
        assert not plan["families"]["satisfaction"]["reuse"]
    finally:
        shutil.rmtree(place)
