"""Drift: how a client's data differ from those of the previous import, beyond what growing data bring with them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from math import sqrt

from crmnb.core.notes import Note
from crmnb.intake.audit import MAX_LEVELS, ColumnProfile, Profile
from crmnb.intake.personal_data import personal_columns
from crmnb.intake.profile import MIN_ROWS_PER_LEVEL
from crmnb.report.html import printable
from crmnb.schema.client import Client
from crmnb.schema.tables import TABLES

# The thresholds, each with its reason. Data that merely grew by a month move nothing beyond them.
POINTS = 0.05  # of the share of missing: a month is 4 % of two years' rows, so growing alone moves it by less
FROM_NONE = 0.005  # a column that was never empty was a promise; half a percent is more than a slip or two
OF_NEW_ROWS = 0.01  # a new category is one in a hundred of the rows that came; fewer move no figure
WAS_COMMON = 0.01  # a category that vanished was one in a hundred rows; a rarer one may just not occur
HALF = 0.5  # of the rows for each day of the data: a season moves a year's data by far less
LOST = 0.25  # of the days that the data covered: a window that moves with the months loses far less at once
TIMES = 10  # the old range: a misread decimal mark moves amounts by 100, the largest order yet by less
_ERRORS = 2  # standard errors within which a share that moved may be chance, in tables of few rows
_ENOUGH = 20  # values at least, or their range says little about the next ones
NUMBERS = {"DOUBLE", "BIGINT", "DECIMAL(18, 4)"}


@dataclass(frozen=True)
class Drift:
    """Something that changed: `where` (table.column, table or source), what as a note, and the titles of the metrics that it `may_affect`."""

    where: str
    change: Note
    may_affect: tuple[str, ...]


def drift(
    now: Profile, before: Profile | None, client: Client, readers: dict[str, tuple[str, ...]]
) -> tuple[Drift, ...]:
    """What changed between two imports; nothing where there was none before.

    readers: the titles of the metrics that read a table, by its name, or a source ("source x").
    """
    if before is None:
        return ()
    changes = [*_sources(now, before, readers), *_tables(now, before, readers)]
    for table in (name for name in now.rows if name in before.rows):
        affected = readers.get(table, ())
        of_table = [*_rows(table, now, before), *_columns(table, now, before, client)]
        changes += [Drift(where, change, affected) for where, change in of_table]
    return tuple(changes)


# ---- What came and went -----------------------------------------------------------------------------------


def _sources(now: Profile, before: Profile, readers: dict[str, tuple[str, ...]]) -> Iterator[Drift]:
    for source in (name for name in now.headers if name in before.headers):
        added = [name for name in now.headers[source] if name not in before.headers[source]]
        removed = [name for name in before.headers[source] if name not in now.headers[source]]
        affected = readers.get(f"source {source}", ())
        for name in map(printable, added):
            yield Drift(f"{source}: {name}", Note("source_column_added", source=source, column=name), affected)
        for name in map(printable, removed):
            yield Drift(f"{source}: {name}", Note("source_column_removed", source=source, column=name), affected)


def _tables(now: Profile, before: Profile, readers: dict[str, tuple[str, ...]]) -> Iterator[Drift]:
    for name in (name for name in now.rows if name not in before.rows):
        yield Drift(name, Note("table_added", name=name), readers.get(name, ()))
    for name in (name for name in before.rows if name not in now.rows):
        yield Drift(name, Note("table_removed", name=name), readers.get(name, ()))


# ---- How many rows ----------------------------------------------------------------------------------------

_Change = tuple[str, Note]  # where, and what


def _rows(table: str, now: Profile, before: Profile) -> Iterator[_Change]:
    """A number of rows that fell by half, or is not what as many days as the data cover now should hold."""
    rows, was = now.rows[table], before.rows[table]
    days, days_before = _days(table, now), _days(table, before)
    expected = was * (days / days_before if days and days_before else 1)
    chance = 3 * sqrt(max(expected, 1) * (1 + expected / max(was, 1)))  # of a count that is expected from another
    fell = rows < (1 - HALF) * max(was, expected)
    if (fell or rows > (1 + HALF) * expected) and abs(rows - expected) > chance:
        length = {"days": days, "days_before": days_before} if days and days_before else {}
        yield table, Note("row_count", name=table, rows=rows, before=was, **length)


def _days(table: str, profile: Profile) -> int | None:
    """The days that a table's times span; of a table without any, the longest span among those of events."""
    if span := _span(table, profile):
        return span
    return max(filter(None, (_span(name, profile) for name in profile.rows if TABLES[name].of_events)), default=None)


def _span(table: str, profile: Profile) -> int | None:
    column = profile.columns[table].get(TABLES[table].time or "")
    if column is None or column.minimum is None:
        return None
    return (_time(column.maximum) - _time(column.minimum)).days + 1


# ---- What the columns hold --------------------------------------------------------------------------------


def _columns(table: str, now: Profile, before: Profile, client: Client) -> Iterator[_Change]:
    columns, earlier = now.columns[table], before.columns[table]
    personal = personal_columns(client, table, list(now.columns[table]))
    for name in columns:
        if name not in earlier:
            yield f"{table}.{name}", Note("column_added", name=f"{table}.{name}")
    for name, was in earlier.items():
        where = f"{table}.{name}"
        if name not in columns:
            yield where, Note("column_removed", name=where)
        elif columns[name].type != was.type:
            yield where, Note("column_type", name=where, type=columns[name].type, before=was.type)
        else:
            rows = now.rows[table], before.rows[table]
            yield from _missing(where, columns[name], was, rows)
            if _known(was, before.rows[table]) >= _ENOUGH:
                yield from _range(where, columns[name], was, now.day)
            if name == TABLES[table].time:
                yield from _cover(where, columns[name], was)
            if name not in personal:
                yield from _levels(where, columns[name], was, rows)


def _known(column: ColumnProfile, rows: int) -> float:
    return rows * (1 - column.missing)


def _missing(where: str, now: ColumnProfile, was: ColumnProfile, rows: tuple[int, int]) -> Iterator[_Change]:
    if not all(rows):
        return
    moved = abs(now.missing - was.missing)
    both = (now.missing * rows[0] + was.missing * rows[1]) / sum(rows)
    chance = _ERRORS * sqrt(both * (1 - both) * (1 / rows[0] + 1 / rows[1]))
    from_none = was.missing == 0 and now.missing * rows[0] > max(FROM_NONE * rows[0], _unseen(rows))
    if moved > max(POINTS, chance) or from_none:
        yield where, Note("missing_values", name=where, share=now.missing, before=was.missing)


def _unseen(rows: tuple[int, int]) -> float:
    """How many of the rows that came may well be of a kind that was not among those before: the rule of three."""
    now, before = rows
    return 3 * max(now - before, 0) / before if before else now


def _range(where: str, now: ColumnProfile, was: ColumnProfile, today: str) -> Iterator[_Change]:
    if now.minimum is None or was.minimum is None:
        return
    least, most, low, high = (_figure(text, now.type) for text in (now.minimum, now.maximum, was.minimum, was.maximum))
    width = high - low or abs(high) or 1.0
    if now.type in NUMBERS:
        other = max(high, most) - min(low, least) > TIMES * width or most - least < (high - low) / TIMES
    else:  # newer times are what growing data bring; times to come are not
        other = least < low - width or (most > high + width and now.maximum[:10] > today)
    if other:
        earlier = {"minimum_before": was.minimum, "maximum_before": was.maximum}
        yield where, Note("range", name=where, minimum=now.minimum, maximum=now.maximum, **earlier, type=now.type)


def _cover(where: str, now: ColumnProfile, was: ColumnProfile) -> Iterator[_Change]:
    """Times that end earlier than before, or begin much later: an older or a shorter export."""
    if now.minimum is None or was.minimum is None:
        return
    least, most, low, high = (_time(text) for text in (now.minimum, now.maximum, was.minimum, was.maximum))
    if most < high:
        yield where, Note("ends_earlier", name=where, ends=now.maximum, before=was.maximum)
    if least - low > LOST * (high - low) and (least - low).days >= 1:
        yield where, Note("begins_later", name=where, begins=now.minimum, before=was.minimum)


def _levels(where: str, now: ColumnProfile, was: ColumnProfile, rows: tuple[int, int]) -> Iterator[_Change]:
    if was.levels is None:
        return
    if now.levels is None:
        # Without levels there are more than MAX_LEVELS, or more than a profile counts in so few rows.
        doubled = 2 * len(was.levels)
        if doubled <= MAX_LEVELS and _known(now, rows[0]) >= MIN_ROWS_PER_LEVEL * doubled:
            yield where, Note("many_levels", name=where, more_than=doubled, before=len(was.levels))
        return
    least = max(OF_NEW_ROWS * (max(rows[0] - rows[1], 0) or rows[0]), _unseen(rows))
    added = [level for level, n in now.levels.items() if level not in was.levels and n > least]
    removed = [level for level, n in was.levels.items() if level not in now.levels and n >= WAS_COMMON * rows[1]]
    if added:
        yield where, Note("levels_added", name=where, levels=added)
    if removed:
        yield where, Note("levels_removed", name=where, levels=removed)


def _figure(text: str, type_: str) -> float:
    """A number, or a time in days."""
    return float(text) if type_ in NUMBERS else (_time(text) - datetime(1970, 1, 1)).total_seconds() / 86_400


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
