"""Web site: sessions, visitors, how long they stay and how many leave at once."""

from dataclasses import replace

import narwhals.stable.v2 as nw

from crmnb.engine.segments import with_component
from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import Estimator, states
from crmnb.metrics.features.leads import own_columns
from crmnb.metrics.features.visits import by_visitor, is_measured
from crmnb.metrics.measures import count, month_of_year, of_counts, placed_by_customer, share
from crmnb.schema.client import Segments
from crmnb.schema.tables import UNKNOWN

_TIME_ON_SITE = Estimator(
    "median",
    "counts",
    "time_on_site.median",
    "Woodruff's, by visitor",
    sums=("squares", "units"),
    moves="time_on_site.moves",
)
_BY_MONTH = replace(states, chart="years")
_MISSING = "without a measured time"  # as `crmnb.stats.time_on_site` knows them
_SESSIONS = "sessions in the period"


@metric(title="Web site visits", unit="count", kind="output", direction="up", hand_count="15")
def website_visits(visits):
    """Number of web sessions that began in the period.

    Why: it is the reach of the web site, and the base of all that happens there.
    Caution: sessions of bots count, unless the web statistics leave them out; who refuses cookies may not count.
    Source: Chaffey & Ellis-Chadwick 2019, Digital Marketing, 7th ed., chapter 10 (web analytics).
    """
    sessions = visits.derive(by_visitor).during("started_at")
    return count(sessions, of="web sessions", always=("",), depends_on_length=True)


@metric(
    title="Visits by source",
    unit="count",
    kind="output",
    direction="-",
    hand_count={"direct": "5", "search": "6", "mail": "3", UNKNOWN: "1"},
)
def visits_by_source(visits):
    """Number of web sessions that began in the period, by the source through which the visitor came.

    Why: it shows which channel brings visitors, and which one dries up.
    Caution: the source is that of the last click; what a visitor saw before is not in it. Direct is also what the web statistics cannot tell.
    Source: Chaffey & Ellis-Chadwick 2019, Digital Marketing, 7th ed., chapter 10 (web analytics).
    """
    sessions = with_component(visits.derive(by_visitor).during("started_at"), visits.rows, "source")
    sessions = sessions.with_columns(breakdown=nw.col("breakdown").fill_null(UNKNOWN))
    facts = {"breakdown": "source", "depends_on_length": True, "aspect_of": "website_visits"}
    return count(sessions, of="web sessions", **facts)


@metric(
    title="Visits by month",
    unit="count",
    kind="output",
    direction="up",
    hand_count={
        **{"01 January": "1", "02 February": "1", "03 March": "2", "04 April": "1", "05 May": "2", "06 June": "1"},
        **{"07 July": "2", "08 August": "1", "09 September": "1", "10 October": "1", "11 November": "1"},
        "12 December": "1",
    },
)
def visits_by_month(visits):
    """Number of web sessions in each month of the year, beside the same month of the comparison period.

    Why: web sites have seasons; a month is best compared with the same month of the year before.
    Caution: a feast that moves, such as Easter, moves visits between months.
    Source: Chaffey & Ellis-Chadwick 2019, Digital Marketing, 7th ed., chapter 10 (web analytics).
    """
    visits.periods.without_parts()
    sessions = visits.derive(by_visitor).during("started_at")
    facts = {"breakdown": "month", "depends_on_length": True, "aspect_of": "website_visits"}
    counted = count(sessions.with_columns(breakdown=month_of_year("started_at")), of="web sessions", **facts)
    return replace(counted, estimate=_BY_MONTH)


@metric(title="Unique visitors", unit="count", kind="output", direction="up", hand_count="11")
def unique_visitors(visits):
    """Number of different visitors with a web session in the period.

    A visitor is a customer, with all visitor ids of that customer; without a customer, a visitor id.

    Why: it counts people, not their sessions.
    Caution: whoever deletes cookies or changes device without being known is counted again. Visitors of months do not add up to those of a year.
    Source: Chaffey & Ellis-Chadwick 2019, Digital Marketing, 7th ed., chapter 10 (web analytics).
    """
    sessions = visits.derive(by_visitor).during("started_at")
    visitors = sessions.group_by("period_id", "customer_id").agg(sessions=nw.len())
    return count(visitors, of="visitors", always=("",), depends_on_length=True)


@metric(title="Time on site", unit="s", kind="process", direction="-", hand_count="(90 + 95) / 2")
def time_on_site(visits, *, segments: Segments):
    """Median duration of the sessions of which the duration was measured, in seconds.

    Web statistics measure from the first to the last page, so a session of one page has no duration: neither an empty duration nor 0 seconds
    of a single page count as one. The share of such sessions is printed with the median.

    Why: it shows how much attention the site gets.
    Caution: long may mean interested or lost. If the share without a measured time changes, the median is one of other sessions.
    Formula: median(x), where x = the seconds of each session with a measured time.
    Source: Clifton 2012, Advanced Web Metrics with Google Analytics, 3rd ed. (time on site); Woodruff 1952, JASA 47:635, with the score limits
        of Korn & Graubard 1998, Survey Methodology 24:193 (interval, by visitor).
    """
    visits.periods.without_parts()
    sessions = visits.derive(by_visitor).during("started_at")
    own = own_columns(visits, "visits", segments, "quantity", "squares", "units")
    measured = is_measured(visits.columns)
    timed = placed_by_customer(sessions.filter(measured), nw.col("seconds"), *own).with_columns(breakdown=nw.lit(""))
    others = sessions.filter(~measured).select(
        "period_id",
        "customer_id",
        *own,
        quantity=nw.lit(None, nw.Float64),
        squares=nw.lit(0),
        units=nw.lit(0),
        breakdown=nw.lit(_MISSING),
    )
    words = {"numerator": "seconds of the session in the middle", "denominator": "sessions with a measured time"}
    return of_counts(nw.concat([timed, others]), _TIME_ON_SITE, **words)


@metric(title="Sessions without a measured time", unit="%", kind="process", direction="-", hand_count="3 / 15")
def unmeasured_sessions(visits):
    """Share of the sessions of which the duration was not measured: most of them have a single page.

    Why: the median time on site says nothing of these sessions.
    Caution: it depends on how the web statistics measure; a change of the tool changes it.
    Source: Clifton 2012, Advanced Web Metrics with Google Analytics, 3rd ed. (time on site); Wilson 1927, JASA 22:209, at the effective n
        (interval by visitor).
    """
    sessions = visits.derive(by_visitor).during("started_at")
    words = {"numerator": "sessions without a measured time", "denominator": _SESSIONS, "aspect_of": "time_on_site"}
    return share(sessions, ~is_measured(visits.columns), **words)


@metric(title="Bounce rate", unit="%", kind="process", direction="down", hand_count="4 / 15")
def bounce_rate(visits):
    """Share of the sessions that had a single page. Sessions of which the number of pages is not known are left out.

    Why: it shows where visitors do not find what they expected.
    Caution: a visitor who finds a telephone number on the first page bounces, too. The interval counts visitors, not sessions.
    Source: Clifton 2012, Advanced Web Metrics with Google Analytics, 3rd ed. (bounce rate); Wilson 1927, JASA 22:209, at the effective n
        (interval by visitor).
    """
    sessions = visits.derive(by_visitor).during("started_at").filter(~nw.col("pages").is_null())
    return share(sessions, nw.col("pages") <= 1, numerator="sessions with a single page", denominator=_SESSIONS)
