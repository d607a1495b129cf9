"""Sparkline, and the bars of an interval and of a change: small pictures inside a tile or a table row.

Inline SVG with plain attributes only, so that a page without a style sheet shows them too; classes let one restyle.
"""

import itertools
import math

from markupsafe import Markup

from crmnb.evaluate.result import Result
from crmnb.report.html import tag
from crmnb.report.text.numbers import known, part_start, part_tick, scale_end
from crmnb.report.text.precision import part_decimals
from crmnb.report.text.row_state import available, bounded_below, unfinished
from crmnb.report.text.values import declared_scale, short_value

_BLUE, _GREY = "#0072b2", "#5d6166"
_EDGE = 5  # of a bar: room for its dot
_END_HEIGHT = 16  # of a line of words under a picture


def scale(result: Result, row) -> tuple[float, float]:
    """The scale that a value, its interval, target and previous value share: the declared one, or round ends and zero."""
    ends = [x for x in (row.value, row.low, row.high, row.target, row.previous) if known(x)]
    low, high = min(ends), max(ends)
    declared = declared_scale(result) if row.unit == "scale" else None
    if declared:
        return declared
    if row.unit == "%" and low >= 0 and high <= 100:
        return 0.0, next((top for top in (5.0, 10.0, 25.0, 50.0) if high <= top * 0.9), 100.0)
    if row.unit == "points" and low >= -100 and high <= 100:
        return (0.0 if low >= 0 else -100.0), 100.0
    return _round_out(min(low, 0.0)), _round_out(max(high, 0.0)) or 1.0


def shared_scale(shown: list[tuple[Result, object]]) -> tuple[float, float]:
    """The scale that holds the scales of several (result, row)."""
    firsts, lasts = zip(*(scale(result, row) for result, row in shown), strict=True)
    return min(firsts), max(lasts)


def interval_bar(
    result: Result, row, *, width: int = 220, ends: bool = True, on: tuple[float, float] | None = None
) -> Markup | None:
    """The interval as a thin bar, the value as a dot and the target as a tick on one scale; None without a value.

    on: the scale, where it is shared with others; else the row's own.
    """
    if not available(row):
        return None
    first, last = on or scale(result, row)

    def x(value: float) -> float:
        inside = min(max((value - first) / ((last - first) or 1), 0), 1)
        return round(5 + inside * (width - 10), 1)

    parts = [tag("path", d=f"M5 9H{width - 5}", stroke="#c9ccd0", stroke_width=2, class_="rail")]
    if bounded_below(row):
        wide = max(x(row.high) - x(row.low), 2)
        parts.append(
            tag("rect", x=x(row.low), y=6, width=round(wide, 1), height=6, rx=3, fill="#86bfe0", class_="range")
        )
    if known(row.target):
        at = x(row.target)
        parts.append(tag("line", x1=at, y1=1, x2=at, y2=17, stroke="#1c1d1f", stroke_width=2, class_="goal"))
    parts.append(tag("circle", cx=x(row.value), cy=9, r=4.5, fill=_BLUE, class_="dot"))
    height = 18
    if ends:
        height = 34
        for at, end, anchor in ((2, first, "start"), (width - 2, last, "end")):
            words = scale_end(end, row.unit, result.client)
            parts.append(tag("text", words, x=at, y=31, text_anchor=anchor, font_size=12, fill=_GREY, class_="end"))
    # The words next to it say the same, so it is hidden from screen readers.
    return _picture(width, height, parts, "interval", scales=ends)


def change_bar(result: Result, row, *, width: int = 220) -> Markup | None:
    """The interval of the change as a thin bar, the change as a dot, with a line at no change; None where the change has no interval.

    The scale reaches from no change to the interval's farther end, so that a narrow interval is seen as well.
    """
    if not (available(row) and known(row.change) and known(row.change_low) and known(row.change_high)):
        return None
    first, last = min(row.change_low, 0.0), max(row.change_high, 0.0)
    if not 0 < last - first < math.inf:
        return None

    def x(value: float) -> float:
        return round(_EDGE + (value - first) / (last - first) * (width - 2 * _EDGE), 1)

    low, high, zero = x(row.change_low), x(row.change_high), x(0)
    tone = {"better": "better", "worse": "worse"}.get(row.signal, "")
    anchor = "start" if zero < width / 4 else "end" if zero > width * 3 / 4 else "middle"
    at = {"start": 2, "end": width - 2, "middle": zero}[anchor]
    parts = [
        tag("path", d=f"M{_EDGE} 9H{width - _EDGE}", stroke="#c9ccd0", stroke_width=2, class_="rail"),
        tag(
            "rect",
            x=low,
            y=6,
            width=round(max(high - low, 2), 1),
            height=6,
            rx=3,
            fill="#86bfe0",
            class_=f"range {tone}".strip(),
        ),
        tag("line", x1=zero, y1=1, x2=zero, y2=17, stroke="#1c1d1f", stroke_width=2, class_="goal"),
        tag("circle", cx=x(row.change), cy=9, r=4.5, fill=_BLUE, class_=f"dot {tone}".strip()),
        tag("text", "no change", x=at, y=31, text_anchor=anchor, font_size=12, fill=_GREY, class_="end"),
    ]
    return _picture(width, 18 + _END_HEIGHT, parts, "interval")


def sparkline(result: Result, rows: list, *, width: int = 220, height: int = 36, ends: bool = True) -> Markup | None:
    """The values of the parts as a small line, its ends named (unless not `ends`), gaps where there are none, an unfinished part hollow; None under three."""
    ordered = sorted(rows, key=lambda row: part_start(row.part, result.client))
    values = [row.value if available(row) else math.nan for row in ordered]
    seen = [value for value in values if known(value)]
    if len(seen) < 3:
        return None
    low, high = min(seen), max(seen)

    def point(at: int) -> tuple[float, float]:
        across = 6 + at * (width - 12) / max(len(values) - 1, 1)
        up = (values[at] - low) / (high - low) if high > low else 0.5
        return round(across, 1), round(height - 6 - up * (height - 12), 1)

    parts = []
    steps = [at for at in range(1, len(values)) if known(values[at]) and known(values[at - 1])]
    by_style = itertools.groupby(steps, lambda at: unfinished(ordered[at]) or unfinished(ordered[at - 1]))
    for dashed, run in by_style:
        drawn, through = "", 0
        for at in run:
            (x1, y1), (x2, y2) = point(at - 1), point(at)
            drawn += f"L{x2:g} {y2:g}" if through == at - 1 and drawn else f"M{x1:g} {y1:g}L{x2:g} {y2:g}"
            through = at
        look = {"fill": "none", "stroke": _BLUE, "stroke_width": 1.8, "stroke_dasharray": "3 2.5" if dashed else None}
        parts.append(tag("path", d=drawn, **look, class_="line"))
    last = max(at for at, value in enumerate(values) if known(value))
    for at, row in enumerate(ordered):
        alone = known(values[at]) and not any(
            0 <= near < len(values) and known(values[near]) for near in (at - 1, at + 1)
        )
        hollow = unfinished(row)
        if known(values[at]) and (at == last or alone or hollow):
            x, y = point(at)
            look = {"fill": "none" if hollow else _BLUE, "stroke": _BLUE, "stroke_width": 1.8}
            parts.append(tag("circle", cx=x, cy=y, r=3.2, **look, class_="hollow" if hollow else "dot"))
    if not ends:
        return _picture(width, height, parts, "spark")
    parts += _ends(result, [(row, point(at)[0]) for at, row in enumerate(ordered) if known(values[at])], width, height)
    return _picture(width, height + _END_HEIGHT, parts, "spark")


def _ends(result: Result, shown: list, width: int, height: int) -> list[Markup]:
    """The first and the last part with their values, under the line."""
    places = part_decimals(result, [row for row, _ in shown])
    ends = []
    for (row, across), anchor in ((shown[0], "start"), (shown[-1], "end")):
        words = f"{part_tick(row.part, False, result.client).partition(chr(10))[0]} {short_value(result, row, places)}"
        at = {"start": max(across - 6, 0), "end": min(across + 6, width)}[anchor]
        ends.append(
            tag(
                "text",
                words,
                x=at,
                y=height + _END_HEIGHT - 4,
                text_anchor=anchor,
                font_size=12,
                fill=_GREY,
                class_="end",
            )
        )
    return ends


def _picture(width: int, height: int, parts: list[Markup], kind: str, scales: bool = True) -> Markup:
    """scales: whether it may be shown narrower than it is drawn."""
    box = f"0 0 {width} {height}" if scales else None
    return tag("svg", *parts, viewBox=box, width=width, height=height, class_=kind, aria_hidden="true")


def _round_out(value: float) -> float:
    """The next number away from zero with one round digit (1, 2, 2.5, 4, 5, 8 x a power of ten), with some air."""
    if value == 0:
        return 0.0
    size = abs(value) * 1.02
    power = 10.0 ** math.floor(math.log10(size))
    step = next(step for step in (1, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10) if size <= step * power)
    return math.copysign(step * power, value)
