"""Measure: a metric, a client's tables and a period give the metric's rows of the results frame."""

from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from crmnb import engine
from crmnb.client import Client, Item
from crmnb.errors import InputError, Unavailable, nearest
from crmnb.estimate import census, difference
from crmnb.intake.personal import personal_columns
from crmnb.metric import Metric, catalogue
from crmnb.period import Period
from crmnb.privacy import protect
from crmnb.reduce import COMPARED, Evidence, reduce_bins, reduce_moments
from crmnb.results import CHANGES, COLUMNS, FIGURES, rounded
from crmnb.segments import known_levels, segmentations_of

_KEYS = ["component", "segment", "level"]
_WEEKS_AS_BINS = 84  # a count's scatter is seen over weeks in periods of at least so many days, else over days


@dataclass(frozen=True)
class Measured:
    """A metric's rows of the results frame, the settings used (in words), and what is to be said beside it."""

    rows: pd.DataFrame
    settings: dict[str, str]
    better: str
    notes: tuple[str, ...]


def measure(metric: Metric, tables: engine.Tables, period: Period) -> Measured:
    """The metric for the whole client, each segment level, each part of the period, and against the comparison.

    `period` must know what was observed (`Period.observe`). What cannot be had is a row with the flag `unavailable` and
    the reason. Raises InputError for settings that the metric does not have.
    """
    client = tables.client
    try:
        for name in metric.reads:
            tables.frame(name, per_customer=metric.per_customer)
        _must_be_as_exact(period, client)
        given, words = resolve(metric, client)
    except Unavailable as no:
        return Measured(_finished(_unavailable(metric, {"now": str(no)}), metric, client, period), {}, "-", ())
    better, bounds = metric.said_of(metric.better, given), metric.said_of(metric.bounds, given)
    period = seen_by(metric, tables, period)
    comparison, not_compared = compared_with(client, period)
    windows = {"now": period} | ({} if not_compared else {"before": comparison})
    if metric.over_time and len(parts := _parts(period, client)) > 1:
        windows |= {part.label: part for part in parts}
    evidence, reasons = _evidence(metric, tables, windows, given)
    rows = _unavailable(metric, reasons)
    if evidence:
        reduced = _reduced(metric, tables, period, {win: windows[win] for win in evidence}, evidence)
        seen = {win: windows[win] for win in evidence}
        rows = pd.concat([_estimated(metric, reduced, seen, client, bounds), rows], ignore_index=True)
        rows = _with_empty(rows, metric, windows, reasons)
    rows = protect(rows.assign(part=rows["win"].where(~rows["win"].isin(["now", "before"]), "")), client.privacy)
    if not not_compared and "before" in reasons:
        not_compared = f"not compared: {comparison.label} {reasons['before']}"
    rows = _compared(rows, metric, client, not_compared)
    return Measured(_finished(rows, metric, client, period), words, better, _notes(metric, tables, period, rows))


def _must_be_as_exact(period: Period, client: Client) -> None:
    """Raise Unavailable for a period of days where the client's dates are exact to the month only."""
    if client.dates_exact_to == "month" and (period.start.day, period.end.day) != (1, 1):
        raise Unavailable("the dates of these data are exact to the month only; choose a period of whole months")


def _parts(period: Period, client: Client) -> list[Period]:
    """The parts that make a trend: none shorter than the client's dates are exact to."""
    return [part for part in period.parts if part.months or client.dates_exact_to == "day"]


def seen_by(metric: Metric, tables: engine.Tables, period: Period) -> Period:
    """The period as seen by the tables of a metric that looks back: one of them may begin later than the others.

    Where the client declares the first day, that is believed for all.
    """
    if tables.client.data_from or period.data_from is None or "churn" not in metric.declarations:
        return period
    first = tables.first_day(tables.source_of(name) for name in metric.reads)
    return period.observe(max(first, period.data_from) if first else period.data_from, period.cutoff)


def resolve(metric: Metric, client: Client) -> tuple[dict[str, Any], dict[str, str]]:
    """The keyword arguments of a metric for a client, and the same in words.

    Raises InputError for an unknown setting or a value of another type than its default's; Unavailable where a
    declaration that the metric needs (an item of a survey, churn) is missing.
    """
    chosen = client.settings.get(metric.id, {})
    for name in chosen:
        if name not in metric.settings:
            raise InputError(
                f"parameters file {client.id}.yml, settings.{metric.id}: {name!r} is not a setting of this metric."
                + nearest(name, metric.settings)
            )
    given, words = {}, {}
    for name, default in metric.settings.items():
        value = chosen.get(name, default)
        if name in metric.declarations:
            given[name], words[name] = _item(metric, client, value)
            continue
        if type(value) is not type(default):
            kind = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}[type(default)]
            raise InputError(
                f"parameters file {client.id}.yml, settings.{metric.id}.{name}: {value!r} is not {kind} (default {default})."
            )
        given[name], words[name] = value, str(value)
    if "churn" in metric.declarations:
        if client.churn is None:
            raise Unavailable("needs churn: in the parameters file (contractual, or by inactivity of so many days)")
        given["churn"] = client.churn
        days = f" ({client.churn.inactivity_days} days)" if client.churn.kind == "inactivity" else ""
        words["churn"] = f"{client.churn.kind}{days}"
    return given, words


def _item(metric: Metric, client: Client, name: str) -> tuple[Item, str]:
    if name not in client.items:
        known = ", ".join([*list(client.items)[:8], *(["..."] if len(client.items) > 8 else [])]) or "none"
        raise Unavailable(
            f"needs the survey item {name!r}: declare it under items: (declared: {known}) or choose another"
        )
    item = client.items[name].model_copy(update={"name": name})
    low, high = item.scale
    asks = f", \u201c{item.asks}\u201d" if item.asks else ""
    return item, f"{name} ({low} to {high}, {item.direction}){asks}"


def check_settings(client: Client) -> None:
    """Raise InputError where `settings`, `targets` or `objectives` name a metric or setting that does not exist."""
    known = catalogue()
    for key in ("settings", "targets", "objectives"):
        for name in getattr(client, key):
            if name not in known:
                raise InputError(
                    f"parameters file {client.id}.yml, {key}: unknown metric {name!r}." + nearest(name, known)
                )
    for name in client.settings:
        try:
            resolve(known[name], client)
        except Unavailable:
            continue  # said in the report, beside the metric


def compared_with(client: Client, period: Period) -> tuple[Period, str]:
    """The comparison period, and the reason why nothing is compared ("" where it is)."""
    comparison = period.year_before if client.comparison == "year_before" else period.previous
    for each in (period, comparison):
        if each.partial:
            first = f"begin on {each.data_from:%Y-%m-%d}" if each.data_from and each.start < each.data_from else ""
            last = f"end on {each.last_seen_day:%Y-%m-%d}" if each.cutoff and each.end > each.cutoff else ""
            told = " and ".join(filter(None, (first, last)))
            return comparison, f"not compared: {each.label} is partial (the data {told})"
    return comparison, ""


def _evidence(metric: Metric, tables: engine.Tables, windows: dict[str, Period], given: dict[str, Any]):
    """Evidence by window, and the reason by window where there is none."""
    evidence: dict[str, Evidence] = {}
    reasons: dict[str, str] = {}
    for win, period in windows.items():
        try:
            frames = [tables.frame(name, per_customer=metric.per_customer) for name in metric.reads]
            period.require_seen()
            if metric.rows_at and win not in COMPARED and "now" in evidence:
                evidence[win] = evidence["now"].part(metric.rows_at, period)
            else:
                evidence[win] = Evidence.of(metric.function(*frames, period=period, **given))
        except Unavailable as no:
            reasons[win] = str(no)
        except engine.NoColumn as missing:
            reasons[win] = engine.column_of(missing, map(tables.source_of, metric.reads))
    return evidence, reasons


def _reduced(
    metric: Metric, tables: engine.Tables, period: Period, windows: dict[str, Period], evidence
) -> pd.DataFrame:
    segmentations = segmentations_of(tables, {*metric.reads}, next(iter(evidence.values())), period)
    if metric.estimate.reduces == "moments":
        return _moments(metric, tables, evidence, segmentations)
    counts = reduce_bins(tables.con, evidence, segmentations, {win: _span(p) for win, p in windows.items()})
    every = {s.name: known_levels(tables.con, s.levels) for s in segmentations} | {"": [""]}
    return _with_zeros(counts, windows, every, metric.always if len(counts) else ())


def _moments(metric: Metric, tables: engine.Tables, evidence: dict[str, Evidence], segmentations) -> pd.DataFrame:
    """The moments of evidence; those of the same evidence (churn, and churn made into a year) are reduced once."""
    key = (tuple(each.sql for each in evidence.values()), metric.per_customer, metric.estimate.needs)
    if key not in tables.reduced:
        tables.reduced[key] = reduce_moments(
            tables.con, evidence, segmentations, one_row_each=metric.per_customer, needs=metric.estimate.needs
        )
    return tables.reduced[key]


def _span(period: Period) -> tuple[str, int, int]:
    days = max((period.seen_end - period.start).days, 1)
    size = 7 if days >= _WEEKS_AS_BINS else 1
    return str(period.start), size, max(days // size, 1)


def _estimated(
    metric: Metric, reduced: pd.DataFrame, windows: dict[str, Period], client: Client, bounds
) -> pd.DataFrame:
    without = _without_denominator(reduced[reduced["den"] == 0], metric)
    reduced = reduced[reduced["den"] != 0].reset_index(drop=True)
    scale = {"bounds": bounds} if metric.estimate.on_scale else {}
    rows = metric.estimate.infer(reduced, client.level, **scale)
    seen = reduced["win"].map(windows)
    for column in ("value", "low", "high"):
        figure = rows[column].astype(float)
        if metric.transform:
            figure = pd.Series(
                [metric.transform(x, p) for x, p in zip(figure, seen, strict=True)], rows.index, dtype=float
            )
        rows[column] = figure * metric.scaled
    if (rows["low"] > rows["high"]).any():
        rows[["low", "high"]] = np.sort(rows[["low", "high"]], axis=1)
    if bounds:
        rows["low"], rows["high"] = rows["low"].clip(*bounds), rows["high"].clip(*bounds)
    rows = pd.concat([rows, reduced[["win", *_KEYS, "n"]]], axis=1)
    rows["clusters"] = _customers(reduced)
    if metric.estimate is census:  # two counts of customers, either of which may be the small one
        rows["clusters"] = reduced[["num", "den"]].min(axis=1)
    rows["numerator"], rows["denominator"], rows["reason"] = reduced["num"], reduced["den"], ""
    rows["correlation"] = _correlation(reduced)
    partial = seen.map(lambda p: "partial" if p.partial else "")
    rows["flags"] = (partial + rows["unreliable"].map({True: " unreliable", False: ""})).str.strip()
    return pd.concat([rows.drop(columns="unreliable"), without], ignore_index=True)


def _customers(reduced: pd.DataFrame) -> pd.Series:
    """How many customers stand behind each row; of a count, those that it is out of."""
    return reduced["clusters"] if "clusters" in reduced else reduced["exposed"]


def _without_denominator(reduced: pd.DataFrame, metric: Metric) -> pd.DataFrame:
    """Groups that have something to count and nothing to count it out of: new customers where nobody was one before."""
    rows = reduced[["win", *_KEYS, "n"]].assign(clusters=_customers(reduced))
    rows = rows.assign(numerator=reduced["num"], denominator=0.0, value=np.nan, low=np.nan, high=np.nan, method="")
    reason = f"no {metric.out_of}" if metric.out_of else "nothing there to count it out of"
    return rows.assign(flags="unavailable", reason=reason, correlation=0.0)


def _with_zeros(
    counts: pd.DataFrame, windows: dict[str, Period], levels: dict[str, list[str]], always: tuple[str, ...]
) -> pd.DataFrame:
    """The counts with a row of 0 where nothing of a plain count (no exposure) happened.

    levels: by segmentation, those that it is known to have; broken down are the compared windows only. always: the
    components that are there even if nothing happened anywhere.
    """
    plain = counts[counts["plain"]]
    keys = ["win", "component", "segment", "level"]
    there = set(plain[keys].itertuples(index=False, name=None))
    every = [
        (win, component, segment, level)
        for segment, known in levels.items()
        for win, component, level in product(windows, {*plain["component"], *always}, known)
        if not segment or win in COMPARED
    ]
    absent = pd.DataFrame([key for key in every if key not in there], columns=keys)
    if absent.empty:
        return counts
    bins = absent["win"].map({win: float(_span(period)[2]) for win, period in windows.items()})
    zero = absent.assign(bins=bins, num=0.0, den=1.0, n=0.0, exposed=0.0, binned=0.0, ss=0.0, plain=True)
    return pd.concat([counts, zero], ignore_index=True)


def _correlation(s: pd.DataFrame) -> pd.Series:
    """Of a group's estimates in both periods, from the customers seen in both: sum(u u') / sqrt(sum(u^2) sum(u'^2))."""
    if "shared" not in s:
        return pd.Series(0.0, s.index)
    pairs = s[s["win"].isin(["now", "before"])].groupby(_KEYS)["ss"]
    product = pairs.transform("prod").where(pairs.transform("size") == 2)
    return (s["shared"] / np.sqrt(product.where(product > 0))).reindex(s.index).clip(-1, 1).fillna(0.0)


def _unavailable(metric: Metric, reasons: dict[str, str]) -> pd.DataFrame:
    rows = pd.DataFrame({"win": list(reasons), "reason": list(reasons.values())}, dtype=object)
    rows = rows.assign(component="", segment="", level="", method="", flags="unavailable", correlation=0.0)
    rows["n_effective"] = np.nan
    return rows.assign(**dict.fromkeys(FIGURES, np.nan))


def _with_empty(
    rows: pd.DataFrame, metric: Metric, windows: dict[str, Period], reasons: dict[str, str]
) -> pd.DataFrame:
    """Windows whose evidence is empty: no events is a count of 0, nothing to divide by is unavailable."""
    whole = rows[rows["segment"] == ""]
    empty = [win for win in windows if win not in set(whole["win"]) and win not in reasons]
    return pd.concat(
        [
            rows,
            _unavailable(metric, dict.fromkeys(empty, f"no {metric.out_of or metric.counts}")),
        ],
        ignore_index=True,
    )


def _compared(rows: pd.DataFrame, metric: Metric, client: Client, not_compared: str) -> pd.DataFrame:
    """The rows of now with the change since the comparison period; rows of the comparison are gone.

    Who has been a customer for how long is told as at the start of now: of the comparison's customers none had just
    joined, so its levels are other people and are not compared.
    """
    moving = rows["segment"].isin([name for name, segment in client.segments.items() if segment.years])
    rows = rows[~moving | (rows["win"] != "before")]
    before = rows[(rows["win"] == "before") & rows["value"].notna()].set_index(_KEYS)
    rows = rows[rows["win"] != "before"].reset_index(drop=True)
    rows[list(CHANGES)] = np.nan
    whole = rows["win"] == "now"
    rows.loc[whole & (rows["reason"] == ""), "reason"] = not_compared
    if before.empty:
        return rows
    pairs = rows[whole & rows["value"].notna()].join(before, on=_KEYS, suffixes=("", "_before"))
    pairs = pairs[pairs["value_before"].notna()]
    earlier = pairs[["value_before", "low_before", "high_before", "clusters_before"]]
    earlier.columns = ["value", "low", "high", "clusters"]
    plain = metric.estimate.symmetric and not metric.transform
    told = difference(pairs, earlier, pairs["correlation"], client.level, plain)
    rows.loc[pairs.index, list(CHANGES)] = np.column_stack(
        [earlier["value"], told["change"], told["low"], told["high"], told["p_value"]]
    )
    return rows


def _finished(rows: pd.DataFrame, metric: Metric, client: Client, period: Period) -> pd.DataFrame:
    rows = rows.assign(
        client=client.id,
        family=metric.family,
        metric=metric.id,
        period=period.label,
        unit=rows["component"].map(lambda component: metric.units.get(component, metric.unit)),
        signal="",
    )
    for column in ("part", *CHANGES):
        if column not in rows:
            rows[column] = "" if column == "part" else np.nan
    rows["target"] = _target(rows, metric, client)
    rows["flags"] = rows["flags"].map(lambda flags: " ".join(sorted(set(flags.split()))))
    in_number_order = rows["component"].str.replace(r"\+(\d)$", r"+0\1", regex=True)
    rows = rows.assign(_segmented=rows["segment"] != "", _component=in_number_order)
    rows = rows.sort_values(["_segmented", "segment", "part", "_component", "level"], kind="stable")
    return rounded(rows[list(COLUMNS)].reset_index(drop=True).astype(COLUMNS))


def _target(rows: pd.DataFrame, metric: Metric, client: Client) -> pd.Series:
    """The declared target, where it was set: on the whole client, of the nameless component if there is one.

    On parts of the period only where it does not grow with its length: of rates and means whose rows are those of the parts.
    """
    named = (rows["component"] == "").any() & (rows["component"] != "")
    by_length = not metric.rows_at or metric.estimate.reduces == "bins"
    elsewhere = named | (rows["segment"] != "") | ((rows["part"] != "") & by_length)
    return pd.Series(client.targets.get(metric.id, np.nan), rows.index).mask(elsewhere)


def _notes(metric: Metric, tables: engine.Tables, period: Period, rows: pd.DataFrame) -> tuple[str, ...]:
    notes = []
    whole = rows[(rows["part"] == "") & (rows["segment"] == "")]
    if metric.per_customer:
        for name in map(tables.source_of, metric.reads):
            without, among = tables.without_customer(name, period)
            if without:
                what = name.replace("_", " ")
                notes.append(f"{without:,} of {among:,} {what} in {period.label} carry no customer and are left out.")
    elif whole["method"].isin(["t", "Wilson", "adjusted Wald", "score"]).any():
        notes.append("No customer is seen to have several units here: the interval treats rows as independent.")
    for row in whole[whole["n_effective"] < 0.995 * whole["n"]].itertuples():
        factor = row.n / row.n_effective
        notes.append(
            f"{row.component + ': ' if row.component else ''}some customers count several times or with more weight, "
            f"so {row.n:.0f} {metric.out_of} tell as much as {row.n_effective:.0f} independent ones "
            f"(design factor {factor:.2f})."
        )
    return tuple(notes)


def evidence_of(metric: Metric, tables: engine.Tables, period: Period, limit: int) -> pd.DataFrame:
    """The rows behind a metric's number in the period, at most `limit`, without the columns declared personal."""
    try:
        given, _ = resolve(metric, tables.client)
    except Unavailable as no:
        return pd.DataFrame({"not available": [str(no)]})
    evidence, reasons = _evidence(metric, tables, {"now": period}, given)
    if not evidence:
        return pd.DataFrame({"not available": [reasons["now"]]})
    rows = tables.con.sql(f"select * from ({evidence['now'].sql}) limit {int(limit)}").df()
    there = [name for name in tables.client.tables if name in tables.names]
    personal = {name for table in there for name in personal_columns(tables.client, table, list(rows.columns))}
    return rows.drop(columns=list(personal))
