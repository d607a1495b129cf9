"""Rows: the statistics of several metrics become rows of the results frame, all together: each step costs once."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from crmnb.core.cohort_cell import CohortCell
from crmnb.core.notes import Note
from crmnb.engine.evidence import BEFORE, COMPARED
from crmnb.evaluate.derived import with_derived
from crmnb.evaluate.disclosure_control import Counted, Seam, protect
from crmnb.evaluate.disclosure_control.points import protected_points
from crmnb.evaluate.pooling import pooled
from crmnb.evaluate.request import Request
from crmnb.evaluate.results_frame import CHANGES, COLUMNS, FIGURES, rounded
from crmnb.evaluate.settings import length_beyond
from crmnb.metrics.definition import Metric
from crmnb.metrics.estimators import Estimator
from crmnb.schema.client import Client, Privacy
from crmnb.stats.estimation import Estimates
from crmnb.stats.moments import LARGE_SHARE, difference

_KEYS = ["metric", "breakdown", "segment", "level"]
_NO_POINTS = pd.DataFrame(columns=["breakdown", "segment", "level", "x", "value", "low", "high", "n"]).astype(
    dict.fromkeys(("x", "value", "low", "high", "n"), float)
)


def rows_of(
    requests: list[Request],
    reduced: dict[str, pd.DataFrame],
    inferred: dict[str, Estimates],
    client: Client,
    seams: Sequence[Seam] = (),
) -> tuple[dict[str, pd.DataFrame], dict[str, list[Note]]]:
    """Each metric's rows of the results frame, and the notes that follow from them, by the metric's id.

    reduced: by the id of those that have evidence, its statistics (see `crmnb.engine.reduce`). inferred: of those whose evidence
    was counted, the estimates from these counts; those that are made of other metrics' figures are added. seams: of the client's segmentations, what each reveals about the others.
    """
    known = {request.metric.id: request for request in requests}
    rows = _estimated(known, reduced, client.level)
    rows += _of_counts(known, inferred)
    rows = pd.concat([*rows, _unavailable(_reasons(known, rows))], ignore_index=True)
    rows = rows.astype(
        dict.fromkeys(("correlation", "n_effective", *FIGURES), float)
    )  # where all are empty, pandas would take them for objects
    rows["part"] = rows["win"].where(~rows["win"].isin(COMPARED), "").str.removeprefix(BEFORE)
    called = {
        id_: request for id_, request in known.items() if request.windows
    }  # the measure of a metric without a window is not known
    counted = {
        id_: Counted(frozenset(request.metric.reads), request.metric.numerator, request.metric.privacy(client))
        for id_, request in called.items()
    }
    rows = pooled(protect(rows, client.privacy, counted, seams), _weights(called))
    rows, of_figures = with_derived(rows, known, client)
    inferred |= of_figures
    rows = _compared(rows, known, client)
    return _finished(rows, known, client), _notes(rows, known)


def _weights(known: dict[str, Request]) -> dict[str, dict[str, float]]:
    """Of the metrics with a breakdown by survey, the weights at which the client declares them to be pooled, by the metric's id."""
    items = {
        id_: request.arguments.get("item")
        for id_, request in known.items()
        if request.metric.breakdown == "survey" and not request.metric.parts
    }
    return {id_: item.survey_weights for id_, item in items.items() if item and item.survey_weights}


def _estimated(known: dict[str, Request], reduced: dict[str, pd.DataFrame], level: float) -> list[pd.DataFrame]:
    """The estimates of all groups that have a denominator, and the rows of those that have none: a frame per estimator."""
    ids_of: dict[Estimator, list[str]] = {}
    for id_ in reduced:
        ids_of.setdefault(known[id_].metric.estimate, []).append(id_)
    frames = []
    for estimate, ids in ids_of.items():
        statistics = pd.concat([reduced[id_].assign(metric=id_) for id_ in ids], ignore_index=True)
        none = statistics["den"] == 0
        frames.append(_inferred(estimate, statistics[~none].reset_index(drop=True), known, level))
        if none.any():
            frames.append(_without_denominator(statistics[none], known))
    return frames


def _inferred(estimate: Estimator, statistics: pd.DataFrame, known: dict[str, Request], level: float) -> pd.DataFrame:
    metrics = statistics["metric"]
    bounds = {id_: known[id_].bounds or (-np.inf, np.inf) for id_ in metrics.unique()}
    least, most = (metrics.map({id_: float(ends[end]) for id_, ends in bounds.items()}) for end in (0, 1))
    rows = estimate.infer(statistics, level, **({"bounds": (least, most)} if estimate.on_scale else {}))
    seen = [known[id_].windows[win] for id_, win in zip(metrics, statistics["win"], strict=True)]
    scaled = metrics.map({id_: known[id_].metric.scaled for id_ in bounds})
    for column in ("value", "low", "high"):
        rows[column] = rows[column].astype(float) * scaled
    low, high = rows["low"], rows["high"]
    rows["low"] = low.mask(low < least, least).mask(low > most, most)
    rows["high"] = high.mask(high < least, least).mask(high > most, most)
    rows[["metric", "win", "breakdown", "segment", "level", "n"]] = statistics[["metric", "win", *_KEYS[1:], "n"]]
    rows["clusters"] = _customers(statistics)
    if estimate.of_both:  # two groups of customers, either of which may be the small one
        rows["clusters"] = np.minimum(rows["clusters"], statistics[["num", "den"]].min(axis=1))
    rows["numerator"], rows["denominator"], rows["reason"] = statistics["num"], statistics["den"], ""
    rows["correlation"] = _correlation(statistics)
    early = [win in known[id_].immature for id_, win in zip(metrics, statistics["win"], strict=True)]
    flags = zip(seen, early, rows.pop("unreliable"), strict=True)
    rows["flags"] = [
        " ".join(["partial"] * p.partial + ["immature"] * soon + ["unreliable"] * bool(doubtful))
        for p, soon, doubtful in flags
    ]
    return rows


def _of_counts(known: dict[str, Request], inferred: dict[str, Estimates]) -> list[pd.DataFrame]:
    """The rows that estimators of counts returned, in the metrics' units: one frame, or none."""
    estimates: list[dict[str, Any]] = []
    scales = []
    for id_, of_metric in inferred.items():
        request, places = known[id_], {}
        for row in of_metric.rows:
            win, place = row["win"], places.setdefault(row["breakdown"], len(places))
            flags = [row["flags"], *["unavailable"] * (pd.isna(row["value"]) and "not_reached" not in row["flags"])]
            flags += ["partial"] * request.windows[win].partial + ["immature"] * (win in request.immature)
            estimates.append(row | {"metric": id_, "place": place, "flags": " ".join(filter(None, flags))})
            scales.append(_scale(request.metric, row["breakdown"]))
    if not estimates:
        return []
    rows = pd.DataFrame(estimates).assign(n_effective=np.nan)
    rows["correlation"] = rows.get("correlation", pd.Series(0.0, rows.index)).fillna(0.0).clip(-1, 1)
    for column in ("value", "low", "high"):
        rows[column] = rows[column].astype(float) * np.array(scales)
    return [rows]


def _scale(metric: Metric, breakdown: str) -> float:
    """What shares and other figures of a breakdown are multiplied by to be in their unit."""
    return 100.0 if _unit(metric, breakdown) == "%" else 1.0


def _unit(metric: Metric, breakdown: str) -> str:
    return metric.units.get(breakdown, metric.unit) if breakdown else metric.unit


def _units(rows: pd.DataFrame, metrics: list[Metric]) -> list[str]:
    """The unit of each row: its own, where an estimator stated it, else that of its metric and breakdown."""
    stated = rows.get("unit", pd.Series(np.nan, rows.index))
    of_metric = (_unit(metric, own) for metric, own in zip(metrics, rows["breakdown"], strict=True))
    return [own if isinstance(own, str) else unit for own, unit in zip(stated, of_metric, strict=True)]


def points_of(estimated: list[dict[str, Any]], rows: pd.DataFrame, metric: Metric, privacy: Privacy) -> pd.DataFrame:
    """The points of a metric's picture in its units, as far as they may be shown."""
    if not estimated:
        return _NO_POINTS.copy()
    points = pd.DataFrame(estimated, columns=list(_NO_POINTS))
    points = protected_points(points, rows, privacy.suppress_below)
    scales = points["breakdown"].map(lambda own: _scale(metric, own)).astype(float)
    return points.assign(**{name: points[name].astype(float) * scales for name in ("value", "low", "high")})


def _customers(statistics: pd.DataFrame) -> pd.Series:
    """How many customers stand behind each row; of a count, those that it is out of."""
    return statistics["clusters"] if "clusters" in statistics else statistics["exposed"]


def _without_denominator(statistics: pd.DataFrame, known: dict[str, Request]) -> pd.DataFrame:
    """Groups that have something to count and nothing to count it out of: new customers where nobody was one before."""
    rows = statistics[["win", *_KEYS, "n"]].assign(clusters=_customers(statistics))
    rows = rows.assign(numerator=statistics["num"], denominator=0.0, value=np.nan, low=np.nan, high=np.nan, method="")
    denominator = [known[id_].metric.denominator for id_ in rows["metric"]]
    reason = [Note("nothing_counted", units=what) if what else Note("no_denominator") for what in denominator]
    reason = [note.to_json() for note in reason]
    return rows.assign(flags="unavailable", reason=reason, correlation=0.0)


def _correlation(s: pd.DataFrame) -> pd.Series:
    """Of a group's estimates in both periods, from the customers seen in both: sum(u u') / sqrt(sum(u^2) sum(u'^2))."""
    if "shared" not in s:
        return pd.Series(0.0, s.index)
    keys = [*zip(*(s[key] for key in _KEYS), strict=True)]
    squares = dict(zip(zip(s["win"], keys, strict=True), s["ss"], strict=True))
    products = [np.prod([squares.get((win, key), np.nan) for win in COMPARED]) for key in keys]
    product = pd.Series(products, s.index).where(s["win"].isin(COMPARED))
    return (s["shared"] / np.sqrt(product.where(product > 0))).clip(-1, 1).fillna(0.0)


def _reasons(known: dict[str, Request], estimated: list[pd.DataFrame]) -> list[tuple[str, str, Note]]:
    """(metric, window, reason) where there is no figure of the whole: no evidence, or evidence without a row.

    No events is a count of 0 already; nothing to divide by is unavailable.
    """
    there = {
        pair
        for rows in estimated
        for pair in zip(rows["metric"], rows["win"], rows["segment"] == "", strict=True)
        if pair[2]
    }
    reasons = []
    for id_, request in known.items():
        reasons += [(id_, win, reason) for win, reason in request.reasons.items()]
        empty = [win for win in request.windows if (id_, win, True) not in there and win not in request.reasons]
        if empty and request.evidence:
            nothing = Note("nothing_counted", units=request.metric.denominator or request.metric.numerator)
            reasons += [(id_, win, nothing) for win in empty]
    return reasons


def _unavailable(reasons: list[tuple[str, str, Note]]) -> pd.DataFrame:
    texts = [(id_, win, reason.to_json()) for id_, win, reason in reasons]
    rows = pd.DataFrame(texts, columns=["metric", "win", "reason"], dtype=object)
    rows = rows.assign(breakdown="", segment="", level="", method="", flags="unavailable", correlation=0.0)
    return rows.assign(**dict.fromkeys(("n_effective", *FIGURES), np.nan))


def _compared(rows: pd.DataFrame, known: dict[str, Request], client: Client) -> pd.DataFrame:
    """The rows of the current period with the change since the comparison period; rows of the comparison are gone.

    Who has been a customer for how long is as at the start of the current period: of the comparison's customers none had just
    joined, so its levels are other people and are not compared.
    """
    moving = rows["segment"].isin([name for name, segment in client.segments.items() if segment.years])
    earlier = (rows["win"] == "comparison").to_numpy()
    before, moving = rows[earlier], {*rows.loc[moving, "segment"]}
    comparison = before[~before["segment"].isin(moving) & before["value"].notna()]
    rows = rows[~earlier].reset_index(drop=True)
    own_p_value = rows.get("p_value", pd.Series(np.nan, rows.index)).astype(float)
    rows[list(CHANGES)] = np.nan
    whole = rows["win"] == "current"
    # What compares two times itself is a change: it is looked at for signals with all others.
    itself = rows.index[whole & rows["value"].notna() & own_p_value.notna()]
    rows.loc[itself, ["change", "change_low", "change_high"]] = rows.loc[itself, ["value", "low", "high"]].to_numpy()
    rows.loc[itself, "p_value"] = own_p_value[itself]
    silent = rows.index[whole & (rows["reason"] == "")]
    reasons = {id_: _why_not_compared(id_, known) for id_, request in known.items() if request.windows}
    not_compared = {id_: reason.to_json() if reason else "" for id_, reason in reasons.items()}
    rows.loc[silent, "reason"] = [not_compared.get(id_, "") for id_ in rows.loc[silent, "metric"]]
    place = {key: at for at, key in enumerate(zip(*(comparison[key] for key in _KEYS), strict=True))}
    of_now = rows[whole & rows["value"].notna()]
    keys = zip(*(of_now[key] for key in _KEYS), strict=True)
    pairs = [(at, place[key]) for at, key in zip(of_now.index, keys, strict=True) if key in place]
    metrics = {id_: request.metric for id_, request in known.items() if request.windows}
    for plain in (True, False):
        by_t = {id_ for id_, request in metrics.items() if request.estimate.symmetric == plain}
        chosen = [(at, was) for at, was in pairs if rows.at[at, "metric"] in by_t]
        if not chosen:
            continue
        current, was = rows.loc[[at for at, _ in chosen]], comparison.iloc[[was for _, was in chosen]]
        was = was[["value", "low", "high", "clusters"]].set_axis(current.index)
        changes = difference(
            current, was, current["correlation"], client.level, plain, _slack(current, was["value"], known)
        )
        figures = [was["value"], changes["change"], changes["low"], changes["high"], changes["p_value"]]
        rows.loc[current.index, list(CHANGES)] = np.column_stack(figures)
    return _with_reasons_for_gaps(rows, before, known, moving)


def _with_reasons_for_gaps(
    rows: pd.DataFrame, before: pd.DataFrame, known: dict[str, Request], moving: set[str]
) -> pd.DataFrame:
    """The rows with the reason why a figure of a metric that is compared has no counterpart; cohorts are others in each period."""
    flags = dict(zip(zip(*(before[key] for key in _KEYS), strict=True), before["flags"], strict=True))
    breakdowns = {key[:2] for key in flags}
    of_now = rows[(rows["win"] == "current") & ~rows["segment"].isin(moving)]
    in_both = {
        id_
        for id_, breakdown in zip(of_now["metric"], of_now["breakdown"], strict=True)
        if (id_, breakdown) in breakdowns
    }
    gaps = of_now[of_now["value"].notna() & of_now["change"].isna() & (of_now["reason"] == "")]
    for at, *key in gaps[gaps["metric"].isin(in_both)][_KEYS].itertuples():
        label = known[key[0]].windows["comparison"].label
        not_reached = "not_reached" in flags.get(tuple(key), "")
        reason = Note("no_comparison_not_reached", period=label)
        reason = reason if not_reached else Note("no_comparison_without_value", period=label)
        rows.loc[at, "reason"] = reason.to_json()
    return rows


def _why_not_compared(id_: str, known: dict[str, Request]) -> Note | None:
    """Why a metric is not compared: of a derived one, which may be no better than its inputs, also why one of these is not."""
    request = known[id_]
    inputs = request.metric.measure.inputs if not request.metric.has_rows else ()
    of_inputs = (_why_not_compared(input_, known) for input_ in inputs)
    return request.not_compared or next(filter(None, of_inputs), None)


def _slack(current: pd.DataFrame, was: pd.Series, known: dict[str, Request]) -> pd.Series:
    """What the longer of two periods of nearly one length can add by itself: of a share, to either side of it.

    At most in proportion to its length: so do counts, and what is counted by customer or as a share moves less.
    """
    beyond = {
        id_: length_beyond(known[id_].metric, known[id_].windows["current"], known[id_].windows["comparison"])
        for id_ in current["metric"].unique()
    }
    shares = [
        known[id_].metric.units.get(own, known[id_].metric.unit) == "%"
        for id_, own in zip(current["metric"], current["breakdown"], strict=True)
    ]
    sides = was.abs().where(~np.array(shares), np.maximum(was, (100 - was).abs()))
    return sides * current["metric"].map(beyond)


def _finished(rows: pd.DataFrame, known: dict[str, Request], client: Client) -> dict[str, pd.DataFrame]:
    """The columns of the results frame in order, sorted; by metric."""
    metrics = [known[id_].metric for id_ in rows["metric"]]
    rows = rows.assign(
        client=client.id,
        family=[metric.family for metric in metrics],
        period=[_period_of(known[id_], win) for id_, win in zip(rows["metric"], rows["win"], strict=True)],
        unit=_units(rows, metrics),
        signal="",
        target=_targets(rows, known, client),
        flags=[" ".join(sorted(set(flags.split()))) for flags in rows["flags"]],
        _segmented=rows["segment"] != "",
        _component=_order_of_components(rows),
    )
    rows = rows.sort_values(["_segmented", "segment", "part", "_component", "level"], kind="stable")
    rows = rounded(rows[list(COLUMNS)].astype(COLUMNS))
    by_metric = {id_: own.reset_index(drop=True) for id_, own in rows.groupby("metric", sort=False)}
    return {id_: by_metric[id_] if id_ in by_metric else rows.iloc[:0] for id_ in known}


def _period_of(request: Request, win: str) -> str:
    """The label of the period that a row is of: the comparison's, of one of its parts."""
    return (request.windows["comparison"] if win.startswith(BEFORE) else request.period).label


def _order_of_components(rows: pd.DataFrame) -> pd.Series:
    """What breakdowns are sorted by: names (of a cohort age 2 before age 10; what has no name, such as "(no theme)", last), or the order in
    which an estimator of counts returned them."""
    cells = {breakdown: CohortCell.of(breakdown) for breakdown in rows["breakdown"].unique()}
    names = {
        breakdown: f"{cell.month} {cell.age:06}" if cell else ("\uffff" if breakdown[:1] == "(" else "") + breakdown
        for breakdown, cell in cells.items()
    }
    by_name = rows["breakdown"].map(names)
    place = rows.get("place", pd.Series(np.nan, rows.index))
    return by_name.where(place.isna(), place.map("{:06.0f}".format))


def _targets(rows: pd.DataFrame, known: dict[str, Request], client: Client) -> list[float]:
    """The declared targets, where they were set: on the whole client, of the nameless breakdown if there is one.

    On parts of the period only where it does not grow with its length: of rates and means whose rows are those of the parts. A part without data
    has a nameless row of every metric, which says nothing of the metric's breakdowns.
    """
    nameless = set(rows.loc[(rows["breakdown"] == "") & (rows["part"] == "") & (rows["segment"] == ""), "metric"])
    by_length = {
        id_
        for id_, request in known.items()
        if request.windows
        and (
            not (request.metric.measure.of_events and request.metric.estimate.reduces == "moments")
            or request.metric.depends_on_length
        )
    }
    return [
        np.nan
        if segment or (breakdown and id_ in nameless) or (part and id_ in by_length) or win.startswith(BEFORE)
        else client.targets.get(id_, np.nan)
        for id_, breakdown, segment, part, win in zip(
            *(rows[c] for c in ("metric", "breakdown", "segment", "part", "win")), strict=True
        )
    ]


def _names_customers(request: Request) -> bool:
    return request.evidence is not None and "customer_id" in request.evidence.types


def _notes(rows: pd.DataFrame, known: dict[str, Request]) -> dict[str, list[Note]]:
    """Of each metric, the notes on how precise its figures are."""
    notes: dict[str, list[Note]] = {id_: [] for id_ in known}
    whole = rows[(rows["part"] == "") & (rows["segment"] == "")]
    independent = whole.reindex(columns=["rows_independent"])["rows_independent"].eq(True)
    for id_, alone in whole.loc[independent, "breakdown"].groupby(whole["metric"], sort=False):
        if not (known[id_].metric.per_customer or known[id_].metric.measure.independent_rows):
            every = len(alone) == (whole["value"].notna() & (whole["metric"] == id_)).sum()
            notes[id_].append(Note("rows_independent", breakdowns=() if every else tuple(alone)))
    for row in whole[whole["n_effective"] < 0.995 * whole["n"]].itertuples():
        facts = {"effective": row.n_effective, "factor": row.n / row.n_effective, "clustered": row.clusters < row.n}
        notes[row.metric].append(Note("design_effect", breakdown=row.breakdown, **facts))
    heavy = whole["value"].notna() & whole.reindex(columns=["top_heavy"])["top_heavy"].eq(True)
    for id_ in whole.loc[heavy, "metric"]:
        code = "top_heavy_customers" if _names_customers(known[id_]) else "top_heavy_rows"
        notes[id_].append(Note(code, share=LARGE_SHARE))
    return notes
