"""What the customers of each agent write about: the share of an agent's comments about each of the most frequent themes.

Groups have the agent's name as breakdown; agents are coded as in `crmnb.stats.agents`. Counts have, for each theme, a column `about <place>`: whether a
comment is about it (0 or 1). Sources: Wilson 1927, JASA 22:209 (shares); Morris 1983, JASA 78:47 (shrunken shares); Cochran 1954, Biometrics 10:417
(whether agents differ beyond chance); Holm 1979, Scandinavian Journal of Statistics 6:65, over all themes.
"""

from typing import NamedTuple

import numpy as np
from scipy.special import chdtrc, ndtri

from crmnb.core.notes import Note
from crmnb.stats.agents import FEWEST_AGENTS, coded
from crmnb.stats.channel_preference import score_interval
from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts
from crmnb.stats.models.empirical_bayes import shrunken
from crmnb.stats.multiple_tests import holm

ABOUT = "about "  # begins the names of the columns of themes
SHRUNKEN = ", shrunken"  # ends the names of breakdowns
_FEW = 30  # comments or customers of an agent, below which a share is unreliable


class Agents(NamedTuple):
    """The agents with a comment, in the order of their codes: their groups, what they are called, how many comments each has, and of how many people at
    least a figure of each tells."""

    groups: list[GroupedCounts]
    codes: list[str]
    comments: np.ndarray
    people: np.ndarray

    def about(self, theme: int) -> np.ndarray:
        """How many comments of each agent are about a theme, by its place."""
        return np.array([(group.counts["n"] * group.counts[f"{ABOUT}{theme}"]).sum() for group in self.groups], float)


def themes(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """By theme and agent (breakdown), the share of the agent's comments that are about the theme, and the same shrunken towards that of all agents.

    Settings: `themes`, the names of all themes; `most_frequent`, of how many a share is given. A theme that fewer than `suppress_below` comments are about has
    none. Points: breakdown is the theme, level the breakdown of a row, x the place of the agent.
    """
    agents = _agents(groups, context)
    rows, points, p_values = [], [], {}
    enough = len(agents.codes) >= FEWEST_AGENTS
    for theme, name in _most_frequent(agents, context):
        about = agents.about(theme)
        drawn = own = _plain_rows(agents, name, about, context.level)
        if enough and about.sum() < agents.comments.sum():  # where all are about it, nobody differs
            drawn = _shrunken_rows(agents, name, about, context.level)
            own = [*own, *drawn]
            p_values[name] = _heterogeneity(agents, about)
        rows += own
        points += _points(agents, name, drawn)
    if not rows:
        rows = [
            group.row(breakdown=code, reason=Note("no_frequent_theme"))
            for group, code in zip(agents.groups, agents.codes, strict=True)
        ]
    return Estimates(rows, points, _notes(agents, p_values, context.level))


def _agents(groups: list[GroupedCounts], context: EstimationContext) -> Agents:
    own = [group for group in groups if group.is_whole and group.win == "current"]
    codes = coded(sorted({group.breakdown for group in own}), context)
    own.sort(key=lambda group: context.settings["agents"].index(group.breakdown))
    people = _people(np.array([min(group.n, group.customers) for group in own]), context.suppress_below)
    return Agents(own, [codes[group.breakdown] for group in own], np.array([group.n for group in own]), people)


def _people(customers: np.ndarray, at_least: int) -> np.ndarray:
    """Of how many customers the figures of each agent tell: where all comments are about agents, those of the others tell of the hidden ones together.

    The smallest of the others are hidden with them until these are enough.
    """
    people, order = customers.copy(), np.argsort(customers, kind="stable")
    hidden = customers[customers < at_least].sum()
    for place in order[(customers < at_least).sum() :]:
        if not 0 < hidden < at_least:
            break
        people[place] = hidden
        hidden += customers[place]
    return people


def _most_frequent(agents: Agents, context: EstimationContext) -> list[tuple[int, str]]:
    """The places and names of the themes that most comments of all agents are about."""
    names = context.settings["themes"]
    totals = {place: float(agents.about(place).sum()) for place, _ in enumerate(names)}
    fewest = max(context.suppress_below, 1)
    frequent = sorted((place for place in totals if totals[place] >= fewest), key=lambda place: (-totals[place], place))
    return [(place, names[place]) for place in frequent[: int(context.settings["most_frequent"])]]


def _plain_rows(agents: Agents, theme: str, about: np.ndarray, level: float) -> list[dict]:
    """Of each agent the share with Wilson's interval, in which a customer with several comments counts once."""
    rows = []
    for group, code, people, number in zip(agents.groups, agents.codes, agents.people, about, strict=True):
        share, units = number / group.n, min(group.n, group.customers)
        low, high = score_interval(share * units, units, float(ndtri((1 + level) / 2)))
        fields = {
            "low": min(low, share),
            "high": max(high, share),
            "method": "Wilson",
            "numerator": number,
            "denominator": group.n,
        }
        rows.append(
            group.row(
                breakdown=f"{theme}, {code}",
                value=share,
                clusters=people,
                flags="unreliable" if units < _FEW else "",
                **fields,
            )
        )
    return rows


def _shrunken_rows(agents: Agents, theme: str, about: np.ndarray, level: float) -> list[dict]:
    """The shares moved towards that of all agents. By chance alone, each scatters as the share of all does."""
    pooled = about.sum() / agents.comments.sum()
    model = shrunken(about / agents.comments, pooled * (1 - pooled) / agents.comments)
    rows = []
    for place, (group, code) in enumerate(zip(agents.groups, agents.codes, strict=True)):
        value = float(np.clip(model.estimates[place], 0, 1))
        half = float(ndtri((1 + level) / 2) * model.errors[place])
        ends = {"low": max(value - half, 0.0), "high": min(value + half, 1.0)}
        rows.append(group.row(breakdown=f"{theme}, {code}{SHRUNKEN}", value=value, method="empirical Bayes", **ends))
    return rows


def _points(agents: Agents, theme: str, rows: list[dict]) -> list[dict]:
    """A point for each agent's row; those of few comments or customers are left out with it."""
    return [
        group.point(
            float(place), row["value"], n=min(row["n"], row["clusters"]), breakdown=theme, level=row["breakdown"]
        )
        for place, (group, row) in enumerate(zip(agents.groups, rows, strict=True))
    ]


def _heterogeneity(agents: Agents, about: np.ndarray) -> float:
    """The p-value of agents who are all alike: the chi-squared test of their shares."""
    pooled = about.sum() / agents.comments.sum()
    scatter = ((about - agents.comments * pooled) ** 2 / (agents.comments * pooled * (1 - pooled))).sum()
    return float(chdtrc(len(agents.codes) - 1, scatter))


def _notes(agents: Agents, p_values: dict[str, float], level: float) -> list[Note]:
    """Of which themes agents differ beyond chance, all themes tested together; or that there are too few agents to say."""
    if len(agents.codes) < FEWEST_AGENTS:
        return [Note("too_few_agents_to_shrink", fewest=FEWEST_AGENTS)]
    adjusted = holm(list(p_values.values()))
    differ = tuple(name for name, p_value in zip(p_values, adjusted, strict=True) if p_value < 1 - level)
    facts = {"agents": len(agents.codes)}
    return [
        Note("agents_differ_by_theme", themes=differ, **facts) if differ else Note("agents_alike_by_theme", **facts)
    ]
