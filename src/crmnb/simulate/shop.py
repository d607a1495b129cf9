"""Shop: what made-up customers order while they are under contract, for how much, and what is refunded."""

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from crmnb.simulate.columns import at, customer_ids, numbered, year_of
from crmnb.simulate.lives import Lives, events
from crmnb.simulate.rates import DAYS, Rates

CATEGORIES = {"home": 0.45, "kitchen": 0.25, "garden": 0.2, "gifts": 0.1}  # and the share of the orders
ORDER_SHAPE, CUSTOMER_SHAPE = 3.0, 5.0  # p and q of the Gamma-Gamma: orders about a customer's mean, customers' means
PART = (0.1, 0.6)  # of the amount: what is refunded where it is a part, from and to
_WHOLE = 0.4  # of the refunds: those of the whole amount
_REFUND_DAYS, _WINDOW = 8.0, 30.0  # on average from an order to its refund; and days of the rate that is an argument
_CANCELLED = 0.04  # per order that counts
GUESTS = 0.04  # orders without a customer, per order of a customer
_NO_MARGIN = 0.03  # of the orders: their margin is not known


@dataclass(frozen=True)
class Purchases:
    """Orders as they happen, one place each: the customer (a row number; -1: a guest), the day, and how it went on.

    `part` is what is refunded of the amount (0 to 1), `kind` a place in KINDS; `margin` is NaN where nobody knows it.
    """

    who: np.ndarray
    day: np.ndarray
    kind: np.ndarray
    amount: np.ndarray
    part: np.ndarray
    margin: np.ndarray

    def that_count(self) -> "Purchases":
        """The orders that count, of customers alone, each customer's together and in the order of their times."""
        ours = np.flatnonzero((self.kind == 0) & (self.who >= 0))
        ours = ours[np.argsort(self.who[ours] * 10_000.0 + self.day[ours])]
        return Purchases(*(getattr(self, each.name)[ours] for each in fields(self)))

    @property
    def net(self) -> np.ndarray:
        """What is left of the amount."""
        return self.amount - np.round(self.amount * self.part, 2)


KINDS = ("counts", "refunded", "cancelled")  # refunded: in whole


def refunds(rates: Rates) -> tuple[float, float]:
    """Per order that counts: how many are refunded in whole beside it, and the share that is refunded in part.

    So many that of all orders but the cancelled, the share `refunds` is refunded within 30 days.
    """
    ever = min(rates.refunds / -np.expm1(-_WINDOW / _REFUND_DAYS), 1)
    return ever * _WHOLE / (1 - ever * _WHOLE), ever * (1 - _WHOLE) / (1 - ever * _WHOLE)


def purchases(lives: Lives, rates: Rates, rng: np.random.Generator) -> Purchases:
    """All orders of so many lives, those of guests among them.

    Orders that count come at each customer's own rate, gamma about `orders`; amounts are gamma about each customer's own
    mean, which is inverse gamma about `order_value` and has nothing to do with the rate (Gamma-Gamma). Others lie beside
    them: refunded in whole, cancelled. Guests order when customers do.
    """
    customers = len(lives.region)
    own = rng.gamma(rates.spread, rates.orders / rates.spread, customers)
    mean = (CUSTOMER_SHAPE - 1) / rng.gamma(CUSTOMER_SHAPE, 1, customers)
    whole, part = refunds(rates)
    came = [events(lives, own * per, rng) for per in (1, whole, _CANCELLED)]
    kind = np.repeat(np.arange(len(KINDS)), [len(who) for who, _ in came])
    who, day = (np.concatenate(each) for each in zip(*came, strict=True))
    guests = rng.integers(0, max(len(who), 1), rng.poisson(len(who) * GUESTS))
    kind, who = np.append(kind, kind[guests]), np.append(who, np.full(len(guests), -1))
    day = np.append(day, (day[guests] + rng.uniform(-0.5, 0.5, len(guests))).clip(0, DAYS - 1e-4))
    mean = np.append(mean[who[who >= 0]], (CUSTOMER_SHAPE - 1) / rng.gamma(CUSTOMER_SHAPE, 1, len(guests)))
    price = np.array(rates.order_value)[year_of(day)] * mean
    amount = np.round(np.maximum(price * rng.gamma(ORDER_SHAPE, 1 / ORDER_SHAPE, len(day)), 1), 2)
    back = np.where((kind == 0) & (rng.random(len(day)) < part), rng.uniform(*PART, len(day)), kind == 1)
    margin = np.round(rates.margin * rng.uniform(0.75, 1.25, len(day)) * amount * (1 - back), 2)
    margin[rng.random(len(day)) < _NO_MARGIN] = np.nan
    return Purchases(who, day, kind, amount, back, margin)


def orders(lives: Lives, rates: Rates, rng: np.random.Generator) -> pd.DataFrame:
    """The table of the orders, in the order of their times; `who` is the customer's row number."""
    made = purchases(lives, rates, rng)
    rows, refunded = len(made.day), made.part > 0
    back = np.minimum(made.day + rng.exponential(_REFUND_DAYS, rows), DAYS - 0.5 / 86_400)
    frame = pd.DataFrame(
        {
            "who": made.who,
            "customer_id": customer_ids(made.who),
            "ordered_at": at(made.day),
            "amount": made.amount,
            "margin": made.margin,
            "status": np.select([refunded, made.kind == 2], ["refunded", "cancelled"], "paid"),
            "refunded_amount": np.where(refunded, np.round(made.amount * made.part, 2), np.nan),
            "refunded_at": at(np.where(refunded, back, np.nan)),
            "channel": rng.choice(["web", "app", "shop", "phone"], rows, p=[0.4, 0.3, 0.2, 0.1]),
            "category": rng.choice(list(CATEGORIES), rows, p=list(CATEGORIES.values())),
        }
    )
    frame = frame.iloc[np.argsort(made.day, kind="stable")].reset_index(drop=True)
    frame.insert(0, "order_id", numbered("", rows, 8))
    return frame
