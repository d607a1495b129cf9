"""Bidi: foreign text cannot change the writing direction of our own lines.

Hebrew or Arabic text changes the order in which its neighbours are shown, and invisible controls (such as the override U+202E)
change the order of everything up to the end of the line: "99 of 100" becomes "001 fo 99". Controls in foreign text are removed,
and right-to-left text is isolated (Unicode Standard Annex 9: FSI, U+2068, to PDI, U+2069).
"""

import re
import unicodedata

FSI, PDI = "\N{FIRST STRONG ISOLATE}", "\N{POP DIRECTIONAL ISOLATE}"
_CONTROLS = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_CONTROLS_BUT_ISOLATES = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066\u2067]")
_RIGHT_TO_LEFT = ("R", "AL", "AN")


def strip_controls(text: str) -> str:
    """The text without direction controls."""
    return _CONTROLS.sub("", text)


def escape_controls(text: str) -> str:
    """For a terminal or a log: direction controls shown as their escapes (`\\u202e`), so that a reader can find them.

    Isolates are removed: they are our own, and few terminals support them.
    """
    plain = text.replace(FSI, "").replace(PDI, "")
    return _CONTROLS.sub(lambda match: f"\\u{ord(match[0]):04x}", plain)


def isolate_name(text: str) -> str:
    """A foreign name for use inside one of our sentences: without controls, and isolated if it has right-to-left text."""
    plain = strip_controls(text)
    return f"{FSI}{plain}{PDI}" if _has_right_to_left(plain) else plain


def isolate_sentence(text: str) -> str:
    """A sentence that may hold foreign names: keeps names that `isolate_name` isolated and removes all other controls.

    If right-to-left text remains outside of all isolates, the whole sentence is isolated.
    """
    if text.isascii():
        return text
    plain = _drop_unpaired_isolates(_CONTROLS_BUT_ISOLATES.sub("", text))
    return f"{FSI}{plain}{PDI}" if _has_right_to_left(_text_outside_isolates(plain)) else plain


def _has_right_to_left(text: str) -> bool:
    return not text.isascii() and any(unicodedata.bidirectional(c) in _RIGHT_TO_LEFT for c in text)


def _drop_unpaired_isolates(text: str) -> str:
    open_positions: list[int] = []
    unpaired: set[int] = set()
    for position, c in enumerate(text):
        if c == FSI:
            open_positions.append(position)
        elif c == PDI and not open_positions:
            unpaired.add(position)
        elif c == PDI:
            open_positions.pop()
    unpaired |= set(open_positions)
    return "".join(c for position, c in enumerate(text) if position not in unpaired) if unpaired else text


def _text_outside_isolates(text: str) -> str:
    """The characters that are in no isolate, of a text in which isolates are paired."""
    depth, outside = 0, []
    for c in text:
        depth += (c == FSI) - (c == PDI)
        if not depth and c != PDI:
            outside.append(c)
    return "".join(outside)
