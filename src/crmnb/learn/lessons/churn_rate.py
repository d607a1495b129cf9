"""Churn rate: who of the start is gone at the end. Without a contract, somebody has to declare when a customer is gone."""

from datetime import timedelta

from crmnb.learn.declaration import Claim, Misuse, exercise, misconception, percent, transfer, trap, without_change
from crmnb.learn.lessons import _orders
from crmnb.learn.lessons._orders import DAYS, END, START, counting, customers_at, customers_of, redraw, select, won  # noqa: F401 -- select and redraw are the lesson's

TABLES = {"all_orders": _orders.COLUMNS}
PLACE = 6
QUESTION = 'The owner of the corner shop asks: "How many customers do we lose?"'

FEWER_DAYS = 60  # another declaration, to see what depends on it


def _ends(all_orders, days=DAYS):
    """The customers at the start and at the end of the year."""
    orders = counting(all_orders)
    return customers_at(orders, START, days), customers_at(orders, END, days)


@exercise(
    "q1",
    ask="What is the churn rate of 2025? Count with a pencil.",
    unit="%",
    hints=(
        f"Write down the customers at the start: those with an order that counts in the {DAYS} days before 2025 begins.",
        f"Strike those who have an order in the last {DAYS} days of 2025. Who remains was lost.",
        "Divide the lost by all that you wrote down, and multiply by 100.",
    ),
)
def by_hand(all_orders):
    """Customers at the start who are none at the end, out of all customers at the start, times 100."""
    at_start, at_end = _ends(all_orders)
    return percent(len(at_start - at_end), len(at_start))


@exercise(
    "q2",
    ask=f"What would it be if the owner had declared {FEWER_DAYS} days instead of {DAYS}? Now with pandas.",
    unit="%",
    hints=(
        f"Both ends change: a customer at the start is then one with an order in the {FEWER_DAYS} days before 2025, from 2 November 2024 on.",
        "A set holds each customer once: `set(rows[...].customer_id)`. You need one for the start and one for the end.",
        "`100 * len(at_start - at_end) / len(at_start)`",
    ),
)
def of_fewer_days(all_orders):
    """The same with the fewer days at both ends of the year."""
    at_start, at_end = _ends(all_orders, FEWER_DAYS)
    return percent(len(at_start - at_end), len(at_start))


@misconception("retention", of=["q1"])
def retention(all_orders):
    """You gave the share of those who stayed. That is retention, the other side of churn."""
    return 100 - by_hand.value(all_orders)


@misconception("lost over those at the end", of=["q1"])
def over_those_at_the_end(all_orders):
    """You divided by the customers at the end. Only who was there at the start could be lost from it."""
    at_start, at_end = _ends(all_orders)
    return percent(len(at_start - at_end), len(at_end))


@misconception("lost over the mean of both ends", of=["q1"])
def over_the_mean(all_orders):
    """You divided by the mean of start and end. Then those who were won make churn look smaller."""
    at_start, at_end = _ends(all_orders)
    return percent(len(at_start - at_end), (len(at_start) + len(at_end)) / 2)


@misconception("start less end", of=["q1"])
def start_less_end(all_orders):
    """You took the customers at the end from those at the start. New customers then hide the lost ones."""
    at_start, at_end = _ends(all_orders)
    return percent(len(at_start) - len(at_end), len(at_start))


@misconception("refunds count", of=["q1"])
def refunds_count(all_orders):
    """You counted orders that were refunded in full. The customer took everything back: that is no order."""
    orders = [row for row in all_orders if row["status"] != "cancelled"]
    at_start, at_end = customers_at(orders, START), customers_at(orders, END)
    return percent(len(at_start - at_end), len(at_start))


@misconception("edge left out", of=["q1"])
def edge_left_out(all_orders):
    """You left out an order of exactly so many days before. It is still within the days."""
    orders, second = counting(all_orders), timedelta(seconds=1)
    at_start = customers_of(orders, START - timedelta(days=DAYS) + second, START)
    at_end = customers_of(orders, END - timedelta(days=DAYS) + second, END)
    return percent(len(at_start - at_end), len(at_start))


@misconception("the year's new customers are lost, too", of=["q1"])
def lost_among_the_new(all_orders):
    """You counted customers who were won and lost within the year. They were not there at the start, so they are in neither number."""
    at_start, at_end = _ends(all_orders)
    lost = (at_start | won(counting(all_orders))) - at_end
    return percent(len(lost), len(at_start))


@misconception("no order in the year", of=["q1"])
def no_order_in_the_year(all_orders):
    """You counted as lost only who did not order all year. Who ordered in spring and never again is lost by the end."""
    at_start, _ = _ends(all_orders)
    return percent(len(at_start - customers_of(counting(all_orders), START, END)), len(at_start))


@misconception("a month's share", of=["q1"])
def a_months_share(all_orders):
    """You divided by twelve. Churn does not add up over months: who is lost in January cannot be lost again."""
    return by_hand.value(all_orders) / 12


@misconception("a count", of=["q1"])
def a_count(all_orders):
    """You gave the number of lost customers. A rate says out of how many."""
    at_start, at_end = _ends(all_orders)
    return len(at_start - at_end)


@misconception("the days as declared", of=["q2"])
def the_days_as_declared(all_orders):
    """You kept the days that the owner declared. The question is what other days would say."""
    return by_hand.value(all_orders)


@misconception("one end only", of=["q2"])
def one_end_only(all_orders):
    """You shortened the days at the end alone. Then the start holds customers who are lost already by the same rule."""
    at_start, _ = _ends(all_orders)
    _, at_end = _ends(all_orders, FEWER_DAYS)
    return percent(len(at_start - at_end), len(at_start))


@misconception("retention", of=["q2"])
def retention_of_fewer_days(all_orders):
    """You gave the share of those who stayed. That is retention, the other side of churn."""
    return 100 - of_fewer_days.value(all_orders)


@misconception("in proportion to the days", of=["q2"])
def in_proportion(all_orders):
    """You scaled the rate with the days. Customers do not leave evenly over the days since their last order: count again."""
    return by_hand.value(all_orders) * FEWER_DAYS / DAYS


@misconception("refunds count", of=["q2"])
def refunds_count_of_fewer_days(all_orders):
    """You counted orders that were refunded in full. The customer took everything back: that is no order."""
    orders = [row for row in all_orders if row["status"] != "cancelled"]
    at_start, at_end = customers_at(orders, START, FEWER_DAYS), customers_at(orders, END, FEWER_DAYS)
    return percent(len(at_start - at_end), len(at_start))


def _with(all_orders, customer, time, **columns):
    """The table with one more order, like the customer's last one."""
    row = [row for row in all_orders if row["customer_id"] == customer][-1]
    order = row | {"order_id": "new", "ordered_at": time, "status": "paid", "refunded_amount": None} | columns
    return {"all_orders": [*all_orders, order]}


def _a_lost_one(all_orders):
    at_start, at_end = _ends(all_orders)
    return min(at_start - at_end)


@trap("won back", "A lost customer orders again in the middle of December 2025. Which way will the churn rate go?")
def won_back(all_orders):
    """At the end the customer is there again. That there was a long silence in between, churn does not see."""
    return _with(all_orders, _a_lost_one(all_orders), END - timedelta(days=15))


@trap("a cancelled order", "The same customer orders in December 2025, but cancels. Which way will it go?")
def a_cancelled_order(all_orders):
    """A cancelled order is no order: the customer is as lost as before."""
    return _with(all_orders, _a_lost_one(all_orders), END - timedelta(days=15), status="cancelled")


@trap("many new customers", "Two new customers order for the first time in December 2025. Which way will it go?")
def many_new_customers(all_orders):
    """They were not there at the start. However many are won, those who left have left."""
    time = END - timedelta(days=12)
    rows = [
        dict(all_orders[-1], order_id=name, customer_id=name, ordered_at=time, first_order_at=time)
        for name in ("x", "y")
    ]
    plain = [row | {"status": "paid", "refunded_amount": None} for row in rows]
    return {"all_orders": [*all_orders, *plain]}


@trap(
    "an order that was forgotten",
    "The till finds another paid order: of a new customer, in December 2024. Since then nothing. Which way will it go?",
)
def a_forgotten_order(all_orders):
    """Now there is one more customer at the start, who is gone at the end."""
    time = START - timedelta(days=20)
    row = dict(all_orders[-1], order_id="x", customer_id="x", status="paid", refunded_amount=None)
    return {"all_orders": [*all_orders, row | {"ordered_at": time, "first_order_at": time}]}


CLAIMS = (
    Claim(
        "Of those who were customers as 2025 began, {base} are none at its end: {value}.",
        True,
        "It says who was counted, and out of how many.",
    ),
    Claim(
        "These customers have gone to another shop.",
        False,
        "They have been silent for longer than was declared. Some will be back: nobody has given notice.",
        caution=True,
    ),
    Claim(
        "We lose {value} a year, so a twelfth of it each month.",
        False,
        "Churn does not add up over months, and the days of silence are longer than a month.",
    ),
    Claim(
        "With fewer days of silence as the sign of a loss, the rate would be another.",
        True,
        "You have computed it. Without a contract, churn depends on what is declared.",
        caution=True,
    ),
    Claim(
        "Of many such customers, anything from {limits} may be lost in a year.",
        True,
        "That is what the interval says of so few.",
    ),
    Claim(
        "Churn differs from that of 2024, so something has changed.",
        False,
        "The change: {change}. It can be chance.",
        where=without_change,
    ),
)
MISUSES = (
    Misuse(
        (
            "Churn in 2025: {value}, {base}",
            "A shop that sells by subscription loses fewer: we are worse",
            "Interval: {limits}",
        ),
        2,
        "There a customer gives notice; here silence is declared to be a loss. The two rates do not compare.",
    ),
    Misuse(
        (
            "Churn in 2025: {value}",
            "We change the days of silence to a year: churn falls at once",
            "{base}, {interval}",
        ),
        2,
        "Not one customer more has stayed. Who changes the rule has to compute the years before with it, too.",
    ),
    Misuse(
        ("Churn in 2025: {value} ({interval})", "We won more than we lost", "So there is no churn to speak of"),
        3,
        "The lost are lost, however many were won. Growth and churn are two figures.",
    ),
)


@transfer(
    ask="What is the churn rate of this client in 2025?",
    unit="%",
    hints=(
        "Customers have a contract here: who is lost has no plan that runs at the end of the year.",
        "At the start are those with a plan that began before 2025 and did not end before it. In the same way at the end.",
        "`100 * len(at_start - at_end) / len(at_start)`",
    ),
    tables={"subscriptions": ("subscription_id", "customer_id", "started_at", "ended_at")},
)
def of_a_simulated_client(subscriptions):
    """Customers with a plan at the start and none at the end, out of those with a plan at the start, times 100."""
    at_start, at_end = _with_a_plan(subscriptions, START), _with_a_plan(subscriptions, END)
    return percent(len(at_start - at_end), len(at_start))


def _with_a_plan(subscriptions, time):
    return {
        row["customer_id"]
        for row in subscriptions
        if row["started_at"] < time and (row["ended_at"] is None or row["ended_at"] >= time)
    }


@misconception("retention", of=["q7"])
def retention_of_a_simulated_client(subscriptions):
    """You gave the share of those who stayed. That is retention, the other side of churn."""
    return 100 - of_a_simulated_client.exercise.value(subscriptions)


@misconception("plans that ended", of=["q7"])
def plans_that_ended(subscriptions):
    """You counted customers with a plan that ended in the year. Many of them went on with another plan."""
    at_start = _with_a_plan(subscriptions, START)
    ended = {row["customer_id"] for row in subscriptions if row["ended_at"] and START <= row["ended_at"] < END}
    return percent(len(at_start & ended), len(at_start))


@misconception("start less end", of=["q7"])
def net_of_a_simulated_client(subscriptions):
    """You took the customers at the end from those at the start. New customers then hide the lost ones."""
    at_start, at_end = _with_a_plan(subscriptions, START), _with_a_plan(subscriptions, END)
    return percent(len(at_start) - len(at_end), len(at_start))
