"""What is kept and was damaged is made anew, once, and that is said; what changes under way is for the next run."""

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
from crmnb.workbook import open_workbook

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
def test_a_damaged_kept_file_is_made_anew_once_and_logged(shop, name, damage, caplog):
    client, private = shop
    path = kept_file(private, name)
    whole = path.read_bytes()
    damage(path)
    assert find_unchanged_intake(client, private) is None
    taken = import_data(client, private)
    assert not taken.reused
    assert taken.rebuilt_files == (name,)
    assert path.read_bytes() == whole
    assert [record.getMessage() for record in caplog.records] == [
        f"shop: kept files are damaged, so the data are taken in anew: {name}"
    ]
    again = import_data(client, private)
    assert again.reused
    assert again.rebuilt_files == ()
    assert find_unchanged_intake(client, private) == again
    assert len(caplog.records) == 1


def test_damage_is_told_by_a_check(tmp_path, made):
    folder = copied(made, tmp_path)
    orders = kept_file(folder / "outputs" / "corner_shop" / ".private", "orders.parquet")
    DAMAGE["truncated"](orders)
    found = check(folder, "corner_shop", "2025")
    assert as_data(found)["healed"] == ["orders.parquet"]
    assert "Kept files were damaged, and were made anew: orders.parquet." in " ".join(as_text(found, 100).split())
    assert "Kept files were damaged" in found.page.read_text()
    again = check(folder, "corner_shop", "2025")
    assert as_data(again)["healed"] == []
    assert "damaged" not in as_text(again, 100)


def test_where_the_files_are_gone_the_damage_stays_and_what_is_missing_is_said(shop):
    client, private = shop
    flipped(kept_file(private, "orders.parquet"))
    (client.folder / "orders.csv").unlink()
    with pytest.raises(SourceMissing, match=r"there is no file 'orders\.csv'"):
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
        "crmnb.intake.store.flush_folder", lambda folder: done.append(sorted(p.name for p in folder.iterdir()))
    )
    (client.folder / "orders.csv").write_text(ORDERS.replace("1.50", "2.50"))
    import_data(client, private)
    assert done == [["checksums.json", "intake.json", "orders.parquet"]]


# ---- What a run keeps of its notebooks, and its report ----------------------------------------------------


def copied(made: Path, folder: Path) -> Path:
    """A copy of a project with a published report."""
    return Path(shutil.copytree(made, folder / "copy"))


@pytest.fixture
def ran(made, tmp_path):
    """A copy of the corner shop's project after its run, and the folder of what was kept of 2025."""
    folder = copied(made, tmp_path)
    return folder, folder / "outputs" / "corner_shop" / ".private" / "runs" / "2025"


def planned(folder: Path, dry_run: bool = True) -> dict:
    return plan_report(str(folder), "corner_shop", "2025", [], False, dry_run, print, 60)


def test_what_is_whole_is_not_made_anew(ran):
    plan = planned(ran[0])
    assert plan["unchanged"]
    assert plan["rebuilt"] == []


@every_damage
@pytest.mark.parametrize("name", ["cells.json", "dependencies.json", "checksums.json"])
def test_a_family_of_which_something_kept_is_damaged_is_run_anew_and_no_other(ran, name, damage, caplog):
    folder, kept = ran
    damage(kept / "sales" / name)
    plan = planned(folder)
    assert [family for family, planned_ in plan["families"].items() if not planned_["reuse"]] == ["sales"]
    assert not plan["unchanged"]
    if (name, damage) != ("dependencies.json", DAMAGE["gone"]):  # else it is as if it had not been run
        assert plan["families"]["sales"]["reason"] == "its stored output is damaged"
        assert plan["rebuilt"] == [f"sales/{name}"]
        assert f"sales/{name}" in caplog.text


@every_damage
@pytest.mark.parametrize("name", ["sales.rows.parquet", "sales.points.parquet", "sales.facts.json", "evaluation.json"])
def test_damaged_results_are_evaluated_anew(ran, name, damage, caplog):
    folder, kept = ran
    damage(kept / ".evaluation" / name)
    plan = planned(folder)
    assert not plan["evaluated"]
    assert not plan["unchanged"]
    assert plan["rebuilt"] == [f"evaluation/{name}"]
    assert f"evaluation/{name}" in caplog.text


def test_an_analyst_may_work_on_a_kept_notebook(ran):
    folder, kept = ran
    (kept / "sales" / "notebook.ipynb").write_text("{}")
    assert planned(folder)["unchanged"]
    (kept / "sales" / "notebook.ipynb").unlink()
    assert planned(folder)["unchanged"]


@every_damage
def test_a_damaged_page_of_a_published_report_is_made_anew_and_no_notebook_is_run(ran, damage):
    folder, _ = ran
    damage(folder / "outputs" / "corner_shop" / "2025" / "sales.html")
    plan = planned(folder)
    assert not plan["unchanged"]
    assert all(family["reuse"] for family in plan["families"].values())
    assert plan["rebuilt"] == ["2025/sales.html"]


@every_damage
def test_a_damaged_record_of_a_report_is_made_anew(ran, damage):
    folder, kept = ran
    damage(kept / "report.json")
    plan = planned(folder)
    assert not plan["unchanged"]
    assert all(family["reuse"] for family in plan["families"].values())


def test_a_run_heals_all_that_is_damaged_and_says_so(ran, capsys):
    folder, kept = ran
    place = folder / "outputs" / "corner_shop" / "2025"
    page = (place / "sales.html").read_bytes()
    flipped(kept_file(kept.parents[1], "orders.parquet"))
    DAMAGE["empty"](kept / "satisfaction" / "cells.json")
    flipped(kept / ".evaluation" / "retention.rows.parquet")
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
    assert "orders.parquet" in (kept.parents[1] / "run.log").read_text()
    assert read_json(kept.parents[1] / "run.json")["rebuilt"] == client["rebuilt"]
    assert (place / "sales.html").read_bytes() == page
    assert planned(folder)["unchanged"]
    assert crmnb(folder, "run", "corner_shop", "--period", "2025") == 0
    assert "damaged" not in capsys.readouterr().err


@pytest.mark.parametrize("name", ["sales/cells.json", ".evaluation/sales.rows.parquet", ".evaluation/sales.facts.json"])
def test_what_is_damaged_while_a_run_is_under_way_interrupts_it_and_the_report_stays(ran, name):
    folder, kept = ran
    published = {path: path.read_bytes() for path in (folder / "outputs" / "corner_shop" / "2025").iterdir()}
    plan = planned(folder, dry_run=False)
    flipped(kept / name)
    families = {family: {"title": each["title"], "failure": ""} for family, each in plan["families"].items()}
    given = {
        "project": str(folder),
        "client": "corner_shop",
        "period": "2025",
        "tables": plan["tables"],
        "families": families,
    }
    message = run_job("report", given, print)
    assert message["error"]["status"] == "interrupted"
    assert "was damaged during this run; run again." in message["error"]["message"]
    assert {path: path.read_bytes() for path in (folder / "outputs" / "corner_shop" / "2025").iterdir()} == published
    assert planned(folder)["rebuilt"] == [name.removeprefix(".")]


# ---- Parameters are read once -----------------------------------------------------------------------------


def edit(folder: Path, **new) -> None:
    path = folder / "parameters" / "corner_shop.yml"
    path.write_text(yaml.safe_dump(yaml.safe_load(path.read_text()) | new, sort_keys=False))


def test_a_kernel_and_the_report_have_the_parameters_that_the_run_has_read(ran, monkeypatch):
    folder, kept = ran
    plan = planned(folder, dry_run=False)
    edit(folder, level=0.8, privacy={"min_base": 5, "suppress_below": 4})
    monkeypatch.chdir(folder)
    assert open_workbook("corner_shop", "2025").client.level == 0.8
    monkeypatch.setenv(PARAMETERS_FOLDER, str(kept.parents[1] / ".run" / "parameters"))
    monkeypatch.setenv(TABLES_FOLDER, plan["tables"])
    client = open_workbook("corner_shop", "2025").client
    assert (client.level, client.privacy.suppress_below) == (0.95, 1)
    families = {family: {"title": each["title"], "failure": ""} for family, each in plan["families"].items()}
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
        code, _, wrong = faulty.ended(run)
        assert (code, wrong) == (0, "")
        report = folder / "outputs" / "corner_shop" / "2025"
        assert json.loads((report / "manifest.json").read_text())["declared"]["level"] == 0.95
        plan = plan_report(str(folder), "corner_shop", "2025", ["satisfaction"], False, True, print, 60)
        assert not plan["families"]["satisfaction"]["reuse"]
    finally:
        shutil.rmtree(place)
