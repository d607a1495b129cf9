"""Histories: what models of customers' worth are fitted to: when customers bought, or how long their contracts ran.

Each comes with its own test: the histories as known when a holdout began, and what happened in it.
"""

from datetime import datetime, timedelta

import narwhals.stable.v2 as nw

from crmnb.client import Worth
from crmnb.errors import Unavailable
from crmnb.margins import with_margin
from crmnb.period import Period
from crmnb.spells import spells
from crmnb.windows import once

# Components of evidence that test a forecast; what the forecast itself is made from has the component "".
HOLDOUT, TRACKED = "holdout", "tracked"

_EPOCH = datetime(1970, 1, 1)
_FEWEST_DAYS = 84  # of history: in a third of less than twelve weeks there is nothing to see


def holdout_begins(period: Period) -> datetime:
    """Where the time ends that a forecast is fitted on, and that begins which tests it.

    The period itself tests where as much history lies before it; else the last third of the history.
    Raises Unavailable where too little history is there to part.
    """
    first = period.data_from or period.start
    history = (period.seen_end - first).days
    if history < _FEWEST_DAYS:
        raise Unavailable(f"{history} days of history are too few to be parted in two")
    if period.start - first >= period.seen_end - period.start:
        return period.start
    return period.seen_end - timedelta(days=history // 3)


def stacked(parts: dict[str, nw.LazyFrame]) -> nw.LazyFrame:
    """Evidence of several kinds in one frame, by component."""
    return joined(*(part.with_columns(component=nw.lit(component)) for component, part in parts.items()))


def joined(*frames: nw.LazyFrame) -> nw.LazyFrame:
    """All rows of frames that have columns of their own: those of the others are null, figures are floats."""
    names = [frame.collect_schema() for frame in frames]
    kept = {name: type_ for own in names for name, type_ in own.items() if name in ("component", "customer_id")}
    columns = dict.fromkeys(name for own in names for name in own)
    typed = {name: kept.get(name, nw.Float64()) for name in columns}
    picked = [
        [(nw.col(name) if name in own else nw.lit(None)).cast(typed[name]).alias(name) for name in columns]
        for own in names
    ]
    return nw.concat([frame.select(*each) for frame, each in zip(frames, picked, strict=True)])


# ---- What they bought -----------------------------------------------------------------------------------------------


@once
def _purchases(payments: nw.LazyFrame, until: datetime, rate: float | None) -> nw.LazyFrame:
    """Each customer's days with an order before a time: `day` and `first` (numbers of days), and the day's margin."""
    paid = with_margin(payments, Worth(margin_rate=rate)).filter(nw.col("ordered_at") < until)
    number = ((nw.col("ordered_at") - nw.lit(_EPOCH)).dt.total_minutes() // 1440).cast(nw.Int64)
    days = paid.with_columns(day=number).group_by("customer_id", "day").agg(margin=nw.col("margin").sum())
    first = days.group_by("customer_id").agg(first=nw.col("day").min())
    return days.join(first, on="customer_id", how="inner")


def bought(payments: nw.LazyFrame, there: nw.LazyFrame, period: Period, worth: Worth) -> nw.LazyFrame:
    """Each customer's purchases up to the period's end, and the test of a forecast of them. A day's orders are one purchase.

    payments: in the shape of orders, each with a customer. there: the customers at the end, one row each.
    Columns, times in days from the first purchase: `x` repeat purchases, `t_x` the last one, `T` the last day seen, `spend`,
    the margin of all repeat purchases, `margin` and `times`, that of the first one, and 1, and whether `there`. Of the holdout, x, t_x and T as
    known when it begins, the purchases in it (`later`) and in the equal time before (`recent`), and how many days of data lie
    in it (`ahead`) and before it (`behind`). Of what is tracked, of each customer and week the week since the data begin (`T`), the
    repeat purchases in it (`later`), and how many weeks before there were others (`t_x`; missing: never).
    """
    days = _purchases(payments, period.seen_end, worth.margin_rate)
    now = _history(days, _number(period.seen_end)).join(
        there.with_columns(there=nw.lit(1)), on="customer_id", how="left"
    )
    parts = {"": now.with_columns(there=nw.col("there").fill_null(0), times=nw.lit(1))}
    try:
        begins = _number(holdout_begins(period))
    except Unavailable:
        return stacked(parts)  # what has no test is said to have none
    return stacked(parts | _tested(days, begins, _number(period.seen_end), _number(period.data_from or period.start)))


def _number(day: datetime) -> int:
    return (day - _EPOCH).days


def _history(days: nw.LazyFrame, end: int) -> nw.LazyFrame:
    """x, t_x, T, spend and margin as known at the beginning of the day `end`."""
    again = nw.col("day") > nw.col("first")
    parted = days.filter(nw.col("day") < end).with_columns(
        x=again.cast(nw.Int64),
        spend=nw.when(again).then(nw.col("margin")).otherwise(nw.lit(0.0)),
        margin=nw.when(again).then(nw.lit(0.0)).otherwise(nw.col("margin")),
    )
    each = parted.group_by("customer_id", "first").agg(
        *(nw.col(name).sum() for name in ("x", "spend", "margin")), last=nw.col("day").max()
    )
    times = {"t_x": nw.col("last") - nw.col("first"), "T": nw.lit(end - 1) - nw.col("first")}
    # To the fourth decimal, as money is kept: sums of floats differ in the last digits, and alike rows are to be alike.
    return each.with_columns(**times, spend=nw.col("spend").round(4)).select(
        "customer_id", "x", "t_x", "T", "spend", "margin"
    )


def _tested(days: nw.LazyFrame, begins: int, ends: int, starts: int) -> dict[str, nw.LazyFrame]:
    """The holdout's rows and the weeks tracked. They name no customer, since they are not broken down by segment."""
    day, known = nw.col("day"), days.filter(nw.col("first") < begins)
    again = known.filter(day > nw.col("first"))
    inside = {"later": day >= begins, "recent": (day < begins) & (day >= 2 * begins - ends)}
    counted = again.with_columns(**{name: each.cast(nw.Int64) for name, each in inside.items()})
    counted = counted.group_by("customer_id").agg(*(nw.col(name).sum() for name in inside))
    histories = _history(known, begins).join(counted, on="customer_id", how="left")
    filled = {name: nw.col(name).fill_null(0) for name in inside}
    weeks = again.with_columns(T=(day - starts) // 7).group_by("customer_id", "T").agg(later=nw.len().cast(nw.Int64))
    weeks = weeks.with_columns(t_x=nw.col("T") - nw.col("T").shift(1).over("customer_id", order_by="T"))
    return {
        HOLDOUT: histories.with_columns(**filled).select(
            "x", "t_x", "T", *inside, ahead=nw.lit(ends - begins), behind=nw.lit(begins - starts)
        ),
        TRACKED: weeks.select("T", "t_x", "later"),
    }


# ---- How long their contracts ran -----------------------------------------------------------------------------------


def contracts(tenures: nw.LazyFrame, payments: nw.LazyFrame, period: Period, worth: Worth) -> nw.LazyFrame:
    """Each spell under contract by calendar months, and the test of a forecast of how many stay.

    Columns, in months of age (in month 1 a contract that began in the month before is first seen to end): the first and the
    last month of which it is known whether the contract outlived it (`entry`, `last`), whether it was `lost` in the last,
    the `age` and whether `there` at the end; of those there, the `margin` of the last twelve months and how many
    whole months of these they were customers (`times`). Of the holdout the same as known when it begins, how many months of it the customer stayed
    (`later`), whether there already as long before the holdout as it lasts (`before`), and how many months of data lie in it
    (`ahead`) and before it (`behind`).
    """
    first = _first_whole_month(period.data_from or period.start)
    end = _month_of(period.seen_end)  # the first month that is not seen whole
    runs = spells(tenures, period.seen_end).with_columns(began=_month("since"), over=_month("until"))
    now = _as_of(runs, first, end).with_columns(there=1 - nw.col("event"))
    since = max(first, end - 12)
    paid = _paid(payments, now.filter(nw.col("there") == 1), worth, since, end)
    whole_months = nw.max_horizontal(nw.lit(end - 1) - nw.max_horizontal(nw.col("began"), nw.lit(since - 1)), nw.lit(0))
    mine = nw.col("there") == 1
    now = now.join(paid, on="customer_id", how="left").with_columns(
        margin=nw.when(mine).then(nw.col("margin").fill_null(0.0)).otherwise(nw.lit(0.0)),
        times=nw.when(mine).then(whole_months).otherwise(nw.lit(0)),
    )
    parts = {"": now.select("customer_id", "entry", "last", "lost", "age", "there", "margin", "times")}
    try:
        begins = _first_whole_month(holdout_begins(period))
    except Unavailable:
        return stacked(parts)
    return stacked(parts | {HOLDOUT: _forecast(runs, first, begins, end)})


def _month(column: str) -> nw.Expr:
    """Calendar months since year 0."""
    return nw.col(column).dt.year().cast(nw.Int64) * 12 + nw.col(column).dt.month().cast(nw.Int64) - 1


def _month_of(day: datetime) -> int:
    return day.year * 12 + day.month - 1


def _first_whole_month(day: datetime) -> int:
    return _month_of(day) + (day.day > 1)


def _as_of(runs: nw.LazyFrame, first: int, end: int) -> nw.LazyFrame:
    """entry, last, lost and age of spells as known when the month `end` begins; what began in it or later is not known.

    Who leaves in the month of joining counts as leaving in month 1, so that nobody is lost from sight.
    """
    gone = (nw.col("event") == 1) & (nw.col("over") < end)
    age = nw.max_horizontal(nw.lit(end - 1) - nw.col("began"), nw.lit(0))
    left = nw.max_horizontal(nw.col("over") - nw.col("began"), nw.lit(1))
    return runs.with_columns(
        entry=nw.max_horizontal(nw.lit(first) - nw.col("began"), nw.lit(1)),
        last=nw.when(gone).then(left).otherwise(age),
        lost=gone.cast(nw.Int64),
        age=age,
    )


def _paid(payments: nw.LazyFrame, there: nw.LazyFrame, worth: Worth, first: int, end: int) -> nw.LazyFrame:
    """The margin of those there in the whole months from `first` to before `end`; the month of joining is none."""
    inside = (nw.col("ordered_at") >= _begin(first)) & (nw.col("ordered_at") < _begin(end))
    paid = (
        with_margin(payments, worth)
        .filter(inside)
        .join(there.select("customer_id", "began"), on="customer_id", how="inner")
    )
    later = paid.filter(_month("ordered_at") > nw.col("began"))
    return later.group_by("customer_id").agg(margin=nw.col("margin").sum())


def _begin(month: int) -> datetime:
    return datetime(month // 12, month % 12 + 1, 1)


def _forecast(runs: nw.LazyFrame, first: int, begins: int, end: int) -> nw.LazyFrame:
    """The holdout's rows. They name no customer, since they are not broken down by segment."""
    length = end - begins
    known = _as_of(runs.filter(nw.col("began") < begins), first, begins)
    stayed = nw.when(nw.col("event") == 1).then(nw.min_horizontal(nw.col("over"), nw.lit(end)) - begins)
    earlier = (nw.col("began") < begins - length) & (nw.lit(begins - length) >= first)
    at_risk_then = earlier & ((nw.col("lost") == 0) | (nw.col("over") >= begins - length))
    tested = known.with_columns(
        there=1 - nw.col("lost"),
        before=at_risk_then.cast(nw.Int64),
        later=nw.when(nw.col("lost") == 1).then(nw.lit(0)).otherwise(stayed.otherwise(nw.lit(length))),
    )
    columns = ("entry", "last", "lost", "age", "there", "before", "later")
    lengths = {"ahead": nw.lit(length), "behind": nw.lit(begins - first)}
    return tested.select(*columns, **lengths)
