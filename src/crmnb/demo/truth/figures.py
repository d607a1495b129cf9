"""The true figures: the values of the metrics of the simulated client without chance."""

from functools import cache

import numpy as np

from crmnb.core.cohort_cell import CohortCell
from crmnb.demo import answers, leads, relationship, visits
from crmnb.demo.answers import ITEMS, PLATFORMS, Scale, item, rating_shares
from crmnb.demo.comments import true_net_sentiment
from crmnb.demo.customers import CustomerBase, order_multiples, simulate_customers
from crmnb.demo.engagement import true_engagement
from crmnb.demo.orders import GUESTS, Purchases, simulate_purchases
from crmnb.demo.parameters import EDGES, LOW_REGION, PLANS, REGIONS, Rates
from crmnb.demo.referrals import true_referrals
from crmnb.demo.service import RESOLVED, TICKETS
from crmnb.demo.surveys import INVITED
from crmnb.demo.truth import clv, drawn, sales
from crmnb.demo.truth.periods import TruthPeriod, parse_period

_LARGE_BASE = 120_000  # customers at the start of the large base
_FOLLOW_UP = 90
ANSWER_DAYS = 14  # days after the invitation that survey metrics wait for
SURVEYS = ("purchase", "support")

Figures = dict[tuple[str, str], float]

# The segmentations and levels with true figures, and the total.
LEVELS = (("", ""), *(("region", name) for name in REGIONS), *(("plan", name) for name in PLANS))
# Sums, which are proportional to the number of customers.
_COUNTED = {"new_customers", "referrals", "review_volume", "revenue_bridge", "sales_velocity", "expected_churn"}
# Figures of the total only: without a customer, or not broken down by level.
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


def compute_truth(rates: Rates, label: int | str, at_start: float, segment: str = "", level: str = "") -> Figures:
    """(metric, breakdown) -> the true value in 2025, "2025Q4", "2025-11" ..., in the metric's unit; percent for shares.

    at_start: the number of customers at the start of that year, for counts. segment, level: one of LEVELS.

    Closed form, conditional on the number of customers of each region and plan, which comes from a large simulated base. Retention
    is the argument: that share of the customers at the start of a year is retained; a region and plan has its own rate, and
    for a part of a year the power of that rate. Churn is the complement, annualised to 365.25 days. New customers are
    Poisson, `won` per customer at the start of the year. The members of a cohort join evenly over a month of length L and
    leave at the constant rate h of their group, so of those who joined D days or less before a later month begins,
    exp(-h D) (exp(h L) - 1) / (h L) are retained. For csat, nps and effort, the distribution of the answers is the one whose
    figure is the argument; further figures come from the same distribution, and so do ratings and comments. Invitations are reached,
    accepted and completed independently, so the response rate is the product of these shares, for surveys started within
    ANSWER_DAYS.

    Large base of customers, with orders averaged exactly: a customer's rate g is gamma with shape k and mean kt (per day),
    with t by plan. The probability of no order in x days under contract is B(x) = (1 + t x)^-k, and the density of the next
    order is A(x) = k t (1 + t x)^-(k+1). Of e days in the period: B(e) for none with an order, e (B(e - 1) - B(e)) for one. The
    first order occurs at exposure x with density A(x); none follows within w days with density A(x + w), where w is 90 days or
    the rest of the contract. Reactivated customers and the customers at the end are counted in the base.

    Fees, order values, growth and cross-selling: module `sales`. Leads and visits: their own modules, beside their
    simulation. Predicted value and expected churn: module `clv`. Survival, time between orders, concentration and profitable
    customers: module `drawn`, counted in the large base.
    """
    of_group = {"region": level if segment == "region" else "", "plan": level if segment == "plan" else ""}
    values = _per_customer(rates, parse_period(label), **of_group)
    return {key: value * (at_start if is_counted(*key) else 1) for key, value in values.items()}


def engagement_figures(rates: Rates, year: int) -> Figures:
    """The true figures of engagement in a year (`crmnb.demo.engagement`), of the whole client."""
    return true_engagement(rates, _large_base(rates), year)


def is_counted(metric: str, breakdown: str) -> bool:
    """Whether a figure is a sum, which is proportional to the number of customers."""
    return metric in _COUNTED and breakdown != "per 100 at start"


@cache
def _per_customer(rates: Rates, period: TruthPeriod, region: str, plan: str) -> Figures:
    """The true values; sums are per customer at the start of the year."""
    all_of_them, base = _large_base(rates), _group(rates, region, plan)
    of_all = not (region or plan)
    purchases = _group_orders(rates, region, plan)
    values = (
        _stays(rates, base, period)
        | _counted(base, period)
        | sales.fees(rates, base, period)
        | _purchases(rates, base, period)
        | sales.orders(rates, base, period, GUESTS if of_all else 0)
        | _cohorts(base, period)
        | drawn.survival(base, period)
        | drawn.time_between_orders(purchases, period)
        | drawn.spending(purchases, base, period)
        | clv.clv_figures(rates, base, period)
        | visits.conversion(base, rates, period, of_all)
        | _answers(rates, all_of_them, base, period)
        | _surveys(rates, period.place)
    )
    if of_all:
        values |= clv.churn_drivers(rates, base, period) | _reviews(rates, period)
        values |= leads.conversion(rates, period) | leads.velocity(rates, period, base)
    return {key: float(value) for key, value in values.items() if of_all or key[0] not in _OF_ALL}


@cache
def _large_base(rates: Rates) -> CustomerBase:
    return simulate_customers(rates, _LARGE_BASE, np.random.default_rng(0))


@cache
def _large_base_orders(rates: Rates) -> Purchases:
    return simulate_purchases(_large_base(rates), rates, np.random.default_rng(1)).select_counted()


@cache
def _group(rates: Rates, region: str, plan: str) -> CustomerBase:
    return _large_base(rates).select(region, plan)


@cache
def _group_orders(rates: Rates, region: str, plan: str) -> Purchases:
    """The orders of a group, by the row numbers of its customers."""
    base = _large_base(rates)
    group = np.ones(len(base.region), bool)
    group &= (base.region == list(REGIONS).index(region)) if region else True
    group &= (base.plan == list(PLANS).index(plan)) if plan else True
    return _large_base_orders(rates).of(group)


def _stays(rates: Rates, base: CustomerBase, period: TruthPeriod) -> Figures:
    retained = clv.retention(base, period)
    won = rates.won[period.place] * float(base.joiner_shares.sum()) * period.share
    at_start = base.under_contract(period.first).sum() / base.at_start[period.place]
    return {
        ("retention_rate", ""): 100 * retained,
        ("churn_rate", ""): 100 * (1 - retained),
        ("churn_rate_annualised", ""): 100 * (1 - retained ** (1 / period.years)),
        ("new_customers", ""): won,
        ("new_customers", "per 100 at start"): 100 * won / at_start,
        ("referrals", ""): true_referrals(won),
    }


def _counted(base: CustomerBase, period: TruthPeriod) -> Figures:
    first, last = period.first, period.last
    back = (base.begins[:, 1] >= first) & (base.begins[:, 1] < last) & (base.ends[:, 1] >= last)
    return {
        ("retained_after_gap", ""): 0,  # nobody comes back within a year
        ("customer_base_growth", ""): 100 * base.under_contract(last).sum() / base.under_contract(first).sum(),
        ("new_customers", "reactivated"): back.sum() / base.at_start[period.place],
    }


def _purchases(rates: Rates, base: CustomerBase, period: TruthPeriod) -> Figures:
    """What is bought on a day is one purchase: at a rate g, a day has one with the chance 1 - exp(-g)."""
    first, last = period.first, period.last
    k, times = rates.spread, rates.orders * order_multiples(rates)[base.plan] / 365.25 / rates.spread

    def no_order_probability(x, t):
        return (1 + t * x) ** -k

    def next_at(x, t):
        return k * t * (1 + t * x) ** -(k + 1)

    inside = base.days(first, last)
    none = no_order_probability(inside, times)
    single = inside * (no_order_probability((inside - 1).clip(0), times) - none)  # all of it on one of the days
    buyers = (1 - none).sum()
    values = {
        ("repeat_purchase_rate", ""): 100 * (1 - none - single).sum() / buyers,
        ("purchase_frequency", ""): (inside * (1 - no_order_probability(1, times))).sum() / buyers,
    }
    a_last = last - _FOLLOW_UP
    if a_last <= first:
        return values

    # Those who joined in the years seen and whose first ever order falls in a spell's days from a to b; x: days under contract
    # before a. The rest of the day of the first order, half a day, is no time for a second one.
    who, which, a, b = base.spells(first, a_last)
    new = base.begins[who, 0] >= 0
    who, which, a, b = who[new], which[new], a[new], b[new]
    t, left, w = times[who], base.ends[who, which], _FOLLOW_UP - 0.5
    earlier = np.where(which == 1, base.ends[who, 0].clip(0) - base.begins[who, 0].clip(0), 0)
    x = earlier + a - base.begins[who, which].clip(0)
    whole = np.clip(left - w, a, b)  # until here, all of the days lie in the spell
    new = (no_order_probability(x, t) - no_order_probability(x + b - a, t)).sum()
    if new == 0:
        return values
    silent = no_order_probability(x + w, t) - no_order_probability(x + whole - a + w, t)
    cut_short = np.where(b > whole, next_at(x + np.where(np.isfinite(left), left, b) - a, t) * (b - whole), 0.0)
    return values | {("second_purchase_rate", ""): 100 * (1 - (silent + cut_short).sum() / new)}


def _cohorts(base: CustomerBase, period: TruthPeriod) -> Figures:
    """Of each month's new customers, the share under contract when each later month of the window begins."""
    rate = -np.log(base.retained[period.place]) / (EDGES[period.place + 1] - EDGES[period.place])
    joiner_shares, months, values = base.joiner_shares / base.joiner_shares.sum(), period.months, {}
    for at, (label, first, last) in enumerate(months):
        came = np.expm1(rate * (last - first)) / (rate * (last - first))
        for later, (_, start, _) in enumerate(months[at:]):
            there = (joiner_shares * np.exp(-rate * (start - first)) * came).sum() if later else 1.0
            values["cohort_retention", str(CohortCell(label, later))] = 100 * float(there)
    return values


def _answers(rates: Rates, all_of_them: CustomerBase, base: CustomerBase, period: TruthPeriod) -> Figures:
    """Those who live in the worse region answer lower, all of them together as the arguments say; of a group, by how many of its answers are theirs."""
    of_all, of_group = (_worse(rates, those, period) for those in (all_of_them, base))

    def chosen(name: str) -> tuple[Scale, np.ndarray]:
        others, there = answers.split_by_region(ITEMS[name], item(rates, name, period.place), of_all)
        return ITEMS[name], (1 - of_group) * others + of_group * there

    figures = {
        "csat": 100 * answers.top_two(*chosen("satisfied")),
        "csat_mean": answers.points(*chosen("satisfied")),
        "nps": answers.promoters_less_detractors(*chosen("recommend")),
        "ces": answers.mean(*chosen("effort")),
        "ces_low_effort": 100 * answers.below_middle(*chosen("effort")),
    }
    figures["sentiment"] = true_net_sentiment(chosen("satisfied")[1])
    return {(metric, survey): value for metric, value in figures.items() for survey in SURVEYS}


def _worse(rates: Rates, base: CustomerBase, period: TruthPeriod) -> float:
    """Of a group's answers in the window's year, the share that those in the worse region give: by orders and tickets, which come while under contract."""
    year = (EDGES[period.place], EDGES[period.place + 1])
    days = base.days(*year)
    invited = INVITED * sales.expected_orders(rates, base, days) * rates.acceptance[period.place]
    invited = invited + TICKETS * RESOLVED * days / 365.25 * rates.support_acceptance[period.place]
    return float(invited[base.region == list(REGIONS).index(LOW_REGION)].sum() / invited.sum())


def _surveys(rates: Rates, place: int) -> Figures:
    """What is begun later than ANSWER_DAYS after the invitation is not counted."""
    values, completes = {}, rates.completion[place]
    in_time = -np.expm1(-ANSWER_DAYS / rates.answer_days)
    accepted = {"purchase": rates.acceptance[place], "support": rates.support_acceptance[place]}
    for survey, takes in (accepted | {relationship.SURVEY: relationship.acceptance(rates)}).items():
        values |= {
            ("acceptance_rate", survey): 100 * takes * in_time,
            ("completion_rate", survey): 100 * completes,
            ("response_rate", survey): 100 * rates.reached * takes * in_time * completes,
            ("response_rate", f"{survey}, cooperation rate (COOP1)"): 100 * takes * in_time * completes,
        }
    return values


def _reviews(rates: Rates, period: TruthPeriod) -> Figures:
    values, place = {}, period.place
    for platform, (share, scale) in PLATFORMS.items():
        values["review_rating", platform] = answers.points(scale, rating_shares(rates, platform, place))
        values["review_volume", platform] = rates.reviews[place] * share * period.share
    return values
