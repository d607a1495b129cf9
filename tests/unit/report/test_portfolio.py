"""The index over all clients: what it says of each, in which order, whatever lies in their folders, and that it is written whole."""

import html
import json
import os
import re
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from portfolios import NOW, TILE, publish, ran, write
from synthetic import HOSTILE

from crmnb.core.lock import locked
from crmnb.report.pages.portfolio import portfolio


def shown(outputs: Path) -> str:
    """The page without its style."""
    return re.sub("<style>.*?</style>", "", portfolio(outputs, NOW).read_text(encoding="utf-8"), flags=re.DOTALL)


def words(text: str) -> str:
    """What stands there, on one line."""
    return " ".join(html.unescape(re.sub("<[^>]*>", " ", text)).split())


# ---- What it says -----------------------------------------------------------------------------------------


def test_a_client_in_order_is_told_with_report_freshness_and_a_headline(tmp_path):
    publish(tmp_path, "demo", "2025")
    publish(tmp_path, "demo", "2024", made_at="2025-02-01T02:00:00+00:00")
    ran(tmp_path, "demo", "made", name="Demo Ltd")
    page = shown(tmp_path)
    assert '<a href="demo/2025/index.html">Report 2025</a>, 1 Feb 2026' in page
    assert '<a href="demo/2024/index.html">2024</a>' in page
    assert '<a href="demo/2025/retention.html">Retention rate</a>' in page
    assert '<span class="change good">up 3.1 points, 1.2 to 5.0, better</span>' in page
    told = words(page)
    for said in (
        "1 client 2 reports none needs attention",
        "Demo Ltd demo Last run: report made 11 Feb 2026, 02:00 UTC",
        "Data until 21 Jan 2026, 21 days old",
        "81.7% (81.2% to 82.2%)",
        "Updated 11 Feb 2026, 02:05 UTC",
    ):
        assert said in told


def test_alerts_of_the_newest_report_are_listed_and_an_error_needs_attention(tmp_path):
    alert = {"severity": "error", "title": "NPS", "breakdown": "", "segment": "", "level": "", "rule": "threshold"}
    alert |= {
        "value": 12.0,
        "unit": "points",
        "low": 20.0,
        "high": None,
        "period": "2025",
        "since": "2025",
        "moved": [],
    }
    for client, alerts in (("a", [alert | {"severity": "warn"}]), ("b", [alert]), ("c", [{"severity": HOSTILE}, 7])):
        publish(tmp_path, client, "2025")
        write(tmp_path / client / ".private" / "runs" / "2025" / "alerts.json", {"alerts": alerts})
        ran(tmp_path, client, "made")
    page = shown(tmp_path)
    assert re.findall(r'<p class="note">([a-c])</p>', page) == [*"bac"]
    assert "error: NPS: 12 points in 2025, below 20, since 2025" in words(page)
    assert words(page).count("NPS: 12 points") == 2
    assert "1 needs attention" in words(page)


def test_those_that_need_somebody_come_first_the_gravest_before_the_others(tmp_path):
    for client, status in (
        ("a", "made"),
        ("b", "refused"),
        ("c", "interrupted"),
        ("d", "skipped"),
        ("e", "unchanged"),
    ):
        publish(tmp_path, client, "2025")
        ran(tmp_path, client, status, message="because of X" if status == "refused" else "")
    publish(tmp_path, "f", "2025", data_until="2025-06-30")
    ran(tmp_path, "f", "made")
    sentence = "the notebook stopped at its cell 'x'."
    publish(tmp_path, "g", "2025", families={"retention": {"title": "Retention", "failure": sentence}})
    ran(tmp_path, "g", "family failed", message=f"Retention: {sentence}")
    page = shown(tmp_path)
    assert re.findall(r'<p class="note">([a-g])</p>', page) == [*"gcbf", *"ade"]
    told = words(page)
    assert "7 clients 7 reports 4 need attention" in told
    assert told.count(sentence) == 1
    assert f"Retention: {sentence}" in told
    assert "failed: no new report" in told
    assert "because of X" in told
    assert "Data until 30 Jun 2025, 226 days old" in told


def test_a_client_without_a_run_or_a_report_is_there(tmp_path):
    (tmp_path / "checked" / ".private").mkdir(parents=True)
    publish(tmp_path, "before", "2025", record=False)
    ran(tmp_path, "refused", "refused", name="", message="no such file")
    told = words(shown(tmp_path))
    assert "checked checked Last run: no run recorded No report yet" in told
    assert "Report 2025" in told
    assert "Last day of the data unknown" in told
    assert "refused refused Last run: failed:" in told  # without a name, its folder's


def test_no_client_at_all(tmp_path):
    assert "There is no report yet" in words(shown(tmp_path / "outputs"))


def test_the_newest_report_is_the_one_made_last_and_many_others_are_folded(tmp_path):
    for month in range(1, 13):
        for year in (2024, 2025):
            label = f"{year}-{month:02}"
            publish(tmp_path, "demo", label, made_at=f"{2026 - (label == '2024-03')}-01-01T00:00:00+00:00")
    publish(tmp_path, "demo", "2023", made_at="2026-02-01T00:00:00+00:00")
    page = shown(tmp_path)
    assert "Report 2023</a>" in page
    assert len(re.findall(r'href="demo/20..-../index.html"', page)) == 12
    assert 'and 12 more in <a href="demo/">the client' in page


def test_every_address_leads_somewhere(tmp_path):
    for client in ("a", "b"):
        publish(tmp_path, client, "2025", tiles=[TILE, TILE | {"href": "gone.html"}, TILE])
        publish(tmp_path, client, "2025-01-01..2025-06-30")
    links = re.findall('href="([^"#]+)"', shown(tmp_path))
    assert len(links) == 6  # two reports and a headline each; the page of the second headline is not there
    assert all((tmp_path / link).is_file() for link in links)


# ---- Whatever lies there ----------------------------------------------------------------------------------


def test_hostile_texts_are_shown_as_text(tmp_path):
    families = {HOSTILE: {"title": HOSTILE, "failure": HOSTILE}}
    tile = dict.fromkeys(TILE, HOSTILE)
    publish(tmp_path, "demo", "2025", period_name=HOSTILE, families=families, tiles=[tile], data_until=HOSTILE)
    ran(tmp_path, "demo", "refused", name=HOSTILE, message=HOSTILE, began_at=HOSTILE)
    page = shown(tmp_path)
    assert "<script" not in page
    assert "\x1b" not in page
    assert "\u202e" not in page
    assert page.count("&lt;script&gt;alert(1)&lt;/script&gt;") == 9


@pytest.mark.parametrize("name", ["Demo", "..", "a b", "<b>", "a.b", "-x", ".purged-demo", "café"])
def test_a_folder_that_is_no_clients_is_passed_over(tmp_path, name):
    publish(tmp_path / "outputs", "demo", "2025")
    publish(tmp_path / "outputs", name, "2025") if name != ".." else None
    assert "1 client " in words(shown(tmp_path / "outputs"))


DAMAGED = ["", "{", "[]", "null", '"x"', "\x00\xff", "[" * 100_000, '{"a": ' * 50_000, "9" * 5000, " " * (1 << 21)]
ODD = [
    {"status": ["made"], "name": {"a": 1}, "message": 3, "began_at": 1e400, "seconds": "x"},
    {"status": "odd", "began_at": "9999-12-31T23:59:59-23:59", "name": "\ud800"},
    {"made_at": "0001-01-01T00:00:00+23:59", "data_until": "9999-12-31", "tiles": {"a": 1}, "families": [1]},
    {
        "made_at": "x",
        "data_until": "2025-02-31",
        "tiles": [1, None, {}, {"title": 5}],
        "families": {"a": None, "b": {"failure": 1}},
    },
    {"families": {"retention": {"failure": "x" * 100_000}}, "period_name": "x" * 100_000, "tiles": [TILE] * 1000},
]


@pytest.mark.parametrize("said", [*DAMAGED, *ODD], ids=range(len(DAMAGED) + len(ODD)))
@pytest.mark.parametrize("name", ["run.json", "runs/2025/report.json"])
def test_what_is_damaged_or_odd_stops_nothing(tmp_path, name, said):
    publish(tmp_path, "demo", "2025")
    ran(tmp_path, "demo", "made")
    publish(tmp_path, "other", "2025")
    ran(tmp_path, "other", "made")
    write(tmp_path / "demo" / ".private" / name, said)
    page = shown(tmp_path)
    assert "2 clients 2 reports" in words(page)
    assert 'href="demo/2025/index.html"' in page
    assert len(page) < 8000
    if said in DAMAGED:
        assert "cannot be read" in page
        assert "1 needs attention" in page


def test_what_is_not_a_file_or_folder_itself_is_not_read(tmp_path):
    """A link may lead out of outputs, and a pipe never ends."""
    outputs, out = tmp_path / "outputs", tmp_path / "out"
    publish(out, "secret", "2025", period_name="SECRET")
    ran(out, "secret", "made", name="SECRET", message="SECRET")
    publish(outputs, "demo", "2024")
    (outputs / "linked").symlink_to(out / "secret")
    (outputs / "demo" / "2025").symlink_to(out / "secret" / "2025")
    os.mkfifo(outputs / "demo" / ".private" / "run.json")
    (outputs / "a").mkdir()
    (outputs / "a" / ".private").symlink_to(out / "secret" / ".private")
    publish(outputs, "b", "2025", record=False)
    (outputs / "b" / ".private").mkdir()
    (outputs / "b" / ".private" / "run.json").symlink_to(out / "secret" / ".private" / "run.json")
    (outputs / "b" / ".private" / "runs").symlink_to(out / "secret" / ".private" / "runs")
    (outputs / "c" / "2025").mkdir(parents=True)
    (outputs / "c" / "2025" / "index.html").symlink_to(out / "secret" / "2025" / "index.html")
    page = shown(outputs)
    assert "SECRET" not in page
    assert "4 clients 2 reports" in words(page)
    assert "linked" not in page


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read anything")
def test_what_may_not_be_read_stops_nothing(tmp_path):
    publish(tmp_path, "demo", "2025")
    (tmp_path / "demo" / ".private").chmod(0)
    try:
        assert "cannot be read" in shown(tmp_path)
    finally:
        (tmp_path / "demo" / ".private").chmod(0o700)


# ---- Whole or not at all ----------------------------------------------------------------------------------


def test_it_is_for_its_owner_and_leaves_nothing_beside_it(tmp_path):
    publish(tmp_path, "demo", "2025")
    for _ in range(2):
        path = portfolio(tmp_path, NOW)
    assert path == tmp_path / "index.html"
    assert path.stat().st_mode & 0o777 == 0o600
    assert {each.name for each in tmp_path.iterdir()} == {"demo", "index.html", ".lock"}


def test_a_writer_that_fails_leaves_the_old_page_and_nothing_else(tmp_path, monkeypatch):
    before = portfolio(tmp_path, NOW).read_bytes()
    publish(tmp_path, "demo", "2025")
    monkeypatch.setattr(Path, "replace", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left on device")))
    with pytest.raises(OSError, match="No space left"):
        portfolio(tmp_path, NOW)
    assert (tmp_path / "index.html").read_bytes() == before
    assert not (tmp_path / ".index.html.new").exists()


def test_what_a_killed_writer_left_is_overwritten_and_a_link_there_is_not_followed(tmp_path):
    outputs, mine = tmp_path / "outputs", tmp_path / "mine"
    publish(outputs, "demo", "2025")
    mine.write_text("mine")
    (outputs / ".index.html.new").write_text("<p>half of a page")
    assert "half" not in shown(outputs)
    (outputs / ".index.html.new").symlink_to(mine)
    (outputs / "index.html").unlink()
    (outputs / "index.html").symlink_to(mine)
    assert "All clients" in shown(outputs)
    assert mine.read_text() == "mine"
    assert not (outputs / "index.html").is_symlink()


def test_a_writer_waits_for_another_and_then_knows_what_that_one_did(tmp_path):
    publish(tmp_path, "demo", "2025")
    done = threading.Event()
    with locked(tmp_path / ".lock"):
        other = threading.Thread(target=lambda: (portfolio(tmp_path, NOW), done.set()))
        other.start()
        assert not done.wait(0.3)
        publish(tmp_path, "later", "2025")
    other.join(10)
    assert "later/2025" in (tmp_path / "index.html").read_text()


def test_a_killed_writer_holds_nobody_up(tmp_path):
    program = (
        "import os, signal, sys; from pathlib import Path; from crmnb.core.lock import locked\n"
        "with locked(Path(sys.argv[1]) / '.lock'):\n    os.kill(os.getpid(), signal.SIGKILL)"
    )
    assert subprocess.run([sys.executable, "-c", program, str(tmp_path)]).returncode == -9  # noqa: S603
    assert portfolio(tmp_path, NOW).is_file()


# ---- Small and light --------------------------------------------------------------------------------------


def test_three_hundred_clients_are_a_small_page(tmp_path):
    for number in range(300):
        for period in ("2025", "2024"):
            publish(tmp_path, f"client_{number}", period, tiles=[TILE, TILE])
        ran(tmp_path, f"client_{number}", "made")
    assert portfolio(tmp_path, NOW).stat().st_size <= 300_000


def test_it_imports_nothing_heavy():
    program = "import sys, json, crmnb.report.pages.portfolio; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)  # noqa: S603
    heavy = {
        "pandas",
        "numpy",
        "scipy",
        "statsmodels",
        "duckdb",
        "matplotlib",
        "nbconvert",
        "nbformat",
        "bs4",
        "babel.dates",
    }
    assert heavy & set(json.loads(done.stdout)) == set()
