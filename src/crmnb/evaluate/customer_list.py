"""Listing: the customers behind a metric whose model has a probability for each of them, for analysts only."""

from datetime import timedelta

import narwhals.stable.v2 as nw
import pandas as pd

from crmnb.core.errors import InputError, Unavailable
from crmnb.core.period import Period
from crmnb.engine.evidence import Evidence
from crmnb.engine.segments import segmentations_of
from crmnb.engine.session import Tables
from crmnb.evaluate.estimation_context import estimation_context
from crmnb.evaluate.metric_call import evidence_of
from crmnb.evaluate.settings import resolve
from crmnb.metrics.definition import Metric
from crmnb.metrics.features.revenue import with_net_revenue
from crmnb.schema.tables import UNKNOWN
from crmnb.stats.estimation import LEVEL_OF

_EVERYBODY = 2**62
_YEAR = timedelta(days=365)


def listed(metric: Metric, tables: Tables, period: Period, limit: int) -> pd.DataFrame:
    """The first `limit` customers by expected loss: `customer_id`, `probability`, `at_stake` and their product, `expected_loss`.

    probability: the customer's probability of loss by the metric's model. at_stake: what the customer paid in the 365 days before the period's
    end, net, in the client's currency; without the two columns where no table has payments. Raises Unavailable where the model cannot be
    fitted, InputError for a metric without figures of single customers.
    """
    if not metric.estimate.by_customer:
        raise InputError(f"{metric.id} has no figure of single customers.")
    rows = evidence_of(metric, tables, period, _EVERYBODY)
    arguments, _ = resolve(metric, tables.client)
    rows = _with_levels(rows, metric, tables, period)
    context = estimation_context(tables.client, arguments, {"current": period})
    chance = metric.estimate.infer_by_customer(rows, context)
    customers = rows.loc[chance.index, ["customer_id"]].assign(probability=chance.round(4))
    paid = _paid(tables, period)
    if paid is None:
        order = customers.sort_values(["probability", "customer_id"], ascending=[False, True])
        return order.head(limit).reset_index(drop=True)
    customers["at_stake"] = customers["customer_id"].map(paid).fillna(0.0)
    customers["expected_loss"] = (customers["probability"] * customers["at_stake"]).round(2)
    order = customers.sort_values(["expected_loss", "probability", "customer_id"], ascending=[False, False, True])
    return order.head(limit).reset_index(drop=True)


def _with_levels(rows: pd.DataFrame, metric: Metric, tables: Tables, period: Period) -> pd.DataFrame:
    """The rows with each customer's level in the segmentations of customers, in columns `of <name>`."""
    named = tables.with_names()
    of = Evidence("", dict.fromkeys(rows, ""), {})
    for segmentation in segmentations_of(named, {*metric.reads}, of, period, metric.family):
        if segmentation.levels:
            levels = named.con.execute(f"select cluster, level from {segmentation.levels}").df()
            level = rows["customer_id"].map(levels.set_index("cluster")["level"]).fillna(UNKNOWN)
            rows = rows.assign(**{f"{LEVEL_OF}{segmentation.name}": level})
    return rows


def _paid(tables: Tables, period: Period) -> pd.Series | None:
    """What each customer paid in the year before the period's end; None where no table has payments."""
    try:
        payments = tables.with_names().frame("payments", per_customer=True)
    except Unavailable:
        return None
    end = period.observed_end
    recent = payments.filter(nw.col("ordered_at") >= end - _YEAR, nw.col("ordered_at") < end)
    sums = with_net_revenue(recent).group_by("customer_id").agg(net=nw.col("net").sum())
    return sums.to_native().df().set_index("customer_id")["net"].astype(float)
