"""Presets: what the exports of common products mean. A preset is a YAML file in the folder `presets`.

`headers`: those by which the export is recognised, of which a list stands for any one. `columns` map a column of a table to a header,
to the first one of a list that the file has, to {value: ...} or to {row_number: true}; those that the file lacks are left out.
`values` recode the product's words, `where` is a condition on its columns, `query` is SQL in which {source} and {time_zone} are
replaced, `has_items`: the other columns may be survey items. `why` gives reasons for the comments of the parameters file.
"""

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from crmnb.schema.tables import TABLES
from crmnb.setup.draft import Line, TableDraft
from crmnb.setup.file_profile import FileProfile

Preset = dict[str, Any]
_OPTIONS = ("where", "ignore_case", "refunds", "split")


@cache
def presets() -> tuple[Preset, ...]:
    """All presets, those with most headers first."""
    folder = files("crmnb.setup") / "presets"
    loaded = [
        yaml.safe_load(file.read_text(encoding="utf-8"))
        for file in sorted(folder.iterdir(), key=lambda file: file.name)
        if file.name.endswith(".yml")
    ]
    return tuple(sorted(loaded, key=lambda preset: -len(preset["headers"])))


def recognise(profile: FileProfile) -> Preset | None:
    """The preset of a file; None if it is no export that a preset knows."""
    headers = [column.header for column in profile.columns]
    for preset in presets():
        if preset.get("first_header") and present(preset["headers"][0], headers[:1]) is None:
            continue
        if all(present(header, headers) is not None for header in preset["headers"]):
            if preset.get("first_header") and not _has_question(headers):
                continue
            return preset
    return None


def _has_question(headers: Iterable[str]) -> bool:
    """Whether some header is a question, by which an export of a form differs from a log."""
    return any("?" in header or len(header.split()) > 5 for header in headers)


def present(header: str | list[str], headers: Iterable[str]) -> str | None:
    """The header, or the first one of a list, that a file has; None if it has none of them."""
    names = {name.lower(): name for name in reversed(list(headers))}
    candidates = header if isinstance(header, list) else [header]
    return next((names[name.lower()] for name in map(str, candidates) if name.lower() in names), None)


def tables_of(preset: Preset, profile: FileProfile, source: str) -> list[TableDraft]:
    """The tables of a preset for a file, without the columns that the file lacks."""
    return [_table(preset, name, profile, source) for name in preset["tables"]]


def _table(preset: Preset, name: str, profile: FileProfile, source: str) -> TableDraft:
    declared, reasons = preset["tables"][name], preset.get("why", {})
    headers = [column.header for column in profile.columns]
    table = TableDraft(name, source, why=reasons.get(name, ""), query=declared.get("query", ""))
    for column, value in declared.get("columns", {}).items():
        if isinstance(value, dict):
            table.columns[column] = Line(value, reasons.get(column, ""))
        elif (header := present(value, headers)) and _is_used(name, column, profile, header):
            table.columns[column] = Line(header)
    table.values = {column: codes for column, codes in declared.get("values", {}).items() if column in table.columns}
    for option in _OPTIONS:
        if option not in declared:
            continue
        value = declared[option]
        if option == "where":
            value = {header: rule for key, rule in value.items() if (header := present(key, headers))}
        elif option == "ignore_case":
            value = [column for column in value if column in table.columns]
        if value:
            table.options[option] = Line(value, reasons.get(option, ""))
    return table


def _is_used(table: str, column: str, profile: FileProfile, header: str) -> bool:
    """Whether a column is mapped: a required one always, another one if it has values and this version knows it."""
    declared = TABLES[table].by_name.get(column)
    return bool((declared and declared.required) or profile.by_header[header].values)
