"""The job that evaluates all families of a report and stores their results for the notebooks and the report."""

from typing import Any

import duckdb

from crmnb.core.folder_swap import replace_folder
from crmnb.engine.session import open_tables
from crmnb.evaluate import record, store
from crmnb.evaluate.evaluation import evaluate
from crmnb.run.cache_keys import evaluation_key
from crmnb.run.context import load_context
from crmnb.run.jobs import Interruption, StepCallback, print_fault
from crmnb.run.plan import notebook_paths, plan_families


def run_evaluation(
    project: str,
    client: str,
    period: str,
    tables: str,
    families: list[str],
    fresh: bool,
    memory: int,
    threads: int,
    on_step: StepCallback,
) -> dict[str, Any]:
    """Evaluate the families and store the results of each family completely or not at all.

    memory: limit in bytes. threads: of the engine. Returns families {name: {"title", "reuse", "reason"}}: which notebook outputs
    can be reused. A family that cannot be evaluated is left out; its notebook shows where it fails.
    """
    on_step("computing the metrics")
    context = load_context(project, client, period, tables)
    output = context.staging("evaluation")
    limits = {"threads": threads, "spill": output.with_suffix(".spill"), **({"memory": memory // 2} if memory else {})}
    session = open_tables(context.client, context.intake.tables, cutoff=context.intake.cutoff, **limits)
    try:
        evaluation = evaluate(families, session, context.period)
    except (MemoryError, duckdb.OutOfMemoryException):
        raise Interruption("computing the metrics needed more memory than the limit.") from None
    for fault in evaluation.failures.values():
        print_fault(fault)
    checksums = context.intake.checksums()
    key = evaluation_key(context.project, context.client, context.period, checksums, families)
    # Without a key the results of an incomplete evaluation serve this run and are never reused.
    store.save(evaluation, output, "" if evaluation.failures else key, context.client, context.period, session.con)
    replace_folder(output, context.evaluation)
    digests = record.digests(context.evaluation, record.key_of(context.evaluation))
    plan, _ = plan_families(context, notebook_paths(context.project, families), digests, fresh=fresh)
    return {"families": plan}
