"""The benchmark `engagement`, tiny: both contenders answer the same, every metric of e-mails and sessions can be had, and the last line says so."""

import json
import shutil

import duckdb
import pandas as pd
import pytest

from benchmarks.speed import contest, engagement, engagement_data
from benchmarks.speed.metrics import KEYS
from crmnb.metrics.definition import family

ROWS = 40_000


@pytest.fixture(scope="module")
def answers(tmp_path_factory):
    """The file of each contender's figures."""
    folder = tmp_path_factory.mktemp("engagement")
    files = {name: folder / f"{name}.csv" for name in engagement.CONTENDERS}
    for name, to in files.items():
        assert engagement.main(["--contender", name, "--rows", str(ROWS), "--to", str(to)]) == 0
    return files


def test_it_ends_with_one_line_of_json_and_both_answer_the_same(answers, monkeypatch, capsys):
    def computed_before(module, *arguments):
        options = dict(zip(arguments[::2], arguments[1::2], strict=True))
        assert (module, options["--rows"]) == ("benchmarks.speed.engagement", str(ROWS))
        shutil.copy(answers[options["--contender"]], options["--to"])
        return {"seconds": 1.0, "cpu_seconds": 1.0, "peak_gb": 1.0 if options["--contender"] == "ours" else 2.0}

    monkeypatch.setattr(contest, "measured", computed_before)
    assert engagement.main(["--rows", str(ROWS)]) == 0
    shown = capsys.readouterr()
    assert not shown.err
    (line,) = shown.out.splitlines()
    report = json.loads(line)
    assert (report["benchmark"], report["emails"], report["answers_equal"]) == ("engagement", ROWS, True)
    assert report["figures"] > 500
    assert [aim["met"] for aim in report["aims"]] == [False, False, True]


def test_every_metric_of_e_mails_and_sessions_can_be_had(answers):
    figures = pd.read_csv(answers["ours"], keep_default_na=False, na_values={"value": ""})
    known = {metric.id for metric in family("engagement").values() if {*metric.reads} <= {*engagement.TABLES}}
    assert len(known) >= 14
    assert set(figures.loc[figures["value"].notna(), "metric"]) == known
    assert not figures.duplicated(KEYS).any()


def test_the_data_are_the_rows_asked_for_with_every_kind_of_end():
    files = engagement_data.make(ROWS)
    with duckdb.connect() as con:
        sends = con.execute(f"""
            select count(*), count(distinct send_id), count(*) filter (where delivered is null), count(*) filter (where not delivered),
                count(*) filter (where machine_open), count(clicked_at), count(unsubscribed_at), count(experiment)
            from '{files["sends"]}'""").fetchall()[0]
        visits = con.execute(f"""
            select count(*), count(customer_id), count(*) filter (where seconds is null), count(*) filter (where seconds = 0 and pages = 1),
                count(*) filter (where pages is null), count(*) filter (where source is null)
            from '{files["visits"]}'""").fetchall()[0]
    assert sends[:2] == (ROWS, ROWS)
    assert visits[0] == ROWS
    assert all(0 < few < ROWS for few in (*sends[2:], *visits[1:]))
