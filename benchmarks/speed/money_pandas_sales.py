"""The sales figures of the benchmark `money` in plain pandas (see `money_pandas`)."""

from itertools import combinations_with_replacement

import duckdb
import numpy as np
import pandas as pd

from benchmarks.speed.metrics_figures import WINDOWS
from benchmarks.speed.money_data import CUTOFF
from benchmarks.speed.money_figures import COMPARED, by_customer, dealt, groups, inferred, parts, ratios, sums
from benchmarks.speed.money_pandas import Shop, counting, within
from crmnb.stats.estimation import GroupedCounts
from crmnb.stats.growth import Span, spans, who_of

_STEPS = {
    "1 lead to qualified": "qualified_at",
    "2 qualified to proposed": "proposed_at",
    "3 proposed to won": "won_at",
}
_TIMES = ("qualified_at", "proposed_at", "won_at", "lost_at")


def run(shop: Shop):
    """The figures of the family."""
    yield from _leads(shop)
    yield from _visits(shop)
    yield _growth(shop)
    yield _decomposition(shop)
    yield _average(shop)
    yield _median(shop)


# --- leads ------------------------------------------------------------------------------------------------------------


def _leads(shop: Shop):
    table = duckdb.read_parquet(str(shop.files["leads"]))
    columns = f"created_at as at, {', '.join(_TIMES)}, amount::double as amount, hash(lead_id) as hash"
    leads = table.project(columns).df()
    seen = leads.assign(**{time: leads[time].where(leads[time] < CUTOFF) for time in _TIMES})
    reached = {time: (seen[time].dt.floor("D") - seen["at"].dt.floor("D")).dt.days <= 90 for time in _STEPS.values()}
    # Too little time has passed since the period for it to be compared.
    young = {win: period for win, period in WINDOWS.items() if win != "comparison"}
    cohorts = {
        win: within(seen.assign(num=reached["won_at"], den=1, customer=-1), period) for win, period in young.items()
    }
    yield ratios("lead_conversion_rate", [_rate(win, rows) for win, rows in cohorts.items()])
    ended = seen["won_at"].fillna(seen["lost_at"]).fillna(CUTOFF - pd.Timedelta(days=1))
    days = (ended.dt.floor("D") - seen["at"].dt.floor("D")).dt.days
    outcome = np.where(seen["won_at"].notna(), 1, np.where(seen["lost_at"].notna(), 2, 0))
    until = (CUTOFF - pd.Timedelta(days=1) - seen["at"].dt.floor("D")).dt.days
    curve = pd.DataFrame({"at": seen["at"], "days": days, "followed": until, "outcome": outcome})
    followed = {win: within(curve, period) for win, period in WINDOWS.items()}
    yield inferred(
        "cumulative_win_rate",
        [g for win, rows in followed.items() for g in groups(win, rows, None, ["days", "followed", "outcome"])],
    )
    yield ratios("stage_conversion", _stages(seen, reached, young))
    decided = seen[seen["proposed_at"].notna()]
    decided = decided.assign(at=decided["won_at"].fillna(decided["lost_at"]), num=decided["won_at"].notna(), den=1)
    decided = decided[decided["at"].notna()].assign(customer=-1).sort_values("at")
    found = [_rate(win, within(decided, period)) for win, period in WINDOWS.items()]
    yield ratios("win_rate", found)
    yield _velocity(leads)


def _rate(win: str, rows: pd.DataFrame, breakdown: str = "") -> list[dict]:
    """The statistics of rows that name no customer."""
    return sums(win, rows, None, breakdown)


def _stages(seen: pd.DataFrame, in_time: dict[str, pd.Series], windows: dict):
    times = [*_STEPS.values()]
    reached = [pd.DataFrame(in_time)[times[at:]].any(axis=1) for at in range(len(times))]
    before = [pd.Series(True, seen.index), *reached]
    for at, breakdown in enumerate(_STEPS):
        rows = pd.DataFrame({"customer": -1, "at": seen["at"], "num": reached[at], "den": 1})[before[at]]
        yield from (_rate(win, within(rows, period), breakdown) for win, period in windows.items())


def _velocity(leads: pd.DataFrame) -> pd.DataFrame:
    found = []
    for win, period in WINDOWS.items():
        at = period.observed_end
        seen = leads[leads["at"] < at]
        won_at, lost_at = (seen[name].where(seen[name] < at) for name in ("won_at", "lost_at"))
        until = at - pd.Timedelta(days=90)
        mature = (seen["at"] >= until - pd.Timedelta(days=365)) & (seen["at"] < until)
        recent = seen["at"] >= until - pd.Timedelta(days=365)
        won, opened = won_at.notna() & mature, recent & won_at.isna() & lost_at.isna()
        days = (won_at.dt.floor("D") - seen["at"].dt.floor("D")).dt.days
        told = pd.DataFrame(
            {
                "open": opened.astype(int),
                "mature": mature.astype(int),
                "won": won.astype(int),
                "days": days.where(won),
                "brought": seen["amount"].where(won).fillna(0.0),
                "priced": (won & seen["amount"].notna()).astype(float),
                "hash": seen["hash"],
            }
        )[opened | mature]
        told["fold"] = dealt(told["hash"].to_numpy())
        found += groups(win, told)
    return inferred("sales_velocity", found)


# --- visits -----------------------------------------------------------------------------------------------------------


def _visits(shop: Shop):
    rows = shop.read("visits", "visitor_id, started_at as at, goal, converted")
    visitor = pd.factorize(rows.pop("visitor_id"))[0]
    named = rows["customer"] >= 0
    each = rows["customer"][named].groupby(visitor[named]).agg(["min", "max"])
    alone = each.loc[each["min"] == each["max"], "min"]
    people = len(shop.region)
    known_as = pd.Series(visitor).map(alone)
    who = rows["customer"].where(named, known_as.fillna(people + pd.Series(visitor)).astype(np.int64))
    goals = sorted(rows["goal"].dropna().unique())
    sessions = rows.assign(who=who)[rows["converted"].notna()]
    by_visitor, by_session = [], []
    for win, period in WINDOWS.items():
        inside = within(sessions, period)
        converted = inside["converted"].astype(bool)
        visitors = inside["who"].unique()
        for goal in goals:
            acted = inside["who"][converted & (inside["goal"] == goal)].unique()
            people_of = pd.DataFrame({"customer": np.where(visitors < people, visitors, -1), "den": 1})
            people_of["num"] = np.isin(visitors, acted)
            by_visitor.append(sums(win, people_of, shop.levels, goal))
        each = converted.astype(int).groupby(inside["who"]).agg(["sum", "size"]).reset_index()
        each.columns = ["customer", "num", "den"]
        each["customer"] = each["customer"].where(each["customer"] < people, -1)
        by_session.append(sums(win, each, shop.levels))
    yield ratios("visitor_conversion_rate", by_visitor)
    yield ratios("session_conversion_rate", by_session)


# --- revenue ----------------------------------------------------------------------------------------------------------


def _growth(shop: Shop) -> pd.DataFrame:
    """Of each window the revenue of the spans that are compared, by day, and what each buyer brought in them."""
    found = []
    for win, period in WINDOWS.items():
        if win == "comparison":
            continue
        each = [_sold(shop, span).assign(span=at) for at, span in enumerate(spans(period))]
        sold = pd.concat(each, ignore_index=True)
        sold["day"] = sold["at"].dt.floor("D")
        sold["other"], sold["product"] = sold["span"], sold["net"] ** 2
        sums_, keys = ["net", "n", "product"], ["span", "other", "day"]
        for segment, level, own in parts(win, sold, shop.levels):
            daily = sold.iloc[own].assign(n=1.0).groupby(keys, as_index=False)[sums_].sum()
            found.append(GroupedCounts(win, "", segment, level, daily, np.inf))
        found += groups(win, _bought(sold, len(each)), shop.levels, breakdown=who_of(), customers="customer")
    return inferred("sales_growth", found)


def _sold(shop: Shop, span: Span) -> pd.DataFrame:
    """The orders of a span that count, as they were known then: customer, at, net."""
    sold = counting(within(shop.every_order, span), span.known_at)[["customer", "at", "net"]]
    return sold if span.leap_days else sold[(sold["at"].dt.month != 2) | (sold["at"].dt.day != 29)]


def _bought(sold: pd.DataFrame, places: int) -> pd.DataFrame:
    """Each customer by each two of the spans in which they bought, and each order that names none: products of what was brought."""
    known = sold["customer"] >= 0
    brought = sold[known].pivot_table("net", "customer", "span", "sum").reindex(columns=range(places))
    rows = [sold.loc[~known, ["customer", "span", "other", "product"]]]
    for a, b in combinations_with_replacement(range(places), 2):
        product = (brought[a] * brought[b]).dropna().rename("product").reset_index()
        rows.append(product.assign(span=a, other=b))
    return pd.concat(rows, ignore_index=True)


def _decomposition(shop: Shop) -> pd.DataFrame:
    sides = []
    for win in COMPARED:
        each = within(shop.of(win).orders, WINDOWS[win]).groupby("customer")["net"].agg(["size", "sum"]).reset_index()
        each.columns = ["customer", "orders", "net"]
        known = (each["customer"] >= 0).astype(int)
        sides.append(each.assign(side=win, against=WINDOWS["comparison"].label, known=known))
    return inferred("revenue_bridge", groups("current", pd.concat(sides, ignore_index=True), shop.levels))


def _average(shop: Shop) -> pd.DataFrame:
    found = []
    for win, period in WINDOWS.items():
        rows = within(shop.of(win).orders, period).rename(columns={"net": "num"})
        found.append(sums(win, by_customer(rows), shop.levels))
    return ratios("average_order_value", found)


def _median(shop: Shop) -> pd.DataFrame:
    found = []
    for win in COMPARED:
        inside = within(shop.of(win).orders, WINDOWS[win])[["customer", "net"]]
        rows = inside.sort_values(["customer", "net"], ignore_index=True)
        known = rows["customer"] >= 0
        each = rows.groupby("customer")["net"]
        rows["squares"] = (2 * each.cumcount() + 1).where(known, 1)
        rows["units"] = each.transform("size").where(known, 1)
        rows["n"] = 1
        level = shop.levels.of(rows["customer"].to_numpy())
        rows = rows.rename(columns={"net": "quantity"})
        sums = ["squares", "units", "n"]
        counts = rows.groupby([pd.Series(level, name="level"), "quantity"])[sums].sum().reset_index()
        whole = counts.groupby("quantity", as_index=False)[sums].sum()
        customers = _customers(rows["customer"])
        found.append(GroupedCounts(win, "", "", "", whole.astype(float), customers))
        for place, own in counts.groupby("level"):
            many = _customers(rows["customer"][level == place])
            found.append(GroupedCounts(win, "", "region", shop.levels.names[place], own.astype(float), many))
    return inferred("median_order_value", found)


def _customers(customer: pd.Series) -> float:
    """How many there are; each order without one is its own, with those of the same value."""
    return float(customer[customer >= 0].nunique() + (customer < 0).sum())
