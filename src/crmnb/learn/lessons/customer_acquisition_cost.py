"""Customer acquisition cost (CAC): the money of one time for the customers of another."""

from datetime import datetime, timedelta

from crmnb.learn.declaration import YEAR, Claim, Misuse, exercise, misconception, transfer, trap
from crmnb.learn.lessons import _orders
from crmnb.learn.lessons._orders import END, START, counting

TABLES = {
    "costs": ("month", "category", "acquisition_channel", "amount"),
    "all_orders": _orders.COLUMNS,
    "customers": ("customer_id", "acquisition_channel"),
}
PLACE = 11
QUESTION = 'The owner of the corner shop asks: "What does a new customer cost us?"'

LAG = 1  # months by which costs come before the customers that they win: parameters/corner_shop.yml declares it
WEB = "web"


def select(costs, all_orders, customers):
    """The costs, and each customer's first ever order with the way by which they came."""
    channels = {row["customer_id"]: row["acquisition_channel"] for row in customers}
    firsts = {row["customer_id"]: row["first_order_at"] for row in counting(_orders.with_first_order(all_orders))}
    return {
        "costs": [dict(row, amount=float(row["amount"])) for row in costs],
        "first_orders": [
            {"customer_id": who, "first_order_at": time, "acquisition_channel": channels.get(who)}
            for who, time in sorted(firsts.items(), key=lambda item: str(item))
            if who
        ],
    }


def _spent(costs, lag=LAG, channel=None):
    """What was spent on winning the customers of the year: so many months earlier."""
    since, until = _earlier(START, lag), _earlier(END, lag)
    rows = [row for row in costs if row["category"] == "acquisition" and since <= _time(row["month"]) < until]
    return [row["amount"] for row in rows if channel in (None, row["acquisition_channel"])]


def _earlier(time, months):
    place = time.year * 12 + time.month - 1 - months
    return datetime(place // 12, place % 12 + 1, 1)


def _time(month):
    return datetime(month.year, month.month, month.day)


def _won(first_orders, channel=None):
    """The customers whose first ever order lies in the year."""
    rows = [row for row in first_orders if START <= row["first_order_at"] < END]
    return [row for row in rows if channel in (None, row["acquisition_channel"])]


def _per_customer(amounts, customers):
    return sum(amounts) / len(customers) if customers else float("nan")


@exercise(
    "q1",
    ask="What is the customer acquisition cost of 2025? Count with a pencil.",
    unit="money",
    hints=(
        "Of the costs, tick those for winning customers (`acquisition`), from December 2024 to November 2025.",
        "Add them up; what was paid back is taken off. Then count the customers with a first order in 2025.",
        "Divide the sum by the number of new customers.",
    ),
)
def by_hand(costs, first_orders):
    """Costs of acquisition from a month before the year to a month before its end, divided by the customers with a first order in the year."""
    return _per_customer(_spent(costs), _won(first_orders))


@exercise(
    "q2",
    ask="And of the customers who came by the web alone? Now with pandas.",
    unit="money",
    hints=(
        "The same months and the same category; of both tables only the rows whose `acquisition_channel` is `web`.",
        "`costs.query(\"category == 'acquisition' and acquisition_channel == 'web' and '2024-12-01' <= month < '2025-12-01'\").amount.sum()`",
        "Divide by the number of customers with a first order in 2025 who came by the web.",
    ),
)
def by_the_web(costs, first_orders):
    """Costs of the web in these months, divided by the new customers who came by the web."""
    return _per_customer(_spent(costs, channel=WEB), _won(first_orders, WEB))


@misconception("months of the year itself", of=["q1"])
def months_of_the_year(costs, first_orders):
    """You took the costs of January to December. Here money needs a month to win somebody: what was spent in December wins customers of January."""
    return _per_customer(_spent(costs, lag=0), _won(first_orders))


@misconception("money back left out", of=["q1"])
def money_back_left_out(costs, first_orders):
    """You left out the amount below 0. It was paid back, so the costs were lower."""
    return _per_customer([amount for amount in _spent(costs) if amount > 0], _won(first_orders))


@misconception("money back as a cost", of=["q1"])
def money_back_as_a_cost(costs, first_orders):
    """You added what was paid back as if it had been spent."""
    return _per_customer(map(abs, _spent(costs)), _won(first_orders))


@misconception("all costs", of=["q1"])
def all_costs(costs, first_orders):
    """You took all costs. Service and programmes are for customers whom the shop has already."""
    rows = [row for row in costs if _earlier(START, LAG) <= _time(row["month"]) < _earlier(END, LAG)]
    return _per_customer([row["amount"] for row in rows], _won(first_orders))


@misconception("all months", of=["q1"])
def all_months(costs, first_orders):
    """You took the costs of all months for the customers of one year."""
    return _per_customer([row["amount"] for row in costs if row["category"] == "acquisition"], _won(first_orders))


@misconception("per customer", of=["q1"])
def per_customer(costs, first_orders):
    """You divided by all customers. Most of them were won long ago, with other money."""
    return _per_customer(_spent(costs), first_orders)


@misconception("the sum", of=["q1"])
def the_sum(costs):
    """You gave what was spent. Divide it by the customers whom it won."""
    return sum(_spent(costs))


@misconception("upside down", of=["q1"])
def upside_down(costs, first_orders):
    """You divided customers by money."""
    return len(_won(first_orders)) / (sum(_spent(costs)) or float("nan"))


@misconception("all channels", of=["q2"])
def all_channels(costs, first_orders):
    """You computed all channels. The question is about the web."""
    return by_hand.value(costs, first_orders)


@misconception("over all new customers", of=["q2"])
def over_all_new(costs, first_orders):
    """You divided the costs of the web by all new customers. Then the web looks cheap because of those whom others sent."""
    return _per_customer(_spent(costs, channel=WEB), _won(first_orders))


@misconception("all costs over those of the web", of=["q2"])
def all_over_web(costs, first_orders):
    """You divided the costs of all channels by the customers of the web."""
    return _per_customer(_spent(costs), _won(first_orders, WEB))


@misconception("months of the year itself", of=["q2"])
def web_months_of_the_year(costs, first_orders):
    """You took the costs of January to December. Here money needs a month to win somebody."""
    return _per_customer(_spent(costs, lag=0, channel=WEB), _won(first_orders, WEB))


@misconception("money back left out", of=["q2"])
def web_money_back_left_out(costs, first_orders):
    """You left out the amount below 0. It was paid back, so the costs were lower."""
    return _per_customer([amount for amount in _spent(costs, channel=WEB) if amount > 0], _won(first_orders, WEB))


@trap(
    "money at the end",
    "The shop spends 100 pounds on an advertisement in December 2025. Which way will the CAC of 2025 go?",
)
def money_at_the_end(costs):
    """Whom it wins comes in January. The money counts for 2026."""
    row = {"month": datetime(YEAR, 12, 1), "category": "acquisition", "acquisition_channel": WEB, "amount": 100.0}
    return {"costs": [*costs, row]}


@trap("a friend", "In June 2025 somebody comes whom a friend has sent: it cost nothing. Which way will it go?")
def a_friend(first_orders):
    """One more customer for the same money. Who would have come anyway makes advertising look cheap: the next customer costs more than the mean."""
    row = {"customer_id": "new", "first_order_at": datetime(YEAR, 6, 5, 10), "acquisition_channel": "a friend"}
    return {"first_orders": [*first_orders, row]}


@trap(
    "an old customer",
    "A customer since 2023, silent for long, is won back by a letter in June 2025. Which way will it go?",
)
def an_old_customer(first_orders):
    """The first order of all time was in 2023, so this is no new customer."""
    row = {"customer_id": "back", "first_order_at": datetime(YEAR - 2, 11, 5, 10), "acquisition_channel": None}
    return {"first_orders": [*first_orders, row]}


@trap("a forgotten bill", "A bill for leaflets turns up: March 2025, 40 pounds. Which way will it go?")
def a_forgotten_bill(costs):
    """The same customers, and more money. The figure is only as complete as the costs: salaries and discounts are often missing."""
    row = {"month": datetime(YEAR, 3, 1), "category": "acquisition", "acquisition_channel": None, "amount": 40.0}
    return {"costs": [*costs, row]}


CLAIMS = (
    Claim(
        "The next customer will cost {value} as well.",
        False,
        "Some of those won came by themselves. Whom only money wins costs more than this mean.",
        caution=True,
    ),
    Claim(
        "In 2025, {base} cost {value} each on average, as far as the costs are in the books.",
        True,
        "It says what was counted, and what it hangs on.",
    ),
    Claim(
        "The work of the staff is not in it.",
        True,
        "The costs hold what was booked as acquisition: no salaries, no discounts.",
        caution=True,
    ),
    Claim(
        "Friends cost nothing, so the shop can do without advertising.",
        False,
        "What the advertising did, these rows do not show: there is no time without it.",
    ),
    Claim("With so few customers, the figure may lie anywhere from {limits}.", True, "That is what the interval says."),
)
MISUSES = (
    Misuse(
        ("CAC of 2025: {value}, {base}", "Twice the money will win twice as many at {value} each", "{interval}"),
        2,
        "The first customers are the easy ones. The next one costs more than the mean of those before.",
    ),
    Misuse(
        ("CAC of 2025: {value}", "With the money of December taken off, it is better still", "{interval}, {base}"),
        2,
        "The money of December wins the customers of January. It is not in the figure of this year, so it cannot be taken off.",
    ),
    Misuse(
        (
            "Customers of 2025 by the costs of their months",
            "Customers who came back are counted as won: the CAC falls",
            "Interval before that: {limits}",
        ),
        2,
        "Who came back was won long ago. To count them makes the same money look cheaper.",
    ),
)


@transfer(
    ask="What is the customer acquisition cost of this client in 2025?",
    unit="money",
    hints=(
        "This client has declared no months between money and customer: costs and customers are of the same year.",
        "Of the costs, keep the category `acquisition` of 2025. The new customers are those with `joined_at` in 2025.",
        "Divide the one by the other.",
    ),
    tables={"costs": ("month", "category", "acquisition_channel", "amount"), "customers": ("customer_id", "joined_at")},
)
def of_a_simulated_client(costs, customers):
    """Costs of acquisition of the year, divided by the customers who joined in it."""
    return _per_customer(_spent(costs, lag=0), _joined(customers))


def _joined(customers):
    return [row for row in customers if row["joined_at"] and row["joined_at"].year == YEAR]


@misconception("a month before", of=["q7"])
def a_month_before(costs, customers):
    """You took costs of a month before, as at the corner shop. This client has not declared that."""
    return _per_customer(_spent(costs), _joined(customers))


@misconception("all costs", of=["q7"])
def all_costs_of_a_simulated_client(costs, customers):
    """You took all costs. Service and programmes are for customers whom the client has already."""
    return _per_customer([row["amount"] for row in costs if row["month"].year == YEAR], _joined(customers))


@misconception("all years", of=["q7"])
def all_years_of_a_simulated_client(costs, customers):
    """You took the costs of all years for the customers of one."""
    return _per_customer([row["amount"] for row in costs if row["category"] == "acquisition"], _joined(customers))


def client_rows(costs, first_orders):
    """The costs, the customers, and of each customer the first order."""
    paid = {"status": "paid", "amount": 10.0, "refunded_amount": None}
    return {
        "costs": costs,
        "customers": [
            {"customer_id": row["customer_id"], "acquisition_channel": row["acquisition_channel"]}
            for row in first_orders
        ],
        "orders": [
            {
                "order_id": f"first of {row['customer_id']}",
                "customer_id": row["customer_id"],
                "ordered_at": row["first_order_at"],
                **paid,
            }
            for row in first_orders
        ],
    }


def redraw(tables, random):
    """Other costs and other customers, with the same traps."""
    channels = (WEB, WEB, "market stall", "a friend")
    months = [random.randrange(-3, 12) for _ in range(9)] + [-1, 11, 4]
    costs = [_cost("acquisition", month, random.choice(channels), random.randint(8, 60)) for month in months]
    costs += [
        _cost("acquisition", -1, WEB, random.randint(15, 40)),
        _cost("acquisition", 11, WEB, random.randint(15, 60)),
    ]
    costs += [
        _cost("acquisition", random.randrange(1, 9), WEB, -random.randint(3, 9)),
        _cost("acquisition", 3, WEB, random.randint(20, 60)),
    ]
    costs += [
        _cost(kind, random.randrange(11), None, random.randint(30, 300))
        for kind in ("service", "programme", "programme")
    ]
    times = [START + timedelta(days=random.randrange(364), hours=12) for _ in range(random.randint(4, 9))]
    times += [START - timedelta(days=random.randrange(1, 400)) for _ in range(random.randint(6, 9))]
    firsts = [
        {
            "customer_id": f"{20 + place:03}",
            "first_order_at": time,
            "acquisition_channel": random.choice((WEB, *channels)),
        }
        for place, time in enumerate(sorted(times))
    ]
    return {"costs": sorted(costs, key=lambda row: row["month"]), "first_orders": firsts}


def _cost(category, month, channel, amount):
    return {
        "month": _earlier(START, -month),
        "category": category,
        "acquisition_channel": channel,
        "amount": float(amount),
    }
