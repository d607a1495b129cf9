"""Spells: spans in which somebody is a customer, joined where they touch; and the gaps between a customer's orders."""

from datetime import datetime, timedelta

import narwhals.stable.v2 as nw

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.engine.derived_tables import once
from crmnb.engine.segments import band, levels_of
from crmnb.engine.views import View
from crmnb.metrics.features.customer_base import without_earlier
from crmnb.schema.client import Churn, Segment, Segments
from crmnb.schema.tables import UNKNOWN

_EPOCH = datetime(1970, 1, 1)
_NEVER = datetime(9999, 1, 1)  # the end of a span that has none


@once
def spells(tenures: nw.LazyFrame, end: datetime) -> nw.LazyFrame:
    """Each customer's spells as known at `end`: spans that touch or overlap are one; who came and left at one time was a customer.

    tenures: customer_id, since, until (null: none yet). Gives a row per customer and `spell` (0 is the first): since, until (of who is
    still a customer at `end`, that) and `event`, 1 where the spell was over before `end`.
    """
    spans = tenures.filter(nw.col("since") < end, _ends() >= nw.col("since")).with_columns(observed_end=nw.lit(end))
    return _joined(spans, "customer_id").drop("observed_end")


def spells_in_periods(tenures: View) -> nw.LazyFrame:
    """The same as known at each period's end, of each customer in each period."""
    spans = tenures.where(nw.col("since") < nw.col("observed_end"), _ends() >= nw.col("since"))
    return _joined(spans, "period_id", "period_start", "customer_id")


def _ends() -> nw.Expr:
    return nw.col("until").fill_null(_NEVER)


def _joined(spans: nw.LazyFrame, *who: str) -> nw.LazyFrame:
    """The spells of spans that touch, known at `observed_end`."""
    within = {"order_by": ["since", "until"]}
    ended = spans.select(*who, "observed_end", "since", until=_ends())
    reached = ended.with_columns(reached=nw.col("until").cum_max().over(*who, **within))
    before = reached.with_columns(before=nw.col("reached").shift(1).over(*who, **within))
    apart = (nw.col("since") > nw.col("before")).cast(nw.Int64).fill_null(0)
    numbered = before.with_columns(spell=apart.cum_sum().over(*who, **within))
    joined = numbered.group_by(*who, "observed_end", "spell").agg(
        since=nw.col("since").min(), last=nw.col("until").max()
    )
    over = nw.col("last") < nw.col("observed_end")
    return joined.select(
        *who,
        "observed_end",
        "spell",
        "since",
        until=nw.when(over).then(nw.col("last")).otherwise(nw.col("observed_end")),
        event=over.cast(nw.Int64),
    )


@once
def first_spells(tenures: nw.LazyFrame, joined: nw.LazyFrame, period: Period, churn: Churn) -> nw.LazyFrame:
    """How long customers stay, from their first day on: a row per customer, `entry`, `duration` (in days) and `event`.

    As known at the end of the period, of each customer's first spell. Who joined before the data begin is seen from then on
    only (`entry`), and not at all if gone by then. Where customers are lost by inactivity, a spell that begins so soon after the
    data do that an earlier order could have begun it is left out: nobody knows how long it lasted. So is that of who joined before
    the data begin by the client's list (`joined`, see `crmnb.metrics.features.customer_base.first_joined`): it is not the first.
    """
    first = spells(tenures, period.observed_end).filter(nw.col("spell") == 0)
    if period.data_from is None:
        return first.select("customer_id", "event", entry=nw.lit(0), duration=days("since", "until"))
    if churn.kind == "inactivity":
        known_from = period.data_from + timedelta(days=churn.history_days)
        first = without_earlier(first, joined, period.data_from)
        return first.filter(nw.col("since") >= known_from).select(
            "customer_id", "event", entry=nw.lit(0), duration=days("since", "until")
        )
    begun = first.with_columns(begins=nw.lit(period.data_from), duration=days("since", "until"))
    unseen = days("since", "begins")
    entered = begun.with_columns(entry=nw.when(unseen > 0).then(unseen).otherwise(nw.lit(0)))
    seen = (nw.col("entry") == 0) | (nw.col("duration") > nw.col("entry"))
    return entered.filter(seen).select("customer_id", "event", "entry", "duration")


def purchases(orders: nw.LazyFrame, *periods: str) -> nw.LazyFrame:
    """The purchase occasions: a row per customer and `day` with an order; periods: `period_id`, where the orders are in several.

    A basket that is split into orders, within minutes, is one purchase: models of buying count days with a transaction
    (Fader, Hardie & Lee 2005, Marketing Science 24:275), and so does everything here that counts how often somebody buys.
    Money per order counts orders.
    """
    dated = orders.with_columns(day=nw.col("ordered_at").dt.truncate("1d"))
    who = (*periods, "customer_id", "day")
    return dated.group_by(*who).agg(orders=nw.len()).select(*who)


def gaps(orders: nw.LazyFrame, end: datetime) -> nw.LazyFrame:
    """How long from each purchase (`purchases`) before `end` to the same customer's next, as known then.

    Gives `gap` (calendar days), `complete` (1 where the next purchase came; 0: days that were seen whole without one) and `m`, how
    many complete gaps the customer has. The open gap of a customer who has complete ones is left out, as `crmnb.stats.models.recurrent_gaps` does.
    """
    seen = purchases(orders.filter(nw.col("ordered_at") < end))
    complete = seen.group_by("customer_id").agg(m=nw.len().cast(nw.Int64) - 1)
    following = nw.col("day").shift(-1).over("customer_id", order_by="day")
    followed = seen.with_columns(next=following, end=nw.lit(end)).join(complete, on="customer_id", how="inner")
    used = followed.filter(~nw.col("next").is_null() | (nw.col("m") == 0))
    over = (~nw.col("next").is_null()).cast(nw.Int64)
    until_next = nw.when(over == 1).then(days("day", "next")).otherwise(days("day", "end") - 1)
    return used.select("customer_id", "m", complete=over, gap=until_next)


def days(start: str, end: str) -> nw.Expr:
    """The calendar days from the time in one column to that in another: midnights between them."""
    passed = nw.col(end).dt.truncate("1d") - nw.col(start).dt.truncate("1d")
    return (passed.dt.total_minutes() / (24 * 60)).cast(nw.Int64)


def buying(tenures: nw.LazyFrame, joined: nw.LazyFrame, period: Period, churn: Churn) -> nw.LazyFrame:
    """How often and when each customer bought until the period's end, where churn is by inactivity (each span begins with an order).

    Days with an order after the first (`x`), days from the first to the last (`t_x`) and to the end (`T`), `there`, 1 of who is a
    customer then, and `before` and `wait` (see `with_unseen`).
    """
    end = period.observed_end
    ordered = tenures.filter(nw.col("since") < end).with_columns(day=nw.col("since").dt.truncate("1d"))
    daily = ordered.group_by("customer_id", "day").agg(last=nw.col("since").max())
    customers = daily.group_by("customer_id").agg(
        buys=nw.len(), first_day=nw.col("day").min(), last_day=nw.col("day").max(), last=nw.col("last").max()
    )
    histories = customers.with_columns(end=nw.lit(end)).select(
        "customer_id",
        x=nw.col("buys") - 1,
        t_x=days("first_day", "last_day"),
        T=days("first_day", "end"),
        there=(nw.col("last") >= end - timedelta(days=churn.inactivity_days)).cast(nw.Int64),
    )
    return with_unseen(histories, joined, period, churn.history_days, (end - _EPOCH).days)


def with_unseen(rows: nw.LazyFrame, joined: nw.LazyFrame, period: Period, look_back: int, until: int) -> nw.LazyFrame:
    """Customers' rows with what is known of the time before the data: `before`, the days from joining until the data begin, and
    `wait`, those from then to the first purchase seen; both 0 of who joined later.

    rows: customer_id, and `T`, the days from the first purchase seen to the day `until` (its number since 1970). joined: customer_id and
    joined_at, as the client's list says. Of who is not in it, a first purchase within the look-back (days) after the data begin may be
    one of many: they are taken to have been customers for as long before as the data last, on which little hangs; as that is
    a guess, their `before` is negative.
    """
    if period.data_from is None:
        return rows.with_columns(before=nw.lit(0), wait=nw.lit(0))
    lasted = until - (period.data_from - _EPOCH).days
    known = joined.with_columns(begins=nw.lit(period.data_from)).select(
        "customer_id", earlier=days("joined_at", "begins")
    )
    waited = nw.max_horizontal(nw.lit(lasted) - nw.col("T"), nw.lit(0))
    of_unknown = nw.when(waited < look_back).then(nw.lit(-lasted)).otherwise(nw.lit(0))
    listed = nw.max_horizontal(nw.col("earlier"), nw.lit(0))
    customers = rows.join(known, on="customer_id", how="left").with_columns(
        before=nw.when(nw.col("earlier").is_null()).then(of_unknown).otherwise(listed), wait=waited
    )
    wait = nw.when(nw.col("before") != 0).then(nw.col("wait")).otherwise(nw.lit(0))
    return customers.with_columns(wait=wait).drop("earlier")


def under_contract(tenures: nw.LazyFrame, joined: nw.LazyFrame, period: Period, churn: Churn) -> nw.LazyFrame:
    """Each customer's first spell (as `first_spells`; missing where it was not seen), and `age`: of who is still there, the days so far."""
    there = spells(tenures, period.observed_end).filter(nw.col("event") == 0)
    aged = there.select("customer_id", age=days("since", "until"))
    first = first_spells(tenures, joined, period, churn)
    everybody = nw.concat([aged.select("customer_id"), first.select("customer_id")])
    known = everybody.group_by("customer_id").agg(rows=nw.len()).select("customer_id")
    return known.join(first, on="customer_id", how="left").join(aged, on="customer_id", how="left")


def attributes(customers: nw.LazyFrame, segments: Segments) -> nw.LazyFrame:
    """The level of every customer in each segmentation by an attribute of customers, but not by tenure: columns `of <name>`."""
    columns = {
        name: segment
        for name, segment in segments.items()
        if segment.column.startswith("customers.") and not segment.years
    }
    if not columns:
        raise Unavailable(Note("needs_customer_segmentation"))
    levels = customers.select("customer_id")
    for name, segment in columns.items():
        column = segment.column.removeprefix("customers.")
        level = customers.select("customer_id", own=_level(segment, column))
        if not segment.bands:
            level = level.join(levels_of(customers, column), on="own", how="left").drop("own").rename({"level": "own"})
        levels = levels.join(level.rename({"own": f"of {name}"}), on="customer_id", how="left")
    return levels.with_columns(**{f"of {name}": nw.col(f"of {name}").fill_null(UNKNOWN) for name in columns})


def _level(segment: Segment, column: str) -> nw.Expr:
    if not segment.bands:
        return nw.col(column).cast(nw.String)
    number = nw.col(column).cast(nw.Float64)
    level = nw.lit(band(segment.bands, len(segment.bands)))
    for i, cut in reversed(list(enumerate(segment.bands))):
        level = nw.when(number < cut).then(nw.lit(band(segment.bands, i))).otherwise(level)
    return nw.when(number.is_null()).then(None).otherwise(level)
