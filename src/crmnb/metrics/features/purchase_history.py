"""Histories: what models of customers' worth are fitted to: when customers bought, or how long their contracts ran.

Each comes with its own test: the histories as known when a holdout began, and what happened in it.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import narwhals.stable.v2 as nw

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.engine.derived_tables import once, once_if_small
from crmnb.engine.views import View
from crmnb.metrics.features.customer_base import customers_at
from crmnb.metrics.features.margin import with_margin
from crmnb.metrics.features.revenue import is_order
from crmnb.metrics.features.tenure import spells, with_unseen
from crmnb.schema.client import Churn, Dates, Worth

# Breakdowns of evidence that test a forecast; what the forecast itself is made from has the breakdown "".
HOLDOUT, TRACKED = "holdout", "tracked"
# The columns that estimators sum over equal histories.
MARGINS = ("margin", "times", "pay", "known", "due")

_AS_THEY_ARE = ("breakdown", "customer_id", "period_id")
_BY_DAY = Dates("day")
_EPOCH = datetime(1970, 1, 1)
_MINUTES_A_MONTH = 1440 * 30.4375  # a twelfth of 365.25 days
_LAST_MINUTE = 1439  # of a day: what ends in it ends with the day
_DAYS_NEW = 365  # so long after the first purchase a customer is newly won
_TELLING = 3  # months of orders that tell what a customer brings a month
_FEWEST_DAYS = 84  # of history: in a third of less than twelve weeks there is nothing to see


def holdout_begins(period: Period) -> datetime:
    """Where the time ends that a forecast is fitted on, and that begins which tests it.

    The period itself tests where as much history lies before it; else the last third of the history.
    Raises Unavailable where too little history is there to part.
    """
    first = period.data_from or period.start
    history = (period.observed_end - first).days
    if history < _FEWEST_DAYS:
        raise Unavailable(Note("history_too_short_for_holdout", days=history))
    if period.start - first >= period.observed_end - period.start:
        return period.start
    return period.observed_end - timedelta(days=history // 3)


def stacked(parts: dict[str, nw.LazyFrame]) -> nw.LazyFrame:
    """Evidence of several kinds in one frame, by breakdown."""
    return joined(*(part.with_columns(breakdown=nw.lit(breakdown)) for breakdown, part in parts.items()))


def joined(*frames: nw.LazyFrame) -> nw.LazyFrame:
    """All rows of frames that have columns of their own: those of the others are null, figures are floats."""
    names = [frame.collect_schema().names() for frame in frames]
    columns = dict.fromkeys(name for own in names for name in own)
    picked = [{name: nw.col(name) if name in own else nw.lit(None) for name in columns} for own in names]
    typed = [
        {name: column if name in _AS_THEY_ARE else column.cast(nw.Float64) for name, column in columns_of.items()}
        for columns_of in picked
    ]
    return nw.concat([frame.select(**own) for frame, own in zip(frames, typed, strict=True)])


# ---- What they bought -----------------------------------------------------------------------------------------------


@once
def _purchases(payments: nw.LazyFrame, until: datetime, rate: float | None) -> nw.LazyFrame:
    """Each customer's days with an order before a time: `day` and `first` (numbers of days), and the day's margin.

    A day with credit notes alone is no purchase (`bought` is 0), but has their margin.
    """
    paid = with_margin(payments, Worth(margin_rate=rate)).filter(nw.col("ordered_at") < until)
    number = ((nw.col("ordered_at") - nw.lit(_EPOCH)).dt.total_minutes() // 1440).cast(nw.Int64)
    days = (
        paid.with_columns(day=number)
        .group_by("customer_id", "day")
        .agg(margin=nw.col("margin").sum(), bought=is_order().cast(nw.Int64).max())
    )
    first = days.filter(nw.col("bought") == 1).group_by("customer_id").agg(first=nw.col("day").min())
    return days.join(first, on="customer_id", how="inner")


def bought(
    payments: nw.LazyFrame, there: nw.LazyFrame, joined: nw.LazyFrame, period: Period, worth: Worth, look_back: int
) -> nw.LazyFrame:
    """Each customer's purchases up to the period's end, and the test of a forecast of them. A day's orders are one purchase.

    payments: in the shape of orders, each with a customer. there: the customers at the end, one row each. joined, look_back: as of
    `crmnb.metrics.features.tenure.with_unseen`.
    The holdout's rows name no customer, since they are not broken down by segment.
    Columns, times in days from the first purchase: `x` repeat purchases, `t_x` the last one, `T` the last day seen, `spend`,
    the margin of all repeat purchases, `again`, that of the first of these, `margin` and `times`, that of the first one, and 1, whether `there`, and whether first seen in
    the last 365 days (`new`); `before` and `wait`, of who was a customer before the data begin, the days from joining until then, and from
    then to the first purchase seen, else 0. Of the holdout, x, t_x and T as
    known when it begins, the purchases in it (`later`) and in the equal time before (`recent`), and how many days of data lie
    in it (`ahead`) and before it (`behind`). Of what is tracked, of each customer and week the week since the data begin (`T`), the
    repeat purchases in it (`later`), and how many weeks before there were others (`t_x`; missing: never).
    """
    return _bought(payments, there, joined, period, worth.margin_rate, look_back)


@once_if_small
def _bought(
    payments: nw.LazyFrame,
    there: nw.LazyFrame,
    joined: nw.LazyFrame,
    period: Period,
    margin_rate: float | None,
    look_back: int,
) -> nw.LazyFrame:
    days = _purchases(payments, period.observed_end, margin_rate)
    now = _history(days, _number(period.observed_end)).join(
        there.with_columns(there=nw.lit(1)), on="customer_id", how="left"
    )
    now = with_unseen(now, joined, period, look_back, _number(period.observed_end) - 1)
    new = ((nw.col("T") < _DAYS_NEW) & (nw.col("before") <= 0)).cast(nw.Int64)
    none = nw.lit(0)
    parts = {
        "": now.with_columns(
            there=nw.col("there").fill_null(0), times=nw.lit(1), new=new, pay=none, known=none, due=none
        )
    }
    try:
        begins = _number(holdout_begins(period))
    except Unavailable:
        return stacked(parts)  # what has no test is said to have none
    edges = begins, _number(period.observed_end), _number(period.data_from or period.start)
    tested = _tested(days, *edges)
    known = with_unseen(tested[HOLDOUT], joined, period, look_back, begins - 1)
    return stacked(parts | tested | {HOLDOUT: known.drop("customer_id")})


def _number(day: datetime) -> int:
    return (day - _EPOCH).days


def _history(days: nw.LazyFrame, end: int) -> nw.LazyFrame:
    """x, t_x, T, spend, margin and again as known at the beginning of the day `end`."""
    again, bought = nw.col("day") > nw.col("first"), nw.col("bought") == 1
    known = days.filter(nw.col("day") < end, nw.col("first") < end)  # a credit note alone makes no customer
    second = known.filter(again & bought).group_by("customer_id").agg(second=nw.col("day").min())
    parted = known.join(second, on="customer_id", how="left").with_columns(
        again=nw.when(nw.col("day") == nw.col("second")).then(nw.col("margin")).otherwise(nw.lit(0.0)),
        x=(again & bought).cast(nw.Int64),
        last=nw.when(bought).then(nw.col("day")),
        spend=nw.when(again).then(nw.col("margin")).otherwise(nw.lit(0.0)),
        margin=nw.when(again).then(nw.lit(0.0)).otherwise(nw.col("margin")),
    )
    customers = parted.group_by("customer_id", "first").agg(
        *(nw.col(name).sum() for name in ("x", "spend", "margin", "again")), nw.col("last").max()
    )
    times = {"t_x": nw.col("last") - nw.col("first"), "T": nw.lit(end - 1) - nw.col("first")}
    # To the fourth decimal, as money is stored: sums of floats differ in the last digits, and equal rows must be equal.
    rounded = {name: nw.col(name).round(4) for name in ("spend", "again")}
    return customers.with_columns(**times, **rounded).select("customer_id", "x", "t_x", "T", "spend", "margin", "again")


def _tested(days: nw.LazyFrame, begins: int, ends: int, starts: int) -> dict[str, nw.LazyFrame]:
    """The holdout's rows and the weeks tracked."""
    day, known = nw.col("day"), days.filter(nw.col("first") < begins)
    again = known.filter(day > nw.col("first"), nw.col("bought") == 1)
    inside = {"later": day >= begins, "recent": (day < begins) & (day >= 2 * begins - ends)}
    counted = again.with_columns(**{name: condition.cast(nw.Int64) for name, condition in inside.items()})
    counted = counted.group_by("customer_id").agg(*(nw.col(name).sum() for name in inside))
    histories = _history(known, begins).join(counted, on="customer_id", how="left")
    filled = {name: nw.col(name).fill_null(0) for name in inside}
    weeks = again.with_columns(T=(day - starts) // 7).group_by("customer_id", "T").agg(later=nw.len().cast(nw.Int64))
    weeks = weeks.with_columns(t_x=nw.col("T") - nw.col("T").shift(1).over("customer_id", order_by="T"))
    return {
        HOLDOUT: histories.with_columns(**filled).select(
            "customer_id", "x", "t_x", "T", *inside, ahead=nw.lit(ends - begins), behind=nw.lit(begins - starts)
        ),
        TRACKED: weeks.select("T", "t_x", "later"),
    }


# ---- How long their contracts ran -----------------------------------------------------------------------------------


def contracts(
    tenures: nw.LazyFrame, payments: nw.LazyFrame, period: Period, worth: Worth, dates: Dates = _BY_DAY
) -> nw.LazyFrame:
    """Each spell under contract by months of age, and the test of a forecast of how many stay.

    A month of age runs from one monthly anniversary of the contract to the next, and counts where it was seen whole, so that each
    has a month's exposure; where dates are exact to the month alone, ages are calendar months after that of joining.
    Columns: the first and the last month of age of which it is known whether the contract outlived it (`entry`, `last`), whether it
    was `lost` in the last, the whole months of `age` and whether `there` at the end, and whether it is the first contract of a customer
    won in the last twelve months (`new`); of everybody, the margin per month in all that was seen (`pay`) and whether it is `known`; of
    those there, how many whole months of the last twelve they were customers (`times`), and where `pay` is known, the `margin` in these
    and what it would be at that (`due`).
    Of the holdout the same as known when it begins, how many months of it the customer stayed (`later`), whether there already as
    long before the holdout as it lasts (`before`), and how many months of data lie in it (`ahead`) and before it (`behind`).
    """
    return _contracts(tenures, payments, period, worth.margin_rate, dates)


@once_if_small
def _contracts(
    tenures: nw.LazyFrame, payments: nw.LazyFrame, period: Period, margin_rate: float | None, dates: Dates
) -> nw.LazyFrame:
    first, clock, worth = period.data_from or period.start, _Clock(dates), Worth(margin_rate=margin_rate)
    end = _month_of(period.observed_end)  # the first month that is not seen whole
    runs = spells(tenures, period.observed_end).with_columns(began=_month("since"), over=_month("until"))
    now = clock.as_of(runs, first, _begin(end)).with_columns(there=1 - nw.col("event"))
    since = max(_first_whole_month(first), end - 12)
    paid = _paid(payments, now.filter(nw.col("there") == 1), worth, since, end)
    whole_months = nw.max_horizontal(nw.lit(end - 1) - nw.max_horizontal(nw.col("began"), nw.lit(since - 1)), nw.lit(0))
    mine = nw.col("there") == 1
    won_of_late = (nw.col("began") >= end - 12) & (nw.col("spell") == 0) & (nw.col("since") >= first)
    now = now.join(paid, on="customer_id", how="left")
    now = now.join(_pay(payments, runs, first, worth), on=["customer_id", "spell"], how="left").with_columns(
        times=nw.when(mine).then(whole_months).otherwise(nw.lit(0)),
        known=(~nw.col("pay").is_null()).cast(nw.Int64),
        new=won_of_late.cast(nw.Int64),
    )
    now = now.with_columns(
        margin=nw.when(mine & (nw.col("known") == 1)).then(nw.col("margin").fill_null(0.0)).otherwise(nw.lit(0.0)),
        pay=nw.col("pay").fill_null(0.0),
        due=nw.col("times") * nw.col("pay").fill_null(0.0),
    )
    figures = ("entry", "last", "lost", "age", "there", "new", "margin", "times", "pay", "known", "due")
    parts = {"": now.select("customer_id", *figures)}
    try:
        begins = _first_whole_month(holdout_begins(period))
    except Unavailable:
        return stacked(parts)
    return stacked(parts | {HOLDOUT: _forecast(runs, clock, first, begins, end)})


def _month(column: str) -> nw.Expr:
    """Calendar months since year 0."""
    return nw.col(column).dt.year().cast(nw.Int64) * 12 + nw.col(column).dt.month().cast(nw.Int64) - 1


def _minute_of_day(column: str) -> nw.Expr:
    return nw.col(column).dt.hour().cast(nw.Int64) * 60 + nw.col(column).dt.minute().cast(nw.Int64)


def _month_of(day: datetime) -> int:
    return day.year * 12 + day.month - 1


def _first_whole_month(day: datetime) -> int:
    return _month_of(day) + (day.day > 1)


@dataclass(frozen=True)
class _Clock:
    """How months of age are counted: by anniversaries, or by calendar months where dates are exact to these alone."""

    dates: Dates

    @property
    def by_anniversaries(self) -> bool:
        return self.dates == "day"

    def completed(self, day: datetime) -> nw.Expr:
        """The whole months of age at the beginning of a day."""
        if not self.by_anniversaries:
            return nw.lit(_month_of(day) - 1) - nw.col("began")
        short = (nw.col("since").dt.day() > day.day) | (
            (nw.col("since").dt.day() == day.day) & (_minute_of_day("since") > 0)
        )
        return nw.lit(_month_of(day)) - nw.col("began") - short.cast(nw.Int64)

    def ended_in(self) -> nw.Expr:
        """The month of age in which a contract ended; at an anniversary or with that day, in the month that it closes."""
        passed = nw.col("over") - nw.col("began")
        if not self.by_anniversaries:
            return passed
        same_day = nw.col("until").dt.day() == nw.col("since").dt.day()
        hours_later = (_minute_of_day("until") > _minute_of_day("since")) & (_minute_of_day("until") < _LAST_MINUTE)
        later = (nw.col("until").dt.day() > nw.col("since").dt.day()) | (same_day & hours_later)
        return nw.max_horizontal(passed + later.cast(nw.Int64), nw.lit(1))

    def first_whole(self, day: datetime) -> nw.Expr:
        """The first month of age that is seen whole from a day on."""
        if not self.by_anniversaries:
            return nw.max_horizontal(nw.lit(_first_whole_month(day)) - nw.col("began"), nw.lit(1))
        begun = nw.lit(_month_of(day)) - nw.col("began") + (nw.col("since").dt.day() < day.day).cast(nw.Int64)
        return nw.when(nw.col("since") < day).then(begun + 1).otherwise(nw.lit(1))

    def as_of(self, runs: nw.LazyFrame, first: datetime, end: datetime) -> nw.LazyFrame:
        """entry, last, lost and age of spells as known when the month `end` begins; what began in it or later is not known.

        A loss counts where its month of age would have been seen whole, as those who stayed in it do. By calendar months, who left in
        the month of joining never came to a month that counts.
        """
        ended = (nw.col("event") == 1) & (nw.col("until") < end)
        counted = runs.with_columns(
            gone=ended, age=nw.max_horizontal(self.completed(end), nw.lit(0)), left=self.ended_in()
        ).with_columns(lost=nw.col("gone") & (nw.col("left") <= nw.col("age")))
        return counted.with_columns(
            entry=self.first_whole(first),
            last=nw.when(nw.col("lost")).then(nw.col("left")).otherwise(nw.col("age")),
            lost=(nw.col("lost") & (nw.col("left") > 0)).cast(nw.Int64),
            gone=nw.col("gone").cast(nw.Int64),
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


def _pay(payments: nw.LazyFrame, runs: nw.LazyFrame, first: datetime, worth: Worth) -> nw.LazyFrame:
    """The margin per month of each spell, in all of it that was seen; only where that tells it.

    Fees come once a month, so theirs is the mean fee. Orders come at any time: of those who were seen for less than three months
    they tell too little, and these are left out.
    """
    own = runs.select("customer_id", "spell", "since", "until")
    paid = with_margin(payments, worth).filter(nw.col("ordered_at") >= first).join(own, on="customer_id", how="inner")
    inside = paid.filter(nw.col("ordered_at") >= nw.col("since"), nw.col("ordered_at") <= nw.col("until"))
    monthly = inside.with_columns(month=_month("ordered_at"))
    sums = monthly.group_by("customer_id", "spell").agg(margin=nw.col("margin").sum(), fees=nw.col("month").n_unique())
    if "order_id" not in payments.collect_schema().names():  # the months of contracts
        spans = sums.with_columns(pay=nw.col("margin") / nw.col("fees"))
    else:
        begins = nw.max_horizontal(nw.col("since"), nw.lit(first))
        months = (nw.col("until") - begins).dt.total_minutes() / _MINUTES_A_MONTH
        seen = own.with_columns(months=months).filter(nw.col("months") >= _TELLING)
        spans = seen.join(sums, on=["customer_id", "spell"], how="left")
        spans = spans.with_columns(pay=nw.col("margin").fill_null(0.0) / nw.col("months"))
    positive = nw.max_horizontal(nw.col("pay"), nw.lit(0.0))
    return spans.select("customer_id", "spell", pay=positive.round(4))


def _begin(month: int) -> datetime:
    return datetime(month // 12, month % 12 + 1, 1)


def _forecast(runs: nw.LazyFrame, clock: _Clock, first: datetime, begins: int, end: int) -> nw.LazyFrame:
    """The holdout's rows. They name no customer, since they are not broken down by segment."""
    length, start = end - begins, _begin(begins)
    known = clock.as_of(runs.filter(nw.col("began") < begins), first, start)
    stayed = nw.when(nw.col("event") == 1).then(nw.min_horizontal(nw.col("over"), nw.lit(end)) - begins)
    long_before = _begin(begins - length)
    earlier = (nw.col("began") < begins - length) & nw.lit(long_before >= _begin(_first_whole_month(first)))
    at_risk_then = earlier & ((nw.col("gone") == 0) | (nw.col("until") >= long_before))
    tested = known.with_columns(
        there=1 - nw.col("gone"),
        before=at_risk_then.cast(nw.Int64),
        later=nw.when(nw.col("gone") == 1).then(nw.lit(0)).otherwise(stayed.otherwise(nw.lit(length))),
    )
    columns = ("entry", "last", "lost", "age", "there", "before", "later")
    lengths = {"ahead": nw.lit(length), "behind": nw.lit(begins - _first_whole_month(first))}
    return tested.select(*columns, **lengths)


def value_histories(
    payments: View, tenures: View, joined: View, churn: Churn, worth: Worth, dates: Dates
) -> nw.LazyFrame:
    """The histories to which the CLV model for the client's kind of churn is fitted: of buyers, or of contracts."""
    period = payments.periods.reporting
    if churn.kind == "contractual":
        return contracts(tenures.rows, payments.rows, period, worth, dates)
    there = customers_at(tenures.rows, period.observed_end, churn.history_days)
    return bought(payments.rows, there, joined.rows, period, worth, churn.history_days)
