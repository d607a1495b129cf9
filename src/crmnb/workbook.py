"""Workbook: one client in one period, in an analyst's hands."""

import json
import os
from collections import defaultdict
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from crmnb.core.environment import MEMORY, PARAMETERS_FOLDER, RECORD_FOLDER, RESULTS_FOLDER, TABLES_FOLDER, THREADS
from crmnb.core.errors import InputError, Unavailable, nearest
from crmnb.core.paths import find_project, private_folder
from crmnb.core.period import Period
from crmnb.engine.session import Tables, open_tables
from crmnb.evaluate import record, store
from crmnb.evaluate.evaluation import Results, evaluate, evaluate_variant
from crmnb.evaluate.result import Result
from crmnb.evaluate.settings import check_settings
from crmnb.intake import Intake, import_data
from crmnb.intake.store import load_intake
from crmnb.metrics.definition import Metric, catalogue, families, family
from crmnb.report.view import ResultView
from crmnb.schema.client import Client, known_clients, load_client

READ = (
    "read.json"  # what a run's notebook has read: families of the evaluation; metrics with settings of its own; tables
)


@dataclass
class Workbook:
    """One client in one period: `book("nps")` is a ResultView, `book.scorecard("satisfaction")` a family's table.

    All families are evaluated together when the first metric is asked for, so that what is hidden and what counts as a
    signal is the same as in the report; then they are remembered. In a run they were evaluated before.
    """

    client: Client
    period: Period
    tables: Tables
    _families: dict[str, dict[str, ResultView]] = field(default_factory=dict, repr=False)
    _read: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set), repr=False)

    def __call__(self, metric: str, **settings) -> ResultView:
        """The result of one metric; with settings of its own (`book("csat", item="helpful")`) it is not in the report.

        Raises InputError for a metric or setting that does not exist.
        """
        known = catalogue()
        if metric not in known:
            raise InputError(f"there is no metric {metric!r}.{nearest(metric, known)}")
        if settings:
            return ResultView.of(self._result(known[metric], settings))
        return self._family(known[metric].family)[metric]

    def scorecard(self, family: str):
        """All metrics of a family in one table."""
        from crmnb.report.tables.scorecard import scorecard

        return scorecard(list(self._family(family).values()))

    def side_by_side(self, metric: str, *others: str):
        """Several metrics in one table, a line each: what each came to, of whom, what it counts and what to caution of.

        Raises InputError for a metric that does not exist.
        """
        from crmnb.report.tables.comparison_table import side_by_side

        return side_by_side([self(name) for name in (metric, *others)])

    def results(self, family: str) -> pd.DataFrame:
        """A family's rows of the results frame."""
        from crmnb.report.text.notes import with_reason_texts

        rows = pd.concat([result.rows for result in self._family(family).values()], ignore_index=True)
        return with_reason_texts(rows, self.client)

    def rows(self, metric: str, limit: int = 100) -> pd.DataFrame:
        """The rows behind a number: what was counted in the period, at most `limit`; personal columns are left out."""
        chosen = self(metric).metric
        from crmnb.evaluate.metric_call import evidence_of

        self._note_tables(chosen)
        try:
            return evidence_of(chosen, self.tables, self.period, limit)
        except Unavailable as error:
            return self._not_available(error)

    def customers(self, metric: str, limit: int = 100) -> pd.DataFrame:
        """The customers of whom a metric's model tells, at most `limit`, the largest expected loss first.

        Columns: customer_id, probability, at_stake, expected_loss (see `crmnb.evaluate.customer_list`). Raises InputError for other metrics.
        """
        from crmnb.evaluate.customer_list import listed
        from crmnb.report.tables.data_table import CustomerTable

        chosen = self(metric).metric
        self._read["tables"].add(self.tables.source_of("payments"))
        self._note_tables(chosen)
        try:
            return CustomerTable(listed(chosen, self.tables, self.period, limit))
        except Unavailable as error:
            return CustomerTable(self._not_available(error))

    def _not_available(self, error: Unavailable) -> pd.DataFrame:
        """A frame with the reason, in place of rows."""
        from crmnb.report.text.notes import sentence

        return pd.DataFrame({"not available": [sentence(error.reason, self.client)]})

    def export(self, metric: str, limit: int = 10_000) -> Path:
        """Write `customers` to a spreadsheet among what is not to be sent; gives its place."""
        from crmnb.report.exports.xlsx import write_xlsx

        place = private_folder(find_project(Path.cwd()), self.client.id) / f"{metric}-{self.period.label}.xlsx"
        write_xlsx(self.customers(metric, limit), place, datetime.now(UTC).replace(tzinfo=None))
        place.chmod(0o600)
        return place

    def _family(self, name: str) -> dict[str, ResultView]:
        if name not in families():
            raise InputError(f"there is no family {name!r}.{nearest(name, families())}")
        if name not in self._families:
            evaluated = self._evaluated(name)
            self._families |= {
                family: {id_: ResultView.of(result) for id_, result in results.items()}
                for family, results in evaluated.items()
            }
            self._note("families", name)
        return self._families[name]

    def _evaluated(self, name: str) -> Results:
        """The family's results as the run evaluated them; all families' where there is no run."""
        stored = os.environ.get(RESULTS_FOLDER)
        if stored and record.holds(Path(stored), name, self.client, self.period):
            return {name: store.restore(Path(stored), name, self.client, self.period)}
        evaluation = evaluate([name] if stored else families(), self.tables, self.period)
        if name in evaluation.failures:
            raise evaluation.failures[name]
        if stored:
            for metric in family(name).values():
                self._note_tables(metric)
        return evaluation.results

    def _result(self, metric: Metric, settings: dict) -> Result:
        """The result of a metric with settings of its own."""
        chosen = {**self.client.settings, metric.id: {**self.client.settings.get(metric.id, {}), **settings}}
        tables = replace(self.tables, client=self.client.model_copy(update={"settings": chosen}))
        self._note_tables(metric)
        return evaluate_variant(metric, tables, self.period)

    def _note_tables(self, metric: Metric) -> None:
        """Tell a run that its notebook reads a metric's tables itself."""
        self._read["tables"] |= {self.tables.source_of(name) for name in metric.reads}
        self._read["tables"] |= {"customers"} & self.tables.names if "joined" in metric.reads else set()
        self._read["tables"] |= {segment.column.partition(".")[0] for segment in self.client.segments.values()}
        self._note("metrics", metric.id)

    def _note(self, kind: str, name: str) -> None:
        """Tell a run what its notebook has read."""
        if not (target := os.environ.get(RECORD_FOLDER)):
            return
        self._read[kind].add(name)
        place = Path(target) / READ
        before = json.loads(place.read_text(encoding="utf-8")) if place.exists() else {}  # of another workbook
        kinds = {*self._read, *before}
        notes = {kind: sorted(self._read[kind] | set(before.get(kind, ()))) for kind in kinds}
        place.write_text(json.dumps(notes), encoding="utf-8")


def open_workbook(client: str, period: str) -> Workbook:
    """The workbook of a client (a file in parameters/) in a period (2025, 2025Q4, 2025-10, 2025-01-01..2025-06-30).

    Reads what has changed since the last time, nothing else. Raises InputError for anything that is wrong with them.
    """
    project = find_project(Path.cwd())
    who = load_client(client, _parameters(client, project))
    check_settings(who)
    when = Period.parse(period, who.fiscal_year_starts)
    private = private_folder(project, who.id)
    tables_folder = os.environ.get(TABLES_FOLDER)
    return open_on(
        who, when, _stored_intake(who, Path(tables_folder), private) if tables_folder else import_data(who, private)
    )


def _parameters(client: str, project: Path) -> Path:
    """The folder of a client's parameters file: in a run, of its own client, as it was when the run began."""
    snapshot = os.environ.get(PARAMETERS_FOLDER)
    return Path(snapshot) if snapshot and client in known_clients(Path(snapshot)) else project / "parameters"


def _stored_intake(client: Client, tables_folder: Path, private: Path) -> Intake:
    """The tables that the run chose for this kernel."""
    if tables_folder.parent.resolve() != (private / "tables").resolve():
        raise InputError(f"a run's notebook reads its own client's data; {client.id} is another one.")
    if (intake := load_intake(tables_folder.parent, tables_folder.name)) is None:
        raise OSError("the tables of this run no longer exist: the data were imported again in the meantime")
    return intake


def open_on(client: Client, period: Period, intake: Intake) -> Workbook:
    """The workbook on tables that were taken in already."""
    opened = open_tables(client, intake.tables, cutoff=intake.cutoff, **_limits())
    return Workbook(client, period.observe(intake.data_from, intake.cutoff), opened)


def _limits() -> dict[str, Any]:
    """What a run allows this kernel's engine: threads, half of the memory, and a place to put what exceeds that."""
    limits: dict[str, Any] = {}
    if threads := int(os.environ.get(THREADS) or 0):
        limits["threads"] = threads
    if memory := int(os.environ.get(MEMORY) or 0):
        limits["memory"] = memory // 2
    if target := os.environ.get(RECORD_FOLDER):
        limits["spill"] = Path(target).with_suffix(".spill")
    return limits
