"""The peer of the benchmark `engagement` in plain pandas: as a good analyst would write it.

Only the columns that are needed are read, people become whole numbers and what happened in time true or false as soon as a table is there, and
what several questions share is computed once. As in the other benchmarks, the interval of the change is left out. Folds of customers are
dealt by the same hash as the suite's.
"""

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd

from benchmarks.speed.engagement_data import CUTOFF
from benchmarks.speed.metrics_figures import UNKNOWN, WINDOWS, figures
from benchmarks.speed.money_figures import COMPARED, dealt, inferred, ratios, sums
from benchmarks.speed.money_pandas import Shop, within
from crmnb.stats.estimation import GroupedCounts

_FOLLOWED = pd.Timedelta(days=7)
_FOLDS = 1000


def run(files: dict[str, Path]) -> pd.DataFrame:
    """Every figure of the metrics of e-mails and of the web site."""
    mail = Mail(files)
    found = [*_rates(mail), _lift(mail)]
    del mail
    return pd.concat([*found, *_website(Site(files))], ignore_index=True)


# ---- E-mails ------------------------------------------------------------------------------------------------------------


class Mail(Shop):
    """The e-mails."""

    @cached_property
    def sent(self) -> pd.DataFrame:
        """Those followed for a week of which it is known whether they arrived: customer, at, and what became of them."""
        times = "opened_at, clicked_at, unsubscribed_at"
        rows = self.read(
            "sends",
            f"channel = 'e-mail' as mail, sent_at as at, delivered, {times}, machine_open, personalised, experiment",
        )
        rows = rows[rows["mail"] & rows["delivered"].notna() & (rows["at"] <= CUTOFF - _FOLLOWED)]
        in_time = {name: rows[f"{name}_at"] - rows["at"] <= _FOLLOWED for name in ("opened", "clicked", "unsubscribed")}
        out = rows[["customer", "at", "personalised"]].assign(**in_time)
        out["opened"] |= out["clicked"]
        out["delivered"], out["machine"] = (
            rows["delivered"].astype(bool),
            rows["machine_open"].fillna(False).astype(bool),
        )
        return out.assign(experiment=rows["experiment"].astype("category")).reset_index(drop=True)


def _rates(mail: Mail) -> Iterator[pd.DataFrame]:
    sent = mail.sent
    arrived = sent[sent["delivered"]]
    seen = arrived[~arrived["machine"]]
    opened = seen[seen["opened"]]
    levels = mail.levels
    yield ratios("delivery_rate", _share(sent, "delivered", levels))
    yield ratios("open_rate", _share(seen, "opened", levels))
    yield ratios("machine_open_rate", _share(arrived, "machine", levels))
    yield ratios("click_rate", _share(arrived, "clicked", levels))
    yield ratios("click_to_open_rate", _share(opened, "clicked", levels))
    yield ratios("unsubscribe_rate", _share(arrived, "unsubscribed", levels))
    months = [
        found
        for number, name in enumerate(_MONTHS, 1)
        for found in _share(
            arrived[arrived["at"].dt.month == number], "clicked", levels, f"{number:02} {name}", COMPARED
        )
    ]
    yield ratios("click_rate_by_month", months)
    by_person = arrived.assign(person=~arrived["machine"])
    steps = [
        (sent, "delivered", "1 sent to delivered"),
        (by_person, "person", "2 delivered to not opened by a machine"),
    ]
    steps += [(seen, "opened", "3 not opened by a machine to opened"), (opened, "clicked", "4 opened to clicked")]
    yield ratios(
        "email_funnel", [found for rows, what, step in steps for found in _share(rows, what, levels, step, COMPARED)]
    )


_MONTHS = [pd.Timestamp(2025, month, 1).month_name() for month in range(1, 13)]


def _share(rows: pd.DataFrame, what: str, levels, breakdown: str = "", windows=WINDOWS) -> Iterator[list[dict]]:
    """The statistics of a share in the windows, by customer."""
    for win in windows:
        inside = within(rows, WINDOWS[win])
        if len(inside):
            yield sums(win, _by_person(inside["customer"].to_numpy(), inside[what].to_numpy()), levels, breakdown)


def _by_person(who: np.ndarray, met: np.ndarray) -> pd.DataFrame:
    """How many of each person's rows there are (den), and are met (num)."""
    den, num = np.bincount(who), np.bincount(who, met)
    seen = np.flatnonzero(den)
    return pd.DataFrame({"customer": seen, "num": num[seen], "den": den[seen]})


def _lift(mail: Mail) -> pd.DataFrame:
    tested = mail.sent[mail.sent["delivered"] & mail.sent["experiment"].notna() & mail.sent["personalised"].notna()]
    found = []
    for win in COMPARED:
        rows = within(tested, WINDOWS[win])
        customer = rows["customer"].to_numpy()
        there = np.unique(customer)
        fold = np.zeros(there.max() + 1, np.int64)
        fold[there] = dealt(mail.hashes[there], _FOLDS)
        rows = rows.assign(fold=fold[customer], arm=rows["personalised"].astype(int))
        for breakdown, those, met in (("clicks", rows, "clicked"), ("opens", rows[~rows["machine"]], "opened")):
            place = mail.levels.of(those["customer"].to_numpy())
            columns = those[["experiment", "arm", "fold"]].assign(met=those[met].astype(int), level=place)
            counts = columns.groupby(list(columns), observed=True).size().astype(float).rename("n").reset_index()
            found += _groups(win, breakdown, counts, those["customer"].to_numpy(), place, mail.levels.names)
    return inferred("personalisation_lift", found)


def _groups(
    win: str, breakdown: str, counts: pd.DataFrame, who: np.ndarray, place: np.ndarray, names
) -> list[GroupedCounts]:
    """The whole's group of counted rows, and each region's (`level`)."""
    found = [GroupedCounts(win, breakdown, "", "", counts.drop(columns="level"), float(len(np.unique(who))))]
    for at, own in counts.groupby("level"):
        people = float(len(np.unique(who[place == at])))
        found.append(GroupedCounts(win, breakdown, "region", names[at], own.drop(columns="level"), people))
    return found


# ---- Web site -----------------------------------------------------------------------------------------------------------


class Site(Shop):
    """The web sessions."""

    @cached_property
    def sessions(self) -> pd.DataFrame:
        """All sessions: who (a customer, or beyond them a visitor), at, seconds, pages and source; `customer` is -1 for strangers."""
        table = duckdb.read_parquet(str(self.files["visits"]))
        names = [name for (name,) in table.filter("source is not null").unique("source").fetchall()]
        source = f"source::enum({str(sorted(names))[1:-1]}) as source"
        rows = self.read("visits", f"visitor_id, started_at as at, seconds, pages, {source}")
        visitor, people = pd.factorize(rows.pop("visitor_id"))[0], len(self.region)
        named = (rows["customer"] >= 0).to_numpy()
        ends = rows["customer"][named].groupby(visitor[named]).agg(["min", "max"])
        alone = ends.loc[ends["min"] == ends["max"], "min"]
        known_as = np.arange(visitor.max() + 1) + people
        known_as[alone.index] = alone
        rows["who"] = np.where(named, rows["customer"], known_as[visitor])
        return rows.assign(customer=np.where(rows["who"] < people, rows["who"], -1))


def _website(site: Site) -> Iterator[pd.DataFrame]:
    rows = site.sessions
    yield _counted("website_visits", site, [("", rows)])
    source = rows["source"].astype(object).fillna(UNKNOWN)
    yield _counted("visits_by_source", site, [(name, rows[source == name]) for name in sorted(source.unique())])
    month = rows["at"].dt.month
    by_month = [(f"{number:02} {name}", rows[month == number]) for number, name in enumerate(_MONTHS, 1)]
    yield _counted("visits_by_month", site, by_month, COMPARED)
    visitors = pd.concat(
        [within(rows, p)[["customer", "who"]].drop_duplicates("who").assign(win=w) for w, p in WINDOWS.items()]
    )
    yield _counted("unique_visitors", site, [("", visitors)])
    measured = rows["seconds"].notna() & ~((rows["seconds"] == 0) & (rows["pages"] <= 1))
    yield ratios("unmeasured_sessions", _session_share(site, rows.assign(met=~measured)))
    paged = rows[rows["pages"].notna()]
    yield ratios("bounce_rate", _session_share(site, paged.assign(met=paged["pages"] <= 1)))
    yield _time_on_site(site, rows[measured])


def _counted(name: str, site: Site, by: list[tuple[str, pd.DataFrame]], windows=WINDOWS) -> pd.DataFrame:
    found, names = [], site.levels.names
    for win in windows:
        for breakdown, rows in by:
            inside = rows[rows["win"] == win] if "win" in rows else within(rows, WINDOWS[win])
            cells = np.bincount(site.levels.of(inside["customer"].to_numpy()), minlength=len(names)).astype(float)
            levels = [("", "", cells.sum())]
            levels += [("region", level, cells[at]) for at, level in enumerate(names)] if win in COMPARED else []
            keys = {"breakdown": breakdown, "win": win, "den": 1.0, "clusters": 1.0}
            found += [keys | {"segment": s, "level": level, "num": n, "n": n} for s, level, n in levels]
    return figures(name, pd.DataFrame(found))


def _session_share(site: Site, rows: pd.DataFrame) -> Iterator[list[dict]]:
    """The statistics of a share of sessions in all windows, by visitor."""
    people = len(site.region)
    for win, period in WINDOWS.items():
        inside = within(rows, period)
        visitors = _by_person(inside["who"].to_numpy(), inside["met"].to_numpy())
        visitors["customer"] = visitors["customer"].where(visitors["customer"] < people, -1)
        yield sums(win, visitors, site.levels)


def _time_on_site(site: Site, rows: pd.DataFrame) -> pd.DataFrame:
    found = []
    for win in COMPARED:
        inside = within(rows, WINDOWS[win])[["customer", "who", "seconds"]].sort_values(["who", "seconds"])
        visitor = inside.groupby("who")["seconds"]
        place = site.levels.of(inside["customer"].to_numpy())
        columns = {
            "quantity": inside["seconds"],
            "squares": 2 * visitor.cumcount() + 1,
            "units": visitor.transform("size"),
        }
        counts = (
            pd.DataFrame(columns)
            .assign(n=1, level=place)
            .groupby(["level", "quantity"])
            .sum()
            .astype(float)
            .reset_index()
        )
        whole = counts.groupby("quantity", as_index=False)[["squares", "units", "n"]].sum().assign(level=-1)
        groups = _groups(win, "", counts, inside["who"].to_numpy(), place, site.levels.names)
        found += [GroupedCounts(win, "", "", "", whole.drop(columns="level"), groups[0].customers), *groups[1:]]
    return inferred("time_on_site", found)
