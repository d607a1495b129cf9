"""Sales: who becomes a customer, how, and for how much."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import narwhals.stable.v2 as nw

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.engine.derived_tables import once
from crmnb.engine.segments import levels_of, with_component
from crmnb.engine.views import View
from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import (
    conversion_over_time,
    growth,
    growth_parts,
    median_by_customer,
    pipeline,
    proportion,
)
from crmnb.metrics.features.revenue import sold, with_net_revenue
from crmnb.metrics.measures import Measure, calendar_days, money_mean, of_counts, share
from crmnb.schema.client import Segments
from crmnb.stats.growth import MOST_COMPARISONS, sides_of, spans, who_of

_NEVER = datetime(9999, 1, 1)  # later than any refund

# ---- Leads ----------------------------------------------------------------------------------------------------------
# Their evidence carries no customer: mostly those alone have one who were won, so that by a customer's region every lead
# would look won. Leads are broken down by columns of their own (source, seller).


def _as_seen(leads: nw.LazyFrame, at: datetime | nw.Expr | None, *times: str) -> nw.LazyFrame:
    """The leads as they stood at a time: what lies after it had not happened yet, or is a plan.

    What is dated before the day of the lead's creation cannot be and is left out; the lead itself counts.
    """
    created = nw.col("created_at").dt.truncate("1d")
    for name in times:
        happened = nw.col(name).dt.truncate("1d") >= created
        happened = happened if at is None else happened & (nw.col(name) < at)
        leads = leads.with_columns(**{name: nw.when(happened).then(nw.col(name))})
    return leads.drop("customer_id", strict=False)


def _is(time: str) -> nw.Expr:
    """1 where a time is there, else 0."""
    return (~nw.col(time).is_null()).cast(nw.Int64)


def _days_to(time: str) -> nw.Expr:
    """Calendar days from a lead's creation to another of its times."""
    return calendar_days("created_at", time)


def _within(days: int, *times: str) -> nw.Expr:
    """1 where one of the times lies within so many calendar days of a lead's creation, else 0."""
    return nw.max_horizontal(*((_days_to(time) <= days).fill_null(False).cast(nw.Int64) for time in times))


def _decided_at() -> nw.Expr:
    """When a lead was decided: won, even if it had been given up before or fell through later; else lost."""
    return nw.coalesce(nw.col("won_at"), nw.col("lost_at"))


def _own(rows: View, table: str, segments: Segments, *counted: str) -> list[str]:
    """The table's own columns that the client breaks figures down by.

    Raises Unavailable where one has a name that the evidence needs for what is `counted` in it.
    """
    columns = [
        column for name, _, column in (each.column.partition(".") for each in segments.values()) if name == table
    ]
    own = [name for name in dict.fromkeys(columns) if name in rows.columns]
    if taken := [name for name in own if name in (*counted, "breakdown", "cluster", "customer_id", "fold", "n")]:
        raise Unavailable(Note("reserved_column", column=f"{table}.{taken[0]}"))
    return own


@metric(
    title="Lead conversion rate",
    unit="%",
    kind="output",
    direction="up",
    hand_count="5 / 11",
)
def lead_conversion_rate(leads, *, maturity_days=90):
    """Share of the leads created in the period that were won within `maturity_days` days of their creation.

    A lead that was given up and won all the same is won, and so is one that fell through afterwards. A win dated before the day of
    the lead's creation is no win; the lead counts, and how many such there are is said beside it.

    Why: it connects marketing and sales; a month of the trend is the leads created in it. All leads
        have the same time, so that older cohorts, which could be won for longer, do not look better.
    Caution: a cohort that ended less than `maturity_days` ago has not had that time: it is called immature, and looks worse than it
        is. What is won later is not in it; the conversion curve tells how much that is.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 6 (the sales pipeline); Wilson 1927
        (interval).
    """
    seen = leads.derive(_as_seen, leads.periods.cutoff, "won_at")
    created = seen.during("created_at", maturity_days=maturity_days)
    won = _within(maturity_days, "won_at") == 1
    return share(created, won, numerator="leads won within the follow-up", denominator="leads created in the period")


@metric(
    title="Cumulative win rate",
    unit="%",
    kind="output",
    direction="up",
    hand_count={"won within 30 days": "13 / 33", "won within 90 days": "17 / 33", "won within 180 days": "21 / 33"},
)
def cumulative_win_rate(leads, *, segments: Segments):
    """Share of the leads created in the period that are won within 30, 90, 180 and 365 days, as far as that has been seen.

    A lead that is not won counts as not won for as long as it has been followed, to the end of the data, whether it was lost or is
    open still: so a lost lead that is won back counts as won, and the date of the loss is not needed.

    Why: it compares new and old cohorts at the same age, and shows how long further wins take.
    Caution: a lost lead is not out of sight: to leave the lost ones out from their loss on (1 less Kaplan-Meier of those still
        open) can say twice as much as is true. The last steps rest on the few leads followed that long.
    Source: Fine & Gray 1999, JASA 94:496, 3.1 (who has had the competing event stays in the risk set until the end of follow-up, where
        that is known of all); Kaplan & Meier 1958, JASA 53:457; Choudhury 2002, Statistics in Medicine 21:1129 (log-log interval).
    """
    times = [name for name in ("won_at", "lost_at") if name in leads.columns]
    cutoff = leads.periods.cutoff
    seen = leads.derive(_as_seen, cutoff, *times).during("created_at")
    last_day = nw.col("period_end") - timedelta(days=1) if cutoff is None else nw.lit(cutoff - timedelta(days=1))
    decided = {"ended_at": nw.col("won_at"), "outcome": _is("won_at")}
    if "lost_at" in times:
        decided = {"ended_at": _decided_at(), "outcome": _is("won_at") + 2 * _is("lost_at") * (1 - _is("won_at"))}
    ended = seen.with_columns(**decided, last_day=last_day)
    ended = ended.with_columns(ended_at=nw.coalesce("ended_at", "last_day"))
    columns = _own(leads, "leads", segments, "days", "followed", "outcome")
    cases = ended.with_columns(days=_days_to("ended_at"), followed=_days_to("last_day")).select(
        "period_id", "days", "followed", "outcome", *columns
    )
    return of_counts(
        cases,
        conversion_over_time,
        numerator="leads won within the days after their creation",
        denominator="leads created in the period",
        breakdown="age of the lead",
    )


STAGES = ("qualified_at", "proposed_at")


@metric(
    title="Stage conversion",
    unit="%",
    kind="process",
    direction="up",
    hand_count={"1 lead to qualified": "9 / 11", "2 qualified to proposed": "8 / 9", "3 proposed to won": "5 / 8"},
)
def stage_conversion(leads, *, stages="", maturity_days=90):
    """Step by step, the share of leads that reached a stage of those that reached the one before; the first is of all created.

    What a lead reached within `maturity_days` days of its creation counts, so that all have had the same time.
    A lead has reached a stage whose time it has, or that of a later one: who buys without a proposal has skipped no step.
    `stages` are the columns of the stages' times in order; by default those of qualified_at, proposed_at that the client has.

    Why: it shows at which stage leads are lost.
    Caution: leads that take longer count as not having come further, and in an immature cohort those still under way too, so it
        looks worst in its last steps.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 6 (the sales funnel).
    """
    told = [name.strip() for name in stages.split(",") if name.strip()]
    there = leads.columns
    times = told or [name for name in STAGES if name in there]
    if not times:
        raise Unavailable(Note("needs_stages"))
    times = [*dict.fromkeys([*times, "won_at"])]
    seen = leads.derive(_as_seen, leads.periods.cutoff, *times)
    created = seen.during("created_at", maturity_days=maturity_days)
    names = ["lead", *(name.removesuffix("_at").replace("_", " ") for name in times)]
    reached = [_within(maturity_days, *times[at:]) for at in range(len(times))]
    created = created.with_columns(
        reached_0=nw.lit(1), **{f"reached_{at + 1}": each for at, each in enumerate(reached)}
    )
    steps = [
        created.filter(nw.col(f"reached_{at}") == 1).with_columns(
            breakdown=nw.lit(f"{at + 1} {names[at]} to {names[at + 1]}"),
            num=nw.col(f"reached_{at + 1}"),
            den=nw.lit(1),
        )
        for at in range(len(times))
    ]
    return Measure(
        nw.concat(steps),
        proportion,
        numerator="leads that reached the stage",
        denominator="leads created in the period that reached the stage before",
        breakdown="stage",
    )


@metric(
    title="Win rate",
    unit="%",
    kind="output",
    direction="up",
    hand_count="6 / 8",
)
def win_rate(leads):
    """Share of the proposals decided in the period, whenever they were made, that were won.

    Why: proposals are expensive, and this is their yield. It needs no follow-up, as it contains decided proposals only.
    Caution: what is left undecided is in neither part: whoever never closes the lost ones has a fine rate. Quick decisions of new
        proposals come in before slow ones, so it moves when their number does.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 6 (the sales pipeline).
    """
    times = ("proposed_at", "won_at", "lost_at")
    seen = leads.derive(_as_seen, leads.periods.cutoff, *times).filter(~nw.col("proposed_at").is_null())
    decided = seen.derive(lambda rows: rows.with_columns(decided_at=_decided_at())).during("decided_at")
    won = _is("won_at") == 1
    return share(decided, won, numerator="proposals won", denominator="proposals decided in the period")


# ---- Visits ---------------------------------------------------------------------------------------------------------


@once
def _sessions(visits: nw.LazyFrame) -> nw.LazyFrame:
    """The sessions of which it is known whether they `converted`; `customer_id` is who it was, as far as can be told.

    That is a customer under all their visitor ids, or else the visitor id: one that no session, or those of several customers, name.
    """
    known = visits.filter(~nw.col("converted").is_null())
    if "customer_id" not in visits.collect_schema().names():
        return known.with_columns(customer_id=nw.col("visitor_id"))
    named = visits.filter(~nw.col("customer_id").is_null())
    each = named.group_by("visitor_id").agg(one=nw.col("customer_id").min(), other=nw.col("customer_id").max())
    alone = each.filter(nw.col("one") == nw.col("other")).select("visitor_id", known_as="one")
    found = known.join(alone, on="visitor_id", how="left")
    return found.with_columns(customer_id=nw.coalesce("customer_id", "known_as", "visitor_id")).drop("known_as")


@metric(
    title="Visitor conversion rate",
    unit="%",
    kind="output",
    direction="up",
    hand_count={"newsletter": "2 / 9", "purchase": "4 / 9"},
)
def visitor_conversion_rate(visits):
    """Share of the period's visitors who reached a goal in it (bought, subscribed ...), goal by goal.

    A visitor is a customer, under however many visitor ids; else a visitor id.

    Why: people often visit several times before they act; a rate of sessions counts each earlier visit as a failure.
    Caution: whoever deletes cookies or changes device without being known is counted again, which makes the rate too low. A longer
        period leaves more time to act: compare periods of equal length. Sessions of which nobody knows are left out.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 9 (visitors and conversion); Wilson
        1927 (interval).
    """
    sessions = visits.derive(_sessions).during("started_at")
    goals = (
        levels_of(visits.rows, "goal")
        .rename({"level": "breakdown"})
        .group_by("breakdown")
        .agg(goals=nw.len())
        .select("breakdown")
    )
    who = ("period_id", "customer_id")
    visitors = sessions.group_by(*who).agg(visits=nw.len()).select(*who)
    converted = sessions.filter(nw.col("converted"), ~nw.col("goal").is_null())
    acted = with_component(converted, visits.rows, "goal").with_columns(num=nw.lit(1))
    reached = acted.group_by(*who, "breakdown").agg(num=nw.col("num").max())
    found = visitors.join(goals, how="cross").join(reached, on=[*who, "breakdown"], how="left")
    return share(
        found,
        nw.col("num").fill_null(0) == 1,
        numerator="visitors who reached the goal",
        denominator="visitors in the period",
        breakdown="goal",
        depends_on_length=True,
    )


@metric(
    title="Session conversion rate",
    unit="%",
    kind="output",
    direction="up",
    hand_count="8 / 13",
)
def session_conversion_rate(visits):
    """Share of the period's web sessions in which the visitor reached a goal, whichever it was.

    Why: it reacts first to changes of the site, and is what most web statistics call conversion.
    Caution: most people look several times before they act, so it is lower than the share of visitors who do. Sessions of which it
        is not known are left out. The interval counts visitors, not sessions.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 9 (visits and conversion); Kish 1965,
        Survey Sampling, 8.2 (effective n).
    """
    sessions = visits.derive(_sessions).during("started_at")
    words = {"numerator": "sessions with the action", "denominator": "sessions in the period"}
    return share(sessions, nw.col("converted"), **words)


# ---- Revenue --------------------------------------------------------------------------------------------------------


@metric(
    title="Sales growth",
    unit="%",
    kind="outcome",
    direction="up",
    hand_count={"": "2029.5 / (432 - 22) - 1"},
)
def sales_growth(all_orders, *, segments: Segments):
    """Net revenue against that of a year before, less 1, like for like.

    A month (or up to two) is set against the same weekdays 52 weeks earlier; a longer period against the same days of the
    calendar, 29 February left out; of more than a year the last year counts. Net revenue is what was ordered less what was
    refunded of it, cancelled orders left out. Beside it: on the previous period (per day), where that is not the year before, and,
    where two years or more lie before, compounded per year. Of the time before, refunds count that were known as long after its
    end as the data reach beyond the period's.

    Why: a month with five Saturdays is not better business than one with four; day against like day takes that out. A year
        has what is billed by the month twelve times, which the same weekdays would not.
    Caution: Easter and other feasts that move are not taken out, nor are prices. Growth on the previous period has the seasons in it,
        and what is billed by the month looks more in a shorter one. Growth is a comparison already: it is compared with no other.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 4 (growth, like for like, compounded);
        Lazarus, Lewis, Stock & Watson 2018, Journal of Business & Economic Statistics 36:541, and Kish 1965, Survey Sampling, 6.5
        (interval, the wider of weeks and customers as units, see crmnb.stats.growth).
    """
    compared = all_orders.periods.table(_spans)
    most = max(len(spans(period)) for period in all_orders.periods.by_place.values())
    inside = [f"in_{at}" for at in range(most)]
    own = _own(all_orders, "orders", segments, "day", "net", "span", "period_id", *inside)
    known = ["customer_id"] if "customer_id" in all_orders.columns else []
    at, day = nw.col("ordered_at"), nw.col("ordered_at").dt
    in_span = all_orders.where(
        at >= nw.col("span_start"),
        at < nw.col("span_end"),
        (nw.col("leap_days") == 1) | ~((day.month() == 2) & (day.day() == 29)),
        beside=compared,
    )
    revenue = sold(in_span, nw.col("known_at")).with_columns(
        day=day.truncate("1d"), net_=nw.col("net").cast(nw.Float64)
    )
    bought = revenue.with_columns(
        **{name: (nw.col("span") == place).cast(nw.Int64) for place, name in enumerate(inside)},
        **{
            name: nw.when(nw.col("span") == nw.col(f"{name}_span")).then(nw.col("net_")).otherwise(0.0)
            for name in _SIDES
        },
    )
    facts = {
        "numerator": "net revenue of the period / net revenue of comparable days a year earlier - 1",
        "denominator": "orders in both periods",
        "breakdown": "against what",
        "compares": True,
    }
    bought = bought.with_columns(**_products()).select(
        "period_id", *known, *own, "day", "net", "span", *inside, *_products(), *_SIDES
    )
    if not known:
        return of_counts(bought.drop(*_SIDES), growth, **facts)
    bought = bought.with_columns(breakdown=nw.lit(""))
    daily = bought.with_columns(**{name: _none_of(name) for name in inside}).drop(*_SIDES)
    by_buyer = (each.select(daily.columns) for by in ("", *own) for each in _buyers(bought, by, inside))
    return of_counts(nw.concat([daily, *by_buyer]), growth, **facts)


_SIDES = [f"{side}_{at}" for at in range(MOST_COMPARISONS) for side in ("now", "before")]


def _spans(period: Period) -> list[dict[str, Any]]:
    """The spans of days that a period's revenue is compared over, and the places among them of the two sides of each comparison."""
    sides = {f"{side}_{at}_span": place for at, pair in enumerate(sides_of(period)) for side, place in pair.items()}
    return [
        {
            "span": at,
            "span_start": span.start,
            "span_end": span.end,
            "leap_days": int(span.leap_days),
            "known_at": span.known_at or _NEVER,
            **sides,
        }
        for at, span in enumerate(spans(period))
    ]


def _products() -> dict[str, nw.Expr]:
    """The products of what was brought in the two sides of each comparison, whose sums the interval needs."""
    return {
        f"{a}_{b}_{at}": nw.col(f"{a}_{at}") * nw.col(f"{b}_{at}")
        for at in range(MOST_COMPARISONS)
        for a, b in (("now", "now"), ("now", "before"), ("before", "before"))
    }


def _buyers(bought: nw.LazyFrame, by: str, inside: list[str]) -> list[nw.LazyFrame]:
    """Who bought in which spans: each customer (in each level of a column of the orders) once, and orders without one."""
    keys = ["period_id", "customer_id", *([by] if by else [])]
    named = ~nw.col("customer_id").is_null()
    figures = {*inside, *_SIDES, *_products()}
    others = [name for name in bought.columns if name not in (*keys, "breakdown", *figures)]
    net = {f"of_{name}": nw.col(name) * nw.col("net").cast(nw.Float64) for name in inside}
    totals = bought.filter(named).with_columns(**net).group_by(*keys)
    each = totals.agg(*(nw.col(name).sum() for name in (*net, *_SIDES)), *(nw.col(name).min() for name in others))
    each = each.with_columns(**{name: (nw.col(f"of_{name}") > 0).cast(nw.Int64) for name in inside}, **_products())
    emptied = {name: _none_of(name) for name in others} | {"breakdown": nw.lit(who_of(by))}
    return [rows.with_columns(**emptied) for rows in (each, bought.filter(~named))]


def _none_of(name: str) -> nw.Expr:
    """Null, of a column's type."""
    return nw.when(nw.lit(False)).then(nw.col(name))


def _side(orders: nw.LazyFrame, period: Period, side: str, against: str) -> nw.LazyFrame:
    """A period's buyers, one row each (and one of all orders without a customer), with orders and revenue."""
    inside = orders.filter(period.holds("ordered_at")).group_by("customer_id")
    buyers = inside.agg(orders=nw.len(), net=nw.col("net").sum())
    known = (~nw.col("customer_id").is_null()).cast(nw.Int64)
    return buyers.with_columns(side=nw.lit(side), against=nw.lit(against), known=known)


@metric(
    title="Revenue bridge",
    unit="money",
    kind="outcome",
    direction="-",
    hand_count={
        "before": "432",
        "customers": "245.836489475",
        "frequency": "233.277197725",
        "order value": "1111.386312800",
        "without a customer": "7",
        "now": "2029.5",
    },
)
def revenue_bridge(all_orders, *, segments: Segments):
    """The change of net revenue since the same period a year before, as money owed to customers, frequency and order value.

    Revenue = customers x orders per customer x revenue per order: each gets its share by the logarithmic mean, and nothing is
    left over. Where the data do not reach back a year, the period just before is taken. Orders without a customer stand apart,
    unless they are too few to be shown. Of the time before, refunds count that were known as long after its end as the data
    reach beyond the period's.

    Why: more customers, more orders per customer and larger orders are three sources of growth that need different measures.
    Caution: it shows how revenue grew, not why. The days are those of the calendar, so that it adds up to the books (but for
        refunds that came later): growth on like-for-like days differs by a little, and a longer month has more days. Levels of a segment have their own three parts, which do not add up to the whole's.
    Source: Ang 2004, Energy Policy 32:1131, and 2005, Energy Policy 33:867 (logarithmic mean Divisia index, additive).
    """
    period = all_orders.periods.reporting
    seen = period if not period.partial else replace(period, end=period.observed_end, months=0)
    choices = [each for each in (seen.year_before, seen.previous) if not each.partial]
    if not choices:
        needed, begins = str(seen.previous.start.date()), str(period.data_from.date())
        raise Unavailable(Note("needs_earlier_period", needed=needed, begins=begins))
    before = choices[0]
    known_at = before.as_long_after(seen)
    sides = [
        _side(sold(all_orders.rows), seen, "now", before.label),
        _side(sold(all_orders.rows, known_at), before, "before", before.label),
    ]
    return of_counts(
        nw.concat(sides),
        growth_parts,
        numerator="net revenue of both periods and the parts of the difference",
        denominator="buyers in both periods",
        breakdown="part",
        compares=True,
    )


@metric(
    title="Average order value",
    unit="money",
    kind="outcome",
    direction="up",
    hand_count="2029.5 / 26",
)
def average_order_value(orders):
    """Net revenue per order: what was ordered less what was refunded of it; cancelled and wholly refunded orders are out.

    Why: together with customers and frequency it makes up revenue, and it reacts first to offers and prices.
    Caution: a few large orders raise it; the median shows the typical order. The interval counts customers, not orders, as
        one customer's orders are alike.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 9 (average order value); Hall 1992,
        JRSS-B 54:221 (interval).
    """
    inside = orders.derive(with_net_revenue).during("ordered_at")
    words = {"numerator": "net revenue", "denominator": "orders in the period"}
    return money_mean(inside, nw.col("net"), bounds=(0, float("inf")), **words)


@metric(
    title="Median order value",
    unit="money",
    kind="outcome",
    direction="up",
    hand_count="(29 + 33) / 2",
)
def median_order_value(orders):
    """The net revenue that half of the period's orders stay below.

    Why: a few large orders do not change it, so it shows the typical order.
    Caution: it says nothing about the sum: revenue can grow by large orders alone, and the median stays.
    Source: Woodruff 1952, JASA 47:635, with the score limits of Korn & Graubard 1998, Survey Methodology 24:193 (interval, by customer).
    """
    orders.periods.without_parts()
    inside = orders.derive(with_net_revenue).during("ordered_at")
    facts = {
        "numerator": "net revenue of the order in the middle",
        "denominator": "orders in the period",
    }
    if "customer_id" not in orders.columns:
        alone = inside.select("period_id", net=nw.col("net"), squares=nw.lit(1), orders=nw.lit(1))
        return of_counts(alone, median_by_customer, **facts)
    known, who = ~nw.col("customer_id").is_null(), ("period_id", "customer_id")
    place, orders_of = nw.col("net").rank("ordinal").over(*who), nw.len().over(*who)
    placed = inside.select(
        *who,
        net=nw.col("net"),
        squares=nw.when(known).then(2 * place - 1).otherwise(nw.lit(1)),
        orders=nw.when(known).then(orders_of).otherwise(nw.lit(1)),
    )
    return of_counts(placed, median_by_customer, **facts)


@metric(
    title="Sales velocity",
    unit="money per day",
    kind="process",
    direction="up",
    hand_count="3 * (6 / 10) * (1500 / 5) / 30",
)
def sales_velocity(leads, *, segments: Segments, maturity_days=90):
    """What the leads open at the period's end are worth per day: open leads x win rate x mean amount / median days to win.

    The last three are those of leads that have had time: created in the year that ended `maturity_days` before the period's end,
    as they stood then. Leads that are older than these and open still are not counted: nobody has closed them.

    Why: it joins how many, how often, how much and how fast, so it shows what a gain in one and a loss in another come to.
    Caution: it is an index, not a forecast: an open lead may be won less often than a fresh one, and the lost ones' time is not in
        it. Leads that nobody closes swell it until they are too old to count. Amounts that were never filled in are left out of the mean.
    Source: Little 1961, Operations Research 9:383 (what passes through = what is inside / time inside); intervals by resampling leads,
        Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 13.
    """
    leads.periods.require_history(maturity_days + 365, of="observed_end")
    end = nw.col("observed_end")
    last, first = end - timedelta(days=maturity_days), end - timedelta(days=maturity_days + 365)
    recent = leads.where(nw.col("created_at") >= first, nw.col("created_at") < end)
    seen = _as_seen(recent, end, "won_at", "lost_at").with_columns(decided_at=_decided_at())
    mature = (nw.col("created_at") < last).cast(nw.Int64)
    flagged = seen.with_columns(open=1 - _is("decided_at"), mature=mature, won=_is("won_at") * mature)
    told = flagged.filter((nw.col("open") == 1) | (nw.col("mature") == 1))
    is_won = nw.col("won") == 1
    own = _own(leads, "leads", segments, "open", "mature", "won", "days", "brought", "priced")
    cases = told.select(
        *("period_id", "open", "mature", "won", *own),
        cluster=nw.col("lead_id"),
        days=nw.when(is_won).then(_days_to("won_at")),
        brought=nw.when(is_won).then(nw.col("amount")).otherwise(nw.lit(0)),
        priced=nw.when(is_won).then(_is("amount")).otherwise(nw.lit(0)),
    )
    return of_counts(
        cases,
        pipeline,
        numerator="open leads x win rate x mean amount won / median days to win",
        denominator="leads, open or with time to be won",
    )
