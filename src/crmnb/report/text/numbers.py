"""Numbers and dates as the client's locale writes them, with as many digits as their interval supports."""

import math
import re
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from functools import cache

from babel import Locale
from babel.dates import format_date, format_interval, format_skeleton
from babel.numbers import (
    format_compact_currency,
    format_currency,
    format_decimal,
    format_percent,
    get_currency_precision,
)

from crmnb.core.errors import InputError
from crmnb.core.period import Period
from crmnb.schema.client import Client

MINUS = "\N{MINUS SIGN}"
_GROUPED = re.compile(r"\b\d{1,3}(?:,\d{3})+\b")
_PERCENTAGES = re.compile(r"(?<![\d.,])(\d+(\.\d+)?) ?%")
_DATES = re.compile(r"\b\d{4}(?:Q[1-4]|-\d\d(?:-\d\d(?:\.\.\d{4}-\d\d-\d\d)?)?)\b(?!-)")
YEAR = 365.25  # days
_ALIKE = 0.85  # of the longest part; a February is .9 of a month
_WHOLE_IS_ENOUGH = ("%", "points", "pts", "count", "money", "months")
_MILLION = 1_000_000  # from here on an amount is short on axes and in titles
_SMALLEST = 0.001  # as no more than three decimals are shown
_PLURAL = re.compile(r"\b\w+(?<![siu])s\b(?!')")
_SINGULAR_ENDS = {
    "ies": "y",
    "sses": "ss",
    "shes": "sh",
    "ches": "ch",
    "xes": "x",
    "s": "",
}  # the first that a noun has
_BARE = (
    "",
    "count",
    "scale",
    "ratio",
    "share",
    "hazard ratio",
    "percentile",
    "index",
)  # numbers that carry no word for what they are


def known(value: float | None) -> bool:
    """Whether there is a number at all."""
    return value is not None and math.isfinite(value)


def decimals_of(value: float, low: float = math.nan, high: float = math.nan, unit: str = "") -> int:
    """How many decimals to show: the last one is the first digit of the interval's half-width.

    +-3 points get none, +-0.3 one; nor do whole numbers with whole limits, as medians of days have. Without an interval, three
    digits in all. A count has none, years one; a small number in a unit such as orders per buyer has at least one; a hazard ratio
    two, since 0.47 is as far from 1 as 2.13.
    """
    if unit in ("count", "years"):
        return int(unit == "years")
    if unit != "hazard ratio" and _are_whole(value, low, high):
        return 0
    half = (high - low) / 2 if known(low) and known(high) else 0.0
    if all(abs(x) < _SMALLEST / 2 for x in (value, low, high)):
        return 0
    if half > 0:
        decimals = -math.floor(math.log10(half))
    elif not known(value) or _are_whole(value):
        decimals = 0
    else:
        decimals = 2 - math.floor(math.log10(abs(value)))
    least = (
        2 if unit == "hazard ratio" else 0 if unit in _WHOLE_IS_ENOUGH or not known(value) or abs(value) >= 10 else 1
    )
    return min(max(decimals, least), 3 if half > 0 else 1 if unit == "%" else 3)


def _are_whole(*numbers: float) -> bool:
    """Whether those of the numbers that there are have no decimals."""
    return all(float(x).is_integer() for x in numbers if known(x))


def common_decimals(rows, unit: str) -> int:
    """The decimals of values side by side: those of the middle one."""
    decimals = sorted(decimals_of(row.value, row.low, row.high, unit) for row in rows if known(row.value))
    return decimals[len(decimals) // 2] if decimals else 0


def change_decimals(change: float, low: float, high: float, unit: str) -> int:
    """As `decimals_of`, with one digit more where the half-width begins with 1 to 3: +-1.9 points get one decimal.

    A change is small next to the values that it lies between, and rounding it coarsely would show.
    """
    whole = unit in ("days", "months") and _are_whole(change, low, high)
    if unit == "count" or whole or not (known(low) and known(high)) or high <= low:
        return decimals_of(change, low, high, unit)
    half = (high - low) / 2
    power = math.floor(math.log10(half))
    return min(max((half < 3.55 * 10**power) - power, 0), 3)


def limit_decimals(value: float, low: float, high: float, decimals: int, unit: str) -> int:
    """The decimals of an interval: those of the value, or one more where the value would hide a limit."""
    if unit == "count" or not known(value):
        return decimals
    limits = [limit for limit in (low, high) if known(limit) and limit != value]
    hidden = any(_rounded(limit, decimals) == _rounded(value, decimals) for limit in limits)
    return decimals + 1 if hidden and decimals < 3 else decimals


def scale_end(value: float, unit: str, client: Client) -> str:
    """The end of a scale with all its decimals: `0.25`, as a reader measures lengths against it."""
    decimals = max(0, -int(Decimal(f"{value:.6g}").normalize().as_tuple().exponent))
    return short_quantity(value, unit, decimals, client)


def number(value: float, decimals: int, client: Client) -> str:
    """The number in the client's locale, rounded half up, with a true minus."""
    rounded = _rounded(value, decimals)
    written = format_decimal(rounded, format=_pattern(client.locale, decimals), locale=client.locale)
    return written.replace("-", MINUS)


def money(value: float, decimals: int, client: Client) -> str:
    """An amount in the client's currency; with decimals only where the interval supports them."""
    digits = get_currency_precision(client.currency) if decimals else 0
    pattern = Locale.parse(client.locale).currency_formats["standard"].pattern
    pattern = re.sub(r"0\.0+", f"0.{'0' * digits}" if digits else "0", pattern)
    rounded = _rounded(value, digits)
    written = format_currency(rounded, client.currency, pattern, client.locale, currency_digits=False)
    return written.replace("-", MINUS)


def short_money(value: float, client: Client, *, like: float | None = None, decimals: int = 2) -> str:
    """An amount for axes and titles: `€2.83M`, in full below a million.

    like: the amount that decides whether it is written in millions, where several stand together.
    """
    if abs(value if like is None else like) < _MILLION:
        return money(value, 0, client)
    million = format_compact_currency(_MILLION, client.currency, locale=client.locale, fraction_digits=0)
    if re.findall(r"\d+", million) != ["1"]:  # a locale without a word for a million
        return money(value, 0, client)
    written = million.replace("1", number(abs(value) / _MILLION, decimals, client))
    return f"{MINUS}{written}" if value < 0 else written


def quantity(value: float, unit: str, decimals: int, client: Client) -> str:
    """The number with its unit: `60%`, `12 points`, `£1,234 per day`, `2.4 orders per buyer`; ratios and counts bare."""
    if unit == "%":
        return percentage(value, decimals, client)
    if is_money(unit):
        return money(value, decimals, client) + unit.removeprefix("money")
    written = number(value, decimals, client)
    return written + unit_words(singular(unit) if written == "1" else unit)


def counted(n: float, plural: str, client: Client) -> str:
    """A number of things: `25 valid answers`, `1 open ticket`."""
    written = whole_number(n, client)
    return f"{written} {singular(plural) if written == '1' else plural}"


def singular(plural: str) -> str:
    """One of the things: `open ticket` of "open tickets", `order per buyer` of "orders per buyer"; its last plural is the noun."""
    head, per, tail = plural.partition(" per ")
    plurals = [*_PLURAL.finditer(head)]
    if not plurals:
        return plural
    noun = plurals[-1][0]
    end = next(filter(noun.endswith, _SINGULAR_ENDS))
    start = plurals[-1].start()
    return f"{head[:start]}{noun.removesuffix(end)}{_SINGULAR_ENDS[end]}{head[start + len(noun) :]}{per}{tail}"


def signed(value: float, unit: str, decimals: int, client: Client) -> str:
    """As `quantity`, with a plus where it is more than zero."""
    return f"{'+' if _rounded(value, decimals) > 0 else ''}{quantity(value, unit, decimals, client)}"


def short_quantity(value: float, unit: str, decimals: int, client: Client) -> str:
    """The number with the units that are short, as fits next to a point: `60%`, `£1,234`; any other bare."""
    return quantity(value, "money" if is_money(unit) else unit if unit == "%" else "", decimals, client)


def percentage(value: float, decimals: int, client: Client) -> str:
    """A percentage as the locale writes it: `76%` in English, with a space in German."""
    pattern = Locale.parse(client.locale).percent_formats[None].pattern
    pattern = pattern.replace("0", f"0.{'0' * decimals}") if decimals else pattern
    written = format_percent(_rounded(value, decimals) / 100, pattern, client.locale)
    return written.replace("-", MINUS)


def is_money(unit: str) -> bool:
    """Whether it is an amount: "money", "money per day"."""
    return unit.split(" ")[0] == "money"


def unit_words(unit: str) -> str:
    """What stands behind a number in that unit, with its space: ` days`, ` per day` of money, or ""."""
    if unit in _BARE:
        return ""
    if is_money(unit):
        return unit.removeprefix("money")
    return f" {unit}"


def limits_text(low: float, high: float, unit: str, decimals: int, client: Client) -> str:
    """Both limits of an interval: `23% to 88%`, `-8 to 31` (other units stand with the value); `412 days or more`."""
    if high == math.inf:
        return f"{quantity(low, unit, decimals, client)} or more"
    years = unit_words(unit) if unit == "years" else ""
    return " to ".join(short_quantity(limit, unit, decimals, client) for limit in (low, high)) + years


def signed_limits(low: float, high: float, unit: str, decimals: int, client: Client) -> str:
    """Both limits of a change with their signs: `-3.2 to +2.4 pts`."""
    short = unit if unit == "%" else "money" if is_money(unit) else ""
    tail = "" if unit == "%" else unit_words(unit)
    return " to ".join(signed(limit, short, decimals, client) for limit in (low, high)) + tail


def whole_number(value: float, client: Client) -> str:
    """A number of things, with the locale's thousands separator."""
    return number(value, 0, client)


def percent(share: float, client: Client) -> str:
    """A share of one as a whole percentage where it is one: `95%`, `99.5%`."""
    value = round(share * 100, 6)
    return percentage(value, 0 if float(value).is_integer() else 1, client)


def day(when: date | datetime, client: Client) -> str:
    """A day as people of the locale write it: `9 December 2010`."""
    return format_date(when, "long", locale=client.locale)


def localised(text: str, client: Client) -> str:
    """The text with each 2010-12-09, 2010-12, 2010Q4, range of days, 12,345 and 71 % as people of the locale write it."""
    text = _PERCENTAGES.sub(lambda match: percentage(float(match[1]), len(match[2] or ".") - 1, client), text)
    text = _GROUPED.sub(lambda match: whole_number(int(match[0].replace(",", "")), client), text)
    return _DATES.sub(lambda match: _date_or_text(match[0], client), text)


def period_name(label: str, client: Client) -> str:
    """A period's or part's label in words: `2025`, `Q4 2025`, `March 2025`, `6-12 Oct 2025`."""
    fiscal = label.startswith("FY")
    if len(label) == 4 or (fiscal and "Q" not in label):
        return label
    if fiscal:
        return f"{label[-2:]} {label[:-2]}"
    period = _period(label, client)
    if period.months == 3 and period.start.month % 3 == 1:
        return format_date(period.start, "QQQ y", locale=client.locale)
    if period.months == 1:
        return format_skeleton("yMMMM", period.start, locale=client.locale)
    if period.days == 1:
        return day(period.start, client)
    return format_interval(period.start.date(), period.last_day, "yMMMd", locale=client.locale)


def part_name(label: str, within: Period, client: Client) -> str:
    """A part's name inside its period, without a year that goes without saying: `March`, `6-12 Oct`."""
    part = _period(label, client)
    same_year = within.start.year == (within.end - timedelta(days=1)).year
    if not same_year:
        return period_name(label, client)
    if part.months == 1:
        return format_date(part.start, "LLLL", locale=client.locale)
    if part.days == 1:
        return format_skeleton("MMMd", part.start, locale=client.locale)
    return format_interval(part.start.date(), part.last_day, "MMMd", locale=client.locale)


def part_tick(label: str, first: bool, client: Client) -> str:
    """A part under an axis: the month in short, or the first day; below the first and each January, the year."""
    part = _period(label, client)
    year = f"\n{part.start.year}" if first or (part.months == 1 and part.start.month == 1) else ""
    if part.months == 1 or (part.days > 7 and part.start.day == 1):
        month = format_date(part.start, "LLL", locale=client.locale)
        return month.replace("Sept", "Sep") + year  # as short as "Oct"
    return format_skeleton("MMMd", part.start, locale=client.locale) + year


def part_start(label: str, client: Client) -> datetime:
    """When a part begins: what parts are sorted by."""
    return _period(label, client).start


def is_cut(label: str, within: Period, client: Client) -> bool:
    """Whether a part is much shorter than the others: cut at the edge of a period that does not end with a month or week."""
    return _period(label, client).days < _ALIKE * max(part.days for part in within.parts)


def _period(label: str, client: Client) -> Period:
    return _parsed(label, client.fiscal_year_starts)


@cache
def _parsed(label: str, fiscal_year_starts: int) -> Period:
    return Period.parse(label, fiscal_year_starts)


def _date_or_text(text: str, client: Client) -> str:
    try:
        return day(date.fromisoformat(text), client) if len(text) == 10 else period_name(text, client)
    except (ValueError, InputError):  # no such day
        return text


def _rounded(value: float, decimals: int) -> Decimal:
    """Rounded half up as people do, from 12 significant digits, so that 2.675 is not 2.67; never a negative zero."""
    exact = Decimal(f"{float(value):.12g}")
    rounded = exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    return abs(rounded) if rounded == 0 else rounded


@cache
def _pattern(locale: str, decimals: int) -> str:
    whole = Locale.parse(locale).decimal_formats[None].pattern.split(".")[0]
    return f"{whole}.{'0' * decimals}" if decimals else whole
