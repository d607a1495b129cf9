"""Repeat purchase rate: of those who bought in a year, who bought on more than one day."""

from datetime import timedelta

from crmnb.learn.declaration import Claim, Misuse, exercise, misconception, percent, transfer, trap, without_change
from crmnb.learn.lessons import _baskets
from crmnb.learn.lessons._baskets import in_year, like, purchases, redraw, select  # noqa: F401 -- select and redraw are the lesson's
from crmnb.learn.lessons._orders import END, START, counting

TABLES = {"all_orders": _baskets.SHOWN}
PLACE = 8
QUESTION = 'The owner of the corner shop asks: "Do people who try us come again?"'


def _bought(all_orders):
    """On how many days each customer bought in the year."""
    return purchases(in_year(counting(all_orders)))


def _share(times, at_least=2):
    return percent(sum(number >= at_least for number in times.values()), len(times))


def _orders_each(rows):
    """How many orders each customer has, whatever their days."""
    customers = [row["customer_id"] for row in rows]
    return {customer: customers.count(customer) for customer in customers}


@exercise(
    "q1",
    ask="What is the repeat purchase rate of 2025? Count with a pencil.",
    unit="%",
    hints=(
        "Strike what does not count: cancelled, refunded in full, without a customer, not of 2025.",
        "Make a mark for each customer and day. How many customers have a mark, and how many have two or more?",
        "Divide those with two or more by all with a mark, and multiply by 100.",
    ),
)
def by_hand(all_orders):
    """Customers who bought on two days or more in the year, out of all who bought in it, times 100."""
    return _share(_bought(all_orders))


@exercise(
    "q2",
    ask="How many in a hundred buyers bought on three days or more? Now with pandas.",
    unit="%",
    hints=(
        "First keep the orders that count, of 2025, and give each its day: `.assign(day=rows.ordered_at.dt.date)`.",
        '`orders.groupby("customer_id").day.nunique()` gives each customer\'s number of days.',
        "`100 * (days >= 3).mean()`",
    ),
)
def three_or_more(all_orders):
    """The number of days of each customer; the share of those with three or more."""
    return _share(_bought(all_orders), 3)


@misconception("orders, not days", of=["q1", "q7"])
def orders_not_days(all_orders):
    """You counted orders. A basket that the till split in two is one visit: count days."""
    return _share(_orders_each([row for row in in_year(counting(all_orders)) if row["customer_id"]]))


@misconception("refunds count", of=["q1"])
def refunds_count(all_orders):
    """You counted orders that were refunded in full. Such an order is none."""
    return _share(purchases([row for row in in_year(all_orders) if row["status"] != "cancelled"]))


def _with_nobody(all_orders):
    rows = in_year(counting(all_orders))
    return purchases([dict(row, customer_id=row["customer_id"] or "nobody") for row in rows])


@misconception("nobody as a customer", of=["q1"])
def nobody_as_a_customer(all_orders):
    """You took all orders without a customer for those of one customer. Nobody knows whose they are: leave them out."""
    return _share(_with_nobody(all_orders))


@misconception("nobody as a customer", of=["q2"])
def nobody_with_three(all_orders):
    """You took all orders without a customer for those of one customer. Nobody knows whose they are: leave them out."""
    return _share(_with_nobody(all_orders), 3)


@misconception("had bought before", of=["q1"])
def had_bought_before(all_orders):
    """You counted buyers who knew the shop before the year. That is another figure, which some texts call by the same name."""
    rows = [row for row in in_year(counting(all_orders)) if row["customer_id"]]
    known = {row["customer_id"] for row in rows if row["first_order_at"] < START}
    return percent(len(known), len({row["customer_id"] for row in rows}))


@misconception("share of the purchases", of=["q1", "q7"])
def share_of_the_purchases(all_orders):
    """You gave the share of purchases that were not somebody's first of the year. The rate counts people."""
    times = _bought(all_orders)
    return percent(sum(times.values()) - len(times), sum(times.values()))


@misconception("purchases per buyer", of=["q1", "q7"])
def purchases_per_buyer(all_orders):
    """You gave the mean number of purchases. That is the purchase frequency; a few eager buyers can carry it."""
    times = _bought(all_orders)
    return percent(sum(times.values()), len(times)) / 100


@misconception("those who came once", of=["q1", "q7"])
def those_who_came_once(all_orders):
    """You gave the share of those who bought on one day alone: the other side."""
    return 100 - by_hand.value(all_orders)


@misconception("a count", of=["q1"])
def a_count(all_orders):
    """You gave the number of repeat buyers. A rate says out of how many."""
    return sum(number >= 2 for number in _bought(all_orders).values())


@misconception("two or more", of=["q2"])
def two_or_more(all_orders):
    """You counted two days as well. The question is about three."""
    return by_hand.value(all_orders)


@misconception("more than three", of=["q2"])
def more_than_three(all_orders):
    """You left out those with exactly three. Three or more is `>=`."""
    return _share(_bought(all_orders), 4)


@misconception("of the repeat buyers", of=["q2"])
def of_the_repeat_buyers(all_orders):
    """You divided by those who came again. The question is about all buyers."""
    times = _bought(all_orders)
    return _share({customer: number for customer, number in times.items() if number >= 2}, 3)


@misconception("exactly two", of=["q2"])
def exactly_two(all_orders):
    """You counted those with two days. The question is about three or more."""
    times = _bought(all_orders)
    return percent(sum(number == 2 for number in times.values()), len(times))


def _of_single_buyer(all_orders):
    """The first order of a customer who bought on one day of the year."""
    times = _bought(all_orders)
    return next(row for row in in_year(counting(all_orders)) if times.get(row["customer_id"]) == 1)


@trap(
    "a split basket",
    "The till splits the basket of a customer who came once: two orders, a minute apart. Which way will the repeat purchase rate go?",
)
def a_split_basket(all_orders):
    """It is one visit, so one purchase. Counted by orders, a new till could make repeat buyers of everybody."""
    row = _of_single_buyer(all_orders)
    return {"all_orders": [*all_orders, like(row, ordered_at=row["ordered_at"] + timedelta(minutes=1))]}


@trap("the last day", "A new customer buys for the first time on 31 December 2025. Which way will it go?")
def the_last_day(all_orders):
    """One more buyer, who had no time to come again. A good December of new customers lowers the rate."""
    time = END - timedelta(hours=8)
    row = like(all_orders[-1], customer_id="new", ordered_at=time, first_order_at=time)
    return {"all_orders": [*all_orders, row]}


@trap(
    "money back",
    "A customer with two purchases gets the money for the second one back, all of it. Which way will it go?",
)
def money_back(all_orders):
    """The second purchase is undone. The customer stays a buyer of the year, but of one day."""
    times, rows = _bought(all_orders), in_year(counting(all_orders))
    customer = min(row["customer_id"] for row in rows if times.get(row["customer_id"]) == 2)
    day = max(row["ordered_at"] for row in rows if row["customer_id"] == customer).date()
    return {
        "all_orders": [
            dict(row, status="refunded", refunded_amount=row["amount"])
            if row["customer_id"] == customer and row["ordered_at"].date() == day
            else row
            for row in all_orders
        ]
    }


@trap(
    "without a name", "Somebody without a customer card buys twice in December 2025, on two days. Which way will it go?"
)
def without_a_name(all_orders):
    """Without a name nobody can see that they belong together. Such orders are left out, and a report says how many."""
    rows = [
        like(all_orders[-1], customer_id=None, first_order_at=None, ordered_at=END - timedelta(days=days))
        for days in (9, 4)
    ]
    return {"all_orders": [*all_orders, *rows]}


CLAIMS = (
    Claim(
        "In 2025, {base} bought on more than one day: {value}.", True, "It says who was counted, and out of how many."
    ),
    Claim(
        "New customers of December lower the rate, although they are good news.",
        True,
        "They had no time to come again within the year.",
        caution=True,
    ),
    Claim(
        "Half a year would show half of that.",
        False,
        "A shorter period leaves less room to come again, but not in proportion: compare periods of equal length.",
        caution=True,
    ),
    Claim(
        "Whoever bought once in 2025 is lost.",
        False,
        "Some bought in December, some come once a year. The rate says nothing about next year.",
    ),
    Claim(
        "Of many such buyers, anything from {limits} may buy again within a year.",
        True,
        "That is what the interval says of so few.",
    ),
    Claim(
        "More people come again than in 2024.", False, "The change: {change}. It can be chance.", where=without_change
    ),
)
MISUSES = (
    Misuse(
        (
            "Repeat purchase rate 2025: {value}",
            "{base}, {interval}",
            "The first quarter alone was far lower: the spring campaign turned it",
        ),
        3,
        "A quarter leaves less time to come again than a year. Only periods of equal length compare.",
    ),
    Misuse(
        (
            "Everybody with two receipts is a repeat buyer: the new till counts them",
            "{base} in 2025",
            "Interval: {limits}",
        ),
        1,
        "Two receipts of one visit are one purchase. The till would lift the rate without anybody coming again.",
    ),
    Misuse(
        (
            "Repeat purchase rate 2025: {value} ({interval})",
            "So the others will never come back: strike them from the list",
            "Change: {change}",
        ),
        2,
        "Who bought once, perhaps in December, may well come again. The rate looks at one year.",
    ),
)


@transfer(
    ask="What is the repeat purchase rate of this client in 2025?",
    unit="%",
    hints=(
        "Keep the orders that count: of 2025, not cancelled, not refunded in full, with a customer.",
        "Count days: `.assign(day=rows.ordered_at.dt.date)`. Two orders of one day are one purchase.",
        '`100 * (orders.groupby("customer_id").day.nunique() >= 2).mean()`',
    ),
    tables={"all_orders": ("order_id", "customer_id", "ordered_at", "status", "amount", "refunded_amount")},
)
def of_a_simulated_client(all_orders):
    """Customers who bought on two days or more in the year, out of all who bought in it, times 100."""
    return by_hand.value(all_orders)
