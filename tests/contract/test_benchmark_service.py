"""The benchmark `service`, tiny: both contenders answer the same, every metric can be had, and the last line says so."""

import json
import shutil

import duckdb
import pandas as pd
import pytest

from benchmarks.speed import contest, service, service_data
from benchmarks.speed.metrics import KEYS
from crmnb.engine.session import _SMALL
from crmnb.metrics.definition import family

ROWS = 95_000  # so many that tickets are taken for those of a large client


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """The file of each contender's figures."""
    folder = tmp_path_factory.mktemp("service")
    files = {name: folder / f"{name}.csv" for name in service.CONTENDERS}
    for name, to in files.items():
        assert service.main(["--contender", name, "--rows", str(ROWS), "--to", str(to)]) == 0
    return files


def test_it_ends_with_one_line_of_json_and_both_answer_the_same(answers, monkeypatch, capsys):
    def computed_before(module, *arguments):
        options = dict(zip(arguments[::2], arguments[1::2], strict=True))
        assert (module, options["--rows"]) == ("benchmarks.speed.service", str(ROWS))
        shutil.copy(answers[options["--contender"]], options["--to"])
        return {"seconds": 1.0, "cpu_seconds": 1.0, "peak_gb": 1.0 if options["--contender"] == "ours" else 2.0}

    monkeypatch.setattr(contest, "measured", computed_before)
    assert service.main(["--rows", str(ROWS)]) == 0
    shown = capsys.readouterr()
    assert not shown.err
    (line,) = shown.out.splitlines()
    report = json.loads(line)
    assert (report["benchmark"], report["tickets"], report["answers_equal"]) == ("service", ROWS, True)
    assert report["figures"] > 1000
    assert [aim["met"] for aim in report["aims"]] == [False, False, True]


def test_every_metric_of_both_families_can_be_had(answers):
    figures = pd.read_csv(answers["ours"], keep_default_na=False, na_values={"value": ""})
    known = {id_ for name in service.FAMILIES for id_ in family(name)} - service.OF_COMMENTS
    assert set(figures.loc[figures["value"].notna(), "metric"]) == known
    assert not figures.duplicated(KEYS).any()


def test_the_data_are_the_tickets_asked_for_with_every_kind_of_end():
    files = service_data.make(ROWS)
    assert files["tickets"].stat().st_size > _SMALL
    with duckdb.connect() as con:
        counts = con.execute(f"""
            select count(*), count(distinct ticket_id), count(customer_id), count(resolved_at),
                count(*) filter (where resolved_at is null and closed_at is not null),
                count(*) filter (where reopened_at > resolved_at), count(*) filter (where resolved_at is null and closed_at is null)
            from '{files["tickets"]}'""").fetchall()[0]
    assert counts[:2] == (ROWS, ROWS)
    assert ROWS > counts[2] > counts[3] > ROWS / 2
    assert all(few > 0 for few in counts[4:])
