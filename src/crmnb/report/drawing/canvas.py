"""What every chart shares: the style, and the way from a matplotlib figure to a small SVG that suits light and dark.

One unit of the drawing is one CSS pixel. Text stays text, in the reader's own font. The colours below are drawn
literally and become CSS variables in the finished SVG, so that the picture follows the reader's colour scheme.
"""

import re
import warnings
from collections.abc import Callable, Iterable
from contextlib import contextmanager
from io import StringIO

import matplotlib as mpl
from matplotlib.figure import Figure as Canvas
from matplotlib.font_manager import FontProperties
from matplotlib.textpath import text_to_path

from crmnb.core.bidi import isolate_sentence
from crmnb.report.drawing.svg_minify import slim

WIDTH, NARROW = 760, 328  # px as drawn, of a page and of a telephone
TEXT = 13  # px as drawn; the page never shows a chart much narrower than it is drawn, so at least 11 px as shown

# Okabe and Ito's blue is the one accent; curves side by side take their vermilion, green and purple, and then ink.
INK, QUIET, RULE, PAPER = "#1c1d1f", "#5d6166", "#d9dbde", "#ffffff"
ACCENT, PALE = "#0072b2", "#8fbfdc"
SERIES = (ACCENT, VERMILION, GREEN, PURPLE, INK) = (ACCENT, "#d55e00", "#009e73", "#cc79a7", INK)
_DARK = {
    INK: "#e9eaec",
    QUIET: "#a5abb3",
    RULE: "#3a3f45",
    PAPER: "#16181b",
    ACCENT: "#56b4e9",
    PALE: "#2c6284",
    VERMILION: "#ff8a4c",
    GREEN: "#3fcfa0",
    PURPLE: "#e6a8ca",
}
_NAMES = {INK: "i", QUIET: "q", RULE: "r", PAPER: "p", ACCENT: "a", PALE: "l", VERMILION: "v", GREEN: "g", PURPLE: "u"}

# The paper as matplotlib draws it, under all else.
_PAPER_UNDER_ALL = re.compile(rf'<path d="M0 [\d.]+h[\d.]+v-[\d.]+h-[\d.]+z" style="fill:var\(--{_NAMES[PAPER]}\)"/>')

# seaborn's style "whitegrid", where ours below does not change it, without its import, which takes longer than to draw a page.
_STYLE = {
    "axes.grid": True,
    "axes.axisbelow": True,
    "font.family": ["sans-serif"],
    "font.sans-serif": ["Arial", "DejaVu Sans", "Liberation Sans", "Bitstream Vera Sans", "sans-serif"],
    "grid.linestyle": "-",
    "lines.solid_capstyle": "round",
    "patch.edgecolor": "w",
    "patch.force_edgecolor": True,
    **dict.fromkeys(("axes.labelcolor", "xtick.color", "ytick.color", "xtick.labelcolor", "axes.edgecolor"), QUIET),
    "text.color": INK,
    "figure.facecolor": PAPER,
    "axes.facecolor": "none",
    "axes.edgecolor": RULE,
    "grid.color": RULE,
    "grid.linewidth": 1,
    "axes.spines.left": False,
    "axes.spines.right": False,
    "axes.spines.top": False,
    "axes.linewidth": 1,
    "xtick.bottom": False,
    "ytick.left": False,
    "xtick.major.size": 0,
    "ytick.major.size": 0,
    "font.size": TEXT,
    "axes.labelsize": TEXT,
    "xtick.labelsize": TEXT,
    "ytick.labelsize": TEXT,
    "lines.linewidth": 2,
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "crmnb",
    "axes.unicode_minus": True,
    "figure.dpi": 72,
}


@contextmanager
def canvas(height: int, width: int = WIDTH):
    """A matplotlib figure of so many CSS pixels, in our style; no pyplot state, so nothing is shown or leaked."""
    with mpl.rc_context(_STYLE), warnings.catch_warnings():
        # The reader's browser has the glyphs that the font measured with may lack.
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        yield Canvas(figsize=(width / 72, height / 72))


def drawings(draw: Callable[[Canvas], None], height: int, narrow_height: int) -> dict[str, str | int]:
    """What `draw` draws on a figure of the page's width and on one of a telephone's (`is_narrow`), as a `Figure` takes it."""
    texts = {"svg": drawing(draw, WIDTH, height), "narrow": drawing(draw, NARROW, narrow_height)}
    return texts | {"height": height, "narrow_height": narrow_height}


def drawing(draw: Callable[[Canvas], None], width: int, height: int) -> str:
    """What `draw` draws on a figure of so many CSS pixels, as SVG text."""
    with canvas(height, width) as figure:
        draw(figure)
        return svg(figure)


def is_narrow(figure: Canvas) -> bool:
    """Whether a figure is as wide as a telephone."""
    return figure.get_size_inches()[0] * 72 < WIDTH / 2


def box(figure: Canvas, left: float, top: float, right: float, bottom: float):
    """Axes with margins in pixels."""
    width, height = (size * 72 for size in figure.get_size_inches())
    return figure.add_axes(
        (left / width, bottom / height, (width - left - right) / width, (height - top - bottom) / height)
    )


def widest(texts: Iterable[str]) -> float:
    """The width in pixels of the widest of some texts, in the font measured with: wider than most that readers have."""
    font = FontProperties(size=TEXT)
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="Glyph .* missing from")
        return max((text_to_path.get_text_width_height_descent(text, font, False)[0] for text in texts), default=0.0)


def svg(figure: Canvas) -> str:
    """The figure as SVG text: the same bytes for the same drawing, without metadata, in variables for colours."""
    sheet = StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    figure.savefig(sheet, format="svg", metadata=nothing)
    text = re.sub(
        r"(?<=>)[^<>]+(?=<)", lambda words: isolate_sentence(words[0]), sheet.getvalue()
    )  # each stands on a line of its own
    return _with_sheet(slim(re.sub(r"<[^>]+>", _in_our_look, text)))


def _in_our_look(tag: re.Match) -> str:
    """A tag with variables for our colours, and without the font, which is the reader's own."""
    text = re.sub(rf"font-family: [^;\"]*;? ?|font-size: {TEXT}px;? ?", "", tag[0])
    for colour, name in _NAMES.items():
        text = text.replace(f": {colour}", f": var(--{name})")
    return text


def _with_sheet(text: str) -> str:
    """With the colours for light and for dark screens, the font and the paper, at the beginning of its style sheet."""
    text = _PAPER_UNDER_ALL.sub("", text, count=1)
    used = {colour: name for colour, name in _NAMES.items() if f"var(--{name})" in text or colour == PAPER}
    light = ";".join(f"--{name}:{colour}" for colour, name in used.items())
    dark = ";".join(f"--{name}:{_DARK[colour]}" for colour, name in used.items())
    sheet = (
        f":root{{{light}}}@media screen and (prefers-color-scheme:dark){{:root{{{dark}}}}}"
        "*{stroke-linejoin:round}"
        f"svg{{font:{TEXT}px system-ui,sans-serif;background:var(--{_NAMES[PAPER]})}}"
    )
    return text.replace("<style>", f"<style>{sheet}", 1)
