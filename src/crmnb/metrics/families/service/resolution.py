"""Resolution: tickets resolved at the first contact, and how long resolutions and first responses take."""

from typing import Any

import narwhals.stable.v2 as nw

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.engine.views import View
from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import Estimator
from crmnb.metrics.features.tickets import first_contact, times_to, with_ends
from crmnb.metrics.measures import Measure, of_counts, require_free_names, share
from crmnb.schema.client import Service, TimeZone

_TIMES = ("duration", "event")
_BY_CUSTOMER = "log-log, by customer"
_MEDIAN_CASE_TIME = Estimator(
    "Kaplan-Meier median", "counts", "case_times.median", _BY_CUSTOMER, columns=_TIMES, folds=100, quantile=50
)
_P90_CASE_TIME = Estimator(
    "Kaplan-Meier quantile",
    "counts",
    "case_times.ninetieth_percentile",
    _BY_CUSTOMER,
    columns=_TIMES,
    folds=100,
    quantile=90,
)
_MEAN_CASE_TIME = Estimator(
    "restricted mean",
    "counts",
    "case_times.restricted_mean",
    "t, by customer",
    symmetric=True,
    columns=_TIMES,
    folds=100,
)
_CASES_DONE = Estimator(
    "Kaplan-Meier",
    "counts",
    "case_times.share_done",
    _BY_CUSTOMER,
    columns=_TIMES,
    folds=100,
    chart="resolution",
)

_OPENED = "tickets opened in the period"
_WITHIN = tuple((f"within {hours} {'hour' if hours == 1 else 'hours'}", hours) for hours in (1, 4, 8, 24, 72, 168))


@metric(
    title="First contact resolution",
    unit="%",
    kind="process",
    direction="up",
    hand_count={"loose": "6 / 13", "strict": "3 / 12"},
)
def first_contact_resolution(tickets, *, follow_up_days: int = 7):
    """Share of tickets that the first contact resolved, measured so many days after the ticket was opened.

    Loose: within these days the ticket was resolved and not reopened, and the customer opened no other ticket about the same topic. Strict: also
    without a second contact or a reassignment. A ticket that is still open then counts as a failure.

    Why: each further contact costs the customer effort and the client money; it is the service figure that goes most with satisfaction.
    Caution: compare it only with figures of the same definition: strict and loose can differ by half. A ticket that is closed without a time of
        resolution, or (strict) of which contacts are not known, is left out.
    Source: Dixon, Freeman & Toman 2010, Harvard Business Review 88(7):116 (effort and repeated contacts); Wilson 1927, JASA 22:209, at the
        effective n (interval by customer).
    """
    rows = first_contact(tickets, follow_up_days)
    return share(
        rows,
        nw.col("at_first_contact"),
        by="definition",
        numerator="tickets resolved at the first contact",
        denominator="tickets followed for these days",
    )


def _times(
    tickets: View, service: Service, time_zone: TimeZone, estimate: Estimator, end: str = "solved_at", **facts: Any
) -> Measure:
    """A measure of the hours from the opening of tickets to their resolution, or to another of their times."""
    require_free_names(tickets.rows, estimate)
    rows = times_to(with_ends(tickets), end, service, time_zone)
    words = {"numerator": "hours from opening to resolution", "denominator": _OPENED}
    return of_counts(rows, estimate, **words | facts)


@metric(
    title="Median resolution time",
    unit="hours",
    kind="process",
    direction="down",
    hand_count="8",
)
def median_resolution_time(tickets, *, service: Service, time_zone: TimeZone):
    """Hours within which half of the tickets opened in the period were resolved.

    Open tickets count as long as they are followed. Hours are those of the declared working week and holidays, otherwise of the calendar.

    Why: it is what a typical customer waits; a mean is ruled by a few long cases, and a median of resolved tickets leaves out the slowest.
    Caution: it ends with the last resolution, not with closing, which is often automatic and weeks later. A ticket that is closed without a
        time of resolution is left out.
    Formula: smallest(t, S(t) <= 1 / 2), where t = hours since the ticket was opened; S = the share of tickets that are still open at t
    (Kaplan-Meier).
    Source: Kaplan & Meier 1958, JASA 53:457; Brookmeyer & Crowley 1982, Biometrics 38:29 (limits); Ying & Wei 1994, Journal of Multivariate
        Analysis 50:17 (variance by customer).
    """
    return _times(tickets, service, time_zone, _MEDIAN_CASE_TIME)


@metric(
    title="90th percentile of resolution time",
    unit="hours",
    kind="process",
    direction="down",
    published="test_published_survival.py::test_nine_of_ten_placebo_patients_relapse_within_17_weeks",
)
def p90_resolution_time(tickets, *, service: Service, time_zone: TimeZone):
    """Hours within which nine of ten tickets opened in the period were resolved.

    Why: it shows how long the slowest cases take, which complaints and cancellations come from.
    Caution: it is reached late: in a recent period too few tickets may have been followed for so long.
    Formula: smallest(t, S(t) <= 1 / 10), where t = hours since the ticket was opened; S = the share of tickets that are still open at t
    (Kaplan-Meier).
    Source: Kaplan & Meier 1958, JASA 53:457; Brookmeyer & Crowley 1982, Biometrics 38:29 (limits); Ying & Wei 1994, Journal of Multivariate
        Analysis 50:17 (variance by customer).
    """
    return _times(tickets, service, time_zone, _P90_CASE_TIME, aspect_of="median_resolution_time")


@metric(
    title="Mean resolution time",
    unit="hours",
    kind="process",
    direction="down",
    hand_count="1 + 11 / 12 + 4 * 8 / 12 + 2 * 7 / 12 + 18 * 6 / 12 + 14 * 5 / 12",
)
def mean_resolution_time(tickets, *, horizon_hours: int = 720, service: Service, time_zone: TimeZone):
    """Mean hours from opening to resolution up to a horizon: a ticket that takes longer counts with the horizon.

    Why: unlike the median it adds up: times the number of tickets, it is the waiting that all customers had together.
    Caution: it depends on the horizon. A mean of resolved tickets alone leaves out the slowest, which are still open.
    Formula: integral(S(t), t, 0, H), where t = hours since the ticket was opened; S = the share of tickets that are still open at t
    (Kaplan-Meier); H = the horizon in hours.
    Source: Royston & Parmar 2013, BMC Medical Research Methodology 13:152; Ying & Wei 1994, Journal of Multivariate Analysis 50:17 (variance by
        customer).
    """
    facts = {"aspect_of": "median_resolution_time"}
    return _times(tickets, service, time_zone, _MEAN_CASE_TIME, **facts)


@metric(
    title="Tickets resolved by time",
    unit="%",
    kind="process",
    direction="up",
    hand_count={
        "within 1 hour": "1 / 12",
        "within 4 hours": "4 / 12",
        "within 8 hours": "6 / 12",
        "within 24 hours": "6 / 12",
        "within 72 hours": "7 / 12",
        "within 168 hours": "1 - 5 / 12 * 3 / 4",
    },
)
def resolution_curve(tickets, *, service: Service, time_zone: TimeZone):
    """Share of the tickets opened in the period that were resolved within so many hours.

    Why: it shows the whole of resolution times, and how many tickets a promise of so many hours would keep.
    Caution: hours are those of the declared working week, otherwise of the calendar.
    Formula: 1 - product_j(1 - d_j / n_j), where j = each of the times up to the time of interest at which tickets were resolved; d_j =
    tickets resolved at that time; n_j = tickets that were open, and under observation, just before.
    Source: Kaplan & Meier 1958, JASA 53:457; Ying & Wei 1994, Journal of Multivariate Analysis 50:17 (variance by customer).
    """
    facts = {"breakdown": "time", "known": {"within": _WITHIN}, "aspect_of": "median_resolution_time"}
    return _times(tickets, service, time_zone, _CASES_DONE, **facts)


@metric(
    title="Median first response time",
    unit="hours",
    kind="process",
    direction="down",
    hand_count="1 / 2",
)
def first_response_time(tickets, *, service: Service, time_zone: TimeZone):
    """Hours within which half of the tickets opened in the period had a first response.

    Tickets that still wait for one count as long as they are followed. Hours are those of the declared working week, otherwise of the calendar.

    Why: customers judge the wait for a sign of life as much as the wait for the solution.
    Caution: an automatic confirmation is not a response. A ticket that ended without a recorded response is left out.
    Formula: smallest(t, S(t) <= 1 / 2), where t = hours since the ticket was opened; S = the share of tickets that still wait for a
    response at t (Kaplan-Meier).
    Source: Kaplan & Meier 1958, JASA 53:457; Brookmeyer & Crowley 1982, Biometrics 38:29 (limits); Ying & Wei 1994, Journal of Multivariate
        Analysis 50:17 (variance by customer).
    """
    if "first_response_at" not in tickets.columns:
        raise Unavailable(Note("needs_column", column="tickets.first_response_at"))
    words = {"numerator": "hours from opening to the first response"}
    return _times(tickets, service, time_zone, _MEDIAN_CASE_TIME, "first_response_at", **words)
