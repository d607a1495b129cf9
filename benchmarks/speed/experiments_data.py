"""The data of the benchmark `experiments`: units of one experiment, with five outcomes and twenty segments, the same rows every time."""

from pathlib import Path

import pandas as pd

from benchmarks.speed.made_up_shop import UNIT, make_files
from crmnb.core.period import Period
from crmnb.schema.client import Client, Experiment

PERIOD = Period.parse("2025").observe(pd.Timestamp("2025-01-01"), pd.Timestamp("2026-01-01"))
OUTCOMES = ("bought", "visits", "spent", "spent_less_before", "order_value")
SEGMENTS = 20
_DECLARED = {
    "bought": {"kind": "mean", "column": "bought"},
    "visits": {"kind": "mean", "column": "visits"},
    "spent": {"kind": "money", "column": "spent"},
    "spent_less_before": {"kind": "money", "column": "spent", "before": "before"},
    "order_value": {"kind": "money", "column": "revenue", "per": "orders"},
}


def client() -> Client:
    """The client with the experiment, broken down by the units' segment."""
    experiment = Experiment(arms={"new": 1, "old": 1}, control="old", outcomes=_DECLARED)
    segments = {"group": {"column": "experiment_units.segment"}}
    return Client(
        **{"id": "experiments", "folder": Path(), "name": "Shop", "currency": "EUR", "sources": {}, "tables": {}},
        experiments={"test": experiment},
        segments=segments,
    )


def make(rows: int) -> dict[str, Path]:
    """The file of so many units; kept in the system's temporary folder between runs."""
    return make_files("experiments", rows, ("experiment_units",), (UNIT,), _query_of)


def _query_of(name: str, rows: int) -> str:
    return f"""
        with units as (select i, unit(i, 1) < 0.5 as treated, unit(i, 2) as size, unit(i, 3) as luck from range({rows}) r(i))
        select 'test' as experiment, 'U' || lpad(i::varchar, 9, '0') as unit_id, case when treated then 'new' else 'old' end as arm,
            timestamp '2025-03-01' + to_seconds((i * 2419200 // {rows})::bigint) as assigned_at,
            'segment ' || lpad((1 + floor({SEGMENTS} * unit(i, 4)))::int::varchar, 2, '0') as segment,
            (luck < 0.1 + 0.01 * treated::int)::int as bought,
            floor(6 * unit(i, 5) ** 2)::bigint as visits,
            round(100 * size * unit(i, 6) + 2 * treated::int, 2)::double as spent,
            round(100 * size * unit(i, 7), 2)::double as before,
            floor(4 * unit(i, 8) ** 3)::bigint as orders,
            round(floor(4 * unit(i, 8) ** 3) * (20 + 30 * unit(i, 9)), 2)::double as revenue
        from units order by assigned_at"""
