"""The peer of the benchmark `service` in plain pandas: the family operations."""

from collections.abc import Iterator

import duckdb
import numpy as np
import pandas as pd

from benchmarks.speed.metrics_figures import UNKNOWN, WINDOWS, counts, figures, in_windows
from benchmarks.speed.money_figures import COMPARED, groups, inferred
from benchmarks.speed.money_pandas import within
from benchmarks.speed.service_data import client
from benchmarks.speed.service_pandas import NOW, UNTIL, Desk, count_sums, counted, shares
from benchmarks.speed.service_pandas_tickets import DAY
from crmnb.core.period import Period
from crmnb.stats.estimation import GroupedCounts

_KINDS = {
    "letters_sent": "letter",
    "brochures_sent": "brochure",
    "seminar_attendance": "seminar",
    "profile_creation": "profile",
    "calls_made": "call",
    "visits_made": "visit",
    "samples_sent": "sample",
}


def run(desk: Desk) -> list[pd.DataFrame]:
    """Every figure of the family."""
    leads = _leads(desk)
    activities = desk.read("activities", "seller, kind, happened_at as at, next_step_at")
    return [
        *_processes(desk, leads),
        *_activities(desk, activities),
        *_outputs(desk, leads),
        _seller_gap(activities, leads),
        _training(desk),
    ]


def _leads(desk: Desk) -> pd.DataFrame:
    """All leads, in the order of their creation (`at`)."""
    columns = "created_at as at, seller, proposed_at, won_at, lost_at"
    return duckdb.read_parquet(str(desk.files["leads"])).project(columns).df().assign(customer=-1)


# ---- Processes ----------------------------------------------------------------------------------------------------------


def _processes(desk: Desk, leads: pd.DataFrame) -> Iterator[pd.DataFrame]:
    days = (leads["won_at"].dt.floor("D") - leads["at"].dt.floor("D")).dt.days
    won = leads.assign(quantity=days)[(leads["at"] <= UNTIL - 90 * DAY) & (days <= 90)]
    cycle = [
        group
        for win in COMPARED
        for group in groups(win, within(won, WINDOWS[win]), None, ["quantity"], customers="customer")
    ]
    for group in cycle:
        group.counts["squares"] = group.counts["units"] = group.counts["n"]
    yield inferred("sales_cycle_length", cycle, client())
    due = desk.tickets[["customer", "sla_due_at", "solved_at", "ended_at"]].rename(columns={"sla_due_at": "at"})
    due = due[due["solved_at"].notna() | due["ended_at"].isna()]
    due = due[["customer", "at"]].assign(num=due["solved_at"] <= due["at"])
    yield shares("sla_compliance_rate", due.sort_values("at", ignore_index=True), desk.levels)
    runs = duckdb.read_parquet(str(desk.files["process_runs"])).project(
        "process, started_at as at, automated, exception is null as plain"
    )
    runs = runs.df()
    runs = runs.assign(met=(runs["automated"] & runs["plain"]).astype(int), customer=-1)
    windows = {win: within(runs, period) for win, period in WINDOWS.items()}
    units = [
        groups(win, rows.rename(columns={"process": "unit"}), None, ["unit", "met"], customers="customer")
        for win, rows in windows.items()
    ]
    yield inferred("process_automation_rate", [group for (group,) in units], client())
    yield inferred("automated_processes", [_automated(win, rows) for win, rows in windows.items()], client())
    yield _cost_to_serve(desk)


def _automated(win: str, runs: pd.DataFrame) -> GroupedCounts:
    automated = runs.groupby("process")["met"].mean() * 100 >= 90
    counts_ = pd.DataFrame(
        {"met": [float(automated.sum())], "size": [float(len(automated))], "n": [float(len(automated))]}
    )
    return GroupedCounts(win, "", "", "", counts_, float(len(automated)))


def _cost_to_serve(desk: Desk) -> pd.DataFrame:
    costs = duckdb.read_parquet(str(desk.files["costs"])).project("month, category, amount::double as amount").df()
    month = _month(costs["month"])
    costs = costs.assign(month=month, costs_from=month.min(), costs_to=month.max())[costs["category"] == "service"]
    found = []
    for win, period in WINDOWS.items():
        spent = costs[(costs["month"] >= _number(period.start)) & (costs["month"] < _number(period.end))]
        opened = within(desk.tickets[["at"]], period)
        by_month = opened.groupby(_month(opened["at"])).size().astype(float)
        customers = float(len(desk.of(win).customers_at[period.start]))
        units = {
            "per customer": pd.DataFrame({"month": [np.nan], "units": [customers]}),
            "per ticket": by_month.rename("units").rename_axis("month").reset_index(),
        }
        for breakdown, of in units.items():
            rows = pd.concat(
                [spent.drop(columns="category").assign(units=0.0, n=1.0), of.assign(amount=0.0, n=of["units"])]
            )
            found.append(GroupedCounts(win, breakdown, "", "", rows.reset_index(drop=True), float(rows["n"].sum())))
    return inferred("cost_to_serve", found, client())


def _month(times: pd.Series) -> pd.Series:
    return times.dt.year * 12 + times.dt.month - 1


def _number(day) -> int:
    return day.year * 12 + day.month - 1


# ---- Activities and outputs ---------------------------------------------------------------------------------------------


def _activities(desk: Desk, activities: pd.DataFrame) -> Iterator[pd.DataFrame]:
    sellers = {win: float(within(activities, period)["seller"].nunique()) for win, period in WINDOWS.items()}
    for name, kind in _KINDS.items():
        rows = activities.loc[activities["kind"] == kind, ["customer", "at"]]
        whole = count_sums(rows, desk.levels)
        yield figures(name, pd.concat([whole, _per_seller(whole, sellers)]))
    followed = activities[activities["at"] <= UNTIL - 30 * DAY]
    led_on = followed["next_step_at"] - followed["at"] < 30 * DAY + pd.Timedelta(minutes=1)
    followed = followed.assign(met=led_on.astype(int), unit=followed["seller"])
    by_kind = dict(list(followed.groupby("kind")))
    yield inferred(
        "next_step_rate",
        [
            group
            for kind, rows in by_kind.items()
            for win, period in WINDOWS.items()
            for group in groups(win, within(rows, period), desk.levels, ["unit", "met"], kind, "customer")
            if group.n
        ],
        client(),
    )


def _per_seller(whole: pd.DataFrame, sellers: dict[str, float]) -> pd.DataFrame:
    """The same per seller: of regions, only what names no customer, as sellers have no region."""
    rows = whole[(whole["segment"] == "") | (whole["level"] == UNKNOWN)]
    return rows.assign(breakdown="per seller", den=rows["win"].map(sellers))


def _outputs(desk: Desk, leads: pd.DataFrame) -> Iterator[pd.DataFrame]:
    joined = desk.read("customers", "joined_at as at, referred_by")
    yield counted("referrals", joined.loc[joined["referred_by"].notna(), ["customer", "at"]], desk.levels)
    over = leads["won_at"].fillna(leads["lost_at"])
    at_work = {
        win: float(leads.loc[(leads["at"] < period.end) & ~(over < period.start), "seller"].nunique())
        for win, period in WINDOWS.items()
    }
    for name, time in (("proposals_made", "proposed_at"), ("proposals_won", "won_at")):
        rows = leads[leads["proposed_at"].notna() & (leads[time] < UNTIL)]
        whole = _days(rows[time])
        yield figures(name, pd.concat([whole, _per_seller(whole, at_work)]))
    now, before = (count_sums(shop.orders[["customer", "at"]], desk.levels) for shop in (desk, desk.before))
    yield figures("orders_won", pd.concat([now[now["win"] != "comparison"], before[before["win"] == "comparison"]]))
    solved = desk.tickets[["customer", "solved_at"]]
    solved = solved[solved["solved_at"] < UNTIL].rename(columns={"solved_at": "at"})
    yield counted("problems_solved", solved.sort_values("at", ignore_index=True), desk.levels)


def _days(at: pd.Series) -> pd.DataFrame:
    """The sums of a count of what names no customer."""
    days = at.dt.floor("D").value_counts().rename_axis("seen").rename("num").reset_index()
    found = in_windows(days.assign(breakdown="", level=""))
    return counts(found[found["segment"] == ""])


# ---- Sellers ------------------------------------------------------------------------------------------------------------


def _seller_gap(activities: pd.DataFrame, leads: pd.DataFrame) -> pd.DataFrame:
    won, lost = (leads[name].where(leads[name] < UNTIL) for name in ("won_at", "lost_at"))
    decided = leads[["seller"]].assign(at=won.fillna(lost), won=won.notna())
    decided = decided[decided["at"].notna()].sort_values("at")
    before = within(decided, _previous(NOW)).groupby("seller")["won"].sum()
    done = within(activities, NOW)
    ranked = before[before.index.isin(done["seller"])]
    times = done.groupby(["kind", "seller"]).size().unstack(fill_value=0)
    practices = {kind: row.reindex(ranked.index, fill_value=0) for kind, row in times.iterrows()}
    followed = done[done["at"] <= UNTIL - 30 * DAY]
    led_on = followed["next_step_at"] - followed["at"] < 30 * DAY + pd.Timedelta(minutes=1)
    practices["next-step rate"] = 100 * led_on.groupby(followed["seller"]).mean()
    now = within(decided, NOW)
    practices["win rate"] = 100 * now.groupby("seller")["won"].mean()
    found = []
    for name, quantity in practices.items():
        own = quantity[quantity.index.isin(ranked.index)]
        rows = pd.DataFrame(
            {"seller": own.index, "won_before": ranked[own.index].to_numpy(), "quantity": own.to_numpy(float), "n": 1.0}
        )
        found.append(GroupedCounts("current", name, "", "", rows, float(len(rows))))
    return inferred("seller_gap", found, client())


def _previous(period: Period) -> Period:
    return Period("", period.start.replace(year=period.start.year - 1), period.start)


def _training(desk: Desk) -> pd.DataFrame:
    teams = duckdb.read_parquet(str(desk.files["teams"])).filter("trained is not null").df()
    sums = {"met": [float(teams["trained"].sum())], "size": [float(teams["headcount"].sum())], "n": [float(len(teams))]}
    return inferred(
        "training_coverage", [GroupedCounts("current", "", "", "", pd.DataFrame(sums), float(len(teams)))], client()
    )
