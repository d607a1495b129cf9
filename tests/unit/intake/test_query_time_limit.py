"""A client's query that does not end is stopped: after the time allowed, and from the keyboard."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from importing import client_of

from conftest import crmnb
from crmnb.core.errors import TimeLimitExceeded
from crmnb.intake import import_data
from crmnb.run.jobs import run_job

JOINED = ", ".join(f"lines {name}" for name in "abcdefgh")
ENDLESS = f"""
sources: {{lines: {{file: lines.csv}}}}
tables:
  orders:
    query: >
      SELECT a.n AS order_id, 'x' AS customer_id, DATE '2025-01-01' AS ordered_at, count(*) AS amount, 'paid' AS status
      FROM {JOINED} WHERE a.n || b.n || c.n || d.n || e.n || f.n || g.n || h.n LIKE '%zzz%' GROUP BY a.n
"""
LINES = "n\n" + "".join(f"{n}\n" for n in range(500))


def test_a_query_that_does_not_end_is_stopped_and_named(tmp_path):
    client = client_of(tmp_path, ENDLESS, lines_csv=LINES)
    began = time.monotonic()
    with pytest.raises(
        TimeLimitExceeded,
        match=r"test\.yml, tables\.orders\.query: the query was stopped after its time limit of 0\.3 seconds",
    ):
        import_data(client, tmp_path / "private", time_limit=0.3)
    assert time.monotonic() - began < 20


def test_sums_over_lines_that_do_not_end_are_stopped_and_named(tmp_path):
    endless = f"(SELECT count(*) FROM {JOINED} WHERE a.n || b.n || c.n || d.n || e.n || f.n LIKE '%zzz%')"
    text = f"""
sources: {{lines: {{file: lines.csv}}}}
tables:
  orders:
    query: SELECT n AS order_id, 'x' AS customer_id, DATE '2025-01-01' AS ordered_at, 1.0 AS amount, 'paid' AS status FROM lines
    lines: {{source: lines, key: n, totals: {{amount: "{endless}"}}}}
"""
    client = client_of(tmp_path, text, lines_csv=LINES)
    with pytest.raises(TimeLimitExceeded, match=r"tables\.orders\.lines: the query was stopped"):
        import_data(client, tmp_path / "private", time_limit=0.3)


@pytest.fixture
def endless(tmp_path) -> Path:
    """A project with a client whose query does not end."""
    for name in ("parameters", "notebooks"):
        (tmp_path / name).mkdir()
    client_of(tmp_path / "parameters", ENDLESS, lines_csv=LINES)
    return tmp_path


def test_a_check_says_so_and_its_exit_code_does(endless, capsys):
    assert crmnb(endless, "check", "test", "--time-limit", "0.005") == 4
    assert "was stopped after its time limit of 0.3 seconds." in capsys.readouterr().err
    assert crmnb(endless, "check", "test", "--time-limit", "0") == 2


def test_in_a_run_it_interrupts(endless):
    look = {"project": str(endless), "client": "test", "label": "2025", "only": [], "fresh": False, "dry_run": False}
    told = run_job("plan", look | {"time_limit": 0.3}, lambda text: None)
    assert told["error"]["status"] == "interrupted"
    assert "the query was stopped after its time limit of 0.3 seconds" in told["error"]["message"]


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_the_keyboard_stops_it(endless):
    program = "import signal, sys; signal.signal(signal.SIGINT, signal.default_int_handler); from crmnb.cli import main; sys.exit(main())"
    process = subprocess.Popen(  # noqa: S603 -- our own command
        [sys.executable, "-c", program, "check", "test"], cwd=endless, stderr=subprocess.PIPE, text=True
    )
    staging = endless / "outputs" / "test" / ".private" / "tables" / ".staging"
    staged = staging / "typed_lines.parquet"
    until = time.monotonic() + 60
    while not staged.exists() and time.monotonic() < until:
        time.sleep(0.02)
    time.sleep(0.5)  # in which the query begins; if it has not, the stop comes before it
    os.kill(process.pid, signal.SIGINT)
    assert "stopped; the published reports are unchanged" in process.communicate(timeout=30)[1]
    assert process.returncode == 130
