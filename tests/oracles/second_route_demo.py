"""The demo's figures by plain pandas on its clean tables: the dumbest way to each, a dictionary of (metric, breakdown).

`start` and `end` are the period's, half-open; the data begin with 2023 and end with 2025.
"""

from datetime import datetime, timedelta

import numpy as np
import pandas as pd

FIRST, LAST = datetime(2023, 1, 1), datetime(2026, 1, 1)
DAY = pd.Timedelta(days=1)
AGES = {"30 days": 30, "90 days": 90, "180 days": 180, "365 days": 365}
STAYS = {"30 days": 30, "90 days": 90, "180 days": 180, "1 year": 365, "2 years": 730, "3 years": 1095}

Figures = dict[tuple[str, str], float]


def counting(orders: pd.DataFrame, known_at: datetime | None = None) -> pd.DataFrame:
    """The orders that count, with `net`; by the refunds known before a time, where one is named."""
    refund = orders["refunded_amount"].fillna(orders["amount"].where(orders["status"] == "refunded", 0))
    if known_at:
        refund = refund.where(~(orders["refunded_at"] >= known_at), 0)
    net = orders["amount"] - refund
    return orders.assign(net=net)[(orders["status"] != "cancelled") & (net > 0)]


def inside(rows: pd.DataFrame, time: str, start: datetime, end: datetime) -> pd.DataFrame:
    return rows[(rows[time] >= start) & (rows[time] < end)]


def days_between(first: pd.Series, last: pd.Series) -> pd.Series:
    return (last.dt.normalize() - first.dt.normalize()) // DAY


# ---- Fees and lifetimes ------------------------------------------------------------------------------------------------


def fees(plans: pd.DataFrame, start: datetime, end: datetime) -> Figures:
    def paid(day: datetime) -> pd.Series:
        there = plans[(plans["started_at"] < day) & ~(plans["ended_at"] < day)]
        return there.groupby("customer_id")["monthly_amount"].sum()

    before = paid(start)
    now = paid(end).reindex(before.index).fillna(0)
    return {
        ("gross_revenue_retention", ""): 100 * np.minimum(now, before).sum() / before.sum(),
        ("net_revenue_retention", ""): 100 * now.sum() / before.sum(),
    }


def lifetimes(plans: pd.DataFrame, end: datetime) -> Figures:
    """First contracts, changes of the fee bridged, in whole days; who joined before the data begin enters late."""
    plans = plans[plans["started_at"] < end].sort_values(["customer_id", "started_at"])
    changes = (plans["customer_id"] == plans["customer_id"].shift()) & (
        plans["started_at"] == plans["ended_at"].shift()
    )
    spell = (~changes).groupby(plans["customer_id"]).cumsum()
    spans = plans[spell == 1].groupby("customer_id")
    first = spans.head(1).set_index("customer_id")[["started_at"]].rename(columns={"started_at": "since"})
    first["until"] = spans.tail(1).set_index("customer_id")["ended_at"]
    lost = first["until"] < end
    until = first["until"].where(lost, end)
    duration = days_between(first["since"], until)
    entry = days_between(first["since"], pd.Series(FIRST, first.index)).clip(lower=0)
    seen = (entry == 0) | (duration > entry)
    rows = pd.DataFrame({"entry": entry, "duration": duration, "lost": lost})[seen]
    stay, left = {}, 1.0
    for day in range(rows["duration"].max() + 1):
        at_risk = ((rows["entry"] < max(day, 1)) & (rows["duration"] >= day)).sum()
        left *= 1 - ((rows["duration"] == day) & rows["lost"]).sum() / max(at_risk, 1)
        stay[day] = left
    found = {("survival_curve", f"after {words}"): 100 * stay[days] for words, days in STAYS.items()}
    return found | {("median_lifetime", ""): next((day for day in stay if stay[day] <= 0.5), np.nan)}


# ---- Orders --------------------------------------------------------------------------------------------------------------


def crossed(orders: pd.DataFrame, start: datetime, end: datetime) -> Figures:
    bought = counting(orders).dropna(subset="customer_id")
    before, now = (inside(bought, "ordered_at", *those) for those in ((start - 365 * DAY, start), (start, end)))
    owned = before.groupby("customer_id")["category"].agg(set)
    wanted = now.groupby("customer_id")["category"].agg(set)
    both = owned.index.intersection(wanted.index)
    return {("cross_sell_rate", ""): 100 * np.mean([bool(wanted[who] - owned[who]) for who in both])}


def refunded(orders: pd.DataFrame, start: datetime, end: datetime) -> Figures:
    closed = orders["ordered_at"] + 30 * DAY <= LAST
    those = inside(orders[closed & (orders["status"] != "cancelled")], "ordered_at", start, end)
    return {("refund_rate", ""): 100 * ((those["refunded_at"] - those["ordered_at"]) <= 30 * DAY).mean()}


def gaps(orders: pd.DataFrame, end: datetime) -> Figures:
    """The median gap between days with an order, each customer's complete gaps weighing one together, the open one only where there are none."""
    bought = counting(orders).dropna(subset="customer_id")
    bought = bought[bought["ordered_at"] < end].assign(day=bought["ordered_at"].dt.normalize())
    bought = bought.drop_duplicates(["customer_id", "day"]).sort_values(["customer_id", "day"])
    following = bought.groupby("customer_id")["day"].shift(-1)
    complete = following.notna()
    many = complete.groupby(bought["customer_id"]).transform("sum")
    gap = (following.fillna(end - DAY) - bought["day"]) // DAY
    rows = pd.DataFrame({"gap": gap, "complete": complete, "weight": 1 / many.clip(lower=1)})[complete | (many == 0)]
    left = 1.0
    for day in range(rows["gap"].max() + 1):
        at_risk = rows.loc[rows["gap"] >= day, "weight"].sum()
        left *= 1 - rows.loc[(rows["gap"] == day) & rows["complete"], "weight"].sum() / at_risk
        if left <= 0.5:
            return {("time_between_orders", ""): day}
    return {("time_between_orders", ""): np.nan}


def sold(orders: pd.DataFrame, start: datetime, end: datetime) -> Figures:
    year = inside(counting(orders), "ordered_at", start, end)
    known = year.dropna(subset="customer_id")
    return {
        ("net_revenue", ""): year["net"].sum(),
        ("active_customers", ""): known["customer_id"].nunique(),
        ("average_order_value", ""): year["net"].mean(),
        ("median_order_value", ""): year["net"].median(),
        ("revenue_per_customer", ""): known["net"].sum() / known["customer_id"].nunique(),
    }


def grown(orders: pd.DataFrame, start: datetime, end: datetime) -> Figures:
    """Refunds take time: each span's are those known as long after its end as the data end after the period."""
    longer = LAST - end

    def net(first: datetime, last: datetime, known_at: datetime) -> float:
        return inside(counting(orders, known_at), "ordered_at", first, last)["net"].sum()

    def year(number: int) -> float:
        first, last = datetime(number, 1, 1), datetime(number + 1, 1, 1)
        leap = net(datetime(number, 2, 29), datetime(number, 3, 1), last + longer) if number % 4 == 0 else 0
        return net(first, last, last + longer) - leap

    previous = datetime(start.year - 1, 1, 1)
    found = {("sales_growth", ""): year(start.year) / year(start.year - 1) - 1}
    if start.year - 2 >= FIRST.year:
        found["sales_growth", "CAGR"] = (year(start.year) / year(start.year - 2)) ** 0.5 - 1
    return {key: 100 * value for key, value in found.items()} | _parts(orders, (previous, start), (start, end), longer)


def _parts(
    orders: pd.DataFrame, before: tuple[datetime, datetime], now: tuple[datetime, datetime], longer: timedelta
) -> Figures:
    factors, totals, strangers = [], [], []
    for span in (before, now):
        rows = inside(counting(orders, span[1] + longer), "ordered_at", *span)
        known = rows.dropna(subset="customer_id")
        buyers = known["customer_id"].nunique()
        factors.append(np.array([buyers, len(known) / buyers, known["net"].mean()]))
        totals.append(known["net"].sum())
        strangers.append(rows["net"].sum() - known["net"].sum())
    owed = (totals[1] - totals[0]) / np.log(totals[1] / totals[0]) * np.log(factors[1] / factors[0])
    money = {
        "comparison": totals[0] + strangers[0],
        **dict(zip(("customers", "frequency", "order value"), owed, strict=True)),
        "without a customer": strangers[1] - strangers[0],
        "current": totals[1] + strangers[1],
    }
    return {("revenue_bridge", part): value for part, value in money.items()}


# ---- Leads and visits ------------------------------------------------------------------------------------------------------


def led(leads: pd.DataFrame, start: datetime, end: datetime) -> Figures:
    created = inside(leads, "created_at", start, end)
    won, proposed, qualified = (
        days_between(created["created_at"], created[f"{name}_at"]) <= 90 for name in ("won", "proposed", "qualified")
    )
    proposed = proposed | won
    qualified = qualified | proposed
    decided = leads[leads["proposed_at"].notna()]
    decided = inside(decided.assign(at=decided["won_at"].fillna(decided["lost_at"])), "at", start, end)
    return {
        ("lead_conversion_rate", ""): 100 * won.mean(),
        ("stage_conversion", "1 lead to qualified"): 100 * qualified.mean(),
        ("stage_conversion", "2 qualified to proposed"): 100 * proposed.sum() / qualified.sum(),
        ("stage_conversion", "3 proposed to won"): 100 * won.sum() / proposed.sum(),
        ("win_rate", ""): 100 * decided["won_at"].notna().mean(),
        **_curve(created),
        **_velocity(leads, end),
    }


def _curve(created: pd.DataFrame) -> Figures:
    """Kaplan & Meier, day by day: those not won, whether lost or open, are seen not to be until the data end."""
    days = days_between(created["created_at"], created["won_at"].fillna(LAST - DAY))
    followed = days_between(created["created_at"], pd.Series(LAST - DAY, created.index))
    not_won, found = 1.0, {}
    for day in range(followed.max() + 1):
        wins = ((days == day) & created["won_at"].notna()).sum()
        not_won *= 1 - wins / (days >= day).sum() if wins else 1.0
        for words, age in AGES.items():
            if day == age and (followed >= age).sum() >= 10:
                found["cumulative_win_rate", f"won within {words}"] = 100 * (1 - not_won)
    return found


def _velocity(leads: pd.DataFrame, end: datetime) -> Figures:
    won = leads["won_at"].where(leads["won_at"] < end)
    lost = leads["lost_at"].where(leads["lost_at"] < end)
    recent = (leads["created_at"] >= end - 455 * DAY) & (leads["created_at"] < end)
    still_open = recent & won.isna() & lost.isna()
    mature = (leads["created_at"] >= end - 455 * DAY) & (leads["created_at"] < end - 90 * DAY)
    wins = leads[mature & won.notna()]
    days = days_between(wins["created_at"], wins["won_at"]).median()
    return {("sales_velocity", ""): still_open.sum() * len(wins) / mature.sum() * wins["amount"].mean() / days}


def visited(visits: pd.DataFrame, start: datetime, end: datetime) -> Figures:
    """A visitor id that sessions name one customer for is that customer."""
    named = visits.dropna(subset="customer_id").groupby("visitor_id")["customer_id"]
    alone = named.first()[named.nunique() == 1]
    customer = visits["customer_id"].fillna(visits["visitor_id"].map(alone))
    rows = inside(visits.assign(person=customer.fillna("v" + visits["visitor_id"])), "started_at", start, end)
    people = rows["person"].nunique()
    found = {("session_conversion_rate", ""): 100 * rows["converted"].mean()}
    for goal, those in rows[rows["converted"]].groupby("goal"):
        found["visitor_conversion_rate", goal] = 100 * those["person"].nunique() / people
    return found


def all_of_sales(tables: dict[str, pd.DataFrame], start: datetime, end: datetime) -> Figures:
    found = led(tables["leads"], start, end) | visited(tables["visits"], start, end)
    found |= sold(tables["orders"], start, end) | grown(tables["orders"], start, end)
    del found["revenue_per_customer", ""]
    return found


def all_of_retention(tables: dict[str, pd.DataFrame], start: datetime, end: datetime) -> Figures:
    """The figures that came with fees, refunds and lifetimes; the others are in test_demo."""
    orders, plans = tables["orders"], tables["subscriptions"]
    found = fees(plans, start, end) | lifetimes(plans, end) | crossed(orders, start, end)
    return found | refunded(orders, start, end) | gaps(orders, end)


# ---- Worth ---------------------------------------------------------------------------------------------------------------


def bought(orders: pd.DataFrame, rate: float) -> pd.DataFrame:
    """Customers' orders that count, each with its margin: `rate` of the net amount where it is not known."""
    known = counting(orders).dropna(subset="customer_id")
    return known.assign(margin=known["margin"].fillna(rate * known["net"]))


def concentrated(orders: pd.DataFrame, start: datetime, end: datetime) -> Figures:
    rows = inside(bought(orders, 0), "ordered_at", start, end)
    revenue = rows.groupby("customer_id")["net"].sum().sort_values().to_numpy(float)
    n, total = len(revenue), revenue.sum()
    gaps_below = sum((revenue[i] - revenue[:i]).sum() for i in range(n))  # of every two customers
    best, edge = revenue[::-1][: n // 10], revenue[::-1][n // 10]
    return {
        ("revenue_concentration", "Gini coefficient"): gaps_below / (n - 1) / total,
        ("revenue_concentration", "revenue share of the top 10%"): 100
        * (best.sum() + (n / 10 - n // 10) * edge)
        / total,
    }


def worth(
    tables: dict[str, pd.DataFrame], start: datetime, end: datetime, *, books: float, rate=0.4, least=50
) -> Figures:
    """What the worth of the demo's parameters file says: `rate` of margin, `least` margin of who is profitable."""
    paid, plans, costs = bought(tables["orders"], rate), tables["subscriptions"], tables["costs"]

    def there(day: datetime) -> pd.Index:
        return pd.Index(plans.loc[(plans["started_at"] < day) & ~(plans["ended_at"] < day), "customer_id"].unique())

    def profitable(first: datetime, last: datetime) -> pd.Index:
        brought = inside(paid, "ordered_at", first, last).groupby("customer_id")["margin"].sum().round(4)
        return brought[brought >= least].index

    joined = plans.groupby("customer_id")["started_at"].min()
    won = joined[(joined >= start) & (joined < end)]
    spent = inside(costs[costs["category"] == "acquisition"], "month", start, end)["amount"].sum()
    so_far = paid[paid["ordered_at"] < end]
    first = so_far.groupby("customer_id")["ordered_at"].transform("min")
    then = so_far["margin"] * 1.1 ** (-((so_far["ordered_at"] - first) // pd.Timedelta(minutes=1)) / (1440 * 365.25))
    year = inside(paid, "ordered_at", start, end)
    years = (end - start).days / 365.25
    at_start = there(start)
    churn = 1 - at_start.isin(there(end)).mean() ** (1 / years)
    good = at_start.intersection(profitable(start - 365 * DAY, start))
    all_net = inside(counting(tables["orders"]), "ordered_at", start, end)["net"].sum()
    club = costs[costs["month"] < end].groupby("programme")["amount"].sum()["Club"]
    return {
        ("revenue_reconciliation", ""): 100 * (all_net / books - 1),
        ("historical_clv", ""): then.sum() / so_far["customer_id"].nunique(),
        ("simple_clv", ""): year["margin"].sum() / year["customer_id"].nunique() / years / churn,
        ("customer_acquisition_cost", ""): spent / len(won),
        ("cac_payback_period", ""): _paid_back(paid, won, spent / len(won)),
        ("profitable_customer_retention", ""): 100 * good.isin(there(end)).mean(),
        ("profitable_new_customers", ""): 100 * won.index.isin(profitable(start, end)).mean(),
        ("return_on_investment", "Club"): 100 * (CLUB / club - 1),
    }


CLUB = 140_000.0  # gained, as parameters/demo.yml declares


def _paid_back(paid: pd.DataFrame, won: pd.Series, cost: float) -> float:
    month = pd.Timedelta(minutes=1440 * 30.4375)
    followed = (LAST - won) // month
    theirs = paid[paid["customer_id"].isin(won.index)]
    age = (theirs["ordered_at"] - theirs["customer_id"].map(won)) // month
    brought = 0.0
    for months in range(int(followed.max())):
        long_enough = followed.index[followed > months]
        brought += theirs.loc[(age == months) & theirs["customer_id"].isin(long_enough), "margin"].sum() / len(
            long_enough
        )
        if brought >= cost:
            return months + 1
    return np.nan


def all_of_financial(tables: dict[str, pd.DataFrame], start: datetime, end: datetime, books: float) -> Figures:
    """All but what is predicted, which is held to the truth."""
    orders = tables["orders"]
    found = worth(tables, start, end, books=books) | concentrated(orders, start, end)
    return found | {key: value for key, value in sold(orders, start, end).items() if key[0] == "revenue_per_customer"}
