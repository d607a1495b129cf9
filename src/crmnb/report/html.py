"""HTML is made here and nowhere else: every text that enters is escaped unless it is Markup already.

No inline style and no script is ever made, so that a page can forbid both; an element looks decent without the
page's style sheet too, since JupyterLab shows it so.
"""

import re
import unicodedata
from dataclasses import dataclass
from urllib.parse import unquote

from markupsafe import Markup, escape

from crmnb.core.bidi import isolate_name, isolate_sentence
from crmnb.report.display import Display

# A line may break between a sign and a currency, but not between either and a word joiner.
_SIGNED_AMOUNT = re.compile(r"(?<=[+\N{MINUS SIGN}])(?=[$\u00a2-\u00a5\u20a0-\u20cf])")
_WORD_JOINER = "\N{WORD JOINER}"
_PICTURE = "data:image/svg+xml,"
_ENCODED = {"%": "%25", "#": "%23", "<": "%3C", ">": "%3E", "\n": "%0A", "\t": "%09"}
_VOID = ("br", "img", "hr", "meta", "source", "line", "rect", "circle", "path", "polyline")


@dataclass(frozen=True)
class Html(Display):
    """A piece of a page, and the same in plain text for a terminal."""

    markup: Markup
    text: str = ""

    def _repr_html_(self) -> str:
        return str(self.markup)

    def __html__(self) -> str:
        return str(self.markup)

    def __repr__(self) -> str:
        return self.text or "<html>"


def tag(name: str, *children: object, **attributes: object) -> Markup:
    """An element. Children and attribute values are escaped; None children and None or False attributes are left out.

    `class_` is class, `data_x` is data-x, True is an attribute without a value.
    """
    written = "".join(_attribute(key, value) for key, value in attributes.items() if value not in (None, False))
    inner = Markup("").join(_escaped(child) for child in children if child is not None)
    if name in _VOID and not inner:
        return Markup(f"<{name}{written}>") if name in _VOID[:5] else Markup(f"<{name}{written}/>")  # noqa: S704
    return Markup(f"<{name}{written}>{inner}</{name}>")  # noqa: S704 -- built from escaped pieces only


def join(*children: object) -> Markup:
    """The pieces one after the other, escaped."""
    return Markup("\n").join(_escaped(child) for child in children if child is not None)


def glue(*children: object) -> Markup:
    """The pieces without anything between them, escaped."""
    return Markup("").join(_escaped(child) for child in children if child is not None)


def table(columns: list[str], rows: list[list[object]], *, caption: str = "", numeric: tuple[int, ...] = ()) -> Markup:
    """A table with scopes on its headers; each row's first cell is its header, `numeric` columns align right.

    In a table of numbers the cells of words are marked and not those of numbers, which are many more.
    """
    kinds = ["words" if numeric and at and at not in numeric else None for at in range(len(columns))]
    head = [tag("th", c, scope="col", class_=k) for c, k in zip(columns, kinds, strict=True)]
    body = []
    for row in rows:
        first = tag("th", row[0], scope="row")
        rest = [tag("td", cell, class_=k if cell else None) for cell, k in zip(row[1:], kinds[1:], strict=True)]
        body.append(tag("tr", first, *rest))
    title = tag("caption", caption) if caption else None
    return tag(
        "table", title, tag("thead", tag("tr", *head)), tag("tbody", *body), class_="numbers" if numeric else None
    )


def printable(text: object, at_most: int | None = None) -> str:
    """The text on one line without control, formatting and surrogate characters, cut to `at_most` characters.

    A picture is XML, in which those are not allowed; and an override of the writing direction could turn a line around, as
    could a name that runs from right to left, which is isolated.
    """
    visible = "".join(c if unicodedata.category(c)[0] != "C" else " " for c in str(text))
    visible = " ".join(visible.split())
    return isolate_name(
        visible if at_most is None or len(visible) <= at_most else visible[: at_most - 1].rstrip() + "…"
    )


def picture_address(svg: str, *, in_list: bool = False) -> str:
    """An address that holds an SVG picture, shorter than base64; in_list: without a space, which parts the addresses of a list.

    `picture_of` restores the picture.
    """
    paths = re.sub(r' d="[^"]*"', lambda path: f" d={path[0][3:].replace(' ', ',')}", svg)
    written = paths.replace('"', "'")
    encoded = _PICTURE + "".join(_ENCODED.get(c, c) for c in written)
    return encoded.replace(" ", "%20") if in_list else encoded


def picture_of(address: str) -> str:
    """The SVG text in an address of a picture; "" of another address."""
    return unquote(address.removeprefix(_PICTURE)) if address.startswith(_PICTURE) else ""


def _attribute(key: str, value: object) -> str:
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{_escaped(value)}"'


def _escaped(value: object) -> Markup:
    """Escaped, without the characters that HTML forbids (a lone surrogate could not even be written as UTF-8).

    Nor with those that would turn the line round (`crmnb.core.bidi`).
    """
    if hasattr(value, "__html__"):
        return escape(value)
    text = _SIGNED_AMOUNT.sub(_WORD_JOINER, isolate_sentence(str(value)))
    return escape("".join(c for c in text if c in "\n\t" or unicodedata.category(c) not in ("Cc", "Cs")))
