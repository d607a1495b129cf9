"""Slim: the SVG that matplotlib writes, without what nobody sees: about a third is left, and a page holds many pictures."""

import re
from collections import Counter
from collections.abc import Iterator
from itertools import count
from string import ascii_lowercase

import numpy as np

_UNSEEN = 0.1  # px that a line may be off
_TAG = re.compile(r"<[^>]+>")
_STYLE = re.compile(r' style="([^"]*)"')
# What matplotlib draws a circle around (0, 0) by: eight curves.
_CIRCLE = re.compile(r'<path id="([^"]+)" d="M0 ([\d.]+)C(?:[-\d. ]+C){7}[-\d. ]+z"/>')
# A mark that is filled and has an edge.
_MARK = re.compile(
    r'<use href="#(\w+)" x="([^"]+)" y="([^"]+)" style="fill:([^;"]+);stroke:([^;"]+);stroke-width:([\d.]+)"/>'
)
# What has straight lines only, each relative to the last, and where it stands.
_SHAPE = re.compile(r'<defs><path id="(\w+)" d="M(-?\d*\.?\d+) ?(-?\d*\.?\d+)([a-z][^A-Z"]*)"/></defs>')
_USE = re.compile(r'<use href="#(\w+)" x="([^"]+)" y="([^"]+)" style="([^"]*)"/>')
_ALIKE = re.compile(r'<mark d="[^"]*" style="([^"]*)"/>(?:<mark d="[^"]*" style="\1"/>)*')
# Texts, and marks, of one class, three or more.
_TEXTS = re.compile(r'<text class="(\w+)"[^>]*>[^<]*</text>(?:<text class="\1"[^>]*>[^<]*</text>){2,}')
_MARKS = re.compile(r'<use [^>]*class="(\w+)"/>(?:<use [^>]*class="\1"/>){2,}')
_GROUP = re.compile(r"<g>((?:<(?!/?g)[^>]*/>|<text[^>]*>[^<]*</text>|<defs>.{1,900}?</defs>)*)</g>")


def slim(text: str) -> str:
    """Without prologue, layout and what is not seen; coordinates to a tenth of a pixel; each look that recurs in one class.

    Only what stands inside a tag is touched: the words in the picture are the client's and stay as they are.
    """
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>|<style type.*?</style>|<clipPath.*?</clipPath>", "", text, flags=re.DOTALL)
    names = dict(zip(dict.fromkeys(re.findall(r'href="#([^"]+)"', text)), _short_names(), strict=False))
    text = _TAG.sub(lambda tag: _slim_tag(tag[0], names), text)
    text = re.sub(r">\s*\n\s*<", "><", text)
    text = re.sub(r'(<path id="[^"]+" d="[^"]+") style="[^"]*"/>', r"\1/>", text)  # each use of it has a style
    text = re.sub(
        r'<path d="[^"]*" style="fill:none"/>|<path d="M[^a-zA-Z"]*" style="[^"]*"/>|<defs></defs>|<g/>', "", text
    )
    for _ in range(5):  # groups that held only an id or a clip; nothing is drawn outside the axes
        text = _GROUP.sub(r"\1", text)
    return _grouped(_joined(_in_classes(_as_paths(_as_points(text)))))


def _as_points(text: str) -> str:
    """With circles of one colour as lines of no length and as wide as they are, which have round ends; a circle of two colours stays one."""
    radius = dict(_CIRCLE.findall(text))

    def as_point(mark: re.Match) -> str:
        name, x, y, colour, edge, width = mark.groups()
        if name not in radius or colour != edge:
            return mark[0]
        look = f"fill:none;stroke:{colour};stroke-width:{2 * float(radius[name]) + float(width):g};stroke-linecap:round"
        return f'<path d="M{x} {y}h0" style="{look}"/>'

    text = _CIRCLE.sub(r'<circle id="\1" r="\2"/>', _MARK.sub(as_point, text))
    unused = [name for name in radius if f'href="#{name}"' not in text]
    for name in unused:
        text = re.sub(f'<circle id="{name}"[^>]*/>', "", text)
    return text.replace("<defs></defs>", "")


def _as_paths(text: str) -> str:
    """With marks of straight lines (diamonds, squares) as paths, those that follow one another and look alike as one."""
    shapes = {name: (float(x), float(y), rest) for name, x, y, rest in _SHAPE.findall(text)}

    def as_mark(use: re.Match) -> str:
        name, x, y, look = use.groups()
        if name not in shapes:
            return use[0]
        left, top, rest = shapes[name]
        at = (_tenths(round(10 * (float(x) + left))), _tenths(round(10 * (float(y) + top))))
        return f'<mark d="{_closer("M{} {}".format(*at))}{rest}" style="{look}"/>'

    text = _USE.sub(as_mark, text)
    text = _SHAPE.sub(lambda shape: shape[0] if f'href="#{shape[1]}"' in text else "", text)

    def as_one(run: re.Match) -> str:
        return f'<path d="{_drawn_by(run[0])}" style="{run[1]}"/>'

    return _ALIKE.sub(as_one, text)


def _grouped(text: str) -> str:
    """With texts that follow one another and look alike in one group, and marks as well; the group has their class."""

    def as_group(run: re.Match) -> str:
        look = f' class="{run[1]}"'
        return f"<g{look}>{run[0].replace(look, '')}</g>"

    return _MARKS.sub(as_group, _TEXTS.sub(as_group, text))


def _joined(text: str) -> str:
    """With paths of lines that follow one another and look alike as one path."""
    lines = {
        name for name, look in re.findall(r"\.(\w+)\{([^}]*)\}", text) if "fill:none" in look and "opacity" not in look
    }

    def as_one(run: re.Match) -> str:
        if run[1] not in lines:
            return run[0]
        return f'<path d="{_drawn_by(run[0])}" class="{run[1]}"/>'

    return re.sub(r'<path d="[^"]*" class="(\w+)"/>(?:<path d="[^"]*" class="\1"/>)+', as_one, text)


def _drawn_by(tags: str) -> str:
    """The commands of several paths one after the other."""
    return "".join(re.findall(r' d="([^"]*)"', tags))


def _slim_tag(tag: str, names: dict[str, str]) -> str:
    if tag.startswith("<!--"):
        return ""
    tag = re.sub(r"\s*\n\s*", " ", tag)
    tag = re.sub(r' id="([^"]+)"', lambda match: f' id="{names[match[1]]}"' if match[1] in names else "", tag)
    tag = re.sub(r' xlink:href="#([^"]+)"', lambda match: f' href="#{names[match[1]]}"', tag)
    tag = re.sub(r' d="(M [^"CcQqAa]+)"', lambda match: f' d="{_straight(match[1])}"', tag)
    tag = tag.replace(' xlink:href="data:image/png;base64, ', ' href="data:image/png;base64,')
    digits = 3 if tag.startswith("<image") else 1  # the size of a pixel, of which an image has many
    tag = re.sub(r"\d+\.\d{2,}", lambda match: f"{float(match[0]):.{digits}f}".removesuffix(".0"), tag)
    tag = re.sub(r' d="(M [^"]+)"', lambda match: f' d="{_closer(match[1])}"', tag)  # what is round
    tag = re.sub(r'width="([\d.]+)pt" height="([\d.]+)pt"', r'width="\1" height="\2"', tag)
    tag = re.sub(r' transform="rotate\(-?0 [^)]*\)"| (clip-path|version|xmlns:xlink)="[^"]*"', "", tag)
    tag = re.sub(r'stroke-dashoffset: 0;? ?|(?<=[:;]) | style=""', "", tag)
    return tag


def _straight(path: str) -> str:
    """A path of straight lines, each relative to where the last one ended."""
    written = []
    for line in re.findall(r"M[^M]*", path):
        points = [(float(x), float(y)) for x, y in re.findall(r"[ML] (\S+) ([^\sz]+)", line)]
        written += [_line(_bends(np.array(points))), "z" if "z" in line else ""]
    return _closer("".join(written))


def _bends(points: np.ndarray) -> np.ndarray:
    """The points without those so near to the line through the others that nobody sees it.

    Douglas & Peucker 1973, The Canadian Cartographer 10:112.
    """
    indices, spans = {0, len(points) - 1}, [(0, len(points) - 1)]
    while spans:
        first, last = spans.pop()
        if last - first < 2:
            continue
        away = _distances(points[first + 1 : last], points[first], points[last])
        if away.max() > _UNSEEN:
            furthest = first + 1 + int(away.argmax())
            indices.add(furthest)
            spans += [(first, furthest), (furthest, last)]
    return points[sorted(indices)]


def _distances(points: np.ndarray, start: np.ndarray, end: np.ndarray) -> np.ndarray:
    """How far each point lies from the straight line between two."""
    along, points = end - start, points - start
    length = along @ along
    share = np.clip(points @ along / length, 0, 1) if length else np.zeros(len(points))
    return np.hypot(*(points - share[:, None] * along).T)


def _line(points: np.ndarray) -> str:
    """Its commands, in tenths of a pixel."""
    here, *others = (tuple(map(int, point)) for point in np.rint(10 * points))
    written, last = [f"M{_tenths(here[0])} {_tenths(here[1])}"], "M"
    for there in others:
        across, down = there[0] - here[0], there[1] - here[1]
        letter = "l" if across and down else "h" if across else "v"
        amounts = " ".join(_tenths(amount) for amount in (across, down) if amount)
        if amounts:
            written.append(f" {amounts}" if letter == last == "l" else f"{letter}{amounts}")
            here, last = there, letter
    return "".join(written)


def _tenths(amount: int) -> str:
    return f"{amount / 10:g}"


def _closer(path: str) -> str:
    """Numbers without leading zeros, and without a space where a letter or sign parts them."""
    path = re.sub(r"(?<![\d.])0\.", ".", path)
    return re.sub(r" ?([A-Za-z]) ?| (?=-)", r"\1", path).strip()


def _in_classes(text: str) -> str:
    """With a style sheet, in which the looks that recur stand once."""
    looks = Counter(look for tag in _TAG.findall(text) for look in _STYLE.findall(tag))
    names = dict(zip((look for look, times in looks.most_common() if times > 1), _short_names(), strict=False))

    def named(style: re.Match) -> str:
        return f' class="{names[style[1]]}"' if style[1] in names else style[0]

    text = _TAG.sub(lambda tag: _STYLE.sub(named, tag[0]), text)
    rules = "".join(f".{name}{{{look}}}" for look, name in names.items())
    start = text.index(">") + 1
    return f"{text[:start]}<style>{rules}</style>{text[start:]}"


def _short_names() -> Iterator[str]:
    """a, b ... z, a1, b1 ..."""
    return (f"{letter}{turn or ''}" for turn in count() for letter in ascii_lowercase)
