"""The job that evaluates all families of a report, and keeps their results for the notebooks and for the report."""

from pathlib import Path
from typing import Any

import duckdb

from crmnb.core.folder_swap import replace_folder
from crmnb.core.paths import private_folder
from crmnb.core.period import Period
from crmnb.engine.session import open_tables
from crmnb.evaluate import record, store
from crmnb.evaluate.evaluation import evaluate
from crmnb.run.cache_keys import evaluation_key
from crmnb.run.jobs import Interrupted, Say, print_fault
from crmnb.run.plan import notebooks_of, reusable
from crmnb.run.store import STAGING, evaluation_of, intake_of, parameters_of
from crmnb.schema.client import load_client


def run_evaluation(
    project: str,
    client: str,
    period: str,
    tables: str,
    families: list[str],
    fresh: bool,
    memory: int,
    threads: int,
    say: Say,
) -> dict[str, Any]:
    """Evaluate the families and keep the results, of which none is written where it would be half of them.

    memory: bytes that may be used. threads: of the engine. Gives families {name: {"title", "reuse", "why"}}: what of the
    notebooks' outputs can be used again. A family that cannot be evaluated is left out; its notebook shows where it fails.
    """
    say("computing the metrics")
    root, private = Path(project), private_folder(Path(project), client)
    who = load_client(client, parameters_of(private))
    taken = intake_of(Path(tables))
    when = Period.parse(period, who.fiscal_year_starts).observe(taken.data_from, taken.cutoff)
    made = private / STAGING / "evaluation"
    made.mkdir(parents=True)
    limits = {"threads": threads, "spill": made.with_suffix(".spill"), **({"memory": memory // 2} if memory else {})}
    opened = open_tables(who, taken.tables, cutoff=taken.cutoff, **limits)
    try:
        evaluation = evaluate(families, opened, when)
    except (MemoryError, duckdb.OutOfMemoryException):
        raise Interrupted("computing the metrics needed more memory than it may take.") from None
    for fault in evaluation.failures.values():
        print_fault(fault)
    key = evaluation_key(root, who, when, taken.checksums(), families)
    store.save(evaluation, made, "" if evaluation.failures else key, who, when, opened.con)
    results = evaluation_of(private, when.label)
    replace_folder(made, results)
    digests = record.digests(results, record.key_of(results))
    plan, _ = reusable(root, who, private, when, taken, notebooks_of(root, families), digests, fresh)
    return {"families": plan}
