"""The job that completes a client's run: makes the report from the families' stored output and publishes it."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
from markupsafe import Markup

from crmnb.core.checksum import damaged_files, write_json
from crmnb.core.folder_swap import replace_folder
from crmnb.core.period import Period
from crmnb.evaluate import store as result_store
from crmnb.evaluate.alerts import Alert, metric_alerts
from crmnb.evaluate.history import PublishedFigure, news, published_figures
from crmnb.evaluate.monitoring import Monitored, monitor
from crmnb.evaluate.result import Result
from crmnb.evaluate.results_frame import COLUMNS
from crmnb.evaluate.settings import compared_with
from crmnb.evaluate.store import write_frame
from crmnb.intake import Intake
from crmnb.metrics.definition import catalogue
from crmnb.report import pages
from crmnb.report.exports.report_xlsx import write_report_xlsx
from crmnb.report.pages.family import framed
from crmnb.report.pages.frame import language
from crmnb.report.tables.scorecard import headline, in_short
from crmnb.report.text.definitions import METHODOLOGY
from crmnb.report.text.notes import reason_text, with_reason_texts
from crmnb.report.text.numbers import period_name
from crmnb.report.text.values import reasons_of_absence
from crmnb.run.alerts_job import save_signals
from crmnb.run.cache_keys import VERSIONS, file_hashes, report_key, source_hash
from crmnb.run.context import ReportContext, load_context
from crmnb.run.environment import current_time
from crmnb.run.history import history_key, load_history, save_history
from crmnb.run.jobs import Interruption, StepCallback
from crmnb.run.store import DEPENDENCIES, NOTEBOOK, PAGE_CELLS, read_record, reject_foreign_files

_MAX_HEADLINES = 8
_PORTFOLIO_TILES = 2
_MANIFEST_DECLARATIONS = {
    *(
        "comparison",
        "level",
        "churn",
        "items",
        "relationship",
        "segments",
        "targets",
        "privacy",
        "data_from",
        "data_until",
    ),
}


@dataclass(frozen=True)
class Family:
    """The outcome of one family's notebook: its results, or the failure in plain words."""

    name: str
    title: str
    failure: str
    results: tuple[Result, ...]
    folder: Path  # of its stored output


@dataclass(frozen=True)
class _Report:
    """Everything that a report is made of."""

    context: ReportContext
    families: tuple[Family, ...]
    made_at: datetime

    @property
    def results(self) -> list[Result]:
        """All results."""
        return [result for family in self.families for result in family.results]

    @property
    def complete_families(self) -> list[Family]:
        """Those that have a page: not those without a figure, whose page would only say why.

        In the order of the client's objectives, then with those first that measure outcomes.
        """
        with_figures = [f for f in self.families if not f.failure and not reasons_of_absence(list(f.results))]
        objectives = self.context.client.objectives
        places = {catalogue()[name].family: place for place, name in reversed([*enumerate(objectives)])}
        of_outcomes = {
            result.metric.family for f in with_figures for result in f.results if result.metric.kind == "outcome"
        }
        return sorted(with_figures, key=lambda f: (places.get(f.name, len(objectives)), f.name not in of_outcomes))

    @property
    def listed_families(self) -> list[Family]:
        """The same, and then the others: failed ones, and those without a figure."""
        complete = self.complete_families
        return [*complete, *(family for family in self.families if family not in complete)]


def make_report(
    project: str, client: str, period: str, tables: str, families: dict[str, dict[str, str]], on_step: StepCallback
) -> dict[str, Any]:
    """Make the report of families {name: {"title", "failure"}} from their stored output, and publish it.

    Returns folder and unavailable: the metrics that are unavailable for the whole period, with the reasons.
    """
    on_step("making the pages")
    context = load_context(project, client, period, tables)
    restored = tuple(_restore(name, facts, context) for name, facts in families.items())
    report = _Report(context, restored, current_time())
    history = load_history(context.private)
    monitored = _monitored(report, history)
    signals = metric_alerts(report.results, monitored, context.client)
    output = context.staging("report")
    _write(report, monitored, signals, output)
    files = file_hashes(output)
    reject_foreign_files(context.report, read_record(context.record))
    replace_folder(output, context.report)
    save_signals(context.private, context.period.label, signals)
    history = _keep_history(report, history)
    keys = {family.name: read_record(family.folder / DEPENDENCIES).get("key", "") for family in restored}
    key = report_key(context.project, context.client, context.period, context.intake.fingerprint, keys, history)
    write_json(context.record, {"key": key, "files": files, **_portfolio_facts(report)})
    return {"folder": str(context.report), "unavailable": _unavailable(restored)}


def _monitored(report: _Report, history: list[PublishedFigure]) -> list[Monitored]:
    """The months of each objective on a control chart; of a metric with breakdowns those of its first one."""
    results = {result.metric.id: result for result in report.results}
    rows = [(result, headline(result)) for result in _objectives(report, results)]
    return [monitor(result, row.breakdown, history) for result, row in rows if row]


def _keep_history(report: _Report, history: list[PublishedFigure]) -> str:
    """Add what this report publishes to the client's history; returns the key of what its charts can show of that."""
    context, published_at = report.context, report.made_at.isoformat(timespec="seconds")
    label = context.period.label
    own = [figure for figure in history if figure.report == label]
    figures = published_figures(report.results, label, published_at)
    added = news(own, figures, (result.metric.id for result in report.results), published_at)
    save_history(context.private, label, own + added)
    return history_key(history + added, context.period.end)


def _restore(name: str, facts: dict[str, str], context: ReportContext) -> Family:
    folder, results = context.family(name), ()
    if not facts["failure"]:
        if damaged_files(folder) or damaged_files(context.evaluation):
            raise Interruption(f"the stored output of {facts['title']} was damaged during this run; run again.")
        results = tuple(result_store.restore(context.evaluation, name, context.client, context.period).values())
    return Family(name, facts["title"], facts["failure"], results, folder)


def _write(report: _Report, monitored: list[Monitored], signals: list[Alert], folder: Path) -> None:
    """Write the folder that may be sent to the client."""
    frames = [result.rows for family in report.families for result in family.results]
    frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(COLUMNS)).astype(COLUMNS)
    frame = with_reason_texts(frame, report.context.client)
    write_frame(frame, folder / "results.parquet", duckdb.default_connection())
    sheets = [(family.title, list(family.results)) for family in report.complete_families]
    write_report_xlsx(frame, sheets, _headlines(report), folder / "results.xlsx", report.made_at)
    for name, html in _pages(report, monitored, signals):
        (folder / f"{name}.html").write_text(html, encoding="utf-8")
    manifest = json.dumps(_manifest(report), indent=1, ensure_ascii=False)
    (folder / "manifest.json").write_text(manifest, encoding="utf-8")


def _pages(report: _Report, monitored: list[Monitored], signals: list[Alert]) -> Iterator[tuple[str, str]]:
    """The names and the HTML of the pages."""
    client, period, intake = report.context.client, report.context.period, report.context.intake
    families = report.complete_families
    nav = [
        ("Overview", "index.html"),
        *([("Monitoring", "monitoring.html")] if monitored else []),
        *((family.title, f"{family.name}.html") for family in families),
        ("Methodology", METHODOLOGY),
        ("Excel", "results.xlsx"),
    ]
    label = period_name(period.label, client)
    for family in families:
        body = read_record(family.folder / PAGE_CELLS)
        cells = Markup(body["cells"])  # noqa: S704 -- `body_of` made it
        contents = [tuple(heading) for heading in body["contents"]]
        facts = {"client_name": client.name, "lang": language(client), "period_label": label, "nav": nav}
        yield family.name, framed(cells, contents, title=family.title, **facts)
    yield (
        "index",
        pages.index_page(
            client,
            period,
            comparison=compared_with(client, period)[0],
            families=[
                pages.Family(f.title, "" if f.failure else f"{f.name}.html", list(f.results), f.failure)
                for f in report.listed_families
            ],
            tiles=_headlines(report),
            nav=nav,
            **_row_counts(intake),
            made_on=report.made_at.date(),
            gaps=intake.gaps,
        ),
    )
    if monitored:
        facts = {"monitored": monitored, "alerts": signals, "results": report.results, "nav": nav}
        yield "monitoring", pages.monitoring_page(client, period, **facts)
    yield from pages.methodology_pages(catalogue().values(), nav=nav)


def _row_counts(intake: Intake) -> dict[str, int]:
    return {
        "rows_read": sum(audit.read for audit in intake.audits if audit.source != "query"),
        "rows_quarantined": sum(audit.rejected for audit in intake.audits),
    }


def _headlines(report: _Report) -> list[Result]:
    """The metric that opens a report, where the client has it, and the results of the declared objectives."""
    results = {result.metric.id: result for family in report.families for result in family.results}
    opening = [r for r in results.values() if r.metric.opens_report and r.whole["value"].notna().any()]
    return [
        *opening,
        *(result for result in _objectives(report, results) if all(result is not first for first in opening)),
    ]


def _objectives(report: _Report, results: dict[str, Result]) -> list[Result]:
    """The results of the declared objectives; if none are declared, the first available results of each family."""
    objectives = report.context.client.objectives
    if objectives:
        return [results[name] for name in objectives if name in results]
    available = [[r for r in f.results if r.whole["value"].notna().any()] for f in report.complete_families]
    share = max(_MAX_HEADLINES // max(len(available), 1), 1)
    return [result for results in available for result in results[:share]]


def _portfolio_facts(report: _Report) -> dict[str, Any]:
    """The facts about a report for the index over all clients."""
    context = report.context
    return {
        "period": context.period.label,
        "period_name": period_name(context.period.label, context.client),
        "made_at": report.made_at.isoformat(timespec="seconds"),
        "data_until": _last_day(context.period),
        **_row_counts(context.intake),
        "locale": context.client.locale,
        "families": {family.name: {"title": family.title, "failure": family.failure} for family in report.families},
        "tiles": _tiles(report),
    }


def _tiles(report: _Report) -> list[dict[str, str]]:
    """The first headlines: of the declared objectives, or one of each family before a second one of any."""
    tiles = [tile for result in _headlines(report) if (tile := in_short(result))]
    if not report.context.client.objectives:
        first_by_page = {tile["href"]: tile for tile in reversed(tiles)}
        tiles.sort(key=lambda tile: first_by_page[tile["href"]] is not tile)
    return tiles[:_PORTFOLIO_TILES]


def _last_day(period: Period) -> str | None:
    """The last day that the data cover."""
    return (period.cutoff - timedelta(days=1)).date().isoformat() if period.cutoff else None


def _manifest(report: _Report) -> dict[str, Any]:
    client, period, intake = report.context.client, report.context.period, report.context.intake
    return {
        "client": client.id,
        "period": period.label,
        "parameters": {"client": client.id, "period": period.label},
        "declared": client.model_dump(mode="json", include=_MANIFEST_DECLARATIONS),
        "made_at": report.made_at.isoformat(timespec="seconds"),
        "data": {
            "from": period.data_from and period.data_from.date().isoformat(),
            "until": _last_day(period),
            "gaps": list(intake.gaps),
            "fingerprint": intake.fingerprint,
            "sources": intake.sources,
            "tables": [
                {
                    "table": audit.table or f"source {audit.source}",
                    "read": audit.read,
                    "accepted": audit.accepted,
                    "quarantined": audit.rejected,
                    "replaced": audit.replaced,
                    "forgotten": audit.erased,
                    "excluded": audit.excluded_rows,
                }
                for audit in intake.audits
            ],
        },
        "families": {
            family.name: {
                "notebook": _notebook_hash(family),
                "failure": family.failure,
                "settings": {result.metric.id: result.settings for result in family.results},
            }
            for family in report.families
        },
        "unavailable": _unavailable(report.families),
        "versions": {name: version(name) for name in VERSIONS},
    }


def _notebook_hash(family: Family) -> str:
    """The hash of the source of a family's notebook as it ran."""
    if family.failure:
        return source_hash(family.folder / NOTEBOOK)
    return read_record(family.folder / PAGE_CELLS)["notebook"]


def _unavailable(families: tuple[Family, ...]) -> list[dict[str, str]]:
    """The metrics that are unavailable for the whole period, with the reasons."""
    return [
        {"family": family.name, "metric": result.metric.id, "reason": reason_text(row.reason, result.client)}
        for family in families
        for result in family.results
        for row in result.entries
        if "unavailable" in row.flags.split()
    ]
