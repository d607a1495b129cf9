"""Measures: what a metric's function gives: evidence, and the kind of quantity it adds up to.

Evidence is a narwhals frame with one row per unit counted and period (`period_id`, as the accessors of
`crmnb.engine.views.View` give it; without that column, of the reporting period alone). It may carry `customer_id` (the cluster, and
whose levels a row is in), `weight` (rows without one are left out) and the columns by which clients break figures down. What follows
from the kind of quantity (the estimator, its interval, bounds, chart) is stated here once.
"""

from calendar import month_name
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import datetime, timedelta
from typing import Any

import narwhals.stable.v2 as nw
import pandas as pd

from crmnb.core.composition_part import SEPARATOR
from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.metrics import estimators
from crmnb.metrics.estimators import Estimator

By = str | Mapping[str, nw.Expr]
_INSTANT = timedelta(microseconds=1)  # before the midnight at which the data end: the last day that cases are followed


@dataclass(frozen=True)
class Measure:
    """Evidence and what it adds up to.

    `numerator` and `denominator` say in words what is counted, and out of what. `breakdown`: what the breakdowns are ("survey",
    "platform"), empty where there are none; `units` are those of breakdowns that have another than the metric. `base_nouns`: what the bases of breakdowns count, where not what `denominator` says. `bounds`: values that a mean
    cannot pass, nor its interval. `parts`: those of a composition, in order, whose shares add up to 100%. `always`: the breakdowns of a count that are 0 where nothing happened, rather than not there.
    `trend`: whether parts of
    the period make a trend of it. `compares`: it is a comparison with the time before already, and so compared with no other.
    `depends_on_length`: of more days it has another value, even if nothing changes: it is not compared with a period of
    quite another length. `inputs`: the metrics that it is made of, and of a derived one how: `combine`, or `transform` of a single one (`derived`);
    `independent_rows`: each row is a unit of its own, though no customer; nothing has to be said about clusters. `names_inputs`: its inputs are those that its rows name (`among_peers`).
    `complement`: it counts what that one does not. `aspect_of`: the metric of whose fact it shows another aspect, beside which
    reports list it. `suppress_below`: fewer units are hidden, even where the client allows less.
    The others follow from the accessors that the function used. `cumulative`: it is of all data up to the period's end, so it
    has no parts and is compared with nothing that shares most of them. `of_events`: its rows are those of the period's days. `looks_back`: it
    asks for history. `follow_up_days`: rows that the data do not follow for so long are left out. `maturity_days`: the days after a period's
    end until its figure is complete. `notes`: remarks of the function on its evidence. `known`: what its estimator needs beside the
    settings.
    """

    rows: nw.LazyFrame | None
    estimate: Estimator
    numerator: str
    denominator: str = ""
    breakdown: str = ""
    units: Mapping[str, str] = field(default_factory=dict)
    base_nouns: Mapping[str, str] = field(default_factory=dict)
    bounds: tuple[float, float] | None = None
    parts: tuple[str, ...] = ()
    always: tuple[str, ...] = ()
    transform: Callable[..., Any] | None = None
    trend: bool = True
    compares: bool = False
    depends_on_length: bool = False
    inputs: tuple[str, ...] = ()
    combine: Callable[..., float] | None = None
    names_inputs: bool = False
    independent_rows: bool = False
    complement: bool = False
    aspect_of: str = ""
    suppress_below: int = 1
    cumulative: bool = False
    of_events: bool = False
    looks_back: bool = False
    follow_up_days: int | None = None
    maturity_days: int | None = None
    notes: tuple[Note, ...] = ()
    known: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_derived(self) -> bool:
        """Whether it is computed from its inputs' figures."""
        return self.estimate.reduces == "figures"

    @property
    def facts(self) -> "Measure":
        """The same without evidence."""
        return replace(self, rows=None)

    def stored(self) -> dict[str, Any]:
        """The facts as plain data, for a stored result; empty where the estimator is a family's own."""
        estimate = self.estimate.stored()
        own = {f.name: getattr(self, f.name) for f in fields(self) if f.name not in _NOT_STORED}
        return (
            own | {"estimate": estimate, "units": dict(self.units), "base_nouns": dict(self.base_nouns)}
            if estimate
            else {}
        )

    @classmethod
    def restored(cls, facts: dict[str, Any]) -> "Measure":
        """The measure whose facts were stored."""
        bounds = facts["bounds"] and tuple(facts["bounds"])
        own = {"estimate": Estimator.restored(facts["estimate"]), "bounds": bounds, "always": tuple(facts["always"])}
        own |= {name: tuple(facts[name]) for name in ("inputs", "parts")}
        return cls(None, **facts | own)


_NOT_STORED = ("rows", "transform", "estimate", "combine", "notes", "known")


def _by(by: By) -> tuple[dict[str, nw.Expr], str]:
    """The column `breakdown` of a column's name, or of columns by their names; and what the breakdowns are."""
    if not by:
        return {}, ""
    columns = {by: nw.col(by)} if isinstance(by, str) else dict(by)
    texts = [column.cast(nw.String) for column in columns.values()]
    breakdown = texts[0] if len(texts) == 1 else nw.concat_str(texts, separator=" ")
    return {"breakdown": breakdown}, " and ".join(columns)


def _of(rows: nw.LazyFrame, estimate: Estimator, by: By, columns: dict[str, nw.Expr], facts: dict[str, Any]) -> Measure:
    breakdown, name = _by(by)
    return Measure(rows.with_columns(**breakdown, **columns), estimate, **{"breakdown": name} | facts)


def share(rows: nw.LazyFrame, condition: nw.Expr, *, by: By = "", **facts: Any) -> Measure:
    """The share of the rows that meet a condition. by: a column, or columns by name, each value of which is a breakdown."""
    return _of(rows, estimators.proportion, by, {"num": condition.cast(nw.Int64), "den": nw.lit(1)}, facts)


def composition(rows: nw.LazyFrame, parts: Mapping[str, nw.Expr], **facts: Any) -> Measure:
    """The shares of the rows that meet each of these conditions, of which each row meets exactly one.

    Where the rows have breakdowns, those are the wholes that the shares are of. The parts are not compared over time or
    between parts of the period: the metric that sums them up is.
    """
    broken_down = "breakdown" in rows.collect_schema().names()

    def label(part: str) -> nw.Expr:
        if not broken_down:
            return nw.lit(part)
        several = nw.concat_str([nw.col("breakdown"), nw.lit(part)], separator=SEPARATOR)
        return nw.when(nw.col("breakdown") == "").then(nw.lit(part)).otherwise(several)

    frames = [
        rows.with_columns(breakdown=label(part), num=condition.cast(nw.Int64), den=nw.lit(1))
        for part, condition in parts.items()
    ]
    return Measure(nw.concat(frames), estimators.composition, **{"trend": False, "parts": tuple(parts)} | facts)


def ratio(rows: nw.LazyFrame, numerator_of: nw.Expr, denominator_of: nw.Expr, *, by: By = "", **facts: Any) -> Measure:
    """A sum over another, with the interval of a ratio of sums by customer."""
    return _of(rows, estimators.ratio, by, {"num": numerator_of, "den": denominator_of}, facts)


def mean(rows: nw.LazyFrame, value: nw.Expr, *, by: By = "", **facts: Any) -> Measure:
    """The mean of a value over the rows."""
    return _of(rows, estimators.mean, by, {"num": value, "den": nw.lit(1)}, facts)


def mean_on_scale(
    rows: nw.LazyFrame, value: nw.Expr, *, bounds: tuple[float, float], by: By = "", **facts: Any
) -> Measure:
    """The mean of a value that lies between two bounds."""
    return _of(rows, estimators.mean_on_scale, by, {"value": value}, {"bounds": bounds} | facts)


def money_mean(rows: nw.LazyFrame, value: nw.Expr, *, of: nw.Expr | None = None, by: By = "", **facts: Any) -> Measure:
    """The mean of sums of money, which are skewed. of: 1 where a row is one of those that share the money (None: all are), else 0."""
    return _of(rows, estimators.money_mean, by, {"num": value, "den": nw.lit(1) if of is None else of}, facts)


def placed_by_customer(rows: nw.LazyFrame, value: nw.Expr, *own: str) -> nw.LazyFrame:
    """The rows as medians by customer take them (`crmnb.stats.quantiles.median`), with their own columns: `quantity`, `squares`, `units`."""
    if "customer_id" not in rows.collect_schema().names():
        return rows.select("period_id", *own, quantity=value, squares=nw.lit(1), units=nw.lit(1))
    known, who = ~nw.col("customer_id").is_null(), ("period_id", "customer_id")
    place, units = value.rank("ordinal").over(*who), nw.len().over(*who)
    return rows.select(
        *who,
        *own,
        quantity=value,
        squares=nw.when(known).then(2 * place - 1).otherwise(nw.lit(1)),
        units=nw.when(known).then(units).otherwise(nw.lit(1)),
    )


def net_score(rows: nw.LazyFrame, favourable: nw.Expr, unfavourable: nw.Expr, *, by: By = "", **facts: Any) -> Measure:
    """The share of the rows that meet one condition less the share that meet another."""
    score = favourable.cast(nw.Int64) - unfavourable.cast(nw.Int64)
    return _of(rows, estimators.net_promoters, by, {"num": score, "den": nw.lit(1)}, facts)


def count(
    rows: nw.LazyFrame,
    at: str = "",
    *,
    of: str,
    out_of: nw.LazyFrame | None = None,
    per: float = 1,
    by: By = "",
    **facts,
) -> Measure:
    """How many rows there are, and how they scatter over time where the column `at` holds theirs; without one, a count of states.

    States, such as tickets that are open at a moment, are all counted: there is no interval. out_of: rows by whose number the count is divided (`per=100`: the count per 100 of them).
    """
    none, no_time = nw.lit(None, nw.Float64), nw.lit(None, nw.Datetime("us"))
    time = nw.col(at) if at else no_time
    facts = {"numerator": of, "depends_on_length": bool(at)} | facts
    counted = _of(
        rows, estimators.count if at else estimators.states, by, {"num": nw.lit(1), "den": none, "at": time}, facts
    )
    if out_of is None:
        return counted
    keys = [name for name in ("period_id", "customer_id") if name in out_of.collect_schema().names()]
    events = counted.rows.select(*keys, num=nw.lit(1), den=nw.lit(0.0), at=nw.col("at"))
    base = out_of.select(*keys, num=nw.lit(0), den=nw.lit(1 / per), at=no_time)
    return replace(counted, rows=nw.concat([events, base]), estimate=estimators.count_per)


def survival_median(
    rows: nw.LazyFrame, start: str, end: str, *, until: datetime | None, by: By = "", **facts: Any
) -> Measure:
    """The median of the calendar days from one time to another, of which the second may not have come when the data end (`until`)."""
    return _cases(rows, start, end, until, estimators.median_survival, by, facts)


def survival_curve(
    rows: nw.LazyFrame, start: str, end: str, *, until: datetime | None, by: By = "", **facts: Any
) -> Measure:
    """The share of cases in which the second time has not come so many days after the first (Kaplan-Meier)."""
    return _cases(rows, start, end, until, estimators.survival, by, facts)


def _cases(rows: nw.LazyFrame, start: str, end: str, until: datetime | None, estimate: Estimator, by: By, facts: dict):
    """Cases with what they are counted by; they keep their other columns, by which clients break figures down."""
    require_free_names(rows, estimate)
    seen = rows.with_columns(seen_until=nw.col("period_end") if until is None else nw.lit(until))
    came = nw.col(end) < nw.col("seen_until")
    last = nw.when(came).then(nw.col(end)).otherwise(nw.col("seen_until") - _INSTANT)
    cases = seen.with_columns(last=last, event=came.fill_null(False).cast(nw.Int64))
    return _of(cases, estimate, by, {"entry": nw.lit(0), "duration": calendar_days(start, "last")}, facts)


def require_free_names(rows: nw.LazyFrame, estimate: Estimator) -> None:
    """Raise Unavailable where a column of the client has a name that the evidence needs: its levels would be other values."""
    reserved = [name for name in rows.collect_schema().names() if name in estimate.columns]
    if reserved:
        raise Unavailable(Note("reserved_column", column=reserved[0]))


def cumulative_incidence(
    rows: nw.LazyFrame, start: str, event: str, competing: str, *, until: datetime | None, **facts: Any
) -> Measure:
    """The share of cases that have come to an event so many days after their start, of which another event may have come first.

    Both are columns of times; `until` is when the data end.
    """
    require_free_names(rows, estimators.conversion_over_time)
    seen = nw.col("period_end") if until is None else nw.lit(until)
    cases = rows.with_columns(seen_until=seen, came=nw.coalesce(event, competing))
    happened = {"outcome": _there(event) + 2 * _there(competing) * (1 - _there(event))}
    cases = cases.with_columns(last=nw.col("seen_until") - _INSTANT, **happened)
    cases = cases.with_columns(came=nw.coalesce("came", "last"))
    lengths = {"days": calendar_days(start, "came"), "followed": calendar_days(start, "last")}
    return Measure(cases.with_columns(**lengths), estimators.conversion_over_time, **facts)


def _there(time: str) -> nw.Expr:
    return (~nw.col(time).is_null()).cast(nw.Int64)


def calendar_days(start: str, end: str) -> nw.Expr:
    """The calendar days from the time in one column to that in another: midnights between them."""
    passed = nw.col(end).dt.truncate("1d") - nw.col(start).dt.truncate("1d")
    return (passed.dt.total_minutes() / (24 * 60)).cast(nw.Int64)


def month_of_year(time: str) -> nw.Expr:
    """The month of a time, numbered and by name ("01 January"), so that months of two years are compared."""
    month, name = nw.col(time).dt.month(), nw.lit("12 December")
    for number in range(11, 0, -1):
        name = nw.when(month == number).then(nw.lit(f"{number:02} {month_name[number]}")).otherwise(name)
    return name


def age_band(opened: str, *bounds: int) -> nw.Expr:
    """How many days before a period's end something was opened, in bands below each of the bounds, numbered from the newest.

    With the bounds 7 and 30 the bands are "1 under 7 days", "2 from 7 to under 30 days" and "3 from 30 days".
    """
    aged = (nw.col("observed_end") - nw.col(opened)).dt.total_minutes() / (24 * 60)
    band = nw.lit(f"{len(bounds) + 1} from {bounds[-1]} days")
    for number, (low, high) in reversed(list(enumerate(zip((0, *bounds), bounds, strict=False), 1))):
        name = f"from {low} to under {high} days" if low else f"under {high} days"
        band = nw.when(aged < high).then(nw.lit(f"{number} {name}")).otherwise(band)
    return band


def derived(
    *inputs: str,
    combine: Callable[..., float] | None = None,
    transform: Callable[[pd.Series, Period], pd.Series] | None = None,
    **facts: Any,
) -> Measure:
    """A figure that is made of other metrics' figures, in their units.

    inputs: their ids, by which a report knows which figures express the same fact. combine: `combine(first, second, ...)`, which moves one
    way with each; the inputs' intervals make its own. transform: of a single input, `transform(values, period)`, which rises or falls
    throughout: its limits are exactly the input's limits transformed; it may raise Unavailable for a period.
    """
    if (combine is None) == (transform is None) or (transform and len(inputs) != 1):
        raise TypeError("a derived metric has `combine`, or one input and `transform`")
    return Measure(None, estimators.derived, inputs=inputs, combine=combine, transform=transform, **facts)


def complement(of: str, **facts: Any) -> Measure:
    """What another metric's share lacks to 100%: it counts the others, and its limits are that one's, exchanged."""
    return derived(of, transform=lambda shares, period: 100 - shares, complement=True, **facts)


def among_peers(rows: nw.LazyFrame, estimate: Estimator, *, fewest: int, **facts: Any) -> Measure:
    """The client's figures of other metrics beside those of peers.

    rows: a peer's figure each: `metric` (an id), `of` (its breakdown), `peer`, `period` (a label, "" of any time), `value`, `n`. The metrics
    that they name are the inputs. fewest: peers of a metric, below which an estimator may give no figure.
    """
    return Measure(rows, estimate, names_inputs=True, known={"fewest": fewest}, **facts)


def of_counts(rows: nw.LazyFrame, estimate: Estimator, **facts: Any) -> Measure:
    """What an estimator makes of counts of alike rows: a curve, a median, a fitted model (`crmnb.stats`)."""
    return Measure(rows, estimate, **facts)


def of_panels(estimate: Estimator, *, figures: str = "", **facts: Any) -> Measure:
    """What an estimator makes of a metric's figures by unit and month, of each of the client's initiatives.

    figures: the metric whose figures these are; the one that each initiative declares, if empty.
    """
    return Measure(None, estimate, known={"figures": figures}, trend=False, compares=True, **facts)
