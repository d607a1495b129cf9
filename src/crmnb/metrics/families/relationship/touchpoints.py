"""The relationship beside the channels that customers prefer and use, and beside the contact centre."""

from datetime import timedelta

import narwhals.stable.v2 as nw

from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import Estimator
from crmnb.metrics.features.answer_scale import answer_points, pointing, top_box
from crmnb.metrics.features.customer_base import customers_at_end
from crmnb.metrics.features.relationship_answers import (
    ANSWERS,
    model_answers,
    require_customers,
)
from crmnb.metrics.features.touchpoints import CHANNEL, touchpoints_of
from crmnb.metrics.measures import of_counts
from crmnb.schema.client import Churn, Item, Items, Relationship, Segments
from crmnb.stats.touchpoint_satisfaction import AT

_CHANNEL_PREFERENCE = Estimator(
    "difference of paired shares",
    "counts",
    "channel_preference.preference",
    "Bonett and Price, simultaneous for all channels; shares by Goodman",
    columns=("preferred", "used"),
    chart="channels",
)
_TOUCHPOINT_GAPS = Estimator(
    "difference of weighted means of items",
    "counts",
    "touchpoint_pairing.gaps",
    "Welch, by customer, at fixed weights",
    folds=1000,
    together=True,
    chart="breakdown",
)
_TOUCHPOINTS_EXPLAIN = Estimator(
    "squared correlation",
    "counts",
    "touchpoint_satisfaction.explained",
    "Fisher's z of the correlation, by customer",
    folds=1000,
    together=True,
    chart="explained",
)


@metric(
    title="Channel preference",
    unit="points",
    kind="process",
    direction="-",
    published="test_published_gaps.py::test_the_gap_is_that_of_agresti",
    per_customer=True,
)
def channel_preference(customers, tenures, *, churn: Churn):
    """Share of the customers who prefer a channel, less the share who used it last, of those at the end of the period of whom both are known.

    Why: a channel that is more preferred than used is missing somewhere, and the one used instead costs satisfaction.
    Caution: the client's list tells what customers prefer and use today. Channels of fewer customers than may be shown are put together.
    Formula: 100 * (b - c) / n, where b = customers who prefer the channel and used another one last; c = customers who used it last and
    prefer another one.
    Source: Bonett & Price 2012, Journal of Educational and Behavioral Statistics 37:479; Goodman 1965, Technometrics 7:247.
    """
    known = customers.rows.select("customer_id", preferred=nw.col("preferred_channel"), used=nw.col("used_channel"))
    known = known.filter(~nw.col("preferred").is_null(), ~nw.col("used").is_null())
    rows = customers_at_end(tenures, churn.history_days).join(known, on="customer_id", how="inner")
    words = {
        "numerator": "customers who prefer the channel less customers who use it",
        "denominator": "customers with a preferred and a used channel",
    }
    return of_counts(rows, _CHANNEL_PREFERENCE, breakdown="channel", trend=False, **words)


@metric(
    title="Gap by use of the contact centre",
    unit="points",
    kind="outcome",
    direction="-",
    published="test_published_gaps.py::test_users_against_others_are_welch_s_sleepers",
)
def touchpoint_pairing(
    survey_responses,
    tickets,
    *,
    relationship: Relationship,
    items: Items,
    segments: Segments,
    satisfied: Item = "satisfied",
    within_days: int = 365,
):
    """Relationship index of the customers who used the contact centre, less the index of the others; and of its satisfied users less its dissatisfied ones.

    A user opened a ticket in the days before the answer. Satisfied are users of whose answers about tickets in these days at least half are in the top box.

    Why: it shows what a touchpoint's own measure misses: whether contact, and good contact, goes with a better relationship.
    Caution: who needs the contact centre differs from who does not, so the gap need not be its effect.
    Formula: I_1 - I_0, where I_1 = the relationship index of the users of the contact centre, or of its satisfied users; I_0 = that of the
    other respondents, or of its dissatisfied users.
    Source: Welch 1947, Biometrika 34:28.
    """
    require_customers(survey_responses)
    sheets = survey_responses.rows.filter(nw.col("survey") == relationship.survey)
    sheets = sheets.select("response_id", "customer_id", "responded_at")
    contacts = tickets.rows.select("customer_id", contact_at=nw.col("opened_at"), top=nw.lit(None, nw.Float64))
    if {"ticket_id", satisfied.name} <= {*survey_responses.columns}:
        top = (nw.col(satisfied.name) >= top_box(satisfied)).cast(nw.Float64)
        about = survey_responses.rows.filter(~nw.col("ticket_id").is_null())
        contacts = nw.concat([contacts, about.select("customer_id", contact_at=nw.col("responded_at"), top=top)])
    met = sheets.join(contacts, on="customer_id", how="inner")
    first = nw.col("responded_at") - timedelta(days=within_days)
    met = met.filter(nw.col("contact_at") >= first, nw.col("contact_at") < nw.col("responded_at"))
    met = (
        met.with_columns(used=nw.lit(1.0))
        .group_by("response_id")
        .agg(nw.col("used").max(), content=nw.col("top").mean())
    )
    answers = model_answers(survey_responses, relationship, items, segments, "response_id")
    rows = answers.join(met, on="response_id", how="left").drop("response_id")
    rows = rows.filter(~nw.col("customer_id").is_null()).with_columns(used=nw.col("used").fill_null(0.0))
    words = {"numerator": "index of one group of respondents less that of the other", "denominator": ANSWERS}
    return of_counts(rows, _TOUCHPOINT_GAPS, breakdown="groups", trend=False, aspect_of="relationship_index", **words)


@metric(
    title="Relationship explained by satisfaction at touchpoints",
    unit="%",
    kind="outcome",
    direction="-",
    published="test_published_gaps.py::test_the_share_explained_is_that_of_anscombe",
)
def touchpoint_satisfaction(
    survey_responses,
    *,
    relationship: Relationship,
    items: Items,
    segments: Segments,
    satisfied: Item = "satisfied",
    within_days: int = 365,
):
    """Share of the differences of the relationship index between customers that goes with their satisfaction after an interaction (R²), per survey
    and channel.

    Customers count who answered both: satisfaction is the mean of their answers in the days before the answer on the relationship, from 0 (worst) to 100 (best).

    Why: it shows how far the measure of an interaction can stand for the relationship. Where the share is small, one cannot replace the other.
    Caution: it is an association. One answer after an interaction is inexact, which makes the share small. Customers who answered both differ from others.
    Formula: r ** 2, where r = the correlation of the customers' index with their satisfaction after an interaction.
    Source: Cohen, Cohen, West & Aiken 2003, Applied Multiple Regression, 3rd ed., 3.3 (share of variance), 2.8 (Fisher's interval).
    """
    require_customers(survey_responses)
    pointing(satisfied, "up")
    others = survey_responses.filter(
        nw.col("survey") != relationship.survey, ~nw.col("customer_id").is_null(), ~nw.col(satisfied.name).is_null()
    )
    touchpoints = touchpoints_of(others)
    first = nw.col("responded_at") - timedelta(days=within_days)
    sheets = survey_responses.rows.filter(nw.col("survey") == relationship.survey)
    sheets = sheets.select("response_id", "customer_id", "responded_at")
    points, none = answer_points(satisfied.name, satisfied), nw.lit(None, nw.Float64)
    scores = {f"{AT}{at}": nw.when(of).then(points).otherwise(none) for at, of in enumerate(touchpoints.values())}
    earlier = others.rows.with_columns(given_at=nw.col("responded_at"), **scores).select(
        "customer_id", "given_at", *scores
    )
    met = sheets.join(earlier, on="customer_id", how="inner")
    met = met.filter(nw.col("given_at") >= first, nw.col("given_at") < nw.col("responded_at"))
    means = met.group_by("response_id").agg(*(nw.col(name).mean() for name in scores))
    answers = model_answers(survey_responses, relationship, items, segments, "response_id")
    rows = (
        answers.filter(~nw.col("customer_id").is_null()).join(means, on="response_id", how="left").drop("response_id")
    )
    return of_counts(
        rows,
        _TOUCHPOINTS_EXPLAIN,
        breakdown="touchpoint",
        trend=False,
        bounds=(0, 100),
        known={"touchpoints": (*touchpoints,), "channels": tuple(name for name in touchpoints if CHANNEL in name)},
        numerator="differences of the index that go with satisfaction",
        denominator=ANSWERS,
    )
