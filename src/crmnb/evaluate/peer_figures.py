"""Peer figures: the client's figures, as they may be shown, beside those of its peers."""

from collections.abc import Iterator, Mapping

import pandas as pd

from crmnb.core.errors import did_you_mean
from crmnb.core.notes import Note
from crmnb.engine.evidence import COMPARED
from crmnb.evaluate.request import Request
from crmnb.schema.client import Client
from crmnb.stats.estimation import Estimates
from crmnb.stats.peers import OwnFigure

_WITHOUT_VALUE = ("suppressed", "unavailable", "not_reached")


def beside_peers(rows: pd.DataFrame, request: Request, requests: Mapping[str, Request], client: Client) -> Estimates:
    """What a metric's estimator makes of the figures of its inputs in the reporting period and those of peers.

    rows: of all metrics, as they may be shown. A figure that is hidden or not available is left out, and named in a note.
    """
    measure = request.metric.measure
    now = rows[(rows["win"] == COMPARED[0]) & (rows["segment"] == "")]
    figures, notes = [], []
    for item in _figures(now, measure.known.get("peers"), requests):
        (notes if isinstance(item, Note) else figures).append(item)
    period = request.windows[COMPARED[0]]
    estimates = request.metric.estimate.infer(figures, period, client.level, measure.known["fewest"])
    if not estimates.rows and measure.inputs:
        reason = Note("no_peers_to_compare", notes=tuple(dict.fromkeys((*notes, *estimates.notes))))
        nothing = {"breakdown": "", "value": float("nan"), "low": float("nan"), "high": float("nan"), "method": ""}
        estimates = Estimates([nothing | {"flags": "unavailable", "reason": reason.to_json()}])
    group = {"win": COMPARED[0], "part": "", "segment": "", "level": "", "correlation": 0.0}
    ordered = [group | {"reason": "", "place": place} | row for place, row in enumerate(estimates.rows)]
    return Estimates(ordered, estimates.points, [*estimates.notes, *notes])


def _figures(
    now: pd.DataFrame, peers: pd.DataFrame | None, requests: Mapping[str, Request]
) -> Iterator[OwnFigure | Note]:
    """The own figure of each metric and breakdown that peers have one of; a note where there is none."""
    if peers is None:
        return
    for (id_, breakdown), of_peers in peers.groupby(["metric", "of"], sort=False):
        request = requests[id_]
        own = now[now["metric"] == id_].set_index("breakdown")
        name = f"{request.metric.title}, {breakdown}" if breakdown else request.metric.title
        if breakdown not in own.index:
            yield Note("no_such_breakdown", figure=name, hint=did_you_mean(breakdown, own.index))
            continue
        row = own.loc[breakdown]
        if pd.isna(row["value"]) or any(flag in row["flags"] for flag in _WITHOUT_VALUE):
            yield Note("own_figure_missing", figure=name)
            continue
        unit = request.metric.units.get(breakdown, request.metric.unit) if breakdown else request.metric.unit
        yield OwnFigure(
            name=name,
            unit=unit,
            direction=request.direction,
            flags=row["flags"],
            by_length=request.metric.depends_on_length,
            peers=of_peers,
            **{figure: float(row[figure]) for figure in ("value", "low", "high", "n")},
        )
