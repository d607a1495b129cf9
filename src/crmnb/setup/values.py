"""The form of texts: times with their formats, numbers with their marks, personal data, words."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import product

_DAYS = (
    *("%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d-%m-%Y", "%m-%d-%Y", "%d.%m.%Y", "%Y/%m/%d", "%Y.%m.%d", "%Y%m%d"),
    *("%d/%m/%y", "%m/%d/%y", "%d-%m-%y", "%m-%d-%y", "%d.%m.%y", "%b %d, %Y", "%B %d, %Y", "%d %b %Y", "%d-%b-%Y"),
    *("%d-%b-%y", "%d %B %Y"),
)
_CLOCKS = (
    *("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", "T%H:%M", "T%H:%M:%S", "T%H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p"),
    *(", %I:%M:%S %p", ", %I:%M %p", ", %H:%M", ", %H:%M:%S"),
)
_MONTHS = ("%Y-%m", "%b-%y", "%b %Y", "%B %Y", "%m/%Y", "%Y/%m", "%Y%m")
_MARK = re.compile(r"(?P<blank>\s*)(?P<mark>Z|UTC|GMT(?:[+-]\d{1,2}(?::?\d{2})?)?|[+-]\d{2}:?\d{2})$")
_ISO = re.compile(r"%Y-%m-%d([ T]%H:%M(:%S(\.%f)?)?)?$")
_ISO_FORMS = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d", "%Y-%m-%d %H:%M")
_EPOCHS = (("epoch_s", 1), ("epoch_ms", 10**3), ("epoch_us", 10**6))
_EARLIEST, _LATEST = 946_684_800, 4_102_444_800  # 2000 to 2100, in seconds: other numbers are no times
_NUMBER = re.compile(r"[+-]?[\d.,'\u2019 \u00a0\u202f]*\d[\d.,'\u2019]*-?$")
_CODES = "EUR|USD|GBP|CHF|JPY|SEK|NOK|DKK|PLN|CZK|HUF|CAD|AUD|NZD|INR|BRL|MXN|ZAR|CNY|KRW|TRY|SGD|HKD|ILS|AED|RON"
_SIGN = rf"[$€£¥₹₩₽₺₪₫฿₴%]|{_CODES}|(?:US|A|C|R|NZ|HK|S)\$|kr\.?|Kč|zł|Ft|lei|Fr\.?"
SIGNS = {  # of which the currency is known
    **{code: code for code in _CODES.split("|")},
    **{
        "€": "EUR",
        "£": "GBP",
        "US$": "USD",
        "A$": "AUD",
        "C$": "CAD",
        "NZ$": "NZD",
        "HK$": "HKD",
        "R$": "BRL",
        "S$": "SGD",
    },
    **{"₹": "INR", "₩": "KRW", "₺": "TRY", "₪": "ILS", "Kč": "CZK", "zł": "PLN", "Ft": "HUF"},
}
_PERSONAL = {
    "an e-mail address": re.compile(r"[^@\s]+@[^@\s]+\.[a-z]{2,}$", re.IGNORECASE),
    "a phone number": re.compile(r"\+\d[\d ()/-]{7,}$|\(\d{3}\) ?\d{3}-\d{4}$"),
    "an IP address": re.compile(r"\d{1,3}(\.\d{1,3}){3}$"),
}
MISSING_CODES = {
    "n/a",
    "na",
    "-",
    "--",
    "null",
    "none",
    "nan",
    "#n/a",
    "?",
}  # which stand for no value, in small letters
MOST_VALUES = 2_000  # distinct values of a column that are tried


@dataclass(frozen=True)
class Times:
    """The formats in which all values of a column are times, and their marks of a zone.

    `formats` are alternatives, of which any reads all values. `mixed` are formats that read them only together. `mark`: "" for
    local time, "offset" (also Z), or "UTC". `first` and `last` are days.
    """

    formats: tuple[str, ...] = ()
    mixed: tuple[str, ...] = ()
    mark: str = ""
    is_month: bool = False
    first: str = ""
    last: str = ""

    @property
    def is_iso(self) -> bool:
        """Whether no format need be declared."""
        return len(self.formats) == 1 and bool(_ISO.match(self.formats[0]))


@dataclass(frozen=True)
class Numbers:
    """The marks with which all values of a column are numbers. `is_ambiguous`: the only mark may be either of the two."""

    decimal: str = "."
    thousands: str = ""
    signs: tuple[str, ...] = ()
    low: float = 0
    high: float = 0
    is_whole: bool = True
    is_ambiguous: bool = False


def times_of(values: Sequence[str], unreadable: float = 0.0) -> Times | None:
    """The formats of times; None unless all values but this share are times."""
    if not values:
        return None
    if all(value.isdigit() and len(value) >= 10 for value in values):
        return _epochs_of(values)
    full = _formats_of(values, [f"{day}{clock}" for day, clock in product(_DAYS, _CLOCKS)], unreadable)
    return full or _months_of(values)


def _epochs_of(values: Sequence[str]) -> Times | None:
    for name, factor in _EPOCHS:
        if all(_EARLIEST * factor <= int(value) < _LATEST * factor for value in values):
            days = [datetime.fromtimestamp(int(value) / factor, UTC).date().isoformat() for value in values]
            return Times((name,), mark="UTC", first=min(days), last=max(days))
    return None


def _formats_of(values: Sequence[str], candidates: Sequence[str], unreadable: float) -> Times | None:
    enough = (1 - unreadable) * len(values)
    marks = [_MARK.search(value) if ":" in value else None for value in values]
    marked = sum(mark is not None for mark in marks) >= enough
    pairs = [(value, mark) for value, mark in zip(values, marks, strict=True) if (mark is not None) == marked]
    bare = [value[: mark.start()] if mark else value for value, mark in pairs]
    likely = [form for form in candidates if any(_parsed(value, form) for value in bare[:20])]
    counts = {form: sum(_parsed(value, form) is not None for value in bare) for form in likely}
    most = max(counts.values(), default=0)
    formats = [form for form in likely if counts[form] == most >= max(enough, 1)]
    if not formats:  # ISO times of which some have parts of a second, as the import reads them all
        formats = [form for form in _ISO_FORMS if counts.get(form)][:1]
        read = sum(any(_parsed(value, form + end) for form in _ISO_FORMS for end in ("", ".%f")) for value in bare)
        if not formats or read < enough:
            return None
    moments = [moment for value in bare if (moment := _parsed(value, formats[0]))]
    names = {mark["mark"] for _, mark in pairs if mark}
    kind = "" if not names else "UTC" if names <= {"UTC", "GMT"} else "offset"
    blank = next((mark["blank"] for _, mark in pairs if mark), "")
    if names and not any(_ISO.match(form) for form in formats):
        formats = [form + _directive(names, blank) for form in formats]
    elif kind == "UTC":
        formats = [f"{form}{blank}{min(names)}" for form in formats]
    return Times(tuple(formats), mark=kind, first=min(moments).date().isoformat(), last=max(moments).date().isoformat())


def _directive(names: set[str], blank: str) -> str:
    """The end of a format for a mark: itself if there is only one that names a zone, otherwise the offset."""
    return blank + (min(names) if names <= {"UTC", "GMT"} else "%z")


def _months_of(values: Sequence[str]) -> Times | None:
    formats = [form for form in _MONTHS if all(_parsed(value, form) for value in values)]
    mixed: tuple[str, ...] = ()
    if not formats:
        mixed = tuple(form for form in _MONTHS if any(_parsed(value, form) for value in values))
        readings = [[form for form in mixed if _parsed(value, form)] for value in values]
        if not mixed or any(len(forms) != 1 for forms in readings):
            return None
    months = [next(m for form in formats or mixed if (m := _parsed(value, form))) for value in values]
    span = sorted(month.date().isoformat() for month in months)
    return Times(tuple(formats), mixed, is_month=True, first=span[0], last=span[-1])


def _parsed(value: str, form: str) -> datetime | None:
    try:
        moment = datetime.strptime(value, form)
    except ValueError:
        return None
    return moment if 1900 <= moment.year < 2200 else None


def numbers_of(values: Sequence[str], unreadable: float = 0.0) -> Numbers | None:
    """The marks of numbers; None unless all values but this share are numbers. With leading zeros they are keys, not numbers."""
    parts = [_without_sign(value) for value in values]
    readable = [(number, sign) for number, sign in parts if _NUMBER.match(number) and not re.match(r"[+-]?0\d", number)]
    signs = {sign for _, sign in readable} - {""}
    if not values or not readable or len(readable) < (1 - unreadable) * len(values) or len(signs) > 3:
        return None
    marks = _marks_of(number.strip("+-").strip() for number, _ in readable)
    if marks is None:
        return None
    decimal, thousands, is_ambiguous = marks
    numbers = [_to_float(number, decimal, thousands) for number, _ in readable]
    if any(number is None for number in numbers):
        return None
    whole = all(number == int(number) for number in numbers)
    return Numbers(decimal, thousands, tuple(sorted(signs)), min(numbers), max(numbers), whole, is_ambiguous)


def _without_sign(value: str) -> tuple[str, str]:
    """A number without its currency sign and its brackets, and the sign."""
    inner = value.strip()
    negative = inner.startswith("(") and inner.endswith(")")
    inner = inner[1:-1] if negative else inner
    match = re.match(rf"([+-]?)\s*({_SIGN})?\s*([+-]?)(.*?)\s*({_SIGN})?(-?)$", inner)
    if not match:
        return inner, ""
    before, left, inside, number, right, after = match.groups()
    minus = "-" if negative or "-" in (before, inside, after) else ""
    return minus + number, left or right or ""


def _marks_of(digits: Iterable[str]) -> tuple[str, str, bool] | None:
    """The decimal mark and the thousands separator, and whether the only mark may be either."""
    texts = list(digits)
    used = {mark for text in texts for mark in text if not mark.isdigit()} - {"-"}
    used = {" " if mark in "\u00a0\u202f" else "'" if mark == "\u2019" else mark for mark in used}
    if not used:
        return ".", "", False
    grouped = r"\d{{1,3}}({0}\d{{3}})+"
    if len(used) == 1:
        (mark,) = used
        with_mark = [text for text in texts if mark in text]
        if mark in " '":
            return (".", mark, False) if all(re.fullmatch(grouped.format(mark), t) for t in with_mark) else None
        if all(re.fullmatch(grouped.format(re.escape(mark)), text) for text in with_mark):
            several = any(text.count(mark) > 1 for text in with_mark)
            return ("," if mark == "." else ".", mark, not several)
        return (mark, "", False) if all(text.count(mark) == 1 for text in with_mark) else None
    if len(used) == 2:
        last = {max((text.rfind(mark), mark) for mark in used)[1] for text in texts if all(m in text for m in used)}
        if len(last) == 1:
            (decimal,) = last
            return decimal, *(used - {decimal}), False
        if not last and used & {" ", "'"}:
            (decimal,) = used & {".", ","} or {"."}
            return decimal, *(used - {decimal}), False
        if not last:  # none holds both: the one with three digits behind it in all values separates thousands
            groups = [m for m in used if all(re.fullmatch(grouped.format(re.escape(m)), t) for t in texts if m in t)]
            if len(groups) == 1:
                return *(used - {groups[0]}), groups[0], False
    return None


def _to_float(number: str, decimal: str, thousands: str) -> float | None:
    text = re.sub("[\u00a0\u202f]", " ", number).replace("\u2019", "'")
    text = text.replace(thousands, "") if thousands else text
    try:
        return float(text.replace(decimal, ".").replace(" ", ""))
    except ValueError:
        return None


def personal_kind(values: Sequence[str]) -> str:
    """What personal datum the values are, such as an e-mail address; "" if they are none. Half of them suffice."""
    for kind, pattern in _PERSONAL.items():
        if values and sum(bool(pattern.match(value)) for value in values) >= len(values) / 2:
            return kind
    return ""


def normalised(text: str) -> str:
    """A header or a word for comparison: small letters without accents, words apart."""
    import unicodedata

    text = re.sub(r"\((utc|gmt)\)", " ", text, flags=re.IGNORECASE)
    text = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", text).lower().replace("ß", "ss")
    text = "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))
    return " ".join(re.findall(r"\w+", text.replace("_", " ")))
