"""Sellers: counts of what they do, in all and per seller.

Sellers are staff, and people as customers are: a figure per seller rests on the sellers, and of fewer than `suppress_below` it is hidden. It is the count of all,
which is shown, divided by their number, so what is protected is what few known colleagues do each. Single agents of the service desk are shown
under codes, as a funnel plot without them would be empty; sellers never are.
"""

import narwhals.stable.v2 as nw

from crmnb.core.notes import Note
from crmnb.engine.views import View
from crmnb.metrics import estimators
from crmnb.metrics.features.leads import own_columns
from crmnb.metrics.measures import Measure
from crmnb.schema.client import Segments

PER_SELLER = "per seller"
_COUNTED = ("num", "den", "at")


def counted_per_seller(
    table: View, name: str, events: nw.LazyFrame, at: str, sellers: nw.LazyFrame | None, *, of: str, segments: Segments
) -> Measure:
    """How many events there are, and how many per seller.

    events: rows of the table `name` with `period_id` and the time `at`. sellers: `period_id` and a row for each seller, whether there is an
    event of theirs or not; None where sellers are not known. of: what the events are.
    """
    no_time, no_exposure = nw.lit(None, nw.Datetime("us")), nw.lit(None, nw.Float64)
    own = ("customer_id", *own_columns(table, name, segments, *_COUNTED))
    there = events.collect_schema().names()
    columns = ["period_id", *(column for column in own if column in there)]

    def rows(breakdown: str, exposure: nw.Expr) -> nw.LazyFrame:
        return events.select(*columns, breakdown=nw.lit(breakdown), num=nw.lit(1), den=exposure, at=nw.col(at))

    frames = [rows("", no_exposure)]
    if sellers is not None:
        nobody = {
            column: nw.lit(None) for column in columns[1:] if column != "seller"
        }  # of the type of the events' own
        names = {"seller": nw.col("seller")} if "seller" in columns else {}
        exposed = sellers.select("period_id", **nobody, **names).select(
            *columns, breakdown=nw.lit(PER_SELLER), num=nw.lit(0), den=nw.lit(1.0), at=no_time
        )
        frames += [rows(PER_SELLER, nw.lit(0.0)), exposed]
    return Measure(
        nw.concat(frames),
        estimators.count,
        numerator=of,
        breakdown="basis",
        always=("",),
        units={PER_SELLER: "per seller"},
        base_nouns={PER_SELLER: "sellers"},
        notes=() if sellers is None else (Note("per_seller_of_all"),),
        depends_on_length=True,
    )


def led_on(days: int) -> nw.Expr:
    """Whether an activity led to a next step within so many days, to the minute."""
    minutes = (nw.col("next_step_at") - nw.col("happened_at")).dt.total_minutes()
    return (minutes <= days * 24 * 60).fill_null(False)


def active_sellers(rows: nw.LazyFrame) -> nw.LazyFrame:
    """The sellers who did something in each period. rows: what was done, with `period_id` and `seller`."""
    return rows.filter(~nw.col("seller").is_null()).select("period_id", "seller").unique()
