"""Satisfaction with service: feedback that is followed up, and what satisfaction goes with."""

from datetime import timedelta

import narwhals.stable.v2 as nw

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import Estimator
from crmnb.metrics.features.answer_scale import answer_points, pointing
from crmnb.metrics.features.tickets import first_contact
from crmnb.metrics.features.working_time import with_hours
from crmnb.metrics.measures import of_counts, share
from crmnb.schema.client import Item, Service, TimeZone
from crmnb.stats.ticket_effects import CENTRE

_TICKET_EFFECTS = Estimator(
    "linear regression",
    "counts",
    "ticket_effects.effects",
    "t, by customer",
    symmetric=True,
    sums=("x", "f", "xx", "xf", "y", "xy", "fy"),
    columns=("ticket",),
    whole_only=True,
    folds=1000,
    chart="breakdown",
)

_SHORTEST = 1 / 60  # hours: what was resolved at once took a minute


@metric(title="Closed loop rate", unit="%", kind="process", direction="up", hand_count="2 / 5")
def closed_loop_rate(survey_responses, *, item: Item = "satisfied", follow_up_days: int = 7):
    """Share of the dissatisfied customers' answers that were followed up within so many days.

    Dissatisfied is an answer in the lower half of the scale, its midpoint included.

    Why: a call to a dissatisfied customer solves a problem, keeps some customers, and teaches the company what goes wrong.
    Caution: it counts that somebody got in touch, not that the problem was solved.
    Source: Markey, Reichheld & Dullweber 2009, Harvard Business Review 87(12):43 (closing the loop); Wilson 1927, JASA 22:209 (interval).
    """
    pointing(item, "up")
    answers = survey_responses.during("responded_at", follow_up_days=follow_up_days).filter(
        ~nw.col(item.name).is_null()
    )
    due = answers.filter(answer_points(item.name, item) <= 50)
    in_time = nw.col("followed_up_at") <= nw.col("responded_at") + timedelta(days=follow_up_days)
    words = {"numerator": "answers followed up in time", "denominator": "answers of dissatisfied customers"}
    return share(due, in_time.fill_null(False), **words)


@metric(
    title="Service and satisfaction",
    unit="points",
    kind="outcome",
    direction="-",
    published="test_published_estimators.py::test_norris_regression_of_nist",
)
def effect_on_satisfaction(
    survey_responses,
    tickets,
    *,
    item: Item = "satisfied",
    follow_up_days: int = 7,
    service: Service,
    time_zone: TimeZone,
):
    """Points by which satisfaction differs with the time to resolution and with resolution at the first contact (loose), each with the other held.

    A regression of the answers about tickets, 0 (worst) to 100 (best), on both; time on a scale of doublings.

    Why: it shows which of the two customers reward, and so what a faster or a better first answer may be worth.
    Caution: it is an association: hard problems take longer and please less, however soon they are solved.
    Formula: y_i == a + b * l_i + c * f_i, where y_i = the satisfaction about ticket i, from 0 to 100; l_i = the doublings of its time to
    resolution; f_i = 1 if the first contact resolved it, otherwise 0; b = the difference for a doubling of the time; c = the difference for
    resolution at the first contact; a = the level from which both count.
    Source: Dixon, Freeman & Toman 2010, Harvard Business Review 88(7):116 (effort); Liang & Zeger 1986, Biometrika 73:13, and Cameron &
        Miller 2015, Journal of Human Resources 50:317 (interval by customer).
    """
    pointing(item, "up")
    if "ticket_id" not in survey_responses.columns:
        raise Unavailable(Note("needs_column", column="survey_responses.ticket_id"))
    survey_responses.periods.without_parts()
    answers = survey_responses.rows.filter(~nw.col(item.name).is_null()).select(
        "ticket_id", y=answer_points(item.name, item) - 50
    )
    cases = first_contact(tickets, follow_up_days, answers).filter(
        nw.col("definition") == "loose", ~nw.col("solved_at").is_null()
    )
    until = tickets.periods.cutoff or tickets.periods.last
    cases = cases.filter(nw.col("solved_at") < until)
    timed = with_hours(cases, "opened_at", "solved_at", tickets.periods, service, time_zone)
    hours = nw.max_horizontal(nw.col("duration"), nw.lit(_SHORTEST))
    of_ticket = timed.select(
        "period_id", "ticket_id", "customer_id", x=hours.log(2) - CENTRE, f=nw.col("at_first_contact").cast(nw.Float64)
    )
    rows = of_ticket.join(answers, on="ticket_id", how="inner").drop("ticket_id")
    x, f, y = nw.col("x"), nw.col("f"), nw.col("y")
    rows = rows.with_columns(xx=x * x, xf=x * f, xy=x * y, fy=f * y)
    words = {"numerator": "points of satisfaction", "denominator": "resolved tickets with an answer"}
    return of_counts(rows, _TICKET_EFFECTS, breakdown="what differs", trend=False, **words)
