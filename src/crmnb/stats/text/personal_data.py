"""Removal of personal data from comments: e-mail and web addresses, account, card and telephone numbers, and names.

Checks. ISO/IEC 7812-1 annex B (Luhn, card numbers); ISO 13616-1 with ISO 7064 MOD 97-10 (IBAN). Recall on generated comments:
benchmarks/accuracy/personal_data.py. What it does not know: names in lower case or in capitals that no table of the client holds,
and postal addresses.
"""

import re
import unicodedata
from collections.abc import Set

_AT, _DOT = (
    r"(?:\s*[@\uff20]\s*|\s*[\[(]\s*at\s*[\])]\s*|\s+at\s+)",
    r"(?:\s*\.\s*|\s*[\[(]\s*dot\s*[\])]\s*|\s+dot\s+)",
)
_PLAIN_EMAIL = re.compile(r"[\w.+%'-]+@[\w-]+(?:\.[\w-]+)+")
_WRITTEN_EMAIL = re.compile(
    rf"\b[\w.+-]+{_AT}(?!(?:all|least|last|once|first|best|worst|home|work)\b)[\w-]+(?:{_DOT}[\w-]{{2,}}\b)+",
    re.IGNORECASE,
)
_WEB = re.compile(r"(?:https?://|www\.)\S+|\b[\w-]+\.(?:com|org|net|co|de|fr|nl|eu|io|uk)\b(?:/\S*)?", re.IGNORECASE)
_IBAN = re.compile(r"\b[A-Z]{2}\d{2}(?:[ -]?[A-Z0-9]{1,4}){3,8}\b", re.IGNORECASE)
_NUMBER = re.compile(r"(?:\+\s?|\(\+?\d{1,5}\)\s?)?\d(?:[\s./\\\u2013-]{0,3}(?:\(\d{1,5}\))?[\s./\\\u2013-]{0,3}\d)+")
_HANDLE = re.compile(r"(?<!\w)@\w{2,}")
_TITLE = r"(?:Mr|Mrs|Ms|Miss|Mx|Dr|Prof|Sir|Herr|Frau|Mme|Mlle|M|Sr|Sra|Dhr|Mevr)"
_TITLED = re.compile(rf"\b({_TITLE})\.?\s+([^\W\d_][\w'\u2019-]*(?:\s+[A-ZÀ-Ý][\w'\u2019-]*)?)")
_INTRODUCED = re.compile(
    r"\b(my name is|this is|regards|sincerely|signed|yours)([,:]?\s+)([A-ZÀ-Ý][\w'\u2019-]*)", re.IGNORECASE
)
_WORD = re.compile(r"[^\W\d_][^\W\d_'\u2019-]*(?:[-'\u2019][^\W\d_]+)*")
_BEGINS = re.compile(r"(?:^|[.!?:;\u2026\n\"\u201c\u201d\u201e\xab(\[-])\s*$")
_FEWEST_DIGITS = 6
_NOUNS_IN_CAPITALS = frozenset({"de", "lb"})  # languages in which a capital letter says nothing
# Words that have a capital letter, but are no names.
_USUAL_TEXT = """
i i'm i've i'll i'd ok tv uk us usa eu monday tuesday wednesday thursday friday saturday sunday january february march
april may june july august september october november december christmas easter english black mr mrs ms mx dr prof
"""
# Words that often begin an English sentence.
_COMMON_TEXT = """
a about after again all also although always an and another any anyway are as at bad be because before best better
both but by can could do does don't even every everything excellent finally first fast for from good great had happy
has have he hello her here hi his how however i if in instead is it it's its just last later maybe more most much my
never next no not nothing now of oh ok on once one only or our perfect perhaps please poor quick rather really
recommended same she since so some sometimes sorry still such super terrible thank thanks that the their then there
these they this those three to today too twice two unfortunately until up us very was way we well were what when where
which while who why will with without wonderful would yes yesterday yet you your dear
"""
_USUAL, _COMMON = frozenset(_USUAL_TEXT.split()), frozenset(_COMMON_TEXT.split())


def without_personal_data(
    text: str, names: Set[str] = frozenset(), usual: Set[str] = frozenset(), language: str = "en"
) -> str:
    """The text on one line, with what may identify a person replaced by [e-mail], [link], [account], [card], [phone], [number] or [name].

    names: words of names that the client's tables hold; usual: words that are not names; both in lower case. Where the language writes
    only names with a capital letter, a word with one counts as a name inside of a sentence, and at its beginning unless it is usual:
    rather too many words are removed than too few.
    """
    text = unicodedata.normalize("NFKC", text)
    text = "".join(c if c == "\n" or unicodedata.category(c)[0] != "C" else " " for c in text)
    for pattern in (_PLAIN_EMAIL, _WRITTEN_EMAIL):
        text = pattern.sub("[e-mail]", text)
    text = _HANDLE.sub("[name]", _WEB.sub("[link]", text))
    text = _IBAN.sub(lambda match: "[account]" if is_iban(match[0]) else match[0], text)
    text = _NUMBER.sub(_number, text)
    text = _TITLED.sub(r"\1 [name]", text)
    text = _INTRODUCED.sub(r"\1\2[name]", text)
    return " ".join(_without_names(text, names, usual | _COMMON, language).split())


def is_iban(text: str) -> bool:
    """Whether a text is an International Bank Account Number by its check digits."""
    code = re.sub(r"[\s-]", "", text).upper()
    if not 15 <= len(code) <= 34 or not code.isalnum() or not code.isascii():
        return False
    return int("".join(str(int(c, 36)) for c in code[4:] + code[:4])) % 97 == 1


def is_card(digits: str) -> bool:
    """Whether digits are a card number by their length and check digit (Luhn)."""
    if not 13 <= len(digits) <= 19:
        return False
    doubled = [int(d) * (1 + at % 2) for at, d in enumerate(reversed(digits))]
    return sum(d - 9 if d > 9 else d for d in doubled) % 10 == 0


def _number(match: re.Match[str]) -> str:
    """What stands for a number: of six digits or more it may identify somebody."""
    digits = re.sub(r"\D", "", match[0])
    if len(digits) < _FEWEST_DIGITS:
        return match[0]
    if is_card(digits):
        return "[card]"
    return "[phone]" if match[0].lstrip("(").startswith(("+", "0")) and len(digits) <= 15 else "[number]"


def _without_names(text: str, names: Set[str], usual: Set[str], language: str) -> str:
    pieces, at = [], 0
    for match in _WORD.finditer(text):
        word, before = match[0], text[: match.start()]
        pieces.append(text[at : match.start()])
        at = match.end()
        inside_of_mark = before.endswith("[") and text[match.end() :].startswith("]")
        pieces.append(word if inside_of_mark or not _is_name(word, before, names, usual, language) else "[name]")
    return re.sub(r"\[name\](?:[\s'\u2019-]+\[name\])+", "[name]", "".join([*pieces, text[at:]]))


def _is_name(word: str, before: str, names: Set[str], usual: Set[str], language: str) -> bool:
    plain = word.lower()
    parts = {plain, *re.split(r"[-'\u2019]", plain)}
    if parts & names:
        return plain != word or word not in usual
    if plain == word:
        return False
    if language in _NOUNS_IN_CAPITALS or plain in _USUAL or word.isupper():
        return False
    return plain not in usual or not _BEGINS.search(before[-40:])
