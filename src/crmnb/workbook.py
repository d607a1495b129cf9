"""Workbook: one client in one period, in an analyst's hands."""

import json
import os
from dataclasses import dataclass, field, replace
from pathlib import Path

import duckdb
import pandas as pd

from crmnb.client import Client, load_client
from crmnb.engine import Tables, open_tables
from crmnb.errors import InputError, nearest
from crmnb.intake import Intake, intake
from crmnb.intake.kept import kept
from crmnb.measure import check_settings, compared_with, measure
from crmnb.metric import Metric, catalogue, families, family
from crmnb.period import Period
from crmnb.result import Result
from crmnb.results import with_signals

# Where a run tells its kernels to leave their results, and which canonical tables to read; unset in JupyterLab.
RESULTS_TO = "CRMNB_RESULTS_TO"
TABLES_FROM = "CRMNB_TABLES_FROM"


@dataclass
class Workbook:
    """One client in one period: `book("nps")` is a Result, `book.scorecard("satisfaction")` a family's table.

    A family is computed as a whole when the first of its metrics is asked for, so that what counts as a signal does
    not depend on the order of the cells; then it is remembered.
    """

    client: Client
    period: Period
    tables: Tables
    _families: dict[str, dict[str, Result]] = field(default_factory=dict, repr=False)

    def __call__(self, metric: str, **settings) -> Result:
        """The result of one metric; with settings of its own (`book("csat", item="helpful")`) it is not in the report.

        Raises InputError for a metric or setting that does not exist.
        """
        known = catalogue()
        if metric not in known:
            raise InputError(f"there is no metric {metric!r}.{nearest(metric, known)}")
        if settings:
            return self._result(known[metric], settings)
        return self._family(known[metric].family)[metric]

    def scorecard(self, family: str):
        """All metrics of a family in one table."""
        from crmnb.show.scorecard import scorecard

        results = self._family(family)
        if target := os.environ.get(RESULTS_TO):
            save(list(results.values()), Path(target), family)
        return scorecard(list(results.values()))

    def results(self, family: str) -> pd.DataFrame:
        """A family's rows of the results frame."""
        return pd.concat([result.rows for result in self._family(family).values()], ignore_index=True)

    def rows(self, metric: str, limit: int = 100) -> pd.DataFrame:
        """The rows behind a number: what was counted in the period, at most `limit`; personal columns are left out."""
        chosen = self(metric).metric
        from crmnb.measure import evidence_of

        return evidence_of(chosen, self.tables, self.period, limit)

    def _family(self, name: str) -> dict[str, Result]:
        if name not in families():
            raise InputError(f"there is no family {name!r}.{nearest(name, families())}")
        if name not in self._families:
            results = {id_: self._result(each, {}) for id_, each in family(name).items()}
            frame = pd.concat([result.rows for result in results.values()], ignore_index=True)
            frame = with_signals(frame, {id_: result.better for id_, result in results.items()})
            for id_, rows in frame.groupby("metric"):
                object.__setattr__(results[id_], "rows", rows.reset_index(drop=True))
            self._families[name] = results
        return self._families[name]

    def _result(self, metric: Metric, settings: dict) -> Result:
        tables = self.tables
        if settings:
            chosen = {**self.client.settings, metric.id: {**self.client.settings.get(metric.id, {}), **settings}}
            tables = replace(tables, client=self.client.model_copy(update={"settings": chosen}))
        found = measure(metric, tables, self.period)
        comparison, _ = compared_with(self.client, self.period)
        rows = with_signals(found.rows, {metric.id: found.better}) if settings else found.rows
        return Result(metric, self.client, self.period, comparison, rows, found.settings, found.notes, found.better)


def open_workbook(client: str, period: str) -> Workbook:
    """The workbook of a client (a file in parameters/) in a period (2025, 2025Q4, 2025-10, 2025-01-01..2025-06-30).

    Reads what has changed since the last time, nothing else. Raises InputError for anything that is wrong with them.
    """
    project = find_project(Path.cwd())
    who = load_client(client, project / "parameters")
    check_settings(who)
    when = Period.parse(period, who.fiscal_year_starts)
    told = os.environ.get(TABLES_FROM)
    taken = kept(Path(told).parent, Path(told).name) if told else intake(who, private_folder(project, who.id))
    return open_on(who, when, taken)


def open_on(client: Client, period: Period, taken: Intake) -> Workbook:
    """The workbook on tables that were taken in already."""
    return Workbook(client, period.observe(taken.data_from, taken.cutoff), open_tables(client, taken.tables))


def find_project(start: Path) -> Path:
    """The nearest folder at or above `start` that holds `parameters/` and `notebooks/`."""
    for folder in (start, *start.parents):
        if (folder / "parameters").is_dir() and (folder / "notebooks").is_dir():
            return folder
    raise InputError(f"no project here: neither {start} nor a folder above it holds parameters/ and notebooks/.")


def private_folder(project: Path, client: str) -> Path:
    """The client's place for what is not to be sent, open to its owner only; made where it is missing."""
    folder = project / "outputs" / client / ".private"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder


def save(results: list[Result], folder: Path, family: str) -> None:
    """Leave a family's results in a folder: `<family>.parquet` (the frame) and `<family>.json` (what is said beside it)."""
    frame = pd.concat([result.rows for result in results], ignore_index=True)
    write_frame(frame, folder / f"{family}.parquet")
    said = {r.metric.id: {"settings": r.settings, "notes": r.notes, "better": r.better} for r in results}
    (folder / f"{family}.json").write_text(json.dumps(said), encoding="utf-8")


def restore(folder: Path, family_name: str, client: Client, period: Period) -> list[Result]:
    """The results that `save` left; FileNotFoundError where it was never called."""
    said = json.loads((folder / f"{family_name}.json").read_text(encoding="utf-8"))
    frame = duckdb.read_parquet(str(folder / f"{family_name}.parquet")).df()
    comparison, _ = compared_with(client, period)
    return [
        Result(
            metric=metric,
            client=client,
            period=period,
            comparison=comparison,
            rows=frame[frame["metric"] == id_].reset_index(drop=True),
            settings=said[id_]["settings"],
            notes=tuple(said[id_]["notes"]),
            better=said[id_]["better"],
        )
        for id_, metric in family(family_name).items()
    ]


def write_frame(frame: pd.DataFrame, path: Path) -> None:
    """A results frame as Parquet; a figure that is not known is null there."""
    figures = ", ".join(f'nullif("{c}", \'nan\'::double) as "{c}"' for c in frame.select_dtypes("float64"))
    with duckdb.connect() as con:
        con.register("frame", frame)
        con.sql(f"select * replace ({figures}) from frame").write_parquet(str(path))
