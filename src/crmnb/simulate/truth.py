"""Truth: what the metrics of a made-up client would be if there were no chance."""

from calendar import monthrange
from datetime import date
from functools import cache

import numpy as np

from crmnb.simulate import answers, leads, truth_drawn, truth_sales, truth_worth, visits
from crmnb.simulate.answers import ITEMS, PLATFORMS, item, stars
from crmnb.simulate.lives import Lives, live
from crmnb.simulate.rates import EDGES, ORIGIN, REGIONS, YEARS, Rates
from crmnb.simulate.shop import Purchases, purchases

SURVEYS = ("purchase", "support")
_LIVES = 400_000  # customers at the start of the large draw
_FOLLOW_UP = 90

Figures = dict[tuple[str, str], float]


def truth(rates: Rates, year: int, at_start: float) -> Figures:
    """(metric, component) -> the true value in 2023, 2024 or 2025, in the metric's unit; percent for a share.

    at_start: customers at the start of that year, out of whom counts are counted.

    In closed form. Retention is the argument: by the argument's definition, so many of those there at the start stay; churn is
    its complement, compounded to 365.25 days. Customers won are Poisson, `won` per customer at the start. A cohort's
    members come evenly over a month of length L and leave at the year's constant rate h, so of those who came D days or
    less before a later month begins, exp(-h D) (exp(h L) - 1) / (h L) are there, each region with its own h. Of answers
    (csat, nps, effort), the distribution over the boxes is the one whose figure is the argument, and the others are
    figures of the same distribution; so are ratings. Acceptance and completion are arguments; an invitation is reached,
    accepted and completed independently, so the response rate is the product of the three.

    By a large draw, of lives only: given a life, orders are averaged over exactly. A customer's rate g is gamma with shape
    k and mean kt (a day), so the chance of no order in x days under contract is B(x) = (1 + t x)^-k, and the density of the
    next one is A(x) = k t (1 + t x)^-(k+1). Of e days in the year: B(e) for no order, e A(e) for one, k t e on average. The
    first ever order falls at exposure x with density A(x); none follows within w days of it with density A(x + w), where
    w is 90 days, or what is left of the contract. Win-backs and the customers at the end are counted in the draw.

    Fees, order values, growth and cross-selling: `truth_sales`, in closed form given the lives. Leads and visits: in their own
    modules, beside how they are drawn. What is worth and losses ahead: `truth_worth`, in closed form, if customers go on
    leaving as in the years so far. Lifetimes, the time between orders, concentration and who is profitable: `truth_drawn`, counted in the draw.
    """
    return {
        key: value * (at_start if _is_counted(*key) else 1)
        for key, value in _per_customer(rates, YEARS.index(year)).items()
    }


def _is_counted(metric: str, component: str) -> bool:
    """Whether a figure is a sum, of twice the customers twice as much."""
    counted = {"customers_won", "review_volume", "growth_decomposition", "pipeline_velocity", "at_risk_customers"}
    return metric in counted and component != "per 100 at start"


@cache
def _per_customer(rates: Rates, place: int) -> Figures:
    """The true values; of sums, per customer at the start of the year."""
    lives = _many_lives(rates)
    found = (
        _stays(rates, place)
        | _counted(lives, place)
        | truth_sales.fees(rates, place)
        | _purchases(rates, lives, place)
        | truth_sales.orders(rates, lives, place)
        | _cohorts(lives, place)
        | truth_drawn.lifetimes(lives, place)
        | truth_drawn.gaps(_many_orders(rates), place)
        | truth_drawn.spending(_many_orders(rates), lives, place)
        | truth_worth.worth(rates, lives, place)
        | truth_worth.drivers(lives, place)
        | leads.conversion(rates, place)
        | leads.velocity(rates, place, lives)
        | visits.conversion(lives, rates, place)
        | _answers(rates, place)
        | _surveys(rates, place)
        | _reviews(rates, place)
    )
    return {key: float(value) for key, value in found.items()}


@cache
def _many_lives(rates: Rates) -> Lives:
    return live(rates, _LIVES, np.random.default_rng(0))


@cache
def _many_orders(rates: Rates) -> Purchases:
    return purchases(_many_lives(rates), rates, np.random.default_rng(1)).that_count()


def _stays(rates: Rates, place: int) -> Figures:
    stays, won = rates.retention[place], rates.won[place]
    days = EDGES[place + 1] - EDGES[place]
    return {
        ("retention_rate", ""): 100 * stays,
        ("churn_rate", ""): 100 * (1 - stays),
        ("churn_rate_annualised", ""): 100 * (1 - stays ** (365.25 / days)),
        ("customers_won", ""): won,
        ("customers_won", "per 100 at start"): 100 * won,
    }


def _counted(lives: Lives, place: int) -> Figures:
    first, last = EDGES[place], EDGES[place + 1]
    back = (lives.begins[:, 1] >= first) & (lives.begins[:, 1] < last) & (lives.ends[:, 1] >= last)
    ends, start = lives.under_contract(last).sum(), lives.at_start[place]
    return {
        ("end_to_start_ratio", ""): 100 * ends / start,
        ("customers_won", "win-backs"): back.sum() / start,
    }


def _purchases(rates: Rates, lives: Lives, place: int) -> Figures:
    first, last = EDGES[place], EDGES[place + 1]
    k, t = rates.spread, rates.orders / 365.25 / rates.spread

    def none_in(x):
        return (1 + t * x) ** -k

    def next_at(x):
        return k * t * (1 + t * x) ** -(k + 1)

    who, _, begin, end = lives.spells(first, last)
    inside = np.bincount(who, end - begin, len(lives.region))
    none, one = none_in(inside), inside * next_at(inside)
    buyers = (1 - none).sum()

    # Those whose first ever order falls in a spell's days from a to b; x: days under contract before a.
    a_last = last - _FOLLOW_UP
    who, which, a, b = lives.spells(first, a_last)
    left = lives.ends[who, which]
    earlier = np.where(which == 1, lives.ends[who, 0].clip(0) - lives.begins[who, 0].clip(0), 0)
    x = earlier + a - lives.begins[who, which].clip(0)
    whole = np.clip(left - _FOLLOW_UP, a, b)  # until here, all 90 days lie in the spell
    new = (none_in(x) - none_in(x + b - a)).sum()
    silent = none_in(x + _FOLLOW_UP) - none_in(x + whole - a + _FOLLOW_UP)
    cut_short = np.where(b > whole, next_at(x + np.where(np.isfinite(left), left, b) - a) * (b - whole), 0.0)
    return {
        ("repeat_purchase_rate", ""): 100 * (1 - none - one).sum() / buyers,
        ("purchase_frequency", ""): k * t * inside.sum() / buyers,
        ("second_purchase_rate", ""): 100 * (1 - (silent + cut_short).sum() / new),
    }


def _cohorts(lives: Lives, place: int) -> Figures:
    """Of each month's new customers, the share under contract when each later month of the year begins."""
    year, first, last = YEARS[place], EDGES[place], EDGES[place + 1]
    shares = np.array(list(REGIONS.values()))
    rate = -np.log(lives.stays[place]) / (last - first)
    starts = [(date(year, month, 1) - ORIGIN).days for month in range(1, 13)]
    found = {}
    for month in range(12):
        length = monthrange(year, month + 1)[1]
        came = np.expm1(rate * length) / (rate * length)
        for later in range(month, 12):
            there = shares @ (np.exp(-rate * (starts[later] - starts[month])) * came) if later > month else 1.0
            found["cohort_retention", f"{year}-{month + 1:02d} +{later - month}"] = 100 * float(there)
    return found


def _answers(rates: Rates, place: int) -> Figures:
    chosen = {name: item(rates, name, place) for name in ITEMS}
    figures = {
        "csat": 100 * rates.csat[place],
        "csat_mean": answers.points(ITEMS["satisfied"], chosen["satisfied"]),
        "nps": rates.nps[place],
        "ces": rates.ces[place],
        "ces_low_effort": 100 * answers.below_middle(ITEMS["effort"], chosen["effort"]),
    }
    return {(metric, survey): value for metric, value in figures.items() for survey in SURVEYS}


def _surveys(rates: Rates, place: int) -> Figures:
    found, completes = {}, rates.completion[place]
    for survey, takes in zip(SURVEYS, (rates.acceptance[place], rates.support_acceptance[place]), strict=True):
        found |= {
            ("acceptance_rate", survey): 100 * takes,
            ("completion_rate", survey): 100 * completes,
            ("response_rate", survey): 100 * rates.reached * takes * completes,
            ("response_rate", f"{survey}, cooperation"): 100 * takes * completes,
        }
    return found


def _reviews(rates: Rates, place: int) -> Figures:
    found = {}
    for platform, (share, scale) in PLATFORMS.items():
        found["review_rating", platform] = answers.points(scale, stars(rates, platform, place))
        found["review_volume", platform] = rates.reviews[place] * share
    return found
