"""Workbook: one client in one period, in an analyst's hands."""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd

from crmnb.client import Client, load_client
from crmnb.engine import Tables, open_tables
from crmnb.errors import InputError, nearest
from crmnb.intake import Intake, intake
from crmnb.intake.kept import kept
from crmnb.kernel import MEMORY, RESULTS_TO, TABLES_FROM, THREADS
from crmnb.measure import Measured, measure, measure_all
from crmnb.metric import Metric, catalogue, families, family
from crmnb.period import Period
from crmnb.project import find_project, private_folder
from crmnb.result import Result
from crmnb.results import with_signals
from crmnb.settings import check_settings, compared_with

READ = "read.json"  # beside the results: which metrics and tables a notebook has read


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
    _read: dict[str, set[str]] = field(default_factory=lambda: {"metrics": set(), "tables": set()}, repr=False)

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
            save(list(results.values()), Path(target), family, self.tables.con)
        return scorecard(list(results.values()))

    def side_by_side(self, metric: str, *others: str):
        """Several metrics in one table, a line each: what each came to, of whom, what it counts and what to beware of.

        Raises InputError for a metric that does not exist.
        """
        from crmnb.show.beside import side_by_side

        return side_by_side([self(each) for each in (metric, *others)])

    def results(self, family: str) -> pd.DataFrame:
        """A family's rows of the results frame."""
        return pd.concat([result.rows for result in self._family(family).values()], ignore_index=True)

    def rows(self, metric: str, limit: int = 100) -> pd.DataFrame:
        """The rows behind a number: what was counted in the period, at most `limit`; personal columns are left out."""
        chosen = self(metric).metric
        from crmnb.measure import evidence_of

        return evidence_of(chosen, self.tables, self.period, limit)

    def customers(self, metric: str, limit: int = 100) -> pd.DataFrame:
        """The customers of whom a metric's model tells, at most `limit`, the largest expected loss first.

        Columns: customer_id, probability, at_stake, expected_loss (see `crmnb.listing`). Raises InputError for other metrics.
        """
        from crmnb.listing import listed

        chosen = self(metric).metric
        self._read["tables"].add(self.tables.source_of("payments"))
        self._note([chosen])
        return listed(chosen, self.tables, self.period, limit)

    def export(self, metric: str, limit: int = 10_000) -> Path:
        """Write `customers` to a spreadsheet among what is not to be sent; gives its place."""
        from crmnb.spreadsheet import write_xlsx

        place = private_folder(find_project(Path.cwd()), self.client.id) / f"{metric}-{self.period.label}.xlsx"
        write_xlsx(self.customers(metric, limit), place, datetime.now(UTC).replace(tzinfo=None))
        place.chmod(0o600)
        return place

    def _family(self, name: str) -> dict[str, Result]:
        if name not in families():
            raise InputError(f"there is no family {name!r}.{nearest(name, families())}")
        if name not in self._families:
            found = dict(zip(family(name), measure_all(family(name).values(), self.tables, self.period), strict=True))
            frame = pd.concat([each.rows for each in found.values()], ignore_index=True)
            frame = with_signals(frame, {id_: each.better for id_, each in found.items()})
            rows = {id_: frame[frame["metric"] == id_].reset_index(drop=True) for id_ in found}
            metrics = family(name)
            self._families[name] = {id_: self._made(metrics[id_], each, rows[id_]) for id_, each in found.items()}
            self._note(family(name).values())
        return self._families[name]

    def _result(self, metric: Metric, settings: dict) -> Result:
        """The result of a metric with settings of its own."""
        chosen = {**self.client.settings, metric.id: {**self.client.settings.get(metric.id, {}), **settings}}
        tables = replace(self.tables, client=self.client.model_copy(update={"settings": chosen}))
        self._note([metric])
        found = measure(metric, tables, self.period)
        return self._made(metric, found, with_signals(found.rows, {metric.id: found.better}))

    def _made(self, metric: Metric, found: Measured, rows: pd.DataFrame) -> Result:
        comparison, _ = compared_with(self.client, self.period)
        told = found.settings, found.notes, found.better, found.points
        return Result(metric, self.client, self.period, comparison, rows, *told)

    def _note(self, metrics: Iterable[Metric]) -> None:
        """Tell a run which metrics, and which canonical tables, its notebook has read."""
        if not (target := os.environ.get(RESULTS_TO)):
            return
        for metric in metrics:
            self._read["metrics"].add(metric.id)
            self._read["tables"] |= {self.tables.source_of(name) for name in metric.reads}
        self._read["tables"] |= {segment.column.partition(".")[0] for segment in self.client.segments.values()}
        place = Path(target) / READ
        before = json.loads(place.read_text(encoding="utf-8")) if place.exists() else {}  # of another workbook
        told = {what: sorted(names | set(before.get(what, ()))) for what, names in self._read.items()}
        place.write_text(json.dumps(told), encoding="utf-8")


def open_workbook(client: str, period: str) -> Workbook:
    """The workbook of a client (a file in parameters/) in a period (2025, 2025Q4, 2025-10, 2025-01-01..2025-06-30).

    Reads what has changed since the last time, nothing else. Raises InputError for anything that is wrong with them.
    """
    project = find_project(Path.cwd())
    who = load_client(client, project / "parameters")
    check_settings(who)
    when = Period.parse(period, who.fiscal_year_starts)
    private = private_folder(project, who.id)
    told = os.environ.get(TABLES_FROM)
    return open_on(who, when, _taken(who, Path(told), private) if told else intake(who, private))


def _taken(client: Client, told: Path, private: Path) -> Intake:
    """The tables that a run told this kernel to read."""
    if told.parent.resolve() != (private / "tables").resolve():
        raise InputError(f"a run's notebook reads its own client's data; {client.id} is another one.")
    if (found := kept(told.parent, told.name)) is None:
        raise OSError("the tables of this run are gone: the data were taken in anew meanwhile")
    return found


def open_on(client: Client, period: Period, taken: Intake) -> Workbook:
    """The workbook on tables that were taken in already."""
    opened = open_tables(client, taken.tables, cutoff=taken.cutoff, **_limits())
    return Workbook(client, period.observe(taken.data_from, taken.cutoff), opened)


def _limits() -> dict[str, Any]:
    """What a run allows this kernel's engine: threads, half of the memory, and a place to put what exceeds that."""
    limits: dict[str, Any] = {}
    if threads := int(os.environ.get(THREADS) or 0):
        limits["threads"] = threads
    if memory := int(os.environ.get(MEMORY) or 0):
        limits["memory"] = memory // 2
    if target := os.environ.get(RESULTS_TO):
        limits["spill"] = Path(target).with_suffix(".spill")
    return limits


def save(results: list[Result], folder: Path, family: str, engine: duckdb.DuckDBPyConnection) -> None:
    """Leave a family's results in a folder: `<family>.parquet` (the frame) and `<family>.json` (what is said beside it)."""
    frame = pd.concat([result.rows for result in results], ignore_index=True)
    write_frame(frame, folder / f"{family}.parquet", engine)
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


def write_frame(frame: pd.DataFrame, path: Path, engine: duckdb.DuckDBPyConnection) -> None:
    """A results frame as Parquet; a figure that is not known is null there. engine: any connection."""
    figures = ", ".join(f'nullif("{c}", \'nan\'::double) as "{c}"' for c in frame.select_dtypes("float64"))
    with engine.cursor() as con:
        con.register("frame", frame)
        con.sql(f"select * replace ({figures}) from frame").write_parquet(str(path))
