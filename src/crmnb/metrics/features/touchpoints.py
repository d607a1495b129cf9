"""Touchpoints: the surveys after an interaction, and the channels of these interactions."""

import narwhals.stable.v2 as nw

from crmnb.engine.query import Query
from crmnb.engine.views import View

MOST = 12  # touchpoints and channels, by answers
CHANNEL = ", "  # between a touchpoint and its channel


def touchpoints_of(answers: View) -> dict[str, nw.Expr]:
    """Each survey in the answers by its name, and each of its channels as `support, phone`, with the condition of its answers."""
    conditions: dict[str, nw.Expr] = {}
    for columns in (("survey",), ("survey", "channel")):
        if not {*columns} <= {*answers.columns}:
            continue
        known = answers.rows.filter(*(~nw.col(name).is_null() for name in columns)).select(*columns)
        query: Query = known.to_native()
        listed = ", ".join(columns)
        sql = f"select {listed} from ({query.sql_query()}) group by all order by count(*) desc, {listed} limit {MOST}"
        for values in query.derived.con.execute(sql).fetchall():
            place = [nw.col(name) == value for name, value in zip(columns, values, strict=True)]
            conditions[CHANNEL.join(values)] = nw.all_horizontal(*place, ignore_nulls=True)
    return dict(sorted(conditions.items())[:MOST])
