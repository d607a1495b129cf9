"""Employees of the simulated client: teams, a yearly survey of the staff, and the team that handles each ticket.

The whole staff gives each answer exactly as often as SHARES say, whatever the seed: who gives which answer, and who answers at all, is
drawn. So the true figures of the staff are known. A ticket's team is drawn conditional on the answer of its customer, which stays as it is: the
customers of a team are more satisfied by LINK points for each point of the team's engagement.
"""

from itertools import pairwise

import numpy as np
import pandas as pd

from crmnb.demo.columns import find_year, make_keys, to_days, to_times
from crmnb.demo.parameters import EDGES, YEARS

HEADCOUNTS = {
    **{
        "Billing": 44,
        "Delivery": 40,
        "Contracts": 36,
        "Online help": 32,
        "Phone desk": 30,
        "Repairs": 28,
        "Returns": 26,
    },
    **{"Installation": 24, "Moves": 22, "Key accounts": 20, "Complaints": 18, "Home visits": 16, "Warranty": 12},
    **{"Night desk": 7, "Translation": 5},
}
_TRAINED = [people * 3 // 4 for people in HEADCOUNTS.values()]  # of each team: those who know its metrics
STAFF = sum(HEADCOUNTS.values())
LINK = 0.4
ENGAGEMENT = ("energetic", "proud", "committed", "supported")
CULTURE = ("customers_first", "customer_voice", "customer_time")
_ANSWERS = 0.8  # share of the staff that answers
_NO_ANSWER = 0.03  # of an item on a sheet
_TEAM, _PERSON = 0.35, 0.6  # of an answer's standard deviation: the team's, the person's own in all items
_FIRST_DAY, _SURVEY_DAYS = 250, 14  # of a year: the survey begins in September
_LOW, _MIDDLE, _HIGH = (
    (2, 3, 5, 7, 3),
    (1, 2, 4, 8, 5),
    (1, 1, 3, 8, 7),
)  # twentieths of the staff that give the answers 1 to 5
_ENPS = ((1, 0, 1, 1, 1, 1, 2, 3, 4, 3, 3), (1, 0, 1, 1, 1, 1, 2, 3, 4, 3, 3), (0, 0, 1, 1, 1, 1, 2, 3, 4, 3, 4))
# By item, and by year: twentieths of the staff that give each answer, from the lowest.
SHARES: dict[str, tuple[tuple[int, ...], ...]] = {
    "work_satisfied": (_LOW, _MIDDLE, _HIGH),
    "enps": _ENPS,
    **dict.fromkeys(ENGAGEMENT, (_MIDDLE, _MIDDLE, _HIGH)),
    "supported": (_LOW, _LOW, _MIDDLE),
    **dict.fromkeys(CULTURE, (_LOW, _MIDDLE, _MIDDLE)),
}

Staff = dict[str, np.ndarray]  # by item, the answer of each of the staff in a year


def employees_of(tickets: pd.DataFrame, responses: pd.DataFrame, seed: int) -> dict[str, pd.DataFrame]:
    """The tables `employee_responses` and `teams`, and the `tickets` with their team, from a stream of random numbers of their own.

    responses: the answer sheets of customers, of which some name a ticket.
    """
    rng = np.random.default_rng([seed, 12])
    effects = rng.permutation(np.linspace(-1.6, 1.6, len(HEADCOUNTS)))
    staff = [_opinions(year, effects, rng) for year in range(len(YEARS))]
    engagement = [_team_scores(answers) for answers in staff]
    return {
        "tickets": tickets.assign(team=_teams_of_tickets(tickets, responses, engagement, rng)),
        "employee_responses": _sheets(staff, rng),
        "teams": pd.DataFrame({"team": list(HEADCOUNTS), "headcount": list(HEADCOUNTS.values()), "trained": _TRAINED}),
    }


def true_figures(year: int) -> dict[tuple[str, str], float]:
    """(metric, breakdown) -> the figure of the whole staff in a year, in the metric's unit; and the slope of the link."""
    at = YEARS.index(year)
    enps = np.array(SHARES["enps"][at])
    return {
        ("employee_satisfaction", ""): 5.0 * sum(SHARES["work_satisfied"][at][-2:]),
        ("employee_satisfaction_mean", ""): _mean_points(["work_satisfied"], at),
        ("employee_nps", ""): 5.0 * (enps[9:].sum() - enps[:7].sum()),
        ("employee_engagement_index", ""): _mean_points(ENGAGEMENT, at),
        ("customer_centric_culture", ""): _mean_points(CULTURE, at),
        ("employee_customer_link", ""): LINK,
    }


def _mean_points(items: list[str] | tuple[str, ...], year: int) -> float:
    """The mean of items from 0 at the lowest answer to 100 at the highest."""
    return float(np.mean([np.dot(SHARES[item][year], np.linspace(0, 100, 5)) / 20 for item in items]))


def _of_staff() -> np.ndarray:
    """The place of the team of each of the staff."""
    return np.repeat(np.arange(len(HEADCOUNTS)), list(HEADCOUNTS.values()))


def _opinions(year: int, effects: np.ndarray, rng: np.random.Generator) -> Staff:
    """The answers of the whole staff in a year: those in the most content teams, and the most content persons, give the best."""
    feeling = _TEAM * effects[_of_staff()] + _PERSON * rng.standard_normal(STAFF)
    answers = {}
    for item, shares in SHARES.items():
        order = np.argsort(feeling + 0.6 * rng.standard_normal(STAFF), kind="stable")
        lowest = 0 if item == "enps" else 1
        answers[item] = np.empty(STAFF)
        answers[item][order] = np.repeat(np.arange(len(shares[year])) + lowest, np.array(shares[year]) * STAFF // 20)
    return answers


def _team_scores(answers: Staff) -> np.ndarray:
    """The engagement of each team, 0 to 100, of all of its people."""
    points = np.mean([answers[item] for item in ENGAGEMENT], axis=0)
    return np.bincount(_of_staff(), (points - 1) * 25) / np.array(list(HEADCOUNTS.values()))


def _sheets(staff: list[Staff], rng: np.random.Generator) -> pd.DataFrame:
    """The answer sheets of those who answer, by time."""
    sheets = []
    for answers, (first, _) in zip(staff, pairwise(EDGES), strict=True):
        answering = np.flatnonzero(rng.random(STAFF) < _ANSWERS)
        day = first + _FIRST_DAY + rng.uniform(0, _SURVEY_DAYS, len(answering))
        own = {"day": day, "team": np.array(list(HEADCOUNTS), object)[_of_staff()[answering]]}
        for item, every in answers.items():
            own[item] = np.where(rng.random(len(answering)) < _NO_ANSWER, np.nan, every[answering])
        sheets.append(pd.DataFrame(own))
    frame = pd.concat(sheets).sort_values("day", kind="stable").reset_index(drop=True)
    frame.insert(0, "responded_at", to_times(frame.pop("day").to_numpy()))
    frame.insert(0, "response_id", make_keys("E", len(frame), 5))
    return frame


def _teams_of_tickets(
    tickets: pd.DataFrame, responses: pd.DataFrame, engagement: list[np.ndarray], rng: np.random.Generator
) -> np.ndarray:
    """The team of each ticket: large teams have many; a team whose engagement is high has more of the satisfied customers.

    With m and v the mean and variance of a year's answers, a team's share of those who answered a is its usual one times
    1 + LINK (e - E) (a - m) / v, for its engagement e and the mean E of all teams by their share: its answers then have the mean m + LINK (e - E).
    """
    usual = np.array(list(HEADCOUNTS.values())) / STAFF
    answered = responses[responses["ticket_id"].notna() & responses["satisfied"].notna()]
    points = 25 * (answered["satisfied"].to_numpy(float) - 1)
    year, place = (
        find_year(to_days(answered["responded_at"])),
        pd.Index(tickets["ticket_id"]).get_indexer(answered["ticket_id"]),
    )
    shares = np.tile(usual, (len(tickets), 1))
    for at, scores in enumerate(engagement):
        own = year == at
        if own.sum() > 1 and points[own].var() > 0:
            off = (points[own] - points[own].mean()) / points[own].var()
            shares[place[own]] *= np.clip(1 + LINK * np.outer(off, scores - usual @ scores), 0, None)
    shares /= shares.sum(axis=1, keepdims=True)
    drawn = (rng.random((len(tickets), 1)) > shares.cumsum(axis=1)).sum(axis=1).clip(max=len(usual) - 1)
    return np.array(list(HEADCOUNTS), object)[drawn]
