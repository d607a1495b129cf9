"""Employees: indices of several items with their reliability, and how the scores of teams go with those of their customers.

Index. Counts are those of `crmnb.stats.finite_population`, and a column `answer to <item>` (0-100, empty where it was not answered) for each item.

Link. Counts have `team` and `value` (0-100), and in the breakdown "employees" the headcounts as well; a row of "customers" is a customer.
The slope is that on the team's true score (Fuller 1987, Measurement Error Models, 1.2), the rank correlation Spearman's over the
square root of both reliabilities (Spearman 1904). Teams are the units: the interval of the slope is a jackknife of teams with t (two degrees
of freedom fewer than teams), which covers .94 to .97 of slopes from 8 to 40 teams, where the percentile bootstrap of teams covers .84 to .92;
that of the rank correlation is Bonett & Wright's (2000, Psychometrika 65:23), over the same root.
"""

import numpy as np
import pandas as pd
from scipy.special import ndtri, stdtrit

from crmnb.core.notes import Count, Note
from crmnb.stats.estimation import ANSWER_TO, Estimates, EstimationContext, GroupedCounts
from crmnb.stats.finite_population import Answers, answers_of, estimates_of, has_more_answers_than_staff, mean_limits
from crmnb.stats.reliability import corrected_slope, cronbach_alpha, reliability

EMPLOYEES, CUSTOMERS = "employees", "customers"  # breakdowns of the evidence of the link
TEAMS, LINE = "teams", "line"  # breakdowns of its points
RANKS = "rank correlation"
FEWEST_TEAMS = 8
FEWEST_FOR_ALPHA = 30  # complete answers: of fewer, alpha is unsure by more than a tenth
LEAST_RELIABLE = 0.5  # share of the scatter of team scores that is theirs: of less, a corrected slope is mostly noise


def index(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The mean of the sheets' scores on 0 to 100, with Cronbach's alpha of the period's complete sheets as a note."""
    whole = next((group for group in groups if group.win == "current" and group.is_whole), None)
    notes = _alpha_notes(whole.counts) if whole else []
    return Estimates(estimates_of(groups, context, mean_limits, "score").rows, notes=notes)


def _alpha_notes(counts: pd.DataFrame) -> list[Note]:
    columns = [name for name in counts if name.startswith(ANSWER_TO)]
    complete = counts.dropna(subset=columns)
    answers = np.repeat(complete[columns].to_numpy(float), complete["n"].astype(int), axis=0)
    if len(columns) < 2:
        return [Note("alpha_of_one_item")]
    if len(answers) < FEWEST_FOR_ALPHA:
        return [Note("alpha_too_few", fewest=FEWEST_FOR_ALPHA)]
    alpha = cronbach_alpha(answers)
    return [] if np.isnan(alpha) else [Note("cronbach_alpha", alpha=alpha, items=len(columns), n=Count(len(answers)))]


# ---- The link -------------------------------------------------------------------------------------------------------


def link(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The slope of customers' scores on team scores, and their rank correlation. Points: each team, and both ends of the line."""
    sides = {group.breakdown: group for group in groups if group.win == "current" and group.is_whole}
    sizes = {"breakdown": "", "n": np.nan, "clusters": np.nan}
    if not context.settings["team_segments"]:
        return Estimates([groups[0].row(**sizes, reason=Note("needs_team_segment"))])
    if EMPLOYEES in sides and has_more_answers_than_staff(sides[EMPLOYEES]):
        return Estimates([groups[0].row(**sizes, reason=Note("more_answers_than_staff"))])
    teams = _teams(sides, context)
    if len(teams) < FEWEST_TEAMS:
        numbers = {"fewest": FEWEST_TEAMS, "answers": context.suppress_below}
        return Estimates([groups[0].row(**sizes, reason=Note("too_few_teams", **numbers))])
    x, y, x_error, y_error = (teams[name].to_numpy() for name in ("x", "y", "x_error", "y_error"))
    whole = sides[EMPLOYEES]
    of_employees, of_customers = float(reliability(x, x_error)), float(reliability(y, y_error))
    slope, low, high = slope_limits(x, y, x_error, context.level)
    if of_employees < LEAST_RELIABLE or np.isnan(low):
        return Estimates([whole.row(**sizes, reason=Note("teams_too_alike", least=LEAST_RELIABLE))])
    rows = [whole.row(**sizes, value=slope, low=low, high=high, method="jackknife of teams")]
    rows.append(_rank_row(whole, x, y, of_employees, of_customers, context.level, sizes | {"breakdown": RANKS}))
    place = {"segment": context.settings["team_segments"][0], "breakdown": TEAMS}
    points = [whole.point(t.x, t.y, n=t.n, level=t.Index, **place) for t in teams.itertuples()]
    ends = (float(x.min()), float(x.max()))
    points += [whole.point(end, float(y.mean() + slope * (end - x.mean())), breakdown=LINE) for end in ends]
    notes = [
        Note("link_teams", teams=len(teams), answers=context.suppress_below),
        Note("link_reliability", employees=of_employees, customers=max(of_customers, 0.0)),
    ]
    return Estimates(rows, points, notes)


def slope_limits(x: np.ndarray, y: np.ndarray, x_error: np.ndarray, level: float) -> tuple[float, float, float]:
    """The corrected slope over units, and its limits; these are NaN where without one unit there is no slope."""
    units = len(x)
    others = np.array([np.delete(np.arange(units), unit) for unit in range(units)])
    without = corrected_slope(x[others], y[others], x_error[others])
    error = np.sqrt((units - 1) / units * ((without - without.mean()) ** 2).sum())
    slope, reach = float(corrected_slope(x, y, x_error)), stdtrit(units - 2, (1 + level) / 2) * error
    return slope, float(slope - reach), float(slope + reach)


def rank_limits(x: np.ndarray, y: np.ndarray, root: float, level: float) -> tuple[float, float, float]:
    """Spearman's correlation over the root of both reliabilities, and its limits, none beyond 1."""
    units = len(x)
    ranks = float(pd.Series(x).rank().corr(pd.Series(y).rank()))
    most = 1 - 6 / (units * (units**2 - 1))  # half a step below 1: ranks that agree do not prove that all would
    z = np.arctanh(np.clip(ranks, -most, most))
    reach = ndtri((1 + level) / 2) * np.sqrt((1 + ranks**2 / 2) / (units - 3))
    return tuple(float(np.clip(value / root, -1, 1)) for value in (ranks, np.tanh(z - reach), np.tanh(z + reach)))


def _rank_row(
    whole: GroupedCounts,
    x: np.ndarray,
    y: np.ndarray,
    of_employees: float,
    of_customers: float,
    level: float,
    sizes: dict,
) -> dict:
    if of_customers < LEAST_RELIABLE:
        return whole.row(**sizes, reason=Note("customers_too_alike", least=LEAST_RELIABLE))
    value, low, high = rank_limits(x, y, np.sqrt(of_employees * of_customers), level)
    return whole.row(**sizes, value=value, low=min(low, value), high=max(high, value), method="Fisher's z")


def _teams(sides: dict[str, GroupedCounts], context: EstimationContext) -> pd.DataFrame:
    """The teams of the link: `x` and `y`, the mean of employees and customers, `x_error` and `y_error`, the variances of these, and `n`.

    Left out are those with too few answers or customers, and the smallest others, as many as are hidden beside too small ones.
    """
    employees, customers = (_scores(sides[side], context) if side in sides else {} for side in (EMPLOYEES, CUSTOMERS))
    fewest = max(context.suppress_below, 2)
    hidden = _left_out(employees, fewest)
    used = [t for t in sorted(employees) if t not in hidden and t in customers and customers[t].n >= fewest]
    columns = ("x", "y", "x_error", "y_error", "n")
    rows = [
        (e.mean, c.mean, e.error**2, c.error**2, min(e.n, c.n)) for e, c in ((employees[t], customers[t]) for t in used)
    ]
    return pd.DataFrame(rows, used, columns, dtype=float)


def _left_out(employees: dict[str, Answers], fewest: int) -> list[str]:
    """The teams with too few answers and, beside these, the smallest others that disclosure control hides."""
    by_size = sorted(employees, key=lambda team: employees[team].n)
    hidden = [team for team in by_size if employees[team].n < fewest]
    for team in by_size[len(hidden) :] if hidden else []:
        if len(hidden) >= 2 and sum(employees[left].n for left in hidden) >= fewest:
            break
        hidden.append(team)
    return hidden


def _scores(side: GroupedCounts, context: EstimationContext) -> dict[str, Answers]:
    """The answers of each team."""
    scores = {}
    for team, counts in side.counts.groupby("team"):
        group = GroupedCounts(side.win, side.breakdown, context.settings["team_segments"][0], team, counts, 0.0)
        scores[str(team)] = answers_of(group, context)
    return scores
