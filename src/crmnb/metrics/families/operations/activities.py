"""Activities: what sellers do for customers, and what comes of it at once."""

import narwhals.stable.v2 as nw

from crmnb.engine.views import View
from crmnb.metrics import estimators
from crmnb.metrics.definition import metric
from crmnb.metrics.features.sellers import active_sellers, counted_per_seller, led_on
from crmnb.metrics.measures import Measure, of_counts
from crmnb.schema.client import Segments


def _activities(activities: View, kind: str, of: str, segments: Segments) -> Measure:
    happened = activities.during("happened_at")
    events, sellers = happened.filter(nw.col("kind") == kind), active_sellers(happened)
    return counted_per_seller(activities, "activities", events, "happened_at", sellers, of=of, segments=segments)


@metric(title="Letters sent", unit="count", kind="input", direction="-", hand_count={"": "3", "per seller": "3 / 3"})
def letters_sent(activities, *, segments: Segments):
    """Activities of the kind `letter` in the period; also per seller who did anything in it.

    Why: letters are an input: they cost time and money whether or not they lead to anything.
    Caution: more letters are not better letters. See the share of activities that led to a next step.
    Formula: all: k | per seller: k / s, where s = sellers who did anything in the period.
    Source: Jordan & Vazzana 2011, Cracking the Sales Management Code (activities, which can be managed, and results); McCullagh & Nelder 1989,
        Generalized Linear Models, 6.2 (interval: over-dispersed counts).
    """
    return _activities(activities, "letter", "letters sent", segments)


@metric(title="Brochures sent", unit="count", kind="input", direction="-", hand_count={"": "2", "per seller": "2 / 3"})
def brochures_sent(activities, *, segments: Segments):
    """Activities of the kind `brochure` in the period; also per seller who did anything in it.

    Why: brochures are an input: they cost money whether or not they are read.
    Caution: brochures at a counter that nobody records are missing.
    Formula: all: k | per seller: k / s, where s = sellers who did anything in the period.
    Source: Jordan & Vazzana 2011, Cracking the Sales Management Code (activities, which can be managed, and results); McCullagh & Nelder 1989,
        Generalized Linear Models, 6.2 (interval: over-dispersed counts).
    """
    return _activities(activities, "brochure", "brochures sent", segments)


@metric(
    title="Seminar attendance", unit="count", kind="input", direction="-", hand_count={"": "3", "per seller": "3 / 3"}
)
def seminar_attendance(activities, *, segments: Segments):
    """Activities of the kind `seminar` in the period: attendances of customers or prospects; also per seller who did anything in it.

    Why: a seminar reaches many customers at once and shows who is interested.
    Caution: attendances are counted, not people: who attends two seminars counts twice.
    Formula: all: k | per seller: k / s, where s = sellers who did anything in the period.
    Source: Jordan & Vazzana 2011, Cracking the Sales Management Code (activities, which can be managed, and results); McCullagh & Nelder 1989,
        Generalized Linear Models, 6.2 (interval: over-dispersed counts).
    """
    return _activities(activities, "seminar", "attendances of seminars", segments)


@metric(
    title="Profiles created", unit="count", kind="input", direction="-", hand_count={"": "1", "per seller": "1 / 3"}
)
def profile_creation(activities, *, segments: Segments):
    """Activities of the kind `profile` in the period: profiles of customers created; also per seller who did anything in it.

    Why: a profile is what the next colleague knows of a customer.
    Caution: a profile that is created is not yet complete or right; see the family data quality, where there is one.
    Formula: all: k | per seller: k / s, where s = sellers who did anything in the period.
    Source: Jordan & Vazzana 2011, Cracking the Sales Management Code (activities, which can be managed, and results); McCullagh & Nelder 1989,
        Generalized Linear Models, 6.2 (interval: over-dispersed counts).
    """
    return _activities(activities, "profile", "profiles created", segments)


@metric(title="Calls made", unit="count", kind="input", direction="-", hand_count={"": "6", "per seller": "6 / 3"})
def calls_made(activities, *, segments: Segments):
    """Activities of the kind `call` in the period; also per seller who did anything in it.

    Why: calls are the most frequent input of selling, and the first to be measured.
    Caution: a target for calls makes calls, not sales: read it beside the next steps that calls lead to.
    Formula: all: k | per seller: k / s, where s = sellers who did anything in the period.
    Source: Jordan & Vazzana 2011, Cracking the Sales Management Code (activities, which can be managed, and results); McCullagh & Nelder 1989,
        Generalized Linear Models, 6.2 (interval: over-dispersed counts).
    """
    return _activities(activities, "call", "calls made", segments)


@metric(title="Visits made", unit="count", kind="input", direction="-", hand_count={"": "2", "per seller": "2 / 3"})
def visits_made(activities, *, segments: Segments):
    """Activities of the kind `visit` in the period; also per seller who did anything in it.

    Why: a visit is the dearest input: travel takes most of its time.
    Caution: visits to customers who are easy to reach raise the number and little else.
    Formula: all: k | per seller: k / s, where s = sellers who did anything in the period.
    Source: Jordan & Vazzana 2011, Cracking the Sales Management Code (activities, which can be managed, and results); McCullagh & Nelder 1989,
        Generalized Linear Models, 6.2 (interval: over-dispersed counts).
    """
    return _activities(activities, "visit", "visits made", segments)


@metric(
    title="Next-step rate",
    unit="%",
    kind="process",
    direction="up",
    hand_count={
        "brochure": "1 / 2",
        "call": "3 / 5",
        "letter": "1 / 2",
        "profile": "0 / 1",
        "sample": "1 / 2",
        "seminar": "1 / 3",
        "tasting": "0 / 1",
        "visit": "1 / 2",
    },
)
def next_step_rate(activities, *, activity_window_days: int = 30):
    """Share of the activities of each kind that led to a next step within the window; each is followed for that long.

    Why: it is the quality of an activity: what it moved, not how often it was done.
    Caution: sellers record next steps with unequal care, and choose whom they visit. A kind with a higher rate need not cause more.
    Source: Jordan & Vazzana 2011, Cracking the Sales Management Code (quality of activities); Wilson 1927, JASA 22:209, at the
        effective n (interval by seller).
    """
    followed = activities.during("happened_at", follow_up_days=activity_window_days)
    met = led_on(activity_window_days).cast(nw.Int64)
    rows = followed.with_columns(unit=nw.col("seller"), met=met, breakdown=nw.col("kind"))
    words = {"numerator": "activities that led to a next step", "denominator": "activities followed for these days"}
    return of_counts(rows, estimators.share_by_unit, breakdown="kind", **words)
