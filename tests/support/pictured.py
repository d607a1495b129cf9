"""Results with points made by hand, for the tests of pictures of curves, stages, steps, shares and forecasts."""

import itertools
import math
import re
from xml.etree import ElementTree

import numpy as np
from synthetic import NAN, metric, point, rate, result, row

from crmnb.core.composition_part import CompositionPart
from crmnb.metrics.estimators import Estimator
from crmnb.stats.agent_themes import SHRUNKEN
from crmnb.stats.seller_gap import AVERAGE, BEYOND_CHANCE, TOP

SURVIVAL = metric(
    id="survival_curve", title="Survival curve", numerator="customers", denominator="customers", breakdown="time"
)
CONVERSION = metric(
    id="cumulative_win_rate", title="Cumulative win rate", denominator="leads", breakdown="what became of it"
)
STAGES = metric(id="stage_conversion", title="Stage conversion", denominator="leads created", breakdown="stage")
GROWTH = metric(id="revenue_bridge", title="Growth decomposition", unit="money", denominator="", breakdown="part")
CONCENTRATION = metric(
    id="revenue_concentration",
    title="Revenue concentration",
    unit="share",
    units={"revenue share of the top 10%": "%"},
    denominator="buyers",
)
PRIORITIES = metric(
    id="driver_impact",
    title="Driver impact (per 5 points)",
    unit="index points",
    denominator="answers",
    breakdown="driver",
)
PRACTICES = metric(
    id="seller_gap",
    title="Top sellers less average sellers",
    unit="per seller",
    units={"win rate": "points"},
    denominator="sellers of both groups",
    breakdown="practice",
    estimate=Estimator("difference of means", "counts", "seller_gap.gaps", "Welch, by seller", chart="sellers"),
)
AGENT_THEMES = metric(
    id="representative_themes",
    title="Themes by agent",
    denominator="comments about an agent",
    breakdown="theme and agent",
    estimate=Estimator("proportion", "counts", "agent_themes.themes", "Wilson, by customer", chart="agent_themes"),
)
INITIATIVES = metric(
    id="initiative_effect",
    title="Initiative effect",
    unit="points",
    estimate=Estimator("effect of an initiative", "panels", "", "", chart="event_study"),
)
PAYBACK = metric(id="cac_payback_period", title="CAC payback period", unit="months", denominator="customers won")
COMPOSITION = metric(
    id="nps_shares",
    title="Promoters, passives and detractors",
    denominator="valid answers",
    breakdown="survey",
    parts=("detractors", "passives", "promoters"),
)
EFFECTIVENESS = metric(id="clv_backtest", title="Forecast error", breakdown="forecast", denominator="purchases")


def falling(scale: float, *, until: int = 1100, n: int = 4000, step: int = 7, **where) -> list[dict]:
    """A survival curve of exponential lives, one point a week, its band wider as fewer are at risk."""
    points = []
    for day in range(step, until + 1, step):
        left, share = n * math.exp(-day / scale) * (1 - day / 2 / until), 100 * math.exp(-day / scale)
        half = 196 * math.sqrt(share / 100 * (1 - share / 100) / left)
        points.append(point(day, share, half, n=float(round(left)), **where))
    return points


def survival(levels: dict[str, float] | None = None, **more):
    """Survival of the whole, and of the levels of a segmentation by the mean of their lives in days."""
    rows = [rate(3000, 4000, 1.5, breakdown="after 180 days")]
    points = falling(900)
    for place, (level, scale) in enumerate((levels or {}).items()):
        rows.append(rate(300, 400 - place, 4, breakdown="after 180 days", segment="region", level=level))
        points += falling(scale, n=4000 - 300 * place, until=1100 - 120 * place, segment="region", level=level)
    return result(rows, of=SURVIVAL, points=points, **more)


def conversion(**more):
    """Leads that are won (up to 20%) or lost (up to 55%)."""
    points = [
        point(day, top * (1 - math.exp(-day / 60)), 2.0, n=1200.0 - 2 * day, breakdown=name)
        for name, top in (("won", 20.0), ("lost", 55.0))
        for day in range(1, 366, 2)
    ]
    return result([rate(200, 1200, 2.3, breakdown="won within 90 days")], of=CONVERSION, points=points, **more)


def stages(*, reached=(1210, 640, 410, 96), **facts):
    """Leads that get to each of three stages; facts: of the first step."""
    names = ("1 lead to qualified", "2 qualified to proposed", "3 proposed to won")
    steps = zip(names, reached, reached[1:], strict=False)
    rows = [rate(num, den, 3, breakdown=name) for name, den, num in steps]
    rows[0] |= facts
    return result(rows[::-1], of=STAGES)


def shares(**surveys: tuple[int, int, int]):
    """Detractors, passives and promoters, of one survey or of several."""
    rows = []
    for survey, counts in (surveys or {"": (30, 50, 120)}).items():
        for part, count in zip(COMPOSITION.parts, counts, strict=True):
            rows.append(rate(count, sum(counts), 4, breakdown=str(CompositionPart(survey, part))))
    return result(rows, of=COMPOSITION)


def growth(before=61200.0, now=74850.0, **parts):
    """Revenue before and now, and what the parts add."""
    parts = parts or {"customers": 18900.0, "frequency": -7450.0, "order value": 2200.0}
    named = {"comparison": before, **parts, "current": now}
    rows = [row(breakdown=name, value=value, unit="money", n=400) for name, value in named.items()]
    return result(rows, of=GROWTH)


def concentration(**more):
    """Revenue that is distributed as x^4 over customers in order."""
    x = np.linspace(1, 100, 150)
    rows = [
        row(breakdown="Gini coefficient", value=0.62, low=0.58, high=0.66, n=1500, unit="share"),
        row(breakdown="revenue share of the top 10%", value=41.0, low=38.0, high=44.5, n=1500, unit="%"),
    ]
    return result(rows, of=CONCENTRATION, points=[point(at, (at / 100) ** 4, NAN) for at in x], **more)


def forecast(**more):
    """Purchases by week over 78 weeks, the last 39 of them held out; all of it cumulative."""
    points = [point(39, 0, NAN, breakdown="holdout begins", n=NAN)]
    for week in range(1, 79):
        actual = 2400 * (1 - math.exp(-week / 40)) + 8 * math.sin(week)
        points.append(point(week, actual, NAN, breakdown="actual"))
        points.append(point(week, 2300 * (1 - math.exp(-week / 38)), NAN, breakdown="expected"))
        if week >= 39:
            points.append(point(week, 1497 + (week - 39) * 38.0, NAN, breakdown="naive baseline"))
    rows = [
        row(breakdown="total error, model", value=4.1, low=-1.0, high=9.2, n=900, unit="%"),
        row(breakdown="total error, naive baseline", value=58.0, n=900, unit="%"),
    ]
    return result(rows, of=EFFECTIVENESS, points=points, **more)


def payback(*, months: int = 11, covered: float = 7.0, **facts):
    """Margin of 4 a month of age, against a cost of 28."""
    points = [point(0, 28.0, 1.5, breakdown="cost", n=3794.0)]
    points += [
        point(age, 4.0 * age, 0.2 * age, breakdown="margin", n=max(3800.0 - 300 * age, 40.0))
        for age in range(1, months + 1)
    ]
    rows = [row(value=covered, low=7.0, high=8.0, unit="months", n=3794, **facts)]
    return result(rows, of=PAYBACK, points=points)


def initiatives(effect: float = 3.0, before: int = 6):
    """An initiative: the effect by months since the start with an interval of 2 to either side, and placebos from -1 to 1.5."""
    points, rows, name = [], [], "repair desk"
    for month in range(-before, 9):
        value = effect * (month >= 0) + 0.3 * math.sin(month)
        half = 0.0 if month == -1 else 2.0
        points.append(point(month, value, half, breakdown=name, level="effect", n=500.0))
    points += [
        point(month, effect * (month + 1), 2.0 * (month + 1) ** 0.5, breakdown=name, level="accumulated", n=500.0)
        for month in range(9)
    ]
    points += [point(at, of, 2.0, breakdown=name, level="placebo date", n=500.0) for at, of in ((0, -1.0), (1, 1.5))]
    rows.append(row(value=effect, low=effect - 1, high=effect + 1, breakdown=name, unit="points", n=500, clusters=500))
    return result(rows, of=INITIATIVES, points=points)


def priorities(**drivers: tuple[float, float]):
    """Drivers with a score (+-2) and an impact (+-0.4), of which two are close to each other."""
    drivers = drivers or {
        "Service": (64.0, 3.1),
        "Price": (58.0, 0.6),
        "Range": (76.0, 1.9),
        "Clarity": (75.5, 1.92),
    }
    rows = [
        row(
            value=impact,
            low=impact - 0.4,
            high=impact + 0.4,
            breakdown=name,
            n=400.0,
            clusters=400.0,
            unit="index points",
        )
        for name, (_, impact) in drivers.items()
    ]
    points = [
        point(score + shift, impact, 0.4 if not shift else NAN, breakdown=name)
        for name, (score, impact) in drivers.items()
        for shift in (-2.0, 0.0, 2.0)
    ]
    return result(rows, of=PRIORITIES, points=points)


def practices(**practices: tuple[float, float, float, str]):
    """Practices with the means of average and of top sellers, half an interval of the difference, and a flag; all sellers have a mean
    between both and a standard deviation of 4, and the first practice is the one furthest apart."""
    practices = practices or {
        "visit": (30.0, 45.0, 4.4, BEYOND_CHANCE),
        "win rate": (38.0, 49.7, 3.8, BEYOND_CHANCE),
        "seminar": (12.0, 9.2, 2.9, ""),
        "call": (80.0, 80.2, 6.7, ""),
    }
    rows, points = [], []
    for name, (average, top, half, flag) in practices.items():
        difference = top - average
        ends = {"low": difference - half, "high": difference + half}
        unit = "points" if name == "win rate" else "per seller"
        where = {"breakdown": name, "unit": unit, "flags": flag, "n": 18.0, "clusters": 18.0}
        rows.append(row(value=difference, **ends, **where))
        middle = (average + top) / 2
        for side, mean in ((AVERAGE, average), (TOP, top)):
            points.append(point((mean - middle) / 4, mean, breakdown=side, level=name, n=18.0))
    return result(rows, of=PRACTICES, points=points)


def agents_with_themes(**agents: tuple[float, float]):
    """Agents with the shrunken shares of two themes, "late / slow" and "price", each of 40 comments; NaN is not shown."""
    agents = agents or {"A1": (12.0, 20.0), "A2": (31.0, 18.5), "A3": (22.0, 24.0)}
    rows, points = [], []
    for at, theme in enumerate(("late / slow", "price")):
        for end in ("", SHRUNKEN):
            for place, (agent, shares) in enumerate(agents.items()):
                where = {"breakdown": f"{theme}, {agent}{end}", "n": 40.0, "clusters": 40.0, "unit": "%"}
                hidden = {"flags": "suppressed", "n": NAN, "clusters": NAN} if np.isnan(shares[at]) else {}
                ends = {"low": max(shares[at] - 6, 0.0), "high": shares[at] + 6} if not hidden else {}
                rows.append(row(value=shares[at], **ends, **(where | hidden)))
                if end and not hidden:
                    points.append(
                        point(float(place), shares[at], breakdown=theme, level=f"{theme}, {agent}{end}", n=40.0)
                    )
    return result(rows, of=AGENT_THEMES, points=points)


def link(slope: float = 0.5, half: float = 0.2, teams: int = 9, **facts):
    """Teams with engagement of 60, 62, 64 ... and the satisfaction of their customers around a line."""
    own = [
        point(
            60.0 + 2 * at,
            70 + slope * 2 * at + 3 * math.sin(7 * at),
            NAN,
            breakdown="teams",
            segment="team",
            level=f"Team {at}",
            n=12.0,
        )
        for at in range(teams)
    ]
    ends = [point(x, 70 + slope * (x - 60), NAN, breakdown="line", n=NAN) for x in (60.0, 58.0 + 2 * teams)]
    rows = [
        row(value=slope, low=slope - half, high=slope + half, unit="points per point", **facts),
        row(value=0.6, low=0.1, high=0.9, breakdown="rank correlation", unit="correlation"),
    ]
    of = metric(
        id="employee_customer_link",
        title="Link between employees and customers",
        unit="points per point",
        breakdown="measure",
    )
    return result(rows, of=of, points=own + ends)


def hazards(kind="region", against="East", levels=("North", "South", "West")):
    """Hazard ratios of levels against a reference."""
    found = dict(zip(levels, [(2.14, 1.71, 2.68), (1.02, 0.80, 1.31), (0.47, 0.31, 0.72)], strict=True))
    rows = [
        row(
            breakdown=f"{kind}: {level} vs {against}",
            value=v,
            low=lo,
            high=hi,
            n=300,
            clusters=300,
            unit="hazard ratio",
        )
        for level, (v, lo, hi) in found.items()
    ]
    of = metric(id="churn_drivers", title="Churn drivers", unit="hazard ratio", direction="-", breakdown="comparison")
    return result(rows, of=of)


def long_hazards():
    """The same with long names."""
    levels = ("Bank transfer (automatic, on the first of the month)", "Credit card", "Mailed check, M" + 60 * "m")
    return hazards("payment method", "Electronic check", levels)


def medians():
    """Median lifetimes, of which one has no upper limit and one is not reached."""
    kept = {"flags": "not_reached", "reason": "after 1,096 days 71% are still customers", "high": math.inf, "n": 800.0}
    rows = [row(value=620.0, low=590.0, high=655.0, n=4000, clusters=4000, unit="days")]
    rows += [
        row(value=510.0, low=480.0, high=545.0, n=1500, clusters=1500, unit="days", segment="region", level="North"),
        row(value=700.0, low=640.0, high=math.inf, n=900, clusters=900, unit="days", segment="region", level="South"),
        row(low=980.0, unit="days", clusters=800, segment="region", level="West", **kept),
    ]
    of = metric(id="median_lifetime", title="Median lifetime", unit="days", denominator="customers")
    return result(rows, of=of)


def texts(figure) -> list[str]:
    """The texts in a picture, in the order of drawing."""
    return [words for words, *_ in placed(figure)]


def overlaps(figure) -> list[tuple[str, str]]:
    """The pairs of texts that lie on each other, at 6.5 px a character; and (text, "the edge") of those cut off."""
    boxes = [(words, *_box(words, x, y, anchor)) for words, x, y, anchor in placed(figure) if words.strip()]
    cut = [
        (words, "the edge")
        for words, left, top, right, bottom in boxes
        if left < 0 or top < 0 or right > figure.width or bottom > figure.height
    ]
    pairs = itertools.combinations(boxes, 2)
    return cut + [
        (one[0], other[0])
        for one, other in pairs
        if one[1] < other[3] and other[1] < one[3] and one[2] < other[4] and other[2] < one[4]
    ]


def looks_of(svg: str) -> dict[str, str]:
    """What the classes of a picture's style sheet look like."""
    return dict(re.findall(r"\.(\w+){([^}]*)}", svg[: svg.index("</style>")]))


def look(element, looks: dict[str, str]) -> str:
    """An element's style, its own or by its class."""
    return element.get("style") or looks.get(element.get("class"), "")


def placed(figure) -> list[tuple[str, float, float, str]]:
    """The texts with their x, y and anchor."""
    root = ElementTree.fromstring(figure.svg)  # noqa: S314
    looks = looks_of(figure.svg)
    found = []
    of_group = {child: group.get("class") for group in root.iter("{http://www.w3.org/2000/svg}g") for child in group}
    for text in root.iter("{http://www.w3.org/2000/svg}text"):
        moved = re.match(r"translate\(([-\d.]+) ([-\d.]+)\)", text.get("transform", ""))
        x, y = moved.groups() if moved else (text.get("x"), text.get("y"))
        anchor = re.search(r"text-anchor:(\w+)", look(text, looks) or looks.get(of_group.get(text), ""))
        found.append(("".join(text.itertext()), float(x), float(y), anchor[1] if anchor else "start"))
    return found


def _box(words: str, x: float, y: float, anchor: str) -> tuple[float, float, float, float]:
    wide = 6.5 * len(words)
    left = x - {"start": 0, "middle": wide / 2, "end": wide}[anchor]
    return left, y - 10, left + wide, y + 2
