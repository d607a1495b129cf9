"""What the lessons on the orders of a year share: the orders, what they came to, and the same again with other customers."""

from datetime import datetime, timedelta
from random import Random

from crmnb.learn.declaration import YEAR, Row
from crmnb.learn.lessons._orders import COLUMNS, END, START, counting, with_first_order

SHOWN = (*COLUMNS, "channel")


def select(all_orders: list[Row]) -> dict[str, list[Row]]:
    """The orders of the year and of the day before it."""
    return {"all_orders": of_the_year(all_orders)}


def redraw(tables: dict[str, list[Row]], random: Random) -> dict[str, list[Row]]:
    """Other customers with the same traps."""
    return {"all_orders": other_baskets(random)}


def of_the_year(all_orders: list[Row]) -> list[Row]:
    """The orders of the year and of the day before it, with each customer's first ever order."""
    return [row for row in with_first_order(all_orders) if row["ordered_at"] >= START - timedelta(days=1)]


def in_year(orders: list[Row]) -> list[Row]:
    """Those of the year."""
    return [row for row in orders if START <= row["ordered_at"] < END]


def net(row: Row) -> float:
    """What an order came to: its amount less what was refunded of it."""
    return row["amount"] - (row["refunded_amount"] or 0)


def purchases(orders: list[Row]) -> dict[str, int]:
    """On how many days each customer bought; orders without a customer are left out."""
    days: dict[str, set] = {}
    for row in orders:
        if row["customer_id"]:
            days.setdefault(row["customer_id"], set()).add(row["ordered_at"].date())
    return {customer: len(dates) for customer, dates in days.items()}


def like(row: Row, **columns) -> Row:
    """A paid order like another one, but for these columns."""
    return row | {"order_id": "new", "status": "paid", "refunded_amount": None} | columns


# The same with other customers. A story is what became of a customer's orders, in their order of time.
_STORIES = {
    "once": (("paid",), 5),
    "once, and long known": (("paid",), 3),
    "twice": (("paid", "paid"), 3),
    "three times": (("paid", "paid", "paid"), 2),
    "four times": (("paid",) * 4, 1),
    "a split basket": (("paid", "with the one before"), 2),
    "twice, once in full back": (("paid", "refunded"), 2),
    "in part back": (("in part",), 1),
    "cancelled": (("cancelled",), 1),
}


def other_baskets(random: Random) -> list[Row]:
    """Orders of a year of other customers, with the same traps; one is of the last second before it, and two have no customer."""
    names = iter(random.sample([f"{number:03}" for number in range(20, 100)], 40))
    rows = []
    for story, (outcomes, most) in _STORIES.items():
        for _ in range(random.randint(1, most)):
            rows += _bought(next(names), outcomes, "known" in story or random.random() < 0.4, random)
    rows += [dict(_order(None, "paid", _day(random), random), first_order_at=None) for _ in range(random.randint(2, 3))]
    early = START - timedelta(seconds=1)
    rows.append(dict(_order(next(names), "paid", early, random), first_order_at=early))
    rows.append(dict(_order(next(names), "paid", _day(random), random), amount=round(random.uniform(400, 1500), 2)))
    rows[-1]["first_order_at"] = rows[-1]["ordered_at"]
    rows.sort(key=lambda row: row["ordered_at"])
    return [{"order_id": f"{3001 + place}", **row} for place, row in enumerate(rows)]


def _bought(customer: str, outcomes: tuple[str, ...], known: bool, random: Random) -> list[Row]:
    times = sorted(_day(random) for _ in outcomes)
    if outcomes[-1] == "with the one before":
        times[-1] = times[-2]
    rows = [_order(customer, outcome, time, random) for outcome, time in zip(outcomes, times, strict=True)]
    first = min((row["ordered_at"] for row in counting(rows)), default=None)
    return [row | {"first_order_at": START - timedelta(days=200) if known else first} for row in rows]


def _order(customer: str | None, outcome: str, time: datetime, random: Random) -> Row:
    amount = float(random.randint(7, 90))
    back = {"refunded": amount, "in part": round(amount / 4, 2)}.get(outcome)
    status = {"cancelled": "cancelled"}.get(outcome, "refunded" if back else "paid")
    row = {"customer_id": customer, "ordered_at": time, "status": status, "amount": amount, "refunded_amount": back}
    return row | {"channel": random.choice(("web", "shop", "web", "stall"))}


def _day(random: Random) -> datetime:
    return datetime(YEAR, 1, 2) + timedelta(days=random.randrange(360), hours=random.randint(9, 18))


def first_in_year(orders: list[Row]) -> Row:
    """The first order of a known customer in the year that counts and of which nothing was refunded."""
    return next(row for row in in_year(counting(orders)) if row["customer_id"] and not row["refunded_amount"])
