"""Agents: the share of cases that each resolved, adjusted for their case mix, and how satisfied their customers are.

Groups have the agent's name as breakdown. Names leave this module only where the setting `name_agents` allows it: otherwise agents are coded A1, A2
and so on, in the order in which the setting `agents` lists them.

Resolved. Counts have `stratum`, `resolved` (0, 1) and `n`. Every agent's cases are compared with what all agents reached in the same strata
(indirect standardisation, `crmnb.stats.models.funnel_plot`). Satisfaction. Counts have `points` (0 to 100) and `n`; means are shrunken
(`crmnb.stats.models.empirical_bayes`).
"""

import numpy as np
import pandas as pd
from scipy.special import ndtri

from crmnb.core.notes import Count, Note
from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts
from crmnb.stats.models.empirical_bayes import Shrunken, shrunken
from crmnb.stats.models.funnel_plot import Funnel, Standardised, funnel, limits, standardise

AGENTS, SHRUNKEN, LIMITS = "agents", "shrunken", "limits"  # breakdowns of the points
FEWEST_AGENTS = 5  # of fewer, the variance between agents cannot be estimated
OUTSIDE = 0.998  # the level of the outer limits, beside the client's own
_FEW = 30  # cases or customers of an agent, below which the figure is unreliable
_PLACES = 40  # of a limit


def coded(names: list[str], context: EstimationContext) -> dict[str, str]:
    """What each agent is called on a page; setting `agents`: all of them, in the order of their codes."""
    if context.settings.get("name_agents"):
        return {name: name for name in names}
    places = {name: place for place, name in enumerate(context.settings["agents"], 1)}
    return {name: f"A{places[name]}" for name in names}


# ---- Resolved ---------------------------------------------------------------------------------------------------------


def resolved(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """Each agent's adjusted share of cases resolved, unshrunk, with Wilson's interval at the size of its cases.

    Points: of each agent at its size (breakdown `agents`), the same shrunken, and both pairs of limits along the sizes (`limits`).
    """
    own, codes = _current(groups), _codes(groups, context)
    compared, standard, target = _standardised(own) if own else ([], None, 0.0)
    without = [group for group in own if group not in compared]
    rows = [group.row(breakdown=codes[group.breakdown], reason=Note("agents_all_alike")) for group in without]
    if not compared:
        return Estimates(sorted(rows, key=_by_code))
    of = funnel(standard, target)
    rows += [_rate_row(group, of, at, codes, context.level) for at, group in enumerate(compared)]
    points = _funnel_points(compared, of, standard, codes, context)
    return Estimates(sorted(rows, key=_by_code), points, _funnel_notes(compared, of))


def _current(groups: list[GroupedCounts]) -> list[GroupedCounts]:
    """The whole client's agents in the period: they are not compared with the time before, as who was best then is likely to be less so now."""
    return [group for group in groups if group.is_whole and group.win == "current"]


def _by_code(row: dict) -> tuple:
    code = row["breakdown"]
    return (code[:1], int(code[1:])) if code[1:].isdigit() else (code, 0)


def _codes(groups: list[GroupedCounts], context: EstimationContext) -> dict[str, str]:
    return coded(sorted({group.breakdown for group in groups}), context)


def _standardised(groups: list[GroupedCounts]) -> tuple[list[GroupedCounts], Standardised, float]:
    """The agents of whom something varies by chance, their sums, and the share of all."""
    counts = pd.concat([group.counts for group in groups], ignore_index=True)
    counts["unit"] = np.repeat(range(len(groups)), [len(group.counts) for group in groups])
    counts["events"] = counts["n"] * counts["resolved"]
    cells = counts.groupby(["unit", "stratum"], as_index=False)[["n", "events"]].sum()
    stratum = pd.factorize(cells["stratum"], sort=True)[0]
    of = standardise(cells["unit"].to_numpy(), stratum, cells["n"].to_numpy(float), cells["events"].to_numpy(float))
    target = float(counts["events"].sum() / counts["n"].sum())
    varies = (of.variance > 1e-12) & (of.expected > 0)
    return [groups[at] for at in np.flatnonzero(varies)], Standardised(*(column[varies] for column in of)), target


def _rate_row(group: GroupedCounts, of: Funnel, at: int, codes: dict[str, str], level: float) -> dict:
    value, n = min(float(of.rates[at]), 1.0), float(of.sizes[at])
    z = ndtri((1 + level) / 2)
    centre = (value + z**2 / (2 * n)) / (1 + z**2 / n)
    half = z * np.sqrt(value * (1 - value) / n + z**2 / (4 * n**2)) / (1 + z**2 / n)
    low, high = min(max(centre - half, 0.0), value), max(min(centre + half, 1.0), value)
    flags = "unreliable" if min(group.n, group.customers) < _FEW else ""
    return group.row(
        breakdown=codes[group.breakdown], value=value, low=low, high=high, method="Wilson, adjusted", flags=flags
    )


def _funnel_points(
    groups: list[GroupedCounts], of: Funnel, standard: Standardised, codes: dict[str, str], context: EstimationContext
) -> list[dict]:
    """The agents that may be shown, and the limits from the smallest of them to the largest."""
    shown = [at for at, group in enumerate(groups) if min(group.n, group.customers) >= context.suppress_below]
    if not shown:
        return []
    chance = standard.variance / standard.expected**2
    drawn_in = shrunken(standard.observed / standard.expected, chance) if len(groups) >= FEWEST_AGENTS else None
    points = []
    for at in shown:
        key = {"level": codes[groups[at].breakdown], "n": groups[at].n}
        points.append(groups[at].point(of.sizes[at], min(of.rates[at], 1.0), breakdown=AGENTS, **key))
        if drawn_in is not None:
            rate = min(drawn_in.estimates[at] * of.target, 1.0)
            points.append(groups[at].point(of.sizes[at], rate, breakdown=SHRUNKEN, **key))
    sizes = np.geomspace(of.sizes[shown].min() / 2, of.sizes[shown].max() * 1.1, _PLACES)
    whole = sum(groups[at].n for at in shown)
    for level in (context.level, OUTSIDE):
        for size, low, high in zip(sizes, *limits(of, sizes, level), strict=True):
            points.append(groups[0].point(size, of.target, low, high, n=whole, breakdown=LIMITS, level=f"{level:g}"))
    return points


def _funnel_notes(groups: list[GroupedCounts], of: Funnel) -> list[Note]:
    facts = {"agents": len(groups), "target": of.target, "dispersion": of.dispersion}
    return [Note("agents_overdispersed" if of.between > 0 else "agents_as_by_chance", **facts)]


# ---- Satisfaction -----------------------------------------------------------------------------------------------------


def satisfaction(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """Each agent's mean satisfaction, shrunken towards the mean of all; the plain mean is a point at the number of answers."""
    own, codes = _current(groups), _codes(groups, context)
    means = np.array([_mean(group) for group in own])
    within = _within(own, means)
    if len(own) < FEWEST_AGENTS or within <= 0:
        reason = Note("too_few_agents", fewest=FEWEST_AGENTS)
        return Estimates([group.row(breakdown=codes[group.breakdown], reason=reason) for group in own])
    n = np.array([group.n for group in own])
    of = shrunken(means, within / n)
    rows = [_mean_row(group, of, at, codes, context.level) for at, group in enumerate(own)]
    notes = [Note("agents_shrunken", agents=len(own), mean=of.mean, between=float(np.sqrt(of.between)))]
    notes.append(Note("answers_of_agents", answers=Count(float(n.sum()))))
    return Estimates(sorted(rows, key=_by_code), _mean_points(own, means, of, codes, context), notes)


def _mean(group: GroupedCounts) -> float:
    return float(np.average(group.counts["points"], weights=group.counts["n"]))


def _within(groups: list[GroupedCounts], means: np.ndarray) -> float:
    """The variance of answers about the means of their agents."""
    answers = ((group.counts["n"].to_numpy(), group.counts["points"].to_numpy()) for group in groups)
    squares = sum(float(n @ (points - mean) ** 2) for (n, points), mean in zip(answers, means, strict=True))
    free = sum(group.n for group in groups) - len(groups)
    return squares / free if free > 0 else 0.0


def _mean_row(group: GroupedCounts, of: Shrunken, at: int, codes: dict[str, str], level: float) -> dict:
    value, half = float(of.estimates[at]), ndtri((1 + level) / 2) * float(of.errors[at])
    fields = {"low": max(value - half, 0.0), "high": min(value + half, 100.0), "method": "empirical Bayes"}
    return group.row(breakdown=codes[group.breakdown], value=value, **fields)


def _mean_points(
    groups: list[GroupedCounts], means: np.ndarray, of: Shrunken, codes: dict[str, str], context: EstimationContext
) -> list[dict]:
    points = []
    for at, group in enumerate(groups):
        if min(group.n, group.customers) < context.suppress_below:
            continue
        key = {"level": codes[group.breakdown], "n": group.n}
        points.append(group.point(group.n, float(means[at]), breakdown=AGENTS, **key))
        points.append(group.point(group.n, float(of.estimates[at]), breakdown=SHRUNKEN, **key))
    return points
