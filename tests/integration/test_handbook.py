"""A run leaves no link that leads nowhere: it writes the handbook where it is missing or older than the code, and only then."""

import shutil

import yaml

from conftest import crmnb, project
from crmnb.core.paths import handbook_folder
from crmnb.run import handbook as handbook_module
from crmnb.run.handbook import handbook_is_current, mark_current, update_handbook
from crmnb.run.plan import plan_report


def test_a_run_writes_the_handbook_to_which_its_report_links(made):
    place = handbook_folder(made)
    assert (place / "nps.html").is_file()
    report = made / "outputs/corner_shop/2025"
    methodology = (report / "methodology-satisfaction.html").read_text(encoding="utf-8")
    assert 'href="../../handbook/nps.html"' in methodology
    assert (report / "../../handbook/nps.html").resolve() == (place / "nps.html").resolve()
    assert handbook_is_current(made)


def test_the_index_of_all_clients_leads_to_it_and_does_not_take_it_for_a_client(made):
    index = (made / "outputs/index.html").read_text(encoding="utf-8")
    assert 'href="handbook/index.html"' in index
    assert "1 client<" in index


def test_a_further_run_leaves_it_as_it_is(made):
    page = handbook_folder(made) / "nps.html"
    before = page.stat()
    assert update_handbook(str(made), "corner_shop", lambda step: None) == {"pages": 0}
    after = page.stat()
    assert (before.st_ino, before.st_mtime_ns) == (after.st_ino, after.st_mtime_ns)


def test_a_run_asks_for_it_only_where_it_is_missing(tmp_path):
    folder = project(tmp_path)
    plan = {"label": "2025", "only": [], "fresh": False, "dry_run": True, "time_limit": 60.0}
    assert plan_report(str(folder), "corner_shop", on_step=lambda step: None, **plan)["handbook"]
    shutil.rmtree(handbook_folder(folder))
    assert not plan_report(str(folder), "corner_shop", on_step=lambda step: None, **plan)["handbook"]


def test_other_code_or_another_lesson_makes_it_old(tmp_path, monkeypatch):
    folder = project(tmp_path)
    assert handbook_is_current(folder)
    lesson = folder / "notebooks/lessons/nps.ipynb"
    lesson.write_text(lesson.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert not handbook_is_current(folder)
    mark_current(folder)
    assert handbook_is_current(folder)
    monkeypatch.setattr(handbook_module, "code_hash", lambda project: "another")
    assert not handbook_is_current(folder)


def test_a_run_of_another_client_is_not_stopped_by_a_broken_example(tmp_path):
    """Reports link to the pages: they are written without examples."""
    folder = project(tmp_path)
    shutil.rmtree(handbook_folder(folder))
    (folder / "parameters" / "corner_shop.yml").write_text("name: [", encoding="utf-8")
    assert update_handbook(str(folder), "other", lambda step: None)["pages"] > 100
    assert "not in this project" in (handbook_folder(folder) / "nps.html").read_text(encoding="utf-8")


def test_no_client_can_take_its_folder(tmp_path, capsys):
    folder = project(tmp_path)
    parameters = yaml.safe_load((folder / "parameters/corner_shop.yml").read_text(encoding="utf-8"))
    (folder / "parameters/handbook.yml").write_text(yaml.safe_dump(parameters), encoding="utf-8")
    assert crmnb(folder, "run", "handbook", "--period", "2025") == 2
    assert "a client cannot be named handbook" in "".join(capsys.readouterr())
    assert crmnb(folder, "purge", "handbook", "--yes") == 2
    assert handbook_is_current(folder)
