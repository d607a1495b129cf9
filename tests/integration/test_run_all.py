"""Many clients at once, unattended, some with errors; what runs again and what is reused; the summary."""

import json
import re
from pathlib import Path

import nbformat
import pytest

from conftest import PROJECT, crmnb, project, shortened

pytestmark = pytest.mark.usefixtures("warm_fork_server")
GOOD = [f"shop_{n}" for n in range(1, 5)]  # twice as many as run at the same time on two cores
TWO = ("--family", "retention", "--family", "satisfaction")  # what holds of two families holds of all


def shops(folder: Path, names: list[str]) -> None:
    """Replace all clients by copies of the corner shop with other names and their own files."""
    text = (folder / "parameters" / "corner_shop.yml").read_text()
    for path in (folder / "parameters").glob("*.yml"):
        path.unlink()
    for name in names:
        own = folder / "parameters" / name
        own.mkdir()
        for file in (PROJECT / "parameters" / "corner_shop").iterdir():
            (own / file.name).write_bytes(file.read_bytes())
        named = re.sub(r"^name: .*$", f"name: Shop {name}", text, flags=re.MULTILINE)
        (folder / "parameters" / f"{name}.yml").write_text(named.replace("corner_shop/", f"{name}/"))


@pytest.fixture(scope="module")
def six(tmp_path_factory) -> Path:
    """A project of six clients: four without errors, one with wrong parameters, one with a wrong file."""
    folder = shortened(project(tmp_path_factory.mktemp("six")), ("customers", "orders", "survey_responses"))
    shops(folder, [*GOOD, "broken_file", "broken_parameters"])
    parameters = folder / "parameters" / "broken_parameters.yml"
    parameters.write_text(parameters.read_text().replace("currency:", "curency:"))
    (folder / "parameters" / "broken_file" / "orders.csv").write_text("nothing,of,ours\n1,2,3\n")
    return folder


@pytest.fixture(scope="module")
def ran(six):
    """The exit code and output of `crmnb run --all`."""
    result = {}

    def run(capsys):
        if not result:
            code = crmnb(six, "run", *TWO, "--all")
            out = capsys.readouterr()
            result.update(code=code, out=out.out, err=out.err)
        return result

    return run


def test_six_clients_of_mixed_health_leave_four_reports_and_two_explanations(six, ran, capsys):
    result = ran(capsys)
    assert result["code"] == 2
    made = sorted(path.parent.parent.name for path in (six / "outputs").glob("shop_*/2025/index.html"))
    assert made == GOOD
    for name in GOOD:
        assert {path.name for path in (six / "outputs" / name / "2025").iterdir()} >= {"retention.html", "results.xlsx"}
        assert f"Shop {name}" in (six / "outputs" / name / "2025" / "index.html").read_text()
    assert "broken_parameters: " in result["err"]
    assert "curency" in result["err"]
    assert "broken_file: " in result["err"]
    assert "Traceback" not in result["err"] + result["out"]
    assert not list((six / "outputs").glob("broken_*/2*"))


def test_the_table_at_the_end_has_a_line_for_each(six, ran, capsys):
    lines = ran(capsys)["out"].splitlines()
    assert lines[0].split() == ["client", "period", "status", "run", "reused", "failed", "seconds", "report"]
    assert [line.split()[0] for line in lines[1:]] == ["broken_file", "broken_parameters", *GOOD]
    assert all(re.search(r"made +2 +0 +0 .* outputs/shop_\d/2025/index.html$", line) for line in lines[3:])


def test_the_index_lists_all_clients(six, ran, capsys):
    ran(capsys)
    page = (six / "outputs" / "index.html").read_text()
    for name in GOOD:
        assert f'href="{name}/2025/index.html"' in page
    assert "broken_file" in page
    assert "broken_parameters" in page


def test_a_second_run_reuses_everything_and_reports_it(six, ran, capsys):
    ran(capsys)
    before = {path: path.stat().st_ino for path in (six / "outputs").glob("shop_*/2025/*")}
    assert crmnb(six, "run", *TWO, *GOOD[1:3], "--json") == 0
    clients = json.loads(capsys.readouterr().out)["clients"]
    assert [client["status"] for client in clients] == ["unchanged", "unchanged"]
    assert all(notebook["reused"] for client in clients for notebook in client["notebooks"])
    assert {path: path.stat().st_ino for path in before} == before


EVERY = {"retention": True, "satisfaction": True}


def reused(folder: Path, capsys) -> dict[str, bool]:
    assert crmnb(folder, "run", *TWO, GOOD[0], "--json") == 0
    (client,) = json.loads(capsys.readouterr().out)["clients"]
    assert client["status"] == "made"
    return {notebook["family"]: notebook["reused"] for notebook in client["notebooks"]}


def test_what_changed_is_run_again_and_nothing_else(six, ran, capsys):
    """A setting, a target, a table, a notebook: each touches the family that reads it."""
    ran(capsys)
    parameters = six / "parameters" / f"{GOOD[0]}.yml"
    text = parameters.read_text()
    with_one_more = re.sub("^settings:.*$", r"\g<0>\n  repeat_purchase_rate: {at_least: 3}", text, flags=re.MULTILINE)
    assert with_one_more != text
    parameters.write_text(with_one_more)
    assert reused(six, capsys) == EVERY | {"retention": False}
    answers = six / "parameters" / GOOD[0] / "answers.csv"
    lines = answers.read_text().splitlines(keepends=True)
    answers.write_text("".join(lines[:-1]))
    assert reused(six, capsys) == EVERY | {"satisfaction": False}
    path = six / "notebooks" / "retention.ipynb"
    source = path.read_text()
    notebook = nbformat.read(path, as_version=4)
    notebook.cells[0].source += "\n\nAnd one sentence more."
    nbformat.write(notebook, path)
    try:
        assert reused(six, capsys) == EVERY | {"retention": False}
        assert "And one sentence more" in (six / "outputs" / GOOD[0] / "2025" / "retention.html").read_text()
    finally:
        path.write_text(source)


def test_a_report_that_somebody_changed_is_made_again(six, ran, capsys):
    ran(capsys)
    page = six / "outputs" / GOOD[2] / "2025" / "index.html"
    good = page.read_text()
    page.write_text("changed by hand")
    assert crmnb(six, "run", *TWO, GOOD[2]) == 0
    assert page.read_text() == good or "changed by hand" not in page.read_text()
    page.unlink()
    assert crmnb(six, "run", *TWO, GOOD[2]) == 0
    assert page.exists()


def test_a_dry_run_shows_the_plan_and_changes_nothing(six, ran, capsys):
    ran(capsys)
    tree = {path: path.stat().st_mtime_ns for path in (six / "outputs").rglob("*")}
    orders = six / "parameters" / GOOD[3] / "orders.csv"
    before = orders.read_bytes()
    orders.write_bytes(before + before.splitlines(keepends=True)[-1].replace(b"O-", b"X-"))
    try:
        assert crmnb(six, "run", *TWO, GOOD[1], GOOD[3], "--dry-run") == 0
    finally:
        orders.write_bytes(before)
    out = capsys.readouterr().out
    assert re.search(rf"{GOOD[1]} 2025: up to date, nothing to run\n(  reuse .*\n)*  reuse  retention", out)
    assert re.search(rf"{GOOD[3]}.*\n(  run .*\n)*  run    retention +the data must be imported first", out)
    assert {path: path.stat().st_mtime_ns for path in (six / "outputs").rglob("*")} == tree


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run"], "name one or more clients"),
        (["run", "shop_1", "--all"], "not both"),
        (["run", "shop_1", "2025"], "the client '2025' does not exist: it has no file in"),
        (["run", "shop_1", "2025"], "Did you mean --period 2025?"),
        (["run", "shop_1", "shop_x"], "Did you mean shop_"),
        (["run", "shop_1", "--period", "fortnight"], "fortnight"),
        (["run", "shop_1", "--time-limit", "0"], "--time-limit"),
        (["run", "shop_1", "--memory-limit", "-1"], "--memory-limit"),
    ],
)
def test_a_wrong_command_is_refused(six, capsys, arguments, message):
    reports = sorted(six.glob("outputs/*/*"))
    assert crmnb(six, *arguments) == 2
    assert message in capsys.readouterr().err
    assert sorted(six.glob("outputs/*/*")) == reports


@pytest.mark.parametrize(("period", "label"), [("month", "2025-12"), ("quarter", "2025Q4")])
def test_a_period_may_be_the_last_whole_one(six, ran, capsys, period, label):
    ran(capsys)
    assert crmnb(six, "run", *TWO, GOOD[1], "--period", period, "--dry-run") == 0
    assert f"{GOOD[1]} {label}" in capsys.readouterr().out


def test_progress_on_a_terminal_shows_clients_notebooks_the_share_done_and_the_time_left(six, ran, capsys, monkeypatch):
    ran(capsys)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    for name, value in {"TERM": "xterm", "COLUMNS": "100"}.items():
        monkeypatch.setenv(name, value)
    assert crmnb(six, "run", *TWO, GOOD[0], GOOD[1], "--fresh", "--json") == 0
    shown = capsys.readouterr()
    clients = json.loads(shown.out)["clients"]
    assert [notebook["reused"] for client in clients for notebook in client["notebooks"]] == [False] * 4
    output = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.err)
    for name in GOOD[:2]:
        assert re.search(rf"{name} 2025 \w+: cell \d+ of \d+: ", output)
        for family in EVERY:
            assert re.search(rf"\d s  {name} 2025 {family} *\n", output)
    assert re.search(r" [1-9]\d?% +\d+:\d\d:\d\d left ", output)
    assert max(len(line) for part in output.split("\n") for line in part.split("\r")) <= 100


def test_progress_in_a_pipe_is_silent(six, ran, capsys):
    ran(capsys)
    assert crmnb(six, "run", *TWO, GOOD[0]) == 0
    assert capsys.readouterr().err == ""


def test_nothing_is_left_of_a_run(six, ran, capsys):
    ran(capsys)
    assert not list((six / "outputs").rglob(".run"))
    assert not list((six / "outputs").rglob(".staging"))
    assert all(path.stat().st_mode & 0o077 == 0 for path in (six / "outputs").glob("*/.private"))
