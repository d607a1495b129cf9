"""Customer lifetime value (CLV): what customers have brought so far, which is not what the next one will bring."""

from datetime import datetime, timedelta
from statistics import median

from crmnb.learn.declaration import YEAR, Claim, Misuse, exercise, mean, misconception, transfer, trap
from crmnb.learn.lessons import _orders
from crmnb.learn.lessons._baskets import net
from crmnb.learn.lessons._orders import DAYS, END, START, counting

TABLES = {"all_orders": _orders.COLUMNS, "customers": ("customer_id",)}
PLACE = 12
QUESTION = 'The owner of the corner shop asks: "What is a customer worth to us?"'

MARGIN = 0.4  # of net revenue: both clients' parameters files declare it
DISCOUNT = 0.1  # a year, of the simulated client: parameters/demo.yml declares it


def select(all_orders, customers):
    """A row for each customer: orders that count, what was spent and refunded, the first and the last order."""
    orders: dict[str, list] = {row["customer_id"]: [] for row in customers}
    for row in counting(_orders.with_first_order(all_orders)):
        if row["customer_id"]:
            orders.setdefault(row["customer_id"], []).append(row)
    return {"customers": [_summed(who, rows) for who, rows in sorted(orders.items())]}


def _summed(customer, rows):
    times = [row["ordered_at"] for row in rows]
    return {
        "customer_id": customer,
        "orders": len(rows),
        "spent": round(sum(row["amount"] for row in rows), 2),
        "refunded": round(sum(row["amount"] - net(row) for row in rows), 2),
        "first_order_at": min(times, default=None),
        "last_order_at": max(times, default=None),
    }


def _buyers(customers):
    return [row for row in customers if row["orders"]]


def _margins(customers):
    return [MARGIN * (row["spent"] - row["refunded"]) for row in customers]


def _older(customers):
    """Those who bought before the year."""
    return [row for row in _buyers(customers) if row["first_order_at"] < START]


@exercise(
    "q1",
    ask="What is the historical CLV at the end of 2025: the mean margin of a customer so far? Count with a pencil.",
    unit="money",
    hints=(
        "Who never bought is no customer. How many customers remain, whether they still come or not?",
        "Of each: what was spent, less what was refunded. Add it up.",
        "Of each pound, 40 pence are margin. Divide by the number of customers.",
    ),
)
def by_hand(customers):
    """Net revenue of all who ever bought, times the share that is margin, divided by their number."""
    return mean(_margins(_buyers(customers)))


@exercise(
    "q2",
    ask="And of those alone who were customers before 2025 began? Now with pandas.",
    unit="money",
    hints=(
        "Keep the rows whose `first_order_at` lies before 2025.",
        "Their margin: `0.4 * (rows.spent - rows.refunded)`.",
        "The mean of that.",
    ),
)
def of_older_customers(customers):
    """The same, of those with a first order before the year."""
    return mean(_margins(_older(customers)))


@misconception("revenue, not margin", of=["q1"])
def revenue(customers):
    """You took what customers paid. The goods had to be bought first: only the margin remains."""
    return by_hand.value(customers) / MARGIN


@misconception("who never bought counts", of=["q1"])
def who_never_bought(customers):
    """You divided by everybody on the list. Who never bought is no customer yet."""
    return mean(_margins(customers))


@misconception("today's customers only", of=["q1"])
def todays_customers(customers):
    """You left out those who are gone. They were customers, too: without them the rest looks loyal and rich."""
    return mean(_margins([row for row in _buyers(customers) if row["last_order_at"] >= END - timedelta(days=DAYS)]))


@misconception("the median", of=["q1"])
def the_median(customers):
    """You gave the customer in the middle. It is worth knowing; but the sum of all is the mean times their number, not the median."""
    return median(_margins(_buyers(customers)) or [float("nan")])


@misconception("per order", of=["q1"])
def per_order(customers):
    """You divided by orders. That is the margin of an order."""
    return sum(_margins(_buyers(customers))) / max(sum(row["orders"] for row in customers), 1)


@misconception("refunds left in", of=["q1"])
def refunds_left_in(customers):
    """You took the amounts as ordered. What was given back brought nothing."""
    return mean(MARGIN * row["spent"] for row in _buyers(customers))


@misconception("without the largest", of=["q1"])
def without_the_largest(customers):
    """You left the best customer out. The money came, so it counts; say beside the figure how much hangs on one customer."""
    return mean(sorted(_margins(_buyers(customers)))[:-1])


@misconception("the sum", of=["q1"])
def the_sum(customers):
    """You gave the margin of all together. Divide it by the customers."""
    return sum(_margins(_buyers(customers)))


@misconception("all customers", of=["q2"])
def all_customers(customers):
    """You computed all who ever bought. The question is about those from before 2025."""
    return by_hand.value(customers)


@misconception("the new ones", of=["q2"])
def the_new_ones(customers):
    """You computed those who were won in 2025."""
    return mean(_margins([row for row in _buyers(customers) if row["first_order_at"] >= START]))


@misconception("revenue, not margin", of=["q2"])
def revenue_of_older(customers):
    """You took what customers paid. Only the margin remains."""
    return of_older_customers.value(customers) / MARGIN


@misconception("divided by all", of=["q2"])
def divided_by_all(customers):
    """You divided the margin of the older ones by all customers."""
    return sum(_margins(_older(customers))) / max(len(_buyers(customers)), 1)


@misconception("refunds left in", of=["q2"])
def refunds_of_older(customers):
    """You took the amounts as ordered. What was given back brought nothing."""
    return mean(MARGIN * row["spent"] for row in _older(customers))


def _but(customers, place, **columns):
    """The table with other values in the row of one customer."""
    return {"customers": [row | columns if row is place else row for row in customers]}


@trap(
    "a good December", "On 31 December 2025, three new customers buy a loaf each. Which way will the historical CLV go?"
)
def a_good_december(customers):
    """Young customers have had no time to bring anything. The value falls when many are won, and that is no bad news."""
    time = datetime(YEAR, 12, 31, 10)
    new = {"orders": 1, "spent": 3.0, "refunded": 0.0, "first_order_at": time, "last_order_at": time}
    return {"customers": [*customers, *({"customer_id": f"new {place}", **new} for place in range(3))]}


@trap("somebody moves away", "A customer moves to another town and says good-bye. Which way will it go?")
def somebody_moves_away(customers):
    """What the customer brought was brought. This figure looks back: it does not notice who leaves."""
    return {"customers": list(customers)}


@trap("a name on the list", "Somebody has a customer card made, and buys nothing. Which way will it go?")
def a_name_on_the_list(customers):
    """Who never bought is not among the customers of this figure."""
    row = {"orders": 0, "spent": 0.0, "refunded": 0.0, "first_order_at": None, "last_order_at": None}
    return {"customers": [*customers, {"customer_id": "new", **row}]}


@trap("the best customer", "The best customer brings goods back and gets half of all the money. Which way will it go?")
def the_best_customer(customers):
    """Much of the figure hangs on one customer, so it falls by much. With few customers a mean is a matter of luck."""
    best = max(customers, key=lambda row: row["spent"])
    return _but(customers, best, refunded=best["refunded"] + best["spent"] / 2)


CLAIMS = (
    Claim(
        "A new customer will bring {value}.",
        False,
        "It is what all customers have brought so far. What a new one will bring, it does not say: that needs a model, and luck.",
        caution=True,
    ),
    Claim(
        "So far, a customer has brought a margin of {value} on average; {base}.",
        True,
        "It says what was counted, and that it looks back.",
    ),
    Claim(
        "Very much of it hangs on a single customer.",
        True,
        "Look at the largest row. The interval is wide for this reason: {interval}.",
    ),
    Claim(
        "We may spend {value} to win a customer.",
        False,
        "That would need what the next customer brings, and nothing would remain to earn.",
    ),
    Claim("The value falls when many customers are won.", True, "Young customers have had little time.", caution=True),
    Claim(
        "Divided by churn, it is the value of a whole lifetime.",
        False,
        "That formula multiplies means of different people and takes everybody to leave at the same rate.",
    ),
)
MISUSES = (
    Misuse(
        ("Historical CLV: {value}, {base}", "Interval: {limits}", "So each new customer may cost up to {value}"),
        3,
        "It looks back, on customers of all ages. What the next one brings, it does not say.",
    ),
    Misuse(
        ("Historical CLV: {value}", "It fell since we won so many: the new ones are worth less", "{base}, {interval}"),
        2,
        "The new ones have had no time yet. Compare customers at the same age.",
    ),
    Misuse(
        (
            "Those who left are not in it: they are no customers any more",
            "Margin so far, after refunds",
            "{value} with them, {interval}",
        ),
        1,
        "To win those who left cost money, too. Without them every value looks better than it is.",
    ),
)


@transfer(
    ask="What is the historical CLV of this client at the end of 2025, each margin discounted to the customer's first order?",
    unit="money",
    hints=(
        "Keep the orders that count, with a customer. An order's margin stands in `margin`; where it is empty, take `0.4` of what the order came to.",
        "Discounted means: money that comes later is worth less. After t years, a margin counts as `margin / 1.1 ** t`; t counts from the customer's first order, in years of `365.25` days.",
        "Add up by customer, then take the mean of the customers.",
    ),
    tables={
        "all_orders": ("order_id", "customer_id", "ordered_at", "status", "amount", "refunded_amount", "margin"),
    },
)
def of_a_simulated_client(all_orders):
    """Margins of the orders that count, discounted to each customer's first order, added up by customer; the mean of the customers."""
    return _discounted(all_orders, DISCOUNT)


def _discounted(all_orders, discount):
    rows = [row for row in counting(all_orders) if row["customer_id"] and row["ordered_at"] < END]
    firsts, values = {}, {}
    for row in rows:
        firsts[row["customer_id"]] = min(row["ordered_at"], firsts.get(row["customer_id"], row["ordered_at"]))
    for row in rows:
        years = (row["ordered_at"] - firsts[row["customer_id"]]).total_seconds() / (365.25 * 24 * 3600)
        margin = MARGIN * net(row) if row["margin"] is None else row["margin"]
        values[row["customer_id"]] = values.get(row["customer_id"], 0) + margin / (1 + discount) ** years
    return mean(values.values())


@misconception("not discounted", of=["q7"])
def not_discounted(all_orders):
    """You added margins of all years as they are. Money that comes later is worth less."""
    return _discounted(all_orders, 0)


@misconception("revenue, not margin", of=["q7"])
def revenue_of_a_simulated_client(all_orders):
    """You took what customers paid. Only the margin remains."""
    return _discounted([row | {"margin": net(row)} for row in all_orders], DISCOUNT)


@misconception("empty margins as 0", of=["q7"])
def empty_margins_as_0(all_orders):
    """You took an empty margin for none. It is not known: the client has declared a share that stands in for it."""
    return _discounted([row | {"margin": row["margin"] or 0.0} for row in all_orders], DISCOUNT)


@misconception("cancelled orders count", of=["q7"])
def cancelled_orders_count(all_orders):
    """You counted orders that were cancelled or refunded in full."""
    return _discounted([row | {"status": "paid", "refunded_amount": None} for row in all_orders], DISCOUNT)


def client_rows(customers):
    """The customers with an order for each sum: what was spent and given back at the first one, the others at the last."""
    orders = [
        {
            "order_id": f"{row['customer_id']}-{place}",
            "customer_id": row["customer_id"],
            "ordered_at": at,
            "amount": amount,
            "refunded_amount": refunded or None,
            "status": "paid",
        }
        for row in customers
        if row["orders"]
        for place, (at, amount, refunded) in enumerate(
            ((row["first_order_at"], row["spent"] - 1, row["refunded"]), (row["last_order_at"], 1.0, 0.0))
        )
    ]
    return {"customers": [{"customer_id": row["customer_id"]} for row in customers], "orders": orders}


def redraw(tables, random):
    """Other customers: some of long standing, some new, some who never bought, and one who spends most."""
    rows = [_customer(f"{20 + place:03}", random) for place in range(random.randint(14, 18))]
    best = random.choice([row for row in rows if row["orders"]])
    best["spent"] = float(random.randint(700, 1500))
    some = random.choice([row for row in rows if row["orders"] and row["first_order_at"] < START] or [best])
    some["refunded"] = round(some["spent"] / 4, 2)
    rows += [
        {
            **_customer(f"{90 + place:03}", random),
            "orders": 0,
            "spent": 0.0,
            "refunded": 0.0,
            "first_order_at": None,
            "last_order_at": None,
        }
        for place in range(2)
    ]
    return {"customers": rows}


def _customer(name, random):
    first = datetime(YEAR - 2, 10, 3) + timedelta(days=random.randrange(800), hours=11)
    last = min(first + timedelta(days=random.choice((0, 40, 200, 500))), END - timedelta(days=random.randint(1, 60)))
    return {
        "customer_id": name,
        "orders": random.randint(1, 6),
        "spent": float(random.randint(12, 220)),
        "refunded": 0.0,
        "first_order_at": first,
        "last_order_at": max(first, last),
    }
