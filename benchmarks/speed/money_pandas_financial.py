"""The financial figures of the benchmark `money` in plain pandas (see `money_pandas`)."""

import duckdb
import numpy as np
import pandas as pd

from benchmarks.speed.metrics_figures import WINDOWS
from benchmarks.speed.money_data import CUTOFF, FIRST, client
from benchmarks.speed.money_figures import COMPARED, dealt, groups, inferred, ratios, sums
from benchmarks.speed.money_pandas import NOW, Shop, within
from crmnb.core.period import Period
from crmnb.stats.estimation import GroupedCounts

WORTH = client().worth
RATE = WORTH.margin_rate or 0.0
_MINUTE = np.timedelta64(1, "m")
_MONTH_OF_AGE = 1440 * 30.4375  # minutes
_EPOCH = np.datetime64("1970-01-01", "D")


def run(shop: Shop):
    """The figures of the family."""
    yield inferred("revenue_reconciliation", groups("current", within(shop.orders, NOW)[["net"]]))
    spent = _by_customer(shop)
    yield ratios(
        "revenue_per_customer", [sums(w, s.assign(num=s["net"], den=1), shop.levels) for w, s in spent.items()]
    )
    revenue = {win: each[["customer"]].assign(revenue=each["net"]) for win, each in spent.items()}
    yield inferred("revenue_concentration", [g for w, each in revenue.items() for g in groups(w, each, shop.levels)])
    yield _historic(shop)
    histories = _histories(shop)
    yield inferred("predicted_clv", histories)
    yield inferred("residual_clv", histories)
    kept = {win: _kept(shop.of(win), period) for win, period in WINDOWS.items()}
    yield _simple(shop, spent, kept)
    yield inferred("clv_backtest", histories)
    costs = (
        duckdb.read_parquet(str(shop.files["costs"]))
        .project("month, category, programme, amount::double as amount")
        .df()
    )
    won = {win: _winning(shop.of(win), costs, period) for win, period in WINDOWS.items()}
    yield inferred("customer_acquisition_cost", [g for win, each in won.items() for g in groups(win, each)])
    yield inferred("clv_to_cac", [*histories, *groups("current", won["current"], breakdown="spent")])
    yield _payback(shop, won)
    yield _returns(costs)
    yield from _profitable(shop, spent, kept)


def _by_customer(shop: Shop) -> dict[str, pd.DataFrame]:
    """Of each window who bought in it, what for (`net`), and how many orders."""
    found = {}
    for win, period in WINDOWS.items():
        each = within(shop.of(win).known, period).groupby("customer")["net"].agg(["sum", "size"]).reset_index()
        found[win] = each.set_axis(["customer", "net", "orders"], axis=1)
    return found


def _historic(shop: Shop) -> pd.DataFrame:
    rows = shop.by_customer
    first = rows["at"].where(~rows["again"]).ffill()
    years = (rows["at"] - first) // _MINUTE / (1440 * 365.25)
    then = RATE * rows["net"] * (1 + WORTH.discount_rate) ** -years
    each = then.groupby(rows["customer"]).sum().rename("num").reset_index().assign(den=1)
    return ratios("historical_clv", [sums("current", each, shop.levels)])


def _kept(shop: Shop, period: Period) -> pd.DataFrame:
    """The customers at the start, and whether each is one at the end."""
    start, end = shop.customers_at[period.start], shop.customers_at[period.end]
    return pd.DataFrame({"customer": start, "kept": np.isin(start, end, assume_unique=True)})


# --- what they are worth ----------------------------------------------------------------------------------------------


def _histories(shop: Shop) -> list[GroupedCounts]:
    """What the models are fitted to, and tested on; a day's orders are one purchase."""
    rows = shop.by_customer
    day = (rows["at"].to_numpy().astype("datetime64[D]") - _EPOCH).astype(np.int64)
    anew = ~rows["again"].to_numpy() | np.append(True, day[1:] != day[:-1])
    margin = np.add.reduceat(RATE * rows["net"].to_numpy(), np.flatnonzero(anew))
    days = pd.DataFrame({"customer": rows["customer"].to_numpy()[anew], "day": day[anew], "margin": margin})
    days["again"] = days["customer"].eq(days["customer"].shift())
    days["first"] = days["day"].where(~days["again"]).ffill().astype(np.int64)
    starts, begins, ends = (int((np.datetime64(t, "D") - _EPOCH).astype(np.int64)) for t in (FIRST, NOW.start, NOW.end))
    now = _history(days, ends)
    now["there"] = np.isin(now["customer"], shop.customers_at[NOW.end]).astype(int)
    # Everybody is in the list of customers and joined after the data begin: nobody is older than they are.
    older = {"comparison": 0, "wait": 0}
    customer = now["customer"].to_numpy()
    now = now.assign(times=1.0, new=(now["T"] < 365).astype(int), fold=dealt(shop.hashes[customer]), **older)
    now["of region"] = shop.region.to_numpy()[customer]
    known = days[days["first"] < begins]
    repeated = known[known["again"]]
    inside = repeated["day"] >= begins
    recent = ~inside & (repeated["day"] >= 2 * begins - ends)
    held = _history(known, begins).set_index("customer")
    for name, chosen in (("later", inside), ("recent", recent)):
        held[name] = repeated.loc[chosen, "customer"].value_counts(sort=False).reindex(held.index, fill_value=0)
    held = held.reset_index().assign(ahead=ends - begins, behind=begins - starts, **older)
    weeks = repeated.groupby(["customer", ((repeated["day"] - starts) // 7).rename("T")]).size()
    weeks = weeks.rename("later").reset_index()
    weeks["t_x"] = weeks.groupby("customer")["T"].diff()
    return [
        *groups("current", now, shop.levels),
        *groups("current", held, breakdown="holdout"),
        *groups("current", weeks, None, ["T", "t_x", "later"], breakdown="tracked"),
    ]


def _history(days: pd.DataFrame, end: int) -> pd.DataFrame:
    """x, t_x, T, spend, again and margin of each customer, as known when a day begins."""
    seen = days[days["day"] < end]
    again = seen[seen["again"]].groupby("customer")["margin"].first()
    first = seen[~seen["again"]]
    told = seen.groupby("customer").agg(x=("again", "sum"), last=("day", "max"), all=("margin", "sum"))
    margin, began = first["margin"].to_numpy(), first["day"].to_numpy()
    told = told.assign(t_x=told["last"] - began, T=end - 1 - began, margin=margin)
    told["spend"] = (told["all"] - margin).where(told["x"] > 0, 0.0).round(4)
    told["again"] = again.reindex(told.index, fill_value=0.0).round(4)
    return told.drop(columns=["last", "all"]).reset_index()


def _simple(shop: Shop, spent: dict[str, pd.DataFrame], kept: dict[str, pd.DataFrame]) -> pd.DataFrame:
    found = []
    for win in COMPARED:
        bought = spent[win].assign(margin=RATE * spent[win]["net"], buyers=1)
        there = kept[win].assign(start=1, lost=~kept[win]["kept"])
        figures = ["orders", "margin", "buyers", "start", "lost"]
        rows = pd.concat([bought, there]).reindex(columns=["customer", *figures]).fillna(0.0)
        found += groups(win, rows.astype({"customer": np.int64}), shop.levels)
    return inferred("simple_clv", found)


# --- what winning them costs ------------------------------------------------------------------------------------------


def _winning(shop: Shop, costs: pd.DataFrame, period: Period) -> pd.DataFrame:
    """New customers and what was spent on it, by month; a row without one says from when to when there are costs."""
    firsts = shop.firsts["at"]
    won = firsts[(firsts >= period.start) & (firsts < period.end)]
    inside = (costs["category"] == "acquisition") & (costs["month"] >= period.start) & (costs["month"] < period.end)
    spent = costs[inside].groupby("month")["amount"].sum()
    rows = pd.DataFrame({"amount": spent, "won": won.dt.to_period("M").dt.to_timestamp().value_counts()})
    months = costs["month"].dt.year * 12 + costs["month"].dt.month - 1
    covered = pd.DataFrame({"won": [0.0], "amount": [0.0], "costs_from": [months.min()], "costs_to": [months.max()]})
    return pd.concat([rows.fillna(0.0).rename_axis("month").reset_index(), covered], ignore_index=True)


def _payback(shop: Shop, won: dict[str, pd.DataFrame]) -> pd.DataFrame:
    found = []
    for win in COMPARED:
        period, rows, firsts = WINDOWS[win], shop.of(win).by_customer, shop.of(win).firsts
        first_of = pd.Series(firsts["at"].to_numpy(), firsts["customer"])
        first = first_of[(first_of >= period.start) & (first_of < period.end)]
        people = pd.DataFrame({"customer": first.index, "first": first.to_numpy()})
        people["followed"] = (CUTOFF - people["first"]) // _MINUTE // _MONTH_OF_AGE
        people["fold"] = dealt(shop.hashes[first.index])
        paid = rows[["customer", "at", "net"]].merge(people, on="customer")
        paid["age"] = (paid["at"] - paid["first"]) // _MINUTE // _MONTH_OF_AGE
        paid["margin"] = RATE * paid["net"]
        by_age = paid.groupby(["followed", "age", "fold"], as_index=False)["margin"].sum().assign(n=1.0)
        counts = pd.concat([people[["followed", "fold"]].assign(n=1.0), by_age], ignore_index=True)
        found.append(GroupedCounts(win, "followed", "", "", counts, float(len(people))))
        found += groups(win, won[win], breakdown="spent")
    return inferred("cac_payback_period", found)


def _returns(costs: pd.DataFrame) -> pd.DataFrame:
    spent = costs[(costs["month"] < NOW.end) & costs["programme"].notna()]
    each = spent.groupby("programme")
    return inferred("return_on_investment", [g for name, own in each for g in groups("current", own, breakdown=name)])


# --- who pays ---------------------------------------------------------------------------------------------------------


def _profitable(shop: Shop, spent: dict[str, pd.DataFrame], kept: dict[str, pd.DataFrame]):
    retained, gained = [], []
    for win, period in WINDOWS.items():
        before = Period("", period.start - pd.Timedelta(days=365), period.start)
        brought = RATE * within(shop.of(win).known, before).groupby("customer")["net"].sum()
        enough = brought.index[brought.round(4) >= WORTH.profitable_margin]
        there = kept[win][kept[win]["customer"].isin(enough)]
        retained.append(sums(win, there.assign(num=there["kept"], den=1), shop.levels))
    yield ratios("profitable_customer_retention", retained)
    for win in COMPARED:
        brought = RATE * spent[win]["net"]
        enough = spent[win].loc[brought.round(4) >= WORTH.profitable_margin, "customer"]
        firsts = shop.of(win).firsts
        won = firsts[(firsts["at"] >= WINDOWS[win].start) & (firsts["at"] < WINDOWS[win].end)]
        gained.append(sums(win, won.assign(num=won["customer"].isin(enough), den=1), shop.levels))
    yield ratios("profitable_new_customers", gained)
