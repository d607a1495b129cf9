"""What the lessons on orders share: which orders count, who is a customer when, and the same again with other customers."""

from datetime import datetime, timedelta
from random import Random

from crmnb.learn.declaration import YEAR, Row

START, END = datetime(YEAR, 1, 1), datetime(YEAR + 1, 1, 1)
DAYS = 90  # without an order, until a customer counts as lost: parameters/corner_shop.yml declares it
COLUMNS = ("order_id", "customer_id", "ordered_at", "status", "amount", "refunded_amount")


def select(all_orders: list[Row]) -> dict[str, list[Row]]:
    """The orders around both ends of the year."""
    return {"all_orders": around_both_ends(with_first_order(all_orders))}


def redraw(tables: dict[str, list[Row]], random: Random) -> dict[str, list[Row]]:
    """Other customers with the same traps."""
    return {"all_orders": other_customers(random)}


def with_first_order(all_orders: list[Row]) -> list[Row]:
    """The orders with plain amounts, and beside each the customer's first ever order that counts (None: there is none)."""
    rows = [dict(row, **{name: _plain(row[name]) for name in ("amount", "refunded_amount")}) for row in all_orders]
    firsts: dict[str, datetime] = {}
    for row in counting(rows):
        firsts[row["customer_id"]] = min(row["ordered_at"], firsts.get(row["customer_id"], row["ordered_at"]))
    return [dict(row, first_order_at=firsts.get(row["customer_id"]) if row["customer_id"] else None) for row in rows]


def _plain(amount) -> float | None:
    return None if amount is None else float(amount)


def refunded(row: Row) -> bool:
    """Whether an order was refunded in full; one that was refunded in part counts."""
    return row["refunded_amount"] is not None and row["refunded_amount"] >= row["amount"]


def counting(all_orders: list[Row]) -> list[Row]:
    """The orders that count: neither cancelled nor refunded in full."""
    return [row for row in all_orders if row["status"] != "cancelled" and not refunded(row)]


def customers_of(orders: list[Row], since: datetime, until: datetime) -> set[str]:
    """The customers with an order from one time on and before another."""
    return {row["customer_id"] for row in orders if row["customer_id"] and since <= row["ordered_at"] < until}


def customers_at(orders: list[Row], time: datetime, days: int = DAYS) -> set[str]:
    """The customers at a time: those with an order in so many days before it; exactly so many days ago is within them."""
    return customers_of(orders, time - timedelta(days=days), time)


def won(orders: list[Row]) -> set[str]:
    """The customers whose first ever order lies in the year."""
    return {row["customer_id"] for row in orders if row["first_order_at"] and START <= row["first_order_at"] < END}


def around_both_ends(all_orders: list[Row]) -> list[Row]:
    """The orders that matter to who stays: of the days before the year and of its last, and the others of who has none of these last."""
    named = [row for row in all_orders if row["customer_id"] and row["ordered_at"] >= START - timedelta(days=DAYS + 1)]
    late = {row["customer_id"] for row in counting(named) if row["ordered_at"] >= END - timedelta(days=DAYS)}
    between = (START, END - timedelta(days=DAYS))
    return [row for row in named if not between[0] <= row["ordered_at"] < between[1] or row["customer_id"] not in late]


# The same with other customers. A story is a customer's orders, as (when, what became of it), and whether there were older ones.

_EDGE = timedelta(days=DAYS)
_STORIES = {
    "loyal": (("before", "paid"), ("late", "paid")),
    "at the first edge": (("first edge", "paid"), ("late", "paid")),
    "at the last edge": (("before", "paid"), ("last edge", "paid")),
    "lost": (("before", "paid"),),
    "lost later": (("before", "paid"), ("between", "paid")),
    "refunded in the end": (("before", "paid"), ("late", "refunded")),
    "refunded at first": (("before", "refunded"), ("late", "paid")),
    "back": (("late", "paid"),),
    "won": (("between", "paid"), ("late", "paid")),
    "won late": (("late", "paid"), ("late", "paid")),
    "won and lost": (("between", "paid"),),
    "first instant": (("first instant", "paid"), ("between", "paid")),
}
_OLDER = {"back", "refunded at first"}  # ordered long before the rows begin
_MOST = {"loyal": 4, "lost": 3, "lost later": 2}  # else one or two, mostly one


def other_customers(random: Random) -> list[Row]:
    """Orders around both ends of the year, of other customers with the same traps."""
    rows: list[Row] = []
    names = iter(random.sample([f"{number:03}" for number in range(20, 100)], 40))
    for story, steps in _STORIES.items():
        for _ in range(random.randint(1, _MOST[story]) if story in _MOST else random.choice((1, 1, 1, 2))):
            rows += _orders_of(next(names), steps, story in _OLDER, random)
    rows.sort(key=lambda row: row["ordered_at"])
    return [dict(order_id=f"{2001 + place}", **row) for place, row in enumerate(rows)]


def _orders_of(customer: str, steps: tuple, older: bool, random: Random) -> list[Row]:
    times = [_time(when, random) for when, _ in steps]
    counted = [time for time, (_, status) in zip(times, steps, strict=True) if status == "paid"]
    first = START - timedelta(days=random.randint(150, 400)) if older else min(counted)
    rows = []
    for time, (_, status) in zip(times, steps, strict=True):
        amount = float(random.randint(8, 60))
        back = amount if status == "refunded" else None
        row = {"customer_id": customer, "ordered_at": time, "status": status, "amount": amount}
        rows.append(row | {"refunded_amount": back, "first_order_at": first})
    return rows


def _time(when: str, random: Random) -> datetime:
    edges = {"first edge": START - _EDGE, "last edge": END - _EDGE, "first instant": START}
    if when in edges:
        return edges[when]
    since, until = {
        "before": (START - _EDGE, START),
        "between": (START, END - _EDGE),
        "late": (END - _EDGE, END),
    }[when]
    day = since + timedelta(days=random.randrange(1, (until - since).days))
    return day + timedelta(hours=random.randint(9, 17), minutes=random.randint(0, 59))
