"""Named inputs: the metrics that rows of a table name, such as those for which peers have figures."""

from dataclasses import replace

import narwhals.stable.v2 as nw
import pandas as pd

from crmnb.core.errors import InputError, nearest
from crmnb.core.period import Period
from crmnb.engine.query import Query
from crmnb.engine.session import Tables
from crmnb.metrics.definition import catalogue
from crmnb.metrics.measures import Measure
from crmnb.schema.client import Client


def with_named_inputs(facts: Measure, rows: nw.LazyFrame, tables: Tables) -> Measure:
    """The facts of a measure with its inputs, which the column `metric` of its rows names, and the rows as what is `known`.

    Raises InputError for a name that is no metric, or none with a figure of its own, and for a period that cannot be read.
    """
    native = rows.to_native()
    relation = native.relation if isinstance(native, Query) else native
    peers = relation.df().sort_values(["metric", "of", "peer", "period"], kind="stable", ignore_index=True)
    known = catalogue()
    for name in peers["metric"].unique():
        place = f"client {tables.client.id}, table benchmarks, metric {name!r}"
        if name not in known:
            raise InputError(f"{place}: this is not a metric.{nearest(name, known)}")
        if known[name].measure.names_inputs:
            raise InputError(f"{place}: it compares figures with those of peers itself. Remove its rows.")
    periods = {label: _period(label, tables.client) for label in peers["period"].unique()}
    peers["period"] = pd.Series([periods[label] for label in peers["period"]], peers.index, object)
    inputs = tuple(peers["metric"].unique())
    return replace(facts, inputs=inputs, known={**facts.known, "peers": peers})


def _period(label: str, client: Client) -> Period | None:
    """The period of a label; None of "", which is any time."""
    try:
        return Period.parse(label, client.fiscal_year_starts) if label else None
    except InputError as error:
        raise InputError(f"client {client.id}, table benchmarks: {error}") from None
