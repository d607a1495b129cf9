"""True figures without a closed form, counted in a very large simulated client."""

import numpy as np

from crmnb.demo.customers import CustomerBase
from crmnb.demo.orders import Purchases
from crmnb.demo.parameters import DEFAULT_MARGIN, DISCOUNT, PROFITABLE_MARGIN
from crmnb.demo.truth.periods import TruthPeriod

Figures = dict[tuple[str, str], float]
_TOLD_AFTER = {
    "after 30 days": 30,
    "after 90 days": 90,
    "after 180 days": 180,
    "after 1 year": 365,
    "after 2 years": 730,
    "after 3 years": 1095,
}


def survival(base: CustomerBase, period: TruthPeriod) -> Figures:
    """How long first contracts last, as known at the window's end: the product limit over whole days, with late entry."""
    end = period.last
    begun = base.begins[:, 0] < end
    since = np.floor(base.begins[begun, 0]).astype(int)
    lost = base.ends[begun, 0] < end
    duration = np.where(lost, np.floor(base.ends[begun, 0].clip(None, end)), end).astype(int) - since
    entry = np.maximum(-since, 0)
    seen = (entry == 0) | (duration > entry)
    stay = _product_limit(entry[seen], duration[seen], lost[seen], np.ones(seen.sum()))
    values = {("survival_curve", name): 100 * stay[day] for name, day in _TOLD_AFTER.items()}
    return values | {("median_lifetime", ""): float(np.argmax(stay <= 0.5))}


def time_between_orders(purchases: Purchases, period: TruthPeriod) -> Figures:
    """The median of days between days with orders (`select_counted`), as known at the window's end, by the weights of Wang & Chang.

    Complete gaps weigh one by how many of them the customer has; the open one counts only where there are none.
    """
    end = period.last
    seen = purchases.day < end
    who, day = purchases.who[seen], np.floor(purchases.day[seen]).astype(int)
    later = np.append(True, (who[1:] != who[:-1]) | (day[1:] != day[:-1]))  # what is bought on a day is one purchase
    who, day = who[later], day[later]
    complete = np.append(who[1:] == who[:-1], False)
    gaps = np.bincount(who, complete)[who]
    used = complete | (gaps == 0)
    gap = np.where(complete, np.append(day[1:], end), end - 1) - day
    weight = 1 / np.maximum(gaps, 1)
    still = _product_limit(np.zeros(used.sum(), int), gap[used], complete[used], weight[used])
    return {("time_between_orders", ""): float(np.argmax(still <= 0.5))}


def spending(purchases: Purchases, base: CustomerBase, period: TruthPeriod) -> Figures:
    """By orders (`select_counted`): how unlike customers' revenue is, what they have brought so far, and whether the profitable are won and stay."""
    first, last = period.first, period.last
    net = purchases.net
    margin = np.where(np.isnan(purchases.margin), DEFAULT_MARGIN * net, purchases.margin)

    def of_each(amounts: np.ndarray, begin: float, end: float) -> np.ndarray:
        those = (purchases.day >= begin) & (purchases.day < end)
        return np.bincount(purchases.who[those], amounts[those], len(base.region))

    bought = np.sort(of_each(net, first, last))
    bought = bought[bought > 0]
    n, top = len(bought), int(0.9 * len(bought))
    begins = np.append(True, purchases.who[1:] != purchases.who[:-1])
    since = purchases.day[begins][np.cumsum(begins) - 1]
    then = margin * (1 + DISCOUNT) ** ((since - purchases.day) / 365.25)
    come = (base.begins[:, 0] >= first) & (base.begins[:, 0] < last)
    values = {
        ("revenue_concentration", "Gini coefficient"): 2 * (np.arange(1, n + 1) @ bought) / (n * bought.sum())
        - (n + 1) / n,
        ("revenue_concentration", "revenue share of the top 10%"): 100 * bought[top:].sum() / bought.sum(),
        ("historical_clv", ""): then[purchases.day < last].sum() / (purchases.day[begins] < last).sum(),
    }
    if come.any():
        values["profitable_new_customers", ""] = 100 * (of_each(margin, first, last)[come] >= PROFITABLE_MARGIN).mean()
    if period.place:
        retained = base.retained[period.place]
        good = base.under_contract(first) & (of_each(margin, first - 365, first) >= PROFITABLE_MARGIN)
        values["profitable_customer_retention", ""] = (
            100 * (retained[base.region[good], base.plan[good]] ** period.share).mean()
        )
    return values


def _product_limit(entry: np.ndarray, duration: np.ndarray, ended: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """The share that goes on beyond day 0, 1, 2 ... (Kaplan & Meier); at risk on a day: entry < day <= duration, or from 0 on."""
    days = duration.max() + 1
    ends = np.bincount(duration, weight * ended, days)
    came = np.cumsum(np.bincount(entry + (entry > 0), weight, days + 1)[:days])
    losses = np.cumsum(np.bincount(duration + 1, weight, days + 1)[:days])
    at_risk = np.maximum(came - losses, 1e-9)
    return np.cumprod(1 - ends / at_risk)
