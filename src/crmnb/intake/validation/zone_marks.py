"""Zone marks in headers: a column whose name says UTC is not read as the client's wall clock."""

import json
import re

from crmnb.core.errors import InputError
from crmnb.intake.validation.contract import TIME_TYPES
from crmnb.intake.validation.time_formats import has_zone
from crmnb.intake.validation.validated_rows import ValidatedRows

_IN_HEADER = re.compile(r"(?<![A-Za-z])(UTC|GMT)(?![A-Za-z])", re.IGNORECASE)
_ZERO = (
    "UTC",
    "GMT",
    "Etc/UTC",
    "Etc/GMT",
    "Zulu",
    "Universal",
)  # zones of the client in which nothing could be misread


def check_zone_marks(validated: ValidatedRows) -> None:
    """Raise InputError, with the line to add, for a column whose header names UTC while its texts would be read as another zone's."""
    contract, staging = validated.contract, validated.staging
    if not staging.is_file or contract.zone in _ZERO:
        return
    for column in (column for column in contract.columns if column.name in contract.cells):
        header = contract.headers.get(column.name, column.name)
        source, cell = staging.source.of_column(header), contract.cells[column.name]
        if column.type not in TIME_TYPES or cell.kind != "text" or source.time_zone or not _IN_HEADER.search(header):
            continue
        text = validated.cleaned_text(column.name)
        bare = f"SELECT 1 FROM {staging.rows} WHERE {text} IS NOT NULL AND NOT {has_zone(text, source.date_format)} LIMIT 1"
        if validated.query(bare):
            raise InputError(
                f"{contract.key}: the column {header!r} names UTC, but its times would be read as those of {contract.zone}. Add to "
                f"sources.{staging.name}: `times: {{{json.dumps(header, ensure_ascii=False)}: {{time_zone: UTC}}}}`, or `time_zone: UTC` for all its "
                "times. If the name is wrong, declare their real zone there."
            )
