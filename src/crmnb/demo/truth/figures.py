"""Truth: what the metrics of a made-up client would be if there were no chance."""

from functools import cache

import numpy as np

from crmnb.demo import answers, leads, visits
from crmnb.demo.answers import ITEMS, PLATFORMS, Scale, item, stars
from crmnb.demo.customers import Lives, live, ordering
from crmnb.demo.draw import TICKETS
from crmnb.demo.orders import GUESTS, Purchases, purchases
from crmnb.demo.parameters import EDGES, PLANS, REGIONS, WORSE, Rates
from crmnb.demo.surveys import INVITED
from crmnb.demo.truth import clv, drawn, sales
from crmnb.demo.truth.periods import Window, window_of

_LIVES = 120_000  # customers at the start of the large draw
_FOLLOW_UP = 90
ANSWER_DAYS = 14  # from the invitation, which the metrics of surveys wait for
SURVEYS = ("purchase", "support")

Figures = dict[tuple[str, str], float]

# The segmentations of which true figures are told level by level, and the whole.
LEVELS = (("", ""), *(("region", name) for name in REGIONS), *(("plan", name) for name in PLANS))
# Sums, of twice the customers twice as much.
_COUNTED = {"new_customers", "review_volume", "revenue_bridge", "sales_velocity", "expected_churn"}
# Figures of everybody alone: of what nobody's customer number is in, or what is not told by level.
_OF_ALL = {
    *("customer_acquisition_cost", "clv_to_cac", "cac_payback_period", "churn_drivers", "lead_conversion_rate"),
    *(
        "cumulative_win_rate",
        "stage_conversion",
        "win_rate",
        "sales_velocity",
        "review_rating",
        "review_volume",
    ),
}


def truth(rates: Rates, period: int | str, at_start: float, segment: str = "", level: str = "") -> Figures:
    """(metric, breakdown) -> the true value in 2025, "2025Q4", "2025-11" ..., in the metric's unit; percent for a share.

    at_start: customers at the start of that year, out of whom counts are counted. segment, level: of one of LEVELS alone.

    In closed form, given how many customers of each region and plan there are, which a large draw of lives tells. Retention is the
    argument: by the argument's definition, so many of those there at a year's start stay; of a region and plan, so many as
    its own rate says, and in a part of the year that rate's power. Churn is the complement, compounded to 365.25 days.
    New customers are Poisson, `won` per customer at the year's start. A cohort's members come evenly over a month of length
    L and leave at their kind's constant rate h, so of those who came D days or less before a later month begins,
    exp(-h D) (exp(h L) - 1) / (h L) are there. Of answers (csat, nps, effort), the distribution over the boxes is the one
    whose figure is the argument, and the others are figures of the same distribution; so are ratings. An invitation is
    reached, accepted and completed independently, so the response rate is the product of the three, and of what is begun
    within ANSWER_DAYS.

    By a large draw, of lives only: given a life, orders are averaged over exactly. A customer's rate g is gamma with shape
    k and mean kt (a day), t by the plan, so the chance of no order in x days under contract is B(x) = (1 + t x)^-k, and the density of the
    next one is A(x) = k t (1 + t x)^-(k+1). Of e days in the window: B(e) for none with an order, e (B(e - 1) - B(e)) for one. The
    first ever order falls at exposure x with density A(x); none follows within w days of it with density A(x + w), where
    w is 90 days, or what is left of the contract. Win-backs and the customers at the end are counted in the draw.

    Fees, order values, growth and cross-selling: `truth_sales`, in closed form given the lives. Leads and visits: in their own
    modules, beside how they are drawn. What is worth and losses ahead: `truth_worth`, in closed form, if customers go on
    leaving as in the years so far. Lifetimes, the time between orders, concentration and who is profitable: `truth_drawn`, counted in the draw.
    """
    of_group = {"region": level if segment == "region" else "", "plan": level if segment == "plan" else ""}
    found = _per_customer(rates, window_of(period), **of_group)
    return {key: value * (at_start if is_counted(*key) else 1) for key, value in found.items()}


def is_counted(metric: str, breakdown: str) -> bool:
    """Whether a figure is a sum, of twice the customers twice as much."""
    return metric in _COUNTED and breakdown != "per 100 at start"


@cache
def _per_customer(rates: Rates, window: Window, region: str, plan: str) -> Figures:
    """The true values; of sums, per customer at the start of the year."""
    all_of_them, lives = _many_lives(rates), _group(rates, region, plan)
    of_all = not (region or plan)
    made = _orders_of(rates, region, plan)
    found = (
        _stays(rates, lives, window)
        | _counted(lives, window)
        | sales.fees(rates, lives, window)
        | _purchases(rates, lives, window)
        | sales.orders(rates, lives, window, GUESTS if of_all else 0)
        | _cohorts(lives, window)
        | drawn.lifetimes(lives, window)
        | drawn.gaps(made, window)
        | drawn.spending(made, lives, window)
        | clv.worth(rates, lives, window)
        | visits.conversion(lives, rates, window, of_all)
        | _answers(rates, all_of_them, lives, window)
        | _surveys(rates, window.place)
    )
    if of_all:
        found |= clv.drivers(rates, lives, window) | _reviews(rates, window)
        found |= leads.conversion(rates, window) | leads.velocity(rates, window, lives)
    return {key: float(value) for key, value in found.items() if of_all or key[0] not in _OF_ALL}


@cache
def _many_lives(rates: Rates) -> Lives:
    return live(rates, _LIVES, np.random.default_rng(0))


@cache
def _many_orders(rates: Rates) -> Purchases:
    return purchases(_many_lives(rates), rates, np.random.default_rng(1)).that_count()


@cache
def _group(rates: Rates, region: str, plan: str) -> Lives:
    return _many_lives(rates).only(region, plan)


@cache
def _orders_of(rates: Rates, region: str, plan: str) -> Purchases:
    """The orders of a group, by the row numbers of its lives."""
    lives = _many_lives(rates)
    group = np.ones(len(lives.region), bool)
    group &= (lives.region == list(REGIONS).index(region)) if region else True
    group &= (lives.plan == list(PLANS).index(plan)) if plan else True
    return _many_orders(rates).of(group)


def _stays(rates: Rates, lives: Lives, window: Window) -> Figures:
    stays = clv.retention(lives, window)
    won = rates.won[window.place] * float(lives.joins.sum()) * window.share
    at_start = lives.under_contract(window.first).sum() / lives.at_start[window.place]
    return {
        ("retention_rate", ""): 100 * stays,
        ("churn_rate", ""): 100 * (1 - stays),
        ("churn_rate_annualised", ""): 100 * (1 - stays ** (1 / window.years)),
        ("new_customers", ""): won,
        ("new_customers", "per 100 at start"): 100 * won / at_start,
    }


def _counted(lives: Lives, window: Window) -> Figures:
    first, last = window.first, window.last
    back = (lives.begins[:, 1] >= first) & (lives.begins[:, 1] < last) & (lives.ends[:, 1] >= last)
    return {
        ("retained_after_gap", ""): 0,  # nobody comes back within a year
        ("customer_base_growth", ""): 100 * lives.under_contract(last).sum() / lives.under_contract(first).sum(),
        ("new_customers", "reactivated"): back.sum() / lives.at_start[window.place],
    }


def _purchases(rates: Rates, lives: Lives, window: Window) -> Figures:
    """What is bought on a day is one purchase: at a rate g, a day has one with the chance 1 - exp(-g)."""
    first, last = window.first, window.last
    k, times = rates.spread, rates.orders * ordering(rates)[lives.plan] / 365.25 / rates.spread

    def none_in(x, t):
        return (1 + t * x) ** -k

    def next_at(x, t):
        return k * t * (1 + t * x) ** -(k + 1)

    inside = lives.days(first, last)
    none = none_in(inside, times)
    one = inside * (none_in((inside - 1).clip(0), times) - none)  # all of it on one of the days
    buyers = (1 - none).sum()
    found = {
        ("repeat_purchase_rate", ""): 100 * (1 - none - one).sum() / buyers,
        ("purchase_frequency", ""): (inside * (1 - none_in(1, times))).sum() / buyers,
    }
    a_last = last - _FOLLOW_UP
    if a_last <= first:
        return found

    # Those who joined in the years seen and whose first ever order falls in a spell's days from a to b; x: days under contract
    # before a. The rest of the day of the first order, half a day, is no time for a second one.
    who, which, a, b = lives.spells(first, a_last)
    new = lives.begins[who, 0] >= 0
    who, which, a, b = who[new], which[new], a[new], b[new]
    t, left, w = times[who], lives.ends[who, which], _FOLLOW_UP - 0.5
    earlier = np.where(which == 1, lives.ends[who, 0].clip(0) - lives.begins[who, 0].clip(0), 0)
    x = earlier + a - lives.begins[who, which].clip(0)
    whole = np.clip(left - w, a, b)  # until here, all of the days lie in the spell
    new = (none_in(x, t) - none_in(x + b - a, t)).sum()
    if new == 0:
        return found
    silent = none_in(x + w, t) - none_in(x + whole - a + w, t)
    cut_short = np.where(b > whole, next_at(x + np.where(np.isfinite(left), left, b) - a, t) * (b - whole), 0.0)
    return found | {("second_purchase_rate", ""): 100 * (1 - (silent + cut_short).sum() / new)}


def _cohorts(lives: Lives, window: Window) -> Figures:
    """Of each month's new customers, the share under contract when each later month of the window begins."""
    rate = -np.log(lives.stays[window.place]) / (EDGES[window.place + 1] - EDGES[window.place])
    joins, months, found = lives.joins / lives.joins.sum(), window.months, {}
    for at, (label, first, last) in enumerate(months):
        came = np.expm1(rate * (last - first)) / (rate * (last - first))
        for later, (_, start, _) in enumerate(months[at:]):
            there = (joins * np.exp(-rate * (start - first)) * came).sum() if later else 1.0
            found["cohort_retention", f"{label} +{later}"] = 100 * float(there)
    return found


def _answers(rates: Rates, all_of_them: Lives, lives: Lives, window: Window) -> Figures:
    """Those who live in the worse region answer lower, all of them together as the arguments say; of a group, by how many of its answers are theirs."""
    of_all, of_group = (_worse(rates, those, window) for those in (all_of_them, lives))

    def chosen(name: str) -> tuple[Scale, np.ndarray]:
        others, there = answers.by_region(ITEMS[name], item(rates, name, window.place), of_all)
        return ITEMS[name], (1 - of_group) * others + of_group * there

    figures = {
        "csat": 100 * answers.top_two(*chosen("satisfied")),
        "csat_mean": answers.points(*chosen("satisfied")),
        "nps": answers.promoters_less_detractors(*chosen("recommend")),
        "ces": answers.mean(*chosen("effort")),
        "ces_low_effort": 100 * answers.below_middle(*chosen("effort")),
    }
    return {(metric, survey): value for metric, value in figures.items() for survey in SURVEYS}


def _worse(rates: Rates, lives: Lives, window: Window) -> float:
    """Of a group's answers in the window's year, the share that those in the worse region give: by orders and tickets, which come while under contract."""
    year = (EDGES[window.place], EDGES[window.place + 1])
    days = lives.days(*year)
    asked = INVITED * sales.expected_orders(rates, lives, days) * rates.acceptance[window.place]
    asked = asked + TICKETS * days / 365.25 * rates.support_acceptance[window.place]
    return float(asked[lives.region == list(REGIONS).index(WORSE)].sum() / asked.sum())


def _surveys(rates: Rates, place: int) -> Figures:
    """What is begun later than ANSWER_DAYS after the invitation is not counted."""
    found, completes = {}, rates.completion[place]
    in_time = -np.expm1(-ANSWER_DAYS / rates.answer_days)
    for survey, takes in (("purchase", rates.acceptance[place]), ("support", rates.support_acceptance[place])):
        found |= {
            ("acceptance_rate", survey): 100 * takes * in_time,
            ("completion_rate", survey): 100 * completes,
            ("response_rate", survey): 100 * rates.reached * takes * in_time * completes,
            ("response_rate", f"{survey}, cooperation rate (COOP1)"): 100 * takes * in_time * completes,
        }
    return found


def _reviews(rates: Rates, window: Window) -> Figures:
    found, place = {}, window.place
    for platform, (share, scale) in PLATFORMS.items():
        found["review_rating", platform] = answers.points(scale, stars(rates, platform, place))
        found["review_volume", platform] = rates.reviews[place] * share * window.share
    return found
