"""Retention rate: of those who were there at the start, who is still there at the end. Nobody else counts."""

from datetime import timedelta

from crmnb.learn.declaration import Claim, Misuse, exercise, misconception, percent, transfer, trap, without_change
from crmnb.learn.lessons import _orders
from crmnb.learn.lessons._orders import DAYS, END, START, counting, customers_at, customers_of, redraw, select, won  # noqa: F401 -- select and redraw are the lesson's

TABLES = {"all_orders": _orders.COLUMNS}
PLACE = 5
QUESTION = 'The owner of the corner shop asks: "Do our customers stay with us?"'


def _ends(all_orders):
    """The customers at the start and at the end of the year."""
    orders = counting(all_orders)
    return customers_at(orders, START), customers_at(orders, END)


@exercise(
    "q1",
    ask="What is the retention rate of 2025? Count with a pencil.",
    unit="%",
    hints=(
        f"Write down the customers at the start: those with an order that counts in the {DAYS} days before 2025 begins.",
        f"Then the customers at the end of 2025, in the same way, from the last {DAYS} days of the year.",
        "Who stands on both lists stayed. Divide their number by that of the first list, and multiply by 100.",
    ),
)
def by_hand(all_orders):
    """Customers at the start who are also customers at the end, out of all customers at the start, times 100."""
    at_start, at_end = _ends(all_orders)
    return percent(len(at_start & at_end), len(at_start))


@exercise(
    "q2",
    ask="And the same, computed from the rows with pandas?",
    unit="%",
    hints=(
        "First the orders that count: `rows.query(\"status != 'cancelled' and not refunded_amount >= amount\")`.",
        "A set holds each customer once: `set(rows[...].customer_id)`. You need one for the start and one for the end.",
        "`100 * len(at_start & at_end) / len(at_start)`",
    ),
)
def computed(all_orders):
    """A set of customers for each end; the share of the first set that is also in the second."""
    return by_hand.value(all_orders)


@misconception("end over start")
def end_over_start(all_orders):
    """You divided all customers at the end by those at the start. That is growth: whoever is won hides whoever is lost."""
    at_start, at_end = _ends(all_orders)
    return percent(len(at_end), len(at_start))


@misconception("end less all won")
def end_less_all_won(all_orders):
    """You took all customers won in the year from those at the end. Some of them are gone again, and some at the end are old customers who came back."""
    at_start, at_end = _ends(all_orders)
    return percent(len(at_end) - len(won(counting(all_orders))), len(at_start))


@misconception("end less those won who stayed")
def end_less_won_who_stayed(all_orders):
    """You took those won from the customers at the end. What remains holds old customers who came back: they were not there at the start."""
    at_start, at_end = _ends(all_orders)
    return percent(len(at_end - won(counting(all_orders))), len(at_start))


@misconception("churn")
def churn(all_orders):
    """You gave the share of those who left. That is churn, the other side of retention."""
    return 100 - by_hand.value(all_orders)


@misconception("bought in the year")
def bought_in_the_year(all_orders):
    """You counted who ordered at any time in the year. Who ordered in spring and never again is lost by the end."""
    at_start, _ = _ends(all_orders)
    return percent(len(at_start & customers_of(counting(all_orders), START, END)), len(at_start))


@misconception("refunds count")
def refunds_count(all_orders):
    """You counted orders that were refunded in full. The customer took everything back: that is no order."""
    orders = [row for row in all_orders if row["status"] != "cancelled"]
    at_start, at_end = customers_at(orders, START), customers_at(orders, END)
    return percent(len(at_start & at_end), len(at_start))


@misconception("edge left out")
def edge_left_out(all_orders):
    """You left out an order of exactly so many days before. It is still within the days."""
    orders, second = counting(all_orders), timedelta(seconds=1)
    at_start = customers_of(orders, START - timedelta(days=DAYS) + second, START)
    at_end = customers_of(orders, END - timedelta(days=DAYS) + second, END)
    return percent(len(at_start & at_end), len(at_start))


@misconception("first instant at the start")
def first_instant_at_the_start(all_orders):
    """You counted an order of the first instant of the year as before it. It is in the year: its customer was won."""
    orders, second = counting(all_orders), timedelta(seconds=1)
    at_start = customers_of(orders, START - timedelta(days=DAYS), START + second)
    return percent(len(at_start & customers_at(orders, END)), len(at_start))


@misconception("over those at the end")
def over_those_at_the_end(all_orders):
    """You divided by the customers at the end. That tells how many of today's customers are old ones."""
    at_start, at_end = _ends(all_orders)
    return percent(len(at_start & at_end), len(at_end))


@misconception("a count", of=["q1", "q2"])
def a_count(all_orders):
    """You gave the number of those who stayed. A rate says out of how many."""
    at_start, at_end = _ends(all_orders)
    return len(at_start & at_end)


def _of_lost(all_orders, time):
    """An order of a lost customer at a time."""
    at_start, at_end = _ends(all_orders)
    customer = min(at_start - at_end)
    row = next(row for row in all_orders if row["customer_id"] == customer)
    return dict(row, order_id="new", ordered_at=time, status="paid", refunded_amount=None)


@trap(
    "won back",
    "A customer who was lost orders again in the middle of December 2025. Which way will the retention rate go?",
)
def won_back(all_orders):
    """Retention looks at the two ends of the year only. Who was away in between and is back by the end has stayed."""
    return {"all_orders": [*all_orders, _of_lost(all_orders, END - timedelta(days=15))]}


@trap(
    "the edge of the days",
    "Instead, this customer orders one second before the last 90 days of 2025 begin. Which way will it go?",
)
def the_edge_of_the_days(all_orders):
    """A second earlier is outside of the days. The customer is as lost as before."""
    return {"all_orders": [*all_orders, _of_lost(all_orders, END - timedelta(days=DAYS, seconds=1))]}


@trap("a new customer", "A new customer orders for the first time in December 2025. Which way will it go?")
def a_new_customer(all_orders):
    """Who was not there at the start is in neither number. To win customers cannot mend the loss of others."""
    row = dict(all_orders[-1], order_id="new", customer_id="new", status="paid", refunded_amount=None)
    time = END - timedelta(days=15)
    return {"all_orders": [*all_orders, row | {"ordered_at": time, "first_order_at": time}]}


@trap("a refund", "A customer who stayed gets the money back for every order since October 2025. Which way will it go?")
def a_refund(all_orders):
    """A full refund undoes the order, so the customer has none in the last days and counts as lost."""
    at_start, at_end = _ends(all_orders)
    customer, late = min(at_start & at_end), END - timedelta(days=DAYS)
    return {
        "all_orders": [
            dict(row, refunded_amount=row["amount"], status="refunded")
            if row["customer_id"] == customer and row["ordered_at"] >= late
            else row
            for row in all_orders
        ]
    }


CLAIMS = (
    Claim(
        "If a year keeps {value}, a quarter keeps about as many.",
        False,
        "The longer the period, the fewer stay: compare periods of equal length only.",
        caution=True,
    ),
    Claim(
        "Of those who were customers as 2025 began, {base} are still customers at its end.",
        True,
        "It says who was counted: those of the start alone.",
    ),
    Claim(
        "The shop has more customers than a year ago, so retention is no concern.",
        False,
        "It has won more than it lost. Those who left are gone all the same, and to win one usually costs more than to keep one.",
    ),
    Claim(
        "The figure says nothing about the customers whom we won in 2025.",
        True,
        "They were not there at the start, so they are in neither number.",
        caution=True,
    ),
    Claim(
        "Retention has changed since 2024 because of the new till.",
        False,
        "The change: {change}. And nothing here shows a cause.",
        where=without_change,
    ),
    Claim(
        "Of many such customers, anything from {limits} may stay in a year.",
        True,
        "That is what the interval says of so few.",
    ),
)
MISUSES = (
    Misuse(
        (
            "Retention in 2025: {base} stayed, {value}",
            "With so few: {interval}",
            "January alone kept more than the year: our best month",
        ),
        3,
        "A month has less time to lose anybody than a year. Only periods of equal length compare.",
    ),
    Misuse(
        (
            "We have more customers at the end than at the start",
            "So our retention is above all expectations: more than everybody stayed",
            "{base} of the start are still here",
        ),
        2,
        "The growth contains customers who were won. Retention is of those of the start: {value}.",
    ),
    Misuse(
        (
            "Retention in 2025: {value} ({interval})",
            "Against 2024: {change}",
            "The stamp card did it: we give it to everybody",
        ),
        3,
        "Nothing here shows what the card did: there is no group without it to compare with.",
    ),
)


@transfer(
    ask="What is the retention rate of this client in 2025?",
    unit="%",
    hints=(
        "Here customers have a contract, so nobody has to guess who is lost: a plan runs until it ends, and an empty end means that it goes on.",
        "At the start are those with a plan that began before 2025 and did not end before it. In the same way at the end.",
        "A customer may have several plans, one after the other: use sets. An empty end is later than any day: `not ended_at < '2025-01-01'` keeps it.",
    ),
    tables={"subscriptions": ("subscription_id", "customer_id", "started_at", "ended_at")},
)
def of_a_simulated_client(subscriptions):
    """Customers with a plan at the start and at the end, out of those with a plan at the start, times 100."""
    at_start, at_end = _with_a_plan(subscriptions, START), _with_a_plan(subscriptions, END)
    return percent(len(at_start & at_end), len(at_start))


def _running(subscriptions, time):
    return [
        row
        for row in subscriptions
        if row["started_at"] < time and (row["ended_at"] is None or row["ended_at"] >= time)
    ]


def _with_a_plan(subscriptions, time):
    return {row["customer_id"] for row in _running(subscriptions, time)}


@misconception("end over start", of=["q7"])
def growth_of_a_simulated_client(subscriptions):
    """You divided all customers at the end by those at the start. That is growth: whoever is won hides whoever is lost."""
    return percent(len(_with_a_plan(subscriptions, END)), len(_with_a_plan(subscriptions, START)))


@misconception("churn", of=["q7"])
def churn_of_a_simulated_client(subscriptions):
    """You gave the share of those who left. That is churn, the other side of retention."""
    return 100 - of_a_simulated_client.exercise.value(subscriptions)


@misconception("plans, not customers", of=["q7"])
def plans_of_a_simulated_client(subscriptions):
    """You followed plans. Who changes to another plan ends one and stays a customer."""
    at_start = {row["subscription_id"] for row in _running(subscriptions, START)}
    return percent(len(at_start & {row["subscription_id"] for row in _running(subscriptions, END)}), len(at_start))


@misconception("empty ends left out", of=["q7"])
def empty_ends_left_out(subscriptions):
    """You left out plans without an end. They are those that go on."""
    ended = [row for row in subscriptions if row["ended_at"] is not None]
    at_start, at_end = _with_a_plan(ended, START), _with_a_plan(ended, END)
    return percent(len(at_start & at_end), len(at_start))
