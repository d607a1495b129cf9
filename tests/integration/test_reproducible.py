"""The same input gives the same results and bytes: twice, by two workers, and whether kernels are forked or started as usual."""

import base64
import html
import io
import os
import re
import shutil
import sys
from contextlib import contextmanager
from itertools import chain
from pathlib import Path

import duckdb
import nbformat
import numpy as np
import pandas as pd
import pytest
from PIL import Image

from conftest import crmnb, project
from crmnb.core.period import Period
from crmnb.evaluate.evaluation import evaluate
from crmnb.evaluate.result import Result
from crmnb.intake import import_data
from crmnb.report.html import picture_of
from crmnb.schema.client import load_client
from crmnb.workbook import open_on

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="processes are forked in Linux only")

# Charts as an analyst may draw them, in ways that a fork could lose: unasked for, by a library, several in a cell, in
# another style, in another format.
DRAWN = (
    "import matplotlib.pyplot as plt\nimport numpy as np\n\nplt.plot(np.arange(9) ** 2, label='squares')\nplt.legend();",
    "import seaborn as sns\n\nsns.set_theme()\nsns.heatmap(np.arange(12).reshape(3, 4), annot=True);",
    "for power in (1, 2, 3):\n    _, ax = plt.subplots(figsize=(3, 2))\n    ax.hist(np.sin(np.arange(99) ** power))\nplt.show()",
    "plt.style.use('ggplot')\n_, axes = plt.subplots(1, 2)\naxes[0].set_title(r'$\\bar{x} \\pm \\sigma$; é');",
    "from matplotlib_inline.backend_inline import set_matplotlib_formats\n\nplt.rcParams['svg.hashsalt'] = '1'\n"
    "set_matplotlib_formats('svg', metadata={'Date': None})\nplt.bar(list('abc'), [3, 1, 2]);",
)
COUNTS = {"drawn-0": 1, "drawn-1": 1, "drawn-2": 3, "drawn-3": 1, "drawn-4": 1}
# What an answer draws at least one chart for.
OURS = re.compile(r"\.plot\([^)]*\)$")
# Another frame than ours, since pandas goes by what it takes for a terminal's width; and what chance gives.
FRAME = "import pandas as pd\n\npd.DataFrame(np.arange(60).reshape(2, 30), columns=[f'column {n}' for n in range(30)])"
CHANCE = """
import os, random
from pathlib import Path
import numpy as np

print("crmnb.run.fork_server" in Path(f"/proc/{os.getppid()}/cmdline").read_text())
print(hash("text"), os.environ["PYTHONHASHSEED"], list({"a", "b", "c", "d"}))
print(random.random(), np.random.random())
"""

MILL = """
name: Mill
currency: GBP
sources: {orders: {file: mill/orders.parquet}, answers: {file: mill/answers.parquet}, customers: {file: mill/customers.parquet}}
tables:
  orders: {source: orders, columns: {order_id: id, customer_id: customer, ordered_at: at, amount: total, status: status}}
  survey_responses:
    source: answers
    columns: {response_id: id, customer_id: customer, responded_at: at, survey: survey, satisfied: satisfied, recommend: nps}
  customers: {source: customers, columns: {customer_id: id, region: region}}
items: {satisfied: {scale: [1, 5]}, recommend: {scale: [0, 10]}}
churn: {kind: inactivity, inactivity_days: 90}
segments: {region: {column: customers.region}}
"""
MACROS = """
CREATE MACRO draw(n, k) AS (hash(n) % k)::bigint;
CREATE MACRO moment(n) AS timestamp '2023-01-01' + draw(n + 0.5, 3 * 365 * 1440) * interval '1 minute';
"""
# 250,000 orders are three of DuckDB's row groups (122,880 rows), 130,000 answers two: enough for two threads to come to them in
# another order.
FILES = {
    "orders": "SELECT n AS id, 'c' || draw(n, 15000) AS customer, moment(n) AS at, draw(-n, 100000) / 100::decimal AS total, "
    "'paid' AS status FROM range(250000) AS made(n)",
    "answers": "SELECT n AS id, 'c' || draw(n, 15000) AS customer, moment(n) AS at, 'visit' AS survey, "
    "1 + draw(-n, 5) AS satisfied, draw(-2 * n, 11) AS nps FROM range(130000) AS made(n)",
    "customers": "SELECT 'c' || n AS id, ['north', 'south', 'west'][1 + draw(n, 3)] AS region FROM range(15000) AS made(n)",
}


@pytest.fixture(scope="module", autouse=True)
def at_one_time_by_two_workers():
    """The stamp of a report, and the cores that are used."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SOURCE_DATE_EPOCH", "1700000000")
        patch.setattr(os, "sched_getaffinity", lambda process: {0, 1})
        yield patch


# Whose notebooks are compared cell by cell: how a kernel is started does not depend on the family.
COMPARED = ("retention", "satisfaction")
# The families that have figures of the mill's tables.
WITH_ROWS = ("financial", "retention", "sales", "satisfaction")


def run(folder: Path, client: str, *more: str) -> Path:
    """Run a client of a project; the folder of its report."""
    assert crmnb(folder, "run", client, "--period", "2025", *more) == 0
    return folder / "outputs" / client / "2025"


def content(report: Path) -> dict[str, bytes]:
    """Every file of a report, and the notebooks behind it."""
    notebooks = report.parent.glob(".private/runs/2025/*/notebook.ipynb")
    return {"/".join(path.parts[-2:]): path.read_bytes() for path in [*report.iterdir(), *notebooks]}


# ---- Twice ------------------------------------------------------------------------------------------------


def test_many_orders_twice_give_the_same_results(tmp_path):
    """What two threads import and evaluate; that equal results make equal pages, smaller runs show below."""
    folder = project(tmp_path)
    (folder / "parameters" / "mill").mkdir()
    (folder / "parameters" / "mill.yml").write_text(MILL)
    with duckdb.connect() as con:
        con.execute(MACROS)
        for name, rows in FILES.items():
            con.execute(f"COPY ({rows}) TO '{folder}/parameters/mill/{name}.parquet'")
    first, second = (results_of_fresh_import(folder, "mill") for _ in range(2))
    retained = first["retention_rate"].rows
    assert (retained["value"] > 0).sum() == 16
    for metric, result in first.items():
        pd.testing.assert_frame_equal(result.rows, second[metric].rows, check_exact=True)
        pd.testing.assert_frame_equal(result.points, second[metric].points, check_exact=True)
        assert result.notes == second[metric].notes


def results_of_fresh_import(folder: Path, name: str) -> dict[str, Result]:
    """A client's results of 2025 by metric, from files that are imported anew."""
    client = load_client(name, folder / "parameters")
    private = folder / "outputs" / name / ".private"
    shutil.rmtree(private, ignore_errors=True)
    book = open_on(client, Period.parse("2025"), import_data(client, private))
    families = evaluate(WITH_ROWS, book.tables, book.period).results
    return {metric: result for results in families.values() for metric, result in results.items()}


# ---- Forked and spawned kernels ---------------------------------------------------------------------------


@contextmanager
def no_fork_server(runtime):
    """Replaces `crmnb.run.fork_client.running_fork_server`, as on systems that cannot fork processes safely."""
    runtime.mkdir(mode=0o700)
    yield None


@pytest.fixture(scope="module")
def both_ways(tmp_path_factory, at_one_time_by_two_workers) -> dict[str, Path]:
    """The corner shop's report with charts and chance in its notebooks, made with forked kernels and with spawned ones."""
    made = {}
    for way in ("forked", "spawned"):
        folder = project(tmp_path_factory.mktemp(way))
        drawn = {f"drawn-{number}": source for number, source in enumerate(DRAWN)}
        add(folder, "retention", **drawn, frame=FRAME, chance=CHANCE)
        add(folder, "satisfaction", chance=CHANCE)
        if way == "spawned":
            at_one_time_by_two_workers.setattr("crmnb.run.running_fork_server", no_fork_server)
        made[way] = run(folder, "corner_shop", *chain(*(("--family", family) for family in COMPARED)))
    return made


def add(folder: Path, family: str, **cells: str) -> None:
    """Add cells (id=source) for the analyst to a family's notebook of a project."""
    path = folder / "notebooks" / f"{family}.ipynb"
    notebook = nbformat.read(path, as_version=4)
    aside = {"tags": ["analyst-only"]}
    notebook.cells += [nbformat.v4.new_code_cell(source, id=name, metadata=aside) for name, source in cells.items()]
    nbformat.write(notebook, path)


def cells_of(report: Path, family: str) -> dict[str, nbformat.NotebookNode]:
    """The code cells of an executed notebook by their ids."""
    notebook = nbformat.read(report.parent / ".private" / "runs" / "2025" / family / "notebook.ipynb", as_version=4)
    return {cell.id: cell for cell in notebook.cells if cell.cell_type == "code"}


def pictures(cell: nbformat.NotebookNode) -> list[bytes]:
    """The pictures among a cell's outputs."""
    images = []
    for data in (output.data for output in cell.outputs if "data" in output):
        addresses = re.findall(r'"(data:image/svg[^"]+)"', data.get("text/html", ""))
        images += [picture_of(html.unescape(address)).encode() for address in addresses]
        images += [base64.b64decode(data["image/png"])] if "image/png" in data else []
        images += [data["image/svg+xml"].encode()] if "image/svg+xml" in data else []
    return images


def is_blank(picture: bytes) -> bool:
    """Whether a picture shows nothing."""
    if b"<svg" in picture[:1000]:
        return picture.count(b"<path") + picture.count(b"<text") < 8
    return len(np.unique(np.asarray(Image.open(io.BytesIO(picture)).convert("L")))) < 3


@pytest.mark.parametrize("family", COMPARED)
def test_forked_and_spawned_kernels_show_the_same(both_ways, family):
    forked, spawned = (cells_of(both_ways[way], family) for way in ("forked", "spawned"))
    assert forked.keys() == spawned.keys()
    for name in forked.keys() - {"chance"}:
        assert pictures(forked[name]) == pictures(spawned[name]), name
        assert forked[name].outputs == spawned[name].outputs, name


def test_every_chart_is_there(both_ways):
    for family, least in (("retention", 5), ("satisfaction", 9)):
        ours = {
            name: pictures(cell)
            for name, cell in cells_of(both_ways["forked"], family).items()
            if OURS.search(cell.source)
        }
        assert len(ours) >= least
        assert [name for name, images in ours.items() if not images or any(map(is_blank, images))] == []
    drawn = {
        name: pictures(cell) for name, cell in cells_of(both_ways["forked"], "retention").items() if name in COUNTS
    }
    assert {name: len(images) for name, images in drawn.items()} == COUNTS
    assert not any(map(is_blank, chain(*drawn.values())))
    page = (both_ways["forked"] / "retention.html").read_text()
    assert page.count("data:image/") >= 6  # ours; what an analyst draws is on no page


def test_forked_and_spawned_kernels_give_the_same_report(both_ways):
    forked, spawned = (content(both_ways[way]) for way in ("forked", "spawned"))
    different = {name for name in forked if forked[name] != spawned.get(name)}
    chance = {"retention/notebook.ipynb", "satisfaction/notebook.ipynb"}  # the pages do not show the analyst's cells
    assert forked.keys() == spawned.keys()
    assert different == chance  # they show what chance gave, on purpose


def test_chance_differs_between_kernels_and_hashes_do_not(both_ways):
    outputs = {
        (way, family): cells_of(report, family)["chance"].outputs[0].text.splitlines()
        for way, report in both_ways.items()
        for family in COMPARED
    }
    assert {key: lines[0] == "True" for key, lines in outputs.items()} == {key: key[0] == "forked" for key in outputs}
    assert len({lines[1] for lines in outputs.values()}) == 1
    drawn = [number for lines in outputs.values() for number in lines[2].split()]
    assert len(set(drawn)) == 2 * len(outputs)
