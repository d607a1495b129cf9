"""What the marks of a report's drawings stand at: heights, points, whiskers and steps, turned back into figures through the axis.

A place in a drawing is written to a tenth of a pixel, so a mark gives a range: half of that, and what the ticks of the axis may be off.
"""

import re
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from bs4 import Tag

_OFF = 0.1  # px that a mark, or a line without the bends that nobody sees, may be off
_STEP = re.compile(r"([MmLlHhVvZz])([^MmLlHhVvZz]*)")
_DIAMOND = re.compile(r"M[-\d. ]+(?:l[-\d. ]+)z")  # straight sides only
_POINT = re.compile(r"M(-?[\d.]+)[ ,]?(-?[\d.]+)h0(?![\d.])")  # a dot: a line of no length with round ends
_AMOUNT = re.compile(r"-?(?:\d+\.?\d*|\.\d+)")
_NAME = 3.35  # px from the mark before a curve's name to where the name stands
_BASELINE = 4.95  # px from the middle of a line of text to where it stands
_DAYS = {"days": 1.0, "months": 365.25 / 12, "years": 365.25, "weeks": 7.0}
Ends = Callable[[str], list[tuple[float, float]]]


class Mark(NamedTuple):
    """A mark: the label of its line or column, which figure it draws, from where to where that may lie, and at which x (of curves)."""

    label: str
    figure: str
    low: float
    high: float
    at: float | None = None


class _Text(NamedTuple):
    x: float
    y: float
    words: str


class _Axis(NamedTuple):
    """An axis: value = start + slope * pixels."""

    start: float
    slope: float

    def around(self, pixel: float) -> tuple[float, float]:
        value, off = self.start + self.slope * pixel, abs(self.slope) * 2 * _OFF
        return value - off, value + off


def marks(drawing: Tag, kind: str, ends: Ends) -> Iterator[Mark]:
    """The marks of a drawing of a kind, which is what its alternative text begins with. ends: of a text, the ranges of its numbers."""
    texts = list(_texts(drawing))
    if kind.startswith("Dots"):
        yield from _dots(drawing, texts, ends, ends_with_n="quarters of the peers" not in kind)
    elif kind.startswith("Steps"):
        yield from _steps(drawing, texts, ends)
    elif kind.startswith(("Line chart", "Bar chart")):
        yield from _columns(drawing, texts, ends)
    elif kind.startswith("Funnel"):
        yield from _funnel(drawing, texts)


def bar_marks(bar: Tag, ends: Ends) -> Iterator[Mark]:
    """Of an interval drawn beside a number: its value and both ends, on the scale written under it."""
    under = [ends(each.get_text())[0] for each in bar("text") if ends(each.get_text())]
    rail = bar.select_one("line.rail")
    if len(under) != 2 or rail is None:
        return
    left, right = float(rail["x1"]), float(rail["x2"])
    axes = [
        _Axis(first - (last - first) * left / (right - left), (last - first) / (right - left))
        for first, last in zip(*under, strict=True)  # the ends are rounded down at least, up at most
    ]
    dot, held = bar.select_one("circle.dot"), bar.select_one("rect.range")
    places = {"value": float(dot["cx"])} if dot else {}
    if held and float(held["width"]) > 2:
        places |= {"low": float(held["x"]), "high": float(held["x"]) + float(held["width"])}
    for figure, pixel in places.items():
        if left < pixel < right:  # at its end, a bar was cut
            yield Mark("", figure, axes[0].around(pixel)[0], axes[1].around(pixel)[1])


def spark_marks(
    line: Tag, lowest: tuple[float, float], highest: tuple[float, float], parts: list[str]
) -> Iterator[Mark]:
    """Of a spark line: the value of each part, between the lowest and the highest, which are written beside it."""
    points = {float(each[f"x{end}"]): float(each[f"y{end}"]) for each in line.select("line.line") for end in (1, 2)}
    points |= {
        float(dot["cx"]): float(dot["cy"]) for dot in line.select("circle")
    }  # one without neighbours has no line
    if len(points) < 2 or len(parts) < 2 or len(set(points.values())) < 2:
        return
    xs = np.linspace(6, float(line["width"]) - 6, len(parts))
    down, up = max(points.values()), min(points.values())
    for x, y in points.items():
        share = (down - y) / (down - up)
        ends = [low + (high - low) * share for low, high in zip(lowest, highest, strict=True)]
        off = (highest[1] - lowest[0]) * 2 * _OFF / (down - up)
        yield Mark(parts[int(np.abs(xs - x).argmin())], "value", ends[0] - off, ends[1] + off)


def _texts(drawing: Tag) -> Iterator[_Text]:
    for each in drawing("text"):
        moved = re.search(r"translate\(([\d.-]+) ([\d.-]+)\)", each.get("transform", ""))
        x, y = (each.get("x"), each.get("y")) if each.get("x") else moved.groups() if moved else (None, None)
        if x is not None:
            yield _Text(float(x), float(y), " ".join(each.get_text().split()))


def _paths(drawing: Tag) -> Iterator[tuple[np.ndarray, Tag]]:
    """The corners of each path of straight lines, those used from definitions where they are used."""
    moved = {use["href"][1:]: float(use.get("y", 0)) for use in drawing("use")}
    for path in drawing("path"):
        if "C" in path["d"] or "c" in path["d"]:
            continue
        for line in re.findall(r"M[^M]*", _POINT.sub("", path["d"])):  # lines that look alike may share a path
            points = np.array(_corners(line))
            yield points + np.array([0.0, moved.get(path.get("id"), 0.0)]), path


def _corners(line: str) -> list[np.ndarray]:
    """The corners of one line of a path."""
    points, here = [], np.zeros(2)
    for letter, words in _STEP.findall(line):
        amounts = [float(each) for each in _AMOUNT.findall(words)]
        if letter in "Hh":
            steps = [((amount, 0.0) if letter == "h" else (amount - here[0], 0.0)) for amount in amounts]
        elif letter in "Vv":
            steps = [((0.0, amount) if letter == "v" else (0.0, amount - here[1])) for amount in amounts]
        else:
            pairs = np.array(amounts).reshape(-1, 2)
            steps = [pair - here if letter in "ML" else pair for pair in pairs]
        for step in steps:
            here = here + np.array(step)
            points.append(here)
    return points


def _axis(ticks: list[tuple[float, float]]) -> _Axis | None:
    """The axis through ticks: (pixel, value); None where they are no axis."""
    if len(ticks) < 2:
        return None
    pixels, values = np.array(sorted(set(ticks))).T
    slope, start = np.polyfit(pixels, values, 1)
    straight = np.abs(start + slope * pixels - values).max() <= abs(slope) * 3 * _OFF
    return _Axis(start, slope) if slope and straight else None


def _grid(drawing: Tag, texts: list[_Text], ends: Ends, *, down: bool) -> _Axis | None:
    """The axis whose ticks are lines across the drawing, each with a number at its end."""
    ticks, side = [], int(down)
    for points, _ in _paths(drawing):
        if len(points) != 2 or np.ptp(points[:, 1 - side]) < 50 or np.ptp(points[:, side]):
            continue
        pixel = points[0][side]
        for text in texts:
            beside = abs(text.y - pixel - _BASELINE) < 0.3 if down else abs(text.x - pixel) < 0.3
            outside = text.x < points[:, 0].min() if down else text.y > points[:, 1].max()
            if beside and outside and (numbers := ends(text.words)) and len(numbers) == 1:
                ticks.append((pixel, round(sum(numbers[0]) / 2, 9)))
    return _axis(ticks)


def _round(drawing: Tag) -> Iterator[tuple[float, float]]:
    diamonds = {
        f"#{path.get('id')}" for path in drawing("path") if _DIAMOND.fullmatch(path["d"])
    }  # of the period before
    for use in drawing("use"):
        if use.get("href") in diamonds:
            continue
        if float(use.get("x", 0)) and float(use.get("y", 0)):
            yield float(use["x"]), float(use["y"])
    for path in drawing("path"):
        yield from ((float(x), float(y)) for x, y in _POINT.findall(path["d"]))


def _dots(drawing: Tag, texts: list[_Text], ends: Ends, ends_with_n: bool) -> Iterator[Mark]:
    """Dots and whiskers by line; and the numbers at its end, n unless it is the figure of another metric."""
    axis = _grid(drawing, texts, ends, down=False)
    right = max(text.x for text in texts)
    for label in _lines(texts):
        y = label.y - _BASELINE
        for text in texts:
            if text.y == label.y and text.x > label.x and (found := ends(text.words)):
                whole = text.x == right
                if whole and not ends_with_n:
                    continue
                middle = round(sum(found[0]) / 2)
                yield Mark(label.words, "n", middle, middle) if whole else Mark(label.words, "value", *found[0])
        if axis is None:
            continue
        for x, at in _round(drawing):
            if abs(at - y) < 1:
                yield Mark(label.words, "value", *axis.around(x))
        for points, path in _paths(drawing):
            if len(points) == 2 and abs(points[:, 1] - y).max() < 1 and "--r" not in path.get("style", ""):
                yield Mark(label.words, "low", -np.inf, axis.around(points[:, 0].min())[1])
                yield Mark(label.words, "high", axis.around(points[:, 0].max())[0], np.inf)


def _lines(texts: list[_Text]) -> list[_Text]:
    """The labels down the left of a drawing."""
    columns: dict[float, list[_Text]] = {}
    for text in texts:
        columns.setdefault(text.x, []).append(text)
    left = min((x for x, held in columns.items() if not any(_is_number(text.words) for text in held)), default=None)
    return columns.get(left, [])


def _is_number(words: str) -> bool:
    return bool(re.fullmatch(r"[\u2212€$£]*[\d,.]+[%M]?( years?)?", words))


def _columns(drawing: Tag, texts: list[_Text], ends: Ends) -> Iterator[Mark]:
    """Points, or bars, by the label under them."""
    axis = _grid(drawing, texts, ends, down=True)
    if axis is None:
        return
    bottom = max((text.y for text in texts if not _is_number(text.words)), default=0.0)
    under = {text.x: text.words for text in texts if bottom - 30 < text.y <= bottom and text.words.isalpha()}
    if not under:
        return
    for x, y in _round(drawing):
        if words := _nearest(under, x):
            yield Mark(words, "value", *axis.around(y))
    for points, _ in _paths(drawing):
        if len(points) == 4 and len(set(points[:, 0])) == 2 and np.ptp(points[:, 0]) < 60:
            words = _nearest(under, points[:, 0].mean())
            tops = sorted(points[:, 1])
            if words and abs(axis.start + axis.slope * tops[-1]) < abs(axis.slope):  # a bar from zero
                yield Mark(words, "value", *axis.around(tops[0]))


def _nearest(under: dict[float, str], x: float) -> str:
    """The label under an x: the first stands beside its tick, as its year stands below it."""
    place = min(under, key=lambda at: abs(at - x))
    return under[place] if abs(place - x) < 14 else ""


def _steps(drawing: Tag, texts: list[_Text], ends: Ends) -> Iterator[Mark]:
    """How many are at risk under the ticks, and where the curve goes on from each."""
    unit_text = next((text for text in texts if text.words.endswith(" since the start")), None)
    if unit_text is None:
        return
    unit = _DAYS.get(unit_text.words.split()[0], 1.0)
    ticks = {text.x: float(text.words) for text in texts if text.y < unit_text.y and re.fullmatch(r"\d+", text.words)}
    names = {text.y: text.words for text in texts if text.x < min(ticks) and text.y > unit_text.y}
    for text in texts:
        if text.y in names and text.x in ticks and re.fullmatch(r"\d[\d,]*", text.words):
            many, name = float(text.words.replace(",", "")), names[text.y].removeprefix("at risk")
            yield Mark(name, "n", many, many, ticks[text.x] * unit)
    across = _axis([(x, value * unit) for x, value in ticks.items()])
    down = _grid(drawing, texts, ends, down=True)
    curves = {colour: points for points, colour, _ in _lines_of(drawing, "stroke-width:2;")}
    named = {
        colour: name for points, colour, _ in _lines_of(drawing, "stroke-width:3;") for name in _beside(texts, points)
    }
    if across is None or down is None or (len(curves) > 1 and len(named) < len(curves)):
        return
    for colour, points in curves.items():
        for x, y in points:
            yield Mark(named.get(colour, ""), "value", *down.around(y), round(across.start + across.slope * x, 3))


def _lines_of(drawing: Tag, width: str) -> Iterator[tuple[np.ndarray, str, Tag]]:
    """The lines that are so wide, with their colours, which a curve shares with the mark before its name."""
    sheet = "".join(each.get_text() for each in drawing("style"))
    looks = dict(re.findall(r"\.(\w+)\{([^}]*)\}", sheet))
    for points, path in _paths(drawing):
        look = path.get("style") or looks.get(" ".join(path.get("class", ())), "")
        colour = re.search(r"stroke:([^;]+)", look)
        if colour and width in f"{look};":
            yield points, colour[1], path


def _beside(texts: list[_Text], mark: np.ndarray) -> list[str]:
    """The name that stands right of a mark."""
    x, y = mark[:, 0].max(), mark[0][1]
    return [text.words for text in texts if 0 < text.x - x < 10 and abs(text.y - y - _NAME) < 1]


def _funnel(drawing: Tag, texts: list[_Text]) -> Iterator[Mark]:
    """How many reached each stage: by the number beside its bar."""
    for label in _lines(texts):
        for text in texts:
            if abs(text.y - label.y) < 2.5 and text.x > label.x and re.fullmatch(r"\d[\d,]*", text.words):
                many = float(text.words.replace(",", ""))
                yield Mark(label.words, "numerator", many, many)
