"""The priority map: how drivers score, and what each is worth; both with their intervals."""

from crmnb.evaluate.result import Result
from crmnb.report.charts import chart
from crmnb.report.drawing.axes import unit_ticks
from crmnb.report.drawing.canvas import ACCENT, INK, QUIET, TEXT, box, drawings, is_narrow
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.report.drawing.labels import spread
from crmnb.report.html import table
from crmnb.report.tables.driver_priorities import QUADRANTS, Driver, centre_of, drivers_of, quadrant
from crmnb.report.text.alt import priority_alt
from crmnb.report.text.numbers import decimals_of, limits_text, number, whole_number
from crmnb.report.text.row_state import is_clearly_below
from crmnb.report.text.values import absence_reason, interval_name, interval_words, value_words

_HEIGHT, _LEFT, _RIGHT, _TOP, _FOOT = 440, 58, 20, 34, 56
_NARROW_HEIGHT, _NARROW_ROOM = 400, 0.5  # on a telephone; the room for names right of the points
_NARROW_AXIS = "index points for 5 more of the driver"
_MOST_DRIVERS = 12
_APART = TEXT + 5  # pixels from one label to the next


@chart("priority")
def priority_map(result: Result) -> Figure | Figures:
    """Points: of each driver (breakdown) three, at the score and both ends of its interval (x), of which the middle one has the impact's interval.

    Drawn are the drivers of largest impact; the data table holds all.
    """
    every = drivers_of(result)
    if not every:
        return Figures((), f"Priority map: no chart: {absence_reason(result, 'no driver has an impact')}.")
    drivers = every[:_MOST_DRIVERS]
    centre = centre_of(drivers)
    pictures = drawings(lambda figure: _draw(figure, result, drivers, centre), _HEIGHT, _NARROW_HEIGHT)
    named = [(d.name, _score(result, d), value_words(result, d.row), quadrant(d, centre, drivers)) for d in drivers]
    alt = priority_alt(result, named)
    texts = {"title": _title(result, drivers, centre), "alt": alt, "notes": _notes(result, drivers, every)}
    return Figure(table=_table(result, every), **texts, **pictures)


def _draw(figure, result: Result, drivers: list[Driver], centre: tuple[float, float]) -> None:
    axes = box(figure, _LEFT, _TOP, _RIGHT, _FOOT)
    room = _NARROW_ROOM if is_narrow(figure) else 0.22
    axes.set_xlim(*_ends([end for d in drivers for end in (d.low, d.high)], right=room))
    axes.set_ylim(*_ends([end for d in drivers for end in (d.row.low, d.row.high, 0.0)]))
    unit_ticks(axes.xaxis, result, 4 if is_narrow(figure) else 6)
    unit_ticks(axes.yaxis, result, 6)
    axes.set_xlabel("score of the driver, 0 to 100", color=QUIET, labelpad=6)
    words = _NARROW_AXIS if is_narrow(figure) else "impact on the index of 5 more points of the driver"
    axes.set_title(words, loc="left", fontsize=TEXT, color=QUIET, pad=9)
    if len(drivers) > 1:
        _draw_quadrants(axes, centre)
    for driver in drivers:
        row = driver.row
        style = {"color": ACCENT, "linewidth": 1.6, "alpha": 0.55, "solid_capstyle": "round"}
        axes.plot([driver.low, driver.high], [row.value, row.value], **style)
        axes.plot([driver.score, driver.score], [row.low, row.high], **style)
        axes.plot([driver.score], [row.value], "o", markersize=9, color=ACCENT)
    _label(axes, drivers)


def _ends(values: list[float], right: float = 0.08) -> tuple[float, float]:
    """Limits of an axis around values, with room at the right for names."""
    low, high = min(values), max(values)
    reach = (high - low) or 1.0
    return low - 0.08 * reach, high + right * reach


def _draw_quadrants(axes, centre: tuple[float, float]) -> None:
    """The lines of the mean driver, and what to do on each side of them."""
    style = {"color": QUIET, "linewidth": 1.2, "linestyle": (0, (1, 2.5))}
    axes.axvline(centre[0], **style)
    axes.axhline(centre[1], **style)
    for (strong, good), words in QUADRANTS.items():
        place, sides = (
            (float(good), float(strong)),
            {"ha": "right" if good else "left", "va": "top" if strong else "bottom"},
        )
        shift = (-4 if good else 4, -4 if strong else 4)
        axes.annotate(words, place, shift, "axes fraction", "offset points", color=QUIET, style="italic", **sides)


def _label(axes, drivers: list[Driver]) -> None:
    """Each name beside the right end of its line, moved up or down where two would overlap."""
    places = [axes.transData.transform((driver.high, driver.row.value)) for driver in drivers]
    bounds = axes.get_window_extent()
    heights = spread([float(y) for _, y in places], _APART, bounds.y0 + 8, bounds.y1 - 8)
    for driver, (x, _), height in zip(drivers, places, heights, strict=True):
        style = {"va": "center", "color": INK, "fontweight": "bold"}
        axes.annotate(driver.name, (x + 7, height), xycoords="figure pixels", **style)


def _title(result: Result, drivers: list[Driver], centre: tuple[float, float]) -> str:
    """What to improve first, where both intervals of a driver say so; else the largest and the smallest impact, where these lie apart."""
    if len(drivers) == 1:
        return "Priority map"
    urgent = [driver for driver in drivers if driver.high < centre[0] and driver.row.low > centre[1]]
    if urgent:
        first = urgent[0]
        return f"Priority map: improve {first.name} first (score {_score(result, first)}, impact {value_words(result, first.row)})"
    first, last = drivers[0], drivers[-1]
    if is_clearly_below(last.row, first.row):
        return f"Priority map: largest impact {first.name} ({value_words(result, first.row)}), smallest {last.name} ({value_words(result, last.row)})"
    return "Priority map: no detectable difference between largest and smallest impact"


def _score(result: Result, driver: Driver) -> str:
    decimals = decimals_of(driver.score, driver.low, driver.high, "points")
    return number(driver.score, decimals, result.client)


def _table(result: Result, drivers: list[Driver]):
    """The driver table: score and impact, with their intervals."""
    body = [
        [
            driver.name,
            _score(result, driver),
            limits_text(
                driver.low,
                driver.high,
                "points",
                decimals_of(driver.score, driver.low, driver.high, "points"),
                result.client,
            ),
            value_words(result, driver.row),
            interval_words(result, driver.row),
            whole_number(driver.row.n, result.client),
        ]
        for driver in drivers
    ]
    level = interval_name(result)
    columns = ["Driver", "Score", level, "Impact", level, "n"]
    return table(columns, body, caption="Score and impact of each driver", numeric=(1, 2, 3, 4, 5))


def _notes(result: Result, drivers: list[Driver], every: list[Driver]) -> tuple[str, ...]:
    notes = [f"Lines: {interval_name(result)} of score and impact."]
    if len(drivers) > 1:
        notes.append("Dotted: the mean of the drivers. A place near a dotted line can be chance.")
    if len(every) > len(drivers):
        notes.append(f"{len(every) - len(drivers)} drivers of smaller impact are in the data table only.")
    return (" ".join(notes),)
