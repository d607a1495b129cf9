"""The first job of a client's run: the data taken in, the period chosen, and what has to be made again."""

import json
import logging
import re
from dataclasses import fields
from pathlib import Path
from typing import Any

from crmnb.core.checksum import damaged_files, write_json
from crmnb.core.errors import InputError, Unavailable, nearest
from crmnb.core.paths import private_folder
from crmnb.core.period import Period
from crmnb.evaluate import record
from crmnb.intake import Intake
from crmnb.intake.coverage import RELATIVE, choose_period
from crmnb.run.cache_keys import Read, checked_key, content_of, evaluation_key, family_key, report_key
from crmnb.run.jobs import Interrupted, Say
from crmnb.run.store import (
    evaluation_of,
    kept_family,
    notebooks_named,
    parameters_of,
    read_json,
    refuse_strangers,
    report_record,
)
from crmnb.schema.client import Client, load_client

_CHECKED = "checked.json"  # the key of parameters that were found to be right
_LOG = logging.getLogger("crmnb")
_READ = [field.name for field in fields(Read)]


def prepare(
    project: str, client: str, label: str, only: list[str], fresh: bool, only_look: bool, say: Say, seconds: float
) -> dict[str, Any]:
    """Take the client's data in where they changed, and tell what is to be done.

    Gives: name, period, tables (the folder), families {name: {"title", "reuse", "why"}}, evaluated (whether the results
    are there), unchanged (the report that is published is what would be made), healed (the kept files that are damaged, and
    are made anew). only_look: take nothing in. seconds: that a query of the client's may take. Raises InputError for what is wrong.
    """
    root = Path(project)
    who = load_client(client, root / "parameters")
    notebooks = notebooks_of(root, only)
    private = root / "outputs" / who.id / ".private" if only_look else private_folder(root, who.id)
    if not only_look:
        _keep_parameters(who, root / "parameters", parameters_of(private))
    _check(root, who, private, only_look)
    if label and label not in RELATIVE:
        Period.parse(label, who.fiscal_year_starts)  # said before the files are read
    taken = _look(who, private) if only_look else _take_in(who, private, say, seconds)
    if taken is None:
        return _unseen(who, label, notebooks)
    period = choose_period(who, taken, label)
    _must_be_seen(period)
    wrong = _damage(root, who, private, period, notebooks)
    return {
        "name": who.name,
        "period": period.label,
        "tables": str(taken.folder),
        **_plan(root, who, private, period, taken, notebooks, fresh),
        "healed": [*taken.rebuilt_files, *wrong],
    }


def _damage(project: Path, client: Client, private: Path, period: Period, notebooks: dict[str, Path]) -> list[str]:
    """The names of the files kept of a period, published or not, that are damaged; they are logged."""
    results = evaluation_of(private, period.label)
    wrong = [f"evaluation/{name}" for name in damaged_files(results)] if results.exists() else []
    for family in notebooks:
        wrong += [f"{family}/{name}" for name in damage_of(kept_family(private, period.label, family))]
    there = content_of(project / "outputs" / client.id / period.label)
    published = read_json(report_record(private, period.label)).get("files", {})
    if there:  # else somebody has removed the report
        wrong += [f"{period.label}/{name}" for name, checksum in published.items() if there.get(name) != checksum]
    if wrong:
        _LOG.warning("%s: kept files are damaged, and are made anew: %s", client.id, ", ".join(wrong))
    return wrong


def damage_of(family: Path) -> list[str]:
    """The names of the files that are damaged of a notebook that ran to its end; of any other, nothing is used again."""
    return damaged_files(family) if (family / "kept.json").exists() else []


def _keep_parameters(client: Client, folder: Path, place: Path) -> None:
    """Copy the parameters file, so that all of a run goes by what the file said when it began."""
    place.mkdir(parents=True)
    copy = place / f"{client.id}.yml"
    copy.write_bytes((folder / copy.name).read_bytes())
    if load_client(client.id, place).model_copy(update={"folder": client.folder}) != client:
        raise Interrupted("the parameters file changed while it was read; run again.")


def notebooks_of(project: Path, only: list[str]) -> dict[str, Path]:
    """The families' notebooks by name, in order."""
    known = notebooks_named()
    for name in only:
        if name not in known:
            raise InputError(f"there is no family {name!r}.{nearest(name, known)}")
    return {name: project / "notebooks" / f"{name}.ipynb" for name in known if not only or name in only}


def _check(project: Path, client: Client, private: Path, only_look: bool) -> None:
    """Raise InputError for settings and targets of metrics that do not exist; looked at once."""
    key = checked_key(project, client)
    if read_json(private / _CHECKED).get("key") == key:
        return
    from crmnb.evaluate.settings import check_settings

    check_settings(client)
    if not only_look:
        write_json(private / _CHECKED, {"key": key})


def _take_in(client: Client, private: Path, say: Say, seconds: float) -> Intake:
    from crmnb.run.data_import import take_in

    say("reading the files")
    return take_in(client, private, say, seconds)


def _look(client: Client, private: Path) -> Intake | None:
    from crmnb.intake.pipeline import find_unchanged_intake

    return find_unchanged_intake(client, private)


def _unseen(client: Client, label: str, notebooks: dict[str, Path]) -> dict[str, Any]:
    why = "the data are to be taken in first"
    families = {name: {"title": title_of(path), "reuse": False, "why": why} for name, path in notebooks.items()}
    known = "" if label in RELATIVE else label
    return (
        {"name": client.name, "period": known, "tables": "", "families": families}
        | dict.fromkeys(("evaluated", "unchanged"), False)
        | {"healed": []}
    )


def _must_be_seen(period: Period) -> None:
    """Raise InputError where the data hold nothing of the period: every figure would be unavailable."""
    try:
        period.require_data()
    except Unavailable as no:
        raise InputError(f"period {period.label}: {no}; choose a period that meets the data.") from None


def _plan(
    project: Path,
    client: Client,
    private: Path,
    period: Period,
    taken: Intake,
    notebooks: dict[str, Path],
    fresh: bool,
) -> dict[str, Any]:
    key = evaluation_key(project, client, period, taken.checksums(), list(notebooks))
    digests = None if fresh else record.digests(evaluation_of(private, period.label), key)
    families, keys = reusable(project, client, private, period, taken, notebooks, digests, fresh)
    published = read_json(report_record(private, period.label))
    place = project / "outputs" / client.id / period.label
    unchanged = (
        all(family["reuse"] for family in families.values())
        and published.get("key") == report_key(project, client, period, taken.fingerprint, keys)
        and published.get("files") == content_of(place)
    )
    if not unchanged:
        refuse_strangers(place, published)
    return {"families": families, "evaluated": digests is not None, "unchanged": unchanged}


def reusable(
    project: Path,
    client: Client,
    private: Path,
    period: Period,
    taken: Intake,
    notebooks: dict[str, Path],
    digests: dict[str, str] | None,
    fresh: bool,
) -> tuple[dict[str, dict[str, Any]], dict[str, str]]:
    """Of each family its title, whether what was made of it can be used again, and why; and the keys of those that ran before.

    digests: of the evaluated results by family; None where they have to be made anew.
    """
    families, keys = {}, {}
    for name, path in notebooks.items():
        folder = kept_family(private, period.label, name)
        kept = read_json(folder / "kept.json")
        why = _why(path, kept, fresh, digests)
        why = "what was kept of it is damaged" if not fresh and damage_of(folder) else why
        if not why:
            read = Read(*(tuple(kept[kind]) for kind in _READ))
            keys[name] = family_key(path, project, client, period, taken.checksums(), read, digests)
            why = "" if keys[name] == kept["key"] else "its data, parameters, notebook or code changed"
        families[name] = {"title": title_of(path), "reuse": not why, "why": why or "unchanged"}
    return families, keys


def _why(notebook: Path, kept: dict[str, Any], fresh: bool, digests: dict[str, str] | None) -> str:
    if fresh:
        return "asked for (--fresh)"
    if digests is None:
        return "data, parameters or code changed"
    if not notebook.is_file():
        return "its notebook is missing"
    if not {"key", *_READ} <= kept.keys():
        return "it was not run to its end before"
    return ""


def title_of(notebook: Path) -> str:
    """The first heading of a notebook; its name where there is none."""
    try:
        first = "".join(json.loads(notebook.read_text(encoding="utf-8"))["cells"][0]["source"])
    except (OSError, ValueError, LookupError, TypeError):
        first = ""
    found = re.match(r"# (.+)", first)
    return found[1] if found else notebook.stem.capitalize()
