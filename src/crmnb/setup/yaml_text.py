"""Texts and values in YAML, on one line: whatever a file or a header is called, it is read back as it was."""

import re
from datetime import date
from typing import Any

_PLAIN = re.compile(r"[A-Za-z_][\w./()@-]*( [\w./()@-]+)*", re.ASCII)
_SPECIAL = {"true", "false", "yes", "no", "on", "off", "null", "y", "n", "none"}


def flow(value: Any) -> str:
    """A value in YAML on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{scalar(key)}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if isinstance(value, int | float | date) else scalar(str(value))


def scalar(text: str) -> str:
    """A text in YAML: as it is if nothing in it has a meaning there, otherwise in double quotes."""
    if _PLAIN.fullmatch(text) and text.lower() not in _SPECIAL and not text.endswith((".", "-")):
        return text
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    if character in '"\\':
        return f"\\{character}"
    if character == " " or (character.isprintable() and character != "\ufeff"):
        return character
    code = ord(character)
    known = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}
    return known.get(character) or (
        f"\\x{code:02X}" if code < 256 else f"\\u{code:04X}" if code < 65536 else f"\\U{code:08X}"
    )
