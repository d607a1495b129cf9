"""Average order value: what an order comes to, and how a single one can carry the mean."""

from statistics import median

from crmnb.learn.declaration import Claim, Misuse, exercise, mean, misconception, transfer, trap, without_change
from crmnb.learn.lessons import _baskets
from crmnb.learn.lessons._baskets import first_in_year, in_year, like, net, redraw, select  # noqa: F401 -- select and redraw are the lesson's
from crmnb.learn.lessons._orders import END, START, counting

TABLES = {"all_orders": _baskets.SHOWN}
PLACE = 9
QUESTION = 'The owner of the corner shop asks: "How much do people spend when they buy?"'


def _counted(all_orders):
    return in_year(counting(all_orders))


def _values(all_orders):
    return [net(row) for row in _counted(all_orders)]


@exercise(
    "q1",
    ask="What is the average order value of 2025? Count with a pencil.",
    unit="money",
    hints=(
        "Strike what does not count: cancelled, refunded in full, not of 2025. Orders without a customer do count: money is money.",
        "Of an order that was refunded in part, the rest counts. Add up what remains, and count the orders.",
        "Divide the sum by the number of orders.",
    ),
)
def by_hand(all_orders):
    """Amounts less refunds of all orders of the year that count, divided by their number."""
    return mean(_values(all_orders))


@exercise(
    "q2",
    ask="And of the orders on the web alone? Now with two lines of pandas.",
    unit="money",
    hints=(
        "First keep the orders that count, of 2025, whose channel is `web`.",
        "`fillna(0)` puts a 0 where nothing was refunded: `amount - refunded_amount.fillna(0)`.",
        "`(web.amount - web.refunded_amount.fillna(0)).mean()`",
    ),
)
def on_the_web(all_orders):
    """The same, of the rows whose channel is "web"."""
    return mean(_values(_web(all_orders)))


def _web(all_orders):
    return [row for row in all_orders if row["channel"] == "web"]


@misconception("refunds left in", of=["q1"])
def refunds_left_in(all_orders):
    """You took the amounts as ordered. What was given back in part was not spent."""
    return mean(row["amount"] for row in _counted(all_orders))


@misconception("full refunds as orders of 0", of=["q1"])
def full_refunds_as_orders(all_orders):
    """You kept orders that were refunded in full, with nothing left. They count as no order at all."""
    return mean(net(row) for row in in_year(all_orders) if row["status"] != "cancelled")


@misconception("full refunds as orders of 0", of=["q2"])
def full_refunds_on_the_web(all_orders):
    """You kept orders that were refunded in full, with nothing left. They count as no order at all."""
    return full_refunds_as_orders.value(_web(all_orders))


@misconception("cancelled orders count", of=["q1"])
def cancelled_orders_count(all_orders):
    """You counted cancelled orders. Nobody paid for them."""
    rows = [row for row in in_year(all_orders) if row["status"] == "cancelled" or row in counting([row])]
    return mean(net(row) for row in rows)


@misconception("per customer", of=["q1"])
def per_customer(all_orders):
    """You divided by customers. That is revenue per customer: it grows with how often they come."""
    rows = [row for row in _counted(all_orders) if row["customer_id"]]
    return mean([sum(map(net, rows))]) / max(len({row["customer_id"] for row in rows}), 1)


@misconception("the median", of=["q1", "q7"])
def the_median(all_orders):
    """You gave the order in the middle. That is a good figure, and another one: the typical order."""
    return median(_values(all_orders) or [float("nan")])


@misconception("without those who have no card", of=["q1"])
def without_nobody(all_orders):
    """You left out orders without a customer. Nobody has to be known to spend money."""
    return mean(net(row) for row in _counted(all_orders) if row["customer_id"])


@misconception("a day too many", of=["q1"])
def a_day_too_many(all_orders):
    """You counted an order from before the year. Its last second belonged to the year before."""
    return mean(net(row) for row in counting(all_orders) if row["ordered_at"] < END)


@misconception("the sum", of=["q1"])
def the_sum(all_orders):
    """You gave the revenue. Divide it by the number of orders."""
    return sum(_values(all_orders))


@misconception("without the largest", of=["q1"])
def without_the_largest(all_orders):
    """You left the largest order out. It was paid, so it counts; say beside the figure how much hangs on it."""
    return mean(sorted(_values(all_orders))[:-1])


@misconception("all channels", of=["q2"])
def all_channels(all_orders):
    """You computed the orders of all channels. The question is about the web."""
    return by_hand.value(all_orders)


@misconception("all that is not the web", of=["q2"])
def not_the_web(all_orders):
    """You computed the other channels."""
    return mean(_values([row for row in all_orders if row["channel"] != "web"]))


@misconception("the median", of=["q2"])
def median_on_the_web(all_orders):
    """You gave the order in the middle. That is a good figure, and another one: the typical order."""
    return the_median.value(_web(all_orders))


@misconception("full refunds and cancelled orders count", of=["q2"])
def whatever_was_ordered_on_the_web(all_orders):
    """You kept every row of the web. Cancelled orders and full refunds are none."""
    return mean(row["amount"] for row in in_year(_web(all_orders)))


@misconception("all years", of=["q2"])
def all_years_on_the_web(all_orders):
    """You counted an order from before the year."""
    return mean(net(row) for row in counting(_web(all_orders)))


@misconception("spread over all orders", of=["q2"])
def spread_over_all_orders(all_orders):
    """You divided what the web brought by the orders of all channels."""
    return sum(_values(_web(all_orders))) / max(len(_values(all_orders)), 1)


def _but(all_orders, order, *others):
    """The table with other orders in the place of one."""
    return {"all_orders": [row for row in all_orders if row is not order] + list(others)}


@trap(
    "half of it back",
    "A customer brings half of an order back and gets the money. Which way will the average order value go?",
)
def half_of_it_back(all_orders):
    """The order still counts, with what remains of it."""
    row = first_in_year(all_orders)
    return _but(all_orders, row, dict(row, status="refunded", refunded_amount=row["amount"] / 2))


@trap("a split basket", "The till splits a basket into two orders of half the amount. Which way will it go?")
def a_split_basket(all_orders):
    """The same money in one more order. This figure counts orders, not visits, so a new till can move it."""
    row = first_in_year(all_orders)
    return _but(all_orders, row, *(like(row, amount=row["amount"] / 2) for _ in range(2)))


@trap("all of it back", "The smallest order of 2025 is refunded in full. Which way will it go?")
def all_of_it_back(all_orders):
    """A small order less: the mean of the others is larger. Revenue fell, and the average rose."""
    row = min(_counted(all_orders), key=net)
    return _but(all_orders, row, dict(row, status="refunded", refunded_amount=row["amount"]))


@trap(
    "new small orders",
    "In December 2025, two new customers buy a loaf each: small orders beside all others. Which way will it go?",
)
def new_small_orders(all_orders):
    """Revenue grows, the average falls. A lower average can be good news."""
    smallest = min(_values(all_orders))
    rows = [
        like(all_orders[-1], customer_id=name, amount=smallest, ordered_at=END.replace(year=START.year, month=12))
        for name in ("x", "y")
    ]
    return {"all_orders": [*all_orders, *rows]}


CLAIMS = (
    Claim(
        "A customer spends {value} when buying.",
        False,
        "Most spend far less: a few large orders raise the mean. The median shows the typical order.",
        caution=True,
    ),
    Claim(
        "In 2025, {base} came to {value} each on average.",
        True,
        "It says what was counted: all orders, whoever made them.",
    ),
    Claim(
        "Very much hangs on very few orders.",
        True,
        "Look at the largest row: without it the figure would be another. The interval is wide for this reason: {interval}.",
        caution=True,
    ),
    Claim(
        "The average has risen since 2024, so prices can rise as well.",
        False,
        "The change: {change}. And a mean of orders says nothing about prices.",
        where=without_change,
    ),
    Claim("If the average falls, the shop earns less.", False, "More small orders lower it while revenue grows."),
)
MISUSES = (
    Misuse(
        ("Average order value: {value}", "Plan: as many orders as this year at {value} each", "{base}, {interval}"),
        2,
        "The plan needs the largest order once more. Without it the average is a fraction of that.",
    ),
    Misuse(
        ("Average order value {value}: our typical customer fills a basket", "{base}", "Interval: {limits}"),
        1,
        "The typical order is the median, and it is far below. A single order pulls the mean up.",
    ),
    Misuse(
        (
            "Average order value: {value} ({interval})",
            "{base}, less refunds",
            "Since the till splits baskets, it has fallen: customers are saving",
        ),
        3,
        "The till makes two orders of one basket. Nobody spends less.",
    ),
)


@transfer(
    ask="What is the average order value of this client in 2025?",
    unit="money",
    hints=(
        "Keep the orders that count: of 2025, not cancelled, not refunded in full; those without a customer, too.",
        "What an order came to: `amount - refunded_amount.fillna(0)`.",
        "The mean of that.",
    ),
    tables={"all_orders": ("order_id", "customer_id", "ordered_at", "status", "amount", "refunded_amount")},
)
def of_a_simulated_client(all_orders):
    """Amounts less refunds of all orders of the year that count, divided by their number."""
    return by_hand.value(all_orders)


@misconception("refunds left in", of=["q7"])
def refunds_left_in_a_simulated_client(all_orders):
    """You took the amounts as ordered. What was given back in part was not spent."""
    return refunds_left_in.value(all_orders)


@misconception("whatever was ordered", of=["q7"])
def whatever_was_ordered(all_orders):
    """You kept every row. Cancelled orders and full refunds are none."""
    return mean(row["amount"] for row in in_year(all_orders))


@misconception("without those who have no card", of=["q7"])
def without_nobody_in_a_simulated_client(all_orders):
    """You left out orders without a customer. Nobody has to be known to spend money."""
    return without_nobody.value(all_orders)
