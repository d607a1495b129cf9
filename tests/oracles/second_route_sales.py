"""A second, dumber route to the figures of sales: plain pandas on raw rows, one loop after the other.

Written from the definitions alone; it imports nothing of crmnb. Leads are frames of `created_at`, `qualified_at`, `proposed_at`,
`won_at`, `lost_at`, `amount`; visits of `visitor_id`, `customer_id`, `started_at`, `goal`, `converted` (None where not known);
orders of `customer_id`, `ordered_at`, `net`, only those that count, and those without a customer too.
"""

import math
from pathlib import Path

import pandas as pd
from second_route import Figures, within

DAY = pd.Timedelta(days=1)
AGES = {"won within 30 days": 30, "won within 90 days": 90, "won within 180 days": 180, "won within 365 days": 365}


# ---- The corner shop's files ----------------------------------------------------------------------------------------


def corner_shop(folder: Path) -> dict[str, pd.DataFrame]:
    """The three files as text, as they lie there."""
    separators = {"leads": ",", "visits": ",", "orders": ";"}
    return {
        name: pd.read_csv(folder / f"{name}.csv", sep=separator, dtype=str, keep_default_na=False)
        for name, separator in separators.items()
    }


def tidy(raw: dict[str, pd.DataFrame]) -> dict[str, pd.DataFrame]:
    """The files with our names and types."""
    times = ("created_at", "qualified_at", "proposed_at", "won_at", "lost_at")
    leads = raw["leads"].rename(
        columns=dict(zip(("Asked", "Tasted", "Offered", "Ordered", "Declined"), times, strict=True))
    )
    for name in times:
        leads[name] = pd.to_datetime(leads[name].replace("", None), format="ISO8601")
    visits = raw["visits"].rename(columns={"Browser": "visitor_id", "Customer no": "customer_id", "Goal": "goal"})
    visits["started_at"] = pd.to_datetime(visits["Began"], format="ISO8601")
    visits["converted"] = visits["Reached"].map({"yes": True, "no": False}).astype(object)
    return {
        "leads": leads.assign(amount=pd.to_numeric(leads["Worth"])),
        "visits": visits,
        "orders": counting(raw["orders"]),
    }


def counting(raw: pd.DataFrame) -> pd.DataFrame:
    """Orders that exist once, on a day that exists, neither cancelled nor wholly refunded, with what they brought."""
    orders = raw.assign(ordered_at=pd.to_datetime(raw["Ordered"], format="%d/%m/%Y %H:%M:%S", errors="coerce"))
    orders = orders.dropna(subset="ordered_at").drop_duplicates("Order no")
    amount = orders["Total"].str.replace(",", "").astype(float)
    refunded = pd.to_numeric(orders["Refunded"]).fillna(0)
    orders = orders.assign(net=amount - refunded, customer_id=orders["Customer no"].replace("", None))
    return orders[(orders["Status"] == "done") | ((orders["Status"] == "returned") & (refunded < amount))]


# ---- Leads ----------------------------------------------------------------------------------------------------------


def leads_figures(leads: pd.DataFrame, start: str, end: str, cutoff: str, maturity: int = 90) -> Figures:
    """The five figures of leads; end is that of the period, cutoff that of the data, both half-open."""
    seen = leads.copy()
    for name in ("qualified_at", "proposed_at", "won_at", "lost_at"):
        seen[name] = seen[name].where(seen[name] < cutoff)
    created = within(seen, "created_at", start, end)
    won = [lead for lead in created.itertuples() if in_time(lead, lead.won_at, maturity)]
    return {
        "lead_conversion_rate": {"": (len(won), len(created))},
        "cumulative_win_rate": incidence(created, pd.Timestamp(cutoff) - DAY),
        "stage_conversion": stages(created, maturity),
        "win_rate": {"": proposals(seen, start, end)},
        "sales_velocity": {"": velocity(leads, min(pd.Timestamp(end), pd.Timestamp(cutoff)), maturity)},
    }


def incidence(created: pd.DataFrame, last_day: pd.Timestamp) -> dict[str, float]:
    """Of 100 leads, how many are won by each age: day by day, of those not won the share that are not won then either.

    Who is not won is seen not to be until the last day, lost or not.
    """
    ends, longest = [], -1
    for lead in created.itertuples():
        is_won = not pd.isna(lead.won_at)
        end = lead.won_at if is_won else last_day
        ends.append(((end.normalize() - lead.created_at.normalize()).days, is_won))
        longest = max(longest, (last_day.normalize() - lead.created_at.normalize()).days)
    left, by_age = 1.0, {}
    for day in range(366):
        at_risk = sum(days >= day for days, _ in ends)
        left *= 1 - sum(days == day and is_won for days, is_won in ends) / at_risk if at_risk else 1.0
        by_age[day] = 100 * (1 - left)
    return {name: by_age[age] for name, age in AGES.items() if age <= longest}


def in_time(lead, at: pd.Timestamp, maturity: int) -> bool:
    """Whether something happened at all, and so many calendar days after the lead came or sooner."""
    return not pd.isna(at) and (at.date() - lead.created_at.date()).days <= maturity


def stages(created: pd.DataFrame, maturity: int) -> dict[str, tuple[int, int]]:
    """How many got to each stage in time, of those that got to the one before."""
    came = dict.fromkeys(("qualified", "proposed", "won"), 0)
    for lead in created.itertuples():
        there = [in_time(lead, time, maturity) for time in (lead.qualified_at, lead.proposed_at, lead.won_at)]
        furthest = max((place + 1 for place, is_there in enumerate(there) if is_there), default=0)
        for name in list(came)[:furthest]:
            came[name] += 1
    before = [len(created), came["qualified"], came["proposed"]]
    steps = zip(["lead", *came], came, strict=False)
    return {f"{k + 1} {first} to {then}": (came[then], before[k]) for k, (first, then) in enumerate(steps)}


def proposals(leads: pd.DataFrame, start: str, end: str) -> tuple[int, int]:
    """Won and all of the proposals that were decided in the period."""
    won = decided = 0
    for lead in leads[leads["proposed_at"].notna()].itertuples():
        at = lead.lost_at if pd.isna(lead.won_at) else lead.won_at
        if not pd.isna(at) and pd.Timestamp(start) <= at < pd.Timestamp(end):
            decided += 1
            won += not pd.isna(lead.won_at)
    return won, decided


def velocity(leads: pd.DataFrame, at: pd.Timestamp, maturity: int) -> float:
    """Open x share won x mean amount / median days, as the leads stood at a time."""
    past = leads[leads["created_at"] < at]
    is_won, is_lost = past["won_at"] < at, past["lost_at"] < at
    old = (past["created_at"] < at - maturity * DAY) & (past["created_at"] >= at - (maturity + 365) * DAY)
    won = past[old & is_won]
    days = (won["won_at"].dt.normalize() - won["created_at"].dt.normalize()).dt.days
    if not len(won) or not won["amount"].notna().any() or not days.median():
        return float("nan")
    recent = past["created_at"] >= at - (maturity + 365) * DAY
    return (recent & ~is_won & ~is_lost).sum() * len(won) / old.sum() * won["amount"].mean() / days.median()


# ---- Visits ---------------------------------------------------------------------------------------------------------


def visits_figures(visits: pd.DataFrame, start: str, end: str) -> Figures:
    """Sessions and people, goal by goal."""
    named: dict[str, set[str]] = {}
    for visit in visits.itertuples():
        if visit.customer_id:
            named.setdefault(visit.visitor_id, set()).add(visit.customer_id)
    sessions, converted, people, reached = 0, 0, set(), {}
    goals = sorted(set(visits["goal"]) - {""})
    for visit in within(visits, "started_at", start, end).itertuples():
        if visit.converted not in (True, False):
            continue
        known_as = named.get(visit.visitor_id, set())
        person = ("customer", visit.customer_id or next(iter(known_as), ""))
        if not visit.customer_id and len(known_as) != 1:
            person = ("visitor", visit.visitor_id)
        sessions, converted = sessions + 1, converted + visit.converted
        people.add(person)
        if visit.converted:
            reached.setdefault(visit.goal, set()).add(person)
    return {
        "session_conversion_rate": {"": (converted, sessions)},
        "visitor_conversion_rate": {goal: (len(reached.get(goal, ())), len(people)) for goal in goals},
    }


# ---- Revenue --------------------------------------------------------------------------------------------------------


def revenue_figures(orders: pd.DataFrame, start: str, end: str, data_from: str, cutoff: str) -> Figures:
    """Growth, its parts and order values; what cannot be had is left out."""
    first, last = pd.Timestamp(start), min(pd.Timestamp(end), pd.Timestamp(cutoff))
    sold = within(orders, "ordered_at", str(first), str(last))
    figures: Figures = {"sales_growth": growth(orders, first, pd.Timestamp(end), last, pd.Timestamp(data_from))}
    figures["revenue_bridge"] = parts(orders, first, pd.Timestamp(end), last, pd.Timestamp(data_from))
    if len(sold):
        figures["net_revenue"] = {"": round(float(sold["net"].sum()), 4)}
        figures["active_customers"] = {"": sold["customer_id"].replace("", None).nunique()}
        figures["average_order_value"] = {"": (round(float(sold["net"].sum()), 4), len(sold))}
        figures["median_order_value"] = {"": float(sold["net"].median())}
    return figures


def between(orders: pd.DataFrame, first: pd.Timestamp, last: pd.Timestamp) -> float:
    """Net revenue in [first, last)."""
    return float(orders.loc[(orders["ordered_at"] >= first) & (orders["ordered_at"] < last), "net"].sum())


def earlier(first: pd.Timestamp, end: pd.Timestamp, months: int) -> tuple[pd.Timestamp, pd.Timestamp]:
    """The period so many months before."""
    back = pd.DateOffset(months=months)
    return first - back, end - back


def growth(orders, first, end, last, data_from) -> dict[str, float]:
    """In percent, by breakdown."""
    found, short = {}, (last - first) / DAY <= 62
    begin = max(first, last - pd.DateOffset(years=1))
    day = orders["ordered_at"].dt.strftime("%m-%d")
    alike = orders if short else orders[day != "02-29"]
    now = between(alike, begin, last)
    for years in range(1, 100):
        back = 364 * years * DAY if short else pd.DateOffset(years=years)
        if begin - back < data_from:
            break
        ratio = now / then if (then := between(alike, begin - back, last - back)) else math.nan
        name = "" if years == 1 else "CAGR"
        found[name] = 100 * (ratio ** (1 / years) - 1)
    if (first, end) == (begin, first + pd.DateOffset(years=1)) and last == end:
        return found
    whole_months = (end.year - first.year) * 12 + end.month - first.month
    begun, ended = earlier(first, end, whole_months)
    if begun >= data_from and (then := between(orders, begun, ended)):
        per_day = between(orders, first, last) / ((last - first) / DAY)
        found["vs previous period"] = 100 * (per_day / (then / ((ended - begun) / DAY)) - 1)
    return found


def parts(orders, first, end, last, data_from) -> dict[str, float]:
    """The additive logarithmic mean Divisia index, with the integral of 1 / ln written out."""
    begun, ended = earlier(first, last, 12)
    if begun < data_from:
        months = (end.year - first.year) * 12 + end.month - first.month
        begun, ended = earlier(first, end, months) if last == end else (first - (last - first), first)
    if begun < data_from:
        return {}
    sides = []
    for a, b in ((begun, ended), (first, last)):
        inside = orders[(orders["ordered_at"] >= a) & (orders["ordered_at"] < b)]
        known = inside.dropna(subset="customer_id")
        sides.append(
            (known["customer_id"].nunique(), len(known), known["net"].sum(), inside["net"].sum() - known["net"].sum())
        )
    (c0, n0, r0, u0), (c1, n1, r1, u1) = sides
    if not (r0 > 0 and r1 > 0):
        return {}
    weight = (r1 - r0) / (math.log(r1) - math.log(r0)) if r1 != r0 else r0
    found = {
        "comparison": r0 + u0,
        "customers": weight * math.log(c1 / c0),
        "frequency": weight * math.log((n1 / c1) / (n0 / c0)),
        "order value": weight * math.log((r1 / n1) / (r0 / n0)),
        "current": r1 + u1,
    }
    return found | ({"without a customer": u1 - u0} if u0 or u1 else {})
