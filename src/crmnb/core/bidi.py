"""Bidi: what others wrote cannot turn a line of ours round.

A text in Hebrew or Arabic changes the order in which what stands beside it is shown, and invisible controls (an override,
U+202E, say) change that of anything up to the line's end: "99 of 100" becomes "001 fo 99". Controls of others are taken out,
and what runs from right to left is isolated (Unicode Standard Annex 9: FSI, U+2068, to PDI, U+2069).
"""

import re
import unicodedata

FSI, PDI = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"
_CONTROLS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_NOT_ISOLATES = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066\u2067]")
_FROM_THE_RIGHT = ("R", "AL", "AN")


def without_controls(text: str) -> str:
    """The text without controls of direction."""
    return _CONTROLS.sub("", text)


def escaped(text: str) -> str:
    """For a terminal or a log: controls of direction as their escapes (`\\u202e`), so that whoever looks for one finds it.

    Isolates are taken out: they are ours, and few terminals know them.
    """
    plain = text.replace(FSI, "").replace(PDI, "")
    return _CONTROLS.sub(lambda found: f"\\u{ord(found[0]):04x}", plain)


def isolated(text: str) -> str:
    """A name of others, as it may stand inside a sentence of ours: without controls, and isolated where it runs from the right."""
    plain = without_controls(text)
    return f"{FSI}{plain}{PDI}" if _runs_from_the_right(plain) else plain


def tamed(text: str) -> str:
    """A sentence that may hold names of others: `isolated` ones stay so, any other control is taken out.

    Where something that runs from the right is left outside of all isolates, the whole is isolated.
    """
    if text.isascii():
        return text
    plain = _paired(_NOT_ISOLATES.sub("", text))
    return f"{FSI}{plain}{PDI}" if _runs_from_the_right(_outside(plain)) else plain


def _runs_from_the_right(text: str) -> bool:
    return not text.isascii() and any(unicodedata.bidirectional(c) in _FROM_THE_RIGHT for c in text)


def _paired(text: str) -> str:
    """Without isolates that are not closed, and closings of none."""
    opened: list[int] = []
    left_out: set[int] = set()
    for at, c in enumerate(text):
        if c == FSI:
            opened.append(at)
        elif c == PDI and not opened:
            left_out.add(at)
        elif c == PDI:
            opened.pop()
    left_out |= set(opened)
    return "".join(c for at, c in enumerate(text) if at not in left_out) if left_out else text


def _outside(text: str) -> str:
    """What stands in no isolate, of a text in which they are paired."""
    depth, outside = 0, []
    for c in text:
        depth += (c == FSI) - (c == PDI)
        if not depth and c != PDI:
            outside.append(c)
    return "".join(outside)
