"""Zones that headers name, and clock changes of declared zones.

A column whose name says UTC is not read as the client's wall clock; of a source's own zone the skipped and repeated hours are found
in its own wall clock, before it becomes the client's.
"""

import json
import re
from collections.abc import Iterator

from crmnb.core.errors import InputError
from crmnb.intake.staging_table import Cell
from crmnb.intake.validation.casts import cast_cell
from crmnb.intake.validation.contract import TIME_TYPES, Rule, text_column
from crmnb.intake.validation.daylight_saving import repeated_condition, skipped_condition
from crmnb.intake.validation.time_formats import needs_zone
from crmnb.intake.validation.validated_rows import Contract, ValidatedRows, source_of
from crmnb.schema.client import Source

# UTC, created_utc, createdAtUtc, GMT+2
_IN_HEADER = re.compile(
    r"(?:(?<![A-Za-z])(?:UTC|GMT|utc|gmt|Utc|Gmt)|(?<=[a-z])(?:UTC|GMT|Utc|Gmt))(?![A-Za-z])(?P<offset> ?[+-] ?\d{1,2}(?::?\d{2})?)?"
)
_ZERO = ("UTC", "GMT", "Etc/UTC", "Etc/GMT", "Zulu", "Universal")  # the same clock under several names


def check_zone_marks(validated: ValidatedRows) -> None:
    """Raise InputError, with the line to add, for a column whose header names UTC while its times would be read as another zone's."""
    contract, staging = validated.contract, validated.staging
    if not (staging.source.file or staging.source.database):
        return
    for column in (
        column for column in contract.columns if column.type in TIME_TYPES and column.name in contract.cells
    ):
        header = contract.headers.get(column.name, column.name)
        source, mark = staging.source.of_column(header), _IN_HEADER.search(header)
        own = staging.source.times.get(header)
        if not mark or (own and own.time_zone):  # what is said of this column alone counts
            continue
        zone = source.time_zone or contract.zone
        if zone == _zone_of(mark["offset"]) or (zone in _ZERO and not mark["offset"]):
            continue
        if validated.query(f"SELECT 1 FROM {staging.rows} WHERE {_is_bare(validated, column.name, source)} LIMIT 1"):
            named = _zone_of(mark["offset"])
            raise InputError(
                f"{contract.key}: the column {header!r} names {mark[0]}, but its times would be read as those of {zone}. Add to "
                f"sources.{staging.name}: `times: {{{json.dumps(header, ensure_ascii=False)}: {{time_zone: {named}}}}}`, "
                f"or `time_zone: {named}` for all its times. If the name is wrong, declare their real zone there."
            )


def _is_bare(validated: ValidatedRows, name: str, source: Source) -> str:
    """The SQL condition that a staged row has a time of day of which nothing but the header says the zone."""
    kind = validated.contract.cells[name].kind
    text = validated.cleaned_text(name)
    if kind == "time":
        return f"{text} IS NOT NULL"
    if kind in ("date", "instant"):
        return "false"
    return needs_zone(text, source.date_format, source.decimal)


def _zone_of(offset: str | None) -> str:
    """The zone of an offset in a header: the names of Etc have the opposite sign."""
    sign, hours, minutes = re.match(r" ?([+-]) ?(\d{1,2})(?::?(\d{2}))?", offset).groups() if offset else ("", "0", "")
    if not int(hours) or int(minutes or 0) or int(hours) > 12:
        return "UTC" if not offset else "..."
    return f"Etc/GMT{'-' if sign == '+' else '+'}{int(hours)}"


def skipped_hour_rules(contract: Contract, sources: dict[str, Source]) -> Iterator[Rule]:
    """The rules on times that the clock of a source's own zone skips."""
    for name, zone, wall in _own_clocks(contract, sources):
        if condition := skipped_condition(zone, wall):
            request = f"Ask for the time zone of these times: daylight saving time skips them in {zone}."
            yield Rule(
                f"{name} does not exist in {zone} (daylight saving time)", name, condition, request, "skipped hour"
            )


def note_repeated_hours(validated: ValidatedRows) -> Iterator[str]:
    """Times without a mark in the hour that a source's own zone repeats: which of the two it was nobody can tell."""
    contract, staging = validated.contract, validated.staging
    sources = {column.name: source_of(staging, contract, column.name) for column in contract.columns}
    for name, zone, wall in _own_clocks(contract, sources):
        condition = repeated_condition(zone, wall)
        if not condition or contract.values.get(name):
            continue
        text = f"(SELECT {validated.cleaned_cell(name)} AS {text_column(name)}, * FROM {staging.rows})"
        bare = _is_bare(validated, name, sources[name])
        ((rows,),) = validated.query(f"SELECT count(*) FILTER (({condition}) AND {bare}) FROM {text}")
        if rows:
            yield (
                f"{name}: {rows:,} {'time is' if rows == 1 else 'times are'} in the hour that occurs twice when daylight saving time ends in "
                f"{zone}, without a mark of which; they may be wrong by an hour"
            )


def _own_clocks(contract: Contract, sources: dict[str, Source]) -> Iterator[tuple[str, str, str]]:
    """Columns of times whose source has a zone of its own: name, zone, and the SQL of the wall clock of that zone."""
    for column in contract.columns:
        source = sources[column.name]
        if column.type != "time" or column.name not in contract.cells or source.time_zone in (None, contract.zone):
            continue
        kind = "text" if contract.values.get(column.name) else contract.cells[column.name].kind
        yield (
            column.name,
            source.time_zone,
            cast_cell("time", Cell(text_column(column.name), kind), source, source.time_zone),
        )
