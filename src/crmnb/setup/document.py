"""The parameters file as text: each line with its reason, and what nobody has answered yet as a comment with a question mark."""

import json
import os
import re
from collections.abc import Iterable, Iterator
from datetime import date
from glob import escape
from pathlib import Path

from crmnb.core.errors import InputError, escape_unprintable
from crmnb.setup.draft import Draft, Line, Question, SourceDraft, TableDraft
from crmnb.setup.proposal import unmapped_headers
from crmnb.setup.yaml_text import flow, scalar

SCHEMA_FILE = "parameters.schema.json"  # beside the parameters files
_COMMENT_COLUMN = 40
_LONGEST_COMMENT = 150
_ORDER = (  # of a source's options; others follow
    *("format", "encoding", "delimiter", "sheets", "header", "rows_after_header", "fill_down", "where", "date_format"),
    *("time_zone", "times", "decimal", "thousands", "signs", "columns"),
)
_SETTINGS = ("currency", "exchange_rates", "time_zone")


def write_document(draft: Draft, name: str, folder: Path, day: date) -> str:
    """The text of a client's parameters file in a folder, named so and written on that day."""
    files = [source.profile.path for source in draft.sources]
    names = ", ".join(path.name for path in files[:3]) + (f" and {len(files) - 3} more" if len(files) > 3 else "")
    parts = [
        f"# yaml-language-server: $schema={SCHEMA_FILE}",
        _comment(
            f"Proposed by `crmnb init` on {day.isoformat()} from {names}. Check each line; the comments say why it is so."
        ),
        "# A line with `?` is a question that no file answers: write the answer and remove the # and what follows it.",
        "",
        f"name: {scalar(name)}",
        *(line for key in _SETTINGS if key in draft.settings for line in _entry("", key, draft.settings[key])),
        *(_question("", question) for question in draft.open),
        _commented("locale: en_GB", "how reports write numbers and dates"),
        _commented("# data_from: 2025-01-01", "if the files cover more days than those of the first and last event"),
        *(_entry("", "data_until", end) if (end := draft.settings.get("data_until")) else ["# data_until: 2025-12-31"]),
        *_folders(files, folder),
        "",
        "sources:",
        *(line for source in draft.sources for line in _source(source, draft, folder)),
        "",
        *_tables(draft.tables),
    ]
    if draft.items:
        parts += ["", "items:"]
        parts += [f"  {key}: {flow(line.value)}" for key, line in draft.items.items()]
    if "churn" in draft.settings:
        parts += ["", *_entry("", "churn", draft.settings["churn"])]
    return "\n".join(parts) + "\n"


# ---- Sections ---------------------------------------------------------------------------------------------


def _folders(files: Iterable[Path], folder: Path) -> Iterator[str]:
    """The declaration of the folders of files outside that of the parameters file."""
    outside = {os.path.dirname(_relative(path, folder)) for path in files}
    if entries := sorted(place for place in outside if place.startswith("..") or os.path.isabs(place)):
        yield _commented(f"data_folders: {flow(entries)}", "where crmnb may read files, beside this folder")


def _relative(path: Path, folder: Path) -> str:
    text = os.path.relpath(path, folder)
    try:
        text.encode()
    except UnicodeEncodeError:
        raise InputError(f"{escape_unprintable(path.name)}: the name is not UTF-8. Rename the file.") from None
    return text.replace(os.sep, "/")


def _source(source: SourceDraft, draft: Draft, folder: Path) -> Iterator[str]:
    profile = source.profile
    what = source.product or "no product that is known"
    yield _commented(f"  {source.name}:", f"{what}; {profile.rows:,} rows, {len(profile.columns)} columns")
    name = _relative(profile.path, folder)
    if profile.pattern:
        name = f"{escape(name[: -len(profile.path.name)])}{profile.pattern}"
    yield f"    file: {scalar(name)}"
    options = {key: line for key, line in source.options.items() if key != "unrecognised"}
    for key in sorted(options, key=lambda key: (_ORDER.index(key) if key in _ORDER else 99, key)):
        yield from _entry("    ", key, options[key])
    if source.personal:
        yield _commented(f"    personal: {flow(list(source.personal))}", "no message shows their values")
    if reason := source.options.get("unrecognised"):
        yield _comment(f"? the table that this file holds: {reason.value} (--answer table.{source.name}=...)", "    ")
    tables = [table for table in draft.tables if table.source == source.name]
    if any(table.query for table in tables):
        return
    used = [line.value for table in tables for line in table.columns.values() if isinstance(line.value, str)]
    if left := unmapped_headers(profile, [*used, *source.personal]):
        more = f" and {len(left) - 12} more" if len(left) > 12 else ""
        yield _comment(f"not mapped: {', '.join(left[:12])}{more}", "    ")


def _tables(tables: Iterable[TableDraft]) -> Iterator[str]:
    entries = list(tables)
    yield "tables:" if entries else "tables: {}"
    for table in entries:
        yield _commented(f"  {table.name}:", table.why)
        if table.query:
            yield "    query: |"
            query = table.query.replace("{source}", table.source)
            yield from (f"      {line}".rstrip() for line in query.rstrip().splitlines())
        else:
            yield f"    source: {table.source}"
            yield "    columns:"
            for column, line in table.columns.items():
                yield from _entry("      ", column, line)
        for question in table.questions:
            yield _question("      ", question)
        for option, line in table.options.items():
            yield from _entry("    ", option, line)
        if table.values:
            yield "    values:"
            for column, codes in table.values.items():
                yield f"      {column}: {flow(codes)}"


def _entry(indent: str, key: str, line: Line) -> Iterator[str]:
    if isinstance(line.value, Question):
        yield _question(indent, line.value)
        return
    text = f"{indent}{scalar(key)}: {flow(line.value)}"
    score = f" (score {line.score:.2f})" if line.score < 1 and line.why else ""
    yield _commented(text, line.why + score)


def _question(indent: str, question: Question) -> str:
    allowed = f": {', '.join(question.allowed)}" if question.allowed else ""
    text = f"{indent}# {_printable(question.line or question.key, 1000)}"
    return f"{_commented(text, f'? {question.text}{allowed}')} (--answer {_printable(question.key)}=...)"


def _commented(text: str, why: str) -> str:
    """A line with a comment behind it, if there is one."""
    return f"{text.ljust(_COMMENT_COLUMN - 1)} # {_printable(why)}" if why else text


def _comment(text: str, indent: str = "") -> str:
    return f"{indent}# {_printable(text, 400)}"


def _printable(text: str, longest: int = _LONGEST_COMMENT) -> str:
    """A text on one line, without characters that cannot be printed."""
    shown = escape_unprintable(re.sub(r"[\r\n\t\f\v]+", " ", text))
    return shown if len(shown) <= longest else f"{shown[: longest - 3]}..."


def schema_text() -> str:
    """The JSON schema of a parameters file, for editors."""
    from crmnb.schema.client.json_schema import parameters_schema

    return json.dumps(parameters_schema(), indent=1, ensure_ascii=False) + "\n"
