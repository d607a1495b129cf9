"""Experiments: the units of those that ran in the period, with the sums that effects are estimated from."""

from collections.abc import Iterable, Mapping

import narwhals.stable.v2 as nw

from crmnb.engine.views import View
from crmnb.schema.client import Experiments

_DIGITS = 6  # of a centre, which need not be exact: sums of squares about it lose nothing


def units(experiment_outcomes: View, experiments: Experiments, *, followed: bool) -> nw.LazyFrame:
    """The units of the declared experiments that ran in the period: somebody was assigned or followed in it. Units assigned until its end count.

    followed: only those whose outcomes are known by its end.
    """
    period = experiment_outcomes.periods.reporting
    rows = experiment_outcomes.until_end("assigned_at").filter(nw.col("experiment").is_in(list(experiments)))
    last = rows.group_by("experiment").agg(
        last_assigned=nw.col("assigned_at").max(), last_followed=nw.col("followed_until").max()
    )
    ran = last.filter((nw.col("last_assigned") >= period.start) | (nw.col("last_followed") > period.start))
    if followed:
        rows = rows.filter(nw.col("followed_until") <= period.observed_end)
    return rows.join(ran.select("experiment"), on="experiment", how="inner").with_columns(
        breakdown=nw.col("experiment")
    )


def with_sums(
    rows: nw.LazyFrame, pairs: Iterable[str], alone: Iterable[str], paired: Mapping[str, list[str]]
) -> tuple[nw.LazyFrame, tuple[str, ...]]:
    """The rows with what a unit adds to the sums of variables, and the names of these sums.

    pairs: the places of outcomes with a second variable (`y_0` and `z_0`), of the experiments in `paired`. alone: those of variables without one. Of a variable
    `y_0` these are `n_y_0`, `sum_y_0`, and about a centre near its mean `off_y_0` and `square_y_0`; with a second one also its own, and `product_0`.
    """
    alone, pairs = list(alone), list(pairs)
    names = [*alone, *(f"{kind}_{at}" for at in pairs for kind in "yz")]
    if not names:
        return rows, ()
    centres = rows.group_by("experiment").agg(
        **{f"centre_{name}": nw.col(name).mean().round(_DIGITS) for name in names}
    )
    rows = rows.join(centres, on="experiment", how="inner")
    sums = {}
    for name in alone:
        sums |= _sums(name, ~nw.col(name).is_null())
    for at in pairs:
        is_there = ~nw.col(f"y_{at}").is_null() & (
            ~nw.col(f"z_{at}").is_null() | ~nw.col("experiment").is_in(paired[at])
        )
        sums |= _sums(f"y_{at}", is_there) | _sums(f"z_{at}", is_there & ~nw.col(f"z_{at}").is_null())
        sums[f"product_{at}"] = (
            nw.when(is_there).then(_off(f"y_{at}") * _off(f"z_{at}")).otherwise(nw.lit(0.0)).fill_null(0.0)
        )
    return rows.with_columns(**sums), tuple(sums)


def _off(name: str) -> nw.Expr:
    return nw.col(name) - nw.col(f"centre_{name}")


def _sums(name: str, is_there: nw.Expr) -> dict[str, nw.Expr]:
    def where_there(value: nw.Expr) -> nw.Expr:
        return nw.when(is_there).then(value).otherwise(nw.lit(0.0))

    return {
        f"n_{name}": is_there.cast(nw.Int64),
        f"sum_{name}": where_there(nw.col(name)),
        f"off_{name}": where_there(_off(name)),
        f"square_{name}": where_there(_off(name) * _off(name)),
    }
