"""Secrets do not leak: canaries are planted in every possible place, and then all files of a run are searched."""

import base64
import gzip
import io
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import adbc_driver_postgresql.dbapi as driver
import duckdb
import nbformat
import postgres
import pytest
import xlsxwriter

from conftest import PROJECT
from crmnb.run.environment import minimal_environment

NAMES = ("AWS_SECRET_ACCESS_KEY", "PGPASSWORD", "DATABASE_URL", "MY_TOKEN", "CRMNB_TOKEN", "LC_TOKEN", "SHOP_PASSWORD")
SECRETS = {name: f"Canary{number}{name.replace('_', '')}" for number, name in enumerate(NAMES)}
PERSON = "canary-person"  # who runs it
CANARY = re.compile(rb"canary[-\w]*", re.IGNORECASE)
# Where the tests are root's, the runs are of a root who may no more than an ordinary user.
ORDINARY = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"] if os.geteuid() == 0 else []
PARAMETERS = """
name: Shop
currency: GBP
data_from: 2024-01-01
data_until: 2025-12-31
churn: {kind: inactivity, inactivity_days: 90}
sources:
  orders: {database: "postgresql://CanaryRole:${SHOP_PASSWORD}@127.0.0.1:PORT/CanaryBase", table: orders}
  customers: {database: "${SHOP_FILE}", table: customers}
tables:
  orders:
    source: orders
    columns: {order_id: id, customer_id: customer, ordered_at: ordered, amount: total, status: status}
  customers: {source: customers, columns: {customer_id: id, region: region}}
segments: {region: {column: customers.region}}
"""
ORDERS = """
CREATE TABLE orders AS SELECT n::text AS id, chr((97 + n % 26)::int) AS customer, 'paid' AS status, n::numeric AS total,
CASE WHEN n < 2000 THEN timestamp '2024-01-01' + n * interval '7 hours' END AS ordered FROM generate_series(1, 2000) AS n
"""
# What a notebook might do, by mistake or not. It stops at the run itself: what started that is none of the run's.
SPY = r"""
import os, re, subprocess
from pathlib import Path

print(dict(os.environ), subprocess.run(["env"], capture_output=True).stdout)
process, line = os.getpid(), b""
while b"crmnb.cli" not in line:
    line = Path(f"/proc/{process}/cmdline").read_bytes()
    try:
        print(line, Path(f"/proc/{process}/environ").read_bytes())
    except OSError as no:
        print(line, type(no).__name__)
    process = int(Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[1])
with open("/proc/self/maps") as maps, open("/proc/self/mem", "rb", 0) as memory:
    for start, end in [map(lambda x: int(x, 16), line.split()[0].split("-")) for line in maps if " rw" in line]:
        memory.seek(start)
        print(*{found.decode() for found in re.findall(rb"Canar[y]\d+[A-Z]+", memory.read(end - start))})
"""
RAISES = SPY.replace("print(", "told = globals().get('told', '') + repr(") + "\nraise RuntimeError(told)\n"
FAULT = """
import os
import adbc_driver_postgresql.dbapi as driver

def connect(address):
    try:
        raise KeyError(address)
    except KeyError as cause:
        raise RuntimeError(dict(os.environ)) from cause

driver.connect = connect
"""
HOST = """
import os, socket

system, _, *rest = os.uname()
os.uname = lambda: os.uname_result([system, "canary-host", *rest])
socket.gethostname = lambda: "canary-host"
"""
CHART = "import matplotlib.pyplot as plt\n\n_, axes = plt.subplots()\naxes.plot([1, 2], [3, 1])\nplt.show()"


# ---- Searching --------------------------------------------------------------------------------------------


def views(path: Path) -> Iterator[bytes]:
    """What a file holds: as it stands, unpacked, as a table's text, and its pictures one by one."""
    held = path.read_bytes()
    yield from _unpacked(held)
    if path.suffix == ".parquet":
        with duckdb.connect() as con:
            rows = con.execute("SELECT CAST(COLUMNS(*) AS VARCHAR) FROM read_parquet(?)", [str(path)]).fetchall()
            yield repr(rows).encode()


def _unpacked(held: bytes) -> Iterator[bytes]:
    yield held
    if held.startswith(b"PK"):
        with zipfile.ZipFile(io.BytesIO(held)) as packed:
            for name in packed.namelist():
                yield from _unpacked(packed.read(name))
    elif held.startswith(b"\x1f\x8b"):
        yield from _unpacked(gzip.decompress(held))
    elif held.startswith(b"\x89PNG"):
        for chunk in re.finditer(rb"(?s)(?:zTXt|iTXt)[^\0]*\0.*?(x[\x01\x5e\x9c\xda].*)", held):
            yield zlib.decompressobj().decompress(chunk[1])
    else:
        for text in re.findall(rb"[A-Za-z0-9+/]{40,}={0,2}", held.replace(rb"\n", b"")):
            if len(text) % 4 == 0:
                yield from _unpacked(base64.b64decode(text))


def find_canaries(folder: Path, also: tuple[str, ...] = ()) -> list[tuple[str, str]]:
    """Where canaries, or other texts, stand in the files of a folder and in their names."""
    pattern = re.compile(b"|".join([CANARY.pattern, *(re.escape(text.encode()) for text in also)]), CANARY.flags)
    seen = set()
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        for view in [name.encode(), *(views(path) if path.is_file() else ())]:
            seen |= {(name, hit.decode()) for hit in pattern.findall(view)}
    return sorted(seen)


def test_the_search_looks_into_everything(tmp_path):
    canary = SECRETS["MY_TOKEN"]
    text = f"much else {canary} and so on".encode()
    packed = b"zTXtAuthor\0\0" + zlib.compress(text)
    (tmp_path / "plain.html").write_bytes(text)
    (tmp_path / "packed.csv.gz").write_bytes(gzip.compress(text))
    (tmp_path / "encoded.html").write_bytes(b'<img src="data:image/svg+xml;base64,' + base64.b64encode(text) + b'">')
    (tmp_path / "picture.ipynb").write_bytes(base64.encodebytes(b"\x89PNG" + packed).replace(b"\n", rb"\n"))
    with xlsxwriter.Workbook(tmp_path / "author.xlsx") as book:
        book.set_properties({"author": canary})
    with duckdb.connect() as con:
        con.execute(f"COPY (SELECT '{canary}' AS a FROM range(9)) TO '{tmp_path}/a.parquet' (COMPRESSION zstd)")
    assert find_canaries(tmp_path) == [(path.name, canary) for path in sorted(tmp_path.iterdir())]


# ---- A project full of secrets ----------------------------------------------------------------------------


class Place:
    """A project whose client asks two databases, and the command in the hands of an ordinary user."""

    def __init__(self, folder: Path, port: int):
        self.project, self.home, self.more = folder / "project", folder / "persons-home", folder / "more"
        for made in (self.home, self.more, self.project / "parameters", self.project / "notebooks"):
            made.mkdir(parents=True)
        self.declare(PARAMETERS.replace("PORT", str(port)))
        with closing(sqlite3.connect(self.project / "parameters" / "CanaryFile.db")) as database:
            database.execute("CREATE TABLE customers AS SELECT 'a' AS id, 'north' AS region UNION SELECT 'b', 'south'")
            database.commit()

    def declare(self, parameters: str) -> None:
        """Write the client's parameters."""
        (self.project / "parameters" / "shop.yml").write_text(parameters)

    def notebook(self, family: str, *cells: tuple[str, str]) -> None:
        """Have the family's own notebook up to its scorecard, and further cells (id, source)."""
        notebook = nbformat.read(PROJECT / "notebooks" / f"{family}.ipynb", as_version=4)
        last = next(place for place, cell in enumerate(notebook.cells) if cell.id == "scorecard")
        more = [nbformat.v4.new_code_cell(source, id=name) for name, source in cells]
        notebook.cells = notebook.cells[: last + 1] + more
        nbformat.write(notebook, self.project / "notebooks" / f"{family}.ipynb")

    def call(self, *arguments: str, **variables: str) -> tuple[int, str]:
        """The command's exit code and all that it said, with secrets in its environment."""
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.home), "USER": PERSON, "LOGNAME": PERSON}
        environment |= {"PYTHONPATH": os.pathsep.join([str(self.more), os.environ.get("PYTHONPATH", "")])}
        done = subprocess.run(  # noqa: S603
            [*ORDINARY, sys.executable, "-m", "crmnb.cli", *arguments],
            cwd=self.project,
            env=environment | SECRETS | {"SHOP_FILE": "sqlite:///CanaryFile.db"} | variables,
            capture_output=True,
            text=True,
            check=False,
        )
        return done.returncode, done.stdout + done.stderr

    def private(self, *names: str) -> Path:
        """A file of the client's private folder."""
        return self.project.joinpath("outputs", "shop", ".private", *names)

    @property
    def report(self) -> Path:
        """The folder that may be sent."""
        return self.project / "outputs" / "shop" / "2025"

    def leaks(self, output: str) -> list:
        """Where a canary stands that has come out."""
        return [*find_canaries(self.project / "outputs"), *CANARY.findall(output.encode())]


@pytest.fixture(scope="module")
def port():
    """The port of a PostgreSQL that knows the role, the database and the table."""
    if postgres.programs() is None:
        pytest.skip("no PostgreSQL here (on Debian and Ubuntu: apt install postgresql)")
    with postgres.running() as server:
        server.run(
            f"CREATE ROLE \"CanaryRole\" LOGIN PASSWORD '{SECRETS['SHOP_PASSWORD']}'",
            'CREATE DATABASE "CanaryBase" OWNER "CanaryRole"',
        )
        address = f"postgresql://CanaryRole:{SECRETS['SHOP_PASSWORD']}@127.0.0.1:{server.port}/CanaryBase"
        with driver.connect(address, autocommit=True) as database, database.cursor() as cursor:
            cursor.execute(ORDERS)
        yield server.port


@pytest.fixture
def place(port, tmp_path):
    if os.geteuid() == 0 and not shutil.which(ORDINARY[0]):
        pytest.skip("root may read everything, and there is no setpriv to be less")
    return Place(tmp_path, port)


# ---- Runs and checks --------------------------------------------------------------------------------------


@pytest.mark.postgres
def test_a_notebook_finds_no_secret_however_it_looks(place):
    place.notebook("retention", ("spy", SPY), ("chart", CHART))
    place.notebook("satisfaction", ("breaks", RAISES))
    code, output = place.call("run", "shop", "--period", "2025", "--json")
    assert code == 1, output
    assert place.leaks(output) == []
    spied = place.private("runs", "2025", "retention", "notebook.ipynb").read_text()
    for seen in ("LC_CTYPE=", "crmnb.run.fork_server", "crmnb.cli", "PermissionError"):  # it looked in every place
        assert seen in spied


@pytest.mark.postgres
def test_what_failed_is_told_to_the_client_in_plain_words_and_to_the_analyst_in_full(place):
    (place.more / "sitecustomize.py").write_text(HOST)
    place.notebook("retention", ("chart", CHART))
    place.notebook("satisfaction", ("breaks", RAISES))
    code, output = place.call("run", "shop", "--period", "2025")
    words = "the notebook stopped in cell &#39;breaks&#39;."
    assert code == 1
    assert words.replace("&#39;", "'") in output
    assert words in (place.report / "index.html").read_text()
    sent = b"".join(view for path in place.report.iterdir() for view in views(path))
    assert not re.search(rb"Traceback|RuntimeError|crmnb\.cli|/site-packages/", sent)
    notebook_text = place.private("runs", "2025", "satisfaction", "notebook.ipynb").read_text()
    assert "Traceback" in notebook_text
    assert "RuntimeError" in notebook_text
    # and nothing that is sent, nor what is said of a file rather than in it, tells of the machine or the person
    traces = (str(place.project), str(place.home), str(PROJECT), sys.prefix)
    assert find_canaries(place.report, traces) == []
    for path in place.private().rglob("*.ipynb"):
        notebook = json.loads(path.read_text())
        assert notebook["metadata"] == {
            "kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"},
            "language_info": {"name": "python"},
        }
        assert all(cell["metadata"].keys() <= {"tags"} for cell in notebook["cells"])
    books = [place.report / "results.xlsx", place.private("tables").glob("*/quarantine/orders.xlsx").__next__()]
    for path in books:
        with zipfile.ZipFile(path) as book:
            output = book.read("docProps/core.xml") + book.read("docProps/app.xml")
        assert re.findall(rb"<(?:dc:creator|cp:lastModifiedBy|Company|Manager)>([^<]+)", output) == []


@pytest.mark.postgres
@pytest.mark.parametrize("arguments", [(), ("--json",)])
def test_a_check_shows_no_secret(place, arguments):
    code, output = place.call("check", "shop", *arguments)
    assert code == 0, output
    assert place.leaks(output) == []


@pytest.mark.postgres
@pytest.mark.parametrize("command", ["run", "check"])
@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("password", "the database does not accept the user or the password"),
        ("server", "no server answers at this address"),
        ("plain", "holds a password in plain text"),
        ("file", "the SQLite file does not exist"),
        ("address", "the environment variables do not hold an address"),
    ],
)
def test_an_intake_that_fails_shows_no_secret(place, command, fault, words):
    environment = {
        "password": {"SHOP_PASSWORD": "CanaryWrong"},
        "file": {"SHOP_FILE": "sqlite:///CanaryGone.db"},
        "address": {"SHOP_FILE": "CanaryNoAddress"},
    }
    if fault == "server":
        place.declare(PARAMETERS.replace("PORT", str(postgres.free_port())))
    if fault == "plain":
        place.declare(PARAMETERS.replace("${SHOP_PASSWORD}", "CanaryPlain"))
    code, output = place.call(command, "shop", **environment.get(fault, {}))
    assert code == 2
    assert words in output
    assert place.leaks(output) == []


@pytest.mark.postgres
def test_a_fault_in_the_intake_leaves_no_secret_in_the_log(place):
    """Whatever a driver may put into an exception: the log says where it came from, and not what it said."""
    (place.more / "sitecustomize.py").write_text(FAULT)
    code, output = place.call("run", "shop")
    assert code == 4
    assert "internal error of crmnb (RuntimeError)" in output
    log = place.private("run.log").read_text()
    assert "intake/sources/database.py" in log
    assert "KeyError\n" in log
    assert "RuntimeError\n" in log
    assert place.leaks(output) == []


# ---- One by one -------------------------------------------------------------------------------------------


def test_a_kernel_is_given_what_it_needs_and_no_more():
    needed = {"PATH": "p", "HOME": "h", "LC_ALL": "C", "PYTHONPATH": "m", "CRMNB_RECORD_FOLDER": "r", "TZ": "UTC"}
    environment = minimal_environment(needed | SECRETS)
    assert environment.items() >= needed.items()
    assert not SECRETS.keys() & environment.keys()
    assert environment["PYTHONHASHSEED"] == "0"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="there is no /proc to read")
@pytest.mark.parametrize("first", ["", "from crmnb.run.environment import protect_process; protect_process(); "])
def test_what_a_process_hides_cannot_be_read_by_those_that_it_starts(first):
    program = f"{first}import os, subprocess; subprocess.run(['cat', f'/proc/{{os.getpid()}}/environ'])"
    done = subprocess.run(  # noqa: S603
        [*ORDINARY, sys.executable, "-c", program], env={**os.environ, **SECRETS}, capture_output=True, check=False
    )
    assert bool(CANARY.search(done.stdout)) == (not first)
    assert (b"Permission denied" in done.stderr) == bool(first)
