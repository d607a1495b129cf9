"""The link between teams and their customers: a dot for each team, and the line through them."""

from typing import NamedTuple

from crmnb.evaluate.result import Result
from crmnb.report.charts import chart
from crmnb.report.drawing.axes import unit_ticks
from crmnb.report.drawing.canvas import ACCENT, INK, QUIET, TEXT, box, drawings, is_narrow
from crmnb.report.drawing.figure import Figure, Figures
from crmnb.report.drawing.labels import spread
from crmnb.report.drawing.series import points_of, series
from crmnb.report.html import printable, table
from crmnb.report.text.alt import link_alt
from crmnb.report.text.numbers import number
from crmnb.report.text.row_state import available, has_interval
from crmnb.report.text.sentences import notes_in_words
from crmnb.report.text.values import absence_reason, named_interval, value_words

_HEIGHT, _LEFT, _RIGHT, _TOP, _FOOT = 440, 46, 20, 34, 56
_MOST_NAMES = 16  # of teams: more would hide the dots
_APART = TEXT + 5  # pixels from one label to the next
_AIR = 0.08  # of the reach of the dots, around them


class Team(NamedTuple):
    """A team: its score and that of its customers, 0 to 100."""

    name: str
    score: float
    customers: float


@chart("link")
def team_link(result: Result) -> Figure | Figures:
    """Points: of each team (level) one at its score (x) and that of its customers; and the ends of the line (breakdown "line")."""
    slope = next((row for row in result.entries if not row.breakdown and available(row)), None)
    teams = _teams(result)
    if slope is None or not teams:
        return Figures((), f"{result.metric.title}: no chart: {absence_reason(result, 'no team may be shown')}.")
    pictures = drawings(lambda figure: _draw(figure, result, teams), _HEIGHT, _HEIGHT)
    line = series("line", points_of(result))
    ends = [(t.name, _score(t.score, result), _score(t.customers, result)) for t in (teams[0], teams[-1])]
    drawn = [(_score(x, result), _score(y, result)) for x, y in zip(line.x, line.value, strict=True)]
    alt = link_alt(len(teams), ends, drawn)
    notes = (
        f"Line: {value_words(result, slope)}, {named_interval(result, slope)}, corrected for chance in the teams' scores.",
    )
    texts = {"title": _title(result, slope), "alt": alt, "notes": notes + notes_in_words(result)}
    return Figure(table=_table(result, teams), **texts, **pictures)


def _teams(result: Result) -> list[Team]:
    """The teams that may be shown, that of the lowest score first."""
    points = result.points
    shown = points[(points["segment"] != "") & points["value"].notna()] if len(points) else points
    teams = [Team(printable(point.level, 40), point.x, point.value) for point in shown.itertuples()]
    return sorted(teams, key=lambda team: (team.score, team.name))


def _draw(figure, result: Result, teams: list[Team]) -> None:
    axes = box(figure, _LEFT, _TOP, _RIGHT, _FOOT)
    line = series("line", points_of(result))
    axes.set_xlim(*_ends([team.score for team in teams], right=0.2))
    axes.set_ylim(*_ends([*(team.customers for team in teams), *line.value]))
    unit_ticks(axes.xaxis, result, 4 if is_narrow(figure) else 6)
    unit_ticks(axes.yaxis, result, 6)
    axes.set_xlabel("engagement index of the team, 0 to 100", color=QUIET, labelpad=6)
    axes.set_title("satisfaction of its customers, 0 to 100", loc="left", fontsize=TEXT, color=QUIET, pad=9)
    axes.plot(line.x, line.value, color=QUIET, linewidth=1.6)
    for team in teams:
        axes.plot([team.score], [team.customers], "o", markersize=9, color=ACCENT)
    if len(teams) <= _MOST_NAMES:
        _label(axes, teams)


def _ends(values: list[float], right: float = _AIR) -> tuple[float, float]:
    """Limits of an axis around values, with room at the right for names."""
    low, high = min(values), max(values)
    reach = (high - low) or 1.0
    return low - _AIR * reach, high + right * reach


def _label(axes, teams: list[Team]) -> None:
    """Each name beside its dot, moved up or down where two would overlap."""
    places = [axes.transData.transform((team.score, team.customers)) for team in teams]
    bounds = axes.get_window_extent()
    heights = spread([float(y) for _, y in places], _APART, bounds.y0 + 8, bounds.y1 - 8)
    for team, (x, _), height in zip(teams, places, heights, strict=True):
        axes.annotate(team.name, (x + 9, height), xycoords="figure pixels", va="center", color=INK)


def _title(result: Result, slope) -> str:
    """Whether engaged teams have more or less satisfied customers, where the interval says so."""
    if not has_interval(slope) or slope.low <= 0 <= slope.high:
        return f"{result.metric.title}: no detectable link"
    more = "more" if slope.value > 0 else "less"
    return f"Teams with higher engagement have {more} satisfied customers ({value_words(result, slope)})"


def _score(value: float, result: Result) -> str:
    return number(value, 1, result.client)


def _table(result: Result, teams: list[Team]):
    body = [[team.name, _score(team.score, result), _score(team.customers, result)] for team in teams]
    columns = ["Team", "Engagement index", "Satisfaction of its customers"]
    return table(columns, body, caption="Scores of each team", numeric=(1, 2))
