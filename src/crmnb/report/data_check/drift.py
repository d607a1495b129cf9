"""Drift: what is otherwise in a client's data than at the intake before, beyond what growing data bring with them."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from math import sqrt

from crmnb.core.bidi import strip_controls
from crmnb.intake.audit import MAX_LEVELS, ColumnProfile, Profile
from crmnb.intake.personal_data import personal_columns
from crmnb.intake.profile import MIN_ROWS_PER_LEVEL
from crmnb.report.html import printable
from crmnb.report.text.numbers import day, number, percent, whole_number
from crmnb.schema.client import Client
from crmnb.schema.tables import TABLES

# The thresholds, each with its reason. Data that merely grew by a month move nothing beyond them.
_POINTS = 0.05  # of the share of missing: a month is 4 % of two years' rows, so growing alone moves it by less
_FROM_NONE = 0.005  # a column that was never empty was a promise; half a percent is more than a slip or two
_OF_NEW_ROWS = 0.01  # a new category is one in a hundred of the rows that came; fewer move no figure
_WAS_COMMON = 0.01  # a category that vanished was one in a hundred rows; a rarer one may just not occur
_HALF = 0.5  # of the rows for each day of the data: a season moves a year's data by far less
_LOST = 0.25  # of the days that the data covered: a window that moves with the months loses far less at once
_TIMES = 10  # the old range: a misread decimal mark moves amounts by 100, the largest order yet by less
_ERRORS = 2  # standard errors within which a share that moved may be chance, in tables of few rows
_ENOUGH = 20  # values at least, or their range says little about the next ones
_NUMBERS = {"DOUBLE", "BIGINT", "DECIMAL(18, 4)"}
_MOST_NAMED = 5

RULES = (
    f"share of missing values: moved by more than {_POINTS:.0%} of the rows, or from none to more than {_FROM_NONE:.1%}",
    f"numbers: a range {_TIMES} times as wide as before, or {_TIMES} times as narrow",
    "times: before the old ones by more than those span, or as far after them and yet to come; an end that is earlier; a "
    f"beginning that is later by more than {_LOST:.0%} of the span",
    f"categories: new ones that are more than {_OF_NEW_ROWS:.0%} of the rows that came, and vanished ones that were "
    f"{_WAS_COMMON:.0%} or more of all rows",
    f"rows: more than {_HALF:.0%} more or fewer for each day that the data cover, or that many fewer in all",
    "columns, tables and types: each that came, went or changed",
    "In tables of few rows, what may well be chance is left out.",
)


@dataclass(frozen=True)
class Drift:
    """Something that changed: `where` (table.column, table or source), the state `before` and `now`, the same as a sentence, and
    the titles of the metrics that it `may_affect`."""

    where: str
    before: str
    now: str
    words: str
    may_affect: tuple[str, ...]


def drift(
    now: Profile, before: Profile | None, client: Client, readers: dict[str, tuple[str, ...]]
) -> tuple[Drift, ...]:
    """What changed between two intakes; nothing where there was none before.

    readers: the titles of the metrics that read a table, by its name, or a source ("source x").
    """
    if before is None:
        return ()
    found = [*_sources(now, before, readers), *_tables(now, before, readers)]
    for table in (name for name in now.rows if name in before.rows):
        affected = readers.get(table, ())
        told = [*_rows(table, now, before, client), *_columns(table, now, before, client)]
        found += [Drift(where, was, is_, words, affected) for where, was, is_, words in told]
    return tuple(found)


# ---- What came and went -----------------------------------------------------------------------------------


def _sources(now: Profile, before: Profile, readers: dict[str, tuple[str, ...]]) -> Iterator[Drift]:
    for source in (name for name in now.headers if name in before.headers):
        came = [name for name in now.headers[source] if name not in before.headers[source]]
        went = [name for name in before.headers[source] if name not in now.headers[source]]
        affected = readers.get(f"source {source}", ())
        for name in map(printable, came):
            told = f"The source {source} has a column {name!r} that was not there before."
            yield Drift(f"{source}: {name}", "not there", "there", told, affected)
        for name in map(printable, went):
            told = f"The source {source} no longer has the column {name!r}."
            yield Drift(f"{source}: {name}", "there", "not there", told, affected)


def _tables(now: Profile, before: Profile, readers: dict[str, tuple[str, ...]]) -> Iterator[Drift]:
    for name in now.rows:
        if name not in before.rows:
            yield Drift(name, "not there", "there", f"The table {name} is new.", readers.get(name, ()))
    for name in before.rows:
        if name not in now.rows:
            yield Drift(name, "there", "not there", f"The table {name} is no longer there.", readers.get(name, ()))


# ---- How many rows ----------------------------------------------------------------------------------------

_Told = tuple[str, str, str, str]  # where, before, now, in a sentence


def _rows(table: str, now: Profile, before: Profile, client: Client) -> Iterator[_Told]:
    """A number of rows that fell by half, or is not what as many days as the data cover now should hold."""
    rows, was = now.rows[table], before.rows[table]
    days, days_before = _days(table, now), _days(table, before)
    expected = was * (days / days_before if days and days_before else 1)
    chance = 3 * sqrt(max(expected, 1) * (1 + expected / max(was, 1)))  # of a count that is expected from another
    fell = rows < (1 - _HALF) * max(was, expected)
    if (fell or rows > (1 + _HALF) * expected) and abs(rows - expected) > chance:
        said, said_before = whole_number(rows, client), whole_number(was, client)
        covers = f" for {days:,} days, before for {days_before:,}" if days and days_before else ""
        yield table, said_before, said, f"{table} has {said} rows, before {said_before}{covers}."


def _days(table: str, profile: Profile) -> int | None:
    """The days that a table's times span; of a table without any, the longest span among those of events."""
    if found := _span(table, profile):
        return found
    return max(filter(None, (_span(name, profile) for name in profile.rows if TABLES[name].of_events)), default=None)


def _span(table: str, profile: Profile) -> int | None:
    column = profile.columns[table].get(TABLES[table].time or "")
    if column is None or column.minimum is None:
        return None
    return (_time(column.maximum) - _time(column.minimum)).days + 1


# ---- What the columns hold --------------------------------------------------------------------------------


def _columns(table: str, now: Profile, before: Profile, client: Client) -> Iterator[_Told]:
    columns, earlier = now.columns[table], before.columns[table]
    personal = personal_columns(client, table, list(now.columns[table]))
    for name in columns:
        if name not in earlier:
            yield f"{table}.{name}", "not there", "there", f"{table}.{name} is new."
    for name, was in earlier.items():
        where = f"{table}.{name}"
        if name not in columns:
            yield where, "there", "not there", f"{where} is no longer there."
        elif columns[name].type != was.type:
            kinds = _kind(was.type), _kind(columns[name].type)
            yield where, *kinds, f"{where} holds {kinds[1]}, before {kinds[0]}."
        else:
            rows = now.rows[table], before.rows[table]
            yield from _missing(where, columns[name], was, rows, client)
            if _known(was, before.rows[table]) >= _ENOUGH:
                yield from _range(where, columns[name], was, now.day, client)
            if name == TABLES[table].time:
                yield from _cover(where, columns[name], was, client)
            if name not in personal:
                yield from _levels(where, columns[name], was, rows)


def _known(column: ColumnProfile, rows: int) -> float:
    return rows * (1 - column.missing)


def _kind(type_: str) -> str:
    kinds = {"VARCHAR": "text", "TIMESTAMP": "times", "BOOLEAN": "yes or no", "BIGINT": "whole numbers"}
    return kinds.get(type_, "amounts" if type_.startswith("DECIMAL") else "numbers")


def _missing(
    where: str, now: ColumnProfile, was: ColumnProfile, rows: tuple[int, int], client: Client
) -> Iterator[_Told]:
    if not all(rows):
        return
    moved = abs(now.missing - was.missing)
    both = (now.missing * rows[0] + was.missing * rows[1]) / sum(rows)
    chance = _ERRORS * sqrt(both * (1 - both) * (1 / rows[0] + 1 / rows[1]))
    from_none = was.missing == 0 and now.missing * rows[0] > max(_FROM_NONE * rows[0], _unseen(rows))
    if moved > max(_POINTS, chance) or from_none:
        said, said_before = (percent(share, client) for share in (now.missing, was.missing))
        yield where, said_before, said, f"{where} is missing in {said} of the rows, before in {said_before}."


def _unseen(rows: tuple[int, int]) -> float:
    """How many of the rows that came may well be of a kind that was not among those before: the rule of three."""
    now, before = rows
    return 3 * max(now - before, 0) / before if before else now


def _range(where: str, now: ColumnProfile, was: ColumnProfile, today: str, client: Client) -> Iterator[_Told]:
    if now.minimum is None or was.minimum is None:
        return
    least, most, low, high = (_figure(text, now.type) for text in (now.minimum, now.maximum, was.minimum, was.maximum))
    width = high - low or abs(high) or 1.0
    if now.type in _NUMBERS:
        other = max(high, most) - min(low, least) > _TIMES * width or most - least < (high - low) / _TIMES
    else:  # newer times are what growing data bring; times to come are not
        other = least < low - width or (most > high + width and now.maximum[:10] > today)
    if other:
        said, said_before = _from_to(now, client), _from_to(was, client)
        yield where, said_before, said, f"{where} goes {said}, before {said_before}."


def _cover(where: str, now: ColumnProfile, was: ColumnProfile, client: Client) -> Iterator[_Told]:
    """Times that end earlier than before, or begin much later: an older or a shorter export."""
    if now.minimum is None or was.minimum is None:
        return
    least, most, low, high = (_time(text) for text in (now.minimum, now.maximum, was.minimum, was.maximum))
    if most < high:
        said, said_before = day(most, client), day(high, client)
        yield where, said_before, said, f"{where} ends on {said}, before on {said_before}: is this an older export?"
    if least - low > _LOST * (high - low) and (least - low).days >= 1:
        said, said_before = day(least, client), day(low, client)
        yield where, said_before, said, f"{where} begins on {said}, before on {said_before}: the days between are gone."


def _levels(where: str, now: ColumnProfile, was: ColumnProfile, rows: tuple[int, int]) -> Iterator[_Told]:
    if was.levels is None:
        return
    if now.levels is None:
        # Without levels there are more than MAX_LEVELS, or more than a profile counts in so few rows.
        doubled = 2 * len(was.levels)
        if doubled <= MAX_LEVELS and _known(now, rows[0]) >= MIN_ROWS_PER_LEVEL * doubled:
            many = f"more than {doubled} different values"
            yield where, f"{len(was.levels)} values", many, f"{where} holds {many}, before {len(was.levels)}."
        return
    least = max(_OF_NEW_ROWS * (max(rows[0] - rows[1], 0) or rows[0]), _unseen(rows))
    came = [level for level, n in now.levels.items() if level not in was.levels and n > least]
    went = [level for level, n in was.levels.items() if level not in now.levels and n >= _WAS_COMMON * rows[1]]
    if came:
        yield where, "not there", _named(came), f"{where} holds new categories: {_named(came)}."
    if went:
        yield where, _named(went), "not there", f"{where} no longer holds these categories: {_named(went)}."


# ---- In words ---------------------------------------------------------------------------------------------


def _named(levels: list[str]) -> str:
    more = f" and {len(levels) - _MOST_NAMED} more" if len(levels) > _MOST_NAMED else ""
    return ", ".join(repr(strip_controls(printable(level, 40))) for level in levels[:_MOST_NAMED]) + more


def _from_to(column: ColumnProfile, client: Client) -> str:
    return f"from {_written(column.minimum, column.type, client)} to {_written(column.maximum, column.type, client)}"


def _written(text: str, type_: str, client: Client) -> str:
    if type_ not in _NUMBERS:
        return day(_time(text), client)
    decimals = 0 if float(text).is_integer() else 2
    return number(float(text), decimals, client)


def _figure(text: str, type_: str) -> float:
    """A number, or a time in days."""
    return float(text) if type_ in _NUMBERS else (_time(text) - datetime(1970, 1, 1)).total_seconds() / 86_400


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
