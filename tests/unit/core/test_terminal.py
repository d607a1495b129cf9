"""A command whose output nobody hears, or that is started in an odd way: its exit code is right, and there is no traceback."""

import errno
import os
import subprocess
import sys
from io import StringIO
from pathlib import Path

import pytest

from conftest import crmnb, project, shortened
from crmnb.core.terminal import Terminal

PROJECT = Path(__file__).parents[3]
RUN = (sys.executable, "-m", "crmnb.cli")


def command(
    *arguments: str, shell: str = "", folder: Path = PROJECT, **environment: str
) -> subprocess.CompletedProcess:
    """The command in a process of its own; shell: what is done with its streams."""
    line = f'"$@" {shell}' if "PIPESTATUS" not in shell else shell
    return subprocess.run(  # noqa: S603
        ["bash", "-c", line, "bash", *RUN, *arguments],  # noqa: S607
        cwd=folder,
        env=os.environ | {"PYTHONUNBUFFERED": ""} | environment,  # what waits in a buffer is written at the end
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize(
    ("arguments", "shell", "code"),
    [
        (("catalogue",), ">&-", 0),
        (("catalogue",), '"$@" | true; exit ${PIPESTATUS[0]}', 0),  # the reader left before the first output
        (("catalogue", "--json"), '"$@" | head -c 10; exit ${PIPESTATUS[0]}', 0),
        (("--help",), '"$@" | true; exit ${PIPESTATUS[0]}', 0),
        (("catalogue", "npss"), "2>&-", 2),
        (("catalogue", "npss"), ">&- 2>&-", 2),
        (("catalogue", "npss"), '"$@" 2>&1 | true; exit ${PIPESTATUS[0]}', 2),
        (("run",), ">&- 2>&- <&-", 2),
        (("forget", "nobody", "-"), "<&-", 2),
        (("nonsense",), "2>&-", 2),
    ],
)
def test_nobody_hears_it_and_the_exit_code_is_right(arguments, shell, code):
    done = command(*arguments, shell=shell)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr


def test_without_docstrings_it_is_refused_and_said():
    for way in ({"PYTHONOPTIMIZE": "2"}, {"PYTHONOPTIMIZE": "3"}):
        done = command("catalogue", "nps", **way)
        assert done.returncode == 2
        assert done.stderr.startswith("crmnb: Python runs without docstrings (PYTHONOPTIMIZE=2 or -OO)")
        assert "Traceback" not in done.stderr
    program = "from crmnb.core.errors import InputError\ntry:\n    import crmnb.metrics.families.sales.revenue\nexcept InputError as no:\n    print('refused:', no)"
    done = subprocess.run([sys.executable, "-OO", "-c", program], capture_output=True, text=True, check=False)  # noqa: S603
    assert done.stdout.startswith("refused: Python runs without docstrings"), done.stderr
    program = "import crmnb.metrics"  # with assertions left out, docstrings are there
    subprocess.run([sys.executable, "-O", "-c", program], check=True)  # noqa: S603
    assert command("--version", PYTHONOPTIMIZE="1").returncode == 0


class Full(StringIO):
    """A stream that cannot be written to."""

    def __init__(self, number: int):
        super().__init__()
        self.number = number

    def write(self, text: str) -> int:
        raise OSError(self.number, os.strerror(self.number))


def test_a_full_disk_is_no_reader_that_left():
    print("without a reader", file=Terminal(Full(errno.EPIPE)))
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)):
        print("lost", file=Terminal(Full(errno.ENOSPC)))


def test_a_stream_that_was_closed_is_no_error():
    closed = StringIO()
    closed.close()
    print("without a reader", file=Terminal(closed), flush=True)


@pytest.mark.usefixtures("warm_fork_server")
def test_what_somebody_put_into_a_report_s_folder_is_not_deleted(tmp_path, capsys):
    folder = shortened(project(tmp_path))
    asked = ("run", "corner_shop", "--period", "2025", "--family", "satisfaction")
    assert crmnb(folder, *asked) == 0
    report = folder / "outputs" / "corner_shop" / "2025"
    (report / "notes\u202e.docx").write_text("mine")
    (report / "slides").mkdir()
    (report / ".DS_Store").write_text("a system's")
    for more in ((), ("--fresh",), ("--dry-run",)):
        capsys.readouterr()
        assert crmnb(folder, *asked, *more) == 2
        output = "".join(capsys.readouterr())
        assert (
            r"outputs/corner_shop/2025 holds files that are not part of the report: notes\u202e.docx, slides." in output
        )
        assert "Move them to another folder" in output
        assert (report / "notes\u202e.docx").read_text() == "mine"
    (report / "notes\u202e.docx").unlink()
    (report / "slides").rmdir()
    (folder / "outputs/corner_shop/.private/runs/2025/report.json").unlink()  # it is known without the record, too
    assert crmnb(folder, *asked) == 0
    (report / "notes.docx").write_text("mine")
    (folder / "outputs/corner_shop/.private/runs/2025/report.json").unlink()
    assert crmnb(folder, *asked) == 2
