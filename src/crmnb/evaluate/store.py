"""Store: an evaluation saved in a folder, and its results restored from there, with the points of their charts."""

import json
from dataclasses import replace
from pathlib import Path

import duckdb
import pandas as pd

from crmnb.core.notes import from_json
from crmnb.core.period import Period
from crmnb.evaluate.evaluation import Evaluation
from crmnb.evaluate.record import PARTS, write_record
from crmnb.evaluate.result import Result
from crmnb.evaluate.settings import compared_with
from crmnb.metrics.definition import Metric, family
from crmnb.metrics.measures import Measure
from crmnb.schema.client import Client


def save(
    evaluation: Evaluation, folder: Path, key: str, client: Client, period: Period, engine: duckdb.DuckDBPyConnection
) -> None:
    """Write an evaluation to an existing folder; last of all its record, without which the rest is ignored.

    key: of what it was computed from (`crmnb.run.cache_keys.evaluation_key`). engine: any connection.
    """
    for name, results in evaluation.results.items():
        rows = pd.concat([result.rows for result in results.values()], ignore_index=True)
        points = pd.concat([result.points.assign(metric=id_) for id_, result in results.items()])
        facts = {
            id_: {
                "settings": result.settings,
                "notes": [note.to_json() for note in result.notes],
                "direction": result.direction,
                "measure": result.metric.known.stored() if result.metric.known else {},
            }
            for id_, result in results.items()
        }
        write_frame(rows, folder / f"{name}.{PARTS[0]}", engine)
        write_frame(points, folder / f"{name}.{PARTS[1]}", engine)
        (folder / f"{name}.{PARTS[2]}").write_text(json.dumps(facts), encoding="utf-8")
    write_record(folder, key, client, period, list(evaluation.results))


def restore(folder: Path, family_name: str, client: Client, period: Period) -> dict[str, Result]:
    """The results of a family by metric id, as they were saved; OSError where there are none."""
    facts = json.loads((folder / f"{family_name}.{PARTS[2]}").read_text(encoding="utf-8"))
    with duckdb.connect() as con:
        rows, points = (con.read_parquet(str(folder / f"{family_name}.{part}")).df() for part in PARTS[:2])
    comparison, _ = compared_with(client, period)
    return {
        id_: Result(
            metric=_measuring(metric, facts[id_]["measure"]),
            client=client,
            period=period,
            comparison=comparison,
            rows=rows[rows["metric"] == id_].reset_index(drop=True),
            settings=facts[id_]["settings"],
            notes=tuple(map(from_json, facts[id_]["notes"])),
            direction=facts[id_]["direction"],
            points=points[points["metric"] == id_].drop(columns="metric").reset_index(drop=True),
        )
        for id_, metric in family(family_name).items()
    }


def _measuring(metric: Metric, facts: dict) -> Metric:
    """The metric with what it measured when its result was made."""
    return replace(metric, known=Measure.restored(facts)) if facts else metric


def write_frame(frame: pd.DataFrame, path: Path, engine: duckdb.DuckDBPyConnection) -> None:
    """A frame of results or points as Parquet; a figure that is not known is null there. engine: any connection."""
    figures = ", ".join(f'nullif("{c}", \'nan\'::double) as "{c}"' for c in frame.select_dtypes("float64"))
    replaced = f"* replace ({figures})" if figures else "*"
    with engine.cursor() as con:
        con.register("frame", frame)
        con.sql(f"select {replaced} from frame").write_parquet(str(path))
