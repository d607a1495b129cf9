"""How long customers stay, and who will leave."""

from datetime import datetime, timedelta
from typing import Any

import narwhals.stable.v2 as nw

from crmnb.core.cohort_cell import SEPARATOR
from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import Estimator, survival
from crmnb.metrics.features.customer_base import (
    distinct,
    first_joined,
)
from crmnb.metrics.features.tenure import (
    attributes,
    buying,
    first_spells,
    under_contract,
)
from crmnb.metrics.measures import of_counts, share
from crmnb.schema.client import Churn, Segments

_MEDIAN_LIFETIME = Estimator(
    "Kaplan-Meier median",
    "counts",
    "survival.median_lifetime",
    "Brookmeyer & Crowley's, from the log-log band",
    columns=survival.columns,
)
_HAZARD_RATIO = Estimator(
    "Cox's proportional hazards", "counts", "churn_drivers.hazard_ratios", "Wald, on the logarithm", chart="breakdown"
)
_EXPECTED_LOSSES = Estimator(
    "expected losses",
    "counts",
    "expected_churn.expected",
    "of the model's error and of chance together",
    total=True,
    joint=True,
    by_customer="expected_churn.probabilities",
)


def _month(column: str) -> nw.Expr:
    """Calendar months since year 0."""
    return nw.col(column).dt.year().cast(nw.Int64) * 12 + nw.col(column).dt.month().cast(nw.Int64) - 1


def _cohort_months(period: Period, churn: Churn) -> dict[str, Any]:
    """The time from which on history allows to call customers new, and the first calendar month that is not seen whole."""
    earliest = period.data_from + timedelta(days=churn.history_days) if period.data_from else period.start
    first_month = max(earliest.replace(day=1) if earliest.day == 1 else _next_month(earliest), period.start)
    if first_month >= period.observed_end:
        begins = f"{period.data_from:%Y-%m-%d}"
        raise Unavailable(Note("needs_history_before_cohort", days=churn.history_days, begins=begins))
    seen = _month_of(period.observed_end)
    if seen == _month_of(period.start):
        raise Unavailable(Note("needs_whole_month"))
    return {"first_month": first_month, "seen_months": seen}


def _month_of(day: datetime) -> int:
    return day.year * 12 + day.month - 1


def _month_starts(period: Period) -> list[dict[str, Any]]:
    """The calendar months that begin in a period, from that of its start on, by their numbers."""
    months = range(_month_of(period.start), _month_of(period.observed_end))
    return [{"active_in": month, "begins": datetime(month // 12, month % 12 + 1, 1)} for month in months]


def _aged(rows: nw.LazyFrame, ages: int) -> nw.LazyFrame:
    """Each row at every age below `ages`; made by doubling, since each step costs the engine a look at the whole."""
    aged, copies = rows.with_columns(age=nw.lit(0)), 1
    while copies < ages:
        aged, copies = nw.concat([aged, aged.with_columns(age=nw.col("age") + copies)]), 2 * copies
    return aged.filter(nw.col("age") < ages)


def _next_month(day: datetime) -> datetime:
    return (day.replace(day=1) + timedelta(days=32)).replace(day=1)


@metric(
    title="Cohort retention",
    unit="%",
    kind="outcome",
    direction="up",
    hand_count={"2025-01 +2": "1 / 1", "2025-07 +1": "1 / 2", "2025-07 +2": "0 / 2", "2025-12 +0": "1 / 1"},
    per_customer=True,
)
def cohort_retention(tenures, joined, *, churn: Churn):
    """Share of each month's new customers who are active k calendar months later.

    Active means: ordered in that month (churn by inactivity), or under contract when it begins. A cohort is the month
    of the first ever order or contract, not of the first in the period. Months that are not completely observed are
    blank.

    Why: it shows whether newer customers stay longer than earlier ones, which a single rate hides.
    Caution: compare cohorts within a column. Small cohorts vary strongly.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 5 (cohorts); Wilson 1927 (interval).
    """
    periods, who = tenures.periods, ["period_id", "customer_id"]
    periods.without_parts()
    months = periods.table(lambda period: _cohort_months(period, churn))
    new = first_joined(tenures, joined).during("first").join(months, on="period_id", how="inner")
    new = new.filter(nw.col("first") >= nw.col("first_month")).with_columns(cohort=_month("first"))
    ages = max(len(_month_starts(period)) for period in periods.by_place.values())
    cells = _aged(new, ages).with_columns(active_in=nw.col("cohort") + nw.col("age"))
    of = cells.filter(nw.col("active_in") < nw.col("seen_months"))
    since, until = nw.col("since"), nw.col("until")
    if churn.kind == "inactivity":
        active = tenures.during("since").with_columns(active_in=_month("since"))
    else:
        begins = nw.col("begins")
        under_contract = (since < begins, until.is_null() | (until >= begins))
        active = tenures.where(*under_contract, windows=periods.table(_month_starts))
    active = distinct(active, *who, "active_in").with_columns(num=nw.lit(1))
    months = of.join(active, on=[*who, "active_in"], how="left")
    if churn.kind == "contractual":
        months = months.with_columns(num=nw.when(nw.col("age") == 0).then(nw.lit(1)).otherwise(nw.col("num")))
    cell = nw.concat_str([nw.col("first").dt.to_string("%Y-%m"), nw.lit(SEPARATOR), nw.col("age").cast(nw.String)])
    customers = months.select(*who, breakdown=cell, active=nw.col("num").fill_null(0))
    return share(
        customers,
        nw.col("active") == 1,
        numerator="customers active in the later month",
        denominator="customers who joined in that month",
        breakdown="cohort",
    )


@metric(
    title="Survival curve (Kaplan-Meier)",
    unit="%",
    kind="outcome",
    direction="up",
    hand_count={"after 90 days": "3 / 8"},
    per_customer=True,
)
def survival_curve(tenures, joined, *, churn: Churn, segments: Segments):
    """Share of customers who remain 30 days, 90 days ... 3 years after their first day, over all data until the period's end.

    A customer at the end counts for the time seen so far. A customer who joined before the data begin counts from
    then on, together with customers of the same tenure. Only a customer's first spell counts, from the first day
    until it ends (by inactivity: when the declared days after the last order have passed). Spells without a gap are
    one spell.

    Why: an annual rate mixes new and long-standing customers; the curve shows when customers leave.
    Caution: who left and came back is lost here at the first leaving; reactivated customers stand beside customers won. By inactivity nobody can be lost
        within the declared days, and who bought within those days after the data begin, or joined before, is left out, as nobody
        knows since when they have.
        It mixes customers of all years: if those of today differ, it says what was. Where few are seen from the first day on it
        begins at the age from which on enough are, and is of those who had reached it.
    Formula: product_j(1 - d_j / n_j), where j = each of the days up to the time of interest on which customers left; d_j = customers who
    left on day j of their time as customers; n_j = customers who were still there, and under observation, just before.
    Source: Kaplan & Meier 1958, JASA 53:457; Kalbfleisch & Prentice 2002, The Statistical Analysis of Failure Time Data, 2nd ed.,
        1.4 (log-log band); Klein & Moeschberger 2003, Survival Analysis, 2nd ed., 4.6 (late entry), 7.3 (log-rank); Holm 1979.
    """
    lifetimes = first_spells(tenures.rows, joined.rows, tenures.periods.reporting, churn)
    return of_counts(
        lifetimes,
        survival,
        numerator="customers still active at that time",
        denominator="customers, from their first day",
        breakdown="time since the start",
    )


@metric(
    title="Median lifetime",
    unit="days",
    kind="outcome",
    direction="up",
    published="test_published_survival.py::test_freireich_medians_with_brookmeyer_crowley_limits",
    per_customer=True,
)
def median_lifetime(tenures, joined, *, churn: Churn, segments: Segments):
    """Days until half of the customers have left, from the survival curve.

    Why: one figure for how long a relationship lasts, which a mean of those who have left already would understate.
    Caution: where more than half are still there after the longest time seen, it is not reached, and that is the answer. It says
        nothing about the longest relationships, which bring the most. By inactivity it includes the declared days after the last order: where
        half never order again it would be just these days, and is unavailable. Where few are seen from the first day on, it is the
        median of those who had reached the age that stands beside it.
    Formula: smallest(t, S(t) <= 1 / 2), where t = days since the first day as a customer; S = the survival curve: the share of customers
    who remain at t.
    Source: Brookmeyer & Crowley 1982, Biometrics 38:29 (limits); Kaplan & Meier 1958, JASA 53:457.
    """
    lifetimes = first_spells(tenures.rows, joined.rows, tenures.periods.reporting, churn)
    return of_counts(
        lifetimes,
        _MEDIAN_LIFETIME,
        numerator="days until half of the customers have left",
        denominator="customers, from their first day",
    )


@metric(
    title="Churn drivers (hazard ratios)",
    unit="hazard ratio",
    kind="outcome",
    direction="-",
    per_customer=True,
    published="test_published_survival.py::test_rossi_cox_efron",
)
def churn_drivers(tenures, customers, joined, *, churn: Churn, segments: Segments):
    """Ratio of the churn hazards of two groups of customers, with the client's other segmentations held constant.

    All segmentations by an attribute of customers count, except those by tenure, which is the time scale itself. Each
    group is compared with the largest group of its segmentation: a ratio of 2 means that on any day twice the share
    of the remaining customers is lost.

    Why: groups overlap; the model shows which differences remain when the others are held constant.
    Caution: an association with churn need not be a cause. One ratio for all time is an average where the groups' curves cross.
    Formula: h_1(t) / h_0(t), where h_1 = the churn hazard of the group: the share of its remaining customers who leave on a day; h_0 = the
    churn hazard of the largest group; t = the time since the start, which is the same for both.
    Source: Cox 1972, JRSS-B 34:187; Efron 1977, JASA 72:557 (ties); Grambsch & Therneau 1994, Biometrika 81:515 (whether the ratio
        stays the same over time); Peduzzi et al. 1995, Journal of Clinical Epidemiology 48:1503 (ten losses for each ratio).
    """
    lifetimes = first_spells(tenures.rows, joined.rows, tenures.periods.reporting, churn)
    described = attributes(customers.rows, segments).join(lifetimes, on="customer_id", how="inner")
    return of_counts(
        described,
        _HAZARD_RATIO,
        numerator="churn hazard relative to the largest group",
        denominator="customers in the group",
        breakdown="group",
    )


@metric(
    title="Expected churn",
    unit="count",
    kind="output",
    direction="down",
    per_customer=True,
    published="test_published_clv.py::test_fader_hardie_lee_2005_table_2_bg_nbd_of_cdnow",
)
def expected_churn(tenures, joined, *, churn: Churn, segments: Segments, horizon_days=365):
    """Number of current customers who are expected to be lost within the horizon, if they behave as customers did so far.

    Under contract: by the share that was lost at the same tenure; segment levels have hazards of their own where a
    log-rank test finds differences, and the common hazards scaled to their own losses otherwise. By inactivity: by BG/NBD, from how often and how recently each customer bought; a
    customer without an order in the declared days before the end of the horizon is lost, and segment levels have
    models of their own where a likelihood ratio test finds differences. Analysts can list the customers with the
    probability of churn and the value at stake.

    Why: it estimates future losses early enough to act.
    Caution: it assumes unchanged conditions: it contains no price changes and no seasons. It shows which customers are likely to leave, not which of them a campaign would retain.
    Formula: sum_i(p_i), where p_i = the probability that customer i is lost within the horizon.
    Source: Fader, Hardie & Lee 2005, Marketing Science 24:275 (BG/NBD); Klein & Moeschberger 2003, Survival Analysis, 2nd ed., 4.2
        (Nelson-Aalen).
    """
    of = buying if churn.kind == "inactivity" else under_contract
    customers = of(tenures.rows, joined.rows, tenures.periods.reporting, churn)
    return of_counts(
        customers, _EXPECTED_LOSSES, numerator="customers expected to leave", denominator="customers at the end"
    )
