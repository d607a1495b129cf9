"""The engine's reduction of rows made by hand."""

from pathlib import Path

import narwhals.stable.v2 as nw
import pandas as pd

from crmnb.engine.evidence import PERIOD, Evidence, Segmentation
from crmnb.engine.reduce import Sample, reduce_moments
from crmnb.engine.session import in_memory
from crmnb.schema.client import Client


def tables():
    return in_memory(Client(id="harbour", folder=Path(), name="Harbour", currency="GBP", sources={}, tables={}), {})


def evidence_in(opened, windows: dict[str, pd.DataFrame], types: dict[str, str]) -> Evidence:
    """The windows' rows as evidence; `types` casts a column first."""
    rows = []
    for place, (win, frame) in enumerate(windows.items()):
        opened.con.register(f"{win}_given", frame)
        casts = ", ".join(f'"{name}"::{type_} as "{name}"' for name, type_ in types.items())
        replace = f" replace ({casts})" if casts else ""
        opened.con.execute(f'create or replace table "{win}_rows" as select *{replace} from "{win}_given"')
        rows.append(f'select *, {place}::utinyint as {PERIOD} from "{win}_rows"')
    every = nw.from_native(opened.con.sql(" union all by name ".join(rows)))
    return Evidence.of(every, dict(enumerate(windows)))


def reduced(now: pd.DataFrame, before: pd.DataFrame | None = None, *, by="", levels=None, once=False, types=None):
    """`reduce_moments` of the rows: whole, by a column that they carry (`by`), or by `levels` of customers."""
    opened = tables()
    evidence = evidence_in(opened, {"current": now} | ({} if before is None else {"comparison": before}), types or {})
    segmentations = [Segmentation(by, own=f'"{by}"::varchar')] if by and levels is None else []
    if levels is not None:
        opened.con.register("levels_given", levels)
        opened.con.execute("create table levels as select * from levels_given")
        segmentations = [Segmentation(by, levels="levels")]
    found = reduce_moments(opened.con, [Sample(evidence, once)], segmentations)[0]
    return found[found["segment"] == by].reset_index(drop=True)
