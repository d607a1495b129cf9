"""Orders of the simulated customers: their times, amounts, margins and refunds."""

from dataclasses import dataclass, fields

import numpy as np
import pandas as pd

from crmnb.demo.columns import find_year, make_customer_ids, make_keys, to_times
from crmnb.demo.customers import CustomerBase, draw_events, order_multiples
from crmnb.demo.parameters import DAYS, Rates

CATEGORIES = {"home": 0.45, "kitchen": 0.25, "garden": 0.2, "gifts": 0.1}  # and the share of the orders
PART = (0.1, 0.6)  # of the amount: what is refunded where it is a part, from and to
_WHOLE = 0.4  # of the refunds: those of the whole amount
WINDOW = 30.0  # days of the rate of refunds that is an argument
_CANCELLED = 0.04  # per order that counts
GUESTS = 0.04  # orders without a customer, per order of a customer
_NO_MARGIN = 0.03  # of the orders: their margin is not known


@dataclass(frozen=True)
class Purchases:
    """Orders by customer (a row number; -1: a guest), day and outcome.

    `part` is the refunded share of the amount (0 to 1), `kind` an index of KINDS; `margin` is NaN if unknown.
    """

    who: np.ndarray
    day: np.ndarray
    kind: np.ndarray
    amount: np.ndarray
    part: np.ndarray
    margin: np.ndarray

    def select_counted(self) -> "Purchases":
        """The orders of customers that count, sorted by customer and time."""
        selected = np.flatnonzero((self.kind == 0) & (self.who >= 0))
        selected = selected[np.argsort(self.who[selected] * 10_000.0 + self.day[selected])]
        return Purchases(*(getattr(self, column.name)[selected] for column in fields(self)))

    def of(self, group: np.ndarray) -> "Purchases":
        """The orders of some customers (a mask by row number), with row numbers within the selection."""
        selected = group[self.who]
        columns = {column.name: getattr(self, column.name)[selected] for column in fields(self)}
        return Purchases(**columns | {"who": (np.cumsum(group) - 1)[columns["who"]]})

    @property
    def net(self) -> np.ndarray:
        """The amount after refunds."""
        return self.amount - np.round(self.amount * self.part, 2)


KINDS = ("counts", "refunded", "cancelled")  # refunded: in whole


def refunds(rates: Rates) -> tuple[float, float]:
    """Per order that counts: the number of full refunds beside it, and the share of partial refunds.

    Of all orders except cancelled ones, the share `refunds` is refunded within 30 days.
    """
    ever = min(rates.refunds / refund_share_within(rates, WINDOW), 1)
    return ever * _WHOLE / (1 - ever * _WHOLE), ever * (1 - _WHOLE) / (1 - ever * _WHOLE)


def refund_share_within(rates: Rates, days: np.ndarray | float) -> np.ndarray | float:
    """The share of refunds within so many days of the order."""
    return -np.expm1(-np.maximum(days, 0) / rates.refund_days)


def simulate_purchases(base: CustomerBase, rates: Rates, rng: np.random.Generator) -> Purchases:
    """All orders of the customers, and of guests.

    Orders that count come at each customer's rate, gamma-distributed about that of the plan. Amounts are gamma-distributed
    about each customer's mean, which is inverse gamma about `order_value` and independent of the rate (Gamma-Gamma). Full
    refunds and cancelled orders are added. Guests order when customers do.
    """
    customers = len(base.region)
    own = rng.gamma(rates.spread, rates.orders / rates.spread * order_multiples(rates)[base.plan], customers)
    q = rates.customer_shape
    mean = (q - 1) / rng.gamma(q, 1, customers)
    whole, part = refunds(rates)
    events = [draw_events(base, own * per, rng) for per in (1, whole, _CANCELLED)]
    kind = np.repeat(np.arange(len(KINDS)), [len(who) for who, _ in events])
    who, day = (np.concatenate(column) for column in zip(*events, strict=True))
    guests = rng.integers(0, max(len(who), 1), rng.poisson(len(who) * GUESTS))
    kind, who = np.append(kind, kind[guests]), np.append(who, np.full(len(guests), -1))
    day = np.append(day, (day[guests] + rng.uniform(-0.5, 0.5, len(guests))).clip(0, DAYS - 1e-4))
    mean = np.append(mean[who[who >= 0]], (q - 1) / rng.gamma(q, 1, len(guests)))
    price = np.array(rates.order_value)[find_year(day)] * mean
    amount = np.round(np.maximum(price * rng.gamma(rates.order_shape, 1 / rates.order_shape, len(day)), 1), 2)
    back = np.where((kind == 0) & (rng.random(len(day)) < part), rng.uniform(*PART, len(day)), kind == 1)
    margin = np.round(rates.margin * rng.uniform(0.75, 1.25, len(day)) * amount * (1 - back), 2)
    margin[rng.random(len(day)) < _NO_MARGIN] = np.nan
    return Purchases(who, day, kind, amount, back, margin)


def simulate_orders(base: CustomerBase, rates: Rates, rng: np.random.Generator) -> pd.DataFrame:
    """The table of orders, sorted by time, as known at the end; `who` is the customer's row number.

    Later refunds are not known: such an order is paid and counts in full.
    """
    purchases = simulate_purchases(base, rates, rng)
    rows = len(purchases.day)
    back = purchases.day + rng.exponential(rates.refund_days, rows)
    refunded = (purchases.part > 0) & (back < DAYS)
    frame = pd.DataFrame(
        {
            "who": purchases.who,
            "customer_id": make_customer_ids(purchases.who),
            "ordered_at": to_times(purchases.day),
            "amount": purchases.amount,
            "margin": purchases.margin,
            "status": np.select([refunded, purchases.kind == 2], ["refunded", "cancelled"], "paid"),
            "refunded_amount": np.where(refunded, np.round(purchases.amount * purchases.part, 2), np.nan),
            "refunded_at": to_times(np.where(refunded, back, np.nan)),
            "channel": rng.choice(["web", "app", "shop", "phone"], rows, p=[0.4, 0.3, 0.2, 0.1]),
            "category": rng.choice(list(CATEGORIES), rows, p=list(CATEGORIES.values())),
        }
    )
    frame = frame.iloc[np.argsort(purchases.day, kind="stable")].reset_index(drop=True)
    frame.insert(0, "order_id", make_keys("", rows, 8))
    return frame
