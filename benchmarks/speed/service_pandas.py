"""The peer of the benchmark `service` in plain pandas: as a good analyst would write it.

Only the columns that are needed are read, customers become whole numbers as soon as a table is there, texts of few values categories, and
what several questions share is computed once. Working hours are counted by numpy's business days. As in the other benchmarks, the interval
of the change is left out. Folds of customers are dealt by the same hash as the suite's.
"""

from collections.abc import Iterator
from functools import cached_property
from hashlib import sha256
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from holidays import country_holidays

from benchmarks.speed.metrics_figures import WINDOWS, counts, figures, in_windows, squares_by_keys
from benchmarks.speed.money_figures import COMPARED, Levels, by_customer, dealt, inferred, ratios, sums
from benchmarks.speed.money_pandas import Shop, within
from benchmarks.speed.service_data import CUTOFF, FIRST, client
from benchmarks.speed.service_pandas_tickets import (
    DAY,
    WorkingHours,
    at_first_contact,
    followed,
    next_openings,
    resolved_in,
    times_to,
    with_ends,
)
from crmnb.stats.estimation import GroupedCounts

NOW = WINDOWS["current"]
UNTIL = pd.Timestamp(CUTOFF)
MISSING = "without a time"
_DAYS = (CUTOFF - FIRST).days
_TEXTS = ("channel", "topic", "priority", "agent")
_COUNTS = ("contacts", "reassignments")
_TIMES = ("opened_at", "first_response_at", "resolved_at", "closed_at", "reopened_at", "sla_due_at")


def run(files: dict[str, Path]) -> pd.DataFrame:
    """Every figure of the two families."""
    from benchmarks.speed import service_pandas_operations

    desk = Desk(files)
    figures_ = [*_resolution(desk), *_volume(desk), *_quality(desk), *_agents(desk), *_satisfaction(desk)]
    figures_ += service_pandas_operations.run(desk)
    return pd.concat(figures_, ignore_index=True)


class Desk(Shop):
    """The files, and what is read and computed once of them."""

    @cached_property
    def tickets(self) -> pd.DataFrame:
        """All tickets in the order of time, with their ends and `at`, when they were opened."""
        table = duckdb.read_parquet(str(self.files["tickets"]))
        texts = [_as_category(table, name) for name in _TEXTS]
        numbers = [f"coalesce({name}, -1)::smallint as {name}" for name in _COUNTS]
        tickets = self.read("tickets", ", ".join([*_TIMES, *texts, *numbers, "escalated"]))
        return with_ends(tickets).assign(at=tickets["opened_at"])

    @cached_property
    def hours(self) -> WorkingHours:
        """When the desk works."""
        service = client().service
        closed = country_holidays(service.holidays, years=range(FIRST.year, CUTOFF.year + 1))
        return WorkingHours(service.working_week, closed)

    @cached_property
    def cases(self) -> pd.DataFrame:
        """The tickets followed for a week: customer, at, and whether the first contact resolved them, `loose` and `strict` (-1: not known)."""
        rows = followed(self.tickets, UNTIL, 7)
        topic = self.tickets["topic"].cat.codes.to_numpy()
        following = next_openings(self.tickets["customer"].to_numpy(), topic, self.tickets["at"])
        first = at_first_contact(
            rows.assign(**{name: rows[name].where(rows[name] >= 0) for name in _COUNTS}), 7, following
        )
        strict = first["strict"].astype(np.int8).reindex(rows.index, fill_value=-1)
        return rows[["customer", "at"]].assign(loose=first["loose"].astype(np.int8), strict=strict)

    @cached_property
    def answers(self) -> pd.DataFrame:
        """The answers in the order of time: customer, at, satisfied, followed_up_at, the place of the `ticket`, and its `agent`."""
        answers = self.read("survey_responses", "responded_at as at, satisfied, followed_up_at, ticket_id")
        answers = answers[answers["satisfied"].notna()]
        ids = duckdb.read_parquet(str(self.files["tickets"])).project("ticket_id").df()["ticket_id"]
        asked = ids[ids.isin(answers["ticket_id"])]
        ticket = answers.pop("ticket_id").map(pd.Series(asked.index, index=asked.to_numpy()))
        return answers.assign(ticket=ticket, agent=self.tickets["agent"].iloc[ticket].array)

    @property
    def coded_agents(self) -> tuple[str, ...]:
        """The agents in the order of their codes: that of the hash of the smallest key of their tickets."""
        tickets = duckdb.read_parquet(str(self.files["tickets"])).filter("agent is not null")
        first = tickets.aggregate("agent, min(ticket_id)").fetchall()
        return tuple(name for name, _ in sorted(first, key=lambda row: sha256(row[1].encode()).digest()))

    def fold(self, rows: pd.DataFrame, folds: int) -> np.ndarray:
        """The fold of each row's customer, customers dealt evenly in the order of their hash; -1 for those without one."""
        known = np.zeros(len(self.hashes), bool)
        customer = rows["customer"].to_numpy()
        known[customer[customer >= 0]] = True
        fold = np.full(len(known) + 1, -1)
        fold[np.flatnonzero(known)] = dealt(self.hashes[known], folds)
        return fold[customer]


def _as_category(table: duckdb.DuckDBPyRelation, name: str) -> str:
    values = [value for (value,) in table.filter(f"{name} is not null").unique(name).fetchall()]
    return f"{name}::enum({str(sorted(values))[1:-1]}) as {name}"


def shares(name: str, rows: pd.DataFrame, levels: Levels | None, breakdown: str = "") -> pd.DataFrame:
    """A share's figures. rows: customer, at and num, in the order of time."""
    return ratios(name, share_sums(rows, levels, breakdown))


def share_sums(rows: pd.DataFrame, levels: Levels | None, breakdown: str = "") -> Iterator[list[dict]]:
    """The statistics of a share in all windows, by customer."""
    for win, period in WINDOWS.items():
        yield sums(win, by_customer(within(rows, period)), levels, breakdown)


def counted(name: str, rows: pd.DataFrame, levels: Levels, breakdown: str = "") -> pd.DataFrame:
    """A count's figures. rows: customer, at, in the order of time."""
    return figures(name, count_sums(rows, levels, breakdown))


def count_sums(
    rows: pd.DataFrame, levels: Levels, breakdown: str = "", exposure: pd.Series | None = None
) -> pd.DataFrame:
    """The sums of a count in all windows and, of whole years, by region."""
    place = levels.of(rows["customer"].to_numpy()).astype(np.int64)
    day = (rows["at"].to_numpy().astype("datetime64[D]") - np.datetime64(FIRST, "D")).astype(np.int64)
    number = np.bincount(place * _DAYS + day, minlength=len(levels.names) * _DAYS)
    grid = pd.MultiIndex.from_product([levels.names, pd.date_range(FIRST, periods=_DAYS)], names=["level", "seen"])
    days = pd.DataFrame({"num": number}, index=grid).reset_index().assign(breakdown=breakdown)
    squares = {win: _squares(within(rows, period), levels, breakdown) for win, period in WINDOWS.items()}
    return counts(in_windows(days), exposure, squares_by_keys(squares))


def _squares(rows: pd.DataFrame, levels: Levels, breakdown: str) -> pd.DataFrame:
    """The squares of the customers' counts by level; a row without a customer counts as one's own."""
    customer = rows["customer"].to_numpy()
    times = np.bincount(customer[customer >= 0])
    who = np.flatnonzero(times)
    squares = np.bincount(levels.of(who), times[who].astype(float) ** 2, minlength=len(levels.names))
    squares[-1] += (customer < 0).sum()
    return pd.DataFrame({"breakdown": breakdown, "level": levels.names, "squares": squares})


# ---- Resolution ---------------------------------------------------------------------------------------------------------


def _resolution(desk: Desk) -> Iterator[pd.DataFrame]:
    found = []
    for definition in ("loose", "strict"):
        rows = desk.cases.rename(columns={definition: "num"})
        found += share_sums(rows[rows["num"] >= 0], desk.levels, definition)
    yield ratios("first_contact_resolution", found)
    known = {"within": tuple((f"within {h} hour{'s' * (h > 1)}", h) for h in (1, 4, 8, 24, 72, 168))}
    timed = _case_groups(desk, "solved_at")
    for name in ("median_resolution_time", "p90_resolution_time", "mean_resolution_time", "resolution_curve"):
        yield inferred(name, timed, client(), known)
    del timed
    yield inferred("first_response_time", _case_groups(desk, "first_response_at"), client())


def _case_groups(desk: Desk, end: str) -> list[GroupedCounts]:
    """The times to one of the tickets' times, counted by minute, event and fold, of the whole and of each region."""
    columns = ["customer", "at", "opened_at", "ended_at"]
    rows = desk.tickets[[*columns, *([] if end in columns else [end])]]
    groups_ = []
    for win, period in WINDOWS.items():
        timed = times_to(within(rows, period), end, UNTIL, desk.hours)
        timed = timed.assign(fold=_folds(desk, timed))
        for breakdown, those in (("", timed[~timed["missing"]]), (MISSING, timed[timed["missing"]])):
            groups_ += _counted_cases(win, those, desk.levels, breakdown)
    return groups_


def _folds(desk: Desk, timed: pd.DataFrame) -> np.ndarray:
    fold = desk.fold(timed, 100)
    alone = fold < 0
    rows = timed.loc[alone, ["minutes", "event"]].assign(breakdown=np.where(timed.loc[alone, "missing"], MISSING, ""))
    hashed = duckdb.from_df(rows.assign(duration=rows["minutes"] / 60)).project(
        "hash(breakdown, event, duration) % 100 as fold"
    )
    fold[alone] = hashed.df()["fold"].to_numpy().astype(np.int64)
    return fold


def _counted_cases(win: str, rows: pd.DataFrame, levels: Levels, breakdown: str) -> list[GroupedCounts]:
    customer, minutes = rows["customer"].to_numpy(), rows["minutes"].to_numpy()
    place = levels.of(customer).astype(np.int64)
    width = int(minutes.max(initial=0)) + 1
    code = ((place * 100 + rows["fold"].to_numpy()) * 2 + rows["event"].to_numpy()) * width + minutes
    code, n = np.unique(code, return_counts=True)
    place_of, rest = code // (200 * width), code % (200 * width)
    cells = pd.DataFrame(
        {"fold": rest // (2 * width), "event": rest // width % 2, "duration": rest % width / 60, "n": n.astype(float)}
    )
    who = np.unique(customer[customer >= 0])
    alone, of_who = int((customer < 0).sum()), np.bincount(levels.of(who), minlength=len(levels.names))
    whole = cells.groupby(["fold", "event", "duration"], as_index=False)["n"].sum()
    found = [GroupedCounts(win, breakdown, "", "", whole, float(len(who) + alone))] if len(cells) else []
    for at, name in enumerate(levels.names if win in COMPARED else ()):
        own = cells[place_of == at]
        if len(own):
            customers = float(of_who[at] + (alone if at == len(levels.names) - 1 else 0))
            found.append(GroupedCounts(win, breakdown, "region", name, own.reset_index(drop=True), customers))
    return found


# ---- Volume and quality -------------------------------------------------------------------------------------------------


def _volume(desk: Desk) -> Iterator[pd.DataFrame]:
    tickets, levels = desk.tickets, desk.levels
    opened = count_sums(tickets[["customer", "at"]], levels)
    yield figures("ticket_volume", opened)
    yield figures(
        "contact_rate",
        opened.assign(den=_at_start(desk).reindex(pd.MultiIndex.from_frame(opened[_KEYS])).to_numpy() / 100),
    )
    ended = _in_time(tickets, "ended_at")
    flow = [opened.assign(breakdown="opened"), count_sums(ended, levels, "resolved")]
    yield figures("ticket_flow", pd.concat(flow))
    yield _arrivals(tickets)
    backlog, ages = _backlog(desk)
    yield figures("backlog", backlog)
    yield figures("backlog_by_age", ages)


_KEYS = ["breakdown", "win", "segment", "level"]


def _in_time(rows: pd.DataFrame, time: str) -> pd.DataFrame:
    """The rows with one of their times in the data, as `at` and in its order: customer, at."""
    at = rows.loc[rows[time] < UNTIL, ["customer", time]].rename(columns={time: "at"})
    return at.sort_values("at", ignore_index=True)


def _at_start(desk: Desk) -> pd.Series:
    """The customers at the start of each window, by KEYS."""
    found = {}
    for win, period in WINDOWS.items():
        who = desk.of(win).customers_at[period.start]
        found["", win, "", ""] = float(len(who))
        of_level = np.bincount(desk.levels.of(who), minlength=len(desk.levels.names)).astype(float)
        found |= {
            ("", win, "region", name): n for name, n in zip(desk.levels.names, of_level, strict=True) if win in COMPARED
        }
    return pd.Series(found)


def _arrivals(tickets: pd.DataFrame) -> pd.DataFrame:
    groups_ = []
    for win in COMPARED:
        rows = within(tickets[["customer", "at"]], WINDOWS[win])
        slot = (rows["at"].dt.day_of_week * 24 + rows["at"].dt.hour).to_numpy()
        cells = pd.DataFrame({"slot": np.arange(168), "n": np.bincount(slot, minlength=168).astype(float)})
        customer = rows["customer"].to_numpy()
        people = len(np.unique(customer[customer >= 0])) + (customer < 0).sum()
        groups_.append(GroupedCounts(win, "", "", "", cells[cells["n"] > 0].reset_index(drop=True), float(people)))
    return inferred("arrival_pattern", groups_, client())


def _backlog(desk: Desk) -> tuple[pd.DataFrame, pd.DataFrame]:
    names = ["1 under 7 days", "2 from 7 to under 30 days", "3 from 30 days"]
    whole, by_age = [], []
    for win, period in WINDOWS.items():
        end = pd.Timestamp(period.observed_end)
        begun = desk.tickets.iloc[: desk.tickets["at"].searchsorted(end)]
        waiting = begun.loc[~(begun["ended_at"] < end), ["customer", "at"]]
        age = np.digitize((end - waiting["at"]) / DAY, [7, 30])
        place = desk.levels.of(waiting["customer"].to_numpy()).astype(np.int64)
        cells = np.bincount(place * 3 + age, minlength=3 * len(desk.levels.names)).reshape(-1, 3).astype(float)
        levels = [("", "", cells.sum(axis=0))]
        levels += [("region", name, cells[at]) for at, name in enumerate(desk.levels.names)] if win in COMPARED else []
        for segment, level, n in levels:
            keys = {"win": win, "segment": segment, "level": level, "den": 1.0, "clusters": 1.0}
            whole.append(keys | {"breakdown": "", "num": n.sum(), "n": n.sum()})
            by_age += [keys | {"breakdown": name, "num": n[at], "n": n[at]} for at, name in enumerate(names)]
    return pd.DataFrame(whole), pd.DataFrame(by_age)


def _quality(desk: Desk) -> Iterator[pd.DataFrame]:
    tickets, levels = desk.tickets, desk.levels
    resolved = tickets.loc[tickets["resolved_at"] <= UNTIL - 30 * DAY, ["customer", "resolved_at", "reopened_at"]]
    resolved = resolved.assign(
        num=resolved["reopened_at"] - resolved["resolved_at"] <= 30 * DAY, at=resolved["resolved_at"]
    )
    yield shares("reopen_rate", resolved[["customer", "at", "num"]].sort_values("at"), levels)
    opened = tickets.loc[tickets["at"] <= UNTIL - 14 * DAY, ["customer", "at", "escalated", "reassignments"]]
    known = opened[opened["escalated"].notna()]
    yield shares("escalation_rate", known.assign(num=known["escalated"].astype(bool)), levels)
    known = opened[opened["reassignments"] >= 0]
    yield shares("transfer_rate", known.assign(num=known["reassignments"] > 0), levels)


# ---- Agents and satisfaction --------------------------------------------------------------------------------------------


def _agents(desk: Desk) -> Iterator[pd.DataFrame]:
    known = {"agents": desk.coded_agents}
    rows = followed(within(desk.tickets, NOW), UNTIL, 7)
    rows = rows[rows["agent"].notna()]
    kind = rows.groupby(["topic", "channel", "priority"], observed=True, sort=False).ngroup()
    cells = rows.assign(stratum=kind.astype(str), resolved=resolved_in(rows, 7).astype(int))
    yield inferred("resolved_by_agent", list(_by_agent(cells, ["stratum", "resolved"])), client(), known)
    answers = desk.answers
    rated = answers[answers["agent"].notna()].assign(points=25.0 * (answers["satisfied"] - 1))
    yield inferred("representative_satisfaction", list(_by_agent(within(rated, NOW), ["points"])), client(), known)


def _by_agent(rows: pd.DataFrame, columns: list[str]) -> Iterator[GroupedCounts]:
    """Each agent's rows, alike ones counted."""
    cells = rows.groupby(["agent", *columns], observed=True).size().astype(float).rename("n").reset_index()
    alone = (rows["customer"] < 0).groupby(rows["agent"], observed=True).sum()
    people = (
        rows[rows["customer"] >= 0]
        .groupby("agent", observed=True)["customer"]
        .nunique()
        .reindex(alone.index, fill_value=0)
    )
    for agent, own in cells.groupby("agent", observed=True):
        yield GroupedCounts(
            "current", agent, "", "", own[[*columns, "n"]].reset_index(drop=True), float(people[agent] + alone[agent])
        )


def _satisfaction(desk: Desk) -> Iterator[pd.DataFrame]:
    answers = desk.answers
    due = answers[(answers["satisfied"] <= 3) & (answers["at"] <= UNTIL - 7 * DAY)]
    in_time = due["followed_up_at"] <= due["at"] + 7 * DAY
    yield shares("closed_loop_rate", due[["customer", "at"]].assign(num=in_time), desk.levels)
    yield _effects(desk)


def _effects(desk: Desk) -> pd.DataFrame:
    cases = desk.cases.join(desk.tickets[["opened_at", "solved_at"]])
    cases = cases[cases["solved_at"] < UNTIL]
    cases = cases.merge(desk.answers[["ticket", "satisfied"]], left_index=True, right_on="ticket")
    minutes = desk.hours.until(cases["solved_at"]) - desk.hours.until(cases["opened_at"])
    x, f, y = (
        np.log2(np.maximum(minutes, 1) / 60) - 4,
        cases["loose"].astype(float),
        25.0 * (cases["satisfied"] - 1) - 50,
    )
    rows = (
        cases[["customer", "at"]].assign(x=x, f=f, xx=x * x, xf=x * f, y=y, xy=x * y, fy=f * y, n=1.0).sort_values("at")
    )
    groups_ = []
    for win in COMPARED:
        own = within(rows, WINDOWS[win])
        fold = desk.fold(own, 1000)
        together = int(duckdb.sql("select hash('') % 1000").fetchall()[0][0])  # who is not known
        fold[fold < 0] = together
        terms = own.drop(columns=["at", "customer"]).groupby(fold).sum().rename_axis("fold").reset_index()
        customer = own["customer"].to_numpy()
        people = len(np.unique(customer[customer >= 0])) + (customer < 0).sum()
        groups_.append(GroupedCounts(win, "", "", "", terms, float(people)))
    return inferred("effect_on_satisfaction", groups_, client())
