"""The first job of a client's run: imports the data, selects the period, and decides what must be rebuilt."""

import json
import logging
import re
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from crmnb.core.checksum import damaged_files, write_json
from crmnb.core.errors import InputError, Unavailable, nearest
from crmnb.core.paths import private_folder
from crmnb.core.period import Period
from crmnb.evaluate import record
from crmnb.intake import Intake
from crmnb.intake.coverage import RELATIVE, choose_period
from crmnb.run import store
from crmnb.run.cache_keys import Dependencies, evaluation_key, family_key, file_hashes, parameters_key, report_key
from crmnb.run.context import ReportContext
from crmnb.run.handbook import handbook_is_current
from crmnb.run.history import history_key, load_history
from crmnb.run.jobs import Interruption, StepCallback
from crmnb.run.store import read_record
from crmnb.schema.client import Client, load_client

_VALIDATED = "validated.json"  # the key of the parameters that were validated last
_LOG = logging.getLogger("crmnb")
_DEPENDENCY_KINDS = [field.name for field in fields(Dependencies)]


@dataclass(frozen=True)
class _Scope:
    """The project, client and notebooks of a plan. dry_run: import nothing and write nothing."""

    project: Path
    client: Client
    notebooks: dict[str, Path]
    dry_run: bool

    @property
    def private(self) -> Path:
        return self.project / "outputs" / self.client.id / ".private"


def plan_report(
    project: str,
    client: str,
    label: str,
    only: list[str],
    fresh: bool,
    dry_run: bool,
    on_step: StepCallback,
    time_limit: float,
) -> dict[str, Any]:
    """Import the client's data if they changed, and decide what must be rebuilt.

    only: the families; none means all. dry_run: do not import. time_limit: of a query, in seconds.
    Returns name, period, tables (the folder), handbook (whether it is up to date), families {name: {"title", "reuse", "reason"}}, evaluated (whether the results are
    stored), unchanged (whether the published report is up to date), rebuilt (the damaged stored files that will be rebuilt).
    Raises InputError if the input is wrong.
    """
    root = Path(project)
    parameters = root / "parameters"
    scope = _Scope(root, load_client(client, parameters), notebook_paths(root, only), dry_run)
    if not dry_run:
        private_folder(root, scope.client.id)
        _copy_parameters(scope.client, parameters, store.parameters_folder(scope.private))
    _validate_parameters(scope)
    if label and label not in RELATIVE:
        Period.parse(label, scope.client.fiscal_year_starts)  # fails before the files are read
    intake = _known_intake(scope) if dry_run else _import(scope, on_step, time_limit)
    if intake is None:
        return _plan_without_data(scope, label)
    period = choose_period(scope.client, intake, label)
    _require_data(period, scope.client)
    context = ReportContext(root, scope.client, period, intake)
    return {
        "name": scope.client.name,
        "period": period.label,
        "tables": str(intake.folder),
        **_plan(context, scope.notebooks, fresh=fresh),
        "handbook": handbook_is_current(root),
        "rebuilt": [*intake.rebuilt_files, *_damaged_files(context, scope.notebooks)],
    }


def notebook_paths(project: Path, only: list[str]) -> dict[str, Path]:
    """The families' notebooks by name, in order. Raises InputError for a name that is not a family."""
    names = store.family_names()
    for name in only:
        if name not in names:
            raise InputError(f"there is no family {name!r}.{nearest(name, names)}")
    return {name: project / "notebooks" / f"{name}.ipynb" for name in names if not only or name in only}


def _copy_parameters(client: Client, source: Path, target: Path) -> None:
    """Copy the parameters file, so that the whole run uses its content as of the start."""
    target.mkdir(parents=True)
    copy = target / f"{client.id}.yml"
    copy.write_bytes((source / copy.name).read_bytes())
    if load_client(client.id, target).model_copy(update={"folder": client.folder}) != client:
        raise Interruption("the parameters file changed while it was read; run again.")


def _validate_parameters(scope: _Scope) -> None:
    """Raise InputError for settings and targets of metrics that do not exist; validated once per version."""
    path, key = scope.private / _VALIDATED, parameters_key(scope.project, scope.client)
    if read_record(path).get("key") == key:
        return
    from crmnb.evaluate.settings import check_settings

    check_settings(scope.client)
    if not scope.dry_run:
        write_json(path, {"key": key})


def _import(scope: _Scope, on_step: StepCallback, time_limit: float) -> Intake:
    from crmnb.run.data_import import import_client_data

    on_step("reading the files")
    return import_client_data(scope.client, scope.private, on_step, time_limit)


def _known_intake(scope: _Scope) -> Intake | None:
    from crmnb.intake.pipeline import find_unchanged_intake

    return find_unchanged_intake(scope.client, scope.private)


def _plan_without_data(scope: _Scope, label: str) -> dict[str, Any]:
    families = {
        name: {"title": title_of(path), "reuse": False, "reason": "the data must be imported first"}
        for name, path in scope.notebooks.items()
    }
    return {
        "name": scope.client.name,
        "period": "" if label in RELATIVE else label,
        "tables": "",
        "families": families,
        "evaluated": False,
        "unchanged": False,
        "handbook": handbook_is_current(scope.project),
        "rebuilt": [],
    }


def _require_data(period: Period, client: Client) -> None:
    """Raise InputError if the data do not cover any day of the period: every figure would be unavailable."""
    try:
        period.require_data()
    except Unavailable as error:
        from crmnb.report.text.notes import sentence

        reason = sentence(error.reason, client)
        raise InputError(f"period {period.label}: {reason}; choose a period that the data cover.") from None


def _damaged_files(context: ReportContext, notebooks: dict[str, Path]) -> list[str]:
    """The names of the damaged files among those stored for a period, published or not; they are logged."""
    results = context.evaluation
    names = [f"evaluation/{name}" for name in damaged_files(results)] if results.exists() else []
    for family in notebooks:
        names += [f"{family}/{name}" for name in _damaged_family_files(context.family(family))]
    hashes = file_hashes(context.report)
    published = read_record(context.record).get("files", {})
    if hashes:  # otherwise somebody has removed the report
        names += [f"{context.period.label}/{name}" for name, value in published.items() if hashes.get(name) != value]
    if names:
        _LOG.warning("%s: stored files are damaged and will be rebuilt: %s", context.client.id, ", ".join(names))
    return names


def _damaged_family_files(folder: Path) -> list[str]:
    """The names of the damaged files of a notebook that ran to its end; the files of others are never reused."""
    return damaged_files(folder) if (folder / store.DEPENDENCIES).exists() else []


def _plan(context: ReportContext, notebooks: dict[str, Path], *, fresh: bool) -> dict[str, Any]:
    checksums = context.intake.checksums()
    key = evaluation_key(context.project, context.client, context.period, checksums, list(notebooks))
    digests = None if fresh else record.digests(context.evaluation, key)
    families, keys = plan_families(context, notebooks, digests, fresh=fresh)
    published = read_record(context.record)
    history = history_key(load_history(context.private), context.period.end)
    current_key = report_key(context.project, context.client, context.period, context.intake.fingerprint, keys, history)
    unchanged = (
        all(family["reuse"] for family in families.values())
        and published.get("key") == current_key
        and published.get("files") == file_hashes(context.report)
    )
    if not unchanged:
        store.reject_foreign_files(context.report, published)
    return {"families": families, "evaluated": digests is not None, "unchanged": unchanged}


def plan_families(
    context: ReportContext, notebooks: dict[str, Path], digests: dict[str, str] | None, *, fresh: bool
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """For each family its title, whether its stored output can be reused, with the reason; and the keys of those that ran before.

    digests: of the evaluated results by family; None if they must be rebuilt. fresh: reuse nothing.
    """
    families, keys = {}, {}
    checksums = context.intake.checksums()
    for name, path in notebooks.items():
        folder = context.family(name)
        stored = read_record(folder / store.DEPENDENCIES)
        reason = _reason_to_run(path, stored, digests, fresh=fresh)
        reason = "its stored output is damaged" if not fresh and _damaged_family_files(folder) else reason
        if not reason:
            dependencies = Dependencies(*(tuple(stored[kind]) for kind in _DEPENDENCY_KINDS))
            keys[name] = family_key(
                path, context.project, context.client, context.period, checksums, dependencies, digests
            )
            reason = "" if keys[name] == stored["key"] else "its data, parameters, notebook or code changed"
        families[name] = {"title": title_of(path), "reuse": not reason, "reason": reason or "unchanged"}
    return families, keys


def _reason_to_run(notebook: Path, stored: dict[str, Any], digests: dict[str, str] | None, *, fresh: bool) -> str:
    if fresh:
        return "requested by --fresh"
    if digests is None:
        return "data, parameters or code changed"
    if not notebook.is_file():
        return "its notebook is missing"
    if not {"key", *_DEPENDENCY_KINDS} <= stored.keys():
        return "it has not run to its end before"
    return ""


def title_of(notebook: Path) -> str:
    """The first heading of a notebook; its file name if it has none."""
    try:
        text = "".join(json.loads(notebook.read_text(encoding="utf-8"))["cells"][0]["source"])
    except (OSError, ValueError, LookupError, TypeError):
        text = ""
    heading = re.match(r"# (.+)", text)
    return heading[1] if heading else notebook.stem.capitalize()
