"""Quotes: what customers wrote, as a block of a page, by theme. They allow it, and personal data are removed."""

from itertools import groupby

from crmnb.core.notes import Note
from crmnb.evaluate.result import Result
from crmnb.report.html import Html, join, printable, tag
from crmnb.report.text.notes import sentence

QUOTE = "quote"  # the code of a quote among the notes of a result
_NONE = "No quotes: no customer with a suitable comment allows quoting."


def quotes_block(result: Result) -> Html:
    """The quotes of a result, under the name of their theme where they have one."""
    quotes = [note for note in result.notes if note.code == QUOTE]
    if not quotes:
        return Html(tag("p", _NONE, class_="notes"), _NONE)
    blocks, lines = [], []
    for theme, own in groupby(quotes, key=_theme):
        texts = [printable(sentence(note, result.client)) for note in own]
        heading = tag("p", tag("strong", printable(theme)), class_="sentence") if theme else None
        blocks.append(join(heading, *(tag("blockquote", text) for text in texts)))
        lines += [*([printable(theme)] if theme else []), *(f"  {text}" for text in texts)]
    return Html(tag("div", *blocks, class_="quotes"), "\n".join(lines))


def _theme(note: Note) -> str:
    """The theme, with the level whose customers are quoted where it is not all customers."""
    values = note.values
    of = f"{values['level']} ({values['segment'].replace('_', ' ')}): " if values.get("segment") else ""
    return f"{of}{values['theme']}"
