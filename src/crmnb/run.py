"""Run: notebooks + client + period give executed notebooks, pages, results and a manifest, published together."""

import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import nbformat
import pandas as pd

from crmnb import page
from crmnb.check import take_in
from crmnb.client import Client, load_client
from crmnb.errors import InputError, Unavailable, nearest
from crmnb.intake import Intake
from crmnb.measure import check_settings, compared_with
from crmnb.metric import catalogue, families
from crmnb.page.frame import language
from crmnb.period import Period
from crmnb.publish import publish
from crmnb.result import Result
from crmnb.results import COLUMNS
from crmnb.show.numbers import period_name
from crmnb.spreadsheet import write_xlsx
from crmnb.workbook import RESULTS_TO, TABLES_FROM, private_folder, restore, write_frame

_MOST_HEADLINES = 8
_SAID_DECLARATIONS = {
    "comparison",
    "level",
    "churn",
    "items",
    "segments",
    "targets",
    "privacy",
    "data_from",
    "data_until",
}
_SAID_VERSIONS = ("crmnb", "duckdb", "narwhals", "pandas", "statsmodels", "scipy", "papermill", "nbconvert")


@dataclass(frozen=True)
class Family:
    """How one family's notebook fared: its results, or in plain words why there are none."""

    name: str
    title: str
    results: tuple[Result, ...]
    failure: str
    seconds: float
    notebook: Path


@dataclass(frozen=True)
class Run:
    """What a run made: the folder that may be sent, and each family."""

    folder: Path
    families: tuple[Family, ...]
    unavailable: tuple[dict[str, str], ...]

    @property
    def failed(self) -> tuple[Family, ...]:
        """The families without results."""
        return tuple(family for family in self.families if family.failure)


def run(
    project: Path,
    client_name: str,
    label: str,
    only: tuple[str, ...] = (),
    say: Callable[[str], None] = lambda text: None,
) -> Run:
    """Make and publish the report of a client in a period.

    project: the folder that holds parameters/, notebooks/ and outputs/. only: families, all by default. say: told
    of each step. A family that fails is part of the report, as such; the others go on.
    Raises InputError where nothing can be made: the parameters file, the period, a family's name, the files.
    """
    client = load_client(client_name, project / "parameters")
    check_settings(client)
    period = Period.parse(label, client.fiscal_year_starts)
    for name in only:
        if name not in families():
            raise InputError(f"there is no family {name!r}.{nearest(name, families())}")
    private = private_folder(project, client.id)
    say("reading the client's files")
    taken = take_in(client, private, say)
    period = period.observe(taken.data_from, taken.cutoff)
    _must_be_seen(period)
    staging = Path(tempfile.mkdtemp(prefix="run-", dir=private))
    try:
        ran = [_family(project, name, client, period, taken, staging, say) for name in only or families()]
        say("making the pages")
        report = _report(client, period, taken, tuple(ran), staging)
        _keep_notebooks(staging / "notebooks", private / "notebooks" / period.label)
        place = project / "outputs" / client.id / period.label
        publish(report, place)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    kept = private / "notebooks" / period.label
    ran = [Family(f.name, f.title, f.results, f.failure, f.seconds, kept / f.notebook.name) for f in ran]
    return Run(place, tuple(ran), tuple(_unavailable(ran)))


def _must_be_seen(period: Period) -> None:
    """Raise InputError where the data hold nothing of the period: every figure would be unavailable."""
    try:
        period.require_seen()
    except Unavailable as no:
        raise InputError(f"period {period.label}: {no}; choose a period that meets the data.") from None


def _family(project, name, client, period, taken: Intake, staging: Path, say) -> Family:
    say(name)
    began = time.monotonic()
    source = project / "notebooks" / f"{name}.ipynb"
    (staging / "results").mkdir(exist_ok=True)
    (staging / "notebooks").mkdir(exist_ok=True)
    kept = staging / "notebooks" / source.name
    told = {RESULTS_TO: str(staging / "results"), TABLES_FROM: str(taken.folder)}
    failure, results = "", ()
    try:
        execute(source, kept, {"client": client.id, "period": period.label}, project, told)
        results = tuple(restore(staging / "results", name, client, period))
    except NotebookFailure as failed:
        failure = str(failed)
    except FileNotFoundError:
        failure = f"the notebook {source.name} did not compute its scorecard, so it has no results."
    title = _title(source) if source.exists() else name.capitalize()
    return Family(name, title, results, failure, time.monotonic() - began, kept)


class NotebookFailure(Exception):
    """A notebook did not run to its end; `str()` says so in words that may stand on a client's page."""


def execute(source: Path, kept: Path, parameters: dict[str, str], folder: Path, told: dict[str, str]) -> None:
    """Execute a notebook by Papermill, with declared parameters only, in a kernel that is told `told` by its environment.

    The executed notebook is left at `kept`, also after a failure. Raises InputError for a parameter that the notebook does
    not declare (Papermill would only log it, and a name is executed as it stands), NotebookFailure if a cell fails or
    not every cell ran.
    """
    import papermill
    from papermill.exceptions import PapermillExecutionError

    if not source.exists():
        raise NotebookFailure(f"there is no notebook {source.name}.")
    declared = set(papermill.inspect_notebook(str(source)))
    for name, value in parameters.items():
        if name not in declared or not name.isidentifier() or not isinstance(value, str):
            raise InputError(f"notebook {source.name}: {name!r} is not one of its parameters.{nearest(name, declared)}")
    with _environment(told):
        try:
            papermill.execute_notebook(
                str(source), str(kept), parameters, cwd=str(folder), progress_bar=False, config=_kernel_config()
            )
        except PapermillExecutionError as error:
            # Only our own errors are written for readers; any other text may hold anything.
            plain = f": {error.evalue}" if error.ename in ("InputError", "Unavailable") else ""
            raise NotebookFailure(f"the notebook stopped at its cell {_cell(kept)}{plain or '.'}") from None
        except (
            Exception
        ) as error:  # a kernel that died, a notebook that cannot be read: Papermill has many words for it
            raise NotebookFailure(f"the notebook could not be run to its end ({type(error).__name__}).") from None
    if not _all_ran(kept):
        raise NotebookFailure("the notebook did not run to its end.")


def _kernel_config():
    """Kernels talk over files of their owner rather than open ports, where the system can.

    They are interrupted before they are shut down, and would call that an error on their way out.
    """
    from traitlets.config import Config

    quiet = {"NotebookClient": {"extra_arguments": ["--IPKernelApp.log_level=CRITICAL"]}}
    return Config(quiet if sys.platform == "win32" else quiet | {"KernelManager": {"transport": "ipc"}})


@contextmanager
def _environment(told: dict[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in told}
    os.environ.update(told)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _all_ran(kept: Path) -> bool:
    """Whether every code cell has been executed: what the metadata say is not believed."""
    cells = nbformat.read(kept, as_version=4).cells
    return all(cell.execution_count for cell in cells if cell.cell_type == "code" and cell.source.strip())


def _cell(kept: Path) -> str:
    """The id of the cell that failed."""
    for cell in nbformat.read(kept, as_version=4).cells:
        if any(output.output_type == "error" for output in cell.get("outputs", [])):
            return repr(cell.get("id", "?"))
    return "?"


def _title(source: Path) -> str:
    first = nbformat.read(source, as_version=4).cells[0].source
    found = re.match(r"# (.+)", first)
    return found[1] if found else source.stem.capitalize()


def _report(client: Client, period: Period, taken: Intake, ran: tuple[Family, ...], staging: Path) -> Path:
    """The folder that may be sent, made whole in the staging folder."""
    report = staging / "report"
    report.mkdir()
    made_at = _now()
    frames = [result.rows for family in ran for result in family.results]
    frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(COLUMNS)).astype(COLUMNS)
    write_frame(frame, report / "results.parquet")
    write_xlsx(frame, report / "results.xlsx", made_at)
    for name, text in _pages(client, period, taken, ran, made_at):
        (report / f"{name}.html").write_text(text, encoding="utf-8")
    manifest = _manifest(client, period, taken, ran, made_at)
    (report / "manifest.json").write_text(json.dumps(manifest, indent=1, ensure_ascii=False), encoding="utf-8")
    return report


def _pages(
    client: Client, period: Period, taken: Intake, ran: tuple[Family, ...], made_at: datetime
) -> Iterator[tuple[str, str]]:
    """The pages' names and texts."""
    shown = [family for family in ran if not family.failure]
    nav = [("Overview", "index.html"), *((family.title, f"{family.name}.html") for family in shown)]
    said = {"client_name": client.name, "lang": language(client)}
    for family in shown:
        yield (
            family.name,
            page.family_page(
                family.notebook, title=family.title, period_label=period_name(period.label, client), nav=nav, **said
            ),
        )
    yield (
        "index",
        page.index_page(
            client,
            period,
            comparison=compared_with(client, period)[0],
            families=[
                page.Family(f.title, "" if f.failure else f"{f.name}.html", list(f.results), f.failure) for f in ran
            ],
            tiles=_headlines(client, shown),
            rows_read=sum(account.read for account in taken.accounts if account.source != "query"),
            rows_quarantined=sum(account.quarantined for account in taken.accounts),
            made_on=made_at.date(),
        ),
    )
    yield "methodology", page.catalogue_page(list(catalogue().values()), nav=nav)


def _headlines(client: Client, shown: list[Family]) -> list[Result]:
    """The results of the declared objectives; where none are declared, the first ones of each family that can be had."""
    results = {result.metric.id: result for family in shown for result in family.results}
    if client.objectives:
        return [results[name] for name in client.objectives if name in results]
    had = [[r for r in family.results if r.whole["value"].notna().any()] for family in shown]
    each = max(_MOST_HEADLINES // max(len(had), 1), 1)
    return [result for results in had for result in results[:each]]


def _manifest(client: Client, period: Period, taken: Intake, ran: tuple[Family, ...], made_at: datetime) -> dict:
    return {
        "client": client.id,
        "period": period.label,
        "parameters": {"client": client.id, "period": period.label},
        "declared": client.model_dump(mode="json", include=_SAID_DECLARATIONS),
        "made_at": made_at.isoformat(timespec="seconds"),
        "data": {
            "from": period.data_from and period.data_from.date().isoformat(),
            "until": period.cutoff and (period.cutoff - pd.Timedelta(days=1)).date().isoformat(),
            "fingerprint": taken.fingerprint,
            "sources": taken.sources,
            "tables": [
                {
                    "table": a.table or f"source {a.source}",
                    "read": a.read,
                    "accepted": a.accepted,
                    "quarantined": a.quarantined,
                    "replaced": a.replaced,
                }
                for a in taken.accounts
            ],
        },
        "families": {
            family.name: {
                "notebook": _fingerprint(family.notebook),
                "failure": family.failure,
                "settings": {r.metric.id: r.settings for r in family.results},
            }
            for family in ran
        },
        "unavailable": _unavailable(ran),
        "versions": {name: version(name) for name in _SAID_VERSIONS},
    }


def _fingerprint(notebook: Path) -> str:
    """Of a notebook's cells as written, whatever came out of them."""
    if not notebook.exists():
        return ""
    cells = [cell.source for cell in nbformat.read(notebook, as_version=4).cells]
    return hashlib.sha256("\0".join(cells).encode()).hexdigest()


def _unavailable(ran) -> list[dict[str, str]]:
    """What could not be had for the whole period, and why."""
    return [
        {"family": family.name, "metric": result.metric.id, "reason": row.reason}
        for family in ran
        for result in family.results
        for row in result.whole.itertuples()
        if "unavailable" in row.flags.split()
    ]


def _keep_notebooks(made: Path, place: Path) -> None:
    """The executed notebooks go to the analysts' private place."""
    place.mkdir(parents=True, exist_ok=True)
    for notebook in sorted(made.iterdir()):
        notebook.replace(place / notebook.name)


def _now() -> datetime:
    """The time of the run, in UTC; SOURCE_DATE_EPOCH fixes it."""
    fixed = os.environ.get("SOURCE_DATE_EPOCH")
    return datetime.fromtimestamp(int(fixed) if fixed else int(time.time()), UTC)
