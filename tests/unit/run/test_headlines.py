"""The first page opens with the relationship index where the client has it, and with the declared objectives after it."""

from types import SimpleNamespace

import pytest
from synthetic import NAN, client, metric, result, row

from crmnb.run.report_job import _headlines


def of(name: str, value: float = 61.0):
    return result(
        [row(value=value, flags="" if value == value else "unavailable")],
        of=metric(id=name, opens_report=name == "relationship_index"),
    )


def report(results: list, *objectives: str) -> SimpleNamespace:
    context = SimpleNamespace(client=client().model_copy(update={"objectives": objectives}))
    families = [SimpleNamespace(results=results)]
    return SimpleNamespace(families=families, complete_families=families, context=context)


@pytest.mark.parametrize(
    ("value", "objectives", "expected"),
    [
        (70.0, ("nps", "csat"), ["relationship_index", "nps", "csat"]),
        (70.0, ("nps", "relationship_index"), ["relationship_index", "nps"]),
        (NAN, ("nps", "csat"), ["nps", "csat"]),
        (70.0, (), ["relationship_index", "csat", "nps"]),
    ],
)
def test_the_relationship_index_comes_first_where_it_has_a_value(value, objectives, expected):
    results = [of("csat"), of("nps"), of("relationship_index", value)]
    assert [tile.metric.id for tile in _headlines(report(results, *objectives))] == expected
