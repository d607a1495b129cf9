"""The relationship survey of the simulated client: who is asked and answers, and one group that is dissatisfied.

Every month a share of the customers is asked about the whole relationship. Answers follow a path model: four drivers make the index, the
index makes what customers will do. One group, the `Story`, rates two drivers lower, the more so each year, and is unlikely to buy again.
Which group that is follows from the seed.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtr

from crmnb.demo.columns import find_year, make_customer_ids, make_keys, to_times
from crmnb.demo.customers import CustomerBase
from crmnb.demo.parameters import ACCOUNTS, DAYS, MONTH_STARTS, PLANS, REGIONS, Rates
from crmnb.demo.relationship_comments import STORY_THEMES, comments_of

SURVEY = "relationship"
INVITED_PER_MONTH = 1 / 48
INVITED_BY = {"mail": (0.8, 1.05), "sms": (0.2, 0.8)}  # the share of invitations, and how readily they are accepted
_SENT_AFTER = 2.4  # days after the month's begin

INDEX, OUTCOMES = ("overall", "expectations", "ideal"), ("buy_again", "stay", "refer")
DRIVERS = {
    "Product": ("product_quality", "product_range"),
    "Service": ("service_speed", "service_advice"),
    "Leads": ("leads_number", "leads_fit"),
    "Return": ("return_money", "return_price"),
}
ITEMS = (*(item for items in DRIVERS.values() for item in items), *INDEX, *OUTCOMES)
_WEIGHTS = {"Product": 0.25, "Service": 0.25, "Leads": 0.2, "Return": 0.3}  # of the drivers in the index
_HALO = 0.45  # of a driver's variance: common to all drivers
_OWN = 0.5  # of that and of what is special to a driver: the customer's own, equal in all answers
_FOLLOWS = {"buy_again": 0.75, "stay": 0.7, "refer": 0.8}  # correlation of what customers will do with the index
_LOADING, _MIDDLE, _SPREAD = (
    0.85,
    7.2,
    1.7,
)  # of an answer from 1 to 10: correlation with what it measures, mean and standard deviation
STORY_DRIVERS = {"Leads": 1.3, "Return": 1.1}  # by how many standard deviations the story's group rates them lower
STORY_OUTCOMES = {"buy_again": 0.5}  # beyond what follows from the index
_STRAIGHT = 0.03  # sheets that give the same answer to all questions
_SPEEDERS, _MINUTES = 0.04, 6.0
_NO_ANSWER = 0.01
_VARIANCE = sum(b**2 for b in _WEIGHTS.values()) * (1 - _HALO) + sum(_WEIGHTS.values()) ** 2 * _HALO


@dataclass(frozen=True)
class Story:
    """The group that is dissatisfied: a level of a segmentation of customers."""

    segment: str
    level: str

    def contains(self, base: CustomerBase, account: np.ndarray) -> np.ndarray:
        """Whether each customer belongs to it."""
        column = {"account": (ACCOUNTS, account), "region": (REGIONS, base.region), "plan": (PLANS, base.plan)}
        levels, places = column[self.segment]
        return places == list(levels).index(self.level)


STORIES = (Story("account", "Dealer"), Story("region", "South"), Story("account", "Landlord"), Story("plan", "Family"))


def story_of(seed: int) -> Story:
    """The group that is dissatisfied in the client of a seed."""
    return STORIES[(seed - 1) % len(STORIES)]


def draw_accounts(base: CustomerBase, rng: np.random.Generator) -> np.ndarray:
    """The kind of each customer (an index of ACCOUNTS)."""
    shares = np.array([share for share, _ in ACCOUNTS.values()])
    return rng.choice(len(shares), len(base.region), p=shares / shares.sum())


def simulate_relationship(
    base: CustomerBase,
    account: np.ndarray,
    on_list: np.ndarray,
    story: Story,
    rates: Rates,
    rng: np.random.Generator,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The invitations and the answer sheets of the relationship survey, as known at the end; the list of customers tells who is invited."""
    invited, who, completed = _invitations(base, account, on_list, rates, rng)
    done = np.flatnonzero(np.isfinite(completed))
    done = done[np.argsort(completed[done], kind="stable")]
    who, day = who[done], completed[done]
    worse = story.contains(base, account)[who] * np.array(rates.dissatisfaction)[find_year(day)]
    answers = _answers(who, worse, len(base.region), rng)
    comments, may_quote, labels = comments_of(worse, answers[:, ITEMS.index("overall")], rng)
    sheets = pd.DataFrame(
        {
            "response_id": make_keys("S", len(who), 6),
            "survey": SURVEY,
            "customer_id": make_customer_ids(who),
            "invitation_id": invited["invitation_id"].to_numpy()[done],
            "responded_at": to_times(day),
            **dict(zip(ITEMS, answers.T, strict=True)),
            "comment": comments,
            "quote_consent": may_quote,
            "sentiment_label": labels,
        }
    )
    return invited, sheets


def _invitations(base: CustomerBase, account: np.ndarray, on_list: np.ndarray, rates: Rates, rng: np.random.Generator):
    """The invitations; and of each the customer, and the day on which the survey was completed (NaN if never)."""
    waves = [
        np.flatnonzero(base.under_contract(day) & on_list & (rng.random(len(base.region)) < INVITED_PER_MONTH))
        for day in MONTH_STARTS
    ]
    who = np.concatenate(waves)
    sent = np.repeat(np.array(MONTH_STARTS, float), [len(wave) for wave in waves]) + _SENT_AFTER
    rows = len(who)
    sent += rng.uniform(0, 0.3, rows)
    by = rng.choice(len(INVITED_BY), rows, p=[share for share, _ in INVITED_BY.values()])
    ready = np.array([ready for _, ready in INVITED_BY.values()])[by]
    ready *= np.array([accepts for _, accepts in ACCOUNTS.values()])[account[who]]
    reached = np.where(rng.random(rows) < rates.reached, sent + rng.uniform(0, 0.005, rows), np.nan)
    started = np.where(
        rng.random(rows) < ready * rates.relationship_acceptance,
        reached + rng.exponential(rates.answer_days, rows),
        np.nan,
    )
    minutes = _MINUTES * np.exp(0.3 * rng.standard_normal(rows))
    minutes = np.where(rng.random(rows) < _SPEEDERS, rng.uniform(0.5, 1.2, rows), minutes)
    completes = rng.random(rows) < np.array(rates.completion)[find_year(sent)]
    completed = np.where(completes, started + minutes / (24 * 60), np.nan)
    days = {"sent_at": sent, "reached_at": reached, "started_at": started, "completed_at": completed}
    days = {name: np.where(day < DAYS, day, np.nan) for name, day in days.items()}
    invited = pd.DataFrame(
        {
            "invitation_id": make_keys("", rows, 0, first=900_001),
            "survey": SURVEY,
            "customer_id": make_customer_ids(who),
            "channel": np.array(list(INVITED_BY), dtype=object)[by],
            **{name: to_times(day) for name, day in days.items()},
        }
    )
    return invited, who, days["completed_at"]


def _answers(who: np.ndarray, worse: np.ndarray, customers: int, rng: np.random.Generator) -> np.ndarray:
    """(sheets, items): the answers from 1 to 10, NaN where there is none; worse: how much of the story each sheet tells."""
    rows = len(who)

    def opinion() -> np.ndarray:
        own = rng.standard_normal(customers)[who]
        return np.sqrt(_OWN) * own + np.sqrt(1 - _OWN) * rng.standard_normal(rows)

    halo, shifts = opinion(), _shifts()
    drivers = {name: np.sqrt(_HALO) * halo + np.sqrt(1 - _HALO) * opinion() for name in DRIVERS}
    index = sum(_WEIGHTS[name] * driver for name, driver in drivers.items())
    index += np.sqrt(1 - _VARIANCE) * rng.standard_normal(rows)
    latent = {item: drivers[name] for name, items in DRIVERS.items() for item in items} | dict.fromkeys(INDEX, index)
    latent |= {item: r * index + np.sqrt(1 - r**2) * rng.standard_normal(rows) for item, r in _FOLLOWS.items()}
    feeling = np.column_stack([latent[item] + worse * shifts[item] for item in ITEMS])
    noise = np.sqrt(1 - _LOADING**2) * rng.standard_normal(feeling.shape)
    answers = np.clip(np.round(_MIDDLE + _SPREAD * (_LOADING * feeling + noise)), 1, 10)
    straight = rng.random(rows) < _STRAIGHT
    answers[straight] = answers[straight][:, [ITEMS.index("overall")]]
    answers[(rng.random(answers.shape) < _NO_ANSWER) & ~straight[:, None]] = np.nan
    return answers


def _shifts() -> dict[str, float]:
    """By how many standard deviations of an opinion the story moves each item."""
    shifts = {item: -STORY_DRIVERS.get(name, 0.0) for name, items in DRIVERS.items() for item in items}
    index = -sum(_WEIGHTS[name] * lower for name, lower in STORY_DRIVERS.items())
    follows = {item: r * index - STORY_OUTCOMES.get(item, 0.0) for item, r in _FOLLOWS.items()}
    return shifts | dict.fromkeys(INDEX, index) | follows


# ---- What is true of them --------------------------------------------------------------------------------------------


def acceptance(rates: Rates) -> float:
    """The share of the invitations that are ever accepted, over all customers."""
    shares, accepts = np.array(list(ACCOUNTS.values())).T
    by_channel = sum(share * ready for share, ready in INVITED_BY.values())
    return rates.relationship_acceptance * float(shares @ accepts / shares.sum()) * by_channel


def true_scores(worse: float) -> dict[str, float]:
    """The mean of each driver, of the index and of each item of what customers will do, on 0-100, of those who tell so much of the story.

    The questions of a construct are alike, so that they have equal weights in the path model. Closed form: an answer is at least k where a normal
    variable is above k - 1/2.
    """
    means = {item: _mean(_LOADING * worse * shift) for item, shift in _shifts().items()}
    means = {item: (1 - _STRAIGHT) * mean + _STRAIGHT * means["overall"] for item, mean in means.items()}
    scores = {name: float(np.mean([means[item] for item in items])) for name, items in DRIVERS.items()}
    return scores | {"index": means["overall"]} | {item: means[item] for item in OUTCOMES}


def _mean(shift: float) -> float:
    """The mean on 0-100 of an answer whose mean is moved by so many standard deviations."""
    at_least = ndtr((_MIDDLE + _SPREAD * shift - (np.arange(2, 11) - 0.5)) / _SPREAD)
    return float(at_least.sum() / 9 * 100)


def story_truth(story: Story, rates: Rates, year: int) -> dict:
    """What truth.json says of the story in a year (an index of YEARS): who, and the scores of its members and of all others."""
    worse = rates.dissatisfaction[year]
    if worse <= 0:
        return {}
    group = {"segment": story.segment, "level": story.level, "drivers": list(STORY_DRIVERS)}
    group |= {"themes": {driver: list(nouns) for driver, nouns in STORY_THEMES.items()}}
    scores = {"members": true_scores(worse), "others": true_scores(0.0)}
    return group | {who: {name: round(value, 6) for name, value in of.items()} for who, of in scores.items()}
