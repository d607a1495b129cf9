"""Tickets in plain pandas: when each ended, how long it took and what the first contact did, for the peer of the benchmark `service` and the
second route of the tests.

Frames have the columns of the table `tickets`, those that the client has, and `customer` (anything that names one; missing where nobody is
named). It shares nothing with the suite.
"""

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd

DAY = pd.Timedelta(days=1)
_WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_EPOCH = np.datetime64("2000-01-01")


def with_ends(tickets: pd.DataFrame) -> pd.DataFrame:
    """The tickets with `solved_at`, the last resolution unless a reopening follows it, and `ended_at`, that or a closing after the last opening."""
    solved, opened = tickets["resolved_at"], tickets["opened_at"]
    if "reopened_at" in tickets:
        again = tickets["reopened_at"] > solved
        solved, opened = solved.mask(again), opened.mask(again, tickets["reopened_at"])
    ended = solved
    if "closed_at" in tickets:
        ended = solved.fillna(tickets["closed_at"].where(tickets["closed_at"] >= opened))
    return tickets.assign(solved_at=solved, ended_at=ended)


class WorkingHours:
    """The minutes in which a desk works, by numpy's business days: one count for all weekdays of the same hours.

    week: by weekday, from when to when ("08:00", "18:00"); empty for all hours of the calendar. closed: days on which it does not work.
    """

    def __init__(self, week: Mapping[str, tuple[str, str]], closed: Iterable = ()):
        self._closed = np.array(sorted(closed), dtype="datetime64[D]")
        by_hours: dict[tuple[int, int], list[int]] = {}
        for name, hours in week.items():
            opens, closes = (int(clock[:2]) * 60 + int(clock[3:]) for clock in hours)
            by_hours.setdefault((opens, closes - opens), []).append(_WEEK.index(name))
        self._by_hours = {hours: [day in days for day in range(7)] for hours, days in by_hours.items()}

    def until(self, times: pd.Series) -> np.ndarray:
        """The minutes worked from a day of old to each of the times."""
        instants = times.to_numpy().astype("datetime64[m]")
        if not self._by_hours:
            return instants.astype(np.int64)
        days = instants.astype("datetime64[D]")
        minute, worked = (instants - days).astype(np.int64), np.zeros(len(days), np.int64)
        for (opens, length), weekdays in self._by_hours.items():
            rules = {"weekmask": weekdays, "holidays": self._closed}
            inside = np.clip(minute - opens, 0, length) * np.is_busday(days, **rules)
            worked += np.busday_count(_EPOCH, days, **rules) * length + inside
        return worked


def times_to(tickets: pd.DataFrame, end: str, until: pd.Timestamp, hours: WorkingHours) -> pd.DataFrame:
    """The tickets with the `minutes` to one of their times, which came (`event` 1) before the data end or not; `missing`: ended without it.

    tickets: of `with_ends`.
    """
    came = tickets[end] < until
    minutes = hours.until(tickets[end].where(came, until)) - hours.until(tickets["opened_at"])
    missing = ~came & (tickets["ended_at"] < until)
    return tickets.assign(minutes=minutes, event=came.astype(np.int64), missing=missing)


def followed(tickets: pd.DataFrame, until: pd.Timestamp, days: int) -> pd.DataFrame:
    """The tickets that the data follow for so many days and that did not end without a time of resolution."""
    known = tickets["resolved_at"].notna() | tickets["ended_at"].isna()
    return tickets[known & (tickets["opened_at"] <= until - days * DAY)]


def resolved_in(tickets: pd.DataFrame, days: int) -> pd.Series:
    """Whether each ticket was resolved within so many days, and not opened again after that within them."""
    deadline = tickets["opened_at"] + days * DAY
    resolved = tickets["resolved_at"] <= deadline
    if "reopened_at" in tickets:
        resolved &= ~((tickets["reopened_at"] > tickets["resolved_at"]) & (tickets["reopened_at"] <= deadline))
    return resolved


def at_first_contact(tickets: pd.DataFrame, days: int, next_opened: pd.Series | None) -> dict[str, pd.Series]:
    """Whether the first contact resolved each ticket, by definition; strict where it is known. next_opened: of the customer and topic."""
    deadline = tickets["opened_at"] + days * DAY
    loose = tickets["resolved_at"] <= deadline
    if "reopened_at" in tickets:
        loose &= ~(tickets["reopened_at"] <= deadline)
    if next_opened is not None:
        loose &= ~(next_opened.loc[tickets.index] <= deadline)
    strict, known = loose, pd.Series(True, tickets.index)
    for column, most in (("contacts", 1), ("reassignments", 0)):
        if column in tickets:
            strict = strict & (tickets[column] <= most)
            known &= tickets[column].notna()
    return (
        {"loose": loose}
        if not {"contacts", "reassignments"} & {*tickets}
        else {"loose": loose, "strict": strict[known]}
    )


def next_openings(customer: np.ndarray, topic: np.ndarray, opened: pd.Series) -> pd.Series:
    """When the customer opened the next ticket about the same topic. customer, topic: whole numbers, below 0 where not known."""
    rows = np.flatnonzero((customer >= 0) & (topic >= 0))
    pair, at = customer[rows].astype(np.int64) * (int(topic.max(initial=0)) + 1) + topic[rows], opened.to_numpy()[rows]
    order = np.lexsort((at, pair))
    pair, at = pair[order], at[order]
    other = np.append(True, pair[1:] != pair[:-1])
    first = other | np.append(True, at[1:] > at[:-1])  # of tickets that were opened at one time
    moments, begins = at[first], np.append(other[first][1:], True)
    following = np.append(moments[1:], moments[:1])
    following[begins] = np.datetime64("NaT")
    answer = np.full(len(opened), np.datetime64("NaT"), dtype=at.dtype)
    answer[rows[order]] = following[np.cumsum(first) - 1]
    return pd.Series(answer, opened.index)
