"""The job that ends a client's run: the report made of what the families left, and put in place of the one before."""

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
from crmnb.core.paths import private_folder
from crmnb.core.period import Period
from crmnb.evaluate import store
from crmnb.evaluate.result import Result
from crmnb.evaluate.results_frame import COLUMNS
from crmnb.evaluate.settings import compared_with
from crmnb.evaluate.store import write_frame
from crmnb.intake import Intake
from crmnb.metrics.definition import catalogue
from crmnb.report import pages
from crmnb.report.exports.xlsx import write_xlsx
from crmnb.report.pages.family import framed
from crmnb.report.pages.frame import language
from crmnb.report.tables.scorecard import in_short
from crmnb.report.text.numbers import period_name
from crmnb.run.cache_keys import VERSIONS, content_of, notebook_key, report_key
from crmnb.run.environment import now
from crmnb.run.jobs import Interrupted, Say
from crmnb.run.store import (
    NOTEBOOK,
    STAGING,
    evaluation_of,
    intake_of,
    kept_family,
    parameters_of,
    read_json,
    refuse_strangers,
    report_record,
)
from crmnb.schema.client import Client, load_client

_MOST_HEADLINES = 8
_IN_PORTFOLIO = 2
_SAID_DECLARATIONS = {
    *("comparison", "level", "churn", "items", "segments", "targets", "privacy", "data_from", "data_until"),
}


@dataclass(frozen=True)
class Family:
    """How one family's notebook fared: its results, or in plain words why there are none."""

    name: str
    title: str
    failure: str
    results: tuple[Result, ...]
    kept: Path  # the folder of what it left


@dataclass(frozen=True)
class _Made:
    """All that a report is made of."""

    client: Client
    period: Period
    taken: Intake
    families: tuple[Family, ...]
    at: datetime

    @property
    def shown(self) -> list[Family]:
        return [family for family in self.families if not family.failure]


def make_report(
    project: str, client: str, period: str, tables: str, families: dict[str, dict[str, str]], say: Say
) -> dict[str, Any]:
    """Make the report of families {name: {"title", "failure"}} from what they left, and replace_folder it.

    Gives folder and unavailable: metrics that could not be had for the whole period, and why.
    """
    say("making the pages")
    root = Path(project)
    private = private_folder(root, client)
    who = load_client(client, parameters_of(private))
    taken = intake_of(Path(tables))
    when = Period.parse(period, who.fiscal_year_starts).observe(taken.data_from, taken.cutoff)
    ran = tuple(_restored(name, one, who, when, private) for name, one in families.items())
    made = _Made(who, when, taken, ran, now())
    report = private / STAGING / "report"
    report.mkdir(parents=True)
    _write(made, report)
    files = content_of(report)
    place = root / "outputs" / who.id / when.label
    refuse_strangers(place, read_json(report_record(private, when.label)))
    replace_folder(report, place)
    keys = {f.name: read_json(f.kept / "kept.json").get("key", "") for f in ran}
    key = report_key(root, who, when, taken.fingerprint, keys)
    write_json(report_record(private, when.label), {"key": key, "files": files, **_for_portfolio(made)})
    return {"folder": str(place), "unavailable": _unavailable(ran)}


def _restored(name: str, one: dict[str, str], client: Client, period: Period, private: Path) -> Family:
    kept, results = kept_family(private, period.label, name), ()
    if not one["failure"]:
        if damaged_files(kept) or damaged_files(evaluation_of(private, period.label)):
            raise Interrupted(f"what is kept of {one['title']} was damaged while this run was under way; run again.")
        results = tuple(store.restore(evaluation_of(private, period.label), name, client, period).values())
    return Family(name, one["title"], one["failure"], results, kept)


def _write(made: _Made, report: Path) -> None:
    """The folder that may be sent."""
    frames = [result.rows for family in made.families for result in family.results]
    frame = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=list(COLUMNS)).astype(COLUMNS)
    write_frame(frame, report / "results.parquet", duckdb.default_connection())
    write_xlsx(frame, report / "results.xlsx", made.at)
    for name, text in _pages(made):
        (report / f"{name}.html").write_text(text, encoding="utf-8")
    (report / "manifest.json").write_text(json.dumps(_manifest(made), indent=1, ensure_ascii=False), encoding="utf-8")


def _pages(made: _Made) -> Iterator[tuple[str, str]]:
    """The pages' names and texts."""
    client, shown = made.client, made.shown
    nav = [("Overview", "index.html"), *((family.title, f"{family.name}.html") for family in shown)]
    label = period_name(made.period.label, client)
    for family in shown:
        body = read_json(family.kept / "cells.json")
        cells, contents = Markup(body["cells"]), [tuple(one) for one in body["contents"]]  # noqa: S704 -- `body_of` made it
        facts = {"client_name": client.name, "lang": language(client), "period_label": label, "nav": nav}
        yield family.name, framed(cells, contents, title=family.title, **facts)
    yield (
        "index",
        pages.index_page(
            client,
            made.period,
            comparison=compared_with(client, made.period)[0],
            families=[
                pages.Family(f.title, "" if f.failure else f"{f.name}.html", list(f.results), f.failure)
                for f in made.families
            ],
            tiles=_headlines(made),
            **_rows(made.taken),
            made_on=made.at.date(),
            gaps=made.taken.gaps,
        ),
    )
    yield "methodology", pages.catalogue_page(list(catalogue().values()), nav=nav)


def _rows(taken: Intake) -> dict[str, int]:
    return {
        "rows_read": sum(account.read for account in taken.audits if account.source != "query"),
        "rows_quarantined": sum(account.rejected for account in taken.audits),
    }


def _headlines(made: _Made) -> list[Result]:
    """The results of the declared objectives; where none are declared, the first ones of each family that can be had."""
    results = {result.metric.id: result for family in made.shown for result in family.results}
    if made.client.objectives:
        return [results[name] for name in made.client.objectives if name in results]
    had = [[r for r in family.results if r.whole["value"].notna().any()] for family in made.shown]
    each = max(_MOST_HEADLINES // max(len(had), 1), 1)
    return [result for results in had for result in results[:each]]


def _for_portfolio(made: _Made) -> dict[str, Any]:
    """What the index over all clients shows of a report."""
    return {
        "period": made.period.label,
        "period_name": period_name(made.period.label, made.client),
        "made_at": made.at.isoformat(timespec="seconds"),
        "data_until": _until(made.period),
        **_rows(made.taken),
        "locale": made.client.locale,
        "families": {family.name: {"title": family.title, "failure": family.failure} for family in made.families},
        "tiles": _tiles(made),
    }


def _tiles(made: _Made) -> list[dict[str, str]]:
    """The first headlines: of the declared objectives, or else one of each family before a second one."""
    shorts = [short for result in _headlines(made) if (short := in_short(result))]
    if not made.client.objectives:
        first = {short["href"]: short for short in reversed(shorts)}  # of each family's page
        shorts.sort(key=lambda short: first[short["href"]] is not short)
    return shorts[:_IN_PORTFOLIO]


def _until(period: Period) -> str | None:
    """The last day that the data cover."""
    return (period.cutoff - timedelta(days=1)).date().isoformat() if period.cutoff else None


def _manifest(made: _Made) -> dict[str, Any]:
    client, period, taken, ran = made.client, made.period, made.taken, made.families
    return {
        "client": client.id,
        "period": period.label,
        "parameters": {"client": client.id, "period": period.label},
        "declared": client.model_dump(mode="json", include=_SAID_DECLARATIONS),
        "made_at": made.at.isoformat(timespec="seconds"),
        "data": {
            "from": period.data_from and period.data_from.date().isoformat(),
            "until": _until(period),
            "gaps": list(taken.gaps),
            "fingerprint": taken.fingerprint,
            "sources": taken.sources,
            "tables": [
                {
                    "table": a.table or f"source {a.source}",
                    "read": a.read,
                    "accepted": a.accepted,
                    "quarantined": a.rejected,
                    "replaced": a.replaced,
                    "forgotten": a.erased,
                }
                for a in taken.audits
            ],
        },
        "families": {
            family.name: {
                "notebook": _notebook(family),
                "failure": family.failure,
                "settings": {r.metric.id: r.settings for r in family.results},
            }
            for family in ran
        },
        "unavailable": _unavailable(ran),
        "versions": {name: version(name) for name in VERSIONS},
    }


def _notebook(family: Family) -> str:
    """The fingerprint of a family's notebook as it ran."""
    return notebook_key(family.kept / NOTEBOOK) if family.failure else read_json(family.kept / "cells.json")["notebook"]


def _unavailable(ran) -> list[dict[str, str]]:
    """What could not be had for the whole period, and why."""
    return [
        {"family": family.name, "metric": result.metric.id, "reason": row.reason}
        for family in ran
        for result in family.results
        for row in result.entries
        if "unavailable" in row.flags.split()
    ]
