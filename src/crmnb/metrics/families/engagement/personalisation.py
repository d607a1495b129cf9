"""Personalisation: what a personalised message brings, by a test."""

import narwhals.stable.v2 as nw

from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import Estimator
from crmnb.metrics.features.emails import delivered, not_by_machine, opened, within
from crmnb.metrics.measures import of_counts

_LIFT = Estimator(
    "difference of proportions",
    "counts",
    "personalisation.lift",
    "Newcombe's hybrid score (method 10), by customer",
    columns=("experiment", "arm", "met"),
    folds=1000,
    chart="lift",
)


@metric(
    title="Personalisation lift",
    unit="points",
    kind="process",
    direction="up",
    hand_count={"clicks": "(2 / 3 - 1 / 4) * 100", "opens": "(2 / 2 - 2 / 3) * 100"},
)
def personalisation_lift(sends, *, channel: str = "e-mail", follow_up_days: int = 7):
    """Share of the personalised e-mails that were opened, and clicked, minus that of the others, in tests that assigned them at random.

    Only e-mails of a declared test (`experiment`) count, and the difference is taken within each test. Tests are weighted by n1 n0 / (n1 + n0).
    Bases are those of the open rate and the click rate.

    Why: chance makes both groups alike, so the difference is what personalisation brings.
    Caution: where personalised e-mails went to chosen customers, the difference is one of customers; such e-mails are left out.
    Formula: 100 * sum_e(w_e * (p_e - q_e)) / sum_e(w_e), where p_e = the share of the personalised e-mails of test e with a response; q_e =
    the share of its other e-mails with a response; w_e = the weight of the test, n_1 n_0 / (n_1 + n_0) of the numbers of both.
    Source: Newcombe 1998, Statistics in Medicine 17:873 (interval); Cochran 1954, Biometrics 10:417 (weights of the tests); Liang & Zeger
        1986, Biometrika 73:13 (clusters).
    """
    sends.periods.without_parts()
    tested = delivered(sends, channel, follow_up_days).filter(
        ~nw.col("experiment").is_null(), ~nw.col("personalised").is_null()
    )
    rows = tested.with_columns(arm=nw.col("personalised").cast(nw.Int64))
    responses = {"clicks": rows.with_columns(met=within("clicked_at", follow_up_days).cast(nw.Int64))}
    if "opened_at" in sends.columns:
        by_person = not_by_machine(rows, sends)
        responses["opens"] = by_person.with_columns(met=opened(sends, follow_up_days).cast(nw.Int64))
    every = [of.with_columns(breakdown=nw.lit(response)) for response, of in responses.items()]
    words = {"numerator": "points of response, personalised less others", "denominator": "e-mails in a test"}
    return of_counts(nw.concat(every), _LIFT, breakdown="response", bounds=(-100, 100), **words)
