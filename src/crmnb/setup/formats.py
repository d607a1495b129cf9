"""The formats of a source's times and numbers, as far as its values show them, and what only a person knows of them."""

import re
from collections import Counter
from collections.abc import Sequence
from datetime import datetime

from crmnb.schema.tables import TABLES
from crmnb.setup.answers import Answers
from crmnb.setup.draft import Line, Question, SourceDraft, TableDraft
from crmnb.setup.file_profile import ColumnProfile
from crmnb.setup.values import MISSING_CODES, Times

_UTC = re.compile(r"\b(UTC|GMT)\b", re.IGNORECASE)
_TIME_TYPES = ("time", "month")
_NUMBER_TYPES = ("money", "number", "integer")
_ORDERS = {"day_first": ("%d/%m", "%d-%m", "%d.%m"), "month_first": ("%m/%d", "%m-%d", "%m.%d")}


def add_formats(source: SourceDraft, tables: Sequence[TableDraft], answers: Answers) -> None:
    """Add what a source declares of its times and numbers. Only mapped columns count."""
    for option, value in source.profile.options.items():
        source.options.setdefault(option, Line(value, _WHY.get(option, "")))
    if any(table.query for table in tables):
        return
    times = _mapped(source, tables, _TIME_TYPES)
    numbers = _mapped(source, tables, _NUMBER_TYPES)
    if codes := sorted({value for c in (*times, *numbers) for value in c.counts if value.lower() in MISSING_CODES}):
        source.options["missing"] = Line(["", *codes], "which stand for no value")
    forms = _date_formats(source, times, answers)
    zones = _zones(source, times, answers)
    _add_times(source, forms, zones)
    _add_numbers(source, numbers, answers)


_WHY = {
    "header": "the record with the column names",
    "rows_after_header": "further header rows",
    "sheets": "the largest of its sheets",
    "format": "by its content, whatever its name ends in",
    "encoding": "it is not UTF-8; check the accents",
    "delimiter": "which separates the columns",
}


def _mapped(source: SourceDraft, tables: Sequence[TableDraft], types: Sequence[str]) -> list[ColumnProfile]:
    """The columns that are mapped to one of the types, without those that have no value."""
    headers = {
        line.value: None
        for table in tables
        for name, line in table.columns.items()
        if isinstance(line.value, str) and (c := TABLES[table.name].by_name.get(name)) and c.type in types
    }
    profiles = [source.profile.by_header[header] for header in headers if header in source.profile.by_header]
    return [column for column in profiles if column.values]


# ---- Times ------------------------------------------------------------------------------------------------


def _date_formats(
    source: SourceDraft, columns: Sequence[ColumnProfile], answers: Answers
) -> dict[str, str | list[str] | None]:
    """The format of each column, None for ISO; ambiguous columns follow the others of the file, or the answer."""
    formats: dict[str, str | list[str] | None] = {}
    ambiguous: list[ColumnProfile] = []
    orders = set()
    for column in columns:
        times = column.times
        if times is None:
            continue
        if times.mixed:
            formats[column.header] = list(times.mixed)
        elif len(times.formats) == 1 or not _differ(times, column.sample):
            form = times.formats[0]
            orders |= {order for order, starts in _ORDERS.items() if form.startswith(starts)}
            formats[column.header] = None if times.is_iso or form == "%Y-%m" else form
        else:
            ambiguous.append(column)
    if not ambiguous:
        return formats
    order = orders.pop() if len(orders) == 1 else None
    if order is None:
        first = ambiguous[0]
        example = next(value for value in first.sample if _differ(first.times, [value]))
        text = f"the order of day and month in {first.header!r}, such as {example}"
        line = f"date_format: {first.times.formats[0]!r}".replace("'", '"')
        question = Question(f"date_order.{source.name}", text, line, tuple(_ORDERS))
        order = answers.get(question)
        if order is None:
            source.options["date_format"] = Line(question)
            return formats
    for column in ambiguous:
        fitting = [form for form in column.times.formats if form.startswith(_ORDERS[order])]
        formats[column.header] = (fitting or column.times.formats)[0]
    return formats


def _differ(times: Times, values: Sequence[str]) -> bool:
    """Whether the formats read some value as different days."""
    for value in values:
        read = set()
        for form in times.formats:
            try:
                read.add(datetime.strptime(value, form).date())
            except ValueError:
                continue
        if len(read) > 1:
            return True
    return False


def _zones(source: SourceDraft, columns: Sequence[ColumnProfile], answers: Answers) -> dict[str, str]:
    """The zone of each column whose times have no mark of one: by its header, by the file, or by the answer."""
    local = [c for c in columns if c.times and not c.times.mark and not c.times.is_month and _has_clock(c.times)]
    zones = {column.header: "UTC" for column in local if _UTC.search(column.header)}
    others = [column for column in local if column.header not in zones]
    if not others or "time_zone" in source.options:
        return zones
    if source.profile.zone:
        source.options["time_zone"] = Line(source.profile.zone, "the rows below the header say so")
        return zones
    text = "the time zone of the times in this file, which say none; without an answer they are the client's local time"
    question = Question(f"zone.{source.name}", text, "time_zone: UTC")
    answer = answers.get(question)
    source.options["time_zone"] = Line(answer, "as answered") if answer else Line(question)
    return zones


def _has_clock(times: Times) -> bool:
    return any("%H" in form or "%I" in form for form in times.formats)


def _add_times(source: SourceDraft, forms: dict[str, str | list[str] | None], zones: dict[str, str]) -> None:
    """Write what most columns share for the source, and the rest by column."""
    declared = [str(form) for form in forms.values()]
    common = Counter(declared).most_common(1)[0][0] if declared else "None"
    by_column: dict[str, dict] = {}
    for header, form in forms.items():
        if str(form) == common:
            if form is not None and "date_format" not in source.options:
                source.options["date_format"] = Line(form, "how its times are written")
        else:
            by_column[header] = {"date_format": form or "%Y-%m-%d %H:%M:%S"}
    if zones and len(zones) == len(forms) and "time_zone" not in source.options:
        source.options["time_zone"] = Line("UTC", "the headers say so")
    else:
        for header, zone in zones.items():
            by_column.setdefault(header, {})["time_zone"] = zone
    if by_column:
        source.options["times"] = Line(by_column, "what the headers and the values say")


# ---- Numbers ----------------------------------------------------------------------------------------------


def _add_numbers(source: SourceDraft, columns: Sequence[ColumnProfile], answers: Answers) -> None:
    """Add the decimal mark, the thousands separator and the signs that the numbers of a source have."""
    profiles = [column.numbers for column in columns if column.numbers]
    if not profiles or source.profile.format not in ("csv", "excel", "json"):
        return
    sure = [numbers for numbers in profiles if not numbers.is_ambiguous]
    decimals = {n.decimal for n in sure if n.decimal == "," or not n.is_whole or n.thousands}
    separators = {n.thousands for n in sure} - {""}
    if unsure := [numbers for numbers in profiles if numbers.is_ambiguous]:
        marks = {numbers.thousands for numbers in unsure}
        if not decimals and not separators:
            (mark, *_) = sorted(marks)
            text = f"whether {mark!r} in numbers such as 1{mark}234 separates thousands or is the decimal mark"
            question = Question(f"mark.{source.name}", text, f'thousands: "{mark}"', ("thousands", "decimal"))
            answer = answers.get(question)
            if answer is None:
                source.options["thousands"] = Line(question)
                return
            (separators if answer == "thousands" else decimals).add(mark)
        elif marks - decimals:
            separators |= marks - decimals
    decimal = "," if "," in decimals or (separators & {"."} and "." not in decimals) else "."
    if decimal == ",":
        source.options["decimal"] = Line(",")
    if separators - {decimal}:
        source.options["thousands"] = Line(sorted(separators - {decimal})[0])
    if signs := sorted({sign for numbers in profiles for sign in numbers.signs}):
        source.options["signs"] = Line(signs)
