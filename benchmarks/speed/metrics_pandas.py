"""The peer of the benchmark `metrics` in plain pandas: as a good analyst would write it.

Only the columns that are needed are read, customers become whole numbers as soon as a table is there, and what several
questions share is computed once. As in SQL, the interval of the change is left out.
"""

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from benchmarks.speed.metrics_data import PERIOD
from benchmarks.speed.metrics_figures import (
    KEYS,
    UNKNOWN,
    WINDOWS,
    counts,
    customers,
    figures,
    in_windows,
    squares_by_keys,
    triangle,
)

DAYS = pd.Timedelta(days=90)  # of inactivity, and of follow-up
ANSWERED_IN = pd.Timedelta("14D")  # that an invitation is followed for
NOW, BEFORE = WINDOWS["current"], WINDOWS["comparison"]


def run(files: dict[str, Path]) -> pd.DataFrame:
    """Every figure of both families."""
    people = duckdb.read_parquet(str(files["customers"])).project("customer_id, region").df()
    who = pd.Index(people["customer_id"])
    region = people["region"].fillna(UNKNOWN)
    counting = "customer_id is not null and (status = 'paid' or (status = 'refunded' and refunded_amount < amount))"
    satisfaction = [*_satisfaction(files, who, region)]
    orders = _read(files["orders"], "ordered_at as at", counting, who)
    return pd.concat([*satisfaction, *retention(orders, region)], ignore_index=True)


def _read(file: Path, columns: str, where: str, who: pd.Index) -> pd.DataFrame:
    """The rows of a table, with the customer's place in the table of customers, -1 for none."""
    rows = duckdb.read_parquet(str(file)).filter(where).project(f"customer_id, {columns}").df()
    rows.insert(0, "customer", who.get_indexer(rows.pop("customer_id")))
    return rows


def _two_years(time: str) -> str:
    return f"{time} >= '{BEFORE.start}' and {time} < '{NOW.end}'"


# --- satisfaction -----------------------------------------------------------------------------------------------------


def _satisfaction(files, who, region):
    answers = _read(
        files["survey_responses"],
        "survey as breakdown, responded_at as at, satisfied, recommend, effort",
        _two_years("responded_at"),
        who,
    )
    answers = _with_windows(answers)
    for metric, item, count in (
        ("csat", "satisfied", lambda x: x >= 4),
        ("csat_mean", "satisfied", lambda x: (x - 1) / 4 * 100),
        ("nps", "recommend", lambda x: (x >= 9).astype(int) - (x <= 6).astype(int)),
        ("ces", "effort", lambda x: x),
        ("ces_low_effort", "effort", lambda x: x < 4),
    ):
        valid = answers[answers[item].notna()]
        rows = valid[["customer", "win", "month", "breakdown"]].assign(num=count(valid[item]).astype(float))
        yield figures(metric, _by_row(rows, region))
    del answers, valid, rows
    times = "survey as breakdown, sent_at as at, reached_at, started_at, completed_at"
    asked = _with_windows(_read(files["survey_invitations"], times, _two_years("sent_at"), who))
    asked = asked[asked["at"] <= PERIOD.cutoff - ANSWERED_IN]
    yield figures("acceptance_rate", _by_row(_share_of(asked, "reached_at", "started_at"), region))
    yield figures("completion_rate", _by_row(_share_of(asked, "started_at", "completed_at"), region))
    of_reached = _share_of(asked, "reached_at", "completed_at")
    of_reached["breakdown"] += ", cooperation rate (COOP1)"
    both = pd.concat([_share_of(asked, "at", "completed_at"), of_reached], ignore_index=True)
    yield figures("response_rate", _by_row(both, region))
    reviews = _read(
        files["reviews"], "platform as breakdown, posted_at as at, rating, scale", _two_years("posted_at"), who
    )
    reviews = _with_windows(reviews).assign(num=lambda r: (r["rating"] - 1) / (r["scale"] - 1) * 100)
    yield figures("review_rating", _by_row(reviews, region))
    yield figures("review_volume", counts(_per_day(reviews, region), squares=_squares_of_counts(reviews, region)))


def _with_windows(rows: pd.DataFrame) -> pd.DataFrame:
    return rows.assign(
        win=np.where(rows["at"] >= PERIOD.start, "current", "comparison"),
        month=rows["at"].dt.month.where(rows["at"] >= PERIOD.start, 0),
    )


def _share_of(asked: pd.DataFrame, of: str, done: str) -> pd.DataFrame:
    base = asked[asked[of] <= asked["at"] + ANSWERED_IN]
    in_time = base[done] <= base["at"] + ANSWERED_IN
    return base[["customer", "win", "month", "breakdown"]].assign(num=in_time.astype(float))


def _by_row(rows: pd.DataFrame, region: pd.Series) -> pd.DataFrame:
    """The sums of rows (customer, win, month, breakdown, num), by customer first; without one each row stands alone."""
    rows = rows.assign(magnitude=rows["num"].abs(), den=1.0)
    alone = rows["customer"] < 0
    cluster = rows["customer"].where(~alone, -1 - np.arange(len(rows)))
    rows = rows.assign(cluster=cluster)
    columns = ["num", "den", "magnitude"]
    year = rows.groupby(["breakdown", "win", "cluster"], as_index=False, observed=True)[columns].sum()
    year["level"] = np.where(year["cluster"] < 0, UNKNOWN, region.to_numpy()[year["cluster"].clip(lower=0)])
    month = rows[rows["month"] > 0].groupby(["breakdown", "month", "cluster"], as_index=False, observed=True)
    month = month[columns].sum()
    month["win"] = month.pop("month").map(lambda m: f"{PERIOD.start.year}-{m:02d}")
    found = [
        _squares(year.assign(segment="", level="")),
        _squares(year.assign(segment="region")),
        _squares(month.assign(segment="", level="")),
    ]
    return pd.concat(found, ignore_index=True)


def _squares(clusters: pd.DataFrame) -> pd.DataFrame:
    num, den = clusters["num"], clusters["den"]
    clusters = clusters.assign(n=den, clusters=1.0, nn=num * num, nd=num * den, dd=den * den)
    sums = ["num", "den", "n", "clusters", "nn", "nd", "dd", "magnitude"]
    return clusters.groupby(KEYS, as_index=False)[sums].sum()


def _per_day(rows: pd.DataFrame, region: pd.Series) -> pd.DataFrame:
    level = np.where(rows["customer"] < 0, UNKNOWN, region.to_numpy()[rows["customer"].clip(lower=0)])
    days = rows.assign(level=level, seen=rows["at"].dt.floor("D")).groupby(["breakdown", "level", "seen"]).size()
    return in_windows(days.rename("num").reset_index())


def _squares_of_counts(rows: pd.DataFrame, region: pd.Series) -> pd.Series:
    """The squares of the customers' counts in each window; a row without a customer counts as one's own."""
    level = np.where(rows["customer"] < 0, UNKNOWN, region.to_numpy()[rows["customer"].clip(lower=0)])
    known = rows["customer"].where(rows["customer"] >= 0, -1 - np.arange(len(rows)))
    rows, squares = rows.assign(level=level, who=known), {}
    for win, period in WINDOWS.items():
        inside = rows[(rows["at"] >= period.start) & (rows["at"] < period.end)]
        by_customer = inside.groupby(["breakdown", "level", "who"]).size() ** 2.0
        squares[win] = by_customer.groupby(["breakdown", "level"]).sum().rename("squares").reset_index()
    return squares_by_keys(squares)


# --- retention --------------------------------------------------------------------------------------------------------


def retention(orders: pd.DataFrame, region: pd.Series, before: pd.DataFrame | None = None):
    """The figures that need nothing but when (`at`) which `customer` ordered.

    before: the orders as they were known as long after the year before, where that is something else.
    """
    known = dict.fromkeys(WINDOWS, orders) | ({} if before is None else {"comparison": before})
    at = {}
    for win, period in WINDOWS.items():
        at[win] = tuple(_customers_at(known[win], t) for t in (period.start, period.end))
    first = {id(each): each.groupby("customer")["at"].min() for each in known.values()}
    first = {win: first[id(each)] for win, each in known.items()}

    kept, both = [], []
    for win in WINDOWS:
        start, end = at[win]
        stays = np.isin(start, end, assume_unique=True)
        kept.append(_levels(win, pd.DataFrame({"customer": start, "num": stays, "den": 1}), region))
        either = pd.DataFrame({"customer": np.union1d(start, end), "n": 1})
        either["num"], either["den"] = np.isin(either["customer"], end), np.isin(either["customer"], start)
        both.append(_levels(win, either, region))
    kept, both = pd.concat(kept, ignore_index=True), pd.concat(both, ignore_index=True)
    yield figures("retention_rate", customers(kept))
    lost = customers(kept.assign(num=kept["den"] - kept["num"]))
    yield figures("churn_rate", lost)
    yield figures("churn_rate_annualised", lost[lost["win"].isin(["current", "comparison"])])  # of a year alone
    yield figures("customer_base_growth", both.assign(clusters=both["n"]))
    yield figures("new_customers", _won(known, first, at, kept, region))
    yield from _purchases(known, region)
    yield figures("second_purchase_rate", _second(known, first, region))
    yield figures("cohort_retention", _cohorts(known, first, region))


def _customers_at(orders: pd.DataFrame, t) -> np.ndarray:
    return np.sort(orders["customer"][(orders["at"] >= t - DAYS) & (orders["at"] < t)].unique())


def _levels(win: str, rows: pd.DataFrame, region: pd.Series, breakdown: str = "breakdown") -> pd.DataFrame:
    """Sums of rows (customer, figures, perhaps a breakdown) of a window, whole and (of the years) per region."""
    if breakdown not in rows:
        rows = rows.assign(breakdown="")
    rows = rows.assign(level=region.to_numpy()[rows["customer"]]).drop(columns="customer")
    by_level = rows.groupby(["breakdown", "level"], as_index=False).sum()
    whole = by_level.drop(columns="level").groupby("breakdown", as_index=False).sum().assign(segment="", level="")
    parts = [whole, by_level.assign(segment="region")] if win in ("current", "comparison") else [whole]
    return pd.concat(parts, ignore_index=True).assign(win=win)


def _won(known, first, at, kept, region) -> pd.DataFrame:
    won = counts(_firsts_per_day(first, region))
    per_100 = won.assign(breakdown="per 100 at start")
    exposure = kept.assign(breakdown="per 100 at start").set_index(KEYS)["den"] / 100
    per_100["den"] = per_100.set_index(KEYS).index.map(exposure)
    back = []
    for win, period in WINDOWS.items():
        orders, (start, end) = known[win], at[win]
        inside = orders[(orders["at"] >= period.start) & (orders["at"] < period.end)]
        seen = inside.groupby("customer")["at"].min()
        wins = np.isin(seen.index, end) & ~np.isin(seen.index, start)
        wins &= (first[win].loc[seen.index] < period.start).to_numpy()
        seen = seen[wins]
        rows = pd.DataFrame({"day": (seen - period.start).dt.days.to_numpy(), "level": region.to_numpy()[seen.index]})
        rows = rows.groupby(["level", "day"]).size().rename("num").reset_index()
        back.append(rows.assign(win=win, segment="", level=""))
        if win in ("current", "comparison"):
            none = pd.DataFrame({"day": 0, "level": sorted({*region} - {UNKNOWN}), "num": 0})  # nobody is 0
            back.append(pd.concat([rows, none]).assign(win=win, segment="region"))
    back = pd.concat(back, ignore_index=True).assign(breakdown="reactivated")
    return pd.concat([won, per_100, counts(back)], ignore_index=True)


def _firsts_per_day(first: dict[str, pd.Series], region: pd.Series) -> pd.DataFrame:
    """First orders per day in each window, as it knows them."""
    found = []
    for win in ("current", "comparison"):
        of = first[win]
        days = _per_day(pd.DataFrame({"customer": of.index, "at": of.to_numpy(), "breakdown": ""}), region)
        found.append(days[(days["win"] == "comparison") == (win == "comparison")])
    return pd.concat(found, ignore_index=True)


def _purchases(known: dict[str, pd.DataFrame], region: pd.Series):
    found = []
    for win, period in WINDOWS.items():
        orders = known[win]
        inside = orders[(orders["at"] >= period.start) & (orders["at"] < period.end)]
        n = _purchase_days(inside)
        rows = pd.DataFrame({"customer": n.index, "repeated": n.to_numpy() >= 2, "num": n.to_numpy(), "den": 1})
        found.append(_levels(win, rows.assign(nn=rows["num"] ** 2), region))
    sums = pd.concat(found, ignore_index=True)
    yield figures("repeat_purchase_rate", customers(sums.assign(num=sums["repeated"])))
    yield figures("purchase_frequency", customers(sums).assign(nn=sums["nn"], nd=sums["num"]))


def _purchase_days(orders: pd.DataFrame) -> pd.Series:
    """On how many days each customer ordered."""
    day = orders["at"].to_numpy().astype("datetime64[D]").astype(np.int64)
    dated = pd.DataFrame({"customer": orders["customer"].to_numpy(), "day": day}).drop_duplicates()
    return dated["customer"].value_counts(sort=False)


def _second(known: dict[str, pd.DataFrame], firsts: dict[str, pd.Series], region: pd.Series) -> pd.DataFrame:
    found = []
    for win, period in WINDOWS.items():
        orders, first = known[win], firsts[win]
        new = first[(first >= period.start) & (first < period.end) & (first <= period.end - DAYS)]
        if new.empty:
            continue
        inside = orders[(orders["at"] >= period.start) & (orders["at"] <= period.end)]
        inside = inside[inside["customer"].isin(new.index)]
        followed = inside[inside["at"] <= inside["customer"].map(new) + DAYS]
        n = _purchase_days(followed)
        rows = pd.DataFrame({"customer": n.index, "num": n.to_numpy() >= 2, "den": 1})
        found.append(_levels(win, rows, region))
    return customers(pd.concat(found, ignore_index=True))


def _cohorts(known: dict[str, pd.DataFrame], firsts: dict[str, pd.Series], region: pd.Series) -> pd.DataFrame:
    sizes, cells = [], []
    for win in ("current", "comparison"):
        period, orders, first = WINDOWS[win], known[win], firsts[win]
        joined = first[(first >= period.start) & (first < period.end)]
        cohort = joined.dt.month
        year = period.start.year
        named = pd.DataFrame(
            {"customer": joined.index, "breakdown": cohort.map(lambda m, y=year: f"{y}-{m:02d}"), "den": 1}
        )
        sizes.append(_levels(win, named, region))
        inside = orders[(orders["at"] >= period.start) & (orders["at"] < period.end)]
        inside = inside[inside["customer"].isin(joined.index)]
        active = pd.DataFrame({"customer": inside["customer"], "month": inside["at"].dt.month}).drop_duplicates()
        began = active["customer"].map(cohort)
        names = pd.DataFrame({"cohort": began, "age": active["month"] - began})
        pairs = names.drop_duplicates()
        labels = {(c, a): f"{year}-{c:02d} +{a}" for c, a in pairs.itertuples(index=False)}
        breakdown = [labels[pair] for pair in zip(names["cohort"], names["age"], strict=True)]
        rows = pd.DataFrame({"customer": active["customer"].to_numpy(), "breakdown": breakdown, "num": 1.0})
        cells.append(_levels(win, rows, region))
    return customers(triangle(pd.concat(sizes, ignore_index=True), pd.concat(cells, ignore_index=True)))
