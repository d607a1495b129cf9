"""The explanation to a client: rules that a text of at most 50 words keeps, and the rubric by which a mentor reads it."""

import re
from collections.abc import Mapping
from types import MappingProxyType

WORDS = 50

_AMOUNT = r"[-+\N{MINUS SIGN}]?[\N{POUND SIGN}\N{EURO SIGN}$]?\d[\d.,]*"
_BASE = "the base: of how many (n = 13, out of 13 answers)"
_INTERVAL = "the interval: from where to where"
# What the text must name, and how it is recognised.
NEEDED = {
    _BASE: re.compile(
        r"\bn\s*=\s*\d|\bbased on \d|\b(?:of|from|out of|among|by|based on)\s+(?:(?:all|the|only|just)\s+)*"
        r"(?:(?!(?:19|20)\d\d\b)\d[\d.,]*|[a-z]+teen|[a-z]+ty|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve)\b"
        r"(?!\s*(?:%|per ?cent|points?|hours?|days?|to\b))"
        r"|\b\d[\d.,]*\s+(?:answers?|customers?|orders?|people|respondents?|replies|tickets?|invitations?|leads?|visits?|"
        r"sessions?|rows?|cases?|buyers?|sales)\b",
        re.IGNORECASE,
    ),
    _INTERVAL: re.compile(
        rf"{_AMOUNT}\s*(?:\w+\s*|%\s*)?(?:to|and|\N{{EN DASH}}|\.\.\.?)\s*{_AMOUNT}|\d\s*(?:%|points?)?\s*-\s*\d"
        r"|(?:\+/-|\N{PLUS-MINUS SIGN})\s*\d|\bgive or take\b|\bor more\b",
        re.IGNORECASE,
    ),
    "a comparison: with a year, a target or another group": re.compile(
        r"\b(?:than|compared|versus|vs\.?|against|from (?:19|20)\d\d|in (?:19|20)\d\d|year before|last year|previous|before|target|"
        r"unchanged|same as|up from|down from|no (?:detectable )?change|no comparison)\b",
        re.IGNORECASE,
    ),
}

NEEDED_WITHOUT_INTERVAL = {
    "that all were counted, or that there is no interval": re.compile(
        r"\b(?:all|every|no (?:confidence )?interval|not a sample|counted)\b", re.IGNORECASE
    )
}
NEEDED_WITHOUT_FIGURE = {
    "that there is no figure": re.compile(
        r"\b(?:not available|unavailable|no figure|no value|cannot|can't|not (?:be )?(?:shown|computed|reached|known))\b",
        re.IGNORECASE,
    ),
    "the reason": re.compile(
        r"\b(?:because|since|as|needs?|requires?|too few|fewer|lacks?|without|missing)\b", re.IGNORECASE
    ),
}

# What it must not say, and why.
BARRED = {
    r"\bsignifican(?:t|tly|ce)\b": '"significant" sounds like important; say what the interval allows',
    r"\bpro(?:ves?|ved|ven|of)\b": '"proves": figures from a sample prove nothing; they make something more or less plausible',
    r"\bcaus(?:es?|ed|ing)\b|\bbecause of\b|\bthanks to\b|\bled to\b|\bdue to\b": (
        "a cause: two figures of the same time do not show that one brought about the other"
    ),
    r"\b(?:above|below|better than|worse than|beats?|over|under)\s+(?:the\s+|our\s+)?(?:industry|sector|market|branch)\s*"
    r"(?:average|standard|mean|norm|benchmark)?\b": "a comparison with the industry without its source",
}
_SOURCE = re.compile(
    r"\bsource\b|\baccording to\b|\([A-Z][^)]*\b(?:19|20)\d\d\)|\b[A-Z]\w+,? (?:19|20)\d\d\b", re.UNICODE
)

# What the mentor reads for, a point each.
RUBRIC = (
    "Right: the figure, its base and its period are those of the report.",
    "Plain: the client understands each word at first hearing.",
    "Honest: it says how far the figure may be off, in the client's terms.",
    "Bounded: it says what the figure does not tell.",
    "Useful: it says what to do or to ask next.",
)


def words_of(text: str) -> int:
    """How many words a text has: what stands between blanks, signs by themselves left out."""
    return sum(any(c.isalnum() for c in word) for word in text.split())


# A dash between two numbers is a range; before a number it is a sign, also in front of a currency.
_NUMBER = re.compile(
    r"(?P<sign>(?<![\w%])[-\N{MINUS SIGN}\N{EN DASH}]|\bminus\s+)?[\N{POUND SIGN}\N{EURO SIGN}$]?(?P<digits>\d[\d.,]*)",
    re.IGNORECASE,
)


def _numbers(text: str) -> list[str]:
    """The numbers of a text, as Python reads them: "-51" of "minus 51", "1200" of "1,200."."""
    matches = _NUMBER.finditer(text)
    return [("-" if match["sign"] else "") + match["digits"].rstrip(".,").replace(",", "") for match in matches]


def _names(text: str, figure: str) -> bool:
    """Whether a text names the numbers of a figure with their signs, perhaps rounded."""
    named = _numbers(text)

    def is_named(number: str) -> bool:
        return any(round(float(number), len(own.partition(".")[2])) == float(own) for own in named)

    return all(map(is_named, _numbers(figure)))


def faults(
    text: str,
    *,
    figures: Mapping[str, str] = MappingProxyType({}),
    has_figure: bool = True,
    has_base: bool = True,
    has_interval: bool = True,
) -> list[str]:
    """What is wrong with an explanation by the rules, in words; empty where nothing is.

    figures: what it must name, as the report words it, by what that is. has_figure, has_base, has_interval: what the result has. Of a count of all the text says so instead; where there is no figure, it says that,
    and why.
    """
    number = words_of(text)
    lines = [f"It has {number} words; at most {WORDS} are allowed."] if number > WORDS else []
    needed = dict(NEEDED) if has_figure else NEEDED_WITHOUT_FIGURE
    if has_figure and not has_base:
        del needed[_BASE]
    if has_figure and not has_interval:
        del needed[_INTERVAL]
        needed |= NEEDED_WITHOUT_INTERVAL
    lines += [f"It lacks {what}." for what, pattern in needed.items() if not pattern.search(text)]
    if not lines:
        lines = [f"It does not name {what}, {words}." for what, words in figures.items() if not _names(text, words)]
    for pattern, reason in BARRED.items():
        match = re.search(pattern, text, re.IGNORECASE)
        if match and not ("industry" in reason and _SOURCE.search(text)):
            lines.append(f"It says {match[0]!r}: {reason}.")
    return lines
