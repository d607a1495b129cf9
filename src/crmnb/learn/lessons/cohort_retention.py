"""Cohort retention: who came together is followed together, month by month."""

from datetime import datetime, timedelta

from crmnb.learn.declaration import YEAR, Claim, Misuse, exercise, mean, misconception, percent, transfer, trap
from crmnb.learn.lessons import _orders
from crmnb.learn.lessons._baskets import in_year, like
from crmnb.learn.lessons._orders import START, counting

TABLES = {"all_orders": _orders.COLUMNS}
BREAKDOWN = f"{YEAR}-07 +1"
PLACE = 7
QUESTION = 'The owner of the corner shop asks: "The people we win nowadays, do they come again?"'

JULY, DECEMBER = 7, 12


def select(all_orders):
    """The year's orders of customers."""
    rows = _orders.with_first_order(all_orders)
    return {"all_orders": [row for row in in_year(rows) if row["customer_id"]]}


def _months(orders):
    """Each customer's months with an order in the year."""
    months = {}
    for row in in_year(orders):
        months.setdefault(row["customer_id"], set()).add(row["ordered_at"].month)
    return months


def _cohorts(all_orders):
    """The year's new customers, by the month of their first ever order."""
    orders = in_year(counting(all_orders))
    return {row["customer_id"]: row["first_order_at"].month for row in orders if row["first_order_at"] >= START}


def _active(all_orders, cohorts, later=1):
    """Of the customers (with the month of their cohort), how many ordered so many calendar months later, in percent."""
    months = _months(counting(all_orders))
    return percent(sum(month + later in months[who] for who, month in cohorts.items()), len(cohorts))


def _seen(cohorts):
    """Without the cohort of the last month: its next month has not been seen."""
    return {who: month for who, month in cohorts.items() if month < DECEMBER}


def _of_july(cohorts):
    return {who: month for who, month in cohorts.items() if month == JULY}


@exercise(
    "q1",
    ask="Take all customers who were new in 2025. What share of them ordered in the calendar month after that of their first order? Count with a pencil.",
    unit="%",
    hints=(
        "New is who has a `first_order_at` in 2025. Write them down, with the month of that first order.",
        "Strike who was new in December: the next month lies beyond the data, so nobody knows yet.",
        "Of those who remain, how many have an order in the very next calendar month? Divide, and multiply by 100.",
    ),
)
def all_cohorts(all_orders):
    """New customers with an order in the next calendar month, out of all new ones whose next month was seen, times 100."""
    return _active(all_orders, _seen(_cohorts(all_orders)))


@exercise(
    "q2",
    ask="And of the cohort of July 2025: what share ordered in August? Now with pandas.",
    unit="%",
    hints=(
        "First keep the orders that count. The cohort: those whose `first_order_at` lies in July 2025.",
        "`set(rows[...].customer_id)` once for the cohort, once for whoever ordered in August.",
        "`100 * len(cohort & august) / len(cohort)`",
    ),
)
def cohort_of_july(all_orders):
    """Customers with their first order in July who ordered in August, out of all with their first order in July, times 100."""
    return _active(all_orders, _of_july(_cohorts(all_orders)))


@misconception("not yet seen counts as lost", of=["q1"])
def not_yet_seen(all_orders):
    """You kept the customers of December. Their next month has not been seen: they are neither lost nor kept."""
    return _active(all_orders, _cohorts(all_orders))


@misconception("ever again", of=["q1"])
def ever_again(all_orders):
    """You counted an order in any later month. Then older cohorts look better, as they had more months."""
    return _ever_again(all_orders, _seen(_cohorts(all_orders)))


def _ever_again(all_orders, cohorts):
    months = _months(counting(all_orders))
    return percent(sum(max(months[who]) > month for who, month in cohorts.items()), len(cohorts))


@misconception("thirty days", of=["q1"])
def thirty_days(all_orders):
    """You counted a second order within thirty days. A cohort is followed by calendar months."""
    orders, cohorts = in_year(counting(all_orders)), _cohorts(all_orders)
    soon = {
        row["customer_id"]
        for row in orders
        if row["customer_id"] in cohorts
        and timedelta(0) < row["ordered_at"] - row["first_order_at"] <= timedelta(days=30)
    }
    return percent(len(soon), len(cohorts))


@misconception("mean of the cohorts", of=["q1"])
def mean_of_the_cohorts(all_orders):
    """You averaged the cohorts' rates, as if each had as many customers."""
    cohorts = _seen(_cohorts(all_orders))
    by_month = {month: {who: m for who, m in cohorts.items() if m == month} for month in cohorts.values()}
    return mean(_active(all_orders, members) for members in by_month.values())


@misconception("first order of the year", of=["q1"])
def first_order_of_the_year(all_orders):
    """You took everybody's first order of the year for the first ever. Old customers are not new because a year begins."""
    return _active(all_orders, _seen(_as_new(all_orders)))


def _as_new(all_orders):
    return {who: min(months) for who, months in _months(counting(all_orders)).items()}


@misconception("those who did not come", of=["q1"])
def those_who_did_not_come(all_orders):
    """You gave the share of those who did not order: the other side."""
    return 100 - all_cohorts.value(all_orders)


@misconception("a count", of=["q1"])
def a_count(all_orders):
    """You gave the number of customers. A rate says out of how many."""
    cohorts = _seen(_cohorts(all_orders))
    return all_cohorts.value(all_orders) * len(cohorts) / 100


@misconception("all cohorts together", of=["q2"])
def all_together(all_orders):
    """You took all new customers. A cohort is those of one month."""
    return all_cohorts.value(all_orders)


@misconception("ever again", of=["q2"])
def july_ever_again(all_orders):
    """You counted an order in any later month. The question is about August."""
    return _ever_again(all_orders, _of_july(_cohorts(all_orders)))


@misconception("a month too far", of=["q2"])
def a_month_too_far(all_orders):
    """You looked at September. One month after July is August."""
    return _active(all_orders, _of_july(_cohorts(all_orders)), later=2)


@misconception("out of all new customers", of=["q2"])
def out_of_all_new(all_orders):
    """You divided by all new customers of the year. Those of other months are other cohorts."""
    cohorts = _cohorts(all_orders)
    return _active(all_orders, _of_july(cohorts)) * len(_of_july(cohorts)) / max(len(cohorts), 1)


@misconception("whoever bought in July", of=["q2"])
def whoever_bought_in_july(all_orders):
    """You took everybody who bought in July. The cohort is those who bought for the first time."""
    months = _months(counting(all_orders))
    return _active(all_orders, {who: JULY for who, bought in months.items() if JULY in bought})


@misconception("a count", of=["q2"])
def a_count_of_july(all_orders):
    """You gave the number of customers. A rate says out of how many."""
    return cohort_of_july.value(all_orders) * len(_of_july(_cohorts(all_orders))) / 100


def _more(all_orders, customer, first, *times):
    """The table with more orders of a customer whose first ever order was at `first`."""
    rows = [like(all_orders[-1], customer_id=customer, ordered_at=time, first_order_at=first) for time in times]
    return {"all_orders": [*all_orders, *rows]}


@trap(
    "an old customer",
    "A customer since 2024 orders in July and in August 2025. Which way will the figure of the July cohort go?",
    of="q2",
)
def an_old_customer(all_orders):
    """Who bought before July is of an older cohort, however often they came in summer."""
    return _more(all_orders, "old", datetime(YEAR - 1, 5, 4), datetime(YEAR, 7, 8, 10), datetime(YEAR, 8, 9, 10))


@trap(
    "the end of the month",
    "Somebody orders for the first time in the last second of July 2025, and not again. Which way will it go?",
    of="q2",
)
def the_end_of_the_month(all_orders):
    """The customer is of July, and August was seen whole. One more in the base, and not one more who came."""
    time = datetime(YEAR, 7, 31, 23, 59, 59)
    return _more(all_orders, "late", time, time)


@trap(
    "twice in July",
    "Somebody orders for the first time in July 2025, and again in July, and then no more. Which way will it go?",
    of="q2",
)
def twice_in_july(all_orders):
    """Two orders, but none in August. Only the month that is asked about counts."""
    return _more(all_orders, "eager", datetime(YEAR, 7, 2), datetime(YEAR, 7, 2), datetime(YEAR, 7, 30))


@trap(
    "new in December",
    "Three people order for the first time in December 2025. Which way will the figure of all cohorts go, as in the first count?",
    of="q1",
)
def new_in_december(all_orders):
    """What they do in January nobody has seen. They come in as soon as the month is over."""
    time = datetime(YEAR, 12, 20, 12)
    rows = [like(all_orders[-1], customer_id=name, ordered_at=time, first_order_at=time) for name in ("x", "y", "z")]
    return {"all_orders": [*all_orders, *rows]}


CLAIMS = (
    Claim(
        "The cohort of July is better than that of January, so summer customers are more loyal.",
        False,
        "The July figure is of {base}, with {interval}. Small cohorts vary strongly.",
        caution=True,
    ),
    Claim("Of the customers of July, {base} ordered in the month after.", True, "It says who was counted, and when."),
    Claim("Who did not order in August is lost.", False, "Some came later in the year. The figure is of one month."),
    Claim("How the customers of December go on, we do not know yet.", True, "The month after has not been seen."),
    Claim(
        "After a month fewer come than in the first month, so the shop loses its new customers.",
        False,
        "In the first month all of them ordered: that is how they got into the cohort. Compare cohorts at the same age.",
        caution=True,
    ),
)
MISUSES = (
    Misuse(
        (
            "Of the cohort of July, {base} ordered in the month after",
            "The cohort of December is at nothing so far: its campaign failed",
            "{interval}",
        ),
        2,
        "Its next month has not been seen. Nothing so far is not nothing.",
    ),
    Misuse(
        (
            "July after one month beside January after five: July wins",
            "{base} of July ordered in the month after",
            "Interval: {limits}",
        ),
        1,
        "Compare cohorts at the same age, in one column. Later months of any cohort have another level.",
    ),
    Misuse(
        (
            "Cohort of July, one month later: {value}",
            "{base}: half of a pair",
            "We can promise investors {value} for all cohorts",
        ),
        3,
        "The interval says how little two customers can promise: {limits}.",
    ),
)


@transfer(
    ask="Of the customers of this client whose first plan began in July 2025, what share had a plan when December began?",
    unit="%",
    hints=(
        "The cohort: a customer's first plan of all time began in July 2025. Who changed plans in July is no new customer.",
        '`plans.groupby("customer_id").started_at.min()` gives each customer\'s first day.',
        "Active when December begins: a plan that began before it and did not end before it. An empty end goes on.",
    ),
    tables={"subscriptions": ("subscription_id", "customer_id", "started_at", "ended_at")},
    breakdown=f"{YEAR}-07 +5",
)
def of_a_simulated_client(subscriptions):
    """Customers whose first plan began in July and who had a plan when December began, out of all whose first plan began in July."""
    first = {}
    for row in subscriptions:
        first[row["customer_id"]] = min(row["started_at"], first.get(row["customer_id"], row["started_at"]))
    return _in_december(subscriptions, {who for who, time in first.items() if _is_july(time)})


def _is_july(time):
    return (time.year, time.month) == (YEAR, JULY)


def _in_december(subscriptions, cohort):
    begins = datetime(YEAR, DECEMBER, 1)
    there = {
        row["customer_id"]
        for row in subscriptions
        if row["started_at"] < begins and (row["ended_at"] is None or row["ended_at"] >= begins)
    }
    return percent(len(cohort & there), len(cohort))


@misconception("whoever began a plan in July", of=["q7"])
def whoever_began_a_plan(subscriptions):
    """You took everybody with a plan that began in July. Some only changed their plan, or came back."""
    return _in_december(subscriptions, {row["customer_id"] for row in subscriptions if _is_july(row["started_at"])})


@misconception("those who left", of=["q7"])
def those_who_left(subscriptions):
    """You gave the share of those who left: the other side."""
    return 100 - of_a_simulated_client.exercise.value(subscriptions)


@misconception("first plans only", of=["q7"])
def first_plans_only(subscriptions):
    """You followed first plans. Who went on with another plan is still a customer."""
    firsts = {}
    for row in subscriptions:
        if row["customer_id"] not in firsts or row["started_at"] < firsts[row["customer_id"]]["started_at"]:
            firsts[row["customer_id"]] = row
    cohort = {who for who, row in firsts.items() if _is_july(row["started_at"])}
    return percent(sum(_in_december([firsts[who]], {who}) > 0 for who in cohort), len(cohort))


def client_rows(all_orders):
    """The orders, and before them the first ones of old customers, which the rows only name."""
    shown = {(row["customer_id"], row["ordered_at"]) for row in all_orders}
    firsts = {row["customer_id"]: row["first_order_at"] for row in all_orders}
    paid = {"status": "paid", "amount": 10.0, "refunded_amount": None}
    return {
        "orders": [
            *all_orders,
            *(
                {"order_id": f"first of {customer}", "customer_id": customer, "ordered_at": at, **paid}
                for customer, at in firsts.items()
                if (customer, at) not in shown
            ),
        ]
    }


def redraw(tables, random):
    """Orders of other customers: some cohorts, old customers, and cancelled orders."""
    names = iter(random.sample([f"{number:03}" for number in range(20, 100)], 40))
    rows = []
    for month in [JULY] * random.randint(4, 6) + random.sample(range(1, 12), 3) + [DECEMBER] * random.randint(1, 2):
        months = [
            month,
            *(later for later in range(month + 1, 13) if random.random() < (0.45 if later < month + 3 else 0.12)),
        ]
        rows += _ordered(next(names), months, None, random)
    for _ in range(random.randint(3, 5)):
        rows += _ordered(next(names), sorted(random.sample(range(1, 13), 2)), datetime(YEAR - 1, 4, 3), random)
    rows += _ordered(next(names), [JULY, JULY + 1], datetime(YEAR - 1, 9, 9), random)
    rows += _ordered(next(names), [JULY, JULY], None, random)
    rows.sort(key=lambda row: row["ordered_at"])
    return {"all_orders": [{"order_id": f"{4001 + place}", **row} for place, row in enumerate(rows[:36])]}


def _ordered(customer, months, first, random):
    times = sorted(datetime(YEAR, month, random.randint(1, 28), random.randint(9, 18)) for month in months)
    row = {"customer_id": customer, "status": "paid", "refunded_amount": None, "first_order_at": first or times[0]}
    return [row | {"ordered_at": time, "amount": float(random.randint(8, 60))} for time in times]
