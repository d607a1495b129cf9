"""A real PostgreSQL for the tests: made in a temporary folder, reached on 127.0.0.1 by password, stopped at the end."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import adbc_driver_postgresql.dbapi as driver

PASSWORD = "Canary/p@ss word#1"  # noqa: S105 -- of a server that lives as long as the tests; hard to write into an address
WRITTEN = "Canary%2Fp%40ss%20word%231"


@dataclass(frozen=True)
class Server:
    """A running server: its port and its superuser's address."""

    port: int

    @property
    def address(self) -> str:
        return f"postgresql://canary_boss:{WRITTEN}@127.0.0.1:{self.port}/postgres"

    def run(self, *statements: str) -> None:
        """Run statements as the superuser."""
        with driver.connect(self.address, autocommit=True) as database, database.cursor() as cursor:
            for statement in statements:
                cursor.execute(statement)


def programs() -> Path | None:
    """The folder of initdb and pg_ctl; None where PostgreSQL is not installed."""
    found = shutil.which("initdb")
    folders = [Path(found).resolve().parent] if found else []
    folders += sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    return next((folder for folder in folders if (folder / "pg_ctl").exists() and (folder / "initdb").exists()), None)


@contextmanager
def running() -> Iterator[Server]:
    """A server, while it is needed. Its folder is none of pytest's, which the server's user could not reach."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        yield from _running(Path(folder))


def _running(folder: Path) -> Iterator[Server]:
    bin_, port = programs(), free_port()
    (folder / "password").write_text(PASSWORD)
    if os.geteuid() == 0:  # the server refuses to be root
        shutil.chown(folder, "postgres")
        shutil.chown(folder / "password", "postgres")

    def run(program: str, *arguments: str) -> None:
        as_user = ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"] if os.geteuid() == 0 else []
        done = subprocess.run(  # noqa: S603 -- the programs that were found, with our own arguments
            [*as_user, str(bin_ / program), *arguments],
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            timeout=60,
        )
        assert done.returncode == 0, f"{program}: {done.stderr}"

    data, log = str(folder / "data"), str(folder / "log")
    run("initdb", "-D", data, "-U", "canary_boss", "--pwfile", str(folder / "password"), "-A", "scram-sha-256",
        "-N", "--locale=C", "-E", "UTF8")  # fmt: skip
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={folder} -c fsync=off"
    run("pg_ctl", "-D", data, "-l", log, "-w", "-o", options, "start")
    try:
        yield Server(port)
    finally:
        run("pg_ctl", "-D", data, "-m", "immediate", "stop")


def free_port() -> int:
    """A port that nothing listens to."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]
