"""Response to surveys: invitations that lead to a start and to a completion, and answers that came too fast."""

from dataclasses import replace
from datetime import timedelta

import narwhals.stable.v2 as nw

from crmnb.engine.segments import with_component
from crmnb.engine.views import View
from crmnb.metrics.definition import metric
from crmnb.metrics.measures import Measure, share

_HURRIED = 0.5  # of the median time


def _share_of(invitations: View, of: str | None, done: str, answer_days: int, **words: str) -> Measure:
    """Of the invitations that had `answer_days` (and in them got as far as `of`): those that got to `done`; a breakdown per survey.

    Those sent so late that they have not had that time by the data's end are left out: they would look unanswered.
    """
    window = timedelta(days=answer_days)

    def in_time(step: str) -> nw.Expr:
        return (nw.col(step) <= nw.col("sent_at") + window).fill_null(False)

    sent = invitations.during("sent_at", follow_up_days=answer_days)
    base = with_component(sent if of is None else sent.filter(in_time(of)), invitations.rows, "survey")
    return share(base, in_time(done), breakdown="survey", **words)


@metric(
    title="Acceptance rate",
    unit="%",
    kind="process",
    direction="up",
    hand_count={"purchase": "7 / 9", "support": "5 / 6"},
)
def acceptance_rate(survey_invitations, *, answer_days=14):
    """Share of the invitations that reached a customer in the time to answer that also led to a start of the survey in it, per survey.

    The time to answer is 14 days, unless the client sets another. Only invitations count that were sent at least as long
    before the end of the data, so that all have the same time.

    Why: it shows whether the invitation works, independently of the questions.
    Caution: surveys differ too much for one figure over all of them. A start later than the window is not seen.
    Source: AAPOR 2023, Standard Definitions, 10th ed. (contact and cooperation).
    """
    words = {"numerator": "surveys started", "denominator": "invitations that reached the customer"}
    return _share_of(survey_invitations, "reached_at", "started_at", answer_days, aspect_of="response_rate", **words)


@metric(
    title="Completion rate",
    unit="%",
    kind="process",
    direction="up",
    hand_count={"purchase": "5 / 7", "support": "4 / 5"},
)
def completion_rate(survey_invitations, *, answer_days=14):
    """Share of the surveys started in the time to answer that were also completed in it, per survey.

    The time to answer is 14 days, unless the client sets another. Only invitations count that were sent at least as long
    before the end of the data, so that all have the same time.

    Why: abandoned surveys indicate problems with length or questions.
    Caution: short surveys have higher completion and collect less information.
    Source: AAPOR 2023, Standard Definitions, 10th ed. (break-offs).
    """
    words = {"numerator": "surveys completed", "denominator": "surveys started"}
    return _share_of(survey_invitations, "started_at", "completed_at", answer_days, aspect_of="response_rate", **words)


@metric(
    title="Response rate",
    unit="%",
    kind="process",
    direction="up",
    hand_count={
        "purchase": "5 / 11",
        "purchase, cooperation rate (COOP1)": "5 / 9",
        "support": "4 / 6",
        "support, cooperation rate (COOP1)": "4 / 6",
    },
)
def response_rate(survey_invitations, *, answer_days=14):
    """Share of all invitations that led to a completed survey in the time to answer (AAPOR RR1), per survey.

    The time to answer is 14 days, unless the client sets another. Only invitations count that were sent at least as long
    before the end of the data, so that all have the same time. The cooperation rate (COOP1) has the same numerator; it is
    out of the invitations that reached the customer.

    Why: it shows how many of the invited customers are behind a survey figure.
    Caution: a high rate does not make a survey representative. It matters which customers are missing. Answers later
        than the window are not in it.
    Source: AAPOR 2023, Standard Definitions, 10th ed., RR1 and COOP1.
    """
    words = {"numerator": "surveys completed"}
    words["denominator"] = "invitations (of the cooperation rate: those that reached the customer)"
    of_all = _share_of(survey_invitations, None, "completed_at", answer_days, **words)
    if "reached_at" not in survey_invitations.columns:
        return of_all
    of_reached = _share_of(survey_invitations, "reached_at", "completed_at", answer_days, **words)
    cooperation = nw.concat_str([nw.col("breakdown"), nw.lit("cooperation rate (COOP1)")], separator=", ")
    return replace(of_all, rows=nw.concat([of_all.rows, of_reached.rows.with_columns(breakdown=cooperation)]))


@metric(
    title="Speeding",
    unit="%",
    kind="process",
    direction="down",
    hand_count={"purchase": "0 / 5", "support": "1 / 5"},
)
def speeding_rate(survey_invitations):
    """Share of the surveys completed in the period that took strictly less than half of the median time, per survey.

    The time runs from start to completion, and the median is that of the same survey in the same period. A completed survey
    whose start is not known has no time, and does not count.

    Why: who rushes through a survey hardly reads its questions.
    Caution: some people read quickly. Such answers are counted here and not left out elsewhere.
    Source: Greszki, Meyer & Schoen 2015, Public Opinion Quarterly 79:471 (thresholds relative to the median).
    """
    done = survey_invitations.during("completed_at").filter(~nw.col("started_at").is_null())
    named = with_component(done, survey_invitations.rows, "survey")
    timed = named.with_columns(seconds=(nw.col("completed_at") - nw.col("started_at")).dt.total_seconds())
    by = ["period_id", "breakdown"]
    usual = timed.group_by(*by).agg(usual=nw.col("seconds").median())
    words = {
        "numerator": "surveys completed in strictly less than half of the median time",
        "denominator": "surveys completed whose start is known",
    }
    rows = timed.join(usual, on=by, how="left")
    return share(rows, nw.col("seconds") < _HURRIED * nw.col("usual"), breakdown="survey", **words)
