"""The peer of the benchmark `money` in plain pandas: as a good analyst would write it.

Only the columns that are needed are read, customers become whole numbers as soon as a table is there, and what several
questions share is computed once: the orders in the order of time (so that a period is a slice), and in that of customers. As in
the other benchmark, the interval of the change is left out. Folds of customers are dealt by the same hash as the suite's.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from functools import cached_property
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from benchmarks.speed import metrics_pandas
from benchmarks.speed.metrics_figures import UNKNOWN, WINDOWS
from benchmarks.speed.metrics_pandas import DAYS
from benchmarks.speed.money_data import CUTOFF, FIRST, PERIOD
from benchmarks.speed.money_figures import Levels, by_customer, dealt, groups, inferred, ratios, sums
from crmnb.core.period import Period
from crmnb.stats.growth import Span

NOW = WINDOWS["current"]
DAY = np.timedelta64(1, "D")


def run(files: dict[str, Path]) -> pd.DataFrame:
    """Every figure of the three families."""
    from benchmarks.speed import money_pandas_financial, money_pandas_sales

    shop = Shop(files)
    found = [*retention(shop), *money_pandas_sales.run(shop), *money_pandas_financial.run(shop)]
    return pd.concat(found, ignore_index=True)


@dataclass(frozen=True)
class Shop:
    """The files, and what is read and computed once of them; refunds are those known before `known_at` (None: all)."""

    files: dict[str, Path]
    known_at: datetime | None = None

    @cached_property
    def _people(self) -> pd.DataFrame:
        table = duckdb.read_parquet(str(self.files["customers"]))
        return table.project("customer_id, region, hash(customer_id) as hash").df()

    @cached_property
    def _who(self) -> pd.Index:
        return pd.Index(self._people["customer_id"])

    @cached_property
    def region(self) -> pd.Series:
        """The region of each customer."""
        return self._people["region"].fillna(UNKNOWN)

    @cached_property
    def hashes(self) -> np.ndarray:
        """By which customers are dealt into folds."""
        return self._people["hash"].to_numpy()

    @cached_property
    def levels(self) -> Levels:
        """The regions."""
        return Levels(self.region)

    def read(self, table: str, columns: str) -> pd.DataFrame:
        """The columns of a table, with the customer's place in the table of customers, -1 for none."""
        rows = duckdb.read_parquet(str(self.files[table])).project(f"customer_id, {columns}").df()
        rows.insert(0, "customer", self._who.get_indexer(rows.pop("customer_id")).astype(np.int32))
        return rows

    @cached_property
    def every_order(self) -> pd.DataFrame:
        """All orders in the order of time."""
        table = duckdb.read_parquet(str(self.files["orders"]))
        names = [name for (name,) in table.filter("category is not null").unique("category").fetchall()]
        category = f"category::enum({str(sorted(names))[1:-1]}) as category"
        status = "status::enum('paid', 'cancelled', 'refunded') as status"
        money = "amount::double as amount, refunded_amount::double as refunded_amount"
        return self.read("orders", f"ordered_at as at, {money}, refunded_at, {status}, {category}")

    @cached_property
    def before(self) -> "Shop":
        """The same shop as it was known as long after the year before as it is after the year."""
        earlier = replace(self, known_at=WINDOWS["comparison"].as_long_after(NOW))
        earlier.__dict__.update({name: getattr(self, name) for name in ("_people", "_who", "levels", "every_order")})
        return earlier

    def of(self, win: str) -> "Shop":
        """The shop in which a window is looked at."""
        return self.before if win == "comparison" else self

    @cached_property
    def orders(self) -> pd.DataFrame:
        """The orders that count: customer, at, category and net."""
        return counting(self.every_order, self.known_at)

    @cached_property
    def known(self) -> pd.DataFrame:
        """Those of them with a customer."""
        return self.orders[self.orders["customer"] >= 0].reset_index(drop=True)

    @cached_property
    def by_customer(self) -> pd.DataFrame:
        """The same, customer by customer, with `again` (whether the row before is the same customer's)."""
        rows = self.known.sort_values("customer", kind="stable", ignore_index=True)
        customer = rows["customer"].to_numpy()
        return rows.assign(again=np.append(False, customer[1:] == customer[:-1]))

    @cached_property
    def firsts(self) -> pd.DataFrame:
        """Every buyer's first order: customer, at."""
        rows = self.by_customer
        return rows.loc[~rows["again"], ["customer", "at"]].reset_index(drop=True)

    @cached_property
    def customers_at(self) -> dict[datetime, np.ndarray]:
        """Who is a customer where a window begins or ends."""
        edges = {edge for period in WINDOWS.values() for edge in (period.start, period.end)}
        spans = {t: Period("", t - DAYS, t) for t in edges}
        return {t: np.sort(within(self.known, span)["customer"].unique()) for t, span in spans.items()}


def counting(every: pd.DataFrame, known_at: datetime | None) -> pd.DataFrame:
    """The orders that brought something, with that (`net`), by the refunds known before a time (None: all of them)."""
    refunded = every["refunded_amount"].fillna(every["amount"].where(every["status"] == "refunded", 0.0))
    if known_at:
        refunded = refunded.where(~(every["refunded_at"] >= known_at), 0.0)
    net = (every["amount"] - refunded).round(4)
    counts = (every["status"] != "cancelled") & (net > 0)
    return every[["customer", "at", "category"]].assign(net=net)[counts].reset_index(drop=True)


def within(rows: pd.DataFrame, period: Period | Span) -> pd.DataFrame:
    """The rows of a period, of those in the order of time."""
    first, last = rows["at"].searchsorted([pd.Timestamp(period.start), pd.Timestamp(period.end)])
    return rows.iloc[first:last]


def retention(shop: Shop):
    """The figures of the family."""
    columns = ["customer", "at"]
    yield from metrics_pandas.retention(shop.known[columns], shop.region, shop.before.known[columns])
    yield _after_gap(shop)
    yield from _recurring(shop)
    yield _cross_sell(shop)
    yield _refunds(shop)
    yield _gaps(shop)
    first = _first_spells(shop)
    staying = groups("current", first, shop.levels, ["entry", "duration", "event"])
    yield inferred("survival_curve", staying)
    yield inferred("median_lifetime", staying)
    attributes = first.assign(**{"of region": shop.region.to_numpy()[first["customer"]]})
    yield inferred("churn_drivers", groups("current", attributes, None, ["of region", "entry", "duration", "event"]))
    yield _at_risk(shop)


def _after_gap(shop: Shop) -> pd.DataFrame:
    """Of who is a customer at both ends, those with an order in between that came too late to be one all the time."""
    found = []
    for win in ("current", "comparison"):
        period, rows, there = WINDOWS[win], shop.of(win).by_customer, shop.of(win).customers_at
        late = rows[rows["again"] & (rows["at"] - rows["at"].shift() > DAYS)]
        stayed = np.intersect1d(there[period.start], there[period.end])
        back = late.loc[(late["at"] >= period.start) & (late["at"] < period.end), "customer"]
        told = pd.DataFrame({"customer": stayed, "num": np.isin(stayed, back), "den": 1})
        found.append(sums(win, told, shop.levels))
    return ratios("retained_after_gap", found)


def _recurring(shop: Shop):
    plans = shop.read("subscriptions", "started_at, ended_at, monthly_amount::double as amount")
    edges = {edge for period in WINDOWS.values() for edge in (period.start, period.end)}
    paid = {}
    for t in edges:
        there = plans[(plans["started_at"] < t) & ~(plans["ended_at"] < t)]
        paid[t] = there.groupby("customer")["amount"].sum()
    gross, net = [], []
    for win, period in WINDOWS.items():
        start = paid[period.start]
        start = start[start > 0]
        later = paid[period.end].reindex(start.index, fill_value=0.0)
        rows = pd.DataFrame({"customer": start.index, "den": start.to_numpy(), "num": later.to_numpy(), "n": 1})
        net.append(sums(win, rows, shop.levels))
        kept = rows.assign(num=rows[["num", "den"]].min(axis=1), weight=rows["den"])
        gross.append(sums(win, kept, shop.levels))
    yield ratios("gross_revenue_retention", gross)
    yield ratios("net_revenue_retention", net)


def _cross_sell(shop: Shop) -> pd.DataFrame:
    found = []
    for win in ("current", "comparison"):
        period, known = WINDOWS[win], shop.of(win).known
        rows = known[known["category"].notna()]
        kinds = len(rows["category"].cat.categories)
        pair = rows["customer"].to_numpy(np.int64) * kinds + rows["category"].cat.codes.to_numpy()
        pairs = pd.DataFrame({"pair": pair, "at": rows["at"].to_numpy()})
        inside = (pairs["at"] >= period.start - pd.Timedelta(days=365)) & (pairs["at"] < period.start)
        had = pairs.loc[inside, "pair"].unique()
        bought = within(pairs, period)["pair"].unique()
        told = pd.DataFrame({"customer": bought // kinds, "num": ~np.isin(bought, had)})
        told = told[told["customer"].isin(np.unique(had // kinds))]
        found.append(sums(win, told.groupby("customer", as_index=False)["num"].max().assign(den=1), shop.levels))
    return ratios("cross_sell_rate", found)


def _refunds(shop: Shop) -> pd.DataFrame:
    every, window = shop.every_order, pd.Timedelta(days=30)
    sold = every[(every["status"] != "cancelled") & (every["at"] <= CUTOFF - window)]
    amount = sold["refunded_amount"]
    back = (amount > 0) | ((sold["status"] == "refunded") & amount.isna())
    back &= sold["refunded_at"].isna() | (sold["refunded_at"] <= sold["at"] + window)
    rows = pd.DataFrame({"customer": sold["customer"], "at": sold["at"], "num": back})
    found = [sums(win, by_customer(within(rows, period)), shop.levels) for win, period in WINDOWS.items()]
    return ratios("refund_rate", found)


def _gaps(shop: Shop) -> pd.DataFrame:
    dated = shop.by_customer[["customer", "at"]].assign(at=shop.by_customer["at"].dt.floor("D")).drop_duplicates()
    customer, at = (dated[name].to_numpy() for name in ("customer", "at"))
    again = np.append(False, customer[1:] == customer[:-1])
    m = np.bincount(customer) - 1
    once = m[customer] == 0
    end = np.datetime64(NOW.end)
    complete = pd.DataFrame({"customer": customer[again], "gap": (at[1:] - at[:-1])[again[1:]] // DAY, "complete": 1})
    waiting = pd.DataFrame({"customer": customer[once], "gap": (end - at[once]) // DAY - 1, "complete": 0})
    found = pd.concat([complete, waiting], ignore_index=True)
    who = shop.firsts["customer"].to_numpy()
    fold = np.zeros(len(m), dtype=np.int64)
    fold[who] = dealt(shop.hashes[who])
    found = found.assign(m=m[found["customer"]], fold=fold[found["customer"]])
    by = ["gap", "complete", "m", "fold"]
    return inferred("time_between_orders", groups("current", found, shop.levels, by, customers="customer"))


def _first_spells(shop: Shop) -> pd.DataFrame:
    """How long each customer's first spell lasted: customer, entry, duration, event."""
    rows = shop.by_customer[["customer", "at", "again"]]
    late = rows["again"] & (rows["at"] - rows["at"].shift() > DAYS)
    total = late.cumsum()
    before = total.where(~rows["again"]).ffill()
    last = rows[total == before].groupby("customer")["at"].max() + DAYS
    spells = shop.firsts.rename(columns={"at": "since"}).assign(until=last.to_numpy())
    over = spells["until"] < NOW.end
    until = spells["until"].where(over, NOW.end).dt.floor("D")
    duration = (until - spells["since"].dt.floor("D")).dt.days
    spells = spells.assign(entry=0, duration=duration, event=over.astype(int))
    return spells[spells["since"] >= FIRST + DAYS].reset_index(drop=True)


def _at_risk(shop: Shop) -> pd.DataFrame:
    rows = shop.by_customer
    day = rows["at"].to_numpy().astype("datetime64[D]").astype(np.int64)
    anew = ~rows["again"].to_numpy() | np.append(True, day[1:] != day[:-1])
    each = pd.DataFrame({"customer": rows["customer"], "day": day})[anew].groupby("customer")["day"]
    each = each.agg(["size", "min", "max"]).reset_index()
    last = rows.loc[~rows["again"].shift(-1, fill_value=False), "at"]  # of each customer, as they stand in a row
    end = int(np.datetime64(NOW.end, "D").astype(np.int64))
    told = pd.DataFrame(
        {
            "customer": each["customer"],
            "x": each["size"] - 1,
            "t_x": each["max"] - each["min"],
            "T": end - each["min"],
            "there": (last >= PERIOD.end - DAYS).astype(int).to_numpy(),
            "of region": shop.region.to_numpy()[each["customer"]],
            # Everybody is in the list of customers and joined after the data begin.
            "comparison": 0,
            "wait": 0,
        }
    )
    by = ["x", "t_x", "T", "there", "of region", "comparison", "wait"]
    return inferred("expected_churn", groups("current", told, shop.levels, by))
