"""Which files a client's parameters may name: those below their own folder, or below one that they declare; none of the system's."""

import os
import sqlite3

import pytest
from importing import HEAD, ORDERS, rows, take

from crmnb.core.errors import InputError
from crmnb.intake import SourceMissing
from crmnb.schema.client import load_client

ROWS = "No,Customer,Ordered,Total,Status\n1,canary,2025-01-01,1,paid\n"
OUTSIDE = "is outside the folder of the parameters file"


@pytest.fixture
def home(tmp_path):
    """A folder of parameters with a file below it, and beside it one that is none of theirs."""
    for name in ("home/in", "other/deep"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "o.csv").write_text(ROWS)
    return tmp_path / "home"


def source(file: object, folders: str = "") -> str:
    declared = f"data_folders: [{folders}]\n" if folders else ""
    return f'{declared}sources: {{orders: {{file: "{file}", format: csv}}}}{ORDERS}'


def refusal(home, file: object, folders: str = "") -> str:
    with pytest.raises(InputError) as no:
        take(home, source(file, folders))
    assert not isinstance(no.value, SourceMissing)
    assert "canary" not in str(no.value)
    return str(no.value)


@pytest.mark.parametrize("file", ["in/o.csv", "in/*.csv", "*/o.csv", "./in/o.csv", "in/../in/o.csv"])
def test_files_below_the_parameters_are_read(home, file):
    assert len(rows(take(home, source(file)), "orders")) == 1


@pytest.mark.parametrize(
    "file",
    [
        "../other/deep/o.csv",
        "../other/*/o.csv",
        "../o*/deep/o.csv",
        "in/../../other/deep/o.csv",
        "../other/gone.csv",
        "/etc/passwd",
    ],
)
def test_files_elsewhere_are_refused_whether_they_are_there_or_not(home, file):
    assert OUTSIDE in refusal(home, file)
    assert OUTSIDE in refusal(home, (home / file).resolve())


def test_what_is_to_be_declared_is_said(home):
    said = refusal(home, "../other/deep/o.csv")
    assert said.startswith("test.yml, sources.orders.file: '../other/deep/o.csv' is outside")
    assert "`data_folders: [../other/deep]`" in said
    assert len(rows(take(home, source("../other/deep/o.csv", "../other/deep")), "orders")) == 1


@pytest.mark.parametrize("file", ["../other/deep/o.csv", "../other/*/o.csv"])
@pytest.mark.parametrize("folders", ["../other", "../gone, ../other"])
def test_files_below_a_declared_folder_are_read(home, file, folders):
    assert len(rows(take(home, source(file, folders)), "orders")) == 1
    assert len(rows(take(home, source(home.parent / "other/deep/o.csv", home.parent / "other")), "orders")) == 1


def test_a_file_that_is_missing_below_a_declared_folder_is_missing(home):
    with pytest.raises(SourceMissing):
        take(home, source("../other/gone.csv", "../other"))


def test_a_folder_whose_name_only_begins_alike_is_another_one(home):
    (home.parent / "others").mkdir()
    (home.parent / "others" / "o.csv").write_text(ROWS)
    assert OUTSIDE in refusal(home, "../others/o.csv", "../other")


def test_a_link_out_of_a_declared_folder_is_refused(home):
    (home.parent / "secret").mkdir()
    (home.parent / "secret" / "o.csv").write_text(ROWS)
    (home.parent / "other" / "link.csv").symlink_to(home.parent / "secret" / "o.csv")
    (home.parent / "other" / "far").symlink_to(home.parent / "secret")
    assert "is a link to another folder, or is behind such a link" in refusal(home, "../other/link.csv", "../other")
    assert OUTSIDE in refusal(home, "../other/far/o.csv", "../other")
    assert "is a link to another folder, or is behind such a link" in refusal(home, "../other/f*/o.csv", "../other")


def test_a_declared_folder_may_be_a_link(home):
    (home / "exports").symlink_to(home.parent / "other")
    assert len(rows(take(home, source("../other/deep/o.csv", "exports")), "orders")) == 1


@pytest.mark.skipif(not os.path.exists("/proc/self/environ"), reason="no /proc here")
@pytest.mark.parametrize("folders", ["", "/proc", "/", "/proc/self, /dev"])
@pytest.mark.parametrize(
    "file",
    [
        "/proc/self/environ",
        "/proc/self/*",
        "/proc/self/fd/0",
        "/dev/stdin",
        "/dev/zero",
        "/sys/kernel/notes",
        "/proc/[s]elf/environ",
    ],
)
def test_what_the_system_tells_of_itself_is_never_read(home, file, folders):
    said = refusal(home, file, folders)
    assert "is in a system folder, which is not allowed" in said or "it is the whole disk or a system folder" in said
    assert "PATH=" not in said


@pytest.mark.skipif(not os.path.exists("/proc/self/environ"), reason="no /proc here")
@pytest.mark.parametrize("target", ["/proc/self/environ", "/dev/null"])
def test_nor_by_a_link(home, target):
    (home / "link.csv").symlink_to(target)
    (home / "far").symlink_to("/proc/self")
    for file in ("link.csv", "l*.csv", "far/environ", "f*/environ"):
        words = ("is a link to another folder", "a pipe or a device", "a system folder")
        assert any(each in refusal(home, file) for each in words)


@pytest.mark.parametrize("file", ["pipe.csv", "p*.csv"])
def test_a_pipe_is_refused_and_not_waited_for(home, file):
    os.mkfifo(home / "pipe.csv")
    assert "is a pipe or a device" in refusal(home, file)


def test_a_socket_is_refused(home, monkeypatch):
    import socket

    monkeypatch.chdir(home)
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("s.csv")
        assert "is a pipe or a device" in refusal(home, "s.csv")


@pytest.mark.parametrize("folders", ["/", "../../../../../../../../../../.."])
def test_the_whole_disk_is_no_folder_of_files(home, folders):
    assert "data_folders" in refusal(home, "../other/deep/o.csv", folders)


def test_an_empty_folder_is_refused(home):
    (home / "test.yml").write_text(HEAD + source("in/o.csv", '""'))
    with pytest.raises(InputError, match="data_folders"):
        load_client("test", home)


def test_a_database_in_a_file_lies_where_files_may(home):
    with sqlite3.connect(home.parent / "other" / "o.db") as database:
        database.execute("CREATE TABLE t (No TEXT, Customer TEXT, Ordered TEXT, Total TEXT, Status TEXT)")
        database.execute("INSERT INTO t VALUES ('1', 'a', '2025-01-01', '1', 'paid')")
    text = f"sources: {{orders: {{database: 'sqlite:///../other/o.db', table: t}}}}{ORDERS}"
    with pytest.raises(InputError, match=rf"sources\.orders\.database: '\.\./other/o\.db' {OUTSIDE}"):
        take(home, text)
    assert len(rows(take(home, f"data_folders: [../other]\n{text}"), "orders")) == 1
